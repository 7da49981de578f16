/* Attributes that a user sets: categories, mode, mtime.
 *
 * Categories set as an attribute edit only the CATEGORIES line of the stored bytes.  Since the content of
 * a number changes by write(2) alone, the file is replaced by one with a new number. */
#include <stdlib.h>
#include <string.h>

#include "sync/commit_private.h"
#include "sync/mem.h"

static bool is_space(char ch)
{
	return ch == ' ' || ch == '\t' || ch == '\n' || ch == '\r';
}

/* "CRM, Key customer" as an array of names, trimmed, each once. */
static json_t *split_names(const char *value, size_t len, struct error *err)
{
	json_t *names = json_array(), *seen = json_object();
	size_t at = 0;

	while (at <= len && names) {
		const char *comma = at < len ? memchr(value + at, ',', len - at) : NULL;
		size_t end = comma ? (size_t)(comma - value) : len, next = end + 1;
		json_t *name;

		while (at < end && is_space(value[at]))
			at++;
		while (end > at && is_space(value[end - 1]))
			end--;
		name = end > at ? json_stringn(value + at, end - at) : NULL;
		if (end > at && (!name || strlen(json_string_value(name)) != end - at)) {
			error_set(err, ERR_INVALID, "a category that is not UTF-8 text");
			json_decref(names);
			names = NULL;
		} else if (name && !json_object_get(seen, json_string_value(name))) {
			json_object_set_new(seen, json_string_value(name), json_true());
			json_array_append(names, name);
		}
		json_decref(name);
		at = next;
	}
	json_decref(seen);
	return names;
}

/* keywords as a set of names; an empty set is absent. */
static void set_keywords(json_t *doc, const json_t *names)
{
	json_t *keywords = json_object(), *name;
	size_t i;

	json_array_foreach((json_t *)names, i, name) {
		json_object_set_new(keywords, json_string_value(name), json_true());
	}
	if (json_object_size(keywords))
		json_object_set(doc, "keywords", keywords);
	else
		json_object_del(doc, "keywords");
	json_decref(keywords);
}

/* The file's bytes with the line changed; rendered from the new document where the bytes do not stand
 * for it (an emptied file). */
static int new_bytes(struct commit *c, const struct store_node *node, const struct store_item *item,
	const json_t *names, struct buf *out, struct error *err)
{
	const struct document_kind *kind = document_kind(item->kind);
	struct buf bytes AUTOBUF = BUF_INIT(COMMIT_BYTES_MAX);
	int rc = commit_shown(c, node, &bytes, err);

	if (rc)
		return rc;
	if (bytes.len)
		rc = kind->set_categories(bytes.data, bytes.len, names, out, err);
	else
		rc = document_render(kind, item->doc, c->vcard_30, out, err);
	return rc ? rc : buf_check(out, "the file", err);
}

static int check_may_change(const struct store_item *item, struct error *err)
{
	const struct document_kind *kind = document_kind(item->kind);
	const char *why = kind->read_only ? kind->read_only(item->doc) : NULL;

	return why ? error_set(err, ERR_DENIED, "%s", why) : 0;
}

int commit_set_categories(struct commit *c, const struct store_node *node, const json_t *names,
	bool *changed, struct error *err)
{
	struct store_item item = { 0 };
	struct buf bytes AUTOBUF = BUF_INIT(COMMIT_BYTES_MAX);
	json_t *doc = NULL;
	int rc = store_item_get(c->store, node->item, &item, err);

	if (rc)
		return rc;
	doc = json_deep_copy(item.doc);
	set_keywords(doc, names);
	*changed = !json_equal(doc, item.doc);
	if (!*changed)
		goto out;
	rc = check_may_change(&item, err);
	if (rc)
		goto out;
	json_decref(item.doc);
	item.doc = json_incref(doc);
	rc = new_bytes(c, node, &item, names, &bytes, err);
	if (rc)
		goto out;
	commit_mark_edited(c, &item);
	rc = store_node_replace(c->store, node->ino, buf_str(&bytes), bytes.len, &item.ino, err);
	if (!rc)
		rc = store_item_save(c->store, &item, err);
	if (!rc)
		rc = commit_mark_set(c, &item, MARK_EMPTIED, NULL, err);
	if (!rc)
		rc = commit_mark_set(c, &item, MARK_FORMER, NULL, err);
out:
	json_decref(doc);
	store_item_clear(&item);
	return rc;
}

static int check_item(const struct store_node *node, struct error *err)
{
	if (node->type != NODE_ITEM || !document_kind(node->kind))
		return error_set(err, ERR_DENIED, "only items have categories");
	if (!node->item)
		return error_set(err, ERR_INVALID, "%s is empty: no item yet", node->name);
	return 0;
}

int commit_categories(
	struct commit *c, uint64_t ino, const char *value, size_t len, struct error *err)
{
	struct store_node node = { 0 };
	json_t *names = split_names(value, len, err);
	bool changed = false;
	int rc;

	if (!names)
		return ERR_INVALID;
	rc = commit_begin(c, err);
	if (!rc) {
		rc = store_node_get(c->store, ino, &node, err);
		if (!rc)
			rc = check_item(&node, err);
		if (!rc && store_writer_active(c->store, ino))
			rc = error_set(err, ERR_BUSY, "%s is open for writing", node.name);
		if (!rc)
			rc = commit_set_categories(c, &node, names, &changed, err);
		rc = commit_end(c, rc, changed ? node.mailbox : 0, err);
	}
	json_decref(names);
	return rc;
}

int commit_categories_get(struct commit *c, uint64_t ino, struct buf *out, struct error *err)
{
	struct store_node node;
	struct store_item item = { 0 };
	const char *name;
	json_t *is_set;
	int rc = store_node_get(c->store, ino, &node, err);

	if (!rc)
		rc = check_item(&node, err);
	if (!rc)
		rc = store_item_get(c->store, node.item, &item, err);
	if (rc)
		return rc;
	json_object_foreach(json_object_get(item.doc, "keywords"), name, is_set) {
		if (json_is_false(is_set))
			continue;
		if (out->len)
			buf_addc(out, ',');
		buf_adds(out, name);
	}
	store_item_clear(&item);
	return buf_check(out, "the categories", err);
}

int commit_setattr(struct commit *c, uint64_t ino, int64_t mode, int64_t mtime, struct error *err)
{
	struct store_node node;
	int rc = commit_begin(c, err);

	if (rc)
		return rc;
	rc = store_node_get(c->store, ino, &node, err);
	if (!rc) {
		if (mode >= 0)
			node.mode = (uint32_t)mode & 07777;
		if (mtime != -1)
			node.mtime = mtime;
		rc = store_node_update(c->store, &node, err);
	}
	return commit_end(c, rc, 0, err);
}
