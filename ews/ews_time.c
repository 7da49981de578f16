/* Times and dates as Exchange writes them.  See ews_time.h.
 *
 * A birthday is a day, but Exchange keeps a moment.  Older Outlook wrote midnight in the user's
 * zone; newer ones write 11:59 UTC, which is the same day from UTC-11:59 to UTC+12.  Rounding the
 * moment to the nearest midnight, noon counting down, gives the day in both cases, except in
 * zones beyond UTC+12; there the property that holds the day without a zone decides. */
#include "ews/ews_time.h"

#include <string.h>
#include <time.h>

#define NS   INT64_C(1000000000)
#define MIN  INT64_C(60)
#define HOUR (60 * MIN)
#define DAY  (24 * HOUR)

/* Reads exactly `digits` digits; false when there are fewer. */
static bool take_number(const char **s, int digits, int *out)
{
	*out = 0;
	for (int i = 0; i < digits; i++, (*s)++) {
		if (**s < '0' || **s > '9')
			return false;
		*out = *out * 10 + (**s - '0');
	}
	return true;
}

static bool take_char(const char **s, char c)
{
	if (**s != c)
		return false;
	(*s)++;
	return true;
}

/* Any number of digits after a dot or comma; the first nine count. */
static int64_t take_fraction(const char **s)
{
	int64_t fraction = 0, unit = NS / 10;

	if (!take_char(s, '.') && !take_char(s, ','))
		return 0;
	for (; **s >= '0' && **s <= '9'; (*s)++, unit /= 10)
		fraction += (**s - '0') * unit;
	return fraction;
}

/* "Z", "+02:00", "-0530" or nothing, in seconds east of UTC. */
static bool take_offset(const char **s, int64_t *seconds)
{
	int sign = **s == '-' ? -1 : 1, hours, minutes;

	*seconds = 0;
	if (take_char(s, 'Z') || take_char(s, 'z') || (**s != '+' && **s != '-'))
		return true;
	(*s)++;
	if (!take_number(s, 2, &hours))
		return false;
	take_char(s, ':');
	if (!take_number(s, 2, &minutes))
		return false;
	*seconds = sign * (hours * HOUR + minutes * MIN);
	return true;
}

/* Seconds since the epoch (of any year) and the fraction of the second in ns. */
static bool parse(const char *text, int64_t *seconds, int64_t *fraction)
{
	const char *s = text ? text + strspn(text, " \t\r\n") : "";
	struct tm tm = { 0 };
	int64_t offset;
	int year, month;

	*fraction = 0;
	if (!take_number(&s, 4, &year) || !take_char(&s, '-') || !take_number(&s, 2, &month) ||
		!take_char(&s, '-') || !take_number(&s, 2, &tm.tm_mday))
		return false;
	if (take_char(&s, 'T') || take_char(&s, 't')) {
		if (!take_number(&s, 2, &tm.tm_hour) || !take_char(&s, ':') ||
			!take_number(&s, 2, &tm.tm_min))
			return false;
		if (take_char(&s, ':') && !take_number(&s, 2, &tm.tm_sec))
			return false;
		*fraction = take_fraction(&s);
	}
	if (!take_offset(&s, &offset) || month < 1 || month > 12 || tm.tm_mday < 1 ||
		tm.tm_mday > 31 || tm.tm_hour > 24 || tm.tm_min > 59 || tm.tm_sec > 60)
		return false;
	tm.tm_year = year - 1900;
	tm.tm_mon = month - 1;
	*seconds = (int64_t)timegm(&tm) - offset;
	return true;
}

bool ews_time_parse(const char *text, int64_t *ns)
{
	int64_t seconds, fraction;

	/* Years before 1678 and after 2261 do not fit into ns. */
	return parse(text, &seconds, &fraction) && !__builtin_mul_overflow(seconds, NS, ns) &&
	       !__builtin_add_overflow(*ns, fraction, ns);
}

bool ews_time_seconds(const char *text, int64_t *seconds)
{
	int64_t fraction;

	return parse(text, seconds, &fraction);
}

/* Can `stored` be the moment that a client wrote together with midnight `local`?  Zones are
 * quarters of an hour away from UTC, from -12:00 to +14:00. */
static bool belong_together(int64_t stored, int64_t local)
{
	int64_t apart = stored - local;

	return apart == 12 * HOUR - MIN ||
	       (apart % (15 * MIN) == 0 && apart >= -14 * HOUR && apart <= 12 * HOUR);
}

bool ews_date_read(const char *stored, const char *local, char date[EWS_DATE_LEN])
{
	int64_t moment, midnight, fraction;
	struct tm tm;
	time_t day;

	if (!parse(stored, &moment, &fraction))
		return false;
	if (parse(local, &midnight, &fraction) && belong_together(moment, midnight))
		moment = midnight;
	day = moment + 12 * HOUR - 1;
	if (!gmtime_r(&day, &tm) || tm.tm_year + 1900 >= 4500 || tm.tm_year + 1900 < 1)
		return false;
	return strftime(date, EWS_DATE_LEN, "%Y-%m-%d", &tm) == EWS_DATE_LEN - 1;
}
