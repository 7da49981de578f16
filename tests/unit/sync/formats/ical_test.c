/* iCalendar to JSCalendar and back: what each property means, what is refused, what is edited. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "sync/formats/document.h"
#include "sync/formats/event.h"
#include "sync/formats/ical.h"
#include "sync/mem.h"
#include "tests/unit/json_text.h"

#define MAX_BYTES (1 << 20)

/* The lines between BEGIN and END of a component in a calendar. */
static char *calendar(const char *component, const char *lines)
{
	return xasprintf(
		"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:%s\r\n%sEND:%s\r\nEND:VCALENDAR\r\n",
		component, lines, component);
}

static json_t *parse(bool task, const char *bytes)
{
	struct error err = ERROR_INIT;
	json_t *doc = NULL;

	if ((task ? ical_parse_task : ical_parse_event)(bytes, strlen(bytes), &doc, &err))
		fail_msg("%s\n%s", err.text, bytes);
	return doc;
}

static char *render(const json_t *doc)
{
	struct buf out = BUF_INIT(MAX_BYTES);

	assert_int_equal(ical_render(doc, &out, NULL), 0);
	return buf_take(&out);
}

/* The lines of a component are a document with these members, and so is what is rendered of it. */
static void check_members(bool task, const char *lines, const char *members)
{
	const struct document_kind *kind = document_kind(task ? KIND_TASK : KIND_EVENT);
	char *bytes AUTOFREE = calendar(task ? "VTODO" : "VEVENT", lines);
	char *json AUTOFREE = xasprintf("{'@type':'%s',%s}", task ? "Task" : "Event", members);
	json_t *doc = parse(task, bytes);
	json_t *wanted = json_of_lax(json);
	char *written AUTOFREE = render(doc);
	json_t *again = parse(task, written);

	if (!json_equal(doc, wanted))
		fail_msg("%s: %s", lines, json_dumps(doc, 0));
	assert_int_equal(kind->check(doc, NULL), 0);
	assert_true(json_equal(again, doc));
	json_decref(again);
	json_decref(wanted);
	json_decref(doc);
}

/* Each: lines beside DTSTART, and what they add to the document; so says RFC 8984 and event.h. */
static const char *const properties[][2] = {
	{ "SUMMARY:Sail\\, row\\n\r\n", "'title':'Sail, row\\n'" },
	{ "SUMMARY;LANGUAGE=de:Segeln\r\n",
		"'title':'Segeln','tandemfs:params':{'SUMMARY':{'language':'de'}}" },
	{ "DTEND:20260704T113000Z\r\n", "'duration':'PT1H30M'" },
	{ "DURATION:P1W\r\n", "'duration':'P1W'" },
	{ "DURATION:PT36H\r\n", "'duration':'PT36H'" },
	{ "LOCATION:Quay\r\n", "'locations':{'1':{'@type':'Location','name':'Quay'}}" },
	{ "CONFERENCE;VALUE=URI;FEATURE=AUDIO,VIDEO;LABEL=Room:https://m.example/1\r\n",
		"'virtualLocations':{'1':{'@type':'VirtualLocation','uri':"
		"'https://m.example/1','name':'Room','features':{'audio':true,"
		"'video':true}}}" },
	{ "X-GOOGLE-CONFERENCE:https://m.example/2\r\n",
		"'virtualLocations':{'1':{'@type':'VirtualLocation','uri':"
		"'https://m.example/2','tandemfs:property':'X-GOOGLE-CONFERENCE'}}" },
	{ "TRANSP:TRANSPARENT\r\n", "'freeBusyStatus':'free'" },
	{ "TRANSP:OPAQUE\r\nX-MICROSOFT-CDO-BUSYSTATUS:OOF\r\n",
		"'freeBusyStatus':'microsoft.com:oof'" },
	{ "TRANSP:TRANSPARENT\r\nX-MICROSOFT-CDO-BUSYSTATUS:TENTATIVE\r\n",
		"'freeBusyStatus':'free'" },
	{ "X-MICROSOFT-CDO-BUSYSTATUS:WORKINGELSEWHERE\r\nTRANSP:TRANSPARENT\r\n",
		"'freeBusyStatus':'microsoft.com:workingElsewhere'" },
	{ "CLASS:PUBLIC\r\n", "" },
	{ "CLASS:CONFIDENTIAL\r\n", "'privacy':'secret'" },
	{ "CLASS:X-PERSONAL\r\n", "'privacy':'microsoft.com:personal'" },
	{ "CLASS:X-COMPANY\r\n", "'privacy':'X-COMPANY'" },
	{ "PRIORITY:0\r\n", "" },
	{ "PRIORITY:1\r\nSEQUENCE:0\r\n", "'priority':1,'sequence':0" },
	{ "STATUS:TENTATIVE\r\n", "'status':'tentative'" },
	{ "CATEGORIES:CRM,a\\,b\r\nCATEGORIES: c \r\n",
		"'keywords':{'CRM':true,'a,b':true,'c':true}" },
	{ "CREATED:20260101T000000Z\r\nDTSTAMP:20260102T000000Z\r\n",
		"'created':'2026-01-01T00:00:00Z','updated':'2026-01-02T00:00:00Z'" },
	{ "DTSTAMP:20260102T000000Z\r\nLAST-MODIFIED:20260102T000000Z\r\n",
		"'updated':'2026-01-02T00:00:00Z'" },
	{ "ATTACH;FMTTYPE=text/plain;FILENAME=a.txt:https://f.example/a\r\n",
		"'links':{'1':{'@type':'Link','rel':'enclosure','href':"
		"'https://f.example/a','contentType':'text/plain','title':'a.txt'}}" },
	{ "ATTACH;VALUE=BINARY;ENCODING=BASE64:aGk=\r\n",
		"'links':{'1':{'@type':'Link','rel':'enclosure','href':"
		"'data:;base64,aGk='}}" },
	{ "ORGANIZER;CN=Anna:MAILTO:Anna@X.example\r\n"
	  "ATTENDEE;CN=Bo;ROLE=OPT-PARTICIPANT;PARTSTAT=ACCEPTED;RSVP=TRUE;X-A=1:"
	  "mailto:bo@x.example\r\nATTENDEE;CUTYPE=RESOURCE:mailto:room@x.example\r\n",
		"'replyTo':{'imip':'mailto:Anna@X.example'},'participants':{"
		"'anna@x.example':{'@type':'Participant','name':'Anna','email':"
		"'Anna@X.example','sendTo':{'imip':'mailto:Anna@X.example'},'roles':"
		"{'owner':true,'chair':true}},'bo@x.example':{'@type':'Participant',"
		"'name':'Bo','email':'bo@x.example','sendTo':{'imip':"
		"'mailto:bo@x.example'},'roles':{'attendee':true,'optional':true},"
		"'participationStatus':'accepted','expectReply':true,'tandemfs:params':"
		"{'x-a':'1'}},'room@x.example':{'@type':'Participant','kind':'resource',"
		"'email':'room@x.example','sendTo':{'imip':'mailto:room@x.example'},"
		"'roles':{'attendee':true}}}" },
	{ "BEGIN:VALARM\r\nACTION:DISPLAY\r\nDESCRIPTION:Reminder\r\nTRIGGER:-PT15M\r\n"
	  "END:VALARM\r\n",
		"'alerts':{'1':{'@type':'Alert','action':'display','trigger':{'@type':"
		"'OffsetTrigger','offset':'-PT15M'}}}" },
	{ "BEGIN:VALARM\r\nACTION:EMAIL\r\nTRIGGER;VALUE=DATE-TIME:20260704T090000Z\r\n"
	  "SUMMARY:x\r\nEND:VALARM\r\n",
		"'alerts':{'1':{'@type':'Alert','action':'email','trigger':{'@type':"
		"'AbsoluteTrigger','when':'2026-07-04T09:00:00Z'},'iCalComponent':"
		"{'properties':[['summary',{},'unknown','x']]}}}" },
	{ "X-FOO;BAR=1,2:a\\;b\r\nBEGIN:VLOCATION\r\nUID:1\r\nEND:VLOCATION\r\n",
		"'iCalComponent':{'properties':[['x-foo',{'bar':['1','2']},'unknown',"
		"'a\\\\;b']],'components':[['vlocation',[['uid',{},'unknown','1']],[]]]}" },
	{ "4.SEQUENCE:2\r\na.X-OWN:b\r\n", /* groups are vCard's */
		"'sequence':2,'iCalComponent':{'properties':[['x-own',{},'unknown','b']]}" },
	{ "RRULE:FREQ=MONTHLY;BYDAY=-1FR;COUNT=3;INTERVAL=2\r\n",
		"'recurrenceRules':[{'@type':'RecurrenceRule','frequency':'monthly',"
		"'interval':2,'count':3,'byDay':[{'@type':'NDay','day':'fr',"
		"'nthOfPeriod':-1}]}]" },
	{ "RRULE:FREQ=DAILY;UNTIL=20260710\r\nEXDATE:20260705T100000Z,20260706T100000Z\r\n"
	  "RDATE:20260801T090000Z\r\n",
		"'recurrenceRules':[{'@type':'RecurrenceRule','frequency':'daily',"
		"'until':'2026-07-10T23:59:59'}],'recurrenceOverrides':{"
		"'2026-07-05T10:00:00':{'excluded':true},'2026-07-06T10:00:00':"
		"{'excluded':true},'2026-08-01T09:00:00':{}}" },
};

static void test_properties_of_events(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(properties); i++) {
		char *lines AUTOFREE = xasprintf(
			"DTSTART:20260704T100000Z\r\n%s", properties[i][0]);
		char *members AUTOFREE = xasprintf(
			"'start':'2026-07-04T10:00:00','timeZone':'Etc/UTC'%s%s",
			*properties[i][1] ? "," : "", properties[i][1]);

		check_members(false, lines, members);
	}
}

/* Times of events: the lines, and all of the document. */
static const char *const times[][2] = {
	{ "DTSTART;VALUE=DATE:20260704\r\n",
		"'start':'2026-07-04T00:00:00','showWithoutTime':true,'duration':'P1D'" },
	{ "DTSTART;VALUE=DATE:20260704\r\nDTEND;VALUE=DATE:20260706\r\n",
		"'start':'2026-07-04T00:00:00','showWithoutTime':true,'duration':'P2D'" },
	/* days have no times, whatever a period says */
	{ "DTSTART;VALUE=DATE:20260704\r\nRDATE;VALUE=PERIOD:20260706T090000/PT1H\r\n",
		"'start':'2026-07-04T00:00:00','showWithoutTime':true,'duration':'P1D',"
		"'recurrenceOverrides':{'2026-07-06T00:00:00':{}}" },
	{ "DTSTART:20260704T100000\r\n", "'start':'2026-07-04T10:00:00'" },
	{ "DTSTART;TZID=W. Europe Standard Time:20260704T100000\r\n",
		"'start':'2026-07-04T10:00:00','timeZone':'Europe/Berlin'" },
	/* from winter into summer: a day of 23 hours */
	{ "DTSTART;TZID=Europe/Berlin:20260328T120000\r\n"
	  "DTEND;TZID=Europe/Berlin:20260329T120000\r\n",
		"'start':'2026-03-28T12:00:00','timeZone':'Europe/Berlin','duration':"
		"'PT23H'" },
	{ "DTSTART;TZID=Europe/Berlin:20260704T100000\r\n"
	  "DTEND;TZID=America/New_York:20260704T130000\r\n",
		"'start':'2026-07-04T10:00:00','timeZone':'Europe/Berlin','duration':"
		"'PT9H','locations':{'end':{'@type':'Location','relativeTo':'end',"
		"'timeZone':'America/New_York'}}" },
};

static void test_times(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(times); i++)
		check_members(false, times[i][0], times[i][1]);
}

static const char *const tasks[][2] = {
	{ "SUMMARY:x\r\n", "'title':'x'" },
	{ "DUE;VALUE=DATE:20260704\r\nSTATUS:IN-PROCESS\r\nPERCENT-COMPLETE:50\r\n",
		"'due':'2026-07-04T00:00:00','showWithoutTime':true,'progress':"
		"'in-process','percentComplete':50" },
	{ "DTSTART;TZID=Europe/Berlin:20260704T100000\r\nDURATION:PT2H\r\n",
		"'start':'2026-07-04T10:00:00','timeZone':'Europe/Berlin','due':"
		"'2026-07-04T12:00:00'" },
	{ "COMPLETED:20260704T100000Z\r\n",
		"'progressUpdated':'2026-07-04T10:00:00Z','progress':'completed'" },
	{ "STATUS:NEEDS-ACTION\r\n"
	  "JSPROP;JSPTR=progress:\"microsoft.com:waiting\"\r\n",
		"'progress':'microsoft.com:waiting'" },
};

static void test_tasks(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(tasks); i++)
		check_members(true, tasks[i][0], tasks[i][1]);
}

static const char series[] =
	"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//x//EN\r\nX-WR-CALNAME:Home\r\n"
	"BEGIN:VTIMEZONE\r\nTZID:Our own\r\n"
	"BEGIN:STANDARD\r\nDTSTART:16011028T030000\r\nRRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10\r\n"
	"TZOFFSETFROM:+0200\r\nTZOFFSETTO:+0100\r\nEND:STANDARD\r\n"
	"BEGIN:DAYLIGHT\r\nDTSTART:16010325T020000\r\nRRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=3\r\n"
	"TZOFFSETFROM:+0100\r\nTZOFFSETTO:+0200\r\nEND:DAYLIGHT\r\nEND:VTIMEZONE\r\n"
	"BEGIN:VEVENT\r\nUID:u\r\nDTSTART;TZID=Our own:20260303T090000\r\n"
	"DTEND;TZID=Our own:20260303T100000\r\nRRULE:FREQ=WEEKLY;UNTIL=20260505T070000Z\r\n"
	"SUMMARY:Stand-up\r\nCATEGORIES:a\r\nEND:VEVENT\r\n"
	"BEGIN:VEVENT\r\nUID:u\r\nRECURRENCE-ID:20260331T070000Z\r\n"
	"DTSTART;TZID=Our own:20260401T110000\r\nDTEND;TZID=Our own:20260401T120000\r\n"
	"SUMMARY:Stand-up\r\nCATEGORIES:b\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";

static void test_a_series(void **state)
{
	json_t *doc = parse(false, series);
	json_t *wanted = json_of_lax(
		"{'@type':'Event','uid':'u','start':'2026-03-03T09:00:00','timeZone':"
		"'Europe/Berlin','duration':'PT1H','title':'Stand-up','keywords':{'a':true},"
		"'recurrenceRules':[{'@type':'RecurrenceRule','frequency':'weekly','until':"
		"'2026-05-05T09:00:00'}],'recurrenceOverrides':{'2026-03-31T09:00:00':"
		"{'start':'2026-04-01T11:00:00','keywords':{'b':true}}},'tandemfs:calendar':"
		"{'properties':[['x-wr-calname',{},'unknown','Home']]}}");
	char *written AUTOFREE = render(doc);

	(void)state;
	if (!json_equal(doc, wanted))
		fail_msg("%s", json_dumps(doc, 0));
	/* What other programs rely on. */
	assert_non_null(strstr(written, "\r\nTZID:Europe/Berlin\r\n"));
	assert_non_null(strstr(written, "\r\nRRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU\r\n"));
	assert_non_null(strstr(written, "\r\nRRULE:FREQ=WEEKLY;UNTIL=20260505T070000Z\r\n"));
	assert_non_null(
		strstr(written, "\r\nRECURRENCE-ID;TZID=Europe/Berlin:20260331T090000\r\n"));
	assert_null(strstr(written, "METHOD"));
	json_decref(wanted);
	json_decref(doc);
}

static void test_refused(void **state)
{
	static const struct {
		const char *lines;
		const char *text;
	} cases[] = {
		{ "SUMMARY:x\r\n", "line 3: VEVENT: DTSTART is missing" },
		{ "DTSTART:2026-07-04\r\n", "line 4: DTSTART: not a date or date-time" },
		{ "DTSTART:20260231T000000\r\n", "line 4: DTSTART: not a date or date-time" },
		{ "DTSTART:20260704T100000Z\r\nDTEND:20260704T090000Z\r\n",
			"line 5: DTEND: before DTSTART" },
		{ "DTSTART:20260704T100000Z\r\nDTEND;VALUE=DATE:20260705\r\n",
			"line 5: DTEND: a date, but DTSTART is a date-time" },
		{ "DTSTART:20260704T100000Z\r\nDURATION:-PT1H\r\n", "line 5: DURATION: negative" },
		{ "DTSTART;TZID=Mars:20260704T100000\r\n",
			"line 4: DTSTART: unknown time zone \"Mars\"" },
		{ "DTSTART:20260704T100000Z\r\nDTSTART:20260704T100000Z\r\n",
			"line 5: DTSTART: stands there twice" },
		{ "DTSTART:20260704T100000Z\r\nUID:a\r\nUID:b\r\n",
			"line 6: UID: stands there twice" },
		{ "DTSTART:20260704T100000Z\r\nRRULE:FREQ=DAILY;COUNT=1;UNTIL=20260705\r\n",
			"line 5: RRULE: UNTIL and COUNT exclude each other" },
		{ "DTSTART:20260704T100000Z\r\nRRULE:COUNT=1\r\n",
			"line 5: RRULE: FREQ is missing" },
		{ "DTSTART:20260704T100000Z\r\nEXDATE:tomorrow\r\n",
			"line 5: EXDATE: not a date or date-time" },
		{ "DTSTART:20260704T100000Z\r\nSUMMARY\r\n", "line 5: SUMMARY: no colon" },
		{ "DTSTART:20260704T100000Z\r\nSUMMARY:\xff\r\n",
			"line 5: SUMMARY: bytes that are not UTF-8" },
		{ "DTSTART:20260704T100000Z\r\nEND:VTODO\r\n", "line 5: END: VTODO was not begun" },
		{ "DTSTART:20260704T100000Z\r\nRECURRENCE-ID;RANGE=THISANDFUTURE:"
		  "20260704T100000Z\r\n",
			"line 5: RECURRENCE-ID: RANGE: each occurrence must be given alone" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char *bytes AUTOFREE = calendar("VEVENT", cases[i].lines);
		struct error err = ERROR_INIT;
		json_t *doc = NULL;

		assert_int_equal(ical_parse_event(bytes, strlen(bytes), &doc, &err), ERR_INVALID);
		assert_string_equal(err.text, cases[i].text);
		assert_null(doc);
	}
}

/* Line ends of all kinds, a byte order mark, folds in the middle of a character. */
static void test_lines(void **state)
{
	static const char *const files[] = {
		"BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART:20260704T100000Z\nSUMMARY:M\xc3\xbcll\n"
		"END:VEVENT\nEND:VCALENDAR",
		"\xef\xbb\xbf"
		"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nDTSTART:20260704T10\r\n "
		"0000Z\r\nSUMMARY:M\xc3\r\n"
		" \xbcll\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n",
		"begin:vcalendar\rbegin:vevent\rdtstart:20260704T100000Z\r\r"
		"summary;charset=iso-8859-1:M\xfcll\rend:vevent\rend:vcalendar\r",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		json_t *doc = parse(false, files[i]);

		assert_string_equal(
			json_string_value(json_object_get(doc, "title")), "M\xc3\xbcll");
		json_decref(doc);
	}
}

static void test_too_deep(void **state)
{
	struct buf bytes AUTOBUF = BUF_INIT(MAX_BYTES);
	struct error err = ERROR_INIT;
	json_t *doc = NULL;

	(void)state;
	for (int i = 0; i < 10000; i++)
		buf_adds(&bytes, "BEGIN:VCALENDAR\n");
	assert_int_equal(ical_parse_event(bytes.data, bytes.len, &doc, &err), ERR_INVALID);
	assert_string_equal(err.text, "line 9: BEGIN: components nested too deep");
}

/* Only the line of the series changes; the exception keeps its own. */
static void test_set_categories(void **state)
{
	json_t *names = json_pack("[s, s]", "CRM", "x,y");
	json_t *none = json_array();
	struct buf out AUTOBUF = BUF_INIT(MAX_BYTES);
	struct buf back AUTOBUF = BUF_INIT(MAX_BYTES);
	struct buf wanted AUTOBUF = BUF_INIT(MAX_BYTES);
	const char *line = strstr(series, "CATEGORIES:a\r\n");

	(void)state;
	assert_int_equal(ical_set_categories_event(series, strlen(series), names, &out, NULL), 0);
	buf_add(&wanted, series, (size_t)(line - series));
	buf_adds(&wanted, "CATEGORIES:CRM,x\\,y\r\n");
	buf_adds(&wanted, line + 14);
	assert_string_equal(out.data, wanted.data);
	assert_int_equal(ical_set_categories_event(out.data, out.len, none, &back, NULL), 0);
	buf_reset(&wanted);
	buf_add(&wanted, series, (size_t)(line - series));
	buf_adds(&wanted, line + 14);
	assert_string_equal(back.data, wanted.data);
	json_decref(names);
	json_decref(none);
}

/* Members that iCalendar has no property for. */
static void test_json_comes_back(void **state)
{
	json_t *doc = json_of_lax(
		"{'@type':'Event','uid':'u','start':'2026-07-04T00:00:00','timeZone':"
		"'Europe/Berlin','duration':'P1D','showWithoutTime':true,'locale':'de',"
		"'example.com:x':{'a':[1,null]},'locations':{'1':{'@type':'Location','name':"
		"'Quay','coordinates':'geo:1,2'}},'participants':{'a@x':{'@type':"
		"'Participant','email':'a@x','sendTo':{'imip':'mailto:a@x'},'roles':"
		"{'attendee':true},'language':'de'}}}");
	char *written AUTOFREE = render(doc);
	json_t *again = parse(false, written);

	(void)state;
	if (!json_equal(again, doc))
		fail_msg("%s", written);
	json_decref(again);
	json_decref(doc);
}

static void test_titles_and_privacy(void **state)
{
	json_t *doc = json_of_lax(
		"{'@type':'Event','start':'2026-11-22T10:00:00','title':'Sail/row'}");
	char *name AUTOFREE = document_file_name(document_kind(KIND_EVENT), doc, 2);
	json_t *task = json_of_lax("{'@type':'Task'}");
	char *task_name AUTOFREE = document_file_name(document_kind(KIND_TASK), task, 0);
	json_t *one = json_of_lax(
		"{'recurrenceOverrides':{'2026-11-29T10:00:00':{'privacy':'private'}}}");

	(void)state;
	assert_string_equal(name, "2026-11-22 Sail-row (2).ics");
	assert_string_equal(task_name, "task.ics");
	assert_false(event_is_private(doc));
	json_object_update(doc, one);
	assert_true(event_is_private(doc));
	json_decref(one);
	json_decref(task);
	json_decref(doc);
}

static void test_check(void **state)
{
	static const char *const cases[][2] = {
		{ "{'@type':'Task'}", "@type: must be \"Event\"" },
		{ "{'@type':'Event'}", "start: missing" },
		{ "{'@type':'Event','start':'2026-07-04'}",
			"start: must be a local date-time like 2026-11-22T10:00:00" },
		{ "{'@type':'Event','start':'2026-07-04T10:00:00','timeZone':'Mars'}",
			"timeZone: must be a time zone like Europe/Berlin, or null" },
		{ "{'@type':'Event','start':'2026-07-04T10:00:00','showWithoutTime':true}",
			"start: must be midnight, since showWithoutTime is true" },
		{ "{'@type':'Event','start':'2026-07-04T10:00:00','duration':'-PT1H'}",
			"duration: must not be negative" },
		{ "{'@type':'Event','start':'2026-07-04T10:00:00','keywords':{'a':1}}",
			"keywords/a: must be true" },
		{ "{'@type':'Event','start':'2026-07-04T10:00:00','recurrenceRules':[{}]}",
			"recurrenceRules/0: frequency: missing" },
		{ "{'@type':'Event','start':'2026-07-04T10:00:00','recurrenceOverrides':"
		  "{'2026-07-04T10:00:00':{'title':1}}}",
			"recurrenceOverrides/2026-07-04T10:00:00: title: must be text" },
		{ "{'@type':'Event','start':'2026-07-04T10:00:00','recurrenceOverrides':{'x':{}}}",
			"recurrenceOverrides/x: must be a local date-time" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		json_t *doc = json_of_lax(cases[i][0]);
		struct error err = ERROR_INIT;

		assert_int_equal(event_check(doc, &err), ERR_INVALID);
		assert_string_equal(err.text, cases[i][1]);
		json_decref(doc);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_properties_of_events),
		cmocka_unit_test(test_times),
		cmocka_unit_test(test_tasks),
		cmocka_unit_test(test_a_series),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_too_deep),
		cmocka_unit_test(test_set_categories),
		cmocka_unit_test(test_json_comes_back),
		cmocka_unit_test(test_titles_and_privacy),
		cmocka_unit_test(test_check),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
