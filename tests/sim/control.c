/* /sim/...: faults, clock, recording, counters and the dump of the state.
 *
 * Requests here are neither counted, recorded nor subject to faults.  Every answer is JSON; a
 * request that makes no sense is answered 400 with {"error": text}. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "sync/mem.h"
#include "tests/sim/core.h"

#define SECOND INT64_C(1000000000)

static const char *const fault_types[] = { "status", "ews", "sf", "sf-record", "delay",
	"delay-after", "truncate", "garble", "pad", "drop-before", "drop-after" };

int64_t sim_now_ns(struct sim *sim)
{
	struct timespec now;

	if (sim->frozen)
		return sim->clock_frozen;
	clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec * SECOND + now.tv_nsec + sim->clock_offset;
}

struct ews *sim_ews(struct sim *sim)
{
	return sim->ews;
}

struct sf *sim_sf(struct sim *sim)
{
	return sim->sf;
}

const char *sim_base_url(struct sim *sim)
{
	return sim->base_url ? sim->base_url : "";
}

void sim_mail_log(struct sim *sim, const char *server, const char *why, const char *to)
{
	const char *agent = sim->current ? sim_header(sim->current, "User-Agent") : NULL;

	json_array_append_new(sim->mails, json_pack("{s:s, s:s, s:s*, s:s*}", "server", server,
						  "why", why, "to", to, "agent", agent));
}

void control_count(struct sim *sim, const char *operation, bool is_write)
{
	json_int_t n = json_integer_value(json_object_get(sim->operations, operation));

	json_object_set_new(sim->operations, operation, json_integer(n + 1));
	sim->requests++;
	sim->writes += is_write;
}

void control_init(struct sim *sim)
{
	pthread_mutex_init(&sim->lock, NULL);
	pthread_cond_init(&sim->stopped, NULL);
	sim->faults = json_array();
	sim->operations = json_object();
	sim->mails = json_array();
}

void control_free(struct sim *sim)
{
	json_decref(sim->faults);
	json_decref(sim->operations);
	json_decref(sim->mails);
	recorder_stop(&sim->recorder);
	pthread_cond_destroy(&sim->stopped);
	pthread_mutex_destroy(&sim->lock);
}

/* Faults ---------------------------------------------------------------------------------- */

static json_int_t number(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

static const char *text(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

/* "GetItem", "sf:*", "*" */
static bool names_operation(const char *pattern, const char *operation)
{
	size_t len = strlen(pattern);

	if (len && pattern[len - 1] == '*')
		return strncmp(pattern, operation, len - 1) == 0;
	return strcmp(pattern, operation) == 0;
}

static bool matches_request(const struct sim_request *req, const char *match)
{
	if (!match)
		return true;
	return req && (strstr(req->path, match) || (req->query && strstr(req->query, match)) ||
			      (req->body && strstr(req->body, match)));
}

const json_t *sim_fault(struct sim *sim, const char *operation, const char *type)
{
	size_t i;
	json_t *fault;

	json_array_foreach(sim->faults, i, fault) {
		json_int_t left = number(fault, "left");
		json_int_t skip = number(fault, "skip");

		if (!left || strcmp(text(fault, "type"), type) != 0 ||
			!names_operation(text(fault, "operation"), operation) ||
			!matches_request(sim->current, text(fault, "match")))
			continue;
		if (skip > 0) {
			json_object_set_new(fault, "skip", json_integer(skip - 1));
			continue;
		}
		json_object_set_new(fault, "left", json_integer(left - 1));
		json_object_set_new(fault, "fired", json_integer(number(fault, "fired") + 1));
		return fault;
	}
	return NULL;
}

static json_t *refuse(struct sim_response *resp, const char *why)
{
	resp->status = 400;
	return json_pack("{s:s}", "error", why);
}

static json_t *add_fault(struct sim *sim, const json_t *body, struct sim_response *resp)
{
	const char *type = text(body, "type");
	json_t *count = json_object_get(body, "count");
	json_t *fault;
	size_t i = 0;

	while (i < ARRAY_SIZE(fault_types) && (!type || strcmp(type, fault_types[i]) != 0))
		i++;
	if (i == ARRAY_SIZE(fault_types))
		return refuse(resp,
			"type is none of status, ews, sf, sf-record, delay, delay-after, "
			"truncate, garble, pad, drop-before, drop-after");
	if (!text(body, "operation"))
		return refuse(resp, "operation is missing");
	if (count && json_integer_value(count) < 1)
		return refuse(resp, "count is not a positive number");
	fault = json_deep_copy(body);
	json_object_set_new(fault, "id", json_integer(++sim->last_fault));
	json_object_set_new(fault, "left", json_integer(count ? json_integer_value(count) : 1));
	json_object_set_new(fault, "fired", json_integer(0));
	json_array_append_new(sim->faults, fault);
	return json_pack("{s:I}", "id", sim->last_fault);
}

static json_t *do_faults(struct sim *sim, const struct sim_request *req, const json_t *body,
	struct sim_response *resp)
{
	if (strcmp(req->method, "POST") == 0)
		return add_fault(sim, body, resp);
	if (strcmp(req->method, "DELETE") == 0)
		json_array_clear(sim->faults);
	return json_pack("{s:O}", "faults", sim->faults);
}

/* Clock ----------------------------------------------------------------------------------- */

/* A moment as seconds since the epoch or "2026-01-31T12:00:00Z"; -1 when it is neither. */
static int64_t parse_moment(const json_t *value)
{
	struct tm tm = { 0 };
	const char *end;

	if (json_is_number(value))
		return (int64_t)(json_number_value(value) * 1e9);
	if (!json_is_string(value))
		return -1;
	end = strptime(json_string_value(value), "%Y-%m-%dT%H:%M:%SZ", &tm);
	return end && !*end ? timegm(&tm) * SECOND : -1;
}

static void shift_clock(struct sim *sim, int64_t ns)
{
	if (sim->frozen)
		sim->clock_frozen += ns;
	else
		sim->clock_offset += ns;
}

/* {"freeze": true}, {"freeze": MOMENT}; {"freeze": false} lets it run on from where it stands. */
static bool freeze_clock(struct sim *sim, const json_t *freeze)
{
	int64_t moment;

	if (json_is_false(freeze)) {
		int64_t stood = sim_now_ns(sim);

		sim->frozen = false;
		sim->clock_offset += stood - sim_now_ns(sim);
		return true;
	}
	moment = json_is_true(freeze) ? sim_now_ns(sim) : parse_moment(freeze);
	if (moment < 0)
		return false;
	sim->clock_frozen = moment;
	sim->frozen = true;
	return true;
}

static json_t *clock_state(struct sim *sim)
{
	int64_t now = sim_now_ns(sim);
	time_t seconds = (time_t)(now / SECOND);
	struct tm tm;
	char iso[40];

	gmtime_r(&seconds, &tm);
	strftime(iso, sizeof(iso), "%Y-%m-%dT%H:%M:%SZ", &tm);
	return json_pack("{s:s, s:f, s:f, s:b}", "now", iso, "epoch", (double)now / 1e9,
		"offset_seconds", (double)sim->clock_offset / 1e9, "frozen", sim->frozen);
}

static json_t *do_clock(struct sim *sim, const struct sim_request *req, const json_t *body,
	struct sim_response *resp)
{
	const json_t *offset = json_object_get(body, "offset_seconds");
	const json_t *advance = json_object_get(body, "advance_seconds");
	const json_t *freeze = json_object_get(body, "freeze");

	if (strcmp(req->method, "POST") == 0 && !offset && !advance && !freeze)
		return refuse(resp, "none of offset_seconds, advance_seconds, freeze");
	if (offset) {
		sim->frozen = false;
		sim->clock_offset = (int64_t)(json_number_value(offset) * 1e9);
	}
	if (freeze && !freeze_clock(sim, freeze))
		return refuse(resp, "freeze is neither a boolean nor a moment");
	if (advance)
		shift_clock(sim, (int64_t)(json_number_value(advance) * 1e9));
	return clock_state(sim);
}

/* The rest -------------------------------------------------------------------------------- */

static json_t *do_record(struct sim *sim, const struct sim_request *req, const json_t *body,
	struct sim_response *resp)
{
	struct error err = ERROR_INIT;

	if (strcmp(req->method, "POST") == 0 &&
		recorder_start(&sim->recorder, text(body, "dir"), &err) < 0)
		return refuse(resp, err.text);
	return json_pack(
		"{s:s?, s:i}", "dir", sim->recorder.dir, "count", (int)sim->recorder.count);
}

static json_t *do_counters(struct sim *sim, const struct sim_request *req, const json_t *body,
	struct sim_response *resp)
{
	(void)req;
	(void)body;
	(void)resp;
	return json_pack("{s:O, s:I, s:I, s:I}", "operations", sim->operations, "writes",
		sim->writes, "requests", sim->requests, "delayed", (json_int_t)sim->delayed);
}

static json_t *do_reset_counters(struct sim *sim, const struct sim_request *req, const json_t *body,
	struct sim_response *resp)
{
	json_object_clear(sim->operations);
	sim->writes = sim->requests = 0;
	return do_counters(sim, req, body, resp);
}

static json_t *do_mails(struct sim *sim, const struct sim_request *req, const json_t *body,
	struct sim_response *resp)
{
	(void)body;
	(void)resp;
	if (strcmp(req->method, "DELETE") == 0)
		json_array_clear(sim->mails);
	return json_incref(sim->mails);
}

/* All of it, or with ?only=exchange, ?only=salesforce that part. */
static json_t *do_state(struct sim *sim, const struct sim_request *req, const json_t *body,
	struct sim_response *resp)
{
	const char *only = sim_query(req, "only");
	json_t *state = json_pack("{s:O}", "mail", sim->mails);

	(void)body;
	(void)resp;
	if (!only || strcmp(only, "exchange") == 0)
		json_object_set_new(state, "exchange", ews_dump(sim->ews));
	if (!only || strcmp(only, "salesforce") == 0)
		json_object_set_new(state, "salesforce", sf_dump(sim->sf));
	return state;
}

static const struct {
	const char *path;
	const char *methods;
	json_t *(*run)(struct sim *sim, const struct sim_request *req, const json_t *body,
		struct sim_response *resp);
} commands[] = {
	{ "/sim/faults", "GET POST DELETE", do_faults },
	{ "/sim/clock", "GET POST", do_clock },
	{ "/sim/record", "GET POST", do_record },
	{ "/sim/counters", "GET", do_counters },
	{ "/sim/counters/reset", "POST", do_reset_counters },
	{ "/sim/mails", "GET DELETE", do_mails },
	{ "/sim/state", "GET", do_state },
};

static json_t *run_command(struct sim *sim, const struct sim_request *req, const json_t *body,
	struct sim_response *resp)
{
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		if (strcmp(req->path, commands[i].path) != 0)
			continue;
		if (strstr(commands[i].methods, req->method))
			return commands[i].run(sim, req, body, resp);
		resp->status = 405;
		return json_pack("{s:s}", "error", "method not allowed");
	}
	if (strncmp(req->path, "/sim/sf/", 8) == 0 && strcmp(req->method, "POST") == 0)
		return sf_act(sim->sf, req->path + 8, body, &resp->status);
	if (strncmp(req->path, "/sim/ews/", 9) == 0 && strcmp(req->method, "POST") == 0)
		return ews_act(sim->ews, req->path + 9, body, &resp->status);
	resp->status = 404;
	return json_pack("{s:s}", "error", "no such path");
}

static int add_json(const char *data, size_t len, void *buffer)
{
	buf_add(buffer, data, len);
	return 0;
}

void control_handle(struct sim *sim, const struct sim_request *req, struct sim_response *resp)
{
	json_t *body = NULL;
	json_t *answer;

	resp->status = 200;
	if (req->body_len)
		body = json_loadb(req->body, req->body_len, 0, NULL);
	if (req->body_len && !json_is_object(body))
		answer = refuse(resp, "the body is not a JSON object");
	else
		answer = run_command(sim, req, body, resp);
	json_dump_callback(answer, add_json, &resp->body, JSON_COMPACT | JSON_ENCODE_ANY);
	sim_set_header(resp, "Content-Type", "application/json; charset=utf-8");
	json_decref(answer);
	json_decref(body);
}
