/* What bytes do to an item.
 *
 * Bytes under an item name are parsed first, outside the transaction.  What does not parse changes nothing.
 * What parses is stored as it was written, and its item becomes what the edit says (commit_merge.c);
 * which item that is, commit_identity.c decides.  A document from .json/ goes the same way, only that
 * it is whole and that the file is rendered from it. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sync/commit_private.h"
#include "sync/mem.h"

int commit_edit_parse(struct commit_edit *edit, enum item_kind kind, const char *bytes, size_t len,
	struct error *err)
{
	memset(edit, 0, sizeof(*edit));
	edit->bytes = bytes;
	edit->len = len;
	edit->kind = document_kind(kind);
	if (!edit->kind)
		return error_set(err, ERR_DENIED, "items of this kind cannot be written");
	return edit->kind->parse(bytes, len, &edit->shown, err);
}

void commit_edit_clear(struct commit_edit *edit)
{
	json_decref(edit->shown);
	memset(edit, 0, sizeof(*edit));
}

int commit_is_update(
	struct commit *c, int64_t id, const struct commit_edit *edit, bool *yes, struct error *err)
{
	const char *uid = document_uid(edit->shown);
	struct store_item item = { 0 };
	int rc = 0;

	*yes = id != 0;
	if (!id || !uid)
		return 0;
	rc = store_item_get(c->store, id, &item, err);
	if (!rc)
		*yes = !item.uid || !strcmp(item.uid, uid);
	store_item_clear(&item);
	return rc;
}

int commit_shown(
	struct commit *c, const struct store_node *node, struct buf *out, struct error *err)
{
	struct store_item item = { .id = node->item, .mailbox = node->mailbox };
	char *former AUTOFREE = NULL;
	int rc = commit_bytes(c, node->ino, out, err);

	if (rc || out->len || !node->item)
		return rc;
	rc = commit_mark_get(c, &item, MARK_FORMER, &former, err);
	if (!rc)
		buf_adds(out, former);
	return rc;
}

/* ---- one edit, one item ----------------------------------------------------------------------- */

void commit_mark_edited(struct commit *c, struct store_item *item)
{
	item->edited = store_now(c->store);
	if (!item->edited_first)
		item->edited_first = item->edited;
	item->state = ITEM_PENDING;
	item->dirty = true;
	free(item->error);
	item->error = NULL;
}

static void set_doc(struct store_item *item, json_t *doc)
{
	json_incref(doc);
	json_decref(item->doc);
	item->doc = doc;
}

/* A new item from what the bytes show. */
static int make_item(struct commit *c, struct store_item *item, const struct commit_edit *edit,
	struct commit_result *result, struct error *err)
{
	const char *uid = document_uid(edit->shown);
	int rc;

	item->uid = uid ? xstrdup(uid) : commit_new_uid();
	item->doc = json_deep_copy(edit->shown);
	json_object_set_new(item->doc, "uid", json_string(item->uid));
	edit->kind->assign_slots(item->doc, NULL);
	commit_mark_edited(c, item);
	rc = store_item_save(c->store, item, err);
	result->rev = item->rev;
	return rc;
}

/* Saves what the edit makes of the item; where newer values stand that the writer did not have, what it
 * wrote is a version of its own: its next edit is judged against that. */
static int change_item(struct commit *c, struct store_item *item, const struct commit_merge *merge,
	struct commit_result *result, struct error *err)
{
	bool behind = !json_equal(merge->wrote, merge->merged);
	int rc = 0;

	if (!json_equal(merge->merged, item->doc))
		commit_mark_edited(c, item);
	if (json_array_size(merge->clashes))
		item->state = ITEM_CONFLICT;
	if (behind) {
		set_doc(item, merge->wrote);
		rc = store_item_save(c->store, item, err);
		result->rev = item->rev;
	}
	set_doc(item, merge->merged);
	if (!rc)
		rc = store_item_save(c->store, item, err);
	if (!behind)
		result->rev = item->rev;
	result->anew |= behind;
	return rc;
}

static int find_item(struct commit *c, const struct store_node *node,
	const struct commit_edit *edit, struct store_item *item, struct buf *before,
	struct error *err)
{
	if (!node->item)
		return commit_identify(c, node, document_uid(edit->shown), item, before, err);
	return store_item_get(c->store, node->item, item, err);
}

/* Why the document may not be changed into this one, or made: NULL, it may. */
static const char *read_only(
	const struct commit_edit *edit, const json_t *before, const json_t *after)
{
	const char *why = NULL;

	if (!edit->kind->read_only || (before && json_equal(before, after)))
		return NULL;
	if (before)
		why = edit->kind->read_only(before);
	return why ? why : edit->kind->read_only(after);
}

/* One that is new, or that came back when nothing of it is in Exchange any more, would have to be made
 * there. */
static bool is_linked(struct commit *c, const struct store_item *item)
{
	struct store_side side = { 0 };
	bool linked = item->id && !store_side_get(c->store, item->id, SIDE_EXCHANGE, &side, NULL) &&
		      side.status != SIDE_NONE;

	store_side_clear(&side);
	return linked;
}

/* May the item become this, as far as its kind and the mailbox's server allow?  What stands already is
 * not judged again. */
static int check_allowed(struct commit *c, const struct store_item *item,
	const struct commit_edit *edit, const json_t *after, struct error *err)
{
	const char *why = read_only(edit, is_linked(c, item) ? item->doc : NULL, after);

	if (why)
		return error_set(err, ERR_DENIED, "%s", why);
	if (!c->check || (item->doc && json_equal(item->doc, after)))
		return 0;
	return c->check(edit->kind->kind, after, err);
}

int commit_apply(struct commit *c, struct store_node *node, const struct commit_edit *edit,
	const struct buf *before, struct commit_result *result, struct error *err)
{
	struct store_item item = { 0 };
	struct commit_merge merge = { 0 };
	struct buf kept AUTOBUF = BUF_INIT(COMMIT_BYTES_MAX);
	char *anew AUTOFREE = NULL;
	int rc = find_item(c, node, edit, &item, &kept, err);

	memset(result, 0, sizeof(*result));
	if (rc)
		return rc;
	if (!node->item)
		before = &kept;
	result->send = !node->item;
	item.ino = node->ino;
	item.folder = node->parent;
	if (!item.doc) {
		result->send = true;
		rc = check_allowed(c, &item, edit, edit->shown, err);
		if (!rc)
			rc = make_item(c, &item, edit, result, err);
		goto out;
	}
	rc = commit_mark_get(c, &item, MARK_ANEW, &anew, err);
	if (!rc)
		rc = commit_marks_drop(c, &item, err);
	if (!rc)
		rc = commit_merge(c, &item, edit, before, &merge, err);
	if (!rc)
		rc = check_allowed(c, &item, edit, merge.merged, err);
	if (rc)
		goto out;
	result->anew = anew || edit->whole;
	result->send |= !json_equal(merge.merged, item.doc);
	rc = change_item(c, &item, &merge, result, err);
	if (!rc)
		rc = commit_conflict(c, node, &item, merge.clashes, err);
out:
	if (!rc)
		node->item = item.id;
	commit_merge_clear(&merge);
	store_item_clear(&item);
	return rc;
}

int commit_empty(struct commit *c, const struct store_node *node, const struct buf *before,
	struct commit_result *result, struct error *err)
{
	struct store_item item = { 0 };
	char since[24];
	int rc;

	memset(result, 0, sizeof(*result));
	if (!node->item)
		return 0;
	rc = store_item_get(c->store, node->item, &item, err);
	if (rc)
		return rc;
	if (before->len && !memchr(before->data, 0, before->len))
		rc = commit_mark_set(c, &item, MARK_FORMER, before->data, err);
	snprintf(since, sizeof(since), "%" PRId64, store_now(c->store));
	if (!rc)
		rc = commit_mark_set(c, &item, MARK_EMPTIED, since, err);
	if (!rc && item.ino != node->ino) {
		item.ino = node->ino;
		rc = store_item_save(c->store, &item, err);
	}
	result->rev = item.rev;
	result->send = true; /* nothing is sent, but the hub is to look at it again */
	store_item_clear(&item);
	return rc;
}

/* ---- showing the document --------------------------------------------------------------------- */

int commit_render(struct commit *c, struct store_item *item, struct error *err)
{
	const struct document_kind *kind = document_kind(item->kind);
	struct buf bytes AUTOBUF = BUF_INIT(COMMIT_BYTES_MAX);
	int rc;

	if (!kind)
		return error_set(err, ERR_INTERNAL, "an item of a kind that cannot be written");
	rc = document_render(kind, item->doc, c->vcard_30, &bytes, err);
	if (!rc)
		rc = buf_check(&bytes, "the file", err);
	if (!rc)
		rc = store_node_replace(
			c->store, item->ino, buf_str(&bytes), bytes.len, &item->ino, err);
	return rc ? rc : commit_marks_drop(c, item, err);
}

int commit_show(struct commit *c, int64_t id, const struct commit_result *result, struct error *err)
{
	struct store_item item;
	int rc;

	if (!result->anew)
		return 0;
	rc = store_item_get(c->store, id, &item, err);
	if (rc)
		return rc;
	if (store_writer_active(c->store, item.ino))
		rc = commit_mark_set(c, &item, MARK_ANEW, "1", err);
	else
		rc = commit_render(c, &item, err);
	store_item_clear(&item);
	return rc;
}

/* ---- commit_write ------------------------------------------------------------------------------ */

static int64_t written(struct commit *c)
{
	return c->written ? c->written : store_now(c->store);
}

static int check_may_begin(struct commit *c, const struct store_node *node, struct error *err)
{
	struct commit_place place;

	return node->item ? 0 : commit_place(c, node->parent, node->name, &place, NULL, err);
}

static int write_item(struct commit *c, struct store_node *node, const struct commit_edit *edit,
	struct commit_result *result, struct error *err)
{
	struct buf before AUTOBUF = BUF_INIT(COMMIT_BYTES_MAX);
	bool update;
	int rc = check_may_begin(c, node, err);

	if (!rc)
		rc = commit_is_update(c, node->item, edit, &update, err);
	if (!rc && update)
		rc = commit_shown(c, node, &before, err);
	else if (!rc)
		rc = commit_detach(c, node, err);
	if (!rc)
		rc = store_content_set(
			c->store, node->ino, edit->bytes, edit->len, written(c), err);
	if (!rc)
		rc = commit_apply(c, node, edit, &before, result, err);
	if (!rc)
		rc = commit_show(c, node->item, result, err);
	return rc;
}

static int write_empty(
	struct commit *c, struct store_node *node, struct commit_result *result, struct error *err)
{
	struct buf before AUTOBUF = BUF_INIT(COMMIT_BYTES_MAX);
	int rc = commit_shown(c, node, &before, err);

	if (!rc)
		rc = store_content_set(c->store, node->ino, "", 0, written(c), err);
	return rc ? rc : commit_empty(c, node, &before, result, err);
}

/* Inside the transaction: is it still what the bytes are for?  It may have lost its name, or got another one. */
static int check_still(struct commit *c, uint64_t ino, enum node_type type, struct store_node *node,
	struct error *err)
{
	int rc = store_node_get(c->store, ino, node, err);

	if (rc)
		return rc;
	if (type == NODE_ITEM && !node->parent)
		return error_set(err, ERR_NOT_FOUND,
			"the file was removed or replaced while it was written");
	if (node->type != type)
		return error_set(
			err, ERR_NOT_FOUND, "%s was renamed while it was written", node->name);
	return 0;
}

int commit_write(struct commit *c, uint64_t ino, const char *bytes, size_t len, int64_t *rev,
	struct error *err)
{
	struct commit_edit edit = { 0 };
	struct commit_result result = { .rev = COMMIT_NO_BASE };
	struct store_node node;
	int rc = store_node_get(c->store, ino, &node, err);

	if (rc)
		return rc;
	if (node.type == NODE_DRAFT)
		return commit_draft(c, ino, bytes, len, err);
	if (node.type != NODE_ITEM)
		return error_set(err, ERR_INVALID, "%s is no file", node.name);
	if (len) {
		rc = commit_edit_parse(&edit, node.kind, bytes, len, err);
		if (rc)
			goto out;
	}
	rc = commit_begin(c, err);
	if (rc)
		goto out;
	rc = check_still(c, ino, NODE_ITEM, &node, err);
	if (!rc)
		rc = len ? write_item(c, &node, &edit, &result, err)
			 : write_empty(c, &node, &result, err);
	rc = commit_end(c, rc, result.send ? node.mailbox : 0, err);
	if (!rc && rev)
		*rev = result.rev;
out:
	commit_edit_clear(&edit);
	return rc;
}

int commit_draft(struct commit *c, uint64_t ino, const char *bytes, size_t len, struct error *err)
{
	struct store_node node;
	int rc = commit_begin(c, err);

	if (rc)
		return rc;
	rc = check_still(c, ino, NODE_DRAFT, &node, err);
	if (!rc)
		rc = store_content_set(c->store, ino, bytes, len, written(c), err);
	return commit_end(c, rc, 0, err);
}

int commit_refuse(struct commit *c, int64_t mailbox, const char *name, const char *bytes,
	size_t len, const char *reason, struct error *err)
{
	struct store_lost lost = { .mailbox = mailbox, .bytes = BUF_INIT(COMMIT_BYTES_MAX) };
	int rc = commit_begin(c, err);

	if (rc)
		return rc;
	lost.time = store_now(c->store);
	lost.name = xstrdup(name);
	lost.reason = xstrdup(reason);
	buf_add(&lost.bytes, bytes, len);
	rc = buf_check(&lost.bytes, name, err);
	if (!rc)
		rc = store_lost_add(c->store, &lost, err);
	store_lost_clear(&lost);
	return commit_end(c, rc, 0, err);
}

/* ---- .json/ ------------------------------------------------------------------------------------ */

static int parse_json(struct commit_edit *edit, enum item_kind kind, const char *bytes, size_t len,
	struct error *err)
{
	json_error_t why;

	memset(edit, 0, sizeof(*edit));
	edit->whole = true;
	edit->kind = document_kind(kind);
	if (!edit->kind)
		return error_set(err, ERR_DENIED, "items of this kind cannot be written");
	edit->shown = json_loadb(bytes, len, JSON_REJECT_DUPLICATES, &why);
	if (!edit->shown)
		return error_set(err, ERR_INVALID, "line %d: %s", why.line, why.text);
	if (!json_is_object(edit->shown))
		return error_set(err, ERR_INVALID, "not a JSON object");
	return edit->kind->check(edit->shown, err);
}

/* The file for a new document, empty for the moment. */
static int make_json_file(struct commit *c, uint64_t parent, const char *name,
	struct store_node *node, struct error *err)
{
	struct commit_place place;
	int rc = commit_place(c, parent, name, &place, NULL, err);

	if (rc)
		return rc;
	if (!place.is_item)
		return error_set(err, ERR_INVALID, "%.200s is no item name", name);
	memset(node, 0, sizeof(*node));
	node->parent = parent;
	node->type = NODE_ITEM;
	node->kind = place.kind;
	node->mailbox = place.dir.mailbox;
	node->mode = 0600;
	snprintf(node->name, sizeof(node->name), "%s", name);
	return store_node_create(c->store, node, err);
}

static int json_item(struct commit *c, struct store_node *node, const struct commit_edit *edit,
	struct commit_result *result, struct error *err)
{
	struct store_item item = { 0 };
	bool update;
	int rc = commit_is_update(c, node->item, edit, &update, err);

	if (rc)
		return rc;
	if (node->item && !update)
		return error_set(err, ERR_INVALID, "uid: cannot be changed");
	if (store_writer_active(c->store, node->ino))
		return error_set(err, ERR_BUSY, "%s is open for writing", node->name);
	rc = commit_apply(c, node, edit, NULL, result, err);
	if (!rc)
		rc = store_item_get(c->store, node->item, &item, err);
	if (!rc && (result->send || !node->size))
		rc = commit_render(c, &item, err);
	store_item_clear(&item);
	return rc;
}

int commit_json(struct commit *c, uint64_t ino, uint64_t parent, const char *name,
	const char *bytes, size_t len, int64_t *rev, struct error *err)
{
	struct commit_edit edit = { 0 };
	struct commit_result result = { .rev = COMMIT_NO_BASE };
	struct store_node node;
	int rc = store_node_get(c->store, ino ? ino : parent, &node, err);

	if (rc)
		return rc;
	if (ino && node.type != NODE_ITEM)
		return error_set(err, ERR_INVALID, "%s is no item", node.name);
	rc = parse_json(&edit, node.kind, bytes, len, err);
	/* The kernel does not know that the item's file changes with its .json. */
	if (!rc)
		rc = store_begin(c->store, STORE_NORMAL, STORE_REMOTE, err);
	if (rc)
		goto out;
	rc = ino ? store_node_get(c->store, ino, &node, err)
		 : make_json_file(c, parent, name, &node, err);
	if (!rc)
		rc = json_item(c, &node, &edit, &result, err);
	rc = commit_end(c, rc, result.send ? node.mailbox : 0, err);
	if (!rc && rev)
		*rev = result.rev;
out:
	commit_edit_clear(&edit);
	return rc;
}
