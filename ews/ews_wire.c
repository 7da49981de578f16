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

#include "ews/ews_form.h"
#include "ews/ews_xml.h"
#include "sync/mem.h"

#define PSETID_ADDRESS "00062004-0000-0000-C000-000000000046"
#define PID_SEARCH_KEY "0x300B"

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
		const struct ews_wire *wire = ews_wire_of(&table->rows[i]);

		if (table->rows[i].flags & FIELD_NO_ACCESS || !wire->uri)
			continue;
		if (!wire->ask)
			write_path(out, wire);
		else if (!last || strcmp(last, wire->ask) != 0)
			xml_empty(out, "t:FieldURI", "FieldURI", wire->ask);
		last = wire->ask;
		if (wire->form == EWS_DATE && wire->beside[0])
			write_beside_path(out, wire, 0);
	}
	write_tag_path(out, PID_SEARCH_KEY, "Binary");
	for (size_t i = 0; i < ARRAY_SIZE(marks_table); i++)
		write_mark_path(out, i);
}

/* Extended properties. */

static void end_extended(struct buf *out, const char *value)
{
	xml_element(out, "t:Value", value);
	xml_end(out, "t:ExtendedProperty");
}

void ews_wire_write_property(struct buf *out, const char *tag, const char *value)
{
	xml_start(out, "t:ExtendedProperty");
	write_tag_path(out, tag, "String");
	end_extended(out, value);
}

static void write_mark(struct buf *out, size_t i, const char *value)
{
	xml_start(out, "t:ExtendedProperty");
	write_mark_path(out, i);
	end_extended(out, value);
}

/* The day that stands beside a date: midnight without a zone. */
static void write_beside_date(struct buf *out, const struct ews_wire *wire, const char *date)
{
	char *midnight AUTOFREE = xasprintf("%sT00:00:00Z", date);

	xml_start(out, "t:ExtendedProperty");
	write_beside_path(out, wire, 0);
	end_extended(out, midnight);
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
	const struct ews_wire *wire = ews_wire_of(row);

	if (is_dictionary(wire) && !same_dictionary(before, wire))
		ews_open(out, wire->element);
	if (wire->form == EWS_ADDRESS && !same_address(before, wire))
		xml_start(out, "t:Entry", "Key", wire->key);
	ews_form_of(row)->write(out, row, fields);
	if (wire->form == EWS_ADDRESS && !same_address(wire, after))
		xml_end(out, "t:Entry");
	if (is_dictionary(wire) && !same_dictionary(wire, after))
		ews_close(out, wire->element);
}

/* The next row from `i` on that has a value and may be written. */
static size_t next_valued(const struct field_table *table, const json_t *fields, size_t i)
{
	while (i < table->n && ((table->rows[i].flags & (FIELD_READ_ONLY | FIELD_NO_ACCESS)) ||
				       !ews_form_has_value(&table->rows[i], fields)))
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

		if (ews_wire_of(row)->form == EWS_DATE && ews_wire_of(row)->beside[0])
			write_beside_date(out, ews_wire_of(row),
				json_string_value(json_object_get(fields, row->name)));
	}
}

void ews_wire_write_item(struct buf *out, const struct field_table *table, const json_t *fields,
	const struct mailbox_marks *marks)
{
	const struct ews_wire *before = NULL;
	bool extended_written = false;

	for (size_t i = next_valued(table, fields, 0); i < table->n;) {
		const struct ews_wire *wire = ews_wire_of(&table->rows[i]);
		size_t next = next_valued(table, fields, i + 1);

		if (!extended_written && !of_item_type(wire)) {
			write_extended_part(out, table, fields, marks);
			extended_written = true;
		}
		write_row(out, &table->rows[i], fields, before,
			next < table->n ? ews_wire_of(&table->rows[next]) : NULL);
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
	write_path(out, ews_wire_of(row));
	ews_open(out, item);
	write_row(out, row, fields, NULL, NULL);
	ews_close(out, item);
	xml_end(out, "t:SetItemField");
}

static void write_beside_change(
	struct buf *out, const struct field *row, const json_t *fields, const char *item)
{
	const struct ews_wire *wire = ews_wire_of(row);
	const char *text = json_string_value(json_object_get(fields, row->name));
	bool valued = ews_form_has_value(row, fields);

	for (size_t i = 0; i < ARRAY_SIZE(wire->beside) && wire->beside[i]; i++) {
		if (valued && wire->form != EWS_DATE)
			continue; /* Exchange sets the rest of an e-mail address itself */
		ews_open(out, valued ? "SetItemField" : "DeleteItemField");
		write_beside_path(out, wire, i);
		if (valued) {
			ews_open(out, item);
			write_beside_date(out, wire, text);
			ews_close(out, item);
		}
		ews_close(out, valued ? "SetItemField" : "DeleteItemField");
	}
}

void ews_wire_write_change(
	struct buf *out, const struct field *row, const json_t *fields, const char *item)
{
	const struct ews_wire *wire = ews_wire_of(row);

	if (ews_form_of(row)->write_change) {
		ews_form_of(row)->write_change(out, row, fields, item);
		return;
	}
	if (ews_form_has_value(row, fields) || ews_form_of(row)->empty_is_set) {
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
		ews_open(out, value ? "SetItemField" : "DeleteItemField");
		write_mark_path(out, i);
		if (value) {
			ews_open(out, item);
			write_mark(out, i, value);
			ews_close(out, item);
		}
		ews_close(out, value ? "SetItemField" : "DeleteItemField");
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

char *ews_wire_read_property(const xmlNode *node, uint32_t tag)
{
	for (xmlNode *child = xml_first(node); child; child = xml_next(child))
		if (xml_is(child, "ExtendedProperty") &&
			is_tag(xml_child(child, "ExtendedFieldURI"), tag))
			return xml_child_text(child, "Value");
	return NULL;
}

char *ews_wire_read_beside(const xmlNode *node, uint32_t id)
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

void ews_wire_read(const struct field_table *table, const xmlNode *node, json_t *fields,
	json_t *unread, struct mailbox_marks *marks)
{
	for (size_t i = 0; i < table->n; i++)
		if (!(table->rows[i].flags & FIELD_NO_ACCESS) &&
			!ews_form_of(&table->rows[i])->read(&table->rows[i], node, fields))
			json_array_append_new(unread, json_string(table->rows[i].name));
	read_marks(node, marks);
}
