/* Connections, statements and queries: the only file that steps SQLite.
 *
 * Each connection belongs to one thread at a time, so SQLite's own mutexes are off.  Statements are
 * prepared once a connection and found again by the address of their SQL literal.  A read outside a
 * transaction is its own snapshot: the statement is reset as soon as its query ends, and no read
 * transaction outlives a function of the store (the WAL could not be reset under it).
 *
 * Page caches are small on purpose: the kernel's page cache holds the file, and a dozen threads
 * each have a connection. */
#include "sync/store/private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sync/mem.h"

#define BUSY_TIMEOUT_MS	 10000
#define LOOKASIDE_SIZE	 512
#define LOOKASIDE_COUNT	 64
#define FIRST_STATEMENTS 64

/* The WAL is folded back every 1000 pages and cut to 8 MB at most. */
/* Pages of 16 KiB: what is read together (names of a folder, contents in a row) lies together, and a
 * cold read of a tree asks the disk less often.  A reader's cache holds the names of some 20,000
 * files, so that a listing does not wait for the disk again after the kernel dropped its caches. */
static const char writer_pragmas[] = "PRAGMA page_size = 16384;"
				     "PRAGMA journal_mode = WAL;"
				     "PRAGMA synchronous = NORMAL;"
				     "PRAGMA cache_size = -4096;"
				     "PRAGMA wal_autocheckpoint = 256;"
				     "PRAGMA journal_size_limit = 8388608;"
				     "PRAGMA mmap_size = 0;"
				     "PRAGMA temp_store = MEMORY;";
static const char reader_pragmas[] = "PRAGMA cache_size = -6144;"
				     "PRAGMA mmap_size = 0;"
				     "PRAGMA temp_store = MEMORY;";

static void note_damage(struct store *store)
{
	static const char mark[] = " damaged\n";

	if (atomic_exchange(&store->damaged, true) || store->lock_fd < 0)
		return;
	if (store->damage_tell)
		store->damage_tell(store->damage_data);
	/* When even this fails the next open still meets the damage itself. */
	if (lseek(store->lock_fd, 0, SEEK_END) < 0 ||
		write(store->lock_fd, mark, sizeof(mark) - 1) < 0)
		return;
}

static enum error_code code_of(sqlite3 *db, int rc)
{
	int number = db ? sqlite3_system_errno(db) : 0;

	switch (rc & 0xff) {
	case SQLITE_FULL:
		return ERR_FULL;
	case SQLITE_IOERR:
	case SQLITE_CANTOPEN:
		return number == ENOSPC || number == EDQUOT ? ERR_FULL : ERR_INTERNAL;
	case SQLITE_TOOBIG:
		return ERR_TOO_BIG;
	case SQLITE_CONSTRAINT:
		return rc == SQLITE_CONSTRAINT_UNIQUE || rc == SQLITE_CONSTRAINT_PRIMARYKEY
			       ? ERR_EXISTS
			       : ERR_INTERNAL;
	default:
		return ERR_INTERNAL;
	}
}

int connection_error(struct connection *c, int rc, struct error *err)
{
	enum error_code code = code_of(c->db, rc);

	if ((rc & 0xff) == SQLITE_CORRUPT || (rc & 0xff) == SQLITE_NOTADB)
		note_damage(c->store);
	if (code == ERR_FULL)
		error_set(err, code, "no space left for the cache in %s", c->store->dir);
	else
		error_set(err, code, "cache database: %s",
			c->db ? sqlite3_errmsg(c->db) : "no memory");
	return code;
}

int connection_exec(struct connection *c, const char *sql, struct error *err)
{
	int rc = sqlite3_exec(c->db, sql, NULL, NULL, NULL);

	return rc ? connection_error(c, rc, err) : 0;
}

int connection_open(struct store *store, bool writer, struct connection **out, struct error *err)
{
	int flags = SQLITE_OPEN_NOMUTEX | (writer ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY);
	struct connection *c = xcalloc(1, sizeof(*c));
	int rc;

	c->store = store;
	rc = sqlite3_open_v2(store->path, &c->db, flags, NULL);
	if (rc) {
		rc = connection_error(c, rc, err);
		goto fail;
	}
	sqlite3_extended_result_codes(c->db, 1);
	sqlite3_busy_timeout(c->db, BUSY_TIMEOUT_MS);
	sqlite3_db_config(c->db, SQLITE_DBCONFIG_LOOKASIDE, NULL, LOOKASIDE_SIZE, LOOKASIDE_COUNT);
	rc = connection_exec(c, writer ? writer_pragmas : reader_pragmas, err);
	if (rc)
		goto fail;
	*out = c;
	return 0;
fail:
	connection_close(c);
	return rc;
}

void connection_close(struct connection *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < c->cap; i++)
		if (c->statements[i].sql)
			sqlite3_finalize(c->statements[i].stmt);
	free(c->statements);
	sqlite3_close_v2(c->db);
	free(c);
}

struct connection *connection_reader(struct store *store, struct error *err)
{
	struct connection *c;

	if (store_in_transaction(store))
		return store->writer;
	c = pthread_getspecific(store->reader_key);
	if (c)
		return c;
	if (connection_open(store, false, &c, err) || !c)
		return NULL;
	pthread_mutex_lock(&store->readers_lock);
	c->next = store->readers;
	if (c->next)
		c->next->prev = c;
	store->readers = c;
	pthread_mutex_unlock(&store->readers_lock);
	pthread_setspecific(store->reader_key, c);
	return c;
}

/* ---- statements ----------------------------------------------------------------------------- */

static struct statement *statement_slot(struct statement *table, size_t cap, const char *sql)
{
	size_t i = (size_t)(((uintptr_t)sql * UINT64_C(0x9E3779B97F4A7C15)) >> 20);

	for (i &= cap - 1; table[i].sql && table[i].sql != sql; i = (i + 1) & (cap - 1))
		;
	return &table[i];
}

static void statements_grow(struct connection *c)
{
	size_t cap = c->cap ? c->cap * 2 : FIRST_STATEMENTS;
	struct statement *table = xcalloc(cap, sizeof(*table));

	for (size_t i = 0; i < c->cap; i++)
		if (c->statements[i].sql)
			*statement_slot(table, cap, c->statements[i].sql) = c->statements[i];
	free(c->statements);
	c->statements = table;
	c->cap = cap;
}

static int statement_get(
	struct connection *c, const char *sql, sqlite3_stmt **out, struct error *err)
{
	struct statement *slot;
	int rc;

	if (2 * (c->used + 1) > c->cap)
		statements_grow(c);
	slot = statement_slot(c->statements, c->cap, sql);
	if (!slot->sql) {
		rc = sqlite3_prepare_v3(
			c->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &slot->stmt, NULL);
		if (rc)
			return connection_error(c, rc, err);
		slot->sql = sql;
		c->used++;
	}
	if (sqlite3_stmt_busy(slot->stmt))
		return error_set(err, ERR_INTERNAL, "the store was called from its own visitor");
	*out = slot->stmt;
	return 0;
}

/* ---- queries -------------------------------------------------------------------------------- */

struct query query_read(struct store *store, const char *sql, struct error *err)
{
	struct query q = { .err = err };

	q.conn = connection_reader(store, err);
	if (!q.conn)
		q.failed = err ? (int)err->code : ERR_INTERNAL;
	else
		q.failed = statement_get(q.conn, sql, &q.stmt, err);
	return q;
}

/* An error that leaves the transaction half done makes its commit impossible: a caller that goes on
 * after it must not commit the half. */
static void query_broke(struct query *q)
{
	struct store *store = q->conn ? q->conn->store : NULL;

	if (!q->write || !store || store->broken.code || q->failed == ERR_EXISTS ||
		q->failed == ERR_NOT_FOUND)
		return;
	error_set(&store->broken, q->failed, "%s",
		q->err ? q->err->text : "an earlier change of the transaction failed");
}

struct query query_write(struct store *store, const char *sql, struct error *err)
{
	struct query q = { .err = err, .write = true };

	if (!store_in_transaction(store)) {
		q.failed = error_set(
			err, ERR_INTERNAL, "the cache is written outside a transaction");
		return q;
	}
	q.conn = store->writer;
	if (store->broken.code)
		q.failed = error_set(err, store->broken.code, "%s", store->broken.text);
	else
		q.failed = statement_get(q.conn, sql, &q.stmt, err);
	if (q.failed)
		query_broke(&q);
	return q;
}

void query_end(struct query *q)
{
	if (!q->stmt)
		return;
	sqlite3_reset(q->stmt);
	sqlite3_clear_bindings(q->stmt);
	q->stmt = NULL;
}

static void bound(struct query *q, int rc)
{
	if (rc)
		q->failed = connection_error(q->conn, rc, q->err);
}

void query_int(struct query *q, int64_t value)
{
	if (!q->failed)
		bound(q, sqlite3_bind_int64(q->stmt, ++q->param, value));
}

void query_text(struct query *q, const char *text)
{
	if (!q->failed)
		bound(q, sqlite3_bind_text(q->stmt, ++q->param, text, -1, SQLITE_STATIC));
}

void query_bytes(struct query *q, const void *bytes, size_t len)
{
	if (q->failed)
		return;
	/* A NULL pointer with no bytes is an empty file, not NULL. */
	bound(q, sqlite3_bind_blob64(q->stmt, ++q->param, len ? bytes : "", len, SQLITE_STATIC));
}

void query_json(struct query *q, const json_t *json)
{
	char *text;

	if (q->failed)
		return;
	text = json_text(json);
	if (json && !text) {
		q->failed = error_set(q->err, ERR_INTERNAL, "a JSON value cannot be stored");
		return;
	}
	bound(q, sqlite3_bind_text(q->stmt, ++q->param, text, -1, free));
}

int query_row(struct query *q)
{
	int rc;

	if (q->failed)
		return q->failed;
	/* SQLite may have rolled the whole transaction back by itself (disk full): a statement
	 * run now would commit alone. */
	if (q->write && sqlite3_get_autocommit(q->conn->db)) {
		q->failed = error_set(q->err, ERR_INTERNAL, "the transaction was rolled back");
		query_broke(q);
		return q->failed;
	}
	q->column = 0;
	rc = sqlite3_step(q->stmt);
	if (rc == SQLITE_ROW)
		return 1;
	if (rc == SQLITE_DONE)
		return 0;
	q->failed = connection_error(q->conn, rc, q->err);
	query_broke(q);
	return q->failed;
}

int query_run(struct query *q)
{
	int rc;

	while ((rc = query_row(q)) > 0)
		;
	query_end(q);
	return rc;
}

int query_run1(struct query *q, const char *what)
{
	int rc = query_run(q);

	if (!rc && sqlite3_changes(q->conn->db) == 0)
		rc = error_set(q->err, ERR_NOT_FOUND, "no such %s", what);
	return rc;
}

int64_t column_int(struct query *q)
{
	return sqlite3_column_int64(q->stmt, q->column++);
}

char *column_text(struct query *q)
{
	const char *text = (const char *)sqlite3_column_text(q->stmt, q->column++);

	return xstrdup(text);
}

json_t *column_json(struct query *q)
{
	int column = q->column++;
	const char *text = (const char *)sqlite3_column_text(q->stmt, column);
	json_error_t why;
	json_t *json;

	if (!text)
		return NULL;
	json = json_loadb(text, (size_t)sqlite3_column_bytes(q->stmt, column),
		JSON_DECODE_ANY | JSON_ALLOW_NUL, &why);
	if (!json)
		q->failed = error_set(
			q->err, ERR_INTERNAL, "cache database: stored JSON: %s", why.text);
	return json;
}

int query_ids(struct query *q, void *ids, size_t *n)
{
	int64_t *list = NULL;
	size_t count = 0, cap = 0;
	int rc;

	while ((rc = query_row(q)) > 0) {
		if (count == cap) {
			cap = cap ? cap * 2 : 16;
			list = xreallocarray(list, cap, sizeof(*list));
		}
		list[count++] = column_int(q);
	}
	if (rc < 0) {
		free(list);
		list = NULL;
		count = 0;
	}
	/* int64_t and uint64_t may stand for each other. */
	*(int64_t **)ids = list;
	*n = count;
	return rc;
}

int query_count(struct query *q, uint64_t *count)
{
	int rc = query_row(q);

	*count = rc > 0 ? (uint64_t)column_int(q) : 0;
	return rc < 0 ? rc : 0;
}

char *json_text(const json_t *json)
{
	if (!json)
		return NULL;
	return json_dumps(json, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY);
}
