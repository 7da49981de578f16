/* The Salesforce driver against a scripted server: what it sends, and what it knows about each op when
 * answers are refused, lost or nonsense. */
#include "tests/unit/scripted_server.h"

#include "crm/private.h"

#define ID1	  "003000000000001AAA"
#define ID2	  "003000000000002AAA"
#define US	  "005000000000009AAA"

#define MAX_STEPS 40

struct org {
	struct server server;
	struct step steps[MAX_STEPS];
	char *texts[MAX_STEPS];
	size_t n;
	struct crm *crm;
	struct error err;
};

/* The next answer of the server. */
static void will_answer(struct org *org, int status, const char *header, const char *body)
{
	org->texts[org->n] = xasprintf("HTTP/1.1 %d X\r\nContent-Type: "
				       "application/json\r\nContent-Length: %zu\r\n%s%s\r\n%s",
		status, strlen(body), header, *header ? "\r\n" : "", body);
	org->steps[org->n] = (struct step){ .answer = org->texts[org->n], .after = KEEP };
	org->server.n_steps = ++org->n;
}

/* The next request is taken and the connection closed without an answer. */
static void will_drop(struct org *org)
{
	org->steps[org->n++] = (struct step){ .after = CLOSE };
	org->server.n_steps = org->n;
}

static void will_sign_in(struct org *org)
{
	char *body = xasprintf(
		"{\"access_token\":\"tok%zu\",\"instance_url\":\"http://127.0.0.1:%u\","
		"\"id\":\"https://login.salesforce.com/id/00D/" US "\",\"token_type\":\"Bearer\"}",
		org->n, org->server.port);

	will_answer(org, 200, "", body);
	free(body);
}

/* A description with every row of the table, a second e-mail field and the external id field. */
static void will_describe(struct org *org)
{
	struct buf body AUTOBUF = BUF_INIT(100000);

	buf_adds(&body, "{\"fields\":[{\"name\":\"Id\"},{\"name\":\"SystemModstamp\"},{\"name\":"
			"\"OwnerId\"},"
			"{\"name\":\"AccountId\"},{\"name\":\"MasterRecordId\"},"
			"{\"name\":\"Second__c\",\"type\":\"email\"},"
			"{\"name\":\"Token__c\",\"externalId\":true,\"createable\":true}");
	for (size_t i = 0; i < salesforce_contact_n; i++)
		buf_addf(&body,
			",{\"name\":\"%s\",\"type\":\"%s\",\"length\":80,\"createable\":true,"
			"\"updateable\":%s}",
			salesforce_contact_rows[i].name,
			!strcmp(salesforce_contact_rows[i].name, "Email") ? "email" : "string",
			!strcmp(salesforce_contact_rows[i].name, "Salutation") ? "false" : "true");
	buf_adds(&body, "]}");
	will_answer(org, 200, "", buf_str(&body));
}

static void org_open(struct org *org, const char *external_id_field, unsigned int reserve)
{
	struct crm_options options = { .client_id = "an id",
		.client_secret = "hush&=",
		.daily_reserve = reserve,
		.external_id_field = external_id_field };
	char *url;

	memset(org, 0, sizeof(*org));
	server_start(&org->server, org->steps, 0);
	url = xasprintf("http://127.0.0.1:%u/", org->server.port);
	options.url = url;
	assert_int_equal(salesforce_driver.open(&org->crm, &options, &org->err), 0);
	free(url);
}

/* Signed in and described; known to heed conditions. */
static void org_ready(struct org *org, const char *external_id_field)
{
	struct field_table table;

	org_open(org, external_id_field, 0);
	will_sign_in(org);
	will_describe(org);
	assert_int_equal(salesforce_driver.fields(org->crm, KIND_CONTACT, &table, &org->err), 0);
	assert_int_equal(table.n, salesforce_contact_n);
	atomic_store(&org->crm->guard, SALESFORCE_GUARD_HEEDED);
}

static void org_close(struct org *org)
{
	salesforce_driver.close(org->crm);
	/* every answer was fetched, and nothing was asked beyond the script */
	while (atomic_load(&org->server.requests) < org->n)
		sched_yield();
	assert_int_equal(org->server.requests, org->n);
	server_stop(&org->server);
	for (size_t i = 0; i < org->n; i++)
		free(org->texts[i]);
}

/* The n-th request (from 0) holds this text. */
static void sent(struct org *org, size_t n, const char *text)
{
	while (atomic_load(&org->server.requests) <= n)
		sched_yield();
	if (!strstr(org->server.seen[n], text))
		fail_msg("\"%s\" is not in request %zu:\n%s", text, n, org->server.seen[n]);
}

static void signs_in_once(void **state)
{
	struct org org;
	struct field_table table;

	(void)state;
	org_ready(&org, NULL);
	sent(&org, 0, "POST /services/oauth2/token HTTP/1.1\r\n");
	sent(&org, 0,
		"\r\n\r\ngrant_type=client_credentials&client_id=an%20id&client_secret=hush%26%3D");
	sent(&org, 1, "GET /services/data/v66.0/sobjects/Contact/describe HTTP/1.1\r\n");
	sent(&org, 1, "Authorization: Bearer tok0\r\n");
	assert_int_equal(salesforce_driver.fields(org.crm, KIND_CONTACT, &table, &org.err), 0);
	assert_int_equal(salesforce_driver.fields(org.crm, KIND_MAIL, &table, &org.err), 0);
	assert_int_equal(table.n, 0);
	org_close(&org);
}

#define EXPIRED                                                                                    \
	"[{\"message\":\"Session expired or invalid\",\"errorCode\":\"INVALID_SESSION_ID\"}]"

static void an_expired_session_is_renewed_once(void **state)
{
	struct org org;

	(void)state;
	org_ready(&org, NULL);
	will_answer(&org, 401, "", EXPIRED);
	will_sign_in(&org);
	will_answer(&org, 200, "", "{\"DailyApiRequests\":{\"Max\":5000,\"Remaining\":4711}}");
	assert_int_equal(salesforce_driver.test(org.crm, &org.err), 0);
	assert_int_equal(salesforce_driver.requests_left(org.crm), 4711);
	sent(&org, 4, "Authorization: Bearer tok3\r\n");
	will_answer(&org, 401, "", EXPIRED);
	will_sign_in(&org);
	will_answer(&org, 401, "", EXPIRED);
	assert_int_equal(salesforce_driver.test(org.crm, &org.err), ERR_DENIED);
	org_close(&org);
}

static void sign_in_refused(void **state)
{
	static const struct {
		int status;
		const char *body;
		enum error_code code;
		const char *text;
	} rows[] = {
		{ 400,
			"{\"error\":\"invalid_client_id\",\"error_description\":\"client "
			"identifier invalid\"}",
			ERR_DENIED, "invalid_client_id: client identifier invalid" },
		{ 500, "oops", ERR_UNSENT, "HTTP status 500" },
		{ 200, "{}", ERR_UNSENT, "is not one" },
		{ 200, "{\"access_token\":\"a\\r\\nX: 1\",\"instance_url\":\"http://127.0.0.1\"}",
			ERR_UNSENT, "is not one" },
		{ 200, "{\"access_token\":\"a\",\"instance_url\":\"ftp://x\"}", ERR_DENIED,
			"an instance we do not trust" },
		{ 200, "{\"access_token\":\"a\",\"instance_url\":\"https://x/y?\"}", ERR_DENIED,
			"an instance we do not trust" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct org org;

		org_open(&org, NULL, 0);
		will_answer(&org, rows[i].status, "", rows[i].body);
		assert_int_equal(salesforce_driver.test(org.crm, &org.err), rows[i].code);
		assert_non_null(strstr(org.err.text, rows[i].text));
		assert_null(strstr(org.err.text, "hush"));
		org_close(&org);
	}
}

#define RECORD(id, stamp)                                                                          \
	"{\"Id\":\"" id "\",\"SystemModstamp\":\"" stamp                                           \
	"\",\"LastName\":\"B\",\"Email\":\"B@x.example\"}"
#define PAGE(done, more, records) "{\"done\":" done more ",\"records\":[" records "]}"
#define NEXT			  ",\"nextRecordsUrl\":\"/services/data/v66.0/query/01g-2000\""

static void pull(struct org *org, char **cursor, size_t n, bool last)
{
	struct crm_page page;

	assert_int_equal(
		salesforce_driver.pull(org->crm, KIND_CONTACT, *cursor, &page, &org->err), 0);
	assert_int_equal(page.n, n);
	assert_int_equal(page.last, last);
	free(*cursor);
	*cursor = page.cursor;
	page.cursor = NULL;
	crm_page_clear(&page);
}

static void pulls_pages(void **state)
{
	char *cursor = NULL, *before;
	struct org org;

	(void)state;
	org_ready(&org, "Token__c");
	will_answer(
		&org, 200, "", PAGE("false", NEXT, RECORD(ID1, "2026-01-01T00:00:01.000+0000")));
	pull(&org, &cursor, 1, false);
	sent(&org, 2,
		"GET /services/data/v66.0/queryAll?q=SELECT%20Id%2CSystemModstamp%2CIsDeleted");
	sent(&org, 2, "%2CAccountId%2CToken__c%2CSalutation");
	sent(&org, 2, "%2CSecond__c%20FROM%20Contact%20ORDER%20BY%20SystemModstamp%2C%20Id HTTP");
	will_answer(&org, 200, "", PAGE("true", "", RECORD(ID2, "2026-01-01T00:20:00.000+0000")));
	pull(&org, &cursor, 1, true);
	sent(&org, 3, "GET /services/data/v66.0/query/01g-2000 HTTP");
	/* Ten minutes of overlap from the greatest stamp shown; what is seen again leaves the cursor. */
	before = xstrdup(cursor);
	will_answer(&org, 200, "", PAGE("true", "", RECORD(ID2, "2026-01-01T00:20:00.000+0000")));
	pull(&org, &cursor, 1, true);
	sent(&org, 4, "%20WHERE%20SystemModstamp%20%3E%3D%202026-01-01T00%3A10%3A00Z%20ORDER");
	assert_string_equal(cursor, before);
	will_answer(&org, 200, "", PAGE("true", "", ""));
	pull(&org, &cursor, 0, true);
	assert_string_equal(cursor, before);
	org_close(&org);
	free(before);
	free(cursor);
}

static void an_expired_locator_begins_again(void **state)
{
	char *cursor = xstrdup("{\"since\":\"2026-01-01T00:20:00.000+0000\",\"greatest\":\"2026-01-"
			       "01T00:30:00.000+0000\","
			       "\"locator\":\"/services/data/v66.0/query/01g-2000\"}");
	struct org org;

	(void)state;
	org_ready(&org, NULL);
	will_answer(&org, 400, "",
		"[{\"errorCode\":\"INVALID_QUERY_LOCATOR\",\"message\":\"invalid\"}]");
	will_answer(&org, 200, "", PAGE("true", "", RECORD(ID2, "2026-01-01T00:20:00.000+0000")));
	pull(&org, &cursor, 1, true);
	sent(&org, 3, "%3E%3D%202026-01-01T00%3A10%3A00Z");
	assert_string_equal(cursor, "{\"since\":\"2026-01-01T00:30:00.000+0000\"}");
	org_close(&org);
	free(cursor);
}

static void garbage_is_no_page(void **state)
{
	static const char *const bodies[] = { "", "<html>", "{\"done\":true,\"records\":[" };
	struct org org;

	(void)state;
	org_ready(&org, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(bodies); i++) {
		struct crm_page page;

		will_answer(&org, 200, "", bodies[i]);
		assert_int_equal(
			salesforce_driver.pull(org.crm, KIND_CONTACT, NULL, &page, &org.err),
			ERR_REMOTE);
		assert_int_equal(page.n, 0);
		assert_null(page.cursor);
	}
	org_close(&org);
}

static void too_deep_is_no_answer(void **state)
{
	struct buf body AUTOBUF = BUF_INIT(10000);
	struct crm_page page;
	struct org org;

	(void)state;
	org_ready(&org, NULL);
	buf_adds(&body, "{\"done\":true,\"records\":[],\"x\":");
	for (size_t i = 0; i < 100; i++)
		buf_addc(&body, '[');
	for (size_t i = 0; i < 100; i++)
		buf_addc(&body, ']');
	buf_addc(&body, '}');
	will_answer(&org, 200, "", buf_str(&body));
	assert_int_equal(
		salesforce_driver.pull(org.crm, KIND_CONTACT, NULL, &page, &org.err), ERR_REMOTE);
	org_close(&org);
}

static int write_ops(struct org *org, enum crm_op_type type, struct crm_op *ops, size_t n)
{
	return salesforce_driver.write(org->crm, KIND_CONTACT, type, ops, n, &org->err);
}

static void creates_by_token(void **state)
{
	json_t *fields = json_pack(
		"{s:s, s:s, s:s}", "LastName", "Berg", "Salutation", "Dr.", "Unknown", "x");
	json_t *none = json_pack("{s:s}", "Phone", "1");
	struct crm_op ops[3] = { { .token = "t1", .fields = fields, .owner_id = US },
		{ .token = "t2", .fields = fields, .account_id = ID2 },
		{ .token = "t3", .fields = none } };
	struct org org;

	(void)state;
	org_ready(&org, "Token__c");
	will_answer(&org, 200, "",
		"[{\"id\":\"" ID1 "\",\"success\":true,\"errors\":[],\"created\":true},"
		"{\"success\":false,\"errors\":[{\"statusCode\":\"STRING_TOO_LONG\",\"message\":"
		"\"long\",\"fields\":[\"Title\"]}]}]");
	assert_int_equal(write_ops(&org, CRM_CREATE, ops, 3), 0);
	sent(&org, 2, "PATCH /services/data/v66.0/composite/sobjects/Contact/Token__c HTTP");
	sent(&org, 2, "Sforce-Auto-Assign: FALSE\r\n");
	sent(&org, 2, "Sforce-Duplicate-Rule-Header: allowSave=false\r\n");
	sent(&org, 2,
		"\r\n\r\n{\"allOrNone\":false,\"records\":[{\"attributes\":{\"type\":\"Contact\"},"
		"\"Salutation\":\"Dr.\",\"LastName\":\"Berg\",\"OwnerId\":\"" US
		"\",\"Token__c\":\"t1\"},"
		"{\"attributes\":{\"type\":\"Contact\"},\"Salutation\":\"Dr.\",\"LastName\":"
		"\"Berg\","
		"\"AccountId\":\"" ID2 "\",\"Token__c\":\"t2\"}]}");
	assert_int_equal(ops[0].error.code, ERR_NONE);
	assert_string_equal(ops[0].new_id, ID1);
	assert_true(ops[0].created);
	assert_int_equal(ops[1].error.code, ERR_REMOTE);
	assert_string_equal(ops[1].error.text, "Salesforce: STRING_TOO_LONG: long (Title)");
	assert_int_equal(ops[2].error.code, ERR_INVALID); /* no last name: never sent */
	crm_op_clear(&ops[0]);
	json_decref(fields);
	json_decref(none);
	org_close(&org);
}

static void a_lost_upsert_is_repeated(void **state)
{
	json_t *fields = json_pack("{s:s}", "LastName", "Berg");
	struct crm_op op = { .token = "t1", .fields = fields };
	struct org org;

	(void)state;
	org_ready(&org, "Token__c");
	will_drop(&org);
	will_answer(&org, 200, "",
		"[{\"id\":\"" ID1 "\",\"success\":true,\"errors\":[],\"created\":false}]");
	assert_int_equal(write_ops(&org, CRM_CREATE, &op, 1), 0);
	assert_int_equal(op.error.code, ERR_NONE);
	assert_true(op.created); /* by the first try */
	crm_op_clear(&op);
	op.new_id = NULL;
	will_drop(&org);
	will_drop(&org);
	assert_int_equal(write_ops(&org, CRM_CREATE, &op, 1), ERR_LOST);
	assert_int_equal(op.error.code, ERR_LOST);
	assert_null(op.new_id);
	json_decref(fields);
	org_close(&org);
}

static void a_lost_create_is_not_repeated(void **state)
{
	json_t *fields = json_pack("{s:s}", "LastName", "Berg");
	struct crm_op op = { .token = "t1", .fields = fields };
	struct org org;

	(void)state;
	org_ready(&org, NULL);
	will_drop(&org);
	assert_int_equal(write_ops(&org, CRM_CREATE, &op, 1), ERR_LOST);
	assert_int_equal(op.error.code, ERR_LOST);
	sent(&org, 2, "POST /services/data/v66.0/composite/sobjects HTTP");
	/* An answer that does not match is as good as none. */
	will_answer(&org, 200, "", "[]");
	assert_int_equal(write_ops(&org, CRM_CREATE, &op, 1), ERR_LOST);
	assert_int_equal(op.error.code, ERR_LOST);
	will_answer(&org, 500, "", "[{\"errorCode\":\"UNKNOWN_EXCEPTION\",\"message\":\"x\"}]");
	assert_int_equal(write_ops(&org, CRM_CREATE, &op, 1), ERR_LOST);
	json_decref(fields);
	org_close(&org);
}

static void updates_are_guarded(void **state)
{
	json_t *fields = json_pack("{s:s, s:s}", "LastName", "Berg", "Phone", "1");
	json_t *changed = json_pack("[s, s]", "Phone", "Title"),
	       *nothing = json_pack("[s]", "Salutation");
	struct crm_op ops[] = {
		{ .id = ID1,
			.version = "1994-11-06T08:49:37.000+0000",
			.fields = fields,
			.changed = changed },
		{ .id = ID2,
			.version = "1994-11-06T08:49:38.000+0000",
			.fields = fields,
			.changed = changed },
		{ .id = ID2,
			.fields = fields,
			.changed = nothing }, /* not updateable: nothing to send */
		{ .id = "x/../y", .fields = fields, .changed = changed },
	};
	struct org org;

	(void)state;
	org_ready(&org, "Token__c");
	will_answer(&org, 200, "",
		"{\"compositeResponse\":[{\"body\":null,\"httpStatusCode\":204,\"referenceId\":"
		"\"r0\"},"
		"{\"body\":[{\"errorCode\":\"PRECONDITION_FAILED\",\"message\":\"newer\"}],"
		"\"httpStatusCode\":412,\"referenceId\":\"r1\"}]}");
	assert_int_equal(write_ops(&org, CRM_UPDATE, ops, 4), 0);
	sent(&org, 2, "POST /services/data/v66.0/composite HTTP");
	sent(&org, 2, "Sforce-Auto-Assign: FALSE\r\n");
	sent(&org, 2,
		"{\"method\":\"PATCH\",\"url\":\"/services/data/v66.0/sobjects/Contact/" ID1 "\","
		"\"referenceId\":\"r0\",\"httpHeaders\":{\"Sforce-Auto-Assign\":\"FALSE\","
		"\"Sforce-Duplicate-Rule-Header\":\"allowSave=false\","
		"\"If-Unmodified-Since\":\"Sun, 06 Nov 1994 08:49:37 "
		"GMT\"},\"body\":{\"Phone\":\"1\",\"Title\":null}}");
	assert_int_equal(ops[0].error.code, ERR_NONE);
	assert_int_equal(ops[1].error.code, ERR_CONFLICT);
	assert_int_equal(ops[2].error.code, ERR_NONE);
	assert_int_equal(ops[3].error.code, ERR_INVALID);
	json_decref(fields);
	json_decref(changed);
	json_decref(nothing);
	org_close(&org);
}

/* An answer for updates r0 ... r(n-1), all done. */
static void will_update(struct org *org, size_t n)
{
	struct buf body AUTOBUF = BUF_INIT(100000);

	buf_adds(&body, "{\"compositeResponse\":[");
	for (size_t i = 0; i < n; i++)
		buf_addf(&body, "%s{\"httpStatusCode\":204,\"referenceId\":\"r%zu\"}", i ? "," : "",
			i);
	buf_adds(&body, "]}");
	will_answer(org, 200, "", buf_str(&body));
}

#define STAMP(second) "1994-11-06T08:49:" second ".000+0000"

/* An org of which it is not known yet, or that does not heed the condition: the stamps are read first. */
static void updates_where_conditions_are_ignored(void **state)
{
	static const char stamps[] = "{\"done\":true,\"records\":["
				     "{\"Id\":\"" ID1 "\",\"SystemModstamp\":\"" STAMP(
					     "37") "\"},"
						   "{\"Id\":\"" ID2
						   "\",\"SystemModstamp\":\"" STAMP("39") "\"}]}";
	static const char *const asked[] = { "200", "412", "404" };
	static const int learnt[] = { SALESFORCE_GUARD_IGNORED, SALESFORCE_GUARD_HEEDED,
		SALESFORCE_GUARD_UNKNOWN };
	json_t *fields = json_pack("{s:s, s:s}", "LastName", "Berg", "Phone", "1"),
	       *changed = json_pack("[s]", "Phone");

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(asked); i++) {
		struct crm_op ops[] = {
			{ .id = ID1, .version = STAMP("37"), .fields = fields, .changed = changed },
			{ .id = ID2, .version = STAMP("37"), .fields = fields, .changed = changed },
		};
		char *done AUTOFREE = xasprintf(
			"{\"compositeResponse\":[{\"body\":null,\"httpStatusCode\":204,"
			"\"referenceId\":\"r0\"},{\"body\":{},\"httpStatusCode\":%s,"
			"\"referenceId\":\"guard\"}]}",
			asked[i]);
		struct org org;

		org_ready(&org, "Token__c");
		atomic_store(&org.crm->guard, SALESFORCE_GUARD_UNKNOWN);
		will_answer(&org, 200, "", stamps);
		will_answer(&org, 200, "", done);
		assert_int_equal(write_ops(&org, CRM_UPDATE, ops, 2), 0);
		sent(&org, 2, "SELECT%20Id%2CSystemModstamp%20FROM%20Contact");
		sent(&org, 3,
			"{\"method\":\"GET\",\"url\":\"/services/data/v66.0/sobjects/Contact/" ID1
			"?fields=Id\",\"referenceId\":\"guard\",\"httpHeaders\":"
			"{\"If-Unmodified-Since\":\"Thu, 01 Jan 1970 00:00:00 GMT\"}}");
		assert_int_equal(ops[0].error.code, ERR_NONE);
		assert_int_equal(ops[1].error.code, ERR_CONFLICT);
		assert_int_equal(atomic_load(&org.crm->guard), learnt[i]);
		org_close(&org);
	}
	json_decref(fields);
	json_decref(changed);
}

/* 60 updates are three requests; the second is lost: done, unknown, not sent. */
static void what_is_known_of_each_batch(void **state)
{
	json_t *fields = json_pack("{s:s, s:s}", "LastName", "Berg", "Phone", "1"),
	       *changed = json_pack("[s]", "Phone");
	struct crm_op ops[60];
	struct org org;

	(void)state;
	org_ready(&org, "Token__c");
	for (size_t i = 0; i < 60; i++)
		ops[i] = (struct crm_op){ .id = ID1, .fields = fields, .changed = changed };
	will_update(&org, 25);
	will_drop(&org);
	assert_int_equal(write_ops(&org, CRM_UPDATE, ops, 60), ERR_LOST);
	for (size_t i = 0; i < 60; i++)
		assert_int_equal(ops[i].error.code, i < 25   ? ERR_NONE
						    : i < 50 ? ERR_LOST
							     : ERR_UNSENT);
	json_decref(fields);
	json_decref(changed);
	org_close(&org);
}

/* A batch that is refused whole did nothing: it is halved until the bad one stands alone. */
static void a_refused_batch_is_halved(void **state)
{
	static const char refused[] = "[{\"errorCode\":\"JSON_PARSER_ERROR\",\"message\":\"no\"}]";
	json_t *fields = json_pack("{s:s, s:s}", "LastName", "Berg", "Phone", "1"),
	       *changed = json_pack("[s]", "Phone");
	struct crm_op ops[4];
	struct org org;

	(void)state;
	org_ready(&org, "Token__c");
	for (size_t i = 0; i < 4; i++)
		ops[i] = (struct crm_op){ .id = ID1, .fields = fields, .changed = changed };
	will_answer(&org, 400, "", refused); /* 0 1 2 3 */
	will_update(&org, 2);		     /* 0 1 */
	will_answer(&org, 400, "", refused); /* 2 3 */
	will_answer(&org, 400, "", refused); /* 2 */
	will_update(&org, 1);		     /* 3 */
	assert_int_equal(write_ops(&org, CRM_UPDATE, ops, 4), 0);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(ops[i].error.code, i == 2 ? ERR_REMOTE : ERR_NONE);
	json_decref(fields);
	json_decref(changed);
	org_close(&org);
}

static void deletes(void **state)
{
	struct crm_op ops[2] = { { .id = ID1 }, { .id = ID2 } };
	struct org org;

	(void)state;
	org_ready(&org, NULL);
	will_answer(&org, 200, "",
		"[{\"id\":\"" ID1 "\",\"success\":true,\"errors\":[]},"
		"{\"id\":\"" ID2 "\",\"success\":false,\"errors\":[{\"statusCode\":\"ENTITY_IS_"
		"DELETED\",\"message\":\"gone\"}]}]");
	assert_int_equal(write_ops(&org, CRM_DELETE, ops, 2), 0);
	sent(&org, 2,
		"DELETE /services/data/v66.0/composite/sobjects?allOrNone=false&ids=" ID1 "," ID2
		" HTTP");
	assert_int_equal(ops[0].error.code, ERR_NONE);
	assert_int_equal(ops[1].error.code, ERR_NOT_FOUND);
	org_close(&org);
}

static void limits_hold_back(void **state)
{
	struct crm_op op = { .id = ID1 };
	struct crm_page page;
	struct org org;

	(void)state;
	org_ready(&org, NULL);
	will_answer(&org, 403, "",
		"[{\"errorCode\":\"REQUEST_LIMIT_EXCEEDED\",\"message\":\"TotalRequests Limit "
		"exceeded.\"}]");
	assert_int_equal(write_ops(&org, CRM_DELETE, &op, 1), ERR_THROTTLED);
	assert_int_equal(op.error.code, ERR_UNSENT);
	assert_true(org.err.retry_after_ms > 0);
	assert_in_range(salesforce_driver.back_off_left(org.crm), 1, org.err.retry_after_ms);
	assert_int_equal(salesforce_driver.pull(org.crm, KIND_CONTACT, NULL, &page, &org.err),
		ERR_THROTTLED);
	org_close(&org);
}

static void the_daily_reserve_is_kept(void **state)
{
	struct crm_page page;
	struct field_table table;
	struct org org;

	(void)state;
	org_open(&org, NULL, 100);
	will_sign_in(&org);
	will_describe(&org);
	assert_int_equal(salesforce_driver.requests_left(org.crm), -1);
	assert_int_equal(salesforce_driver.fields(org.crm, KIND_CONTACT, &table, &org.err), 0);
	will_answer(&org, 200, "Sforce-Limit-Info: api-usage=4901/5000", PAGE("true", "", ""));
	assert_int_equal(salesforce_driver.pull(org.crm, KIND_CONTACT, NULL, &page, &org.err), 0);
	crm_page_clear(&page);
	assert_int_equal(salesforce_driver.requests_left(org.crm), 99);
	assert_int_equal(salesforce_driver.pull(org.crm, KIND_CONTACT, NULL, &page, &org.err),
		ERR_THROTTLED);
	assert_non_null(
		strstr(org.err.text, "99 requests are left today, the daily reserve is 100"));
	assert_in_range(org.err.retry_after_ms, 1, 900000);
	/* The administrator's own test may go, and brings the count up to date. */
	will_answer(&org, 200, "Sforce-Limit-Info: api-usage=10/5000", "{}");
	assert_int_equal(salesforce_driver.test(org.crm, &org.err), 0);
	assert_int_equal(salesforce_driver.requests_left(org.crm), 4990);
	org_close(&org);
}

static void gets_by_id(void **state)
{
	static const char *const ids[] = { ID1, ID2 }, *const bad[] = { ID1, "' OR Id != '" };
	struct crm_record *records;
	struct org org;
	size_t n;

	(void)state;
	org_ready(&org, NULL);
	will_answer(&org, 200, "", PAGE("true", "", RECORD(ID2, "2026-01-01T00:20:00.000+0000")));
	assert_int_equal(
		salesforce_driver.get(org.crm, KIND_CONTACT, ids, 2, &records, &n, &org.err), 0);
	sent(&org, 2, "%20WHERE%20Id%20IN%20%28%27" ID1 "%27%2C%27" ID2 "%27%29 HTTP");
	assert_int_equal(n, 1);
	assert_string_equal(records[0].id, ID2);
	crm_records_free(records, n);
	assert_int_equal(
		salesforce_driver.get(org.crm, KIND_CONTACT, bad, 2, &records, &n, &org.err),
		ERR_INVALID);
	assert_int_equal(n, 0);
	org_close(&org);
}

static void matches_every_address_field(void **state)
{
	static const char *const addresses[] = { "O'Brien@X.example" };
	struct crm_record *records;
	struct org org;
	size_t n;

	(void)state;
	org_ready(&org, NULL);
	will_answer(&org, 200, "",
		PAGE("true", "",
			"{\"Id\":\"" ID1 "\",\"SystemModstamp\":\"2026-01-01T00:20:00Z\",\"Email\":"
			"\"a@x.example\",\"Second__c\":\"o'brien@x.EXAMPLE\"},"
			"{\"Id\":\"" ID2 "\",\"SystemModstamp\":\"2026-01-01T00:20:00Z\",\"Email\":"
			"\"xo'brien@x.example\"}"));
	assert_int_equal(salesforce_driver.match_emails(
				 org.crm, KIND_CONTACT, addresses, 1, &records, &n, &org.err),
		0);
	sent(&org, 2, "GET /services/data/v66.0/query?q=");
	sent(&org, 2, "Second__c%20IN%20%28%27o%5C%27brien%40x.example%27%29");
	sent(&org, 2, "Email%20IN%20%28%27o%5C%27brien%40x.example%27%29");
	assert_int_equal(n, 1);
	assert_string_equal(records[0].id, ID1);
	crm_records_free(records, n);
	org_close(&org);
}

/* Addresses beyond one query's size are asked for in several. */
static void long_lists_are_split(void **state)
{
	char *addresses[150];
	struct crm_record *records;
	struct org org;
	size_t n;

	(void)state;
	org_ready(&org, NULL);
	for (size_t i = 0; i < 150; i++)
		addresses[i] = xasprintf(
			"a-rather-long-local-part-of-an-address-%03zu@corp.example", i);
	will_answer(&org, 200, "", PAGE("true", "", ""));
	will_answer(&org, 200, "", PAGE("true", "", ""));
	assert_int_equal(salesforce_driver.match_emails(org.crm, KIND_CONTACT,
				 (const char *const *)addresses, 150, &records, &n, &org.err),
		0);
	assert_int_equal(n, 0);
	crm_records_free(records, n);
	sent(&org, 2, "-000%40corp.example");
	sent(&org, 3, "-149%40corp.example");
	assert_true(strcspn(org.server.seen[2], "\r") < 16384);
	assert_true(strcspn(org.server.seen[3], "\r") < 16384);
	for (size_t i = 0; i < 150; i++)
		free(addresses[i]);
	org_close(&org);
}

static void finds_users(void **state)
{
#define PERSON(id, mail, name, active)                                                             \
	"{\"Id\":\"" id "\",\"Email\":\"" mail "\",\"Username\":\"" name "\",\"IsActive\":" active \
	"}"
	static const char *const addresses[] = { "anna@x.example", "bob@x.example",
		"carl@x.example", "dora@x.example" };
	char *ids[4];
	struct org org;

	(void)state;
	org_ready(&org, NULL);
	will_answer(&org, 200, "",
		"{\"done\":true,\"records\":[" PERSON("005000000000001AAA", "Anna@x.example",
			"anna@crm", "true") "," PERSON("005000000000002AAA", "bob@x.example", "b1",
			"true") "," PERSON("005000000000003AAA", "bob@x.example", "BOB@x.example",
			"true") "," PERSON("005000000000004AAA", "carl@x.example", "carl",
			"false") "," PERSON("005000000000005AAA", "dora@x.example", "d1",
			"true") "," PERSON("005000000000006AAA", "dora@x.example", "d2",
			"true") "]}");
	assert_int_equal(salesforce_driver.find_users(org.crm, addresses, 4, ids, &org.err), 0);
	assert_string_equal(ids[0], "005000000000001AAA");
	assert_string_equal(ids[1], "005000000000003AAA"); /* the one who signs in with it */
	assert_null(ids[2]);				   /* inactive */
	assert_null(ids[3]);				   /* two, and nothing tells which */
	free(ids[0]);
	free(ids[1]);
	org_close(&org);
}

static void cancelled(void **state)
{
	struct crm_page page;
	struct org org;

	(void)state;
	org_ready(&org, NULL);
	salesforce_driver.cancel(org.crm);
	assert_int_equal(salesforce_driver.pull(org.crm, KIND_CONTACT, NULL, &page, &org.err),
		ERR_CANCELLED);
	org_close(&org);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(signs_in_once),
		cmocka_unit_test(an_expired_session_is_renewed_once),
		cmocka_unit_test(sign_in_refused),
		cmocka_unit_test(pulls_pages),
		cmocka_unit_test(an_expired_locator_begins_again),
		cmocka_unit_test(garbage_is_no_page),
		cmocka_unit_test(too_deep_is_no_answer),
		cmocka_unit_test(creates_by_token),
		cmocka_unit_test(a_lost_upsert_is_repeated),
		cmocka_unit_test(a_lost_create_is_not_repeated),
		cmocka_unit_test(updates_are_guarded),
		cmocka_unit_test(updates_where_conditions_are_ignored),
		cmocka_unit_test(what_is_known_of_each_batch),
		cmocka_unit_test(a_refused_batch_is_halved),
		cmocka_unit_test(deletes),
		cmocka_unit_test(limits_hold_back),
		cmocka_unit_test(the_daily_reserve_is_kept),
		cmocka_unit_test(gets_by_id),
		cmocka_unit_test(matches_every_address_field),
		cmocka_unit_test(long_lists_are_split),
		cmocka_unit_test(finds_users),
		cmocka_unit_test(cancelled),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
