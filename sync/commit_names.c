/* Names come and go: create, mkdir, rmdir, unlink, link.
 *
 * What a new name means follows from its directory and its suffix alone (commit_place).  A folder that
 * was removed and is made again before the removal was sent takes over the folder in Exchange, as an
 * item does. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sync/commit_private.h"
#include "sync/mem.h"

static void node_name(struct store_node *node, const char *name)
{
	snprintf(node->name, sizeof(node->name), "%s", name);
}

int commit_create(struct commit *c, uint64_t parent, const char *name, uint32_t mode,
	struct store_node *node, struct error *err)
{
	struct commit_place place;
	int rc = commit_begin(c, err);

	if (rc)
		return rc;
	rc = commit_place(c, parent, name, &place, NULL, err);
	if (!rc) {
		*node = (struct store_node){ .parent = parent,
			.kind = place.kind,
			.type = place.is_item ? NODE_ITEM : NODE_DRAFT,
			.mailbox = place.dir.mailbox,
			.mode = mode & 07777 };
		node_name(node, name);
		rc = store_node_create(c->store, node, err);
	}
	return commit_end(c, rc, 0, err);
}

/* ---- directories ------------------------------------------------------------------------------ */

static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

/* The removed folder of this name and place whose removal was not sent yet: *found is its number. */
static int find_removed(
	struct commit *c, const struct store_node *node, uint64_t *found, struct error *err)
{
	struct store_folder parent = { 0 };
	uint64_t *inos AUTOFREE = NULL;
	size_t n = 0;
	int rc = store_folder_get(c->store, node->parent, &parent, err);

	*found = 0;
	if (!rc && parent.remote_id)
		rc = store_folder_list(c->store, node->mailbox, &inos, &n, err);
	for (size_t i = 0; !rc && i < n && !*found; i++) {
		struct store_folder folder;

		rc = store_folder_get(c->store, inos[i], &folder, err);
		if (rc)
			break;
		if (folder.removed && folder.kind == node->kind &&
			same_text(folder.shown_name, node->name) &&
			same_text(folder.remote_parent, parent.remote_id))
			*found = inos[i];
		store_folder_clear(&folder);
	}
	store_folder_clear(&parent);
	return rc;
}

static int make_folder(struct commit *c, const struct store_node *node, struct error *err)
{
	struct store_folder folder = { 0 };
	uint64_t former;
	int rc = find_removed(c, node, &former, err);

	if (rc)
		return rc;
	if (former) {
		rc = store_folder_get(c->store, former, &folder, err);
		if (!rc)
			rc = store_folder_delete(c->store, former, err);
	} else {
		folder.mailbox = node->mailbox;
		folder.kind = node->kind;
		folder.complete = true;
		folder.created = store_now(c->store);
	}
	folder.ino = node->ino;
	folder.removed = 0;
	if (!rc)
		rc = store_folder_save(c->store, &folder, err);
	store_folder_clear(&folder);
	return rc;
}

int commit_mkdir(struct commit *c, uint64_t parent, const char *name, uint32_t mode,
	struct store_node *node, struct error *err)
{
	struct commit_place place;
	bool is_folder = false;
	int rc = commit_begin(c, err);

	if (rc)
		return rc;
	rc = commit_place(c, parent, name, &place, NULL, err);
	if (rc)
		goto out;
	is_folder = place.dir.type == NODE_FOLDER && name[0] != '.';
	if (is_folder)
		rc = commit_check_name(name, NULL, err);
	if (!rc && is_folder)
		rc = commit_check_parent(c, &place.dir, NULL, err);
	if (rc)
		goto out;
	*node = (struct store_node){ .parent = parent,
		.kind = place.kind,
		.type = is_folder ? NODE_FOLDER : NODE_DRAFT_DIR,
		.mailbox = place.dir.mailbox,
		.mode = mode & 07777 };
	node_name(node, name);
	rc = store_node_create(c->store, node, err);
	if (!rc && is_folder)
		rc = make_folder(c, node, err);
out:
	return commit_end(c, rc, is_folder ? place.dir.mailbox : 0, err);
}

struct children {
	uint64_t view; /* does not count: it goes with its folder */
	bool found;
};

static bool stop_at_first(void *data, const struct store_node *node)
{
	struct children *children = data;

	children->found = node->ino != children->view;
	return !children->found;
}

static int check_empty(struct commit *c, const struct store_node *dir, uint64_t view, int *number,
	struct error *err)
{
	struct children children = { .view = view };
	int rc = store_node_list(c->store, dir->ino, 0, stop_at_first, &children, err);

	if (!rc && children.found)
		return commit_refused(
			number, ENOTEMPTY, err, ERR_EXISTS, "%s is not empty", dir->name);
	return rc;
}

int commit_check_empty(
	struct commit *c, const struct store_node *dir, int *number, struct error *err)
{
	struct store_folder view = { 0 };
	struct store_node node;
	int rc = store_folder_view(c->store, dir->ino, &view, err);

	if (rc && rc != ERR_NOT_FOUND)
		return rc;
	rc = check_empty(c, dir, view.ino, number, err);
	if (!rc && view.ino && !store_node_get(c->store, view.ino, &node, NULL))
		rc = check_empty(c, &node, 0, number, err);
	store_folder_clear(&view);
	return rc;
}

/* Directory and row of a view whose folder goes. */
static int remove_view(struct commit *c, uint64_t folder, struct error *err)
{
	struct store_folder view;
	int rc = store_folder_view(c->store, folder, &view, err);

	if (rc)
		return rc == ERR_NOT_FOUND ? 0 : rc;
	rc = store_node_remove(c->store, view.ino, err);
	if (!rc)
		rc = store_folder_delete(c->store, view.ino, err);
	store_folder_clear(&view);
	return rc;
}

int commit_check_parent(
	struct commit *c, const struct store_node *dir, int *number, struct error *err)
{
	struct store_folder folder;
	int rc = store_folder_get(c->store, dir->ino, &folder, err);

	if (rc)
		return rc;
	if (folder.view_of)
		rc = commit_refused(number, EPERM, err, ERR_DENIED,
			"%s is a view of the folder above it and has no folders of its own",
			dir->name);
	store_folder_clear(&folder);
	return rc;
}

int commit_check_folder(
	struct commit *c, const struct store_node *node, int *number, struct error *err)
{
	struct store_folder folder;
	int rc = store_folder_get(c->store, node->ino, &folder, err);

	if (rc)
		return rc;
	if (folder.is_default || folder.is_sync)
		rc = commit_refused(number, EPERM, err, ERR_DENIED,
			"%s is a folder that has to stay where it is", node->name);
	store_folder_clear(&folder);
	return rc;
}

char *commit_hidden_prefix(uint64_t folder)
{
	return xasprintf("hidden:%llu:", (unsigned long long)folder);
}

bool commit_has_hidden(struct store *store, uint64_t folder)
{
	char *prefix AUTOFREE = commit_hidden_prefix(folder);
	json_t *names = NULL;
	bool has = !store_value_names(store, prefix, &names, NULL) && json_array_size(names);

	json_decref(names);
	return has;
}

/* A folder known in Exchange stays as a row until its removal is sent. */
static int remove_folder(
	struct commit *c, const struct store_node *node, int *number, struct error *err)
{
	struct store_folder folder = { 0 };
	int rc = store_folder_get(c->store, node->ino, &folder, err);

	if (rc)
		return rc;
	if (!folder.complete) {
		rc = commit_refused(number, EAGAIN, err, ERR_BUSY,
			"%s: its first sync has not ended yet, try again later", node->name);
	} else if (commit_has_hidden(c->store, node->ino)) {
		rc = commit_refused(number, ENOTEMPTY, err, ERR_EXISTS,
			"%s holds items in Exchange that are not shown here", node->name);
	} else if (folder.remote_id) {
		folder.removed = store_now(c->store);
		rc = store_folder_save(c->store, &folder, err);
	} else {
		rc = store_folder_delete(c->store, node->ino, err);
	}
	store_folder_clear(&folder);
	return rc;
}

int commit_remove_dir(
	struct commit *c, const struct store_node *node, int *number, struct error *err)
{
	int rc = 0;

	if (node->type != NODE_FOLDER && node->type != NODE_DRAFT_DIR)
		return commit_refused(
			number, EPERM, err, ERR_DENIED, "%s cannot be removed", node->name);
	if (node->type == NODE_FOLDER)
		rc = commit_check_folder(c, node, number, err);
	if (!rc)
		rc = commit_check_empty(c, node, number, err);
	if (!rc && node->type == NODE_FOLDER)
		rc = remove_folder(c, node, number, err);
	if (!rc)
		rc = remove_view(c, node->ino, err);
	return rc ? rc : store_node_remove(c->store, node->ino, err);
}

static bool is_dir(const struct store_node *node)
{
	return node->type != NODE_ITEM && node->type != NODE_DRAFT;
}

int commit_rmdir(
	struct commit *c, uint64_t parent, const char *name, int *number, struct error *err)
{
	struct store_node node = { 0 };
	int rc = commit_begin(c, err);

	*number = 0;
	if (!rc) {
		rc = store_node_lookup(c->store, parent, name, &node, err);
		if (!rc && !is_dir(&node))
			rc = commit_refused(
				number, ENOTDIR, err, ERR_INVALID, "%s is not a directory", name);
		if (!rc)
			rc = commit_remove_dir(c, &node, number, err);
		rc = commit_end(c, rc, node.type == NODE_FOLDER ? node.mailbox : 0, err);
	}
	return commit_number(rc, number);
}

/* ---- files ------------------------------------------------------------------------------------ */

int commit_remove_file(struct commit *c, struct store_node *node, struct error *err)
{
	int rc = commit_detach(c, node, err);

	return rc ? rc : store_node_remove(c->store, node->ino, err);
}

int commit_remove_item(struct commit *c, int64_t id, struct error *err)
{
	struct store_item item = { 0 };
	struct store_node node;
	int rc = store_item_get(c->store, id, &item, err);

	if (!rc)
		rc = store_node_get(c->store, item.ino, &node, err);
	if (!rc)
		rc = commit_remove_file(c, &node, err);
	store_item_clear(&item);
	return rc;
}

int commit_unlink(
	struct commit *c, uint64_t parent, const char *name, int *number, struct error *err)
{
	struct store_node node = { 0 };
	int64_t item = 0;
	int rc = commit_begin(c, err);

	*number = 0;
	if (!rc) {
		rc = store_node_lookup(c->store, parent, name, &node, err);
		if (!rc && is_dir(&node))
			rc = commit_refused(
				number, EISDIR, err, ERR_INVALID, "%s is a directory", name);
		item = node.item;
		if (!rc)
			rc = commit_remove_file(c, &node, err);
		if (!rc)
			rc = commit_hand_over(c, item, err);
		rc = commit_end(c, rc, item ? node.mailbox : 0, err);
	}
	return commit_number(rc, number);
}

/* A plain copy under a name of its own, with a number of its own. */
static int copy_file(struct commit *c, const struct store_node *from, uint64_t parent,
	const char *name, struct store_node *copy, struct error *err)
{
	struct buf bytes AUTOBUF = BUF_INIT(COMMIT_BYTES_MAX);
	int rc = commit_bytes(c, from->ino, &bytes, err);

	*copy = (struct store_node){ .parent = parent,
		.type = NODE_DRAFT,
		.kind = from->kind,
		.mailbox = from->mailbox,
		.mode = from->mode };
	node_name(copy, name);
	if (!rc)
		rc = store_node_create(c->store, copy, err);
	if (!rc)
		rc = store_content_set(
			c->store, copy->ino, buf_str(&bytes), bytes.len, from->mtime, err);
	return rc ? rc : store_node_get(c->store, copy->ino, copy, err);
}

/* A draft linked to an item name becomes the item, number and all; its draft name stays as a copy
 * until it is unlinked (vdir tools link and then unlink). */
static int link_to_item(struct commit *c, struct store_node *node, uint64_t parent,
	const char *name, struct commit_result *result, struct error *err)
{
	struct store_node draft = *node, copy;
	int rc = commit_become_item(c, node, parent, name, NULL, result, err);

	return rc ? rc : copy_file(c, &draft, draft.parent, draft.name, &copy, err);
}

static int check_link(const struct store_node *node, const struct commit_place *place, int *number,
	struct error *err)
{
	if (is_dir(node))
		return commit_refused(number, EPERM, err, ERR_DENIED, "a directory has one name");
	if (!node->parent)
		return commit_refused(number, ENOENT, err, ERR_NOT_FOUND, "the file is gone");
	if (node->mailbox != place->dir.mailbox)
		return commit_refused(number, EXDEV, err, ERR_DENIED, "another mailbox");
	if (place->is_item && node->type == NODE_ITEM)
		return commit_refused(number, EPERM, err, ERR_DENIED,
			"an item has one name; copy the file instead");
	return 0;
}

int commit_link(struct commit *c, uint64_t ino, uint64_t new_parent, const char *new_name,
	struct store_node *node, int *number, struct error *err)
{
	struct commit_result result = { 0 };
	struct commit_place place;
	struct store_node there;
	bool refused = false;
	int rc = commit_begin(c, err);

	*number = 0;
	if (rc)
		return commit_number(rc, number);
	rc = store_node_get(c->store, ino, node, err);
	if (!rc)
		rc = commit_place(c, new_parent, new_name, &place, number, err);
	if (!rc)
		rc = check_link(node, &place, number, err);
	if (!rc && !store_node_lookup(c->store, new_parent, new_name, &there, NULL))
		rc = commit_refused(number, EEXIST, err, ERR_EXISTS, "%s exists", new_name);
	if (!rc && place.is_item) {
		rc = commit_check_kind(c, node, &place, number, err);
		if (!rc) {
			rc = link_to_item(c, node, new_parent, new_name, &result, err);
			refused = commit_is_refusal(rc);
		}
	} else if (!rc) {
		struct store_node from = *node;

		rc = copy_file(c, &from, new_parent, new_name, node, err);
	}
	rc = commit_end(c, rc, result.send ? node->mailbox : 0, err);
	if (refused)
		commit_keep_refused(c, ino, new_name, err);
	return commit_number(rc, number);
}
