/* The forms in which values stand in EWS.  See ews_form.h. */
#include "ews/ews_form.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "ews/ews_time.h"
#include "ews/ews_xml.h"
#include "sync/mem.h"

#define ROUTING_SMTP	  "SMTP"
#define EX_ADDRESS_PREFIX "/o="

const struct ews_wire *ews_wire_of(const struct field *row)
{
	return row->wire;
}

const char *ews_form_key(const struct field *row, const char *name)
{
	size_t prefix = strlen(row->name);

	return !strncmp(name, row->name, prefix) && name[prefix] == '/' ? name + prefix + 1 : NULL;
}

void ews_form_put(json_t *fields, const char *name, const char *text)
{
	if (text && *text) /* invalid UTF-8 cannot come out of the parser */
		json_object_set_new(fields, name, json_string(text));
}

void ews_element(struct buf *out, const char *element, const char *text)
{
	char *name AUTOFREE = xasprintf("t:%s", element);

	xml_element(out, name, text);
}

void ews_open(struct buf *out, const char *element)
{
	char *name AUTOFREE = xasprintf("t:%s", element);

	xml_start(out, name);
}

void ews_close(struct buf *out, const char *element)
{
	char *name AUTOFREE = xasprintf("t:%s", element);

	xml_end(out, name);
}

void ews_set_open(struct buf *out, const char *uri, const char *item)
{
	xml_start(out, "t:SetItemField");
	xml_empty(out, "t:FieldURI", "FieldURI", uri);
	ews_open(out, item);
}

void ews_set_close(struct buf *out, const char *item)
{
	ews_close(out, item);
	xml_end(out, "t:SetItemField");
}

void ews_delete_field(struct buf *out, const char *uri)
{
	xml_start(out, "t:DeleteItemField");
	xml_empty(out, "t:FieldURI", "FieldURI", uri);
	xml_end(out, "t:DeleteItemField");
}

static const char *text_of(const struct field *row, const json_t *fields)
{
	return json_string_value(json_object_get(fields, row->name));
}

static bool has_text(const struct field *row, const json_t *fields)
{
	const char *text = text_of(row, fields);

	return text && *text;
}

/* Text and choices. */

static void write_text(struct buf *out, const struct field *row, const json_t *fields)
{
	ews_element(out, ews_wire_of(row)->element, text_of(row, fields));
}

static bool read_text(const struct field *row, const xmlNode *node, json_t *fields)
{
	char *text AUTOFREE = xml_child_text(node, ews_wire_of(row)->element);

	ews_form_put(fields, row->name, text);
	return true;
}

static void write_choice(struct buf *out, const struct field *row, const json_t *fields)
{
	const struct ews_wire *wire = ews_wire_of(row);

	ews_element(out, wire->element, has_text(row, fields) ? text_of(row, fields) : wire->none);
}

static bool read_choice(const struct field *row, const xmlNode *node, json_t *fields)
{
	char *text AUTOFREE = xml_child_text(node, ews_wire_of(row)->element);

	if (text && strcmp(text, ews_wire_of(row)->none) != 0)
		ews_form_put(fields, row->name, text);
	return true;
}

/* Body. */

static void write_body(struct buf *out, const struct field *row, const json_t *fields)
{
	xml_start(out, "t:Body", "BodyType", "Text");
	xml_text(out, text_of(row, fields));
	xml_end(out, "t:Body");
}

static bool read_body(const struct field *row, const xmlNode *node, json_t *fields)
{
	xmlNode *body = xml_child(node, ews_wire_of(row)->element);
	char *truncated AUTOFREE = xml_attribute(body, "IsTruncated");
	char *text AUTOFREE = xml_content(body);

	if (truncated && (!strcasecmp(truncated, "true") || !strcmp(truncated, "1")))
		return false;
	if (xml_attribute_is(body, "BodyType", "HTML"))
		return false;
	if (text && text[strspn(text, " \t\r\n")])
		ews_form_put(fields, row->name, text);
	return true;
}

void ews_set_html_body(struct buf *out, const char *html, const char *item)
{
	ews_set_open(out, "item:Body", item);
	xml_start(out, "t:Body", "BodyType", "HTML");
	xml_exact_text(out, html);
	xml_end(out, "t:Body");
	ews_set_close(out, item);
}

/* Days. */

static void write_date(struct buf *out, const struct field *row, const json_t *fields)
{
	char *text AUTOFREE = xasprintf("%sT11:59:00Z", text_of(row, fields));

	ews_element(out, ews_wire_of(row)->element, text);
}

static bool read_date(const struct field *row, const xmlNode *node, json_t *fields)
{
	const struct ews_wire *wire = ews_wire_of(row);
	char *stored AUTOFREE = xml_child_text(node, wire->element);
	char *local AUTOFREE = wire->beside[0] ? ews_wire_read_beside(node, wire->beside[0]) : NULL;
	char date[EWS_DATE_LEN];

	if (ews_date_read(stored, local, date))
		ews_form_put(fields, row->name, date);
	return true;
}

/* Lists of strings: a JSON array, or the keys of a row. */

static bool has_strings(const struct field *row, const json_t *fields)
{
	return json_array_size(json_object_get(fields, row->name)) > 0;
}

static void write_strings(struct buf *out, const struct field *row, const json_t *fields)
{
	const json_t *value;
	size_t i;

	ews_open(out, ews_wire_of(row)->element);
	json_array_foreach(json_object_get(fields, row->name), i, value) {
		xml_element(out, "t:String", json_string_value(value));
	}
	ews_close(out, ews_wire_of(row)->element);
}

static bool read_strings(const struct field *row, const xmlNode *node, json_t *fields)
{
	xmlNode *child = xml_first(xml_child(node, ews_wire_of(row)->element));
	json_t *array = json_array();

	for (; child; child = xml_next(child)) {
		char *text AUTOFREE = xml_content(child);

		if (*text)
			json_array_append_new(array, json_string(text));
	}
	if (json_array_size(array))
		json_object_set(fields, row->name, array);
	json_decref(array);
	return true;
}

static bool has_keys(const struct field *row, const json_t *fields)
{
	const char *name;
	json_t *value;

	json_object_foreach((json_t *)fields, name, value) {
		if (ews_form_key(row, name) && json_is_true(value))
			return true;
	}
	return false;
}

static void write_keys(struct buf *out, const struct field *row, const json_t *fields)
{
	const char *name;
	json_t *value;

	ews_open(out, ews_wire_of(row)->element);
	json_object_foreach((json_t *)fields, name, value) {
		const char *key = ews_form_key(row, name);

		if (key && json_is_true(value))
			xml_element(out, "t:String", key);
	}
	ews_close(out, ews_wire_of(row)->element);
}

static bool read_keys(const struct field *row, const xmlNode *node, json_t *fields)
{
	xmlNode *child = xml_first(xml_child(node, ews_wire_of(row)->element));

	for (; child; child = xml_next(child)) {
		char *text AUTOFREE = xml_content(child);
		char *name AUTOFREE = xasprintf("%s/%s", row->name, text);

		if (*text)
			json_object_set_new(fields, name, json_true());
	}
	return true;
}

/* Entries of dictionaries. */

static xmlNode *find_entry(const xmlNode *node, const struct ews_wire *wire)
{
	xmlNode *entry = xml_first(xml_child(node, wire->element));

	while (entry && !(xml_is(entry, "Entry") && xml_attribute_is(entry, "Key", wire->key)))
		entry = xml_next(entry);
	return entry;
}

static void write_entry(struct buf *out, const struct field *row, const json_t *fields)
{
	xml_start(out, "t:Entry", "Key", ews_wire_of(row)->key);
	xml_text(out, text_of(row, fields));
	xml_end(out, "t:Entry");
}

/* An internal Exchange address ("/o=Corp/ou=...") is none for anybody else. */
static bool read_entry(const struct field *row, const xmlNode *node, json_t *fields)
{
	xmlNode *entry = find_entry(node, ews_wire_of(row));
	char *routing AUTOFREE = xml_attribute(entry, "RoutingType");
	char *text AUTOFREE = xml_content(entry);

	if (routing && *routing && strcasecmp(routing, ROUTING_SMTP) != 0)
		return false;
	if (text && !strncasecmp(text, EX_ADDRESS_PREFIX, strlen(EX_ADDRESS_PREFIX)))
		return false;
	ews_form_put(fields, row->name, text);
	return true;
}

static void write_address_part(struct buf *out, const struct field *row, const json_t *fields)
{
	ews_element(out, ews_wire_of(row)->part, text_of(row, fields));
}

static bool read_address_part(const struct field *row, const xmlNode *node, json_t *fields)
{
	const struct ews_wire *wire = ews_wire_of(row);
	char *text AUTOFREE = xml_child_text(find_entry(node, wire), wire->part);

	ews_form_put(fields, row->name, text);
	return true;
}

/* Extended properties. */

static void write_extended(struct buf *out, const struct field *row, const json_t *fields)
{
	ews_wire_write_property(out, ews_wire_of(row)->uri, text_of(row, fields));
}

static bool read_extended(const struct field *row, const xmlNode *node, json_t *fields)
{
	char *text AUTOFREE = ews_wire_read_property(
		node, (uint32_t)strtoul(ews_wire_of(row)->uri, NULL, 0));

	ews_form_put(fields, row->name, text);
	return true;
}

/* What is not written with the item: photos come after it, lists are only read. */

bool ews_form_no_value(const struct field *row, const json_t *fields)
{
	(void)row;
	(void)fields;
	return false;
}

void ews_form_write_nothing(struct buf *out, const struct field *row, const json_t *fields)
{
	(void)out;
	(void)row;
	(void)fields;
}

static const struct ews_form_type forms[] = {
	[EWS_TEXT] = { .has_value = has_text, .write = write_text, .read = read_text },
	[EWS_CHOICE] = { .has_value = has_text,
		.write = write_choice,
		.read = read_choice,
		.empty_is_set = true },
	[EWS_BODY] = { .has_value = has_text,
		.write = write_body,
		.read = read_body,
		.empty_is_set = true },
	[EWS_DATE] = { .has_value = has_text, .write = write_date, .read = read_date },
	[EWS_STRINGS] = { .has_value = has_strings, .write = write_strings, .read = read_strings },
	[EWS_KEYS] = { .has_value = has_keys, .write = write_keys, .read = read_keys },
	[EWS_ENTRY] = { .has_value = has_text, .write = write_entry, .read = read_entry },
	[EWS_ADDRESS] = { .has_value = has_text,
		.write = write_address_part,
		.read = read_address_part },
	[EWS_LIST_KIND] = { .has_value = ews_form_no_value,
		.write = ews_form_write_nothing,
		.read = ews_list_read_kind },
	[EWS_MEMBERS] = { .has_value = ews_form_no_value,
		.write = ews_form_write_nothing,
		.read = ews_list_read_members },
	[EWS_PHOTO] = { .has_value = ews_form_no_value,
		.write = ews_form_write_nothing,
		.read = ews_photo_read },
	[EWS_EXTENDED] = { .has_value = has_text, .write = write_extended, .read = read_extended },
};

/* Those of events and tasks. */
static const struct ews_form_type *const calendar_forms[] = {
	[EWS_BOOLEAN] = &ews_boolean_form,
	[EWS_NUMBER] = &ews_number_form,
	[EWS_DUE_REMINDER] = &ews_due_reminder_form,
	[EWS_ZONE] = &ews_zone_form,
	[EWS_REMINDER] = &ews_reminder_form,
	[EWS_ORGANIZER] = &ews_organizer_form,
	[EWS_ATTENDEES] = &ews_attendees_form,
	[EWS_RESPONSES] = &ews_responses_form,
	[EWS_RECURRENCE] = &ews_recurrence_form,
	[EWS_ATTACHMENTS] = &ews_attachments_form,
	[EWS_NOWHERE] = &ews_nowhere_form,
};

const struct ews_form_type *ews_form_of(const struct field *row)
{
	enum ews_form form = ews_wire_of(row)->form;

	return form < ARRAY_SIZE(forms) ? &forms[form] : calendar_forms[form];
}

bool ews_form_has_value(const struct field *row, const json_t *fields)
{
	return ews_form_of(row)->has_value(row, fields);
}
