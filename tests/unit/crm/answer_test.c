/* Answers of Salesforce: what is taken, and that nothing is taken from one that lies. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "crm/private.h"
#include "sync/mem.h"
#include "tests/unit/json_text.h"

#define ID1 "003000000000001AAA"
#define ID2 "003000000000002AAA"
#define US  "005000000000009AAA"

static struct salesforce_object *describe_kind(
	enum item_kind kind, const char *fields, const char *token, struct error *err)
{
	char *text = xasprintf("{\"fields\":[{\"name\":\"Id\",\"type\":\"id\"},"
			       "{\"name\":\"SystemModstamp\",\"type\":\"datetime\"}%s%s]}",
		*fields ? "," : "", fields);
	json_t *answer = json_of(text);
	struct salesforce_object *object = NULL;

	salesforce_read_describe(answer, salesforce_spec(kind), token, &object, err);
	json_decref(answer);
	free(text);
	return object;
}

static struct salesforce_object *describe(const char *fields, const char *token, struct error *err)
{
	return describe_kind(KIND_CONTACT, fields, token, err);
}

static void description(void **state)
{
	struct error err = ERROR_INIT;
	struct salesforce_object *o = describe(
		"{\"name\":\"LastName\",\"type\":\"string\",\"length\":33,\"createable\":true,"
		"\"updateable\":true},"
		"{\"name\":\"Phone\",\"type\":\"phone\",\"length\":40,\"createable\":false,"
		"\"updateable\":false},"
		"{\"name\":\"Title\",\"type\":\"string\",\"length\":128,\"createable\":true,"
		"\"updateable\":false},"
		"{\"name\":\"Birthdate\",\"type\":\"date\",\"length\":0,\"createable\":true,"
		"\"updateable\":true},"
		"{\"name\":\"Email\",\"type\":\"email\",\"length\":80,\"createable\":true,"
		"\"updateable\":true},"
		"{\"name\":\"Second__c\",\"type\":\"email\",\"length\":80},"
		"{\"name\":\"Bad Name\",\"type\":\"email\"},"
		"{\"name\":\"Tok__c\",\"type\":\"string\",\"externalId\":true,\"createable\":true},"
		"{\"name\":\"AccountId\",\"type\":\"reference\",\"length\":18,\"createable\":true},"
		"{\"name\":\"OwnerId\",\"type\":"
		"\"reference\"}",
		"tok__c", &err);
	struct field_table table = { .rows = o->rows, .n = o->n_rows };

	(void)state;
	assert_int_equal(o->n_rows, 6); /* what the org lacks is no row */
	assert_int_equal(field_find(&table, "LastName")->max_chars, 33);
	assert_int_equal(field_find(&table, "LastName")->flags,
		FIELD_NAMING | FIELD_REQUIRED | FIELD_STAND_IN);
	assert_int_equal(field_find(&table, "Phone")->flags, FIELD_READ_ONLY);
	assert_int_equal(field_find(&table, "Title")->flags, FIELD_CREATE_ONLY);
	assert_int_equal(field_find(&table, "Birthdate")->max_chars, 0);
	assert_int_equal(
		field_find(&table, "Account.Name")->flags, FIELD_REFERENCE | FIELD_CREATE_ONLY);
	assert_int_equal(field_find(&table, "Account.Name")->max_chars, 255);
	assert_null(field_find(&table, "MobilePhone"));
	assert_int_equal(o->n_emails, 2);
	assert_string_equal(o->emails[1], "Second__c");
	assert_string_equal(o->token_field, "Tok__c"); /* as the org writes it */
	assert_true(o->has_account && o->has_owner && !o->has_master);
	salesforce_object_free(o);
}

static void wrong_descriptions(void **state)
{
	static const char *const bad[] = { "null", "[]", "{}", "{\"fields\":{}}",
		"{\"fields\":[1,null,{}]}" };
	struct error err = ERROR_INIT;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct salesforce_object *object;
		json_t *answer = json_of(bad[i]);

		assert_int_equal(salesforce_read_describe(answer, salesforce_spec(KIND_CONTACT),
					 NULL, &object, &err),
			ERR_REMOTE);
		json_decref(answer);
	}
	assert_null(describe("", "Tok__c", &err));
	assert_int_equal(err.code, ERR_INVALID);
	assert_non_null(strstr(err.text, "Contact has no field Tok__c"));
	assert_null(describe("{\"name\":\"Tok__c\",\"createable\":true}", "Tok__c", &err));
	assert_non_null(strstr(err.text, "is not an external id"));
	assert_null(describe("{\"name\":\"Tok__c\",\"externalId\":true}", "Tok__c", &err));
	assert_non_null(strstr(err.text, "we may not write Contact.Tok__c"));
}

/* An org that syncs contacts need not have made the field for Activity. */
static void events_do_without_an_external_id(void **state)
{
	struct error err = ERROR_INIT;
	struct salesforce_object *o = describe_kind(
		KIND_EVENT, "{\"name\":\"Subject\"}", "Tok__c", &err);

	(void)state;
	assert_non_null(o);
	assert_null(o->token_field);
	salesforce_object_free(o);
}

static void a_page(void **state)
{
	struct error err = ERROR_INIT;
	struct salesforce_object *o = describe(
		"{\"name\":\"LastName\"},{\"name\":\"MailingStreet\"},{\"name\":\"Email\",\"type\":"
		"\"email\"},{\"name\":\"AccountId\",\"length\":18},"
		"{\"name\":\"X__c\",\"type\":\"email\"},{\"name\":\"T__c\",\"externalId\":true,"
		"\"createable\":true}",
		"T__c", &err);
	json_t *answer = json_of(
		"{\"totalSize\":2,\"done\":false,"
		"\"nextRecordsUrl\":\"/services/data/v66.0/query/"
		"01g000000000001AAA-2000\",\"records\":["
		"{\"attributes\":{\"type\":\"Contact\"},\"Id\":\"" ID1
		"\",\"SystemModstamp\":\"2026-01-02T03:04:05.000+0000\","
		"\"IsDeleted\":false,\"OwnerId\":\"" US "\",\"CreatedById\":\"" US
		"\",\"LastModifiedById\":\"" ID2 "\","
		"\"AccountId\":\"" ID2
		"\",\"Account\":{\"Name\":\"Acme\"},\"T__c\":\"tok\",\"LastName\":\"Berg\","
		"\"MailingStreet\":\"a\\r\\nb\\rc\",\"Email\":\"ANNA@a.example\",\"X__c\":\"x@a."
		"example\",\"Other\":1},"
		"{\"Id\":\"" ID2
		"\",\"SystemModstamp\":\"2026-01-02T03:04:06.000+0000\",\"IsDeleted\":true,"
		"\"MasterRecordId\":\"" ID1
		"\",\"LastName\":null,\"MailingStreet\":\"\",\"Account\":null}]}");
	struct crm_record *r;
	char *next;
	size_t n;

	(void)state;
	assert_int_equal(salesforce_read_page(answer, o, US, &r, &n, &next, &err), 0);
	assert_int_equal(n, 2);
	assert_string_equal(next, "/services/data/v66.0/query/01g000000000001AAA-2000");
	assert_string_equal(r[0].id, ID1);
	assert_string_equal(r[0].version, "2026-01-02T03:04:05.000+0000");
	assert_string_equal(r[0].owner_id, US);
	assert_true(r[0].created_by_us && !r[0].modified_by_us && !r[0].deleted);
	assert_string_equal(r[0].account_id, ID2);
	assert_string_equal(
		json_string_value(json_object_get(r[0].fields, "Account.Name")), "Acme");
	assert_null(r[0].unread);
	assert_string_equal(r[0].token, "tok");
	assert_null(r[0].master_id);
	assert_int_equal(json_object_size(r[0].fields), 4);
	assert_string_equal(
		json_string_value(json_object_get(r[0].fields, "MailingStreet")), "a\nb\nc");
	assert_string_equal(
		json_string_value(json_object_get(r[0].fields, "Email")), "ANNA@a.example");
	assert_int_equal(json_array_size(r[0].emails), 2);
	assert_string_equal(json_string_value(json_array_get(r[0].emails, 0)), "anna@a.example");
	assert_true(r[1].deleted);
	assert_string_equal(r[1].master_id, ID1);
	assert_int_equal(json_object_size(r[1].fields), 0);
	assert_string_equal(json_string_value(json_array_get(r[1].unread, 0)), "LastName");
	crm_records_free(r, n);
	free(next);
	json_decref(answer);
	salesforce_object_free(o);
}

static void wrong_pages(void **state)
{
#define ONE(members) "{\"done\":true,\"records\":[{" members "}]}"
	static const char *const bad[] = { "null", "[]", "{}", "{\"done\":true}",
		"{\"records\":[]}", "{\"done\":1,\"records\":[]}",
		"{\"done\":false,\"records\":[]}",
		"{\"done\":false,\"records\":[],\"nextRecordsUrl\":\"http://evil.example/\"}",
		"{\"done\":false,\"records\":[],\"nextRecordsUrl\":\"/services/data/../../x\"}",
		"{\"done\":false,\"records\":[],\"nextRecordsUrl\":\"/services/data/v66.0/query/"
		"x?q=1\"}",
		"{\"done\":true,\"records\":[null]}", ONE(""), ONE("\"Id\":\"" ID1 "\""),
		ONE("\"Id\":\"" ID1 "\",\"SystemModstamp\":\"now\""),
		ONE("\"Id\":\"../x\",\"SystemModstamp\":\"2026-01-02T03:04:05Z\"") };
	struct error err = ERROR_INIT;
	struct salesforce_object *o = describe("", NULL, &err);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		json_t *answer = json_of(bad[i]);
		struct crm_record *records;
		char *next;
		size_t n;

		assert_int_equal(
			salesforce_read_page(answer, o, US, &records, &n, &next, &err), ERR_REMOTE);
		assert_null(records);
		assert_null(next);
		json_decref(answer);
	}
	salesforce_object_free(o);
}

static void errors(void **state)
{
	static const struct {
		const char *name;
		int status;
		enum salesforce_where where;
		enum error_code code;
	} rows[] = {
		{ "REQUEST_LIMIT_EXCEEDED", 403, SALESFORCE_READ, ERR_THROTTLED },
		{ "UNABLE_TO_LOCK_ROW", 0, SALESFORCE_CHANGING, ERR_THROTTLED },
		{ "ENTITY_IS_DELETED", 404, SALESFORCE_CHANGING, ERR_NOT_FOUND },
		{ "NOT_FOUND", 404, SALESFORCE_CHANGING, ERR_NOT_FOUND },
		{ "INVALID_CROSS_REFERENCE_KEY", 0, SALESFORCE_CHANGING, ERR_NOT_FOUND },
		{ "INVALID_CROSS_REFERENCE_KEY", 0, SALESFORCE_CREATING, ERR_REMOTE },
		{ "INSUFFICIENT_ACCESS_OR_READONLY", 0, SALESFORCE_CHANGING, ERR_DENIED },
		{ "DUPLICATES_DETECTED", 0, SALESFORCE_CREATING, ERR_EXISTS },
		{ "DUPLICATE_VALUE", 0, SALESFORCE_CREATING, ERR_EXISTS },
		{ "REQUIRED_FIELD_MISSING", 400, SALESFORCE_CREATING, ERR_REMOTE },
		{ "STRING_TOO_LONG", 0, SALESFORCE_CHANGING, ERR_REMOTE },
		{ "INVALID_SESSION_ID", 401, SALESFORCE_READ, ERR_DENIED },
		{ "INVALID_QUERY_LOCATOR", 400, SALESFORCE_READ, ERR_CURSOR },
		{ "SOMETHING_NEW", 412, SALESFORCE_CHANGING, ERR_CONFLICT },
		{ "SOMETHING_NEW", 429, SALESFORCE_READ, ERR_THROTTLED },
		{ "SOMETHING_NEW", 400, SALESFORCE_READ, ERR_REMOTE },
	};
	struct error err = ERROR_INIT;
	json_t *list;
	char code[64];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		list = json_pack("[{s:s, s:s}]", i % 2 ? "errorCode" : "statusCode", rows[i].name,
			"message", "no good");
		assert_int_equal(
			salesforce_read_errors(list, rows[i].status, rows[i].where, code, &err),
			rows[i].code);
		assert_string_equal(code, rows[i].name);
		assert_non_null(strstr(err.text, "no good"));
		json_decref(list);
	}
	list = json_of(
		"[{\"errorCode\":\"A\",\"message\":\"m\",\"fields\":[\"LastName\",\"Email\"]},3,"
		"{\"errorCode\":\"B\",\"message\":\"n\",\"fields\":[]}]");
	assert_int_equal(
		salesforce_read_errors(list, 400, SALESFORCE_READ, code, &err), ERR_REMOTE);
	assert_string_equal(err.text, "Salesforce: A: m (LastName, Email); B: n");
	json_decref(list);
	assert_int_equal(
		salesforce_read_errors(NULL, 404, SALESFORCE_READ, code, &err), ERR_REMOTE);
	assert_string_equal(err.text, "Salesforce: HTTP status 404");
	assert_string_equal(code, "");
}

/* Two ops as the hub would give them. */
struct two {
	struct crm_op op[2], *list[2];
};

static void two_init(struct two *two)
{
	memset(two, 0, sizeof(*two));
	two->op[0].id = ID1;
	two->op[1].id = ID2;
	for (size_t i = 0; i < 2; i++) {
		two->list[i] = &two->op[i];
		two->op[i].error.code = ERR_UNSENT;
	}
}

static void results(void **state)
{
	json_t *answer = json_of(
		"[{\"id\":\"" ID1 "\",\"success\":true,\"errors\":[],\"created\":false},"
		"{\"success\":false,\"errors\":[{\"statusCode\":\"DUPLICATES_DETECTED\","
		"\"message\":\"twice\","
		"\"fields\":[]}]}]");
	struct error err = ERROR_INIT;
	struct two two;

	(void)state;
	two_init(&two);
	assert_int_equal(salesforce_read_results(answer, CRM_CREATE, two.list, 2, &err), 0);
	assert_int_equal(two.op[0].error.code, ERR_NONE);
	assert_string_equal(two.op[0].new_id, ID1);
	assert_false(two.op[0].created);
	assert_int_equal(two.op[1].error.code, ERR_EXISTS);
	assert_string_equal(two.op[1].error.text, "Salesforce: DUPLICATES_DETECTED: twice");
	assert_null(two.op[1].new_id);
	crm_op_clear(&two.op[0]);
	json_decref(answer);
}

static void wrong_results(void **state)
{
#define GOOD "{\"id\":\"" ID1 "\",\"success\":true,\"errors\":[]}"
	static const char *const bad[] = { "null", "{}", "[]", "[" GOOD "]",
		"[" GOOD "," GOOD "," GOOD "]", "[" GOOD ",null]", "[" GOOD ",{\"success\":true}]",
		"[" GOOD ",{\"success\":false}]", "[" GOOD ",{\"success\":false,\"errors\":[]}]",
		"[" GOOD ",{\"id\":\"x\",\"success\":true}]",
		"[" GOOD ",{\"id\":\"" ID2 "\",\"success\":1}]",
		"[" GOOD "," GOOD "]" /* the second is another record than asked */ };
	struct error err = ERROR_INIT;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		json_t *answer = json_of(bad[i]);
		struct two two;

		two_init(&two);
		assert_int_equal(
			salesforce_read_results(answer, CRM_DELETE, two.list, 2, &err), ERR_LOST);
		assert_int_equal(two.op[0].error.code, ERR_UNSENT); /* not touched */
		json_decref(answer);
	}
}

static void composite(void **state)
{
	static const char *const bad[] = { "null", "[]", "{}", "{\"compositeResponse\":[]}",
		"{\"compositeResponse\":[{\"referenceId\":\"r0\",\"httpStatusCode\":204},"
		"{\"referenceId\":\"r0\",\"httpStatusCode\":204}]}",
		"{\"compositeResponse\":[{\"referenceId\":\"r0\",\"httpStatusCode\":204},"
		"{\"referenceId\":\"r1\",\"httpStatusCode\":\"204\"}]}" };
	json_t *answer = json_of("{\"compositeResponse\":["
				 "{\"body\":[{\"errorCode\":\"X\",\"message\":\"newer\"}],"
				 "\"httpStatusCode\":412,\"referenceId\":\"r1\"},"
				 "{\"body\":null,\"httpHeaders\":{},\"httpStatusCode\":204,"
				 "\"referenceId\":\"r0\"}]}");
	struct error err = ERROR_INIT;
	struct two two;

	(void)state;
	two_init(&two);
	assert_int_equal(salesforce_read_composite(answer, two.list, 2, &err), 0);
	assert_int_equal(two.op[0].error.code, ERR_NONE); /* by reference, not by order */
	assert_int_equal(two.op[1].error.code, ERR_CONFLICT);
	json_decref(answer);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		answer = json_of(bad[i]);
		two_init(&two);
		assert_int_equal(salesforce_read_composite(answer, two.list, 2, &err), ERR_LOST);
		assert_int_equal(two.op[0].error.code, ERR_UNSENT);
		json_decref(answer);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(description),
		cmocka_unit_test(wrong_descriptions),
		cmocka_unit_test(events_do_without_an_external_id),
		cmocka_unit_test(a_page),
		cmocka_unit_test(wrong_pages),
		cmocka_unit_test(errors),
		cmocka_unit_test(results),
		cmocka_unit_test(wrong_results),
		cmocka_unit_test(composite),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
