/* Writing XML, and reading what a less tidy server sends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "ews/ews_xml.h"
#include "sync/mem.h"

static char *written(const char *text)
{
	struct buf out = BUF_INIT(10000);

	xml_text(&out, text);
	return buf_take(&out);
}

static void text_is_escaped(void **state)
{
	static const struct {
		const char *text, *xml;
	} cases[] = {
		{ "plain", "plain" },
		{ "<a href=\"x\">&amp;", "&lt;a href=&quot;x&quot;&gt;&amp;amp;" },
		{ "one\ntwo\r\nthree", "one&#13;&#10;two&#13;&#10;three" },
		{ "a\tb", "a&#9;b" },
		{ "\x01"
		  "bell\x07"
		  "\x0C"
		  "feed",
			"bellfeed" },
		{ "M\xC3\xBCller \xE2\x82\xAC \xF0\x9F\x98\x80",
			"M\xC3\xBCller \xE2\x82\xAC \xF0\x9F\x98\x80" },
		{ "not\xEF\xBF\xBE"
		  "char\xEF\xBF\xBF",
			"notchar" },
		{ "bad\xFF"
		  "\xC0\xAF"
		  "\xED\xA0\x80",
			"bad\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD" },
		{ "cut\xE2\x82", "cut\xEF\xBF\xBD\xEF\xBF\xBD" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char *xml AUTOFREE = written(cases[i].text);

		assert_string_equal(xml, cases[i].xml);
	}
}

static void what_is_written_reads_back(void **state)
{
	static const char text[] = "Line <one>\n\n\"Line\" 'two' & \tthree\n M\xC3\xBCller ";
	struct buf out AUTOBUF = BUF_INIT(10000);
	struct error err = ERROR_INIT;
	const char *absent = NULL;
	xmlDoc *doc;

	(void)state;
	xml_start(&out, "root", "Key", text);
	xml_element(&out, "Value", text);
	xml_empty(&out, "None", "Only", absent, "never", "seen");
	xml_end(&out, "root");
	assert_int_equal(xml_parse(buf_str(&out), out.len, &doc, &err), 0);
	char *value AUTOFREE = xml_child_text(xmlDocGetRootElement(doc), "Value");
	char *key AUTOFREE = xml_attribute(xmlDocGetRootElement(doc), "Key");
	assert_string_equal(value, text);
	assert_string_equal(key, text);
	assert_null(strstr(buf_str(&out), "never"));
	xmlFreeDoc(doc);
}

static void names_are_found_whatever_their_prefix(void **state)
{
	static const char *const documents[] = {
		"<Envelope><Body><Answer><Id Id=\"1\"/></Answer></Body></Envelope>",
		"<s:Envelope xmlns:s='urn:a'><s:Body><x:Answer xmlns:x='urn:b'><x:Id "
		"Id='1'/></x:Answer>"
		"</s:Body></s:Envelope>",
		"\xEF\xBB\xBF<?xml version='1.0'?>\n<!-- proxy -->\n<Envelope xmlns='urn:a'>\n "
		"<Body>\n "
		"<Answer xmlns='urn:b'>\n <Id Id='1'/></Answer></Body></Envelope>\n",
	};
	struct error err = ERROR_INIT;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(documents); i++) {
		xmlDoc *doc;

		assert_int_equal(xml_parse(documents[i], strlen(documents[i]), &doc, &err), 0);
		xmlNode *body = xml_child(xmlDocGetRootElement(doc), "Body");
		assert_true(xml_is(xml_first(body), "Answer"));
		assert_null(xml_next(xml_first(body)));
		assert_true(xml_attribute_is(xml_find(body, "Id"), "Id", "1"));
		assert_null(xml_find(body, "Other"));
		xmlFreeDoc(doc);
	}
	assert_null(xml_child(NULL, "Body"));
	assert_null(xml_content(NULL));
}

static void characters_that_xml_forbids_are_dropped(void **state)
{
	static const char *const documents[] = {
		"<a>on&#xC;e</a>",
		"<a>on&#x0;e</a>",
		"<a>on\x0C"
		"e</a>",
		"<a>on&#11;&#xFFFF;e</a>",
	};
	struct error err = ERROR_INIT;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(documents); i++) {
		xmlDoc *doc;

		assert_int_equal(xml_parse(documents[i], strlen(documents[i]), &doc, &err), 0);
		char *text AUTOFREE = xml_content(xmlDocGetRootElement(doc));
		assert_string_equal(text, "one");
		xmlFreeDoc(doc);
	}
}

static void what_is_no_xml_is_refused_with_the_line(void **state)
{
	struct error err = ERROR_INIT;
	xmlDoc *doc;

	(void)state;
	assert_int_equal(xml_parse("<a>\n<b></a>", 11, &doc, &err), ERR_REMOTE);
	assert_null(doc);
	assert_non_null(strstr(err.text, "line 2"));
	assert_int_equal(xml_parse("", 0, &doc, &err), ERR_REMOTE);
	assert_int_equal(xml_parse("<html><br></html>", 17, &doc, &err), ERR_REMOTE);
	assert_int_equal(xml_parse("<a>tru", 6, &doc, &err), ERR_REMOTE);
	assert_int_equal(xml_parse("<a>&#;&#x;&#xZ;&</a>", 20, &doc, &err), ERR_REMOTE);
}

static void a_document_type_is_refused(void **state)
{
	static const char *const documents[] = {
		"<!DOCTYPE a [<!ENTITY x \"boom\">]><a>&x;</a>",
		"<!DOCTYPE a SYSTEM \"file:///etc/passwd\"><a/>",
		"<!DOCTYPE a><a/>",
	};
	struct error err = ERROR_INIT;
	xmlDoc *doc;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(documents); i++) {
		assert_int_equal(
			xml_parse(documents[i], strlen(documents[i]), &doc, &err), ERR_REMOTE);
		assert_null(doc);
		assert_non_null(strstr(err.text, "document type"));
	}
}

static void booleans_are_read_leniently(void **state)
{
	static const char document[] =
		"<a><t>true</t><u> TRUE </u><f>false</f><g>0</g><h>1</h><i>x</i></a>";
	struct error err = ERROR_INIT;
	xmlDoc *doc;

	(void)state;
	assert_int_equal(xml_parse(document, strlen(document), &doc, &err), 0);
	xmlNode *root = xmlDocGetRootElement(doc);
	assert_true(xml_boolean(xml_child(root, "t"), false));
	assert_true(xml_boolean(xml_child(root, "u"), false));
	assert_false(xml_boolean(xml_child(root, "f"), true));
	assert_false(xml_boolean(xml_child(root, "g"), true));
	assert_true(xml_boolean(xml_child(root, "h"), false));
	assert_true(xml_boolean(xml_child(root, "i"), true));
	assert_false(xml_boolean(NULL, false));
	xmlFreeDoc(doc);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_is_escaped),
		cmocka_unit_test(what_is_written_reads_back),
		cmocka_unit_test(names_are_found_whatever_their_prefix),
		cmocka_unit_test(characters_that_xml_forbids_are_dropped),
		cmocka_unit_test(what_is_no_xml_is_refused_with_the_line),
		cmocka_unit_test(a_document_type_is_refused),
		cmocka_unit_test(booleans_are_read_leniently),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
