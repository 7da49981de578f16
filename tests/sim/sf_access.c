/* UserRecordAccess: what a user may do with records.  It has no rows of its own: each query names one
 * user and up to 200 records, and its rows are made for it.
 *
 * Sharing here is simple: who sees a record may do everything with it, but for deleting, transferring and
 * sharing it, which is for its owner. */
#include <stdlib.h>
#include <string.h>

#include "sync/mem.h"
#include "tests/sim/sf.h"

#define ACCESS_MAX 200

bool sf_is_access(const struct sf_table *table)
{
	return strcmp(table->name, "UserRecordAccess") == 0;
}

/* The condition on this field that every row must meet, or NULL. */
static const struct sf_expr *required(const struct sf_expr *e, const char *field)
{
	const struct sf_expr *left;

	if (!e)
		return NULL;
	if (e->node == SF_TEST)
		return !strcmp(e->path.field->name, field) && (e->op == SF_EQ || e->op == SF_IN)
			       ? e
			       : NULL;
	if (e->node != SF_AND)
		return NULL;
	left = required(e->left, field);
	return left ? left : required(e->right, field);
}

static struct sf_record *make_row(
	struct sf *sf, struct sf_table *table, const char *user, const char *id)
{
	struct sf_record *row = xcalloc(1, sizeof(*row)), *record = sf_find(sf, id);
	bool sees = record && !record->deleted && sf_visible(sf, record, user);
	const char *owner = record ? sf_text(record, "OwnerId") : NULL;
	bool owns = sees && owner && strcmp(owner, user) == 0;

	row->table = table;
	row->fields = json_pack("{s:s, s:s, s:s, s:b, s:b, s:b, s:b, s:b, s:s}", "Id", id,
		"RecordId", id, "UserId", user, "HasReadAccess", sees, "HasEditAccess", sees,
		"HasDeleteAccess", owns, "HasTransferAccess", owns, "HasAllAccess", owns,
		"MaxAccessLevel",
		owns   ? "All"
		: sees ? "Edit"
		       : "None");
	return row;
}

void sf_access_fill(struct sf *sf, const struct sf_soql *q, json_t **errors)
{
	const struct sf_expr *user = required(q->where, "UserId");
	const struct sf_expr *records = required(q->where, "RecordId");
	struct sf_table *table = q->table;

	if (!user || json_array_size(user->values) != 1 || !records) {
		*errors = sf_error("MALFORMED_QUERY", NULL,
			"UserRecordAccess needs filters on one UserId and on RecordId");
		return;
	}
	if (json_array_size(records->values) > ACCESS_MAX) {
		*errors = sf_error("QUERY_TOO_COMPLICATED", NULL,
			"UserRecordAccess takes at most %d record ids", ACCESS_MAX);
		return;
	}
	table->rows = xcalloc(json_array_size(records->values), sizeof(struct sf_record *));
	for (size_t i = 0; i < json_array_size(records->values); i++)
		table->rows[table->n++] = make_row(sf, table,
			json_string_value(json_array_get(user->values, 0)),
			json_string_value(json_array_get(records->values, i)));
}

void sf_access_empty(struct sf_table *table)
{
	for (size_t i = 0; i < table->n; i++) {
		json_decref(table->rows[i]->fields);
		free(table->rows[i]);
	}
	free(table->rows);
	table->rows = NULL;
	table->n = table->cap = 0;
}
