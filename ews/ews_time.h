/* Times and dates as Exchange writes them. */
#ifndef EWS_EWS_TIME_H
#define EWS_EWS_TIME_H

#include <stdbool.h>
#include <stdint.h>

/* "2026-02-03T04:05:06.1234567Z" to ns since the epoch: any number of fractional digits, any
 * offset or none (taken as UTC), a time that is missing (midnight).  False when it is no time. */
bool ews_time_parse(const char *text, int64_t *ns);

/* The same in seconds, for any year; fractions are cut. */
bool ews_time_seconds(const char *text, int64_t *seconds);

/* Room for "YYYY-MM-DD" of a four-digit year and its NUL. */
#define EWS_DATE_LEN 11

/* The day that a birthday or anniversary means (MS-OXOCNTC 2.2.1.5).  `stored` is PidTagBirthday as
 * EWS shows it: midnight of the user's zone in UTC, or 11:59 UTC.  `local` is PidLidBirthdayLocal,
 * midnight without a zone, or NULL; it decides unless someone changed `stored` alone.  False when
 * there is no date (none, or Exchange's "none": the year 4501). */
bool ews_date_read(const char *stored, const char *local, char date[EWS_DATE_LEN]);

#endif
