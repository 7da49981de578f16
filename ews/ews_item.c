/* GetItem: whole items, in batches of 100.
 *
 * Properties are asked for by name, one path a row of the kind's table, because servers leave
 * some of them out of their named shapes.  A batch whose answer is beyond the size limit is asked
 * for again in halves, so that one huge item fails alone. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "ews/ews_event.h"
#include "ews/ews_private.h"
#include "ews/ews_time.h"
#include "sync/formats/data_uri.h"
#include "sync/mem.h"

#define TAG_SEARCH_KEY 0x300B
#define KEY_LIMIT      ((size_t)1024) /* bytes of a key */

void ews_write_item_ids(struct buf *out, const char *const *ids, size_t n)
{
	xml_start(out, "m:ItemIds");
	for (size_t i = 0; i < n; i++)
		xml_empty(out, "t:ItemId", "Id", ids[i]);
	xml_end(out, "m:ItemIds");
}

void ews_write_get_items(
	struct buf *out, const struct ews_kind *kind, const char *const *ids, size_t n)
{
	xml_start(out, "m:GetItem");
	xml_start(out, "m:ItemShape");
	xml_element(out, "t:BaseShape", "IdOnly");
	xml_element(out, "t:BodyType", "Text");
	xml_start(out, "t:AdditionalProperties");
	ews_wire_write_paths(out, kind->table);
	for (size_t i = 0; kind->also[i]; i++)
		xml_empty(out, "t:FieldURI", "FieldURI", kind->also[i]);
	xml_end(out, "t:AdditionalProperties");
	xml_end(out, "m:ItemShape");
	ews_write_item_ids(out, ids, n);
	xml_end(out, "m:GetItem");
}

/* PidTagSearchKey: base64 on the wire, hex in the store.  NULL when it is absent or not base64. */
static char *read_key(const xmlNode *node)
{
	static const char digits[] = "0123456789abcdef";
	struct buf bytes AUTOBUF = BUF_INIT(KEY_LIMIT), hex AUTOBUF = BUF_INIT(2 * KEY_LIMIT);
	char *text AUTOFREE = ews_wire_read_property(node, TAG_SEARCH_KEY);

	if (!text || !data_base64_read(text, strlen(text), &bytes) || bytes.failed || !bytes.len)
		return NULL;
	for (size_t i = 0; i < bytes.len; i++) {
		unsigned char byte = (unsigned char)bytes.data[i];

		buf_addc(&hex, digits[byte >> 4]);
		buf_addc(&hex, digits[byte & 15]);
	}
	return buf_take(&hex);
}

/* "IPM.Contact" and "IPM.Contact.Custom", but no other class. */
static bool is_of_class(const char *item_class, const char *wanted)
{
	size_t len = strlen(wanted);

	return !strncasecmp(item_class, wanted, len) &&
	       (item_class[len] == '\0' || item_class[len] == '.');
}

static void judge_class(const struct ews_kind *kind, const xmlNode *node, struct mailbox_item *item)
{
	char *item_class AUTOFREE = xml_child_text(node, "ItemClass");

	if (kind->kind == KIND_CONTACT && ews_list_is(node, item_class))
		return;
	if (!xml_is(node, kind->item) ||
		(item_class && *item_class && !is_of_class(item_class, kind->item_class))) {
		item->unsupported = true;
		item->why = xasprintf("an item of the class %.200s is not shown here",
			item_class && *item_class ? item_class : (const char *)node->name);
	}
}

void ews_read_item(const struct ews_kind *kind, const xmlNode *node, struct mailbox_item *item)
{
	xmlNode *id = xml_child(node, "ItemId");
	char *modified AUTOFREE = xml_child_text(node, "LastModifiedTime");

	item->id = xml_attribute(id, "Id");
	item->version = xml_attribute(id, "ChangeKey");
	item->folder_id = xml_attribute(xml_child(node, "ParentFolderId"), "Id");
	item->key = read_key(node);
	item->modified_by = xml_child_text(node, "LastModifiedName");
	if (!ews_time_parse(modified, &item->modified))
		item->modified = 0;
	item->fields = json_object();
	item->unread = json_array();
	judge_class(kind, node, item);
	ews_wire_read(kind->table, node, item->fields, item->unread, &item->marks);
	if (ews_photo_is_doubled(node))
		item->doubled = json_pack("[s]", EWS_PHOTO_FIELD);
	if (!json_array_size(item->unread)) {
		json_decref(item->unread);
		item->unread = NULL;
	}
}

/* With impersonation Exchange shows the mailbox's owner, or the account that signed in, by display
 * name or by account: only the account's own name is certain. */
static bool is_us(const struct mailbox *mailbox, const char *name)
{
	return name && !strcasecmp(name, mailbox->user) &&
	       strcasecmp(mailbox->user, mailbox->address) != 0;
}

/* An event is told by its UID; times become the hub's; exceptions of a series are noted.  Of an occurrence
 * (`exceptions` is NULL) there are none, whatever the answer says. */
static void finish_event(struct mailbox *mailbox, const xmlNode *node, struct mailbox_item *item,
	struct ews_exceptions *exceptions)
{
	const char *uid = json_string_value(json_object_get(item->fields, "UID"));
	bool known = ews_event_from_wire(&mailbox->zones, item->fields);

	if (uid) {
		free(item->key);
		item->key = xstrdup(uid);
		if (!item->marks.uid) /* what we called a copy, which has the other's UID */
			item->marks.uid = xstrdup(uid);
	}
	if (!known && xml_child(node, "Recurrence")) {
		item->unsupported = true;
		item->why = xstrdup("a series in a time zone that nobody knows is not shown here");
	} else if (!json_object_get(item->fields, "Start")) {
		item->unsupported = true;
		item->why = xstrdup("its start cannot be read");
	} else if (exceptions) {
		ews_read_occurrences(mailbox, node, item, exceptions);
	}
}

static int read_message(struct mailbox *mailbox, const struct ews_kind *kind,
	const xmlNode *message, struct mailbox_item *item, struct ews_exceptions *exceptions)
{
	xmlNode *node = xml_first(xml_child(message, "Items"));

	if (ews_message_error(mailbox, message, EWS_READS, &item->error))
		return item->error.code;
	if (!node)
		return error_set(
			&item->error, ERR_REMOTE, "GetItem: Exchange's answer lacks the item");
	ews_read_item(kind, node, item);
	if (!item->id)
		return error_set(
			&item->error, ERR_REMOTE, "GetItem: Exchange's answer lacks the item's id");
	item->modified_by_us = is_us(mailbox, item->modified_by);
	if (kind->kind == KIND_EVENT && !item->unsupported)
		finish_event(mailbox, node, item, exceptions);
	return 0;
}

static void clear_items(struct mailbox_item *items, size_t n)
{
	for (size_t i = 0; i < n; i++)
		mailbox_item_clear(&items[i]);
}

static int read_batch(struct mailbox *mailbox, const struct ews_kind *kind,
	const struct ews_answer *answer, struct mailbox_item *items, size_t n,
	struct ews_exceptions *exceptions, struct error *err)
{
	xmlNode *message = ews_first_message(answer);

	for (size_t i = 0; i < n; i++, message = xml_next(message)) {
		if (!message)
			return error_set(err, ERR_REMOTE,
				"GetItem: Exchange answered %zu of %zu items", i, n);
		if (read_message(mailbox, kind, message, &items[i], exceptions) == ERR_THROTTLED) {
			ews_error_copy(err, &items[i].error, ERR_THROTTLED);
			return ERR_THROTTLED;
		}
	}
	return 0;
}

static int get_batch(struct mailbox *mailbox, const struct ews_kind *kind, const char *const *ids,
	size_t n, bool occurrences, struct mailbox_item *items, struct error *err)
{
	struct buf payload AUTOBUF = BUF_INIT(EWS_REQUEST_LIMIT);
	struct ews_exceptions exceptions = { 0 };
	struct ews_answer answer;
	int rc;

	ews_write_get_items(&payload, kind, ids, n);
	rc = ews_call(mailbox, "GetItem", EWS_READS, &payload, &answer, err);
	if (!rc)
		rc = read_batch(
			mailbox, kind, &answer, items, n, occurrences ? NULL : &exceptions, err);
	ews_answer_free(&answer);
	if (!rc)
		rc = ews_get_exceptions(mailbox, &exceptions, err);
	ews_exceptions_clear(&exceptions);
	if (!rc)
		return 0;
	clear_items(items, n);
	if (rc != ERR_TOO_BIG)
		return rc;
	if (n == 1) {
		error_set(&items[0].error, ERR_TOO_BIG, "the item is larger than %zu bytes",
			EWS_ANSWER_LIMIT);
		return 0;
	}
	rc = get_batch(mailbox, kind, ids, n / 2, occurrences, items, err);
	return rc ? rc
		  : get_batch(
			    mailbox, kind, ids + n / 2, n - n / 2, occurrences, items + n / 2, err);
}

static int get_all(struct mailbox *mailbox, enum item_kind kind, const char *const *ids, size_t n,
	bool occurrences, struct mailbox_item *items, struct error *err)
{
	int rc = 0;
	size_t i;

	memset(items, 0, n * sizeof(*items));
	for (i = 0; i < n && !rc; i += EWS_BATCH) {
		size_t count = n - i < EWS_BATCH ? n - i : EWS_BATCH;

		rc = get_batch(
			mailbox, &ews_kinds[kind], ids + i, count, occurrences, items + i, err);
	}
	if (rc)
		clear_items(items, n);
	return rc;
}

int ews_get_items(struct mailbox *mailbox, enum item_kind kind, const char *const *ids, size_t n,
	struct mailbox_item *items, struct error *err)
{
	return get_all(mailbox, kind, ids, n, false, items, err);
}

int ews_get_occurrences(struct mailbox *mailbox, const char *const *ids, size_t n,
	struct mailbox_item *items, struct error *err)
{
	return get_all(mailbox, KIND_EVENT, ids, n, true, items, err);
}

int ews_get_version(struct mailbox *mailbox, const char *id, char **version, struct error *err)
{
	struct buf payload AUTOBUF = BUF_INIT(EWS_REQUEST_LIMIT);
	struct ews_answer answer;
	xmlNode *message;
	int rc;

	*version = NULL;
	xml_start(&payload, "m:GetItem");
	xml_start(&payload, "m:ItemShape");
	xml_element(&payload, "t:BaseShape", "IdOnly");
	xml_end(&payload, "m:ItemShape");
	xml_start(&payload, "m:ItemIds");
	xml_empty(&payload, "t:ItemId", "Id", id);
	xml_end(&payload, "m:ItemIds");
	xml_end(&payload, "m:GetItem");
	rc = ews_call_one(mailbox, "GetItem", EWS_READS, &payload, &answer, &message, err);
	if (!rc) {
		*version = xml_attribute(xml_find(message, "ItemId"), "ChangeKey");
		if (!*version)
			rc = error_set(
				err, ERR_REMOTE, "GetItem: Exchange's answer lacks the ChangeKey");
	}
	ews_answer_free(&answer);
	return rc;
}
