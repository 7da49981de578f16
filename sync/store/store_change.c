/* Changes told to the listener: collected while a transaction runs, delivered after its commit.
 *
 * A page of 512 new files would name its directory 512 times; an inode or directory is noted once a
 * transaction. */
#include "sync/store/private.h"

#include <stdlib.h>

#include "sync/mem.h"

static void note(struct store *store, const struct store_change *change)
{
	struct change_list *c = &store->changes;

	if (c->n == c->cap) {
		c->cap = c->cap ? c->cap * 2 : 16;
		c->list = xreallocarray(c->list, c->cap, sizeof(*c->list));
	}
	c->list[c->n] = *change;
	c->list[c->n].name = xstrdup(change->name);
	c->n++;
}

void change_entry(struct store *store, bool always, uint64_t parent, const char *name, uint64_t ino)
{
	struct store_change change = {
		.type = CHANGE_ENTRY,
		.parent = parent,
		.ino = ino,
		.name = (char *)name,
	};

	if (parent && (always || store->origin == STORE_REMOTE))
		note(store, &change);
}

void change_inode(struct store *store, uint64_t ino)
{
	struct store_change change = { .type = CHANGE_INODE, .ino = ino };

	if (ino && store->origin == STORE_REMOTE && counter_add(&store->changes.seen, 2 * ino) == 1)
		note(store, &change);
}

void change_directory(struct store *store, bool always, uint64_t ino)
{
	struct store_change change = { .type = CHANGE_DIRECTORY, .ino = ino };

	if (ino && (always || store->origin == STORE_REMOTE) &&
		counter_add(&store->changes.seen, 2 * ino + 1) == 1)
		note(store, &change);
}

void change_list_free(struct change_list *changes)
{
	for (size_t i = 0; i < changes->n; i++)
		free(changes->list[i].name);
	free(changes->list);
	counter_free(&changes->seen);
	*changes = (struct change_list){ 0 };
}
