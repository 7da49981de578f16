/* One cycle of one mailbox: pull from both sides, merge, designate, push what changed here.
 *
 * The steps, and what is true between them:
 *
 *	settle     emptied files show their former bytes again
 *	intents    items whose last push was not answered are read from the remote first (I12)
 *	pull       pages of Exchange and of the CRM are in the store with their cursors (I4)
 *	merge      every pulled change is in its document, or waits for a writer
 *	designate  links wanted are made or claimed, links no longer wanted are ended
 *	push       what differs from its shadow is sent, guarded by the remote's version, read back
 *
 * The last two are repeated while they find work, a few times: a record made in the CRM gives the
 * Exchange item a mark, a refused precondition wants a second look.
 *
 * A CRM that fails does not stop the Exchange half: its failure is kept and ends the cycle's result. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sync/engine/internal.h"
#include "sync/mem.h"

void cycle_log(struct cycle *c, const char *fmt, ...)
{
	char *line = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&line, fmt, ap) < 0)
		line = NULL;
	va_end(ap);
	if (!line)
		return;
	json_array_append_new(c->log, json_string(line));
	if (c->engine->log) {
		char *named AUTOFREE = xasprintf("%s: %s", c->mb->user->address, line);

		c->engine->log(c->engine->log_data, named);
	}
	free(line);
}

void cycle_progress(struct cycle *c, const char *phase, size_t done, size_t total)
{
	pthread_mutex_lock(&c->engine->lock);
	c->mb->phase = phase;
	c->mb->done = done;
	c->mb->total = total;
	pthread_mutex_unlock(&c->engine->lock);
}

void cycle_defer(struct cycle *c, const struct error *err)
{
	if (!c->deferred.code)
		c->deferred = *err;
}

void cycle_wake(struct cycle *c, int64_t ns)
{
	if (ns < NS_PER_MS)
		ns = NS_PER_MS;
	if (!c->wake_in || ns < c->wake_in)
		c->wake_in = ns;
}

static int open_mailbox(struct cycle *c, struct error *err)
{
	struct engine *e = c->engine;
	const struct config *config = e->config;
	struct mailbox_options options = { .url = config->exchange_url,
		.user = config->exchange_user,
		.password = config->exchange_password,
		.address = c->mb->user->address,
		.impersonate = config->impersonate,
		.timezone = c->mb->user->timezone,
		.record_dir = config->record_dir };
	int rc = 0;

	pthread_mutex_lock(&e->remote_lock);
	if (e->stopping)
		rc = error_set(err, ERR_CANCELLED, "tandemfs is stopping");
	else if (!e->server)
		rc = e->mailbox_driver->server_open(&e->server, config->exchange_url,
			config->exchange_ca_file, config->record_dir, err);
	pthread_mutex_unlock(&e->remote_lock);
	if (!rc && !c->mb->connection)
		rc = e->mailbox_driver->open(&c->mb->connection, e->server, &options, err);
	return rc;
}

/* Under remote_lock. */
static int open_crm(struct engine *e, struct error *err)
{
	const struct config *config = e->config;
	struct crm_options options = { .url = config->crm_url,
		.client_id = config->crm_client_id,
		.client_secret = config->crm_client_secret,
		.ca_file = config->crm_ca_file,
		.external_id_field = config->crm_external_id_field,
		.daily_reserve = config->crm_daily_reserve,
		.record_dir = config->record_dir };

	if (e->stopping)
		return error_set(err, ERR_CANCELLED, "tandemfs is stopping");
	return e->crm ? 0 : e->crm_driver->open(&e->crm, &options, err);
}

static int prepare_crm(struct cycle *c, struct error *err)
{
	struct engine *e = c->engine;
	const char *address = c->mb->user->address;
	int rc;

	pthread_mutex_lock(&e->remote_lock);
	rc = open_crm(e, err);
	pthread_mutex_unlock(&e->remote_lock);
	for (int kind = 0; !rc && kind < ITEM_KINDS; kind++) {
		if (!kind_takes_part(c, kind))
			continue;
		rc = e->crm_driver->fields(e->crm, kind, &c->tables[SIDE_CRM][kind], err);
		c->upserts[kind] = !rc && e->crm_driver->upserts(e->crm, kind);
	}
	if (!rc && !c->mb->crm_user && c->mb->user->crm_user)
		c->mb->crm_user = xstrdup(c->mb->user->crm_user);
	if (!rc && !c->mb->crm_user && !c->mb->crm_user_asked) {
		rc = e->crm_driver->find_users(e->crm, &address, 1, &c->mb->crm_user, err);
		c->mb->crm_user_asked = rc == 0;
	}
	if (!rc)
		c->crm = e->crm;
	return rc;
}

/* The CRM half may fail alone. */
static void try_crm(struct cycle *c, int (*step)(struct cycle *, struct error *))
{
	struct error err = ERROR_INIT;

	if (!c->crm && step != prepare_crm)
		return;
	if (step(c, &err)) {
		error_prefix(&err, "CRM");
		cycle_defer(c, &err);
		c->crm = NULL;
	}
}

static bool has_crm(const struct cycle *c)
{
	if (!c->engine->crm_driver || !c->policy)
		return false;
	for (int kind = 0; kind < CONFIG_KINDS; kind++)
		if (c->policy->rules[kind].mode != MODE_OFF)
			return true;
	return false;
}

static size_t count_dirty(struct cycle *c)
{
	int64_t *ids = NULL;
	size_t n = 0;

	if (store_items_dirty(c->store, c->mb->id, &ids, &n, NULL))
		return 0;
	free(ids);
	return n;
}

static int push_passes(struct cycle *c, struct error *err)
{
	size_t before = count_dirty(c);
	int rc = 0;

	for (int pass = 0; !rc && before && pass < PUSH_PASSES; pass++) {
		try_crm(c, designate);
		try_crm(c, account_resolve);
		rc = push_mailbox(c, err);
		if (!rc)
			try_crm(c, push_crm);
		if (!rc && pass > 0 && count_dirty(c) >= before)
			break;
		before = count_dirty(c);
	}
	return rc;
}

/* All records are merged again, from what was pulled. */
static int forget_records(struct cycle *c, struct error *err)
{
	struct store_mailbox mb = { 0 };
	int rc = store_mailbox_get(c->store, c->mb->id, &mb, err);

	mb.record_seq = 0;
	if (!rc)
		rc = store_mailbox_save(c->store, &mb, err);
	store_mailbox_clear(&mb);
	return rc;
}

/* A policy other than at the last cycle makes every item and record worth a look. */
static int check_policy(struct cycle *c, struct error *err)
{
	char *name AUTOFREE = xasprintf("policy:%lld", (long long)c->mb->id);
	char *known AUTOFREE = NULL;
	struct buf now AUTOBUF = BUF_INIT(1 << 20);
	int rc;

	if (c->policy) {
		buf_addf(&now, "%s|%s|%s", c->policy->folder, c->policy->exclude,
			c->policy->mark ? c->policy->mark : "");
		for (size_t i = 0; i < c->policy->n_categories; i++)
			buf_addf(&now, "|%s", c->policy->categories[i]);
		for (int kind = 0; kind < CONFIG_KINDS; kind++)
			buf_addf(&now, "|%d%d%d", c->policy->rules[kind].mode,
				c->policy->rules[kind].direction, c->policy->rules[kind].import);
		buf_addf(&now, "|%d|%d", c->policy->event_days, c->policy->event_series);
	}
	rc = store_value_get(c->store, name, &known, err);
	if (rc || (known && !strcmp(known, buf_str(&now))))
		return rc;
	rc = store_begin(c->store, STORE_NORMAL, STORE_LOCAL, err);
	if (rc)
		return rc;
	rc = store_items_mark_dirty(c->store, c->mb->id, err);
	if (!rc) /* records that meant nothing may be imported now, or have waited for their links */
		rc = forget_records(c, err);
	if (!rc)
		rc = store_value_set(c->store, name, buf_str(&now), err);
	if (!rc)
		return store_commit(c->store, err);
	store_rollback(c->store);
	return rc;
}

/* What is dirty with nothing to send (the same bytes came back) is in sync: says so. */
static int settle_rest(struct cycle *c, struct error *err)
{
	int64_t *ids = NULL;
	size_t n = 0;
	int rc = store_items_dirty(c->store, c->mb->id, &ids, &n, err);

	for (size_t i = 0; !rc && i < n;) {
		rc = store_begin(c->store, STORE_NORMAL, STORE_REMOTE, err);
		for (size_t end = i + MERGE_BATCH; !rc && i < n && i < end; i++) {
			struct pair pair;

			rc = pair_load(c, ids[i], &pair, err);
			if (!rc && !pair.item.removed && pair.item.doc)
				rc = pair_save(c, &pair, err);
			if (rc != ERR_NOT_FOUND)
				pair_clear(&pair);
			else
				rc = 0;
		}
		rc = rc ? (store_rollback(c->store), rc) : store_commit(c->store, err);
	}
	free(ids);
	return rc;
}

static int steps(struct cycle *c, struct error *err)
{
	int rc = commit_settle(c->engine->commit, c->mb->id, err);

	if (!rc)
		rc = check_policy(c, err);
	if (!rc)
		rc = commands_retry(c, err);
	if (!rc && commit_is_waiting(c->engine->commit, c->mb->id))
		cycle_wake(c, c->engine->commit->remove_quiet_ns);
	if (!rc)
		rc = open_mailbox(c, err);
	if (!rc && has_crm(c))
		try_crm(c, prepare_crm);
	if (!rc)
		limit_prepare(c);
	if (!rc)
		rc = folders_pull(c, err);
	if (!rc)
		rc = folders_push(c, err);
	if (!rc)
		rc = pull_mailbox_intents(c, err);
	if (!rc)
		rc = pull_mailbox(c, err);
	if (!rc)
		rc = pull_mailbox_merge(c, err);
	if (!rc)
		rc = folders_settle(c, err);
	if (!rc) {
		try_crm(c, pull_crm);
		try_crm(c, pull_crm_merge);
		try_crm(c, gone_look);
		try_crm(c, gone_remove);
		rc = push_passes(c, err);
	}
	if (!rc)
		rc = folders_settle(c, err);
	if (!rc)
		rc = settle_rest(c, err);
	return rc;
}

static void write_end(struct cycle *c, const struct error *error)
{
	struct store_mailbox mb;
	json_t *line;
	size_t i;

	if (store_begin(c->store, STORE_NORMAL, STORE_LOCAL, NULL))
		return;
	gateway_end(c, NULL);
	json_array_foreach(c->log, i, line)
		store_log(c->store, c->mb->id, json_string_value(line), NULL);
	if (!store_mailbox_get(c->store, c->mb->id, &mb, NULL)) {
		free(mb.last_error);
		mb.last_error = error->code ? xstrdup(error->text) : NULL;
		if (!error->code)
			mb.last_cycle = store_now(c->store);
		store_mailbox_save(c->store, &mb, NULL);
		store_mailbox_clear(&mb);
	}
	cap_end(c, NULL);
	store_tombstones_expire(c->store, c->began - TOMBSTONE_NS, NULL);
	store_deletions_expire(c->store, c->mb->id, c->began - TOMBSTONE_NS, NULL);
	if (store_commit(c->store, NULL))
		store_rollback(c->store);
}

int cycle_run(struct engine *e, struct engine_mailbox *mb, bool urgent, int64_t asked_at,
	struct error *err)
{
	struct cycle c = { .engine = e,
		.store = e->store,
		.mb = mb,
		.policy = e->crm_driver ? mb->user->policy : NULL,
		.urgent = urgent,
		.began = store_now(e->store),
		.asked_at = asked_at,
		.log = json_array(),
		.categories = json_object(),
		.may_create = json_object(),
		.accounts = json_object(),
		.let_go = { json_object(), json_object() },
		.gone = json_object() };
	int rc;

	for (int kind = 0; kind < ITEM_KINDS; kind++)
		c.tables[SIDE_EXCHANGE][kind] = e->mailbox_driver->fields(kind);
	rc = steps(&c, err);
	mb->only_crm_failed = !rc;
	if (!rc && c.deferred.code) {
		*err = c.deferred;
		rc = (int)err->code;
	}
	if (!rc) /* what a step met on its way and dealt with is no error of the cycle */
		*err = (struct error)ERROR_INIT;
	if (rc && rc != ERR_CANCELLED)
		cycle_log(&c, "cycle failed: %s", err->text);
	write_end(&c, err);
	mb->wake_in = c.wake_in;
	json_decref(c.log);
	json_decref(c.categories);
	json_decref(c.unmatched);
	json_decref(c.may_create);
	json_decref(c.accounts);
	json_decref(c.gone);
	for (int cap = 0; cap < CAPS; cap++)
		json_decref(c.waiting[cap]);
	for (int side = 0; side < SIDES; side++)
		json_decref(c.let_go[side]);
	for (int kind = 0; kind < ITEM_KINDS; kind++)
		json_decref(c.keys[kind]);
	zones_free(&c.zones);
	return rc;
}
