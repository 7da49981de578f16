/* Time zones: names, and offsets that the tz database is known for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "sync/formats/caltime.h"
#include "sync/formats/zone.h"
#include "sync/mem.h"

static int64_t at(const char *text)
{
	int64_t time = 0;
	size_t len = strlen(text);

	assert_true(text[len - 1] == 'Z' ? caltime_read_utc(text, &time)
					 : caltime_read_local(text, &time));
	return time;
}

/* Local time -> instant, from the published rules of each zone. */
static void test_local_to_utc(void **state)
{
	static const struct {
		const char *zone;
		const char *local;
		const char *utc;
	} cases[] = {
		{ "Europe/Berlin", "2026-01-15T12:00:00", "2026-01-15T11:00:00Z" },
		{ "Europe/Berlin", "2026-07-15T12:00:00", "2026-07-15T10:00:00Z" },
		/* skipped: read with the offset before the gap */
		{ "Europe/Berlin", "2026-03-29T02:30:00", "2026-03-29T01:30:00Z" },
		/* twice: the first */
		{ "Europe/Berlin", "2026-10-25T02:30:00", "2026-10-25T00:30:00Z" },
		{ "Europe/Berlin", "2026-10-25T03:00:00", "2026-10-25T02:00:00Z" },
		/* far beyond the changes that the file lists */
		{ "Europe/Berlin", "2100-07-15T12:00:00", "2100-07-15T10:00:00Z" },
		{ "Europe/Berlin", "1945-06-15T12:00:00", "1945-06-15T09:00:00Z" },
		{ "America/New_York", "2026-03-08T02:30:00", "2026-03-08T07:30:00Z" },
		{ "America/New_York", "2006-03-20T12:00:00", "2006-03-20T17:00:00Z" },
		{ "America/New_York", "2007-03-20T12:00:00", "2007-03-20T16:00:00Z" },
		{ "Asia/Kolkata", "2026-01-15T12:00:00", "2026-01-15T06:30:00Z" },
		{ "Asia/Kathmandu", "2026-01-15T12:00:00", "2026-01-15T06:15:00Z" },
		{ "Australia/Lord_Howe", "2026-01-15T12:00:00", "2026-01-15T01:00:00Z" },
		{ "Australia/Lord_Howe", "2026-07-15T12:00:00", "2026-07-15T01:30:00Z" },
		{ "America/Santiago", "2026-01-15T12:00:00", "2026-01-15T15:00:00Z" },
		{ "Pacific/Apia", "2011-12-31T00:00:00", "2011-12-30T10:00:00Z" },
		{ "Etc/UTC", "2026-01-15T12:00:00", "2026-01-15T12:00:00Z" },
		{ "Etc/GMT-3", "2026-01-15T12:00:00", "2026-01-15T09:00:00Z" },
	};
	struct zones zones = { 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct zone *zone = zones_get(&zones, cases[i].zone);
		char got[CALTIME_SIZE];

		assert_non_null(zone);
		caltime_write_utc(zone_to_utc(zone, at(cases[i].local)), got);
		assert_string_equal(got, cases[i].utc);
	}
	zones_free(&zones);
}

static void test_what_is_no_zone(void **state)
{
	static const char *const names[] = { "", "Mars/Olympus", "../../etc/passwd", "/etc/passwd",
		"Europe", "Europe/", "zone.tab", "right/Europe/Berlin", "localtime",
		"Europe/Ber lin" };
	struct zones zones = { 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		assert_null(zones_get(&zones, names[i]));
	zones_free(&zones);
}

static void test_names(void **state)
{
	static const struct {
		const char *name;
		const char *iana;
	} cases[] = {
		{ "Europe/Berlin", "Europe/Berlin" },
		{ "europe/berlin", "Europe/Berlin" },
		{ "W. Europe Standard Time", "Europe/Berlin" },
		{ "Eastern Standard Time", "America/New_York" },
		{ "UTC", "Etc/UTC" },
		{ "GMT", "Etc/UTC" },
		{ "Z", "Etc/UTC" },
		{ "tzone://Microsoft/Utc", "Etc/UTC" },
		{ " Europe/Paris ", "Europe/Paris" },
		{ "/citadel.org/20190914_1/Europe/Berlin", "Europe/Berlin" },
		{ "/freeassociation.sourceforge.net/Tzfile/America/Argentina/Ushuaia",
			"America/Argentina/Ushuaia" },
		{ "UTC+01", "Etc/GMT-1" },
		{ "(GMT-05:00)", "Etc/GMT+5" },
		{ "GMT +0000", "Etc/UTC" },
		{ "UTC+05:30", NULL },
		{ "UTC+99", NULL },
		{ "(UTC-05:00) Eastern Time", NULL },
		{ "Eastern", NULL },
		{ "", NULL },
		{ "/", NULL },
		{ "//////////", NULL },
		{ "Customized Time Zone", NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char iana[ZONE_NAME] = "";
		bool found = zone_find(cases[i].name, iana);

		assert_int_equal(found, cases[i].iana != NULL);
		if (found)
			assert_string_equal(iana, cases[i].iana);
	}
}

static void test_windows_names(void **state)
{
	static const char *const names[][2] = {
		{ "Europe/Berlin", "W. Europe Standard Time" },
		{ "Europe/Vienna", "W. Europe Standard Time" },
		{ "America/New_York", "Eastern Standard Time" },
		{ "Asia/Kolkata", "India Standard Time" },
		{ "Etc/UTC", "UTC" },
	};
	char windows[ZONE_NAME];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		assert_true(zone_to_windows(names[i][0], windows));
		assert_string_equal(windows, names[i][1]);
	}
	assert_false(zone_to_windows("Mars/Olympus", windows));
}

/* The rule in force: last Sundays of March and October, since 1996. */
static void test_rules(void **state)
{
	struct zones zones = { 0 };
	struct zone_yearly rules[2];
	int64_t since;

	(void)state;
	assert_true(zone_rules(zones_get(&zones, "Europe/Berlin"), rules, &since));
	assert_int_equal(rules[0].month, 3);
	assert_int_equal(rules[0].week, 5);
	assert_int_equal(rules[0].offset, 7200);
	assert_int_equal(rules[1].month, 10);
	assert_int_equal(rules[1].seconds, 3 * 3600);
	assert_true(since <= at("1996-10-27T01:00:00Z"));
	assert_true(since > at("1980-01-01T00:00:00Z"));
	assert_false(zone_rules(zones_get(&zones, "Asia/Kolkata"), rules, &since));
	zones_free(&zones);
}

static void test_changes(void **state)
{
	struct zones zones = { 0 };
	const struct zone *zone = zones_get(&zones, "Europe/Berlin");
	struct zone_change change;

	(void)state;
	assert_true(zone_next(zone, at("2050-01-01T00:00:00Z"), &change));
	assert_int_equal(change.utc, at("2050-03-27T01:00:00Z"));
	assert_int_equal(change.offset, 7200);
	assert_string_equal(change.abbreviation, "CEST");
	zone_state(zone, at("2050-01-01T00:00:00Z"), &change);
	assert_int_equal(change.utc, at("2049-10-31T01:00:00Z"));
	assert_false(change.daylight);
	assert_false(
		zone_next(zones_get(&zones, "Asia/Kolkata"), at("2000-01-01T00:00:00Z"), &change));
	zones_free(&zones);
}

static void test_remembered_names(void **state)
{
	static const char *const names[] = { "W. Europe Standard Time", "europe/berlin",
		"no such zone", "UTC" };
	struct zones zones = { 0 };

	(void)state;
	for (int n = 0; n < 2; n++)
		for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
			char found[ZONE_NAME] = "", remembered[ZONE_NAME] = "";
			bool known = zone_find(names[i], found);

			assert_int_equal(zones_find(&zones, names[i], remembered), known);
			if (known)
				assert_string_equal(remembered, found);
			assert_string_equal(zones_recall(&zones, names[i]), known ? found : "");
		}
	assert_null(zones_recall(&zones, "Europe/Paris"));
	for (int i = 0; i < 2000; i++) { /* a server cannot make us keep all that it says */
		char *text AUTOFREE = xasprintf("name %d", i);

		zones_remember(&zones, text, "Europe/Paris");
	}
	assert_true(zones.n_aliases < 1000);
	zones_free(&zones);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_local_to_utc),
		cmocka_unit_test(test_what_is_no_zone),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_windows_names),
		cmocka_unit_test(test_rules),
		cmocka_unit_test(test_changes),
		cmocka_unit_test(test_remembered_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
