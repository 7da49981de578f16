/* Reads vCard files as the gateway does and says what became of each; see test_corpus_vcf.py.
 *
 *	vcard_corpus FILE...
 *
 * Each file is read as it is, with LF and with CRLF.  One line a reading, separated by tabs:
 * file, line ends (asis, lf, crlf), verdict, reason.  Verdicts:
 *
 *	taken    parsed, and a second write of what was read back changes nothing, in 4.0 and 3.0
 *	refused  not parsed; the reason says where and why
 *	unstable taken, but the second write differed (a bug)
 *	lossy    taken, but what was read back from our own 4.0 is another card (a bug)
 *	silent   refused without a reason (a bug) */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sync/formats/card.h"
#include "sync/formats/vcard.h"
#include "sync/mem.h"

#define MAX_BYTES ((size_t)64 << 20)

static int read_file(const char *path, struct buf *out)
{
	char chunk[65536];
	FILE *f = fopen(path, "rb");
	size_t n;

	if (!f) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		return -1;
	}
	while ((n = fread(chunk, 1, sizeof(chunk), f)) > 0)
		buf_add(out, chunk, n);
	fclose(f);
	return 0;
}

/* All line ends (CRLF, LF, lone CR) made `eol`. */
static void with_eol(const struct buf *in, const char *eol, struct buf *out)
{
	for (size_t i = 0; i < in->len; i++) {
		if (in->data[i] == '\r' && i + 1 < in->len && in->data[i + 1] == '\n')
			continue;
		if (in->data[i] == '\n' || in->data[i] == '\r')
			buf_adds(out, eol);
		else
			buf_addc(out, in->data[i]);
	}
}

static json_t *parse(const struct buf *bytes, bool slots, struct error *err)
{
	json_t *card = NULL;

	if (vcard_parse(buf_str(bytes), bytes->len, &card, err))
		return NULL;
	if (slots)
		card_assign_slots(card, NULL);
	return card;
}

/* NULL or the verdict on a card that was taken. */
static const char *judge(json_t *card, enum vcard_version version, bool slots, struct error *err)
{
	struct buf first AUTOBUF = BUF_INIT(MAX_BYTES);
	struct buf second AUTOBUF = BUF_INIT(MAX_BYTES);
	const char *verdict = NULL;
	json_t *again = NULL;

	if (vcard_render(card, version, &first, err))
		return "unstable";
	again = parse(&first, slots, err);
	if (!again || vcard_render(again, version, &second, err))
		verdict = "unstable";
	else if (first.len != second.len || memcmp(first.data, second.data, first.len) != 0)
		verdict = "unstable";
	else if (slots && version == VCARD_40 && !json_equal(card, again))
		verdict = "lossy";
	if (verdict && getenv("VCARD_CORPUS_SHOW"))
		fprintf(stderr, "%s%s", buf_str(&first), buf_str(&second));
	json_decref(again);
	return verdict;
}

static void judge_bytes(const char *path, const char *eol, const struct buf *bytes)
{
	struct error err = ERROR_INIT;
	const char *verdict = "taken";

	for (int slots = 0; slots < 2; slots++) {
		json_t *card = parse(bytes, slots, &err);
		const char *bad = NULL;

		if (!card) {
			verdict = err.text[0] ? "refused" : "silent";
			break;
		}
		bad = judge(card, VCARD_40, slots, &err);
		if (!bad)
			bad = judge(card, VCARD_30, slots, &err);
		json_decref(card);
		if (bad) {
			verdict = bad;
			break;
		}
	}
	printf("%s\t%s\t%s\t%s\n", path, eol, verdict, err.text);
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		struct buf bytes AUTOBUF = BUF_INIT(MAX_BYTES);
		struct buf lf AUTOBUF = BUF_INIT(MAX_BYTES);
		struct buf crlf AUTOBUF = BUF_INIT(MAX_BYTES);

		if (read_file(argv[i], &bytes))
			return 1;
		with_eol(&bytes, "\n", &lf);
		with_eol(&bytes, "\r\n", &crlf);
		judge_bytes(argv[i], "asis", &bytes);
		judge_bytes(argv[i], "lf", &lf);
		judge_bytes(argv[i], "crlf", &crlf);
	}
	return 0;
}
