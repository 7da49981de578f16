/* The tables of Event and Task: what each row makes of a document, and of a document what comes back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "crm/salesforce_activity.h"
#include "sync/mem.h"

static struct field_table events(void)
{
	return (struct field_table){ .rows = salesforce_event_rows, .n = salesforce_event_n };
}

static struct field_table tasks(void)
{
	return (struct field_table){ .rows = salesforce_task_rows, .n = salesforce_task_n };
}

/* What the row of this name makes of a document; and the document is the same after it is applied. */
static void projects(struct field_table table, const char *doc, const char *name, const char *value)
{
	json_t *document = json_loads(doc, 0, NULL), *before = json_loads(doc, 0, NULL);
	json_t *expected = value ? json_loads(value, JSON_DECODE_ANY, NULL) : NULL;
	struct error err = ERROR_INIT;
	json_t *seen = field_project(&table, document, NULL, &err);

	assert_non_null(document);
	if (expected ? !json_equal(json_object_get(seen, name), expected)
		     : json_object_get(seen, name) != NULL)
		fail_msg("%s of %s is %s", name, doc,
			json_dumps(json_object_get(seen, name), JSON_ENCODE_ANY));
	assert_int_equal(field_apply(&table, document, name, expected, &err), 0);
	assert_true(json_equal(document, before));
	json_decref(seen);
	json_decref(expected);
	json_decref(document);
	json_decref(before);
}

/* A value of the CRM put into a document. */
static void applies(struct field_table table, const char *doc, const char *name, const char *value,
	const char *after)
{
	json_t *document = json_loads(doc, 0, NULL), *expected = json_loads(after, 0, NULL);
	json_t *given = value ? json_loads(value, JSON_DECODE_ANY, NULL) : NULL;
	struct error err = ERROR_INIT;

	assert_non_null(expected);
	if (field_apply(&table, document, name, given, &err))
		fail_msg("%s: %s", name, err.text);
	if (!json_equal(document, expected))
		fail_msg("%s of %s gives %s", name, doc, json_dumps(document, JSON_SORT_KEYS));
	json_decref(given);
	json_decref(document);
	json_decref(expected);
}

#define BERLIN "\"start\":\"2026-12-01T10:00:00\",\"timeZone\":\"Europe/Berlin\""
#define DAY    "\"start\":\"2026-12-01T00:00:00\",\"showWithoutTime\":true"

static void when_an_event_is(void **state)
{
	(void)state;
	projects(events(), "{" BERLIN "}", "StartDateTime", "\"2026-12-01T09:00:00Z\"");
	projects(events(), "{" DAY ",\"timeZone\":\"Pacific/Auckland\"}", "StartDateTime",
		"\"2026-12-01\"");
	projects(events(), "{\"start\":\"2026-12-01T10:00:00\"}", "StartDateTime",
		"\"2026-12-01T10:00:00Z\"");
	projects(events(), "{" BERLIN ",\"duration\":\"PT1H30M\"}", "DurationInMinutes", "90");
	projects(events(), "{" BERLIN ",\"duration\":\"PT90S\"}", "DurationInMinutes", "2");
	projects(events(), "{" BERLIN "}", "DurationInMinutes", "0");
	/* a nominal day of 23 hours, and one that is exact */
	projects(events(),
		"{\"start\":\"2026-03-28T12:00:00\",\"timeZone\":\"Europe/Berlin\","
		"\"duration\":\"P1D\"}",
		"DurationInMinutes", "1380");
	projects(events(),
		"{\"start\":\"2026-03-28T12:00:00\",\"timeZone\":\"Europe/Berlin\","
		"\"duration\":\"PT24H\"}",
		"DurationInMinutes", "1440");
	projects(events(), "{" DAY ",\"duration\":\"P3D\"}", "DurationInMinutes", "4320");
	projects(events(), "{" DAY "}", "DurationInMinutes", "1440");
}

static void an_event_moves(void **state)
{
	(void)state;
	/* the zone stays, and its clock in July is another */
	applies(events(), "{" BERLIN "}", "StartDateTime", "\"2026-07-01T09:00:00Z\"",
		"{\"start\":\"2026-07-01T11:00:00\",\"timeZone\":\"Europe/Berlin\"}");
	applies(events(), "{" BERLIN "}", "StartDateTime", "\"2026-12-24\"",
		"{\"start\":\"2026-12-24T00:00:00\",\"timeZone\":\"Europe/Berlin\","
		"\"showWithoutTime\":true}");
	applies(events(), "{" DAY ",\"timeZone\":\"Asia/Kolkata\"}", "StartDateTime",
		"\"2026-12-01T23:00:00Z\"",
		"{\"start\":\"2026-12-02T04:30:00\",\"timeZone\":\"Asia/Kolkata\"}");
	applies(events(), "{}", "StartDateTime", "\"2026-12-01T23:00:00Z\"",
		"{\"start\":\"2026-12-01T23:00:00\",\"timeZone\":\"Etc/UTC\"}");
	applies(events(), "{" BERLIN "}", "DurationInMinutes", "2880",
		"{" BERLIN ",\"duration\":\"PT48H\"}");
	applies(events(), "{" DAY "}", "DurationInMinutes", "2880",
		"{" DAY ",\"duration\":\"P2D\"}");
	/* whichever of the two comes first */
	applies(events(), "{" BERLIN ",\"duration\":\"PT24H\"}", "StartDateTime", "\"2026-12-01\"",
		"{" DAY ",\"timeZone\":\"Europe/Berlin\",\"duration\":\"P1D\"}");
}

static void the_rest_of_an_event(void **state)
{
	static const char alert[] =
		"{\"alerts\":{\"x\":{\"@type\":\"Alert\",\"trigger\":{\"@type\":\"OffsetTrigger\","
		"\"offset\":\"-PT15M\"}}}}";

	(void)state;
	projects(events(), "{\"locations\":{\"1\":{\"name\":\"Ulm\"}}}", "Location", "\"Ulm\"");
	applies(events(), "{}", "Location", "\"Ulm\"",
		"{\"locations\":{\"1\":{\"@type\":\"Location\",\"name\":\"Ulm\"}}}");
	projects(events(), alert, "ReminderDateTime", "15");
	applies(events(), alert, "ReminderDateTime", NULL, "{}");
	projects(events(), "{}", "ShowAs", "\"Busy\"");
	projects(
		events(), "{\"freeBusyStatus\":\"microsoft.com:tentative\"}", "ShowAs", "\"Busy\"");
	projects(events(), "{\"freeBusyStatus\":\"microsoft.com:workingElsewhere\"}", "ShowAs",
		"\"Free\"");
	applies(events(), "{}", "ShowAs", "\"OutOfOffice\"",
		"{\"freeBusyStatus\":\"microsoft.com:oof\"}");
	projects(events(), "{\"privacy\":\"secret\"}", "IsPrivate", "true");
	projects(events(), "{\"privacy\":\"public\"}", "IsPrivate", NULL);
	applies(events(), "{}", "IsPrivate", "true", "{\"privacy\":\"private\"}");
}

/* RFC 8984, 4.4.1 and 5.2.5. */
static void a_task(void **state)
{
	(void)state;
	projects(tasks(), "{\"due\":\"2026-12-24T17:00:00\",\"timeZone\":\"Asia/Tokyo\"}",
		"ActivityDate", "\"2026-12-24\"");
	applies(tasks(), "{\"due\":\"2026-12-24T17:00:00\"}", "ActivityDate", "\"2026-12-31\"",
		"{\"due\":\"2026-12-31T17:00:00\"}");
	applies(tasks(), "{}", "ActivityDate", "\"2026-12-31\"",
		"{\"due\":\"2026-12-31T00:00:00\",\"showWithoutTime\":true}");
	projects(tasks(), "{}", "Status", "\"Not Started\"");
	projects(tasks(), "{\"progress\":\"cancelled\"}", "Status", "\"Deferred\"");
	projects(tasks(), "{\"progress\":\"microsoft.com:waiting\"}", "Status",
		"\"Waiting on someone else\"");
	applies(tasks(), "{\"progress\":\"cancelled\"}", "Status", "\"Completed\"",
		"{\"progress\":\"completed\"}");
	projects(tasks(), "{\"priority\":4}", "Priority", "\"High\"");
	projects(tasks(), "{\"priority\":6}", "Priority", "\"Low\"");
	projects(tasks(), "{\"priority\":5}", "Priority", "\"Normal\"");
	projects(tasks(), "{}", "Priority", "\"Normal\"");
	applies(tasks(), "{}", "Priority", "\"High\"", "{\"priority\":1}");
	projects(tasks(),
		"{\"progress\":\"completed\",\"progressUpdated\":\"2026-12-01T10:00:00Z\"}",
		"CompletedDateTime", "\"2026-12-01T10:00:00Z\"");
	projects(tasks(),
		"{\"progress\":\"in-process\",\"progressUpdated\":\"2026-12-01T10:00:00Z\"}",
		"CompletedDateTime", NULL);
	projects(tasks(),
		"{\"alerts\":{\"1\":{\"@type\":\"Alert\",\"trigger\":{"
		"\"@type\":\"AbsoluteTrigger\",\"when\":\"2026-12-01T10:00:00Z\"}}}}",
		"ReminderDateTime", "\"2026-12-01T10:00:00Z\"");
}

#define WEEKLY                                                                                     \
	"\"@type\":\"Event\",\"title\":\"Stand-up\",\"start\":\"2027-03-15T10:00:00\","            \
	"\"timeZone\":\"Europe/Berlin\",\"duration\":\"PT30M\",\"recurrenceRules\":[{\"@type\":"   \
	"\"RecurrenceRule\",\"frequency\":\"weekly\",\"byDay\":[{\"@type\":\"NDay\",\"day\":"      \
	"\"mo\"}]"

static void a_series(void **state)
{
	(void)state;
	projects(events(), "{" WEEKLY ",\"count\":6}]}", "Recurrence2PatternText",
		"\"RRULE:FREQ=WEEKLY;COUNT=6;BYDAY=MO\"");
	projects(events(), "{" WEEKLY "}]}", "Recurrence2PatternTimeZone", "\"Europe/Berlin\"");
	/* the end is a time of the zone's clock here, an instant there: summer time is over */
	projects(events(), "{" WEEKLY ",\"until\":\"2027-12-31T10:00:00\"}]}",
		"Recurrence2PatternText", "\"RRULE:FREQ=WEEKLY;UNTIL=20271231T090000Z;BYDAY=MO\"");
	applies(events(), "{" WEEKLY ",\"count\":6}]}", "Recurrence2PatternText",
		"\"RRULE:FREQ=WEEKLY;BYDAY=MO;INTERVAL=1;UNTIL=20270630T235900Z\"",
		"{\"@type\":\"Event\",\"title\":\"Stand-up\",\"start\":\"2027-03-15T10:00:00\","
		"\"timeZone\":\"Europe/Berlin\",\"duration\":\"PT30M\",\"recurrenceRules\":[{"
		"\"@type\":\"RecurrenceRule\",\"frequency\":\"weekly\",\"byDay\":[{"
		"\"@type\":\"NDay\",\"day\":\"mo\"}],\"until\":\"2027-07-01T01:59:00\"}]}");
	applies(events(), "{" WEEKLY "}]}", "Recurrence2PatternTimeZone", "\"America/New_York\"",
		"{\"@type\":\"Event\",\"title\":\"Stand-up\",\"start\":\"2027-03-15T05:00:00\","
		"\"timeZone\":\"America/New_York\",\"duration\":\"PT30M\",\"recurrenceRules\":[{"
		"\"@type\":\"RecurrenceRule\",\"frequency\":\"weekly\",\"byDay\":[{"
		"\"@type\":\"NDay\",\"day\":\"mo\"}]}]}");
	applies(events(), "{" WEEKLY "}]}", "Recurrence2PatternText", NULL,
		"{\"@type\":\"Event\",\"title\":\"Stand-up\",\"start\":\"2027-03-15T10:00:00\","
		"\"timeZone\":\"Europe/Berlin\",\"duration\":\"PT30M\"}");
}

#define WITH(overrides) "{" WEEKLY "}],\"recurrenceOverrides\":{" overrides "}}"
#define MOVED		"\"2027-03-22T10:00:00\":{\"start\":\"2027-03-22T11:00:00\",\"title\":\"Later\""

static void exceptions(void **state)
{
	(void)state;
	projects(events(), WITH(MOVED "}"), "Occurrences/2027-03-22T10:00:00",
		"{\"StartDateTime\":\"2027-03-22T10:00:00Z\",\"Subject\":\"Later\"}");
	projects(events(), WITH("\"2027-03-22T10:00:00\":{\"excluded\":true}"),
		"Occurrences/2027-03-22T10:00:00", "{\"excluded\":true}");
	/* what the CRM cannot hold, and what no rule makes */
	projects(events(), WITH("\"2027-03-22T10:00:00\":{\"keywords\":{\"x\":true}}"),
		"Occurrences/2027-03-22T10:00:00", NULL);
	projects(events(), WITH("\"2027-03-24T10:00:00\":{}"), "Occurrences/2027-03-24T10:00:00",
		NULL);
	applies(events(), "{" WEEKLY "}]}", "Occurrences/2027-03-29T10:00:00",
		"{\"StartDateTime\":\"2027-03-30T08:00:00Z\"}",
		WITH("\"2027-03-29T10:00:00\":{\"start\":\"2027-03-30T10:00:00\"}"));
	applies(events(), WITH(MOVED "}"), "Occurrences/2027-03-22T10:00:00",
		"{\"Subject\":\"Later\"}", WITH("\"2027-03-22T10:00:00\":{\"title\":\"Later\"}"));
	/* what is only here stays when an occurrence goes back there */
	applies(events(), WITH(MOVED ",\"keywords\":{\"x\":true}}"),
		"Occurrences/2027-03-22T10:00:00", NULL,
		WITH("\"2027-03-22T10:00:00\":{\"keywords\":{\"x\":true}}"));
	applies(events(), WITH(MOVED "}"), "Occurrences/2027-03-22T10:00:00", NULL,
		"{" WEEKLY "}]}");
	applies(events(), WITH(MOVED "}"), "Occurrences/2027-03-22T10:00:00", "{\"excluded\":true}",
		WITH("\"2027-03-22T10:00:00\":{\"excluded\":true}"));
	applies(events(), WITH("\"2027-03-22T10:00:00\":{\"excluded\":true}"),
		"Occurrences/2027-03-22T10:00:00", "{\"Location\":\"Ulm\"}",
		WITH("\"2027-03-22T10:00:00\":{\"locations\":{\"1\":{\"@type\":\"Location\","
		     "\"name\":\"Ulm\"}}}"));
}

static void reasons_to_leave_a_record_alone(void **state)
{
#define AT "\"StartDateTime\":\"2026-12-01T09:00:00.000+0000\""
	static const struct {
		const char *row, *reason; /* NULL: none */
	} rows[] = {
		{ "{" AT "}", NULL },
		{ "{" AT ",\"IsRecurrence\":true}", "Classic" },
		{ "{" AT ",\"RecurrenceActivityId\":\"00U000000000001AAA\"}", "Classic" },
		{ "{" AT ",\"IsRecurrence2\":true,\"GroupEventType\":\"3\","
		  "\"Recurrence2PatternText\":\"RRULE:FREQ=DAILY\"}",
			NULL },
		{ "{" AT ",\"IsRecurrence2\":true,\"GroupEventType\":\"3\","
		  "\"Recurrence2PatternText\":\"RRULE:FREQ=NEVER\"}",
			"pattern" },
		{ "{" AT ",\"IsRecurrence2\":true,\"GroupEventType\":\"3\"}", "pattern" },
		{ "{}", "start" },
		{ "{\"StartDateTime\":\"2026-12-01T09:00\"}", "start" },
	};
#undef AT

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		json_t *row = json_loads(rows[i].row, 0, NULL);
		const char *reason = salesforce_event.unsupported(row);

		assert_non_null(row);
		if (rows[i].reason)
			assert_non_null(strstr(reason, rows[i].reason));
		else
			assert_null(reason);
		json_decref(row);
	}
}

static void a_subject_that_is_too_long(void **state)
{
	struct field_table table = events();
	char *title AUTOFREE = xcalloc(1, 257);
	struct error err = ERROR_INIT;
	json_t *doc;

	(void)state;
	memset(title, 'x', 256);
	doc = json_pack("{s:s}", "title", title);
	assert_null(field_project(&table, doc, NULL, &err));
	assert_int_equal(err.code, ERR_TOO_BIG);
	json_decref(doc);
}

static void later(
	enum crm_op_type type, enum item_kind kind, const char *changed, const char *expected)
{
	json_t *names = json_loads(changed, 0, NULL), *found,
	       *wanted = json_loads(expected, JSON_DECODE_ANY, NULL);
	json_t *fields = json_loads("{\"Subject\": \"Weekly\", "
				    "\"Recurrence2PatternText\": \"RRULE:FREQ=WEEKLY\", "
				    "\"Occurrences/A\": {\"Subject\": \"Later\"}, "
				    "\"Occurrences/B\": {\"excluded\": true}}",
		0, NULL);

	found = salesforce_later(type, kind, fields, names);
	assert_true(json_equal(found ? found : json_null(), wanted));
	json_decref(found);
	json_decref(wanted);
	json_decref(names);
	json_decref(fields);
}

/* The series goes first, and is built anew perhaps; its exceptions follow. */
static void exceptions_are_sent_later(void **state)
{
	(void)state;
	later(CRM_CREATE, KIND_EVENT, "[]", "[\"Occurrences/A\", \"Occurrences/B\"]");
	later(CRM_UPDATE, KIND_EVENT, "[\"Subject\"]", "[\"Occurrences/A\", \"Occurrences/B\"]");
	later(CRM_UPDATE, KIND_EVENT, "[\"Occurrences/C\"]", "[\"Occurrences/C\"]");
	later(CRM_UPDATE, KIND_TASK, "[\"Subject\"]", "null");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(when_an_event_is),
		cmocka_unit_test(an_event_moves),
		cmocka_unit_test(the_rest_of_an_event),
		cmocka_unit_test(a_task),
		cmocka_unit_test(a_series),
		cmocka_unit_test(exceptions),
		cmocka_unit_test(reasons_to_leave_a_record_alone),
		cmocka_unit_test(a_subject_that_is_too_long),
		cmocka_unit_test(exceptions_are_sent_later),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
