/* Batches of writes to one side.
 *
 * Each batch: one transaction that writes down what is about to be sent (I12), the request, one
 * transaction with the answers (I3), and one reading of what the remote made of it. */
#ifndef SYNC_ENGINE_PUSH_H
#define SYNC_ENGINE_PUSH_H

#include "sync/engine/internal.h"

/* Writes of one type.  The first member of what the side's file keeps with it. */
struct push_batch {
	struct cycle *c;
	enum side side;
	bool creates;
	struct pair pairs[WRITE_BATCH];
	json_t *projections[WRITE_BATCH]; /* owned; NULL: a delete */
	json_t *changed[WRITE_BATCH];	  /* owned: names of what is sent; NULL: a delete */
	size_t n;
	int64_t read_back[WRITE_BATCH]; /* items to be read after it */
	size_t n_read_back;
};

/* How a side writes. */
struct push_steps {
	const char *progress; /* "sending to Exchange" */
	/* Slot b->n for what this item needs now, its intent in the pair's side; false: it needs nothing of
	 * this type, and nothing is kept in the slot.  Inside the first transaction. */
	bool (*prepare)(struct push_batch *b, struct pair *pair, struct error *err);
	int (*send)(struct push_batch *b, struct error *err);
	/* What slot i's answer means for the pair, loaded anew; saves it.  Inside the second one. */
	int (*answered)(struct push_batch *b, size_t i, struct pair *pair, struct error *err);
	int (*read_back)(struct push_batch *b, struct error *err);
	void (*clear)(struct push_batch *b, size_t i); /* what the side keeps of slot i */
};

int push_batches(struct push_batch *b, const struct push_steps *steps, const int64_t *ids, size_t n,
	struct error *err);

/* For prepare(): the projection and what changed of it; false: it is refused, and noted so. */
bool push_project(struct push_batch *b, struct pair *pair, bool possible, json_t **projection,
	json_t **changed, struct error *err);
/* For answered(): an op of this batch was carried out.  left: names that a later step did not bring there,
 * or NULL; left_dropped and left_error as in the op. */
void push_succeeded(struct push_batch *b, size_t i, struct pair *pair, const char *new_id,
	const json_t *left, bool left_dropped, const struct error *left_error);
/* For answered(): does the error pass, so that a later cycle tells or sends it again?  Then all is done. */
bool push_passes(struct push_batch *b, struct pair *pair, const struct error *why);
/* For answered(): it is refused for good. */
void push_refused(struct push_batch *b, struct pair *pair, const struct error *why);

/* I1: may the item be made in Exchange (again)?  Wakes the engine when it may later. */
bool push_may_create(struct cycle *c, const struct store_side *side);
/* Removals of these items that are due; push_removals.c. */
int push_removals(struct cycle *c, const int64_t *ids, size_t n, struct error *err);

#endif
