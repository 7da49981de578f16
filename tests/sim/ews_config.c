/* User configurations: Get, Create, Update and DeleteUserConfiguration.
 *
 * Kept by folder and name, with three parts: a dictionary, XmlData and BinaryData.  Every
 * mailbox has the CategoryList that Outlook makes, in its calendar folder. */
#include <stdlib.h>
#include <string.h>

#include "sync/mem.h"
#include "tests/sim/ews.h"

enum { DICTIONARY, XML_DATA, BINARY_DATA, PARTS };

static const char *const part_names[PARTS] = { "Dictionary", "XmlData", "BinaryData" };

static const char category_list[] =
	"<?xml version=\"1.0\"?>\r\n<categories default=\"Red Category\" lastSavedSession=\"5\" "
	"lastSavedTime=\"2021-01-11T09:30:00.000\" xmlns=\"CategoryList.xsd\">\r\n"
	"<category name=\"Red Category\" color=\"0\" keyboardShortcut=\"0\" usageCount=\"0\" "
	"lastTimeUsedNotes=\"1601-01-01T00:00:00.000\" "
	"lastTimeUsedJournal=\"1601-01-01T00:00:00.000\" "
	"lastTimeUsedContacts=\"1601-01-01T00:00:00.000\" "
	"lastTimeUsedTasks=\"1601-01-01T00:00:00.000\" "
	"lastTimeUsedCalendar=\"1601-01-01T00:00:00.000\" "
	"lastTimeUsedMail=\"1601-01-01T00:00:00.000\" lastTimeUsed=\"1601-01-01T00:00:00.000\" "
	"lastSessionUsed=\"0\" guid=\"{2B7FC69C-7046-44A2-8FF3-007D7467DC82}\" "
	"renameOnFirstUse=\"1\"/>\r\n"
	"<category name=\"Customer\" color=\"4\" keyboardShortcut=\"0\" usageCount=\"3\" "
	"lastTimeUsed=\"2021-01-11T09:30:00.000\" lastSessionUsed=\"5\" "
	"guid=\"{A9F3C1D2-5B6E-4C7F-9A10-3D2E1F0B4C5D}\"/>\r\n</categories>";

static struct ews_config *config_new(struct ews_folder *f, const char *name)
{
	struct ews_mailbox *mb = f->mailbox;
	struct ews_config *config = xcalloc(1, sizeof(*config));
	uint64_t counter = ews_next_counter(mb);
	unsigned char source[22];
	char *tail AUTOFREE = NULL;

	ews_source_key(mb, counter, source);
	tail = base64_encode(source, sizeof(source));
	config->id = xasprintf("%.100s%s", f->id, tail);
	config->name = xstrdup(name);
	config->folder_id = xstrdup(f->id);
	config->change = ews_next_change(mb);
	config->next = mb->configs;
	mb->configs = config;
	return config;
}

static struct ews_config *find(struct ews_folder *f, const char *name)
{
	struct ews_config *config = f->mailbox->configs;

	while (config &&
		(strcasecmp(config->name, name) != 0 || strcmp(config->folder_id, f->id) != 0))
		config = config->next;
	if (!config && f->distinguished && !strcmp(f->distinguished, "calendar") &&
		!strcasecmp(name, "CategoryList")) {
		config = config_new(f, name);
		config->parts[XML_DATA] = base64_encode(category_list, sizeof(category_list) - 1);
	}
	return config && config->change ? config : NULL;
}

static void config_free(struct ews_config *config)
{
	for (int i = 0; i < PARTS; i++)
		free(config->parts[i]);
	free(config->name);
	free(config->folder_id);
	free(config->id);
	free(config);
}

void ews_configs_follow(struct ews_mailbox *mb, const char *folder_id, const char *new_id)
{
	for (struct ews_config *config = mb->configs; config; config = config->next) {
		if (strcmp(config->folder_id, folder_id) != 0)
			continue;
		free(config->folder_id);
		config->folder_id = xstrdup(new_id);
	}
}

void ews_configs_free(struct ews_mailbox *mb)
{
	while (mb->configs) {
		struct ews_config *next = mb->configs->next;

		config_free(mb->configs);
		mb->configs = next;
	}
}

/* The folder and name under <UserConfigurationName>; the name belongs to the caller. */
static struct ews_folder *named(
	struct ews_ctx *c, const xmlNode *parent, char **name, struct ews_error *err)
{
	xmlNode *node = xml_child(parent, "UserConfigurationName");

	*name = xml_get(node, "Name");
	return ews_find_folder(c, xml_first(node), err);
}

static bool wants(const char *list, const char *word)
{
	return strstr(list, word) || strstr(list, "All");
}

static void write_config(struct ews_ctx *c, const struct ews_config *config,
	const struct ews_folder *f, const char *properties)
{
	char *key AUTOFREE = ews_change_key(f->mailbox, config->change);

	ews_message_begin(c, "Success");
	buf_adds(&c->out, "<m:UserConfiguration><t:UserConfigurationName");
	xml_attr(&c->out, "Name", config->name);
	buf_adds(&c->out, ">");
	ews_write_folder_id(&c->out, "t:FolderId", f);
	buf_adds(&c->out, "</t:UserConfigurationName>");
	if (wants(properties, "Id"))
		ews_write_id(&c->out, "t:ItemId", config->id, key);
	for (int i = 0; i < PARTS; i++) {
		if (!config->parts[i] || !wants(properties, part_names[i]))
			continue;
		buf_addf(
			&c->out, "<t:%s>%s</t:%s>", part_names[i], config->parts[i], part_names[i]);
	}
	buf_adds(&c->out, "</m:UserConfiguration>");
	ews_message_end(c);
}

void ews_op_get_config(struct ews_ctx *c)
{
	char *properties AUTOFREE = xml_content(
		xml_child(c->payload, "UserConfigurationProperties"));
	char *name AUTOFREE = NULL;
	struct ews_error err = { 0 };
	struct ews_folder *f = NULL;
	struct ews_config *config = NULL;

	if (!ews_injected(c, &err))
		f = named(c, c->payload, &name, &err);
	if (f)
		config = find(f, name);
	if (f && !config)
		ews_fail(&err, "ErrorItemNotFound",
			"The specified object was not found in the store.");
	if (config)
		write_config(c, config, f, properties);
	else
		ews_message_error(c, &err, "");
}

static int read_parts(
	struct ews_ctx *c, struct ews_config *config, const xmlNode *node, struct ews_error *err)
{
	for (int i = 0; i < PARTS; i++) {
		xmlNode *part = xml_child(node, part_names[i]);
		char *text;
		size_t len;

		if (!part)
			continue;
		if (i == DICTIONARY) {
			text = xml_inner(part);
		} else {
			unsigned char *raw;

			text = xml_content(part);
			raw = base64_decode(text, &len);
			if (!raw) {
				free(text);
				return ews_fail(err, "ErrorInvalidValueForProperty",
					"%s is not base64.", part_names[i]);
			}
			free(raw);
		}
		free(config->parts[i]);
		config->parts[i] = text;
	}
	config->change = ews_next_change(
		ews_find_folder(c, xml_first(xml_child(node, "UserConfigurationName")), err)
			->mailbox);
	return 0;
}

void ews_op_write_config(struct ews_ctx *c)
{
	xmlNode *node = xml_child(c->payload, "UserConfiguration");
	bool create = !strcmp(c->op, "CreateUserConfiguration");
	char *name AUTOFREE = NULL;
	struct ews_error err = { 0 };
	struct ews_folder *f = NULL;
	struct ews_config *config = NULL;

	if (!ews_injected(c, &err))
		f = named(c, node, &name, &err);
	if (f)
		config = find(f, name);
	if (f && create && config)
		ews_fail(&err, "ErrorItemSave", "A configuration with this name already exists.");
	else if (f && !create && !config)
		ews_fail(&err, "ErrorItemNotFound",
			"The specified object was not found in the store.");
	else if (f && create)
		config = config_new(f, name);
	if (config && !err.code)
		read_parts(c, config, node, &err);
	if (err.code)
		ews_message_error(c, &err, "");
	else
		ews_message_ok(c);
}

/* A deleted one stays with change 0, so that the CategoryList is not made again. */
void ews_op_delete_config(struct ews_ctx *c)
{
	char *name AUTOFREE = NULL;
	struct ews_error err = { 0 };
	struct ews_folder *f = NULL;
	struct ews_config *config = NULL;

	if (!ews_injected(c, &err))
		f = named(c, c->payload, &name, &err);
	if (f)
		config = find(f, name);
	if (f && !config)
		ews_fail(&err, "ErrorItemNotFound",
			"The specified object was not found in the store.");
	if (!config) {
		ews_message_error(c, &err, "");
		return;
	}
	for (int i = 0; i < PARTS; i++) {
		free(config->parts[i]);
		config->parts[i] = NULL;
	}
	config->change = 0;
	ews_message_ok(c);
}
