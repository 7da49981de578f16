/* The mailbox side: the whole contract between the hub and a mailbox server (EWS now, Graph later).
 *
 * A driver implements `struct mailbox_driver` and nothing else of it is visible.  All calls block
 * and are made from one worker thread per mailbox at a time.  Each says with which grade it fails:
 *   - the call as a whole (return value): connection, sign-in, throttling; the cycle of this mailbox
 *     ends and is tried again;
 *   - one item (`error` in its op): the others went through.
 * ERR_LOST means the change may have been applied.
 *
 * Nobody is ever mailed by any call (I10). */
#ifndef SYNC_MAILBOX_H
#define SYNC_MAILBOX_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "sync/error.h"
#include "sync/field.h"
#include "sync/formats/document.h"

struct mailbox;

struct mailbox_options {
	const char *url;	/* of the EWS endpoint */
	const char *user;	/* signs in as this account */
	const char *password;	/* secret; the driver copies it to memory it wipes */
	const char *address;	/* the mailbox to work on */
	const char *timezone;	/* IANA; of events that name none; NULL: UTC until it is known */
	bool impersonate;	/* else delegate access: folders are addressed by mailbox */
	const char *record_dir; /* or NULL; see sync/http/http.h */
};

/* What tandemfs keeps with a remote item, in named properties (PublicStrings) that a copy carries
 * too.  All may be NULL. */
struct mailbox_marks {
	char *token;	 /* I1: written at create; only matches a create that is still pending */
	char *uid;	 /* a UID that a client chose (contacts, tasks) */
	char *file_name; /* a file name that a client chose */
	char *crm_link;	 /* id of the linked CRM record */
	char *unlinked;	 /* reason, when the pair was unlinked: "RECORD-ID reason" */
};

struct mailbox_item {
	char *id;
	char *version; /* ChangeKey */
	char *folder_id;
	char *key; /* identity that survives a move: PidTagSearchKey in hex (calendar: UID) */
	char *modified_by; /* display name or address of who changed it last, or NULL */
	bool modified_by_us; /* ... is the account we sign in as (or the impersonated user did it through us) */
	int64_t modified; /* ns since the epoch, 0 when unknown */
	/* Flat object { field name: value }, empty fields absent.  Of a row with `apart` the
	 * value is a token, another one whenever the value may be another; see get_apart. */
	json_t *fields;
	json_t *unread;	 /* array of names that were not given whole (truncated, denied), or NULL */
	json_t *doubled; /* array of names of which the remote holds more than one since a write of
			  * ours was cut short: to be sent again; or NULL */
	/* Of the hub, for rows with `apart` (objects by name, or NULL): the tokens, and what was
	 * fetched.  Their `fields` then hold digests. */
	json_t *tokens, *wholes;
	struct mailbox_marks marks;
	bool unsupported; /* an item of the folder we do not show (its class is in `why`) */
	char *why;
	struct error error; /* of this item in a batch; code ERR_NONE when fine */
};

struct mailbox_folder {
	char *id;
	char *version;
	char *parent_id;
	char *name;
	enum item_kind kind;
	bool is_default; /* the distinguished folder of its kind: its name is the kind's */
	bool deleted;	 /* in a change: gone (only id is set) */
};

enum mailbox_change_type { MAILBOX_CREATED, MAILBOX_UPDATED, MAILBOX_DELETED };

struct mailbox_change {
	enum mailbox_change_type type;
	char *id;
	char *version; /* NULL when deleted */
};

struct mailbox_page {
	struct mailbox_change *changes;
	size_t n;
	char *cursor; /* to continue from, stored with the page (I4) */
	bool last;
};

enum mailbox_op_type { MAILBOX_CREATE, MAILBOX_UPDATE, MAILBOX_MOVE, MAILBOX_DELETE };

/* The value of a row with `apart` (sync/field.h). */
struct mailbox_apart {
	const char *token; /* in: as get_items gave it */
	json_t *whole;	   /* out: owned by the caller; NULL with an error */
	struct error error;
};

/* One write.  In: everything up to `kept`.  Out: the rest. */
struct mailbox_op {
	const char *id;	       /* not for create */
	const char *version;   /* update: ChangeKey it is guarded by */
	const char *folder_id; /* create, move: target */
	enum item_kind kind;
	const json_t *fields;  /* create, update: the whole projection of the document */
	const json_t *changed; /* update: array of names that changed; only these rows are sent */
	const json_t *ours;    /* update: the projection when the two last agreed */
	const json_t *wholes;  /* create, update: object { name: whole } of the rows with `apart`
			       * that are sent with a value, or NULL */
	struct mailbox_marks marks; /* create: those not NULL are set.  update: see set_marks */
	bool set_marks; /* update: crm_link, unlinked, uid and file_name are set, NULL ones deleted */

	json_t *kept; /* update: see `keep`; owned by the op, or NULL */

	char *new_id; /* owned by the op; freed by mailbox_op_clear */
	char *new_version;
	/* A write may take several steps (an item, then its photo).  When the first went through, so
	 * that the op is done and has no error, but a later one did not: the names that were not
	 * sent, or not for certain (an array, owned by the op), and why. */
	json_t *left;
	struct error left_error;
	bool left_dropped; /* the first step took from the remote what it held of them */
	struct error
		error; /* ERR_NOT_FOUND: it is gone; ERR_CONFLICT: version is stale; ERR_LOST ... */
};

struct mailbox_driver {
	const char *name; /* "ews" */

	/* The table of a kind; n == 0 for kinds the driver does not carry. */
	struct field_table (*fields)(enum item_kind kind);

	/* Can the server hold this document?  0, or ERR_INVALID with the part that it cannot: asked
	 * before an edit is taken, without a connection.  NULL: all that the rows can. */
	int (*check)(enum item_kind kind, const json_t *doc, struct error *err);

	/* Shared by all mailboxes of one server: connections, back-off. */
	int (*server_open)(void **server, const char *url, const char *ca_file,
		const char *record_dir, struct error *err);
	void (*server_close)(void *server);
	void (*server_cancel)(void *server);
	unsigned int (*server_back_off_left)(void *server); /* ms */

	int (*open)(struct mailbox **out, void *server, const struct mailbox_options *options,
		struct error *err);
	void (*close)(struct mailbox *mailbox);

	/* One cheap request that proves sign-in and rights. */
	int (*test)(struct mailbox *mailbox, struct error *err);

	/* Folders of the kinds below their default folders (Deleted Items and what lies below it are
	 * left out).  cursor NULL: all.  *folders is a new array of *n (mailbox_folder_clear each),
	 * *next the new cursor.  ERR_CURSOR: the cursor is not known any more. */
	int (*sync_folders)(struct mailbox *mailbox, const char *cursor,
		struct mailbox_folder **folders, size_t *n, char **next, struct error *err);

	/* One page of changes of a folder.  cursor NULL: from the start. */
	int (*sync_items)(struct mailbox *mailbox, const char *folder_id, const char *cursor,
		struct mailbox_page *page, struct error *err);

	/* Whole items, in batches of 100 inside.  items[i] belongs to ids[i]; the caller clears them.
	 * A batch that fails as a whole fails the call; one item fails in its `error`. */
	int (*get_items)(struct mailbox *mailbox, enum item_kind kind, const char *const *ids,
		size_t n, struct mailbox_item *items, struct error *err);

	/* Fetches wholes, in batches inside; parts[i].error says of one that it could not be had.  NULL
	 * in a driver without such rows. */
	int (*get_apart)(
		struct mailbox *mailbox, struct mailbox_apart *parts, size_t n, struct error *err);

	/* The names among `fields` that write_items may send in steps after the first, which makes the
	 * server drop what it held of them, also those that did not change: they belong to the
	 * intent (I12).  New array, or NULL: none.  NULL: there are no such steps. */
	json_t *(*later)(enum mailbox_op_type type, enum item_kind kind, const json_t *fields,
		const json_t *changed);

	/* Before updates: reads what these will make the server drop and `fields` do not hold (the
	 * formatting of a text), and puts it into each op's `kept`, an object.  The hub stores it before
	 * the first step, and gives it with each update of the item until one went through whole.
	 * Nothing was sent when it fails.  NULL: there is no such thing. */
	int (*keep)(struct mailbox *mailbox, struct mailbox_op *ops, size_t n, struct error *err);

	/* Writes of one type and kind, batched inside.  When the call fails as a whole, every op whose
	 * fate is not known has its error set to ERR_LOST, every op not sent ERR_UNSENT. */
	int (*write_items)(struct mailbox *mailbox, enum mailbox_op_type type,
		struct mailbox_op *ops, size_t n, struct error *err);

	int (*create_folder)(struct mailbox *mailbox, const char *parent_id, const char *name,
		enum item_kind kind, struct mailbox_folder *out, struct error *err);
	int (*rename_folder)(struct mailbox *mailbox, const char *id, const char *version,
		const char *name, struct error *err);
	int (*move_folder)(
		struct mailbox *mailbox, const char *id, const char *parent_id, struct error *err);
	int (*delete_folder)(
		struct mailbox *mailbox, const char *id, struct error *err); /* to Deleted Items */

	/* The IANA name of the mailbox's time zone, a new string; *zone stays NULL when it has none.
	 * NULL: it cannot be asked. */
	int (*time_zone)(struct mailbox *mailbox, char **zone, struct error *err);

	/* The IANA name of the zone of events that name none, where the options did not say; NULL: there
	 * are no such events. */
	void (*use_time_zone)(struct mailbox *mailbox, const char *zone);

	/* Makes Outlook show these categories: adds what is missing to the CategoryList. */
	int (*add_categories)(
		struct mailbox *mailbox, const char *const *names, size_t n, struct error *err);
};

void mailbox_item_clear(struct mailbox_item *item);
void mailbox_folder_clear(struct mailbox_folder *folder);
void mailbox_page_clear(struct mailbox_page *page);
void mailbox_op_clear(struct mailbox_op *op); /* the out part only */
void mailbox_marks_clear(struct mailbox_marks *marks);

#endif
