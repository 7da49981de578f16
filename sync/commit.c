/* The frame of every commit: one transaction, the errno beside the error, the checks that every new
 * name passes, and the marks that outlive a restart.
 *
 * Marks are named values of the store, "commit/<mailbox>/<item>/<mark>", so that what waits for an
 * item (see commit_private.h) is found by the prefix of its mailbox. */
#include "sync/commit.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sync/commit_private.h"
#include "sync/mem.h"

/* No path is deeper than this (and a damaged tree with a cycle is left). */
#define DEPTH_MAX 64

int commit_begin_as(struct commit *c, const char *name, struct error *err)
{
	return store_begin_as(c->store, name, STORE_NORMAL, STORE_LOCAL, err);
}

int commit_end(struct commit *c, int rc, int64_t mailbox, struct error *err)
{
	if (rc) {
		store_rollback(c->store);
		return rc;
	}
	rc = store_commit(c->store, err);
	if (!rc && mailbox && c->committed)
		c->committed(c->data, mailbox);
	return rc;
}

int commit_refused(
	int *number, int value, struct error *err, enum error_code code, const char *fmt, ...)
{
	char text[ERROR_TEXT_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (number)
		*number = value;
	return error_set(err, code, "%s", text);
}

/* ---- marks ------------------------------------------------------------------------------------ */

static const char *const mark_names[] = {
	[MARK_EMPTIED] = "emptied",
	[MARK_ANEW] = "anew",
	[MARK_FORMER] = "former",
	[MARK_INO] = "ino",
};

static char *mark_name(const struct store_item *item, enum commit_mark mark)
{
	return xasprintf(
		"commit/%" PRId64 "/%" PRId64 "/%s", item->mailbox, item->id, mark_names[mark]);
}

char *commit_marks_prefix(int64_t mailbox)
{
	return xasprintf("commit/%" PRId64 "/", mailbox);
}

bool commit_mark_parse(const char *name, const char *prefix, int64_t *item, enum commit_mark *mark)
{
	size_t skip = strlen(prefix);
	char *end;

	if (strncmp(name, prefix, skip) != 0)
		return false;
	*item = strtoll(name + skip, &end, 10);
	for (size_t i = 0; *end == '/' && i < ARRAY_SIZE(mark_names); i++) {
		*mark = (enum commit_mark)i;
		if (strcmp(end + 1, mark_names[i]) == 0)
			return true;
	}
	return false;
}

char *commit_arrivals_name(const struct store_item *item)
{
	return xasprintf(COMMIT_ARRIVALS_PREFIX "%" PRId64 "/%" PRId64, item->mailbox, item->id);
}

int commit_mark_set(struct commit *c, const struct store_item *item, enum commit_mark mark,
	const char *value, struct error *err)
{
	char *name AUTOFREE = mark_name(item, mark);

	return store_value_set(c->store, name, value, err);
}

int commit_mark_get(struct commit *c, const struct store_item *item, enum commit_mark mark,
	char **value, struct error *err)
{
	char *name AUTOFREE = mark_name(item, mark);

	return store_value_get(c->store, name, value, err);
}

int commit_marks_drop(struct commit *c, const struct store_item *item, struct error *err)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < ARRAY_SIZE(mark_names); i++)
		rc = commit_mark_set(c, item, (enum commit_mark)i, NULL, err);
	return rc;
}

/* ---- names and places ------------------------------------------------------------------------- */

int commit_bytes(struct commit *c, uint64_t ino, struct buf *out, struct error *err)
{
	int rc;

	buf_reset(out);
	rc = store_content_get(c->store, ino, out, err);
	return rc ? rc : buf_check(out, "the file", err);
}

char *commit_path(struct commit *c, uint64_t parent, const char *name)
{
	char *path = xstrdup(name);

	for (int depth = 0; depth < DEPTH_MAX; depth++) {
		struct store_node dir;
		char *longer;

		if (store_node_get(c->store, parent, &dir, NULL) || !dir.name[0] ||
			dir.type == NODE_MAILBOX || dir.type == NODE_ROOT)
			break;
		longer = xasprintf("%s/%s", dir.name, path);
		free(path);
		path = longer;
		parent = dir.parent;
	}
	return path;
}

int commit_dir_kind(
	struct commit *c, const struct store_node *dir, enum item_kind *kind, struct error *err)
{
	struct store_node at = *dir;

	for (int depth = 0; at.type == NODE_DRAFT_DIR && depth < DEPTH_MAX; depth++) {
		int rc = store_node_get(c->store, at.parent, &at, err);

		if (rc)
			return rc;
	}
	if (at.type != NODE_FOLDER)
		return error_set(err, ERR_INTERNAL, "%s lies in no folder", dir->name);
	*kind = at.kind;
	return 0;
}

int commit_check_name(const char *name, int *number, struct error *err)
{
	json_t *text = json_string(name); /* NULL when it is not UTF-8 */

	if (!text)
		return commit_refused(number, EILSEQ, err, ERR_INVALID, "the name is not UTF-8");
	json_decref(text);
	for (const char *p = name; *p; p++) {
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			return commit_refused(number, EINVAL, err, ERR_INVALID,
				"the name holds a control character");
	}
	return 0;
}

int commit_number(int rc, int *number)
{
	if (rc && !*number)
		*number = error_errno((enum error_code)rc);
	return rc;
}

int commit_check_kind(struct commit *c, const struct store_node *node,
	const struct commit_place *place, int *number, struct error *err)
{
	struct store_node dir;
	enum item_kind kind = node->kind;
	int rc = 0;

	if (node->type != NODE_ITEM) {
		rc = store_node_get(c->store, node->parent, &dir, err);
		if (!rc)
			rc = commit_dir_kind(c, &dir, &kind, err);
	}
	if (!rc && kind != place->kind)
		return commit_refused(number, EPERM, err, ERR_DENIED,
			"%s belongs to folders of another kind", node->name);
	return rc;
}

static int check_complete(
	struct commit *c, const struct store_node *dir, int *number, struct error *err)
{
	struct store_folder folder;
	bool complete;
	int rc = store_folder_get(c->store, dir->ino, &folder, err);

	if (rc)
		return rc;
	complete = folder.complete;
	store_folder_clear(&folder);
	if (!complete)
		return commit_refused(number, EAGAIN, err, ERR_BUSY,
			"%s: its first sync has not ended yet, try again later", dir->name);
	return 0;
}

int commit_place(struct commit *c, uint64_t parent, const char *name, struct commit_place *place,
	int *number, struct error *err)
{
	size_t len = strlen(name);
	int rc = store_node_get(c->store, parent, &place->dir, err);

	if (rc)
		return rc;
	if (place->dir.type == NODE_ITEM || place->dir.type == NODE_DRAFT)
		return commit_refused(number, ENOTDIR, err, ERR_INVALID, "not a directory");
	if (!place->dir.parent && place->dir.type != NODE_ROOT)
		return commit_refused(number, ENOENT, err, ERR_NOT_FOUND, "the directory is gone");
	if (place->dir.type != NODE_FOLDER && place->dir.type != NODE_DRAFT_DIR)
		return commit_refused(number, EPERM, err, ERR_DENIED,
			"nothing can be made here; files belong into a folder of items");
	if (!len || len >= sizeof(place->dir.name))
		return commit_refused(
			number, ENAMETOOLONG, err, ERR_INVALID, "a name has 1 to 255 bytes");
	if (strchr(name, '/') || !strcmp(name, ".") || !strcmp(name, ".."))
		return commit_refused(number, EINVAL, err, ERR_INVALID, "not a file name");
	rc = commit_dir_kind(c, &place->dir, &place->kind, err);
	if (rc)
		return rc;
	place->is_item = false;
	if (place->dir.type == NODE_DRAFT_DIR)
		return 0;
	rc = check_complete(c, &place->dir, number, err);
	if (rc)
		return rc;
	place->is_item = document_is_item_name(place->kind, name);
	return place->is_item ? commit_check_name(name, number, err) : 0;
}
