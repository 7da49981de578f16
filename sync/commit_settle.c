/* What waits: for a quiet time, for a handle to be closed, for the next start.
 *
 *	an emptied item	   shows its former bytes after the removal's quiet time
 *	a merged item	   is rendered anew once no handle writes to its file
 *	a removal	   can be taken back until it is sent: bytes, number and times are kept
 *	working bytes	   of handles that died are judged as at RELEASE
 *
 * The first three are marks (commit_private.h), found by their prefix; marks of items that are gone
 * are dropped on the way. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sync/commit_private.h"
#include "sync/mem.h"

/* ---- showing again ------------------------------------------------------------------------------ */

/* The bytes that the item showed, or what its document renders to. */
static int former_bytes(
	struct commit *c, const struct store_item *item, struct buf *out, struct error *err)
{
	const struct document_kind *kind = document_kind(item->kind);
	char *former AUTOFREE = NULL;
	int rc = commit_mark_get(c, item, MARK_FORMER, &former, err);

	if (rc)
		return rc;
	if (former) {
		buf_adds(out, former);
		return buf_check(out, "the file", err);
	}
	if (!kind)
		return error_set(err, ERR_INTERNAL, "an item of a kind that cannot be written");
	rc = document_render(kind, item->doc, c->vcard_30, out, err);
	return rc ? rc : buf_check(out, "the file", err);
}

static int show_former(struct commit *c, struct store_item *item, struct error *err)
{
	struct buf bytes AUTOBUF = BUF_INIT(COMMIT_BYTES_MAX);
	int rc = former_bytes(c, item, &bytes, err);

	if (!rc)
		rc = store_node_replace(
			c->store, item->ino, buf_str(&bytes), bytes.len, &item->ino, err);
	return rc ? rc : commit_marks_drop(c, item, err);
}

static int settle_emptied(struct commit *c, struct store_item *item, struct error *err)
{
	char *since AUTOFREE = NULL;
	struct store_node node;
	int rc = commit_mark_get(c, item, MARK_EMPTIED, &since, err);

	if (rc || !since || !item->ino)
		return rc;
	rc = store_node_get(c->store, item->ino, &node, err);
	if (rc)
		return rc;
	if (node.size) /* a remote change has shown it again */
		return commit_marks_drop(c, item, err);
	if (store_writer_active(c->store, item->ino) ||
		store_now(c->store) - strtoll(since, NULL, 10) < c->remove_quiet_ns)
		return 0;
	return show_former(c, item, err);
}

static int settle_anew(struct commit *c, struct store_item *item, struct error *err)
{
	if (!item->ino || store_writer_active(c->store, item->ino))
		return 0;
	return commit_render(c, item, err);
}

static int settle_mark(
	struct commit *c, int64_t mailbox, int64_t id, enum commit_mark mark, struct error *err)
{
	struct store_item item = { 0 };
	int rc = store_item_get(c->store, id, &item, err);

	if (rc == ERR_NOT_FOUND) {
		struct store_item gone = { .id = id, .mailbox = mailbox };

		return commit_marks_drop(c, &gone, err);
	}
	if (!rc && mark == MARK_EMPTIED)
		rc = settle_emptied(c, &item, err);
	else if (!rc && mark == MARK_ANEW)
		rc = settle_anew(c, &item, err);
	store_item_clear(&item);
	return rc;
}

static int compare_ids(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return x < y ? -1 : x > y;
}

/* Thousands of removals may wait for a confirmation: for what is kept of them, being there is enough. */
static int settle_all(struct commit *c, int64_t mailbox, const char *prefix, const json_t *names,
	struct error *err)
{
	int64_t *ids AUTOFREE = NULL;
	size_t n = 0, i;
	json_t *name;
	int rc = store_items_all(c->store, mailbox, &ids, &n, err);

	json_array_foreach((json_t *)names, i, name) {
		enum commit_mark mark;
		int64_t id;

		if (rc)
			break;
		if (!commit_mark_parse(json_string_value(name), prefix, &id, &mark))
			continue;
		if ((mark == MARK_FORMER || mark == MARK_INO) && n &&
			bsearch(&id, ids, n, sizeof(*ids), compare_ids))
			continue;
		rc = settle_mark(c, mailbox, id, mark, err);
	}
	return rc;
}

int commit_settle(struct commit *c, int64_t mailbox, struct error *err)
{
	char *prefix AUTOFREE = commit_marks_prefix(mailbox);
	json_t *names = NULL;
	int rc = store_value_names(c->store, prefix, &names, err);

	if (rc)
		return rc;
	if (json_array_size(names)) {
		rc = store_begin(c->store, STORE_NORMAL, STORE_REMOTE, err);
		if (!rc) {
			rc = settle_all(c, mailbox, prefix, names, err);
			rc = commit_end(c, rc, 0, err);
		}
	}
	json_decref(names);
	return rc;
}

bool commit_is_waiting(struct commit *c, int64_t mailbox)
{
	char *prefix AUTOFREE = commit_marks_prefix(mailbox);
	json_t *names = NULL, *name;
	bool waiting = false;
	size_t i;

	if (store_value_names(c->store, prefix, &names, NULL))
		return false;
	json_array_foreach(names, i, name) {
		enum commit_mark mark;
		int64_t item;

		/* What is kept of a removal waits for the removal, not for us. */
		if (commit_mark_parse(json_string_value(name), prefix, &item, &mark))
			waiting |= mark == MARK_EMPTIED || mark == MARK_ANEW;
	}
	json_decref(names);
	return waiting;
}

int commit_released(struct commit *c, uint64_t ino, struct error *err)
{
	struct store_node node;
	char *anew AUTOFREE = NULL;
	int rc = store_node_get(c->store, ino, &node, err);

	if (rc == ERR_NOT_FOUND || (!rc && !node.item))
		return 0;
	if (!rc)
		rc = commit_mark_get(c,
			&(struct store_item){ .id = node.item, .mailbox = node.mailbox }, MARK_ANEW,
			&anew, err);
	if (rc || !anew)
		return rc;
	rc = store_begin(c->store, STORE_NORMAL, STORE_REMOTE, err);
	if (rc)
		return rc;
	rc = settle_mark(c, node.mailbox, node.item, MARK_ANEW, err);
	return commit_end(c, rc, 0, err);
}

/* ---- a removal taken back ------------------------------------------------------------------------ */

/* Number, mtime and mode that the file had. */
static int former_attributes(struct commit *c, const struct store_item *item,
	struct store_node *node, uint64_t *ino, struct error *err)
{
	char *value AUTOFREE = NULL, *end;
	int rc = commit_mark_get(c, item, MARK_INO, &value, err);

	*ino = 0;
	node->mode = 0600;
	if (rc || !value)
		return rc;
	*ino = strtoull(value, &end, 10);
	node->mtime = strtoll(end, &end, 10);
	node->mode = (uint32_t)strtoul(end, &end, 8);
	return 0;
}

/* "anna.vcf" or, n >= 2, "anna (2).vcf". */
static void number_name(char name[256], const char *wanted, const char *suffix, unsigned int n)
{
	size_t tail = strlen(suffix), keep = strlen(wanted) - tail;
	char number[16] = "";

	if (n > 1)
		snprintf(number, sizeof(number), " (%u)", n);
	while (keep && (keep + strlen(number) + tail > 255 ||
			       ((unsigned char)wanted[keep] & 0xc0) == 0x80))
		keep--;
	snprintf(name, 256, "%.*s%s%s", (int)keep, wanted, number, suffix);
}

/* The file under its former number, where that is free or still held open by who had it; else under a
 * new one. */
static int make_node(struct commit *c, struct store_node *node, uint64_t ino, struct error *err)
{
	struct store_node held;
	int rc = ino ? store_node_create_as(c->store, node, ino, err) : ERR_EXISTS;

	if (rc != ERR_EXISTS)
		return rc;
	if (!ino || store_node_get(c->store, ino, &held, NULL) || held.parent)
		return store_node_create(c->store, node, err);
	rc = store_node_rename(c->store, ino, node->parent, node->name, err);
	node->ino = ino;
	return rc ? rc : store_node_update(c->store, node, err);
}

static int make_file(
	struct commit *c, const struct store_item *item, struct store_node *node, struct error *err)
{
	const struct document_kind *kind = document_kind(item->kind);
	bool named = item->removed_name && document_is_item_name(item->kind, item->removed_name);
	char *made AUTOFREE = named ? NULL : document_file_name(kind, item->doc, 1);
	const char *wanted = named ? item->removed_name : made;
	uint64_t ino;
	int rc = former_attributes(c, item, node, &ino, err);

	for (unsigned int n = 1; !rc; n++) {
		struct store_node taken;

		number_name(node->name, wanted, kind->suffix, n);
		if (!store_node_lookup(c->store, node->parent, node->name, &taken, NULL))
			continue;
		return make_node(c, node, ino, err);
	}
	return rc;
}

static int restore(struct commit *c, struct store_item *item, struct error *err)
{
	struct buf bytes AUTOBUF = BUF_INIT(COMMIT_BYTES_MAX);
	struct store_node dir, node = { .parent = item->folder,
		.type = NODE_ITEM,
		.kind = item->kind,
		.mailbox = item->mailbox };
	int rc;

	if (item->ino || !item->removed || !document_kind(item->kind))
		return error_set(err, ERR_INVALID, "it is not removed");
	if (commit_is_dying(c, item->id))
		return error_set(err, ERR_BUSY, "its removal is being sent");
	rc = store_node_get(c->store, item->folder, &dir, err);
	if (!rc && !dir.parent)
		rc = error_set(err, ERR_NOT_FOUND, "the folder of %s is gone",
			item->removed_name ? item->removed_name : "the item");
	if (!rc)
		rc = commit_check_uid(
			c, item->kind, item->mailbox, item->folder, item->id, item->uid, err);
	if (!rc)
		rc = former_bytes(c, item, &bytes, err);
	if (!rc)
		rc = make_file(c, item, &node, err);
	if (!rc)
		rc = store_content_set(
			c->store, node.ino, buf_str(&bytes), bytes.len, node.mtime, err);
	if (rc)
		return rc;
	item->ino = node.ino;
	item->removed = 0;
	free(item->removed_name);
	item->removed_name = NULL;
	item->dirty = true;
	rc = store_item_save(c->store, item, err);
	return rc ? rc : commit_marks_drop(c, item, err);
}

int commit_restore(struct commit *c, int64_t id, struct error *err)
{
	struct store_item item = { 0 };
	int rc = store_begin(c->store, STORE_NORMAL, STORE_REMOTE, err);

	if (rc)
		return rc;
	rc = store_item_get(c->store, id, &item, err);
	if (!rc)
		rc = restore(c, &item, err);
	rc = commit_end(c, rc, item.mailbox, err);
	store_item_clear(&item);
	return rc;
}

/* ---- at start ------------------------------------------------------------------------------------ */

static bool looks_like_json(const struct buf *bytes)
{
	const char *at = buf_str(bytes);

	return at[strspn(at, " \t\r\n")] == '{';
}

/* Bytes of a handle that died, as at RELEASE. */
static int judge_working(
	struct commit *c, const struct store_node *node, const struct buf *bytes, struct error *err)
{
	struct error why = ERROR_INIT;
	const char *name = node->name[0] ? node->name : "unnamed";
	int rc;

	if (!node->parent) {
		if (!bytes->len)
			return 0;
		return commit_refuse(c, node->mailbox, name, buf_str(bytes), bytes->len,
			"the file was removed or replaced while it was written", err);
	}
	if (node->type == NODE_ITEM && looks_like_json(bytes))
		rc = commit_json(c, node->ino, 0, NULL, buf_str(bytes), bytes->len, NULL, &why);
	else
		rc = commit_write(c, node->ino, buf_str(bytes), bytes->len, NULL, &why);
	if (!rc)
		return 0;
	return commit_refuse(c, node->mailbox, name, buf_str(bytes), bytes->len, why.text, err);
}

static int recover_one(struct commit *c, uint64_t ino, struct error *err)
{
	struct buf bytes AUTOBUF = BUF_INIT(COMMIT_BYTES_MAX);
	struct store_node node;
	int rc = store_node_get(c->store, ino, &node, err);

	if (!rc)
		rc = store_working_get(c->store, ino, &bytes, err);
	if (!rc)
		rc = judge_working(c, &node, &bytes, err);
	if (rc && rc != ERR_NOT_FOUND)
		return rc;
	rc = commit_begin(c, err);
	if (rc)
		return rc;
	rc = store_working_set(c->store, ino, NULL, 0, err);
	return commit_end(c, rc, 0, err);
}

/* When Exchange changed an item is of interest for an hour; after a start all of it is dropped that is
 * older. */
static int drop_arrivals(struct commit *c, struct error *err)
{
	int64_t oldest = store_now(c->store) - COMMIT_ARRIVAL_NS;
	json_t *names = NULL, *name;
	size_t i;
	int rc = store_value_names(c->store, COMMIT_ARRIVALS_PREFIX, &names, err);

	json_array_foreach(names, i, name) {
		char *value AUTOFREE = NULL;
		const char *time;

		rc = store_value_get(c->store, json_string_value(name), &value, err);
		time = value ? strchr(value, ' ') : NULL;
		if (!rc && (!time || strtoll(time, NULL, 10) < oldest))
			rc = store_value_set(c->store, json_string_value(name), NULL, err);
		if (rc)
			break;
	}
	json_decref(names);
	return rc;
}

static int drop_leftovers(struct commit *c, struct error *err)
{
	int rc = commit_begin(c, err);

	if (rc)
		return rc;
	rc = store_orphan_drop_all(c->store, err);
	if (!rc)
		rc = drop_arrivals(c, err);
	return commit_end(c, rc, 0, err);
}

/* A damaged cache has lost the bytes and has the document.  The number stays, since nobody has the file open. */
static int write_anew(struct commit *c, uint64_t ino, struct error *err)
{
	struct buf bytes AUTOBUF = BUF_INIT(COMMIT_BYTES_MAX);
	struct store_item item = { 0 };
	int rc = store_item_by_ino(c->store, ino, &item, err);

	if (!rc)
		rc = document_render(document_kind(item.kind), item.doc, c->vcard_30, &bytes, err);
	if (!rc)
		rc = buf_check(&bytes, "the file", err);
	if (!rc)
		rc = store_content_set(
			c->store, ino, buf_str(&bytes), bytes.len, store_now(c->store), err);
	store_item_clear(&item);
	return rc;
}

static int write_missing(struct commit *c, struct error *err)
{
	uint64_t *inos AUTOFREE = NULL;
	size_t n = 0;
	int rc = store_content_missing(c->store, &inos, &n, err);

	if (!rc)
		rc = commit_begin(c, err);
	if (rc)
		return rc;
	for (size_t i = 0; !rc && i < n; i++)
		rc = write_anew(c, inos[i], err);
	return commit_end(c, rc, 0, err);
}

int commit_recover(struct commit *c, struct error *err)
{
	uint64_t *inos AUTOFREE = NULL;
	int64_t *mailboxes AUTOFREE = NULL;
	size_t n = 0;
	json_t *rebuilt = store_rebuilt(c->store);
	int rc = rebuilt ? write_missing(c, err) : 0;

	json_decref(rebuilt);
	if (!rc)
		rc = store_working_list(c->store, &inos, &n, err);

	for (size_t i = 0; !rc && i < n; i++)
		rc = recover_one(c, inos[i], err);
	if (!rc)
		rc = drop_leftovers(c, err);
	n = 0;
	if (!rc)
		rc = store_mailbox_list(c->store, &mailboxes, &n, err);
	for (size_t i = 0; !rc && i < n; i++)
		rc = commit_settle(c, mailboxes[i], err);
	return rc;
}
