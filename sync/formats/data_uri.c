/* data: URIs (RFC 2397).  See data_uri.h.
 *
 * What a URI looks like differs from program to program (line breaks, case of the type, parameters);
 * the bytes do not.  So whatever compares photos compares digests of bytes. */
#include "sync/formats/data_uri.h"

#include <ctype.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <string.h>
#include <strings.h>

#include "sync/mem.h"

#define SCHEME	 "data:"
#define ENCODING ";base64"
/* As long as the longest file of the cache. */
#define MAX_BYTES ((size_t)16 << 20)

static const struct {
	const char *magic;
	size_t at, len;
	const char *type;
} magics[] = {
	{ "\xff\xd8\xff", 0, 3, "image/jpeg" },
	{ "\x89PNG\r\n\x1a\n", 0, 8, "image/png" },
	{ "GIF8", 0, 4, "image/gif" },
	{ "WEBP", 8, 4, "image/webp" },
	{ "BM", 0, 2, "image/bmp" },
};

bool data_uri_is(const char *uri)
{
	return !strncasecmp(uri, SCHEME, strlen(SCHEME)) && strchr(uri, ',');
}

bool data_base64_read(const char *text, size_t len, struct buf *out)
{
	char *clean AUTOFREE = xmalloc(len + 1);
	size_t n = 0, pad = 0;
	char *bytes AUTOFREE = NULL;
	int got;

	for (size_t i = 0; i < len; i++)
		if (!isspace((unsigned char)text[i]))
			clean[n++] = text[i];
	while (pad < n && pad < 2 && clean[n - 1 - pad] == '=')
		pad++;
	if (n % 4)
		return false;
	bytes = xmalloc(n / 4 * 3 + 1);
	got = n ? EVP_DecodeBlock((unsigned char *)bytes, (unsigned char *)clean, (int)n) : 0;
	if (got < (int)pad)
		return false;
	buf_add(out, bytes, (size_t)got - pad);
	return true;
}

char *data_base64(const void *bytes, size_t len)
{
	char *text = xmalloc((len + 2) / 3 * 4 + 1);

	EVP_EncodeBlock((unsigned char *)text, bytes, (int)len);
	return text;
}

static int hex_digit(char c)
{
	if (isdigit((unsigned char)c))
		return c - '0';
	return isxdigit((unsigned char)c) ? tolower((unsigned char)c) - 'a' + 10 : -1;
}

static bool read_percent(const char *text, struct buf *out)
{
	for (; *text; text++) {
		int high = text[0] == '%' ? hex_digit(text[1]) : -1;
		int low = high >= 0 ? hex_digit(text[2]) : -1;

		if (text[0] == '%' && low < 0)
			return false;
		buf_addc(out, text[0] == '%' ? (char)(high << 4 | low) : text[0]);
		text += text[0] == '%' ? 2 : 0;
	}
	return true;
}

bool data_uri_read(const char *uri, char **type, struct buf *out)
{
	const char *comma = strchr(uri, ','), *head = uri + strlen(SCHEME);
	size_t encoding = strlen(ENCODING), type_len;
	bool base64;

	if (type)
		*type = NULL;
	if (!data_uri_is(uri) || strlen(comma + 1) > MAX_BYTES * 2)
		return false;
	base64 = (size_t)(comma - head) >= encoding &&
		 !strncasecmp(comma - encoding, ENCODING, encoding);
	type_len = strcspn(head, ";,");
	if (base64 ? !data_base64_read(comma + 1, strlen(comma + 1), out)
		   : !read_percent(comma + 1, out))
		return false;
	if (type && type_len)
		*type = xstrndup(head, type_len);
	return !out->failed;
}

static const char *type_of(const char *bytes, size_t len)
{
	for (size_t i = 0; i < ARRAY_SIZE(magics); i++)
		if (len >= magics[i].at + magics[i].len &&
			!memcmp(bytes + magics[i].at, magics[i].magic, magics[i].len))
			return magics[i].type;
	return NULL;
}

char *data_uri_make(const char *type, const void *bytes, size_t len)
{
	char *text AUTOFREE = data_base64(bytes, len);
	const char *seen = type_of(bytes, len);

	if (!seen)
		seen = type && *type ? type : "application/octet-stream";
	return xasprintf(SCHEME "%s" ENCODING ",%s", seen, text);
}

char *data_uri_digest(const char *uri)
{
	struct buf bytes AUTOBUF = BUF_INIT(MAX_BYTES);
	unsigned char digest[SHA256_DIGEST_LENGTH];
	char hex[2 * SHA256_DIGEST_LENGTH + 1];

	if (!data_uri_read(uri, NULL, &bytes))
		return NULL;
	SHA256((const unsigned char *)buf_str(&bytes), bytes.len, digest);
	for (size_t i = 0; i < sizeof(digest); i++) {
		hex[2 * i] = "0123456789abcdef"[digest[i] >> 4];
		hex[2 * i + 1] = "0123456789abcdef"[digest[i] & 15];
	}
	hex[sizeof(hex) - 1] = '\0';
	return xasprintf("sha256:%s", hex);
}
