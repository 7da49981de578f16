/* Names: mkdir, unlink, rmdir, rename, link.  What they mean for items is decided by commits; here
 * handles that write are settled before, and nodes that lost their name are noted after. */
#include "fs/fs.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "fs/base.h"
#include "fs/virtual.h"
#include "fs/working.h"

/* The errno of a failed commit: the one it named, else that of the code. */
static int failure(int number, const struct error *err)
{
	if (number)
		return number;
	return err->code == ERR_DENIED ? EPERM : error_errno(err->code);
}

/* A refusal whose errno says too little is explained in the mailbox's log. */
static void explain(struct fs *fs, uint64_t parent, const char *name, const struct error *err)
{
	struct store_node dir;

	if ((err->code == ERR_INVALID || err->code == ERR_EXISTS || err->code == ERR_DENIED) &&
		!store_node_get(fs->store, parent, &dir, NULL))
		fs_log_refusal(fs, dir.mailbox, name, err);
}

/* Number that a name has; 0: none. */
static uint64_t number_of(struct fs *fs, uint64_t parent, const char *name)
{
	struct store_node node;

	return store_node_lookup(fs->store, parent, name, &node, NULL) ? 0 : node.ino;
}

static void note_orphan(struct fs *fs, uint64_t ino)
{
	struct store_node node;

	if (!ino || store_node_get(fs->store, ino, &node, NULL) || node.parent)
		return;
	working_unlinked(fs, ino);
	notify_orphan(fs, ino);
}

/* .json and .sync stand in every mailbox, whoever does not see them. */
static bool is_reserved(const struct fs *fs, uint64_t parent, const char *name)
{
	struct store_node dir;

	return name[0] == '.' && !store_node_get(fs->store, parent, &dir, NULL) &&
	       virtual_hidden(fs, &dir, name);
}

void names_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, dev_t rdev)
{
	struct fs *fs = fs_of(req);
	struct error err = ERROR_INIT;
	struct fuse_entry_param e;
	struct store_node node;

	(void)rdev;
	if (!S_ISREG(mode)) {
		fuse_reply_err(req, EPERM);
		return;
	}
	if (commit_create(&fs->commit, parent, name, mode & 0777, &node, &err)) {
		fuse_reply_err(req, failure(0, &err));
		return;
	}
	attr_entry(fs, &node, &e);
	fuse_reply_entry(req, &e);
}

void names_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode)
{
	struct fs *fs = fs_of(req);
	struct error err = ERROR_INIT;
	struct fuse_entry_param e;
	struct store_node node;

	if (is_reserved(fs, parent, name)) {
		fuse_reply_err(req, EPERM);
		return;
	}
	if (commit_mkdir(&fs->commit, parent, name, mode & 0777, &node, &err)) {
		fuse_reply_err(req, failure(0, &err));
		explain(fs, parent, name, &err);
		return;
	}
	attr_entry(fs, &node, &e);
	fuse_reply_entry(req, &e);
}

typedef int remove_name(
	struct commit *c, uint64_t parent, const char *name, int *number, struct error *err);

static void remove_with(fuse_req_t req, fuse_ino_t parent, const char *name, remove_name *commit)
{
	struct fs *fs = fs_of(req);
	struct error err = ERROR_INIT;
	uint64_t ino = number_of(fs, parent, name);
	int number = 0;

	if (!ino && is_reserved(fs, parent, name)) {
		fuse_reply_err(req, EPERM);
		return;
	}
	if (ino && working_settle(fs, ino, &err)) {
		fs_reply_error(req, &err);
		return;
	}
	if (commit(&fs->commit, parent, name, &number, &err)) {
		fuse_reply_err(req, failure(number, &err));
		return;
	}
	note_orphan(fs, ino);
	fuse_reply_err(req, 0);
}

void names_unlink(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	remove_with(req, parent, name, commit_unlink);
}

void names_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	remove_with(req, parent, name, commit_rmdir);
}

/* ---- rename and link: bytes may reach an item, so they are judged against what the process saw -- */

static struct commit asking(fuse_req_t req, struct base_asker *asker)
{
	struct fs *fs = fs_of(req);
	struct commit c = fs->commit;

	*asker = (struct base_asker){ .table = fs->bases,
		.store = fs->store,
		.process = base_process_of(fs->bases, fuse_req_ctx(req)->pid) };
	c.base = base_ask;
	c.base_data = asker;
	return c;
}

/* What now stands under the name is what this process wrote. */
static void note_written(struct fs *fs, const struct base_asker *asker, uint64_t ino)
{
	int64_t item, rev;

	if (!store_item_rev(fs->store, ino, &item, &rev, NULL))
		base_wrote(fs->bases, fs->store, asker->process, ino, rev);
}

void names_rename(fuse_req_t req, fuse_ino_t parent, const char *name, fuse_ino_t new_parent,
	const char *new_name, unsigned int flags)
{
	struct fs *fs = fs_of(req);
	struct error err = ERROR_INIT;
	struct base_asker asker;
	struct commit c = asking(req, &asker);
	uint64_t ino = number_of(fs, parent, name);
	uint64_t target = number_of(fs, new_parent, new_name);
	int number = 0, rc = 0;

	if (flags & ~(unsigned int)RENAME_NOREPLACE) {
		fuse_reply_err(req, EINVAL);
		return;
	}
	if ((!ino && is_reserved(fs, parent, name)) || is_reserved(fs, new_parent, new_name)) {
		fuse_reply_err(req, EPERM);
		return;
	}
	if (ino)
		rc = working_settle(fs, ino, &err);
	if (!rc && target)
		rc = working_settle(fs, target, &err);
	if (!rc)
		rc = commit_rename(&c, parent, name, new_parent, new_name, flags & RENAME_NOREPLACE,
			&number, &err);
	if (rc) {
		fuse_reply_err(req, failure(number, &err));
		explain(fs, new_parent, new_name, &err);
		return;
	}
	note_written(fs, &asker, ino);
	note_orphan(fs, target);
	fuse_reply_err(req, 0);
}

void names_link(fuse_req_t req, fuse_ino_t ino, fuse_ino_t new_parent, const char *new_name)
{
	struct fs *fs = fs_of(req);
	struct error err = ERROR_INIT;
	struct base_asker asker;
	struct commit c = asking(req, &asker);
	struct store_node before, node;
	struct fuse_entry_param e;
	int number = 0, rc;

	rc = store_node_get(fs->store, ino, &before, &err);
	if (!rc)
		rc = working_settle(fs, ino, &err);
	if (!rc)
		rc = commit_link(&c, ino, new_parent, new_name, &node, &number, &err);
	if (rc) {
		fuse_reply_err(req, failure(number, &err));
		explain(fs, new_parent, new_name, &err);
		return;
	}
	note_written(fs, &asker, node.ino);
	attr_entry(fs, &node, &e);
	/* For the kernel both names are this number until the draft's is looked up anew. */
	if (node.ino == ino) {
		e.attr.st_nlink = 2;
		e.attr_timeout = 0;
		notify_entry(fs, before.parent, before.name, 0);
	}
	fuse_reply_entry(req, &e);
}
