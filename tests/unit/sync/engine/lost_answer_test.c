/* Answers that are lost and deaths at any moment (I1, I2, I12): whatever was sent or not, in the end
 * there is one of everything, no edit is lost, and nothing is left to say.
 *
 * The scenarios are run once for each call that they make, with our death before the server did its
 * work and after it; then we start again, time passes, and the end state must be the same. */
#include "tests/unit/sync/engine/world.h"

/* ---- creates ---------------------------------------------------------------------------------------- */

static void lost_create_in_exchange(struct world *w, enum fault_mode mode, bool restart)
{
	put(&w->e, CONTACTS, "anna.vcf", person(w, "Anna Adler", "a@ex.org", ""));
	net_fault(&w->net, "create", mode, 1);
	assert_int_equal(failing_cycle(w, ALICE), ERR_LOST);
	if (restart)
		world_reopen(w);
	cycle(w, ALICE);
	if (mode == LOSE_BEFORE) { /* not sent again before it is sure that it never arrived */
		assert_null(there(w, ALICE, "Anna Adler"));
		age(w, 3 * MINUTE);
	}
	settle(w);
	assert_int_equal(fake_count(box_of(w, ALICE), -1), 1);
	assert_string_equal(there(w, ALICE, "Anna Adler")->marks.file_name, "anna.vcf");
	assert_int_equal(state_of(w, CONTACTS, "anna.vcf"), ITEM_SYNCED);
	assert_int_equal(files_in(w, CONTACTS), 1);
}

static void a_create_that_went_through_unseen(void **state)
{
	lost_create_in_exchange(*state, LOSE_AFTER, false);
}

static void a_create_that_went_through_unseen_and_a_restart(void **state)
{
	lost_create_in_exchange(*state, LOSE_AFTER, true);
}

static void a_create_that_never_arrived(void **state)
{
	lost_create_in_exchange(*state, LOSE_BEFORE, false);
}

static void a_create_that_never_arrived_and_a_restart(void **state)
{
	lost_create_in_exchange(*state, LOSE_BEFORE, true);
}

static void a_create_that_was_not_sent_is_sent_at_once(void **state)
{
	struct world *w = *state;

	put(&w->e, CONTACTS, "anna.vcf", person(w, "Anna Adler", "a@ex.org", ""));
	net_fault(&w->net, "create", UNSENT, 1);
	failing_cycle(w, ALICE);
	net_fault(&w->net, "create", THROTTLE, 1);
	failing_cycle(w, ALICE);
	cycle(w, ALICE);
	assert_non_null(there(w, ALICE, "Anna Adler"));
	settle(w);
}

/* The writer is there when the pull shows the token, and gone before anything is sent. */
struct pen {
	struct world *w;
	uint64_t ino;
};

static void drop_the_pen(void *data, const char *call)
{
	struct pen *pen = data;

	if (strcmp(call, "pull") != 0 || !pen->ino)
		return;
	store_writer_drop(pen->w->e.store, pen->ino);
	pen->ino = 0;
}

static void a_token_seen_under_a_writer_is_not_forgotten(void **state)
{
	struct world *w = *state;
	struct pen pen = { .w = w };

	put(&w->e, CONTACTS, "anna.vcf", person(w, "Anna Adler", "a@ex.org", ""));
	net_fault(&w->net, "create", LOSE_AFTER, 1);
	failing_cycle(w, ALICE);
	age(w, 3 * MINUTE);
	pen.ino = at(&w->e, CONTACTS, "anna.vcf").ino;
	store_writer_add(w->e.store, pen.ino);
	w->net.hook = drop_the_pen;
	w->net.hook_data = &pen;
	cycle(w, ALICE);
	assert_int_equal(pen.ino, 0);
	w->net.hook = NULL;
	settle(w);
	assert_int_equal(fake_count(box_of(w, ALICE), -1), 1);
	assert_int_equal(count_conflicts(&w->e), 0);
}

/* It was made, somebody copied it, and both carry the token: one is ours, the other a copy. */
static void a_copied_token_matches_once(void **state)
{
	struct world *w = *state;

	put(&w->e, CONTACTS, "anna.vcf", person(w, "Anna Adler", "a@ex.org", ""));
	net_fault(&w->net, "create", LOSE_AFTER, 1);
	failing_cycle(w, ALICE);
	fake_set(box_of(w, ALICE),
		fake_copy(&w->x, box_of(w, ALICE), there(w, ALICE, "Anna Adler"), IN_CONTACTS),
		"DisplayName", "Anna Copy");
	settle(w);
	assert_int_equal(fake_count(box_of(w, ALICE), -1), 2);
	assert_int_equal(files_in(w, CONTACTS), 2);
}

static void removed_before_it_was_known_to_exist(void **state)
{
	struct world *w = *state;

	put(&w->e, CONTACTS, "anna.vcf", person(w, "Anna Adler", "a@ex.org", ""));
	net_fault(&w->net, "create", LOSE_AFTER, 1);
	failing_cycle(w, ALICE);
	remove_file(&w->e, CONTACTS, "anna.vcf");
	settle(w);
	assert_int_equal(fake_count(box_of(w, ALICE), -1), 0);
	assert_int_equal(count_items(&w->e), 0);
}

static void removed_and_it_never_existed(void **state)
{
	struct world *w = *state;

	put(&w->e, CONTACTS, "anna.vcf", person(w, "Anna Adler", "a@ex.org", ""));
	net_fault(&w->net, "create", LOSE_BEFORE, 1);
	failing_cycle(w, ALICE);
	remove_file(&w->e, CONTACTS, "anna.vcf");
	cycle(w, ALICE);
	age(w, 3 * MINUTE);
	settle(w);
	assert_int_equal(fake_count(box_of(w, ALICE), -1), 0);
	assert_int_equal(count_items(&w->e), 0);
}

static void without_external_id(struct world *w)
{
	w->config.crm_external_id_field = NULL;
	world_reopen(w);
}

static void lost_create_in_the_crm(struct world *w, enum fault_mode mode, const char *email)
{
	put(&w->e, SYNC, "anna.vcf", person(w, "Anna Adler", email, ""));
	net_fault(&w->net, "crm_create", mode, 1);
	assert_int_equal(failing_cycle(w, ALICE), ERR_LOST);
	world_reopen(w);
	cycle(w, ALICE);
	age(w, 11 * MINUTE);
	settle(w);
	assert_int_equal(crm_count(&w->f), 1);
	assert_int_equal(crm_status(w, SYNC, "anna.vcf"), SIDE_LINKED);
	assert_int_equal(files_in(w, SYNC), 1);
	assert_int_equal(count_conflicts(&w->e), 0);
}

static void a_lost_upsert_is_repeated(void **state)
{
	lost_create_in_the_crm(*state, LOSE_AFTER, "a@ex.org");
}

static void an_upsert_that_never_arrived_is_repeated(void **state)
{
	lost_create_in_the_crm(*state, LOSE_BEFORE, "a@ex.org");
}

static void a_lost_upsert_without_address_is_repeated(void **state)
{
	lost_create_in_the_crm(*state, LOSE_AFTER, NULL);
}

/* The record comes by the pull before the upsert is repeated: it is no foreign one to be imported. */
static void a_lost_upsert_is_not_imported(void **state)
{
	struct world *w = *state;

	w->policy.rules[CONFIG_CONTACTS].import = IMPORT_OWNED;
	lost_create_in_the_crm(w, LOSE_AFTER, NULL);
	assert_int_equal(fake_count(box_of(w, ALICE), -1), 1);
}

static void a_lost_plain_create_is_found(void **state)
{
	struct world *w = *state;

	without_external_id(w);
	lost_create_in_the_crm(w, LOSE_AFTER, "a@ex.org");
}

static void a_plain_create_that_never_arrived_is_sent_late(void **state)
{
	struct world *w = *state;

	without_external_id(w);
	put(&w->e, SYNC, "anna.vcf", person(w, "Anna Adler", "a@ex.org", ""));
	net_fault(&w->net, "crm_create", LOSE_BEFORE, 1);
	failing_cycle(w, ALICE);
	age(w, 3 * MINUTE);
	cycle(w, ALICE);
	assert_int_equal(crm_count(&w->f), 0); /* a late transaction may still show */
	age(w, 10 * MINUTE);
	settle(w);
	assert_int_equal(crm_count(&w->f), 1);
}

/* Without an external id and without an address it is known by what it holds and who made it. */
static void a_lost_plain_create_without_address_is_found(void **state)
{
	struct world *w = *state;

	without_external_id(w);
	w->policy.rules[CONFIG_CONTACTS].import = IMPORT_OWNED;
	lost_create_in_the_crm(w, LOSE_AFTER, NULL);
	assert_int_equal(fake_count(box_of(w, ALICE), -1), 1);
}

/* ... also where a flow changed some of it. */
static void a_lost_plain_create_that_was_normalised_is_found(void **state)
{
	struct world *w = *state;

	without_external_id(w);
	w->f.normalised = "LastName";
	/* Made by us long ago, and nobody's any more. */
	crm_add(&w->f, "Anna", "ADLER", NULL)->created_by_us = true;
	w->f.records[0].created -= 3600;
	w->f.records[0].deleted = true;
	lost_create_in_the_crm(w, LOSE_AFTER, NULL);
	assert_string_equal(net_text(w->f.records[1].fields, "LastName"), "ADLER");
	assert_true(shows(w, SYNC, "anna.vcf", "Adler"));
}

/* The address was lost there as well, so nothing matches. */
static void a_lost_plain_create_whose_address_was_changed_is_found(void **state)
{
	struct world *w = *state;

	without_external_id(w);
	put(&w->e, SYNC, "anna.vcf", person(w, "Anna Adler", "a@ex.org", ""));
	net_fault(&w->net, "crm_create", LOSE_AFTER, 1);
	assert_int_equal(failing_cycle(w, ALICE), ERR_LOST);
	crm_set(&w->f, &w->f.records[0], "Email", "x@ex.org");
	age(w, 11 * MINUTE);
	settle(w);
	assert_int_equal(crm_count(&w->f), 1);
	assert_int_equal(crm_status(w, SYNC, "anna.vcf"), SIDE_LINKED);
}

/* Nobody guesses: either record may be the one. */
static void a_lost_plain_create_among_several_is_an_error(void **state)
{
	struct world *w = *state;
	struct error err = ERROR_INIT;

	without_external_id(w);
	w->f.normalised = "LastName";
	put(&w->e, SYNC, "anna.vcf", person(w, "Anna Adler", NULL, ""));
	net_fault(&w->net, "crm_create", LOSE_AFTER, 1);
	assert_int_equal(failing_cycle(w, ALICE), ERR_LOST);
	crm_add(&w->f, "Anna", "Adlerson", NULL)->created_by_us = true;
	age(w, 11 * MINUTE);
	settle(w);
	assert_int_equal(crm_count(&w->f), 2);
	assert_int_equal(state_of(w, SYNC, "anna.vcf"), ITEM_ERROR);
	assert_ok(
		engine_relink(w->engine, at(&w->e, SYNC, "anna.vcf").ino, w->f.records[0].id, &err),
		err);
	settle(w);
	assert_int_equal(crm_status(w, SYNC, "anna.vcf"), SIDE_LINKED);
	assert_int_equal(crm_count(&w->f), 2);
}

/* What our account made earlier, and another person it made meanwhile, are not it. */
static void records_of_others_are_not_taken_for_a_lost_create(void **state)
{
	struct world *w = *state;

	without_external_id(w);
	crm_add(&w->f, "Anna", "Adler", NULL)->created_by_us = true;
	w->f.records[0].created -= 3600;
	put(&w->e, SYNC, "anna.vcf", person(w, "Anna Adler", NULL, ""));
	net_fault(&w->net, "crm_create", LOSE_BEFORE, 1);
	assert_int_equal(failing_cycle(w, ALICE), ERR_LOST);
	crm_add(&w->f, "Bert", "Berg", NULL)->created_by_us = true;
	age(w, 11 * MINUTE);
	settle(w);
	assert_int_equal(crm_count(&w->f), 3);
	assert_int_equal(crm_status(w, SYNC, "anna.vcf"), SIDE_LINKED);
}

static void undesignated_before_the_record_was_known(void **state)
{
	struct world *w = *state;

	put(&w->e, SYNC, "anna.vcf", person(w, "Anna Adler", "a@ex.org", ""));
	net_fault(&w->net, "crm_create", LOSE_BEFORE, 1);
	failing_cycle(w, ALICE);
	move(&w->e, SYNC, "anna.vcf", CONTACTS, "anna.vcf");
	age(w, 11 * MINUTE);
	settle(w);
	assert_int_equal(crm_count(&w->f), 0);
	/* ... and a claim does not stay behind. */
	put(&w->e, SYNC, "other.vcf", person(w, "Anna Other", "a@ex.org", ""));
	settle(w);
	assert_int_equal(crm_count(&w->f), 1);
}

/* ---- updates ------------------------------------------------------------------------------------------ */

static void linked_anna(struct world *w)
{
	put(&w->e, SYNC, "anna.vcf", person(w, "Anna Adler", "a@ex.org", JOB("Buyer")));
	settle(w);
}

static const char *const updates[] = { "update", "crm_update" };
static const enum fault_mode losses[] = { LOSE_BEFORE, LOSE_AFTER };

/* Every way to lose an update, with `then` in between; the file's last word is "Last". */
static void lose_updates(struct world *w, void (*then)(struct world *), const char *normalised)
{
	char last[40];

	linked_anna(w);
	for (size_t u = 0; u < ARRAY_SIZE(updates); u++) {
		for (size_t i = 0; i < ARRAY_SIZE(losses); i++) {
			char *job AUTOFREE = xasprintf("TITLE:Lost%zu%zu\r\n", u, i);

			print_message("  %s, %s\n", updates[u],
				losses[i] == LOSE_BEFORE ? "before" : "after");
			add_lines(w, SYNC, "anna.vcf", "");
			edit(w, SYNC, "anna.vcf",
				keep(&w->e, xstrdup(strstr(bytes_of(&w->e,
								   at(&w->e, SYNC, "anna.vcf").ino),
						    "TITLE:"))),
				keep(&w->e, xasprintf("%sEND:VCARD\r\n", job)));
			net_fault(&w->net, updates[u], losses[i], 1);
			failing_cycle(w, ALICE);
			if (then)
				then(w);
			settle(w);
			snprintf(last, sizeof(last), "Lost%zu%zu", u, i);
			if (then)
				snprintf(last, sizeof(last), "Last");
			assert_true(shows(w, SYNC, "anna.vcf", last));
			for (char *p = last; normalised && *p; p++)
				*p = (char)toupper((unsigned char)*p);
			if (!normalised || !strcmp(normalised, "JobTitle"))
				assert_string_equal(
					field_there(w, ALICE, "Anna Adler", "JobTitle"), last);
			if (!normalised || !strcmp(normalised, "Title"))
				assert_string_equal(field_of(w, "a@ex.org", "Title"), last);
			assert_int_equal(crm_count(&w->f), 1);
			if (!then)
				assert_int_equal(count_conflicts(&w->e), 0);
		}
	}
}

static void lost_updates_arrive_once(void **state)
{
	lose_updates(*state, NULL, NULL);
}

static void lost_updates_that_exchange_normalises(void **state)
{
	struct world *w = *state;

	w->x.normalised = "JobTitle";
	lose_updates(w, NULL, "JobTitle");
}

static void lost_updates_that_the_crm_normalises(void **state)
{
	struct world *w = *state;

	w->f.normalised = "Title";
	lose_updates(w, NULL, "Title");
}

static void edit_again(struct world *w)
{
	const char *bytes = bytes_of(&w->e, at(&w->e, SYNC, "anna.vcf").ino);

	edit(w, SYNC, "anna.vcf", keep(&w->e, xstrdup(strstr(bytes, "TITLE:"))),
		"TITLE:Last\r\nEND:VCARD\r\n");
}

static void lost_updates_and_another_edit_here(void **state)
{
	lose_updates(*state, edit_again, NULL);
	assert_int_equal(count_conflicts(&((struct world *)*state)->e), 0);
}

/* Somebody there edits the same field after our update that he saw, or did not see. */
static void outlook_edits_again(struct world *w)
{
	fake_set(box_of(w, ALICE), there(w, ALICE, "Anna Adler"), "JobTitle", "Theirs");
}

static void a_lost_update_and_another_edit_there(void **state)
{
	struct world *w = *state;

	for (size_t i = 0; i < ARRAY_SIZE(losses); i++) {
		if (!i)
			linked_anna(w);
		edit(w, SYNC, "anna.vcf", i ? "TITLE:Mine" : "TITLE:Buyer",
			i ? "TITLE:Again" : "TITLE:Mine");
		net_fault(&w->net, "update", losses[i], 1);
		failing_cycle(w, ALICE);
		outlook_edits_again(w);
		settle(w);
		/* The file wins; what it replaced is kept. */
		assert_string_equal(
			field_there(w, ALICE, "Anna Adler", "JobTitle"), i ? "Again" : "Mine");
		assert_int_equal(count_conflicts(&w->e), i + 1);
	}
}

/* The answer came, the look at what became of it did not: the normalised value is not a change, even
 * where Exchange does not say who wrote it. */
static void a_lost_read_back_takes_nothing_for_a_change(void **state)
{
	struct world *w = *state;
	struct error err = ERROR_INIT;

	w->x.shows_us = false;
	w->x.normalised = "JobTitle";
	linked_anna(w);
	edit(w, SYNC, "anna.vcf", "TITLE:Buyer", "TITLE:Seller");
	net_fault(&w->net, "get_items", UNSENT, 1);
	failing_cycle(w, ALICE);
	world_reopen(w);
	assert_ok(cycle_rc(w, ALICE, &err), err);
	settle(w);
	assert_true(shows(w, SYNC, "anna.vcf", "TITLE:Seller"));
	assert_string_equal(field_there(w, ALICE, "Anna Adler", "JobTitle"), "SELLER");
	assert_int_equal(count_conflicts(&w->e), 0);
}

static void a_lost_read_back_of_the_crm(void **state)
{
	struct world *w = *state;

	w->f.normalised = "Title";
	linked_anna(w);
	edit(w, SYNC, "anna.vcf", "TITLE:Buyer", "TITLE:Seller");
	net_fault(&w->net, "get", UNSENT, 1);
	failing_cycle(w, ALICE);
	world_reopen(w);
	settle(w);
	assert_true(shows(w, SYNC, "anna.vcf", "TITLE:Seller"));
	assert_string_equal(field_of(w, "a@ex.org", "Title"), "SELLER");
	assert_int_equal(count_conflicts(&w->e), 0);
}

/* Somebody writes the field between our write and the look at it: that is his, not what became of ours. */
static void change_title(void *data, const char *call)
{
	struct world *w = data;

	if (strcmp(call, "get") != 0)
		return;
	w->net.hook = NULL;
	crm_set(&w->f, record(w, "a@ex.org"), "Title", "Theirs");
}

static void an_edit_before_the_read_back_is_theirs(void **state)
{
	struct world *w = *state;

	linked_anna(w);
	edit(w, SYNC, "anna.vcf", "TITLE:Buyer", "TITLE:Seller");
	w->net.hook = change_title;
	w->net.hook_data = w;
	cycle(w, ALICE);
	settle(w);
	assert_string_equal(field_of(w, "a@ex.org", "Title"), "Theirs");
	assert_true(shows(w, SYNC, "anna.vcf", "TITLE:Theirs"));
	assert_string_equal(field_there(w, ALICE, "Anna Adler", "JobTitle"), "Theirs");
}

/* ---- moves and deletes ------------------------------------------------------------------------------------ */

static void a_lost_move_is_one_move(void **state)
{
	struct world *w = *state;

	put(&w->e, CONTACTS, "anna.vcf", person(w, "Anna Adler", "a@ex.org", ""));
	settle(w);
	for (size_t i = 0; i < ARRAY_SIZE(losses); i++) {
		uint64_t from = i ? SYNC : CONTACTS, to = i ? CONTACTS : SYNC, ino;

		ino = at(&w->e, from, "anna.vcf").ino;
		move(&w->e, from, "anna.vcf", to, "anna.vcf");
		net_fault(&w->net, "move", losses[i], 1);
		failing_cycle(w, ALICE);
		settle(w);
		assert_int_equal(at(&w->e, to, "anna.vcf").ino, ino);
		assert_int_equal(there(w, ALICE, "Anna Adler")->folder, i ? IN_CONTACTS : IN_SYNC);
		assert_int_equal(fake_count(box_of(w, ALICE), -1), 1);
		assert_int_equal(files_in(w, from), 0);
	}
	assert_int_equal(crm_count(&w->f), 1);
}

/* Exchange shows it where the lost move brought it, and the user has taken that back: his place stands. */
static void moved_back_after_a_lost_move(void **state)
{
	struct world *w = *state;
	uint64_t ino;

	put(&w->e, CONTACTS, "anna.vcf", person(w, "Anna Adler", "a@ex.org", ""));
	settle(w);
	ino = at(&w->e, CONTACTS, "anna.vcf").ino;
	for (size_t i = 0; i < ARRAY_SIZE(losses); i++) {
		move(&w->e, CONTACTS, "anna.vcf", SYNC, "anna.vcf");
		net_fault(&w->net, "move", losses[i], 1);
		failing_cycle(w, ALICE);
		move(&w->e, SYNC, "anna.vcf", CONTACTS, "anna.vcf");
		settle(w);
		assert_int_equal(at(&w->e, CONTACTS, "anna.vcf").ino, ino);
		assert_int_equal(there(w, ALICE, "Anna Adler")->folder, IN_CONTACTS);
		assert_int_equal(fake_count(box_of(w, ALICE), -1), 1);
		assert_int_equal(files_in(w, SYNC), 0);
	}
}

/* The last look at whether it is gone comes when everything that was pulled has been merged. */
struct closing {
	struct world *w;
	int looks;
};

static void close_file(void *data, const char *call)
{
	struct closing *closing = data;
	struct world *w = closing->w;

	if (strcmp(call, "get_items") != 0 || closing->looks++ == 0)
		return;
	w->net.hook = NULL;
	store_writer_drop(w->e.store, at(&w->e, CONTACTS, "Anna Adler.vcf").ino);
}

/* Its move waits for who writes to the file, so its deletion from the folder that it left does too, though he
 * has just closed it. */
static void moved_while_somebody_writes(void **state)
{
	struct world *w = *state;
	struct closing closing = { .w = w };

	outlook(w, ALICE, IN_CONTACTS, "Anna Adler", "a@ex.org");
	settle(w);
	add_lines(w, CONTACTS, "Anna Adler.vcf", JOB("Buyer"));
	fake_move(&w->x, box_of(w, ALICE), there(w, ALICE, "Anna Adler"), IN_SYNC);
	store_writer_add(w->e.store, at(&w->e, CONTACTS, "Anna Adler.vcf").ino);
	w->net.hook = close_file;
	w->net.hook_data = &closing;
	cycle(w, ALICE);
	assert_null(w->net.hook);
	settle(w);
	assert_int_equal(fake_count(box_of(w, ALICE), -1), 1);
	assert_int_equal(there(w, ALICE, "Anna Adler")->folder, IN_SYNC);
	assert_int_equal(files_in(w, SYNC), 1);
	assert_int_equal(files_in(w, CONTACTS), 0);
	assert_string_equal(field_there(w, ALICE, "Anna Adler", "JobTitle"), "Buyer");
}

static void a_lost_delete_is_one_delete(void **state)
{
	struct world *w = *state;

	w->policy.rules[CONFIG_CONTACTS].remove = REMOVE_CRM;
	for (size_t i = 0; i < ARRAY_SIZE(losses); i++) {
		put(&w->e, SYNC, "anna.vcf", person(w, "Anna Adler", "a@ex.org", ""));
		settle(w);
		assert_int_equal(crm_count(&w->f), 1);
		remove_file(&w->e, SYNC, "anna.vcf");
		net_fault(&w->net, "delete", losses[i], 1);
		failing_cycle(w, ALICE);
		net_fault(&w->net, "crm_delete", losses[i], 1);
		failing_cycle(w, ALICE);
		settle(w);
		assert_int_equal(fake_count(box_of(w, ALICE), -1), 0);
		assert_int_equal(crm_count(&w->f), 0);
		assert_int_equal(count_items(&w->e), 0);
	}
}

/* ---- our death at every call ----------------------------------------------------------------------------- */

struct scenario {
	const char *name;
	void (*begin)(struct world *w);
	void (*check)(struct world *w);
};

static void begin_creates(struct world *w)
{
	put(&w->e, SYNC, "anna.vcf", person(w, "Anna Adler", "a@ex.org", JOB("Buyer")));
	put(&w->e, CONTACTS, "bert.vcf", person(w, "Bert Berg", "b@ex.org", ""));
	outlook(w, ALICE, IN_SYNC, "Carl Cohn", "c@ex.org");
	crm_add(&w->f, "Carla", "Cohn", "c@ex.org");
}

static void check_creates(struct world *w)
{
	assert_int_equal(fake_count(box_of(w, ALICE), -1), 3);
	assert_int_equal(crm_count(&w->f), 2);
	assert_int_equal(files_in(w, SYNC), 2);
	assert_int_equal(files_in(w, CONTACTS), 1);
	assert_string_equal(field_of(w, "a@ex.org", "Title"), "Buyer");
	assert_string_equal(field_of(w, "c@ex.org", "FirstName"), "Carl");
	assert_int_equal(count_conflicts(&w->e), 1); /* of the first link */
}

static void begin_changes(struct world *w)
{
	begin_creates(w);
	settle(w);
	edit(w, SYNC, "anna.vcf", "TITLE:Buyer", "TITLE:Seller");
	crm_set(&w->f, record(w, "a@ex.org"), "MobilePhone", "+1");
	fake_set(box_of(w, ALICE), there(w, ALICE, "Anna Adler"), "GivenName", "Anne");
	move(&w->e, CONTACTS, "bert.vcf", SYNC, "bert.vcf");
	fake_move(&w->x, box_of(w, ALICE), there(w, ALICE, "Carl Cohn"), IN_CONTACTS);
}

static void check_changes(struct world *w)
{
	assert_int_equal(fake_count(box_of(w, ALICE), -1), 3);
	assert_int_equal(crm_count(&w->f), 3);
	assert_int_equal(files_in(w, SYNC), 2);
	assert_int_equal(files_in(w, CONTACTS), 1);
	assert_string_equal(field_of(w, "a@ex.org", "Title"), "Seller");
	assert_string_equal(field_of(w, "a@ex.org", "FirstName"), "Anne");
	assert_string_equal(field_there(w, ALICE, "Anna Adler", "JobTitle"), "Seller");
	assert_string_equal(field_there(w, ALICE, "Anna Adler", "MobilePhone"), "+1");
	assert_true(shows(w, SYNC, "anna.vcf", "+1"));
	assert_int_equal(crm_status(w, CONTACTS, "Carl Cohn.vcf"), SIDE_UNLINKED);
	assert_int_equal(crm_status(w, SYNC, "bert.vcf"), SIDE_LINKED);
	assert_int_equal(count_conflicts(&w->e), 1);
}

static void begin_removals(struct world *w)
{
	w->policy.rules[CONFIG_CONTACTS].remove = REMOVE_BOTH;
	begin_creates(w);
	for (int i = 0; i < 3; i++)
		put(&w->e, SYNC, keep(&w->e, xasprintf("more%d.vcf", i)),
			person(w, keep(&w->e, xasprintf("More %d", i)), NULL, ""));
	settle(w);
	remove_file(&w->e, SYNC, "anna.vcf");
	fake_delete(box_of(w, ALICE), there(w, ALICE, "Bert Berg"));
	crm_delete(&w->f, record(w, "c@ex.org"));
}

static void check_removals(struct world *w)
{
	assert_int_equal(fake_count(box_of(w, ALICE), -1), 3);
	assert_int_equal(crm_count(&w->f), 3);
	assert_int_equal(files_in(w, SYNC), 3);
	assert_int_equal(files_in(w, CONTACTS), 0);
	assert_int_equal(count_items(&w->e), 3);
}

static void die_everywhere(const struct scenario *s, bool plain_creates)
{
	bool died = true;
	int deaths = 0;

	for (int n = 1; died && n < 200; n++) {
		for (int after = 0; after < 2; after++) {
			struct world *w;
			void *state = NULL;

			world_setup(&state);
			w = state;
			if (plain_creates)
				without_external_id(w);
			world_reopen(w);
			s->begin(w);
			died = die_in_cycles(w, 2, n, after);
			deaths += died;
			age(w, 11 * MINUTE);
			settle(w);
			s->check(w);
			world_teardown(&state);
		}
	}
	assert_false(died);
	print_message("  %s: %d deaths\n", s->name, deaths);
	assert_true(deaths > 20);
}

static const struct scenario scenarios[] = {
	{ "creates", begin_creates, check_creates },
	{ "changes", begin_changes, check_changes },
	{ "removals", begin_removals, check_removals },
};

static void deaths_at_every_call(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(scenarios); i++)
		die_everywhere(&scenarios[i], false);
}

static void deaths_at_every_call_without_an_external_id(void **state)
{
	(void)state;
	die_everywhere(&scenarios[0], true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD(a_create_that_went_through_unseen),
		WORLD(a_create_that_went_through_unseen_and_a_restart),
		WORLD(a_create_that_never_arrived),
		WORLD(a_create_that_never_arrived_and_a_restart),
		WORLD(a_create_that_was_not_sent_is_sent_at_once),
		WORLD(a_token_seen_under_a_writer_is_not_forgotten),
		WORLD(a_copied_token_matches_once),
		WORLD(removed_before_it_was_known_to_exist),
		WORLD(removed_and_it_never_existed),
		WORLD(a_lost_upsert_is_repeated),
		WORLD(an_upsert_that_never_arrived_is_repeated),
		WORLD(a_lost_upsert_without_address_is_repeated),
		WORLD(a_lost_upsert_is_not_imported),
		WORLD(a_lost_plain_create_is_found),
		WORLD(a_plain_create_that_never_arrived_is_sent_late),
		WORLD(a_lost_plain_create_without_address_is_found),
		WORLD(a_lost_plain_create_that_was_normalised_is_found),
		WORLD(a_lost_plain_create_whose_address_was_changed_is_found),
		WORLD(a_lost_plain_create_among_several_is_an_error),
		WORLD(records_of_others_are_not_taken_for_a_lost_create),
		WORLD(undesignated_before_the_record_was_known),
		WORLD(lost_updates_arrive_once),
		WORLD(lost_updates_that_exchange_normalises),
		WORLD(lost_updates_that_the_crm_normalises),
		WORLD(lost_updates_and_another_edit_here),
		WORLD(a_lost_update_and_another_edit_there),
		WORLD(a_lost_read_back_takes_nothing_for_a_change),
		WORLD(a_lost_read_back_of_the_crm),
		WORLD(an_edit_before_the_read_back_is_theirs),
		WORLD(a_lost_move_is_one_move),
		WORLD(moved_back_after_a_lost_move),
		WORLD(moved_while_somebody_writes),
		WORLD(a_lost_delete_is_one_delete),
		cmocka_unit_test(deaths_at_every_call),
		cmocka_unit_test(deaths_at_every_call_without_an_external_id),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
