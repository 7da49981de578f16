/* A mailbox that was restored from a backup, or built anew from one.
 *
 * Exchange then refuses every cursor, and what it shows has other ids: of the items, perhaps of
 * the folders. Keys and names are those of before, so items are found by their key, as after a
 * move, and folders by name and place.
 *
 * What it has may be some days old.  That an item is not as we last saw it there, or is missing,
 * is then nobody's edit and nobody's deletion: what is here stands and is sent again, what the
 * backup has instead goes into a conflict record (I5), and what it lacks is held by the guard,
 * however few they are (I9).
 *
 * It is told by a comparison from the start: a folder shows items, and none that we knew; or the
 * mailbox shows folders, and none that we knew.  That is noted with the page that showed it, until
 * all of it is merged. */
#include <string.h>

#include "sync/engine/internal.h"
#include "sync/mem.h"

static char *note_name(const struct cycle *c)
{
	return xasprintf("restored:%lld", (long long)c->mb->id);
}

bool restored_is_noted(struct cycle *c)
{
	char *name AUTOFREE = note_name(c);
	char *value AUTOFREE = NULL;

	return !store_value_get(c->store, name, &value, NULL) && value;
}

int restored_note(struct cycle *c, struct error *err)
{
	char *name AUTOFREE = note_name(c);

	if (restored_is_noted(c))
		return 0;
	cycle_log(c, "the mailbox was restored: its items are found again by their keys");
	return store_value_set(c->store, name, "1", err);
}

int restored_end(struct cycle *c, struct error *err)
{
	char *name AUTOFREE = note_name(c);
	int rc = store_begin(c->store, STORE_NORMAL, STORE_LOCAL, err);

	if (rc)
		return rc;
	rc = store_value_set(c->store, name, NULL, err);
	return rc ? (store_rollback(c->store), rc) : store_commit(c->store, err);
}

/* ---- folders with new ids ----------------------------------------------------------------- */

struct listing {
	const struct mailbox_folder *folders;
	size_t n;
	json_t *now; /* former id -> the id that the folder has now */
};

static const struct mailbox_folder *listed(const struct listing *list, const char *id)
{
	for (size_t i = 0; id && i < list->n; i++)
		if (!list->folders[i].deleted && !strcmp(list->folders[i].id, id))
			return &list->folders[i];
	return NULL;
}

static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

/* The folder as it is listed now: by its kind, or by what Exchange had as its name and place. */
static const struct mailbox_folder *found(
	const struct listing *list, const struct store_folder *folder)
{
	const char *parent = json_string_value(
		json_object_get(list->now, folder->remote_parent ?: ""));

	for (size_t i = 0; i < list->n; i++) {
		const struct mailbox_folder *there = &list->folders[i];

		if (there->deleted || there->kind != folder->kind ||
			there->is_default != folder->is_default)
			continue;
		if (there->is_default ||
			(same_text(there->name, folder->remote_name) &&
				same_text(listed(list, there->parent_id) ? there->parent_id : NULL,
					parent)))
			return there;
	}
	return NULL;
}

/* Gives the folder its new id.  One that is not found, or not yet, keeps the former. */
static int renumber(
	struct cycle *c, struct listing *list, uint64_t ino, bool *moved, struct error *err)
{
	const struct mailbox_folder *there;
	struct store_folder folder = { 0 };
	int rc = store_folder_get(c->store, ino, &folder, err);

	if (!rc && folder.remote_id && !listed(list, folder.remote_id)) {
		there = found(list, &folder);
		if (there) {
			json_object_set_new(list->now, folder.remote_id, json_string(there->id));
			xstrset(&folder.remote_id, there->id);
			xstrset(&folder.remote_parent, there->parent_id);
			xstrset(&folder.cursor, NULL);
			rc = store_folder_save(c->store, &folder, err);
			*moved = true;
		}
	}
	store_folder_clear(&folder);
	return rc;
}

static const json_t *now_called(const struct listing *list, const char *id)
{
	return json_object_get(list->now, id ? id : "");
}

static int renumber_side(
	struct cycle *c, const struct listing *list, int64_t item, struct error *err)
{
	struct store_side side;
	const json_t *now, *aim;
	int rc = 0;

	if (!store_side_get(c->store, item, SIDE_EXCHANGE, &side, NULL)) {
		now = now_called(list, side.remote_folder);
		aim = now_called(list, json_string_value(json_object_get(side.intent, "folder")));
		if (now)
			xstrset(&side.remote_folder, json_string_value(now));
		if (aim)
			json_object_set(side.intent, "folder", (json_t *)aim);
		if (now || aim)
			rc = store_side_save(c->store, &side, err);
	}
	store_side_clear(&side);
	return rc;
}

/* Is there a folder that we knew, and none of those in the listing? */
static bool none_is_known(
	struct cycle *c, const struct listing *list, const uint64_t *inos, size_t n)
{
	bool any = false, known = false;

	for (size_t i = 0; i < n && !known; i++) {
		struct store_folder folder = { 0 };

		if (!store_folder_get(c->store, inos[i], &folder, NULL) && folder.remote_id) {
			any = true;
			known = listed(list, folder.remote_id) != NULL;
		}
		store_folder_clear(&folder);
	}
	return any && !known;
}

int restored_folders(
	struct cycle *c, const struct mailbox_folder *folders, size_t n, struct error *err)
{
	struct listing list = { .folders = folders, .n = n, .now = json_object() };
	uint64_t *inos AUTOFREE = NULL;
	int64_t *items AUTOFREE = NULL;
	size_t n_inos = 0, n_items = 0;
	bool moved = true;
	int rc = store_folder_list(c->store, c->mb->id, &inos, &n_inos, err);

	if (!rc && none_is_known(c, &list, inos, n_inos)) {
		rc = restored_note(c, err);
		while (!rc && moved) { /* a folder is found when that above it is */
			moved = false;
			for (size_t i = 0; !rc && i < n_inos; i++)
				rc = renumber(c, &list, inos[i], &moved, err);
		}
		if (!rc)
			rc = store_items_all(c->store, c->mb->id, &items, &n_items, err);
		for (size_t i = 0; !rc && i < n_items; i++)
			rc = renumber_side(c, &list, items[i], err);
	}
	json_decref(list.now);
	return rc;
}
