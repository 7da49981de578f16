/* The photo of a Card: which of its media it is, and what setting it leaves alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "sync/formats/card.h"
#include "sync/mem.h"
#include "tests/unit/json_text.h"

#define ABC    "data:image/png;base64,YWJj"
#define DIGEST "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
#define WEB    "{\"@type\":\"Media\",\"kind\":\"photo\",\"uri\":\"https://x.example/p.png\"}"
#define LOGO   "{\"@type\":\"Media\",\"kind\":\"logo\",\"uri\":\"data:,logo\"}"
#define PHOTO  "{\"@type\":\"Media\",\"kind\":\"photo\",\"uri\":\"" ABC "\"}"

static const struct field row = {
	.name = "Photo", .path = "media", .type = &field_photo, .apart = &card_photo_apart
};
static const struct field_table table = { &row, 1 };

static void what_a_photo_projects_to(void **state)
{
	static const struct {
		const char *doc;
		bool has;
	} rows[] = {
		{ "{}", false },
		{ "{\"media\":[]}", false },
		{ "{\"media\":{\"photo\":7}}", false },
		{ "{\"media\":{\"x-1\":" LOGO "}}", false },
		{ "{\"media\":{\"photo\":" WEB "}}", false },
		{ "{\"media\":{\"photo\":" PHOTO "}}", true },
		{ "{\"media\":{\"photo\":" WEB ",\"x-1\":" PHOTO "}}", true },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		json_t *doc = json_of(rows[i].doc), *projection, *whole;

		projection = field_project(&table, doc, NULL, NULL);
		whole = field_whole(&table, doc, "Photo");
		assert_int_equal(json_object_size(projection), rows[i].has);
		assert_int_equal(whole != NULL, rows[i].has);
		if (rows[i].has) {
			assert_string_equal(json_string_value(whole), ABC);
			assert_string_equal(
				json_string_value(json_object_get(projection, "Photo")), DIGEST);
		}
		json_decref(whole);
		json_decref(projection);
		json_decref(doc);
	}
}

static void what_setting_one_changes(void **state)
{
	static const struct {
		const char *doc, *value, *after; /* value NULL: removed */
	} rows[] = {
		{ "{}", ABC, "{\"media\":{\"photo\":" PHOTO "}}" },
		{ "{\"media\":{\"photo\":" PHOTO "}}", NULL, "{}" },
		{ "{}", NULL, "{}" },
		/* a photo on the web is nobody else's */
		{ "{\"media\":{\"photo\":" WEB "}}", ABC,
			"{\"media\":{\"photo\":" WEB ",\"x-1\":" PHOTO "}}" },
		{ "{\"media\":{\"photo\":" WEB ",\"x-1\":" PHOTO "}}", NULL,
			"{\"media\":{\"photo\":" WEB "}}" },
		{ "{\"media\":{\"photo\":" WEB "}}", NULL, "{\"media\":{\"photo\":" WEB "}}" },
		{ "{\"media\":{\"x-1\":" LOGO "}}", ABC,
			"{\"media\":{\"x-1\":" LOGO ",\"photo\":" PHOTO "}}" },
		/* what is said of it besides stays; the type is the URI's now */
		{ "{\"media\":{\"photo\":{\"@type\":\"Media\",\"kind\":\"photo\",\"label\":\"l\","
		  "\"mediaType\":\"image/gif\",\"uri\":\"data:,old\"}}}",
			ABC,
			"{\"media\":{\"photo\":{\"@type\":\"Media\",\"kind\":\"photo\",\"label\":"
			"\"l\",\"uri\":\"" ABC "\"}}}" },
		/* the same bytes: nothing changes */
		{ "{\"media\":{\"photo\":" PHOTO "}}", "data:image/jpeg;base64,YW\nJj",
			"{\"media\":{\"photo\":" PHOTO "}}" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		json_t *doc = json_of(rows[i].doc), *after = json_of(rows[i].after);
		json_t *value = rows[i].value ? json_string(rows[i].value) : NULL;
		struct error err = ERROR_INIT;

		assert_int_equal(field_apply(&table, doc, "Photo", value, &err), 0);
		if (!json_equal(doc, after))
			fail_msg("row %zu: %s", i, json_dumps(doc, 0));
		json_decref(value);
		json_decref(after);
		json_decref(doc);
	}
}

static void what_is_no_photo_is_refused(void **state)
{
	json_t *doc = json_object(), *web = json_string("https://x.example/p.png");
	struct error err = ERROR_INIT;

	(void)state;
	assert_int_equal(field_apply(&table, doc, "Photo", web, &err), ERR_INVALID);
	assert_int_equal(json_object_size(doc), 0);
	json_decref(web);
	json_decref(doc);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_a_photo_projects_to),
		cmocka_unit_test(what_setting_one_changes),
		cmocka_unit_test(what_is_no_photo_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
