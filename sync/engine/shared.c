/* Records that several mailboxes are linked with: one of them writes at a time.
 *
 * A stamp of Salesforce is a whole second, so that a write by one mailbox within the second in which another
 * one has read the record is not noticed by the guard of the driver.  Between mailboxes of this program that
 * is prevented here: an update takes the record until it was read back, and who comes next first merges what
 * the one before has stored. */
#include "sync/engine/internal.h"
#include "sync/mem.h"

bool shared_take(struct cycle *c, const char *record_id)
{
	struct engine *e = c->engine;
	bool is_free;

	pthread_mutex_lock(&e->shared_lock);
	is_free = !json_object_get(e->written, record_id);
	if (is_free)
		json_object_set_new(e->written, record_id, json_true());
	pthread_mutex_unlock(&e->shared_lock);
	return is_free;
}

void shared_give(struct cycle *c, const char *record_id)
{
	struct engine *e = c->engine;

	pthread_mutex_lock(&e->shared_lock);
	json_object_del(e->written, record_id);
	pthread_cond_broadcast(&e->shared_given);
	pthread_mutex_unlock(&e->shared_lock);
}

void shared_wait(struct cycle *c, const char *record_id)
{
	struct engine *e = c->engine;

	pthread_mutex_lock(&e->shared_lock);
	while (json_object_get(e->written, record_id))
		pthread_cond_wait(&e->shared_given, &e->shared_lock);
	pthread_mutex_unlock(&e->shared_lock);
}

/* Has the record, as it was read last by any mailbox, other values than this one knows of? */
static bool is_news(const struct store_side *side, const struct store_record *record)
{
	json_t *fields = value_get(record->data, "fields"), *value;
	const char *name;

	json_object_foreach(fields, name, value)
		if (!value_equal(value, value_get(side->theirs, name)))
			return true;
	json_object_foreach(side->theirs, name, value)
		if (name[0] != '@' && !json_is_null(value) && !value_get(fields, name))
			return true;
	return false;
}

int shared_merge(struct cycle *c, struct pair *pair, struct error *err)
{
	const struct store_side *side = &pair->sides[SIDE_CRM];
	struct store_record record = { 0 };
	int64_t *items = NULL;
	size_t n = 0;
	int rc = store_sides_by_record(c->store, side->remote_id, &items, &n, err);

	free(items);
	if (rc || n < 2)
		return rc;
	rc = store_record_get(
		c->store, document_kind(pair->item.kind)->name, side->remote_id, &record, err);
	if (!rc && !record.deleted && is_news(side, &record)) {
		rc = pull_crm_merge_record(c, pair, &record, err);
		if (!rc)
			rc = pair_save(c, pair, err);
	}
	store_record_clear(&record);
	return rc == ERR_NOT_FOUND ? 0 : rc;
}
