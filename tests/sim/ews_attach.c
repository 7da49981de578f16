/* Attachments: CreateAttachment, GetAttachment, DeleteAttachment, and what an item shows of them.
 *
 * Only files: an item as an attachment is refused.  An attachment's id holds the id of its item and a
 * number that is never given again in that item, so a move, which gives the item another id, gives its
 * attachments other ids too.  A change of the attachments is a change of the item: a new ChangeKey (in
 * the answer as RootItemChangeKey), and an update in SyncFolderItems. */
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>

#include "sync/mem.h"
#include "tests/sim/ews.h"

#define NO_ATTACHMENTS "<m:Attachments/>"
#define PHOTO_CLASS    EWS_CONTACT /* what IsContactPhoto means something for */

enum { TAIL = 11 }; /* behind the item's id: how many, the length of what follows, a number */

static void attachment_free(struct ews_attachment *a)
{
	free(a->name);
	free(a->content_type);
	free(a->content_id);
	free(a->content_location);
	free(a->content);
	free(a);
}

void ews_attachments_free(struct ews_item *item)
{
	while (item->attachments) {
		struct ews_attachment *next = item->attachments->next;

		attachment_free(item->attachments);
		item->attachments = next;
	}
}

static void append(struct ews_item *item, struct ews_attachment *a)
{
	struct ews_attachment **end = &item->attachments;

	while (*end)
		end = &(*end)->next;
	*end = a;
	a->next = NULL;
}

void ews_attachments_copy(struct ews_item *copy, const struct ews_item *item)
{
	copy->next_attachment = item->next_attachment;
	for (const struct ews_attachment *a = item->attachments; a; a = a->next) {
		struct ews_attachment *b = xmalloc(sizeof(*b));

		*b = *a;
		b->name = xstrdup(a->name);
		b->content_type = xstrdup(a->content_type);
		b->content_id = xstrdup(a->content_id);
		b->content_location = xstrdup(a->content_location);
		b->content = xmalloc(a->size + 1);
		memcpy(b->content, a->content, a->size);
		append(copy, b);
	}
}

size_t ews_attachments_size(const struct ews_item *item)
{
	size_t size = 0;

	for (const struct ews_attachment *a = item->attachments; a; a = a->next)
		size += a->size + 256;
	return size;
}

/* Ids */

/* An occurrence shows the attachments of its series. */
static char *attachment_id(const struct ews_item *item, const struct ews_attachment *a)
{
	size_t len;
	unsigned char *raw = base64_decode(item->master ? item->master->id : item->id, &len);
	unsigned char *whole AUTOFREE = xcalloc(1, len + TAIL);

	memcpy(whole, raw, len);
	free(raw);
	whole[len] = 1;
	whole[len + 1] = TAIL - 3;
	for (int i = 0; i < 8; i++)
		whole[len + 3 + i] = (unsigned char)(a->number >> (8 * (7 - i)));
	return base64_encode(whole, len + TAIL);
}

/* Takes an attachment's id apart: the id of its item (caller frees; NULL when malformed), the number. */
static char *item_of_id(const char *id, uint64_t *number)
{
	size_t len;
	unsigned char *raw = base64_decode(id, &len);
	char *item = NULL;

	if (raw && len > TAIL && raw[len - TAIL] == 1 && raw[len - TAIL + 1] == TAIL - 3 &&
		!raw[len - TAIL + 2]) {
		*number = 0;
		for (size_t i = len - 8; i < len; i++)
			*number = *number << 8 | raw[i];
		item = base64_encode(raw, len - TAIL);
	}
	free(raw);
	if (item && !ews_id_well_formed(item)) {
		free(item);
		item = NULL;
	}
	return item;
}

/* The attachment that <t:AttachmentId> names, and its item. */
static struct ews_attachment *find(
	struct ews_ctx *c, const xmlNode *node, struct ews_item **item, struct ews_error *err)
{
	char *id AUTOFREE = xml_get(node, "Id");
	uint64_t number = 0;
	char *parent AUTOFREE = item_of_id(id, &number);

	*item = NULL;
	if (!*id)
		ews_fail(err, "ErrorInvalidIdEmpty", "Id must be non-empty.");
	else if (!parent)
		ews_fail(err, "ErrorInvalidIdMalformed", "Id is malformed.");
	else
		*item = ews_item_by_id(c, parent, err);
	for (struct ews_attachment *a = *item ? (*item)->attachments : NULL; a; a = a->next)
		if (a->number == number)
			return a;
	if (*item)
		ews_fail(err, "ErrorInvalidAttachmentId",
			"The attachment ID was not found within the attachments of its item.");
	return NULL;
}

/* Writing */

static void write_attachment_id(struct buf *b, const struct ews_item *item,
	const struct ews_attachment *a, const char *change_key)
{
	char *id AUTOFREE = attachment_id(item, a);

	buf_adds(b, "<t:AttachmentId");
	xml_attr(b, "Id", id);
	if (change_key) {
		xml_attr(b, "RootItemId", item->id);
		xml_attr(b, "RootItemChangeKey", change_key);
	}
	buf_adds(b, "/>");
}

static void write_file(
	struct buf *b, const struct ews_item *item, const struct ews_attachment *a, bool content)
{
	char *modified AUTOFREE = ews_date_text(a->modified);

	buf_adds(b, "<t:FileAttachment>");
	write_attachment_id(b, item, a, NULL);
	xml_element(b, "t:Name", a->name);
	xml_element(b, "t:ContentType", a->content_type);
	xml_element(b, "t:ContentId", a->content_id);
	xml_element(b, "t:ContentLocation", a->content_location);
	xml_elementf(b, "t:Size", "%zu", a->size);
	xml_element(b, "t:LastModifiedTime", modified);
	xml_element(b, "t:IsInline", a->is_inline ? "true" : "false");
	if (item->kind == PHOTO_CLASS)
		xml_element(b, "t:IsContactPhoto", a->is_photo ? "true" : "false");
	if (content) {
		char *text AUTOFREE = base64_encode(a->content, a->size);

		xml_element(b, "t:Content", text);
	}
	buf_adds(b, "</t:FileAttachment>");
}

char *ews_c_attachments(const struct ews_item *item)
{
	struct buf b = BUF_INIT(EWS_ANSWER_LIMIT);

	if (!item->attachments)
		return NULL;
	for (const struct ews_attachment *a = item->attachments; a; a = a->next)
		write_file(&b, item, a, false);
	return buf_take(&b);
}

char *ews_c_has_attachments(const struct ews_item *item)
{
	return xstrdup(item->attachments ? "true" : "false");
}

char *ews_c_has_picture(const struct ews_item *item)
{
	for (const struct ews_attachment *a = item->attachments; a; a = a->next)
		if (a->is_photo)
			return xstrdup("true");
	return xstrdup("false");
}

json_t *ews_attachments_dump(const struct ews_item *item)
{
	json_t *out = json_array();

	for (const struct ews_attachment *a = item->attachments; a; a = a->next) {
		unsigned char digest[SHA256_DIGEST_LENGTH];
		char *hex AUTOFREE = hex_encode(
			SHA256(a->content, a->size, digest), sizeof(digest));

		json_array_append_new(
			out, json_pack("{s:s?, s:s?, s:I, s:b, s:s}", "name", a->name,
				     "content_type", a->content_type, "size", (json_int_t)a->size,
				     "is_photo", a->is_photo, "sha256", hex));
	}
	return out;
}

/* CreateAttachment */

static char *child_text(const xmlNode *node, const char *name)
{
	xmlNode *child = xml_child(node, name);

	return child ? xml_content(child) : NULL;
}

static bool child_true(const xmlNode *node, const char *name)
{
	char *text AUTOFREE = child_text(node, name);

	return xml_true(text);
}

static struct ews_attachment *read_file(
	struct ews_ctx *c, const struct ews_item *item, const xmlNode *node, struct ews_error *err)
{
	struct ews_attachment *a;
	char *content AUTOFREE = child_text(node, "Content");
	size_t size = 0;
	unsigned char *bytes;

	if (!xml_is(node, "FileAttachment")) {
		ews_fail(err, "ErrorInvalidItemForOperationCreateItemAttachment",
			"Only files can be attached here.");
		return NULL;
	}
	bytes = content ? base64_decode(content, &size) : NULL;
	if (content && !bytes)
		ews_schema_fault(c, node->line,
			"The 'Content' element is invalid - The value is invalid according to its "
			"datatype 'base64Binary'.");
	if (!bytes) {
		ews_fail(err, "ErrorRequiredPropertyMissing", "Content is missing.");
		return NULL;
	}
	if (ews_attachments_size(item) + size > c->ews->max_item) {
		ews_fail(err, "ErrorMessageSizeExceeded",
			"The message exceeds the maximum supported size.");
		free(bytes);
		return NULL;
	}
	a = xcalloc(1, sizeof(*a));
	a->name = child_text(node, "Name");
	a->content_type = child_text(node, "ContentType");
	a->content_id = child_text(node, "ContentId");
	a->content_location = child_text(node, "ContentLocation");
	a->is_inline = child_true(node, "IsInline");
	a->is_photo = item->kind == PHOTO_CLASS && child_true(node, "IsContactPhoto");
	a->content = bytes;
	a->size = size;
	a->modified = sim_now_ns(c->ews->sim);
	return a;
}

static void create_one(struct ews_ctx *c, struct ews_item *item, const xmlNode *node,
	const struct ews_error *item_err)
{
	struct ews_error err = *item_err;
	struct ews_attachment *a = NULL;
	char *key AUTOFREE = NULL;

	if (!ews_injected(c, &err) && item)
		a = read_file(c, item, node, &err);
	if (!a) {
		ews_message_error(c, &err, NO_ATTACHMENTS);
		return;
	}
	a->number = ++item->next_attachment;
	append(item, a);
	ews_item_touch(c->ews, item, ews_actor(c), false);
	key = ews_change_key(item->mailbox, item->change);
	ews_message_begin(c, "Success");
	buf_adds(&c->out, "<m:Attachments><t:FileAttachment>");
	write_attachment_id(&c->out, item, a, key);
	buf_adds(&c->out, "</t:FileAttachment></m:Attachments>");
	ews_message_end(c);
}

void ews_op_create_attachment(struct ews_ctx *c)
{
	char *parent AUTOFREE = xml_get(xml_child(c->payload, "ParentItemId"), "Id");
	struct ews_error err = { 0 };
	struct ews_item *item = ews_item_by_id(c, parent, &err);

	xml_each(node, xml_child(c->payload, "Attachments"))
	{
		create_one(c, item, node, &err);
		if (c->fault_code)
			return;
	}
}

/* GetAttachment, DeleteAttachment */

void ews_op_get_attachment(struct ews_ctx *c)
{
	xml_each(id, xml_child(c->payload, "AttachmentIds"))
	{
		struct ews_error err = { 0 };
		struct ews_attachment *a = NULL;
		struct ews_item *item;

		if (!ews_injected(c, &err))
			a = find(c, id, &item, &err);
		if (!a) {
			ews_message_error(c, &err, NO_ATTACHMENTS);
			continue;
		}
		ews_message_begin(c, "Success");
		buf_adds(&c->out, "<m:Attachments>");
		write_file(&c->out, item, a, true);
		buf_adds(&c->out, "</m:Attachments>");
		ews_message_end(c);
	}
}

static void remove_attachment(struct ews_item *item, struct ews_attachment *a)
{
	struct ews_attachment **at = &item->attachments;

	while (*at != a)
		at = &(*at)->next;
	*at = a->next;
	attachment_free(a);
}

void ews_op_delete_attachment(struct ews_ctx *c)
{
	xml_each(id, xml_child(c->payload, "AttachmentIds"))
	{
		struct ews_error err = { 0 };
		struct ews_attachment *a = NULL;
		char *key AUTOFREE = NULL;
		struct ews_item *item;

		if (!ews_injected(c, &err))
			a = find(c, id, &item, &err);
		if (!a) {
			ews_message_error(c, &err, "");
			continue;
		}
		remove_attachment(item, a);
		ews_item_touch(c->ews, item, ews_actor(c), false);
		key = ews_change_key(item->mailbox, item->change);
		ews_message_begin(c, "Success");
		buf_adds(&c->out, "<m:RootItemId");
		xml_attr(&c->out, "RootItemId", item->id);
		xml_attr(&c->out, "RootItemChangeKey", key);
		buf_adds(&c->out, "/>");
		ews_message_end(c);
	}
}
