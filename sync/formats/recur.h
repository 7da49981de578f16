/* Recurrence: the RecurrenceRule of JSCalendar (RFC 8984 section 4.3.3), its iCalendar text (RECUR,
 * RFC 5545 section 3.3.10), and the occurrences of a series. */
#ifndef SYNC_FORMATS_RECUR_H
#define SYNC_FORMATS_RECUR_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "sync/buf.h"
#include "sync/error.h"

/* More steps of a rule than this are not taken. */
#define RECUR_MAX_STEPS 100000

/* "FREQ=WEEKLY;BYDAY=MO" as a new RecurrenceRule without `until`; *until is the text of UNTIL (to be
 * freed) or NULL.  ERR_INVALID names the part. */
int recur_read(const char *text, json_t **rule, char **until, struct error *err);

/* Adds the rule as RECUR, UNTIL being this text (NULL: none).  The rule is one that recur_check took;
 * of any other the parts of a wrong shape are left out. */
void recur_write(const json_t *rule, const char *until, struct buf *out);

/* ERR_INVALID names the member that is wrong: "byDay/0/day: must be ...". */
int recur_check(const json_t *rule, struct error *err);

/* The occurrences of a document: `start` first (RFC 8984 section 4.3.3.1), then what the rules make,
 * in order, without what excludedRecurrenceRules make and without overrides that are excluded, with
 * those that an override adds.  An occurrence is told by its key, the local time in the event's zone
 * at which the series has it; what a patch moves keeps its key. */
struct recur;

/* NULL when the document has no start, or has a rule that cannot be walked: SECONDLY to HOURLY, or what
 * libical does not do (recur.c). */
struct recur *recur_open(const json_t *doc);
/* The same without any override: what the rules alone make. */
struct recur *recur_open_rules(const json_t *doc);
/* False at the end, and after RECUR_MAX_STEPS. */
bool recur_next(struct recur *recur, int64_t *local);
void recur_close(struct recur *recur);

/* Do the rules alone make this occurrence?  True also where the rules cannot be walked. */
bool recur_has(const json_t *doc, int64_t local);

/* False when a rule that starts at this local time never makes anything but, it may be, the start.  The
 * rule is one that recur_check took. */
bool recur_comes(const json_t *rule, int64_t start);

/* Names of weekdays, 0 is Sunday: "su"; -1 when it is none. */
const char *recur_day(int weekday);
int recur_weekday(const char *day, size_t len);

#endif
