/* Event: its table, and its values between the hub and the wire.
 *
 * An event of Salesforce has no time zone, only instants: the document keeps its own and gets the local
 * time that the instant is there.  IsAllDayEvent goes with the start, IsReminderSet with the reminder, so
 * that neither can be merged without the other.  Of an all-day event only the date counts: it is
 * midnight UTC there, and midnight of nowhere here.
 *
 * EndDateTime is neither read nor sent: start and duration say it all, and nothing is left to
 * contradict them. */
#include "crm/salesforce_activity.h"

#include <string.h>

#include "sync/formats/caltime.h"
#include "sync/formats/event.h"
#include "sync/formats/zone.h"
#include "sync/mem.h"

#define DAY_MINUTES 1440
#define DATE_LENGTH 10 /* of "2026-12-01" */

static bool is_all_day(const json_t *doc)
{
	return json_is_true(json_object_get(doc, "showWithoutTime"));
}

static int not_a(const struct field *field, const char *what, struct error *err)
{
	return error_set(err, ERR_INVALID, "%s must be %s", field->name, what);
}

/* ---- StartDateTime ----------------------------------------------------------------------------- */

bool salesforce_to_utc(const char *zone, int64_t local, int64_t *utc)
{
	struct zones zones = { 0 };
	const struct zone *clock = zones_get(&zones, zone ? zone : "Etc/UTC");

	if (clock)
		*utc = zone_to_utc(clock, local);
	zones_free(&zones);
	return clock != NULL;
}

bool salesforce_to_local(const char *zone, int64_t utc, int64_t *local)
{
	struct zones zones = { 0 };
	const struct zone *clock = zones_get(&zones, zone ? zone : "Etc/UTC");

	if (clock)
		*local = zone_to_local(clock, utc);
	zones_free(&zones);
	return clock != NULL;
}

static json_t *start_get(const json_t *doc, const struct field *field)
{
	const char *text = member(doc, "start");
	int64_t local, utc;

	(void)field;
	if (!text || !caltime_read_local(text, &local))
		return NULL;
	if (is_all_day(doc))
		return json_stringn(text, DATE_LENGTH);
	return salesforce_to_utc(member(doc, "timeZone"), local, &utc) ? salesforce_utc(utc) : NULL;
}

/* Days for an event of whole days, else what a clock counts: so too where the start is yet to say that
 * it is none of whole days any more. */
static void set_duration(json_t *doc, int64_t seconds)
{
	struct caltime_duration duration = { .seconds = seconds };
	char out[48];

	if (is_all_day(doc) && seconds % CALTIME_DAY == 0)
		duration = (struct caltime_duration){ .days = seconds / CALTIME_DAY };
	caltime_write_duration(duration, out);
	json_object_set_new(doc, "duration", json_string(out));
}

static void set_all_day(json_t *doc, bool all_day)
{
	const char *text = member(doc, "duration");
	struct caltime_duration duration;
	int64_t seconds;

	if (all_day == is_all_day(doc))
		return;
	if (all_day)
		json_object_set_new(doc, "showWithoutTime", json_true());
	else
		json_object_del(doc, "showWithoutTime");
	if (!text || !caltime_read_duration(text, &duration))
		return;
	seconds = duration.days * CALTIME_DAY + duration.seconds;
	if (all_day && seconds % CALTIME_DAY)
		seconds += CALTIME_DAY - seconds % CALTIME_DAY;
	set_duration(doc, seconds);
}

/* The zone's clock shows this time for the second time: no local time of the zone says that. */
static bool is_second(const json_t *doc, int64_t utc, int64_t local)
{
	int64_t first;

	return !json_object_get(doc, "recurrenceRules") && !json_object_get(doc, "recurrenceId") &&
	       salesforce_to_utc(member(doc, "timeZone"), local, &first) && first != utc;
}

static int start_set(json_t *doc, const struct field *field, const char *key, const json_t *value,
	struct error *err)
{
	const char *text = json_string_value(value);
	char out[CALTIME_SIZE];
	int64_t utc, local;

	(void)key;
	if (!value) {
		json_object_del(doc, "start");
		return 0;
	}
	if (text && strlen(text) == DATE_LENGTH) {
		json_object_set_new(doc, "start", json_sprintf("%sT00:00:00", text));
		set_all_day(doc, true);
		return 0;
	}
	if (!text || !caltime_read_utc(text, &utc))
		return not_a(field, "a time", err);
	if (!member(doc, "timeZone") ||
		!salesforce_to_local(member(doc, "timeZone"), utc, &local) ||
		is_second(doc, utc, local)) {
		json_object_set_new(doc, "timeZone", json_string("Etc/UTC"));
		local = utc;
	}
	caltime_write_local(local, out);
	json_object_set_new(doc, "start", json_string(out));
	set_all_day(doc, false);
	return 0;
}

static const struct field_type event_start = { .get = start_get, .set = start_set };

/* ---- DurationInMinutes ------------------------------------------------------------------------- */

/* Days that a clock counts: the night of a change has 23 hours or 25.  A series has one length for all:
 * that of most of its days. */
static int64_t exact_seconds(const json_t *doc, const struct caltime_duration *nominal)
{
	struct zones zones = { 0 };
	int64_t start, end;
	bool known;

	if (json_array_size(json_object_get(doc, "recurrenceRules")))
		return nominal->days * CALTIME_DAY + nominal->seconds;
	known = event_instants(&zones, doc, NULL, &start, &end);
	zones_free(&zones);
	return known && end > start ? end - start : 0;
}

static json_t *minutes_get(const json_t *doc, const struct field *field)
{
	const char *text = member(doc, "duration");
	struct caltime_duration duration = { 0 };
	int64_t days;

	(void)field;
	if (text && !caltime_read_duration(text, &duration))
		return NULL;
	if (!is_all_day(doc))
		return json_integer((exact_seconds(doc, &duration) + 59) / 60);
	days = duration.days + (duration.seconds + CALTIME_DAY - 1) / CALTIME_DAY;
	return json_integer((days > 0 ? days : 1) * DAY_MINUTES);
}

static int minutes_set(json_t *doc, const struct field *field, const char *key, const json_t *value,
	struct error *err)
{
	(void)key;
	if (!value) {
		json_object_del(doc, "duration");
		return 0;
	}
	if (!json_is_integer(value) || json_integer_value(value) < 0)
		return not_a(field, "a number of minutes", err);
	set_duration(doc, json_integer_value(value) * 60);
	return 0;
}

static const struct field_type event_minutes = { .get = minutes_get, .set = minutes_set };

/* ---- IsPrivate ---------------------------------------------------------------------------------- */

static json_t *private_get(const json_t *doc, const struct field *field)
{
	const char *privacy = member(doc, "privacy");

	(void)field;
	return privacy && strcmp(privacy, "public") != 0 ? json_true() : NULL;
}

static int private_set(json_t *doc, const struct field *field, const char *key, const json_t *value,
	struct error *err)
{
	(void)field;
	(void)key;
	(void)err;
	if (json_is_true(value))
		json_object_set_new(doc, "privacy", json_string("private"));
	else
		json_object_del(doc, "privacy");
	return 0;
}

static const struct field_type event_private = { .get = private_get, .set = private_set };

/* ---- the table --------------------------------------------------------------------------------- */

#define SHOW_AS                                                                                    \
	"freeBusyStatus|Busy= Free=free OutOfOffice=microsoft.com:oof Busy=busy "                  \
	"Busy=microsoft.com:tentative Free=microsoft.com:workingElsewhere"

/* clang-format off */
const struct field salesforce_event_rows[] = {
	SALESFORCE_ROW("Subject", "title", field_event_text, 255, FIELD_NAMING | FIELD_MATCH),
	SALESFORCE_ROW("StartDateTime", "start", event_start, 0, FIELD_REQUIRED | FIELD_MATCH),
	SALESFORCE_ROW("DurationInMinutes", "duration", event_minutes, 0, 0),
	SALESFORCE_ROW("Location", "locations/1/name", field_event_text, 255, 0),
	SALESFORCE_ROW("Description", "description", field_event_text, 32000, 0),
	SALESFORCE_ROW("ShowAs", SHOW_AS, field_event_words, 0, FIELD_STAND_IN),
	SALESFORCE_ROW("IsPrivate", "privacy", event_private, 0, 0),
	SALESFORCE_ROW("ReminderDateTime", "alerts", field_event_reminder, 0, 0),
	SALESFORCE_ROW("Recurrence2PatternText", "recurrenceRules", salesforce_pattern, 512,
		FIELD_NAMING),
	SALESFORCE_ROW("Recurrence2PatternTimeZone", "timeZone", salesforce_pattern_zone, 255,
		FIELD_NAMING),
	{ .name = "Occurrences", .path = "recurrenceOverrides", .type = &salesforce_occurrences,
		.flags = FIELD_PER_KEY | FIELD_VALUES, .wire = "IsRecurrence2" },
};
/* clang-format on */
const size_t salesforce_event_n = ARRAY_SIZE(salesforce_event_rows);

/* ---- the wire ---------------------------------------------------------------------------------- */

static json_t *read_start(const json_t *row)
{
	int64_t start;

	if (!salesforce_stamp_of(row, "StartDateTime", &start))
		return NULL;
	if (is_true(row, "IsAllDayEvent"))
		return json_stringn(member(row, "StartDateTime"), DATE_LENGTH);
	return salesforce_utc(start);
}

static json_t *read_reminder(const json_t *row)
{
	int64_t start, reminder;

	if (!is_true(row, "IsReminderSet") || !salesforce_stamp_of(row, "StartDateTime", &start) ||
		!salesforce_stamp_of(row, "ReminderDateTime", &reminder) || reminder > start)
		return NULL;
	return json_integer((start - reminder) / 60);
}

static json_t *read_value(const json_t *row, const char *name)
{
	json_t *value = json_object_get(row, name);

	if (!strcmp(name, "StartDateTime"))
		return read_start(row);
	if (!strcmp(name, "ReminderDateTime"))
		return read_reminder(row);
	if (json_is_string(value))
		return salesforce_text_value(row, name);
	return json_is_integer(value) || json_is_true(value) ? json_incref(value) : NULL;
}

json_t *salesforce_event_read(const struct salesforce_object *object, const json_t *row)
{
	json_t *fields = json_object();

	for (size_t i = 0; i < object->n_rows; i++) {
		json_t *value = salesforce_is_recurrence(&object->rows[i])
					? NULL
					: read_value(row, object->rows[i].name);

		if (value)
			json_object_set_new(fields, object->rows[i].name, value);
	}
	salesforce_series_read(row, fields);
	return fields;
}

/* Also the duration: only both together say whether an event lasts whole days. */
static void write_start(const json_t *fields, json_t *record)
{
	const char *text = member(fields, "StartDateTime");
	json_t *minutes = json_object_get(fields, "DurationInMinutes");
	bool all_day = text && strlen(text) == DATE_LENGTH;

	if (!text)
		return;
	json_object_set_new(record, "IsAllDayEvent", json_boolean(all_day));
	json_object_set_new(
		record, "StartDateTime", json_sprintf("%s%s", text, all_day ? "T00:00:00Z" : ""));
	json_object_set(record, "DurationInMinutes", minutes);
}

bool salesforce_read_start(const char *text, int64_t *utc)
{
	char *whole AUTOFREE = strlen(text) == DATE_LENGTH ? xasprintf("%sT00:00:00Z", text)
							   : xstrdup(text);

	return caltime_read_utc(whole, utc);
}

static void write_reminder(const json_t *fields, json_t *record)
{
	const json_t *minutes = json_object_get(fields, "ReminderDateTime");
	const char *text = member(fields, "StartDateTime");
	int64_t start;
	bool set = minutes && text && salesforce_read_start(text, &start);

	json_object_set_new(record, "IsReminderSet", json_boolean(set));
	json_object_set_new(record, "ReminderDateTime",
		set ? salesforce_utc(start - json_integer_value(minutes) * 60) : json_null());
}

static void write_value(const char *name, const json_t *fields, json_t *record)
{
	json_t *value = json_object_get(fields, name);

	if (value && !strcmp(name, "Recurrence2PatternText"))
		json_object_set_new(record, "IsRecurrence2", json_true());
	if (!strcmp(name, "StartDateTime"))
		write_start(fields, record);
	else if (!strcmp(name, "ReminderDateTime"))
		write_reminder(fields, record);
	else if (!strcmp(name, "IsPrivate"))
		json_object_set_new(record, name, json_boolean(json_is_true(value)));
	else if (value)
		json_object_set(record, name, value);
	else
		json_object_set_new(record, name, json_null());
}

/* A reminder is a moment there: it moves with the start. */
static bool moves_reminder(const json_t *fields, const json_t *record)
{
	return json_object_get(record, "StartDateTime") &&
	       json_object_get(fields, "ReminderDateTime");
}

static void event_write(const struct salesforce_object *object, const json_t *fields,
	const json_t *changed, json_t *record)
{
	for (size_t i = 0; i < object->n_rows; i++) {
		const struct field *row = &object->rows[i];
		bool wanted = changed ? salesforce_is_sent(row, changed)
				      : json_object_get(fields, row->name) != NULL;

		if (wanted && !(row->flags & (FIELD_READ_ONLY | FIELD_PER_KEY)))
			write_value(row->name, fields, record);
	}
	if (moves_reminder(fields, record))
		write_reminder(fields, record);
}

static const char *event_unsupported(const json_t *row)
{
	int64_t start;

	if (is_true(row, "IsRecurrence") || member(row, "RecurrenceActivityId"))
		return "it belongs to a series of Salesforce Classic, which is left alone";
	if (!salesforce_series_is_readable(row))
		return "it is a series with a pattern that is not understood";
	if (!salesforce_stamp_of(row, "StartDateTime", &start))
		return "its start cannot be read";
	return NULL;
}

static void start_literal(struct buf *out, const json_t *value)
{
	const char *text = json_string_value(value);

	buf_addf(out, "%s%s", text ? text : "null",
		text && strlen(text) == DATE_LENGTH ? "T00:00:00Z" : "");
}

const struct salesforce_spec salesforce_event = {
	.name = "Event",
	.kind = KIND_EVENT,
	.rows = salesforce_event_rows,
	.n_rows = &salesforce_event_n,
	.extra = ",IsAllDayEvent,IsReminderSet,IsChild,IsRecurrence,RecurrenceActivityId,"
		 "IsRecurrence2,IsRecurrence2Exception,IsRecurrence2Exclusion,GroupEventType,"
		 "ActivityRecurrence2Id",
	.hint = "give the event a start",
	.read = salesforce_event_read,
	.unsupported = event_unsupported,
	.write = event_write,
	.check = salesforce_series_check,
	.fold = salesforce_series_fold,
	.after_write = salesforce_series_written,
	.literal = start_literal,
	.match_by = "StartDateTime",
};
