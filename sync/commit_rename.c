/* Rename, by what the file is and what the new name makes of it:
 *
 *	from	to	nothing there		a file there
 *	draft	draft	moves			replaced
 *	draft	item	commit			commit over it: update, or removal and create
 *	item	draft	removal			removal, the draft there replaced
 *	item	item	name or folder moves	the one there is a removal, then the same
 *
 * The number, mtime and size of the file that is renamed stay in every row.  A local (empty) file
 * behaves as a draft that may have an item name. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sync/commit_private.h"
#include "sync/mem.h"

struct move {
	struct commit *c;
	struct store_node node;	  /* what is renamed */
	struct store_node target; /* what has the name now; ino 0: nothing */
	struct commit_place place;
	const char *name;
	struct commit_result result;
	bool refused; /* its content was */
	int *number;
};

bool commit_is_refusal(int rc)
{
	return rc == ERR_INVALID || rc == ERR_EXISTS || rc == ERR_TOO_BIG || rc == ERR_DENIED;
}

void commit_keep_refused(struct commit *c, uint64_t ino, const char *name, const struct error *err)
{
	struct buf bytes AUTOBUF = BUF_INIT(COMMIT_BYTES_MAX);
	struct store_node node;

	if (!store_node_get(c->store, ino, &node, NULL) && !commit_bytes(c, ino, &bytes, NULL))
		commit_refuse(c, node.mailbox, name, buf_str(&bytes), bytes.len,
			err ? err->text : "refused", NULL);
}

/* Moves name and place, and what the node is. */
static int move_node(struct commit *c, struct store_node *node, enum node_type type,
	uint64_t parent, const char *name, enum item_kind kind, struct error *err)
{
	int rc;

	node->type = type;
	node->kind = kind;
	rc = store_node_update(c->store, node, err);
	if (!rc)
		rc = store_node_rename(c->store, node->ino, parent, name, err);
	return rc ? rc : store_node_get(c->store, node->ino, node, err);
}

/* The name's present file gives way.  With `update` its item passes to the file that comes. */
static int give_way(
	struct commit *c, struct store_node *target, bool update, int64_t *item, struct error *err)
{
	*item = 0;
	if (!target || !target->ino)
		return 0;
	if (!update)
		return commit_remove_file(c, target, err);
	*item = target->item;
	return store_node_remove(c->store, target->ino, err);
}

static int put_empty(struct commit *c, struct store_node *node, uint64_t parent, const char *name,
	struct store_node *target, struct commit_result *result, struct error *err)
{
	struct buf before AUTOBUF = BUF_INIT(COMMIT_BYTES_MAX);
	enum item_kind kind = node->kind;
	int64_t item = 0;
	int rc = 0;

	if (target && target->ino)
		rc = commit_shown(c, target, &before, err);
	if (!rc)
		rc = give_way(c, target, true, &item, err);
	if (!rc)
		rc = move_node(c, node, NODE_ITEM, parent, name, kind, err);
	node->item = item;
	return rc ? rc : commit_empty(c, node, &before, result, err);
}

static int put_content(struct commit *c, struct store_node *node, uint64_t parent, const char *name,
	struct store_node *target, struct commit_result *result, struct error *err)
{
	struct buf bytes AUTOBUF = BUF_INIT(COMMIT_BYTES_MAX);
	struct buf before AUTOBUF = BUF_INIT(COMMIT_BYTES_MAX);
	struct commit_edit edit = { 0 };
	enum item_kind kind = node->kind;
	int64_t item = 0;
	bool update = false;
	int rc = commit_bytes(c, node->ino, &bytes, err);

	if (!rc)
		rc = commit_edit_parse(&edit, kind, buf_str(&bytes), bytes.len, err);
	if (!rc && target && target->item)
		rc = commit_is_update(c, target->item, &edit, &update, err);
	if (!rc && update)
		rc = commit_shown(c, target, &before, err);
	if (!rc)
		rc = give_way(c, target, update, &item, err);
	if (!rc)
		rc = move_node(c, node, NODE_ITEM, parent, name, kind, err);
	node->item = item;
	if (!rc)
		rc = commit_apply(c, node, &edit, &before, result, err);
	if (!rc)
		rc = commit_show(c, node->item, result, err);
	if (!rc)
		rc = store_node_get(c->store, node->ino, node, err);
	commit_edit_clear(&edit);
	return rc;
}

int commit_become_item(struct commit *c, struct store_node *node, uint64_t parent, const char *name,
	struct store_node *target, struct commit_result *result, struct error *err)
{
	struct store_node dir;
	int rc = store_node_get(c->store, parent, &dir, err);

	if (rc)
		return rc;
	node->kind = dir.kind;
	if (!node->size)
		return put_empty(c, node, parent, name, target, result, err);
	return put_content(c, node, parent, name, target, result, err);
}

/* ---- items -------------------------------------------------------------------------------------- */

static int item_to_draft(struct move *m, struct error *err)
{
	struct commit *c = m->c;
	int64_t item = m->node.item;
	int rc = commit_detach(c, &m->node, err);

	if (!rc && m->target.ino)
		rc = commit_remove_file(c, &m->target, err);
	if (!rc)
		rc = move_node(
			c, &m->node, NODE_DRAFT, m->place.dir.ino, m->name, m->place.kind, err);
	if (!rc)
		rc = commit_hand_over(c, item, err);
	m->result.send = item != 0;
	return rc;
}

/* The name of the view that the directory is; false: it is none. */
static bool view_name(struct commit *c, uint64_t dir, struct store_node *view)
{
	struct store_folder folder = { 0 };
	bool is_view = !store_folder_get(c->store, dir, &folder, NULL) && folder.view_of &&
		       !store_node_get(c->store, dir, view, NULL);

	store_folder_clear(&folder);
	return is_view;
}

/* Out of a view: a category of its name that the user wrote in the file ends with the location, or the
 * item would stand in the view again. */
static int leave_view(struct move *m, uint64_t from, const json_t *keywords, struct error *err)
{
	struct store_node left, entered;
	json_t *names, *value;
	const char *name;
	bool changed;
	int rc;

	if (!view_name(m->c, from, &left) || !json_object_get(keywords, left.name) ||
		(view_name(m->c, m->place.dir.ino, &entered) && !strcmp(left.name, entered.name)))
		return 0;
	names = json_array();
	json_object_foreach((json_t *)keywords, name, value)
		if (strcmp(name, left.name) != 0 && !json_is_false(value))
			json_array_append_new(names, json_string(name));
	rc = store_node_get(m->c->store, m->node.ino, &m->node, err);
	if (!rc)
		rc = commit_set_categories(m->c, &m->node, names, &changed, err);
	json_decref(names);
	return rc;
}

static int item_to_item(struct move *m, struct error *err)
{
	struct commit *c = m->c;
	struct store_item item = { 0 };
	int rc = store_item_get(c->store, m->node.item, &item, err);
	uint64_t from = item.folder;

	if (rc)
		return rc;
	if (m->target.ino)
		rc = commit_remove_file(c, &m->target, err);
	if (!rc && item.folder != m->place.dir.ino)
		rc = commit_check_uid(
			c, item.kind, item.mailbox, m->place.dir.ino, item.id, item.uid, err);
	if (!rc)
		rc = store_node_rename(c->store, m->node.ino, m->place.dir.ino, m->name, err);
	if (!rc) {
		item.name_chosen |= strcmp(m->node.name, m->name) != 0;
		item.folder = m->place.dir.ino;
		item.state = ITEM_PENDING;
		item.dirty = true;
		rc = store_item_save(c->store, &item, err);
	}
	if (!rc)
		rc = leave_view(m, from, json_object_get(item.doc, "keywords"), err);
	m->result.send = true;
	store_item_clear(&item);
	return rc;
}

static int move_file(struct move *m, struct error *err)
{
	bool was_item = m->node.type == NODE_ITEM;
	bool judged = m->place.is_item && !m->node.item;
	int rc = 0;

	if (m->target.ino && m->target.type != NODE_ITEM && m->target.type != NODE_DRAFT)
		return commit_refused(
			m->number, EISDIR, err, ERR_INVALID, "%s is a directory", m->name);
	if (was_item || m->place.is_item)
		rc = commit_check_kind(m->c, &m->node, &m->place, m->number, err);
	if (rc)
		return rc;
	if (judged) {
		rc = commit_become_item(
			m->c, &m->node, m->place.dir.ino, m->name, &m->target, &m->result, err);
		m->refused = commit_is_refusal(rc);
		return rc;
	}
	if (m->place.is_item)
		return item_to_item(m, err);
	return item_to_draft(m, err); /* a draft as well: then nothing is detached */
}

/* ---- directories -------------------------------------------------------------------------------- */

/* A directory cannot move into itself. */
static int check_not_below(struct move *m, struct error *err)
{
	struct store_node at = m->place.dir;

	while (at.ino != m->node.ino && at.parent) {
		int rc = store_node_get(m->c->store, at.parent, &at, err);

		if (rc)
			return rc;
	}
	if (at.ino == m->node.ino)
		return commit_refused(m->number, EINVAL, err, ERR_INVALID,
			"%s cannot move into itself", m->node.name);
	return 0;
}

static int check_dir(struct move *m, struct error *err)
{
	bool into_folder = m->place.dir.type == NODE_FOLDER && m->name[0] != '.';
	int rc;

	if (m->node.type == NODE_MAILBOX || m->node.type == NODE_ROOT)
		return commit_refused(m->number, EPERM, err, ERR_DENIED, "a mailbox has its name");
	if ((m->node.type == NODE_FOLDER) != into_folder)
		return commit_refused(m->number, EPERM, err, ERR_DENIED,
			"a folder cannot become a local directory, nor one a folder");
	if (m->node.type != NODE_FOLDER)
		return 0;
	rc = commit_check_name(m->name, m->number, err);
	if (!rc)
		rc = commit_check_parent(m->c, &m->place.dir, m->number, err);
	if (!rc)
		rc = commit_check_folder(m->c, &m->node, m->number, err);
	if (!rc && m->node.kind != m->place.kind)
		rc = commit_refused(m->number, EPERM, err, ERR_DENIED,
			"%s belongs to folders of another kind", m->node.name);
	return rc;
}

static int move_dir(struct move *m, struct error *err)
{
	enum node_type there = m->target.type;
	int rc = 0;

	if (m->target.ino && (there == NODE_ITEM || there == NODE_DRAFT))
		return commit_refused(
			m->number, ENOTDIR, err, ERR_INVALID, "%s is not a directory", m->name);
	rc = check_dir(m, err);
	if (!rc)
		rc = check_not_below(m, err);
	if (!rc && m->target.ino)
		rc = commit_remove_dir(m->c, &m->target, m->number, err);
	if (!rc)
		rc = move_node(m->c, &m->node, m->node.type, m->place.dir.ino, m->name,
			m->place.kind, err);
	m->result.send = m->node.type == NODE_FOLDER;
	return rc;
}

/* ---- rename -------------------------------------------------------------------------------------- */

static int find_names(struct move *m, uint64_t parent, const char *name, uint64_t new_parent,
	bool no_replace, struct error *err)
{
	struct store_node dir;
	int rc = store_node_lookup(m->c->store, parent, name, &m->node, err);

	if (!rc)
		rc = store_node_get(m->c->store, new_parent, &dir, err);
	if (!rc && dir.mailbox && m->node.mailbox && dir.mailbox != m->node.mailbox)
		return commit_refused(m->number, EXDEV, err, ERR_DENIED, "another mailbox");
	if (!rc)
		rc = commit_place(m->c, new_parent, m->name, &m->place, m->number, err);
	if (rc)
		return rc;
	rc = store_node_lookup(m->c->store, new_parent, m->name, &m->target, err);
	if (rc == ERR_NOT_FOUND)
		memset(&m->target, 0, sizeof(m->target));
	else if (rc)
		return rc;
	else if (no_replace)
		return commit_refused(m->number, EEXIST, err, ERR_EXISTS, "%s exists", m->name);
	return 0;
}

static int move_any(struct move *m, struct error *err)
{
	if (m->target.ino == m->node.ino)
		return 0;
	if (m->node.type == NODE_ITEM || m->node.type == NODE_DRAFT)
		return move_file(m, err);
	return move_dir(m, err);
}

int commit_rename(struct commit *c, uint64_t parent, const char *name, uint64_t new_parent,
	const char *new_name, bool no_replace, int *number, struct error *err)
{
	struct move m = { .c = c, .name = new_name, .number = number };
	int rc = commit_begin(c, err);

	*number = 0;
	if (rc)
		return commit_number(rc, number);
	rc = find_names(&m, parent, name, new_parent, no_replace, err);
	if (!rc)
		rc = move_any(&m, err);
	rc = commit_end(c, rc, m.result.send ? m.node.mailbox : 0, err);
	if (rc && m.refused)
		commit_keep_refused(c, m.node.ino, new_name, err);
	return commit_number(rc, number);
}
