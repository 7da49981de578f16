/* Event, Task and EventRelation: their standard fields with types, lengths and rights, as the Object
 * Reference gives them, and what a save of an event or a task checks and fills in.
 *
 * An event says when it begins and how long it takes; its end, its dates and its account follow from
 * that.  An all-day event begins at midnight UTC of its first day, whatever the user's zone is, and
 * its EndDateTime is midnight UTC of its last day. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "sync/mem.h"
#include "tests/sim/sf_fields.h"

#define DAY_MINUTES    1440
#define MULTI_DAY_MAX  (14 * DAY_MINUTES)

#define EVENT_SUBJECTS "Call|Email|Meeting|Send Letter/Quote|Other"
#define TASK_SUBJECTS  "Call|Send Letter|Send Quote|Other"
#define RECURRENCE_TYPES                                                                           \
	"RecursDaily|RecursEveryWeekday|RecursMonthly|RecursMonthlyNth|RecursWeekly|RecursYearly|" \
	"RecursYearlyNth"
#define INSTANCES "First|Second|Third|Fourth|Last"
#define MONTHS                                                                                     \
	"January|February|March|April|May|June|July|August|September|October|November|December"
#define ZONES "Europe/Berlin|Europe/London|America/Los_Angeles|America/New_York|Asia/Kolkata|GMT"

/* clang-format off */
#define MAKE(n, l, t, len, v)	{ n, l, t, len, SF_CREATE, NULL, NULL, v }
#define SEEN(n, l)		{ n, l, SF_BOOLEAN, 0, SF_NOT_NULL, NULL, NULL, NULL }
#define WHEN(n, l, t)		{ n, l, t, 0, SF_WRITE, NULL, NULL, NULL }
#define SUBJECT(v)		{ "Subject", "Subject", SF_COMBOBOX, 255, SF_WRITE, NULL, NULL, v }
#define WHO	REF("WhoId", "Name ID", "Contact|Lead", "Who")
#define WHAT	REF("WhatId", "Related To ID", "Account", "What")
#define ACCOUNT	{ "AccountId", "Account ID", SF_REFERENCE, 18, 0, "Account", "Account", NULL }
#define REMINDER \
	WHEN("ReminderDateTime", "Reminder Date/Time", SF_DATETIME), \
	BOOL("IsReminderSet", "Reminder Set")
/* The fields of Classic's series that events and tasks have in common. */
#define CLASSIC(object, label) \
	{ "RecurrenceActivityId", "Recurrence Activity ID", SF_REFERENCE, 18, 0, object, \
	  "RecurrenceActivity", NULL }, \
	{ "IsRecurrence", "Create Recurring Series of " label, SF_BOOLEAN, 0, \
	  SF_CREATE | SF_NOT_NULL, NULL, NULL, NULL }, \
	MAKE("RecurrenceEndDateOnly", "Recurrence End", SF_DATE, 0, NULL), \
	MAKE("RecurrenceTimeZoneSidKey", "Recurrence Time Zone", SF_PICKLIST, 40, ZONES), \
	MAKE("RecurrenceType", "Recurrence Type", SF_PICKLIST, 40, RECURRENCE_TYPES), \
	MAKE("RecurrenceInterval", "Recurrence Interval", SF_INT, 9, NULL), \
	MAKE("RecurrenceDayOfWeekMask", "Recurrence Day of Week Mask", SF_INT, 9, NULL), \
	MAKE("RecurrenceDayOfMonth", "Recurrence Day of Month", SF_INT, 9, NULL), \
	MAKE("RecurrenceInstance", "Recurrence Instance", SF_PICKLIST, 40, INSTANCES), \
	MAKE("RecurrenceMonthOfYear", "Recurrence Month of Year", SF_PICKLIST, 40, MONTHS)

static const struct sf_field event_fields[] = {
	ID("Activity"),
	WHO,
	WHAT,
	SUBJECT(EVENT_SUBJECTS),
	TEXT("Location", "Location", 255),
	BOOL("IsAllDayEvent", "All-Day Event"),
	WHEN("ActivityDateTime", "Due Date Time", SF_DATETIME),
	WHEN("ActivityDate", "Due Date Only", SF_DATE),
	{ "DurationInMinutes", "Duration", SF_INT, 0, SF_WRITE, NULL, NULL, NULL },
	WHEN("StartDateTime", "Start Date Time", SF_DATETIME),
	WHEN("EndDateTime", "End Date Time", SF_DATETIME),
	READ("EndDate", "End Date", SF_DATE, 0),
	AREA("Description", "Description", 32000),
	ACCOUNT,
	{ "OwnerId", "Assigned To ID", SF_REFERENCE, 18, SF_WRITE | SF_NOT_NULL, "User", "Owner",
	  NULL },
	BOOL("IsPrivate", "Private"),
	{ "ShowAs", "Show Time As", SF_PICKLIST, 40, SF_WRITE | SF_RESTRICTED, NULL, NULL,
	  "Busy|OutOfOffice|Free" },
	IS_DELETED,
	SEEN("IsChild", "Is Child"),
	SEEN("IsGroupEvent", "Is Group Event"),
	{ "GroupEventType", "Group Event Type", SF_PICKLIST, 40, 0, NULL, NULL, "0|1|2|3" },
	SYSTEM_FIELDS,
	SEEN("IsArchived", "Archived"),
	CLASSIC("Event", "Events"),
	MAKE("RecurrenceStartDateTime", "Recurrence Start", SF_DATETIME, 0, NULL),
	REMINDER,
	{ "EventSubtype", "Event Subtype", SF_PICKLIST, 40, SF_CREATE | SF_RESTRICTED, NULL, NULL,
	  "Event" },
	SEEN("IsRecurrence2Exclusion", "Historical Event, Not Following Recurrence"),
	{ "Recurrence2PatternText", "Recurrence Pattern", SF_TEXTAREA, 512, SF_WRITE, NULL, NULL,
	  NULL },
	{ "Recurrence2PatternVersion", "Pattern Version", SF_PICKLIST, 40, SF_WRITE, NULL, NULL, "1" },
	BOOL("IsRecurrence2", "Repeat"),
	SEEN("IsRecurrence2Exception", "Is Exception"),
	WHEN("Recurrence2PatternStartDate", "Recurrence Pattern Start Date", SF_DATETIME),
	TEXT("Recurrence2PatternTimeZone", "Recurrence Pattern Time Zone Reference", 255),
	{ "ActivityRecurrence2Id", "Activity Recurrence ID", SF_REFERENCE, 18, 0,
	  "ActivityRecurrence2", NULL, NULL },
	{ "ActivityRecurrence2ExceptionId", "Activity Recurrence Exception ID", SF_REFERENCE, 18, 0,
	  "ActivityRecurrence2Exception", NULL, NULL },
	TOKEN,
};

static const struct sf_field task_fields[] = {
	ID("Activity"),
	WHO,
	WHAT,
	SUBJECT(TASK_SUBJECTS),
	WHEN("ActivityDate", "Due Date Only", SF_DATE),
	{ "Status", "Status", SF_PICKLIST, 255, SF_WRITE | SF_NOT_NULL, NULL, NULL,
	  "Not Started|In Progress|Completed|Waiting on someone else|Deferred" },
	{ "Priority", "Priority", SF_PICKLIST, 255, SF_WRITE | SF_NOT_NULL, NULL, NULL,
	  "High|Normal|Low" },
	SEEN("IsHighPriority", "High Priority"),
	{ "OwnerId", "Assigned To ID", SF_REFERENCE, 18, SF_WRITE | SF_NOT_NULL, "User", "Owner",
	  NULL },
	AREA("Description", "Description", 32000),
	IS_DELETED,
	ACCOUNT,
	SEEN("IsClosed", "Closed"),
	SYSTEM_FIELDS,
	SEEN("IsArchived", "Archived"),
	{ "CallDurationInSeconds", "Call Duration", SF_INT, 0, SF_WRITE, NULL, NULL, NULL },
	PICK("CallType", "Call Type", 40, "Internal|Inbound|Outbound"),
	TEXT("CallDisposition", "Call Result", 255),
	TEXT("CallObject", "Call Object Identifier", 255),
	REMINDER,
	CLASSIC("Task", "Tasks"),
	MAKE("RecurrenceStartDateOnly", "Recurrence Start", SF_DATE, 0, NULL),
	MAKE("RecurrenceRegeneratedType", "Repeat This Task", SF_PICKLIST, 40,
		"RecurrenceRegenerateAfterDueDate|RecurrenceRegenerateAfterToday"),
	{ "TaskSubtype", "Task Subtype", SF_PICKLIST, 40, SF_CREATE | SF_RESTRICTED, NULL, NULL,
	  "Task|Email|ListEmail|Cadence|Call|LinkedIn" },
	READ("CompletedDateTime", "Completed Date", SF_DATETIME, 0),
	TOKEN,
};

static const struct sf_field relation_fields[] = {
	ID("Event Relation"),
	{ "RelationId", "Relation ID", SF_REFERENCE, 18, SF_CREATE | SF_REQUIRED, "User|Contact|Lead",
	  "Relation", NULL },
	{ "EventId", "Event ID", SF_REFERENCE, 18, SF_CREATE | SF_REQUIRED, "Event", "Event", NULL },
	{ "IsParent", "Is Parent", SF_BOOLEAN, 0, SF_CREATE | SF_NOT_NULL, NULL, NULL, NULL },
	{ "IsInvitee", "Is Invitee", SF_BOOLEAN, 0, SF_CREATE | SF_NOT_NULL, NULL, NULL, NULL },
	SEEN("IsWhat", "Is What"),
	ACCOUNT,
	{ "Status", "Status", SF_PICKLIST, 40, SF_WRITE | SF_RESTRICTED, NULL, NULL,
	  "New|Declined|Accepted" },
	WHEN("RespondedDate", "Response Date", SF_DATETIME),
	TEXT("Response", "Response", 255),
	IS_DELETED,
	SYSTEM_FIELDS,
};
/* clang-format on */

/* Values ---------------------------------------------------------------------------------- */

json_int_t sf_int(const json_t *fields, const char *name)
{
	return json_integer_value(json_object_get(fields, name));
}

bool sf_flag(const json_t *fields, const char *name)
{
	return json_is_true(json_object_get(fields, name));
}

bool sf_time(const json_t *fields, const char *name, int64_t *seconds)
{
	const char *text = json_string_value(json_object_get(fields, name));
	AUTOBUF struct buf full = BUF_INIT(64);

	if (!text)
		return false;
	buf_addf(&full, "%s%s", text, strlen(text) == 10 ? "T00:00:00Z" : "");
	return sf_parse_datetime(buf_str(&full), seconds);
}

void sf_set_time(json_t *fields, const char *name, int64_t seconds)
{
	char text[32];

	sf_format_datetime(seconds, text);
	json_object_set_new(fields, name, json_string(text));
}

static void set_date(json_t *fields, const char *name, int64_t seconds)
{
	char text[32];

	sf_format_datetime(seconds, text);
	text[10] = '\0';
	json_object_set_new(fields, name, json_string(text));
}

static void preset(json_t *fields, const char *name, const char *value)
{
	json_object_set_new(fields, name, json_string(value));
}

/* Does the input name the field with a value? */
static bool sent(const json_t *input, const char *name)
{
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)input, key, value)
		if (strcasecmp(key, name) == 0 && !json_is_null(value))
			return true;
	return false;
}

static int64_t midnight(int64_t seconds)
{
	int64_t within = seconds % 86400;

	return seconds - within - (within < 0 ? 86400 : 0);
}

static json_t *missing(const char *names)
{
	return sf_error("REQUIRED_FIELD_MISSING", NULL, "Required fields are missing: [%s]", names);
}

static json_t *conflict(const char *field, const char *why)
{
	return sf_error("FIELD_INTEGRITY_EXCEPTION", field, "%s", why);
}

/* When an event is ------------------------------------------------------------------------ */

/* The start that the input means: StartDateTime, ActivityDateTime or ActivityDate, which must not
 * contradict each other; without any, the one there was. */
static json_t *find_start(
	const json_t *before, const json_t *input, const json_t *fields, int64_t *start)
{
	static const char *const names[] = { "StartDateTime", "ActivityDateTime", "ActivityDate" };
	bool all_day = sf_flag(fields, "IsAllDayEvent"), any = false;

	for (size_t i = 0; i < ARRAY_SIZE(names) - !all_day; i++) {
		int64_t time;

		if (!sent(input, names[i]) || !sf_time(fields, names[i], &time))
			continue;
		if (all_day)
			time = midnight(time);
		if (any && time != *start)
			return conflict(names[i],
				"Start Date Time and Due Date Time must be the same, or one of "
				"them empty");
		*start = time;
		any = true;
	}
	if (any || (before && sf_time(before, "StartDateTime", start))) {
		*start = all_day ? midnight(*start) : *start;
		return NULL;
	}
	return missing(all_day ? "ActivityDate" : "DurationInMinutes, ActivityDateTime");
}

/* The minutes that the input means: DurationInMinutes or EndDateTime, which must not contradict each
 * other; without either, those there were. */
static json_t *find_duration(const json_t *before, const json_t *input, const json_t *fields,
	int64_t start, json_int_t *minutes)
{
	bool all_day = sf_flag(fields, "IsAllDayEvent");
	bool by_end = sent(input, "EndDateTime"), by_length = sent(input, "DurationInMinutes");
	json_int_t span = 0;
	int64_t end;

	*minutes = sf_int(fields, "DurationInMinutes");
	if (by_end && sf_time(fields, "EndDateTime", &end))
		span = all_day ? (midnight(end) - start) / 60 + DAY_MINUTES : (end - start) / 60;
	if (by_end && by_length && span != *minutes)
		return conflict("DurationInMinutes",
			"Duration and End Date Time must mean the same: Duration");
	if (by_end)
		*minutes = span;
	if (by_end || by_length)
		return NULL;
	if (!before)
		*minutes = DAY_MINUTES;
	else if (all_day && *minutes % DAY_MINUTES)
		*minutes += DAY_MINUTES - *minutes % DAY_MINUTES;
	return before || all_day ? NULL : missing("EndDateTime");
}

void sf_place_event(json_t *fields, int64_t start)
{
	int64_t length = sf_int(fields, "DurationInMinutes") * INT64_C(60);
	int64_t end = start + length - (sf_flag(fields, "IsAllDayEvent") ? 86400 : 0);

	sf_set_time(fields, "StartDateTime", start);
	sf_set_time(fields, "ActivityDateTime", start);
	set_date(fields, "ActivityDate", start);
	sf_set_time(fields, "EndDateTime", end);
	set_date(fields, "EndDate", end);
}

static json_t *check_times(
	const struct sf *sf, const json_t *before, const json_t *input, json_t *fields)
{
	json_int_t most = sf->multi_day ? MULTI_DAY_MAX : DAY_MINUTES, minutes = 0;
	int64_t start = 0;
	json_t *errors = find_start(before, input, fields, &start);

	if (!errors)
		errors = find_duration(before, input, fields, start, &minutes);
	if (errors)
		return errors;
	if (minutes < 0 || minutes > most)
		return sf_error("FIELD_INTEGRITY_EXCEPTION", "DurationInMinutes",
			"Duration must be between 0 and %lld minutes: Duration", (long long)most);
	if (sf_flag(fields, "IsAllDayEvent") && (!minutes || minutes % DAY_MINUTES))
		return conflict("DurationInMinutes",
			"The duration of an all-day event must be a multiple of 1440: Duration");
	json_object_set_new(fields, "DurationInMinutes", json_integer(minutes));
	sf_place_event(fields, start);
	return NULL;
}

/* What events and tasks have in common ----------------------------------------------------- */

static json_t *check_reminder(json_t *fields)
{
	bool set = sf_flag(fields, "IsReminderSet");

	if (set && !json_object_get(fields, "ReminderDateTime"))
		return missing("ReminderDateTime");
	if (!set)
		json_object_del(fields, "ReminderDateTime");
	return NULL;
}

/* A lead has no other relation; the account follows from what the activity relates to. */
static json_t *check_relations(struct sf *sf, json_t *fields)
{
	const char *who = json_string_value(json_object_get(fields, "WhoId"));
	const char *what = json_string_value(json_object_get(fields, "WhatId"));
	const struct sf_record *person = who ? sf_find(sf, who) : NULL;
	json_t *account = NULL;

	if (person && what && strcmp(person->table->name, "Lead") == 0)
		return conflict("WhatId", "Related To must be empty when Name is a lead");
	if (what)
		account = json_object_get(fields, "WhatId");
	else if (person)
		account = sf_get(person, "AccountId");
	if (account)
		json_object_set(fields, "AccountId", account);
	else
		json_object_del(fields, "AccountId");
	return NULL;
}

static json_t *check_writable(const struct sf_save *how, const json_t *before)
{
	if (!before || how->privileged)
		return NULL;
	if (sf_flag(before, "IsArchived"))
		return sf_error("INSUFFICIENT_ACCESS_OR_READONLY", NULL,
			"archived activities cannot be changed");
	if (sf_flag(before, "IsChild"))
		return sf_error("INSUFFICIENT_ACCESS_OR_READONLY", NULL,
			"an invitee's copy of an event cannot be changed");
	return NULL;
}

/* Event ----------------------------------------------------------------------------------- */

static void event_defaults(struct sf *sf, const struct sf_save *how, json_t *fields)
{
	(void)sf;
	(void)how;
	preset(fields, "ShowAs", "Busy");
	preset(fields, "EventSubtype", "Event");
	preset(fields, "GroupEventType", SF_EVENT_ALONE);
}

static json_t *event_check(struct sf *sf, const struct sf_save *how, const json_t *before,
	const json_t *input, json_t *fields)
{
	json_t *errors = check_writable(how, before);

	if (!errors)
		errors = check_times(sf, before, input, fields);
	if (!errors)
		errors = check_reminder(fields);
	if (!errors)
		errors = check_relations(sf, fields);
	return errors ? errors : sf_series_check(sf, how, before, fields);
}

static json_t *event_saved(struct sf *sf, const struct sf_save *how, struct sf_record *record,
	const json_t *before, const json_t *input)
{
	json_t *errors = sf_series_saved(sf, how, record, before, input);

	return errors ? errors : sf_invite_saved(sf, how, record);
}

static json_t *event_deleted(struct sf *sf, const struct sf_save *how, struct sf_record *record)
{
	json_t *errors = sf_series_deleted(sf, how, record);

	return errors ? errors : sf_invite_deleted(sf, how, record);
}

void sf_row_delete_onwards(struct sf_call *call)
{
	struct sf_record *record = sf_find(call->sf, call->segments[2]);
	struct sf_save how = sf_save_of(call);
	json_t *errors;

	if (!record || record->deleted || strcmp(record->table->name, "Event") != 0 ||
		!sf_visible(call->sf, record, call->user)) {
		sf_fail(call, sf_error("NOT_FOUND", NULL, "The requested resource does not exist"));
		return;
	}
	errors = sf_series_cut(call->sf, &how, record);
	if (errors) {
		sf_fail(call, errors);
		return;
	}
	call->status = 200;
	call->result = json_pack("{s:s}", "success",
		"We're deleting the selected events from the series. Wait for all events to be "
		"removed.");
}

/* Task ------------------------------------------------------------------------------------ */

static void task_defaults(struct sf *sf, const struct sf_save *how, json_t *fields)
{
	(void)sf;
	(void)how;
	preset(fields, "Status", "Not Started");
	preset(fields, "Priority", "Normal");
	preset(fields, "TaskSubtype", "Task");
}

static bool has_text(const json_t *fields, const char *name, const char *value)
{
	const char *text = json_string_value(json_object_get(fields, name));

	return text && strcasecmp(text, value) == 0;
}

static json_t *task_check(struct sf *sf, const struct sf_save *how, const json_t *before,
	const json_t *input, json_t *fields)
{
	json_t *errors = check_writable(how, before);
	bool closed = has_text(fields, "Status", "Completed");

	(void)input;
	if (!errors && !json_object_get(fields, "Status"))
		errors = missing("Status");
	if (!errors && !json_object_get(fields, "Priority"))
		errors = missing("Priority");
	if (!errors)
		errors = check_reminder(fields);
	if (!errors)
		errors = check_relations(sf, fields);
	json_object_set_new(fields, "IsClosed", json_boolean(closed));
	json_object_set_new(
		fields, "IsHighPriority", json_boolean(has_text(fields, "Priority", "High")));
	if (!closed)
		json_object_del(fields, "CompletedDateTime");
	else if (!json_object_get(fields, "CompletedDateTime"))
		sf_set_time(fields, "CompletedDateTime", sf_now(sf));
	return errors;
}

/* Objects --------------------------------------------------------------------------------- */

static const struct sf_rules event_rules = { event_defaults, event_check, event_saved,
	event_deleted };
static const struct sf_rules task_rules = { task_defaults, task_check, NULL, NULL };

const struct sf_object sf_activity_objects[] = {
	{ "Event", "Event", "Events", "00U", event_fields, ARRAY_SIZE(event_fields), true,
		&event_rules },
	{ "Task", "Task", "Tasks", "00T", task_fields, ARRAY_SIZE(task_fields), true, &task_rules },
	{ "EventRelation", "Event Relation", "Event Relations", "0RE", relation_fields,
		ARRAY_SIZE(relation_fields), true, &sf_relation_rules },
};
const size_t sf_activity_n_objects = ARRAY_SIZE(sf_activity_objects);
