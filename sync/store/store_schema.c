/* Tables and indexes, by version.  Each step takes a database from its index to the next version
 * and runs in one transaction with the new user_version; a step is never changed once released.
 *
 * node      a name and its attributes; small rows, for listings
 * content   the bytes of a file, rowid = ino
 * working   bytes of a handle, not judged yet
 * item      canonical document and what the hub knows of it; doc comes last, since it is long
 * email     the addresses in items' documents
 * side      one row an item and side (id = item * 2 + side) with the shadow
 * pull, record   what was pulled from the mailbox and from the CRM
 *
 * AUTOINCREMENT keeps numbers from being used again (I7). */
#include "sync/store/private.h"

#include "sync/mem.h"

#define APPLICATION_ID 0x746e646d /* "tndm" */

static const char tree_tables[] =
	"CREATE TABLE node(ino INTEGER PRIMARY KEY AUTOINCREMENT, parent INTEGER NOT NULL,"
	" type INTEGER NOT NULL, kind INTEGER NOT NULL, mailbox INTEGER NOT NULL,"
	" item INTEGER NOT NULL, mode INTEGER NOT NULL, size INTEGER NOT NULL,"
	" mtime INTEGER NOT NULL, ctime INTEGER NOT NULL, name TEXT NOT NULL);"
	/* Orphans have no name, so any number of them has the same. */
	"CREATE UNIQUE INDEX node_name ON node(parent, name) WHERE parent <> 0;"
	/* All that a listing shows, in its order: readdirplus reads this index and nothing else. */
	"CREATE INDEX node_list ON node(parent, ino, type, kind, mailbox, item, mode, size,"
	" mtime, ctime, name);"
	"CREATE INDEX node_type ON node(parent, type);"
	"INSERT INTO node(ino, parent, type, kind, mailbox, item, mode, size, mtime, ctime, name)"
	" VALUES (1, 0, 0, 0, 0, 0, 493, 0, 0, 0, '');"
	"CREATE TABLE content(ino INTEGER PRIMARY KEY, bytes BLOB NOT NULL);"
	"CREATE TABLE working(ino INTEGER PRIMARY KEY, bytes BLOB NOT NULL);"
	"CREATE TABLE mailbox(id INTEGER PRIMARY KEY AUTOINCREMENT,"
	" address TEXT NOT NULL UNIQUE COLLATE NOCASE, ino INTEGER NOT NULL, folder_cursor TEXT,"
	" record_seq INTEGER NOT NULL, last_cycle INTEGER NOT NULL, last_error TEXT,"
	" held INTEGER NOT NULL);"
	"CREATE TABLE folder(ino INTEGER PRIMARY KEY, mailbox INTEGER NOT NULL,"
	" kind INTEGER NOT NULL, is_default INTEGER NOT NULL, is_sync INTEGER NOT NULL,"
	" complete INTEGER NOT NULL, remote_id TEXT, version TEXT, remote_name TEXT,"
	" remote_parent TEXT, cursor TEXT, created INTEGER NOT NULL, removed INTEGER NOT NULL);"
	"CREATE INDEX folder_remote ON folder(mailbox, remote_id);";

static const char item_tables[] =
	"CREATE TABLE item(id INTEGER PRIMARY KEY AUTOINCREMENT, mailbox INTEGER NOT NULL,"
	" kind INTEGER NOT NULL, folder INTEGER NOT NULL, ino INTEGER NOT NULL, uid TEXT,"
	" rev INTEGER NOT NULL, name_chosen INTEGER NOT NULL, edited INTEGER NOT NULL,"
	" edited_first INTEGER NOT NULL, removed INTEGER NOT NULL, removed_name TEXT,"
	" state INTEGER NOT NULL, error TEXT, dirty INTEGER NOT NULL, doc TEXT);"
	"CREATE INDEX item_ino ON item(ino, rev) WHERE ino <> 0;"
	"CREATE INDEX item_uid ON item(mailbox, kind, uid);"
	"CREATE INDEX item_removed ON item(folder, removed_name) WHERE removed <> 0;"
	"CREATE INDEX item_dirty ON item(mailbox) WHERE dirty <> 0;"
	"CREATE INDEX item_folder ON item(folder);"
	"CREATE INDEX item_state ON item(mailbox, state);"
	"CREATE INDEX item_error ON item(mailbox) WHERE error IS NOT NULL OR state = 5;"
	"CREATE TABLE email(mailbox INTEGER NOT NULL, address TEXT NOT NULL,"
	" item INTEGER NOT NULL, PRIMARY KEY(mailbox, address, item)) WITHOUT ROWID;"
	"CREATE INDEX email_item ON email(item);"
	"CREATE TABLE version(item INTEGER NOT NULL, rev INTEGER NOT NULL, time INTEGER NOT NULL,"
	" doc TEXT, PRIMARY KEY(item, rev));"
	"CREATE INDEX version_time ON version(time);"
	"CREATE TABLE side(id INTEGER PRIMARY KEY, item INTEGER NOT NULL, side INTEGER NOT NULL,"
	" mailbox INTEGER NOT NULL, status INTEGER NOT NULL, remote_id TEXT, version TEXT,"
	" key TEXT, remote_folder TEXT, token TEXT, token_sent INTEGER NOT NULL, reason TEXT,"
	" created_by_us INTEGER NOT NULL, error TEXT, error_rev INTEGER NOT NULL,"
	" retry_at INTEGER NOT NULL, ours TEXT,"
	" intent TEXT, theirs TEXT);"
	"CREATE INDEX side_remote ON side(remote_id, side) WHERE remote_id IS NOT NULL;"
	"CREATE INDEX side_key ON side(key, mailbox) WHERE key IS NOT NULL;"
	"CREATE INDEX side_token ON side(token) WHERE token IS NOT NULL;";

static const char other_tables[] =
	"CREATE TABLE pull(seq INTEGER PRIMARY KEY AUTOINCREMENT, mailbox INTEGER NOT NULL,"
	" folder INTEGER NOT NULL, remote_id TEXT NOT NULL, deleted INTEGER NOT NULL, data TEXT);"
	"CREATE UNIQUE INDEX pull_remote ON pull(mailbox, remote_id);"
	"CREATE INDEX pull_mailbox ON pull(mailbox);"
	"CREATE TABLE record(seq INTEGER PRIMARY KEY AUTOINCREMENT, object TEXT NOT NULL,"
	" id TEXT NOT NULL, version TEXT, deleted INTEGER NOT NULL, data TEXT);"
	"CREATE UNIQUE INDEX record_id ON record(object, id);"
	"CREATE TABLE value(name TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID;"
	"CREATE TABLE claim(object TEXT NOT NULL, email TEXT NOT NULL, item INTEGER NOT NULL,"
	" PRIMARY KEY(object, email)) WITHOUT ROWID;"
	"CREATE INDEX claim_item ON claim(item);"
	"CREATE TABLE conflict(id INTEGER PRIMARY KEY AUTOINCREMENT, mailbox INTEGER NOT NULL,"
	" item INTEGER NOT NULL, time INTEGER NOT NULL, name TEXT, data TEXT);"
	"CREATE INDEX conflict_mailbox ON conflict(mailbox);"
	"CREATE INDEX conflict_item ON conflict(item);"
	"CREATE TABLE lost(id INTEGER PRIMARY KEY AUTOINCREMENT, mailbox INTEGER NOT NULL,"
	" time INTEGER NOT NULL, name TEXT NOT NULL, reason TEXT, size INTEGER NOT NULL,"
	" bytes BLOB NOT NULL);"
	"CREATE UNIQUE INDEX lost_name ON lost(mailbox, name);"
	"CREATE TABLE tombstone(id INTEGER PRIMARY KEY AUTOINCREMENT, mailbox INTEGER NOT NULL,"
	" kind INTEGER NOT NULL, time INTEGER NOT NULL, uid TEXT, key TEXT, name TEXT,"
	" folder INTEGER NOT NULL, ino INTEGER NOT NULL, record_id TEXT, record_state TEXT,"
	" remote_id TEXT, doc TEXT);"
	"CREATE INDEX tombstone_uid ON tombstone(mailbox, uid);"
	"CREATE INDEX tombstone_key ON tombstone(mailbox, key);"
	"CREATE INDEX tombstone_time ON tombstone(time);"
	"CREATE TABLE deletion(id INTEGER PRIMARY KEY AUTOINCREMENT, mailbox INTEGER NOT NULL,"
	" item INTEGER NOT NULL, folder INTEGER NOT NULL, side INTEGER NOT NULL,"
	" state INTEGER NOT NULL, time INTEGER NOT NULL, batch INTEGER NOT NULL, name TEXT);"
	"CREATE INDEX deletion_state ON deletion(mailbox, state);"
	"CREATE INDEX deletion_time ON deletion(mailbox, folder, side, state, time);"
	"CREATE TABLE log(mailbox INTEGER NOT NULL, n INTEGER NOT NULL, line TEXT NOT NULL,"
	" PRIMARY KEY(mailbox, n)) WITHOUT ROWID;";

/* What a folder was called here when the two sides last agreed. */
static const char folder_shown[] =
	"ALTER TABLE folder ADD COLUMN shown_name TEXT;"
	"UPDATE folder SET shown_name = (SELECT name FROM node WHERE node.ino = folder.ino)"
	" WHERE remote_id IS NOT NULL;";

static const char views[] = "ALTER TABLE folder ADD COLUMN view_of INTEGER NOT NULL DEFAULT 0;"
			    "CREATE INDEX folder_view ON folder(view_of) WHERE view_of <> 0;";

/* steps[v] leads from version v to v + 1. */
static const struct {
	const char *sql[3];
} steps[] = {
	{ { tree_tables, item_tables, other_tables } },
	{ { folder_shown } },
	{ { views } },
};

static int pragma_get(struct connection *c, const char *sql, int64_t *value, struct error *err)
{
	sqlite3_stmt *stmt = NULL;
	int rc = sqlite3_prepare_v2(c->db, sql, -1, &stmt, NULL);

	if (!rc)
		rc = sqlite3_step(stmt);
	if (rc == SQLITE_ROW) {
		*value = sqlite3_column_int64(stmt, 0);
		rc = 0;
	} else {
		rc = connection_error(c, rc, err);
	}
	sqlite3_finalize(stmt);
	return rc;
}

static int schema_step(struct connection *c, size_t from, struct error *err)
{
	char *pragmas AUTOFREE = xasprintf(
		"PRAGMA application_id = %d; PRAGMA user_version = %zu;", APPLICATION_ID, from + 1);
	int rc = connection_exec(c, "BEGIN IMMEDIATE", err);

	for (size_t i = 0; !rc && i < ARRAY_SIZE(steps[from].sql); i++)
		if (steps[from].sql[i])
			rc = connection_exec(c, steps[from].sql[i], err);
	if (!rc)
		rc = connection_exec(c, pragmas, err);
	if (!rc)
		rc = connection_exec(c, "COMMIT", err);
	if (rc)
		sqlite3_exec(c->db, "ROLLBACK", NULL, NULL, NULL);
	return rc;
}

int schema_prepare(struct connection *c, struct error *err)
{
	int64_t version = 0, application = 0;
	int rc = pragma_get(c, "PRAGMA user_version", &version, err);

	if (!rc)
		rc = pragma_get(c, "PRAGMA application_id", &application, err);
	if (rc)
		return rc;
	if (version && application != APPLICATION_ID)
		return error_set(err, ERR_INVALID, "%s is not a cache of tandemfs", c->store->path);
	if (version > (int64_t)ARRAY_SIZE(steps))
		return error_set(
			err, ERR_INVALID, "%s was made by a newer tandemfs", c->store->path);
	for (; !rc && version < (int64_t)ARRAY_SIZE(steps); version++)
		rc = schema_step(c, (size_t)version, err);
	return rc;
}
