/* Folders from Exchange: the hierarchy of a mailbox into the directories that show it.
 *
 * store_folder holds the shadow: shown_name is what the directory was called when the two last agreed,
 * remote_name and remote_parent are what Exchange had then.  The node's own name and parent are what is
 * here.  A name that changed on one side goes to the other; of one that changed on both the directory's
 * stands, as between a file and Exchange, and Exchange's is kept in a conflict record.  A name that is
 * taken gets a number, on the side where it is taken and there alone.
 *
 * folders_push.c sends what changed here. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sync/engine/internal.h"
#include "sync/mem.h"

/* One listing on its way into the store. */
struct hierarchy {
	struct cycle *c;
	json_t *numbered; /* array: numbers of directories whose name was taken at the time */
};

#define NAME_BYTES 255

/* ---- names ------------------------------------------------------------------------------------ */

char *folders_numbered(const char *name, unsigned int n)
{
	char *suffix AUTOFREE = n > 1 ? xasprintf(" (%u)", n) : xstrdup("");
	size_t length = strlen(name), room = NAME_BYTES - strlen(suffix);

	if (length > room)
		for (length = room; length && ((unsigned char)name[length] & 0xc0) == 0x80;)
			length--; /* no half of a character */
	return xasprintf("%.*s%s", (int)length, name, suffix);
}

/* A server's name is data: no slash, no control characters, no leading dot, at most 255 bytes. */
static char *clean_name(const char *name)
{
	char *clean = folders_numbered(name, 1);

	for (size_t i = 0; clean[i]; i++)
		if (clean[i] == '/' || (unsigned char)clean[i] < 0x20 || clean[i] == 0x7f)
			clean[i] = '_';
	if (clean[0] == '.')
		clean[0] = '_';
	return *clean ? clean : (free(clean), xstrdup("_"));
}

static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

/* Gives the directory this name, or with a number the first that is free. */
static int place_node(struct hierarchy *h, struct store_node *node, uint64_t parent,
	const char *name, struct error *err)
{
	int rc = store_node_rename(h->c->store, node->ino, parent, name, err);

	if (rc == ERR_EXISTS)
		json_array_append_new(h->numbered, json_integer((json_int_t)node->ino));
	for (unsigned int n = 2; rc == ERR_EXISTS; n++) {
		char *numbered AUTOFREE = folders_numbered(name, n);

		rc = store_node_rename(h->c->store, node->ino, parent, numbered, err);
	}
	return rc ? rc : store_node_get(h->c->store, node->ino, node, err);
}

/* Two folders that changed their names in one listing stood in each other's way: now the name may be
 * free. */
static int try_names_again(struct hierarchy *h, struct error *err)
{
	json_t *number;
	size_t i;
	int rc = 0;

	json_array_foreach(h->numbered, i, number) {
		uint64_t ino = (uint64_t)json_integer_value(number);
		struct store_folder folder = { 0 };
		struct store_node node = { 0 }, taken;

		rc = store_folder_get(h->c->store, ino, &folder, err);
		if (!rc)
			rc = store_node_get(h->c->store, ino, &node, err);
		if (!rc && same_text(node.name, folder.shown_name)) {
			char *name AUTOFREE = clean_name(folder.remote_name);

			if (store_node_lookup(h->c->store, node.parent, name, &taken, NULL)) {
				rc = store_node_rename(h->c->store, ino, node.parent, name, err);
				xstrset(&folder.shown_name, name);
				if (!rc)
					rc = store_folder_save(h->c->store, &folder, err);
			}
		}
		store_folder_clear(&folder);
		if (rc)
			break;
	}
	return rc;
}

/* ---- new ones --------------------------------------------------------------------------------- */

int folders_default(
	struct cycle *c, enum item_kind kind, struct store_folder *out, struct error *err)
{
	uint64_t *inos = NULL;
	size_t n = 0;
	int rc = store_folder_list(c->store, c->mb->id, &inos, &n, err);

	for (size_t i = 0; !rc && i < n; i++) {
		rc = store_folder_get(c->store, inos[i], out, err);
		if (!rc && out->is_default && out->kind == kind) {
			free(inos);
			return 0;
		}
		if (!rc)
			store_folder_clear(out);
	}
	free(inos);
	return rc ? rc : error_set(err, ERR_NOT_FOUND, "no default folder of this kind");
}

/* The folder that a remote one stands in: its parent, or its kind's default folder when that is not
 * shown. */
static int parent_folder(struct cycle *c, const char *remote_id, enum item_kind kind,
	struct store_folder *out, struct error *err)
{
	int rc = remote_id ? store_folder_by_remote(c->store, c->mb->id, remote_id, out, err)
			   : ERR_NOT_FOUND;

	return rc == ERR_NOT_FOUND ? folders_default(c, kind, out, err) : rc;
}

/* A directory under the cleaned name, or that with a number. */
static int create_node(struct cycle *c, const struct mailbox_folder *remote, uint64_t parent,
	struct store_node *node, struct error *err)
{
	char *name AUTOFREE = clean_name(remote->name);
	int rc = ERR_EXISTS;

	for (unsigned int n = 1; rc == ERR_EXISTS; n++) {
		char *numbered AUTOFREE = folders_numbered(name, n);

		*node = (struct store_node){ .parent = parent,
			.type = NODE_FOLDER,
			.kind = remote->kind,
			.mailbox = c->mb->id,
			.mode = 0700 };
		snprintf(node->name, sizeof(node->name), "%s", numbered);
		rc = store_node_create(c->store, node, err);
	}
	return rc;
}

/* A directory made here and a folder made there under one name are the same; so are one that went there
 * and one that is there again. */
static int adopt_local(struct cycle *c, const struct mailbox_folder *remote, uint64_t parent,
	struct store_folder *folder, struct store_node *node, struct error *err)
{
	char *name AUTOFREE = clean_name(remote->name);
	int rc = store_node_lookup(c->store, parent, name, node, err);

	if (rc || node->type != NODE_FOLDER)
		return rc ? rc : ERR_NOT_FOUND;
	rc = store_folder_get(c->store, node->ino, folder, err);
	if (!rc && (folder->remote_id || folder->view_of)) {
		store_folder_clear(folder);
		return ERR_NOT_FOUND;
	}
	return rc;
}

/* Makes row and directory agree with what Exchange has. */
static int agree(struct cycle *c, struct store_folder *folder, const struct mailbox_folder *remote,
	struct error *err)
{
	xstrset(&folder->remote_id, remote->id);
	xstrset(&folder->version, remote->version);
	xstrset(&folder->remote_name, remote->name);
	xstrset(&folder->remote_parent, remote->parent_id);
	return store_folder_save(c->store, folder, err);
}

static int new_folder(struct cycle *c, const struct mailbox_folder *remote, struct error *err)
{
	struct store_folder parent = { 0 }, folder = { 0 };
	struct store_node node = { 0 };
	int rc;

	if (remote->is_default) {
		rc = folders_default(c, remote->kind, &folder, err);
	} else {
		rc = parent_folder(c, remote->parent_id, remote->kind, &parent, err);
		if (!rc)
			rc = folders_come_back(c, &parent, err);
		if (rc)
			goto out;
		rc = adopt_local(c, remote, parent.ino, &folder, &node, err);
		if (rc == ERR_NOT_FOUND) {
			rc = create_node(c, remote, parent.ino, &node, err);
			folder = (struct store_folder){
				.ino = node.ino, .mailbox = c->mb->id, .kind = remote->kind
			};
		}
		xstrset(&folder.shown_name, node.name);
	}
	folder.removed = 0; /* gone there once, and there again */
	if (!rc)
		rc = agree(c, &folder, remote, err);
	if (!rc) /* before a folder of the view's name is met below it */
		rc = views_ensure(c, &folder, err);
out:
	store_folder_clear(&parent);
	store_folder_clear(&folder);
	return rc;
}

/* ---- known ones -------------------------------------------------------------------------------- */

/* Does this directory lie in that one, or is it the same? */
static bool is_below(struct cycle *c, uint64_t ino, uint64_t above)
{
	struct store_node node;

	while (ino && ino != above && !store_node_get(c->store, ino, &node, NULL))
		ino = node.parent;
	return ino == above;
}

static bool is_moved_here(
	struct cycle *c, const struct store_folder *folder, const struct store_node *node)
{
	struct store_folder parent = { 0 };
	bool moved = !store_folder_get(c->store, node->parent, &parent, NULL) &&
		     !same_text(parent.remote_id, folder->remote_parent);

	store_folder_clear(&parent);
	return moved;
}

/* Name and place as Exchange has them now, where only it changed them. */
static int follow(struct hierarchy *h, const struct mailbox_folder *remote,
	struct store_folder *folder, struct store_node *node, struct error *err)
{
	struct cycle *c = h->c;
	bool renamed = !same_text(folder->remote_name, remote->name);
	bool moved = !same_text(folder->remote_parent, remote->parent_id);
	bool renamed_here = !same_text(folder->shown_name, node->name);
	char *name AUTOFREE = clean_name(remote->name);
	struct store_folder parent = { 0 };
	uint64_t to = node->parent;
	int rc = 0;

	if (renamed && renamed_here && strcmp(node->name, name) != 0)
		rc = conflict_folder(
			c, node, "DisplayName", folder->remote_name, node->name, remote->name, err);
	if (!rc && moved)
		rc = parent_folder(c, remote->parent_id, folder->kind, &parent, err);
	if (!rc && moved && parent.ino != to) {
		/* One into the other from either end: what is here stands, and is sent. */
		if (is_moved_here(c, folder, node) || is_below(c, parent.ino, node->ino))
			rc = conflict_folder(c, node, "ParentFolderId", folder->remote_parent, NULL,
				remote->parent_id, err);
		else
			to = parent.ino;
	}
	store_folder_clear(&parent);
	if (!rc && ((renamed && !renamed_here) || to != node->parent))
		rc = place_node(h, node, to, renamed && !renamed_here ? name : node->name, err);
	if (!rc && (!renamed_here || !strcmp(node->name, name)))
		xstrset(&folder->shown_name, node->name);
	return rc;
}

static int known_folder(struct hierarchy *h, const struct mailbox_folder *remote,
	struct store_folder *folder, struct error *err)
{
	struct store_node node;
	int rc = 0;

	/* One that was removed here has no place; its removal stands unless something arrives in it. */
	if (!folder->is_default && !folder->removed) {
		rc = store_node_get(h->c->store, folder->ino, &node, err);
		if (!rc)
			rc = follow(h, remote, folder, &node, err);
	}
	return rc ? rc : agree(h->c, folder, remote, err);
}

/* The directory of a folder that was removed here stands again, with its number (I7). */
static int stand_again(struct cycle *c, struct store_folder *folder, uint64_t parent,
	struct store_node *node, struct error *err)
{
	bool kept = !store_node_get(c->store, folder->ino, node, NULL);
	int rc = ERR_EXISTS;

	for (unsigned int n = 1; rc == ERR_EXISTS; n++) {
		char *name AUTOFREE = folders_numbered(folder->shown_name, n);

		if (kept) {
			rc = store_node_rename(c->store, folder->ino, parent, name, err);
			continue;
		}
		*node = (struct store_node){ .parent = parent,
			.type = NODE_FOLDER,
			.kind = folder->kind,
			.mailbox = c->mb->id,
			.mode = 0700 };
		snprintf(node->name, sizeof(node->name), "%s", name);
		rc = store_node_create_as(c->store, node, folder->ino, err);
	}
	return rc ? rc : store_node_get(c->store, folder->ino, node, err);
}

/* Something arrived in a folder that was removed here: then the folder stays. */
int folders_come_back(struct cycle *c, struct store_folder *folder, struct error *err)
{
	struct store_folder parent = { 0 };
	struct store_node node;
	int rc;

	if (!folder->removed || !folder->remote_id)
		return 0;
	rc = parent_folder(c, folder->remote_parent, folder->kind, &parent, err);
	if (!rc)
		rc = folders_come_back(c, &parent, err);
	if (!rc)
		rc = stand_again(c, folder, parent.ino, &node, err);
	store_folder_clear(&parent);
	if (rc)
		return rc;
	folder->removed = 0;
	xstrset(&folder->shown_name, node.name);
	cycle_log(c, "folder %s stays: something came into it", node.name);
	return store_folder_save(c->store, folder, err);
}

/* ---- those that are gone ------------------------------------------------------------------------ */

/* Stages the item as deleted if Exchange had it in this folder. */
static int stage_gone(
	struct cycle *c, const struct store_folder *folder, int64_t item, struct error *err)
{
	struct store_pull pull = { .mailbox = c->mb->id, .folder = folder->ino, .deleted = true };
	struct store_side side;
	int rc = store_side_get(c->store, item, SIDE_EXCHANGE, &side, err);

	if (!rc && side.remote_id && same_text(side.remote_folder, folder->remote_id)) {
		pull.remote_id = side.remote_id;
		rc = store_pull_put(c->store, &pull, err);
	}
	store_side_clear(&side);
	return rc == ERR_NOT_FOUND ? 0 : rc;
}

/* Its items are staged as deleted, the guard decides; the directory goes when it is empty
 * (folders_settle). */
static int gone_folder(struct cycle *c, struct store_folder *folder, struct error *err)
{
	int64_t *ids = NULL;
	size_t n = 0;
	int rc = store_items_in_real_folder(c->store, folder->ino, &ids, &n, err);

	for (size_t i = 0; !rc && i < n; i++)
		rc = stage_gone(c, folder, ids[i], err);
	free(ids);
	if (!rc)
		rc = hidden_keep(c, folder->ino, NULL, err);
	if (rc)
		return rc;
	xstrset(&folder->remote_id, NULL);
	xstrset(&folder->cursor, NULL);
	folder->removed = store_now(c->store);
	return store_folder_save(c->store, folder, err);
}

static int apply_folder(struct hierarchy *h, const struct mailbox_folder *remote, struct error *err)
{
	struct cycle *c = h->c;
	struct store_folder folder = { 0 };
	int rc = store_folder_by_remote(c->store, c->mb->id, remote->id, &folder, err);

	if (rc == ERR_NOT_FOUND)
		return remote->deleted ? 0 : new_folder(c, remote, err);
	if (!rc)
		rc = remote->deleted ? gone_folder(c, &folder, err)
				     : known_folder(h, remote, &folder, err);
	store_folder_clear(&folder);
	return rc;
}

/* ---- the listing -------------------------------------------------------------------------------- */

static bool is_listed(const struct mailbox_folder *folders, size_t n, const char *id)
{
	for (size_t i = 0; i < n; i++)
		if (!folders[i].deleted && !strcmp(folders[i].id, id))
			return true;
	return false;
}

/* What a listing from the start does not show is gone there. */
static int unlisted(
	struct cycle *c, const struct mailbox_folder *folders, size_t n, struct error *err)
{
	uint64_t *inos = NULL;
	size_t n_inos = 0;
	int rc = store_folder_list(c->store, c->mb->id, &inos, &n_inos, err);

	for (size_t i = 0; !rc && i < n_inos; i++) {
		struct store_folder folder = { 0 };

		rc = store_folder_get(c->store, inos[i], &folder, err);
		if (!rc && !folder.is_default && folder.remote_id &&
			!is_listed(folders, n, folder.remote_id))
			rc = gone_folder(c, &folder, err);
		store_folder_clear(&folder);
	}
	free(inos);
	return rc;
}

/* ---- those that we made --------------------------------------------------------------------------- */

static char *made_prefix(const struct cycle *c)
{
	return xasprintf("made-folder:%lld:", (long long)c->mb->id);
}

int folders_made(struct cycle *c, const struct store_folder *folder, struct error *err)
{
	char *prefix AUTOFREE = made_prefix(c);
	char *name AUTOFREE = xasprintf("%s%s", prefix, folder->remote_id);

	return store_value_set(c->store, name, "1", err);
}

/* A listing since the cursor does not tell of a folder that was made after it and is gone already.  So
 * each that we made is noted with the answer, and the next listing either shows it, or it is gone. */
static int made_and_gone(
	struct cycle *c, const struct mailbox_folder *folders, size_t n, struct error *err)
{
	char *prefix AUTOFREE = made_prefix(c);
	json_t *names = NULL, *name;
	size_t i;
	int rc = store_value_names(c->store, prefix, &names, err);

	json_array_foreach(names, i, name) {
		const char *id = json_string_value(name) + strlen(prefix);
		struct store_folder folder = { 0 };

		if (!is_listed(folders, n, id) &&
			!store_folder_by_remote(c->store, c->mb->id, id, &folder, NULL))
			rc = gone_folder(c, &folder, err);
		store_folder_clear(&folder);
		if (!rc)
			rc = store_value_set(c->store, json_string_value(name), NULL, err);
		if (rc)
			break;
	}
	json_decref(names);
	return rc;
}

/* whole: a listing from the start. */
static int store_folders(struct cycle *c, const struct mailbox_folder *folders, size_t n,
	bool whole, const char *cursor, struct error *err)
{
	struct hierarchy h = { .c = c, .numbered = json_array() };
	struct store_mailbox mb = { 0 };
	int rc = store_begin(c->store, STORE_NORMAL, STORE_REMOTE, err);

	if (rc) {
		json_decref(h.numbered);
		return rc;
	}
	if (whole)
		rc = restored_folders(c, folders, n, err);
	if (!rc && whole)
		rc = unlisted(c, folders, n, err);
	/* Those that went first, so that one made again under its name is the same directory; then default
	 * folders, so that every child finds its parent. */
	for (size_t i = 0; !rc && i < n; i++)
		if (folders[i].deleted)
			rc = apply_folder(&h, &folders[i], err);
	for (size_t i = 0; !rc && i < n; i++)
		if (folders[i].is_default && !folders[i].deleted)
			rc = apply_folder(&h, &folders[i], err);
	for (size_t i = 0; !rc && i < n; i++)
		if (!folders[i].is_default && !folders[i].deleted)
			rc = apply_folder(&h, &folders[i], err);
	if (!rc)
		rc = made_and_gone(c, folders, n, err);
	if (!rc)
		rc = try_names_again(&h, err);
	json_decref(h.numbered);
	if (!rc)
		rc = store_mailbox_get(c->store, c->mb->id, &mb, err);
	if (!rc) {
		xstrset(&mb.folder_cursor, cursor);
		rc = store_mailbox_save(c->store, &mb, err);
	}
	store_mailbox_clear(&mb);
	if (!rc)
		return store_commit(c->store, err);
	store_rollback(c->store);
	return rc;
}

int folders_pull(struct cycle *c, struct error *err)
{
	const struct mailbox_driver *driver = c->engine->mailbox_driver;
	struct store_mailbox mb = { 0 };
	struct mailbox_folder *folders = NULL;
	char *next = NULL;
	bool whole = false;
	size_t n = 0;
	int rc = store_mailbox_get(c->store, c->mb->id, &mb, err);

	cycle_progress(c, "folders", 0, 0);
	if (!rc) {
		whole = !mb.folder_cursor;
		rc = driver->sync_folders(
			c->mb->connection, mb.folder_cursor, &folders, &n, &next, err);
	}
	if (rc == ERR_CURSOR && !whole) {
		whole = true;
		rc = driver->sync_folders(c->mb->connection, NULL, &folders, &n, &next, err);
	}
	if (!rc && whole && !n) /* the folders of every mailbox have at least Contacts (I9) */
		rc = error_set(err, ERR_REMOTE, "Exchange shows no folder in this mailbox");
	if (!rc && (n || !mb.folder_cursor || strcmp(mb.folder_cursor, next) != 0))
		rc = store_folders(c, folders, n, whole, next, err);
	for (size_t i = 0; i < n; i++)
		mailbox_folder_clear(&folders[i]);
	free(folders);
	free(next);
	store_mailbox_clear(&mb);
	return rc;
}
