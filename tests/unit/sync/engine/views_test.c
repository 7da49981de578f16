/* Views: an event or task in Salesforce_Sync has its category, and the category moves the file. */
#include "tests/unit/sync/engine/calendar_world.h"

/* ---- place and category ---------------------------------------------------------------------- */

static void moving_into_the_view_sets_a_category_and_no_byte(void **state)
{
	struct calendar *t = *state;
	struct world *w = t->w;
	const char *bytes = event(w, "e1", "Lunch", 1, "CATEGORIES:Food\r\n");
	uint64_t ino = put(&w->e, t->calendar, "lunch.ics", bytes);

	settle(w);
	for (int twice = 0; twice < 2; twice++) {
		move(&w->e, t->calendar, "lunch.ics", t->view, "lunch.ics");
		settle(w);
		assert_int_equal(item_there(w, "Lunch")->folder, t->there);
		assert_true(is_categorized(w, "Lunch", CATEGORY));
		assert_true(is_categorized(w, "Lunch", "Categories/Food"));
		assert_int_equal(at(&w->e, t->view, "lunch.ics").ino, ino);
		assert_string_equal(bytes_of(&w->e, ino), bytes);
		assert_non_null(record_of(w, "Lunch"));
		move(&w->e, t->view, "lunch.ics", t->calendar, "lunch.ics");
		settle(w);
		assert_false(is_categorized(w, "Lunch", CATEGORY));
		assert_true(is_categorized(w, "Lunch", "Categories/Food"));
		assert_int_equal(at(&w->e, t->calendar, "lunch.ics").ino, ino);
		assert_string_equal(bytes_of(&w->e, ino), bytes);
		assert_int_equal(crm_status(w, t->calendar, "lunch.ics"), SIDE_UNLINKED);
	}
	assert_int_equal(fake_count(box_of(w, ALICE), -1), 1);
	assert_int_equal(crm_count(&w->f), 1);
}

static void a_category_set_in_outlook_moves_the_file(void **state)
{
	struct calendar *t = *state;
	struct world *w = t->w;
	struct fake_item *there = outlook_event(t, "Meeting", 2);
	const char *name = name_of(w, "Meeting", 2);
	uint64_t ino;

	cycle(w, ALICE);
	ino = at(&w->e, t->calendar, name).ino;
	for (int twice = 0; twice < 2; twice++) {
		fake_set(box_of(w, ALICE), there, CATEGORY, "true");
		settle(w);
		assert_false(exists(&w->e, t->calendar, name));
		assert_int_equal(at(&w->e, t->view, name).ino, ino);
		assert_false(shows(w, t->view, name, "CATEGORIES"));
		assert_non_null(record_of(w, "Meeting"));
		fake_set(box_of(w, ALICE), there, CATEGORY, NULL);
		settle(w);
		assert_false(exists(&w->e, t->view, name));
		assert_int_equal(at(&w->e, t->calendar, name).ino, ino);
	}
	assert_int_equal(files_in(w, t->calendar) + files_in(w, t->view), 1);
}

static void an_item_that_has_it_arrives_in_the_view(void **state)
{
	struct calendar *t = *state;
	struct world *w = t->w;

	fake_set(box_of(w, ALICE), outlook_event(t, "Meeting", 2), CATEGORY, "true");
	settle(w);
	assert_true(exists(&w->e, t->view, name_of(w, "Meeting", 2)));
	assert_int_equal(files_in(w, t->calendar), 0);
	assert_non_null(record_of(w, "Meeting"));
}

static void a_file_made_in_the_view_has_the_category(void **state)
{
	struct calendar *t = *state;
	struct world *w = t->w;

	put(&w->e, t->view, "lunch.ics", event(w, "e1", "Lunch", 1, ""));
	put(&w->e, t->task_view, "call.ics", task(w, "t1", "Call"));
	settle(w);
	assert_int_equal(item_there(w, "Lunch")->folder, t->there);
	assert_true(is_categorized(w, "Lunch", CATEGORY));
	assert_true(is_categorized(w, "Call", CATEGORY));
	assert_non_null(record_of(w, "Lunch"));
	assert_non_null(record_of(w, "Call"));
	assert_false(shows(w, t->view, "lunch.ics", "CATEGORIES"));
}

/* vim, khal and vdirsyncer write a draft and rename it over the item. */
static void a_file_rewritten_in_the_view_stays_in_it(void **state)
{
	struct calendar *t = *state;
	struct world *w = t->w;

	put(&w->e, t->view, "lunch.ics", event(w, "e1", "Lunch", 1, ""));
	settle(w);
	put(&w->e, t->view, ".tmp", event(w, "e1", "Dinner", 1, "CATEGORIES:Food\r\n"));
	move(&w->e, t->view, ".tmp", t->view, "lunch.ics");
	settle(w);
	assert_true(is_categorized(w, "Dinner", CATEGORY));
	assert_true(is_categorized(w, "Dinner", "Categories/Food"));
	assert_int_equal(fake_count(box_of(w, ALICE), -1), 1);
	assert_non_null(record_of(w, "Dinner"));
	assert_true(exists(&w->e, t->view, "lunch.ics"));
}

static void removing_in_the_view_deletes(void **state)
{
	struct calendar *t = *state;
	struct world *w = t->w;

	put(&w->e, t->view, "lunch.ics", event(w, "e1", "Lunch", 1, ""));
	settle(w);
	remove_file(&w->e, t->view, "lunch.ics");
	age(w, MINUTE);
	settle(w);
	assert_null(item_there(w, "Lunch"));
	assert_int_equal(files_in(w, t->view) + files_in(w, t->calendar), 0);
}

/* What the user wrote in the file counts as the place; it goes when he moves the file out. */
static void a_category_written_in_the_file_is_the_place_too(void **state)
{
	struct calendar *t = *state;
	struct world *w = t->w;
	uint64_t ino;

	ino = put(&w->e, t->calendar, "lunch.ics",
		event(w, "e1", "Lunch", 1, "CATEGORIES:" VIEW ",Food\r\n"));
	settle(w);
	assert_int_equal(at(&w->e, t->view, "lunch.ics").ino, ino);
	assert_true(shows(w, t->view, "lunch.ics", VIEW));
	move(&w->e, t->view, "lunch.ics", t->calendar, "lunch.ics");
	assert_false(shows(w, t->calendar, "lunch.ics", VIEW));
	assert_true(shows(w, t->calendar, "lunch.ics", "CATEGORIES:Food"));
	settle(w);
	assert_false(is_categorized(w, "Lunch", CATEGORY));
	assert_true(exists(&w->e, t->calendar, "lunch.ics"));
	/* Taken out of the file alone, the place stays. */
	move(&w->e, t->calendar, "lunch.ics", t->view, "lunch.ics");
	edit(w, t->view, "lunch.ics", "CATEGORIES:Food", "CATEGORIES:Food," VIEW);
	settle(w);
	edit(w, t->view, "lunch.ics", "," VIEW, "");
	settle(w);
	assert_true(is_categorized(w, "Lunch", CATEGORY));
	assert_true(exists(&w->e, t->view, "lunch.ics"));
}

/* Removed there, it goes from the file as well. */
static void a_category_removed_there_leaves_the_file(void **state)
{
	struct calendar *t = *state;
	struct world *w = t->w;

	put(&w->e, t->calendar, "lunch.ics", event(w, "e1", "Lunch", 1, "CATEGORIES:" VIEW "\r\n"));
	settle(w);
	fake_set(box_of(w, ALICE), item_there(w, "Lunch"), CATEGORY, NULL);
	settle(w);
	assert_true(exists(&w->e, t->calendar, "lunch.ics"));
	assert_false(shows(w, t->calendar, "lunch.ics", VIEW));
	assert_false(is_categorized(w, "Lunch", CATEGORY));
}

/* khal writes the event anew before it removes the old file; until then nothing is doubled. */
static void a_copy_into_the_view_waits_and_takes_over(void **state)
{
	struct calendar *t = *state;
	struct world *w = t->w;
	const char *bytes = event(w, "e1", "Lunch", 1, "");
	char id[40];

	put(&w->e, t->calendar, "lunch.ics", bytes);
	settle(w);
	snprintf(id, sizeof(id), "%s", item_there(w, "Lunch")->id);
	put(&w->e, t->view, "copy.ics", bytes);
	settle(w);
	assert_int_equal(fake_count(box_of(w, ALICE), -1), 1);
	assert_int_equal(crm_count(&w->f), 0);
	assert_int_equal(state_of(w, t->view, "copy.ics"), ITEM_ERROR);
	remove_file(&w->e, t->calendar, "lunch.ics");
	settle(w);
	assert_string_equal(item_there(w, "Lunch")->id, id);
	assert_true(is_categorized(w, "Lunch", CATEGORY));
	assert_int_equal(state_of(w, t->view, "copy.ics"), ITEM_SYNCED);
	assert_int_equal(fake_count(box_of(w, ALICE), -1), 1);
	assert_non_null(record_of(w, "Lunch"));
}

/* ---- folders --------------------------------------------------------------------------------- */

static void each_folder_has_its_view(void **state)
{
	struct calendar *t = *state;
	struct world *w = t->w;
	int team = add_folder(t, "Team");
	uint64_t made = make_dir(&w->e, t->calendar, "Mine"), there, view;

	settle(w);
	there = child(w, t->calendar, "Team");
	view = child(w, there, VIEW);
	assert_true(there && view && child(w, made, VIEW));
	put(&w->e, t->calendar, "lunch.ics", event(w, "e1", "Lunch", 1, ""));
	settle(w);
	move(&w->e, t->calendar, "lunch.ics", view, "lunch.ics");
	settle(w);
	assert_int_equal(item_there(w, "Lunch")->folder, team);
	assert_true(is_categorized(w, "Lunch", CATEGORY));
	/* Moved in Outlook, it keeps its category, and so its view. */
	fake_move(&w->x, box_of(w, ALICE), item_there(w, "Lunch"), t->there);
	settle(w);
	assert_true(exists(&w->e, t->view, "lunch.ics"));
	assert_int_equal(fake_count(box_of(w, ALICE), -1), 1);
}

static void a_real_folder_of_that_name_gets_a_number(void **state)
{
	struct calendar *t = *state;
	struct world *w = t->w;
	int real = add_folder(t, VIEW);
	uint64_t shown;

	settle(w);
	shown = child(w, t->calendar, VIEW " (2)");
	assert_true(shown != 0);
	assert_int_equal(child(w, t->calendar, VIEW), t->view);
	assert_string_equal(box_of(w, ALICE)->folders[real].name, VIEW);
	put(&w->e, shown, "lunch.ics", event(w, "e1", "Lunch", 1, ""));
	settle(w);
	assert_int_equal(item_there(w, "Lunch")->folder, real);
	assert_false(is_categorized(w, "Lunch", CATEGORY));
}

static void the_view_has_to_stay_where_it_is(void **state)
{
	struct calendar *t = *state;
	struct world *w = t->w;
	struct error err = ERROR_INIT;
	struct store_node node;
	int number = 0;

	assert_int_equal(move_errno(&w->e, t->calendar, VIEW, t->calendar, "Other"), EPERM);
	assert_int_not_equal(commit_rmdir(&w->e.c, t->calendar, VIEW, &number, &err), 0);
	assert_int_equal(number, EPERM);
	assert_int_equal(commit_mkdir(&w->e.c, t->view, "Sub", 0700, &node, &err), ERR_DENIED);
	make_dir(&w->e, t->calendar, "Mine");
	assert_int_equal(move_errno(&w->e, t->calendar, "Mine", t->view, "Mine"), EPERM);
	assert_int_equal(commit_mkdir(&w->e.c, t->view, ".draft", 0700, &node, &err), 0);
}

static void a_folder_goes_with_its_empty_view(void **state)
{
	struct calendar *t = *state;
	struct world *w = t->w;
	uint64_t mine = make_dir(&w->e, t->calendar, "Mine");
	struct error err = ERROR_INIT;
	int number = 0;

	settle(w);
	put(&w->e, child(w, mine, VIEW), "lunch.ics", event(w, "e1", "Lunch", 1, ""));
	settle(w);
	assert_int_not_equal(commit_rmdir(&w->e.c, t->calendar, "Mine", &number, &err), 0);
	assert_int_equal(number, ENOTEMPTY);
	move(&w->e, child(w, mine, VIEW), "lunch.ics", t->calendar, "lunch.ics");
	settle(w);
	assert_int_equal(commit_rmdir(&w->e.c, t->calendar, "Mine", &number, &err), 0);
	settle(w);
	assert_false(exists(&w->e, t->calendar, "Mine"));
	assert_int_equal(fake_folder_by_name(box_of(w, ALICE), "Mine"), -1);
	assert_non_null(item_there(w, "Lunch"));
}

static void a_folder_gone_there_takes_its_view_along(void **state)
{
	struct calendar *t = *state;
	struct world *w = t->w;
	int team = add_folder(t, "Team");

	settle(w);
	put(&w->e, child(w, child(w, t->calendar, "Team"), VIEW), "lunch.ics",
		event(w, "e1", "Lunch", 1, ""));
	settle(w);
	fake_delete_folder(box_of(w, ALICE), team);
	settle(w);
	assert_false(exists(&w->e, t->calendar, "Team"));
}

static void the_policy_may_name_the_view_anew(void **state)
{
	struct calendar *t = *state;
	struct world *w = t->w;

	put(&w->e, t->view, "lunch.ics", event(w, "e1", "Lunch", 1, ""));
	settle(w);
	w->policy.folder = (char *)"Kunden";
	settle(w);
	assert_int_equal(child(w, t->calendar, "Kunden"), t->view);
	assert_false(exists(&w->e, t->calendar, VIEW));
	assert_true(is_categorized(w, "Lunch", "Categories/Kunden"));
	assert_false(is_categorized(w, "Lunch", CATEGORY));
	w->policy.folder = (char *)VIEW;
}

/* A policy that begins later finds what has the category already. */
static void a_view_made_later_finds_its_items(void **state)
{
	struct calendar *t = *state;
	struct world *w = t->w;
	int team;

	w->policy.rules[CONFIG_CALENDAR].mode = MODE_OFF;
	team = add_folder(t, "Team");
	settle(w);
	assert_int_equal(child(w, child(w, t->calendar, "Team"), VIEW), 0);
	put(&w->e, child(w, t->calendar, "Team"), "lunch.ics",
		event(w, "e1", "Lunch", 1, "CATEGORIES:" VIEW "\r\n"));
	settle(w);
	w->policy.rules[CONFIG_CALENDAR].mode = MODE_DESIGNATED;
	settle(w);
	assert_true(exists(&w->e, child(w, child(w, t->calendar, "Team"), VIEW), "lunch.ics"));
	assert_int_equal(item_there(w, "Lunch")->folder, team);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CALENDAR(moving_into_the_view_sets_a_category_and_no_byte),
		CALENDAR(a_category_set_in_outlook_moves_the_file),
		CALENDAR(an_item_that_has_it_arrives_in_the_view),
		CALENDAR(a_file_made_in_the_view_has_the_category),
		CALENDAR(a_file_rewritten_in_the_view_stays_in_it),
		CALENDAR(removing_in_the_view_deletes),
		CALENDAR(a_category_written_in_the_file_is_the_place_too),
		CALENDAR(a_category_removed_there_leaves_the_file),
		CALENDAR(a_copy_into_the_view_waits_and_takes_over),
		CALENDAR(each_folder_has_its_view),
		CALENDAR(a_real_folder_of_that_name_gets_a_number),
		CALENDAR(the_view_has_to_stay_where_it_is),
		CALENDAR(a_folder_goes_with_its_empty_view),
		CALENDAR(a_folder_gone_there_takes_its_view_along),
		CALENDAR(the_policy_may_name_the_view_anew),
		CALENDAR(a_view_made_later_finds_its_items),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
