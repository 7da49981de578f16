/* A daemon that is killed leaves its mount dead: the kernel closes /dev/fuse and every call answers ENOTCONN.
 * But not always.  Telling the kernel of a name that changed takes the lock of its directory, and whoever
 * makes a file there holds that lock until the daemon answers.  Killed at that moment, the thread that tells
 * waits for the writer, the writer for an answer, and /dev/fuse is open as long as the thread is there: both
 * wait for ever, and the dead process keeps the lock of the cache.
 *
 * So a child waits for the death of the daemon (PR_SET_PDEATHSIG, which comes with the main thread's end), and
 * where threads of it stay, has the kernel end the connection: through /sys/fs/fuse, or as root by a forced
 * unmount, which is refused since the child itself stands in the mount, but ends the connection before.  The
 * mount stays dead: an empty directory would be worse.
 *
 * The number of a connection that has ended is given to the next one, perhaps to that of the daemon which
 * follows.  As long as the dead one has threads, its number is its own. */
#include "fs/watchdog.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fs/mount.h"
#include "sync/mem.h"

#define DEATH	  SIGUSR1
#define DYING_MS  5000
#define STUCK_MS  500
#define STEP_MS	  10
#define FIRST_FD  3
#define STATE_TAG "State:"

/* The letter of proc(5); 'X' when there is no such process. */
static char state_of(pid_t pid)
{
	char *path AUTOFREE = xasprintf("/proc/%d/status", (int)pid);
	char line[128], state = 'X';
	FILE *f = fopen(path, "re");

	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, STATE_TAG, strlen(STATE_TAG)))
			state = line[strlen(STATE_TAG) + strspn(line + strlen(STATE_TAG), " \t")];
	if (f)
		fclose(f);
	return state;
}

/* Another thread of the dying process may be our parent now, so its id says nothing. */
static bool is_dead(pid_t parent)
{
	char state = state_of(parent);

	return getppid() != parent || state == 'Z' || state == 'X';
}

/* The signal comes a little before the process counts as dead; anybody else may send it, too. */
static void wait_for_death(pid_t parent)
{
	const struct timespec step = { 0, STEP_MS * 1000000L };
	sigset_t set;
	int sig;

	sigemptyset(&set);
	sigaddset(&set, DEATH);
	while (!is_dead(parent)) {
		sigwait(&set, &sig);
		for (int ms = 0; ms < DYING_MS && !is_dead(parent); ms += STEP_MS)
			nanosleep(&step, NULL);
	}
}

/* The last of its threads takes the children along to another parent, after its files were closed. */
static bool has_threads(pid_t parent)
{
	return getppid() == parent;
}

/* Does it not come to its end by itself? */
static bool is_stuck(pid_t parent)
{
	const struct timespec step = { 0, STEP_MS * 1000000L };

	for (int ms = 0; ms < STUCK_MS && has_threads(parent); ms += STEP_MS)
		nanosleep(&step, NULL);
	return has_threads(parent);
}

/* Is `owner`, this process or its parent, the one whose connection was just opened? */
static bool is_there(pid_t owner)
{
	return owner == getpid() || has_threads(owner);
}

static bool abort_by_control(pid_t owner, int connection)
{
	char *path AUTOFREE = xasprintf("/sys/fs/fuse/connections/%d/abort", connection);
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool written = fd >= 0 && is_there(owner) && write(fd, "1", 1) == 1;

	if (fd >= 0)
		close(fd);
	return written;
}

static void abort_connection(pid_t owner, const char *mountpoint, int connection)
{
	int inside;

	if (mount_connection(mountpoint) != connection || abort_by_control(owner, connection))
		return;
	inside = open(mountpoint, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (inside < 0)
		return;
	if (is_there(owner))
		umount2(mountpoint, MNT_FORCE);
	close(inside);
}

void watchdog_abort(const char *mountpoint)
{
	int connection = mount_connection(mountpoint);

	if (connection >= 0)
		abort_connection(getpid(), mountpoint, connection);
}

/* Keeps nothing open of what the parent has: least of all /dev/fuse, and who reads what it prints is not to
 * wait for us. */
static void let_go(void)
{
	int null = open("/dev/null", O_RDWR);

	for (int fd = 0; null >= 0 && fd < FIRST_FD; fd++)
		dup2(null, fd);
	close_range(FIRST_FD, ~0U, 0);
	if (chdir("/"))
		_exit(1);
}

static void stand_by(pid_t parent, const char *mountpoint, int connection)
{
	sigset_t all;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	prctl(PR_SET_NAME, "tandemfs-watch");
	if (prctl(PR_SET_PDEATHSIG, DEATH))
		_exit(1);
	let_go();
	wait_for_death(parent);
	if (is_stuck(parent))
		abort_connection(parent, mountpoint, connection);
	_exit(0);
}

pid_t watchdog_start(const char *mountpoint, struct error *err)
{
	int connection = mount_connection(mountpoint);
	pid_t parent = getpid(), pid;

	if (connection < 0) {
		error_set(err, ERR_INTERNAL, "%s is not in the table of mounts", mountpoint);
		return 0;
	}
	pid = fork();
	if (pid == 0)
		stand_by(parent, mountpoint, connection);
	if (pid > 0)
		return pid;
	error_set(err, ERR_INTERNAL, "fork: %s", strerror(errno));
	return 0;
}

void watchdog_stop(pid_t pid)
{
	if (!pid)
		return;
	kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}
