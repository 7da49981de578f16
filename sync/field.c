/* Projection and application of field tables.
 *
 * Everything here is generic: the row's type knows the canonical place, the row's driver knows the
 * wire.  What this file adds is what must be the same for all of them: cutting a value to the
 * length that the remote keeps, refusing a name that is too long, and leaving a document untouched
 * when the value that came back is what we already show (I8, I11: the original stays whole behind
 * its cut). */
#include "sync/field.h"

#include <string.h>

#include "sync/mem.h"

const struct field *field_find(const struct field_table *table, const char *name)
{
	const char *slash = strchr(name, '/');
	size_t head = slash ? (size_t)(slash - name) : strlen(name);

	for (size_t i = 0; i < table->n; i++) {
		const struct field *row = &table->rows[i];
		bool per_key = row->flags & FIELD_PER_KEY;

		if (!per_key && strcmp(row->name, name) == 0)
			return row;
		if (per_key && strlen(row->name) == head && strncmp(row->name, name, head) == 0)
			return row;
	}
	return NULL;
}

json_t *field_names(const struct field_table *table, const json_t *fields)
{
	const struct field **rows AUTOFREE = xcalloc(json_object_size(fields), sizeof(*rows)), *row;
	json_t *names = json_array(), *value;
	const char *name;
	size_t n = 0;

	json_object_foreach((json_t *)fields, name, value)
		rows[n++] = field_find(table, name);
	for (size_t i = 0; i <= table->n; i++) {
		row = i < table->n ? &table->rows[i] : NULL;
		n = 0;
		json_object_foreach((json_t *)fields, name, value)
			if (rows[n++] == row)
				json_array_append_new(names, json_string(name));
	}
	return names;
}

/* Bytes of the character that starts with c (valid UTF-8). */
static size_t char_bytes(unsigned char c)
{
	return c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
}

/* Length of s in UTF-16 units.  *cut_at becomes the bytes that fit into `max` units. */
static size_t utf16_units(const char *s, size_t max, size_t *cut_at)
{
	size_t units = 0;
	size_t len = strlen(s);

	*cut_at = 0;
	for (size_t i = 0; i < len;) {
		size_t bytes = char_bytes((unsigned char)s[i]);

		units += bytes == 4 ? 2 : 1;
		i += bytes;
		if (units <= max)
			*cut_at = i < len ? i : len;
	}
	return units;
}

/* New reference to value within the row's limit; NULL and err when a name does not fit. */
static json_t *fit_string(const struct field *row, json_t *value, bool *was_cut, struct error *err)
{
	size_t cut_at;
	size_t units;

	if (!row->max_chars)
		return json_incref(value);
	units = utf16_units(json_string_value(value), row->max_chars, &cut_at);
	if (units <= row->max_chars)
		return json_incref(value);
	if (row->flags & FIELD_NAMING) {
		error_set(err, ERR_TOO_BIG, "%s has %zu characters, the limit is %zu", row->name,
			units, row->max_chars);
		return NULL;
	}
	*was_cut = true;
	return json_stringn(json_string_value(value), cut_at);
}

/* Takes the reference `value`. */
static json_t *fit(const struct field *row, json_t *value, bool *was_cut, struct error *err)
{
	json_t *out = NULL;
	json_t *one;
	size_t i;

	if (json_is_string(value)) {
		out = fit_string(row, value, was_cut, err);
	} else if (json_is_array(value)) {
		out = json_array();
		json_array_foreach(value, i, one) {
			json_t *cut = json_is_string(one) ? fit_string(row, one, was_cut, err)
							  : json_incref(one);
			if (!cut) {
				json_decref(out);
				out = NULL;
				break;
			}
			json_array_append_new(out, cut);
		}
	} else {
		out = json_incref(value);
	}
	json_decref(value);
	return out;
}

static void project_keys(const struct field *row, json_t *keys, json_t *out)
{
	const char *key;
	json_t *value;

	json_object_foreach(keys, key, value) {
		char *name AUTOFREE = xasprintf("%s/%s", row->name, key);

		json_object_set(out, name, value);
	}
	json_decref(keys);
}

json_t *field_project(
	const struct field_table *table, const json_t *doc, json_t *cut, struct error *err)
{
	json_t *out = json_object();

	for (size_t i = 0; i < table->n; i++) {
		const struct field *row = &table->rows[i];
		bool was_cut = false;
		json_t *value;

		if (row->flags & FIELD_NO_ACCESS)
			continue;
		value = row->type->get(doc, row);
		if (!value)
			continue;
		if (row->flags & FIELD_PER_KEY) {
			project_keys(row, value, out);
			continue;
		}
		value = fit(row, value, &was_cut, err);
		if (!value) {
			json_decref(out);
			return NULL;
		}
		if (was_cut && cut)
			json_array_append_new(cut, json_string(row->name));
		json_object_set_new(out, row->name, value);
	}
	return out;
}

static bool is_empty(const json_t *value)
{
	return !value || json_is_null(value) ||
	       (json_is_string(value) && json_string_length(value) == 0) ||
	       (json_is_array(value) && json_array_size(value) == 0);
}

static int apply_key_value(const struct field *row, json_t *doc, const char *key,
	const json_t *value, struct error *err)
{
	json_t *now = row->type->get(doc, row);
	bool same = is_empty(value) ? !json_object_get(now, key)
				    : json_equal(json_object_get(now, key), value);

	json_decref(now);
	return same ? 0 : row->type->set(doc, row, key, is_empty(value) ? NULL : value, err);
}

static int apply_key(const struct field *row, json_t *doc, const char *name, const json_t *value,
	struct error *err)
{
	const char *slash = strchr(name, '/');
	bool on = json_is_true(value);

	if (!slash || !slash[1])
		return error_set(err, ERR_INVALID, "%s needs a key, as in %s/KEY", name, row->name);
	if (row->flags & FIELD_VALUES)
		return apply_key_value(row, doc, slash + 1, value, err);
	if (!on && !is_empty(value) && !json_is_false(value))
		return error_set(err, ERR_INVALID, "%s must be true or null", name);
	return row->type->set(doc, row, slash + 1, on ? value : NULL, err);
}

/* Two wholes with one digest are the same value, however they are written. */
static int apply_apart(const struct field *row, json_t *doc, const json_t *value, struct error *err)
{
	json_t *now = row->type->get(doc, row);
	json_t *wanted = is_empty(value) ? NULL : row->apart->digest(value);
	bool same = now && wanted ? json_equal(now, wanted) : !now && is_empty(value);
	bool bad = !wanted && !is_empty(value);

	json_decref(now);
	json_decref(wanted);
	if (bad)
		return error_set(err, ERR_INVALID, "%s: a value that cannot be kept", row->name);
	return same ? 0 : row->type->set(doc, row, NULL, is_empty(value) ? NULL : value, err);
}

json_t *field_whole(const struct field_table *table, const json_t *doc, const char *name)
{
	const struct field *row = field_find(table, name);

	return row && row->apart ? row->apart->whole(doc, row) : NULL;
}

int field_apply(const struct field_table *table, json_t *doc, const char *name, const json_t *value,
	struct error *err)
{
	const struct field *row = field_find(table, name);
	bool was_cut = false;
	bool had;
	bool same;
	json_t *now;

	if (!row)
		return error_set(err, ERR_INTERNAL, "there is no field %s", name);
	if (row->flags & FIELD_NO_ACCESS)
		return 0;
	if (row->flags & FIELD_PER_KEY)
		return apply_key(row, doc, name, value, err);

	if (row->apart)
		return apply_apart(row, doc, value, err);
	/* A name that is too long cannot have been sent, so it is never "the same". */
	now = row->type->get(doc, row);
	had = now;
	if (now)
		now = fit(row, now, &was_cut, NULL);
	same = had ? now && json_equal(now, value) : is_empty(value);
	json_decref(now);
	if (same)
		return 0;
	return row->type->set(doc, row, NULL, is_empty(value) ? NULL : value, err);
}

bool field_same(const struct field *row, const json_t *a, const json_t *b)
{
	if (is_empty(a) || is_empty(b))
		return is_empty(a) && is_empty(b);
	return json_equal(a, b) || (row->type->same && row->type->same(a, b));
}
