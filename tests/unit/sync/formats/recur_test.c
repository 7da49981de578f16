/* Rules as text and JSON, and the occurrences of a series; dates from the examples of RFC 5545 section
 * 3.8.5.3. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "sync/formats/caltime.h"
#include "sync/formats/recur.h"
#include "sync/mem.h"

static json_t *series(const char *start, const char *rule)
{
	json_t *read = NULL;
	char *until = NULL;

	assert_int_equal(recur_read(rule, &read, &until, NULL), 0);
	if (until)
		json_object_set_new(read, "until", json_string(until));
	free(until);
	return json_pack("{s:s, s:[o]}", "start", start, "recurrenceRules", read);
}

/* The first keys, without their times of day. */
static void assert_days(const json_t *doc, const char *days)
{
	struct recur *recur = recur_open(doc);
	int64_t local;

	assert_non_null(recur);
	for (const char *p = days; *p; p += 11) {
		char text[CALTIME_SIZE];

		assert_true(recur_next(recur, &local));
		caltime_write_local(local, text);
		if (strncmp(text, p, 10) != 0)
			fail_msg("%s where %.10s should be", text, p);
		if (!p[10])
			break;
	}
	recur_close(recur);
}

static void test_examples(void **state)
{
	static const struct {
		const char *start;
		const char *rule;
		const char *days;
	} cases[] = {
		{ "1997-09-02T09:00:00", "FREQ=DAILY;INTERVAL=10;COUNT=5",
			"1997-09-02 1997-09-12 1997-09-22 1997-10-02 1997-10-12" },
		{ "1997-09-02T09:00:00", "FREQ=WEEKLY;INTERVAL=2;WKST=SU;BYDAY=TU,TH;COUNT=8",
			"1997-09-02 1997-09-04 1997-09-16 1997-09-18 1997-09-30 1997-10-02" },
		{ "1997-09-05T09:00:00", "FREQ=MONTHLY;COUNT=10;BYDAY=1FR",
			"1997-09-05 1997-10-03 1997-11-07 1997-12-05 1998-01-02" },
		{ "1997-09-28T09:00:00", "FREQ=MONTHLY;BYMONTHDAY=-3",
			"1997-09-28 1997-10-29 1997-11-28 1997-12-29 1998-01-29 1998-02-26" },
		{ "1997-09-29T09:00:00", "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-2",
			"1997-09-29 1997-10-30 1997-11-27 1997-12-30 1998-01-29" },
		{ "1996-11-05T09:00:00",
			"FREQ=YEARLY;INTERVAL=4;BYMONTH=11;BYDAY=TU;BYMONTHDAY=2,3,4,5,6,7,8",
			"1996-11-05 2000-11-07 2004-11-02" },
		{ "1997-05-12T09:00:00", "FREQ=YEARLY;BYWEEKNO=20;BYDAY=MO",
			"1997-05-12 1998-05-11 1999-05-17" },
		/* The start counts though the rule does not make it (RFC 8984). */
		{ "2026-07-01T09:00:00", "FREQ=WEEKLY;BYDAY=MO;COUNT=3",
			"2026-07-01 2026-07-06 2026-07-13" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		json_t *doc = series(cases[i].start, cases[i].rule);

		assert_days(doc, cases[i].days);
		json_decref(doc);
	}
}

static size_t count(const json_t *doc)
{
	struct recur *recur = recur_open(doc);
	int64_t local;
	size_t n = 0;

	while (recur_next(recur, &local))
		n++;
	recur_close(recur);
	return n;
}

static void test_ends(void **state)
{
	json_t *counted = series("2026-07-01T09:00:00", "FREQ=DAILY;COUNT=7");
	json_t *until = series("2026-07-01T09:00:00", "FREQ=DAILY;UNTIL=2026-07-05T09:00:00");
	json_t *without = series("2026-07-01T09:00:00", "FREQ=DAILY");
	json_t *never = series("2026-07-01T09:00:00", "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30");
	json_t *single = json_pack("{s:s}", "start", "2026-07-01T09:00:00");

	(void)state;
	assert_int_equal(count(counted), 7);
	assert_int_equal(count(until), 5);
	assert_in_range(count(without), 10000, RECUR_MAX_STEPS);
	assert_int_equal(count(never), 1);
	assert_int_equal(count(single), 1);
	json_decref(counted);
	json_decref(until);
	json_decref(without);
	json_decref(never);
	json_decref(single);
}

static void test_overrides(void **state)
{
	json_t *doc = series("2026-07-01T09:00:00", "FREQ=DAILY;COUNT=4");
	int64_t local;

	(void)state;
	json_object_set_new(doc, "recurrenceOverrides",
		json_pack("{s:{s:b}, s:{}, s:{s:s}}", "2026-07-02T09:00:00", "excluded", 1,
			"2026-06-30T09:00:00", "2026-07-03T09:00:00", "title", "x"));
	assert_days(doc, "2026-06-30 2026-07-01 2026-07-03 2026-07-04");
	assert_int_equal(count(doc), 4);
	assert_true(caltime_read_local("2026-07-02T09:00:00", &local));
	assert_true(recur_has(doc, local)); /* the rule makes it, though it is left out */
	assert_false(recur_has(doc, local + 1));
	assert_false(recur_has(doc, local - 2 * CALTIME_DAY));
	json_decref(doc);
}

static void test_rules_that_are_not_walked(void **state)
{
	static const char *const rules[] = { "FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=30",
		"FREQ=HOURLY;INTERVAL=3", "FREQ=DAILY;BYMONTHDAY=1,-1", "FREQ=DAILY;BYYEARDAY=-1",
		"FREQ=WEEKLY;BYDAY=MO,TU;BYSETPOS=1", "FREQ=DAILY;BYSETPOS=1",
		"FREQ=WEEKLY;BYMONTHDAY=13", "FREQ=MONTHLY;BYMONTHDAY=1;BYHOUR=9,17;BYSETPOS=2" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
		json_t *doc = series("2026-07-01T09:00:00", rules[i]);

		if (recur_open(doc))
			fail_msg("%s", rules[i]);
		assert_true(recur_has(doc, 0));
		json_decref(doc);
	}
}

/* What is said twice is said once. */
static void test_duplicates(void **state)
{
	static const char *const cases[][2] = {
		{ "FREQ=WEEKLY;BYDAY=WE,MO,we,WE", "FREQ=WEEKLY;BYDAY=WE,MO" },
		{ "FREQ=MONTHLY;BYDAY=1FR,FR,+1FR,-1FR", "FREQ=MONTHLY;BYDAY=1FR,FR,-1FR" },
		{ "FREQ=YEARLY;BYMONTHDAY=1,01,-1,1;BYMONTH=3,03,5",
			"FREQ=YEARLY;BYMONTHDAY=1,-1;BYMONTH=3,5" },
		{ "FREQ=MONTHLY;BYDAY=MO,TU;BYSETPOS=1,1", "FREQ=MONTHLY;BYDAY=MO,TU;BYSETPOS=1" },
		{ "FREQ=DAILY;BYHOUR=9,9;BYMINUTE=0,30,0", "FREQ=DAILY;BYMINUTE=0,30;BYHOUR=9" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct buf out AUTOBUF = BUF_INIT(1000);
		json_t *rule = NULL;
		char *until = NULL;

		assert_int_equal(recur_read(cases[i][0], &rule, &until, NULL), 0);
		recur_write(rule, NULL, &out);
		assert_string_equal(buf_str(&out), cases[i][1]);
		json_decref(rule);
	}
}

static void test_text(void **state)
{
	static const char *const same[] = { "FREQ=DAILY",
		"FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,WE;WKST=SU", "FREQ=MONTHLY;COUNT=3;BYDAY=-1FR",
		"FREQ=YEARLY;BYMONTHDAY=-1;BYMONTH=2",
		"RSCALE=CHINESE;FREQ=YEARLY;BYMONTH=5L;SKIP=FORWARD" };
	static const char *const wrong[] = { "", "DAILY", "FREQ=NEVER", "FREQ=DAILY;INTERVAL=0",
		"FREQ=DAILY;COUNT=0", "FREQ=DAILY;BYDAY=54MO", "FREQ=DAILY;BYMONTH=13",
		"FREQ=DAILY;BYSETPOS=0", "FREQ=DAILY;X-FOO=1", "FREQ=DAILY;BYHOUR=1,,x" };
	json_t *rule = NULL;
	char *until = NULL;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(same); i++) {
		struct buf out AUTOBUF = BUF_INIT(1000);

		assert_int_equal(recur_read(same[i], &rule, &until, NULL), 0);
		assert_int_equal(recur_check(rule, NULL), 0);
		recur_write(rule, NULL, &out);
		assert_string_equal(buf_str(&out), same[i]);
		json_decref(rule);
	}
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
		assert_int_equal(recur_read(wrong[i], &rule, &until, NULL), ERR_INVALID);
}

static bool comes(const char *start, const char *text)
{
	json_t *doc = series(start, text);
	int64_t local;
	bool yes;

	assert_true(caltime_read_local(start, &local));
	yes = recur_comes(json_array_get(json_object_get(doc, "recurrenceRules"), 0), local);
	json_decref(doc);
	return yes;
}

/* Each has libical search for seconds; the days of the calendar say no. */
static void test_rules_that_never_come(void **state)
{
	static const char *const rules[] = { "FREQ=MONTHLY;BYDAY=8TH",
		"FREQ=MONTHLY;BYDAY=-6MO,6MO", "FREQ=MONTHLY;BYDAY=MO;BYSETPOS=6",
		"FREQ=MONTHLY;BYDAY=MO,TU;BYSETPOS=-11", "FREQ=MONTHLY;BYSETPOS=2",
		"FREQ=MONTHLY;BYMONTHDAY=13;BYDAY=5FR", "FREQ=MONTHLY;BYMONTHDAY=31;BYMONTH=2,4",
		"FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", "FREQ=YEARLY;BYMONTH=1;BYDAY=6MO",
		"FREQ=YEARLY;BYYEARDAY=1;BYMONTH=2", "FREQ=WEEKLY;BYMONTH=2;BYMONTHDAY=31",
		"FREQ=DAILY;BYDAY=-1SU", "RSCALE=GREGORIAN;FREQ=MONTHLY;BYDAY=8TH",
		"FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30;SKIP=OMIT" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
		json_t *doc = series("2026-01-29T09:00:00", rules[i]);

		if (comes("2026-01-29T09:00:00", rules[i]))
			fail_msg("%s", rules[i]);
		assert_int_equal(count(doc), 1); /* the start, whatever the rule */
		json_decref(doc);
	}
}

/* Examples of RFC 5545 section 3.8.5.3, and the rarest days. */
static void test_rules_that_come(void **state)
{
	static const char *const rules[] = { "FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13",
		"FREQ=YEARLY;INTERVAL=4;BYMONTH=11;BYDAY=TU;BYMONTHDAY=2,3,4,5,6,7,8",
		"FREQ=MONTHLY;BYDAY=SA;BYMONTHDAY=7,8,9,10,11,12,13",
		"FREQ=MONTHLY;BYDAY=TU,WE,TH;BYSETPOS=3",
		"FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-2", "FREQ=YEARLY;BYDAY=20MO",
		"FREQ=YEARLY;BYDAY=-53MO", "FREQ=YEARLY;BYWEEKNO=20;BYDAY=MO",
		"FREQ=YEARLY;INTERVAL=3;BYYEARDAY=1,100,200", "FREQ=YEARLY;BYYEARDAY=-366",
		"FREQ=YEARLY;BYDAY=TH;BYMONTH=6,7,8", "FREQ=MONTHLY;BYMONTHDAY=-31",
		"FREQ=MONTHLY;BYDAY=5SU,-5SU", "FREQ=DAILY;BYMONTH=1",
		"FREQ=WEEKLY;INTERVAL=2;WKST=SU;BYDAY=TU,TH",
		"FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30;SKIP=BACKWARD",
		"FREQ=YEARLY;RSCALE=CHINESE;BYMONTH=2;BYMONTHDAY=30" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++)
		if (!comes("1997-01-01T09:00:00", rules[i]))
			fail_msg("%s", rules[i]);
	/* February 29th was a Monday in 2072, and is one again in 2112. */
	assert_true(comes("2072-03-01T09:00:00", "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29;BYDAY=MO"));
	assert_true(comes("2080-01-02T09:00:00", "FREQ=YEARLY;BYDAY=MO,TU;BYSETPOS=106"));
	assert_true(comes("9999-12-30T09:00:00", "FREQ=YEARLY;BYMONTH=1;BYMONTHDAY=1"));
}

/* As a program may write them that writes every member. */
static void test_empty_lists_leave_nothing_out(void **state)
{
	json_t *doc = json_pack("{s:s, s:[{s:s, s:i, s:[], s:[], s:[], s:[], s:[], s:[]}]}",
		"start", "2026-07-01T09:00:00", "recurrenceRules", "frequency", "Weekly", "count",
		3, "byDay", "byMonth", "byMonthDay", "byYearDay", "byWeekNo", "bySetPosition");

	(void)state;
	assert_int_equal(count(doc), 3);
	json_decref(doc);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_examples),
		cmocka_unit_test(test_ends),
		cmocka_unit_test(test_overrides),
		cmocka_unit_test(test_duplicates),
		cmocka_unit_test(test_rules_that_are_not_walked),
		cmocka_unit_test(test_rules_that_never_come),
		cmocka_unit_test(test_rules_that_come),
		cmocka_unit_test(test_empty_lists_leave_nothing_out),
		cmocka_unit_test(test_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
