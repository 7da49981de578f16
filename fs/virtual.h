/* The virtual trees: .json and .sync.  Nothing of them is stored or cached; every number says by
 * itself what it is.
 *
 *   63    56 55                                    0
 *   +-------+---------------------------------------+
 *   | tree  | payload                               |
 *   +-------+---------------------------------------+
 *
 *   VIRTUAL_JSON      inode number of the file, folder or mailbox that it mirrors
 *   VIRTUAL_STATE     the same (.sync/state)
 *   VIRTUAL_SYNC      inode number of the mailbox (or the root) << 8 | enum sync_entry
 *   VIRTUAL_CONFLICT, VIRTUAL_REFUSED, VIRTUAL_REASON
 *		       mailbox << 36 | id of the record */
#ifndef FS_VIRTUAL_H
#define FS_VIRTUAL_H

#include "fs/fs.h"

enum virtual_tree {
	VIRTUAL_NONE,
	VIRTUAL_JSON,
	VIRTUAL_STATE,
	VIRTUAL_SYNC,
	VIRTUAL_CONFLICT,
	VIRTUAL_REFUSED,
	VIRTUAL_REASON,
};

#define VIRTUAL_SHIFT	     56
#define VIRTUAL_PAYLOAD	     ((UINT64_C(1) << VIRTUAL_SHIFT) - 1)
#define VIRTUAL_RECORD_SHIFT 36

static inline enum virtual_tree virtual_tree(fuse_ino_t ino)
{
	return (enum virtual_tree)((uint64_t)ino >> VIRTUAL_SHIFT);
}

static inline uint64_t virtual_payload(fuse_ino_t ino)
{
	return (uint64_t)ino & VIRTUAL_PAYLOAD;
}

static inline fuse_ino_t virtual_ino(enum virtual_tree tree, uint64_t payload)
{
	return (fuse_ino_t)((uint64_t)tree << VIRTUAL_SHIFT | (payload & VIRTUAL_PAYLOAD));
}

/* One object of a virtual tree, as a lookup or listing finds it. */
struct virtual_entry {
	fuse_ino_t ino;
	mode_t mode; /* type and permissions */
	uint64_t size;
	int64_t mtime;
	const struct fs_mailbox *owner; /* NULL: the administrator */
	char name[512];
};

/* Largest file that is made up for a reader. */
#define VIRTUAL_LIMIT ((size_t)64 << 20)

/* Stops when it returns false; cookie is what a later listing continues after. */
typedef bool virtual_visitor(void *data, const struct virtual_entry *entry, uint64_t cookie);

/* Each function answers an errno, 0 when done. */
struct virtual_ops {
	/* name of the child of a directory; size may be left 0 */
	int (*lookup)(struct fs *fs, fuse_ino_t dir, const char *name, struct virtual_entry *entry);
	int (*list)(
		struct fs *fs, fuse_ino_t dir, uint64_t after, virtual_visitor *visit, void *data);
	int (*get)(struct fs *fs, fuse_ino_t ino, struct virtual_entry *entry);
	/* Bytes of a file. */
	int (*render)(struct fs *fs, fuse_ino_t ino, struct buf *out);
	int (*unlink)(struct fs *fs, fuse_ino_t dir, const char *name);
};

extern const struct virtual_ops virtual_json, virtual_state, virtual_sync, virtual_records;

/* Is `name` in this directory of the stored tree one of the two hidden names?  0 or its number. */
fuse_ino_t virtual_hidden(const struct fs *fs, const struct store_node *dir, const char *name);
/* The operations on virtual numbers.  Those not here are EPERM. */
void virtual_lookup(fuse_req_t req, fuse_ino_t parent, const char *name);
void virtual_getattr(fuse_req_t req, fuse_ino_t ino);
void virtual_setattr(
	fuse_req_t req, fuse_ino_t ino, struct stat *attr, int to_set, struct fuse_file_info *fi);
void virtual_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void virtual_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, bool plus);
void virtual_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void virtual_create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode,
	struct fuse_file_info *fi);
void virtual_read(
	fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi);
void virtual_write(fuse_req_t req, fuse_ino_t ino, const char *data, size_t size, off_t off,
	struct fuse_file_info *fi);
void virtual_flush(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void virtual_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void virtual_unlink(fuse_req_t req, fuse_ino_t parent, const char *name);
void virtual_rename(fuse_req_t req, fuse_ino_t parent, const char *name, fuse_ino_t new_parent,
	const char *new_name, unsigned int flags);

/* virtual_json.c; errno of the failure, 0 when done */
struct handle;
int json_create(
	struct fs *fs, fuse_ino_t dir, const char *name, mode_t mode, struct virtual_entry *entry);
int json_rename(struct fs *fs, fuse_ino_t dir, const char *name, fuse_ino_t new_dir,
	const char *new_name, bool no_replace);
/* NULL when the file is gone. */
struct handle *json_open(struct fs *fs, fuse_ino_t ino, bool created);

/* virtual_sync.c */
bool sync_is_control(fuse_ino_t ino);

/* virtual_records.c: what .sync/conflicts and .sync/lost+found hold. */
enum virtual_list { LIST_CONFLICTS, LIST_LOST };
int records_lookup(struct fs *fs, const struct fs_mailbox *mb, enum virtual_list list,
	const char *name, struct virtual_entry *entry);
int records_list(struct fs *fs, const struct fs_mailbox *mb, enum virtual_list list, uint64_t after,
	virtual_visitor *visit, void *data);
int records_unlink(
	struct fs *fs, const struct fs_mailbox *mb, enum virtual_list list, const char *name);

#endif
