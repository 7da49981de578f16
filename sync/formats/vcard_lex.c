/* Bytes to content lines.
 *
 * vCard 2.1, 3.0 and 4.0 differ in how a line is continued, how its value is encoded and what a
 * backslash means; this file ends those differences.  A line is continued by a line that begins
 * with white space (RFC 6350 section 3.2; in 2.1 that white space is part of the text), by a soft
 * break of quoted-printable, and, as Outlook and others write it, by a line of nothing but base64.
 * It is put together as bytes first, since writers fold in the middle of a character; then its head
 * is split, then its value is decoded: quoted-printable, charset, escapes.
 *
 * Readers in the wild take parameters without a name (TEL;HOME), quoted-printable in 3.0 and line
 * ends of every kind, so we do.  What has no colon or no name, or is no UTF-8, is an error that
 * says where. */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "sync/formats/card_slots.h"
#include "sync/formats/vcard_impl.h"
#include "sync/mem.h"

#define NAME_SHOWN 40
/* A head that has no end after so many bytes is not looked for again at each continuation. */
#define HEAD_LOOKED_AT 16384

/* The name for an error text: what stands before the first ':', ';' or '='. */
static void show_name(const char *head, size_t len, char shown[NAME_SHOWN + 1])
{
	size_t n = 0;

	for (size_t i = 0; i < len && n < NAME_SHOWN && !strchr(":;= \t", head[i]); i++)
		shown[n++] = isalnum((unsigned char)head[i]) || strchr("-_.", head[i]) ? head[i]
										       : '?';
	shown[n] = '\0';
}

static int head_error(
	size_t number, const char *head, size_t len, struct error *err, const char *what)
{
	char shown[NAME_SHOWN + 1];

	show_name(head, len, shown);
	return error_set(
		err, ERR_INVALID, "line %zu: %s: %s", number, shown[0] ? shown : "?", what);
}

int vcard_line_error(const struct vcard_line *line, struct error *err, const char *what)
{
	return error_set(err, ERR_INVALID, "line %zu: %s: %s", line->number, line->name, what);
}

/* --- physical lines --------------------------------------------------------------------------- */

/* Length of the line at `at` without its end; *next is where the following one begins. */
static size_t physical_line(const struct vcard_lexer *lexer, size_t at, size_t *next)
{
	size_t n = at;

	while (n < lexer->len && lexer->bytes[n] != '\n' && lexer->bytes[n] != '\r')
		n++;
	*next = n;
	while (*next < lexer->len && lexer->bytes[*next] == '\r')
		(*next)++;
	if (*next < lexer->len && lexer->bytes[*next] == '\n')
		(*next)++;
	else if (*next > n)
		*next = n + 1; /* a lone CR ends a line too */
	return n - at;
}

static bool is_wsp(char c)
{
	return c == ' ' || c == '\t';
}

static bool is_blank(const char *line, size_t len)
{
	while (len && is_wsp(line[len - 1]))
		len--;
	return len == 0;
}

/* The byte after the first ':' outside quotes; 0 when there is none. */
static size_t head_length(const char *line, size_t len)
{
	bool quoted = false;

	for (size_t i = 0; i < len; i++) {
		if (line[i] == '"')
			quoted = !quoted;
		if (line[i] == ':' && !quoted)
			return i + 1;
	}
	/* A quote that is never closed is an ordinary character. */
	for (size_t i = 0; quoted && i < len; i++) {
		if (line[i] == ':')
			return i + 1;
	}
	return 0;
}

/* The head has one of the words as its encoding: ENCODING=word, or, without a name, the word. */
static bool head_says(const struct buf *raw, size_t head, const char *words)
{
	for (size_t at = 0; at < head;) {
		const char *word = raw->data + at;
		size_t n = strcspn(word, ";:");

		if (n > 9 && strncasecmp(word, "encoding=", 9) == 0) {
			word += 9;
			n -= 9;
		}
		if (n > 2 && word[0] == '"' && word[n - 1] == '"') {
			word++;
			n -= 2;
		}
		if (at > 0 && card_word_in(words, word, n))
			return true;
		at += strcspn(raw->data + at, ";:") + 1;
	}
	return false;
}

static bool only_base64(const char *line, size_t len)
{
	size_t n = 0;

	while (n < len && (isalnum((unsigned char)line[n]) || strchr("+/=", line[n])))
		n++;
	return len > 0 && n == len;
}

/* Do the lines with white space before them, from `at` on, lead up to a colon?  Then the line above them
 * was the beginning of a long name. */
static bool ends_head(const struct vcard_lexer *lexer, size_t at)
{
	while (at < lexer->len && is_wsp(lexer->bytes[at])) {
		size_t next, len = physical_line(lexer, at, &next);

		if (memchr(lexer->bytes + at, ':', len))
			return true;
		at = next;
	}
	return false;
}

/* How the line goes on. */
struct continuation {
	size_t head; /* as found so far */
	bool qp;
	bool base64;
};

static void look_at_head(struct continuation *c, const struct buf *raw)
{
	if (c->head || raw->len > HEAD_LOOKED_AT)
		return;
	c->head = head_length(buf_str(raw), raw->len);
	if (!c->head)
		return;
	c->qp = head_says(raw, c->head, "quoted-printable");
	c->base64 = head_says(raw, c->head, "base64 b");
}

/* Adds the physical lines that continue `raw` and moves the lexer past them. */
static void add_continuations(struct vcard_lexer *lexer, struct buf *raw)
{
	struct continuation c = { 0 };

	for (;;) {
		const char *line = lexer->bytes + lexer->at;
		size_t next;
		size_t len;

		look_at_head(&c, raw);
		if (lexer->at >= lexer->len)
			break;
		len = physical_line(lexer, lexer->at, &next);
		if (c.qp && raw->len && raw->data[raw->len - 1] == '=') {
			buf_resize(raw, raw->len - 1);
			buf_add(raw, line, len);
		} else if (len && is_wsp(line[0])) {
			bool keep = lexer->syntax == SYNTAX_21 && !c.base64;

			buf_add(raw, line + !keep, len - !keep);
		} else if (c.base64 && only_base64(line, len) && !ends_head(lexer, next)) {
			buf_add(raw, line, len);
		} else {
			break;
		}
		lexer->at = next;
		lexer->number++;
	}
	/* A soft break with nothing after it. */
	if (c.qp && raw->len && raw->data[raw->len - 1] == '=')
		buf_resize(raw, raw->len - 1);
}

/* --- parameters ------------------------------------------------------------------------------- */

static void lower(char *text)
{
	for (; *text; text++)
		*text = (char)tolower((unsigned char)*text);
}

static void upper(char *text)
{
	for (; *text; text++)
		*text = (char)toupper((unsigned char)*text);
}

/* RFC 6868: ^n, ^^ and ^' */
static void decode_caret(const char *text, size_t len, struct buf *out)
{
	for (size_t i = 0; i < len; i++) {
		char next = i + 1 < len ? text[i + 1] : '\0';
		char c = text[i] != '^' ? '\0'
			 : next == 'n'	? '\n'
			 : next == '^'	? '^'
			 : next == '\'' ? '"'
					: '\0';

		buf_addc(out, c ? c : text[i]);
		i += c ? 1 : 0;
	}
}

/* Control characters have no place in a parameter (RFC 6350 section 3.3). */
static void drop_controls(const char *text, size_t len, struct buf *out)
{
	for (size_t i = 0; i < len; i++) {
		if ((unsigned char)text[i] >= ' ' || text[i] == '\t')
			buf_addc(out, text[i]);
	}
}

static void add_param(struct vcard_line *line, const char *name, json_t *value)
{
	json_t *values = json_object_get(line->params, name);

	if (!values) {
		values = json_array();
		json_object_set_new(line->params, name, values);
	}
	json_array_append_new(values, value);
}

/* One value; a TYPE that is quoted as a whole is still a list (RFC 6350's own examples). */
static int add_param_value(struct vcard_line *line, enum vcard_syntax syntax, const char *name,
	const char *text, size_t len, struct error *err)
{
	struct buf clean AUTOBUF = BUF_INIT(VCARD_MAX_BYTES);
	struct buf value AUTOBUF = BUF_INIT(VCARD_MAX_BYTES);
	bool list = strcmp(name, "type") == 0;

	drop_controls(text, len, &clean);
	if (syntax == SYNTAX_21)
		buf_add(&value, buf_str(&clean), clean.len);
	else
		decode_caret(buf_str(&clean), clean.len, &value);
	if (!vcard_is_utf8(buf_str(&value), value.len))
		return vcard_line_error(line, err, "a parameter that is not UTF-8");
	for (const char *p = buf_str(&value);;) {
		size_t n = list ? strcspn(p, ",") : strlen(p);

		if (n || !list)
			add_param(line, name, json_stringn(p, n));
		if (!p[n])
			break;
		p += n + 1;
	}
	return 0;
}

/* Names for parameters that 2.1 writes without one. */
static const char *bare_name(const char *text, size_t len)
{
	if (card_word_in("quoted-printable base64 b 8bit 7bit", text, len))
		return "encoding";
	if (card_word_in("inline url content-id cid", text, len))
		return "value";
	return "type";
}

/* Length of a parameter value that begins at p: a quoted string or up to one of ",;" or the end. */
static size_t param_value_length(const char *p, const char *end)
{
	const char *close;

	if (p < end && *p == '"') {
		close = memchr(p + 1, '"', (size_t)(end - p - 1));
		if (close && (close + 1 == end || strchr(",;", close[1])))
			return (size_t)(close + 1 - p);
	}
	for (const char *q = p; q < end; q++) {
		if (*q == '\\' && q + 1 < end && q[1] == ';')
			q++; /* iPhones escape it, though parameters know no such escape */
		else if (*q == ',' || *q == ';')
			return (size_t)(q - p);
	}
	return (size_t)(end - p);
}

static int read_param_values(struct vcard_line *line, enum vcard_syntax syntax, const char *name,
	const char **at, const char *end, struct error *err)
{
	const char *p = *at;
	int rc;

	for (;;) {
		size_t n = param_value_length(p, end);
		bool quoted = n >= 2 && p[0] == '"' && p[n - 1] == '"';

		rc = add_param_value(line, syntax, name, p + quoted, n - 2 * (size_t)quoted, err);
		if (rc)
			return rc;
		p += n;
		if (p >= end || *p == ';')
			break;
		p++;
	}
	*at = p < end ? p + 1 : p;
	return 0;
}

static int read_params(struct vcard_line *line, enum vcard_syntax syntax, const char *p,
	const char *end, struct error *err)
{
	while (p < end) {
		const char *stop = p;
		char *name AUTOFREE = NULL;
		int rc;

		while (stop < end && !strchr("=;,\"", *stop))
			stop++;
		if (stop < end && *stop == '=') {
			name = xstrndup(p, (size_t)(stop - p));
			lower(name);
			p = stop + 1;
		} else {
			if (stop == p) { /* an empty parameter */
				p++;
				continue;
			}
			name = xstrdup(bare_name(p, (size_t)(stop - p)));
		}
		if (!vcard_is_utf8(name, strlen(name)))
			return vcard_line_error(line, err, "a parameter that is not UTF-8");
		rc = read_param_values(line, syntax, name, &p, end, err);
		if (rc)
			return rc;
		if (!vcard_is_name(name)) /* it could not be written */
			json_object_del(line->params, name);
	}
	return 0;
}

const char *vcard_param(const struct vcard_line *line, const char *name)
{
	return json_string_value(json_array_get(json_object_get(line->params, name), 0));
}

/* --- the head --------------------------------------------------------------------------------- */

static bool is_name(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (!isalnum((unsigned char)text[i]) && !strchr("-_", text[i]))
			return false;
	}
	return len > 0;
}

/* group.NAME;params */
static int read_head(struct vcard_line *line, enum vcard_syntax syntax, const char *head,
	size_t len, struct error *err)
{
	const char *semicolon = memchr(head, ';', len);
	size_t n = semicolon ? (size_t)(semicolon - head) : len;
	const char *dot = memchr(head, '.', n);
	const char *name;

	while (n && is_wsp(head[n - 1]))
		n--;
	name = dot ? dot + 1 : head;
	if (!is_name(name, n - (size_t)(name - head)) ||
		(dot && !is_name(head, (size_t)(dot - head))))
		return head_error(line->number, head, len, err, "not a property name");
	if (dot)
		line->group = xstrndup(head, (size_t)(dot - head));
	line->name = xstrndup(name, n - (size_t)(name - head));
	upper(line->name);
	line->params = json_object();
	if (!semicolon)
		return 0;
	return read_params(line, syntax, semicolon + 1, head + len, err);
}

/* --- the value -------------------------------------------------------------------------------- */

/* Properties whose commas separate values, in 2.1 too. */
static const char comma_lists[] = "CATEGORIES NICKNAME";

/* Writes a 2.1 value, or one that was quoted-printable, as 4.0 text.  In 2.1 only \; is an escape;
 * \, \\ and \n are what careless writers add, and they would not do so in quoted-printable. */
static void to_escaped(const char *name, bool known, enum vcard_syntax syntax, bool qp,
	const struct buf *text, struct buf *out)
{
	bool commas = syntax == SYNTAX_21 && known &&
		      !card_word_in(comma_lists, name, strlen(name));

	for (size_t i = 0; i < text->len; i++) {
		char c = text->data[i];
		char next = text->data[i + 1];

		if (c == '\r' && next == '\n')
			continue;
		if (c == '\n' || c == '\r') {
			buf_adds(out, "\\n");
		} else if (c == '\\' && (next == ';' || next == ',' ||
						((!qp || syntax != SYNTAX_21) && next &&
							strchr("\\nN:", next)))) {
			buf_addc(out, c);
			buf_addc(out, next);
			i++;
		} else if (c == '\\' && syntax == SYNTAX_21) {
			buf_adds(out, "\\\\");
		} else if (c == ',' && commas) {
			buf_adds(out, "\\,");
		} else {
			buf_addc(out, c);
		}
	}
}

static void remove_white_space(const struct buf *text, struct buf *out)
{
	for (size_t i = 0; i < text->len; i++) {
		if (!isspace((unsigned char)text->data[i]))
			buf_addc(out, text->data[i]);
	}
}

/* quoted-printable and charset undone; ERR_INVALID without a line yet. */
static int decode(const struct vcard_line *line, enum vcard_syntax syntax, bool qp,
	const char *value, size_t len, struct buf *out, struct error *err)
{
	const char *charset = vcard_param(line, "charset");
	struct buf bytes AUTOBUF = BUF_INIT(VCARD_MAX_BYTES);

	if (qp)
		vcard_decode_qp(value, len, &bytes);
	else
		buf_add(&bytes, value, len);
	/* Old Outlooks wrote their own codepage and did not say so. */
	if (!charset && qp && syntax == SYNTAX_21 && !vcard_is_utf8(buf_str(&bytes), bytes.len))
		charset = "WINDOWS-1252";
	if (charset && strcasecmp(charset, "utf-8") != 0 && strcasecmp(charset, "utf8") != 0) {
		int rc = vcard_to_utf8(charset, buf_str(&bytes), bytes.len, out, err);

		if (rc)
			return rc;
	} else {
		buf_add(out, buf_str(&bytes), bytes.len);
	}
	if (memchr(buf_str(out), '\0', out->len))
		return error_set(err, ERR_INVALID, "a NUL character");
	if (!vcard_is_utf8(buf_str(out), out->len))
		return error_set(err, ERR_INVALID, "bytes that are not UTF-8");
	return buf_check(out, "the value", err);
}

static int read_value(struct vcard_line *line, enum vcard_syntax syntax, const char *value,
	size_t len, struct error *err)
{
	const char *encoding = vcard_param(line, "encoding");
	bool qp = encoding && strcasecmp(encoding, "quoted-printable") == 0;
	struct buf text AUTOBUF = BUF_INIT(VCARD_MAX_BYTES);
	struct buf escaped AUTOBUF = BUF_INIT(2 * VCARD_MAX_BYTES);
	int rc;

	line->base64 = encoding && card_word_in("b base64", encoding, strlen(encoding));
	rc = decode(line, syntax, qp, value, len, &text, err);
	if (rc) {
		error_prefix(err, "line %zu: %s", line->number, line->name);
		return rc;
	}
	json_object_del(line->params, "charset");
	if (line->base64 || qp ||
		(encoding && card_word_in("8bit 7bit", encoding, strlen(encoding))))
		json_object_del(line->params, "encoding");
	if (line->base64)
		remove_white_space(&text, &escaped);
	else if (text.len)
		to_escaped(line->name, vcard_rule_find(line->name), syntax, qp, &text, &escaped);
	rc = buf_check(&escaped, "the value", err);
	if (rc)
		return rc;
	line->value = buf_take(&escaped);
	return 0;
}

/* --- the lexer -------------------------------------------------------------------------------- */

static size_t line_of(const char *bytes, size_t at)
{
	size_t number = 1;

	for (size_t i = 0; i < at; i++) {
		if (bytes[i] == '\n' || (bytes[i] == '\r' && bytes[i + 1] != '\n'))
			number++;
	}
	return number;
}

static int check_bytes(const char *bytes, size_t len, struct error *err)
{
	const char *nul;

	if (len > VCARD_MAX_BYTES)
		return error_set(
			err, ERR_TOO_BIG, "the file is larger than %zu MB", VCARD_MAX_BYTES >> 20);
	if (len >= 2 && (memcmp(bytes, "\xff\xfe", 2) == 0 || memcmp(bytes, "\xfe\xff", 2) == 0 ||
				memcmp(bytes, "B\0", 2) == 0 || memcmp(bytes, "\0B", 2) == 0))
		return error_set(
			err, ERR_INVALID, "line 1: BEGIN: the file is UTF-16; save it as UTF-8");
	nul = memchr(bytes, '\0', len);
	if (nul) {
		size_t at = (size_t)(nul - bytes);
		size_t start = at;

		while (start && bytes[start - 1] != '\n' && bytes[start - 1] != '\r')
			start--;
		return head_error(
			line_of(bytes, at), bytes + start, at - start, err, "a NUL character");
	}
	return 0;
}

/* VERSION decides how the lines before it are read, and need not come first in 2.1. */
static void find_version(struct vcard_lexer *lexer)
{
	static const struct {
		const char *text;
		enum vcard_syntax syntax;
	} versions[] = { { "2.1", SYNTAX_21 }, { "3.0", SYNTAX_30 }, { "4.0", SYNTAX_40 } };
	size_t number = 0;
	size_t next;

	for (size_t at = 0; at < lexer->len; at = next) {
		const char *line = lexer->bytes + at;
		size_t len = physical_line(lexer, at, &next);
		size_t head = 8;

		number++;
		if (len < 8 || strncasecmp(line, "VERSION", 7) != 0 || !strchr(":;", line[7]))
			continue;
		if (line[7] == ';')
			head = head_length(line, len);
		while (head < len && is_wsp(line[head]))
			head++;
		while (len > head && is_wsp(line[len - 1]))
			len--;
		lexer->has_version = true;
		for (size_t i = 0; i < ARRAY_SIZE(versions); i++) {
			if (len - head == 3 && strncmp(line + head, versions[i].text, 3) == 0) {
				lexer->syntax = versions[i].syntax;
				return;
			}
		}
		lexer->bad_version = number;
		return;
	}
}

int vcard_lex_open(struct vcard_lexer *lexer, const char *bytes, size_t len, struct error *err)
{
	int rc = check_bytes(bytes, len, err);

	if (rc)
		return rc;
	*lexer = (struct vcard_lexer){ .bytes = bytes, .len = len, .syntax = SYNTAX_30 };
	if (len >= 3 && memcmp(bytes, "\xef\xbb\xbf", 3) == 0)
		lexer->at = 3;
	find_version(lexer);
	return 0;
}

static int read_line(struct vcard_lexer *lexer, struct vcard_line *line, const struct buf *raw,
	struct error *err)
{
	size_t head = head_length(buf_str(raw), raw->len);
	int rc;

	if (!head)
		return head_error(line->number, buf_str(raw), raw->len, err, "no colon");
	rc = read_head(line, lexer->syntax, raw->data, head - 1, err);
	if (rc == 0)
		rc = read_value(line, lexer->syntax, raw->data + head, raw->len - head, err);
	return rc;
}

int vcard_lex_next(struct vcard_lexer *lexer, struct vcard_line *line, struct error *err)
{
	struct buf raw AUTOBUF = BUF_INIT(VCARD_MAX_BYTES);
	size_t next;
	size_t len;
	int rc;

	*line = (struct vcard_line){ 0 };
	for (;;) {
		if (lexer->at >= lexer->len)
			return 0;
		line->begin = lexer->at;
		len = physical_line(lexer, lexer->at, &next);
		lexer->number++;
		lexer->at = next;
		if (!is_blank(lexer->bytes + line->begin, len))
			break;
	}
	line->number = lexer->number;
	buf_add(&raw, lexer->bytes + line->begin, len);
	add_continuations(lexer, &raw);
	line->end = lexer->at;
	rc = read_line(lexer, line, &raw, err);
	if (rc) {
		vcard_line_free(line);
		return rc;
	}
	return 1;
}

void vcard_line_free(struct vcard_line *line)
{
	mem_autofree(&line->group);
	mem_autofree(&line->name);
	mem_autofree(&line->value);
	json_decref(line->params);
	*line = (struct vcard_line){ 0 };
}
