/* Fuzzing of what is written to .json/: a document and a version of it to merge with, as two JSON
 * texts with a NUL between them.  Whatever the check lets through must be written as a vCard that
 * is read, and from then on stays the same; merges and slots must not care about shapes. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "sync/formats/card.h"
#include "sync/formats/document.h"
#include "sync/formats/vcard.h"

#define MAX_BYTES ((size_t)64 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool good)
{
	if (!good)
		abort();
}

static char *written(const json_t *card, enum vcard_version version)
{
	struct buf out = BUF_INIT(MAX_BYTES);

	require(!vcard_render(card, version, &out, NULL));
	return buf_take(&out);
}

static json_t *parsed(const char *bytes)
{
	json_t *card = NULL;

	require(!vcard_parse(bytes, strlen(bytes), &card, NULL));
	card_assign_slots(card, NULL);
	return card;
}

/* A file holds what a vCard can say of the document; that much stays. */
static void check_written(const json_t *doc, enum vcard_version version)
{
	char *first = written(doc, version);
	json_t *card = parsed(first);
	char *second = written(card, version);
	json_t *again = parsed(second);
	char *third = written(again, version);

	require(!strcmp(second, third));
	json_decref(again);
	json_decref(card);
	free(first);
	free(second);
	free(third);
}

static void check_merge(const json_t *a, const json_t *b)
{
	json_t *clashes = json_array();
	json_t *merged = document_merge(NULL, a, b, clashes);

	json_decref(merged);
	merged = document_merge(a, a, b, clashes);
	require(json_equal(merged, b));
	json_decref(merged);
	merged = document_merge(b, a, b, NULL);
	require(json_equal(merged, a));
	json_decref(merged);
	json_decref(clashes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct document_kind *contact = document_kind(KIND_CONTACT);
	const uint8_t *nul = size ? memchr(data, 0, size) : NULL;
	size_t len = nul ? (size_t)(nul - data) : size;
	json_t *doc = json_loadb((const char *)data, len, 0, NULL);
	json_t *other = nul ? json_loadb((const char *)nul + 1, size - len - 1, 0, NULL) : NULL;

	if (doc && !contact->check(doc, NULL)) {
		if (other)
			check_merge(doc, other);
		contact->assign_slots(doc, other);
		check_written(doc, VCARD_40);
		check_written(doc, VCARD_30);
		json_decref(contact->emails(doc));
		free(document_file_name(contact, doc, 0));
	}
	json_decref(doc);
	json_decref(other);
	return 0;
}
