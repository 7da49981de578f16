/* Pulls from Exchange: pages go into the store with their cursor (I4), then into documents.
 *
 * A page names what changed; items whose version is not the one that our last answer gave are fetched
 * whole and staged.  Merging works from the stage only, after every folder has been pulled, because a
 * move shows as a delete in one folder and a create in another: a staged item with the key of one
 * that is gone *is* that one.  What cannot be merged now (a writer has the file open) stays staged. */
#include <stdlib.h>
#include <string.h>

#include "sync/engine/internal.h"
#include "sync/mem.h"

/* ---- staged items as JSON --------------------------------------------------------------------- */

json_t *pull_encode(const struct mailbox_item *item)
{
	return json_pack("{s:s?, s:s?, s:s?, s:b, s:I, s:O?, s:O?, s:O?, s:O?, s:O?, s:s?, s:s?, "
			 "s:s?, s:s?, s:s?}",
		"version", item->version, "key", item->key, "by", item->modified_by, "by_us",
		item->modified_by_us, "modified", (json_int_t)item->modified, "fields",
		item->fields, "unread", item->unread, "doubled", item->doubled, "tokens",
		item->tokens, "wholes", item->wholes, "token", item->marks.token, "uid",
		item->marks.uid, "fileName", item->marks.file_name, "crmLink", item->marks.crm_link,
		"unlinked", item->marks.unlinked);
}

static const char *text(const json_t *data, const char *name)
{
	return json_string_value(json_object_get(data, name));
}

/* The fields of a staged item with its marks as members. */
static json_t *staged_fields(const json_t *data)
{
	static const char *const marks[] = { "uid", "fileName", "crmLink", "unlinked" };
	json_t *fields = json_copy(json_object_get(data, "fields"));

	if (!fields)
		fields = json_object();
	for (size_t i = 0; i < ARRAY_SIZE(marks); i++) {
		char *name AUTOFREE = xasprintf("@%s", marks[i]);

		value_put(fields, name, json_object_get(data, marks[i]));
	}
	return fields;
}

int pull_merge_data(struct cycle *c, struct pair *pair, const json_t *data, struct error *err)
{
	struct remote_state remote = { .version = text(data, "version"),
		.unread = value_get(data, "unread"),
		.doubled = value_get(data, "doubled"),
		.tokens = value_get(data, "tokens"),
		.wholes = value_get(data, "wholes"),
		.by_us = json_is_true(json_object_get(data, "by_us")),
		.modified = json_integer_value(json_object_get(data, "modified")) };
	json_t *fields = staged_fields(data);
	int rc;

	remote.fields = fields;
	rc = merge_side(c, pair, SIDE_EXCHANGE, &remote, err);
	json_decref(fields);
	return rc;
}

/* ---- into the store --------------------------------------------------------------------------- */

/* Is this exactly what our last answer left there (I11)?  Not one that came back with its folder. */
static bool is_known(
	struct cycle *c, const struct store_folder *folder, const struct mailbox_change *change)
{
	struct store_side side;
	bool known;

	if (store_side_by_remote(c->store, c->mb->id, SIDE_EXCHANGE, change->id, &side, NULL)) {
		store_side_clear(&side);
		return false;
	}
	known = side.version && change->version && !strcmp(side.version, change->version) &&
		!side.intent && side.ours && side.remote_folder &&
		!strcmp(side.remote_folder, folder->remote_id) &&
		!store_pull_is_delete(c->store, c->mb->id, change->id);
	store_side_clear(&side);
	return known;
}

static bool is_shown(struct cycle *c, const char *remote_id)
{
	struct store_side side;
	bool shown = !store_side_by_remote(
		c->store, c->mb->id, SIDE_EXCHANGE, remote_id, &side, NULL);

	store_side_clear(&side);
	return shown;
}

static int stage(struct cycle *c, uint64_t folder, const char *id, struct mailbox_item *item,
	struct error *err)
{
	struct store_pull pull = { .mailbox = c->mb->id, .folder = folder, .remote_id = item->id };
	int rc;

	if (item->error.code == ERR_NOT_FOUND)
		return 0;	/* gone since the page: a later page says so */
	if (item->error.code) { /* stops nobody else; its next change shows it again */
		error_prefix(&item->error, "an item could not be read");
		cycle_log(c, "%s", item->error.text);
		cycle_defer(c, &item->error);
		return is_shown(c, id) ? 0 : hidden_note(c, folder, id, item->error.text, err);
	}
	if (item->unsupported)
		return hidden_note(c, folder, item->id, item->why, err);
	pull.data = pull_encode(item);
	rc = store_pull_put(c->store, &pull, err);
	if (!rc)
		rc = hidden_forget(c, folder, id, err);
	json_decref(pull.data);
	return rc;
}

/* ids[i] is the id that items[i] was read by. */
static int store_page(struct cycle *c, struct store_folder *folder, const struct mailbox_page *page,
	const char *const *ids, struct mailbox_item *items, size_t n, struct error *err)
{
	int rc = store_begin(c->store, STORE_NORMAL, STORE_REMOTE, err);

	if (rc)
		return rc;
	for (size_t i = 0; !rc && i < page->n; i++) {
		struct store_pull pull = { .mailbox = c->mb->id,
			.folder = folder->ino,
			.remote_id = page->changes[i].id,
			.deleted = true };

		if (page->changes[i].type == MAILBOX_DELETED)
			rc = store_pull_put(c->store, &pull, err);
		if (!rc && page->changes[i].type == MAILBOX_DELETED)
			rc = hidden_forget(c, folder->ino, pull.remote_id, err);
		if (!rc)
			rc = unshown_seen(c, page->changes[i].id, err);
	}
	for (size_t i = 0; !rc && i < n; i++)
		rc = stage(c, folder->ino, ids[i], &items[i], err);
	xstrset(&folder->cursor, page->cursor);
	if (!rc)
		rc = store_folder_save(c->store, folder, err);
	if (!rc)
		return store_commit(c->store, err);
	store_rollback(c->store);
	return rc;
}

static int pull_page(
	struct cycle *c, struct store_folder *folder, json_t *seen, bool *last, struct error *err)
{
	const struct mailbox_driver *driver = c->engine->mailbox_driver;
	struct mailbox_page page = { 0 };
	struct mailbox_item *items = NULL;
	const char **ids = NULL;
	size_t n = 0;
	int rc = driver->sync_items(
		c->mb->connection, folder->remote_id, folder->cursor, &page, err);

	if (rc)
		return rc;
	ids = xcalloc(page.n, sizeof(*ids));
	for (size_t i = 0; i < page.n; i++) {
		const struct mailbox_change *change = &page.changes[i];

		if (change->type == MAILBOX_DELETED)
			continue;
		if (seen)
			json_object_set_new(seen, change->id, json_true());
		if (!is_known(c, folder, change))
			ids[n++] = change->id;
	}
	items = xcalloc(n, sizeof(*items));
	if (n)
		rc = driver->get_items(c->mb->connection, folder->kind, ids, n, items, err);
	if (!rc && n)
		rc = apart_fetch(c, folder->kind, items, n, err);
	if (!rc && (page.n || !folder->cursor || strcmp(folder->cursor, page.cursor) != 0))
		rc = store_page(c, folder, &page, ids, items, n, err);
	*last = page.last;
	cycle_progress(c, "reading", c->mb->done + page.n, 0);
	for (size_t i = 0; i < n; i++)
		mailbox_item_clear(&items[i]);
	free(items);
	free(ids);
	mailbox_page_clear(&page);
	return rc;
}

/* After a pull from the start of a folder that we knew: what it did not show is gone there. */
static int stage_unseen(
	struct cycle *c, const struct store_folder *folder, const json_t *seen, struct error *err)
{
	int64_t *ids = NULL;
	size_t n = 0, known = 0, shown = 0;
	int rc = store_begin(c->store, STORE_NORMAL, STORE_REMOTE, err);

	if (rc)
		return rc;
	rc = store_items_in_real_folder(c->store, folder->ino, &ids, &n, err);
	for (size_t i = 0; !rc && i < n; i++) {
		struct store_pull pull = {
			.mailbox = c->mb->id, .folder = folder->ino, .deleted = true
		};
		struct store_side side;

		if (!store_side_get(c->store, ids[i], SIDE_EXCHANGE, &side, NULL) &&
			side.status == SIDE_LINKED && side.remote_id && side.remote_folder &&
			!strcmp(side.remote_folder, folder->remote_id)) {
			known++;
			if (json_object_get(seen, side.remote_id)) {
				shown++;
			} else {
				pull.remote_id = side.remote_id;
				rc = store_pull_put(c->store, &pull, err);
			}
		}
		store_side_clear(&side);
	}
	free(ids);
	if (!rc && known && !shown && json_object_size(seen))
		rc = restored_note(c, err);
	if (!rc)
		rc = hidden_keep(c, folder->ino, seen, err);
	if (!rc)
		return store_commit(c->store, err);
	store_rollback(c->store);
	return rc;
}

/* A comparison is on its way: one that is cut short, by our death too, begins anew, or what it did not
 * come to would never be known to be gone. */
static char *comparing_name(const struct store_folder *folder)
{
	return xasprintf("comparing:%llu", (unsigned long long)folder->ino);
}

static int set_comparing(
	struct cycle *c, struct store_folder *folder, bool comparing, struct error *err)
{
	char *name AUTOFREE = comparing_name(folder);
	int rc = store_begin(c->store, STORE_NORMAL, STORE_REMOTE, err);

	if (rc)
		return rc;
	if (comparing)
		xstrset(&folder->cursor, NULL);
	rc = store_value_set(c->store, name, comparing ? "1" : NULL, err);
	if (!rc)
		rc = store_folder_save(c->store, folder, err);
	if (!rc)
		return store_commit(c->store, err);
	store_rollback(c->store);
	return rc;
}

static bool is_comparing(struct cycle *c, const struct store_folder *folder)
{
	char *name AUTOFREE = comparing_name(folder);
	char *value AUTOFREE = NULL;

	return !store_value_get(c->store, name, &value, NULL) && value;
}

static int pull_folder(struct cycle *c, struct store_folder *folder, struct error *err)
{
	json_t *seen = NULL;
	bool last = false;
	int rc = 0;

	/* One that was complete before the cache was damaged is compared as well. */
	if ((folder->complete && !folder->cursor) || is_comparing(c, folder)) {
		seen = json_object();
		rc = set_comparing(c, folder, true, err);
	}
	while (!rc && !last) {
		rc = pull_page(c, folder, seen, &last, err);
		if (rc == ERR_CURSOR && folder->cursor) {
			cycle_log(c,
				"Exchange no longer knows where we were: reading the folder anew");
			rc = set_comparing(c, folder, true, err);
			if (seen)
				json_object_clear(seen);
			else if (folder->complete)
				seen = json_object();
		}
	}
	if (!rc && seen)
		rc = stage_unseen(c, folder, seen, err);
	if (!rc && seen)
		rc = set_comparing(c, folder, false, err);
	json_decref(seen);
	return rc;
}

int pull_mailbox(struct cycle *c, struct error *err)
{
	uint64_t *inos = NULL;
	size_t n = 0;
	int rc = store_folder_list(c->store, c->mb->id, &inos, &n, err);

	if (!rc)
		rc = unshown_load(c, err);
	cycle_progress(c, "reading", 0, 0);
	for (size_t i = 0; !rc && i < n; i++) {
		struct store_folder folder = { 0 };

		rc = store_folder_get(c->store, inos[i], &folder, err);
		if (!rc && folder.remote_id && kind_takes_part(c, folder.kind))
			rc = pull_folder(c, &folder, err);
		if (rc == ERR_NOT_FOUND) /* the folder went since the hierarchy was read */
			rc = 0;
		store_folder_clear(&folder);
	}
	if (!rc)
		rc = unshown_check(c, err);
	json_decref(c->unshown);
	c->unshown = NULL;
	free(inos);
	return rc;
}

/* ---- reading back and intents ------------------------------------------------------------------ */

/* Read and not found while an intent stands: it moved, which the pull that follows will show, or it is
 * gone.  After a restored deletion it is made there anew. */
static int intended_gone(struct cycle *c, struct pair *pair, struct error *err)
{
	struct store_side *side = &pair->sides[SIDE_EXCHANGE];
	const char *step = json_string_value(json_object_get(side->intent, "step"));
	struct store_pull pull = { .mailbox = c->mb->id,
		.folder = pair->item.folder,
		.remote_id = side->remote_id,
		.deleted = true };
	int rc;

	if (!side->intent)
		return 0;
	json_object_set_new(c->gone, side->remote_id, json_true());
	if (!step || strcmp(step, PUSH_STEP_RESTORE) != 0)
		return store_pull_put(c->store, &pull, err);
	rc = store_side_delete(c->store, pair->item.id, SIDE_EXCHANGE, err);
	store_side_clear(side);
	*side = (struct store_side){ .item = pair->item.id, .side = SIDE_EXCHANGE };
	return rc ? rc : pair_save(c, pair, err);
}

static int merge_found(
	struct cycle *c, struct pair *pair, const struct mailbox_item *read, struct error *err)
{
	json_t *data = pull_encode(read);
	bool arrived;
	int rc;

	xstrset(&pair->sides[SIDE_EXCHANGE].key, read->key);
	if (read->folder_id)
		xstrset(&pair->sides[SIDE_EXCHANGE].remote_folder, read->folder_id);
	rc = pull_merge_data(c, pair, data, err);
	arrived = !json_equal(pair->before, pair->item.doc);
	if (!rc)
		rc = pair_save(c, pair, err);
	if (!rc && arrived)
		rc = commit_arrived(c->engine->commit, &pair->item, err);
	if (!rc) /* what waits to be merged is older than this */
		rc = store_pull_forget(c->store, c->mb->id, read->id, err);
	json_decref(data);
	return rc;
}

static int merge_read(
	struct cycle *c, int64_t item, const struct mailbox_item *read, struct error *err)
{
	struct pair pair;
	int rc;

	if (read->error.code && read->error.code != ERR_NOT_FOUND)
		return 0; /* the next pull tells what became of it */
	rc = store_begin(c->store, STORE_NORMAL, STORE_REMOTE, err);
	if (rc)
		return rc;
	rc = pair_load(c, item, &pair, err);
	if (!rc) {
		/* Under a writer it waits; an intent keeps it from being forgotten. */
		if (pair.item.ino && store_writer_active(c->store, pair.item.ino))
			rc = 0;
		else if (read->error.code)
			rc = intended_gone(c, &pair, err);
		else
			rc = merge_found(c, &pair, read, err);
		pair_clear(&pair);
	}
	if (!rc)
		return store_commit(c->store, err);
	store_rollback(c->store);
	return rc == ERR_NOT_FOUND ? 0 : rc;
}

static int read_kind(struct cycle *c, enum item_kind kind, const int64_t *items, size_t n,
	void *data, struct error *err)
{
	struct mailbox_item *read = xcalloc(n, sizeof(*read));
	char **ids = xcalloc(n, sizeof(*ids));
	int64_t *known = xcalloc(n, sizeof(*known));
	size_t m = 0;
	int rc = 0;

	(void)data;
	for (size_t i = 0; i < n; i++) {
		struct store_side side;

		if (!store_side_get(c->store, items[i], SIDE_EXCHANGE, &side, NULL) &&
			side.remote_id && side.status == SIDE_LINKED) {
			known[m] = items[i];
			ids[m++] = xstrdup(side.remote_id);
		}
		store_side_clear(&side);
	}
	if (m)
		rc = c->engine->mailbox_driver->get_items(
			c->mb->connection, kind, (const char *const *)ids, m, read, err);
	if (!rc && m)
		rc = apart_fetch(c, kind, read, m, err);
	for (size_t i = 0; i < m; i++) {
		if (!rc)
			rc = merge_read(c, known[i], &read[i], err);
		mailbox_item_clear(&read[i]);
		free(ids[i]);
	}
	free(read);
	free(ids);
	free(known);
	return rc;
}

int pull_mailbox_read(struct cycle *c, const int64_t *items, size_t n, struct error *err)
{
	return kinds_each(c, items, n, read_kind, NULL, err);
}

int pull_mailbox_intents(struct cycle *c, struct error *err)
{
	int64_t *ids = NULL, *standing;
	size_t n = 0, m = 0;
	int rc = store_items_dirty(c->store, c->mb->id, &ids, &n, err);

	if (rc)
		return rc;
	standing = xcalloc(n, sizeof(*standing));
	for (size_t i = 0; i < n; i++) {
		struct store_side side;

		if (!store_side_get(c->store, ids[i], SIDE_EXCHANGE, &side, NULL) && side.intent &&
			side.status == SIDE_LINKED)
			standing[m++] = ids[i];
		store_side_clear(&side);
	}
	if (m)
		rc = pull_mailbox_read(c, standing, m, err);
	free(standing);
	free(ids);
	return rc;
}
