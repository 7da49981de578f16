/* Base versions of processes.  See base.h.
 *
 * Reading /proc at each open would cost more than the open, so what was found for a thread is believed
 * for two seconds: a number is not reused that fast. */
#include "fs/base.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "sync/commit.h"
#include "sync/mem.h"

#define PROCESSES	  256
#define ITEMS		  32
#define THREADS		  64
#define THREAD_BELIEVED_S 2

struct known_item {
	int64_t item, rev;
	bool wrote; /* rev is what the process wrote: its next open replaces it */
	uint64_t used;
};

struct known_process {
	struct base_process process;
	uint64_t used;
	struct known_item
		*items; /* ITEMS of them, made with the first; apart, so that a scan is short */
};

struct known_thread {
	pid_t tid;
	time_t seen;
	struct base_process process;
};

struct base_table {
	pthread_mutex_t lock;
	uint64_t clock;
	struct known_process *processes;
	struct known_thread threads[THREADS];
};

struct base_table *base_table_new(void)
{
	struct base_table *t = xcalloc(1, sizeof(*t));

	t->processes = xcalloc(PROCESSES, sizeof(*t->processes));
	pthread_mutex_init(&t->lock, NULL);
	return t;
}

void base_table_free(struct base_table *t)
{
	pthread_mutex_destroy(&t->lock);
	for (size_t i = 0; i < PROCESSES; i++)
		free(t->processes[i].items);
	free(t->processes);
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

static time_t seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return now.tv_sec;
}

struct base_process base_process_of(struct base_table *t, pid_t tid)
{
	struct known_thread *known = &t->threads[(unsigned int)tid % THREADS];
	struct base_process process = { 0 };
	time_t now = seconds();

	if (tid <= 0)
		return process;
	pthread_mutex_lock(&t->lock);
	if (known->tid == tid && now - known->seen < THREAD_BELIEVED_S) {
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
	*known = (struct known_thread){ .tid = tid, .seen = now, .process = process };
	pthread_mutex_unlock(&t->lock);
	return process;
}

/* ---- what (lock held) -------------------------------------------------------------------------- */

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
	if (!oldest->items)
		oldest->items = xcalloc(ITEMS, sizeof(*oldest->items));
	memset(oldest->items, 0, ITEMS * sizeof(*oldest->items));
	oldest->process = process;
	oldest->used = ++t->clock;
	return oldest;
}

static struct known_item *find_item(
	struct base_table *t, struct known_process *p, int64_t item, bool make)
{
	struct known_item *oldest = p->items;

	for (size_t i = 0; i < ITEMS; i++) {
		if (p->items[i].item == item) {
			p->items[i].used = ++t->clock;
			return &p->items[i];
		}
		if (p->items[i].used < oldest->used)
			oldest = &p->items[i];
	}
	if (!make)
		return NULL;
	*oldest = (struct known_item){ .item = item, .used = ++t->clock, .wrote = true };
	return oldest;
}

void base_opened(struct base_table *t, struct base_process process, int64_t item, int64_t rev)
{
	struct known_item *known;

	if (!process.tgid || !item)
		return;
	pthread_mutex_lock(&t->lock);
	known = find_item(t, find_process(t, process, true), item, true);
	if (known->wrote) {
		known->rev = rev;
		known->wrote = false;
	}
	pthread_mutex_unlock(&t->lock);
}

int64_t base_get(struct base_table *t, struct base_process process, int64_t item)
{
	struct known_process *p;
	struct known_item *known;
	int64_t rev = COMMIT_NO_BASE;

	if (!process.tgid || !item)
		return rev;
	pthread_mutex_lock(&t->lock);
	p = find_process(t, process, false);
	known = p ? find_item(t, p, item, false) : NULL;
	if (known)
		rev = known->rev;
	pthread_mutex_unlock(&t->lock);
	return rev;
}

void base_wrote(struct base_table *t, struct base_process process, int64_t item, int64_t rev)
{
	struct known_item *known;

	if (!process.tgid || !item)
		return;
	pthread_mutex_lock(&t->lock);
	known = find_item(t, find_process(t, process, true), item, true);
	known->rev = rev;
	known->wrote = true;
	pthread_mutex_unlock(&t->lock);
}

int64_t base_ask(void *data, int64_t item)
{
	struct base_asker *asker = data;

	return base_get(asker->table, asker->process, item);
}
