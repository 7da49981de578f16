/* What items recently were: their rev and their file's number before each change, in memory.
 *
 * The filesystem asks when bytes are committed which rev a process had seen, and must not pay for that
 * at each open.  So an open only notes the number of commits made so far, and this ring says which rev
 * that was: a record holds until its commit.  Records of an open transaction wait beside the ring. */
#include "sync/store/private.h"

#include <stdlib.h>
#include <string.h>

#include "sync/mem.h"

void past_note(struct store *store, int64_t item, uint64_t ino, int64_t rev)
{
	struct past *past = &store->past;

	if (past->n_pending == past->cap_pending) {
		past->cap_pending = past->cap_pending ? past->cap_pending * 2 : 16;
		past->pending = xreallocarray(
			past->pending, past->cap_pending, sizeof(*past->pending));
	}
	past->pending[past->n_pending++] = (struct store_past){
		.item = item, .ino = ino, .rev = rev
	};
}

/* Called with the writer held, before anybody can see the new number of commits. */
void past_commit(struct store *store, uint64_t commits)
{
	struct past *past = &store->past;

	pthread_mutex_lock(&past->lock);
	for (size_t i = 0; i < past->n_pending; i++) {
		struct store_past *to = &past->ring[past->next % PAST_KEPT];

		if (past->next >= PAST_KEPT)
			past->forgotten = to->commits;
		*to = past->pending[i];
		to->commits = commits;
		past->next++;
	}
	pthread_mutex_unlock(&past->lock);
	past_rollback(store);
}

void past_rollback(struct store *store)
{
	struct past *past = &store->past;

	past->n_pending = 0;
	if (past->cap_pending > 1024) { /* a first sync notes thousands */
		free(past->pending);
		past->pending = NULL;
		past->cap_pending = 0;
	}
}

void past_open(struct store *store)
{
	pthread_mutex_init(&store->past.lock, NULL);
	store->past.ring = xcalloc(PAST_KEPT, sizeof(*store->past.ring));
}

void past_close(struct store *store)
{
	pthread_mutex_destroy(&store->past.lock);
	free(store->past.ring);
	free(store->past.pending);
}

struct collected {
	struct store_past *list;
	size_t n, max;
	uint64_t *forgotten;
};

/* The oldest go. */
static void collect(struct collected *c, const struct store_past *one, uint64_t commits)
{
	if (c->n == c->max) {
		if (c->list[0].commits > *c->forgotten)
			*c->forgotten = c->list[0].commits;
		memmove(c->list, c->list + 1, (c->n - 1) * sizeof(*c->list));
		c->n--;
	}
	c->list[c->n] = *one;
	c->list[c->n++].commits = commits;
}

size_t store_item_past(
	struct store *store, int64_t item, struct store_past *list, size_t max, uint64_t *forgotten)
{
	struct collected c = { .list = list, .max = max, .forgotten = forgotten };
	struct past *past = &store->past;
	uint64_t at;

	pthread_mutex_lock(&past->lock);
	*forgotten = past->forgotten;
	at = past->next > PAST_KEPT ? past->next - PAST_KEPT : 0;
	for (; at < past->next; at++) {
		const struct store_past *one = &past->ring[at % PAST_KEPT];

		if (one->item == item)
			collect(&c, one, one->commits);
	}
	pthread_mutex_unlock(&past->lock);
	if (!store_in_transaction(store))
		return c.n;
	for (size_t i = 0; i < past->n_pending; i++)
		if (past->pending[i].item == item)
			collect(&c, &past->pending[i], store_commits(store) + 1);
	return c.n;
}
