/* User configurations: settings of a mailbox, XML documents in hidden messages of its calendar (MS-OXOCFG).
 *
 * The CategoryList is ews_category.c's.  WorkHours (2.2.5.2.1), which Outlook and Outlook on the web keep
 * there, names the user's time zone. */
#include <stdlib.h>
#include <string.h>

#include "ews/ews_private.h"
#include "sync/formats/data_uri.h"
#include "sync/mem.h"

#define WORK_HOURS "WorkHours"
#define HOURS_MAX  ((size_t)64 << 10)

void ews_write_config_name(
	struct buf *out, const struct mailbox *mailbox, const char *prefix, const char *name)
{
	char *element AUTOFREE = xasprintf("%s:UserConfigurationName", prefix);

	xml_start(out, element, "Name", name);
	ews_write_distinguished(out, mailbox, "calendar");
	xml_end(out, element);
}

static int decode(const char *text, const char *name, struct buf *out, struct error *err)
{
	if (!data_base64_read(text, strlen(text), out))
		return error_set(err, ERR_REMOTE, "%s is not base64", name);
	return buf_check(out, name, err) ? ERR_TOO_BIG : 0;
}

int ews_get_config(
	struct mailbox *mailbox, const char *name, struct buf *xml, bool *absent, struct error *err)
{
	struct buf payload AUTOBUF = BUF_INIT(EWS_REQUEST_LIMIT);
	struct ews_answer answer;
	xmlNode *message;
	int rc;

	xml_start(&payload, "m:GetUserConfiguration");
	ews_write_config_name(&payload, mailbox, "m", name);
	xml_element(&payload, "m:UserConfigurationProperties", "XmlData");
	xml_end(&payload, "m:GetUserConfiguration");
	rc = ews_call_one(
		mailbox, "GetUserConfiguration", EWS_READS, &payload, &answer, &message, err);
	*absent = rc == ERR_NOT_FOUND;
	if (!rc) {
		char *text AUTOFREE = xml_content(xml_find(message, "XmlData"));

		if (text)
			rc = decode(text, name, xml, err);
	}
	ews_answer_free(&answer);
	return *absent ? 0 : rc;
}

int ews_time_zone(struct mailbox *mailbox, char **zone, struct error *err)
{
	struct buf xml AUTOBUF = BUF_INIT(HOURS_MAX);
	char *name AUTOFREE = NULL, iana[ZONE_NAME];
	struct error own = ERROR_INIT;
	xmlDoc *doc = NULL;
	bool absent;
	int rc = ews_get_config(mailbox, WORK_HOURS, &xml, &absent, err ? err : &own);

	*zone = NULL;
	if (rc == ERR_DENIED || rc == ERR_TOO_BIG)
		return 0; /* as good as none */
	if (rc || absent || !xml.len || xml_parse(buf_str(&xml), xml.len, &doc, NULL))
		return rc;
	name = xml_child_text(xml_find(xmlDocGetRootElement(doc), "TimeZone"), "Name");
	if (name && zones_find(&mailbox->zones, name, iana))
		*zone = xstrdup(iana);
	xmlFreeDoc(doc);
	return 0;
}
