/* How a row of a field table stands in EWS.  See ews_wire.h.
 *
 * Three walks over a table: the paths that a GetItem asks for, the elements of a new item, the
 * values of an item that was read; and one single row, for an update.  What stands around a value
 * (the dictionary, its Entry) is opened and closed by comparing a row with its neighbours, so
 * that rows of one dictionary share it in a new item and each has its own in an update. */
#include "ews/ews_wire.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "ews/ews_time.h"
#include "ews/ews_xml.h"
#include "sync/mem.h"

#define PSETID_ADDRESS	  "00062004-0000-0000-C000-000000000046"
#define PID_SEARCH_KEY	  "0x300B"
#define ROUTING_SMTP	  "SMTP"
#define EX_ADDRESS_PREFIX "/o="

static const struct {
	const char *name;
	size_t at;
	bool create_only;
} marks_table[] = {
	{ "TandemToken", offsetof(struct mailbox_marks, token), true },
	{ "TandemUid", offsetof(struct mailbox_marks, uid), false },
	{ "TandemFileName", offsetof(struct mailbox_marks, file_name), false },
	{ "TandemCrmLink", offsetof(struct mailbox_marks, crm_link), false },
	{ "TandemUnlinked", offsetof(struct mailbox_marks, unlinked), false },
};

static char **mark_at(const struct mailbox_marks *marks, size_t i)
{
	return (char **)((char *)marks + marks_table[i].at);
}

static const struct ews_wire *wire_of(const struct field *row)
{
	return row->wire;
}

static bool is_dictionary(const struct ews_wire *wire)
{
	return wire->form == EWS_ENTRY || wire->form == EWS_ADDRESS;
}

/* Paths. */

static void write_tag_path(struct buf *out, const char *tag, const char *type)
{
	xml_empty(out, "t:ExtendedFieldURI", "PropertyTag", tag, "PropertyType", type);
}

static void write_mark_path(struct buf *out, size_t i)
{
	xml_empty(out, "t:ExtendedFieldURI", "DistinguishedPropertySetId", "PublicStrings",
		"PropertyName", marks_table[i].name, "PropertyType", "String");
}

/* Beside a date stands a time; beside an e-mail address four strings and an entry id. */
static void write_beside_path(struct buf *out, const struct ews_wire *wire, size_t i)
{
	char id[16];

	snprintf(id, sizeof(id), "%u", wire->beside[i]);
	xml_empty(out, "t:ExtendedFieldURI", "DistinguishedPropertySetId", "Address", "PropertyId",
		id, "PropertyType",
		wire->form == EWS_DATE ? "SystemTime"
		: i == 4	       ? "Binary"
				       : "String");
}

static void write_path(struct buf *out, const struct ews_wire *wire)
{
	if (wire->form == EWS_EXTENDED)
		write_tag_path(out, wire->uri, "String");
	else if (is_dictionary(wire))
		xml_empty(out, "t:IndexedFieldURI", "FieldURI", wire->uri, "FieldIndex", wire->key);
	else
		xml_empty(out, "t:FieldURI", "FieldURI", wire->uri);
}

void ews_wire_write_paths(struct buf *out, const struct field_table *table)
{
	static const char *const always[] = { "item:ParentFolderId", "item:ItemClass",
		"item:LastModifiedName", "item:LastModifiedTime" };
	const char *last = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(always); i++)
		xml_empty(out, "t:FieldURI", "FieldURI", always[i]);
	for (size_t i = 0; i < table->n; i++) {
		const struct ews_wire *wire = wire_of(&table->rows[i]);

		if (table->rows[i].flags & FIELD_NO_ACCESS)
			continue;
		if (!wire->ask)
			write_path(out, wire);
		else if (!last || strcmp(last, wire->ask) != 0)
			xml_empty(out, "t:FieldURI", "FieldURI", wire->ask);
		last = wire->ask;
		if (wire->form == EWS_DATE)
			write_beside_path(out, wire, 0);
	}
	write_tag_path(out, PID_SEARCH_KEY, "Binary");
	for (size_t i = 0; i < ARRAY_SIZE(marks_table); i++)
		write_mark_path(out, i);
}

/* Values. */

static void write_extended(struct buf *out, const char *value)
{
	xml_element(out, "t:Value", value);
	xml_end(out, "t:ExtendedProperty");
}

static void write_mark(struct buf *out, size_t i, const char *value)
{
	xml_start(out, "t:ExtendedProperty");
	write_mark_path(out, i);
	write_extended(out, value);
}

/* The day that stands beside a date: midnight without a zone. */
static void write_beside_date(struct buf *out, const struct ews_wire *wire, const char *date)
{
	char *midnight AUTOFREE = xasprintf("%sT00:00:00Z", date);

	xml_start(out, "t:ExtendedProperty");
	write_beside_path(out, wire, 0);
	write_extended(out, midnight);
}

/* <t:String> for each string of an array, or each key of "NAME/key" members of fields. */
static void write_strings(struct buf *out, const struct field *row, const json_t *fields)
{
	size_t prefix = strlen(row->name);
	const char *name;
	json_t *value;
	size_t i;

	if (wire_of(row)->form == EWS_STRINGS) {
		json_array_foreach(json_object_get(fields, row->name), i, value) {
			xml_element(out, "t:String", json_string_value(value));
		}
		return;
	}
	json_object_foreach((json_t *)fields, name, value) {
		if (!strncmp(name, row->name, prefix) && name[prefix] == '/' && json_is_true(value))
			xml_element(out, "t:String", name + prefix + 1);
	}
}

/* Has the row a value to be written? */
static bool has_value(const struct field *row, const json_t *fields)
{
	size_t prefix = strlen(row->name);
	const json_t *value = json_object_get(fields, row->name);
	const char *name;
	json_t *key;

	if (wire_of(row)->form == EWS_STRINGS)
		return json_array_size(value) > 0;
	if (wire_of(row)->form != EWS_KEYS)
		return json_is_string(value) && json_string_length(value) > 0;
	json_object_foreach((json_t *)fields, name, key) {
		if (!strncmp(name, row->name, prefix) && name[prefix] == '/' && json_is_true(key))
			return true;
	}
	return false;
}

static void write_named(struct buf *out, const char *element, const char *text)
{
	char *name AUTOFREE = xasprintf("t:%s", element);

	xml_element(out, name, text);
}

static void write_tag(struct buf *out, const char *element, bool open)
{
	char *name AUTOFREE = xasprintf("t:%s", element);

	if (open)
		xml_start(out, name);
	else
		xml_end(out, name);
}

static void write_date(struct buf *out, const struct ews_wire *wire, const char *date)
{
	char *text AUTOFREE = xasprintf("%sT11:59:00Z", date);

	write_named(out, wire->element, text);
}

/* The value of one row, without the dictionary around it. */
static void write_value(struct buf *out, const struct field *row, const json_t *fields)
{
	const struct ews_wire *wire = wire_of(row);
	const char *text = json_string_value(json_object_get(fields, row->name));

	switch (wire->form) {
	case EWS_TEXT:
		write_named(out, wire->element, text);
		break;
	case EWS_CHOICE:
		write_named(out, wire->element, text && *text ? text : wire->none);
		break;
	case EWS_BODY:
		xml_start(out, "t:Body", "BodyType", "Text");
		xml_text(out, text);
		xml_end(out, "t:Body");
		break;
	case EWS_DATE:
		write_date(out, wire, text);
		break;
	case EWS_STRINGS:
	case EWS_KEYS:
		write_tag(out, wire->element, true);
		write_strings(out, row, fields);
		write_tag(out, wire->element, false);
		break;
	case EWS_ENTRY:
		xml_start(out, "t:Entry", "Key", wire->key);
		xml_text(out, text);
		xml_end(out, "t:Entry");
		break;
	case EWS_ADDRESS:
		write_named(out, wire->part, text);
		break;
	case EWS_EXTENDED:
		xml_start(out, "t:ExtendedProperty");
		write_tag_path(out, wire->uri, "String");
		write_extended(out, text);
		break;
	}
}

static bool same_dictionary(const struct ews_wire *a, const struct ews_wire *b)
{
	return a && b && is_dictionary(a) && is_dictionary(b) && !strcmp(a->element, b->element);
}

static bool same_address(const struct ews_wire *a, const struct ews_wire *b)
{
	return a && b && same_dictionary(a, b) && a->form == EWS_ADDRESS && !strcmp(a->key, b->key);
}

/* A row with what stands around it, unless the rows before and after share that. */
static void write_row(struct buf *out, const struct field *row, const json_t *fields,
	const struct ews_wire *before, const struct ews_wire *after)
{
	const struct ews_wire *wire = wire_of(row);

	if (is_dictionary(wire) && !same_dictionary(before, wire))
		write_tag(out, wire->element, true);
	if (wire->form == EWS_ADDRESS && !same_address(before, wire))
		xml_start(out, "t:Entry", "Key", wire->key);
	write_value(out, row, fields);
	if (wire->form == EWS_ADDRESS && !same_address(wire, after))
		xml_end(out, "t:Entry");
	if (is_dictionary(wire) && !same_dictionary(wire, after))
		write_tag(out, wire->element, false);
}

/* The next row from `i` on that has a value and may be written. */
static size_t next_valued(const struct field_table *table, const json_t *fields, size_t i)
{
	while (i < table->n && ((table->rows[i].flags & (FIELD_READ_ONLY | FIELD_NO_ACCESS)) ||
				       !has_value(&table->rows[i], fields)))
		i++;
	return i;
}

/* Does the row belong to ItemType, whose elements come before those of the kind? */
static bool of_item_type(const struct ews_wire *wire)
{
	return wire->form == EWS_EXTENDED || !strncmp(wire->uri, "item:", 5);
}

/* Extended properties end ItemType's part of what we write: marks, and days beside dates. */
static void write_extended_part(struct buf *out, const struct field_table *table,
	const json_t *fields, const struct mailbox_marks *marks)
{
	for (size_t i = 0; marks && i < ARRAY_SIZE(marks_table); i++)
		if (*mark_at(marks, i))
			write_mark(out, i, *mark_at(marks, i));
	for (size_t i = next_valued(table, fields, 0); i < table->n;
		i = next_valued(table, fields, i + 1)) {
		const struct field *row = &table->rows[i];

		if (wire_of(row)->form == EWS_DATE)
			write_beside_date(out, wire_of(row),
				json_string_value(json_object_get(fields, row->name)));
	}
}

void ews_wire_write_item(struct buf *out, const struct field_table *table, const json_t *fields,
	const struct mailbox_marks *marks)
{
	const struct ews_wire *before = NULL;
	bool extended_written = false;

	for (size_t i = next_valued(table, fields, 0); i < table->n;) {
		const struct ews_wire *wire = wire_of(&table->rows[i]);
		size_t next = next_valued(table, fields, i + 1);

		if (!extended_written && !of_item_type(wire)) {
			write_extended_part(out, table, fields, marks);
			extended_written = true;
		}
		write_row(out, &table->rows[i], fields, before,
			next < table->n ? wire_of(&table->rows[next]) : NULL);
		before = wire;
		i = next;
	}
	if (!extended_written)
		write_extended_part(out, table, fields, marks);
}

/* Updates. */

static void write_set(
	struct buf *out, const struct field *row, const json_t *fields, const char *item)
{
	xml_start(out, "t:SetItemField");
	write_path(out, wire_of(row));
	write_tag(out, item, true);
	write_row(out, row, fields, NULL, NULL);
	write_tag(out, item, false);
	xml_end(out, "t:SetItemField");
}

static void write_beside_change(
	struct buf *out, const struct field *row, const json_t *fields, const char *item)
{
	const struct ews_wire *wire = wire_of(row);
	const char *text = json_string_value(json_object_get(fields, row->name));
	bool valued = has_value(row, fields);

	for (size_t i = 0; i < ARRAY_SIZE(wire->beside) && wire->beside[i]; i++) {
		if (valued && wire->form != EWS_DATE)
			continue; /* Exchange sets the rest of an e-mail address itself */
		write_tag(out, valued ? "SetItemField" : "DeleteItemField", true);
		write_beside_path(out, wire, i);
		if (valued) {
			write_tag(out, item, true);
			write_beside_date(out, wire, text);
			write_tag(out, item, false);
		}
		write_tag(out, valued ? "SetItemField" : "DeleteItemField", false);
	}
}

void ews_wire_write_change(
	struct buf *out, const struct field *row, const json_t *fields, const char *item)
{
	const struct ews_wire *wire = wire_of(row);

	if (has_value(row, fields) || wire->form == EWS_CHOICE || wire->form == EWS_BODY) {
		write_set(out, row, fields, item);
	} else {
		xml_start(out, "t:DeleteItemField");
		write_path(out, wire);
		xml_end(out, "t:DeleteItemField");
	}
	write_beside_change(out, row, fields, item);
}

void ews_wire_write_marks_change(
	struct buf *out, const struct mailbox_marks *marks, const char *item)
{
	for (size_t i = 0; i < ARRAY_SIZE(marks_table); i++) {
		const char *value = *mark_at(marks, i);

		if (marks_table[i].create_only)
			continue;
		write_tag(out, value ? "SetItemField" : "DeleteItemField", true);
		write_mark_path(out, i);
		if (value) {
			write_tag(out, item, true);
			write_mark(out, i, value);
			write_tag(out, item, false);
		}
		write_tag(out, value ? "SetItemField" : "DeleteItemField", false);
	}
}

/* Reading. */

static bool is_tag(const xmlNode *uri, uint32_t tag)
{
	char *text AUTOFREE = xml_attribute(uri, "PropertyTag");

	return text && strtoul(text, NULL, 0) == tag;
}

static bool is_address_id(const xmlNode *uri, uint32_t id)
{
	char *text AUTOFREE = xml_attribute(uri, "PropertyId");

	return text && strtoul(text, NULL, 0) == id &&
	       (xml_attribute_is(uri, "DistinguishedPropertySetId", "Address") ||
		       xml_attribute_is(uri, "PropertySetId", PSETID_ADDRESS));
}

char *ews_wire_read_tag(const xmlNode *node, uint32_t tag)
{
	for (xmlNode *child = xml_first(node); child; child = xml_next(child))
		if (xml_is(child, "ExtendedProperty") &&
			is_tag(xml_child(child, "ExtendedFieldURI"), tag))
			return xml_child_text(child, "Value");
	return NULL;
}

static char *read_beside(const xmlNode *node, uint32_t id)
{
	for (xmlNode *child = xml_first(node); child; child = xml_next(child))
		if (xml_is(child, "ExtendedProperty") &&
			is_address_id(xml_child(child, "ExtendedFieldURI"), id))
			return xml_child_text(child, "Value");
	return NULL;
}

static void read_marks(const xmlNode *node, struct mailbox_marks *marks)
{
	for (xmlNode *child = xml_first(node); child; child = xml_next(child)) {
		char *name AUTOFREE = xml_is(child, "ExtendedProperty")
					      ? xml_attribute(xml_child(child, "ExtendedFieldURI"),
							"PropertyName")
					      : NULL;

		for (size_t i = 0; name && i < ARRAY_SIZE(marks_table); i++) {
			char **mark = mark_at(marks, i);
			char *value;

			if (strcasecmp(name, marks_table[i].name) != 0 || *mark)
				continue;
			value = xml_child_text(child, "Value");
			if (value && *value)
				*mark = value;
			else
				free(value);
		}
	}
}

static xmlNode *find_entry(const xmlNode *node, const struct ews_wire *wire)
{
	xmlNode *entry = xml_first(xml_child(node, wire->element));

	while (entry && !(xml_is(entry, "Entry") && xml_attribute_is(entry, "Key", wire->key)))
		entry = xml_next(entry);
	return entry;
}

/* A string, when it is not empty.  Invalid UTF-8 cannot come out of the parser. */
static void put_text(json_t *fields, const char *name, const char *text)
{
	if (text && *text)
		json_object_set_new(fields, name, json_string(text));
}

static void read_strings(const struct field *row, const xmlNode *list, json_t *fields)
{
	json_t *array = json_array();

	for (xmlNode *child = xml_first(list); child; child = xml_next(child)) {
		char *text AUTOFREE = xml_content(child);

		if (!*text)
			continue;
		if (wire_of(row)->form == EWS_KEYS) {
			char *name AUTOFREE = xasprintf("%s/%s", row->name, text);

			json_object_set_new(fields, name, json_true());
		} else {
			json_array_append_new(array, json_string(text));
		}
	}
	if (json_array_size(array))
		json_object_set(fields, row->name, array);
	json_decref(array);
}

static void read_date(const struct field *row, const xmlNode *node, json_t *fields)
{
	const struct ews_wire *wire = wire_of(row);
	char *stored AUTOFREE = xml_child_text(node, wire->element);
	char *local AUTOFREE = read_beside(node, wire->beside[0]);
	char date[EWS_DATE_LEN];

	if (ews_date_read(stored, local, date))
		put_text(fields, row->name, date);
}

/* False when the value was not given whole. */
static bool read_body(const struct field *row, const xmlNode *node, json_t *fields)
{
	xmlNode *body = xml_child(node, wire_of(row)->element);
	char *truncated AUTOFREE = xml_attribute(body, "IsTruncated");
	char *text AUTOFREE = xml_content(body);

	if (truncated && (!strcasecmp(truncated, "true") || !strcmp(truncated, "1")))
		return false;
	if (xml_attribute_is(body, "BodyType", "HTML"))
		return false;
	if (text && text[strspn(text, " \t\r\n")])
		put_text(fields, row->name, text);
	return true;
}

/* An internal Exchange address ("/o=Corp/ou=...") is none for anybody else. */
static bool read_entry(const struct field *row, const xmlNode *node, json_t *fields)
{
	xmlNode *entry = find_entry(node, wire_of(row));
	char *routing AUTOFREE = xml_attribute(entry, "RoutingType");
	char *text AUTOFREE = xml_content(entry);

	if (routing && *routing && strcasecmp(routing, ROUTING_SMTP) != 0)
		return false;
	if (text && !strncasecmp(text, EX_ADDRESS_PREFIX, strlen(EX_ADDRESS_PREFIX)))
		return false;
	put_text(fields, row->name, text);
	return true;
}

static bool read_row(const struct field *row, const xmlNode *node, json_t *fields)
{
	const struct ews_wire *wire = wire_of(row);
	char *text AUTOFREE = NULL;

	switch (wire->form) {
	case EWS_BODY:
		return read_body(row, node, fields);
	case EWS_ENTRY:
		return read_entry(row, node, fields);
	case EWS_DATE:
		read_date(row, node, fields);
		break;
	case EWS_STRINGS:
	case EWS_KEYS:
		read_strings(row, xml_child(node, wire->element), fields);
		break;
	case EWS_TEXT:
	case EWS_CHOICE:
		text = xml_child_text(node, wire->element);
		if (text && (!wire->none || strcmp(text, wire->none) != 0))
			put_text(fields, row->name, text);
		break;
	case EWS_ADDRESS:
		text = xml_child_text(find_entry(node, wire), wire->part);
		put_text(fields, row->name, text);
		break;
	case EWS_EXTENDED:
		text = ews_wire_read_tag(node, (uint32_t)strtoul(wire->uri, NULL, 0));
		put_text(fields, row->name, text);
		break;
	}
	return true;
}

void ews_wire_read(const struct field_table *table, const xmlNode *node, json_t *fields,
	json_t *unread, struct mailbox_marks *marks)
{
	for (size_t i = 0; i < table->n; i++)
		if (!(table->rows[i].flags & FIELD_NO_ACCESS) &&
			!read_row(&table->rows[i], node, fields))
			json_array_append_new(unread, json_string(table->rows[i].name));
	read_marks(node, marks);
}
