/* Links with the CRM: who is designated, with which record, what each mode and direction does, and that
 * a pair once unlinked stays so whatever is edited on either side. */
#include "tests/unit/sync/engine/world.h"

#define CONTACTS (w->e.contacts)
#define SYNC	 (w->e.sync)
#define RULE	 (w->policy.rules[CONFIG_CONTACTS])

static void designated(struct world *w)
{
	put(&w->e, SYNC, "anna.vcf", person(w, "Anna Adler", "a@ex.org", JOB("Buyer")));
	settle(w);
	assert_int_equal(crm_status(w, SYNC, "anna.vcf"), SIDE_LINKED);
	assert_int_equal(crm_count(&w->f), 1);
}

/* ---- designation -------------------------------------------------------------------------------------- */

static void mv_into_the_folder_makes_a_record(void **state)
{
	struct world *w = *state;

	put(&w->e, CONTACTS, "anna.vcf", person(w, "Anna Adler", "a@ex.org", JOB("Buyer")));
	settle(w);
	assert_int_equal(crm_count(&w->f), 0);
	move(&w->e, CONTACTS, "anna.vcf", SYNC, "anna.vcf");
	settle(w);
	assert_int_equal(crm_count(&w->f), 1);
	assert_string_equal(field_of(w, "a@ex.org", "Title"), "Buyer");
	assert_string_equal(record(w, "a@ex.org")->owner, "005000000000000ALI");
	assert_string_equal(
		there(w, ALICE, "Anna Adler")->marks.crm_link, record(w, "a@ex.org")->id);
	crm_set(&w->f, record(w, "a@ex.org"), "Title", "Seller");
	settle(w);
	assert_true(shows(w, SYNC, "anna.vcf", "TITLE:Seller"));
	assert_string_equal(field_there(w, ALICE, "Anna Adler", "JobTitle"), "Seller");
	edit(w, SYNC, "anna.vcf", "Seller", "Owner");
	settle(w);
	assert_string_equal(field_of(w, "a@ex.org", "Title"), "Owner");
}

static void a_category_designates_from_either_side(void **state)
{
	struct world *w = *state;
	struct fake_item *bert = outlook(w, ALICE, IN_CONTACTS, "Bert Berg", "b@ex.org");

	put(&w->e, CONTACTS, "anna.vcf", person(w, "Anna Adler", "a@ex.org", "CATEGORIES:CRM\r\n"));
	fake_set(box_of(w, ALICE), bert, "Categories/CRM", "");
	settle(w);
	assert_non_null(record(w, "a@ex.org"));
	assert_non_null(record(w, "b@ex.org"));
	assert_string_equal(field_there(w, ALICE, "Anna Adler", "Categories/CRM"), "true");
}

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

/* ---- two mailboxes ------------------------------------------------------------------------------------ */

#define MANY 20

static void both_know_the_same_people(struct world *w)
{
	uint64_t bob_sync = child(w, w->e.other_contacts, "Salesforce_Sync");

	for (int i = 0; i < MANY; i++) {
		const char *file = keep(&w->e, xasprintf("p%d.vcf", i));
		const char *card = person(w, keep(&w->e, xasprintf("Person %d", i)),
			keep(&w->e, xasprintf("p%d@ex.org", i)), "");

		put(&w->e, SYNC, file, card);
		put(&w->e, bob_sync, file, card);
	}
}

static void check_same_people(struct world *w)
{
	uint64_t bob_sync = child(w, w->e.other_contacts, "Salesforce_Sync");

	assert_int_equal(crm_count(&w->f), MANY);
	for (int i = 0; i < MANY; i++) {
		const char *file = keep(&w->e, xasprintf("p%d.vcf", i));

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
		assert_int_equal(
			crm_status(w, bob_sync, keep(&w->e, xasprintf("p%d.vcf", i))), SIDE_LINKED);
	assert_int_equal(crm_status(w, SYNC, "p2.vcf"), SIDE_UNLINKED);
	assert_int_equal(crm_status(w, CONTACTS, "p3.vcf"), SIDE_UNLINKED);
}

/* ---- unlinked stays unlinked ---------------------------------------------------------------------------- */

/* Three cycles and an edit on each side: no record is made, linked or imported, no file either. */
static void assert_stays_apart(struct world *w, uint64_t folder, const char *file)
{
	size_t records = crm_count(&w->f), items = fake_count(box_of(w, ALICE), -1);
	struct fake_record *r = record(w, "a@ex.org");

	settle(w);
	settle(w);
	if (r)
		crm_set(&w->f, r, "Title", "Edited there");
	if (file)
		add_lines(w, folder, file, "NICKNAME:Nick\r\nTEL;TYPE=cell:+9\r\n");
	settle(w);
	assert_int_equal(crm_count(&w->f), records);
	assert_int_equal(fake_count(box_of(w, ALICE), -1), items);
	if (file) {
		assert_false(shows(w, folder, file, "Edited there"));
		assert_int_equal(crm_status(w, folder, file), SIDE_UNLINKED);
	}
	if (r)
		assert_string_equal(net_text(r->fields, "MobilePhone"), "");
}

static void with_mode(struct world *w, enum config_mode mode)
{
	RULE.mode = mode;
	RULE.import = mode == MODE_ALL ? IMPORT_OWNED : IMPORT_OFF;
}

static void unlink_by_category(struct world *w, enum config_mode mode)
{
	with_mode(w, mode);
	designated(w);
	add_lines(w, SYNC, "anna.vcf", "CATEGORIES:DoNotSync\r\n");
	settle(w);
	assert_stays_apart(w, SYNC, "anna.vcf");
	assert_int_equal(state_of(w, SYNC, "anna.vcf"), ITEM_EXCLUDED);
	/* Designated anew: the same record. */
	edit(w, SYNC, "anna.vcf", "CATEGORIES:DoNotSync\r\n", "");
	settle(w);
	assert_int_equal(crm_status(w, SYNC, "anna.vcf"), SIDE_LINKED);
	assert_int_equal(crm_count(&w->f), 1);
}

static void do_not_sync_in_designated(void **state)
{
	unlink_by_category(*state, MODE_DESIGNATED);
}

static void do_not_sync_in_all(void **state)
{
	unlink_by_category(*state, MODE_ALL);
}

static void moving_out_unlinks_and_moving_in_links_again(void **state)
{
	struct world *w = *state;
	char id[20];

	designated(w);
	snprintf(id, sizeof(id), "%s", record(w, "a@ex.org")->id);
	move(&w->e, SYNC, "anna.vcf", CONTACTS, "anna.vcf");
	settle(w);
	assert_stays_apart(w, CONTACTS, "anna.vcf");
	assert_non_null(strstr(there(w, ALICE, "Anna Adler")->marks.unlinked, id));
	assert_null(there(w, ALICE, "Anna Adler")->marks.crm_link);
	move(&w->e, CONTACTS, "anna.vcf", SYNC, "anna.vcf");
	settle(w);
	assert_int_equal(crm_status(w, SYNC, "anna.vcf"), SIDE_LINKED);
	assert_int_equal(crm_count(&w->f), 1);
	assert_string_equal(there(w, ALICE, "Anna Adler")->marks.crm_link, id);
}

static void dragging_out_unlinks_and_dragging_in_links_again(void **state)
{
	struct world *w = *state;
	char id[20];

	designated(w);
	snprintf(id, sizeof(id), "%s", record(w, "a@ex.org")->id);
	fake_move(&w->x, box_of(w, ALICE), there(w, ALICE, "Anna Adler"), IN_CONTACTS);
	settle(w);
	assert_stays_apart(w, CONTACTS, "anna.vcf");
	fake_move(&w->x, box_of(w, ALICE), there(w, ALICE, "Anna Adler"), IN_SYNC);
	settle(w);
	assert_int_equal(crm_status(w, SYNC, "anna.vcf"), SIDE_LINKED);
	assert_int_equal(crm_count(&w->f), 1);
	assert_string_equal(there(w, ALICE, "Anna Adler")->marks.crm_link, id);
	/* Its record is deleted, it is dragged out, and in again: a new designation. */
	crm_delete(&w->f, record(w, "a@ex.org"));
	settle(w);
	fake_move(&w->x, box_of(w, ALICE), there(w, ALICE, "Anna Adler"), IN_CONTACTS);
	settle(w);
	fake_move(&w->x, box_of(w, ALICE), there(w, ALICE, "Anna Adler"), IN_SYNC);
	settle(w);
	assert_int_equal(crm_status(w, SYNC, "anna.vcf"), SIDE_LINKED);
	assert_int_equal(crm_count(&w->f), 1);
}

static void delete_the_item(struct world *w, enum config_mode mode, bool there_too)
{
	with_mode(w, mode);
	designated(w);
	if (there_too)
		fake_delete(box_of(w, ALICE), there(w, ALICE, "Anna Adler"));
	else
		remove_file(&w->e, SYNC, "anna.vcf");
	settle(w);
	assert_int_equal(files_in(w, SYNC), 0);
	assert_stays_apart(w, SYNC, NULL);
}

static void a_removed_file_leaves_its_record_alone(void **state)
{
	delete_the_item(*state, MODE_DESIGNATED, false);
}

static void a_removed_file_is_not_imported_again(void **state)
{
	delete_the_item(*state, MODE_ALL, false);
}

static void an_item_deleted_there_is_not_imported_again(void **state)
{
	delete_the_item(*state, MODE_ALL, true);
}

static void delete_the_record(struct world *w, enum config_mode mode)
{
	with_mode(w, mode);
	designated(w);
	crm_delete(&w->f, record(w, "a@ex.org"));
	settle(w);
	assert_int_equal(files_in(w, SYNC), 1);
	assert_stays_apart(w, SYNC, "anna.vcf");
}

static void a_deleted_record_is_not_made_again_in_designated(void **state)
{
	delete_the_record(*state, MODE_DESIGNATED);
}

static void a_deleted_record_is_not_made_again_in_all(void **state)
{
	delete_the_record(*state, MODE_ALL);
}

static void unlinked_survives_a_reset(void **state)
{
	struct world *w = *state;

	RULE.mode = MODE_ALL;
	designated(w);
	crm_delete(&w->f, record(w, "a@ex.org"));
	settle(w);
	assert_int_equal(engine_reset(w->engine, NULL, NULL), 0);
	settle(w);
	assert_stays_apart(w, SYNC, "anna.vcf");
}

static void relink_links_what_was_unlinked(void **state)
{
	struct world *w = *state;
	struct error err = ERROR_INIT;

	RULE.mode = MODE_ALL;
	designated(w);
	crm_delete(&w->f, record(w, "a@ex.org"));
	settle(w);
	assert_ok(engine_relink(w->engine, at(&w->e, SYNC, "anna.vcf").ino, NULL, &err), err);
	settle(w);
	assert_int_equal(crm_status(w, SYNC, "anna.vcf"), SIDE_LINKED);
	assert_int_equal(crm_count(&w->f), 1);
}

/* In mode `all` another contact with the address does not find the record that was unlinked. */
static void an_unlinked_partner_is_matched_by_nobody(void **state)
{
	struct world *w = *state;

	with_mode(w, MODE_ALL);
	designated(w);
	add_lines(w, SYNC, "anna.vcf", "CATEGORIES:DoNotSync\r\n");
	settle(w);
	put(&w->e, CONTACTS, "copy.vcf", person(w, "Anna Copy", "a@ex.org", ""));
	settle(w);
	assert_int_equal(crm_count(&w->f), 1);
	assert_string_equal(field_of(w, "a@ex.org", "LastName"), "Adler");
	assert_int_equal(state_of(w, CONTACTS, "copy.vcf"), ITEM_ERROR);
	/* Somebody wants just this. */
	move(&w->e, CONTACTS, "copy.vcf", SYNC, "copy.vcf");
	settle(w);
	assert_int_equal(crm_status(w, SYNC, "copy.vcf"), SIDE_LINKED);
	assert_int_equal(crm_count(&w->f), 1);
}

static void turned_private_a_record_of_ours_is_deleted(void **state)
{
	struct world *w = *state;

	designated(w);
	crm_add(&w->f, "Bert", "Berg", "b@ex.org");
	put(&w->e, SYNC, "bert.vcf", person(w, "Bert Berg", "b@ex.org", ""));
	settle(w);
	add_lines(w, SYNC, "anna.vcf", "CLASS:PRIVATE\r\n");
	add_lines(w, SYNC, "bert.vcf", "CLASS:PRIVATE\r\n");
	settle(w);
	assert_null(record(w, "a@ex.org"));
	assert_non_null(record(w, "b@ex.org"));
	assert_int_equal(crm_status(w, SYNC, "bert.vcf"), SIDE_UNLINKED);
	assert_true(exists(&w->e, SYNC, "anna.vcf"));
	assert_string_equal(field_there(w, ALICE, "Anna Adler", "Sensitivity"), "Private");
}

/* ---- records that go elsewhere (I13) ----------------------------------------------------------------------- */

static void a_record_out_of_view_is_unlinked_not_deleted(void **state)
{
	struct world *w = *state;

	RULE.remove = REMOVE_BOTH;
	designated(w);
	w->f.records[0].hidden = true;
	edit(w, SYNC, "anna.vcf", "Buyer", "Seller");
	settle(w);
	assert_int_equal(crm_status(w, SYNC, "anna.vcf"), SIDE_UNLINKED);
	assert_int_equal(crm_count(&w->f), 1);
	assert_string_equal(field_there(w, ALICE, "Anna Adler", "JobTitle"), "Seller");
}

/* Nobody writes to it: a look at all links, once a day, notices. */
static void out_of_view_is_noticed_within_a_day(void **state)
{
	struct world *w = *state;
	struct error err = ERROR_INIT;

	RULE.remove = REMOVE_BOTH;
	designated(w);
	put(&w->e, SYNC, "bert.vcf", person(w, "Bert Berg", "b@ex.org", ""));
	settle(w);
	record(w, "a@ex.org")->hidden = true;
	settle(w);
	assert_int_equal(crm_status(w, SYNC, "anna.vcf"), SIDE_LINKED);
	assert_ok(store_begin(w->e.store, STORE_NORMAL, STORE_LOCAL, &err), err);
	assert_ok(
		store_value_set(w->e.store,
			keep(&w->e, xasprintf("viewed:%lld", (long long)w->e.mailbox)), "1", &err),
		err);
	assert_ok(store_commit(w->e.store, &err), err);
	settle(w);
	assert_int_equal(crm_status(w, SYNC, "anna.vcf"), SIDE_UNLINKED);
	assert_int_equal(crm_status(w, SYNC, "bert.vcf"), SIDE_LINKED);
	assert_int_equal(crm_count(&w->f), 2);
	assert_int_equal(files_in(w, SYNC), 2);
}

static void a_merged_record_takes_the_link_along(void **state)
{
	struct world *w = *state;
	struct fake_record *survivor;

	RULE.remove = REMOVE_BOTH;
	designated(w);
	survivor = crm_add(&w->f, "Anna", "Adler", "anna.adler@ex.org");
	crm_set(&w->f, survivor, "MobilePhone", "+1");
	crm_set(&w->f, survivor, "Title", "Buyer");
	crm_merge(&w->f, record(w, "a@ex.org"), survivor);
	settle(w);
	assert_int_equal(crm_status(w, SYNC, "anna.vcf"), SIDE_LINKED);
	assert_string_equal(there(w, ALICE, "Anna Adler")->marks.crm_link, survivor->id);
	assert_true(shows(w, SYNC, "anna.vcf", "+1"));
	edit(w, SYNC, "anna.vcf", "Buyer", "Seller");
	settle(w);
	assert_string_equal(net_text(survivor->fields, "Title"), "Seller");
}

static void merged_into_one_we_cannot_see_is_unlinked(void **state)
{
	struct world *w = *state;
	struct fake_record *survivor;

	designated(w);
	survivor = crm_add(&w->f, "Anna", "Adler", "anna.adler@ex.org");
	survivor->hidden = true;
	crm_merge(&w->f, record(w, "a@ex.org"), survivor);
	settle(w);
	assert_int_equal(crm_status(w, SYNC, "anna.vcf"), SIDE_UNLINKED);
	assert_true(exists(&w->e, SYNC, "anna.vcf"));
}

/* ---- conflicts and directions -------------------------------------------------------------------------------- */

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

/* ---- switched off ---------------------------------------------------------------------------------------------- */

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

/* ---- imports ------------------------------------------------------------------------------------------------------ */

static void owned_records_are_imported_once(void **state)
{
	struct world *w = *state;
	struct fake_record *mine = crm_add(&w->f, "Mine", "Own", "mine@ex.org");

	snprintf(mine->owner, sizeof(mine->owner), "005000000000000ALI");
	crm_add(&w->f, "Foreign", "Person", "f@ex.org");
	with_mode(w, MODE_ALL);
	settle(w);
	assert_int_equal(files_in(w, SYNC), 1);
	assert_int_equal(fake_count(box_of(w, ALICE), IN_SYNC), 1);
	assert_int_equal(fake_count(box_of(w, BOB), -1), 0);
	assert_int_equal(crm_count(&w->f), 2);
	crm_set(&w->f, mine, "Title", "Boss");
	settle(w);
	assert_int_equal(files_in(w, SYNC), 1);
	assert_true(shows(w, SYNC, "Mine Own.vcf", "Boss"));
	edit(w, SYNC, "Mine Own.vcf", "Boss", "Chief");
	settle(w);
	assert_string_equal(net_text(mine->fields, "Title"), "Chief");
}

static void visible_records_are_imported_but_not_over_somebodys_own(void **state)
{
	struct world *w = *state;

	RULE.import = IMPORT_VISIBLE;
	outlook(w, ALICE, IN_CONTACTS, "Private Friend", "friend@ex.org");
	outlook(w, ALICE, IN_SYNC, "Known Person", "known@ex.org");
	cycle(w, ALICE);
	crm_add(&w->f, "Public", "Friend", "Friend@ex.org");
	crm_add(&w->f, "Known", "Person", "known@ex.org");
	crm_add(&w->f, "New", "Person", "new@ex.org");
	settle(w);
	assert_int_equal(files_in(w, CONTACTS), 1);
	assert_int_equal(files_in(w, SYNC), 2);
	assert_int_equal(crm_status(w, CONTACTS, "Private Friend.vcf"), SIDE_NONE);
	assert_int_equal(crm_status(w, SYNC, "Known Person.vcf"), SIDE_LINKED);
	assert_int_equal(crm_status(w, SYNC, "New Person.vcf"), SIDE_LINKED);
	/* "Known Person" was designated before the record was there, and made one. */
	assert_int_equal(fake_count(box_of(w, ALICE), -1), 3);
}

static void an_import_switched_on_later_brings_what_was_there(void **state)
{
	struct world *w = *state;

	crm_add(&w->f, "Old", "Record", "old@ex.org");
	settle(w);
	assert_int_equal(files_in(w, SYNC), 0);
	RULE.import = IMPORT_VISIBLE;
	settle(w);
	assert_int_equal(files_in(w, SYNC), 1);
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
		WORLD(mv_into_the_folder_makes_a_record),
		WORLD(a_category_designates_from_either_side),
		WORLD(a_record_with_the_address_is_linked),
		WORLD(a_record_that_is_left_alone),
		WORLD(several_records_are_an_error_and_relink_decides),
		WORLD(two_items_of_a_mailbox_do_not_share_a_record),
		WORLD(two_at_once_in_one_mailbox_make_one),
		WORLD(the_same_people_in_two_mailboxes_are_one_record_each),
		WORLD(a_question_from_before_makes_no_second_record),
		WORLD(an_answer_that_is_old_makes_no_second_record),
		WORLD(two_workers_at_once_make_one_record_each),
		WORLD(a_claim_does_not_outlive_its_create),
		WORLD(a_claim_does_not_outlive_a_refusal),
		WORLD(one_mailbox_leaves_the_other_stays_linked),
		WORLD(do_not_sync_in_designated),
		WORLD(do_not_sync_in_all),
		WORLD(moving_out_unlinks_and_moving_in_links_again),
		WORLD(dragging_out_unlinks_and_dragging_in_links_again),
		WORLD(a_removed_file_leaves_its_record_alone),
		WORLD(a_removed_file_is_not_imported_again),
		WORLD(an_item_deleted_there_is_not_imported_again),
		WORLD(a_deleted_record_is_not_made_again_in_designated),
		WORLD(a_deleted_record_is_not_made_again_in_all),
		WORLD(unlinked_survives_a_reset),
		WORLD(relink_links_what_was_unlinked),
		WORLD(an_unlinked_partner_is_matched_by_nobody),
		WORLD(turned_private_a_record_of_ours_is_deleted),
		WORLD(a_record_out_of_view_is_unlinked_not_deleted),
		WORLD(out_of_view_is_noticed_within_a_day),
		WORLD(a_merged_record_takes_the_link_along),
		WORLD(merged_into_one_we_cannot_see_is_unlinked),
		WORLD(three_edits_of_different_fields_meet),
		WORLD(the_same_field_exchange_wins),
		WORLD(the_same_field_the_crm_wins),
		WORLD(to_crm_pulls_nothing_and_undoes_nothing),
		WORLD(to_exchange_writes_nothing_to_the_crm),
		WORLD(switched_off_links_rest_and_wake_again),
		WORLD(owned_records_are_imported_once),
		WORLD(visible_records_are_imported_but_not_over_somebodys_own),
		WORLD(an_import_switched_on_later_brings_what_was_there),
		WORLD(an_old_page_does_not_undo_a_newer_record),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
