/* What the files of the Salesforce driver share.  See salesforce.h. */
#ifndef CRM_PRIVATE_H
#define CRM_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "crm/salesforce.h"
#include "sync/buf.h"
#include "sync/http/http.h"

#define SALESFORCE_PATH	      "/services/data/v66.0"
#define SALESFORCE_QUERY_MAX  (100u * 1024)
#define SALESFORCE_ANSWER_MAX (32u * 1024 * 1024)
#define SALESFORCE_COLLECTION 200  /* records in one sObject Collections request */
#define SALESFORCE_COMPOSITE  25   /* subrequests of one composite request */
#define SALESFORCE_IN_BYTES   6000 /* of values in one IN (...), escaped: URIs end at 16 KiB */
#define SALESFORCE_OVERLAP_S  600  /* design section 7 */

/* A string member of a record or answer, or NULL; a boolean one that is true. */
static inline const char *member(const json_t *object, const char *name)
{
	return json_string_value(json_object_get(object, name));
}

static inline bool is_true(const json_t *object, const char *name)
{
	return json_is_true(json_object_get(object, name));
}

struct salesforce_object;

/* How an object is mapped, whatever the org: one for each kind of item. */
struct salesforce_spec {
	const char *name; /* "Contact" */
	enum item_kind kind;
	const struct field *rows;
	const size_t *n_rows;
	const char *extra; /* ",Field,Field": queried besides the rows; they exist in every org */
	const char *hint;  /* what to do when a required field is missing */
	/* The rest may be NULL. */
	/* The values of the table's rows, of a record as the server shows it (new reference). */
	json_t *(*read)(const struct salesforce_object *object, const json_t *row);
	/* Why the record is left alone, or NULL. */
	const char *(*unsupported)(const json_t *row);
	/* Puts what the names of `changed` (NULL: all) have in the projection into the record that
	 * is sent; rows without this go as they are. */
	void (*write)(const struct salesforce_object *object, const json_t *fields,
		const json_t *changed, json_t *record);
	/* Why this cannot be sent. */
	int (*check)(const struct crm_op *op, struct error *err);
	/* The rows of an answer before they are read: takes out and completes.  May ask the org. */
	int (*fold)(struct crm *crm, const struct salesforce_object *object, json_t *rows,
		struct error *err);
	/* What a write needs besides the record itself, after it was answered well. */
	void (*after_write)(struct crm *crm, const struct salesforce_object *object,
		enum crm_op_type type, struct crm_op **ops, size_t n);
	/* A value of the row that records are looked for by, as SOQL's literal. */
	void (*literal)(struct buf *out, const json_t *value);
	const char *match_by; /* that row's name */
};

/* An object as the org describes it. */
struct salesforce_object {
	const struct salesforce_spec *spec;
	const char *name;   /* "Contact" */
	struct field *rows; /* names are those of the static table */
	size_t n_rows;
	char **emails; /* API names of every e-mail field */
	size_t n_emails;
	bool has_account, has_master, has_owner; /* fields that may be absent or hidden */
	char *token_field;			 /* the external id field, or NULL */
};

struct crm {
	struct http *http;
	char *login_url; /* without a slash at the end */
	char *client_id, *client_secret;
	char *external_id_field;
	unsigned int daily_reserve;

	pthread_mutex_t lock; /* the session */
	char *token;	      /* NULL: not signed in */
	char *instance_url;
	char *user_id;
	unsigned int session;	   /* counts sign-ins */
	unsigned int strikes;	   /* REQUEST_LIMIT_EXCEEDED in a row */
	int64_t left_seen;	   /* when requests_left was learnt, s monotonic */
	atomic_long requests_left; /* -1: unknown */
	atomic_int guard;	   /* enum salesforce_guard */

	pthread_mutex_t describe_lock;
	struct salesforce_object *objects[ITEM_KINDS]; /* NULL until described */
	struct salesforce_object
		*lead; /* likewise; without e-mail fields: not there, or not ours */
};

/* ---- salesforce_text.c ------------------------------------------------------------------------ */

/* 15 or 18 letters and digits: only such an id goes into a URL or a query. */
bool salesforce_is_id(const char *id);
/* An id of 15 characters, which differ in case, as the 18 that answers have: three more say which of each
 * five are capitals (Salesforce Help, "Record IDs").  New string; NULL: it is no id. */
char *salesforce_record_id(const char *text);
/* A value inside quotes in SOQL (SOQL and SOSL Reference, "Quoted String Escape Sequences"). */
void salesforce_add_quoted(struct buf *out, const char *value);
/* Percent-encoded for a query string. */
void salesforce_add_encoded(struct buf *out, const char *text);
/* "2026-11-22T02:45:00.000+0000" (or Z, +00:00) to ms since the epoch. */
bool salesforce_parse_stamp(const char *text, int64_t *ms);
/* "2026-11-22T02:45:00Z", as SOQL takes it. */
void salesforce_format_stamp(int64_t seconds, char out[32]);
/* IMF-fixdate of RFC 9110, independent of the locale. */
void salesforce_format_http_date(int64_t seconds, char out[40]);
/* Without blanks around it; new string. */
char *salesforce_trim(const char *text);
/* Lower case, ASCII only, blanks around cut off; new string. */
char *salesforce_fold(const char *text);
/* A name as Salesforce compares names: case folded in all of Unicode, blanks around cut off; new string,
 * "" for NULL. */
char *salesforce_fold_name(const char *text);

/* ---- salesforce_answer.c ---------------------------------------------------------------------- */

/* The errors of an answer or of one result ([{errorCode or statusCode, message, fields}]) as one
 * error of ours.  `code` gets the first code's name ("" when there is none). */
enum salesforce_where { SALESFORCE_READ, SALESFORCE_CREATING, SALESFORCE_CHANGING };
int salesforce_read_errors(const json_t *errors, int status, enum salesforce_where where,
	char code[64], struct error *err);

/* A text value as the hub holds it: LF line ends; NULL when it is empty. */
json_t *salesforce_text_value(const json_t *row, const char *name);

/* A page of query results.  *next is the locator of the next page or NULL.  ERR_REMOTE when the
 * answer is not what a query answers. */
int salesforce_read_page(const json_t *answer, const struct salesforce_object *object,
	const char *our_user, struct crm_record **records, size_t *n, char **next,
	struct error *err);

/* A new string, when the text is the locator of a next page; else ERR_REMOTE. */
int salesforce_take_locator(const char *text, char **locator, struct error *err);

/* Results of a collections request, one for each of the n ops in order.  ERR_LOST when the answer is
 * not that: then nothing is known about any of them.  Ops get new_id, created, error. */
int salesforce_read_results(const json_t *answer, enum crm_op_type type, struct crm_op **ops,
	size_t n, struct error *err);
/* The same for a composite of PATCH subrequests with the reference ids "r0", "r1" ... */
int salesforce_read_composite(
	const json_t *answer, struct crm_op **ops, size_t n, struct error *err);

/* The description of an object.  token_field may be NULL. */
int salesforce_read_describe(const json_t *answer, const struct salesforce_spec *spec,
	const char *token_field, struct salesforce_object **out, struct error *err);
/* No more of it than its e-mail fields. */
int salesforce_read_emails_describe(
	const json_t *answer, const char *name, struct salesforce_object **out, struct error *err);
void salesforce_object_free(struct salesforce_object *object);

/* ---- salesforce_fields.c ---------------------------------------------------------------------- */

extern const struct field salesforce_contact_rows[];
extern const size_t salesforce_contact_n;
/* As much of Account as is pulled. */
extern const struct salesforce_object salesforce_account;
/* NULL for a kind that is not synced. */
const struct salesforce_spec *salesforce_spec(enum item_kind kind);
/* The kind's object, described once; it lives as long as the crm.  *object is NULL for a kind that
 * is not synced. */
int salesforce_object(struct crm *crm, enum item_kind kind, const struct salesforce_object **object,
	struct error *err);

/* ---- salesforce_event.c, salesforce_task.c ---------------------------------------------------- */

extern const struct salesforce_spec salesforce_event, salesforce_task;

/* ---- salesforce_session.c --------------------------------------------------------------------- */

struct salesforce_call {
	const char *method;
	const char *path;      /* "/services/data/..." with the query string */
	const json_t *body;    /* or NULL */
	const char *operation; /* for messages and recordings: "query" */
	enum salesforce_where where;
	bool beyond_reserve; /* may go when only the reserve is left */

	int status;	/* 0: no answer */
	json_t *answer; /* new reference, or NULL for an empty body */
};

/* Signs in when needed, sends, reads the JSON.  0 for a status below 300; else the errors of the
 * answer, ERR_UNSENT ..., for a write ERR_LOST when it may have been applied (5xx, garbage). */
int salesforce_send(struct crm *crm, struct salesforce_call *call, struct error *err);
/* Copy of our user's id, "" when unknown. */
char *salesforce_user_id(struct crm *crm);
/* Forgets and wipes the session. */
void salesforce_sign_out(struct crm *crm);

/* ---- salesforce_query.c ----------------------------------------------------------------------- */

/* Sends a query ("query", or "queryAll": deleted records too), or fetches the page at `locator`.
 * *answer is a new reference. */
int salesforce_ask(struct crm *crm, const char *resource, const struct buf *soql,
	const char *locator, json_t **answer, struct error *err);
/* All rows of a query, whatever the number of pages: a new array. */
int salesforce_ask_all(struct crm *crm, const char *resource, const struct buf *soql, json_t **rows,
	struct error *err);
/* "SELECT ... FROM object" with all that a record is read from. */
void salesforce_add_select(struct buf *soql, const struct salesforce_object *object);
/* Adds "('a','b',...)" until what one query may hold is used up; how many were taken. */
size_t salesforce_add_values(struct buf *in, const char *const *values, size_t n);

/* ---- salesforce_query.c, salesforce_related.c, salesforce_write.c: rows of the driver ------------------------------- */

int salesforce_pull(struct crm *crm, enum item_kind kind, const char *cursor, struct crm_page *page,
	struct error *err);
int salesforce_get(struct crm *crm, enum item_kind kind, const char *const *ids, size_t n,
	struct crm_record **records, size_t *found, struct error *err);
int salesforce_match_emails(struct crm *crm, enum item_kind kind, const char *const *addresses,
	size_t n, struct crm_record **records, size_t *found, struct error *err);
int salesforce_pull_accounts(
	struct crm *crm, const char *cursor, struct crm_page *page, struct error *err);
int salesforce_match_accounts(struct crm *crm, const char *user_id, const char *const *names,
	size_t n, struct crm_account *accounts, struct error *err);
int salesforce_match_leads(
	struct crm *crm, const char *const *addresses, size_t n, json_t **found, struct error *err);
int salesforce_match_fields(struct crm *crm, enum item_kind kind, const char *owner_id,
	const json_t *const *projections, size_t n, struct crm_record **records, size_t *found,
	struct error *err);
int salesforce_user_time_zone(struct crm *crm, const char *user_id, char **zone, struct error *err);
int salesforce_find_users(
	struct crm *crm, const char *const *addresses, size_t n, char **ids, struct error *err);
int salesforce_write(struct crm *crm, enum item_kind kind, enum crm_op_type type,
	struct crm_op *ops, size_t n, struct error *err);

/* ---- salesforce_guard.c ----------------------------------------------------------------------- */

/* Does the org heed If-Unmodified-Since in the subrequests of a composite? */
enum salesforce_guard {
	SALESFORCE_GUARD_UNKNOWN,
	SALESFORCE_GUARD_HEEDED,
	SALESFORCE_GUARD_IGNORED
};

/* A subrequest that changes nothing and tells: it reads the record if it is unmodified since 1970. */
json_t *salesforce_guard_probe(const struct salesforce_object *object, const char *id);
void salesforce_guard_learn(struct crm *crm, const json_t *subresult);
/* Reads the stamps of these updates' records; ops whose version is not the record's get ERR_CONFLICT.
 * Nothing is sent to be written: an error is that of a read. */
int salesforce_guard_read(struct crm *crm, const struct salesforce_object *object,
	struct crm_op **ops, size_t n, struct error *err);

/* {"since", "greatest", "locator"}: where a pull stands.  NULL text is the start. */
struct salesforce_cursor {
	char *since;	/* greatest stamp of the last whole pull, or NULL */
	char *greatest; /* greatest stamp shown so far, or NULL */
	char *locator;	/* next page, or NULL */
};
int salesforce_cursor_parse(struct salesforce_cursor *cursor, const char *text, struct error *err);
char *salesforce_cursor_text(const struct salesforce_cursor *cursor);
void salesforce_cursor_clear(struct salesforce_cursor *cursor);

#endif
