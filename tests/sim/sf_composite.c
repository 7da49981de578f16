/* composite and composite/batch: several requests in one.
 *
 * Each subrequest becomes a call of its own, with its own headers in front of the outer ones.  In
 * composite a later subrequest may use what an earlier one answered: @{referenceId.path} in its URL
 * and in the strings of its body.  With allOrNone the whole is one transaction. */
#include <stdio.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "sync/mem.h"
#include "tests/sim/core.h"
#include "tests/sim/sf.h"

#define QUERIES_MAX 5 /* of queries and collections together */

/* References ------------------------------------------------------------------------------ */

/* Follows "records[0].Id" from root; NULL when there is nothing. */
static const json_t *follow(const json_t *root, const char *path)
{
	while (root && *path) {
		size_t len = strcspn(path, ".[");
		char *key AUTOFREE = xstrndup(path, len);

		if (*path == '[') {
			root = json_array_get(root, strtoul(path + 1, NULL, 10));
			path += strcspn(path, "]");
			path += *path == ']';
		} else if (*path == '.') {
			path++;
		} else {
			root = json_object_get(root, key);
			path += len;
		}
	}
	return root;
}

/* The text with every reference replaced; NULL and *errors when one has no value. */
static char *expand(const char *text, const json_t *answers, json_t **errors)
{
	AUTOBUF struct buf out = BUF_INIT(8u << 20);
	const char *start;

	while ((start = strstr(text, "@{"))) {
		const char *end = strchr(start, '}');
		char *path AUTOFREE = NULL;
		const json_t *value;

		if (!end)
			break;
		path = xstrndup(start + 2, (size_t)(end - start - 2));
		value = follow(answers, path);
		if (!json_is_string(value) && !json_is_integer(value)) {
			path[strcspn(path, ".[")] = '\0';
			*errors = sf_error("PROCESSING_HALTED", NULL,
				"Invalid reference specified. No value for %.*s found in %s",
				(int)(end - start - 2), start + 2, path);
			return NULL;
		}
		buf_add(&out, text, (size_t)(start - text));
		if (json_is_string(value))
			buf_adds(&out, json_string_value(value));
		else
			buf_addf(&out, "%lld", (long long)json_integer_value(value));
		text = end + 1;
	}
	buf_adds(&out, text);
	return buf_take(&out);
}

static json_t *expand_json(const json_t *value, const json_t *answers, json_t **errors)
{
	json_t *out = NULL, *inner, *made;
	const char *key;
	size_t i;

	if (json_is_string(value)) {
		char *text AUTOFREE = expand(json_string_value(value), answers, errors);

		return text ? json_string(text) : NULL;
	}
	if (json_is_object(value)) {
		out = json_object();
		json_object_foreach((json_t *)value, key, inner)
			if (!*errors && (made = expand_json(inner, answers, errors)))
				json_object_set_new(out, key, made);
		return out;
	}
	if (json_is_array(value)) {
		out = json_array();
		json_array_foreach(value, i, inner)
			if (!*errors && (made = expand_json(inner, answers, errors)))
				json_array_append_new(out, made);
		return out;
	}
	return json_incref((json_t *)value);
}

/* One subrequest -------------------------------------------------------------------------- */

static json_t *lower_headers(const json_t *headers)
{
	json_t *lower = json_object();
	const char *name;
	json_t *value;

	json_object_foreach((json_t *)headers, name, value) {
		char *key AUTOFREE = xstrdup(name);

		for (char *p = key; *p; p++)
			*p = (char)tolower((unsigned char)*p);
		json_object_set(lower, key, value);
	}
	return lower;
}

/* Carries out one subrequest; the result is {"status", "body", "headers", "write"}. */
static json_t *perform(struct sf_call *outer, const char *method, const char *url,
	const json_t *body, const json_t *headers)
{
	size_t len = strcspn(url, "?");
	char *path AUTOFREE = xstrndup(url, len);
	struct sim_request req = { .method = method,
		.path = path,
		.raw_path = path,
		.query = url[len] ? url + len + 1 : NULL,
		.body = "",
		.connection = outer->req->connection,
		.headers = lower_headers(headers) };
	struct sf_call call = {
		.sf = outer->sf, .req = &req, .body = body, .user = outer->user, .nested = true
	};
	json_t *out;

	req.params = request_params(req.query);
	sf_route(&call);
	out = json_pack("{s:i, s:o, s:o, s:b}", "status", call.status, "body",
		call.result ? call.result : json_null(), "headers",
		call.headers ? call.headers : json_object(), "write", call.is_write);
	json_decref(req.params);
	json_decref(req.headers);
	return out;
}

static int status_of(const json_t *done)
{
	return (int)json_integer_value(json_object_get(done, "status"));
}

static json_t *halted(const char *why)
{
	return json_pack("{s:i, s:o, s:{}, s:b}", "status", 400, "body",
		sf_error("PROCESSING_HALTED", NULL, "%s", why), "headers", "write", 0);
}

static json_t *subrequest(struct sf_call *outer, const json_t *sub, const json_t *answers)
{
	json_t *errors = NULL;
	char *url AUTOFREE = expand(
		json_string_value(json_object_get(sub, "url")), answers, &errors);
	const char *method = json_string_value(json_object_get(sub, "method"));
	const json_t *body = json_object_get(sub, "body");
	json_t *expanded = errors || !body ? NULL : expand_json(body, answers, &errors);
	json_t *done;

	if (errors)
		done = json_pack("{s:i, s:o, s:{}, s:b}", "status", 400, "body", errors, "headers",
			"write", 0);
	else
		done = perform(outer, method, url, expanded, json_object_get(sub, "httpHeaders"));
	json_decref(expanded);
	return done;
}

/* composite ------------------------------------------------------------------------------- */

static bool is_query(const char *url)
{
	return strstr(url, "/query") || strstr(url, "/composite/sobjects");
}

/* What is wrong with the request as a whole, or NULL. */
static json_t *check(const json_t *subs)
{
	json_t *seen = json_object();
	json_t *errors = NULL, *sub;
	size_t i, queries = 0;

	if (!json_is_array(subs) || !json_array_size(subs))
		errors = sf_error("JSON_PARSER_ERROR", NULL, "compositeRequest is missing");
	else if (json_array_size(subs) > SF_COMPOSITE_MAX)
		errors = sf_error("LIMIT_EXCEEDED", NULL,
			"The requested number of subrequests (%zu) exceeds the limit of %d",
			json_array_size(subs), SF_COMPOSITE_MAX);
	json_array_foreach(subs, i, sub) {
		const char *ref = json_string_value(json_object_get(sub, "referenceId"));
		const char *url = json_string_value(json_object_get(sub, "url"));

		if (errors)
			break;
		if (!ref || !url || !json_string_value(json_object_get(sub, "method")))
			errors = sf_error("JSON_PARSER_ERROR", NULL,
				"A subrequest needs method, url and referenceId");
		else if (ref[strspn(ref, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ01234"
					 "56789_")])
			errors = sf_error(
				"INVALID_INPUT", NULL, "The referenceId %s is not valid", ref);
		else if (json_object_get(seen, ref))
			errors = sf_error(
				"INVALID_INPUT", NULL, "The referenceId %s is not unique", ref);
		else if (is_query(url) && ++queries > QUERIES_MAX)
			errors = sf_error("LIMIT_EXCEEDED", NULL,
				"Composite request can contain up to 5 Query or Collections "
				"operations");
		if (!errors)
			json_object_set_new(seen, ref, json_true());
	}
	json_decref(seen);
	return errors;
}

/* Runs them in order; results hold what perform() returns. */
static bool run_all(struct sf_call *call, const json_t *subs, bool all_or_none, json_t *results)
{
	json_t *answers = json_object();
	bool any_failed = false;
	json_t *sub;
	size_t i;

	json_array_foreach(subs, i, sub) {
		const char *ref = json_string_value(json_object_get(sub, "referenceId"));
		json_t *done = any_failed && all_or_none ? halted("")
							 : subrequest(call, sub, answers);

		call->is_write |= json_is_true(json_object_get(done, "write"));
		any_failed = any_failed || status_of(done) >= 300;
		if (status_of(done) < 300)
			json_object_set(answers, ref, json_object_get(done, "body"));
		json_array_append_new(results, done);
	}
	json_decref(answers);
	return any_failed;
}

/* The failure that ended a transaction keeps its errors, all others are undone. */
static void undo_all(json_t *results)
{
	bool found = false;
	json_t *done;
	size_t i;

	json_array_foreach(results, i, done) {
		if (!found && status_of(done) >= 300) {
			found = true;
			continue;
		}
		json_array_set_new(results, i,
			halted("The transaction was rolled back since another operation in the "
			       "same "
			       "transaction failed."));
	}
}

void sf_composite(struct sf_call *call)
{
	const json_t *subs = json_object_get(call->body, "compositeRequest");
	bool all_or_none = json_is_true(json_object_get(call->body, "allOrNone"));
	json_t *errors = check(subs);
	json_t *results, *list, *done;
	size_t i;

	if (errors) {
		sf_fail(call, errors);
		return;
	}
	results = json_array();
	list = json_array();
	sf_begin(call->sf);
	if (run_all(call, subs, all_or_none, results) && all_or_none) {
		sf_rollback(call->sf);
		undo_all(results);
	} else {
		sf_commit(call->sf);
	}
	json_array_foreach(results, i, done)
		json_array_append_new(list,
			json_pack("{s:O, s:O, s:i, s:O}", "body", json_object_get(done, "body"),
				"httpHeaders", json_object_get(done, "headers"), "httpStatusCode",
				status_of(done), "referenceId",
				json_object_get(json_array_get(subs, i), "referenceId")));
	json_decref(results);
	call->status = 200;
	call->result = json_pack("{s:o}", "compositeResponse", list);
}

/* batch ----------------------------------------------------------------------------------- */

void sf_batch(struct sf_call *call)
{
	const json_t *subs = json_object_get(call->body, "batchRequests");
	bool halt = json_is_true(json_object_get(call->body, "haltOnError"));
	bool any_failed = false;
	json_t *results, *sub;
	size_t i;

	if (json_array_size(subs) == 0 || json_array_size(subs) > SF_COMPOSITE_MAX) {
		sf_fail(call, sf_error("LIMIT_EXCEEDED", NULL,
				      "batchRequests must hold between 1 and %d requests",
				      SF_COMPOSITE_MAX));
		return;
	}
	results = json_array();
	json_array_foreach(subs, i, sub) {
		const char *url = json_string_value(json_object_get(sub, "url"));
		const char *method = json_string_value(json_object_get(sub, "method"));
		char *full AUTOFREE = xasprintf("%s%s",
			url && strncmp(url, "/services/", 10) == 0 ? "" : "/services/data/",
			url ? url : "");
		json_t *done = halt && any_failed
				       ? json_pack("{s:i, s:o}", "status", 412, "body",
						 sf_error("BATCH_PROCESSING_HALTED", NULL,
							 "Batch processing halted per request"))
				       : perform(call, method ? method : "GET", full,
						 json_object_get(sub, "richInput"), NULL);

		call->is_write |= json_is_true(json_object_get(done, "write"));
		any_failed = any_failed || status_of(done) >= 300;
		json_array_append_new(
			results, json_pack("{s:i, s:O}", "statusCode", status_of(done), "result",
					 json_object_get(done, "body")));
		json_decref(done);
	}
	call->status = 200;
	call->result = json_pack("{s:b, s:o}", "hasErrors", any_failed, "results", results);
}
