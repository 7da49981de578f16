/* What events and tasks have in common, and what salesforce_event.c and salesforce_series.c share.
 *
 * Values of Event's rows, which are not always what the wire has:
 *
 *	StartDateTime		"2026-12-01T09:00:00Z", or the date alone of an all-day event (IsAllDayEvent)
 *	DurationInMinutes	a number
 *	IsPrivate		true, or absent
 *	ReminderDateTime	minutes before the start (IsReminderSet)
 *	Recurrence2PatternText	"RRULE:..." without what is the default, parts in one order
 *	Occurrences/KEY		{"excluded": true}, or the rows in which the occurrence differs from the
 *				series (null: empty there); KEY is that of recurrenceOverrides
 */
#ifndef CRM_SALESFORCE_ACTIVITY_H
#define CRM_SALESFORCE_ACTIVITY_H

#include "crm/private.h"

#define SALESFORCE_ROW(name_, path_, type_, chars_, flags_)                                        \
	{                                                                                          \
		.name = (name_), .path = (path_), .type = &(type_), .flags = (flags_),             \
		.max_chars = (chars_)                                                              \
	}

extern const struct field salesforce_event_rows[];
extern const size_t salesforce_event_n;
extern const struct field salesforce_task_rows[];
extern const size_t salesforce_task_n;

/* Is the name among those to send (NULL: all), and the row one that may be sent now? */
bool salesforce_is_sent(const struct field *row, const json_t *changed);
/* A dateTime of the server, in seconds; false when it is none. */
bool salesforce_stamp_of(const json_t *row, const char *name, int64_t *seconds);
/* "2026-12-01T09:00:00Z", new reference. */
json_t *salesforce_utc(int64_t seconds);

/* ---- salesforce_event.c ----------------------------------------------------------------------- */

/* The clock of a zone (NULL: UTC); false when there is no such zone. */
bool salesforce_to_utc(const char *zone, int64_t local, int64_t *utc);
bool salesforce_to_local(const char *zone, int64_t utc, int64_t *local);
/* The value of StartDateTime in seconds; a date is midnight UTC. */
bool salesforce_read_start(const char *text, int64_t *utc);
json_t *salesforce_event_read(const struct salesforce_object *object, const json_t *row);

/* ---- salesforce_series.c: the series as a document has it ------------------------------------- */

extern const struct field_type salesforce_pattern, salesforce_pattern_zone, salesforce_occurrences;
/* Is it a row of the series as a whole, which no occurrence has? */
bool salesforce_is_recurrence(const struct field *row);
/* A pattern of the server in our form (new string); NULL when it is none. */
char *salesforce_read_pattern(const char *text);
/* {"Name": value or null}: what of `fields` is not as `base` has it; empty when all is. */
json_t *salesforce_differences(const json_t *base, const json_t *fields);

/* ---- salesforce_places.c: which row is which occurrence ---------------------------------------- */

#define SALESFORCE_SERIES_ROW "3" /* GroupEventType of the row with the pattern */

bool salesforce_is_series_row(const json_t *row);
/* In seconds; 0 without one. */
int64_t salesforce_start_of(const json_t *row);
/* Key of an occurrence -> its row, or null for a deleted one (new reference). */
json_t *salesforce_places(const json_t *series, const json_t *rows);

/* ---- salesforce_occurrences.c: the series as rows of the server ------------------------------- */

int salesforce_series_check(const struct crm_op *op, struct error *err);
void salesforce_series_read(const json_t *row, json_t *fields);
/* A series whose pattern we do not understand must not become something else here. */
bool salesforce_series_is_readable(const json_t *row);
int salesforce_series_fold(
	struct crm *crm, const struct salesforce_object *object, json_t *rows, struct error *err);
/* See `later` of sync/crm.h. */
json_t *salesforce_later(
	enum crm_op_type type, enum item_kind kind, const json_t *fields, const json_t *changed);
void salesforce_series_written(struct crm *crm, const struct salesforce_object *object,
	enum crm_op_type type, struct crm_op **ops, size_t n);

#endif
