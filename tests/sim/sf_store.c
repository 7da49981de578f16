/* Records: ids, the index of unique values, and undo.
 *
 * A record's number in its table is the tail of its id, so a lookup by id is an array access.
 * Records are never freed while the simulator runs: query locators and undo frames may point to
 * them.  What a transaction changes is noted in the innermost undo frame; a commit hands the notes
 * to the frame around it, a rollback puts the former state back, last change first. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "sync/mem.h"
#include "tests/sim/sf.h"

#define ID_INSTANCE "5g000" /* between the prefix and the number */
#define ID_DIGITS   7
#define ID_FIRST    47210551 /* the number of the first record, so that ids look like ids */

static const char base62[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

struct undo_note {
	struct sf_record *record;
	json_t *fields; /* as they were */
	bool deleted, purged;
};

struct sf_undo {
	struct sf_undo *outer;
	struct undo_note *notes;
	size_t n, cap;
};

/* Ids ------------------------------------------------------------------------------------- */

void sf_id_full(const char *id, char *out)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345";

	memcpy(out, id, 15);
	for (int group = 0; group < 3; group++) {
		unsigned int bits = 0;

		for (int i = 0; i < 5; i++)
			if (isupper((unsigned char)id[group * 5 + i]))
				bits |= 1u << i;
		out[15 + group] = digits[bits];
	}
	out[18] = '\0';
}

bool sf_id_valid(const char *id)
{
	size_t len = strlen(id);
	char full[SF_ID_LEN + 1];

	if (len != 15 && len != SF_ID_LEN)
		return false;
	for (size_t i = 0; i < len; i++)
		if (!isalnum((unsigned char)id[i]))
			return false;
	sf_id_full(id, full);
	return len == 15 || strcasecmp(full + 15, id + 15) == 0;
}

static void make_id(const struct sf_table *table, size_t number, char *out)
{
	char id[16];
	size_t rest = number + ID_FIRST;

	snprintf(id, sizeof(id), "%s" ID_INSTANCE "%0*d", table->prefix, ID_DIGITS, 0);
	for (int i = 14; rest; i--, rest /= 62)
		id[i] = base62[rest % 62];
	sf_id_full(id, out);
}

struct sf_table *sf_table_of_id(struct sf *sf, const char *id)
{
	for (size_t i = 0; i < sf->n_tables; i++)
		if (strncmp(sf->tables[i].prefix, id, 3) == 0)
			return &sf->tables[i];
	return NULL;
}

struct sf_record *sf_find(struct sf *sf, const char *id)
{
	struct sf_table *table = sf_id_valid(id) ? sf_table_of_id(sf, id) : NULL;
	size_t number = 0;

	if (!table)
		return NULL;
	for (int i = 15 - ID_DIGITS; i < 15; i++)
		number = number * 62 + (size_t)(strchr(base62, id[i]) - base62);
	number -= ID_FIRST; /* wraps for smaller ones */
	if (number >= table->n || table->rows[number]->purged ||
		strncmp(table->rows[number]->id, id, 15) != 0)
		return NULL;
	return table->rows[number];
}

/* Tables and fields ----------------------------------------------------------------------- */

struct sf_table *sf_table_find(struct sf *sf, const char *name)
{
	for (size_t i = 0; i < sf->n_tables; i++)
		if (strcasecmp(sf->tables[i].name, name) == 0)
			return &sf->tables[i];
	return NULL;
}

const struct sf_field *sf_field_find(const struct sf_table *table, const char *name)
{
	for (size_t i = 0; i < table->n_fields; i++)
		if (strcasecmp(table->fields[i].name, name) == 0 &&
			!(table->fields[i].flags & SF_HIDDEN))
			return &table->fields[i];
	return NULL;
}

json_t *sf_get(const struct sf_record *record, const char *field)
{
	return json_object_get(record->fields, field);
}

const char *sf_text(const struct sf_record *record, const char *field)
{
	return json_string_value(sf_get(record, field));
}

/* The unique value -------------------------------------------------------------------------- */

static char *unique_key(const struct sf_table *table, const json_t *fields)
{
	for (size_t i = 0; i < table->n_fields; i++) {
		const char *value;
		char *key;

		if (!(table->fields[i].flags & SF_UNIQUE))
			continue;
		value = json_string_value(json_object_get(fields, table->fields[i].name));
		key = xstrdup(value);
		for (char *p = key; p && *p; p++)
			*p = (char)tolower((unsigned char)*p);
		return key;
	}
	return NULL;
}

struct sf_record *sf_find_unique(const struct sf_table *table, const char *value)
{
	char *key AUTOFREE = xstrdup(value);
	json_t *number;

	for (char *p = key; *p; p++)
		*p = (char)tolower((unsigned char)*p);
	number = json_object_get(table->unique, key);
	return number ? table->rows[json_integer_value(number)] : NULL;
}

static void index_record(struct sf_record *record, size_t number, bool add)
{
	char *key AUTOFREE = unique_key(record->table, record->fields);

	if (!key || record->deleted || record->purged)
		return;
	if (add)
		json_object_set_new(record->table->unique, key, json_integer((json_int_t)number));
	else
		json_object_del(record->table->unique, key);
}

static size_t number_of(const struct sf_record *record)
{
	size_t number = 0;

	for (int i = 15 - ID_DIGITS; i < 15; i++)
		number = number * 62 + (size_t)(strchr(base62, record->id[i]) - base62);
	return number - ID_FIRST;
}

/* Changes ----------------------------------------------------------------------------------- */

static void note(struct sf *sf, struct sf_record *record)
{
	struct sf_undo *undo = sf->undo;

	if (!undo)
		return;
	if (undo->n == undo->cap) {
		undo->cap = undo->cap ? undo->cap * 2 : 16;
		undo->notes = xreallocarray(undo->notes, undo->cap, sizeof(*undo->notes));
	}
	undo->notes[undo->n++] = (struct undo_note){ .record = record,
		.fields = json_incref(record->fields),
		.deleted = record->deleted,
		.purged = record->purged };
}

/* Takes the reference to fields. */
static void set_state(struct sf_record *record, json_t *fields, bool deleted, bool purged)
{
	size_t number = number_of(record);

	index_record(record, number, false);
	json_decref(record->fields);
	record->fields = fields;
	record->deleted = deleted;
	record->purged = purged;
	index_record(record, number, true);
}

struct sf_record *sf_insert(struct sf *sf, struct sf_table *table, json_t *fields)
{
	struct sf_record *record = xcalloc(1, sizeof(*record));

	if (table->n == table->cap) {
		table->cap = table->cap ? table->cap * 2 : 256;
		table->rows = xreallocarray(table->rows, table->cap, sizeof(struct sf_record *));
	}
	record->table = table;
	record->purged = true; /* what a rollback leaves */
	record->fields = json_object();
	make_id(table, table->n, record->id);
	table->rows[table->n++] = record;
	note(sf, record);
	json_object_set_new(fields, "Id", json_string(record->id));
	set_state(record, fields, false, false);
	return record;
}

void sf_put(struct sf *sf, struct sf_record *record, json_t *fields, bool deleted)
{
	note(sf, record);
	set_state(record, fields, deleted, false);
}

void sf_purge(struct sf *sf, struct sf_record *record)
{
	note(sf, record);
	set_state(record, json_incref(record->fields), true, true);
}

void sf_begin(struct sf *sf)
{
	struct sf_undo *undo = xcalloc(1, sizeof(*undo));

	undo->outer = sf->undo;
	sf->undo = undo;
}

static void end(struct sf *sf)
{
	struct sf_undo *undo = sf->undo;

	sf->undo = undo->outer;
	for (size_t i = 0; i < undo->n; i++)
		json_decref(undo->notes[i].fields);
	free(undo->notes);
	free(undo);
}

void sf_commit(struct sf *sf)
{
	struct sf_undo *inner = sf->undo;

	sf->undo = inner->outer;
	for (size_t i = 0; inner->outer && i < inner->n; i++) {
		note(sf, inner->notes[i].record);
		/* the former state is the inner note's, not what the record holds now */
		json_decref(sf->undo->notes[sf->undo->n - 1].fields);
		sf->undo->notes[sf->undo->n - 1] = inner->notes[i];
		json_incref(inner->notes[i].fields);
	}
	sf->undo = inner;
	end(sf);
}

void sf_rollback(struct sf *sf)
{
	struct sf_undo *undo = sf->undo;

	for (size_t i = undo->n; i-- > 0;) {
		const struct undo_note *former = &undo->notes[i];

		set_state(former->record, json_incref(former->fields), former->deleted,
			former->purged);
	}
	end(sf);
}

void sf_tables_free(struct sf *sf)
{
	while (sf->undo)
		end(sf);
	for (size_t t = 0; t < sf->n_tables; t++) {
		struct sf_table *table = &sf->tables[t];

		for (size_t i = 0; i < table->n; i++) {
			json_decref(table->rows[i]->fields);
			json_decref(table->rows[i]->hidden);
			free(table->rows[i]);
		}
		free(table->rows);
		free(table->fields);
		json_decref(table->unique);
	}
	free(sf->tables);
}
