/* Fuzzing of calendars: whatever is taken must pass the check of its own document, be written, read
 * back as the same document, and be written again byte for byte.  Categories are set on the bytes.
 * The first byte chooses event or task; after a NUL, a document as JSON is checked and written. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "sync/formats/document.h"
#include "sync/formats/event.h"
#include "sync/formats/recur.h"

#define MAX_BYTES ((size_t)64 << 20)
#define MAX_STEPS 50

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool good)
{
	if (!good)
		abort();
}

static void check_stable(const struct document_kind *kind, const json_t *doc, bool same)
{
	struct buf first = BUF_INIT(MAX_BYTES);
	struct buf second = BUF_INIT(MAX_BYTES);
	json_t *again = NULL;

	require(!kind->render(doc, &first, NULL));
	require(!kind->parse(first.data, first.len, &again, NULL));
	require(!same || json_equal(again, doc));
	if (same) {
		require(!kind->render(again, &second, NULL));
		require(first.len == second.len && !memcmp(first.data, second.data, first.len));
	}
	json_decref(again);
	buf_free(&first);
	buf_free(&second);
}

static void check_occurrences(const json_t *doc)
{
	struct recur *recur = recur_open(doc);
	int64_t last = INT64_MIN;
	int64_t local;

	for (int i = 0; recur && i < MAX_STEPS && recur_next(recur, &local); i++) {
		require(local > last);
		last = local;
	}
	recur_close(recur);
}

static void check_categories(const struct document_kind *kind, const char *bytes, size_t len)
{
	struct buf out = BUF_INIT(MAX_BYTES);
	json_t *names = json_pack("[s, s]", "CRM", "a,b;c");
	json_t *doc = NULL;

	if (!kind->set_categories(bytes, len, names, &out, NULL)) {
		require(!kind->parse(out.data, out.len, &doc, NULL));
		require(json_object_size(json_object_get(doc, "keywords")) == 2);
		json_decref(doc);
	}
	json_decref(names);
	buf_free(&out);
}

static void check_json(const struct document_kind *kind, const char *text, size_t len)
{
	json_t *doc = json_loadb(text, len, 0, NULL);

	if (doc && !kind->check(doc, NULL)) {
		struct buf title = BUF_INIT(MAX_BYTES);

		check_stable(kind, doc, false);
		check_occurrences(doc);
		kind->title(doc, &title);
		buf_free(&title);
	}
	json_decref(doc);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct document_kind *kind = document_kind(
		size && data[0] & 1 ? KIND_TASK : KIND_EVENT);
	const char *bytes = (const char *)data + 1;
	const char *nul = size > 1 ? memchr(bytes, 0, size - 1) : NULL;
	size_t len = nul ? (size_t)(nul - bytes) : size ? size - 1 : 0;
	json_t *doc = NULL;

	if (!size)
		return 0;
	if (!kind->parse(bytes, len, &doc, NULL)) {
		require(!kind->check(doc, NULL));
		check_stable(kind, doc, true);
		check_occurrences(doc);
		check_categories(kind, bytes, len);
	}
	if (nul)
		check_json(kind, nul + 1, size - 2 - len);
	json_decref(doc);
	return 0;
}
