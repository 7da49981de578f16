/* GetFolder, CreateFolder, UpdateFolder, MoveFolder, DeleteFolder, EmptyFolder, and a folder
 * element in the wanted shape. */
#include <stdlib.h>
#include <string.h>

#include "sync/mem.h"
#include "tests/sim/ews.h"

#define NO_FOLDERS "<m:Folders/>"
#define RIGHTS                                                                                     \
	"<t:CreateAssociated>true</t:CreateAssociated>"                                            \
	"<t:CreateContents>true</t:CreateContents><t:CreateHierarchy>true</t:CreateHierarchy>"     \
	"<t:Delete>true</t:Delete><t:Modify>true</t:Modify><t:Read>true</t:Read>"                  \
	"<t:ViewPrivateItems>true</t:ViewPrivateItems>"

enum row {
	FOLDER_ID,
	PARENT_ID,
	CLASS,
	NAME,
	TOTAL,
	CHILDREN,
	EXTENDED,
	MANAGED,
	RIGHT,
	DISTINGUISHED,
	POLICY,
	ARCHIVE,
	REPLICAS,
	SHARING,
	PERMISSIONS,
	UNREAD
};

/* In schema order; what has no flag is known and never given. */
static const struct {
	const char *uri, *element;
	unsigned int flags;
} rows[] = {
	[FOLDER_ID] = { "folder:FolderId", "FolderId", EWS_F_DEFAULT | EWS_F_ALL },
	[PARENT_ID] = { "folder:ParentFolderId", "ParentFolderId", EWS_F_ALL },
	[CLASS] = { "folder:FolderClass", "FolderClass", EWS_F_ALL },
	[NAME] = { "folder:DisplayName", "DisplayName", EWS_F_DEFAULT | EWS_F_ALL },
	[TOTAL] = { "folder:TotalCount", "TotalCount", EWS_F_DEFAULT | EWS_F_ALL },
	[CHILDREN] = { "folder:ChildFolderCount", "ChildFolderCount", EWS_F_DEFAULT | EWS_F_ALL },
	[EXTENDED] = { "", "ExtendedProperty", 0 },
	[MANAGED] = { "folder:ManagedFolderInformation", "ManagedFolderInformation", 0 },
	[RIGHT] = { "folder:EffectiveRights", "EffectiveRights", EWS_F_ALL },
	[DISTINGUISHED] = { "folder:DistinguishedFolderId", "DistinguishedFolderId", EWS_F_ALL },
	[POLICY] = { "folder:PolicyTag", "PolicyTag", 0 },
	[ARCHIVE] = { "folder:ArchiveTag", "ArchiveTag", 0 },
	[REPLICAS] = { "folder:ReplicaList", "ReplicaList", 0 },
	[SHARING] = { "folder:SharingEffectiveRights", "SharingEffectiveRights", 0 },
	[PERMISSIONS] = { "folder:PermissionSet", "PermissionSet", 0 },
	[UNREAD] = { "folder:UnreadCount", "UnreadCount", EWS_F_DEFAULT | EWS_F_ALL },
};

int ews_folder_prop(const char *uri)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (*rows[i].uri && !strcmp(rows[i].uri, uri))
			return (int)i;
	return -1;
}

static size_t count_children(const struct ews_folder *f)
{
	size_t n = 0;

	for (const struct ews_folder *child = f->children; child; child = child->sibling)
		n++;
	return n;
}

static size_t count_items(const struct ews_folder *f, bool unread_only)
{
	size_t n = 0;

	for (const struct ews_item *item = f->first; item; item = item->next) {
		const char *read = item->kind == EWS_MESSAGE ? ews_get_uri(item, "message:IsRead")
							     : NULL;

		if (!item->associated && (!unread_only || (read && !xml_true(read))))
			n++;
	}
	return n;
}

char *ews_folder_value(const struct ews_folder *f, int prop)
{
	bool contents = strcmp(ews_folder_element(f), "ContactsFolder") != 0 &&
			strcmp(ews_folder_element(f), "CalendarFolder") != 0;

	switch ((enum row)prop) {
	case CLASS:
		return *f->folder_class ? xstrdup(f->folder_class) : NULL;
	case NAME:
		return xstrdup(f->name);
	case TOTAL:
		return xasprintf("%zu", count_items(f, false));
	case CHILDREN:
		return xasprintf("%zu", count_children(f));
	case DISTINGUISHED:
		return xstrdup(f->distinguished);
	case UNREAD: /* contact and calendar folders have none in the schema */
		return contents ? xasprintf("%zu", count_items(f, true)) : NULL;
	default:
		return NULL;
	}
}

size_t ews_folder_ext(const struct ews_folder *f, const struct ews_ext_name *name, char ***values)
{
	const char *text = NULL;

	*values = NULL;
	if (!strcmp(name->label, "0x3613"))
		text = *f->folder_class ? f->folder_class : NULL;
	else if (!strcmp(name->label, "0x3001"))
		text = f->name;
	else if (!strcmp(name->label, "0x10f4"))
		text = "false";
	for (size_t i = 0; i < f->n_ext; i++) {
		if (f->ext[i].name != name || !f->ext[i].n)
			continue;
		*values = xcalloc(f->ext[i].n, sizeof(char *));
		for (size_t k = 0; k < f->ext[i].n; k++)
			(*values)[k] = xstrdup(f->ext[i].values[k]);
		return f->ext[i].n;
	}
	if (!text)
		return 0;
	*values = xcalloc(1, sizeof(char *));
	(*values)[0] = xstrdup(text);
	return 1;
}

int ews_folder_shape(
	struct ews_ctx *c, const xmlNode *shape, struct ews_shape *out, struct ews_error *err)
{
	char *base AUTOFREE = xml_content(xml_child(shape, "BaseShape"));
	unsigned int flag = !strcmp(base, "AllProperties") ? EWS_F_ALL
			    : !strcmp(base, "Default")	   ? EWS_F_DEFAULT
							   : 0;

	*out = (struct ews_shape){ .sel = { [FOLDER_ID] = 1 } };
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		out->sel[i] |= (rows[i].flags & flag) != 0;
	xml_each(node, xml_child(shape, "AdditionalProperties"))
	{
		struct ews_path path;

		if (ews_path_read(c, node, &path, err))
			goto fail;
		if (path.ext) {
			out->ext = xreallocarray(out->ext, out->n_ext + 1, sizeof(*out->ext));
			out->ext[out->n_ext++] = (struct ews_shape_ext){ .name = path.ext,
				.uri_text = ews_ext_uri_text(node) };
		} else if (path.folder_prop >= 0) {
			out->sel[path.folder_prop] = 1;
		} else {
			ews_fail(err, "ErrorInvalidPropertyRequest",
				"Property is not valid for this object type.");
			goto fail;
		}
	}
	return 0;
fail:
	ews_shape_free(out);
	return -1;
}

static void write_row(struct ews_ctx *c, const struct ews_folder *f, int row)
{
	char *text AUTOFREE = NULL;

	switch ((enum row)row) {
	case FOLDER_ID:
		ews_write_folder_id(&c->out, "t:FolderId", f);
		break;
	case PARENT_ID:
		if (f->parent)
			ews_write_folder_id(&c->out, "t:ParentFolderId", f->parent);
		break;
	case RIGHT:
		buf_adds(&c->out, "<t:EffectiveRights>" RIGHTS "</t:EffectiveRights>");
		break;
	default:
		text = ews_folder_value(f, row);
		if (!text)
			break;
		buf_addf(&c->out, "<t:%s>", rows[row].element);
		xml_text(&c->out, text);
		buf_addf(&c->out, "</t:%s>", rows[row].element);
	}
}

void ews_folder_write(struct ews_ctx *c, const struct ews_shape *shape, const struct ews_folder *f)
{
	const char *element = ews_folder_element(f);

	buf_addf(&c->out, "<t:%s>", element);
	for (int row = 0; row < (int)ARRAY_SIZE(rows); row++) {
		if (shape->sel[row])
			write_row(c, f, row);
		for (size_t i = 0; row == EXTENDED && i < shape->n_ext; i++) {
			char **values;
			size_t n = ews_folder_ext(f, shape->ext[i].name, &values);

			if (n)
				ews_ext_write(&c->out, shape->ext[i].name, shape->ext[i].uri_text,
					values, n, 0);
			ews_strings_free(values, n);
		}
	}
	buf_addf(&c->out, "</t:%s>", element);
}

static void write_id_only(struct ews_ctx *c, const struct ews_folder *f)
{
	const char *element = ews_folder_element(f);

	ews_message_begin(c, "Success");
	buf_addf(&c->out, "<m:Folders><t:%s>", element);
	ews_write_folder_id(&c->out, "t:FolderId", f);
	buf_addf(&c->out, "</t:%s></m:Folders>", element);
	ews_message_end(c);
}

void ews_op_get_folder(struct ews_ctx *c)
{
	struct ews_shape shape;
	struct ews_error shape_err = { 0 };

	ews_folder_shape(c, xml_child(c->payload, "FolderShape"), &shape, &shape_err);
	xml_each(id, xml_child(c->payload, "FolderIds"))
	{
		struct ews_error err = shape_err;
		struct ews_folder *f = NULL;

		if (!ews_injected(c, &err) && !err.code)
			f = ews_find_folder(c, id, &err);
		if (!f) {
			ews_message_error(c, &err, NO_FOLDERS);
			continue;
		}
		ews_message_begin(c, "Success");
		buf_adds(&c->out, "<m:Folders>");
		ews_folder_write(c, &shape, f);
		buf_adds(&c->out, "</m:Folders>");
		ews_message_end(c);
	}
	ews_shape_free(&shape);
}

/* CreateFolder and UpdateFolder */

static int set_property(
	struct ews_ctx *c, struct ews_folder *f, const xmlNode *property, struct ews_error *err)
{
	char *text AUTOFREE = xml_content(property);
	const struct ews_ext_name *name;
	struct ews_folder *other;
	char **values;
	size_t n;

	if (xml_is(property, "DisplayName")) {
		other = f->parent ? ews_folder_child(f->parent, text) : NULL;
		if (other && other != f)
			return ews_fail(err, "ErrorFolderExists",
				"A folder with the specified name already exists.");
		if (f->distinguished)
			return ews_fail(
				err, "ErrorAccessDenied", "A distinguished folder keeps its name.");
		free(f->name);
		f->name = xstrdup(text);
		return 0;
	}
	if (xml_is(property, "FolderClass")) {
		free(f->folder_class);
		f->folder_class = xstrdup(text);
		return 0;
	}
	if (!xml_is(property, "ExtendedProperty"))
		return ews_fail(err, "ErrorInvalidPropertySet",
			"Set action is invalid for property folder:%s.",
			(const char *)property->name);
	if (!ews_ext_read(c, property, &name, &values, &n, err))
		ews_ext_store(ews_ext_slot(&f->ext, &f->n_ext, name), values, n, f->change);
	ews_strings_free(values, n);
	return err->code ? -1 : 0;
}

static const char *default_class(const xmlNode *element)
{
	return xml_is(element, "ContactsFolder")   ? "IPF.Contact"
	       : xml_is(element, "CalendarFolder") ? "IPF.Appointment"
	       : xml_is(element, "TasksFolder")	   ? "IPF.Task"
						   : "IPF.Note";
}

static struct ews_folder *create_folder(
	struct ews_ctx *c, const xmlNode *element, struct ews_folder *parent, struct ews_error *err)
{
	char *name AUTOFREE = xml_content(xml_child(element, "DisplayName"));
	char *class AUTOFREE = xml_content(xml_child(element, "FolderClass"));
	const char *usual = default_class(element);
	struct ews_folder *f;

	if (!*name) {
		ews_fail(err, "ErrorFolderSave", "A folder needs a name.");
		return NULL;
	}
	if (*class && strcmp(usual, "IPF.Note") != 0 && strncmp(class, usual, strlen(usual)) != 0) {
		ews_fail(err, "ErrorNoFolderClassOverride", "Folder class cannot be changed.");
		return NULL;
	}
	if (ews_folder_child(parent, name)) {
		ews_fail(err, "ErrorFolderExists",
			"A folder with the specified name already exists., "
			"Could not create folder %s.",
			name);
		return NULL;
	}
	f = ews_folder_new(c->ews, parent, name, *class ? class : usual);
	xml_each(property, element) if (xml_is(property, "ExtendedProperty") &&
					set_property(c, f, property, err))
	{
		ews_folder_remove(c->ews, f);
		return NULL;
	}
	return f;
}

void ews_op_create_folder(struct ews_ctx *c)
{
	struct ews_error parent_err = { 0 };
	struct ews_folder *parent = ews_find_folder(
		c, xml_first(xml_child(c->payload, "ParentFolderId")), &parent_err);

	if (parent_err.code && !strcmp(parent_err.code, "ErrorFolderNotFound"))
		parent_err.code = "ErrorParentFolderNotFound";
	xml_each(element, xml_child(c->payload, "Folders"))
	{
		struct ews_error err = parent_err;
		struct ews_folder *f = NULL;

		if (!ews_injected(c, &err) && parent)
			f = create_folder(c, element, parent, &err);
		if (f)
			write_id_only(c, f);
		else
			ews_message_error(c, &err, NO_FOLDERS);
	}
}

static int update_folder(
	struct ews_ctx *c, struct ews_folder *f, const xmlNode *update, struct ews_error *err)
{
	xmlNode *path_node = xml_first(update), *object = path_node ? xml_next(path_node) : NULL;
	xmlNode *property = xml_first(object);
	struct ews_path path;

	if (!path_node || ews_path_read(c, path_node, &path, err))
		return -1;
	if (xml_is(update, "DeleteFolderField")) {
		if (!path.ext)
			return ews_fail(err, "ErrorInvalidPropertyDelete",
				"Delete action is invalid for property.");
		ews_ext_store(ews_ext_slot(&f->ext, &f->n_ext, path.ext), NULL, 0, f->change);
		return 0;
	}
	if (!property || xml_next(property))
		return ews_fail(err, "ErrorIncorrectUpdatePropertyCount",
			"Incorrect number of properties specified in an update operation.");
	if (path.ext ? !xml_is(property, "ExtendedProperty")
		     : path.folder_prop < 0 || !xml_is(property, rows[path.folder_prop].element))
		return ews_fail(err, "ErrorUpdatePropertyMismatch",
			"The property that is specified does not match its path.");
	return set_property(c, f, property, err);
}

void ews_op_update_folder(struct ews_ctx *c)
{
	xml_each(change, xml_child(c->payload, "FolderChanges"))
	{
		struct ews_error err = { 0 };
		struct ews_folder *f = NULL;

		if (!ews_injected(c, &err))
			f = ews_find_folder(c, xml_first(change), &err);
		xml_each(update, xml_child(change, "Updates")) if (f && !err.code)
			update_folder(c, f, update, &err);
		if (!f || err.code) {
			ews_message_error(c, &err, NO_FOLDERS);
			continue;
		}
		ews_folder_touch(c->ews, f);
		write_id_only(c, f);
	}
}

/* MoveFolder, DeleteFolder, EmptyFolder */

static int check_move(const struct ews_folder *f, struct ews_folder *to, struct ews_error *err)
{
	struct ews_folder *other;

	if (f->distinguished)
		return ews_fail(err, "ErrorMoveDistinguishedFolder",
			"Distinguished folders cannot be moved.");
	if (f->mailbox != to->mailbox)
		return ews_fail(err, "ErrorCrossMailboxMoveCopy",
			"A folder can't be moved between "
			"mailboxes here.");
	if (ews_folder_within(to, f))
		return ews_fail(err, "ErrorMoveCopyFailed", "A folder can't be moved into itself.");
	other = ews_folder_child(to, f->name);
	if (other && other != f)
		return ews_fail(err, "ErrorFolderExists",
			"A folder with the specified name already exists.");
	return 0;
}

void ews_op_move_folder(struct ews_ctx *c)
{
	struct ews_error to_err = { 0 };
	struct ews_folder *to = ews_find_folder(
		c, xml_first(xml_child(c->payload, "ToFolderId")), &to_err);

	if (to_err.code && !strcmp(to_err.code, "ErrorFolderNotFound"))
		to_err.code = "ErrorToFolderNotFound";
	xml_each(id, xml_child(c->payload, "FolderIds"))
	{
		struct ews_error err = to_err;
		struct ews_folder *f = NULL;

		if (!ews_injected(c, &err) && to)
			f = ews_find_folder(c, id, &err);
		if (!f || check_move(f, to, &err)) {
			ews_message_error(c, &err, NO_FOLDERS);
			continue;
		}
		ews_folder_reparent(c->ews, f, to);
		write_id_only(c, f);
	}
}

/* Into Deleted Items, under a name that is free there. */
static void trash(struct ews_ctx *c, struct ews_folder *f)
{
	struct ews_folder *to = ews_distinguished(f->mailbox, "deleteditems");
	char *base AUTOFREE = xstrdup(f->name);

	for (int n = 1; ews_folder_child(to, f->name); n++) {
		free(f->name);
		f->name = xasprintf("%s%d", base, n);
	}
	ews_folder_reparent(c->ews, f, to);
}

void ews_op_delete_folder(struct ews_ctx *c)
{
	char *type AUTOFREE = xml_get(c->payload, "DeleteType");

	xml_each(id, xml_child(c->payload, "FolderIds"))
	{
		struct ews_error err = { 0 };
		struct ews_folder *f = NULL;

		if (!ews_injected(c, &err))
			f = ews_find_folder(c, id, &err);
		if (f && f->distinguished)
			ews_fail(&err, "ErrorDeleteDistinguishedFolder",
				"Distinguished folders cannot be deleted.");
		if (!f || err.code) {
			ews_message_error(c, &err, "");
			continue;
		}
		if (!strcmp(type, "MoveToDeletedItems") &&
			!ews_folder_within(f, ews_distinguished(f->mailbox, "deleteditems")))
			trash(c, f);
		else
			ews_folder_remove(c->ews, f);
		ews_message_ok(c);
	}
}

static void empty_folder(struct ews_ctx *c, struct ews_folder *f, const char *type, bool folders)
{
	struct ews_folder *bin = !strcmp(type, "MoveToDeletedItems")
					 ? ews_distinguished(f->mailbox, "deleteditems")
				 : !strcmp(type, "SoftDelete")
					 ? ews_distinguished(
						   f->mailbox, "recoverableitemsdeletions")
					 : NULL;

	while (f->first) {
		if (bin && bin != f)
			ews_item_move(c->ews, f->first, bin, ews_actor(c));
		else
			ews_item_remove(c->ews, f->first);
	}
	for (struct ews_folder *child = f->children, *next; folders && child; child = next) {
		next = child->sibling;
		if (!child->distinguished)
			ews_folder_remove(c->ews, child);
	}
}

void ews_op_empty_folder(struct ews_ctx *c)
{
	char *type AUTOFREE = xml_get(c->payload, "DeleteType");
	char *folders AUTOFREE = xml_get(c->payload, "DeleteSubFolders");

	xml_each(id, xml_child(c->payload, "FolderIds"))
	{
		struct ews_error err = { 0 };
		struct ews_folder *f = NULL;

		if (!ews_injected(c, &err))
			f = ews_find_folder(c, id, &err);
		if (!f) {
			ews_message_error(c, &err, "");
			continue;
		}
		empty_folder(c, f, type, xml_true(folders));
		ews_message_ok(c);
	}
}
