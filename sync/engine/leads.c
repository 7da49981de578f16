/* Leads with an address of an item: noted with the item, no more.
 *
 * They are asked for where records are (a create or a match), for all items of a batch at once, so a cycle
 * in which nothing is matched asks nothing.  A lead is never linked, made or changed. */
#include <stdlib.h>
#include <string.h>

#include "sync/engine/internal.h"
#include "sync/mem.h"

static char *note_prefix(int64_t mailbox)
{
	return xasprintf("leads:%lld:", (long long)mailbox);
}

static char *note_name(int64_t mailbox, int64_t item)
{
	char *prefix AUTOFREE = note_prefix(mailbox);

	return xasprintf("%s%lld", prefix, (long long)item);
}

json_t *leads_of(struct store *store, int64_t mailbox, int64_t item)
{
	char *name AUTOFREE = note_name(mailbox, item), *text AUTOFREE = NULL;
	json_t *ids = store_value_get(store, name, &text, NULL) || !text
			      ? NULL
			      : json_loads(text, 0, NULL);

	return ids ? ids : json_array();
}

int leads_forget(struct cycle *c, int64_t item, struct error *err)
{
	char *name AUTOFREE = note_name(c->mb->id, item);

	return store_value_set(c->store, name, NULL, err);
}

json_t *leads_status(struct engine *e, int64_t mailbox)
{
	struct cycle c = { .engine = e, .store = e->store };
	char *prefix AUTOFREE = note_prefix(mailbox);
	json_t *names = NULL, *list = json_array(), *name;
	size_t i;

	store_value_names(e->store, prefix, &names, NULL);
	json_array_foreach(names, i, name) {
		int64_t item = strtoll(json_string_value(name) + strlen(prefix), NULL, 10);
		struct pair pair;

		if (pair_load(&c, item, &pair, NULL))
			continue;
		if (pair.item.ino && pair.sides[SIDE_CRM].status != SIDE_UNLINKED) {
			char *path AUTOFREE = pair_path(&c, &pair);

			json_array_append_new(list, json_pack("{s:s, s:o}", "path", path, "leads",
							    leads_of(e->store, mailbox, item)));
		}
		pair_clear(&pair);
	}
	json_decref(names);
	return list;
}

/* The ids that belong to one of the item's addresses, each once. */
static json_t *leads_for(struct cycle *c, int64_t item, const json_t *found)
{
	json_t *ids = json_array(), *seen = json_object(), *addresses = NULL, *address, *id;
	struct store_item row = { 0 };
	size_t i, j;

	if (!store_item_get(c->store, item, &row, NULL) && row.doc)
		addresses = document_kind(row.kind)->emails(row.doc);
	json_array_foreach(addresses, i, address)
		json_array_foreach(json_object_get(found, json_string_value(address)), j, id) {
			if (json_object_get(seen, json_string_value(id)))
				continue;
			json_object_set_new(seen, json_string_value(id), json_true());
			json_array_append(ids, id);
		}
	json_decref(addresses);
	json_decref(seen);
	store_item_clear(&row);
	return ids;
}

static int note(struct cycle *c, int64_t item, const json_t *found, struct error *err)
{
	char *name AUTOFREE = note_name(c->mb->id, item);
	json_t *ids = leads_for(c, item, found);
	char *text AUTOFREE = json_array_size(ids) ? json_dumps(ids, JSON_COMPACT) : NULL;

	json_decref(ids);
	return store_value_set(c->store, name, text, err);
}

int leads_ask(struct cycle *c, const int64_t *items, size_t n, const char *const *addresses,
	size_t n_addresses, struct error *err)
{
	const struct crm_driver *driver = c->engine->crm_driver;
	json_t *found = NULL;
	int rc;

	if (!driver->match_leads || !n_addresses)
		return 0;
	rc = driver->match_leads(c->crm, addresses, n_addresses, &found, err);
	if (!rc)
		rc = store_begin(c->store, STORE_NORMAL, STORE_REMOTE, err);
	if (rc) {
		json_decref(found);
		return rc;
	}
	for (size_t i = 0; !rc && i < n; i++)
		rc = note(c, items[i], found, err);
	json_decref(found);
	return rc ? (store_rollback(c->store), rc) : store_commit(c->store, err);
}
