/* The folder tree: SyncFolderHierarchy, GetFolder, and writes of folders.
 *
 * Exchange reports changes of single folders: one that was moved shows with its new parent, those
 * below it do not show at all.  Whether a folder is to be seen depends on all above it (what lies
 * below Deleted Items is not), so the cursor holds, beside Exchange's SyncState, the whole tree
 * as we know it: ids of the distinguished folders, and for each folder its parent, name, class
 * and ChangeKey.  A call compares what is visible before and after the changes; so folders that
 * appear or vanish with one above them are reported, and no request is spent on looking.
 *
 *	{ "state": "H4sI...",
 *	  "roots": { "contacts": ID, "deleteditems": ID },
 *	  "folders": { ID: { "parent": ID, "name": "...", "kind": 0, "version": "..." } } }
 *
 * A folder without "kind" is only there to be above others. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "ews/ews_private.h"
#include "sync/mem.h"

#define TAG_HIDDEN "0x10F4" /* PidTagAttributeHidden */
#define DELETED	   "deleteditems"

void ews_write_folder_id(struct buf *out, const char *element, const char *id)
{
	xml_empty(out, element, "Id", id);
}

void ews_write_distinguished(struct buf *out, const struct mailbox *mailbox, const char *name)
{
	xml_start(out, "t:DistinguishedFolderId", "Id", name);
	if (!mailbox->impersonate) {
		xml_start(out, "t:Mailbox");
		xml_element(out, "t:EmailAddress", mailbox->address);
		xml_end(out, "t:Mailbox");
	}
	xml_end(out, "t:DistinguishedFolderId");
}

static void write_shape(struct buf *out)
{
	xml_start(out, "m:FolderShape");
	xml_element(out, "t:BaseShape", "IdOnly");
	xml_start(out, "t:AdditionalProperties");
	xml_empty(out, "t:FieldURI", "FieldURI", "folder:ParentFolderId");
	xml_empty(out, "t:FieldURI", "FieldURI", "folder:FolderClass");
	xml_empty(out, "t:FieldURI", "FieldURI", "folder:DisplayName");
	xml_empty(out, "t:ExtendedFieldURI", "PropertyTag", TAG_HIDDEN, "PropertyType", "Boolean");
	xml_end(out, "t:AdditionalProperties");
	xml_end(out, "m:FolderShape");
}

void ews_write_get_folders(
	struct buf *out, const struct mailbox *mailbox, const char *const *names, size_t n)
{
	xml_start(out, "m:GetFolder");
	write_shape(out);
	xml_start(out, "m:FolderIds");
	for (size_t i = 0; i < n; i++)
		ews_write_distinguished(out, mailbox, names[i]);
	xml_end(out, "m:FolderIds");
	xml_end(out, "m:GetFolder");
}

void ews_write_sync_folders(struct buf *out, const struct mailbox *mailbox, const char *state)
{
	xml_start(out, "m:SyncFolderHierarchy");
	write_shape(out);
	xml_start(out, "m:SyncFolderId");
	ews_write_distinguished(out, mailbox, "msgfolderroot");
	xml_end(out, "m:SyncFolderId");
	if (state)
		xml_element(out, "m:SyncState", state);
	xml_end(out, "m:SyncFolderHierarchy");
}

/* Reading. */

/* The kind that we carry whose folders are of this element and class; NULL for all others, such as
 * Exchange's own ("IPF.Contact.RecipientCache"). */
static const struct ews_kind *kind_of(const xmlNode *node)
{
	char *folder_class AUTOFREE = xml_child_text(node, "FolderClass");

	for (size_t i = 0; i < ITEM_KINDS; i++) {
		const struct ews_kind *kind = &ews_kinds[i];

		if (!kind->table->n)
			continue;
		if (folder_class && *folder_class ? !strcasecmp(folder_class, kind->folder_class)
						  : xml_is(node, kind->folder))
			return kind;
	}
	return NULL;
}

static void set_string(json_t *object, const char *name, char *text)
{
	if (text)
		json_object_set_new(object, name, json_string(text));
	free(text);
}

/* Puts a folder element into the tree; returns its id there, or NULL. */
static const char *read_folder(json_t *folders, const xmlNode *node)
{
	char *id AUTOFREE = xml_attribute(xml_child(node, "FolderId"), "Id");
	char *hidden AUTOFREE = ews_wire_read_property(
		node, (uint32_t)strtoul(TAG_HIDDEN, NULL, 0));
	const struct ews_kind *kind = kind_of(node);
	json_t *folder;

	if (!id || !*id)
		return NULL;
	folder = json_object();
	set_string(folder, "parent", xml_attribute(xml_child(node, "ParentFolderId"), "Id"));
	set_string(folder, "name", xml_child_text(node, "DisplayName"));
	set_string(folder, "version", xml_attribute(xml_child(node, "FolderId"), "ChangeKey"));
	if (kind && !(hidden && !strcasecmp(hidden, "true")) && !xml_is(node, "SearchFolder"))
		json_object_set_new(folder, "kind", json_integer(kind->kind));
	json_object_set_new(folders, id, folder);
	return json_object_iter_key(json_object_iter_at(folders, id));
}

void ews_read_folder_changes(json_t *tree, const xmlNode *message)
{
	json_t *folders = json_object_get(tree, "folders");
	xmlNode *change = xml_first(xml_child(message, "Changes"));

	for (; change; change = xml_next(change)) {
		char *gone AUTOFREE = xml_is(change, "Delete")
					      ? xml_attribute(xml_child(change, "FolderId"), "Id")
					      : NULL;

		if (gone)
			json_object_del(folders, gone);
		else if (xml_is(change, "Create") || xml_is(change, "Update"))
			read_folder(folders, xml_first(change));
	}
}

/* What is visible in a tree. */

static const char *text_of(const json_t *object, const char *name)
{
	return json_string_value(json_object_get(object, name));
}

/* The distinguished folders of a tree: its kind, or -1. */
static int default_kind(const json_t *tree, const char *id)
{
	const json_t *roots = json_object_get(tree, "roots");

	for (int i = 0; i < ITEM_KINDS; i++)
		for (const char *const *name = ews_kinds[i].defaults; *name; name++) {
			const char *root = text_of(roots, *name);

			if (root && !strcmp(root, id))
				return i;
		}
	return -1;
}

static int folder_kind(const json_t *tree, const char *id)
{
	const json_t *folder = json_object_get(json_object_get(tree, "folders"), id);
	const json_t *kind = json_object_get(folder, "kind");
	int own = default_kind(tree, id);

	if (own >= 0)
		return own;
	return kind ? (int)json_integer_value(kind) : -1;
}

static bool is_visible(const json_t *tree, const char *id)
{
	const json_t *folders = json_object_get(tree, "folders");
	const char *deleted = text_of(json_object_get(tree, "roots"), DELETED);
	int kind = folder_kind(tree, id);

	if (kind < 0 || kind >= ITEM_KINDS || !ews_kinds[kind].table->n)
		return false;
	for (int depth = 0; id && depth < EWS_FOLDER_DEPTH; depth++) {
		if (deleted && !strcmp(id, deleted))
			return false;
		id = text_of(json_object_get(folders, id), "parent");
	}
	return !id;
}

/* Where the folder stands in our tree: the nearest folder of its kind above it, else the kind's
 * default folder; NULL for a default folder. */
static const char *shown_parent(const json_t *tree, const char *id)
{
	const json_t *folders = json_object_get(tree, "folders");
	int kind = folder_kind(tree, id);
	const char *above = text_of(json_object_get(folders, id), "parent");

	if (default_kind(tree, id) >= 0)
		return NULL;
	for (int depth = 0; above && depth < EWS_FOLDER_DEPTH; depth++) {
		if (folder_kind(tree, above) == kind)
			return above;
		above = text_of(json_object_get(folders, above), "parent");
	}
	return text_of(json_object_get(tree, "roots"), ews_kinds[kind].defaults[0]);
}

static int shown_depth(const json_t *tree, const char *id)
{
	int depth = 0;

	while ((id = shown_parent(tree, id)) && depth < EWS_FOLDER_DEPTH)
		depth++;
	return depth;
}

static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

/* Does the folder look the same to the hub in both trees? */
static bool unchanged(const json_t *old, const json_t *tree, const char *id)
{
	const json_t *before = json_object_get(json_object_get(old, "folders"), id);
	const json_t *now = json_object_get(json_object_get(tree, "folders"), id);

	return before && is_visible(old, id) && json_equal(before, now) &&
	       folder_kind(old, id) == folder_kind(tree, id) &&
	       same_text(shown_parent(old, id), shown_parent(tree, id));
}

struct folder_list {
	struct mailbox_folder *folders;
	size_t n;
};

static struct mailbox_folder *add_folder(struct folder_list *list)
{
	list->folders = xreallocarray(list->folders, list->n + 1, sizeof(*list->folders));
	memset(&list->folders[list->n], 0, sizeof(*list->folders));
	return &list->folders[list->n++];
}

static void add_shown(struct folder_list *list, const json_t *tree, const char *id)
{
	const json_t *folder = json_object_get(json_object_get(tree, "folders"), id);
	struct mailbox_folder *out = add_folder(list);

	out->id = xstrdup(id);
	out->version = xstrdup(text_of(folder, "version"));
	out->parent_id = xstrdup(shown_parent(tree, id));
	out->name = xstrdup(text_of(folder, "name"));
	if (!out->name)
		out->name = xstrdup("");
	out->kind = (enum item_kind)folder_kind(tree, id);
	out->is_default = default_kind(tree, id) >= 0;
}

/* Adds the folders that stand `depth` below a default folder; false when there are none (any
 * more). */
static bool add_level(struct folder_list *list, const json_t *old, json_t *tree, int depth)
{
	const char *id;
	json_t *folder;
	bool any = false;

	json_object_foreach(json_object_get(tree, "folders"), id, folder) {
		if (!is_visible(tree, id) || shown_depth(tree, id) != depth)
			continue;
		any = true;
		if (!unchanged(old, tree, id))
			add_shown(list, tree, id);
	}
	return any;
}

/* What the hub has to know: folders above before those below them, then those that are gone. */
static void compare(const json_t *old, json_t *tree, struct folder_list *list)
{
	const char *id;
	json_t *folder;

	for (int depth = 0; depth < EWS_FOLDER_DEPTH && add_level(list, old, tree, depth); depth++)
		;
	json_object_foreach(json_object_get(old, "folders"), id, folder) {
		struct mailbox_folder *gone;

		if (!is_visible(old, id) || is_visible(tree, id))
			continue;
		gone = add_folder(list);
		gone->id = xstrdup(id);
		gone->kind = (enum item_kind)folder_kind(old, id);
		gone->deleted = true;
	}
}

/* Requests. */

static json_t *new_tree(void)
{
	json_t *tree = json_object();

	json_object_set_new(tree, "roots", json_object());
	json_object_set_new(tree, "folders", json_object());
	return tree;
}

/* The distinguished folders of the kinds that we carry, and Deleted Items. */
static size_t root_names(const char **names)
{
	size_t n = 0;

	names[n++] = DELETED;
	for (size_t i = 0; i < ITEM_KINDS; i++)
		for (size_t k = 0; ews_kinds[i].table->n && ews_kinds[i].defaults[k]; k++)
			names[n++] = ews_kinds[i].defaults[k];
	return n;
}

#define MAX_ROOTS (1 + 2 * ITEM_KINDS)

/* Reads the ids of the distinguished folders, once a mailbox. */
static int get_roots(struct mailbox *mailbox, json_t *tree, struct error *err)
{
	struct buf payload AUTOBUF = BUF_INIT(EWS_REQUEST_LIMIT);
	const char *names[MAX_ROOTS];
	size_t n = root_names(names);
	struct ews_answer answer;
	xmlNode *message;
	int rc;

	ews_write_get_folders(&payload, mailbox, names, n);
	rc = ews_call(mailbox, "GetFolder", EWS_READS, &payload, &answer, err);
	message = rc ? NULL : ews_first_message(&answer);
	for (size_t i = 0; i < n && !rc; i++, message = xml_next(message)) {
		const char *id;

		rc = message ? ews_message_error(mailbox, message, EWS_READS, err) : 0;
		if (rc)
			break;
		id = read_folder(
			json_object_get(tree, "folders"), xml_first(xml_child(message, "Folders")));
		if (id)
			json_object_set_new(
				json_object_get(tree, "roots"), names[i], json_string(id));
		else
			rc = error_set(err, ERR_REMOTE,
				"GetFolder: Exchange's answer lacks the folder %s", names[i]);
	}
	ews_answer_free(&answer);
	return rc;
}

/* One page; *last when there is no more. */
static int sync_page(struct mailbox *mailbox, json_t *tree, bool *last, struct error *err)
{
	struct buf payload AUTOBUF = BUF_INIT(EWS_REQUEST_LIMIT);
	struct ews_answer answer;
	const char *before = text_of(tree, "state");
	char *state = NULL;
	xmlNode *message;
	int rc;

	ews_write_sync_folders(&payload, mailbox, before);
	rc = ews_call_one(
		mailbox, "SyncFolderHierarchy", EWS_READS, &payload, &answer, &message, err);
	if (!rc) {
		state = xml_child_text(message, "SyncState");
		if (!state || !*state)
			rc = error_set(err, ERR_REMOTE,
				"SyncFolderHierarchy: Exchange's answer has no SyncState");
	}
	if (!rc) {
		ews_read_folder_changes(tree, message);
		*last = xml_boolean(xml_child(message, "IncludesLastFolderInRange"), true) ||
			same_text(before, state);
		json_object_set_new(tree, "state", json_string(state));
	}
	free(state);
	ews_answer_free(&answer);
	return rc;
}

/* The tree of a cursor, or NULL when it is none, or lacks a kind that we carry by now. */
static json_t *tree_of(const char *cursor)
{
	json_t *tree = json_loads(cursor, JSON_REJECT_DUPLICATES, NULL);
	const json_t *roots = json_object_get(tree, "roots");
	const char *names[MAX_ROOTS];
	size_t n = root_names(names);
	bool whole = text_of(tree, "state") && json_is_object(json_object_get(tree, "folders"));

	for (size_t i = 0; i < n; i++)
		whole = whole && text_of(roots, names[i]);
	if (whole)
		return tree;
	json_decref(tree);
	return NULL;
}

static int sync_tree(struct mailbox *mailbox, json_t *tree, struct error *err)
{
	bool last = false;
	int rc = 0;

	for (int page = 0; !rc && !last; page++) {
		if (page == EWS_FOLDER_PAGES)
			return error_set(err, ERR_REMOTE,
				"SyncFolderHierarchy: Exchange's list of folders does not end");
		rc = sync_page(mailbox, tree, &last, err);
	}
	return rc;
}

int ews_sync_folders(struct mailbox *mailbox, const char *cursor, struct mailbox_folder **folders,
	size_t *n, char **next, struct error *err)
{
	struct folder_list list = { 0 };
	json_t *tree = cursor ? tree_of(cursor) : new_tree();
	json_t *old = cursor ? json_deep_copy(tree) : new_tree();
	int rc = 0;

	*folders = NULL;
	*n = 0;
	*next = NULL;
	if (!tree)
		return error_set(err, ERR_CURSOR, "the cursor of the folders is none of ours");
	if (!cursor)
		rc = get_roots(mailbox, tree, err);
	if (!rc)
		rc = sync_tree(mailbox, tree, err);
	if (!rc) {
		*next = json_dumps(tree, JSON_COMPACT);
		if (!*next || strlen(*next) > EWS_CURSOR_LIMIT)
			rc = error_set(err, ERR_TOO_BIG, "the mailbox has too many folders");
	}
	if (!rc) {
		compare(old, tree, &list);
		*folders = list.folders;
		*n = list.n;
	} else {
		free(*next);
		*next = NULL;
	}
	json_decref(tree);
	json_decref(old);
	return rc;
}

int ews_test(struct mailbox *mailbox, struct error *err)
{
	static const char *const contacts[] = { "contacts" };
	struct buf payload AUTOBUF = BUF_INIT(EWS_REQUEST_LIMIT);
	struct ews_answer answer;
	xmlNode *message;
	int rc;

	ews_write_get_folders(&payload, mailbox, contacts, 1);
	rc = ews_call_one(mailbox, "GetFolder", EWS_READS, &payload, &answer, &message, err);
	ews_answer_free(&answer);
	return rc;
}
