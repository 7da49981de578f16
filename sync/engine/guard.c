/* The guard: deletions are counted per mailbox, folder and side, and held when there are many (I9).
 *
 * Held: more than max-delete or a tenth of the folder (never fewer than 5) within 24 hours, or what
 * would empty a folder of 5 or more.  A held deletion waits as a row until an administrator confirms
 * or restores its batch. */
#include <stdlib.h>
#include <string.h>

#include "sync/engine/internal.h"
#include "sync/mem.h"

#define DAY_NS (24 * 3600 * NS_PER_S)
#define FEW    5

static bool too_many(const struct cycle *c, uint64_t sent, size_t wanted, size_t folder_size)
{
	uint64_t total = sent + wanted;
	uint64_t tenth = folder_size / 10 > FEW ? folder_size / 10 : FEW;

	return total > c->engine->config->max_delete || total > tenth ||
	       (folder_size >= FEW && wanted >= folder_size);
}

/* Puts one of the states that an administrator or an earlier cycle gave these items into known[]:
 * -1 none. */
static int known_states(struct cycle *c, enum side side, enum deletion_state state,
	const int64_t *items, size_t n, int *known, struct error *err)
{
	struct store_deletion *rows;
	size_t n_rows;
	int rc = store_deletion_list(c->store, c->mb->id, state, &rows, &n_rows, err);

	if (rc)
		return rc;
	for (size_t r = 0; r < n_rows; r++)
		for (size_t i = 0; i < n; i++)
			if (rows[r].item == items[i] && rows[r].side == side)
				known[i] = (int)state;
	store_deletions_free(rows, n_rows);
	return 0;
}

static int hold(struct cycle *c, uint64_t folder, enum side side, int64_t item, int64_t batch,
	struct error *err)
{
	struct store_deletion row = { .mailbox = c->mb->id,
		.item = item,
		.folder = folder,
		.side = side,
		.state = DELETION_HELD,
		.time = store_now(c->store),
		.batch = batch };
	struct pair pair;
	int rc = pair_load(c, item, &pair, err);

	if (rc)
		return rc;
	row.name = pair_path(c, &pair);
	rc = store_deletion_put(c->store, &row, err);
	free(row.name);
	pair_clear(&pair);
	return rc;
}

static size_t folder_size(struct cycle *c, uint64_t folder)
{
	int64_t *ids = NULL;
	size_t n = 0;

	if (store_items_in_folder(c->store, folder, &ids, &n, NULL))
		return 0;
	free(ids);
	return n;
}

int guard_judge(struct cycle *c, uint64_t folder, enum side side, const int64_t *items, size_t n,
	bool *allowed, struct error *err)
{
	int *known AUTOFREE = xcalloc(n, sizeof(*known));
	size_t fresh = 0;
	uint64_t sent = 0;
	int64_t batch;
	bool held;
	int rc;

	for (size_t i = 0; i < n; i++)
		known[i] = -1;
	rc = known_states(c, side, DELETION_HELD, items, n, known, err);
	if (!rc)
		rc = known_states(c, side, DELETION_CONFIRMED, items, n, known, err);
	if (!rc)
		rc = store_deletion_count(c->store, c->mb->id, folder, side,
			store_now(c->store) - DAY_NS, &sent, err);
	if (rc)
		return rc;
	for (size_t i = 0; i < n; i++)
		fresh += known[i] == -1;
	held = fresh && too_many(c, sent, fresh, folder_size(c, folder));
	batch = store_now(c->store) / NS_PER_MS;
	for (size_t i = 0; i < n; i++) {
		allowed[i] = known[i] == DELETION_CONFIRMED || (known[i] == -1 && !held);
		if (known[i] == -1 && held) {
			rc = hold(c, folder, side, items[i], batch, err);
			if (rc)
				return rc;
		}
	}
	if (held)
		cycle_log(c, "%zu deletions held as batch %lld: confirm or restore them", fresh,
			(long long)batch);
	return 0;
}

int guard_sent(struct cycle *c, const struct pair *pair, enum side side, struct error *err)
{
	struct store_deletion row = { .mailbox = c->mb->id,
		.item = pair->item.id,
		.folder = pair->item.folder,
		.side = side,
		.state = DELETION_SENT,
		.time = store_now(c->store) };
	struct store_deletion *rows;
	size_t n;
	int rc = store_deletion_list(c->store, c->mb->id, DELETION_CONFIRMED, &rows, &n, err);

	if (rc)
		return rc;
	for (size_t i = 0; !rc && i < n; i++)
		if (rows[i].item == pair->item.id && rows[i].side == side)
			rc = store_deletion_delete(c->store, rows[i].id, err);
	store_deletions_free(rows, n);
	if (rc)
		return rc;
	row.name = pair_path(c, pair);
	rc = store_deletion_put(c->store, &row, err);
	free(row.name);
	return rc;
}
