/* Folders: the hierarchy of a mailbox and the directories that show it, in both directions.
 *
 * store_folder holds the shadow: remote_name and remote_parent are what Exchange had when the two
 * last agreed; the node's own name and parent are what is here.  A difference is pending work. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sync/engine/internal.h"
#include "sync/mem.h"

static const char *sync_folder_name(const struct cycle *c)
{
	return c->policy && c->policy->folder ? c->policy->folder : "Salesforce_Sync";
}

/* A server's name is data: no slash, no control characters, no leading dot, at most 200 bytes. */
static char *clean_name(const char *name)
{
	char *clean = xstrndup(name, strnlen(name, 200));

	for (size_t i = 0; clean[i]; i++)
		if (clean[i] == '/' || (unsigned char)clean[i] < 0x20 || clean[i] == 0x7f)
			clean[i] = '_';
	if (clean[0] == '.' || !clean[0])
		clean[0] = '_';
	for (size_t n = strlen(clean); n && ((unsigned char)name[n] & 0xc0) == 0x80;)
		clean[--n] = '\0'; /* cut inside a character: take its head away too */
	return clean;
}

/* ---- from Exchange ---------------------------------------------------------------------------- */

/* The default folder's row of a kind. */
static int default_folder(
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

/* A free name for a new directory: the cleaned one, or with " (n)". */
static int create_node(struct cycle *c, const struct mailbox_folder *remote, uint64_t parent,
	struct store_node *node, struct error *err)
{
	char *name AUTOFREE = clean_name(remote->name);
	int rc = ERR_EXISTS;

	for (unsigned int n = 1; rc == ERR_EXISTS; n++) {
		*node = (struct store_node){ .parent = parent,
			.type = NODE_FOLDER,
			.kind = remote->kind,
			.mailbox = c->mb->id,
			.mode = 0700 };
		if (n == 1)
			snprintf(node->name, sizeof(node->name), "%s", name);
		else
			snprintf(node->name, sizeof(node->name), "%s (%u)", name, n);
		rc = store_node_create(c->store, node, err);
	}
	return rc;
}

/* A directory made here and a folder made there under one name are the same. */
static int adopt_local(struct cycle *c, const struct mailbox_folder *remote, uint64_t parent,
	struct store_folder *folder, struct error *err)
{
	struct store_node node;
	int rc = store_node_lookup(c->store, parent, remote->name, &node, err);

	if (rc || node.type != NODE_FOLDER)
		return rc ? rc : ERR_NOT_FOUND;
	rc = store_folder_get(c->store, node.ino, folder, err);
	if (!rc && folder->remote_id) {
		store_folder_clear(folder);
		return ERR_NOT_FOUND;
	}
	return rc;
}

static int new_folder(struct cycle *c, const struct mailbox_folder *remote, struct error *err)
{
	struct store_folder parent = { 0 }, folder = { 0 };
	struct store_node node;
	int rc;

	if (remote->is_default) {
		rc = default_folder(c, remote->kind, &folder, err);
	} else {
		rc = store_folder_by_remote(c->store, c->mb->id, remote->parent_id, &parent, err);
		if (rc == ERR_NOT_FOUND) /* below a folder that is not shown: below its kind's */
			rc = default_folder(c, remote->kind, &parent, err);
		if (rc)
			return rc;
		rc = adopt_local(c, remote, parent.ino, &folder, err);
		if (rc == ERR_NOT_FOUND) {
			rc = create_node(c, remote, parent.ino, &node, err);
			folder = (struct store_folder){
				.ino = node.ino, .mailbox = c->mb->id, .kind = remote->kind
			};
		}
		folder.is_sync |= parent.is_default && remote->kind == KIND_CONTACT &&
				  !strcmp(remote->name, sync_folder_name(c));
	}
	if (!rc) {
		folder.removed = 0; /* gone there once, and there again */
		xstrset(&folder.remote_id, remote->id);
		xstrset(&folder.version, remote->version);
		xstrset(&folder.remote_name, remote->name);
		xstrset(&folder.remote_parent, remote->parent_id);
		rc = store_folder_save(c->store, &folder, err);
	}
	store_folder_clear(&parent);
	store_folder_clear(&folder);
	return rc;
}

static int known_folder(struct cycle *c, const struct mailbox_folder *remote,
	struct store_folder *folder, struct error *err)
{
	struct store_folder parent = { 0 };
	struct store_node node;
	bool renamed = !folder->remote_name || strcmp(folder->remote_name, remote->name) != 0;
	bool moved = !folder->remote_parent ||
		     strcmp(folder->remote_parent, remote->parent_id ? remote->parent_id : "") != 0;
	int rc = store_node_get(c->store, folder->ino, &node, err);

	if (!rc && !folder->is_default && (renamed || moved)) {
		char *name AUTOFREE = clean_name(remote->name);
		uint64_t to = node.parent;

		if (moved && remote->parent_id &&
			!store_folder_by_remote(
				c->store, c->mb->id, remote->parent_id, &parent, NULL))
			to = parent.ino;
		rc = store_node_rename(c->store, folder->ino, to, renamed ? name : node.name, err);
		if (rc == ERR_EXISTS)
			rc = 0; /* the name is taken here: it stays as it is */
	}
	if (!rc) {
		xstrset(&folder->version, remote->version);
		xstrset(&folder->remote_name, remote->name);
		xstrset(&folder->remote_parent, remote->parent_id);
		rc = store_folder_save(c->store, folder, err);
	}
	store_folder_clear(&parent);
	return rc;
}

/* Gone in Exchange: its items are staged as deleted, the guard decides; the directory goes when it
 * is empty (folders_push). */
static int gone_folder(struct cycle *c, struct store_folder *folder, struct error *err)
{
	int64_t *ids = NULL;
	size_t n = 0;
	int rc = store_items_in_folder(c->store, folder->ino, &ids, &n, err);

	for (size_t i = 0; !rc && i < n; i++) {
		struct store_side side;
		struct store_pull pull = {
			.mailbox = c->mb->id, .folder = folder->ino, .deleted = true
		};

		rc = store_side_get(c->store, ids[i], SIDE_EXCHANGE, &side, err);
		if (!rc && side.remote_id) {
			pull.remote_id = side.remote_id;
			rc = store_pull_put(c->store, &pull, err);
		}
		store_side_clear(&side);
		if (rc == ERR_NOT_FOUND)
			rc = 0;
	}
	free(ids);
	if (rc)
		return rc;
	xstrset(&folder->remote_id, NULL);
	xstrset(&folder->cursor, NULL);
	folder->removed = store_now(c->store);
	return store_folder_save(c->store, folder, err);
}

static int apply_folder(struct cycle *c, const struct mailbox_folder *remote, struct error *err)
{
	struct store_folder folder = { 0 };
	int rc = store_folder_by_remote(c->store, c->mb->id, remote->id, &folder, err);

	if (rc == ERR_NOT_FOUND)
		return remote->deleted ? 0 : new_folder(c, remote, err);
	if (!rc)
		rc = remote->deleted ? gone_folder(c, &folder, err)
				     : known_folder(c, remote, &folder, err);
	store_folder_clear(&folder);
	return rc;
}

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

/* whole: a listing from the start. */
static int store_folders(struct cycle *c, const struct mailbox_folder *folders, size_t n,
	bool whole, const char *cursor, struct error *err)
{
	struct store_mailbox mb = { 0 };
	int rc = store_begin(c->store, STORE_NORMAL, STORE_REMOTE, err);

	if (rc)
		return rc;
	if (whole)
		rc = unlisted(c, folders, n, err);
	/* Default folders first, so that every child finds its parent. */
	for (size_t i = 0; !rc && i < n; i++)
		if (folders[i].is_default)
			rc = apply_folder(c, &folders[i], err);
	for (size_t i = 0; !rc && i < n; i++)
		if (!folders[i].is_default)
			rc = apply_folder(c, &folders[i], err);
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

/* ---- to Exchange ------------------------------------------------------------------------------ */

/* Salesforce_Sync below Contacts is a real folder, made if missing. */
static int ensure_sync_folder(struct cycle *c, struct error *err)
{
	struct store_folder parent = { 0 }, folder = {
		.mailbox = c->mb->id, .kind = KIND_CONTACT, .is_sync = true, .complete = true
	};
	struct store_node node;
	int rc;

	if (!c->engine->crm_driver || !c->policy ||
		c->policy->rules[CONFIG_CONTACTS].mode == MODE_OFF)
		return 0;
	rc = default_folder(c, KIND_CONTACT, &parent, err);
	if (rc)
		return rc;
	rc = store_node_lookup(c->store, parent.ino, sync_folder_name(c), &node, err);
	if (rc == ERR_NOT_FOUND) {
		rc = store_begin(c->store, STORE_NORMAL, STORE_REMOTE, err);
		if (!rc) {
			node = (struct store_node){ .parent = parent.ino,
				.type = NODE_FOLDER,
				.kind = KIND_CONTACT,
				.mailbox = c->mb->id,
				.mode = 0700 };
			snprintf(node.name, sizeof(node.name), "%s", sync_folder_name(c));
			rc = store_node_create(c->store, &node, err);
			folder.ino = node.ino;
			folder.created = store_now(c->store);
			if (!rc)
				rc = store_folder_save(c->store, &folder, err);
			if (!rc)
				rc = store_commit(c->store, err);
			else
				store_rollback(c->store);
		}
	}
	store_folder_clear(&parent);
	return rc;
}

/* Saves a folder's row, or removes directory and row, in a transaction of its own. */
static int save(struct cycle *c, struct store_folder *folder, bool drop, struct error *err)
{
	struct store_node node;
	int rc = store_begin(c->store, STORE_NORMAL, STORE_REMOTE, err);

	if (rc)
		return rc;
	if (!drop) {
		rc = store_folder_save(c->store, folder, err);
	} else {
		if (!store_node_get(c->store, folder->ino, &node, NULL) && node.parent)
			rc = store_node_remove(c->store, folder->ino, err);
		if (!rc)
			rc = store_folder_delete(c->store, folder->ino, err);
	}
	if (!rc)
		return store_commit(c->store, err);
	store_rollback(c->store);
	return rc;
}

static int create(struct cycle *c, struct store_folder *folder, const struct store_node *node,
	const char *parent_id, struct error *err)
{
	struct mailbox_folder made = { 0 };
	int rc = c->engine->mailbox_driver->create_folder(
		c->mb->connection, parent_id, node->name, folder->kind, &made, err);

	if (rc == ERR_EXISTS) /* made by somebody else, or by us and the answer was lost: the next
			       * hierarchy shows it and it is adopted by its name */
		return 0;
	if (rc)
		return rc;
	xstrset(&folder->remote_id, made.id);
	xstrset(&folder->version, made.version);
	xstrset(&folder->remote_name, node->name);
	xstrset(&folder->remote_parent, parent_id);
	mailbox_folder_clear(&made);
	cycle_log(c, "folder %s made", node->name);
	return save(c, folder, false, err);
}

static int rename_or_move(struct cycle *c, struct store_folder *folder,
	const struct store_node *node, const char *parent_id, struct error *err)
{
	const struct mailbox_driver *driver = c->engine->mailbox_driver;
	char *shown AUTOFREE = clean_name(folder->remote_name);
	size_t n = strlen(shown);
	int rc = 0;

	/* "Name (2)" is how a taken name is shown, not a rename. */
	if (strcmp(node->name, shown) != 0 &&
		!(!strncmp(node->name, shown, n) && !strncmp(node->name + n, " (", 2))) {
		rc = driver->rename_folder(
			c->mb->connection, folder->remote_id, folder->version, node->name, err);
		if (!rc) {
			xstrset(&folder->remote_name, node->name);
			rc = save(c, folder, false, err);
		}
	}
	if (!rc && parent_id && folder->remote_parent &&
		strcmp(parent_id, folder->remote_parent) != 0) {
		rc = driver->move_folder(c->mb->connection, folder->remote_id, parent_id, err);
		if (!rc) {
			xstrset(&folder->remote_parent, parent_id);
			rc = save(c, folder, false, err);
		}
	}
	return rc;
}

static int remove_folder(struct cycle *c, struct store_folder *folder, struct error *err)
{
	struct store_node node;
	int64_t *ids = NULL;
	size_t n = 0;
	uint64_t files = 0;
	int rc = store_items_in_folder(c->store, folder->ino, &ids, &n, err);

	free(ids);
	if (!rc && n) /* its items go first (held ones keep it) */
		return 0;
	if (!rc && folder->remote_id)
		rc = c->engine->mailbox_driver->delete_folder(
			c->mb->connection, folder->remote_id, err);
	if (rc && rc != ERR_NOT_FOUND)
		return rc;
	if (!store_node_get(c->store, folder->ino, &node, NULL) && node.parent) {
		/* Gone in Exchange while drafts stand in it: the directory stays, as one of ours. */
		store_node_count(c->store, folder->ino, NODE_DRAFT, &files, NULL);
		if (files) {
			folder->removed = 0;
			folder->created = store_now(c->store);
			return save(c, folder, false, err);
		}
	}
	return save(c, folder, true, err);
}

static int push_folder(struct cycle *c, uint64_t ino, struct error *err)
{
	struct store_folder folder = { 0 }, parent = { 0 };
	struct store_node node;
	int64_t now = store_now(c->store);
	int rc = store_folder_get(c->store, ino, &folder, err);

	if (rc || folder.is_default)
		goto out;
	if (folder.removed) {
		int64_t left = folder.removed + c->engine->commit->remove_quiet_ns - now;

		if (c->urgent || left <= 0)
			rc = remove_folder(c, &folder, err);
		else
			cycle_wake(c, left);
		goto out;
	}
	rc = store_node_get(c->store, ino, &node, err);
	if (!rc)
		rc = store_folder_get(c->store, node.parent, &parent, err);
	if (rc || !parent.remote_id)
		goto out;
	if (folder.remote_id)
		rc = rename_or_move(c, &folder, &node, parent.remote_id, err);
	else
		rc = create(c, &folder, &node, parent.remote_id, err);
out:
	store_folder_clear(&folder);
	store_folder_clear(&parent);
	return rc;
}

int folders_push(struct cycle *c, struct error *err)
{
	uint64_t *inos = NULL;
	size_t n = 0;
	int rc;

	if (c->engine->config->read_only)
		return 0;
	rc = ensure_sync_folder(c, err);
	if (!rc)
		rc = store_folder_list(c->store, c->mb->id, &inos, &n, err);
	for (size_t i = 0; !rc && i < n; i++) {
		struct error one = ERROR_INIT;
		int failed = push_folder(c, inos[i], &one);

		if (failed == ERR_REMOTE || failed == ERR_CONFLICT || failed == ERR_NOT_FOUND ||
			failed == ERR_DENIED || failed == ERR_EXISTS || failed == ERR_INVALID) {
			error_prefix(&one, "folder");
			cycle_log(c, "%s", one.text);
			cycle_defer(c, &one);
		} else if (failed) {
			*err = one;
			rc = failed;
		}
	}
	free(inos);
	return rc;
}
