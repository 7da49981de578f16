/* What a request wants to see of items (ItemShape), and an item written in that shape.
 *
 * A shape is resolved once a request into one mask a row of the table; an item is then written by
 * walking the rows, which stand in schema order.  What Exchange keeps outside the folder's table
 * (bodies, recipients, MIME) FindItem and SyncFolderItems do not give; asked for by name, the first
 * refuses, the second leaves it out. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sync/mem.h"
#include "tests/sim/ews.h"

#define WHOLE (~0u)

static unsigned int key_bit(const struct ews_prop *row, int key, int part)
{
	if (key < 0)
		return WHOLE;
	return row->type == EWS_T_ADDRESSES ? 1u << (key * 5 + part) : 1u << key;
}

/* Selects a row and those that other kinds have under the same FieldURI. */
static void select_row(struct ews_shape *shape, int prop, unsigned int mask)
{
	const char *uri = ews_props[prop].uri;

	shape->sel[prop] |= mask;
	for (size_t i = (size_t)prop + 1; uri && i < ews_n_props; i++)
		if (ews_props[i].uri && !strcmp(ews_props[i].uri, uri))
			shape->sel[i] |= mask;
}

bool ews_is_path(const xmlNode *node)
{
	return xml_is(node, "FieldURI") || xml_is(node, "IndexedFieldURI") ||
	       xml_is(node, "ExtendedFieldURI");
}

/* FieldURIs of the schema that are no property of a kind of item we have. */
static bool foreign(const char *uri)
{
	static const char *const prefixes[] = { "folder:", "meeting:", "meetingRequest:",
		"postitem:", "conversation:", "person:", "persona:", "rolemember:", "network:",
		"abchperson:" };

	for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++)
		if (!strncmp(uri, prefixes[i], strlen(prefixes[i])))
			return true;
	return false;
}

static int read_indexed(const xmlNode *node, struct ews_path *out, struct ews_error *err)
{
	char *uri AUTOFREE = xml_get(node, "FieldURI");
	char *index AUTOFREE = xml_get(node, "FieldIndex");

	out->prop = ews_prop_by_indexed(uri, &out->part);
	out->key = out->prop < 0 ? -1 : ews_key_index(ews_props[out->prop].keys, index);
	if (out->prop >= 0 && out->key < 0)
		return ews_fail(err,
			ews_props[out->prop].type == EWS_T_EMAILS ? "ErrorInvalidContactEmailIndex"
								  : "ErrorInvalidPropertyRequest",
			"The index %s is not one of %s.", index, uri);
	if (out->prop < 0)
		return ews_fail(err, "ErrorInvalidPropertyRequest",
			"The property %s is not supported.", uri);
	return 0;
}

int ews_path_read(
	struct ews_ctx *c, const xmlNode *node, struct ews_path *out, struct ews_error *err)
{
	char *uri AUTOFREE = NULL;

	*out = (struct ews_path){ .prop = -1, .key = -1, .part = -1, .folder_prop = -1 };
	if (xml_is(node, "ExtendedFieldURI")) {
		out->ext = ews_ext_intern(c, node, err);
		return out->ext ? 0 : -1;
	}
	if (xml_is(node, "IndexedFieldURI"))
		return read_indexed(node, out, err);
	uri = xml_get(node, "FieldURI");
	out->prop = ews_prop_by_uri(c->ews, uri);
	out->folder_prop = ews_folder_prop(uri);
	if (out->folder_prop >= 0)
		return 0;
	if (out->prop < 0 && !foreign(uri)) {
		ews_schema_fault(c, node->line,
			"The 'FieldURI' attribute is invalid - The value '%s' "
			"is invalid according to its datatype 'UnindexedFieldURIType' - The "
			"Enumeration constraint failed.",
			uri);
		return ews_fail(err, "ErrorSchemaValidation", "unknown FieldURI");
	}
	return 0;
}

static int add_path(
	struct ews_ctx *c, const xmlNode *node, struct ews_shape *out, struct ews_error *err)
{
	struct ews_path path;

	if (ews_path_read(c, node, &path, err))
		return -1;
	if (path.ext) {
		out->ext = xreallocarray(out->ext, out->n_ext + 1, sizeof(*out->ext));
		out->ext[out->n_ext++] = (struct ews_shape_ext){ .name = path.ext,
			.uri_text = ews_ext_uri_text(node) };
		return 0;
	}
	if (path.prop < 0)
		return 0; /* of another kind of item, as are the rows that don't fit an item */
	if (out->reach == EWS_SYNC && (ews_props[path.prop].flags & EWS_F_NOFIND))
		return 0;
	if (out->reach == EWS_FIND && (ews_props[path.prop].flags & EWS_F_NOFIND))
		return ews_fail(err, "ErrorInvalidPropertyForOperation",
			"The property %s can't be returned by this operation, use GetItem.",
			ews_props[path.prop].uri);
	select_row(out, path.prop, key_bit(&ews_props[path.prop], path.key, path.part));
	return 0;
}

static void select_base(struct ews_shape *out, const char *base)
{
	unsigned int flag = !strcmp(base, "AllProperties") ? EWS_F_ALL
			    : !strcmp(base, "Default")	   ? EWS_F_DEFAULT
							   : 0;

	select_row(out, ews_prop_by_element(EWS_EVERY, "ItemId"), WHOLE);
	for (size_t i = 0; i < ews_n_props; i++)
		if ((ews_props[i].flags & flag) &&
			(out->reach == EWS_GET || !(ews_props[i].flags & EWS_F_NOFIND)))
			out->sel[i] = WHOLE;
}

int ews_shape_read(struct ews_ctx *c, const xmlNode *shape, enum ews_reach reach,
	struct ews_shape *out, struct ews_error *err)
{
	char *base AUTOFREE = xml_content(xml_child(shape, "BaseShape"));
	char *mime AUTOFREE = xml_content(xml_child(shape, "IncludeMimeContent"));
	char *body AUTOFREE = xml_content(xml_child(shape, "BodyType"));

	*out = (struct ews_shape){ .reach = reach, .mime = xml_true(mime) && reach == EWS_GET };
	snprintf(out->body, sizeof(out->body), "%s", *body ? body : "Best");
	select_base(out, base);
	if (out->mime)
		select_row(out, ews_prop_by_uri(c->ews, "item:MimeContent"), WHOLE);
	xml_each(path, xml_child(shape, "AdditionalProperties")) if (add_path(c, path, out, err))
	{
		ews_shape_free(out);
		return -1;
	}
	return 0;
}

void ews_shape_free(struct ews_shape *shape)
{
	for (size_t i = 0; i < shape->n_ext; i++)
		free(shape->ext[i].uri_text);
	free(shape->ext);
	shape->ext = NULL;
	shape->n_ext = 0;
}

/* Text of an HTML body, as far as a simulator needs it: no tags, the common entities. */
static char *html_to_text(const char *html)
{
	static const char *const entities[][2] = { { "&lt;", "<" }, { "&gt;", ">" },
		{ "&nbsp;", " " }, { "&quot;", "\"" }, { "&amp;", "&" } };
	struct buf b = BUF_INIT(EWS_ANSWER_LIMIT);

	while (*html) {
		size_t skip = 0;

		if (*html == '<') {
			if (!strncasecmp(html, "<br", 3) || !strncasecmp(html, "</p", 3))
				buf_adds(&b, "\r\n");
			if (!strncasecmp(html, "<style", 6) && strcasestr(html, "</style"))
				html = strcasestr(html, "</style");
			html += strcspn(html, ">");
			html += *html == '>';
			continue;
		}
		for (size_t i = 0; i < ARRAY_SIZE(entities) && !skip; i++)
			if (!strncmp(html, entities[i][0], strlen(entities[i][0]))) {
				buf_adds(&b, entities[i][1]);
				skip = strlen(entities[i][0]);
			}
		if (!skip)
			buf_addc(&b, *html);
		html += skip ? skip : 1;
	}
	return buf_take(&b);
}

static char *text_to_html(const char *text)
{
	struct buf b = BUF_INIT(EWS_ANSWER_LIMIT);

	buf_adds(&b, "<html><head><meta http-equiv=\"Content-Type\" "
		     "content=\"text/html; charset=utf-8\"></head><body><div class=\"PlainText\">");
	for (; *text; text++) {
		if (*text == '\n')
			buf_adds(&b, "<br>\r\n");
		else if (*text == '<' || *text == '>' || *text == '&')
			buf_adds(&b, *text == '<' ? "&lt;" : *text == '>' ? "&gt;" : "&amp;");
		else if (*text != '\r')
			buf_addc(&b, *text);
	}
	buf_adds(&b, "</div></body></html>");
	return buf_take(&b);
}

static void write_body(
	struct buf *b, const struct ews_shape *shape, const struct ews_item *item, int prop)
{
	const char *element = ews_props[prop].element;
	int body = ews_prop_by_uri(item->mailbox->ews, "item:Body");
	const char *text = ews_get(item, body, 0, 0), *stored = ews_get(item, body, 0, 1);
	const char *want = !strcmp(element, "TextBody") ? "Text" : shape->body;
	char *converted AUTOFREE = NULL;

	if (!text)
		return;
	if (!stored)
		stored = "Text";
	if (!strcmp(want, "Best"))
		want = stored;
	if (strcmp(want, stored) != 0) {
		converted = !strcmp(want, "Text") ? html_to_text(text) : text_to_html(text);
		text = converted;
	}
	buf_addf(b, "<t:%s BodyType=\"%s\">", element, want);
	xml_text(b, text);
	buf_addf(b, "</t:%s>", element);
}

static void write_list(struct buf *b, const struct ews_item *item, int prop)
{
	size_t n = 0;

	for (size_t i = 0; i < item->n_values; i++) {
		const struct ews_value *v = &item->values[i];

		if (v->prop != prop || !v->text)
			continue;
		if (!n++)
			buf_addf(b, "<t:%s>", ews_props[prop].element);
		xml_element(b, "t:String", v->text);
	}
	if (n)
		buf_addf(b, "</t:%s>", ews_props[prop].element);
}

static void write_address(
	struct buf *b, const struct ews_item *item, int prop, int key, unsigned int mask)
{
	for (int part = 0; part < 5; part++) {
		const char *text = ews_get(item, prop, key, part);

		if (!text || !(mask & 1u << (key * 5 + part)))
			continue;
		buf_addf(b, "<t:%s>", ews_address_parts[part]);
		xml_text(b, text);
		buf_addf(b, "</t:%s>", ews_address_parts[part]);
	}
}

static void write_entry(
	struct buf *b, const struct ews_item *item, int prop, int key, unsigned int mask)
{
	const struct ews_prop *row = &ews_props[prop];
	const char *text = ews_get(item, prop, key, 0);
	char *name AUTOFREE = ews_key_name(row->keys, key);

	if (row->type != EWS_T_ADDRESSES && (!text || !(mask & 1u << key)))
		return;
	buf_addf(b, "<t:Entry Key=\"%s\"", name);
	if (row->type == EWS_T_EMAILS) {
		const char *shown = ews_get(item, prop, key, 1),
			   *routing = ews_get(item, prop, key, 2);

		xml_attr(b, "Name", shown ? shown : text);
		xml_attr(b, "RoutingType", routing ? routing : "SMTP");
		xml_attr(b, "MailboxType", "Contact");
	}
	buf_addc(b, '>');
	if (row->type == EWS_T_ADDRESSES)
		write_address(b, item, prop, key, mask);
	else
		xml_text(b, text);
	buf_adds(b, "</t:Entry>");
}

/* Which keys of a dictionary hold something that is wanted. */
static unsigned int keys_present(const struct ews_item *item, int prop, unsigned int mask)
{
	bool parts = ews_props[prop].type == EWS_T_ADDRESSES;
	unsigned int keys = 0;

	for (size_t i = 0; i < item->n_values; i++) {
		const struct ews_value *v = &item->values[i];

		if (v->prop != prop || !v->text || (!parts && v->part))
			continue;
		if (mask & 1u << (parts ? v->key * 5 + v->part : v->key))
			keys |= 1u << v->key;
	}
	return keys;
}

static void write_dictionary(
	struct buf *b, const struct ews_item *item, int prop, unsigned int mask)
{
	unsigned int keys = keys_present(item, prop, mask);

	if (!keys)
		return;
	buf_addf(b, "<t:%s>", ews_props[prop].element);
	for (int key = 0; keys >> key; key++)
		if (keys & 1u << key)
			write_entry(b, item, prop, key, mask);
	buf_addf(b, "</t:%s>", ews_props[prop].element);
}

static void write_id(struct buf *b, const struct ews_item *item, const char *element)
{
	if (!strcmp(element, "ItemId")) {
		ews_write_item_id(b, item);
	} else if (!strcmp(element, "ParentFolderId")) {
		ews_write_folder_id(b, "t:ParentFolderId", item->folder);
	} else if (item->kind == EWS_MESSAGE) {
		char *id AUTOFREE = base64_encode(item->search_key, EWS_KEY_LEN);

		ews_write_id(b, "t:ConversationId", id, NULL);
	}
}

static void write_extended(
	struct ews_ctx *c, const struct ews_shape *shape, const struct ews_item *item)
{
	for (size_t i = 0; i < shape->n_ext; i++) {
		char **values;
		size_t n = ews_ext_get(c->ews, item, shape->ext[i].name, &values);

		if (n)
			ews_ext_write(&c->out, shape->ext[i].name, shape->ext[i].uri_text, values,
				n, shape->max_chars);
		ews_strings_free(values, n);
	}
}

/* <t:StartTimeZone Id="..." Name="..."/>, and as Exchange 2007 names it. */
static void write_zone(struct buf *b, const struct ews_item *item, int prop)
{
	const char *element = ews_props[prop].element;
	bool legacy = !strcmp(element, "MeetingTimeZone");
	char *id AUTOFREE = ews_value_text(item, prop);

	if (!id)
		return;
	buf_addf(b, "<t:%s", element);
	xml_attr(b, legacy ? "TimeZoneName" : "Id", id);
	if (!legacy)
		xml_attr(b, "Name", ews_zone_display(item->mailbox->ews, id));
	buf_adds(b, "/>");
}

/* Times as the clock of the request's zone shows them. */
static char *in_zone(const struct ews_ctx *c, const struct ews_prop *row, const char *text)
{
	switch (row->type) {
	case EWS_T_DATE:
	case EWS_T_DAY:
		return ews_zone_stamp(c->zone, text, row->type == EWS_T_DAY);
	case EWS_T_XML:
		return ews_zone_rewrite(c->zone, text);
	default:
		return xstrdup(text);
	}
}

static void write_simple(
	struct ews_ctx *c, const struct ews_shape *shape, const struct ews_item *item, int prop)
{
	struct buf *b = &c->out;
	const struct ews_prop *row = &ews_props[prop];
	bool mime = row->type == EWS_T_XML && !strcmp(row->element, "MimeContent");
	char *kept AUTOFREE = ews_value_text(item, prop);
	char *text AUTOFREE = kept ? in_zone(c, row, kept) : NULL;

	if (!text)
		return;
	if (row->type == EWS_T_STRING)
		xml_cut(text, shape->max_chars);
	buf_addf(b, "<t:%s%s>", row->element, mime ? " CharacterSet=\"UTF-8\"" : "");
	if (row->type == EWS_T_XML || row->type == EWS_T_MAILBOX)
		buf_adds(b, text);
	else
		xml_text(b, text);
	buf_addf(b, "</t:%s>", row->element);
}

static void write_property(
	struct ews_ctx *c, const struct ews_shape *shape, const struct ews_item *item, int prop)
{
	switch (ews_props[prop].type) {
	case EWS_T_BODY:
		write_body(&c->out, shape, item, prop);
		break;
	case EWS_T_LIST:
		write_list(&c->out, item, prop);
		break;
	case EWS_T_EMAILS:
	case EWS_T_DICT:
	case EWS_T_ADDRESSES:
		write_dictionary(&c->out, item, prop, shape->sel[prop]);
		break;
	case EWS_T_ID:
		write_id(&c->out, item, ews_props[prop].element);
		break;
	case EWS_T_ZONE:
		write_zone(&c->out, item, prop);
		break;
	default:
		write_simple(c, shape, item, prop);
	}
}

void ews_shape_write(struct ews_ctx *c, const struct ews_shape *shape, const struct ews_item *item)
{
	const char *element = ews_kind_element(item->kind);

	buf_addf(&c->out, "<t:%s>", element);
	for (size_t i = 0; i < ews_n_props; i++) {
		if (!(ews_props[i].kind & item->kind))
			continue;
		if (ews_props[i].type == EWS_T_EXTENDED)
			write_extended(c, shape, item);
		else if (shape->sel[i])
			write_property(c, shape, item, (int)i);
	}
	buf_addf(&c->out, "</t:%s>", element);
}
