/* SyncFolderItems: what changed in a folder since a SyncState (MS-OXWSSYNC 3.1.4.2).
 *
 * Only ids and ChangeKeys are asked for; GetItem fetches what the hub decides to read.  The
 * SyncState is the cursor, as Exchange made it. */
#include <stdlib.h>
#include <string.h>

#include "ews/ews_private.h"
#include "sync/mem.h"

void ews_write_sync_items(struct buf *out, const char *folder_id, const char *state)
{
	xml_start(out, "m:SyncFolderItems");
	xml_start(out, "m:ItemShape");
	xml_element(out, "t:BaseShape", "IdOnly");
	xml_end(out, "m:ItemShape");
	xml_start(out, "m:SyncFolderId");
	ews_write_folder_id(out, "t:FolderId", folder_id);
	xml_end(out, "m:SyncFolderId");
	if (state)
		xml_element(out, "m:SyncState", state);
	xml_element(out, "m:MaxChangesReturned", EWS_SYNC_PAGE);
	xml_end(out, "m:SyncFolderItems");
}

static const struct {
	const char *element;
	enum mailbox_change_type type;
} change_types[] = {
	{ "Create", MAILBOX_CREATED },
	{ "Update", MAILBOX_UPDATED },
	{ "Delete", MAILBOX_DELETED },
	{ "ReadFlagChange", MAILBOX_UPDATED },
};

/* Appends one change; elements that we do not know, or that have no id, are skipped. */
static void read_change(const xmlNode *node, struct mailbox_page *page)
{
	xmlNode *id_node = xml_find(node, "ItemId");
	struct mailbox_change *change;
	char *id;

	for (size_t i = 0; i < ARRAY_SIZE(change_types); i++) {
		if (!xml_is(node, change_types[i].element))
			continue;
		id = xml_attribute(id_node, "Id");
		if (!id)
			return;
		page->changes = xreallocarray(page->changes, page->n + 1, sizeof(*change));
		change = &page->changes[page->n++];
		change->type = change_types[i].type;
		change->id = id;
		change->version = change->type == MAILBOX_DELETED
					  ? NULL
					  : xml_attribute(id_node, "ChangeKey");
		return;
	}
}

int ews_read_sync_page(
	const xmlNode *message, const char *state, struct mailbox_page *page, struct error *err)
{
	xmlNode *changes = xml_child(message, "Changes");

	page->cursor = xml_child_text(message, "SyncState");
	if (!page->cursor || !*page->cursor)
		return error_set(
			err, ERR_REMOTE, "SyncFolderItems: Exchange's answer has no SyncState");
	for (xmlNode *node = xml_first(changes); node; node = xml_next(node))
		read_change(node, page);
	page->last = xml_boolean(xml_child(message, "IncludesLastItemInRange"), true);
	/* A server that shows nothing new and does not move on would be asked for ever. */
	if (!page->n && state && !strcmp(state, page->cursor))
		page->last = true;
	return 0;
}

int ews_sync_items(struct mailbox *mailbox, const char *folder_id, const char *cursor,
	struct mailbox_page *page, struct error *err)
{
	struct buf payload AUTOBUF = BUF_INIT(EWS_REQUEST_LIMIT);
	struct ews_answer answer;
	xmlNode *message;
	int rc;

	memset(page, 0, sizeof(*page));
	ews_write_sync_items(&payload, folder_id, cursor);
	rc = ews_call_one(mailbox, "SyncFolderItems", EWS_READS, &payload, &answer, &message, err);
	if (!rc)
		rc = ews_read_sync_page(message, cursor, page, err);
	if (rc)
		mailbox_page_clear(page);
	ews_answer_free(&answer);
	return rc;
}
