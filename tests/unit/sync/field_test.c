/* Projection and application of a field table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "sync/field.h"
#include "sync/formats/card.h"
#include "sync/mem.h"
#include "tests/unit/json_text.h"

static const struct field rows[] = {
	{ .name = "FullName",
		.path = "name/full",
		.type = &field_text,
		.flags = FIELD_NAMING,
		.max_chars = 10 },
	{ .name = "JobTitle", .path = "titles/JobTitle/name", .type = &field_text, .max_chars = 6 },
	{ .name = "Children",
		.path = "relatedTo/child",
		.type = &field_related_list,
		.max_chars = 3 },
	{ .name = "Secret",
		.path = "notes/Body/note",
		.type = &field_text,
		.flags = FIELD_NO_ACCESS },
	{ .name = "Categories",
		.path = "keywords",
		.type = &field_keywords,
		.flags = FIELD_PER_KEY },
	{ .name = "Mobile", .path = "phones/MobilePhone/number", .type = &field_text },
};

static const struct field_table table = { rows, ARRAY_SIZE(rows) };

/* Frees got; want is JSON. */
static void assert_json(json_t *got, const char *want)
{
	json_t *expected = json_of(want);

	if (!json_equal(got, expected)) {
		char *shown = json_dumps(got, JSON_ENCODE_ANY | JSON_COMPACT);

		fail_msg("got %s, want %s", shown, want);
	}
	json_decref(expected);
	json_decref(got);
}

/* A map of people, each with a role. */
static json_t *people_get(const json_t *doc, const struct field *field)
{
	return json_incref(json_object_get(doc, field->path));
}

static int people_set(json_t *doc, const struct field *field, const char *key, const json_t *value,
	struct error *err)
{
	(void)err;
	if (!json_object_get(doc, field->path))
		json_object_set_new(doc, field->path, json_object());
	if (value)
		json_object_set(json_object_get(doc, field->path), key, (json_t *)value);
	else
		json_object_del(json_object_get(doc, field->path), key);
	return 0;
}

static void test_keys_with_values(void **state)
{
	static const struct field_type people = { .get = people_get, .set = people_set };
	static const struct field map[] = { { .name = "People",
		.path = "people",
		.type = &people,
		.flags = FIELD_PER_KEY | FIELD_VALUES } };
	static const struct field_table map_table = { map, 1 };
	json_t *doc = json_of("{\"people\": {\"a@x\": {\"role\": \"chair\"}, \"b@x\": \"guest\"}}");
	json_t *value = json_of("{\"role\": \"guest\"}");

	(void)state;
	assert_json(field_project(&map_table, doc, NULL, NULL),
		"{\"People/a@x\": {\"role\": \"chair\"}, \"People/b@x\": \"guest\"}");
	assert_int_equal(field_apply(&map_table, doc, "People/a@x", value, NULL), 0);
	assert_int_equal(field_apply(&map_table, doc, "People/b@x", NULL, NULL), 0);
	assert_int_equal(field_apply(&map_table, doc, "People/c@x", value, NULL), 0);
	assert_json(field_project(&map_table, doc, NULL, NULL),
		"{\"People/a@x\": {\"role\": \"guest\"}, \"People/c@x\": {\"role\": \"guest\"}}");
	assert_int_equal(field_apply(&map_table, doc, "People/", value, NULL), ERR_INVALID);
	json_decref(value);
	json_decref(doc);
}

static void test_find(void **state)
{
	(void)state;
	assert_ptr_equal(field_find(&table, "JobTitle"), &rows[1]);
	assert_ptr_equal(field_find(&table, "Categories/CRM/a"), &rows[4]);
	assert_null(field_find(&table, "JobTitle/x"));
	assert_null(field_find(&table, "Nothing"));
}

static void test_names_stand_in_the_order_of_the_rows(void **state)
{
	json_t *fields = json_of("{\"@cut\": [], \"Categories/A\": true, \"Categories/B\": true, "
				 "\"Children\": [], \"FullName\": \"x\", \"Mobile\": \"1\"}");

	(void)state;
	assert_json(field_names(&table, fields),
		"[\"FullName\", \"Children\", \"Categories/A\", \"Categories/B\", \"Mobile\", "
		"\"@cut\"]");
	json_decref(fields);
}

static void test_project(void **state)
{
	json_t *doc = json_of(
		"{\"name\":{\"full\":\"Anna\"}, \"keywords\":{\"CRM\":true, \"a/b\":true},"
		"\"notes\":{\"Body\":{\"note\":\"hidden\"}},"
		"\"phones\":{\"MobilePhone\":{\"number\":\"\"}}}");

	(void)state;
	/* Empty values and fields that we may not read are absent. */
	assert_json(field_project(&table, doc, NULL, NULL),
		"{\"FullName\":\"Anna\", \"Categories/CRM\":true, \"Categories/a/b\":true}");
	json_decref(doc);
}

static void test_cut_counts_utf16(void **state)
{
	/* Four letters, then a character of two UTF-16 units that would end at the seventh. */
	json_t *doc = json_of("{\"titles\":{\"JobTitle\":{\"name\":\"abcde\\ud83d\\ude00f\"}},"
			      "\"relatedTo\":{\"Anna\":{\"relation\":{\"child\":true}}}}");
	json_t *cut = json_array();

	(void)state;
	assert_json(field_project(&table, doc, cut, NULL),
		"{\"JobTitle\":\"abcde\", \"Children\":[\"Ann\"]}");
	assert_json(cut, "[\"JobTitle\", \"Children\"]");
	json_decref(doc);
}

static void test_long_name_fails(void **state)
{
	json_t *doc = json_of("{\"name\":{\"full\":\"Anna Maria Berg\"}}");
	struct error err = ERROR_INIT;

	(void)state;
	assert_null(field_project(&table, doc, NULL, &err));
	assert_int_equal(err.code, ERR_TOO_BIG);
	assert_non_null(strstr(err.text, "FullName"));
	assert_non_null(strstr(err.text, "15"));
	assert_non_null(strstr(err.text, "10"));
	json_decref(doc);
}

static void apply(json_t *doc, const char *name, const char *value)
{
	json_t *json = value ? json_of(value) : NULL;

	assert_int_equal(field_apply(&table, doc, name, json, NULL), 0);
	json_decref(json);
}

static void test_apply(void **state)
{
	json_t *doc = json_of("{}");

	(void)state;
	apply(doc, "Mobile", "\"1\"");
	apply(doc, "Categories/a/b", "true");
	assert_json(json_deep_copy(doc),
		"{\"phones\":{\"MobilePhone\":{\"@type\":\"Phone\", \"number\":\"1\","
		"\"features\":{\"mobile\":true}}}, \"keywords\":{\"a/b\":true}}");
	apply(doc, "Mobile", "null");
	apply(doc, "Categories/a/b", NULL);
	assert_json(doc, "{}");
}

/* What the remote cut comes back and is no change: the original stays whole. */
static void test_apply_same_changes_nothing(void **state)
{
	json_t *doc = json_of("{\"titles\":{\"JobTitle\":{\"name\":\"Key Account\", \"x\":1}}}");
	json_t *before = json_deep_copy(doc);

	(void)state;
	apply(doc, "JobTitle", "\"Key Ac\"");
	assert_true(json_equal(doc, before));
	apply(doc, "Mobile", "null");
	apply(doc, "Mobile", "\"\"");
	assert_true(json_equal(doc, before));
	apply(doc, "JobTitle", "\"CEO\"");
	assert_json(json_incref(doc), "{\"titles\":{\"JobTitle\":{\"name\":\"CEO\", \"x\":1}}}");
	json_decref(before);
	json_decref(doc);
}

static void test_apply_errors(void **state)
{
	static const struct {
		const char *name;
		const char *value;
		const char *says;
	} cases[] = {
		{ "Nothing", "\"x\"", "Nothing" },
		{ "Mobile", "5", "Mobile" },
		{ "Children", "\"Anna\"", "Children" },
		{ "Categories", "true", "Categories" },
		{ "Categories/a", "\"yes\"", "Categories/a" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		json_t *doc = json_of("{}");
		json_t *value = json_of(cases[i].value);
		struct error err = ERROR_INIT;

		assert_int_not_equal(field_apply(&table, doc, cases[i].name, value, &err), 0);
		assert_non_null(strstr(err.text, cases[i].says));
		assert_json(doc, "{}");
		json_decref(value);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_find),
		cmocka_unit_test(test_keys_with_values),
		cmocka_unit_test(test_names_stand_in_the_order_of_the_rows),
		cmocka_unit_test(test_project),
		cmocka_unit_test(test_cut_counts_utf16),
		cmocka_unit_test(test_long_name_fails),
		cmocka_unit_test(test_apply),
		cmocka_unit_test(test_apply_same_changes_nothing),
		cmocka_unit_test(test_apply_errors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
