/* The filesystem: names and bytes of the store as files, through libfuse's low-level API.
 *
 *   main.c          arguments, start, stop; the only place that knows every part of the program
 *   mount.c         mount point, options of the mount, a dead mount cleared
 *   ops.c           the table of operations: the stored tree or the virtual ones
 *   attr.c          node -> struct stat, owners, getattr, setattr, statfs
 *   dir.c           lookup, opendir, readdirplus
 *   file.c          open, read, write, create, flush, release, fsync
 *   working.c       bytes of files that are open for writing, until they are judged
 *   base.c          which version a process opened first
 *   open.c          what is open
 *   names.c         rename, link, unlink, mkdir, rmdir
 *   xattr.c         user.tandem.*
 *   notify.c        the notifier thread: tells the kernel what a sync changed, drops orphans
 *   virtual*.c      the .json and .sync trees
 *   control.c       commands of the control files and of the socket
 *   socket.c        the Unix socket
 *   ctl_*.c, tandemctl.c   the program that speaks to it
 *
 * A number that the kernel knows (fuse_ino_t) is the store's inode number, or, with a tree in the
 * top byte, an object of a virtual tree (virtual.h).  No operation waits for the network (I6). */
#ifndef FS_FS_H
#define FS_FS_H

#include <fuse_lowlevel.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "mountopts/config.h"
#include "sync/commit.h"
#include "sync/engine/engine.h"
#include "sync/store/store.h"

/* The kernel keeps what it was told until it is told otherwise. */
#define FS_TIMEOUT 86400.0
/* Bytes of one file that is being written. */
#define FS_FILE_LIMIT ((size_t)16 << 20)
/* How long `sync` and lost+found wait for handles whose close(2) has returned. */
#define FS_SETTLE_NS INT64_C(1000000000)

struct working_table;
struct base_table;
struct notifier;
struct control_socket;
struct fs;

/* First member of every struct that fuse_file_info.fh points to: those that are open when the file system
 * ends are closed like any other. */
struct fs_open {
	struct fs_open *prev, *next;
	void (*close)(struct fs *fs, struct fs_open *open); /* frees it */
};

struct fs_mailbox { /* a configured mailbox: fixed while mounted */
	int64_t id;
	uint64_t ino;
	uid_t uid;
	gid_t gid;
	const struct config_user *user;
};

struct fs {
	struct store *store;
	const struct config *config;
	struct commit commit;
	struct engine *engine;
	struct fuse_session *session;
	char *mountpoint; /* absolute */
	uid_t uid;	  /* who mounted: owner of the root and of its .sync */
	gid_t gid;
	struct fs_mailbox *mailboxes;
	size_t n_mailboxes;
	struct working_table *working;
	struct base_table *bases;
	struct notifier *notifier;
	struct control_socket *socket;
	atomic_uint_least64_t writes; /* to open files, not committed yet */
	pthread_mutex_t open_lock;
	struct fs_open *opens;
};

/* Grows with everything that a listing shows: names, sizes, times. */
static inline uint64_t fs_generation(struct fs *fs)
{
	return store_commits(fs->store) + fs->writes;
}

/* open.c */

void fs_open_add(struct fs *fs, struct fs_open *open, void (*close)(struct fs *, struct fs_open *));
/* Takes it off the list and closes it. */
void fs_open_close(struct fs *fs, struct fs_open *open);
void fs_open_close_all(struct fs *fs);

/* attr.c */

/* Reads the mailboxes that are configured into fs->mailboxes. */
int fs_mailboxes_load(struct fs *fs, struct error *err);
/* NULL when the mailbox is not configured (any more): then nothing of it is shown. */
const struct fs_mailbox *fs_mailbox(const struct fs *fs, int64_t id);
const struct fs_mailbox *fs_mailbox_by_ino(const struct fs *fs, uint64_t ino);

void attr_fill(struct fs *fs, const struct store_node *node, struct stat *st);
void attr_entry(struct fs *fs, const struct store_node *node, struct fuse_entry_param *e);
void attr_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void attr_setattr(
	fuse_req_t req, fuse_ino_t ino, struct stat *attr, int to_set, struct fuse_file_info *fi);
void attr_statfs(fuse_req_t req, fuse_ino_t ino);

/* Answers a failed call.  Something found by its number that is gone is ESTALE, by its name ENOENT. */
void fs_reply_error(fuse_req_t req, const struct error *err);
void fs_reply_stale(fuse_req_t req, const struct error *err);
int fs_errno_stale(const struct error *err);
/* The reason of a refusal, for the mailbox's log. */
void fs_log_refusal(struct fs *fs, int64_t mailbox, const char *name, const struct error *err);

static inline struct fs *fs_of(fuse_req_t req)
{
	return fuse_req_userdata(req);
}

/* dir.c */
void dir_lookup(fuse_req_t req, fuse_ino_t parent, const char *name);
void dir_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void dir_releasedir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void dir_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi);
void dir_readdirplus(
	fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi);
void dir_fsyncdir(fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi);

/* file.c */
struct base_process;
/* Notes which version of the item of this file a process has seen. */
void file_note_base(struct fs *fs, struct base_process process, uint64_t ino, int flags);
void file_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void file_create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode,
	struct fuse_file_info *fi);
void file_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi);
void file_write(fuse_req_t req, fuse_ino_t ino, const char *data, size_t size, off_t off,
	struct fuse_file_info *fi);
void file_flush(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void file_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void file_fsync(fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi);

/* names.c */
void names_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, dev_t rdev);
void names_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode);
void names_unlink(fuse_req_t req, fuse_ino_t parent, const char *name);
void names_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name);
void names_rename(fuse_req_t req, fuse_ino_t parent, const char *name, fuse_ino_t new_parent,
	const char *new_name, unsigned int flags);
void names_link(fuse_req_t req, fuse_ino_t ino, fuse_ino_t new_parent, const char *new_name);

/* xattr.c */
void xattr_get(fuse_req_t req, fuse_ino_t ino, const char *name, size_t size);
void xattr_set(fuse_req_t req, fuse_ino_t ino, const char *name, const char *value, size_t size,
	int flags);
void xattr_list(fuse_req_t req, fuse_ino_t ino, size_t size);
void xattr_remove(fuse_req_t req, fuse_ino_t ino, const char *name);

/* notify.c */

struct notifier *notifier_start(struct fs *fs, struct error *err);
/* Stops: halt before the unmount, free after it.  False: the job under way waits for an operation that nobody
 * answers any more, and does so until the connection is ended. */
bool notifier_halt(struct notifier *notifier);
void notifier_free(struct notifier *notifier);
/* Until the kernel was told of all that is queued, at most a few seconds. */
void notifier_wait(struct notifier *notifier);
/* Before the answer to an operation that replaced a file: its caller then finds the new one. */
void notifier_wait_in_operation(struct notifier *notifier);
/* Tells the kernel, soon, that the name may mean something else; was: the number it had, or 0. */
void notify_entry(struct fs *fs, uint64_t parent, const char *name, uint64_t was);
/* Attributes and bytes of a file, or the listing of a directory. */
void notify_inode(struct fs *fs, uint64_t ino);
/* Attributes only; at once.  Safe inside an operation: it takes no lock of a file's pages. */
void notify_attr(struct fs *fs, uint64_t ino);
/* The node lost its name: its bytes go when the kernel forgets the number. */
void notify_orphan(struct fs *fs, uint64_t ino);
/* The kernel forgot the number. */
void notify_forgotten(struct fs *fs, uint64_t ino);
/* For store_set_listener. */
store_listener notify_changes;

/* ops.c */
extern const struct fuse_lowlevel_ops fs_ops;

#endif
