/* A transport for the tests of the EWS client: scripted answers in place of a server, and every
 * request kept.  It takes the place of sync/http/http.c when the test program is linked.
 *
 * Every request is validated against Microsoft's schema when that is at hand (TANDEM_SHARED, or
 * ../shared beside the checkout); fake_teardown says how many. */
#ifndef TESTS_UNIT_EWS_FAKE_TRANSPORT_H
#define TESTS_UNIT_EWS_FAKE_TRANSPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <libxml/parser.h>
#include <libxml/xmlschemas.h>
#include <libxml/xmlschemastypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ews/ews.h"
#include "ews/ews_private.h"
#include "sync/http/http.h"
#include "sync/mem.h"

#define FAKE_MAX     256
#define MAYBE_UNUSED __attribute__((unused))

struct fake_answer {
	enum error_code rc; /* ERR_NONE: an HTTP answer */
	int status;
	unsigned int retry_after_ms;
	char *body;
};

static struct {
	struct fake_answer answers[FAKE_MAX];
	size_t n_answers, next;
	char *(*respond)(const char *operation, const char *body); /* when no answer is queued */
	char *requests[FAKE_MAX], *operations[FAKE_MAX], *headers[FAKE_MAX];
	size_t n_requests;
	unsigned int back_off;
	xmlSchemaPtr schema;
	size_t validated;
} fake;

static struct mailbox *box;
static void *server;

struct http {
	int unused;
};

struct http *http_new(const struct http_options *options, struct error *err)
{
	(void)err;
	assert_non_null(options->name);
	return xcalloc(1, sizeof(struct http));
}

void http_free(struct http *http)
{
	free(http);
}

void http_back_off(struct http *http, unsigned int ms)
{
	(void)http;
	if (ms > fake.back_off)
		fake.back_off = ms;
}

unsigned int http_back_off_left(struct http *http)
{
	(void)http;
	return fake.back_off;
}

void http_cancel(struct http *http)
{
	(void)http;
}

uint64_t http_requests(struct http *http)
{
	(void)http;
	return fake.n_requests;
}

char *http_answer_header(const struct http_answer *answer, const char *name)
{
	(void)answer;
	(void)name;
	return NULL;
}

void http_answer_free(struct http_answer *answer)
{
	buf_free(&answer->body);
	free(answer->headers);
	memset(answer, 0, sizeof(*answer));
}

/* The only child of the Body validates, or the test fails. */
static void fake_validate(const char *body, size_t len)
{
	xmlDoc *doc = xmlReadMemory(body, (int)len, NULL, NULL, XML_PARSE_NONET);
	xmlSchemaValidCtxtPtr context;
	xmlDoc *payload;
	xmlNode *copy;

	assert_non_null(doc);
	if (fake.schema) {
		context = xmlSchemaNewValidCtxt(fake.schema);
		payload = xmlNewDoc((const xmlChar *)"1.0");
		copy = xmlDocCopyNode(
			xml_first(xml_child(xmlDocGetRootElement(doc), "Body")), payload, 1);
		xmlDocSetRootElement(payload, copy);
		xmlReconciliateNs(payload, copy);
		if (xmlSchemaValidateDoc(context, payload))
			fail_msg("the schema refuses: %.2000s", body);
		fake.validated++;
		xmlFreeDoc(payload);
		xmlSchemaFreeValidCtxt(context);
	}
	xmlFreeDoc(doc);
}

int http_send(struct http *http, const struct http_request *request, struct http_answer *answer,
	struct error *err)
{
	struct buf headers = BUF_INIT(100000);
	struct fake_answer a = { .status = 200 };

	(void)http;
	memset(answer, 0, sizeof(*answer));
	buf_init(&answer->body, SIZE_MAX / 4);
	if (fake.back_off)
		return error_set(err, ERR_THROTTLED, "a back-off is standing");
	assert_true(fake.n_requests < FAKE_MAX);
	for (const char *const *h = request->headers; h && *h; h++)
		buf_addf(&headers, "%s\n", *h);
	fake.headers[fake.n_requests] = buf_take(&headers);
	fake.operations[fake.n_requests] = xstrdup(request->operation);
	fake.requests[fake.n_requests++] = xstrndup(request->body, request->body_len);
	fake_validate(request->body, request->body_len);
	if (fake.next < fake.n_answers)
		a = fake.answers[fake.next++];
	else if (fake.respond)
		a.body = fake.respond(request->operation, request->body);
	else
		fail_msg("no answer is queued for %s", request->operation);
	answer->status = a.status;
	answer->retry_after_ms = a.retry_after_ms;
	buf_adds(&answer->body, a.body);
	free(a.body);
	return a.rc ? error_set(err, a.rc, "the transport failed") : 0;
}

static MAYBE_UNUSED void fake_queue(struct fake_answer answer)
{
	assert_true(fake.n_answers < FAKE_MAX);
	fake.answers[fake.n_answers++] = answer;
}

/* An answer as Exchange sends it, with other prefixes than ours. */
static MAYBE_UNUSED char *fake_soap(const char *body)
{
	return xasprintf(
		"<?xml version=\"1.0\" encoding=\"utf-8\"?>"
		"<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\">"
		"<s:Header><h:ServerVersionInfo MajorVersion=\"15\" "
		"xmlns:h=\"http://schemas.microsoft.com/exchange/services/2006/types\"/>"
		"</s:Header><s:Body xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\">"
		"%s</s:Body></s:Envelope>",
		body);
}

/* messages: the inside of ResponseMessages. */
static MAYBE_UNUSED char *fake_messages(const char *operation, const char *messages)
{
	char *body AUTOFREE = xasprintf(
		"<m:%sResponse "
		"xmlns:m=\"http://schemas.microsoft.com/exchange/services/2006/"
		"messages\" xmlns:e=\"http://schemas.microsoft.com/exchange/"
		"services/2006/types\"><m:ResponseMessages>%s"
		"</m:ResponseMessages></m:%sResponse>",
		operation, messages, operation);

	return fake_soap(body);
}

static MAYBE_UNUSED char *fake_success(const char *operation, const char *inside)
{
	return xasprintf("<m:%sResponseMessage ResponseClass=\"Success\">"
			 "<m:ResponseCode>NoError</m:ResponseCode>%s</m:%sResponseMessage>",
		operation, inside, operation);
}

static MAYBE_UNUSED char *fake_failure(const char *operation, const char *code, const char *more)
{
	return xasprintf("<m:%sResponseMessage ResponseClass=\"Error\"><m:MessageText>It failed."
			 "</m:MessageText><m:ResponseCode>%s</m:ResponseCode>"
			 "<m:DescriptiveLinkKey>0</m:DescriptiveLinkKey>%s</m:%sResponseMessage>",
		operation, code, more, operation);
}

/* Queues an answer of one message. */
static MAYBE_UNUSED void fake_queue_success(const char *operation, const char *inside)
{
	char *message AUTOFREE = fake_success(operation, inside);

	fake_queue(
		(struct fake_answer){ .status = 200, .body = fake_messages(operation, message) });
}

static MAYBE_UNUSED void fake_queue_failure(const char *operation, const char *code)
{
	char *message AUTOFREE = fake_failure(operation, code, "");

	fake_queue(
		(struct fake_answer){ .status = 200, .body = fake_messages(operation, message) });
}

static MAYBE_UNUSED char *fake_fault(const char *code, const char *more)
{
	char *fault AUTOFREE = xasprintf(
		"<s:Fault><faultcode xmlns:a=\"urn:a\">a:%s</faultcode>"
		"<faultstring xml:lang=\"en-US\">The request was refused.</faultstring><detail>"
		"<e:ResponseCode xmlns:e=\"urn:e\">%s</e:ResponseCode>"
		"<e:Message xmlns:e=\"urn:e\">The request was "
		"refused.</e:Message>%s</detail></s:Fault>",
		code, code, more);

	return fake_soap(fault);
}

static size_t fake_count(const char *text, const char *what)
{
	size_t n = 0;

	while ((text = strstr(text, what))) {
		n++;
		text += strlen(what);
	}
	return n;
}

/* The last request holds this text `n` times. */
static MAYBE_UNUSED void fake_assert_last(const char *what, size_t n)
{
	const char *last = fake.requests[fake.n_requests - 1];

	if (fake_count(last, what) != n)
		fail_msg("expected %zu times %s in: %.3000s", n, what, last);
}

/* The item that the queued answer to GetItem holds; the caller clears it. */
static MAYBE_UNUSED struct mailbox_item fake_get_item(enum item_kind kind, const char *id)
{
	struct mailbox_item item;
	struct error err = ERROR_INIT;

	if (ews_driver.get_items(box, kind, &id, 1, &item, &err))
		fail_msg("%s", err.text);
	return item;
}

static void fake_load_schema(void)
{
	const char *shared = getenv("TANDEM_SHARED");
	char *path AUTOFREE = xasprintf(
		"%s/ews-schema/messages.xsd", shared ? shared : "../shared");
	xmlSchemaParserCtxtPtr parser;

	if (access(path, R_OK)) {
		print_message("not run: requests are not validated, there is no %s\n", path);
		return;
	}
	parser = xmlSchemaNewParserCtxt(path);
	fake.schema = xmlSchemaParse(parser);
	xmlSchemaFreeParserCtxt(parser);
	assert_non_null(fake.schema);
}

static MAYBE_UNUSED int fake_setup(void **state)
{
	(void)state;
	fake_load_schema();
	return 0;
}

static MAYBE_UNUSED int fake_teardown(void **state)
{
	(void)state;
	if (fake.schema) {
		print_message("%zu requests validated against the schema\n", fake.validated);
		assert_true(fake.validated > 0);
	}
	xmlSchemaFree(fake.schema);
	xmlSchemaCleanupTypes();
	xmlCleanupParser();
	return 0;
}

static MAYBE_UNUSED int fake_open(void **state)
{
	struct mailbox_options options = { .user = "svc@corp.example",
		.password = "hunter2-secret",
		.address = "anna@corp.example",
		.impersonate = true };
	struct error err = ERROR_INIT;

	(void)state;
	assert_int_equal(ews_driver.server_open(&server,
				 "https://mail.corp.example/EWS/Exchange.asmx", NULL, NULL, &err),
		0);
	assert_int_equal(ews_driver.open(&box, server, &options, &err), 0);
	return 0;
}

static MAYBE_UNUSED int fake_close(void **state)
{
	(void)state;
	ews_driver.close(box);
	ews_driver.server_close(server);
	for (; fake.next < fake.n_answers; fake.next++)
		free(fake.answers[fake.next].body);
	for (size_t i = 0; i < fake.n_requests; i++) {
		free(fake.requests[i]);
		free(fake.operations[i]);
		free(fake.headers[i]);
	}
	fake.n_answers = fake.next = fake.n_requests = 0;
	fake.back_off = 0;
	fake.respond = NULL;
	return 0;
}

#define fake_test(f) cmocka_unit_test_setup_teardown(f, fake_open, fake_close)

#endif
