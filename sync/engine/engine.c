/* The engine: mailboxes, the workers that run their cycles, and who waits for what.
 *
 * A cycle of a mailbox becomes due by one of three: somebody asked (a ticket number that he may wait
 * for), a local edit whose quiet time is over, or the timer.  Workers take the first mailbox that is
 * due and not running; a mailbox is never worked on by two. */
#include "sync/engine/engine.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "sync/engine/internal.h"
#include "sync/mem.h"

static int64_t clock_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * NS_PER_S + ts.tv_nsec;
}

char *engine_token(void)
{
	unsigned char random[16];
	char *token = xmalloc(2 * sizeof(random) + 1);

	if (getrandom(random, sizeof(random), 0) != sizeof(random))
		abort();
	for (size_t i = 0; i < sizeof(random); i++)
		snprintf(token + 2 * i, 3, "%02x", random[i]);
	return token;
}

/* ---- nodes of mailboxes ---------------------------------------------------------------------- */

static const char *const kind_folders[ITEM_KINDS] = { "Contacts", "Calendar", "Tasks", "Mail" };

/* A kind that is new here makes us read all folders of the mailbox. */
static int ensure_default_folder(
	struct engine *e, struct store_mailbox *mb, enum item_kind kind, struct error *err)
{
	struct store_node node = { .parent = mb->ino,
		.type = NODE_FOLDER,
		.kind = kind,
		.mailbox = mb->id,
		.mode = 0700 };
	struct store_folder folder = { .mailbox = mb->id, .kind = kind, .is_default = true };
	int rc;

	rc = store_node_lookup(e->store, mb->ino, kind_folders[kind], &node, err);
	if (rc != ERR_NOT_FOUND)
		return rc;
	node = (struct store_node){ .parent = mb->ino,
		.type = NODE_FOLDER,
		.kind = kind,
		.mailbox = mb->id,
		.mode = 0700 };
	snprintf(node.name, sizeof(node.name), "%s", kind_folders[kind]);
	rc = store_node_create(e->store, &node, err);
	if (rc)
		return rc;
	folder.ino = node.ino;
	rc = store_folder_save(e->store, &folder, err);
	if (rc || !mb->folder_cursor)
		return rc;
	xstrset(&mb->folder_cursor, NULL);
	return store_mailbox_save(e->store, mb, err);
}

static int ensure_mailbox(
	struct engine *e, const struct config_user *user, int64_t *id, struct error *err)
{
	struct store_mailbox mb = { 0 };
	int rc = store_begin(e->store, STORE_NORMAL, STORE_REMOTE, err);

	if (rc)
		return rc;
	rc = store_mailbox_by_address(e->store, user->address, &mb, err);
	if (rc == ERR_NOT_FOUND) {
		store_mailbox_clear(&mb);
		memset(&mb, 0, sizeof(mb));
		mb.address = xstrdup(user->address);
		rc = store_mailbox_save(e->store, &mb, err);
	}
	for (int kind = 0; !rc && kind < ITEM_KINDS; kind++)
		if (e->mailbox_driver->fields(kind).n && document_kind(kind))
			rc = ensure_default_folder(e, &mb, kind, err);
	*id = mb.id;
	store_mailbox_clear(&mb);
	if (rc) {
		store_rollback(e->store);
		return rc;
	}
	return store_commit(e->store, err);
}

static bool is_served(const struct config *config, const struct config_user *user)
{
	return !config->only_user || !strcmp(config->only_user, user->address);
}

static int read_hold(struct engine *e, struct error *err)
{
	char *held AUTOFREE = NULL;
	int rc = store_value_get(e->store, "held", &held, err);

	e->held = held != NULL;
	return rc;
}

int engine_new(struct engine **out, const struct engine_options *options, struct error *err)
{
	struct engine *e = xcalloc(1, sizeof(*e));
	pthread_condattr_t attr;
	int rc = 0;

	e->store = options->store;
	e->config = options->config;
	e->commit = options->commit;
	e->mailbox_driver = options->mailbox;
	e->crm_driver = options->crm;
	e->log = options->log;
	e->log_data = options->data;
	pthread_mutex_init(&e->lock, NULL);
	pthread_mutex_init(&e->remote_lock, NULL);
	pthread_mutex_init(&e->pull_lock, NULL);
	pthread_mutex_init(&e->test_lock, NULL);
	pthread_mutex_init(&e->shared_lock, NULL);
	pthread_cond_init(&e->shared_given, NULL);
	e->written = json_object();
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&e->wake, &attr);
	pthread_cond_init(&e->ended, &attr);
	pthread_condattr_destroy(&attr);
	e->mailboxes = xcalloc(e->config->n_users, sizeof(*e->mailboxes));
	for (size_t i = 0; !rc && i < e->config->n_users; i++) {
		struct engine_mailbox *mb = &e->mailboxes[e->n_mailboxes];

		if (!is_served(e->config, &e->config->users[i]))
			continue;
		mb->user = &e->config->users[i];
		rc = ensure_mailbox(e, mb->user, &mb->id, err);
		e->n_mailboxes++;
	}
	if (!rc)
		rc = gateway_start(e, err);
	if (!rc)
		rc = read_hold(e, err);
	if (rc) {
		engine_free(e);
		return rc;
	}
	*out = e;
	return 0;
}

void engine_free(struct engine *e)
{
	if (!e)
		return;
	for (size_t i = 0; i < e->n_mailboxes; i++) {
		if (e->mailboxes[i].connection)
			e->mailbox_driver->close(e->mailboxes[i].connection);
		free(e->mailboxes[i].crm_user);
		free(e->mailboxes[i].zone);
		json_decref(e->mailboxes[i].turns);
		gateway_free(&e->mailboxes[i]);
	}
	if (e->crm)
		e->crm_driver->close(e->crm);
	if (e->server)
		e->mailbox_driver->server_close(e->server);
	free(e->mailboxes);
	free(e->workers);
	pthread_mutex_destroy(&e->lock);
	pthread_mutex_destroy(&e->remote_lock);
	pthread_mutex_destroy(&e->pull_lock);
	pthread_mutex_destroy(&e->test_lock);
	pthread_mutex_destroy(&e->shared_lock);
	pthread_cond_destroy(&e->shared_given);
	json_decref(e->written);
	pthread_cond_destroy(&e->wake);
	pthread_cond_destroy(&e->ended);
	free(e);
}

/* ---- scheduling ------------------------------------------------------------------------------ */

/* When this mailbox is due; INT64_MAX: not by itself. */
static int64_t due_at(const struct engine *e, const struct engine_mailbox *mb)
{
	int64_t due = mb->due, quiet = e->config->quiet_ms * NS_PER_MS,
		longest = e->config->quiet_max_ms * NS_PER_MS;

	if (mb->running)
		return INT64_MAX;
	if (mb->asked > mb->ended)
		return 0;
	if (e->held)
		return INT64_MAX;
	/* Edits do not hurry a side that fails; a CRM that fails is no reason to keep Exchange waiting. */
	if (mb->last_touch && (!mb->failures || mb->only_crm_failed)) {
		int64_t touched = mb->last_touch + quiet;

		if (touched > mb->first_touch + longest)
			touched = mb->first_touch + longest;
		if (touched < due)
			due = touched;
	}
	return due;
}

static struct engine_mailbox *next_due(struct engine *e, int64_t *when)
{
	struct engine_mailbox *first = NULL;

	*when = INT64_MAX;
	for (size_t i = 0; i < e->n_mailboxes; i++) {
		int64_t due = due_at(e, &e->mailboxes[i]);

		if (due < *when) {
			*when = due;
			first = &e->mailboxes[i];
		}
	}
	return first;
}

/* The timer after a cycle: the interval, or after failures 10 s doubled each time up to it. */
static int64_t next_timer(const struct engine *e, const struct engine_mailbox *mb)
{
	int64_t wait = e->config->interval_s * NS_PER_S;

	if (mb->failures) {
		unsigned int shift = mb->failures < 10 ? mb->failures - 1 : 9;
		int64_t retry = (10 * NS_PER_S) << shift;

		if (retry < wait)
			wait = retry;
		if ((int64_t)mb->error.retry_after_ms * NS_PER_MS > wait)
			wait = mb->error.retry_after_ms * NS_PER_MS;
	}
	if (!mb->failures && mb->wake_in && mb->wake_in < wait)
		wait = mb->wake_in;
	return clock_ns() + wait;
}

/* Runs one cycle; called and returns with the lock held. */
static void run(struct engine *e, struct engine_mailbox *mb)
{
	uint64_t ticket = mb->asked;
	bool urgent = mb->asked > mb->ended;
	struct error error = ERROR_INIT;
	int64_t asked_at = urgent ? mb->asked_at : clock_ns();
	int rc;

	mb->running = true;
	mb->first_touch = mb->last_touch = 0;
	pthread_mutex_unlock(&e->lock);
	rc = e->held ? error_set(&error, ERR_BUSY, "syncing is on hold; tandemctl resume ends it")
		     : cycle_run(e, mb, urgent, asked_at, &error);
	pthread_mutex_lock(&e->lock);
	mb->running = false;
	mb->failures = rc ? mb->failures + 1 : 0;
	mb->error = error;
	mb->due = next_timer(e, mb);
	mb->phase = NULL;
	mb->ended = ticket;
	pthread_cond_broadcast(&e->ended);
	pthread_cond_broadcast(&e->wake);
}

static void *worker(void *data)
{
	struct engine *e = data;

	pthread_mutex_lock(&e->lock);
	while (!e->stopping) {
		int64_t when;
		struct engine_mailbox *mb = next_due(e, &when);

		if (mb && when <= clock_ns()) {
			run(e, mb);
		} else if (!mb) {
			pthread_cond_wait(&e->wake, &e->lock);
		} else {
			struct timespec ts = { when / NS_PER_S, when % NS_PER_S };

			pthread_cond_timedwait(&e->wake, &e->lock, &ts);
		}
	}
	pthread_mutex_unlock(&e->lock);
	return NULL;
}

int engine_start(struct engine *e, struct error *err)
{
	size_t wanted = e->config->workers ? e->config->workers : 1;

	if (e->config->offline)
		return 0;
	e->workers = xcalloc(wanted, sizeof(*e->workers));
	for (; e->n_workers < wanted; e->n_workers++) {
		int rc = pthread_create(&e->workers[e->n_workers], NULL, worker, e);

		if (rc) {
			engine_stop(e);
			return error_set(
				err, ERR_INTERNAL, "cannot start a worker: %s", strerror(rc));
		}
	}
	return 0;
}

/* Under remote_lock. */
static void cancel_requests(struct engine *e)
{
	void *servers[] = { e->server, e->tested_server };
	struct crm *crms[] = { e->crm, e->tested_crm };

	for (size_t i = 0; i < ARRAY_SIZE(servers); i++) {
		if (servers[i])
			e->mailbox_driver->server_cancel(servers[i]);
		if (crms[i])
			e->crm_driver->cancel(crms[i]);
	}
}

void engine_stop(struct engine *e)
{
	pthread_mutex_lock(&e->lock);
	e->stopping = true;
	pthread_cond_broadcast(&e->wake);
	pthread_cond_broadcast(&e->ended);
	pthread_mutex_unlock(&e->lock);
	pthread_mutex_lock(&e->remote_lock);
	cancel_requests(e);
	pthread_mutex_unlock(&e->remote_lock);
	for (size_t i = 0; i < e->n_workers; i++)
		pthread_join(e->workers[i], NULL);
	e->n_workers = 0;
}

void engine_touch(struct engine *e, int64_t mailbox)
{
	pthread_mutex_lock(&e->lock);
	for (size_t i = 0; i < e->n_mailboxes; i++) {
		struct engine_mailbox *mb = &e->mailboxes[i];

		if (mb->id != mailbox)
			continue;
		mb->last_touch = clock_ns();
		if (!mb->first_touch)
			mb->first_touch = mb->last_touch;
	}
	pthread_cond_broadcast(&e->wake);
	pthread_mutex_unlock(&e->lock);
}

static bool is_meant(const struct engine_mailbox *mb, const char *address)
{
	return !address || !strcasecmp(mb->user->address, address);
}

int engine_sync(struct engine *e, const char *address, bool wait, struct error *err)
{
	uint64_t *tickets AUTOFREE = xcalloc(e->n_mailboxes + 1, sizeof(*tickets));
	size_t meant = 0;
	int rc = 0;

	pthread_mutex_lock(&e->lock);
	if (e->config->offline || e->held || e->stopping)
		rc = error_set(err, ERR_BUSY, "%s",
			e->held ? "syncing is on hold; tandemctl resume ends it"
				: "the mount is offline");
	for (size_t i = 0; !rc && i < e->n_mailboxes; i++) {
		struct engine_mailbox *mb = &e->mailboxes[i];

		if (!is_meant(mb, address))
			continue;
		meant++;
		/* A cycle under way may have passed the edit already: ask for another one. */
		tickets[i] = ++mb->asked;
		mb->asked_at = clock_ns();
	}
	if (!rc && !meant)
		rc = error_set(
			err, ERR_NOT_FOUND, "no mailbox %s here", address ? address : "at all");
	pthread_cond_broadcast(&e->wake);
	for (size_t i = 0; !rc && wait && i < e->n_mailboxes; i++) {
		struct engine_mailbox *mb = &e->mailboxes[i];

		while (tickets[i] && mb->ended < tickets[i] && !e->stopping)
			pthread_cond_wait(&e->ended, &e->lock);
		if (tickets[i] && mb->error.code && !rc) {
			if (err)
				*err = mb->error;
			rc = error_prefix(err, "%s", mb->user->address);
		}
		if (e->stopping && !rc)
			rc = error_set(err, ERR_CANCELLED, "tandemfs is stopping");
	}
	pthread_mutex_unlock(&e->lock);
	return rc;
}

/* Survives a restart: it is the brake of an administrator. */
static void keep_hold(struct engine *e, bool hold)
{
	if (store_begin(e->store, STORE_FULL, STORE_LOCAL, NULL))
		return;
	if (store_value_set(e->store, "held", hold ? "1" : NULL, NULL) ||
		store_commit(e->store, NULL))
		store_rollback(e->store);
}

void engine_hold(struct engine *e, bool hold)
{
	keep_hold(e, hold);
	pthread_mutex_lock(&e->lock);
	e->held = hold;
	pthread_cond_broadcast(&e->wake);
	pthread_mutex_unlock(&e->lock);
}
