/* Writes of folders: CreateFolder, UpdateFolder, MoveFolder, DeleteFolder. */
#include <string.h>

#include "ews/ews_private.h"
#include "sync/mem.h"

int ews_create_folder(struct mailbox *mailbox, const char *parent_id, const char *name,
	enum item_kind kind, struct mailbox_folder *out, struct error *err)
{
	struct buf payload AUTOBUF = BUF_INIT(EWS_REQUEST_LIMIT);
	char *element AUTOFREE = xasprintf("t:%s", ews_kinds[kind].folder);
	struct ews_answer answer;
	xmlNode *message, *id;
	int rc;

	memset(out, 0, sizeof(*out));
	xml_start(&payload, "m:CreateFolder");
	xml_start(&payload, "m:ParentFolderId");
	ews_write_folder_id(&payload, "t:FolderId", parent_id);
	xml_end(&payload, "m:ParentFolderId");
	xml_start(&payload, "m:Folders");
	xml_start(&payload, element);
	xml_element(&payload, "t:DisplayName", name);
	xml_end(&payload, element);
	xml_end(&payload, "m:Folders");
	xml_end(&payload, "m:CreateFolder");
	rc = ews_call_one(mailbox, "CreateFolder", EWS_WRITES, &payload, &answer, &message, err);
	if (!rc) {
		id = xml_child(xml_first(xml_child(message, "Folders")), "FolderId");
		out->id = xml_attribute(id, "Id");
		out->version = xml_attribute(id, "ChangeKey");
		out->parent_id = xstrdup(parent_id);
		out->name = xstrdup(name);
		out->kind = kind;
		if (!out->id)
			rc = error_set(err, ERR_LOST,
				"CreateFolder: Exchange's answer lacks the folder's id");
	}
	if (rc)
		mailbox_folder_clear(out);
	ews_answer_free(&answer);
	return rc;
}

/* The element of the folder ("t:ContactsFolder"), which UpdateFolder wants to be told, and its
 * ChangeKey. */
static int look_up(
	struct mailbox *mailbox, const char *id, char **element, char **version, struct error *err)
{
	struct buf payload AUTOBUF = BUF_INIT(EWS_REQUEST_LIMIT);
	struct ews_answer answer;
	xmlNode *message, *folder;
	int rc;

	xml_start(&payload, "m:GetFolder");
	xml_start(&payload, "m:FolderShape");
	xml_element(&payload, "t:BaseShape", "IdOnly");
	xml_end(&payload, "m:FolderShape");
	xml_start(&payload, "m:FolderIds");
	ews_write_folder_id(&payload, "t:FolderId", id);
	xml_end(&payload, "m:FolderIds");
	xml_end(&payload, "m:GetFolder");
	rc = ews_call_one(mailbox, "GetFolder", EWS_READS, &payload, &answer, &message, err);
	if (!rc) {
		folder = xml_first(xml_child(message, "Folders"));
		*element = xasprintf("t:%s", folder ? (const char *)folder->name : "Folder");
		*version = xml_attribute(xml_child(folder, "FolderId"), "ChangeKey");
	}
	ews_answer_free(&answer);
	return rc;
}

/* The ChangeKey is the current one, not `version`: Exchange changes it with every item in the
 * folder, so that it says nothing about the name. */
int ews_rename_folder(struct mailbox *mailbox, const char *id, const char *version,
	const char *name, struct error *err)
{
	struct buf payload AUTOBUF = BUF_INIT(EWS_REQUEST_LIMIT);
	char *element AUTOFREE = NULL, *current AUTOFREE = NULL;
	struct ews_answer answer;
	xmlNode *message;
	int rc = look_up(mailbox, id, &element, &current, err);

	if (rc)
		return rc;
	xml_start(&payload, "m:UpdateFolder");
	xml_start(&payload, "m:FolderChanges");
	xml_start(&payload, "t:FolderChange");
	xml_empty(&payload, "t:FolderId", "Id", id, "ChangeKey", current ? current : version);
	xml_start(&payload, "t:Updates");
	xml_start(&payload, "t:SetFolderField");
	xml_empty(&payload, "t:FieldURI", "FieldURI", "folder:DisplayName");
	xml_start(&payload, element);
	xml_element(&payload, "t:DisplayName", name);
	xml_end(&payload, element);
	xml_end(&payload, "t:SetFolderField");
	xml_end(&payload, "t:Updates");
	xml_end(&payload, "t:FolderChange");
	xml_end(&payload, "m:FolderChanges");
	xml_end(&payload, "m:UpdateFolder");
	rc = ews_call_one(mailbox, "UpdateFolder", EWS_WRITES, &payload, &answer, &message, err);
	ews_answer_free(&answer);
	return rc;
}

int ews_move_folder(
	struct mailbox *mailbox, const char *id, const char *parent_id, struct error *err)
{
	struct buf payload AUTOBUF = BUF_INIT(EWS_REQUEST_LIMIT);
	struct ews_answer answer;
	xmlNode *message;
	int rc;

	xml_start(&payload, "m:MoveFolder");
	xml_start(&payload, "m:ToFolderId");
	ews_write_folder_id(&payload, "t:FolderId", parent_id);
	xml_end(&payload, "m:ToFolderId");
	xml_start(&payload, "m:FolderIds");
	ews_write_folder_id(&payload, "t:FolderId", id);
	xml_end(&payload, "m:FolderIds");
	xml_end(&payload, "m:MoveFolder");
	rc = ews_call_one(mailbox, "MoveFolder", EWS_WRITES, &payload, &answer, &message, err);
	ews_answer_free(&answer);
	return rc;
}

int ews_delete_folder(struct mailbox *mailbox, const char *id, struct error *err)
{
	struct buf payload AUTOBUF = BUF_INIT(EWS_REQUEST_LIMIT);
	struct ews_answer answer;
	xmlNode *message;
	int rc;

	xml_start(&payload, "m:DeleteFolder", "DeleteType", "MoveToDeletedItems");
	xml_start(&payload, "m:FolderIds");
	ews_write_folder_id(&payload, "t:FolderId", id);
	xml_end(&payload, "m:FolderIds");
	xml_end(&payload, "m:DeleteFolder");
	rc = ews_call_one(mailbox, "DeleteFolder", EWS_WRITES, &payload, &answer, &message, err);
	ews_answer_free(&answer);
	return rc;
}
