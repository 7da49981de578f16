/* Which events are designated by their time (I13). */
#include "tests/unit/sync/engine/calendar_world.h"

static void an_event_that_is_over_is_not_designated(void **state)
{
	struct calendar *t = *state;
	struct world *w = t->w;

	put(&w->e, t->view, "old.ics", event(w, "e1", "Old", -3, ""));
	put(&w->e, t->view, "new.ics", event(w, "e2", "New", 3, ""));
	settle(w);
	assert_null(record_of(w, "Old"));
	assert_non_null(record_of(w, "New"));
	assert_int_equal(state_of(w, t->view, "old.ics"), ITEM_SYNCED);
	/* A wider limit brings it. */
	w->policy.event_days = 5;
	settle(w);
	assert_non_null(record_of(w, "Old"));
	/* Linked and aged, it stays linked (I13). */
	w->policy.event_days = 0;
	edit(w, t->view, "old.ics", "SUMMARY:Old", "SUMMARY:Older");
	settle(w);
	assert_non_null(record_of(w, "Older"));
	assert_int_equal(crm_status(w, t->view, "old.ics"), SIDE_LINKED);
}

static void a_series_is_over_with_its_last_occurrence(void **state)
{
	struct calendar *t = *state;
	struct world *w = t->w;

	put(&w->e, t->view, "a.ics", event(w, "a", "Endless", -9, "RRULE:FREQ=WEEKLY\r\n"));
	put(&w->e, t->view, "b.ics", event(w, "b", "Going", -9, "RRULE:FREQ=DAILY;COUNT=20\r\n"));
	put(&w->e, t->view, "c.ics", event(w, "c", "Over", -9, "RRULE:FREQ=DAILY;COUNT=3\r\n"));
	settle(w);
	assert_non_null(record_of(w, "Endless"));
	assert_non_null(record_of(w, "Going"));
	assert_null(record_of(w, "Over"));
}

static void the_limit_is_midnight_of_the_users_day(void **state)
{
	struct zones zones = { 0 };
	const struct zone *berlin = zones_get(&zones, "Europe/Berlin");
	const struct zone *auckland = zones_get(&zones, "Pacific/Auckland");
	int64_t now, midnight;

	(void)state;
	/* 2026-11-22T12:00Z is 13:00 in Berlin and already the 23rd, 01:00, in Auckland (+13). */
	assert_true(caltime_read_utc("2026-11-22T12:00:00Z", &now));
	assert_true(caltime_read_utc("2026-11-21T23:00:00Z", &midnight));
	assert_int_equal(limit_midnight(now, 0, berlin), midnight);
	assert_true(caltime_read_utc("2026-11-22T11:00:00Z", &midnight));
	assert_int_equal(limit_midnight(now, 0, auckland), midnight);
	assert_true(caltime_read_utc("2026-11-22T00:00:00Z", &midnight));
	assert_int_equal(limit_midnight(now, 0, NULL), midnight);
	/* Summer time ended on 25 October: midnight of the 22nd was 22:00Z the day before. */
	assert_true(caltime_read_utc("2026-10-21T22:00:00Z", &midnight));
	assert_int_equal(limit_midnight(now, EVENTS_LAST_MONTH, berlin), midnight);
	assert_int_equal(limit_midnight(now, 31, berlin), midnight);
	/* 31 March has no day a month before: the last of February. */
	assert_true(caltime_read_utc("2027-03-31T12:00:00Z", &now));
	assert_true(caltime_read_utc("2027-02-28T00:00:00Z", &midnight));
	assert_int_equal(limit_midnight(now, EVENTS_LAST_MONTH, NULL), midnight);
	zones_free(&zones);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CALENDAR(an_event_that_is_over_is_not_designated),
		CALENDAR(a_series_is_over_with_its_last_occurrence),
		cmocka_unit_test(the_limit_is_midnight_of_the_users_day),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
