/* CreateItem, UpdateItem, MoveItem, DeleteItem: what is sent, and the fate of every op. */
#include "fake_transport.h"

#define ITEM(ID, KEY)                                                                              \
	"<m:Items><e:Contact><e:ItemId Id=\"" ID "\" ChangeKey=\"" KEY "\"/></e:Contact></"        \
	"m:Items>"

static json_t *anna, *name_changed;

static int start(void **state)
{
	anna = json_pack("{s:s, s:s, s:b, s:b}", "GivenName", "Anna", "Surname", "Meier",
		"Categories/CRM", 1, "Categories/Red", 1);
	name_changed = json_pack("[s]", "GivenName");
	return fake_open(state);
}

static int stop(void **state)
{
	json_decref(anna);
	json_decref(name_changed);
	return fake_close(state);
}

static struct mailbox_op update_op(const char *id)
{
	return (struct mailbox_op){ .id = id,
		.version = "K1",
		.kind = KIND_CONTACT,
		.fields = anna,
		.changed = name_changed };
}

static int write_one(enum mailbox_op_type type, struct mailbox_op *op)
{
	struct error err = ERROR_INIT;

	return ews_driver.write_items(box, type, op, 1, &err);
}

/* Every write says that nobody is mailed. */
static void nobody_is_mailed(void **state)
{
	struct mailbox_op create = { .folder_id = "F1", .kind = KIND_CONTACT, .fields = anna };
	struct mailbox_op update = update_op("A"), remove = { .id = "A", .kind = KIND_CONTACT };

	(void)state;
	fake_queue_success("CreateItem", ITEM("A", "K1"));
	assert_int_equal(write_one(MAILBOX_CREATE, &create), 0);
	fake_assert_last("SendMeetingInvitations=\"SendToNone\"", 1);
	fake_assert_last("MessageDisposition=\"SaveOnly\"", 1);
	fake_assert_last("<m:SavedItemFolderId><t:FolderId Id=\"F1\"/>", 1);
	fake_queue_success("UpdateItem", ITEM("A", "K2"));
	assert_int_equal(write_one(MAILBOX_UPDATE, &update), 0);
	fake_assert_last("SendMeetingInvitationsOrCancellations=\"SendToNone\"", 1);
	fake_assert_last("MessageDisposition=\"SaveOnly\"", 1);
	fake_queue_success("DeleteItem", "");
	assert_int_equal(write_one(MAILBOX_DELETE, &remove), 0);
	assert_int_equal(remove.error.code, ERR_NONE);
	fake_assert_last("SendMeetingCancellations=\"SendToNone\"", 1);
	fake_assert_last("DeleteType=\"MoveToDeletedItems\"", 1);
	fake_assert_last("AffectedTaskOccurrences=\"AllOccurrences\"", 1);
	mailbox_op_clear(&create);
	mailbox_op_clear(&update);
}

static void only_changed_rows_are_sent_guarded_by_the_version(void **state)
{
	struct mailbox_op op = update_op("A");

	(void)state;
	fake_queue_success("UpdateItem", ITEM("A", "K2"));
	assert_int_equal(write_one(MAILBOX_UPDATE, &op), 0);
	assert_string_equal(op.new_version, "K2");
	fake_assert_last("ConflictResolution=\"NeverOverwrite\"", 1);
	fake_assert_last("<t:ItemId Id=\"A\" ChangeKey=\"K1\"/>", 1);
	fake_assert_last("<t:SetItemField>", 1);
	fake_assert_last("<t:FieldURI FieldURI=\"contacts:GivenName\"/><t:Contact><t:GivenName>Anna"
			 "</t:GivenName></t:Contact>",
		1);
	fake_assert_last("Meier", 0);
	fake_assert_last("DeleteItemField", 0);
	mailbox_op_clear(&op);
}

static void one_property_is_sent_once_for_several_keys(void **state)
{
	struct mailbox_op op = update_op("A");

	(void)state;
	op.changed = json_pack("[s, s, s]", "Categories/CRM", "Categories/Blue", "Categories/Red");
	fake_queue_success("UpdateItem", ITEM("A", "K2"));
	assert_int_equal(write_one(MAILBOX_UPDATE, &op), 0);
	fake_assert_last("item:Categories", 1);
	fake_assert_last(
		"<t:Categories><t:String>CRM</t:String><t:String>Red</t:String></t:Categories>", 1);
	json_decref((json_t *)op.changed);
	mailbox_op_clear(&op);
}

static void emptied_rows_are_deleted(void **state)
{
	static const struct {
		const char *name, *sent;
	} cases[] = {
		{ "MobilePhone",
			"<t:DeleteItemField><t:IndexedFieldURI FieldURI=\"contacts:PhoneNumber\" "
			"FieldIndex=\"MobilePhone\"/></t:DeleteItemField>" },
		{ "Home/City",
			"<t:DeleteItemField><t:IndexedFieldURI FieldURI=\"contacts:PhysicalAddress:"
			"City\" FieldIndex=\"Home\"/></t:DeleteItemField>" },
		{ "Prefix", "<t:DeleteItemField><t:ExtendedFieldURI PropertyTag=\"0x3A45\" "
			    "PropertyType=\"String\"/></t:DeleteItemField>" },
		{ "Categories/Blue",
			"<t:DeleteItemField><t:FieldURI FieldURI=\"item:Categories\"/>" },
		{ "EmailAddress2",
			"<t:ExtendedFieldURI DistinguishedPropertySetId=\"Address\" "
			"PropertyId=\"32915\" PropertyType=\"String\"/></t:DeleteItemField>" },
		{ "Birthday",
			"<t:ExtendedFieldURI DistinguishedPropertySetId=\"Address\" "
			"PropertyId=\"32990\" PropertyType=\"SystemTime\"/></t:DeleteItemField>" },
		{ "Body", "<t:Contact><t:Body BodyType=\"Text\"></t:Body></t:Contact>" },
		{ "Sensitivity", "<t:Contact><t:Sensitivity>Normal</t:Sensitivity></t:Contact>" },
	};
	json_t *none = json_object();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct mailbox_op op = update_op("A");

		op.fields = none;
		op.changed = json_pack("[s]", cases[i].name);
		fake_queue_success("UpdateItem", ITEM("A", "K2"));
		assert_int_equal(write_one(MAILBOX_UPDATE, &op), 0);
		fake_assert_last(cases[i].sent, 1);
		json_decref((json_t *)op.changed);
		mailbox_op_clear(&op);
	}
	json_decref(none);
}

static void marks_are_set_and_deleted(void **state)
{
	struct mailbox_op op = update_op("A");

	(void)state;
	op.changed = NULL;
	op.set_marks = true;
	op.marks.crm_link = xstrdup("003000000000001AAA");
	op.marks.token = xstrdup("never touched by an update");
	fake_queue_success("UpdateItem", ITEM("A", "K2"));
	assert_int_equal(write_one(MAILBOX_UPDATE, &op), 0);
	fake_assert_last("TandemToken", 0);
	fake_assert_last("<t:SetItemField>", 1);
	fake_assert_last("<t:Value>003000000000001AAA</t:Value>", 1);
	fake_assert_last("<t:DeleteItemField>", 3);
	mailbox_marks_clear(&op.marks);
	mailbox_op_clear(&op);
}

static void an_update_of_nothing_needs_no_request(void **state)
{
	struct mailbox_op op = update_op("A");

	(void)state;
	op.changed = NULL;
	assert_int_equal(write_one(MAILBOX_UPDATE, &op), 0);
	assert_int_equal(fake.n_requests, 0);
	assert_int_equal(op.error.code, ERR_NONE);
	assert_string_equal(op.new_version, "K1");
	mailbox_op_clear(&op);
}

static void a_name_of_no_field_is_a_bug(void **state)
{
	struct mailbox_op op = update_op("A");

	(void)state;
	op.changed = json_pack("[s]", "ShoeSize");
	assert_int_equal(write_one(MAILBOX_UPDATE, &op), 0);
	assert_int_equal(op.error.code, ERR_INTERNAL);
	assert_non_null(strstr(op.error.text, "ShoeSize"));
	assert_int_equal(fake.n_requests, 0);
	json_decref((json_t *)op.changed);
}

static void a_move_gives_the_new_id(void **state)
{
	struct mailbox_op ops[] = { { .id = "A", .folder_id = "F1", .kind = KIND_CONTACT },
		{ .id = "B", .folder_id = "F2", .kind = KIND_CONTACT } };
	struct error err = ERROR_INIT;

	(void)state;
	fake_queue_success("MoveItem", ITEM("A2", "K2"));
	fake_queue_success("MoveItem", ""); /* across stores Exchange names no id */
	assert_int_equal(ews_driver.write_items(box, MAILBOX_MOVE, ops, 2, &err), 0);
	assert_int_equal(fake.n_requests, 2); /* one for each target */
	assert_non_null(strstr(fake.requests[0], "<m:ReturnNewItemIds>true</m:ReturnNewItemIds>"));
	fake_assert_last("<m:ToFolderId><t:FolderId Id=\"F2\"/></m:ToFolderId>", 1);
	assert_string_equal(ops[0].new_id, "A2");
	assert_null(ops[1].new_id);
	assert_int_equal(ops[1].error.code, ERR_NONE);
	mailbox_op_clear(&ops[0]);
}

static void each_op_has_its_own_fate(void **state)
{
	static const struct {
		const char *code;
		enum error_code expected;
	} cases[] = {
		{ "ErrorItemNotFound", ERR_NOT_FOUND },
		{ "ErrorIrresolvableConflict", ERR_CONFLICT },
		{ "ErrorStaleObject", ERR_CONFLICT },
		{ "ErrorAccessDenied", ERR_DENIED },
		{ "ErrorInternalServerError", ERR_LOST },
		{ "ErrorBatchProcessingStopped", ERR_UNSENT },
		{ "ErrorQuotaExceeded", ERR_REMOTE },
		{ "ErrorServerBusy", ERR_THROTTLED },
	};
	struct mailbox_op ops[ARRAY_SIZE(cases) + 1];
	struct buf messages AUTOBUF = BUF_INIT(100000);
	struct error err = ERROR_INIT;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(ops); i++) {
		char *message AUTOFREE = i < ARRAY_SIZE(cases)
						 ? fake_failure("UpdateItem", cases[i].code, "")
						 : fake_success("UpdateItem", ITEM("Z", "K2"));

		ops[i] = update_op("A");
		buf_adds(&messages, message);
	}
	fake_queue((struct fake_answer){
		.status = 200, .body = fake_messages("UpdateItem", buf_str(&messages)) });
	assert_int_equal(
		ews_driver.write_items(box, MAILBOX_UPDATE, ops, ARRAY_SIZE(ops), &err), 0);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(ops[i].error.code, cases[i].expected);
	assert_int_equal(ops[ARRAY_SIZE(cases)].error.code, ERR_NONE);
	assert_string_equal(ops[ARRAY_SIZE(cases)].new_version, "K2");
	assert_int_equal(fake.back_off, EWS_BACK_OFF_DEFAULT);
	mailbox_op_clear(&ops[ARRAY_SIZE(cases)]);
}

/* Succeeds for every item of a request, unless one is poisonous: then the schema refuses it all. */
static char *respond(const char *operation, const char *body)
{
	struct buf messages = BUF_INIT(1000000);
	char *text, *answer;

	if (strstr(body, "poison"))
		return fake_fault("ErrorSchemaValidation", "");
	for (size_t n = fake_count(body, "<t:Contact>"); n; n--) {
		char *message AUTOFREE = fake_success(operation, ITEM("N", "K"));

		buf_adds(&messages, message);
	}
	text = buf_take(&messages);
	answer = fake_messages(operation, text);
	free(text);
	return answer;
}

static void batches_hold_a_hundred(void **state)
{
	struct mailbox_op ops[250];
	struct error err = ERROR_INIT;

	(void)state;
	fake.respond = respond;
	for (int i = 0; i < 250; i++)
		ops[i] = (struct mailbox_op){
			.folder_id = i < 210 ? "F1" : "F2", .kind = KIND_CONTACT, .fields = anna
		};
	assert_int_equal(ews_driver.write_items(box, MAILBOX_CREATE, ops, 250, &err), 0);
	assert_int_equal(fake.n_requests, 4); /* 100, 100, 10; 40 */
	fake_assert_last("<t:Contact>", 40);
	for (int i = 0; i < 250; i++) {
		assert_int_equal(ops[i].error.code, ERR_NONE);
		assert_string_equal(ops[i].new_id, "N");
		mailbox_op_clear(&ops[i]);
	}
}

static void a_request_does_not_grow_without_end(void **state)
{
	char *big = xmalloc(3 << 20);
	struct mailbox_op ops[5];
	struct error err = ERROR_INIT;
	json_t *fields;

	(void)state;
	memset(big, 'x', (3 << 20) - 1);
	big[(3 << 20) - 1] = '\0';
	fields = json_pack("{s:s}", "Body", big);
	fake.respond = respond;
	for (int i = 0; i < 5; i++)
		ops[i] = (struct mailbox_op){
			.folder_id = "F1", .kind = KIND_CONTACT, .fields = fields
		};
	assert_int_equal(ews_driver.write_items(box, MAILBOX_CREATE, ops, 5, &err), 0);
	assert_int_equal(fake.n_requests, 3);
	for (int i = 0; i < 5; i++) {
		assert_int_equal(ops[i].error.code, ERR_NONE);
		mailbox_op_clear(&ops[i]);
	}
	json_decref(fields);
	free(big);
}

static void one_impossible_item_stops_nobody_else(void **state)
{
	json_t *poison = json_pack("{s:s}", "GivenName", "poison");
	struct mailbox_op ops[20];
	struct error err = ERROR_INIT;

	(void)state;
	fake.respond = respond;
	for (int i = 0; i < 20; i++)
		ops[i] = (struct mailbox_op){
			.folder_id = "F1", .kind = KIND_CONTACT, .fields = i == 13 ? poison : anna
		};
	assert_int_equal(ews_driver.write_items(box, MAILBOX_CREATE, ops, 20, &err), 0);
	for (int i = 0; i < 20; i++) {
		assert_int_equal(ops[i].error.code, i == 13 ? ERR_INTERNAL : ERR_NONE);
		mailbox_op_clear(&ops[i]);
	}
	assert_non_null(strstr(ops[13].error.text, "ErrorSchemaValidation"));
	json_decref(poison);
}

static void a_call_that_fails_tells_what_may_have_been_applied(void **state)
{
	static const struct {
		struct fake_answer answer;
		enum error_code rc, first;
	} cases[] = {
		{ { .rc = ERR_LOST }, ERR_LOST, ERR_LOST },
		{ { .rc = ERR_TOO_BIG }, ERR_LOST, ERR_LOST },
		{ { .rc = ERR_UNSENT }, ERR_UNSENT, ERR_UNSENT },
		{ { .rc = ERR_CANCELLED }, ERR_CANCELLED, ERR_UNSENT },
		{ { .status = 401 }, ERR_DENIED, ERR_UNSENT },
		{ { .status = 503 }, ERR_THROTTLED, ERR_UNSENT },
		{ { .status = 500 }, ERR_LOST, ERR_LOST },
		{ { .status = 502 }, ERR_LOST, ERR_LOST },
		{ { .status = 504 }, ERR_LOST, ERR_LOST },
		{ { .status = 200 }, ERR_LOST, ERR_LOST },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct mailbox_op ops[150];
		struct error err = ERROR_INIT;
		struct fake_answer answer = cases[i].answer;

		for (int k = 0; k < 150; k++)
			ops[k] = update_op("A");
		answer.body = xstrdup("<html>gateway");
		fake_queue(answer);
		assert_int_equal(
			ews_driver.write_items(box, MAILBOX_UPDATE, ops, 150, &err), cases[i].rc);
		for (int k = 0; k < 150; k++)
			assert_int_equal(ops[k].error.code, k < 100 ? cases[i].first : ERR_UNSENT);
		fake.back_off = 0;
	}
}

static void ops_that_are_not_answered_are_lost(void **state)
{
	struct mailbox_op ops[] = { update_op("A"), update_op("B") };
	struct mailbox_op create = { .folder_id = "F1", .kind = KIND_CONTACT, .fields = anna };
	struct error err = ERROR_INIT;

	(void)state;
	fake_queue_success("UpdateItem", ITEM("A", "K2"));
	assert_int_equal(ews_driver.write_items(box, MAILBOX_UPDATE, ops, 2, &err), 0);
	assert_int_equal(ops[0].error.code, ERR_NONE);
	assert_int_equal(ops[1].error.code, ERR_LOST);
	fake_queue_success("CreateItem", "<m:Items/>");
	assert_int_equal(write_one(MAILBOX_CREATE, &create), 0);
	assert_int_equal(create.error.code, ERR_LOST);
	mailbox_op_clear(&ops[0]);
}

#define write_test(f) cmocka_unit_test_setup_teardown(f, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		write_test(nobody_is_mailed),
		write_test(only_changed_rows_are_sent_guarded_by_the_version),
		write_test(one_property_is_sent_once_for_several_keys),
		write_test(emptied_rows_are_deleted),
		write_test(marks_are_set_and_deleted),
		write_test(an_update_of_nothing_needs_no_request),
		write_test(a_name_of_no_field_is_a_bug),
		write_test(a_move_gives_the_new_id),
		write_test(each_op_has_its_own_fate),
		write_test(batches_hold_a_hundred),
		write_test(a_request_does_not_grow_without_end),
		write_test(one_impossible_item_stops_nobody_else),
		write_test(a_call_that_fails_tells_what_may_have_been_applied),
		write_test(ops_that_are_not_answered_are_lost),
	};

	return cmocka_run_group_tests(tests, fake_setup, fake_teardown);
}
