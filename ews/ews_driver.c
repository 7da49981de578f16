/* The driver: the table of operations, the kinds, opening and closing. */
#include "ews/ews.h"

#include <libxml/parser.h>
#include <stdlib.h>
#include <string.h>

#include "ews/ews_private.h"
#include "ews/ews_event.h"
#include "ews/ews_recurrence.h"
#include "sync/mem.h"

static const struct field_table no_fields = { NULL, 0 };

const struct ews_kind ews_kinds[ITEM_KINDS] = {
	[KIND_CONTACT] = { KIND_CONTACT, "Contact", "IPM.Contact", "ContactsFolder", "IPF.Contact",
		{ "contacts" }, &ews_contact_table, { NULL } },
	[KIND_EVENT] = { KIND_EVENT, "CalendarItem", "IPM.Appointment", "CalendarFolder",
		"IPF.Appointment", { "calendar" }, &ews_event_table,
		{ "item:ReminderIsSet", "calendar:IsMeeting", "calendar:Resources",
			"calendar:ModifiedOccurrences", "calendar:DeletedOccurrences" } },
	[KIND_TASK] = { KIND_TASK, "Task", "IPM.Task", "TasksFolder", "IPF.Task", { "tasks" },
		&ews_task_table, { "item:ReminderIsSet" } },
	[KIND_MAIL] = { KIND_MAIL, "Message", "IPM.Note", "Folder", "IPF.Note",
		{ "inbox", "sentitems" }, &no_fields, { NULL } },
};

static struct field_table fields(enum item_kind kind)
{
	return *ews_kinds[kind].table;
}

static int check(enum item_kind kind, const json_t *doc, struct error *err)
{
	int rc = kind == KIND_EVENT || kind == KIND_TASK ? ews_recurrence_check(doc, err) : 0;

	return !rc && kind == KIND_EVENT ? ews_event_check(doc, err) : rc;
}

static int server_open(void **server, const char *url, const char *ca_file, const char *record_dir,
	struct error *err)
{
	struct http_options options = {
		.name = "exchange",
		.ca_file = ca_file,
		.answer_limit = EWS_ANSWER_LIMIT,
		.record_dir = record_dir,
	};
	struct ews_server *s = xcalloc(1, sizeof(*s));

	/* Before there are threads: libxml2 sets itself up on first use. */
	xmlInitParser();
	s->http = http_new(&options, err);
	if (!s->http) {
		free(s);
		return err ? err->code : ERR_INTERNAL;
	}
	s->url = xstrdup(url);
	*server = s;
	return 0;
}

static void server_close(void *server)
{
	struct ews_server *s = server;

	if (!s)
		return;
	http_free(s->http);
	free(s->url);
	free(s);
}

static void server_cancel(void *server)
{
	http_cancel(((struct ews_server *)server)->http);
}

static unsigned int server_back_off_left(void *server)
{
	return http_back_off_left(((struct ews_server *)server)->http);
}

static void close_mailbox(struct mailbox *mailbox)
{
	if (!mailbox)
		return;
	if (mailbox->password) {
		explicit_bzero(mailbox->password, strlen(mailbox->password));
		free(mailbox->password);
	}
	free(mailbox->url);
	free(mailbox->user);
	free(mailbox->address);
	free(mailbox->zone);
	zones_free(&mailbox->zones);
	free(mailbox);
}

/* An address becomes a header and an XML element: what could break out of the header is refused. */
static int check_address(const char *address, struct error *err)
{
	for (const char *c = address; *c; c++)
		if ((unsigned char)*c <= ' ' || *c == 0x7F)
			return error_set(err, ERR_INVALID, "a mailbox address has no spaces");
	return *address ? 0 : error_set(err, ERR_INVALID, "a mailbox without an address");
}

static int open_mailbox(struct mailbox **out, void *server, const struct mailbox_options *options,
	struct error *err)
{
	struct ews_server *s = server;
	struct mailbox *mailbox;
	int rc;

	*out = NULL;
	if (!options->address || !options->user || !options->password)
		return error_set(err, ERR_INVALID,
			"a mailbox needs an address, and an account with a password to sign in");
	rc = check_address(options->address, err);
	if (rc)
		return rc;
	mailbox = xcalloc(1, sizeof(*mailbox));
	mailbox->server = s;
	mailbox->url = xstrdup(options->url ? options->url : s->url);
	mailbox->user = xstrdup(options->user);
	mailbox->password = xstrdup(options->password);
	mailbox->address = xstrdup(options->address);
	mailbox->impersonate = options->impersonate;
	mailbox->zone = xstrdup(options->timezone ? options->timezone : "Etc/UTC");
	*out = mailbox;
	return 0;
}

static void use_time_zone(struct mailbox *mailbox, const char *zone)
{
	char *own = xstrdup(zone);

	free(mailbox->zone);
	mailbox->zone = own;
}

const struct mailbox_driver ews_driver = {
	.name = "ews",
	.fields = fields,
	.check = check,
	.server_open = server_open,
	.server_close = server_close,
	.server_cancel = server_cancel,
	.server_back_off_left = server_back_off_left,
	.open = open_mailbox,
	.close = close_mailbox,
	.test = ews_test,
	.sync_folders = ews_sync_folders,
	.sync_items = ews_sync_items,
	.get_items = ews_get_items,
	.get_apart = ews_get_apart,
	.later = ews_later,
	.keep = ews_keep,
	.write_items = ews_write_items,
	.create_folder = ews_create_folder,
	.rename_folder = ews_rename_folder,
	.move_folder = ews_move_folder,
	.delete_folder = ews_delete_folder,
	.time_zone = ews_time_zone,
	.use_time_zone = use_time_zone,
	.add_categories = ews_add_categories,
};
