/* GetItem, CreateItem, DeleteItem, MoveItem, CopyItem and SendItem. */
#include <stdlib.h>
#include <string.h>

#include "sync/mem.h"
#include "tests/sim/ews_calendar.h"

#define NO_ITEMS "<m:Items/>"

static void write_item(
	struct ews_ctx *c, const struct ews_shape *shape, const struct ews_item *item)
{
	ews_message_begin(c, "Success");
	buf_adds(&c->out, "<m:Items>");
	ews_shape_write(c, shape, item);
	buf_adds(&c->out, "</m:Items>");
	ews_message_end(c);
}

/* Answers with nothing but the item's new id. */
static void write_id_only(struct ews_ctx *c, const struct ews_item *item)
{
	const char *element = ews_kind_element(item->kind);

	ews_message_begin(c, "Success");
	buf_addf(&c->out, "<m:Items><t:%s>", element);
	ews_write_item_id(&c->out, item);
	buf_addf(&c->out, "</t:%s></m:Items>", element);
	ews_message_end(c);
}

void ews_op_get_item(struct ews_ctx *c)
{
	struct ews_shape shape;
	struct ews_error shape_err = { 0 };

	ews_shape_read(c, xml_child(c->payload, "ItemShape"), EWS_GET, &shape, &shape_err);
	xml_each(id, xml_child(c->payload, "ItemIds"))
	{
		struct ews_error err = shape_err;
		struct ews_item *item = NULL;

		if (!ews_injected(c, &err) && !err.code)
			item = ews_find_item(c, id, &err);
		if (item)
			write_item(c, &shape, item);
		else
			ews_message_error(c, &err, NO_ITEMS);
	}
	ews_shape_free(&shape);
}

/* CreateItem */

static const struct {
	enum ews_kind kind;
	const char *folder;	    /* where it goes when the request names no folder */
	const char *folder_element; /* what it must go into; NULL anything */
	const char *refusal;
} homes[] = {
	{ EWS_CONTACT, "contacts", "ContactsFolder", "ErrorCannotCreateContactInNonContactFolder" },
	{ EWS_DISTLIST, "contacts", "ContactsFolder",
		"ErrorCannotCreateContactInNonContactFolder" },
	{ EWS_CALENDAR, "calendar", "CalendarFolder",
		"ErrorCannotCreateCalendarItemInNonCalendarFolder" },
	{ EWS_TASK, "tasks", "TasksFolder", "ErrorCannotCreateTaskInNonTaskFolder" },
	{ EWS_MESSAGE, "drafts", NULL, NULL },
	{ EWS_ITEM, "drafts", NULL, NULL },
};

static struct ews_folder *home(
	struct ews_ctx *c, enum ews_kind kind, bool sent, struct ews_error *err)
{
	xmlNode *saved = xml_first(xml_child(c->payload, "SavedItemFolderId"));
	struct ews_folder *f = NULL;

	if (saved)
		f = ews_find_folder(c, saved, err);
	else if (!c->mailbox)
		ews_fail(err, "ErrorMissingEmailAddress",
			"When making a request as an account that "
			"does not have a mailbox, you must specify the folder to save into.");
	for (size_t i = 0; i < ARRAY_SIZE(homes); i++) {
		if (homes[i].kind != kind)
			continue;
		if (!saved && c->mailbox)
			f = ews_distinguished(c->mailbox, sent ? "sentitems" : homes[i].folder);
		if (f && homes[i].folder_element &&
			strcmp(ews_folder_element(f), homes[i].folder_element) != 0) {
			ews_fail(err, homes[i].refusal,
				"This item can't be created in the folder %s.", f->name);
			return NULL;
		}
	}
	return f;
}

/* What each kind must say about mail, and whether mail leaves. */
static int check_sending(
	struct ews_ctx *c, enum ews_kind kind, char **disposition, struct ews_error *err)
{
	char *invitations AUTOFREE = xml_get(c->payload, "SendMeetingInvitations");

	*disposition = xml_get(c->payload, "MessageDisposition");
	if ((kind == EWS_MESSAGE || kind == EWS_ITEM) && !*disposition)
		return ews_fail(err, "ErrorMessageDispositionRequired",
			"Message disposition should be specified when saving or sending messages.");
	if (kind == EWS_CALENDAR && !invitations)
		return ews_fail(err, "ErrorSendMeetingInvitationsRequired",
			"The SendMeetingInvitations attribute is required for calendar items.");
	return 0;
}

static void log_sent(struct ews_ctx *c, const char *why, const struct ews_item *item)
{
	char *to AUTOFREE = ews_c_to(item);

	sim_mail_log(c->ews->sim, "exchange", why, to ? to : "");
}

/* What else happens when an item was made: invitations leave, a task that is done goes on. */
static void created(struct ews_ctx *c, struct ews_item *item)
{
	char *invitations AUTOFREE = xml_get(c->payload, "SendMeetingInvitations");

	if (item->kind == EWS_CALENDAR)
		ews_meeting_mail(c, item, invitations);
	ews_task_saved(c, item);
}

static void create_one(struct ews_ctx *c, const xmlNode *element)
{
	enum ews_kind kind = ews_element_kind((const char *)element->name);
	char *disposition AUTOFREE = NULL;
	struct ews_error err = { 0 };
	struct ews_item *item = NULL;
	struct ews_folder *f = NULL;
	bool message = kind == EWS_MESSAGE || kind == EWS_ITEM, sent = false;

	if (ews_injected(c, &err))
		goto out;
	if (!kind) {
		ews_fail(&err, "ErrorInvalidItemForOperationCreateItem",
			"Item type is not supported by CreateItem here.");
		goto out;
	}
	if (check_sending(c, kind, &disposition, &err))
		goto out;
	sent = message && strcmp(disposition, "SaveOnly") != 0;
	f = home(c, kind, sent, &err);
	if (!f)
		goto out;
	item = ews_item_new(c->ews, f, kind);
	if (ews_parse_item(c, item, element, &err))
		goto out;
	ews_defaults(c, item);
	if (ews_settle(item, NULL, &err))
		goto out;
	if (sent)
		log_sent(c, "CreateItem MessageDisposition", item);
	if (sent && !strcmp(disposition, "SendOnly")) {
		ews_item_discard(item);
		ews_message_begin(c, "Success");
		buf_adds(&c->out, NO_ITEMS);
		ews_message_end(c);
		return;
	}
	ews_item_insert(c->ews, item, ews_actor(c));
	created(c, item);
	write_id_only(c, item);
out:
	if (err.code && item)
		ews_item_discard(item);
	if (err.code)
		ews_message_error(c, &err, NO_ITEMS);
}

void ews_op_create_item(struct ews_ctx *c)
{
	xml_each(element, xml_child(c->payload, "Items"))
	{
		if (c->fault_code)
			return;
		create_one(c, element);
	}
}

/* DeleteItem */

static int check_delete(struct ews_ctx *c, struct ews_item *item, struct ews_error *err)
{
	char *cancellations AUTOFREE = xml_get(c->payload, "SendMeetingCancellations");
	char *tasks AUTOFREE = xml_get(c->payload, "AffectedTaskOccurrences");

	if (item->kind == EWS_CALENDAR && !cancellations)
		return ews_fail(err, "ErrorSendMeetingCancellationsRequired",
			"SendMeetingCancellations is required for calendar items.");
	if (item->kind == EWS_CALENDAR)
		ews_meeting_mail(c, item, cancellations);
	if (item->kind == EWS_TASK && !tasks)
		return ews_fail(err, "ErrorAffectedTaskOccurrencesRequired",
			"AffectedTaskOccurrences is required for tasks.");
	return 0;
}

/* One of a series, where only that one was named. */
static bool is_one_of_series(struct ews_ctx *c, const struct ews_item *item)
{
	char *tasks AUTOFREE = xml_get(c->payload, "AffectedTaskOccurrences");

	return item->master || (item->kind == EWS_TASK && ews_get_uri(item, "task:Recurrence") &&
				       !strcmp(tasks, "SpecifiedOccurrenceOnly"));
}

static int delete_item(
	struct ews_ctx *c, struct ews_item *item, const char *type, struct ews_error *err)
{
	struct ews_folder *trash = ews_distinguished(item->mailbox, "deleteditems");
	struct ews_folder *dumpster = ews_distinguished(item->mailbox, "recoverableitemsdeletions");
	bool soft = !strcmp(type, "SoftDelete") || ews_folder_within(item->folder, trash);

	if (is_one_of_series(c, item))
		return item->master ? ews_occurrence_delete(c, item, err)
				    : ews_task_skip(c, item, err);
	if (!strcmp(type, "HardDelete") || item->folder == dumpster)
		ews_item_remove(c->ews, item);
	else
		ews_item_move(c->ews, item, soft ? dumpster : trash, ews_actor(c));
	return 0;
}

void ews_op_delete_item(struct ews_ctx *c)
{
	char *type AUTOFREE = xml_get(c->payload, "DeleteType");

	xml_each(id, xml_child(c->payload, "ItemIds"))
	{
		struct ews_error err = { 0 };
		struct ews_item *item = NULL;

		if (!ews_injected(c, &err))
			item = ews_find_item(c, id, &err);
		if (item && !check_delete(c, item, &err) && !delete_item(c, item, type, &err))
			ews_message_ok(c);
		else
			ews_message_error(c, &err, "");
	}
}

/* MoveItem and CopyItem */

static bool folder_takes(
	const struct ews_folder *f, const struct ews_item *item, struct ews_error *err)
{
	if (f->mailbox != item->mailbox) {
		ews_fail(err, "ErrorCrossMailboxMoveCopy",
			"An object can't be moved or copied "
			"between mailboxes here.");
		return false;
	}
	if (item->master) {
		ews_fail(err, "ErrorCalendarCannotMoveOrCopyOccurrence",
			"An occurrence can't be moved or copied without its series.");
		return false;
	}
	return true;
}

static void move_one(struct ews_ctx *c, const xmlNode *id, struct ews_folder *to,
	const struct ews_error *to_err, bool return_ids)
{
	struct ews_error err = *to_err;
	struct ews_item *item = NULL, *moved;

	if (!ews_injected(c, &err) && to)
		item = ews_find_item(c, id, &err);
	if (!item || !folder_takes(to, item, &err)) {
		ews_message_error(c, &err, NO_ITEMS);
		return;
	}
	if (!strcmp(c->op, "MoveItem"))
		moved = ews_item_move(c->ews, item, to, ews_actor(c));
	else
		moved = ews_item_copy(c->ews, item, to, ews_actor(c));
	if (return_ids) {
		write_id_only(c, moved);
		return;
	}
	ews_message_begin(c, "Success");
	buf_adds(&c->out, NO_ITEMS);
	ews_message_end(c);
}

void ews_op_move_item(struct ews_ctx *c)
{
	struct ews_error err = { 0 };
	struct ews_folder *to = ews_find_folder(
		c, xml_first(xml_child(c->payload, "ToFolderId")), &err);
	xmlNode *wanted = xml_child(c->payload, "ReturnNewItemIds");
	char *text AUTOFREE = xml_content(wanted);

	if (err.code && !strcmp(err.code, "ErrorFolderNotFound"))
		err.code = "ErrorToFolderNotFound";
	xml_each(id, xml_child(c->payload, "ItemIds"))
		move_one(c, id, to, &err, !wanted || xml_true(text));
}

/* SendItem: to the log of mails, and into Sent Items. */
void ews_op_send_item(struct ews_ctx *c)
{
	char *save AUTOFREE = xml_get(c->payload, "SaveItemToFolder");
	xmlNode *saved = xml_first(xml_child(c->payload, "SavedItemFolderId"));

	xml_each(id, xml_child(c->payload, "ItemIds"))
	{
		struct ews_error err = { 0 };
		struct ews_item *item = NULL;
		struct ews_folder *to = NULL;

		if (!ews_injected(c, &err))
			item = ews_find_item(c, id, &err);
		if (item && item->kind != EWS_MESSAGE)
			ews_fail(&err, "ErrorInvalidItemForOperationSendItem",
				"Only messages can be sent.");
		if (item && !err.code && saved)
			to = ews_find_folder(c, saved, &err);
		if (!item || err.code) {
			ews_message_error(c, &err, "");
			continue;
		}
		log_sent(c, "SendItem", item);
		if (!xml_true(save))
			ews_item_remove(c->ews, item);
		else
			ews_item_move(c->ews, item,
				to ? to : ews_distinguished(item->mailbox, "sentitems"),
				ews_actor(c));
		ews_message_ok(c);
	}
}
