/* Cycles between a mailbox and its files: what is made, changed, moved, copied, removed on one side
 * arrives on the other, once, and the next cycle has nothing to say (I11). */
#include "tests/unit/sync/engine/world.h"

/* ---- both ways ------------------------------------------------------------------------------------ */

static void a_contact_made_there_is_a_file(void **state)
{
	struct world *w = *state;

	outlook(w, ALICE, IN_CONTACTS, "Anna Adler", "anna@ex.org");
	cycle(w, ALICE);
	assert_true(shows(w, CONTACTS, "Anna Adler.vcf", "anna@ex.org"));
	assert_int_equal(state_of(w, CONTACTS, "Anna Adler.vcf"), ITEM_SYNCED);
	assert_int_equal(files_in(w, w->e.other_contacts), 0);
	assert_quiet(w);
}

static void a_file_is_a_contact_there(void **state)
{
	struct world *w = *state;

	put(&w->e, CONTACTS, "anna.vcf", person(w, "Anna Adler", "anna@ex.org", ""));
	cycle(w, ALICE);
	assert_string_equal(field_there(w, ALICE, "Anna Adler", "EmailAddress1"), "anna@ex.org");
	assert_string_equal(there(w, ALICE, "Anna Adler")->marks.file_name, "anna.vcf");
	assert_non_null(there(w, ALICE, "Anna Adler")->marks.uid);
	assert_int_equal(state_of(w, CONTACTS, "anna.vcf"), ITEM_SYNCED);
	assert_quiet(w);
	assert_int_equal(fake_count(box_of(w, ALICE), -1), 1);
}

static void edits_of_different_fields_meet(void **state)
{
	struct world *w = *state;
	struct fake_item *anna = outlook(w, ALICE, IN_CONTACTS, "Anna Adler", "anna@ex.org");

	cycle(w, ALICE);
	edit(w, CONTACTS, "Anna Adler.vcf", "anna@ex.org", "adler@ex.org");
	fake_set(box_of(w, ALICE), anna, "JobTitle", "Buyer");
	cycle(w, ALICE);
	assert_true(shows(w, CONTACTS, "Anna Adler.vcf", "Buyer"));
	assert_true(shows(w, CONTACTS, "Anna Adler.vcf", "adler@ex.org"));
	assert_string_equal(field_there(w, ALICE, "Anna Adler", "EmailAddress1"), "adler@ex.org");
	assert_string_equal(field_there(w, ALICE, "Anna Adler", "JobTitle"), "Buyer");
	assert_int_equal(count_conflicts(&w->e), 0);
	assert_quiet(w);
}

static void the_same_field_the_file_wins_and_keeps_the_loser(void **state)
{
	struct world *w = *state;
	struct fake_item *anna = outlook(w, ALICE, IN_CONTACTS, "Anna Adler", "anna@ex.org");

	cycle(w, ALICE);
	edit(w, CONTACTS, "Anna Adler.vcf", "anna@ex.org", "file@ex.org");
	fake_set(box_of(w, ALICE), anna, "EmailAddress1", "outlook@ex.org");
	cycle(w, ALICE);
	assert_string_equal(field_there(w, ALICE, "Anna Adler", "EmailAddress1"), "file@ex.org");
	assert_non_null(strstr(conflict_text(&w->e), "outlook@ex.org"));
	assert_quiet(w);
}

static void a_field_emptied_there_is_empty_here(void **state)
{
	struct world *w = *state;
	struct fake_item *anna = outlook(w, ALICE, IN_CONTACTS, "Anna Adler", "anna@ex.org");

	cycle(w, ALICE);
	fake_set(box_of(w, ALICE), anna, "EmailAddress1", NULL);
	cycle(w, ALICE);
	assert_false(shows(w, CONTACTS, "Anna Adler.vcf", "anna@ex.org"));
	edit(w, CONTACTS, "Anna Adler.vcf", "END:VCARD", "TITLE:Buyer\r\nEND:VCARD");
	cycle(w, ALICE);
	edit(w, CONTACTS, "Anna Adler.vcf", "TITLE:Buyer\r\n", "");
	cycle(w, ALICE);
	assert_string_equal(field_there(w, ALICE, "Anna Adler", "JobTitle"), "");
	assert_quiet(w);
}

/* What Exchange made of our value is no change of its own. */
static void a_normalised_value_comes_back_once(void **state)
{
	struct world *w = *state;

	w->x.normalised = "JobTitle";
	put(&w->e, CONTACTS, "anna.vcf", person(w, "Anna Adler", "a@ex.org", JOB("Buyer")));
	cycle(w, ALICE);
	assert_string_equal(field_there(w, ALICE, "Anna Adler", "JobTitle"), "BUYER");
	assert_quiet(w);
	assert_true(shows(w, CONTACTS, "anna.vcf", "TITLE:Buyer"));
	edit(w, CONTACTS, "anna.vcf", "Buyer", "Seller");
	cycle(w, ALICE);
	assert_string_equal(field_there(w, ALICE, "Anna Adler", "JobTitle"), "SELLER");
	assert_quiet(w);
	assert_true(shows(w, CONTACTS, "anna.vcf", "TITLE:Seller"));
	assert_int_equal(count_conflicts(&w->e), 0);
}

/* ---- moves and copies --------------------------------------------------------------------------------- */

static void a_move_there_keeps_name_number_and_bytes(void **state)
{
	struct world *w = *state;
	struct fake_item *anna;
	uint64_t ino;

	put(&w->e, CONTACTS, "mine.vcf", person(w, "Anna Adler", "a@ex.org", "X-KEPT:yes\r\n"));
	cycle(w, ALICE);
	ino = at(&w->e, CONTACTS, "mine.vcf").ino;
	anna = there(w, ALICE, "Anna Adler");
	fake_move(&w->x, box_of(w, ALICE), anna, IN_SYNC);
	cycle(w, ALICE);
	assert_false(exists(&w->e, CONTACTS, "mine.vcf"));
	assert_int_equal(at(&w->e, w->e.sync, "mine.vcf").ino, ino);
	assert_true(shows(w, w->e.sync, "mine.vcf", "X-KEPT:yes"));
	settle(w);
	assert_int_equal(fake_count(box_of(w, ALICE), -1), 1);
}

static void a_move_here_is_a_move_there(void **state)
{
	struct world *w = *state;
	char key[40];

	put(&w->e, CONTACTS, "anna.vcf", person(w, "Anna Adler", "a@ex.org", ""));
	cycle(w, ALICE);
	snprintf(key, sizeof(key), "%s", there(w, ALICE, "Anna Adler")->key);
	move(&w->e, CONTACTS, "anna.vcf", w->e.sync, "anna.vcf");
	settle(w);
	assert_int_equal(there(w, ALICE, "Anna Adler")->folder, IN_SYNC);
	assert_string_equal(there(w, ALICE, "Anna Adler")->key, key);
	assert_int_equal(fake_count(box_of(w, ALICE), -1), 1);
}

/* Key and marks are the same; the known ItemId keeps the identity. */
static void a_copy_there_is_another_file(void **state)
{
	struct world *w = *state;
	struct fake_item *anna, *copy;
	int64_t item;

	put(&w->e, w->e.sync, "anna.vcf", person(w, "Anna Adler", "a@ex.org", ""));
	settle(w);
	item = item_at(w, w->e.sync, "anna.vcf");
	anna = there(w, ALICE, "Anna Adler");
	assert_non_null(anna->marks.crm_link);
	copy = fake_copy(&w->x, box_of(w, ALICE), anna, IN_CONTACTS);
	fake_set(box_of(w, ALICE), copy, "DisplayName", "Anna Copy");
	settle(w);
	assert_int_equal(item_at(w, w->e.sync, "anna.vcf"), item);
	assert_int_equal(crm_status(w, w->e.sync, "anna.vcf"), SIDE_LINKED);
	assert_int_equal(files_in(w, CONTACTS), 1);
	assert_int_equal(fake_count(box_of(w, ALICE), -1), 2);
	assert_int_equal(crm_count(&w->f), 1);
	assert_null(there(w, ALICE, "Anna Copy")->marks.crm_link);
	assert_string_not_equal(
		there(w, ALICE, "Anna Copy")->marks.uid ? copy->marks.uid : "", anna->marks.uid);
}

/* A new item with the key of one that is gone, first seen while its old folder had been read already. */
static void a_move_between_two_pulls_is_a_move(void **state)
{
	struct world *w = *state;
	int64_t item;

	put(&w->e, w->e.sync, "anna.vcf", person(w, "Anna Adler", "a@ex.org", ""));
	settle(w);
	item = item_at(w, w->e.sync, "anna.vcf");
	fake_move(&w->x, box_of(w, ALICE), there(w, ALICE, "Anna Adler"), IN_CONTACTS);
	/* The delete in its old folder is not told in this cycle. */
	box_of(w, ALICE)->log[box_of(w, ALICE)->n_log - 2].folder = 99;
	cycle(w, ALICE);
	assert_int_equal(item_at(w, CONTACTS, "anna.vcf"), item);
	assert_int_equal(files_in(w, w->e.sync), 0);
	settle(w);
}

/* ---- removals ------------------------------------------------------------------------------------------- */

static void a_delete_there_removes_the_file(void **state)
{
	struct world *w = *state;
	struct fake_item *anna = outlook(w, ALICE, IN_CONTACTS, "Anna Adler", "anna@ex.org");

	outlook(w, ALICE, IN_CONTACTS, "Bert Berg", "bert@ex.org");
	cycle(w, ALICE);
	fake_delete(box_of(w, ALICE), anna);
	cycle(w, ALICE);
	assert_false(exists(&w->e, CONTACTS, "Anna Adler.vcf"));
	assert_true(exists(&w->e, CONTACTS, "Bert Berg.vcf"));
	assert_quiet(w);
}

/* Exchange never shows an item that came and went between two pulls. */
static void what_came_and_went_between_two_pulls_is_gone(void **state)
{
	struct world *w = *state;

	put(&w->e, CONTACTS, "anna.vcf", person(w, "Anna Adler", "a@ex.org", ""));
	put(&w->e, CONTACTS, "bert.vcf", person(w, "Bert Berg", "b@ex.org", ""));
	cycle(w, ALICE);
	fake_delete(box_of(w, ALICE), there(w, ALICE, "Anna Adler"));
	net_fault(&w->net, "sync_items", SAY_NOTHING, 8);
	cycle(w, ALICE);
	assert_false(exists(&w->e, CONTACTS, "anna.vcf"));
	assert_true(exists(&w->e, CONTACTS, "bert.vcf"));
	net_heal(&w->net);
	assert_quiet(w);
}

static void a_removed_file_goes_to_deleted_items(void **state)
{
	struct world *w = *state;

	put(&w->e, CONTACTS, "anna.vcf", person(w, "Anna Adler", "a@ex.org", ""));
	cycle(w, ALICE);
	remove_file(&w->e, CONTACTS, "anna.vcf");
	w->e.c.remove_quiet_ns = 10 * NS_PER_S;
	cycle(w, ALICE);
	assert_non_null(there(w, ALICE, "Anna Adler")); /* younger than 2 s */
	age(w, 3 * NS_PER_S);
	cycle(w, ALICE);
	assert_null(there(w, ALICE, "Anna Adler"));
	assert_quiet(w);
	assert_int_equal(count_items(&w->e), 0);
}

static void restored_from_deleted_items_it_is_the_same_file(void **state)
{
	struct world *w = *state;
	struct fake_item *anna;
	char *uid AUTOFREE = NULL;
	struct store_item item;

	put(&w->e, w->e.sync, "mine.vcf", person(w, "Anna Adler", "a@ex.org", ""));
	settle(w);
	item = item_get(&w->e, item_at(w, w->e.sync, "mine.vcf"));
	uid = xstrdup(item.uid);
	store_item_clear(&item);
	anna = there(w, ALICE, "Anna Adler");
	fake_delete(box_of(w, ALICE), anna);
	settle(w);
	assert_int_equal(count_items(&w->e), 0);
	fake_move(&w->x, box_of(w, ALICE), anna, IN_SYNC);
	settle(w);
	item = item_get(&w->e, item_at(w, w->e.sync, "mine.vcf"));
	assert_string_equal(item.uid, uid);
	store_item_clear(&item);
	assert_int_equal(crm_status(w, w->e.sync, "mine.vcf"), SIDE_LINKED);
	assert_int_equal(crm_count(&w->f), 1);
	assert_int_equal(fake_count(box_of(w, ALICE), -1), 1);
}

struct mover {
	struct world *w;
	int pulls;
};

static void move_between_two_pulls(void *data, const char *call)
{
	struct mover *m = data;
	struct world *w = m->w;

	if (strcmp(call, "sync_items") != 0 || m->pulls++ == 0)
		return;
	w->net.hook = NULL;
	fake_move(&w->x, box_of(w, ALICE), there(w, ALICE, "Anna Adler"), IN_CONTACTS);
}

/* The folder that it left shows a deletion, the other was pulled before.  A new one would be a second. */
static void a_move_between_two_pulls_is_no_delete(void **state)
{
	struct world *w = *state;
	struct mover mover = { .w = w };
	uint64_t ino;

	outlook(w, ALICE, IN_SYNC, "Anna Adler", "anna@ex.org");
	settle(w);
	ino = at(&w->e, SYNC, "Anna Adler.vcf").ino;
	add_lines(w, SYNC, "Anna Adler.vcf", JOB("Buyer"));
	w->net.hook = move_between_two_pulls;
	w->net.hook_data = &mover;
	cycle(w, ALICE);
	assert_null(w->net.hook);
	settle(w);
	assert_int_equal(fake_count(box_of(w, ALICE), -1), 1);
	assert_int_equal(at(&w->e, CONTACTS, "Anna Adler.vcf").ino, ino);
	assert_string_equal(field_there(w, ALICE, "Anna Adler", "JobTitle"), "Buyer");
}

static void an_edit_wins_over_a_delete_there(void **state)
{
	struct world *w = *state;

	put(&w->e, w->e.sync, "anna.vcf", person(w, "Anna Adler", "a@ex.org", ""));
	settle(w);
	fake_delete(box_of(w, ALICE), there(w, ALICE, "Anna Adler"));
	add_lines(w, w->e.sync, "anna.vcf", JOB("Buyer"));
	settle(w);
	assert_string_equal(field_there(w, ALICE, "Anna Adler", "JobTitle"), "Buyer");
	assert_string_equal(field_of(w, "a@ex.org", "Title"), "Buyer");
	assert_non_null(strstr(conflict_text(&w->e), "deleted"));
	assert_int_equal(crm_count(&w->f), 1);
}

/* What Outlook wrote to an item that was being removed here is not lost without a trace. */
static void a_removal_wins_over_an_edit_there_and_keeps_it(void **state)
{
	struct world *w = *state;

	put(&w->e, CONTACTS, "anna.vcf", person(w, "Anna Adler", "a@ex.org", ""));
	cycle(w, ALICE);
	remove_file(&w->e, CONTACTS, "anna.vcf");
	fake_set(box_of(w, ALICE), there(w, ALICE, "Anna Adler"), "JobTitle", "Buyer");
	settle(w);
	assert_null(there(w, ALICE, "Anna Adler"));
	assert_non_null(strstr(conflict_text(&w->e), "Buyer"));
}

/* tar, borg, install: removed and written anew. */
static void a_file_written_anew_takes_over(void **state)
{
	struct world *w = *state;
	char id[40];

	put(&w->e, w->e.sync, "anna.vcf", person(w, "Anna Adler", "a@ex.org", ""));
	settle(w);
	snprintf(id, sizeof(id), "%s", there(w, ALICE, "Anna Adler")->id);
	w->e.c.remove_quiet_ns = 10 * NS_PER_S;
	remove_file(&w->e, w->e.sync, "anna.vcf");
	cycle(w, ALICE);
	put(&w->e, w->e.sync, "anna.vcf", person(w, "Anna Adler", "a@ex.org", JOB("Buyer")));
	settle(w);
	assert_string_equal(there(w, ALICE, "Anna Adler")->id, id);
	assert_string_equal(field_there(w, ALICE, "Anna Adler", "JobTitle"), "Buyer");
	assert_int_equal(crm_count(&w->f), 1);
	assert_string_equal(field_of(w, "a@ex.org", "Title"), "Buyer");
}

static void write_anna_again(void *data, const char *call)
{
	struct world *w = data;

	if (strcmp(call, "delete") != 0)
		return;
	w->net.hook = NULL;
	put(&w->e, w->e.sync, "anna.vcf", person(w, "Anna Adler", "a@ex.org", JOB("Buyer")));
}

static void a_file_written_while_its_delete_is_sent_is_a_new_one(void **state)
{
	struct world *w = *state;

	put(&w->e, w->e.sync, "anna.vcf", person(w, "Anna Adler", "a@ex.org", ""));
	settle(w);
	remove_file(&w->e, w->e.sync, "anna.vcf");
	w->net.hook = write_anna_again;
	w->net.hook_data = w;
	settle(w);
	assert_null(w->net.hook);
	assert_string_equal(field_there(w, ALICE, "Anna Adler", "JobTitle"), "Buyer");
	assert_int_equal(fake_count(box_of(w, ALICE), -1), 1);
	assert_int_equal(crm_count(&w->f), 1);
	assert_string_equal(field_of(w, "a@ex.org", "Title"), "Buyer");
	assert_int_equal(crm_status(w, w->e.sync, "anna.vcf"), SIDE_LINKED);
}

static void a_removal_that_is_refused_is_not_sent_for_ever(void **state)
{
	struct world *w = *state;

	put(&w->e, CONTACTS, "anna.vcf", person(w, "Anna Adler", "a@ex.org", ""));
	cycle(w, ALICE);
	remove_file(&w->e, CONTACTS, "anna.vcf");
	net_fault(&w->net, "delete", REFUSE, 100);
	cycle(w, ALICE);
	assert_quiet(w);
	net_heal(&w->net);
	assert_int_equal(engine_retry_errors(w->engine, NULL, NULL), 0);
	settle(w);
	assert_null(there(w, ALICE, "Anna Adler"));
}

/* ---- what changes under us --------------------------------------------------------------------------------- */

static void change_anna(void *data, const char *call)
{
	struct world *w = data;

	if (strcmp(call, "update") != 0)
		return;
	w->net.hook = NULL;
	fake_set(box_of(w, ALICE), there(w, ALICE, "Anna Adler"), "MobilePhone", "+1");
}

static void a_stale_version_is_read_and_merged_before_it_is_sent(void **state)
{
	struct world *w = *state;

	outlook(w, ALICE, IN_CONTACTS, "Anna Adler", "anna@ex.org");
	cycle(w, ALICE);
	add_lines(w, CONTACTS, "Anna Adler.vcf", JOB("Buyer"));
	w->net.hook = change_anna;
	w->net.hook_data = w;
	cycle(w, ALICE);
	assert_string_equal(field_there(w, ALICE, "Anna Adler", "JobTitle"), "Buyer");
	assert_string_equal(field_there(w, ALICE, "Anna Adler", "MobilePhone"), "+1");
	assert_true(shows(w, CONTACTS, "Anna Adler.vcf", "+1"));
	assert_quiet(w);
}

static void always_change_anna(void *data, const char *call)
{
	struct world *w = data;
	char number[24];

	if (strcmp(call, "update") != 0)
		return;
	snprintf(number, sizeof(number), "+%d", w->net.calls);
	fake_set(box_of(w, ALICE), there(w, ALICE, "Anna Adler"), "MobilePhone", number);
}

static void a_version_that_is_always_stale_ends_the_tries(void **state)
{
	struct world *w = *state;

	outlook(w, ALICE, IN_CONTACTS, "Anna Adler", "anna@ex.org");
	cycle(w, ALICE);
	add_lines(w, CONTACTS, "Anna Adler.vcf", JOB("Buyer"));
	w->net.hook = always_change_anna;
	w->net.hook_data = w;
	w->net.writes = 0;
	cycle(w, ALICE);
	assert_in_range(w->net.writes, 1, PUSH_PASSES);
	w->net.hook = NULL;
	settle(w);
	assert_string_equal(field_there(w, ALICE, "Anna Adler", "JobTitle"), "Buyer");
}

/* A pulled change waits for who writes, and what he writes is not lost. */
static void a_pull_waits_for_the_writer(void **state)
{
	struct world *w = *state;
	struct fake_item *anna = outlook(w, ALICE, IN_CONTACTS, "Anna Adler", "anna@ex.org");
	uint64_t ino;

	cycle(w, ALICE);
	ino = at(&w->e, CONTACTS, "Anna Adler.vcf").ino;
	store_writer_add(w->e.store, ino);
	fake_set(box_of(w, ALICE), anna, "MobilePhone", "+1");
	cycle(w, ALICE);
	cycle(w, ALICE);
	assert_int_equal(at(&w->e, CONTACTS, "Anna Adler.vcf").ino, ino);
	assert_false(shows(w, CONTACTS, "Anna Adler.vcf", "+1"));
	store_writer_drop(w->e.store, ino);
	add_lines(w, CONTACTS, "Anna Adler.vcf", JOB("Buyer"));
	settle(w);
	assert_true(shows(w, CONTACTS, "Anna Adler.vcf", "+1"));
	assert_string_equal(field_there(w, ALICE, "Anna Adler", "JobTitle"), "Buyer");
	assert_string_equal(field_there(w, ALICE, "Anna Adler", "MobilePhone"), "+1");
}

struct pen {
	struct world *w;
	uint64_t ino;
	const char *call;  /* the writer comes with the first, */
	const char *until; /* and goes with the first of these after it */
	bool open, done;
};

static void hold_the_pen(void *data, const char *call)
{
	struct pen *pen = data;

	if (!pen->open && !pen->done && !strcmp(call, pen->call)) {
		pen->ino = at(&pen->w->e, pen->w->e.contacts, "Anna Adler.vcf").ino;
		store_writer_add(pen->w->e.store, pen->ino);
		pen->open = true;
	} else if (pen->open && pen->until && !strcmp(call, pen->until)) {
		store_writer_drop(pen->w->e.store, pen->ino);
		pen->open = false;
		pen->done = true;
	}
}

/* A handle is opened between our write and the look at what became of it. */
static void a_writer_during_the_read_back_keeps_his_file(void **state)
{
	struct world *w = *state;
	struct pen pen = { .w = w, .call = "get_items" };

	w->x.normalised = "JobTitle";
	outlook(w, ALICE, IN_CONTACTS, "Anna Adler", "anna@ex.org");
	cycle(w, ALICE);
	add_lines(w, CONTACTS, "Anna Adler.vcf", JOB("Buyer"));
	w->net.hook = hold_the_pen;
	w->net.hook_data = &pen;
	cycle(w, ALICE);
	assert_true(pen.open);
	assert_int_equal(at(&w->e, CONTACTS, "Anna Adler.vcf").ino, pen.ino);
	w->net.hook = NULL;
	store_writer_drop(w->e.store, pen.ino);
	settle(w);
	assert_true(shows(w, CONTACTS, "Anna Adler.vcf", "TITLE:Buyer"));
	assert_int_equal(count_conflicts(&w->e), 0);
}

/* Nor is it replaced by one with the mark of what has just been linked. */
static void the_mark_waits_for_the_writer(void **state)
{
	struct world *w = *state;
	struct pen pen = { .w = w, .call = "crm_create" };
	struct fake_item *anna = outlook(w, ALICE, IN_CONTACTS, "Anna Adler", "anna@ex.org");

	w->policy.mark = "Synced";
	fake_set(box_of(w, ALICE), anna, "Categories/CRM", "");
	w->net.hook = hold_the_pen;
	w->net.hook_data = &pen;
	cycle(w, ALICE);
	assert_true(pen.open);
	assert_int_equal(crm_count(&w->f), 1);
	assert_int_equal(at(&w->e, CONTACTS, "Anna Adler.vcf").ino, pen.ino);
	assert_false(shows(w, CONTACTS, "Anna Adler.vcf", "Synced"));
	w->net.hook = NULL;
	store_writer_drop(w->e.store, pen.ino);
	settle(w);
	assert_true(shows(w, CONTACTS, "Anna Adler.vcf", "Synced"));
	assert_string_equal(field_there(w, ALICE, "Anna Adler", "Categories/Synced"), "true");
	w->policy.mark = NULL;
}

/* What was staged while a writer had the file is old by the time it is merged: our own later write, or
 * what was read since, is not undone by it. */
static void what_waited_does_not_undo_what_came_later(void **state)
{
	struct world *w = *state;
	struct fake_item *anna = outlook(w, ALICE, IN_CONTACTS, "Anna Adler", "anna@ex.org");
	struct pen pen = { .w = w, .call = "sync_folders", .until = "pull" };

	cycle(w, ALICE);
	fake_set(box_of(w, ALICE), anna, "JobTitle", "Buyer");
	add_lines(w, CONTACTS, "Anna Adler.vcf", JOB("Seller"));
	w->net.hook = hold_the_pen;
	w->net.hook_data = &pen;
	cycle(w, ALICE); /* staged and waiting at the merge, pushed after the writer went */
	w->net.hook = NULL;
	assert_true(pen.done);
	settle(w);
	assert_string_equal(field_there(w, ALICE, "Anna Adler", "JobTitle"), "Seller");
	assert_true(shows(w, CONTACTS, "Anna Adler.vcf", "Seller"));
	assert_non_null(strstr(conflict_text(&w->e), "Buyer"));
}

/* ---- what is wrong there ---------------------------------------------------------------------------------- */

static void one_item_that_cannot_be_read_stops_nobody(void **state)
{
	struct world *w = *state;
	struct error err = ERROR_INIT;
	struct fake_item *bad = outlook(w, ALICE, IN_CONTACTS, "Bad Item", "bad@ex.org");

	outlook(w, ALICE, IN_CONTACTS, "Anna Adler", "anna@ex.org");
	put(&w->e, CONTACTS, "bert.vcf", person(w, "Bert Berg", "bert@ex.org", ""));
	snprintf(w->x.unreadable, sizeof(w->x.unreadable), "%s", bad->id);
	cycle_rc(w, ALICE, &err);
	assert_true(exists(&w->e, CONTACTS, "Anna Adler.vcf"));
	assert_non_null(there(w, ALICE, "Bert Berg"));
	assert_quiet(w);
	w->x.unreadable[0] = '\0';
	fake_set(box_of(w, ALICE), bad, "JobTitle", "Repaired");
	cycle(w, ALICE);
	assert_true(shows(w, CONTACTS, "Bad Item.vcf", "Repaired"));
}

static void a_refused_item_waits_with_its_edit(void **state)
{
	struct world *w = *state;
	struct fake_item *anna = outlook(w, ALICE, IN_CONTACTS, "Anna Adler", "anna@ex.org");

	cycle(w, ALICE);
	add_lines(w, CONTACTS, "Anna Adler.vcf", JOB("Buyer"));
	net_fault(&w->net, "update", REFUSE, 1);
	cycle(w, ALICE);
	assert_int_equal(state_of(w, CONTACTS, "Anna Adler.vcf"), ITEM_ERROR);
	assert_quiet(w);
	/* The file's edit was not sent, but it is one: it wins over a later one there. */
	fake_set(box_of(w, ALICE), anna, "JobTitle", "Seller");
	settle(w);
	assert_string_equal(field_there(w, ALICE, "Anna Adler", "JobTitle"), "Buyer");
	assert_non_null(strstr(conflict_text(&w->e), "Seller"));
	assert_int_not_equal(state_of(w, CONTACTS, "Anna Adler.vcf"), ITEM_ERROR);
}

static void a_refused_edit_is_not_deleted_with_its_item(void **state)
{
	struct world *w = *state;
	struct fake_item *anna = outlook(w, ALICE, IN_CONTACTS, "Anna Adler", "anna@ex.org");

	cycle(w, ALICE);
	add_lines(w, CONTACTS, "Anna Adler.vcf", JOB("Buyer"));
	net_fault(&w->net, "update", REFUSE, 1);
	cycle(w, ALICE);
	fake_delete(box_of(w, ALICE), anna);
	settle(w);
	assert_true(shows(w, CONTACTS, "Anna Adler.vcf", "Buyer"));
	assert_string_equal(field_there(w, ALICE, "Anna Adler", "JobTitle"), "Buyer");
}

/* A refusal that was somebody's passing trouble is tried again by itself, but not in every cycle. */
static void a_refusal_is_tried_again_after_an_hour(void **state)
{
	struct world *w = *state;

	put(&w->e, CONTACTS, "anna.vcf", person(w, "Anna Adler", "a@ex.org", ""));
	net_fault(&w->net, "create", REFUSE, 1);
	cycle(w, ALICE);
	assert_int_equal(state_of(w, CONTACTS, "anna.vcf"), ITEM_ERROR);
	assert_quiet(w);
	age(w, 61 * MINUTE);
	world_reopen(w);
	cycle(w, ALICE);
	assert_non_null(there(w, ALICE, "Anna Adler"));
	assert_int_equal(state_of(w, CONTACTS, "anna.vcf"), ITEM_SYNCED);
	assert_quiet(w);
}

/* An error that the user took back is none any more. */
static void an_error_goes_with_its_cause(void **state)
{
	struct world *w = *state;
	static const char long_name[] =
		"An Name That Is Much Longer Than The Sixty Characters Which The Server Keeps";
	json_t *errors;

	outlook(w, ALICE, IN_CONTACTS, "Anna Adler", "anna@ex.org");
	cycle(w, ALICE);
	edit(w, CONTACTS, "Anna Adler.vcf", "FN:Anna Adler",
		keep(&w->e, xasprintf("FN:%s", long_name)));
	cycle(w, ALICE);
	assert_int_equal(state_of(w, CONTACTS, "Anna Adler.vcf"), ITEM_ERROR);
	edit(w, CONTACTS, "Anna Adler.vcf", keep(&w->e, xasprintf("FN:%s", long_name)),
		"FN:Anna Adler");
	cycle(w, ALICE);
	assert_int_equal(state_of(w, CONTACTS, "Anna Adler.vcf"), ITEM_SYNCED);
	errors = engine_errors(w->engine, NULL);
	assert_int_equal(json_array_size(errors), 0);
	json_decref(errors);
}

static void a_cursor_that_is_not_known_doubles_nothing(void **state)
{
	struct world *w = *state;
	struct fake_item *bert;

	outlook(w, ALICE, IN_CONTACTS, "Anna Adler", "anna@ex.org");
	bert = outlook(w, ALICE, IN_CONTACTS, "Bert Berg", "bert@ex.org");
	for (int i = 0; i < 12; i++)
		outlook(w, ALICE, IN_CONTACTS, keep(&w->e, xasprintf("Carl %d", i)), NULL);
	put(&w->e, w->e.sync, "dora.vcf", person(w, "Dora Dorn", "dora@ex.org", ""));
	settle(w);
	fake_delete(box_of(w, ALICE), bert);
	net_fault(&w->net, "sync_items", BAD_CURSOR, 1);
	net_fault(&w->net, "sync_folders", BAD_CURSOR, 1);
	settle(w);
	assert_int_equal(files_in(w, CONTACTS), 13);
	assert_int_equal(files_in(w, w->e.sync), 1);
	assert_false(exists(&w->e, CONTACTS, "Bert Berg.vcf"));
	assert_int_equal(fake_count(box_of(w, ALICE), -1), 14);
	assert_int_equal(crm_count(&w->f), 1);
}

/* The comparison after a lost cursor survives our death: what is gone there does not stay here. */
static void a_comparison_cut_short_begins_anew(void **state)
{
	struct world *w = *state;

	for (int n = 1; n < 18; n++) {
		char *name AUTOFREE = xasprintf("Gone %d", n);
		struct fake_item *gone = outlook(w, ALICE, IN_CONTACTS, name, NULL);
		char *file AUTOFREE = xasprintf("%s.vcf", name);
		struct error err = ERROR_INIT;
		bool died;

		w->x.page = 60;
		if (n == 1) /* so many that the guard lets the others go */
			for (int i = 0; i < 180; i++)
				outlook(w, ALICE, IN_CONTACTS, keep(&w->e, xasprintf("Carl %d", i)),
					NULL);
		cycle(w, ALICE);
		assert_true(exists(&w->e, CONTACTS, file));
		fake_delete(box_of(w, ALICE), gone);
		net_fault(&w->net, "sync_items", BAD_CURSOR, 1);
		died = die_in_cycles(w, 1, n, true);
		net_heal(&w->net);
		cycle_rc(w, ALICE, &err);
		assert_false(exists(&w->e, CONTACTS, file));
		if (!died)
			return;
	}
	fail();
}

/* Nothing was pulled of a field that we could not see: what the record holds is not written over
 * unseen (I8). */
static void a_field_that_becomes_readable_is_read_first(void **state)
{
	struct world *w = *state;

	w->f.no_first_names = true;
	world_reopen(w);
	crm_add(&w->f, "Ann", "Adler", "a@ex.org");
	put(&w->e, w->e.sync, "anna.vcf", person(w, "Anna Adler", "a@ex.org", ""));
	settle(w);
	assert_string_equal(field_of(w, "a@ex.org", "FirstName"), "Ann");
	assert_int_equal(count_conflicts(&w->e), 0);
	for (int i = 0; i <= FAKE_OVERLAP; i++)
		crm_add(&w->f, "Other", keep(&w->e, xasprintf("Person %d", i)), NULL);
	settle(w);
	w->f.no_first_names = false;
	world_reopen(w);
	settle(w);
	edit(w, w->e.sync, "anna.vcf", "END:VCARD", "TITLE:Buyer\r\nEND:VCARD");
	settle(w);
	assert_string_equal(field_of(w, "a@ex.org", "Title"), "Buyer");
	assert_int_equal(count_conflicts(&w->e), 1);
}

static void what_was_noted_goes_with_the_item(void **state)
{
	static const char *const notes[] = { "leads", "unmatched" };
	struct world *w = *state;
	struct store *store = w->e.store;
	int64_t item;

	outlook(w, ALICE, IN_CONTACTS, "Anna Adler", "anna@ex.org");
	settle(w);
	item = at(&w->e, CONTACTS, "Anna Adler.vcf").item;
	for (size_t i = 0; i < ARRAY_SIZE(notes); i++) {
		const char *name = keep(&w->e, xasprintf("%s:%lld:%lld", notes[i],
						       (long long)w->e.mailbox, (long long)item));

		assert_int_equal(store_begin(store, STORE_NORMAL, STORE_LOCAL, NULL), 0);
		assert_int_equal(store_value_set(store, name, "[]", NULL), 0);
		assert_int_equal(store_commit(store, NULL), 0);
	}
	remove_file(&w->e, CONTACTS, "Anna Adler.vcf");
	settle(w);
	assert_null(there(w, ALICE, "Anna Adler"));
	for (size_t i = 0; i < ARRAY_SIZE(notes); i++) {
		json_t *names = NULL;

		assert_int_equal(store_value_names(store, notes[i], &names, NULL), 0);
		assert_int_equal(json_array_size(names), 0);
		json_decref(names);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD(a_contact_made_there_is_a_file),
		WORLD(a_file_is_a_contact_there),
		WORLD(edits_of_different_fields_meet),
		WORLD(the_same_field_the_file_wins_and_keeps_the_loser),
		WORLD(a_field_emptied_there_is_empty_here),
		WORLD(a_normalised_value_comes_back_once),
		WORLD(a_move_there_keeps_name_number_and_bytes),
		WORLD(a_move_here_is_a_move_there),
		WORLD(a_copy_there_is_another_file),
		WORLD(a_move_between_two_pulls_is_a_move),
		WORLD(a_delete_there_removes_the_file),
		WORLD(what_came_and_went_between_two_pulls_is_gone),
		WORLD(a_removed_file_goes_to_deleted_items),
		WORLD(restored_from_deleted_items_it_is_the_same_file),
		WORLD(a_move_between_two_pulls_is_no_delete),
		WORLD(an_edit_wins_over_a_delete_there),
		WORLD(a_removal_wins_over_an_edit_there_and_keeps_it),
		WORLD(a_file_written_anew_takes_over),
		WORLD(a_file_written_while_its_delete_is_sent_is_a_new_one),
		WORLD(a_removal_that_is_refused_is_not_sent_for_ever),
		WORLD(a_stale_version_is_read_and_merged_before_it_is_sent),
		WORLD(a_version_that_is_always_stale_ends_the_tries),
		WORLD(a_pull_waits_for_the_writer),
		WORLD(the_mark_waits_for_the_writer),
		WORLD(a_writer_during_the_read_back_keeps_his_file),
		WORLD(what_waited_does_not_undo_what_came_later),
		WORLD(one_item_that_cannot_be_read_stops_nobody),
		WORLD(a_refused_item_waits_with_its_edit),
		WORLD(a_refused_edit_is_not_deleted_with_its_item),
		WORLD(a_refusal_is_tried_again_after_an_hour),
		WORLD(an_error_goes_with_its_cause),
		WORLD(a_cursor_that_is_not_known_doubles_nothing),
		WORLD(a_comparison_cut_short_begins_anew),
		WORLD(a_field_that_becomes_readable_is_read_first),
		WORLD(what_was_noted_goes_with_the_item),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
