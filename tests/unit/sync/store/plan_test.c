/* Every statement the store runs is asked for its query plan: nothing but the few listed here may
 * walk a whole table.  The statements are those that the connections hold after every function
 * was called. */
#include "fixture.h"

static bool seen_one(void *data, const struct store_node *node)
{
	(void)node;
	++*(int *)data;
	return true;
}

/* Nodes, contents and working copies. */
static void read_files(struct fixture *f)
{
	struct store *s = f->store;
	struct buf buf AUTOBUF = BUF_INIT(1 << 20);
	struct store_node node;
	void *list;
	char bytes[16];
	uint64_t count;
	size_t n;
	int seen = 0;

	store_node_get(s, 1, &node, NULL);
	store_node_lookup(s, 1, "x", &node, NULL);
	store_node_list(s, f->folder, 0, seen_one, &seen, NULL);
	store_node_count(s, 1, NODE_FOLDER, &count, NULL);
	store_content_read(s, 1, 0, bytes, 1, &n, NULL);
	store_content_get(s, 1, &buf, NULL);
	store_working_get(s, 1, &buf, NULL);
	store_working_list(s, (uint64_t **)&list, &n, NULL);
	free(list);
	assert_true(seen > 0);
}

static void read_mailboxes(struct store *s)
{
	struct store_mailbox mb;
	struct store_folder folder;
	void *list;
	size_t n;

	store_mailbox_get(s, 99, &mb, NULL);
	store_mailbox_by_address(s, "x", &mb, NULL);
	store_mailbox_list(s, (int64_t **)&list, &n, NULL);
	free(list);
	store_folder_get(s, 99, &folder, NULL);
	store_folder_view(s, 99, &folder, NULL);
	store_folder_by_remote(s, 99, "x", &folder, NULL);
	store_folder_list(s, 99, (uint64_t **)&list, &n, NULL);
}

/* Items, their versions and sides. */
static void read_items(struct store *s)
{
	struct store_item item;
	struct store_side side;
	void *list;
	json_t *doc;
	int64_t id, rev;
	uint64_t counts[6];
	size_t n;

	store_item_get(s, 99, &item, NULL);
	store_item_by_ino(s, 99, &item, NULL);
	store_item_rev(s, 99, &id, &rev, NULL);
	store_items_by_uid(s, 99, KIND_CONTACT, "x", (int64_t **)&list, &n, NULL);
	store_items_removed(s, 99, "x", (int64_t **)&list, &n, NULL);
	store_items_dirty(s, 99, (int64_t **)&list, &n, NULL);
	store_items_in_folder(s, 99, (int64_t **)&list, &n, NULL);
	store_items_in_real_folder(s, 99, (int64_t **)&list, &n, NULL);
	store_items_by_email(s, 99, "x", (int64_t **)&list, &n, NULL);
	store_items_with_error(s, 99, (int64_t **)&list, &n, NULL);
	store_items_all(s, 99, (int64_t **)&list, &n, NULL);
	store_items_count(s, 99, counts, NULL);
	store_version_get(s, 99, 1, &doc, NULL);
	store_side_get(s, 99, SIDE_CRM, &side, NULL);
	store_side_by_remote(s, 99, SIDE_CRM, "x", &side, NULL);
	store_side_by_token(s, SIDE_CRM, "x", &side, NULL);
	store_sides_by_key(s, 99, "x", (int64_t **)&list, &n, NULL);
	store_sides_by_record(s, "x", (int64_t **)&list, &n, NULL);
}

/* What the engine keeps beside the items. */
static void read_notes(struct store *s)
{
	struct buf buf AUTOBUF = BUF_INIT(1 << 20);
	struct store_record record;
	struct store_tombstone tombstone;
	struct store_lost lost;
	struct store_conflict conflict;
	void *list;
	json_t *names;
	char *value;
	uint64_t count;
	size_t n;

	store_pull_list(s, 99, 0, 10, (struct store_pull **)&list, &n, NULL);
	store_record_get(s, "x", "y", &record, NULL);
	store_record_clear(&record);
	store_record_list(s, 0, 10, (struct store_record **)&list, &n, NULL);
	store_records_free(list, n);
	store_value_get(s, "x", &value, NULL);
	if (store_value_names(s, "x", &names, NULL) == 0)
		json_decref(names);
	store_conflict_list(s, 99, (struct store_conflict **)&list, &n, NULL);
	store_conflict_page(s, 99, 0, 10, (struct store_conflict **)&list, &n, NULL);
	store_conflict_get(s, 99, &conflict, NULL);
	store_conflict_find(s, 99, "x", &conflict, NULL);
	store_conflict_count(s, 99, &count, NULL);
	store_conflict_last(s, 99, 0, &conflict, NULL);
	store_conflict_clear(&conflict);
	store_lost_list(s, 99, (struct store_lost **)&list, &n, NULL);
	store_lost_page(s, 99, 0, 10, (struct store_lost **)&list, &n, NULL);
	store_lost_find(s, 99, "x", &lost, NULL);
	store_lost_get(s, 99, &lost, NULL);
	store_tombstone_find(s, 99, "x", "y", &tombstone, NULL);
	store_deletion_count(s, 99, 1, SIDE_CRM, 0, &count, NULL);
	store_deletion_list(s, 99, DELETION_HELD, (struct store_deletion **)&list, &n, NULL);
	store_log_read(s, 99, &buf, NULL);
}

static void call_readers(struct fixture *f)
{
	read_files(f);
	read_mailboxes(f->store);
	read_items(f->store);
	read_notes(f->store);
}

/* Files and folders. */
static void write_files(struct fixture *f, uint64_t ino)
{
	struct store *s = f->store;
	struct store_node node = { .parent = 99, .name = "x" };
	struct store_node former = { .parent = f->folder, .name = "former" };
	struct store_mailbox mb = {
		.id = f->mailbox, .ino = f->root, .address = (char *)"anna@corp.example"
	};
	struct store_folder folder = { .ino = f->folder };

	ok(f, store_node_replace(s, ino, "x", 1, &ino, &f->err));
	ok(f, store_node_get(s, ino, &node, &f->err));
	ok(f, store_node_update(s, &node, &f->err));
	ok(f, store_node_create_as(s, &former, 500, &f->err));
	ok(f, store_node_rename(s, ino, f->folder, "b", &f->err));
	ok(f, store_node_remove(s, ino, &f->err));
	ok(f, store_orphan_drop(s, ino, &f->err));
	ok(f, store_orphan_drop_all(s, &f->err));
	fixture_item(f, "c", "c", 1); /* something to list */
	ok(f, store_working_set(s, 1, "", 0, &f->err));
	ok(f, store_working_set(s, 1, NULL, 0, &f->err));
	ok(f, store_mailbox_save(s, &mb, &f->err));
	ok(f, store_folder_save(s, &folder, &f->err));
	ok(f, store_folder_delete(s, 99, &f->err));
}

static void write_item(struct fixture *f, struct store_item *item)
{
	struct store *s = f->store;
	struct store_side side = { .item = item->id, .side = SIDE_CRM };
	int64_t holder;

	item->ino = 0;
	json_object_set_new(item->doc, "emails", json_pack("{s:{s:s}}", "1", "address", "a@b.c"));
	json_object_set_new(item->doc, "n", json_integer(2));
	ok(f, store_item_save(s, item, &f->err));
	ok(f, store_items_mark_dirty(s, 99, &f->err));
	ok(f, store_side_save(s, &side, &f->err));
	ok(f, store_side_delete(s, item->id, SIDE_CRM, &f->err));
	ok(f, store_claim_take(s, "x", "y", item->id, &holder, &f->err));
	ok(f, store_claims_drop(s, item->id, &f->err));
	ok(f, store_item_delete(s, item->id, &f->err));
}

/* What the engine keeps beside the items. */
static void write_notes(struct fixture *f)
{
	struct store *s = f->store;
	struct store_pull pull = { .remote_id = (char *)"x" };
	struct store_record record = { .object = (char *)"x", .id = (char *)"y" };
	struct store_conflict conflict = { .mailbox = 1 };
	struct store_lost lost = { .mailbox = 1 };
	struct store_tombstone tombstone = { .mailbox = 1 };
	struct store_deletion deletion = { .mailbox = 1 };

	ok(f, store_pull_put(s, &pull, &f->err));
	ok(f, store_pull_drop(s, 1, &f->err));
	ok(f, store_record_put(s, &record, &f->err));
	ok(f, store_value_set(s, "x", "y", &f->err));
	ok(f, store_value_set(s, "x", NULL, &f->err));
	ok(f, store_conflict_add(s, &conflict, &f->err));
	ok(f, store_conflict_delete(s, conflict.id, &f->err));
	ok(f, store_lost_add(s, &lost, &f->err));
	ok(f, store_lost_delete(s, lost.id, &f->err));
	ok(f, store_tombstone_add(s, &tombstone, &f->err));
	ok(f, store_tombstone_delete(s, 99, &f->err));
	ok(f, store_tombstones_expire(s, 0, &f->err));
	ok(f, store_deletions_expire(s, 99, 0, &f->err));
	ok(f, store_deletion_put(s, &deletion, &f->err));
	ok(f, store_deletion_delete(s, 99, &f->err));
	ok(f, store_log(s, 1, "x", &f->err));
	free(conflict.name);
	store_lost_clear(&lost);
}

static void call_writers(struct fixture *f)
{
	int64_t id = fixture_item(f, "a", "a", 1);
	struct store_item item;

	ok(f, store_item_get(f->store, id, &item, &f->err));
	write_files(f, item.ino);
	write_item(f, &item);
	store_item_clear(&item);
	write_notes(f);
}

/* Once at the start, or over tables that have a few rows. */
static bool may_scan(const char *sql)
{
	static const char *const allowed[] = {
		"SELECT max(ctime) FROM node",
		"SELECT id FROM mailbox ORDER BY id",
		"SELECT ino FROM working ORDER BY ino",
	};

	for (size_t i = 0; i < ARRAY_SIZE(allowed); i++)
		if (strcmp(sql, allowed[i]) == 0)
			return true;
	return false;
}

static void check_plan(sqlite3 *db, const char *sql)
{
	char *explain AUTOFREE = xasprintf("EXPLAIN QUERY PLAN %s", sql);
	sqlite3_stmt *stmt;

	assert_int_equal(sqlite3_prepare_v2(db, explain, -1, &stmt, NULL), SQLITE_OK);
	while (sqlite3_step(stmt) == SQLITE_ROW) {
		const char *step = (const char *)sqlite3_column_text(stmt, 3);

		if (strncmp(step, "SCAN ", 5) == 0 && !may_scan(sql)) {
			print_error("%s\n  %s\n", sql, step);
			fail();
		}
	}
	sqlite3_finalize(stmt);
}

static size_t check_plans(struct connection *c)
{
	size_t n = 0;

	for (size_t i = 0; i < c->cap; i++) {
		if (!c->statements[i].sql)
			continue;
		check_plan(c->db, c->statements[i].sql);
		n++;
	}
	return n;
}

static void no_statement_walks_a_whole_table(void **state)
{
	struct fixture *f = *state;

	fixture_begin(f, STORE_LOCAL);
	call_writers(f);
	fixture_commit(f);
	call_readers(f);
	assert_true(check_plans(f->store->writer) > 50);
	assert_non_null(f->store->readers);
	assert_true(check_plans(f->store->readers) > 35);
}

/* The exact plans of the path that every open, stat and ls takes. */
static void hot_path_uses_its_indexes(void **state)
{
	static const struct {
		const char *sql, *plan;
	} hot[] = {
		{ "WHERE parent = ? AND name = ?", "USING INDEX node_name (parent=? AND name=?)" },
		{ "WHERE parent = ? AND ino > ?",
			"USING COVERING INDEX node_list (parent=? AND ino>?)" },
		{ "FROM node WHERE ino = ?", "USING INTEGER PRIMARY KEY (rowid=?)" },
		{ "FROM content WHERE ino = ?", "USING INTEGER PRIMARY KEY (rowid=?)" },
		{ "FROM side WHERE id = ?", "USING INTEGER PRIMARY KEY (rowid=?)" },
		{ "FROM side WHERE remote_id = ? AND side = ? AND mailbox",
			"USING INDEX side_remote (remote_id=? AND side=?)" },
	};
	struct fixture *f = *state;
	struct connection *c;

	fixture_begin(f, STORE_LOCAL);
	fixture_file(f, "a", NULL);
	fixture_commit(f);
	call_readers(f);
	c = f->store->readers;
	for (size_t h = 0; h < ARRAY_SIZE(hot); h++) {
		bool found = false;

		for (size_t i = 0; i < c->cap; i++) {
			const char *sql = c->statements[i].sql;
			char *explain AUTOFREE = NULL;
			sqlite3_stmt *stmt;

			if (!sql || !strstr(sql, hot[h].sql))
				continue;
			explain = xasprintf("EXPLAIN QUERY PLAN %s", sql);
			assert_int_equal(
				sqlite3_prepare_v2(c->db, explain, -1, &stmt, NULL), SQLITE_OK);
			assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
			if (!strstr((const char *)sqlite3_column_text(stmt, 3), hot[h].plan)) {
				print_error("%s\n  %s\n", sql, sqlite3_column_text(stmt, 3));
				fail();
			}
			/* One step: no sorting. */
			assert_int_equal(sqlite3_step(stmt), SQLITE_DONE);
			sqlite3_finalize(stmt);
			found = true;
		}
		assert_true(found);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		store_test(no_statement_walks_a_whole_table),
		store_test(hot_path_uses_its_indexes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
