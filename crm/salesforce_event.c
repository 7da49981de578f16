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

#include "sync/formats/card.h"
#include "sync/formats/local_time.h"
#include "sync/mem.h"

#define DAY_MINUTES 1440
#define DATE_LENGTH 10 /* of "2026-12-01" */

static const char *member(const json_t *object, const char *name)
{
	return json_string_value(json_object_get(object, name));
}

static bool is_all_day(const json_t *doc)
{
	return json_is_true(json_object_get(doc, "showWithoutTime"));
}

static int not_a(const struct field *field, const char *what, struct error *err)
{
	return error_set(err, ERR_INVALID, "%s must be %s", field->name, what);
}

/* ---- StartDateTime ----------------------------------------------------------------------------- */

static const char *zone_of(const json_t *doc)
{
	const char *zone = member(doc, "timeZone");

	return zone ? zone : "Etc/UTC";
}

static json_t *start_get(const json_t *doc, const struct field *field)
{
	const char *text = member(doc, "start");
	int64_t local, utc;

	(void)field;
	if (!text || !local_time_parse(text, &local))
		return NULL;
	if (is_all_day(doc))
		return json_stringn(text, DATE_LENGTH);
	return local_time_to_utc(local, zone_of(doc), &utc) ? salesforce_utc(utc) : NULL;
}

static int start_set(json_t *doc, const struct field *field, const char *key, const json_t *value,
	struct error *err)
{
	const char *text = json_string_value(value);
	char out[LOCAL_TIME_MAX];
	int64_t utc, local;

	(void)key;
	if (!value) {
		json_object_del(doc, "start");
		return 0;
	}
	if (text && strlen(text) == DATE_LENGTH) {
		json_object_set_new(doc, "start", json_sprintf("%sT00:00:00", text));
		json_object_set_new(doc, "showWithoutTime", json_true());
		return 0;
	}
	if (!text || !local_time_parse(text, &utc))
		return not_a(field, "a time", err);
	if (!member(doc, "timeZone") || !local_time_from_utc(utc, zone_of(doc), &local)) {
		json_object_set_new(doc, "timeZone", json_string("Etc/UTC"));
		local = utc;
	}
	local_time_format(local, out);
	json_object_set_new(doc, "start", json_string(out));
	json_object_del(doc, "showWithoutTime");
	return 0;
}

static const struct field_type event_start = { .get = start_get, .set = start_set };

/* ---- DurationInMinutes ------------------------------------------------------------------------- */

static json_t *minutes_get(const json_t *doc, const struct field *field)
{
	const char *text = member(doc, "duration");
	int64_t seconds = 0, unit = is_all_day(doc) ? DAY_MINUTES : 1, minutes;

	(void)field;
	if (text && !duration_parse(text, &seconds))
		return NULL;
	minutes = (seconds + unit * 60 - 1) / (unit * 60) * unit;
	return json_integer(minutes ? minutes : is_all_day(doc) ? DAY_MINUTES : 0);
}

static int minutes_set(json_t *doc, const struct field *field, const char *key, const json_t *value,
	struct error *err)
{
	char out[LOCAL_TIME_MAX];

	(void)key;
	if (!value) {
		json_object_del(doc, "duration");
		return 0;
	}
	if (!json_is_integer(value) || json_integer_value(value) < 0)
		return not_a(field, "a number of minutes", err);
	duration_format(json_integer_value(value) * 60, out);
	json_object_set_new(doc, "duration", json_string(out));
	return 0;
}

static const struct field_type event_minutes = { .get = minutes_get, .set = minutes_set };

/* ---- Location ---------------------------------------------------------------------------------- */

/* The first place that has a name: Salesforce keeps one. */
static json_t *named_location(const json_t *doc, const char **id)
{
	const char *key;
	json_t *location;

	json_object_foreach(json_object_get(doc, "locations"), key, location) {
		const char *name = member(location, "name");

		*id = key;
		if (name && *name)
			return location;
	}
	return NULL;
}

static json_t *location_get(const json_t *doc, const struct field *field)
{
	const char *id;

	(void)field;
	return json_incref(json_object_get(named_location(doc, &id), "name"));
}

static int location_set(json_t *doc, const struct field *field, const char *key,
	const json_t *value, struct error *err)
{
	const char *id = "1";
	json_t *location = named_location(doc, &id), *all = json_object_get(doc, "locations");

	(void)key;
	if (value && !json_is_string(value))
		return not_a(field, "text", err);
	if (!value) {
		if (location)
			json_object_del(all, id);
		if (!json_object_size(all))
			json_object_del(doc, "locations");
		return 0;
	}
	if (!json_is_object(all)) {
		all = json_object();
		json_object_set_new(doc, "locations", all);
	}
	if (!location) {
		location = json_pack("{s:s}", "@type", "Location");
		json_object_set_new(all, json_object_get(all, "1") ? "crm" : "1", location);
	}
	return json_object_set(location, "name", (json_t *)value);
}

static const struct field_type event_location = { .get = location_get, .set = location_set };

/* ---- ShowAs, IsPrivate ------------------------------------------------------------------------- */

/* The first row of a remote value is what it becomes here. */
static const struct {
	const char *status, *show_as;
} busy[] = {
	{ "busy", "Busy" },
	{ "microsoft.com:tentative", "Busy" },
	{ "free", "Free" },
	{ "microsoft.com:workingElsewhere", "Free" },
	{ "microsoft.com:oof", "OutOfOffice" },
};

static json_t *show_as_get(const json_t *doc, const struct field *field)
{
	const char *status = member(doc, "freeBusyStatus");

	(void)field;
	for (size_t i = 0; status && i < ARRAY_SIZE(busy); i++)
		if (!strcmp(busy[i].status, status))
			return json_string(busy[i].show_as);
	return json_string("Busy");
}

static int show_as_set(json_t *doc, const struct field *field, const char *key, const json_t *value,
	struct error *err)
{
	const char *text = json_string_value(value);

	(void)field;
	(void)key;
	(void)err;
	for (size_t i = 0; text && i < ARRAY_SIZE(busy); i++)
		if (!strcmp(busy[i].show_as, text))
			return json_object_set_new(
				doc, "freeBusyStatus", json_string(busy[i].status));
	json_object_del(doc, "freeBusyStatus");
	return 0;
}

static const struct field_type event_show_as = { .get = show_as_get, .set = show_as_set };

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

/* ---- ReminderDateTime -------------------------------------------------------------------------- */

static json_t *reminder_get(const json_t *doc, const struct field *field)
{
	const char *id;
	json_t *alert = salesforce_alert(doc, "OffsetTrigger", &id);
	const char *offset = member(json_object_get(alert, "trigger"), "offset");
	int64_t seconds;

	(void)field;
	if (!offset || !duration_parse(offset, &seconds) || seconds > 0)
		return NULL;
	return json_integer(-seconds / 60);
}

static int reminder_set(json_t *doc, const struct field *field, const char *key,
	const json_t *value, struct error *err)
{
	char out[LOCAL_TIME_MAX];

	(void)key;
	if (value && !json_is_integer(value))
		return not_a(field, "a number of minutes", err);
	if (value)
		duration_format(-json_integer_value(value) * 60, out);
	salesforce_set_alert(doc, "OffsetTrigger", "offset", value ? json_string(out) : NULL);
	return 0;
}

static const struct field_type event_reminder = { .get = reminder_get, .set = reminder_set };

/* ---- the table --------------------------------------------------------------------------------- */

/* clang-format off */
const struct field salesforce_event_rows[] = {
	SALESFORCE_ROW("Subject", "title", field_text, 255, FIELD_NAMING | FIELD_MATCH),
	SALESFORCE_ROW("StartDateTime", "start", event_start, 0, FIELD_REQUIRED | FIELD_MATCH),
	SALESFORCE_ROW("DurationInMinutes", "duration", event_minutes, 0, 0),
	SALESFORCE_ROW("Location", "locations", event_location, 255, 0),
	SALESFORCE_ROW("Description", "description", field_text, 32000, 0),
	SALESFORCE_ROW("ShowAs", "freeBusyStatus", event_show_as, 0, 0),
	SALESFORCE_ROW("IsPrivate", "privacy", event_private, 0, 0),
	SALESFORCE_ROW("ReminderDateTime", "alerts", event_reminder, 0, 0),
};
/* clang-format on */
const size_t salesforce_event_n = ARRAY_SIZE(salesforce_event_rows);

/* ---- the wire ---------------------------------------------------------------------------------- */

static bool is_true(const json_t *row, const char *name)
{
	return json_is_true(json_object_get(row, name));
}

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

static json_t *event_read(const struct salesforce_object *object, const json_t *row)
{
	json_t *fields = json_object();

	for (size_t i = 0; i < object->n_rows; i++) {
		json_t *value = read_value(row, object->rows[i].name);

		if (value)
			json_object_set_new(fields, object->rows[i].name, value);
	}
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

static void write_reminder(const json_t *fields, json_t *record)
{
	const json_t *minutes = json_object_get(fields, "ReminderDateTime");
	const char *text = member(fields, "StartDateTime");
	char *whole AUTOFREE = text ? xasprintf("%s%s", text,
					      strlen(text) == DATE_LENGTH ? "T00:00:00" : "")
				    : NULL;
	int64_t start;
	bool set = minutes && whole && local_time_parse(whole, &start);

	json_object_set_new(record, "IsReminderSet", json_boolean(set));
	json_object_set_new(record, "ReminderDateTime",
		set ? salesforce_utc(start - json_integer_value(minutes) * 60) : json_null());
}

static void write_value(const char *name, const json_t *fields, json_t *record)
{
	json_t *value = json_object_get(fields, name);

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
	if (is_true(row, "IsRecurrence") || member(row, "RecurrenceActivityId"))
		return "it belongs to a series of Salesforce Classic, which is left alone";
	return NULL;
}

/* Invitees' copies are nobody's own event. */
static int event_fold(
	struct crm *crm, const struct salesforce_object *object, json_t *rows, struct error *err)
{
	(void)crm;
	(void)object;
	(void)err;
	for (size_t i = json_array_size(rows); i-- > 0;)
		if (is_true(json_array_get(rows, i), "IsChild"))
			json_array_remove(rows, i);
	return 0;
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
	.read = event_read,
	.unsupported = event_unsupported,
	.write = event_write,
	.fold = event_fold,
	.literal = start_literal,
	.match_by = "StartDateTime",
};
