/* Calendar arithmetic: date-times and durations as text and number. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#include "sync/formats/caltime.h"
#include "sync/mem.h"

/* Every 37th day of all years, against the C library. */
static void test_dates(void **state)
{
	(void)state;
	for (int64_t t = CALTIME_MIN; t <= CALTIME_MAX; t += 37 * CALTIME_DAY + 12345) {
		struct caltime_date date = caltime_date_of(t);
		time_t clock = (time_t)t;
		char text[CALTIME_SIZE];
		int64_t back;
		struct tm tm;

		assert_non_null(gmtime_r(&clock, &tm));
		assert_int_equal(date.year, tm.tm_year + 1900);
		assert_int_equal(date.month, tm.tm_mon + 1);
		assert_int_equal(date.day, tm.tm_mday);
		assert_int_equal(caltime_weekday(t), tm.tm_wday);
		assert_int_equal(caltime_of_day(t), tm.tm_hour * 3600 + tm.tm_min * 60 + tm.tm_sec);
		caltime_write_utc(t, text);
		assert_true(caltime_read_utc(text, &back));
		assert_int_equal(back, t);
	}
}

static void test_wrong_times(void **state)
{
	static const char *const texts[] = { "", "2026", "2026-02-29T00:00:00",
		"2026-01-01T24:00:00", "2026-01-01T00:60:00", "2026-01-01T00:00:61",
		"2026-01-01 00:00:00", "2026-01-01T00:00:00Z", "2026-01-01T00:00:00+01:00",
		"0000-01-01T00:00:00", "2026-1-1T00:00:00", "2026-01-01T00:00:00." };
	int64_t time;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		assert_false(caltime_read_local(texts[i], &time));
	assert_false(caltime_read_local(NULL, &time));
	assert_true(caltime_read_local("2026-01-01T00:00:00.25", &time));
	assert_false(caltime_read_utc("2026-01-01T00:00:00", &time));
}

static void test_durations(void **state)
{
	static const struct {
		const char *text;
		int64_t days;
		int64_t seconds;
		const char *written;
	} cases[] = {
		{ "PT1H", 0, 3600, "PT1H" },
		{ "P1D", 1, 0, "P1D" },
		{ "P7D", 7, 0, "P1W" },
		{ "P2W", 14, 0, "P2W" },
		{ "P1DT2H3M4S", 1, 7384, "P1DT2H3M4S" },
		{ "-PT15M", 0, -900, "-PT15M" },
		{ "-P1DT1S", -1, -1, "-P1DT1S" },
		{ "+PT90M", 0, 5400, "PT1H30M" },
		{ "PT48H", 0, 172800, "PT48H" },
		{ "PT0S", 0, 0, "PT0S" },
		{ "P0D", 0, 0, "PT0S" },
	};
	static const char *const wrong[] = { "", "P", "PT", "1H", "PT1", "P1H", "PT1D", "P1DT",
		"PT1H1H", "PT1S1M", "P1D ", "--PT1H", "P99999999999999999999D" };
	struct caltime_duration got;
	char text[48];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_true(caltime_read_duration(cases[i].text, &got));
		assert_int_equal(got.days, cases[i].days);
		assert_int_equal(got.seconds, cases[i].seconds);
		caltime_write_duration(got, text);
		assert_string_equal(text, cases[i].written);
	}
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
		assert_false(caltime_read_duration(wrong[i], &got));
	assert_false(caltime_read_duration(NULL, &got));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dates),
		cmocka_unit_test(test_wrong_times),
		cmocka_unit_test(test_durations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
