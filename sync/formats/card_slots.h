/* The slots of a Card: which ids a map keyed by id may carry, and what tells them apart.
 *
 * Internal to sync/formats.  One row of `struct card_map` is one such map of the Card (emails,
 * phones ...); one row of `struct card_slot` is one place that Exchange has in it.  The rows are
 * data for three users: the field types (a slot that does not exist yet is made from its template),
 * card_assign_slots (which value belongs where) and the vCard writer (their order). */
#ifndef SYNC_FORMATS_CARD_SLOTS_H
#define SYNC_FORMATS_CARD_SLOTS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

enum slot_flags {
	SLOT_ANY = 1 << 0, /* takes every value of its kind: e-mail addresses have no type */
	SLOT_ANY_CONTEXT = 1 << 1, /* a mobile is the mobile, at work or at home */
};

struct card_slot {
	const char *id;	     /* "BusinessPhone" */
	const char *context; /* contexts member of the template, or NULL */
	const char *feature; /* features member of the template, or NULL */
	const char *types;   /* TYPE values that name it, by spaces; the first is the template's */
	const char *kind; /* kind member of the template; values without one count as map->kind */
	unsigned int flags;
	unsigned int untyped;	 /* order in which values without a type take it; 0: they do not */
	const char *overflow_of; /* takes what is left over of this feature ("voice", "fax", "*") */
};

struct card_map {
	const char *member; /* "phones" */
	const char *type;   /* "@type" of its values: "Phone" */
	const char *value;  /* member that holds the main value: "number" */
	const char *value2; /* a second one that also keeps the slot alive (units), or NULL */
	const char *kind;   /* what a value without "kind" is, or NULL */
	const struct card_slot *slots;
	size_t n;
};

/* The map's row; NULL when the member is no map keyed by id. */
const struct card_map *card_map_find(const char *member);

/* All rows. */
const struct card_map *card_maps(size_t *n);

/* The slot's row or NULL ("x-1" has none). */
const struct card_slot *card_slot_find(const struct card_map *map, const char *id);

/* New object made from the slot's template (only "@type" for an unknown id). */
json_t *card_slot_new(const struct card_map *map, const char *id);

/* Ids of a map's object in the order they are written: slots by rank, then x-1, x-2 ..., then the
 * rest by name.  *ids is to be freed; the strings belong to the object. */
size_t card_sorted_ids(const struct card_map *map, const json_t *values, const char ***ids);

/* `text` is one of the space-separated `words`, without regard to case. */
bool card_word_in(const char *words, const char *text, size_t len);

/* Begins with the scheme of a URI that points to a person. */
bool card_is_uri(const char *text);

/* The string member, or NULL when it is absent or no string. */
const char *card_string(const json_t *object, const char *member);

/* object[member][key] is true. */
bool card_has(const json_t *object, const char *member, const char *key);

#endif
