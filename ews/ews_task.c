/* The table of task fields: Exchange's properties of a task and their places in a Task.
 *
 * Order as in the schema, as in ews_contact.c.  Start and due are days for Exchange (MS-OXOTASK
 * 2.2.2.2.4, 2.2.2.2.5); when it was completed the server writes. */
#include "ews/ews_private.h"
#include "ews/ews_recurrence.h"
#include <string.h>

#include "sync/formats/card.h"
#include "sync/formats/event.h"
#include "sync/mem.h"

/* What will not be done is over for Exchange. */
#define PROGRESS_WORDS                                                                             \
	"progress|InProgress=in-process Completed=completed "                                      \
	"WaitingOnOthers=microsoft.com:waiting Deferred=microsoft.com:deferred "                   \
	"Completed=cancelled Completed=failed =needs-action"
#define DATE_LEN 10

/* When it was completed: an instant here, a day there. */
static json_t *completed_get(const json_t *doc, const struct field *field)
{
	const char *text = json_string_value(json_object_get(doc, field->path));

	return text && strlen(text) > DATE_LEN ? json_stringn(text, DATE_LEN) : NULL;
}

static int completed_set(json_t *doc, const struct field *field, const char *key,
	const json_t *value, struct error *err)
{
	(void)key;
	(void)err;
	if (json_is_string(value))
		json_object_set_new(
			doc, field->path, json_sprintf("%sT00:00:00Z", json_string_value(value)));
	else
		json_object_del(doc, field->path);
	return 0;
}

static const struct field_type completed_type = { .get = completed_get, .set = completed_set };

static const struct field rows[] = {
	/* ItemType */
	EWS_ITEM_ROWS,
	EWS_ROW("Reminder", "alerts", field_event_reminder_at, 0, .form = EWS_DUE_REMINDER,
		.uri = "item:ReminderDueBy", .ask = "item:ReminderDueBy"),
	/* TaskType */
	EWS_ROW("CompleteDate", "progressUpdated", completed_type, FIELD_READ_ONLY,
		.form = EWS_DATE, .uri = "task:CompleteDate", .element = "CompleteDate"),
	EWS_ROW("DueDate", "due", field_event_day, 0, .form = EWS_DATE, .uri = "task:DueDate",
		.element = "DueDate"),
	EWS_ROW("PercentComplete", "percentComplete", field_event_number, 0, .form = EWS_NUMBER,
		.uri = "task:PercentComplete", .element = "PercentComplete"),
	EWS_ROW("Recurrence", "recurrenceRules", ews_recurrence_type, 0, .form = EWS_RECURRENCE,
		.uri = "task:Recurrence"),
	EWS_ROW("StartDate", "start", field_event_day, 0, .form = EWS_DATE, .uri = "task:StartDate",
		.element = "StartDate"),
	EWS_ROW("Status", PROGRESS_WORDS, field_event_words, 0, .form = EWS_CHOICE,
		.uri = "task:Status", .element = "Status", .none = "NotStarted"),
};

const struct field_table ews_task_table = { rows, ARRAY_SIZE(rows) };
