/* tandemctl conflicts take: the value that lost a conflict is set after all, as an edit of the file.
 *
 * A record of the hub (conflict.c) names the place by the path of a row, and its values are as a side
 * has them; one of an edit (commit_merge.c) has canonical values under their own path.  Either way the
 * document with the other values is committed as if it had been written to .json/, and so is judged, kept
 * and sent like any edit; then the record goes. */
#include <string.h>
#include <stdlib.h>

#include "sync/engine/internal.h"
#include "sync/mem.h"

#define BYTES_MAX ((size_t)16 << 20)

struct take {
	struct engine *engine;
	const struct store_conflict *conflict;
	const char *origin; /* whose value; NULL: the last that lost */
	struct field_table tables[SIDES];
	json_t *doc;
	size_t taken;
};

static const char *text(const json_t *data, const char *name)
{
	return json_string_value(json_object_get(data, name));
}

static bool is(const char *a, const char *b)
{
	return a && !strcmp(a, b);
}

/* The loser to be taken; NULL: this field has none of that origin. */
static const json_t *loser_of(const struct take *t, const json_t *entry)
{
	const json_t *losers = json_object_get(entry, "losers");

	for (size_t i = json_array_size(losers); i-- > 0;) {
		const json_t *loser = json_array_get(losers, i);

		if (!t->origin || is(text(loser, "origin"), t->origin))
			return loser;
	}
	return NULL;
}

/* The name under which the table has this path, with the key of a set; NULL: none.  New string. */
static char *name_of(const struct field_table *table, const char *path)
{
	for (size_t i = 0; i < table->n; i++) {
		const struct field *row = &table->rows[i];
		size_t length = strlen(row->path);

		if (!strcmp(row->path, path))
			return xstrdup(row->name);
		if (row->flags & FIELD_PER_KEY && !strncmp(row->path, path, length) &&
			path[length] == '/')
			return xasprintf("%s%s", row->name, path + length);
	}
	return NULL;
}

static int set_field(struct take *t, const json_t *entry, const json_t *loser, struct error *err)
{
	bool crm = is(text(loser, "origin"), "crm") || is(text(entry, "winner_origin"), "crm");
	const struct field_table *table = &t->tables[crm ? SIDE_CRM : SIDE_EXCHANGE];
	char *name AUTOFREE = name_of(table, text(entry, "path"));

	if (!name)
		return error_set(err, ERR_INVALID, "%s: %s", text(entry, "field"),
			crm && !table->n ? "the CRM was not reached since the start; sync first"
					 : "it cannot be set by name: write it into the file");
	return field_apply(table, t->doc, name, json_object_get(loser, "value"), err);
}

/* A canonical place: members that are not there are made on the way. */
static int set_place(struct take *t, const char *path, json_t *value, struct error *err)
{
	char *copy AUTOFREE = xstrdup(path), *rest = NULL;
	char *name = strtok_r(copy, "/", &rest), *next;
	json_t *at = t->doc, *below;

	for (; name && (next = strtok_r(NULL, "/", &rest)); name = next) {
		below = json_object_get(at, name);
		if (!below && json_is_object(at)) {
			below = json_object();
			json_object_set_new(at, name, below);
		}
		at = below;
	}
	if (!name || !json_is_object(at))
		return error_set(err, ERR_INVALID, "%s: write it into the file", path);
	if (value && !json_is_null(value))
		json_object_set(at, name, value);
	else
		json_object_del(at, name);
	return 0;
}

static int set_all(struct take *t, struct error *err)
{
	json_t *fields = json_object_get(t->conflict->data, "fields"), *entry;
	size_t i;
	int rc = 0;

	json_array_foreach(fields, i, entry) {
		const json_t *loser = loser_of(t, entry);

		if (rc || !loser)
			continue;
		t->taken++;
		rc = text(entry, "path") ? set_field(t, entry, loser, err)
					 : set_place(t, text(entry, "field"),
						   json_object_get(loser, "value"), err);
	}
	if (!rc && !t->taken)
		rc = error_set(err, ERR_INVALID, "no value of %s lost in this conflict",
			t->origin ? t->origin : "anybody");
	return rc;
}

/* A deletion that lost against an edit: the file goes, as by rm. */
static bool is_about_deletion(const json_t *data)
{
	return is(text(json_array_get(json_object_get(data, "fields"), 0), "field"), "(item)");
}

static int remove_file(struct take *t, const struct store_item *item, struct error *err)
{
	struct store_node node;
	int number = 0, rc = store_node_get(t->engine->store, item->ino, &node, err);

	return rc ? rc : commit_unlink(t->engine->commit, node.parent, node.name, &number, err);
}

static void find_tables(struct take *t, enum item_kind kind)
{
	struct engine *e = t->engine;
	struct crm *crm;

	t->tables[SIDE_EXCHANGE] = e->mailbox_driver->fields(kind);
	pthread_mutex_lock(&e->remote_lock);
	crm = e->crm; /* opened once, closed with the engine */
	pthread_mutex_unlock(&e->remote_lock);
	/* It may have to ask the server. */
	if (crm && e->crm_driver->fields(crm, kind, &t->tables[SIDE_CRM], NULL))
		t->tables[SIDE_CRM] = (struct field_table){ 0 };
}

static int edit_file(struct take *t, const struct store_item *item, struct error *err)
{
	struct buf bytes AUTOBUF = BUF_INIT(BYTES_MAX);
	char *json;
	int rc;

	find_tables(t, item->kind);
	t->doc = json_deep_copy(item->doc);
	rc = set_all(t, err);
	if (!rc) {
		json = json_dumps(t->doc, JSON_COMPACT);
		buf_adds(&bytes, json);
		free(json);
		rc = buf_check(&bytes, "the item", err);
	}
	json_decref(t->doc);
	return rc ? rc
		  : commit_json(t->engine->commit, item->ino, 0, NULL, buf_str(&bytes), bytes.len,
			    NULL, err);
}

static int take(struct take *t, struct error *err)
{
	struct store *store = t->engine->store;
	struct store_item item = { 0 };
	int rc = t->conflict->item ? store_item_get(store, t->conflict->item, &item, err)
				   : ERR_NOT_FOUND;

	if (rc == ERR_NOT_FOUND || (!rc && !item.ino))
		rc = error_set(err, ERR_NOT_FOUND, "%s: there is no such item any more",
			text(t->conflict->data, "item"));
	if (!rc)
		rc = is_about_deletion(t->conflict->data) ? remove_file(t, &item, err)
							  : edit_file(t, &item, err);
	store_item_clear(&item);
	if (!rc)
		rc = store_begin(store, STORE_NORMAL, STORE_REMOTE, err);
	if (rc)
		return rc;
	rc = store_conflict_delete(store, t->conflict->id, err);
	return rc ? (store_rollback(store), rc) : store_commit(store, err);
}

int engine_take_conflict(struct engine *e, int64_t id, const char *origin, struct error *err)
{
	struct take t = { .engine = e, .origin = origin };
	bool found = false;
	int rc = 0;

	for (size_t i = 0; !rc && !found && i < e->n_mailboxes; i++) {
		struct store_conflict *rows = NULL;
		size_t n = 0;

		rc = store_conflict_list(e->store, e->mailboxes[i].id, &rows, &n, err);
		for (size_t j = 0; !rc && !found && j < n; j++) {
			found = rows[j].id == id;
			t.conflict = &rows[j];
			if (found)
				rc = take(&t, err);
		}
		store_conflicts_free(rows, n);
	}
	if (!rc && !found)
		rc = error_set(err, ERR_NOT_FOUND, "no conflict %lld here", (long long)id);
	return rc;
}
