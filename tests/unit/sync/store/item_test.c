/* Mailboxes, folders, items with their versions, sides with their shadows. */
#include "fixture.h"

/* ---- mailboxes and folders ------------------------------------------------------------------ */

static void mailbox_is_kept_whole(void **state)
{
	struct fixture *f = *state;
	struct store_mailbox mb, twin = { .address = (char *)"ANNA@corp.example" };
	struct store_mailbox other = { .address = (char *)"bert@corp.example", .held = true };
	int64_t *ids;
	size_t n;

	ok(f, store_mailbox_by_address(f->store, "Anna@Corp.Example", &mb, &f->err));
	assert_int_equal(mb.id, f->mailbox);
	assert_null(mb.folder_cursor);
	mb.folder_cursor = xstrdup("cursor 1");
	mb.record_seq = 17;
	mb.last_cycle = INT64_C(1700000000000000000);
	mb.last_error = xstrdup("no connection");
	fixture_begin(f, STORE_LOCAL);
	ok(f, store_mailbox_save(f->store, &mb, &f->err));
	ok(f, store_mailbox_save(f->store, &other, &f->err));
	fixture_commit(f);
	store_mailbox_clear(&mb);
	assert_null(mb.address);
	fixture_reopen(f);
	ok(f, store_mailbox_get(f->store, f->mailbox, &mb, &f->err));
	assert_string_equal(mb.address, "anna@corp.example");
	assert_int_equal(mb.ino, f->root);
	assert_string_equal(mb.folder_cursor, "cursor 1");
	assert_int_equal(mb.record_seq, 17);
	assert_int_equal(mb.last_cycle, INT64_C(1700000000000000000));
	assert_string_equal(mb.last_error, "no connection");
	assert_false(mb.held);
	store_mailbox_clear(&mb);
	ok(f, store_mailbox_list(f->store, &ids, &n, &f->err));
	assert_int_equal(n, 2);
	assert_int_equal(ids[1], other.id);
	free(ids);
	ok(f, store_mailbox_get(f->store, other.id, &mb, &f->err));
	assert_true(mb.held);
	store_mailbox_clear(&mb);
	fixture_begin(f, STORE_LOCAL);
	assert_int_equal(store_mailbox_save(f->store, &twin, &f->err), ERR_EXISTS);
	store_rollback(f->store);
	assert_int_equal(store_mailbox_by_address(f->store, "x@y", &mb, &f->err), ERR_NOT_FOUND);
}

static void folder_is_kept_whole(void **state)
{
	struct fixture *f = *state;
	struct store_folder folder = {
		.ino = f->folder,
		.mailbox = f->mailbox,
		.kind = KIND_TASK,
		.is_default = true,
		.complete = true,
		.remote_id = (char *)"AAMk=",
		.version = (char *)"CK1",
		.remote_name = (char *)"Contacts",
		.remote_parent = (char *)"root",
		.cursor = (char *)"state",
		.created = 5,
		.removed = 6,
		.shown_name = (char *)"Contacts (2)",
	};
	struct store_folder got;

	fixture_begin(f, STORE_LOCAL);
	ok(f, store_folder_save(f->store, &folder, &f->err));
	fixture_commit(f);
	ok(f, store_folder_by_remote(f->store, f->mailbox, "AAMk=", &got, &f->err));
	assert_int_equal(got.ino, f->folder);
	assert_int_equal(got.kind, KIND_TASK);
	assert_true(got.is_default);
	assert_false(got.is_sync);
	assert_true(got.complete);
	assert_string_equal(got.version, "CK1");
	assert_string_equal(got.remote_name, "Contacts");
	assert_string_equal(got.remote_parent, "root");
	assert_string_equal(got.cursor, "state");
	assert_int_equal(got.created, 5);
	assert_int_equal(got.removed, 6);
	assert_string_equal(got.shown_name, "Contacts (2)");
	store_folder_clear(&got);
}

static void folder_is_found_changed_and_deleted(void **state)
{
	struct fixture *f = *state;
	struct store_folder folder = { .ino = f->folder,
		.mailbox = f->mailbox,
		.remote_id = (char *)"AAMk=",
		.cursor = (char *)"state" };
	struct store_folder got;
	uint64_t *inos;
	size_t n;

	fixture_begin(f, STORE_LOCAL);
	ok(f, store_folder_save(f->store, &folder, &f->err));
	fixture_commit(f);
	assert_int_equal(store_folder_by_remote(f->store, f->mailbox, "aamk=", &got, &f->err),
		ERR_NOT_FOUND);
	assert_int_equal(
		store_folder_by_remote(f->store, 99, "AAMk=", &got, &f->err), ERR_NOT_FOUND);
	folder.cursor = NULL;
	folder.is_sync = true;
	fixture_begin(f, STORE_LOCAL);
	ok(f, store_folder_save(f->store, &folder, &f->err));
	fixture_commit(f);
	ok(f, store_folder_get(f->store, f->folder, &got, &f->err));
	assert_null(got.cursor);
	assert_true(got.is_sync);
	store_folder_clear(&got);
	ok(f, store_folder_list(f->store, f->mailbox, &inos, &n, &f->err));
	assert_int_equal(n, 1);
	assert_int_equal(inos[0], f->folder);
	free(inos);
	fixture_begin(f, STORE_LOCAL);
	ok(f, store_folder_delete(f->store, f->folder, &f->err));
	fixture_commit(f);
	assert_int_equal(store_folder_get(f->store, f->folder, &got, &f->err), ERR_NOT_FOUND);
	ok(f, store_node_get(f->store, f->folder, &(struct store_node){ 0 }, &f->err));
}

/* ---- items ---------------------------------------------------------------------------------- */

static void item_is_kept_whole(void **state)
{
	struct fixture *f = *state;
	struct store_item item = {
		.mailbox = f->mailbox,
		.kind = KIND_TASK,
		.folder = f->folder,
		.uid = (char *)"urn:uuid:1",
		.name_chosen = true,
		.edited = 11,
		.edited_first = 10,
		.removed_name = (char *)"old.vcf",
		.state = ITEM_ERROR,
		.error = (char *)"too long",
		.dirty = true,
	};
	struct store_item got;
	struct store_node node;

	item.doc = json_pack("{s:s, s:{s:f, s:[i,b,n]}}", "uid", "ü\n", "x", "f", 1.5, "a", 1, 1);
	fixture_begin(f, STORE_LOCAL);
	item.ino = fixture_file(f, "a.vcf", "x");
	ok(f, store_item_save(f->store, &item, &f->err));
	assert_true(item.id > 0);
	assert_int_equal(item.rev, 1);
	fixture_commit(f);
	ok(f, store_node_get(f->store, item.ino, &node, &f->err));
	assert_int_equal(node.item, item.id);
	assert_int_equal(node.type, NODE_ITEM);
	fixture_reopen(f);
	ok(f, store_item_by_ino(f->store, item.ino, &got, &f->err));
	assert_int_equal(got.id, item.id);
	assert_int_equal(got.mailbox, f->mailbox);
	assert_int_equal(got.kind, KIND_TASK);
	assert_int_equal(got.folder, f->folder);
	assert_string_equal(got.uid, "urn:uuid:1");
	assert_true(json_equal(got.doc, item.doc));
	assert_true(got.name_chosen);
	assert_int_equal(got.edited, 11);
	assert_int_equal(got.edited_first, 10);
	assert_int_equal(got.removed, 0);
	assert_string_equal(got.removed_name, "old.vcf");
	assert_int_equal(got.state, ITEM_ERROR);
	assert_string_equal(got.error, "too long");
	assert_true(got.dirty);
	store_item_clear(&got);
	assert_null(got.doc);
	json_decref(item.doc);
}

static void rev_is_read_without_the_document(void **state)
{
	struct fixture *f = *state;
	struct store_item item;
	int64_t id, got = 0, rev = 0;

	fixture_begin(f, STORE_LOCAL);
	id = fixture_item(f, "a.vcf", "u", 1);
	ok(f, store_item_get(f->store, id, &item, &f->err));
	json_object_set_new(item.doc, "n", json_integer(2));
	ok(f, store_item_save(f->store, &item, &f->err));
	fixture_commit(f);
	ok(f, store_item_rev(f->store, item.ino, &got, &rev, &f->err));
	assert_int_equal(got, id);
	assert_int_equal(rev, 2);
	store_item_clear(&item);
	assert_int_equal(store_item_rev(f->store, f->folder, &got, &rev, &f->err), ERR_NOT_FOUND);
}

static struct store_item item_of(struct fixture *f, int64_t id)
{
	struct store_item item;

	ok(f, store_item_get(f->store, id, &item, &f->err));
	return item;
}

/* Saves the item with n in its document. */
static int64_t edit(struct fixture *f, int64_t id, int n)
{
	struct store_item item = item_of(f, id);
	int64_t rev;

	json_object_set_new(item.doc, "n", json_integer(n));
	ok(f, store_item_save(f->store, &item, &f->err));
	rev = item.rev;
	store_item_clear(&item);
	return rev;
}

static int version_n(struct fixture *f, int64_t id, int64_t rev)
{
	json_t *doc;
	int n = -1;

	if (store_version_get(f->store, id, rev, &doc, &f->err) == 0) {
		n = (int)json_integer_value(json_object_get(doc, "n"));
		json_decref(doc);
	} else {
		assert_int_equal(f->err.code, ERR_NOT_FOUND);
	}
	return n;
}

static void rev_grows_only_with_the_document(void **state)
{
	struct fixture *f = *state;
	struct store_item item;
	int64_t id;

	fixture_begin(f, STORE_LOCAL);
	id = fixture_item(f, "a.vcf", "u", 1);
	assert_int_equal(edit(f, id, 1), 1);
	item = item_of(f, id);
	item.state = ITEM_SYNCED;
	item.rev = 500; /* the store's to count */
	/* Equal values in another order are no change. */
	json_decref(item.doc);
	item.doc = json_pack("{s:i, s:s}", "n", 1, "uid", "u");
	ok(f, store_item_save(f->store, &item, &f->err));
	assert_int_equal(item.rev, 1);
	store_item_clear(&item);
	assert_int_equal(edit(f, id, 2), 2);
	fixture_commit(f);
	item = item_of(f, id);
	assert_int_equal(item.rev, 2);
	assert_int_equal(item.state, ITEM_SYNCED);
	store_item_clear(&item);
}

static void last_four_versions_are_kept(void **state)
{
	struct fixture *f = *state;
	int64_t id;

	fixture_begin(f, STORE_LOCAL);
	id = fixture_item(f, "a.vcf", "u", 1);
	for (int n = 2; n <= 7; n++)
		assert_int_equal(edit(f, id, n), n);
	fixture_commit(f);
	for (int n = 3; n <= 7; n++)
		assert_int_equal(version_n(f, id, n), n);
	assert_int_equal(version_n(f, id, 2), -1);
	assert_int_equal(version_n(f, id, 8), -1);
	assert_int_equal(version_n(f, id + 1, 1), -1);
}

static void versions_are_kept_for_a_day(void **state)
{
	struct fixture *f = *state;
	int64_t id, other;

	fixture_begin(f, STORE_LOCAL);
	id = fixture_item(f, "a.vcf", "u", 1);
	other = fixture_item(f, "b.vcf", "v", 1);
	edit(f, id, 2);
	fixture_commit(f);
	assert_int_equal(version_n(f, id, 1), 1);
	/* Two days go by. */
	atomic_fetch_add(&f->store->last_now, 2 * NS_PER_DAY);
	fixture_begin(f, STORE_LOCAL);
	edit(f, other, 2);
	fixture_commit(f);
	assert_int_equal(version_n(f, id, 1), -1);
	assert_int_equal(version_n(f, id, 2), 2);
	assert_int_equal(version_n(f, other, 1), 1);
}

static void item_moves_from_file_to_file(void **state)
{
	struct fixture *f = *state;
	struct store_item item;
	struct store_node node;
	uint64_t first, second;
	int64_t id;

	fixture_begin(f, STORE_LOCAL);
	id = fixture_item(f, "a.vcf", "u", 1);
	item = item_of(f, id);
	first = item.ino;
	second = fixture_file(f, "b.vcf", "x");
	ok(f, store_node_get(f->store, second, &node, &f->err));
	node.type = NODE_DRAFT;
	ok(f, store_node_update(f->store, &node, &f->err));
	item.ino = second;
	ok(f, store_item_save(f->store, &item, &f->err));
	ok(f, store_node_get(f->store, first, &node, &f->err));
	assert_int_equal(node.item, 0);
	ok(f, store_node_get(f->store, second, &node, &f->err));
	assert_int_equal(node.item, id);
	assert_int_equal(node.type, NODE_ITEM);
	item.ino = 0; /* removal pending */
	item.removed = 77;
	ok(f, store_item_save(f->store, &item, &f->err));
	ok(f, store_node_get(f->store, second, &node, &f->err));
	assert_int_equal(node.item, 0);
	item.ino = 4711;
	assert_int_equal(store_item_save(f->store, &item, &f->err), ERR_NOT_FOUND);
	store_item_clear(&item);
	store_rollback(f->store);
}

static void item_never_loses_its_document(void **state)
{
	struct fixture *f = *state;
	struct store_item local = { .mailbox = f->mailbox, .state = ITEM_LOCAL };
	struct store_item remote = { .mailbox = f->mailbox, .state = ITEM_PENDING };
	struct store_item gone = { .id = 4711, .mailbox = f->mailbox };
	struct store_item item;
	int64_t id;

	fixture_begin(f, STORE_LOCAL);
	ok(f, store_item_save(f->store, &local, &f->err));
	assert_int_equal(local.rev, 1);
	assert_int_equal(store_item_save(f->store, &remote, &f->err), ERR_INTERNAL);
	assert_int_equal(store_item_save(f->store, &gone, &f->err), ERR_NOT_FOUND);
	id = fixture_item(f, "a.vcf", "u", 1);
	item = item_of(f, id);
	json_decref(item.doc);
	item.doc = NULL;
	assert_int_equal(store_item_save(f->store, &item, &f->err), ERR_INTERNAL);
	store_item_clear(&item);
	fixture_commit(f);
	assert_int_equal(version_n(f, id, 1), 1);
	item = item_of(f, local.id);
	assert_null(item.doc);
	store_item_clear(&item);
}

static void expect_ids(int64_t *ids, size_t n, size_t expected, int64_t first)
{
	assert_int_equal(n, expected);
	if (n)
		assert_int_equal(ids[0], first);
	else
		assert_null(ids);
	free(ids);
}

static void items_are_found_by_what_they_are(void **state)
{
	struct fixture *f = *state;
	struct store_item item;
	int64_t a, b, *ids;
	uint64_t counts[6];
	size_t n;

	fixture_begin(f, STORE_LOCAL);
	a = fixture_item(f, "a.vcf", "u1", 1);
	b = fixture_item(f, "b.vcf", "u2", 1);
	item = item_of(f, b);
	item.ino = 0;
	item.removed = 5;
	free(item.removed_name);
	item.removed_name = xstrdup("b.vcf");
	item.state = ITEM_ERROR;
	item.dirty = true;
	ok(f, store_item_save(f->store, &item, &f->err));
	store_item_clear(&item);
	fixture_commit(f);
	ok(f, store_items_by_uid(f->store, f->mailbox, KIND_CONTACT, "u2", &ids, &n, &f->err));
	expect_ids(ids, n, 1, b);
	ok(f, store_items_by_uid(f->store, f->mailbox, KIND_TASK, "u2", &ids, &n, &f->err));
	expect_ids(ids, n, 0, 0);
	ok(f, store_items_removed(f->store, f->folder, "b.vcf", &ids, &n, &f->err));
	expect_ids(ids, n, 1, b);
	ok(f, store_items_removed(f->store, f->folder, "a.vcf", &ids, &n, &f->err));
	expect_ids(ids, n, 0, 0);
	ok(f, store_items_dirty(f->store, f->mailbox, &ids, &n, &f->err));
	expect_ids(ids, n, 1, b);
	ok(f, store_items_in_folder(f->store, f->folder, &ids, &n, &f->err));
	expect_ids(ids, n, 2, a);
	ok(f, store_items_all(f->store, f->mailbox, &ids, &n, &f->err));
	expect_ids(ids, n, 2, a);
	ok(f, store_items_all(f->store, f->mailbox + 1, &ids, &n, &f->err));
	expect_ids(ids, n, 0, 0);
	ok(f, store_items_count(f->store, f->mailbox, counts, &f->err));
	assert_int_equal(counts[ITEM_PENDING], 1);
	assert_int_equal(counts[ITEM_ERROR], 1);
	assert_int_equal(counts[ITEM_SYNCED], 0);
	assert_string_equal(item_state_names[ITEM_EXCLUDED], "excluded");
}

static void set_email(struct fixture *f, int64_t id, const char *address)
{
	struct store_item item = item_of(f, id);

	json_object_set_new(
		item.doc, "emails", json_pack("{s:{s:s}}", "EmailAddress1", "address", address));
	ok(f, store_item_save(f->store, &item, &f->err));
	store_item_clear(&item);
}

static void items_are_found_by_their_addresses(void **state)
{
	struct fixture *f = *state;
	int64_t a, b, *ids;
	size_t n;

	fixture_begin(f, STORE_LOCAL);
	a = fixture_item(f, "a.vcf", "u1", 1);
	b = fixture_item(f, "b.vcf", "u2", 1);
	set_email(f, a, "Anna@Example.com");
	set_email(f, b, "anna@example.com");
	ok(f, store_items_by_email(f->store, f->mailbox, "anna@example.com", &ids, &n, &f->err));
	expect_ids(ids, n, 2, a);
	ok(f, store_items_by_email(
		      f->store, f->mailbox + 1, "anna@example.com", &ids, &n, &f->err));
	expect_ids(ids, n, 0, 0);
	set_email(f, a, "other@example.com"); /* the former one counts no more */
	ok(f, store_items_by_email(f->store, f->mailbox, "anna@example.com", &ids, &n, &f->err));
	expect_ids(ids, n, 1, b);
	ok(f, store_item_delete(f->store, b, &f->err));
	ok(f, store_items_by_email(f->store, f->mailbox, "anna@example.com", &ids, &n, &f->err));
	expect_ids(ids, n, 0, 0);
	fixture_commit(f);
}

static void items_with_errors_and_notes_are_listed(void **state)
{
	struct fixture *f = *state;
	struct store_item item;
	int64_t noted, failed, *ids;
	size_t n;

	fixture_begin(f, STORE_LOCAL);
	fixture_item(f, "fine.vcf", "u0", 1);
	noted = fixture_item(f, "a.vcf", "u1", 1);
	failed = fixture_item(f, "b.vcf", "u2", 1);
	item = item_of(f, noted);
	item.error = xstrdup("cut: Notes");
	ok(f, store_item_save(f->store, &item, &f->err));
	store_item_clear(&item);
	item = item_of(f, failed);
	item.state = ITEM_ERROR;
	ok(f, store_item_save(f->store, &item, &f->err));
	store_item_clear(&item);
	fixture_commit(f);
	ok(f, store_items_with_error(f->store, f->mailbox, &ids, &n, &f->err));
	assert_int_equal(n, 2);
	assert_int_equal(ids[0], noted);
	assert_int_equal(ids[1], failed);
	free(ids);
}

static void all_items_are_marked_dirty(void **state)
{
	struct fixture *f = *state;
	struct store_item other = { .mailbox = f->mailbox + 1, .state = ITEM_LOCAL };
	int64_t a, *ids;
	size_t n;

	fixture_begin(f, STORE_LOCAL);
	a = fixture_item(f, "a.vcf", "u1", 1);
	fixture_item(f, "b.vcf", "u2", 1);
	ok(f, store_item_save(f->store, &other, &f->err));
	ok(f, store_items_mark_dirty(f->store, f->mailbox, &f->err));
	fixture_commit(f);
	ok(f, store_items_dirty(f->store, f->mailbox, &ids, &n, &f->err));
	expect_ids(ids, n, 2, a);
	ok(f, store_items_dirty(f->store, f->mailbox + 1, &ids, &n, &f->err));
	expect_ids(ids, n, 0, 0);
}

static void removals_are_found_newest_first(void **state)
{
	struct fixture *f = *state;
	int64_t made[3], *ids;
	size_t n;

	fixture_begin(f, STORE_LOCAL);
	for (int i = 0; i < 3; i++) {
		struct store_item item = {
			.mailbox = f->mailbox,
			.folder = f->folder,
			.removed = (int64_t[]){ 20, 30, 10 }[i],
			.removed_name = (char *)"x.vcf",
			.doc = json_object(),
		};

		ok(f, store_item_save(f->store, &item, &f->err));
		made[i] = item.id;
		json_decref(item.doc);
	}
	fixture_commit(f);
	ok(f, store_items_removed(f->store, f->folder, "x.vcf", &ids, &n, &f->err));
	assert_int_equal(n, 3);
	assert_int_equal(ids[0], made[1]);
	assert_int_equal(ids[1], made[0]);
	assert_int_equal(ids[2], made[2]);
	free(ids);
}

static void deleted_item_takes_its_rows_along(void **state)
{
	struct fixture *f = *state;
	struct store_side side = { .side = SIDE_CRM, .status = SIDE_LINKED };
	struct store_item item;
	struct store_node node;
	int64_t id, holder;
	uint64_t ino;

	fixture_begin(f, STORE_LOCAL);
	id = fixture_item(f, "a.vcf", "u", 1);
	edit(f, id, 2);
	side.item = id;
	ok(f, store_side_save(f->store, &side, &f->err));
	ok(f, store_claim_take(f->store, "Contact", "a@b", id, &holder, &f->err));
	item = item_of(f, id);
	ino = item.ino;
	store_item_clear(&item);
	ok(f, store_item_delete(f->store, id, &f->err));
	ok(f, store_claim_take(f->store, "Contact", "a@b", id + 1, &holder, &f->err));
	assert_int_equal(holder, id + 1);
	fixture_commit(f);
	assert_int_equal(store_item_get(f->store, id, &item, &f->err), ERR_NOT_FOUND);
	assert_int_equal(store_side_get(f->store, id, SIDE_CRM, &side, &f->err), ERR_NOT_FOUND);
	assert_int_equal(version_n(f, id, 1), -1);
	ok(f, store_node_get(f->store, ino, &node, &f->err));
	assert_int_equal(node.item, 0);
}

/* ---- sides ---------------------------------------------------------------------------------- */

static void side_is_kept_whole(void **state)
{
	struct fixture *f = *state;
	struct store_side side = {
		.side = SIDE_EXCHANGE,
		.status = SIDE_CREATING,
		.remote_id = (char *)"AAMk1",
		.version = (char *)"CK",
		.key = (char *)"00ff",
		.remote_folder = (char *)"FOLDER",
		.token = (char *)"token-1",
		.token_sent = 99,
		.reason = (char *)"excluded",
		.created_by_us = true,
		.error = (char *)"refused",
		.error_rev = 98,
		.retry_at = 100,
	};
	struct store_side got;

	side.ours = json_pack("{s:s}", "GivenName", " Anna ");
	side.theirs = json_pack("{s:s}", "GivenName", "Anna");
	side.intent = json_pack("{s:{s:s}}", "fields", "GivenName", "Anne");
	fixture_begin(f, STORE_LOCAL);
	side.item = fixture_item(f, "a.vcf", "u", 1);
	ok(f, store_side_save(f->store, &side, &f->err));
	fixture_commit(f);
	ok(f, store_side_get(f->store, side.item, SIDE_EXCHANGE, &got, &f->err));
	assert_int_equal(got.item, side.item);
	assert_int_equal(got.side, SIDE_EXCHANGE);
	assert_int_equal(got.status, SIDE_CREATING);
	assert_string_equal(got.remote_id, "AAMk1");
	assert_string_equal(got.version, "CK");
	assert_string_equal(got.key, "00ff");
	assert_string_equal(got.remote_folder, "FOLDER");
	assert_string_equal(got.token, "token-1");
	assert_int_equal(got.token_sent, 99);
	assert_string_equal(got.reason, "excluded");
	assert_true(got.created_by_us);
	assert_string_equal(got.error, "refused");
	assert_int_equal(got.error_rev, 98);
	assert_int_equal(got.retry_at, 100);
	assert_true(json_equal(got.ours, side.ours));
	assert_true(json_equal(got.theirs, side.theirs));
	assert_true(json_equal(got.intent, side.intent));
	store_side_clear(&got);
	assert_null(got.theirs);
	assert_int_equal(
		store_side_get(f->store, side.item, SIDE_CRM, &got, &f->err), ERR_NOT_FOUND);
	assert_int_equal(got.status, SIDE_NONE);
	assert_int_equal(got.item, side.item);
	assert_int_equal(got.side, SIDE_CRM);
	store_side_clear(&got);
	json_decref(side.ours);
	json_decref(side.theirs);
	json_decref(side.intent);
}

/* theirs is stored as a sign when it equals ours; what comes back must still be two values. */
static void equal_shadows_come_back_as_two(void **state)
{
	static const struct {
		const char *ours, *theirs;
	} cases[] = {
		{ "{\"a\":1,\"b\":\"x\"}", "{\"b\":\"x\",\"a\":1}" },
		{ "{\"a\":1}", "{\"a\":2}" },
		{ "{}", NULL },
		{ NULL, "{}" },
		{ NULL, NULL },
		{ "{\"a\":1}", "\"=\"" },
	};
	struct fixture *f = *state;
	struct store_side side = { .side = SIDE_CRM }, got;

	fixture_begin(f, STORE_LOCAL);
	side.item = fixture_item(f, "a.vcf", "u", 1);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		side.ours = cases[i].ours ? json_loads(cases[i].ours, 0, NULL) : NULL;
		side.theirs = cases[i].theirs ? json_loads(cases[i].theirs, JSON_DECODE_ANY, NULL)
					      : NULL;
		ok(f, store_side_save(f->store, &side, &f->err));
		ok(f, store_side_get(f->store, side.item, SIDE_CRM, &got, &f->err));
		assert_true(side.ours ? json_equal(got.ours, side.ours) : !got.ours);
		assert_true(side.theirs ? json_equal(got.theirs, side.theirs) : !got.theirs);
		assert_true(!got.ours || got.ours != got.theirs);
		store_side_clear(&got);
		json_decref(side.ours);
		json_decref(side.theirs);
	}
	fixture_commit(f);
}

static void sides_are_found_by_their_ids(void **state)
{
	struct fixture *f = *state;
	struct store_side side = {
		.side = SIDE_CRM,
		.status = SIDE_LINKED,
		.remote_id = (char *)"003xx",
		.token = (char *)"t1",
	};
	struct store_side got;
	int64_t first, second, *ids;
	size_t n;

	fixture_begin(f, STORE_LOCAL);
	first = side.item = fixture_item(f, "a.vcf", "u", 1);
	ok(f, store_side_save(f->store, &side, &f->err));
	side.token = NULL;
	second = side.item = fixture_item(f, "b.vcf", "v", 1);
	ok(f, store_side_save(f->store, &side, &f->err));
	side.side = SIDE_EXCHANGE;
	side.remote_id = (char *)"003xx"; /* the same text on the other side */
	side.key = (char *)"abcd";
	ok(f, store_side_save(f->store, &side, &f->err));
	fixture_commit(f);
	ok(f, store_side_by_remote(f->store, f->mailbox, SIDE_EXCHANGE, "003xx", &got, &f->err));
	assert_int_equal(got.item, second);
	store_side_clear(&got);
	assert_int_equal(store_side_by_remote(
				 f->store, f->mailbox + 1, SIDE_EXCHANGE, "003xx", &got, &f->err),
		ERR_NOT_FOUND);
	assert_int_equal(
		store_side_by_remote(f->store, f->mailbox, SIDE_EXCHANGE, "003XX", &got, &f->err),
		ERR_NOT_FOUND);
	ok(f, store_side_by_token(f->store, SIDE_CRM, "t1", &got, &f->err));
	assert_int_equal(got.item, first);
	store_side_clear(&got);
	assert_int_equal(
		store_side_by_token(f->store, SIDE_EXCHANGE, "t1", &got, &f->err), ERR_NOT_FOUND);
	ok(f, store_sides_by_key(f->store, f->mailbox, "abcd", &ids, &n, &f->err));
	expect_ids(ids, n, 1, second);
	ok(f, store_sides_by_record(f->store, "003xx", &ids, &n, &f->err));
	expect_ids(ids, n, 2, first);
	fixture_begin(f, STORE_LOCAL);
	ok(f, store_side_delete(f->store, first, SIDE_CRM, &f->err));
	side.item = 4711;
	assert_int_equal(store_side_save(f->store, &side, &f->err), ERR_NOT_FOUND);
	fixture_commit(f);
	ok(f, store_sides_by_record(f->store, "003xx", &ids, &n, &f->err));
	expect_ids(ids, n, 1, second);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		store_test(mailbox_is_kept_whole),
		store_test(folder_is_kept_whole),
		store_test(folder_is_found_changed_and_deleted),
		store_test(item_is_kept_whole),
		store_test(rev_is_read_without_the_document),
		store_test(rev_grows_only_with_the_document),
		store_test(last_four_versions_are_kept),
		store_test(versions_are_kept_for_a_day),
		store_test(item_moves_from_file_to_file),
		store_test(item_never_loses_its_document),
		store_test(items_are_found_by_what_they_are),
		store_test(items_are_found_by_their_addresses),
		store_test(items_with_errors_and_notes_are_listed),
		store_test(all_items_are_marked_dirty),
		store_test(removals_are_found_newest_first),
		store_test(deleted_item_takes_its_rows_along),
		store_test(side_is_kept_whole),
		store_test(equal_shadows_come_back_as_two),
		store_test(sides_are_found_by_their_ids),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
