/* Any order of operations: what must hold after each of them, whatever it was and however it ended.
 *
 *	- a file under an item name is local or the file of exactly one item, and the two know each other
 *	- an item without a file is a removal that waits, with the name that it had
 *	- no UID lives twice in a folder
 *	- what a file shows is what its document says
 *	- a name is an item's or a draft's by its suffix alone */
#include "tests/unit/sync/commit_fixture.h"

#define STEPS 1500

static const char *const names[] = { "a.vcf", "b.vcf", "c.vcf", "tmp", "a.vcf~", ".x.vcf" };
static const char *const uids[] = { "u1", "u2", "u3", NULL };
static const char *const extras[] = { "", MOBILE("+49 1"), MOBILE("+49 2") JOB("Buyer"),
	EMAIL("a@a.example") EMAIL("b@a.example"), "CATEGORIES:CRM\r\n" };

struct random {
	struct env *e;
	uint64_t seed;
	uint64_t dirs[4];
	int number;
	struct error err;
};

/* xorshift64 */
static size_t pick(struct random *r, size_t n)
{
	r->seed ^= r->seed << 13;
	r->seed ^= r->seed >> 7;
	r->seed ^= r->seed << 17;
	return (size_t)(r->seed % n);
}

static uint64_t pick_dir(struct random *r)
{
	return r->dirs[pick(r, ARRAY_SIZE(r->dirs))];
}

static const char *pick_name(struct random *r)
{
	return names[pick(r, ARRAY_SIZE(names))];
}

static char *pick_bytes(struct random *r)
{
	const char *uid = uids[pick(r, ARRAY_SIZE(uids))];

	switch (pick(r, 8)) {
	case 0:
		return xstrdup("");
	case 1:
		return xstrdup("BEGIN:VCARD\nnonsense");
	default:
		return xasprintf(
			"BEGIN:VCARD\r\nVERSION:4.0\r\n%s%s%sFN:Person %zu\r\n%sEND:VCARD\r\n",
			uid ? "UID:" : "", uid ? uid : "", uid ? "\r\n" : "", pick(r, 5),
			extras[pick(r, ARRAY_SIZE(extras))]);
	}
}

static bool pick_file(struct random *r, struct store_node *node)
{
	return !store_node_lookup(r->e->store, pick_dir(r), pick_name(r), node, NULL);
}

static void op_write(struct random *r)
{
	char *bytes AUTOFREE = pick_bytes(r);
	struct store_node node;

	if (!pick_file(r, &node) &&
		commit_create(&r->e->c, pick_dir(r), pick_name(r), 0600, &node, &r->err))
		return;
	if (node.item && !pick(r, 3)) {
		struct store_item item = item_get(r->e, node.item);

		has(r->e, node.item, item.rev - (int64_t)pick(r, 3),
			item.rev - (int64_t)pick(r, 4));
		store_item_clear(&item);
	}
	write_rc(r->e, node.ino, bytes, &r->err);
	has(r->e, 0, COMMIT_NO_BASE, COMMIT_NO_BASE);
}

static void op_rename(struct random *r)
{
	commit_rename(&r->e->c, pick_dir(r), pick_name(r), pick_dir(r), pick_name(r), !pick(r, 5),
		&r->number, &r->err);
}

static void op_link(struct random *r)
{
	struct store_node node;

	if (pick_file(r, &node))
		commit_link(
			&r->e->c, node.ino, pick_dir(r), pick_name(r), &node, &r->number, &r->err);
}

static void op_unlink(struct random *r)
{
	commit_unlink(&r->e->c, pick_dir(r), pick_name(r), &r->number, &r->err);
}

static void op_categories(struct random *r)
{
	static const char *const values[] = { "", "CRM", "CRM,Other" };
	const char *value = values[pick(r, ARRAY_SIZE(values))];
	struct store_node node;

	if (pick_file(r, &node))
		commit_categories(&r->e->c, node.ino, value, strlen(value), &r->err);
}

static void op_settle(struct random *r)
{
	r->e->c.remove_quiet_ns = pick(r, 2) ? 0 : INT64_MAX / 2;
	assert_ok(commit_settle(&r->e->c, r->e->mailbox, &r->err), r->err);
}

/* Exchange knows the item; or changes it. */
static void op_remote(struct random *r)
{
	struct store_node node;

	if (!pick_file(r, &node) || !node.item || !node.size)
		return;
	if (pick(r, 2))
		remote_link(r->e, node.item, "AAA");
	else
		remote_mobile(r->e, node.item, pick(r, 2) ? "+1 1" : "+1 2");
}

/* One removal is sent, or taken back. */
static void op_removal(struct random *r)
{
	int64_t *ids AUTOFREE = NULL;
	size_t n, start;

	assert_ok(store_items_all(r->e->store, r->e->mailbox, &ids, &n, &r->err), r->err);
	start = n ? pick(r, n) : 0;
	for (size_t i = start; i < n; i++) {
		if (!is_removed(r->e, ids[i]))
			continue;
		if (pick(r, 2))
			remote_removed(r->e, ids[i], pick(r, 2) ? "003A" : NULL, "linked");
		else
			commit_restore(&r->e->c, ids[i], &r->err);
		return;
	}
}

static void (*const ops[])(struct random *) = { op_write, op_write, op_write, op_write, op_rename,
	op_rename, op_rename, op_link, op_unlink, op_categories, op_settle, op_remote, op_removal };

/* ---- what must hold ------------------------------------------------------------------------------ */

static const char *text_at(const json_t *doc, const char *map, const char *member)
{
	return json_string_value(json_object_get(json_object_get(doc, map), member));
}

static void check_shown(struct env *e, const struct store_node *file, const struct store_item *item)
{
	struct buf bytes = BUF_INIT(1 << 20);
	struct error err = ERROR_INIT;
	json_t *shown;

	if (!file->size) /* emptied */
		return;
	assert_ok(store_content_get(e->store, file->ino, &bytes, &err), err);
	assert_int_equal(bytes.len, file->size);
	assert_ok(
		document_kind(KIND_CONTACT)->parse(buf_str(&bytes), bytes.len, &shown, &err), err);
	assert_string_equal(text_at(shown, "name", "full"), text_at(item->doc, "name", "full"));
	assert_true(json_equal(json_object_get(shown, "keywords"),
			    json_object_get(item->doc, "keywords")) ||
		    json_object_get(shown, "keywords") == json_object_get(item->doc, "keywords"));
	assert_int_equal(json_object_size(json_object_get(shown, "phones")),
		json_object_size(json_object_get(item->doc, "phones")));
	assert_int_equal(json_object_size(json_object_get(shown, "emails")),
		json_object_size(json_object_get(item->doc, "emails")));
	if (document_uid(shown))
		assert_string_equal(document_uid(shown), item->uid);
	json_decref(shown);
	buf_free(&bytes);
}

static void check_item(struct env *e, int64_t id, json_t *living)
{
	struct store_item item = item_get(e, id);
	struct store_node file;
	char *key;

	assert_string_equal(document_uid(item.doc), item.uid);
	if (!item.ino) {
		assert_true(item.removed > 0);
		assert_non_null(item.removed_name);
		store_item_clear(&item);
		return;
	}
	file = node_of(e, item.ino);
	assert_int_equal(item.removed, 0);
	assert_int_equal(file.item, id);
	assert_int_equal(file.type, NODE_ITEM);
	assert_int_equal(file.parent, item.folder);
	check_shown(e, &file, &item);
	key = xasprintf("%llu %s", (unsigned long long)item.folder, item.uid);
	assert_null(json_object_get(living, key));
	json_object_set_new(living, key, json_true());
	free(key);
	store_item_clear(&item);
}

static void check_files(struct random *r)
{
	for (size_t d = 0; d < ARRAY_SIZE(r->dirs); d++) {
		bool folder = node_of(r->e, r->dirs[d]).type == NODE_FOLDER;

		for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
			struct store_node node;

			if (store_node_lookup(r->e->store, r->dirs[d], names[i], &node, NULL))
				continue;
			assert_int_equal(
				node.type, folder && document_is_item_name(KIND_CONTACT, names[i])
						   ? NODE_ITEM
						   : NODE_DRAFT);
			if (node.item) {
				struct store_item item = item_get(r->e, node.item);

				assert_int_equal(item.ino, node.ino);
				store_item_clear(&item);
			} else if (node.type == NODE_ITEM) {
				assert_int_equal(node.size, 0);
			}
		}
	}
}

static void check_all(struct random *r)
{
	int64_t *ids AUTOFREE = NULL;
	json_t *living = json_object();
	size_t n;

	assert_ok(store_items_all(r->e->store, r->e->mailbox, &ids, &n, &r->err), r->err);
	for (size_t i = 0; i < n; i++)
		check_item(r->e, ids[i], living);
	json_decref(living);
	check_files(r);
	for (size_t i = 0; i < r->e->n_pool; i++)
		free(r->e->pool[i]);
	r->e->n_pool = 0;
}

static void run(struct env *e, uint64_t seed)
{
	struct random r = { .e = e,
		.seed = seed,
		.dirs = { e->contacts, e->sync, make_dir(e, e->contacts, "Customers"),
			make_dir(e, e->contacts, ".dot") } };

	for (int step = 0; step < STEPS; step++) {
		ops[pick(&r, ARRAY_SIZE(ops))](&r);
		check_all(&r);
	}
	assert_true(count_items(e) > 0);
}

static void whatever_happens_files_and_items_agree_1(void **state)
{
	run(*state, 1);
}

static void whatever_happens_files_and_items_agree_2(void **state)
{
	run(*state, 20261122);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(whatever_happens_files_and_items_agree_1),
		TEST(whatever_happens_files_and_items_agree_2),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
