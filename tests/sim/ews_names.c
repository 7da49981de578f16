/* ResolveNames over the mailboxes and the caller's contacts. */
#include <stdlib.h>
#include <string.h>

#include "sync/mem.h"
#include "tests/sim/ews.h"

#define MAX_RESOLUTIONS 100

struct resolution {
	const struct ews_mailbox *mailbox; /* one of the two */
	const struct ews_item *contact;
};

struct resolutions {
	struct resolution r[MAX_RESOLUTIONS];
	size_t n;
	bool more;
};

static void add(struct resolutions *out, struct resolution r)
{
	if (out->n == MAX_RESOLUTIONS)
		out->more = true;
	else
		out->r[out->n++] = r;
}

static bool starts(const char *text, const char *entry)
{
	return text && !strncasecmp(text, entry, strlen(entry));
}

static bool contact_matches(const struct ews_item *item, const char *entry)
{
	int emails = ews_prop_by_uri(item->mailbox->ews, "contacts:EmailAddresses");

	if (item->kind != EWS_CONTACT || !ews_get(item, emails, 0, 0))
		return false;
	for (int key = 0; key < 3; key++)
		if (starts(ews_get(item, emails, key, 0), entry))
			return true;
	return starts(ews_get_uri(item, "contacts:DisplayName"), entry) ||
	       starts(ews_get_uri(item, "contacts:GivenName"), entry) ||
	       starts(ews_get_uri(item, "contacts:Surname"), entry);
}

static void search_directory(struct ews *ews, const char *entry, struct resolutions *out)
{
	for (const struct ews_mailbox *mb = ews->mailboxes; mb; mb = mb->next)
		if (starts(mb->address, entry) || starts(mb->name, entry))
			add(out, (struct resolution){ .mailbox = mb });
}

static void search_contacts(
	struct ews_ctx *c, const char *entry, struct resolutions *out, struct ews_error *err)
{
	xmlNode *named = xml_first(xml_child(c->payload, "ParentFolderIds"));
	struct ews_folder *f = NULL;

	if (named)
		f = ews_find_folder(c, named, err);
	else if (c->mailbox)
		f = ews_distinguished(c->mailbox, "contacts");
	for (const struct ews_item *item = f ? f->first : NULL; item; item = item->next)
		if (contact_matches(item, entry))
			add(out, (struct resolution){ .contact = item });
}

static void write_mailbox(struct ews_ctx *c, const struct resolution *r)
{
	int emails = ews_prop_by_uri(c->ews, "contacts:EmailAddresses");

	buf_adds(&c->out, "<t:Mailbox>");
	xml_element(&c->out, "t:Name",
		r->mailbox ? r->mailbox->name : ews_get_uri(r->contact, "contacts:DisplayName"));
	xml_element(&c->out, "t:EmailAddress",
		r->mailbox ? r->mailbox->address : ews_get(r->contact, emails, 0, 0));
	buf_adds(&c->out, "<t:RoutingType>SMTP</t:RoutingType>");
	xml_element(&c->out, "t:MailboxType", r->mailbox ? "Mailbox" : "Contact");
	if (r->contact)
		ews_write_item_id(&c->out, r->contact);
	buf_adds(&c->out, "</t:Mailbox>");
}

static void write_directory_contact(struct buf *b, const struct ews_mailbox *mb)
{
	buf_adds(b, "<t:Contact>");
	xml_element(b, "t:DisplayName", mb->name);
	buf_adds(b, "<t:EmailAddresses><t:Entry Key=\"EmailAddress1\">SMTP:");
	xml_text(b, mb->address);
	buf_adds(b,
		"</t:Entry></t:EmailAddresses><t:ContactSource>ActiveDirectory</t:ContactSource>"
		"</t:Contact>");
}

/* The contact in full, as if every property had been asked for by name. */
static void write_stored_contact(struct ews_ctx *c, const struct ews_item *item)
{
	struct ews_shape shape = { .reach = EWS_FIND, .body = "Best" };

	for (size_t i = 0; i < ews_n_props; i++)
		if (!(ews_props[i].flags & EWS_F_NOFIND) && ews_props[i].type != EWS_T_EXTENDED)
			shape.sel[i] = ~0u;
	ews_shape_write(c, &shape, item);
}

static void write_resolutions(struct ews_ctx *c, const struct resolutions *found, bool full)
{
	buf_addf(&c->out,
		"<m:ResolutionSet TotalItemsInView=\"%zu\" "
		"IncludesLastItemInRange=\"%s\">",
		found->n, found->more ? "false" : "true");
	for (size_t i = 0; i < found->n; i++) {
		buf_adds(&c->out, "<t:Resolution>");
		write_mailbox(c, &found->r[i]);
		if (full && found->r[i].mailbox)
			write_directory_contact(&c->out, found->r[i].mailbox);
		else if (full)
			write_stored_contact(c, found->r[i].contact);
		buf_adds(&c->out, "</t:Resolution>");
	}
	buf_adds(&c->out, "</m:ResolutionSet>");
}

void ews_op_resolve_names(struct ews_ctx *c)
{
	char *raw AUTOFREE = xml_content(xml_child(c->payload, "UnresolvedEntry"));
	char *scope AUTOFREE = xml_get(c->payload, "SearchScope");
	char *full AUTOFREE = xml_get(c->payload, "ReturnFullContactData");
	const char *entry = strncasecmp(raw, "smtp:", 5) ? raw : raw + 5;
	struct resolutions *found = xcalloc(1, sizeof(*found));
	struct ews_error err = { 0 };

	if (!ews_injected(c, &err)) {
		if (!scope || strcmp(scope, "Contacts") != 0)
			search_directory(c->ews, entry, found);
		if (!scope || strcmp(scope, "ActiveDirectory") != 0)
			search_contacts(c, entry, found, &err);
		if (!found->n && !err.code)
			ews_fail(&err, "ErrorNameResolutionNoResults", "No results were found.");
	}
	if (err.code) {
		ews_message_error(c, &err, "");
		free(found);
		return;
	}
	ews_message_begin(c, found->n > 1 ? "Warning" : "Success");
	if (found->n > 1)
		buf_adds(&c->out,
			"<m:MessageText>Multiple results were found.</m:MessageText>"
			"<m:ResponseCode>ErrorNameResolutionMultipleResults</m:ResponseCode>"
			"<m:DescriptiveLinkKey>0</m:DescriptiveLinkKey>");
	write_resolutions(c, found, xml_true(full));
	ews_message_end(c);
	free(found);
}
