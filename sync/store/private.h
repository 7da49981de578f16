/* What the files of the store share: connections, queries and rows.  Nobody else includes this
 * (but the store's own tests).
 *
 * A query is opened on the connection that the calling thread has to use: the writer inside its
 * transaction, else its own read connection.  Errors are sticky: a query that could not be opened
 * takes binds and answers its error when it is run, so that callers check once:
 *
 *	struct query q QUERY_END = query_write(store, "DELETE FROM folder WHERE ino = ?", err);
 *
 *	query_int(&q, ino);
 *	return query_run(&q);
 *
 * The SQL text must be a literal: statements are kept per connection under its address. */
#ifndef SYNC_STORE_PRIVATE_H
#define SYNC_STORE_PRIVATE_H

#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stddef.h>

#include "sync/store/store.h"

#define NS_PER_S   INT64_C(1000000000)
#define NS_PER_DAY (86400 * NS_PER_S)

/* ---- numbers counted in memory: open writers, changes already noted ------------------------- */

struct counter_slot {
	uint64_t key; /* 0: free */
	size_t count;
};

/* Open addressing, linear probing; keys are never 0. */
struct counter {
	struct counter_slot *slots;
	size_t cap, used;
};

size_t counter_add(struct counter *c, uint64_t key); /* the count it now has */
void counter_drop(struct counter *c, uint64_t key);
size_t counter_get(const struct counter *c, uint64_t key);
void counter_free(struct counter *c);

/* ---- store and connections ------------------------------------------------------------------ */

struct statement {
	const char *sql; /* address of the literal; NULL: free */
	sqlite3_stmt *stmt;
};

struct connection {
	struct store *store;
	sqlite3 *db;
	struct statement *statements; /* open addressing by address */
	size_t cap, used;
	struct connection *prev, *next; /* in store->readers */
};

struct change_list {
	struct store_change *list;
	size_t n, cap;
	struct counter seen; /* CHANGE_INODE and CHANGE_DIRECTORY already in the list */
};

/* Records of former states (store_past.c): a ring of the last ones. */
#define PAST_KEPT ((size_t)8192)

struct past {
	pthread_mutex_t lock; /* ring, next, forgotten */
	struct store_past *ring;
	uint64_t next;	    /* records ever put into the ring */
	uint64_t forgotten; /* records that held until this commit or an earlier one are gone */
	struct store_past *pending; /* of the open transaction */
	size_t n_pending, cap_pending;
};

struct store {
	char *dir;
	char *path; /* of the database */
	int dir_fd, lock_fd, wal_fd;
	bool rebuilt;
	atomic_bool damaged; /* SQLite met a damaged page: checked at the next open */
	void (*damage_tell)(void *data);
	void *damage_data;

	/* The writer and who has it.  Turns are taken in order of arrival, so that a file operation
	 * is not starved by a cycle that commits page after page. */
	pthread_mutex_t gate;
	pthread_cond_t turn;
	uint64_t ticket, serving; /* under gate */
	atomic_ulong owner;	  /* pthread_t of the transaction's thread, 0: none */
	struct connection *writer;
	enum store_durability level; /* of PRAGMA synchronous now */
	enum store_origin origin;
	const char *transaction; /* name of the open one, or of the last */
	struct error broken;	 /* why the open transaction cannot be committed any more */
	struct change_list changes;
	store_listener *listener; /* under gate */
	void *listener_data;

	pthread_key_t reader_key;
	pthread_mutex_t readers_lock;
	struct connection *readers;

	atomic_int_least64_t last_now;
	atomic_uint_least64_t commits;
	struct past past;
	pthread_mutex_t writers_lock;
	struct counter writers; /* inodes open for writing */
};

/* Does the calling thread hold the transaction? */
bool store_in_transaction(struct store *store);

/* A connection of its own with the store's settings; the caller closes it. */
int connection_open(struct store *store, bool writer, struct connection **out, struct error *err);
void connection_close(struct connection *c);
/* The one to read with, now, in this thread. */
struct connection *connection_reader(struct store *store, struct error *err);

/* Runs SQL without parameters or results of interest. */
int connection_exec(struct connection *c, const char *sql, struct error *err);
/* Fills err from the connection's last error; notes damage. */
int connection_error(struct connection *c, int rc, struct error *err);

/* Tables and indexes: makes or migrates them.  ERR_INVALID when a newer program made the file. */
int schema_prepare(struct connection *c, struct error *err);

/* ---- queries -------------------------------------------------------------------------------- */

struct query {
	struct connection *conn;
	sqlite3_stmt *stmt;
	struct error *err;
	int failed; /* error code, sticky */
	int param, column;
	bool write;
};

#define QUERY_END __attribute__((cleanup(query_end)))

struct query query_read(struct store *store, const char *sql, struct error *err);
/* Fails with ERR_INTERNAL outside a transaction of this thread. */
struct query query_write(struct store *store, const char *sql, struct error *err);
void query_end(struct query *q);

/* Binds the next parameter.  Text and bytes must live until query_end; NULL binds NULL. */
void query_int(struct query *q, int64_t value);
void query_text(struct query *q, const char *text);
void query_bytes(struct query *q, const void *bytes, size_t len);
void query_json(struct query *q, const json_t *json);

/* Steps: 1 a row, 0 no more, negative error. */
int query_row(struct query *q);
/* Steps to the end; query_run1 requires that a row was changed (ERR_NOT_FOUND "no such WHAT"). */
int query_run(struct query *q);
int query_run1(struct query *q, const char *what);

/* The next column of the row.  Text and JSON are new. */
int64_t column_int(struct query *q);
char *column_text(struct query *q);
json_t *column_json(struct query *q);

/* All rows' first column as a new array (NULL when none); ids points to an int64_t * or
 * uint64_t *. */
int query_ids(struct query *q, void *ids, size_t *n);
/* The first column of the one row expected; 0 when there is none. */
int query_count(struct query *q, uint64_t *count);

/* JSON as it is stored: compact, keys sorted, so that equal documents are equal texts.  New. */
char *json_text(const json_t *json);

/* ---- rows: one list of fields a struct gives columns, binds, reads and frees ---------------- */

enum column_type {
	INTEGER, /* any integer, enum or bool */
	TEXT,	 /* char * */
	NAME,	 /* char[256] */
	JSON,	 /* json_t * */
};

struct column {
	size_t offset, size;
	enum column_type type;
};

struct table {
	const char *what; /* for "no such WHAT" */
	size_t size;	  /* of the struct */
	const struct column *columns;
	size_t n;
};

/* Used with a list `#define THING_FIELDS(X, T) X(T, field, TYPE) ...` that leaves out the first
 * column, the key. */
#define FIELD_COLUMN(type_, field, kind)                                                           \
	{ offsetof(type_, field), sizeof(((type_ *)0)->field), kind },
#define FIELD_NAME(type_, field, kind)	   ", " #field
#define FIELD_MARK(type_, field, kind)	   ", ?"
#define FIELD_EXCLUDED(type_, field, kind) ", " #field " = excluded." #field

/* A field that was added to the struct and not to the list would be lost in silence: the list, made
 * a struct again (`rest`: members it leaves out), must have the struct's size. */
/* NOLINTBEGIN(bugprone-macro-parentheses): members of a struct cannot be enclosed. */
#define FIELD_MEMBER(type_, field, kind) __typeof__(((type_ *)0)->field) field;
#define FIELDS_ARE_ALL(type_, key, FIELDS, rest)                                                   \
	_Static_assert(sizeof(struct { FIELD_MEMBER(type_, key, INTEGER) FIELDS(FIELD_MEMBER)      \
				       rest }) == sizeof(type_),                                   \
		"a field of " #type_ " has no column")
/* NOLINTEND(bugprone-macro-parentheses) */

/* Binds all columns in order; a key of 0 as NULL, so that SQLite gives the next number. */
void row_bind(struct query *q, const struct table *table, const void *row);
/* Reads the present row; on failure the struct is cleared. */
int row_read(struct query *q, const struct table *table, void *row);
void row_clear(const struct table *table, void *row);
/* Steps once and reads: ERR_NOT_FOUND "no such WHAT" (the struct is then empty). */
int row_one(struct query *q, const struct table *table, void *row);
/* Steps through all: a new array. */
int row_all(struct query *q, const struct table *table, void *rows, size_t *n);
void rows_free(const struct table *table, void *rows, size_t n);

/* ---- salvage ---------------------------------------------------------------------------------- */

/* Takes over what can be read of the database at `path`, in one durable transaction, and notes that under
 * STORE_REBUILT; aside: the file name that the damaged one is going to have. */
#define STORE_REBUILT "rebuilt"
int salvage_run(struct store *store, const char *path, const char *aside, struct error *err);

/* ---- between the files ---------------------------------------------------------------------- */

/* The bytes alone: size and times of the node are the caller's. */
int content_put(
	struct store *store, uint64_t ino, const char *bytes, size_t len, struct error *err);
/* The file changed: moves its directory's times and notes both for the listener. */
int node_touched(struct store *store, uint64_t ino, struct error *err);

/* The addresses in item->doc, in the place of those that were kept. */
int emails_save(struct store *store, const struct store_item *item, struct error *err);

/* How a shadow's `theirs` is stored when it equals `ours`. */
#define SAME_AS_OURS "="

/* ---- former states of items ------------------------------------------------------------------- */

void past_open(struct store *store);
void past_close(struct store *store);
/* In a transaction, before the change: the item was at this rev, its file had this number. */
void past_note(struct store *store, int64_t item, uint64_t ino, int64_t rev);
void past_commit(struct store *store, uint64_t commits);
void past_rollback(struct store *store);

/* ---- changes told to the listener ----------------------------------------------------------- */

/* Notes are kept only in a STORE_REMOTE transaction, or when `always`. */
void change_entry(
	struct store *store, bool always, uint64_t parent, const char *name, uint64_t ino);
void change_inode(struct store *store, uint64_t ino);
void change_directory(struct store *store, bool always, uint64_t ino);
void change_list_free(struct change_list *changes);

#endif
