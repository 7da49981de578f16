/* Files: open, read, write, create, flush, release, fsync.
 *
 * A file opened for reading costs a note of which process saw it when (base.c) and no question to
 * the store: fh is 0, FLUSH is not asked for, and the kernel keeps the pages.  A handle that may write is a
 * struct handle (working.h). */
#include "fs/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "fs/virtual.h"
#include "fs/working.h"
#include "sync/mem.h"

static struct handle *handle_of(const struct fuse_file_info *fi)
{
	return (struct handle *)(uintptr_t)fi->fh;
}

/* Who opens a file to write it anew has seen nothing of it: an editor that saves twice still knows only what
 * it read before the first time, and wrote then. */
void file_note_base(struct fs *fs, struct base_process process, uint64_t ino, int flags)
{
	bool sees = (flags & O_ACCMODE) != O_WRONLY && !(flags & O_TRUNC);

	if (sees)
		base_opened(fs->bases, process, ino, store_commits(fs->store));
}

static void close_writer(struct fs *fs, struct fs_open *open)
{
	working_close(fs, (struct handle *)open);
}

/* Opens for writing; fills fi. */
static int open_writer(
	fuse_req_t req, uint64_t ino, bool created, struct fuse_file_info *fi, struct error *err)
{
	struct fs *fs = fs_of(req);
	struct handle *handle = working_open(fs, ino, ino, 0, NULL, created);
	struct store_node node;
	int rc = store_node_get(fs->store, ino, &node, err);

	/* Replaced by a sync, and the kernel does not know yet: it looks the name up again. */
	if (!rc && !node.parent)
		rc = error_set(err, ERR_NOT_FOUND, "the file was replaced");
	handle->process = base_process_of(fs->bases, fuse_req_ctx(req)->pid);
	if (!rc)
		file_note_base(fs, handle->process, ino, fi->flags);
	if (!rc && !created && (fi->flags & O_TRUNC))
		rc = working_truncate(fs, handle->working, handle, 0, err);
	if (rc) {
		working_close(fs, handle);
		return rc;
	}
	fs_open_add(fs, &handle->open, close_writer);
	fi->fh = (uintptr_t)handle;
	fi->keep_cache = 1;
	return 0;
}

void file_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct fs *fs = fs_of(req);
	struct error err = ERROR_INIT;
	struct base_process process;

	if ((fi->flags & O_ACCMODE) == O_RDONLY) {
		process = base_process_of(fs->bases, fuse_req_ctx(req)->pid);
		fi->fh = 0;
		fi->keep_cache = 1;
		fi->noflush = 1;
		file_note_base(fs, process, ino, fi->flags);
		fuse_reply_open(req, fi);
		return;
	}
	if (open_writer(req, ino, false, fi, &err)) {
		fs_reply_stale(req, &err);
		return;
	}
	if (fuse_reply_open(req, fi) == -ENOENT) /* interrupted: nobody will release it */
		fs_open_close(fs, &handle_of(fi)->open);
}

void file_create(
	fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, struct fuse_file_info *fi)
{
	struct fs *fs = fs_of(req);
	struct error err = ERROR_INIT;
	struct fuse_entry_param e;
	struct store_node node;
	bool created = true;
	int rc;

	rc = commit_create(&fs->commit, parent, name, mode & 0777, &node, &err);
	if (rc == ERR_EXISTS && !(fi->flags & O_EXCL)) { /* made by a sync just now */
		created = false;
		rc = store_node_lookup(fs->store, parent, name, &node, &err);
	}
	if (!rc)
		rc = open_writer(req, node.ino, created, fi, &err);
	if (rc) {
		fuse_reply_err(req, rc == ERR_DENIED ? EPERM : error_errno((enum error_code)rc));
		return;
	}
	attr_entry(fs, &node, &e);
	if (fuse_reply_create(req, &e, fi) == -ENOENT)
		fs_open_close(fs, &handle_of(fi)->open);
}

void file_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi)
{
	struct fs *fs = fs_of(req);
	struct error err = ERROR_INIT;
	char *data = xmalloc(size);
	size_t got = 0;
	int rc = 0;

	(void)fi;
	if (!working_read(fs, ino, data, size, (uint64_t)off, &got))
		rc = store_content_read(fs->store, ino, (uint64_t)off, data, size, &got, &err);
	if (rc)
		fs_reply_stale(req, &err);
	else
		fuse_reply_buf(req, data, got);
	free(data);
}

void file_write(fuse_req_t req, fuse_ino_t ino, const char *data, size_t size, off_t off,
	struct fuse_file_info *fi)
{
	struct error err = ERROR_INIT;

	(void)ino;
	if (!handle_of(fi)) {
		fuse_reply_err(req, EBADF);
		return;
	}
	if (working_write(fs_of(req), handle_of(fi), data, size, (uint64_t)off, &err))
		fs_reply_stale(req, &err);
	else
		fuse_reply_write(req, size);
}

void file_flush(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct error err = ERROR_INIT;

	(void)ino;
	if (handle_of(fi) && working_flush(fs_of(req), handle_of(fi), false, &err))
		fs_reply_stale(req, &err);
	else
		fuse_reply_err(req, 0);
}

void file_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	(void)ino;
	if (handle_of(fi))
		fs_open_close(fs_of(req), &handle_of(fi)->open);
	fuse_reply_err(req, 0);
}

void file_fsync(fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi)
{
	struct fs *fs = fs_of(req);
	struct error err = ERROR_INIT;
	int rc = 0;

	(void)ino, (void)datasync;
	if (handle_of(fi))
		rc = working_flush(fs, handle_of(fi), true, &err);
	if (!rc)
		rc = store_sync(fs->store, &err);
	if (rc)
		fs_reply_stale(req, &err);
	else
		fuse_reply_err(req, 0);
}
