/* What the server itself makes of an item: times, sizes, rights, defaults, CompleteName, FileAs.
 *
 * The functions stand in the rows of the table (ews_props.c) and answer where nothing is stored.
 * ews_settle() is what Exchange does while it saves. */
#include <stdlib.h>
#include <string.h>

#include "sync/mem.h"
#include "tests/sim/ews_calendar.h"

#define FIXED(name, value)                                                                         \
	char *name(const struct ews_item *item)                                                    \
	{                                                                                          \
		(void)item;                                                                        \
		return xstrdup(value);                                                             \
	}

FIXED(ews_c_false, "false")
FIXED(ews_c_true, "true")
FIXED(ews_c_normal, "Normal")
FIXED(ews_c_none, "None")
FIXED(ews_c_zero, "0")
FIXED(ews_c_culture, "en-US")
FIXED(ews_c_busy, "Busy")
FIXED(ews_c_not_started, "NotStarted")
FIXED(ews_c_no_match, "NoMatch")
FIXED(ews_c_flag, "<t:FlagStatus>NotFlagged</t:FlagStatus>")
FIXED(ews_c_rights,
	"<t:CreateAssociated>false</t:CreateAssociated>"
	"<t:CreateContents>false</t:CreateContents><t:CreateHierarchy>false</t:CreateHierarchy>"
	"<t:Delete>true</t:Delete><t:Modify>true</t:Modify><t:Read>true</t:Read>"
	"<t:ViewPrivateItems>true</t:ViewPrivateItems>")

char *ews_c_class(const struct ews_item *item)
{
	switch (item->kind) {
	case EWS_CONTACT:
		return xstrdup("IPM.Contact");
	case EWS_CALENDAR:
		if (item->master)
			return xstrdup(item->is_exception ? "IPM.Appointment.Exception"
							  : "IPM.Appointment.Occurrence");
		return xstrdup("IPM.Appointment");
	case EWS_TASK:
		return xstrdup("IPM.Task");
	case EWS_DISTLIST:
		return xstrdup("IPM.DistList");
	default:
		return xstrdup("IPM.Note");
	}
}

char *ews_c_icon(const struct ews_item *item)
{
	return xstrdup(item->kind == EWS_CONTACT ? "OutlookDefaultForContacts" : "Default");
}

char *ews_c_created(const struct ews_item *item)
{
	return ews_stamp(item->mailbox->ews, item->created);
}

char *ews_c_received(const struct ews_item *item)
{
	return ews_stamp(item->mailbox->ews, item->created);
}

char *ews_c_modified(const struct ews_item *item)
{
	return ews_stamp(item->mailbox->ews, item->modified);
}

char *ews_c_modified_by(const struct ews_item *item)
{
	return xstrdup(item->modified_by);
}

char *ews_c_size(const struct ews_item *item)
{
	size_t size = 1024;

	for (size_t i = 0; i < item->n_values; i++)
		size += item->values[i].text ? strlen(item->values[i].text) * 2 + 16 : 0;
	for (size_t i = 0; i < item->n_ext; i++)
		for (size_t k = 0; k < item->ext[i].n; k++)
			size += strlen(item->ext[i].values[k]) * 2 + 16;
	return xasprintf("%zu", size + ews_attachments_size(item));
}

char *ews_c_associated(const struct ews_item *item)
{
	return xstrdup(item->associated ? "true" : "false");
}

char *ews_c_is_draft(const struct ews_item *item)
{
	const char *where = item->folder ? item->folder->distinguished : NULL;

	return xstrdup(
		item->kind == EWS_MESSAGE && where && !strcmp(where, "drafts") ? "true" : "false");
}

char *ews_c_store(const struct ews_item *item)
{
	return base64_encode(item->mailbox->guid, EWS_KEY_LEN);
}

char *ews_c_instance_key(const struct ews_item *item)
{
	unsigned char key[22];

	ews_source_key(item->mailbox, item->counter, key);
	return base64_encode(key + 14, 8);
}

char *ews_c_subject(const struct ews_item *item)
{
	if (item->kind == EWS_CONTACT || item->kind == EWS_DISTLIST)
		return xstrdup(ews_get_uri(item, "contacts:DisplayName"));
	return NULL;
}

char *ews_c_topic(const struct ews_item *item)
{
	return xstrdup(ews_get_uri(item, "item:Subject"));
}

char *ews_c_preview(const struct ews_item *item)
{
	const char *body = ews_get_uri(item, "item:Body");

	return body ? xstrndup(body, strnlen(body, 255)) : NULL;
}

/* The names in recipients kept as XML, joined as DisplayTo shows them. */
static char *recipients(const struct ews_item *item, const char *uri)
{
	static const char open[] = "<t:Name>", address[] = "<t:EmailAddress>";
	const char *xml = ews_get_uri(item, uri), *at;
	struct buf b = BUF_INIT(1 << 16);

	if (!xml)
		return NULL;
	for (at = strstr(xml, "<t:Mailbox>"); at; at = strstr(at, "<t:Mailbox>")) {
		const char *end = strstr(++at, "</t:Mailbox>");
		const char *name = strstr(at, open);
		size_t skip = sizeof(open) - 1;

		if (!end)
			break;
		if (!name || name > end) {
			name = strstr(at, address);
			skip = sizeof(address) - 1;
		}
		if (!name || name > end)
			continue;
		buf_adds(&b, b.len ? "; " : "");
		buf_add(&b, name + skip, strcspn(name + skip, "<"));
	}
	return buf_take(&b);
}

char *ews_c_to(const struct ews_item *item)
{
	return recipients(item, "message:ToRecipients");
}

char *ews_c_cc(const struct ews_item *item)
{
	return recipients(item, "message:CcRecipients");
}

static char *owner_mailbox(const struct ews_item *item)
{
	struct buf b = BUF_INIT(4096);

	buf_adds(&b, "<t:Mailbox>");
	xml_element(&b, "t:Name", item->mailbox->name);
	xml_element(&b, "t:EmailAddress", item->mailbox->address);
	buf_adds(&b, "<t:RoutingType>SMTP</t:RoutingType></t:Mailbox>");
	return buf_take(&b);
}

char *ews_c_from(const struct ews_item *item)
{
	return owner_mailbox(item);
}

char *ews_c_organizer(const struct ews_item *item)
{
	return owner_mailbox(item);
}

char *ews_c_owner(const struct ews_item *item)
{
	return xstrdup(item->mailbox->name);
}

static char *key_hex(const struct ews_item *item)
{
	return hex_encode(item->search_key, EWS_KEY_LEN);
}

char *ews_c_mime_id(const struct ews_item *item)
{
	char *hex AUTOFREE = key_hex(item);

	return xasprintf("<%s@%s>", hex, item->mailbox->address);
}

/* MS-OXOCAL 2.2.1.28: a GlobalObjectId, in hexadecimal. */
char *ews_c_uid(const struct ews_item *item)
{
	char *hex AUTOFREE = key_hex(item);

	return xasprintf("040000008200E00074C5B7101A82E00800000000000000000000000000000000"
			 "0000000010000000%s",
		hex);
}

char *ews_c_is_complete(const struct ews_item *item)
{
	const char *status = ews_get_uri(item, "task:Status");

	return xstrdup(status && !strcmp(status, "Completed") ? "true" : "false");
}

/* A message that was made without MIME still has some. */
char *ews_c_mime(const struct ews_item *item)
{
	const char *subject = ews_get_uri(item, "item:Subject");
	const char *body = ews_get_uri(item, "item:Body");
	char *date AUTOFREE = NULL, *id AUTOFREE = NULL, *mime AUTOFREE = NULL;

	if (item->kind != EWS_MESSAGE)
		return NULL;
	date = ews_date_text(item->created);
	id = ews_c_mime_id(item);
	mime = xasprintf("From: <%s>\r\nSubject: %s\r\nX-Date: %s\r\nMessage-ID: %s\r\n"
			 "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n%s",
		item->mailbox->address, subject ? subject : "", date, id, body ? body : "");
	return base64_encode(mime, strlen(mime));
}

/* CompleteName is read only: its Title comes from PidTagDisplayNamePrefix, the rest from the
 * names. */
char *ews_c_complete_name(const struct ews_item *item)
{
	static const struct {
		const char *element, *uri;
	} parts[] = {
		{ "t:FirstName", "contacts:GivenName" },
		{ "t:MiddleName", "contacts:MiddleName" },
		{ "t:LastName", "contacts:Surname" },
		{ "t:Suffix", "contacts:Generation" },
		{ "t:Initials", "contacts:Initials" },
		{ "t:FullName", "contacts:DisplayName" },
		{ "t:Nickname", "contacts:Nickname" },
	};
	const struct ews_ext_name *prefix = ews_ext_named(item->mailbox->ews, "0x3a45", "String");
	struct buf b = BUF_INIT(1 << 20);

	for (size_t i = 0; i < item->n_ext; i++)
		if (item->ext[i].name == prefix && item->ext[i].n)
			xml_element(&b, "t:Title", item->ext[i].values[0]);
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		xml_element(&b, parts[i].element, ews_get_uri(item, parts[i].uri));
	if (!b.len) {
		buf_free(&b);
		return NULL;
	}
	return buf_take(&b);
}

/* How FileAs is put together: F first, M middle, L last, S suffix, C company, D display name;
 * a letter stands with the text before it, and both are left out where it is empty. */
static const struct {
	const char *mapping, *pattern;
} file_as[] = {
	{ "LastCommaFirst", "L|, F| M" },
	{ "FirstSpaceLast", "F| M| L| S" },
	{ "Company", "C" },
	{ "LastCommaFirstCompany", "L|, F| M|\r\nC" },
	{ "CompanyLastFirst", "C|\r\nL|F" },
	{ "LastFirst", "L|F" },
	{ "LastFirstCompany", "L|F|\r\nC" },
	{ "CompanyLastCommaFirst", "C|\r\nL|, F| M" },
	{ "LastFirstSuffix", "L|F| S" },
	{ "LastSpaceFirstCompany", "L| F|\r\nC" },
	{ "CompanyLastSpaceFirst", "C|\r\nL| F" },
	{ "LastSpaceFirst", "L| F" },
	{ "DisplayName", "D" },
	{ "FirstName", "F" },
	{ "LastFirstMiddleSuffix", "L|F| M| S" },
	{ "LastName", "L" },
};

static const char *name_part(const struct ews_item *item, char letter)
{
	switch (letter) {
	case 'F':
		return ews_get_uri(item, "contacts:GivenName");
	case 'M':
		return ews_get_uri(item, "contacts:MiddleName");
	case 'L':
		return ews_get_uri(item, "contacts:Surname");
	case 'S':
		return ews_get_uri(item, "contacts:Generation");
	case 'C':
		return ews_get_uri(item, "contacts:CompanyName");
	default:
		return ews_get_uri(item, "contacts:DisplayName");
	}
}

static char *compose(const struct ews_item *item, const char *pattern)
{
	struct buf b = BUF_INIT(1 << 20);

	while (*pattern) {
		size_t len = strcspn(pattern, "|");
		const char *value = name_part(item, pattern[len - 1]);

		if (value) {
			if (b.len)
				buf_add(&b, pattern, len - 1);
			buf_adds(&b, value);
		}
		pattern += len + (pattern[len] == '|');
	}
	return buf_take(&b);
}

static void settle_contact(struct ews_item *item, bool created)
{
	const char *mapping = ews_get_uri(item, "contacts:FileAsMapping");
	char *text AUTOFREE = NULL;

	if (created && !ews_get_uri(item, "contacts:DisplayName")) {
		char *name AUTOFREE = compose(item, "F| M| L| S");

		ews_put_uri(item, "contacts:DisplayName", name);
	}
	for (size_t i = 0; mapping && i < ARRAY_SIZE(file_as); i++)
		if (!strcmp(mapping, file_as[i].mapping))
			text = compose(item, file_as[i].pattern);
	if (text && strcmp(text, ews_get_uri(item, "contacts:FileAs") ?: "") != 0)
		ews_put_uri(item, "contacts:FileAs", text);
}

int ews_settle(struct ews_item *item, const struct ews_item *old, struct ews_error *err)
{
	switch (item->kind) {
	case EWS_CONTACT:
		settle_contact(item, !old);
		return 0;
	case EWS_CALENDAR:
		return ews_calendar_settle(item, old, err);
	case EWS_TASK:
		return ews_task_settle(item, err);
	default:
		return 0;
	}
}

void ews_defaults(struct ews_ctx *c, struct ews_item *item)
{
	const char *where = item->folder->distinguished;

	if (item->kind == EWS_CALENDAR)
		ews_calendar_defaults(c, item);
	if (item->kind == EWS_MESSAGE && !ews_get_uri(item, "message:IsRead"))
		ews_put_uri(item, "message:IsRead",
			where && !strcmp(where, "inbox") ? "false" : "true");
}
