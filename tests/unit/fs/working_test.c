/* Files that are open for writing while a sync replaces them. */
#include <pthread.h>

#include "fs/working.h"
#include "tests/unit/sync/commit_fixture.h"

static const struct base_process editor = { 100, 1 };

struct scene {
	struct env *e;
	struct fs fs;
	int64_t anna;
	uint64_t ino;
};

static const char *anna(struct scene *s, const char *title)
{
	return card(s->e, ANNA_UID, "Anna Berg", keep(s->e, xasprintf("TITLE:%s\r\n", title)));
}

static int setup(void **state)
{
	struct scene *s = xcalloc(1, sizeof(*s));
	void *env = NULL;

	env_setup(&env);
	s->e = env;
	s->ino = put(s->e, s->e->contacts, "anna.vcf", anna(s, "Buyer"));
	s->anna = item_of(s->e, s->ino);
	remote_link(s->e, s->anna, "AAA");
	s->fs.store = s->e->store;
	s->fs.commit = s->e->c;
	s->fs.working = working_table_new();
	s->fs.bases = base_table_new(NULL);
	*state = s;
	return 0;
}

static int teardown(void **state)
{
	struct scene *s = *state;
	void *env = s->e;

	working_table_free(s->fs.working);
	base_table_free(s->fs.bases);
	env_teardown(&env);
	free(s);
	return 0;
}

/* open(2) for reading and writing. */
static struct handle *open_anna(struct scene *s)
{
	struct handle *handle = working_open(&s->fs, s->ino, s->ino, 0, NULL, false);

	handle->process = editor;
	base_opened(s->fs.bases, editor, s->ino, store_commits(s->e->store));
	return handle;
}

static int write_and_flush(struct scene *s, struct handle *handle, const char *bytes)
{
	struct error err = ERROR_INIT;

	assert_ok(working_truncate(&s->fs, handle->working, handle, 0, &err), err);
	assert_ok(working_write(&s->fs, handle, bytes, strlen(bytes), 0, &err), err);
	return working_flush(&s->fs, handle, false, &err);
}

static uint64_t number_now(struct scene *s)
{
	return at(s->e, s->e->contacts, "anna.vcf").ino;
}

/* The sync found no writer, and its transaction ends when there is one. */
static void what_is_written_to_a_file_that_was_replaced_is_merged(void **state)
{
	struct scene *s = *state;
	struct handle *first = open_anna(s), *second = open_anna(s);
	uint64_t now;

	remote_mobile(s->e, s->anna, "+49 2");
	now = number_now(s);
	assert_int_not_equal(now, s->ino);
	assert_int_equal(write_and_flush(s, first, anna(s, "Dean")), 0);
	assert_string_equal(doc_text(s->e, s->anna, "titles/JobTitle/name"), "Dean");
	assert_string_equal(doc_text(s->e, s->anna, "phones/MobilePhone/number"), "+49 2");

	working_close(&s->fs, second);
	assert_true(store_writer_active(s->e->store, now));
	working_close(&s->fs, first);
	assert_false(store_writer_active(s->e->store, now));
	assert_false(store_writer_active(s->e->store, s->ino));
	assert_int_equal(count_lost(s->e), 0);
	assert_int_equal(count_items(s->e), 1);
}

static void what_is_written_to_a_file_that_was_removed_is_kept(void **state)
{
	struct scene *s = *state;
	struct handle *handle = open_anna(s);

	remove_file(s->e, s->e->contacts, "anna.vcf");
	assert_int_equal(write_and_flush(s, handle, anna(s, "Dean")), ERR_NOT_FOUND);
	working_close(&s->fs, handle);
	assert_false(store_writer_active(s->e->store, s->ino));
	assert_int_equal(count_lost(s->e), 1);
	assert_true(is_removed(s->e, s->anna));
	assert_string_equal(doc_text(s->e, s->anna, "titles/JobTitle/name"), "Buyer");
}

static void what_is_written_to_a_file_that_was_replaced_by_hand_is_kept_apart(void **state)
{
	struct scene *s = *state;
	struct handle *handle = open_anna(s);

	remove_file(s->e, s->e->contacts, "anna.vcf");
	working_unlinked(&s->fs, s->ino);
	put(s->e, s->e->contacts, "anna.vcf", anna(s, "Rector"));
	assert_int_equal(item_of(s->e, number_now(s)), s->anna);
	assert_int_equal(write_and_flush(s, handle, anna(s, "Dean")), ERR_NOT_FOUND);
	working_close(&s->fs, handle);
	assert_int_equal(count_lost(s->e), 1);
	assert_string_equal(doc_text(s->e, s->anna, "titles/JobTitle/name"), "Rector");
}

/* What was refused and then mended leaves nothing behind, though the number is another one by then. */
static void refused_bytes_are_forgotten_under_their_number(void **state)
{
	struct scene *s = *state;
	struct handle *handle = open_anna(s);
	struct error err = ERROR_INIT;
	uint64_t *inos = NULL;
	size_t n = 0;

	assert_int_equal(write_and_flush(s, handle, "BEGIN:VCARD\r\n"), ERR_INVALID);
	assert_ok(store_working_list(s->e->store, &inos, &n, &err), err);
	assert_int_equal(n, 1);
	free(inos);
	remote_mobile(s->e, s->anna, "+49 2");
	assert_int_equal(write_and_flush(s, handle, anna(s, "Dean")), 0);
	working_close(&s->fs, handle);
	assert_ok(store_working_list(s->e->store, &inos, &n, &err), err);
	assert_int_equal(n, 0);
	free(inos);
	assert_int_equal(count_lost(s->e), 0);
}

struct others {
	struct scene *s;
	atomic_bool stop;
};

static void *open_and_close(void *data)
{
	struct others *o = data;

	while (!o->stop)
		working_close(
			&o->s->fs, working_open(&o->s->fs, o->s->ino, o->s->ino, 0, NULL, false));
	return NULL;
}

static void writers_are_counted_while_others_come_and_go(void **state)
{
	struct scene *s = *state;
	struct others o = { .s = s };
	struct handle *handle = open_anna(s);
	uint64_t numbers[30];
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, open_and_close, &o), 0);
	for (size_t i = 0; i < 30; i++) {
		remote_mobile(s->e, s->anna, keep(s->e, xasprintf("+49 %zu", i)));
		numbers[i] = number_now(s);
		assert_int_equal(write_and_flush(s, handle, anna(s, i % 2 ? "Dean" : "Rector")), 0);
		assert_true(store_writer_active(s->e->store, numbers[i]));
	}
	o.stop = true;
	assert_int_equal(pthread_join(thread, NULL), 0);
	working_close(&s->fs, handle);
	for (size_t i = 0; i < 30; i++)
		assert_false(store_writer_active(s->e->store, numbers[i]));
	assert_false(store_writer_active(s->e->store, s->ino));
	assert_int_equal(count_lost(s->e), 0);
}

#define SCENE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCENE(what_is_written_to_a_file_that_was_replaced_is_merged),
		SCENE(what_is_written_to_a_file_that_was_removed_is_kept),
		SCENE(what_is_written_to_a_file_that_was_replaced_by_hand_is_kept_apart),
		SCENE(refused_bytes_are_forgotten_under_their_number),
		SCENE(writers_are_counted_while_others_come_and_go),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
