/* What can still be read of a damaged database, into a new one.
 *
 * Rows are copied table by table, by their numbers, without any index; where SQLite meets damage the
 * copy goes on at the next number that it can read.  Then what was copied is made to agree with itself:
 *
 *	whole	an item whose document, file, directory and ids in Exchange are there.  It stays as it is,
 *		with an edit that was not sent yet.
 *	apart	an item of which only some of that is there.  The rest becomes a tombstone, so that the
 *		item gets its name, number and link back when the server shows it; bytes that may not
 *		have been sent go to lost+found.
 *	drafts	stay where they are, or go to lost+found with the directory that is gone.
 *
 * Nothing is taken to be in sync: cursors, records and what was pulled and not merged are left behind, and
 * the shadows of what was not being edited too, so that the next cycle compares everything with the
 * servers, as after a reset.
 *
 * Numbers are never given twice (I7): where rows may be missing, the next one is past the time in
 * milliseconds, and no store gives a thousand numbers a second for years. */
#include "sync/store/private.h"

#include <stdlib.h>
#include <string.h>

#include "sync/mem.h"

#define REASON_PART  "the cache was damaged, and of this file only a part could be read"
#define REASON_PLACE "the cache was damaged, and the place of this file could not be read"
#define REASON_BYTES "the cache was damaged, and nothing of what this file held could be read"

struct source {
	const char *name;
	const char *backwards; /* the order for a second reading; NULL: the table has row numbers */
	bool lost;	       /* rows are missing */
};

enum { NODE, CONTENT, WORKING, MAILBOX, FOLDER, ITEM, VERSION, SIDE, DELETION, SOURCES = 15 };

struct salvage {
	struct store *store;
	sqlite3 *from;
	struct source sources[SOURCES];
};

static const struct source all_sources[SOURCES] = {
	[NODE] = { .name = "node" },
	[CONTENT] = { .name = "content" },
	[WORKING] = { .name = "working" },
	[MAILBOX] = { .name = "mailbox" },
	[FOLDER] = { .name = "folder" },
	[ITEM] = { .name = "item" },
	[VERSION] = { .name = "version" },
	[SIDE] = { .name = "side" },
	[DELETION] = { .name = "deletion" },
	{ .name = "conflict" },
	{ .name = "lost" },
	{ .name = "tombstone" },
	{ .name = "value", .backwards = "name DESC" },
	{ .name = "claim", .backwards = "object DESC, email DESC" },
	{ .name = "log", .backwards = "mailbox DESC, n DESC" },
};

/* ---- copying ---------------------------------------------------------------------------------- */

/* "INSERT OR REPLACE" of the columns that the old table has, from column `first` of the reading on. */
static sqlite3_stmt *insert_into(
	struct salvage *s, const char *table, sqlite3_stmt *from, int first, struct error *err)
{
	struct buf sql AUTOBUF = BUF_INIT(16 << 10);
	sqlite3_stmt *stmt = NULL;
	int n = sqlite3_column_count(from);

	buf_addf(&sql, "INSERT OR REPLACE INTO %s(", table);
	for (int i = first; i < n; i++)
		buf_addf(&sql, "%s%s", i > first ? ", " : "", sqlite3_column_name(from, i));
	buf_adds(&sql, ") VALUES (");
	for (int i = first; i < n; i++)
		buf_adds(&sql, i > first ? ", ?" : "?");
	buf_adds(&sql, ")");
	if (sqlite3_prepare_v2(s->store->writer->db, buf_str(&sql), -1, &stmt, NULL))
		connection_error(s->store->writer, SQLITE_ERROR, err);
	return stmt;
}

/* A row that does not fit the table is no row of ours: it is passed over. */
static int put_row(struct salvage *s, sqlite3_stmt *from, int first, sqlite3_stmt *to, bool *unfit,
	struct error *err)
{
	int rc;

	for (int i = first; i < sqlite3_column_count(from); i++)
		sqlite3_bind_value(to, i - first + 1, sqlite3_column_value(from, i));
	rc = sqlite3_step(to);
	sqlite3_reset(to);
	if (rc == SQLITE_DONE)
		return 0;
	*unfit = true;
	return (rc & 0xff) == SQLITE_CONSTRAINT || (rc & 0xff) == SQLITE_MISMATCH
		       ? 0
		       : connection_error(s->store->writer, rc, err);
}

static int step_after(sqlite3_stmt *stmt, int64_t after)
{
	sqlite3_reset(stmt);
	sqlite3_bind_int64(stmt, 1, after);
	return sqlite3_step(stmt);
}

static bool reads_after(sqlite3_stmt *stmt, int64_t after)
{
	int rc = step_after(stmt, after);

	return rc == SQLITE_ROW || rc == SQLITE_DONE;
}

/* Behind which number can rows be read again?  false: none. */
static bool find_readable(sqlite3_stmt *stmt, int64_t *after)
{
	int64_t bad = *after, step = 1;

	while (step < INT64_MAX / 4 && !reads_after(stmt, *after + step)) {
		bad = *after + step;
		step *= 2;
	}
	if (step >= INT64_MAX / 4)
		return false;
	for (int64_t good = *after + step; good - bad > 1;) {
		int64_t middle = bad + (good - bad) / 2;

		if (reads_after(stmt, middle))
			good = middle;
		else
			bad = middle;
	}
	*after = bad + 1;
	return true;
}

static int copy_numbered(struct salvage *s, struct source *source, struct error *err)
{
	char *sql AUTOFREE = xasprintf(
		"SELECT rowid, * FROM %s NOT INDEXED WHERE rowid > ? ORDER BY rowid", source->name);
	sqlite3_stmt *from = NULL, *to = NULL;
	int64_t after = -1;
	int rc = 0, step;

	if (sqlite3_prepare_v2(s->from, sql, -1, &from, NULL)) {
		source->lost = true;
		return 0;
	}
	to = insert_into(s, source->name, from, 1, err);
	step = to ? step_after(from, after) : SQLITE_DONE;
	while (!rc && step != SQLITE_DONE) {
		if (step == SQLITE_ROW) {
			after = sqlite3_column_int64(from, 0);
			rc = put_row(s, from, 1, to, &source->lost, err);
			step = sqlite3_step(from);
			continue;
		}
		source->lost = true;
		if (!find_readable(from, &after))
			break;
		step = step_after(from, after);
	}
	sqlite3_finalize(from);
	sqlite3_finalize(to);
	return to ? rc : ERR_INTERNAL;
}

/* Without row numbers: forwards up to the damage, then backwards up to it. */
static int copy_keyed(
	struct salvage *s, struct source *source, const char *order, struct error *err)
{
	char *sql AUTOFREE = xasprintf("SELECT * FROM %s%s%s", source->name,
		order ? " ORDER BY " : "", order ? order : "");
	sqlite3_stmt *from = NULL, *to = NULL;
	int rc = 0, step;

	if (sqlite3_prepare_v2(s->from, sql, -1, &from, NULL)) {
		source->lost = true;
		return 0;
	}
	to = insert_into(s, source->name, from, 0, err);
	if (!to)
		rc = ERR_INTERNAL;
	step = rc ? SQLITE_DONE : sqlite3_step(from);
	for (; !rc && step == SQLITE_ROW; step = sqlite3_step(from))
		rc = put_row(s, from, 0, to, &source->lost, err);
	sqlite3_finalize(from);
	sqlite3_finalize(to);
	if (rc || step == SQLITE_DONE)
		return rc;
	source->lost = true;
	return order ? 0 : copy_keyed(s, source, source->backwards, err);
}

/* The highest numbers given so far, where they can be read. */
static int copy_numbers(struct salvage *s, struct error *err)
{
	sqlite3_stmt *from = NULL;
	int rc = 0;

	if (sqlite3_prepare_v2(s->from, "SELECT name, seq FROM sqlite_sequence", -1, &from, NULL))
		return 0;
	while (!rc && sqlite3_step(from) == SQLITE_ROW) {
		struct query q QUERY_END = query_write(s->store,
			"UPDATE sqlite_sequence SET seq = max(seq, ?2) WHERE name = ?1", err);

		query_text(&q, (const char *)sqlite3_column_text(from, 0));
		query_int(&q, sqlite3_column_int64(from, 1));
		rc = query_run(&q);
	}
	sqlite3_finalize(from);
	return rc;
}

static int copy_all(struct salvage *s, struct error *err)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < SOURCES; i++)
		rc = s->sources[i].backwards ? copy_keyed(s, &s->sources[i], NULL, err)
					     : copy_numbered(s, &s->sources[i], err);
	return rc ? rc : copy_numbers(s, err);
}

/* ---- what agrees with itself ------------------------------------------------------------------ */

static const char no_sense[] =
	"DELETE FROM item WHERE doc IS NULL OR NOT json_valid(doc);"
	"DELETE FROM side WHERE (ours IS NOT NULL AND NOT json_valid(ours))"
	" OR (theirs IS NOT NULL AND theirs <> '" SAME_AS_OURS "' AND NOT json_valid(theirs))"
	" OR (intent IS NOT NULL AND NOT json_valid(intent));"
	"DELETE FROM tombstone WHERE doc IS NOT NULL AND NOT json_valid(doc);"
	"DELETE FROM conflict WHERE NOT json_valid(data);"
	"DELETE FROM node WHERE parent = 0 AND ino <> 1;";

/* A mailbox is known by its row or by its directory; the default folder of a kind by its directory.
 * What is left are directories that hang together. */
static const char places[] =
	"INSERT OR IGNORE INTO mailbox(id, address, ino, record_seq, last_cycle, held)"
	" SELECT mailbox, name, ino, 0, 0, 0 FROM node WHERE type = 1;"
	"INSERT OR IGNORE INTO node(ino, parent, type, kind, mailbox, item, mode, size, mtime, "
	"ctime,"
	" name) SELECT ino, 1, 1, 0, id, 0, 448, 0, 0, 0, address FROM mailbox;"
	"INSERT OR IGNORE INTO folder(ino, mailbox, kind, is_default, is_sync, complete, created,"
	" removed) SELECT n.ino, n.mailbox, n.kind, 1, 0, 0, 0, 0 FROM node n"
	" JOIN mailbox m ON n.parent = m.ino WHERE n.type = 2;"
	"DELETE FROM folder WHERE removed = 0 AND ino NOT IN (SELECT ino FROM node WHERE type = 2);"
	"DELETE FROM node WHERE type = 2 AND ino NOT IN (SELECT ino FROM folder);"
	"CREATE TEMP TABLE dir AS WITH RECURSIVE d(ino) AS (VALUES(1) UNION"
	" SELECT n.ino FROM node n JOIN d ON n.parent = d.ino WHERE n.type IN (1, 2, 5))"
	" SELECT ino FROM d;"
	"DELETE FROM folder WHERE removed = 0 AND ino NOT IN dir;";

/* ?1: rows of `side` are missing, so an item without one may have been sent; ?2: which removals are held is
 * not known, so none is carried on. */
static const char whole_items[] =
	"INSERT INTO temp.whole SELECT i.id FROM item i LEFT JOIN node n ON n.ino = i.ino"
	" WHERE (NOT ?1 OR EXISTS (SELECT 1 FROM side WHERE side.id = i.id * 2))"
	" AND (i.ino = 0 OR (n.item = i.id AND n.parent IN dir AND n.parent = i.folder))"
	" AND (i.ino <> 0 OR (i.removed <> 0 AND NOT ?2))"
	" AND EXISTS (SELECT 1 FROM folder f WHERE f.ino = i.folder)";

static const char apart_items[] =
	"CREATE TEMP TABLE apart AS SELECT id FROM (SELECT id FROM item UNION"
	" SELECT item FROM node WHERE item <> 0 UNION SELECT item FROM side) WHERE id NOT IN whole;"
	/* What a tombstone keeps of them. */
	"INSERT INTO tombstone(mailbox, kind, time, uid, key, name, folder, ino, record_id,"
	" record_state, remote_id, doc)"
	" SELECT coalesce(i.mailbox, n.mailbox, s.mailbox), coalesce(i.kind, n.kind, 0),"
	" CAST(strftime('%s', 'now') AS INTEGER) * 1000000000, i.uid, s.key,"
	" coalesce(n.name, i.removed_name),"
	" coalesce(i.folder, n.parent, 0), coalesce(n.ino, i.ino, 0),"
	" CASE WHEN c.status IN (2, 4) THEN c.remote_id END, CASE c.status WHEN 2 THEN 'linked'"
	" WHEN 4 THEN 'unlinked ' || coalesce(c.reason, '') ELSE '" TOMBSTONE_LINK_UNKNOWN
	"' END, s.remote_id, i.doc"
	" FROM apart a LEFT JOIN item i ON i.id = a.id LEFT JOIN node n ON n.item = a.id"
	" LEFT JOIN side s ON s.id = a.id * 2 LEFT JOIN side c ON c.id = a.id * 2 + 1"
	" WHERE s.key IS NOT NULL OR i.uid IS NOT NULL;";

/* Files that are no longer anything, with what they were: bytes that may be unsent. */
static const char leftover_bytes[] =
	/* mailbox, name, bytes, number of the reason */
	"SELECT n.mailbox, n.name, c.bytes, n.parent IN dir FROM node n"
	" JOIN content c ON c.ino = n.ino LEFT JOIN item i ON i.id = n.item"
	" WHERE (n.type = 3 AND n.item IN apart AND (i.id IS NULL OR i.edited <> 0))"
	" OR (n.type = 4 AND n.parent NOT IN dir)"
	" OR (n.type = 3 AND n.item = 0 AND n.parent NOT IN dir)"
	" UNION ALL SELECT i.mailbox, coalesce(n.name, i.uid, 'item') || '.json', i.doc, 1 FROM "
	"item i"
	" LEFT JOIN node n ON n.item = i.id WHERE i.id IN apart AND i.edited <> 0"
	" AND i.ino NOT IN (SELECT ino FROM content)"
	" UNION ALL SELECT 0, 'written', w.bytes, 0 FROM working w WHERE length(w.bytes) > 0"
	" AND w.ino NOT IN (SELECT ino FROM node)"
	" UNION ALL SELECT i.mailbox, coalesce(i.uid, 'item'), c.bytes, 0 FROM item i"
	" JOIN content c ON c.ino = i.ino WHERE i.id IN apart AND i.edited <> 0"
	" AND i.ino NOT IN (SELECT ino FROM node)"
	" UNION ALL SELECT 0, 'file', c.bytes, 0 FROM content c WHERE length(c.bytes) > 0 AND ?1"
	" AND c.ino NOT IN (SELECT ino FROM node UNION SELECT ino FROM item)"
	" UNION ALL SELECT n.mailbox, n.name, x'', 2 FROM node n WHERE n.type = 4 AND n.size > 0"
	" AND n.ino NOT IN (SELECT ino FROM content)";

static const char drop_apart[] =
	"DELETE FROM node WHERE item IN apart OR (parent <> 0 AND parent NOT IN dir)"
	" OR (type = 4 AND size > 0 AND ino NOT IN (SELECT ino FROM content));"
	"DELETE FROM content WHERE ino NOT IN (SELECT ino FROM node);"
	"DELETE FROM working WHERE ino NOT IN (SELECT ino FROM node);"
	"DELETE FROM item WHERE id IN apart;"
	"DELETE FROM side WHERE item NOT IN (SELECT id FROM item);"
	"DELETE FROM version WHERE item NOT IN (SELECT id FROM item);"
	"DELETE FROM claim WHERE item NOT IN (SELECT id FROM item);"
	"DELETE FROM deletion WHERE state <> 0 AND item NOT IN (SELECT id FROM item);";

static const char compare_all[] =
	"UPDATE mailbox SET folder_cursor = NULL, record_seq = 0;"
	"UPDATE folder SET cursor = NULL;"
	"UPDATE side SET ours = NULL, theirs = NULL, version = NULL WHERE item IN"
	" (SELECT id FROM item WHERE edited = 0 AND dirty = 0);"
	"UPDATE item SET dirty = 1;"
	"DELETE FROM value WHERE name LIKE 'crm-cursor:%' OR name LIKE 'unshown:%';"
	"INSERT OR REPLACE INTO value(name, value) SELECT 'comparing:' || ino, '1' FROM folder"
	" WHERE complete;";

/* A folder of which a part may be missing is not to be listed before it was compared. */
static const char incomplete[] = "UPDATE folder SET complete = 0;";

static const char numbers[] =
	"INSERT OR REPLACE INTO sqlite_sequence(rowid, name, seq) SELECT (SELECT rowid FROM"
	" sqlite_sequence WHERE name = 'node'), 'node', max(coalesce((SELECT seq FROM "
	"sqlite_sequence"
	" WHERE name = 'node'), 0), (SELECT max(ino) FROM node),"
	" coalesce((SELECT max(ino) FROM tombstone), 0),"
	" CAST(strftime('%s', 'now') AS INTEGER) * 1000);"
	/* Values are noted under these: what was not read of them is not to be another's. */
	"INSERT INTO sqlite_sequence(name, seq) SELECT t.name, 0 FROM"
	" (SELECT 'item' AS name UNION SELECT 'mailbox') t"
	" WHERE t.name NOT IN (SELECT name FROM sqlite_sequence);"
	"UPDATE sqlite_sequence SET seq = max(seq, coalesce((SELECT max(id) FROM apart), 0))"
	" WHERE name = 'item';"
	"UPDATE sqlite_sequence SET seq = max(seq, coalesce((SELECT max(mailbox) FROM node), 0))"
	" WHERE name = 'mailbox';";

static bool is_part_missing(const struct salvage *s)
{
	for (size_t i = 0; i <= SIDE; i++)
		if (s->sources[i].lost)
			return true;
	return false;
}

/* Whose may bytes be of which nobody knows the owner?  Where there are several mailboxes they are shown to
 * none, and stay in the file that is moved aside. */
static int64_t only_mailbox(struct store *store)
{
	struct query q QUERY_END = query_read(
		store, "SELECT max(id) FROM mailbox HAVING count(*) = 1", NULL);

	return query_row(&q) > 0 ? column_int(&q) : 0;
}

static int keep_bytes(struct salvage *s, uint64_t *kept, struct error *err)
{
	static const char *const reasons[] = { REASON_PLACE, REASON_PART, REASON_BYTES };
	struct query q QUERY_END = query_write(s->store, leftover_bytes, err);
	int64_t only = only_mailbox(s->store);
	int rc;

	query_int(&q, s->sources[NODE].lost);
	while ((rc = query_row(&q)) > 0) {
		struct store_lost lost = { .bytes = BUF_INIT(64 << 20) };
		const void *bytes;

		lost.mailbox = column_int(&q);
		lost.name = column_text(&q);
		bytes = sqlite3_column_blob(q.stmt, 2);
		buf_add(&lost.bytes, bytes, (size_t)sqlite3_column_bytes(q.stmt, 2));
		lost.reason = xstrdup(reasons[sqlite3_column_int(q.stmt, 3)]);
		lost.mailbox = lost.mailbox ? lost.mailbox : only;
		rc = lost.mailbox ? store_lost_add(s->store, &lost, err) : 0;
		*kept += lost.mailbox != 0;
		store_lost_clear(&lost);
		if (rc)
			return rc;
	}
	return rc;
}

static int keep_whole(struct salvage *s, struct error *err)
{
	struct query q QUERY_END = query_write(s->store, whole_items, err);

	query_int(&q, s->sources[SIDE].lost);
	query_int(&q, s->sources[DELETION].lost || s->sources[ITEM].lost);
	return query_run(&q);
}

static int renew_emails(struct salvage *s, struct error *err)
{
	int64_t *ids = NULL;
	size_t n = 0;
	int rc;
	{
		struct query q QUERY_END = query_write(s->store, "SELECT id FROM item", err);

		rc = query_ids(&q, &ids, &n);
	}
	for (size_t i = 0; !rc && i < n; i++) {
		struct store_item item = { 0 };

		rc = store_item_get(s->store, ids[i], &item, err);
		if (!rc)
			rc = emails_save(s->store, &item, err);
		store_item_clear(&item);
	}
	free(ids);
	return rc;
}

static uint64_t count(struct store *store, const char *sql, struct error *err)
{
	struct query q QUERY_END = query_write(store, sql, err);
	uint64_t n = 0;

	query_count(&q, &n);
	return n;
}

static int note(struct salvage *s, const char *aside, uint64_t kept, struct error *err)
{
	json_t *note = json_pack("{s:s, s:I, s:I, s:I, s:I}", "file", aside, "time",
		(json_int_t)(store_now(s->store) / NS_PER_S), "items",
		(json_int_t)count(s->store, "SELECT count(*) FROM item", err), "incomplete",
		(json_int_t)count(s->store, "SELECT count(*) FROM temp.apart", err), "lost_found",
		(json_int_t)kept);
	char *text AUTOFREE = json_text(note);

	json_decref(note);
	return store_value_set(s->store, STORE_REBUILT, text, err);
}

static int make_sense(struct salvage *s, const char *aside, struct error *err)
{
	struct connection *c = s->store->writer;
	uint64_t kept = 0;
	int rc = connection_exec(c, no_sense, err);

	if (!rc)
		rc = connection_exec(c, places, err);
	if (!rc)
		rc = connection_exec(c, "CREATE TEMP TABLE whole(id INTEGER PRIMARY KEY)", err);
	if (!rc)
		rc = keep_whole(s, err);
	if (!rc)
		rc = connection_exec(c, apart_items, err);
	if (!rc)
		rc = keep_bytes(s, &kept, err);
	if (!rc)
		rc = connection_exec(c, drop_apart, err);
	if (!rc)
		rc = connection_exec(c, compare_all, err);
	if (!rc && is_part_missing(s))
		rc = connection_exec(c, incomplete, err);
	if (!rc && is_part_missing(s))
		rc = connection_exec(c, numbers, err);
	if (!rc)
		rc = renew_emails(s, err);
	return rc ? rc : note(s, aside, kept, err);
}

int salvage_run(struct store *store, const char *path, const char *aside, struct error *err)
{
	struct salvage s = { .store = store };
	int rc = store_begin(store, STORE_FULL, STORE_LOCAL, err);

	if (rc)
		return rc;
	memcpy(s.sources, all_sources, sizeof(s.sources));
	/* Read only: what is moved aside stays as it was found. */
	if (!sqlite3_open_v2(path, &s.from, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL))
		sqlite3_exec(s.from, "PRAGMA cell_size_check = ON; PRAGMA mmap_size = 0;", NULL,
			NULL, NULL);
	rc = copy_all(&s, err);
	sqlite3_close(s.from);
	if (!rc)
		rc = make_sense(&s, aside, err);
	if (!rc)
		return store_commit(store, err);
	store_rollback(store);
	return rc;
}
