/* The store: one SQLite database in the cache directory, and nothing outside this folder knows that
 * it is SQLite.
 *
 *   store.c          open, lock, damage, transactions, time, writer set
 *   store_salvage.c  what can be read of a damaged database, into a new one
 *   store_schema.c   tables and indexes by version
 *   store_query.c    connections (a reader a thread), statements, queries
 *   store_row.c      structs to rows and back
 *   store_change.c   changes collected for the listener
 *   store_node.c     names and inode numbers: what the filesystem lists
 *   store_former.c   a file come back under its number; names of values
 *   store_content.c  the bytes of files
 *   store_folder.c   mailboxes and folders
 *   store_email.c    addresses of items
 *   store_item.c     items and versions: what the hub merges
 *   store_side.c     ids and shadows on either side
 *   store_past.c    which rev an item was at when somebody opened it
 *   store_record.c   CRM records as pulled; staged pulls of the mailbox side; named values
 *   store_misc.c     conflicts, lost+found, tombstones, deletions held, claims, the log
 *
 * One writer at a time: every function that writes must be called between store_begin and
 * store_commit / store_rollback of the same thread.  Reading outside a transaction uses the thread's
 * own read connection and sees the last commit; inside, it sees the transaction.
 *
 * Structs own their strings and JSON; *_clear frees what a getter filled in.  A getter that finds
 * nothing returns ERR_NOT_FOUND (with a text); database trouble is ERR_INTERNAL, a full disk ERR_FULL.
 * Times are ns since the epoch unless said otherwise.
 *
 * Durability: STORE_FULL survives the loss of power, STORE_NORMAL the death of the process. */
#ifndef SYNC_STORE_STORE_H
#define SYNC_STORE_STORE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "sync/buf.h"
#include "sync/error.h"
#include "sync/formats/document.h"

struct store;

enum store_durability { STORE_NORMAL, STORE_FULL };

/* Who changes the tree: a filesystem operation, whose effects the kernel already knows, or a sync
 * (and operations with side effects), whose changes are told to the listener after the commit. */
enum store_origin { STORE_LOCAL, STORE_REMOTE };

/* Creates directory and database when missing; takes the directory's lock (ERR_BUSY names the
 * process that holds it).  A damaged database is moved aside as cache.db.damaged-TIME, what can be read of
 * it is in the new one, and 0 is returned with store_was_rebuilt true. */
int store_open(struct store **out, const char *dir, struct error *err);
void store_close(struct store *store);
bool store_was_rebuilt(const struct store *store);
/* The last rebuild, as long as what was moved aside is there: {"file": name in the cache directory,
 * "time": seconds, "items": taken over whole, "incomplete": known only in part, "lost_found": files put
 * there}.  New reference; NULL: none. */
json_t *store_rebuilt(struct store *store);
/* Called once, by whatever thread meets damage, which the next store_open mends.  Set before others use the
 * store. */
void store_on_damage(struct store *store, void (*tell)(void *data), void *data);
bool store_is_damaged(const struct store *store);

/* A transaction bears the name of the function that begins it. */
#define store_begin(store, durability, origin, err)                                                \
	store_begin_as(store, __func__, durability, origin, err)
int store_begin_as(struct store *store, const char *name, enum store_durability durability,
	enum store_origin origin, struct error *err);
int store_commit(struct store *store, struct error *err); /* rolls back when it fails */
void store_rollback(struct store *store); /* no-op when no transaction of this thread is open */

/* Makes everything committed so far survive the loss of power (fsync(2), syncfs). */
int store_sync(struct store *store, struct error *err);

/* Number of commits since the store was opened: what was read before it grew may be out of date. */
uint64_t store_commits(struct store *store);

/* Strictly increasing time: max(now, last + 1). */
int64_t store_now(struct store *store);

/* ---- change listener ---------------------------------------------------------------------- */

struct store_change {
	enum { CHANGE_ENTRY, CHANGE_INODE, CHANGE_DIRECTORY } type;
	uint64_t parent; /* CHANGE_ENTRY: directory; the name now means another file, or none */
	uint64_t
		ino; /* CHANGE_INODE: attributes or content; CHANGE_DIRECTORY: its listing; CHANGE_ENTRY: number the
			  * name had, or 0 */
	char *name;
};

/* Called after the commit of a STORE_REMOTE transaction, without any lock held, with the changes in
 * order.  The callee copies what it keeps. */
typedef void store_listener(void *data, const struct store_change *changes, size_t n);
void store_set_listener(struct store *store, store_listener *listener, void *data);

/* ---- nodes: names and bytes ---------------------------------------------------------------- */

#define STORE_ROOT_INO 1

enum node_type {
	NODE_ROOT,
	NODE_MAILBOX,
	NODE_FOLDER, /* Contacts, Calendar ... and every folder below; see struct store_folder */
	NODE_ITEM,  /* a file under an item name; item is 0 while it is local (empty, never sent) */
	NODE_DRAFT, /* a file under any other name */
	NODE_DRAFT_DIR, /* a directory whose name begins with a dot, and what is below it */
};

struct store_node {
	uint64_t ino; /* never reused */
	uint64_t
		parent; /* 0: has no name any more (orphan: unlinked or replaced, may still be open) */
	enum node_type type;
	enum item_kind kind; /* NODE_FOLDER, NODE_ITEM and drafts in a folder: of the folder */
	int64_t mailbox;     /* 0 for the root */
	int64_t item;	     /* NODE_ITEM: 0 when local */
	uint32_t mode;	     /* permission bits only */
	uint64_t size;
	int64_t mtime, ctime;
	char name[256];
};

int store_node_get(struct store *store, uint64_t ino, struct store_node *node, struct error *err);
int store_node_lookup(struct store *store, uint64_t parent, const char *name,
	struct store_node *node, struct error *err);
/* Calls back in order of ino for the children with ino > after; stops when it returns false.  The
 * visitor must not call the store: it runs inside the SELECT. */
typedef bool store_node_visitor(void *data, const struct store_node *node);
int store_node_list(struct store *store, uint64_t parent, uint64_t after, store_node_visitor *visit,
	void *data, struct error *err);
int store_node_count(struct store *store, uint64_t parent, enum node_type type, uint64_t *count,
	struct error *err);

/* Gives node->ino, mtime, ctime (all store_now unless set); moves the parent's mtime.
 * ERR_EXISTS when the name is taken. */
int store_node_create(struct store *store, struct store_node *node, struct error *err);
/* The same under the number `ino`, which a file that is gone had: only for that file come back (I7).
 * ERR_EXISTS when a node has the number. */
int store_node_create_as(
	struct store *store, struct store_node *node, uint64_t ino, struct error *err);
/* Writes type, kind, item, mode, mtime (size is the content's); sets ctime = store_now. */
int store_node_update(struct store *store, const struct store_node *node, struct error *err);
/* Name and place; the target name must be free.  Moves mtimes of both directories, ctime of the node. */
int store_node_rename(
	struct store *store, uint64_t ino, uint64_t parent, const char *name, struct error *err);
/* Takes the name away.  The node becomes an orphan that keeps its bytes until store_orphan_drop. */
int store_node_remove(struct store *store, uint64_t ino, struct error *err);
/* A remote change replaces the file as rename(2) does: a new number under the old name with the
 * bytes, mtime = max(now, old mtime + 1 s); the old number becomes an orphan with the old bytes.  An item
 * of the old node follows to the new one. */
int store_node_replace(struct store *store, uint64_t ino, const char *bytes, size_t len,
	uint64_t *new_ino, struct error *err);
/* Orphans that nobody has open are dropped: one, or all (at start). */
int store_orphan_drop(struct store *store, uint64_t ino, struct error *err);
int store_orphan_drop_all(struct store *store, struct error *err);

/* Content.  read: up to size bytes at offset, *got how many (0 at the end). */
int store_content_read(struct store *store, uint64_t ino, uint64_t offset, void *to, size_t size,
	size_t *got, struct error *err);
int store_content_get(struct store *store, uint64_t ino, struct buf *out, struct error *err);
/* Files of items whose bytes were lost with a damaged cache. */
int store_content_missing(struct store *store, uint64_t **inos, size_t *n, struct error *err);
/* Sets the bytes and size of the node; mtime 0 leaves the mtime, else sets it; ctime = store_now. */
int store_content_set(struct store *store, uint64_t ino, const char *bytes, size_t len,
	int64_t mtime, struct error *err);

/* Bytes that a handle wrote and that were refused or not judged yet; at start they are judged as at
 * RELEASE.  NULL bytes drops them. */
int store_working_set(
	struct store *store, uint64_t ino, const char *bytes, size_t len, struct error *err);
int store_working_get(struct store *store, uint64_t ino, struct buf *out, struct error *err);
int store_working_list(struct store *store, uint64_t **inos, size_t *n, struct error *err);

/* Files with a handle open that writes to them (in memory): a pulled change waits, nothing is sent. */
void store_writer_add(struct store *store, uint64_t ino);
void store_writer_drop(struct store *store, uint64_t ino);
bool store_writer_active(struct store *store, uint64_t ino);

/* ---- mailboxes and folders ------------------------------------------------------------------ */

struct store_mailbox {
	int64_t id;
	char *address;
	uint64_t ino;	     /* its directory */
	char *folder_cursor; /* of the folder hierarchy, or NULL */
	int64_t record_seq;  /* CRM records merged up to this number */
	int64_t last_cycle;  /* end of the last cycle that went through, 0: never */
	char *last_error;    /* of the last cycle, or NULL */
	bool held;
};

int store_mailbox_get(struct store *store, int64_t id, struct store_mailbox *mb, struct error *err);
int store_mailbox_by_address(
	struct store *store, const char *address, struct store_mailbox *mb, struct error *err);
/* id 0 creates it with its directory node and the default folders given by the caller afterwards. */
int store_mailbox_save(struct store *store, struct store_mailbox *mb, struct error *err);
int store_mailbox_list(struct store *store, int64_t **ids, size_t *n, struct error *err);
void store_mailbox_clear(struct store_mailbox *mb);

struct store_folder {
	uint64_t ino; /* its node */
	int64_t mailbox;
	enum item_kind kind;
	bool is_default; /* Contacts itself */
	bool is_sync;	 /* the Salesforce_Sync folder of its kind */
	bool complete;	 /* its first sync has ended: it may be listed */
	char *remote_id; /* NULL: not yet made in Exchange */
	char *version;
	char *remote_name,
		*remote_parent; /* what Exchange had then: the shadow of name and place */
	char *cursor;		/* of its items, or NULL */
	int64_t created;  /* locally; made remotely with its first item or after the quiet time */
	int64_t removed;  /* rmdir pending since, or gone there (remote_id NULL); 0: no */
	char *shown_name; /* what it was called here when the two last agreed on the name */
	/* Not 0: a view of the folder with this number, which is its parent directory.  Exchange does not
	 * know it: its items are that folder's, and carry the view's name as a category. */
	uint64_t view_of;
};

int store_folder_get(
	struct store *store, uint64_t ino, struct store_folder *folder, struct error *err);
int store_folder_by_remote(struct store *store, int64_t mailbox, const char *remote_id,
	struct store_folder *folder, struct error *err);
/* The folder that Exchange has for the items of a directory: the folder itself or, of a view, the one
 * that it is a view of. */
int store_folder_real(
	struct store *store, uint64_t ino, struct store_folder *folder, struct error *err);
/* The view of a folder; ERR_NOT_FOUND. */
int store_folder_view(
	struct store *store, uint64_t ino, struct store_folder *view, struct error *err);
int store_folder_save(struct store *store, const struct store_folder *folder, struct error *err);
int store_folder_delete(
	struct store *store, uint64_t ino, struct error *err); /* the row, not the node */
int store_folder_list(
	struct store *store, int64_t mailbox, uint64_t **inos, size_t *n, struct error *err);
void store_folder_clear(struct store_folder *folder);

/* ---- items ---------------------------------------------------------------------------------- */

enum item_state { ITEM_LOCAL, ITEM_PENDING, ITEM_SYNCED, ITEM_CONFLICT, ITEM_EXCLUDED, ITEM_ERROR };
extern const char *const item_state_names[]; /* "local", "pending", ... */

struct store_item {
	int64_t id;
	int64_t mailbox;
	enum item_kind kind;
	uint64_t folder; /* ino of its folder */
	uint64_t ino;	 /* its file; 0 while a removal is pending */
	char *uid;
	json_t *doc;	      /* the canonical document */
	int64_t rev;	      /* counts changes of doc; store_item_save sets it when doc changed */
	bool name_chosen;     /* by a client: kept in Exchange */
	int64_t edited;	      /* last local edit, 0: none since it was last in sync with Exchange */
	int64_t edited_first; /* first local edit not yet synced, 0: none */
	int64_t removed;      /* removal pending since, 0: no */
	char *removed_name;   /* name and folder it had, for take-over */
	enum item_state state;
	char *error; /* why state is ITEM_ERROR, or a note (cut fields), or NULL */
	bool dirty;  /* index: something here may have to be merged or sent */
};

int store_item_get(struct store *store, int64_t id, struct store_item *item, struct error *err);
int store_item_by_ino(
	struct store *store, uint64_t ino, struct store_item *item, struct error *err);
/* Number and rev only: does not read the document. */
int store_item_rev(
	struct store *store, uint64_t ino, int64_t *item, int64_t *rev, struct error *err);

int store_item_kind(struct store *store, int64_t item, enum item_kind *kind, struct error *err);

/* Number and rev by the item's id; ino 0: it has no file. */
int store_item_now(
	struct store *store, int64_t item, uint64_t *ino, int64_t *rev, struct error *err);

/* What an item was until commit number `commits` (see store_commits). */
struct store_past {
	int64_t item;
	uint64_t ino; /* of its file, 0: none */
	int64_t rev;
	uint64_t commits;
};

/* The last states of the item before its present one, oldest first, at most max; returns how many.
 * Inside a transaction, those that it has ended count too (their number is that of the commit to come).
 * *forgotten: states that ended with this commit or an earlier one may be missing. */
size_t store_item_past(struct store *store, int64_t item, struct store_past *list, size_t max,
	uint64_t *forgotten);
/* All items (pending removals too) of the mailbox and kind with this UID. */
int store_items_by_uid(struct store *store, int64_t mailbox, enum item_kind kind, const char *uid,
	int64_t **ids, size_t *n, struct error *err);
/* Pending removals that had this name in this folder, newest first. */
int store_items_removed(struct store *store, uint64_t folder, const char *name, int64_t **ids,
	size_t *n, struct error *err);
int store_items_dirty(
	struct store *store, int64_t mailbox, int64_t **ids, size_t *n, struct error *err);
int store_items_in_folder(
	struct store *store, uint64_t folder, int64_t **ids, size_t *n, struct error *err);
/* The same with those in its view: what Exchange has in this folder. */
int store_items_in_real_folder(
	struct store *store, uint64_t folder, int64_t **ids, size_t *n, struct error *err);
int store_items_all(
	struct store *store, int64_t mailbox, int64_t **ids, size_t *n, struct error *err);
/* Items of the mailbox whose documents have this address, normalised as by document_kind()->emails. */
int store_items_by_email(struct store *store, int64_t mailbox, const char *email, int64_t **ids,
	size_t *n, struct error *err);
/* Items in state ITEM_ERROR or with a note in `error`. */
int store_items_with_error(
	struct store *store, int64_t mailbox, int64_t **ids, size_t *n, struct error *err);
/* Marks all items of the mailbox: a policy changed, shadows were dropped. */
int store_items_mark_dirty(struct store *store, int64_t mailbox, struct error *err);
/* Counts by state for status: counts[ITEM_ERROR + 1]. */
int store_items_count(struct store *store, int64_t mailbox, uint64_t counts[6], struct error *err);
/* id 0 inserts.  When doc differs from the stored one, the former is kept as a version and rev grows.
 * Sets node.item of item->ino. */
int store_item_save(struct store *store, struct store_item *item, struct error *err);
int store_item_delete(
	struct store *store, int64_t id, struct error *err); /* with sides, versions */
void store_item_clear(struct store_item *item);
/* The document as of rev (the current one included); the last four for a day. */
int store_version_get(
	struct store *store, int64_t item, int64_t rev, json_t **doc, struct error *err);

/* ---- sides ---------------------------------------------------------------------------------- */

enum side { SIDE_EXCHANGE, SIDE_CRM };

enum side_status {
	SIDE_NONE,     /* no row, or nothing to do with this side */
	SIDE_CREATING, /* a create is pending: token set (I1) */
	SIDE_LINKED,
	SIDE_DELETING, /* tombstone of a delete not yet answered (I2) */
	SIDE_UNLINKED, /* linked once; neither side touches the other until designated anew */
};

struct store_side {
	int64_t item;
	enum side side;
	enum side_status status;
	char *remote_id;
	char *version;
	char *key;	     /* Exchange: PidTagSearchKey hex */
	char *remote_folder; /* Exchange: id of the folder the item is in there; CRM: number of the
			      * directory in which it was refused */
	json_t *ours,
		*theirs; /* shadow: objects field name -> value; NULL before the first agreement */
	json_t *intent;	 /* I12: {"fields": {name: value}, "steps": [...], "sent": ns} or NULL */
	char *token;	 /* SIDE_CREATING */
	int64_t token_sent; /* when the create, or a record's delete, was last sent, 0: never */
	char *reason;	    /* SIDE_UNLINKED: why */
	bool created_by_us;
	char *error;	   /* last refusal by this side, or NULL */
	int64_t error_rev; /* rev of the document that was refused */
	int64_t retry_at;  /* when it was refused */
};

/* ERR_NOT_FOUND when there is no row; `out` then holds status SIDE_NONE and item, side. */
int store_side_get(struct store *store, int64_t item, enum side side, struct store_side *out,
	struct error *err);
int store_side_by_remote(struct store *store, int64_t mailbox, enum side side,
	const char *remote_id, struct store_side *out, struct error *err);
int store_side_by_token(struct store *store, enum side side, const char *token,
	struct store_side *out, struct error *err);
/* Items of the mailbox whose Exchange side carries this key. */
int store_sides_by_key(struct store *store, int64_t mailbox, const char *key, int64_t **ids,
	size_t *n, struct error *err);
/* Items in any mailbox whose CRM side has this record. */
int store_sides_by_record(
	struct store *store, const char *record_id, int64_t **ids, size_t *n, struct error *err);
int store_side_save(struct store *store, const struct store_side *side, struct error *err);
int store_side_delete(struct store *store, int64_t item, enum side side, struct error *err);
void store_side_clear(struct store_side *side);

/* ---- pulls ---------------------------------------------------------------------------------- */

/* A change pulled from Exchange and not merged yet (I4: stored with the cursor).  data is the
 * hub's own JSON of the item; NULL for a delete. */
struct store_pull {
	int64_t seq;
	int64_t mailbox;
	uint64_t folder;
	char *remote_id;
	bool deleted;
	json_t *data;
};

/* Replaces a former row of the same remote_id. */
int store_pull_put(struct store *store, const struct store_pull *pull, struct error *err);
/* Up to max rows with seq > after, in order; *pulls is a new array. */
int store_pull_list(struct store *store, int64_t mailbox, int64_t after, size_t max,
	struct store_pull **pulls, size_t *n, struct error *err);
int store_pull_drop(struct store *store, int64_t seq, struct error *err);
/* Forgets what is staged of this id, unless that is a delete: something newer was merged. */
int store_pull_forget(
	struct store *store, int64_t mailbox, const char *remote_id, struct error *err);
/* Is this id staged as deleted? */
bool store_pull_is_delete(struct store *store, int64_t mailbox, const char *remote_id);
void store_pulls_free(struct store_pull *pulls, size_t n);

/* CRM records as last pulled, per object; seq grows whenever a record is put with other content. */
struct store_record {
	int64_t seq;
	char *object; /* kind name */
	char *id;
	char *version;
	bool deleted;
	json_t *data;
};

int store_record_put(struct store *store, const struct store_record *record, struct error *err);
int store_record_get(struct store *store, const char *object, const char *id,
	struct store_record *out, struct error *err);
int store_record_list(struct store *store, int64_t after, size_t max, struct store_record **records,
	size_t *n, struct error *err);
void store_record_clear(struct store_record *record);
void store_records_free(struct store_record *records, size_t n);

/* Named values: cursors of CRM objects, schema version, ids.  get: new string, NULL when absent. */
int store_value_get(struct store *store, const char *name, char **value, struct error *err);
int store_value_set(struct store *store, const char *name, const char *value, struct error *err);
/* Names that begin with `prefix`, in order: a new array of strings. */
int store_value_names(struct store *store, const char *prefix, json_t **names, struct error *err);

/* ---- claims, conflicts, lost+found, tombstones, held deletes, log ----------------------------- */

/* Claim on (object, normalised e-mail) before a create in the CRM; 0 and *holder == item when we
 * have it now, else *holder is the item that has it. */
int store_claim_take(struct store *store, const char *object, const char *email, int64_t item,
	int64_t *holder, struct error *err);
int store_claims_drop(struct store *store, int64_t item, struct error *err);

struct store_conflict {
	int64_t id;
	int64_t mailbox, item;
	int64_t time;
	char *name;   /* file name in .sync/conflicts: "anna.vcf 2026-11-22T10:00:00Z 17.json"; add
		       * makes it of the item's file name ("anna.vcf") or NULL, and keeps one that
		       * ends in ".json" */
	json_t *data; /* {"item": path, "fields": [{field, path, base, winner, winner_origin,
		       * losers: [{origin, value}]}]} */
};

int store_conflict_add(struct store *store, struct store_conflict *conflict, struct error *err);
int store_conflict_list(struct store *store, int64_t mailbox, struct store_conflict **conflicts,
	size_t *n, struct error *err);
/* At most `limit` with larger ids than `after`. */
int store_conflict_page(struct store *store, int64_t mailbox, int64_t after, size_t limit,
	struct store_conflict **conflicts, size_t *n, struct error *err);
/* By id, by file name, the newest of an item since `since`; ERR_NOT_FOUND.  The caller clears it. */
int store_conflict_get(
	struct store *store, int64_t id, struct store_conflict *conflict, struct error *err);
int store_conflict_find(struct store *store, int64_t mailbox, const char *name,
	struct store_conflict *conflict, struct error *err);
int store_conflict_last(struct store *store, int64_t item, int64_t since,
	struct store_conflict *conflict, struct error *err);
/* Of one that is there, name and all. */
int store_conflict_save(
	struct store *store, const struct store_conflict *conflict, struct error *err);
/* How many records an item has. */
int store_conflict_count(struct store *store, int64_t item, uint64_t *n, struct error *err);
/* An item whose last record goes is ITEM_CONFLICT no longer. */
int store_conflict_delete(struct store *store, int64_t id, struct error *err);
void store_conflict_clear(struct store_conflict *conflict);
void store_conflicts_free(struct store_conflict *conflicts, size_t n);

struct store_lost {
	int64_t id;
	int64_t mailbox;
	int64_t time;
	char *name; /* NAME, made unique; shown as NAME.refused and NAME.reason */
	char *reason;
	uint64_t size; /* of the bytes; set by the store */
	struct buf bytes;
};

int store_lost_add(struct store *store, struct store_lost *lost, struct error *err);
int store_lost_list(struct store *store, int64_t mailbox, struct store_lost **lost, size_t *n,
	struct error *err); /* without bytes */
/* At most `limit` with larger ids than `after`, without bytes. */
int store_lost_page(struct store *store, int64_t mailbox, int64_t after, size_t limit,
	struct store_lost **lost, size_t *n, struct error *err);
/* By NAME, without bytes; ERR_NOT_FOUND. */
int store_lost_find(struct store *store, int64_t mailbox, const char *name, struct store_lost *lost,
	struct error *err);
int store_lost_get(struct store *store, int64_t id, struct store_lost *lost, struct error *err);
int store_lost_delete(struct store *store, int64_t id, struct error *err);
void store_lost_clear(struct store_lost *lost);
void store_lost_free(struct store_lost *lost, size_t n);

#define TOMBSTONE_LINK_UNKNOWN "unknown"

/* Kept 30 days: what a removed item was, so that a restored one revives it. */
struct store_tombstone {
	int64_t id;
	int64_t mailbox;
	enum item_kind kind;
	int64_t time;
	char *uid, *key, *name;
	uint64_t folder;
	uint64_t ino;
	char *record_id;    /* the CRM link it had, or NULL */
	char *record_state; /* "linked", "unlinked REASON" or TOMBSTONE_LINK_UNKNOWN */
	char *remote_id;
	json_t *doc;
};

int store_tombstone_add(struct store *store, struct store_tombstone *t, struct error *err);
/* Newest by UID or by key (either may be NULL); ERR_NOT_FOUND. */
int store_tombstone_find(struct store *store, int64_t mailbox, const char *uid, const char *key,
	struct store_tombstone *t, struct error *err);
int store_tombstone_delete(struct store *store, int64_t id, struct error *err);
int store_tombstones_expire(struct store *store, int64_t before, struct error *err);
void store_tombstone_clear(struct store_tombstone *t);

enum deletion_state { DELETION_SENT, DELETION_HELD, DELETION_CONFIRMED };

/* One deletion towards a side, for the guard of section 6. */
struct store_deletion {
	int64_t id;
	int64_t mailbox, item;
	uint64_t folder;
	enum side side; /* the side it would delete on */
	enum deletion_state state;
	int64_t time;
	int64_t batch; /* number of the held batch, 0: none */
	char *name;
};

int store_deletion_put(struct store *store, struct store_deletion *d, struct error *err);
/* Sent ones; folder 0: in all folders. */
int store_deletion_count(struct store *store, int64_t mailbox, uint64_t folder, enum side side,
	int64_t since, uint64_t *count, struct error *err);
int store_deletion_list(struct store *store, int64_t mailbox, enum deletion_state state,
	struct store_deletion **list, size_t *n, struct error *err);
/* Forgets those of the mailbox that were sent before. */
int store_deletions_expire(struct store *store, int64_t mailbox, int64_t before, struct error *err);
int store_deletion_delete(struct store *store, int64_t id, struct error *err);
void store_deletions_free(struct store_deletion *list, size_t n);

/* The mailbox's log as shown in .sync/log: the last 1000 lines. */
int store_log(struct store *store, int64_t mailbox, const char *line, struct error *err);
int store_log_read(struct store *store, int64_t mailbox, struct buf *out, struct error *err);

#endif
