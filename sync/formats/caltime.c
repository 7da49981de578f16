/* Calendar arithmetic on numbers.  See caltime.h. */
#include "sync/formats/caltime.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define LIMIT (INT64_C(1) << 40) /* of a part of a duration: 30,000 years in seconds */

bool caltime_is_date(int year, int month, int day)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	if (year < 1 || year > 9999 || month < 1 || month > 12 || day < 1)
		return false;
	return day <= days[month - 1] + (month == 2 && leap ? 1 : 0);
}

/* Days before March 1st of the year, counted from 0000-03-01: leap days come last in such years. */
int64_t caltime_days(int year, int month, int day)
{
	int y = month <= 2 ? year - 1 : year;
	int m = (month + 9) % 12;

	return 365 * (int64_t)y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - 719468;
}

static int64_t floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

struct caltime_date caltime_date_of(int64_t seconds)
{
	int64_t z = floor_div(seconds, CALTIME_DAY) + 719468;
	int64_t era = floor_div(z, 146097);
	int64_t doe = z - era * 146097;
	int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	int64_t mp = (5 * doy + 2) / 153;
	struct caltime_date date = {
		.month = (int)(mp < 10 ? mp + 3 : mp - 9),
		.day = (int)(doy - (153 * mp + 2) / 5 + 1),
	};

	date.year = (int)(yoe + era * 400 + (date.month <= 2));
	return date;
}

int caltime_of_day(int64_t seconds)
{
	return (int)(seconds - floor_div(seconds, CALTIME_DAY) * CALTIME_DAY);
}

int caltime_weekday(int64_t seconds)
{
	int64_t days = floor_div(seconds, CALTIME_DAY) + 4;

	return (int)(days - floor_div(days, 7) * 7);
}

/* --- date-times ------------------------------------------------------------------------------- */

static int number(const char *digits, int n)
{
	int value = 0;

	for (int i = 0; i < n; i++)
		value = value * 10 + (digits[i] - '0');
	return value;
}

static bool read_time(const char *text, const char *end, int64_t *seconds)
{
	static const char form[] = "dddd-dd-ddTdd:dd:dd";
	size_t n = sizeof(form) - 1;
	int second;

	for (size_t i = 0; i < n; i++) {
		if (form[i] == 'd' ? !isdigit((unsigned char)text[i]) : text[i] != form[i])
			return false;
	}
	if (text[n] == '.' && isdigit((unsigned char)text[n + 1]))
		n += 1 + strspn(text + n + 1, "0123456789");
	second = number(text + 17, 2);
	if (strcmp(text + n, end) != 0 ||
		!caltime_is_date(number(text, 4), number(text + 5, 2), number(text + 8, 2)) ||
		number(text + 11, 2) > 23 || number(text + 14, 2) > 59 || second > 60)
		return false;
	*seconds = caltime_days(number(text, 4), number(text + 5, 2), number(text + 8, 2)) *
			   CALTIME_DAY +
		   number(text + 11, 2) * 3600 + number(text + 14, 2) * 60 +
		   (second == 60 ? 59 : second);
	return true;
}

bool caltime_read_local(const char *text, int64_t *seconds)
{
	return text && read_time(text, "", seconds);
}

bool caltime_read_utc(const char *text, int64_t *seconds)
{
	return text && read_time(text, "Z", seconds);
}

static void write_time(int64_t seconds, const char *end, char out[CALTIME_SIZE])
{
	struct caltime_date date;
	unsigned int time;

	seconds = seconds < CALTIME_MIN	  ? CALTIME_MIN
		  : seconds > CALTIME_MAX ? CALTIME_MAX
					  : seconds;
	date = caltime_date_of(seconds);
	time = (unsigned int)caltime_of_day(seconds);
	snprintf(out, CALTIME_SIZE, "%04u-%02u-%02uT%02u:%02u:%02u%s",
		(unsigned int)date.year % 10000, (unsigned int)date.month % 100,
		(unsigned int)date.day % 100, time / 3600 % 24, time / 60 % 60, time % 60, end);
}

void caltime_write_local(int64_t seconds, char out[CALTIME_SIZE])
{
	write_time(seconds, "", out);
}

void caltime_write_utc(int64_t seconds, char out[CALTIME_SIZE])
{
	write_time(seconds, "Z", out);
}

/* --- durations -------------------------------------------------------------------------------- */

/* Reads "12H" and the like as long as the units come in the order of `units`. */
static bool read_parts(const char **p, const char *units, const int64_t *factors, int64_t *sum)
{
	bool some = false;

	while (isdigit((unsigned char)**p)) {
		int64_t value = 0;
		const char *unit;

		for (; isdigit((unsigned char)**p); (*p)++) {
			value = value * 10 + (**p - '0');
			if (value > LIMIT)
				return false;
		}
		if (**p == '.' && isdigit((unsigned char)(*p)[1])) /* fractions of a second */
			*p += 1 + strspn(*p + 1, "0123456789");
		unit = **p ? strchr(units, **p) : NULL;
		if (!unit)
			return false;
		factors += unit - units;
		*sum += value * *factors;
		factors++;
		units = unit + 1;
		(*p)++;
		some = true;
		if (*sum > LIMIT)
			return false;
	}
	return some;
}

bool caltime_read_duration(const char *text, struct caltime_duration *duration)
{
	static const int64_t day_factors[] = { 7, 1 };
	static const int64_t time_factors[] = { 3600, 60, 1 };
	struct caltime_duration d = { 0 };
	bool negative = text && *text == '-';
	bool some;

	if (!text)
		return false;
	text += *text == '-' || *text == '+';
	if (*text++ != 'P')
		return false;
	some = read_parts(&text, "WD", day_factors, &d.days);
	if (*text == 'T') {
		text++;
		if (!read_parts(&text, "HMS", time_factors, &d.seconds))
			return false;
		some = true;
	}
	if (!some || *text)
		return false;
	*duration = negative ? (struct caltime_duration){ -d.days, -d.seconds } : d;
	return true;
}

void caltime_write_duration(struct caltime_duration d, char out[48])
{
	bool negative = d.days < 0 || d.seconds < 0;
	int64_t days = negative ? -d.days : d.days;
	int64_t seconds = negative ? -d.seconds : d.seconds;
	char *p = out;
	char *end = out + 48;

	p += snprintf(p, (size_t)(end - p), "%sP", negative ? "-" : "");
	if (days && !seconds && days % 7 == 0)
		p += snprintf(p, (size_t)(end - p), "%" PRId64 "W", days / 7);
	else if (days)
		p += snprintf(p, (size_t)(end - p), "%" PRId64 "D", days);
	if (seconds || !days)
		p += snprintf(p, (size_t)(end - p), "T");
	if (seconds >= 3600)
		p += snprintf(p, (size_t)(end - p), "%" PRId64 "H", seconds / 3600);
	if (seconds / 60 % 60)
		p += snprintf(p, (size_t)(end - p), "%" PRId64 "M", seconds / 60 % 60);
	if (seconds % 60 || (!seconds && !days))
		snprintf(p, (size_t)(end - p), "%" PRId64 "S", seconds % 60);
}
