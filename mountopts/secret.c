/* Secrets: the content of a file that only its owner can read, or of a systemd credential.
 *
 * A bare name is looked for in $CREDENTIALS_DIRECTORY first (systemd.exec(5), LoadCredential=); the
 * manager guards that directory itself.  Anything else is a file: regular, owned by us or by root,
 * without any right for group and others.  The line end an editor leaves is not part of a secret. */
#include "mountopts/private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sync/mem.h"

#define SECRET_MAX (16 * 1024)

void secret_free(char *secret)
{
	if (secret)
		explicit_bzero(secret, strlen(secret));
	free(secret);
}

static int open_credential(const char *name)
{
	const char *dir = getenv("CREDENTIALS_DIRECTORY");
	char *path AUTOFREE = NULL;

	if (!dir || strchr(name, '/') || name[0] == '.')
		return -1;
	path = xasprintf("%s/%s", dir, name);
	return open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
}

static int check_file(int fd, const char *path, bool credential, struct error *err)
{
	struct stat st;

	if (fstat(fd, &st))
		return error_set(err, ERR_INVALID, "%s: %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return error_set(err, ERR_INVALID, "%s is not a regular file", path);
	if (credential)
		return 0;
	if (st.st_mode & 077)
		return error_set(err, ERR_INVALID,
			"%s can be read by others than its owner (mode %04o): chmod 600 it", path,
			(unsigned int)st.st_mode & 07777);
	if (st.st_uid != geteuid() && st.st_uid != 0)
		return error_set(err, ERR_INVALID, "%s belongs to uid %u, neither us nor root",
			path, (unsigned int)st.st_uid);
	return 0;
}

/* The whole file into `out`, which has SECRET_MAX + 1 bytes; the length or -1. */
static ssize_t read_all(int fd, char *out)
{
	size_t len = 0;

	while (len <= SECRET_MAX) {
		ssize_t n = read(fd, out + len, SECRET_MAX + 1 - len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		if (n == 0)
			break;
		len += (size_t)n;
	}
	return (ssize_t)len;
}

static int take(char **out, int fd, const char *path, struct error *err)
{
	char text[SECRET_MAX + 1];
	ssize_t len = read_all(fd, text);
	int rc = 0;

	while (len > 0 && (text[len - 1] == '\n' || text[len - 1] == '\r'))
		len--;
	if (len < 0)
		rc = error_set(err, ERR_INVALID, "%s: %s", path, strerror(errno));
	else if (len > SECRET_MAX)
		rc = error_set(err, ERR_INVALID, "%s is larger than %d bytes", path, SECRET_MAX);
	else if (len == 0)
		rc = error_set(err, ERR_INVALID, "%s is empty", path);
	else if (memchr(text, '\0', (size_t)len) || memchr(text, '\n', (size_t)len))
		rc = error_set(err, ERR_INVALID, "%s holds more than one line", path);
	else
		*out = xstrndup(text, (size_t)len);
	explicit_bzero(text, sizeof(text));
	return rc;
}

int secret_read(char **out, const char *name, const char *dir, struct error *err)
{
	char *path AUTOFREE = NULL;
	int fd = open_credential(name);
	bool credential = fd >= 0;
	int rc;

	path = name[0] == '/' || credential || !dir ? xstrdup(name) : xasprintf("%s/%s", dir, name);
	if (!credential)
		fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return error_set(err, ERR_INVALID, "%s: %s", path, strerror(errno));
	rc = check_file(fd, path, credential, err);
	if (!rc)
		rc = take(out, fd, path, err);
	close(fd);
	return rc;
}
