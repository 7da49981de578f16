/* Extended attributes: user.tandem.categories can be set, the others tell about an item.
 *
 * None is listed, so that backups stay quiet and `rsync -X` removes nothing.  An attribute without a
 * value is ENODATA, as is every name that we do not know. */
#include "fs/fs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fs/virtual.h"
#include "fs/working.h"
#include "sync/mem.h"

#define PREFIX	    "user.tandem."
#define VALUE_LIMIT ((size_t)64 << 10)

typedef int read_attribute(
	struct fs *fs, const struct store_item *item, struct buf *out, struct error *err);

static int read_state(
	struct fs *fs, const struct store_item *item, struct buf *out, struct error *err)
{
	(void)fs, (void)err;
	buf_adds(out, item_state_names[item->state]);
	return 0;
}

static int read_error(
	struct fs *fs, const struct store_item *item, struct buf *out, struct error *err)
{
	(void)fs, (void)err;
	buf_adds(out, item->error);
	return 0;
}

static int read_uid(
	struct fs *fs, const struct store_item *item, struct buf *out, struct error *err)
{
	(void)fs, (void)err;
	buf_adds(out, item->uid);
	return 0;
}

/* The remote id while the item is linked. */
static int read_side(struct fs *fs, const struct store_item *item, enum side which, struct buf *out,
	struct error *err)
{
	struct store_side side;
	int rc = store_side_get(fs->store, item->id, which, &side, err);

	if (!rc && (side.status == SIDE_LINKED || side.status == SIDE_DELETING))
		buf_adds(out, side.remote_id);
	if (!rc)
		store_side_clear(&side);
	return rc == ERR_NOT_FOUND ? 0 : rc;
}

static int read_exchange_id(
	struct fs *fs, const struct store_item *item, struct buf *out, struct error *err)
{
	return read_side(fs, item, SIDE_EXCHANGE, out, err);
}

static int read_crm_id(
	struct fs *fs, const struct store_item *item, struct buf *out, struct error *err)
{
	return read_side(fs, item, SIDE_CRM, out, err);
}

static int read_categories(
	struct fs *fs, const struct store_item *item, struct buf *out, struct error *err)
{
	return commit_categories_get(&fs->commit, item->ino, out, err);
}

static const struct attribute {
	const char *name;
	read_attribute *read;
	bool writable;
} attributes[] = {
	{ PREFIX "categories", read_categories, true },
	{ PREFIX "state", read_state, false },
	{ PREFIX "error", read_error, false },
	{ PREFIX "uid", read_uid, false },
	{ PREFIX "exchange-id", read_exchange_id, false },
	{ PREFIX "crm-id", read_crm_id, false },
};

static const struct attribute *find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(attributes); i++)
		if (!strcmp(attributes[i].name, name))
			return &attributes[i];
	return NULL;
}

/* The stored number behind a number of the kernel: a file of .json has the attributes of its item. */
static uint64_t real_ino(fuse_ino_t ino)
{
	return virtual_tree(ino) == VIRTUAL_JSON ? virtual_payload(ino) : ino;
}

/* A file under an item name that is no item yet is local, and has no more than that. */
static int read_local(struct fs *fs, uint64_t ino, const struct attribute *attribute,
	struct buf *out, struct error *err)
{
	struct store_node node;
	int rc = store_node_get(fs->store, ino, &node, err);

	/* Replaced by a sync, and the kernel does not know yet: it looks the name up again. */
	if (!rc && !node.parent)
		return error_set(err, ERR_NOT_FOUND, "the file was replaced");
	if (!rc && attribute->read == read_state &&
		(node.type == NODE_ITEM || node.type == NODE_DRAFT))
		buf_adds(out, item_state_names[ITEM_LOCAL]);
	return rc;
}

static int read_value(struct fs *fs, uint64_t ino, const struct attribute *attribute,
	struct buf *out, struct error *err)
{
	struct store_item item;
	int rc = store_item_by_ino(fs->store, ino, &item, err);

	if (rc == ERR_NOT_FOUND)
		return read_local(fs, ino, attribute, out, err);
	if (rc)
		return rc;
	rc = attribute->read(fs, &item, out, err);
	store_item_clear(&item);
	return rc ? rc : buf_check(out, "the attribute", err);
}

void xattr_get(fuse_req_t req, fuse_ino_t ino, const char *name, size_t size)
{
	const struct attribute *attribute = find(name);
	struct buf value AUTOBUF = BUF_INIT(VALUE_LIMIT);
	struct error err = ERROR_INIT;

	if (!attribute || (virtual_tree(ino) && virtual_tree(ino) != VIRTUAL_JSON)) {
		fuse_reply_err(req, ENODATA);
		return;
	}
	if (read_value(fs_of(req), real_ino(ino), attribute, &value, &err))
		fs_reply_stale(req, &err);
	else if (!value.len)
		fuse_reply_err(req, ENODATA);
	else if (!size)
		fuse_reply_xattr(req, value.len);
	else if (size < value.len)
		fuse_reply_err(req, ERANGE);
	else
		fuse_reply_buf(req, value.data, value.len);
}

void xattr_set(
	fuse_req_t req, fuse_ino_t ino, const char *name, const char *value, size_t size, int flags)
{
	const struct attribute *attribute = find(name);
	struct fs *fs = fs_of(req);
	struct error err = ERROR_INIT;
	int rc;

	(void)flags;
	if (!attribute) {
		fuse_reply_err(req, strncmp(name, PREFIX, strlen(PREFIX)) ? ENOTSUP : EPERM);
		return;
	}
	if (!attribute->writable || (virtual_tree(ino) && virtual_tree(ino) != VIRTUAL_JSON)) {
		fuse_reply_err(req, EPERM);
		return;
	}
	rc = commit_categories(&fs->commit, real_ino(ino), value, size, &err);
	if (rc ==
		ERR_BUSY) { /* a script's line before this one closed it: its RELEASE may be to come */
		working_wait_released(fs);
		rc = commit_categories(&fs->commit, real_ino(ino), value, size, &err);
	}
	if (rc == ERR_BUSY) {
		fuse_reply_err(req, EBUSY);
		return;
	}
	if (rc) {
		fs_reply_stale(req, &err);
		return;
	}
	notifier_wait_in_operation(fs->notifier);
	fuse_reply_err(req, 0);
}

void xattr_list(fuse_req_t req, fuse_ino_t ino, size_t size)
{
	(void)ino;
	if (size)
		fuse_reply_buf(req, NULL, 0);
	else
		fuse_reply_xattr(req, 0);
}

void xattr_remove(fuse_req_t req, fuse_ino_t ino, const char *name)
{
	(void)ino;
	if (find(name))
		fuse_reply_err(req, EPERM);
	else
		fuse_reply_err(req, strncmp(name, PREFIX, strlen(PREFIX)) ? ENOTSUP : ENODATA);
}
