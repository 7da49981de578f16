/* Files of many: calendar and address-book exports taken apart into one item a piece, and put together
 * again.
 *
 * Works on content lines (RFC 5545 section 3.1, RFC 6350 section 3.2) and changes none of them: what a
 * line says is for the parser of the item.  A file may hold any number of VCALENDAR and VCARD objects.
 * A calendar's components with one UID are one item (a series with its exceptions), which gets the
 * VTIMEZONEs that its lines name; an item without a UID gets one made of its bytes, so that importing it
 * twice does not double it. */
#ifndef FS_CTL_SPLIT_H
#define FS_CTL_SPLIT_H

#include <jansson.h>
#include <stddef.h>

#include "sync/buf.h"
#include "sync/error.h"
#include "sync/formats/document.h"

/* Of a file that is taken apart. */
#define SPLIT_BYTES_MAX ((size_t)512 << 20)

struct split_item {
	enum item_kind kind;
	char *uid;
	struct buf bytes; /* a file of its own */
	size_t line;	  /* where it begins, 1-based */
};

struct split {
	struct split_item *items;
	size_t n;
	json_t *notes; /* array: what was left out, "line 3: METHOD:PUBLISH is left out" */
};

/* ERR_INVALID names the line: neither a VCALENDAR nor a VCARD, or one without an end.  split_clear also
 * after a failure. */
int split_text(const char *text, size_t len, struct split *out, struct error *err);
void split_clear(struct split *split);

/* Files of items as one: vCards one after the other, calendars as one VCALENDAR. */
struct join {
	struct buf cards, zones, components;
	json_t *zone_ids; /* set: TZIDs that are in `zones` */
};

void join_init(struct join *join);
/* Adds an item's file; ERR_INVALID as split_text. */
int join_add(struct join *join, const char *text, size_t len, struct error *err);
void join_finish(struct join *join, struct buf *out);
void join_clear(struct join *join);

#endif
