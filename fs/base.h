/* Base versions: which version of an item a process opened first since it last wrote it, and which it wrote.
 *
 * An editor that saves a stale copy must not revert what it did not touch, so its bytes are judged
 * against the version it read.  A process is its thread group and start time, so a reused number is
 * another process.  An open only notes the file's number and how many commits the store had made; which
 * rev of the item that was is found out when the process writes (store_item_past).  A backup or an
 * address book may open every file: the tables are bounded, but not small. */
#ifndef FS_BASE_H
#define FS_BASE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "sync/commit.h"
#include "sync/store/store.h"

struct base_table;

struct base_process {
	pid_t tgid;	/* 0: not known */
	uint64_t start; /* clock ticks since boot */
};

/* seconds: the clock; NULL: CLOCK_MONOTONIC. */
struct base_table *base_table_new(time_t (*seconds)(void));
void base_table_free(struct base_table *table);

/* The process a thread belongs to; tgid 0 when it cannot be told. */
struct base_process base_process_of(struct base_table *table, pid_t tid);

/* The process opened this file when the store had made so many commits. */
void base_opened(
	struct base_table *table, struct base_process process, uint64_t ino, uint64_t commits);
/* What the process has of the item. */
struct commit_base base_get(
	struct base_table *table, struct store *store, struct base_process process, int64_t item);
/* The process wrote the item behind this file: what it knows is rev now. */
void base_wrote(struct base_table *table, struct store *store, struct base_process process,
	uint64_t ino, int64_t rev);

/* For struct commit: `data` is a struct base_asker. */
struct base_asker {
	struct base_table *table;
	struct store *store;
	struct base_process process;
};
struct commit_base base_ask(void *data, int64_t item);

#endif
