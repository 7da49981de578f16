/* One EWS request from its HTTP body to its answer.
 *
 * In Exchange's order: sign-in, well-formed XML, a version that is known, the schema,
 * impersonation, then the operation.  What fails before the operation is a SOAP fault with HTTP
 * 500; what fails in it is a response message each. */
#include <libxml/parser.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sync/mem.h"
#include "tests/sim/ews_calendar.h"

/* BARE: by the schema the response is the message itself. */
enum { READS = 0, WRITES = 1, BARE = 2 };

static const struct operation {
	const char *name;
	void (*run)(struct ews_ctx *c);
	unsigned int flags;
} operations[] = {
	{ "ConvertId", ews_op_convert_id, READS },
	{ "GetFolder", ews_op_get_folder, READS },
	{ "FindFolder", ews_op_find_folder, READS },
	{ "CreateFolder", ews_op_create_folder, WRITES },
	{ "UpdateFolder", ews_op_update_folder, WRITES },
	{ "MoveFolder", ews_op_move_folder, WRITES },
	{ "DeleteFolder", ews_op_delete_folder, WRITES },
	{ "EmptyFolder", ews_op_empty_folder, WRITES },
	{ "SyncFolderHierarchy", ews_op_sync_hierarchy, READS },
	{ "SyncFolderItems", ews_op_sync_items, READS },
	{ "GetItem", ews_op_get_item, READS },
	{ "FindItem", ews_op_find_item, READS },
	{ "CreateItem", ews_op_create_item, WRITES },
	{ "UpdateItem", ews_op_update_item, WRITES },
	{ "DeleteItem", ews_op_delete_item, WRITES },
	{ "MoveItem", ews_op_move_item, WRITES },
	{ "CopyItem", ews_op_move_item, WRITES },
	{ "SendItem", ews_op_send_item, WRITES },
	{ "CreateAttachment", ews_op_create_attachment, WRITES },
	{ "GetAttachment", ews_op_get_attachment, READS },
	{ "DeleteAttachment", ews_op_delete_attachment, WRITES },
	{ "ResolveNames", ews_op_resolve_names, READS },
	{ "GetUserConfiguration", ews_op_get_config, BARE },
	{ "CreateUserConfiguration", ews_op_write_config, WRITES },
	{ "UpdateUserConfiguration", ews_op_write_config, WRITES },
	{ "DeleteUserConfiguration", ews_op_delete_config, WRITES },
	{ "GetServerTimeZones", ews_op_time_zones, READS },
};

static const char *const versions[] = { "Exchange2007", "Exchange2007_SP1", "Exchange2010",
	"Exchange2010_SP1", "Exchange2010_SP2", "Exchange2013", "Exchange2013_SP1",
	"Exchange2016" };

void ews_fault(struct ews_ctx *c, const char *code, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	if (c->fault_code)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	c->fault_code = xstrdup(code);
	c->fault_text = xstrdup(text);
}

void ews_schema_fault(struct ews_ctx *c, long line, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	if (c->fault_code)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	ews_fault(c, "ErrorSchemaValidation", "The request failed schema validation: %s", text);
	c->violation = xstrdup(text);
	c->fault_line = line;
}

/* Takes resp->body's place. */
static void begin_envelope(struct buf *b)
{
	buf_adds(b, "<?xml version=\"1.0\" encoding=\"utf-8\"?>"
		    "<s:Envelope xmlns:s=\"" EWS_NS_SOAP "\"><s:Header>"
		    "<h:ServerVersionInfo MajorVersion=\"15\" MinorVersion=\"1\" "
		    "MajorBuildNumber=\"2507\" "
		    "MinorBuildNumber=\"39\" Version=\"V2017_07_11\" xmlns:h=\"" EWS_NS_T "\" "
		    "xmlns=\"" EWS_NS_T "\" xmlns:xsd=\"http://www.w3.org/2001/XMLSchema\" "
		    "xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\"/></s:Header>"
		    "<s:Body xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" "
		    "xmlns:xsd=\"http://www.w3.org/2001/XMLSchema\">");
}

static void end_envelope(struct buf *b)
{
	buf_adds(b, "</s:Body></s:Envelope>");
}

static void write_fault(struct ews_ctx *c)
{
	struct buf *b = &c->resp->body;

	begin_envelope(b);
	buf_adds(b, "<s:Fault><faultcode xmlns:a=\"" EWS_NS_T "\">a:");
	xml_text(b, c->fault_code);
	buf_adds(b, "</faultcode><faultstring xml:lang=\"en-US\">");
	xml_text(b, c->fault_text);
	buf_adds(b, "</faultstring><detail><e:ResponseCode xmlns:e=\"" EWS_NS_E "\">");
	xml_text(b, c->fault_code);
	buf_adds(b, "</e:ResponseCode><e:Message xmlns:e=\"" EWS_NS_E "\">");
	xml_text(b, c->violation ? "The request failed schema validation." : c->fault_text);
	buf_adds(b, "</e:Message>");
	if (c->violation) {
		buf_addf(b,
			"<t:MessageXml xmlns:t=\"" EWS_NS_T "\"><t:LineNumber>%ld</t:LineNumber>"
			"<t:LinePosition>1</t:LinePosition><t:Violation>",
			c->fault_line);
		xml_text(b, c->violation);
		buf_adds(b, "</t:Violation></t:MessageXml>");
	} else if (c->backoff_ms && !strcmp(c->fault_code, "ErrorServerBusy")) {
		buf_addf(b,
			"<t:MessageXml xmlns:t=\"" EWS_NS_T "\"><t:Value "
			"Name=\"BackOffMilliseconds\">%ld</t:Value></t:MessageXml>",
			c->backoff_ms);
	}
	buf_adds(b, "</detail></s:Fault>");
	end_envelope(b);
	c->resp->status = 500;
}

static void write_answer(struct ews_ctx *c)
{
	struct buf *b = &c->resp->body;

	begin_envelope(b);
	if (c->bare) {
		buf_add(b, buf_str(&c->out), c->out.len);
		end_envelope(b);
		return;
	}
	buf_addf(b,
		"<m:%sResponse xmlns:m=\"" EWS_NS_M "\" xmlns:t=\"" EWS_NS_T "\">"
		"<m:ResponseMessages>",
		c->op);
	buf_add(b, buf_str(&c->out), c->out.len);
	buf_addf(b, "</m:ResponseMessages></m:%sResponse>", c->op);
	end_envelope(b);
}

static void check_version(struct ews_ctx *c)
{
	xmlNode *header = c->header ? xml_child(c->header, "RequestServerVersion") : NULL;
	char *version AUTOFREE = xml_get(header, "Version");

	if (!header)
		return; /* as Exchange: taken for Exchange2007 */
	for (size_t i = 0; version && i < ARRAY_SIZE(versions); i++)
		if (!strcmp(versions[i], version))
			return;
	ews_fault(c, "ErrorInvalidServerVersion", "The specified server version is invalid.");
}

static void check_schema(struct ews_ctx *c)
{
	char *text AUTOFREE = NULL;
	long line;

	if (c->ews->schema && ews_schema_validate(c->ews->schema, c->payload, &line, &text))
		ews_schema_fault(c, line, "%s", text);
	else
		ews_grammar_check(c, c->payload);
}

/* Faults of /sim/faults: the whole answer a SOAP fault, or messages that fail. */
static void take_injection(struct ews_ctx *c)
{
	const json_t *fault = sim_fault(c->ews->sim, c->op, "ews");
	const char *code = json_string_value(json_object_get(fault, "code"));
	const char *shape = json_string_value(json_object_get(fault, "shape"));
	const json_t *index = json_object_get(fault, "index");

	if (!fault)
		return;
	if (!code)
		code = "ErrorServerBusy";
	c->backoff_ms = (long)json_integer_value(json_object_get(fault, "backoff_ms"));
	if (!shape || strcmp(shape, "fault") != 0) {
		c->inject = code;
		c->inject_index = index ? (long)json_integer_value(index) : -1;
		return;
	}
	ews_fault(c, code, "%s",
		!strcmp(code, "ErrorServerBusy")
			? "The server cannot service this request right now. Try again later."
			: "The simulator was told to fail here.");
}

static const struct operation *find_operation(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(operations); i++)
		if (!strcmp(operations[i].name, name))
			return &operations[i];
	return NULL;
}

static void run(struct ews_ctx *c, xmlNode *envelope)
{
	const struct operation *op;

	c->header = xml_child(envelope, "Header");
	c->payload = xml_first(xml_child(envelope, "Body"));
	if (!xml_is(envelope, "Envelope") || !envelope->ns || !c->payload ||
		strcmp((const char *)envelope->ns->href, EWS_NS_SOAP) != 0) {
		ews_fault(
			c, "ErrorInvalidRequest", "The request is invalid: no SOAP 1.1 envelope.");
		return;
	}
	op = find_operation((const char *)c->payload->name);
	if (!op) {
		ews_schema_fault(c, xmlGetLineNo(c->payload),
			"The element '%s' is not an operation "
			"that this server has.",
			(const char *)c->payload->name);
		return;
	}
	c->op = c->resp->operation = op->name;
	c->resp->is_write = op->flags & WRITES;
	c->bare = op->flags & BARE;
	check_version(c);
	if (!c->fault_code)
		check_schema(c);
	if (!c->fault_code && !ews_impersonate(c) && !ews_zone_context(c))
		take_injection(c);
	if (!c->fault_code)
		op->run(c);
}

static void refuse(struct sim_response *resp, int status, const char *text)
{
	resp->status = status;
	sim_set_header(resp, "Content-Type", "text/plain; charset=utf-8");
	buf_adds(&resp->body, text);
}

static void answer(struct ews_ctx *c)
{
	sim_set_header(
		c->resp, "Content-Type", c->ews->untidy ? "text/xml" : "text/xml; charset=utf-8");
	if (!c->fault_code && c->out.failed)
		ews_fault(c, "ErrorInternalServerError", "The answer is too large.");
	if (c->fault_code) {
		write_fault(c);
		return;
	}
	c->resp->status = 200;
	write_answer(c);
	if (c->ews->schema)
		ews_schema_check_answer(c->ews, c->op, &c->resp->body);
}

static void handle_soap(struct ews_ctx *c)
{
	xmlDoc *doc = xmlReadMemory(c->req->body, (int)c->req->body_len, "request.xml", NULL,
		XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING | XML_PARSE_HUGE);

	if (!doc || xmlGetIntSubset(doc))
		ews_fault(c, "ErrorInvalidRequest",
			"The request is invalid: not well-formed XML, or "
			"with a document type.");
	else
		run(c, xmlDocGetRootElement(doc));
	answer(c);
	xmlFreeDoc(doc);
	while (c->views) {
		struct ews_item *next = c->views->next;

		ews_occurrence_free(c->views);
		c->views = next;
	}
	buf_free(&c->out);
	free(c->fault_code);
	free(c->fault_text);
	free(c->violation);
}

void ews_handle(struct ews *ews, const struct sim_request *req, struct sim_response *resp)
{
	const char *type = sim_header(req, "Content-Type");
	struct ews_ctx c = { .ews = ews,
		.req = req,
		.resp = resp,
		.out = BUF_INIT(EWS_ANSWER_LIMIT),
		.zone = ews_zone_by_id(ews, "UTC"),
		.inject_index = -1 };

	c.account = ews_sign_in(ews, req);
	if (!c.account) {
		resp->operation = "ews"; /* nothing of the operation is begun before the sign-in */
		sim_set_header(resp, "WWW-Authenticate", "Basic realm=\"exchange.corp.example\"");
		refuse(resp, 401, "");
	} else if (strcmp(req->method, "POST") != 0) {
		refuse(resp, 200, "This is an Exchange Web Services endpoint.\n");
	} else if (type && strncasecmp(type, "text/xml", 8) != 0) {
		refuse(resp, 415, "The content type must be text/xml.\n");
	} else {
		handle_soap(&c);
	}
}
