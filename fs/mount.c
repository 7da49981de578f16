/* The mount point.  See mount.h.
 *
 * Is it ours, and is it dead?  /proc/self/mountinfo names the type of each mount ("fuse.tandemfs"), and
 * statvfs(3) of one whose daemon died says ENOTCONN (stat(2) may still be answered from a cache). */
#include "fs/mount.h"

#include <errno.h>
#include <fuse_lowlevel.h>
#include <inttypes.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sync/mem.h"

extern char **environ;

char *mount_path(const char *path, struct error *err)
{
	char *copy AUTOFREE = xstrdup(path), *dir AUTOFREE = NULL;
	char *whole = realpath(path, NULL), *base;
	struct stat st;

	if (whole) {
		if (stat(whole, &st) || S_ISDIR(st.st_mode))
			return whole;
		free(whole);
		error_set(err, ERR_INVALID, "%s: not a directory", path);
		return NULL;
	}
	if (errno != ENOTCONN) {
		error_set(err, ERR_INVALID, "%s: %s", path, strerror(errno));
		return NULL;
	}
	/* A dead mount: the directory that holds it can be asked. */
	while (strlen(copy) > 1 && copy[strlen(copy) - 1] == '/')
		copy[strlen(copy) - 1] = '\0';
	base = strrchr(copy, '/');
	if (base)
		*base++ = '\0';
	dir = realpath(!base ? "." : *copy ? copy : "/", NULL);
	if (!dir) {
		error_set(err, ERR_INVALID, "%s: %s", path, strerror(errno));
		return NULL;
	}
	return xasprintf("%s/%s", strcmp(dir, "/") != 0 ? dir : "", base ? base : copy);
}

/* Undoes the octal escapes of mountinfo(5) in place. */
static void unescape(char *text)
{
	char *to = text;

	for (; *text; text++) {
		if (*text == '\\' && strspn(text + 1, "01234567") >= 3) {
			*to++ = (char)((text[1] - '0') << 6 | (text[2] - '0') << 3 |
				       (text[3] - '0'));
			text += 3;
		} else {
			*to++ = *text;
		}
	}
	*to = '\0';
}

int mount_connection(const char *path)
{
	FILE *f = fopen("/proc/self/mountinfo", "re");
	char *line = NULL;
	size_t cap = 0;
	int topmost = -1;

	while (f && getline(&line, &cap, f) > 0) {
		char point[4096], type[64], number[16];
		const char *dash = strstr(line, " - ");

		if (!dash ||
			sscanf(line, "%*s %*s %*[0-9]:%15[0-9] %*s %4095s", number, point) != 2 ||
			sscanf(dash + 3, "%63s", type) != 1)
			continue;
		unescape(point);
		if (!strcmp(point, path))
			topmost = strcmp(type, "fuse.tandemfs") ? -1
								: (int)strtol(number, NULL, 10);
	}
	free(line);
	if (f)
		fclose(f);
	return topmost;
}

/* Is the topmost mount there of our type? */
static bool is_ours(const char *path)
{
	return mount_connection(path) >= 0;
}

static int run_fusermount(const char *path)
{
	char *argv[] = { "fusermount3", "-u", "-z", "--", (char *)path, NULL };
	pid_t pid;
	int status;

	if (posix_spawnp(&pid, argv[0], NULL, NULL, argv, environ))
		return -1;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -1;
	return WIFEXITED(status) && !WEXITSTATUS(status) ? 0 : -1;
}

int mount_clear_dead(const char *path, struct error *err)
{
	struct statvfs st;
	bool dead = statvfs(path, &st) && (errno == ENOTCONN || errno == ECONNABORTED);

	if (!is_ours(path))
		return dead ? error_set(err, ERR_INVALID,
				      "%s: a dead mount of another program stands there", path)
			    : 0;
	if (!dead)
		return error_set(err, ERR_EXISTS, "%s: tandemfs is mounted there already", path);
	if (umount2(path, MNT_DETACH) && run_fusermount(path))
		return error_set(err, ERR_INVALID, "%s: cannot clear a dead mount: %s", path,
			strerror(errno));
	return 0;
}

void mount_args(struct fuse_args *args, const struct config *config, bool debug)
{
	fuse_opt_add_arg(args, "tandemfs");
	fuse_opt_add_arg(args, "-odefault_permissions,nosuid,nodev,noexec");
	fuse_opt_add_arg(args, "-ofsname=tandemfs,subtype=tandemfs");
	if (config->allow_other)
		fuse_opt_add_arg(args, "-oallow_other");
	if (config->read_only)
		fuse_opt_add_arg(args, "-oro");
	if (debug)
		fuse_opt_add_arg(args, "-odebug");
}

/* FNV-1a, 64 bits: names a file, proves nothing. */
static uint64_t hash(const char *text)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	for (; *text; text++)
		h = (h ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
	return h;
}

void mount_socket_dirs(char *dirs[3])
{
	const char *runtime = getenv("XDG_RUNTIME_DIR");
	size_t n = 0;

	if (runtime && *runtime == '/')
		dirs[n++] = xasprintf("%s/tandemfs", runtime);
	if (!geteuid())
		dirs[n++] = xstrdup("/run/tandemfs");
	else if (!n)
		dirs[n++] = xasprintf("/tmp/tandemfs-%u", (unsigned int)geteuid());
	dirs[n] = NULL;
}

char *mount_socket_path(const char *mountpoint)
{
	char *dirs[3], *path;

	mount_socket_dirs(dirs);
	path = xasprintf("%s/%016" PRIx64 ".sock", dirs[0], hash(mountpoint));
	for (size_t i = 0; dirs[i]; i++)
		free(dirs[i]);
	return path;
}
