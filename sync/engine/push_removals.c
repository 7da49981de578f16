/* Removals in Exchange: a file that stays removed over its quiet time takes its item along, if the guard
 * lets it go (I9).  The tombstone is written down first (I2), then DeleteItem is sent, then item, file and
 * link end. */
#include <stdlib.h>
#include <string.h>

#include "sync/engine/internal.h"
#include "sync/engine/push.h"
#include "sync/mem.h"

static int keep_tombstone(struct cycle *c, struct pair *pair, struct error *err)
{
	struct store_side *crm = &pair->sides[SIDE_CRM];
	struct store_tombstone t = { .mailbox = c->mb->id,
		.kind = pair->item.kind,
		.time = store_now(c->store),
		.uid = pair->item.uid,
		.key = pair->sides[SIDE_EXCHANGE].key,
		.folder = pair->item.folder,
		.ino = pair->item.ino,
		.remote_id = pair->sides[SIDE_EXCHANGE].remote_id,
		.doc = pair->item.doc };
	struct store_node node;
	int rc;

	if (pair->item.ino && !store_node_get(c->store, pair->item.ino, &node, NULL))
		t.name = node.name;
	else
		t.name = pair->item.removed_name;
	if (crm->status == SIDE_LINKED || crm->status == SIDE_UNLINKED) {
		t.record_id = crm->remote_id;
		t.record_state = crm->status == SIDE_LINKED
					 ? xstrdup("linked")
					 : xasprintf("unlinked %s", crm->reason ? crm->reason : "");
	}
	rc = store_tombstone_add(c->store, &t, err);
	free(t.record_state);
	return rc;
}

int push_item_end(struct cycle *c, int64_t item, struct error *err)
{
	int rc = store_claims_drop(c->store, item, err);

	if (!rc)
		rc = leads_forget(c, item, err);
	if (!rc)
		rc = account_forget(c, item, err);
	return rc ? rc : store_item_delete(c->store, item, err);
}

bool push_takes_record(struct cycle *c, const struct pair *pair)
{
	const struct config_rule *rule = pair_rule(c, pair);

	return pair->sides[SIDE_CRM].status == SIDE_LINKED && rule &&
	       (rule->remove == REMOVE_CRM || rule->remove == REMOVE_BOTH) &&
	       designate_may_delete(c, pair);
}

int push_item_gone(struct cycle *c, struct pair *pair, const char *reason, struct error *err)
{
	struct store_side *crm = &pair->sides[SIDE_CRM];
	char *path AUTOFREE = pair_path(c, pair);
	int rc = keep_tombstone(c, pair, err);

	if (!rc && pair->item.ino)
		rc = store_node_remove(c->store, pair->item.ino, err);
	pair->item.ino = 0;
	cycle_log(c, "%s: %s", path, reason);
	if (!rc && push_takes_record(c, pair)) {
		/* The record follows; the item stays as a removal until that is answered (I2). */
		crm->status = SIDE_DELETING;
		pair->item.removed = 1;
		pair->item.dirty = true;
		rc = store_side_delete(c->store, pair->item.id, SIDE_EXCHANGE, err);
		store_side_clear(&pair->sides[SIDE_EXCHANGE]);
		if (!rc)
			rc = store_side_save(c->store, crm, err);
		return rc ? rc : store_item_save(c->store, &pair->item, err);
	}
	if (!rc && crm->status == SIDE_LINKED)
		designate_unlink(c, pair, reason);
	return rc ? rc : push_item_end(c, pair->item.id, err);
}

/* Somebody is writing a new file under the name of the removed one, however long that takes: as soon as
 * it is a whole item, it takes the removed one's place. */
static bool is_being_replaced(struct cycle *c, const struct store_item *item)
{
	struct store_node node;

	return item->removed_name &&
	       !store_node_lookup(c->store, item->folder, item->removed_name, &node, NULL) &&
	       node.type == NODE_ITEM && !node.item && store_writer_active(c->store, node.ino);
}

static bool removal_is_due(struct cycle *c, const struct store_item *item)
{
	int64_t quiet = c->engine->commit->remove_quiet_ns, left;

	if (!item->removed)
		return false;
	if (c->urgent && quiet > URGENT_REMOVE_QUIET_NS)
		quiet = URGENT_REMOVE_QUIET_NS;
	left = item->removed + quiet - store_now(c->store);
	if (left > 0)
		cycle_wake(c,
			item->removed + c->engine->commit->remove_quiet_ns - store_now(c->store));
	return left <= 0 && !is_being_replaced(c, item); /* its last close starts a cycle */
}

/* One that Exchange refused waits for an administrator, as any item in error does. */
static bool removal_is_refused(struct cycle *c, const struct store_item *item)
{
	struct pair pair;
	bool refused = false;

	if (!item->error || pair_load(c, item->id, &pair, NULL))
		return false;
	refused = pair_is_refused(&pair, SIDE_EXCHANGE);
	pair_clear(&pair);
	return refused;
}

/* Judges one removal: a tombstone is written, or nothing was ever sent and it just ends. */
static int prepare_removal(struct cycle *c, int64_t id, bool allowed, bool *send, struct error *err)
{
	struct pair pair;
	struct store_side *side = &pair.sides[SIDE_EXCHANGE];
	int rc = pair_load(c, id, &pair, err);

	*send = false;
	if (rc)
		return rc;
	if (!pair.item.removed) { /* a file took it over since it was judged due */
		pair_clear(&pair);
		return 0;
	}
	if (side->status == SIDE_NONE ||
		(side->status == SIDE_CREATING && push_may_create(c, side))) {
		if (pair.sides[SIDE_CRM].status != SIDE_DELETING)
			rc = push_item_gone(c, &pair, "removed", err);
	} else if (allowed && (side->status == SIDE_LINKED || side->status == SIDE_DELETING)) {
		side->status = SIDE_DELETING;
		*send = true;
		rc = store_side_save(c->store, side, err);
	}
	pair_clear(&pair);
	return rc;
}

static int finish_removal(struct cycle *c, int64_t id, const struct error *why, struct error *err)
{
	struct pair pair;
	int rc;

	if (why->code == ERR_LOST || why->code == ERR_UNSENT || why->code == ERR_THROTTLED ||
		why->code == ERR_BUSY || why->code == ERR_CANCELLED)
		return 0;
	rc = pair_load(c, id, &pair, err);
	if (rc)
		return rc;
	if (why->code && why->code != ERR_NOT_FOUND) {
		pair_refuse(c, &pair, SIDE_EXCHANGE, why);
		pair.sides[SIDE_EXCHANGE].status = SIDE_LINKED;
		rc = pair_save(c, &pair, err);
	} else {
		rc = guard_sent(c, &pair, SIDE_EXCHANGE, err);
		if (!rc)
			rc = push_item_gone(c, &pair, "removed", err);
	}
	pair_clear(&pair);
	return rc;
}

/* One batch of removals of one folder. */
static int remove_batch(
	struct cycle *c, const int64_t *ids, const bool *allowed, size_t n, struct error *err)
{
	struct mailbox_op *ops = xcalloc(n, sizeof(*ops));
	int64_t *sent = xcalloc(n, sizeof(*sent));
	size_t m = 0;
	int rc = store_begin(c->store, STORE_FULL, STORE_REMOTE, err), written = 0;

	for (size_t i = 0; !rc && i < n; i++) {
		struct store_side side;
		bool send;

		rc = prepare_removal(c, ids[i], allowed[i], &send, err);
		if (rc || !send)
			continue;
		rc = store_side_get(c->store, ids[i], SIDE_EXCHANGE, &side, err);
		ops[m].id = xstrdup(side.remote_id);
		store_item_kind(c->store, ids[i], &ops[m].kind, NULL);
		sent[m++] = ids[i];
		store_side_clear(&side);
	}
	if (!rc)
		rc = store_commit(c->store, err);
	else
		store_rollback(c->store);
	if (!rc && m)
		written = c->engine->mailbox_driver->write_items(
			c->mb->connection, MAILBOX_DELETE, ops, m, err);
	if (!rc && m)
		rc = store_begin(c->store, STORE_FULL, STORE_REMOTE, written ? NULL : err);
	for (size_t i = 0; !rc && i < m; i++)
		rc = finish_removal(c, sent[i], &ops[i].error, written ? NULL : err);
	if (m)
		rc = rc ? (store_rollback(c->store), rc) : store_commit(c->store, err);
	for (size_t i = 0; i < m; i++) {
		free((char *)ops[i].id);
		mailbox_op_clear(&ops[i]);
	}
	free(ops);
	free(sent);
	return written ? written : rc;
}

/* The removals of one folder: judged together, sent in batches. */
static int remove_in_folder(
	struct cycle *c, uint64_t folder, const int64_t *ids, size_t n, struct error *err)
{
	bool *allowed AUTOFREE = xcalloc(n, sizeof(*allowed));
	int64_t *linked AUTOFREE = xcalloc(n, sizeof(*linked));
	bool *may AUTOFREE = xcalloc(n, sizeof(*may));
	size_t m = 0, at = 0;
	int rc;

	for (size_t i = 0; i < n; i++) {
		struct store_side side;

		if (!store_side_get(c->store, ids[i], SIDE_EXCHANGE, &side, NULL)) {
			if (side.status == SIDE_LINKED)
				linked[m++] = ids[i];
			allowed[i] = side.status == SIDE_DELETING;
		}
		store_side_clear(&side);
	}
	rc = store_begin(c->store, STORE_FULL, STORE_REMOTE, err);
	if (rc)
		return rc;
	if (m)
		rc = guard_judge(c, folder, SIDE_EXCHANGE, linked, m, may, err);
	if (!rc)
		rc = store_commit(c->store, err);
	else
		store_rollback(c->store);
	for (size_t i = 0, j = 0; i < n && j < m; i++)
		if (linked[j] == ids[i])
			allowed[i] = may[j++];
	while (!rc && at < n) {
		size_t some = n - at < WRITE_BATCH ? n - at : WRITE_BATCH;

		rc = remove_batch(c, ids + at, allowed + at, some, err);
		at += some;
	}
	return rc;
}

int push_removals(struct cycle *c, const int64_t *ids, size_t n, struct error *err)
{
	int64_t *due AUTOFREE = xcalloc(n, sizeof(*due));
	uint64_t *folder AUTOFREE = xcalloc(n, sizeof(*folder));
	int64_t *group AUTOFREE = xcalloc(n, sizeof(*group));
	size_t m = 0;
	int rc = 0;

	for (size_t i = 0; i < n; i++) {
		struct store_item item = { 0 };

		if (!store_item_get(c->store, ids[i], &item, NULL) && removal_is_due(c, &item) &&
			!removal_is_refused(c, &item)) {
			due[m] = ids[i];
			folder[m++] = guard_folder(c, item.folder);
		}
		store_item_clear(&item);
	}
	for (size_t i = 0; !rc && i < m; i++) {
		size_t k = 0;

		if (!due[i])
			continue;
		for (size_t j = i; j < m; j++)
			if (due[j] && folder[j] == folder[i]) {
				group[k++] = due[j];
				if (j > i)
					due[j] = 0;
			}
		rc = remove_in_folder(c, folder[i], group, k, err);
		due[i] = 0;
	}
	return rc;
}
