/* Writing vCards: both versions, folds, what vCard cannot say, and nothing that a document could
 * smuggle into a line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "sync/formats/card.h"
#include "sync/formats/vcard.h"
#include "sync/mem.h"
#include "tests/unit/json_text.h"

static char *render(const json_t *card, enum vcard_version version)
{
	struct buf out = BUF_INIT(1 << 24);
	struct error err = ERROR_INIT;

	if (vcard_render(card, version, &out, &err))
		fail_msg("%s", err.text);
	return buf_take(&out);
}

static json_t *parse(const char *bytes)
{
	struct error err = ERROR_INIT;
	json_t *card;

	if (vcard_parse(bytes, strlen(bytes), &card, &err))
		fail_msg("%s in\n%s", err.text, bytes);
	return card;
}

/* The property lines of a card with FN:F, unfolded, each ended by LF. */
static char *lines_of(const char *doc, enum vcard_version version)
{
	json_t *card = json_of(doc);
	struct buf out = BUF_INIT(1 << 24);
	char *bytes AUTOFREE = NULL;

	json_object_set_new(card, "@type", json_string("Card"));
	if (!json_object_get(card, "name"))
		json_object_set_new(card, "name", json_pack("{s:s}", "full", "F"));
	bytes = render(card, version);
	json_decref(card);
	for (char *line = bytes, *end; (end = strstr(line, "\r\n")); line = end + 2) {
		static const char *const skipped[] = { "BEGIN:", "VERSION:", "FN:F", "N:;;;;",
			"END:" };
		bool skip = false;

		if (end[2] == ' ') {
			memmove(end, end + 3, strlen(end + 3) + 1);
			end = line - 2;
			continue;
		}
		for (size_t i = 0; i < ARRAY_SIZE(skipped); i++)
			skip = skip || strncmp(line, skipped[i], strlen(skipped[i])) == 0;
		if (!skip) {
			buf_add(&out, line, (size_t)(end - line));
			buf_addc(&out, '\n');
		}
	}
	return buf_take(&out);
}

struct written {
	const char *doc;
	const char *v40;
	const char *v30; /* NULL: the same */
};

#define WORK "\"contexts\":{\"work\":true}"

static const struct written written[] = {
	{ "{\"name\":{\"full\":\"F\",\"components\":[{\"kind\":\"given\",\"value\":\"Anna\"},"
	  "{\"kind\":\"surname\",\"value\":\"Berg; B\"},{\"kind\":\"given2\",\"value\":\"M.\"},"
	  "{\"kind\":\"given2\",\"value\":\"S.\"}]}}",
		"N:Berg\\; B;Anna;M.,S.;;\n", NULL },
	{ "{\"name\":{\"full\":\"F\",\"components\":[{\"kind\":\"surname\",\"value\":\"Berg\"},"
	  "{\"kind\":\"credential\",\"value\":\"MBA\"},{\"kind\":\"generation\",\"value\":\"Jr.\"}]"
	  "}}",
		"N:Berg;;;;Jr.,MBA;;Jr.\n", NULL },
	{ "{\"notes\":{\"Body\":{\"note\":\"a,b;c\\\\d\\r\\ne\\rf\\n\"}}}",
		"NOTE:a\\,b\\;c\\\\d\\ne\\nf\\n\n", NULL },
	{ "{\"phones\":{\"MobilePhone\":{\"number\":\"1\",\"features\":{\"mobile\":true,\"text\":"
	  "true},"
	  "\"pref\":1},\"CarPhone\":{\"number\":\"2\",\"vCardParams\":{\"type\":\"x-car\"}},"
	  "\"HomePhone\":{\"number\":\"tel:3;ext=4\",\"pref\":2,\"contexts\":{\"private\":true},"
	  "\"features\":{\"voice\":true}}}}",
		"TEL;PREF=1;TYPE=cell,text:1\nTEL;VALUE=uri;PREF=2;TYPE=home,voice:tel:3;ext=4\n"
		"TEL;TYPE=x-car:2\n",
		"TEL;TYPE=cell,text,pref:1\nTEL;VALUE=uri;PREF=2;TYPE=home,voice:tel:3;ext=4\n"
		"TEL;TYPE=car:2\n" },
	{ "{\"addresses\":{\"Business\":{" WORK ",\"full\":\"A\\n\\\"B\\\"\",\"components\":["
	  "{\"kind\":\"name\",\"value\":\"S\"},{\"kind\":\"country\",\"value\":\"G\"}]}}}",
		"ADR;TYPE=work;LABEL=A^n^'B^':;;S;;;;G\n",
		"ADR;TYPE=work:;;S;;;;G\nLABEL;TYPE=work:A\\n\"B\"\n" },
	{ "{\"addresses\":{\"Other\":{\"components\":[{\"kind\":\"number\",\"value\":\"54\"},"
	  "{\"kind\":\"name\",\"value\":\"Oak\"},{\"kind\":\"floor\",\"value\":\"2\"}]}}}",
		"ADR;PROP-ID=Other:;2;54,Oak;;;;;;;2;54;Oak;;;;;;\n", NULL },
	{ "{\"anniversaries\":{\"birth\":{\"kind\":\"birth\",\"date\":{\"year\":1980,\"month\":2,"
	  "\"day\":3}},\"wedding\":{\"kind\":\"wedding\",\"date\":{\"month\":2,\"day\":3}},"
	  "\"x-1\":{\"kind\":\"death\",\"date\":{\"utc\":\"2020-01-02T03:04:05Z\"}}}}",
		"BDAY:19800203\nANNIVERSARY:--0203\nDEATHDATE:20200102T030405Z\n",
		"BDAY:1980-02-03\nX-ANNIVERSARY:--02-03\nDEATHDATE:2020-01-02T03:04:05Z\n" },
	{ "{\"relatedTo\":{\"S\":{\"relation\":{\"spouse\":true}},\"A\":{\"relation\":"
	  "{\"assistant\":true}},\"M\":{\"relation\":{\"manager\":true,\"friend\":true}},"
	  "\"C\":{\"relation\":{\"child\":true}},\"urn:uuid:1\":{\"relation\":{\"spouse\":true}}}}",
		"RELATED;VALUE=text;TYPE=spouse:S\nRELATED;VALUE=text;TYPE=x-assistant:A\n"
		"RELATED;VALUE=text;TYPE=x-manager,friend:M\nRELATED;VALUE=text;TYPE=child:C\n"
		"RELATED;TYPE=spouse:urn:uuid:1\n",
		"X-SPOUSE:S\nX-ASSISTANT:A\nRELATED;VALUE=text;TYPE=x-manager,friend:M\n"
		"RELATED;VALUE=text;TYPE=child:C\nRELATED;TYPE=spouse:urn:uuid:1\n" },
	{ "{\"media\":{\"photo\":{\"kind\":\"photo\",\"uri\":\"data:image/jpeg;base64,/9j/\"},"
	  "\"x-1\":{\"kind\":\"logo\",\"uri\":\"http://x/l\",\"mediaType\":\"image/png\"},"
	  "\"x-2\":{\"kind\":\"sound\",\"uri\":\"data:audio/x;base64,QUJD\"}}}",
		"PHOTO:data:image/jpeg;base64,/9j/\nLOGO;MEDIATYPE=image/png:http://x/l\n"
		"SOUND:data:audio/x;base64,QUJD\n",
		"PHOTO;ENCODING=b;TYPE=JPEG:/9j/\nLOGO;VALUE=uri;TYPE=PNG:http://x/l\n"
		"SOUND;ENCODING=b;TYPE=audio/x:QUJD\n" },
	{ "{\"tandemfs:sensitivity\":\"Confidential\",\"vCardProps\":[[\"class\",{},\"unknown\","
	  "\"PUBLIC\"]]}",
		"CLASS:CONFIDENTIAL\n", NULL },
	{ "{\"tandemfs:sensitivity\":\"Normal\",\"tandemfs:fileAs\":\"B, A\","
	  "\"tandemfs:officeLocation\":\"3.14\",\"keywords\":{\"CRM\":true,\"a,b\":true,\"no\":"
	  "false}}",
		"X-FILE-AS:B\\, A\nX-OFFICE-LOCATION:3.14\nCATEGORIES:CRM,a\\,b\n", NULL },
	{ "{\"kind\":\"group\",\"members\":{\"urn:uuid:1\":true}}",
		"KIND:group\nMEMBER:urn:uuid:1\n",
		"X-ADDRESSBOOKSERVER-KIND:group\nX-ADDRESSBOOKSERVER-MEMBER:urn:uuid:1\n" },
	{ "{\"kind\":\"group\",\"members\":{\"mailto:a@b\":true},\"tandemfs:params\":"
	  "{\"members/mailto:a@b\":{\"x-cn\":\"B; A\"}}}",
		"KIND:group\nMEMBER;X-CN=\"B; A\":mailto:a@b\n",
		"X-ADDRESSBOOKSERVER-KIND:group\n"
		"X-ADDRESSBOOKSERVER-MEMBER;X-CN=\"B; A\":mailto:a@b\n" },
	/* labels share a group, take the next free name, and are written once */
	{ "{\"phones\":{\"x-1\":{\"number\":\"1\",\"label\":\"Boat\"},\"x-2\":{\"number\":\"2\","
	  "\"label\":\"Boat\",\"vCardParams\":{\"group\":\"item1\"}},\"x-3\":{\"number\":\"3\","
	  "\"label\":\"Car\",\"vCardParams\":{\"group\":\"item1\"}}}}",
		"item2.TEL:1\nitem2.X-ABLabel:Boat\nitem1.TEL:2\nitem1.X-ABLabel:Boat\n"
		"item3.TEL:3\nitem3.X-ABLabel:Car\n",
		NULL },
	/* what reading would put elsewhere says its slot */
	{ "{\"emails\":{\"EmailAddress1\":{\"address\":\"a\"},\"EmailAddress3\":{\"address\":\"c\"}"
	  "}}",
		"EMAIL:a\nEMAIL;PROP-ID=EmailAddress3:c\n", NULL },
	{ "{\"emails\":{\"EmailAddress1\":{\"address\":\"a\"},\"EmailAddress2\":{\"address\":\"c\"}"
	  ","
	  "\"x-1\":{\"address\":\"d\"}}}",
		"EMAIL:a\nEMAIL:c\nEMAIL:d\n", NULL },
	{ "{\"phones\":{\"HomePhone\":{\"number\":\"1\"}}}", "TEL;PROP-ID=HomePhone:1\n", NULL },
	/* what vCard has no place for */
	{ "{\"emails\":{\"x-1\":{\"address\":\"a\",\"x:y\":[1,\"\\\"z\\\"\"]}},\"speakToAs\":{"
	  "\"a\":1},"
	  "\"links\":{\"x-7\":{\"kind\":\"odd\",\"uri\":\"u\"}}}",
		"EMAIL;X-JSON=\"{^'x:y^':[1,^'\\^'z\\^'^']}\":a\n"
		"JSPROP;JSPTR=links/x-7:{\"kind\":\"odd\"\\,\"uri\":\"u\"}\n"
		"JSPROP;JSPTR=speakToAs:{\"a\":1}\n",
		NULL },
	/* kept properties, as they were */
	{ "{\"vCardProps\":[[\"x-a\",{\"group\":\"g\",\"b\":[\"1\",\"2,3\"]},\"unknown\",\"v;w,"
	  "\\\\x\"],"
	  "[\"x-c\",{},\"text\",\"a,b\"],[\"tz\",{},\"utc-offset\",\"-0500\"],"
	  "[\"x-n\",{},\"integer\",1,2],[\"x-s\",{},\"text\",[\"a;b\",\"c\"]]]}",
		"g.X-A;B=1,\"2,3\":v;w,\\x\nX-C;VALUE=text:a\\,b\nTZ;VALUE=utc-offset:-0500\n"
		"X-N;VALUE=integer:1,2\nX-S;VALUE=text:a\\;b;c\n",
		NULL },
	/* nothing gets out of its line or its place */
	{ "{\"vCardProps\":[[\"end\",{},\"unknown\",\"VCARD\"],[\"x a\",{},\"unknown\",\"1\"],"
	  "[\"x-b\",{\"q r\":\"1\",\"s\":\"a\\nEND:VCARD\\u0007\",\"group\":\"a.b\"},\"unknown\","
	  "\"1\\r\\nEND:VCARD\"],[\"x-c\",{},\"te xt\",\"1\"],5,[\"x-d\"]],"
	  "\"links\":{\"x-1\":{\"uri\":\"a\\nb\\\\c\",\"vCardParams\":{\"group\":\"\\n\"}}}}",
		"URL:a%0Ab\\\\c\nX-B;S=\"a^nEND:VCARD\":1\\nEND:VCARD\nX-C:1\n", NULL },
	/* shapes that are not a card's write nothing */
	{ "{\"emails\":[1],\"phones\":{\"a\":5,\"b\":{\"number\":7}},\"keywords\":\"x\","
	  "\"relatedTo\":"
	  "{\"\":{},\"x\":3},\"organizations\":{\"a\":{\"units\":{}}},\"addresses\":{\"a\":{}}}",
		"", NULL },
};

static void test_written(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(written); i++) {
		for (int version = VCARD_40; version <= VCARD_30; version++) {
			char *got AUTOFREE = lines_of(written[i].doc, (enum vcard_version)version);
			const char *want = written[i].v40;

			if (version == VCARD_30 && written[i].v30)
				want = written[i].v30;
			if (strcmp(got, want) != 0)
				fail_msg("%s\ngot\n%swant\n%s", written[i].doc, got, want);
		}
	}
}

/* What was written is read as the same card, and written the same again. */
static void test_stable(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(written); i++) {
		for (int version = VCARD_40; version <= VCARD_30; version++) {
			json_t *doc = json_of(written[i].doc);
			char *first AUTOFREE = render(doc, (enum vcard_version)version);
			json_t *card = parse(first);
			char *second AUTOFREE = render(card, (enum vcard_version)version);
			json_t *again = parse(second);
			char *third AUTOFREE = render(again, (enum vcard_version)version);

			assert_string_equal(second, third);
			assert_true(json_equal(card, again));
			json_decref(again);
			json_decref(card);
			json_decref(doc);
		}
	}
}

static void test_unknown_members_come_back(void **state)
{
	json_t *doc = json_of(
		"{\"@type\":\"Card\",\"version\":\"1.0\",\"name\":{\"@type\":\"Name\","
		"\"full\":\"F\"},\"speakToAs\":{\"grammaticalGender\":\"neuter\"},"
		"\"emails\":{\"EmailAddress1\":{\"@type\":\"EmailAddress\",\"address\":\"a\","
		"\"corp.example:checked\":{\"by\":[\"x\",null]}}},"
		"\"links\":{\"BusinessHomePage\":{\"@type\":\"Link\",\"uri\":\"u\","
		"\"contexts\":{\"work\":true}},\"x-1\":{\"@type\":\"Link\",\"kind\":\"odd\","
		"\"uri\":\"v\"}}}");
	json_t *card;

	(void)state;
	for (int version = VCARD_40; version <= VCARD_30; version++) {
		char *bytes AUTOFREE = render(doc, (enum vcard_version)version);

		card = parse(bytes);
		card_assign_slots(card, NULL);
		if (!json_equal(card, doc))
			fail_msg("%s\n%s", json_dumps(card, 0), bytes);
		json_decref(card);
	}
	json_decref(doc);
}

/* Made where the card has none, marked as made, and not taken for the user's when read. */
static void test_derived_name(void **state)
{
	static const struct {
		const char *doc;
		const char *fn;
	} cases[] = {
		{ "{\"name\":{\"components\":[{\"kind\":\"given\",\"value\":\"Anna\"}]}}",
			"\r\nFN;DERIVED=TRUE:Anna\r\n" },
		{ "{\"organizations\":{\"CompanyName\":{\"name\":\"Corp\"}}}",
			"\r\nFN;DERIVED=TRUE:Corp\r\n" },
		{ "{}", "\r\nFN;DERIVED=TRUE:contact\r\n" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		json_t *doc = json_of(cases[i].doc);
		char *bytes AUTOFREE = render(doc, VCARD_40);
		json_t *card = parse(bytes);

		assert_non_null(strstr(bytes, cases[i].fn));
		assert_null(json_object_get(json_object_get(card, "name"), "full"));
		json_decref(card);
		json_decref(doc);
	}
}

/* At most 75 octets a line, characters whole, nothing lost, for every position of the fold. */
static void test_folds(void **state)
{
	static const char *const characters[] = { "a", "\xc3\xbc", "\xe2\x82\xac",
		"\xf0\x9f\x98\x80" };

	(void)state;
	for (size_t c = 0; c < ARRAY_SIZE(characters); c++) {
		for (size_t shift = 0; shift < 6; shift++) {
			struct buf note AUTOBUF = BUF_INIT(1 << 16);
			json_t *doc;
			json_t *card;
			char *bytes AUTOFREE = NULL;

			for (size_t i = 0; i < shift; i++)
				buf_addc(&note, '-');
			for (size_t i = 0; i < 300; i++)
				buf_adds(&note, characters[c]);
			doc = json_pack("{s:{s:s}, s:{s:{s:s}}}", "name", "full", "F", "notes",
				"x-1", "note", note.data);
			bytes = render(doc, VCARD_40);
			for (char *line = bytes, *end; (end = strstr(line, "\r\n"));
				line = end + 2) {
				json_t *whole = json_stringn(line, (size_t)(end - line));

				assert_in_range(end - line, 1, 75);
				assert_non_null(whole); /* valid UTF-8 */
				json_decref(whole);
			}
			card = parse(bytes);
			assert_string_equal(
				json_string_value(json_object_get(
					json_object_get(json_object_get(card, "notes"), "x-1"),
					"note")),
				note.data);
			json_decref(card);
			json_decref(doc);
		}
	}
}

static void test_too_big(void **state)
{
	struct buf out AUTOBUF = BUF_INIT(100);
	struct error err = ERROR_INIT;
	json_t *doc = json_pack("{s:{s:s}}", "name", "full",
		"a name that is longer than the buffer that it is to be written into, however one "
		"looks at it");

	(void)state;
	assert_int_equal(vcard_render(doc, VCARD_40, &out, &err), ERR_TOO_BIG);
	assert_non_null(strstr(err.text, "vCard"));
	json_decref(doc);
}

/* The order of members in the document does not matter to the file. */
static void test_order_is_ours(void **state)
{
	json_t *a = json_of("{\"emails\":{\"x-10\":{\"address\":\"3\"},\"x-9\":{\"address\":\"2\"},"
			    "\"EmailAddress1\":{\"address\":\"1\"}},\"uid\":\"u\"}");
	json_t *b = json_of("{\"uid\":\"u\",\"emails\":{\"EmailAddress1\":{\"address\":\"1\"},"
			    "\"x-9\":{\"address\":\"2\"},\"x-10\":{\"address\":\"3\"}}}");
	char *one AUTOFREE = render(a, VCARD_40);
	char *two AUTOFREE = render(b, VCARD_40);

	(void)state;
	assert_string_equal(one, two);
	assert_non_null(strstr(one, "EMAIL:1\r\nEMAIL:2\r\nEMAIL:3\r\n"));
	json_decref(a);
	json_decref(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_written),
		cmocka_unit_test(test_stable),
		cmocka_unit_test(test_unknown_members_come_back),
		cmocka_unit_test(test_derived_name),
		cmocka_unit_test(test_folds),
		cmocka_unit_test(test_too_big),
		cmocka_unit_test(test_order_is_ours),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
