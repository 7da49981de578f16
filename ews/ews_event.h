/* Calendar items: what stands in Exchange otherwise than in the hub's fields, and series.
 *
 * The hub's fields of an event say when it is as RFC 8984 does: Start is a local time, TimeZone the
 * IANA name of its zone, Duration a duration.  On the wire Start and Duration are instants (the
 * latter in <t:End>) and TimeZone is Windows' name.  An all-day event begins and ends at midnight of
 * its own zone. */
#ifndef EWS_EWS_EVENT_H
#define EWS_EWS_EVENT_H

#include <jansson.h>
#include <libxml/tree.h>

#include "ews/ews_private.h"
#include "sync/error.h"
#include "sync/formats/zone.h"

/* A member of wire fields: the day on which the item begins in its zone. */
#define EWS_START_DATE "@StartDate"
/* A member of wire fields as they were read: see ews_zone_rules(). */
#define EWS_ZONE_RULES "@ZoneRules"
/* The row of modified and deleted occurrences, a key each: an object of the fields that differ (null
 * for those that are empty), or { "excluded": true }. */
#define EWS_OVERRIDES "Overrides"

/* The rows in which an occurrence can differ from its series. */
#define EWS_OCCURRENCE_ROWS 10
extern const char *const ews_occurrence_rows[EWS_OCCURRENCE_ROWS];

/* New object: the fields as they are written.  Without a TimeZone the zone is `zone`.  ERR_INVALID
 * when a time is none or Exchange knows no name for the zone. */
int ews_event_to_wire(struct zones *zones, const char *zone, const json_t *fields, json_t **wire,
	struct error *err);
/* Can Exchange hold a series at these times?  0, or ERR_INVALID with the reason. */
int ews_event_check(const json_t *doc, struct error *err);
/* Makes fields as they were read the hub's.  False when nobody knows the zone: then it is UTC.  So it is
 * for what begins when a clock shows a time for the second time: no local time of the zone says that. */
bool ews_event_from_wire(struct zones *zones, json_t *fields);
/* What begins in one zone as another one's clock shows it: an exception may have a zone of its own. */
void ews_event_to_zone(struct zones *zones, json_t *fields, const char *zone);

/* The rules that a <t:StartTimeZone> ends with, new: its one offset, or the two changes of a year; NULL
 * when it has none, or they are of another kind. */
json_t *ews_zone_rules(const xmlNode *zone);
/* The zone of the tz database that has these rules at the time of an event. */
bool ews_zone_match(struct zones *zones, const json_t *rules, int64_t around, char iana[ZONE_NAME]);

#endif
