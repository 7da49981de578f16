/* Pushes to the CRM: deletes by tombstone (I2), creates by token (I1), updates of changed fields.
 *
 * As in push_mailbox.c: write down, send, record the answers, read back.  An upsert by token is
 * repeated at once, since it cannot make a second record; a plain create waits until a pull would
 * have shown it, and is matched once more before it is sent again. */
#include <stdlib.h>
#include <string.h>

#include "sync/engine/internal.h"
#include "sync/mem.h"

struct push {
	struct cycle *c;
	enum item_kind kind;
	enum crm_op_type type;
	const json_t *allowed; /* deletes: set of item ids that the guard lets go */
	struct crm_op ops[WRITE_BATCH];
	struct pair pairs[WRITE_BATCH];
	json_t *projections[WRITE_BATCH];
	json_t *changed[WRITE_BATCH];
	size_t n;
	int64_t read_back[WRITE_BATCH];
	size_t n_read_back;
};

static void push_clear(struct push *p)
{
	for (size_t i = 0; i < p->n; i++) {
		crm_op_clear(&p->ops[i]);
		pair_clear(&p->pairs[i]);
		json_decref(p->projections[i]);
		json_decref(p->changed[i]);
	}
	p->n = p->n_read_back = 0;
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

static bool prepare(struct push *p, struct pair *pair, struct error *err)
{
	struct cycle *c = p->c;
	struct store_side *side = &pair->sides[SIDE_CRM];
	struct crm_op *op = &p->ops[p->n];
	const struct crm_driver *driver = c->engine->crm_driver;
	json_t *projection, *changed, *later = NULL;

	*op = (struct crm_op){ .id = side->remote_id, .version = side->version };
	p->projections[p->n] = p->changed[p->n] = NULL;
	if (p->type == CRM_DELETE)
		return true;
	projection = pair_project(c, pair, SIDE_CRM, NULL, err);
	if (!projection) {
		pair_refuse(c, pair, SIDE_CRM, err);
		pair_save(c, pair, NULL);
		*err = (struct error)ERROR_INIT;
		return false;
	}
	changed = pair_changed(c, pair, SIDE_CRM, projection);
	account_decide(c, pair, projection, changed, op);
	if (p->type == CRM_UPDATE && !json_array_size(changed) && !op->account_id) {
		json_decref(projection);
		json_decref(changed);
		return false;
	}
	if (p->type == CRM_UPDATE)
		note_replaced(c, pair, projection, changed);
	json_decref(side->intent);
	if (driver->later)
		later = driver->later(p->type, p->kind, projection, changed);
	side->intent = pair_intent(projection, changed, later);
	op->fields = projection;
	op->changed = changed;
	if (p->type == CRM_CREATE) {
		side->token_sent = store_now(c->store);
		op->token = side->token;
		op->owner_id = c->mb->crm_user;
	}
	p->projections[p->n] = projection;
	p->changed[p->n] = changed;
	return true;
}

/* A create that waits for the next cycle gives up its claims, so that no other mailbox waits for it. */
static bool may_create(struct cycle *c, const struct pair *pair)
{
	bool may = cap_may_create(c, SIDE_CRM, pair->item.id);

	if (!may)
		store_claims_drop(c->store, pair->item.id, NULL);
	return may;
}

static int collect(struct push *p, const int64_t *ids, size_t n, size_t *at, struct error *err)
{
	struct cycle *c = p->c;
	int rc = store_begin(c->store, STORE_FULL, STORE_REMOTE, err);

	if (rc)
		return rc;
	for (; !rc && *at < n && p->n < WRITE_BATCH; (*at)++) {
		struct pair *pair = &p->pairs[p->n];
		enum crm_op_type type;

		rc = pair_load(c, ids[*at], pair, err);
		if (rc) {
			rc = rc == ERR_NOT_FOUND ? 0 : rc;
			continue;
		}
		if (pair->item.kind != p->kind || !needs(c, pair, &type) || type != p->type ||
			(type == CRM_DELETE && !is_allowed(p, pair)) ||
			(type == CRM_CREATE && !may_create(c, pair)) || !prepare(p, pair, err)) {
			pair_clear(pair);
			continue;
		}
		rc = pair->clashes ? pair_save(c, pair, err)
				   : store_side_save(c->store, &pair->sides[SIDE_CRM], err);
		p->n++;
	}
	if (!rc)
		return store_commit(c->store, err);
	store_rollback(c->store);
	return rc;
}

static int succeeded(struct push *p, size_t i, struct pair *pair, struct error *err)
{
	struct store_side *side = &pair->sides[SIDE_CRM];
	const struct crm_op *op = &p->ops[i];
	int rc = account_answered(p->c, pair, &p->ops[i], err);

	xstrset(&side->error, NULL);
	pair_answered(side);
	if (p->type == CRM_CREATE) {
		store_claims_drop(p->c->store, pair->item.id, NULL);
		xstrset(&side->remote_id, p->ops[i].new_id);
		xstrset(&side->token, NULL);
		side->status = SIDE_LINKED;
		side->created_by_us = true;
		side->token_sent = 0;
		cycle_log(p->c, "record %s made in the CRM", side->remote_id);
	}
	if (op->left)
		pair_keep_left(side, &p->changed[i], op->left, false);
	pair_agree(side, p->projections[i], p->changed[i]);
	if (op->left && refusal_is_final(op->left_error.code))
		pair_refuse(p->c, pair, SIDE_CRM, &op->left_error);
	gateway_wrote(p->c, pair, SIDE_CRM, p->changed[i], p->type == CRM_CREATE);
	p->read_back[p->n_read_back++] = pair->item.id;
	return rc;
}

/* The answer to a delete: the item goes with its record, or stays, private, without one. */
static int deleted(struct push *p, struct pair *pair, struct error *err)
{
	struct cycle *c = p->c;
	int rc = 0;

	if (!pair->item.removed) /* a removal was counted when it passed the guard */
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
	struct store_side *side = &pair->sides[SIDE_CRM];
	const struct error *why = &p->ops[i].error;

	switch (why->code) {
	case ERR_LOST:
	case ERR_CANCELLED:
		return;
	case ERR_UNSENT:
	case ERR_THROTTLED:
	case ERR_BUSY:
		if (p->type == CRM_CREATE)
			side->token_sent = 0;
		pair_forget_intent(side);
		return;
	case ERR_CONFLICT:
		pair_forget_intent(side);
		p->read_back[p->n_read_back++] = pair->item.id;
		return;
	case ERR_NOT_FOUND:
		pair_forget_intent(side);
		if (p->type == CRM_UPDATE) { /* I13 */
			designate_unlink(p->c, pair, "gone or out of view");
			return;
		}
		break;
	default:
		break;
	}
	pair_forget_intent(side);
	if (p->type == CRM_CREATE) {
		xstrset(&side->token, NULL);
		side->status = SIDE_NONE;
		side->token_sent = 0;
		store_claims_drop(p->c->store, pair->item.id, NULL);
	}
	account_answered(p->c, pair, &p->ops[i], NULL);
	pair_refuse(p->c, pair, SIDE_CRM, why);
}

static int record_answers(struct push *p, struct error *err)
{
	struct cycle *c = p->c;
	int rc = store_begin(c->store, STORE_FULL, STORE_REMOTE, err);

	if (rc)
		return rc;
	for (size_t i = 0; !rc && i < p->n; i++) {
		const struct error *why = &p->ops[i].error;
		struct pair pair;

		rc = pair_load(c, p->pairs[i].item.id, &pair, err);
		if (rc)
			break;
		if (!why->code && p->type == CRM_CREATE && !p->ops[i].new_id)
			error_set(&p->ops[i].error, ERR_LOST, "an answer without an id");
		if (p->type == CRM_DELETE && (!why->code || why->code == ERR_NOT_FOUND)) {
			rc = deleted(p, &pair, err);
		} else {
			if (why->code)
				failed(p, i, &pair);
			else
				rc = succeeded(p, i, &pair, err);
			if (!rc)
				rc = pair_save(c, &pair, err);
		}
		pair_clear(&pair);
	}
	if (!rc)
		return store_commit(c->store, err);
	store_rollback(c->store);
	return rc;
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
	struct push *p = xcalloc(1, sizeof(*p));
	size_t at = 0;
	int rc = 0;

	p->c = c;
	p->kind = kind;
	p->type = type;
	p->allowed = allowed;
	while (!rc && at < n) {
		int sent, recorded;

		rc = collect(p, ids, n, &at, err);
		cycle_progress(c, "sending to the CRM", at, n);
		if (rc || !p->n) {
			push_clear(p);
			continue;
		}
		sent = c->engine->crm_driver->write(c->crm, kind, type, p->ops, p->n, err);
		recorded = record_answers(p, sent ? NULL : err);
		rc = sent ? sent : recorded;
		if (!rc)
			rc = pull_crm_fetch(c, kind, p->read_back, p->n_read_back, NULL, err);
		push_clear(p);
	}
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
