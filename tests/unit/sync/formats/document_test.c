/* Kinds, names, the check of JSON, and the three-way merge. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "sync/formats/document.h"
#include "sync/mem.h"
#include "tests/unit/json_text.h"

static void test_kinds(void **state)
{
	const struct document_kind *contact = document_kind(KIND_CONTACT);

	(void)state;
	assert_non_null(contact);
	assert_string_equal(contact->suffix, ".vcf");
	assert_null(document_kind(KIND_MAIL));
	assert_null(document_kind((enum item_kind)99));
}

static void test_item_names(void **state)
{
	static const struct {
		enum item_kind kind;
		const char *name;
		bool item;
	} cases[] = {
		{ KIND_CONTACT, "anna.vcf", true },
		{ KIND_CONTACT, "a.b.vcf", true },
		{ KIND_CONTACT, ".anna.vcf", false },
		{ KIND_CONTACT, ".vcf", false },
		{ KIND_CONTACT, "anna.VCF", false },
		{ KIND_CONTACT, "anna.vcf~", false },
		{ KIND_CONTACT, "anna", false },
		{ KIND_CONTACT, "anna.ics", false },
		{ KIND_CONTACT, "", false },
		{ KIND_EVENT, "a.ics", true },
		{ KIND_TASK, "a.ics", true },
		{ KIND_MAIL, "a.eml", false }, /* not carried */
		{ (enum item_kind)99, "a.vcf", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(
			document_is_item_name(cases[i].kind, cases[i].name), cases[i].item);
}

static void test_file_names(void **state)
{
	static const struct {
		const char *title;
		unsigned int n;
		const char *name;
	} cases[] = {
		{ "Anna Berg", 0, "Anna Berg.vcf" },
		{ "Anna Berg", 1, "Anna Berg.vcf" },
		{ "Anna Berg", 2, "Anna Berg (2).vcf" },
		{ "AC/DC", 0, "AC-DC.vcf" },
		{ "../../etc/passwd", 0, "-..-etc-passwd.vcf" },
		{ " ..hidden", 0, "hidden.vcf" },
		{ "a\nb\tc\001\177d\302\205e", 0, "a b cde.vcf" },
		{ "end  ", 3, "end (3).vcf" },
		{ "...", 0, "contact.vcf" },
		{ "\001", 12, "contact (12).vcf" },
		{ "x.vcf", 0, "x.vcf.vcf" },
		{ "Zo\303\253 \345\261\261", 0, "Zo\303\253 \345\261\261.vcf" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		json_t *doc = json_pack("{s:{s:s}}", "name", "full", cases[i].title);
		char *name AUTOFREE = document_file_name(
			document_kind(KIND_CONTACT), doc, cases[i].n);

		assert_string_equal(name, cases[i].name);
		json_decref(doc);
	}
}

/* At most 255 bytes, whole characters, with every number. */
static void test_long_file_names(void **state)
{
	static const char *const characters[] = { "a", "\xc3\xbc", "\xe2\x82\xac",
		"\xf0\x9f\x98\x80" };
	static const unsigned int numbers[] = { 0, 2, 99, 4000000000U };

	(void)state;
	for (size_t c = 0; c < ARRAY_SIZE(characters); c++) {
		for (size_t n = 0; n < ARRAY_SIZE(numbers); n++) {
			struct buf title AUTOBUF = BUF_INIT(1 << 16);
			char *name AUTOFREE = NULL;
			json_t *doc;
			json_t *valid;

			for (int i = 0; i < 400; i++)
				buf_adds(&title, characters[c]);
			doc = json_pack("{s:{s:s}}", "name", "full", title.data);
			name = document_file_name(document_kind(KIND_CONTACT), doc, numbers[n]);
			assert_in_range(strlen(name), 252, 255);
			assert_true(document_is_item_name(KIND_CONTACT, name));
			valid = json_string(name);
			assert_non_null(valid);
			json_decref(valid);
			json_decref(doc);
		}
	}
}

struct merged {
	const char *base;
	const char *edited;
	const char *current;
	const char *want;
	const char *clashes;
};

#define G(v) "{\"kind\":\"given\",\"value\":\"" v "\"}"
#define S(v) "{\"kind\":\"surname\",\"value\":\"" v "\"}"
#define T(v) "{\"kind\":\"title\",\"value\":\"" v "\"}"

static const struct merged merges[] = {
	/* nobody, one side, the other side, both alike */
	{ "{\"a\":1}", "{\"a\":1}", "{\"a\":1}", "{\"a\":1}", "[]" },
	{ "{\"a\":1}", "{\"a\":2}", "{\"a\":1}", "{\"a\":2}", "[]" },
	{ "{\"a\":1}", "{\"a\":1}", "{\"a\":2}", "{\"a\":2}", "[]" },
	{ "{\"a\":1}", "{\"a\":2}", "{\"a\":2}", "{\"a\":2}", "[]" },
	{ "{\"a\":1,\"b\":1}", "{\"b\":1}", "{\"a\":1}", "{}", "[]" },
	/* different members of one object */
	{ "{\"o\":{\"x\":1,\"y\":1}}", "{\"o\":{\"x\":2,\"y\":1}}",
		"{\"o\":{\"x\":1,\"y\":2,\"z\":3}}", "{\"o\":{\"x\":2,\"y\":2,\"z\":3}}", "[]" },
	{ "{}", "{\"o\":{\"x\":1}}", "{\"o\":{\"y\":1}}", "{\"o\":{\"x\":1,\"y\":1}}", "[]" },
	/* the same place: the edit wins, the loser is reported */
	{ "{\"o\":{\"x\":1}}", "{\"o\":{\"x\":2}}", "{\"o\":{\"x\":3}}", "{\"o\":{\"x\":2}}",
		"[{\"path\":\"o/x\",\"base\":1,\"winner\":2,\"loser\":3}]" },
	{ "{\"a/b\":{\"~\":1}}", "{\"a/b\":{}}", "{\"a/b\":{\"~\":3}}", "{\"a/b\":{}}",
		"[{\"path\":\"a~1b/~0\",\"base\":1,\"winner\":null,\"loser\":3}]" },
	{ "{\"o\":{\"x\":1}}", "{\"o\":{\"x\":2}}", "{}", "{\"o\":{\"x\":2}}",
		"[{\"path\":\"o\",\"base\":{\"x\":1},\"winner\":{\"x\":2},\"loser\":null}]" },
	{ "{}", "{\"a\":1}", "{\"a\":2}", "{\"a\":1}",
		"[{\"path\":\"a\",\"base\":null,\"winner\":1,\"loser\":2}]" },
	/* components by kind */
	{ "{\"c\":[" G("Anna") "," S("Berg") "]}", "{\"c\":[" G("Anne") "," S("Berg") "]}",
		"{\"c\":[" T("Dr.") "," G("Anna") "," S("Stein") "]}",
		"{\"c\":[" G("Anne") "," S("Stein") "," T("Dr.") "]}", "[]" },
	{ "{\"c\":[" G("Anna") "," S("Berg") "]}", "{\"c\":[" S("Berg") "]}",
		"{\"c\":[" G("Anna") "," S("Stein") "]}", "{\"c\":[" S("Stein") "]}", "[]" },
	{ "{\"c\":[" G("A") "," G("B") "]}", "{\"c\":[" G("A") "," G("C") "]}",
		"{\"c\":[" G("D") "]}", "{\"c\":[" G("A") "," G("C") "]}",
		"[{\"path\":\"c/given\",\"base\":[" G("A") "," G("B") "],\"winner\":[" G("A") "," G(
			"C") "],\"loser\":[" G("D") "]}]" },
	{ "{\"c\":[" G("A") "]}", "{}", "{\"c\":[" G("A") "]}", "{}", "[]" },
	/* other lists, and values of different types, as a whole */
	{ "{\"l\":[1]}", "{\"l\":[1,2]}", "{\"l\":[3]}", "{\"l\":[1,2]}",
		"[{\"path\":\"l\",\"base\":[1],\"winner\":[1,2],\"loser\":[3]}]" },
	{ "{\"a\":1}", "{\"a\":{\"x\":1}}", "{\"a\":[1]}", "{\"a\":{\"x\":1}}",
		"[{\"path\":\"a\",\"base\":1,\"winner\":{\"x\":1},\"loser\":[1]}]" },
};

static void test_merge(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(merges); i++) {
		const struct merged *m = &merges[i];
		json_t *base = json_of(m->base);
		json_t *edited = json_of(m->edited);
		json_t *current = json_of(m->current);
		json_t *clashes = json_array();
		json_t *got = document_merge(base, edited, current, clashes);
		json_t *want = json_of(m->want);
		json_t *want_clashes = json_of(m->clashes);
		json_t *silent = document_merge(base, edited, current, NULL);

		if (!json_equal(got, want) || !json_equal(clashes, want_clashes))
			fail_msg("case %zu: %s, clashes %s", i, json_dumps(got, 0),
				json_dumps(clashes, 0));
		assert_true(json_equal(silent, want));
		json_decref(silent);
		json_decref(base);
		json_decref(edited);
		json_decref(current);
		json_decref(clashes);
		json_decref(got);
		json_decref(want);
		json_decref(want_clashes);
	}
}

/* The result shares nothing with its sources, and depth is no danger. */
static void test_merge_owns_its_result(void **state)
{
	json_t *base = json_of("{\"a\":{\"b\":1}}");
	json_t *edited = json_of("{\"a\":{\"b\":1},\"e\":{\"x\":1}}");
	json_t *current = json_of("{\"a\":{\"b\":1},\"c\":{\"x\":1}}");
	json_t *got = document_merge(base, edited, current, NULL);
	json_t *deep_a = json_integer(1);
	json_t *deep_b = json_integer(2);
	json_t *deep_c = json_integer(3);

	(void)state;
	json_object_set_new(json_object_get(got, "e"), "x", json_integer(2));
	json_object_set_new(json_object_get(got, "c"), "x", json_integer(2));
	assert_int_equal(json_integer_value(json_object_get(json_object_get(edited, "e"), "x")), 1);
	assert_int_equal(
		json_integer_value(json_object_get(json_object_get(current, "c"), "x")), 1);
	json_decref(got);
	json_decref(base);
	json_decref(edited);
	json_decref(current);

	for (int i = 0; i < 1000; i++) {
		deep_a = json_pack("{s:o}", "d", deep_a);
		deep_b = json_pack("{s:o}", "d", deep_b);
		deep_c = json_pack("{s:o}", "d", deep_c);
	}
	got = document_merge(deep_a, deep_b, deep_c, NULL);
	assert_true(json_equal(got, deep_b));
	json_decref(got);
	json_decref(deep_a);
	json_decref(deep_b);
	json_decref(deep_c);
}

static const char *const good_cards[] = {
	"{\"@type\":\"Card\",\"name\":{\"full\":\"A\"}}",
	"{\"@type\":\"Card\",\"organizations\":{\"a\":{\"name\":\"Corp\",\"units\":[{}]}},"
	"\"corp.example:x\":[1],\"anniversaries\":{\"a\":{\"date\":{\"year\":1980}}}}",
	"{\"@type\":\"Card\",\"emails\":{\"a\":{\"address\":\"x\",\"pref\":1,"
	"\"contexts\":{\"work\":true}}},\"vCardProps\":[[\"x\",{},\"text\",\"y\"]]}",
};

static void test_good_cards(void **state)
{
	const struct document_kind *contact = document_kind(KIND_CONTACT);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good_cards); i++) {
		json_t *doc = json_of(good_cards[i]);
		struct error err = ERROR_INIT;

		if (contact->check(doc, &err))
			fail_msg("%s: %s", good_cards[i], err.text);
		json_decref(doc);
	}
}

static const struct {
	const char *doc;
	const char *says;
} bad_cards[] = {
	{ "[]", "object" },
	{ "{}", "@type: must be \"Card\"" },
	{ "{\"@type\":\"Card\",\"uid\":\"u\"}", "name: " },
	{ "{\"@type\":\"Card\",\"uid\":5}", "uid: must be text" },
	{ "{\"@type\":\"Card\",\"name\":\"A\"}", "name: must be an object" },
	{ "{\"@type\":\"Card\",\"name\":{\"components\":{}}}",
		"name/components: must be an array" },
	{ "{\"@type\":\"Card\",\"name\":{\"components\":[{\"kind\":\"given\"},{\"value\":5}"
	  "]}}",
		"name/components/1/value: must be text" },
	{ "{\"@type\":\"Card\",\"phones\":\"1\"}", "phones: must be an object" },
	{ "{\"@type\":\"Card\",\"phones\":{\"a\":\"1\"}}", "phones/a: must be an object" },
	{ "{\"@type\":\"Card\",\"phones\":{\"a\":{\"number\":1}}}",
		"phones/a/number: must be text" },
	{ "{\"@type\":\"Card\",\"phones\":{\"a\":{\"features\":[\"fax\"]}}}",
		"phones/a/features: must be an object" },
	{ "{\"@type\":\"Card\",\"emails\":{\"a\":{\"contexts\":{\"work\":1}}}}",
		"emails/a/contexts/work: must be true" },
	{ "{\"@type\":\"Card\",\"emails\":{\"a\":{\"pref\":\"1\"}}}",
		"emails/a/pref: must be a whole number" },
	{ "{\"@type\":\"Card\",\"keywords\":[\"CRM\"]}", "keywords: must be an object" },
	{ "{\"@type\":\"Card\",\"addresses\":{\"Home\":{\"components\":[{\"value\":1}]}}}",
		"addresses/Home/components/0/value: must be text" },
	{ "{\"@type\":\"Card\",\"anniversaries\":{\"a\":{\"date\":\"1980-01-01\"}}}",
		"anniversaries/a/date: must be a PartialDate" },
	{ "{\"@type\":\"Card\",\"anniversaries\":{\"a\":{\"date\":{\"month\":13}}}}",
		"anniversaries/a/date: must be a PartialDate" },
	{ "{\"@type\":\"Card\",\"relatedTo\":{\"A\":{\"relation\":\"spouse\"}}}",
		"relatedTo/A/relation: must be an object" },
	{ "{\"@type\":\"Card\",\"vCardProps\":[[\"x\",\"y\"]]}", "vCardProps/0: must be" },
};

static void test_bad_cards(void **state)
{
	const struct document_kind *contact = document_kind(KIND_CONTACT);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad_cards); i++) {
		json_t *doc = json_of(bad_cards[i].doc);
		struct error err = ERROR_INIT;

		assert_int_equal(contact->check(doc, &err), ERR_INVALID);
		if (!strstr(err.text, bad_cards[i].says))
			fail_msg("%s: %s", bad_cards[i].doc, err.text);
		json_decref(doc);
	}
}

static void test_uid(void **state)
{
	json_t *doc = json_of("{\"uid\":\"u\"}");

	(void)state;
	assert_string_equal(document_uid(doc), "u");
	json_object_set_new(doc, "uid", json_integer(5));
	assert_null(document_uid(doc));
	json_decref(doc);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_item_names),
		cmocka_unit_test(test_file_names),
		cmocka_unit_test(test_long_file_names),
		cmocka_unit_test(test_merge),
		cmocka_unit_test(test_merge_owns_its_result),
		cmocka_unit_test(test_good_cards),
		cmocka_unit_test(test_bad_cards),
		cmocka_unit_test(test_uid),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
