/* OAuth: the token endpoint (client credentials, password), userinfo and identity.
 *
 * A token stands for a user until tokens are expired on demand (/sim/sf/expire-tokens). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "sync/mem.h"
#include "tests/sim/core.h"
#include "tests/sim/sf.h"

static int add_json(const char *data, size_t len, void *buffer)
{
	buf_add(buffer, data, len);
	return 0;
}

static void answer(struct sim_response *resp, int status, json_t *body /* stolen */)
{
	resp->status = status;
	json_dump_callback(body, add_json, &resp->body, JSON_COMPACT);
	sim_set_header(resp, "Content-Type", "application/json;charset=UTF-8");
	json_decref(body);
}

static void refuse(struct sim_response *resp, const char *error, const char *description)
{
	answer(resp, 400,
		json_pack("{s:s, s:s}", "error", error, "error_description", description));
}

const char *sf_issue_token(struct sf *sf, const char *user)
{
	char token[128];

	/* Deterministic, and unmistakably a simulator's. */
	snprintf(token, sizeof(token), "%.15s!SimulatedAccessToken.%06u", SF_ORG, ++sf->last_token);
	json_object_set_new(sf->tokens, token, json_string(user));
	return json_object_iter_key(json_object_iter_at(sf->tokens, token));
}

const char *sf_signed_in(struct sf *sf, const struct sim_request *req)
{
	const char *header = sim_header(req, "Authorization");
	const char *token = sim_query(req, "oauth_token");

	if (header && strncasecmp(header, "Bearer ", 7) == 0)
		token = header + 7;
	else if (header && strncasecmp(header, "OAuth ", 6) == 0)
		token = header + 6;
	return token ? json_string_value(json_object_get(sf->tokens, token)) : NULL;
}

static bool same(const char *a, const char *b)
{
	return a && b && strcmp(a, b) == 0;
}

/* The client's id and secret stand in the form or in the Authorization header. */
static bool client_known(
	struct sf *sf, const struct sim_request *req, const json_t *form, struct sim_response *resp)
{
	const char *id = json_string_value(json_object_get(form, "client_id"));
	const char *secret = json_string_value(json_object_get(form, "client_secret"));
	char *user AUTOFREE = NULL;
	char *password AUTOFREE = NULL;

	if (sim_basic_auth(req, &user, &password)) {
		id = user;
		secret = password;
	}
	if (!same(id, sf->client_id)) {
		refuse(resp, "invalid_client_id", "client identifier invalid");
		return false;
	}
	if (!same(secret, sf->client_secret)) {
		refuse(resp, "invalid_client", "invalid client credentials");
		return false;
	}
	return true;
}

/* The user that the grant stands for, or NULL and answered. */
static const char *grant(struct sf *sf, const json_t *form, struct sim_response *resp)
{
	const char *type = json_string_value(json_object_get(form, "grant_type"));
	const char *username = json_string_value(json_object_get(form, "username"));
	const char *password = json_string_value(json_object_get(form, "password"));
	const json_t *login = json_object_get(sf->logins, username ? username : "");

	if (same(type, "client_credentials"))
		return sf->api_user;
	if (!same(type, "password")) {
		refuse(resp, "unsupported_grant_type", "grant type not supported");
		return NULL;
	}
	if (!same(password, json_string_value(json_object_get(login, "password")))) {
		refuse(resp, "invalid_grant", "authentication failure");
		return NULL;
	}
	return json_string_value(json_object_get(login, "id"));
}

void sf_token(struct sf *sf, const struct sim_request *req, struct sim_response *resp)
{
	json_t *form = request_params(req->body);
	const char *user;

	resp->operation = "sf:token";
	if (strcmp(req->method, "POST") != 0)
		refuse(resp, "invalid_request", "must use HTTP POST");
	else if (client_known(sf, req, form, resp) && (user = grant(sf, form, resp))) {
		char *id AUTOFREE = xasprintf("%s/id/%s/%s", sim_base_url(sf->sim), SF_ORG, user);
		char issued[32];

		snprintf(
			issued, sizeof(issued), "%lld", (long long)(sim_now_ns(sf->sim) / 1000000));
		answer(resp, 200,
			json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "access_token",
				sf_issue_token(sf, user), "signature",
				"c2ltdWxhdGVkLXNpZ25hdHVyZS1vZi1hLXRva2Vu", "scope", "api",
				"instance_url", sim_base_url(sf->sim), "id", id, "token_type",
				"Bearer", "issued_at", issued));
	}
	json_decref(form);
}

void sf_userinfo(struct sf_call *call)
{
	const struct sf_record *user = sf_find(call->sf, call->user);
	char *sub AUTOFREE = xasprintf(
		"%s/id/%s/%s", sim_base_url(call->sf->sim), SF_ORG, call->user);

	call->status = 200;
	call->operation = "sf:userinfo";
	call->result = json_pack("{s:s, s:s, s:s, s:s?, s:s?, s:s?, s:b}", "sub", sub, "user_id",
		call->user, "organization_id", SF_ORG, "preferred_username",
		user ? sf_text(user, "Username") : NULL, "name",
		user ? sf_text(user, "Name") : NULL, "email", user ? sf_text(user, "Email") : NULL,
		"active", 1);
}

static json_t *identity_urls(const struct sf *sf, const char *user)
{
	static const struct {
		const char *name, *path;
	} urls[] = { { "rest", "/services/data/v{version}/" },
		{ "sobjects", "/services/data/v{version}/sobjects/" },
		{ "query", "/services/data/v{version}/query/" } };
	json_t *out = json_object();
	char *profile AUTOFREE = xasprintf("%s/%s", sim_base_url(sf->sim), user);

	for (size_t i = 0; i < ARRAY_SIZE(urls); i++) {
		char *url AUTOFREE = xasprintf("%s%s", sim_base_url(sf->sim), urls[i].path);

		json_object_set_new(out, urls[i].name, json_string(url));
	}
	json_object_set_new(out, "profile", json_string(profile));
	return out;
}

/* GET /id/ORG/USER */
void sf_identity(struct sf_call *call)
{
	const char *slash = strrchr(call->req->path, '/');
	const struct sf_record *user = slash ? sf_find(call->sf, slash + 1) : NULL;
	char *url AUTOFREE = NULL;

	call->operation = "sf:identity";
	if (!user || strcmp(user->table->name, "User") != 0) {
		sf_fail(call, sf_error("NOT_FOUND", NULL, "The requested resource does not exist"));
		return;
	}
	url = xasprintf("%s/id/%s/%s", sim_base_url(call->sf->sim), SF_ORG, user->id);
	call->status = 200;
	call->result = json_pack("{s:s, s:b, s:s, s:s, s:s?, s:s?, s:s?, s:b, s:s, s:o}", "id", url,
		"asserted_user", 1, "user_id", user->id, "organization_id", SF_ORG, "username",
		sf_text(user, "Username"), "display_name", sf_text(user, "Name"), "email",
		sf_text(user, "Email"), "active", 1, "user_type", "STANDARD", "urls",
		identity_urls(call->sf, user->id));
}
