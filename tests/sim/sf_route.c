/* The table of resources: from a URL to a result.
 *
 * A call comes from HTTP or from composite; both end here.  The URL below /services/data/vNN.0 is
 * taken apart at the slashes, each part decoded on its own, and compared with the patterns: `*`
 * stands for one part. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "sync/mem.h"
#include "tests/sim/core.h"
#include "tests/sim/sf.h"

#define MAX_SEGMENTS 8
#define DATA	     "/services/data/v"

struct resource {
	const char *method;
	const char *pattern;
	const char *operation;
	void (*run)(struct sf_call *call);
	bool is_write;
	bool has_body;
};

static const struct resource resources[] = {
	{ "GET", "", "sf:resources", sf_resources, false, false },
	{ "GET", "query", "sf:query", sf_query, false, false },
	{ "GET", "query/*", "sf:queryMore", sf_query_more, false, false },
	{ "GET", "queryAll", "sf:queryAll", sf_query_all, false, false },
	{ "GET", "queryAll/*", "sf:queryMore", sf_query_more, false, false },
	{ "GET", "limits", "sf:limits", sf_limits, false, false },
	{ "GET", "sobjects", "sf:describeGlobal", sf_describe_global, false, false },
	{ "GET", "sobjects/*", "sf:objectInfo", sf_object_info, false, false },
	{ "POST", "sobjects/*", "sf:create", sf_row_create, true, true },
	{ "GET", "sobjects/*/describe", "sf:describe", sf_describe, false, false },
	{ "GET", "sobjects/*/updated", "sf:updated", sf_get_updated, false, false },
	{ "GET", "sobjects/*/deleted", "sf:deleted", sf_get_deleted, false, false },
	{ "GET", "sobjects/*/*", "sf:get", sf_row_get, false, false },
	{ "PATCH", "sobjects/*/*", "sf:update", sf_row_update, true, true },
	{ "DELETE", "sobjects/*/*", "sf:delete", sf_row_delete, true, false },
	{ "GET", "sobjects/*/*/*", "sf:get", sf_row_get_external, false, false },
	{ "PATCH", "sobjects/*/*/*", "sf:upsert", sf_row_upsert, true, true },
	{ "DELETE", "sobjects/Event/*/fromThisEventOnwards", "sf:delete", sf_row_delete_onwards,
		true, false },
	{ "DELETE", "sobjects/*/*/*", "sf:delete", sf_row_delete_external, true, false },
	{ "POST", "composite", "sf:composite", sf_composite, false, true },
	{ "POST", "composite/batch", "sf:batch", sf_batch, false, true },
	{ "POST", "composite/sobjects", "sf:collections-create", sf_collections_create, true,
		true },
	{ "PATCH", "composite/sobjects", "sf:collections-update", sf_collections_update, true,
		true },
	{ "DELETE", "composite/sobjects", "sf:collections-delete", sf_collections_delete, true,
		false },
	{ "PATCH", "composite/sobjects/*/*", "sf:collections-upsert", sf_collections_upsert, true,
		true },
	{ "GET", "composite/sobjects/*", "sf:collections-retrieve", sf_collections_retrieve, false,
		false },
	{ "POST", "composite/sobjects/*", "sf:collections-retrieve", sf_collections_retrieve, false,
		true },
};

/* Helpers for the resources --------------------------------------------------------------- */

const char *sf_param(const struct sf_call *call, const char *name)
{
	return json_string_value(json_object_get(call->params, name));
}

void sf_header(struct sf_call *call, const char *name, const char *value)
{
	if (!call->headers)
		call->headers = json_object();
	json_object_set_new(call->headers, name, json_string(value));
}

void sf_fail(struct sf_call *call, json_t *errors)
{
	const char *code = json_string_value(
		json_object_get(json_array_get(errors, 0), "errorCode"));

	json_decref(call->result);
	call->result = errors;
	call->status = sf_error_status(code ? code : "");
}

char *sf_url(const struct sf_call *call, const char *fmt, ...)
{
	char *tail = NULL;
	char *url;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&tail, fmt, ap) < 0)
		tail = NULL;
	va_end(ap);
	url = xasprintf(DATA "%d.0/%s", call->version, tail ? tail : "");
	free(tail);
	return url;
}

/* Taking the URL apart -------------------------------------------------------------------- */

/* The parts of a path, decoded; n of them. */
static size_t split(const char *path, char **parts)
{
	size_t n = 0;

	while (*path && n < MAX_SEGMENTS) {
		size_t len;

		path += strspn(path, "/");
		len = strcspn(path, "/");
		if (len)
			parts[n++] = request_decode(path, len, false);
		path += len;
	}
	return n;
}

static bool fits(const char *pattern, char **parts, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		size_t len = strcspn(pattern, "/");

		if (!*pattern)
			return false;
		if (!(len == 1 && *pattern == '*') &&
			(strlen(parts[i]) != len || strncasecmp(pattern, parts[i], len) != 0))
			return false;
		pattern += len + (pattern[len] == '/');
	}
	return !*pattern;
}

/* The resource of this method and path; when only the method is wrong, *allowed has the right ones. */
static const struct resource *find(const char *method, char **parts, size_t n, struct buf *allowed)
{
	for (size_t i = 0; i < ARRAY_SIZE(resources); i++) {
		if (!fits(resources[i].pattern, parts, n))
			continue;
		if (strcmp(resources[i].method, method) == 0)
			return &resources[i];
		buf_addf(allowed, "%s%s", allowed->len ? "," : "", resources[i].method);
	}
	return NULL;
}

/* The path below /services/data/vNN.0, or NULL; *version is 0 when it is not served. */
static const char *below_version(const char *path, int *version)
{
	char *end;
	long number;

	*version = 0;
	if (strncasecmp(path, DATA, strlen(DATA)) != 0)
		return NULL;
	path += strlen(DATA);
	number = strtol(path, &end, 10);
	if (strncmp(end, ".0", 2) != 0 || (end[2] && end[2] != '/'))
		return path;
	if (number >= SF_VERSION_OLDEST && number <= SF_VERSION)
		*version = (int)number;
	return end + 2;
}

/* A form's way to say PATCH: POST ...?_HttpMethod=PATCH */
static const char *method_of(const struct sim_request *req)
{
	const char *other = strcmp(req->method, "POST") == 0
				    ? json_string_value(json_object_get(req->params, "_HttpMethod"))
				    : NULL;

	return other ? other : req->method;
}

const char *sf_operation(const struct sim_request *req)
{
	static const struct {
		const char *path, *operation;
	} others[] = {
		{ "/services/oauth2/token", "sf:token" },
		{ "/services/oauth2/userinfo", "sf:userinfo" },
		{ "/services/data", "sf:versions" },
		{ "/services/data/", "sf:versions" },
	};
	AUTOBUF struct buf allowed = BUF_INIT(256);
	char *parts[MAX_SEGMENTS] = { NULL };
	const struct resource *resource;
	const char *tail;
	size_t n;
	int version;

	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		if (strcasecmp(req->raw_path, others[i].path) == 0)
			return others[i].operation;
	if (strncasecmp(req->raw_path, "/id/", 4) == 0)
		return "sf:identity";
	tail = below_version(req->raw_path, &version);
	if (!tail || !version)
		return "sf:unknown";
	n = split(tail, parts);
	resource = find(method_of(req), parts, n, &allowed);
	for (size_t i = 0; i < n; i++)
		free(parts[i]);
	return resource ? resource->operation : "sf:unknown";
}

/* Running --------------------------------------------------------------------------------- */

/* {"type": "sf", "code": "REQUEST_LIMIT_EXCEEDED", "message": ..., "status": ...} */
static bool injected(struct sf_call *call)
{
	const json_t *fault = sim_fault(call->sf->sim, call->operation, "sf");
	const char *code = json_string_value(json_object_get(fault, "code"));
	const char *message = json_string_value(json_object_get(fault, "message"));
	const json_t *status = json_object_get(fault, "status");
	const json_t *after = json_object_get(fault, "retry_after");
	char seconds[24];

	if (!fault)
		return false;
	sf_fail(call, sf_error(code ? code : "UNKNOWN_EXCEPTION", NULL, "%s",
			      message ? message : "An unexpected error occurred."));
	if (status)
		call->status = (int)json_integer_value(status);
	if (after) {
		snprintf(seconds, sizeof(seconds), "%lld", (long long)json_integer_value(after));
		sf_header(call, "Retry-After", seconds);
	}
	return true;
}

static bool body_fits(struct sf_call *call)
{
	const char *type = sim_header(call->req, "Content-Type");

	if (!call->nested && (!type || !strcasestr(type, "json"))) {
		sf_fail(call, sf_error("UNSUPPORTED_MEDIA_TYPE", NULL,
				      "Content-Type header specified in HTTP request is not "
				      "supported: %s",
				      type ? type : ""));
		return false;
	}
	if (json_is_object(call->body))
		return true;
	sf_fail(call,
		sf_error("JSON_PARSER_ERROR", NULL, "Unexpected character or end of the body"));
	return false;
}

static void run(struct sf_call *call)
{
	AUTOBUF struct buf allowed = BUF_INIT(256);
	const struct resource *resource = find(
		call->method, call->segments, call->n_segments, &allowed);

	if (!resource) {
		call->operation = "sf:unknown";
		if (!allowed.len) {
			sf_fail(call, sf_error("NOT_FOUND", NULL,
					      "The requested resource does not exist"));
			return;
		}
		sf_fail(call, sf_error("METHOD_NOT_ALLOWED", NULL,
				      "HTTP Method '%s' not allowed. Allowed are %s", call->method,
				      buf_str(&allowed)));
		sf_header(call, "Allow", buf_str(&allowed));
		return;
	}
	call->operation = resource->operation;
	call->is_write = resource->is_write;
	if (injected(call))
		return;
	if (!resource->has_body || body_fits(call))
		resource->run(call);
}

void sf_route(struct sf_call *call)
{
	char *parts[MAX_SEGMENTS] = { NULL };
	const char *tail = below_version(call->req->raw_path, &call->version);

	call->operation = "sf:unknown";
	if (!tail || !call->version) {
		sf_fail(call, sf_error("NOT_FOUND", NULL, "The requested resource does not exist"));
		return;
	}
	call->params = call->req->params;
	call->method = method_of(call->req);
	call->segments = parts;
	call->n_segments = split(tail, parts);
	run(call);
	for (size_t i = 0; i < call->n_segments; i++)
		free(parts[i]);
	call->segments = NULL;
}
