/* tandemfs CONFIG MOUNTPOINT [-o OPTION,...] [-f] [-d]
 *
 * The only place that knows every part: it reads the configuration, opens the store, wires the drivers
 * to the engine, mounts, and hands over to libfuse until the file system is unmounted or a signal comes.
 * Without -f the parent process waits until the mount is up (exit 0) or failed (prints why, exit 1).
 *
 * A cache that is found damaged while it is in use ends the session; a new one begins in the same process.
 *
 * Stopping: the engine (cancels requests), the socket, then the session; handles that are still open lose
 * nothing, their bytes are judged as at RELEASE. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <malloc.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <syslog.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "crm/salesforce.h"
#include "ews/ews.h"
#include "fs/base.h"
#include "fs/fs.h"
#include "fs/mount.h"
#include "fs/socket.h"
#include "fs/watchdog.h"
#include "fs/working.h"
#include "sync/mem.h"

#define MAX_THREADS 4
/* Caches that are built anew in the life of one process. */
#define REBUILDS_MAX 5
/* To the main thread: look whether the session has ended. */
#define WAKE SIGUSR2

static const char usage_text[] =
	"usage: tandemfs CONFIG MOUNTPOINT [-o OPTION,...] [-f] [-d]\n"
	"  -o ro,allow_other,uid=UID,gid=GID,umask=MASK,user=ADDRESS,cache=DIR,interval=MIN,\n"
	"     offline,show\n"
	"  -f  stay in the foreground     -d  print every operation (implies -f)\n";

struct program {
	const char *config_path, *mountpoint;
	struct buf options; /* all -o, joined */
	bool foreground, debug;
	int ready_fd; /* to the waiting parent, or -1 */
	pthread_t main_thread;
	atomic_bool serving; /* the main thread runs the session */
	pid_t watchdog;
	struct config *config;
	struct fs fs;
};

/* ---- arguments -------------------------------------------------------------------------------- */

/* mount(8) calls mount.fuse.tandemfs with -n, -s, -v and -t TYPE, which mean nothing here. */
static bool is_mount_helper(const char *program)
{
	const char *slash = strrchr(program, '/');

	return !strncmp(slash ? slash + 1 : program, "mount.", 6);
}

static int parse_args(struct program *p, int argc, char **argv)
{
	const char *known = is_mount_helper(argv[0]) ? "o:fdhnsvt:" : "o:fdh";
	static const struct option longs[] = { { "help", no_argument, NULL, 'h' }, { 0 } };
	int c;

	while ((c = getopt_long(argc, argv, known, longs, NULL)) != -1) {
		switch (c) {
		case 'o':
			buf_addf(&p->options, "%s%s", p->options.len ? "," : "", optarg);
			break;
		case 'd':
			p->debug = true;
			p->foreground = true;
			break;
		case 'f':
			p->foreground = true;
			break;
		case 'h':
			fputs(usage_text, stdout);
			exit(0);
		case 'n':
		case 's':
		case 'v':
		case 't':
			break;
		default:
			return -1;
		}
	}
	if (argc - optind != 2)
		return -1;
	p->config_path = argv[optind];
	p->mountpoint = argv[optind + 1];
	return 0;
}

/* ---- the process ------------------------------------------------------------------------------ */

/* Secrets are in memory: no core file, no debugger.  (The leak checker is one.) */
static void guard_secrets(void)
{
	struct rlimit none = { 0, 0 };

	setrlimit(RLIMIT_CORE, &none);
#ifndef __SANITIZE_ADDRESS__
	prctl(PR_SET_DUMPABLE, 0);
#endif
}

/* Many threads that each ask for little: few arenas, and no mapping for each read's buffer. */
static void tune_memory(void)
{
	mallopt(M_ARENA_MAX, 4);
	mallopt(M_MMAP_THRESHOLD, 4 << 20);
	mallopt(M_TRIM_THRESHOLD, 1 << 20);
}

/* The parent waits for one line from the child: empty when the mount is up, else why not. */
static int wait_for_child(int fd)
{
	char text[ERROR_TEXT_MAX + 1];
	size_t len = 0;
	ssize_t n;

	while (len < sizeof(text) - 1 && (n = read(fd, text + len, sizeof(text) - 1 - len)) != 0) {
		if (n < 0 && errno != EINTR)
			break;
		len += n > 0 ? (size_t)n : 0;
		if (len && text[len - 1] == '\n')
			break;
	}
	text[len] = '\0';
	if (len == 1)
		return 0;
	fprintf(stderr, "tandemfs: %s%s", len ? text : "ended before the mount was up",
		len ? "" : "\n");
	return 1;
}

/* Only the child returns. */
static int daemonise(struct program *p, struct error *err)
{
	int fds[2];
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC))
		return error_set(err, ERR_INTERNAL, "pipe: %s", strerror(errno));
	pid = fork();
	if (pid < 0)
		return error_set(err, ERR_INTERNAL, "fork: %s", strerror(errno));
	if (pid) {
		close(fds[1]);
		_exit(wait_for_child(fds[0]));
	}
	close(fds[0]);
	setsid();
	p->ready_fd = fds[1];
	return 0;
}

static void tell_parent(struct program *p, const char *text)
{
	if (p->ready_fd < 0)
		return;
	dprintf(p->ready_fd, "%s\n", text);
	close(p->ready_fd);
	p->ready_fd = -1;
}

/* Messages of libfuse, and of operations that could not say more than EIO. */
static void log_to_syslog(enum fuse_log_level level, const char *fmt, va_list ap)
{
	vsyslog((int)level, fmt, ap);
}

/* The mount is up: lets go of terminal and directory, and of the parent. */
static void detach(struct program *p)
{
	int null;

	if (p->ready_fd < 0)
		return;
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null >= 0) {
		dup2(null, 0);
		dup2(null, 1);
		dup2(null, 2);
		close(null);
	}
	fuse_set_log_func(log_to_syslog);
	if (chdir("/"))
		syslog(LOG_WARNING, "chdir: %s", strerror(errno));
	tell_parent(p, "");
}

static void log_line(void *data, const char *line)
{
	struct program *p = data;

	if (p->foreground)
		fprintf(stderr, "tandemfs: %s\n", line);
	else
		syslog(LOG_INFO, "%s", line);
}

static void on_commit(void *data, int64_t mailbox)
{
	struct fs *fs = data;

	if (fs->engine)
		engine_touch(fs->engine, mailbox);
}

/* ---- start ------------------------------------------------------------------------------------ */

static void log_rebuilt(struct program *p)
{
	json_t *note = store_rebuilt(p->fs.store);
	char *line AUTOFREE = xasprintf("the cache was damaged: it is kept as %s; %lld items were "
					"taken over, %lld will come"
					" again from Exchange, %lld files are in lost+found",
		json_string_value(json_object_get(note, "file")),
		(long long)json_integer_value(json_object_get(note, "items")),
		(long long)json_integer_value(json_object_get(note, "incomplete")),
		(long long)json_integer_value(json_object_get(note, "lost_found")));

	log_line(p, line);
	json_decref(note);
}

/* A thread met a damaged page: the session ends, and begins anew on a mended cache. */
static void on_damage(void *data)
{
	struct program *p = data;

	log_line(p, "the cache database is damaged: the mount begins anew");
	if (!p->serving)
		return;
	fuse_session_exit(p->fs.session);
	pthread_kill(p->main_thread, WAKE);
}

static void on_wake(int sig)
{
	(void)sig;
}

/* Interrupts the wait of the session's loop.  A signal of FUSE's own would not do: one that was ignored when
 * we were started (nohup) stays so. */
static void prepare_wake(void)
{
	struct sigaction action = { .sa_handler = on_wake };

	sigemptyset(&action.sa_mask);
	sigaction(WAKE, &action, NULL);
}

static int open_store(struct program *p, struct error *err)
{
	struct fs *fs = &p->fs;
	int rc = store_open(&fs->store, p->config->cache_dir, err);

	if (rc)
		return rc;
	if (store_was_rebuilt(fs->store))
		log_rebuilt(p);
	store_on_damage(fs->store, on_damage, p);
	fs->config = p->config;
	fs->working = working_table_new();
	fs->bases = base_table_new(NULL);
	fs->commit = (struct commit){ .store = fs->store,
		.remove_quiet_ns = (int64_t)p->config->remove_quiet_ms * 1000000,
		.vcard_30 = p->config->vcard == VCARD_VERSION_30,
		.check = ews_driver.check,
		.committed = on_commit,
		.data = fs };
	return commit_recover(&fs->commit, err);
}

static int make_engine(struct program *p, struct error *err)
{
	struct engine_options options = { .store = p->fs.store,
		.config = p->config,
		.commit = &p->fs.commit,
		.mailbox = &ews_driver,
		.crm = p->config->crm_driver ? &salesforce_driver : NULL,
		.log = log_line,
		.data = p };
	int rc = engine_new(&p->fs.engine, &options, err);

	return rc ? rc : fs_mailboxes_load(&p->fs, err);
}

/* Signals are for the thread that runs the session. */
static void block_signals(sigset_t *old)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, WAKE);
	pthread_sigmask(SIG_BLOCK, &set, old);
}

static int make_session(struct program *p, struct error *err)
{
	struct fs *fs = &p->fs;
	struct fuse_args args = FUSE_ARGS_INIT(0, NULL);

	mount_args(&args, p->config, p->debug);
	fs->session = fuse_session_new(&args, &fs_ops, sizeof(fs_ops), fs);
	fuse_opt_free_args(&args);
	if (!fs->session || fuse_set_signal_handlers(fs->session))
		return error_set(err, ERR_INTERNAL, "cannot make a FUSE session");
	return 0;
}

static int start_threads(struct program *p, struct error *err)
{
	struct fs *fs = &p->fs;
	int rc = 0;

	fs->notifier = notifier_start(fs, err);
	if (!fs->notifier)
		return err->code;
	store_set_listener(fs->store, notify_changes, fs);
	rc = socket_start(fs, err);
	return rc ? rc : engine_start(fs->engine, err);
}

static int configure(struct program *p, struct error *err)
{
	char *config_path AUTOFREE = NULL;
	int rc;

	p->fs.mountpoint = mount_path(p->mountpoint, err);
	if (!p->fs.mountpoint)
		return err->code;
	config_path = realpath(p->config_path, NULL); /* tandemctl asks for it from elsewhere */
	rc = config_load(&p->config, config_path ? config_path : p->config_path, err);
	if (!rc && p->options.len)
		rc = config_options(p->config, buf_str(&p->options), err);
	return rc;
}

static int start(struct program *p, struct error *err)
{
	struct fs *fs = &p->fs;
	sigset_t old;
	int rc = open_store(p, err);

	if (!rc)
		rc = mount_clear_dead(fs->mountpoint, err);
	if (!rc)
		rc = make_engine(p, err);
	if (!rc)
		rc = make_session(p, err);
	if (rc)
		return rc;
	if (fuse_session_mount(fs->session, fs->mountpoint))
		return error_set(err, ERR_INTERNAL, "cannot mount at %s", fs->mountpoint);
	p->watchdog = watchdog_start(fs->mountpoint, err);
	if (!p->watchdog)
		return err->code;
	block_signals(&old);
	rc = start_threads(p, err);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return rc;
}

/* ---- run and stop ----------------------------------------------------------------------------- */

/* 0: unmounted; the number of a signal; negative: an error. */
static int serve(struct program *p)
{
	struct fuse_loop_config *loop = fuse_loop_cfg_create();
	int rc = 0;

	fuse_loop_cfg_set_clone_fd(loop, 0);
	fuse_loop_cfg_set_max_threads(loop, MAX_THREADS);
	fuse_loop_cfg_set_idle_threads(loop, MAX_THREADS);
	p->main_thread = pthread_self();
	p->serving = true;
	if (!store_is_damaged(p->fs.store))
		rc = fuse_session_loop_mt(p->fs.session, loop);
	p->serving = false;
	fuse_loop_cfg_destroy(loop);
	return rc;
}

/* Lets go of everything but the configuration. */
static void stop(struct program *p)
{
	struct fs *fs = &p->fs;
	bool halted;

	if (fs->engine)
		engine_stop(fs->engine);
	socket_stop(fs);
	if (fs->store)
		store_set_listener(fs->store, NULL, NULL);
	/* An operation that was begun holds the lock of a directory that the notifier waits for, and the session's
	 * loop has ended without an answer: an unmount would not end that. */
	halted = notifier_halt(fs->notifier);
	if (!halted)
		watchdog_abort(fs->mountpoint);
	if (fs->session)
		fuse_session_unmount(fs->session);
	if (!halted) /* libfuse takes a mount whose connection has ended for one that is gone */
		mount_clear_dead(fs->mountpoint, NULL);
	watchdog_stop(p->watchdog);
	p->watchdog = 0;
	notifier_free(fs->notifier);
	fs->notifier = NULL;
	if (fs->session) {
		fuse_remove_signal_handlers(fs->session);
		fuse_session_destroy(fs->session);
		fs->session = NULL;
	}
	fs_open_close_all(fs);
	if (fs->working)
		working_table_free(fs->working);
	if (fs->bases)
		base_table_free(fs->bases);
	if (fs->engine)
		engine_free(fs->engine);
	if (fs->store)
		store_close(fs->store);
	free(fs->mailboxes);
	fs->working = NULL;
	fs->bases = NULL;
	fs->engine = NULL;
	fs->store = NULL;
	fs->mailboxes = NULL;
	fs->n_mailboxes = 0;
}

static void clean_up(struct program *p)
{
	stop(p);
	free(p->fs.mountpoint);
	config_free(p->config);
	buf_free(&p->options);
}

/* Damage that was met at the start, too, is mended by starting once more; but not for ever. */
static int start_sound(struct program *p, unsigned int *tries, struct error *err)
{
	int rc = start(p, err);

	while (rc && p->fs.store && store_is_damaged(p->fs.store) && (*tries)++ < REBUILDS_MAX) {
		stop(p);
		*err = (struct error)ERROR_INIT;
		rc = start(p, err);
	}
	return rc;
}

/* Until it is unmounted or told to stop.  A damaged cache ends the session; the next one begins on what the
 * store makes of it.  Files that are open then answer ENOTCONN. */
static int serve_sound(struct program *p)
{
	unsigned int tries = 0;

	for (;;) {
		struct error err = ERROR_INIT;
		sigset_t old;
		int rc = serve(p);

		if (!store_is_damaged(p->fs.store) || rc == SIGTERM || rc == SIGINT)
			return rc < 0 ? 1 : 0; /* the number of a signal is a clean end */
		if (tries++ >= REBUILDS_MAX) {
			log_line(p,
				"the cache database is damaged again and again: look at the disk");
			return 1;
		}
		block_signals(&old); /* for the session to come */
		stop(p);
		rc = start_sound(p, &tries, &err);
		pthread_sigmask(SIG_SETMASK, &old, NULL);
		if (rc) {
			log_line(p, err.text);
			return 1;
		}
	}
}

int main(int argc, char **argv)
{
	struct program p = { .options = BUF_INIT(64 << 10), .ready_fd = -1 };
	struct error err = ERROR_INIT;
	unsigned int tries = 0;
	int rc;

	if (parse_args(&p, argc, argv)) {
		fputs(usage_text, stderr);
		buf_free(&p.options);
		return 2;
	}
	guard_secrets();
	tune_memory();
	signal(SIGPIPE, SIG_IGN);
	prepare_wake();
	pthread_mutex_init(&p.fs.open_lock, NULL);
	p.fs.uid = getuid();
	p.fs.gid = getgid();
	openlog("tandemfs", LOG_PID, LOG_DAEMON);
	rc = p.foreground ? 0 : daemonise(&p, &err);
	if (!rc)
		rc = configure(&p, &err);
	if (!rc)
		rc = start_sound(&p, &tries, &err);
	if (rc) {
		if (p.ready_fd < 0)
			fprintf(stderr, "tandemfs: %s\n", err.text);
		clean_up(&p);
		tell_parent(&p, err.text);
		return 1;
	}
	detach(&p);
	sd_notify(0, "READY=1");
	rc = serve_sound(&p);
	sd_notify(0, "STOPPING=1");
	clean_up(&p);
	return rc;
}
