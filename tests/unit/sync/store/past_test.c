/* The former states of items that the store remembers. */
#include "tests/unit/sync/store/fixture.h"

static int64_t make(struct fixture *f, const char *name)
{
	int64_t id;

	fixture_begin(f, STORE_LOCAL);
	id = fixture_item(f, name, name, 1);
	fixture_commit(f);
	return id;
}

static void change(struct fixture *f, int64_t id, int n)
{
	struct store_item item;

	ok(f, store_item_get(f->store, id, &item, &f->err));
	json_object_set_new(item.doc, "n", json_integer(n));
	ok(f, store_item_save(f->store, &item, &f->err));
	store_item_clear(&item);
}

static void each_commit_is_counted(void **state)
{
	struct fixture *f = *state;
	uint64_t before = store_commits(f->store);

	fixture_begin(f, STORE_LOCAL);
	assert_int_equal(store_commits(f->store), before);
	fixture_commit(f);
	assert_int_equal(store_commits(f->store), before + 1);
	fixture_begin(f, STORE_REMOTE);
	store_rollback(f->store);
	assert_int_equal(store_commits(f->store), before + 1);
}

static void a_change_leaves_what_was(void **state)
{
	struct fixture *f = *state;
	int64_t id = make(f, "a.vcf"), other = make(f, "b.vcf"), rev;
	struct store_past past[4];
	uint64_t forgotten, ino, commits;

	ok(f, store_item_now(f->store, id, &ino, &rev, &f->err));
	assert_int_equal(rev, 1);
	assert_int_equal(store_item_past(f->store, id, past, 4, &forgotten), 0);
	fixture_begin(f, STORE_LOCAL);
	change(f, id, 2);
	commits = store_commits(f->store) + 1;
	assert_int_equal(store_item_past(f->store, id, past, 4, &forgotten), 1); /* not committed */
	assert_int_equal(past[0].commits, commits);
	fixture_commit(f);
	assert_int_equal(store_item_past(f->store, id, past, 4, &forgotten), 1);
	assert_int_equal(past[0].item, id);
	assert_int_equal(past[0].ino, ino);
	assert_int_equal(past[0].rev, 1);
	assert_int_equal(past[0].commits, commits);
	assert_int_equal(forgotten, 0);
	assert_int_equal(store_item_past(f->store, other, past, 4, &forgotten), 0);
	assert_int_equal(store_item_now(f->store, 9999, &ino, &rev, &f->err), ERR_NOT_FOUND);
}

static void a_replaced_file_leaves_its_number(void **state)
{
	struct fixture *f = *state;
	int64_t id = make(f, "a.vcf"), rev;
	struct store_past past[4];
	uint64_t forgotten, old, ino;

	ok(f, store_item_now(f->store, id, &old, &rev, &f->err));
	fixture_begin(f, STORE_REMOTE);
	ok(f, store_node_replace(f->store, old, "new", 3, &ino, &f->err));
	change(f, id, 2);
	fixture_commit(f);
	assert_int_equal(store_item_past(f->store, id, past, 4, &forgotten), 2);
	assert_int_equal(past[0].ino, old);
	assert_int_equal(past[0].rev, 1);
	assert_int_equal(past[1].ino, ino);
	assert_int_equal(past[1].rev, 1);
	assert_int_equal(past[0].commits, past[1].commits);
}

static void what_is_rolled_back_never_was(void **state)
{
	struct fixture *f = *state;
	int64_t id = make(f, "a.vcf");
	struct store_past past[4];
	uint64_t forgotten;

	fixture_begin(f, STORE_LOCAL);
	change(f, id, 2);
	store_rollback(f->store);
	fixture_begin(f, STORE_LOCAL);
	fixture_commit(f);
	assert_int_equal(store_item_past(f->store, id, past, 4, &forgotten), 0);
}

static void the_oldest_are_forgotten(void **state)
{
	struct fixture *f = *state;
	int64_t id = make(f, "a.vcf"), busy = make(f, "b.vcf");
	struct store_past past[4];
	uint64_t forgotten, first;

	fixture_begin(f, STORE_LOCAL);
	change(f, id, 2);
	fixture_commit(f);
	first = store_commits(f->store);
	for (int n = 0; n < 6; n++) {
		fixture_begin(f, STORE_LOCAL);
		change(f, busy, n + 2);
		fixture_commit(f);
	}
	assert_int_equal(store_item_past(f->store, busy, past, 4, &forgotten), 4);
	assert_int_equal(past[0].rev, 3);
	assert_int_equal(past[3].rev, 6);
	assert_int_equal(forgotten, first + 2); /* of this item, the second change's */
	fixture_begin(f, STORE_LOCAL);
	for (size_t n = 0; n < PAST_KEPT; n++)
		change(f, busy, (int)n + 100);
	fixture_commit(f);
	assert_int_equal(store_item_past(f->store, id, past, 4, &forgotten), 0);
	assert_true(forgotten >= first);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		store_test(each_commit_is_counted),
		store_test(a_change_leaves_what_was),
		store_test(a_replaced_file_leaves_its_number),
		store_test(what_is_rolled_back_never_was),
		store_test(the_oldest_are_forgotten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
