/* The Unix socket.  See socket.h for what is spoken.
 *
 * One thread accepts, each connection has a thread of its own, since `sync` and `test-connection` wait
 * for servers.  While a cycle is waited for, the connection's thread reports progress and a helper
 * thread waits. */
#include "fs/socket.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "fs/control.h"
#include "fs/mount.h"
#include "fs/working.h"
#include "sync/mem.h"

#define REQUEST_LIMIT	((size_t)64 << 10)
#define MAX_CONNECTIONS 32
#define PROGRESS_MS	500
#define RETRY_MS	100

struct connection {
	struct control_socket *socket;
	int fd;
	pthread_t thread;
	bool done; /* socket's lock */
	struct connection *next;
};

struct control_socket {
	struct fs *fs;
	int fd, stop_fds[2];
	char *path;
	pthread_t thread;
	pthread_mutex_t lock;
	struct connection *connections; /* lock */
};

/* ---- answers ---------------------------------------------------------------------------------- */

/* Until the peer takes more; a peer that reads nothing does not keep us from stopping. */
static bool wait_writable(const struct connection *c)
{
	struct pollfd fds[] = { { .fd = c->fd, .events = POLLOUT },
		{ .fd = c->socket->stop_fds[0] } };

	return (poll(fds, ARRAY_SIZE(fds), -1) < 0 && errno == EINTR) || fds[0].revents;
}

/* Takes the reference.  False when the peer is gone. */
static bool send_line(struct connection *c, json_t *line)
{
	char *text = line ? json_dumps(line, JSON_COMPACT) : NULL;
	size_t len = text ? strlen(text) : 0, sent = 0;

	json_decref(line);
	if (!text)
		return false;
	text[len++] = '\n'; /* in the place of the NUL */
	while (sent < len) {
		ssize_t n = send(c->fd, text + sent, len - sent, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n > 0)
			sent += (size_t)n;
		else if (errno != EINTR && (errno != EAGAIN || !wait_writable(c)))
			break;
	}
	free(text);
	return sent == len;
}

static void send_result(struct connection *c, int rc, const struct error *err, json_t *result)
{
	json_t *line = json_pack("{s:i}", "exit", rc ? 1 : 0);

	if (rc)
		json_object_set_new(line, "error", json_string(err->text));
	if (result)
		json_object_set(line, "result", result);
	json_decref(result);
	send_line(c, line);
}

/* ---- commands --------------------------------------------------------------------------------- */

struct request {
	struct connection *connection;
	struct fs *fs;
	char *const *words;
	size_t n;
};

static const char *arg(const struct request *r, size_t i)
{
	return i < r->n ? r->words[i] : NULL;
}

/* The user named by the first argument; NULL: all. */
static int find_address(const struct request *r, const char **address, struct error *err)
{
	const struct config_user *user;

	*address = NULL;
	if (!arg(r, 1))
		return 0;
	user = config_find_user(r->fs->config, arg(r, 1));
	if (!user)
		return error_set(err, ERR_INVALID, "no user %.200s here", arg(r, 1));
	*address = user->address;
	return 0;
}

static int run_info(struct request *r, json_t **result, struct error *err)
{
	(void)err;
	*result = json_pack("{s:s, s:s, s:i}", "mount", r->fs->mountpoint, "config",
		r->fs->config->path, "pid", (int)getpid());
	return 0;
}

static int run_status(struct request *r, json_t **result, struct error *err)
{
	const char *address;
	int rc = find_address(r, &address, err);

	if (!rc)
		*result = engine_status(r->fs->engine, address);
	return rc;
}

static int run_errors(struct request *r, json_t **result, struct error *err)
{
	const char *address;
	int rc = find_address(r, &address, err);

	if (!rc)
		*result = engine_errors(r->fs->engine, address);
	return rc;
}

static int run_conflicts(struct request *r, json_t **result, struct error *err)
{
	const char *address;
	int rc = find_address(r, &address, err);

	if (!rc)
		*result = engine_conflicts(r->fs->engine, address);
	return rc;
}

static int run_take(struct request *r, json_t **result, struct error *err)
{
	char *end = NULL;
	int64_t id = arg(r, 1) ? strtoll(arg(r, 1), &end, 10) : 0;

	(void)result;
	if (!id || *end)
		return error_set(err, ERR_INVALID, "take-conflict needs a conflict's number");
	return engine_take_conflict(r->fs->engine, id, arg(r, 2), err);
}

static int run_deletes(struct request *r, json_t **result, struct error *err)
{
	(void)err;
	*result = engine_deletes(r->fs->engine);
	return 0;
}

static int run_test(struct request *r, json_t **result, struct error *err)
{
	const char *address;
	int rc = find_address(r, &address, err);

	return rc ? rc : engine_test(r->fs->engine, address, result, err);
}

struct waiter {
	struct request *request;
	const char *address;
	struct error err;
	int rc;
	pthread_mutex_t lock;
	pthread_cond_t done_cond;
	bool done;
};

static void *wait_for_sync(void *data)
{
	struct waiter *w = data;
	struct fs *fs = w->request->fs;
	int rc = engine_sync(fs->engine, w->address, true, &w->err);

	notifier_wait(fs->notifier); /* who waited for the cycle sees its files */
	pthread_mutex_lock(&w->lock);
	w->rc = rc;
	w->done = true;
	pthread_cond_signal(&w->done_cond);
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

/* Sends progress until the waiter is done. */
static void report_progress(struct waiter *w)
{
	bool peer = true;

	pthread_mutex_lock(&w->lock);
	while (!w->done) {
		struct timespec until;

		clock_gettime(CLOCK_MONOTONIC, &until);
		until.tv_nsec += PROGRESS_MS * 1000000L;
		until.tv_sec += until.tv_nsec / 1000000000L;
		until.tv_nsec %= 1000000000L;
		if (pthread_cond_timedwait(&w->done_cond, &w->lock, &until) != ETIMEDOUT || !peer)
			continue;
		pthread_mutex_unlock(&w->lock);
		peer = send_line(w->request->connection,
			json_pack("{s:o}", "progress", engine_progress(w->request->fs->engine)));
		pthread_mutex_lock(&w->lock);
	}
	pthread_mutex_unlock(&w->lock);
}

static int run_sync(struct request *r, json_t **result, struct error *err)
{
	struct waiter w = { .request = r, .err = ERROR_INIT };
	pthread_condattr_t attr;
	pthread_t thread;
	int rc = find_address(r, &w.address, err);

	(void)result;
	if (rc)
		return rc;
	working_wait_released(r->fs);
	pthread_mutex_init(&w.lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&w.done_cond, &attr);
	pthread_condattr_destroy(&attr);
	rc = pthread_create(&thread, NULL, wait_for_sync, &w);
	if (rc) {
		rc = error_set(err, ERR_INTERNAL, "cannot start a thread: %s", strerror(rc));
	} else {
		report_progress(&w);
		pthread_join(thread, NULL);
		rc = w.rc;
		if (rc)
			*err = w.err;
	}
	pthread_cond_destroy(&w.done_cond);
	pthread_mutex_destroy(&w.lock);
	return rc;
}

/* The number of a path, absolute or relative to the mount point. */
static int find_path(const struct request *r, const char *path, uint64_t *ino, struct error *err)
{
	size_t skip = strlen(r->fs->mountpoint);
	char *copy AUTOFREE = NULL, *rest = NULL;

	if (*path == '/') {
		if (strncmp(path, r->fs->mountpoint, skip) != 0 || path[skip] != '/')
			return error_set(err, ERR_INVALID, "%.300s is not below %s", path,
				r->fs->mountpoint);
		path += skip;
	}
	copy = xstrdup(path);
	*ino = STORE_ROOT_INO;
	for (char *name = strtok_r(copy, "/", &rest); name; name = strtok_r(NULL, "/", &rest)) {
		struct store_node node;

		if (store_node_lookup(r->fs->store, *ino, name, &node, err))
			return error_set(err, ERR_NOT_FOUND, "%.300s: no such file", path);
		*ino = node.ino;
	}
	return 0;
}

static int run_relink(struct request *r, json_t **result, struct error *err)
{
	uint64_t ino = 0;
	int rc;

	(void)result;
	if (!arg(r, 1))
		return error_set(err, ERR_INVALID, "relink needs a path");
	rc = find_path(r, arg(r, 1), &ino, err);
	return rc ? rc : engine_relink(r->fs->engine, ino, arg(r, 2), err);
}

static const struct command {
	const char *name;
	int (*run)(struct request *r, json_t **result, struct error *err);
} commands[] = {
	{ "info", run_info },
	{ "status", run_status },
	{ "errors", run_errors },
	{ "conflicts", run_conflicts },
	{ "take-conflict", run_take },
	{ "deletes", run_deletes },
	{ "test-connection", run_test },
	{ "sync", run_sync },
	{ "relink", run_relink },
};

static int run(struct request *r, json_t **result, struct error *err)
{
	for (size_t i = 0; r->n && i < ARRAY_SIZE(commands); i++)
		if (!strcmp(commands[i].name, r->words[0]))
			return commands[i].run(r, result, err);
	if (r->n && !strcmp(r->words[0], "reset") && r->n < 2)
		return error_set(err, ERR_INVALID, "reset needs a user");
	return control_run(r->fs, NULL, r->words, r->n, err);
}

/* ---- connections ------------------------------------------------------------------------------ */

static bool may_ask(struct connection *c)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	return !getsockopt(c->fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) &&
	       (!peer.uid || peer.uid == c->socket->fs->uid);
}

/* One line; NULL when none came. */
static json_t *read_request(struct connection *c)
{
	struct buf line AUTOBUF = BUF_INIT(REQUEST_LIMIT);
	char chunk[1024];
	ssize_t n;

	while (!line.failed && !memchr(buf_str(&line), '\n', line.len)) {
		n = recv(c->fd, chunk, sizeof(chunk), 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		buf_add(&line, chunk, (size_t)n);
	}
	return line.failed ? NULL
			   : json_loadb(buf_str(&line), line.len, JSON_DISABLE_EOF_CHECK, NULL);
}

static void answer(struct connection *c, const json_t *line)
{
	const char *command = json_string_value(json_object_get(line, "command"));
	const json_t *args = json_object_get(line, "args"), *value;
	struct error err = ERROR_INIT;
	json_t *result = NULL;
	char *words[8] = { NULL };
	struct request r = { .connection = c, .fs = c->socket->fs, .words = words };
	size_t i;
	int rc;

	if (command)
		words[r.n++] = (char *)command;
	json_array_foreach((json_t *)args, i, value)
		if (json_string_value(value) && r.n && r.n < ARRAY_SIZE(words))
			words[r.n++] = (char *)json_string_value(value);
	rc = run(&r, &result, &err);
	send_result(c, rc, &err, result);
}

static void *serve(void *data)
{
	struct connection *c = data;
	struct error err = ERROR_INIT;
	json_t *line;

	if (may_ask(c)) {
		line = read_request(c);
		if (line)
			answer(c, line);
		json_decref(line);
	} else {
		error_set(&err, ERR_DENIED, "only root and who mounted may ask");
		send_result(c, err.code, &err, NULL);
	}
	shutdown(c->fd, SHUT_WR);
	pthread_mutex_lock(&c->socket->lock);
	c->done = true;
	pthread_mutex_unlock(&c->socket->lock);
	return NULL;
}

/* Joins those that are done (all: everybody); returns how many are left. */
static size_t reap(struct control_socket *s, bool all)
{
	struct connection *gone = NULL;
	size_t left = 0;

	pthread_mutex_lock(&s->lock);
	for (struct connection **at = &s->connections; *at;) {
		struct connection *c = *at;

		if (!all && !c->done) {
			left++;
			at = &c->next;
			continue;
		}
		*at = c->next;
		c->next = gone;
		gone = c;
		shutdown(c->fd, SHUT_RD);
	}
	pthread_mutex_unlock(&s->lock);
	while (gone) {
		struct connection *next = gone->next;

		pthread_join(gone->thread, NULL);
		close(gone->fd);
		free(gone);
		gone = next;
	}
	return left;
}

static void take(struct control_socket *s)
{
	struct pollfd stop = { .fd = s->stop_fds[0] };
	struct connection *c;
	int fd = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC);

	if (fd < 0) { /* no descriptor is free: who asks waits until one is */
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
			poll(&stop, 1, RETRY_MS);
		return;
	}
	if (reap(s, false) >= MAX_CONNECTIONS) {
		close(fd);
		return;
	}
	c = xcalloc(1, sizeof(*c));
	c->socket = s;
	c->fd = fd;
	pthread_mutex_lock(&s->lock);
	if (pthread_create(&c->thread, NULL, serve, c)) {
		close(fd);
		free(c);
	} else {
		c->next = s->connections;
		s->connections = c;
	}
	pthread_mutex_unlock(&s->lock);
}

static void *accept_main(void *data)
{
	struct control_socket *s = data;
	struct pollfd fds[] = { { .fd = s->fd, .events = POLLIN },
		{ .fd = s->stop_fds[0], .events = POLLIN } };

	for (;;) {
		if (poll(fds, ARRAY_SIZE(fds), -1) < 0 && errno != EINTR)
			break;
		if (fds[1].revents)
			break;
		if (fds[0].revents)
			take(s);
	}
	return NULL;
}

/* ---- start and stop --------------------------------------------------------------------------- */

/* The directory is ours alone. */
static int make_dir(const char *path, struct error *err)
{
	char *dir AUTOFREE = xstrdup(path);
	struct stat st;

	*strrchr(dir, '/') = '\0';
	if (mkdir(dir, 0700) && errno != EEXIST)
		return error_set(err, ERR_INVALID, "%s: %s", dir, strerror(errno));
	if (lstat(dir, &st) || !S_ISDIR(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & 022))
		return error_set(err, ERR_INVALID, "%s: not a directory of our own", dir);
	return 0;
}

static int listen_at(const char *path, int *fd, struct error *err)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	if (strlen(path) >= sizeof(address.sun_path))
		return error_set(err, ERR_INVALID, "%s: too long for a socket", path);
	memcpy(address.sun_path, path, strlen(path) + 1);
	*fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	unlink(path); /* of a daemon that died: the cache's lock says that nobody else serves it */
	if (*fd < 0 || bind(*fd, (struct sockaddr *)&address, sizeof(address)) ||
		chmod(path, 0600) || listen(*fd, 16))
		return error_set(err, ERR_INVALID, "%s: %s", path, strerror(errno));
	return 0;
}

static void free_socket(struct control_socket *s)
{
	if (s->fd >= 0) {
		close(s->fd);
		unlink(s->path);
	}
	for (size_t i = 0; i < 2; i++)
		if (s->stop_fds[i] >= 0)
			close(s->stop_fds[i]);
	pthread_mutex_destroy(&s->lock);
	free(s->path);
	free(s);
}

int socket_start(struct fs *fs, struct error *err)
{
	struct control_socket *s = xcalloc(1, sizeof(*s));
	int rc;

	*s = (struct control_socket){ .fs = fs, .fd = -1, .stop_fds = { -1, -1 } };
	pthread_mutex_init(&s->lock, NULL);
	s->path = mount_socket_path(fs->mountpoint);
	rc = make_dir(s->path, err);
	if (!rc)
		rc = listen_at(s->path, &s->fd, err);
	if (!rc &&
		(pipe2(s->stop_fds, O_CLOEXEC) || pthread_create(&s->thread, NULL, accept_main, s)))
		rc = error_set(err, ERR_INTERNAL, "cannot start the control socket");
	if (rc) {
		free_socket(s);
		return rc;
	}
	fs->socket = s;
	return 0;
}

void socket_stop(struct fs *fs)
{
	struct control_socket *s = fs->socket;

	if (!s)
		return;
	close(s->stop_fds[1]);
	s->stop_fds[1] = -1;
	pthread_join(s->thread, NULL);
	reap(s, true);
	free_socket(s);
	fs->socket = NULL;
}
