/* The guards: deletions in bulk, and items that go back and forth.
 *
 * Deletions are counted per mailbox, folder and side, and held when there are many (I9).
 *
 * Held: more than max-delete in the mailbox or a tenth of the folder (never fewer than 5) within 24 hours,
 * or what would empty a folder of 5 or more, or what a restored mailbox lacks.  A folder and its view are
 * one, as in Exchange; a view is not emptied unasked either.  A held deletion waits as a row until an
 * administrator confirms or restores its batch, or what was deleted is there again.
 *
 * Turns: a change taken from one side after one taken from the other.  Two users at the two ends take a
 * few; a second gateway between the same two systems takes one for each of ours.  The count is kept in
 * memory: a restart that forgets it is no harm. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sync/engine/internal.h"
#include "sync/mem.h"

#define DAY_NS (24 * 3600 * NS_PER_S)

struct count {
	uint64_t all;	 /* of the mailbox and side within a day */
	uint64_t folder; /* of those, in the folder */
};

static bool too_many(
	const struct cycle *c, const struct count *gone, size_t wanted, size_t folder_size)
{
	uint64_t tenth = folder_size / 10 > GUARD_FEW ? folder_size / 10 : GUARD_FEW;

	return gone->all + wanted > c->engine->config->max_delete ||
	       gone->folder + wanted > tenth || (folder_size >= GUARD_FEW && wanted >= folder_size);
}

static void item_name(char name[24], int64_t item)
{
	snprintf(name, 24, "%lld", (long long)item);
}

/* Deletions sent within a day, and those that this cycle has let go and not sent yet. */
static int count_gone(
	struct cycle *c, uint64_t folder, enum side side, struct count *gone, struct error *err)
{
	int64_t since = store_now(c->store) - DAY_NS;
	const char *name;
	json_t *where;
	int rc = store_deletion_count(c->store, c->mb->id, 0, side, since, &gone->all, err);

	if (!rc)
		rc = store_deletion_count(
			c->store, c->mb->id, folder, side, since, &gone->folder, err);
	json_object_foreach(c->let_go[side], name, where) {
		gone->all++;
		gone->folder += (uint64_t)json_integer_value(where) == folder;
	}
	return rc;
}

/* Items by their names: item -> its place among those judged. */
static json_t *index_of(const int64_t *items, size_t n)
{
	json_t *places = json_object();

	for (size_t i = 0; i < n; i++) {
		char name[24];

		item_name(name, items[i]);
		json_object_set_new(places, name, json_integer((json_int_t)i));
	}
	return places;
}

static json_t *place_of(const json_t *places, int64_t item)
{
	char name[24];

	item_name(name, item);
	return json_object_get(places, name);
}

/* Puts one of the states that an administrator or an earlier cycle gave these items into known[]. */
static int known_states(struct cycle *c, enum side side, enum deletion_state state,
	const json_t *places, int *known, struct error *err)
{
	struct store_deletion *rows;
	size_t n_rows;
	int rc = store_deletion_list(c->store, c->mb->id, state, &rows, &n_rows, err);

	if (rc)
		return rc;
	for (size_t r = 0; r < n_rows; r++) {
		json_t *place = place_of(places, rows[r].item);

		if (place && rows[r].side == side)
			known[json_integer_value(place)] = (int)state;
	}
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

uint64_t guard_folder(struct cycle *c, uint64_t ino)
{
	struct store_folder folder = { 0 };
	uint64_t real = store_folder_real(c->store, ino, &folder, NULL) ? ino : folder.ino;

	store_folder_clear(&folder);
	return real;
}

static size_t folder_size(struct cycle *c, uint64_t folder)
{
	int64_t *ids AUTOFREE = NULL;
	size_t n = 0;

	return store_items_in_real_folder(c->store, folder, &ids, &n, NULL) ? 0 : n;
}

/* Are all items of the folder's view among these, and not just a few? */
static bool empties_view(struct cycle *c, uint64_t folder, const json_t *places)
{
	struct store_folder view = { 0 };
	int64_t *ids AUTOFREE = NULL;
	size_t n = 0;
	bool all = !store_folder_view(c->store, folder, &view, NULL) &&
		   !store_items_in_folder(c->store, view.ino, &ids, &n, NULL) && n >= GUARD_FEW;

	for (size_t i = 0; all && i < n; i++)
		all = place_of(places, ids[i]) != NULL;
	store_folder_clear(&view);
	return all;
}

/* What is known of these deletions: a state, LET_GO in this cycle, or NEW. */
#define NEW    (-1)
#define LET_GO (-2)

static int all_known(struct cycle *c, enum side side, const int64_t *items, size_t n,
	const json_t *places, int *known, struct error *err)
{
	int rc;

	for (size_t i = 0; i < n; i++) {
		char name[24];

		item_name(name, items[i]);
		known[i] = json_object_get(c->let_go[side], name) ? LET_GO : NEW;
	}
	rc = known_states(c, side, DELETION_HELD, places, known, err);
	return rc ? rc : known_states(c, side, DELETION_CONFIRMED, places, known, err);
}

int guard_judge(struct cycle *c, uint64_t folder, enum side side, const int64_t *items, size_t n,
	bool *allowed, struct error *err)
{
	int *known AUTOFREE = xcalloc(n, sizeof(*known));
	json_t *places = index_of(items, n);
	struct count gone = { 0 };
	size_t fresh = 0;
	bool too;
	int rc = all_known(c, side, items, n, places, known, err);

	if (!rc)
		rc = count_gone(c, folder, side, &gone, err);
	for (size_t i = 0; i < n; i++)
		fresh += known[i] == NEW;
	too = fresh && ((side == SIDE_CRM && c->restored) ||
			       too_many(c, &gone, fresh, folder_size(c, folder)) ||
			       empties_view(c, folder, places));
	json_decref(places);
	if (too && !c->batch) /* all that one cycle holds is one batch */
		c->batch = store_now(c->store) / NS_PER_MS;
	for (size_t i = 0; !rc && i < n; i++) {
		char name[24];

		item_name(name, items[i]);
		allowed[i] = known[i] == DELETION_CONFIRMED || known[i] == LET_GO ||
			     (known[i] == NEW && !too);
		if (known[i] == NEW && too)
			rc = hold(c, folder, side, items[i], c->batch, err);
		else if (known[i] == NEW)
			json_object_set_new(
				c->let_go[side], name, json_integer((json_int_t)folder));
	}
	if (!rc && too)
		cycle_log(c, "%zu deletions held as batch %lld: confirm or restore them", fresh,
			(long long)c->batch);
	return rc;
}

/* Is the deletion that the row holds still wanted?  On the mailbox's side a file was removed, or is to go
 * with its record; towards the CRM the item is gone in Exchange, or its record is to go. */
static bool is_wanted(
	struct cycle *c, const struct store_deletion *row, const json_t *gone_in_exchange)
{
	struct pair pair;
	bool wanted;

	if (pair_load(c, row->item, &pair, NULL))
		return false;
	if (row->side == SIDE_EXCHANGE)
		wanted = pair.item.removed || gone_is_set(c, row->item);
	else
		wanted = pair.sides[SIDE_CRM].status == SIDE_DELETING ||
			 (pair.sides[SIDE_EXCHANGE].remote_id &&
				 json_object_get(
					 gone_in_exchange, pair.sides[SIDE_EXCHANGE].remote_id));
	pair_clear(&pair);
	return wanted;
}

int guard_tidy(struct cycle *c, const json_t *gone_in_exchange, struct error *err)
{
	static const enum deletion_state states[] = { DELETION_HELD, DELETION_CONFIRMED };
	int rc = 0;

	for (size_t s = 0; !rc && s < ARRAY_SIZE(states); s++) {
		struct store_deletion *rows = NULL;
		size_t n = 0;

		rc = store_deletion_list(c->store, c->mb->id, states[s], &rows, &n, err);
		if (rc || !n)
			continue;
		rc = store_begin(c->store, STORE_NORMAL, STORE_REMOTE, err);
		for (size_t i = 0; !rc && i < n; i++)
			if (!is_wanted(c, &rows[i], gone_in_exchange))
				rc = store_deletion_delete(c->store, rows[i].id, err);
		rc = rc ? (store_rollback(c->store), rc) : store_commit(c->store, err);
		store_deletions_free(rows, n);
	}
	return rc;
}

int guard_sent(struct cycle *c, const struct pair *pair, enum side side, struct error *err)
{
	struct store_deletion row = { .mailbox = c->mb->id,
		.item = pair->item.id,
		.folder = guard_folder(c, pair->item.folder),
		.side = side,
		.state = DELETION_SENT,
		.time = store_now(c->store) };
	struct store_deletion *rows;
	char name[24];
	size_t n;
	int rc = store_deletion_list(c->store, c->mb->id, DELETION_CONFIRMED, &rows, &n, err);

	if (rc)
		return rc;
	item_name(name, pair->item.id);
	json_object_del(c->let_go[side], name);
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

/* ---- back and forth ---------------------------------------------------------------------------- */

/* More items than this are not remembered: a first sync is no fight. */
#define TURNS_ITEMS 4096

bool guard_turn(struct cycle *c, int64_t item, enum side side)
{
	struct engine_mailbox *mb = c->mb;
	int64_t now = store_now(c->store), turns = 0;
	json_t *entry;
	char name[24];

	item_name(name, item);
	pthread_mutex_lock(&c->engine->lock);
	if (!mb->turns || json_object_size(mb->turns) > TURNS_ITEMS) {
		json_decref(mb->turns);
		mb->turns = json_object();
	}
	entry = json_object_get(mb->turns, name);
	if (!entry || now - json_integer_value(json_object_get(entry, "since")) > TURNS_NS) {
		json_object_set_new(mb->turns, name,
			json_pack("{s:i, s:i, s:I}", "side", (int)side, "n", 0, "since",
				(json_int_t)now));
	} else {
		turns = json_integer_value(json_object_get(entry, "n"));
		if (json_integer_value(json_object_get(entry, "side")) != (int)side)
			turns++;
		json_object_set_new(entry, "side", json_integer((int)side));
		json_object_set_new(entry, "n", json_integer((json_int_t)turns));
	}
	pthread_mutex_unlock(&c->engine->lock);
	return turns > TURNS_MAX;
}

bool guard_is_fighting(struct cycle *c, int64_t item)
{
	json_t *entry;
	char name[24];
	bool fights;

	item_name(name, item);
	pthread_mutex_lock(&c->engine->lock);
	entry = json_object_get(c->mb->turns, name);
	fights = json_integer_value(json_object_get(entry, "n")) > TURNS_MAX &&
		 store_now(c->store) - json_integer_value(json_object_get(entry, "since")) <=
			 TURNS_NS;
	pthread_mutex_unlock(&c->engine->lock);
	return fights;
}

void guard_forget_turns(struct engine *e, struct engine_mailbox *mb)
{
	pthread_mutex_lock(&e->lock);
	json_decref(mb->turns);
	mb->turns = NULL;
	pthread_mutex_unlock(&e->lock);
}
