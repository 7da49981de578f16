/* Sign-in and single calls.
 *
 * The session is a bearer token of the OAuth client credentials flow; whoever first needs it fetches
 * it while the others wait.  A call that is refused because the session ended (401) was not carried
 * out, so it is sent once more with a new token.  Salesforce tells with each answer how much of the
 * day's allocation is used; below the reserve nothing is sent, except one call every quarter of an
 * hour that looks whether it has recovered. */
#include "crm/private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "sync/mem.h"

#define RESERVE_LOOK_S	  900
#define BACK_OFF_FIRST_MS 5000
#define BACK_OFF_MAX_MS	  (15u * 60 * 1000)
#define NESTING_MAX	  64

static void wipe(char *text)
{
	if (text)
		explicit_bzero(text, strlen(text));
	free(text);
}

static void wipe_buf(struct buf *b)
{
	if (b->data)
		explicit_bzero(b->data, b->cap);
	buf_free(b);
}

static int64_t now_s(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec;
}

/* ---- the session ------------------------------------------------------------------------------- */

/* Under lock. */
static void forget(struct crm *crm)
{
	wipe(crm->token);
	free(crm->instance_url);
	free(crm->user_id);
	crm->token = NULL;
	crm->instance_url = NULL;
	crm->user_id = NULL;
}

void salesforce_sign_out(struct crm *crm)
{
	pthread_mutex_lock(&crm->lock);
	forget(crm);
	pthread_mutex_unlock(&crm->lock);
}

/* The instance must be reached as safely as the login server: never from https down to http. */
static bool is_instance(const struct crm *crm, const char *url)
{
	static const char plain[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-:[]";
	const char *host;

	if (!strncmp(url, "https://", 8))
		host = url + 8;
	else if (!strncmp(url, "http://", 7) && !strncmp(crm->login_url, "http://", 7))
		host = url + 7;
	else
		return false;
	return *host && strlen(host) < 256 && strspn(host, plain) == strlen(host);
}

/* A token goes into a header. */
static bool is_token(const char *token)
{
	if (!token || !*token || strlen(token) > 4000)
		return false;
	for (; *token; token++)
		if (*token <= ' ' || *token > '~')
			return false;
	return true;
}

/* Takes the session from the token endpoint's answer.  Under lock. */
static int take_session(struct crm *crm, const json_t *answer, struct error *err)
{
	const char *token = member(answer, "access_token"), *url = member(answer, "instance_url");
	const char *identity = member(answer, "id"),
		   *slash = identity ? strrchr(identity, '/') : NULL;
	size_t len;

	if (!is_token(token) || !url)
		return error_set(
			err, ERR_UNSENT, "Salesforce: the answer to signing in is not one");
	crm->token = xstrdup(token);
	crm->instance_url = xstrdup(url);
	len = strlen(crm->instance_url);
	if (len && crm->instance_url[len - 1] == '/')
		crm->instance_url[len - 1] = '\0';
	crm->user_id = xstrdup(slash && salesforce_is_id(slash + 1) ? slash + 1 : "");
	if (!is_instance(crm, crm->instance_url)) {
		forget(crm);
		return error_set(err, ERR_DENIED,
			"Salesforce: signing in names an instance we do not trust");
	}
	crm->session++;
	return 0;
}

/* What the token endpoint refused, in its own words (RFC 6749, 5.2). */
static int refused(const struct http_answer *answer, const json_t *body, struct error *err)
{
	const char *name = member(body, "error"), *text = member(body, "error_description");

	if (answer->status == 429 || answer->status == 503)
		return error_set(err, ERR_THROTTLED, "Salesforce is not available (HTTP status %d)",
			answer->status);
	if (answer->status >= 500)
		return error_set(err, ERR_UNSENT, "Salesforce: signing in fails (HTTP status %d)",
			answer->status);
	if (name)
		return error_set(err, ERR_DENIED, "Salesforce refuses to sign us in: %s: %s", name,
			text ? text : "");
	return error_set(err, ERR_DENIED, "Salesforce refuses to sign us in (HTTP status %d)",
		answer->status);
}

static void token_body(const struct crm *crm, struct buf *body)
{
	buf_adds(body, "grant_type=client_credentials&client_id=");
	salesforce_add_encoded(body, crm->client_id);
	buf_adds(body, "&client_secret=");
	salesforce_add_encoded(body, crm->client_secret);
}

/* Under lock. */
static int sign_in(struct crm *crm, struct error *err)
{
	static const char *const headers[] = { "Content-Type: application/x-www-form-urlencoded",
		"Accept: application/json", NULL };
	char *url AUTOFREE = xasprintf("%s/services/oauth2/token", crm->login_url);
	struct buf body = BUF_INIT(64 * 1024);
	struct http_request request = { .method = "POST",
		.url = url,
		.headers = headers,
		.operation = "token",
		.secret = true };
	struct http_answer answer;
	json_t *json = NULL;
	int rc;

	token_body(crm, &body);
	request.body = buf_str(&body);
	request.body_len = body.len;
	rc = http_send(crm->http, &request, &answer, err);
	wipe_buf(&body);
	if (rc) {
		/* Nothing of what we were asked to do has been sent. */
		if (rc == ERR_LOST || rc == ERR_TOO_BIG)
			err->code = ERR_UNSENT;
		return err->code;
	}
	json = json_loadb(buf_str(&answer.body), answer.body.len, 0, NULL);
	rc = answer.status == 200 ? take_session(crm, json, err) : refused(&answer, json, err);
	json_decref(json);
	wipe_buf(&answer.body);
	http_answer_free(&answer);
	return rc;
}

struct session {
	char *authorization, *url;
	unsigned int number;
};

static void session_clear(struct session *session)
{
	wipe(session->authorization);
	free(session->url);
}

/* A copy of the session, made when there is none.  `ended` is the number of one that the server no
 * longer takes, or 0. */
static int session_get(struct crm *crm, struct session *out, unsigned int ended, const char *path,
	struct error *err)
{
	int rc = 0;

	*out = (struct session){ 0 };
	pthread_mutex_lock(&crm->lock);
	if (crm->token && ended && ended == crm->session)
		forget(crm);
	if (!crm->token)
		rc = sign_in(crm, err);
	if (!rc) {
		out->authorization = xasprintf("Authorization: Bearer %s", crm->token);
		out->url = xasprintf("%s%s", crm->instance_url, path);
		out->number = crm->session;
	}
	pthread_mutex_unlock(&crm->lock);
	return rc;
}

char *salesforce_user_id(struct crm *crm)
{
	char *id;

	pthread_mutex_lock(&crm->lock);
	id = xstrdup(crm->user_id ? crm->user_id : "");
	pthread_mutex_unlock(&crm->lock);
	return id;
}

/* ---- limits ------------------------------------------------------------------------------------ */

/* Sforce-Limit-Info: api-usage=18/5000 (REST API Developer Guide, "Limit Info Header"). */
static void note_usage(struct crm *crm, const struct http_answer *answer)
{
	char *info AUTOFREE = http_answer_header(answer, "Sforce-Limit-Info");
	const char *usage = info ? strstr(info, "api-usage=") : NULL;
	long used, total;
	char *end;

	if (!usage)
		return;
	used = strtol(usage + strlen("api-usage="), &end, 10);
	if (*end != '/')
		return;
	total = strtol(end + 1, NULL, 10);
	if (used < 0 || total <= 0)
		return;
	atomic_store(&crm->requests_left, used < total ? total - used : 0);
	pthread_mutex_lock(&crm->lock);
	crm->left_seen = now_s();
	pthread_mutex_unlock(&crm->lock);
}

static int check_reserve(struct crm *crm, struct error *err)
{
	long left = atomic_load(&crm->requests_left);
	int64_t age;

	if (left < 0 || (unsigned long)left >= crm->daily_reserve)
		return 0;
	pthread_mutex_lock(&crm->lock);
	age = now_s() - crm->left_seen;
	if (age >= RESERVE_LOOK_S)
		crm->left_seen = now_s(); /* this call looks; the others wait */
	pthread_mutex_unlock(&crm->lock);
	if (age >= RESERVE_LOOK_S)
		return 0;
	error_set(err, ERR_THROTTLED,
		"Salesforce: %ld requests are left today, the daily reserve is %u", left,
		crm->daily_reserve);
	err->retry_after_ms = (unsigned int)(RESERVE_LOOK_S - age) * 1000;
	return ERR_THROTTLED;
}

/* REQUEST_LIMIT_EXCEEDED names no time: wait longer each time. */
static unsigned int strike(struct crm *crm, const struct http_answer *answer)
{
	unsigned int ms = answer->retry_after_ms, doublings;

	pthread_mutex_lock(&crm->lock);
	doublings = crm->strikes < 10 ? crm->strikes++ : 10;
	pthread_mutex_unlock(&crm->lock);
	if (!ms)
		ms = BACK_OFF_FIRST_MS << doublings;
	if (ms > BACK_OFF_MAX_MS && !answer->retry_after_ms)
		ms = BACK_OFF_MAX_MS;
	http_back_off(crm->http, ms);
	return ms;
}

static void no_strikes(struct crm *crm)
{
	pthread_mutex_lock(&crm->lock);
	crm->strikes = 0;
	pthread_mutex_unlock(&crm->lock);
}

/* ---- one call ---------------------------------------------------------------------------------- */

static bool is_write(const struct salesforce_call *call)
{
	return call->where != SALESFORCE_READ;
}

/* The grade of an answer that is not 2xx. */
static int read_refusal(struct crm *crm, struct salesforce_call *call,
	const struct http_answer *answer, struct error *err)
{
	char code[64];
	int rc = salesforce_read_errors(call->answer, answer->status, call->where, code, err);

	/* A server that failed half-way may have done it; one that says why did not. */
	if (is_write(call) && answer->status >= 500 && answer->status != 503 && rc == ERR_REMOTE)
		rc = error_set(
			err, ERR_LOST, "Salesforce: HTTP status %d to a write", answer->status);
	if (rc == ERR_THROTTLED && strcmp(code, "UNABLE_TO_LOCK_ROW") != 0)
		err->retry_after_ms = strike(crm, answer);
	if (answer->status >= 300 && answer->status < 400)
		rc = error_set(err, ERR_REMOTE,
			"Salesforce: the URL leads elsewhere (HTTP status %d)", answer->status);
	return rc;
}

/* Are brackets nested no deeper than any answer of Salesforce?  jansson itself stops at 2048. */
static bool is_flat(const char *text, size_t len)
{
	unsigned int depth = 0;
	bool quoted = false;

	for (size_t i = 0; i < len; i++) {
		if (quoted && text[i] == '\\')
			i++;
		else if (text[i] == '"')
			quoted = !quoted;
		else if (!quoted && (text[i] == '[' || text[i] == '{') && ++depth > NESTING_MAX)
			return false;
		else if (!quoted && (text[i] == ']' || text[i] == '}') && depth)
			depth--;
	}
	return true;
}

static int read_answer(struct crm *crm, struct salesforce_call *call,
	const struct http_answer *answer, struct error *err)
{
	const char *text = buf_str(&answer->body);
	size_t len = answer->body.len;

	call->status = answer->status;
	if (len && is_flat(text, len))
		call->answer = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
	if (answer->status < 200 || answer->status >= 300)
		return read_refusal(crm, call, answer, err);
	no_strikes(crm);
	if (len && !call->answer)
		return error_set(err, is_write(call) ? ERR_LOST : ERR_REMOTE,
			"Salesforce: the answer to %s is not JSON", call->operation);
	return 0;
}

static int send_once(struct crm *crm, struct salesforce_call *call, const char *body,
	const struct session *session, struct http_answer *answer, struct error *err)
{
	const char *headers[8] = { session->authorization, "Accept: application/json" };
	struct http_request request = { .method = call->method,
		.url = session->url,
		.headers = headers,
		.body = body,
		.body_len = body ? strlen(body) : 0,
		.operation = call->operation };
	size_t n = 2;

	if (body)
		headers[n++] = "Content-Type: application/json; charset=UTF-8";
	if (is_write(call)) { /* I10, and the org's own rule against duplicates stands */
		headers[n++] = "Sforce-Auto-Assign: FALSE";
		headers[n++] = "Sforce-Duplicate-Rule-Header: allowSave=false";
	}
	headers[n] = NULL;
	return http_send(crm->http, &request, answer, err);
}

int salesforce_send(struct crm *crm, struct salesforce_call *call, struct error *err)
{
	char *body AUTOFREE = call->body ? json_dumps(call->body, JSON_COMPACT) : NULL;
	struct http_answer answer = { 0 };
	struct error unused = ERROR_INIT;
	unsigned int ended = 0;
	int rc = 0;

	err = err ? err : &unused;
	call->status = 0;
	call->answer = NULL;
	if (call->body && !body)
		return error_set(err, ERR_INTERNAL, "Salesforce: a value is not UTF-8");
	if (!call->beyond_reserve && (rc = check_reserve(crm, err)))
		return rc;
	for (int attempt = 0; attempt < 2; attempt++) {
		struct session session;

		rc = session_get(crm, &session, ended, call->path, err);
		if (rc)
			return rc;
		rc = send_once(crm, call, body, &session, &answer, err);
		ended = session.number;
		session_clear(&session);
		if (rc == ERR_TOO_BIG && is_write(call))
			err->code = ERR_LOST;
		if (rc)
			return err->code;
		note_usage(crm, &answer);
		if (answer.status != 401 || attempt)
			break;
		http_answer_free(&answer);
	}
	rc = read_answer(crm, call, &answer, err);
	http_answer_free(&answer);
	if (rc == ERR_DENIED && call->status == 401)
		salesforce_sign_out(crm);
	return rc;
}
