/* What waits, what is taken back, what a crash leaves (commit_settle.c); attributes and .json/. */
#include "tests/unit/sync/commit_fixture.h"

static const char *anna(struct env *e)
{
	return card(e, ANNA_UID, "Anna Berg", EMAIL("anna@a.example"));
}

/* The daemon dies and starts again. */
static void restart(struct env *e)
{
	struct error err = ERROR_INIT;

	store_close(e->store);
	env_open(e);
	assert_ok(commit_recover(&e->c, &err), err);
}

static void working(struct env *e, uint64_t ino, const char *bytes)
{
	struct error err = ERROR_INIT;

	assert_ok(store_begin(e->store, STORE_NORMAL, STORE_LOCAL, &err), err);
	assert_ok(store_working_set(e->store, ino, bytes, strlen(bytes), &err), err);
	assert_ok(store_commit(e->store, &err), err);
}

static size_t count_working(struct env *e)
{
	struct error err = ERROR_INIT;
	uint64_t *inos AUTOFREE = NULL;
	size_t n;

	assert_ok(store_working_list(e->store, &inos, &n, &err), err);
	return n;
}

/* ---- recovery ------------------------------------------------------------------------------------- */

static void bytes_of_a_dead_handle_that_parse_are_committed(void **state)
{
	struct env *e = *state;
	const char *later = card(e, ANNA_UID, "Anna Berg", JOB("Buyer"));
	uint64_t ino = put(e, e->contacts, "anna.vcf", anna(e));

	working(e, ino, later);
	restart(e);
	assert_string_equal(bytes_of(e, ino), later);
	assert_string_equal(doc_text(e, item_of(e, ino), "titles/JobTitle/name"), "Buyer");
	assert_int_equal(count_working(e), 0);
}

static void those_that_do_not_go_to_lost_and_found(void **state)
{
	struct env *e = *state;
	uint64_t ino = put(e, e->contacts, "anna.vcf", anna(e));

	working(e, ino, "half a card");
	restart(e);
	assert_string_equal(bytes_of(e, ino), anna(e));
	assert_true(strlen(lost_reason(e, "half a card")) > 0);
	assert_int_equal(count_working(e), 0);
	restart(e);
	assert_int_equal(count_lost(e), 1);
}

static void what_was_written_to_a_removed_file_is_not_dropped(void **state)
{
	struct env *e = *state;
	uint64_t ino = put(e, e->contacts, "anna.vcf", anna(e));

	working(e, ino, "bytes");
	remove_file(e, e->contacts, "anna.vcf");
	restart(e);
	assert_non_null(strstr(lost_reason(e, "bytes"), "removed"));
}

static void orphans_are_dropped_at_the_start(void **state)
{
	struct env *e = *state;
	struct store_node node;
	uint64_t ino = put(e, e->contacts, "anna.vcf", anna(e));

	remove_file(e, e->contacts, "anna.vcf");
	assert_int_equal(node_of(e, ino).parent, 0);
	restart(e);
	assert_int_equal(store_node_get(e->store, ino, &node, NULL), ERR_NOT_FOUND);
}

static void marks_outlive_a_restart(void **state)
{
	struct env *e = *state;
	struct error err = ERROR_INIT;
	uint64_t ino = put(e, e->contacts, "anna.vcf", anna(e));

	write_bytes(e, ino, "");
	assert_true(commit_is_waiting(&e->c, e->mailbox));
	restart(e);
	e->c.remove_quiet_ns = 0;
	assert_ok(commit_settle(&e->c, e->mailbox, &err), err);
	assert_string_equal(bytes_of(e, at(e, e->contacts, "anna.vcf").ino), anna(e));
}

static size_t count_marks(struct env *e)
{
	struct error err = ERROR_INIT;
	json_t *names;
	size_t n;

	assert_ok(store_value_names(e->store, "commit/", &names, &err), err);
	n = json_array_size(names);
	json_decref(names);
	return n;
}

static void marks_of_items_that_are_gone_are_dropped(void **state)
{
	struct env *e = *state;
	struct error err = ERROR_INIT;
	int64_t id = item_of(e, put(e, e->contacts, "anna.vcf", anna(e)));

	remove_file(e, e->contacts, "anna.vcf");
	assert_true(count_marks(e) > 0);
	assert_false(commit_is_waiting(&e->c, e->mailbox)); /* a held removal wakes nobody */
	assert_ok(commit_settle(&e->c, e->mailbox, &err), err);
	assert_true(count_marks(e) > 0);
	remote_removed(e, id, NULL, NULL);
	assert_ok(commit_settle(&e->c, e->mailbox, &err), err);
	assert_int_equal(count_marks(e), 0);
}

/* ---- a removal taken back --------------------------------------------------------------------------- */

static void a_removal_taken_back_has_its_name_number_bytes_and_times(void **state)
{
	struct env *e = *state;
	struct error err = ERROR_INIT;
	uint64_t ino = put(e, e->contacts, "anna.vcf", anna(e));
	int64_t id = item_of(e, ino);
	struct store_node before, after;

	assert_ok(commit_setattr(&e->c, ino, 0640, 1700000000000000000, &err), err);
	before = node_of(e, ino);
	remove_file(e, e->contacts, "anna.vcf");
	restart(e); /* the orphan is gone */
	assert_ok(commit_restore(&e->c, id, &err), err);
	after = at(e, e->contacts, "anna.vcf");
	assert_int_equal(after.ino, before.ino);
	assert_int_equal(after.mtime, before.mtime);
	assert_int_equal(after.mode, before.mode);
	assert_int_equal(after.size, before.size);
	assert_int_equal(after.item, id);
	assert_string_equal(bytes_of(e, after.ino), anna(e));
	assert_false(is_removed(e, id));
	assert_int_equal(count_marks(e), 0);
	assert_int_equal(commit_restore(&e->c, id, &err), ERR_INVALID);
}

static void while_it_is_held_open_it_is_the_same_file(void **state)
{
	struct env *e = *state;
	struct error err = ERROR_INIT;
	uint64_t ino = put(e, e->contacts, "anna.vcf", anna(e));
	int64_t id = item_of(e, ino);

	remove_file(e, e->contacts, "anna.vcf");
	assert_ok(commit_restore(&e->c, id, &err), err);
	assert_int_equal(at(e, e->contacts, "anna.vcf").ino, ino);
	assert_int_equal(item_of(e, ino), id);
}

static void where_its_name_is_taken_it_gets_a_number(void **state)
{
	struct env *e = *state;
	struct error err = ERROR_INIT;
	int64_t id = item_of(e, put(e, e->contacts, "anna.vcf", anna(e)));

	remove_file(e, e->contacts, "anna.vcf");
	put(e, e->contacts, "anna.vcf", card(e, BERT_UID, "Bert Vos", ""));
	assert_ok(commit_restore(&e->c, id, &err), err);
	assert_int_equal(at(e, e->contacts, "anna (2).vcf").item, id);
}

/* ---- attributes -------------------------------------------------------------------------------------- */

static void set_categories(struct env *e, uint64_t ino, const char *value)
{
	struct error err = ERROR_INIT;

	assert_ok(commit_categories(&e->c, ino, value, strlen(value), &err), err);
}

static const char *categories(struct env *e, uint64_t ino)
{
	struct buf out = BUF_INIT(1 << 16);
	struct error err = ERROR_INIT;

	assert_ok(commit_categories_get(&e->c, ino, &out, &err), err);
	return keep(e, buf_take(&out));
}

static void setting_categories_edits_only_their_line(void **state)
{
	struct env *e = *state;
	const char *odd = "BEGIN:VCARD\nVERSION:4.0\nUID:" ANNA_UID
			  "\nX-B:1\nFN:Anna\nX-A;Z=q:2\nEND:VCARD\n";
	uint64_t ino = put(e, e->contacts, "anna.vcf", odd);
	int64_t id = item_of(e, ino);
	const char *now;
	struct store_node node;

	remote_link(e, id, "AAA");
	e->committed = e->entries = 0;
	set_categories(e, ino, " CRM , Key customer,CRM");
	node = at(e, e->contacts, "anna.vcf");
	assert_int_not_equal(node.ino, ino);
	assert_int_equal(node.item, id);
	assert_int_equal(e->committed, 1);
	assert_int_equal(e->entries, 1);
	now = bytes_of(e, node.ino);
	assert_non_null(strstr(now, "CATEGORIES:CRM,Key customer"));
	assert_non_null(strstr(now, "X-B:1\nFN:Anna\nX-A;Z=q:2\n"));
	assert_string_equal(categories(e, node.ino), "CRM,Key customer");
	assert_string_equal(bytes_of(e, ino), odd);
	set_categories(e, node.ino, "");
	assert_string_equal(bytes_of(e, at(e, e->contacts, "anna.vcf").ino), odd);
	assert_string_equal(categories(e, at(e, e->contacts, "anna.vcf").ino), "");
}

static void the_same_categories_change_nothing(void **state)
{
	struct env *e = *state;
	uint64_t ino = put(
		e, e->contacts, "anna.vcf", card(e, ANNA_UID, "Anna Berg", "CATEGORIES:b,a\r\n"));

	set_categories(e, ino, "a,b");
	assert_int_equal(at(e, e->contacts, "anna.vcf").ino, ino);
}

static void categories_wait_for_no_writer(void **state)
{
	struct env *e = *state;
	struct error err = ERROR_INIT;
	uint64_t ino = put(e, e->contacts, "anna.vcf", anna(e));

	store_writer_add(e->store, ino);
	assert_int_equal(commit_categories(&e->c, ino, "CRM", 3, &err), ERR_BUSY);
	store_writer_drop(e->store, ino);
	assert_int_equal(commit_categories(&e->c, ino, "a\xff", 2, &err), ERR_INVALID);
	assert_int_equal(commit_categories(&e->c, e->contacts, "CRM", 3, &err), ERR_DENIED);
	assert_int_equal(commit_categories(&e->c, create(e, e->contacts, "b.vcf"), "CRM", 3, &err),
		ERR_INVALID);
}

static void utimens_sets_mtime_and_chmod_moves_ctime_only(void **state)
{
	struct env *e = *state;
	struct error err = ERROR_INIT;
	uint64_t ino = put(e, e->contacts, "anna.vcf", anna(e));
	struct store_node before = node_of(e, ino), after;

	assert_ok(commit_setattr(&e->c, ino, 0644, -1, &err), err);
	after = node_of(e, ino);
	assert_int_equal(after.mode, 0644);
	assert_int_equal(after.mtime, before.mtime);
	assert_true(after.ctime > before.ctime);
	assert_ok(commit_setattr(&e->c, ino, -1, 5, &err), err);
	assert_int_equal(node_of(e, ino).mtime, 5);
	assert_int_equal(node_of(e, ino).mode, 0644);
	assert_true(node_of(e, ino).ctime > after.ctime);
}

/* ---- .json/ ------------------------------------------------------------------------------------------ */

static char *json_of(struct env *e, int64_t id, const char *member, const char *value)
{
	struct store_item item = item_get(e, id);
	char *text;

	if (value)
		json_object_set_new(item.doc, member, json_loads(value, JSON_DECODE_ANY, NULL));
	else
		json_object_del(item.doc, member);
	text = keep(e, json_dumps(item.doc, JSON_INDENT(2)));
	store_item_clear(&item);
	return text;
}

static int json_write(
	struct env *e, uint64_t ino, const char *name, const char *text, struct error *err)
{
	return commit_json(&e->c, ino, ino ? 0 : e->contacts, name, text, strlen(text), NULL, err);
}

static void a_document_written_changes_the_file(void **state)
{
	struct env *e = *state;
	struct error err = ERROR_INIT;
	uint64_t ino = put(e, e->contacts, "anna.vcf", anna(e));
	int64_t id = item_of(e, ino);
	char *text = json_of(e, id, "keywords", "{\"CRM\": true}");
	struct store_node node;

	remote_link(e, id, "AAA");
	e->entries = e->committed = 0;
	assert_ok(json_write(e, ino, NULL, text, &err), err);
	node = at(e, e->contacts, "anna.vcf");
	assert_int_not_equal(node.ino, ino);
	assert_int_equal(node.item, id);
	assert_non_null(strstr(bytes_of(e, node.ino), "CATEGORIES:CRM"));
	assert_true(e->entries > 0);
	assert_int_equal(e->committed, 1);
	assert_string_equal(remote_id_of(e, id), "AAA");
	/* jq . again: nothing. */
	assert_ok(json_write(e, node.ino, NULL, text, &err), err);
	assert_int_equal(at(e, e->contacts, "anna.vcf").ino, node.ino);
	assert_int_equal(e->committed, 1);
}

static void a_value_under_an_id_of_the_users_own_gets_a_slot(void **state)
{
	struct env *e = *state;
	struct error err = ERROR_INIT;
	uint64_t ino = put(e, e->contacts, "anna.vcf", anna(e));
	int64_t id = item_of(e, ino);

	assert_ok(json_write(e, ino, NULL,
			  json_of(e, id, "emails",
				  "{\"EmailAddress1\": {\"@type\": \"EmailAddress\","
				  " \"address\": \"new@a.example\"},"
				  " \"mine\": {\"@type\": \"EmailAddress\","
				  " \"address\": \"anna@a.example\"}}"),
			  &err),
		err);
	assert_string_equal(doc_text(e, id, "emails/EmailAddress1/address"), "new@a.example");
	assert_string_equal(doc_text(e, id, "emails/EmailAddress2/address"), "anna@a.example");
}

static void a_document_may_leave_its_uid_out_but_not_change_it(void **state)
{
	struct env *e = *state;
	struct error err = ERROR_INIT;
	uint64_t ino = put(e, e->contacts, "anna.vcf", anna(e));
	int64_t id = item_of(e, ino);

	assert_ok(json_write(e, ino, NULL, json_of(e, id, "uid", NULL), &err), err);
	assert_string_equal(doc_text(e, id, "uid"), ANNA_UID);
	ino = at(e, e->contacts, "anna.vcf").ino;
	assert_int_equal(
		json_write(e, ino, NULL, json_of(e, id, "uid", "\"x\""), &err), ERR_INVALID);
}

static void what_is_no_document_is_refused(void **state)
{
	struct env *e = *state;
	struct error err = ERROR_INIT;
	uint64_t ino = put(e, e->contacts, "anna.vcf", anna(e));
	static const char *const bad[] = { "", "{", "[]", "{\"a\":1,\"a\":2}",
		"{\"@type\":\"Card\",\"version\":\"1.0\",\"emails\":[]}" };

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_int_equal(json_write(e, ino, NULL, bad[i], &err), ERR_INVALID);
		assert_true(err.text[0] != '\0');
	}
	assert_string_equal(bytes_of(e, ino), anna(e));
}

static void a_new_document_makes_an_item(void **state)
{
	struct env *e = *state;
	struct error err = ERROR_INIT;
	struct store_node node;

	assert_ok(json_write(e, 0, "bert.vcf",
			  "{\"@type\":\"Card\",\"version\":\"1.0\",\"uid\":\"" BERT_UID
			  "\",\"name\":{\"full\":\"Bert Vos\"}}",
			  &err),
		err);
	node = at(e, e->contacts, "bert.vcf");
	assert_int_not_equal(node.item, 0);
	assert_non_null(strstr(bytes_of(e, node.ino), "FN:Bert Vos"));
	assert_int_equal(e->committed, 1);
	set_complete(e, e->contacts, false);
	assert_int_equal(
		json_write(e, 0, "carl.vcf",
			"{\"@type\":\"Card\",\"version\":\"1.0\",\"name\":{\"full\":\"C\"}}", &err),
		ERR_BUSY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(bytes_of_a_dead_handle_that_parse_are_committed),
		TEST(those_that_do_not_go_to_lost_and_found),
		TEST(what_was_written_to_a_removed_file_is_not_dropped),
		TEST(orphans_are_dropped_at_the_start),
		TEST(marks_outlive_a_restart),
		TEST(marks_of_items_that_are_gone_are_dropped),
		TEST(a_removal_taken_back_has_its_name_number_bytes_and_times),
		TEST(while_it_is_held_open_it_is_the_same_file),
		TEST(where_its_name_is_taken_it_gets_a_number),
		TEST(setting_categories_edits_only_their_line),
		TEST(the_same_categories_change_nothing),
		TEST(categories_wait_for_no_writer),
		TEST(utimens_sets_mtime_and_chmod_moves_ctime_only),
		TEST(a_document_written_changes_the_file),
		TEST(a_value_under_an_id_of_the_users_own_gets_a_slot),
		TEST(a_document_may_leave_its_uid_out_but_not_change_it),
		TEST(what_is_no_document_is_refused),
		TEST(a_new_document_makes_an_item),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
