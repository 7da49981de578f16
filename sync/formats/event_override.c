/* Overrides of a series, as a table of fields sees them. */
#include "sync/formats/event.h"

#include "sync/formats/caltime.h"
#include "sync/formats/recur.h"
#include "sync/mem.h"

json_t *event_plain_occurrence(const json_t *doc, const char *key)
{
	json_t *series = json_copy((json_t *)doc), *occurrence;

	json_object_del(series, "recurrenceOverrides");
	occurrence = event_occurrence(series, key);
	json_decref(series);
	return occurrence;
}

/* What one occurrence has otherwise than the series. */
static json_t *override_of(
	const struct event_override_rows *rows, const json_t *doc, const char *key)
{
	json_t *plain = event_plain_occurrence(doc, key), *occurrence = event_occurrence(doc, key);
	json_t *out = json_object();

	for (size_t i = 0; i < rows->n; i++) {
		const struct field *row = field_find(rows->table, rows->names[i]);
		json_t *own = row->type->get(occurrence, row);
		json_t *theirs = row->type->get(plain, row);

		if (own && !json_equal(own, theirs))
			json_object_set(out, row->name, own);
		else if (!own && theirs)
			json_object_set_new(out, row->name, json_null());
		json_decref(own);
		json_decref(theirs);
	}
	json_decref(occurrence);
	json_decref(plain);
	return out;
}

json_t *event_overrides_get(const struct event_override_rows *rows, const json_t *doc)
{
	json_t *out = NULL, *patch;
	const char *key;

	json_object_foreach(json_object_get(doc, "recurrenceOverrides"), key, patch) {
		if (!out)
			out = json_object();
		json_object_set_new(out, key,
			json_is_true(json_object_get(patch, "excluded"))
				? json_pack("{s:b}", "excluded", 1)
				: override_of(rows, doc, key));
	}
	return out;
}

/* Makes the occurrence what the value says: in a row that it does not name, as the series is. */
static int apply_override(const struct event_override_rows *rows, json_t *occurrence,
	const json_t *plain, const json_t *value, struct error *err)
{
	int rc = 0;

	for (size_t i = 0; i < rows->n && !rc; i++) {
		const struct field *row = field_find(rows->table, rows->names[i]);
		json_t *named = json_object_get(value, row->name);
		json_t *wanted = named ? json_incref(named) : row->type->get(plain, row);
		json_t *now = row->type->get(occurrence, row);

		if (json_is_null(wanted)) {
			json_decref(wanted);
			wanted = NULL;
		}
		if (wanted ? !json_equal(wanted, now) : now != NULL)
			rc = row->type->set(occurrence, row, NULL, wanted, err);
		json_decref(now);
		json_decref(wanted);
	}
	return rc;
}

/* One that changes nothing is none, or it would stand beside the series once that moves. */
static void put_patch(json_t *doc, json_t *map, const char *key, json_t *patch)
{
	int64_t local;

	json_object_set_new(map, key, patch);
	if (json_object_size(patch) || !caltime_read_local(key, &local) || !recur_has(doc, local))
		return;
	json_object_del(map, key);
	if (!json_object_size(map))
		json_object_del(doc, "recurrenceOverrides");
}

int event_override_set(const struct event_override_rows *rows, json_t *doc, const char *key,
	const json_t *value, struct error *err)
{
	json_t *map = json_object_get(doc, "recurrenceOverrides"), *occurrence, *plain;
	int rc;

	if (!value) {
		json_object_del(map, key);
		if (!json_object_size(map))
			json_object_del(doc, "recurrenceOverrides");
		return 0;
	}
	if (!map) {
		map = json_object();
		json_object_set_new(doc, "recurrenceOverrides", map);
	}
	if (json_is_true(json_object_get(value, "excluded"))) {
		json_object_set_new(map, key, json_pack("{s:b}", "excluded", 1));
		return 0;
	}
	if (json_is_true(json_object_get(json_object_get(map, key), "excluded")))
		json_object_del(map, key);
	plain = event_plain_occurrence(doc, key);
	occurrence = event_occurrence(doc, key);
	rc = apply_override(rows, occurrence, plain, value, err);
	if (!rc)
		put_patch(doc, map, key, event_patch(doc, key, occurrence));
	json_decref(occurrence);
	json_decref(plain);
	return rc;
}
