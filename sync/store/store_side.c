/* Sides: what an item is on Exchange and in the CRM, with the shadow.
 *
 * One row an item and side, found by number without an index: id = item * 2 + side.  Most of the
 * time a remote holds just what it was sent, so `theirs` is stored as "=" when it equals `ours`. */
#include "sync/store/private.h"

#include <stdlib.h>
#include <string.h>

#include "sync/mem.h"

/* All but theirs, which comes last. */
#define SIDE_FIELDS(X)                                                                             \
	X(struct store_side, side, INTEGER)                                                        \
	X(struct store_side, status, INTEGER)                                                      \
	X(struct store_side, remote_id, TEXT)                                                      \
	X(struct store_side, version, TEXT)                                                        \
	X(struct store_side, key, TEXT)                                                            \
	X(struct store_side, remote_folder, TEXT)                                                  \
	X(struct store_side, token, TEXT)                                                          \
	X(struct store_side, token_sent, INTEGER)                                                  \
	X(struct store_side, reason, TEXT)                                                         \
	X(struct store_side, created_by_us, INTEGER)                                               \
	X(struct store_side, error, TEXT)                                                          \
	X(struct store_side, error_rev, INTEGER)                                                   \
	X(struct store_side, retry_at, INTEGER)                                                    \
	X(struct store_side, ours, JSON)                                                           \
	X(struct store_side, intent, JSON)

static const struct column side_columns[] = { FIELD_COLUMN(struct store_side, item, INTEGER)
		SIDE_FIELDS(FIELD_COLUMN) FIELD_COLUMN(struct store_side, theirs, JSON) };
/* Read without theirs, freed with it. */
static const struct table side_table = { "side", sizeof(struct store_side), side_columns,
	ARRAY_SIZE(side_columns) - 1 };
static const struct table side_whole = { "side", sizeof(struct store_side), side_columns,
	ARRAY_SIZE(side_columns) };

FIELDS_ARE_ALL(struct store_side, item, SIDE_FIELDS, json_t *theirs;);
#define SIDE_NAMES  SIDE_FIELDS(FIELD_NAME)
#define SIDE_MARKS  SIDE_FIELDS(FIELD_MARK)

#define SIDE_SELECT "SELECT item" SIDE_NAMES ", theirs FROM side "

static int64_t side_id(int64_t item, enum side side)
{
	return item * 2 + side;
}

static int side_one(struct query *q, struct store_side *out)
{
	int rc = row_one(q, &side_table, out);
	const char *theirs;

	if (rc)
		return rc;
	theirs = (const char *)sqlite3_column_text(q->stmt, q->column);
	if (theirs && strcmp(theirs, SAME_AS_OURS) == 0)
		out->theirs = json_deep_copy(out->ours);
	else
		out->theirs = column_json(q);
	if (q->failed)
		store_side_clear(out);
	return q->failed;
}

int store_side_get(struct store *store, int64_t item, enum side side, struct store_side *out,
	struct error *err)
{
	struct query q QUERY_END = query_read(store, SIDE_SELECT "WHERE id = ?", err);
	int rc;

	query_int(&q, side_id(item, side));
	rc = side_one(&q, out);
	if (rc) {
		out->item = item;
		out->side = side;
	}
	return rc;
}

int store_side_by_remote(struct store *store, int64_t mailbox, enum side side,
	const char *remote_id, struct store_side *out, struct error *err)
{
	struct query q QUERY_END = query_read(
		store, SIDE_SELECT "WHERE remote_id = ? AND side = ? AND mailbox = ? LIMIT 1", err);

	query_text(&q, remote_id);
	query_int(&q, side);
	query_int(&q, mailbox);
	return side_one(&q, out);
}

int store_side_by_token(struct store *store, enum side side, const char *token,
	struct store_side *out, struct error *err)
{
	struct query q QUERY_END = query_read(
		store, SIDE_SELECT "WHERE token = ? AND side = ? LIMIT 1", err);

	query_text(&q, token);
	query_int(&q, side);
	return side_one(&q, out);
}

int store_sides_by_key(struct store *store, int64_t mailbox, const char *key, int64_t **ids,
	size_t *n, struct error *err)
{
	struct query q QUERY_END = query_read(store,
		"SELECT item FROM side WHERE key = ? AND mailbox = ? AND side = 0 ORDER BY item",
		err);

	query_text(&q, key);
	query_int(&q, mailbox);
	return query_ids(&q, ids, n);
}

int store_sides_by_record(
	struct store *store, const char *record_id, int64_t **ids, size_t *n, struct error *err)
{
	struct query q QUERY_END = query_read(
		store, "SELECT item FROM side WHERE remote_id = ? AND side = 1 ORDER BY item", err);

	query_text(&q, record_id);
	return query_ids(&q, ids, n);
}

static int item_mailbox(struct store *store, int64_t item, uint64_t *mailbox, struct error *err)
{
	struct query q QUERY_END = query_write(store, "SELECT mailbox FROM item WHERE id = ?", err);
	int rc;

	query_int(&q, item);
	rc = query_row(&q);
	if (rc == 0)
		return error_set(err, ERR_NOT_FOUND, "no such item");
	*mailbox = rc > 0 ? (uint64_t)column_int(&q) : 0;
	return rc < 0 ? rc : 0;
}

int store_side_save(struct store *store, const struct store_side *side, struct error *err)
{
	uint64_t mailbox = 0;
	int rc = item_mailbox(store, side->item, &mailbox, err);
	struct query q QUERY_END = query_write(store,
		"INSERT OR REPLACE INTO side(item" SIDE_NAMES ", theirs, id, mailbox) VALUES "
		"(?" SIDE_MARKS ", ?, ?, "
		"?)",
		err);

	if (rc)
		return rc;
	row_bind(&q, &side_table, side);
	if (side->ours && side->theirs && json_equal(side->ours, side->theirs))
		query_text(&q, SAME_AS_OURS);
	else
		query_json(&q, side->theirs);
	query_int(&q, side_id(side->item, side->side));
	query_int(&q, (int64_t)mailbox);
	return query_run(&q);
}

int store_side_delete(struct store *store, int64_t item, enum side side, struct error *err)
{
	struct query q QUERY_END = query_write(store, "DELETE FROM side WHERE id = ?", err);

	query_int(&q, side_id(item, side));
	return query_run(&q);
}

void store_side_clear(struct store_side *side)
{
	row_clear(&side_whole, side);
}
