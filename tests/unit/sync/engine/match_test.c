/* Matching: which record an item that becomes designated is, and that the same person in two mailboxes
 * is one (I1). */
#include "tests/unit/sync/engine/calendar_world.h"

/* ---- by what it holds ------------------------------------------------------------------------ */

static void a_record_with_the_address_is_linked(void **state)
{
	struct world *w = *state;
	const char *conflict;

	crm_add(&w->f, "Ann", "Adler", "A@EX.org");
	crm_set(&w->f, record(w, "a@ex.org"), "MobilePhone", "+1");
	put(&w->e, SYNC, "anna.vcf", person(w, "Anna Adler", "a@ex.org", JOB("Buyer")));
	settle(w);
	assert_int_equal(crm_count(&w->f), 1);
	/* An empty field takes the other's value; one that differs is a conflict, one record of it. */
	assert_string_equal(field_of(w, "a@ex.org", "Title"), "Buyer");
	assert_true(shows(w, SYNC, "anna.vcf", "+1"));
	assert_string_equal(field_there(w, ALICE, "Anna Adler", "MobilePhone"), "+1");
	assert_string_equal(field_of(w, "a@ex.org", "FirstName"), "Anna");
	conflict = conflict_text(&w->e);
	assert_non_null(strstr(conflict, "\"Ann\""));
	assert_non_null(strstr(conflict, "FirstName"));
	assert_null(strstr(conflict, "MobilePhone"));
}

static void a_record_that_is_left_alone(void **state)
{
	struct world *w = *state;
	struct fake_record *one = crm_add(&w->f, "Anna", "One", "a@ex.org");

	one->unsupported = "it is of another time";
	RULE.import = IMPORT_VISIBLE;
	settle(w);
	assert_int_equal(child(w, SYNC, "Anna One.vcf"), 0);
	put(&w->e, SYNC, "anna.vcf", person(w, "Anna Adler", "a@ex.org", ""));
	settle(w);
	assert_int_equal(state_of(w, SYNC, "anna.vcf"), ITEM_ERROR);
	assert_int_equal(crm_count(&w->f), 1);
	assert_string_equal(field_of(w, "a@ex.org", "LastName"), "One");
}

static void several_records_are_an_error_and_relink_decides(void **state)
{
	struct world *w = *state;
	struct fake_record *one = crm_add(&w->f, "Anna", "One", "a@ex.org");
	struct error err = ERROR_INIT;
	struct fake_record *two = crm_add(&w->f, "Anna", "Two", "a@ex.org");

	put(&w->e, SYNC, "anna.vcf", person(w, "Anna Adler", "a@ex.org", ""));
	settle(w);
	assert_int_equal(state_of(w, SYNC, "anna.vcf"), ITEM_ERROR);
	assert_int_equal(crm_count(&w->f), 2);
	assert_ok(engine_relink(w->engine, at(&w->e, SYNC, "anna.vcf").ino, two->id, &err), err);
	settle(w);
	assert_int_equal(state_of(w, SYNC, "anna.vcf"), ITEM_CONFLICT);
	assert_string_equal(net_text(two->fields, "LastName"), "Adler");
	assert_string_equal(net_text(one->fields, "LastName"), "One");
	assert_int_equal(crm_count(&w->f), 2);
}

static void two_items_of_a_mailbox_do_not_share_a_record(void **state)
{
	struct world *w = *state;
	struct error err = ERROR_INIT;

	designated(w);
	put(&w->e, SYNC, "other.vcf", person(w, "Anna Other", "a@ex.org", ""));
	settle(w);
	assert_int_equal(crm_count(&w->f), 1);
	assert_int_equal(state_of(w, SYNC, "other.vcf"), ITEM_ERROR);
	assert_string_equal(field_of(w, "a@ex.org", "LastName"), "Adler");
	assert_int_equal(engine_relink(w->engine, at(&w->e, SYNC, "other.vcf").ino,
				 record(w, "a@ex.org")->id, &err),
		ERR_EXISTS);
	settle(w);
	assert_string_equal(field_of(w, "a@ex.org", "LastName"), "Adler");
}

static void two_at_once_in_one_mailbox_make_one(void **state)
{
	struct world *w = *state;

	put(&w->e, SYNC, "anna.vcf", person(w, "Anna Adler", "a@ex.org", ""));
	put(&w->e, SYNC, "other.vcf", person(w, "Anna Other", "a@ex.org", ""));
	settle(w);
	assert_int_equal(crm_count(&w->f), 1);
}

/* By owner, start and subject; what has the same subject at another time, or is another's, is not it. */
static void a_record_is_matched_before_one_is_made(void **state)
{
	struct calendar *t = *state;
	struct world *w = t->w;
	struct fake_record *mine = crm_event(w, "Lunch", 1, "005000000000000ALI");
	size_t n;

	crm_event(w, "Dinner", 1, "005000000000000BOB");
	n = crm_count(&w->f);
	put(&w->e, t->view, "a.ics", event(w, "a", "Lunch", 1, ""));
	settle(w);
	assert_int_equal(crm_count(&w->f), n);
	edit(w, t->view, "a.ics", "SUMMARY:Lunch", "SUMMARY:Brunch");
	settle(w);
	assert_string_equal(net_text(mine->fields, "Subject"), "Brunch");
	crm_event(w, "Tea", 1, "005000000000000ALI");
	crm_event(w, "Tea", 1, "005000000000000ALI");
	put(&w->e, t->view, "b.ics", event(w, "b", "Tea", 1, ""));
	settle(w);
	assert_int_equal(crm_count(&w->f), n + 2);
	assert_int_equal(state_of(w, t->view, "b.ics"), ITEM_ERROR);
}

/* The org has an external id field, Activity has none: only the match tells what a create without an answer
 * made, and a transaction may commit late (I1). */
static void an_event_without_external_id_is_made_once(void **state)
{
	static const enum fault_mode modes[] = { LOSE_BEFORE, LOSE_AFTER };
	struct calendar *t = *state;
	struct world *w = t->w;

	w->f.activities_have_none = true;
	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		const char *title = i ? "Dinner" : "Lunch";

		/* Of another object, and alike but for that. */
		crm_event(w, title, 9, "005000000000000ALI")->kind = KIND_TASK;
		w->f.records[w->f.n - 1].created_by_us = true;
		put(&w->e, t->view, i ? "b.ics" : "a.ics", event(w, i ? "b" : "a", title, 1, ""));
		net_fault(&w->net, "crm_create", modes[i], 1);
		assert_int_equal(failing_cycle(w, ALICE), ERR_LOST);
		age(w, 3 * MINUTE);
		cycle(w, ALICE);
		assert_int_equal(crm_count(&w->f), 2 * i + 1 + (modes[i] == LOSE_AFTER));
		age(w, 10 * MINUTE);
		settle(w);
		assert_int_equal(crm_count(&w->f), 2 * i + 2);
		assert_int_equal(crm_status(w, t->view, i ? "b.ics" : "a.ics"), SIDE_LINKED);
	}
}

/* ---- two mailboxes --------------------------------------------------------------------------- */

#define MANY 20

static void both_know_the_same_people(struct world *w)
{
	uint64_t bob_sync = child(w, w->e.other_contacts, "Salesforce_Sync");

	for (int i = 0; i < MANY; i++) {
		const char *file = nth_file(w, i), *card = nth_person(w, i);

		put(&w->e, SYNC, file, card);
		put(&w->e, bob_sync, file, card);
	}
}

static void check_same_people(struct world *w)
{
	uint64_t bob_sync = child(w, w->e.other_contacts, "Salesforce_Sync");

	assert_int_equal(crm_count(&w->f), MANY);
	for (int i = 0; i < MANY; i++) {
		const char *file = nth_file(w, i);

		assert_int_equal(crm_status(w, SYNC, file), SIDE_LINKED);
		assert_int_equal(crm_status(w, bob_sync, file), SIDE_LINKED);
	}
}

static void the_same_people_in_two_mailboxes_are_one_record_each(void **state)
{
	struct world *w = *state;

	both_know_the_same_people(w);
	settle(w);
	check_same_people(w);
}

/* Bob's question is asked, then Alice makes all of them, then Bob goes on. */
static void alice_first(void *data, const char *call)
{
	struct world *w = data;
	struct error err = ERROR_INIT;

	if (strcmp(call, "match") != 0)
		return;
	w->net.hook = NULL;
	cycle_rc(w, ALICE, &err);
}

static void a_question_from_before_makes_no_second_record(void **state)
{
	struct world *w = *state;

	both_know_the_same_people(w);
	w->net.hook = alice_first;
	w->net.hook_data = w;
	cycle(w, BOB);
	assert_null(w->net.hook);
	settle(w);
	check_same_people(w);
}

static void alice_after_the_answer(void *data, const char *call)
{
	struct world *w = data;
	struct error err = ERROR_INIT;

	/* Between Bob's question and his creates stands his push to Exchange. */
	if (strcmp(call, "create") != 0)
		return;
	w->net.hook = NULL;
	cycle_rc(w, ALICE, &err);
}

static void an_answer_that_is_old_makes_no_second_record(void **state)
{
	struct world *w = *state;

	both_know_the_same_people(w);
	w->net.hook = alice_after_the_answer;
	w->net.hook_data = w;
	cycle(w, BOB);
	assert_null(w->net.hook);
	settle(w);
	check_same_people(w);
}

static void two_workers_at_once_make_one_record_each(void **state)
{
	struct world *w = *state;
	struct error err = ERROR_INIT;

	both_know_the_same_people(w);
	assert_ok(engine_start(w->engine, &err), err);
	for (int i = 0; i < 4; i++)
		assert_ok(engine_sync(w->engine, NULL, true, &err), err);
	engine_stop(w->engine);
	check_same_people(w);
	world_reopen(w);
	settle(w);
	check_same_people(w);
}

/* Who held a claim has another address now, and the record too. */
static void a_claim_does_not_outlive_its_create(void **state)
{
	struct world *w = *state;
	uint64_t bob_sync = child(w, w->e.other_contacts, "Salesforce_Sync");

	designated(w);
	edit(w, SYNC, "anna.vcf", "a@ex.org", "new@ex.org");
	settle(w);
	put(&w->e, bob_sync, "bert.vcf", person(w, "Bert Berg", "a@ex.org", ""));
	settle(w);
	assert_int_equal(crm_count(&w->f), 2);
	assert_string_equal(field_of(w, "a@ex.org", "LastName"), "Berg");
}

/* A create that is refused lets the other one try. */
static void a_claim_does_not_outlive_a_refusal(void **state)
{
	struct world *w = *state;
	uint64_t bob_sync = child(w, w->e.other_contacts, "Salesforce_Sync");
	struct error err = ERROR_INIT;

	put(&w->e, SYNC, "anna.vcf", person(w, "Anna Adler", "a@ex.org", ""));
	net_fault(&w->net, "crm_create", REFUSE, 1);
	cycle_rc(w, ALICE, &err);
	put(&w->e, bob_sync, "anna.vcf", person(w, "Anna Adler", "a@ex.org", ""));
	settle(w);
	assert_int_equal(crm_count(&w->f), 1);
	assert_int_equal(crm_status(w, bob_sync, "anna.vcf"), SIDE_LINKED);
}

static void one_mailbox_leaves_the_other_stays_linked(void **state)
{
	struct world *w = *state;
	uint64_t bob_sync = child(w, w->e.other_contacts, "Salesforce_Sync");

	RULE.remove = REMOVE_BOTH;
	both_know_the_same_people(w);
	settle(w);
	remove_file(&w->e, SYNC, "p1.vcf");
	add_lines(w, SYNC, "p2.vcf", "CLASS:PRIVATE\r\n");
	move(&w->e, SYNC, "p3.vcf", CONTACTS, "p3.vcf");
	settle(w);
	assert_int_equal(crm_count(&w->f), MANY);
	for (int i = 1; i <= 3; i++)
		assert_int_equal(crm_status(w, bob_sync, nth_file(w, i)), SIDE_LINKED);
	assert_int_equal(crm_status(w, SYNC, "p2.vcf"), SIDE_UNLINKED);
	assert_int_equal(crm_status(w, CONTACTS, "p3.vcf"), SIDE_UNLINKED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD(a_record_with_the_address_is_linked),
		WORLD(a_record_that_is_left_alone),
		WORLD(several_records_are_an_error_and_relink_decides),
		WORLD(two_items_of_a_mailbox_do_not_share_a_record),
		WORLD(two_at_once_in_one_mailbox_make_one),
		CALENDAR(a_record_is_matched_before_one_is_made),
		CALENDAR(an_event_without_external_id_is_made_once),
		WORLD(the_same_people_in_two_mailboxes_are_one_record_each),
		WORLD(a_question_from_before_makes_no_second_record),
		WORLD(an_answer_that_is_old_makes_no_second_record),
		WORLD(two_workers_at_once_make_one_record_each),
		WORLD(a_claim_does_not_outlive_its_create),
		WORLD(a_claim_does_not_outlive_a_refusal),
		WORLD(one_mailbox_leaves_the_other_stays_linked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
