/* The transport both sides share: HTTP over libcurl with reuse, compression, limits and back-off.
 *
 * One `struct http` per remote (an Exchange, a Salesforce org).  It holds the connections of all
 * workers (curl handles taken from a pool) and the one back-off of that remote.
 *
 *   http.c    the pool, one exchange, what its failure means, the back-off
 *   answer.c  headers of an answer: Retry-After, Date
 *   record.c  recordings of exchanges for the tests
 *
 * Recordings: DIR/NNNNNN-OPERATION-PID-request.xml and ...-response.xml (.json, .txt by content,
 * bodies only).  An answer that a test server altered on purpose says so with the header
 * X-Sim-Malformed; such an answer is recorded below DIR/malformed/. */
#ifndef SYNC_HTTP_HTTP_H
#define SYNC_HTTP_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sync/buf.h"
#include "sync/error.h"

struct http;

struct http_options {
	const char *name;		 /* "exchange", "crm": for messages and recordings */
	const char *ca_file;		 /* PEM, or NULL for the system's */
	size_t answer_limit;		 /* bytes after decompression; 0: 64 MiB */
	unsigned int timeout_ms;	 /* of one request; 0: 100 s.  After it ERR_LOST */
	unsigned int connect_timeout_ms; /* 0: 10 s.  After it ERR_UNSENT */
	const char *record_dir; /* every exchange is written there (secrets left out), or NULL */
};

struct http_request {
	const char *method; /* "POST" */
	const char *url;
	const char *const *headers;  /* "Name: value", NULL-terminated, or NULL */
	const char *user, *password; /* Basic auth, or NULL */
	const char *body;	     /* or NULL */
	size_t body_len;
	const char *operation; /* for recordings and messages: "GetItem" */
	bool secret;	       /* the bodies hold secrets (a token endpoint): never recorded */
};

struct http_answer {
	int status;
	struct buf body;
	unsigned int retry_after_ms; /* from Retry-After (seconds or date), 0 when absent */
	char *headers; /* all response headers as received, or NULL; see http_answer_header */
	int64_t date;  /* of the Date header, s since the epoch, 0 when absent */
};

struct http *http_new(const struct http_options *options, struct error *err);
void http_free(struct http *http);

/* Sends and waits.  0 whenever an HTTP answer of any status arrived whole; else
 * ERR_UNSENT (no connection, name, TLS: nothing can have been applied), ERR_LOST (sent, no whole
 * answer), ERR_TOO_BIG (answer beyond the limit), ERR_THROTTLED (a back-off is standing: nothing was
 * sent), ERR_CANCELLED, ERR_INVALID (the URL).  An answer 429 or 503 starts the back-off by itself
 * (Retry-After, else 5 s).  Redirects are not followed.  No body is ever sent twice.  Thread-safe.  The caller frees the answer with http_answer_free. */
int http_send(struct http *http, const struct http_request *request, struct http_answer *answer,
	struct error *err);
void http_answer_free(struct http_answer *answer);
/* Value of a header, case-insensitive, new string or NULL. */
char *http_answer_header(const struct http_answer *answer, const char *name);

/* All requests to this remote fail with ERR_THROTTLED until now + ms (at most a day).  A longer one
 * that stands already stays. */
void http_back_off(struct http *http, unsigned int ms);
/* ms until the back-off ends, 0 when none stands. */
unsigned int http_back_off_left(struct http *http);
/* Lets requests under way and to come end at once with ERR_CANCELLED / ERR_LOST. */
void http_cancel(struct http *http);
/* Requests sent so far. */
uint64_t http_requests(struct http *http);

#endif
