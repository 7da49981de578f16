/* Folders to Exchange: directories made, renamed, moved and removed here, and the folder that designates.
 *
 * What changed here is a name other than shown_name, or a parent whose folder is not remote_parent.
 * Exchange compares names without regard to case, and has folders that we do not show; a name that is
 * taken there gets a number there, and the directory keeps its own.
 *
 * The folder that designates (Salesforce_Sync) is known by its place and name, so that a lost cache finds
 * it again.  One that was renamed or moved in Exchange would end the sync of all that lies in it, which
 * nobody meant: it is put back, unless another folder has its name by then. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "sync/engine/internal.h"
#include "sync/mem.h"

/* More folders of one name than this there are not. */
#define NUMBERS_MAX 50

struct push {
	struct cycle *c;
	json_t *numbered; /* array: folders whose name was taken at the time */
};

/* Saves a folder's row in a transaction of its own. */
static int save(struct cycle *c, const struct store_folder *folder, struct error *err)
{
	int rc = store_begin(c->store, STORE_NORMAL, STORE_REMOTE, err);

	if (rc)
		return rc;
	rc = store_folder_save(c->store, folder, err);
	return rc ? (store_rollback(c->store), rc) : store_commit(c->store, err);
}

/* ---- the folder that designates -------------------------------------------------------------- */

struct sync_folders {
	uint64_t named;	 /* below Contacts, under the name; 0: none */
	uint64_t marked; /* known as the one that designates; 0: none */
};

static bool is_named(
	struct cycle *c, const struct store_folder *folder, const struct store_folder *contacts)
{
	struct store_node node;

	if (folder->kind != KIND_CONTACT || folder->is_default || folder->removed)
		return false;
	if (folder->remote_id)
		return folder->remote_parent && contacts->remote_id &&
		       !strcmp(folder->remote_parent, contacts->remote_id) &&
		       !strcasecmp(folder->remote_name, views_name(c));
	return !store_node_get(c->store, folder->ino, &node, NULL) &&
	       node.parent == contacts->ino && !strcmp(node.name, views_name(c));
}

static int find_sync(struct cycle *c, const struct store_folder *contacts,
	struct sync_folders *found, struct error *err)
{
	uint64_t *inos AUTOFREE = NULL;
	size_t n = 0;
	int rc = store_folder_list(c->store, c->mb->id, &inos, &n, err);

	*found = (struct sync_folders){ 0 };
	for (size_t i = 0; !rc && i < n; i++) {
		struct store_folder folder = { 0 };

		rc = store_folder_get(c->store, inos[i], &folder, err);
		if (!rc && is_named(c, &folder, contacts) && (!found->named || folder.is_sync))
			found->named = inos[i];
		if (!rc && folder.is_sync && folder.remote_id && !folder.removed)
			found->marked = inos[i];
		store_folder_clear(&folder);
	}
	return rc;
}

static int make_sync(struct cycle *c, const struct store_folder *contacts, struct error *err)
{
	struct store_folder folder = {
		.mailbox = c->mb->id, .kind = KIND_CONTACT, .is_sync = true, .complete = true
	};
	struct store_node node = { .parent = contacts->ino,
		.type = NODE_FOLDER,
		.kind = KIND_CONTACT,
		.mailbox = c->mb->id,
		.mode = 0700 };
	int rc;

	snprintf(node.name, sizeof(node.name), "%s", views_name(c));
	rc = store_node_create(c->store, &node, err);
	if (rc == ERR_EXISTS) /* a file, or a folder that is still to go: later */
		return 0;
	folder.ino = node.ino;
	folder.created = store_now(c->store);
	return rc ? rc : store_folder_save(c->store, &folder, err);
}

static int mark(struct cycle *c, uint64_t ino, bool is_sync, struct error *err)
{
	struct store_folder folder = { 0 };
	int rc = store_folder_get(c->store, ino, &folder, err);

	if (!rc && folder.is_sync != is_sync) {
		folder.is_sync = is_sync;
		rc = store_folder_save(c->store, &folder, err);
		if (!rc && folder.remote_id) /* what lies in it is designated, or no longer */
			rc = store_items_mark_dirty(c->store, c->mb->id, err);
		if (!rc && !is_sync)
			cycle_log(c,
				"folder %s does not designate any more: another one is named %s",
				folder.remote_name, views_name(c));
	}
	store_folder_clear(&folder);
	return rc;
}

/* Renamed or moved in Exchange: here it has its name and place again, which is then sent. */
static int put_back(
	struct cycle *c, const struct store_folder *contacts, uint64_t ino, struct error *err)
{
	const char *name = views_name(c);
	struct store_node node;
	int rc = store_node_get(c->store, ino, &node, err);

	if (rc || (node.parent == contacts->ino && !strcmp(node.name, name)))
		return rc;
	rc = store_node_rename(c->store, ino, contacts->ino, name, err);
	if (rc == ERR_EXISTS)
		return 0;
	if (!rc)
		cycle_log(c, "folder %s designates: it is %s again", node.name, name);
	return rc;
}

static int keep_sync(struct cycle *c, const struct store_folder *contacts, struct error *err)
{
	struct sync_folders found;
	int rc = find_sync(c, contacts, &found, err);

	if (rc)
		return rc;
	if (!found.named && !found.marked)
		return make_sync(c, contacts, err);
	if (!found.named)
		return put_back(c, contacts, found.marked, err);
	rc = mark(c, found.named, true, err);
	if (!rc) /* made there in another case, perhaps */
		rc = put_back(c, contacts, found.named, err);
	if (!rc && found.marked && found.marked != found.named)
		rc = mark(c, found.marked, false, err);
	return rc;
}

/* Salesforce_Sync below Contacts is a real folder, made if missing. */
static int ensure_sync_folder(struct cycle *c, struct error *err)
{
	struct store_folder contacts = { 0 };
	int rc;

	if (!c->engine->crm_driver || !c->policy ||
		c->policy->rules[CONFIG_CONTACTS].mode == MODE_OFF)
		return 0;
	rc = folders_default(c, KIND_CONTACT, &contacts, err);
	if (!rc)
		rc = store_begin(c->store, STORE_NORMAL, STORE_REMOTE, err);
	if (!rc) {
		rc = keep_sync(c, &contacts, err);
		rc = rc ? (store_rollback(c->store), rc) : store_commit(c->store, err);
	}
	store_folder_clear(&contacts);
	return rc;
}

/* Salesforce_Sync below the folders of other kinds is a view. */
static int ensure_views(struct cycle *c, struct error *err)
{
	uint64_t *inos AUTOFREE = NULL;
	size_t n = 0;
	int rc = store_folder_list(c->store, c->mb->id, &inos, &n, err);

	for (size_t i = 0; !rc && i < n; i++) {
		struct store_folder folder = { 0 };

		rc = store_folder_get(c->store, inos[i], &folder, err);
		if (!rc && views_are_due(c, &folder)) {
			rc = store_begin(c->store, STORE_NORMAL, STORE_REMOTE, err);
			if (!rc) {
				rc = views_ensure(c, &folder, err);
				rc = rc ? (store_rollback(c->store), rc)
					: store_commit(c->store, err);
			}
		}
		store_folder_clear(&folder);
	}
	return rc;
}

/* ---- made, renamed, moved ------------------------------------------------------------------------ */

/* The name is taken in Exchange.  A folder that was made just now, by us even, whose answer was lost, shows
 * in the hierarchy and is this one: true. */
static int look_again(struct cycle *c, struct store_folder *folder, bool *found, struct error *err)
{
	uint64_t ino = folder->ino;
	int rc = folders_pull(c, err);

	store_folder_clear(folder);
	if (!rc)
		rc = store_folder_get(c->store, ino, folder, err);
	*found = !rc && folder->remote_id;
	return rc;
}

static int save_made(struct cycle *c, const struct store_folder *folder, struct error *err)
{
	int rc = store_begin(c->store, STORE_NORMAL, STORE_REMOTE, err);

	if (rc)
		return rc;
	rc = store_folder_save(c->store, folder, err);
	if (!rc)
		rc = folders_made(c, folder, err);
	return rc ? (store_rollback(c->store), rc) : store_commit(c->store, err);
}

static int create(struct cycle *c, struct store_folder *folder, const struct store_node *node,
	const char *parent_id, struct error *err)
{
	struct mailbox_folder made = { 0 };
	bool found = false;
	int rc = ERR_EXISTS;

	for (unsigned int n = 1; rc == ERR_EXISTS && n < NUMBERS_MAX; n++) {
		char *name AUTOFREE = folders_numbered(node->name, n);
		int looked = n == 2 ? look_again(c, folder, &found, err) : 0;

		if (looked || found)
			return looked;
		rc = c->engine->mailbox_driver->create_folder(
			c->mb->connection, parent_id, name, folder->kind, &made, err);
		if (!rc)
			xstrset(&folder->remote_name, name);
	}
	if (rc)
		return rc;
	xstrset(&folder->remote_id, made.id);
	xstrset(&folder->version, made.version);
	xstrset(&folder->remote_parent, parent_id);
	xstrset(&folder->shown_name, node->name);
	mailbox_folder_clear(&made);
	cycle_log(c, "folder %s made", folder->remote_name);
	return save_made(c, folder, err);
}

/* Under the directory's name, or that with a number, from `n` on. */
static int rename_there(struct push *p, struct store_folder *folder, const char *name,
	unsigned int n, struct error *err)
{
	struct cycle *c = p->c;
	int rc = ERR_EXISTS;

	for (; rc == ERR_EXISTS && n < NUMBERS_MAX; n++) {
		char *numbered AUTOFREE = folders_numbered(name, n);

		rc = c->engine->mailbox_driver->rename_folder(
			c->mb->connection, folder->remote_id, folder->version, numbered, err);
		if (rc)
			continue;
		if (n > 1)
			json_array_append_new(p->numbered, json_integer((json_int_t)folder->ino));
		xstrset(&folder->remote_name, numbered);
		xstrset(&folder->shown_name, name);
	}
	return rc ? rc : save(c, folder, err);
}

static int move_there(struct push *p, struct store_folder *folder, const char *name,
	const char *parent_id, struct error *err)
{
	struct cycle *c = p->c;
	const struct mailbox_driver *driver = c->engine->mailbox_driver;
	int rc = driver->move_folder(c->mb->connection, folder->remote_id, parent_id, err);

	if (rc == ERR_EXISTS) { /* its name is taken there */
		rc = rename_there(p, folder, name, 2, err);
		if (!rc)
			rc = driver->move_folder(
				c->mb->connection, folder->remote_id, parent_id, err);
	}
	if (rc)
		return rc;
	xstrset(&folder->remote_parent, parent_id);
	return save(c, folder, err);
}

static int rename_or_move(struct push *p, struct store_folder *folder,
	const struct store_node *node, const char *parent_id, struct error *err)
{
	int rc = 0;

	if (!folder->shown_name || strcmp(node->name, folder->shown_name) != 0)
		rc = rename_there(p, folder, node->name, 1, err);
	if (!rc && folder->remote_parent && strcmp(parent_id, folder->remote_parent) != 0)
		rc = move_there(p, folder, node->name, parent_id, err);
	return rc;
}

static int push_folder(struct push *p, uint64_t ino, struct error *err)
{
	struct cycle *c = p->c;
	struct store_folder folder = { 0 }, parent = { 0 };
	struct store_node node;
	int rc = store_folder_get(c->store, ino, &folder, err);

	if (rc || folder.is_default || folder.removed || folder.view_of)
		goto out;
	rc = store_node_get(c->store, ino, &node, err);
	if (!rc)
		rc = store_folder_get(c->store, node.parent, &parent, err);
	if (rc || !parent.remote_id)
		goto out;
	if (folder.remote_id)
		rc = rename_or_move(p, &folder, &node, parent.remote_id, err);
	else
		rc = create(c, &folder, &node, parent.remote_id, err);
out:
	store_folder_clear(&folder);
	store_folder_clear(&parent);
	return rc;
}

/* The name was another's: of a directory that changed its name too, or of one that is gone.  Perhaps it is
 * free now. */
static int drop_number(struct cycle *c, uint64_t ino, struct error *err)
{
	struct store_folder folder = { 0 };
	int rc = store_folder_get(c->store, ino, &folder, err);

	if (!rc && folder.remote_id && folder.shown_name && !folder.removed &&
		strcmp(folder.remote_name, folder.shown_name) != 0) {
		rc = c->engine->mailbox_driver->rename_folder(c->mb->connection, folder.remote_id,
			folder.version, folder.shown_name, err);
		if (!rc) {
			xstrset(&folder.remote_name, folder.shown_name);
			rc = save(c, &folder, err);
		}
	}
	store_folder_clear(&folder);
	return rc == ERR_EXISTS ? 0 : rc;
}

int folders_failed(struct cycle *c, int rc, struct error *one, struct error *err)
{
	switch (rc) {
	case 0:
		return 0;
	case ERR_REMOTE:
	case ERR_CONFLICT:
	case ERR_NOT_FOUND:
	case ERR_DENIED:
	case ERR_EXISTS:
	case ERR_INVALID:
		error_prefix(one, "folder");
		cycle_log(c, "%s", one->text);
		cycle_defer(c, one);
		return 0;
	default:
		*err = *one;
		return rc;
	}
}

static bool has_number(const struct store_folder *folder)
{
	size_t n = folder->shown_name ? strlen(folder->shown_name) : 0;

	return n && folder->remote_name && !strncmp(folder->remote_name, folder->shown_name, n) &&
	       !strncmp(folder->remote_name + n, " (", 2);
}

int folders_drop_numbers(struct cycle *c, struct error *err)
{
	uint64_t *inos AUTOFREE = NULL;
	size_t n = 0;
	int rc = store_folder_list(c->store, c->mb->id, &inos, &n, err);

	for (size_t i = 0; !rc && i < n; i++) {
		struct store_folder folder = { 0 };
		struct error one = ERROR_INIT;

		rc = store_folder_get(c->store, inos[i], &folder, err);
		if (!rc && has_number(&folder))
			rc = folders_failed(c, drop_number(c, inos[i], &one), &one, err);
		store_folder_clear(&folder);
	}
	return rc;
}

int folders_push(struct cycle *c, struct error *err)
{
	struct push p = { .c = c, .numbered = json_array() };
	uint64_t *inos AUTOFREE = NULL;
	json_t *number;
	size_t n = 0, k;
	int rc = 0;

	if (!c->engine->config->read_only)
		rc = ensure_sync_folder(c, err);
	if (!rc)
		rc = ensure_views(c, err);
	if (!rc && !c->engine->config->read_only)
		rc = store_folder_list(c->store, c->mb->id, &inos, &n, err);
	for (size_t i = 0; !rc && i < n; i++) {
		struct error one = ERROR_INIT;

		rc = folders_failed(c, push_folder(&p, inos[i], &one), &one, err);
	}
	json_array_foreach(p.numbered, k, number) {
		struct error one = ERROR_INIT;

		if (!rc)
			rc = folders_failed(c,
				drop_number(c, (uint64_t)json_integer_value(number), &one), &one,
				err);
	}
	json_decref(p.numbered);
	return rc;
}
