/* Identity of files (design section 5): who takes over whom, what is revived, what is refused. */
#include "tests/unit/sync/commit_fixture.h"

static const char *anna(struct env *e)
{
	return card(e, ANNA_UID, "Anna Berg", EMAIL("anna@a.example"));
}

/* Anna, known in Exchange as AAA. */
static int64_t linked_anna(struct env *e, const char *bytes)
{
	int64_t id = item_of(e, put(e, e->contacts, "anna.vcf", bytes));

	remote_link(e, id, "AAA");
	return id;
}

static void assert_taken_over(struct env *e, int64_t id, uint64_t ino)
{
	struct store_item item = item_get(e, id);

	assert_int_equal(item_of(e, ino), id);
	assert_int_equal(item.ino, ino);
	assert_int_equal(item.removed, 0);
	assert_null(item.removed_name);
	assert_int_equal(item.folder, node_of(e, ino).parent);
	assert_string_equal(remote_id_of(e, id), "AAA");
	assert_int_equal(count_items(e), 1);
	store_item_clear(&item);
}

static void a_removal_waits_with_its_name(void **state)
{
	struct env *e = *state;
	int64_t id = linked_anna(e, anna(e));
	uint64_t ino = at(e, e->contacts, "anna.vcf").ino;
	struct store_item item;

	e->committed = 0;
	remove_file(e, e->contacts, "anna.vcf");
	item = item_get(e, id);
	assert_true(item.removed > 0);
	assert_string_equal(item.removed_name, "anna.vcf");
	assert_int_equal(item.folder, e->contacts);
	assert_int_equal(item.ino, 0);
	assert_true(item.dirty);
	assert_int_equal(e->committed, 1);
	/* Who holds it open still reads it. */
	assert_string_equal(bytes_of(e, ino), anna(e));
	assert_int_equal(node_of(e, ino).parent, 0);
	store_item_clear(&item);
}

static void the_same_uid_takes_over_a_removal(void **state)
{
	struct env *e = *state;
	int64_t id = linked_anna(e, anna(e));
	struct store_item item;
	uint64_t ino;
	int64_t rev;

	item = item_get(e, id);
	rev = item.rev;
	store_item_clear(&item);
	remove_file(e, e->contacts, "anna.vcf");
	ino = put(e, e->contacts, "anna.vcf", anna(e));
	assert_taken_over(e, id, ino);
	/* Unchanged content is no edit. */
	item = item_get(e, id);
	assert_int_equal(item.rev, rev);
	assert_int_equal(item.edited, 0);
	store_item_clear(&item);
}

static void the_same_uid_takes_over_under_another_name_and_folder(void **state)
{
	struct env *e = *state;
	int64_t id = linked_anna(e, anna(e));
	struct store_item item;
	uint64_t ino;

	remove_file(e, e->contacts, "anna.vcf");
	ino = put(e, e->sync, "anna-berg.vcf", anna(e));
	assert_taken_over(e, id, ino);
	item = item_get(e, id);
	assert_true(item.name_chosen);
	assert_true(item.dirty);
	store_item_clear(&item);
}

static void no_uid_under_the_same_name_takes_over_a_removal(void **state)
{
	struct env *e = *state;
	int64_t id = linked_anna(e, anna(e));
	uint64_t ino;

	remove_file(e, e->contacts, "anna.vcf");
	ino = put(e, e->contacts, "anna.vcf", card(e, NULL, "Anna Berg", JOB("Buyer")));
	assert_taken_over(e, id, ino);
	assert_string_equal(doc_text(e, id, "titles/JobTitle/name"), "Buyer");
	assert_string_equal(doc_text(e, id, "uid"), ANNA_UID);
}

static void no_uid_under_another_name_or_folder_is_a_new_item(void **state)
{
	struct env *e = *state;
	int64_t id = linked_anna(e, anna(e));
	const char *bytes = card(e, NULL, "Anna Berg", "");

	remove_file(e, e->contacts, "anna.vcf");
	assert_int_not_equal(item_of(e, put(e, e->contacts, "other.vcf", bytes)), id);
	assert_int_not_equal(item_of(e, put(e, e->sync, "anna.vcf", bytes)), id);
	assert_true(is_removed(e, id));
}

static void another_uid_under_the_same_name_takes_nothing_over(void **state)
{
	struct env *e = *state;
	int64_t id = linked_anna(e, anna(e));
	uint64_t ino;

	remove_file(e, e->contacts, "anna.vcf");
	ino = put(e, e->contacts, "anna.vcf", card(e, BERT_UID, "Bert Vos", ""));
	assert_int_not_equal(item_of(e, ino), id);
	assert_true(is_removed(e, id));
	assert_int_equal(count_items(e), 2);
}

static void a_new_export_under_other_names_mixes_nobodys_data(void **state)
{
	struct env *e = *state;
	const char *a = anna(e), *b = card(e, BERT_UID, "Bert Vos", MOBILE("+31 5"));
	int64_t anna_id = linked_anna(e, a);
	int64_t bert_id = item_of(e, put(e, e->contacts, "bert.vcf", b));

	remote_set(e, anna_id, "tandemfs:note", NULL, "\"anna's\"", false);
	remote_set(e, bert_id, "tandemfs:note", NULL, "\"bert's\"", false);
	remove_file(e, e->contacts, "anna.vcf");
	remove_file(e, e->contacts, "bert.vcf");
	/* Each under the name of the other. */
	assert_int_equal(item_of(e, put(e, e->contacts, "anna.vcf", b)), bert_id);
	assert_int_equal(item_of(e, put(e, e->contacts, "bert.vcf", a)), anna_id);
	assert_string_equal(doc_text(e, anna_id, "tandemfs:note"), "anna's");
	assert_string_equal(doc_text(e, bert_id, "tandemfs:note"), "bert's");
	assert_string_equal(doc_text(e, anna_id, "name/full"), "Anna Berg");
	assert_string_equal(doc_text(e, bert_id, "phones/MobilePhone/number"), "+31 5");
}

static void the_newest_removal_of_a_name_is_taken_over(void **state)
{
	struct env *e = *state;
	int64_t first, second;

	first = item_of(e, put(e, e->contacts, "x.vcf", card(e, ANNA_UID, "Anna Berg", "")));
	remove_file(e, e->contacts, "x.vcf");
	second = item_of(e, put(e, e->contacts, "x.vcf", card(e, BERT_UID, "Bert Vos", "")));
	remove_file(e, e->contacts, "x.vcf");
	assert_int_equal(
		item_of(e, put(e, e->contacts, "x.vcf", card(e, NULL, "Bert Vos", ""))), second);
	assert_true(is_removed(e, first));
}

static void a_stale_copy_that_takes_over_is_judged_against_its_base(void **state)
{
	struct env *e = *state;
	int64_t id = linked_anna(e, anna(e));
	struct store_item item = item_get(e, id);
	uint64_t ino;

	has(e, id, item.rev, COMMIT_NO_BASE);
	store_item_clear(&item);
	remote_mobile(e, id, "+49 2");
	move(e, e->contacts, "anna.vcf", e->contacts, "anna.vcf~");
	ino = put(e, e->contacts, "anna.vcf",
		card(e, ANNA_UID, "Anna Berg", EMAIL("anna@a.example") JOB("Buyer")));
	assert_int_equal(at(e, e->contacts, "anna.vcf").item, id);
	assert_string_equal(doc_text(e, id, "phones/MobilePhone/number"), "+49 2");
	assert_string_equal(doc_text(e, id, "titles/JobTitle/name"), "Buyer");
	assert_int_equal(count_conflicts(e), 1);
	assert_int_not_equal(at(e, e->contacts, "anna.vcf").ino, ino);
}

static void what_a_file_cannot_show_survives_a_take_over(void **state)
{
	struct env *e = *state;
	int64_t id = linked_anna(e, anna(e));

	remote_set(e, id, "tandemfs:note", NULL, "\"kept\"", false);
	remove_file(e, e->contacts, "anna.vcf");
	put(e, e->contacts, "anna.vcf", card(e, ANNA_UID, "Anna Berg-Vos", ""));
	assert_string_equal(doc_text(e, id, "tandemfs:note"), "kept");
	assert_string_equal(doc_text(e, id, "name/full"), "Anna Berg-Vos");
	assert_null(doc_text(e, id, "emails/EmailAddress1/address"));
}

static struct store_side crm_side(struct env *e, int64_t id)
{
	struct store_side side;
	struct error err = ERROR_INIT;

	assert_ok(store_side_get(e->store, id, SIDE_CRM, &side, &err), err);
	return side;
}

static void a_removal_that_is_being_sent_is_succeeded(void **state)
{
	struct env *e = *state;
	struct error err = ERROR_INIT;
	int64_t id = linked_anna(e, anna(e)), successor;
	struct store_side deleting = {
		.item = id, .side = SIDE_EXCHANGE, .status = SIDE_DELETING, .remote_id = "AAA"
	};
	struct store_side crm = { .item = id,
		.side = SIDE_CRM,
		.status = SIDE_LINKED,
		.remote_id = "003A",
		.ours = json_pack("{s:s}", "LastName", "Berg") };
	struct store_side side;

	remove_file(e, e->contacts, "anna.vcf");
	assert_ok(store_begin(e->store, STORE_FULL, STORE_REMOTE, &err), err);
	assert_ok(store_side_save(e->store, &deleting, &err), err);
	assert_ok(store_side_save(e->store, &crm, &err), err);
	assert_ok(store_commit(e->store, &err), err);
	json_decref(crm.ours);

	successor = item_of(e, put(e, e->contacts, "anna.vcf", anna(e)));
	assert_int_not_equal(successor, id);
	assert_true(is_removed(e, id)); /* it goes on ending */
	assert_string_equal(doc_text(e, successor, "uid"), ANNA_UID);
	side = crm_side(e, successor);
	assert_int_equal(side.status, SIDE_LINKED);
	assert_string_equal(side.remote_id, "003A");
	assert_non_null(json_object_get(side.ours, "LastName"));
	store_side_clear(&side);
	assert_int_equal(
		store_side_get(e->store, successor, SIDE_EXCHANGE, &side, NULL), ERR_NOT_FOUND);
	assert_int_equal(store_side_get(e->store, id, SIDE_CRM, &side, NULL), ERR_NOT_FOUND);
}

/* ---- UIDs that live ------------------------------------------------------------------------------ */

static void a_uid_that_lives_in_the_folder_under_another_name_is_refused(void **state)
{
	struct env *e = *state;
	struct error err = ERROR_INIT;
	int64_t id = linked_anna(e, anna(e));
	uint64_t ino = create(e, e->contacts, "copy.vcf");

	assert_int_equal(write_rc(e, ino, anna(e), &err), ERR_EXISTS);
	assert_non_null(strstr(err.text, "anna.vcf"));
	assert_int_equal(item_of(e, ino), 0);
	assert_string_equal(bytes_of(e, ino), "");
	assert_int_equal(item_of(e, at(e, e->contacts, "anna.vcf").ino), id);
	assert_int_equal(count_items(e), 1);
}

static void writing_the_uid_of_a_neighbour_over_an_item_is_refused(void **state)
{
	struct env *e = *state;
	struct error err = ERROR_INIT;
	const char *b = card(e, BERT_UID, "Bert Vos", "");
	uint64_t ino = put(e, e->contacts, "bert.vcf", b);

	linked_anna(e, anna(e));
	assert_int_equal(write_rc(e, ino, anna(e), &err), ERR_EXISTS);
	assert_string_equal(bytes_of(e, ino), b);
	assert_false(is_removed(e, item_of(e, ino)));
}

static void a_copy_in_another_folder_is_an_item_of_its_own(void **state)
{
	struct env *e = *state;
	int64_t id = linked_anna(e, anna(e)), copy;

	copy = item_of(e, put(e, e->sync, "anna.vcf", anna(e)));
	assert_int_not_equal(copy, id);
	assert_int_equal(item_of(e, at(e, e->contacts, "anna.vcf").ino), id);
	assert_int_equal(count_items(e), 2);
}

static void copy_then_remove_is_a_move(void **state)
{
	struct env *e = *state;
	int64_t id = linked_anna(e, anna(e));
	uint64_t ino = put(e, e->sync, "anna.vcf", anna(e));

	remove_file(e, e->contacts, "anna.vcf");
	assert_taken_over(e, id, ino);
	assert_int_equal(at(e, e->sync, "anna.vcf").ino, ino);
	assert_string_equal(bytes_of(e, ino), anna(e));
}

static void a_copy_that_was_sent_keeps_its_own_identity(void **state)
{
	struct env *e = *state;
	int64_t id = linked_anna(e, anna(e)), copy;

	copy = item_of(e, put(e, e->sync, "anna.vcf", anna(e)));
	remote_link(e, copy, "BBB");
	remove_file(e, e->contacts, "anna.vcf");
	assert_true(is_removed(e, id));
	assert_int_equal(item_of(e, at(e, e->sync, "anna.vcf").ino), copy);
	assert_string_equal(remote_id_of(e, copy), "BBB");
}

static void one_uid_in_two_mailboxes_is_two_items(void **state)
{
	struct env *e = *state;
	int64_t id = linked_anna(e, anna(e)), theirs;

	theirs = item_of(e, put(e, e->other_contacts, "anna.vcf", anna(e)));
	assert_int_not_equal(theirs, 0);
	assert_int_not_equal(theirs, id);
}

/* ---- tombstones ----------------------------------------------------------------------------------- */

static void a_file_committed_with_the_uid_of_a_tombstone_revives_its_link(void **state)
{
	struct env *e = *state;
	int64_t id = linked_anna(e, anna(e)), revived;
	struct store_side side;
	struct store_tombstone t;

	remove_file(e, e->contacts, "anna.vcf");
	remote_removed(e, id, "003A", "linked");
	revived = item_of(
		e, put(e, e->contacts, "anna2.vcf", card(e, ANNA_UID, "Anna Berg", JOB("Buyer"))));
	side = crm_side(e, revived);
	assert_int_equal(side.status, SIDE_LINKED);
	assert_string_equal(side.remote_id, "003A");
	store_side_clear(&side);
	assert_int_equal(
		store_side_get(e->store, revived, SIDE_EXCHANGE, &side, NULL), ERR_NOT_FOUND);
	assert_string_equal(doc_text(e, revived, "titles/JobTitle/name"), "Buyer");
	assert_null(doc_text(e, revived, "emails/EmailAddress1/address"));
	assert_int_equal(store_tombstone_find(e->store, e->mailbox, ANNA_UID, NULL, &t, NULL),
		ERR_NOT_FOUND);
}

static void an_unlinked_item_is_revived_unlinked(void **state)
{
	struct env *e = *state;
	int64_t id = linked_anna(e, anna(e));
	struct store_side side;

	remove_file(e, e->contacts, "anna.vcf");
	remote_removed(e, id, "003A", "unlinked moved out of Salesforce_Sync");
	id = item_of(e, put(e, e->contacts, "anna.vcf", anna(e)));
	side = crm_side(e, id);
	assert_int_equal(side.status, SIDE_UNLINKED);
	assert_string_equal(side.reason, "moved out of Salesforce_Sync");
	assert_string_equal(side.remote_id, "003A");
	store_side_clear(&side);
}

static void no_uid_revives_nothing(void **state)
{
	struct env *e = *state;
	int64_t id = linked_anna(e, anna(e));
	struct store_side side;

	remove_file(e, e->contacts, "anna.vcf");
	remote_removed(e, id, "003A", "linked");
	id = item_of(e, put(e, e->contacts, "anna.vcf", card(e, NULL, "Anna Berg", "")));
	assert_int_equal(store_side_get(e->store, id, SIDE_CRM, &side, NULL), ERR_NOT_FOUND);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_removal_waits_with_its_name),
		TEST(the_same_uid_takes_over_a_removal),
		TEST(the_same_uid_takes_over_under_another_name_and_folder),
		TEST(no_uid_under_the_same_name_takes_over_a_removal),
		TEST(no_uid_under_another_name_or_folder_is_a_new_item),
		TEST(another_uid_under_the_same_name_takes_nothing_over),
		TEST(a_new_export_under_other_names_mixes_nobodys_data),
		TEST(the_newest_removal_of_a_name_is_taken_over),
		TEST(a_stale_copy_that_takes_over_is_judged_against_its_base),
		TEST(what_a_file_cannot_show_survives_a_take_over),
		TEST(a_removal_that_is_being_sent_is_succeeded),
		TEST(a_uid_that_lives_in_the_folder_under_another_name_is_refused),
		TEST(writing_the_uid_of_a_neighbour_over_an_item_is_refused),
		TEST(a_copy_in_another_folder_is_an_item_of_its_own),
		TEST(copy_then_remove_is_a_move),
		TEST(a_copy_that_was_sent_keeps_its_own_identity),
		TEST(one_uid_in_two_mailboxes_is_two_items),
		TEST(a_file_committed_with_the_uid_of_a_tombstone_revives_its_link),
		TEST(an_unlinked_item_is_revived_unlinked),
		TEST(no_uid_revives_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
