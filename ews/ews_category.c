/* The CategoryList: the categories that Outlook offers, with their colours (MS-OXOCFG 2.2.5.2.2).
 *
 * It is an XML document in a hidden message of the calendar, read and written as the user
 * configuration "CategoryList".  What is there stays as it is; categories that are missing are
 * appended with a colour that no other has.  Exchange guards the write with nothing, so a category
 * that Outlook adds within the same second could be lost; therefore nothing is written when nothing
 * is missing. */
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "ews/ews_private.h"
#include "sync/formats/data_uri.h"
#include "sync/mem.h"

#define CATEGORY_LIST  "CategoryList"
#define CATEGORY_NS    "CategoryList.xsd"
#define CATEGORY_LIMIT ((size_t)4 << 20)
#define COLOURS	       25
#define NEVER	       "1601-01-01T00:00:00.000"

static void write_put(struct buf *out, const struct mailbox *mailbox, const char *operation,
	const struct buf *list)
{
	char *element AUTOFREE = xasprintf("m:%s", operation);
	char *base64 AUTOFREE = data_base64(buf_str(list), list->len);

	xml_start(out, element);
	xml_start(out, "m:UserConfiguration");
	ews_write_config_name(out, mailbox, "t", CATEGORY_LIST);
	xml_element(out, "t:XmlData", base64);
	xml_end(out, "m:UserConfiguration");
	xml_end(out, element);
}

static bool has_category(const xmlNode *root, const char *name)
{
	for (xmlNode *node = xml_first(root); node; node = xml_next(node))
		if (xml_is(node, "category") && xml_attribute_is(node, "name", name))
			return true;
	return false;
}

/* A colour that no category has; 0 when all are taken. */
static int free_colour(const xmlNode *root)
{
	bool taken[COLOURS] = { false };

	for (xmlNode *node = xml_first(root); node; node = xml_next(node)) {
		char *colour AUTOFREE = xml_attribute(node, "color");
		long number = colour ? strtol(colour, NULL, 10) : -1;

		if (number >= 0 && number < COLOURS)
			taken[number] = true;
	}
	for (int i = 0; i < COLOURS; i++)
		if (!taken[i])
			return i;
	return 0;
}

static void set(xmlNode *node, const char *name, const char *value)
{
	xmlSetProp(node, (const xmlChar *)name, (const xmlChar *)value);
}

static void append_category(xmlNode *root, const char *name, const char *guid)
{
	static const char *const times[] = { "lastTimeUsedNotes", "lastTimeUsedJournal",
		"lastTimeUsedContacts", "lastTimeUsedTasks", "lastTimeUsedCalendar",
		"lastTimeUsedMail", "lastTimeUsed" };
	xmlNode *node = xmlNewChild(root, root->ns, (const xmlChar *)"category", NULL);
	char colour[16], braced[48];

	snprintf(colour, sizeof(colour), "%d", free_colour(root));
	snprintf(braced, sizeof(braced), "{%s}", guid);
	set(node, "name", name);
	set(node, "color", colour);
	set(node, "keyboardShortcut", "0");
	set(node, "usageCount", "1");
	for (size_t i = 0; i < ARRAY_SIZE(times); i++)
		set(node, times[i], NEVER);
	set(node, "lastSessionUsed", "0");
	set(node, "guid", braced);
}

static xmlDoc *new_list(void)
{
	xmlDoc *doc = xmlNewDoc((const xmlChar *)"1.0");
	xmlNode *root = xmlNewNode(NULL, (const xmlChar *)"categories");

	xmlDocSetRootElement(doc, root);
	xmlSetNs(root, xmlNewNs(root, (const xmlChar *)CATEGORY_NS, NULL));
	set(root, "default", "");
	set(root, "lastSavedSession", "0");
	return doc;
}

/* Outlook takes the list with the later time. */
static void stamp(xmlNode *root)
{
	time_t now = time(NULL);
	struct tm tm;
	char text[32];

	gmtime_r(&now, &tm);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S.000", &tm);
	set(root, "lastSavedTime", text);
}

int ews_category_list_add(const char *list, size_t len, const char *const *names,
	const char (*guids)[EWS_GUID_LEN], size_t n, struct buf *out, size_t *added,
	struct error *err)
{
	xmlDoc *doc = NULL;
	xmlNode *root;
	xmlChar *text = NULL;
	int size = 0;

	*added = 0;
	if (!len)
		doc = new_list();
	else if (xml_parse(list, len, &doc, err))
		return error_prefix(err, "the category list");
	root = xmlDocGetRootElement(doc);
	if (!xml_is(root, "categories")) {
		xmlFreeDoc(doc);
		return error_set(err, ERR_REMOTE, "the category list of the mailbox is none");
	}
	for (size_t i = 0; i < n; i++)
		if (!has_category(root, names[i])) {
			append_category(root, names[i], guids[i]);
			++*added;
		}
	if (*added) {
		stamp(root);
		xmlDocDumpMemoryEnc(doc, &text, &size, "utf-8");
		buf_add(out, text, text ? (size_t)size : 0);
		xmlFree(text);
	}
	xmlFreeDoc(doc);
	return buf_check(out, "the category list", err);
}

/* Random GUIDs (version 4). */
static int make_guids(char (*guids)[EWS_GUID_LEN], size_t n, struct error *err)
{
	unsigned char b[16];

	for (size_t i = 0; i < n; i++) {
		if (RAND_bytes(b, sizeof(b)) != 1)
			return error_set(err, ERR_INTERNAL, "no random numbers");
		snprintf(guids[i], EWS_GUID_LEN,
			"%02x%02x%02x%02x-%02x%02x-4%01x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x",
			b[0], b[1], b[2], b[3], b[4], b[5], b[6] & 15, b[7], (b[8] & 0x3F) | 0x80,
			b[9], b[10], b[11], b[12], b[13], b[14], b[15]);
	}
	return 0;
}

int ews_add_categories(
	struct mailbox *mailbox, const char *const *names, size_t n, struct error *err)
{
	struct buf list AUTOBUF = BUF_INIT(CATEGORY_LIMIT),
			new_one AUTOBUF = BUF_INIT(CATEGORY_LIMIT);
	struct buf payload AUTOBUF = BUF_INIT(EWS_REQUEST_LIMIT);
	char(*guids)[EWS_GUID_LEN] = xcalloc(n, sizeof(*guids));
	struct error own = ERROR_INIT;
	struct ews_answer answer;
	const char *operation;
	xmlNode *message;
	size_t added = 0;
	bool absent = false;
	int rc;

	if (!err)
		err = &own;
	rc = ews_get_config(mailbox, CATEGORY_LIST, &list, &absent, err);
	if (!rc)
		rc = make_guids(guids, n, err);
	if (!rc)
		rc = ews_category_list_add(buf_str(&list), list.len, names,
			(const char(*)[EWS_GUID_LEN])guids, n, &new_one, &added, err);
	free(guids);
	if (rc || !added)
		return rc;
	operation = absent ? "CreateUserConfiguration" : "UpdateUserConfiguration";
	write_put(&payload, mailbox, operation, &new_one);
	rc = ews_call_one(mailbox, operation, EWS_WRITES, &payload, &answer, &message, err);
	ews_answer_free(&answer);
	return rc;
}
