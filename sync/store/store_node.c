/* Nodes: names, inode numbers and attributes, what the filesystem lists.
 *
 * A lookup is one SELECT by (parent, name), a listing one walk of the index of parents in order of
 * ino, which starts again anywhere at the price of one seek.  Numbers are AUTOINCREMENT: never used
 * again, even after the highest was deleted (I7).
 *
 * A node without a name is an orphan: parent 0.  Whatever changes a file moves the times of its
 * directory too, so that a backup that trusts a directory's mtime misses nothing. */
#include "sync/store/private.h"

#include <string.h>

#include "sync/mem.h"

#define NODE_FIELDS(X)                                                                             \
	X(struct store_node, parent, INTEGER)                                                      \
	X(struct store_node, type, INTEGER)                                                        \
	X(struct store_node, kind, INTEGER)                                                        \
	X(struct store_node, mailbox, INTEGER)                                                     \
	X(struct store_node, item, INTEGER)                                                        \
	X(struct store_node, mode, INTEGER)                                                        \
	X(struct store_node, size, INTEGER)                                                        \
	X(struct store_node, mtime, INTEGER)                                                       \
	X(struct store_node, ctime, INTEGER)                                                       \
	X(struct store_node, name, NAME)

static const struct column node_columns[] = { FIELD_COLUMN(struct store_node, ino, INTEGER)
		NODE_FIELDS(FIELD_COLUMN) };
static const struct table node_table = { "file", sizeof(struct store_node), node_columns,
	ARRAY_SIZE(node_columns) };

FIELDS_ARE_ALL(struct store_node, ino, NODE_FIELDS, );
#define NODE_NAMES  NODE_FIELDS(FIELD_NAME)
#define NODE_MARKS  NODE_FIELDS(FIELD_MARK)

#define NODE_SELECT "SELECT ino" NODE_NAMES " FROM node "

/* ---- reading -------------------------------------------------------------------------------- */

int store_node_get(struct store *store, uint64_t ino, struct store_node *node, struct error *err)
{
	struct query q QUERY_END = query_read(store, NODE_SELECT "WHERE ino = ?", err);

	query_int(&q, (int64_t)ino);
	return row_one(&q, &node_table, node);
}

int store_node_lookup(struct store *store, uint64_t parent, const char *name,
	struct store_node *node, struct error *err)
{
	struct query q QUERY_END = query_read(
		store, NODE_SELECT "WHERE parent = ? AND name = ? AND parent <> 0", err);

	query_int(&q, (int64_t)parent);
	query_text(&q, name);
	return row_one(&q, &node_table, node);
}

int store_node_list(struct store *store, uint64_t parent, uint64_t after, store_node_visitor *visit,
	void *data, struct error *err)
{
	struct query q QUERY_END = query_read(
		store, NODE_SELECT "WHERE parent = ? AND ino > ? ORDER BY ino", err);
	struct store_node node;
	int rc;

	if (parent == 0)
		return error_set(err, ERR_NOT_FOUND, "no such directory");
	query_int(&q, (int64_t)parent);
	query_int(&q, (int64_t)after);
	while ((rc = query_row(&q)) > 0) {
		rc = row_read(&q, &node_table, &node);
		if (rc || !visit(data, &node))
			break;
	}
	return rc < 0 ? rc : 0;
}

int store_node_count(struct store *store, uint64_t parent, enum node_type type, uint64_t *count,
	struct error *err)
{
	struct query q QUERY_END = query_read(
		store, "SELECT count(*) FROM node WHERE parent = ? AND type = ?", err);

	query_int(&q, (int64_t)parent);
	query_int(&q, type);
	return query_count(&q, count);
}

/* ---- writing -------------------------------------------------------------------------------- */

static int check_name(const char *name, struct error *err)
{
	size_t len = strlen(name);

	if (len == 0 || len >= sizeof(((struct store_node *)0)->name))
		return error_set(err, ERR_INVALID, "a file name of %zu bytes", len);
	return 0;
}

static int check_free(
	struct store *store, uint64_t parent, const char *name, uint64_t except, struct error *err)
{
	struct query q QUERY_END = query_read(
		store, "SELECT ino FROM node WHERE parent = ? AND name = ? AND parent <> 0", err);
	int rc;

	query_int(&q, (int64_t)parent);
	query_text(&q, name);
	rc = query_row(&q);
	if (rc <= 0)
		return rc;
	if ((uint64_t)column_int(&q) == except)
		return 0;
	return error_set(err, ERR_EXISTS, "%s exists", name);
}

/* A directory's times move when anything in it changes. */
static int touch_directory(struct store *store, uint64_t ino, struct error *err)
{
	struct query q QUERY_END = query_write(
		store, "UPDATE node SET mtime = ?1, ctime = ?1 WHERE ino = ?2", err);

	if (ino == 0)
		return 0;
	query_int(&q, store_now(store));
	query_int(&q, (int64_t)ino);
	return query_run(&q);
}

int node_touched(struct store *store, uint64_t ino, struct error *err)
{
	uint64_t parent;
	int rc;
	struct query q QUERY_END = query_read(store, "SELECT parent FROM node WHERE ino = ?", err);

	query_int(&q, (int64_t)ino);
	rc = query_count(&q, &parent);
	if (rc)
		return rc;
	change_inode(store, ino);
	change_inode(store, parent);
	return touch_directory(store, parent, err);
}

static int node_insert(struct store *store, struct store_node *node, struct error *err)
{
	int rc;
	struct query q QUERY_END = query_write(
		store, "INSERT INTO node(ino" NODE_NAMES ") VALUES (?" NODE_MARKS ")", err);

	node->ino = 0;
	row_bind(&q, &node_table, node);
	rc = query_run(&q);
	if (!rc)
		node->ino = (uint64_t)sqlite3_last_insert_rowid(q.conn->db);
	return rc;
}

int store_node_create(struct store *store, struct store_node *node, struct error *err)
{
	int64_t now = store_now(store);
	int rc = check_name(node->name, err);

	if (!rc && node->parent == 0)
		rc = error_set(err, ERR_NOT_FOUND, "no such directory");
	if (!rc)
		rc = check_free(store, node->parent, node->name, 0, err);
	if (rc)
		return rc;
	if (node->mtime == 0)
		node->mtime = now;
	if (node->ctime == 0)
		node->ctime = now;
	rc = node_insert(store, node, err);
	if (!rc)
		rc = touch_directory(store, node->parent, err);
	if (rc)
		return rc;
	change_entry(store, false, node->parent, node->name, 0);
	change_directory(store, false, node->parent);
	return 0;
}

int store_node_update(struct store *store, const struct store_node *node, struct error *err)
{
	int rc;
	struct query q QUERY_END = query_write(store,
		"UPDATE node SET type = ?, kind = ?, item = ?, mode = ?, mtime = ?, ctime = ?"
		" WHERE ino = ?",
		err);

	query_int(&q, node->type);
	query_int(&q, node->kind);
	query_int(&q, node->item);
	query_int(&q, node->mode);
	query_int(&q, node->mtime);
	query_int(&q, store_now(store));
	query_int(&q, (int64_t)node->ino);
	rc = query_run1(&q, "file");
	return rc ? rc : node_touched(store, node->ino, err);
}

/* parent 0: the node becomes an orphan. */
static int node_place(
	struct store *store, uint64_t ino, uint64_t parent, const char *name, struct error *err)
{
	struct query q QUERY_END = query_write(
		store, "UPDATE node SET parent = ?, name = ?, ctime = ? WHERE ino = ?", err);

	query_int(&q, (int64_t)parent);
	query_text(&q, name);
	query_int(&q, store_now(store));
	query_int(&q, (int64_t)ino);
	return query_run(&q);
}

int store_node_rename(
	struct store *store, uint64_t ino, uint64_t parent, const char *name, struct error *err)
{
	struct store_node node;
	int rc = check_name(name, err);

	if (!rc && parent == 0)
		rc = error_set(err, ERR_NOT_FOUND, "no such directory");
	if (!rc)
		rc = check_free(store, parent, name, ino, err);
	if (rc)
		return rc;
	rc = store_node_get(store, ino, &node, err);
	if (!rc)
		rc = node_place(store, ino, parent, name, err);
	if (!rc)
		rc = touch_directory(store, node.parent, err);
	if (!rc && node.parent != parent)
		rc = touch_directory(store, parent, err);
	if (rc)
		return rc;
	change_entry(store, false, node.parent, node.name, ino);
	change_entry(store, false, parent, name, 0);
	change_inode(store, ino);
	change_directory(store, false, node.parent);
	change_directory(store, false, parent);
	return 0;
}

int store_node_remove(struct store *store, uint64_t ino, struct error *err)
{
	struct store_node node;
	int rc = store_node_get(store, ino, &node, err);

	if (!rc && node.type == NODE_ROOT)
		rc = error_set(err, ERR_INTERNAL, "the root cannot be removed");
	if (!rc)
		rc = node_place(store, ino, 0, "", err);
	if (!rc)
		rc = touch_directory(store, node.parent, err);
	if (rc)
		return rc;
	change_entry(store, false, node.parent, node.name, ino);
	change_directory(store, false, node.parent);
	return 0;
}

static int item_follows(struct store *store, uint64_t old, uint64_t new, struct error *err)
{
	int64_t item, rev;
	int rc = store_item_rev(store, old, &item, &rev, err);

	if (rc && rc != ERR_NOT_FOUND)
		return rc;
	if (!rc)
		past_note(store, item, old, rev);
	{
		struct query q QUERY_END = query_write(
			store, "UPDATE item SET ino = ? WHERE ino = ? AND ino <> 0", err);

		query_int(&q, (int64_t) new);
		query_int(&q, (int64_t)old);
		rc = query_run(&q);
	}
	if (!rc) {
		struct query q QUERY_END = query_write(
			store, "UPDATE node SET item = 0 WHERE ino = ?", err);

		query_int(&q, (int64_t)old);
		rc = query_run(&q);
	}
	return rc;
}

int store_node_replace(struct store *store, uint64_t ino, const char *bytes, size_t len,
	uint64_t *new_ino, struct error *err)
{
	struct store_node node;
	int64_t now = store_now(store);
	int rc = store_node_get(store, ino, &node, err);

	if (!rc && node.parent == 0)
		rc = error_set(err, ERR_NOT_FOUND, "the file has no name any more");
	if (!rc)
		rc = node_place(store, ino, 0, "", err);
	if (rc)
		return rc;
	node.mtime = now > node.mtime + NS_PER_S ? now : node.mtime + NS_PER_S;
	node.ctime = store_now(store);
	node.size = len;
	rc = node_insert(store, &node, err);
	if (!rc)
		rc = content_put(store, node.ino, bytes, len, err);
	if (!rc)
		rc = item_follows(store, ino, node.ino, err);
	if (!rc)
		rc = touch_directory(store, node.parent, err);
	if (rc)
		return rc;
	change_entry(store, true, node.parent, node.name, ino);
	change_directory(store, true, node.parent);
	*new_ino = node.ino;
	return 0;
}

/* ---- orphans -------------------------------------------------------------------------------- */

static int run_for(struct query *q, uint64_t ino)
{
	query_int(q, (int64_t)ino);
	return query_run(q);
}

int store_orphan_drop(struct store *store, uint64_t ino, struct error *err)
{
	int rc;
	struct query node QUERY_END = query_write(
		store, "DELETE FROM node WHERE ino = ? AND parent = 0 AND ino <> 1", err);

	rc = run_for(&node, ino);
	if (rc || sqlite3_changes(store->writer->db) == 0)
		return rc;
	{
		struct query q QUERY_END = query_write(
			store, "DELETE FROM content WHERE ino = ?", err);

		rc = run_for(&q, ino);
	}
	if (!rc) {
		struct query q QUERY_END = query_write(
			store, "DELETE FROM working WHERE ino = ?", err);

		rc = run_for(&q, ino);
	}
	return rc;
}

int store_orphan_drop_all(struct store *store, struct error *err)
{
	uint64_t *inos AUTOFREE = NULL;
	size_t n;
	int rc;

	{
		struct query q QUERY_END = query_write(
			store, "SELECT ino FROM node WHERE parent = 0 AND ino <> 1", err);

		rc = query_ids(&q, &inos, &n);
	}
	for (size_t i = 0; !rc && i < n; i++)
		rc = store_orphan_drop(store, inos[i], err);
	return rc;
}
