/* Events and tasks between the driver and the simulated Salesforce. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "crm/salesforce_activity.h"
#include "tests/unit/crm/sim_org.h"

/* ---- what tests do ----------------------------------------------------------------------------- */

static json_t *parsed(const char *text)
{
	json_t *value = json_loads(text, 0, NULL);

	assert_non_null(value);
	return value;
}

static char *create(enum item_kind kind, const char *token, const char *fields)
{
	json_t *values = parsed(fields);
	struct crm_op op = { .token = token, .fields = values };
	struct error err = ERROR_INIT;

	if (salesforce_driver.write(crm, kind, CRM_CREATE, &op, 1, &err) || op.error.code)
		fail_msg("%s %s", err.text, op.error.text);
	assert_true(op.created);
	json_decref(values);
	return op.new_id;
}

static struct error update(enum item_kind kind, const struct crm_record *record, const char *fields,
	const char *changed)
{
	json_t *values = parsed(fields), *names = parsed(changed);
	struct crm_op op = {
		.id = record->id, .version = record->version, .fields = values, .changed = names
	};
	struct error err = ERROR_INIT;

	if (salesforce_driver.write(crm, kind, CRM_UPDATE, &op, 1, &err))
		fail_msg("%s", err.text);
	json_decref(values);
	json_decref(names);
	crm_op_clear(&op);
	return op.error;
}

static struct crm_record fetch(enum item_kind kind, const char *id)
{
	struct crm_record *records, one;
	struct error err = ERROR_INIT;
	size_t n;

	if (salesforce_driver.get(crm, kind, &id, 1, &records, &n, &err))
		fail_msg("%s", err.text);
	assert_int_equal(n, 1);
	one = records[0];
	free(records);
	return one;
}

static void holds(enum item_kind kind, const char *id, const char *fields)
{
	struct crm_record record = fetch(kind, id);
	json_t *expected = parsed(fields);

	if (!json_equal(record.fields, expected))
		fail_msg("%s", json_dumps(record.fields, JSON_SORT_KEYS));
	json_decref(expected);
	crm_record_clear(&record);
}

/* The record as the server stores it (new reference). */
static json_t *stored(const char *object, const char *id)
{
	json_t *state = sim_process_command(&sim, "GET", "state?only=salesforce", NULL), *row;
	json_t *rows = json_object_get(json_object_get(state, "salesforce"), object), *found = NULL;
	size_t i;

	json_array_foreach(rows, i, row)
		if (!strcmp(json_string_value(json_object_get(row, "Id")), id))
			found = json_incref(row);
	json_decref(state);
	assert_non_null(found);
	return found;
}

static void is_stored(const char *object, const char *id, const char *name, const char *value)
{
	json_t *row = stored(object, id);
	const char *text = json_string_value(json_object_get(row, name));

	if (!text || strcmp(text, value) != 0)
		fail_msg("%s is %s", name, text ? text : "empty");
	json_decref(row);
}

/* ---- tests ------------------------------------------------------------------------------------- */

static void an_event_goes_and_comes(void **state)
{
	char *id = create(KIND_EVENT, "event-1",
		"{\"Subject\":\"Review\",\"StartDateTime\":\"2026-12-01T09:00:00Z\","
		"\"DurationInMinutes\":90,\"Location\":\"Ulm\",\"Description\":\"one\\ntwo\","
		"\"ShowAs\":\"OutOfOffice\",\"IsPrivate\":true,\"ReminderDateTime\":15}");
	struct crm_record record;

	(void)state;
	is_stored("Event", id, "EndDateTime", "2026-12-01T10:30:00.000+0000");
	is_stored("Event", id, "ReminderDateTime", "2026-12-01T08:45:00.000+0000");
	holds(KIND_EVENT, id,
		"{\"Subject\":\"Review\",\"StartDateTime\":\"2026-12-01T09:00:00Z\","
		"\"DurationInMinutes\":90,\"Location\":\"Ulm\",\"Description\":\"one\\ntwo\","
		"\"ShowAs\":\"OutOfOffice\",\"IsPrivate\":true,\"ReminderDateTime\":15}");
	record = fetch(KIND_EVENT, id);
	assert_string_equal(record.token, "event-1");
	assert_true(record.created_by_us && record.modified_by_us && !record.deleted);
	/* the reminder goes with the start */
	assert_int_equal(
		update(KIND_EVENT, &record,
			"{\"StartDateTime\":\"2026-12-02T09:00:00Z\",\"DurationInMinutes\":90,"
			"\"ReminderDateTime\":15}",
			"[\"StartDateTime\",\"Location\",\"IsPrivate\"]")
			.code,
		0);
	is_stored("Event", id, "ReminderDateTime", "2026-12-02T08:45:00.000+0000");
	holds(KIND_EVENT, id,
		"{\"Subject\":\"Review\",\"StartDateTime\":\"2026-12-02T09:00:00Z\","
		"\"DurationInMinutes\":90,\"Description\":\"one\\ntwo\","
		"\"ShowAs\":\"OutOfOffice\",\"ReminderDateTime\":15}");
	crm_record_clear(&record);
	free(id);
}

static void an_all_day_event(void **state)
{
	char *id = create(KIND_EVENT, "event-2",
		"{\"StartDateTime\":\"2026-12-24\",\"DurationInMinutes\":4320,\"ShowAs\":"
		"\"Free\"}");
	struct crm_record record = fetch(KIND_EVENT, id);

	(void)state;
	is_stored("Event", id, "ActivityDate", "2026-12-24");
	is_stored("Event", id, "EndDate", "2026-12-26");
	holds(KIND_EVENT, id,
		"{\"StartDateTime\":\"2026-12-24\",\"DurationInMinutes\":4320,\"ShowAs\":"
		"\"Free\"}");
	/* and an hour of that day, in one step */
	assert_int_equal(update(KIND_EVENT, &record,
				 "{\"StartDateTime\":\"2026-12-24T10:00:00Z\","
				 "\"DurationInMinutes\":60,\"ShowAs\":\"Free\"}",
				 "[\"StartDateTime\",\"DurationInMinutes\"]")
				 .code,
		0);
	holds(KIND_EVENT, id,
		"{\"StartDateTime\":\"2026-12-24T10:00:00Z\",\"DurationInMinutes\":60,"
		"\"ShowAs\":\"Free\"}");
	crm_record_clear(&record);
	free(id);
}

static void a_task_goes_and_comes(void **state)
{
	char *id = create(KIND_TASK, "task-1",
		"{\"Subject\":\"Call\",\"ActivityDate\":\"2026-12-24\",\"Status\":\"In Progress\","
		"\"Priority\":\"High\",\"ReminderDateTime\":\"2026-12-24T08:00:00Z\"}");
	struct crm_record record = fetch(KIND_TASK, id);
	json_t *row;

	(void)state;
	holds(KIND_TASK, id,
		"{\"Subject\":\"Call\",\"ActivityDate\":\"2026-12-24\",\"Status\":\"In Progress\","
		"\"Priority\":\"High\",\"ReminderDateTime\":\"2026-12-24T08:00:00Z\"}");
	assert_int_equal(
		update(KIND_TASK, &record,
			"{\"Subject\":\"Call\",\"Status\":\"Completed\",\"Priority\":\"High\"}",
			"[\"Status\",\"ActivityDate\",\"ReminderDateTime\"]")
			.code,
		0);
	row = stored("Task", id);
	assert_true(json_is_true(json_object_get(row, "IsClosed")));
	assert_false(json_is_true(json_object_get(row, "IsReminderSet")));
	assert_null(json_object_get(row, "ActivityDate"));
	crm_record_clear(&record);
	record = fetch(KIND_TASK, id);
	/* read from the server, never sent */
	assert_non_null(json_object_get(record.fields, "CompletedDateTime"));
	json_decref(row);
	crm_record_clear(&record);
	free(id);
}

static void too_long_for_an_event(void **state)
{
	json_t *fields = parsed("{\"StartDateTime\":\"2026-12-24\",\"DurationInMinutes\":21600}");
	struct crm_op op = { .token = "event-3", .fields = fields };
	struct error err = ERROR_INIT;

	(void)state;
	assert_int_equal(salesforce_driver.write(crm, KIND_EVENT, CRM_CREATE, &op, 1, &err), 0);
	assert_int_equal(op.error.code, ERR_REMOTE);
	assert_non_null(strstr(op.error.text, "between 0 and 20160 minutes"));
	json_decref(fields);
}

/* The ids of the records that are like one of these projections, of this owner. */
static size_t matched(enum item_kind kind, const char *owner, const char *fields, char id[20])
{
	json_t *projection = parsed(fields);
	const json_t *const projections[] = { projection };
	struct crm_record *records;
	struct error err = ERROR_INIT;
	size_t n;

	if (salesforce_driver.match_fields(crm, kind, owner, projections, 1, &records, &n, &err))
		fail_msg("%s", err.text);
	if (n)
		snprintf(id, 20, "%s", records[0].id);
	crm_records_free(records, n);
	json_decref(projection);
	return n;
}

static void matches_by_owner_start_and_subject(void **state)
{
	const char *alice = config->users[0].crm_user, *bob = config->users[1].crm_user;
	json_t *fields = parsed("{\"Subject\":\"Same\",\"StartDateTime\":\"2027-01-04T09:00:00Z\","
				"\"DurationInMinutes\":30}");
	struct crm_op op = { .token = "event-4", .owner_id = alice, .fields = fields };
	struct error err = ERROR_INIT;
	char id[20];

	(void)state;
	assert_int_equal(salesforce_driver.write(crm, KIND_EVENT, CRM_CREATE, &op, 1, &err), 0);
	assert_int_equal(op.error.code, 0);
	assert_int_equal(
		matched(KIND_EVENT, alice,
			"{\"Subject\":\"Same\",\"StartDateTime\":\"2027-01-04T09:00:00Z\"}", id),
		1);
	assert_string_equal(id, op.new_id);
	assert_int_equal(
		matched(KIND_EVENT, bob,
			"{\"Subject\":\"Same\",\"StartDateTime\":\"2027-01-04T09:00:00Z\"}", id),
		0);
	assert_int_equal(
		matched(KIND_EVENT, alice,
			"{\"Subject\":\"Other\",\"StartDateTime\":\"2027-01-04T09:00:00Z\"}", id),
		0);
	assert_int_equal(matched(KIND_EVENT, alice,
				 "{\"Subject\":\"Same\",\"StartDateTime\":\"2027-01-04\"}", id),
		0);
	free(create(KIND_TASK, "task-2", "{\"Subject\":\"Some day\"}"));
	assert_int_equal(matched(KIND_TASK, NULL, "{\"Subject\":\"Some day\"}", id), 1);
	assert_int_equal(matched(KIND_TASK, NULL,
				 "{\"Subject\":\"Some day\",\"ActivityDate\":\"2027-01-01\"}", id),
		0);
	json_decref(fields);
	crm_op_clear(&op);
}

/* Pulls to the end; how often the record is shown, and how. */
static size_t pulled(enum item_kind kind, const char *id, bool *deleted, char reason[200])
{
	char *cursor AUTOFREE = NULL;
	bool last = false;
	size_t hits = 0;

	reason[0] = '\0';
	while (!last) {
		struct crm_page page;
		struct error err = ERROR_INIT;

		if (salesforce_driver.pull(crm, kind, cursor, &page, &err))
			fail_msg("%s", err.text);
		for (size_t i = 0; i < page.n; i++) {
			if (strcmp(page.records[i].id, id) != 0)
				continue;
			hits++;
			*deleted = page.records[i].deleted;
			if (page.records[i].unsupported)
				snprintf(reason, 200, "%s", page.records[i].unsupported);
		}
		last = page.last;
		free(cursor);
		cursor = xstrdup(page.cursor);
		crm_page_clear(&page);
	}
	return hits;
}

static void pulls_what_is_somebodys_own(void **state)
{
	char *id = create(KIND_EVENT, "event-5",
		"{\"Subject\":\"Board\",\"StartDateTime\":\"2027-02-01T09:00:00Z\","
		"\"DurationInMinutes\":30}");
	json_t *classic, *rows;
	char reason[200];
	bool deleted;
	size_t children = 0;
	struct crm_op op = { .id = id };
	struct error err = ERROR_INIT;

	(void)state;
	act("create", json_pack("{s:s, s:{s:s, s:s}}", "object", "EventRelation", "fields",
			      "EventId", id, "RelationId", config->users[1].crm_user));
	classic = sim_process_command(&sim, "POST", "sf/create",
		parsed("{\"object\":\"Event\",\"fields\":{\"Subject\":\"Old\",\"StartDateTime\":"
		       "\"2026-12-01T09:00:00Z\",\"DurationInMinutes\":30,\"IsRecurrence\":true,"
		       "\"RecurrenceType\":\"RecursDaily\",\"RecurrenceInterval\":1,"
		       "\"RecurrenceEndDateOnly\":\"2026-12-03\"}}"));
	assert_int_equal(pulled(KIND_EVENT, id, &deleted, reason), 1);
	assert_false(deleted);
	assert_string_equal(reason, "");
	assert_int_equal(pulled(KIND_EVENT, json_string_value(json_object_get(classic, "id")),
				 &deleted, reason),
		1);
	assert_non_null(strstr(reason, "Classic"));
	rows = sim_process_command(&sim, "GET", "state?only=salesforce", NULL);
	for (size_t i = 0;; i++) {
		json_t *row = json_array_get(
			json_object_get(json_object_get(rows, "salesforce"), "Event"), i);

		if (!row)
			break;
		if (!json_is_true(json_object_get(row, "IsChild")))
			continue;
		children++;
		assert_int_equal(pulled(KIND_EVENT, json_string_value(json_object_get(row, "Id")),
					 &deleted, reason),
			0);
	}
	assert_int_equal(children, 1);
	assert_int_equal(salesforce_driver.write(crm, KIND_EVENT, CRM_DELETE, &op, 1, &err), 0);
	assert_int_equal(pulled(KIND_EVENT, id, &deleted, reason), 1);
	assert_true(deleted);
	json_decref(rows);
	json_decref(classic);
	free(id);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(an_event_goes_and_comes, after_each),
		cmocka_unit_test_teardown(an_all_day_event, after_each),
		cmocka_unit_test_teardown(a_task_goes_and_comes, after_each),
		cmocka_unit_test_teardown(too_long_for_an_event, after_each),
		cmocka_unit_test_teardown(matches_by_owner_start_and_subject, after_each),
		cmocka_unit_test_teardown(pulls_what_is_somebodys_own, after_each),
	};

	(void)argc;
	return sim_org_run(argv[0], tests, ARRAY_SIZE(tests));
}
