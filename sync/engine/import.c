/* Imports: CRM records that no item is linked with become items in Salesforce_Sync.
 *
 * Only by the option `import` (default `owned` in mode `all`, else `off`), never an unlinked partner,
 * never a private record, and never where an item here is the same by the keys of match.c (its e-mail;
 * start and subject of an event): a designated one is linked by designate.c, one that is not is
 * somebody's own, and status lists the records that are left out for it. */
#include <stdlib.h>
#include <string.h>

#include "sync/engine/internal.h"
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

/* An item here that has one of the record's addresses; 0: none. */
static int64_t item_with_address(struct cycle *c, enum item_kind kind, const json_t *doc)
{
	const struct document_kind *row = document_kind(kind);
	json_t *addresses = row->emails ? row->emails(doc) : NULL, *address;
	int64_t found = 0;
	size_t i;

	json_array_foreach(addresses, i, address) {
		int64_t *ids = NULL;
		size_t n = 0;

		if (!found && !store_items_by_email(c->store, c->mb->id, json_string_value(address),
				      &ids, &n, NULL))
			found = n ? ids[0] : 0;
		free(ids);
	}
	json_decref(addresses);
	return found;
}

/* ---- records that are left out ----------------------------------------------------------------- */

static char *left_out_prefix(int64_t mailbox)
{
	return xasprintf("leftout:%lld:", (long long)mailbox);
}

/* The record is not imported because of this item; 0: it is not left out. */
static int note_left_out(struct cycle *c, const char *record_id, int64_t item, struct error *err)
{
	char *prefix AUTOFREE = left_out_prefix(c->mb->id);
	char *name AUTOFREE = xasprintf("%s%s", prefix, record_id);
	char *value AUTOFREE = item ? xasprintf("%lld", (long long)item) : NULL;

	return store_value_set(c->store, name, value, err);
}

static bool is_linked(struct engine *e, int64_t mailbox, const char *record_id)
{
	struct store_side side;
	bool linked = !store_side_by_remote(e->store, mailbox, SIDE_CRM, record_id, &side, NULL);

	store_side_clear(&side);
	return linked;
}

/* The item whose number the note holds, if it is still one that is not designated.  New string or NULL. */
static char *path_of_own(struct engine *e, const char *note)
{
	struct cycle c = { .engine = e, .store = e->store };
	char *value AUTOFREE = NULL, *path = NULL;
	struct pair pair;

	if (store_value_get(e->store, note, &value, NULL) || !value ||
		pair_load(&c, strtoll(value, NULL, 10), &pair, NULL))
		return NULL;
	if (pair.item.ino && pair.sides[SIDE_CRM].status == SIDE_NONE)
		path = pair_path(&c, &pair);
	pair_clear(&pair);
	return path;
}

json_t *import_left_out(struct engine *e, int64_t mailbox)
{
	char *prefix AUTOFREE = left_out_prefix(mailbox);
	json_t *names = NULL, *list = json_array(), *name;
	size_t i;

	store_value_names(e->store, prefix, &names, NULL);
	json_array_foreach(names, i, name) {
		const char *record_id = json_string_value(name) + strlen(prefix);
		char *path AUTOFREE = path_of_own(e, json_string_value(name));

		if (path && !is_linked(e, mailbox, record_id))
			json_array_append_new(
				list, json_pack("{s:s, s:s}", "path", path, "record", record_id));
	}
	json_decref(names);
	return list;
}

/* ---- what is here already ---------------------------------------------------------------------- */

/* The keys of all items of the kind, worked out once a cycle. */
static int load_keys(struct cycle *c, enum item_kind kind, struct error *err)
{
	int64_t *ids AUTOFREE = NULL;
	size_t n = 0;
	int rc;

	if (c->keys[kind])
		return 0;
	rc = store_items_all(c->store, c->mb->id, &ids, &n, err);
	if (rc)
		return rc;
	c->keys[kind] = json_object();
	n = kinds_filter(c, kind, ids, n, ids);
	for (size_t i = 0; i < n; i++) {
		const struct field_table *table = &c->tables[SIDE_CRM][kind];
		struct store_item item = { 0 };
		json_t *projection = NULL;
		char *key AUTOFREE = NULL;

		if (!store_item_get(c->store, ids[i], &item, NULL) && item.doc)
			projection = field_project(table, item.doc, NULL, NULL);
		key = projection ? match_key(table, projection) : NULL;
		if (key)
			json_object_set_new(c->keys[kind], key, json_true());
		json_decref(projection);
		store_item_clear(&item);
	}
	return 0;
}

/* Is there an item here that is what the record is?  From then on there is. */
static int is_known(struct cycle *c, enum item_kind kind, const struct store_record *record,
	const json_t *doc, bool *known, struct error *err)
{
	char *key AUTOFREE = match_key(
		&c->tables[SIDE_CRM][kind], value_get(record->data, "fields"));
	int64_t item = item_with_address(c, kind, doc);
	int rc = note_left_out(c, record->id, item, err);

	*known = item != 0;
	if (rc || !key)
		return rc;
	rc = load_keys(c, kind, err);
	if (rc)
		return rc;
	*known |= json_object_get(c->keys[kind], key) != NULL;
	json_object_set_new(c->keys[kind], key, json_true());
	return 0;
}

static bool is_below_default(struct cycle *c, uint64_t ino)
{
	struct store_folder parent = { 0 };
	struct store_node node;
	bool yes = !store_node_get(c->store, ino, &node, NULL) &&
		   !store_folder_get(c->store, node.parent, &parent, NULL) && parent.is_default;

	store_folder_clear(&parent);
	return yes;
}

/* Salesforce_Sync below the default folder of the kind. */
static uint64_t import_folder(struct cycle *c, enum item_kind kind)
{
	uint64_t *inos = NULL, found = 0;
	size_t n = 0;

	if (store_folder_list(c->store, c->mb->id, &inos, &n, NULL))
		return 0;
	for (size_t i = 0; i < n; i++) {
		struct store_folder folder = { 0 };

		if (!store_folder_get(c->store, inos[i], &folder, NULL) && folder.is_sync &&
			folder.kind == kind && folder.complete && is_below_default(c, folder.ino))
			found = folder.ino;
		store_folder_clear(&folder);
	}
	free(inos);
	return found;
}

static json_t *document_of(struct cycle *c, enum item_kind kind, const struct store_record *record)
{
	const struct field_table *table = &c->tables[SIDE_CRM][kind];
	json_t *doc = document_kind(kind)->blank(), *fields = value_get(record->data, "fields");
	json_t *names = field_names(table, fields), *name;
	size_t i;

	json_array_foreach(names, i, name)
		field_apply(table, doc, json_string_value(name),
			json_object_get(fields, json_string_value(name)), NULL);
	json_decref(names);
	return doc;
}

/* Takes the document. */
static int import_into(struct cycle *c, enum item_kind kind, const struct store_record *record,
	json_t *doc, uint64_t folder, struct error *err)
{
	struct pair pair = { .sides = { { .side = SIDE_EXCHANGE }, { .side = SIDE_CRM } } };
	char *token AUTOFREE = engine_token();
	struct buf title AUTOBUF = BUF_INIT(4096);
	int rc;

	pair.item = (struct store_item){ .mailbox = c->mb->id,
		.kind = kind,
		.folder = folder,
		.doc = doc,
		.state = ITEM_PENDING,
		.dirty = true };
	pair.item.uid = xasprintf("%.8s-%.4s-4%.3s-a%.3s-%.12s", token, token + 8, token + 13,
		token + 17, token + 20);
	json_object_set_new(pair.item.doc, "uid", json_string(pair.item.uid));
	document_kind(kind)->title(pair.item.doc, &title);
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

int import_record(
	struct cycle *c, const struct store_record *record, bool *waits, struct error *err)
{
	const char *owner = text(record->data, "owner");
	const struct config_rule *rule;
	enum item_kind kind;
	uint64_t folder;
	json_t *doc;
	bool known = false;
	int rc = 0;

	if (!kind_by_name(record->object, &kind) || !kind_takes_part(c, kind))
		return 0;
	rule = kind_rule(c, kind);
	if (!rule || rule->direction == DIRECTION_TO_CRM)
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
	if (import_is_unlinked(c, record->id) || text(record->data, "unsupported"))
		return 0;
	folder = import_folder(c, kind);
	if (!folder)
		return 0;
	doc = document_of(c, kind, record);
	if (!designate_is_private(doc))
		rc = is_known(c, kind, record, doc, &known, err);
	if (rc || known || designate_is_private(doc) ||
		(kind == KIND_EVENT && limit_forbids(c, doc))) {
		json_decref(doc);
		return rc;
	}
	if (!cap_may_import(c, record->id)) {
		*waits = true;
		json_decref(doc);
		return 0;
	}
	return import_into(c, kind, record, doc, folder, err);
}
