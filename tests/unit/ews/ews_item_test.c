/* SyncFolderItems and GetItem. */
#include "fake_transport.h"

#include "tests/unit/json_text.h"

static struct mailbox_page page;

static int sync_page(const char *cursor, struct error *err)
{
	*err = (struct error)ERROR_INIT;
	mailbox_page_clear(&page);
	return ews_driver.sync_items(box, "F1", cursor, &page, err);
}

static int stop(void **state)
{
	mailbox_page_clear(&page);
	return fake_close(state);
}

static void a_page_gives_ids_versions_and_the_cursor(void **state)
{
	struct error err;

	(void)state;
	fake_queue_success("SyncFolderItems",
		"<m:SyncState>S&amp;2</m:SyncState><m:IncludesLastItemInRange>false"
		"</m:IncludesLastItemInRange><m:Changes>"
		"<e:Create><e:Contact><e:ItemId Id=\"A\" ChangeKey=\"ka\"/></e:Contact></e:Create>"
		"<e:Update><e:DistributionList><e:ItemId Id=\"B\" ChangeKey=\"kb\"/>"
		"</e:DistributionList></e:Update>"
		"<e:Delete><e:ItemId Id=\"C\" ChangeKey=\"kc\"/></e:Delete>"
		"<e:ReadFlagChange><e:ItemId Id=\"D\" ChangeKey=\"kd\"/><e:IsRead>true</e:IsRead>"
		"</e:ReadFlagChange><e:Novelty/><e:Create><e:Contact/></e:Create></m:Changes>");
	assert_int_equal(sync_page(NULL, &err), 0);
	fake_assert_last("<m:SyncState>", 0);
	fake_assert_last("<m:MaxChangesReturned>512</m:MaxChangesReturned>", 1);
	assert_string_equal(page.cursor, "S&2");
	assert_false(page.last);
	assert_int_equal(page.n, 4);
	assert_int_equal(page.changes[0].type, MAILBOX_CREATED);
	assert_string_equal(page.changes[0].id, "A");
	assert_string_equal(page.changes[0].version, "ka");
	assert_int_equal(page.changes[1].type, MAILBOX_UPDATED);
	assert_int_equal(page.changes[2].type, MAILBOX_DELETED);
	assert_string_equal(page.changes[2].id, "C");
	assert_null(page.changes[2].version);
	assert_int_equal(page.changes[3].type, MAILBOX_UPDATED);

	fake_queue_success("SyncFolderItems",
		"<m:SyncState>S3</m:SyncState>"
		"<m:IncludesLastItemInRange>true</m:IncludesLastItemInRange>");
	assert_int_equal(sync_page("S&2", &err), 0);
	fake_assert_last("<m:SyncState>S&amp;2</m:SyncState>", 1);
	assert_true(page.last);
	assert_int_equal(page.n, 0);
}

static void a_page_that_does_not_move_on_is_the_last(void **state)
{
	struct error err;

	(void)state;
	fake_queue_success("SyncFolderItems",
		"<m:SyncState>S1</m:SyncState>"
		"<m:IncludesLastItemInRange>false</m:IncludesLastItemInRange>");
	assert_int_equal(sync_page("S1", &err), 0);
	assert_true(page.last);
}

static void a_page_fails_with_its_grade(void **state)
{
	struct error err;

	(void)state;
	fake_queue_failure("SyncFolderItems", "ErrorInvalidSyncStateData");
	assert_int_equal(sync_page("old", &err), ERR_CURSOR);
	fake_queue_failure("SyncFolderItems", "ErrorSyncFolderNotFound");
	assert_int_equal(sync_page(NULL, &err), ERR_NOT_FOUND);
	fake_queue_success("SyncFolderItems", "<m:Changes/>");
	assert_int_equal(sync_page(NULL, &err), ERR_REMOTE);
	assert_null(page.cursor);
	assert_int_equal(page.n, 0);
}

#define ITEM(ELEMENT, ID, CLASS, MORE)                                                             \
	"<m:Items><e:" ELEMENT "><e:ItemId Id=\"" ID "\" ChangeKey=\"k" ID "\"/>"                  \
	"<e:ParentFolderId Id=\"F1\" ChangeKey=\"f\"/><e:ItemClass>" CLASS "</e:ItemClass>" MORE   \
	"</e:" ELEMENT "></m:Items>"

static void an_item_is_read_whole(void **state)
{
	struct mailbox_item item;

	(void)state;
	fake_queue_success("GetItem",
		ITEM("Contact", "A", "IPM.Contact",
			"<e:ExtendedProperty><e:ExtendedFieldURI PropertyTag=\"0x300b\" "
			"PropertyType=\"Binary\"/><e:Value>AP8QWg==</e:Value></e:ExtendedProperty>"
			"<e:ExtendedProperty><e:ExtendedFieldURI "
			"DistinguishedPropertySetId=\"PublicStrings\" "
			"PropertyName=\"TandemUid\" "
			"PropertyType=\"String\"/><e:Value>urn:uuid:7</e:Value>"
			"</e:ExtendedProperty><e:LastModifiedName>Anna Meier</e:LastModifiedName>"
			"<e:LastModifiedTime>2026-01-02T03:04:05.6789Z</e:LastModifiedTime>"
			"<e:GivenName>Anna</e:GivenName>"));
	item = fake_get_item(KIND_CONTACT, "A");
	assert_int_equal(item.error.code, ERR_NONE);
	assert_string_equal(item.id, "A");
	assert_string_equal(item.version, "kA");
	assert_string_equal(item.folder_id, "F1");
	assert_string_equal(item.key, "00ff105a");
	assert_string_equal(item.modified_by, "Anna Meier");
	assert_false(item.modified_by_us);
	assert_int_equal(item.modified, INT64_C(1767323045678900000));
	assert_string_equal(item.marks.uid, "urn:uuid:7");
	assert_null(item.marks.token);
	assert_false(item.unsupported);
	assert_null(item.unread);
	assert_int_equal(json_object_size(item.fields), 1);
	mailbox_item_clear(&item);
}

static void the_account_that_signs_in_is_us(void **state)
{
	struct mailbox_item item;

	(void)state;
	fake_queue_success(
		"GetItem", ITEM("Contact", "A", "IPM.Contact",
				   "<e:LastModifiedName>SVC@corp.example</e:LastModifiedName>"));
	item = fake_get_item(KIND_CONTACT, "A");
	assert_true(item.modified_by_us);
	mailbox_item_clear(&item);
}

static void items_of_other_classes_are_unsupported(void **state)
{
	static const struct {
		const char *message, *why;
	} cases[] = {
		{ ITEM("DistributionList", "A", "IPM.DistListPlus", ""), "IPM.DistListPlus" },
		{ ITEM("DistributionList", "A", "IPM.DistList", ""), NULL },
		{ ITEM("Contact", "A", "IPM.ContactPlus", ""), "IPM.ContactPlus" },
		{ ITEM("Item", "A", "", ""), "Item" },
		{ ITEM("Contact", "A", "IPM.Contact.Custom", ""), NULL },
		{ ITEM("Contact", "A", "ipm.contact", ""), NULL },
		{ ITEM("Contact", "A", "", ""), NULL },
	};
	struct mailbox_item item;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		fake_queue_success("GetItem", cases[i].message);
		item = fake_get_item(KIND_CONTACT, "A");
		assert_int_equal(item.unsupported, cases[i].why != NULL);
		if (cases[i].why)
			assert_non_null(strstr(item.why, cases[i].why));
		mailbox_item_clear(&item);
	}
}

static void a_distribution_list_is_a_group(void **state)
{
	static const char expected[] =
		"{\"Kind\":\"group\",\"DisplayName\":\"Friends\",\"Members\":["
		"[\"mailto:anna@x.example\",\"Anna Lind\"],"
		"[\"mailto:b%3Den+%C3%BC@x.example\",\"\"],"
		"[\"urn:x-exchange:/o=Corp%20%25\",\"Board\"],"
		"[\"urn:x-exchange:Inner%20list\",\"Inner list\"]]}";
	json_t *fields = json_of(expected);
	struct mailbox_item item;

	(void)state;
	fake_queue_success("GetItem",
		ITEM("DistributionList", "A", "IPM.DistList",
			"<e:DisplayName>Friends</e:DisplayName><e:Members>"
			"<e:Member Key=\"1\"><e:Mailbox><e:Name>Anna Lind</e:Name>"
			"<e:EmailAddress>anna@x.example</e:EmailAddress>"
			"<e:RoutingType>SMTP</e:RoutingType></e:Mailbox></e:Member>"
			"<e:Member Key=\"2\"><e:Mailbox><e:Name>B=en+\xC3\xBC@x.example</e:Name>"
			"<e:EmailAddress>b=en+\xC3\xBC@x.example</e:EmailAddress></e:Mailbox></"
			"e:Member>"
			"<e:Member><e:Mailbox><e:Name>Board</e:Name><e:EmailAddress>/o=Corp %"
			"</e:EmailAddress><e:RoutingType>EX</e:RoutingType></e:Mailbox></e:Member>"
			"<e:Member><e:Mailbox><e:Name>Inner list</e:Name>"
			"<e:RoutingType>MAPIPDL</e:RoutingType></e:Mailbox></e:Member>"
			"<e:Member/></e:Members>"));
	item = fake_get_item(KIND_CONTACT, "A");
	assert_false(item.unsupported);
	if (!json_equal(item.fields, fields))
		fail_msg("%s", json_dumps(item.fields, 0));
	mailbox_item_clear(&item);
	json_decref(fields);
}

/* Answers every id that GetItem asks for; "huge" ones make the answer too big, "gone" ones fail. */
static char *respond(const char *operation, const char *body)
{
	struct buf messages = BUF_INIT(1000000);
	char *text, *answer;

	assert_string_equal(operation, "GetItem");
	for (const char *at = strstr(body, "<t:ItemId Id=\""); at;
		at = strstr(at, "<t:ItemId Id=\"")) {
		char *id AUTOFREE = NULL, *message AUTOFREE = NULL;

		at += strlen("<t:ItemId Id=\"");
		id = xstrndup(at, strcspn(at, "\""));
		if (!strncmp(id, "gone", 4)) {
			message = fake_failure("GetItem", "ErrorItemNotFound", "");
		} else {
			char *inside AUTOFREE = xasprintf(
				ITEM("Contact", "%s", "IPM.Contact", ""), id, id);

			message = fake_success("GetItem", inside);
		}
		buf_adds(&messages, message);
	}
	text = buf_take(&messages);
	answer = fake_messages("GetItem", text);
	free(text);
	return answer;
}

static void items_come_in_batches_and_fail_alone(void **state)
{
	static char names[250][16];
	const char *ids[250];
	struct mailbox_item items[250];
	struct error err = ERROR_INIT;

	(void)state;
	fake.respond = respond;
	for (int i = 0; i < 250; i++) {
		snprintf(names[i], sizeof(names[i]), "%s%d", i % 100 == 7 ? "gone" : "i", i);
		ids[i] = names[i];
	}
	assert_int_equal(ews_driver.get_items(box, KIND_CONTACT, ids, 250, items, &err), 0);
	assert_int_equal(fake.n_requests, 3);
	fake_assert_last("<t:ItemId ", 50);
	for (int i = 0; i < 250; i++) {
		if (i % 100 == 7)
			assert_int_equal(items[i].error.code, ERR_NOT_FOUND);
		else
			assert_string_equal(items[i].id, names[i]);
		mailbox_item_clear(&items[i]);
	}
}

static void an_answer_that_is_too_big_is_asked_for_in_halves(void **state)
{
	const char *ids[] = { "a", "b", "c", "d" };
	struct mailbox_item items[4];
	struct error err = ERROR_INIT;

	(void)state;
	fake.respond = respond;
	fake_queue((struct fake_answer){ .rc = ERR_TOO_BIG }); /* a b c d */
	fake_queue((struct fake_answer){ .rc = ERR_TOO_BIG }); /* a b */
	fake_queue((struct fake_answer){ .rc = ERR_TOO_BIG }); /* a */
	assert_int_equal(ews_driver.get_items(box, KIND_CONTACT, ids, 4, items, &err), 0);
	assert_int_equal(fake.n_requests, 5);
	assert_int_equal(items[0].error.code, ERR_TOO_BIG);
	for (int i = 1; i < 4; i++) {
		assert_string_equal(items[i].id, ids[i]);
		mailbox_item_clear(&items[i]);
	}
}

static void a_batch_that_is_not_answered_whole_fails_the_call(void **state)
{
	const char *ids[] = { "A", "B" };
	struct mailbox_item items[2];
	struct error err = ERROR_INIT;

	(void)state;
	fake_queue_success(
		"GetItem", ITEM("Contact", "A", "IPM.Contact", "<e:GivenName>A</e:GivenName>"));
	assert_int_equal(ews_driver.get_items(box, KIND_CONTACT, ids, 2, items, &err), ERR_REMOTE);
	assert_null(items[0].id);
	fake_queue_failure("GetItem", "ErrorServerBusy");
	assert_int_equal(
		ews_driver.get_items(box, KIND_CONTACT, ids, 2, items, &err), ERR_THROTTLED);
	assert_true(err.retry_after_ms > 0);
}

#define page_test(f) cmocka_unit_test_setup_teardown(f, fake_open, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		page_test(a_page_gives_ids_versions_and_the_cursor),
		page_test(a_page_that_does_not_move_on_is_the_last),
		page_test(a_page_fails_with_its_grade),
		fake_test(an_item_is_read_whole),
		fake_test(the_account_that_signs_in_is_us),
		fake_test(items_of_other_classes_are_unsupported),
		fake_test(a_distribution_list_is_a_group),
		fake_test(items_come_in_batches_and_fail_alone),
		fake_test(an_answer_that_is_too_big_is_asked_for_in_halves),
		fake_test(a_batch_that_is_not_answered_whole_fails_the_call),
	};

	return cmocka_run_group_tests(tests, fake_setup, fake_teardown);
}
