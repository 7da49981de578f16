/* Values that are kept apart (rows with `apart`: a contact's photo).
 *
 * A pulled item brings a token of each.  The shadow remembers the token of the value that the two last
 * agreed on ("@apart" in `theirs`): the same token is the same value, whose digest stands there too, and
 * nothing is fetched.  Else the whole is fetched before the item is staged, since nothing is asked inside
 * a transaction; the item then carries its digest among the fields, as every other value, and the whole
 * beside them for the merge to apply.  What cannot be had is unread, and takes no part (I8). */
#include <stdlib.h>
#include <string.h>

#include "sync/engine/internal.h"
#include "sync/mem.h"

/* One value to be fetched. */
struct wanted {
	struct mailbox_item *item;
	const struct field *row;
};

struct fetch {
	struct cycle *c;
	struct mailbox_apart *parts;
	struct wanted *wanted;
	size_t n;
};

static void set_unread(struct mailbox_item *item, const char *name)
{
	if (!item->unread)
		item->unread = json_array();
	json_array_append_new(item->unread, json_string(name));
	json_object_del(item->fields, name);
}

/* The token goes beside the fields; the digest that the shadow has for it takes its place. */
static bool take_known(
	struct mailbox_item *item, const char *name, const json_t *token, const json_t *theirs)
{
	json_t *digest = value_get(theirs, name);

	if (!item->tokens)
		item->tokens = json_object();
	json_object_set(item->tokens, name, (json_t *)token);
	if (!digest || !json_equal(json_object_get(json_object_get(theirs, "@apart"), name), token))
		return false;
	json_object_set(item->fields, name, digest);
	return true;
}

/* Looks what of this item is not known. */
static void look(struct fetch *f, enum item_kind kind, struct mailbox_item *item)
{
	const struct field_table *table = &f->c->tables[SIDE_EXCHANGE][kind];
	struct store_side side = { 0 };

	store_side_by_remote(f->c->store, f->c->mb->id, SIDE_EXCHANGE, item->id, &side, NULL);
	for (size_t i = 0; i < table->n; i++) {
		const struct field *row = &table->rows[i];
		const json_t *token = row->apart ? json_object_get(item->fields, row->name) : NULL;

		if (!token || take_known(item, row->name, token, side.theirs))
			continue;
		f->parts = xreallocarray(f->parts, f->n + 1, sizeof(*f->parts));
		f->wanted = xreallocarray(f->wanted, f->n + 1, sizeof(*f->wanted));
		f->wanted[f->n] = (struct wanted){ item, row };
		f->parts[f->n++] = (struct mailbox_apart){
			.token = json_string_value(json_object_get(item->tokens, row->name))
		};
	}
	store_side_clear(&side);
}

static void take_fetched(struct fetch *f, size_t i)
{
	struct mailbox_item *item = f->wanted[i].item;
	const struct field *row = f->wanted[i].row;
	json_t *whole = f->parts[i].whole;
	json_t *digest = whole ? row->apart->digest(whole) : NULL;

	if (!digest) {
		cycle_log(f->c, "%s of an item was not read: %s", row->name,
			f->parts[i].error.code ? f->parts[i].error.text : "not a good value");
		json_object_del(item->tokens, row->name);
		set_unread(item, row->name);
		return;
	}
	json_object_set_new(item->fields, row->name, digest);
	if (!item->wholes)
		item->wholes = json_object();
	json_object_set(item->wholes, row->name, whole);
}

int apart_fetch(struct cycle *c, enum item_kind kind, struct mailbox_item *items, size_t n,
	struct error *err)
{
	struct fetch f = { .c = c };
	int rc = 0;

	for (size_t i = 0; i < n; i++)
		if (!items[i].error.code && !items[i].unsupported)
			look(&f, kind, &items[i]);
	if (f.n)
		rc = c->engine->mailbox_driver->get_apart(c->mb->connection, f.parts, f.n, err);
	for (size_t i = 0; i < f.n; i++) {
		if (!rc)
			take_fetched(&f, i);
		json_decref(f.parts[i].whole);
	}
	free(f.parts);
	free(f.wanted);
	return rc;
}

json_t *apart_wholes(const struct field_table *table, const json_t *doc, const json_t *names)
{
	json_t *wholes = NULL, *name;
	size_t i;

	json_array_foreach((json_t *)names, i, name) {
		json_t *whole = field_whole(table, doc, json_string_value(name));

		if (!whole)
			continue;
		if (!wholes)
			wholes = json_object();
		json_object_set_new(wholes, json_string_value(name), whole);
	}
	return wholes;
}

void apart_remember(struct store_side *side, const struct remote_state *remote)
{
	if (json_object_size(remote->tokens))
		json_object_set(side->theirs, "@apart", (json_t *)remote->tokens);
	else
		json_object_del(side->theirs, "@apart");
	/* What could not be read is shown in the item's state. */
	if (json_array_size(remote->unread))
		json_object_set(side->theirs, "@unread", (json_t *)remote->unread);
	else
		json_object_del(side->theirs, "@unread");
}

void apart_tidy(struct store_side *side, const struct remote_state *remote)
{
	json_t *name;
	size_t i;

	json_array_foreach((json_t *)remote->doubled, i, name)
		json_object_del(side->ours, json_string_value(name));
}
