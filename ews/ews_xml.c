/* Writing XML into a struct buf, and reading XML leniently.  See ews_xml.h.
 *
 * Requests are written as text: a writer library would add nothing but copies.  Answers are
 * parsed into a tree by libxml2, whose handler for a document type declaration stops the parser,
 * so that no entity is ever defined.  Exchange puts characters into its answers that XML 1.0
 * forbids (a form feed that someone pasted into a note comes as "&#xC;"); only when the parser
 * refuses the answer is it parsed again without them. */
#include "ews/ews_xml.h"

#include <libxml/parser.h>
#include <libxml/parserInternals.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "sync/mem.h"

/* Does XML 1.0 know this character (production Char)?  CR is written as a reference. */
static bool is_xml_char(uint32_t c)
{
	if (c < 0x20)
		return c == '\t' || c == '\n' || c == '\r';
	return (c <= 0xD7FF) || (c >= 0xE000 && c <= 0xFFFD) || (c >= 0x10000 && c <= 0x10FFFF);
}

/* Length of the UTF-8 sequence at s and its character; 0 when it is none. */
static size_t decode(const unsigned char *s, uint32_t *c)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t len = s[0] < 0x80       ? 1
		     : s[0] >> 5 == 6  ? 2
		     : s[0] >> 4 == 14 ? 3
		     : s[0] >> 3 == 30 ? 4
				       : 0;

	if (len <= 1) {
		*c = s[0];
		return len;
	}
	*c = s[0] & (0xFFu >> (len + 1));
	for (size_t i = 1; i < len; i++) {
		if ((s[i] & 0xC0) != 0x80)
			return 0;
		*c = *c << 6 | (s[i] & 0x3F);
	}
	return *c >= least[len] ? len : 0;
}

static void add_escaped(struct buf *out, unsigned char c, bool exact)
{
	switch (c) {
	case '&':
		buf_adds(out, "&amp;");
		break;
	case '<':
		buf_adds(out, "&lt;");
		break;
	case '>':
		buf_adds(out, "&gt;");
		break;
	case '"':
		buf_adds(out, "&quot;");
		break;
	case '\t':
		buf_adds(out, "&#9;");
		break;
	case '\n':
		buf_adds(out, exact ? "&#10;" : "&#13;&#10;");
		break;
	case '\r':
		buf_adds(out, "&#13;");
		break;
	default:
		buf_addc(out, (char)c);
	}
}

static void add_text(struct buf *out, const char *text, bool exact)
{
	const unsigned char *s = (const unsigned char *)text;

	while (s && *s) {
		uint32_t c;
		size_t len = decode(s, &c);

		if (!len) {
			buf_adds(out, "\xEF\xBF\xBD");
			s++;
			continue;
		}
		if (!exact && s[0] == '\r' && s[1] == '\n') {
			s++;
			continue;
		}
		if (len > 1 && is_xml_char(c))
			buf_add(out, s, len);
		else if (len == 1 && is_xml_char(c))
			add_escaped(out, s[0], exact);
		s += len;
	}
}

void xml_text(struct buf *out, const char *text)
{
	add_text(out, text, false);
}

void xml_exact_text(struct buf *out, const char *text)
{
	add_text(out, text, true);
}

static void add_tag(struct buf *out, const char *name, va_list ap, const char *end)
{
	const char *attribute;

	buf_addc(out, '<');
	buf_adds(out, name);
	while ((attribute = va_arg(ap, const char *))) {
		const char *value = va_arg(ap, const char *);

		if (!value)
			break;
		buf_addc(out, ' ');
		buf_adds(out, attribute);
		buf_adds(out, "=\"");
		xml_text(out, value);
		buf_addc(out, '"');
	}
	buf_adds(out, end);
}

void xml_start_tag(struct buf *out, const char *name, ...)
{
	va_list ap;

	va_start(ap, name);
	add_tag(out, name, ap, ">");
	va_end(ap);
}

void xml_empty_tag(struct buf *out, const char *name, ...)
{
	va_list ap;

	va_start(ap, name);
	add_tag(out, name, ap, "/>");
	va_end(ap);
}

void xml_end(struct buf *out, const char *name)
{
	buf_adds(out, "</");
	buf_adds(out, name);
	buf_addc(out, '>');
}

void xml_element(struct buf *out, const char *name, const char *text)
{
	xml_start(out, name);
	xml_text(out, text);
	xml_end(out, name);
}

struct refusal {
	bool doctype;
};

static void refuse_doctype(
	void *context, const xmlChar *name, const xmlChar *external, const xmlChar *system)
{
	xmlParserCtxt *parser = context;
	struct refusal *refusal = parser->_private;

	(void)name;
	(void)external;
	(void)system;
	refusal->doctype = true;
	xmlStopParser(parser);
}

/* The document, or NULL with the parser's complaint in err. */
static xmlDoc *parse_once(const char *bytes, size_t len, struct error *err)
{
	struct refusal refusal = { false };
	xmlParserCtxt *parser = xmlNewParserCtxt();
	xmlDoc *doc;

	if (!parser) {
		error_set(err, ERR_INTERNAL, "out of memory for an XML parser");
		return NULL;
	}
	parser->_private = &refusal;
	parser->sax->internalSubset = refuse_doctype;
	doc = xmlCtxtReadMemory(parser, bytes, (int)len, NULL, NULL,
		XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING | XML_PARSE_NOCDATA |
			XML_PARSE_COMPACT);
	if (refusal.doctype) {
		error_set(err, ERR_REMOTE,
			"the XML has a document type declaration, which is refused");
	} else if (!doc) {
		const xmlError *why = xmlCtxtGetLastError(parser);
		const char *text = why && why->message ? why->message : "nothing in it";

		error_set(err, ERR_REMOTE, "not XML: line %d: %.*s", why ? why->line : 0,
			(int)strcspn(text, "\n"), text);
	}
	if (refusal.doctype) {
		xmlFreeDoc(doc);
		doc = NULL;
	}
	xmlFreeParserCtxt(parser);
	return doc;
}

/* Length of a character reference at s ("&#xC;") to a character that XML 1.0 does not know; else
 * 0. */
static size_t bad_reference(const char *s, size_t left)
{
	uint32_t value = 0;
	bool hex;
	size_t i;

	if (left < 4 || s[0] != '&' || s[1] != '#')
		return 0;
	hex = s[2] == 'x' || s[2] == 'X';
	for (i = hex ? 3 : 2; i < left && i < 16 && s[i] != ';'; i++) {
		int digit = s[i] >= '0' && s[i] <= '9' ? s[i] - '0'
			    : hex && (s[i] | 32) >= 'a' && (s[i] | 32) <= 'f'
				    ? (s[i] | 32) - 'a' + 10
				    : -1;

		if (digit < 0)
			return 0;
		value = value > 0x110000 ? value : value * (hex ? 16 : 10) + (uint32_t)digit;
	}
	return i < left && s[i] == ';' && !is_xml_char(value) ? i + 1 : 0;
}

/* Copies the bytes without characters, and references to characters, that XML 1.0 does not know. */
static void drop_bad_chars(const char *bytes, size_t len, struct buf *out)
{
	size_t from = 0, i = 0;

	while (i < len) {
		unsigned char c = (unsigned char)bytes[i];
		size_t bad = c < 0x20 && !is_xml_char(c) ? 1 : bad_reference(bytes + i, len - i);

		if (!bad) {
			i++;
			continue;
		}
		buf_add(out, bytes + from, i - from);
		i += bad;
		from = i;
	}
	buf_add(out, bytes + from, len - from);
}

int xml_parse(const char *bytes, size_t len, xmlDoc **doc, struct error *err)
{
	struct buf clean AUTOBUF = BUF_INIT(len);
	struct error first = ERROR_INIT;

	*doc = NULL;
	if (len > INT32_MAX)
		return error_set(err, ERR_TOO_BIG, "XML of %zu bytes", len);
	if (!len)
		return error_set(err, ERR_REMOTE, "not XML: nothing in it");
	*doc = parse_once(bytes, len, &first);
	if (*doc)
		return 0;
	drop_bad_chars(bytes, len, &clean);
	if (clean.len && clean.len != len)
		*doc = parse_once(clean.data, clean.len, &first);
	return *doc ? 0 : error_set(err, first.code, "%s", first.text);
}

bool xml_is(const xmlNode *node, const char *name)
{
	return node && !strcmp((const char *)node->name, name);
}

static xmlNode *element_from(xmlNode *node)
{
	while (node && node->type != XML_ELEMENT_NODE)
		node = node->next;
	return node;
}

xmlNode *xml_first(const xmlNode *node)
{
	return node ? element_from(node->children) : NULL;
}

xmlNode *xml_next(const xmlNode *node)
{
	return node ? element_from(node->next) : NULL;
}

xmlNode *xml_child(const xmlNode *node, const char *name)
{
	xmlNode *child = xml_first(node);

	while (child && !xml_is(child, name))
		child = xml_next(child);
	return child;
}

/* libxml2 refuses documents deeper than 256 elements, so the recursion ends there. */
xmlNode *xml_find(const xmlNode *node, const char *name)
{
	for (xmlNode *child = xml_first(node); child; child = xml_next(child)) {
		xmlNode *below = xml_is(child, name) ? child : xml_find(child, name);

		if (below)
			return below;
	}
	return NULL;
}

/* Takes an xmlChar string; gives an own one with LF line ends. */
static char *own_text(xmlChar *text)
{
	char *own, *to;

	if (!text)
		return NULL;
	own = to = xmalloc(strlen((char *)text) + 1);
	for (const char *from = (char *)text; *from; from++)
		if (from[0] != '\r' || from[1] != '\n')
			*to++ = *from;
	*to = '\0';
	xmlFree(text);
	return own;
}

char *xml_content(const xmlNode *node)
{
	char *text = node ? own_text(xmlNodeGetContent(node)) : NULL;

	return text || !node ? text : xstrdup("");
}

char *xml_exact_content(const xmlNode *node)
{
	xmlChar *text = node ? xmlNodeGetContent(node) : NULL;
	char *own = text ? xstrdup((const char *)text) : NULL;

	xmlFree(text);
	return own;
}

char *xml_child_text(const xmlNode *node, const char *name)
{
	return xml_content(xml_child(node, name));
}

char *xml_attribute(const xmlNode *node, const char *name)
{
	return node ? own_text(xmlGetProp(node, (const xmlChar *)name)) : NULL;
}

bool xml_attribute_is(const xmlNode *node, const char *name, const char *value)
{
	const xmlAttr *attribute = node ? xmlHasProp(node, (const xmlChar *)name) : NULL;
	const xmlNode *text = attribute ? attribute->children : NULL;
	char *pieces AUTOFREE = NULL;

	if (!value)
		return false;
	/* Asked for every entry of every dictionary: no copy, unless it has several pieces. */
	if (text && text->type == XML_TEXT_NODE && !text->next)
		return !strcasecmp((const char *)text->content, value);
	pieces = xml_attribute(node, name);
	return pieces && !strcasecmp(pieces, value);
}

bool xml_boolean(const xmlNode *node, bool otherwise)
{
	char *text AUTOFREE = xml_content(node);
	const char *s = text ? text + strspn(text, " \t\n\r") : "";

	if (!strncasecmp(s, "true", 4) || *s == '1')
		return true;
	if (!strncasecmp(s, "false", 5) || *s == '0')
		return false;
	return otherwise;
}
