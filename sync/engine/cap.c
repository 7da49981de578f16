/* The cap on creates: how many items and records one cycle may make (`max-create`), and what waits.
 *
 * Each side has its own count, and so have imports: records that become items here are not even begun
 * beyond the cap.  What waits stays pending and goes with the cycles that follow; how many wait is kept
 * with the mailbox, for status. */
#include <stdlib.h>
#include <string.h>

#include "sync/engine/internal.h"
#include "sync/mem.h"

static const char *const names[CAPS] = { "exchange", "crm", "imports" };

/* Notes that it waits. */
static void note(struct cycle *c, enum cap cap, const char *id)
{
	if (!c->waiting[cap]) {
		c->waiting[cap] = json_object();
		cycle_log(c, "max-create is reached (%s): the rest waits for the next cycle",
			names[cap]);
	}
	json_object_set_new(c->waiting[cap], id, json_true());
}

static bool may_make(struct cycle *c, enum cap cap, const char *id)
{
	size_t most = c->engine->config->max_create;

	if (!most || c->made[cap] < most) {
		c->made[cap]++;
		return true;
	}
	note(c, cap, id);
	return false;
}

bool cap_has_room(struct cycle *c, int64_t item, size_t planned)
{
	size_t most = c->engine->config->max_create;
	char *id AUTOFREE = NULL;

	if (!most || c->made[CAP_CRM] + planned < most)
		return true;
	id = xasprintf("%lld", (long long)item);
	note(c, CAP_CRM, id);
	return false;
}

bool cap_may_create(struct cycle *c, enum side side, int64_t item)
{
	char *id AUTOFREE = xasprintf("%lld", (long long)item);

	return may_make(c, side == SIDE_CRM ? CAP_CRM : CAP_EXCHANGE, id);
}

bool cap_may_import(struct cycle *c, const char *record_id)
{
	return may_make(c, CAP_IMPORT, record_id);
}

static char *value_name(int64_t mailbox)
{
	return xasprintf("waiting:%lld", (long long)mailbox);
}

int cap_end(struct cycle *c, struct error *err)
{
	char *name AUTOFREE = value_name(c->mb->id), *known AUTOFREE = NULL, *now AUTOFREE = NULL;
	json_t *counts = json_object();
	int rc = store_value_get(c->store, name, &known, err);

	for (int cap = 0; cap < CAPS; cap++) {
		if (c->waiting[cap])
			json_object_set_new(counts, names[cap],
				json_integer((json_int_t)json_object_size(c->waiting[cap])));
		json_decref(c->waiting[cap]);
		c->waiting[cap] = NULL;
	}
	if (json_object_size(counts))
		now = json_dumps(counts, JSON_COMPACT);
	json_decref(counts);
	if (!rc && (known || now) && (!known || !now || strcmp(known, now) != 0))
		rc = store_value_set(c->store, name, now, err);
	return rc;
}

json_t *cap_waiting(struct engine *e, int64_t mailbox)
{
	char *name AUTOFREE = value_name(mailbox), *known AUTOFREE = NULL;
	json_t *counts = store_value_get(e->store, name, &known, NULL) || !known
				 ? NULL
				 : json_loads(known, 0, NULL);

	return counts ? counts : json_object();
}
