/* Attendees of a meeting: kept as XML, as the server completes it, with what they answered.
 *
 * A client names mailboxes; the server gives them names and types, and knows the answers, which
 * nobody but the attendee changes.  Whoever would be mailed goes to the log of mails. */
#include <libxml/parser.h>
#include <stdlib.h>
#include <string.h>

#include "sync/mem.h"
#include "tests/sim/ews_calendar.h"

static const char *const lists[] = { "calendar:RequiredAttendees", "calendar:OptionalAttendees",
	"calendar:Resources" };

/* The <Attendee> elements that an item keeps, in a document of their own; NULL without. */
static xmlDoc *attendees_of(const struct ews_item *item, const char *uri)
{
	const char *inner = ews_get_uri(item, uri);
	char *xml AUTOFREE = inner ? xasprintf("<t:Attendees xmlns:t=\"" EWS_NS_T
					       "\">%s</t:Attendees>",
					     inner)
				   : NULL;

	return xml ? xmlReadMemory(xml, (int)strlen(xml), "attendees.xml", NULL, XML_PARSE_NONET)
		   : NULL;
}

static char *address_of(const xmlNode *attendee)
{
	return xml_content(xml_child(xml_child(attendee, "Mailbox"), "EmailAddress"));
}

bool ews_has_attendees(const struct ews_item *item)
{
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
		if (ews_get_uri(item, lists[i]))
			return true;
	return false;
}

/* What is known of an attendee's answer, as XML after the Mailbox. */
static char *answer_of(const struct ews_item *item, const char *address)
{
	char *found = NULL;

	for (size_t i = 0; item && i < ARRAY_SIZE(lists) && !found; i++) {
		xmlDoc *doc = attendees_of(item, lists[i]);

		xml_each(attendee, doc ? xmlDocGetRootElement(doc) : NULL)
		{
			char *theirs AUTOFREE = address_of(attendee);
			char *type AUTOFREE = xml_content(xml_child(attendee, "ResponseType"));
			char *when AUTOFREE = xml_content(xml_child(attendee, "LastResponseTime"));
			struct buf b = BUF_INIT(4096);

			if (found || strcasecmp(theirs, address) != 0)
				continue;
			xml_element(&b, "t:ResponseType", *type ? type : "Unknown");
			xml_element(&b, "t:LastResponseTime", *when ? when : NULL);
			found = buf_take(&b);
		}
		xmlFreeDoc(doc);
	}
	return found;
}

static void write_attendee(struct buf *b, const struct ews_item *item, const xmlNode *attendee,
	const struct ews_item *answers)
{
	const xmlNode *box = xml_child(attendee, "Mailbox");
	char *address AUTOFREE = address_of(attendee);
	char *name AUTOFREE = xml_content(xml_child(box, "Name"));
	char *routing AUTOFREE = xml_content(xml_child(box, "RoutingType"));
	struct ews_mailbox *known = ews_mailbox_find(item->mailbox->ews, address);
	char *answer AUTOFREE = answer_of(answers, address);
	const char *shown = known ? known->name : *name ? name : address;

	buf_adds(b, "<t:Attendee><t:Mailbox>");
	xml_element(b, "t:Name", shown);
	xml_element(b, "t:EmailAddress", *address ? address : NULL);
	xml_element(b, "t:RoutingType", *routing ? routing : "SMTP");
	xml_element(b, "t:MailboxType", known ? "Mailbox" : "OneOff");
	buf_adds(b, "</t:Mailbox>");
	if (known == item->mailbox && !ews_get_uri(item, "calendar:Organizer"))
		xml_element(b, "t:ResponseType", "Organizer");
	else if (answer)
		buf_adds(b, answer);
	else
		xml_element(b, "t:ResponseType", "Unknown");
	buf_adds(b, "</t:Attendee>");
}

/* Answers that a request wrote count for nothing; those of a seed do. */
void ews_attendees_settle(struct ews_item *item, const struct ews_item *old)
{
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
		const char *before = old ? ews_get_uri(old, lists[i]) : NULL;
		const char *now = ews_get_uri(item, lists[i]);
		xmlDoc *doc;
		struct buf b = BUF_INIT(EWS_ANSWER_LIMIT);
		char *text;

		if (!now || (before && !strcmp(before, now)))
			continue;
		doc = attendees_of(item, lists[i]);
		xml_each(attendee, doc ? xmlDocGetRootElement(doc) : NULL)
			write_attendee(&b, item, attendee, item->seeding ? item : old);
		xmlFreeDoc(doc);
		text = buf_take(&b);
		ews_put_uri(item, lists[i], text);
		free(text);
	}
}

static void add_addresses(struct buf *b, const struct ews_item *item)
{
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
		xmlDoc *doc = attendees_of(item, lists[i]);

		xml_each(attendee, doc ? xmlDocGetRootElement(doc) : NULL)
		{
			char *address AUTOFREE = address_of(attendee);

			buf_addf(b, "%s%s", b->len ? "; " : "", address);
		}
		xmlFreeDoc(doc);
	}
}

void ews_meeting_mail(struct ews_ctx *c, struct ews_item *item, const char *how)
{
	struct buf b = BUF_INIT(1 << 20);
	char *why AUTOFREE = xasprintf("%s %s", c->op, how);
	char *to;

	if (!strcmp(how, "SendToNone") || !ews_has_attendees(item)) {
		buf_free(&b);
		return;
	}
	add_addresses(&b, item);
	to = buf_take(&b);
	sim_mail_log(c->ews->sim, "exchange", why, to);
	free(to);
	if (strcmp(c->op, "DeleteItem") != 0)
		ews_put_uri(item, "calendar:MeetingRequestWasSent", "true");
}

bool ews_attendee_respond(struct ews_item *item, const char *address, const char *response)
{
	bool found = false;
	char *now AUTOFREE = ews_date_text(sim_now_ns(item->mailbox->ews->sim));

	for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
		xmlDoc *doc = attendees_of(item, lists[i]);
		xmlNode *root = doc ? xmlDocGetRootElement(doc) : NULL;
		char *inner;

		xml_each(attendee, root)
		{
			char *theirs AUTOFREE = address_of(attendee);
			xmlNode *type = xml_child(attendee, "ResponseType");
			xmlNode *when = xml_child(attendee, "LastResponseTime");

			if (strcasecmp(theirs, address) != 0 || !type)
				continue;
			found = true;
			xmlNodeSetContent(type, (const xmlChar *)response);
			if (when)
				xmlNodeSetContent(when, (const xmlChar *)now);
			else
				xmlNewChild(attendee, type->ns, (const xmlChar *)"LastResponseTime",
					(const xmlChar *)now);
		}
		if (!root)
			continue;
		inner = xml_inner(root);
		ews_put_uri(item, lists[i], inner);
		free(inner);
		xmlFreeDoc(doc);
	}
	return found;
}
