/* Operations on the virtual trees, whatever they show.
 *
 * Every answer is uncached (timeouts of 0, direct I/O) and rendered when it is asked for.  An open file
 * for reading has the bytes as they were at open.  Files for writing are those of .json (working.c holds
 * their bytes) and the control files (control.c). */
#include "fs/virtual.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "fs/control.h"
#include "fs/working.h"
#include "sync/mem.h"

#define NS_PER_S INT64_C(1000000000)

/* One open file: fuse_file_info.fh. */
struct virtual_handle {
	struct fs_open open;
	bool rendered;
	struct buf bytes;	 /* read from here */
	struct handle *writer;	 /* of .json, or NULL */
	struct control *control; /* of a control file, or NULL */
};

static const struct virtual_ops *ops_of(fuse_ino_t ino)
{
	switch (virtual_tree(ino)) {
	case VIRTUAL_JSON:
		return &virtual_json;
	case VIRTUAL_STATE:
		return &virtual_state;
	case VIRTUAL_SYNC:
		return &virtual_sync;
	default:
		return &virtual_records;
	}
}

static struct virtual_handle *handle_of(const struct fuse_file_info *fi)
{
	return (struct virtual_handle *)(uintptr_t)fi->fh;
}

/* ---- names and attributes --------------------------------------------------------------------- */

static void fill_stat(struct fs *fs, const struct virtual_entry *entry, struct stat *st)
{
	memset(st, 0, sizeof(*st));
	st->st_ino = entry->ino;
	st->st_mode = entry->mode;
	st->st_nlink = S_ISDIR(entry->mode) ? 2 : 1;
	st->st_uid = entry->owner ? entry->owner->uid : fs->uid;
	st->st_gid = entry->owner ? entry->owner->gid : fs->gid;
	st->st_size = (off_t)(S_ISDIR(entry->mode) ? 4096 : entry->size);
	st->st_blksize = 4096;
	st->st_mtim.tv_sec = entry->mtime / NS_PER_S;
	st->st_mtim.tv_nsec = entry->mtime % NS_PER_S;
	st->st_atim = st->st_mtim;
	st->st_ctim = st->st_mtim;
	if (S_ISREG(entry->mode))
		working_attr(fs, entry->ino, st);
	st->st_blocks = (st->st_size + 511) / 512;
}

/* The size of a file is that of what a reader would get now. */
static void measure(struct fs *fs, struct virtual_entry *entry)
{
	struct buf bytes AUTOBUF = BUF_INIT(VIRTUAL_LIMIT);

	if (!S_ISREG(entry->mode) || ops_of(entry->ino)->render(fs, entry->ino, &bytes))
		return;
	entry->size = bytes.len;
}

fuse_ino_t virtual_hidden(const struct fs *fs, const struct store_node *dir, const char *name)
{
	if (dir->type != NODE_ROOT && !(dir->type == NODE_MAILBOX && fs_mailbox(fs, dir->mailbox)))
		return 0;
	if (!strcmp(name, ".sync"))
		return virtual_ino(VIRTUAL_SYNC, dir->ino << 8);
	if (!strcmp(name, ".json") && dir->type == NODE_MAILBOX)
		return virtual_ino(VIRTUAL_JSON, dir->ino);
	return 0;
}

static int find(struct fs *fs, fuse_ino_t parent, const char *name, struct virtual_entry *entry)
{
	struct store_node dir;
	fuse_ino_t ino;

	memset(entry, 0, sizeof(*entry));
	if (virtual_tree(parent))
		return ops_of(parent)->lookup(fs, parent, name, entry);
	if (store_node_get(fs->store, parent, &dir, NULL))
		return ENOENT;
	ino = virtual_hidden(fs, &dir, name);
	return ino ? ops_of(ino)->get(fs, ino, entry) : ENOENT;
}

static int get(struct fs *fs, fuse_ino_t ino, struct virtual_entry *entry)
{
	memset(entry, 0, sizeof(*entry));
	return ops_of(ino)->get(fs, ino, entry);
}

void virtual_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct fs *fs = fs_of(req);
	struct fuse_entry_param e = { 0 };
	struct virtual_entry entry;
	int number = find(fs, parent, name, &entry);

	if (number) {
		fuse_reply_err(req, number);
		return;
	}
	measure(fs, &entry);
	e.ino = entry.ino;
	fill_stat(fs, &entry, &e.attr);
	fuse_reply_entry(req, &e);
}

void virtual_getattr(fuse_req_t req, fuse_ino_t ino)
{
	struct fs *fs = fs_of(req);
	struct virtual_entry entry;
	struct stat st;
	int number = get(fs, ino, &entry);

	if (number) {
		fuse_reply_err(req, number == ENOENT ? ESTALE : number);
		return;
	}
	measure(fs, &entry);
	fill_stat(fs, &entry, &st);
	fuse_reply_attr(req, &st, 0);
}

/* Only the size of a file of .json can be set; times and modes that a tool copies are taken and
 * forgotten. */
void virtual_setattr(
	fuse_req_t req, fuse_ino_t ino, struct stat *attr, int to_set, struct fuse_file_info *fi)
{
	struct fs *fs = fs_of(req);
	struct handle *writer = fi && handle_of(fi) ? handle_of(fi)->writer : NULL;
	struct error err = ERROR_INIT;
	struct handle *own = NULL;
	int rc = 0;

	if ((to_set & FUSE_SET_ATTR_SIZE) && virtual_tree(ino) == VIRTUAL_JSON) {
		if (!writer)
			own = json_open(fs, ino, false);
		rc = own || writer ? working_truncate(fs, (own ? own : writer)->working, writer,
					     (uint64_t)attr->st_size, &err)
				   : error_set(&err, ERR_NOT_FOUND, "no such file");
		if (own)
			working_close(fs, own);
	}
	if (rc)
		fs_reply_stale(req, &err);
	else
		virtual_getattr(req, ino);
}

/* ---- listing ---------------------------------------------------------------------------------- */

void virtual_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct virtual_entry entry;
	int number = get(fs_of(req), ino, &entry);

	if (number)
		fuse_reply_err(req, number);
	else
		fuse_reply_open(req, fi);
}

struct listing {
	fuse_req_t req;
	bool plus;
	char *data;
	size_t size, used;
};

/* Number and type only: attributes of the virtual trees are asked for one by one. */
static bool add_entry(void *data, const struct virtual_entry *entry, uint64_t cookie)
{
	struct listing *l = data;
	struct fuse_entry_param e = { .attr = { .st_ino = entry->ino, .st_mode = entry->mode } };
	char *at = l->data + l->used;
	size_t left = l->size - l->used, need;

	need = l->plus ? fuse_add_direntry_plus(l->req, at, left, entry->name, &e, (off_t)cookie)
		       : fuse_add_direntry(l->req, at, left, entry->name, &e.attr, (off_t)cookie);
	if (need > left)
		return false;
	l->used += need;
	return true;
}

void virtual_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, bool plus)
{
	struct listing l = { .req = req, .plus = plus, .size = size, .data = xmalloc(size) };
	int number = ops_of(ino)->list(fs_of(req), ino, (uint64_t)off, add_entry, &l);

	if (number)
		fuse_reply_err(req, number);
	else
		fuse_reply_buf(req, l.data, l.used);
	free(l.data);
}

/* ---- files ------------------------------------------------------------------------------------ */

static void close_file(struct fs *fs, struct fs_open *open)
{
	struct virtual_handle *h = (struct virtual_handle *)open;

	if (h->writer)
		working_close(fs, h->writer);
	if (h->control)
		control_close(h->control);
	buf_free(&h->bytes);
	free(h);
}

static int open_writer(fuse_req_t req, fuse_ino_t ino, bool created, struct virtual_handle *h,
	const struct fuse_file_info *fi)
{
	struct fs *fs = fs_of(req);
	struct error err = ERROR_INIT;

	if (sync_is_control(ino)) {
		h->control = control_open(fs, fs_mailbox_by_ino(fs, virtual_payload(ino) >> 8));
		return 0;
	}
	if (virtual_tree(ino) != VIRTUAL_JSON)
		return EACCES;
	h->writer = json_open(fs, ino, created);
	if (!h->writer)
		return ESTALE;
	h->writer->process = base_process_of(fs->bases, fuse_req_ctx(req)->pid);
	file_note_base(fs, h->writer->process, virtual_payload(ino), fi->flags);
	if (!created && (fi->flags & O_TRUNC) &&
		working_truncate(fs, h->writer->working, h->writer, 0, &err))
		return error_errno(err.code);
	return 0;
}

static int open_file(fuse_req_t req, fuse_ino_t ino, bool created, struct fuse_file_info *fi)
{
	struct fs *fs = fs_of(req);
	struct virtual_handle *h = xcalloc(1, sizeof(*h));
	int number = 0;

	buf_init(&h->bytes, VIRTUAL_LIMIT);
	if ((fi->flags & O_ACCMODE) != O_RDONLY)
		number = open_writer(req, ino, created, h, fi);
	else
		number = ops_of(ino)->render(fs, ino, &h->bytes);
	if (!number && !h->writer && virtual_tree(ino) == VIRTUAL_JSON)
		file_note_base(fs, base_process_of(fs->bases, fuse_req_ctx(req)->pid),
			virtual_payload(ino), fi->flags);
	if (number) {
		close_file(fs, &h->open);
		return number;
	}
	fs_open_add(fs, &h->open, close_file);
	fi->fh = (uintptr_t)h;
	fi->direct_io = 1;
	return 0;
}

void virtual_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	int number = open_file(req, ino, false, fi);

	if (number)
		fuse_reply_err(req, number);
	else if (fuse_reply_open(req, fi) == -ENOENT)
		fs_open_close(fs_of(req), &handle_of(fi)->open);
}

void virtual_create(
	fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, struct fuse_file_info *fi)
{
	struct fs *fs = fs_of(req);
	struct fuse_entry_param e = { 0 };
	struct virtual_entry entry = { 0 };
	int number = EPERM;

	if (virtual_tree(parent) == VIRTUAL_JSON)
		number = json_create(fs, parent, name, mode, &entry);
	if (!number)
		number = open_file(req, entry.ino, true, fi);
	if (number) {
		fuse_reply_err(req, number);
		return;
	}
	e.ino = entry.ino;
	fill_stat(fs, &entry, &e.attr);
	if (fuse_reply_create(req, &e, fi) == -ENOENT)
		fs_open_close(fs, &handle_of(fi)->open);
}

/* The bytes are copied first: once the reader has its answer, the handle may be closed. */
void virtual_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi)
{
	struct virtual_handle *h = handle_of(fi);
	struct buf now AUTOBUF = BUF_INIT(VIRTUAL_LIMIT);
	const struct buf *bytes = &h->bytes;
	size_t at = (size_t)off, got = 0;
	char *data = xmalloc(size);

	/* A handle that writes reads what is being written. */
	if (h->writer && !working_read(fs_of(req), ino, data, size, at, &got)) {
		ops_of(ino)->render(fs_of(req), ino, &now);
		bytes = &now;
	}
	if (!got && at < bytes->len) {
		got = bytes->len - at < size ? bytes->len - at : size;
		memcpy(data, bytes->data + at, got);
	}
	fuse_reply_buf(req, data, got);
	free(data);
}

void virtual_write(fuse_req_t req, fuse_ino_t ino, const char *data, size_t size, off_t off,
	struct fuse_file_info *fi)
{
	struct virtual_handle *h = handle_of(fi);
	struct error err = ERROR_INIT;
	int rc;

	(void)ino;
	if (h->control)
		rc = control_write(h->control, data, size, &err);
	else
		rc = working_write(fs_of(req), h->writer, data, size, (uint64_t)off, &err);
	if (rc)
		fs_reply_stale(req, &err);
	else
		fuse_reply_write(req, size);
}

void virtual_flush(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct virtual_handle *h = handle_of(fi);
	struct error err = ERROR_INIT;
	int rc = 0;

	(void)ino;
	if (h->control)
		rc = control_flush(h->control, &err);
	else if (h->writer)
		rc = working_flush(fs_of(req), h->writer, false, &err);
	if (rc) {
		fs_reply_stale(req, &err);
		return;
	}
	if (h->writer) /* the file beside has new bytes under a new number */
		notifier_wait_in_operation(fs_of(req)->notifier);
	fuse_reply_err(req, 0);
}

void virtual_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	(void)ino;
	fs_open_close(fs_of(req), &handle_of(fi)->open);
	fuse_reply_err(req, 0);
}

void virtual_unlink(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	const struct virtual_ops *ops = ops_of(parent);

	fuse_reply_err(req, ops->unlink ? ops->unlink(fs_of(req), parent, name) : EPERM);
}

void virtual_rename(fuse_req_t req, fuse_ino_t parent, const char *name, fuse_ino_t new_parent,
	const char *new_name, unsigned int flags)
{
	int number = EPERM;

	if (flags & ~(unsigned int)RENAME_NOREPLACE)
		number = EINVAL;
	else if (virtual_tree(parent) == VIRTUAL_JSON)
		number = json_rename(
			fs_of(req), parent, name, new_parent, new_name, flags & RENAME_NOREPLACE);
	if (!number)
		notifier_wait_in_operation(fs_of(req)->notifier);
	fuse_reply_err(req, number);
}
