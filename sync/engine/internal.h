/* What the files of the engine share.  Private to sync/engine/.
 *
 * A *pair* is an item with its two sides (Exchange, CRM), loaded together, changed by merge.c and the
 * pushes, and saved together in one transaction. */
#ifndef SYNC_ENGINE_INTERNAL_H
#define SYNC_ENGINE_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "sync/engine/engine.h"
#include "sync/formats/zone.h"

#define SIDES	  2
#define NS_PER_S  1000000000LL
#define NS_PER_MS 1000000LL

/* A create whose answer was lost is sent again only when a pull that began this long after it was
 * sent shows no token (I1); requests end by then. */
#define WRITE_DEADLINE_NS (120 * NS_PER_S)
/* By then a record that the CRM made shows in a query, however late its transaction committed. */
#define CRM_OVERLAP_NS (600 * NS_PER_S)
/* What one transaction merges, and one write request carries: bounds how long others wait and how
 * much one lost answer leaves in doubt. */
#define MERGE_BATCH 100
#define WRITE_BATCH 100
/* Passes over what is left to push in one cycle: a refused precondition or a flow of the CRM needs a
 * second look. */
#define PUSH_PASSES 4
/* Removals younger than this stay even in a cycle that was asked for. */
#define URGENT_REMOVE_QUIET_NS (2 * NS_PER_S)
/* The step of an intent: the item's deletion was taken back, and it may be there still. */
#define PUSH_STEP_RESTORE "restore"
/* What was removed can be revived for so long. */
#define TOMBSTONE_NS (30 * 24 * 3600 * NS_PER_S)
/* All links are looked at this often (I13). */
#define LOOK_NS (24 * 3600 * NS_PER_S)
/* An item whose changes came from the two sides by turns more often than this within an hour is held. */
#define TURNS_MAX 6
#define TURNS_NS  (3600 * NS_PER_S)
/* Whoever comes second to a claim looks again this soon. */
#define CLAIM_WAIT_NS (5 * NS_PER_S)
/* What was refused is tried again after this long: the rule or record that was in the way may be gone. */
#define RETRY_NS (3600 * NS_PER_S)
/* An Exchange value that a file's edit replaced is kept when it arrived this recently. */
#define CONFLICT_WINDOW_NS (3600 * NS_PER_S)

/* Evidence of another gateway, and what it is told by (gateway.c). */
enum evidence { EVIDENCE_TOKEN, EVIDENCE_TWIN, EVIDENCE_REWRITE, EVIDENCE_FOLDER, EVIDENCES };

struct gateway {
	json_t *wrote[SIDES];		/* item -> {"at", "cycle", "fields": names in lines} */
	json_t *made[SIDES];		/* key -> {"at", "item"}: what we made */
	json_t *seen[EVIDENCES][SIDES]; /* id -> {"at", "cycle", "example", "who"} */
	size_t fresh[EVIDENCES][SIDES]; /* pieces that no warning counts yet */
};

struct engine_mailbox {
	int64_t id;
	const struct config_user *user;
	struct mailbox *connection; /* opened at the first cycle; used by the running worker only */
	char *crm_user;		    /* looked up at the first cycle with a CRM; NULL: none */
	bool crm_user_asked;
	int64_t retried; /* when refusals were last looked at; by the running worker only */
	/* scheduling; under engine->lock */
	int64_t first_touch, last_touch; /* 0: none */
	int64_t due;			 /* of the timer */
	unsigned int failures;		 /* in a row */
	bool only_crm_failed;		 /* ... and Exchange's half went through */
	bool running;
	uint64_t asked, ended; /* tickets */
	int64_t asked_at;
	struct error error; /* of the last cycle */
	json_t *turns;	    /* item -> {side, n, since}: changes taken from the sides by turns */
	struct gateway *gateway; /* NULL: nothing yet; by the running worker only */
	int64_t wake_in; /* ns after the last cycle: something waits for its quiet time; 0: no */
	char *zone;	 /* the user's, as the CRM or the mailbox says; NULL: none */
	bool zone_asked;
	const char *phase; /* progress */
	size_t done, total;
};

struct engine {
	struct store *store;
	const struct config *config;
	struct commit *commit;
	const struct mailbox_driver *mailbox_driver;
	const struct crm_driver *crm_driver;
	void (*log)(void *data, const char *line);
	void *log_data;

	pthread_mutex_t lock;
	pthread_cond_t wake, ended;
	struct engine_mailbox *mailboxes;
	size_t n_mailboxes;
	pthread_t *workers;
	size_t n_workers;
	char installation[9]; /* the id of this cache, which its tokens begin with */
	int64_t installed;    /* when it was made; ms */
	atomic_bool held;     /* likewise */
	atomic_bool stopping; /* written under lock, read anywhere */

	pthread_mutex_t remote_lock; /* of the four pointers; never held during a request */
	void *server;
	struct crm *crm;
	void *tested_server; /* of a test of the connections; NULL: none goes on */
	struct crm *tested_crm;
	pthread_mutex_t test_lock; /* one test at a time */
	pthread_mutex_t pull_lock; /* one pull of the CRM at a time */
	int64_t crm_pulled;	   /* when the last whole pull of the CRM began */

	pthread_mutex_t shared_lock;
	pthread_cond_t shared_given;
	json_t *written; /* set: ids of records that a mailbox is writing to (shared.c) */
};

/* What `max-create` counts, each on its own (cap.c). */
enum cap { CAP_EXCHANGE, CAP_CRM, CAP_IMPORT, CAPS };

struct cycle {
	struct engine *engine;
	struct store *store;
	struct engine_mailbox *mb;
	const struct config_policy *policy; /* NULL: no CRM for this mailbox */
	struct crm *crm;		    /* NULL: none, or not reachable in this cycle */
	struct field_table tables[SIDES][ITEM_KINDS];
	bool upserts[ITEM_KINDS]; /* creates in the CRM: the token tells whether one went through */
	bool urgent;
	int64_t began;
	int64_t asked_at;
	json_t *log;	    /* lines, written at the end */
	json_t *categories; /* set: designating ones that items were given */
	json_t *unmatched;  /* item id -> note: companies without an account; NULL: not read yet */
	int64_t wake_in;    /* as in engine_mailbox */
	size_t made[CAPS];  /* creates and imports of this cycle */
	json_t *waiting[CAPS]; /* sets of ids: what the cap keeps for the next cycle, or NULL */
	json_t *let_go[SIDES]; /* item -> folder: deletions allowed and not sent yet */
	int64_t batch;	       /* number of what this cycle holds; 0: nothing yet */
	json_t *gone;	       /* set of ItemIds: asked for in this cycle, and not there */
	json_t *accounts;      /* company -> {"id", "hits"}: what this cycle knows of accounts */
	json_t *may_create;    /* set of tokens: creates in the CRM that may be sent now */
	json_t *unshown;       /* while pulling: remote id -> item; see unshown.c */
	bool restored;	       /* while merging: the mailbox is from a backup; see restored.c */
	struct zones zones;
	const struct zone *floating; /* the user's own; NULL: not known */
	int64_t event_limit;	     /* events that ended before are not designated; seconds */
	struct error deferred;	     /* the first failure that did not end the cycle */
	json_t *keys[ITEM_KINDS];    /* sets of match_key() of the mailbox's items; see import.c */
};

/* ---- pairs (pair.c) -------------------------------------------------------------------------- */

struct pair {
	struct store_item item;
	struct store_side sides[SIDES];
	json_t *before;	 /* the document as loaded */
	json_t *clashes; /* array: fields of a conflict record to be */
	bool drop_bytes; /* the file must be rendered anew even if it renders alike */
	bool restored;	 /* what Exchange holds now is from a backup */
	bool fights;	 /* goes back and forth: held with an error at the next save */
};

int pair_load(struct cycle *c, int64_t item, struct pair *pair, struct error *err);
/* Writes item and sides inside the caller's transaction; a document that changed is rendered anew and
 * the file replaced; clashes become a conflict record; state and dirty are worked out. */
int pair_save(struct cycle *c, struct pair *pair, struct error *err);
void pair_clear(struct pair *pair);
/* Makes item, node and file from a document that came from a remote.  former_ino: the number that the
 * file had before it was removed, or 0. */
int pair_create(struct cycle *c, struct pair *pair, const char *wanted_name, uint64_t former_ino,
	struct error *err);

/* The file goes to another directory, under another name where its own is taken. */
int pair_move(struct cycle *c, struct pair *pair, uint64_t folder, struct error *err);

/* The document seen by a side, with the marks that we keep in Exchange as members "@uid",
 * "@fileName", "@crmLink", "@unlinked".  cut as in field_project. */
json_t *pair_project(
	struct cycle *c, const struct pair *pair, enum side side, json_t *cut, struct error *err);
/* Names that changed here and are to be sent: projection differs from `ours`.  New array. */
json_t *pair_changed(
	struct cycle *c, const struct pair *pair, enum side side, const json_t *projection);
const struct config_rule *pair_rule(struct cycle *c, const struct pair *pair);
/* Path below the mount for messages: "alice@corp.example/Contacts/anna.vcf".  New string. */
char *pair_path(struct cycle *c, const struct pair *pair);
/* The same of a node, or of a name below it. */
char *pair_node_path(struct store *store, uint64_t ino, const char *below);
bool pair_needs_push(struct cycle *c, struct pair *pair, enum side side);
/* Notes that a side refused this version of the item. */
void pair_refuse(struct cycle *c, struct pair *pair, enum side side, const struct error *why);
bool pair_is_refused(const struct pair *pair, enum side side);

/* I12: the intent of a push (new object).  "fields": those to be sent with their values, null for those
 * to be emptied; "later": names among them that only a later step of the push sends (taken, or NULL),
 * and that the first step may make the remote drop.  They are unsure until the push is answered. */
json_t *pair_intent(const json_t *projection, const json_t *changed, json_t *later);
void pair_answered(struct store_side *side);
/* What was sent is what the two agreed on, until the read-back says what the remote made of it. */
void pair_agree(struct store_side *side, const json_t *projection, const json_t *changed);
void pair_forget_intent(struct store_side *side);
/* Before pair_agree(): a later step of a push did not go through, and these names with it.  They are
 * taken out of `changed` and the intent, stay changed here, and are sent anew from what the read-back
 * shows (I12).  One that had not changed, and was sent because the remote had dropped it, is changed
 * from now on; `dropped`: the remote has dropped them all. */
void pair_keep_left(struct store_side *side, json_t **changed, const json_t *left, bool dropped);
/* Is it no use to send the same again? */
bool refusal_is_final(enum error_code code);

/* JSON equality in which NULL, null and absent are one. */
bool value_equal(const json_t *a, const json_t *b);
bool array_has(const json_t *array, const char *text);
json_t *value_get(const json_t *object, const char *name);	 /* borrowed; NULL for null */
void value_put(json_t *object, const char *name, json_t *value); /* borrows; NULL removes */

/* ---- the limit of events (limit.c) -------------------------------------------------------------- */

/* Why an event is not designated, as why_not says it. */
#define LIMIT_SERIES "series"
#define LIMIT_ENDED  "ended"

/* Works out the limit of this cycle. */
void limit_prepare(struct cycle *c);
/* Midnight of the user's day, so many days (or EVENTS_LAST_MONTH) before; all in seconds. */
int64_t limit_midnight(int64_t now, int days, const struct zone *zone);
/* NULL, or why the policy does not designate the event. */
const char *limit_forbids(struct cycle *c, const json_t *doc);

/* ---- views (views.c) -------------------------------------------------------------------------- */

/* Has each folder of the kind a view? */
bool kind_has_views(enum item_kind kind);
/* The name of the designating folder. */
const char *views_name(const struct cycle *c);
/* The projected name of the category that means the view of the item's folder, "Categories/NAME";
 * NULL: the folder has no view.  inside: does the item stand in it?  New string. */
char *views_field(struct cycle *c, const struct pair *pair, bool *inside);
/* Adds the category to the projection of an item that stands in a view. */
void views_project(struct cycle *c, const struct pair *pair, json_t *projection);
/* Moves the item into the view of its folder, or out of it.  Inside a transaction, as all that follow;
 * the caller saves the pair. */
int views_place(struct cycle *c, struct pair *pair, bool inside, struct error *err);
/* An item whose category the user wrote in the file stands in the view as well. */
int views_settle(struct cycle *c, struct pair *pair, struct error *err);
/* Where the item goes when Exchange moves it to `folder`: to that one's view from a view. */
uint64_t views_same(struct cycle *c, const struct pair *pair, uint64_t folder);
/* Is it a new file with the UID of an item in the same folder of Exchange (a copy between a folder and
 * its view)?  Then it is not to be sent: *why says so. */
bool views_is_double(struct cycle *c, const struct pair *pair, struct error *why);
/* Makes the view of a folder where the policy wants one, with the name that it wants. */
int views_ensure(struct cycle *c, const struct store_folder *folder, struct error *err);
/* Has views_ensure something to do? */
bool views_are_due(struct cycle *c, const struct store_folder *folder);
/* Removes directory and row of a folder's view. */
int views_drop(struct cycle *c, uint64_t folder, struct error *err);

/* ---- kinds (kinds.c) -------------------------------------------------------------------------- */

/* Has the kind documents and a table of the mailbox driver? */
bool kind_takes_part(const struct cycle *c, enum item_kind kind);
bool kind_by_name(const char *name, enum item_kind *kind);
/* Does the CRM have records of this kind?  Yes, while it cannot be asked. */
bool kind_in_crm(const struct cycle *c, enum item_kind kind);
/* The policy's rule; NULL: this mailbox, or this kind, has none. */
const struct config_rule *kind_rule(const struct cycle *c, enum item_kind kind);
/* The row of the categories in the mailbox driver's table; NULL: the kind has none. */
const struct field *kind_categories(const struct cycle *c, enum item_kind kind);
/* Those of the items that are of this kind, into `out` (room for n); how many. */
size_t kinds_filter(
	struct cycle *c, enum item_kind kind, const int64_t *items, size_t n, int64_t *out);
/* Calls `step` with the items of one kind after the other, at most MERGE_BATCH at a time. */
typedef int kinds_step(struct cycle *c, enum item_kind kind, const int64_t *items, size_t n,
	void *data, struct error *err);
int kinds_each(struct cycle *c, const int64_t *items, size_t n, kinds_step *step, void *data,
	struct error *err);

/* ---- conflicts (conflict.c) ------------------------------------------------------------------- */

/* One field that changed on two sides.  Everything is borrowed; values may be NULL: empty. */
struct conflict_clash {
	const char *field; /* as the side calls it */
	const char *path;  /* canonical place, or NULL when it is no field */
	const json_t *base, *winner, *loser;
	const char *winner_origin, *loser_origin; /* "file", "exchange", "crm" */
};

/* Remembered in the pair until it is saved. */
void conflict_note(struct pair *pair, const struct conflict_clash *clash);
/* What a side holds, to be compared before and after a merge: its fields, as far as they were known before.
 * Else (after a reset, or where the answer to a create was lost) the document as that side would have it:
 * what we have is what there should be, and what a remote fills in of itself is no edit.  New object. */
json_t *conflict_seen(
	struct cycle *c, const struct pair *pair, enum side side, bool known, const json_t *fields);
/* The fields of `after` that are not as in `before`: changed on the side `origin` while the item was being
 * removed.  The removal stands, and what it takes along is kept (I5). */
void conflict_note_removed(struct pair *pair, const json_t *before, const json_t *after,
	const char *winner, const char *origin);
/* The same of a record of the CRM that goes with its item, or since that is private. */
void conflict_note_record(struct pair *pair, const json_t *before, const json_t *after);
/* Deleted on one side and edited on the other: the edit wins over the deletion. */
void conflict_note_deleted(struct pair *pair, const char *edited_by, const char *deleted_by);
/* What was noted becomes a record, or continues the one that this cycle made of the item. */
int conflict_save(struct cycle *c, struct pair *pair, struct error *err);
/* A folder's name or place changed here and in Exchange: a record of its own.  Values may be NULL. */
int conflict_folder(struct cycle *c, const struct store_node *node, const char *field,
	const char *base, const char *winner, const char *loser, struct error *err);

/* ---- merge (merge.c) ------------------------------------------------------------------------- */

struct remote_state {
	const char *version;
	const json_t *fields;			 /* flat, marks included for Exchange */
	const json_t *unread;			 /* or NULL */
	const json_t *doubled, *tokens, *wholes; /* as in struct mailbox_item, or NULL */
	bool by_us;				 /* last modified by our account */
	int64_t modified;			 /* ns, 0 unknown */
};

/* Merges what a side holds into the document, field by field, and sets the shadows (I3).  Inside the
 * caller's transaction; pair_save follows. */
int merge_side(struct cycle *c, struct pair *pair, enum side side,
	const struct remote_state *remote, struct error *err);
/* One-way sync: what the remote holds where it edited a field that is now sent is kept as a conflict. */
void merge_replaced(struct cycle *c, struct pair *pair, enum side side, const json_t *projection,
	const json_t *changed, const json_t *held);

/* ---- values kept apart (apart.c) --------------------------------------------------------------- */

/* Fetches the wholes of items as the driver read them, as far as they are not known; what the fields
 * hold for such rows is a digest then. */
int apart_fetch(struct cycle *c, enum item_kind kind, struct mailbox_item *items, size_t n,
	struct error *err);
/* The wholes of these fields, an object by name; NULL: none of them has one. */
json_t *apart_wholes(const struct field_table *table, const json_t *doc, const json_t *names);
/* After a merge: which values the shadow is about, and what was not read. */
void apart_remember(struct store_side *side, const struct remote_state *remote);
/* A write of ours that was cut short left several values behind: it is sent anew (I12). */
void apart_tidy(struct store_side *side, const struct remote_state *remote);

/* ---- the steps of a cycle --------------------------------------------------------------------- */

int cycle_run(struct engine *engine, struct engine_mailbox *mb, bool urgent, int64_t asked_at,
	struct error *err);
void cycle_log(struct cycle *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void cycle_progress(struct cycle *c, const char *phase, size_t done, size_t total);
/* Something waits: another cycle is due this many ns from now. */
void cycle_wake(struct cycle *c, int64_t ns);
/* Remembers a failure that does not end the cycle. */
void cycle_defer(struct cycle *c, const struct error *err);

/* Items that we put into a folder of Exchange and that no pull has shown since (unshown.c).  note and
 * seen: inside a transaction; the others are not. */
int unshown_note(struct cycle *c, int64_t item, struct error *err);
int unshown_load(struct cycle *c, struct error *err);
int unshown_seen(struct cycle *c, const char *remote_id, struct error *err);
int unshown_check(struct cycle *c, struct error *err);

/* A mailbox that was restored (restored.c).  note: what was shown tells so; inside a transaction.  end: all
 * of it is merged.  folders: gives those of a listing from the start their new ids, inside a transaction. */
bool restored_is_noted(struct cycle *c);
int restored_note(struct cycle *c, struct error *err);
int restored_end(struct cycle *c, struct error *err);
int restored_folders(
	struct cycle *c, const struct mailbox_folder *folders, size_t n, struct error *err);

/* Items of a folder that are not shown (hidden.c); inside a transaction.  keep: those that were not seen
 * are gone. */
int hidden_note(struct cycle *c, uint64_t folder, const char *remote_id, const char *why,
	struct error *err);
int hidden_forget(struct cycle *c, uint64_t folder, const char *remote_id, struct error *err);
int hidden_keep(struct cycle *c, uint64_t folder, const json_t *seen, struct error *err);

int folders_pull(struct cycle *c, struct error *err);
int folders_push(struct cycle *c, struct error *err);
/* Folders that were removed on one side: what is empty goes, what is needed stays. */
int folders_settle(struct cycle *c, struct error *err);
/* Folders that got a number in Exchange, where their name was taken, get the name if it is free now. */
int folders_drop_numbers(struct cycle *c, struct error *err);
/* A folder's failure that hinders no other is kept for the end of the cycle; any other is returned. */
int folders_failed(struct cycle *c, int rc, struct error *one, struct error *err);
/* Notes that we made this folder, until a listing shows it; inside a transaction. */
int folders_made(struct cycle *c, const struct store_folder *folder, struct error *err);
/* The default folder's row of a kind. */
int folders_default(
	struct cycle *c, enum item_kind kind, struct store_folder *out, struct error *err);
/* "Name", "Name (2)" ..., at most 255 bytes.  New string. */
char *folders_numbered(const char *name, unsigned int n);
/* Something arrived in this folder: if its removal here was not sent yet, it stays.  Inside a
 * transaction. */
int folders_come_back(struct cycle *c, struct store_folder *folder, struct error *err);
int pull_mailbox(struct cycle *c, struct error *err); /* pages into the store */
int pull_mailbox_merge(struct cycle *c, struct error *err);
int pull_crm(struct cycle *c, struct error *err);
int pull_crm_merge(struct cycle *c, struct error *err);
/* Reads the items and merges them. */
int pull_mailbox_read(struct cycle *c, const int64_t *items, size_t n, struct error *err);
/* Fetches the records of these linked items of one kind and merges them.  found (may be NULL): a set
 * that gets the ids of those that live. */
int pull_crm_fetch(struct cycle *c, enum item_kind kind, const int64_t *items, size_t n,
	json_t *found, struct error *err);
/* The same for items of any kind, in batches; data is `found`. */
kinds_step pull_crm_fetch_step;
int pull_crm_store(
	struct cycle *c, enum item_kind kind, const struct crm_record *record, struct error *err);
int pull_crm_merge_record(
	struct cycle *c, struct pair *pair, const struct store_record *record, struct error *err);
/* A record that nothing here is linked with: made an item where the policy says so. */
int import_record(
	struct cycle *c, const struct store_record *record, bool *waits, struct error *err);
/* Name of the value that notes an unlinked partner.  New string. */
char *unlinked_name(const struct cycle *c, const char *record_id);
/* Items whose intent stands are looked at first (I12). */
int pull_mailbox_intents(struct cycle *c, struct error *err);

json_t *pull_encode(const struct mailbox_item *item);
/* Merges a staged item (as pull_encode made it) into its pair. */
int pull_merge_data(struct cycle *c, struct pair *pair, const json_t *data, struct error *err);

/* Is this record one that the mailbox was unlinked from? */
bool import_is_unlinked(struct cycle *c, const char *record_id);
/* [{"path", "record"}]: records that are not imported, and the contact, not designated, that has an address
 * of theirs. */
json_t *import_left_out(struct engine *e, int64_t mailbox);

/* The record of a private item is not to be deleted after all: it is unlinked. */
void designate_keep_record(struct cycle *c, struct pair *pair);
/* Was the item, since it was unlinked, not designated for a time?  Then a designation is a new one. */
bool designate_is_released(const struct store_side *crm);
bool designate_is_private(const json_t *doc);
bool designate_is_explicit(struct cycle *c, const struct pair *pair);
bool designate_is_shared(struct cycle *c, const struct pair *pair);
/* Was its delete sent, and no answer came yet?  Then nothing is to be linked with it. */
bool designate_is_going(struct cycle *c, const char *record_id);
bool designate_may_delete(struct cycle *c, const struct pair *pair);
#define DESIGNATE_GROUP "a distribution list" /* one of the reasons why not */
bool designate_wanted(struct cycle *c, const struct pair *pair, const char **why_not);
int designate(struct cycle *c, struct error *err);
/* Ends the sync of an item with the CRM; inside a transaction; the caller saves the pair. */
void designate_unlink(struct cycle *c, struct pair *pair, const char *reason);

/* Records that are gone (gone.c): the linked record is deleted or merged; inside a transaction. */
int gone_record(
	struct cycle *c, struct pair *pair, const struct store_record *record, struct error *err);
/* A record was stored.  Where it was merged, and mailboxes were unlinked from it, they are from the survivor
 * too, before any of them could import that; inside a transaction. */
int gone_stored(struct cycle *c, const struct store_record *record, struct error *err);
/* The same for an item: its next designation is one for the survivor. */
int gone_unlinked(
	struct cycle *c, struct pair *pair, const struct store_record *record, struct error *err);
/* Notes that the item is to go with its record; NULL takes it back. */
int gone_set(struct cycle *c, int64_t item, const char *record_id, struct error *err);
bool gone_is_set(struct cycle *c, int64_t item);
/* Removes the items noted, as far as the guard lets them go. */
int gone_remove(struct cycle *c, struct error *err);
/* Unlinks the item if its record is not among those found. */
int gone_missing(struct cycle *c, int64_t item, const json_t *found, struct error *err);
/* Once a day: looks whether all linked records can still be seen (I13). */
int gone_look(struct cycle *c, struct error *err);

/* Matching (match.c).  Claims the item's addresses; with all of them a new designation is a pending create.
 * Inside a transaction; the caller saves the pair. */
bool match_claim(struct cycle *c, struct pair *pair);
/* The pending create is none any more. */
void match_forget(struct cycle *c, struct pair *pair);
int64_t match_linked_elsewhere(struct cycle *c, const char *record_id, int64_t item);
/* Asks the CRM for records of these items, whose creates are pending, and links or lets them go. */
kinds_step match_items; /* data is not used */
/* What the fields say in the rows by which records of this kind are told apart; NULL: the kind has no
 * such rows, or they are empty.  New string. */
char *match_key(const struct field_table *table, const json_t *fields);
/* Has this pass looked for the record, and it is not there? */
bool match_may_create(const struct cycle *c, const struct store_side *crm);
/* A pulled record that nothing here is linked with: is it what a pending create made?  Then it is linked,
 * or waits, and is not to be imported.  Inside a transaction. */
int match_pulled(struct cycle *c, const struct store_record *record, bool *ours, bool *waits,
	struct error *err);

/* The cap on creates (cap.c).  Does it let one more go?  Counts it, or notes that it waits. */
bool cap_may_create(struct cycle *c, enum side side, int64_t item);
bool cap_may_import(struct cycle *c, const char *record_id);
/* Is it worth matching an item whose create waits, after `planned` others?  Notes that it waits if not. */
bool cap_has_room(struct cycle *c, int64_t item, size_t planned);
/* The cycle ends: how many wait is kept for status; inside a transaction. */
int cap_end(struct cycle *c, struct error *err);
/* {"exchange", "crm", "imports"}: how many wait; empty when none do. */
json_t *cap_waiting(struct engine *e, int64_t mailbox);

/* Leads (leads.c): asks for those with one of the addresses, and notes them with the items. */
int leads_ask(struct cycle *c, const int64_t *items, size_t n, const char *const *addresses,
	size_t n_addresses, struct error *err);
/* Ids of the leads noted with an item; [{"path", "leads"}] of a mailbox. */
json_t *leads_of(struct store *store, int64_t mailbox, int64_t item);
int leads_forget(struct cycle *c, int64_t item, struct error *err);
json_t *leads_status(struct engine *e, int64_t mailbox);

/* Companies (account.c).  Are accounts pulled? */
bool account_is_pulled(struct cycle *c);
/* Stores a page of accounts, and their new names in the records pulled; inside a transaction. */
int account_store(struct cycle *c, const struct crm_page *page, struct error *err);
/* A stored account that changed: unmatched items with its name are looked at; inside a transaction. */
int account_merge(
	struct cycle *c, const struct store_record *record, bool *is_one, struct error *err);
/* All unmatched items are looked at again; inside a transaction. */
int account_retry(struct cycle *c, struct error *err);
/* Looks for the accounts of the companies that are to be sent; those that mean none are settled. */
int account_resolve(struct cycle *c, struct error *err);
/* Which account an op names; the row is taken off `changed` when it names none. */
void account_decide(struct cycle *c, const struct pair *pair, const json_t *projection,
	json_t *changed, struct crm_op *op);
/* An op was carried out, or refused for good. */
int account_answered(
	struct cycle *c, struct pair *pair, const struct crm_op *op, struct error *err);
/* The item is gone: so is its note; inside a transaction. */
int account_forget(struct cycle *c, int64_t item, struct error *err);
/* Set by hand, and not sent yet? */
bool account_is_set(const struct store_side *crm);
/* Sets the account of a linked item by hand; inside a transaction. */
int account_set(struct cycle *c, int64_t item, const char *account_id, struct error *err);
/* [{"path", "company", "account", "accounts_of_that_name"}] of a mailbox. */
json_t *account_unmatched(struct engine *e, int64_t mailbox);

int push_mailbox(struct cycle *c, struct error *err);
int push_crm(struct cycle *c, struct error *err);

/* The record is this cycle's to update until it gives it back; false: another mailbox has it. */
bool shared_take(struct cycle *c, const char *record_id);
void shared_give(struct cycle *c, const char *record_id);
/* Until nobody has it.  The caller has none itself, and no transaction. */
void shared_wait(struct cycle *c, const char *record_id);
/* Merges what another mailbox that is linked with the record has read of it since; inside a transaction. */
int shared_merge(struct cycle *c, struct pair *pair, struct error *err);
/* Nothing of the item is left on either side: it ends, with its claims and what was noted with it. */
int push_item_end(struct cycle *c, int64_t item, struct error *err);
/* Does the record go with the item, when that goes? */
bool push_takes_record(struct cycle *c, const struct pair *pair);
/* The item is gone in Exchange: file, item and link end; inside a transaction. */
int push_item_gone(struct cycle *c, struct pair *pair, const char *reason, struct error *err);

/* ---- guard (guard.c) -------------------------------------------------------------------------- */

#define GUARD_FEW 5 /* fewer than these are nobody's mass deletion */

/* The folder by which deletions of a directory's items are counted: of a view, that which it is of. */
uint64_t guard_folder(struct cycle *c, uint64_t ino);
/* May these items be deleted on `side`?  Inside a transaction.  All that are to go of this folder
 * (guard_folder) are judged together.  Held ones are noted as a batch; allowed[i] says which may go. */
int guard_judge(struct cycle *c, uint64_t folder, enum side side, const int64_t *items, size_t n,
	bool *allowed, struct error *err);
/* Rows of deletions that nobody wants any more are dropped.  gone_in_exchange: set of remote ids. */
int guard_tidy(struct cycle *c, const json_t *gone_in_exchange, struct error *err);
/* Notes that a change of this side was taken; true when the sides took too many turns within an hour:
 * two gateways are fighting. */
bool guard_turn(struct cycle *c, int64_t item, enum side side);
bool guard_is_fighting(struct cycle *c, int64_t item);
/* Forgets the turns of the mailbox's items; called from any thread. */
void guard_forget_turns(struct engine *e, struct engine_mailbox *mb);
/* Notes one deletion as sent. */
int guard_sent(struct cycle *c, const struct pair *pair, enum side side, struct error *err);

/* ---- another gateway (gateway.c) --------------------------------------------------------------- */

/* At the start: which installation we are. */
int gateway_start(struct engine *e, struct error *err);
void gateway_free(struct engine_mailbox *mb);
/* New token for a create (I1): 8 hex digits say which installation made it, 11 when (ms), 13 are
 * random. */
char *gateway_token(struct engine *e);
/* A write of ours was answered: these names were sent, for a new item or record or one that was there. */
void gateway_wrote(struct cycle *c, const struct pair *pair, enum side side, const json_t *changed,
	bool created);
/* Somebody else has changed this field on a side. */
void gateway_changed(struct cycle *c, const struct pair *pair, enum side side, const char *field);
/* An item that nobody here knew came from Exchange, staged as `data` under this id.  is_copy: its key, or
 * UID, is that of another one, or it was restored. */
void gateway_item(
	struct cycle *c, const struct pair *pair, const json_t *data, const char *id, bool is_copy);
/* A record was pulled; `linked` with an item of this mailbox. */
void gateway_record(struct cycle *c, const struct store_record *record, bool linked);
/* The cycle ends: what was seen becomes a warning, or not; inside a transaction. */
int gateway_end(struct cycle *c, struct error *err);
/* [{"evidence", "side", "what", "times", "who", "example", "since", "last"}] of a mailbox. */
json_t *gateway_status(struct engine *e, int64_t mailbox);

/* A time (ns) as listings have it; null for 0. */
json_t *status_time(int64_t ns);

/* Refusals older than RETRY_NS are forgotten, so that their items are tried again (commands.c). */
int commands_retry(struct cycle *c, struct error *err);

/* 32 hex digits of randomness.  New string. */
char *engine_token(void);

#endif
