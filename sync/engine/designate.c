/* Designation: which items are synced with the CRM, and with which record.
 *
 * An item that becomes designated is first matched by every address it has: one record is linked,
 * several are an error entry, none means a create, for which a claim on each address is taken so that
 * two mailboxes never create the same person.  An item that is no longer designated is unlinked: the
 * link stays as `unlinked` until a user designates anew. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "sync/engine/internal.h"
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

static bool is_private(const json_t *doc)
{
	const char *value = json_string_value(json_object_get(doc, "tandemfs:sensitivity"));

	return value && strcasecmp(value, "Normal") != 0;
}

bool designate_wanted(struct cycle *c, const struct pair *pair, const char **why_not)
{
	const struct config_rule *rule = pair_rule(c, pair);
	bool is_default, designated;

	*why_not = NULL;
	if (!rule || rule->mode == MODE_OFF || !pair->item.doc || pair->item.removed)
		return false;
	if (has_keyword(pair->item.doc, c->policy->exclude)) {
		*why_not = "excluded";
		return false;
	}
	if (is_private(pair->item.doc)) {
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
	return designated;
}

void designate_unlink(struct cycle *c, struct pair *pair, const char *reason)
{
	struct store_side *crm = &pair->sides[SIDE_CRM];
	char *name AUTOFREE = unlinked_name(c, crm->remote_id ? crm->remote_id : "");
	char *path AUTOFREE = pair_path(c, pair);

	json_decref(crm->intent);
	crm->intent = NULL;
	if (!strcmp(reason, "private") && crm->created_by_us) {
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

/* ---- one item --------------------------------------------------------------------------------- */

struct wanted {
	int64_t *match; /* items to be matched */
	size_t n_match;
	int64_t *fetch; /* linked ones whose record must be read: no base yet, or no version */
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

/* Sorts an item by what has to be done; true when the pair changed. */
static bool sort_item(struct cycle *c, struct pair *pair, struct wanted *w)
{
	struct store_side *crm = &pair->sides[SIDE_CRM];
	const char *why_not = NULL;
	bool wanted = designate_wanted(c, pair, &why_not);
	bool released = crm->reason && strstr(crm->reason, RELEASED);

	switch (crm->status) {
	case SIDE_NONE:
		if (wanted && !pair_is_refused(pair, SIDE_CRM))
			w->match[w->n_match++] = pair->item.id;
		return false;
	case SIDE_CREATING:
		if (!wanted && !crm->token_sent) {
			crm->status = SIDE_NONE;
			store_side_delete(c->store, pair->item.id, SIDE_CRM, NULL);
			store_claims_drop(c->store, pair->item.id, NULL);
			return true;
		}
		/* I1: a plain create whose answer was lost is looked for before it is sent again. */
		if (crm->token_sent && !c->engine->config->crm_external_id_field)
			w->match[w->n_match++] = pair->item.id;
		return false;
	case SIDE_LINKED:
		if (!wanted && pair->item.removed)
			return false; /* the removal decides */
		if (!wanted) {
			designate_unlink(c, pair, why_not ? why_not : "switched off");
			return true;
		}
		if (!crm->ours || !crm->version || crm->intent)
			w->fetch[w->n_fetch++] = pair->item.id;
		return false;
	case SIDE_UNLINKED:
		if (!wanted && !released && crm->reason && !pair->item.removed) {
			char *reason AUTOFREE = xasprintf("%s" RELEASED, crm->reason);

			xstrset(&crm->reason, reason);
			return true;
		}
		if (wanted && released) {
			relink(c, pair);
			w->fetch[w->n_fetch++] = pair->item.id;
			return true;
		}
		return false;
	case SIDE_DELETING:
		return false;
	}
	return false;
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

/* ---- matching --------------------------------------------------------------------------------- */

/* Does a record carry one of these addresses in any of its e-mail fields? */
static bool record_has(const struct crm_record *record, const json_t *addresses)
{
	json_t *have, *wanted;
	size_t i, j;

	json_array_foreach(record->emails, i, have)
		json_array_foreach((json_t *)addresses, j, wanted)
			if (!strcasecmp(json_string_value(have), json_string_value(wanted)))
				return true;
	return false;
}

/* Another item of this mailbox that is linked with the record; 0: none. */
static int64_t linked_elsewhere(struct cycle *c, const char *record_id, int64_t item)
{
	int64_t *ids = NULL, other = 0;
	size_t n = 0;

	if (store_sides_by_record(c->store, record_id, &ids, &n, NULL))
		return 0;
	for (size_t i = 0; i < n; i++) {
		struct pair pair;

		if (ids[i] == item || pair_load(c, ids[i], &pair, NULL))
			continue;
		if (pair.item.mailbox == c->mb->id && pair.sides[SIDE_CRM].status == SIDE_LINKED)
			other = ids[i];
		pair_clear(&pair);
	}
	free(ids);
	return other;
}

static int link_record(
	struct cycle *c, struct pair *pair, const struct crm_record *record, struct error *err)
{
	struct store_side *crm = &pair->sides[SIDE_CRM];
	int64_t other = linked_elsewhere(c, record->id, pair->item.id);
	struct store_record *row = NULL;
	struct error refusal = ERROR_INIT;
	int rc;

	if (other) {
		error_set(&refusal, ERR_EXISTS,
			"record %s has one of its addresses and is linked with another item of "
			"this "
			"mailbox",
			record->id);
		pair_refuse(c, pair, SIDE_CRM, &refusal);
		return 0;
	}
	xstrset(&crm->remote_id, record->id);
	crm->created_by_us = crm->status == SIDE_CREATING && record->created_by_us;
	relink(c, pair);
	xstrset(&crm->token, NULL);
	crm->token_sent = 0;
	pair_forget_intent(crm);
	rc = pull_crm_store(c, pair->item.kind, record, err);
	row = xcalloc(1, sizeof(*row));
	if (!rc)
		rc = store_record_get(
			c->store, document_kind(pair->item.kind)->name, record->id, row, err);
	if (!rc)
		rc = pull_crm_merge_record(c, pair, row, false, err);
	store_records_free(row, 1);
	cycle_log(c, "linked with record %s", record->id);
	return rc;
}

/* No record has its addresses: claims them and prepares a create (I1). */
static int claim(struct cycle *c, struct pair *pair, const json_t *addresses, struct error *err)
{
	struct store_side *crm = &pair->sides[SIDE_CRM];
	const struct config_rule *rule = pair_rule(c, pair);
	struct error refusal = ERROR_INIT;
	const char *object = document_kind(pair->item.kind)->name;
	json_t *address;
	size_t i;

	if (crm->status ==
		SIDE_CREATING) { /* sent once, the answer was lost, and it does not show */
		if (c->began > crm->token_sent + CRM_OVERLAP_NS)
			crm->token_sent = 0;
		else
			cycle_wake(c, crm->token_sent + CRM_OVERLAP_NS - c->began);
		return 0;
	}
	if (rule && rule->direction == DIRECTION_TO_EXCHANGE) {
		error_set(&refusal, ERR_NOT_FOUND,
			"no record has one of its addresses, and the policy sends nothing to the "
			"CRM");
		pair_refuse(c, pair, SIDE_CRM, &refusal);
		return 0;
	}
	json_array_foreach((json_t *)addresses, i, address) {
		int64_t holder = 0;
		int rc = store_claim_take(
			c->store, object, json_string_value(address), pair->item.id, &holder, err);

		if (rc)
			return rc;
		if (holder != pair->item.id)
			return 0; /* somebody else is creating it: link when it is there */
	}
	crm->status = SIDE_CREATING;
	crm->token = engine_token();
	crm->token_sent = 0;
	return 0;
}

static int match_item(struct cycle *c, int64_t item, const struct crm_record *records, size_t n,
	struct error *err)
{
	struct error refusal = ERROR_INIT;
	const struct crm_record *hit = NULL;
	struct pair pair;
	json_t *addresses;
	size_t hits = 0;
	int rc = store_begin(c->store, STORE_FULL, STORE_REMOTE, err);

	if (rc)
		return rc;
	rc = pair_load(c, item, &pair, err);
	if (rc) {
		store_rollback(c->store);
		return rc == ERR_NOT_FOUND ? 0 : rc;
	}
	addresses = document_kind(pair.item.kind)->emails(pair.item.doc);
	for (size_t i = 0; i < n; i++)
		if (!records[i].deleted && record_has(&records[i], addresses)) {
			hits += !hit || strcmp(hit->id, records[i].id) != 0;
			hit = &records[i];
		}
	if (hits > 1) {
		error_set(&refusal, ERR_EXISTS,
			"several records have one of its addresses; tandemctl relink PATH "
			"RECORD-ID "
			"decides");
		pair_refuse(c, &pair, SIDE_CRM, &refusal);
	} else if (hits == 1) {
		rc = link_record(c, &pair, hit, err);
	} else {
		rc = claim(c, &pair, addresses, err);
	}
	if (!rc)
		rc = pair_save(c, &pair, err);
	json_decref(addresses);
	pair_clear(&pair);
	if (!rc)
		return store_commit(c->store, err);
	store_rollback(c->store);
	return rc;
}

static json_t *addresses_of(struct cycle *c, const int64_t *items, size_t n)
{
	json_t *all = json_object();

	for (size_t i = 0; i < n; i++) {
		struct store_item item = { 0 };
		json_t *addresses, *address;
		size_t j;

		if (store_item_get(c->store, items[i], &item, NULL))
			continue;
		addresses = document_kind(item.kind)->emails(item.doc);
		json_array_foreach(addresses, j, address)
			json_object_set_new(all, json_string_value(address), json_true());
		json_decref(addresses);
		store_item_clear(&item);
	}
	return all;
}

static int match_batch(struct cycle *c, const int64_t *items, size_t n, struct error *err)
{
	json_t *addresses = addresses_of(c, items, n), *value;
	const char **list = xcalloc(json_object_size(addresses), sizeof(*list)), *address;
	struct crm_record *records = NULL;
	size_t m = 0, found = 0;
	int rc = 0;

	json_object_foreach(addresses, address, value)
		list[m++] = address;
	if (m)
		rc = c->engine->crm_driver->match_emails(
			c->crm, KIND_CONTACT, list, m, &records, &found, err);
	for (size_t i = 0; !rc && i < n; i++)
		rc = match_item(c, items[i], records, found, err);
	crm_records_free(records, found);
	free(list);
	json_decref(addresses);
	return rc;
}

/* A linked record that could not be read is gone or out of our view (I13): never deleted.  Where a
 * user designated anew, the item is free to be matched again. */
static int settle_missing(struct cycle *c, int64_t item, struct error *err)
{
	struct store_side *crm;
	struct pair pair;
	int rc = store_begin(c->store, STORE_NORMAL, STORE_REMOTE, err);

	if (rc)
		return rc;
	rc = pair_load(c, item, &pair, err);
	if (rc) {
		store_rollback(c->store);
		return rc == ERR_NOT_FOUND ? 0 : rc;
	}
	crm = &pair.sides[SIDE_CRM];
	if (crm->status == SIDE_LINKED && !crm->ours) {
		if (crm->reason && strstr(crm->reason, RELEASED)) {
			rc = store_side_delete(c->store, item, SIDE_CRM, err);
			store_side_clear(crm);
			*crm = (struct store_side){ .item = item, .side = SIDE_CRM };
		} else {
			designate_unlink(c, &pair, "gone or out of view");
		}
		if (!rc)
			rc = pair_save(c, &pair, err);
	}
	pair_clear(&pair);
	if (!rc)
		return store_commit(c->store, err);
	store_rollback(c->store);
	return rc;
}

int designate(struct cycle *c, struct error *err)
{
	struct wanted w = { 0 };
	int64_t *ids = NULL;
	size_t n = 0;
	int rc = store_items_dirty(c->store, c->mb->id, &ids, &n, err);

	if (rc)
		return rc;
	w.match = xcalloc(n, sizeof(*w.match));
	w.fetch = xcalloc(n, sizeof(*w.fetch));
	rc = sort_items(c, ids, n, &w, err);
	for (size_t i = 0; !rc && i < w.n_fetch; i += MERGE_BATCH)
		rc = pull_crm_fetch(c, KIND_CONTACT, w.fetch + i,
			w.n_fetch - i < MERGE_BATCH ? w.n_fetch - i : MERGE_BATCH, false, err);
	for (size_t i = 0; !rc && i < w.n_fetch; i++)
		rc = settle_missing(c, w.fetch[i], err);
	for (size_t i = 0; !rc && i < w.n_match; i += MERGE_BATCH) {
		cycle_progress(c, "matching", i, w.n_match);
		rc = match_batch(c, w.match + i,
			w.n_match - i < MERGE_BATCH ? w.n_match - i : MERGE_BATCH, err);
	}
	free(w.match);
	free(w.fetch);
	free(ids);
	return rc;
}
