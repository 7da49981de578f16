/* Items that we put into a folder of Exchange and that no pull has shown since.
 *
 * SyncFolderItems tells what changed since the cursor.  An item that was made or moved there after the
 * cursor, and deleted before the next pull, is in neither state: nothing tells of it, and its file would
 * stay for ever.  So each create and move of ours is noted with its answer.  Our own change coming back
 * takes the note away, with the page (I4); what is still noted when every folder was pulled is asked for,
 * and staged as deleted when it is not there.  An item that moved on since is that too, until its key
 * shows where it is now. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sync/engine/internal.h"
#include "sync/mem.h"

static char *prefix_of(const struct cycle *c)
{
	return xasprintf("unshown:%lld:", (long long)c->mb->id);
}

static char *name_of(const struct cycle *c, int64_t item)
{
	char *prefix AUTOFREE = prefix_of(c);

	return xasprintf("%s%lld", prefix, (long long)item);
}

int unshown_note(struct cycle *c, int64_t item, struct error *err)
{
	char *name AUTOFREE = name_of(c, item);

	return store_value_set(c->store, name, "1", err);
}

static int forget(struct cycle *c, int64_t item, struct error *err)
{
	char *name AUTOFREE = name_of(c, item);

	return store_value_set(c->store, name, NULL, err);
}

/* Notes of items that are gone here. */
static int forget_all(struct cycle *c, const json_t *items, struct error *err)
{
	json_t *item;
	size_t i;
	int rc;

	if (!json_array_size(items))
		return 0;
	rc = store_begin(c->store, STORE_NORMAL, STORE_LOCAL, err);
	if (rc)
		return rc;
	json_array_foreach((json_t *)items, i, item) {
		rc = forget(c, json_integer_value(item), err);
		if (rc)
			break;
	}
	if (!rc)
		return store_commit(c->store, err);
	store_rollback(c->store);
	return rc;
}

int unshown_load(struct cycle *c, struct error *err)
{
	char *prefix AUTOFREE = prefix_of(c);
	json_t *names = NULL, *stale = json_array(), *name;
	size_t i;
	int rc = store_value_names(c->store, prefix, &names, err);

	c->unshown = json_object();
	json_array_foreach(names, i, name) {
		int64_t item = strtoll(json_string_value(name) + strlen(prefix), NULL, 10);
		struct store_side side;

		if (!store_side_get(c->store, item, SIDE_EXCHANGE, &side, NULL) && side.remote_id)
			json_object_set_new(c->unshown, side.remote_id, json_integer(item));
		else
			json_array_append_new(stale, json_integer(item));
		store_side_clear(&side);
	}
	if (!rc)
		rc = forget_all(c, stale, err);
	json_decref(names);
	json_decref(stale);
	return rc;
}

int unshown_seen(struct cycle *c, const char *remote_id, struct error *err)
{
	json_t *item = json_object_get(c->unshown, remote_id);
	int rc = item ? forget(c, json_integer_value(item), err) : 0;

	json_object_del(c->unshown, remote_id);
	return rc;
}

/* One that Exchange does not have under this id: staged as deleted. */
static int stage_gone(struct cycle *c, const char *remote_id, int64_t item, struct error *err)
{
	struct store_item known = { 0 };
	int rc = store_item_get(c->store, item, &known, err);
	struct store_pull pull = { .mailbox = c->mb->id,
		.folder = known.folder,
		.remote_id = (char *)remote_id,
		.deleted = true };

	if (!rc)
		rc = store_pull_put(c->store, &pull, err);
	if (!rc || rc == ERR_NOT_FOUND)
		rc = forget(c, item, err);
	store_item_clear(&known);
	return rc;
}

/* data: object, item -> remote id. */
static int check_batch(struct cycle *c, enum item_kind kind, const int64_t *items, size_t n,
	void *data, struct error *err)
{
	struct mailbox_item *read = xcalloc(n, sizeof(*read));
	const char **ids = xcalloc(n, sizeof(*ids));
	bool begun = false;
	int rc;

	for (size_t i = 0; i < n; i++) {
		char name[24];

		snprintf(name, sizeof(name), "%lld", (long long)items[i]);
		ids[i] = json_string_value(json_object_get(data, name));
	}
	rc = c->engine->mailbox_driver->get_items(c->mb->connection, kind, ids, n, read, err);

	if (!rc) {
		rc = store_begin(c->store, STORE_NORMAL, STORE_REMOTE, err);
		begun = !rc;
	}
	for (size_t i = 0; !rc && i < n; i++)
		if (read[i].error.code == ERR_NOT_FOUND)
			rc = stage_gone(c, ids[i], items[i], err);
	for (size_t i = 0; i < n; i++)
		mailbox_item_clear(&read[i]);
	free(read);
	free(ids);
	if (!rc)
		return store_commit(c->store, err);
	if (begun)
		store_rollback(c->store);
	return rc;
}

int unshown_check(struct cycle *c, struct error *err)
{
	size_t n = json_object_size(c->unshown), at = 0;
	int64_t *items AUTOFREE = xcalloc(n, sizeof(*items));
	json_t *by_item = json_object(), *item;
	const char *remote_id;
	int rc;

	json_object_foreach(c->unshown, remote_id, item) {
		char name[24];

		items[at++] = json_integer_value(item);
		snprintf(name, sizeof(name), "%lld", (long long)items[at - 1]);
		json_object_set_new(by_item, name, json_string(remote_id));
	}
	rc = kinds_each(c, items, n, check_batch, by_item, err);
	json_decref(by_item);
	return rc;
}
