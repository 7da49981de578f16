/* Mailboxes and their folders: rows beside the directory nodes. */
#include "sync/store/private.h"

#include <stdio.h>

#include "sync/mem.h"

#define MAILBOX_FIELDS(X)                                                                          \
	X(struct store_mailbox, address, TEXT)                                                     \
	X(struct store_mailbox, ino, INTEGER)                                                      \
	X(struct store_mailbox, folder_cursor, TEXT)                                               \
	X(struct store_mailbox, record_seq, INTEGER)                                               \
	X(struct store_mailbox, last_cycle, INTEGER)                                               \
	X(struct store_mailbox, last_error, TEXT)                                                  \
	X(struct store_mailbox, held, INTEGER)

static const struct column mailbox_columns[] = { FIELD_COLUMN(struct store_mailbox, id, INTEGER)
		MAILBOX_FIELDS(FIELD_COLUMN) };
static const struct table mailbox_table = { "mailbox", sizeof(struct store_mailbox),
	mailbox_columns, ARRAY_SIZE(mailbox_columns) };

FIELDS_ARE_ALL(struct store_mailbox, id, MAILBOX_FIELDS, );
#define MAILBOX_NAMES	 MAILBOX_FIELDS(FIELD_NAME)
#define MAILBOX_MARKS	 MAILBOX_FIELDS(FIELD_MARK)
#define MAILBOX_EXCLUDED MAILBOX_FIELDS(FIELD_EXCLUDED)

#define MAILBOX_SELECT	 "SELECT id" MAILBOX_NAMES " FROM mailbox "

#define FOLDER_FIELDS(X)                                                                           \
	X(struct store_folder, mailbox, INTEGER)                                                   \
	X(struct store_folder, kind, INTEGER)                                                      \
	X(struct store_folder, is_default, INTEGER)                                                \
	X(struct store_folder, is_sync, INTEGER)                                                   \
	X(struct store_folder, complete, INTEGER)                                                  \
	X(struct store_folder, remote_id, TEXT)                                                    \
	X(struct store_folder, version, TEXT)                                                      \
	X(struct store_folder, remote_name, TEXT)                                                  \
	X(struct store_folder, remote_parent, TEXT)                                                \
	X(struct store_folder, cursor, TEXT)                                                       \
	X(struct store_folder, created, INTEGER)                                                   \
	X(struct store_folder, removed, INTEGER)                                                   \
	X(struct store_folder, shown_name, TEXT)                                                   \
	X(struct store_folder, view_of, INTEGER)

static const struct column folder_columns[] = { FIELD_COLUMN(struct store_folder, ino, INTEGER)
		FOLDER_FIELDS(FIELD_COLUMN) };
static const struct table folder_table = { "folder", sizeof(struct store_folder), folder_columns,
	ARRAY_SIZE(folder_columns) };

FIELDS_ARE_ALL(struct store_folder, ino, FOLDER_FIELDS, );
#define FOLDER_NAMES  FOLDER_FIELDS(FIELD_NAME)
#define FOLDER_MARKS  FOLDER_FIELDS(FIELD_MARK)

#define FOLDER_SELECT "SELECT ino" FOLDER_NAMES " FROM folder "

/* ---- mailboxes ------------------------------------------------------------------------------ */

int store_mailbox_get(struct store *store, int64_t id, struct store_mailbox *mb, struct error *err)
{
	struct query q QUERY_END = query_read(store, MAILBOX_SELECT "WHERE id = ?", err);

	query_int(&q, id);
	return row_one(&q, &mailbox_table, mb);
}

int store_mailbox_by_address(
	struct store *store, const char *address, struct store_mailbox *mb, struct error *err)
{
	struct query q QUERY_END = query_read(store, MAILBOX_SELECT "WHERE address = ?", err);

	query_text(&q, address);
	return row_one(&q, &mailbox_table, mb);
}

/* The directory of a new mailbox.  Its node learns the mailbox's id when that is known. */
static int mailbox_directory(struct store *store, struct store_mailbox *mb, struct error *err)
{
	struct store_node node = { .parent = STORE_ROOT_INO, .type = NODE_MAILBOX, .mode = 0700 };
	int rc;

	if ((size_t)snprintf(node.name, sizeof(node.name), "%s", mb->address) >= sizeof(node.name))
		return error_set(err, ERR_INVALID, "the address %.40s... is too long", mb->address);
	rc = store_node_create(store, &node, err);
	mb->ino = node.ino;
	return rc;
}

static int mailbox_claim_directory(
	struct store *store, const struct store_mailbox *mb, struct error *err)
{
	struct query q QUERY_END = query_write(
		store, "UPDATE node SET mailbox = ? WHERE ino = ?", err);

	query_int(&q, mb->id);
	query_int(&q, (int64_t)mb->ino);
	return query_run(&q);
}

int store_mailbox_save(struct store *store, struct store_mailbox *mb, struct error *err)
{
	bool is_new = mb->id == 0;
	int rc = is_new ? mailbox_directory(store, mb, err) : 0;
	struct query q QUERY_END = query_write(store,
		"INSERT INTO mailbox(id" MAILBOX_NAMES ") VALUES (?" MAILBOX_MARKS
		") ON CONFLICT(id) DO UPDATE SET id = id" MAILBOX_EXCLUDED,
		err);

	if (rc)
		return rc;
	row_bind(&q, &mailbox_table, mb);
	rc = query_run(&q);
	if (rc || !is_new)
		return rc;
	mb->id = sqlite3_last_insert_rowid(q.conn->db);
	return mailbox_claim_directory(store, mb, err);
}

int store_mailbox_list(struct store *store, int64_t **ids, size_t *n, struct error *err)
{
	struct query q QUERY_END = query_read(store, "SELECT id FROM mailbox ORDER BY id", err);

	return query_ids(&q, ids, n);
}

void store_mailbox_clear(struct store_mailbox *mb)
{
	row_clear(&mailbox_table, mb);
}

/* ---- folders -------------------------------------------------------------------------------- */

int store_folder_get(
	struct store *store, uint64_t ino, struct store_folder *folder, struct error *err)
{
	struct query q QUERY_END = query_read(store, FOLDER_SELECT "WHERE ino = ?", err);

	query_int(&q, (int64_t)ino);
	return row_one(&q, &folder_table, folder);
}

int store_folder_real(
	struct store *store, uint64_t ino, struct store_folder *folder, struct error *err)
{
	uint64_t real;
	int rc = store_folder_get(store, ino, folder, err);

	if (rc || !folder->view_of)
		return rc;
	real = folder->view_of;
	store_folder_clear(folder);
	return store_folder_get(store, real, folder, err);
}

int store_folder_view(
	struct store *store, uint64_t ino, struct store_folder *view, struct error *err)
{
	struct query q QUERY_END = query_read(
		store, FOLDER_SELECT "WHERE view_of = ? AND view_of <> 0", err);

	query_int(&q, (int64_t)ino);
	return row_one(&q, &folder_table, view);
}

int store_folder_by_remote(struct store *store, int64_t mailbox, const char *remote_id,
	struct store_folder *folder, struct error *err)
{
	struct query q QUERY_END = query_read(
		store, FOLDER_SELECT "WHERE mailbox = ? AND remote_id = ?", err);

	query_int(&q, mailbox);
	query_text(&q, remote_id);
	return row_one(&q, &folder_table, folder);
}

int store_folder_save(struct store *store, const struct store_folder *folder, struct error *err)
{
	struct query q QUERY_END = query_write(store,
		"INSERT OR REPLACE INTO folder(ino" FOLDER_NAMES ") VALUES (?" FOLDER_MARKS ")",
		err);

	if (folder->ino == 0)
		return error_set(err, ERR_INTERNAL, "a folder without a node");
	row_bind(&q, &folder_table, folder);
	return query_run(&q);
}

int store_folder_delete(struct store *store, uint64_t ino, struct error *err)
{
	struct query q QUERY_END = query_write(store, "DELETE FROM folder WHERE ino = ?", err);

	query_int(&q, (int64_t)ino);
	return query_run(&q);
}

int store_folder_list(
	struct store *store, int64_t mailbox, uint64_t **inos, size_t *n, struct error *err)
{
	struct query q QUERY_END = query_read(
		store, "SELECT ino FROM folder WHERE mailbox = ? ORDER BY ino", err);

	query_int(&q, mailbox);
	return query_ids(&q, inos, n);
}

void store_folder_clear(struct store_folder *folder)
{
	row_clear(&folder_table, folder);
}
