/* Pulls from the CRM: one query an object for all users, then each mailbox merges its part.
 *
 * A page is stored with its cursor (I4).  Records are kept as last seen, numbered anew whenever their
 * content changed; a mailbox remembers up to which number it has merged.  A record seen again in the
 * overlap has no new number; one that has, but equals `theirs`, changes nothing (I11). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "sync/engine/internal.h"
#include "sync/mem.h"

static int64_t monotonic_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * NS_PER_S + ts.tv_nsec;
}

/* "2026-11-22T10:00:00.000+0000" or "...Z" as ns since the epoch; 0 when it is neither. */
static int64_t stamp_ns(const char *stamp)
{
	struct tm tm = { 0 };
	int64_t ns = 0;

	if (!stamp || !strptime(stamp, "%Y-%m-%dT%H:%M:%S", &tm))
		return 0;
	ns = timegm(&tm) * NS_PER_S;
	return ns;
}

static json_t *encode(const struct crm_record *r)
{
	return json_pack("{s:b, s:s?, s:s?, s:b, s:b, s:I, s:s?, s:s?, s:s*, s:O?, s:O*}",
		"deleted", r->deleted, "master", r->master_id, "owner", r->owner_id, "by_us",
		r->modified_by_us, "created_by_us", r->created_by_us, "created",
		(json_int_t)r->created, "account", r->account_id, "token", r->token, "unsupported",
		r->unsupported, "fields", r->fields, "unread", r->unread);
}

int pull_crm_store(
	struct cycle *c, enum item_kind kind, const struct crm_record *r, struct error *err)
{
	struct store_record record = { .object = (char *)document_kind(kind)->name,
		.id = r->id,
		.version = r->version,
		.deleted = r->deleted,
		.data = encode(r) };
	struct store_record known = { 0 };
	bool is_older = !store_record_get(c->store, record.object, record.id, &known, NULL) &&
			stamp_ns(r->version) < stamp_ns(known.version);
	int rc = 0;

	/* A page that was asked for before a write and is stored after it: what was read back stands. */
	if (!is_older)
		rc = store_record_put(c->store, &record, err);
	if (!is_older && !rc)
		rc = gone_stored(c, &record, err);
	store_record_clear(&known);
	json_decref(record.data);
	return rc;
}

/* What one pull asks for: the records of a kind, or (ITEM_KINDS) the accounts. */
#define ACCOUNTS ITEM_KINDS

static int store_page(struct cycle *c, enum item_kind kind, const char *cursor_name,
	const struct crm_page *page, struct error *err)
{
	int rc = store_begin(c->store, STORE_NORMAL, STORE_REMOTE, err);

	if (rc)
		return rc;
	if (kind == ACCOUNTS)
		rc = account_store(c, page, err);
	for (size_t i = 0; !rc && kind != ACCOUNTS && i < page->n; i++)
		rc = pull_crm_store(c, kind, &page->records[i], err);
	if (!rc)
		rc = store_value_set(c->store, cursor_name, page->cursor, err);
	if (!rc)
		return store_commit(c->store, err);
	store_rollback(c->store);
	return rc;
}

/* The rows that we may read, as text. */
static char *readable_rows(struct cycle *c, enum item_kind kind)
{
	const struct field_table *table = &c->tables[SIDE_CRM][kind];
	struct buf names AUTOBUF = BUF_INIT(1 << 20);

	for (size_t i = 0; i < table->n; i++)
		if (!(table->rows[i].flags & FIELD_NO_ACCESS))
			buf_addf(&names, "%s ", table->rows[i].name);
	return xstrdup(buf_str(&names));
}

/* A row that is new (a later version of us has it, or an administrator lets us read it now) was asked for
 * in no pull so far, and what a record holds there must not be written over unseen (I8): all records are
 * read anew. */
static int check_rows(
	struct cycle *c, enum item_kind kind, const char *cursor_name, struct error *err)
{
	char *name AUTOFREE = xasprintf("crm-fields:%s", document_kind(kind)->name);
	char *now AUTOFREE = readable_rows(c, kind), *known AUTOFREE = NULL;
	int rc = store_value_get(c->store, name, &known, err);

	if (rc || (known && !strcmp(known, now)))
		return rc;
	rc = store_begin(c->store, STORE_NORMAL, STORE_REMOTE, err);
	if (!rc)
		rc = store_value_set(c->store, cursor_name, NULL, err);
	if (!rc)
		rc = store_value_set(c->store, name, now, err);
	return rc ? (store_rollback(c->store), rc) : store_commit(c->store, err);
}

static int pull_object(struct cycle *c, enum item_kind kind, struct error *err)
{
	const struct crm_driver *driver = c->engine->crm_driver;
	char *cursor_name AUTOFREE = xasprintf(
		"crm-cursor:%s", kind == ACCOUNTS ? "account" : document_kind(kind)->name);
	bool last = false;
	size_t seen = 0;
	int rc = kind == ACCOUNTS ? 0 : check_rows(c, kind, cursor_name, err);

	while (!rc && !last) {
		struct crm_page page = { 0 };
		char *cursor AUTOFREE = NULL;

		rc = store_value_get(c->store, cursor_name, &cursor, err);
		if (!rc)
			rc = kind == ACCOUNTS ? driver->pull_accounts(c->crm, cursor, &page, err)
					      : driver->pull(c->crm, kind, cursor, &page, err);
		if (rc == ERR_CURSOR && cursor) { /* a locator that expired: from the last stamp */
			rc = store_begin(c->store, STORE_NORMAL, STORE_REMOTE, err);
			if (!rc)
				rc = store_value_set(c->store, cursor_name, NULL, err);
			rc = rc ? (store_rollback(c->store), rc) : store_commit(c->store, err);
			continue;
		}
		if (!rc && (page.n || !cursor || !page.cursor || strcmp(cursor, page.cursor) != 0))
			rc = store_page(c, kind, cursor_name, &page, err);
		last = page.last;
		seen += page.n;
		cycle_progress(c, "reading the CRM", seen, 0);
		crm_page_clear(&page);
	}
	return rc;
}

int pull_crm(struct cycle *c, struct error *err)
{
	struct engine *e = c->engine;
	int64_t began;
	int rc = 0;

	pthread_mutex_lock(&e->pull_lock);
	began = monotonic_ns();
	/* Another mailbox's cycle has pulled since this one was asked for: that serves us too. */
	if (e->crm_pulled < c->asked_at || !e->crm_pulled) {
		for (int kind = 0; !rc && kind < ITEM_KINDS; kind++)
			if (c->tables[SIDE_CRM][kind].n && document_kind(kind))
				rc = pull_object(c, kind, err);
		/* After the records: their names are older then, never newer. */
		if (!rc && account_is_pulled(c))
			rc = pull_object(c, ACCOUNTS, err);
		if (!rc)
			e->crm_pulled = began;
	}
	pthread_mutex_unlock(&e->pull_lock);
	return rc;
}

/* ---- merging ---------------------------------------------------------------------------------- */

int pull_crm_merge_record(
	struct cycle *c, struct pair *pair, const struct store_record *record, struct error *err)
{
	struct remote_state remote = { .version = record->version,
		.fields = value_get(record->data, "fields"),
		.unread = value_get(record->data, "unread"),
		.by_us = json_is_true(json_object_get(record->data, "by_us")),
		.modified = stamp_ns(record->version) };
	json_t *empty = json_object();
	int rc;

	if (!remote.fields)
		remote.fields = empty;
	rc = merge_side(c, pair, SIDE_CRM, &remote, err);
	if (!rc) /* why it was unlinked once says nothing any more */
		xstrset(&pair->sides[SIDE_CRM].reason, NULL);
	json_decref(empty);
	return rc;
}

/* Will the record go with its item?  Of one that nothing is taken of, that is noted when it goes. */
static bool goes_along(const struct pair *pair, const struct config_rule *rule)
{
	if (rule && rule->direction == DIRECTION_TO_CRM)
		return false;
	return pair->sides[SIDE_CRM].status == SIDE_DELETING ||
	       (pair->item.removed && rule &&
		       (rule->remove == REMOVE_CRM || rule->remove == REMOVE_BOTH));
}

/* The record as it is now, into the item; what was changed in a record that goes with its item is kept in
 * a conflict record besides. */
static int merge_changed(struct cycle *c, struct pair *pair, const struct store_record *record,
	const struct config_rule *rule, struct error *err)
{
	const json_t *theirs = pair->sides[SIDE_CRM].theirs;
	bool known = theirs;
	json_t *before = NULL, *after;
	int rc;

	if (goes_along(pair, rule))
		before = conflict_seen(c, pair, SIDE_CRM, known, theirs);
	rc = pull_crm_merge_record(c, pair, record, err);
	if (!rc && before) {
		after = conflict_seen(c, pair, SIDE_CRM, known, value_get(record->data, "fields"));
		conflict_note_record(pair, before, after);
		json_decref(after);
	}
	json_decref(before);
	return rc ? rc : pair_save(c, pair, err);
}

static int merge_into_item(struct cycle *c, int64_t item, const struct store_record *record,
	bool *waits, struct error *err)
{
	struct pair pair;
	struct store_side *side = &pair.sides[SIDE_CRM];
	const struct config_rule *rule;
	int rc = pair_load(c, item, &pair, err);

	if (rc)
		return rc == ERR_NOT_FOUND ? 0 : rc;
	rule = pair_rule(c, &pair);
	if (pair.item.mailbox != c->mb->id) {
		/* another mailbox's own cycle */
	} else if (side->status == SIDE_UNLINKED && record->deleted) {
		rc = gone_unlinked(c, &pair, record, err);
	} else if (side->status == SIDE_DELETING && !record->deleted) {
		rc = merge_changed(c, &pair, record, rule, err);
	} else if (side->status == SIDE_LINKED && rule && rule->mode != MODE_OFF) {
		if (pair.item.ino && store_writer_active(c->store, pair.item.ino))
			*waits = true;
		else if (record->deleted)
			rc = gone_record(c, &pair, record, err);
		else
			rc = merge_changed(c, &pair, record, rule, err);
	}
	pair_clear(&pair);
	return rc;
}

static int merge_record(
	struct cycle *c, const struct store_record *record, bool *waits, struct error *err)
{
	int64_t *items = NULL;
	size_t n = 0;
	bool linked = false, ours = false, is_account;
	int rc = account_merge(c, record, &is_account, err);

	if (rc || is_account)
		return rc;
	rc = store_sides_by_record(c->store, record->id, &items, &n, err);
	for (size_t i = 0; !rc && i < n; i++) {
		struct store_item item = { 0 };

		if (!store_item_get(c->store, items[i], &item, NULL) && item.mailbox == c->mb->id) {
			linked = true;
			rc = merge_into_item(c, items[i], record, waits, err);
		}
		store_item_clear(&item);
	}
	free(items);
	if (!rc)
		gateway_record(c, record, linked);
	if (!rc && !linked && !record->deleted)
		rc = match_pulled(c, record, &ours, waits, err);
	if (!rc && !linked && !record->deleted && !ours)
		rc = import_record(c, record, waits, err);
	return rc;
}

static int save_seq(struct cycle *c, int64_t seq, struct error *err)
{
	struct store_mailbox mb = { 0 };
	int rc = store_mailbox_get(c->store, c->mb->id, &mb, err);

	if (!rc && mb.record_seq != seq) {
		mb.record_seq = seq;
		rc = store_mailbox_save(c->store, &mb, err);
	}
	store_mailbox_clear(&mb);
	return rc;
}

int pull_crm_merge(struct cycle *c, struct error *err)
{
	struct store_mailbox mb = { 0 };
	struct store_record *records = NULL;
	int64_t after, waiting = 0;
	size_t n = 0, done = 0;
	int rc = store_mailbox_get(c->store, c->mb->id, &mb, err);

	after = mb.record_seq;
	store_mailbox_clear(&mb);
	while (!rc) {
		rc = store_record_list(c->store, after, MERGE_BATCH, &records, &n, err);
		if (rc || !n)
			break;
		rc = store_begin(c->store, STORE_NORMAL, STORE_REMOTE, err);
		for (size_t i = 0; !rc && i < n; i++) {
			bool waits = false;

			rc = merge_record(c, &records[i], &waits, err);
			if (waits && !waiting)
				waiting = records[i].seq - 1;
			after = records[i].seq;
		}
		if (!rc)
			rc = save_seq(c, waiting ? waiting : after, err);
		if (!rc)
			rc = store_commit(c->store, err);
		else
			store_rollback(c->store);
		done += n;
		cycle_progress(c, "merging the CRM", done, 0);
		store_records_free(records, n);
		records = NULL;
	}
	if (!n)
		store_records_free(records, n);
	return rc;
}

/* ---- reading back ------------------------------------------------------------------------------ */

/* A record that was fetched, merged into an item that is linked with it.  A deletion is taken by the pull;
 * a merge tells here already where the link goes. */
static int merge_fetched_into(
	struct cycle *c, int64_t item, const struct store_record *record, struct error *err)
{
	struct store_side *crm;
	struct pair pair;
	int rc = pair_load(c, item, &pair, err);

	if (rc)
		return rc;
	crm = &pair.sides[SIDE_CRM];
	/* Under a writer it waits; an intent, or a missing base, keeps it from being forgotten. */
	if (crm->status != SIDE_LINKED || strcmp(crm->remote_id, record->id) != 0 ||
		(pair.item.ino && store_writer_active(c->store, pair.item.ino))) {
		pair_clear(&pair);
		return 0;
	}
	if (record->deleted && json_is_string(json_object_get(record->data, "master"))) {
		rc = gone_record(c, &pair, record, err);
	} else if (!record->deleted) {
		rc = pull_crm_merge_record(c, &pair, record, err);
		if (!rc)
			rc = pair_save(c, &pair, err);
	}
	pair_clear(&pair);
	return rc;
}

static int merge_fetched(struct cycle *c, enum item_kind kind, const struct crm_record *r,
	const int64_t *items, char *const *ids, size_t n, struct error *err)
{
	struct store_record record = { .object = (char *)document_kind(kind)->name,
		.id = r->id,
		.version = r->version,
		.deleted = r->deleted,
		.data = encode(r) };
	int rc = store_begin(c->store, STORE_NORMAL, STORE_REMOTE, err);
	bool begun = !rc;

	if (!rc)
		rc = store_record_put(c->store, &record, err);
	for (size_t i = 0; !rc && i < n; i++)
		if (!strcmp(ids[i], r->id))
			rc = merge_fetched_into(c, items[i], &record, err);
	json_decref(record.data);
	if (!rc)
		return store_commit(c->store, err);
	if (begun)
		store_rollback(c->store);
	return rc == ERR_NOT_FOUND ? 0 : rc;
}

int pull_crm_fetch_step(struct cycle *c, enum item_kind kind, const int64_t *items, size_t n,
	void *data, struct error *err)
{
	cycle_progress(c, "reading records", 0, 0);
	return c->tables[SIDE_CRM][kind].n ? pull_crm_fetch(c, kind, items, n, data, err) : 0;
}

int pull_crm_fetch(struct cycle *c, enum item_kind kind, const int64_t *items, size_t n,
	json_t *found, struct error *err)
{
	struct crm_record *records = NULL;
	char **ids = xcalloc(n, sizeof(*ids));
	int64_t *known = xcalloc(n, sizeof(*known));
	size_t m = 0, n_found = 0;
	int rc = 0;

	for (size_t i = 0; i < n; i++) {
		struct store_side side;

		if (!store_side_get(c->store, items[i], SIDE_CRM, &side, NULL) && side.remote_id) {
			known[m] = items[i];
			ids[m++] = xstrdup(side.remote_id);
		}
		store_side_clear(&side);
	}
	if (m)
		rc = c->engine->crm_driver->get(
			c->crm, kind, (const char *const *)ids, m, &records, &n_found, err);
	for (size_t i = 0; !rc && i < n_found; i++) {
		if (found && (!records[i].deleted || records[i].master_id))
			json_object_set_new(found, records[i].id, json_true());
		if (found && records[i].master_id) /* read in the next pass */
			json_object_set_new(found, records[i].master_id, json_true());
		rc = merge_fetched(c, kind, &records[i], known, ids, m, err);
	}
	crm_records_free(records, n_found);
	for (size_t i = 0; i < m; i++)
		free(ids[i]);
	free(ids);
	free(known);
	return rc;
}
