/* Conflict records: for each field that changed on more sides than one, who won and all who lost.
 *
 * An item's sides are merged one after the other, so a field that changed on all three clashes twice in a
 * cycle: the file with Exchange, then the winner with the CRM.  That is one conflict with two losers, and
 * what won the first time may be one of them.  So the record that this cycle made of the item, if any, is
 * continued: entries of one place (the canonical path, the names of the sides differ) become one.
 *
 * A folder that got two names or two places has a record of its own. */
#include <string.h>

#include "sync/engine/internal.h"
#include "sync/mem.h"

void conflict_note(struct pair *pair, const struct conflict_clash *clash)
{
	if (!pair->clashes)
		pair->clashes = json_array();
	json_array_append_new(pair->clashes,
		json_pack("{s:s, s:s?, s:O?, s:O?, s:s, s:[{s:s, s:O?}]}", "field", clash->field,
			"path", clash->path, "base", clash->base, "winner", clash->winner,
			"winner_origin", clash->winner_origin, "losers", "origin",
			clash->loser_origin, "value", clash->loser));
}

json_t *conflict_seen(
	struct cycle *c, const struct pair *pair, enum side side, bool known, const json_t *fields)
{
	return known ? json_deep_copy(fields) : pair_project(c, pair, side, NULL, NULL);
}

void conflict_note_removed(struct pair *pair, const json_t *before, const json_t *after,
	const char *winner, const char *origin)
{
	const char *name;
	json_t *value;

	json_object_foreach((json_t *)after, name, value) {
		if (value_equal(value, value_get(before, name)))
			continue;
		conflict_note(pair, &(const struct conflict_clash){ .field = name,
					    .base = value_get(before, name),
					    .winner_origin = winner,
					    .loser = value,
					    .loser_origin = origin });
	}
}

void conflict_note_record(struct pair *pair, const json_t *before, const json_t *after)
{
	conflict_note_removed(pair, before, after,
		pair->item.removed ? "file (removed)" : "file (private)", "crm");
}

void conflict_note_deleted(struct pair *pair, const char *edited_by, const char *deleted_by)
{
	json_t *edited = json_string("edited"), *deleted = json_string("deleted");

	conflict_note(pair, &(const struct conflict_clash){ .field = "(item)",
				    .winner = edited,
				    .winner_origin = edited_by,
				    .loser = deleted,
				    .loser_origin = deleted_by });
	json_decref(edited);
	json_decref(deleted);
}

static json_t *entry_of(const json_t *fields, const char *path)
{
	json_t *entry;
	size_t i;

	json_array_foreach((json_t *)fields, i, entry) {
		const char *known = json_string_value(json_object_get(entry, "path"));

		if (path && known && !strcmp(known, path))
			return entry;
	}
	return NULL;
}

/* What has the winner's value lost nothing. */
static void drop_winner(json_t *losers, const json_t *winner)
{
	for (size_t i = json_array_size(losers); i-- > 0;)
		if (value_equal(json_object_get(json_array_get(losers, i), "value"), winner))
			json_array_remove(losers, i);
}

/* The later clash of a place decides it; the base is that of the first. */
static void continue_entry(json_t *entry, const json_t *later)
{
	json_t *losers = json_object_get(entry, "losers");

	json_array_extend(losers, json_object_get(later, "losers"));
	drop_winner(losers, json_object_get(later, "winner"));
	json_object_set(entry, "winner", json_object_get(later, "winner"));
	json_object_set(entry, "winner_origin", json_object_get(later, "winner_origin"));
}

static void continue_record(json_t *data, const json_t *clashes)
{
	json_t *fields = json_object_get(data, "fields"), *clash;
	size_t i;

	json_array_foreach((json_t *)clashes, i, clash) {
		const char *path = json_string_value(json_object_get(clash, "path"));
		json_t *entry = entry_of(fields, path);

		if (entry)
			continue_entry(entry, clash);
		else
			json_array_append(fields, clash);
	}
}

static int add_record(struct cycle *c, struct pair *pair, const char *path, struct error *err)
{
	const char *slash = strrchr(path, '/');
	struct store_conflict conflict = { .mailbox = c->mb->id,
		.item = pair->item.id,
		.time = store_now(c->store),
		.name = xstrdup(slash ? slash + 1 : path),
		.data = json_pack("{s:s, s:s?, s:O}", "item", path, "uid", pair->item.uid, "fields",
			pair->clashes) };
	int rc = store_conflict_add(c->store, &conflict, err);

	store_conflict_clear(&conflict);
	return rc;
}

int conflict_save(struct cycle *c, struct pair *pair, struct error *err)
{
	struct store_conflict conflict;
	char *path AUTOFREE = NULL;
	int rc;

	if (!json_array_size(pair->clashes))
		return 0;
	path = pair_path(c, pair);
	rc = store_conflict_last(c->store, pair->item.id, c->began, &conflict, err);
	if (rc == ERR_NOT_FOUND) {
		rc = add_record(c, pair, path, err);
	} else if (!rc) {
		continue_record(conflict.data, pair->clashes);
		rc = store_conflict_save(c->store, &conflict, err);
		store_conflict_clear(&conflict);
	}
	if (!rc)
		cycle_log(c, "%s: conflict in %zu field(s), see .sync/conflicts", path,
			json_array_size(pair->clashes));
	return rc;
}

int conflict_folder(struct cycle *c, const struct store_node *node, const char *field,
	const char *base, const char *winner, const char *loser, struct error *err)
{
	char *path AUTOFREE = pair_node_path(c->store, node->ino, NULL);
	struct store_conflict conflict = { .mailbox = c->mb->id,
		.time = store_now(c->store),
		.name = xstrdup(node->name),
		.data = json_pack("{s:s, s:[{s:s, s:s?, s:s?, s:s, s:[{s:s, s:s?}]}]}", "item",
			path, "fields", "field", field, "base", base, "winner", winner,
			"winner_origin", "file", "losers", "origin", "exchange", "value", loser) };
	int rc = store_conflict_add(c->store, &conflict, err);

	store_conflict_clear(&conflict);
	if (!rc)
		cycle_log(c, "%s: changed on both sides, see .sync/conflicts", path);
	return rc;
}
