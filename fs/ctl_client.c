/* Finding a mount's socket and speaking to it (the protocol is in socket.h). */
#include "fs/ctl.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "fs/mount.h"
#include "sync/buf.h"
#include "sync/mem.h"

#define ANSWER_LIMIT ((size_t)64 << 20)

/* -1 when nobody listens there. */
static int connect_to(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd;

	if (strlen(path) >= sizeof(address.sun_path))
		return -1;
	memcpy(address.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address))) {
		close(fd);
		fd = -1;
	}
	return fd;
}

/* ---- one exchange ----------------------------------------------------------------------------- */

static bool send_request(int fd, const char *const *words, size_t n)
{
	json_t *args = json_array(), *request;
	char *text;
	size_t len;
	bool sent;

	for (size_t i = 1; i < n; i++)
		json_array_append_new(args, json_string(words[i]));
	request = json_pack("{s:s, s:o}", "command", words[0], "args", args);
	text = request ? json_dumps(request, JSON_COMPACT) : NULL;
	json_decref(request);
	if (!text)
		return false;
	len = strlen(text);
	text[len++] = '\n';
	sent = send(fd, text, len, MSG_NOSIGNAL) == (ssize_t)len;
	free(text);
	return sent;
}

/* Takes one line off the buffer; NULL when there is none yet. */
static json_t *next_line(struct buf *in)
{
	char *end = in->len ? memchr(in->data, '\n', in->len) : NULL;
	size_t used;
	json_t *line;

	if (!end)
		return NULL;
	used = (size_t)(end - in->data) + 1;
	line = json_loadb(in->data, used, 0, NULL);
	memmove(in->data, in->data + used, in->len - used);
	in->len -= used;
	return line ? line : json_object();
}

static json_t *read_line(int fd, struct buf *in)
{
	json_t *line;

	while (!(line = next_line(in)) && !in->failed) {
		char chunk[16384];
		ssize_t n = recv(fd, chunk, sizeof(chunk), 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return NULL;
		buf_add(in, chunk, (size_t)n);
	}
	return line;
}

static int finish(json_t *line, json_t **result, struct error *err)
{
	const char *text = json_string_value(json_object_get(line, "error"));
	int rc = 0;

	*result = json_incref(json_object_get(line, "result"));
	if (json_integer_value(json_object_get(line, "exit")))
		rc = error_set(err, ERR_REMOTE, "%s", text ? text : "failed");
	json_decref(line);
	return rc;
}

static int exchange(int fd, const char *const *words, size_t n, ctl_progress *progress, void *data,
	json_t **result, struct error *err)
{
	struct buf in AUTOBUF = BUF_INIT(ANSWER_LIMIT);
	json_t *line = NULL;

	*result = NULL;
	if (!send_request(fd, words, n))
		return error_set(err, ERR_UNSENT, "tandemfs does not listen");
	while ((line = read_line(fd, &in))) {
		const json_t *steps = json_object_get(line, "progress");

		if (json_object_get(line, "exit"))
			return finish(line, result, err);
		if (steps && progress)
			progress(data, steps);
		json_decref(line);
	}
	return error_set(err, ERR_LOST, "tandemfs ended before it answered");
}

/* ---- which mount ------------------------------------------------------------------------------ */

struct found {
	int fd; /* connected, of the last one that fits */
	size_t n;
	char names[512];
};

/* Asks a socket whose mount it is.  Takes it when it fits -c. */
static void try_socket(const struct ctl *ctl, const char *path, struct found *found)
{
	static const char *const info[] = { "info" };
	char *wanted AUTOFREE = ctl->config ? realpath(ctl->config, NULL) : NULL,
		     *has AUTOFREE = NULL;
	const char *config, *mount;
	json_t *result = NULL;
	size_t used = strlen(found->names);
	int fd = connect_to(path);

	if (fd < 0)
		return;
	if (exchange(fd, info, 1, NULL, NULL, &result, NULL))
		goto out;
	config = json_string_value(json_object_get(result, "config"));
	mount = json_string_value(json_object_get(result, "mount"));
	has = config ? realpath(config, NULL) : NULL;
	if (!ctl->config || (wanted && has && !strcmp(wanted, has))) {
		if (found->fd >= 0)
			close(found->fd);
		found->fd = connect_to(path);
		found->n++;
		snprintf(found->names + used, sizeof(found->names) - used, "%s%s", used ? ", " : "",
			mount ? mount : "?");
	}
out:
	json_decref(result);
	close(fd);
}

static void try_dir(const struct ctl *ctl, const char *dir, struct found *found)
{
	DIR *d = opendir(dir);
	struct dirent *e;

	while (d && (e = readdir(d))) {
		const char *dot = strrchr(e->d_name, '.');
		char *path AUTOFREE = NULL;

		if (!dot || strcmp(dot, ".sock") != 0)
			continue;
		path = xasprintf("%s/%s", dir, e->d_name);
		try_socket(ctl, path, found);
	}
	if (d)
		closedir(d);
}

/* The socket of -m: its name is known, only the directory may be one or the other. */
static int connect_mount(const char *mount, struct error *err)
{
	char *point AUTOFREE = mount_path(mount, err), *path AUTOFREE = NULL, *dirs[3];
	int fd = -1;

	if (!point)
		return -1;
	path = mount_socket_path(point);
	mount_socket_dirs(dirs);
	for (size_t i = 0; dirs[i]; i++) {
		char *at AUTOFREE = xasprintf("%s%s", dirs[i], strrchr(path, '/'));

		if (fd < 0)
			fd = connect_to(at);
		free(dirs[i]);
	}
	if (fd < 0)
		error_set(err, ERR_UNSENT, "no tandemfs is mounted at %s", point);
	return fd;
}

static int connect_any(const struct ctl *ctl, struct error *err)
{
	struct found found = { .fd = -1 };
	char *dirs[3];

	mount_socket_dirs(dirs);
	for (size_t i = 0; dirs[i]; i++) {
		try_dir(ctl, dirs[i], &found);
		free(dirs[i]);
	}
	if (!found.n) {
		error_set(err, ERR_UNSENT, "no running tandemfs found%s",
			ctl->config ? " for this configuration" : "");
	} else if (found.n > 1) {
		error_set(err, ERR_INVALID, "several are mounted, choose one with -m: %s",
			found.names);
		close(found.fd);
		found.fd = -1;
	}
	return found.fd;
}

int ctl_ask(const struct ctl *ctl, const char *const *words, size_t n, ctl_progress *progress,
	void *data, json_t **result, struct error *err)
{
	int fd, rc;

	*result = NULL;
	fd = ctl->mount ? connect_mount(ctl->mount, err) : connect_any(ctl, err);
	if (fd < 0)
		return err->code ? (int)err->code : ERR_UNSENT;
	rc = exchange(fd, words, n, progress, data, result, err);
	close(fd);
	return rc;
}
