/* The notifier: tells the kernel what a sync changed behind its back, and drops orphans.
 *
 * The kernel keeps names, attributes and pages until it is told otherwise, so every change that it did
 * not ask for goes through this queue.  One thread takes the jobs in order and holds no lock while
 * it speaks to the kernel: an invalidation of a name waits for the lock of its directory, which an
 * operation that we are serving may hold.
 *
 * A node without a name (an orphan) keeps its bytes while the kernel knows its number, because
 * somebody may still have it open.  The kernel evicts such an inode with its last user and sends
 * FORGET; then the bytes go.  Orphans are remembered in a small set; a FORGET for anything else is a
 * look into that set and no more. */
#include "fs/fs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "sync/mem.h"

enum job_type { JOB_ENTRY, JOB_INODE, JOB_DROP };

struct job {
	enum job_type type;
	uint64_t parent, ino;
	char *name;
	struct job *next;
};

#define ORPHAN_BUCKETS 256
#define WAIT_S	       5 /* a job may wait for an operation, and that for the one who waits here */
#define HALT_S	       1
#define WAITERS_MAX    3 /* operations that wait at once: others must have threads to run in */

struct orphan {
	uint64_t ino;
	struct orphan *next;
};

struct notifier {
	struct fs *fs;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake, told;
	struct job *first, **last;
	uint64_t n_jobs, n_told; /* ever added, ever done */
	bool stopping, ended;
	atomic_size_t n_orphans, n_waiters;
	struct orphan *orphans[ORPHAN_BUCKETS]; /* under lock */
};

static void free_job(struct job *job)
{
	free(job->name);
	free(job);
}

static void add_job(
	struct notifier *n, enum job_type type, uint64_t parent, const char *name, uint64_t ino)
{
	struct job *job;

	if (!n)
		return;
	job = xcalloc(1, sizeof(*job));
	*job = (struct job){ .type = type, .parent = parent, .ino = ino, .name = xstrdup(name) };
	pthread_mutex_lock(&n->lock);
	if (n->stopping) {
		pthread_mutex_unlock(&n->lock);
		free_job(job);
		return;
	}
	*n->last = job;
	n->last = &job->next;
	n->n_jobs++;
	pthread_cond_signal(&n->wake);
	pthread_mutex_unlock(&n->lock);
}

void notify_entry(struct fs *fs, uint64_t parent, const char *name, uint64_t was)
{
	add_job(fs->notifier, JOB_ENTRY, parent, name, was);
}

void notify_inode(struct fs *fs, uint64_t ino)
{
	add_job(fs->notifier, JOB_INODE, 0, NULL, ino);
}

void notify_attr(struct fs *fs, uint64_t ino)
{
	if (fs->session)
		fuse_lowlevel_notify_inval_inode(fs->session, ino, -1, 0);
}

void notify_changes(void *data, const struct store_change *changes, size_t n)
{
	struct fs *fs = data;

	for (size_t i = 0; i < n; i++) {
		if (changes[i].type == CHANGE_ENTRY)
			notify_entry(fs, changes[i].parent, changes[i].name, changes[i].ino);
		else
			notify_inode(fs, changes[i].ino);
	}
}

/* ---- orphans ---------------------------------------------------------------------------------- */

void notify_orphan(struct fs *fs, uint64_t ino)
{
	struct notifier *n = fs->notifier;
	struct orphan **at, *orphan;

	if (!n)
		return;
	at = &n->orphans[ino % ORPHAN_BUCKETS];
	orphan = xcalloc(1, sizeof(*orphan));
	orphan->ino = ino;
	pthread_mutex_lock(&n->lock);
	orphan->next = *at;
	*at = orphan;
	n->n_orphans++;
	pthread_mutex_unlock(&n->lock);
}

static bool take_orphan(struct notifier *n, uint64_t ino)
{
	bool found = false;

	if (!n->n_orphans)
		return false;
	pthread_mutex_lock(&n->lock);
	for (struct orphan **at = &n->orphans[ino % ORPHAN_BUCKETS]; *at;) {
		struct orphan *orphan = *at;

		if (orphan->ino != ino) {
			at = &orphan->next;
			continue;
		}
		*at = orphan->next;
		free(orphan);
		n->n_orphans--;
		found = true;
	}
	pthread_mutex_unlock(&n->lock);
	return found;
}

void notify_forgotten(struct fs *fs, uint64_t ino)
{
	if (fs->notifier && take_orphan(fs->notifier, ino))
		add_job(fs->notifier, JOB_DROP, 0, NULL, ino);
}

/* The bytes of a number that the kernel has forgotten; those that got a name again stay. */
static void drop(struct fs *fs, uint64_t ino)
{
	struct store_node node;
	struct error err = ERROR_INIT;

	if (store_node_get(fs->store, ino, &node, &err) || node.parent)
		return;
	if (store_begin(fs->store, STORE_NORMAL, STORE_LOCAL, &err))
		return; /* it goes at the next start */
	if (store_orphan_drop(fs->store, ino, &err))
		store_rollback(fs->store);
	else
		store_commit(fs->store, &err);
}

/* ---- the thread ------------------------------------------------------------------------------- */

static bool is_orphan(struct fs *fs, uint64_t ino)
{
	struct store_node node;

	return ino && !store_node_get(fs->store, ino, &node, NULL) && !node.parent;
}

/* Does the kernel know this number?  It may without a name for it: a lookup that came before us has
 * shown it the new state of the directory, and the old file is open all the same.  Asks by a change
 * of attributes, which a file without a name does not mind. */
static bool kernel_knows(struct notifier *n, uint64_t ino)
{
	return fuse_lowlevel_notify_inval_inode(n->fs->session, ino, -1, 0) != -ENOENT;
}

/* A name whose file was made, replaced or removed. */
static void tell_entry(struct notifier *n, const struct job *job)
{
	struct fuse_session *session = n->fs->session;
	bool orphan = is_orphan(n->fs, job->ino);
	struct store_node now;
	int rc = -ENOTEMPTY;

	if (orphan)
		notify_orphan(n->fs, job->ino);
	/* Watchers are told of a removal; it is refused for a directory that is not empty. */
	if (job->ino && store_node_lookup(n->fs->store, job->parent, job->name, &now, NULL))
		rc = fuse_lowlevel_notify_delete(
			session, job->parent, job->ino, job->name, strlen(job->name));
	if (rc == -ENOTEMPTY)
		rc = fuse_lowlevel_notify_inval_entry(
			session, job->parent, job->name, strlen(job->name));
	if (rc == -ENOENT && orphan && !kernel_knows(n, job->ino) && take_orphan(n, job->ino))
		drop(n->fs, job->ino);
}

static void run(struct notifier *n, const struct job *job)
{
	switch (job->type) {
	case JOB_ENTRY:
		tell_entry(n, job);
		break;
	case JOB_INODE:
		fuse_lowlevel_notify_inval_inode(n->fs->session, job->ino, 0, 0);
		break;
	case JOB_DROP:
		drop(n->fs, job->ino);
		break;
	}
}

static void *notifier_main(void *data)
{
	struct notifier *n = data;

	pthread_mutex_lock(&n->lock);
	for (;;) {
		struct job *job;

		while (!n->first && !n->stopping)
			pthread_cond_wait(&n->wake, &n->lock);
		job = n->first;
		if (!job)
			break;
		n->first = job->next;
		if (!n->first)
			n->last = &n->first;
		pthread_mutex_unlock(&n->lock);
		run(n, job);
		free_job(job);
		pthread_mutex_lock(&n->lock);
		n->n_told++;
		pthread_cond_broadcast(&n->told);
	}
	n->ended = true;
	pthread_cond_broadcast(&n->told);
	pthread_mutex_unlock(&n->lock);
	return NULL;
}

struct notifier *notifier_start(struct fs *fs, struct error *err)
{
	struct notifier *n = xcalloc(1, sizeof(*n));
	pthread_condattr_t attr;
	int rc;

	n->fs = fs;
	n->last = &n->first;
	pthread_mutex_init(&n->lock, NULL);
	pthread_cond_init(&n->wake, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&n->told, &attr);
	pthread_condattr_destroy(&attr);
	rc = pthread_create(&n->thread, NULL, notifier_main, n);
	if (!rc)
		return n;
	error_set(err, ERR_INTERNAL, "cannot start a thread: %s", strerror(rc));
	pthread_cond_destroy(&n->wake);
	pthread_cond_destroy(&n->told);
	pthread_mutex_destroy(&n->lock);
	free(n);
	return NULL;
}

static struct timespec seconds_from_now(time_t seconds)
{
	struct timespec at;

	clock_gettime(CLOCK_MONOTONIC, &at);
	at.tv_sec += seconds;
	return at;
}

void notifier_wait(struct notifier *n)
{
	const struct timespec until = seconds_from_now(WAIT_S);
	uint64_t wanted;

	pthread_mutex_lock(&n->lock);
	wanted = n->n_jobs;
	while (n->n_told < wanted && !n->stopping &&
		!pthread_cond_timedwait(&n->told, &n->lock, &until))
		;
	pthread_mutex_unlock(&n->lock);
}

void notifier_wait_in_operation(struct notifier *n)
{
	if (n && atomic_fetch_add(&n->n_waiters, 1) < WAITERS_MAX)
		notifier_wait(n);
	if (n)
		atomic_fetch_sub(&n->n_waiters, 1);
}

/* The kernel is about to forget everything: what is queued is dropped. */
bool notifier_halt(struct notifier *n)
{
	const struct timespec until = seconds_from_now(HALT_S);
	bool ended;

	if (!n)
		return true;
	pthread_mutex_lock(&n->lock);
	n->stopping = true;
	while (n->first) {
		struct job *next = n->first->next;

		free_job(n->first);
		n->first = next;
	}
	n->last = &n->first;
	pthread_cond_signal(&n->wake);
	pthread_cond_broadcast(&n->told);
	while (!n->ended && !pthread_cond_timedwait(&n->told, &n->lock, &until))
		;
	ended = n->ended;
	pthread_mutex_unlock(&n->lock);
	return ended;
}

void notifier_free(struct notifier *n)
{
	if (!n)
		return;
	pthread_join(n->thread, NULL);
	for (size_t i = 0; i < ORPHAN_BUCKETS; i++) {
		while (n->orphans[i]) {
			struct orphan *next = n->orphans[i]->next;

			free(n->orphans[i]);
			n->orphans[i] = next;
		}
	}
	pthread_cond_destroy(&n->wake);
	pthread_cond_destroy(&n->told);
	pthread_mutex_destroy(&n->lock);
	free(n);
}
