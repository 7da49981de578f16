/* Distribution lists: items of a contacts folder that are read as Cards of kind group.
 *
 * They share the table of contacts, as far as their elements have the same names, and add what they
 * are and who belongs to them.  They are read, moved and deleted, but never made or changed here: of an
 * update only our marks are written.
 *
 * A member is an array of a URI and a name.  One without an Internet address (a list in the list, an
 * entry of the Exchange directory) is named by a urn: made of what Exchange calls it. */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "ews/ews_form.h"
#include "ews/ews_private.h"
#include "sync/mem.h"

#define LIST_ELEMENT "DistributionList"
#define LIST_CLASS   "IPM.DistList"
#define GROUP	     "group"
#define MAIL	     "mailto:"
#define OTHER	     "urn:x-exchange:"

bool ews_list_is(const xmlNode *item, const char *item_class)
{
	size_t len = strlen(LIST_CLASS);

	return xml_is(item, LIST_ELEMENT) &&
	       (!item_class || !*item_class ||
		       (!strncasecmp(item_class, LIST_CLASS, len) &&
			       (!item_class[len] || item_class[len] == '.')));
}

const char *ews_item_element(const struct ews_kind *kind, const struct mailbox_op *op)
{
	const char *is = json_string_value(json_object_get(op->fields, EWS_LIST_FIELD));

	return kind->kind == KIND_CONTACT && is && !strcmp(is, GROUP) ? LIST_ELEMENT : kind->item;
}

bool ews_list_read_kind(const struct field *row, const xmlNode *node, json_t *fields)
{
	if (xml_is(node, LIST_ELEMENT))
		ews_form_put(fields, row->name, GROUP);
	return true;
}

/* Characters that stand for themselves in a mailto: (RFC 6068, section 2) and in a urn: (RFC 8141). */
#define MAIL_CHARS  "-._~!$'*+@"
#define OTHER_CHARS MAIL_CHARS "/="

static void add_percent(struct buf *out, const char *text, const char *plain)
{
	for (; *text; text++) {
		if (isalnum((unsigned char)*text) || strchr(plain, *text))
			buf_addc(out, *text);
		else
			buf_addf(out, "%%%02X", (unsigned char)*text);
	}
}

static void read_member(const xmlNode *mailbox, json_t *members)
{
	char *address AUTOFREE = xml_child_text(mailbox, "EmailAddress");
	char *routing AUTOFREE = xml_child_text(mailbox, "RoutingType");
	char *name AUTOFREE = xml_child_text(mailbox, "Name");
	bool internet = address && strchr(address, '@') &&
			(!routing || !*routing || !strcasecmp(routing, "SMTP"));
	const char *called = address && *address ? address : name;
	struct buf uri AUTOBUF = BUF_INIT(1 << 16);

	if (!called || !*called)
		return;
	buf_adds(&uri, internet ? MAIL : OTHER);
	add_percent(&uri, called, internet ? MAIL_CHARS : OTHER_CHARS);
	if (name && internet && !strcasecmp(name, address)) /* says nothing more */
		name[0] = '\0';
	json_array_append_new(members, json_pack("[s, s]", buf_str(&uri), name ? name : ""));
}

bool ews_list_read_members(const struct field *row, const xmlNode *node, json_t *fields)
{
	xmlNode *member = xml_first(xml_child(node, ews_wire_of(row)->element));
	json_t *members = json_array();

	for (; member; member = xml_next(member))
		read_member(xml_child(member, "Mailbox"), members);
	if (json_array_size(members))
		json_object_set(fields, row->name, members);
	json_decref(members);
	return true;
}
