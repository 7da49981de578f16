/* What vCard and iCalendar share: content lines and the text in them.  For the two codecs only.
 *
 *   vcard_text.c   escapes, lists, base64, quoted-printable, charsets, folding
 *   vcard_lex.c    bytes -> content lines: line ends, folds, soft breaks, groups, parameters
 *
 * RFC 6350 and RFC 5545 write lines, parameters and texts alike. */
#ifndef SYNC_FORMATS_CONTENT_H
#define SYNC_FORMATS_CONTENT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "sync/buf.h"
#include "sync/error.h"

#define VCARD_MAX_BYTES ((size_t)16 << 20)
/* Rendering adds folds, escapes and names to what a file of VCARD_MAX_BYTES held. */
#define VCARD_MAX_RENDERED ((size_t)64 << 20)
#define VCARD_MAX_LINES	   10000
#define VCARD_MAX_NESTING  8
#define VCARD_FOLD	   75

enum vcard_syntax { SYNTAX_21, SYNTAX_30, SYNTAX_40 };

/* --- text ------------------------------------------------------------------------------------- */

/* Adds value's text with the escapes resolved (RFC 6350 section 3.4); unknown escapes stay. */
void vcard_unescape(const char *value, size_t len, struct buf *out);
/* Adds text escaped; line ends of any kind become \n. */
void vcard_escape(const char *text, struct buf *out);
/* A URI: only \\ \, \; \: are resolved, because a backslash n may be a part of a path. */
void vcard_unescape_uri(const char *value, struct buf *out);
void vcard_escape_uri(const char *uri, struct buf *out);
/* New string of value[0..len). */
json_t *vcard_text(const char *value, size_t len);
/* New array of the texts between unescaped separators (';' or ','). */
json_t *vcard_split(const char *value, size_t len, char separator);
/* Bytes up to the next unescaped separator or the end. */
size_t vcard_until(const char *value, size_t len, char separator);
/* n digits (at most 9) at *p as a number; -1, and nothing moved, when there are fewer. */
int vcard_digits(const char **p, size_t n);
bool vcard_is_blank(const char *text);
/* New string without white space at both ends. */
json_t *vcard_trimmed(const char *text);
/* Valid UTF-8 without NUL. */
bool vcard_is_utf8(const char *bytes, size_t len);
/* Only base64 characters and their padding (after white space is gone); not empty. */
bool vcard_is_base64(const char *text);
void vcard_decode_qp(const char *value, size_t len, struct buf *out);
/* Converts to UTF-8; ERR_INVALID says which charset is unknown or does not fit. */
int vcard_to_utf8(
	const char *charset, const char *bytes, size_t len, struct buf *out, struct error *err);
/* Adds the unfolded line, folded at VCARD_FOLD octets, and a line end. */
void vcard_fold(const char *line, size_t len, const char *eol, struct buf *out);

/* --- content lines ---------------------------------------------------------------------------- */

struct vcard_line {
	size_t number; /* of the file, 1-based: where the line begins */
	size_t begin;  /* first byte, and the byte after its line end */
	size_t end;
	char *group;	/* as given, or NULL */
	char *name;	/* upper case */
	json_t *params; /* lower-case name -> array of strings; without charset and encoding */
	char *value;	/* UTF-8, escaped as in vCard 4.0 */
	bool base64;	/* the value is base64 without white space */
};

struct vcard_lexer {
	const char *bytes;
	size_t len;
	size_t at;
	size_t number; /* of the line at `at` */
	enum vcard_syntax syntax;
	bool has_version;
	size_t bad_version; /* line of a VERSION that nobody knows, or 0 */
};

/* Looks over the bytes: size, UTF-16, NUL, version. */
int vcard_lex_open(struct vcard_lexer *lexer, const char *bytes, size_t len, struct error *err);
/* 1 and the next line (to be freed), 0 at the end, or an error. */
int vcard_lex_next(struct vcard_lexer *lexer, struct vcard_line *line, struct error *err);
void vcard_line_free(struct vcard_line *line);
/* The first value of a parameter, or NULL. */
const char *vcard_param(const struct vcard_line *line, const char *name);
/* "line 4: TEL: what" */
int vcard_line_error(const struct vcard_line *line, struct error *err, const char *what);
/* The line as it is kept (new reference): [name, {parameters}, type, value], RFC 7095 and 7265. */
json_t *vcard_kept_prop(const struct vcard_line *line);
/* Adds one parameter value: RFC 6868 escapes, quoted where it must be. */
void vcard_add_param_value(struct buf *out, const char *value);
/* Adds the CATEGORIES value for these names. */
void vcard_add_categories(const json_t *names, struct buf *out);
/* Letters, digits, '-' and '_'. */
bool vcard_is_name(const char *text);

#endif
