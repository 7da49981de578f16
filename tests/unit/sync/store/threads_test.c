/* Several threads: readers see whole transactions and never wait, writers take turns. */
#include "fixture.h"

#include <sched.h>

#define READERS 4
#define ROUNDS	200

struct shared {
	struct fixture *f;
	uint64_t ino;
	int64_t item;
	atomic_int done;
	atomic_int wrong;
	atomic_int reads;
};

/* The size, the bytes and the document are written together; each is read by itself, so what one
 * read shows may be newer than the one before, never older. */
static void *read_on(void *data)
{
	struct shared *s = data;
	struct store *store = s->f->store;
	struct store_node node;
	struct store_item item;
	char bytes[ROUNDS + 1];
	size_t got;
	int64_t seen = 0, n;

	while (!atomic_load(&s->done)) {
		if (store_node_get(store, s->ino, &node, NULL) ||
			store_content_read(store, s->ino, 0, bytes, sizeof(bytes), &got, NULL) ||
			store_item_get(store, s->item, &item, NULL)) {
			atomic_fetch_add(&s->wrong, 1);
			break;
		}
		n = json_integer_value(json_object_get(item.doc, "n"));
		if ((int64_t)node.size < seen || got < node.size || n < (int64_t)got)
			atomic_fetch_add(&s->wrong, 1);
		seen = n;
		store_item_clear(&item);
		atomic_fetch_add(&s->reads, 1);
	}
	return NULL;
}

static void write_round(struct shared *s, const char *bytes, int n)
{
	struct fixture *f = s->f;
	struct store_item item;

	fixture_begin(f, STORE_REMOTE);
	ok(f, store_item_get(f->store, s->item, &item, &f->err));
	json_object_set_new(item.doc, "n", json_integer(n));
	ok(f, store_item_save(f->store, &item, &f->err));
	store_item_clear(&item);
	ok(f, store_content_set(f->store, s->ino, bytes, (size_t)n, 0, &f->err));
	fixture_commit(f);
}

static void readers_see_commits_in_order(void **state)
{
	struct fixture *f = *state;
	struct shared s = { .f = f };
	pthread_t threads[READERS];
	char bytes[ROUNDS];
	struct store_item item;

	memset(bytes, 'x', sizeof(bytes));
	fixture_begin(f, STORE_LOCAL);
	s.item = fixture_item(f, "a.vcf", "u", 0);
	ok(f, store_item_get(f->store, s.item, &item, &f->err));
	s.ino = item.ino;
	store_item_clear(&item);
	ok(f, store_content_set(f->store, s.ino, "", 0, 0, &f->err));
	fixture_commit(f);
	for (size_t i = 0; i < READERS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, read_on, &s), 0);
	for (int n = 1; n <= ROUNDS; n++)
		write_round(&s, bytes, n);
	while (atomic_load(&s.reads) < READERS && !atomic_load(&s.wrong))
		sched_yield();
	atomic_store(&s.done, 1);
	for (size_t i = 0; i < READERS; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(atomic_load(&s.wrong), 0);
	/* The connections went with their threads; what is left is this thread's. */
	assert_true(!f->store->readers || !f->store->readers->next);
}

static void *read_once(void *data)
{
	struct shared *s = data;
	struct store_node node;

	/* Not in that thread's transaction: it sees the last commit. */
	if (store_node_lookup(s->f->store, s->f->folder, "new", &node, NULL) != ERR_NOT_FOUND)
		atomic_fetch_add(&s->wrong, 1);
	if (store_node_lookup(s->f->store, s->f->folder, "old", &node, NULL) != 0)
		atomic_fetch_add(&s->wrong, 1);
	return NULL;
}

static void open_transaction_is_seen_by_its_thread_only(void **state)
{
	struct fixture *f = *state;
	struct shared s = { .f = f };
	struct store_node node;
	pthread_t thread;

	fixture_begin(f, STORE_LOCAL);
	fixture_file(f, "old", NULL);
	fixture_commit(f);
	fixture_begin(f, STORE_LOCAL);
	fixture_file(f, "new", NULL);
	ok(f, store_node_lookup(f->store, f->folder, "new", &node, &f->err));
	assert_int_equal(pthread_create(&thread, NULL, read_once, &s), 0);
	pthread_join(thread, NULL);
	fixture_commit(f);
	assert_int_equal(atomic_load(&s.wrong), 0);
}

/* Adds one to a value that is stored as text, ROUNDS times. */
static void *count_up(void *data)
{
	struct shared *s = data;
	struct store *store = s->f->store;

	for (int i = 0; i < ROUNDS; i++) {
		char *value = NULL, text[16];

		if (store_begin(store, STORE_NORMAL, STORE_LOCAL, NULL) ||
			store_value_get(store, "n", &value, NULL)) {
			atomic_fetch_add(&s->wrong, 1);
			return NULL;
		}
		snprintf(text, sizeof(text), "%d", (int)(value ? strtol(value, NULL, 10) : 0) + 1);
		free(value);
		if (store_value_set(store, "n", text, NULL) ||
			(i % 10 == 9 ? (store_rollback(store), 0) : store_commit(store, NULL)))
			atomic_fetch_add(&s->wrong, 1);
	}
	return NULL;
}

static void writers_take_turns(void **state)
{
	struct fixture *f = *state;
	struct shared s = { .f = f };
	pthread_t threads[READERS];
	char *value;

	for (size_t i = 0; i < READERS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, count_up, &s), 0);
	for (size_t i = 0; i < READERS; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(atomic_load(&s.wrong), 0);
	ok(f, store_value_get(f->store, "n", &value, &f->err));
	assert_int_equal(strtol(value, NULL, 10), READERS * ROUNDS * 9 / 10);
	free(value);
}

/* A cycle that commits page after page must let a file operation in between. */
static void *commit_on(void *data)
{
	struct shared *s = data;
	struct store *store = s->f->store;

	while (!atomic_load(&s->done)) {
		if (store_begin(store, STORE_NORMAL, STORE_LOCAL, NULL) ||
			store_commit(store, NULL))
			atomic_fetch_add(&s->wrong, 1);
		atomic_fetch_add(&s->reads, 1);
	}
	return NULL;
}

static void nobody_is_starved(void **state)
{
	struct fixture *f = *state;
	struct shared s = { .f = f };
	pthread_t thread;
	int quick = 0;

	assert_int_equal(pthread_create(&thread, NULL, commit_on, &s), 0);
	while (atomic_load(&s.reads) == 0)
		sched_yield();
	for (int i = 0; i < 100; i++) {
		int before = atomic_load(&s.reads);

		fixture_begin(f, STORE_LOCAL);
		/* The turn under way when we came, and a few taken before we drew our ticket;
		 * without turns it would be hundreds.  Now and then the machine runs somebody
		 * else there. */
		quick += atomic_load(&s.reads) - before <= 5;
		fixture_commit(f);
	}
	atomic_store(&s.done, 1);
	pthread_join(thread, NULL);
	assert_int_equal(atomic_load(&s.wrong), 0);
	assert_true(quick >= 50);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		store_test(readers_see_commits_in_order),
		store_test(open_transaction_is_seen_by_its_thread_only),
		store_test(writers_take_turns),
		store_test(nobody_is_starved),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
