/* Nodes and contents: names, numbers, times, orphans, what the listener is told. */
#include "fixture.h"

static void root_is_made_at_open(void **state)
{
	struct fixture *f = *state;
	struct store_node node;

	ok(f, store_node_get(f->store, STORE_ROOT_INO, &node, &f->err));
	assert_int_equal(node.type, NODE_ROOT);
	assert_int_equal(node.mode, 0755);
	assert_true(node.mtime > 0);
	assert_int_equal(f->root, 2);
	ok(f, store_node_get(f->store, f->root, &node, &f->err));
	assert_int_equal(node.type, NODE_MAILBOX);
	assert_int_equal(node.mode, 0700);
	assert_int_equal(node.mailbox, f->mailbox);
	assert_string_equal(node.name, "anna@corp.example");
}

static void created_node_is_found_by_name_and_number(void **state)
{
	struct fixture *f = *state;
	struct store_node made = {
		.parent = f->folder,
		.type = NODE_DRAFT,
		.kind = KIND_TASK,
		.mailbox = f->mailbox,
		.mode = 0640,
		.mtime = 123456789,
		.name = "Änne.vcf~",
	};
	struct store_node got;

	fixture_begin(f, STORE_LOCAL);
	ok(f, store_node_create(f->store, &made, &f->err));
	fixture_commit(f);
	ok(f, store_node_lookup(f->store, f->folder, "Änne.vcf~", &got, &f->err));
	assert_int_equal(got.ino, made.ino);
	assert_int_equal(got.parent, f->folder);
	assert_int_equal(got.type, NODE_DRAFT);
	assert_int_equal(got.kind, KIND_TASK);
	assert_int_equal(got.mailbox, f->mailbox);
	assert_int_equal(got.mode, 0640);
	assert_int_equal(got.mtime, 123456789);
	assert_int_equal(got.ctime, made.ctime);
	ok(f, store_node_get(f->store, made.ino, &got, &f->err));
	assert_string_equal(got.name, "Änne.vcf~");
	assert_int_equal(
		store_node_lookup(f->store, f->folder, "none", &got, &f->err), ERR_NOT_FOUND);
	assert_int_equal(store_node_get(f->store, 99999, &got, NULL), ERR_NOT_FOUND);
}

static void names_are_unique_in_a_directory_only(void **state)
{
	struct fixture *f = *state;
	struct store_node twin = { .parent = f->folder, .type = NODE_ITEM, .name = "a.vcf" };
	uint64_t ino;

	fixture_begin(f, STORE_LOCAL);
	ino = fixture_file(f, "a.vcf", NULL);
	assert_int_equal(store_node_create(f->store, &twin, &f->err), ERR_EXISTS);
	twin.parent = f->root;
	ok(f, store_node_create(f->store, &twin, &f->err));
	assert_int_equal(
		store_node_rename(f->store, twin.ino, f->folder, "a.vcf", &f->err), ERR_EXISTS);
	ok(f, store_node_rename(f->store, ino, f->folder, "a.vcf", &f->err)); /* to itself */
	/* A refused name does not spoil the transaction. */
	fixture_commit(f);
	ok(f, store_node_lookup(f->store, f->root, "a.vcf", &twin, &f->err));
}

static void names_that_do_not_fit_are_refused(void **state)
{
	struct fixture *f = *state;
	struct store_node node = { .parent = f->folder };
	char longest[257];
	uint64_t ino;

	memset(longest, 'x', 256);
	longest[256] = '\0';
	fixture_begin(f, STORE_LOCAL);
	assert_int_equal(store_node_create(f->store, &node, &f->err), ERR_INVALID);
	ino = fixture_file(f, "a", NULL);
	assert_int_equal(
		store_node_rename(f->store, ino, f->folder, longest, &f->err), ERR_INVALID);
	longest[255] = '\0';
	ok(f, store_node_rename(f->store, ino, f->folder, longest, &f->err));
	fixture_commit(f);
	ok(f, store_node_get(f->store, ino, &node, &f->err));
	assert_string_equal(node.name, longest);
}

struct listing {
	uint64_t inos[16];
	size_t n, stop;
};

static bool note_node(void *data, const struct store_node *node)
{
	struct listing *l = data;

	l->inos[l->n++] = node->ino;
	return l->n != l->stop;
}

static void listing_starts_again_anywhere(void **state)
{
	struct fixture *f = *state;
	struct listing all = { .stop = 99 }, part = { .stop = 2 }, rest = { .stop = 99 };
	uint64_t inos[4], count;

	fixture_begin(f, STORE_LOCAL);
	for (int i = 0; i < 4; i++)
		inos[i] = fixture_file(f, (const char *[]){ "d", "b", "c", "a" }[i], NULL);
	fixture_commit(f);
	ok(f, store_node_list(f->store, f->folder, 0, note_node, &all, &f->err));
	assert_int_equal(all.n, 4);
	assert_memory_equal(all.inos, inos, sizeof(inos));
	ok(f, store_node_list(f->store, f->folder, 0, note_node, &part, &f->err));
	assert_int_equal(part.n, 2);
	ok(f, store_node_list(f->store, f->folder, part.inos[1], note_node, &rest, &f->err));
	assert_int_equal(rest.n, 2);
	assert_memory_equal(rest.inos, inos + 2, 2 * sizeof(inos[0]));
	ok(f, store_node_count(f->store, f->folder, NODE_ITEM, &count, &f->err));
	assert_int_equal(count, 4);
	ok(f, store_node_count(f->store, f->folder, NODE_FOLDER, &count, &f->err));
	assert_int_equal(count, 0);
	ok(f, store_node_count(f->store, f->root, NODE_FOLDER, &count, &f->err));
	assert_int_equal(count, 1);
	/* Orphans are in no directory. */
	assert_int_equal(store_node_list(f->store, 0, 0, note_node, &all, &f->err), ERR_NOT_FOUND);
}

static bool call_the_store(void *data, const struct store_node *node)
{
	struct fixture *f = data;
	struct listing l = { .stop = 99 };

	(void)node;
	assert_int_equal(
		store_node_list(f->store, f->folder, 0, note_node, &l, &f->err), ERR_INTERNAL);
	return false;
}

static void visitor_that_lists_again_is_told(void **state)
{
	struct fixture *f = *state;

	fixture_begin(f, STORE_LOCAL);
	fixture_file(f, "a", NULL);
	fixture_commit(f);
	ok(f, store_node_list(f->store, f->folder, 0, call_the_store, f, &f->err));
	assert_non_null(strstr(f->err.text, "visitor"));
}

static struct store_node node_of(struct fixture *f, uint64_t ino)
{
	struct store_node node;

	ok(f, store_node_get(f->store, ino, &node, &f->err));
	return node;
}

static void update_writes_attributes_and_moves_ctime(void **state)
{
	struct fixture *f = *state;
	struct store_node before, node, dir, dir_after;
	uint64_t ino;

	fixture_begin(f, STORE_LOCAL);
	ino = fixture_file(f, "a.vcf", "12345");
	before = node = node_of(f, ino);
	dir = node_of(f, f->folder);
	node.mode = 0400;
	node.mtime = 42;
	node.type = NODE_DRAFT;
	node.kind = KIND_MAIL;
	node.size = 999; /* the content's, not the caller's */
	ok(f, store_node_update(f->store, &node, &f->err));
	fixture_commit(f);
	node = node_of(f, ino);
	dir_after = node_of(f, f->folder);
	assert_int_equal(node.mode, 0400);
	assert_int_equal(node.mtime, 42);
	assert_int_equal(node.type, NODE_DRAFT);
	assert_int_equal(node.kind, KIND_MAIL);
	assert_int_equal(node.size, 5);
	assert_true(node.ctime > before.ctime);
	assert_true(dir_after.mtime > dir.mtime);
	assert_true(dir_after.ctime > dir.ctime);
	fixture_begin(f, STORE_LOCAL);
	node.ino = 12345;
	assert_int_equal(store_node_update(f->store, &node, &f->err), ERR_NOT_FOUND);
	store_rollback(f->store);
}

static void rename_keeps_number_mtime_and_bytes(void **state)
{
	struct fixture *f = *state;
	struct store_node before, after, from, to;
	char bytes[8];
	size_t got;
	uint64_t ino;

	fixture_begin(f, STORE_LOCAL);
	ino = fixture_file(f, "draft.tmp", "12345");
	before = node_of(f, ino);
	from = node_of(f, f->folder);
	to = node_of(f, f->root);
	ok(f, store_node_rename(f->store, ino, f->root, "anna.vcf", &f->err));
	fixture_commit(f);
	after = node_of(f, ino);
	assert_int_equal(after.parent, f->root);
	assert_string_equal(after.name, "anna.vcf");
	assert_int_equal(after.mtime, before.mtime);
	assert_true(after.ctime > before.ctime);
	assert_true(node_of(f, f->folder).mtime > from.mtime);
	assert_true(node_of(f, f->root).mtime > to.mtime);
	ok(f, store_content_read(f->store, ino, 0, bytes, sizeof(bytes), &got, &f->err));
	assert_int_equal(got, 5);
	assert_int_equal(store_node_lookup(f->store, f->folder, "draft.tmp", &after, &f->err),
		ERR_NOT_FOUND);
}

static void removed_node_keeps_its_bytes_until_dropped(void **state)
{
	struct fixture *f = *state;
	struct buf bytes AUTOBUF = BUF_INIT(100);
	uint64_t first, second, named;

	fixture_begin(f, STORE_LOCAL);
	first = fixture_file(f, "a", "one");
	second = fixture_file(f, "b", "two");
	named = fixture_file(f, "c", "three");
	ok(f, store_node_remove(f->store, first, &f->err));
	ok(f, store_node_remove(f->store, second, &f->err)); /* two orphans of the same (no) name */
	ok(f, store_working_set(f->store, first, "w", 1, &f->err));
	fixture_commit(f);
	assert_int_equal(node_of(f, first).parent, 0);
	ok(f, store_content_get(f->store, first, &bytes, &f->err));
	assert_string_equal(buf_str(&bytes), "one");
	fixture_begin(f, STORE_LOCAL);
	ok(f, store_orphan_drop(f->store, first, &f->err));
	ok(f, store_orphan_drop(f->store, named, &f->err)); /* no orphan: nothing happens */
	ok(f, store_orphan_drop(f->store, STORE_ROOT_INO, &f->err));
	fixture_commit(f);
	assert_int_equal(store_content_get(f->store, first, &bytes, &f->err), ERR_NOT_FOUND);
	assert_int_equal(store_working_get(f->store, first, &bytes, &f->err), ERR_NOT_FOUND);
	assert_int_equal(node_of(f, named).size, 5);
	assert_int_equal(node_of(f, second).parent, 0);
	fixture_begin(f, STORE_LOCAL);
	ok(f, store_orphan_drop_all(f->store, &f->err));
	assert_int_equal(store_node_remove(f->store, STORE_ROOT_INO, &f->err), ERR_INTERNAL);
	fixture_commit(f);
	assert_int_equal(
		store_node_get(f->store, second, &(struct store_node){ 0 }, NULL), ERR_NOT_FOUND);
	assert_int_equal(node_of(f, STORE_ROOT_INO).type, NODE_ROOT);
}

static void number_is_never_used_again(void **state)
{
	struct fixture *f = *state;
	uint64_t highest;

	fixture_begin(f, STORE_LOCAL);
	highest = fixture_file(f, "a", NULL);
	ok(f, store_node_remove(f->store, highest, &f->err));
	ok(f, store_orphan_drop(f->store, highest, &f->err));
	fixture_commit(f);
	fixture_reopen(f);
	fixture_begin(f, STORE_LOCAL);
	assert_true(fixture_file(f, "a", NULL) > highest);
	fixture_commit(f);
}

static void file_comes_back_under_its_number(void **state)
{
	struct fixture *f = *state;
	struct store_node node = { .parent = f->folder, .type = NODE_ITEM, .name = "back.vcf" };
	struct store_node twin = { .parent = f->folder, .type = NODE_ITEM, .name = "twin.vcf" };
	uint64_t gone, later;

	fixture_begin(f, STORE_LOCAL);
	gone = fixture_file(f, "a.vcf", "x");
	later = fixture_file(f, "b.vcf", "x");
	ok(f, store_node_remove(f->store, gone, &f->err));
	assert_int_equal(store_node_create_as(f->store, &node, gone, &f->err), ERR_EXISTS);
	ok(f, store_orphan_drop(f->store, gone, &f->err));
	ok(f, store_node_create_as(f->store, &node, gone, &f->err));
	assert_int_equal(node.ino, gone);
	assert_int_equal(store_node_create_as(f->store, &twin, later, &f->err), ERR_EXISTS);
	twin.ino = 0;
	ok(f, store_node_create(f->store, &twin, &f->err));
	assert_true(twin.ino > later);
	fixture_commit(f);
	ok(f, store_node_lookup(f->store, f->folder, "back.vcf", &node, &f->err));
	assert_int_equal(node.ino, gone);
}

static void replace_gives_a_new_number_under_the_old_name(void **state)
{
	struct fixture *f = *state;
	struct store_node old, new;
	struct store_item item;
	struct buf bytes AUTOBUF = BUF_INIT(100);
	int64_t future, id;
	uint64_t ino;

	fixture_begin(f, STORE_LOCAL);
	id = fixture_item(f, "anna.vcf", "u1", 1);
	ok(f, store_item_get(f->store, id, &item, &f->err));
	old = node_of(f, item.ino);
	store_item_clear(&item);
	future = old.mtime = store_now(f->store) + 3600 * NS_PER_S;
	old.mode = 0440;
	ok(f, store_node_update(f->store, &old, &f->err));
	ok(f, store_node_replace(f->store, old.ino, "new bytes", 9, &ino, &f->err));
	fixture_commit(f);
	ok(f, store_node_lookup(f->store, f->folder, "anna.vcf", &new, &f->err));
	assert_int_equal(new.ino, ino);
	assert_true(ino > old.ino);
	assert_int_equal(new.mtime, future + NS_PER_S);
	assert_int_equal(new.size, 9);
	assert_int_equal(new.mode, 0440);
	assert_int_equal(new.item, id);
	assert_int_equal(node_of(f, old.ino).parent, 0);
	assert_int_equal(node_of(f, old.ino).item, 0);
	ok(f, store_content_get(f->store, old.ino, &bytes, &f->err));
	assert_string_equal(buf_str(&bytes), "bytes");
	ok(f, store_item_by_ino(f->store, ino, &item, &f->err));
	assert_int_equal(item.id, id);
	store_item_clear(&item);
	assert_int_equal(store_item_by_ino(f->store, old.ino, &item, &f->err), ERR_NOT_FOUND);
	fixture_begin(f, STORE_LOCAL);
	assert_int_equal(
		store_node_replace(f->store, old.ino, "", 0, &ino, &f->err), ERR_NOT_FOUND);
	/* In the ordinary case the time is now's. */
	future = store_now(f->store);
	fixture_item(f, "bert.vcf", "u2", 1);
	ok(f, store_node_lookup(f->store, f->folder, "bert.vcf", &old, &f->err));
	old.mtime = 5;
	ok(f, store_node_update(f->store, &old, &f->err));
	ok(f, store_node_replace(f->store, old.ino, "", 0, &ino, &f->err));
	fixture_commit(f);
	assert_true(node_of(f, ino).mtime > future);
	assert_int_equal(node_of(f, ino).size, 0);
}

/* ---- contents ------------------------------------------------------------------------------- */

static void content_is_read_in_pieces(void **state)
{
	/* On either side of the size from which incremental reading takes over. */
	static const size_t sizes[] = { 1, 4096, 65536, 65537, 300001 };
	struct fixture *f = *state;
	char piece[5000];

	for (size_t s = 0; s < ARRAY_SIZE(sizes); s++) {
		char *bytes AUTOFREE = xmalloc(sizes[s]);
		size_t got, total = 0;
		uint64_t ino;
		char name[16];

		for (size_t i = 0; i < sizes[s]; i++)
			bytes[i] = (char)(i * 7 + i / 251);
		snprintf(name, sizeof(name), "f%zu", s);
		fixture_begin(f, STORE_LOCAL);
		ino = fixture_file(f, name, NULL);
		ok(f, store_content_set(f->store, ino, bytes, sizes[s], 77, &f->err));
		fixture_commit(f);
		assert_int_equal(node_of(f, ino).size, sizes[s]);
		assert_int_equal(node_of(f, ino).mtime, 77);
		do {
			ok(f, store_content_read(
				      f->store, ino, total, piece, sizeof(piece), &got, &f->err));
			assert_true(total + got <= sizes[s]);
			assert_memory_equal(piece, bytes + total, got);
			total += got;
		} while (got);
		assert_int_equal(total, sizes[s]);
		ok(f, store_content_read(f->store, ino, UINT64_MAX - 5, piece, 10, &got, &f->err));
		assert_int_equal(got, 0);
	}
}

static void content_of_nothing(void **state)
{
	struct fixture *f = *state;
	struct buf bytes AUTOBUF = BUF_INIT(4);
	size_t got = 9;
	char c;
	uint64_t ino;

	fixture_begin(f, STORE_LOCAL);
	ino = fixture_file(f, "empty", NULL);
	assert_int_equal(store_content_set(f->store, 4711, "x", 1, 0, &f->err), ERR_NOT_FOUND);
	fixture_commit(f);
	ok(f, store_content_read(f->store, ino, 0, &c, 1, &got, &f->err));
	assert_int_equal(got, 0);
	ok(f, store_content_get(f->store, ino, &bytes, &f->err));
	assert_int_equal(bytes.len, 0);
	assert_int_equal(
		store_content_read(f->store, 4711, 0, &c, 1, &got, &f->err), ERR_NOT_FOUND);
	assert_int_equal(store_content_get(f->store, 4711, &bytes, &f->err), ERR_NOT_FOUND);
	fixture_begin(f, STORE_LOCAL);
	ok(f, store_content_set(f->store, ino, "12345", 5, 0, &f->err));
	ok(f, store_content_set(f->store, ino, NULL, 0, 0, &f->err));
	assert_int_equal(node_of(f, ino).size, 0);
	ok(f, store_content_set(f->store, ino, "12345", 5, 0, &f->err));
	fixture_commit(f);
	assert_int_equal(store_content_get(f->store, ino, &bytes, &f->err), ERR_TOO_BIG);
}

static void content_set_moves_ctime_and_keeps_mtime_when_told(void **state)
{
	struct fixture *f = *state;
	struct store_node before, after, dir;
	uint64_t ino;

	fixture_begin(f, STORE_LOCAL);
	ino = fixture_file(f, "a", "x");
	before = node_of(f, ino);
	dir = node_of(f, f->folder);
	ok(f, store_content_set(f->store, ino, "yy", 2, 0, &f->err));
	fixture_commit(f);
	after = node_of(f, ino);
	assert_int_equal(after.mtime, before.mtime);
	assert_true(after.ctime > before.ctime);
	assert_int_equal(after.size, 2);
	assert_true(node_of(f, f->folder).mtime > dir.mtime);
}

static void working_bytes_are_kept_and_dropped(void **state)
{
	struct fixture *f = *state;
	struct buf bytes AUTOBUF = BUF_INIT(100);
	uint64_t *inos, a, b;
	size_t n;

	fixture_begin(f, STORE_LOCAL);
	a = fixture_file(f, "a", NULL);
	b = fixture_file(f, "b", NULL);
	ok(f, store_working_set(f->store, b, "half", 4, &f->err));
	ok(f, store_working_set(f->store, a, "", 0, &f->err));
	ok(f, store_working_set(f->store, b, "half a card", 11, &f->err));
	fixture_commit(f);
	fixture_reopen(f);
	ok(f, store_working_list(f->store, &inos, &n, &f->err));
	assert_int_equal(n, 2);
	assert_int_equal(inos[0], a);
	assert_int_equal(inos[1], b);
	free(inos);
	ok(f, store_working_get(f->store, b, &bytes, &f->err));
	assert_string_equal(buf_str(&bytes), "half a card");
	fixture_begin(f, STORE_LOCAL);
	ok(f, store_working_set(f->store, b, NULL, 0, &f->err));
	fixture_commit(f);
	assert_int_equal(store_working_get(f->store, b, &bytes, &f->err), ERR_NOT_FOUND);
	ok(f, store_working_get(f->store, a, &bytes, &f->err)); /* empty, but there */
}

/* ---- listener ------------------------------------------------------------------------------- */

struct heard {
	struct fixture *f;
	char text[1024];
	unsigned int calls;
};

static void hear(void *data, const struct store_change *changes, size_t n)
{
	static const char types[] = {
		[CHANGE_ENTRY] = 'E', [CHANGE_INODE] = 'I', [CHANGE_DIRECTORY] = 'D'
	};
	struct heard *h = data;
	struct store_node node;

	h->calls++;
	for (size_t i = 0; i < n; i++) {
		size_t used = strlen(h->text);

		snprintf(h->text + used, sizeof(h->text) - used, "%c %d %s %d\n",
			types[changes[i].type], (int)changes[i].parent,
			changes[i].name ? changes[i].name : "-", (int)changes[i].ino);
	}
	/* No lock is held: the listener may read, and even write. */
	ok(h->f, store_node_get(h->f->store, STORE_ROOT_INO, &node, &h->f->err));
	fixture_begin(h->f, STORE_LOCAL);
	fixture_commit(h->f);
}

static void expect_heard(struct heard *h, const char *text)
{
	assert_string_equal(h->text, text);
	h->text[0] = '\0';
	h->calls = 0;
}

static void remote_changes_are_told_after_the_commit(void **state)
{
	struct fixture *f = *state;
	struct heard h = { .f = f };
	struct store_node node;
	char text[200];
	uint64_t ino, new_ino;
	int dir = (int)f->folder, root = (int)f->root;

	store_set_listener(f->store, hear, &h);
	fixture_begin(f, STORE_REMOTE);
	ino = fixture_file(f, "a", NULL);
	fixture_file(f, "b", NULL);
	assert_int_equal(h.calls, 0);
	fixture_commit(f);
	assert_int_equal(h.calls, 1);
	snprintf(text, sizeof(text), "E %d a 0\nD 0 - %d\nE %d b 0\n", dir, dir, dir);
	expect_heard(&h, text);

	fixture_begin(f, STORE_REMOTE);
	ok(f, store_node_rename(f->store, ino, f->root, "c", &f->err));
	fixture_commit(f);
	snprintf(text, sizeof(text), "E %d a %d\nE %d c 0\nI 0 - %d\nD 0 - %d\nD 0 - %d\n", dir,
		(int)ino, root, (int)ino, dir, root);
	expect_heard(&h, text);

	fixture_begin(f, STORE_REMOTE);
	ok(f, store_content_set(f->store, ino, "x", 1, 0, &f->err));
	node = node_of(f, ino);
	ok(f, store_node_update(f->store, &node, &f->err));
	fixture_commit(f);
	snprintf(text, sizeof(text), "I 0 - %d\nI 0 - %d\n", (int)ino, root);
	expect_heard(&h, text);

	fixture_begin(f, STORE_REMOTE);
	ok(f, store_node_replace(f->store, ino, "y", 1, &new_ino, &f->err));
	ok(f, store_node_remove(f->store, new_ino, &f->err));
	fixture_commit(f);
	snprintf(text, sizeof(text), "E %d c %d\nD 0 - %d\nE %d c %d\n", root, (int)ino, root, root,
		(int)new_ino);
	expect_heard(&h, text);
}

static void local_changes_are_not_told_but_for_a_replacement(void **state)
{
	struct fixture *f = *state;
	struct heard h = { .f = f };
	char text[100];
	uint64_t ino, new_ino;

	store_set_listener(f->store, hear, &h);
	fixture_begin(f, STORE_LOCAL);
	ino = fixture_file(f, "a", "x");
	ok(f, store_node_rename(f->store, ino, f->folder, "b", &f->err));
	fixture_commit(f);
	assert_int_equal(h.calls, 0);
	fixture_begin(f, STORE_LOCAL);
	ok(f, store_node_replace(f->store, ino, "y", 1, &new_ino, &f->err));
	fixture_commit(f);
	snprintf(text, sizeof(text), "E %d b %d\nD 0 - %d\n", (int)f->folder, (int)ino,
		(int)f->folder);
	expect_heard(&h, text);
	/* What was rolled back did not happen. */
	fixture_begin(f, STORE_REMOTE);
	fixture_file(f, "c", NULL);
	store_rollback(f->store);
	fixture_begin(f, STORE_REMOTE);
	fixture_commit(f);
	assert_int_equal(h.calls, 0);
	store_set_listener(f->store, NULL, NULL);
	fixture_begin(f, STORE_REMOTE);
	fixture_file(f, "c", NULL);
	fixture_commit(f);
	assert_int_equal(h.calls, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		store_test(root_is_made_at_open),
		store_test(created_node_is_found_by_name_and_number),
		store_test(names_are_unique_in_a_directory_only),
		store_test(names_that_do_not_fit_are_refused),
		store_test(listing_starts_again_anywhere),
		store_test(visitor_that_lists_again_is_told),
		store_test(update_writes_attributes_and_moves_ctime),
		store_test(rename_keeps_number_mtime_and_bytes),
		store_test(removed_node_keeps_its_bytes_until_dropped),
		store_test(number_is_never_used_again),
		store_test(file_comes_back_under_its_number),
		store_test(replace_gives_a_new_number_under_the_old_name),
		store_test(content_is_read_in_pieces),
		store_test(content_of_nothing),
		store_test(content_set_moves_ctime_and_keeps_mtime_when_told),
		store_test(working_bytes_are_kept_and_dropped),
		store_test(remote_changes_are_told_after_the_commit),
		store_test(local_changes_are_not_told_but_for_a_replacement),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
