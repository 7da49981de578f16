/* Fuzzing of the small texts that Exchange keeps for others and for us: the list of categories (an XML
 * document of Outlook's inside a property), date-times, dates, and our own text inside XML. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "ews/ews_private.h"
#include "ews/ews_time.h"
#include "sync/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool good)
{
	if (!good)
		abort();
}

/* What is added is there, and not added again. */
static void category_list(const char *list, size_t len)
{
	static const char guids[1][EWS_GUID_LEN] = { "11111111-1111-4111-8111-111111111111" };
	static const char *const names[] = { "CRM" };
	struct buf out AUTOBUF = BUF_INIT((size_t)1 << 24),
		       again AUTOBUF = BUF_INIT((size_t)1 << 24);
	struct error err = ERROR_INIT;
	size_t added;

	if (ews_category_list_add(list, len, names, guids, 1, &out, &added, &err)) {
		require(err.code && *err.text);
	} else if (added) {
		require(!ews_category_list_add(
			out.data, out.len, names, guids, 1, &again, &added, &err));
		require(!added);
	}
}

/* What is written into XML is the text that is read of it, but for what XML cannot hold. */
static void text_in_xml(const char *text)
{
	struct buf out AUTOBUF = BUF_INIT((size_t)1 << 24);
	struct error err = ERROR_INIT;
	xmlDoc *doc = NULL;

	xml_start(&out, "t:Body");
	xml_text(&out, text);
	xml_end(&out, "t:Body");
	if (!xml_parse(out.data, out.len, &doc, &err))
		xmlFreeDoc(doc);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text AUTOFREE = xstrndup((const char *)data, size);
	char date[EWS_DATE_LEN];
	int64_t ns;

	category_list((const char *)data, size);
	ews_time_parse(text, &ns);
	ews_date_read(text, text + strlen(text) / 2, date);
	text_in_xml(text);
	return 0;
}
