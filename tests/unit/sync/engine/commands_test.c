/* Commands of an administrator, a new cache, and the limits of a cycle, against servers in memory. */
#include "tests/unit/sync/engine/world.h"

/* ---- commands ------------------------------------------------------------------------------------------------ */

static void reset_doubles_nothing_and_keeps_links(void **state)
{
	struct world *w = *state;
	uint64_t ino;

	put(&w->e, w->e.sync, "anna.vcf", person(w, "Anna Adler", "anna@ex.org", JOB("Buyer")));
	outlook(w, ALICE, IN_CONTACTS, "Bert Berg", "bert@ex.org");
	settle(w);
	ino = at(&w->e, w->e.sync, "anna.vcf").ino;
	assert_int_equal(engine_reset(w->engine, "alice@corp.example", NULL), 0);
	assert_quiet(w);
	assert_int_equal(at(&w->e, w->e.sync, "anna.vcf").ino, ino);
	assert_int_equal(fake_count(box_of(w, ALICE), -1), 2);
	assert_int_equal(crm_count(&w->f), 1);
	assert_int_equal(crm_status(w, w->e.sync, "anna.vcf"), SIDE_LINKED);
	assert_int_equal(count_conflicts(&w->e), 0);
	/* An edit not yet sent survives, and is. */
	edit(w, w->e.sync, "anna.vcf", "Buyer", "Seller");
	assert_int_equal(engine_reset(w->engine, NULL, NULL), 0);
	settle(w);
	assert_string_equal(field_there(w, ALICE, "Anna Adler", "JobTitle"), "Seller");
	assert_string_equal(field_of(w, "anna@ex.org", "Title"), "Seller");
}

static void a_new_cache_finds_names_and_links_again(void **state)
{
	struct world *w = *state;

	put(&w->e, w->e.sync, "mine.vcf", person(w, "Anna Adler", "anna@ex.org", ""));
	put(&w->e, w->e.sync, "other.vcf", person(w, "Bert Berg", "bert@ex.org", ""));
	settle(w);
	edit(w, w->e.sync, "other.vcf", "END:VCARD", "CATEGORIES:DoNotSync\r\nEND:VCARD");
	settle(w);
	world_close(w);
	nftw(w->e.dir, env_unlink, 8, FTW_DEPTH | FTW_PHYS);
	assert_int_equal(mkdir(w->e.dir, 0700), 0);
	world_open(w);
	w->e.mailbox = w->engine->mailboxes[ALICE].id;
	settle(w);
	w->e.root = child(w, STORE_ROOT_INO, "alice@corp.example");
	w->e.contacts = child(w, w->e.root, "Contacts");
	w->e.sync = child(w, w->e.contacts, "Salesforce_Sync");
	assert_int_equal(crm_status(w, w->e.sync, "mine.vcf"), SIDE_LINKED);
	assert_int_equal(crm_status(w, w->e.sync, "other.vcf"), SIDE_UNLINKED);
	assert_int_equal(crm_count(&w->f), 2);
	assert_int_equal(fake_count(box_of(w, ALICE), -1), 2);
}

static void on_hold_nothing_is_sent_also_after_a_restart(void **state)
{
	struct world *w = *state;
	struct error err = ERROR_INIT;
	json_t *status;

	assert_ok(engine_start(w->engine, &err), err);
	engine_hold(w->engine, true);
	put(&w->e, CONTACTS, "anna.vcf", person(w, "Anna Adler", "a@ex.org", ""));
	assert_int_equal(engine_sync(w->engine, NULL, true, &err), ERR_BUSY);
	assert_null(there(w, ALICE, "Anna Adler"));
	engine_stop(w->engine);
	world_reopen(w);
	assert_ok(engine_start(w->engine, &err), err);
	assert_int_equal(engine_sync(w->engine, NULL, true, &err), ERR_BUSY);
	status = engine_status(w->engine, NULL);
	assert_true(json_is_true(json_object_get(status, "held")));
	json_decref(status);
	engine_hold(w->engine, false);
	assert_ok(engine_sync(w->engine, NULL, true, &err), err);
	assert_non_null(there(w, ALICE, "Anna Adler"));
	engine_stop(w->engine);
}

static void creates_stop_at_the_limit_of_a_cycle(void **state)
{
	struct world *w = *state;

	w->config.max_create = 5;
	for (int i = 0; i < 12; i++)
		put(&w->e, w->e.sync, nth_file(w, i), nth_person(w, i));
	cycle(w, ALICE);
	assert_int_equal(fake_count(box_of(w, ALICE), -1), 5);
	assert_int_equal(crm_count(&w->f), 5);
	for (int i = 0; i < 3; i++)
		cycle(w, ALICE);
	assert_int_equal(fake_count(box_of(w, ALICE), -1), 12);
	assert_int_equal(crm_count(&w->f), 12);
	assert_quiet(w);
}

/* What one mailbox may make only later, another that knows the same person makes now. */
static void what_the_limit_keeps_holds_nobody_else_up(void **state)
{
	struct world *w = *state;
	struct error err = ERROR_INIT;

	w->config.max_create = 1;
	for (int i = 0; i < 3; i++) {
		const char *email = nth_email(w, i), *name = nth(w, i);

		fake_set(box_of(w, ALICE), outlook(w, ALICE, IN_CONTACTS, name, email),
			"Categories/CRM", "");
		if (i)
			fake_set(box_of(w, BOB), outlook(w, BOB, IN_CONTACTS, name, email),
				"Categories/CRM", "");
	}
	cycle(w, ALICE);
	cycle(w, ALICE); /* one more, and those that wait were matched already */
	assert_int_equal(crm_count(&w->f), 2);
	cycle_rc(w, BOB, &err);
	assert_int_equal(crm_count(&w->f), 3);
	w->config.max_create = 0;
	settle(w);
	assert_int_equal(crm_count(&w->f), 3);
	assert_quiet(w);
}

/* The brake of a CRM that does not answer is not Exchange's. */
static void without_the_crm_exchange_goes_on(void **state)
{
	struct world *w = *state;

	put(&w->e, w->e.sync, "anna.vcf", person(w, "Anna Adler", "a@ex.org", ""));
	net_fault(&w->net, "pull", UNSENT, 2);
	net_fault(&w->net, "match", UNSENT, 1);
	failing_cycle(w, ALICE);
	assert_non_null(there(w, ALICE, "Anna Adler"));
	add_lines(w, w->e.sync, "anna.vcf", JOB("Buyer"));
	failing_cycle(w, ALICE);
	assert_string_equal(field_there(w, ALICE, "Anna Adler", "JobTitle"), "Buyer");
	failing_cycle(w, ALICE);
	settle(w);
	assert_int_equal(crm_count(&w->f), 1);
}

static void nothing_changed_costs_little(void **state)
{
	struct world *w = *state;

	for (int i = 0; i < 30; i++)
		outlook(w, ALICE, IN_CONTACTS, keep(&w->e, xasprintf("Carl %d", i)),
			keep(&w->e, xasprintf("c%d@ex.org", i)));
	settle(w);
	w->net.calls = 0;
	cycle(w, ALICE);
	/* The hierarchy, two folders, the CRM. */
	assert_in_range(w->net.calls, 1, 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD(reset_doubles_nothing_and_keeps_links),
		WORLD(a_new_cache_finds_names_and_links_again),
		WORLD(on_hold_nothing_is_sent_also_after_a_restart),
		WORLD(creates_stop_at_the_limit_of_a_cycle),
		WORLD(what_the_limit_keeps_holds_nobody_else_up),
		WORLD(without_the_crm_exchange_goes_on),
		WORLD(nothing_changed_costs_little),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
