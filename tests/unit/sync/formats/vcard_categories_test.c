/* Setting categories changes the CATEGORIES lines and no other byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "sync/formats/vcard.h"
#include "sync/mem.h"

struct edit {
	const char *before;
	const char *names; /* JSON */
	const char *after;
};

#define ODD "X-odd ;a=\"b\":  kept \\x\n  as it\n\n"
#define LONG                                                                                       \
	"\"1234567890\",\"1234567890 1234567890 1234567890 1234567890 1234567890 \\u00e4\\u00f6\""

static const struct edit edits[] = {
	/* none before: goes before END, with the line end of the file */
	{ "BEGIN:VCARD\nFN:A\n" ODD "END:VCARD\n", "[\"CRM\"]",
		"BEGIN:VCARD\nFN:A\n" ODD "CATEGORIES:CRM\nEND:VCARD\n" },
	{ "begin:vcard\r\nfn:A\r\nend:vcard", "[\"a,b\",\"c;d\\\\\"]",
		"begin:vcard\r\nfn:A\r\nCATEGORIES:a\\,b,c\\;d\\\\\r\nend:vcard" },
	{ "BEGIN:VCARD\rFN:A\rEND:VCARD\r", "[\"CRM\"]",
		"BEGIN:VCARD\rFN:A\rCATEGORIES:CRM\rEND:VCARD\r" },
	/* replaced where it stands; folded and further ones go */
	{ "\xef\xbb\xbf"
	  "BEGIN:VCARD\nFN:A\nCATEGORIES:old,\n  older\n" ODD
	  "categories:more\nTEL:1\nEND:VCARD\n\n",
		"[\"CRM\",\"old\"]",
		"\xef\xbb\xbf"
		"BEGIN:VCARD\nFN:A\nCATEGORIES:CRM,old\n" ODD "TEL:1\nEND:VCARD\n\n" },
	{ "BEGIN:VCARD\nFN:A\ng.CATEGORIES;X=y:old\r\nEND:VCARD\n", "[\"n\"]",
		"BEGIN:VCARD\nFN:A\ng.CATEGORIES:n\r\nEND:VCARD\n" },
	/* removed */
	{ "BEGIN:VCARD\nFN:A\nCATEGORIES:old\n b\nTEL:1\nCATEGORIES:c\nEND:VCARD\n", "[]",
		"BEGIN:VCARD\nFN:A\nTEL:1\nEND:VCARD\n" },
	/* the same ones already: nothing at all changes */
	{ "BEGIN:VCARD\nFN:A\nCATEGORIES: b ,a\nCATEGORIES:a\nEND:VCARD\n", "[\"a\",\"b\"]",
		"BEGIN:VCARD\nFN:A\nCATEGORIES: b ,a\nCATEGORIES:a\nEND:VCARD\n" },
	{ "BEGIN:VCARD\nFN:A\nEND:VCARD\n", "[]", "BEGIN:VCARD\nFN:A\nEND:VCARD\n" },
	/* long ones are folded, at a character */
	{ "BEGIN:VCARD\nFN:A\nEND:VCARD\n", "[" LONG "]",
		"BEGIN:VCARD\nFN:A\n"
		"CATEGORIES:1234567890,1234567890 1234567890 1234567890 1234567890 123456789\n"
		" 0 \xc3\xa4\xc3\xb6\nEND:VCARD\n" },
	/* 2.1: with a charset, and beside soft breaks and raw bytes of another one */
	{ "BEGIN:VCARD\nVERSION:2.1\nN;QUOTED-PRINTABLE:M=FC=\nCATEGORIES:x\nNOTE;CHARSET=latin1:"
	  "\xfc\n"
	  "END:VCARD\n",
		"[\"Gr\\u00fcn=,\"]",
		"BEGIN:VCARD\nVERSION:2.1\nN;QUOTED-PRINTABLE:M=FC=\nCATEGORIES:x\n"
		"NOTE;CHARSET=latin1:\xfc\n"
		"CATEGORIES;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:Gr=C3=BCn=3D\\,\nEND:VCARD\n" },
	{ "BEGIN:VCARD\nVERSION:2.1\nN:a\nCATEGORIES;QUOTED-PRINTABLE:o=\nld\nEND:VCARD\n",
		"[\"CRM\",\"a\"]", "BEGIN:VCARD\nVERSION:2.1\nN:a\nCATEGORIES:CRM,a\nEND:VCARD\n" },
	/* those of an inner card are not ours */
	{ "BEGIN:VCARD\nVERSION:2.1\nN:a\nAGENT:\nBEGIN:VCARD\nCATEGORIES:in\nEND:VCARD\nEND:"
	  "VCARD\n",
		"[\"out\"]",
		"BEGIN:VCARD\nVERSION:2.1\nN:a\nAGENT:\nBEGIN:VCARD\nCATEGORIES:in\nEND:VCARD\n"
		"CATEGORIES:out\nEND:VCARD\n" },
};

static void test_edits(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(edits); i++) {
		struct buf out AUTOBUF = BUF_INIT(1 << 20);
		json_t *names = json_loads(edits[i].names, 0, NULL);
		struct error err = ERROR_INIT;

		if (vcard_set_categories(
			    edits[i].before, strlen(edits[i].before), names, &out, &err))
			fail_msg("%s: %s", edits[i].before, err.text);
		assert_string_equal(buf_str(&out), edits[i].after);
		json_decref(names);
	}
}

static void test_errors(void **state)
{
	static const struct {
		const char *bytes;
		const char *names;
		const char *says;
	} cases[] = {
		{ "BEGIN:VCARD\nTEL\nEND:VCARD\n", "[\"a\"]", "line 2: TEL: no colon" },
		{ "BEGIN:VCARD\nFN:A\nEND:VCARD\n", "[\" \"]", "category 1" },
		{ "BEGIN:VCARD\nFN:A\nEND:VCARD\n", "[\"a\",\"b\\nc\"]", "category 2" },
		{ "BEGIN:VCARD\nFN:A\nEND:VCARD\n", "[5]", "category 1" },
		{ "BEGIN:VCARD\nFN:A\nEND:VCARD\n", "{}", "list" },
		{ "BEGIN:VCARD\nVERSION:2.1\nN:A\nEND:VCARD\n", "[\"a\\\\\",\"b\"]", "cannot" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct buf out AUTOBUF = BUF_INIT(1 << 20);
		json_t *names = json_loads(cases[i].names, 0, NULL);
		struct error err = ERROR_INIT;

		assert_int_equal(vcard_set_categories(
					 cases[i].bytes, strlen(cases[i].bytes), names, &out, &err),
			ERR_INVALID);
		assert_non_null(strstr(err.text, cases[i].says));
		json_decref(names);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_edits),
		cmocka_unit_test(test_errors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
