/* Field types of events: what is read and written at each kind of place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "sync/formats/event.h"
#include "sync/mem.h"
#include "tests/unit/json_text.h"

/* One event with something of everything. */
static const char event[] =
	"{'@type':'Event','title':'Sail','start':'2026-07-01T10:00:00','timeZone':'Europe/Berlin',"
	"'duration':'PT1H','locations':{'1':{'@type':'Location','name':'Quay'}},'privacy':'secret',"
	"'priority':3,'alerts':{'1':{'@type':'Alert','action':'email','trigger':{'@type':"
	"'OffsetTrigger','offset':'-PT5M'}},'2':{'@type':'Alert','action':'display','trigger':"
	"{'@type':'OffsetTrigger','offset':'-PT1H'}}},'participants':{'a@x':{'@type':'Participant',"
	"'name':'A','expectReply':true,'roles':{'attendee':true}}},'recurrenceOverrides':{"
	"'2026-07-08T10:00:00':{'title':'Row','updated':'2026-01-01T00:00:00Z'},"
	"'2026-07-15T10:00:00':{'excluded':true},'2026-07-16T10:00:00':{},"
	"'2026-07-22T10:00:00':{'updated':'2026-01-01T00:00:00Z'}}}";

static void assert_value(json_t *got, const char *wanted)
{
	json_t *value = wanted ? json_of_lax(wanted) : NULL;

	if (wanted ? !json_equal(got, value) : got != NULL)
		fail_msg("%s, not %s", got ? json_dumps(got, JSON_ENCODE_ANY) : "nothing",
			wanted ? wanted : "nothing");
	json_decref(value);
	json_decref(got);
}

#define PRIVACY                                                                                    \
	"privacy|Normal= Personal=microsoft.com:personal Private=private Confidential=secret"

static void test_get(void **state)
{
	static const struct {
		struct field field;
		const char *value;
	} cases[] = {
		{ { .path = "title", .type = &field_event_text }, "'Sail'" },
		{ { .path = "description", .type = &field_event_text }, NULL },
		{ { .path = "locations/1/name", .type = &field_event_text }, "'Quay'" },
		{ { .path = "virtualLocations/1/uri", .type = &field_event_text }, NULL },
		{ { .path = PRIVACY, .type = &field_event_words }, "'Confidential'" },
		{ { .path = "freeBusyStatus|Free=free Busy=busy", .type = &field_event_words },
			NULL },
		{ { .path = "status|None= Tentative=tentative", .type = &field_event_words },
			"'None'" },
		{ { .path = "priority", .type = &field_event_importance }, "'High'" },
		{ { .path = "priority", .type = &field_event_number }, "3" },
		{ { .path = "percentComplete", .type = &field_event_number }, NULL },
		{ { .path = "showWithoutTime", .type = &field_event_flag }, NULL },
		{ { .path = "", .type = &field_event_when },
			"{'start':'2026-07-01T10:00:00','timeZone':'Europe/Berlin',"
			"'duration':'PT1H'}" },
		{ { .path = "start", .type = &field_event_instant }, "'2026-07-01T08:00:00Z'" },
		{ { .path = "end", .type = &field_event_instant }, "'2026-07-01T09:00:00Z'" },
		{ { .path = "alerts", .type = &field_event_reminder }, "60" },
		{ { .path = "alerts", .type = &field_event_reminder_at }, NULL },
		{ { .path = "participants/name roles", .type = &field_event_entries },
			"{'a@x':{'name':'A','roles':{'attendee':true}}}" },
		{ { .path = "recurrenceOverrides/title excluded", .type = &field_event_entries },
			"{'2026-07-08T10:00:00':{'title':'Row'},'2026-07-15T10:00:00':"
			"{'excluded':true},'2026-07-16T10:00:00':{}}" },
	};
	json_t *doc = json_of_lax(event);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_value(cases[i].field.type->get(doc, &cases[i].field), cases[i].value);
	json_decref(doc);
}

/* What an empty event becomes, and that nothing is left of it when the value is taken away. */
static void test_set_and_remove(void **state)
{
	static const struct {
		struct field field;
		const char *value;
		const char *doc;
	} cases[] = {
		{ { .path = "title", .type = &field_event_text }, "'Sail'", "{'title':'Sail'}" },
		{ { .path = "locations/1/name", .type = &field_event_text }, "'Quay'",
			"{'locations':{'1':{'@type':'Location','name':'Quay'}}}" },
		{ { .path = PRIVACY, .type = &field_event_words }, "'Personal'",
			"{'privacy':'microsoft.com:personal'}" },
		{ { .path = PRIVACY, .type = &field_event_words }, "'Normal'", "{}" },
		{ { .path = "priority", .type = &field_event_importance }, "'Low'",
			"{'priority':9}" },
		{ { .path = "priority", .type = &field_event_importance }, "'Normal'", "{}" },
		{ { .path = "percentComplete", .type = &field_event_number }, "50",
			"{'percentComplete':50}" },
		{ { .path = "showWithoutTime", .type = &field_event_flag }, "true",
			"{'showWithoutTime':true}" },
		{ { .path = "", .type = &field_event_when },
			"{'due':'2026-07-01T00:00:00','showWithoutTime':true}",
			"{'due':'2026-07-01T00:00:00','showWithoutTime':true}" },
		{ { .path = "alerts", .type = &field_event_reminder }, "90",
			"{'alerts':{'1':{'@type':'Alert','action':'display','trigger':{'@type':"
			"'OffsetTrigger','offset':'-PT1H30M'}}}}" },
		{ { .path = "alerts", .type = &field_event_reminder_at }, "'2026-07-01T08:00:00Z'",
			"{'alerts':{'1':{'@type':'Alert','action':'display','trigger':{'@type':"
			"'AbsoluteTrigger','when':'2026-07-01T08:00:00Z'}}}}" },
		{ { .path = "recurrenceRules", .type = &field_event_rules },
			"[{'@type':'RecurrenceRule','frequency':'daily'}]",
			"{'recurrenceRules':[{'@type':'RecurrenceRule','frequency':'daily'}]}" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct field *field = &cases[i].field;
		json_t *doc = json_object();
		json_t *value = json_of_lax(cases[i].value);

		assert_int_equal(field->type->set(doc, field, NULL, value, NULL), 0);
		assert_value(json_incref(doc), cases[i].doc);
		assert_int_equal(field->type->set(doc, field, NULL, NULL, NULL), 0);
		assert_int_equal(json_object_size(doc), 0);
		json_decref(value);
		json_decref(doc);
	}
}

static void test_wrong_values_are_refused(void **state)
{
	static const struct {
		struct field field;
		const char *value;
	} cases[] = {
		{ { .path = "title", .type = &field_event_text }, "1" },
		{ { .path = PRIVACY, .type = &field_event_words }, "'Secret'" },
		{ { .path = "priority", .type = &field_event_importance }, "'Highest'" },
		{ { .path = "start", .type = &field_event_instant }, "'2026-07-01T08:00:00'" },
		{ { .path = "alerts", .type = &field_event_reminder }, "-5" },
		{ { .path = "participants/name", .type = &field_event_entries }, "true" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct field field = cases[i].field;
		struct error err = ERROR_INIT;
		json_t *doc = json_of_lax(event);
		json_t *before = json_deep_copy(doc);
		json_t *value = json_of_lax(cases[i].value);

		field.name = "Field";
		assert_int_equal(field.type->set(doc, &field, "k", value, &err), ERR_INVALID);
		assert_memory_equal(err.text, "Field must be ", 14);
		assert_true(json_equal(doc, before));
		json_decref(value);
		json_decref(before);
		json_decref(doc);
	}
}

/* Start and end each by itself: New York is five hours behind in winter. */
static void test_instants(void **state)
{
	static const struct field start = { .path = "start", .type = &field_event_instant };
	static const struct field end = { .path = "end", .type = &field_event_instant };
	json_t *doc = json_of_lax("{'timeZone':'America/New_York'}");
	json_t *from = json_of_lax("'2026-01-10T15:00:00Z'");
	json_t *to = json_of_lax("'2026-01-11T16:30:00Z'");

	(void)state;
	assert_int_equal(start.type->set(doc, &start, NULL, from, NULL), 0);
	assert_int_equal(end.type->set(doc, &end, NULL, to, NULL), 0);
	assert_value(doc, "{'timeZone':'America/New_York','start':'2026-01-10T10:00:00',"
			  "'duration':'PT25H30M'}");
	/* A day of the event's own zone, though it begins at five in the morning of UTC. */
	doc = json_of_lax("{'timeZone':'America/New_York','showWithoutTime':true}");
	json_string_set(from, "2026-01-10T05:00:00Z");
	json_string_set(to, "2026-01-12T05:00:00Z");
	assert_int_equal(start.type->set(doc, &start, NULL, from, NULL), 0);
	assert_int_equal(end.type->set(doc, &end, NULL, to, NULL), 0);
	assert_value(doc, "{'timeZone':'America/New_York','showWithoutTime':true,"
			  "'start':'2026-01-10T00:00:00','duration':'P2D'}");
	json_decref(from);
	json_decref(to);
}

static void test_entries(void **state)
{
	static const struct field people = { .path = "participants/name roles",
		.type = &field_event_entries };
	static const struct field overrides = { .path = "recurrenceOverrides/title excluded",
		.type = &field_event_entries };
	json_t *doc = json_of_lax(event);
	json_t *value = json_of_lax("{'name':'B'}");
	json_t *excluded = json_of_lax("{'excluded':true}");

	(void)state;
	assert_int_equal(people.type->set(doc, &people, "a@x", value, NULL), 0);
	assert_int_equal(people.type->set(doc, &people, "b@x", value, NULL), 0);
	assert_value(json_incref(json_object_get(doc, "participants")),
		"{'a@x':{'@type':'Participant','name':'B','expectReply':true},'b@x':{'@type':"
		"'Participant','email':'b@x','sendTo':{'imip':'mailto:b@x'},'name':'B'}}");
	assert_int_equal(
		overrides.type->set(doc, &overrides, "2026-07-08T10:00:00", excluded, NULL), 0);
	assert_int_equal(
		overrides.type->set(doc, &overrides, "2026-07-22T10:00:00", NULL, NULL), 0);
	assert_value(json_incref(json_object_get(doc, "recurrenceOverrides")),
		"{'2026-07-08T10:00:00':{'excluded':true},'2026-07-15T10:00:00':"
		"{'excluded':true},'2026-07-16T10:00:00':{}}");
	json_decref(value);
	json_decref(excluded);
	json_decref(doc);
}

/* A reminder changes the alert that it was read from, and no other. */
static void test_reminder_leaves_others(void **state)
{
	static const struct field reminder = { .path = "alerts", .type = &field_event_reminder };
	json_t *doc = json_of_lax(event);
	json_t *value = json_of_lax("30");

	(void)state;
	assert_int_equal(reminder.type->set(doc, &reminder, NULL, value, NULL), 0);
	assert_value(json_incref(json_object_get(doc, "alerts")),
		"{'1':{'@type':'Alert','action':'email','trigger':{'@type':'OffsetTrigger',"
		"'offset':'-PT5M'}},'2':{'@type':'Alert','action':'display','trigger':{'@type':"
		"'OffsetTrigger','offset':'-PT30M'}}}");
	assert_int_equal(reminder.type->set(doc, &reminder, NULL, NULL, NULL), 0);
	assert_null(reminder.type->get(doc, &reminder));
	assert_int_equal(json_object_size(json_object_get(doc, "alerts")), 1);
	json_decref(value);
	json_decref(doc);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_get),
		cmocka_unit_test(test_set_and_remove),
		cmocka_unit_test(test_wrong_values_are_refused),
		cmocka_unit_test(test_instants),
		cmocka_unit_test(test_entries),
		cmocka_unit_test(test_reminder_leaves_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
