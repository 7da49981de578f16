/* Local and UTC date-times and durations of JSCalendar (RFC 8984 section 1.4) as numbers.
 *
 * A local date-time is held as the seconds from 1970-01-01T00:00:00 to it on the clock on the wall,
 * as if there were no zones; a UTC date-time as seconds since the epoch.  Both are int64_t; years
 * 1 to 9999, proleptic Gregorian, no leap seconds (":60" is read as ":59"). */
#ifndef SYNC_FORMATS_CALTIME_H
#define SYNC_FORMATS_CALTIME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CALTIME_DAY  86400
#define CALTIME_SIZE 24			   /* "2026-11-22T10:00:00Z" and its NUL */
#define CALTIME_MIN  INT64_C(-62135596800) /* 0001-01-01T00:00:00 */
#define CALTIME_MAX  INT64_C(253402300799) /* 9999-12-31T23:59:59 */

struct caltime_date {
	int year;
	int month; /* 1 to 12 */
	int day;   /* 1 to 31 */
};

bool caltime_is_date(int year, int month, int day);
/* Days since 1970-01-01; the date must be one. */
int64_t caltime_days(int year, int month, int day);
struct caltime_date caltime_date_of(int64_t seconds);
/* Seconds since midnight. */
int caltime_of_day(int64_t seconds);
/* 0 is Sunday. */
int caltime_weekday(int64_t seconds);

/* "2026-11-22T10:00:00" without and with 'Z'; false when it is no such date-time. Fractions of a
 * second are cut. */
bool caltime_read_local(const char *text, int64_t *seconds);
bool caltime_read_utc(const char *text, int64_t *seconds);
void caltime_write_local(int64_t seconds, char out[CALTIME_SIZE]);
void caltime_write_utc(int64_t seconds, char out[CALTIME_SIZE]);

/* A duration: days are nominal (the same time on another day), seconds exact; both have one sign. */
struct caltime_duration {
	int64_t days;
	int64_t seconds;
};

/* "PT1H30M", "P1D", "-P2W", "P1DT12H"; "+" is read. */
bool caltime_read_duration(const char *text, struct caltime_duration *duration);
/* The canonical form: whole weeks as "P2W" when there is nothing else, hours beyond 24 stay hours,
 * "PT0S" for none. */
void caltime_write_duration(struct caltime_duration duration, char out[48]);

#endif
