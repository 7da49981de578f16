/* Fuzzing of the Salesforce driver: the first byte chooses what is asked, the rest is what the org
 * answers, one answer after the other (replay.h).  For a write, the first piece is the document as JSON.
 * Signing in is answered by the transport, unless that is what is asked; so are descriptions, with all
 * the rows that we know.
 *
 * Whatever the answers are, bodies are JSON, no header holds a line, ids are ids, what is taken makes a
 * document whose file can be read, and each op of a write knows its fate. */
#include "replay.h"

#include "crm/private.h"
#include "documents.h"

#define ORG	      "https://corp.my.salesforce.com"
#define US	      "005000000000009AAA"
#define MOST_REQUESTS 500 /* an input leads to so many at most */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool scripted; /* signing in and descriptions come from the input too */

/* ---- the org ----------------------------------------------------------------------------------- */

static void describe_rows(struct buf *out, const struct salesforce_spec *spec)
{
	buf_adds(out, "{\"fields\":[{\"name\":\"Id\"},{\"name\":\"SystemModstamp\"},{\"name\":"
		      "\"OwnerId\"},"
		      "{\"name\":\"AccountId\"},{\"name\":\"MasterRecordId\"},"
		      "{\"name\":\"Second__c\",\"type\":\"email\"},"
		      "{\"name\":\"Token__c\",\"externalId\":true,\"createable\":true}");
	for (size_t i = 0; i < *spec->n_rows; i++) {
		const char *name = spec->rows[i].wire ? spec->rows[i].wire : spec->rows[i].name;

		buf_addf(out,
			",{\"name\":\"%s\",\"type\":\"%s\",\"createable\":true,\"updateable\":"
			"true}",
			name, strcmp(name, "Email") ? "string" : "email");
	}
	buf_adds(out, "]}");
}

static const char *description(const char *path)
{
	static const enum item_kind kinds[] = { KIND_CONTACT, KIND_EVENT, KIND_TASK };
	static struct buf texts[ARRAY_SIZE(kinds)];

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		const struct salesforce_spec *spec = salesforce_spec(kinds[i]);
		char *end AUTOFREE = xasprintf("/sobjects/%s/describe", spec->name);

		if (!strstr(path, end))
			continue;
		if (!texts[i].len) {
			buf_init(&texts[i], 1 << 20);
			describe_rows(&texts[i], spec);
		}
		return buf_str(&texts[i]);
	}
	return NULL;
}

static const char *replay_fixed(const struct http_request *request)
{
	if (scripted)
		return NULL;
	if (!strcmp(request->operation, "token"))
		return "{\"access_token\":\"token\",\"instance_url\":\"" ORG "\",\"id\":\"" ORG
		       "/id/00D/" US "\",\"token_type\":\"Bearer\"}";
	return strcmp(request->operation, "describe") ? NULL : description(request->url);
}

static void replay_look(const struct http_request *request)
{
	require(replay.requests <= MOST_REQUESTS);
	require(!strncmp(request->url, "https://", 8));
	require(!strpbrk(request->url, " \r\n\t"));
	for (const char *const *header = request->headers; *header; header++)
		require(!strpbrk(*header, "\r\n"));
	if (request->body && strcmp(request->operation, "token") != 0) {
		json_t *body = json_loadb(request->body, request->body_len, 0, NULL);

		require(body != NULL);
		json_decref(body);
	}
}

/* ---- reading ----------------------------------------------------------------------------------- */

static struct field_table table_of(struct crm *crm, enum item_kind kind)
{
	struct field_table table = { 0 };

	salesforce_driver.fields(crm, kind, &table, NULL);
	return table;
}

static void check_records(
	struct crm *crm, enum item_kind kind, const struct crm_record *records, size_t n)
{
	const struct field_table table = table_of(crm, kind);

	for (size_t i = 0; i < n; i++) {
		require(salesforce_is_id(records[i].id) && records[i].version);
		require(json_is_object(records[i].fields));
		if (!records[i].deleted && !records[i].unsupported)
			check_fields(&table, document_kind(kind), records[i].fields);
	}
}

static void pull(struct crm *crm, enum item_kind kind, bool accounts)
{
	struct error err = ERROR_INIT;
	char *cursor = accounts ? xstrdup("{}") : NULL;
	struct crm_page page = { 0 };

	for (bool last = false; !last;) {
		int rc = accounts ? salesforce_driver.pull_accounts(crm, cursor, &page, &err)
				  : salesforce_driver.pull(crm, kind, cursor, &page, &err);

		if (rc) {
			require(err.code && *err.text);
			break;
		}
		if (!accounts)
			check_records(crm, kind, page.records, page.n);
		free(cursor);
		cursor = xstrdup(page.cursor);
		last = page.last;
		crm_page_clear(&page);
	}
	free(cursor);
}

static void records(struct crm *crm, enum item_kind kind)
{
	static const char *const ids[] = { "003000000000001AAA", "00U000000000001AAA" };
	static const char *const addresses[] = { "anna@corp.example", "o'hara@corp.example" };
	struct crm_record *list = NULL;
	struct error err = ERROR_INIT;
	size_t n = 0;

	if (!salesforce_driver.get(crm, kind, ids, ARRAY_SIZE(ids), &list, &n, &err)) {
		check_records(crm, kind, list, n);
		crm_records_free(list, n);
	}
	if (kind == KIND_CONTACT && !salesforce_driver.match_emails(crm, kind, addresses,
					    ARRAY_SIZE(addresses), &list, &n, &err)) {
		check_records(crm, kind, list, n);
		crm_records_free(list, n);
	}
}

static void related(struct crm *crm)
{
	static const char *const names[] = { "Corp", "O'Hara \\ Söhne" };
	static const char *const addresses[] = { "anna@corp.example" };
	struct crm_account accounts[ARRAY_SIZE(names)] = { { 0 } };
	char *ids[ARRAY_SIZE(addresses)] = { NULL }, *zone = NULL;
	struct error err = ERROR_INIT;
	json_t *leads = NULL;

	salesforce_driver.match_accounts(crm, US, names, ARRAY_SIZE(names), accounts, &err);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		require(!accounts[i].id || salesforce_is_id(accounts[i].id));
		free(accounts[i].id);
	}
	if (!salesforce_driver.match_leads(crm, addresses, ARRAY_SIZE(addresses), &leads, &err))
		json_decref(leads);
	salesforce_driver.find_users(crm, addresses, ARRAY_SIZE(addresses), ids, &err);
	for (size_t i = 0; i < ARRAY_SIZE(addresses); i++) {
		require(!ids[i] || salesforce_is_id(ids[i]));
		free(ids[i]);
	}
	salesforce_driver.user_time_zone(crm, US, &zone, &err);
	free(zone);
}

/* ---- writing ----------------------------------------------------------------------------------- */

/* The first piece of the input as a document that a user may have written; NULL: it is none. */
static json_t *take_document(enum item_kind kind)
{
	size_t left = (size_t)(replay.end - replay.at);
	const char *cut = left ? memchr(replay.at, REPLAY_CUT, left) : NULL;
	size_t len = cut ? (size_t)(cut - replay.at) : left;
	json_t *doc = json_loadb(replay.at, len, 0, NULL);

	replay.at = cut ? cut + 1 : replay.end;
	if (doc && !document_kind(kind)->check(doc, NULL))
		return doc;
	json_decref(doc);
	return NULL;
}

static void send_op(struct crm *crm, enum item_kind kind, enum crm_op_type type, struct crm_op *op)
{
	struct error err = ERROR_INIT;
	int rc = salesforce_driver.write(crm, kind, type, op, 1, &err);

	require(!rc || op->error.code);
	if (!op->error.code && type == CRM_CREATE)
		require(salesforce_is_id(op->new_id));
	crm_op_clear(op);
}

static void write_records(struct crm *crm, enum item_kind kind)
{
	const struct field_table table = table_of(crm, kind);
	json_t *doc = take_document(kind);
	json_t *fields = doc ? field_project(&table, doc, NULL, NULL) : NULL;
	json_t *names = names_of(fields);
	struct crm_op op = { .id = "003000000000001AAA",
		.version = "2026-11-22T02:45:00.000+0000",
		.token = "token",
		.owner_id = US,
		.fields = fields,
		.changed = names };

	if (fields) {
		send_op(crm, kind, CRM_CREATE, &op);
		send_op(crm, kind, CRM_UPDATE, &op);
		send_op(crm, kind, CRM_DELETE, &op);
	}
	json_decref(doc);
	json_decref(fields);
	json_decref(names);
}

/* ------------------------------------------------------------------------------------------------ */

static void ask(struct crm *crm, uint8_t what)
{
	static const enum item_kind kinds[] = { KIND_CONTACT, KIND_EVENT, KIND_TASK };
	enum item_kind kind = kinds[what / 6 % ARRAY_SIZE(kinds)];

	switch (what % 6) {
	case 0:
		scripted = true;
		salesforce_driver.test(crm, NULL);
		scripted = false;
		break;
	case 1:
		pull(crm, kind, false);
		break;
	case 2:
		records(crm, kind);
		break;
	case 3:
		write_records(crm, kind);
		break;
	case 4:
		related(crm);
		break;
	default:
		pull(crm, kind, true);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct crm_options options = { .url = ORG,
		.client_id = "id",
		.client_secret = "secret",
		.external_id_field = "Token__c" };
	struct error err = ERROR_INIT;
	struct crm *crm;

	if (!size)
		return 0;
	replay_start(data + 1, size - 1);
	require(!salesforce_driver.open(&crm, &options, &err));
	ask(crm, data[0]);
	salesforce_driver.close(crm);
	return 0;
}
