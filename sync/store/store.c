/* The store's life: opening with lock and damage check, transactions, time, the set of writers.
 *
 * Opening is quick, whatever the size: a cache that was closed well, or whose daemon was killed, is
 * taken as it is (SQLite replays the WAL).  Pages are checked one by one only for a reason: the
 * machine went down under an open cache (the lock file then holds another boot id), or SQLite met
 * a damaged page (the lock file says "damaged"); those of a small cache, always.
 *
 * What is damaged is moved aside, never deleted.  The new database is first made whole under another
 * name, of what can still be read (store_salvage.c), so that a death on the way changes nothing:
 *
 *	cache.db damaged [, cache.db.rebuild unfinished]     begins anew
 *	cache.db.rebuild alone, and it is finished           takes its place
 *
 * cache.lock holds "PID BOOT-ID" while the cache is open, and nothing after it was closed well. */
#include "sync/store/private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "sync/mem.h"

#define BOOT_ID_FILE "/proc/sys/kernel/random/boot_id"
#define SMALL_BYTES  (32 << 20)

/* ---- directory and lock --------------------------------------------------------------------- */

static int make_directory(const char *dir, struct error *err)
{
	char *path AUTOFREE = xstrdup(dir);

	for (char *slash = strchr(path + 1, '/');; slash = strchr(slash + 1, '/')) {
		if (slash)
			*slash = '\0';
		if (mkdir(path, 0700) && errno != EEXIST)
			return error_set(err, errno == ENOSPC ? ERR_FULL : ERR_DENIED,
				"cache directory %s: %s", path, strerror(errno));
		if (!slash)
			return 0;
		*slash = '/';
	}
}

static void read_text(int fd, char *text, size_t size)
{
	ssize_t n = pread(fd, text, size - 1, 0);

	text[n > 0 ? n : 0] = '\0';
}

static void boot_id(char *text, size_t size)
{
	int fd = open(BOOT_ID_FILE, O_RDONLY | O_CLOEXEC);

	text[0] = '\0';
	if (fd < 0)
		return;
	read_text(fd, text, size);
	close(fd);
	text[strcspn(text, "\n")] = '\0';
}

/* *suspect: the pages have to be checked before they are trusted. */
static int lock_take(struct store *store, bool *suspect, struct error *err)
{
	char held[128], boot[64];
	char *path AUTOFREE = xasprintf("%s/cache.lock", store->dir);

	store->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (store->lock_fd < 0)
		return error_set(err, errno == ENOSPC ? ERR_FULL : ERR_DENIED, "%s: %s", path,
			strerror(errno));
	if (flock(store->lock_fd, LOCK_EX | LOCK_NB)) {
		read_text(store->lock_fd, held, sizeof(held));
		held[strcspn(held, " \n")] = '\0';
		return error_set(err, ERR_BUSY, "cache directory %s is in use by process %s",
			store->dir, held[0] ? held : "(unknown)");
	}
	read_text(store->lock_fd, held, sizeof(held));
	boot_id(boot, sizeof(boot));
	*suspect = held[0] && (!strstr(held, boot) || strstr(held, "damaged"));
	return 0;
}

static int lock_write(struct store *store, struct error *err)
{
	char boot[64], text[128];
	int len;

	boot_id(boot, sizeof(boot));
	len = snprintf(text, sizeof(text), "%ld %s\n", (long)getpid(), boot);
	if (ftruncate(store->lock_fd, 0) || pwrite(store->lock_fd, text, (size_t)len, 0) != len)
		return error_set(err, errno == ENOSPC ? ERR_FULL : ERR_INTERNAL,
			"%s/cache.lock: %s", store->dir, strerror(errno));
	return 0;
}

/* ---- opening the database ------------------------------------------------------------------- */

static bool pages_are_sound(struct connection *c)
{
	sqlite3_stmt *stmt = NULL;
	bool sound = false;

	if (!sqlite3_prepare_v2(c->db, "PRAGMA quick_check(1)", -1, &stmt, NULL) &&
		sqlite3_step(stmt) == SQLITE_ROW)
		sound = strcmp((const char *)sqlite3_column_text(stmt, 0), "ok") == 0;
	sqlite3_finalize(stmt);
	return sound;
}

/* Opens the writer and makes the tables.  store->damaged tells that the file is no use. */
static int database_open(struct store *store, bool check, struct error *err)
{
	int fd = open(store->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	int rc;

	/* Made here, so that SQLite gives the WAL the same mode. */
	if (fd < 0)
		return error_set(err, errno == ENOSPC ? ERR_FULL : ERR_DENIED, "%s: %s",
			store->path, strerror(errno));
	close(fd);
	rc = connection_open(store, true, &store->writer, err);
	if (rc)
		return rc;
	store->level = STORE_NORMAL;
	if (check && !pages_are_sound(store->writer)) {
		atomic_store(&store->damaged, true);
		return error_set(err, ERR_INTERNAL, "%s is damaged", store->path);
	}
	return schema_prepare(store->writer, err);
}

/* The files of a database.  Its own comes last: while it has its name the others are not done with. */
static const char *const suffixes[] = { "-wal", "-shm", "" };

/* A name that is free: "cache.db.damaged-20261122T101500Z". */
static char *aside_name(struct store *store)
{
	char stamp[32];
	struct tm tm;

	for (time_t now = time(NULL);; now++) {
		char *name;

		gmtime_r(&now, &tm);
		strftime(stamp, sizeof(stamp), "%Y%m%dT%H%M%SZ", &tm);
		name = xasprintf("%s.damaged-%s", store->path, stamp);
		if (access(name, F_OK))
			return name;
		free(name);
	}
}

static int move_database(const char *from, const char *to, struct error *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++) {
		char *old AUTOFREE = xasprintf("%s%s", from, suffixes[i]);
		char *new AUTOFREE = xasprintf("%s%s", to, suffixes[i]);

		if (rename(old, new) && errno != ENOENT)
			return error_set(
				err, ERR_INTERNAL, "%s cannot be moved: %s", old, strerror(errno));
	}
	return 0;
}

static void remove_database(const char *path)
{
	for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++) {
		char *file AUTOFREE = xasprintf("%s%s", path, suffixes[i]);

		unlink(file);
	}
}

/* Files that are open for good: the directory and the WAL, for store_sync. */
static int open_files(struct store *store, struct error *err)
{
	char *wal AUTOFREE = xasprintf("%s-wal", store->path);

	store->dir_fd = open(store->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	store->wal_fd = open(wal, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (store->dir_fd < 0 || store->wal_fd < 0)
		return error_set(err, ERR_INTERNAL, "%s: %s", wal, strerror(errno));
	return 0;
}

/* Time goes on from the latest that was given before, though the clock was set back; old versions
 * of items go. */
static int first_transaction(struct store *store, struct error *err)
{
	uint64_t latest = 0;
	int64_t now;
	int rc = store_begin(store, STORE_NORMAL, STORE_LOCAL, err);

	if (rc)
		return rc;
	{
		struct query q QUERY_END = query_write(store, "SELECT max(ctime) FROM node", err);

		rc = query_count(&q, &latest);
	}
	atomic_store(&store->last_now, (int64_t)latest);
	now = store_now(store);
	if (!rc) {
		struct query q QUERY_END = query_write(store,
			"UPDATE node SET mtime = ?1, ctime = ?1 WHERE ino = 1 AND ctime = 0", err);

		query_int(&q, now);
		rc = query_run(&q);
	}
	if (!rc) {
		struct query q QUERY_END = query_write(
			store, "DELETE FROM version WHERE time < ?", err);

		query_int(&q, now - NS_PER_DAY);
		rc = query_run(&q);
	}
	if (rc) {
		store_rollback(store);
		return rc;
	}
	return store_commit(store, err);
}

/* Checking it costs less than starting does. */
static bool is_small(struct store *store)
{
	struct stat st;

	return !stat(store->path, &st) && st.st_size <= SMALL_BYTES;
}

static int bring_up(struct store *store, bool check, struct error *err)
{
	int rc = database_open(store, check, err);

	if (!rc)
		rc = open_files(store, err);
	if (!rc)
		rc = first_transaction(store, err);
	return rc;
}

static void close_files(struct store *store)
{
	connection_close(store->writer); /* the last one: folds the WAL back */
	store->writer = NULL;
	if (store->wal_fd >= 0)
		close(store->wal_fd);
	if (store->dir_fd >= 0)
		close(store->dir_fd);
	store->wal_fd = store->dir_fd = -1;
}

/* Fills a database of its own, to be renamed when it is whole. */
static int fill_anew(struct store *store, const char *fresh, const char *aside, struct error *err)
{
	char *damaged = store->path;
	int rc;

	remove_database(fresh);
	store->path = (char *)fresh;
	rc = bring_up(store, false, err);
	if (!rc)
		rc = salvage_run(store, damaged, strrchr(aside, '/') + 1, err);
	close_files(store);
	store->path = damaged;
	return rc;
}

static int rebuild(struct store *store, const char *fresh, struct error *err)
{
	char *aside AUTOFREE = aside_name(store);
	int rc = fill_anew(store, fresh, aside, err);

	if (!rc)
		rc = move_database(store->path, aside, err);
	return rc ? error_prefix(err, "%s is damaged, and cannot be built anew", store->path) : 0;
}

/* What a rebuild that was cut short has left to do. */
static int finish_rebuild(struct store *store, const char *fresh, struct error *err)
{
	if (access(store->path, F_OK) == 0 || access(fresh, F_OK) != 0)
		return 0;
	store->rebuilt = true;
	return move_database(fresh, store->path, err);
}

static int bring_up_or_rebuild(struct store *store, bool check, struct error *err)
{
	char *fresh AUTOFREE = xasprintf("%s.rebuild", store->path);
	int rc = finish_rebuild(store, fresh, err);

	if (!rc)
		rc = bring_up(store, check || is_small(store), err);
	if (!rc || !atomic_load(&store->damaged))
		return rc;
	close_files(store);
	atomic_store(&store->damaged, false);
	rc = rebuild(store, fresh, err);
	if (!rc)
		rc = finish_rebuild(store, fresh, err);
	return rc ? rc : bring_up(store, false, err);
}

static void reader_gone(void *data)
{
	struct connection *c = data;
	struct store *store = c->store;

	pthread_mutex_lock(&store->readers_lock);
	if (c->prev)
		c->prev->next = c->next;
	else
		store->readers = c->next;
	if (c->next)
		c->next->prev = c->prev;
	pthread_mutex_unlock(&store->readers_lock);
	connection_close(c);
}

static struct store *store_new(const char *dir)
{
	struct store *store = xcalloc(1, sizeof(*store));

	store->dir = xstrdup(dir);
	store->path = xasprintf("%s/cache.db", dir);
	store->dir_fd = store->lock_fd = store->wal_fd = -1;
	store->level = STORE_NORMAL;
	pthread_mutex_init(&store->gate, NULL);
	pthread_cond_init(&store->turn, NULL);
	pthread_mutex_init(&store->readers_lock, NULL);
	past_open(store);
	pthread_mutex_init(&store->writers_lock, NULL);
	if (pthread_key_create(&store->reader_key, reader_gone))
		abort(); /* 1024 stores in one process */
	return store;
}

int store_open(struct store **out, const char *dir, struct error *err)
{
	struct store *store;
	bool suspect = false;
	int rc;

	/* Statistics of SQLite's allocator take a global lock at each allocation.  Refused (and
	 * harmless) when SQLite runs already. */
	sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
	*out = NULL;
	rc = make_directory(dir, err);
	if (rc)
		return rc;
	store = store_new(dir);
	rc = lock_take(store, &suspect, err);
	if (rc) {
		/* Not ours: what it says is of the process that has it. */
		if (store->lock_fd >= 0)
			close(store->lock_fd);
		store->lock_fd = -1;
		goto fail;
	}
	rc = bring_up_or_rebuild(store, suspect, err);
	if (!rc)
		rc = lock_write(store, err);
	if (rc)
		goto fail;
	*out = store;
	return 0;
fail:
	atomic_store(&store->damaged, true); /* leaves the lock file's text as it is */
	store_close(store);
	return rc;
}

void store_close(struct store *store)
{
	if (!store)
		return;
	store_rollback(store);
	pthread_key_delete(store->reader_key);
	while (store->readers)
		reader_gone(store->readers);
	close_files(store);
	if (store->lock_fd >= 0) {
		if (!atomic_load(&store->damaged) && ftruncate(store->lock_fd, 0))
			atomic_store(&store->damaged, true);
		close(store->lock_fd);
	}
	change_list_free(&store->changes);
	counter_free(&store->writers);
	past_close(store);
	pthread_mutex_destroy(&store->gate);
	pthread_cond_destroy(&store->turn);
	pthread_mutex_destroy(&store->readers_lock);
	pthread_mutex_destroy(&store->writers_lock);
	free(store->path);
	free(store->dir);
	free(store);
}

bool store_was_rebuilt(const struct store *store)
{
	return store->rebuilt;
}

json_t *store_rebuilt(struct store *store)
{
	char *text AUTOFREE = NULL;
	char *path AUTOFREE = NULL;
	json_t *note;

	if (store_value_get(store, STORE_REBUILT, &text, NULL) || !text)
		return NULL;
	note = json_loads(text, 0, NULL);
	path = xasprintf("%s/%s", store->dir, json_string_value(json_object_get(note, "file")));
	if (access(path, F_OK) == 0)
		return note;
	json_decref(note);
	return NULL;
}

void store_on_damage(struct store *store, void (*tell)(void *data), void *data)
{
	store->damage_data = data;
	store->damage_tell = tell;
}

bool store_is_damaged(const struct store *store)
{
	return atomic_load(&store->damaged);
}

/* ---- transactions --------------------------------------------------------------------------- */

bool store_in_transaction(struct store *store)
{
	return atomic_load_explicit(&store->owner, memory_order_relaxed) ==
	       (unsigned long)pthread_self();
}

static void gate_enter(struct store *store)
{
	uint64_t mine;

	pthread_mutex_lock(&store->gate);
	mine = store->ticket++;
	while (store->serving != mine)
		pthread_cond_wait(&store->turn, &store->gate);
	pthread_mutex_unlock(&store->gate);
	atomic_store(&store->owner, (unsigned long)pthread_self());
}

static void gate_leave(struct store *store)
{
	atomic_store(&store->owner, 0);
	pthread_mutex_lock(&store->gate);
	store->serving++;
	pthread_cond_broadcast(&store->turn);
	pthread_mutex_unlock(&store->gate);
}

int store_begin_as(struct store *store, const char *name, enum store_durability durability,
	enum store_origin origin, struct error *err)
{
	static const char *const levels[] = {
		[STORE_NORMAL] = "PRAGMA synchronous = NORMAL",
		[STORE_FULL] = "PRAGMA synchronous = FULL",
	};
	int rc = 0;

	if (store_in_transaction(store))
		return error_set(err, ERR_INTERNAL, "%s: the transaction of %s is open already",
			name, store->transaction);
	gate_enter(store);
	/* It cannot change inside a transaction. */
	if (durability != store->level)
		rc = connection_exec(store->writer, levels[durability], err);
	if (!rc) {
		store->level = durability;
		rc = connection_exec(store->writer, "BEGIN IMMEDIATE", err);
	}
	if (rc) {
		gate_leave(store);
		return rc;
	}
	store->transaction = name;
	store->origin = origin;
	store->broken = (struct error)ERROR_INIT;
	return 0;
}

int store_commit(struct store *store, struct error *err)
{
	struct change_list changes;
	store_listener *listener;
	void *data;
	int rc;

	if (!store_in_transaction(store))
		return error_set(err, ERR_INTERNAL, "no transaction is open");
	if (store->broken.code)
		rc = error_set(err, store->broken.code, "%s", store->broken.text);
	else
		rc = connection_exec(store->writer, "COMMIT", err);
	if (rc) {
		store_rollback(store);
		return rc;
	}
	past_commit(store, atomic_load(&store->commits) + 1);
	atomic_fetch_add(&store->commits, 1);
	changes = store->changes;
	store->changes = (struct change_list){ 0 };
	pthread_mutex_lock(&store->gate);
	listener = store->listener;
	data = store->listener_data;
	pthread_mutex_unlock(&store->gate);
	gate_leave(store);
	if (listener && changes.n)
		listener(data, changes.list, changes.n);
	change_list_free(&changes);
	return 0;
}

void store_rollback(struct store *store)
{
	if (!store_in_transaction(store))
		return;
	if (!sqlite3_get_autocommit(store->writer->db))
		sqlite3_exec(store->writer->db, "ROLLBACK", NULL, NULL, NULL);
	past_rollback(store);
	change_list_free(&store->changes);
	gate_leave(store);
}

/* A NORMAL commit has written its frames to the WAL; syncing the WAL makes them durable.  Frames
 * that a checkpoint has moved to the database meanwhile were synced there by it. */
int store_sync(struct store *store, struct error *err)
{
	if (fdatasync(store->wal_fd) || fsync(store->dir_fd))
		return error_set(err, errno == ENOSPC || errno == EDQUOT ? ERR_FULL : ERR_INTERNAL,
			"syncing the cache in %s: %s", store->dir, strerror(errno));
	return 0;
}

uint64_t store_commits(struct store *store)
{
	return atomic_load(&store->commits);
}

int64_t store_now(struct store *store)
{
	struct timespec ts;
	int_least64_t now, next, last = atomic_load(&store->last_now);

	clock_gettime(CLOCK_REALTIME, &ts);
	now = ts.tv_sec * NS_PER_S + ts.tv_nsec;
	do {
		next = now > last ? now : last + 1;
	} while (!atomic_compare_exchange_weak(&store->last_now, &last, next));
	return next;
}

void store_set_listener(struct store *store, store_listener *listener, void *data)
{
	pthread_mutex_lock(&store->gate);
	store->listener = listener;
	store->listener_data = data;
	pthread_mutex_unlock(&store->gate);
}

/* ---- files open for writing ----------------------------------------------------------------- */

void store_writer_add(struct store *store, uint64_t ino)
{
	pthread_mutex_lock(&store->writers_lock);
	counter_add(&store->writers, ino);
	pthread_mutex_unlock(&store->writers_lock);
}

void store_writer_drop(struct store *store, uint64_t ino)
{
	pthread_mutex_lock(&store->writers_lock);
	counter_drop(&store->writers, ino);
	pthread_mutex_unlock(&store->writers_lock);
}

bool store_writer_active(struct store *store, uint64_t ino)
{
	bool active;

	pthread_mutex_lock(&store->writers_lock);
	active = counter_get(&store->writers, ino) > 0;
	pthread_mutex_unlock(&store->writers_lock);
	return active;
}
