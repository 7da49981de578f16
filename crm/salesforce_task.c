/* Task: its table, and what events and tasks have in common.
 *
 * ActivityDate is a day without a time; the time of day that a document's `due` may have stays there.
 * Status is a picklist that an org can extend: a value that is not of the standard set counts by
 * IsClosed. */
#include "crm/salesforce_activity.h"

#include <string.h>

#include "sync/formats/caltime.h"
#include "sync/formats/event.h"
#include "sync/mem.h"

/* ---- what events have too ---------------------------------------------------------------------- */

bool salesforce_is_sent(const struct field *row, const json_t *changed)
{
	json_t *name;
	size_t i;

	if (row->flags & (FIELD_READ_ONLY | FIELD_CREATE_ONLY | FIELD_NO_ACCESS))
		return false;
	json_array_foreach((json_t *)changed, i, name)
		if (json_is_string(name) && !strcmp(json_string_value(name), row->name))
			return true;
	return false;
}

bool salesforce_stamp_of(const json_t *row, const char *name, int64_t *seconds)
{
	const char *text = member(row, name);
	int64_t ms;

	if (!text || !salesforce_parse_stamp(text, &ms))
		return false;
	*seconds = ms / 1000 - (ms % 1000 < 0);
	return true;
}

json_t *salesforce_utc(int64_t seconds)
{
	char out[CALTIME_SIZE];

	caltime_write_utc(seconds, out);
	return json_string(out);
}

/* ---- Status ------------------------------------------------------------------------------------ */

/* The first row of a remote value is what it becomes here. */
static const struct {
	const char *progress, *status;
} states[] = {
	{ "needs-action", "Not Started" },
	{ "in-process", "In Progress" },
	{ "completed", "Completed" },
	{ "microsoft.com:waiting", "Waiting on someone else" },
	{ "microsoft.com:deferred", "Deferred" },
	{ "cancelled", "Deferred" },
	{ "failed", "Deferred" },
};

static json_t *status_get(const json_t *doc, const struct field *field)
{
	const char *progress = member(doc, "progress");

	(void)field;
	for (size_t i = 0; progress && i < ARRAY_SIZE(states); i++)
		if (!strcmp(states[i].progress, progress))
			return json_string(states[i].status);
	return json_string(states[0].status);
}

static int status_set(json_t *doc, const struct field *field, const char *key, const json_t *value,
	struct error *err)
{
	const char *text = json_string_value(value);

	(void)field;
	(void)key;
	(void)err;
	for (size_t i = 0; text && i < ARRAY_SIZE(states); i++)
		if (!strcmp(states[i].status, text))
			return json_object_set_new(
				doc, "progress", json_string(states[i].progress));
	json_object_del(doc, "progress");
	return 0;
}

static const struct field_type task_status = { .get = status_get, .set = status_set };

/* ---- CompletedDateTime ------------------------------------------------------------------------- */

/* progressUpdated is the completion's time only of what is completed. */
static json_t *completed_get(const json_t *doc, const struct field *field)
{
	const char *progress = member(doc, "progress"), *when = member(doc, "progressUpdated");
	int64_t utc;

	(void)field;
	if (!progress || strcmp(progress, "completed") != 0 || !when)
		return NULL;
	return caltime_read_utc(when, &utc) ? salesforce_utc(utc) : NULL;
}

static int completed_set(json_t *doc, const struct field *field, const char *key,
	const json_t *value, struct error *err)
{
	const char *text = json_string_value(value);
	int64_t utc;

	(void)key;
	if (value && (!text || !caltime_read_utc(text, &utc)))
		return error_set(err, ERR_INVALID, "%s must be a time", field->name);
	if (value)
		json_object_set_new(doc, "progressUpdated", salesforce_utc(utc));
	else
		json_object_del(doc, "progressUpdated");
	return 0;
}

static const struct field_type task_completed = { .get = completed_get, .set = completed_set };

/* ---- the table --------------------------------------------------------------------------------- */

/* clang-format off */
const struct field salesforce_task_rows[] = {
	SALESFORCE_ROW("Subject", "title", field_event_text, 255, FIELD_NAMING | FIELD_MATCH),
	SALESFORCE_ROW("ActivityDate", "due", field_event_day, 0, FIELD_MATCH),
	SALESFORCE_ROW("Description", "description", field_event_text, 32000, 0),
	SALESFORCE_ROW("Status", "progress", task_status, 0, FIELD_STAND_IN),
	SALESFORCE_ROW("Priority", "priority", field_event_importance, 0, FIELD_STAND_IN),
	SALESFORCE_ROW("ReminderDateTime", "alerts", field_event_reminder_at, 0, 0),
	SALESFORCE_ROW("CompletedDateTime", "progressUpdated", task_completed, 0, FIELD_READ_ONLY),
};
/* clang-format on */
const size_t salesforce_task_n = ARRAY_SIZE(salesforce_task_rows);

/* ---- the wire ---------------------------------------------------------------------------------- */

static json_t *read_status(const json_t *row)
{
	const char *status = member(row, "Status");
	bool closed = json_is_true(json_object_get(row, "IsClosed"));

	for (size_t i = 0; status && i < ARRAY_SIZE(states); i++)
		if (!strcmp(states[i].status, status))
			return json_string(status);
	return json_string(closed ? "Completed" : "In Progress");
}

static json_t *read_value(const json_t *row, const char *name)
{
	bool is_set = json_is_true(json_object_get(row, "IsReminderSet"));
	bool is_reminder = !strcmp(name, "ReminderDateTime");
	int64_t utc;

	if (!strcmp(name, "Status"))
		return read_status(row);
	if (!is_reminder && strcmp(name, "CompletedDateTime") != 0)
		return salesforce_text_value(row, name);
	if ((is_reminder && !is_set) || !salesforce_stamp_of(row, name, &utc))
		return NULL;
	return salesforce_utc(utc);
}

static json_t *task_read(const struct salesforce_object *object, const json_t *row)
{
	json_t *fields = json_object();

	for (size_t i = 0; i < object->n_rows; i++) {
		json_t *value = read_value(row, object->rows[i].name);

		if (value)
			json_object_set_new(fields, object->rows[i].name, value);
	}
	return fields;
}

static void task_write(const struct salesforce_object *object, const json_t *fields,
	const json_t *changed, json_t *record)
{
	for (size_t i = 0; i < object->n_rows; i++) {
		const struct field *row = &object->rows[i];
		json_t *value = json_object_get(fields, row->name);

		if ((changed ? !salesforce_is_sent(row, changed) : !value) ||
			row->flags & FIELD_READ_ONLY)
			continue;
		if (!strcmp(row->name, "ReminderDateTime"))
			json_object_set_new(record, "IsReminderSet", json_boolean(value != NULL));
		if (value)
			json_object_set(record, row->name, value);
		else
			json_object_set_new(record, row->name, json_null());
	}
}

static const char *task_unsupported(const json_t *row)
{
	if (json_is_true(json_object_get(row, "IsRecurrence")) ||
		member(row, "RecurrenceActivityId"))
		return "it belongs to a series of tasks, which is left alone";
	return NULL;
}

static void date_literal(struct buf *out, const json_t *value)
{
	const char *text = json_string_value(value);

	buf_adds(out, text ? text : "null");
}

const struct salesforce_spec salesforce_task = {
	.name = "Task",
	.kind = KIND_TASK,
	.rows = salesforce_task_rows,
	.n_rows = &salesforce_task_n,
	.extra = ",IsReminderSet,IsClosed,IsRecurrence,RecurrenceActivityId",
	.read = task_read,
	.unsupported = task_unsupported,
	.write = task_write,
	.literal = date_literal,
	.match_by = "ActivityDate",
};
