/* Fuzzing of the EWS client: the first byte chooses what is asked, the rest is what Exchange answers,
 * one answer after the other (replay.h).  For a write, the first piece is the document as JSON.
 *
 * Whatever the answers are, requests are XML, ids are there, what is taken makes a document whose file
 * can be read, and each op of a write knows its fate. */
#include "replay.h"

#include <libxml/parser.h>

#include "documents.h"
#include "ews/ews.h"
#include "ews/ews_private.h"

#define MOST_REQUESTS 500 /* an answer leads to so many at most */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *replay_fixed(const struct http_request *request)
{
	(void)request;
	return NULL;
}

static void replay_look(const struct http_request *request)
{
	xmlDoc *doc = xmlReadMemory(request->body, (int)request->body_len, NULL, NULL,
		XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING | XML_PARSE_HUGE);

	require(doc != NULL);
	require(replay.requests <= MOST_REQUESTS);
	xmlFreeDoc(doc);
}

/* ---- reading ----------------------------------------------------------------------------------- */

static void folders(struct mailbox *box)
{
	struct mailbox_folder *list = NULL;
	char *cursor = NULL, *next = NULL;
	struct error err = ERROR_INIT;
	size_t n = 0;

	for (int pass = 0; pass < 2; pass++) {
		int rc = ews_driver.sync_folders(box, cursor, &list, &n, &next, &err);

		require(rc ? !next && err.code && *err.text : next != NULL);
		for (size_t i = 0; !rc && i < n; i++) {
			require(list[i].id && (list[i].deleted || list[i].name));
			require((unsigned int)list[i].kind < ITEM_KINDS);
			mailbox_folder_clear(&list[i]);
		}
		if (!rc)
			free(list);
		free(cursor);
		cursor = next;
		next = NULL;
		if (rc)
			break;
	}
	free(cursor);
}

static void page(struct mailbox *box)
{
	struct mailbox_page page = { 0 };
	struct error err = ERROR_INIT;

	if (ews_driver.sync_items(box, "F", NULL, &page, &err)) {
		require(err.code && *err.text);
		return;
	}
	require(page.cursor && *page.cursor);
	for (size_t i = 0; i < page.n; i++)
		require(page.changes[i].id && *page.changes[i].id);
	mailbox_page_clear(&page);
}

static void photo(struct mailbox *box, const struct mailbox_item *item)
{
	const char *token = json_string_value(json_object_get(item->fields, EWS_PHOTO_FIELD));
	struct mailbox_apart part = { .token = token };
	struct error err = ERROR_INIT;

	if (!token || ews_driver.get_apart(box, &part, 1, &err))
		return;
	require(part.error.code ? !part.whole && *part.error.text : json_is_string(part.whole));
	json_decref(part.whole);
}

static void items(struct mailbox *box, enum item_kind kind)
{
	const struct field_table table = ews_driver.fields(kind);
	const char *const ids[] = { "A", "B" };
	struct mailbox_item list[ARRAY_SIZE(ids)];
	struct error err = ERROR_INIT;

	if (ews_driver.get_items(box, kind, ids, ARRAY_SIZE(ids), list, &err)) {
		require(err.code && *err.text);
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
		if (list[i].error.code) {
			require(*list[i].error.text);
		} else {
			require(list[i].id && json_is_object(list[i].fields));
			require(!list[i].unsupported || list[i].why);
			photo(box, &list[i]);
		}
		if (!list[i].error.code && !list[i].unsupported)
			check_fields(&table, document_kind(kind), list[i].fields);
		mailbox_item_clear(&list[i]);
	}
}

static void others(struct mailbox *box)
{
	static const char *const names[] = { "CRM", "A & B" };
	struct mailbox_folder folder = { 0 };
	struct error err = ERROR_INIT;

	ews_driver.test(box, &err);
	ews_driver.add_categories(box, names, ARRAY_SIZE(names), &err);
	if (!ews_driver.create_folder(box, "P", "<A&B>", KIND_CONTACT, &folder, &err))
		require(folder.id != NULL);
	mailbox_folder_clear(&folder);
	ews_driver.rename_folder(box, "F", "V", "\"'", &err);
	ews_driver.move_folder(box, "F", "P", &err);
	ews_driver.delete_folder(box, "F", &err);
}

/* ---- writing ----------------------------------------------------------------------------------- */

/* The first piece of the input as a document that a user may have written; NULL: it is none. */
static json_t *take_document(enum item_kind kind)
{
	size_t left = (size_t)(replay.end - replay.at);
	const char *cut = left ? memchr(replay.at, REPLAY_CUT, left) : NULL;
	size_t len = cut ? (size_t)(cut - replay.at) : left;
	json_t *doc = json_loadb(replay.at, len, 0, NULL);

	replay.at = cut ? cut + 1 : replay.end;
	if (doc && !document_kind(kind)->check(doc, NULL) && !ews_driver.check(kind, doc, NULL))
		return doc;
	json_decref(doc);
	return NULL;
}

static json_t *wholes_of(const struct field_table *table, const json_t *doc)
{
	json_t *whole = field_whole(table, doc, EWS_PHOTO_FIELD), *wholes = json_object();

	if (whole)
		json_object_set_new(wholes, EWS_PHOTO_FIELD, whole);
	return wholes;
}

static void send_op(struct mailbox *box, enum mailbox_op_type type, struct mailbox_op *op)
{
	struct error err = ERROR_INIT;
	int rc = ews_driver.write_items(box, type, op, 1, &err);

	if (op->error.code)
		require(*op->error.text);
	else
		require(op->new_id || type == MAILBOX_MOVE || type == MAILBOX_DELETE);
	require(!rc || !op->error.code || op->error.code == ERR_LOST ||
		op->error.code == ERR_UNSENT);
	mailbox_op_clear(op);
}

static void write_items(struct mailbox *box, enum item_kind kind)
{
	const struct field_table table = ews_driver.fields(kind);
	json_t *doc = take_document(kind);
	json_t *fields = doc ? field_project(&table, doc, NULL, NULL) : NULL;
	json_t *names = names_of(fields), *wholes = wholes_of(&table, doc);
	struct mailbox_op op = { .id = "A",
		.version = "V",
		.folder_id = "F",
		.kind = kind,
		.fields = fields,
		.changed = names,
		.wholes = wholes,
		.marks = { .token = "t", .uid = "u&", .file_name = "<f>", .crm_link = "\x01" } };

	if (fields) {
		send_op(box, MAILBOX_CREATE, &op);
		send_op(box, MAILBOX_UPDATE, &op);
		send_op(box, MAILBOX_MOVE, &op);
		send_op(box, MAILBOX_DELETE, &op);
	}
	json_decref(doc);
	json_decref(fields);
	json_decref(names);
	json_decref(wholes);
}

/* ------------------------------------------------------------------------------------------------ */

static void ask(struct mailbox *box, uint8_t what)
{
	static const enum item_kind kinds[] = { KIND_CONTACT, KIND_EVENT, KIND_TASK };
	enum item_kind kind = kinds[what / 5 % ARRAY_SIZE(kinds)];

	switch (what % 5) {
	case 0:
		folders(box);
		break;
	case 1:
		page(box);
		break;
	case 2:
		items(box, kind);
		break;
	case 3:
		write_items(box, kind);
		break;
	default:
		others(box);
	}
}

/* One for all inputs: it keeps nothing of them but the time zones that it has met. */
static void *open_server(void)
{
	void *server;

	require(!ews_driver.server_open(
		&server, "https://mail.corp.example/EWS/Exchange.asmx", NULL, NULL, NULL));
	return server;
}

/* Only what is the same for every input is kept: what one teaches, another must not need. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mailbox_options options = { .user = "svc@corp.example",
		.password = "secret",
		.address = "anna@corp.example",
		.timezone = "Europe/Berlin",
		.impersonate = true };
	static void *server;
	struct mailbox *box;

	if (!server)
		server = open_server();
	if (!size)
		return 0;
	require(!ews_driver.open(&box, server, &options, NULL));
	replay_start(data + 1, size - 1);
	ask(box, data[0]);
	ews_driver.close(box);
	return 0;
}
