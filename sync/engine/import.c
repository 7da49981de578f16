/* Imports: CRM records that no item is linked with become contacts in Salesforce_Sync.
 *
 * Only by the option `import` (default `owned` in mode `all`, else `off`), never an unlinked partner,
 * and never where its e-mail equals that of an item here: a designated one is linked by designate.c,
 * one that is not is somebody's own. */
#include <stdlib.h>
#include <string.h>

#include "sync/engine/internal.h"
#include "sync/formats/card.h"
#include "sync/mem.h"

static const char *text(const json_t *data, const char *name)
{
	return json_string_value(json_object_get(data, name));
}

char *unlinked_name(const struct cycle *c, const char *record_id)
{
	return xasprintf("unlinked:%lld:%s", (long long)c->mb->id, record_id);
}

bool import_is_unlinked(struct cycle *c, const char *record_id)
{
	char *name AUTOFREE = unlinked_name(c, record_id);
	char *value AUTOFREE = NULL;

	return !store_value_get(c->store, name, &value, NULL) && value;
}

static enum config_import import_option(const struct config_rule *rule)
{
	return rule->mode == MODE_OFF ? IMPORT_OFF : rule->import;
}

/* Is any of the record's addresses an address of an item here? */
static bool is_known_address(struct cycle *c, const json_t *doc)
{
	json_t *addresses = card_emails(doc), *address;
	bool known = false;
	size_t i;

	json_array_foreach(addresses, i, address) {
		int64_t *ids = NULL;
		size_t n = 0;

		if (!known && !store_items_by_email(c->store, c->mb->id, json_string_value(address),
				      &ids, &n, NULL))
			known = n > 0;
		free(ids);
	}
	json_decref(addresses);
	return known;
}

static uint64_t import_folder(struct cycle *c, enum item_kind kind)
{
	uint64_t *inos = NULL, found = 0;
	size_t n = 0;

	if (store_folder_list(c->store, c->mb->id, &inos, &n, NULL))
		return 0;
	for (size_t i = 0; i < n; i++) {
		struct store_folder folder = { 0 };

		if (!store_folder_get(c->store, inos[i], &folder, NULL) && folder.is_sync &&
			folder.kind == kind && folder.complete)
			found = folder.ino;
		store_folder_clear(&folder);
	}
	free(inos);
	return found;
}

static json_t *document_of(struct cycle *c, const struct store_record *record)
{
	json_t *doc = card_new(), *fields = value_get(record->data, "fields"), *value;
	const char *name;

	json_object_foreach(fields, name, value)
		field_apply(&c->tables[SIDE_CRM][KIND_CONTACT], doc, name, value, NULL);
	return doc;
}

static int import_into(
	struct cycle *c, const struct store_record *record, uint64_t folder, struct error *err)
{
	struct pair pair = { .sides = { { .side = SIDE_EXCHANGE }, { .side = SIDE_CRM } } };
	char *token AUTOFREE = engine_token();
	struct buf title AUTOBUF = BUF_INIT(4096);
	int rc;

	pair.item = (struct store_item){ .mailbox = c->mb->id,
		.kind = KIND_CONTACT,
		.folder = folder,
		.doc = document_of(c, record),
		.state = ITEM_PENDING,
		.dirty = true };
	pair.item.uid = xasprintf("%.8s-%.4s-4%.3s-a%.3s-%.12s", token, token + 8, token + 13,
		token + 17, token + 20);
	json_object_set_new(pair.item.doc, "uid", json_string(pair.item.uid));
	card_title(pair.item.doc, &title);
	rc = pair_create(c, &pair, NULL, 0, err);
	if (!rc) {
		struct store_side *crm = &pair.sides[SIDE_CRM];

		crm->status = SIDE_LINKED;
		crm->remote_id = xstrdup(record->id);
		rc = pull_crm_merge_record(c, &pair, record, err);
	}
	if (!rc)
		rc = pair_save(c, &pair, err);
	if (!rc)
		cycle_log(c, "imported %s from the CRM", buf_str(&title));
	pair_clear(&pair);
	return rc;
}

int import_record(struct cycle *c, const struct store_record *record, struct error *err)
{
	const struct config_rule *rule = c->policy ? &c->policy->rules[CONFIG_CONTACTS] : NULL;
	const char *owner = text(record->data, "owner");
	uint64_t folder;
	json_t *doc;
	bool known;

	if (!rule || rule->direction == DIRECTION_TO_CRM || strcmp(record->object, "contact") != 0)
		return 0;
	switch (import_option(rule)) {
	case IMPORT_OFF:
		return 0;
	case IMPORT_OWNED:
		if (!owner || !c->mb->crm_user || strcmp(owner, c->mb->crm_user) != 0)
			return 0;
		break;
	case IMPORT_VISIBLE:
		break;
	}
	if (import_is_unlinked(c, record->id))
		return 0;
	doc = document_of(c, record);
	known = is_known_address(c, doc);
	json_decref(doc);
	folder = import_folder(c, KIND_CONTACT);
	return known || !folder ? 0 : import_into(c, record, folder, err);
}
