/* Times as JSCalendar writes them (RFC 8984, 1.4): LocalDateTime, UTCDateTime, Duration, and the way
 * between the clock of a time zone and UTC.
 *
 * A local time is held as the seconds that a clock in UTC would have counted when it showed it, so that
 * both kinds are int64_t and differ by the zone's offset. */
#ifndef SYNC_FORMATS_LOCAL_TIME_H
#define SYNC_FORMATS_LOCAL_TIME_H

#include <stdbool.h>
#include <stdint.h>

#define LOCAL_TIME_MAX 40 /* bytes of any text below */

/* "2026-11-22T10:00:00", with or without a "Z"; a fraction of a second is dropped. */
bool local_time_parse(const char *text, int64_t *seconds);
/* Without a "Z". */
void local_time_format(int64_t seconds, char out[LOCAL_TIME_MAX]);

/* In a zone of the IANA database.  A time that the zone's clock shows twice is the first of the two,
 * one that it skips is read with the offset before the gap (RFC 5545, 3.3.5).  False: no such zone. */
bool local_time_to_utc(int64_t local, const char *zone, int64_t *utc);
bool local_time_from_utc(int64_t utc, const char *zone, int64_t *local);

/* "P1DT2H30M", "-PT15M" ...; weeks and days are 7 and 1 times 24 hours. */
bool duration_parse(const char *text, int64_t *seconds);
/* "P1D", "PT1H30M", "PT0S": days are the largest unit, but for whole weeks. */
void duration_format(int64_t seconds, char out[LOCAL_TIME_MAX]);

#endif
