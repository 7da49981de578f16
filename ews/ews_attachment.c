/* A contact's photo: an attachment with IsContactPhoto.
 *
 * GetItem lists the attachments of an item without their contents.  Of a photo that list gives a token
 * (id, size, time: attachments never change otherwise), and GetAttachment the bytes when the hub asks for
 * them.  Photos larger than EWS_PHOTO_LIMIT are neither fetched nor sent.
 *
 * A photo is written after the item: the item's attachments are listed, the new photo is made, then every
 * photo of that list is deleted.  Cut short anywhere, the contact has the old photo, or both, and doing it
 * again ends with the new one alone.  What we make carries its digest as ContentId, so that it is known
 * again: when it is there already, nothing is made, and a contact of whose several photos one is ours is
 * one that was not finished.  Several that are all somebody else's are left alone.
 *
 * Neither CreateAttachment nor DeleteAttachment takes a ChangeKey; a contact that changed since our
 * update is left for the hub to read first. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "ews/ews_form.h"
#include "ews/ews_private.h"
#include "sync/formats/data_uri.h"
#include "sync/mem.h"

#define PHOTO_NAME    "ContactPicture.jpg" /* as Outlook calls it, whatever the format */
#define OUR_MARK      "@tandemfs"	   /* ends the ContentId of what we made */
#define BATCH_BYTES   ((size_t)8 << 20)	   /* of photos in one answer */
#define BATCH_PHOTOS  25
#define DEFAULT_PHOTO "image/jpeg"

/* ---- reading ----------------------------------------------------------------------------------- */

static bool is_photo(const xmlNode *node)
{
	return xml_is(node, "FileAttachment") &&
	       xml_boolean(xml_child(node, "IsContactPhoto"), false);
}

/* The photo that counts: the last of the list, which is the newest. */
static xmlNode *find_photo(const xmlNode *item)
{
	xmlNode *node = xml_first(xml_child(item, "Attachments")), *found = NULL;

	for (; node; node = xml_next(node))
		if (is_photo(node))
			found = node;
	return found;
}

static size_t size_of(const xmlNode *photo)
{
	char *text AUTOFREE = xml_child_text(photo, "Size");

	return text ? strtoul(text, NULL, 10) : 0;
}

bool ews_photo_read(const struct field *row, const xmlNode *node, json_t *fields)
{
	xmlNode *photo = find_photo(node);
	char *id AUTOFREE = xml_attribute(xml_child(photo, "AttachmentId"), "Id");
	char *time AUTOFREE = xml_child_text(photo, "LastModifiedTime");

	if (!photo)
		return true;
	if (!id || size_of(photo) > EWS_PHOTO_LIMIT)
		return false;
	json_object_set_new(fields, row->name,
		json_sprintf("%zu %s %s", size_of(photo), time ? time : "-", id));
	return true;
}

/* The ContentId of a photo with these bytes that is ours.  New string, NULL when uri holds none. */
static char *content_id(const char *uri)
{
	char *digest AUTOFREE = data_uri_digest(uri);
	const char *hex = digest ? strchr(digest, ':') : NULL;

	return hex ? xasprintf("%s" OUR_MARK, hex + 1) : NULL;
}

static bool is_ours(const xmlNode *photo)
{
	char *id AUTOFREE = xml_child_text(photo, "ContentId");
	size_t len = id ? strlen(id) : 0, mark = strlen(OUR_MARK);

	return len > mark && !strcmp(id + len - mark, OUR_MARK);
}

bool ews_photo_is_doubled(const xmlNode *item)
{
	xmlNode *node = xml_first(xml_child(item, "Attachments"));
	size_t count = 0, ours = 0;

	for (; node; node = xml_next(node)) {
		count += is_photo(node);
		ours += is_photo(node) && is_ours(node);
	}
	return count > 1 && ours;
}

/* The id in a token, which is its last word. */
static const char *id_of(const char *token)
{
	const char *space = strrchr(token, ' ');

	return space ? space + 1 : token;
}

static void start_ids(struct buf *out, const char *operation)
{
	xml_start(out, operation);
	xml_start(out, "m:AttachmentIds");
}

static void end_ids(struct buf *out, const char *operation)
{
	xml_end(out, "m:AttachmentIds");
	xml_end(out, operation);
}

static json_t *whole_of(const xmlNode *file, struct error *err)
{
	char *text AUTOFREE = xml_child_text(file, "Content");
	char *type AUTOFREE = xml_child_text(file, "ContentType");
	struct buf bytes AUTOBUF = BUF_INIT(EWS_PHOTO_LIMIT);
	bool image = type && !strncasecmp(type, "image/", 6);
	char *uri AUTOFREE = NULL;

	if (!text || !data_base64_read(text, strlen(text), &bytes) || !bytes.len) {
		error_set(err, ERR_REMOTE, "GetAttachment: the photo has no content");
		return NULL;
	}
	if (buf_check(&bytes, "the photo", err))
		return NULL;
	uri = data_uri_make(image ? type : NULL, buf_str(&bytes), bytes.len);
	return json_string(uri);
}

static int get_batch(
	struct mailbox *mailbox, struct mailbox_apart *parts, size_t n, struct error *err)
{
	struct buf payload AUTOBUF = BUF_INIT(EWS_REQUEST_LIMIT);
	struct ews_answer answer;
	xmlNode *message;
	int rc;

	start_ids(&payload, "m:GetAttachment");
	for (size_t i = 0; i < n; i++)
		xml_empty(&payload, "t:AttachmentId", "Id", id_of(parts[i].token));
	end_ids(&payload, "m:GetAttachment");
	rc = ews_call(mailbox, "GetAttachment", EWS_READS, &payload, &answer, err);
	message = rc ? NULL : ews_first_message(&answer);
	for (size_t i = 0; !rc && i < n; i++, message = message ? xml_next(message) : NULL) {
		struct error *one = &parts[i].error;

		if (!message)
			rc = error_set(err, ERR_REMOTE,
				"GetAttachment: Exchange answered %zu of %zu photos", i, n);
		else if (ews_message_error(mailbox, message, EWS_READS, one) == ERR_THROTTLED)
			rc = error_set(err, ERR_THROTTLED, "%s", one->text);
		else if (!one->code)
			parts[i].whole = whole_of(
				xml_first(xml_child(message, "Attachments")), one);
	}
	ews_answer_free(&answer);
	return rc;
}

int ews_get_apart(struct mailbox *mailbox, struct mailbox_apart *parts, size_t n, struct error *err)
{
	int rc = 0;

	for (size_t i = 0; i < n; i++) {
		parts[i].whole = NULL;
		parts[i].error = (struct error)ERROR_INIT;
	}
	for (size_t i = 0, count; i < n && !rc; i += count) {
		size_t bytes = 0;

		for (count = 0; i + count < n && count < BATCH_PHOTOS && bytes < BATCH_BYTES;
			count++)
			bytes += strtoul(parts[i + count].token, NULL, 10);
		rc = get_batch(mailbox, parts + i, count, err);
	}
	return rc;
}

/* ---- writing ----------------------------------------------------------------------------------- */

/* The row of the kind's table that is a photo, or NULL. */
static const struct field *photo_row(enum item_kind kind)
{
	const struct field_table *table = ews_kinds[kind].table;

	for (size_t i = 0; i < table->n; i++)
		if (ews_wire_of(&table->rows[i])->form == EWS_PHOTO)
			return &table->rows[i];
	return NULL;
}

/* Is the photo among what this op sends? */
static bool sends(enum mailbox_op_type type, const struct mailbox_op *op, const struct field *row)
{
	const json_t *name;
	size_t i;

	if (type == MAILBOX_CREATE)
		return json_object_get(op->wholes, row->name);
	json_array_foreach((json_t *)op->changed, i, name) {
		if (!strcmp(json_string_value(name), row->name))
			return true;
	}
	return false;
}

/* A request with one message: its ChangeKey of the item afterwards, if it names one.  *fatal: it is of
 * no use to send anything more. */
static int step(struct mailbox *mailbox, const char *operation, enum ews_effect effect,
	const struct buf *payload, struct ews_answer *answer, bool *fatal, struct error *err)
{
	int rc = ews_call(mailbox, operation, effect, payload, answer, err);
	xmlNode *message;

	*fatal = rc && rc != ERR_INTERNAL && rc != ERR_TOO_BIG;
	message = rc ? NULL : ews_first_message(answer);
	if (!rc && !message)
		rc = error_set(err, effect == EWS_WRITES ? ERR_LOST : ERR_REMOTE,
			"%s: Exchange's answer has no response message", operation);
	for (; !rc && message; message = xml_next(message))
		rc = ews_message_error(mailbox, message, effect, err);
	*fatal = *fatal || rc == ERR_THROTTLED;
	return rc;
}

static void take_version(struct mailbox_op *op, const xmlNode *response)
{
	xmlNode *id = xml_find(response, "RootItemId");
	char *version;

	if (!id)
		id = xml_find(response, "AttachmentId");
	version = xml_attribute(id, "RootItemChangeKey");
	if (!version)
		return;
	free(op->new_version);
	op->new_version = version;
}

/* The photos that the item has now and that are to go, as <t:AttachmentId/> elements in `old`.  *there:
 * one with the ContentId `ours` (may be NULL) is among them already, and stays. */
static void read_old(const xmlNode *item, const char *ours, struct buf *old, bool *there)
{
	xmlNode *node = xml_first(xml_child(item, "Attachments"));

	for (; node; node = xml_next(node)) {
		char *id AUTOFREE = xml_attribute(xml_child(node, "AttachmentId"), "Id");
		char *content AUTOFREE = xml_child_text(node, "ContentId");

		if (!is_photo(node) || !id)
			continue;
		if (!*there && ours && content && !strcmp(content, ours))
			*there = true;
		else
			xml_empty(old, "t:AttachmentId", "Id", id);
	}
}

static int list_photos(struct mailbox *mailbox, const struct mailbox_op *op, const char *ours,
	struct buf *old, bool *there, bool *fatal, struct error *err)
{
	struct buf payload AUTOBUF = BUF_INIT(EWS_REQUEST_LIMIT);
	struct ews_answer answer;
	xmlNode *item = NULL;
	int rc;

	xml_start(&payload, "m:GetItem");
	xml_start(&payload, "m:ItemShape");
	xml_element(&payload, "t:BaseShape", "IdOnly");
	xml_start(&payload, "t:AdditionalProperties");
	xml_empty(&payload, "t:FieldURI", "FieldURI", "item:Attachments");
	xml_end(&payload, "t:AdditionalProperties");
	xml_end(&payload, "m:ItemShape");
	xml_start(&payload, "m:ItemIds");
	xml_empty(&payload, "t:ItemId", "Id", op->new_id);
	xml_end(&payload, "m:ItemIds");
	xml_end(&payload, "m:GetItem");
	rc = step(mailbox, "GetItem", EWS_READS, &payload, &answer, fatal, err);
	if (!rc) {
		item = xml_first(xml_child(ews_first_message(&answer), "Items"));
		if (!xml_attribute_is(xml_child(item, "ItemId"), "ChangeKey", op->new_version))
			rc = error_set(err, ERR_CONFLICT, "the contact changed in Exchange");
	}
	if (!rc)
		read_old(item, ours, old, there);
	ews_answer_free(&answer);
	return rc;
}

static int create_photo(struct mailbox *mailbox, struct mailbox_op *op, const char *uri,
	const char *ours, bool *fatal, struct error *err)
{
	struct buf payload AUTOBUF = BUF_INIT(EWS_REQUEST_LIMIT);
	struct buf bytes AUTOBUF = BUF_INIT(EWS_PHOTO_LIMIT);
	char *type AUTOFREE = NULL, *content AUTOFREE = NULL;
	struct ews_answer answer;
	int rc;

	if (!data_uri_read(uri, &type, &bytes) && !bytes.failed)
		return error_set(err, ERR_INVALID, "not a good data: URI");
	if (bytes.failed)
		return error_set(err, ERR_TOO_BIG, "larger than %zu bytes", EWS_PHOTO_LIMIT);
	content = data_base64(buf_str(&bytes), bytes.len);
	xml_start(&payload, "m:CreateAttachment");
	xml_empty(&payload, "m:ParentItemId", "Id", op->new_id, "ChangeKey", op->new_version);
	xml_start(&payload, "m:Attachments");
	xml_start(&payload, "t:FileAttachment");
	xml_element(&payload, "t:Name", PHOTO_NAME);
	xml_element(&payload, "t:ContentType", type ? type : DEFAULT_PHOTO);
	xml_element(&payload, "t:ContentId", ours);
	xml_element(&payload, "t:IsContactPhoto", "true");
	xml_element(&payload, "t:Content", content);
	xml_end(&payload, "t:FileAttachment");
	xml_end(&payload, "m:Attachments");
	xml_end(&payload, "m:CreateAttachment");
	rc = step(mailbox, "CreateAttachment", EWS_WRITES, &payload, &answer, fatal, err);
	if (!rc)
		take_version(op, answer.response);
	ews_answer_free(&answer);
	return rc;
}

static int delete_photos(struct mailbox *mailbox, struct mailbox_op *op, const struct buf *old,
	bool *fatal, struct error *err)
{
	struct buf payload AUTOBUF = BUF_INIT(EWS_REQUEST_LIMIT);
	struct ews_answer answer;
	int rc;

	start_ids(&payload, "m:DeleteAttachment");
	buf_add(&payload, buf_str(old), old->len);
	end_ids(&payload, "m:DeleteAttachment");
	rc = step(mailbox, "DeleteAttachment", EWS_WRITES, &payload, &answer, fatal, err);
	if (!rc)
		take_version(op, answer.response);
	ews_answer_free(&answer);
	return rc == ERR_NOT_FOUND ? 0 : rc; /* somebody else was faster */
}

static int write_photo(struct mailbox *mailbox, enum mailbox_op_type type, struct mailbox_op *op,
	const struct field *row, bool *fatal, struct error *err)
{
	const char *uri = json_string_value(json_object_get(op->wholes, row->name));
	char *ours AUTOFREE = uri ? content_id(uri) : NULL;
	struct buf old AUTOBUF = BUF_INIT(EWS_REQUEST_LIMIT);
	bool there = false;
	int rc = 0;

	if (type == MAILBOX_UPDATE) /* a new item has none */
		rc = list_photos(mailbox, op, ours, &old, &there, fatal, err);
	if (!rc && uri && !there)
		rc = create_photo(mailbox, op, uri, ours, fatal, err);
	if (!rc && old.len)
		rc = delete_photos(mailbox, op, &old, fatal, err);
	return rc;
}

static void leave(struct mailbox_op *op, const struct field *row, const struct error *why,
	enum error_code code)
{
	op->left = json_pack("[s]", row->name);
	ews_error_copy(&op->left_error, why, code);
	error_prefix(&op->left_error, "%s", row->name);
}

int ews_write_photos(struct mailbox *mailbox, enum mailbox_op_type type, struct mailbox_op *ops,
	size_t n, int rc, struct error *err)
{
	const struct field *row = n && type <= MAILBOX_UPDATE ? photo_row(ops[0].kind) : NULL;

	for (size_t i = 0; row && i < n; i++) {
		struct error why = ERROR_INIT;
		bool fatal = false;

		if (ops[i].error.code || !sends(type, &ops[i], row))
			continue;
		if (rc)
			leave(&ops[i], row, err, ERR_UNSENT);
		else if (write_photo(mailbox, type, &ops[i], row, &fatal, &why))
			leave(&ops[i], row, &why, why.code);
		if (fatal) {
			ews_error_copy(err, &why, why.code);
			rc = why.code;
		}
	}
	return rc;
}
