/* The store's life: lock, permissions, damage, transactions, full disks, death in the middle. */
#include "fixture.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

static char *path_in(struct fixture *f, const char *name)
{
	return xasprintf("%s/%s", f->dir, name);
}

static unsigned int mode_of(struct fixture *f, const char *name)
{
	char *path AUTOFREE = path_in(f, name);
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	return st.st_mode & 07777;
}

static void files_are_private(void **state)
{
	struct fixture *f = *state;
	char *deep AUTOFREE = path_in(f, "a/b/c");
	struct store *store;
	mode_t mask = umask(0);
	int rc = store_open(&store, deep, &f->err);

	umask(mask);
	ok(f, rc);
	assert_false(store_was_rebuilt(store));
	assert_int_equal(mode_of(f, "a"), 0700);
	assert_int_equal(mode_of(f, "a/b/c"), 0700);
	assert_int_equal(mode_of(f, "a/b/c/cache.db"), 0600);
	assert_int_equal(mode_of(f, "a/b/c/cache.db-wal"), 0600);
	assert_int_equal(mode_of(f, "a/b/c/cache.lock"), 0600);
	store_close(store);
}

/* ---- the lock ------------------------------------------------------------------------------- */

/* A child that has the store open until `until` is closed; returns its pid. */
static pid_t child_that_holds(struct fixture *f, int *until)
{
	int ready[2], done[2];
	char c;
	pid_t pid;

	store_close(f->store);
	f->store = NULL;
	assert_int_equal(pipe(ready), 0);
	assert_int_equal(pipe(done), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		struct store *store;

		close(done[1]);
		if (store_open(&store, f->dir, NULL) || write(ready[1], "r", 1) != 1)
			_exit(1);
		while (read(done[0], &c, 1) > 0)
			;
		_exit(0);
	}
	close(ready[1]);
	close(done[0]);
	assert_int_equal(read(ready[0], &c, 1), 1);
	close(ready[0]);
	*until = done[1];
	return pid;
}

static void directory_in_use_is_refused_by_name_of_the_process(void **state)
{
	struct fixture *f = *state;
	char expected[256];
	int until, status;
	pid_t pid = child_that_holds(f, &until);

	assert_int_equal(store_open(&f->store, f->dir, &f->err), ERR_BUSY);
	snprintf(expected, sizeof(expected), "cache directory %s is in use by process %d", f->dir,
		(int)pid);
	close(until);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	assert_string_equal(f->err.text, expected);
	assert_null(f->store);
	/* A process that is gone holds nothing. */
	ok(f, store_open(&f->store, f->dir, &f->err));
	assert_false(store_was_rebuilt(f->store));
}

static void second_open_in_the_process_is_refused(void **state)
{
	struct fixture *f = *state;
	struct store *second;

	assert_int_equal(store_open(&second, f->dir, &f->err), ERR_BUSY);
	/* The refusal has not hurt the one that has it. */
	fixture_begin(f, STORE_LOCAL);
	fixture_file(f, "a", "x");
	fixture_commit(f);
	assert_int_equal(store_open(&second, f->dir, &f->err), ERR_BUSY);
}

static void directory_that_cannot_be_made_is_named(void **state)
{
	struct fixture *f = *state;
	char *under AUTOFREE = path_in(f, "cache.db/sub");
	struct store *second;

	assert_int_equal(store_open(&second, under, &f->err), ERR_DENIED);
	assert_non_null(strstr(f->err.text, "cache.db/sub"));
}

/* ---- transactions --------------------------------------------------------------------------- */

static void writing_needs_a_transaction(void **state)
{
	struct fixture *f = *state;
	struct store_node node = { .parent = f->folder, .name = "a" };

	assert_int_equal(store_node_create(f->store, &node, &f->err), ERR_INTERNAL);
	assert_int_equal(store_value_set(f->store, "a", "b", NULL), ERR_INTERNAL);
	assert_int_equal(store_commit(f->store, &f->err), ERR_INTERNAL);
	store_rollback(f->store);
	fixture_begin(f, STORE_LOCAL);
	assert_int_equal(store_begin(f->store, STORE_FULL, STORE_LOCAL, &f->err), ERR_INTERNAL);
	fixture_file(f, "a", "x");
	fixture_commit(f);
	ok(f, store_node_lookup(f->store, f->folder, "a", &node, &f->err));
}

static void rollback_leaves_nothing(void **state)
{
	struct fixture *f = *state;
	struct store_node node;
	uint64_t first, second;

	fixture_begin(f, STORE_LOCAL);
	first = fixture_file(f, "a", "x");
	ok(f, store_node_lookup(f->store, f->folder, "a", &node, &f->err));
	store_rollback(f->store);
	assert_int_equal(
		store_node_lookup(f->store, f->folder, "a", &node, &f->err), ERR_NOT_FOUND);
	assert_int_equal(store_node_get(f->store, first, &node, &f->err), ERR_NOT_FOUND);
	fixture_begin(f, STORE_LOCAL);
	second = fixture_file(f, "b", "x");
	fixture_commit(f);
	ok(f, store_node_get(f->store, second, &node, &f->err));
	assert_string_equal(node.name, "b");
}

static void both_grades_of_durability_commit(void **state)
{
	struct fixture *f = *state;
	static const enum store_durability grades[] = { STORE_FULL, STORE_NORMAL, STORE_FULL,
		STORE_FULL };
	struct store_node node;
	char name[2] = "a";

	for (size_t i = 0; i < ARRAY_SIZE(grades); i++, name[0]++) {
		ok(f, store_begin(f->store, grades[i], STORE_LOCAL, &f->err));
		fixture_file(f, name, "x");
		fixture_commit(f);
		ok(f, store_sync(f->store, &f->err));
	}
	fixture_reopen(f);
	ok(f, store_node_lookup(f->store, f->folder, "d", &node, &f->err));
}

static void time_only_goes_forward(void **state)
{
	struct fixture *f = *state;
	int64_t last = store_now(f->store), now;
	struct store_node node;
	uint64_t ino;

	for (int i = 0; i < 1000; i++, last = now) {
		now = store_now(f->store);
		assert_true(now > last);
	}
	/* Also when the clock was set back between two runs. */
	atomic_fetch_add(&f->store->last_now, NS_PER_DAY);
	fixture_begin(f, STORE_LOCAL);
	ino = fixture_file(f, "a", "x");
	fixture_commit(f);
	ok(f, store_node_get(f->store, ino, &node, &f->err));
	assert_true(node.ctime > last + NS_PER_DAY / 2);
	fixture_reopen(f);
	assert_true(store_now(f->store) > node.ctime);
}

static void writers_are_counted(void **state)
{
	struct fixture *f = *state;

	assert_false(store_writer_active(f->store, 5));
	store_writer_drop(f->store, 5);
	store_writer_add(f->store, 5);
	store_writer_add(f->store, 5);
	store_writer_drop(f->store, 5);
	assert_true(store_writer_active(f->store, 5));
	for (uint64_t ino = 100; ino < 5000; ino++) {
		store_writer_add(f->store, ino);
		assert_true(store_writer_active(f->store, ino));
		store_writer_drop(f->store, ino);
		assert_false(store_writer_active(f->store, ino));
	}
	assert_true(store_writer_active(f->store, 5));
	store_writer_drop(f->store, 5);
	assert_false(store_writer_active(f->store, 5));
	/* Closed ones leave the table: it does not grow with every file ever written. */
	assert_true(f->store->writers.cap <= 64);
}

/* ---- full disk ------------------------------------------------------------------------------ */

static int64_t pragma(struct fixture *f, const char *sql)
{
	sqlite3_stmt *stmt;
	int64_t value;

	assert_int_equal(sqlite3_prepare_v2(f->store->writer->db, sql, -1, &stmt, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
	value = sqlite3_column_int64(stmt, 0);
	sqlite3_finalize(stmt);
	return value;
}

static void full_disk_fails_the_transaction_as_a_whole(void **state)
{
	struct fixture *f = *state;
	char *big AUTOFREE = xcalloc(1, 1 << 20);
	struct store_node node;
	uint64_t ino;
	char *limit AUTOFREE = xasprintf(
		"PRAGMA max_page_count = %d", (int)pragma(f, "PRAGMA page_count") + 20);

	pragma(f, limit);
	fixture_begin(f, STORE_LOCAL);
	ino = fixture_file(f, "a", "x");
	assert_int_equal(store_content_set(f->store, ino, big, 1 << 20, 0, &f->err), ERR_FULL);
	assert_non_null(strstr(f->err.text, "no space left"));
	assert_non_null(strstr(f->err.text, f->dir));
	/* Who goes on regardless writes nothing, not even a part. */
	node = (struct store_node){ .parent = f->folder, .name = "b" };
	assert_int_equal(store_node_create(f->store, &node, &f->err), ERR_FULL);
	f->err = (struct error)ERROR_INIT;
	assert_int_equal(store_commit(f->store, &f->err), ERR_FULL);
	assert_int_equal(
		store_node_lookup(f->store, f->folder, "a", &node, &f->err), ERR_NOT_FOUND);
	assert_int_equal(
		store_node_lookup(f->store, f->folder, "b", &node, &f->err), ERR_NOT_FOUND);
	/* With space again all is well. */
	pragma(f, "PRAGMA max_page_count = 1000000");
	fixture_begin(f, STORE_LOCAL);
	ino = fixture_file(f, "a", NULL);
	ok(f, store_content_set(f->store, ino, big, 1 << 20, 0, &f->err));
	fixture_commit(f);
	ok(f, store_node_get(f->store, ino, &node, &f->err));
	assert_int_equal(node.size, 1 << 20);
}

/* ---- death ---------------------------------------------------------------------------------- */

/* Commits n files one by one, then dies with another transaction open. */
static void write_and_die(const char *dir, uint64_t folder, int n)
{
	struct store *store;
	struct store_node node;

	if (store_open(&store, dir, NULL))
		_exit(1);
	for (int i = 0; i <= n; i++) {
		node = (struct store_node){ .parent = folder, .type = NODE_ITEM };
		snprintf(node.name, sizeof(node.name), "f%d", i);
		if (store_begin(store, i % 2 ? STORE_FULL : STORE_NORMAL, STORE_LOCAL, NULL) ||
			store_node_create(store, &node, NULL) ||
			store_content_set(store, node.ino, "bytes", 5, 0, NULL))
			_exit(2);
		if (i < n && store_commit(store, NULL))
			_exit(3);
	}
	kill(getpid(), SIGKILL);
	_exit(4);
}

static void killed_process_loses_only_the_open_transaction(void **state)
{
	struct fixture *f = *state;
	struct buf bytes AUTOBUF = BUF_INIT(100);
	struct store_node node;
	uint64_t count;
	int status;
	pid_t pid;

	store_close(f->store);
	f->store = NULL;
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		write_and_die(f->dir, f->folder, 100);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGKILL);
	ok(f, store_open(&f->store, f->dir, &f->err));
	assert_false(store_was_rebuilt(f->store));
	ok(f, store_node_count(f->store, f->folder, NODE_ITEM, &count, &f->err));
	assert_int_equal(count, 100);
	ok(f, store_node_lookup(f->store, f->folder, "f99", &node, &f->err));
	ok(f, store_content_get(f->store, node.ino, &bytes, &f->err));
	assert_string_equal(buf_str(&bytes), "bytes");
	assert_int_equal(
		store_node_lookup(f->store, f->folder, "f100", &node, &f->err), ERR_NOT_FOUND);
}

/* ---- damage --------------------------------------------------------------------------------- */

static void overwrite(struct fixture *f, const char *name, off_t offset, size_t len)
{
	char *path AUTOFREE = path_in(f, name);
	char *junk AUTOFREE = xmalloc(len);
	int fd = open(path, O_WRONLY);

	memset(junk, 0xA5, len);
	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, junk, len, offset), (ssize_t)len);
	close(fd);
}

/* Databases moved aside, without their WALs. */
static size_t asides(struct fixture *f)
{
	DIR *dir = opendir(f->dir);
	size_t n = 0;

	assert_non_null(dir);
	for (struct dirent *entry; (entry = readdir(dir));)
		n += strncmp(entry->d_name, "cache.db.damaged-", 17) == 0 &&
		     !strchr(entry->d_name + 17, '-');
	closedir(dir);
	return n;
}

static void write_lock(struct fixture *f, const char *text)
{
	char *path AUTOFREE = path_in(f, "cache.lock");
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

/* lost: nothing of the old one could be read. */
static void expect_rebuilt(struct fixture *f, bool lost)
{
	struct store_node node;

	ok(f, store_open(&f->store, f->dir, &f->err));
	assert_true(store_was_rebuilt(f->store));
	assert_int_equal(asides(f), 1);
	ok(f, store_node_get(f->store, STORE_ROOT_INO, &node, &f->err));
	assert_int_equal(
		store_node_get(f->store, f->folder, &node, &f->err), lost ? ERR_NOT_FOUND : 0);
	if (lost)
		fixture_fill(f);
	fixture_reopen(f);
	assert_false(store_was_rebuilt(f->store));
	assert_int_equal(asides(f), 1);
}

static void file_that_is_no_database_is_moved_aside(void **state)
{
	struct fixture *f = *state;

	store_close(f->store);
	overwrite(f, "cache.db", 0, 4096);
	expect_rebuilt(f, true);
}

#define PAGE_BYTES 16384

static void fill_pages(struct fixture *f)
{
	char name[32];

	fixture_begin(f, STORE_LOCAL);
	for (int i = 0; i < 500; i++) {
		snprintf(name, sizeof(name), "file %d", i);
		fixture_item(f, name, name, i);
	}
	fixture_commit(f);
}

static void damaged_pages_are_noticed_after_a_crash_of_the_machine(void **state)
{
	struct fixture *f = *state;

	fill_pages(f);
	store_close(f->store);
	overwrite(f, "cache.db", PAGE_BYTES * 8, PAGE_BYTES * 20);
	write_lock(f, "123 another-boot\n");
	expect_rebuilt(f, false);
}

static void sound_pages_stand_after_a_crash_of_the_machine(void **state)
{
	struct fixture *f = *state;
	struct store_node node;

	fill_pages(f);
	store_close(f->store);
	write_lock(f, "123 another-boot\n");
	ok(f, store_open(&f->store, f->dir, &f->err));
	assert_false(store_was_rebuilt(f->store));
	ok(f, store_node_lookup(f->store, f->folder, "file 499", &node, &f->err));
}

/* The root page of the table of items, which opening does not read. */
static void overwrite_items(struct fixture *f)
{
	char *path AUTOFREE = path_in(f, "cache.db");
	sqlite3 *db;
	sqlite3_stmt *stmt;
	off_t page;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(
		sqlite3_prepare_v2(db, "SELECT rootpage FROM sqlite_schema WHERE name = 'item'", -1,
			&stmt, NULL),
		SQLITE_OK);
	assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
	page = sqlite3_column_int64(stmt, 0);
	sqlite3_finalize(stmt);
	sqlite3_close(db);
	overwrite(f, "cache.db", (page - 1) * PAGE_BYTES, PAGE_BYTES);
}

static void count_up(void *n)
{
	++*(int *)n;
}

static void damage_met_while_running_is_dealt_with_at_the_next_start(void **state)
{
	struct fixture *f = *state;
	struct store_item item;
	unsigned int failed = 0;
	int told = 0;

	fill_pages(f);
	fixture_reopen(f);
	assert_false(store_was_rebuilt(f->store));
	store_on_damage(f->store, count_up, &told);
	overwrite_items(f);
	for (int64_t id = 1; id <= 500; id++) {
		if (store_item_get(f->store, id, &item, &f->err) == 0)
			store_item_clear(&item);
		else
			failed += f->err.code == ERR_INTERNAL;
	}
	assert_true(failed > 0);
	assert_true(store_is_damaged(f->store));
	assert_int_equal(told, 1);
	store_close(f->store);
	expect_rebuilt(f, false);
}

static int get_version(void *version, int n, char **values, char **names)
{
	(void)n;
	(void)names;
	*(int *)version = (int)strtol(values[0], NULL, 10);
	return 0;
}

/* Takes back what the later steps of the schema did. */
#define TO_VERSION_1                                                                               \
	"DROP INDEX folder_view; ALTER TABLE folder DROP COLUMN view_of; ALTER TABLE folder DROP " \
	"COLUMN shown_name;"                                                                       \
	"PRAGMA user_version = 1"

static void cache_of_a_newer_program_is_left_alone(void **state)
{
	struct fixture *f = *state;
	struct store_node node;
	int version = 0;

	sqlite3_exec(f->store->writer->db, "PRAGMA user_version", get_version, &version, NULL);
	assert_true(version > 0);
	sqlite3_exec(f->store->writer->db, "PRAGMA user_version = 999", NULL, NULL, NULL);
	store_close(f->store);
	assert_int_equal(store_open(&f->store, f->dir, &f->err), ERR_INVALID);
	assert_non_null(strstr(f->err.text, "newer"));
	assert_int_equal(asides(f), 0);
	/* As is a database of another program. */
	{
		char *path AUTOFREE = path_in(f, "cache.db");
		char *sql;
		sqlite3 *db;

		assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
		sqlite3_exec(
			db, "PRAGMA user_version = 1; PRAGMA application_id = 5", NULL, NULL, NULL);
		sqlite3_close(db);
		assert_int_equal(store_open(&f->store, f->dir, &f->err), ERR_INVALID);
		assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
		sqlite3_exec(db, "PRAGMA application_id = 1953391725", NULL, NULL, NULL);
		sql = sqlite3_mprintf("PRAGMA user_version = %d", version);
		sqlite3_exec(db, sql, NULL, NULL, NULL);
		sqlite3_free(sql);
		sqlite3_close(db);
	}
	ok(f, store_open(&f->store, f->dir, &f->err));
	ok(f, store_node_get(f->store, f->folder, &node, &f->err));
}

/* Folders of a cache that knew no views are none. */
static void cache_of_version_1_is_migrated(void **state)
{
	struct fixture *f = *state;
	struct store_folder folder = { 0 };

	assert_int_equal(sqlite3_exec(f->store->writer->db, TO_VERSION_1, NULL, NULL, NULL), 0);
	store_close(f->store);
	ok(f, store_open(&f->store, f->dir, &f->err));
	assert_false(store_was_rebuilt(f->store));
	folder.ino = f->folder;
	folder.mailbox = f->mailbox;
	ok(f, store_begin(f->store, STORE_NORMAL, STORE_LOCAL, &f->err));
	ok(f, store_folder_save(f->store, &folder, &f->err));
	ok(f, store_commit(f->store, &f->err));
	ok(f, store_folder_get(f->store, f->folder, &folder, &f->err));
	assert_int_equal(folder.view_of, 0);
	store_folder_clear(&folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		store_test(files_are_private),
		store_test(directory_in_use_is_refused_by_name_of_the_process),
		store_test(second_open_in_the_process_is_refused),
		store_test(directory_that_cannot_be_made_is_named),
		store_test(writing_needs_a_transaction),
		store_test(rollback_leaves_nothing),
		store_test(both_grades_of_durability_commit),
		store_test(time_only_goes_forward),
		store_test(writers_are_counted),
		store_test(full_disk_fails_the_transaction_as_a_whole),
		store_test(killed_process_loses_only_the_open_transaction),
		store_test(file_that_is_no_database_is_moved_aside),
		store_test(damaged_pages_are_noticed_after_a_crash_of_the_machine),
		store_test(sound_pages_stand_after_a_crash_of_the_machine),
		store_test(damage_met_while_running_is_dealt_with_at_the_next_start),
		store_test(cache_of_a_newer_program_is_left_alone),
		store_test(cache_of_version_1_is_migrated),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
