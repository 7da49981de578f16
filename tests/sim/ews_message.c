/* The frames that operations answer with: <m:XResponseMessage ResponseClass=...>, one for each
 * thing asked for, in the order asked.  Here the simulator's faults of type "ews" and shape
 * "message" take the place of a message. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "tests/sim/ews.h"

int ews_fail(struct ews_error *err, const char *code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	err->code = code;
	return -1;
}

bool ews_injected(struct ews_ctx *c, struct ews_error *err)
{
	long index = c->index++;

	if (!c->inject || (c->inject_index >= 0 && c->inject_index != index))
		return false;
	ews_fail(err, c->inject, "%s",
		!strcmp(c->inject, "ErrorServerBusy")
			? "The server cannot service this request right now. Try again later."
			: "The simulator was told to fail here.");
	return true;
}

void ews_message_begin(struct ews_ctx *c, const char *response_class)
{
	buf_addf(&c->out, "<m:%sResponse%s", c->op,
		c->bare ? " xmlns:m=\"" EWS_NS_M "\" xmlns:t=\"" EWS_NS_T "\"" : "Message");
	buf_addf(&c->out, " ResponseClass=\"%s\">", response_class);
	if (!strcmp(response_class, "Success"))
		buf_adds(&c->out, "<m:ResponseCode>NoError</m:ResponseCode>");
}

void ews_message_end(struct ews_ctx *c)
{
	buf_addf(&c->out, "</m:%sResponse%s>", c->op, c->bare ? "" : "Message");
}

void ews_message_ok(struct ews_ctx *c)
{
	ews_message_begin(c, "Success");
	ews_message_end(c);
}

void ews_message_error(struct ews_ctx *c, const struct ews_error *err, const char *tail)
{
	ews_message_begin(c, "Error");
	xml_element(&c->out, "m:MessageText", err->text);
	xml_element(&c->out, "m:ResponseCode", err->code);
	buf_adds(&c->out, "<m:DescriptiveLinkKey>0</m:DescriptiveLinkKey>");
	if (c->backoff_ms && !strcmp(err->code, "ErrorServerBusy"))
		buf_addf(&c->out,
			"<m:MessageXml><t:Value Name=\"BackOffMilliseconds\">%ld</t:Value>"
			"</m:MessageXml>",
			c->backoff_ms);
	buf_adds(&c->out, tail);
	ews_message_end(c);
}
