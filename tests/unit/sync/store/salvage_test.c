/* What is left of a damaged cache: every page of the database is overwritten in turn, and whatever could be
 * read of it afterwards has to be there and to agree with itself.
 *
 * The cache holds items that are in sync, items with an edit that was not sent, new ones that were never
 * sent, drafts, a view and a removal.  One page of SQLite is junk; the test asks SQLite (dbstat has no
 * say in Debian's build, so the pages are known by what reading them one by one says) nothing: it only
 * demands of the outcome what holds whatever was lost. */
#include "fixture.h"

#include <fcntl.h>
#include <sys/stat.h>

#define PAGE_BYTES 16384
#define ITEMS	   120

struct known {
	int64_t id;
	uint64_t ino;
	bool edited, sent;
	char name[32], uid[32], key[33];
};

struct cache {
	struct fixture f;
	struct known items[ITEMS];
	uint64_t draft, highest;
	off_t size;
};

static char *file_in(const struct cache *c, const char *name)
{
	return xasprintf("%s/%s", c->f.dir, name);
}

static void add_folder(struct cache *c)
{
	struct store_folder folder = { .ino = c->f.folder,
		.mailbox = c->f.mailbox,
		.is_default = true,
		.complete = true,
		.remote_id = (char *)"contacts",
		.cursor = (char *)"cursor" };

	ok(&c->f, store_folder_save(c->f.store, &folder, &c->f.err));
}

/* Every third has an edit that was not sent, every seventh was never sent at all. */
static void add_item(struct cache *c, int n)
{
	struct known *k = &c->items[n];
	char bytes[1500], id[32];
	struct store_item item = { .mailbox = c->f.mailbox, .folder = c->f.folder };
	struct store_side side = { .status = SIDE_LINKED, .remote_id = id, .key = k->key };

	snprintf(k->name, sizeof(k->name), "item %d.vcf", n);
	snprintf(k->uid, sizeof(k->uid), "uid-%d", n);
	snprintf(k->key, sizeof(k->key), "%032x", n + 1);
	snprintf(id, sizeof(id), "exchange-%d", n);
	snprintf(bytes, sizeof(bytes), "bytes of item %d%*s", n, 1400, ".");
	k->sent = n % 7 != 0;
	k->edited = n % 3 == 0 || !k->sent;
	k->ino = fixture_file(&c->f, k->name, bytes);
	item.ino = k->ino;
	item.uid = k->uid;
	item.edited = k->edited ? store_now(c->f.store) : 0;
	item.state = k->edited ? ITEM_PENDING : ITEM_SYNCED;
	item.doc = json_pack("{s:s, s:i, s:s}", "uid", k->uid, "n", n, "note", bytes);
	ok(&c->f, store_item_save(c->f.store, &item, &c->f.err));
	json_decref(item.doc);
	k->id = side.item = item.id;
	if (!k->sent)
		return;
	side.ours = json_pack("{s:i}", "n", n);
	side.theirs = json_pack("{s:i}", "n", n);
	ok(&c->f, store_side_save(c->f.store, &side, &c->f.err));
	side.side = SIDE_CRM;
	side.remote_id[0] = 'r';
	ok(&c->f, store_side_save(c->f.store, &side, &c->f.err));
	json_decref(side.ours);
	json_decref(side.theirs);
}

static void fill(struct cache *c)
{
	struct store_node draft = {
		.parent = c->f.folder, .type = NODE_DRAFT, .mailbox = c->f.mailbox, .name = ".draft"
	};
	struct stat st;
	char *path AUTOFREE = file_in(c, "cache.db");

	fixture_begin(&c->f, STORE_LOCAL);
	add_folder(c);
	for (int n = 0; n < ITEMS; n++)
		add_item(c, n);
	ok(&c->f, store_node_create(c->f.store, &draft, &c->f.err));
	ok(&c->f, store_content_set(c->f.store, draft.ino, "draft", 5, 0, &c->f.err));
	c->draft = c->highest = draft.ino;
	ok(&c->f, store_value_set(c->f.store, "crm-cursor:contact", "x", &c->f.err));
	ok(&c->f, store_value_set(c->f.store, "held", "1", &c->f.err));
	fixture_commit(&c->f);
	store_close(c->f.store);
	c->f.store = NULL;
	assert_int_equal(stat(path, &st), 0);
	c->size = st.st_size;
}

/* ---- files of the cache ----------------------------------------------------------------------- */

static void copy(const char *from, const char *to)
{
	char bytes[PAGE_BYTES];
	int in = open(from, O_RDONLY), out = open(to, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	ssize_t n;

	assert_true(in >= 0 && out >= 0);
	while ((n = read(in, bytes, sizeof(bytes))) > 0)
		assert_int_equal(write(out, bytes, (size_t)n), n);
	close(in);
	close(out);
}

static void overwrite(const char *path, off_t offset, size_t len)
{
	char *junk AUTOFREE = xmalloc(len);
	int fd = open(path, O_WRONLY);

	memset(junk, 0xA5, len);
	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, junk, len, offset), (ssize_t)len);
	close(fd);
}

static int remove_others(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	return type == FTW_F && strcmp(path + ftw->base, "sound") != 0 ? remove(path) : 0;
}

/* The sound cache again, and nothing beside it. */
static void bring_back(struct cache *c)
{
	char *sound AUTOFREE = file_in(c, "sound"), *path AUTOFREE = file_in(c, "cache.db");

	if (c->f.store)
		store_close(c->f.store);
	c->f.store = NULL;
	nftw(c->f.dir, remove_others, 8, FTW_PHYS);
	copy(sound, path);
}

/* ---- what must hold ---------------------------------------------------------------------------- */

static bool is_whole(struct cache *c, const struct known *k)
{
	struct store_item item;
	struct store_node node;
	struct store_side side;
	struct buf bytes AUTOBUF = BUF_INIT(64 << 10);
	bool whole = !store_item_get(c->f.store, k->id, &item, NULL);

	if (!whole)
		return false;
	assert_string_equal(item.uid, k->uid);
	assert_int_equal(item.ino, k->ino);
	assert_true(item.dirty);
	assert_int_equal(item.edited != 0, k->edited);
	store_item_clear(&item);
	ok(&c->f, store_node_get(c->f.store, k->ino, &node, &c->f.err));
	assert_string_equal(node.name, k->name);
	assert_int_equal(node.parent, c->f.folder);
	if (k->sent) {
		ok(&c->f, store_side_get(c->f.store, k->id, SIDE_EXCHANGE, &side, &c->f.err));
		assert_string_equal(side.key, k->key);
		/* What was being edited has its base; all else is compared. */
		assert_int_equal(side.theirs != NULL, k->edited);
		store_side_clear(&side);
	}
	ok(&c->f, store_content_get(c->f.store, k->ino, &bytes, &c->f.err));
	if (bytes.len)
		assert_int_equal(bytes.len, node.size);
	return true;
}

static bool is_in_lost_found(struct cache *c, const struct known *k)
{
	struct store_lost *lost = NULL;
	bool found = false;
	size_t n;

	ok(&c->f, store_lost_list(c->f.store, c->f.mailbox, &lost, &n, &c->f.err));
	for (size_t i = 0; i < n && !found; i++)
		found = !strncmp(lost[i].name, k->name, strlen(k->name)) ||
			!strncmp(lost[i].name, k->uid, strlen(k->uid));
	for (size_t i = 0; i < n; i++)
		assert_non_null(strstr(lost[i].reason, "damaged"));
	store_lost_free(lost, n);
	return found;
}

/* A tombstone that gives it name and number back, once the server shows it. */
static bool comes_again(struct cache *c, const struct known *k)
{
	struct store_tombstone t = { 0 };
	bool found = !store_tombstone_find(c->f.store, c->f.mailbox, k->uid, k->key, &t, NULL);

	if (found && t.ino)
		assert_int_equal(t.ino, k->ino);
	if (found && t.name)
		assert_string_equal(t.name, k->name);
	store_tombstone_clear(&t);
	return found;
}

static void check_new_numbers(struct cache *c)
{
	struct store_conflict conflict = { .mailbox = c->f.mailbox, .data = json_object() };
	struct store_mailbox mb = { .address = (char *)"new@corp.example" };
	struct store_folder folder = { 0 };
	uint64_t ino;

	fixture_begin(&c->f, STORE_LOCAL);
	ino = fixture_file(&c->f, "new.vcf", "x");
	ok(&c->f, store_mailbox_save(c->f.store, &mb, &c->f.err));
	ok(&c->f, store_conflict_add(c->f.store, &conflict, &c->f.err));
	fixture_commit(&c->f);
	assert_true(ino > c->highest);
	/* Numbers of .sync/conflicts are made of these two (fs/virtual.h). */
	assert_in_range(mb.id, c->f.mailbox + 1, 1 << 16);
	assert_in_range(conflict.id, 1, 1 << 30);
	store_conflict_clear(&conflict);
	if (!store_folder_get(c->f.store, c->f.folder, &folder, NULL))
		assert_null(folder.cursor);
	store_folder_clear(&folder);
}

struct outcome {
	unsigned int whole, apart, gone, lost_edits, rebuilt;
};

static void check(struct cache *c, struct outcome *all)
{
	struct outcome here = { 0 };
	char *cursor;

	for (int n = 0; n < ITEMS; n++) {
		const struct known *k = &c->items[n];

		if (is_whole(c, k)) {
			here.whole++;
			assert_false(is_in_lost_found(c, k));
			continue;
		}
		here.apart += comes_again(c, k);
		here.gone += !comes_again(c, k);
		here.lost_edits += k->edited && !is_in_lost_found(c, k);
	}
	ok(&c->f, store_value_get(c->f.store, "crm-cursor:contact", &cursor, &c->f.err));
	assert_null(cursor);
	check_new_numbers(c);
	all->whole += here.whole;
	all->apart += here.apart;
	all->gone += here.gone;
	all->lost_edits += here.lost_edits;
}

static void each_page_in_turn(void **state)
{
	struct cache *c = *state;
	char *path AUTOFREE = file_in(c, "cache.db");
	struct outcome all = { 0 };
	unsigned int pages = 0;

	for (off_t at = PAGE_BYTES; at < c->size; at += PAGE_BYTES, pages++) {
		json_t *note;

		bring_back(c);
		overwrite(path, at, PAGE_BYTES);
		ok(&c->f, store_open(&c->f.store, c->f.dir, &c->f.err));
		note = store_rebuilt(c->f.store);
		assert_int_equal(note != NULL, store_was_rebuilt(c->f.store));
		all.rebuilt += note != NULL;
		if (note)
			check(c, &all);
		json_decref(note);
	}
	print_message("%u pages, %u rebuilt: %u items whole, %u come again, %u unknown; %u edits of"
		      " which nothing is left\n",
		pages, all.rebuilt, all.whole, all.apart, all.gone, all.lost_edits);
	assert_true(all.rebuilt >= 20);
	assert_true(all.whole > all.rebuilt * ITEMS * 3 / 4);
	/* One page has the document and the bytes of no edit. */
	assert_int_equal(all.lost_edits, 0);
}

static void no_part_of_it(void **state)
{
	struct cache *c = *state;
	char *path AUTOFREE = file_in(c, "cache.db");

	bring_back(c);
	overwrite(path, 0, (size_t)c->size);
	ok(&c->f, store_open(&c->f.store, c->f.dir, &c->f.err));
	assert_true(store_was_rebuilt(c->f.store));
	fixture_fill(&c->f);
	check_new_numbers(c);
}

/* A death in the middle of it begins anew; one between the two renames goes on. */
static void it_is_cut_short(void **state)
{
	struct cache *c = *state;
	char *path AUTOFREE = file_in(c, "cache.db"),
		   *fresh AUTOFREE = file_in(c, "cache.db.rebuild"),
		   *aside AUTOFREE = file_in(c, "cache.db.damaged-20261122T101500Z");
	struct outcome all = { 0 };

	bring_back(c);
	overwrite(path, PAGE_BYTES * 5, PAGE_BYTES);
	copy(path, fresh); /* as unfinished as it gets */
	ok(&c->f, store_open(&c->f.store, c->f.dir, &c->f.err));
	check(c, &all);
	store_close(c->f.store);
	c->f.store = NULL;
	assert_int_equal(access(fresh, F_OK), -1);

	assert_int_equal(rename(path, fresh), 0);
	copy(fresh, aside);
	ok(&c->f, store_open(&c->f.store, c->f.dir, &c->f.err));
	assert_true(store_was_rebuilt(c->f.store));
	assert_int_equal(access(fresh, F_OK), -1);
	for (int n = 0; n < ITEMS; n++)
		all.whole -= is_whole(c, &c->items[n]);
	assert_int_equal(all.whole, 0);
}

static int set_up(void **state)
{
	struct cache *c = xcalloc(1, sizeof(*c));
	char *sound AUTOFREE = NULL, *path AUTOFREE = NULL;
	const char *tmp = getenv("TMPDIR");

	snprintf(c->f.dir, sizeof(c->f.dir), "%.40s/salvage-XXXXXX", tmp ? tmp : "/tmp");
	assert_non_null(mkdtemp(c->f.dir));
	ok(&c->f, store_open(&c->f.store, c->f.dir, &c->f.err));
	fixture_fill(&c->f);
	fill(c);
	sound = file_in(c, "sound");
	path = file_in(c, "cache.db");
	copy(path, sound);
	*state = c;
	return 0;
}

static int tear_down(void **state)
{
	struct cache *c = *state;

	store_close(c->f.store);
	nftw(c->f.dir, fixture_unlink, 8, FTW_DEPTH | FTW_PHYS);
	free(c);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(each_page_in_turn, set_up, tear_down),
		cmocka_unit_test_setup_teardown(no_part_of_it, set_up, tear_down),
		cmocka_unit_test_setup_teardown(it_is_cut_short, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
