/* What was pulled: changes of mailboxes that wait to be merged, records of the CRM, and the cursors
 * and other named values that go with them (I4: in the same transaction). */
#include "sync/store/private.h"

#include "sync/mem.h"

#define PULL_FIELDS(X)                                                                             \
	X(struct store_pull, mailbox, INTEGER)                                                     \
	X(struct store_pull, folder, INTEGER)                                                      \
	X(struct store_pull, remote_id, TEXT)                                                      \
	X(struct store_pull, deleted, INTEGER)                                                     \
	X(struct store_pull, data, JSON)

static const struct column pull_columns[] = { FIELD_COLUMN(struct store_pull, seq, INTEGER)
		PULL_FIELDS(FIELD_COLUMN) };
static const struct table pull_table = { "pull", sizeof(struct store_pull), pull_columns,
	ARRAY_SIZE(pull_columns) };

FIELDS_ARE_ALL(struct store_pull, seq, PULL_FIELDS, );
#define PULL_NAMES PULL_FIELDS(FIELD_NAME)
#define PULL_MARKS PULL_FIELDS(FIELD_MARK)

#define RECORD_FIELDS(X)                                                                           \
	X(struct store_record, object, TEXT)                                                       \
	X(struct store_record, id, TEXT)                                                           \
	X(struct store_record, version, TEXT)                                                      \
	X(struct store_record, deleted, INTEGER)                                                   \
	X(struct store_record, data, JSON)

static const struct column record_columns[] = { FIELD_COLUMN(struct store_record, seq, INTEGER)
		RECORD_FIELDS(FIELD_COLUMN) };
static const struct table record_table = { "record", sizeof(struct store_record), record_columns,
	ARRAY_SIZE(record_columns) };

FIELDS_ARE_ALL(struct store_record, seq, RECORD_FIELDS, );
#define RECORD_NAMES RECORD_FIELDS(FIELD_NAME)
#define RECORD_MARKS RECORD_FIELDS(FIELD_MARK)

/* ---- pulls ---------------------------------------------------------------------------------- */

int store_pull_put(struct store *store, const struct store_pull *pull, struct error *err)
{
	struct store_pull row = *pull;
	struct query q QUERY_END = query_write(store,
		"INSERT OR REPLACE INTO pull(seq" PULL_NAMES ") VALUES (?" PULL_MARKS ")", err);

	row.seq = 0; /* always a new number: what was listed before stays before */
	row_bind(&q, &pull_table, &row);
	return query_run(&q);
}

int store_pull_list(struct store *store, int64_t mailbox, int64_t after, size_t max,
	struct store_pull **pulls, size_t *n, struct error *err)
{
	struct query q QUERY_END = query_read(store,
		"SELECT seq" PULL_NAMES " FROM pull"
		" WHERE mailbox = ? AND seq > ?"
		" ORDER BY seq LIMIT ?",
		err);

	query_int(&q, mailbox);
	query_int(&q, after);
	query_int(&q, (int64_t)max);
	return row_all(&q, &pull_table, pulls, n);
}

int store_pull_drop(struct store *store, int64_t seq, struct error *err)
{
	struct query q QUERY_END = query_write(store, "DELETE FROM pull WHERE seq = ?", err);

	query_int(&q, seq);
	return query_run(&q);
}

int store_pull_forget(
	struct store *store, int64_t mailbox, const char *remote_id, struct error *err)
{
	struct query q QUERY_END = query_write(
		store, "DELETE FROM pull WHERE mailbox = ? AND remote_id = ? AND deleted = 0", err);

	query_int(&q, mailbox);
	query_text(&q, remote_id);
	return query_run(&q);
}

bool store_pull_is_delete(struct store *store, int64_t mailbox, const char *remote_id)
{
	int64_t *seqs AUTOFREE = NULL;
	size_t n = 0;
	struct query q QUERY_END = query_read(store,
		"SELECT seq FROM pull WHERE mailbox = ? AND remote_id = ? AND deleted <> 0", NULL);

	query_int(&q, mailbox);
	query_text(&q, remote_id);
	return !query_ids(&q, &seqs, &n) && n > 0;
}

void store_pulls_free(struct store_pull *pulls, size_t n)
{
	rows_free(&pull_table, pulls, n);
}

/* ---- records -------------------------------------------------------------------------------- */

/* 1 when the record is stored with just this content. */
static int record_is_known(
	struct store *store, const struct store_record *record, struct error *err)
{
	struct query q QUERY_END = query_write(store,
		"SELECT 1 FROM record WHERE object = ? AND id = ? AND version IS ? AND deleted = ?"
		" AND data IS ?",
		err);

	query_text(&q, record->object);
	query_text(&q, record->id);
	query_text(&q, record->version);
	query_int(&q, record->deleted);
	query_json(&q, record->data);
	return query_row(&q);
}

int store_record_put(struct store *store, const struct store_record *record, struct error *err)
{
	struct store_record row = *record;
	int rc = record_is_known(store, record, err);
	struct query q QUERY_END = query_write(store,
		"INSERT OR REPLACE INTO record(seq" RECORD_NAMES ") VALUES (?" RECORD_MARKS ")",
		err);

	if (rc)
		return rc < 0 ? rc : 0;
	row.seq = 0; /* a new number, greater than all before */
	row_bind(&q, &record_table, &row);
	return query_run(&q);
}

int store_record_get(struct store *store, const char *object, const char *id,
	struct store_record *out, struct error *err)
{
	struct query q QUERY_END = query_read(
		store, "SELECT seq" RECORD_NAMES " FROM record WHERE object = ? AND id = ?", err);

	query_text(&q, object);
	query_text(&q, id);
	return row_one(&q, &record_table, out);
}

int store_record_list(struct store *store, int64_t after, size_t max, struct store_record **records,
	size_t *n, struct error *err)
{
	struct query q QUERY_END = query_read(store,
		"SELECT seq" RECORD_NAMES " FROM record WHERE seq > ? ORDER BY seq LIMIT ?", err);

	query_int(&q, after);
	query_int(&q, (int64_t)max);
	return row_all(&q, &record_table, records, n);
}

void store_record_clear(struct store_record *record)
{
	row_clear(&record_table, record);
}

void store_records_free(struct store_record *records, size_t n)
{
	rows_free(&record_table, records, n);
}

/* ---- named values --------------------------------------------------------------------------- */

int store_value_get(struct store *store, const char *name, char **value, struct error *err)
{
	struct query q QUERY_END = query_read(store, "SELECT value FROM value WHERE name = ?", err);
	int rc;

	*value = NULL;
	query_text(&q, name);
	rc = query_row(&q);
	if (rc > 0)
		*value = column_text(&q);
	return rc < 0 ? rc : 0;
}

int store_value_set(struct store *store, const char *name, const char *value, struct error *err)
{
	if (!value) {
		struct query q QUERY_END = query_write(
			store, "DELETE FROM value WHERE name = ?", err);

		query_text(&q, name);
		return query_run(&q);
	}
	struct query q QUERY_END = query_write(
		store, "INSERT OR REPLACE INTO value(name, value) VALUES (?, ?)", err);

	query_text(&q, name);
	query_text(&q, value);
	return query_run(&q);
}
