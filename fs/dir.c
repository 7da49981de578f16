/* Directories: lookup, opendir, readdir and readdirplus.
 *
 * A listing needs no memory of its own: the cookie of an entry is its inode number plus a constant, and
 * each call continues an indexed SELECT there, adding rows to the answer until it is full.  So a file
 * that is renamed, made or removed meanwhile neither repeats nor hides another.  The kernel keeps the
 * listing until it is told that the directory changed.
 *
 * While the kernel takes one answer apart, the thread that gave it prepares the next one in the handle.
 * What was prepared is only given when nothing at all has changed since (fs_generation): the kernel
 * would keep a stale entry for a day. */
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
			: error_set(
				  err, ERR_BUSY, "%s: its first sync has not ended yet", node.name);
}

/* fuse_file_info.fh of an open directory. */
struct dir_handle {
	struct fs_open open;
	pthread_mutex_t lock;
	bool plus;
	char *data; /* the prepared answer for `off`, or NULL */
	size_t used;
	uint64_t off, next, generation;
};

static struct dir_handle *handle_of(const struct fuse_file_info *fi)
{
	return (struct dir_handle *)(uintptr_t)fi->fh;
}

static void close_dir(struct fs *fs, struct fs_open *open)
{
	struct dir_handle *h = (struct dir_handle *)open;

	(void)fs;
	/* The thread that gave the last answer may still be preparing another one. */
	pthread_mutex_lock(&h->lock);
	pthread_mutex_unlock(&h->lock);
	pthread_mutex_destroy(&h->lock);
	free(h->data);
	free(h);
}

void dir_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct error err = ERROR_INIT;
	struct dir_handle *h;

	if (check_complete(fs_of(req), ino, &err)) {
		fs_reply_stale(req, &err);
		return;
	}
	h = xcalloc(1, sizeof(*h));
	pthread_mutex_init(&h->lock, NULL);
	fs_open_add(fs_of(req), &h->open, close_dir);
	fi->fh = (uintptr_t)h;
	fi->cache_readdir = 1;
	fi->keep_cache = 1;
	if (fuse_reply_open(req, fi) == -ENOENT) /* interrupted: nobody will release it */
		fs_open_close(fs_of(req), &h->open);
}

void dir_releasedir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	(void)ino;
	fs_open_close(fs_of(req), &handle_of(fi)->open);
	fuse_reply_err(req, 0);
}

struct listing {
	struct fs *fs;
	bool plus;
	char *data;
	size_t size, used;
	uint64_t next; /* cookie of the last entry */
};

/* False when the answer is full. */
static bool add_entry(
	struct listing *l, const char *name, const struct fuse_entry_param *e, uint64_t cookie)
{
	char *at = l->data + l->used;
	size_t left = l->size - l->used, need;

	need = l->plus ? fuse_add_direntry_plus(NULL, at, left, name, e, (off_t)cookie)
		       : fuse_add_direntry(NULL, at, left, name, &e->attr, (off_t)cookie);
	if (need > left)
		return false;
	l->used += need;
	l->next = cookie;
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

static bool add_hidden(
	struct listing *l, const struct store_node *dir, const char *name, uint64_t cookie)
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

/* The answer that was prepared for this very request. */
static bool take_prepared(struct dir_handle *h, struct listing *l, uint64_t off)
{
	bool fits = h->data && h->off == off && h->plus == l->plus && h->used <= l->size &&
		    h->generation == fs_generation(l->fs);

	if (fits) {
		l->data = h->data;
		l->used = h->used;
		l->next = h->next;
	} else {
		free(h->data);
	}
	h->data = NULL;
	return fits;
}

static void prepare(struct dir_handle *h, const struct listing *last, uint64_t ino)
{
	struct listing l = { .fs = last->fs, .plus = last->plus, .size = last->size };
	uint64_t generation = fs_generation(l.fs);

	l.data = xmalloc(l.size);
	l.next = last->next;
	if (fill(&l, ino, last->next, NULL)) {
		free(l.data);
		return;
	}
	h->data = l.data;
	h->used = l.used;
	h->plus = l.plus;
	h->off = last->next;
	h->next = l.next;
	h->generation = generation;
}

static void list(
	fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, bool plus, struct dir_handle *h)
{
	struct listing l = { .fs = fs_of(req), .plus = plus, .size = size };
	struct error err = ERROR_INIT;
	int rc = 0;

	pthread_mutex_lock(&h->lock);
	if (!take_prepared(h, &l, (uint64_t)off)) {
		l.data = xmalloc(size);
		rc = fill(&l, ino, (uint64_t)off, &err);
	}
	if (rc)
		fs_reply_stale(req, &err);
	else
		fuse_reply_buf(req, l.data, l.used);
	if (!rc && l.used)
		prepare(h, &l, ino);
	pthread_mutex_unlock(&h->lock);
	free(l.data);
}

void dir_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi)
{
	list(req, ino, size, off, false, handle_of(fi));
}

void dir_readdirplus(
	fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi)
{
	list(req, ino, size, off, true, handle_of(fi));
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
