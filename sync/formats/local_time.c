/* Times of JSCalendar.  Zones come from ICU, which carries the IANA database. */
#include "sync/formats/local_time.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unicode/ucal.h>
#include <unicode/ustring.h>

#include "sync/mem.h"

#define MINUTE 60
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)
#define WEEK   (7 * DAY)

/* ---- text -------------------------------------------------------------------------------------- */

/* `n` digits at *at. */
static bool digits(const char **at, int n, int *out)
{
	*out = 0;
	for (; n; n--, (*at)++) {
		if (!isdigit((unsigned char)**at))
			return false;
		*out = *out * 10 + (**at - '0');
	}
	return true;
}

bool local_time_parse(const char *text, int64_t *seconds)
{
	static const char separators[] = "--T::";
	const char *at = text;
	struct tm tm = { 0 };
	int part[6];

	for (int i = 0; i < 6; i++) {
		if (!digits(&at, i ? 2 : 4, &part[i]))
			return false;
		if (i < 5 && *at++ != separators[i])
			return false;
	}
	if (*at == '.')
		at += 1 + strspn(at + 1, "0123456789");
	at += *at == 'Z';
	if (*at || part[1] < 1 || part[1] > 12 || part[2] < 1 || part[2] > 31 || part[3] > 23 ||
		part[4] > 59 || part[5] > 60)
		return false;
	tm = (struct tm){ .tm_year = part[0] - 1900,
		.tm_mon = part[1] - 1,
		.tm_mday = part[2],
		.tm_hour = part[3],
		.tm_min = part[4],
		.tm_sec = part[5] };
	*seconds = (int64_t)timegm(&tm);
	return tm.tm_mday == part[2]; /* no February 30 */
}

void local_time_format(int64_t seconds, char out[LOCAL_TIME_MAX])
{
	time_t t = (time_t)seconds;
	struct tm tm;

	if (!gmtime_r(&t, &tm) || tm.tm_year > 9999 - 1900 || tm.tm_year < -1900)
		gmtime_r(&(time_t){ 0 }, &tm);
	snprintf(out, LOCAL_TIME_MAX, "%04d-%02d-%02dT%02d:%02d:%02d", tm.tm_year + 1900,
		tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

/* ---- zones ------------------------------------------------------------------------------------- */

/* NULL when the database has no such zone: ICU itself would take GMT for it. */
static UCalendar *open_zone(const char *zone)
{
	UErrorCode status = U_ZERO_ERROR;
	UChar id[128], canonical[128];
	UBool known = 0;
	UCalendar *calendar;

	if (!zone || strlen(zone) >= ARRAY_SIZE(id))
		return NULL;
	u_uastrcpy(id, zone);
	ucal_getCanonicalTimeZoneID(id, -1, canonical, ARRAY_SIZE(canonical), &known, &status);
	if (U_FAILURE(status) || !known)
		return NULL;
	calendar = ucal_open(id, -1, "en_US", UCAL_GREGORIAN, &status);
	if (U_FAILURE(status))
		return NULL;
	/* The calendar that ISO 8601 goes by, also before 1582. */
	ucal_setGregorianChange(calendar, -1e15, &status);
	ucal_setAttribute(calendar, UCAL_REPEATED_WALL_TIME, UCAL_WALLTIME_FIRST);
	ucal_setAttribute(calendar, UCAL_SKIPPED_WALL_TIME, UCAL_WALLTIME_LAST);
	return calendar;
}

bool local_time_to_utc(int64_t local, const char *zone, int64_t *utc)
{
	UErrorCode status = U_ZERO_ERROR;
	UCalendar *calendar = open_zone(zone);
	time_t t = (time_t)local;
	struct tm tm;

	if (!calendar)
		return false;
	if (!gmtime_r(&t, &tm)) {
		ucal_close(calendar);
		return false;
	}
	ucal_clear(calendar);
	ucal_setDateTime(calendar, tm.tm_year + 1900, tm.tm_mon, tm.tm_mday, tm.tm_hour, tm.tm_min,
		tm.tm_sec, &status);
	*utc = (int64_t)(ucal_getMillis(calendar, &status) / 1000);
	ucal_close(calendar);
	return U_SUCCESS(status);
}

bool local_time_from_utc(int64_t utc, const char *zone, int64_t *local)
{
	UErrorCode status = U_ZERO_ERROR;
	UCalendar *calendar = open_zone(zone);
	int32_t offset;

	if (!calendar)
		return false;
	ucal_setMillis(calendar, (double)utc * 1000, &status);
	offset = ucal_get(calendar, UCAL_ZONE_OFFSET, &status) +
		 ucal_get(calendar, UCAL_DST_OFFSET, &status);
	*local = utc + offset / 1000;
	ucal_close(calendar);
	return U_SUCCESS(status);
}

/* ---- durations --------------------------------------------------------------------------------- */

bool duration_parse(const char *text, int64_t *seconds)
{
	static const struct {
		char unit;
		bool time;
		int64_t seconds;
	} units[] = { { 'W', false, WEEK }, { 'D', false, DAY }, { 'H', true, HOUR },
		{ 'M', true, MINUTE }, { 'S', true, 1 } };
	bool time = false, any = false, negative = *text == '-';
	size_t next = 0;

	*seconds = 0;
	text += negative || *text == '+';
	if (*text++ != 'P')
		return false;
	while (*text) {
		int64_t n = 0;

		if (*text == 'T' && !time) {
			time = true;
			text++;
		}
		if (!isdigit((unsigned char)*text))
			return false;
		for (; isdigit((unsigned char)*text) && n < INT32_MAX; text++)
			n = n * 10 + (*text - '0');
		while (next < ARRAY_SIZE(units) &&
			(units[next].unit != *text || units[next].time != time))
			next++;
		if (next == ARRAY_SIZE(units))
			return false;
		*seconds += n * units[next++].seconds;
		any = true;
		text++;
	}
	if (negative)
		*seconds = -*seconds;
	return any;
}

void duration_format(int64_t seconds, char out[LOCAL_TIME_MAX])
{
	const char *sign = seconds < 0 ? "-" : "";
	uint64_t left = seconds < 0 ? -(uint64_t)seconds : (uint64_t)seconds;
	size_t at;

	if (left && left % WEEK == 0) {
		snprintf(out, LOCAL_TIME_MAX, "%sP%lluW", sign, (unsigned long long)(left / WEEK));
		return;
	}
	at = (size_t)snprintf(out, LOCAL_TIME_MAX, "%sP", sign);
	if (left >= DAY)
		at += (size_t)snprintf(
			out + at, LOCAL_TIME_MAX - at, "%lluD", (unsigned long long)(left / DAY));
	left %= DAY;
	if (left || out[at - 1] == 'P')
		at += (size_t)snprintf(out + at, LOCAL_TIME_MAX - at, "T");
	if (left / HOUR)
		at += (size_t)snprintf(out + at, LOCAL_TIME_MAX - at, "%dH", (int)(left / HOUR));
	if (left % HOUR / MINUTE)
		at += (size_t)snprintf(
			out + at, LOCAL_TIME_MAX - at, "%dM", (int)(left % HOUR / MINUTE));
	if (left % MINUTE || out[at - 1] == 'T')
		snprintf(out + at, LOCAL_TIME_MAX - at, "%dS", (int)(left % MINUTE));
}
