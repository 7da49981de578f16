/* Contacts, events and tasks of one mailbox go side by side; what an event has that a contact has not. */
#include "tests/unit/sync/engine/calendar_world.h"

/* ---- side by side ---------------------------------------------------------------------------- */

static void three_kinds_in_one_cycle(void **state)
{
	struct calendar *t = *state;
	struct world *w = t->w;

	put(&w->e, w->e.contacts, "anna.vcf", person(w, "Anna Adler", "anna@ex.org", ""));
	put(&w->e, t->calendar, "lunch.ics", event(w, "e1", "Lunch", 1, ""));
	put(&w->e, t->tasks, "call.ics", task(w, "t1", "Call"));
	outlook_event(t, "Meeting", 2);
	settle(w);
	assert_int_equal(there(w, ALICE, "Anna Adler")->folder, IN_CONTACTS);
	assert_int_equal(item_there(w, "Lunch")->folder, t->there);
	assert_int_equal(item_there(w, "Call")->folder, t->tasks_there);
	assert_true(exists(&w->e, t->calendar, name_of(w, "Meeting", 2)));
	assert_int_equal(crm_count(&w->f), 0);
	edit(w, t->calendar, "lunch.ics", "SUMMARY:Lunch", "SUMMARY:Dinner");
	edit(w, t->tasks, "call.ics", "SUMMARY:Call", "SUMMARY:Write");
	edit(w, w->e.contacts, "anna.vcf", "anna@ex.org", "adler@ex.org");
	settle(w);
	assert_non_null(item_there(w, "Dinner"));
	assert_non_null(item_there(w, "Write"));
	assert_string_equal(field_there(w, ALICE, "Anna Adler", "EmailAddress1"), "adler@ex.org");
	assert_int_equal(fake_count(box_of(w, ALICE), -1), 4);
}

static void between_kinds_nothing_moves(void **state)
{
	struct calendar *t = *state;
	struct world *w = t->w;

	put(&w->e, t->calendar, "lunch.ics", event(w, "e1", "Lunch", 1, ""));
	cycle(w, ALICE);
	assert_int_equal(move_errno(&w->e, t->calendar, "lunch.ics", t->tasks, "lunch.ics"), EPERM);
	assert_int_equal(
		move_errno(&w->e, t->calendar, "lunch.ics", t->task_view, "lunch.ics"), EPERM);
	assert_true(exists(&w->e, t->calendar, "lunch.ics"));
}

/* The key of an event is its iCalendar UID; a copy, which has the same, is another event. */
static void an_event_keeps_the_uid_it_has_in_exchange(void **state)
{
	struct calendar *t = *state;
	struct world *w = t->w;
	struct fake_item *there = outlook_event(t, "Meeting", 2);
	struct store_item item, copy;

	cycle(w, ALICE);
	item = item_get(&w->e, item_at(w, t->calendar, name_of(w, "Meeting", 2)));
	assert_string_equal(item.uid, there->key);
	assert_true(shows(w, t->calendar, name_of(w, "Meeting", 2), there->key));
	fake_copy(&w->x, box_of(w, ALICE), there, t->there);
	settle(w);
	copy = item_get(&w->e, item_at(w, t->calendar, name_of(w, "Meeting (2)", 2)));
	assert_string_not_equal(copy.uid, item.uid);
	store_item_clear(&item);
	store_item_clear(&copy);
}

/* A task's UID is no event's. */
static void an_event_and_a_task_may_share_a_uid(void **state)
{
	struct calendar *t = *state;
	struct world *w = t->w;

	put(&w->e, t->calendar, "a.ics", event(w, "same", "Lunch", 1, ""));
	put(&w->e, t->tasks, "a.ics", task(w, "same", "Call"));
	settle(w);
	assert_non_null(item_there(w, "Lunch"));
	assert_non_null(item_there(w, "Call"));
}

/* Attendees and exceptions are merged one by one. */
static void each_key_of_a_map_is_merged_alone(void **state)
{
	static const char series[] = "RRULE:FREQ=DAILY;COUNT=5\r\n"
				     "ORGANIZER:mailto:a@ex.org\r\n"
				     "ATTENDEE;CN=Bert:mailto:b@ex.org\r\n"
				     "ATTENDEE;CN=Cara:mailto:c@ex.org\r\n";
	struct calendar *t = *state;
	struct world *w = t->w;
	struct fake_item *there;

	put(&w->e, t->calendar, "s.ics", event(w, "s", "Series", 1, series));
	settle(w);
	there = item_there(w, "Series");
	json_object_set_new(there->fields, "Attendees/b@ex.org",
		json_pack("{s:s, s:s}", "name", "Bert", "participationStatus", "accepted"));
	fake_touched(box_of(w, ALICE), there, false);
	edit(w, t->calendar, "s.ics", "CN=Cara", "CN=Carla");
	settle(w);
	assert_true(shows(w, t->calendar, "s.ics", "CN=Carla"));
	assert_true(shows(w, t->calendar, "s.ics", "PARTSTAT=ACCEPTED"));
	assert_string_equal(
		net_text(json_object_get(there->fields, "Attendees/c@ex.org"), "name"), "Carla");
	assert_int_equal(count_conflicts(&w->e), 0);
}

/* ---- a series and its exceptions ------------------------------------------------------------- */

/* Between the series and its exceptions Exchange has none (I12): nobody removed them, whether what we
 * wrote says that it was us or not. */
static void a_series_cut_short_keeps_its_exceptions(void **state)
{
	static const enum fault_mode modes[] = { LOSE_HALFWAY, LOSE_BEFORE, LOSE_AFTER };
	struct calendar *t = *state;
	struct world *w = t->w;

	for (size_t i = 0; i < ARRAY_SIZE(modes) * 4; i++) {
		bool update = i & 1;
		char *name AUTOFREE = xasprintf("s%zu", i);
		char *file AUTOFREE = xasprintf("%s.ics", name);
		const char *key = NULL;
		json_t *value;

		w->x.shows_us = i & 2;
		if (!update)
			net_fault(&w->net, "create", modes[i / 4], 1);
		put(&w->e, t->calendar, file,
			event(w, name, name, 1,
				keep(&w->e, xasprintf("RRULE:FREQ=DAILY;COUNT=5\r\nEXDATE:%s\r\n",
						    stamp(w, 3)))));
		if (update) {
			settle(w);
			net_fault(&w->net, "update", modes[i / 4], 1);
			edit(w, t->calendar, file, "PT1H", "PT2H");
		}
		assert_int_equal(failing_cycle(w, ALICE), ERR_LOST);
		world_reopen(w);
		age(w, 3 * MINUTE);
		settle(w);
		assert_true(shows(w, t->calendar, file, "EXDATE"));
		assert_true(shows(w, t->calendar, file, update ? "PT2H" : "PT1H"));
		json_object_foreach(item_there(w, name)->fields, key, value)
			if (fake_is_later(key))
				break;
		assert_true(key && fake_is_later(key));
		assert_int_equal(state_of(w, t->calendar, file), ITEM_SYNCED);
	}
	assert_int_equal(fake_count(box_of(w, ALICE), -1), ARRAY_SIZE(modes) * 4);
	assert_int_equal(count_conflicts(&w->e), 0);
}

/* The series is there, its exceptions were refused: they stay here, and go with the next edit. */
static void refused_exceptions_stay(void **state)
{
	struct calendar *t = *state;
	struct world *w = t->w;
	const char *rule = keep(
		&w->e, xasprintf("RRULE:FREQ=DAILY;COUNT=5\r\nEXDATE:%s\r\n", stamp(w, 3)));

	for (int update = 0; update < 2; update++) {
		net_fault(&w->net, update ? "update" : "create", REFUSE_LATER, 1);
		if (update)
			edit(w, t->calendar, "s.ics", "PT1H", "PT2H");
		else
			put(&w->e, t->calendar, "s.ics", event(w, "s", "Series", 1, rule));
		cycle(w, ALICE);
		cycle(w, ALICE);
		assert_int_equal(state_of(w, t->calendar, "s.ics"), ITEM_ERROR);
		assert_true(shows(w, t->calendar, "s.ics", "EXDATE"));
		assert_int_equal(fake_count(box_of(w, ALICE), -1), 1);
		edit(w, t->calendar, "s.ics", update ? "Series!" : "Series", "Series!!");
		edit(w, t->calendar, "s.ics", "Series!!", update ? "Series" : "Series!");
		settle(w);
		assert_int_equal(state_of(w, t->calendar, "s.ics"), ITEM_SYNCED);
		assert_true(shows(w, t->calendar, "s.ics", "EXDATE"));
	}
	assert_int_equal(count_conflicts(&w->e), 0);
	assert_int_equal(fake_count(box_of(w, ALICE), -1), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CALENDAR(three_kinds_in_one_cycle),
		CALENDAR(between_kinds_nothing_moves),
		CALENDAR(an_event_keeps_the_uid_it_has_in_exchange),
		CALENDAR(an_event_and_a_task_may_share_a_uid),
		CALENDAR(each_key_of_a_map_is_merged_alone),
		CALENDAR(a_series_cut_short_keeps_its_exceptions),
		CALENDAR(refused_exceptions_stay),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
