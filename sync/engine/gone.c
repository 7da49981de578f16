/* Records that are gone, and what becomes of the items linked with them.
 *
 *	merged into another	the link follows the survivor (I13); where another item of the mailbox is
 *				linked with that, the pair is unlinked
 *	deleted			the pair is unlinked; by the option `remove` the item goes too
 *	out of our view		the pair is unlinked, never deleted (I13)
 *
 * An item that is to go with its record is noted first, and all that are noted are judged together: one
 * by one, a mass deletion would slip through the guard (I9).  What the guard holds stays where it is
 * until an administrator decides.
 *
 * A record that we cannot see any more tells nobody, so all links are looked at once a day. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sync/engine/internal.h"
#include "sync/mem.h"

/* As many merges of merged records are followed at once. */
#define MERGES_MAX 16

/* ---- items that go with their record ------------------------------------------------------------- */

static char *gone_prefix(const struct cycle *c)
{
	return xasprintf("gone:%lld:", (long long)c->mb->id);
}

static char *gone_name(const struct cycle *c, int64_t item)
{
	char *prefix AUTOFREE = gone_prefix(c);

	return xasprintf("%s%lld", prefix, (long long)item);
}

int gone_set(struct cycle *c, int64_t item, const char *record_id, struct error *err)
{
	char *name AUTOFREE = gone_name(c, item);

	return store_value_set(c->store, name, record_id, err);
}

bool gone_is_set(struct cycle *c, int64_t item)
{
	char *name AUTOFREE = gone_name(c, item);
	char *value AUTOFREE = NULL;

	return !store_value_get(c->store, name, &value, NULL) && value;
}

static const char *master_of(const struct store_record *record)
{
	return json_string_value(json_object_get(record->data, "master"));
}

/* The record that this one lives on in, as far as merges were pulled.  New string; NULL: in none. */
static char *survivor_of(struct cycle *c, const struct store_record *record)
{
	char *id = xstrdup(master_of(record));
	bool ends = !id;

	for (int hops = 0; !ends && hops < MERGES_MAX; hops++) {
		struct store_record next = { 0 };

		ends = store_record_get(c->store, record->object, id, &next, NULL) ||
		       !next.deleted || !master_of(&next);
		if (!ends)
			xstrset(&id, master_of(&next));
		store_record_clear(&next);
	}
	return id;
}

int gone_stored(struct cycle *c, const struct store_record *record, struct error *err)
{
	char *survivor AUTOFREE = record->deleted ? survivor_of(c, record) : NULL;
	int rc = 0;

	for (size_t i = 0; survivor && !rc && i < c->engine->n_mailboxes; i++) {
		struct cycle its = {
			.engine = c->engine, .store = c->store, .mb = &c->engine->mailboxes[i]
		};
		char *name AUTOFREE = unlinked_name(&its, survivor);

		if (import_is_unlinked(&its, record->id) &&
			!match_linked_elsewhere(&its, survivor, 0))
			rc = store_value_set(c->store, name, "merged", err);
	}
	return rc;
}

int gone_unlinked(
	struct cycle *c, struct pair *pair, const struct store_record *record, struct error *err)
{
	char *survivor AUTOFREE = survivor_of(c, record);

	if (!survivor)
		return 0;
	xstrset(&pair->sides[SIDE_CRM].remote_id, survivor);
	return pair_save(c, pair, err);
}

/* Was the item edited since the record last got what it holds?  Then it stays without it.  A company is
 * not the item's own, and may never get there. */
static bool has_unsent(struct cycle *c, struct pair *pair)
{
	json_t *projection, *changed, *name;
	bool unsent = pair->item.edited != 0;
	size_t i;

	projection = unsent ? NULL : pair_project(c, pair, SIDE_CRM, NULL, NULL);
	if (!projection)
		return true;
	changed = pair_changed(c, pair, SIDE_CRM, projection);
	json_array_foreach(changed, i, name) {
		const struct field *row = field_find(
			&c->tables[SIDE_CRM][pair->item.kind], json_string_value(name));

		unsent |= !row || !(row->flags & FIELD_REFERENCE);
	}
	json_decref(projection);
	json_decref(changed);
	return unsent;
}

int gone_record(
	struct cycle *c, struct pair *pair, const struct store_record *record, struct error *err)
{
	struct store_side *side = &pair->sides[SIDE_CRM];
	char *survivor AUTOFREE = survivor_of(c, record);
	const struct config_rule *rule = pair_rule(c, pair);
	int rc = 0;

	if (survivor && match_linked_elsewhere(c, survivor, pair->item.id)) {
		if (designate_is_released(side)) /* designated anew: matched as a new one */
			match_forget(c, pair);
		else
			designate_unlink(c, pair, "merged into the record of another item");
		return pair_save(c, pair, err);
	}
	if (survivor) {
		cycle_log(c, "record %s was merged into %s", record->id, survivor);
		xstrset(&side->remote_id, survivor);
		xstrset(&side->version, NULL);
		return pair_save(c, pair, err);
	}
	if (rule && rule->direction != DIRECTION_TO_CRM && pair->item.ino &&
		(rule->remove == REMOVE_EXCHANGE || rule->remove == REMOVE_BOTH)) {
		if (has_unsent(c, pair))
			conflict_note_deleted(pair, pair->item.edited ? "file" : "exchange", "crm");
		else
			rc = gone_set(c, pair->item.id, record->id, err);
	}
	designate_unlink(c, pair, "deleted in the CRM");
	return rc ? rc : pair_save(c, pair, err);
}

struct gone {
	int64_t item;
	uint64_t folder; /* 0: nothing to do any more */
};

/* Items noted; those that were edited, designated anew or removed meanwhile have folder 0. */
static int list_gone(struct cycle *c, struct gone **list, size_t *n, struct error *err)
{
	char *prefix AUTOFREE = gone_prefix(c);
	json_t *names = NULL, *name;
	size_t i;
	int rc = store_value_names(c->store, prefix, &names, err);

	*n = 0;
	*list = xcalloc(json_array_size(names), sizeof(**list));
	json_array_foreach(names, i, name) {
		struct gone *one = &(*list)[(*n)++];
		struct pair pair;

		one->item = strtoll(json_string_value(name) + strlen(prefix), NULL, 10);
		if (pair_load(c, one->item, &pair, NULL))
			continue;
		if (pair.item.ino && pair.sides[SIDE_CRM].status == SIDE_UNLINKED &&
			!has_unsent(c, &pair) && !store_writer_active(c->store, pair.item.ino))
			one->folder = guard_folder(c, pair.item.folder);
		pair_clear(&pair);
	}
	json_decref(names);
	return rc;
}

/* Removes what the guard lets go of one folder; the rest is asked again in the next cycle. */
static int remove_in_folder(
	struct cycle *c, uint64_t folder, const int64_t *items, size_t n, struct error *err)
{
	bool *allowed AUTOFREE = xcalloc(n, sizeof(*allowed));
	int rc = guard_judge(c, folder, SIDE_EXCHANGE, items, n, allowed, err);

	for (size_t i = 0; !rc && i < n; i++) {
		if (!allowed[i])
			continue;
		rc = commit_remove_item(c->engine->commit, items[i], err);
		if (!rc)
			rc = gone_set(c, items[i], NULL, err);
	}
	return rc;
}

static int remove_all(struct cycle *c, struct gone *list, size_t n, struct error *err)
{
	int64_t *group AUTOFREE = xcalloc(n, sizeof(*group));
	int rc = 0;

	for (size_t i = 0; !rc && i < n; i++) {
		uint64_t folder = list[i].folder;
		size_t k = 0;

		if (!folder) {
			rc = gone_set(c, list[i].item, NULL, err);
			continue;
		}
		for (size_t j = i; j < n; j++)
			if (list[j].folder == folder) {
				group[k++] = list[j].item;
				if (j > i)
					list[j--] = list[--n];
			}
		rc = remove_in_folder(c, folder, group, k, err);
	}
	return rc;
}

int gone_remove(struct cycle *c, struct error *err)
{
	struct gone *list = NULL;
	size_t n = 0;
	int rc = list_gone(c, &list, &n, err);

	if (!rc && n) {
		rc = store_begin(c->store, STORE_FULL, STORE_REMOTE, err);
		if (!rc) {
			rc = remove_all(c, list, n, err);
			rc = rc ? (store_rollback(c->store), rc) : store_commit(c->store, err);
		}
	}
	free(list);
	return rc;
}

/* ---- out of view ----------------------------------------------------------------------------------- */

/* A linked record that could not be read is gone or out of our view (I13): never deleted.  Where a
 * user designated anew, the item is free to be matched again. */
int gone_missing(struct cycle *c, int64_t item, const json_t *found, struct error *err)
{
	struct store_side *crm;
	struct pair pair;
	int rc = store_begin(c->store, STORE_NORMAL, STORE_REMOTE, err);

	if (rc)
		return rc;
	rc = pair_load(c, item, &pair, err);
	if (rc) {
		store_rollback(c->store);
		return rc == ERR_NOT_FOUND ? 0 : rc;
	}
	crm = &pair.sides[SIDE_CRM];
	if (crm->status == SIDE_LINKED && crm->remote_id &&
		!json_object_get(found, crm->remote_id)) {
		if (designate_is_released(crm))
			match_forget(c, &pair);
		else
			designate_unlink(c, &pair, "gone or out of view");
		rc = pair_save(c, &pair, err);
	}
	pair_clear(&pair);
	if (!rc)
		return store_commit(c->store, err);
	store_rollback(c->store);
	return rc;
}

/* The linked items of the mailbox. */
static int list_linked(struct cycle *c, int64_t **items, size_t *n, struct error *err)
{
	size_t all = 0;
	int rc = store_items_all(c->store, c->mb->id, items, &all, err);

	*n = 0;
	for (size_t i = 0; !rc && i < all; i++) {
		struct store_side side;
		enum item_kind kind;

		store_side_get(c->store, (*items)[i], SIDE_CRM, &side, NULL);
		if (side.status == SIDE_LINKED && side.remote_id &&
			!store_item_kind(c->store, (*items)[i], &kind, NULL) &&
			kind_in_crm(c, kind))
			(*items)[(*n)++] = (*items)[i];
		store_side_clear(&side);
	}
	return rc;
}

/* Items whose record was not found, moved to the front; how many. */
static size_t missing_first(struct cycle *c, int64_t *items, size_t n, const json_t *found)
{
	size_t missing = 0;

	for (size_t i = 0; i < n; i++) {
		struct store_side side;

		store_side_get(c->store, items[i], SIDE_CRM, &side, NULL);
		if (side.remote_id && !json_object_get(found, side.remote_id))
			items[missing++] = items[i];
		store_side_clear(&side);
	}
	return missing;
}

static int look_at_links(struct cycle *c, struct error *err)
{
	json_t *found = json_object();
	int64_t *items AUTOFREE = NULL;
	size_t n = 0, missing;
	int rc = list_linked(c, &items, &n, err);

	if (!rc)
		rc = kinds_each(c, items, n, pull_crm_fetch_step, found, err);
	missing = rc ? 0 : missing_first(c, items, n, found);
	if ((missing > c->engine->config->max_delete && missing > n / 10) ||
		(missing == n && n >= GUARD_FEW)) {
		rc = error_set(err, ERR_REMOTE,
			"%zu of %zu linked records do not show any more: is our user's view "
			"another one?  Nothing was unlinked; exclude them if it is meant",
			missing, n);
		missing = 0;
	}
	for (size_t i = 0; !rc && i < missing; i++)
		rc = gone_missing(c, items[i], found, err);
	json_decref(found);
	return rc;
}

int gone_look(struct cycle *c, struct error *err)
{
	char *name AUTOFREE = xasprintf("viewed:%lld", (long long)c->mb->id);
	char *now AUTOFREE = xasprintf("%lld", (long long)store_now(c->store));
	char *last AUTOFREE = NULL;
	int rc = store_value_get(c->store, name, &last, err);

	if (rc || (last && strtoll(last, NULL, 10) > c->began - LOOK_NS))
		return rc;
	if (last) /* at first, all that is linked has just been seen */
		rc = look_at_links(c, err);
	if (rc)
		return rc;
	rc = store_begin(c->store, STORE_NORMAL, STORE_LOCAL, err);
	if (rc)
		return rc;
	rc = store_value_set(c->store, name, now, err);
	if (!rc && last) /* what the user can see may be more now */
		rc = account_retry(c, err);
	return rc ? (store_rollback(c->store), rc) : store_commit(c->store, err);
}
