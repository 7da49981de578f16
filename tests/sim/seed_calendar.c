/* The diaries and tasks of the demo company.
 *
 * Each mailbox has its rows as ews_add_item() takes them, written with ' for " and with days that
 * count from the Monday of the week in which the simulator starts: "@1T09:30:00" is Tuesday's half
 * past nine.  So the demo always has something past, something today and something to come. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "sync/mem.h"
#include "tests/sim/core.h"
#include "tests/sim/people.h"

#define DAY 86400

/* clang-format off */
static const struct {
	unsigned int owner;
	const char *zone; /* of appointments */
	const char *kind, *json;
} rows[] = {
	{ SEED_ALICE, "W. Europe Standard Time", "calendar",
		"{'Subject': 'Sales meeting', 'Location': 'Meeting room 2', 'Categories': ['Team'],"
		" 'Start': '@-14T09:30:00', 'End': '@-14T10:30:00',"
		" 'RequiredAttendees': [{'EmailAddress': 'bob.tanaka@corp.example', 'ResponseType': 'Accept'},"
		"  {'EmailAddress': 'carol.silva@corp.example', 'ResponseType': 'Tentative'}],"
		" 'Recurrence': {'WeeklyRecurrence': {'Interval': 1, 'DaysOfWeek': 'Monday'},"
		"  'NoEndRecurrence': {'StartDate': '@-14'}},"
		" 'Exceptions': [{'OriginalDay': '@7', 'Start': '@8T09:30:00', 'End': '@8T10:30:00',"
		"   'Location': 'Meeting room 5'}, {'OriginalDay': '@14'}]}" },
	{ SEED_ALICE, "W. Europe Standard Time", "calendar",
		"{'Subject': 'Visit to Proseware', 'Location': 'Proseware, reception',"
		" 'Start': '@2T13:00:00', 'End': '@2T15:00:00', 'Categories': ['CRM'],"
		" 'LegacyFreeBusyStatus': 'OOF', 'ReminderMinutesBeforeStart': 60,"
		" 'Body': {'HTML': '<html><body><p>Bring the <b>new price list</b>.</p></body></html>'},"
		" 'RequiredAttendees': [{'Name': 'Anna Lindqvist',"
		"  'EmailAddress': 'anna.lindqvist@proseware.example', 'ResponseType': 'Accept'}]}" },
	{ SEED_ALICE, "W. Europe Standard Time", "calendar",
		"{'Subject': 'Hannover fair', 'Location': 'Hall 7', 'IsAllDayEvent': true,"
		" 'Start': '@8T00:00:00', 'End': '@11T00:00:00', 'LegacyFreeBusyStatus': 'OOF',"
		" 'ReminderIsSet': false}" },
	{ SEED_ALICE, "W. Europe Standard Time", "calendar",
		"{'Subject': 'Dentist', 'Start': '@3T08:00:00', 'End': '@3T08:45:00',"
		" 'Sensitivity': 'Private', 'LegacyFreeBusyStatus': 'OOF'}" },
	{ SEED_ALICE, NULL, "tasks",
		"{'Subject': 'Send the price list', 'DueDate': '@1', 'Importance': 'High',"
		" 'Categories': ['CRM'], 'Status': 'InProgress', 'PercentComplete': 50,"
		" 'ReminderIsSet': true, 'ReminderDueBy': '@1T08:00:00'}" },
	{ SEED_ALICE, NULL, "tasks",
		"{'Subject': 'Weekly report', 'DueDate': '@4', 'Recurrence': {'WeeklyRecurrence':"
		" {'Interval': 1, 'DaysOfWeek': 'Friday'}, 'NoEndRecurrence': {'StartDate': '@4'}}}" },
	{ SEED_ALICE, NULL, "tasks",
		"{'Subject': 'Order business cards', 'DueDate': '@-5', 'Status': 'Completed',"
		" 'CompleteDate': '@-6'}" },

	{ SEED_BOB, "Tokyo Standard Time", "calendar",
		"{'Subject': 'Forecast', 'Location': 'Online', 'Start': '@-21T17:00:00',"
		" 'End': '@-21T18:00:00', 'Recurrence': {'RelativeMonthlyRecurrence': {'Interval': 1,"
		" 'DaysOfWeek': 'Monday', 'DayOfWeekIndex': 'First'}, 'NumberedRecurrence':"
		" {'StartDate': '@-21', 'NumberOfOccurrences': 12}}}" },
	{ SEED_BOB, "Tokyo Standard Time", "calendar",
		"{'Subject': 'Call with the warehouse', 'Start': '@1T10:00:00', 'End': '@1T10:30:00',"
		" 'LegacyFreeBusyStatus': 'Tentative'}" },
	{ SEED_BOB, "W. Europe Standard Time", "calendar",
		"{'Subject': 'Sales meeting', 'Location': 'Meeting room 2',"
		" 'Start': '@-14T09:30:00', 'End': '@-14T10:30:00', 'MyResponseType': 'Accept',"
		" 'Organizer': {'Name': 'Alice Moreau', 'EmailAddress': 'alice.moreau@corp.example'},"
		" 'RequiredAttendees': ['bob.tanaka@corp.example', 'carol.silva@corp.example'],"
		" 'Recurrence': {'WeeklyRecurrence': {'Interval': 1, 'DaysOfWeek': 'Monday'},"
		"  'NoEndRecurrence': {'StartDate': '@-14'}}}" },
	{ SEED_BOB, NULL, "tasks",
		"{'Subject': 'Call back about the renewal', 'StartDate': '@0', 'DueDate': '@9',"
		" 'Categories': ['CRM'], 'Body': 'Last visit: very satisfied with delivery times.'}" },

	{ SEED_CAROL, "GMT Standard Time", "calendar",
		"{'Subject': 'Lunch with Paulo', 'Start': '@2T12:30:00', 'End': '@2T13:30:00',"
		" 'Sensitivity': 'Personal', 'ReminderIsSet': false}" },
	{ SEED_CAROL, "GMT Standard Time", "calendar",
		"{'Subject': 'Company anniversary', 'IsAllDayEvent': true, 'LegacyFreeBusyStatus': 'Free',"
		" 'Start': '@4T00:00:00', 'End': '@5T00:00:00', 'ReminderIsSet': false}" },
	{ SEED_CAROL, "GMT Standard Time", "calendar",
		"{'Subject': 'Demonstration', 'Location': 'Customer centre', 'Start': '@9T14:00:00',"
		" 'End': '@9T16:30:00', 'Categories': ['CRM', 'Key account'], 'Importance': 'High'}" },
	{ SEED_CAROL, NULL, "tasks",
		"{'Subject': 'Book the flight', 'Status': 'WaitingOnOthers', 'DueDate': '@6',"
		" 'Sensitivity': 'Private'}" },
};
/* clang-format on */

static char *with_day(const char *text, time_t monday)
{
	char *rest, date[16];
	time_t day;
	struct tm tm;

	if (*text != '@')
		return xstrdup(text);
	day = monday + strtol(text + 1, &rest, 10) * DAY;
	gmtime_r(&day, &tm);
	strftime(date, sizeof(date), "%Y-%m-%d", &tm);
	return xasprintf("%s%s", date, rest);
}

/* A copy in which every text that begins with @ names its day. */
static json_t *dated(const json_t *value, time_t monday)
{
	json_t *out, *inner;
	const char *key;
	size_t i;

	if (json_is_string(value)) {
		char *text AUTOFREE = with_day(json_string_value(value), monday);

		return json_string(text);
	}
	if (json_is_array(value)) {
		out = json_array();
		json_array_foreach(value, i, inner)
			json_array_append_new(out, dated(inner, monday));
		return out;
	}
	if (!json_is_object(value))
		return json_deep_copy(value);
	out = json_object();
	json_object_foreach((json_t *)value, key, inner)
		json_object_set_new(out, key, dated(inner, monday));
	return out;
}

static int add_row(
	struct sim *sim, size_t row, const char *address, time_t monday, struct error *err)
{
	char *text AUTOFREE = xstrdup(rows[row].json);
	json_error_t why;
	json_t *written, *item;
	int rc;

	for (char *quote = text; (quote = strchr(quote, '\''));)
		*quote = '"';
	written = json_loads(text, 0, &why);
	if (!written)
		return error_set(
			err, ERR_INVALID, "row %zu of the demo's calendars: %s", row, why.text);
	item = dated(written, monday);
	if (rows[row].zone && !strcmp(rows[row].kind, "calendar"))
		json_object_set_new(item, "StartTimeZone", json_string(rows[row].zone));
	rc = ews_add_item(sim->ews, address, rows[row].kind, item, err);
	json_decref(item);
	json_decref(written);
	return rc;
}

int seed_demo_calendar(struct sim *sim, const char *address, unsigned int owner, struct error *err)
{
	time_t now = (time_t)(sim_now_ns(sim) / 1000000000), monday;
	struct tm tm;

	gmtime_r(&now, &tm);
	monday = now - now % DAY - (tm.tm_wday + 6) % 7 * DAY;
	for (size_t row = 0; row < ARRAY_SIZE(rows); row++)
		if (rows[row].owner == owner && add_row(sim, row, address, monday, err))
			return -1;
	return 0;
}
