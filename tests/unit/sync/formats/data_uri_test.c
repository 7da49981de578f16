/* data: URIs: what they hold, and what stands for them.  Digests are those of sha256sum(1). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "sync/formats/data_uri.h"
#include "sync/mem.h"

#define ABC "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

static void the_bytes_are_read(void **state)
{
	static const struct {
		const char *uri, *type, *bytes; /* bytes NULL: refused */
	} rows[] = {
		{ "data:image/png;base64,YWJj", "image/png", "abc" },
		{ "DATA:image/PNG;charset=x;BASE64,YWJj", "image/PNG", "abc" },
		{ "data:;base64,YWI=", NULL, "ab" },
		{ "data:;base64,YQ==", NULL, "a" },
		{ "data:image/png;base64,YW\r\n Jj", "image/png", "abc" },
		{ "data:image/png;base64,", "image/png", "" },
		{ "data:,abc", NULL, "abc" },
		{ "data:text/plain,a%62%63", "text/plain", "abc" },
		{ "data:,a%6", NULL, NULL },
		{ "data:,a%zz", NULL, NULL },
		{ "data:image/png;base64,YWJ", NULL, NULL },
		{ "data:image/png;base64,YW!j", NULL, NULL },
		{ "data:image/png;base64", NULL, NULL },
		{ "https://x.example/a,b", NULL, NULL },
		{ "", NULL, NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct buf bytes AUTOBUF = BUF_INIT(1000);
		char *type AUTOFREE = NULL;

		assert_int_equal(data_uri_read(rows[i].uri, &type, &bytes), rows[i].bytes != NULL);
		if (!rows[i].bytes)
			continue;
		assert_string_equal(buf_str(&bytes), rows[i].bytes);
		assert_string_equal(type ? type : "", rows[i].type ? rows[i].type : "");
	}
}

static void a_limit_is_kept(void **state)
{
	struct buf bytes AUTOBUF = BUF_INIT(2);

	(void)state;
	assert_false(data_uri_read("data:,abc", NULL, &bytes));
	assert_true(bytes.failed);
}

static void equal_bytes_have_one_digest(void **state)
{
	static const char *const same[] = { "data:,abc", "data:image/png;base64,YWJj",
		"data:image/jpeg;base64,YW\nJj" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(same); i++) {
		char *digest AUTOFREE = data_uri_digest(same[i]);

		assert_string_equal(digest, ABC);
	}
	assert_null(data_uri_digest("data:image/png;base64,!"));
	assert_null(data_uri_digest("https://x.example/photo.png"));
}

static void the_first_bytes_name_the_type(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
		const char *named, *uri;
	} rows[] = {
		{ "\xff\xd8\xff", 3, NULL, "data:image/jpeg;base64,/9j/" },
		{ "\xff\xd8\xff", 3, "image/png", "data:image/jpeg;base64,/9j/" },
		{ "\x89PNG\r\n\x1a\n", 8, "image/jpeg", "data:image/png;base64,iVBORw0KGgo=" },
		{ "RIFF\0\0\0\0WEBP", 12, NULL, "data:image/webp;base64,UklGRgAAAABXRUJQ" },
		{ "abc", 3, "image/x-own", "data:image/x-own;base64,YWJj" },
		{ "abc", 3, NULL, "data:application/octet-stream;base64,YWJj" },
		{ "", 0, NULL, "data:application/octet-stream;base64," },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char *uri AUTOFREE = data_uri_make(rows[i].named, rows[i].bytes, rows[i].len);

		assert_string_equal(uri, rows[i].uri);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_bytes_are_read),
		cmocka_unit_test(a_limit_is_kept),
		cmocka_unit_test(equal_bytes_have_one_digest),
		cmocka_unit_test(the_first_bytes_name_the_type),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
