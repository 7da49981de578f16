/* Events and tasks: JSCalendar (RFC 8984) as the hub holds it, and the field types for its places.
 *
 * One document is one series: an Event or a Task with recurrenceRules and recurrenceOverrides.
 *
 *   @type "Event" or "Task", uid, title, description (text), sequence, created, updated (UTC)
 *   start            local time; absent in a task without one
 *   timeZone         name of the tz database; absent: floating.  UTC is "Etc/UTC"
 *   showWithoutTime  true: all day; start at T00:00:00, whole days
 *   duration         (Event) "PT1H" exact, "P1D" nominal; absent: none
 *   due              (Task) local time in timeZone
 *   locations        {"1": {"@type":"Location","name":...}}; an end in another zone than the start is
 *                    {"end": {"@type":"Location","relativeTo":"end","timeZone":...}}
 *   virtualLocations {"1": {"@type":"VirtualLocation","uri":..., "name":...}}
 *   freeBusyStatus   "free", "busy", "microsoft.com:tentative", "microsoft.com:oof",
 *                    "microsoft.com:workingElsewhere"
 *   privacy          absent (public), "private", "secret", "microsoft.com:personal", or another word:
 *                    anything but public is private
 *   priority         1 (high) to 9 (low), 5 normal; absent: none
 *   status           (Event) "confirmed", "tentative", "cancelled"
 *   progress         (Task) "needs-action", "in-process", "completed", "failed", "cancelled",
 *                    "microsoft.com:waiting", "microsoft.com:deferred"
 *   percentComplete, progressUpdated (Task) 0 to 100; UTC, when it was completed
 *   keywords         {"category": true}
 *   alerts           {"1": {"@type":"Alert","action":"display","trigger": OffsetTrigger or
 *                    AbsoluteTrigger}}
 *   replyTo          {"imip": "mailto:..."}: the organizer
 *   participants     by address (without "mailto:", lower case) or other URI:
 *                    {"@type":"Participant","name","email","sendTo":{"imip":...},"kind","roles",
 *                    "participationStatus","expectReply"}; roles {"owner","chair"} (organizer),
 *                    {"attendee"}, {"attendee","optional"}, {"attendee","chair"}, {"informational"}
 *   recurrenceRules  [RecurrenceRule]; `until` is local time in timeZone
 *   recurrenceOverrides  by key, the local time in timeZone at which the series has the occurrence:
 *                    {"excluded": true}, {} (an occurrence that no rule makes), or a patch.  A patch
 *                    has whole members: "title": "x", "location": null takes one away
 *   recurrenceId     the document is one occurrence of a series that is not here
 *   links            attachments: {"1": {"@type":"Link","href","title","contentType","rel":
 *                    "enclosure"}}; those of Exchange have an href "urn:x-exchange:attachment:NAME"
 *   iCalComponent    {"properties": [jCal], "components": [jCal]}: what iCalendar says that has no
 *                    place here; also in patches and alerts
 *   tandemfs:params  parameters of iCalendar properties by their name; also in participants and links
 *   tandemfs:calendar  what the VCALENDAR around says: {"properties": [jCal], "components": [jCal]}
 *
 * A patch may also have `privacy`, against RFC 8984 section 4.3.5: leaving it out would publish an
 * occurrence that was made private. */
#ifndef SYNC_FORMATS_EVENT_H
#define SYNC_FORMATS_EVENT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "sync/buf.h"
#include "sync/error.h"
#include "sync/field.h"
#include "sync/formats/zone.h"

/* --- field types ------------------------------------------------------------------------------
 *
 * A getter answers NULL for what is absent or of a shape it does not know; a setter takes away what
 * would be left empty. */

/* Text at a place of object members: "title", "description", "locations/1/name",
 * "virtualLocations/1/uri", "replyTo/imip".  Entries of the maps are made with their @type. */
extern const struct field_type field_event_text;
/* A whole number: "percentComplete". */
extern const struct field_type field_event_number;
/* Words of the remote for values: "privacy|Normal= Personal=microsoft.com:personal Private=private
 * Confidential=secret".  A word without a value stands for the absent member; without such a word an
 * absent member has no value, and nor has a value without a word ("=public").  A value that is not
 * named: the first word with a value. */
extern const struct field_type field_event_words;
/* "priority" as "High" (1 to 4), "Normal" (absent or 5), "Low" (6 to 9); RFC 5545 section 3.8.1.9.
 * Setting writes 1, nothing or 9. */
extern const struct field_type field_event_importance;
/* The same where "Normal" is what goes without saying: then there is no value. */
extern const struct field_type field_event_priority;
/* When: one value, so that it is merged as a whole.  An object of start, duration (or due),
 * timeZone, showWithoutTime, as far as the document has them. */
extern const struct field_type field_event_when;
/* "start" or "end" (start and duration, or due) as an instant, "2026-11-22T10:00:00Z".  Setting the
 * start moves the event, the end changes its length; of an all-day event the day is meant, that of
 * the event's zone.  Floating times have no instant. */
extern const struct field_type field_event_instant;
/* true or nothing: "showWithoutTime". */
extern const struct field_type field_event_flag;
/* "recurrenceRules" as a whole, an array. */
extern const struct field_type field_event_rules;
/* The minutes before the start of the first alert of that kind; NULL: no such alert. */
extern const struct field_type field_event_reminder;
/* The instant of the first alert that has one. */
extern const struct field_type field_event_reminder_at;
/* A map, with FIELD_PER_KEY | FIELD_VALUES: "participants/name email roles participationStatus".
 * The value of a key has those members of the entry; setting leaves its others alone.  In
 * "recurrenceOverrides/excluded title start ..." a patch with none of these members is not shown,
 * but {} is. */
extern const struct field_type field_event_entries;

/* "duration" in its canonical spelling (caltime.h); none is absent. */
extern const struct field_type field_event_duration;
/* "start" or "due" as a day, "2026-11-22".  Setting keeps the time of day; a task that had no date is
 * one of whole days from then on. */
extern const struct field_type field_event_day;
/* "participants": who invites, { "email", "name" }. */
extern const struct field_type field_event_organizer;
/* path "links"; an array of { "name", "type" }.  See event_links.c. */
extern const struct field_type field_event_attachments;
/* "participants" with FIELD_PER_KEY | FIELD_VALUES: by address, { "role": "required", "optional" or
 * "resource", "name" }. */
extern const struct field_type field_event_attendees;
/* The same: their answers, "accepted", "declined", "tentative"; others are absent. */
extern const struct field_type field_event_responses;

/* Overrides of a series, for a table and the rows in which an occurrence can differ there. */
struct event_override_rows {
	const struct field_table *table;
	const char *const *names;
	size_t n;
};

/* By key: { "excluded": true }, or an object of the projected values that differ from the series,
 * null for those that are empty.  New reference, or NULL when there are none. */
json_t *event_overrides_get(const struct event_override_rows *rows, const json_t *doc);
/* One key; NULL takes the override back.  What the rows do not reach is left as it is. */
int event_override_set(const struct event_override_rows *rows, json_t *doc, const char *key,
	const json_t *value, struct error *err);

/* --- documents -------------------------------------------------------------------------------- */

/* New empty document with @type "Event" or "Task". */
json_t *event_new(const char *type);

/* "2026-11-22 Subject", for a file name; a task without a date only its title. */
void event_title(const json_t *doc, struct buf *out);

/* 0, or ERR_INVALID naming the path: "start: must be a local date-time like 2026-11-22T10:00:00". */
int event_check(const json_t *doc, struct error *err);
int event_check_task(const json_t *doc, struct error *err);

/* Gives doc, as a file shows it, the time zone of base where both last whole days and doc names none: days
 * have no zone in iCalendar (RFC 5545 section 3.3.4), and Exchange's midnights are those of the event's. */
void event_keep_zone(json_t *doc, const json_t *base);

/* Anything but public, in the series or in one of its occurrences. */
bool event_is_private(const json_t *doc);

/* The occurrence with this key as a document of its own (new reference): the series with start at
 * the key and the patch applied; no recurrence members, recurrenceId set.  Whether the series has
 * such an occurrence is not asked. */
json_t *event_occurrence(const json_t *doc, const char *key);

/* The same as the series alone makes it, whatever its overrides say. */
json_t *event_plain_occurrence(const json_t *doc, const char *key);

/* Instants of a document without its recurrence, or of one occurrence: false when it has no start.
 * Floating times are read in `zone` (NULL: as UTC).  The end of a task is its due time. */
bool event_instants(struct zones *zones, const json_t *doc, const struct zone *floating,
	int64_t *start, int64_t *end);

/* When the last occurrence ends, exceptions counted; INT64_MAX for a series that does not end or cannot
 * be walked.  False when it has no start. */
bool event_last_end(
	struct zones *zones, const json_t *doc, const struct zone *floating, int64_t *end);

/* The patch that makes `occurrence` of the occurrence `key` of `doc`, of whole members; {} when they
 * are the same. */
json_t *event_patch(const json_t *doc, const char *key, const json_t *occurrence);

#endif
