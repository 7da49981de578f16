/* Times and dates as Exchange writes them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "ews/ews_time.h"
#include "sync/mem.h"

static void times_are_read_whatever_their_fraction_and_offset(void **state)
{
	static const struct {
		const char *text;
		int64_t ns;
	} cases[] = {
		{ "1970-01-01T00:00:01Z", INT64_C(1000000000) },
		{ "1970-01-01T00:00:01.5Z", INT64_C(1500000000) },
		{ "1970-01-01T00:00:01.1234567Z", INT64_C(1123456700) },
		{ "1970-01-01T00:00:00.123456789123456789Z", INT64_C(123456789) },
		{ "1970-01-01T02:00:01+02:00", INT64_C(1000000000) },
		{ "1969-12-31T18:30:01-0530", INT64_C(1000000000) },
		{ "1970-01-01T00:00:01", INT64_C(1000000000) },
		{ " 1970-01-02\n", INT64_C(86400000000000) },
		{ "1970-01-02Z", INT64_C(86400000000000) },
		{ "1969-12-31T23:59:59.25Z", INT64_C(-750000000) },
		{ "2026-02-28T23:59:60Z", INT64_C(1772323200000000000) },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int64_t ns = -1;

		assert_true(ews_time_parse(cases[i].text, &ns));
		assert_int_equal(ns, cases[i].ns);
	}
}

static void what_is_no_time_is_refused(void **state)
{
	static const char *const cases[] = { "", "yesterday", "1970", "1970-13-01", "1970-00-01",
		"1970-01-32T00:00:00Z", "1970-01-01T25:00:00Z", "1970-01-01T00:61:00Z", "19-01-01",
		"1970-01-01T0:00:00Z", "1970-01-01T00:00:00+2", "9999-12-31T00:00:00Z" };
	int64_t ns;

	(void)state;
	assert_false(ews_time_parse(NULL, &ns));
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_false(ews_time_parse(cases[i], &ns));
}

static void a_birthday_is_the_day_its_user_meant(void **state)
{
	static const struct {
		const char *stored, *local, *day;
	} cases[] = {
		{ "1984-06-12T11:59:00Z", NULL, "1984-06-12" }, /* newer Outlook, OWA */
		{ "1984-06-12T00:00:00Z", NULL, "1984-06-12" }, /* midnight in London, winter */
		{ "1984-06-11T22:00:00Z", NULL, "1984-06-12" }, /* midnight in Berlin, summer */
		{ "1984-06-12T04:00:00Z", NULL, "1984-06-12" }, /* midnight in New York */
		{ "1984-06-12T10:00:00Z", NULL, "1984-06-12" }, /* midnight in Honolulu */
		{ "1984-06-11T18:30:00Z", NULL, "1984-06-12" }, /* midnight in Delhi */
		{ "1984-06-12T12:00:00Z", NULL, "1984-06-12" }, /* a program that writes noon */
		{ "1984-06-12T00:00:00+02:00", NULL, "1984-06-12" },
		{ "1984-06-12", NULL, "1984-06-12" },
		{ "1984-06-12Z", NULL, "1984-06-12" },
		{ "1984-06-11T12:00:00Z", "1984-06-12T00:00:00Z",
			"1984-06-12" }, /* Auckland, winter */
		{ "1984-06-11T11:00:00Z", "1984-06-12T00:00:00Z",
			"1984-06-12" }, /* Auckland, summer */
		{ "1984-06-13T11:59:00Z", "1984-06-12T00:00:00Z",
			"1984-06-13" }, /* changed alone */
		{ "1984-06-11T11:59:00Z", "1984-06-12T00:00:00Z", "1984-06-11" },
		{ "1990-01-01T11:59:00Z", "1984-06-12T00:00:00Z", "1990-01-01" },
		{ "1604-02-29T11:59:00Z", NULL, "1604-02-29" },
		{ "1899-12-31T23:00:00.000Z", NULL, "1900-01-01" },
		{ "2400-02-29T11:59:00Z", "rubbish", "2400-02-29" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char date[EWS_DATE_LEN] = "";

		assert_true(ews_date_read(cases[i].stored, cases[i].local, date));
		assert_string_equal(date, cases[i].day);
	}
}

static void no_date_is_none(void **state)
{
	char date[EWS_DATE_LEN];

	(void)state;
	assert_false(ews_date_read(NULL, NULL, date));
	assert_false(ews_date_read("", NULL, date));
	assert_false(ews_date_read("4501-01-01T00:00:00Z", NULL, date));
	assert_false(ews_date_read(NULL, "1984-06-12T00:00:00Z", date));
	assert_false(ews_date_read("0000-01-01T00:00:00Z", NULL, date));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(times_are_read_whatever_their_fraction_and_offset),
		cmocka_unit_test(what_is_no_time_is_refused),
		cmocka_unit_test(a_birthday_is_the_day_its_user_meant),
		cmocka_unit_test(no_date_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
