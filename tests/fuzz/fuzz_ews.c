/* Fuzz target: everything that reads an answer of Exchange.
 *
 *	clang -fsanitize=fuzzer,address ... && ./fuzz_ews CORPUS */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "ews/ews_private.h"
#include "ews/ews_time.h"
#include "sync/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_messages(const xmlNode *response)
{
	xmlNode *message = xml_first(xml_child(response, "ResponseMessages"));
	json_t *tree = json_pack("{s:{}, s:{}}", "roots", "folders");

	for (; message; message = xml_next(message)) {
		struct mailbox_page page = { 0 };
		struct mailbox_item item = { 0 };
		struct error err = ERROR_INIT;
		xmlNode *node = xml_first(xml_child(message, "Items"));

		ews_error_of(message, EWS_READS, &err);
		ews_read_sync_page(message, "state", &page, &err);
		mailbox_page_clear(&page);
		ews_read_folder_changes(tree, message);
		if (node)
			ews_read_item(&ews_kinds[KIND_CONTACT], node, &item);
		mailbox_item_clear(&item);
	}
	json_decref(tree);
}

static void read_answer(const char *bytes, size_t len)
{
	struct error err = ERROR_INIT;
	xmlNode *response, *fault;
	xmlDoc *doc = NULL;

	if (ews_parse_answer(bytes, len, &doc, &response, &fault, &err))
		return;
	if (fault)
		ews_error_of(fault, EWS_WRITES, &err);
	else
		read_messages(response);
	xmlFreeDoc(doc);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char guids[1][EWS_GUID_LEN] = { "11111111-1111-4111-8111-111111111111" };
	const char *const names[] = { "CRM" };
	struct buf out AUTOBUF = BUF_INIT((size_t)1 << 24);
	char *text AUTOFREE = xstrndup((const char *)data, size);
	struct error err = ERROR_INIT;
	char date[EWS_DATE_LEN];
	size_t added;
	int64_t ns;

	read_answer((const char *)data, size);
	ews_category_list_add((const char *)data, size, names, guids, 1, &out, &added, &err);
	ews_time_parse(text, &ns);
	ews_date_read(text, text + strlen(text) / 2, date);
	xml_text(&out, text);
	return 0;
}
