/* An item element of a request (in CreateItem, or the one property of a SetItemField) stored
 * into an item, one child element at a time, by the type of its row. */
#include <stdlib.h>
#include <string.h>

#include "sync/mem.h"
#include "tests/sim/ews_calendar.h"

static int bad_value(
	struct ews_ctx *c, const xmlNode *element, const char *value, struct ews_error *err)
{
	ews_schema_fault(c, element->line,
		"The '%s' element is invalid - The value '%s' is invalid "
		"according to its datatype.",
		(const char *)element->name, value);
	return ews_fail(err, "ErrorSchemaValidation", "invalid value");
}

static int parse_simple(struct ews_ctx *c, struct ews_item *item, int prop, const xmlNode *element,
	struct ews_error *err)
{
	const struct ews_prop *row = &ews_props[prop];
	char *text AUTOFREE = xml_content(element);
	char *normal AUTOFREE = NULL;
	char *end = NULL;

	switch (row->type) {
	case EWS_T_BOOL:
		if (!xml_true(text) && strcmp(text, "false") != 0 && strcmp(text, "0") != 0)
			return bad_value(c, element, text, err);
		ews_put(item, prop, 0, 0, xml_true(text) ? "true" : "false");
		return 0;
	case EWS_T_INT:
		(void)strtol(text, &end, 10);
		break;
	case EWS_T_DOUBLE:
		(void)strtod(text, &end);
		break;
	case EWS_T_DATE:
		normal = ews_zone_read(c->zone, text);
		if (!normal)
			return bad_value(c, element, text, err);
		ews_put(item, prop, 0, 0, normal);
		return 0;
	case EWS_T_DAY:
		normal = ews_zone_day(c->zone, text);
		if (!normal)
			return bad_value(c, element, text, err);
		ews_put(item, prop, 0, 0, normal);
		return 0;
	case EWS_T_ENUM:
		if (ews_key_index(row->keys, text) < 0)
			return bad_value(c, element, text, err);
		break;
	default:
		break;
	}
	if (end && (*end || end == text))
		return bad_value(c, element, text, err);
	ews_put(item, prop, 0, 0, text);
	return 0;
}

static void parse_list(struct ews_item *item, int prop, const xmlNode *element)
{
	int n = 0;

	ews_clear(item, prop, -1);
	xml_each(s, element)
	{
		char *text AUTOFREE = xml_content(s);

		if (*text)
			ews_put(item, prop, n++, 0, text);
	}
}

static int parse_body(struct ews_ctx *c, struct ews_item *item, int prop, const xmlNode *element,
	struct ews_error *err)
{
	char *type AUTOFREE = xml_get(element, "BodyType");
	char *raw AUTOFREE = xml_content(element);
	char *text AUTOFREE = ews_crlf(raw);

	if (!type || (strcmp(type, "Text") != 0 && strcmp(type, "HTML") != 0))
		return bad_value(c, element, type ? type : "", err);
	ews_put(item, prop, 0, 0, text);
	ews_put(item, prop, 0, 1, *text ? type : NULL);
	return 0;
}

static int parse_address(struct ews_ctx *c, struct ews_item *item, int prop, int key,
	const xmlNode *entry, struct ews_error *err)
{
	xml_each(field, entry)
	{
		char *text AUTOFREE = xml_content(field);
		int part;

		for (part = 0; part < 5; part++)
			if (xml_is(field, ews_address_parts[part]))
				break;
		if (part == 5)
			return bad_value(c, field, text, err);
		ews_put(item, prop, key, part, text);
	}
	return 0;
}

static int parse_entry(struct ews_ctx *c, struct ews_item *item, int prop, const xmlNode *entry,
	struct ews_error *err)
{
	const struct ews_prop *row = &ews_props[prop];
	char *name AUTOFREE = xml_get(entry, "Key");
	char *text AUTOFREE = xml_content(entry);
	int key = name ? ews_key_index(row->keys, name) : -1;

	if (key < 0)
		return bad_value(c, entry, name ? name : "", err);
	if (row->type == EWS_T_ADDRESSES)
		return parse_address(c, item, prop, key, entry, err);
	ews_put(item, prop, key, 0, text);
	if (row->type == EWS_T_EMAILS) {
		char *shown AUTOFREE = xml_get(entry, "Name");
		char *routing AUTOFREE = xml_get(entry, "RoutingType");

		ews_put(item, prop, key, 1, *text ? shown : NULL);
		ews_put(item, prop, key, 2, *text ? routing : NULL);
	}
	return 0;
}

static int parse_extended(
	struct ews_ctx *c, struct ews_item *item, const xmlNode *element, struct ews_error *err)
{
	const struct ews_ext_name *name;
	char **values;
	size_t n;
	int rc = ews_ext_read(c, element, &name, &values, &n, err);

	if (!rc)
		rc = ews_ext_set(c->ews, item, name, values, n, err);
	ews_strings_free(values, n);
	return rc;
}

/* The subject of a message that comes as MIME; the rest of it stays MIME. */
static void parse_mime(struct ews_item *item, int prop, const xmlNode *element)
{
	char *text AUTOFREE = xml_content(element);
	size_t len = 0;
	unsigned char *raw = base64_decode(text, &len);
	char *mime AUTOFREE = raw ? xstrndup((char *)raw, len) : NULL;
	const char *subject = mime ? strstr(mime, "Subject:") : NULL;

	ews_put(item, prop, 0, 0, text);
	if (subject && (subject == mime || subject[-1] == '\n')) {
		char *value;

		subject += 8;
		subject += strspn(subject, " \t");
		value = xstrndup(subject, strcspn(subject, "\r\n"));
		ews_put_uri(item, "item:Subject", value);
		free(value);
	}
	free(raw);
}

/* By its Windows id; what a request says of its rules says nothing new. */
static int parse_zone(struct ews_ctx *c, struct ews_item *item, int prop, const xmlNode *element,
	struct ews_error *err)
{
	bool legacy = !strcmp(ews_props[prop].element, "MeetingTimeZone");
	char *id AUTOFREE = xml_get(element, legacy ? "TimeZoneName" : "Id");

	if (!ews_zone_display(c->ews, id))
		return ews_fail(err, "ErrorCalendarInvalidTimeZone",
			"The time zone %s is not known here.", id ? id : "");
	ews_put(item, prop, 0, 0, id);
	return 0;
}

/* A recurrence is kept as the server writes it. */
static int parse_recurrence(
	struct ews_item *item, int prop, const xmlNode *element, struct ews_error *err)
{
	struct ews_recurrence r;
	char *text AUTOFREE = NULL;

	if (ews_recurrence_parse(element, &r, err))
		return -1;
	text = ews_recurrence_text(&r);
	ews_put(item, prop, 0, 0, text);
	return 0;
}

static int parse_row(struct ews_ctx *c, struct ews_item *item, int prop, const xmlNode *element,
	struct ews_error *err)
{
	switch (ews_props[prop].type) {
	case EWS_T_LIST:
		parse_list(item, prop, element);
		return 0;
	case EWS_T_BODY:
		return parse_body(c, item, prop, element, err);
	case EWS_T_EMAILS:
	case EWS_T_DICT:
	case EWS_T_ADDRESSES:
		xml_each(entry, element) if (parse_entry(c, item, prop, entry, err)) return -1;
		return 0;
	case EWS_T_EXTENDED:
		return parse_extended(c, item, element, err);
	case EWS_T_ZONE:
		return parse_zone(c, item, prop, element, err);
	case EWS_T_XML:
	case EWS_T_MAILBOX:
		if (!strcmp(ews_props[prop].element, "MimeContent")) {
			parse_mime(item, prop, element);
		} else if (!strcmp(ews_props[prop].element, "Members")) {
			char *members AUTOFREE = ews_members_read(element);

			ews_put(item, prop, 0, 0, members);
		} else if (!strcmp(ews_props[prop].element, "Recurrence")) {
			return parse_recurrence(item, prop, element, err);
		} else {
			char *inner AUTOFREE = xml_inner(element);

			ews_put(item, prop, 0, 0, inner);
		}
		return 0;
	default:
		return parse_simple(c, item, prop, element, err);
	}
}

int ews_parse_property(
	struct ews_ctx *c, struct ews_item *item, const xmlNode *element, struct ews_error *err)
{
	int prop = ews_prop_by_element(item->kind, (const char *)element->name);

	if (prop < 0) {
		ews_schema_fault(c, element->line, "The element has invalid child element '%s'.",
			(const char *)element->name);
		return ews_fail(err, "ErrorSchemaValidation", "unknown property");
	}
	if ((ews_props[prop].flags & EWS_F_READONLY && !item->seeding) ||
		ews_props[prop].type == EWS_T_ID)
		return ews_fail(err, "ErrorInvalidPropertySet",
			"Set action is invalid for property %s.",
			ews_props[prop].uri ? ews_props[prop].uri : ews_props[prop].element);
	return parse_row(c, item, prop, element, err);
}

int ews_parse_item(
	struct ews_ctx *c, struct ews_item *item, const xmlNode *element, struct ews_error *err)
{
	xml_each(property, element) if (ews_parse_property(c, item, property, err)) return -1;
	return 0;
}
