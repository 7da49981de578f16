/* Base versions: what a process is judged against. */
#include <sys/wait.h>

#include "fs/base.h"
#include "sync/commit.h"
#include "tests/unit/sync/store/fixture.h"

static time_t now_s;

static const struct base_process anna = { 100, 1 }, bert = { 200, 1 }, anna_later = { 100, 2 };

struct scene {
	struct fixture *f;
	struct base_table *table;
	int64_t item;
	uint64_t ino;
};

static time_t set_clock(void)
{
	return now_s;
}

static void change(struct scene *s, int n)
{
	struct fixture *f = s->f;
	struct store_item item;

	fixture_begin(f, STORE_REMOTE);
	ok(f, store_item_get(f->store, s->item, &item, &f->err));
	json_object_set_new(item.doc, "n", json_integer(n));
	ok(f, store_item_save(f->store, &item, &f->err));
	fixture_commit(f);
	store_item_clear(&item);
}

/* As a sync does it: a new number, then the document. */
static void replace(struct scene *s, int n)
{
	struct fixture *f = s->f;
	struct store_item item;

	fixture_begin(f, STORE_REMOTE);
	ok(f, store_node_replace(f->store, s->ino, "new", 3, &s->ino, &f->err));
	ok(f, store_item_get(f->store, s->item, &item, &f->err));
	json_object_set_new(item.doc, "n", json_integer(n));
	ok(f, store_item_save(f->store, &item, &f->err));
	fixture_commit(f);
	store_item_clear(&item);
}

static void opened(struct scene *s, struct base_process who)
{
	base_opened(s->table, who, s->ino, store_commits(s->f->store));
}

/* The rev that it opened; where that is none, the one that it wrote. */
static int64_t base(struct scene *s, struct base_process who)
{
	struct commit_base base = base_get(s->table, s->f->store, who, s->item);

	return base.opened == COMMIT_NO_BASE ? base.wrote : base.opened;
}

static int64_t written(struct scene *s, struct base_process who)
{
	return base_get(s->table, s->f->store, who, s->item).wrote;
}

static int setup(void **state)
{
	struct scene *s = xcalloc(1, sizeof(*s));
	void *fixture = NULL;
	int64_t rev;

	fixture_setup(&fixture);
	s->f = fixture;
	now_s = 1000;
	s->table = base_table_new(set_clock);
	fixture_begin(s->f, STORE_LOCAL);
	s->item = fixture_item(s->f, "a.vcf", "u", 1);
	fixture_commit(s->f);
	ok(s->f, store_item_now(s->f->store, s->item, &s->ino, &rev, &s->f->err));
	*state = s;
	return 0;
}

static int teardown(void **state)
{
	struct scene *s = *state;
	void *fixture = s->f;

	base_table_free(s->table);
	fixture_teardown(&fixture);
	free(s);
	return 0;
}

static void nothing_is_known_of_who_opened_nothing(void **state)
{
	struct scene *s = *state;

	opened(s, anna);
	assert_int_equal(base(s, bert), COMMIT_NO_BASE);
	assert_int_equal(base(s, anna_later), COMMIT_NO_BASE); /* a reused number */
	assert_int_equal(base(s, (struct base_process){ 0 }), COMMIT_NO_BASE);
	assert_int_equal(base_get(s->table, s->f->store, anna, 12345).opened, COMMIT_NO_BASE);
}

static void the_first_open_counts(void **state)
{
	struct scene *s = *state;

	change(s, 2);
	opened(s, anna);
	change(s, 3);
	opened(s, anna);
	opened(s, bert);
	assert_int_equal(base(s, anna), 2);
	assert_int_equal(base(s, bert), 3);
}

static void it_counts_over_the_numbers_that_the_file_had(void **state)
{
	struct scene *s = *state;

	opened(s, anna);
	replace(s, 2);
	replace(s, 3);
	opened(s, anna);
	opened(s, bert);
	assert_int_equal(base(s, anna), 1);
	assert_int_equal(base(s, bert), 3);
}

/* The kernel leads to the former number until it is told of the new one. */
static void who_opens_a_former_number_sees_its_last_state(void **state)
{
	struct scene *s = *state;
	uint64_t former = s->ino;

	change(s, 2);
	replace(s, 3);
	base_opened(s->table, anna, former, store_commits(s->f->store));
	assert_int_equal(base(s, anna), 2);
	replace(s, 4);
	base_opened(s->table, bert, former, store_commits(s->f->store));
	opened(s, bert);
	assert_int_equal(base(s, anna), 2);
	assert_int_equal(base(s, bert), 2);
}

static void who_wrote_knows_what_it_wrote_until_it_opens_anew(void **state)
{
	struct scene *s = *state;

	opened(s, anna);
	change(s, 2);
	base_wrote(s->table, s->f->store, anna, s->ino, 2);
	assert_int_equal(base(s, anna), 2);
	replace(s, 3);
	assert_int_equal(base(s, anna), 2);
	base_wrote(s->table, s->f->store, anna, s->ino, 3);
	assert_int_equal(base(s, anna), 3);
	replace(s, 4);
	opened(s, anna);
	change(s, 5);
	assert_int_equal(base(s, anna), 4);
	assert_int_equal(written(s, anna), 3);
	base_wrote(s->table, s->f->store, anna, s->ino, 5);
	assert_int_equal(base(s, anna), 5);
	assert_int_equal(written(s, anna), 5);
	assert_int_equal(written(s, bert), COMMIT_NO_BASE);
}

/* An editor that copies the file saves at once; later on it has read it. */
static void what_it_wrote_is_forgotten_a_while_after_it_opened(void **state)
{
	struct scene *s = *state;

	base_wrote(s->table, s->f->store, anna, s->ino, 1);
	now_s += 3600;
	assert_int_equal(written(s, anna), 1);
	change(s, 2);
	opened(s, anna);
	now_s += 5;
	assert_int_equal(written(s, anna), 1);
	opened(s, anna); /* the first open counts */
	now_s += 1;
	assert_int_equal(written(s, anna), COMMIT_NO_BASE);
	assert_int_equal(base(s, anna), 2);
}

static void a_file_without_an_item_is_no_trouble(void **state)
{
	struct scene *s = *state;

	base_opened(s->table, anna, s->f->folder, store_commits(s->f->store));
	base_wrote(s->table, s->f->store, anna, s->f->folder, 1);
	assert_int_equal(base(s, anna), COMMIT_NO_BASE);
}

/* An address book opens every file and then writes one. */
static void many_files_of_one_process(void **state)
{
	struct scene *s = *state;
	uint64_t commits = store_commits(s->f->store);

	opened(s, anna);
	for (uint64_t ino = 1000; ino < 21000; ino++)
		base_opened(s->table, bert, ino, commits);
	opened(s, bert);
	for (uint64_t ino = 1000; ino < 21000; ino++)
		base_opened(s->table, bert, ino, commits);
	change(s, 2);
	assert_int_equal(base(s, anna), 1);
	assert_int_equal(base(s, bert), 1);
	for (uint64_t ino = 1000; ino < 200000; ino++) /* it is bounded all the same */
		base_opened(s->table, bert, ino, commits);
	assert_int_equal(base(s, anna), 1);
}

static void many_processes(void **state)
{
	struct scene *s = *state;

	opened(s, anna);
	for (pid_t pid = 1000; pid < 2000; pid++) {
		struct base_process other = { pid, 7 };

		opened(s, other);
		assert_int_equal(base(s, other), 1);
	}
	assert_int_equal(base(s, anna), COMMIT_NO_BASE);
}

/* When the store cannot tell any more, nothing is claimed. */
static void what_the_store_forgot(void **state)
{
	struct scene *s = *state;

	opened(s, anna);
	for (int n = 2; n < 60; n++)
		change(s, n);
	assert_int_equal(base(s, anna), COMMIT_NO_BASE);
	base_wrote(s->table, s->f->store, anna, s->ino, 59);
	opened(s, anna);
	for (int n = 60; n < 120; n++)
		change(s, n);
	assert_int_equal(base(s, anna), COMMIT_NO_BASE);
	assert_int_equal(written(s, anna), COMMIT_NO_BASE);
	opened(s, bert);
	change(s, 200);
	assert_int_equal(base(s, bert), 119);
}

static void a_process_is_its_thread_group_and_start(void **state)
{
	struct scene *s = *state;
	struct base_process self = base_process_of(s->table, getpid()), child, again;
	int fds[2], status;
	char byte = 0;
	pid_t pid;

	assert_int_equal(self.tgid, getpid());
	assert_true(self.start > 0);
	assert_int_equal(base_process_of(s->table, 0).tgid, 0);
	assert_int_equal(base_process_of(s->table, -1).tgid, 0);
	assert_int_equal(pipe(fds), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		close(fds[1]);
		_exit(read(fds[0], &byte, 1) == 0 ? 0 : 1);
	}
	child = base_process_of(s->table, pid);
	again = base_process_of(s->table, pid);
	close(fds[0]);
	close(fds[1]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(child.tgid, pid);
	assert_true(child.start >= self.start);
	assert_int_equal(again.tgid, child.tgid);
	assert_int_equal(again.start, child.start);
}

#define scene_test(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		scene_test(nothing_is_known_of_who_opened_nothing),
		scene_test(the_first_open_counts),
		scene_test(it_counts_over_the_numbers_that_the_file_had),
		scene_test(who_opens_a_former_number_sees_its_last_state),
		scene_test(who_wrote_knows_what_it_wrote_until_it_opens_anew),
		scene_test(what_it_wrote_is_forgotten_a_while_after_it_opened),
		scene_test(a_file_without_an_item_is_no_trouble),
		scene_test(many_files_of_one_process),
		scene_test(many_processes),
		scene_test(what_the_store_forgot),
		scene_test(a_process_is_its_thread_group_and_start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
