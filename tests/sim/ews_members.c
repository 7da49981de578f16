/* The members of a distribution list, as Exchange keeps what a client wrote.
 *
 * Every member gets a Key (the one-off entry id that its name and address make) and a Status; what the
 * client left out of its Mailbox is filled in.  A member of type PrivateDL or Contact names an item of
 * the mailbox, and may have no address. */
#include <stdlib.h>
#include <string.h>

#include "sync/mem.h"
#include "tests/sim/ews.h"

static void write_mailbox(struct buf *b, const xmlNode *mailbox)
{
	char *name AUTOFREE = xml_content(xml_child(mailbox, "Name"));
	char *address AUTOFREE = xml_content(xml_child(mailbox, "EmailAddress"));
	char *routing AUTOFREE = xml_content(xml_child(mailbox, "RoutingType"));
	char *type AUTOFREE = xml_content(xml_child(mailbox, "MailboxType"));
	xmlNode *item = xml_child(mailbox, "ItemId");
	char *id AUTOFREE = xml_get(item, "Id");

	buf_adds(b, "<t:Mailbox>");
	xml_element(b, "t:Name", *name ? name : address);
	if (*address) {
		xml_element(b, "t:EmailAddress", address);
		xml_element(b, "t:RoutingType", *routing ? routing : "SMTP");
	} else {
		xml_element(b, "t:RoutingType", *routing ? routing : "MAPIPDL");
	}
	xml_element(b, "t:MailboxType", *type ? type : "OneOff");
	if (id) {
		buf_adds(b, "<t:ItemId");
		xml_attr(b, "Id", id);
		buf_adds(b, "/>");
	}
	buf_adds(b, "</t:Mailbox>");
}

char *ews_members_read(const xmlNode *element)
{
	struct buf b = BUF_INIT(EWS_ANSWER_LIMIT);

	xml_each(member, element)
	{
		xmlNode *mailbox = xml_child(member, "Mailbox");
		char *named AUTOFREE = xml_content(mailbox);
		char *key AUTOFREE = base64_encode(named, strlen(named));

		buf_adds(&b, "<t:Member");
		xml_attr(&b, "Key", key);
		buf_addc(&b, '>');
		write_mailbox(&b, mailbox);
		buf_adds(&b, "<t:Status>Normal</t:Status></t:Member>");
	}
	return buf_take(&b);
}
