/* Directories: lookup, opendir, readdir and readdirplus.
 *
 * A listing needs no memory of its own: the cookie of an entry is its inode number plus a constant, and
 * each call continues an indexed SELECT there, adding rows to the answer until it is full.  So a file
 * that is renamed, made or removed meanwhile neither repeats nor hides another.  The kernel keeps the
 * listing until it is told that the directory changed. */
#include "fs/fs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fs/virtual.h"
#include "sync/mem.h"

/* Cookies before those of the children. */
enum { AT_DOT, AT_DOTDOT, AT_JSON, AT_SYNC, AT_CHILDREN };

/* Mailboxes that are not configured any more are not shown. */
static bool is_shown(const struct fs *fs, const struct store_node *node)
{
	return node->type != NODE_MAILBOX || fs_mailbox(fs, node->mailbox);
}

void dir_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct fs *fs = fs_of(req);
	struct error err = ERROR_INIT;
	struct fuse_entry_param e;
	struct store_node node;

	if (store_node_lookup(fs->store, parent, name, &node, &err)) {
		if (err.code == ERR_NOT_FOUND && name[0] == '.' &&
			(parent == STORE_ROOT_INO || fs_mailbox_by_ino(fs, parent)))
			virtual_lookup(req, parent, name);
		else
			fs_reply_error(req, &err);
		return;
	}
	if (!is_shown(fs, &node)) {
		fuse_reply_err(req, ENOENT);
		return;
	}
	attr_entry(fs, &node, &e);
	fuse_reply_entry(req, &e);
}

/* A folder is listed when its first sync has ended: a backup never sees a part. */
static int check_complete(struct fs *fs, uint64_t ino, struct error *err)
{
	struct store_folder folder;
	struct store_node node;
	bool complete;
	int rc = store_node_get(fs->store, ino, &node, err);

	if (rc || node.type != NODE_FOLDER)
		return rc;
	rc = store_folder_get(fs->store, ino, &folder, err);
	if (rc)
		return rc;
	complete = folder.complete;
	store_folder_clear(&folder);
	return complete ? 0
			: error_set(err, ERR_BUSY, "%s: its first sync has not ended yet", node.name);
}

void dir_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct error err = ERROR_INIT;

	if (check_complete(fs_of(req), ino, &err)) {
		fs_reply_stale(req, &err);
		return;
	}
	fi->cache_readdir = 1;
	fi->keep_cache = 1;
	fuse_reply_open(req, fi);
}

struct listing {
	fuse_req_t req;
	struct fs *fs;
	bool plus;
	char *data;
	size_t size, used;
};

/* False when the answer is full. */
static bool add_entry(struct listing *l, const char *name, const struct fuse_entry_param *e,
	uint64_t cookie)
{
	char *at = l->data + l->used;
	size_t left = l->size - l->used, need;

	need = l->plus ? fuse_add_direntry_plus(l->req, at, left, name, e, (off_t)cookie)
		       : fuse_add_direntry(l->req, at, left, name, &e->attr, (off_t)cookie);
	if (need > left)
		return false;
	l->used += need;
	return true;
}

static bool add_child(void *data, const struct store_node *node)
{
	struct listing *l = data;
	struct fuse_entry_param e;

	if (!is_shown(l->fs, node))
		return true;
	attr_entry(l->fs, node, &e);
	return add_entry(l, node->name, &e, node->ino + AT_CHILDREN);
}

/* An entry of which the kernel learns number and type only. */
static bool add_bare(struct listing *l, const char *name, fuse_ino_t ino, uint64_t cookie)
{
	struct fuse_entry_param e = { .attr = { .st_ino = ino, .st_mode = S_IFDIR } };

	return add_entry(l, name, &e, cookie);
}

static bool add_hidden(struct listing *l, const struct store_node *dir, const char *name,
	uint64_t cookie)
{
	fuse_ino_t ino = l->fs->config->show ? virtual_hidden(l->fs, dir, name) : 0;

	return !ino || add_bare(l, name, ino, cookie);
}

static int fill(struct listing *l, uint64_t ino, uint64_t off, struct error *err)
{
	struct store_node dir;
	int rc;

	if (off < AT_CHILDREN) {
		rc = store_node_get(l->fs->store, ino, &dir, err);
		if (rc)
			return rc;
		if ((off <= AT_DOT && !add_bare(l, ".", ino, AT_DOTDOT)) ||
			(off <= AT_DOTDOT &&
				!add_bare(l, "..", dir.parent ? dir.parent : ino, AT_JSON)) ||
			(off <= AT_JSON && !add_hidden(l, &dir, ".json", AT_SYNC)) ||
			(off <= AT_SYNC && !add_hidden(l, &dir, ".sync", AT_CHILDREN)))
			return 0;
		off = AT_CHILDREN;
	}
	return store_node_list(l->fs->store, ino, off - AT_CHILDREN, add_child, l, err);
}

static void list(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, bool plus)
{
	struct listing l = { .req = req, .fs = fs_of(req), .plus = plus, .size = size };
	struct error err = ERROR_INIT;

	l.data = xmalloc(size);
	if (fill(&l, ino, (uint64_t)off, &err))
		fs_reply_stale(req, &err);
	else
		fuse_reply_buf(req, l.data, l.used);
	free(l.data);
}

void dir_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi)
{
	(void)fi;
	list(req, ino, size, off, false);
}

void dir_readdirplus(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
	struct fuse_file_info *fi)
{
	(void)fi;
	list(req, ino, size, off, true);
}

void dir_fsyncdir(fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi)
{
	struct error err = ERROR_INIT;

	(void)ino, (void)datasync, (void)fi;
	if (store_sync(fs_of(req)->store, &err))
		fs_reply_error(req, &err);
	else
		fuse_reply_err(req, 0);
}
