/* Documents of every kind behind one table: what differs between a contact and a task for the hub.
 *
 * `document_kind(kind)` gives the row; kinds that are not built yet give NULL. */
#ifndef SYNC_FORMATS_DOCUMENT_H
#define SYNC_FORMATS_DOCUMENT_H

#include <jansson.h>
#include <stdbool.h>

#include "sync/buf.h"
#include "sync/error.h"

enum item_kind { KIND_CONTACT, KIND_EVENT, KIND_TASK, KIND_MAIL };
#define ITEM_KINDS 4

struct document_kind {
	enum item_kind kind;
	const char *name;   /* "contact" */
	const char *suffix; /* ".vcf" */
	int (*parse)(const char *bytes, size_t len, json_t **doc, struct error *err);
	int (*render)(const json_t *doc, struct buf *out, struct error *err);
	int (*render_30)(const json_t *doc, struct buf *out, struct error *err); /* or NULL */
	int (*set_categories)(const char *bytes, size_t len, const json_t *names, struct buf *out,
		struct error *err);
	void (*assign_slots)(json_t *doc, const json_t *base);
	void (*title)(const json_t *doc, struct buf *out);
	json_t *(*blank)(void); /* a document that says nothing yet, without a uid */
	/* Why files cannot change this document, or NULL: they can.  NULL function: all they like. */
	const char *(*read_only)(const json_t *doc);
	json_t *(*emails)(const json_t *doc); /* normalised addresses to match by */
	/* Checks a document given as JSON (a write to .json/): types and members; ERR_INVALID names
	 * the path. */
	int (*check)(const json_t *doc, struct error *err);
};

const struct document_kind *document_kind(enum item_kind kind);

/* The bytes of a file.  vcard_30: a contact as vCard 3.0 (RFC 2426), not 4.0. */
int document_render(const struct document_kind *kind, const json_t *doc, bool vcard_30,
	struct buf *out, struct error *err);

/* The kind whose suffix the name carries, in the folder kind `kind`: does NAME denote an item?  No,
 * when it begins with a dot or has another suffix (then it is a draft). */
bool document_is_item_name(enum item_kind kind, const char *name);

/* uid member or NULL. */
const char *document_uid(const json_t *doc);

/* File name for a remote item: title cleaned of '/', control characters and leading dots, cut so
 * that name + " (N)" + suffix stays within 255 bytes of UTF-8.  n >= 2 appends " (n)". */
char *document_file_name(const struct document_kind *kind, const json_t *doc, unsigned int n);

/* Three-way merge of a user's edit: what differs between base and edited is put onto current.
 * Objects merge by member, arrays of objects with a "kind" by that kind, all else whole.  Returns a
 * new document.  `clashes` (may be NULL) is an array that gets {path, base, winner, loser} for
 * every place that both changed to different values (the edit wins). */
json_t *document_merge(
	const json_t *base, const json_t *edited, const json_t *current, json_t *clashes);

#endif
