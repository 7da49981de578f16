/* Items: the canonical document, its former versions, and what the hub knows of it.
 *
 * Documents are stored as text with sorted keys, so that "did it change" is one comparison of texts
 * inside SQLite.  A save that changes the document keeps the former one as a version. */
#include "sync/store/private.h"

#include <stdlib.h>
#include <string.h>

#include "sync/mem.h"

#define VERSIONS_KEPT 4

const char *const item_state_names[] = {
	[ITEM_LOCAL] = "local",
	[ITEM_PENDING] = "pending",
	[ITEM_SYNCED] = "synced",
	[ITEM_CONFLICT] = "conflict",
	[ITEM_EXCLUDED] = "excluded",
	[ITEM_ERROR] = "error",
};

/* All but id, which is the key, and doc, which comes last and is written once as text. */
#define ITEM_FIELDS(X)                                                                             \
	X(struct store_item, mailbox, INTEGER)                                                     \
	X(struct store_item, kind, INTEGER)                                                        \
	X(struct store_item, folder, INTEGER)                                                      \
	X(struct store_item, ino, INTEGER)                                                         \
	X(struct store_item, uid, TEXT)                                                            \
	X(struct store_item, rev, INTEGER)                                                         \
	X(struct store_item, name_chosen, INTEGER)                                                 \
	X(struct store_item, edited, INTEGER)                                                      \
	X(struct store_item, edited_first, INTEGER)                                                \
	X(struct store_item, removed, INTEGER)                                                     \
	X(struct store_item, removed_name, TEXT)                                                   \
	X(struct store_item, state, INTEGER)                                                       \
	X(struct store_item, error, TEXT)                                                          \
	X(struct store_item, dirty, INTEGER)

static const struct column item_columns[] = { FIELD_COLUMN(struct store_item, id, INTEGER)
		ITEM_FIELDS(FIELD_COLUMN) };
static const struct table item_table = { "item", sizeof(struct store_item), item_columns,
	ARRAY_SIZE(item_columns) };

FIELDS_ARE_ALL(struct store_item, id, ITEM_FIELDS, json_t *doc;);
#define ITEM_NAMES    ITEM_FIELDS(FIELD_NAME)
#define ITEM_MARKS    ITEM_FIELDS(FIELD_MARK)
#define ITEM_EXCLUDED ITEM_FIELDS(FIELD_EXCLUDED)

#define ITEM_SELECT   "SELECT id" ITEM_NAMES ", doc FROM item "

/* ---- reading -------------------------------------------------------------------------------- */

static int item_one(struct query *q, struct store_item *item)
{
	int rc = row_one(q, &item_table, item);

	if (rc)
		return rc;
	item->doc = column_json(q);
	if (q->failed)
		store_item_clear(item);
	return q->failed;
}

int store_item_get(struct store *store, int64_t id, struct store_item *item, struct error *err)
{
	struct query q QUERY_END = query_read(store, ITEM_SELECT "WHERE id = ?", err);

	query_int(&q, id);
	return item_one(&q, item);
}

int store_item_by_ino(struct store *store, uint64_t ino, struct store_item *item, struct error *err)
{
	struct query q QUERY_END = query_read(store, ITEM_SELECT "WHERE ino = ? AND ino <> 0", err);

	query_int(&q, (int64_t)ino);
	return item_one(&q, item);
}

int store_item_rev(
	struct store *store, uint64_t ino, int64_t *item, int64_t *rev, struct error *err)
{
	struct query q QUERY_END = query_read(
		store, "SELECT id, rev FROM item WHERE ino = ? AND ino <> 0", err);
	int rc;

	query_int(&q, (int64_t)ino);
	rc = query_row(&q);
	if (rc <= 0)
		return rc ? rc : error_set(err, ERR_NOT_FOUND, "no such item");
	*item = column_int(&q);
	*rev = column_int(&q);
	return 0;
}

int store_item_now(
	struct store *store, int64_t item, uint64_t *ino, int64_t *rev, struct error *err)
{
	struct query q QUERY_END = query_read(store, "SELECT ino, rev FROM item WHERE id = ?", err);
	int rc;

	query_int(&q, item);
	rc = query_row(&q);
	if (rc <= 0)
		return rc ? rc : error_set(err, ERR_NOT_FOUND, "no such item");
	*ino = (uint64_t)column_int(&q);
	*rev = column_int(&q);
	return 0;
}

int store_item_kind(struct store *store, int64_t item, enum item_kind *kind, struct error *err)
{
	struct query q QUERY_END = query_read(store, "SELECT kind FROM item WHERE id = ?", err);
	int rc;

	query_int(&q, item);
	rc = query_row(&q);
	if (rc <= 0)
		return rc ? rc : error_set(err, ERR_NOT_FOUND, "no such item");
	*kind = (enum item_kind)column_int(&q);
	return 0;
}

int store_items_by_uid(struct store *store, int64_t mailbox, enum item_kind kind, const char *uid,
	int64_t **ids, size_t *n, struct error *err)
{
	struct query q QUERY_END = query_read(store,
		"SELECT id FROM item WHERE mailbox = ? AND kind = ? AND uid = ? ORDER BY id", err);

	query_int(&q, mailbox);
	query_int(&q, kind);
	query_text(&q, uid);
	return query_ids(&q, ids, n);
}

int store_items_removed(struct store *store, uint64_t folder, const char *name, int64_t **ids,
	size_t *n, struct error *err)
{
	struct query q QUERY_END = query_read(store,
		"SELECT id FROM item WHERE folder = ? AND removed_name = ? AND removed <> 0"
		" ORDER BY removed DESC, id DESC",
		err);

	query_int(&q, (int64_t)folder);
	query_text(&q, name);
	return query_ids(&q, ids, n);
}

int store_items_dirty(
	struct store *store, int64_t mailbox, int64_t **ids, size_t *n, struct error *err)
{
	struct query q QUERY_END = query_read(
		store, "SELECT id FROM item WHERE mailbox = ? AND dirty <> 0 ORDER BY id", err);

	query_int(&q, mailbox);
	return query_ids(&q, ids, n);
}

int store_items_in_real_folder(
	struct store *store, uint64_t folder, int64_t **ids, size_t *n, struct error *err)
{
	struct query q QUERY_END = query_read(store,
		"SELECT id FROM item WHERE folder = ?1 OR folder IN"
		" (SELECT ino FROM folder WHERE view_of = ?1 AND view_of <> 0) ORDER BY id",
		err);

	query_int(&q, (int64_t)folder);
	return query_ids(&q, ids, n);
}

int store_items_in_folder(
	struct store *store, uint64_t folder, int64_t **ids, size_t *n, struct error *err)
{
	struct query q QUERY_END = query_read(
		store, "SELECT id FROM item WHERE folder = ? ORDER BY id", err);

	query_int(&q, (int64_t)folder);
	return query_ids(&q, ids, n);
}

int store_items_all(
	struct store *store, int64_t mailbox, int64_t **ids, size_t *n, struct error *err)
{
	struct query q QUERY_END = query_read(
		store, "SELECT id FROM item WHERE mailbox = ? ORDER BY id", err);

	query_int(&q, mailbox);
	return query_ids(&q, ids, n);
}

int store_items_with_error(
	struct store *store, int64_t mailbox, int64_t **ids, size_t *n, struct error *err)
{
	struct query q QUERY_END = query_read(store,
		"SELECT id FROM item WHERE mailbox = ? AND (error IS NOT NULL OR state = 5)"
		" ORDER BY id",
		err);

	query_int(&q, mailbox);
	return query_ids(&q, ids, n);
}

int store_items_count(struct store *store, int64_t mailbox, uint64_t counts[6], struct error *err)
{
	struct query q QUERY_END = query_read(
		store, "SELECT state, count(*) FROM item WHERE mailbox = ? GROUP BY state", err);
	int rc;

	memset(counts, 0, 6 * sizeof(*counts));
	query_int(&q, mailbox);
	while ((rc = query_row(&q)) > 0) {
		int64_t state = column_int(&q);

		if (state >= 0 && state <= ITEM_ERROR)
			counts[state] = (uint64_t)column_int(&q);
	}
	return rc;
}

_Static_assert(ITEM_ERROR == 5, "the index item_error names the state by its number");

/* ---- writing -------------------------------------------------------------------------------- */

struct former {
	uint64_t ino;
	int64_t rev;
	bool same_doc;
};

static int former_get(
	struct store *store, int64_t id, const char *doc, struct former *former, struct error *err)
{
	struct query q QUERY_END = query_write(
		store, "SELECT ino, rev, doc IS ?2 FROM item WHERE id = ?1", err);
	int rc;

	query_int(&q, id);
	query_text(&q, doc);
	rc = query_row(&q);
	if (rc < 0)
		return rc;
	if (rc == 0)
		return error_set(err, ERR_NOT_FOUND, "no such item");
	former->ino = (uint64_t)column_int(&q);
	former->rev = column_int(&q);
	former->same_doc = column_int(&q) != 0;
	return 0;
}

/* Keeps the document that is about to be replaced; of an item the last four, of all a day. */
static int version_keep(struct store *store, int64_t id, int64_t rev, struct error *err)
{
	int64_t now = store_now(store);
	int rc;

	{
		struct query q QUERY_END = query_write(store,
			"INSERT OR REPLACE INTO version(item, rev, time, doc)"
			" SELECT id, rev, ?2, doc FROM item WHERE id = ?1",
			err);

		query_int(&q, id);
		query_int(&q, now);
		rc = query_run(&q);
	}
	if (!rc) {
		struct query q QUERY_END = query_write(
			store, "DELETE FROM version WHERE item = ? AND rev <= ?", err);

		query_int(&q, id);
		query_int(&q, rev - VERSIONS_KEPT);
		rc = query_run(&q);
	}
	if (!rc) {
		struct query q QUERY_END = query_write(
			store, "DELETE FROM version WHERE time < ?", err);

		query_int(&q, now - NS_PER_DAY);
		rc = query_run(&q);
	}
	return rc;
}

static int item_put(
	struct store *store, struct store_item *item, const char *doc, struct error *err)
{
	struct query q QUERY_END = query_write(store,
		"INSERT INTO item(id" ITEM_NAMES ", doc) VALUES (?" ITEM_MARKS
		", ?) ON CONFLICT(id) DO UPDATE SET id = id" ITEM_EXCLUDED ", doc = excluded.doc",
		err);
	int rc;

	row_bind(&q, &item_table, item);
	query_text(&q, doc);
	rc = query_run(&q);
	if (!rc && item->id == 0)
		item->id = sqlite3_last_insert_rowid(q.conn->db);
	return rc;
}

/* The node that the item's file was forgets it; the one that it is knows it. */
static int point_nodes(
	struct store *store, const struct store_item *item, uint64_t former_ino, struct error *err)
{
	int rc = 0;

	if (former_ino && former_ino != item->ino) {
		struct query q QUERY_END = query_write(
			store, "UPDATE node SET item = 0 WHERE ino = ? AND item = ?", err);

		query_int(&q, (int64_t)former_ino);
		query_int(&q, item->id);
		rc = query_run(&q);
	}
	if (!rc && item->ino && former_ino != item->ino) {
		struct query q QUERY_END = query_write(
			store, "UPDATE node SET item = ?, type = ? WHERE ino = ?", err);

		query_int(&q, item->id);
		query_int(&q, NODE_ITEM);
		query_int(&q, (int64_t)item->ino);
		rc = query_run1(&q, "file");
	}
	return rc;
}

int store_item_save(struct store *store, struct store_item *item, struct error *err)
{
	char *doc AUTOFREE = json_text(item->doc);
	struct former former = { 0 };
	int rc = 0;

	if (item->doc && !doc)
		return error_set(err, ERR_INTERNAL, "the document cannot be stored");
	if (item->id)
		rc = former_get(store, item->id, doc, &former, err);
	else if (!doc && item->state != ITEM_LOCAL)
		rc = error_set(err, ERR_INTERNAL, "a new item without a document");
	if (!rc && item->id && !former.same_doc && !doc)
		rc = error_set(err, ERR_INTERNAL, "an item would lose its document");
	if (!rc && item->id && !former.same_doc)
		rc = version_keep(store, item->id, former.rev, err);
	if (rc)
		return rc;
	if (item->id && (!former.same_doc || former.ino != item->ino))
		past_note(store, item->id, former.ino, former.rev);
	item->rev = former.rev + (former.same_doc ? 0 : 1);
	rc = item_put(store, item, doc, err);
	if (!rc && !former.same_doc)
		rc = emails_save(store, item, err);
	return rc ? rc : point_nodes(store, item, former.ino, err);
}

int store_items_mark_dirty(struct store *store, int64_t mailbox, struct error *err)
{
	struct query q QUERY_END = query_write(
		store, "UPDATE item SET dirty = 1 WHERE mailbox = ? AND dirty = 0", err);

	query_int(&q, mailbox);
	return query_run(&q);
}

static int run_for(struct query *q, int64_t id)
{
	query_int(q, id);
	return query_run(q);
}

int store_item_delete(struct store *store, int64_t id, struct error *err)
{
	struct query node QUERY_END = query_write(store,
		"UPDATE node SET item = 0 WHERE ino = (SELECT ino FROM item WHERE id = ?1)"
		" AND item = ?1",
		err);
	struct query email QUERY_END = query_write(store, "DELETE FROM email WHERE item = ?", err);
	struct query claim QUERY_END = query_write(store, "DELETE FROM claim WHERE item = ?", err);
	struct query version QUERY_END = query_write(
		store, "DELETE FROM version WHERE item = ?", err);
	struct query side QUERY_END = query_write(
		store, "DELETE FROM side WHERE id IN (?1 * 2, ?1 * 2 + 1)", err);
	struct query item QUERY_END = query_write(store, "DELETE FROM item WHERE id = ?", err);
	struct query *all[] = { &node, &email, &claim, &version, &side, &item };
	int rc = 0;

	for (size_t i = 0; !rc && i < ARRAY_SIZE(all); i++)
		rc = run_for(all[i], id);
	return rc;
}

void store_item_clear(struct store_item *item)
{
	json_decref(item->doc);
	row_clear(&item_table, item);
}

int store_version_get(
	struct store *store, int64_t item, int64_t rev, json_t **doc, struct error *err)
{
	struct query q QUERY_END = query_read(store,
		"SELECT doc FROM item WHERE id = ?1 AND rev = ?2 AND doc IS NOT NULL UNION ALL"
		" SELECT doc FROM version WHERE item = ?1 AND rev = ?2 AND doc IS NOT NULL",
		err);
	int rc;

	*doc = NULL;
	query_int(&q, item);
	query_int(&q, rev);
	rc = query_row(&q);
	if (rc < 0)
		return rc;
	if (rc == 0)
		return error_set(err, ERR_NOT_FOUND, "no such version");
	*doc = column_json(&q);
	return q.failed;
}
