/* Matching: which record of the CRM an item that becomes designated is.
 *
 * An item is known by its keys: a contact by its addresses, another item by its owner and what it holds
 * in the rows with FIELD_MATCH.  It first claims every key it has, over all mailboxes, and then asks the
 * CRM for records with one of them: whoever comes second to a claim waits, and finds the record.  One hit is linked, several
 * are an error entry, none lets the create go (I1).  The order matters: a claim that came after the
 * question could be for a person whom the other mailbox has made in between.  The claim ends with the
 * create's answer.
 *
 * A create whose answer was lost is looked for in the same way before it is sent again, and by its
 * token or, where the org has no field for that and the item no key, by what it holds and who made
 * it.  A record that a pull shows with the token of a pending create is linked at once. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "sync/engine/internal.h"
#include "sync/mem.h"

static const char *text(const json_t *data, const char *name)
{
	return json_string_value(json_object_get(data, name));
}

/* ---- what tells items apart -------------------------------------------------------------------- */

char *match_key(const struct field_table *table, const json_t *fields)
{
	json_t *values = json_object();
	char *key = NULL;

	for (size_t i = 0; i < table->n; i++)
		if (table->rows[i].flags & FIELD_MATCH)
			value_put(values, table->rows[i].name,
				value_get(fields, table->rows[i].name));
	if (json_object_size(values))
		key = json_dumps(values, JSON_COMPACT | JSON_SORT_KEYS);
	json_decref(values);
	return key;
}

static bool matches_by_fields(const struct cycle *c, enum item_kind kind)
{
	const struct field_table *table = &c->tables[SIDE_CRM][kind];

	for (size_t i = 0; i < table->n; i++)
		if (table->rows[i].flags & FIELD_MATCH)
			return true;
	return false;
}

/* The key together with the owner: two users may both have a "Meeting" at ten. */
static json_t *owned_key(const struct field_table *table, const char *owner, const json_t *fields)
{
	json_t *keys = json_array();
	char *key AUTOFREE = match_key(table, fields);

	if (key)
		json_array_append_new(keys, json_sprintf("%s %s", owner ? owner : "", key));
	return keys;
}

/* What an item is known by in the CRM: the addresses of a contact; of an event its owner, start and
 * subject.  New array of strings, empty when there is nothing. */
static json_t *item_keys(struct cycle *c, const struct pair *pair)
{
	const struct document_kind *kind = document_kind(pair->item.kind);
	json_t *projection, *keys;

	if (!matches_by_fields(c, pair->item.kind))
		return kind->emails ? kind->emails(pair->item.doc) : json_array();
	projection = pair_project(c, pair, SIDE_CRM, NULL, NULL);
	keys = owned_key(&c->tables[SIDE_CRM][pair->item.kind], c->mb->crm_user, projection);
	json_decref(projection);
	return keys;
}

static json_t *record_keys(
	const struct cycle *c, enum item_kind kind, const struct crm_record *record)
{
	if (!matches_by_fields(c, kind))
		return json_incref(record->emails);
	return owned_key(&c->tables[SIDE_CRM][kind], c->mb->crm_user ? record->owner_id : NULL,
		record->fields);
}

/* ---- claims ------------------------------------------------------------------------------------ */

bool match_claim(struct cycle *c, struct pair *pair)
{
	const struct document_kind *kind = document_kind(pair->item.kind);
	struct store_side *crm = &pair->sides[SIDE_CRM];
	json_t *keys = item_keys(c, pair), *key;
	bool got = true;
	size_t i;

	json_array_foreach(keys, i, key) {
		int64_t holder = 0;

		if (store_claim_take(c->store, kind->name, json_string_value(key), pair->item.id,
			    &holder, NULL) ||
			holder != pair->item.id)
			got = false;
	}
	json_decref(keys);
	if (got && crm->status == SIDE_NONE) {
		crm->status = SIDE_CREATING;
		xstrset(&crm->token, NULL);
		crm->token = gateway_token(c->engine);
		crm->token_sent = 0;
	} else if (!got) {
		if (crm->status == SIDE_NONE)
			store_claims_drop(c->store, pair->item.id, NULL);
		cycle_wake(c, CLAIM_WAIT_NS);
	}
	return got;
}

void match_forget(struct cycle *c, struct pair *pair)
{
	struct store_side *crm = &pair->sides[SIDE_CRM];

	store_side_delete(c->store, pair->item.id, SIDE_CRM, NULL);
	store_claims_drop(c->store, pair->item.id, NULL);
	store_side_clear(crm);
	*crm = (struct store_side){ .item = pair->item.id, .side = SIDE_CRM };
}

/* ---- linking ----------------------------------------------------------------------------------- */

/* Another item of this mailbox that is linked with the record; 0: none. */
int64_t match_linked_elsewhere(struct cycle *c, const char *record_id, int64_t item)
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

static void refuse(struct cycle *c, struct pair *pair, const char *fmt, const char *record_id)
{
	char *why AUTOFREE = xasprintf("%s%s", fmt, record_id ? record_id : "");
	struct error refusal = ERROR_INIT;

	match_forget(c, pair);
	error_set(&refusal, ERR_EXISTS, "%s", why);
	pair_refuse(c, pair, SIDE_CRM, &refusal);
}

/* Links the item with a record that is in the store, and merges it. */
static int link_stored(
	struct cycle *c, struct pair *pair, const struct store_record *record, struct error *err)
{
	struct store_side *crm = &pair->sides[SIDE_CRM];
	char *note AUTOFREE = unlinked_name(c, record->id);
	bool ours = json_is_true(json_object_get(record->data, "created_by_us"));
	int rc = store_value_set(c->store, note, NULL, err);

	if (rc)
		return rc;
	store_claims_drop(c->store, pair->item.id, NULL);
	crm->created_by_us = crm->token_sent && ours;
	if (!crm->created_by_us)
		pair_forget_intent(crm);
	else if (crm->intent) /* the record is the answer, but for later steps */
		json_object_set_new(crm->intent, "answered", json_true());
	crm->status = SIDE_LINKED;
	xstrset(&crm->remote_id, record->id);
	xstrset(&crm->token, NULL);
	xstrset(&crm->reason, NULL);
	crm->token_sent = 0;
	cycle_log(c, "linked with record %s", record->id);
	return pull_crm_merge_record(c, pair, record, err);
}

/* Records as the CRM answered. */
struct hits {
	struct crm_record *records;
	size_t n;
	int64_t asked;
};

/* Is the record about to go, or gone since we asked? */
static bool is_gone(struct cycle *c, const char *object, const char *id, int64_t asked)
{
	struct store_record row = { 0 };
	bool gone = designate_is_going(c, id);

	if (!gone && !store_record_get(c->store, object, id, &row, NULL))
		gone = json_integer_value(json_object_get(row.data, "deleted_by_us")) >= asked;
	store_record_clear(&row);
	return gone;
}

static int link_hit(struct cycle *c, struct pair *pair, const struct crm_record *hit, int64_t asked,
	struct error *err)
{
	const char *object = document_kind(pair->item.kind)->name;
	struct store_record row = { 0 };
	int rc;

	if (is_gone(c, object, hit->id, asked)) { /* the next cycle asks anew */
		cycle_wake(c, CLAIM_WAIT_NS);
		return 0;
	}
	if (match_linked_elsewhere(c, hit->id, pair->item.id)) {
		refuse(c, pair,
			"the record that it matches is linked with another item of this "
			"mailbox: ",
			hit->id);
		return 0;
	}
	if (import_is_unlinked(c, hit->id) && !designate_is_explicit(c, pair)) {
		refuse(c, pair,
			"its record was unlinked from this mailbox; tandemctl relink PATH links "
			"it: ",
			hit->id);
		return 0;
	}
	rc = pull_crm_store(c, pair->item.kind, hit, err);
	if (!rc)
		rc = store_record_get(c->store, object, hit->id, &row, err);
	if (!rc)
		rc = link_stored(c, pair, &row, err);
	store_record_clear(&row);
	return rc;
}

/* ---- creates whose answer was lost --------------------------------------------------------------- */

static bool is_linked_at_all(struct cycle *c, const char *record_id)
{
	int64_t *ids = NULL;
	size_t n = 0;

	store_sides_by_record(c->store, record_id, &ids, &n, NULL);
	free(ids);
	return n > 0;
}

enum likeness { UNLIKE, ALIKE, SAME };

/* What a CRM makes of a text: trimmed, in another case, cut, with something before or after it. */
static bool is_alike(const json_t *sent, const json_t *there)
{
	const char *a = json_string_value(sent), *b = json_string_value(there);

	if (value_equal(sent, there))
		return true;
	return a && b && *a && *b && (strcasestr(a, b) || strcasestr(b, a));
}

/* Did we make the record when this create was sent, and does it hold what was sent, or most of it in some
 * form? */
static enum likeness likeness(
	struct cycle *c, const struct store_side *crm, const struct store_record *record)
{
	json_t *fields = json_object_get(record->data, "fields"), *sent;
	int64_t created = json_integer_value(json_object_get(record->data, "created"));
	const char *token = text(record->data, "token"), *name;
	size_t n = 0, same = 0, alike = 0;

	if (record->deleted || !crm->intent)
		return UNLIKE;
	if (token && crm->token)
		return !strcmp(token, crm->token) ? SAME : UNLIKE;
	if (!json_is_true(json_object_get(record->data, "created_by_us")) ||
		created < crm->token_sent - CRM_OVERLAP_NS || is_linked_at_all(c, record->id))
		return UNLIKE;
	json_object_foreach(json_object_get(crm->intent, "fields"), name, sent) {
		n++;
		same += value_equal(sent, value_get(fields, name));
		alike += is_alike(sent, value_get(fields, name));
	}
	return same == n ? SAME : 2 * alike > n ? ALIKE : UNLIKE;
}

struct made {
	struct store_record record; /* the one most alike; no id: none */
	enum likeness how;
	bool several; /* as much as one that holds other values */
};

/* Looks through all records that were pulled for what a create without an answer made. */
static int find_made(
	struct cycle *c, const struct pair *pair, struct made *found, struct error *err)
{
	const struct store_side *crm = &pair->sides[SIDE_CRM];
	const char *object = document_kind(pair->item.kind)->name;
	struct store_record *records = NULL;
	int64_t after = 0;
	size_t n = 0;
	int rc;

	do {
		rc = store_record_list(c->store, after, MERGE_BATCH, &records, &n, err);
		for (size_t i = 0; !rc && i < n; i++) {
			enum likeness how = strcmp(records[i].object, object) != 0
						    ? UNLIKE
						    : likeness(c, crm, &records[i]);

			after = records[i].seq;
			found->several |= how == ALIKE && found->how == ALIKE &&
					  !json_equal(json_object_get(found->record.data, "fields"),
						  json_object_get(records[i].data, "fields"));
			if (how <= found->how)
				continue;
			store_record_clear(&found->record);
			found->record = records[i];
			found->how = how;
			found->several = false;
			memset(&records[i], 0, sizeof(records[i]));
		}
		if (!rc)
			store_records_free(records, n);
		records = NULL;
	} while (!rc && n && found->how != SAME);
	return rc;
}

/* No record has one of its keys. */
static int match_none(struct cycle *c, struct pair *pair, struct error *err)
{
	struct store_side *crm = &pair->sides[SIDE_CRM];
	const struct config_rule *rule = pair_rule(c, pair);
	bool upserts = c->upserts[pair->item.kind];
	bool late = c->began > crm->token_sent + CRM_OVERLAP_NS;
	const char *why_not;
	bool wanted = designate_wanted(c, pair, &why_not);
	struct made made = { .how = UNLIKE };
	int rc = 0;

	if (crm->token_sent && (!wanted || !upserts))
		rc = find_made(c, pair, &made, err);
	if (rc || made.how != UNLIKE) {
		if (!rc && made.several)
			refuse(c, pair,
				"no answer came to its create, and several records may be what it "
				"made; tandemctl relink PATH RECORD-ID decides",
				NULL);
		else if (!rc)
			rc = link_stored(c, pair, &made.record, err);
		store_record_clear(&made.record);
		return rc;
	}
	if (!wanted && (late || !crm->token_sent)) {
		match_forget(c, pair);
	} else if (wanted && rule->direction == DIRECTION_TO_EXCHANGE) {
		refuse(c, pair, "no record matches it, and the policy sends nothing to the CRM",
			NULL);
	} else if (wanted && (!crm->token_sent || upserts || late)) {
		json_object_set_new(c->may_create, crm->token, json_true());
	} else { /* I1: however late its transaction commits, it shows by then */
		cycle_wake(c, crm->token_sent + CRM_OVERLAP_NS - c->began);
	}
	return rc;
}

bool match_may_create(const struct cycle *c, const struct store_side *crm)
{
	return crm->token && json_object_get(c->may_create, crm->token);
}

/* ---- all of them --------------------------------------------------------------------------------- */

/* Is the record known by one of these keys: an address in any of its e-mail fields, or the like? */
static bool record_has(const struct cycle *c, enum item_kind kind, const struct crm_record *record,
	const json_t *keys)
{
	json_t *has = record_keys(c, kind, record), *have, *wanted;
	bool found = false;
	size_t i, j;

	json_array_foreach(has, i, have)
		json_array_foreach((json_t *)keys, j, wanted)
			found |= !strcasecmp(json_string_value(have), json_string_value(wanted));
	json_decref(has);
	return found;
}

static int match_pair(
	struct cycle *c, struct pair *pair, const struct hits *hits, struct error *err)
{
	struct store_side *crm = &pair->sides[SIDE_CRM];
	json_t *keys = item_keys(c, pair);
	const struct crm_record *hit = NULL;
	size_t n = 0;
	int rc = 0;

	for (size_t i = 0; i < hits->n; i++) {
		const struct crm_record *record = &hits->records[i];

		if (record->deleted || !record_has(c, pair->item.kind, record, keys))
			continue;
		if (record->token && crm->token && !strcmp(record->token, crm->token)) {
			hit = record;
			n = 1;
			break;
		}
		n += !hit || strcmp(hit->id, record->id) != 0;
		hit = record;
	}
	if (n && hit->unsupported)
		refuse(c, pair, "the record that it matches is left alone: ", hit->unsupported);
	else if (n > 1)
		refuse(c, pair, "several records match it; tandemctl relink PATH RECORD-ID decides",
			NULL);
	else if (n == 1)
		rc = link_hit(c, pair, hit, hits->asked, err);
	else
		rc = match_none(c, pair, err);
	json_decref(keys);
	return rc ? rc : pair_save(c, pair, err);
}

static int match_item(struct cycle *c, int64_t item, const struct hits *hits, struct error *err)
{
	struct pair pair;
	int rc = store_begin(c->store, STORE_FULL, STORE_REMOTE, err);

	if (rc)
		return rc;
	rc = pair_load(c, item, &pair, err);
	if (!rc) {
		if (pair.sides[SIDE_CRM].status == SIDE_CREATING &&
			!(pair.item.ino && store_writer_active(c->store, pair.item.ino)))
			rc = match_pair(c, &pair, hits, err);
		pair_clear(&pair);
	}
	if (!rc)
		return store_commit(c->store, err);
	store_rollback(c->store);
	return rc == ERR_NOT_FOUND ? 0 : rc;
}

static int ask_by_address(struct cycle *c, enum item_kind kind, const int64_t *items, size_t n,
	struct hits *hits, struct error *err)
{
	json_t *all = json_object(), *value;
	struct error leads = ERROR_INIT;
	const char **list, *address;
	size_t m = 0;
	int rc = 0;

	for (size_t i = 0; i < n; i++) {
		struct pair pair;
		json_t *addresses;
		size_t j;

		if (pair_load(c, items[i], &pair, NULL))
			continue;
		addresses = item_keys(c, &pair);
		json_array_foreach(addresses, j, value)
			json_object_set_new(all, json_string_value(value), json_true());
		json_decref(addresses);
		pair_clear(&pair);
	}
	list = xcalloc(json_object_size(all), sizeof(*list));
	json_object_foreach(all, address, value)
		list[m++] = address;
	if (m)
		rc = c->engine->crm_driver->match_emails(
			c->crm, kind, list, m, &hits->records, &hits->n, err);
	if (!rc && leads_ask(c, items, n, list, m, &leads)) /* a note is worth no failure */
		cycle_log(c, "leads: %s", leads.text);
	free(list);
	json_decref(all);
	return rc;
}

static int ask_by_fields(struct cycle *c, enum item_kind kind, const int64_t *items, size_t n,
	struct hits *hits, struct error *err)
{
	json_t **projections = xcalloc(n, sizeof(*projections));
	size_t m = 0;
	int rc = 0;

	for (size_t i = 0; i < n; i++) {
		struct pair pair;

		if (pair_load(c, items[i], &pair, NULL))
			continue;
		projections[m] = pair_project(c, &pair, SIDE_CRM, NULL, NULL);
		m += projections[m] !=
		     NULL; /* what cannot be projected is refused when it is sent */
		pair_clear(&pair);
	}
	if (m)
		rc = c->engine->crm_driver->match_fields(c->crm, kind, c->mb->crm_user,
			(const json_t *const *)projections, m, &hits->records, &hits->n, err);
	for (size_t i = 0; i < m; i++)
		json_decref(projections[i]);
	free(projections);
	return rc;
}

int match_items(struct cycle *c, enum item_kind kind, const int64_t *items, size_t n, void *data,
	struct error *err)
{
	struct hits hits = { .asked = store_now(c->store) };
	int rc;

	(void)data;
	cycle_progress(c, "matching", 0, n);
	rc = (matches_by_fields(c, kind) ? ask_by_fields : ask_by_address)(
		c, kind, items, n, &hits, err);
	for (size_t i = 0; !rc && i < n; i++)
		rc = match_item(c, items[i], &hits, err);
	crm_records_free(hits.records, hits.n);
	return rc;
}

/* ---- a pulled record that nothing is linked with --------------------------------------------------- */

/* Is a create without token and address pending here, which could be any record that we made? */
static bool plain_create_is_pending(struct cycle *c, const char *object)
{
	int64_t *ids AUTOFREE = NULL;
	enum item_kind kind, is;
	bool pending = false;
	size_t n = 0;

	if (!kind_by_name(object, &kind) || c->upserts[kind] ||
		store_items_dirty(c->store, c->mb->id, &ids, &n, NULL))
		return false;
	for (size_t i = 0; i < n && !pending; i++) {
		struct store_side side;

		store_side_get(c->store, ids[i], SIDE_CRM, &side, NULL);
		pending = side.status == SIDE_CREATING && side.token_sent &&
			  !store_item_kind(c->store, ids[i], &is, NULL) && is == kind;
		store_side_clear(&side);
	}
	return pending;
}

static int link_by_token(struct cycle *c, int64_t item, const struct store_record *record,
	bool *waits, struct error *err)
{
	struct pair pair;
	int rc = pair_load(c, item, &pair, err);

	if (rc)
		return rc;
	if (pair.item.ino && store_writer_active(c->store, pair.item.ino))
		*waits = true;
	else if (pair.item.mailbox == c->mb->id)
		rc = link_stored(c, &pair, record, err);
	if (!rc && !*waits && pair.item.mailbox == c->mb->id)
		rc = pair_save(c, &pair, err);
	pair_clear(&pair);
	return rc;
}

int match_pulled(struct cycle *c, const struct store_record *record, bool *ours, bool *waits,
	struct error *err)
{
	const char *token = text(record->data, "token");
	struct store_side side = { 0 };
	int rc = 0;

	*ours = false;
	if (token && !store_side_by_token(c->store, SIDE_CRM, token, &side, NULL) &&
		side.status == SIDE_CREATING) {
		*ours = true;
		rc = link_by_token(c, side.item, record, waits, err);
	} else if (json_is_true(json_object_get(record->data, "created_by_us"))) {
		*ours = plain_create_is_pending(c, record->object);
	}
	store_side_clear(&side);
	return rc;
}
