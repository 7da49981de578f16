/* iCalendar (RFC 5545, 7986, 9073, 9074) to and from JSCalendar (RFC 8984).
 *
 * What the document has no place for is kept (event.h) and comes back out, members that iCalendar
 * has no property for as JSPROP (draft-ietf-calext-jscalendar-icalendar).  So for every file that
 * was read
 *
 *	render(parse(render(doc))) == render(doc)
 *
 * byte for byte.  Lines are split by the lexer that vCards use, because its errors know the line;
 * libical reads nothing but walks recurrence rules.  Time zones are rendered from the tz database.
 * Nothing here keeps state: any thread may call it. */
#ifndef SYNC_FORMATS_ICAL_H
#define SYNC_FORMATS_ICAL_H

#include <jansson.h>
#include <stddef.h>

#include "sync/buf.h"
#include "sync/error.h"

/* Parses a calendar that holds exactly one event (a task): one VEVENT (VTODO) or a series with its
 * exceptions, all with one UID.  *doc is a new reference.  ERR_INVALID names line (of the file,
 * 1-based) and property: "line 4: DTSTART: not a date-time".  ERR_TOO_BIG: more than 16 MB or
 * 100,000 lines.
 *
 * Refused: several items (`tandemctl import` splits such a file), none, a METHOD that is a message
 * (REPLY, CANCEL ...), what is no whole VCALENDAR, a line without colon or name, bytes that are not
 * UTF-8, a time zone that nobody knows, an end before its start, a rule that cannot be understood,
 * RANGE=THISANDFUTURE. */
int ical_parse_event(const char *bytes, size_t len, json_t **doc, struct error *err);
int ical_parse_task(const char *bytes, size_t len, json_t **doc, struct error *err);

/* Writes event or task as its @type says: one VCALENDAR, CRLF, folded at 75 octets. */
int ical_render(const json_t *doc, struct buf *out, struct error *err);

/* Copies the stored bytes with only the CATEGORIES lines of the item changed to hold these names (an
 * array of strings; empty removes the line).  Exceptions of a series keep theirs. */
int ical_set_categories_event(
	const char *bytes, size_t len, const json_t *names, struct buf *out, struct error *err);
int ical_set_categories_task(
	const char *bytes, size_t len, const json_t *names, struct buf *out, struct error *err);

#endif
