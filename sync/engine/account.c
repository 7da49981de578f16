/* Companies: the account that a contact's record belongs to.
 *
 * The row with FIELD_REFERENCE is merged like any other: its value is the account's name.  Only sending
 * differs, since the CRM wants an id.  The names that are to be sent are looked for together; one that
 * means one account is sent as that one's id, every other leaves the record's account as it is.  That is
 * settled in the shadow: `ours` is the company, `theirs` the account's name, and neither is a change.
 * Such an item is noted as unmatched.  Accounts are never made.
 *
 * A record says nothing when its account is renamed, so accounts are pulled too: a new name is put into
 * the records that were pulled, and each mailbox merges them as it does all changes.  An account that was
 * made, renamed or deleted is worth another look at the unmatched items with its name.
 *
 * An account that an administrator set by hand waits as "@account" in the shadow until it is sent. */
#include <stdlib.h>
#include <string.h>

#include "sync/engine/internal.h"
#include "sync/mem.h"

#define BY_HAND "@account"
#define OBJECT	"account"

static const struct field *account_row(struct cycle *c, enum item_kind kind)
{
	const struct field_table *table = &c->tables[SIDE_CRM][kind];

	for (size_t i = 0; i < table->n; i++)
		if (table->rows[i].flags & FIELD_REFERENCE)
			return &table->rows[i];
	return NULL;
}

bool account_is_pulled(struct cycle *c)
{
	return c->engine->crm_driver->pull_accounts && account_row(c, KIND_CONTACT);
}

/* ---- what is unmatched ------------------------------------------------------------------------- */

static char *note_prefix(int64_t mailbox)
{
	return xasprintf("unmatched:%lld:", (long long)mailbox);
}

/* NULL: it is matched. */
static int note_unmatched(struct cycle *c, int64_t item, const json_t *note, struct error *err)
{
	char *prefix AUTOFREE = note_prefix(c->mb->id);
	char *name AUTOFREE = xasprintf("%s%lld", prefix, (long long)item);
	char *text AUTOFREE = note ? json_dumps(note, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
	int rc = store_value_set(c->store, name, text, err);

	if (!rc && c->unmatched && note)
		json_object_set(c->unmatched, name + strlen(prefix), (json_t *)note);
	else if (!rc && c->unmatched)
		json_object_del(c->unmatched, name + strlen(prefix));
	return rc;
}

int account_forget(struct cycle *c, int64_t item, struct error *err)
{
	return note_unmatched(c, item, NULL, err);
}

/* The notes of a mailbox: item id -> note. */
static json_t *list_notes(struct store *store, int64_t mailbox)
{
	char *prefix AUTOFREE = note_prefix(mailbox);
	json_t *names = NULL, *notes = json_object(), *name;
	size_t i;

	store_value_names(store, prefix, &names, NULL);
	json_array_foreach(names, i, name) {
		const char *key = json_string_value(name);
		char *text AUTOFREE = NULL;

		if (!store_value_get(store, key, &text, NULL) && text)
			json_object_set_new(notes, key + strlen(prefix), json_loads(text, 0, NULL));
	}
	json_decref(names);
	return notes;
}

/* Is the note true still?  It is when the shadow holds the company that it was made for. */
static bool note_stands(const struct pair *pair, const json_t *note)
{
	const struct store_side *crm = &pair->sides[SIDE_CRM];
	const char *field = json_string_value(json_object_get(note, "field"));

	return field && crm->status == SIDE_LINKED && pair->item.ino && !pair->item.removed &&
	       value_equal(value_get(crm->ours, field), value_get(note, "company")) &&
	       !value_equal(value_get(crm->ours, field), value_get(crm->theirs, field));
}

json_t *account_unmatched(struct engine *e, int64_t mailbox)
{
	struct cycle c = { .engine = e, .store = e->store };
	json_t *notes = list_notes(e->store, mailbox), *list = json_array(), *note;
	const char *id;

	json_object_foreach(notes, id, note) {
		const char *field = json_string_value(json_object_get(note, "field"));
		struct pair pair;

		if (pair_load(&c, strtoll(id, NULL, 10), &pair, NULL))
			continue;
		if (note_stands(&pair, note)) {
			char *path AUTOFREE = pair_path(&c, &pair);

			json_array_append_new(
				list, json_pack("{s:s, s:O?, s:O?, s:O}", "path", path, "company",
					      value_get(note, "company"), "account",
					      value_get(pair.sides[SIDE_CRM].theirs, field),
					      "accounts_of_that_name",
					      json_object_get(note, "accounts")));
		}
		pair_clear(&pair);
	}
	json_decref(notes);
	return list;
}

/* The company counts as not sent: it is looked for again. */
static int look_again(struct cycle *c, int64_t item, const char *field, struct error *err)
{
	struct store_side *crm;
	struct pair pair;
	int rc = pair_load(c, item, &pair, err);

	if (rc)
		return rc == ERR_NOT_FOUND ? 0 : rc;
	crm = &pair.sides[SIDE_CRM];
	if (crm->status == SIDE_LINKED && crm->ours) {
		value_put(crm->ours, field, value_get(crm->theirs, field));
		pair.item.dirty = true;
		rc = store_side_save(c->store, crm, err);
		if (!rc)
			rc = store_item_save(c->store, &pair.item, err);
	}
	pair_clear(&pair);
	return rc;
}

/* name: only those whose company has this name, or NULL. */
static int retry(struct cycle *c, json_t *notes, const json_t *name, struct error *err)
{
	const struct field *row = account_row(c, KIND_CONTACT);
	const char *id;
	json_t *note;
	void *next;
	int rc = 0;

	json_object_foreach_safe(notes, next, id, note)
	{
		int64_t item = strtoll(id, NULL, 10);
		const char *field = json_string_value(json_object_get(note, "field"));

		if (rc || (name && (!row || !field_same(row, name, value_get(note, "company")))))
			continue;
		if (field)
			rc = look_again(c, item, field, err);
		if (!rc)
			rc = note_unmatched(c, item, NULL, err);
	}
	return rc;
}

int account_retry(struct cycle *c, struct error *err)
{
	json_t *notes = list_notes(c->store, c->mb->id);
	int rc = retry(c, notes, NULL, err);

	json_decref(notes);
	return rc;
}

/* ---- accounts that changed ---------------------------------------------------------------------- */

/* Puts the new names into the records of contacts that were pulled. */
static int rename_in_records(
	struct cycle *c, const struct field *row, const json_t *renamed, struct error *err)
{
	int64_t after = 0;
	size_t n = 0;
	int rc = 0;

	if (!json_object_size(renamed))
		return 0;
	do {
		struct store_record *records = NULL;

		n = 0;
		rc = store_record_list(c->store, after, MERGE_BATCH, &records, &n, err);
		for (size_t i = 0; !rc && i < n; i++) {
			json_t *fields = json_object_get(records[i].data, "fields");
			const char *account = json_string_value(
				json_object_get(records[i].data, "account"));
			json_t *name = account ? json_object_get(renamed, account) : NULL;

			after = records[i].seq;
			if (!name || !fields || value_equal(name, value_get(fields, row->name)))
				continue;
			json_object_set(fields, row->name, name);
			rc = store_record_put(c->store, &records[i], err);
		}
		store_records_free(records, n);
	} while (!rc && n);
	return rc;
}

int account_store(struct cycle *c, const struct crm_page *page, struct error *err)
{
	const struct field *row = account_row(c, KIND_CONTACT);
	json_t *renamed = json_object();
	int rc = 0;

	for (size_t i = 0; !rc && i < page->n; i++) {
		const struct crm_record *r = &page->records[i];
		json_t *name = value_get(r->fields, "Name");
		struct store_record record = { .object = OBJECT,
			.id = r->id,
			.deleted = r->deleted,
			.data = json_pack("{s:O?}", "name", name) };
		struct store_record known = { 0 };

		if (store_record_get(c->store, OBJECT, r->id, &known, NULL) ||
			known.deleted != r->deleted || !json_equal(known.data, record.data)) {
			rc = store_record_put(c->store, &record, err);
			if (name && !r->deleted)
				json_object_set(renamed, r->id, name);
		}
		store_record_clear(&known);
		json_decref(record.data);
	}
	if (!rc)
		rc = rename_in_records(c, row, renamed, err);
	json_decref(renamed);
	return rc;
}

int account_merge(
	struct cycle *c, const struct store_record *record, bool *is_one, struct error *err)
{
	json_t *name = value_get(record->data, "name");

	*is_one = !strcmp(record->object, OBJECT);
	if (!*is_one || !name)
		return 0;
	if (!c->unmatched) /* many accounts may have changed */
		c->unmatched = list_notes(c->store, c->mb->id);
	return retry(c, c->unmatched, name, err);
}

/* ---- what is to be sent -------------------------------------------------------------------------- */

static size_t index_of(const json_t *names, const char *name)
{
	size_t i;
	json_t *one;

	json_array_foreach((json_t *)names, i, one)
		if (!strcmp(json_string_value(one), name))
			return i;
	return SIZE_MAX;
}

/* The company that is to be sent, JSON null when it was emptied; NULL when nothing is to be sent. */
static json_t *company_to_send(struct cycle *c, struct pair *pair, const struct field *row)
{
	struct store_side *crm = &pair->sides[SIDE_CRM];
	json_t *projection, *changed, *company = NULL;
	bool creates = crm->status == SIDE_CREATING && match_may_create(c, crm);
	bool updates = crm->status == SIDE_LINKED && crm->ours && crm->version;

	if ((!creates && !updates) || !pair->item.doc || pair->item.removed || !pair->item.ino ||
		store_writer_active(c->store, pair->item.ino))
		return NULL;
	projection = pair_project(c, pair, SIDE_CRM, NULL, NULL);
	if (!projection)
		return NULL;
	changed = pair_changed(c, pair, SIDE_CRM, projection);
	if (index_of(changed, row->name) != SIZE_MAX) {
		company = value_get(projection, row->name);
		company = company ? json_incref(company) : json_null();
	}
	json_decref(changed);
	json_decref(projection);
	return company;
}

/* A company that means no account: the record keeps the one it has. */
static int settle(struct cycle *c, struct pair *pair, const struct field *row,
	const json_t *company, struct error *err)
{
	struct store_side *crm = &pair->sides[SIDE_CRM];
	const char *text = json_string_value(company);
	const json_t *known = text ? json_object_get(c->accounts, text) : NULL;
	bool same = field_same(row, company, value_get(crm->theirs, row->name));
	json_t *note = NULL;
	int rc;

	if (!same && (json_object_get(known, "id") || json_object_get(crm->theirs, BY_HAND)))
		return 0; /* it is sent */
	if (!same && text && !known)
		return 0; /* was not asked for: the next pass */
	if (crm->status != SIDE_LINKED)
		return 0; /* once the record is made */
	value_put(crm->ours, row->name, (json_t *)company);
	if (!same)
		note = json_pack("{s:s, s:O?, s:I}", "field", row->name, "company", company,
			"accounts", json_integer_value(json_object_get(known, "hits")));
	rc = note_unmatched(c, pair->item.id, note, err);
	json_decref(note);
	return rc ? rc : pair_save(c, pair, err);
}

static int settle_item(struct cycle *c, int64_t item, struct error *err)
{
	const struct field *row;
	json_t *company = NULL;
	struct pair pair;
	int rc = store_begin(c->store, STORE_NORMAL, STORE_REMOTE, err);

	if (rc)
		return rc;
	rc = pair_load(c, item, &pair, err);
	if (!rc) {
		row = account_row(c, pair.item.kind);
		company = row ? company_to_send(c, &pair, row) : NULL;
		if (company)
			rc = settle(c, &pair, row, company, err);
		json_decref(company);
		pair_clear(&pair);
	}
	if (!rc)
		return store_commit(c->store, err);
	store_rollback(c->store);
	return rc == ERR_NOT_FOUND ? 0 : rc;
}

/* Asks for the accounts of these names (a set) and remembers what was found for this cycle. */
static int ask(struct cycle *c, const json_t *names, struct error *err)
{
	size_t n = json_object_size(names), m = 0;
	struct crm_account *accounts = xcalloc(n, sizeof(*accounts));
	const char **list = xcalloc(n, sizeof(*list)), *name;
	json_t *value;
	int rc = 0;

	json_object_foreach((json_t *)names, name, value)
		list[m++] = name;
	if (m)
		rc = c->engine->crm_driver->match_accounts(
			c->crm, c->mb->crm_user, list, m, accounts, err);
	for (size_t i = 0; !rc && i < m; i++)
		json_object_set_new(c->accounts, list[i],
			json_pack("{s:s*, s:I}", "id", accounts[i].id, "hits",
				(json_int_t)accounts[i].hits));
	for (size_t i = 0; i < m; i++)
		free(accounts[i].id);
	free(accounts);
	free(list);
	return rc;
}

/* Adds the company of an item that has to be looked for. */
static void collect_name(struct cycle *c, int64_t item, json_t *names)
{
	const struct field *row;
	struct pair pair;
	json_t *company;

	if (pair_load(c, item, &pair, NULL))
		return;
	row = account_row(c, pair.item.kind);
	company = row ? company_to_send(c, &pair, row) : NULL;
	if (json_is_string(company) && !json_object_get(c->accounts, json_string_value(company)) &&
		!field_same(row, company, value_get(pair.sides[SIDE_CRM].theirs, row->name)))
		json_object_set_new(names, json_string_value(company), json_true());
	json_decref(company);
	pair_clear(&pair);
}

int account_resolve(struct cycle *c, struct error *err)
{
	json_t *names;
	int64_t *ids = NULL;
	size_t n = 0;
	int rc;

	if (!account_row(c, KIND_CONTACT) || !c->engine->crm_driver->match_accounts)
		return 0;
	names = json_object();
	rc = store_items_dirty(c->store, c->mb->id, &ids, &n, err);
	for (size_t i = 0; !rc && i < n; i++)
		collect_name(c, ids[i], names);
	if (!rc)
		rc = ask(c, names, err);
	for (size_t i = 0; !rc && i < n; i++)
		rc = settle_item(c, ids[i], err);
	json_decref(names);
	free(ids);
	return rc;
}

void account_decide(struct cycle *c, const struct pair *pair, const json_t *projection,
	json_t *changed, struct crm_op *op)
{
	const struct field *row = account_row(c, pair->item.kind);
	const char *by_hand = json_string_value(
		json_object_get(pair->sides[SIDE_CRM].theirs, BY_HAND));
	const char *company;
	size_t at;

	if (!row)
		return;
	company = json_string_value(value_get(projection, row->name));
	at = index_of(changed, row->name);
	op->account_id = by_hand;
	if (!by_hand && at != SIZE_MAX && company)
		op->account_id = json_string_value(
			json_object_get(json_object_get(c->accounts, company), "id"));
	/* A company that is empty here takes the name of an account that was set by hand. */
	if (at != SIZE_MAX && (!op->account_id || !company))
		json_array_remove(changed, at);
	else if (at == SIZE_MAX && by_hand && company)
		json_array_append_new(changed, json_string(row->name));
}

int account_answered(struct cycle *c, struct pair *pair, const struct crm_op *op, struct error *err)
{
	struct store_side *crm = &pair->sides[SIDE_CRM];

	if (!op->account_id)
		return 0;
	json_object_del(crm->theirs, BY_HAND);
	return op->error.code ? 0 : note_unmatched(c, pair->item.id, NULL, err);
}

bool account_is_set(const struct store_side *crm)
{
	return json_object_get(crm->theirs, BY_HAND) != NULL;
}

int account_set(struct cycle *c, int64_t item, const char *account_id, struct error *err)
{
	struct store_side *crm;
	struct pair pair;
	int rc = pair_load(c, item, &pair, err);

	if (rc)
		return rc;
	crm = &pair.sides[SIDE_CRM];
	if (crm->status != SIDE_LINKED || !crm->theirs) {
		rc = error_set(err, ERR_INVALID,
			"it is not linked with a record of the CRM, so it has no account to set");
	} else {
		json_object_set_new(crm->theirs, BY_HAND, json_string(account_id));
		xstrset(&crm->error, NULL);
		pair.item.dirty = true;
		pair.item.state = ITEM_PENDING;
		rc = store_side_save(c->store, crm, err);
		if (!rc)
			rc = store_item_save(c->store, &pair.item, err);
	}
	pair_clear(&pair);
	return rc;
}
