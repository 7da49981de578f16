/* Base versions of processes.  See base.h.
 *
 * The table of a process says for each number of a file: how many commits the store had made when the
 * process first opened it.  An item may have had several numbers; store_item_past tells which, and until
 * when each of its revs was the present one.
 *
 * Reading /proc at each open would cost more than the open, so what was found for a thread is believed
 * for two seconds: a number is not reused that fast.
 *
 * An editor that opens the file only to copy it saves at once; who opened it longer ago has read it. */
#include "fs/base.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "sync/commit.h"
#include "sync/mem.h"

#define PROCESSES	  64
#define SEEN_START	  16		    /* slots of a process at first; a power of two */
#define SEEN_LIMIT	  ((size_t)1 << 16) /* of a process at most */
#define SEEN_TOTAL	  ((size_t)1 << 17) /* of all: past it, the processes not seen longest go */
#define PAST_MAX	  32
#define THREADS		  64
#define THREAD_BELIEVED_S 2
#define COPY_S		  5

/* A file that a process opened, or wrote. */
struct seen {
	uint64_t ino;	/* 0: free */
	int64_t opened; /* first since it wrote, at this number of commits; SEEN_NOTHING: not since */
	time_t opened_s; /* by the table's `seconds` */
	int64_t wrote;	 /* this rev; COMMIT_NO_BASE: nothing */
};

#define SEEN_NOTHING INT64_MAX

/* Open addressing, linear probing; only grows, and is emptied when it is full. */
struct known_process {
	struct base_process process;
	uint64_t used;
	struct seen *seen;
	size_t cap, n;
};

struct known_thread {
	pid_t tid;
	time_t checked;
	struct base_process process;
};

struct base_table {
	time_t (*seconds)(void);
	pthread_mutex_t lock;
	uint64_t clock;
	size_t slots; /* of all processes */
	struct known_process processes[PROCESSES];
	struct known_thread threads[THREADS];
};

static time_t monotonic(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return now.tv_sec;
}

struct base_table *base_table_new(time_t (*seconds)(void))
{
	struct base_table *t = xcalloc(1, sizeof(*t));

	t->seconds = seconds ? seconds : monotonic;
	pthread_mutex_init(&t->lock, NULL);
	return t;
}

void base_table_free(struct base_table *t)
{
	pthread_mutex_destroy(&t->lock);
	for (size_t i = 0; i < PROCESSES; i++)
		free(t->processes[i].seen);
	free(t);
}

/* ---- who --------------------------------------------------------------------------------------- */

static pid_t read_tgid(pid_t tid)
{
	char path[64], line[128];
	pid_t tgid = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)tid);
	f = fopen(path, "re");
	while (f && !tgid && fgets(line, sizeof(line), f))
		if (!strncmp(line, "Tgid:", 5))
			tgid = (pid_t)strtol(line + 5, NULL, 10);
	if (f)
		fclose(f);
	return tgid;
}

/* Field 22 of stat(5); the name in parentheses before it may hold anything. */
static uint64_t read_start(pid_t tgid)
{
	char path[64], line[1024];
	unsigned long long start = 0;
	const char *at = NULL;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)tgid);
	f = fopen(path, "re");
	if (f && fgets(line, sizeof(line), f))
		at = strrchr(line, ')');
	for (int field = 2; at && field < 22; field++)
		at = strchr(at + 1, ' ');
	if (at)
		start = strtoull(at, NULL, 10);
	if (f)
		fclose(f);
	return start;
}

struct base_process base_process_of(struct base_table *t, pid_t tid)
{
	struct known_thread *known = &t->threads[(unsigned int)tid % THREADS];
	struct base_process process = { 0 };
	time_t now = t->seconds();

	if (tid <= 0)
		return process;
	pthread_mutex_lock(&t->lock);
	if (known->tid == tid && now - known->checked < THREAD_BELIEVED_S) {
		process = known->process;
		pthread_mutex_unlock(&t->lock);
		return process;
	}
	pthread_mutex_unlock(&t->lock);
	process.tgid = read_tgid(tid);
	if (process.tgid)
		process.start = read_start(process.tgid);
	if (!process.start)
		return (struct base_process){ 0 };
	pthread_mutex_lock(&t->lock);
	*known = (struct known_thread){ .tid = tid, .checked = now, .process = process };
	pthread_mutex_unlock(&t->lock);
	return process;
}

/* ---- what (lock held) -------------------------------------------------------------------------- */

static void forget_process(struct base_table *t, struct known_process *p)
{
	t->slots -= p->cap;
	free(p->seen);
	memset(p, 0, sizeof(*p));
}

static struct known_process *find_process(
	struct base_table *t, struct base_process process, bool make)
{
	struct known_process *oldest = t->processes;

	for (size_t i = 0; i < PROCESSES; i++) {
		struct known_process *p = &t->processes[i];

		if (p->process.tgid == process.tgid && p->process.start == process.start) {
			p->used = ++t->clock;
			return p;
		}
		if (p->used < oldest->used)
			oldest = p;
	}
	if (!make)
		return NULL;
	forget_process(t, oldest);
	oldest->process = process;
	oldest->used = ++t->clock;
	return oldest;
}

/* The slot of this number, or the free one where it would be.  NULL when there are no slots. */
static struct seen *slot(const struct known_process *p, uint64_t ino)
{
	size_t at = (size_t)(ino * UINT64_C(0x9e3779b97f4a7c15) >> 32);

	if (!p->cap)
		return NULL;
	for (;; at++) {
		struct seen *seen = &p->seen[at & (p->cap - 1)];

		if (!seen->ino || seen->ino == ino)
			return seen;
	}
}

/* Others make room, those that were not seen longest first. */
static void make_room(struct base_table *t, const struct known_process *self)
{
	while (t->slots > SEEN_TOTAL) {
		struct known_process *oldest = NULL;

		for (size_t i = 0; i < PROCESSES; i++) {
			struct known_process *p = &t->processes[i];

			if (p != self && p->cap && (!oldest || p->used < oldest->used))
				oldest = p;
		}
		if (!oldest)
			return;
		forget_process(t, oldest);
	}
}

/* Twice as large; at the limit all is forgotten. */
static void grow(struct base_table *t, struct known_process *p)
{
	struct known_process old = *p;
	bool full = old.cap >= SEEN_LIMIT;

	p->n = 0;
	p->cap = full || !old.cap ? SEEN_START : old.cap * 2;
	p->seen = xcalloc(p->cap, sizeof(*p->seen));
	for (size_t i = 0; !full && i < old.cap; i++) {
		if (!old.seen[i].ino)
			continue;
		*slot(p, old.seen[i].ino) = old.seen[i];
		p->n++;
	}
	free(old.seen);
	t->slots += p->cap - old.cap;
	make_room(t, p);
}

/* The entry of this number, made if need be. */
static struct seen *make_seen(struct base_table *t, struct known_process *p, uint64_t ino)
{
	struct seen *seen = slot(p, ino);

	if (seen && seen->ino)
		return seen;
	if (!seen || 2 * (p->n + 1) > p->cap) {
		grow(t, p);
		seen = slot(p, ino);
	}
	p->n++;
	*seen = (struct seen){ .ino = ino, .opened = SEEN_NOTHING, .wrote = COMMIT_NO_BASE };
	return seen;
}

void base_opened(struct base_table *t, struct base_process process, uint64_t ino, uint64_t commits)
{
	struct seen *seen;

	if (!process.tgid || !ino)
		return;
	pthread_mutex_lock(&t->lock);
	seen = make_seen(t, find_process(t, process, true), ino);
	if (seen->opened > (int64_t)commits) {
		seen->opened = (int64_t)commits;
		seen->opened_s = t->seconds();
	}
	pthread_mutex_unlock(&t->lock);
}

/* ---- which rev that was ------------------------------------------------------------------------ */

/* The states of an item that may still be asked for, its present one last. */
struct history {
	struct store_past past[PAST_MAX + 1];
	size_t n;
	uint64_t forgotten;
};

static bool load_history(struct store *store, int64_t item, struct history *h)
{
	struct store_past now = { .item = item, .commits = UINT64_MAX };

	if (store_item_now(store, item, &now.ino, &now.rev, NULL))
		return false;
	h->n = store_item_past(store, item, h->past, PAST_MAX, &h->forgotten);
	h->past[h->n++] = now;
	return true;
}

/* The rev at this number of commits: that of the first state that ended later. */
static int64_t rev_at(const struct history *h, uint64_t commits)
{
	size_t i = 0;

	while (h->past[i].commits <= commits)
		i++;
	/* An earlier state that is forgotten may have ended later, too. */
	return i == 0 && h->forgotten > commits ? COMMIT_NO_BASE : h->past[i].rev;
}

/* A former number shows the last state that it had, also to who opens it when it is no more: the kernel
 * leads there by a name until it is told. */
static int64_t shown_at(const struct history *h, uint64_t ino, int64_t when)
{
	uint64_t end = 0;

	for (size_t i = 0; i < h->n; i++)
		if (h->past[i].ino == ino && h->past[i].commits > end)
			end = h->past[i].commits;
	return (uint64_t)when < end ? when : (int64_t)end - 1;
}

/* What the process saw of any number that the item had.  What it wrote counts where it opened nothing since,
 * or opened it just now and what it opened is known. */
static struct commit_base find_base(
	const struct known_process *p, const struct history *h, time_t now)
{
	struct commit_base base = COMMIT_BASE_NONE;
	int64_t first = SEEN_NOTHING;
	time_t first_s = 0;

	for (size_t i = 0; i < h->n; i++) {
		const struct seen *seen = h->past[i].ino ? slot(p, h->past[i].ino) : NULL;
		int64_t when;

		if (!seen || !seen->ino)
			continue;
		if (seen->wrote != COMMIT_NO_BASE)
			base.wrote = seen->wrote;
		if (seen->opened == SEEN_NOTHING)
			continue;
		when = shown_at(h, seen->ino, seen->opened);
		if (when < first) {
			first = when;
			first_s = seen->opened_s;
		}
	}
	if (first == SEEN_NOTHING)
		return base;
	base.opened = rev_at(h, (uint64_t)first);
	if (base.opened == COMMIT_NO_BASE || now - first_s > COPY_S)
		base.wrote = COMMIT_NO_BASE;
	return base;
}

struct commit_base base_get(
	struct base_table *t, struct store *store, struct base_process process, int64_t item)
{
	struct commit_base base = COMMIT_BASE_NONE;
	const struct known_process *p;
	struct history h;

	if (!process.tgid || !item || !load_history(store, item, &h))
		return base;
	pthread_mutex_lock(&t->lock);
	p = find_process(t, process, false);
	if (p)
		base = find_base(p, &h, t->seconds());
	pthread_mutex_unlock(&t->lock);
	return base;
}

void base_wrote(struct base_table *t, struct store *store, struct base_process process,
	uint64_t ino, int64_t rev)
{
	struct known_process *p;
	int64_t item, unused;
	struct history h;

	if (!process.tgid || rev <= 0 || store_item_rev(store, ino, &item, &unused, NULL) ||
		!load_history(store, item, &h))
		return;
	pthread_mutex_lock(&t->lock);
	p = find_process(t, process, true);
	for (size_t i = 0; i < h.n; i++) { /* what it opened or wrote before counts no more */
		struct seen *seen = h.past[i].ino ? slot(p, h.past[i].ino) : NULL;

		if (!seen || !seen->ino)
			continue;
		seen->opened = SEEN_NOTHING;
		seen->wrote = COMMIT_NO_BASE;
	}
	make_seen(t, p, ino)->wrote = rev;
	pthread_mutex_unlock(&t->lock);
}

struct commit_base base_ask(void *data, int64_t item)
{
	struct base_asker *asker = data;

	return base_get(asker->table, asker->store, asker->process, item);
}
