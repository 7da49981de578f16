/* The CategoryList: what is missing is added, what is there stays. */
#include "fake_transport.h"

#include <openssl/evp.h>

static const char list[] =
	"<?xml version=\"1.0\"?>\r\n<categories default=\"Red\" lastSavedSession=\"5\" "
	"lastSavedTime=\"2020-01-01T00:00:00.000\" xmlns=\"CategoryList.xsd\">\r\n"
	"<category name=\"Red\" color=\"0\" keyboardShortcut=\"0\" usageCount=\"7\" "
	"guid=\"{00000000-0000-0000-0000-000000000001}\" renameOnFirstUse=\"1\"/>"
	"<category name=\"K&#252;nde\" color=\"1\" keyboardShortcut=\"3\" "
	"guid=\"{00000000-0000-0000-0000-000000000002}\"/></categories>";

static const char guids[2][EWS_GUID_LEN] = { "11111111-1111-4111-8111-111111111111",
	"22222222-2222-4222-8222-222222222222" };

static void what_is_missing_is_added(void **state)
{
	const char *names[] = { "red", "CRM" };
	struct buf out AUTOBUF = BUF_INIT(100000);
	struct error err = ERROR_INIT;
	xmlDoc *doc;
	size_t added;

	(void)state;
	assert_int_equal(
		ews_category_list_add(list, strlen(list), names, guids, 2, &out, &added, &err), 0);
	assert_int_equal(added, 1);
	assert_int_equal(xml_parse(buf_str(&out), out.len, &doc, &err), 0);
	xmlNode *root = xmlDocGetRootElement(doc);
	xmlNode *red = xml_first(root), *other = xml_next(red), *crm = xml_next(other);
	assert_true(xml_attribute_is(root, "default", "Red"));
	assert_true(xml_attribute_is(red, "usageCount", "7"));
	assert_true(xml_attribute_is(red, "renameOnFirstUse", "1"));
	assert_true(xml_attribute_is(other, "name", "K\xC3\xBCnde"));
	assert_true(xml_attribute_is(crm, "name", "CRM"));
	assert_true(xml_attribute_is(crm, "color", "2"));
	assert_true(xml_attribute_is(crm, "guid", "{22222222-2222-4222-8222-222222222222}"));
	assert_string_equal((const char *)crm->ns->href, "CategoryList.xsd");
	assert_null(xml_next(crm));
	xmlFreeDoc(doc);
}

static void a_new_list_is_made(void **state)
{
	const char *names[] = { "CRM & Co", "DoNotSync" };
	struct buf out AUTOBUF = BUF_INIT(100000);
	struct error err = ERROR_INIT;
	xmlDoc *doc;
	size_t added;

	(void)state;
	assert_int_equal(ews_category_list_add("", 0, names, guids, 2, &out, &added, &err), 0);
	assert_int_equal(added, 2);
	assert_int_equal(xml_parse(buf_str(&out), out.len, &doc, &err), 0);
	assert_true(xml_attribute_is(xml_first(xmlDocGetRootElement(doc)), "name", "CRM & Co"));
	assert_true(xml_attribute_is(xml_next(xml_first(xmlDocGetRootElement(doc))), "color", "1"));
	xmlFreeDoc(doc);
}

static void what_is_no_list_is_left_alone(void **state)
{
	static const char *const none[] = { "<html/>", "\xFF\xFE", "<categories>",
		"<!DOCTYPE categories><categories/>" };
	const char *names[] = { "CRM" };
	struct buf out AUTOBUF = BUF_INIT(100000);
	struct error err = ERROR_INIT;
	size_t added;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(none); i++) {
		assert_int_equal(ews_category_list_add(none[i], strlen(none[i]), names, guids, 1,
					 &out, &added, &err),
			ERR_REMOTE);
		assert_int_equal(out.len, 0);
	}
}

static void queue_list(const char *text)
{
	char *base64 AUTOFREE = xmalloc(strlen(text) * 2 + 8);
	char *inside AUTOFREE = NULL;

	EVP_EncodeBlock((unsigned char *)base64, (const unsigned char *)text, (int)strlen(text));
	inside = xasprintf("<m:UserConfiguration><e:UserConfigurationName Name=\"CategoryList\"/>"
			   "<e:XmlData>%.20s\r\n%s</e:XmlData></m:UserConfiguration>",
		base64, base64 + 20);
	fake_queue_success("GetUserConfiguration", inside);
}

static void the_mailbox_gets_the_longer_list(void **state)
{
	const char *names[] = { "CRM" };
	struct error err = ERROR_INIT;
	unsigned char text[8000];
	char *base64, *end;
	int n;

	(void)state;
	queue_list(list);
	fake_queue_success("UpdateUserConfiguration", "");
	assert_int_equal(ews_driver.add_categories(box, names, 1, &err), 0);
	assert_string_equal(fake.operations[1], "UpdateUserConfiguration");
	base64 = strstr(fake.requests[1], "<t:XmlData>") + strlen("<t:XmlData>");
	end = strchr(base64, '<');
	n = EVP_DecodeBlock(text, (const unsigned char *)base64, (int)(end - base64));
	assert_true(n > 0 && (size_t)n < sizeof(text));
	text[n] = '\0';
	assert_non_null(strstr((char *)text, "name=\"CRM\""));
	assert_non_null(strstr((char *)text, "usageCount=\"7\""));
}

static void nothing_missing_writes_nothing(void **state)
{
	const char *names[] = { "Red", "RED" };
	struct error err = ERROR_INIT;

	(void)state;
	queue_list(list);
	assert_int_equal(ews_driver.add_categories(box, names, 2, &err), 0);
	assert_int_equal(fake.n_requests, 1);
}

static void a_mailbox_without_a_list_gets_one(void **state)
{
	const char *names[] = { "CRM" };
	struct error err = ERROR_INIT;

	(void)state;
	fake_queue_failure("GetUserConfiguration", "ErrorItemNotFound");
	fake_queue_success("CreateUserConfiguration", "");
	assert_int_equal(ews_driver.add_categories(box, names, 1, &err), 0);
	assert_string_equal(fake.operations[1], "CreateUserConfiguration");
	fake_queue_failure("GetUserConfiguration", "ErrorAccessDenied");
	assert_int_equal(ews_driver.add_categories(box, names, 1, &err), ERR_DENIED);
}

/* The schema wants the answer so; Exchange wraps it like all others. */
static void an_answer_without_a_frame_is_read(void **state)
{
	const char *names[] = { "CRM" };
	struct error err = ERROR_INIT;

	(void)state;
	fake_queue((struct fake_answer){ .status = 200,
		.body = fake_soap(
			"<GetUserConfigurationResponse ResponseClass=\"Success\">"
			"<ResponseCode>NoError</ResponseCode><UserConfiguration>"
			"<UserConfigurationName Name=\"CategoryList\"/><XmlData></XmlData>"
			"</UserConfiguration></GetUserConfigurationResponse>") });
	fake_queue_success("UpdateUserConfiguration", "");
	assert_int_equal(ews_driver.add_categories(box, names, 1, &err), 0);
	fake_queue((struct fake_answer){ .status = 200,
		.body = fake_soap("<GetUserConfigurationResponse ResponseClass=\"Error\">"
				  "<ResponseCode>ErrorAccessDenied</ResponseCode>"
				  "</GetUserConfigurationResponse>") });
	assert_int_equal(ews_driver.add_categories(box, names, 1, &err), ERR_DENIED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		fake_test(what_is_missing_is_added),
		fake_test(a_new_list_is_made),
		fake_test(what_is_no_list_is_left_alone),
		fake_test(the_mailbox_gets_the_longer_list),
		fake_test(nothing_missing_writes_nothing),
		fake_test(a_mailbox_without_a_list_gets_one),
		fake_test(an_answer_without_a_frame_is_read),
	};

	return cmocka_run_group_tests(tests, fake_setup, fake_teardown);
}
