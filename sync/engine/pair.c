/* Pairs: an item with its two sides, loaded, compared with their shadows and saved together.
 *
 * The projection of a document for a side, compared with the shadow's `ours`, is all there is to know
 * about pending work; `dirty` is only an index to it and is worked out here at every save. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sync/engine/internal.h"
#include "sync/formats/card.h"
#include "sync/mem.h"

bool value_equal(const json_t *a, const json_t *b)
{
	if (json_is_null(a))
		a = NULL;
	if (json_is_null(b))
		b = NULL;
	if (!a || !b)
		return a == b;
	return json_equal(a, b);
}

bool array_has(const json_t *array, const char *text)
{
	json_t *entry;
	size_t i;

	json_array_foreach((json_t *)array, i, entry) {
		if (json_is_string(entry) && !strcmp(json_string_value(entry), text))
			return true;
	}
	return false;
}

json_t *value_get(const json_t *object, const char *name)
{
	json_t *value = json_object_get(object, name);

	return json_is_null(value) ? NULL : value;
}

void value_put(json_t *object, const char *name, json_t *value)
{
	if (value && !json_is_null(value))
		json_object_set(object, name, value);
	else
		json_object_del(object, name);
}

int pair_load(struct cycle *c, int64_t item, struct pair *pair, struct error *err)
{
	int rc;

	memset(pair, 0, sizeof(*pair));
	rc = store_item_get(c->store, item, &pair->item, err);
	for (int side = 0; !rc && side < SIDES; side++) {
		rc = store_side_get(c->store, item, side, &pair->sides[side], err);
		if (rc == ERR_NOT_FOUND)
			rc = 0;
		pair->sides[side].item = item;
		pair->sides[side].side = side;
	}
	if (rc) {
		pair_clear(pair);
		return rc;
	}
	/* Taken over again before its deletion went through: the pull tells whether it did. */
	if (pair->sides[SIDE_EXCHANGE].status == SIDE_DELETING && !pair->item.removed)
		pair->sides[SIDE_EXCHANGE].status = SIDE_LINKED;
	pair->before = json_deep_copy(pair->item.doc);
	return 0;
}

void pair_clear(struct pair *pair)
{
	store_item_clear(&pair->item);
	for (int side = 0; side < SIDES; side++)
		store_side_clear(&pair->sides[side]);
	json_decref(pair->before);
	json_decref(pair->clashes);
	memset(pair, 0, sizeof(*pair));
}

const struct config_rule *pair_rule(struct cycle *c, const struct pair *pair)
{
	return kind_rule(c, pair->item.kind);
}

char *pair_node_path(struct store *store, uint64_t ino, const char *below)
{
	char *path = below ? xstrdup(below) : NULL;
	struct store_node node;

	while (ino > STORE_ROOT_INO && !store_node_get(store, ino, &node, NULL)) {
		char *longer = path ? xasprintf("%s/%s", node.name, path) : xstrdup(node.name);

		free(path);
		path = longer;
		ino = node.parent;
	}
	return path ? path : xstrdup("");
}

char *pair_path(struct cycle *c, const struct pair *pair)
{
	char *title AUTOFREE = NULL;

	if (pair->item.ino)
		return pair_node_path(c->store, pair->item.ino, NULL);
	if (pair->item.removed_name)
		return pair_node_path(c->store, pair->item.folder, pair->item.removed_name);
	if (pair->item.doc) /* deleted in Exchange, and the file is gone */
		title = document_file_name(document_kind(pair->item.kind), pair->item.doc, 0);
	return pair_node_path(c->store, pair->item.folder, title ? title : "");
}

/* The marks that we keep in Exchange beside an item, as members of its projection. */
static void project_marks(struct cycle *c, const struct pair *pair, json_t *projection)
{
	const struct store_side *crm = &pair->sides[SIDE_CRM];
	const json_t *theirs = pair->sides[SIDE_EXCHANGE].theirs;
	struct store_node node;

	/* A UID is written once, when a client chose it; one derived from the key needs no mark. */
	if (pair->item.uid &&
		(value_get(theirs, "@uid") || pair->sides[SIDE_EXCHANGE].status != SIDE_LINKED))
		json_object_set_new(projection, "@uid", json_string(pair->item.uid));
	if (pair->item.name_chosen && pair->item.ino &&
		!store_node_get(c->store, pair->item.ino, &node, NULL))
		json_object_set_new(projection, "@fileName", json_string(node.name));
	if (crm->status == SIDE_LINKED && crm->remote_id)
		json_object_set_new(projection, "@crmLink", json_string(crm->remote_id));
	if (crm->status == SIDE_UNLINKED && crm->remote_id)
		json_object_set_new(projection, "@unlinked",
			json_sprintf("%s %s", crm->remote_id, crm->reason ? crm->reason : ""));
}

/* The document as a side sees it: a CRM knows instants only, so an event that floats is where its user is.
 * New reference. */
static json_t *seen_by(struct cycle *c, const struct pair *pair, enum side side)
{
	json_t *doc = pair->item.doc;

	if (side != SIDE_CRM || pair->item.kind != KIND_EVENT || !c->floating ||
		json_object_get(doc, "timeZone") ||
		json_is_true(json_object_get(doc, "showWithoutTime")))
		return json_incref(doc);
	doc = json_copy(doc);
	json_object_set_new(doc, "timeZone", json_string(zone_name(c->floating)));
	return doc;
}

json_t *pair_project(
	struct cycle *c, const struct pair *pair, enum side side, json_t *cut, struct error *err)
{
	json_t *doc = seen_by(c, pair, side);
	json_t *projection = field_project(&c->tables[side][pair->item.kind], doc, cut, err);

	json_decref(doc);
	if (projection && side == SIDE_EXCHANGE) {
		project_marks(c, pair, projection);
		views_project(c, pair, projection);
	}
	return projection;
}

/* Whether a change of this name here is ever sent to the side; a create sends all there is. */
static bool is_sent(const struct field_table *table, const char *name)
{
	const struct field *row;

	if (name[0] == '@')
		return strcmp(name, "@modified") != 0;
	row = field_find(table, name);
	return row && !(row->flags & (FIELD_READ_ONLY | FIELD_NO_ACCESS | FIELD_CREATE_ONLY));
}

json_t *pair_changed(
	struct cycle *c, const struct pair *pair, enum side side, const json_t *projection)
{
	const struct field_table *table = &c->tables[side][pair->item.kind];
	const json_t *ours = pair->sides[side].ours;
	const json_t *unread = json_object_get(pair->sides[side].theirs, "@unread");
	const struct config_rule *rule = pair_rule(c, pair);
	json_t *changed = json_array();
	const char *name;
	json_t *value;
	size_t i;

	if (side == SIDE_CRM && rule && rule->direction == DIRECTION_TO_EXCHANGE)
		return changed;
	json_object_foreach((json_t *)projection, name, value)
		if (is_sent(table, name) && !value_equal(value, value_get(ours, name)))
			json_array_append_new(changed, json_string(name));
	json_object_foreach((json_t *)ours, name, value)
		if (is_sent(table, name) && !json_is_null(value) && !value_get(projection, name))
			json_array_append_new(changed, json_string(name));
	for (i = json_array_size(changed); i-- > 0;) /* I8 */
		if (array_has(unread, json_string_value(json_array_get(changed, i))))
			json_array_remove(changed, i);
	return changed;
}

/* New string. */
static char *refused_folder(const struct pair *pair)
{
	return xasprintf("%llu", (unsigned long long)pair->item.folder);
}

bool pair_is_refused(const struct pair *pair, enum side side)
{
	const struct store_side *s = &pair->sides[side];

	char *folder AUTOFREE = refused_folder(pair);

	/* The CRM's refusal may be of a designation: moved elsewhere, it is another one. */
	if (side == SIDE_CRM && s->remote_folder && strcmp(s->remote_folder, folder) != 0)
		return false;
	return s->error && s->error_rev == pair->item.rev && pair->item.edited <= s->retry_at;
}

void pair_refuse(struct cycle *c, struct pair *pair, enum side side, const struct error *why)
{
	struct store_side *s = &pair->sides[side];
	char *path AUTOFREE = pair_path(c, pair);
	const char *who = side == SIDE_EXCHANGE ? "Exchange: " : "CRM: ";

	free(s->error); /* what a server said begins with its name perhaps */
	s->error = xasprintf(
		"%s%s", strncmp(why->text, who, strlen(who)) != 0 ? who : "", why->text);
	s->error_rev = pair->item.rev;
	s->retry_at = store_now(c->store);
	if (side == SIDE_CRM) {
		free(s->remote_folder);
		s->remote_folder = refused_folder(pair);
	}
	cycle_log(c, "%s: %s", path, s->error);
}

bool pair_needs_push(struct cycle *c, struct pair *pair, enum side side)
{
	const struct store_side *s = &pair->sides[side];
	json_t *projection, *changed;
	struct store_folder folder = { 0 };
	bool needs;

	if (s->status == SIDE_CREATING || s->status == SIDE_DELETING || s->intent)
		return true;
	if (s->status != SIDE_LINKED)
		return side == SIDE_EXCHANGE && s->status == SIDE_NONE;
	if (!s->ours || !s->version) /* not merged yet */
		return true;
	if (side == SIDE_CRM && account_is_set(s))
		return true;
	if (side == SIDE_EXCHANGE &&
		!store_folder_real(c->store, pair->item.folder, &folder, NULL)) {
		needs = !folder.remote_id || !s->remote_folder ||
			strcmp(folder.remote_id, s->remote_folder) != 0;
		store_folder_clear(&folder);
		if (needs)
			return true;
	}
	projection = pair_project(c, pair, side, NULL, NULL);
	if (!projection)
		return true;
	changed = pair_changed(c, pair, side, projection);
	needs = json_array_size(changed) > 0;
	json_decref(projection);
	json_decref(changed);
	return needs;
}

/* Does the policy sync this kind of item with the CRM at all?  If not, links rest as they are. */
static bool has_crm(struct cycle *c, const struct pair *pair)
{
	const struct config_rule *rule = pair_rule(c, pair);

	return c->engine->crm_driver && rule && rule->mode != MODE_OFF &&
	       kind_in_crm(c, pair->item.kind);
}

/* Has a linked item no mark yet, or one that is not linked still one? */
static bool mark_is_due(struct cycle *c, const struct pair *pair)
{
	const char *mark = c->policy ? c->policy->mark : NULL;
	bool linked = pair->sides[SIDE_CRM].status == SIDE_LINKED;
	json_t *keywords = json_object_get(pair->item.doc, "keywords");

	return mark && *mark && pair->item.doc && !pair->item.removed && has_crm(c, pair) &&
	       kind_categories(c, pair->item.kind) &&
	       linked != json_is_true(json_object_get(keywords, mark));
}

static bool is_pending(struct cycle *c, struct pair *pair, enum side side)
{
	const struct store_side *s = &pair->sides[side];
	const char *why_not = NULL;
	bool wanted;

	if (side == SIDE_EXCHANGE)
		return mark_is_due(c, pair) || pair_needs_push(c, pair, side);
	if (!has_crm(c, pair))
		return false;
	wanted = designate_wanted(c, pair, &why_not);
	/* A pair that was unlinked is linked again by a new designation: after one of these was seen not
	 * to be there. */
	if (s->status == SIDE_UNLINKED)
		return wanted == designate_is_released(s) && s->reason && !pair->item.removed;
	return pair_needs_push(c, pair, side) || (wanted && s->status == SIDE_NONE) ||
	       (!wanted && s->status == SIDE_LINKED);
}

/* A refusal whose cause is gone (the edit was taken back, the item is not to be sent) is none. */
static void settle_errors(struct cycle *c, struct pair *pair)
{
	const char *why_not = NULL;

	for (int side = 0; side < SIDES; side++) {
		struct store_side *s = &pair->sides[side];
		bool stands = pair_is_refused(pair, side) || pair->item.removed ||
			      is_pending(c, pair, side);

		if (side == SIDE_CRM && s->status == SIDE_NONE &&
			!designate_wanted(c, pair, &why_not))
			stands = false;
		if (s->error && !stands)
			xstrset(&s->error, NULL);
	}
}

/* What a user might wonder about an item that is not synced with the CRM; NULL: nothing.  New string. */
static char *note_of(struct cycle *c, const struct pair *pair, const char *why_not)
{
	if (!why_not || !designate_is_explicit(c, pair))
		return NULL;
	if (!strcmp(why_not, DESIGNATE_GROUP))
		return xstrdup("a distribution list is not synced with the CRM");
	if (!strcmp(why_not, LIMIT_SERIES))
		return xstrdup("a series, which the policy does not sync with the CRM");
	if (!strcmp(why_not, LIMIT_ENDED))
		return xstrdup(
			"it ended before the policy's calendar-limit: not synced with the CRM");
	return NULL;
}

/* Works out what the user sees of the item's state, and whether the next cycle must look at it. */
static void settle_state(struct cycle *c, struct pair *pair)
{
	struct store_item *item = &pair->item;
	bool refused = false, pending = false;
	uint64_t conflicts = 0;
	const char *why_not = NULL;

	designate_wanted(c, pair, &why_not);
	free(item->error);
	item->error = NULL;
	for (int side = 0; side < SIDES; side++) {
		if (pair->sides[side].error && !item->error)
			item->error = xstrdup(pair->sides[side].error);
		if (pair_is_refused(pair, side)) {
			refused = true;
			continue;
		}
		pending |= is_pending(c, pair, side);
	}
	pending |= item->removed != 0;
	item->dirty = pending;
	store_conflict_count(c->store, item->id, &conflicts, NULL);
	if (refused)
		item->state = ITEM_ERROR;
	else if (conflicts) /* until a user removes the conflict file */
		item->state = ITEM_CONFLICT;
	else if (pending)
		item->state = ITEM_PENDING;
	else if (why_not && !strcmp(why_not, "excluded"))
		item->state = ITEM_EXCLUDED;
	else
		item->state = ITEM_SYNCED;
	if (!item->error)
		item->error = note_of(c, pair, why_not);
	if (!pending && !refused) /* what was refused is an edit still, and wins as one */
		item->edited = item->edited_first = 0;
}

/* The file shows the document: rendered anew when a remote changed what it shows. */
static int render(struct cycle *c, struct pair *pair, struct error *err)
{
	const struct document_kind *kind = document_kind(pair->item.kind);
	struct buf after AUTOBUF = BUF_INIT(16 << 20), before AUTOBUF = BUF_INIT(16 << 20);
	bool vcard_30 = c->engine->commit->vcard_30;
	uint64_t ino;
	int rc;

	if (!pair->item.ino || (json_equal(pair->before, pair->item.doc) && !pair->drop_bytes))
		return 0;
	rc = document_render(kind, pair->item.doc, vcard_30, &after, err);
	if (rc)
		return rc;
	if (!pair->drop_bytes && pair->before &&
		!document_render(kind, pair->before, vcard_30, &before, NULL) &&
		before.len == after.len && !memcmp(buf_str(&before), buf_str(&after), after.len))
		return 0;
	rc = store_node_replace(c->store, pair->item.ino, buf_str(&after), after.len, &ino, err);
	if (!rc)
		pair->item.ino = ino;
	return rc;
}

static int save_sides(struct cycle *c, struct pair *pair, struct error *err)
{
	int rc = 0;

	settle_errors(c, pair);
	for (int side = 0; !rc && side < SIDES; side++) {
		struct store_side *s = &pair->sides[side];

		if (s->status != SIDE_NONE || s->error)
			rc = store_side_save(c->store, s, err);
		else if (s->retry_at) /* was refused once */
			rc = store_side_delete(c->store, pair->item.id, side, err);
	}
	return rc;
}

/* Nothing of it is sent until somebody looks at it; what comes in is taken. */
static void hold_back(struct cycle *c, struct pair *pair)
{
	struct error why = ERROR_INIT;

	error_set(&why, ERR_CONFLICT,
		"it went back and forth %d times within an hour, as if another program synced it "
		"too; tandemctl retry-errors goes on",
		TURNS_MAX);
	for (int side = 0; side < SIDES; side++)
		if (pair->sides[side].status == SIDE_LINKED)
			pair_refuse(c, pair, side, &why);
	pair->fights = false;
}

/* The mark says that an item is synced with the CRM: all linked items have it, and no others.  Under a
 * writer it waits, as all that would replace the file. */
static int set_mark(struct cycle *c, struct pair *pair, struct error *err)
{
	bool linked = pair->sides[SIDE_CRM].status == SIDE_LINKED;

	if (!mark_is_due(c, pair) ||
		(pair->item.ino && store_writer_active(c->store, pair->item.ino)))
		return 0;
	return field_keywords.set(pair->item.doc, kind_categories(c, pair->item.kind),
		c->policy->mark, linked ? json_true() : NULL, err);
}

int pair_save(struct cycle *c, struct pair *pair, struct error *err)
{
	int rc = set_mark(c, pair, err);

	if (!rc)
		rc = render(c, pair, err);
	if (!rc)
		rc = store_item_save(c->store, &pair->item, err);
	if (!rc && pair->fights)
		hold_back(c, pair);
	if (!rc)
		rc = save_sides(c, pair, err);
	if (!rc)
		rc = conflict_save(c, pair, err);
	if (rc)
		return rc;
	settle_state(c, pair);
	rc = store_item_save(c->store, &pair->item, err);
	json_decref(pair->before);
	pair->before = json_deep_copy(pair->item.doc);
	json_decref(pair->clashes);
	pair->clashes = NULL;
	pair->drop_bytes = false;
	return rc;
}

int pair_move(struct cycle *c, struct pair *pair, uint64_t folder, struct error *err)
{
	const struct document_kind *kind = document_kind(pair->item.kind);
	struct store_node node;
	int rc;

	pair->item.folder = folder;
	if (!pair->item.ino)
		return 0;
	rc = store_node_get(c->store, pair->item.ino, &node, err);
	if (!rc)
		rc = store_node_rename(c->store, pair->item.ino, folder, node.name, err);
	for (unsigned int n = 2; rc == ERR_EXISTS; n++) {
		char *name AUTOFREE = document_file_name(kind, pair->item.doc, n);

		rc = store_node_rename(c->store, pair->item.ino, folder, name, err);
	}
	return rc;
}

/* Takes a name for the new file, with the number it had before when nobody has that now. */
static int create_node(
	struct cycle *c, struct store_node *node, uint64_t former_ino, struct error *err)
{
	struct store_node other;

	if (former_ino && store_node_get(c->store, former_ino, &other, NULL) == ERR_NOT_FOUND)
		return store_node_create_as(c->store, node, former_ino, err);
	return store_node_create(c->store, node, err);
}

int pair_create(struct cycle *c, struct pair *pair, const char *wanted_name, uint64_t former_ino,
	struct error *err)
{
	const struct document_kind *kind = document_kind(pair->item.kind);
	struct buf bytes AUTOBUF = BUF_INIT(16 << 20);
	struct store_node node = { .parent = pair->item.folder,
		.type = NODE_ITEM,
		.kind = pair->item.kind,
		.mailbox = c->mb->id,
		.mode = 0600 };
	int rc = document_render(kind, pair->item.doc, c->engine->commit->vcard_30, &bytes, err);

	if (rc)
		return rc;
	rc = ERR_EXISTS;
	if (wanted_name && document_is_item_name(pair->item.kind, wanted_name) &&
		strlen(wanted_name) < sizeof(node.name) && !strchr(wanted_name, '/')) {
		snprintf(node.name, sizeof(node.name), "%s", wanted_name);
		rc = create_node(c, &node, former_ino, err);
	}
	pair->item.name_chosen = rc == 0;
	for (unsigned int n = 1; rc == ERR_EXISTS; n++) {
		char *name AUTOFREE = document_file_name(kind, pair->item.doc, n);

		snprintf(node.name, sizeof(node.name), "%s", name);
		rc = create_node(c, &node, former_ino, err);
	}
	if (!rc)
		rc = store_content_set(c->store, node.ino, buf_str(&bytes), bytes.len, 0, err);
	if (rc)
		return rc;
	pair->item.ino = node.ino;
	rc = store_item_save(c->store, &pair->item, err);
	for (int side = 0; side < SIDES; side++) {
		pair->sides[side].item = pair->item.id;
		pair->sides[side].side = side;
	}
	json_decref(pair->before);
	pair->before = json_deep_copy(pair->item.doc);
	return rc;
}

static void intend(json_t *fields, const json_t *projection, const json_t *names)
{
	json_t *name;
	size_t i;

	json_array_foreach((json_t *)names, i, name) {
		json_t *value = value_get(projection, json_string_value(name));

		if (value)
			json_object_set(fields, json_string_value(name), value);
		else
			json_object_set_new(fields, json_string_value(name), json_null());
	}
}

json_t *pair_intent(const json_t *projection, const json_t *changed, json_t *later)
{
	json_t *fields = json_object();

	intend(fields, projection, changed);
	intend(fields, projection, later);
	return json_pack("{s:o, s:o*}", "fields", fields, "later", later);
}

void pair_answered(struct store_side *side)
{
	json_object_set_new(side->intent, "answered", json_true());
	json_object_del(side->intent, "later");
}

void pair_agree(struct store_side *side, const json_t *projection, const json_t *changed)
{
	json_t *name;
	size_t i;

	if (!side->ours)
		side->ours = json_object();
	if (!side->theirs)
		side->theirs = json_object();
	json_array_foreach((json_t *)changed, i, name) {
		json_t *value = value_get(projection, json_string_value(name));

		value_put(side->ours, json_string_value(name), value);
		value_put(side->theirs, json_string_value(name), value);
		json_object_del(json_object_get(side->theirs, "@apart"), json_string_value(name));
	}
}

void pair_keep_left(struct store_side *side, json_t **changed, const json_t *left, bool dropped)
{
	json_t *name, *rest = json_array(), *fields = json_object_get(side->intent, "fields");
	size_t i;

	json_array_foreach((json_t *)left, i, name) {
		const char *text = json_string_value(name);

		json_object_del(fields, text);
		if (!dropped && array_has(*changed, text))
			continue;
		value_put(side->ours, text, NULL);
		value_put(side->theirs, text, NULL);
	}
	json_array_foreach(*changed, i, name)
		if (!array_has(left, json_string_value(name)))
			json_array_append(rest, name);
	json_decref(*changed);
	*changed = rest;
}

bool refusal_is_final(enum error_code code)
{
	switch (code) {
	case ERR_DENIED:
	case ERR_INTERNAL:
	case ERR_INVALID:
	case ERR_REMOTE:
	case ERR_TOO_BIG:
		return true;
	default:
		return false;
	}
}

void pair_forget_intent(struct store_side *side)
{
	json_decref(side->intent);
	side->intent = NULL;
}
