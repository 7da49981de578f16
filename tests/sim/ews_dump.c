/* The whole state as JSON for /sim/state. */
#include <stdlib.h>
#include <string.h>

#include <libxml/parser.h>

#include "sync/mem.h"
#include "tests/sim/ews_calendar.h"

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

/* What is kept as XML, for readers who would rather have objects. */
static json_t *xml_to_json(const xmlNode *element)
{
	json_t *out = xml_first(element) ? json_object() : NULL;
	char *text AUTOFREE = xml_content(element);

	if (!out)
		return json_string(text);
	xml_each(child, element)
		json_object_set_new(out, (const char *)child->name, xml_to_json(child));
	return out;
}

static xmlDoc *parse_inner(const char *inner)
{
	char *xml AUTOFREE = xasprintf("<t:x xmlns:t=\"" EWS_NS_T "\">%s</t:x>", inner);

	return xmlReadMemory(xml, (int)strlen(xml), "kept.xml", NULL, XML_PARSE_NONET);
}

static json_t *dump_recurrence(const struct ews_item *item)
{
	const char *inner = ews_get_uri(
		item, item->kind == EWS_TASK ? "task:Recurrence" : "calendar:Recurrence");
	xmlDoc *doc = inner ? parse_inner(inner) : NULL;
	json_t *out = doc ? xml_to_json(xmlDocGetRootElement(doc)) : NULL;

	xmlFreeDoc(doc);
	return out;
}

/* [{"list": "RequiredAttendees", "Mailbox": {...}, "ResponseType": ...}, ...] */
static json_t *dump_attendees(const struct ews_item *item)
{
	static const char *const lists[] = { "RequiredAttendees", "OptionalAttendees",
		"Resources" };
	json_t *out = json_array();

	for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
		int prop = ews_prop_by_element(EWS_CALENDAR, lists[i]);
		const char *inner = ews_get(item, prop, 0, 0);
		xmlDoc *doc = inner ? parse_inner(inner) : NULL;

		xml_each(attendee, doc ? xmlDocGetRootElement(doc) : NULL)
		{
			json_t *one = xml_to_json(attendee);

			json_object_set_new(one, "list", json_string(lists[i]));
			json_array_append_new(out, one);
		}
		xmlFreeDoc(doc);
	}
	return out;
}

static json_t *dump_exceptions(const struct ews_item *item)
{
	json_t *out = json_array();

	for (size_t i = 0; i < item->n_exceptions; i++) {
		const struct ews_exception *e = &item->exceptions[i];
		char *day AUTOFREE = ews_day_text(e->day);
		json_t *one = json_pack("{s:s, s:b}", "day", day, "deleted", !e->item);

		if (e->item) {
			json_object_set_new(one, "properties", dump_properties(e->item));
			json_object_set_new(one, "extended", dump_extended(e->item));
		}
		json_array_append_new(out, one);
	}
	return out;
}

/* Of appointments and tasks; beside the properties, which have all of it as it is kept. */
static void dump_calendar(json_t *out, const struct ews_item *item)
{
	json_t *recurrence = dump_recurrence(item);

	if (recurrence)
		json_object_set_new(out, "recurrence", recurrence);
	if (item->kind != EWS_CALENDAR)
		return;
	json_object_set_new(out, "attendees", dump_attendees(item));
	json_object_set_new(out, "exceptions", dump_exceptions(item));
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
	if (item->kind == EWS_CALENDAR || item->kind == EWS_TASK)
		dump_calendar(out, item);
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
