/* Events and tasks between the driver and the simulated Salesforce. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "crm/salesforce_activity.h"
#include "tests/unit/crm/sim_org.h"
#include "tests/unit/json_text.h"

/* ---- what tests do ----------------------------------------------------------------------------- */

static char *create(enum item_kind kind, const char *token, const char *fields)
{
	json_t *values = json_of(fields);
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
	json_t *values = json_of(fields), *names = json_of(changed);
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
	json_t *expected = json_of(fields);

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

static void the_zone_of_a_user(void **state)
{
	const char *alice = config->users[0].crm_user;
	struct error err = ERROR_INIT;
	char *zone;

	(void)state;
	act("update", json_pack("{s:s, s:{s:s}}", "id", alice, "fields", "TimeZoneSidKey",
			      "America/Los_Angeles"));
	assert_int_equal(salesforce_driver.user_time_zone(crm, alice, &zone, &err), 0);
	assert_string_equal(zone, "America/Los_Angeles");
	free(zone);
	act("update", json_pack("{s:s, s:{s:s}}", "id", alice, "fields", "TimeZoneSidKey", "GMT"));
	assert_int_equal(salesforce_driver.user_time_zone(crm, alice, &zone, &err), 0);
	assert_string_equal(zone, "Etc/UTC");
	free(zone);
	assert_int_equal(
		salesforce_driver.user_time_zone(crm, "005000000000001AAA", &zone, &err), 0);
	assert_null(zone);
	assert_int_equal(
		salesforce_driver.user_time_zone(crm, "a' OR 'a'", &zone, &err), ERR_INVALID);
}

static void too_long_for_an_event(void **state)
{
	json_t *fields = json_of("{\"StartDateTime\":\"2026-12-24\",\"DurationInMinutes\":21600}");
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
	json_t *projection = json_of(fields);
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
	json_t *fields = json_of("{\"Subject\":\"Same\",\"StartDateTime\":\"2027-01-04T09:00:00Z\","
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
		json_of("{\"object\":\"Event\",\"fields\":{\"Subject\":\"Old\",\"StartDateTime\":"
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

/* ---- series ------------------------------------------------------------------------------------ */

#define STAND_UP                                                                                   \
	"\"Subject\":\"Stand-up\",\"StartDateTime\":\"2027-03-15T09:00:00Z\","                     \
	"\"DurationInMinutes\":30,\"ShowAs\":\"Busy\",\"Recurrence2PatternText\":"                 \
	"\"RRULE:FREQ=WEEKLY;COUNT=4;BYDAY=MO\",\"Recurrence2PatternTimeZone\":\"Europe/Berlin\""
#define LATER                                                                                      \
	"\"Occurrences/2027-03-22T10:00:00\":{\"StartDateTime\":\"2027-03-23T10:00:00Z\","         \
	"\"Subject\":\"Later\"}"
#define GONE "\"Occurrences/2027-03-29T10:00:00\":{\"excluded\":true}"

/* The living occurrences of the series, "START SUBJECT", in order of time. */
static json_t *occurrences(const char *series)
{
	json_t *state = sim_process_command(&sim, "GET", "state?only=salesforce", NULL);
	json_t *events = json_object_get(json_object_get(state, "salesforce"), "Event"), *row;
	json_t *out = json_array(), *master = stored("Event", series);
	const char *id = json_string_value(json_object_get(master, "ActivityRecurrence2Id"));
	size_t i, at;

	json_array_foreach(events, i, row) {
		const char *of = json_string_value(json_object_get(row, "ActivityRecurrence2Id"));
		json_t *line;

		if (!of || strcmp(of, id) != 0 || json_is_true(json_object_get(row, "IsDeleted")) ||
			!strcmp(json_string_value(json_object_get(row, "GroupEventType")), "3"))
			continue;
		line = json_sprintf("%.16s %s",
			json_string_value(json_object_get(row, "StartDateTime")),
			json_string_value(json_object_get(row, "Subject")));
		for (at = 0; at < json_array_size(out); at++)
			if (strcmp(json_string_value(json_array_get(out, at)),
				    json_string_value(line)) > 0)
				break;
		json_array_insert_new(out, at, line);
	}
	json_decref(master);
	json_decref(state);
	return out;
}

static void has_occurrences(const char *series, const char *expected)
{
	json_t *have = occurrences(series), *want = json_loads(expected, 0, NULL);

	assert_non_null(want);
	if (!json_equal(have, want))
		fail_msg("%s", json_dumps(have, 0));
	json_decref(have);
	json_decref(want);
}

static void a_series_with_exceptions(void **state)
{
	char *id = create(KIND_EVENT, "series-1", "{" STAND_UP "," LATER "," GONE "}");
	struct crm_record record;

	(void)state;
	/* summer time begins on the 28th */
	has_occurrences(id, "[\"2027-03-15T09:00 Stand-up\",\"2027-03-23T10:00 Later\","
			    "\"2027-04-05T08:00 Stand-up\"]");
	holds(KIND_EVENT, id, "{" STAND_UP "," LATER "," GONE "}");
	record = fetch(KIND_EVENT, id);
	assert_string_equal(record.token, "series-1");
	/* one exception is taken back, another one is new */
	assert_int_equal(update(KIND_EVENT, &record,
				 "{" STAND_UP "," GONE ",\"Occurrences/2027-04-05T10:00:00\":"
				 "{\"Location\":\"Ulm\"}}",
				 "[\"Occurrences/2027-03-22T10:00:00\","
				 "\"Occurrences/2027-04-05T10:00:00\"]")
				 .code,
		0);
	has_occurrences(id, "[\"2027-03-15T09:00 Stand-up\",\"2027-03-22T09:00 Stand-up\","
			    "\"2027-04-05T08:00 Stand-up\"]");
	holds(KIND_EVENT, id,
		"{" STAND_UP "," GONE ",\"Occurrences/2027-04-05T10:00:00\":"
		"{\"Location\":\"Ulm\"}}");
	crm_record_clear(&record);
	free(id);
}

static void built_anew(bool new_record)
{
	const char *token = new_record ? "series-3" : "series-2";
	char *id = create(KIND_EVENT, token, "{" STAND_UP "," LATER "," GONE "}"), reason[200];
	struct crm_record record = fetch(KIND_EVENT, id), after;
	char *now_id;
	bool deleted;

	act("activities", json_pack("{s:b}", "series_new_record", new_record));
	assert_int_equal(
		update(KIND_EVENT, &record,
			"{\"Subject\":\"Stand-up\",\"StartDateTime\":\"2027-03-15T11:00:00Z\","
			"\"DurationInMinutes\":30,\"Recurrence2PatternText\":"
			"\"RRULE:FREQ=WEEKLY;COUNT=4;BYDAY=MO\","
			"\"Recurrence2PatternTimeZone\":\"Europe/Berlin\","
			"\"Occurrences/2027-03-22T12:00:00\":{\"Subject\":\"Later\"},"
			"\"Occurrences/2027-03-29T12:00:00\":{\"excluded\":true}}",
			"[\"StartDateTime\"]")
			.code,
		0);
	after = fetch(KIND_EVENT, id);
	assert_int_equal(after.deleted, new_record);
	now_id = xstrdup(new_record ? after.master_id : id);
	assert_non_null(now_id);
	has_occurrences(now_id, "[\"2027-03-15T11:00 Stand-up\",\"2027-03-22T11:00 Later\","
				"\"2027-04-05T10:00 Stand-up\"]");
	assert_int_equal(pulled(KIND_EVENT, now_id, &deleted, reason), 1);
	assert_false(deleted);
	act("activities", json_pack("{s:b}", "series_new_record", 0));
	crm_record_clear(&record);
	crm_record_clear(&after);
	free(now_id);
	free(id);
}

static void a_series_that_is_built_anew(void **state)
{
	(void)state;
	built_anew(false);
	built_anew(true);
}

/* What others do to single occurrences is part of the one record. */
static void others_change_occurrences(void **state)
{
	char *id = create(KIND_EVENT, "series-4", "{" STAND_UP "}");
	json_t *master = stored("Event", id), *all, *row, *rows;
	const char *of = json_string_value(json_object_get(master, "ActivityRecurrence2Id"));
	struct crm_record before = fetch(KIND_EVENT, id), after;
	char reason[200];
	bool deleted;
	size_t i;

	(void)state;
	advance(60);
	all = sim_process_command(&sim, "GET", "state?only=salesforce", NULL);
	rows = json_object_get(json_object_get(all, "salesforce"), "Event");
	json_array_foreach(rows, i, row) {
		const char *series = json_string_value(
			json_object_get(row, "ActivityRecurrence2Id"));
		const char *start = json_string_value(json_object_get(row, "StartDateTime"));
		json_t *record_id = json_object_get(row, "Id");

		if (!series || strcmp(series, of) != 0 || !strcmp(json_string_value(record_id), id))
			continue;
		if (!strncmp(start, "2027-03-15", 10))
			act("delete", json_pack("{s:O}", "id", record_id));
		if (!strncmp(start, "2027-03-22", 10))
			act("update", json_pack("{s:O, s:{s:s}}", "id", record_id, "fields",
					      "StartDateTime", "2027-03-24T15:00:00Z"));
	}
	assert_int_equal(pulled(KIND_EVENT, id, &deleted, reason), 1);
	holds(KIND_EVENT, id,
		"{" STAND_UP ",\"Occurrences/2027-03-15T10:00:00\":{\"excluded\":true},"
		"\"Occurrences/2027-03-22T10:00:00\":"
		"{\"StartDateTime\":\"2027-03-24T15:00:00Z\"}}");
	after = fetch(KIND_EVENT, id);
	assert_string_not_equal(before.version, after.version);
	assert_true(before.modified_by_us && !after.modified_by_us);
	crm_record_clear(&before);
	crm_record_clear(&after);
	json_decref(all);
	json_decref(master);
	free(id);
}

/* The series was written, and one of its occurrences was not. */
static void an_exception_that_did_not_arrive(void **state)
{
	json_t *fields = json_of("{" STAND_UP ",\"Occurrences/2027-03-22T10:00:00\":"
				 "{\"DurationInMinutes\":30000}," GONE "}");
	struct crm_op op = { .token = "series-5", .fields = fields };
	struct error err = ERROR_INIT;

	(void)state;
	assert_int_equal(salesforce_driver.write(crm, KIND_EVENT, CRM_CREATE, &op, 1, &err), 0);
	assert_int_equal(op.error.code, 0);
	assert_int_equal(json_array_size(op.left), 1);
	assert_string_equal(
		json_string_value(json_array_get(op.left, 0)), "Occurrences/2027-03-22T10:00:00");
	has_occurrences(op.new_id, "[\"2027-03-15T09:00 Stand-up\",\"2027-03-22T09:00 Stand-up\","
				   "\"2027-04-05T08:00 Stand-up\"]");
	json_decref(fields);
	crm_op_clear(&op);
}

/* The fields of a daily series that begins then, of six occurrences. */
static char *daily(time_t start)
{
	char text[32];

	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", gmtime(&start));
	return xasprintf("{\"Subject\":\"Daily\",\"StartDateTime\":\"%s\",\"DurationInMinutes\":30,"
			 "\"ShowAs\":\"Busy\",\"Recurrence2PatternText\":"
			 "\"RRULE:FREQ=DAILY;COUNT=6\",\"Recurrence2PatternTimeZone\":"
			 "\"Etc/UTC\"}",
		text);
}

/* Three occurrences are over when somebody moves the series: they stay as they were there, and are not
 * taken for deleted. */
static void what_is_over_stays(void **state)
{
	time_t start = time(NULL) - 3 * 86400 + 7200, later = start + 1800;
	char *before AUTOFREE = daily(start), *after AUTOFREE = daily(later), text[32];
	char *id = create(KIND_EVENT, "series-8", before);

	(void)state;
	holds(KIND_EVENT, id, before);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", gmtime(&later));
	act("update", json_pack("{s:s, s:{s:s}}", "id", id, "fields", "StartDateTime", text));
	holds(KIND_EVENT, id, after);
	free(id);
}

/* The first occurrence's id, of those that the server shows. */
static void a_series_whose_own_row_is_hidden(void **state)
{
	char *id = create(KIND_EVENT, "series-9", "{" STAND_UP "," GONE "}"), reason[200];
	json_t *rows = sim_process_command(&sim, "GET", "state?only=salesforce", NULL), *row;
	json_t *master = stored("Event", id);
	const char *first = NULL;
	bool deleted;
	size_t i;

	(void)state;
	json_array_foreach(json_object_get(json_object_get(rows, "salesforce"), "Event"), i, row)
		if (json_equal(json_object_get(row, "ActivityRecurrence2Id"),
			    json_object_get(master, "ActivityRecurrence2Id")) &&
			!strcmp(json_string_value(json_object_get(row, "StartDateTime")),
				"2027-03-15T09:00:00.000+0000") &&
			strcmp(json_string_value(json_object_get(row, "Id")), id) != 0)
			first = json_string_value(json_object_get(row, "Id"));
	assert_non_null(first);
	act("hide", json_pack("{s:s}", "id", id));
	assert_int_equal(pulled(KIND_EVENT, id, &deleted, reason), 0);
	assert_int_equal(pulled(KIND_EVENT, first, &deleted, reason), 1);
	holds(KIND_EVENT, first, "{" STAND_UP "," GONE "}");
	json_decref(master);
	json_decref(rows);
	free(id);
}

static void several_rules_are_refused(void **state)
{
	json_t *fields = json_of("{\"StartDateTime\":\"2027-03-15\",\"DurationInMinutes\":1440,"
				 "\"Recurrence2PatternText\":\"several rules\"}");
	struct crm_op op = { .token = "series-6", .fields = fields };
	struct error err = ERROR_INIT;

	(void)state;
	assert_int_equal(salesforce_driver.write(crm, KIND_EVENT, CRM_CREATE, &op, 1, &err), 0);
	assert_int_equal(op.error.code, ERR_INVALID);
	assert_non_null(strstr(op.error.text, "one recurrence rule"));
	json_decref(fields);
}

static void an_all_day_series(void **state)
{
	char *id = create(KIND_EVENT, "series-7",
		"{\"StartDateTime\":\"2027-03-27\",\"DurationInMinutes\":1440,\"ShowAs\":\"Free\","
		"\"Recurrence2PatternText\":\"RRULE:FREQ=DAILY;COUNT=3\","
		"\"Occurrences/2027-03-28T00:00:00\":{\"Subject\":\"Sunday\"}}");

	(void)state;
	holds(KIND_EVENT, id,
		"{\"StartDateTime\":\"2027-03-27\",\"DurationInMinutes\":1440,\"ShowAs\":\"Free\","
		"\"Recurrence2PatternText\":\"RRULE:FREQ=DAILY;COUNT=3\","
		"\"Occurrences/2027-03-28T00:00:00\":{\"Subject\":\"Sunday\"}}");
	free(id);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(an_event_goes_and_comes, after_each),
		cmocka_unit_test_teardown(an_all_day_event, after_each),
		cmocka_unit_test_teardown(a_task_goes_and_comes, after_each),
		cmocka_unit_test_teardown(the_zone_of_a_user, after_each),
		cmocka_unit_test_teardown(too_long_for_an_event, after_each),
		cmocka_unit_test_teardown(matches_by_owner_start_and_subject, after_each),
		cmocka_unit_test_teardown(pulls_what_is_somebodys_own, after_each),
		cmocka_unit_test_teardown(a_series_with_exceptions, after_each),
		cmocka_unit_test_teardown(a_series_that_is_built_anew, after_each),
		cmocka_unit_test_teardown(others_change_occurrences, after_each),
		cmocka_unit_test_teardown(an_exception_that_did_not_arrive, after_each),
		cmocka_unit_test_teardown(what_is_over_stays, after_each),
		cmocka_unit_test_teardown(a_series_whose_own_row_is_hidden, after_each),
		cmocka_unit_test_teardown(several_rules_are_refused, after_each),
		cmocka_unit_test_teardown(an_all_day_series, after_each),
	};

	(void)argc;
	return sim_org_run(argv[0], tests, ARRAY_SIZE(tests));
}
