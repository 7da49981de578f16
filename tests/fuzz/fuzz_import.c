/* Fuzzing of what `tandemctl import` takes apart: exports of any program.  Whatever is taken is one item
 * a piece; pieces of a folder put together again are taken apart into as many. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "fs/ctl_split.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool good)
{
	if (!good)
		abort();
}

/* In a folder a UID lives once; an export may have it in several calendars. */
static bool is_known(const struct split *split, size_t i)
{
	for (size_t j = 0; j < i; j++)
		if (split->items[j].kind != KIND_CONTACT &&
			!strcmp(split->items[j].uid, split->items[i].uid))
			return true;
	return false;
}

static size_t check_items(const struct split *split, struct join *join)
{
	size_t n = 0;

	for (size_t i = 0; i < split->n; i++) {
		const struct split_item *item = &split->items[i];
		const struct document_kind *kind = document_kind(item->kind);
		json_t *doc = NULL;

		require(kind && item->uid && *item->uid && item->bytes.len && item->line);
		if (is_known(split, i) ||
			kind->parse(item->bytes.data, item->bytes.len, &doc, NULL))
			continue; /* refused by the mount, with its reason */
		json_decref(doc);
		require(!join_add(join, item->bytes.data, item->bytes.len, NULL));
		n++;
	}
	return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf whole AUTOBUF = BUF_INIT(SPLIT_BYTES_MAX);
	struct split split = { 0 }, again = { 0 };
	struct error err = ERROR_INIT;
	struct join join;
	size_t n;

	if (split_text((const char *)data, size, &split, &err)) {
		require(err.code && *err.text);
		split_clear(&split);
		return 0;
	}
	join_init(&join);
	n = check_items(&split, &join);
	join_finish(&join, &whole);
	if (n) {
		require(!split_text(buf_str(&whole), whole.len, &again, &err));
		require(again.n == n);
	}
	join_clear(&join);
	split_clear(&split);
	split_clear(&again);
	return 0;
}
