/* What the gateway says of itself: status, errors, conflicts, held deletes, the state of one item. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "sync/engine/internal.h"
#include "sync/mem.h"

json_t *status_time(int64_t ns)
{
	time_t seconds = ns / NS_PER_S;
	char text[32];
	struct tm tm;

	if (!ns)
		return json_null();
	gmtime_r(&seconds, &tm);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
	return json_string(text);
}

static bool is_meant(const struct engine_mailbox *mb, const char *address)
{
	return !address || !strcasecmp(mb->user->address, address);
}

/* Path of an item below the mount.  New string. */
static char *item_path(struct engine *e, const struct store_item *item)
{
	struct cycle c = { .engine = e, .store = e->store };
	struct pair pair = { .item = *item };

	return pair_path(&c, &pair);
}

/* ---- listings --------------------------------------------------------------------------------- */

json_t *engine_progress(struct engine *e)
{
	json_t *list = json_array();

	pthread_mutex_lock(&e->lock);
	for (size_t i = 0; i < e->n_mailboxes; i++)
		if (e->mailboxes[i].running)
			json_array_append_new(list,
				json_pack("{s:s, s:s, s:I, s:I}", "mailbox",
					e->mailboxes[i].user->address, "phase",
					e->mailboxes[i].phase ? e->mailboxes[i].phase : "starting",
					"done", (json_int_t)e->mailboxes[i].done, "total",
					(json_int_t)e->mailboxes[i].total));
	pthread_mutex_unlock(&e->lock);
	return list;
}

static json_t *deletes_of(struct engine *e, int64_t mailbox)
{
	struct store_deletion *rows = NULL;
	json_t *list = json_array();
	size_t n = 0;

	if (store_deletion_list(e->store, mailbox, DELETION_HELD, &rows, &n, NULL))
		return list;
	for (size_t i = 0; i < n; i++)
		json_array_append_new(
			list, json_pack("{s:I, s:s?, s:s, s:o}", "batch", (json_int_t)rows[i].batch,
				      "path", rows[i].name, "would_delete_in",
				      rows[i].side == SIDE_EXCHANGE ? "exchange" : "files", "since",
				      status_time(rows[i].time)));
	store_deletions_free(rows, n);
	return list;
}

json_t *engine_deletes(struct engine *e)
{
	json_t *all = json_array();

	for (size_t i = 0; i < e->n_mailboxes; i++) {
		json_t *some = deletes_of(e, e->mailboxes[i].id);

		json_array_extend(all, some);
		json_decref(some);
	}
	return all;
}

static json_t *folders_of(struct engine *e, int64_t mailbox)
{
	json_t *list = json_array();
	uint64_t *inos = NULL;
	size_t n = 0;

	if (store_folder_list(e->store, mailbox, &inos, &n, NULL))
		return list;
	for (size_t i = 0; i < n; i++) {
		char *path AUTOFREE = pair_node_path(e->store, inos[i], NULL);
		const char *below = strchr(path, '/'); /* the mailbox */
		struct store_folder folder = { 0 };
		int64_t *ids = NULL;
		size_t items = 0;

		if (below && !store_folder_get(e->store, inos[i], &folder, NULL)) {
			store_items_in_folder(e->store, inos[i], &ids, &items, NULL);
			json_array_append_new(
				list, json_pack("{s:s, s:b, s:I}", "name", below + 1, "complete",
					      folder.complete, "items", (json_int_t)items));
		}
		free(ids);
		store_folder_clear(&folder);
	}
	free(inos);
	return list;
}

/* Of the last cycle.  Where the disk is full it could not be stored. */
static json_t *last_error(
	struct engine *e, struct engine_mailbox *mb, const struct store_mailbox *row)
{
	json_t *text;

	pthread_mutex_lock(&e->lock);
	text = mb->error.code ? json_string(mb->error.text) : NULL;
	pthread_mutex_unlock(&e->lock);
	if (text)
		return text;
	return row->last_error ? json_string(row->last_error) : json_null();
}

static json_t *mailbox_status(struct engine *e, struct engine_mailbox *mb)
{
	uint64_t counts[ITEM_ERROR + 1] = { 0 };
	struct store_mailbox row = { 0 };
	json_t *status = json_object(), *items = json_object(), *held = deletes_of(e, mb->id);
	struct store_conflict *conflicts = NULL;
	size_t n_conflicts = 0;

	json_object_set_new(status, "mailbox", json_string(mb->user->address));
	json_object_set_new(status, "policy",
		mb->user->policy ? json_string(mb->user->policy->name) : json_null());
	if (!store_mailbox_get(e->store, mb->id, &row, NULL)) {
		json_object_set_new(status, "last_sync", status_time(row.last_cycle));
		json_object_set_new(status, "error", last_error(e, mb, &row));
	}
	store_mailbox_clear(&row);
	store_items_count(e->store, mb->id, counts, NULL);
	for (int state = 0; state <= ITEM_ERROR; state++)
		json_object_set_new(
			items, item_state_names[state], json_integer((json_int_t)counts[state]));
	json_object_set_new(status, "items", items);
	json_object_set_new(status, "folders", folders_of(e, mb->id));
	if (!store_conflict_list(e->store, mb->id, &conflicts, &n_conflicts, NULL))
		store_conflicts_free(conflicts, n_conflicts);
	json_object_set_new(status, "conflicts", json_integer((json_int_t)n_conflicts));
	json_object_set_new(status, "held_deletes", held);
	json_object_set_new(status, "waiting_creates", cap_waiting(e, mb->id));
	json_object_set_new(status, "other_gateways", gateway_status(e, mb->id));
	json_object_set_new(status, "leads", leads_status(e, mb->id));
	json_object_set_new(status, "not_imported", import_left_out(e, mb->id));
	json_object_set_new(status, "unmatched_companies", account_unmatched(e, mb->id));
	pthread_mutex_lock(&e->lock);
	json_object_set_new(status, "running", json_boolean(mb->running));
	pthread_mutex_unlock(&e->lock);
	return status;
}

/* The last time that the cache was built anew; NULL: never, or what was moved aside is gone. */
static json_t *cache_rebuilt(struct engine *e)
{
	json_t *note = store_rebuilt(e->store);

	if (note)
		json_object_set_new(note, "time",
			status_time(json_integer_value(json_object_get(note, "time")) * NS_PER_S));
	return note;
}

json_t *engine_status(struct engine *e, const char *address)
{
	json_t *list = json_array(), *only;

	for (size_t i = 0; i < e->n_mailboxes; i++)
		if (is_meant(&e->mailboxes[i], address))
			json_array_append_new(list, mailbox_status(e, &e->mailboxes[i]));
	if (address && json_array_size(list) == 1) {
		only = json_incref(json_array_get(list, 0));
		json_decref(list);
		return only;
	}
	return json_pack("{s:b, s:b, s:s?, s:o*, s:o}", "held", e->held, "offline",
		e->config->offline, "crm", e->crm_driver ? e->crm_driver->name : NULL,
		"cache_rebuilt", cache_rebuilt(e), "mailboxes", list);
}

json_t *engine_errors(struct engine *e, const char *address)
{
	json_t *list = json_array();

	for (size_t i = 0; i < e->n_mailboxes; i++) {
		int64_t *ids = NULL;
		size_t n = 0;

		if (!is_meant(&e->mailboxes[i], address) ||
			store_items_with_error(e->store, e->mailboxes[i].id, &ids, &n, NULL))
			continue;
		for (size_t j = 0; j < n; j++) {
			struct store_item item = { 0 };

			if (!store_item_get(e->store, ids[j], &item, NULL)) {
				char *path AUTOFREE = item_path(e, &item);

				json_array_append_new(
					list, json_pack("{s:s, s:s, s:s, s:s?}", "mailbox",
						      e->mailboxes[i].user->address, "path", path,
						      "state", item_state_names[item.state],
						      "error", item.error));
			}
			store_item_clear(&item);
		}
		free(ids);
	}
	return list;
}

json_t *engine_conflicts(struct engine *e, const char *address)
{
	json_t *list = json_array();

	for (size_t i = 0; i < e->n_mailboxes; i++) {
		struct store_conflict *rows = NULL;
		size_t n = 0;

		if (!is_meant(&e->mailboxes[i], address) ||
			store_conflict_list(e->store, e->mailboxes[i].id, &rows, &n, NULL))
			continue;
		for (size_t j = 0; j < n; j++)
			json_array_append_new(
				list, json_pack("{s:s, s:I, s:s?, s:o, s:O?}", "mailbox",
					      e->mailboxes[i].user->address, "id",
					      (json_int_t)rows[j].id, "file", rows[j].name, "time",
					      status_time(rows[j].time), "conflict", rows[j].data));
		store_conflicts_free(rows, n);
	}
	return list;
}

static json_t *side_state(const struct store_side *side)
{
	static const char *const names[] = { "none", "creating", "linked", "deleting", "unlinked" };

	return json_pack("{s:s, s:s?, s:s?, s:s?, s:O?, s:O?, s:O?, s:O?, s:s?, s:s?}", "status",
		names[side->status], "id", side->remote_id, "version", side->version, "key",
		side->key, "ours", side->ours, "theirs", side->theirs, "intent", side->intent,
		"cut", json_object_get(side->theirs, "@cut"), "reason", side->reason, "error",
		side->error);
}

json_t *engine_item_state(struct engine *e, int64_t id)
{
	struct cycle c = { .engine = e, .store = e->store };
	struct pair pair;
	json_t *state;
	char *path AUTOFREE = NULL;

	if (pair_load(&c, id, &pair, NULL))
		return NULL;
	path = pair_path(&c, &pair);
	state = json_pack("{s:s, s:s?, s:s, s:s?, s:I, s:o, s:o, s:o}", "path", path, "uid",
		pair.item.uid, "state", item_state_names[pair.item.state], "error", pair.item.error,
		"rev", (json_int_t)pair.item.rev, "edited", status_time(pair.item.edited),
		"exchange", side_state(&pair.sides[SIDE_EXCHANGE]), "crm",
		side_state(&pair.sides[SIDE_CRM]));
	json_object_set_new(state, "leads", leads_of(e->store, pair.item.mailbox, id));
	pair_clear(&pair);
	return state;
}
