/* Claims, conflicts, lost+found, tombstones, deletions under the guard, the mailbox's log. */
#include "sync/store/private.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "sync/mem.h"

#define LOG_LINES    1000
#define LOG_LINE_MAX 2000 /* bytes */
#define LOG_LIMIT    (LOG_LINES * (LOG_LINE_MAX + 1))
#define NAME_ROOM    200 /* bytes of a file name, so that what is added stays within 255 */

#define CONFLICT_FIELDS(X)                                                                         \
	X(struct store_conflict, mailbox, INTEGER)                                                 \
	X(struct store_conflict, item, INTEGER)                                                    \
	X(struct store_conflict, time, INTEGER)                                                    \
	X(struct store_conflict, name, TEXT)                                                       \
	X(struct store_conflict, data, JSON)

static const struct column conflict_columns[] = { FIELD_COLUMN(struct store_conflict, id, INTEGER)
		CONFLICT_FIELDS(FIELD_COLUMN) };
static const struct table conflict_table = { "conflict", sizeof(struct store_conflict),
	conflict_columns, ARRAY_SIZE(conflict_columns) };

FIELDS_ARE_ALL(struct store_conflict, id, CONFLICT_FIELDS, );
#define CONFLICT_NAMES CONFLICT_FIELDS(FIELD_NAME)
#define CONFLICT_MARKS CONFLICT_FIELDS(FIELD_MARK)

/* All but the bytes. */
#define LOST_FIELDS(X)                                                                             \
	X(struct store_lost, mailbox, INTEGER)                                                     \
	X(struct store_lost, time, INTEGER)                                                        \
	X(struct store_lost, name, TEXT)                                                           \
	X(struct store_lost, reason, TEXT)                                                         \
	X(struct store_lost, size, INTEGER)

static const struct column lost_columns[] = { FIELD_COLUMN(struct store_lost, id, INTEGER)
		LOST_FIELDS(FIELD_COLUMN) };
static const struct table lost_table = { "lost file", sizeof(struct store_lost), lost_columns,
	ARRAY_SIZE(lost_columns) };

FIELDS_ARE_ALL(struct store_lost, id, LOST_FIELDS, struct buf bytes;);
#define LOST_NAMES LOST_FIELDS(FIELD_NAME)
#define LOST_MARKS LOST_FIELDS(FIELD_MARK)

#define TOMBSTONE_FIELDS(X)                                                                        \
	X(struct store_tombstone, mailbox, INTEGER)                                                \
	X(struct store_tombstone, kind, INTEGER)                                                   \
	X(struct store_tombstone, time, INTEGER)                                                   \
	X(struct store_tombstone, uid, TEXT)                                                       \
	X(struct store_tombstone, key, TEXT)                                                       \
	X(struct store_tombstone, name, TEXT)                                                      \
	X(struct store_tombstone, folder, INTEGER)                                                 \
	X(struct store_tombstone, ino, INTEGER)                                                    \
	X(struct store_tombstone, record_id, TEXT)                                                 \
	X(struct store_tombstone, record_state, TEXT)                                              \
	X(struct store_tombstone, remote_id, TEXT)                                                 \
	X(struct store_tombstone, doc, JSON)

static const struct column tombstone_columns[] = { FIELD_COLUMN(struct store_tombstone, id, INTEGER)
		TOMBSTONE_FIELDS(FIELD_COLUMN) };
static const struct table tombstone_table = { "tombstone", sizeof(struct store_tombstone),
	tombstone_columns, ARRAY_SIZE(tombstone_columns) };

FIELDS_ARE_ALL(struct store_tombstone, id, TOMBSTONE_FIELDS, );
#define TOMBSTONE_NAMES TOMBSTONE_FIELDS(FIELD_NAME)
#define TOMBSTONE_MARKS TOMBSTONE_FIELDS(FIELD_MARK)

#define DELETION_FIELDS(X)                                                                         \
	X(struct store_deletion, mailbox, INTEGER)                                                 \
	X(struct store_deletion, item, INTEGER)                                                    \
	X(struct store_deletion, folder, INTEGER)                                                  \
	X(struct store_deletion, side, INTEGER)                                                    \
	X(struct store_deletion, state, INTEGER)                                                   \
	X(struct store_deletion, time, INTEGER)                                                    \
	X(struct store_deletion, batch, INTEGER)                                                   \
	X(struct store_deletion, name, TEXT)

static const struct column deletion_columns[] = { FIELD_COLUMN(struct store_deletion, id, INTEGER)
		DELETION_FIELDS(FIELD_COLUMN) };
static const struct table deletion_table = { "deletion", sizeof(struct store_deletion),
	deletion_columns, ARRAY_SIZE(deletion_columns) };

FIELDS_ARE_ALL(struct store_deletion, id, DELETION_FIELDS, );
#define DELETION_NAMES DELETION_FIELDS(FIELD_NAME)
#define DELETION_MARKS DELETION_FIELDS(FIELD_MARK)

/* ---- claims --------------------------------------------------------------------------------- */

int store_claim_take(struct store *store, const char *object, const char *email, int64_t item,
	int64_t *holder, struct error *err)
{
	uint64_t has = 0;
	int rc;

	{
		struct query q QUERY_END = query_write(store,
			"INSERT OR IGNORE INTO claim(object, email, item) VALUES (?, ?, ?)", err);

		query_text(&q, object);
		query_text(&q, email);
		query_int(&q, item);
		rc = query_run(&q);
	}
	if (!rc) {
		struct query q QUERY_END = query_write(
			store, "SELECT item FROM claim WHERE object = ? AND email = ?", err);

		query_text(&q, object);
		query_text(&q, email);
		rc = query_count(&q, &has);
	}
	*holder = (int64_t)has;
	return rc;
}

int store_claims_drop(struct store *store, int64_t item, struct error *err)
{
	struct query q QUERY_END = query_write(store, "DELETE FROM claim WHERE item = ?", err);

	query_int(&q, item);
	return query_run(&q);
}

/* Of a query for a mailbox's rows with larger ids, so many at the most. */
static int read_page(struct query *q, const struct table *table, int64_t mailbox, int64_t after,
	size_t limit, void *rows, size_t *n)
{
	query_int(q, mailbox);
	query_int(q, after);
	query_int(q, (int64_t)limit);
	return row_all(q, table, rows, n);
}

/* ---- conflicts ------------------------------------------------------------------------------ */

/* Length of the longest prefix of whole UTF-8 characters within max bytes. */
static int cut_length(const char *text, size_t max)
{
	size_t len = strnlen(text, max + 1);

	if (len <= max)
		return (int)len;
	for (len = max; len > 0 && ((unsigned char)text[len] & 0xC0) == 0x80; len--)
		;
	return (int)len;
}

/* The file's name with time and number: "anna.vcf 2026-11-22T10:00:00Z 17.json". */
static char *conflict_name(const struct store_conflict *conflict)
{
	const char *file = conflict->name && conflict->name[0] ? conflict->name : "item";
	time_t when = (time_t)(conflict->time / NS_PER_S);
	char stamp[32];
	struct tm tm;

	gmtime_r(&when, &tm);
	strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%SZ", &tm);
	return xasprintf("%.*s %s %lld.json", cut_length(file, NAME_ROOM), file, stamp,
		(long long)conflict->id);
}

static bool is_complete_name(const char *name)
{
	size_t len = name ? strlen(name) : 0;

	return len > 5 && strcmp(name + len - 5, ".json") == 0;
}

static int conflict_put(
	struct store *store, const struct store_conflict *conflict, struct error *err)
{
	struct query q QUERY_END = query_write(store,
		"INSERT OR REPLACE INTO conflict(id" CONFLICT_NAMES ") VALUES (?" CONFLICT_MARKS
		")",
		err);

	row_bind(&q, &conflict_table, conflict);
	return query_run(&q);
}

int store_conflict_add(struct store *store, struct store_conflict *conflict, struct error *err)
{
	char *name;
	int rc;

	if (conflict->time == 0)
		conflict->time = store_now(store);
	conflict->id = 0;
	rc = conflict_put(store, conflict, err);
	if (rc)
		return rc;
	conflict->id = sqlite3_last_insert_rowid(store->writer->db);
	if (is_complete_name(conflict->name))
		return 0;
	name = conflict_name(conflict);
	free(conflict->name);
	conflict->name = name;
	return conflict_put(store, conflict, err);
}

int store_conflict_list(struct store *store, int64_t mailbox, struct store_conflict **conflicts,
	size_t *n, struct error *err)
{
	struct query q QUERY_END = query_read(store,
		"SELECT id" CONFLICT_NAMES " FROM conflict WHERE mailbox = ? ORDER BY id", err);

	query_int(&q, mailbox);
	return row_all(&q, &conflict_table, conflicts, n);
}

int store_conflict_page(struct store *store, int64_t mailbox, int64_t after, size_t limit,
	struct store_conflict **conflicts, size_t *n, struct error *err)
{
	struct query q QUERY_END = query_read(store,
		"SELECT id" CONFLICT_NAMES " FROM conflict WHERE mailbox = ? AND id > ?"
		" ORDER BY id LIMIT ?",
		err);

	return read_page(&q, &conflict_table, mailbox, after, limit, conflicts, n);
}

int store_conflict_get(
	struct store *store, int64_t id, struct store_conflict *conflict, struct error *err)
{
	struct query q QUERY_END = query_read(
		store, "SELECT id" CONFLICT_NAMES " FROM conflict WHERE id = ?", err);

	query_int(&q, id);
	return row_one(&q, &conflict_table, conflict);
}

int store_conflict_find(struct store *store, int64_t mailbox, const char *name,
	struct store_conflict *conflict, struct error *err)
{
	struct query q QUERY_END = query_read(store,
		"SELECT id" CONFLICT_NAMES " FROM conflict WHERE mailbox = ? AND name = ?", err);

	query_int(&q, mailbox);
	query_text(&q, name);
	return row_one(&q, &conflict_table, conflict);
}

int store_conflict_last(struct store *store, int64_t item, int64_t since,
	struct store_conflict *conflict, struct error *err)
{
	struct query q QUERY_END = query_read(store,
		"SELECT id" CONFLICT_NAMES " FROM conflict WHERE item = ? AND time >= ?"
		" ORDER BY id DESC LIMIT 1",
		err);

	query_int(&q, item);
	query_int(&q, since);
	return row_one(&q, &conflict_table, conflict);
}

int store_conflict_save(
	struct store *store, const struct store_conflict *conflict, struct error *err)
{
	return conflict_put(store, conflict, err);
}

int store_conflict_count(struct store *store, int64_t item, uint64_t *n, struct error *err)
{
	struct query q QUERY_END = query_read(
		store, "SELECT count(*) FROM conflict WHERE item = ?", err);

	query_int(&q, item);
	return query_count(&q, n);
}

/* Before the record goes: its item is in conflict no longer if it has no other. */
static int conflict_settled(struct store *store, int64_t id, struct error *err)
{
	struct query q QUERY_END = query_write(store,
		"UPDATE item SET state = ?2 WHERE state = ?3"
		" AND id = (SELECT item FROM conflict WHERE id = ?1)"
		" AND NOT EXISTS (SELECT 1 FROM conflict WHERE item = (SELECT item FROM conflict"
		" WHERE id = ?1) AND id <> ?1)",
		err);

	query_int(&q, id);
	query_int(&q, ITEM_SYNCED);
	query_int(&q, ITEM_CONFLICT);
	return query_run(&q);
}

int store_conflict_delete(struct store *store, int64_t id, struct error *err)
{
	struct query q QUERY_END = query_write(store, "DELETE FROM conflict WHERE id = ?", err);
	int rc = conflict_settled(store, id, err);

	query_int(&q, id);
	return rc ? rc : query_run1(&q, "conflict");
}

void store_conflict_clear(struct store_conflict *conflict)
{
	row_clear(&conflict_table, conflict);
}

void store_conflicts_free(struct store_conflict *conflicts, size_t n)
{
	rows_free(&conflict_table, conflicts, n);
}

/* ---- lost+found ----------------------------------------------------------------------------- */

static int lost_is_taken(struct store *store, int64_t mailbox, const char *name, struct error *err)
{
	struct query q QUERY_END = query_write(
		store, "SELECT 1 FROM lost WHERE mailbox = ? AND name = ?", err);

	query_int(&q, mailbox);
	query_text(&q, name);
	return query_row(&q);
}

/* NAME, NAME (2), NAME (3) ...: the first that is free. */
static int lost_name(struct store *store, struct store_lost *lost, struct error *err)
{
	char *name = xasprintf("%.*s", cut_length(lost->name, NAME_ROOM), lost->name);
	int taken;

	for (unsigned int i = 2; (taken = lost_is_taken(store, lost->mailbox, name, err)) > 0;
		i++) {
		free(name);
		name = xasprintf("%.*s (%u)", cut_length(lost->name, NAME_ROOM), lost->name, i);
	}
	free(lost->name);
	lost->name = name;
	return taken;
}

int store_lost_add(struct store *store, struct store_lost *lost, struct error *err)
{
	int rc;
	struct query q QUERY_END = query_write(store,
		"INSERT INTO lost(id" LOST_NAMES ", bytes) VALUES (?" LOST_MARKS ", ?)", err);

	if (!lost->name)
		lost->name = xstrdup("file");
	rc = lost_name(store, lost, err);
	if (rc)
		return rc;
	if (lost->time == 0)
		lost->time = store_now(store);
	lost->id = 0;
	lost->size = lost->bytes.len;
	row_bind(&q, &lost_table, lost);
	query_bytes(&q, lost->bytes.data, lost->bytes.len);
	rc = query_run(&q);
	if (!rc)
		lost->id = sqlite3_last_insert_rowid(store->writer->db);
	return rc;
}

int store_lost_list(struct store *store, int64_t mailbox, struct store_lost **lost, size_t *n,
	struct error *err)
{
	struct query q QUERY_END = query_read(
		store, "SELECT id" LOST_NAMES " FROM lost WHERE mailbox = ? ORDER BY id", err);

	query_int(&q, mailbox);
	return row_all(&q, &lost_table, lost, n);
}

int store_lost_page(struct store *store, int64_t mailbox, int64_t after, size_t limit,
	struct store_lost **lost, size_t *n, struct error *err)
{
	struct query q QUERY_END = query_read(store,
		"SELECT id" LOST_NAMES " FROM lost WHERE mailbox = ? AND id > ?"
		" ORDER BY id LIMIT ?",
		err);

	return read_page(&q, &lost_table, mailbox, after, limit, lost, n);
}

int store_lost_find(struct store *store, int64_t mailbox, const char *name, struct store_lost *lost,
	struct error *err)
{
	struct query q QUERY_END = query_read(
		store, "SELECT id" LOST_NAMES " FROM lost WHERE mailbox = ? AND name = ?", err);

	query_int(&q, mailbox);
	query_text(&q, name);
	return row_one(&q, &lost_table, lost);
}

int store_lost_get(struct store *store, int64_t id, struct store_lost *lost, struct error *err)
{
	struct query q QUERY_END = query_read(
		store, "SELECT id" LOST_NAMES ", bytes FROM lost WHERE id = ?", err);
	const void *bytes;
	int rc;

	query_int(&q, id);
	rc = row_one(&q, &lost_table, lost);
	if (rc)
		return rc;
	bytes = sqlite3_column_blob(q.stmt, q.column);
	buf_init(&lost->bytes, (size_t)lost->size);
	buf_add(&lost->bytes, bytes, (size_t)sqlite3_column_bytes(q.stmt, q.column));
	return 0;
}

int store_lost_delete(struct store *store, int64_t id, struct error *err)
{
	struct query q QUERY_END = query_write(store, "DELETE FROM lost WHERE id = ?", err);

	query_int(&q, id);
	return query_run1(&q, "lost file");
}

void store_lost_clear(struct store_lost *lost)
{
	buf_free(&lost->bytes);
	row_clear(&lost_table, lost);
}

void store_lost_free(struct store_lost *lost, size_t n)
{
	for (size_t i = 0; i < n; i++)
		buf_free(&lost[i].bytes);
	rows_free(&lost_table, lost, n);
}

/* ---- tombstones ----------------------------------------------------------------------------- */

int store_tombstone_add(struct store *store, struct store_tombstone *t, struct error *err)
{
	int rc;
	struct query q QUERY_END = query_write(store,
		"INSERT INTO tombstone(id" TOMBSTONE_NAMES ") VALUES (?" TOMBSTONE_MARKS ")", err);

	if (t->time == 0)
		t->time = store_now(store);
	t->id = 0;
	row_bind(&q, &tombstone_table, t);
	rc = query_run(&q);
	if (!rc)
		t->id = sqlite3_last_insert_rowid(store->writer->db);
	return rc;
}

int store_tombstone_find(struct store *store, int64_t mailbox, const char *uid, const char *key,
	struct store_tombstone *t, struct error *err)
{
	struct query q QUERY_END = query_read(store,
		"SELECT id" TOMBSTONE_NAMES " FROM tombstone"
		" WHERE mailbox = ?1 AND (uid = ?2 OR key = ?3)"
		" ORDER BY time DESC, id DESC LIMIT 1",
		err);

	query_int(&q, mailbox);
	query_text(&q, uid);
	query_text(&q, key);
	return row_one(&q, &tombstone_table, t);
}

int store_tombstone_delete(struct store *store, int64_t id, struct error *err)
{
	struct query q QUERY_END = query_write(store, "DELETE FROM tombstone WHERE id = ?", err);

	query_int(&q, id);
	return query_run(&q);
}

int store_tombstones_expire(struct store *store, int64_t before, struct error *err)
{
	struct query q QUERY_END = query_write(store, "DELETE FROM tombstone WHERE time < ?", err);

	query_int(&q, before);
	return query_run(&q);
}

void store_tombstone_clear(struct store_tombstone *t)
{
	row_clear(&tombstone_table, t);
}

/* ---- deletions ------------------------------------------------------------------------------ */

int store_deletion_put(struct store *store, struct store_deletion *d, struct error *err)
{
	int rc;
	struct query q QUERY_END = query_write(store,
		"INSERT OR REPLACE INTO deletion(id" DELETION_NAMES ") VALUES (?" DELETION_MARKS
		")",
		err);

	row_bind(&q, &deletion_table, d);
	rc = query_run(&q);
	if (!rc && d->id == 0)
		d->id = sqlite3_last_insert_rowid(store->writer->db);
	return rc;
}

int store_deletion_count(struct store *store, int64_t mailbox, uint64_t folder, enum side side,
	int64_t since, uint64_t *count, struct error *err)
{
	struct query q QUERY_END = query_read(store,
		"SELECT count(*) FROM deletion WHERE mailbox = ?1 AND (?2 = 0 OR folder = ?2)"
		" AND side = ?3 AND state = ?4 AND time >= ?5",
		err);

	query_int(&q, mailbox);
	query_int(&q, (int64_t)folder);
	query_int(&q, side);
	query_int(&q, DELETION_SENT);
	query_int(&q, since);
	return query_count(&q, count);
}

int store_deletion_list(struct store *store, int64_t mailbox, enum deletion_state state,
	struct store_deletion **list, size_t *n, struct error *err)
{
	struct query q QUERY_END = query_read(store,
		"SELECT id" DELETION_NAMES
		" FROM deletion WHERE mailbox = ? AND state = ? ORDER BY id",
		err);

	query_int(&q, mailbox);
	query_int(&q, state);
	return row_all(&q, &deletion_table, list, n);
}

int store_deletions_expire(struct store *store, int64_t mailbox, int64_t before, struct error *err)
{
	struct query q QUERY_END = query_write(
		store, "DELETE FROM deletion WHERE mailbox = ? AND state = ? AND time < ?", err);

	query_int(&q, mailbox);
	query_int(&q, DELETION_SENT);
	query_int(&q, before);
	return query_run(&q);
}

int store_deletion_delete(struct store *store, int64_t id, struct error *err)
{
	struct query q QUERY_END = query_write(store, "DELETE FROM deletion WHERE id = ?", err);

	query_int(&q, id);
	return query_run(&q);
}

void store_deletions_free(struct store_deletion *list, size_t n)
{
	rows_free(&deletion_table, list, n);
}

/* ---- log ------------------------------------------------------------------------------------ */

static int log_last(struct store *store, int64_t mailbox, uint64_t *last, struct error *err)
{
	struct query q QUERY_END = query_write(
		store, "SELECT max(n) FROM log WHERE mailbox = ?", err);

	query_int(&q, mailbox);
	return query_count(&q, last);
}

static int log_insert(
	struct store *store, int64_t mailbox, uint64_t n, const char *line, struct error *err)
{
	char *text AUTOFREE = xstrndup(line, (size_t)cut_length(line, LOG_LINE_MAX));
	struct query q QUERY_END = query_write(
		store, "INSERT INTO log(mailbox, n, line) VALUES (?, ?, ?)", err);

	/* One entry is one line, whatever a server put into its message. */
	for (char *c = text; *c; c++)
		if ((unsigned char)*c < ' ')
			*c = ' ';
	query_int(&q, mailbox);
	query_int(&q, (int64_t)n);
	query_text(&q, text);
	return query_run(&q);
}

int store_log(struct store *store, int64_t mailbox, const char *line, struct error *err)
{
	uint64_t last;
	int rc = log_last(store, mailbox, &last, err);

	if (!rc)
		rc = log_insert(store, mailbox, last + 1, line, err);
	if (!rc) {
		struct query q QUERY_END = query_write(
			store, "DELETE FROM log WHERE mailbox = ? AND n <= ?", err);

		query_int(&q, mailbox);
		query_int(&q, (int64_t)last + 1 - LOG_LINES);
		rc = query_run(&q);
	}
	return rc;
}

int store_log_read(struct store *store, int64_t mailbox, struct buf *out, struct error *err)
{
	struct query q QUERY_END = query_read(
		store, "SELECT line FROM log WHERE mailbox = ? ORDER BY n", err);
	int rc;

	if (!out->limit)
		buf_init(out, LOG_LIMIT);
	query_int(&q, mailbox);
	while ((rc = query_row(&q)) > 0) {
		buf_add(out, sqlite3_column_text(q.stmt, 0),
			(size_t)sqlite3_column_bytes(q.stmt, 0));
		buf_addc(out, '\n');
	}
	return rc < 0 ? rc : buf_check(out, "the log", err);
}
