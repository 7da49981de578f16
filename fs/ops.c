/* The table of operations: a number with a tree in its top byte goes to the virtual trees, any
 * other to the store's. */
#include "fs/fs.h"

#include <errno.h>
#include <string.h>

#include "fs/virtual.h"

#define NAME_LIMIT 255

/* The kernel lets longer names through. */
static bool too_long(fuse_req_t req, const char *name)
{
	if (strlen(name) <= NAME_LIMIT)
		return false;
	fuse_reply_err(req, ENAMETOOLONG);
	return true;
}

/* A wish among those that the kernel can do. */
static void want(struct fuse_conn_info *conn, unsigned int wish)
{
	conn->want |= conn->capable & wish;
}

static void op_init(void *data, struct fuse_conn_info *conn)
{
	(void)data;
	want(conn, FUSE_CAP_READDIRPLUS | FUSE_CAP_PARALLEL_DIROPS | FUSE_CAP_SPLICE_WRITE |
			   FUSE_CAP_ATOMIC_O_TRUNC | FUSE_CAP_ASYNC_READ |
			   FUSE_CAP_HANDLE_KILLPRIV | FUSE_CAP_AUTO_INVAL_DATA);
	conn->want &= ~(unsigned int)(FUSE_CAP_READDIRPLUS_AUTO | FUSE_CAP_WRITEBACK_CACHE |
				      FUSE_CAP_POSIX_LOCKS | FUSE_CAP_FLOCK_LOCKS |
				      FUSE_CAP_POSIX_ACL);
}

static void op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	if (too_long(req, name))
		return;
	if (virtual_tree(parent))
		virtual_lookup(req, parent, name);
	else
		dir_lookup(req, parent, name);
}

static void op_forget(fuse_req_t req, fuse_ino_t ino, uint64_t count)
{
	(void)count;
	notify_forgotten(fs_of(req), ino);
	fuse_reply_none(req);
}

static void op_forget_multi(fuse_req_t req, size_t count, struct fuse_forget_data *forgets)
{
	for (size_t i = 0; i < count; i++)
		notify_forgotten(fs_of(req), forgets[i].ino);
	fuse_reply_none(req);
}

static void op_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	if (virtual_tree(ino))
		virtual_getattr(req, ino);
	else
		attr_getattr(req, ino, fi);
}

static void op_setattr(
	fuse_req_t req, fuse_ino_t ino, struct stat *attr, int to_set, struct fuse_file_info *fi)
{
	if (virtual_tree(ino))
		virtual_setattr(req, ino, attr, to_set, fi);
	else
		attr_setattr(req, ino, attr, to_set, fi);
}

static void op_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, dev_t rdev)
{
	if (too_long(req, name))
		return;
	if (virtual_tree(parent))
		fuse_reply_err(req, EPERM);
	else
		names_mknod(req, parent, name, mode, rdev);
}

static void op_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode)
{
	if (too_long(req, name))
		return;
	if (virtual_tree(parent))
		fuse_reply_err(req, EPERM);
	else
		names_mkdir(req, parent, name, mode);
}

static void op_unlink(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	if (virtual_tree(parent))
		virtual_unlink(req, parent, name);
	else
		names_unlink(req, parent, name);
}

static void op_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	if (virtual_tree(parent))
		fuse_reply_err(req, EPERM);
	else
		names_rmdir(req, parent, name);
}

static void op_symlink(fuse_req_t req, const char *link, fuse_ino_t parent, const char *name)
{
	(void)link, (void)parent, (void)name;
	fuse_reply_err(req, EPERM);
}

static void op_rename(fuse_req_t req, fuse_ino_t parent, const char *name, fuse_ino_t new_parent,
	const char *new_name, unsigned int flags)
{
	enum virtual_tree from = virtual_tree(parent), to = virtual_tree(new_parent);

	if (too_long(req, new_name))
		return;
	if (from != to)
		fuse_reply_err(req, EXDEV);
	else if (from)
		virtual_rename(req, parent, name, new_parent, new_name, flags);
	else
		names_rename(req, parent, name, new_parent, new_name, flags);
}

static void op_link(fuse_req_t req, fuse_ino_t ino, fuse_ino_t new_parent, const char *new_name)
{
	if (too_long(req, new_name))
		return;
	if (virtual_tree(ino) || virtual_tree(new_parent))
		fuse_reply_err(req, EPERM);
	else
		names_link(req, ino, new_parent, new_name);
}

static void op_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	if (virtual_tree(ino))
		virtual_open(req, ino, fi);
	else
		file_open(req, ino, fi);
}

static void op_create(
	fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, struct fuse_file_info *fi)
{
	if (too_long(req, name))
		return;
	if (virtual_tree(parent))
		virtual_create(req, parent, name, mode, fi);
	else
		file_create(req, parent, name, mode, fi);
}

static void op_read(
	fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi)
{
	if (virtual_tree(ino))
		virtual_read(req, ino, size, off, fi);
	else
		file_read(req, ino, size, off, fi);
}

static void op_write(fuse_req_t req, fuse_ino_t ino, const char *data, size_t size, off_t off,
	struct fuse_file_info *fi)
{
	if (virtual_tree(ino))
		virtual_write(req, ino, data, size, off, fi);
	else
		file_write(req, ino, data, size, off, fi);
}

static void op_flush(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	if (virtual_tree(ino))
		virtual_flush(req, ino, fi);
	else
		file_flush(req, ino, fi);
}

static void op_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	if (virtual_tree(ino))
		virtual_release(req, ino, fi);
	else
		file_release(req, ino, fi);
}

static void op_fsync(fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi)
{
	if (virtual_tree(ino))
		virtual_flush(req, ino, fi);
	else
		file_fsync(req, ino, datasync, fi);
}

static void op_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	if (virtual_tree(ino))
		virtual_opendir(req, ino, fi);
	else
		dir_opendir(req, ino, fi);
}

static void op_releasedir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	if (virtual_tree(ino))
		fuse_reply_err(req, 0);
	else
		dir_releasedir(req, ino, fi);
}

static void op_readdir(
	fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi)
{
	if (virtual_tree(ino))
		virtual_readdir(req, ino, size, off, false);
	else
		dir_readdir(req, ino, size, off, fi);
}

static void op_readdirplus(
	fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi)
{
	if (virtual_tree(ino))
		virtual_readdir(req, ino, size, off, true);
	else
		dir_readdirplus(req, ino, size, off, fi);
}

static void op_fallocate(fuse_req_t req, fuse_ino_t ino, int mode, off_t offset, off_t length,
	struct fuse_file_info *fi)
{
	(void)ino, (void)mode, (void)offset, (void)length, (void)fi;
	fuse_reply_err(req, ENOTSUP);
}

const struct fuse_lowlevel_ops fs_ops = {
	.init = op_init,
	.lookup = op_lookup,
	.forget = op_forget,
	.forget_multi = op_forget_multi,
	.getattr = op_getattr,
	.setattr = op_setattr,
	.mknod = op_mknod,
	.mkdir = op_mkdir,
	.unlink = op_unlink,
	.rmdir = op_rmdir,
	.symlink = op_symlink,
	.rename = op_rename,
	.link = op_link,
	.open = op_open,
	.create = op_create,
	.read = op_read,
	.write = op_write,
	.flush = op_flush,
	.release = op_release,
	.fsync = op_fsync,
	.opendir = op_opendir,
	.releasedir = op_releasedir,
	.readdir = op_readdir,
	.readdirplus = op_readdirplus,
	.fsyncdir = dir_fsyncdir,
	.statfs = attr_statfs,
	.setxattr = xattr_set,
	.getxattr = xattr_get,
	.listxattr = xattr_list,
	.removexattr = xattr_remove,
	.fallocate = op_fallocate,
};
