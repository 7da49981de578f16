/* What a handler asks of a request: headers, query parameters, Basic credentials.
 *
 * A subrequest of Salesforce's composite resource is a request without a connection: its headers
 * and parameters come from JSON, which is why both are looked up in objects first. */
#include <ctype.h>
#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "sync/mem.h"
#include "tests/sim/core.h"

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

char *request_decode(const char *s, size_t len, bool plus)
{
	char *out = xmalloc(len + 1);
	size_t used = 0;

	for (size_t i = 0; i < len; i++) {
		if (s[i] == '%' && i + 2 < len && hex_digit(s[i + 1]) >= 0 &&
			hex_digit(s[i + 2]) >= 0) {
			out[used++] = (char)(hex_digit(s[i + 1]) * 16 + hex_digit(s[i + 2]));
			i += 2;
		} else {
			out[used++] = plus && s[i] == '+' ? ' ' : s[i];
		}
	}
	out[used] = '\0';
	return out;
}

json_t *request_params(const char *query)
{
	json_t *params = json_object();

	while (query && *query) {
		size_t len = strcspn(query, "&");
		size_t key = strcspn(query, "=&");
		char *name AUTOFREE = request_decode(query, key, true);
		char *value AUTOFREE = NULL;

		if (key < len)
			value = request_decode(query + key + 1, len - key - 1, true);
		if (*name)
			json_object_set_new(params, name, json_string(value ? value : ""));
		query += len + (query[len] == '&');
	}
	return params;
}

const char *sim_query(const struct sim_request *req, const char *name)
{
	return json_string_value(json_object_get(req->params, name));
}

const char *sim_header(const struct sim_request *req, const char *name)
{
	if (req->headers) {
		char *lower AUTOFREE = xstrdup(name);
		const char *value;

		for (char *p = lower; *p; p++)
			*p = (char)tolower((unsigned char)*p);
		value = json_string_value(json_object_get(req->headers, lower));
		if (value)
			return value;
	}
	if (!req->connection)
		return NULL;
	return MHD_lookup_connection_value(req->connection, MHD_HEADER_KIND, name);
}

void sim_set_header(struct sim_response *resp, const char *name, const char *value)
{
	if (!resp->headers)
		resp->headers = json_object();
	json_object_set_new(resp->headers, name, json_string(value));
}

/* Decodes RFC 4648 base64; NULL when it is malformed.  The caller frees. */
static char *base64_decode(const char *s)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	char *out = xmalloc(strlen(s) + 1);
	size_t used = 0;
	uint32_t bits = 0;
	unsigned int n = 0;

	for (; *s && *s != '='; s++) {
		const char *digit = strchr(digits, *s);

		if (!digit) {
			free(out);
			return NULL;
		}
		bits = bits << 6 | (uint32_t)(digit - digits);
		n += 6;
		if (n >= 8) {
			n -= 8;
			out[used++] = (char)(bits >> n & 0xff);
		}
	}
	out[used] = '\0';
	return out;
}

bool sim_basic_auth(const struct sim_request *req, char **user, char **password)
{
	const char *value = sim_header(req, "Authorization");
	char *plain AUTOFREE = NULL;
	char *colon;

	*user = *password = NULL;
	if (!value || strncasecmp(value, "Basic ", 6) != 0)
		return false;
	plain = base64_decode(value + 6 + strspn(value + 6, " "));
	colon = plain ? strchr(plain, ':') : NULL;
	if (!colon)
		return false;
	*user = xstrndup(plain, (size_t)(colon - plain));
	*password = xstrdup(colon + 1);
	return true;
}
