/* Text of vCards: escapes, lists, encodings and folds, each without any knowledge of properties. */
#include <ctype.h>
#include <errno.h>
#include <iconv.h>
#include <string.h>
#include <strings.h>

#include "sync/formats/vcard_impl.h"
#include "sync/mem.h"

void vcard_unescape(const char *value, size_t len, struct buf *out)
{
	for (size_t i = 0; i < len; i++) {
		char next = i + 1 < len ? value[i + 1] : '\0';

		if (value[i] != '\\' || !next) {
			buf_addc(out, value[i]);
		} else if (next == 'n' || next == 'N') {
			buf_addc(out, '\n');
			i++;
		} else if (strchr("\\,;:", next)) {
			buf_addc(out, next);
			i++;
		} else {
			buf_addc(out, '\\');
		}
	}
}

void vcard_escape(const char *text, struct buf *out)
{
	for (const char *p = text; *p; p++) {
		if (*p == '\r' && p[1] == '\n')
			continue;
		if (*p == '\n' || *p == '\r')
			buf_adds(out, "\\n");
		else if (strchr("\\,;", *p))
			buf_addf(out, "\\%c", *p);
		else
			buf_addc(out, *p);
	}
}

void vcard_unescape_uri(const char *value, struct buf *out)
{
	for (const char *p = value; *p; p++) {
		if (*p == '\\' && p[1] && strchr("\\,;:", p[1]))
			p++;
		buf_addc(out, *p);
	}
}

void vcard_escape_uri(const char *uri, struct buf *out)
{
	for (const char *p = uri; *p; p++) {
		if (*p == '\n' || *p == '\r')
			buf_adds(out, *p == '\n' ? "%0A" : "%0D");
		else if (*p == '\\')
			buf_adds(out, "\\\\");
		else
			buf_addc(out, *p);
	}
}

json_t *vcard_text(const char *value, size_t len)
{
	struct buf text AUTOBUF = BUF_INIT(VCARD_MAX_BYTES);

	vcard_unescape(value, len, &text);
	return json_stringn(buf_str(&text), text.len);
}

size_t vcard_until(const char *value, size_t len, char separator)
{
	size_t i = 0;

	while (i < len && value[i] != separator)
		i += value[i] == '\\' && i + 1 < len ? 2 : 1;
	return i;
}

json_t *vcard_split(const char *value, size_t len, char separator)
{
	json_t *parts = json_array();

	for (size_t at = 0; at <= len;) {
		size_t n = vcard_until(value + at, len - at, separator);

		json_array_append_new(parts, vcard_text(value + at, n));
		at += n + 1;
	}
	return parts;
}

int vcard_digits(const char **p, size_t n)
{
	int value = 0;

	for (size_t i = 0; i < n; i++) {
		if (!isdigit((unsigned char)(*p)[i]))
			return -1;
		value = value * 10 + ((*p)[i] - '0');
	}
	*p += n;
	return value;
}

bool vcard_is_blank(const char *text)
{
	return text[strspn(text, " \t\r\n")] == '\0';
}

json_t *vcard_trimmed(const char *text)
{
	size_t len;

	text += strspn(text, " \t\r\n");
	len = strlen(text);
	while (len && strchr(" \t\r\n", text[len - 1]))
		len--;
	return json_stringn(text, len);
}

bool vcard_is_utf8(const char *bytes, size_t len)
{
	json_t *string;

	if (memchr(bytes, '\0', len))
		return false;
	string = json_stringn(bytes, len);
	json_decref(string);
	return string;
}

bool vcard_is_base64(const char *text)
{
	size_t n = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/");

	return n > 0 && strspn(text + n, "=") <= 2 && text[n + strspn(text + n, "=")] == '\0';
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)toupper((unsigned char)c);
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

void vcard_decode_qp(const char *value, size_t len, struct buf *out)
{
	for (size_t i = 0; i < len; i++) {
		int high = i + 2 < len && value[i] == '=' ? hex_digit(value[i + 1]) : -1;
		int low = high >= 0 ? hex_digit(value[i + 2]) : -1;

		if (low < 0) {
			buf_addc(out, value[i]);
			continue;
		}
		buf_addc(out, (char)(high * 16 + low));
		i += 2;
	}
}

int vcard_to_utf8(
	const char *charset, const char *bytes, size_t len, struct buf *out, struct error *err)
{
	char *in = (char *)bytes;
	size_t left = len;
	iconv_t conv = iconv_open("UTF-8", charset);
	int rc = 0;

	if (conv == (iconv_t)-1)
		return error_set(err, ERR_INVALID, "unknown charset %.40s", charset);
	while (left > 0) {
		char chunk[1024];
		char *to = chunk;
		size_t room = sizeof(chunk);
		size_t n = iconv(conv, &in, &left, &to, &room);

		buf_add(out, chunk, sizeof(chunk) - room);
		if (n == (size_t)-1 && errno != E2BIG) {
			rc = error_set(err, ERR_INVALID, "bytes that are not %.40s", charset);
			break;
		}
	}
	iconv_close(conv);
	return rc;
}

/* Bytes of line[0..len) that fit into `room` without breaking a character. */
static size_t fold_at(const char *line, size_t len, size_t room)
{
	size_t n = len < room ? len : room;

	while (n > 1 && n < len && ((unsigned char)line[n] & 0xc0) == 0x80)
		n--;
	return n;
}

void vcard_fold(const char *line, size_t len, const char *eol, struct buf *out)
{
	size_t n = fold_at(line, len, VCARD_FOLD);

	buf_add(out, line, n);
	while (n < len) {
		size_t more = fold_at(line + n, len - n, VCARD_FOLD - 1);

		buf_adds(out, eol);
		buf_addc(out, ' ');
		buf_add(out, line + n, more);
		n += more;
	}
	buf_adds(out, eol);
}

bool vcard_is_name(const char *text)
{
	const char *p = text;

	while (isalnum((unsigned char)*p) || *p == '-' || *p == '_')
		p++;
	return p > text && !*p;
}

void vcard_add_param_value(struct buf *out, const char *value)
{
	size_t len = strlen(value);
	/* A backslash at the end would escape what follows, to those who write that. */
	bool quote = strcspn(value, ":;,") < len || (len && value[len - 1] == '\\');

	if (quote)
		buf_addc(out, '"');
	for (const char *p = value; *p; p++) {
		if (*p == '\r' && p[1] == '\n')
			continue;
		if (*p == '\n' || *p == '\r')
			buf_adds(out, "^n");
		else if (*p == '"')
			buf_adds(out, "^'");
		else if (*p == '^')
			buf_adds(out, "^^");
		else if ((unsigned char)*p >= ' ' || *p == '\t')
			buf_addc(out, *p);
	}
	if (quote)
		buf_addc(out, '"');
}
