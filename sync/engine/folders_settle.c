/* Folders that were removed on one side.
 *
 *	removed in Exchange	its items are staged as deleted and the guard decides; the directory goes
 *				when nothing is left in it.  Something that Exchange never had (a new file,
 *				an edited one, a draft) keeps it, and it is made there anew.
 *	removed here		it is moved to Deleted Items when its items have gone, its quiet time is
 *				over and every folder was read: what had come into it would go with it.
 *				Folders below it that were removed as well go with it, as they stand.
 *
 * Folders above others wait for those below, so this goes over all of them until nothing moves. */
#include <stdlib.h>
#include <string.h>

#include "sync/engine/internal.h"
#include "sync/mem.h"

struct settling {
	struct cycle *c;
	bool moved;  /* something changed in this round */
	bool wanted; /* a folder is to be made in Exchange */
	bool gone;   /* one was deleted there: its name is free */
};

static int drop(struct cycle *c, const struct store_folder *folder, struct error *err)
{
	struct store_node node;
	int rc = views_drop(c, folder->ino, err);

	if (!rc)
		rc = hidden_keep(c, folder->ino, NULL, err);
	if (!rc && !store_node_get(c->store, folder->ino, &node, NULL) && node.parent)
		rc = store_node_remove(c->store, folder->ino, err);
	return rc ? rc : store_folder_delete(c->store, folder->ino, err);
}

/* ---- removed in Exchange --------------------------------------------------------------------------- */

/* Is there something that Exchange never had, or that is newer than what it had? */
static bool has_unsent(struct cycle *c, const int64_t *ids, size_t n)
{
	bool unsent = false;

	for (size_t i = 0; i < n && !unsent; i++) {
		struct store_side side = { 0 };
		struct store_item item = { 0 };

		if (store_item_get(c->store, ids[i], &item, NULL))
			continue;
		store_side_get(c->store, ids[i], SIDE_EXCHANGE, &side, NULL);
		unsent = item.ino && !item.removed &&
			 !(side.remote_id &&
				 store_pull_is_delete(c->store, c->mb->id, side.remote_id));
		store_side_clear(&side);
		store_item_clear(&item);
	}
	return unsent;
}

struct census {
	struct cycle *c;
	bool any, goes; /* something is in it; a folder that is to go as well */
};

static bool count_node(void *data, const struct store_node *node)
{
	struct census *census = data;
	struct store_folder folder = { 0 };
	uint64_t drafts = 1;

	if (node->type == NODE_FOLDER &&
		!store_folder_get(census->c->store, node->ino, &folder, NULL))
		census->goes |= folder.removed != 0;
	if (folder.view_of) /* it goes with its folder, unless a draft stands in it */
		store_node_count(census->c->store, node->ino, NODE_DRAFT, &drafts, NULL);
	census->any |= drafts > 0;
	store_folder_clear(&folder);
	return true;
}

static int settle_gone(struct settling *s, struct store_folder *folder, const int64_t *ids,
	size_t n, struct error *err)
{
	struct cycle *c = s->c;
	struct census census = { .c = c };
	int rc;

	if (n && !has_unsent(c, ids, n))
		return 0; /* held, or a program writes to it */
	rc = store_node_list(c->store, folder->ino, 0, count_node, &census, err);
	if (rc || (!n && census.goes))
		return rc;
	s->moved = true;
	if (!n && !census.any)
		return drop(c, folder, err);
	s->wanted = true;
	folder->removed = 0;
	folder->created = store_now(c->store);
	xstrset(&folder->shown_name, NULL);
	return store_folder_save(c->store, folder, err);
}

/* ---- removed here ---------------------------------------------------------------------------------- */

/* Calls `visit` for the folders that Exchange has right below this one, until one is refused. */
static bool all_below(struct cycle *c, const struct store_folder *above,
	bool (*visit)(struct cycle *, struct store_folder *))
{
	uint64_t *inos AUTOFREE = NULL;
	bool all = true;
	size_t n = 0;

	if (store_folder_list(c->store, c->mb->id, &inos, &n, NULL))
		return false;
	for (size_t i = 0; all && i < n; i++) {
		struct store_folder folder = { 0 };

		if (!store_folder_get(c->store, inos[i], &folder, NULL) && folder.remote_id &&
			folder.remote_parent && !strcmp(folder.remote_parent, above->remote_id))
			all = visit(c, &folder);
		store_folder_clear(&folder);
	}
	return all;
}

/* Are this folder and all below it removed, and their items gone? */
static bool may_go(struct cycle *c, struct store_folder *folder)
{
	int64_t *ids AUTOFREE = NULL;
	size_t n = 0;

	return folder->removed && !commit_has_hidden(c->store, folder->ino) &&
	       !store_items_in_real_folder(c->store, folder->ino, &ids, &n, NULL) && !n &&
	       all_below(c, folder, may_go);
}

static bool drop_below(struct cycle *c, struct store_folder *folder)
{
	return all_below(c, folder, drop_below) && !drop(c, folder, NULL);
}

/* The folder above goes too, and takes this one along. */
static bool goes_along(struct cycle *c, const struct store_folder *folder)
{
	struct store_folder above = { 0 };
	bool goes = folder->remote_parent &&
		    !store_folder_by_remote(
			    c->store, c->mb->id, folder->remote_parent, &above, NULL) &&
		    may_go(c, &above);

	store_folder_clear(&above);
	return goes;
}

/* Something is in it that no file shows: the directory stands again, and says so. */
static int bring_back(struct settling *s, struct store_folder *folder, struct error *err)
{
	int rc = store_begin(s->c->store, STORE_NORMAL, STORE_REMOTE, err);

	if (rc)
		return rc;
	s->moved = true;
	rc = folders_come_back(s->c, folder, err);
	return rc ? (store_rollback(s->c->store), rc) : store_commit(s->c->store, err);
}

static int settle_removed(struct settling *s, struct store_folder *folder, struct error *err)
{
	struct cycle *c = s->c;
	int64_t left = folder->removed + c->engine->commit->remove_quiet_ns - store_now(c->store);
	int rc;

	if (commit_has_hidden(c->store, folder->ino))
		return bring_back(s, folder, err);

	if (!c->urgent && left > 0) {
		cycle_wake(c, left);
		return 0;
	}
	if (!may_go(c, folder) || goes_along(c, folder))
		return 0;
	rc = c->engine->mailbox_driver->delete_folder(c->mb->connection, folder->remote_id, err);
	if (rc && rc != ERR_NOT_FOUND)
		return rc;
	rc = store_begin(c->store, STORE_NORMAL, STORE_REMOTE, err);
	if (rc)
		return rc;
	s->moved = s->gone = true;
	if (!drop_below(c, folder))
		rc = error_set(err, ERR_INTERNAL, "a removed folder cannot be forgotten");
	return rc ? (store_rollback(c->store), rc) : store_commit(c->store, err);
}

/* ---- all of them ----------------------------------------------------------------------------------- */

static int settle_folder(struct settling *s, uint64_t ino, struct error *err)
{
	struct cycle *c = s->c;
	struct store_folder folder = { 0 };
	int64_t *ids AUTOFREE = NULL;
	size_t n = 0;
	int rc = store_folder_get(c->store, ino, &folder, err);

	if (rc == ERR_NOT_FOUND)
		return 0; /* it went with the one above */
	if (!rc && folder.removed && folder.remote_id) {
		rc = settle_removed(s, &folder, err);
	} else if (!rc && folder.removed) {
		rc = store_begin(c->store, STORE_NORMAL, STORE_REMOTE, err);
		if (!rc) {
			rc = store_items_in_real_folder(c->store, ino, &ids, &n, err);
			if (!rc)
				rc = settle_gone(s, &folder, ids, n, err);
			rc = rc ? (store_rollback(c->store), rc) : store_commit(c->store, err);
		}
	}
	store_folder_clear(&folder);
	return rc;
}

int folders_settle(struct cycle *c, struct error *err)
{
	struct settling s = { .c = c, .moved = true };
	int rc = 0;

	while (!rc && s.moved && !c->engine->config->read_only) {
		uint64_t *inos AUTOFREE = NULL;
		size_t n = 0;

		s.moved = false;
		rc = store_folder_list(c->store, c->mb->id, &inos, &n, err);
		for (size_t i = 0; !rc && i < n; i++) {
			struct error one = ERROR_INIT;

			rc = folders_failed(c, settle_folder(&s, inos[i], &one), &one, err);
		}
	}
	if (!rc && s.gone)
		rc = folders_drop_numbers(c, err);
	return !rc && s.wanted ? folders_push(c, err) : rc;
}
