/* The CRM side: the whole contract between the hub and a CRM (Salesforce first, Creatio second).
 *
 * One `struct crm` per org serves all mailboxes.  Calls block; any thread may call.  Grades of
 * failure as in sync/mailbox.h: the call as a whole, or one op. */
#ifndef SYNC_CRM_H
#define SYNC_CRM_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "sync/error.h"
#include "sync/field.h"
#include "sync/formats/document.h"

struct crm;

struct crm_options {
	const char *url; /* login URL of the org */
	const char *client_id;
	const char *client_secret; /* secret */
	const char *ca_file;
	const char *external_id_field; /* or NULL: creates cannot be upserts */
	unsigned int daily_reserve;    /* stop when fewer requests than this are left for today */
	const char *record_dir;
};

struct crm_record {
	char *id;      /* 18 characters */
	char *version; /* SystemModstamp as the server wrote it */
	bool deleted;
	char *master_id; /* of a merged record: the survivor, or NULL */
	char *owner_id;
	char *modified_by_id;
	bool modified_by_us; /* the user our token signs in as */
	char *created_by_id;
	bool created_by_us;
	int64_t created;  /* ns since the epoch by the CRM's clock, 0 when unknown */
	char *account_id; /* of the account it belongs to, or NULL */
	char *token;	  /* the external id field's value, or NULL */
	char *unsupported; /* why the record is left alone (a series of Classic), or NULL: it is shown
			    * to be matched against, but neither imported, linked nor written */
	json_t *fields; /* flat object { field name: value } of the table's rows; empty ones absent */
	json_t *unread; /* array: names of rows that have a value which our user may not see, or that
			 * cannot be read; or NULL */
	json_t *emails; /* array: addresses of every e-mail field of the object, rows or not, in lower
			 * case; or NULL */
};

struct crm_page {
	struct crm_record *records;
	size_t n;
	char *cursor; /* to continue from: the greatest SystemModstamp shown, with a locator inside a
		       * pull of several pages; opaque to the hub */
	bool last;
};

enum crm_op_type { CRM_CREATE, CRM_UPDATE, CRM_DELETE };

struct crm_op {
	const char *id;	      /* update, delete */
	const char *version;  /* update: SystemModstamp it is guarded by */
	const char *token;    /* create: I1 */
	const char *owner_id; /* create: the mailbox's CRM user, or NULL */
	const char *
		account_id; /* create, update: the account it is to belong to, or NULL: as it is.  It
				 * stands for the FIELD_REFERENCE row, which is not sent itself */
	const json_t *fields; /* create, update: the whole projection */
	const json_t
		*changed; /* update: array of names to send; names absent from fields are emptied */

	char *new_id; /* create (or the existing one of an upsert); owned by the op */
	bool created; /* create: a new record, not an upsert onto an existing one */
	/* Create, update that went well: names that did not arrive with it (exceptions of a series: an
	 * array, owned by the op, or NULL), and why.  They may include ones that were not in `changed`
	 * and that the write made the CRM forget. */
	json_t *left;
	struct error left_error;
	struct error error; /* ERR_CONFLICT: newer there; ERR_NOT_FOUND: gone or out of view */
};

/* What is known about the accounts of one name. */
struct crm_account {
	char *id;    /* the one that is meant, or NULL: none, or it is open which */
	size_t hits; /* how many have the name */
};

struct crm_driver {
	const char *name;	    /* "salesforce" */
	const char *account_prefix; /* the ids of accounts begin so; NULL: it cannot be told */
	/* The id that an administrator's text means, as answers have it.  New string; NULL: it is none. */
	char *(*record_id)(const char *text);

	int (*open)(struct crm **out, const struct crm_options *options, struct error *err);
	void (*close)(struct crm *crm);
	void (*cancel)(struct crm *crm);
	unsigned int (*back_off_left)(struct crm *crm); /* ms */
	int (*test)(struct crm *crm, struct error *err);

	/* Reads the object's description once (lengths, readable, writable) and hands out the table
	 * fitted to it.  The table lives as long as the crm. */
	int (*fields)(
		struct crm *crm, enum item_kind kind, struct field_table *table, struct error *err);

	/* Are creates of this kind upserts by the external id field, which its object has?  After
	 * fields(). */
	bool (*upserts)(struct crm *crm, enum item_kind kind);

	/* One page of what changed since cursor (NULL: everything), deleted ones included.  Not
	 * filtered by owner; with an overlap, so records are seen again. */
	int (*pull)(struct crm *crm, enum item_kind kind, const char *cursor, struct crm_page *page,
		struct error *err);

	/* Records by id; those out of view are missing from the result. */
	int (*get)(struct crm *crm, enum item_kind kind, const char *const *ids, size_t n,
		struct crm_record **records, size_t *found, struct error *err);

	/* Live records of which an e-mail field equals one of these addresses (normalised). */
	int (*match_emails)(struct crm *crm, enum item_kind kind, const char *const *addresses,
		size_t n, struct crm_record **records, size_t *found, struct error *err);

	/* Live records of this owner that equal one of the projections in every row with FIELD_MATCH
	 * (an event: its start and subject).  NULL for a driver whose tables have no such row. */
	int (*match_fields)(struct crm *crm, enum item_kind kind, const char *owner_id,
		const json_t *const *projections, size_t n, struct crm_record **records,
		size_t *found, struct error *err);

	/* One page of the accounts that changed since cursor, deleted ones included; their `fields` are
	 * {"Name"}.  A NULL cursor gives none, only the cursor to begin with.  NULL: no accounts. */
	int (*pull_accounts)(
		struct crm *crm, const char *cursor, struct crm_page *page, struct error *err);

	/* Accounts by name, compared as the CRM compares names.  Of several, the only one that this CRM
	 * user (or NULL) can see is meant.  accounts[i] belongs to names[i]; the caller frees the ids. */
	int (*match_accounts)(struct crm *crm, const char *user_id, const char *const *names,
		size_t n, struct crm_account *accounts, struct error *err);

	/* Leads that have one of these addresses, and were not converted: an object of address -> array
	 * of ids.  NULL: no leads. */
	int (*match_leads)(struct crm *crm, const char *const *addresses, size_t n, json_t **found,
		struct error *err);

	/* The names among `fields` that write sends in requests after the first (exceptions of a series),
	 * those included that the first makes the CRM forget: they belong to the intent (I12).  New
	 * array, or NULL: none.  NULL: there are no such requests. */
	json_t *(*later)(enum crm_op_type type, enum item_kind kind, const json_t *fields,
		const json_t *changed);

	/* Writes of one type, batched inside (collections of 200).  When the call fails as a whole,
	 * ops whose fate is unknown have ERR_LOST, ops not sent ERR_UNSENT. */
	int (*write)(struct crm *crm, enum item_kind kind, enum crm_op_type type,
		struct crm_op *ops, size_t n, struct error *err);

	/* User ids for mailbox addresses: ids[i] is a new string or NULL. */
	int (*find_users)(struct crm *crm, const char *const *addresses, size_t n, char **ids,
		struct error *err);

	/* The time zone that this user has chosen in the CRM, a name of the tz database (new string);
	 * NULL: none that is known.  NULL as a call: the CRM does not tell. */
	int (*user_time_zone)(struct crm *crm, const char *user_id, char **zone, struct error *err);

	/* Requests left today, or -1 when unknown. */
	long (*requests_left)(struct crm *crm);
};

/* E-mail addresses of a record's fields, as the driver's table names them, for the hub's matching:
 * rows whose path begins with "emails/". */

void crm_record_clear(struct crm_record *record);
void crm_records_free(struct crm_record *records, size_t n);
void crm_page_clear(struct crm_page *page);
void crm_op_clear(struct crm_op *op); /* the out part only */

#endif
