/* Fuzzing of vCards.  What is taken must be written, read again and written the same, in both
 * versions, with and without slots; setting categories must leave a card that has just those.  What
 * is refused must say why. */
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

static json_t *parse(const char *bytes, size_t len, bool slots)
{
	struct error err = ERROR_INIT;
	json_t *card = NULL;

	if (vcard_parse(bytes, len, &card, &err)) {
		require(!card && err.text[0] &&
			(err.code == ERR_INVALID || err.code == ERR_TOO_BIG));
		return NULL;
	}
	if (slots)
		card_assign_slots(card, NULL);
	return card;
}

static void check_stable(const json_t *card, enum vcard_version version, bool slots)
{
	struct buf first AUTOBUF = BUF_INIT(MAX_BYTES);
	struct buf second AUTOBUF = BUF_INIT(MAX_BYTES);
	json_t *again;

	require(!vcard_render(card, version, &first, NULL));
	again = parse(first.data, first.len, slots);
	require(again != NULL);
	require(!vcard_render(again, version, &second, NULL));
	require(first.len == second.len && !memcmp(first.data, second.data, first.len));
	json_decref(again);
}

static void check_categories(const char *bytes, size_t len)
{
	struct buf out AUTOBUF = BUF_INIT(MAX_BYTES);
	json_t *names = json_pack("[s, s]", "CRM", "a,b;\\c \xc3\xa4");
	json_t *want = json_pack("{s:b, s:b}", "CRM", 1, "a,b;\\c \xc3\xa4", 1);
	json_t *card;

	require(!vcard_set_categories(bytes, len, names, &out, NULL));
	card = parse(out.data, out.len, false);
	require(card && json_equal(json_object_get(card, "keywords"), want));
	json_decref(card);
	json_decref(names);
	json_decref(want);
}

static void check_document(const json_t *card)
{
	const struct document_kind *kind = document_kind(KIND_CONTACT);
	char *name = document_file_name(kind, card, 2);
	json_t *merged = document_merge(card, card, card, NULL);

	require(document_is_item_name(KIND_CONTACT, name) && strlen(name) <= 255);
	require(!strchr(name, '/'));
	require(json_equal(merged, card));
	kind->check(card, NULL);
	json_decref(kind->emails(card));
	json_decref(merged);
	free(name);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *bytes = (const char *)data;

	for (int slots = 0; slots < 2; slots++) {
		json_t *card = parse(bytes, size, slots);

		if (!card)
			return 0;
		check_stable(card, VCARD_40, slots);
		check_stable(card, VCARD_30, slots);
		check_document(card);
		json_decref(card);
	}
	check_categories(bytes, size);
	return 0;
}
