/* What goes over a link with the CRM: edits of several sides at once, the direction that a rule allows,
 * and nothing while it is switched off. */
#include "tests/unit/sync/engine/world.h"

/* ---- conflicts ------------------------------------------------------------------------------- */

static void three_edits_of_different_fields_meet(void **state)
{
	struct world *w = *state;

	designated(w);
	edit(w, SYNC, "anna.vcf", "Buyer", "Seller");
	fake_set(box_of(w, ALICE), there(w, ALICE, "Anna Adler"), "MobilePhone", "+1");
	crm_set(&w->f, record(w, "a@ex.org"), "FirstName", "Anne");
	cycle(w, ALICE);
	assert_string_equal(field_of(w, "a@ex.org", "Title"), "Seller");
	assert_string_equal(field_of(w, "a@ex.org", "MobilePhone"), "+1");
	assert_string_equal(field_there(w, ALICE, "Anna Adler", "GivenName"), "Anne");
	assert_true(shows(w, SYNC, "anna.vcf", "Anne"));
	assert_int_equal(count_conflicts(&w->e), 0);
	assert_quiet(w);
}

static void the_same_field(
	struct world *w, enum config_conflict policy, const char *winner, const char *loser)
{
	w->config.conflict = policy;
	designated(w);
	edit(w, SYNC, "anna.vcf", "Buyer", "Filed");
	crm_set(&w->f, record(w, "a@ex.org"), "Title", "Called");
	settle(w);
	assert_string_equal(field_of(w, "a@ex.org", "Title"), winner);
	assert_string_equal(field_there(w, ALICE, "Anna Adler", "JobTitle"), winner);
	assert_true(shows(w, SYNC, "anna.vcf", winner));
	assert_non_null(strstr(conflict_text(&w->e), loser));
}

static void the_same_field_exchange_wins(void **state)
{
	the_same_field(*state, CONFLICT_EXCHANGE, "Filed", "Called");
}

static void the_same_field_the_crm_wins(void **state)
{
	the_same_field(*state, CONFLICT_CRM, "Called", "Filed");
}

/* ---- directions ------------------------------------------------------------------------------ */

static void to_crm_pulls_nothing_and_undoes_nothing(void **state)
{
	struct world *w = *state;

	RULE.direction = DIRECTION_TO_CRM;
	RULE.import = IMPORT_VISIBLE;
	RULE.remove = REMOVE_BOTH;
	designated(w);
	crm_set(&w->f, record(w, "a@ex.org"), "MobilePhone", "+1");
	crm_set(&w->f, record(w, "a@ex.org"), "Title", "Called");
	crm_add(&w->f, "Foreign", "Person", "f@ex.org");
	settle(w);
	assert_false(shows(w, SYNC, "anna.vcf", "+1"));
	assert_string_equal(field_of(w, "a@ex.org", "MobilePhone"), "+1");
	assert_string_equal(field_of(w, "a@ex.org", "Title"), "Called");
	assert_int_equal(files_in(w, SYNC), 1);
	edit(w, SYNC, "anna.vcf", "Anna;", "Anne;");
	settle(w);
	assert_string_equal(field_of(w, "a@ex.org", "FirstName"), "Anne");
	assert_string_equal(field_of(w, "a@ex.org", "Title"), "Called");
	assert_int_equal(count_conflicts(&w->e), 0);
	edit(w, SYNC, "anna.vcf", "Buyer", "Filed");
	settle(w);
	assert_string_equal(field_of(w, "a@ex.org", "Title"), "Filed");
	/* What stood there so far is kept, once. */
	assert_int_equal(count_conflicts(&w->e), 1);
	assert_non_null(strstr(conflict_text(&w->e), "Called"));
	edit(w, SYNC, "anna.vcf", "Filed", "Typed");
	settle(w);
	assert_int_equal(count_conflicts(&w->e), 1);
	assert_string_equal(field_of(w, "a@ex.org", "MobilePhone"), "+1");
	/* A deletion there is not pulled either. */
	crm_delete(&w->f, record(w, "a@ex.org"));
	settle(w);
	assert_true(exists(&w->e, SYNC, "anna.vcf"));
	assert_non_null(there(w, ALICE, "Anna Adler"));
}

static void to_exchange_writes_nothing_to_the_crm(void **state)
{
	struct world *w = *state;
	int writes;

	RULE.direction = DIRECTION_TO_EXCHANGE;
	RULE.remove = REMOVE_BOTH;
	crm_add(&w->f, "Anna", "Adler", "a@ex.org");
	crm_set(&w->f, record(w, "a@ex.org"), "Title", "Buyer");
	put(&w->e, SYNC, "anna.vcf", person(w, "Anna Adler", "a@ex.org", ""));
	put(&w->e, SYNC, "new.vcf", person(w, "New Person", "new@ex.org", ""));
	settle(w);
	assert_true(shows(w, SYNC, "anna.vcf", "Buyer"));
	assert_int_equal(crm_count(&w->f), 1); /* nobody is made there */
	assert_int_equal(state_of(w, SYNC, "new.vcf"), ITEM_ERROR);
	edit(w, SYNC, "anna.vcf", "Anna;", "Anne;");
	settle(w);
	assert_string_equal(field_of(w, "a@ex.org", "FirstName"), "Anna");
	crm_set(&w->f, record(w, "a@ex.org"), "Title", "Seller");
	settle(w);
	assert_string_equal(field_there(w, ALICE, "Anna Adler", "JobTitle"), "Seller");
	assert_string_equal(field_there(w, ALICE, "Anna Adler", "GivenName"), "Anne");
	writes = w->f.seq;
	remove_file(&w->e, SYNC, "anna.vcf");
	settle(w);
	assert_int_equal(w->f.seq, writes);
}

static void switched_off_links_rest_and_wake_again(void **state)
{
	struct world *w = *state;

	designated(w);
	RULE.mode = MODE_OFF;
	settle(w);
	edit(w, SYNC, "anna.vcf", "Buyer", "Seller");
	crm_set(&w->f, record(w, "a@ex.org"), "MobilePhone", "+1");
	settle(w);
	assert_string_equal(field_of(w, "a@ex.org", "Title"), "Buyer");
	assert_false(shows(w, SYNC, "anna.vcf", "+1"));
	assert_int_equal(crm_status(w, SYNC, "anna.vcf"), SIDE_LINKED);
	assert_int_equal(state_of(w, SYNC, "anna.vcf"), ITEM_SYNCED);
	RULE.mode = MODE_DESIGNATED;
	settle(w);
	assert_string_equal(field_of(w, "a@ex.org", "Title"), "Seller");
	assert_true(shows(w, SYNC, "anna.vcf", "+1"));
	assert_int_equal(crm_count(&w->f), 1);
}

/* A page that was asked for before our write and stored after it is older than what we know. */
static void an_old_page_does_not_undo_a_newer_record(void **state)
{
	struct world *w = *state;
	struct crm_record old = { 0 };
	struct error err = ERROR_INIT;
	struct cycle c = { .engine = w->engine, .store = w->e.store };

	designated(w);
	crm_record_out(&w->f, record(w, "a@ex.org"), &old);
	edit(w, SYNC, "anna.vcf", "Buyer", "Seller");
	settle(w);
	assert_ok(store_begin(w->e.store, STORE_NORMAL, STORE_REMOTE, &err), err);
	assert_ok(pull_crm_store(&c, KIND_CONTACT, &old, &err), err);
	assert_ok(store_commit(w->e.store, &err), err);
	crm_record_clear(&old);
	w->net.writes = 0;
	net_fault(&w->net, "pull", SAY_NOTHING, 1);
	cycle(w, ALICE);
	assert_true(shows(w, SYNC, "anna.vcf", "Seller"));
	assert_int_equal(w->net.writes, 0);
	settle(w);
	assert_string_equal(field_of(w, "a@ex.org", "Title"), "Seller");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD(three_edits_of_different_fields_meet),
		WORLD(the_same_field_exchange_wins),
		WORLD(the_same_field_the_crm_wins),
		WORLD(to_crm_pulls_nothing_and_undoes_nothing),
		WORLD(to_exchange_writes_nothing_to_the_crm),
		WORLD(switched_off_links_rest_and_wake_again),
		WORLD(an_old_page_does_not_undo_a_newer_record),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
