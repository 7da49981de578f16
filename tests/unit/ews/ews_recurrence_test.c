/* Recurrences: each pattern and range of Exchange, there and back, and what it cannot hold. */
#include "fake_transport.h"

#include "ews/ews.h"
#include "ews/ews_recurrence.h"
#include "tests/unit/json_text.h"

static const struct field row = { .name = "Recurrence", .type = &ews_recurrence_type };

struct sample {
	const char *name;
	const char *start;
	const char *rule;  /* JSCalendar */
	const char *value; /* Exchange's names */
};

/* Rules as RFC 8984 writes them beside what MS-OXWSCDATA says of the patterns. */
static const struct sample samples[] = {
	{ "every day", "2026-11-23T09:00:00", "{'@type':'RecurrenceRule','frequency':'daily'}",
		"{'Pattern':'DailyRecurrence','Interval':1}" },
	{ "every third day, ten times", "2026-11-23T09:00:00",
		"{'@type':'RecurrenceRule','frequency':'daily','interval':3,'count':10}",
		"{'Pattern':'DailyRecurrence','Interval':3,'NumberOfOccurrences':10}" },
	{ "every other week on Monday and Friday until a day", "2026-11-23T09:00:00",
		"{'@type':'RecurrenceRule','frequency':'weekly','interval':2,"
		"'byDay':[{'@type':'NDay','day':'mo'},{'@type':'NDay','day':'fr'}],"
		"'firstDayOfWeek':'su','until':'2027-01-31T09:00:00'}",
		"{'Pattern':'WeeklyRecurrence','Interval':2,'DaysOfWeek':'Monday Friday',"
		"'FirstDayOfWeek':'Sunday','EndDate':'2027-01-31'}" },
	{ "on day 15 of every month", "2026-11-15T09:00:00",
		"{'@type':'RecurrenceRule','frequency':'monthly','byMonthDay':[15]}",
		"{'Pattern':'AbsoluteMonthlyRecurrence','Interval':1,'DayOfMonth':15}" },
	{ "on the last day of every month", "2026-11-30T09:00:00",
		"{'@type':'RecurrenceRule','frequency':'monthly','byMonthDay':[-1]}",
		"{'Pattern':'AbsoluteMonthlyRecurrence','Interval':1,'DayOfMonth':31}" },
	{ "on day 30, in February on its last", "2026-11-30T09:00:00",
		"{'@type':'RecurrenceRule','frequency':'monthly','byMonthDay':[28,29,30],"
		"'bySetPosition':[-1]}",
		"{'Pattern':'AbsoluteMonthlyRecurrence','Interval':1,'DayOfMonth':30}" },
	{ "on the second Tuesday of every other month", "2026-11-10T09:00:00",
		"{'@type':'RecurrenceRule','frequency':'monthly','interval':2,"
		"'byDay':[{'@type':'NDay','day':'tu','nthOfPeriod':2}]}",
		"{'Pattern':'RelativeMonthlyRecurrence','Interval':2,'DaysOfWeek':'Tuesday',"
		"'DayOfWeekIndex':'Second'}" },
	{ "on the last weekday of every month", "2026-11-30T09:00:00",
		"{'@type':'RecurrenceRule','frequency':'monthly','byDay':["
		"{'@type':'NDay','day':'mo'},{'@type':'NDay','day':'tu'},"
		"{'@type':'NDay','day':'we'},{'@type':'NDay','day':'th'},"
		"{'@type':'NDay','day':'fr'}],'bySetPosition':[-1]}",
		"{'Pattern':'RelativeMonthlyRecurrence','Interval':1,'DaysOfWeek':'Weekday',"
		"'DayOfWeekIndex':'Last'}" },
	{ "on 24 December", "2026-12-24T18:00:00",
		"{'@type':'RecurrenceRule','frequency':'yearly','byMonth':['12'],"
		"'byMonthDay':[24]}",
		"{'Pattern':'AbsoluteYearlyRecurrence','DayOfMonth':24,'Month':'December'}" },
	{ "on the last day of February", "2028-02-29T18:00:00",
		"{'@type':'RecurrenceRule','frequency':'yearly','byMonth':['2'],"
		"'byMonthDay':[-1]}",
		"{'Pattern':'AbsoluteYearlyRecurrence','DayOfMonth':31,'Month':'February'}" },
	{ "on the fourth Thursday of November", "2026-11-26T18:00:00",
		"{'@type':'RecurrenceRule','frequency':'yearly','byDay':["
		"{'@type':'NDay','day':'th','nthOfPeriod':4}],'byMonth':['11']}",
		"{'Pattern':'RelativeYearlyRecurrence','DaysOfWeek':'Thursday',"
		"'DayOfWeekIndex':'Fourth','Month':'November'}" },
};

/* Other spellings of a rule, one way. */
static const struct sample spellings[] = {
	{ "the day of the week is the start's", "2026-11-24T09:00:00", "{'frequency':'weekly'}",
		"{'Pattern':'WeeklyRecurrence','Interval':1,'DaysOfWeek':'Tuesday',"
		"'FirstDayOfWeek':'Monday'}" },
	{ "the day of the month is the start's", "2026-11-24T09:00:00", "{'frequency':'monthly'}",
		"{'Pattern':'AbsoluteMonthlyRecurrence','Interval':1,'DayOfMonth':24}" },
	{ "day and month are the start's", "2026-11-30T09:00:00", "{'frequency':'yearly'}",
		"{'Pattern':'AbsoluteYearlyRecurrence','DayOfMonth':30,'Month':'November'}" },
	{ "an end later on its day", "2026-11-24T09:00:00",
		"{'frequency':'daily','until':'2026-12-01T23:59:59'}",
		"{'Pattern':'DailyRecurrence','Interval':1,'EndDate':'2026-12-01'}" },
	{ "an end before the occurrence of its day", "2026-11-24T09:00:00",
		"{'frequency':'daily','until':'2027-01-01T08:59:59'}",
		"{'Pattern':'DailyRecurrence','Interval':1,'EndDate':'2026-12-31'}" },
	{ "first Monday by position", "2026-12-07T09:00:00",
		"{'frequency':'monthly','byDay':[{'day':'mo'}],'bySetPosition':[1]}",
		"{'Pattern':'RelativeMonthlyRecurrence','Interval':1,'DaysOfWeek':'Monday',"
		"'DayOfWeekIndex':'First'}" },
};

static const struct sample impossible[] = {
	{ "by the hour", "2026-11-24T09:00:00", "{'frequency':'hourly'}", NULL },
	{ "two positions", "2026-11-24T09:00:00",
		"{'frequency':'monthly','byDay':[{'day':'mo'}],'bySetPosition':[1,3]}", NULL },
	{ "day 31, months without one skipped", "2026-12-31T09:00:00", "{'frequency':'monthly'}",
		NULL },
	{ "29 February, other years skipped", "2028-02-29T09:00:00", "{'frequency':'yearly'}",
		NULL },
	{ "two days of the month", "2026-11-24T09:00:00",
		"{'frequency':'monthly','byMonthDay':[1,15]}", NULL },
	{ "a day of the year", "2026-11-24T09:00:00", "{'frequency':'yearly','byYearDay':[200]}",
		NULL },
	{ "Fridays the 13th", "2026-11-13T09:00:00",
		"{'frequency':'monthly','byDay':[{'day':'fr'}],'byMonthDay':[13]}", NULL },
	{ "every second year", "2026-11-24T09:00:00", "{'frequency':'yearly','interval':2}", NULL },
};

static json_t *event(const struct sample *sample, bool with_rule)
{
	json_t *doc = json_pack("{s:s, s:s, s:s}", "@type", "Event", "start", sample->start,
		"timeZone", "Europe/Berlin");

	if (with_rule)
		json_object_set_new(
			doc, "recurrenceRules", json_pack("[o]", json_of_lax(sample->rule)));
	return doc;
}

static void check_equal(const char *name, json_t *got, json_t *wanted)
{
	if (!json_equal(got, wanted))
		fail_msg("%s: %s, not %s", name, json_dumps(got, JSON_ENCODE_ANY | JSON_SORT_KEYS),
			json_dumps(wanted, JSON_SORT_KEYS));
	json_decref(got);
	json_decref(wanted);
}

static void a_rule_is_a_pattern(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(samples) + ARRAY_SIZE(spellings); i++) {
		const struct sample *s = i < ARRAY_SIZE(samples)
						 ? &samples[i]
						 : &spellings[i - ARRAY_SIZE(samples)];
		json_t *doc = event(s, true);

		assert_int_equal(ews_recurrence_check(doc, NULL), 0);
		check_equal(s->name, row.type->get(doc, &row), json_of_lax(s->value));
		json_decref(doc);
	}
}

static void a_pattern_is_a_rule(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(samples); i++) {
		json_t *doc = event(&samples[i], false), *value = json_of_lax(samples[i].value);
		struct error err = ERROR_INIT;

		assert_int_equal(row.type->set(doc, &row, NULL, value, &err), 0);
		check_equal(samples[i].name,
			json_incref(json_array_get(json_object_get(doc, "recurrenceRules"), 0)),
			json_of_lax(samples[i].rule));
		assert_int_equal(row.type->set(doc, &row, NULL, NULL, &err), 0);
		assert_null(json_object_get(doc, "recurrenceRules"));
		json_decref(value);
		json_decref(doc);
	}
}

static void what_was_written_is_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(samples); i++) {
		struct buf inside AUTOBUF = BUF_INIT(10000), text AUTOBUF = BUF_INIT(10000);
		json_t *value = json_of_lax(samples[i].value);
		xmlDoc *xml;

		ews_recurrence_write(&inside, value, "2026-11-23");
		assert_int_equal(fake_count(buf_str(&inside), "<t:StartDate>2026-11-23<"), 1);
		buf_adds(&text, "<t:X xmlns:t=\"urn:t\">");
		buf_adds(&text, buf_str(&inside));
		buf_adds(&text, "</t:X>");
		assert_int_equal(xml_parse(buf_str(&text), text.len, &xml, NULL), 0);
		check_equal(samples[i].name,
			ews_recurrence_read(xml_first(xmlDocGetRootElement(xml))), value);
		xmlFreeDoc(xml);
	}
}

/* Servers write days in their own order, dates with an offset, and leave the first day out. */
static void a_server_writes_it_otherwise(void **state)
{
	static const char text[] =
		"<Recurrence><WeeklyRecurrence><Interval>1</Interval>"
		"<DaysOfWeek>Friday Monday</DaysOfWeek></WeeklyRecurrence><EndDateRecurrence>"
		"<StartDate>2026-11-23+01:00</StartDate><EndDate>2026-12-31+01:00</EndDate>"
		"</EndDateRecurrence></Recurrence>";
	xmlDoc *xml;

	(void)state;
	assert_int_equal(xml_parse(text, strlen(text), &xml, NULL), 0);
	check_equal("weekly", ews_recurrence_read(xmlDocGetRootElement(xml)),
		json_of_lax(
			"{'Pattern':'WeeklyRecurrence','Interval':1,'DaysOfWeek':'Monday Friday',"
			"'FirstDayOfWeek':'Monday','EndDate':'2026-12-31'}"));
	xmlFreeDoc(xml);
}

static void what_exchange_cannot_hold_is_told(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(impossible); i++) {
		json_t *doc = event(&impossible[i], true);
		struct error err = ERROR_INIT;

		if (ews_recurrence_check(doc, &err) != ERR_INVALID)
			fail_msg("%s was taken", impossible[i].name);
		assert_non_null(strstr(err.text, "Exchange cannot hold"));
		assert_int_equal(ews_driver.check(KIND_EVENT, doc, NULL), ERR_INVALID);
		assert_int_equal(ews_driver.check(KIND_TASK, doc, NULL), ERR_INVALID);
		assert_int_equal(ews_driver.check(KIND_CONTACT, doc, NULL), 0);
		assert_null(row.type->get(doc, &row));
		json_decref(doc);
	}
}

/* Exchange repeats a series by the clock, from its first start to its first end.  Clocks go forward on 29
 * March 2026: in Berlin from 2:00 to 3:00, on the Azores from 0:00 to 1:00. */
static void a_series_at_a_time_that_the_clocks_skip_is_refused(void **state)
{
	static const struct {
		const char *zone, *start, *duration, *why;
	} cases[] = {
		{ "Europe/Berlin", "2026-03-29T01:30:00", "PT29M", NULL },
		{ "Europe/Berlin", "2026-03-29T01:30:00", "PT30M", "first ends" },
		{ "Europe/Berlin", "2026-03-29T01:30:00", "PT89M", "first ends" },
		{ "Europe/Berlin", "2026-03-29T01:30:00", "PT90M", NULL },
		{ "Europe/Berlin", "2026-03-29T02:00:00", "PT1H", "begins" },
		{ "Europe/Berlin", "2026-03-29T03:00:00", "PT1H", NULL },
		{ "Europe/Berlin", "2026-03-28T02:30:00", "P1D", "first ends" },
		{ "Atlantic/Azores", "2026-03-28T23:30:00", "PT1H", "first ends" },
		{ "Atlantic/Azores", "2026-03-27T23:30:00", "PT1H", NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		json_t *doc = json_pack("{s:s, s:s, s:s, s:[{s:s}]}", "timeZone", cases[i].zone,
			"start", cases[i].start, "duration", cases[i].duration, "recurrenceRules",
			"frequency", "yearly");
		struct error err = ERROR_INIT;
		int rc = ews_driver.check(KIND_EVENT, doc, &err);

		if (rc != (cases[i].why ? ERR_INVALID : 0))
			fail_msg("%s %s: %d", cases[i].start, cases[i].duration, rc);
		if (cases[i].why && !strstr(err.text, cases[i].why))
			fail_msg("%s %s: %s", cases[i].start, cases[i].duration, err.text);
		json_object_del(doc, "recurrenceRules");
		assert_int_equal(ews_driver.check(KIND_EVENT, doc, NULL), 0);
		json_decref(doc);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_rule_is_a_pattern),
		cmocka_unit_test(a_pattern_is_a_rule),
		cmocka_unit_test(what_was_written_is_read),
		cmocka_unit_test(a_server_writes_it_otherwise),
		cmocka_unit_test(what_exchange_cannot_hold_is_told),
		cmocka_unit_test(a_series_at_a_time_that_the_clocks_skip_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
