/* The table of event fields: Exchange's properties of a calendar item and their places in an Event.
 *
 * Order as in the schema, as in ews_contact.c.  Start, Duration, IsAllDayEvent and TimeZone say
 * together when it is, and are sent together (ews_event.h), with the pattern of a series: that has the
 * day of the start in it, and Exchange drops the exceptions for each of them. */
#include "ews/ews_event.h"
#include "ews/ews_recurrence.h"
#include "sync/formats/card.h"
#include "sync/formats/event.h"
#include "sync/mem.h"

#define WHEN "when"
/* Busy is what both take for granted, also when it is said. */
#define BUSY_WORDS                                                                                 \
	"freeBusyStatus|Free=free Tentative=microsoft.com:tentative "                              \
	"OOF=microsoft.com:oof WorkingElsewhere=microsoft.com:workingElsewhere =busy"
#define CANCELLED_WORDS "status|true=cancelled =confirmed =tentative"

static const struct field_type overrides_type;

static const struct field rows[] = {
	/* ItemType */
	EWS_ITEM_ROWS,
	EWS_ROW("Reminder", "alerts", field_event_reminder, 0, .form = EWS_REMINDER,
		.uri = "item:ReminderIsSet", .ask = "item:ReminderMinutesBeforeStart"),
	/* CalendarItemType */
	EWS_ROW("UID", "uid", field_event_text, FIELD_CREATE_ONLY, .form = EWS_TEXT,
		.uri = "calendar:UID", .element = "UID"),
	EWS_ROW("Start", "start", field_event_text, 0, .form = EWS_TEXT, .uri = "calendar:Start",
		.element = "Start", .group = WHEN),
	EWS_ROW("Duration", "duration", field_event_duration, 0, .form = EWS_TEXT,
		.uri = "calendar:End", .element = "End", .group = WHEN),
	EWS_ROW("IsAllDayEvent", "showWithoutTime", field_event_flag, 0, .form = EWS_BOOLEAN,
		.uri = "calendar:IsAllDayEvent", .element = "IsAllDayEvent", .group = WHEN),
	EWS_ROW("LegacyFreeBusyStatus", BUSY_WORDS, field_event_words, 0, .form = EWS_CHOICE,
		.uri = "calendar:LegacyFreeBusyStatus", .element = "LegacyFreeBusyStatus",
		.none = "Busy"),
	EWS_ROW("Location", "locations/1/name", field_event_text, 0, .form = EWS_TEXT,
		.uri = "calendar:Location", .element = "Location"),
	EWS_ROW("IsCancelled", CANCELLED_WORDS, field_event_words, FIELD_READ_ONLY,
		.form = EWS_CHOICE, .uri = "calendar:IsCancelled", .element = "IsCancelled",
		.none = "false"),
	EWS_ROW("Organizer", "participants", field_event_organizer, FIELD_READ_ONLY,
		.form = EWS_ORGANIZER, .uri = "calendar:Organizer"),
	EWS_ROW("Attendees", "participants", field_event_attendees, FIELD_PER_KEY | FIELD_VALUES,
		.form = EWS_ATTENDEES, .uri = "calendar:RequiredAttendees"),
	EWS_ROW("Responses", "participants", field_event_responses,
		FIELD_PER_KEY | FIELD_VALUES | FIELD_READ_ONLY, .form = EWS_RESPONSES,
		.uri = "calendar:OptionalAttendees"),
	EWS_ROW("Recurrence", "recurrenceRules", ews_recurrence_type, 0, .form = EWS_RECURRENCE,
		.uri = "calendar:Recurrence", .with = WHEN),
	EWS_ROW("TimeZone", "timeZone", field_event_text, FIELD_FILLED, .form = EWS_ZONE,
		.uri = "calendar:StartTimeZone", .group = WHEN),
	EWS_ROW("JoinOnlineMeetingUrl", "virtualLocations/1/uri", field_event_text, FIELD_READ_ONLY,
		.form = EWS_TEXT, .uri = "calendar:JoinOnlineMeetingUrl",
		.element = "JoinOnlineMeetingUrl"),
	/* Last: an occurrence is told by what differs from the series. */
	EWS_ROW(EWS_OVERRIDES, "recurrenceOverrides", overrides_type, FIELD_PER_KEY | FIELD_VALUES,
		.form = EWS_NOWHERE, .uri = "calendar:ModifiedOccurrences"),
};

const struct field_table ews_event_table = { rows, ARRAY_SIZE(rows) };

const char *const ews_occurrence_rows[EWS_OCCURRENCE_ROWS] = { "Subject", "Sensitivity", "Body",
	"Importance", "Reminder", "Start", "Duration", "IsAllDayEvent", "LegacyFreeBusyStatus",
	"Location" };

static const struct event_override_rows override_rows = { &ews_event_table, ews_occurrence_rows,
	EWS_OCCURRENCE_ROWS };

static json_t *overrides_get(const json_t *doc, const struct field *field)
{
	(void)field;
	return event_overrides_get(&override_rows, doc);
}

static int overrides_set(json_t *doc, const struct field *field, const char *key,
	const json_t *value, struct error *err)
{
	(void)field;
	return event_override_set(&override_rows, doc, key, value, err);
}

static const struct field_type overrides_type = { .get = overrides_get, .set = overrides_set };
