/* Commits: what a filesystem operation means for items.
 *
 * The filesystem knows handles and names; this module judges bytes and decides identity (design
 * section 5): what updates an item, what makes one, what removes one, what is a draft.  Every
 * function is one transaction, returns 0 or a negative error code with a text for the user, and on
 * success tells `committed` so that the hub starts a cycle.  Nothing here waits for the network (I6);
 * what is refused loses nothing (I5). */
#ifndef SYNC_COMMIT_H
#define SYNC_COMMIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sync/error.h"
#include "sync/store/store.h"

/* What a process has of an item: revs. */
struct commit_base {
	int64_t opened; /* first since it last wrote the item; COMMIT_NO_BASE: not since, or not known */
	int64_t wrote; /* COMMIT_NO_BASE: nothing, or it has read what it opened since */
};

#define COMMIT_NO_BASE (-1)
#define COMMIT_BASE_NONE                                                                           \
	(struct commit_base)                                                                       \
	{                                                                                          \
		COMMIT_NO_BASE, COMMIT_NO_BASE                                                     \
	}

struct commit {
	struct store *store;
	int64_t remove_quiet_ns;
	/* Told after each successful change that may have to be sent (may be NULL). */
	void (*committed)(void *data, int64_t mailbox);
	void *data;
	bool vcard_30; /* files are rendered as vCard 3.0 */
	/* The mailbox driver's (sync/mailbox.h): an edit whose outcome fails it is refused.  May be NULL. */
	int (*check)(enum item_kind kind, const json_t *doc, struct error *err);

	/* Of one call: the struct holds no state, so a caller copies it and sets these in the copy. */

	/* When the bytes were written: the time of the last write(2), which becomes the mtime; 0: now.  A
	 * vdir tool takes mtime and number as the etag before it closes the file. */
	int64_t written;
	/* What the calling process has of `item`, that its bytes are judged against.  NULL: nothing, they are
	 * judged against the current version. */
	struct commit_base (*base)(void *base_data, int64_t item);
	void *base_data;
};

/* Bytes written under an item name (NODE_ITEM).  *rev (may be NULL) becomes the new rev.
 *   ERR_INVALID  does not parse, or the mailbox's server cannot hold it: nothing changed; text names line
 *                and property, or the part of the rule
 *   ERR_EXISTS   its UID lives in this folder under another name
 *   ERR_BUSY     the folder is not complete
 *   ERR_NOT_FOUND  the file has no name any more, or is a draft by now
 * Where the result holds newer values than the bytes (the base was older than the current version),
 * *rev is of what this process wrote, and the file is rendered anew once no handle writes to it.
 * Empty bytes: a local file stays local; an emptied item is noted and shows its former bytes after the
 * removal's quiet time. */
int commit_write(struct commit *c, uint64_t ino, const char *bytes, size_t len, int64_t *rev,
	struct error *err);

/* Bytes of a draft: stored, never parsed.  ERR_NOT_FOUND when it is none by now. */
int commit_draft(struct commit *c, uint64_t ino, const char *bytes, size_t len, struct error *err);

/* Refused bytes go to lost+found with the reason. */
int commit_refuse(struct commit *c, int64_t mailbox, const char *name, const char *bytes,
	size_t len, const char *reason, struct error *err);

/* A document written through .json/ onto an item (or, ino 0, a new one under parent and name, whose
 * item name has the kind's suffix).  Replaces the file with a new number.  *rev (may be NULL) as in
 * commit_write. */
int commit_json(struct commit *c, uint64_t ino, uint64_t parent, const char *name,
	const char *bytes, size_t len, int64_t *rev, struct error *err);

/* An empty file (any name) or a directory.  *node is filled in.  EPERM cases are ERR_DENIED. */
int commit_create(struct commit *c, uint64_t parent, const char *name, uint32_t mode,
	struct store_node *node, struct error *err);
int commit_mkdir(struct commit *c, uint64_t parent, const char *name, uint32_t mode,
	struct store_node *node, struct error *err);
int commit_rmdir(
	struct commit *c, uint64_t parent, const char *name, int *number, struct error *err);
/* `*number` is the errno to answer (ENOTEMPTY, EPERM, EXDEV, ENOTDIR, EISDIR ...); err has the text.
 * no_replace: RENAME_NOREPLACE. */
int commit_unlink(
	struct commit *c, uint64_t parent, const char *name, int *number, struct error *err);
/* Inside the caller's transaction: the file of the item goes, as by commit_unlink. */
int commit_remove_item(struct commit *c, int64_t item, struct error *err);
int commit_rename(struct commit *c, uint64_t parent, const char *name, uint64_t new_parent,
	const char *new_name, bool no_replace, int *number, struct error *err);
int commit_link(struct commit *c, uint64_t ino, uint64_t new_parent, const char *new_name,
	struct store_node *node, int *number, struct error *err);

/* user.tandem.categories: comma-separated.  ERR_BUSY while the file is open for writing.  Only the
 * CATEGORIES line of the stored bytes changes; the file gets a new number. */
int commit_categories(
	struct commit *c, uint64_t ino, const char *value, size_t len, struct error *err);
/* The present value, comma-separated. */
int commit_categories_get(struct commit *c, uint64_t ino, struct buf *out, struct error *err);

/* chmod, utimens: mode and mtime (-1 leaves). */
int commit_setattr(struct commit *c, uint64_t ino, int64_t mode, int64_t mtime, struct error *err);

/* Inside the caller's transaction, after store_item_save: the document as of item->rev holds values that
 * Exchange changed.  An edit that replaces one of them within the hour keeps it in a conflict record. */
int commit_arrived(struct commit *c, const struct store_item *item, struct error *err);

/* The last handle that wrote to this file is closed (after store_writer_drop): what had to wait for
 * it is done now.  Does nothing when nothing waits. */
int commit_released(struct commit *c, uint64_t ino, struct error *err);

/* A removal that waits, or is held, is taken back: the file stands again under its former name
 * (" (2)" when that is taken), with its number where no other file has it, and its bytes.
 *   ERR_BUSY    its delete is being sent
 *   ERR_EXISTS  its UID lives in the folder again */
int commit_restore(struct commit *c, int64_t item, struct error *err);

/* At start: bytes of handles that died are judged as at RELEASE; orphans are dropped. */
int commit_recover(struct commit *c, struct error *err);

/* Items that were emptied and whose quiet time is over show their former bytes again; called by the
 * hub at each cycle. */
int commit_settle(struct commit *c, int64_t mailbox, struct error *err);
/* Is anything of the mailbox waiting for a quiet time? */
bool commit_is_waiting(struct commit *c, int64_t mailbox);

/* Values of this name and an id are items that the server has in the folder and that are not shown; as
 * long as there are any, its directory is not empty.  New string. */
char *commit_hidden_prefix(uint64_t folder);
bool commit_has_hidden(struct store *store, uint64_t folder);

#endif
