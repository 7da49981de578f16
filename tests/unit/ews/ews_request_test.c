/* One exchange: headers, faults, a busy server in its three shapes, answers that are none. */
#include "fake_transport.h"

#define BUSY_TIME                                                                                  \
	"<m:MessageXml xmlns:m=\"urn:m\"><t:Value xmlns:t=\"urn:t\" "                              \
	"Name=\"BackOffMilliseconds\">7654"                                                        \
	"</t:Value></m:MessageXml>"

static int test_call(struct error *err)
{
	*err = (struct error)ERROR_INIT;
	return ews_driver.test(box, err);
}

static void a_request_names_version_mailbox_and_anchor(void **state)
{
	struct error err;

	(void)state;
	fake_queue_success("GetFolder", "<m:Folders/>");
	assert_int_equal(test_call(&err), 0);
	fake_assert_last("<t:RequestServerVersion Version=\"Exchange2013_SP1\"/>", 1);
	fake_assert_last("<t:ExchangeImpersonation><t:ConnectingSID><t:PrimarySmtpAddress>"
			 "anna@corp.example</t:PrimarySmtpAddress>",
		1);
	fake_assert_last("<t:DistinguishedFolderId Id=\"contacts\"></t:DistinguishedFolderId>", 1);
	fake_assert_last("hunter2", 0);
	assert_non_null(strstr(fake.headers[0], "X-AnchorMailbox: anna@corp.example\n"));
	assert_non_null(strstr(fake.headers[0], "Content-Type: text/xml; charset=utf-8\n"));
}

static void a_delegate_addresses_folders_by_mailbox(void **state)
{
	struct mailbox_options options = {
		.user = "svc", .password = "x", .address = "bo@corp.example"
	};
	struct mailbox *delegate;
	struct error err = ERROR_INIT;

	(void)state;
	assert_int_equal(ews_driver.open(&delegate, server, &options, &err), 0);
	fake_queue_success("GetFolder", "<m:Folders/>");
	assert_int_equal(ews_driver.test(delegate, &err), 0);
	fake_assert_last("ExchangeImpersonation", 0);
	fake_assert_last(
		"<t:Mailbox><t:EmailAddress>bo@corp.example</t:EmailAddress></t:Mailbox>", 1);
	ews_driver.close(delegate);
}

static void an_address_cannot_break_out_of_its_header(void **state)
{
	static const char *const addresses[] = { "", "a@b\r\nEvil: yes", "a b@c", "a@b\n" };
	struct mailbox *none;
	struct error err = ERROR_INIT;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(addresses); i++) {
		struct mailbox_options options = {
			.user = "svc", .password = "x", .address = addresses[i]
		};

		assert_int_equal(ews_driver.open(&none, server, &options, &err), ERR_INVALID);
		assert_null(none);
	}
}

static void a_busy_server_is_obeyed_in_all_shapes(void **state)
{
	static const struct {
		unsigned int expected;
		int status;
		unsigned int retry_after_ms;
		int shape; /* 0: message, 1: fault, 2: status alone */
		const char *more;
	} cases[] = {
		{ 7654, 200, 0, 0, BUSY_TIME },
		{ EWS_BACK_OFF_DEFAULT, 200, 0, 0, "" },
		{ 7654, 500, 0, 1, BUSY_TIME },
		{ 7654, 200, 0, 1, BUSY_TIME },
		{ 7654, 503, 0, 1, BUSY_TIME },
		{ EWS_BACK_OFF_DEFAULT, 500, 0, 1, "" },
		{ 3000, 503, 3000, 2, NULL },
		{ 5000, 429, 5000, 2, NULL },
		{ EWS_BACK_OFF_DEFAULT, 503, 0, 2, NULL },
		{ EWS_BACK_OFF_MAX, 503, 900000000, 2, NULL },
		{ EWS_BACK_OFF_MAX, 200, 0, 0,
			"<m:MessageXml xmlns:m=\"urn:m\"><Value Name=\"BackOffMilliseconds\">"
			"99999999999999999999</Value></m:MessageXml>" },
	};
	struct error err;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char *message = cases[i].shape == 0 ? fake_failure("GetFolder", "ErrorServerBusy",
							      cases[i].more)
						    : NULL;

		fake_queue((struct fake_answer){ .status = cases[i].status,
			.retry_after_ms = cases[i].retry_after_ms,
			.body = message ? fake_messages("GetFolder", message)
				: cases[i].shape == 1
					? fake_fault("ErrorServerBusy", cases[i].more)
					: xstrdup("<html>Service unavailable<br></html>") });
		free(message);
		assert_int_equal(test_call(&err), ERR_THROTTLED);
		assert_int_equal(err.retry_after_ms, cases[i].expected);
		assert_int_equal(ews_driver.server_back_off_left(server), cases[i].expected);
		assert_int_equal(test_call(&err), ERR_THROTTLED); /* nothing was sent */
		assert_int_equal(fake.n_requests, i + 1);
		fake.back_off = 0;
	}
}

static void codes_have_their_grade(void **state)
{
	static const struct {
		const char *code;
		enum error_code expected;
	} cases[] = {
		{ "ErrorAccessDenied", ERR_DENIED },
		{ "ErrorImpersonateUserDenied", ERR_DENIED },
		{ "ErrorSchemaValidation", ERR_INTERNAL },
		{ "ErrorInvalidServerVersion", ERR_REMOTE },
		{ "ErrorNonExistentMailbox", ERR_REMOTE },
		{ "ErrorItemNotFound", ERR_NOT_FOUND },
		{ "ErrorFolderNotFound", ERR_NOT_FOUND },
		{ "ErrorInvalidSyncStateData", ERR_CURSOR },
		{ "ErrorInternalServerError", ERR_REMOTE },
		{ "ErrorOfTheNextVersion", ERR_REMOTE },
	};
	struct error err;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		fake_queue_failure("GetFolder", cases[i].code);
		assert_int_equal(test_call(&err), cases[i].expected);
		assert_non_null(strstr(err.text, cases[i].code));
		assert_non_null(strstr(err.text, "It failed"));
		fake_queue((struct fake_answer){
			.status = 500, .body = fake_fault(cases[i].code, "") });
		assert_int_equal(test_call(&err), cases[i].expected);
		assert_non_null(strstr(err.text, cases[i].code));
	}
}

static void a_status_without_soap_is_explained(void **state)
{
	static const struct {
		int status;
		enum error_code expected;
		const char *text;
	} cases[] = {
		{ 401, ERR_DENIED, "Exchange refused the sign-in of svc@corp.example" },
		{ 403, ERR_DENIED, "Exchange refused the sign-in of svc@corp.example" },
		{ 404, ERR_REMOTE, "no EWS at this URL" },
		{ 302, ERR_REMOTE, "redirects" },
		{ 413, ERR_TOO_BIG, "too large" },
		{ 500, ERR_REMOTE, "500" },
		{ 502, ERR_REMOTE, "502" },
		{ 504, ERR_REMOTE, "504" },
		{ 200, ERR_REMOTE, "cannot be read" },
	};
	struct error err;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		fake_queue((struct fake_answer){ .status = cases[i].status,
			.body = xstrdup("<html><body>Sorry<br></body>") });
		assert_int_equal(test_call(&err), cases[i].expected);
		assert_non_null(strstr(err.text, cases[i].text));
		assert_null(strstr(err.text, "hunter2"));
	}
}

static void an_answer_that_is_none_is_refused(void **state)
{
	static const char *const bodies[] = { "", "OK", "<Envelope/>",
		"<Envelope><Body/></Envelope>", "<x/>", "{\"a\": 1}",
		"<!DOCTYPE x []><Envelope><Body><y/></Body></Envelope>",
		"<Envelope><Body><GetFolderResponse/></Body></Envelope>",
		"<Envelope><Body><GetFolderResponse><ResponseMessages><GetFolderRes" };
	struct error err;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bodies); i++) {
		fake_queue((struct fake_answer){ .status = 200, .body = xstrdup(bodies[i]) });
		assert_int_equal(test_call(&err), ERR_REMOTE);
		assert_non_null(strstr(err.text, "GetFolder"));
	}
}

static void a_failed_transport_passes_its_code_on(void **state)
{
	static const enum error_code codes[] = { ERR_UNSENT, ERR_LOST, ERR_TOO_BIG, ERR_CANCELLED };
	struct error err;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(codes); i++) {
		fake_queue((struct fake_answer){ .rc = codes[i] });
		assert_int_equal(test_call(&err), codes[i]);
		assert_non_null(strstr(err.text, "GetFolder: "));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		fake_test(a_request_names_version_mailbox_and_anchor),
		fake_test(a_delegate_addresses_folders_by_mailbox),
		fake_test(an_address_cannot_break_out_of_its_header),
		fake_test(a_busy_server_is_obeyed_in_all_shapes),
		fake_test(codes_have_their_grade),
		fake_test(a_status_without_soap_is_explained),
		fake_test(an_answer_that_is_none_is_refused),
		fake_test(a_failed_transport_passes_its_code_on),
	};

	return cmocka_run_group_tests(tests, fake_setup, fake_teardown);
}
