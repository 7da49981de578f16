/* vCard 4.0 (RFC 6350) and 3.0 (RFC 2426), 2.1 read, to and from JSContact (RFC 9555).
 *
 * What the Card has no place for is kept as vCardProps / vCardParams (RFC 9555 section 2.15.1) and
 * comes back out; the parameters of single-valued properties (FN, N, UID ...) are kept in the
 * member tandemfs:params by name.  What vCard has no place for comes back too: members of the Card
 * as JSPROP (RFC 9555 section 3.2.1), members of its objects as the parameter X-JSON, a slot that
 * type and order would not find again as PROP-ID (RFC 9554 section 4.7), a name that we made up as
 * FN;DERIVED=TRUE (RFC 9554 section 4.5).  So for every card that was read
 *
 *	render(parse(render(card))) == render(card)
 *
 * byte for byte.  Nothing here keeps state: any thread may call it. */
#ifndef SYNC_FORMATS_VCARD_H
#define SYNC_FORMATS_VCARD_H

#include <jansson.h>
#include <stddef.h>

#include "sync/buf.h"
#include "sync/error.h"

enum vcard_version { VCARD_40, VCARD_30 };

/* Parses exactly one vCard, LF or CRLF.  *card is a new reference whose slots are not assigned yet
 * (ids "x-1", "x-2" ... in the order of the file, with types in contexts/features). ERR_INVALID
 * names line (of the file, 1-based) and property: "line 4: TEL: no colon".  ERR_TOO_BIG: more than
 * 16 MB or 10,000 properties.
 *
 * Refused: a file that is not one whole card (BEGIN, END, a second card), a line without colon or
 * name, bytes that are neither UTF-8 nor what CHARSET says, NUL, UTF-16, a VERSION that is none of
 * the three, a card without any property.  Taken as other readers take it: no VERSION (read as
 * 3.0), no FN or N, a value that is not what its property asks for (kept as it is). */
int vcard_parse(const char *bytes, size_t len, json_t **card, struct error *err);

/* Writes the card, CRLF, folded at 75 octets without breaking a UTF-8 character. */
int vcard_render(
	const json_t *card, enum vcard_version version, struct buf *out, struct error *err);

/* Copies the stored bytes with only the CATEGORIES lines changed to hold these names (an array of
 * strings; empty removes the line). */
int vcard_set_categories(
	const char *bytes, size_t len, const json_t *names, struct buf *out, struct error *err);

#endif
