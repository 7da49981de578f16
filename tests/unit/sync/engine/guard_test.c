/* Mass deletions (I9): no answer of a remote, however empty or wrong, and no slip of a user, deletes
 * past the guard; what is held is confirmed or restored as a batch, and only that. */
#include "tests/unit/sync/engine/calendar_world.h"

#define MANY 30

static void many(struct world *w, uint64_t folder, int n)
{
	for (int i = 0; i < n; i++)
		put(&w->e, folder, nth_file(w, i), nth_person(w, i));
	settle(w);
	assert_int_equal(fake_count(box_of(w, ALICE), -1), n);
}

/* The one held batch and how many it holds. */
static int64_t held(struct world *w, size_t *n)
{
	json_t *list = engine_deletes(w->engine);
	int64_t batch = 0;
	json_t *one;
	size_t i;

	json_array_foreach(list, i, one) {
		int64_t number = json_integer_value(json_object_get(one, "batch"));

		assert_true(!batch || number == batch);
		batch = number;
	}
	*n = json_array_size(list);
	json_decref(list);
	return batch;
}

static size_t count_held(struct world *w)
{
	json_t *list = engine_deletes(w->engine);
	size_t n = json_array_size(list);

	json_decref(list);
	return n;
}

static void assert_nothing_held(struct world *w)
{
	assert_int_equal(count_held(w), 0);
}

static void remove_files(struct world *w, uint64_t dir, int from, int to)
{
	for (int i = from; i < to; i++)
		remove_file(&w->e, dir, nth_file(w, i));
}

/* ---- by the user ----------------------------------------------------------------------------- */

static void a_few_removals_go(void **state)
{
	struct world *w = *state;

	many(w, CONTACTS, MANY);
	remove_files(w, CONTACTS, 0, 5);
	settle(w);
	assert_int_equal(fake_count(box_of(w, ALICE), -1), MANY - 5);
	assert_nothing_held(w);
}

static void many_removals_are_held_and_confirmed(void **state)
{
	struct world *w = *state;
	struct error err = ERROR_INIT;
	int64_t batch;
	size_t n;

	many(w, CONTACTS, MANY);
	remove_files(w, CONTACTS, 0, 12);
	/* All else goes on. */
	add_lines(w, CONTACTS, nth_file(w, 20), JOB("Buyer"));
	settle(w);
	assert_int_equal(fake_count(box_of(w, ALICE), -1), MANY);
	assert_string_equal(field_there(w, ALICE, nth(w, 20), "JobTitle"), "Buyer");
	batch = held(w, &n);
	assert_int_equal(n, 12);
	world_reopen(w);
	settle(w);
	assert_int_equal(held(w, &n), batch);
	/* A removal after the confirmation is not of the batch. */
	assert_ok(engine_confirm_deletes(w->engine, batch, &err), err);
	remove_files(w, CONTACTS, 12, 20);
	settle(w);
	assert_int_equal(fake_count(box_of(w, ALICE), -1), MANY - 12);
	assert_int_not_equal(held(w, &n), batch);
	assert_int_equal(n, 8);
	assert_int_equal(engine_confirm_deletes(w->engine, batch, &err), ERR_NOT_FOUND);
}

static void many_removals_are_held_and_restored(void **state)
{
	struct world *w = *state;
	struct error err = ERROR_INIT;
	uint64_t inos[12];
	size_t n;

	many(w, SYNC, MANY);
	for (int i = 0; i < 12; i++) {
		inos[i] = at(&w->e, SYNC, nth_file(w, i)).ino;
		remove_file(&w->e, SYNC, nth_file(w, i));
	}
	settle(w);
	assert_ok(engine_restore_deletes(w->engine, held(w, &n), &err), err);
	assert_nothing_held(w);
	settle(w);
	assert_int_equal(fake_count(box_of(w, ALICE), -1), MANY);
	assert_int_equal(crm_count(&w->f), MANY);
	for (int i = 0; i < 12; i++) {
		assert_int_equal(at(&w->e, SYNC, nth_file(w, i)).ino, inos[i]);
		assert_int_equal(crm_status(w, SYNC, nth_file(w, i)), SIDE_LINKED);
	}
	assert_nothing_held(w);
}

/* Five at a time, all day long. */
static void slow_deletion_is_mass_deletion(void **state)
{
	struct world *w = *state;

	many(w, CONTACTS, MANY);
	for (int i = 0; i < 15; i++) {
		remove_file(&w->e, CONTACTS, nth_file(w, i));
		cycle(w, ALICE);
	}
	assert_int_equal(fake_count(box_of(w, ALICE), -1), MANY - 5);
	assert_int_equal(count_held(w), 10);
}

/* max-delete counts over all folders. */
static void many_small_folders_are_many(void **state)
{
	struct world *w = *state;
	struct error err = ERROR_INIT;
	uint64_t folders[8];
	size_t n;

	w->config.max_delete = 10;
	for (int i = 0; i < 8; i++) {
		folders[i] = make_dir(&w->e, CONTACTS, keep(&w->e, xasprintf("Folder %d", i)));
		for (int k = 0; k < 4; k++)
			put(&w->e, folders[i], nth_file(w, k),
				person(w, nth(w, 10 * i + k), NULL, ""));
	}
	settle(w);
	assert_int_equal(fake_count(box_of(w, ALICE), -1), 32);
	for (int i = 0; i < 8; i++)
		for (int k = 0; k < 4; k++)
			remove_file(&w->e, folders[i], nth_file(w, k));
	settle(w);
	assert_true(fake_count(box_of(w, ALICE), -1) >= 22);
	held(w, &n);
	assert_true(n >= 22);
	assert_ok(engine_restore_deletes(w->engine, held(w, &n), &err), err);
	settle(w);
	assert_nothing_held(w);
}

static void what_is_written_anew_is_held_no_longer(void **state)
{
	struct world *w = *state;

	many(w, CONTACTS, MANY);
	remove_files(w, CONTACTS, 0, 12);
	settle(w);
	assert_int_equal(count_held(w), 12);
	for (int i = 0; i < 12; i++)
		put(&w->e, CONTACTS, nth_file(w, i), nth_person(w, i));
	settle(w);
	assert_nothing_held(w);
	assert_int_equal(fake_count(box_of(w, ALICE), -1), MANY);
}

/* ---- a folder and its view ------------------------------------------------------------------- */

static void put_events(struct calendar *t, uint64_t folder, const char *prefix, int n)
{
	for (int i = 0; i < n; i++) {
		const char *uid = keep(&t->w->e, xasprintf("%s%d", prefix, i));

		put(&t->w->e, folder, keep(&t->w->e, xasprintf("%s.ics", uid)),
			event(t->w, uid, uid, 1 + i, ""));
	}
}

static void remove_events(struct calendar *t, uint64_t folder, const char *prefix, int n)
{
	for (int i = 0; i < n; i++)
		remove_file(&t->w->e, folder, keep(&t->w->e, xasprintf("%s%d.ics", prefix, i)));
}

/* Three here and three in the view are all that the calendar has (I9). */
static void a_folder_and_its_view_are_emptied_together(void **state)
{
	struct calendar *t = *state;
	struct world *w = t->w;

	put_events(t, t->calendar, "a", 3);
	put_events(t, t->view, "v", 3);
	settle(w);
	assert_int_equal(fake_count(box_of(w, ALICE), t->there), 6);
	remove_events(t, t->calendar, "a", 3);
	remove_events(t, t->view, "v", 3);
	settle(w);
	assert_int_equal(fake_count(box_of(w, ALICE), t->there), 6);
	assert_int_equal(count_held(w), 6);
}

/* Five of many are no mass deletion, but here they are all of what is synced. */
static void a_view_is_not_emptied_unasked(void **state)
{
	struct calendar *t = *state;
	struct world *w = t->w;

	put_events(t, t->calendar, "a", 20);
	put_events(t, t->view, "v", 5);
	settle(w);
	remove_events(t, t->view, "v", 5);
	settle(w);
	assert_int_equal(fake_count(box_of(w, ALICE), t->there), 25);
	assert_int_equal(count_held(w), 5);
}

/* ---- by Exchange ----------------------------------------------------------------------------- */

static void forget_cursor(struct world *w)
{
	for (int folder = 0; folder < 2; folder++) {
		net_fault(&w->net, "sync_items", BAD_CURSOR, 1);
		net_fault(&w->net, "sync_items", SAY_NOTHING, 1);
	}
}

static void an_empty_answer_deletes_nothing(void **state)
{
	struct world *w = *state;
	struct error err = ERROR_INIT;
	size_t n;

	many(w, CONTACTS, MANY);
	forget_cursor(w);
	cycle(w, ALICE);
	assert_int_equal(files_in(w, CONTACTS), MANY);
	held(w, &n);
	assert_int_equal(n, MANY);
	/* They are there after all: restoring finds them, and makes nothing a second time. */
	assert_ok(engine_restore_deletes(w->engine, held(w, &n), &err), err);
	settle(w);
	assert_nothing_held(w);
	assert_int_equal(files_in(w, CONTACTS), MANY);
	assert_int_equal(fake_count(box_of(w, ALICE), -1), MANY);
	assert_int_equal(count_conflicts(&w->e), 0);
}

/* Nobody decides, and the next comparison shows them again. */
static void what_shows_again_is_held_no_longer(void **state)
{
	struct world *w = *state;

	many(w, CONTACTS, MANY);
	forget_cursor(w);
	cycle(w, ALICE);
	assert_int_equal(engine_reset(w->engine, NULL, NULL), 0);
	settle(w);
	assert_nothing_held(w);
	assert_int_equal(files_in(w, CONTACTS), MANY);
	assert_int_equal(fake_count(box_of(w, ALICE), -1), MANY);
}

static void delete_there(struct world *w, int from, int to)
{
	for (int i = from; i < to; i++)
		fake_delete(box_of(w, ALICE), there(w, ALICE, nth(w, i)));
}

static void a_mass_deletion_there_is_held_and_confirmed(void **state)
{
	struct world *w = *state;
	struct error err = ERROR_INIT;
	size_t n;

	RULE.remove = REMOVE_BOTH;
	many(w, SYNC, MANY);
	delete_there(w, 0, 12);
	settle(w);
	assert_int_equal(files_in(w, SYNC), MANY);
	assert_int_equal(crm_count(&w->f), MANY);
	assert_ok(engine_confirm_deletes(w->engine, held(w, &n), &err), err);
	assert_int_equal(n, 12);
	settle(w);
	assert_int_equal(files_in(w, SYNC), MANY - 12);
	assert_int_equal(crm_count(&w->f), MANY - 12);
	assert_nothing_held(w);
}

static void a_mass_deletion_there_is_held_and_restored(void **state)
{
	struct world *w = *state;
	struct error err = ERROR_INIT;
	uint64_t ino;
	size_t n;

	many(w, SYNC, MANY);
	ino = at(&w->e, SYNC, nth_file(w, 3)).ino;
	delete_there(w, 0, 12);
	settle(w);
	assert_ok(engine_restore_deletes(w->engine, held(w, &n), &err), err);
	settle(w);
	assert_int_equal(files_in(w, SYNC), MANY);
	assert_int_equal(fake_count(box_of(w, ALICE), -1), MANY);
	assert_int_equal(crm_count(&w->f), MANY);
	assert_int_equal(at(&w->e, SYNC, nth_file(w, 3)).ino, ino);
	assert_int_equal(crm_status(w, SYNC, nth_file(w, 3)), SIDE_LINKED);
	assert_nothing_held(w);
}

/* Restored in Outlook, from Deleted Items, while it was held: the same file, and nothing is held. */
static void restored_there_while_held(void **state)
{
	struct world *w = *state;
	struct fake_item *items[12];
	int64_t id;

	many(w, SYNC, MANY);
	id = item_at(w, SYNC, nth_file(w, 3));
	for (int i = 0; i < 12; i++) {
		items[i] = there(w, ALICE, nth(w, i));
		fake_delete(box_of(w, ALICE), items[i]);
	}
	settle(w);
	for (int i = 0; i < 12; i++)
		fake_move(&w->x, box_of(w, ALICE), items[i], IN_SYNC);
	settle(w);
	assert_nothing_held(w);
	assert_int_equal(files_in(w, SYNC), MANY);
	assert_int_equal(item_at(w, SYNC, nth_file(w, 3)), id);
	assert_int_equal(crm_count(&w->f), MANY);
}

static void a_folder_that_vanished_is_held_and_restored(void **state)
{
	struct world *w = *state;
	struct error err = ERROR_INIT;
	uint64_t folder = make_dir(&w->e, CONTACTS, "Customers");
	size_t n;

	many(w, folder, 12);
	fake_delete_folder(box_of(w, ALICE), fake_folder_by_name(box_of(w, ALICE), "Customers"));
	settle(w);
	assert_int_equal(files_in(w, folder), 12);
	assert_ok(engine_restore_deletes(w->engine, held(w, &n), &err), err);
	assert_int_equal(n, 12);
	settle(w);
	assert_int_equal(files_in(w, child(w, CONTACTS, "Customers")), 12);
	assert_int_equal(fake_count(box_of(w, ALICE), -1), 12);
	assert_true(fake_folder_by_name(box_of(w, ALICE), "Customers") >= 0);
	assert_nothing_held(w);
}

static void a_folder_that_vanished_is_held_and_confirmed(void **state)
{
	struct world *w = *state;
	struct error err = ERROR_INIT;
	uint64_t folder = make_dir(&w->e, CONTACTS, "Customers");
	size_t n;

	many(w, folder, 12);
	fake_delete_folder(box_of(w, ALICE), fake_folder_by_name(box_of(w, ALICE), "Customers"));
	settle(w);
	assert_ok(engine_confirm_deletes(w->engine, held(w, &n), &err), err);
	settle(w);
	assert_int_equal(child(w, CONTACTS, "Customers"), 0);
	assert_nothing_held(w);
	assert_int_equal(count_items(&w->e), 0);
}

/* A hierarchy without any folder is no hierarchy. */
static void a_hierarchy_without_folders_is_refused(void **state)
{
	struct world *w = *state;

	many(w, SYNC, 4);
	net_fault(&w->net, "sync_folders", BAD_CURSOR, 1);
	net_fault(&w->net, "sync_folders", SAY_NOTHING, 1);
	failing_cycle(w, ALICE);
	settle(w);
	assert_int_equal(files_in(w, SYNC), 4);
	assert_int_equal(fake_count(box_of(w, ALICE), -1), 4);
}

/* ---- by the CRM ------------------------------------------------------------------------------ */

static void a_mass_deletion_in_the_crm_is_held(void **state)
{
	struct world *w = *state;
	struct error err = ERROR_INIT;
	size_t n;

	RULE.remove = REMOVE_BOTH;
	many(w, SYNC, MANY);
	for (int i = 0; i < 12; i++)
		crm_delete(&w->f, record(w, nth_email(w, i)));
	settle(w);
	assert_int_equal(files_in(w, SYNC), MANY);
	assert_int_equal(fake_count(box_of(w, ALICE), -1), MANY);
	assert_ok(engine_confirm_deletes(w->engine, held(w, &n), &err), err);
	assert_int_equal(n, 12);
	settle(w);
	assert_int_equal(files_in(w, SYNC), MANY - 12);
	assert_int_equal(fake_count(box_of(w, ALICE), -1), MANY - 12);
	assert_nothing_held(w);
}

static void a_mass_deletion_in_the_crm_is_restored(void **state)
{
	struct world *w = *state;
	struct error err = ERROR_INIT;
	uint64_t ino;
	size_t n;

	RULE.remove = REMOVE_BOTH;
	many(w, SYNC, MANY);
	ino = at(&w->e, SYNC, nth_file(w, 3)).ino;
	for (int i = 0; i < 12; i++)
		crm_delete(&w->f, record(w, nth_email(w, i)));
	settle(w);
	assert_ok(engine_restore_deletes(w->engine, held(w, &n), &err), err);
	settle(w);
	assert_nothing_held(w);
	assert_int_equal(files_in(w, SYNC), MANY);
	assert_int_equal(at(&w->e, SYNC, nth_file(w, 3)).ino, ino);
	assert_int_equal(fake_count(box_of(w, ALICE), -1), MANY);
	assert_int_equal(crm_count(&w->f), MANY - 12);
}

static void a_few_deletions_in_the_crm_go(void **state)
{
	struct world *w = *state;

	RULE.remove = REMOVE_EXCHANGE;
	many(w, SYNC, MANY);
	for (int i = 0; i < 3; i++)
		crm_delete(&w->f, record(w, nth_email(w, i)));
	settle(w);
	assert_int_equal(files_in(w, SYNC), MANY - 3);
	assert_int_equal(fake_count(box_of(w, ALICE), -1), MANY - 3);
	assert_nothing_held(w);
}

/* An edit here wins over the deletion of its record. */
static void an_edited_item_does_not_go_with_its_record(void **state)
{
	struct world *w = *state;

	RULE.remove = REMOVE_BOTH;
	many(w, SYNC, 8);
	crm_delete(&w->f, record(w, nth_email(w, 1)));
	add_lines(w, SYNC, nth_file(w, 1), JOB("Buyer"));
	settle(w);
	assert_true(exists(&w->e, SYNC, nth_file(w, 1)));
	assert_string_equal(field_there(w, ALICE, nth(w, 1), "JobTitle"), "Buyer");
}

static void many_that_turn_private_are_held(void **state)
{
	struct world *w = *state;
	struct error err = ERROR_INIT;
	size_t n;

	many(w, SYNC, MANY);
	for (int i = 0; i < 12; i++)
		fake_set(box_of(w, ALICE), there(w, ALICE, nth(w, i)), "Sensitivity", "Private");
	settle(w);
	assert_int_equal(crm_count(&w->f), MANY);
	held(w, &n);
	assert_int_equal(n, 12);
	/* What was private and held, and is not any more, is a link as before. */
	fake_set(box_of(w, ALICE), there(w, ALICE, nth(w, 0)), "Sensitivity", "Normal");
	settle(w);
	assert_int_equal(crm_status(w, SYNC, nth_file(w, 0)), SIDE_LINKED);
	held(w, &n);
	assert_int_equal(n, 11);
	/* Private, and not deleted: unlinked. */
	assert_ok(engine_restore_deletes(w->engine, held(w, &n), &err), err);
	settle(w);
	assert_int_equal(crm_count(&w->f), MANY);
	assert_int_equal(fake_count(box_of(w, ALICE), -1), MANY);
	for (int i = 1; i < 12; i++)
		assert_int_equal(crm_status(w, SYNC, nth_file(w, i)), SIDE_UNLINKED);
	assert_nothing_held(w);
}

/* A view that is suddenly empty unlinks nobody. */
static void an_empty_view_unlinks_nobody(void **state)
{
	struct world *w = *state;

	many(w, SYNC, MANY);
	for (size_t i = 0; i < w->f.n; i++)
		w->f.records[i].hidden = true;
	age_view(w);
	failing_cycle(w, ALICE);
	assert_int_equal(crm_status(w, SYNC, nth_file(w, 0)), SIDE_LINKED);
	for (size_t i = 0; i < w->f.n; i++)
		w->f.records[i].hidden = false;
	settle(w);
	assert_int_equal(crm_status(w, SYNC, nth_file(w, 0)), SIDE_LINKED);
}

/* ---- two gateways ---------------------------------------------------------------------------- */

/* Another program changes Exchange one way and the CRM the other way, as often as we do. */
static void an_item_that_goes_back_and_forth_is_held(void **state)
{
	struct world *w = *state;
	int writes = 0, last = 0;

	put(&w->e, SYNC, "anna.vcf", person(w, "Anna Adler", "a@ex.org", JOB("Buyer")));
	put(&w->e, SYNC, "bert.vcf", person(w, "Bert Berg", "b@ex.org", ""));
	settle(w);
	for (int i = 0; i < 12; i++) {
		fake_set(box_of(w, ALICE), there(w, ALICE, "Anna Adler"), "JobTitle", "One");
		w->net.writes = 0;
		cycle(w, ALICE);
		crm_set(&w->f, record(w, "a@ex.org"), "Title", "Other");
		cycle(w, ALICE);
		last = w->net.writes;
		writes += last;
	}
	assert_int_equal(last, 0);
	assert_in_range(writes, 4, 16);
	assert_int_equal(state_of(w, SYNC, "anna.vcf"), ITEM_ERROR);
	/* The others go on. */
	add_lines(w, SYNC, "bert.vcf", JOB("Buyer"));
	settle(w);
	assert_string_equal(field_of(w, "b@ex.org", "Title"), "Buyer");
	/* Told to try again, it does. */
	assert_int_equal(engine_retry_errors(w->engine, NULL, NULL), 0);
	settle(w);
	assert_string_equal(field_there(w, ALICE, "Anna Adler", "JobTitle"), "Other");
	assert_int_equal(state_of(w, SYNC, "anna.vcf"), ITEM_SYNCED);
}

/* A user at each end, who take turns for a while, are no loop. */
static void a_few_turns_are_no_loop(void **state)
{
	struct world *w = *state;

	put(&w->e, SYNC, "anna.vcf", person(w, "Anna Adler", "a@ex.org", JOB("Buyer")));
	settle(w);
	for (int i = 0; i < 2; i++) {
		char *title = keep(&w->e, xasprintf("Title %d", i));

		fake_set(box_of(w, ALICE), there(w, ALICE, "Anna Adler"), "JobTitle", title);
		settle(w);
		assert_string_equal(field_of(w, "a@ex.org", "Title"), title);
		crm_set(&w->f, record(w, "a@ex.org"), "MobilePhone", title);
		settle(w);
		assert_string_equal(field_there(w, ALICE, "Anna Adler", "MobilePhone"), title);
	}
	/* One side alone is none either, however often. */
	for (int i = 0; i < 12; i++) {
		char *title = keep(&w->e, xasprintf("Again %d", i));

		fake_set(box_of(w, ALICE), there(w, ALICE, "Anna Adler"), "JobTitle", title);
		cycle(w, ALICE);
		assert_string_equal(field_of(w, "a@ex.org", "Title"), title);
	}
	settle(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD(a_few_removals_go),
		WORLD(many_removals_are_held_and_confirmed),
		WORLD(many_removals_are_held_and_restored),
		WORLD(slow_deletion_is_mass_deletion),
		WORLD(many_small_folders_are_many),
		WORLD(what_is_written_anew_is_held_no_longer),
		CALENDAR(a_folder_and_its_view_are_emptied_together),
		CALENDAR(a_view_is_not_emptied_unasked),
		WORLD(an_empty_answer_deletes_nothing),
		WORLD(what_shows_again_is_held_no_longer),
		WORLD(a_mass_deletion_there_is_held_and_confirmed),
		WORLD(a_mass_deletion_there_is_held_and_restored),
		WORLD(restored_there_while_held),
		WORLD(a_folder_that_vanished_is_held_and_restored),
		WORLD(a_folder_that_vanished_is_held_and_confirmed),
		WORLD(a_hierarchy_without_folders_is_refused),
		WORLD(a_mass_deletion_in_the_crm_is_held),
		WORLD(a_mass_deletion_in_the_crm_is_restored),
		WORLD(a_few_deletions_in_the_crm_go),
		WORLD(an_edited_item_does_not_go_with_its_record),
		WORLD(many_that_turn_private_are_held),
		WORLD(an_empty_view_unlinks_nobody),
		WORLD(an_item_that_goes_back_and_forth_is_held),
		WORLD(a_few_turns_are_no_loop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
