/* Views: Salesforce_Sync below each folder of a kind whose items must not leave their folder (an
 * appointment moved out of its calendar would break its meeting).
 *
 * A view is a directory that Exchange does not know (store_folder.view_of).  Its items are those of the
 * folder above it that carry the view's name as a category, which *is* the location: the projection for
 * Exchange adds the category to what stands in the view, and the merge, where the category came or went,
 * moves the file instead of writing `keywords`.  A category that the user wrote in the file is both: it
 * is in `keywords`, and the file stands in the view.  So an item is in the view exactly when its
 * projection has the category. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sync/engine/internal.h"
#include "sync/mem.h"

bool kind_has_views(enum item_kind kind)
{
	return kind == KIND_EVENT || kind == KIND_TASK;
}

const char *views_name(const struct cycle *c)
{
	return c->policy && c->policy->folder ? c->policy->folder : "Salesforce_Sync";
}

static bool is_view(struct cycle *c, uint64_t ino)
{
	struct store_folder folder = { 0 };
	bool yes = !store_folder_get(c->store, ino, &folder, NULL) && folder.view_of;

	store_folder_clear(&folder);
	return yes;
}

/* ---- items ------------------------------------------------------------------------------------- */

/* The view beside or around the item, or none. */
static bool find_view(struct cycle *c, const struct pair *pair, struct store_node *view)
{
	struct store_folder folder = { 0 };
	uint64_t ino = 0;

	if (!kind_has_views(pair->item.kind) ||
		store_folder_get(c->store, pair->item.folder, &folder, NULL))
		return false;
	if (folder.view_of)
		ino = folder.ino;
	store_folder_clear(&folder);
	if (!ino && !store_folder_view(c->store, pair->item.folder, &folder, NULL)) {
		ino = folder.ino;
		store_folder_clear(&folder);
	}
	return ino && !store_node_get(c->store, ino, view, NULL);
}

char *views_field(struct cycle *c, const struct pair *pair, bool *inside)
{
	const struct field *row = kind_categories(c, pair->item.kind);
	struct store_node view;

	*inside = false;
	if (!row || !find_view(c, pair, &view))
		return NULL;
	*inside = view.ino == pair->item.folder;
	return xasprintf("%s/%s", row->name, view.name);
}

void views_project(struct cycle *c, const struct pair *pair, json_t *projection)
{
	bool inside;
	char *field AUTOFREE = views_field(c, pair, &inside);

	if (field && inside)
		json_object_set_new(projection, field, json_true());
}

int views_place(struct cycle *c, struct pair *pair, bool inside, struct error *err)
{
	struct store_folder real = { 0 };
	struct store_node view;
	uint64_t to;
	int rc = store_folder_real(c->store, pair->item.folder, &real, err);

	to = real.ino;
	store_folder_clear(&real);
	if (rc || !find_view(c, pair, &view))
		return rc;
	if (inside)
		to = view.ino;
	return to == pair->item.folder ? 0 : pair_move(c, pair, to, err);
}

uint64_t views_same(struct cycle *c, const struct pair *pair, uint64_t folder)
{
	struct store_folder view = { 0 };
	struct store_node now;
	uint64_t ino = folder;

	if (find_view(c, pair, &now) && now.ino == pair->item.folder &&
		!store_folder_view(c->store, folder, &view, NULL))
		ino = view.ino;
	store_folder_clear(&view);
	return ino;
}

/* The path of another live item with this UID in the same folder of Exchange; NULL: none. */
static char *double_of(struct cycle *c, const struct pair *pair, uint64_t real)
{
	int64_t *ids AUTOFREE = NULL;
	char *path = NULL;
	size_t n = 0;

	if (store_items_by_uid(
		    c->store, c->mb->id, pair->item.kind, pair->item.uid, &ids, &n, NULL))
		return NULL;
	for (size_t i = 0; i < n && !path; i++) {
		struct store_folder folder = { 0 };
		struct pair other;

		if (ids[i] == pair->item.id || pair_load(c, ids[i], &other, NULL))
			continue;
		if (other.item.ino && other.sides[SIDE_EXCHANGE].status != SIDE_NONE &&
			!store_folder_real(c->store, other.item.folder, &folder, NULL) &&
			folder.ino == real)
			path = pair_path(c, &other);
		store_folder_clear(&folder);
		pair_clear(&other);
	}
	return path;
}

bool views_is_double(struct cycle *c, const struct pair *pair, struct error *why)
{
	struct store_folder real = { 0 };
	char *path AUTOFREE = NULL;

	if (!kind_has_views(pair->item.kind) || !pair->item.uid ||
		pair->sides[SIDE_EXCHANGE].status != SIDE_NONE ||
		store_folder_real(c->store, pair->item.folder, &real, NULL))
		return false;
	path = double_of(c, pair, real.ino);
	store_folder_clear(&real);
	if (path)
		error_set(why, ERR_EXISTS,
			"its UID is that of %s, which stands in the same folder there: remove one "
			"of the two",
			path);
	return path != NULL;
}

/* ---- directories ------------------------------------------------------------------------------- */

/* Whoever has the view's name gives way to it: a folder of Exchange is shown as "Name (2)". */
static int free_name(struct cycle *c, uint64_t parent, const char *name, struct error *err)
{
	struct store_folder folder = { 0 };
	struct store_node taken;
	int rc = store_node_lookup(c->store, parent, name, &taken, err);

	if (rc)
		return rc == ERR_NOT_FOUND ? 0 : rc;
	rc = ERR_EXISTS;
	for (unsigned int n = 2; rc == ERR_EXISTS; n++) {
		char *other AUTOFREE = folders_numbered(name, n);

		rc = store_node_rename(c->store, taken.ino, parent, other, err);
	}
	if (!rc && !store_folder_get(c->store, taken.ino, &folder, NULL)) {
		rc = store_node_get(c->store, taken.ino, &taken, err);
		xstrset(&folder.shown_name, taken.name); /* nobody renamed it */
		if (!rc)
			rc = store_folder_save(c->store, &folder, err);
		store_folder_clear(&folder);
	}
	return rc;
}

/* Items that carry the category already stand in the view from now on. */
static int adopt_items(struct cycle *c, uint64_t folder, struct error *err)
{
	int64_t *ids AUTOFREE = NULL;
	size_t n = 0;
	int rc = store_items_in_folder(c->store, folder, &ids, &n, err);

	for (size_t i = 0; !rc && i < n; i++) {
		struct pair pair;

		rc = pair_load(c, ids[i], &pair, err);
		if (rc)
			break;
		rc = views_settle(c, &pair, err);
		if (!rc && pair.item.folder != folder)
			rc = store_item_save(c->store, &pair.item, err);
		pair_clear(&pair);
	}
	return rc;
}

static int make(struct cycle *c, const struct store_folder *folder, struct error *err)
{
	struct store_folder view = { .mailbox = c->mb->id,
		.kind = folder->kind,
		.is_sync = true,
		.complete = folder->complete,
		.view_of = folder->ino };
	struct store_node node = { .parent = folder->ino,
		.type = NODE_FOLDER,
		.kind = folder->kind,
		.mailbox = c->mb->id,
		.mode = 0700 };
	int rc = free_name(c, folder->ino, views_name(c), err);

	snprintf(node.name, sizeof(node.name), "%s", views_name(c));
	if (!rc)
		rc = store_node_create(c->store, &node, err);
	view.ino = node.ino;
	if (!rc)
		rc = store_folder_save(c->store, &view, err);
	return rc ? rc : adopt_items(c, folder->ino, err);
}

static bool is_wanted(const struct cycle *c, const struct store_folder *folder)
{
	const struct config_rule *rule = kind_rule(c, folder->kind);

	return kind_has_views(folder->kind) && !folder->view_of && !folder->removed &&
	       c->engine->crm_driver && rule && rule->mode != MODE_OFF;
}

bool views_are_due(struct cycle *c, const struct store_folder *folder)
{
	struct store_node node;

	return is_wanted(c, folder) &&
	       (store_node_lookup(c->store, folder->ino, views_name(c), &node, NULL) ||
		       !is_view(c, node.ino));
}

int views_ensure(struct cycle *c, const struct store_folder *folder, struct error *err)
{
	struct store_folder view = { 0 };
	struct store_node node;
	int rc;

	if (!is_wanted(c, folder))
		return 0;
	rc = store_folder_view(c->store, folder->ino, &view, err);
	if (rc == ERR_NOT_FOUND)
		return make(c, folder, err);
	if (!rc)
		rc = store_node_get(c->store, view.ino, &node, err);
	if (!rc && strcmp(node.name, views_name(c)) != 0) { /* the policy names another folder */
		rc = free_name(c, folder->ino, views_name(c), err);
		if (!rc)
			rc = store_node_rename(c->store, view.ino, folder->ino, views_name(c), err);
	}
	if (!rc && view.complete != folder->complete) {
		view.complete = folder->complete;
		rc = store_folder_save(c->store, &view, err);
	}
	store_folder_clear(&view);
	return rc;
}

int views_drop(struct cycle *c, uint64_t folder, struct error *err)
{
	struct store_folder view = { 0 };
	struct store_node node;
	int rc = store_folder_view(c->store, folder, &view, err);

	if (rc)
		return rc == ERR_NOT_FOUND ? 0 : rc;
	if (!store_node_get(c->store, view.ino, &node, NULL) && node.parent)
		rc = store_node_remove(c->store, view.ino, err);
	if (!rc)
		rc = store_folder_delete(c->store, view.ino, err);
	store_folder_clear(&view);
	return rc;
}

int views_settle(struct cycle *c, struct pair *pair, struct error *err)
{
	bool inside;
	char *field AUTOFREE = views_field(c, pair, &inside);
	json_t *projection;
	int rc = 0;

	if (!field || inside)
		return 0;
	projection = pair_project(c, pair, SIDE_EXCHANGE, NULL, NULL);
	if (value_get(projection, field))
		rc = views_place(c, pair, true, err);
	json_decref(projection);
	return rc;
}
