/* What events and tasks have in common, and what salesforce_event.c and salesforce_series.c share.
 *
 * Values of Event's rows, which are not always what the wire has:
 *
 *	StartDateTime		"2026-12-01T09:00:00Z", or the date alone of an all-day event (IsAllDayEvent)
 *	DurationInMinutes	a number
 *	IsPrivate		true, or absent
 *	ReminderDateTime	minutes before the start (IsReminderSet)
 *	Recurrence2PatternText	the rule without what is the default, parts in one order
 *	Occurrences/KEY		see salesforce_series.c
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
/* The alert that a record's one reminder stands for: one that is shown, with a trigger of this type
 * (RFC 8984, 4.5.2); *id is its key.  Borrowed, NULL: none. */
json_t *salesforce_alert(const json_t *doc, const char *trigger, const char **id);
/* Sets member `name` of that alert's trigger, made if missing; NULL removes the alert. */
void salesforce_set_alert(json_t *doc, const char *trigger, const char *name, json_t *value);

#endif
