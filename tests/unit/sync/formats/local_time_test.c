/* Local times and durations: values of RFC 5545, RFC 8984 and the IANA database's own tables. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "sync/formats/local_time.h"
#include "sync/mem.h"

/* Offsets in minutes as tzdata has them. */
static const struct {
	const char *zone, *local;
	int offset;
} clocks[] = {
	{ "Europe/Berlin", "2026-12-01T10:00:00", 60 },
	{ "Europe/Berlin", "2026-07-01T10:00:00", 120 },
	{ "Asia/Kolkata", "2026-07-01T10:00:00", 330 },
	{ "Asia/Kathmandu", "2026-07-01T10:00:00", 345 },
	{ "Australia/Lord_Howe", "2026-01-15T10:00:00", 660 },
	{ "Australia/Lord_Howe", "2026-07-15T10:00:00", 630 },
	{ "America/New_York", "1967-07-04T12:00:00", -240 },
	{ "Pacific/Apia", "2011-12-29T12:00:00", -600 },
	{ "Pacific/Apia", "2011-12-31T12:00:00", 840 },
	{ "Etc/UTC", "1960-02-29T23:59:59", 0 },
};

static int64_t seconds(const char *text)
{
	int64_t out;

	assert_true(local_time_parse(text, &out));
	return out;
}

static void both_ways(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(clocks); i++) {
		int64_t local = seconds(clocks[i].local), utc, back;
		char text[LOCAL_TIME_MAX];

		assert_true(local_time_to_utc(local, clocks[i].zone, &utc));
		assert_int_equal(local - utc, clocks[i].offset * 60);
		assert_true(local_time_from_utc(utc, clocks[i].zone, &back));
		local_time_format(back, text);
		assert_string_equal(text, clocks[i].local);
	}
}

/* RFC 5545, 3.3.5, has both: 2007-11-04T01:30 is EDT, 2007-03-11T02:30 is 3:30 EDT. */
static void folds_and_gaps(void **state)
{
	int64_t utc;

	(void)state;
	assert_true(local_time_to_utc(seconds("2007-11-04T01:30:00"), "America/New_York", &utc));
	assert_int_equal(utc, seconds("2007-11-04T05:30:00Z"));
	assert_true(local_time_to_utc(seconds("2007-03-11T02:30:00"), "America/New_York", &utc));
	assert_int_equal(utc, seconds("2007-03-11T07:30:00Z"));
}

static void what_is_no_zone_or_time(void **state)
{
	static const char *const wrong[] = { "", "2026-12-01", "2026-13-01T00:00:00",
		"2026-02-30T00:00:00", "2026-12-01T24:00:00", "2026-12-01T10:00:00+01:00",
		"2026-12-01 10:00:00" };
	int64_t out;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
		assert_false(local_time_parse(wrong[i], &out));
	assert_false(local_time_to_utc(0, "Mars/Olympus", &out));
	assert_false(local_time_from_utc(0, "W. Europe Standard Time", &out));
	assert_false(local_time_to_utc(0, NULL, &out));
}

static void durations(void **state)
{
	static const struct {
		const char *text;
		int64_t seconds;
		const char *again; /* NULL: the same */
	} rows[] = {
		{ "PT0S", 0, NULL },
		{ "P1D", 86400, NULL },
		{ "P1DT2H30M", 95400, NULL },
		{ "-PT15M", -900, NULL },
		{ "P2W", 1209600, NULL },
		{ "P14D", 1209600, "P2W" },
		{ "PT90M", 5400, "PT1H30M" },
		{ "PT1H0M0S", 3600, "PT1H" },
		{ "PT45S", 45, NULL },
		{ "P1WT1H", 608400, "P7DT1H" },
		{ "PT24H", 86400, "P1D" },
	};
	static const char *const wrong[] = { "", "P", "1H", "PT", "PTH", "P1H", "PT1D", "PT1M1H",
		"P1Y", "PT1H1" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char text[LOCAL_TIME_MAX];
		int64_t out;

		assert_true(duration_parse(rows[i].text, &out));
		assert_int_equal(out, rows[i].seconds);
		duration_format(out, text);
		assert_string_equal(text, rows[i].again ? rows[i].again : rows[i].text);
	}
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		int64_t out;

		if (duration_parse(wrong[i], &out))
			fail_msg("%s is taken", wrong[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_ways),
		cmocka_unit_test(folds_and_gaps),
		cmocka_unit_test(what_is_no_zone_or_time),
		cmocka_unit_test(durations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
