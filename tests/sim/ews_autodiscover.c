/* POX Autodiscover (MS-OXDSCLI): answers the EwsUrl of a mailbox that exists. */
#include <libxml/parser.h>
#include <stdlib.h>
#include <string.h>

#include "sync/mem.h"
#include "tests/sim/ews.h"

#define NS_ANSWER  "http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006"
#define NS_OUTLOOK "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a"

static void write_settings(struct buf *b, const struct ews_mailbox *mb, const char *host)
{
	buf_adds(b, "<Response xmlns=\"" NS_OUTLOOK "\"><User>");
	xml_element(b, "DisplayName", mb->name);
	xml_element(b, "AutoDiscoverSMTPAddress", mb->address);
	buf_adds(b, "</User><Account><AccountType>email</AccountType><Action>settings</Action>");
	for (int external = 0; external < 2; external++) {
		buf_addf(b, "<Protocol><Type>%s</Type>", external ? "EXPR" : "EXCH");
		xml_element(b, "Server", host);
		buf_addf(b,
			"<ServerVersion>738389CB</ServerVersion><EwsUrl>http://%s"
			"/EWS/Exchange.asmx</EwsUrl><ASUrl>http://%s/EWS/Exchange.asmx</ASUrl>"
			"</Protocol>",
			host, host);
	}
	buf_adds(b, "</Account></Response>");
}

static void write_error(struct buf *b, int code, const char *message)
{
	buf_addf(b,
		"<Response><Error Time=\"00:00:00\" Id=\"1\"><ErrorCode>%d</ErrorCode>"
		"<Message>%s</Message><DebugData/></Error></Response>",
		code, message);
}

void autodiscover_handle(struct ews *ews, const struct sim_request *req, struct sim_response *resp)
{
	const char *host = sim_header(req, "Host");
	char *address AUTOFREE = NULL;
	struct ews_mailbox *mb;
	xmlDoc *doc;

	resp->operation = "Autodiscover";
	if (!ews_sign_in(ews, req)) {
		resp->status = 401;
		sim_set_header(resp, "WWW-Authenticate", "Basic realm=\"exchange.corp.example\"");
		return;
	}
	doc = xmlReadMemory(req->body, (int)req->body_len, "request.xml", NULL,
		XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
	address = xml_content(
		doc ? xml_child(xml_child(xmlDocGetRootElement(doc), "Request"), "EMailAddress")
		    : NULL);
	xmlFreeDoc(doc);
	mb = ews_mailbox_find(ews, address);
	sim_set_header(resp, "Content-Type", "text/xml; charset=utf-8");
	buf_adds(&resp->body, "<?xml version=\"1.0\" encoding=\"utf-8\"?>"
			      "<Autodiscover xmlns=\"" NS_ANSWER "\">");
	if (!*address)
		write_error(&resp->body, 600, "Invalid Request");
	else if (!mb)
		write_error(&resp->body, 500, "The e-mail address cannot be found.");
	else
		write_settings(&resp->body, mb, host ? host : "localhost");
	buf_adds(&resp->body, "</Autodiscover>");
}
