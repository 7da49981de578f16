/* A store in a directory of its own with one mailbox (and a second, empty one), and the words in which
 * the tests of commits are written.  A remote is played by remote_* functions: they do in one STORE_REMOTE
 * transaction what a cycle would. */
#ifndef TESTS_UNIT_SYNC_COMMIT_FIXTURE_H
#define TESTS_UNIT_SYNC_COMMIT_FIXTURE_H

#include <errno.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "sync/commit.h"
#include "sync/mem.h"

#define POOL 256

struct env {
	char dir[64];
	struct store *store;
	struct commit c;
	int64_t mailbox, other;
	uint64_t root, other_root;
	uint64_t contacts, sync, other_contacts;
	int committed;	   /* how often the hub was told */
	int64_t base_item; /* the writer has this of it */
	struct commit_base base;
	int entries; /* names that the listener was told of */
	char *pool[POOL];
	size_t n_pool;
};

static inline char *keep(struct env *e, char *s)
{
	assert_true(e->n_pool < POOL);
	e->pool[e->n_pool++] = s;
	return s;
}

#define assert_ok(expression, err)                                                                 \
	do {                                                                                       \
		int assert_ok_rc = (expression);                                                   \
		if (assert_ok_rc)                                                                  \
			print_error("%s: %s\n", #expression, (err).text);                          \
		assert_int_equal(assert_ok_rc, 0);                                                 \
	} while (0)

static inline void env_committed(void *data, int64_t mailbox)
{
	(void)mailbox;
	((struct env *)data)->committed++;
}

static inline struct commit_base env_base(void *data, int64_t item)
{
	struct env *e = data;

	return item == e->base_item ? e->base : COMMIT_BASE_NONE;
}

static inline void env_changes(void *data, const struct store_change *changes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		((struct env *)data)->entries += changes[i].type == CHANGE_ENTRY;
}

static inline uint64_t env_folder(struct env *e, int64_t mailbox, uint64_t parent, const char *name,
	enum item_kind kind, bool is_default, bool is_sync)
{
	struct store_node node = { .parent = parent,
		.type = NODE_FOLDER,
		.kind = kind,
		.mailbox = mailbox,
		.mode = 0700 };
	struct store_folder folder = { .mailbox = mailbox,
		.kind = kind,
		.is_default = is_default,
		.is_sync = is_sync,
		.complete = true };
	struct error err = ERROR_INIT;

	snprintf(node.name, sizeof(node.name), "%s", name);
	assert_ok(store_node_create(e->store, &node, &err), err);
	folder.ino = node.ino;
	folder.remote_id = xasprintf("remote-%s", name);
	folder.remote_name = xstrdup(name);
	folder.shown_name = xstrdup(name);
	folder.remote_parent = xstrdup("remote-parent");
	assert_ok(store_folder_save(e->store, &folder, &err), err);
	store_folder_clear(&folder);
	return node.ino;
}

static inline void env_mailbox(struct env *e, const char *address, int64_t *id, uint64_t *ino)
{
	struct store_mailbox mb = { .address = xstrdup(address) };
	struct error err = ERROR_INIT;

	assert_ok(store_mailbox_save(e->store, &mb, &err), err);
	*id = mb.id;
	*ino = mb.ino;
	store_mailbox_clear(&mb);
}

static inline void env_open(struct env *e)
{
	struct error err = ERROR_INIT;

	assert_ok(store_open(&e->store, e->dir, &err), err);
	store_set_listener(e->store, env_changes, e);
	e->c = (struct commit){ .store = e->store,
		.remove_quiet_ns = 10 * 1000000000LL,
		.committed = env_committed,
		.data = e };
}

static inline int env_setup(void **state)
{
	struct env *e = xcalloc(1, sizeof(*e));
	struct error err = ERROR_INIT;

	snprintf(e->dir, sizeof(e->dir), "/tmp/commit-test-XXXXXX");
	assert_non_null(mkdtemp(e->dir));
	env_open(e);
	assert_ok(store_begin(e->store, STORE_NORMAL, STORE_LOCAL, &err), err);
	env_mailbox(e, "alice@corp.example", &e->mailbox, &e->root);
	env_mailbox(e, "bob@corp.example", &e->other, &e->other_root);
	e->contacts = env_folder(e, e->mailbox, e->root, "Contacts", KIND_CONTACT, true, false);
	e->sync = env_folder(
		e, e->mailbox, e->contacts, "Salesforce_Sync", KIND_CONTACT, false, true);
	e->other_contacts = env_folder(
		e, e->other, e->other_root, "Contacts", KIND_CONTACT, true, false);
	assert_ok(store_commit(e->store, &err), err);
	*state = e;
	return 0;
}

static inline int env_unlink(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static inline int env_teardown(void **state)
{
	struct env *e = *state;

	store_close(e->store);
	nftw(e->dir, env_unlink, 8, FTW_DEPTH | FTW_PHYS);
	for (size_t i = 0; i < e->n_pool; i++)
		free(e->pool[i]);
	free(e);
	return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, env_setup, env_teardown)

/* ---- vCards ------------------------------------------------------------------------------------- */

/* A card as a person writes one; extra: whole lines.  uid NULL: none. */
static inline const char *card(struct env *e, const char *uid, const char *name, const char *extra)
{
	return keep(e, xasprintf("BEGIN:VCARD\r\nVERSION:4.0\r\n%s%s%sFN:%s\r\n%sEND:VCARD\r\n",
			       uid ? "UID:" : "", uid ? uid : "", uid ? "\r\n" : "", name, extra));
}

#define MOBILE(number) "TEL;TYPE=cell:" number "\r\n"
#define EMAIL(address) "EMAIL:" address "\r\n"
#define JOB(title)     "TITLE:" title "\r\n"
#define ANNA_UID       "anna-1"
#define BERT_UID       "bert-2"

/* ---- files -------------------------------------------------------------------------------------- */

static inline bool exists(struct env *e, uint64_t parent, const char *name)
{
	struct store_node node;

	return !store_node_lookup(e->store, parent, name, &node, NULL);
}

static inline struct store_node at(struct env *e, uint64_t parent, const char *name)
{
	struct error err = ERROR_INIT;
	struct store_node node;

	assert_ok(store_node_lookup(e->store, parent, name, &node, &err), err);
	return node;
}

static inline struct store_node node_of(struct env *e, uint64_t ino)
{
	struct error err = ERROR_INIT;
	struct store_node node;

	assert_ok(store_node_get(e->store, ino, &node, &err), err);
	return node;
}

static inline const char *bytes_of(struct env *e, uint64_t ino)
{
	struct buf bytes = BUF_INIT(1 << 20);
	struct error err = ERROR_INIT;

	assert_ok(store_content_get(e->store, ino, &bytes, &err), err);
	return keep(e, buf_take(&bytes));
}

static inline uint64_t create(struct env *e, uint64_t parent, const char *name)
{
	struct error err = ERROR_INIT;
	struct store_node node;

	assert_ok(commit_create(&e->c, parent, name, 0600, &node, &err), err);
	return node.ino;
}

static inline struct store_item item_get(struct env *e, int64_t id)
{
	struct error err = ERROR_INIT;
	struct store_item item;

	assert_ok(store_item_get(e->store, id, &item, &err), err);
	return item;
}

static inline int64_t rev_of(struct env *e, int64_t id)
{
	struct store_item item = item_get(e, id);
	int64_t rev = item.rev;

	store_item_clear(&item);
	return rev;
}

/* From now on the writer has this of the item. */
static inline void has(struct env *e, int64_t item, int64_t opened, int64_t wrote)
{
	e->base_item = item;
	e->base.opened = opened;
	e->base.wrote = wrote;
	e->c.base = env_base;
	e->c.base_data = e;
}

static inline void wrote(struct env *e, int64_t item, int64_t rev)
{
	has(e, item, COMMIT_NO_BASE, rev);
}

static inline void opens(struct env *e, int64_t item)
{
	has(e, item, rev_of(e, item), item == e->base_item ? e->base.wrote : COMMIT_NO_BASE);
}

/* One write and close: the handle is open while its bytes are judged. */
static inline int write_rc(struct env *e, uint64_t ino, const char *bytes, struct error *err)
{
	int64_t rev;
	int rc;

	store_writer_add(e->store, ino);
	rc = commit_write(&e->c, ino, bytes, strlen(bytes), &rev, err);
	store_writer_drop(e->store, ino);
	if (!rc)
		rc = commit_released(&e->c, ino, err);
	return rc;
}

static inline void write_bytes(struct env *e, uint64_t ino, const char *bytes)
{
	struct error err = ERROR_INIT;

	assert_ok(write_rc(e, ino, bytes, &err), err);
}

/* open(O_CREAT), write, close; the number. */
static inline uint64_t put(struct env *e, uint64_t parent, const char *name, const char *bytes)
{
	uint64_t ino = create(e, parent, name);

	write_bytes(e, ino, bytes);
	return ino;
}

static inline void remove_file(struct env *e, uint64_t parent, const char *name)
{
	struct error err = ERROR_INIT;
	int number;

	assert_ok(commit_unlink(&e->c, parent, name, &number, &err), err);
}

static inline void move(
	struct env *e, uint64_t parent, const char *name, uint64_t to, const char *new_name)
{
	struct error err = ERROR_INIT;
	int number;

	assert_ok(commit_rename(&e->c, parent, name, to, new_name, false, &number, &err), err);
	assert_int_equal(number, 0);
}

/* The errno of a rename that must fail. */
static inline int move_errno(
	struct env *e, uint64_t parent, const char *name, uint64_t to, const char *new_name)
{
	struct error err = ERROR_INIT;
	int number = 0;

	assert_int_not_equal(
		commit_rename(&e->c, parent, name, to, new_name, false, &number, &err), 0);
	assert_true(err.text[0] != '\0');
	return number;
}

static inline uint64_t make_dir(struct env *e, uint64_t parent, const char *name)
{
	struct error err = ERROR_INIT;
	struct store_node node;

	assert_ok(commit_mkdir(&e->c, parent, name, 0700, &node, &err), err);
	return node.ino;
}

static inline void set_complete(struct env *e, uint64_t ino, bool complete)
{
	struct store_folder folder;
	struct error err = ERROR_INIT;

	assert_ok(store_begin(e->store, STORE_NORMAL, STORE_REMOTE, &err), err);
	assert_ok(store_folder_get(e->store, ino, &folder, &err), err);
	folder.complete = complete;
	assert_ok(store_folder_save(e->store, &folder, &err), err);
	store_folder_clear(&folder);
	assert_ok(store_commit(e->store, &err), err);
}

/* ---- items -------------------------------------------------------------------------------------- */

static inline int64_t item_of(struct env *e, uint64_t ino)
{
	return node_of(e, ino).item;
}

/* What the document says at "phones/MobilePhone/number", as text; NULL: nothing. */
static inline const char *doc_text(struct env *e, int64_t id, const char *path)
{
	struct store_item item = item_get(e, id);
	const json_t *place = item.doc;
	char *text = NULL;

	while (place && *path) {
		size_t n = strcspn(path, "/");
		char *member = keep(e, xstrndup(path, n));

		place = json_object_get(place, member);
		path += n + (path[n] == '/');
	}
	if (json_is_string(place))
		text = keep(e, xstrdup(json_string_value(place)));
	store_item_clear(&item);
	return text;
}

static inline bool is_removed(struct env *e, int64_t id)
{
	struct store_item item = item_get(e, id);
	bool removed = item.removed && !item.ino;

	store_item_clear(&item);
	return removed;
}

static inline size_t count_items(struct env *e)
{
	struct error err = ERROR_INIT;
	int64_t *ids AUTOFREE = NULL;
	size_t n;

	assert_ok(store_items_all(e->store, e->mailbox, &ids, &n, &err), err);
	return n;
}

/* The item is in Exchange and in sync. */
static inline void remote_link(struct env *e, int64_t id, const char *remote_id)
{
	struct store_side side = { .item = id,
		.side = SIDE_EXCHANGE,
		.status = SIDE_LINKED,
		.remote_id = (char *)remote_id };
	struct store_item item = item_get(e, id);
	struct error err = ERROR_INIT;

	assert_ok(store_begin(e->store, STORE_NORMAL, STORE_REMOTE, &err), err);
	assert_ok(store_side_save(e->store, &side, &err), err);
	item.state = ITEM_SYNCED;
	item.dirty = false;
	item.edited = item.edited_first = 0;
	assert_ok(store_item_save(e->store, &item, &err), err);
	assert_ok(store_commit(e->store, &err), err);
	store_item_clear(&item);
}

static inline const char *remote_id_of(struct env *e, int64_t id)
{
	struct store_side side;
	struct error err = ERROR_INIT;
	char *remote_id;

	assert_ok(store_side_get(e->store, id, SIDE_EXCHANGE, &side, &err), err);
	remote_id = keep(e, xstrdup(side.remote_id));
	store_side_clear(&side);
	return remote_id;
}

/* Exchange changes a member of the document; the file is rendered anew when `render`. */
static inline void remote_set(struct env *e, int64_t id, const char *member, const char *slot,
	const char *json, bool render)
{
	struct store_item item = item_get(e, id);
	struct buf bytes = BUF_INIT(1 << 20);
	struct error err = ERROR_INIT;
	json_t *map, *value = json_loads(json, JSON_DECODE_ANY, NULL);

	assert_non_null(value);
	if (slot) {
		if (!json_object_get(item.doc, member))
			json_object_set_new(item.doc, member, json_object());
		map = json_object_get(item.doc, member);
		json_object_set_new(map, slot, value);
	} else {
		json_object_set_new(item.doc, member, value);
	}
	assert_ok(store_begin(e->store, STORE_NORMAL, STORE_REMOTE, &err), err);
	assert_ok(store_item_save(e->store, &item, &err), err);
	if (render) {
		assert_ok(document_kind(item.kind)->render(item.doc, &bytes, &err), err);
		assert_ok(store_node_replace(
				  e->store, item.ino, buf_str(&bytes), bytes.len, &item.ino, &err),
			err);
	}
	assert_ok(store_commit(e->store, &err), err);
	buf_free(&bytes);
	store_item_clear(&item);
}

static inline void remote_mobile(struct env *e, int64_t id, const char *number)
{
	char *json = keep(e, xasprintf("{\"@type\": \"Phone\", \"number\": \"%s\","
				       " \"features\": {\"mobile\": true}}",
				     number));

	remote_set(e, id, "phones", "MobilePhone", json, true);
}

/* The removal was sent: as a cycle does it, with or without a tombstone that remembers a CRM link. */
static inline void remote_removed(
	struct env *e, int64_t id, const char *record, const char *record_state)
{
	struct store_item item = item_get(e, id);
	struct store_tombstone t = { .mailbox = item.mailbox,
		.kind = item.kind,
		.uid = item.uid,
		.name = item.removed_name,
		.folder = item.folder,
		.doc = item.doc,
		.record_id = (char *)record,
		.record_state = (char *)record_state };
	struct error err = ERROR_INIT;

	assert_ok(store_begin(e->store, STORE_FULL, STORE_REMOTE, &err), err);
	assert_ok(store_tombstone_add(e->store, &t, &err), err);
	assert_ok(store_item_delete(e->store, id, &err), err);
	assert_ok(store_commit(e->store, &err), err);
	store_item_clear(&item);
}

/* ---- what stands in .sync/ ---------------------------------------------------------------------- */

/* The reason of the one file in lost+found, whose bytes must be these. */
static inline const char *lost_reason(struct env *e, const char *bytes)
{
	struct store_lost *list, lost;
	struct error err = ERROR_INIT;
	char *reason;
	size_t n;

	assert_ok(store_lost_list(e->store, e->mailbox, &list, &n, &err), err);
	assert_int_equal(n, 1);
	assert_ok(store_lost_get(e->store, list[0].id, &lost, &err), err);
	assert_string_equal(buf_str(&lost.bytes), bytes);
	reason = keep(e, xstrdup(lost.reason));
	store_lost_clear(&lost);
	store_lost_free(list, n);
	return reason;
}

static inline size_t count_lost(struct env *e)
{
	struct store_lost *list;
	struct error err = ERROR_INIT;
	size_t n;

	assert_ok(store_lost_list(e->store, e->mailbox, &list, &n, &err), err);
	store_lost_free(list, n);
	return n;
}

static inline size_t count_conflicts(struct env *e)
{
	struct store_conflict *list;
	struct error err = ERROR_INIT;
	size_t n;

	assert_ok(store_conflict_list(e->store, e->mailbox, &list, &n, &err), err);
	store_conflicts_free(list, n);
	return n;
}

/* The fields of the one conflict record as text. */
static inline const char *conflict_text(struct env *e)
{
	struct store_conflict *list;
	struct error err = ERROR_INIT;
	char *text;
	size_t n;

	assert_ok(store_conflict_list(e->store, e->mailbox, &list, &n, &err), err);
	assert_int_equal(n, 1);
	text = keep(e, json_dumps(list[0].data, JSON_SORT_KEYS | JSON_COMPACT));
	store_conflicts_free(list, n);
	return text;
}

#endif
