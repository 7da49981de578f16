/* An HTTP server on loopback that plays a script, for tests of the transport and of the drivers: the
 * n-th request gets the n-th step's answer, whatever connection it comes on.  It keeps every request
 * and counts connections, so that a request sent twice shows. */
#ifndef TESTS_UNIT_SCRIPTED_SERVER_H
#define TESTS_UNIT_SCRIPTED_SERVER_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sync/buf.h"
#include "sync/mem.h"

enum after { KEEP, CLOSE };

struct step {
	const char *answer; /* NULL: none */
	size_t len;	    /* 0: strlen */
	enum after after;
};

#define CONNECTIONS 8
#define REQUESTS    64

struct server {
	int listener, wake[2];
	unsigned int port;
	pthread_t thread;
	const struct step *steps;
	size_t n_steps;
	atomic_uint connections, requests;
	char *seen[REQUESTS]; /* whole requests in their order */
	int fds[CONNECTIONS];
	struct buf in[CONNECTIONS];
};

/* Length of the first whole request in the buffer, 0 when there is none yet. */
static inline size_t whole(const struct buf *b)
{
	const char *end = b->len ? strstr(b->data, "\r\n\r\n") : NULL;
	const char *length;
	size_t n;

	if (!end)
		return 0;
	length = strcasestr(b->data, "Content-Length:");
	n = (size_t)(end + 4 - b->data) +
	    (length && length < end ? strtoul(length + 15, NULL, 10) : 0);
	return b->len >= n ? n : 0;
}

static inline void server_answer(struct server *s, size_t i, size_t len)
{
	unsigned int number = atomic_load(&s->requests);
	const struct step *step = number < s->n_steps ? &s->steps[number] : NULL;

	if (number < REQUESTS)
		s->seen[number] = xstrndup(s->in[i].data, len);
	buf_reset(&s->in[i]);
	atomic_fetch_add(&s->requests, 1); /* before the client can know that it is answered */
	if (step && step->answer) {
		size_t n = step->len ? step->len : strlen(step->answer);

		if (write(s->fds[i], step->answer, n) != (ssize_t)n)
			abort();
	}
	if (!step || step->after == CLOSE) {
		close(s->fds[i]);
		s->fds[i] = -1;
	}
}

static inline void server_read(struct server *s, size_t i)
{
	char chunk[4096];
	ssize_t n = read(s->fds[i], chunk, sizeof(chunk));
	size_t len;

	if (n <= 0) {
		close(s->fds[i]);
		s->fds[i] = -1;
		buf_reset(&s->in[i]);
		return;
	}
	buf_add(&s->in[i], chunk, (size_t)n);
	len = whole(&s->in[i]);
	if (len)
		server_answer(s, i, len);
}

static inline void server_accept(struct server *s)
{
	int fd = accept(s->listener, NULL, NULL);
	size_t i;

	for (i = 0; i < CONNECTIONS && s->fds[i] >= 0; i++)
		;
	if (i == CONNECTIONS)
		abort();
	s->fds[i] = fd;
	atomic_fetch_add(&s->connections, 1);
}

static inline void *server_run(void *arg)
{
	struct server *s = arg;

	for (;;) {
		struct pollfd p[CONNECTIONS + 2] = {
			{ .fd = s->wake[0], .events = POLLIN },
			{ .fd = s->listener, .events = POLLIN },
		};

		for (size_t i = 0; i < CONNECTIONS; i++)
			p[i + 2] = (struct pollfd){ .fd = s->fds[i], .events = POLLIN };
		if (poll(p, CONNECTIONS + 2, -1) < 0)
			continue;
		if (p[0].revents)
			return NULL;
		if (p[1].revents)
			server_accept(s);
		for (size_t i = 0; i < CONNECTIONS; i++)
			if (p[i + 2].revents && s->fds[i] >= 0)
				server_read(s, i);
	}
}

static inline void server_start(struct server *s, const struct step *steps, size_t n)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(at);

	memset(s, 0, sizeof(*s));
	s->steps = steps;
	s->n_steps = n;
	for (size_t i = 0; i < CONNECTIONS; i++) {
		s->fds[i] = -1;
		buf_init(&s->in[i], 64 * 1024);
	}
	assert_int_equal(pipe(s->wake), 0);
	s->listener = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(bind(s->listener, (struct sockaddr *)&at, len), 0);
	assert_int_equal(listen(s->listener, 8), 0);
	assert_int_equal(getsockname(s->listener, (struct sockaddr *)&at, &len), 0);
	s->port = ntohs(at.sin_port);
	assert_int_equal(pthread_create(&s->thread, NULL, server_run, s), 0);
}

static inline void server_stop(struct server *s)
{
	assert_int_equal(write(s->wake[1], "", 1), 1);
	pthread_join(s->thread, NULL);
	close(s->listener);
	close(s->wake[0]);
	close(s->wake[1]);
	for (size_t i = 0; i < CONNECTIONS; i++) {
		if (s->fds[i] >= 0)
			close(s->fds[i]);
		buf_free(&s->in[i]);
	}
	for (size_t i = 0; i < REQUESTS; i++)
		free(s->seen[i]);
}

#endif
