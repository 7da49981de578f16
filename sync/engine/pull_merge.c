/* Staged items of Exchange into documents: which item is it, and then the merge.
 *
 * Who a staged item is, in this order:
 *	its ItemId is known                      that item
 *	its token is of a create still pending   that create went through (I1)
 *	its key is of an item whose ItemId is gone   a move: name, number, shadows and link stay
 *	its key is of an item that lives         a copy: a new item
 *	its key or UID is in a tombstone         restored from Deleted Items: name and link come back
 *	else                                     a new item
 * Deletes come last, when every move has been seen, and pass the guard (I9).  One of an item that was
 * edited here creates it anew; all folders are pulled once more before that (one that was pulled before its
 * item came there did not show it), and Exchange is asked whether it is gone. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sync/engine/internal.h"
#include "sync/mem.h"

struct merge {
	struct cycle *c;
	json_t *deleted; /* set of remote ids staged as deleted */
	json_t *there;	 /* set of those of them that Exchange has all the same */
	json_t *allowed; /* set of item ids that the guard lets go */
	json_t *waiting; /* set of item ids: what came of them waits for a writer */
	json_t *sure; /* set of remote ids: no folder had the item after it was staged as deleted */
};

static const char *text(const json_t *data, const char *name)
{
	return json_string_value(json_object_get(data, name));
}

/* ---- identity --------------------------------------------------------------------------------- */

/* The item whose key this is and whose own ItemId is gone; 0: none. */
static int64_t moved_item(struct merge *m, const char *key)
{
	int64_t *ids = NULL, found = 0;
	size_t n = 0;

	if (!key || store_sides_by_key(m->c->store, m->c->mb->id, key, &ids, &n, NULL))
		return 0;
	for (size_t i = 0; i < n && !found; i++) {
		struct store_side side;

		if (!store_side_get(m->c->store, ids[i], SIDE_EXCHANGE, &side, NULL) &&
			(side.status == SIDE_LINKED || side.status == SIDE_DELETING) &&
			side.remote_id && json_object_get(m->deleted, side.remote_id))
			found = ids[i];
		store_side_clear(&side);
	}
	free(ids);
	return found;
}

static int64_t known_item(struct merge *m, const struct store_pull *pull)
{
	const char *token = text(pull->data, "token");
	struct store_side side;
	int64_t id = 0;

	if (!store_side_by_remote(
		    m->c->store, m->c->mb->id, SIDE_EXCHANGE, pull->remote_id, &side, NULL))
		id = side.item;
	store_side_clear(&side);
	if (!id && token && !store_side_by_token(m->c->store, SIDE_EXCHANGE, token, &side, NULL)) {
		if (side.status == SIDE_CREATING)
			id = side.item;
		store_side_clear(&side);
	}
	return id ? id : moved_item(m, text(pull->data, "key"));
}

/* ---- merging one ------------------------------------------------------------------------------ */

/* Our own move brought it there, and its answer was lost (I12).  The file may stand elsewhere again. */
static bool is_our_move(const struct store_side *side, const struct store_folder *there)
{
	const char *folder = text(side->intent, "folder");

	return folder && there->remote_id && !strcmp(folder, there->remote_id);
}

static int place(
	struct cycle *c, struct pair *pair, const struct store_pull *pull, struct error *err)
{
	struct store_side *side = &pair->sides[SIDE_EXCHANGE];
	struct store_folder there = { 0 }, here = { 0 };
	bool moved_here;
	int rc = store_folder_get(c->store, pull->folder, &there, err);

	if (rc)
		return rc;
	if (!pair->item.removed)
		rc = folders_come_back(c, &there, err);
	if (rc) {
		store_folder_clear(&there);
		return rc;
	}
	if (is_our_move(side, &there))
		xstrset(&side->remote_folder, there.remote_id);
	rc = store_folder_real(c->store, pair->item.folder, &here, NULL);
	moved_here = pair->restored || (!rc && side->remote_folder && here.remote_id &&
					       strcmp(here.remote_id, side->remote_folder) != 0);
	rc = 0;
	if (here.ino != pull->folder && !moved_here)
		rc = pair_move(c, pair, views_same(c, pair, pull->folder), err);
	xstrset(&side->remote_folder, there.remote_id);
	store_folder_clear(&there);
	store_folder_clear(&here);
	return rc;
}

/* The staged item is ours, under this id: a create that was not answered went through (I1). */
static void adopt(struct store_side *side, const struct store_pull *pull)
{
	xstrset(&side->remote_id, pull->remote_id);
	xstrset(&side->key, text(pull->data, "key"));
	if (side->status != SIDE_CREATING)
		return;
	side->status = SIDE_LINKED;
	side->created_by_us = true;
	side->token_sent = 0;
	xstrset(&side->token, NULL);
}

static int merge_into(
	struct cycle *c, struct pair *pair, const struct store_pull *pull, struct error *err)
{
	struct store_side *side = &pair->sides[SIDE_EXCHANGE];
	bool known = side->theirs, arrived = false;
	json_t *before = conflict_seen(c, pair, SIDE_EXCHANGE, known, side->theirs), *after;
	int rc = place(c, pair, pull, err);

	if (!rc) {
		adopt(side, pull);
		rc = pull_merge_data(c, pair, pull->data, err);
		arrived = !json_equal(pair->before, pair->item.doc);
	}
	if (!rc && arrived && pair->item.removed && before) {
		after = conflict_seen(
			c, pair, SIDE_EXCHANGE, known, json_object_get(pull->data, "fields"));
		conflict_note_removed(pair, before, after, "file (removed)", "exchange");
		json_decref(after);
	}
	if (!rc)
		rc = pair_save(c, pair, err);
	if (!rc && arrived)
		rc = commit_arrived(c->engine->commit, &pair->item, err);
	json_decref(before);
	return rc;
}

static int merge_known(
	struct merge *m, int64_t id, const struct store_pull *pull, bool *waits, struct error *err)
{
	struct cycle *c = m->c;
	struct store_side *side;
	struct pair pair;
	int rc = pair_load(c, id, &pair, err);

	if (rc)
		return rc;
	side = &pair.sides[SIDE_EXCHANGE];
	pair.restored = c->restored && side->remote_id &&
			strcmp(side->remote_id, pull->remote_id) != 0;
	*waits = pair.item.ino && store_writer_active(c->store, pair.item.ino);
	if (!*waits) {
		rc = merge_into(c, &pair, pull, err);
	} else if (side->status == SIDE_CREATING) {
		/* What it says waits for the writer; that it was made must not, or it would be
		 * made again once he is gone. */
		adopt(side, pull);
		rc = store_side_save(c->store, side, err);
	}
	pair_clear(&pair);
	return rc;
}

/* ---- a new one -------------------------------------------------------------------------------- */

/* PidTagSearchKey as a UUID; `salt` tells copies, which share the key, apart. */
static char *uid_from_key(const char *key, const char *salt)
{
	unsigned long long a = 1469598103934665603ULL, b = 1099511628211ULL;

	if (key && strlen(key) == 32 && !salt)
		return xasprintf(
			"%.8s-%.4s-%.4s-%.4s-%.12s", key, key + 8, key + 12, key + 16, key + 20);
	for (const char *p = key ? key : ""; *p; p++)
		a = (a ^ (unsigned char)*p) * 1099511628211ULL;
	for (const char *p = salt ? salt : ""; *p; p++)
		b = (b ^ (unsigned char)*p) * 1099511628211ULL + a;
	return xasprintf("%08llx-%04llx-%04llx-%04llx-%012llx", a >> 32, (a >> 16) & 0xffff,
		a & 0xffff, b >> 48, b & 0xffffffffffffULL);
}

static bool uid_is_taken(struct cycle *c, enum item_kind kind, const char *uid)
{
	int64_t *ids = NULL;
	size_t n = 0;
	bool taken = !store_items_by_uid(c->store, c->mb->id, kind, uid, &ids, &n, NULL) && n > 0;

	free(ids);
	return taken;
}

static char *new_uid(
	struct cycle *c, enum item_kind kind, const struct store_pull *pull, bool *is_original)
{
	const char *chosen = text(pull->data, "uid"), *key = text(pull->data, "key");
	char *uid;

	*is_original = true;
	if (chosen && !uid_is_taken(c, kind, chosen))
		return xstrdup(chosen);
	*is_original = !chosen;
	/* The key of an event is its UID; others have none in Exchange. */
	uid = kind == KIND_EVENT && key ? xstrdup(key) : uid_from_key(key, NULL);
	if (uid_is_taken(c, kind, uid)) {
		*is_original = false;
		free(uid);
		uid = uid_from_key(key, pull->remote_id);
	}
	return uid;
}

/* A link kept with the item counts where this is the original, not a copy. */
static void adopt_link(struct cycle *c, struct pair *pair, const json_t *data)
{
	struct store_side *crm = &pair->sides[SIDE_CRM];
	const char *link = text(data, "crmLink"), *unlinked = text(data, "unlinked");

	if (!c->engine->crm_driver)
		return;
	if (unlinked) {
		crm->status = SIDE_UNLINKED;
		crm->remote_id = xstrndup(unlinked, strcspn(unlinked, " "));
		crm->reason = xstrdup(
			unlinked + strcspn(unlinked, " ") + (strchr(unlinked, ' ') != NULL));
	} else if (link) {
		crm->status = SIDE_LINKED;
		crm->remote_id = xstrdup(link);
	}
}

/* By its key.  Of one that a damaged cache had, the key may be lost; its UID then is the item's alone, and not
 * a copy's. */
static bool find_tombstone(struct cycle *c, const struct store_pull *pull, const char *original_uid,
	struct store_tombstone *t)
{
	if (!store_tombstone_find(c->store, c->mb->id, NULL, text(pull->data, "key"), t, NULL))
		return true;
	if (original_uid &&
		!store_tombstone_find(c->store, c->mb->id, original_uid, NULL, t, NULL) && !t->key)
		return true;
	store_tombstone_clear(t);
	*t = (struct store_tombstone){ 0 };
	return false;
}

static void adopt_tombstone(struct pair *pair, const struct store_tombstone *t)
{
	struct store_side *crm = &pair->sides[SIDE_CRM];

	if (t->uid)
		xstrset(&pair->item.uid, t->uid);
	if (!t->record_id)
		return;
	xstrset(&crm->remote_id, t->record_id);
	crm->status = t->record_state && !strncmp(t->record_state, "unlinked", 8) ? SIDE_UNLINKED
										  : SIDE_LINKED;
	if (crm->status == SIDE_UNLINKED)
		xstrset(&crm->reason, t->record_state + strlen("unlinked") +
					      (t->record_state[strlen("unlinked")] == ' '));
}

/* The cache was damaged, and what it knew of the CRM could not be read. */
static bool is_link_unknown(const struct store_tombstone *t)
{
	return t->record_state && !strcmp(t->record_state, TOMBSTONE_LINK_UNKNOWN);
}

static int create_item(struct merge *m, const struct store_pull *pull, struct error *err)
{
	struct cycle *c = m->c;
	struct store_folder folder = { 0 };
	struct store_tombstone tombstone = { 0 };
	struct pair pair = { .sides = { { .side = SIDE_EXCHANGE }, { .side = SIDE_CRM } } };
	struct store_side *side = &pair.sides[SIDE_EXCHANGE];
	const char *name = text(pull->data, "fileName");
	bool is_original, restored;
	int rc = store_folder_get(c->store, pull->folder, &folder, err);

	if (rc)
		return rc;
	rc = folders_come_back(c, &folder, err);
	pair.item = (struct store_item){ .mailbox = c->mb->id,
		.kind = folder.kind,
		.folder = pull->folder,
		.doc = document_kind(folder.kind)->blank(),
		.state = ITEM_SYNCED };
	pair.item.uid = new_uid(c, folder.kind, pull, &is_original);
	restored = find_tombstone(c, pull, is_original ? pair.item.uid : NULL, &tombstone);
	side->status = SIDE_LINKED;
	xstrset(&side->remote_id, pull->remote_id);
	xstrset(&side->key, text(pull->data, "key"));
	xstrset(&side->remote_folder, folder.remote_id);
	if (restored) {
		adopt_tombstone(&pair, &tombstone);
		name = tombstone.name ? tombstone.name : name;
		if (!rc)
			rc = store_tombstone_delete(c->store, tombstone.id, err);
	}
	if (is_original && (!restored || is_link_unknown(&tombstone)))
		adopt_link(c, &pair, pull->data);
	json_object_set_new(pair.item.doc, "uid", json_string(pair.item.uid));
	pair.before = NULL;
	if (!rc)
		rc = pull_merge_data(c, &pair, pull->data, err);
	if (!rc)
		rc = pair_create(
			c, &pair, is_original || restored ? name : NULL, tombstone.ino, err);
	pair.item.name_chosen &= text(pull->data, "fileName") != NULL;
	if (!rc)
		rc = pair_save(c, &pair, err);
	if (!rc)
		gateway_item(c, &pair, pull->data, pull->remote_id, restored || !is_original);
	store_folder_clear(&folder);
	store_tombstone_clear(&tombstone);
	pair_clear(&pair);
	return rc;
}

static int merge_one(struct merge *m, const struct store_pull *pull, bool *waits, struct error *err)
{
	int64_t id = known_item(m, pull);
	char key[24];
	int rc;

	if (!id)
		return create_item(m, pull, err);
	rc = merge_known(m, id, pull, waits, err);
	snprintf(key, sizeof(key), "%lld", (long long)id);
	if (*waits)
		json_object_set_new(m->waiting, key, json_true());
	else
		json_object_del(m->waiting, key);
	return rc;
}

/* ---- the stage -------------------------------------------------------------------------------- */

/* Asks Exchange whether it has the item; not inside a transaction. */
static int ask(
	struct cycle *c, enum item_kind kind, const char *remote_id, bool *gone, struct error *err)
{
	struct mailbox_item item = { 0 };
	int rc = c->engine->mailbox_driver->get_items(
		c->mb->connection, kind, &remote_id, 1, &item, err);

	*gone = !rc && item.error.code == ERR_NOT_FOUND;
	mailbox_item_clear(&item);
	return rc;
}

/* Notes an ItemId with this key that is gone although no delete was staged: its item moved between
 * the pulls of two folders.  Asks Exchange, so it is called before the transaction. */
static int note_gone(struct merge *m, const struct store_pull *pull, struct error *err)
{
	const char *key = text(pull->data, "key");
	struct store_side known = { 0 };
	enum item_kind kind;
	int64_t *ids = NULL;
	size_t n = 0;
	bool is_known = !store_side_by_remote(
		m->c->store, m->c->mb->id, SIDE_EXCHANGE, pull->remote_id, &known, NULL);
	int rc = 0;

	store_side_clear(&known);
	if (is_known || !key)
		return 0;
	rc = store_sides_by_key(m->c->store, m->c->mb->id, key, &ids, &n, err);
	for (size_t i = 0; !rc && i < n; i++) {
		struct store_side side;
		bool gone = false;

		if (!store_side_get(m->c->store, ids[i], SIDE_EXCHANGE, &side, NULL) &&
			!store_item_kind(m->c->store, ids[i], &kind, NULL) && side.remote_id &&
			!json_object_get(m->deleted, side.remote_id)) {
			rc = ask(m->c, kind, side.remote_id, &gone, err);
			if (gone)
				json_object_set_new(m->deleted, side.remote_id, json_true());
		}
		store_side_clear(&side);
	}
	free(ids);
	return rc;
}

/* Calls `step` with batches of staged rows, each batch in one transaction. */
static int walk(struct merge *m,
	int (*step)(struct merge *, const struct store_pull *, bool *waits, struct error *),
	bool deleted, struct error *err)
{
	struct store_pull *pulls = NULL;
	int64_t after = 0;
	size_t n = 0, done = 0;
	int rc;

	do {
		rc = store_pull_list(
			m->c->store, m->c->mb->id, after, MERGE_BATCH, &pulls, &n, err);
		for (size_t i = 0; !rc && i < n; i++)
			if (!deleted && !pulls[i].deleted)
				rc = note_gone(m, &pulls[i], err);
		if (!rc && n)
			rc = store_begin(m->c->store, STORE_NORMAL, STORE_REMOTE, err);
		for (size_t i = 0; !rc && i < n; i++) {
			bool waits = false;

			after = pulls[i].seq;
			if (pulls[i].deleted != deleted)
				continue;
			rc = step(m, &pulls[i], &waits, err);
			if (!rc && !waits)
				rc = store_pull_drop(m->c->store, pulls[i].seq, err);
		}
		if (!rc && n)
			rc = store_commit(m->c->store, err);
		else if (rc)
			store_rollback(m->c->store);
		done += n;
		cycle_progress(m->c, "merging", done, 0);
		store_pulls_free(pulls, n);
		pulls = NULL;
	} while (!rc && n);
	return rc;
}

/* Collects the ids that are staged as deleted. */
static int collect_deleted(struct merge *m, struct error *err)
{
	struct store_pull *pulls = NULL;
	int64_t after = 0;
	size_t n = 0;
	int rc;

	do {
		rc = store_pull_list(
			m->c->store, m->c->mb->id, after, MERGE_BATCH, &pulls, &n, err);
		for (size_t i = 0; !rc && i < n; i++) {
			after = pulls[i].seq;
			if (pulls[i].deleted)
				json_object_set_new(m->deleted, pulls[i].remote_id, json_true());
		}
		if (!rc)
			store_pulls_free(pulls, n);
		pulls = NULL;
	} while (!rc && n);
	return rc;
}

/* ---- deletes ---------------------------------------------------------------------------------- */

/* Edited here since the two agreed: the edit wins over the deletion and creates it anew. */
static int recreate(struct cycle *c, struct pair *pair, struct error *err)
{
	struct store_side *side = &pair->sides[SIDE_EXCHANGE];

	conflict_note_deleted(pair, "file", "exchange");
	store_side_delete(c->store, pair->item.id, SIDE_EXCHANGE, NULL);
	store_side_clear(side);
	*side = (struct store_side){ .item = pair->item.id, .side = SIDE_EXCHANGE };
	return pair_save(c, pair, err);
}

static bool edited_here(struct cycle *c, struct pair *pair)
{
	json_t *projection, *changed;
	bool edited;

	if (!pair->item.edited || pair->item.removed)
		return false;
	projection = pair_project(c, pair, SIDE_EXCHANGE, NULL, NULL);
	if (!projection)
		return true;
	changed = pair_changed(c, pair, SIDE_EXCHANGE, projection);
	edited = json_array_size(changed) > 0;
	json_decref(projection);
	json_decref(changed);
	return edited;
}

/* What came from the CRM since, and never got to Exchange, goes with the record. */
static int note_unsent(struct cycle *c, struct pair *pair, struct error *err)
{
	const struct store_side *side = &pair->sides[SIDE_EXCHANGE];
	const struct field *categories = kind_categories(c, pair->item.kind);
	json_t *projection, *changed, *unsent, *entry;
	size_t i;

	if (!push_takes_record(c, pair))
		return 0;
	projection = pair_project(c, pair, SIDE_EXCHANGE, NULL, err);
	if (!projection)
		return (int)err->code;
	changed = pair_changed(c, pair, SIDE_EXCHANGE, projection);
	unsent = json_object();
	json_array_foreach(changed, i, entry) {
		const char *name = json_string_value(entry);

		/* Our own marks are nobody's edit. */
		if (name[0] != '@' &&
			field_find(&c->tables[SIDE_EXCHANGE][pair->item.kind], name) != categories)
			value_put(unsent, name, value_get(projection, name));
	}
	conflict_note_removed(pair, side->ours, unsent, "exchange (deleted)", "crm");
	json_decref(unsent);
	json_decref(changed);
	json_decref(projection);
	return pair->clashes ? pair_save(c, pair, err) : 0;
}

static int delete_one(
	struct merge *m, const struct store_pull *pull, bool *waits, struct error *err)
{
	struct cycle *c = m->c;
	struct store_side side;
	struct pair pair;
	char key[24];
	int64_t id;
	int rc;

	if (json_object_get(m->there, pull->remote_id))
		return 0;
	rc = store_side_by_remote(c->store, c->mb->id, SIDE_EXCHANGE, pull->remote_id, &side, NULL);
	id = side.item;
	store_side_clear(&side);
	if (rc == ERR_NOT_FOUND)
		return 0; /* moved, or deleted by us */
	if (!rc)
		rc = pair_load(c, id, &pair, err);
	if (rc)
		return rc;
	snprintf(key, sizeof(key), "%lld", (long long)id);
	if ((pair.item.ino && store_writer_active(c->store, pair.item.ino)) ||
		json_object_get(m->waiting, key)) { /* a move perhaps, of which this is a half */
		*waits = true;
	} else if (edited_here(c, &pair)) {
		*waits = !json_object_get(m->sure, pull->remote_id);
		if (*waits)
			cycle_wake(c, CLAIM_WAIT_NS);
		else
			rc = recreate(c, &pair, err);
	} else if (pair.item.removed) { /* both removed it */
		rc = push_item_gone(c, &pair, "deleted in Exchange", err);
	} else {
		*waits = !json_object_get(m->allowed, key);
		if (!*waits)
			rc = guard_sent(c, &pair, SIDE_CRM, err);
		if (!*waits && !rc)
			rc = note_unsent(c, &pair, err);
		if (!*waits && !rc)
			rc = push_item_gone(c, &pair, "deleted in Exchange", err);
	}
	pair_clear(&pair);
	return rc;
}

/* Is the item that has this id edited here? */
static bool is_edited(struct merge *m, const char *remote_id)
{
	struct cycle *c = m->c;
	struct store_side side;
	struct pair pair;
	bool edited = false;

	if (!store_side_by_remote(c->store, c->mb->id, SIDE_EXCHANGE, remote_id, &side, NULL) &&
		!pair_load(c, side.item, &pair, NULL)) {
		edited = edited_here(c, &pair);
		pair_clear(&pair);
	}
	store_side_clear(&side);
	return edited;
}

/* A move that went through between the pulls of two folders, the one to which it led first, has only shown
 * the deletion.  Pulled again, that folder shows the item. */
static int pull_again(struct merge *m, struct error *err)
{
	const char *remote_id;
	json_t *value;
	int rc;

	json_object_foreach(m->deleted, remote_id, value)
		if (is_edited(m, remote_id))
			json_object_set_new(m->sure, remote_id, json_true());
	if (!json_object_size(m->sure))
		return 0;
	rc = pull_mailbox(m->c, err);
	if (!rc)
		rc = collect_deleted(m, err);
	return rc ? rc : walk(m, merge_one, false, err);
}

/* An edited item would be made anew, so it must really be gone: a folder that was shown as empty may
 * have it still, and then it is there twice. */
static int look_for_edited(struct merge *m, struct error *err)
{
	struct cycle *c = m->c;
	const char *remote_id;
	json_t *value;
	void *next;
	int rc = 0;

	json_object_foreach_safe(m->deleted, next, remote_id, value)
	{
		struct store_side side;
		enum item_kind kind;
		bool gone = true;

		if (rc)
			break;
		if (is_edited(m, remote_id) && !store_side_by_remote(c->store, c->mb->id,
						       SIDE_EXCHANGE, remote_id, &side, NULL)) {
			if (!store_item_kind(c->store, side.item, &kind, NULL))
				rc = ask(c, kind, remote_id, &gone, err);
			store_side_clear(&side);
		}
		if (!rc && !gone) {
			json_object_set_new(m->there, remote_id, json_true());
			json_object_del(m->deleted, remote_id);
		}
	}
	return rc;
}

/* Judges all deletes of a folder together before any is carried out: a mass deletion is held whole. */
static int judge_deletes(struct merge *m, struct error *err)
{
	json_t *folders = json_object();
	const char *remote_id, *key;
	json_t *value;
	int rc = 0;

	json_object_foreach(m->deleted, remote_id, value) {
		struct store_side side;
		struct store_item item = { 0 };
		char name[24];

		if (!store_side_by_remote(
			    m->c->store, m->c->mb->id, SIDE_EXCHANGE, remote_id, &side, NULL) &&
			!store_item_get(m->c->store, side.item, &item, NULL) && !item.removed) {
			snprintf(name, sizeof(name), "%llu",
				(unsigned long long)guard_folder(m->c, item.folder));
			if (!json_object_get(folders, name))
				json_object_set_new(folders, name, json_array());
			json_array_append_new(
				json_object_get(folders, name), json_integer(item.id));
		}
		store_item_clear(&item);
		store_side_clear(&side);
	}
	rc = store_begin(m->c->store, STORE_NORMAL, STORE_REMOTE, err);
	if (rc) {
		json_decref(folders);
		return rc;
	}
	json_object_foreach(folders, key, value) {
		size_t n = json_array_size(value);
		int64_t *ids AUTOFREE = xcalloc(n, sizeof(*ids));
		bool *allowed AUTOFREE = xcalloc(n, sizeof(*allowed));

		for (size_t i = 0; i < n; i++)
			ids[i] = json_integer_value(json_array_get(value, i));
		rc = guard_judge(m->c, strtoull(key, NULL, 10), SIDE_CRM, ids, n, allowed, err);
		if (rc)
			break;
		for (size_t i = 0; i < n; i++) {
			char id[24];

			snprintf(id, sizeof(id), "%lld", (long long)ids[i]);
			if (allowed[i])
				json_object_set_new(m->allowed, id, json_true());
		}
	}
	json_decref(folders);
	if (!rc)
		return store_commit(m->c->store, err);
	store_rollback(m->c->store);
	return rc;
}

/* A folder is complete once all of it was pulled and merged, and so is its view. */
static int set_complete(struct cycle *c, struct store_folder *folder, struct error *err)
{
	int rc = store_begin(c->store, STORE_NORMAL, STORE_REMOTE, err);

	if (rc)
		return rc;
	folder->complete = true;
	rc = store_folder_save(c->store, folder, err);
	if (!rc)
		rc = views_ensure(c, folder, err);
	if (!rc)
		return store_commit(c->store, err);
	store_rollback(c->store);
	return rc;
}

static int mark_complete(struct cycle *c, struct error *err)
{
	uint64_t *inos = NULL;
	size_t n = 0;
	int rc = store_folder_list(c->store, c->mb->id, &inos, &n, err);

	for (size_t i = 0; !rc && i < n; i++) {
		struct store_folder folder = { 0 };

		rc = store_folder_get(c->store, inos[i], &folder, err);
		if (!rc && !folder.complete && folder.cursor)
			rc = set_complete(c, &folder, err);
		store_folder_clear(&folder);
	}
	free(inos);
	return rc;
}

int pull_mailbox_merge(struct cycle *c, struct error *err)
{
	struct merge m = { .c = c,
		.deleted = json_object(),
		.there = json_object(),
		.allowed = json_object(),
		.waiting = json_object(),
		.sure = json_object() };
	int rc = collect_deleted(&m, err);

	c->restored = restored_is_noted(c);
	if (!rc)
		rc = walk(&m, merge_one, false, err);
	if (!rc)
		rc = pull_again(&m, err);
	if (!rc)
		rc = look_for_edited(&m, err);
	if (!rc && json_object_size(m.deleted))
		rc = judge_deletes(&m, err);
	if (!rc)
		rc = walk(&m, delete_one, true, err);
	if (!rc)
		rc = guard_tidy(c, m.deleted, err);
	if (!rc)
		rc = mark_complete(c, err);
	if (!rc && c->restored && !json_object_size(m.waiting))
		rc = restored_end(c, err);
	c->restored = false;
	json_decref(m.deleted);
	json_decref(m.there);
	json_decref(m.allowed);
	json_decref(m.waiting);
	json_decref(m.sure);
	return rc;
}
