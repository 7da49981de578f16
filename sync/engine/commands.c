/* Commands of an administrator that act on what is stored: retry, reset, relink, held deletes; and
 * the test of the connections. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "sync/engine/internal.h"
#include "sync/mem.h"

static bool is_meant(const struct engine_mailbox *mb, const char *address)
{
	return !address || !strcasecmp(mb->user->address, address);
}

/* Calls `change` for every item of the meant mailboxes, in transactions of a batch. */
static int for_items(struct engine *e, const char *address,
	int (*change)(struct cycle *, int64_t, struct error *), struct error *err)
{
	bool any = false;
	int rc = 0;

	for (size_t i = 0; !rc && i < e->n_mailboxes; i++) {
		struct cycle c = { .engine = e, .store = e->store, .mb = &e->mailboxes[i] };
		int64_t *ids = NULL;
		size_t n = 0;

		if (!is_meant(&e->mailboxes[i], address))
			continue;
		any = true;
		rc = store_items_all(e->store, e->mailboxes[i].id, &ids, &n, err);
		for (size_t j = 0; !rc && j < n;) {
			rc = store_begin(e->store, STORE_NORMAL, STORE_LOCAL, err);
			for (size_t k = 0; !rc && k < MERGE_BATCH && j < n; k++, j++)
				rc = change(&c, ids[j], err);
			rc = rc ? (store_rollback(e->store), rc) : store_commit(e->store, err);
		}
		free(ids);
	}
	if (!any)
		return error_set(
			err, ERR_NOT_FOUND, "no mailbox %s here", address ? address : "at all");
	return rc;
}

/* Forgets refusals older than `before`. */
static int forget_errors(struct cycle *c, int64_t id, int64_t before, struct error *err)
{
	struct pair pair;
	int rc = pair_load(c, id, &pair, err);

	if (rc)
		return rc == ERR_NOT_FOUND ? 0 : rc;
	for (int side = 0; !rc && side < SIDES; side++) {
		if (!pair.sides[side].error || pair.sides[side].retry_at > before)
			continue;
		xstrset(&pair.sides[side].error, NULL);
		pair.item.dirty = true;
		rc = store_side_save(c->store, &pair.sides[side], err);
	}
	if (!rc && pair.item.dirty && pair.item.error) {
		xstrset(&pair.item.error, NULL);
		pair.item.state = ITEM_PENDING;
		rc = store_item_save(c->store, &pair.item, err);
	}
	pair_clear(&pair);
	return rc;
}

static int forget_error(struct cycle *c, int64_t id, struct error *err)
{
	return forget_errors(c, id, INT64_MAX, err);
}

int commands_retry(struct cycle *c, struct error *err)
{
	int64_t *ids AUTOFREE = NULL, now = store_now(c->store);
	size_t n = 0;
	int rc;

	if (c->mb->retried && now - c->mb->retried < RETRY_NS / 4)
		return 0;
	c->mb->retried = now;
	rc = store_items_with_error(c->store, c->mb->id, &ids, &n, err);
	for (size_t i = 0; !rc && i < n;) {
		rc = store_begin(c->store, STORE_NORMAL, STORE_LOCAL, err);
		for (size_t k = 0; !rc && k < MERGE_BATCH && i < n; k++, i++)
			rc = forget_errors(c, ids[i], now - RETRY_NS, err);
		rc = rc ? (store_rollback(c->store), rc) : store_commit(c->store, err);
	}
	return rc;
}

int engine_retry_errors(struct engine *e, const char *address, struct error *err)
{
	int rc = for_items(e, address, forget_error, err);

	for (size_t i = 0; !rc && i < e->n_mailboxes; i++) {
		struct cycle c = { .engine = e, .store = e->store, .mb = &e->mailboxes[i] };

		if (!is_meant(&e->mailboxes[i], address))
			continue;
		guard_forget_turns(e, &e->mailboxes[i]);
		rc = store_begin(e->store, STORE_NORMAL, STORE_LOCAL, err);
		if (rc)
			break;
		rc = account_retry(&c, err);
		rc = rc ? (store_rollback(e->store), rc) : store_commit(e->store, err);
	}
	return rc;
}

static int forget_shadows(struct cycle *c, int64_t id, struct error *err)
{
	struct pair pair;
	int rc = pair_load(c, id, &pair, err);

	if (rc)
		return rc == ERR_NOT_FOUND ? 0 : rc;
	for (int side = 0; !rc && side < SIDES; side++) {
		struct store_side *s = &pair.sides[side];

		if (s->status == SIDE_NONE)
			continue;
		json_decref(s->ours);
		json_decref(s->theirs);
		s->ours = s->theirs = NULL;
		xstrset(&s->version, NULL);
		xstrset(&s->error, NULL);
		rc = store_side_save(c->store, s, err);
	}
	pair.item.dirty = true;
	if (!rc)
		rc = store_item_save(c->store, &pair.item, err);
	pair_clear(&pair);
	return rc;
}

/* Cursors of the mailbox: its folders are read from the start and compared. */
static int forget_cursors(struct engine *e, struct engine_mailbox *mb, struct error *err)
{
	struct store_mailbox row = { 0 };
	uint64_t *inos = NULL;
	size_t n = 0;
	int rc = store_begin(e->store, STORE_NORMAL, STORE_LOCAL, err);

	if (rc)
		return rc;
	rc = store_mailbox_get(e->store, mb->id, &row, err);
	if (!rc) {
		xstrset(&row.folder_cursor, NULL);
		row.record_seq = 0;
		rc = store_mailbox_save(e->store, &row, err);
	}
	store_mailbox_clear(&row);
	if (!rc)
		rc = store_folder_list(e->store, mb->id, &inos, &n, err);
	for (size_t i = 0; !rc && i < n; i++) {
		struct store_folder folder = { 0 };

		rc = store_folder_get(e->store, inos[i], &folder, err);
		xstrset(&folder.cursor, NULL);
		if (!rc)
			rc = store_folder_save(e->store, &folder, err);
		store_folder_clear(&folder);
	}
	free(inos);
	if (!rc)
		return store_commit(e->store, err);
	store_rollback(e->store);
	return rc;
}

int engine_reset(struct engine *e, const char *address, struct error *err)
{
	int rc = for_items(e, address, forget_shadows, err);

	for (size_t i = 0; !rc && i < e->n_mailboxes; i++)
		if (is_meant(&e->mailboxes[i], address))
			rc = forget_cursors(e, &e->mailboxes[i], err);
	return rc;
}

/* ---- held deletes ------------------------------------------------------------------------------ */

/* What is staged as deleted is staged no longer. */
static int drop_staged(struct cycle *c, const char *remote_id, struct error *err)
{
	struct store_pull *pulls = NULL;
	int64_t after = 0;
	size_t n = 0;
	int rc;

	do {
		rc = store_pull_list(c->store, c->mb->id, after, MERGE_BATCH, &pulls, &n, err);
		for (size_t i = 0; !rc && i < n; i++) {
			after = pulls[i].seq;
			if (pulls[i].deleted && !strcmp(pulls[i].remote_id, remote_id))
				rc = store_pull_drop(c->store, pulls[i].seq, err);
		}
		store_pulls_free(pulls, n);
		pulls = NULL;
	} while (!rc && n);
	return rc;
}

/* A folder that went with its items is made again. */
static int want_folder(struct cycle *c, uint64_t ino, struct error *err)
{
	struct store_folder folder = { 0 };
	int rc = store_folder_real(c->store, ino, &folder, err);

	if (!rc && folder.removed && !folder.remote_id) {
		folder.removed = 0;
		folder.created = store_now(c->store);
		rc = store_folder_save(c->store, &folder, err);
	}
	store_folder_clear(&folder);
	return rc;
}

/* Gone in Exchange, wanted back.  Whether it is gone is asked once more (an empty answer said so, perhaps):
 * what is there is taken as it is, else it is made anew. */
static int want_back(struct cycle *c, struct pair *pair, struct error *err)
{
	struct store_side *side = &pair->sides[SIDE_EXCHANGE];
	int rc = 0;

	if (side->remote_id)
		rc = drop_staged(c, side->remote_id, err);
	if (!rc)
		rc = want_folder(c, pair->item.folder, err);
	if (rc || side->status != SIDE_LINKED)
		return rc;
	json_decref(side->intent);
	side->intent = json_pack("{s:{}, s:s}", "fields", "step", PUSH_STEP_RESTORE);
	return store_side_save(c->store, side, err);
}

/* Takes back what was to be deleted on the side of the CRM: the item, or the record of a private one. */
static int take_back(struct cycle *c, int64_t id, struct error *err)
{
	struct store_side *crm;
	struct pair pair;
	int rc = pair_load(c, id, &pair, err);

	if (rc)
		return rc == ERR_NOT_FOUND ? 0 : rc;
	crm = &pair.sides[SIDE_CRM];
	if (crm->status == SIDE_DELETING && pair.item.ino) {
		designate_keep_record(c, &pair);
		rc = store_side_save(c->store, crm, err);
	} else {
		rc = want_back(c, &pair, err);
	}
	pair.item.dirty = true;
	pair.item.state = ITEM_PENDING;
	if (!rc)
		rc = store_item_save(c->store, &pair.item, err);
	pair_clear(&pair);
	return rc;
}

/* The directory of a removal's file, where that was removed as well. */
static int restore_folder(struct cycle *c, int64_t id, struct error *err)
{
	struct store_folder folder = { 0 };
	struct store_item item = { 0 };
	int rc = store_item_get(c->store, id, &item, err);

	if (!rc)
		rc = store_folder_get(c->store, item.folder, &folder, err);
	if (!rc)
		rc = store_begin(c->store, STORE_FULL, STORE_REMOTE, err);
	if (!rc) {
		rc = folders_come_back(c, &folder, err);
		rc = rc ? (store_rollback(c->store), rc) : store_commit(c->store, err);
	}
	store_folder_clear(&folder);
	store_item_clear(&item);
	return rc;
}

static int decide(struct cycle *c, struct store_deletion *row, bool confirm, struct error *err)
{
	int rc = 0;

	/* The file of a removal comes back with name, number and link, in a transaction of its own. */
	if (!confirm && row->side == SIDE_EXCHANGE)
		rc = restore_folder(c, row->item, err);
	if (!rc && !confirm && row->side == SIDE_EXCHANGE)
		rc = commit_restore(c->engine->commit, row->item, err);
	if (rc == ERR_EXISTS || rc == ERR_NOT_FOUND || rc == ERR_INVALID) /* it stands already */
		rc = 0;
	if (!rc)
		rc = store_begin(c->store, STORE_FULL, STORE_REMOTE, err);
	if (rc)
		return rc;
	row->state = DELETION_CONFIRMED;
	if (confirm)
		rc = store_deletion_put(c->store, row, err);
	else if (row->side == SIDE_CRM)
		rc = take_back(c, row->item, err);
	else
		rc = gone_set(c, row->item, NULL, err);
	if (!rc && !confirm)
		rc = store_deletion_delete(c->store, row->id, err);
	if (!rc)
		return store_commit(c->store, err);
	store_rollback(c->store);
	return rc;
}

static int for_batch(struct engine *e, int64_t batch, bool confirm, struct error *err)
{
	size_t found = 0, busy = 0;
	int rc = 0;

	for (size_t i = 0; !rc && i < e->n_mailboxes; i++) {
		struct cycle c = { .engine = e, .store = e->store, .mb = &e->mailboxes[i] };
		struct store_deletion *rows = NULL;
		size_t n = 0;

		rc = store_deletion_list(e->store, c.mb->id, DELETION_HELD, &rows, &n, err);
		for (size_t j = 0; !rc && j < n; j++) {
			if (rows[j].batch != batch)
				continue;
			found++;
			rc = decide(&c, &rows[j], confirm, err);
			if (rc == ERR_BUSY) { /* its delete is being sent: the others go on */
				busy++;
				rc = 0;
			}
		}
		store_deletions_free(rows, n);
		if (found)
			engine_touch(e, c.mb->id);
	}
	if (!rc && busy)
		rc = error_set(err, ERR_BUSY, "%zu of %zu deletions are being sent", busy, found);
	if (!rc && !found)
		rc = error_set(err, ERR_NOT_FOUND, "no held batch %lld", (long long)batch);
	return rc;
}

int engine_confirm_deletes(struct engine *e, int64_t batch, struct error *err)
{
	return for_batch(e, batch, true, err);
}

int engine_restore_deletes(struct engine *e, int64_t batch, struct error *err)
{
	return for_batch(e, batch, false, err);
}

/* ---- links ------------------------------------------------------------------------------------- */

static int relink_item(struct engine *e, struct engine_mailbox *mb, int64_t id,
	const char *record_id, struct error *err)
{
	struct cycle c = { .engine = e, .store = e->store, .mb = mb };
	char *note AUTOFREE = NULL;
	struct store_side *crm;
	struct pair pair;
	int rc = pair_load(&c, id, &pair, err);

	if (rc)
		return rc;
	if (record_id && match_linked_elsewhere(&c, record_id, id)) {
		pair_clear(&pair);
		return error_set(err, ERR_EXISTS,
			"record %s is linked with another item of this mailbox", record_id);
	}
	crm = &pair.sides[SIDE_CRM];
	if (crm->remote_id) {
		note = unlinked_name(&c, crm->remote_id);
		store_value_set(e->store, note, NULL, NULL);
	}
	match_forget(&c, &pair);
	if (record_id) {
		free(note);
		note = unlinked_name(&c, record_id);
		rc = store_value_set(e->store, note, NULL, err);
		crm->status = SIDE_LINKED;
		crm->remote_id = xstrdup(record_id);
		if (!rc)
			rc = store_side_save(e->store, crm, err);
	}
	pair.item.dirty = true;
	pair.item.state = ITEM_PENDING;
	if (!rc)
		rc = store_item_save(e->store, &pair.item, err);
	pair_clear(&pair);
	return rc;
}

static bool is_account(const struct engine *e, const char *id)
{
	const char *prefix = e->crm_driver ? e->crm_driver->account_prefix : NULL;

	return id && prefix && !strncmp(id, prefix, strlen(prefix));
}

/* An id of an account sets the account and leaves the link. */
static int relink_or_set(struct engine *e, struct engine_mailbox *mb, int64_t id, const char *text,
	struct error *err)
{
	struct cycle c = { .engine = e, .store = e->store, .mb = mb };
	char *record_id AUTOFREE = text && e->crm_driver ? e->crm_driver->record_id(text) : NULL;

	if (text && !record_id)
		return error_set(err, ERR_INVALID, "\"%.40s\" is not the id of a record", text);
	return is_account(e, record_id) ? account_set(&c, id, record_id, err)
					: relink_item(e, mb, id, record_id, err);
}

int engine_relink(struct engine *e, uint64_t ino, const char *record_id, struct error *err)
{
	struct engine_mailbox *mb = NULL;
	struct store_item item = { 0 };
	int rc = store_begin(e->store, STORE_FULL, STORE_LOCAL, err);

	if (rc)
		return rc;
	rc = store_item_by_ino(e->store, ino, &item, err);
	for (size_t i = 0; !rc && i < e->n_mailboxes; i++)
		if (e->mailboxes[i].id == item.mailbox)
			mb = &e->mailboxes[i];
	if (!rc)
		rc = mb ? relink_or_set(e, mb, item.id, record_id, err)
			: error_set(err, ERR_NOT_FOUND, "its mailbox is not served by this mount");
	store_item_clear(&item);
	if (rc) {
		store_rollback(e->store);
		return rc;
	}
	rc = store_commit(e->store, err);
	if (!rc && mb)
		engine_touch(e, mb->id);
	return rc;
}

/* ---- the test of connections --------------------------------------------------------------------- */

static json_t *verdict(int rc, const struct error *err)
{
	return rc ? json_pack("{s:b, s:s}", "ok", 0, "error", err->text)
		  : json_pack("{s:b}", "ok", 1);
}

/* A test has connections of its own, so that it signs in; the stop of the engine finds them. */
static int open_tested(
	struct engine *e, int (*open)(struct engine *e, struct error *err), struct error *err)
{
	int rc;

	pthread_mutex_lock(&e->remote_lock);
	rc = e->stopping ? error_set(err, ERR_CANCELLED, "tandemfs is stopping") : open(e, err);
	pthread_mutex_unlock(&e->remote_lock);
	return rc;
}

static int open_tested_server(struct engine *e, struct error *err)
{
	return e->mailbox_driver->server_open(
		&e->tested_server, e->config->exchange_url, e->config->exchange_ca_file, NULL, err);
}

static int open_tested_crm(struct engine *e, struct error *err)
{
	struct crm_options options = { .url = e->config->crm_url,
		.client_id = e->config->crm_client_id,
		.client_secret = e->config->crm_client_secret,
		.ca_file = e->config->crm_ca_file,
		.external_id_field = e->config->crm_external_id_field,
		.daily_reserve = e->config->crm_daily_reserve };

	return e->crm_driver->open(&e->tested_crm, &options, err);
}

static void close_tested(struct engine *e)
{
	void *server;
	struct crm *crm;

	pthread_mutex_lock(&e->remote_lock);
	server = e->tested_server;
	crm = e->tested_crm;
	e->tested_server = NULL;
	e->tested_crm = NULL;
	pthread_mutex_unlock(&e->remote_lock);
	if (server)
		e->mailbox_driver->server_close(server);
	if (crm)
		e->crm_driver->close(crm);
}

static json_t *test_mailbox(struct engine *e, const char *address)
{
	struct mailbox_options options = { .url = e->config->exchange_url,
		.user = e->config->exchange_user,
		.password = e->config->exchange_password,
		.address = address,
		.impersonate = e->config->impersonate };
	struct error error = ERROR_INIT;
	struct mailbox *mailbox = NULL;
	int rc = open_tested(e, open_tested_server, &error);

	if (!rc)
		rc = e->mailbox_driver->open(&mailbox, e->tested_server, &options, &error);
	if (!rc)
		rc = e->mailbox_driver->test(mailbox, &error);
	if (mailbox)
		e->mailbox_driver->close(mailbox);
	close_tested(e);
	return verdict(rc, &error);
}

static json_t *test_crm(struct engine *e)
{
	struct error error = ERROR_INIT;
	int rc = open_tested(e, open_tested_crm, &error);

	if (!rc)
		rc = e->crm_driver->test(e->tested_crm, &error);
	close_tested(e);
	return verdict(rc, &error);
}

int engine_test(struct engine *e, const char *address, json_t **result, struct error *err)
{
	json_t *list = json_array(), *entry;
	bool fine = true;
	size_t i;

	pthread_mutex_lock(&e->test_lock);
	for (i = 0; i < e->n_mailboxes; i++) {
		if (!is_meant(&e->mailboxes[i], address))
			continue;
		entry = test_mailbox(e, e->mailboxes[i].user->address);
		json_object_set_new(entry, "name", json_string(e->mailboxes[i].user->address));
		json_array_append_new(list, entry);
	}
	if (e->crm_driver) {
		entry = test_crm(e);
		json_object_set_new(entry, "name", json_string(e->crm_driver->name));
		json_array_append_new(list, entry);
	}
	pthread_mutex_unlock(&e->test_lock);
	json_array_foreach(list, i, entry)
		fine &= json_is_true(json_object_get(entry, "ok"));
	*result = list;
	return fine ? 0 : error_set(err, ERR_REMOTE, "not every connection works");
}
