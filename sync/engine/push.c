/* Batches of writes to one side.  See push.h. */
#include "sync/engine/push.h"

#include <stdlib.h>

#include "sync/mem.h"

static void clear_batch(struct push_batch *b, const struct push_steps *steps)
{
	for (size_t i = 0; i < b->n; i++) {
		steps->clear(b, i);
		pair_clear(&b->pairs[i]);
		json_decref(b->projections[i]);
		json_decref(b->changed[i]);
		b->projections[i] = b->changed[i] = NULL;
	}
	b->n = b->n_read_back = 0;
}

/* Fills the batch from ids[*at] on, in one durable transaction. */
static int collect(struct push_batch *b, const struct push_steps *steps, const int64_t *ids,
	size_t n, size_t *at, struct error *err)
{
	struct cycle *c = b->c;
	int rc = store_begin(c->store, STORE_FULL, STORE_REMOTE, err);

	if (rc)
		return rc;
	for (; !rc && *at < n && b->n < WRITE_BATCH; (*at)++) {
		struct pair *pair = &b->pairs[b->n];

		rc = pair_load(c, ids[*at], pair, err);
		if (rc) {
			rc = rc == ERR_NOT_FOUND ? 0 : rc;
			continue;
		}
		if (!steps->prepare(b, pair, err)) {
			pair_clear(pair);
			continue;
		}
		rc = pair->clashes ? pair_save(c, pair, err)
				   : store_side_save(c->store, &pair->sides[b->side], err);
		b->n++;
	}
	if (!rc)
		return store_commit(c->store, err);
	store_rollback(c->store);
	return rc;
}

static int record_answers(struct push_batch *b, const struct push_steps *steps, struct error *err)
{
	struct cycle *c = b->c;
	int rc = store_begin(c->store, STORE_FULL, STORE_REMOTE, err);

	if (rc)
		return rc;
	for (size_t i = 0; !rc && i < b->n; i++) {
		struct pair pair;

		rc = pair_load(c, b->pairs[i].item.id, &pair, err);
		if (rc)
			break;
		rc = steps->answered(b, i, &pair, err);
		pair_clear(&pair);
	}
	if (!rc)
		return store_commit(c->store, err);
	store_rollback(c->store);
	return rc;
}

int push_batches(struct push_batch *b, const struct push_steps *steps, const int64_t *ids, size_t n,
	struct error *err)
{
	size_t at = 0;
	int rc = 0;

	while (!rc && at < n) {
		int sent, recorded;

		rc = collect(b, steps, ids, n, &at, err);
		cycle_progress(b->c, steps->progress, at, n);
		if (!rc && b->n) {
			sent = steps->send(b, err);
			recorded = record_answers(b, steps, sent ? NULL : err);
			rc = sent ? sent : recorded;
			if (!rc)
				rc = steps->read_back(b, err);
		}
		clear_batch(b, steps);
	}
	return rc;
}

bool push_project(struct push_batch *b, struct pair *pair, bool possible, json_t **projection,
	json_t **changed, struct error *err)
{
	*projection = possible ? pair_project(b->c, pair, b->side, NULL, err) : NULL;
	if (*projection) {
		*changed = pair_changed(b->c, pair, b->side, *projection);
		return true;
	}
	pair_refuse(b->c, pair, b->side, err);
	pair_save(b->c, pair, NULL);
	*err = (struct error)ERROR_INIT;
	return false;
}

void push_succeeded(struct push_batch *b, size_t i, struct pair *pair, const char *new_id,
	const json_t *left, bool left_dropped, const struct error *left_error)
{
	struct store_side *side = &pair->sides[b->side];

	xstrset(&side->error, NULL);
	pair_answered(side);
	if (b->creates) {
		xstrset(&side->remote_id, new_id);
		xstrset(&side->token, NULL);
		side->status = SIDE_LINKED;
		side->created_by_us = true;
		side->token_sent = 0;
	}
	if (left)
		pair_keep_left(side, &b->changed[i], left, left_dropped);
	pair_agree(side, b->projections[i], b->changed[i]);
	if (left && refusal_is_final(left_error->code))
		pair_refuse(b->c, pair, b->side, left_error);
	gateway_wrote(b->c, pair, b->side, b->changed[i], b->creates);
	b->read_back[b->n_read_back++] = pair->item.id;
}

bool push_passes(struct push_batch *b, struct pair *pair, const struct error *why)
{
	struct store_side *side = &pair->sides[b->side];

	switch (why->code) {
	case ERR_LOST: /* the token or the intent stands; the next pull tells */
	case ERR_CANCELLED:
		return true;
	case ERR_UNSENT:
	case ERR_THROTTLED:
	case ERR_BUSY:
		side->token_sent = 0;
		pair_forget_intent(side);
		return true;
	case ERR_CONFLICT: /* newer there: read it, merge, try again */
		pair_forget_intent(side);
		b->read_back[b->n_read_back++] = pair->item.id;
		return true;
	default:
		return false;
	}
}

void push_refused(struct push_batch *b, struct pair *pair, const struct error *why)
{
	struct store_side *side = &pair->sides[b->side];

	if (b->creates) {
		side->status = SIDE_NONE;
		xstrset(&side->token, NULL);
	}
	side->token_sent = 0;
	pair_forget_intent(side);
	pair_refuse(b->c, pair, b->side, why);
}
