/* Every exchange written to a directory, as its server sent it.
 *
 * NNNNNN-OPERATION-request.xml and -response.xml (.json for Salesforce, .txt for what is neither)
 * hold the bodies, index.jsonl one line for each exchange with method, URL and status.  Headers are
 * left out and secrets in a form masked, so that a recording can be shown to anybody.  What was
 * malformed on purpose goes to the subdirectory `malformed`. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sync/mem.h"
#include "tests/sim/core.h"

static int make_directory(const char *dir, struct error *err)
{
	char *path AUTOFREE = xstrdup(dir);

	for (char *p = path + 1; *p; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		if (mkdir(path, 0777) < 0 && errno != EEXIST)
			return error_set(err, ERR_INVALID, "%s: %s", path, strerror(errno));
		*p = '/';
	}
	if (mkdir(path, 0777) < 0 && errno != EEXIST)
		return error_set(err, ERR_INVALID, "%s: %s", path, strerror(errno));
	return 0;
}

int recorder_start(struct recorder *r, const char *dir, struct error *err)
{
	recorder_stop(r);
	if (!dir)
		return 0;
	if (make_directory(dir, err) < 0)
		return err ? (int)err->code : ERR_INVALID;
	r->dir = xstrdup(dir);
	r->count = 0;
	return 0;
}

void recorder_stop(struct recorder *r)
{
	free(r->dir);
	r->dir = NULL;
}

static void write_file(const char *path, const char *mode, const void *data, size_t len)
{
	FILE *f = fopen(path, mode);

	if (!f || fwrite(data, 1, len, f) != len)
		fprintf(stderr, "tandem-sim: cannot record %s: %s\n", path, strerror(errno));
	if (f)
		fclose(f);
}

/* The form of a token request, its secrets masked. */
static char *masked_form(const struct sim_request *req)
{
	static const char *const secrets[] = { "client_secret", "password", "assertion" };
	json_t *form = request_params(req->body);
	char *text;

	for (size_t i = 0; i < ARRAY_SIZE(secrets); i++)
		if (json_object_get(form, secrets[i]))
			json_object_set_new(form, secrets[i], json_string("***"));
	text = json_dumps(form, JSON_COMPACT);
	json_decref(form);
	return text;
}

static const char *suffix_of(const char *content_type, const char *body, size_t len)
{
	if (content_type && strstr(content_type, "json"))
		return "json";
	if (content_type && strstr(content_type, "xml"))
		return "xml";
	return !content_type && len && body[0] == '<' ? "xml" : "txt";
}

static void write_request(const char *base, const struct recorded *x)
{
	const struct sim_request *req = x->request;
	const char *type = sim_header(req, "Content-Type");
	char *path AUTOFREE = NULL;
	char *text = NULL;

	if (!req->body_len)
		text = xasprintf("{\"method\": \"%s\"}\n", req->method);
	else if (type && strstr(type, "x-www-form-urlencoded"))
		text = masked_form(req);
	path = xasprintf(
		"%s-request.%s", base, text ? "json" : suffix_of(type, req->body, req->body_len));
	write_file(path, "wb", text ? text : req->body, text ? strlen(text) : req->body_len);
	free(text);
}

static void write_index(const char *dir, const char *name, const struct recorded *x)
{
	const struct sim_request *req = x->request;
	json_t *line = json_pack("{s:s, s:s, s:s, s:s, s:i}", "exchange", name, "operation",
		x->operation, "method", req->method, "path", req->raw_path, "status", x->status);
	char *text = NULL;
	char *all AUTOFREE = NULL;
	char *path AUTOFREE = xasprintf("%s/index.jsonl", dir);

	if (line && req->query)
		json_object_set_new(line, "query", json_string(req->query));
	if (line)
		text = json_dumps(line, JSON_COMPACT);
	all = xasprintf("%s\n", text ? text : "{}");
	write_file(path, "ab", all, strlen(all));
	free(text);
	json_decref(line);
}

void recorder_write(struct recorder *r, const struct recorded *x)
{
	char *dir AUTOFREE = NULL;
	char *name AUTOFREE = NULL;
	char *base AUTOFREE = NULL;
	char *answer AUTOFREE = NULL;

	if (!r->dir)
		return;
	dir = xasprintf("%s%s", r->dir, x->malformed ? "/malformed" : "");
	if (make_directory(dir, NULL) < 0)
		return;
	name = xasprintf("%06u-%s", ++r->count, x->operation);
	for (char *p = name; *p; p++)
		if (!isalnum((unsigned char)*p) && *p != '-')
			*p = '-';
	base = xasprintf("%s/%s", dir, name);
	write_request(base, x);
	answer = xasprintf("%s-response.%s", base,
		suffix_of(x->content_type, buf_str(x->answer), x->answer->len));
	write_file(answer, "wb", buf_str(x->answer), x->answer->len);
	write_index(dir, name, x);
}
