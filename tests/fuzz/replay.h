/* A transport for fuzzers of the drivers: the input is what the servers answer, one request after the
 * other.  It takes the place of sync/http/http.c when the fuzzer is linked.
 *
 * The input is cut at form feeds; each piece is one answer.  A piece that begins with a digit is the body
 * behind it with another status, or no answer at all (see outcomes); after the last piece nothing
 * answers any more.  replay_fixed() gives a body for requests that the input is not to be used up for. */
#ifndef TESTS_FUZZ_REPLAY_H
#define TESTS_FUZZ_REPLAY_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "sync/http/http.h"
#include "sync/mem.h"

#define REPLAY_CUT '\f' /* neither in XML nor in JSON */

/* Of one input, as long as it lasts. */
static struct replay {
	const char *at, *end;
	unsigned int back_off;
	uint64_t requests;
} replay;

struct http {
	char unused;
};

/* NULL: answered by the input. */
static const char *replay_fixed(const struct http_request *request);
/* Whatever the driver sends is looked at. */
static void replay_look(const struct http_request *request);

static void replay_start(const uint8_t *data, size_t size)
{
	replay = (struct replay){ .at = (const char *)data, .end = (const char *)data + size };
}

struct http *http_new(const struct http_options *options, struct error *err)
{
	(void)options;
	(void)err;
	return xcalloc(1, sizeof(struct http));
}

void http_free(struct http *http)
{
	free(http);
}

void http_back_off(struct http *http, unsigned int ms)
{
	(void)http;
	if (ms > replay.back_off)
		replay.back_off = ms;
}

unsigned int http_back_off_left(struct http *http)
{
	(void)http;
	return replay.back_off;
}

void http_cancel(struct http *http)
{
	(void)http;
}

uint64_t http_requests(struct http *http)
{
	(void)http;
	return replay.requests;
}

/* The header that is read of an answer; its value is short, and comes from the input too. */
char *http_answer_header(const struct http_answer *answer, const char *name)
{
	(void)name;
	return answer->body.len
		       ? xstrndup(answer->body.data, answer->body.len < 32 ? answer->body.len : 32)
		       : NULL;
}

void http_answer_free(struct http_answer *answer)
{
	buf_free(&answer->body);
	free(answer->headers);
	memset(answer, 0, sizeof(*answer));
}

static const struct replay_outcome {
	enum error_code rc;
	int status;
} replay_outcomes[10] = {
	{ .status = 200 },
	{ .status = 400 },
	{ .status = 401 },
	{ .status = 404 },
	{ .status = 412 },
	{ .status = 429 },
	{ .status = 500 },
	{ .status = 503 },
	{ .rc = ERR_LOST },
	{ .rc = ERR_TOO_BIG },
};

/* The next piece of the input; false when there is none. */
static bool replay_next(struct http_answer *answer, const struct replay_outcome **outcome)
{
	size_t left = (size_t)(replay.end - replay.at);
	const char *body = replay.at, *cut = left ? memchr(body, REPLAY_CUT, left) : NULL;
	size_t len = cut ? (size_t)(cut - body) : left;

	if (!left)
		return false;
	replay.at = cut ? cut + 1 : replay.end;
	*outcome = &replay_outcomes[0];
	if (len && *body >= '0' && *body <= '9') {
		*outcome = &replay_outcomes[*body - '0'];
		body++;
		len--;
	}
	buf_add(&answer->body, body, len);
	return true;
}

int http_send(struct http *http, const struct http_request *request, struct http_answer *answer,
	struct error *err)
{
	const struct replay_outcome *outcome = &replay_outcomes[0];
	const char *fixed;

	(void)http;
	memset(answer, 0, sizeof(*answer));
	buf_init(&answer->body, SIZE_MAX / 4);
	if (replay.back_off)
		return error_set(err, ERR_THROTTLED, "a back-off is standing");
	replay.requests++;
	replay_look(request);
	fixed = replay_fixed(request);
	if (fixed)
		buf_adds(&answer->body, fixed);
	else if (!replay_next(answer, &outcome))
		return error_set(err, ERR_UNSENT, "nobody is there");
	answer->status = outcome->status;
	if (!outcome->rc)
		return 0;
	http_answer_free(answer);
	return error_set(err, outcome->rc, "the transport failed");
}

#endif
