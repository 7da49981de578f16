/* UpdateItem.
 *
 * The changes of one item are made on a copy of its properties, which takes their place when all of
 * them were good.  A stale ChangeKey is refused under NeverOverwrite; under AutoResolve it is
 * refused only when one of the properties it writes was changed since. */
#include <stdlib.h>
#include <string.h>

#include "sync/mem.h"
#include "tests/sim/ews_calendar.h"

#define NO_ITEMS "<m:Items/>"

static xmlNode *path_of(const xmlNode *change)
{
	xml_each(child, change) if (ews_is_path(child)) return child;
	return NULL;
}

static bool written_since(const struct ews_item *item, const struct ews_path *path, uint64_t since)
{
	for (size_t i = 0; i < item->n_ext && path->ext; i++)
		if (item->ext[i].name == path->ext && item->ext[i].change > since)
			return true;
	for (size_t i = 0; i < item->n_values && !path->ext; i++) {
		const struct ews_value *v = &item->values[i];
		bool same_part = path->part < 0 || v->part == path->part ||
				 ews_props[v->prop].type != EWS_T_ADDRESSES;

		if (v->prop == path->prop && (path->key < 0 || v->key == path->key) && same_part &&
			v->change > since)
			return true;
	}
	return false;
}

static int check_change_key(struct ews_ctx *c, const struct ews_item *item, const xmlNode *change,
	const char *resolution, struct ews_error *err)
{
	char *key AUTOFREE = xml_get(xml_first(change), "ChangeKey");
	uint64_t since;

	if (!key && !strcmp(resolution, "AlwaysOverwrite"))
		return 0;
	if (!key)
		return ews_fail(err, "ErrorChangeKeyRequiredForWriteOperations",
			"A change key is required for this operation.");
	if (!ews_change_key_read(item->mailbox, key, &since))
		return ews_fail(err, "ErrorInvalidChangeKey", "The change key is invalid.");
	if (since == item->change || !strcmp(resolution, "AlwaysOverwrite"))
		return 0;
	if (!strcmp(resolution, "AutoResolve")) {
		bool conflict = false;

		xml_each(update, xml_child(change, "Updates"))
		{
			struct ews_path path;

			if (ews_path_read(c, path_of(update), &path, err))
				return -1;
			conflict = conflict || written_since(item, &path, since);
		}
		if (!conflict)
			return 0;
	}
	return ews_fail(err, "ErrorIrresolvableConflict",
		"The send or update operation could not be performed because the change key passed "
		"in "
		"the request does not match the current change key for the item.");
}

/* The dictionary entry under a property element must be the one that the path names. */
static int check_entry(const xmlNode *element, const struct ews_path *path, struct ews_error *err)
{
	const struct ews_prop *row = &ews_props[path->prop];
	xmlNode *entry = xml_first(element), *part = xml_first(entry);
	char *key AUTOFREE = xml_get(entry, "Key");
	bool addresses = row->type == EWS_T_ADDRESSES;

	if (!entry || xml_next(entry) || (addresses && part && xml_next(part)))
		return ews_fail(err, "ErrorIncorrectUpdatePropertyCount",
			"Incorrect number of properties specified in an update operation.");
	if (!key || ews_key_index(row->keys, key) != path->key ||
		(addresses && !xml_is(part, ews_address_parts[path->part])))
		return ews_fail(err, "ErrorUpdatePropertyMismatch",
			"The property that is specified does not match its path.");
	return 0;
}

/* The one property element inside a Set or Append, checked against its path. */
static xmlNode *property_of(const struct ews_item *item, const xmlNode *change,
	const struct ews_path *path, struct ews_error *err)
{
	xmlNode *object = xml_next(path_of(change)), *element = xml_first(object);
	enum ews_kind kind = object ? ews_element_kind((const char *)object->name) : 0;
	bool dictionary;

	if (!element || xml_next(element)) {
		ews_fail(err, "ErrorIncorrectUpdatePropertyCount",
			"Incorrect number of properties specified in an update operation.");
		return NULL;
	}
	if (path->ext) {
		if (xml_is(element, "ExtendedProperty"))
			return element;
		ews_fail(err, "ErrorUpdatePropertyMismatch",
			"The property that is specified does not match its path.");
		return NULL;
	}
	if (kind != item->kind && !(kind == EWS_ITEM && ews_props[path->prop].kind == EWS_EVERY)) {
		ews_fail(err, "ErrorObjectTypeChanged", "The object type changed.");
		return NULL;
	}
	if (!xml_is(element, ews_props[path->prop].element)) {
		ews_fail(err, "ErrorUpdatePropertyMismatch",
			"The property that is specified does not match its path.");
		return NULL;
	}
	dictionary = ews_props[path->prop].keys && ews_props[path->prop].type != EWS_T_ENUM;
	if (dictionary && path->key < 0) {
		ews_fail(err, "ErrorInvalidPropertySet", "Set action is invalid for property %s.",
			ews_props[path->prop].uri);
		return NULL;
	}
	if (dictionary && check_entry(element, path, err))
		return NULL;
	return element;
}

static int delete_field(struct ews_ctx *c, struct ews_item *item, const struct ews_path *path,
	struct ews_error *err)
{
	const struct ews_prop *row;

	if (path->ext)
		return ews_ext_set(c->ews, item, path->ext, NULL, 0, err);
	row = &ews_props[path->prop];
	if (row->flags & EWS_F_READONLY || row->type == EWS_T_ID ||
		(row->keys && row->type != EWS_T_ENUM && path->key < 0))
		return ews_fail(err, "ErrorInvalidPropertyDelete",
			"Delete action is invalid for property %s.", row->uri);
	if (row->type == EWS_T_ADDRESSES)
		ews_put(item, path->prop, path->key, path->part, NULL);
	else
		ews_clear(item, path->prop, path->key);
	return 0;
}

static int append_field(struct ews_ctx *c, struct ews_item *item, const struct ews_path *path,
	const xmlNode *element, struct ews_error *err)
{
	char *before AUTOFREE = NULL, *joined AUTOFREE = NULL;

	if (path->ext || !(ews_props[path->prop].flags & EWS_F_APPEND))
		return ews_fail(err, "ErrorInvalidPropertyAppend",
			"Append action is invalid for property.");
	before = xstrdup(ews_get(item, path->prop, 0, 0));
	if (ews_parse_property(c, item, element, err))
		return -1;
	joined = xasprintf("%s%s", before ? before : "",
		ews_get(item, path->prop, 0, 0) ? ews_get(item, path->prop, 0, 0) : "");
	ews_put(item, path->prop, 0, 0, joined);
	return 0;
}

static int set_extended(struct ews_ctx *c, struct ews_item *item, const struct ews_path *path,
	const xmlNode *element, struct ews_error *err)
{
	struct ews_error ignored = { 0 };

	if (ews_ext_intern(c, xml_child(element, "ExtendedFieldURI"), &ignored) != path->ext)
		return ews_fail(err, "ErrorUpdatePropertyMismatch",
			"The property that is specified does not match its path.");
	return ews_parse_property(c, item, element, err);
}

static int apply(
	struct ews_ctx *c, struct ews_item *item, const xmlNode *change, struct ews_error *err)
{
	xmlNode *path_node = path_of(change), *element;
	struct ews_path path;

	if (!path_node)
		return ews_fail(err, "ErrorInvalidPropertyRequest", "An update needs a path.");
	if (ews_path_read(c, path_node, &path, err))
		return -1;
	if (!path.ext && path.prop < 0)
		return ews_fail(err, "ErrorInvalidPropertyRequest",
			"Property is not valid for this object type.");
	if (path.prop >= 0 && !(ews_props[path.prop].kind & item->kind))
		path.prop = ews_prop_by_element(item->kind, ews_props[path.prop].element);
	if (path.prop < 0 && !path.ext)
		return ews_fail(err, "ErrorInvalidPropertyRequest",
			"Property is not valid for this object type.");
	if (!path.ext && ews_props[path.prop].flags & EWS_F_CREATE)
		return ews_fail(err, "ErrorInvalidPropertySet",
			"Set action is invalid for property %s.", ews_props[path.prop].uri);
	if (xml_is(change, "DeleteItemField"))
		return delete_field(c, item, &path, err);
	element = property_of(item, change, &path, err);
	if (!element)
		return -1;
	if (xml_is(change, "AppendToItemField"))
		return append_field(c, item, &path, element, err);
	return path.ext ? set_extended(c, item, &path, element, err)
			: ews_parse_property(c, item, element, err);
}

/* FileAs that is set by hand is no longer kept by the mapping, unless that is set too. */
static void unmap_file_as(struct ews_ctx *c, struct ews_item *item, const xmlNode *updates)
{
	bool file_as = false, mapping = false;

	xml_each(update, updates)
	{
		char *uri AUTOFREE = xml_get(path_of(update), "FieldURI");

		file_as = file_as || (uri && !strcmp(uri, "contacts:FileAs"));
		mapping = mapping || (uri && !strcmp(uri, "contacts:FileAsMapping"));
	}
	if (file_as && !mapping)
		ews_clear(item, ews_prop_by_uri(c->ews, "contacts:FileAsMapping"), -1);
}

static bool only_read_flag(const xmlNode *updates)
{
	bool only = true;

	xml_each(update, updates)
	{
		char *uri AUTOFREE = xml_get(path_of(update), "FieldURI");

		only = only && uri && !strcmp(uri, "message:IsRead");
	}
	return only;
}

static int check_sending(struct ews_ctx *c, const struct ews_item *item, struct ews_error *err)
{
	char *invitations AUTOFREE = xml_get(c->payload, "SendMeetingInvitationsOrCancellations");
	char *disposition AUTOFREE = xml_get(c->payload, "MessageDisposition");

	if (item->kind == EWS_CALENDAR && !invitations)
		return ews_fail(err, "ErrorSendMeetingInvitationsOrCancellationsRequired",
			"SendMeetingInvitationsOrCancellations is required for calendar items.");
	if (item->kind == EWS_MESSAGE && !disposition)
		return ews_fail(err, "ErrorMessageDispositionRequired",
			"Message disposition should be specified when saving or sending messages.");
	if (item->kind == EWS_MESSAGE && strcmp(disposition, "SaveOnly") != 0)
		sim_mail_log(c->ews->sim, "exchange", "UpdateItem MessageDisposition", disposition);
	return 0;
}

/* An appointment that was thrown away is not changed any more. */
static int check_place(const struct ews_item *item, struct ews_error *err)
{
	struct ews_folder *trash = ews_distinguished(item->mailbox, "deleteditems");

	if (item->kind == EWS_CALENDAR && ews_folder_within(item->folder, trash))
		return ews_fail(err, "ErrorCalendarCannotUpdateDeletedItem",
			"A calendar item in Deleted Items can't be updated.");
	return 0;
}

static int update_item(
	struct ews_ctx *c, struct ews_item *item, const xmlNode *change, struct ews_error *err)
{
	xmlNode *updates = xml_child(change, "Updates");
	struct ews_item *scratch = ews_item_scratch(item);
	int rc = 0;

	xml_each(update, updates) rc = rc ? rc : apply(c, scratch, update, err);
	if (rc || c->fault_code) {
		ews_item_discard(scratch);
		return -1;
	}
	unmap_file_as(c, scratch, updates);
	if (ews_settle(scratch, item, err)) {
		ews_item_discard(scratch);
		return -1;
	}
	if (item->master) {
		ews_exception_save(c, item, scratch);
		ews_item_discard(scratch);
	} else {
		ews_item_replace(item, scratch);
		ews_item_touch(c->ews, item, ews_actor(c), only_read_flag(updates));
		ews_task_saved(c, item);
	}
	if (item->kind == EWS_CALENDAR) {
		char *how AUTOFREE = xml_get(c->payload, "SendMeetingInvitationsOrCancellations");

		ews_meeting_mail(c, item, how);
	}
	return 0;
}

static void write_updated(struct ews_ctx *c, const struct ews_item *item)
{
	const char *element = ews_kind_element(item->kind);

	ews_message_begin(c, "Success");
	buf_addf(&c->out, "<m:Items><t:%s>", element);
	ews_write_item_id(&c->out, item);
	buf_addf(&c->out,
		"</t:%s></m:Items><m:ConflictResults><t:Count>0</t:Count>"
		"</m:ConflictResults>",
		element);
	ews_message_end(c);
}

void ews_op_update_item(struct ews_ctx *c)
{
	char *resolution AUTOFREE = xml_get(c->payload, "ConflictResolution");

	xml_each(change, xml_child(c->payload, "ItemChanges"))
	{
		struct ews_error err = { 0 };
		struct ews_item *item = NULL;

		if (!ews_injected(c, &err))
			item = ews_find_item(c, xml_first(change), &err);
		if (item && !check_place(item, &err) && !check_sending(c, item, &err) &&
			!check_change_key(c, item, change, resolution, &err) &&
			!update_item(c, item, change, &err))
			write_updated(c, item);
		else
			ews_message_error(c, &err, NO_ITEMS);
		if (c->fault_code)
			return;
	}
}
