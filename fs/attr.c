/* Attributes: a node of the store as struct stat, who owns what, getattr and setattr.
 *
 * Everything below a mailbox belongs to its mapped user; the root belongs to who mounted.  A file that is
 * open for writing shows the size and time of the bytes that were written (working.c). */
#include "fs/fs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

#include "fs/virtual.h"
#include "fs/working.h"
#include "sync/mem.h"

#define NS_PER_S INT64_C(1000000000)

/* ---- mailboxes -------------------------------------------------------------------------------- */

static int load_mailbox(struct fs *fs, int64_t id, struct error *err)
{
	struct store_mailbox mb;
	const struct config_user *user;
	int rc = store_mailbox_get(fs->store, id, &mb, err);

	if (rc)
		return rc;
	user = config_find_user(fs->config, mb.address);
	if (user && (!fs->config->only_user || !strcmp(fs->config->only_user, user->address)))
		fs->mailboxes[fs->n_mailboxes++] = (struct fs_mailbox){
			.id = id, .ino = mb.ino, .uid = user->uid, .gid = user->gid, .user = user
		};
	store_mailbox_clear(&mb);
	return 0;
}

int fs_mailboxes_load(struct fs *fs, struct error *err)
{
	int64_t *ids AUTOFREE = NULL;
	size_t n = 0;
	int rc = store_mailbox_list(fs->store, &ids, &n, err);

	fs->mailboxes = xcalloc(n, sizeof(*fs->mailboxes));
	for (size_t i = 0; !rc && i < n; i++)
		rc = load_mailbox(fs, ids[i], err);
	return rc;
}

const struct fs_mailbox *fs_mailbox(const struct fs *fs, int64_t id)
{
	for (size_t i = 0; i < fs->n_mailboxes; i++)
		if (fs->mailboxes[i].id == id)
			return &fs->mailboxes[i];
	return NULL;
}

const struct fs_mailbox *fs_mailbox_by_ino(const struct fs *fs, uint64_t ino)
{
	for (size_t i = 0; i < fs->n_mailboxes; i++)
		if (fs->mailboxes[i].ino == ino)
			return &fs->mailboxes[i];
	return NULL;
}

/* ---- struct stat ------------------------------------------------------------------------------ */

static struct timespec to_timespec(int64_t ns)
{
	return (struct timespec){ .tv_sec = ns / NS_PER_S, .tv_nsec = ns % NS_PER_S };
}

static bool is_directory(enum node_type type)
{
	return type != NODE_ITEM && type != NODE_DRAFT;
}

/* The owner's permissions are the file's own; what others have of them is the mount's umask. */
static mode_t permissions(const struct fs *fs, const struct store_node *node)
{
	mode_t owner = node->mode & 0700;

	if (node->type == NODE_ROOT)
		return 0755;
	return (owner | owner >> 3 | owner >> 6) & ~fs->config->umask;
}

void attr_fill(struct fs *fs, const struct store_node *node, struct stat *st)
{
	const struct fs_mailbox *owner = fs_mailbox(fs, node->mailbox);
	bool directory = is_directory(node->type);

	memset(st, 0, sizeof(*st));
	st->st_ino = node->ino;
	st->st_mode = (directory ? S_IFDIR : S_IFREG) | permissions(fs, node);
	st->st_nlink = directory ? 2 : 1;
	st->st_uid = owner ? owner->uid : fs->uid;
	st->st_gid = owner ? owner->gid : fs->gid;
	st->st_size = (off_t)(directory ? 4096 : node->size);
	st->st_blksize = 4096;
	st->st_mtim = to_timespec(node->mtime);
	st->st_atim = st->st_mtim;
	st->st_ctim = to_timespec(node->ctime);
	if (!directory)
		working_attr(fs, node->ino, st);
	st->st_blocks = (st->st_size + 511) / 512;
}

void attr_entry(struct fs *fs, const struct store_node *node, struct fuse_entry_param *e)
{
	memset(e, 0, sizeof(*e));
	e->ino = node->ino;
	e->attr_timeout = FS_TIMEOUT;
	e->entry_timeout = FS_TIMEOUT;
	attr_fill(fs, node, &e->attr);
}

void attr_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct fs *fs = fs_of(req);
	struct error err = ERROR_INIT;
	struct store_node node;
	struct stat st;

	(void)fi;
	if (store_node_get(fs->store, ino, &node, &err)) {
		fs_reply_stale(req, &err);
		return;
	}
	attr_fill(fs, &node, &st);
	fuse_reply_attr(req, &st, FS_TIMEOUT);
}

/* ---- setattr ---------------------------------------------------------------------------------- */

/* utimens: the time asked for, or -1. */
static int64_t wanted_mtime(struct fs *fs, const struct stat *attr, int to_set)
{
	if (to_set & FUSE_SET_ATTR_MTIME_NOW)
		return store_now(fs->store);
	if (to_set & FUSE_SET_ATTR_MTIME)
		return attr->st_mtim.tv_sec * NS_PER_S + attr->st_mtim.tv_nsec;
	return -1;
}

/* Ownership is the configuration's: only what it is already can be set. */
static bool same_owner(
	struct fs *fs, const struct store_node *node, const struct stat *attr, int to_set)
{
	struct stat now;

	attr_fill(fs, node, &now);
	return (!(to_set & FUSE_SET_ATTR_UID) || attr->st_uid == now.st_uid) &&
	       (!(to_set & FUSE_SET_ATTR_GID) || attr->st_gid == now.st_gid);
}

static int set_size(
	struct fs *fs, uint64_t ino, uint64_t size, struct fuse_file_info *fi, struct error *err)
{
	struct handle *handle = fi ? (struct handle *)(uintptr_t)fi->fh : NULL;
	struct handle *own = NULL;
	struct working *w;
	int rc;

	if (size > FS_FILE_LIMIT)
		return error_set(err, ERR_TOO_BIG, "a file has at most %zu bytes", FS_FILE_LIMIT);
	if (handle)
		return working_truncate(fs, handle->working, handle, size, err);
	/* The truncate(2) of a path: open, resize, close. */
	own = working_open(fs, ino, ino, 0, NULL, false);
	w = own->working;
	rc = working_truncate(fs, w, NULL, size, err);
	working_close(fs, own);
	return rc;
}

static int set_attributes(struct fs *fs, const struct store_node *node, const struct stat *attr,
	int to_set, struct error *err)
{
	int64_t mode = to_set & FUSE_SET_ATTR_MODE ? (int64_t)(attr->st_mode & 0777) : -1;
	int64_t mtime = wanted_mtime(fs, attr, to_set);

	if (mtime >= 0 && working_set_mtime(fs, node->ino, mtime))
		mtime = -1; /* the commit sets it */
	if (mode < 0 && mtime < 0)
		return 0;
	return commit_setattr(&fs->commit, node->ino, mode, mtime, err);
}

void attr_setattr(
	fuse_req_t req, fuse_ino_t ino, struct stat *attr, int to_set, struct fuse_file_info *fi)
{
	struct fs *fs = fs_of(req);
	struct error err = ERROR_INIT;
	struct store_node node;
	int rc = store_node_get(fs->store, ino, &node, &err);

	/* Replaced by a sync, and the kernel does not know yet: it looks the name up again. */
	if (!rc && !node.parent && node.type != NODE_ROOT && !fi)
		rc = error_set(&err, ERR_NOT_FOUND, "the file was replaced");
	if (!rc && !same_owner(fs, &node, attr, to_set)) {
		fuse_reply_err(req, EPERM);
		return;
	}
	if (!rc && (to_set & FUSE_SET_ATTR_SIZE))
		rc = set_size(fs, ino, (uint64_t)attr->st_size, fi, &err);
	if (!rc)
		rc = set_attributes(fs, &node, attr, to_set, &err);
	if (rc)
		fs_reply_stale(req, &err);
	else
		attr_getattr(req, ino, fi);
}

void attr_statfs(fuse_req_t req, fuse_ino_t ino)
{
	struct statvfs st;

	(void)ino;
	if (statvfs(fs_of(req)->config->cache_dir, &st)) {
		fuse_reply_err(req, errno);
		return;
	}
	st.f_namemax = 255;
	fuse_reply_statfs(req, &st);
}

/* ---- errors ----------------------------------------------------------------------------------- */

/* A caller only sees EIO or ENOSPC: the daemon's log has the cause. */
static void log_trouble(const struct error *err)
{
	if (err->code == ERR_INTERNAL || err->code == ERR_FULL)
		fuse_log(FUSE_LOG_ERR, "%s\n", err->text);
}

void fs_reply_error(fuse_req_t req, const struct error *err)
{
	log_trouble(err);
	fuse_reply_err(req, error_errno(err->code));
}

int fs_errno_stale(const struct error *err)
{
	return err->code == ERR_NOT_FOUND ? ESTALE : error_errno(err->code);
}

void fs_reply_stale(fuse_req_t req, const struct error *err)
{
	log_trouble(err);
	fuse_reply_err(req, fs_errno_stale(err));
}

void fs_log_refusal(struct fs *fs, int64_t mailbox, const char *name, const struct error *err)
{
	char *line AUTOFREE = NULL;

	if (!mailbox)
		return;
	line = xasprintf("refused %s: %s", name, err->text);
	if (store_begin(fs->store, STORE_NORMAL, STORE_LOCAL, NULL))
		return;
	if (store_log(fs->store, mailbox, line, NULL))
		store_rollback(fs->store);
	else
		store_commit(fs->store, NULL);
}
