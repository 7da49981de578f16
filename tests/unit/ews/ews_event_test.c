/* Events and tasks: when they are, who is invited, series with their exceptions, as they stand in
 * Exchange.  Instants are worked out by hand: Berlin is UTC+1 in winter, UTC+2 in summer; New York
 * UTC-5 and UTC-4. */
#include "fake_transport.h"

#include "sync/formats/event.h"
#include "tests/unit/json_text.h"

#define ITEM(ID, KEY)                                                                              \
	"<m:Items><e:CalendarItem><e:ItemId Id=\"" ID "\" ChangeKey=\"" KEY                        \
	"\"/></e:CalendarItem></m:Items>"

static void check(json_t *got, const char *wanted)
{
	json_t *expected = json_of_lax(wanted);

	if (!json_equal(got, expected))
		fail_msg("%s, not %s", json_dumps(got, JSON_SORT_KEYS),
			json_dumps(expected, JSON_SORT_KEYS));
	json_decref(expected);
}

/* The op after it was written; the caller clears it.  fields: as json_of_lax() reads them; changed: the
 * name that did, or NULL. */
static struct mailbox_op written_to(struct mailbox *to, enum mailbox_op_type type,
	const struct mailbox_op *op, const char *fields, const char *changed)
{
	json_t *all = json_of_lax(fields), *names = changed ? json_pack("[s]", changed) : NULL;
	struct mailbox_op out = *op;
	struct error err = ERROR_INIT;

	out.fields = all;
	out.changed = names;
	if (ews_driver.write_items(to, type, &out, 1, &err))
		fail_msg("%s", err.text);
	out.fields = out.changed = NULL;
	json_decref(all);
	json_decref(names);
	return out;
}

static const struct mailbox_op new_event = { .folder_id = "F", .kind = KIND_EVENT };
static const struct mailbox_op new_task = { .folder_id = "F", .kind = KIND_TASK };
static const struct mailbox_op known_event = { .id = "A", .version = "K1", .kind = KIND_EVENT };

static struct mailbox_op created(const struct mailbox_op *op, const char *fields)
{
	return written_to(box, MAILBOX_CREATE, op, fields, NULL);
}

static struct mailbox_op updated(const char *fields, const char *changed)
{
	return written_to(box, MAILBOX_UPDATE, &known_event, fields, changed);
}

/* The same; ours: what the two last agreed on.  What the write drops is kept before it. */
static struct mailbox_op updated_from(const char *ours, const char *fields, const char *changed)
{
	json_t *agreed = json_of_lax(ours), *all = json_of_lax(fields);
	json_t *names = json_pack("[s]", changed);
	struct mailbox_op op = known_event;
	struct error err = ERROR_INIT;

	op.fields = all;
	op.ours = agreed;
	op.changed = names;
	if (ews_driver.keep(box, &op, 1, &err) ||
		ews_driver.write_items(box, MAILBOX_UPDATE, &op, 1, &err))
		fail_msg("%s", err.text);
	op.fields = op.ours = op.changed = NULL;
	json_decref(names);
	json_decref(all);
	json_decref(agreed);
	return op;
}

/* ---- when -------------------------------------------------------------------------------------- */

static const struct {
	const char *name, *fields, *start, *end, *windows;
} times[] = {
	{ "winter", "'Start':'2026-12-01T10:00:00','Duration':'PT1H','TimeZone':'Europe/Berlin'",
		"2026-12-01T09:00:00Z", "2026-12-01T10:00:00Z", "W. Europe Standard Time" },
	{ "summer", "'Start':'2026-07-01T10:00:00','Duration':'PT90M','TimeZone':'Europe/Berlin'",
		"2026-07-01T08:00:00Z", "2026-07-01T09:30:00Z", "W. Europe Standard Time" },
	{ "all day",
		"'Start':'2026-12-01T00:00:00','Duration':'P1D','IsAllDayEvent':true,"
		"'TimeZone':'America/New_York'",
		"2026-12-01T05:00:00Z", "2026-12-02T05:00:00Z", "Eastern Standard Time" },
	{ "a day on which the clocks change",
		"'Start':'2026-03-29T00:00:00','Duration':'P1D','IsAllDayEvent':true,"
		"'TimeZone':'Europe/Berlin'",
		"2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z", "W. Europe Standard Time" },
	{ "half an hour off",
		"'Start':'2026-12-01T10:00:00','Duration':'PT1H','TimeZone':"
		"'Asia/Kolkata'",
		"2026-12-01T04:30:00Z", "2026-12-01T05:30:00Z", "India Standard Time" },
	{ "before 1970", "'Start':'1969-12-31T23:30:00','Duration':'PT1H','TimeZone':'Etc/UTC'",
		"1969-12-31T23:30:00Z", "1970-01-01T00:30:00Z", "UTC" },
	{ "without an end", "'Start':'2026-12-01T10:00:00','TimeZone':'Europe/Berlin'",
		"2026-12-01T09:00:00Z", "2026-12-01T09:00:00Z", "W. Europe Standard Time" },
};

static void times_are_instants_there(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(times); i++) {
		char *text AUTOFREE = xasprintf("{'Subject':'x',%s}", times[i].fields);
		char *start AUTOFREE = xasprintf(
			"<t:Start>%s</t:Start><t:End>%s</t:End>", times[i].start, times[i].end);
		char *zone AUTOFREE = xasprintf(
			"<t:StartTimeZone Id=\"%s\"/><t:EndTimeZone Id=\"%s\"/>", times[i].windows,
			times[i].windows);
		struct mailbox_op op;

		fake_queue_success("CreateItem", ITEM("A", "K1"));
		op = created(&new_event, text);
		assert_int_equal(op.error.code, 0);
		fake_assert_last(start, 1);
		fake_assert_last(zone, 1);
		fake_assert_last("SendMeetingInvitations=\"SendToNone\"", 1);
		mailbox_op_clear(&op);
	}
}

static void instants_are_times_here(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(times); i++) {
		bool all_day = strstr(times[i].fields, "IsAllDayEvent") != NULL;
		char *answer AUTOFREE = xasprintf(
			"<m:Items><e:CalendarItem><e:ItemId Id=\"A\" ChangeKey=\"K\"/>"
			"<e:Subject>x</e:Subject><e:Start>%s</e:Start><e:End>%s</e:End>"
			"<e:IsAllDayEvent>%s</e:IsAllDayEvent>"
			"<e:LegacyFreeBusyStatus>Busy</e:LegacyFreeBusyStatus>"
			"<e:StartTimeZone Id=\"%s\" Name=\"x\"><e:Periods/></e:StartTimeZone>"
			"</e:CalendarItem></m:Items>",
			times[i].start, times[i].end, all_day ? "true" : "false", times[i].windows);
		char *wanted AUTOFREE = xasprintf("{'Subject':'x',%s}", times[i].fields);
		json_t *expected = json_of_lax(wanted);
		struct mailbox_item item;

		fake_queue_success("GetItem", answer);
		item = fake_get_item(KIND_EVENT, "A");
		assert_int_equal(item.error.code, 0);
		if (!json_object_get(expected, "Duration"))
			json_object_set_new(expected, "Duration", json_string("PT0S"));
		if (!strcmp(times[i].name, "summer"))
			json_object_set_new(expected, "Duration", json_string("PT1H30M"));
		if (!json_equal(item.fields, expected))
			fail_msg("%s: %s", times[i].name, json_dumps(item.fields, 0));
		json_decref(expected);
		mailbox_item_clear(&item);
	}
}

static void an_event_without_a_zone_has_the_mailboxes(void **state)
{
	struct mailbox_options options = { .user = "svc",
		.password = "x",
		.address = "anna@corp.example",
		.timezone = "Europe/Berlin" };
	struct mailbox_op op;
	struct mailbox *other;
	struct error err;

	(void)state;
	assert_int_equal(ews_driver.open(&other, server, &options, &err), 0);
	fake_queue_success("CreateItem", ITEM("A", "K1"));
	op = written_to(other, MAILBOX_CREATE, &new_event,
		"{'Subject':'x','Start':'2026-12-01T10:00:00','Duration':'PT1H'}", NULL);
	fake_assert_last("<t:Start>2026-12-01T09:00:00Z</t:Start>", 1);
	fake_assert_last("<t:StartTimeZone Id=\"W. Europe Standard Time\"/>", 1);
	mailbox_op_clear(&op);
	ews_driver.close(other);
}

static void what_says_when_is_sent_together(void **state)
{
	struct mailbox_op op;

	(void)state;
	fake_queue_success("UpdateItem", ITEM("A", "K2"));
	op = updated("{'Subject':'x','Start':'2026-12-01T10:00:00','Duration':'PT2H',"
		     "'TimeZone':'Europe/Berlin'}",
		"Duration");
	fake_assert_last("<t:Start>2026-12-01T09:00:00Z<", 1);
	fake_assert_last("<t:End>2026-12-01T11:00:00Z<", 1);
	fake_assert_last("FieldURI=\"calendar:EndTimeZone\"", 1);
	fake_assert_last("FieldURI=\"calendar:IsAllDayEvent\"", 1);
	fake_assert_last("FieldURI=\"item:Subject\"", 0);
	fake_assert_last("SendMeetingInvitationsOrCancellations=\"SendToNone\"", 1);
	mailbox_op_clear(&op);
}

static void a_zone_that_nobody_knows(void **state)
{
	struct mailbox_op op;

	(void)state;
	op = created(&new_event, "{'Start':'2026-12-01T10:00:00','TimeZone':'Mars/Olympus'}");
	assert_int_equal(op.error.code, ERR_INVALID);
	assert_non_null(strstr(op.error.text, "Mars/Olympus"));
	assert_int_equal(fake.n_requests, 0);
	mailbox_op_clear(&op);
}

/* ---- a meeting --------------------------------------------------------------------------------- */

#define PERSON(NAME, ADDRESS, RESPONSE)                                                            \
	"<e:Attendee><e:Mailbox><e:Name>" NAME "</e:Name><e:EmailAddress>" ADDRESS                 \
	"</e:EmailAddress><e:RoutingType>SMTP</e:RoutingType></"                                   \
	"e:Mailbox><e:ResponseType>" RESPONSE "</e:ResponseType></e:Attendee>"

static void a_meeting_is_read(void **state)
{
	struct mailbox_item item;

	(void)state;
	fake_queue_success("GetItem",
		"<m:Items><e:CalendarItem><e:ItemId Id=\"A\" ChangeKey=\"K\"/>"
		"<e:Subject>Plan</e:Subject><e:Sensitivity>Confidential</e:Sensitivity>"
		"<e:Body BodyType=\"Text\">Agenda</e:Body>"
		"<e:Categories><e:String>CRM</e:String></e:Categories>"
		"<e:Importance>High</e:Importance><e:ReminderIsSet>true</e:ReminderIsSet>"
		"<e:ReminderMinutesBeforeStart>15</e:ReminderMinutesBeforeStart>"
		"<e:UID>uid-1</e:UID><e:Start>2026-12-01T09:00:00Z</e:Start>"
		"<e:End>2026-12-01T10:00:00Z</e:End><e:IsAllDayEvent>false</e:IsAllDayEvent>"
		"<e:LegacyFreeBusyStatus>OOF</e:LegacyFreeBusyStatus><e:Location>Room "
		"1</e:Location>"
		"<e:IsMeeting>true</e:IsMeeting><e:IsCancelled>false</e:IsCancelled>"
		"<e:Organizer><e:Mailbox><e:Name>Bob</e:Name>"
		"<e:EmailAddress>bob@corp.example</e:EmailAddress></e:Mailbox></e:Organizer>"
		"<e:RequiredAttendees>" PERSON("Cy", "Cy@corp.example", "Accept")
			PERSON("Di", "di@corp.example",
				"Unknown") "</e:RequiredAttendees>"
					   "<e:Resources>" PERSON("Room 1", "room1@corp.example",
						   "Accept") "</e:Resources>"
							     "<e:StartTimeZone Id=\"W. Europe "
							     "Standard Time\"/>"
							     "</e:CalendarItem></m:Items>");
	item = fake_get_item(KIND_EVENT, "A");
	assert_string_equal(item.key, "uid-1");
	check(item.fields,
		"{'Subject':'Plan','Sensitivity':'Confidential','Body':'Agenda',"
		"'Categories/CRM':true,'Importance':'High','Reminder':15,'UID':'uid-1',"
		"'Start':'2026-12-01T10:00:00','Duration':'PT1H','TimeZone':'Europe/Berlin',"
		"'LegacyFreeBusyStatus':'OOF','Location':'Room 1',"
		"'Organizer':{'email':'bob@corp.example','name':'Bob'},"
		"'Attendees/cy@corp.example':{'role':'required','name':'Cy'},"
		"'Attendees/di@corp.example':{'role':'required','name':'Di'},"
		"'Attendees/room1@corp.example':{'role':'resource','name':'Room 1'},"
		"'Responses/cy@corp.example':'accepted','Responses/"
		"room1@corp.example':'accepted'}");
	mailbox_item_clear(&item);
}

/* Whom the server names by an internal address only would be lost when the list is written back. */
static void attendees_that_have_no_address_keep_the_list_from_being_written(void **state)
{
	struct mailbox_item item;

	(void)state;
	fake_queue_success("GetItem",
		"<m:Items><e:CalendarItem><e:ItemId Id=\"A\" ChangeKey=\"K\"/>"
		"<e:Start>2026-12-01T09:00:00Z</e:Start><e:End>2026-12-01T10:00:00Z</e:End>"
		"<e:RequiredAttendees>" PERSON("Ed", "/o=Corp/ou=x/cn=ed",
			"Accept") "</e:RequiredAttendees></e:CalendarItem></m:Items>");
	item = fake_get_item(KIND_EVENT, "A");
	assert_int_equal(json_array_size(item.unread), 2);
	assert_string_equal(json_string_value(json_array_get(item.unread, 0)), "Attendees");
	mailbox_item_clear(&item);
}

static void attendees_are_written_as_three_lists(void **state)
{
	struct mailbox_op op;

	(void)state;
	fake_queue_success("UpdateItem", ITEM("A", "K2"));
	op = updated("{'Start':'2026-12-01T10:00:00','TimeZone':'Etc/UTC',"
		     "'Attendees/cy@corp.example':{'role':'required','name':'Cy'},"
		     "'Attendees/room1@corp.example':{'role':'resource'}}",
		"Attendees/cy@corp.example");
	fake_assert_last("<t:EmailAddress>cy@corp.example</t:EmailAddress>", 1);
	fake_assert_last("<t:Resources><t:Attendee>", 1);
	fake_assert_last(
		"<t:DeleteItemField><t:FieldURI FieldURI=\"calendar:OptionalAttendees\"/>", 1);
	mailbox_op_clear(&op);
}

/* ---- series ------------------------------------------------------------------------------------ */

/* Every Monday at 10 in Berlin, from 19 October 2026: the clocks go back on the 25th. */
#define SERIES SERIES_AT("10")
#define SERIES_AT(hour)                                                                            \
	"'Subject':'Weekly','Start':'2026-10-19T" hour ":00:00','Duration':'PT1H',"                \
	"'TimeZone':'Europe/Berlin','Recurrence':{'Pattern':'WeeklyRecurrence','Interval':1,"      \
	"'DaysOfWeek':'Monday','FirstDayOfWeek':'Monday','NumberOfOccurrences':5}"

/* The series with another subject at one of its times. */
#define LONGER(when) "{" SERIES ",'Overrides/" when "':{'Subject':'Longer'}}"

static void a_series_is_read_with_its_exceptions(void **state)
{
	struct mailbox_item item;

	(void)state;
	fake_queue_success("GetItem",
		"<m:Items><e:CalendarItem><e:ItemId Id=\"M\" ChangeKey=\"K\"/>"
		"<e:Subject>Weekly</e:Subject><e:Start>2026-10-19T08:00:00Z</e:Start>"
		"<e:End>2026-10-19T09:00:00Z</e:End><e:Recurrence><e:WeeklyRecurrence>"
		"<e:Interval>1</e:Interval><e:DaysOfWeek>Monday</e:DaysOfWeek>"
		"</e:WeeklyRecurrence><e:NumberedRecurrence>"
		"<e:StartDate>2026-10-19+02:00</e:StartDate>"
		"<e:NumberOfOccurrences>5</e:NumberOfOccurrences></e:NumberedRecurrence>"
		"</e:Recurrence><e:ModifiedOccurrences><e:Occurrence><e:ItemId Id=\"X\"/>"
		"<e:Start>2026-10-26T13:00:00Z</e:Start><e:End>2026-10-26T15:00:00Z</e:End>"
		"<e:OriginalStart>2026-10-26T09:00:00Z</e:OriginalStart></e:Occurrence>"
		"</e:ModifiedOccurrences><e:DeletedOccurrences><e:DeletedOccurrence>"
		"<e:Start>2026-11-02T09:00:00Z</e:Start></e:DeletedOccurrence>"
		"</e:DeletedOccurrences><e:StartTimeZone Id=\"W. Europe Standard Time\"/>"
		"</e:CalendarItem></m:Items>");
	fake_queue_success("GetItem",
		"<m:Items><e:CalendarItem><e:ItemId Id=\"X\" ChangeKey=\"KX\"/>"
		"<e:Subject>Weekly, longer</e:Subject><e:Start>2026-10-26T13:00:00Z</e:Start>"
		"<e:End>2026-10-26T15:00:00Z</e:End>"
		"<e:StartTimeZone Id=\"W. Europe Standard Time\"/></e:CalendarItem></m:Items>");
	item = fake_get_item(KIND_EVENT, "M");
	assert_int_equal(item.error.code, 0);
	fake_assert_last("<t:ItemId Id=\"X\"/>", 1);
	check(item.fields,
		"{" SERIES ",'Overrides/2026-10-26T10:00:00':{'Subject':'Weekly, longer',"
		"'Start':'2026-10-26T14:00:00','Duration':'PT2H'},"
		"'Overrides/2026-11-02T10:00:00':{'excluded':true}}");
	mailbox_item_clear(&item);
}

/* A server that says so for ever is asked once, not for ever. */
static char *a_series_within_a_series(const char *operation, const char *body)
{
	char *message AUTOFREE = fake_success(operation,
		"<m:Items><e:CalendarItem><e:ItemId Id=\"M\" ChangeKey=\"K\"/>"
		"<e:Start>2026-10-19T08:00:00Z</e:Start><e:End>2026-10-19T09:00:00Z</e:End>"
		"<e:Recurrence><e:DailyRecurrence><e:Interval>1</e:Interval></e:DailyRecurrence>"
		"<e:NoEndRecurrence><e:StartDate>2026-10-19</e:StartDate></e:NoEndRecurrence>"
		"</e:Recurrence><e:ModifiedOccurrences><e:Occurrence><e:ItemId Id=\"M\"/>"
		"<e:OriginalStart>2026-10-26T08:00:00Z</e:OriginalStart></e:Occurrence>"
		"</e:ModifiedOccurrences><e:StartTimeZone Id=\"UTC\"/></e:CalendarItem></m:Items>");

	(void)body;
	return fake_messages(operation, message);
}

static void an_occurrence_has_no_exceptions(void **state)
{
	struct mailbox_item item;

	(void)state;
	fake.respond = a_series_within_a_series;
	item = fake_get_item(KIND_EVENT, "M");
	assert_int_equal(item.error.code, 0);
	assert_int_equal(fake.n_requests, 2);
	assert_non_null(json_object_get(item.fields, "Overrides/2026-10-26T08:00:00"));
	mailbox_item_clear(&item);
}

#define YEARLY(to, offset, month, week)                                                            \
	"<e:RecurringDayTransition><e:To Kind=\"Period\">" to "</e:To><e:TimeOffset>" offset       \
	"</e:TimeOffset><e:Month>" month "</e:Month><e:DayOfWeek>Sunday</e:DayOfWeek>"             \
	"<e:Occurrence>" week "</e:Occurrence></e:RecurringDayTransition>"
#define CUSTOM(id, standard, daylight, transitions)                                                \
	"<e:StartTimeZone Name=\"\" Id=\"" id "\"><e:Periods><e:Period Bias=\"" standard           \
	"\" Name=\"Standard\" Id=\"S\"/><e:Period Bias=\"" daylight                                \
	"\" Name=\"Daylight\" Id=\"D\"/></e:Periods><e:TransitionsGroups><e:TransitionsGroup "     \
	"Id=\"0\">" transitions "</e:TransitionsGroup></e:TransitionsGroups><e:Transitions>"       \
	"<e:Transition><e:To Kind=\"Group\">0</e:To></e:Transition></e:Transitions>"               \
	"</e:StartTimeZone>"

/* What a server says of a zone that it has no name for, and the local time of 2026-10-19T08:00:00Z
 * there; NULL: nobody has such rules, and what repeats cannot be shown. */
static void a_custom_zone_is_told_by_its_rules(void **state)
{
	static const char *const cases[][3] = {
		{ CUSTOM("", "-PT1H", "-PT2H",
			  YEARLY("D", "PT2H", "3", "-1") YEARLY("S", "PT3H", "10", "-1")),
			"Europe/Berlin", "2026-10-19T10:00:00" },
		{ CUSTOM("Customized Time Zone", "PT5H", "PT4H",
			  YEARLY("S", "PT2H", "11", "1") YEARLY("D", "PT2H", "3", "2")),
			"America/New_York", "2026-10-19T04:00:00" },
		{ CUSTOM("tzone://Microsoft/Custom", "-PT5H30M", "PT0S",
			  "<e:Transition><e:To Kind=\"Period\">S</e:To></e:Transition>"),
			"Asia/Kolkata", "2026-10-19T13:30:00" },
		{ CUSTOM("", "-PT1H", "-PT2H",
			  YEARLY("D", "PT2H", "4", "-1") YEARLY("S", "PT3H", "7", "-1")),
			NULL, NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct mailbox_item item;
		char *answer AUTOFREE = xasprintf(
			"<m:Items><e:CalendarItem><e:ItemId Id=\"M\" ChangeKey=\"K\"/>"
			"<e:Start>2026-10-19T08:00:00Z</e:Start><e:End>2026-10-19T09:00:00Z</e:End>"
			"<e:Recurrence><e:DailyRecurrence><e:Interval>1</e:Interval>"
			"</e:DailyRecurrence><e:NoEndRecurrence><e:StartDate>2026-10-19</"
			"e:StartDate>"
			"</e:NoEndRecurrence></e:Recurrence>%s</e:CalendarItem></m:Items>",
			cases[i][0]);

		fake_queue_success("GetItem", answer);
		item = fake_get_item(KIND_EVENT, "M");
		assert_int_equal(item.error.code, 0);
		assert_int_equal(item.unsupported, !cases[i][1]);
		if (cases[i][1]) {
			assert_string_equal(
				json_string_value(json_object_get(item.fields, "TimeZone")),
				cases[i][1]);
			assert_string_equal(
				json_string_value(json_object_get(item.fields, "Start")),
				cases[i][2]);
		}
		assert_null(json_object_get(item.fields, "@ZoneRules"));
		mailbox_item_clear(&item);
	}
}

static void a_series_is_written_and_then_its_exceptions(void **state)
{
	struct mailbox_op op;

	(void)state;
	fake_queue_success("CreateItem", ITEM("A", "K1"));
	fake_queue_success("UpdateItem", ITEM("X", "K2"));
	fake_queue_success("DeleteItem", "");
	fake_queue_success("GetItem", ITEM("A", "K3"));
	op = created(&new_event, "{" SERIES ",'Overrides/2026-10-26T10:00:00':{'Subject':'Longer',"
				 "'Start':'2026-10-26T14:00:00','Duration':'PT2H'},"
				 "'Overrides/2026-11-02T10:00:00':{'excluded':true}}");
	assert_int_equal(op.error.code, 0);
	assert_string_equal(op.new_version, "K3");
	assert_int_equal(fake.n_requests, 4);
	assert_int_equal(fake_count(fake.requests[0], "<t:StartDate>2026-10-19</t:StartDate>"), 1);
	assert_int_equal(fake_count(fake.requests[0], "Longer"), 0);
	assert_int_equal(
		fake_count(fake.requests[1],
			"<t:OccurrenceItemId RecurringMasterId=\"A\" InstanceIndex=\"2\"/>"),
		1);
	assert_int_equal(fake_count(fake.requests[1], "<t:Start>2026-10-26T13:00:00Z<"), 1);
	assert_int_equal(fake_count(fake.requests[1], "<t:End>2026-10-26T15:00:00Z<"), 1);
	assert_int_equal(fake_count(fake.requests[1], "SendToNone"), 1);
	assert_int_equal(
		fake_count(fake.requests[2],
			"<t:OccurrenceItemId RecurringMasterId=\"A\" InstanceIndex=\"3\"/>"),
		1);
	assert_int_equal(
		fake_count(fake.requests[2], "SendMeetingCancellations=\"SendToNone\""), 1);
	mailbox_op_clear(&op);
}

/* Exchange drops the exceptions when the times or the pattern of the series change. */
static void after_a_change_of_times_all_exceptions_are_sent_again(void **state)
{
	struct mailbox_op op;

	(void)state;
	fake_queue_success("UpdateItem", ITEM("A", "K2"));
	fake_queue_success("UpdateItem", ITEM("X", "K3"));
	fake_queue_success("GetItem", ITEM("A", "K4"));
	op = updated(LONGER("2026-10-26T10:00:00"), "Duration");
	assert_int_equal(fake.n_requests, 3);
	assert_int_equal(fake_count(fake.requests[1], "InstanceIndex=\"2\""), 1);
	assert_int_equal(fake_count(fake.requests[1], "<t:Subject>Longer</t:Subject>"), 1);
	mailbox_op_clear(&op);
}

static void another_change_sends_none(void **state)
{
	struct mailbox_op op;

	(void)state;
	fake_queue_success("UpdateItem", ITEM("A", "K2"));
	op = updated(LONGER("2026-10-26T10:00:00"), "Subject");
	assert_int_equal(fake.n_requests, 1);
	mailbox_op_clear(&op);
}

static void an_exception_alone_is_guarded_by_the_version_of_the_series(void **state)
{
	static const char fields[] = LONGER("2026-10-26T10:00:00");
	struct mailbox_op op;

	(void)state;
	fake_queue_success("GetItem", ITEM("A", "K1"));
	fake_queue_success("UpdateItem", ITEM("X", "K3"));
	fake_queue_success("GetItem", ITEM("A", "K4"));
	op = updated(fields, "Overrides/2026-10-26T10:00:00");
	assert_int_equal(op.error.code, 0);
	assert_int_equal(fake.n_requests, 3);
	mailbox_op_clear(&op);
	fake_queue_success("GetItem", ITEM("A", "K9"));
	op = updated(fields, "Overrides/2026-10-26T10:00:00");
	assert_int_equal(op.error.code, ERR_CONFLICT);
	assert_int_equal(fake.n_requests, 4);
	mailbox_op_clear(&op);
}

/* Exchange cannot bring a deleted occurrence back: the pattern is written anew, after one that Exchange
 * takes for another. */
static void a_deleted_occurrence_comes_back_with_the_pattern(void **state)
{
	struct mailbox_op op;

	(void)state;
	fake_queue_success("GetItem", ITEM("A", "K1"));
	fake_queue_failure("UpdateItem", "ErrorCalendarOccurrenceIsDeletedFromRecurrence");
	fake_queue_success("GetItem", ITEM("A", "K5"));
	fake_queue_success("UpdateItem", ITEM("A", "K6"));
	fake_queue_success("UpdateItem", ITEM("A", "K7"));
	fake_queue_success("UpdateItem", ITEM("X", "K8"));
	fake_queue_success("GetItem", ITEM("A", "K9"));
	op = updated_from("{'Overrides/2026-11-02T10:00:00':{'excluded':true}}",
		LONGER("2026-11-09T10:00:00"), "Overrides/2026-11-02T10:00:00");
	assert_int_equal(op.error.code, 0);
	assert_int_equal(fake_count(fake.requests[3], "ChangeKey=\"K5\""), 1);
	assert_int_equal(fake_count(fake.requests[3], "<t:EndDate>2026-11-16</t:EndDate>"), 1);
	assert_int_equal(fake_count(fake.requests[4], "ChangeKey=\"K6\""), 1);
	assert_int_equal(fake_count(fake.requests[4], "<t:NumberOfOccurrences>5<"), 1);
	assert_int_equal(fake_count(fake.requests[5], "InstanceIndex=\"4\""), 1);
	mailbox_op_clear(&op);
}

/* Of an exception only what changed in it is sent, and when it is: its body stays as it is. */
static void of_an_exception_only_what_changed_is_sent(void **state)
{
	struct mailbox_op op;

	(void)state;
	fake_queue_success("GetItem", ITEM("A", "K1"));
	fake_queue_success("UpdateItem", ITEM("X", "K3"));
	fake_queue_success("GetItem", ITEM("A", "K4"));
	op = updated_from(
		"{'Overrides/2026-10-26T10:00:00':{'Body':'Text','Subject':'a','Location':'b'}}",
		"{" SERIES ",'Overrides/2026-10-26T10:00:00':{'Body':'Text','Subject':'c'}}",
		"Overrides/2026-10-26T10:00:00");
	assert_int_equal(op.error.code, 0);
	assert_int_equal(fake_count(fake.requests[1], "<t:Subject>c</t:Subject>"), 1);
	assert_int_equal(fake_count(fake.requests[1],
				 "<t:DeleteItemField><t:FieldURI FieldURI=\"calendar:Location\"/>"),
		1);
	assert_int_equal(fake_count(fake.requests[1], "<t:Body"), 0);
	mailbox_op_clear(&op);
}

#define KEPT_SERIES                                                                                \
	"<m:Items><e:CalendarItem><e:ItemId Id=\"A\" ChangeKey=\"K1\"/><e:Body BodyType=\"HTML\">" \
	"same</e:Body><e:ModifiedOccurrences><e:Occurrence><e:ItemId Id=\"X\"/>"                   \
	"<e:Start>2026-10-26T13:00:00Z</e:Start><e:End>2026-10-26T14:00:00Z</e:End>"               \
	"<e:OriginalStart>2026-10-26T09:00:00Z</e:OriginalStart></e:Occurrence>"                   \
	"</e:ModifiedOccurrences></e:CalendarItem></m:Items>"
#define KEPT_BODY(TYPE, TEXT)                                                                      \
	"<m:Items><e:CalendarItem><e:ItemId Id=\"X\"/><e:Body BodyType=\"" TYPE "\">" TEXT         \
	"</e:Body></e:CalendarItem></m:Items>"

/* The body of an exception, as Exchange gives it, what is held of it, what it is to be, and what is sent
 * once Exchange has dropped it: the series begins an hour later, and the exception does. */
static const struct {
	const char *name, *given, *ours, *now, *sent;
} bodies[] = {
	{ "as it was", KEPT_BODY("HTML", "&lt;b&gt;own&lt;/b&gt;&#13;&#10;&#10;x"), "'Body':'own'",
		"'Body':'own'", "\"HTML\">&lt;b&gt;own&lt;/b&gt;&#13;&#10;&#10;x</t:Body>" },
	{ "another text", KEPT_BODY("HTML", "&lt;b&gt;own&lt;/b&gt;"), "'Body':'own'",
		"'Body':'new'", "\"Text\">new</t:Body>" },
	{ "no HTML", KEPT_BODY("Text", "own"), "'Body':'own'", "'Body':'own'",
		"\"Text\">own</t:Body>" },
	{ "the text of the series", KEPT_BODY("HTML", "&lt;i&gt;same&lt;/i&gt;"), "'Subject':'a'",
		"'Subject':'a'", "\"HTML\">&lt;i&gt;same&lt;/i&gt;</t:Body>" },
	{ "the body of the series", KEPT_BODY("HTML", "same"), "'Subject':'a'", "'Subject':'a'",
		NULL },
};

static void a_body_in_html_outlives_a_change_of_times(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bodies); i++) {
		char *ours AUTOFREE = xasprintf(
			"{" SERIES ",'Overrides/2026-10-26T10:00:00':{%s}}", bodies[i].ours);
		char *now AUTOFREE = xasprintf(
			"{" SERIES_AT("11") ",'Overrides/2026-10-26T11:00:00':{%s}}",
			bodies[i].now);
		size_t before = fake.n_requests;
		const char *sent;
		struct mailbox_op op;

		print_message("%s\n", bodies[i].name);
		fake_queue_success("GetItem", KEPT_SERIES);
		fake_queue_success("GetItem", bodies[i].given);
		fake_queue_success("UpdateItem", ITEM("A", "K2"));
		fake_queue_success("UpdateItem", ITEM("X", "K3"));
		fake_queue_success("GetItem", ITEM("A", "K4"));
		op = updated_from(ours, now, "Start");
		assert_int_equal(op.error.code, 0);
		assert_int_equal(fake_count(fake.requests[before + 1], "Best"), 1);
		sent = fake.requests[before + 3];
		assert_int_equal(fake_count(sent, "<t:Body BodyType="), bodies[i].sent != NULL);
		if (bodies[i].sent)
			assert_int_equal(fake_count(sent, bodies[i].sent), 1);
		mailbox_op_clear(&op);
	}
}

/* The series was dropped by a push that was cut short: what that one kept is sent by the next. */
static void what_a_push_kept_is_sent_by_the_next(void **state)
{
	json_t *fields = json_of_lax(
		"{" SERIES ",'Overrides/2026-10-26T10:00:00':{'Body':'own','Subject':'a'}}");
	json_t *ours = json_of_lax("{" SERIES "}"),
	       *changed = json_pack("[s]", "Overrides/2026-10-26T10:00:00");
	struct mailbox_op op = known_event;
	struct error err = ERROR_INIT;

	(void)state;
	op.fields = fields;
	op.ours = ours;
	op.changed = changed;
	op.kept = json_of_lax("{'2026-10-26T10:00:00':{'text':'own','html':'<b>own</b>'},"
			      "'2026-11-02T10:00:00':{'text':null,'html':'<b> </b>'}}");
	fake_queue_success("GetItem", ITEM("A", "K1"));
	fake_queue_success("UpdateItem", ITEM("X", "K3"));
	fake_queue_success("GetItem", ITEM("A", "K4"));
	assert_int_equal(ews_driver.keep(box, &op, 1, &err), 0);
	assert_int_equal(ews_driver.write_items(box, MAILBOX_UPDATE, &op, 1, &err), 0);
	assert_int_equal(op.error.code, 0);
	assert_int_equal(
		fake_count(fake.requests[1], "\"HTML\">&lt;b&gt;own&lt;/b&gt;</t:Body>"), 1);
	assert_int_equal(fake_count(fake.requests[1], "\"HTML\">&lt;b&gt; &lt;/b&gt;</t:Body>"), 1);
	assert_int_equal(fake_count(fake.requests[1], "<t:Subject>a</t:Subject>"), 1);
	mailbox_op_clear(&op);
	json_decref(fields);
	json_decref(ours);
	json_decref(changed);
}

static void an_occurrence_that_the_series_does_not_have(void **state)
{
	struct mailbox_op op;

	(void)state;
	fake_queue_success("GetItem", ITEM("A", "K1"));
	op = updated(LONGER("2026-10-27T10:00:00"), "Overrides/2026-10-27T10:00:00");
	assert_int_equal(op.error.code, ERR_INVALID);
	assert_non_null(strstr(op.error.text, "2026-10-27T10:00:00"));
	mailbox_op_clear(&op);
}

/* ---- tasks ------------------------------------------------------------------------------------- */

static void a_task_is_written(void **state)
{
	struct mailbox_op op;

	(void)state;
	fake_queue_success("CreateItem",
		"<m:Items><e:Task><e:ItemId Id=\"T\" ChangeKey=\"K\"/></e:Task></m:Items>");
	op = created(&new_task, "{'Subject':'Call','DueDate':'2026-12-01','PercentComplete':50,"
				"'Status':'InProgress','Reminder':'2026-11-30T08:00:00Z'}");
	assert_int_equal(op.error.code, 0);
	fake_assert_last("<t:DueDate>2026-12-01T11:59:00Z</t:DueDate>", 1);
	fake_assert_last("<t:PercentComplete>50</t:PercentComplete>", 1);
	fake_assert_last("<t:ReminderDueBy>2026-11-30T08:00:00Z</t:ReminderDueBy>"
			 "<t:ReminderIsSet>true</t:ReminderIsSet>",
		1);
	mailbox_op_clear(&op);
}

static void a_task_is_read(void **state)
{
	struct mailbox_item item;

	(void)state;
	fake_queue_success("GetItem",
		"<m:Items><e:Task><e:ItemId Id=\"T\" ChangeKey=\"K\"/><e:Subject>Call</e:Subject>"
		"<e:ReminderDueBy>2026-11-30T08:00:00Z</e:ReminderDueBy>"
		"<e:ReminderIsSet>false</e:ReminderIsSet>"
		"<e:CompleteDate>2026-11-20T23:00:00Z</e:CompleteDate>"
		"<e:DueDate>2026-12-01T00:00:00Z</e:DueDate>"
		"<e:PercentComplete>100</e:PercentComplete><e:Status>Completed</e:Status>"
		"</e:Task></m:Items>");
	item = fake_get_item(KIND_TASK, "T");
	check(item.fields, "{'Subject':'Call','CompleteDate':'2026-11-21','DueDate':'2026-12-01',"
			   "'PercentComplete':100,'Status':'Completed'}");
	mailbox_item_clear(&item);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		fake_test(times_are_instants_there),
		fake_test(instants_are_times_here),
		fake_test(an_event_without_a_zone_has_the_mailboxes),
		fake_test(what_says_when_is_sent_together),
		fake_test(a_zone_that_nobody_knows),
		fake_test(a_meeting_is_read),
		fake_test(attendees_that_have_no_address_keep_the_list_from_being_written),
		fake_test(attendees_are_written_as_three_lists),
		fake_test(a_series_is_read_with_its_exceptions),
		fake_test(an_occurrence_has_no_exceptions),
		fake_test(a_series_is_written_and_then_its_exceptions),
		fake_test(after_a_change_of_times_all_exceptions_are_sent_again),
		fake_test(another_change_sends_none),
		fake_test(an_exception_alone_is_guarded_by_the_version_of_the_series),
		fake_test(a_custom_zone_is_told_by_its_rules),
		fake_test(a_deleted_occurrence_comes_back_with_the_pattern),
		fake_test(of_an_exception_only_what_changed_is_sent),
		fake_test(a_body_in_html_outlives_a_change_of_times),
		fake_test(what_a_push_kept_is_sent_by_the_next),
		fake_test(an_occurrence_that_the_series_does_not_have),
		fake_test(a_task_is_written),
		fake_test(a_task_is_read),
	};

	return cmocka_run_group_tests(tests, fake_setup, fake_teardown);
}
