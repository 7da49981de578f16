/* Exports of many items, taken apart and put together again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "fs/ctl_split.h"
#include "sync/mem.h"

#define BERLIN                                                                                     \
	"BEGIN:VTIMEZONE\r\nTZID:Europe/Berlin\r\nBEGIN:STANDARD\r\nDTSTART:19701025T030000\r\n"   \
	"TZOFFSETFROM:+0200\r\nTZOFFSETTO:+0100\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\n"
#define OSLO                                                                                       \
	"BEGIN:VTIMEZONE\r\nTZID:Europe/Oslo\r\nBEGIN:STANDARD\r\nDTSTART:19701025T030000\r\n"     \
	"TZOFFSETFROM:+0200\r\nTZOFFSETTO:+0100\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\n"
#define HEAD "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//x//y//EN\r\n"
#define MASTER                                                                                     \
	"BEGIN:VEVENT\r\nUID:series\r\nDTSTART;TZID=Europe/Berlin:20261123T100000\r\n"             \
	"RRULE:FREQ=DAILY;COUNT=3\r\nSUMMARY:Stand-up\r\nBEGIN:VALARM\r\nUID:alarm\r\n"            \
	"ACTION:DISPLAY\r\nTRIGGER:-PT5M\r\nEND:VALARM\r\nEND:VEVENT\r\n"
#define SINGLE "BEGIN:VEVENT\r\nUID:one\r\nDTSTART:20261123T100000Z\r\nEND:VEVENT\r\n"
#define EXCEPTION                                                                                  \
	"BEGIN:VEVENT\r\nUID:ser\r\n ies\r\nRECURRENCE-ID;TZID=Europe/Berlin:20261124T100000\r\n"  \
	"DTSTART;VALUE=DATE-TIME;TZID=\"Europe/Oslo\":20261124T110000\r\nEND:VEVENT\r\n"
#define TASK "BEGIN:VTODO\r\nUID:task\r\nSUMMARY:Call\r\nEND:VTODO\r\n"
#define END  "END:VCALENDAR\r\n"

static struct split good(const char *text)
{
	struct error err = ERROR_INIT;
	struct split split;
	int rc = split_text(text, strlen(text), &split, &err);

	if (rc)
		print_error("%s\n", err.text);
	assert_int_equal(rc, 0);
	return split;
}

static void a_calendar_of_many_is_one_file_each(void **state)
{
	struct split s = good(HEAD BERLIN OSLO MASTER SINGLE EXCEPTION TASK END);

	(void)state;
	assert_int_equal(s.n, 3);
	assert_int_equal(json_array_size(s.notes), 0);
	assert_int_equal(s.items[0].kind, KIND_EVENT);
	assert_string_equal(s.items[0].uid, "series");
	/* The zones of master and exception, and no other event. */
	assert_string_equal(buf_str(&s.items[0].bytes), HEAD BERLIN OSLO MASTER EXCEPTION END);
	assert_string_equal(s.items[1].uid, "one");
	assert_string_equal(buf_str(&s.items[1].bytes), HEAD SINGLE END);
	assert_int_equal(s.items[2].kind, KIND_TASK);
	assert_string_equal(buf_str(&s.items[2].bytes), HEAD TASK END);
	assert_int_equal(s.items[0].line, 20);
	split_clear(&s);
}

static void what_is_left_out_is_said_once(void **state)
{
	struct split s = good("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nMETHOD:PUBLISH\r\n"
			      "X-WR-CALNAME:Team\r\nCALSCALE:GREGORIAN\r\n"
			      "BEGIN:VJOURNAL\r\nUID:j\r\nEND:VJOURNAL\r\n"
			      "BEGIN:VJOURNAL\r\nUID:k\r\nEND:VJOURNAL\r\n" SINGLE END);

	(void)state;
	assert_int_equal(s.n, 1);
	assert_null(strstr(buf_str(&s.items[0].bytes), "METHOD"));
	assert_non_null(strstr(buf_str(&s.items[0].bytes), "\r\nPRODID:"));
	assert_int_equal(json_array_size(s.notes), 3);
	assert_string_equal(json_string_value(json_array_get(s.notes, 0)),
		"line 3: METHOD:PUBLISH is left out");
	assert_string_equal(json_string_value(json_array_get(s.notes, 1)),
		"line 4: X-WR-CALNAME:Team is left out");
	assert_string_equal(
		json_string_value(json_array_get(s.notes, 2)), "line 6: VJOURNAL is left out");
	split_clear(&s);
}

/* LF, a byte order mark, blank lines between, no break at the end, parameters, another case. */
static void cards_of_an_address_book(void **state)
{
	struct split s = good("\xef\xbb\xbf"
			      "BEGIN:VCARD\nVERSION:3.0\nUID:a\nFN:Anna\nEND:VCARD\n\n\n"
			      "begin:vcard\nVERSION:4.0\nUID;VALUE=text:urn:b\nFN:Bert\n"
			      "AGENT:BEGIN\nend:vcard");

	(void)state;
	assert_int_equal(s.n, 2);
	assert_string_equal(buf_str(&s.items[0].bytes),
		"BEGIN:VCARD\nVERSION:3.0\nUID:a\nFN:Anna\nEND:VCARD\n");
	assert_string_equal(s.items[1].uid, "urn:b");
	assert_int_equal(s.items[1].kind, KIND_CONTACT);
	assert_int_equal(s.items[1].line, 8);
	split_clear(&s);
}

/* The same bytes get the same UID every time, others another. */
static void an_item_without_a_uid_gets_one(void **state)
{
	static const char text[] = "BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Anna\r\nEND:VCARD\r\n"
				   "BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Bert\r\nEND:VCARD\r\n" HEAD
				   "BEGIN:VEVENT\r\nSUMMARY:x\r\nEND:VEVENT\r\n"
				   "BEGIN:VEVENT\r\nSUMMARY:y\r\nEND:VEVENT\r\n" END;
	struct split s = good(text), again = good(text);

	(void)state;
	assert_int_equal(s.n, 4);
	for (size_t i = 0; i < s.n; i++) {
		char *line AUTOFREE = xasprintf("\r\nUID:%s\r\n", s.items[i].uid);

		assert_string_equal(s.items[i].uid, again.items[i].uid);
		assert_non_null(strstr(buf_str(&s.items[i].bytes), line));
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(s.items[i].uid, s.items[j].uid);
	}
	split_clear(&s);
	split_clear(&again);
}

static void what_is_no_export_is_refused_by_line(void **state)
{
	static const struct {
		const char *text, *says;
	} bad[] = {
		{ "Name,Mail\nAnna,a@b\n", "line 1: neither" },
		{ "BEGIN:VCARD\nFN:A\nEND:VCARD\nBEGIN:VCARD\nFN:B\n", "line 4: BEGIN:VCARD has" },
		{ HEAD SINGLE, "line 1: BEGIN:VCALENDAR has no end" },
		{ HEAD "BEGIN:VEVENT\nBEGIN:VALARM\nEND:VEVENT\n" END,
			"line 6: END:VEVENT ends what is BEGIN:VALARM" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct error err = ERROR_INIT;
		struct split split;

		assert_int_equal(
			split_text(bad[i].text, strlen(bad[i].text), &split, &err), ERR_INVALID);
		if (!strstr(err.text, bad[i].says))
			print_error("%s\n", err.text);
		assert_non_null(strstr(err.text, bad[i].says));
		split_clear(&split);
	}
}

static void files_are_put_together_as_they_were(void **state)
{
	static const char *const files[] = { HEAD BERLIN OSLO MASTER EXCEPTION END, HEAD TASK END,
		HEAD BERLIN MASTER END, "BEGIN:VCARD\nFN:A\nEND:VCARD" };
	struct buf out AUTOBUF = BUF_INIT(SPLIT_BYTES_MAX);
	struct error err = ERROR_INIT;
	struct join join;

	(void)state;
	join_init(&join);
	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		assert_int_equal(join_add(&join, files[i], strlen(files[i]), &err), 0);
	join_finish(&join, &out);
	join_clear(&join);
	assert_string_equal(buf_str(&out),
		"BEGIN:VCARD\nFN:A\nEND:VCARD\r\n"
		"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//tandemfs//tandemctl "
		"export//EN\r\n" BERLIN OSLO MASTER EXCEPTION TASK MASTER END);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_calendar_of_many_is_one_file_each),
		cmocka_unit_test(what_is_left_out_is_said_once),
		cmocka_unit_test(cards_of_an_address_book),
		cmocka_unit_test(an_item_without_a_uid_gets_one),
		cmocka_unit_test(what_is_no_export_is_refused_by_line),
		cmocka_unit_test(files_are_put_together_as_they_were),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
