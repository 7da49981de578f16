/* The transport: HTTP over libcurl.
 *
 * A `struct http` keeps a pool of lanes.  A lane is one curl easy handle inside a multi handle of its
 * own, whose connection cache keeps connections open from one request to the next; a request takes
 * the lane that was used last, so that a worker mostly meets a warm connection.  The multi handle is
 * there for its wake-up: http_cancel() ends a request that waits for an answer at once.
 *
 * The one thing that callers build on is what a failure means.  curl counts the bytes of a request
 * that left (CURLINFO_REQUEST_SIZE): zero is ERR_UNSENT, anything else ERR_LOST.  curl repeats a
 * request by itself when a reused connection ends before the first byte of the answer; a server may
 * have acted on it, so bodies are given by a read callback that cannot be rewound: a request whose
 * body had begun to leave fails instead, and only a body that never left is sent again. */
#include "sync/http/http.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "sync/http/private.h"
#include "sync/mem.h"

#define ANSWER_LIMIT	   (64u * 1024 * 1024)
#define TIMEOUT_MS	   100000
#define CONNECT_TIMEOUT_MS 10000
#define IDLE_MAX_S	   60	/* a connection unused for longer is not trusted */
#define BUSY_BACK_OFF_MS   5000 /* 429 or 503 without Retry-After */
#define POLL_MS		   1000

struct lane {
	CURLM *multi;
	CURL *easy;
	bool busy;
	struct lane *next; /* all lanes; the one used last comes first */
};

struct http {
	char *name;
	char *ca_file;
	char *record_dir;
	size_t answer_limit;
	long timeout_ms, connect_timeout_ms;
	pthread_mutex_t lock; /* lanes, back_off_until, record_counter */
	struct lane *lanes;
	int64_t back_off_until; /* ms, monotonic */
	unsigned int record_counter;
	atomic_bool cancelled;
	atomic_uint_fast64_t requests;
};

/* One exchange under way. */
struct exchange {
	const struct http_request *request;
	size_t body_sent;
	struct http_answer *answer;
	struct buf headers;
	char curl_error[CURL_ERROR_SIZE];
};

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

struct http *http_new(const struct http_options *options, struct error *err)
{
	struct http *http;

	if (curl_global_init(CURL_GLOBAL_DEFAULT)) {
		error_set(err, ERR_INTERNAL, "%s: libcurl does not start", options->name);
		return NULL;
	}
	http = xcalloc(1, sizeof(*http));
	http->name = xstrdup(options->name ? options->name : "http");
	http->ca_file = xstrdup(options->ca_file);
	http->record_dir = xstrdup(options->record_dir);
	http->answer_limit = options->answer_limit ? options->answer_limit : ANSWER_LIMIT;
	http->timeout_ms = options->timeout_ms ? (long)options->timeout_ms : TIMEOUT_MS;
	http->connect_timeout_ms = options->connect_timeout_ms ? (long)options->connect_timeout_ms
							       : CONNECT_TIMEOUT_MS;
	pthread_mutex_init(&http->lock, NULL);
	return http;
}

static void lane_free(struct lane *lane)
{
	if (lane->easy)
		curl_easy_cleanup(lane->easy);
	if (lane->multi)
		curl_multi_cleanup(lane->multi);
	free(lane);
}

void http_free(struct http *http)
{
	if (!http)
		return;
	while (http->lanes) {
		struct lane *lane = http->lanes;

		http->lanes = lane->next;
		lane_free(lane);
	}
	pthread_mutex_destroy(&http->lock);
	free(http->name);
	free(http->ca_file);
	free(http->record_dir);
	free(http);
	curl_global_cleanup();
}

/* The idle lane used last, or a new one; NULL when curl has no memory. */
static struct lane *lane_take(struct http *http)
{
	struct lane *lane;

	pthread_mutex_lock(&http->lock);
	for (lane = http->lanes; lane && lane->busy; lane = lane->next)
		;
	if (!lane) {
		lane = xcalloc(1, sizeof(*lane));
		lane->multi = curl_multi_init();
		lane->easy = curl_easy_init();
		if (!lane->multi || !lane->easy) {
			lane_free(lane);
			lane = NULL;
		} else {
			curl_multi_setopt(lane->multi, CURLMOPT_MAXCONNECTS, 2L);
			lane->next = http->lanes;
			http->lanes = lane;
		}
	}
	if (lane)
		lane->busy = true;
	pthread_mutex_unlock(&http->lock);
	return lane;
}

static void lane_give_back(struct http *http, struct lane *lane)
{
	struct lane **at = &http->lanes;

	curl_easy_reset(lane->easy);
	pthread_mutex_lock(&http->lock);
	while (*at != lane)
		at = &(*at)->next;
	*at = lane->next;
	lane->next = http->lanes;
	http->lanes = lane;
	lane->busy = false;
	pthread_mutex_unlock(&http->lock);
}

static size_t read_body(char *to, size_t size, size_t n, void *arg)
{
	struct exchange *x = arg;
	size_t left = x->request->body_len - x->body_sent;
	size_t len = size * n < left ? size * n : left;

	if (len)
		memcpy(to, x->request->body + x->body_sent, len);
	x->body_sent += len;
	return len;
}

/* curl asks for this before it repeats a request on its own: a body never leaves twice. */
static int rewind_body(void *arg, curl_off_t offset, int origin)
{
	struct exchange *x = arg;

	(void)origin;
	return offset == 0 && x->body_sent == 0 ? CURL_SEEKFUNC_OK : CURL_SEEKFUNC_FAIL;
}

static size_t take_body(char *data, size_t size, size_t n, void *arg)
{
	struct exchange *x = arg;

	buf_add(&x->answer->body, data, size * n);
	return x->answer->body.failed ? 0 : size * n;
}

static size_t take_header(char *data, size_t size, size_t n, void *arg)
{
	struct exchange *x = arg;

	if (size * n > 5 && !strncasecmp(data, "HTTP/", 5))
		buf_reset(&x->headers); /* what came before belonged to a 1xx answer */
	buf_add(&x->headers, data, size * n);
	return x->headers.failed ? 0 : size * n;
}

/* The headers of the request; NULL when one of them is no header (a line end inside). */
static struct curl_slist *request_headers(const struct http_request *request)
{
	struct curl_slist *list = curl_slist_append(NULL, "Expect:");

	for (size_t i = 0; list && request->headers && request->headers[i]; i++) {
		struct curl_slist *longer = NULL;

		if (!strpbrk(request->headers[i], "\r\n"))
			longer = curl_slist_append(list, request->headers[i]);
		if (!longer)
			curl_slist_free_all(list);
		list = longer;
	}
	return list;
}

static void set_method(CURL *easy, const struct http_request *request, struct exchange *x)
{
	bool safe = !strcmp(request->method, "GET") || !strcmp(request->method, "HEAD");

	curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request->method);
	if (!strcmp(request->method, "HEAD"))
		curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
	if (!request->body) {
		/* Nothing that would need a rewind: a connection that cannot be stale keeps curl
		 * from repeating a DELETE. */
		curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, safe ? 0L : 1L);
		return;
	}
	curl_easy_setopt(easy, CURLOPT_POST, 1L);
	curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body_len);
	curl_easy_setopt(easy, CURLOPT_READFUNCTION, read_body);
	curl_easy_setopt(easy, CURLOPT_READDATA, x);
	curl_easy_setopt(easy, CURLOPT_SEEKFUNCTION, rewind_body);
	curl_easy_setopt(easy, CURLOPT_SEEKDATA, x);
}

static void set_options(
	const struct http *http, CURL *easy, const struct http_request *request, struct exchange *x)
{
	curl_easy_setopt(easy, CURLOPT_URL, request->url);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
	curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	if (http->ca_file)
		curl_easy_setopt(easy, CURLOPT_CAINFO, http->ca_file);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, http->timeout_ms);
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, http->connect_timeout_ms);
	curl_easy_setopt(easy, CURLOPT_MAXAGE_CONN, (long)IDLE_MAX_S);
	curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "");
	curl_easy_setopt(easy, CURLOPT_USERAGENT, "tandemfs");
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, x->curl_error);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, x);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, take_header);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, x);
	if (request->user) {
		curl_easy_setopt(easy, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
		curl_easy_setopt(easy, CURLOPT_USERNAME, request->user);
		curl_easy_setopt(
			easy, CURLOPT_PASSWORD, request->password ? request->password : "");
	}
	set_method(easy, request, x);
}

/* Runs the transfer to its end or to a cancellation. */
static CURLcode perform(struct http *http, struct lane *lane)
{
	CURLcode result = CURLE_ABORTED_BY_CALLBACK;
	int running = 1;

	if (curl_multi_add_handle(lane->multi, lane->easy))
		return CURLE_FAILED_INIT;
	while (!atomic_load(&http->cancelled)) {
		CURLMsg *message;
		int left;

		if (curl_multi_perform(lane->multi, &running))
			break;
		message = curl_multi_info_read(lane->multi, &left);
		if (message && message->msg == CURLMSG_DONE) {
			result = message->data.result;
			break;
		}
		if (running)
			curl_multi_poll(lane->multi, NULL, 0, POLL_MS, NULL);
	}
	curl_multi_remove_handle(lane->multi, lane->easy);
	return result;
}

/* The grade of a failure; see the top of the file. */
static int failure(
	struct http *http, CURL *easy, CURLcode code, const struct exchange *x, struct error *err)
{
	const char *what = x->request->operation ? x->request->operation : x->request->method;
	const char *why = x->curl_error[0] ? x->curl_error : curl_easy_strerror(code);
	curl_off_t uploaded = 0;
	long sent = 0;

	if (code == CURLE_SEND_FAIL_REWIND) /* it would be sent again, which rewind_body refuses */
		why = "the server closed the connection";
	curl_easy_getinfo(easy, CURLINFO_REQUEST_SIZE, &sent);
	curl_easy_getinfo(easy, CURLINFO_SIZE_UPLOAD_T, &uploaded);
	if (x->answer->body.failed || x->headers.failed)
		return error_set(err, ERR_TOO_BIG, "%s: the answer to %s is larger than %zu bytes",
			http->name, what,
			x->answer->body.failed ? http->answer_limit : x->headers.limit);
	if (sent > 0 || uploaded > 0)
		return error_set(err, ERR_LOST, "%s: the answer to %s was lost: %s", http->name,
			what, atomic_load(&http->cancelled) ? "shutting down" : why);
	if (atomic_load(&http->cancelled))
		return error_set(err, ERR_CANCELLED, "%s: shutting down", http->name);
	if (code == CURLE_URL_MALFORMAT || code == CURLE_UNSUPPORTED_PROTOCOL)
		return error_set(
			err, ERR_INVALID, "%s: the URL is not usable: %s", http->name, why);
	return error_set(err, ERR_UNSENT, "%s: no connection: %s", http->name, why);
}

/* An answer arrived whole: status, headers, back-off, recording. */
static void finish(struct http *http, CURL *easy, struct exchange *x)
{
	struct http_answer *answer = x->answer;
	long status = 0;

	curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
	answer->status = (int)status;
	answer->headers = buf_take(&x->headers);
	http_answer_read_headers(answer);
	if (status == 429 || status == 503)
		http_back_off(
			http, answer->retry_after_ms ? answer->retry_after_ms : BUSY_BACK_OFF_MS);
	if (http->record_dir) {
		pthread_mutex_lock(&http->lock);
		http_record(http->record_dir, &http->record_counter, x->request, answer);
		pthread_mutex_unlock(&http->lock);
	}
}

static int check_standing(struct http *http, struct error *err)
{
	unsigned int left = http_back_off_left(http);

	if (atomic_load(&http->cancelled))
		return error_set(err, ERR_CANCELLED, "%s: shutting down", http->name);
	if (!left)
		return 0;
	error_set(err, ERR_THROTTLED, "%s asked us to wait: %u s left", http->name,
		(left + 999) / 1000);
	if (err)
		err->retry_after_ms = left;
	return ERR_THROTTLED;
}

int http_send(struct http *http, const struct http_request *request, struct http_answer *answer,
	struct error *err)
{
	struct exchange x = {
		.request = request,
		.answer = answer,
		.headers = BUF_INIT(HTTP_HEADERS_LIMIT),
	};
	struct curl_slist *headers;
	struct lane *lane;
	CURLcode code;
	int rc;

	memset(answer, 0, sizeof(*answer));
	buf_init(&answer->body, http->answer_limit);
	if ((rc = check_standing(http, err)))
		return rc;
	headers = request_headers(request);
	if (!headers)
		return error_set(
			err, ERR_INTERNAL, "%s: a request header holds a line end", http->name);
	lane = lane_take(http);
	if (!lane) {
		curl_slist_free_all(headers);
		return error_set(err, ERR_UNSENT, "%s: libcurl has no memory", http->name);
	}
	set_options(http, lane->easy, request, &x);
	curl_easy_setopt(lane->easy, CURLOPT_HTTPHEADER, headers);
	atomic_fetch_add(&http->requests, 1);
	code = perform(http, lane);
	if (code == CURLE_OK)
		finish(http, lane->easy, &x);
	else
		rc = failure(http, lane->easy, code, &x, err);
	lane_give_back(http, lane);
	curl_slist_free_all(headers);
	buf_free(&x.headers);
	if (rc)
		http_answer_free(answer);
	return rc;
}

void http_back_off(struct http *http, unsigned int ms)
{
	int64_t until = now_ms() + (ms < HTTP_BACK_OFF_MAX_MS ? ms : HTTP_BACK_OFF_MAX_MS);

	pthread_mutex_lock(&http->lock);
	if (until > http->back_off_until)
		http->back_off_until = until;
	pthread_mutex_unlock(&http->lock);
}

unsigned int http_back_off_left(struct http *http)
{
	int64_t left;

	pthread_mutex_lock(&http->lock);
	left = http->back_off_until - now_ms();
	pthread_mutex_unlock(&http->lock);
	return left > 0 ? (unsigned int)left : 0;
}

void http_cancel(struct http *http)
{
	atomic_store(&http->cancelled, true);
	pthread_mutex_lock(&http->lock);
	for (struct lane *lane = http->lanes; lane; lane = lane->next)
		curl_multi_wakeup(lane->multi);
	pthread_mutex_unlock(&http->lock);
}

uint64_t http_requests(struct http *http)
{
	return atomic_load(&http->requests);
}
