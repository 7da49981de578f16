/* Which item a file is (design section 5, "Identity of files").
 *
 * Bytes under a name that has no item yet are, in this order:
 *
 *	a removal that waits, with their UID          taken over, in any folder of the kind
 *	a removal that waits, with this name here     taken over, when the bytes have no UID
 *	a tombstone with their UID                    revived: document and CRM link
 *	none of these                                 a new item
 *
 * A removal whose delete is being sent is not taken over but succeeded: a new item with its document and
 * link.
 *
 * tar, borg, install and the backup modes of editors remove or rename a file before they write it
 * anew; so remote ids, links and all that a file cannot show survive them.  A UID that lives in the same
 * folder under another name is refused; in another folder it is a copy, an item of its own. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "sync/commit_private.h"
#include "sync/mem.h"

char *commit_new_uid(void)
{
	unsigned char r[16];
	size_t got = 0;

	while (got < sizeof(r)) {
		ssize_t n = getrandom(r + got, sizeof(r) - got, 0);

		if (n > 0)
			got += (size_t)n;
	}
	r[6] = (unsigned char)((r[6] & 0x0f) | 0x40);
	r[8] = (unsigned char)((r[8] & 0x3f) | 0x80);
	return xasprintf("urn:uuid:%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-"
			 "%02x%02x%02x%02x%02x%02x",
		r[0], r[1], r[2], r[3], r[4], r[5], r[6], r[7], r[8], r[9], r[10], r[11], r[12],
		r[13], r[14], r[15]);
}

int commit_check_uid(struct commit *c, enum item_kind kind, int64_t mailbox, uint64_t folder,
	int64_t self, const char *uid, struct error *err)
{
	int64_t *ids AUTOFREE = NULL;
	size_t n = 0;
	int rc;

	if (!uid)
		return 0;
	rc = store_items_by_uid(c->store, mailbox, kind, uid, &ids, &n, err);
	for (size_t i = 0; !rc && i < n; i++) {
		struct store_item item;
		struct store_node file;

		if (ids[i] == self)
			continue;
		rc = store_item_get(c->store, ids[i], &item, err);
		if (rc)
			return rc;
		if (item.ino && item.folder == folder &&
			!store_node_get(c->store, item.ino, &file, NULL) && file.parent)
			rc = error_set(err, ERR_EXISTS,
				"its UID %.100s is that of %s in the same folder", uid, file.name);
		store_item_clear(&item);
	}
	return rc;
}

static enum side_status side_status(struct commit *c, int64_t item, enum side which)
{
	struct store_side side = { 0 };
	int rc = store_side_get(c->store, item, which, &side, NULL);
	enum side_status status = rc ? SIDE_NONE : side.status;

	store_side_clear(&side);
	return status;
}

bool commit_is_dying(struct commit *c, int64_t item)
{
	return side_status(c, item, SIDE_EXCHANGE) == SIDE_DELETING ||
	       side_status(c, item, SIDE_CRM) == SIDE_DELETING;
}

/* The link to the CRM passes from one item to another, shadows and all. */
static int pass_link(struct commit *c, int64_t from, int64_t to, struct error *err)
{
	struct store_side side = { 0 };
	int rc = store_side_get(c->store, from, SIDE_CRM, &side, err);

	if (rc)
		return rc == ERR_NOT_FOUND ? 0 : rc;
	if (side.status != SIDE_DELETING) {
		rc = store_side_delete(c->store, from, SIDE_CRM, err);
		side.item = to;
		if (!rc)
			rc = store_side_save(c->store, &side, err);
	}
	store_side_clear(&side);
	return rc;
}

/* The delete of `item` is on its way and cannot be called back: it ends under its own row, and what came
 * back is a new item with its document and its link to the CRM. */
static int succeed(struct commit *c, struct store_item *item, struct error *err)
{
	int64_t dying = item->id;
	int rc;

	item->id = 0;
	rc = store_item_save(c->store, item, err);
	return rc ? rc : pass_link(c, dying, item->id, err);
}

/* A removal that waits becomes the item of `node`. */
static int take_over(struct commit *c, const struct store_node *node, struct store_item *item,
	struct buf *before, struct error *err)
{
	char *former AUTOFREE = NULL;
	int rc = commit_mark_get(c, item, MARK_FORMER, &former, err);

	if (rc)
		return rc;
	if (former)
		buf_adds(before, former);
	if (!item->removed_name || strcmp(item->removed_name, node->name) != 0)
		item->name_chosen = true;
	free(item->removed_name);
	item->removed_name = NULL;
	item->removed = 0;
	item->ino = node->ino;
	item->folder = node->parent;
	item->dirty = true;
	if (commit_is_dying(c, item->id))
		rc = succeed(c, item, err);
	return rc;
}

/* How well a removal suits: from this very place, from this folder, from elsewhere; 0: not at all,
 * since it is none, or its UID lives in this folder again. */
static int removal_score(
	struct commit *c, const struct store_node *node, const struct store_item *item)
{
	if (!item->removed || item->ino ||
		commit_check_uid(c, item->kind, item->mailbox, node->parent, item->id, item->uid,
			NULL) == ERR_EXISTS)
		return 0;
	if (item->folder != node->parent)
		return 1;
	return item->removed_name && !strcmp(item->removed_name, node->name) ? 3 : 2;
}

/* The removal among `ids` that suits best, the newest of equals; 0: none. */
static int best_removal(struct commit *c, const struct store_node *node, const int64_t *ids,
	size_t n, int64_t *best, struct error *err)
{
	int best_score = 0;
	int64_t best_time = 0;

	*best = 0;
	for (size_t i = 0; i < n; i++) {
		struct store_item item;
		int rc = store_item_get(c->store, ids[i], &item, err), score;

		if (rc)
			return rc;
		score = removal_score(c, node, &item);
		if (score > best_score ||
			(score && score == best_score && item.removed > best_time)) {
			*best = item.id;
			best_score = score;
			best_time = item.removed;
		}
		store_item_clear(&item);
	}
	return 0;
}

/* The link to the CRM record that a tombstone remembers. */
static int revive_link(
	struct commit *c, int64_t item, const struct store_tombstone *t, struct error *err)
{
	static const char unlinked[] = "unlinked";
	struct store_side side = { .item = item, .side = SIDE_CRM, .status = SIDE_LINKED };

	if (!t->record_id)
		return 0;
	side.remote_id = t->record_id;
	if (t->record_state && !strncmp(t->record_state, unlinked, strlen(unlinked))) {
		side.status = SIDE_UNLINKED;
		side.reason = t->record_state + strlen(unlinked);
		side.reason += strspn(side.reason, " ");
	}
	return store_side_save(c->store, &side, err);
}

static int revive(struct commit *c, const struct store_node *node, const char *uid,
	struct store_item *item, struct error *err)
{
	struct store_tombstone t = { 0 };
	int rc = store_tombstone_find(c->store, node->mailbox, uid, NULL, &t, err);

	if (rc == ERR_NOT_FOUND)
		return 0;
	if (rc)
		return rc;
	if (t.kind == node->kind && t.doc) {
		item->doc = json_incref(t.doc);
		item->uid = xstrdup(uid);
		item->state = ITEM_PENDING;
		item->dirty = true;
		rc = store_item_save(c->store, item, err);
		if (!rc)
			rc = revive_link(c, item->id, &t, err);
		if (!rc)
			rc = store_tombstone_delete(c->store, t.id, err);
	}
	store_tombstone_clear(&t);
	return rc;
}

int commit_identify(struct commit *c, const struct store_node *node, const char *uid,
	struct store_item *item, struct buf *before, struct error *err)
{
	int64_t *ids AUTOFREE = NULL;
	int64_t found = 0;
	size_t n = 0;
	int rc;

	memset(item, 0, sizeof(*item));
	rc = commit_check_uid(c, node->kind, node->mailbox, node->parent, 0, uid, err);
	if (!rc && uid)
		rc = store_items_by_uid(c->store, node->mailbox, node->kind, uid, &ids, &n, err);
	else if (!rc)
		rc = store_items_removed(c->store, node->parent, node->name, &ids, &n, err);
	if (!rc)
		rc = best_removal(c, node, ids, n, &found, err);
	if (rc)
		return rc;
	if (found) {
		rc = store_item_get(c->store, found, item, err);
		if (!rc)
			rc = take_over(c, node, item, before, err);
	} else {
		item->mailbox = node->mailbox;
		item->kind = node->kind;
		item->folder = node->parent;
		item->ino = node->ino;
		item->name_chosen = true;
		rc = uid ? revive(c, node, uid, item, err) : 0;
	}
	if (rc)
		store_item_clear(item);
	return rc;
}

/* ---- removals --------------------------------------------------------------------------------- */

/* Keeps what the file showed, so that the same bytes coming back are no edit.  An emptied file's
 * former bytes are kept already. */
static int keep_former(struct commit *c, const struct store_node *node,
	const struct store_item *item, struct error *err)
{
	struct buf bytes AUTOBUF = BUF_INIT(COMMIT_BYTES_MAX);
	char attributes[64];
	int rc;

	rc = commit_mark_set(c, item, MARK_EMPTIED, NULL, err);
	snprintf(attributes, sizeof(attributes), "%" PRIu64 " %" PRId64 " %" PRIo32, node->ino,
		node->mtime, node->mode);
	if (!rc)
		rc = commit_mark_set(c, item, MARK_INO, attributes, err);
	if (!rc && node->size)
		rc = commit_bytes(c, node->ino, &bytes, err);
	if (!rc && bytes.len && !memchr(bytes.data, 0, bytes.len))
		rc = commit_mark_set(c, item, MARK_FORMER, bytes.data, err);
	return rc;
}

int commit_detach(struct commit *c, struct store_node *node, struct error *err)
{
	struct store_item item;
	int rc;

	if (!node->item)
		return 0;
	rc = store_item_get(c->store, node->item, &item, err);
	if (rc)
		return rc;
	rc = keep_former(c, node, &item, err);
	if (!rc) {
		free(item.removed_name);
		item.removed_name = xstrdup(node->name);
		item.removed = store_now(c->store);
		item.folder = node->parent;
		item.ino = 0;
		item.state = ITEM_PENDING;
		item.dirty = true;
		rc = store_item_save(c->store, &item, err);
	}
	if (!rc) {
		node->item = 0;
		rc = store_node_update(c->store, node, err);
	}
	store_item_clear(&item);
	return rc;
}

static bool never_sent(struct commit *c, int64_t item)
{
	return side_status(c, item, SIDE_EXCHANGE) == SIDE_NONE &&
	       side_status(c, item, SIDE_CRM) == SIDE_NONE;
}

/* The live file among `ids` that was never sent. */
static int find_copy(
	struct commit *c, const int64_t *ids, size_t n, struct store_node *copy, struct error *err)
{
	copy->ino = 0;
	for (size_t i = 0; i < n && !copy->ino; i++) {
		struct store_item item;
		int rc = store_item_get(c->store, ids[i], &item, err);

		if (!rc && item.ino && never_sent(c, item.id))
			rc = store_node_get(c->store, item.ino, copy, err);
		store_item_clear(&item);
		if (rc)
			return rc;
	}
	return 0;
}

int commit_hand_over(struct commit *c, int64_t id, struct error *err)
{
	struct store_item item = { 0 };
	struct store_node copy = { 0 };
	struct commit_edit edit = { 0 };
	struct commit_result result = { 0 };
	struct buf bytes AUTOBUF = BUF_INIT(COMMIT_BYTES_MAX);
	int64_t *ids AUTOFREE = NULL;
	size_t n = 0;
	int rc = 0;

	if (!id || never_sent(c, id))
		return 0;
	rc = store_item_get(c->store, id, &item, err);
	if (!rc && item.uid)
		rc = store_items_by_uid(c->store, item.mailbox, item.kind, item.uid, &ids, &n, err);
	if (!rc)
		rc = find_copy(c, ids, n, &copy, err);
	if (rc || !copy.ino || !copy.size)
		goto out;
	rc = commit_bytes(c, copy.ino, &bytes, err);
	if (rc || commit_edit_parse(&edit, copy.kind, buf_str(&bytes), bytes.len, NULL))
		goto out;
	rc = commit_marks_drop(
		c, &(struct store_item){ .id = copy.item, .mailbox = copy.mailbox }, err);
	if (!rc)
		rc = store_item_delete(c->store, copy.item, err);
	if (!rc) {
		copy.item = 0;
		rc = store_node_update(c->store, &copy, err);
	}
	if (!rc)
		rc = commit_apply(c, &copy, &edit, NULL, &result, err);
	if (!rc)
		rc = commit_show(c, copy.item, &result, err);
out:
	commit_edit_clear(&edit);
	store_item_clear(&item);
	return rc;
}
