/* Contents: the bytes of files, in a table of their own so that rows of nodes stay small; and
 * working bytes, which a handle wrote and nobody judged yet.
 *
 * A read is one SELECT by rowid that copies straight from SQLite's page.  A blob that spans many
 * pages would be put together in memory for every piece that is read of it, so large ones are read
 * by SQLite's incremental blob calls. */
#include "sync/store/private.h"

#include <string.h>

#define WHOLE_MAX "65536" /* bytes up to which a content is read as a value */

int content_put(struct store *store, uint64_t ino, const char *bytes, size_t len, struct error *err)
{
	struct query q QUERY_END = query_write(
		store, "INSERT OR REPLACE INTO content(ino, bytes) VALUES (?, ?)", err);

	query_int(&q, (int64_t)ino);
	query_bytes(&q, bytes, len);
	return query_run(&q);
}

/* How many of the `have` bytes the window of size bytes at offset takes. */
static size_t window(uint64_t have, uint64_t offset, size_t size)
{
	if (offset >= have)
		return 0;
	return have - offset < size ? (size_t)(have - offset) : size;
}

static int read_large(struct connection *c, uint64_t ino, uint64_t offset, void *to, size_t size,
	size_t *got, struct error *err)
{
	sqlite3_blob *blob = NULL;
	int rc = sqlite3_blob_open(c->db, "main", "content", "bytes", (sqlite3_int64)ino, 0, &blob);

	if (!rc) {
		*got = window((uint64_t)sqlite3_blob_bytes(blob), offset, size);
		if (*got)
			rc = sqlite3_blob_read(blob, to, (int)*got, (int)offset);
	}
	rc = rc ? connection_error(c, rc, err) : 0;
	sqlite3_blob_close(blob);
	return rc;
}

static int node_exists(struct store *store, uint64_t ino, struct error *err)
{
	uint64_t found;
	int rc;
	struct query q QUERY_END = query_read(store, "SELECT ino FROM node WHERE ino = ?", err);

	query_int(&q, (int64_t)ino);
	rc = query_count(&q, &found);
	if (!rc && !found)
		rc = error_set(err, ERR_NOT_FOUND, "no such file");
	return rc;
}

int store_content_read(struct store *store, uint64_t ino, uint64_t offset, void *to, size_t size,
	size_t *got, struct error *err)
{
	struct query q QUERY_END = query_read(store,
		"SELECT length(bytes), CASE WHEN length(bytes) <= " WHOLE_MAX " THEN bytes END"
		" FROM content WHERE ino = ?",
		err);
	uint64_t have;
	int rc;

	*got = 0;
	query_int(&q, (int64_t)ino);
	rc = query_row(&q);
	if (rc < 0)
		return rc;
	if (rc == 0)
		return node_exists(store, ino, err); /* never written: empty */
	have = (uint64_t)column_int(&q);
	if (window(have, offset, size) == 0)
		return 0;
	if (sqlite3_column_type(q.stmt, 1) == SQLITE_NULL) {
		query_end(&q);
		return read_large(q.conn, ino, offset, to, size, got, err);
	}
	*got = window(have, offset, size);
	memcpy(to, (const char *)sqlite3_column_blob(q.stmt, 1) + offset, *got);
	return 0;
}

/* Adds the one blob of the row; *found says whether there was a row. */
static int blob_get(struct query *q, struct buf *out, bool *found, struct error *err)
{
	int rc = query_row(q);
	const void *bytes;

	*found = rc > 0;
	if (rc <= 0)
		return rc;
	bytes = sqlite3_column_blob(q->stmt, 0);
	buf_add(out, bytes, (size_t)sqlite3_column_bytes(q->stmt, 0));
	return buf_check(out, "the file", err);
}

int store_content_get(struct store *store, uint64_t ino, struct buf *out, struct error *err)
{
	struct query q QUERY_END = query_read(
		store, "SELECT bytes FROM content WHERE ino = ?", err);
	bool found;
	int rc;

	query_int(&q, (int64_t)ino);
	rc = blob_get(&q, out, &found, err);
	if (!rc && !found)
		rc = node_exists(store, ino, err);
	return rc;
}

int store_content_missing(struct store *store, uint64_t **inos, size_t *n, struct error *err)
{
	struct query q QUERY_END = query_read(store,
		"SELECT ino FROM node WHERE item <> 0 AND parent <> 0 AND size > 0"
		" AND ino NOT IN (SELECT ino FROM content)",
		err);

	return query_ids(&q, inos, n);
}

int store_content_set(struct store *store, uint64_t ino, const char *bytes, size_t len,
	int64_t mtime, struct error *err)
{
	int rc;
	struct query q QUERY_END = query_write(store,
		"UPDATE node SET size = ?1, mtime = CASE WHEN ?2 THEN ?2 ELSE mtime END,"
		" ctime = ?3 WHERE ino = ?4",
		err);

	query_int(&q, (int64_t)len);
	query_int(&q, mtime);
	query_int(&q, store_now(store));
	query_int(&q, (int64_t)ino);
	rc = query_run1(&q, "file");
	if (!rc)
		rc = content_put(store, ino, bytes, len, err);
	return rc ? rc : node_touched(store, ino, err);
}

/* ---- working bytes -------------------------------------------------------------------------- */

int store_working_set(
	struct store *store, uint64_t ino, const char *bytes, size_t len, struct error *err)
{
	if (!bytes) {
		struct query q QUERY_END = query_write(
			store, "DELETE FROM working WHERE ino = ?", err);

		query_int(&q, (int64_t)ino);
		return query_run(&q);
	}
	struct query q QUERY_END = query_write(
		store, "INSERT OR REPLACE INTO working(ino, bytes) VALUES (?, ?)", err);

	query_int(&q, (int64_t)ino);
	query_bytes(&q, bytes, len);
	return query_run(&q);
}

int store_working_get(struct store *store, uint64_t ino, struct buf *out, struct error *err)
{
	struct query q QUERY_END = query_read(
		store, "SELECT bytes FROM working WHERE ino = ?", err);
	bool found;
	int rc;

	query_int(&q, (int64_t)ino);
	rc = blob_get(&q, out, &found, err);
	if (!rc && !found)
		rc = error_set(err, ERR_NOT_FOUND, "no working bytes");
	return rc;
}

int store_working_list(struct store *store, uint64_t **inos, size_t *n, struct error *err)
{
	struct query q QUERY_END = query_read(store, "SELECT ino FROM working ORDER BY ino", err);

	return query_ids(&q, inos, n);
}
