/* What the files of the commit module share.  Private to sync/commit*.c.
 *
 *   commit.c           the frame of a transaction, names and paths, marks kept for an item
 *   commit_content.c   what bytes do to an item: write, drafts, refusals, .json/
 *   commit_merge.c     what an edit changed against its base; conflict records
 *   commit_identity.c  which item bytes are: update, take-over, revival, create; removal
 *   commit_names.c     create, mkdir, rmdir, unlink, link
 *   commit_rename.c    rename
 *   commit_attr.c      categories, mode, mtime
 *   commit_settle.c    what waits: items emptied, files to be rendered anew, handles that died
 *
 * Everything here runs inside the caller's transaction unless it says otherwise.
 *
 * An item's file and its document say the same, with two exceptions, each noted by a mark:
 *   MARK_EMPTIED  the file is empty, the document stands (value: since when, ns)
 *   MARK_ANEW     the document holds newer values than the bytes, but a handle is still open that
 *                 writes: the file is rendered anew once it is closed
 * MARK_FORMER keeps the bytes that an emptied or removed item showed, MARK_INO the number, mtime (ns) and
 * mode that a removed one had. */
#ifndef SYNC_COMMIT_PRIVATE_H
#define SYNC_COMMIT_PRIVATE_H

#include "sync/commit.h"

/* Largest file that is judged; the filesystem refuses more with EFBIG earlier. */
#define COMMIT_BYTES_MAX ((size_t)16 << 20)
/* How long a value from Exchange is kept in a conflict record when an edit replaces it. */
#define COMMIT_ARRIVAL_NS (3600 * INT64_C(1000000000))

/* ---- commit.c --------------------------------------------------------------------------------- */

#define commit_begin(c, err) commit_begin_as(c, __func__, err)
int commit_begin_as(struct commit *c, const char *name, struct error *err);
/* Commits when rc is 0, else rolls back and returns rc.  mailbox: told to the hub, 0: nobody. */
int commit_end(struct commit *c, int rc, int64_t mailbox, struct error *err);

/* Stores an errno beside the error: for operations whose errno says more than the code. */
int commit_refused(int *number, int value, struct error *err, enum error_code code, const char *fmt,
	...) __attribute__((format(printf, 5, 6)));

enum commit_mark { MARK_EMPTIED, MARK_ANEW, MARK_FORMER, MARK_INO };

int commit_mark_set(struct commit *c, const struct store_item *item, enum commit_mark mark,
	const char *value, struct error *err);
/* *value is NULL when there is no such mark. */
int commit_mark_get(struct commit *c, const struct store_item *item, enum commit_mark mark,
	char **value, struct error *err);
/* All marks of the item end. */
int commit_marks_drop(struct commit *c, const struct store_item *item, struct error *err);
/* Prefix of the names of a mailbox's marks, and what one of them says. */
char *commit_marks_prefix(int64_t mailbox);
bool commit_mark_parse(const char *name, const char *prefix, int64_t *item, enum commit_mark *mark);

/* Name of the value that notes when Exchange changed the item; the prefix of all of them. */
char *commit_arrivals_name(const struct store_item *item);
#define COMMIT_ARRIVALS_PREFIX "arrived/"

/* Reads the whole content of a file. */
int commit_bytes(struct commit *c, uint64_t ino, struct buf *out, struct error *err);

/* "Contacts/Salesforce_Sync/anna.vcf": the path of a name below its mailbox.  New string. */
char *commit_path(struct commit *c, uint64_t parent, const char *name);

/* A directory in which a name is to be made.  Checks that it exists, that names may be made in it
 * and that `name` is one.  *is_item: the name denotes an item.  *kind: of the folder it lies in. */
struct commit_place {
	struct store_node dir;
	enum item_kind kind;
	bool is_item;
};
int commit_place(struct commit *c, uint64_t parent, const char *name, struct commit_place *place,
	int *number, struct error *err);
/* The kind of the folder that this directory is or lies in. */
int commit_dir_kind(
	struct commit *c, const struct store_node *dir, enum item_kind *kind, struct error *err);
/* An item, and a draft that becomes one, stays within its kind: EPERM. */
int commit_check_kind(struct commit *c, const struct store_node *node,
	const struct commit_place *place, int *number, struct error *err);
/* Fills in the errno of a failure where the operation named none; returns rc. */
int commit_number(int rc, int *number);
/* Names that go to Exchange: UTF-8 without control characters. */
int commit_check_name(const char *name, int *number, struct error *err);

/* ---- commit_content.c ------------------------------------------------------------------------- */

/* Bytes, or a document from .json/, on their way to an item. */
struct commit_edit {
	const struct document_kind *kind;
	const char *bytes; /* what the file shows (borrowed); NULL with whole: to be rendered */
	size_t len;
	json_t *shown; /* the document that the bytes show, slots not assigned (owned) */
	bool whole;    /* `shown` is the whole document, not what a file can show of it */
};

struct commit_result {
	int64_t rev; /* what the writer's next edit is to be judged against */
	bool send;   /* something may have to be sent */
	bool anew;   /* the document says more than the bytes */
};

int commit_edit_parse(struct commit_edit *edit, enum item_kind kind, const char *bytes, size_t len,
	struct error *err);
void commit_edit_clear(struct commit_edit *edit);
/* Is this content of that item: with its UID, or without one? */
int commit_is_update(struct commit *c, int64_t item, const struct commit_edit *edit, bool *yes,
	struct error *err);
/* What the file of an item shows or, when it was emptied, showed before. */
int commit_shown(
	struct commit *c, const struct store_node *node, struct buf *out, struct error *err);
/* The item of `node` becomes what the edit says; without one (node->item 0) identity is decided here.
 * Content and name of the node are in place already, its type is NODE_ITEM.  `before`: what the item
 * showed until now. */
int commit_apply(struct commit *c, struct store_node *node, const struct commit_edit *edit,
	const struct buf *before, struct commit_result *result, struct error *err);
/* Notes a local edit: times, state, dirty. */
void commit_mark_edited(struct commit *c, struct store_item *item);
/* The file of the item node->item is empty now; `before`: what it showed. */
int commit_empty(struct commit *c, const struct store_node *node, const struct buf *before,
	struct commit_result *result, struct error *err);
/* Where the document says more than the bytes: renders the file anew, or notes that it is to be once no
 * handle writes to it. */
int commit_show(
	struct commit *c, int64_t item, const struct commit_result *result, struct error *err);
/* Renders the file of the item from its document under a new number. */
int commit_render(struct commit *c, struct store_item *item, struct error *err);

/* ---- commit_merge.c --------------------------------------------------------------------------- */

struct commit_merge {
	json_t *wrote;	 /* what the writer meant: its base with its edits (new reference) */
	json_t *merged;	 /* what the item becomes (new reference) */
	json_t *clashes; /* fields of a conflict record, or an empty array */
};

/* What the edit makes of item->doc.  `before`: the bytes that the file showed when the base is the
 * current version; NULL: rendered from the document. */
int commit_merge(struct commit *c, const struct store_item *item, const struct commit_edit *edit,
	const struct buf *before, struct commit_merge *out, struct error *err);
void commit_merge_clear(struct commit_merge *merge);
/* Stores the clashes, if any, as a conflict record. */
int commit_conflict(struct commit *c, const struct store_node *node, const struct store_item *item,
	json_t *clashes, struct error *err);

/* ---- commit_identity.c ------------------------------------------------------------------------ */

/* Which item the bytes under `node` (that has none) are; uid may be NULL.  item->id 0: a new one.
 * An item found has its place (folder, ino, removed) set but is not saved.  `before` gets the bytes
 * that it showed, if they are kept. */
int commit_identify(struct commit *c, const struct store_node *node, const char *uid,
	struct store_item *item, struct buf *before, struct error *err);
/* The file `node` stops being its item: a removal that waits.  The node keeps name and bytes, which
 * are still those of the item. */
int commit_detach(struct commit *c, struct store_node *node, struct error *err);
/* Is its delete being sent? */
bool commit_is_dying(struct commit *c, int64_t item);
/* After the removal of `item`: a copy made just before elsewhere takes over its identity. */
int commit_hand_over(struct commit *c, int64_t item, struct error *err);
/* Another live item with this uid in the folder?  ERR_EXISTS names it. */
int commit_check_uid(struct commit *c, enum item_kind kind, int64_t mailbox, uint64_t folder,
	int64_t self, const char *uid, struct error *err);
/* A new "urn:uuid:..." (RFC 9562 version 4). */
char *commit_new_uid(void);

/* ---- commit_names.c --------------------------------------------------------------------------- */

/* ENOTEMPTY when the directory has children. */
int commit_check_empty(
	struct commit *c, const struct store_node *dir, int *number, struct error *err);
/* Folders are made only where Exchange can have them: EPERM in a view. */
int commit_check_parent(
	struct commit *c, const struct store_node *dir, int *number, struct error *err);
/* EPERM for the default folders and Salesforce_Sync. */
int commit_check_folder(
	struct commit *c, const struct store_node *node, int *number, struct error *err);
int commit_remove_dir(
	struct commit *c, const struct store_node *node, int *number, struct error *err);
/* Takes the name away; an item becomes a removal that waits. */
int commit_remove_file(struct commit *c, struct store_node *node, struct error *err);

/* ---- commit_attr.c ---------------------------------------------------------------------------- */

/* Gives the item of `node` these categories, in its document and in its bytes; the file gets a new
 * number where they are others than before. */
int commit_set_categories(struct commit *c, const struct store_node *node, const json_t *names,
	bool *changed, struct error *err);

/* ---- commit_rename.c -------------------------------------------------------------------------- */

/* A draft takes an item name, which `target` (may be NULL) has now: the draft's bytes are judged as a
 * commit, its number, mtime and size stay.  *node is as it is afterwards. */
int commit_become_item(struct commit *c, struct store_node *node, uint64_t parent, const char *name,
	struct store_node *target, struct commit_result *result, struct error *err);
/* A refused draft: a copy of its bytes goes to lost+found with err's text as the reason, in a
 * transaction of its own; err stays as it is. */
void commit_keep_refused(struct commit *c, uint64_t ino, const char *name, const struct error *err);
/* Was it the content that was refused? */
bool commit_is_refusal(int rc);

#endif
