/* The simulated Salesforce, inside.  See sim.h for what the rest of the simulator may call.
 *
 *   sf.c            start, sign-in of a request, answer; seeding and the dump
 *   sf_auth.c       OAuth tokens, userinfo, identity
 *   sf_route.c      the table of resources, one call from URL to result
 *   sf_objects.c    User, Account, Contact, Lead, UserRecordAccess: the tables of their fields
 *   sf_activity.c   Event, Task, EventRelation: the tables of their fields, and the rules of a save
 *   sf_series.c     event series: a row for each occurrence, and what a change does to them
 *   sf_invite.c     invitees of an event: their own copies
 *   sf_store.c      records: ids, undo, the index of unique values
 *   sf_value.c      one value: checked and normalised on its way in
 *   sf_save.c       one record: create, update, delete, with rules, flows and system fields
 *   sf_soql.c       SOQL to a tree;  sf_eval.c: the tree against a record, ordering
 *   sf_query.c      query, queryAll, query locators, the JSON of a record
 *   sf_access.c     UserRecordAccess
 *   sf_rows.c       sObject rows, upsert by external id, updated and deleted
 *   sf_collections.c  sObject Collections
 *   sf_composite.c  composite and batch
 *   sf_describe.c   describe, limits, versions
 *   sf_act.c        /sim/sf/...: what others do
 *
 * Names, codes and wording follow Salesforce's REST API Developer Guide and what the servers are
 * known to answer. */
#ifndef TESTS_SIM_SF_H
#define TESTS_SIM_SF_H

#include "tests/sim/sim.h"

#define SF_VERSION	  66
#define SF_VERSION_OLDEST 31
#define SF_ORG		  "00D5g000001TandEAE"
#define SF_ID_LEN	  18
#define SF_COLLECTION_MAX 200
#define SF_COMPOSITE_MAX  25
#define SF_PAGE_MAX	  2000
#define SF_PAGE_MIN	  200
#define SF_URI_MAX	  16384
#define SF_QUERY_MAX	  100000
#define SF_CURSORS	  50

enum sf_type {
	SF_ID,
	SF_REFERENCE,
	SF_STRING,
	SF_TEXTAREA,
	SF_EMAIL,
	SF_PHONE,
	SF_URL,
	SF_PICKLIST,
	SF_COMBOBOX,
	SF_BOOLEAN,
	SF_INT,
	SF_DOUBLE,
	SF_CURRENCY,
	SF_DATE,
	SF_DATETIME,
	SF_ADDRESS, /* compound: its parts have the name's prefix */
};

enum sf_flag {
	SF_CREATE = 1,
	SF_UPDATE = 2,
	SF_REQUIRED = 4, /* not nillable and without a default */
	SF_NOT_NULL = 8, /* not nillable, but filled by the server */
	SF_CALCULATED = 16,
	SF_UNIQUE = 32, /* external id, unique, not case-sensitive */
	SF_IDLOOKUP = 64,
	SF_CUSTOM = 128,
	SF_NAME = 256,	 /* the object's name field */
	SF_HIDDEN = 512, /* the integration user may not read it (field-level security) */
	SF_NOFILTER = 1024,
	SF_RESTRICTED = 2048, /* picklist: values outside the list are refused */
	SF_WRITE = SF_CREATE | SF_UPDATE,
};

struct sf_field {
	const char *name, *label;
	enum sf_type type;
	int length; /* characters; 0 where there is none */
	unsigned int flags;
	const char *refers;	  /* reference: the object, or several separated by '|' */
	const char *relationship; /* reference: "Account" for AccountId */
	const char *values;	  /* picklist: separated by '|' */
};

struct sf;
struct sf_save;
struct sf_table;
struct sf_record;

/* What an object does on a save besides what all do; each may be NULL.  Functions that answer errors
 * answer NULL when there are none. */
struct sf_rules {
	/* Values that a new record has before the input is applied. */
	void (*defaults)(struct sf *sf, const struct sf_save *how, json_t *fields);
	/* Checks and completes `fields`; `before` is NULL on an insert. */
	json_t *(*check)(struct sf *sf, const struct sf_save *how, const json_t *before,
		const json_t *input, json_t *fields);
	/* What a saved record, or one that goes to the recycle bin, does to others. */
	json_t *(*saved)(struct sf *sf, const struct sf_save *how, struct sf_record *record,
		const json_t *before, const json_t *input);
	json_t *(*deleted)(struct sf *sf, const struct sf_save *how, struct sf_record *record);
};

/* An object as it is written in the source. */
struct sf_object {
	const char *name, *label, *plural, *prefix;
	const struct sf_field *fields;
	size_t n_fields;
	bool has_trash;
	const struct sf_rules *rules; /* or NULL */
};

struct sf_record {
	struct sf_table *table;
	char id[SF_ID_LEN + 1];
	json_t *fields; /* stored fields with a value; values are never changed in place */
	bool deleted;	/* in the recycle bin */
	bool purged;	/* gone, or never committed */
	json_t *hidden; /* set of ids of users it is not shared with, or NULL */
};

/* An object and its records. */
struct sf_table {
	const char *name, *label, *plural, *prefix;
	struct sf_field *fields; /* own copy: tests add custom fields and change rights */
	size_t n_fields;
	bool has_trash, has_owner;
	bool forbidden; /* our profile has no right to it: as if the org had no such object */
	const struct sf_rules *rules; /* or NULL */
	struct sf_record **rows;      /* the position is the number in the id */
	size_t n, cap;
	json_t *unique; /* lower-case value -> position, of the unique field */
};

struct sf_undo;
struct sf_cursor;

struct sf {
	struct sim *sim;
	struct sf_table *tables;
	size_t n_tables;
	json_t *tokens;	 /* access token -> user id */
	json_t *logins;	 /* username -> {"id", "password"} */
	json_t *strings; /* everything that must live as long as sf: custom field names */
	char *client_id, *client_secret, *token;
	unsigned int last_token, last_cursor;
	const char *api_user; /* id of the integration user: the first one seeded */
	bool seeding;

	json_t *flows;	 /* array of {"object", "field", "action", "value"} */
	json_t *pending; /* transactions begun by /sim/sf/begin */
	bool duplicate_rule;
	bool ignores_conditions; /* If-Unmodified-Since is not heeded in composite subrequests */
	bool multi_day;		 /* Activity Settings: Enable Multiday Events */
	bool series_new_record;	 /* a recreated series gets a new series record, too */
	unsigned int last_series;
	json_int_t limit, used;

	struct sf_undo *undo; /* what a rollback restores; NULL outside a transaction */
	struct sf_cursor *cursors[SF_CURSORS];
	int64_t stamp; /* seconds: stamps of what is saved now; 0: the clock */
};

/* One request, or one subrequest of composite: the URL taken apart, and the result. */
struct sf_call {
	struct sf *sf;
	const struct sim_request *req;
	const char *method;
	char **segments; /* decoded, after /services/data/vNN.0 */
	size_t n_segments;
	json_t *params;
	const json_t *body; /* parsed, or NULL */
	const char *user;   /* id of who is signed in */
	int version;
	bool nested;

	int status;
	json_t *result; /* NULL: an empty body */
	json_t *headers;
	const char *operation;
	bool is_write;
};

/* sf_route.c */
void sf_route(struct sf_call *call);
const char *sf_param(const struct sf_call *call, const char *name);
void sf_header(struct sf_call *call, const char *name, const char *value);
/* Fails the call with an array of errors (stolen); the status is that of the first one's code. */
void sf_fail(struct sf_call *call, json_t *errors);
char *sf_url(const struct sf_call *call, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* An array with one error: [{"message", "errorCode", "fields"?}].  field may be NULL. */
json_t *sf_error(const char *code, const char *field, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
int sf_error_status(const char *code);

/* sf_auth.c */
void sf_token(struct sf *sf, const struct sim_request *req, struct sim_response *resp);
void sf_identity(struct sf_call *call);
void sf_userinfo(struct sf_call *call);
const char *sf_issue_token(struct sf *sf, const char *user);
/* The user that the request's bearer token stands for, or NULL. */
const char *sf_signed_in(struct sf *sf, const struct sim_request *req);

/* sf_objects.c: fills sf->tables. */
void sf_objects_init(struct sf *sf);

/* sf_activity.c */
extern const struct sf_object sf_activity_objects[];
extern const size_t sf_activity_n_objects;
#define SF_EVENT_ALONE	"0" /* GroupEventType */
#define SF_EVENT_GROUP	"1"
#define SF_EVENT_SERIES "3"
json_int_t sf_int(const json_t *fields, const char *name);
bool sf_flag(const json_t *fields, const char *name);
/* Seconds of a dateTime field; false when it is empty. */
bool sf_time(const json_t *fields, const char *name, int64_t *seconds);
void sf_set_time(json_t *fields, const char *name, int64_t seconds);
/* Start, end and the dates of an event that begins then and lasts as `fields` says. */
void sf_place_event(json_t *fields, int64_t start);
void sf_row_delete_onwards(struct sf_call *call);

/* sf_series.c */
json_t *sf_series_check(
	struct sf *sf, const struct sf_save *how, const json_t *before, json_t *fields);
json_t *sf_series_saved(struct sf *sf, const struct sf_save *how, struct sf_record *record,
	const json_t *before, const json_t *input);
json_t *sf_series_deleted(struct sf *sf, const struct sf_save *how, struct sf_record *record);
/* Deletes the occurrences that begin at or after this one. */
json_t *sf_series_cut(struct sf *sf, const struct sf_save *how, struct sf_record *record);

/* sf_invite.c */
extern const struct sf_rules sf_relation_rules;
/* Follows a group event: its invitees' copies are as it is. */
json_t *sf_invite_saved(struct sf *sf, const struct sf_save *how, struct sf_record *event);
json_t *sf_invite_deleted(struct sf *sf, const struct sf_save *how, struct sf_record *event);

/* sf_store.c */
struct sf_table *sf_table_find(struct sf *sf, const char *name);
struct sf_table *sf_table_of_id(struct sf *sf, const char *id);
const struct sf_field *sf_field_find(const struct sf_table *table, const char *name);
/* Borrowed value, NULL when the field is empty.  Compound fields are not stored: sf_value_of(). */
json_t *sf_get(const struct sf_record *record, const char *field);
const char *sf_text(const struct sf_record *record, const char *field);
/* The record, also when deleted; NULL when the id is not known.  15 or 18 characters. */
struct sf_record *sf_find(struct sf *sf, const char *id);
struct sf_record *sf_find_unique(const struct sf_table *table, const char *value);
bool sf_id_valid(const char *id);
/* 15 characters to 18 with the checksum; out holds SF_ID_LEN + 1. */
void sf_id_full(const char *id, char *out);
struct sf_record *sf_insert(struct sf *sf, struct sf_table *table, json_t *fields /* stolen */);
/* Does `value` stand in a list separated by '|'?  Without regard to case. */
bool sf_in_list(const char *list, const char *value);
/* Replaces fields (stolen) and state, keeping the unique index; undone by a rollback. */
void sf_put(struct sf *sf, struct sf_record *record, json_t *fields, bool deleted);
void sf_purge(struct sf *sf, struct sf_record *record);
void sf_begin(struct sf *sf);
void sf_commit(struct sf *sf);
void sf_rollback(struct sf *sf);
void sf_tables_free(struct sf *sf);

/* sf_value.c.  The value as it is stored (new reference; json null for "empty"), or NULL and
 * *errors.  `create` tells whether it is an insert. */
json_t *sf_value_in(
	struct sf *sf, const struct sf_field *field, const json_t *value, json_t **errors);
/* Seconds since the epoch from Salesforce's or XML's dateTime; false when it is none. */
bool sf_parse_datetime(const char *text, int64_t *seconds);
bool sf_parse_date(const char *text);
void sf_format_datetime(int64_t seconds, char *out /* 32 bytes */);
bool sf_parse_http_date(const char *text, int64_t *seconds);

/* sf_save.c.  All return NULL, or the errors (new reference). */
struct sf_save {
	const char *user;
	bool allow_duplicates; /* Sforce-Duplicate-Rule-Header: allowSave=true */
	bool no_assignment;    /* Sforce-Auto-Assign: FALSE */
	bool mails;	       /* asks for mails to be sent */
	bool privileged;       /* another user or a trigger: no faults, sees everything */
	const char *operation; /* for faults of type sf-record */
};
struct sf_save sf_save_of(const struct sf_call *call);
json_t *sf_create(struct sf *sf, const struct sf_save *how, struct sf_table *table,
	const json_t *input, struct sf_record **out);
json_t *sf_update(
	struct sf *sf, const struct sf_save *how, struct sf_record *record, const json_t *input);
json_t *sf_delete(struct sf *sf, const struct sf_save *how, struct sf_record *record);
/* A change that the server makes by itself: rights and rules do not apply.  Takes the fields. */
void sf_change(struct sf *sf, const struct sf_save *how, struct sf_record *record, json_t *fields,
	bool deleted);
/* A new record of that kind; the system fields are filled in.  Takes the fields. */
struct sf_record *sf_add(
	struct sf *sf, const struct sf_save *how, struct sf_table *table, json_t *fields);
json_t *sf_undelete(struct sf *sf, const struct sf_save *how, struct sf_record *record);
/* Contact.Name and the like, from the parts. */
void sf_compute(const struct sf_table *table, json_t *fields);
/* Shall `record` be seen by this user? */
bool sf_visible(const struct sf *sf, const struct sf_record *record, const char *user);
int64_t sf_now(struct sf *sf); /* seconds */

/* sf_soql.c */
enum sf_op { SF_EQ, SF_NE, SF_LT, SF_LE, SF_GT, SF_GE, SF_LIKE, SF_IN, SF_NOT_IN };
enum sf_node { SF_AND, SF_OR, SF_NOT, SF_TEST };
#define SF_HOPS 5

struct sf_path {
	const struct sf_field *hops[SF_HOPS]; /* reference fields to follow */
	size_t n_hops;
	const struct sf_table *table; /* of the last field */
	const struct sf_field *field;
};

struct sf_expr {
	enum sf_node node;
	struct sf_expr *left, *right;
	struct sf_path path;
	enum sf_op op;
	json_t *values; /* array: one, or those of IN; strings in lower case, ids with 18 characters */
	json_t *set;	/* IN: value -> true */
	bool text;	/* compare without regard to case */
};

struct sf_order {
	struct sf_path path;
	bool descending, nulls_last;
};

struct sf_soql {
	struct sf_table *table;
	bool count;
	struct sf_path *select;
	size_t n_select;
	struct sf_expr *where; /* or NULL */
	struct sf_order *order;
	size_t n_order;
	long limit; /* -1: none */
	long offset;
};

struct sf_soql *sf_soql_parse(struct sf *sf, const char *text, json_t **errors);
void sf_soql_free(struct sf_soql *q);

/* sf_eval.c */
bool sf_matches(struct sf *sf, const struct sf_expr *expr, const struct sf_record *record);
/* Follows the hops; NULL when one is empty. */
const struct sf_record *sf_follow(
	struct sf *sf, const struct sf_path *path, const struct sf_record *record);
void sf_sort(struct sf *sf, const struct sf_soql *q, struct sf_record **rows, size_t n);

/* sf_query.c */
void sf_query(struct sf_call *call);
void sf_query_all(struct sf_call *call);
void sf_query_more(struct sf_call *call);
void sf_cursors_free(struct sf *sf);
/* A field as JSON answers show it (new reference), compound ones composed. */
json_t *sf_value_of(const struct sf_record *record, const struct sf_field *field);
/* The record with "attributes" and the given fields, or all that the integration user may read
 * when fields is NULL. */
json_t *sf_row(const struct sf_call *call, const struct sf_record *record,
	const struct sf_field *const *fields, size_t n);

/* sf_access.c: makes the rows that a query of UserRecordAccess asks for, and drops them. */
bool sf_is_access(const struct sf_table *table);
void sf_access_fill(struct sf *sf, const struct sf_soql *q, json_t **errors);
void sf_access_empty(struct sf_table *table);

/* Resources: sf_rows.c, sf_collections.c, sf_composite.c, sf_describe.c */
void sf_row_create(struct sf_call *call);
void sf_row_get(struct sf_call *call);
void sf_row_update(struct sf_call *call);
void sf_row_delete(struct sf_call *call);
void sf_row_get_external(struct sf_call *call);
void sf_row_upsert(struct sf_call *call);
void sf_row_delete_external(struct sf_call *call);
void sf_get_updated(struct sf_call *call);
void sf_get_deleted(struct sf_call *call);
/* Finds what an upsert means: 0, 1 or more hits; the first in *hit. */
size_t sf_match_external(struct sf *sf, const struct sf_table *table, const struct sf_field *field,
	const char *value, struct sf_record **hit, json_t *urls, const struct sf_call *call);
/* "Id,Name" to fields; NULL and *errors when one is not known.  The caller frees. */
const struct sf_field **sf_field_list(
	const struct sf_table *table, const char *names, size_t *n, json_t **errors);
void sf_collections_create(struct sf_call *call);
void sf_collections_update(struct sf_call *call);
void sf_collections_upsert(struct sf_call *call);
void sf_collections_delete(struct sf_call *call);
void sf_collections_retrieve(struct sf_call *call);
void sf_composite(struct sf_call *call);
void sf_batch(struct sf_call *call);
void sf_describe(struct sf_call *call);
void sf_describe_global(struct sf_call *call);
void sf_object_info(struct sf_call *call);
void sf_limits(struct sf_call *call);
void sf_resources(struct sf_call *call);
json_t *sf_versions(void);

#endif
