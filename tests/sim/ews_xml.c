/* Writing XML into a buffer, and reading a parsed request.
 *
 * Names are written with the prefixes m: and t: that the envelope declares.  Carriage returns are
 * written as character references, as Exchange does, since a parser would drop them otherwise;
 * characters that XML 1.0 has no place for are left out. */
#include <libxml/xmlmemory.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sync/mem.h"
#include "tests/sim/ews.h"

static void escape(struct buf *b, const char *s, bool attribute)
{
	const char *run = s;

	for (;; s++) {
		const char *entity = NULL;

		switch (*s) {
		case '&':
			entity = "&amp;";
			break;
		case '<':
			entity = "&lt;";
			break;
		case '>':
			entity = "&gt;";
			break;
		case '\r':
			entity = "&#xD;";
			break;
		case '"':
			entity = attribute ? "&quot;" : NULL;
			break;
		case '\n':
			entity = attribute ? "&#xA;" : NULL;
			break;
		case '\t':
			entity = attribute ? "&#x9;" : NULL;
			break;
		default:
			if ((unsigned char)*s < 0x20)
				entity = "";
		}
		if (!entity && *s)
			continue;
		buf_add(b, run, (size_t)(s - run));
		if (!*s)
			return;
		buf_adds(b, entity);
		run = s + 1;
	}
}

void xml_text(struct buf *b, const char *s)
{
	escape(b, s, false);
}

void xml_attr(struct buf *b, const char *name, const char *value)
{
	buf_addf(b, " %s=\"", name);
	escape(b, value, true);
	buf_addc(b, '"');
}

void xml_element(struct buf *b, const char *name, const char *text)
{
	if (!text)
		return;
	if (!*text) {
		buf_addf(b, "<%s/>", name);
		return;
	}
	buf_addc(b, '<');
	buf_adds(b, name);
	buf_addc(b, '>');
	xml_text(b, text);
	buf_adds(b, "</");
	buf_adds(b, name);
	buf_addc(b, '>');
}

void xml_elementf(struct buf *b, const char *name, const char *fmt, ...)
{
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	xml_element(b, name, text);
}

xmlNode *xml_next(const xmlNode *node)
{
	xmlNode *next = node->next;

	while (next && next->type != XML_ELEMENT_NODE)
		next = next->next;
	return next;
}

xmlNode *xml_first(const xmlNode *node)
{
	xmlNode *child = node ? node->children : NULL;

	if (child && child->type != XML_ELEMENT_NODE)
		return xml_next(child);
	return child;
}

bool xml_is(const xmlNode *node, const char *name)
{
	return node && !strcmp((const char *)node->name, name);
}

xmlNode *xml_child(const xmlNode *node, const char *name)
{
	xml_each(child, node) if (xml_is(child, name)) return child;
	return NULL;
}

char *xml_content(const xmlNode *node)
{
	xmlChar *text = node ? xmlNodeGetContent(node) : NULL;
	char *copy = xstrdup(text ? (const char *)text : "");

	xmlFree(text);
	return copy;
}

char *xml_get(const xmlNode *node, const char *attribute)
{
	xmlChar *text = node ? xmlGetNoNsProp(node, (const xmlChar *)attribute) : NULL;
	char *copy = xstrdup((const char *)text);

	xmlFree(text);
	return copy;
}

static void copy_element(struct buf *b, const xmlNode *node)
{
	char *text;

	buf_addf(b, "<t:%s", (const char *)node->name);
	for (const xmlAttr *a = node->properties; a; a = a->next) {
		char *value = xml_get(node, (const char *)a->name);

		if (value)
			xml_attr(b, (const char *)a->name, value);
		free(value);
	}
	buf_addc(b, '>');
	if (xml_first(node)) {
		xml_each(child, node) copy_element(b, child);
	} else {
		text = xml_content(node);
		xml_text(b, text);
		free(text);
	}
	buf_addf(b, "</t:%s>", (const char *)node->name);
}

char *xml_inner(const xmlNode *node)
{
	struct buf b = BUF_INIT(EWS_ANSWER_LIMIT);

	xml_each(child, node) copy_element(&b, child);
	return buf_take(&b);
}

bool xml_true(const char *s)
{
	return s && (!strcmp(s, "true") || !strcmp(s, "1"));
}

void xml_cut(char *utf8, size_t max_chars)
{
	size_t n = 0;

	for (; max_chars && *utf8; utf8++)
		if ((*utf8 & 0xc0) != 0x80 && ++n > max_chars) {
			*utf8 = '\0';
			return;
		}
}
