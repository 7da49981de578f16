/* Writing (design section 5): what bytes under an item name do. */
#include "tests/unit/sync/commit_fixture.h"

static void content_that_parses_makes_an_item(void **state)
{
	struct env *e = *state;
	const char *bytes = card(e, ANNA_UID, "Anna Berg", EMAIL("anna@a.example"));
	uint64_t ino = put(e, e->contacts, "anna.vcf", bytes);
	struct store_item item = item_get(e, item_of(e, ino));

	assert_string_equal(bytes_of(e, ino), bytes);
	assert_string_equal(item.uid, ANNA_UID);
	assert_int_equal(item.ino, ino);
	assert_int_equal(item.folder, e->contacts);
	assert_int_equal(item.state, ITEM_PENDING);
	assert_true(item.dirty);
	assert_true(item.name_chosen);
	assert_true(item.edited > 0 && item.edited_first > 0);
	assert_int_equal(e->committed, 1);
	assert_string_equal(doc_text(e, item.id, "emails/EmailAddress1/address"), "anna@a.example");
	store_item_clear(&item);
}

static void what_does_not_parse_changes_nothing(void **state)
{
	struct env *e = *state;
	struct error err = ERROR_INIT;
	const char *good = card(e, ANNA_UID, "Anna Berg", "");
	uint64_t ino = put(e, e->contacts, "anna.vcf", good);
	int64_t mtime = node_of(e, ino).mtime;

	assert_int_equal(
		write_rc(e, ino, "BEGIN:VCARD\r\nVERSION:4.0\r\nFN:A\r\nTEL 123\r\nEND:VCARD\r\n",
			&err),
		ERR_INVALID);
	assert_non_null(strstr(err.text, "line 4"));
	assert_string_equal(bytes_of(e, ino), good);
	assert_int_equal(node_of(e, ino).mtime, mtime);
	assert_int_equal(e->committed, 1);
}

/* A server that can hold no card of a Pilot. */
static int no_pilots(enum item_kind kind, const json_t *doc, struct error *err)
{
	const json_t *full = json_object_get(json_object_get(doc, "name"), "full");

	assert_int_equal(kind, KIND_CONTACT);
	return strstr(json_string_value(full), "Pilot")
		       ? error_set(err, ERR_INVALID, "name: no pilots")
		       : 0;
}

static void what_the_server_cannot_hold_changes_nothing(void **state)
{
	struct env *e = *state;
	struct error err = ERROR_INIT;
	const char *good = card(e, ANNA_UID, "Anna Berg", "");
	const char *bad = card(e, ANNA_UID, "Pilot Berg", "");
	uint64_t ino, fresh, draft;

	e->c.check = no_pilots;
	ino = put(e, e->contacts, "anna.vcf", good);
	assert_int_equal(write_rc(e, ino, bad, &err), ERR_INVALID);
	assert_string_equal(err.text, "name: no pilots");
	assert_string_equal(bytes_of(e, ino), good);
	assert_string_equal(doc_text(e, item_of(e, ino), "name/full"), "Anna Berg");

	fresh = create(e, e->contacts, "new.vcf");
	assert_int_equal(write_rc(e, fresh, card(e, BERT_UID, "Pilot", ""), &err), ERR_INVALID);
	assert_int_equal(count_items(e), 1);

	draft = create(e, e->contacts, ".new.tmp");
	assert_ok(commit_draft(&e->c, draft, bad, strlen(bad), &err), err);
	assert_int_equal(move_errno(e, e->contacts, ".new.tmp", e->contacts, "anna.vcf"), EINVAL);
	assert_string_equal(bytes_of(e, at(e, e->contacts, ".new.tmp").ino), bad);
	assert_string_equal(bytes_of(e, at(e, e->contacts, "anna.vcf").ino), good);
}

/* It came from there, or from a version that did not ask. */
static void what_stands_already_is_not_judged_again(void **state)
{
	struct env *e = *state;
	struct error err = ERROR_INIT;
	const char *stands = card(e, ANNA_UID, "Pilot Berg", "");
	uint64_t ino = put(e, e->contacts, "anna.vcf", stands);

	e->c.check = no_pilots;
	write_bytes(e, ino, stands);
	write_bytes(e, ino, card(e, ANNA_UID, "Anna Berg", ""));
	assert_int_equal(write_rc(e, ino, stands, &err), ERR_INVALID);
}

static void an_empty_file_under_an_item_name_is_local(void **state)
{
	struct env *e = *state;
	uint64_t ino = create(e, e->contacts, "anna.vcf");

	write_bytes(e, ino, "");
	assert_int_equal(node_of(e, ino).type, NODE_ITEM);
	assert_int_equal(item_of(e, ino), 0);
	assert_int_equal(count_items(e), 0);
	assert_int_equal(e->committed, 0);
}

static void a_card_without_a_uid_gets_one_in_the_store(void **state)
{
	struct env *e = *state;
	const char *bytes = card(e, NULL, "Anna Berg", "");
	uint64_t ino = put(e, e->contacts, "anna.vcf", bytes);
	int64_t id = item_of(e, ino);
	const char *uid = doc_text(e, id, "uid");
	struct store_item item = item_get(e, id);

	assert_string_equal(bytes_of(e, ino), bytes);
	assert_non_null(uid);
	assert_int_equal(strlen(uid), strlen("urn:uuid:") + 36);
	assert_string_equal(item.uid, uid);
	store_item_clear(&item);
}

static void its_bytes_show_the_uid_once_rendered_anew(void **state)
{
	struct env *e = *state;
	uint64_t ino = put(e, e->contacts, "anna.vcf", card(e, NULL, "Anna Berg", ""));
	int64_t id = item_of(e, ino);
	const char *uid = doc_text(e, id, "uid");

	remote_mobile(e, id, "+49 1");
	assert_non_null(strstr(bytes_of(e, at(e, e->contacts, "anna.vcf").ino), uid));
}

static void content_with_the_items_uid_or_none_updates_it(void **state)
{
	struct env *e = *state;
	const char *with = card(e, ANNA_UID, "Anna Berg", JOB("Buyer"));
	const char *without = card(e, NULL, "Anna Berg", JOB("Head of buying"));
	uint64_t ino = put(e, e->contacts, "anna.vcf", card(e, ANNA_UID, "Anna Berg", ""));
	int64_t id = item_of(e, ino);

	remote_link(e, id, "AAA");
	write_bytes(e, ino, with);
	assert_int_equal(item_of(e, ino), id);
	assert_string_equal(doc_text(e, id, "titles/JobTitle/name"), "Buyer");
	write_bytes(e, ino, without);
	assert_int_equal(item_of(e, ino), id);
	assert_string_equal(doc_text(e, id, "titles/JobTitle/name"), "Head of buying");
	assert_string_equal(doc_text(e, id, "uid"), ANNA_UID);
	assert_string_equal(bytes_of(e, ino), without);
	assert_string_equal(remote_id_of(e, id), "AAA");
	assert_int_equal(count_items(e), 1);
}

static void the_same_bytes_again_are_no_edit(void **state)
{
	struct env *e = *state;
	const char *bytes = card(e, ANNA_UID, "Anna Berg", "X-STRANGE;P=1:kept\r\n");
	uint64_t ino = put(e, e->contacts, "anna.vcf", bytes);
	int64_t id = item_of(e, ino), mtime = node_of(e, ino).mtime, rev;
	struct store_item item;

	remote_link(e, id, "AAA");
	item = item_get(e, id);
	rev = item.rev;
	store_item_clear(&item);
	e->committed = 0;
	write_bytes(e, ino, bytes);
	item = item_get(e, id);
	assert_int_equal(item.rev, rev);
	assert_false(item.dirty);
	assert_int_equal(item.edited, 0);
	assert_int_equal(item.state, ITEM_SYNCED);
	assert_int_equal(e->committed, 0);
	assert_true(node_of(e, ino).mtime > mtime);
	store_item_clear(&item);
}

static void bytes_that_say_the_same_are_kept_but_not_sent(void **state)
{
	struct env *e = *state;
	const char *other = "BEGIN:VCARD\nVERSION:4.0\nUID:" ANNA_UID
			    "\nFN:Anna\n  Berg\nEND:VCARD\n";
	uint64_t ino = put(e, e->contacts, "anna.vcf", card(e, ANNA_UID, "Anna Berg", ""));
	struct store_item item;

	remote_link(e, item_of(e, ino), "AAA");
	write_bytes(e, ino, other);
	item = item_get(e, item_of(e, ino));
	assert_string_equal(bytes_of(e, ino), other);
	assert_false(item.dirty);
	store_item_clear(&item);
}

static void the_mtime_is_that_of_the_last_write(void **state)
{
	struct env *e = *state;
	uint64_t ino = create(e, e->contacts, "anna.vcf");

	e->c.written = 1234567890123456789;
	write_bytes(e, ino, card(e, ANNA_UID, "Anna Berg", ""));
	assert_int_equal(node_of(e, ino).mtime, 1234567890123456789);
}

static void what_a_file_cannot_show_survives_its_edit(void **state)
{
	struct env *e = *state;
	uint64_t ino = put(e, e->contacts, "anna.vcf", card(e, ANNA_UID, "Anna Berg", ""));
	int64_t id = item_of(e, ino);

	remote_set(e, id, "tandemfs:note", NULL, "\"only Exchange knows\"", false);
	write_bytes(e, ino, card(e, ANNA_UID, "Anna Berg", JOB("Buyer")));
	assert_string_equal(doc_text(e, id, "tandemfs:note"), "only Exchange knows");
	assert_string_equal(doc_text(e, id, "titles/JobTitle/name"), "Buyer");
}

static void a_line_taken_out_of_the_file_is_removed(void **state)
{
	struct env *e = *state;
	uint64_t ino = put(e, e->contacts, "anna.vcf",
		card(e, ANNA_UID, "Anna Berg", MOBILE("+49 1") EMAIL("anna@a.example")));
	int64_t id = item_of(e, ino);

	write_bytes(e, ino, card(e, ANNA_UID, "Anna Berg", EMAIL("anna@a.example")));
	assert_null(doc_text(e, id, "phones/MobilePhone/number"));
	assert_string_equal(doc_text(e, id, "emails/EmailAddress1/address"), "anna@a.example");
}

static void content_with_another_uid_is_another_item(void **state)
{
	struct env *e = *state;
	uint64_t ino = put(e, e->contacts, "anna.vcf", card(e, ANNA_UID, "Anna Berg", ""));
	int64_t anna = item_of(e, ino), bert;
	struct store_item item;

	remote_link(e, anna, "AAA");
	write_bytes(e, ino, card(e, BERT_UID, "Bert Vos", ""));
	bert = item_of(e, ino);
	assert_int_not_equal(bert, anna);
	assert_string_equal(doc_text(e, bert, "uid"), BERT_UID);
	assert_true(is_removed(e, anna));
	item = item_get(e, anna);
	assert_string_equal(item.removed_name, "anna.vcf");
	assert_string_equal(doc_text(e, anna, "uid"), ANNA_UID);
	store_item_clear(&item);
}

/* ---- base versions ------------------------------------------------------------------------------ */

static void an_editor_that_saves_a_stale_copy_reverts_nothing(void **state)
{
	struct env *e = *state;
	uint64_t ino = put(
		e, e->contacts, "anna.vcf", card(e, ANNA_UID, "Anna Berg", MOBILE("+49 1")));
	int64_t id = item_of(e, ino);
	struct store_node now;

	opens(e, id);
	remote_mobile(e, id, "+49 2");
	now = at(e, e->contacts, "anna.vcf");
	write_bytes(e, now.ino, card(e, ANNA_UID, "Anna Berg", MOBILE("+49 1") JOB("Buyer")));
	assert_string_equal(doc_text(e, id, "phones/MobilePhone/number"), "+49 2");
	assert_string_equal(doc_text(e, id, "titles/JobTitle/name"), "Buyer");
	/* The file shows what the item is, under a new number. */
	now = at(e, e->contacts, "anna.vcf");
	assert_non_null(strstr(bytes_of(e, now.ino), "+49 2"));
	assert_non_null(strstr(bytes_of(e, now.ino), "Buyer"));
	assert_int_equal(now.item, id);
}

static void what_its_bytes_left_out_is_in_a_conflict_record(void **state)
{
	struct env *e = *state;
	uint64_t ino = put(
		e, e->contacts, "anna.vcf", card(e, ANNA_UID, "Anna Berg", MOBILE("+49 1")));
	int64_t id = item_of(e, ino);
	const char *text;

	opens(e, id);
	remote_mobile(e, id, "+49 2");
	ino = at(e, e->contacts, "anna.vcf").ino;
	write_bytes(e, ino, card(e, ANNA_UID, "Anna Berg", MOBILE("+49 1") JOB("Buyer")));
	text = conflict_text(e);
	assert_non_null(strstr(text, "phones/MobilePhone/number"));
	assert_non_null(strstr(text, "+49 1"));
	assert_non_null(strstr(text, "+49 2"));
	assert_non_null(strstr(text, "Contacts/anna.vcf"));
	assert_null(strstr(text, "Buyer"));
}

static void where_both_changed_the_edit_wins_and_the_loser_is_kept(void **state)
{
	struct env *e = *state;
	uint64_t ino = put(
		e, e->contacts, "anna.vcf", card(e, ANNA_UID, "Anna Berg", MOBILE("+49 1")));
	int64_t id = item_of(e, ino);
	struct store_item item;
	const char *text;

	opens(e, id);
	remote_mobile(e, id, "+49 2");
	ino = at(e, e->contacts, "anna.vcf").ino;
	write_bytes(e, ino, card(e, ANNA_UID, "Anna Berg", MOBILE("+49 3")));
	assert_string_equal(doc_text(e, id, "phones/MobilePhone/number"), "+49 3");
	item = item_get(e, id);
	assert_int_equal(item.state, ITEM_CONFLICT);
	assert_true(item.dirty);
	store_item_clear(&item);
	text = conflict_text(e);
	assert_non_null(strstr(text, "\"value\":\"+49 2\""));
	assert_non_null(strstr(text, "\"winner\":\"+49 3\""));
	assert_non_null(strstr(text, "\"base\":\"+49 1\""));
}

static void any_other_writer_is_judged_against_the_current_version(void **state)
{
	struct env *e = *state;
	uint64_t ino = put(
		e, e->contacts, "anna.vcf", card(e, ANNA_UID, "Anna Berg", MOBILE("+49 1")));
	int64_t id = item_of(e, ino);
	const char *old = bytes_of(e, ino);

	remote_mobile(e, id, "+49 2");
	write_bytes(e, at(e, e->contacts, "anna.vcf").ino, old);
	assert_string_equal(doc_text(e, id, "phones/MobilePhone/number"), "+49 1");
	assert_string_equal(bytes_of(e, at(e, e->contacts, "anna.vcf").ino), old);
}

static void a_file_merged_while_written_keeps_its_number_until_released(void **state)
{
	struct env *e = *state;
	struct error err = ERROR_INIT;
	uint64_t ino = put(
		e, e->contacts, "anna.vcf", card(e, ANNA_UID, "Anna Berg", MOBILE("+49 1")));
	int64_t id = item_of(e, ino), rev;
	const char *stale = card(e, ANNA_UID, "Anna Berg", MOBILE("+49 1") JOB("Buyer"));
	const char *again = card(e, ANNA_UID, "Anna Berg", MOBILE("+49 1") JOB("Head"));

	opens(e, id);
	remote_mobile(e, id, "+49 2");
	ino = at(e, e->contacts, "anna.vcf").ino;
	store_writer_add(e->store, ino);
	assert_ok(commit_write(&e->c, ino, stale, strlen(stale), &rev, &err), err);
	wrote(e, id, rev);
	assert_string_equal(bytes_of(e, ino), stale);
	/* The same process writes once more; it still knows nothing of the newer value. */
	assert_ok(commit_write(&e->c, ino, again, strlen(again), &rev, &err), err);
	assert_int_equal(at(e, e->contacts, "anna.vcf").ino, ino);
	assert_string_equal(doc_text(e, id, "phones/MobilePhone/number"), "+49 2");
	store_writer_drop(e->store, ino);
	assert_ok(commit_released(&e->c, ino, &err), err);
	assert_int_not_equal(at(e, e->contacts, "anna.vcf").ino, ino);
	ino = at(e, e->contacts, "anna.vcf").ino;
	assert_non_null(strstr(bytes_of(e, ino), "+49 2"));
	assert_non_null(strstr(bytes_of(e, ino), "Head"));
}

/* Writes a card with these lines after it wrote a mobile of +49 1 and a job of Buyer and then opened +49 2
 * and Head; the mobile that the item has then. */
static const char *mobile_after(struct env *e, const char *lines)
{
	uint64_t ino = put(e, e->contacts, "anna.vcf",
		card(e, ANNA_UID, "Anna Berg", MOBILE("+49 1") JOB("Buyer")));
	int64_t id = item_of(e, ino);

	wrote(e, id, rev_of(e, id));
	write_bytes(e, ino, card(e, ANNA_UID, "Anna Berg", MOBILE("+49 2") JOB("Head")));
	opens(e, id);
	write_bytes(e, at(e, e->contacts, "anna.vcf").ino, card(e, ANNA_UID, "Anna Berg", lines));
	return doc_text(e, id, "phones/MobilePhone/number");
}

/* An editor that copies the file before it saves in place (vim with 'backupcopy') has opened it by that. */
static void an_edit_of_what_it_wrote_reverts_nothing_either(void **state)
{
	struct env *e = *state;

	assert_string_equal(mobile_after(e, MOBILE("+49 1") JOB("Owner")), "+49 2");
	assert_non_null(strstr(conflict_text(e), "+49 1"));
	assert_null(strstr(conflict_text(e), "\"value\":\"Owner\""));
}

static void who_edits_what_it_opened_may_write_any_value(void **state)
{
	assert_string_equal(mobile_after(*state, MOBILE("+49 3") JOB("Head")), "+49 3");
}

static void also_one_that_it_wrote_before(void **state)
{
	assert_string_equal(mobile_after(*state, MOBILE("+49 1") JOB("Head")), "+49 1");
}

static void the_very_text_that_it_wrote_is_meant(void **state)
{
	assert_string_equal(mobile_after(*state, MOBILE("+49 1") JOB("Buyer")), "+49 1");
}

static void values_that_are_nowhere_else_say_nothing(void **state)
{
	assert_null(mobile_after(*state, JOB("Owner")));
}

static void an_old_version_that_is_forgotten_counts_as_none(void **state)
{
	struct env *e = *state;
	uint64_t ino = put(e, e->contacts, "anna.vcf", card(e, ANNA_UID, "Anna Berg", ""));
	int64_t id = item_of(e, ino);

	opens(e, id);
	for (int i = 0; i < 6; i++)
		remote_mobile(e, id, keep(e, xasprintf("+49 %d", i)));
	ino = at(e, e->contacts, "anna.vcf").ino;
	write_bytes(e, ino, card(e, ANNA_UID, "Anna Berg", JOB("Buyer")));
	assert_null(doc_text(e, id, "phones/MobilePhone/number"));
	assert_string_equal(doc_text(e, id, "titles/JobTitle/name"), "Buyer");
}

/* Exchange changes the mobile number, as a cycle merges it. */
static void exchange_mobile(struct env *e, int64_t id, const char *number)
{
	struct store_item item;
	struct error err = ERROR_INIT;

	remote_mobile(e, id, number);
	item = item_get(e, id);
	assert_ok(store_begin(e->store, STORE_NORMAL, STORE_REMOTE, &err), err);
	assert_ok(commit_arrived(&e->c, &item, &err), err);
	assert_ok(store_commit(e->store, &err), err);
	store_item_clear(&item);
}

static void the_exchange_value_that_a_file_replaced_is_kept_for_an_hour(void **state)
{
	struct env *e = *state;
	const char *old = card(e, ANNA_UID, "Anna Berg", MOBILE("+49 1") JOB("Buyer"));
	int64_t id = item_of(e, put(e, e->contacts, "anna.vcf", old));
	const char *text;

	exchange_mobile(e, id, "+49 2");
	exchange_mobile(e, id, "+49 3");
	/* An edit of something else replaces nothing. */
	write_bytes(e, at(e, e->contacts, "anna.vcf").ino,
		card(e, ANNA_UID, "Anna Berg", MOBILE("+49 3") JOB("Head")));
	assert_int_equal(count_conflicts(e), 0);
	/* A restore does. */
	write_bytes(e, at(e, e->contacts, "anna.vcf").ino, old);
	assert_string_equal(doc_text(e, id, "phones/MobilePhone/number"), "+49 1");
	text = conflict_text(e);
	assert_non_null(strstr(text, "\"value\":\"+49 3\""));
	assert_non_null(strstr(text, "\"origin\":\"exchange\""));
	assert_non_null(strstr(text, "\"winner\":\"+49 1\""));
	assert_null(strstr(text, "Head")); /* a user's own value is no conflict */
}

/* ---- emptied ------------------------------------------------------------------------------------ */

static void an_emptied_item_shows_its_former_bytes_after_the_quiet_time(void **state)
{
	struct env *e = *state;
	struct error err = ERROR_INIT;
	const char *bytes = card(e, ANNA_UID, "Anna Berg", "X-STRANGE:kept\r\n");
	uint64_t ino = put(e, e->contacts, "anna.vcf", bytes);
	int64_t id = item_of(e, ino);
	struct store_node node;
	struct store_item item;

	remote_link(e, id, "AAA");
	write_bytes(e, ino, "");
	assert_string_equal(bytes_of(e, ino), "");
	item = item_get(e, id);
	assert_false(item.dirty);
	store_item_clear(&item);
	assert_ok(commit_settle(&e->c, e->mailbox, &err), err);
	assert_string_equal(bytes_of(e, at(e, e->contacts, "anna.vcf").ino), "");
	e->c.remove_quiet_ns = 0;
	e->entries = 0;
	assert_ok(commit_settle(&e->c, e->mailbox, &err), err);
	node = at(e, e->contacts, "anna.vcf");
	assert_int_not_equal(node.ino, ino);
	assert_int_equal(node.item, id);
	assert_string_equal(bytes_of(e, node.ino), bytes);
	assert_true(e->entries > 0);
}

static void an_emptied_item_that_is_written_is_an_update(void **state)
{
	struct env *e = *state;
	struct error err = ERROR_INIT;
	const char *later = card(e, ANNA_UID, "Anna Berg", JOB("Buyer"));
	uint64_t ino = put(e, e->contacts, "anna.vcf", card(e, ANNA_UID, "Anna Berg", ""));
	int64_t id = item_of(e, ino);

	remote_set(e, id, "tandemfs:note", NULL, "\"kept\"", false);
	write_bytes(e, ino, "");
	write_bytes(e, ino, later);
	assert_int_equal(item_of(e, ino), id);
	assert_string_equal(doc_text(e, id, "tandemfs:note"), "kept");
	e->c.remove_quiet_ns = 0;
	assert_ok(commit_settle(&e->c, e->mailbox, &err), err);
	assert_int_equal(at(e, e->contacts, "anna.vcf").ino, ino);
	assert_string_equal(bytes_of(e, ino), later);
}

static void an_emptied_item_waits_for_the_handle_that_writes(void **state)
{
	struct env *e = *state;
	struct error err = ERROR_INIT;
	uint64_t ino = put(e, e->contacts, "anna.vcf", card(e, ANNA_UID, "Anna Berg", ""));

	write_bytes(e, ino, "");
	e->c.remove_quiet_ns = 0;
	store_writer_add(e->store, ino);
	assert_ok(commit_settle(&e->c, e->mailbox, &err), err);
	store_writer_drop(e->store, ino);
	assert_int_equal(at(e, e->contacts, "anna.vcf").ino, ino);
	assert_string_equal(bytes_of(e, ino), "");
}

/* ---- drafts and refusals ------------------------------------------------------------------------ */

static void a_draft_is_stored_and_never_parsed(void **state)
{
	struct env *e = *state;
	struct error err = ERROR_INIT;
	static const char junk[] = "not a card\xff\n";
	uint64_t ino = create(e, e->contacts, ".anna.vcf.swp");

	assert_int_equal(node_of(e, ino).type, NODE_DRAFT);
	assert_ok(commit_draft(&e->c, ino, junk, strlen(junk), &err), err);
	assert_string_equal(bytes_of(e, ino), junk);
	assert_int_equal(count_items(e), 0);
	assert_int_equal(e->committed, 0);
}

static void refused_bytes_go_to_lost_and_found_with_the_reason(void **state)
{
	struct env *e = *state;
	struct error err = ERROR_INIT;

	assert_ok(commit_refuse(&e->c, e->mailbox, "anna.vcf", "junk", 4, "line 1: no BEGIN", &err),
		err);
	assert_string_equal(lost_reason(e, "junk"), "line 1: no BEGIN");
}

static void a_file_without_a_name_is_no_item_any_more(void **state)
{
	struct env *e = *state;
	const char *bytes = card(e, ANNA_UID, "Anna Berg", "");
	uint64_t ino = put(e, e->contacts, "anna.vcf", bytes);
	int64_t id = item_of(e, ino);
	struct error err = ERROR_INIT;

	remove_file(e, e->contacts, "anna.vcf");
	assert_int_equal(
		write_rc(e, ino, card(e, ANNA_UID, "Somebody Else", ""), &err), ERR_NOT_FOUND);
	assert_true(is_removed(e, id));
	assert_string_equal(doc_text(e, id, "name/full"), "Anna Berg");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(content_that_parses_makes_an_item),
		TEST(what_does_not_parse_changes_nothing),
		TEST(what_the_server_cannot_hold_changes_nothing),
		TEST(what_stands_already_is_not_judged_again),
		TEST(an_empty_file_under_an_item_name_is_local),
		TEST(a_card_without_a_uid_gets_one_in_the_store),
		TEST(its_bytes_show_the_uid_once_rendered_anew),
		TEST(content_with_the_items_uid_or_none_updates_it),
		TEST(the_same_bytes_again_are_no_edit),
		TEST(bytes_that_say_the_same_are_kept_but_not_sent),
		TEST(the_mtime_is_that_of_the_last_write),
		TEST(what_a_file_cannot_show_survives_its_edit),
		TEST(a_line_taken_out_of_the_file_is_removed),
		TEST(content_with_another_uid_is_another_item),
		TEST(an_editor_that_saves_a_stale_copy_reverts_nothing),
		TEST(what_its_bytes_left_out_is_in_a_conflict_record),
		TEST(where_both_changed_the_edit_wins_and_the_loser_is_kept),
		TEST(any_other_writer_is_judged_against_the_current_version),
		TEST(a_file_merged_while_written_keeps_its_number_until_released),
		TEST(an_edit_of_what_it_wrote_reverts_nothing_either),
		TEST(who_edits_what_it_opened_may_write_any_value),
		TEST(also_one_that_it_wrote_before),
		TEST(the_very_text_that_it_wrote_is_meant),
		TEST(values_that_are_nowhere_else_say_nothing),
		TEST(an_old_version_that_is_forgotten_counts_as_none),
		TEST(the_exchange_value_that_a_file_replaced_is_kept_for_an_hour),
		TEST(an_emptied_item_shows_its_former_bytes_after_the_quiet_time),
		TEST(an_emptied_item_that_is_written_is_an_update),
		TEST(an_emptied_item_waits_for_the_handle_that_writes),
		TEST(a_draft_is_stored_and_never_parsed),
		TEST(refused_bytes_go_to_lost_and_found_with_the_reason),
		TEST(a_file_without_a_name_is_no_item_any_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
