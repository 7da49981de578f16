/* Fields: one row each of the table that maps the canonical document to a remote.
 *
 * A side (Exchange, a CRM) describes each kind of item by a table of `struct field`.  A row names
 * the remote's field, the place in the canonical document and the conversion between the two.  The
 * hub never looks inside a document: it *projects* it through a side's table into a flat JSON
 * object { field name: value } and compares that with the shadow; it *applies* a pulled value by
 * the row's setter.  A field whose value is empty is absent from a projection.
 *
 * A row with FIELD_PER_KEY maps a set (`keywords`): it projects to one member a key,
 * "Categories/CRM": true, so that every key is merged on its own.  With FIELD_VALUES it maps a map,
 * and the member has the key's value: "Attendees/anna@corp.example": {"role": "required"}.
 *
 * A row with `apart` maps a value that is large, a photo: what is projected, compared and kept in
 * shadows is its digest.  The value itself, the *whole*, is read from the document and fetched from the
 * remote only where it is needed. */
#ifndef SYNC_FIELD_H
#define SYNC_FIELD_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "sync/error.h"

enum field_flags {
	FIELD_READ_ONLY = 1 << 0, /* pulled, never pushed */
	FIELD_PER_KEY = 1 << 1,	  /* a set; see above */
	FIELD_NAMING = 1 << 2,	  /* a name or subject: too long is an error, never cut */
	FIELD_REQUIRED = 1 << 3,  /* the remote refuses a create without it */
	FIELD_NO_ACCESS = 1 << 4, /* we may not read it: takes no part */
	FIELD_CREATE_ONLY = 1 << 5,
	FIELD_STAND_IN = 1 << 6,  /* `get` may answer a stand-in; see field_is_stand_in */
	FIELD_MATCH = 1 << 7,	  /* of a CRM: records that are alike in these rows are the same */
	FIELD_VALUES = 1 << 8,	  /* with FIELD_PER_KEY: a map, each key has a value of its own */
	FIELD_REFERENCE = 1 << 9, /* the name of another record, which is sent by its id */
	FIELD_FILLED = 1 << 10,	  /* sent without a value, it gets one there: no change of theirs */
};

struct field;

/* The conversion of a row.  Values are JSON strings (UTF-8, LF line ends), numbers or arrays. */
struct field_type {
	/* New reference to the value in doc, or NULL when it is empty.  For FIELD_PER_KEY: an
	 * object of key -> true, or of key -> value. */
	json_t *(*get)(const json_t *doc, const struct field *field);
	/* Makes doc hold `value` (NULL: removes it).  For FIELD_PER_KEY, value is true (or, with
	 * FIELD_VALUES, the key's) or NULL and `key` the key; otherwise key is NULL. */
	int (*set)(json_t *doc, const struct field *field, const char *key, const json_t *value,
		struct error *err);
	/* Are these two values one to the remote (names in other case)?  NULL: only equal ones are. */
	bool (*same)(const json_t *a, const json_t *b);
};

/* Of a row whose value is large: its type's `get` answers digest(whole), `set` takes the whole. */
struct field_apart {
	/* New reference, or NULL when it is empty. */
	json_t *(*whole)(const json_t *doc, const struct field *field);
	/* New reference: what stands for this whole; NULL when the row can hold no such value. */
	json_t *(*digest)(const json_t *whole);
};

struct field {
	const char *name; /* the remote's name, the shadow's key: "GivenName", "EmailAddress1" */
	const char *path; /* place, as the type reads it: "emails/EmailAddress1/address" */
	const struct field_type *type;
	unsigned int flags;
	size_t max_chars; /* longest value, in UTF-16 units, that it keeps; 0: no limit */
	const void *wire; /* the driver's own: FieldURI, element, property tag ... */
	const struct field_apart *apart; /* or NULL */
};

struct field_table {
	const struct field *rows;
	size_t n;
};

/* The row of a projected name ("Categories/CRM" finds the row "Categories"); NULL when unknown. */
const struct field *field_find(const struct field_table *table, const char *name);

/* The names of `fields` in the order of the rows, those without a row last (new array).  Values are applied
 * in this order: what a row is read against, the start of a series for its occurrences, stands before it. */
json_t *field_names(const struct field_table *table, const json_t *fields);

/* New object: the document seen through the table.  Values longer than max_chars are cut at a
 * character; `cut` (may be NULL) is an array that gets the names of cut fields.  A FIELD_NAMING
 * value that is too long fails with ERR_TOO_BIG naming field, length and limit (then NULL). */
json_t *field_project(
	const struct field_table *table, const json_t *doc, json_t *cut, struct error *err);

/* Is what the row projects only a stand-in, because its own place in doc is empty (a required last
 * name made of the company's)?  It is worth less than any value of the other side: at a first link
 * it counts as empty. */
bool field_is_stand_in(const struct field *row, const json_t *doc);

/* Are the two values (NULL: empty) one to the remote? */
bool field_same(const struct field *row, const json_t *a, const json_t *b);

/* The whole of a row with `apart`; NULL when it is empty, or the row is none.  New reference. */
json_t *field_whole(const struct field_table *table, const json_t *doc, const char *name);

/* Sets one projected name in doc (of a row with `apart`, to this whole); value NULL or JSON null
 * empties it.  When `value` equals what the
 * document already projects to (cut included) nothing changes. */
int field_apply(const struct field_table *table, json_t *doc, const char *name, const json_t *value,
	struct error *err);

#endif
