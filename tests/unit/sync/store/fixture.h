/* A store in a new directory for each test of the store, removed afterwards. */
#ifndef TESTS_UNIT_STORE_FIXTURE_H
#define TESTS_UNIT_STORE_FIXTURE_H

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "sync/mem.h"
#include "sync/store/private.h"
#include "sync/store/store.h"

struct fixture {
	char dir[64];
	struct store *store;
	struct error err;
	int64_t mailbox;
	uint64_t root;	 /* the mailbox's directory */
	uint64_t folder; /* Contacts in it */
};

/* Success, or the error's text in the test's output. */
#define ok(f, call)                                                                                \
	do {                                                                                       \
		int ok_rc = (call);                                                                \
		if (ok_rc)                                                                         \
			print_error("%s: %s\n", #call, (f)->err.text);                             \
		assert_int_equal(ok_rc, 0);                                                        \
	} while (0)

static inline int fixture_unlink(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static inline void fixture_begin(struct fixture *f, enum store_origin origin)
{
	ok(f, store_begin(f->store, STORE_NORMAL, origin, &f->err));
}

static inline void fixture_commit(struct fixture *f)
{
	ok(f, store_commit(f->store, &f->err));
}

/* A file in the folder, committed by the caller. */
static inline uint64_t fixture_file(struct fixture *f, const char *name, const char *bytes)
{
	struct store_node node = {
		.parent = f->folder,
		.type = NODE_ITEM,
		.mailbox = f->mailbox,
		.mode = 0600,
	};

	snprintf(node.name, sizeof(node.name), "%s", name);
	ok(f, store_node_create(f->store, &node, &f->err));
	if (bytes)
		ok(f, store_content_set(f->store, node.ino, bytes, strlen(bytes), 0, &f->err));
	return node.ino;
}

/* An item with its file, {"uid": UID, "n": n}. */
static inline int64_t fixture_item(struct fixture *f, const char *name, const char *uid, int n)
{
	struct store_item item = {
		.mailbox = f->mailbox,
		.folder = f->folder,
		.ino = fixture_file(f, name, "bytes"),
		.uid = (char *)uid,
		.doc = json_pack("{s:s, s:i}", "uid", uid, "n", n),
		.state = ITEM_PENDING,
	};

	ok(f, store_item_save(f->store, &item, &f->err));
	json_decref(item.doc);
	return item.id;
}

static inline void fixture_fill(struct fixture *f)
{
	struct store_mailbox mb = { .address = (char *)"anna@corp.example" };
	struct store_node contacts = { .type = NODE_FOLDER, .mode = 0700, .name = "Contacts" };

	fixture_begin(f, STORE_LOCAL);
	ok(f, store_mailbox_save(f->store, &mb, &f->err));
	contacts.parent = mb.ino;
	contacts.mailbox = mb.id;
	ok(f, store_node_create(f->store, &contacts, &f->err));
	fixture_commit(f);
	f->mailbox = mb.id;
	f->root = mb.ino;
	f->folder = contacts.ino;
}

static inline int fixture_setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));
	const char *tmp = getenv("TMPDIR");

	snprintf(f->dir, sizeof(f->dir), "%.40s/store-XXXXXX", tmp ? tmp : "/tmp");
	assert_non_null(mkdtemp(f->dir));
	ok(f, store_open(&f->store, f->dir, &f->err));
	fixture_fill(f);
	*state = f;
	return 0;
}

static inline int fixture_teardown(void **state)
{
	struct fixture *f = *state;

	store_close(f->store);
	nftw(f->dir, fixture_unlink, 8, FTW_DEPTH | FTW_PHYS);
	free(f);
	return 0;
}

static inline void fixture_reopen(struct fixture *f)
{
	store_close(f->store);
	f->store = NULL;
	ok(f, store_open(&f->store, f->dir, &f->err));
}

#define store_test(function)                                                                       \
	cmocka_unit_test_setup_teardown(function, fixture_setup, fixture_teardown)

#endif
