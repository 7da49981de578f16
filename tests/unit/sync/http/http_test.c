/* The transport against a server on loopback that plays a script: one step a request.  The server
 * counts connections and requests, so that a request sent twice shows. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "sync/http/http.h"
#include "sync/mem.h"
#include "tests/unit/scripted_server.h"

static struct http *client(const struct http_options *with)
{
	struct http_options options = { 0 };
	struct error err = ERROR_INIT;
	struct http *http;

	if (with)
		options = *with;
	options.name = "test";
	http = http_new(&options, &err);
	assert_non_null(http);
	return http;
}

static int send_to(struct http *http, unsigned int port, const char *method, const char *body,
	struct http_answer *answer, struct error *err)
{
	char url[64];
	struct http_request request = { .method = method, .url = url, .operation = "Try" };

	snprintf(url, sizeof(url), "http://127.0.0.1:%u/where", port);
	request.body = body;
	request.body_len = body ? strlen(body) : 0;
	return http_send(http, &request, answer, err);
}

#define OK(text) "HTTP/1.1 200 OK\r\nContent-Length: " text

/* Plays the steps against one POST each and gives the last result. */
static int play(const struct step *steps, size_t n, const struct http_options *options,
	struct http_answer *answer, struct error *err)
{
	struct server s;
	struct http *http = client(options);
	int rc = 0;

	server_start(&s, steps, n);
	for (size_t i = 0; i < n; i++) {
		if (i)
			http_answer_free(answer);
		rc = send_to(http, s.port, "POST", "<a/>", answer, err);
		while (atomic_load(&s.requests) <= i) /* it counts once its step is over */
			sched_yield();
	}
	assert_int_equal(http_requests(http), n);
	assert_int_equal(s.requests, n);
	server_stop(&s);
	http_free(http);
	return rc;
}

static void reuses_a_connection(void **state)
{
	static const struct step steps[] = { { OK("2\r\n\r\nhi"), 0, KEEP },
		{ OK("2\r\n\r\nho"), 0, KEEP } };
	static const char *const headers[] = { "X-One: 1", "Content-Type: text/xml", NULL };
	struct http_request request = { .method = "PATCH",
		.headers = headers,
		.user = "anna",
		.password = "secret",
		.body = "<b/>",
		.body_len = 4 };
	struct http *http = client(NULL);
	struct error err = ERROR_INIT;
	struct http_answer answer;
	struct server s;
	char url[64];

	(void)state;
	server_start(&s, steps, 2);
	assert_int_equal(send_to(http, s.port, "GET", NULL, &answer, &err), 0);
	assert_int_equal(answer.status, 200);
	assert_string_equal(buf_str(&answer.body), "hi");
	assert_memory_equal(s.seen[0], "GET /where HTTP/1.1\r\n", 21);
	http_answer_free(&answer);
	snprintf(url, sizeof(url), "http://127.0.0.1:%u/x", s.port);
	request.url = url;
	assert_int_equal(http_send(http, &request, &answer, &err), 0);
	assert_string_equal(buf_str(&answer.body), "ho");
	assert_non_null(strstr(s.seen[1], "PATCH /x HTTP/1.1\r\n"));
	assert_non_null(strstr(s.seen[1], "X-One: 1\r\n"));
	assert_non_null(strstr(s.seen[1], "Authorization: Basic YW5uYTpzZWNyZXQ=\r\n"));
	assert_non_null(strstr(s.seen[1], "Accept-Encoding: "));
	assert_non_null(strstr(s.seen[1], "gzip"));
	assert_non_null(strstr(s.seen[1], "\r\n\r\n<b/>"));
	assert_null(strstr(s.seen[1], "Expect:"));
	assert_int_equal(s.connections, 1);
	http_answer_free(&answer);
	server_stop(&s);
	http_free(http);
}

static void no_connection_is_unsent(void **state)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	socklen_t len = sizeof(at);
	struct http *http = client(NULL);
	struct error err = ERROR_INIT;
	struct http_answer answer;

	(void)state;
	/* Bound and not listening: refused, and nobody else takes the port. */
	assert_int_equal(bind(fd, (struct sockaddr *)&at, len), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
	assert_int_equal(send_to(http, ntohs(at.sin_port), "POST", "x", &answer, &err), ERR_UNSENT);
	assert_int_equal(err.code, ERR_UNSENT);
	assert_non_null(strstr(err.text, "no connection"));
	close(fd);
	http_free(http);
}

/* The server takes the connection and never answers the handshake. */
static void tls_failure_is_unsent(void **state)
{
	struct http_options options = { .connect_timeout_ms = 200 };
	struct http *http = client(&options);
	struct error err = ERROR_INIT;
	struct http_answer answer;
	struct server s;
	char url[64];
	struct http_request request = { .method = "POST", .url = url, .body = "x", .body_len = 1 };

	(void)state;
	server_start(&s, NULL, 0);
	snprintf(url, sizeof(url), "https://127.0.0.1:%u/", s.port);
	assert_int_equal(http_send(http, &request, &answer, &err), ERR_UNSENT);
	http_free(http);
	server_stop(&s);
	assert_int_equal(s.connections, 1);
	assert_int_equal(s.requests, 0);
}

static void other_protocols_are_refused(void **state)
{
	struct http *http = client(NULL);
	struct http_request request = { .method = "GET", .url = "file:///etc/passwd" };
	struct error err = ERROR_INIT;
	struct http_answer answer;

	(void)state;
	assert_int_equal(http_send(http, &request, &answer, &err), ERR_INVALID);
	http_free(http);
}

static void a_header_with_a_line_end_is_refused(void **state)
{
	static const char *const headers[] = { "X-AnchorMailbox: a\r\nX-Evil: 1", NULL };
	struct http *http = client(NULL);
	struct http_request request = {
		.method = "GET", .url = "http://127.0.0.1:1/", .headers = headers
	};
	struct error err = ERROR_INIT;
	struct http_answer answer;

	(void)state;
	assert_int_equal(http_send(http, &request, &answer, &err), ERR_INTERNAL);
	assert_int_equal(http_requests(http), 0);
	http_free(http);
}

/* The server acted and closed without an answer, on a fresh and on a reused connection: lost, and
 * the request arrived once. */
static void a_lost_answer_is_not_sent_again(void **state)
{
	static const struct step fresh[] = { { NULL, 0, CLOSE } };
	static const struct step reused[] = { { OK("0\r\n\r\n"), 0, KEEP }, { NULL, 0, CLOSE } };
	struct error err = ERROR_INIT;
	struct http_answer answer;

	(void)state;
	assert_int_equal(play(fresh, 1, NULL, &answer, &err), ERR_LOST);
	assert_int_equal(play(reused, 2, NULL, &answer, &err), ERR_LOST);
	assert_non_null(strstr(err.text, "the answer to Try was lost: the server closed"));
}

/* A DELETE without a body has nothing to rewind: it goes out on a new connection. */
static void a_lost_delete_is_not_sent_again(void **state)
{
	static const struct step steps[] = { { OK("0\r\n\r\n"), 0, KEEP }, { NULL, 0, CLOSE },
		{ OK("0\r\n\r\n"), 0, KEEP } };
	struct http *http = client(NULL);
	struct error err = ERROR_INIT;
	struct http_answer answer;
	struct server s;

	(void)state;
	server_start(&s, steps, 3);
	assert_int_equal(send_to(http, s.port, "POST", "x", &answer, &err), 0);
	http_answer_free(&answer);
	assert_int_equal(send_to(http, s.port, "DELETE", NULL, &answer, &err), ERR_LOST);
	assert_int_equal(s.requests, 2);
	http_free(http);
	server_stop(&s);
}

/* A connection that the server closed while idle is noticed before anything is sent. */
static void a_stale_connection_is_replaced(void **state)
{
	static const struct step steps[] = { { OK("0\r\n\r\n"), 0, CLOSE },
		{ OK("0\r\n\r\n"), 0, KEEP } };
	struct error err = ERROR_INIT;
	struct http_answer answer;

	(void)state;
	assert_int_equal(play(steps, 2, NULL, &answer, &err), 0);
	assert_int_equal(answer.status, 200);
	http_answer_free(&answer);
}

static void a_truncated_answer_is_lost(void **state)
{
	static const struct step steps[] = { { OK("100\r\n\r\nonly this"), 0, CLOSE } };
	static const struct step garbled[] = { { "no http at all\r\n\r\n", 0, CLOSE } };
	struct error err = ERROR_INIT;
	struct http_answer answer;

	(void)state;
	assert_int_equal(play(steps, 1, NULL, &answer, &err), ERR_LOST);
	assert_int_equal(play(garbled, 1, NULL, &answer, &err), ERR_LOST);
}

static void no_answer_in_time_is_lost(void **state)
{
	static const struct step steps[] = { { NULL, 0, KEEP } };
	struct http_options options = { .timeout_ms = 200 };
	struct error err = ERROR_INIT;
	struct http_answer answer;

	(void)state;
	assert_int_equal(play(steps, 1, &options, &answer, &err), ERR_LOST);
}

/* gzip of "squeezed " three times and "squeezed", made with gzip(1). */
static const char squeezed[] =
	"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 32\r\n\r\n"
	"\037\213\010\000\000\000\000\000\002\003\053\056\054\115\115\255\112\115\121\050\306\311"
	"\000\000\236\356\074\034\043\000\000\000";

static void decompresses_and_limits(void **state)
{
	static const struct step steps[] = { { squeezed, sizeof(squeezed) - 1, KEEP } };
	struct http_options options = { .answer_limit = 34 };
	struct error err = ERROR_INIT;
	struct http_answer answer;

	(void)state;
	assert_int_equal(play(steps, 1, NULL, &answer, &err), 0);
	assert_string_equal(buf_str(&answer.body), "squeezed squeezed squeezed squeezed");
	http_answer_free(&answer);
	/* 35 bytes after decompression, 32 on the wire */
	assert_int_equal(play(steps, 1, &options, &answer, &err), ERR_TOO_BIG);
	options.answer_limit = 35;
	assert_int_equal(play(steps, 1, &options, &answer, &err), 0);
	http_answer_free(&answer);
}

static void redirects_are_answers(void **state)
{
	static const struct step steps[] = { { "HTTP/1.1 302 Found\r\nLocation: "
					       "http://other.example/\r\nContent-Length: 0\r\n\r\n",
		0, KEEP } };
	struct error err = ERROR_INIT;
	struct http_answer answer;
	char *where;

	(void)state;
	assert_int_equal(play(steps, 1, NULL, &answer, &err), 0);
	assert_int_equal(answer.status, 302);
	where = http_answer_header(&answer, "location");
	assert_string_equal(where, "http://other.example/");
	assert_null(http_answer_header(&answer, "Loc"));
	free(where);
	http_answer_free(&answer);
}

static void retry_after(void **state)
{
	static const struct {
		const char *header;
		unsigned int ms;
	} rows[] = {
		{ "Retry-After: 7", 7000 },
		{ "Retry-After:  12  ", 12000 },
		{ "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\nRetry-After: Sun, 06 Nov 1994 08:50:07 "
		  "GMT",
			30000 },
		{ "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\nRetry-After: Sun, 06 Nov 1994 08:49:00 "
		  "GMT",
			0 },
		{ "Retry-After: soon", 0 },
		{ "Retry-After: -5", 0 },
		{ "Retry-After: 99999999999999", 24 * 3600 * 1000 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char *text = xasprintf(
			"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n%s\r\n\r\n", rows[i].header);
		struct step step = { text, 0, KEEP };
		struct error err = ERROR_INIT;
		struct http_answer answer;

		assert_int_equal(play(&step, 1, NULL, &answer, &err), 0);
		assert_int_equal(answer.retry_after_ms, rows[i].ms);
		if (strstr(rows[i].header, "Date"))
			assert_int_equal(answer.date, 784111777);
		http_answer_free(&answer);
		free(text);
	}
}

static void back_off_is_shared(void **state)
{
	static const struct step steps[] = {
		{ "HTTP/1.1 503 Busy\r\nRetry-After: 600\r\nContent-Length: 0\r\n\r\n", 0, KEEP }
	};
	struct http *http = client(NULL);
	struct error err = ERROR_INIT;
	struct http_answer answer;
	struct server s;

	(void)state;
	server_start(&s, steps, 1);
	assert_int_equal(http_back_off_left(http), 0);
	assert_int_equal(send_to(http, s.port, "POST", "x", &answer, &err), 0);
	assert_int_equal(answer.status, 503);
	http_answer_free(&answer);
	assert_in_range(http_back_off_left(http), 500000, 600000);
	http_back_off(http, 10); /* a shorter one changes nothing */
	assert_in_range(http_back_off_left(http), 500000, 600000);
	assert_int_equal(send_to(http, s.port, "POST", "x", &answer, &err), ERR_THROTTLED);
	assert_in_range(err.retry_after_ms, 500000, 600000);
	assert_int_equal(s.requests, 1);
	server_stop(&s);
	http_free(http);
}

struct waiter {
	struct http *http;
	unsigned int port;
	struct error err;
	int rc;
};

static void *wait_for_answer(void *arg)
{
	struct waiter *w = arg;
	struct http_answer answer;

	w->rc = send_to(w->http, w->port, "POST", "x", &answer, &w->err);
	return NULL;
}

static void cancel_ends_what_waits(void **state)
{
	static const struct step steps[] = { { NULL, 0, KEEP } };
	struct http_answer answer;
	struct timespec before, after;
	struct waiter w = { .http = client(NULL), .err = ERROR_INIT };
	struct server s;
	pthread_t thread;

	(void)state;
	server_start(&s, steps, 1);
	w.port = s.port;
	assert_int_equal(pthread_create(&thread, NULL, wait_for_answer, &w), 0);
	while (!atomic_load(&s.requests))
		sched_yield();
	clock_gettime(CLOCK_MONOTONIC, &before);
	http_cancel(w.http);
	pthread_join(thread, NULL);
	clock_gettime(CLOCK_MONOTONIC, &after);
	assert_int_equal(w.rc, ERR_LOST);		     /* it had been sent */
	assert_in_range(after.tv_sec - before.tv_sec, 0, 5); /* not the 100 s of the time limit */
	assert_int_equal(send_to(w.http, s.port, "POST", "x", &answer, &w.err), ERR_CANCELLED);
	assert_int_equal(s.requests, 1);
	http_free(w.http);
	server_stop(&s);
}

#define WORKERS 4
#define EACH	10

static void *send_many(void *arg)
{
	struct waiter *w = arg;

	for (int i = 0; i < EACH && !w->rc; i++) {
		struct http_answer answer;

		w->rc = send_to(w->http, w->port, "POST", "x", &answer, &w->err);
		if (!w->rc && strcmp(buf_str(&answer.body), "hi") != 0)
			w->rc = ERR_INTERNAL;
		http_answer_free(&answer);
	}
	return NULL;
}

/* Workers share one struct http: no more connections than workers, nothing lost or mixed up. */
static void workers_share_the_pool(void **state)
{
	struct step steps[WORKERS * EACH];
	struct http *http = client(NULL);
	struct waiter workers[WORKERS];
	pthread_t threads[WORKERS];
	struct server s;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++)
		steps[i] = (struct step){ .answer = OK("2\r\n\r\nhi"), .after = KEEP };
	server_start(&s, steps, ARRAY_SIZE(steps));
	for (size_t i = 0; i < WORKERS; i++) {
		workers[i] = (struct waiter){ .http = http, .port = s.port };
		assert_int_equal(pthread_create(&threads[i], NULL, send_many, &workers[i]), 0);
	}
	for (size_t i = 0; i < WORKERS; i++) {
		pthread_join(threads[i], NULL);
		assert_int_equal(workers[i].rc, 0);
	}
	http_free(http);
	server_stop(&s);
	assert_int_equal(s.requests, WORKERS * EACH);
	assert_in_range(s.connections, 1, WORKERS);
}

/* The files of a directory whose name holds `part`; the content of the last one in *content. */
static size_t files_with(const char *dir, const char *part, char **content)
{
	struct dirent **names;
	int n = scandir(dir, &names, NULL, alphasort);
	size_t hits = 0;

	for (int i = 0; i < n; i++) {
		if (strstr(names[i]->d_name, part)) {
			char *path = xasprintf("%s/%s", dir, names[i]->d_name);
			FILE *f = fopen(path, "r");
			char text[256];
			size_t len = fread(text, 1, sizeof(text), f);

			fclose(f);
			free(path);
			free(*content);
			*content = xstrndup(text, len);
			hits++;
		}
		free(names[i]);
	}
	if (n >= 0)
		free(names);
	return hits;
}

static void remove_all(const char *dir)
{
	struct dirent **names;
	int n = scandir(dir, &names, NULL, NULL);

	for (int i = 0; i < n; i++) {
		char *path = xasprintf("%s/%s", dir, names[i]->d_name);

		if (names[i]->d_name[0] != '.' && unlink(path))
			remove_all(path);
		free(path);
		free(names[i]);
	}
	if (n >= 0)
		free(names);
	rmdir(dir);
}

static void records_bodies_and_no_secrets(void **state)
{
	static const struct step steps[] = { { "HTTP/1.1 200 OK\r\nContent-Type: text/xml; "
					       "charset=utf-8\r\nContent-Length: 4\r\n\r\n<c/>",
						     0, KEEP },
		{ OK("2\r\n\r\n{}"), 0, KEEP }, { OK("2\r\n\r\n{}"), 0, KEEP },
		{ "HTTP/1.1 200 OK\r\nX-Sim-Malformed: garbled\r\nContent-Length: 2\r\n\r\n<<", 0,
			KEEP } };
	char dir[] = "/tmp/tandem-record-XXXXXX", url[64];
	struct http_options options = { .record_dir = mkdtemp(dir) };
	struct http *one = client(&options), *two = client(&options);
	struct http_request token = { .method = "POST",
		.url = url,
		.user = "u",
		.password = "hidden",
		.body = "client_secret=hidden",
		.body_len = 20,
		.operation = "token",
		.secret = true };
	char *content = NULL, *altered = xasprintf("%s/malformed", dir);
	struct error err = ERROR_INIT;
	struct http_answer answer;
	struct server s;

	(void)state;
	server_start(&s, steps, 4);
	snprintf(url, sizeof(url), "http://127.0.0.1:%u/", s.port);
	assert_int_equal(send_to(one, s.port, "POST", "<a/>", &answer, &err), 0);
	http_answer_free(&answer);
	assert_int_equal(http_send(one, &token, &answer, &err), 0);
	http_answer_free(&answer);
	assert_int_equal(send_to(two, s.port, "POST", "{\"b\":1}", &answer, &err), 0);
	http_answer_free(&answer);
	assert_int_equal(files_with(dir, "-Try-", &content), 4);
	assert_int_equal(files_with(dir, "request.xml", &content), 1);
	assert_string_equal(content, "<a/>");
	assert_int_equal(files_with(dir, "response.xml", &content), 1);
	assert_string_equal(content, "<c/>");
	assert_int_equal(files_with(dir, "request.json", &content), 1);
	assert_string_equal(content, "{\"b\":1}");
	assert_int_equal(files_with(dir, "token", &content), 0);
	assert_int_equal(send_to(one, s.port, "POST", "<d/>", &answer, &err), 0);
	http_answer_free(&answer);
	assert_int_equal(files_with(dir, "-Try-", &content), 4);
	assert_int_equal(files_with(altered, "-Try-", &content), 2);
	server_stop(&s);
	http_free(one);
	http_free(two);
	free(content);
	free(altered);
	remove_all(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reuses_a_connection),
		cmocka_unit_test(no_connection_is_unsent),
		cmocka_unit_test(tls_failure_is_unsent),
		cmocka_unit_test(other_protocols_are_refused),
		cmocka_unit_test(a_header_with_a_line_end_is_refused),
		cmocka_unit_test(a_lost_answer_is_not_sent_again),
		cmocka_unit_test(a_lost_delete_is_not_sent_again),
		cmocka_unit_test(a_stale_connection_is_replaced),
		cmocka_unit_test(a_truncated_answer_is_lost),
		cmocka_unit_test(no_answer_in_time_is_lost),
		cmocka_unit_test(decompresses_and_limits),
		cmocka_unit_test(redirects_are_answers),
		cmocka_unit_test(retry_after),
		cmocka_unit_test(back_off_is_shared),
		cmocka_unit_test(cancel_ends_what_waits),
		cmocka_unit_test(workers_share_the_pool),
		cmocka_unit_test(records_bodies_and_no_secrets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
