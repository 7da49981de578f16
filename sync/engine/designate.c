/* Designation: which items are synced with the CRM.
 *
 * An item that becomes designated claims its addresses and is matched (match.c); one that was linked
 * before is linked anew with the same record.  An item that is no longer designated is unlinked: the
 * link stays as `unlinked` until a user designates anew. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "sync/engine/internal.h"
#include "sync/formats/event.h"
#include "sync/mem.h"

/* Appended to the reason of an unlinked side once its item was not designated: from then on a
 * designation is a new one. */
#define RELEASED "; released"

/* ---- who -------------------------------------------------------------------------------------- */

static bool has_keyword(const json_t *doc, const char *keyword)
{
	return keyword && json_is_true(json_object_get(json_object_get(doc, "keywords"), keyword));
}

static bool in_folder(struct cycle *c, uint64_t ino, bool *is_default)
{
	struct store_folder folder = { 0 };
	bool is_sync = false;

	*is_default = false;
	if (!store_folder_get(c->store, ino, &folder, NULL)) {
		is_sync = folder.is_sync;
		*is_default = folder.is_default;
	}
	store_folder_clear(&folder);
	return is_sync;
}

bool designate_is_private(const json_t *doc)
{
	const char *sensitivity = json_string_value(json_object_get(doc, "tandemfs:sensitivity"));

	return (sensitivity && strcasecmp(sensitivity, "Normal") != 0) || event_is_private(doc);
}

/* In Salesforce_Sync or by a category, not just where the mode says `all`. */
bool designate_is_explicit(struct cycle *c, const struct pair *pair)
{
	bool is_default, explicit = in_folder(c, pair->item.folder, &is_default);

	for (size_t i = 0; c->policy && i < c->policy->n_categories; i++)
		explicit |= has_keyword(pair->item.doc, c->policy->categories[i]);
	return explicit;
}

/* What cannot be changed here is nothing that the CRM has: a distribution list. */
static bool is_read_only(const struct pair *pair)
{
	const struct document_kind *kind = document_kind(pair->item.kind);

	return kind->read_only && kind->read_only(pair->item.doc);
}

/* Has the item no link yet, nor a record that is being made? */
static bool is_first(const struct store_side *crm)
{
	return crm->status == SIDE_NONE || (crm->status == SIDE_CREATING && !crm->token_sent);
}

bool designate_wanted(struct cycle *c, const struct pair *pair, const char **why_not)
{
	const struct config_rule *rule = pair_rule(c, pair);
	bool is_default, designated;

	*why_not = NULL;
	if (!rule || rule->mode == MODE_OFF || !pair->item.doc || pair->item.removed)
		return false;
	if (is_read_only(pair)) {
		*why_not = DESIGNATE_GROUP;
		return false;
	}
	if (has_keyword(pair->item.doc, c->policy->exclude)) {
		*why_not = "excluded";
		return false;
	}
	if (designate_is_private(pair->item.doc)) {
		*why_not = "private";
		return false;
	}
	designated = in_folder(c, pair->item.folder, &is_default);
	for (size_t i = 0; i < c->policy->n_categories; i++)
		designated |= has_keyword(pair->item.doc, c->policy->categories[i]);
	if (rule->mode == MODE_ALL)
		designated |= is_default;
	if (!designated)
		*why_not = "undesignated";
	else if (pair->item.kind == KIND_EVENT && is_first(&pair->sides[SIDE_CRM]))
		*why_not = limit_forbids(c, pair->item.doc);
	return !*why_not;
}

static bool is_linked(const struct store_side *side)
{
	return side->status == SIDE_LINKED;
}

static bool is_sent_away(const struct store_side *side)
{
	return side->status == SIDE_DELETING && side->token_sent;
}

/* Is an item, but this one, so with the record?  `unknown` where that cannot be told. */
static bool any_is(struct cycle *c, const char *record_id, int64_t but,
	bool (*is)(const struct store_side *), bool unknown)
{
	int64_t *ids AUTOFREE = NULL;
	bool found = false;
	size_t n = 0;

	if (!record_id || store_sides_by_record(c->store, record_id, &ids, &n, NULL))
		return unknown;
	for (size_t i = 0; i < n; i++) {
		struct store_side side;

		store_side_get(c->store, ids[i], SIDE_CRM, &side, NULL);
		found |= ids[i] != but && is(&side);
		store_side_clear(&side);
	}
	return found;
}

/* Is the record linked from another mailbox too?  Then it is not ours alone to delete. */
bool designate_is_shared(struct cycle *c, const struct pair *pair)
{
	return any_is(c, pair->sides[SIDE_CRM].remote_id, pair->item.id, is_linked, true);
}

bool designate_is_going(struct cycle *c, const char *record_id)
{
	return any_is(c, record_id, 0, is_sent_away, false);
}

/* May the record of this item be deleted in the CRM? */
bool designate_may_delete(struct cycle *c, const struct pair *pair)
{
	const struct config_rule *rule = pair_rule(c, pair);

	return rule && rule->mode != MODE_OFF && rule->direction != DIRECTION_TO_EXCHANGE &&
	       !designate_is_shared(c, pair);
}

void designate_unlink(struct cycle *c, struct pair *pair, const char *reason)
{
	struct store_side *crm = &pair->sides[SIDE_CRM];
	char *name AUTOFREE = unlinked_name(c, crm->remote_id ? crm->remote_id : "");
	char *path AUTOFREE = pair_path(c, pair);

	json_decref(crm->intent);
	crm->intent = NULL;
	if (!strncmp(reason, "private", strlen("private")) && crm->created_by_us &&
		designate_may_delete(c, pair)) {
		crm->status = SIDE_DELETING;
	} else {
		crm->status = SIDE_UNLINKED;
		xstrset(&crm->reason, reason);
		store_value_set(c->store, name, reason, NULL);
	}
	xstrset(&crm->error, NULL);
	store_claims_drop(c->store, pair->item.id, NULL);
	cycle_log(c, "%s: unlinked from %s (%s)", path, crm->remote_id ? crm->remote_id : "?",
		reason);
}

void designate_keep_record(struct cycle *c, struct pair *pair)
{
	struct store_side *crm = &pair->sides[SIDE_CRM];
	char *name AUTOFREE = unlinked_name(c, crm->remote_id ? crm->remote_id : "");

	crm->status = SIDE_UNLINKED;
	xstrset(&crm->reason, "private" RELEASED);
	store_value_set(c->store, name, "private", NULL);
}

bool designate_is_released(const struct store_side *crm)
{
	return crm->reason && strstr(crm->reason, RELEASED);
}

/* ---- one item --------------------------------------------------------------------------------- */

struct wanted {
	int64_t *match; /* items to be matched */
	size_t n_match;
	size_t n_waited; /* of them: matched before, with a create that waited */
	int64_t *fetch;	 /* linked ones whose record must be read: no base yet, or no version */
	size_t n_fetch;
};

static void relink(struct cycle *c, struct pair *pair)
{
	struct store_side *crm = &pair->sides[SIDE_CRM];
	char *name AUTOFREE = unlinked_name(c, crm->remote_id ? crm->remote_id : "");

	store_value_set(c->store, name, NULL, NULL);
	crm->status = SIDE_LINKED;
	xstrset(&crm->version, NULL);
	json_decref(crm->ours);
	json_decref(crm->theirs);
	crm->ours = crm->theirs = NULL;
}

/* What sorting an item goes by. */
struct question {
	struct cycle *c;
	struct pair *pair;
	struct store_side *crm;
	struct wanted *w;
	bool wanted;
	const char *why_not;
};

/* Each of these answers for one status of the side; true when the pair changed. */

static bool sort_none(struct question *q)
{
	if (!q->wanted || pair_is_refused(q->pair, SIDE_CRM) ||
		views_is_double(q->c, q->pair, NULL) || !match_claim(q->c, q->pair))
		return false;
	q->w->match[q->w->n_match++] = q->pair->item.id;
	return true;
}

static bool sort_creating(struct question *q)
{
	bool sent = q->crm->token_sent;

	if (!q->wanted && !sent) {
		match_forget(q->c, q->pair);
		return true;
	}
	if (!sent && !cap_has_room(q->c, q->pair->item.id, q->w->n_waited)) {
		/* It claims anew when it may go: nobody waits for what itself waits. */
		store_claims_drop(q->c->store, q->pair->item.id, NULL);
		return false;
	}
	q->w->n_waited += !sent;
	if (match_claim(q->c, q->pair)) /* its addresses may be others now */
		q->w->match[q->w->n_match++] = q->pair->item.id;
	return false;
}

static bool sort_linked(struct question *q)
{
	if (!q->wanted && !q->why_not)
		return false; /* removed: that decides; or switched off: the link rests */
	if (!q->wanted) {
		/* Its next designation will be a new one. */
		char *reason AUTOFREE = xasprintf("%s" RELEASED, q->why_not);

		designate_unlink(q->c, q->pair, reason);
		return true;
	}
	if (!q->crm->ours || !q->crm->version || q->crm->intent)
		q->w->fetch[q->w->n_fetch++] = q->pair->item.id;
	return false;
}

static bool sort_unlinked(struct question *q)
{
	bool released = designate_is_released(q->crm);

	if (!q->wanted && !released && q->crm->reason && !q->pair->item.removed) {
		char *reason AUTOFREE = xasprintf("%s" RELEASED, q->crm->reason);

		xstrset(&q->crm->reason, reason);
		return true;
	}
	if (!q->wanted || !released || designate_is_going(q->c, q->crm->remote_id))
		return false;
	if (q->crm->remote_id &&
		match_linked_elsewhere(q->c, q->crm->remote_id, q->pair->item.id)) {
		match_forget(q->c, q->pair); /* its record is another item's by now */
		return true;
	}
	relink(q->c, q->pair);
	q->w->fetch[q->w->n_fetch++] = q->pair->item.id;
	return true;
}

/* Private no longer, and its record still there as far as we know. */
static bool sort_deleting(struct question *q)
{
	if (!q->wanted || !q->pair->item.ino)
		return false;
	q->crm->status = SIDE_LINKED;
	q->crm->token_sent = 0;
	return true;
}

/* Sorts an item by what has to be done; true when the pair changed. */
static bool sort_item(struct cycle *c, struct pair *pair, struct wanted *w)
{
	static bool (*const sorters[])(struct question * q) = {
		[SIDE_NONE] = sort_none,
		[SIDE_CREATING] = sort_creating,
		[SIDE_LINKED] = sort_linked,
		[SIDE_UNLINKED] = sort_unlinked,
		[SIDE_DELETING] = sort_deleting,
	};
	struct question q = { .c = c, .pair = pair, .crm = &pair->sides[SIDE_CRM], .w = w };

	if (!kind_in_crm(c, pair->item.kind))
		return false;
	q.wanted = designate_wanted(c, pair, &q.why_not);
	return sorters[q.crm->status](&q);
}

static int sort_items(
	struct cycle *c, const int64_t *ids, size_t n, struct wanted *w, struct error *err)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < n; i++) {
		struct pair pair;

		rc = store_begin(c->store, STORE_NORMAL, STORE_REMOTE, err);
		if (rc)
			return rc;
		rc = pair_load(c, ids[i], &pair, err);
		if (rc == ERR_NOT_FOUND) {
			store_rollback(c->store);
			rc = 0;
			continue;
		}
		if (!rc && !(pair.item.ino && store_writer_active(c->store, pair.item.ino)) &&
			sort_item(c, &pair, w))
			rc = pair_save(c, &pair, err);
		pair_clear(&pair);
		if (!rc)
			rc = store_commit(c->store, err);
		else
			store_rollback(c->store);
	}
	return rc;
}

int designate(struct cycle *c, struct error *err)
{
	struct wanted w = { 0 };
	json_t *found = json_object();
	int64_t *ids = NULL;
	size_t n = 0;
	int rc = store_items_dirty(c->store, c->mb->id, &ids, &n, err);

	json_object_clear(c->may_create);
	if (rc) {
		json_decref(found);
		return rc;
	}
	w.match = xcalloc(n, sizeof(*w.match));
	w.fetch = xcalloc(n, sizeof(*w.fetch));
	rc = sort_items(c, ids, n, &w, err);
	if (!rc)
		rc = kinds_each(c, w.fetch, w.n_fetch, pull_crm_fetch_step, found, err);
	for (size_t i = 0; !rc && i < w.n_fetch; i++)
		rc = gone_missing(c, w.fetch[i], found, err);
	if (!rc)
		rc = kinds_each(c, w.match, w.n_match, match_items, NULL, err);
	json_decref(found);
	free(w.match);
	free(w.fetch);
	free(ids);
	return rc;
}
