/* Ids, stamps and escapes of Salesforce. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "crm/private.h"
#include "sync/mem.h"

static void ids(void **state)
{
	static const struct {
		const char *id;
		bool good;
	} rows[] = {
		{ "003000000000001", true },
		{ "003000000000001AAA", true },
		{ "00300000000000", false },
		{ "0030000000000011", false },
		{ "003000000000001AAAA", false },
		{ "00300000000000/", false },
		{ "../../../../sobj", false },
		{ "003000000000001AA'", false },
		{ "003000000000001A\xc3\xa4", false },
		{ "", false },
		{ NULL, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_int_equal(salesforce_is_id(rows[i].id), rows[i].good);
}

static void an_id_has_one_form(void **state)
{
	/* As the REST API Developer Guide has them. */
	char *longer = salesforce_record_id("001D000000IqhSL");
	char *same = salesforce_record_id("001D000000IqhSLIAZ");

	(void)state;
	assert_string_equal(longer, "001D000000IqhSLIAZ");
	assert_string_equal(same, "001D000000IqhSLIAZ");
	assert_null(salesforce_record_id("nonsense"));
	assert_null(salesforce_record_id(NULL));
	free(longer);
	free(same);
}

static void quoting(void **state)
{
	struct buf out AUTOBUF = BUF_INIT(1000);

	(void)state;
	salesforce_add_quoted(&out, "o'brien\\\"x\n@a.example");
	assert_string_equal(buf_str(&out), "'o\\'brien\\\\\\\"x @a.example'");
	buf_reset(&out);
	salesforce_add_encoded(&out, "a+b &%=\xc3\xa4~");
	assert_string_equal(buf_str(&out), "a%2Bb%20%26%25%3D%C3%A4~");
}

static void stamps(void **state)
{
	static const struct {
		const char *text;
		int64_t ms;
	} good[] = {
		{ "1970-01-01T00:00:00.000+0000", 0 },
		{ "1994-11-06T08:49:37.000+0000", 784111777000 },
		{ "1994-11-06T08:49:37Z", 784111777000 },
		{ "1994-11-06T09:49:37.25+01:00", 784111777250 },
		{ "1994-11-06T08:49:37.1234567Z", 784111777123 },
		{ "2000-02-29T00:00:00Z", 951782400000 },
	};
	static const char *const bad[] = { "", "1994-11-06", "1994-11-06T08:49:37",
		"1994-11-06 08:49:37Z", "1994-13-06T08:49:37Z", "1994-11-06T24:49:37Z",
		"1994-11-06T08:49:37+1", "x", "1994-11-06T08:49:37Z'" };
	char text[40];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		int64_t ms = -1;

		assert_true(salesforce_parse_stamp(good[i].text, &ms));
		assert_int_equal(ms, good[i].ms);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_false(salesforce_parse_stamp(bad[i], &(int64_t){ 0 }));
	salesforce_format_stamp(784111777, text);
	assert_string_equal(text, "1994-11-06T08:49:37Z");
	salesforce_format_http_date(784111777, text); /* the example of RFC 9110, 5.6.7 */
	assert_string_equal(text, "Sun, 06 Nov 1994 08:49:37 GMT");
}

static void folding(void **state)
{
	char *folded = salesforce_fold(" \tAnna.\xc3\x84@Corp.EXAMPLE\n ");

	(void)state;
	assert_string_equal(folded, "anna.\xc3\x84@corp.example");
	free(folded);
}

static void cursors(void **state)
{
	static const char *const bad[] = { "", "x", "[]", "{\"since\":\"yesterday\"}" };
	struct salesforce_cursor cursor;
	struct error err = ERROR_INIT;
	char *text;

	(void)state;
	assert_int_equal(salesforce_cursor_parse(&cursor, NULL, &err), 0);
	assert_null(cursor.since);
	text = salesforce_cursor_text(&cursor);
	assert_string_equal(text, "{}");
	free(text);
	cursor.since = xstrdup("1994-11-06T08:49:37.000+0000");
	cursor.locator = xstrdup("/services/data/v66.0/query/01g-2000");
	text = salesforce_cursor_text(&cursor);
	salesforce_cursor_clear(&cursor);
	assert_int_equal(salesforce_cursor_parse(&cursor, text, &err), 0);
	assert_string_equal(cursor.since, "1994-11-06T08:49:37.000+0000");
	assert_string_equal(cursor.locator, "/services/data/v66.0/query/01g-2000");
	assert_null(cursor.greatest);
	salesforce_cursor_clear(&cursor);
	free(text);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(salesforce_cursor_parse(&cursor, bad[i], &err), ERR_CURSOR);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ids),
		cmocka_unit_test(an_id_has_one_form),
		cmocka_unit_test(quoting),
		cmocka_unit_test(stamps),
		cmocka_unit_test(folding),
		cmocka_unit_test(cursors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
