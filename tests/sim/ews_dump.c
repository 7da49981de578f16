/* Seeding contacts from JSON, and the whole state as JSON for /sim/state. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sync/mem.h"
#include "tests/sim/ews.h"

/* A name of a seed, "GivenName", "MobilePhone", "Business/Street", as a cell; -1 unknown. */
static int seed_cell(struct ews *ews, const char *name, int *key, int *part)
{
	static const char *const dictionaries[] = { "contacts:EmailAddresses",
		"contacts:PhoneNumbers", "contacts:ImAddresses" };
	const char *slash = strchr(name, '/');
	int prop;

	*key = *part = 0;
	if (slash) {
		char *which AUTOFREE = xstrndup(name, (size_t)(slash - name));

		prop = ews_prop_by_uri(ews, "contacts:PhysicalAddresses");
		*key = ews_key_index(ews_props[prop].keys, which);
		for (*part = 0; *part < 5; ++*part)
			if (!strcmp(slash + 1, ews_address_parts[*part]))
				return *key < 0 ? -1 : prop;
		return -1;
	}
	for (size_t i = 0; i < ARRAY_SIZE(dictionaries); i++) {
		prop = ews_prop_by_uri(ews, dictionaries[i]);
		*key = ews_key_index(ews_props[prop].keys, name);
		if (*key >= 0)
			return prop;
	}
	*key = 0;
	return ews_prop_by_element(EWS_CONTACT, name);
}

static void seed_value(
	struct ews *ews, struct ews_item *item, const char *name, const json_t *value)
{
	const char *text = json_string_value(value);
	char *normal AUTOFREE = NULL;
	int key, part, prop;

	if (!strcmp(name, "Title")) {
		char *title AUTOFREE = xstrdup(text);
		struct ews_error err = { 0 };

		ews_ext_set(ews, item, ews_ext_named(ews, "0x3a45", "String"), &title, 1, &err);
		return;
	}
	prop = seed_cell(ews, name, &key, &part);
	if (prop < 0 || ews_props[prop].flags & EWS_F_READONLY) {
		fprintf(stderr, "tandem-sim: a seeded contact has an unknown property %s\n", name);
		return;
	}
	if (json_is_array(value)) {
		for (size_t i = 0; i < json_array_size(value); i++)
			ews_put(item, prop, (int)i, 0, json_string_value(json_array_get(value, i)));
		return;
	}
	if (ews_props[prop].type == EWS_T_DATE && text) {
		char *midnight AUTOFREE = strchr(text, 'T') ? xstrdup(text)
							    : xasprintf("%sT00:00:00Z", text);

		normal = ews_date_normal(midnight);
	} else if (ews_props[prop].type == EWS_T_BODY && text) {
		normal = ews_crlf(text);
		ews_put(item, prop, 0, 1, "Text");
	}
	ews_put(item, prop, key, part, normal ? normal : text);
}

void ews_add_contact(
	struct ews *ews, const char *address, const char *folder, const json_t *contact)
{
	struct ews_mailbox *mb = ews_mailbox_find(ews, address);
	struct ews_folder *contacts, *f;
	struct ews_item *item;

	if (!mb)
		return;
	contacts = ews_distinguished(mb, "contacts");
	f = !strcasecmp(folder, "contacts") ? contacts : ews_folder_child(contacts, folder);
	if (!f)
		f = ews_folder_new(ews, contacts, folder, "IPF.Contact");
	item = ews_item_new(ews, f, EWS_CONTACT);
	for (void *at = json_object_iter((json_t *)contact); at;
		at = json_object_iter_next((json_t *)contact, at))
		seed_value(ews, item, json_object_iter_key(at), json_object_iter_value(at));
	ews_settle(item, true);
	ews_item_insert(ews, item, mb->name);
}

/* The state */

static char *value_path(const struct ews_value *v)
{
	const struct ews_prop *row = &ews_props[v->prop];
	char *key AUTOFREE = NULL;

	switch (row->type) {
	case EWS_T_EMAILS:
	case EWS_T_DICT:
	case EWS_T_ADDRESSES:
		key = ews_key_name(row->keys, v->key);
		if (row->type == EWS_T_ADDRESSES)
			return xasprintf("%s/%s/%s", row->element, key, ews_address_parts[v->part]);
		return xasprintf("%s/%s%s", row->element, key,
			v->part == 1   ? "/Name"
			: v->part == 2 ? "/RoutingType"
				       : "");
	case EWS_T_BODY:
		return xasprintf("%s%s", row->element, v->part ? "/BodyType" : "");
	default:
		return xstrdup(row->element);
	}
}

static json_t *dump_properties(const struct ews_item *item)
{
	json_t *out = json_object();

	for (size_t i = 0; i < item->n_values; i++) {
		const struct ews_value *v = &item->values[i];
		char *path AUTOFREE = v->text ? value_path(v) : NULL;
		json_t *list;

		if (!v->text)
			continue;
		if (ews_props[v->prop].type != EWS_T_LIST) {
			json_object_set_new(out, path, json_string(v->text));
			continue;
		}
		list = json_object_get(out, path);
		if (!list) {
			list = json_array();
			json_object_set_new(out, path, list);
		}
		json_array_append_new(list, json_string(v->text));
	}
	return out;
}

static json_t *dump_extended(const struct ews_item *item)
{
	json_t *out = json_object();

	for (size_t i = 0; i < item->n_ext; i++) {
		const struct ews_ext_value *v = &item->ext[i];
		json_t *list;

		if (!v->n)
			continue;
		if (!strstr(v->name->type, "Array")) {
			json_object_set_new(out, v->name->label, json_string(v->values[0]));
			continue;
		}
		list = json_array();
		for (size_t k = 0; k < v->n; k++)
			json_array_append_new(list, json_string(v->values[k]));
		json_object_set_new(out, v->name->label, list);
	}
	return out;
}

static json_t *dump_item(const struct ews_item *item)
{
	json_t *out = json_object();
	char *key AUTOFREE = ews_change_key(item->mailbox, item->change);
	char *search AUTOFREE = base64_encode(item->search_key, EWS_KEY_LEN);
	char *modified AUTOFREE = ews_date_text(item->modified);
	char *created AUTOFREE = ews_date_text(item->created);
	char *class AUTOFREE = ews_value_text(
		item, ews_prop_by_uri(item->mailbox->ews, "item:ItemClass"));

	json_object_set_new(out, "id", json_string(item->id));
	json_object_set_new(out, "change_key", json_string(key));
	json_object_set_new(out, "search_key", json_string(search));
	json_object_set_new(out, "class", json_string(class));
	json_object_set_new(out, "created", json_string(created));
	json_object_set_new(out, "modified", json_string(modified));
	json_object_set_new(out, "modified_by", json_string(item->modified_by));
	json_object_set_new(out, "properties", dump_properties(item));
	json_object_set_new(out, "extended", dump_extended(item));
	if (item->attachments)
		json_object_set_new(out, "attachments", ews_attachments_dump(item));
	return out;
}

/* "Contacts/Salesforce_Sync": names below the top of the information store. */
static char *folder_path(const struct ews_folder *f)
{
	char *up, *path;

	if (!f->parent || !f->parent->parent ||
		(f->parent->distinguished && !strcmp(f->parent->distinguished, "msgfolderroot")))
		return xstrdup(f->name);
	up = folder_path(f->parent);
	path = xasprintf("%s/%s", up, f->name);
	free(up);
	return path;
}

static json_t *dump_folder(const struct ews_folder *f)
{
	json_t *out = json_object(), *items = json_array();
	char *path AUTOFREE = folder_path(f);

	for (const struct ews_item *item = f->first; item; item = item->next)
		json_array_append_new(items, dump_item(item));
	json_object_set_new(out, "id", json_string(f->id));
	json_object_set_new(out, "name", json_string(f->name));
	json_object_set_new(out, "class", json_string(f->folder_class));
	json_object_set_new(out, "path", json_string(path));
	if (f->distinguished)
		json_object_set_new(out, "distinguished", json_string(f->distinguished));
	json_object_set_new(out, "items", items);
	return out;
}

static json_t *dump_configs(const struct ews_mailbox *mb)
{
	json_t *out = json_object();

	for (const struct ews_config *config = mb->configs; config; config = config->next) {
		size_t len = 0;
		char *raw AUTOFREE = config->parts[1]
					     ? (char *)base64_decode(config->parts[1], &len)
					     : NULL;

		if (raw)
			json_object_set_new(out, config->name, json_stringn(raw, len));
	}
	return out;
}

json_t *ews_dump(struct ews *ews)
{
	json_t *out = json_object(), *mailboxes = json_object();

	for (const struct ews_mailbox *mb = ews->mailboxes; mb; mb = mb->next) {
		json_t *folders = json_array(), *one = json_object();

		for (size_t i = 0; i < mb->n_folders; i++)
			if (mb->folders[i]->live)
				json_array_append_new(folders, dump_folder(mb->folders[i]));
		json_object_set_new(one, "folders", folders);
		json_object_set_new(one, "configurations", dump_configs(mb));
		json_object_set_new(mailboxes, mb->address, one);
	}
	json_object_set_new(out, "mailboxes", mailboxes);
	json_object_set_new(out, "schema_faults", json_integer((json_int_t)ews->schema_faults));
	return out;
}
