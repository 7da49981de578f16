/* What must hold of every document that a remote's values make: it shows as a file, and the file can be
 * read.  For the fuzzers of the drivers. */
#ifndef TESTS_FUZZ_DOCUMENTS_H
#define TESTS_FUZZ_DOCUMENTS_H

#include <stdlib.h>
#include <string.h>

#include "sync/field.h"
#include "sync/formats/document.h"
#include "sync/mem.h"

#define DOCUMENT_BYTES ((size_t)64 << 20)

static void require(bool good)
{
	if (!good)
		abort();
}

/* The document that an item with these fields becomes; NULL when a value is refused. */
static json_t *document_of_fields(
	const struct field_table *table, const struct document_kind *kind, const json_t *fields)
{
	json_t *doc = kind->blank(), *value;
	struct error err = ERROR_INIT;
	const char *name;

	json_object_set_new(doc, "uid", json_string("fuzz-uid"));
	json_object_foreach((json_t *)fields, name, value) {
		const struct field *row = field_find(table, name);

		if (row && row->apart)
			continue; /* what is here only stands for it */
		if (field_apply(table, doc, name, value, &err)) {
			require(*err.text);
			json_decref(doc);
			return NULL;
		}
	}
	return doc;
}

/* ["Name"] of all fields: as if each had changed. */
static json_t *names_of(const json_t *fields)
{
	json_t *names = json_array(), *value;
	const char *name;

	json_object_foreach((json_t *)fields, name, value)
		json_array_append_new(names, json_string(name));
	return names;
}

static void check_file(const struct document_kind *kind, const json_t *doc, bool vcard_30)
{
	struct buf bytes AUTOBUF = BUF_INIT(DOCUMENT_BYTES);
	struct error err = ERROR_INIT;
	json_t *again = NULL;
	char *name = document_file_name(kind, doc, 0);

	require(document_is_item_name(kind->kind, name) && !strchr(name, '/'));
	free(name);
	if (document_render(kind, doc, vcard_30, &bytes, &err)) {
		require(*err.text);
		return;
	}
	require(!kind->parse(bytes.data, bytes.len, &again, NULL));
	json_decref(again);
}

/* Two projections of one document are the same, and applying them to it changes nothing (I11). */
static void check_projection(const struct field_table *table, json_t *doc)
{
	json_t *first = field_project(table, doc, NULL, NULL), *value;
	json_t *before = json_deep_copy(doc);
	const char *name;

	json_object_foreach(first, name, value) {
		const struct field *row = field_find(table, name);

		if (!row || (!row->apart && field_apply(table, doc, name, value, NULL)))
			abort();
	}
	require(!first || json_equal(before, doc));
	json_decref(before);
	json_decref(first);
}

static void check_fields(
	const struct field_table *table, const struct document_kind *kind, const json_t *fields)
{
	json_t *doc = document_of_fields(table, kind, fields);

	if (!doc)
		return;
	check_projection(table, doc);
	check_file(kind, doc, false);
	if (kind->render_30)
		check_file(kind, doc, true);
	json_decref(doc);
}

#endif
