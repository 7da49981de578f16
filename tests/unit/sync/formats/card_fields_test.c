/* Field types: every place of card.h is set, read, removed, and survives both vCard versions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "sync/formats/card.h"
#include "sync/formats/card_check.h"
#include "sync/formats/vcard.h"
#include "sync/mem.h"
#include "tests/unit/json_text.h"

struct row {
	const char *path;
	const struct field_type *type;
	const char *value; /* JSON */
};

#define EMAIL(n)                                                                                   \
	{                                                                                          \
		"emails/EmailAddress" #n "/address", &field_text, "\"" #n "@corp.example\""        \
	}
#define PHONE(slot)                                                                                \
	{                                                                                          \
		"phones/" slot "/number", &field_text, "\"+49 " slot "\""                          \
	}
#define IM(n)                                                                                      \
	{                                                                                          \
		"onlineServices/ImAddress" #n "/uri", &field_text, "\"im" #n "@corp.example\""     \
	}
#define TEXT(path)                                                                                 \
	{                                                                                          \
		path, &field_text, "\"Gr\\u00fc\\u00dfe, a;b \\\\ c\""                             \
	}
#define NAME(kind)                                                                                 \
	{                                                                                          \
		"name/components/" kind, &field_name_component, "\"" kind ", the; x\""             \
	}
#define ADDRESS(slot, kind)                                                                        \
	{                                                                                          \
		"addresses/" slot "/components/" kind, &field_address_component,                   \
			"\"" kind " 1;2,3\""                                                       \
	}
#define RELATED(who)                                                                               \
	{                                                                                          \
		"relatedTo/" who, &field_related, "\"Jo " who ", Esq.\""                           \
	}

static const struct row rows[] = {
	NAME("title"),
	NAME("given"),
	NAME("given2"),
	NAME("surname"),
	NAME("generation"),
	TEXT("name/full"),
	TEXT("tandemfs:fileAs"),
	TEXT("tandemfs:officeLocation"),
	{ "tandemfs:sensitivity", &field_text, "\"Private\"" },
	TEXT("organizations/CompanyName/name"),
	TEXT("organizations/CompanyName/units/0/name"),
	TEXT("titles/JobTitle/name"),
	TEXT("titles/Profession/name"),
	TEXT("nicknames/Nickname/name"),
	EMAIL(1),
	EMAIL(2),
	EMAIL(3),
	PHONE("AssistantPhone"),
	PHONE("BusinessFax"),
	PHONE("BusinessPhone"),
	PHONE("BusinessPhone2"),
	PHONE("Callback"),
	PHONE("CarPhone"),
	PHONE("CompanyMainPhone"),
	PHONE("HomeFax"),
	PHONE("HomePhone"),
	PHONE("HomePhone2"),
	PHONE("Isdn"),
	PHONE("MobilePhone"),
	PHONE("OtherFax"),
	PHONE("OtherTelephone"),
	PHONE("Pager"),
	PHONE("PrimaryPhone"),
	PHONE("RadioPhone"),
	PHONE("Telex"),
	PHONE("TtyTddPhone"),
	IM(1),
	IM(2),
	IM(3),
	{ "links/BusinessHomePage/uri", &field_text, "\"https://corp.example/a;b,c\"" },
	{ "notes/Body/note", &field_text, "\"one\\n\\ntwo\\n\"" },

	ADDRESS("Business", "name"),
	ADDRESS("Business", "locality"),
	ADDRESS("Business", "region"),
	ADDRESS("Business", "postcode"),
	ADDRESS("Business", "country"),

	ADDRESS("Home", "name"),
	ADDRESS("Home", "locality"),
	ADDRESS("Home", "region"),
	ADDRESS("Home", "postcode"),
	ADDRESS("Home", "country"),

	ADDRESS("Other", "name"),
	ADDRESS("Other", "locality"),
	ADDRESS("Other", "region"),
	ADDRESS("Other", "postcode"),
	ADDRESS("Other", "country"),

	{ "anniversaries/birth/date", &field_date, "\"1980-02-29\"" },
	{ "anniversaries/wedding/date", &field_date, "\"2001-12-31\"" },
	RELATED("spouse"),
	RELATED("manager"),
	RELATED("assistant"),
	{ "relatedTo/child", &field_related_list, "[\"Zoe\", \"Adam, jr.\"]" },
};

static struct field field_of(const struct row *row)
{
	return (struct field){ .name = row->path, .path = row->path, .type = row->type };
}

static void set(json_t *doc, const struct row *row)
{
	struct field field = field_of(row);
	json_t *value = json_of(row->value);
	struct error err = ERROR_INIT;

	if (row->type->set(doc, &field, NULL, value, &err))
		fail_msg("%s: %s", row->path, err.text);
	json_decref(value);
}

static void assert_has(const json_t *doc, const struct row *row, const char *when)
{
	struct field field = field_of(row);
	json_t *want = json_of(row->value);
	json_t *got = row->type->get(doc, &field);

	if (!got || !json_equal(got, want)) {
		char *shown = json_dumps(doc, JSON_INDENT(1));

		fail_msg("%s %s: not %s in %s", row->path, when, row->value, shown);
	}
	json_decref(got);
	json_decref(want);
}

static void assert_has_not(const json_t *doc, const struct row *row)
{
	struct field field = field_of(row);

	assert_null(row->type->get(doc, &field));
}

static json_t *through(const json_t *doc, enum vcard_version version)
{
	struct buf bytes AUTOBUF = BUF_INIT(1 << 20);
	struct error err = ERROR_INIT;
	json_t *card;

	assert_int_equal(vcard_render(doc, version, &bytes, &err), 0);
	if (vcard_parse(buf_str(&bytes), bytes.len, &card, &err))
		fail_msg("%s in\n%s", err.text, buf_str(&bytes));
	card_assign_slots(card, NULL);
	return card;
}

/* One value alone: set, read, through a file of each version, removed again. */
static void test_each_alone(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct field field = field_of(&rows[i]);
		json_t *empty = card_new();
		json_t *doc = card_new();
		json_t *back;

		assert_has_not(doc, &rows[i]);
		assert_int_equal(rows[i].type->set(doc, &field, NULL, NULL, NULL), 0);
		assert_true(json_equal(doc, empty));
		set(doc, &rows[i]);
		assert_has(doc, &rows[i], "set");
		back = through(doc, VCARD_40);
		assert_has(back, &rows[i], "through 4.0");
		json_decref(back);
		back = through(doc, VCARD_30);
		assert_has(back, &rows[i], "through 3.0");
		json_decref(back);
		assert_int_equal(rows[i].type->set(doc, &field, NULL, NULL, NULL), 0);
		if (!json_equal(doc, empty))
			fail_msg("%s leaves %s", rows[i].path, json_dumps(doc, 0));
		json_decref(empty);
		json_decref(doc);
	}
}

/* All values together; then each one taken away leaves all others where they are. */
static void test_all_and_each_missing(void **state)
{
	json_t *doc = card_new();
	struct error err = ERROR_INIT;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		set(doc, &rows[i]);
	if (card_check(doc, &err))
		fail_msg("%s", err.text);
	for (size_t out = 0; out <= ARRAY_SIZE(rows); out++) {
		json_t *less = json_deep_copy(doc);

		if (out < ARRAY_SIZE(rows)) {
			struct field field = field_of(&rows[out]);

			assert_int_equal(rows[out].type->set(less, &field, NULL, NULL, NULL), 0);
			assert_has_not(less, &rows[out]);
		}
		for (int version = VCARD_40; version <= VCARD_30; version++) {
			json_t *back = through(less, (enum vcard_version)version);

			for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
				if (i != out)
					assert_has(back, &rows[i],
						out < ARRAY_SIZE(rows) ? rows[out].path : "all");
			}
			json_decref(back);
		}
		json_decref(less);
	}
	json_decref(doc);
}

/* The same with any half of the values, chosen by the bits of a counter that is mixed. */
static void test_many_subsets(void **state)
{
	uint64_t mix = 88172645463325252ULL;

	(void)state;
	for (int round = 0; round < 150; round++) {
		json_t *doc = card_new();
		bool has[ARRAY_SIZE(rows)];
		json_t *back;

		for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
			mix ^= mix << 13;
			mix ^= mix >> 7;
			mix ^= mix << 17;
			has[i] = mix & 1;
			if (has[i])
				set(doc, &rows[i]);
		}
		back = through(doc, round % 2 ? VCARD_30 : VCARD_40);
		for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
			/* A name without FN gets one. */
			if (has[i])
				assert_has(back, &rows[i], "in a subset");
			else
				assert_has_not(back, &rows[i]);
		}
		json_decref(back);
		json_decref(doc);
	}
}

static void assert_json(const json_t *got, const char *want)
{
	json_t *expected = json_of(want);

	if (!json_equal(got, expected))
		fail_msg("got %s, want %s", json_dumps(got, JSON_ENCODE_ANY), want);
	json_decref(expected);
}

static int set_path(json_t *doc, const struct field_type *type, const char *path, const char *value,
	struct error *err)
{
	struct field field = { .name = path, .path = path, .type = type };
	json_t *json = value ? json_of(value) : NULL;
	int rc = type->set(doc, &field, NULL, json, err);

	json_decref(json);
	return rc;
}

static json_t *get_path(const json_t *doc, const struct field_type *type, const char *path)
{
	struct field field = { .name = path, .path = path, .type = type };

	/* cppcheck-suppress returnDanglingLifetime ; the value is doc's or new, never the field's */
	return type->get(doc, &field);
}

static void test_templates(void **state)
{
	json_t *doc = json_object();

	(void)state;
	set_path(doc, &field_text, "phones/MobilePhone/number", "\"1\"", NULL);
	set_path(doc, &field_text, "phones/BusinessFax/number", "\"2\"", NULL);
	set_path(doc, &field_text, "phones/AssistantPhone/number", "\"3\"", NULL);
	set_path(doc, &field_text, "titles/Profession/name", "\"Cook\"", NULL);
	assert_json(doc, "{\"phones\":{"
			 "\"MobilePhone\":{\"@type\":\"Phone\",\"number\":\"1\",\"features\":{"
			 "\"mobile\":true}},"
			 "\"BusinessFax\":{\"@type\":\"Phone\",\"number\":\"2\",\"contexts\":{"
			 "\"work\":true},"
			 "\"features\":{\"fax\":true}},"
			 "\"AssistantPhone\":{\"@type\":\"Phone\",\"number\":\"3\","
			 "\"vCardParams\":{\"type\":\"x-assistant\"}}},"
			 "\"titles\":{\"Profession\":{\"@type\":\"Title\",\"kind\":\"role\","
			 "\"name\":\"Cook\"}}}");
	json_decref(doc);
}

static void test_components_join_and_replace(void **state)
{
	json_t *doc = json_of("{\"name\":{\"components\":["
			      "{\"kind\":\"given\",\"value\":\"Anna\"},"
			      "{\"kind\":\"given2\",\"value\":\"Maria\"},"
			      "{\"kind\":\"given2\",\"value\":\"Sofie\"},"
			      "{\"kind\":\"surname\",\"value\":\"Berg\"}]},"
			      "\"addresses\":{\"Home\":{\"full\":\"old\",\"countryCode\":\"DE\","
			      "\"components\":[{\"kind\":\"number\",\"value\":\"54\"},"
			      "{\"kind\":\"name\",\"value\":\"Ringweg\"},"
			      "{\"kind\":\"country\",\"value\":\"Germany\"}]}}}");
	json_t *got = get_path(doc, &field_name_component, "name/components/given2");

	(void)state;
	assert_string_equal(json_string_value(got), "Maria Sofie");
	json_decref(got);
	got = get_path(doc, &field_address_component, "addresses/Home/components/name");
	assert_string_equal(json_string_value(got), "54 Ringweg");
	json_decref(got);

	set_path(doc, &field_name_component, "name/components/given2", "\"M.\"", NULL);
	set_path(doc, &field_name_component, "name/components/title", "\"Dr.\"", NULL);
	set_path(doc, &field_address_component, "addresses/Home/components/name", "\"A 1\"", NULL);
	assert_json(doc, "{\"name\":{\"components\":["
			 "{\"kind\":\"title\",\"value\":\"Dr.\"},"
			 "{\"kind\":\"given\",\"value\":\"Anna\"},"
			 "{\"kind\":\"given2\",\"value\":\"M.\"},"
			 "{\"kind\":\"surname\",\"value\":\"Berg\"}]},"
			 "\"addresses\":{\"Home\":{\"countryCode\":\"DE\",\"components\":["
			 "{\"kind\":\"name\",\"value\":\"A 1\"},"
			 "{\"kind\":\"country\",\"value\":\"Germany\"}]}}}");
	set_path(doc, &field_address_component, "addresses/Home/components/country", "\"France\"",
		NULL);
	assert_null(json_object_get(
		json_object_get(json_object_get(doc, "addresses"), "Home"), "countryCode"));
	json_decref(doc);
}

static void test_second_unit_keeps_its_place(void **state)
{
	json_t *doc = json_of("{\"organizations\":{\"CompanyName\":{\"name\":\"Corp\",\"units\":["
			      "{\"name\":\"Sales\"},{\"name\":\"South\"}]}}}");

	(void)state;
	set_path(doc, &field_text, "organizations/CompanyName/units/0/name", NULL, NULL);
	assert_null(get_path(doc, &field_text, "organizations/CompanyName/units/0/name"));
	set_path(doc, &field_text, "organizations/CompanyName/name", NULL, NULL);
	assert_json(doc, "{\"organizations\":{\"CompanyName\":{\"units\":["
			 "{\"name\":\"\"},{\"name\":\"South\"}]}}}");
	json_decref(doc);
}

static void test_dates(void **state)
{
	static const struct {
		const char *date;
		const char *got; /* NULL: stays out */
	} cases[] = {
		{ "{\"year\":1980,\"month\":2,\"day\":29}", "1980-02-29" },
		{ "{\"utc\":\"1980-02-03T00:00:00Z\"}", "1980-02-03" },
		{ "{\"year\":1981,\"month\":2,\"day\":29}", NULL },
		{ "{\"year\":1980,\"month\":2}", NULL },
		{ "{\"month\":2,\"day\":3}", NULL },
		{ "{\"year\":1980,\"month\":2,\"day\":3,\"calendarScale\":\"hebrew\"}", NULL },
		{ "\"1980-02-03\"", NULL },
	};
	static const char *const wrong[] = { "\"1981-02-29\"", "\"1980-2-3\"", "\"1980-02-03T00\"",
		"\"\"", "19800203", "\"0000-01-01\"" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		json_t *doc = json_pack(
			"{s:{s:{s:o}}}", "anniversaries", "birth", "date", json_of(cases[i].date));
		json_t *got = get_path(doc, &field_date, "anniversaries/birth/date");

		if (cases[i].got)
			assert_string_equal(json_string_value(got), cases[i].got);
		else
			assert_null(got);
		json_decref(got);
		json_decref(doc);
	}
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		json_t *doc = json_object();
		struct error err = ERROR_INIT;

		assert_int_equal(
			set_path(doc, &field_date, "anniversaries/birth/date", wrong[i], &err),
			ERR_INVALID);
		assert_non_null(strstr(err.text, "anniversaries/birth/date"));
		json_decref(doc);
	}
}

static void test_related_share_an_entry(void **state)
{
	json_t *doc = json_of("{\"relatedTo\":{\"urn:uuid:1\":{\"relation\":{\"spouse\":true}},"
			      "\"Jo\":{\"relation\":{\"spouse\":true,\"friend\":true}}}}");

	(void)state;
	set_path(doc, &field_related, "relatedTo/assistant", "\"Jo\"", NULL);
	set_path(doc, &field_related, "relatedTo/spouse", "\"Kim\"", NULL);
	assert_json(doc, "{\"relatedTo\":{\"urn:uuid:1\":{\"relation\":{\"spouse\":true}},"
			 "\"Jo\":{\"relation\":{\"friend\":true,\"assistant\":true}},"
			 "\"Kim\":{\"@type\":\"Relation\",\"relation\":{\"spouse\":true}}}}");
	set_path(doc, &field_related, "relatedTo/spouse", NULL, NULL);
	set_path(doc, &field_related_list, "relatedTo/child", "[\"B\",\"A\",\"Jo\"]", NULL);
	set_path(doc, &field_related_list, "relatedTo/child", "[\"Jo\",\"A\"]", NULL);
	{
		json_t *got = get_path(doc, &field_related_list, "relatedTo/child");

		assert_json(got, "[\"Jo\",\"A\"]");
		json_decref(got);
	}
	assert_json(json_object_get(json_object_get(doc, "relatedTo"), "urn:uuid:1"),
		"{\"relation\":{\"spouse\":true}}");
	json_decref(doc);
}

/* Getters meet anything and answer "absent". */
static const char odd[] =
	"{\"phones\":{\"MobilePhone\":\"1\"},\"name\":\"x\",\"keywords\":[\"a\"],"
	"\"relatedTo\":\"x\",\"addresses\":{\"Home\":{\"components\":[1,{\"kind\":2}]}},"
	"\"anniversaries\":{\"birth\":[]},\"emails\":5,\"organizations\":"
	"{\"CompanyName\":{\"name\":3,\"units\":{\"0\":1}}}}";

static void test_wrong_shapes(void **state)
{
	static const char *const docs[] = { "{}", "[]", "5", "null", "{\"phones\":[]}", odd };

	(void)state;
	for (size_t d = 0; d < ARRAY_SIZE(docs); d++) {
		json_t *doc = json_of(docs[d]);

		for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
			assert_has_not(doc, &rows[i]);
		if (json_is_object(doc)) {
			for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
				set(doc, &rows[i]);
				assert_has(doc, &rows[i], "over a wrong shape");
			}
		}
		json_decref(doc);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_alone),
		cmocka_unit_test(test_all_and_each_missing),
		cmocka_unit_test(test_many_subsets),
		cmocka_unit_test(test_templates),
		cmocka_unit_test(test_components_join_and_replace),
		cmocka_unit_test(test_second_unit_keeps_its_place),
		cmocka_unit_test(test_dates),
		cmocka_unit_test(test_related_share_an_entry),
		cmocka_unit_test(test_wrong_shapes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
