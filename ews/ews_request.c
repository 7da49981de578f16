/* One SOAP exchange with Exchange: envelope, impersonation, faults, throttling.
 *
 * A busy server says so in three shapes: a response message with ErrorServerBusy, a SOAP fault with
 * ErrorServerBusy (HTTP status 500), and HTTP status 503 or 429 without SOAP.  The first two name a
 * time in BackOffMilliseconds, the third in Retry-After.  All of them make every request to this
 * server wait (http_back_off). */
#include <string.h>

#include "ews/ews_private.h"
#include "sync/mem.h"

#define NS_SOAP	 "http://schemas.xmlsoap.org/soap/envelope/"
#define NS_TYPES "http://schemas.microsoft.com/exchange/services/2006/types"
#define NS_MSGS	 "http://schemas.microsoft.com/exchange/services/2006/messages"

/* The oldest version that has all we use; Exchange 2013 SP1 and everything newer speaks it. */
#define REQUEST_VERSION "Exchange2013_SP1"

int ews_envelope(const struct mailbox *mailbox, const struct buf *payload, struct buf *out,
	struct error *err)
{
	buf_adds(out, "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n");
	xml_start(out, "soap:Envelope", "xmlns:soap", NS_SOAP, "xmlns:t", NS_TYPES, "xmlns:m",
		NS_MSGS);
	xml_start(out, "soap:Header");
	xml_empty(out, "t:RequestServerVersion", "Version", REQUEST_VERSION);
	if (mailbox->impersonate) {
		xml_start(out, "t:ExchangeImpersonation");
		xml_start(out, "t:ConnectingSID");
		xml_element(out, "t:PrimarySmtpAddress", mailbox->address);
		xml_end(out, "t:ConnectingSID");
		xml_end(out, "t:ExchangeImpersonation");
	}
	xml_end(out, "soap:Header");
	xml_start(out, "soap:Body");
	buf_add(out, buf_str(payload), payload->len);
	xml_end(out, "soap:Body");
	xml_end(out, "soap:Envelope");
	if (payload->failed)
		out->failed = true;
	return buf_check(out, "the request to Exchange", err);
}

static int send_request(struct mailbox *mailbox, const char *operation, const struct buf *envelope,
	struct http_answer *answer, struct error *err)
{
	/* Exchange routes by this header to the server that holds the mailbox. */
	char *anchor AUTOFREE = xasprintf("X-AnchorMailbox: %s", mailbox->address);
	const char *headers[] = { "Content-Type: text/xml; charset=utf-8", "Accept: text/xml",
		anchor, NULL };
	struct http_request request = {
		.method = "POST",
		.url = mailbox->url,
		.headers = headers,
		.user = mailbox->user,
		.password = mailbox->password,
		.body = buf_str(envelope),
		.body_len = envelope->len,
		.operation = operation,
	};

	return http_send(mailbox->server->http, &request, answer, err);
}

int ews_parse_answer(const char *bytes, size_t len, xmlDoc **doc, xmlNode **response,
	xmlNode **fault, struct error *err)
{
	xmlNode *root, *first;

	*response = *fault = NULL;
	if (xml_parse(bytes, len, doc, err))
		return err ? err->code : ERR_REMOTE;
	root = xmlDocGetRootElement(*doc);
	first = xml_is(root, "Envelope") ? xml_first(xml_child(root, "Body")) : NULL;
	if (!first) {
		xmlFreeDoc(*doc);
		*doc = NULL;
		return error_set(err, ERR_REMOTE, "XML, but not a SOAP answer");
	}
	if (xml_is(first, "Fault"))
		*fault = first;
	else
		*response = first;
	return 0;
}

static int judge_fault(
	struct mailbox *mailbox, const xmlNode *fault, enum ews_effect effect, struct error *err)
{
	int code = ews_error_of(fault, effect, err);

	if (code == ERR_THROTTLED)
		http_back_off(mailbox->server->http, err->retry_after_ms);
	if (code == ERR_DENIED && mailbox->impersonate)
		error_prefix(err, "%s may not work on %s", mailbox->user, mailbox->address);
	return code;
}

/* An HTTP answer has come: the response in it, or what went wrong. */
static int judge_answer(struct mailbox *mailbox, enum ews_effect effect, struct ews_answer *answer,
	struct error *err)
{
	struct error why = ERROR_INIT;
	xmlNode *fault;
	int code;

	if (!ews_parse_answer(buf_str(&answer->http.body), answer->http.body.len, &answer->doc,
		    &answer->response, &fault, &why)) {
		if (fault)
			return judge_fault(mailbox, fault, effect, err);
		if (answer->http.status == 200)
			return 0;
	}
	if (answer->http.status == 200)
		return error_set(err, effect == EWS_WRITES ? ERR_LOST : ERR_REMOTE,
			"Exchange's answer cannot be read: %s", why.text);
	answer->response = NULL;
	code = ews_error_of_status(mailbox, &answer->http, effect, err);
	if (code == ERR_THROTTLED)
		http_back_off(mailbox->server->http, err->retry_after_ms);
	return code;
}

int ews_call(struct mailbox *mailbox, const char *operation, enum ews_effect effect,
	const struct buf *payload, struct ews_answer *answer, struct error *err)
{
	struct buf envelope AUTOBUF = BUF_INIT(EWS_REQUEST_LIMIT);
	struct error own = ERROR_INIT;
	int rc;

	memset(answer, 0, sizeof(*answer));
	if (!err)
		err = &own;
	rc = ews_envelope(mailbox, payload, &envelope, err);
	if (rc)
		return rc;
	rc = send_request(mailbox, operation, &envelope, &answer->http, err);
	if (rc == ERR_TOO_BIG && effect == EWS_WRITES)
		rc = err->code = ERR_LOST; /* it was sent, only the answer is beyond the limit */
	if (!rc)
		rc = judge_answer(mailbox, effect, answer, err);
	return rc ? error_prefix(err, "%s", operation) : 0;
}

xmlNode *ews_first_message(const struct ews_answer *answer)
{
	xmlNode *messages = xml_child(answer->response, "ResponseMessages");

	/* The schema says of some operations that the response is the message. */
	if (!messages && xml_child(answer->response, "ResponseCode"))
		return answer->response;
	return xml_first(messages);
}

int ews_message_error(
	struct mailbox *mailbox, const xmlNode *message, enum ews_effect effect, struct error *err)
{
	char *code AUTOFREE = xml_child_text(message, "ResponseCode");
	struct error own = ERROR_INIT;

	if (!err)
		err = &own;
	if (xml_attribute_is(message, "ResponseClass", "Success") ||
		(code && !strcmp(code, "NoError")))
		return 0;
	ews_error_of(message, effect, err);
	if (err->code == ERR_THROTTLED)
		http_back_off(mailbox->server->http, err->retry_after_ms);
	return err->code;
}

int ews_call_one(struct mailbox *mailbox, const char *operation, enum ews_effect effect,
	const struct buf *payload, struct ews_answer *answer, xmlNode **message, struct error *err)
{
	int rc = ews_call(mailbox, operation, effect, payload, answer, err);

	if (rc)
		return rc;
	*message = ews_first_message(answer);
	if (!*message)
		return error_set(err, effect == EWS_WRITES ? ERR_LOST : ERR_REMOTE,
			"%s: Exchange's answer has no response message", operation);
	return ews_message_error(mailbox, *message, effect, err);
}

void ews_answer_free(struct ews_answer *answer)
{
	xmlFreeDoc(answer->doc);
	http_answer_free(&answer->http);
	memset(answer, 0, sizeof(*answer));
}
