/* What tools do, call by call, as strace shows it: each saves a changed Anna over the file of an item that
 * Exchange knows, and each must end as one update of that item. */
#include "tests/unit/sync/commit_fixture.h"

struct tool {
	const char *name;
	void (*save)(struct env *e, const char *bytes);
};

static uint64_t tmp_file(struct env *e, uint64_t dir, const char *name, const char *bytes)
{
	struct error err = ERROR_INIT;
	uint64_t ino = create(e, dir, name);

	assert_int_equal(node_of(e, ino).type, NODE_DRAFT);
	assert_ok(commit_draft(&e->c, ino, bytes, strlen(bytes), &err), err);
	return ino;
}

static void set_attributes(struct env *e, uint64_t ino, int64_t mode, int64_t mtime)
{
	struct error err = ERROR_INIT;

	assert_ok(commit_setattr(&e->c, ino, mode, mtime, &err), err);
}

static uint64_t here(struct env *e)
{
	return at(e, e->contacts, "anna.vcf").ino;
}

/* open(O_TRUNC), write, close: cp, nano, a shell, rsync --inplace. */
static void in_place(struct env *e, const char *bytes)
{
	write_bytes(e, here(e), bytes);
}

/* The shell truncates first; a flush of the empty file comes before the bytes. */
static void shell_redirection(struct env *e, const char *bytes)
{
	write_bytes(e, here(e), "");
	write_bytes(e, here(e), bytes);
}

/* ( echo ...; echo ... ) > anna.vcf: every child's exit flushes what is there so far. */
static void shell_group(struct env *e, const char *bytes)
{
	struct error err = ERROR_INIT;
	char *half = keep(e, xstrndup(bytes, strlen(bytes) / 2));

	write_bytes(e, here(e), "");
	assert_int_equal(write_rc(e, here(e), half, &err), ERR_INVALID);
	write_bytes(e, here(e), bytes);
}

static void vim_probe(struct env *e)
{
	create(e, e->contacts, "4913");
	remove_file(e, e->contacts, "4913");
}

static void vim_backupcopy_no(struct env *e, const char *bytes)
{
	create(e, e->contacts, ".anna.vcf.swp");
	vim_probe(e);
	move(e, e->contacts, "anna.vcf", e->contacts, "anna.vcf~");
	put(e, e->contacts, "anna.vcf", bytes);
	set_attributes(e, here(e), 0600, -1);
	remove_file(e, e->contacts, "anna.vcf~");
	remove_file(e, e->contacts, ".anna.vcf.swp");
}

static void vim_backupcopy_yes(struct env *e, const char *bytes)
{
	tmp_file(e, e->contacts, "anna.vcf~", bytes_of(e, here(e)));
	write_bytes(e, here(e), bytes);
	remove_file(e, e->contacts, "anna.vcf~");
}

static void vim_keeps_the_backup(struct env *e, const char *bytes)
{
	move(e, e->contacts, "anna.vcf", e->contacts, "anna.vcf~");
	put(e, e->contacts, "anna.vcf", bytes);
}

static void sed_i(struct env *e, const char *bytes)
{
	uint64_t tmp = tmp_file(e, e->contacts, "sedA1b2C3", bytes);

	set_attributes(e, tmp, 0600, -1);
	move(e, e->contacts, "sedA1b2C3", e->contacts, "anna.vcf");
}

static void sed_i_bak(struct env *e, const char *bytes)
{
	tmp_file(e, e->contacts, "sedA1b2C3", bytes);
	move(e, e->contacts, "anna.vcf", e->contacts, "anna.vcf.bak");
	move(e, e->contacts, "sedA1b2C3", e->contacts, "anna.vcf");
}

static void perl_i_orig(struct env *e, const char *bytes)
{
	move(e, e->contacts, "anna.vcf", e->contacts, "anna.vcf.orig");
	put(e, e->contacts, "anna.vcf", bytes);
}

/* install, tar -x, borg extract: unlink, open(O_EXCL), write, times. */
static void unlink_and_create(struct env *e, const char *bytes)
{
	remove_file(e, e->contacts, "anna.vcf");
	put(e, e->contacts, "anna.vcf", bytes);
	set_attributes(e, here(e), 0644, 1700000000000000000);
}

static void cp_backup(struct env *e, const char *bytes)
{
	move(e, e->contacts, "anna.vcf", e->contacts, "anna.vcf~");
	put(e, e->contacts, "anna.vcf", bytes);
}

static void rsync(struct env *e, const char *bytes)
{
	uint64_t tmp = tmp_file(e, e->contacts, ".anna.vcf.Xy12Ab", bytes);

	set_attributes(e, tmp, 0600, 1700000000123456789);
	move(e, e->contacts, ".anna.vcf.Xy12Ab", e->contacts, "anna.vcf");
	assert_int_equal(at(e, e->contacts, "anna.vcf").ino, tmp);
	assert_int_equal(node_of(e, tmp).mtime, 1700000000123456789);
}

static void rsync_delay_updates(struct env *e, const char *bytes)
{
	uint64_t dir = make_dir(e, e->contacts, ".~tmp~");
	struct error err = ERROR_INIT;
	int number;

	tmp_file(e, e->contacts, ".anna.vcf.Xy12Ab", bytes);
	move(e, e->contacts, ".anna.vcf.Xy12Ab", dir, "anna.vcf");
	move(e, dir, "anna.vcf", e->contacts, "anna.vcf");
	assert_ok(commit_rmdir(&e->c, e->contacts, ".~tmp~", &number, &err), err);
}

static void rsync_backup(struct env *e, const char *bytes)
{
	tmp_file(e, e->contacts, ".anna.vcf.Xy12Ab", bytes);
	move(e, e->contacts, "anna.vcf", e->contacts, "anna.vcf~");
	move(e, e->contacts, ".anna.vcf.Xy12Ab", e->contacts, "anna.vcf");
}

/* vdirsyncer and khard overwrite by a rename, and take mtime and number of the temporary file as the
 * etag before. */
static void vdir_overwrite(struct env *e, const char *bytes)
{
	uint64_t tmp = tmp_file(e, e->contacts, "tmpq9w8e7r6", bytes);
	struct store_node etag = node_of(e, tmp), after;

	move(e, e->contacts, "tmpq9w8e7r6", e->contacts, "anna.vcf");
	after = at(e, e->contacts, "anna.vcf");
	assert_int_equal(after.ino, etag.ino);
	assert_int_equal(after.mtime, etag.mtime);
	assert_int_equal(after.size, etag.size);
}

static void emacs_backup_by_copying(struct env *e, const char *bytes)
{
	struct error err = ERROR_INIT;
	struct store_node copy;
	int number;

	assert_ok(commit_link(&e->c, here(e), e->contacts, "anna.vcf~", &copy, &number, &err), err);
	write_bytes(e, here(e), bytes);
}

static const struct tool tools[] = {
	{ "in place", in_place },
	{ "shell redirection", shell_redirection },
	{ "shell group", shell_group },
	{ "vim backupcopy=no", vim_backupcopy_no },
	{ "vim backupcopy=yes", vim_backupcopy_yes },
	{ "vim with backup", vim_keeps_the_backup },
	{ "sed -i", sed_i },
	{ "sed -i.bak", sed_i_bak },
	{ "perl -i.orig", perl_i_orig },
	{ "unlink and create", unlink_and_create },
	{ "cp --backup", cp_backup },
	{ "rsync", rsync },
	{ "rsync --delay-updates", rsync_delay_updates },
	{ "rsync --backup", rsync_backup },
	{ "vdir overwrite", vdir_overwrite },
	{ "emacs, backup by copying", emacs_backup_by_copying },
};

static int64_t linked_anna(struct env *e, const char *bytes)
{
	int64_t id = item_of(e, put(e, e->contacts, "anna.vcf", bytes));

	remote_link(e, id, "AAA");
	remote_set(e, id, "tandemfs:note", NULL, "\"kept\"", false);
	return id;
}

static void assert_one_update(struct env *e, int64_t id, const char *bytes)
{
	struct store_node file = at(e, e->contacts, "anna.vcf");
	struct store_item item = item_get(e, id);

	assert_int_equal(file.item, id);
	assert_int_equal(item.ino, file.ino);
	assert_int_equal(item.removed, 0);
	assert_int_equal(item.folder, e->contacts);
	assert_string_equal(bytes_of(e, file.ino), bytes);
	assert_string_equal(remote_id_of(e, id), "AAA");
	assert_string_equal(doc_text(e, id, "tandemfs:note"), "kept");
	assert_int_equal(count_items(e), 1);
	assert_int_equal(count_lost(e), 0);
	assert_int_equal(count_conflicts(e), 0);
	store_item_clear(&item);
}

static void every_tool_updates_the_item(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(tools); i++) {
		for (int with_uid = 0; with_uid < 2; with_uid++) {
			void *own = NULL;
			struct env *e;
			const char *uid = with_uid ? ANNA_UID : NULL, *bytes;
			int64_t id;

			env_setup(&own);
			e = own;
			print_message("%s, %s\n", tools[i].name, uid ? "UID" : "no UID");
			id = linked_anna(e, card(e, uid, "Anna Berg", MOBILE("+49 1")));
			bytes = card(e, uid, "Anna Berg", MOBILE("+49 1") JOB("Buyer"));
			tools[i].save(e, bytes);
			assert_one_update(e, id, bytes);
			assert_string_equal(doc_text(e, id, "titles/JobTitle/name"), "Buyer");
			env_teardown(&own);
		}
	}
}

static void unchanged_content_changes_nothing_by_any_tool(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(tools); i++) {
		void *own = NULL;
		struct env *e;
		const char *bytes;
		int64_t id, rev;
		struct store_item item;

		env_setup(&own);
		e = own;
		print_message("%s\n", tools[i].name);
		bytes = card(e, ANNA_UID, "Anna Berg", MOBILE("+49 1") "X-STRANGE:kept\r\n");
		id = linked_anna(e, bytes);
		item = item_get(e, id);
		rev = item.rev;
		store_item_clear(&item);
		tools[i].save(e, bytes);
		assert_one_update(e, id, bytes);
		item = item_get(e, id);
		assert_int_equal(item.rev, rev);
		assert_int_equal(item.edited, 0);
		store_item_clear(&item);
		env_teardown(&own);
	}
}

/* vdirsyncer creates by link(2) and unlink(2); the next run must find the same etag. */
static void a_vdir_create_keeps_its_etag(void **state)
{
	struct env *e = *state;
	struct error err = ERROR_INIT;
	uint64_t tmp = tmp_file(e, e->contacts, "tmpq9w8e7r6", card(e, ANNA_UID, "Anna Berg", ""));
	struct store_node etag = node_of(e, tmp), after;
	int number;

	assert_ok(commit_link(&e->c, tmp, e->contacts, "anna-1.vcf", &after, &number, &err), err);
	remove_file(e, e->contacts, "tmpq9w8e7r6");
	after = at(e, e->contacts, "anna-1.vcf");
	assert_int_equal(after.ino, etag.ino);
	assert_int_equal(after.mtime, etag.mtime);
	assert_int_equal(count_items(e), 1);
}

/* khard move: the copy is written first, then the source removed. */
static void khard_move_is_a_move(void **state)
{
	struct env *e = *state;
	const char *bytes = card(e, ANNA_UID, "Anna Berg", MOBILE("+49 1"));
	int64_t id = linked_anna(e, bytes);

	tmp_file(e, e->sync, "tmpq9w8e7r6", bytes);
	move(e, e->sync, "tmpq9w8e7r6", e->sync, "anna-1.vcf");
	remove_file(e, e->contacts, "anna.vcf");
	assert_int_equal(at(e, e->sync, "anna-1.vcf").item, id);
	assert_int_equal(count_items(e), 1);
	assert_string_equal(doc_text(e, id, "tandemfs:note"), "kept");
}

/* rsync -a --delete and tar over the whole tree. */
static void a_restore_of_the_same_tree_changes_nothing(void **state)
{
	struct env *e = *state;
	const char *a = card(e, ANNA_UID, "Anna Berg", MOBILE("+49 1"));
	const char *b = card(e, NULL, "Bert Vos", "");
	int64_t anna = linked_anna(e, a), bert;

	bert = item_of(e, put(e, e->sync, "bert.vcf", b));
	remote_link(e, bert, "BBB");
	remove_file(e, e->contacts, "anna.vcf");
	remove_file(e, e->sync, "bert.vcf");
	put(e, e->contacts, "anna.vcf", a);
	put(e, e->sync, "bert.vcf", b);
	assert_int_equal(at(e, e->contacts, "anna.vcf").item, anna);
	assert_int_equal(at(e, e->sync, "bert.vcf").item, bert);
	assert_int_equal(count_items(e), 2);
}

static void two_files_change_names(void **state)
{
	struct env *e = *state;
	const char *a = card(e, ANNA_UID, "Anna Berg", ""), *b = card(e, BERT_UID, "Bert Vos", "");
	int64_t anna = item_of(e, put(e, e->contacts, "anna.vcf", a));
	int64_t bert = item_of(e, put(e, e->contacts, "bert.vcf", b));

	/* mv anna.vcf tmp; mv bert.vcf anna.vcf; mv tmp bert.vcf */
	move(e, e->contacts, "anna.vcf", e->contacts, "tmp");
	move(e, e->contacts, "bert.vcf", e->contacts, "anna.vcf");
	move(e, e->contacts, "tmp", e->contacts, "bert.vcf");
	assert_int_equal(at(e, e->contacts, "anna.vcf").item, bert);
	assert_int_equal(at(e, e->contacts, "bert.vcf").item, anna);
	assert_int_equal(count_items(e), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_tool_updates_the_item),
		cmocka_unit_test(unchanged_content_changes_nothing_by_any_tool),
		TEST(a_vdir_create_keeps_its_etag),
		TEST(khard_move_is_a_move),
		TEST(a_restore_of_the_same_tree_changes_nothing),
		TEST(two_files_change_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
