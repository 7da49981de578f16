/* Pushes to the CRM: deletes by tombstone (I2), creates by token (I1), updates of changed fields.
 *
 * An upsert by token is repeated at once, since it cannot make a second record; a plain create waits
 * until a pull would have shown it, and is matched once more before it is sent again. */
#include <stdlib.h>
#include <string.h>

#include "sync/engine/internal.h"
#include "sync/engine/push.h"
#include "sync/mem.h"

struct push {
	struct push_batch batch;
	enum item_kind kind;
	enum crm_op_type type;
	const json_t *allowed; /* deletes: set of item ids that the guard lets go */
	struct crm_op ops[WRITE_BATCH];
	char *waits_for; /* updates: a record that another mailbox is writing to, or NULL */
};

static void clear_slot(struct push_batch *b, size_t i)
{
	struct push *p = (struct push *)b;

	if (p->type == CRM_UPDATE)
		shared_give(b->c, p->ops[i].id);
	crm_op_clear(&p->ops[i]);
}

static void id_name(char name[24], int64_t id)
{
	snprintf(name, 24, "%lld", (long long)id);
}

static bool is_allowed(const struct push *p, const struct pair *pair)
{
	char name[24];

	id_name(name, pair->item.id);
	return json_object_get(p->allowed, name) != NULL;
}

static bool needs(struct cycle *c, struct pair *pair, enum crm_op_type *type)
{
	struct store_side *side = &pair->sides[SIDE_CRM];
	const struct config_rule *rule = pair_rule(c, pair);

	if (pair_is_refused(pair, SIDE_CRM) || !rule || rule->mode == MODE_OFF)
		return false;
	if (side->status == SIDE_DELETING && side->remote_id) {
		*type = CRM_DELETE;
		return true;
	}
	if (!pair->item.doc || pair->item.removed || !pair->item.ino ||
		store_writer_active(c->store, pair->item.ino))
		return false;
	if (side->status == SIDE_CREATING) {
		*type = CRM_CREATE;
		return match_may_create(c, side); /* I1 */
	}
	*type = CRM_UPDATE;
	return side->status == SIDE_LINKED && side->ours && side->version;
}

/* Edits of the CRM that stood there so far, since nothing is pulled, and are replaced now. */
static void note_replaced(
	struct cycle *c, struct pair *pair, const json_t *projection, const json_t *changed)
{
	const struct config_rule *rule = pair_rule(c, pair);
	struct store_record record = { 0 };

	if (!rule || rule->direction != DIRECTION_TO_CRM)
		return;
	if (!store_record_get(c->store, document_kind(pair->item.kind)->name,
		    pair->sides[SIDE_CRM].remote_id, &record, NULL))
		merge_replaced(c, pair, SIDE_CRM, projection, changed,
			json_object_get(record.data, "fields"));
	store_record_clear(&record);
}

/* The same of a record that is deleted now, once however often that is tried. */
static void note_deleted(struct cycle *c, struct pair *pair)
{
	const struct config_rule *rule = pair_rule(c, pair);
	struct store_side *side = &pair->sides[SIDE_CRM];
	struct store_record record = { 0 };
	const json_t *fields;

	if (!rule || rule->direction != DIRECTION_TO_CRM || !side->theirs)
		return;
	if (!store_record_get(c->store, document_kind(pair->item.kind)->name, side->remote_id,
		    &record, NULL)) {
		fields = json_object_get(record.data, "fields");
		conflict_note_record(pair, side->theirs, fields);
		json_object_update(side->theirs, (json_t *)fields);
	}
	store_record_clear(&record);
}

/* A create that waits for the next cycle gives up its claims, so that no other mailbox waits for it. */
static bool may_create(struct cycle *c, const struct pair *pair)
{
	bool may = cap_may_create(c, SIDE_CRM, pair->item.id);

	if (!may)
		store_claims_drop(c->store, pair->item.id, NULL);
	return may;
}

/* Is this what the item needs now, and may it be sent? */
static bool is_due(struct push *p, struct pair *pair)
{
	struct cycle *c = p->batch.c;
	enum crm_op_type type;

	if (pair->item.kind != p->kind || !needs(c, pair, &type) || type != p->type)
		return false;
	return (type != CRM_DELETE || is_allowed(p, pair)) &&
	       (type != CRM_CREATE || may_create(c, pair));
}

static bool fill_slot(struct push *p, struct pair *pair, struct error *err)
{
	struct push_batch *b = &p->batch;
	struct store_side *side = &pair->sides[SIDE_CRM];
	struct crm_op *op = &p->ops[b->n];
	const struct crm_driver *driver = b->c->engine->crm_driver;
	json_t *projection, *changed, *later = NULL;

	*op = (struct crm_op){ .id = side->remote_id, .version = side->version };
	if (p->type == CRM_DELETE) {
		note_deleted(b->c, pair);
		side->token_sent = store_now(b->c->store);
		return true;
	}
	if (!push_project(b, pair, true, &projection, &changed, err))
		return false;
	account_decide(b->c, pair, projection, changed, op);
	if (p->type == CRM_UPDATE && !json_array_size(changed) && !op->account_id) {
		json_decref(projection);
		json_decref(changed);
		return false;
	}
	if (p->type == CRM_UPDATE)
		note_replaced(b->c, pair, projection, changed);
	json_decref(side->intent);
	if (driver->later)
		later = driver->later(p->type, p->kind, projection, changed);
	side->intent = pair_intent(projection, changed, later);
	op->fields = projection;
	op->changed = changed;
	if (b->creates) {
		side->token_sent = store_now(b->c->store);
		op->token = side->token;
		op->owner_id = b->c->mb->crm_user;
	}
	b->projections[b->n] = projection;
	b->changed[b->n] = changed;
	return true;
}

/* What another mailbox has read of the record since is merged first. */
static bool fill_update(struct push *p, struct pair *pair, struct error *err)
{
	struct cycle *c = p->batch.c;
	const char *record_id = pair->sides[SIDE_CRM].remote_id;

	if (!shared_take(c, record_id)) {
		xstrset(&p->waits_for, record_id);
		return false;
	}
	if (shared_merge(c, pair, err)) {
		cycle_defer(c, err);
		*err = (struct error)ERROR_INIT;
	} else if (fill_slot(p, pair, err)) {
		return true;
	}
	shared_give(c, record_id);
	return false;
}

/* Another mailbox has come to be linked with the record since it was decided to go: it stays. */
static bool fill_delete(struct push *p, struct pair *pair, struct error *err)
{
	struct cycle *c = p->batch.c;
	int rc;

	if (!designate_is_shared(c, pair))
		return fill_slot(p, pair, err);
	if (pair->item.removed) {
		rc = push_item_end(c, pair->item.id, err);
	} else {
		designate_unlink(c, pair, "private");
		rc = pair_save(c, pair, err);
	}
	if (rc) {
		cycle_defer(c, err);
		*err = (struct error)ERROR_INIT;
	}
	return false;
}

static bool prepare(struct push_batch *b, struct pair *pair, struct error *err)
{
	struct push *p = (struct push *)b;

	if (!is_due(p, pair))
		return false;
	if (p->type == CRM_DELETE)
		return fill_delete(p, pair, err);
	return p->type == CRM_UPDATE ? fill_update(p, pair, err) : fill_slot(p, pair, err);
}

static int succeeded(struct push *p, size_t i, struct pair *pair, struct error *err)
{
	struct push_batch *b = &p->batch;
	const struct crm_op *op = &p->ops[i];
	int rc = account_answered(b->c, pair, op, err);

	push_succeeded(b, i, pair, op->new_id, op->left, false, &op->left_error);
	if (b->creates) {
		store_claims_drop(b->c->store, pair->item.id, NULL);
		cycle_log(b->c, "record %s made in the CRM", op->new_id);
	}
	return rc;
}

/* Who asked for the record before it was deleted, and is answered now, is not to take it for there. */
static int mark_deleted(struct cycle *c, const struct pair *pair, struct error *err)
{
	struct store_record record = { 0 };
	int rc = store_record_get(c->store, document_kind(pair->item.kind)->name,
		pair->sides[SIDE_CRM].remote_id, &record, err);

	if (!rc) {
		record.deleted = true;
		json_object_set_new(record.data, "deleted", json_true());
		json_object_set_new(
			record.data, "deleted_by_us", json_integer(store_now(c->store)));
		rc = store_record_put(c->store, &record, err);
	}
	store_record_clear(&record);
	return rc == ERR_NOT_FOUND ? 0 : rc;
}

/* The answer to a delete: the item goes with its record, or stays, private, without one. */
static int deleted(struct cycle *c, struct pair *pair, struct error *err)
{
	int rc = mark_deleted(c, pair, err);

	if (!rc && !pair->item.removed) /* a removal was counted when it passed the guard */
		rc = guard_sent(c, pair, SIDE_CRM, err);
	if (!rc && pair->item.removed)
		return push_item_end(c, pair->item.id, err);
	if (!rc)
		rc = store_side_delete(c->store, pair->item.id, SIDE_CRM, err);
	store_side_clear(&pair->sides[SIDE_CRM]);
	pair->sides[SIDE_CRM] = (struct store_side){ .item = pair->item.id, .side = SIDE_CRM };
	return rc ? rc : pair_save(c, pair, err);
}

static void failed(struct push *p, size_t i, struct pair *pair)
{
	struct push_batch *b = &p->batch;
	const struct error *why = &p->ops[i].error;

	if (push_passes(b, pair, why))
		return;
	if (why->code == ERR_NOT_FOUND && p->type == CRM_UPDATE) { /* I13 */
		pair_forget_intent(&pair->sides[SIDE_CRM]);
		designate_unlink(b->c, pair, "gone or out of view");
		return;
	}
	if (b->creates)
		store_claims_drop(b->c->store, pair->item.id, NULL);
	account_answered(b->c, pair, &p->ops[i], NULL);
	push_refused(b, pair, why);
}

static int answered(struct push_batch *b, size_t i, struct pair *pair, struct error *err)
{
	struct push *p = (struct push *)b;
	struct error *why = &p->ops[i].error;
	int rc = 0;

	if (!why->code && b->creates && !p->ops[i].new_id)
		error_set(why, ERR_LOST, "an answer without an id");
	if (p->type == CRM_DELETE && (!why->code || why->code == ERR_NOT_FOUND))
		return deleted(b->c, pair, err);
	if (why->code)
		failed(p, i, pair);
	else
		rc = succeeded(p, i, pair, err);
	return rc ? rc : pair_save(b->c, pair, err);
}

static int send_batch(struct push_batch *b, struct error *err)
{
	struct push *p = (struct push *)b;

	return b->c->engine->crm_driver->write(b->c->crm, p->kind, p->type, p->ops, b->n, err);
}

static int read_back(struct push_batch *b, struct error *err)
{
	return pull_crm_fetch(
		b->c, ((struct push *)b)->kind, b->read_back, b->n_read_back, NULL, err);
}

/* Asks the guard (I9), folder by folder, for the records whose items stay: many that turn private at
 * once would be a mass deletion.  The removal of an item has passed the guard before. */
static int judge_deletes(
	struct cycle *c, const int64_t *ids, size_t n, json_t *allowed, struct error *err)
{
	int64_t *due AUTOFREE = xcalloc(n, sizeof(*due)),
		     *group AUTOFREE = xcalloc(n, sizeof(*group));
	uint64_t *folders AUTOFREE = xcalloc(n, sizeof(*folders));
	bool *may AUTOFREE = xcalloc(n, sizeof(*may));
	size_t m = 0;
	char name[24];
	int rc = 0;

	for (size_t i = 0; i < n; i++) {
		struct pair pair;

		if (pair_load(c, ids[i], &pair, NULL))
			continue;
		id_name(name, ids[i]);
		if (pair.sides[SIDE_CRM].status == SIDE_DELETING && pair.item.removed) {
			json_object_set_new(allowed, name, json_true());
		} else if (pair.sides[SIDE_CRM].status == SIDE_DELETING) {
			folders[m] = guard_folder(c, pair.item.folder);
			due[m++] = ids[i];
		}
		pair_clear(&pair);
	}
	if (!m)
		return 0;
	rc = store_begin(c->store, STORE_FULL, STORE_REMOTE, err);
	if (rc)
		return rc;
	for (size_t i = 0; !rc && i < m; i++) {
		size_t k = 0;

		for (size_t j = i; due[i] && j < m; j++)
			if (due[j] && folders[j] == folders[i]) {
				group[k++] = due[j];
				if (j > i)
					due[j] = 0;
			}
		if (k)
			rc = guard_judge(c, folders[i], SIDE_CRM, group, k, may, err);
		for (size_t j = 0; !rc && j < k; j++)
			if (may[j]) {
				id_name(name, group[j]);
				json_object_set_new(allowed, name, json_true());
			}
	}
	if (!rc)
		return store_commit(c->store, err);
	store_rollback(c->store);
	return rc;
}

static int push_type(struct cycle *c, enum item_kind kind, enum crm_op_type type,
	const int64_t *ids, size_t n, const json_t *allowed, struct error *err)
{
	static const struct push_steps steps = { .progress = "sending to the CRM",
		.prepare = prepare,
		.send = send_batch,
		.answered = answered,
		.read_back = read_back,
		.clear = clear_slot };
	struct push *p = xcalloc(1, sizeof(*p));
	int rc;

	p->batch.c = c;
	p->batch.side = SIDE_CRM;
	p->batch.creates = type == CRM_CREATE;
	p->kind = kind;
	p->type = type;
	p->allowed = allowed;
	rc = push_batches(&p->batch, &steps, ids, n, err);
	while (!rc && p->waits_for) {
		shared_wait(c, p->waits_for);
		xstrset(&p->waits_for, NULL);
		rc = push_batches(&p->batch, &steps, ids, n, err);
	}
	free(p->waits_for);
	free(p);
	return rc;
}

int push_crm(struct cycle *c, struct error *err)
{
	static const enum crm_op_type order[] = { CRM_DELETE, CRM_CREATE, CRM_UPDATE };
	int64_t *ids = NULL;
	json_t *allowed = json_object();
	size_t n = 0;
	int rc = store_items_dirty(c->store, c->mb->id, &ids, &n, err);

	if (!rc && c->engine->config->read_only)
		n = 0;
	if (!rc)
		rc = judge_deletes(c, ids, n, allowed, err);
	for (int kind = 0; !rc && kind < ITEM_KINDS; kind++)
		for (size_t i = 0; !rc && c->tables[SIDE_CRM][kind].n && i < ARRAY_SIZE(order); i++)
			rc = push_type(c, kind, order[i], ids, n, allowed, err);
	json_decref(allowed);
	free(ids);
	return rc;
}
