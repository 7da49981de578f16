/* Writing XML into a struct buf, and reading XML leniently.
 *
 * Names are compared without namespace or prefix: servers and proxies differ in their prefixes, and
 * no two elements that we read differ by namespace only. */
#ifndef EWS_EWS_XML_H
#define EWS_EWS_XML_H

#include <libxml/tree.h>
#include <stdbool.h>
#include <stddef.h>

#include "sync/buf.h"
#include "sync/error.h"

/* Writing.  `name` carries its prefix ("t:Contact").  Attributes follow as pairs of name and value; a
 * pair whose value is NULL ends the list.
 *
 *	xml_start(out, "t:Entry", "Key", "MobilePhone"); */
#define xml_start(out, ...) xml_start_tag((out), __VA_ARGS__, (const char *)NULL)
#define xml_empty(out, ...) xml_empty_tag((out), __VA_ARGS__, (const char *)NULL)
void xml_start_tag(struct buf *out, const char *name, ...) __attribute__((sentinel));
void xml_empty_tag(struct buf *out, const char *name, ...) __attribute__((sentinel));
void xml_end(struct buf *out, const char *name);
/* <name>text</name> */
void xml_element(struct buf *out, const char *name, const char *text);
/* Text escaped for content or an attribute value.  LF and CRLF become CRLF written as &#13; and LF,
 * so that it survives the reader.  What XML 1.0 cannot hold is left out; what is not UTF-8 becomes
 * U+FFFD. */
void xml_text(struct buf *out, const char *text);
/* The same with line ends as they are: what xml_exact_content gave. */
void xml_exact_text(struct buf *out, const char *text);

/* Reading.  Parses without network, entities or DTD (a DOCTYPE is refused).  References to
 * characters that XML 1.0 does not know (Exchange sends them) are dropped.  ERR_REMOTE.  Free with
 * xmlFreeDoc. */
int xml_parse(const char *bytes, size_t len, xmlDoc **doc, struct error *err);

bool xml_is(const xmlNode *node, const char *name);
/* First child element, next sibling element; NULL at the end (or when node is NULL). */
xmlNode *xml_first(const xmlNode *node);
xmlNode *xml_next(const xmlNode *node);
/* The child element of that name, or NULL (also when node is NULL). */
xmlNode *xml_child(const xmlNode *node, const char *name);
/* The first descendant element of that name, depth first, or NULL. */
xmlNode *xml_find(const xmlNode *node, const char *name);
/* New string: the text of the node with LF line ends, or NULL when node is NULL. */
char *xml_content(const xmlNode *node);
/* The same with line ends as they are. */
char *xml_exact_content(const xmlNode *node);
/* The same of a child; NULL when it is absent. */
char *xml_child_text(const xmlNode *node, const char *name);
/* New string, or NULL when absent. */
char *xml_attribute(const xmlNode *node, const char *name);
/* In any case; false where either of the two is NULL. */
bool xml_attribute_is(const xmlNode *node, const char *name, const char *value);
/* xs:boolean; `otherwise` when node is NULL or says something else. */
bool xml_boolean(const xmlNode *node, bool otherwise);

#endif
