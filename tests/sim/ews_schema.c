/* Microsoft's schema, when --schema names a directory with messages.xsd: every request is checked
 * against it, and every answer of our own.  An answer that falls short is reported on stderr and
 * counted, and still sent. */
#include <libxml/parser.h>
#include <libxml/xmlschemas.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sync/mem.h"
#include "tests/sim/ews.h"

struct ews_schema {
	xmlSchema *schema;
};

struct violation {
	long line;
	char *text;
};

static void first_violation(void *data, xmlError *error)
{
	struct violation *v = data;

	if (v->text)
		return;
	v->line = error->line;
	v->text = xstrndup(error->message, strcspn(error->message, "\n"));
}

struct ews_schema *ews_schema_load(const char *dir)
{
	char *path AUTOFREE = xasprintf("%s/messages.xsd", dir);
	xmlSchemaParserCtxt *parser = xmlSchemaNewParserCtxt(path);
	struct ews_schema *schema = xcalloc(1, sizeof(*schema));

	schema->schema = parser ? xmlSchemaParse(parser) : NULL;
	xmlSchemaFreeParserCtxt(parser);
	if (!schema->schema) {
		fprintf(stderr, "tandem-sim: %s is not a usable schema\n", path);
		exit(2);
	}
	return schema;
}

void ews_schema_free(struct ews_schema *schema)
{
	if (!schema)
		return;
	xmlSchemaFree(schema->schema);
	free(schema);
}

int ews_schema_validate(struct ews_schema *schema, xmlNode *element, long *line, char **text)
{
	xmlSchemaValidCtxt *valid = xmlSchemaNewValidCtxt(schema->schema);
	struct violation v = { 0 };
	int rc;

	xmlSchemaSetValidStructuredErrors(valid, first_violation, &v);
	rc = xmlSchemaValidateOneElement(valid, element);
	xmlSchemaFreeValidCtxt(valid);
	*line = v.line;
	*text = v.text;
	if (rc && !v.text)
		*text = xstrdup("not valid");
	return rc ? -1 : 0;
}

void ews_schema_check_answer(struct ews *ews, const char *op, const struct buf *envelope)
{
	xmlDoc *doc = xmlReadMemory(buf_str(envelope), (int)envelope->len, "answer.xml", NULL,
		XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_HUGE);
	xmlNode *payload = doc ? xml_first(xml_child(xmlDocGetRootElement(doc), "Body")) : NULL;
	char *text AUTOFREE = NULL;
	long line = 0;

	if (!payload)
		text = xstrdup("not well-formed");
	else
		ews_schema_validate(ews->schema, payload, &line, &text);
	if (text) {
		ews->schema_faults++;
		fprintf(stderr, "tandem-sim: own answer to %s: %s\n", op, text);
	}
	xmlFreeDoc(doc);
}
