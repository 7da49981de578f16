/* The simulated Salesforce: start and end, a request from sign-in to answer, seeding, the dump. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "sync/mem.h"
#include "tests/sim/core.h"
#include "tests/sim/sf.h"

#define DAILY_LIMIT   1000000
#define SEED_STEP     20 /* seconds between the stamps of seeded records */
#define SEED_BACK     (30 * 86400)
#define SEED_YOUNGEST 3600

struct sf *sf_new(struct sim *sim)
{
	struct sf *sf = xcalloc(1, sizeof(*sf));

	sf->sim = sim;
	sf->tokens = json_object();
	sf->logins = json_object();
	sf->strings = json_array();
	sf->flows = json_array();
	sf->pending = json_array();
	sf->limit = DAILY_LIMIT;
	sf->multi_day = true;
	sf_objects_init(sf);
	return sf;
}

void sf_free(struct sf *sf)
{
	if (!sf)
		return;
	sf_cursors_free(sf);
	sf_tables_free(sf);
	json_decref(sf->tokens);
	json_decref(sf->logins);
	json_decref(sf->strings);
	json_decref(sf->flows);
	json_decref(sf->pending);
	free(sf->client_id);
	free(sf->client_secret);
	free(sf->token);
	free(sf);
}

void sf_add_login(struct sf *sf, const char *user_id, const char *username, const char *password)
{
	json_object_set_new(
		sf->logins, username, json_pack("{s:s, s:s}", "id", user_id, "password", password));
}

void sf_set_client(struct sf *sf, const char *client_id, const char *client_secret)
{
	free(sf->client_id);
	free(sf->client_secret);
	sf->client_id = xstrdup(client_id);
	sf->client_secret = xstrdup(client_secret);
}

const char *sf_access_token(struct sf *sf)
{
	const struct sf_table *users = sf_table_find(sf, "User");

	if (!sf->token && users->n)
		sf->token = xstrdup(sf_issue_token(sf, users->rows[users->n > 1]->id));
	return sf->token ? sf->token : "";
}

/* Requests -------------------------------------------------------------------------------- */

static int add_json(const char *data, size_t len, void *buffer)
{
	buf_add(buffer, data, len);
	return 0;
}

static void put_limit_info(const struct sf *sf, struct sim_response *resp)
{
	char text[64];

	snprintf(text, sizeof(text), "api-usage=%lld/%lld", (long long)sf->used,
		(long long)sf->limit);
	sim_set_header(resp, "Sforce-Limit-Info", text);
}

static void answer(struct sf_call *call, struct sim_response *resp)
{
	const char *name;
	json_t *value;

	resp->status = call->status;
	resp->operation = call->operation;
	resp->is_write = call->is_write;
	if (call->result) {
		json_dump_callback(call->result, add_json, &resp->body, JSON_COMPACT);
		sim_set_header(resp, "Content-Type", "application/json;charset=UTF-8");
	}
	json_object_foreach(call->headers, name, value)
		sim_set_header(resp, name, json_string_value(value));
	json_decref(call->result);
	json_decref(call->headers);
}

static bool admitted(struct sf_call *call)
{
	struct sf *sf = call->sf;

	call->user = sf_signed_in(sf, call->req);
	if (!call->user) {
		sf_fail(call, sf_error("INVALID_SESSION_ID", NULL, "Session expired or invalid"));
		sf_header(call, "WWW-Authenticate", "Token");
		return false;
	}
	if (sf->used >= sf->limit) {
		sf_fail(call,
			sf_error("REQUEST_LIMIT_EXCEEDED", NULL, "TotalRequests Limit exceeded."));
		return false;
	}
	sf->used++;
	return true;
}

static void serve(struct sf_call *call)
{
	const char *path = call->req->path;

	if (strcasecmp(path, "/services/oauth2/userinfo") == 0)
		sf_userinfo(call);
	else if (strncasecmp(path, "/id/", 4) == 0)
		sf_identity(call);
	else
		sf_route(call);
}

static void versions(struct sim_response *resp)
{
	json_t *list = sf_versions();

	resp->operation = "sf:versions";
	resp->status = 200;
	json_dump_callback(list, add_json, &resp->body, JSON_COMPACT);
	sim_set_header(resp, "Content-Type", "application/json;charset=UTF-8");
	json_decref(list);
}

void sf_handle(struct sf *sf, const struct sim_request *req, struct sim_response *resp)
{
	struct sf_call call = { .sf = sf, .req = req, .operation = sf_operation(req) };

	if (strcasecmp(req->path, "/services/oauth2/token") == 0) {
		sf_token(sf, req, resp);
		return;
	}
	if (strcasecmp(req->path, "/services/data") == 0 ||
		strcasecmp(req->path, "/services/data/") == 0) {
		versions(resp);
		return;
	}
	if (strlen(req->raw_path) + (req->query ? strlen(req->query) : 0) > SF_URI_MAX) {
		resp->operation = call.operation;
		resp->status = 414;
		buf_adds(&resp->body, "<html><body><h1>URI Too Long</h1></body></html>\n");
		sim_set_header(resp, "Content-Type", "text/html;charset=UTF-8");
		return;
	}
	if (req->body_len)
		call.body = json_loadb(req->body, req->body_len, 0, NULL);
	if (admitted(&call))
		serve(&call);
	json_decref((json_t *)call.body);
	answer(&call, resp);
	put_limit_info(sf, resp);
}

/* Seeding --------------------------------------------------------------------------------- */

/* Stamps of seeded records lie apart, as in an org that grew. */
static int64_t seed_stamp(struct sf *sf)
{
	int64_t now = sim_now_ns(sf->sim) / INT64_C(1000000000);
	int64_t age = SEED_BACK;

	for (size_t i = 0; i < sf->n_tables; i++)
		age -= (int64_t)sf->tables[i].n * SEED_STEP;
	return now - (age > SEED_YOUNGEST ? age : SEED_YOUNGEST);
}

static void seed_system_fields(struct sf *sf, const struct sf_table *table, json_t *fields)
{
	static const char *const stamps[] = { "CreatedDate", "LastModifiedDate", "SystemModstamp" };
	static const char *const users[] = { "CreatedById", "LastModifiedById", "OwnerId" };
	char text[32];

	sf_format_datetime(seed_stamp(sf), text);
	for (size_t i = 0; i < ARRAY_SIZE(stamps); i++)
		if (!json_object_get(fields, stamps[i]))
			json_object_set_new(fields, stamps[i], json_string(text));
	for (size_t i = 0; i < ARRAY_SIZE(users); i++)
		if (!json_object_get(fields, users[i]) && sf->api_user &&
			sf_field_find(table, users[i]))
			json_object_set_new(fields, users[i], json_string(sf->api_user));
	for (size_t i = 0; i < table->n_fields; i++)
		if (table->fields[i].type == SF_BOOLEAN &&
			!json_object_get(fields, table->fields[i].name))
			json_object_set_new(fields, table->fields[i].name, json_false());
}

static bool breaks_rules(json_t *errors)
{
	if (errors)
		json_dumpf(errors, stderr, JSON_COMPACT);
	json_decref(errors);
	return errors != NULL;
}

const char *sf_seed(struct sf *sf, const char *object, const json_t *given)
{
	struct sf_table *table = sf_table_find(sf, object);
	struct sf_save how = { .user = sf->api_user, .privileged = true };
	struct sf_record *record;
	json_t *fields;

	if (!table)
		return NULL;
	fields = json_object();
	if (table->rules && table->rules->defaults)
		table->rules->defaults(sf, &how, fields);
	json_object_update(fields, (json_t *)given);
	seed_system_fields(sf, table, fields);
	if (strcmp(table->name, "Lead") == 0 && !json_object_get(fields, "Status"))
		json_object_set_new(fields, "Status", json_string("Open - Not Contacted"));
	if (table->rules && table->rules->check &&
		breaks_rules(table->rules->check(sf, &how, NULL, given, fields))) {
		json_decref(fields);
		return NULL;
	}
	sf_compute(table, fields);
	record = sf_insert(sf, table, fields);
	if (table->rules && table->rules->saved &&
		breaks_rules(table->rules->saved(sf, &how, record, NULL, given)))
		return NULL;
	if (!sf->api_user && strcmp(table->name, "User") == 0)
		sf->api_user = record->id;
	return record->id;
}

/* The dump -------------------------------------------------------------------------------- */

json_t *sf_dump(struct sf *sf)
{
	json_t *out = json_object();

	for (size_t t = 0; t < sf->n_tables; t++) {
		const struct sf_table *table = &sf->tables[t];
		json_t *list = json_array();

		for (size_t i = 0; i < table->n; i++) {
			const struct sf_record *record = table->rows[i];
			json_t *copy;

			if (record->purged)
				continue;
			copy = json_copy(record->fields);
			json_object_set_new(copy, "IsDeleted", json_boolean(record->deleted));
			if (sf->api_user && json_object_get(record->hidden, sf->api_user))
				json_object_set_new(copy, "_hidden", json_true());
			json_array_append_new(list, copy);
		}
		json_object_set_new(out, table->name, list);
	}
	json_object_set_new(out, "integration_user", json_string(sf->api_user ? sf->api_user : ""));
	return out;
}
