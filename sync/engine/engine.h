/* The engine: cycles that keep the hub, Exchange and the CRM in step (design section 3).
 *
 *   engine.c      workers, timers, who asks for a cycle and who waits for it
 *   cycle.c       one cycle of one mailbox: pull, merge, designate, push
 *   folders.c     the folder hierarchy, both ways
 *   pull_mailbox.c, pull_crm.c   pages into the store with their cursors (I4)
 *   unshown.c     what we put into Exchange and no page has shown
 *   pull_merge.c  which item a pulled one is;  import.c  CRM records that become items
 *   pair.c        an item with its two sides
 *   merge.c       field by field: shadows, intents, conflicts (I3, I8, I11, I12)
 *   conflict.c    who won and who lost: conflict records
 *   designate.c   who is synced with the CRM, unlinking;  match.c  with which record
 *   gone.c        records that are deleted, merged or out of view
 *   push.c        batches of writes; push_mailbox.c, push_crm.c  creates by token (I1), updates by intent;
 *                 push_removals.c  deletes by tombstone (I2)
 *   guard.c       deletes counted and held (I9), loop detector
 *   take.c        the value that lost a conflict, after all
 *   status.c      status, errors, conflicts as JSON;  commands.c  retry, reset, relink, held deletes
 */
#ifndef SYNC_ENGINE_ENGINE_H
#define SYNC_ENGINE_ENGINE_H

#include <jansson.h>
#include <stdbool.h>

#include "mountopts/config.h"
#include "sync/commit.h"
#include "sync/crm.h"
#include "sync/mailbox.h"
#include "sync/store/store.h"

struct engine;

struct engine_options {
	struct store *store;
	const struct config *config;
	struct commit *commit;
	const struct mailbox_driver *mailbox;
	const struct crm_driver *crm; /* NULL: no CRM */
	/* Lines for the log of the daemon (may be NULL). */
	void (*log)(void *data, const char *line);
	void *data;
};

/* Makes the nodes of configured mailboxes and their default folders; connects nothing yet. */
int engine_new(struct engine **out, const struct engine_options *options, struct error *err);
/* Starts workers and timer (nothing when config->offline). */
int engine_start(struct engine *engine, struct error *err);
/* Cancels requests under way and joins; at most a few seconds. */
void engine_stop(struct engine *engine);
void engine_free(struct engine *engine);

/* A local change in this mailbox: a cycle 2 s after the last, at most 30 s after the first. */
void engine_touch(struct engine *engine, int64_t mailbox);

/* Asks for a cycle now, quiet times skipped (but for removals younger than 2 s).  address NULL: all
 * mailboxes.  wait: returns when the cycle asked for has ended, with its error. */
int engine_sync(struct engine *engine, const char *address, bool wait, struct error *err);
/* Steps of the cycle under way, for progress: {"mailbox":..., "phase":..., "done": n, "total": n} array. */
json_t *engine_progress(struct engine *engine);

void engine_hold(struct engine *engine, bool hold);
/* Errors of items and back-offs of items are forgotten; they are tried at the next cycle. */
int engine_retry_errors(struct engine *engine, const char *address, struct error *err);
int engine_reset(struct engine *engine, const char *address, struct error *err);
int engine_confirm_deletes(struct engine *engine, int64_t batch, struct error *err);
int engine_restore_deletes(struct engine *engine, int64_t batch, struct error *err);
/* record_id NULL: link anew by matching. */
int engine_relink(struct engine *engine, uint64_t ino, const char *record_id, struct error *err);
/* One request each way. */
int engine_test(struct engine *engine, const char *address, json_t **result, struct error *err);

/* Status as shown in .sync/status.json; address NULL: of the whole gateway.  New reference. */
json_t *engine_status(struct engine *engine, const char *address);
/* Array of {"mailbox","path","error","side","since"}; address NULL: all. */
json_t *engine_errors(struct engine *engine, const char *address);
json_t *engine_conflicts(struct engine *engine, const char *address);
/* The values that lost conflict `id` are set in its item after all, as an edit of the file; the record goes.
 * origin "file", "exchange" or "crm": only those; NULL: of each field the last that lost. */
int engine_take_conflict(struct engine *engine, int64_t id, const char *origin, struct error *err);
json_t *engine_deletes(struct engine *engine);
/* State of one item as shown in .sync/state/: ids, versions, shadows, links, error.  New reference. */
json_t *engine_item_state(struct engine *engine, int64_t item);

#endif
