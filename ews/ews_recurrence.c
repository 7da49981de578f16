/* Recurrences.  See ews_recurrence.h.
 *
 * Exchange knows six patterns of a calendar item (MS-OXWSCDATA 2.2.3).  Where it and RFC 5545 mean
 * different things by the same number, the rule says what Exchange does:
 *
 *   - on day 29, 30 or 31 of the month: Exchange takes the last day of a shorter month, a plain
 *     BYMONTHDAY would skip that month.  The rule is "the last of days 28 to N", and -1 for 31;
 *   - 29 February, yearly: the last day of February;
 *   - EndDate is the day of the last occurrence, UNTIL a time. */
#include "ews/ews_recurrence.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ews/ews_form.h"
#include "ews/ews_xml.h"
#include "sync/formats/caltime.h"
#include "sync/mem.h"

#define WORK_DAYS "Monday Tuesday Wednesday Thursday Friday"
#define WEEKEND	  "Saturday Sunday"
#define DATE_LEN  10

static const char *const days[] = { "mo", "tu", "we", "th", "fr", "sa", "su" };
static const char *const day_names[] = { "Monday", "Tuesday", "Wednesday", "Thursday", "Friday",
	"Saturday", "Sunday" };
static const char *const months[] = { "January", "February", "March", "April", "May", "June",
	"July", "August", "September", "October", "November", "December" };
/* Days of the months; February's of every year. */
static const int lengths[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
static const struct {
	const char *name;
	int nth;
} indexes[] = { { "First", 1 }, { "Second", 2 }, { "Third", 3 }, { "Fourth", 4 }, { "Last", -1 } };

static int index_in(const char *const *names, size_t n, const char *name)
{
	for (size_t i = 0; name && i < n; i++)
		if (!strcmp(names[i], name))
			return (int)i;
	return -1;
}

static const char *index_name(int nth)
{
	for (size_t i = 0; i < ARRAY_SIZE(indexes); i++)
		if (indexes[i].nth == nth)
			return indexes[i].name;
	return NULL;
}

static int index_nth(const char *name)
{
	for (size_t i = 0; name && i < ARRAY_SIZE(indexes); i++)
		if (!strcmp(indexes[i].name, name))
			return indexes[i].nth;
	return 0;
}

/* ---- from a rule ----------------------------------------------------------------------------- */

/* A rule with what the start says where it says nothing. */
struct rule {
	const json_t *json;
	const char *frequency;
	const char *start;
	int month, day; /* of the start */
	int of_day;	/* seconds since midnight */
	int weekday;	/* 0 is Monday */
	bool by_day[7];
	size_t n_days;
	int nth; /* of byDay's only day, or bySetPosition; 0: none */
	int month_day;
	int by_month;
	bool clamped; /* the last of days 28 to month_day */
};

static int cannot(struct error *err, const char *what)
{
	return error_set(err, ERR_INVALID, "recurrence: Exchange cannot hold %s", what);
}

/* Members that no pattern of Exchange has. */
static int check_members(const json_t *rule, struct error *err)
{
	static const char *const unknown[] = { "byYearDay", "byWeekNo", "byHour", "byMinute",
		"bySecond" };
	const char *rscale = json_string_value(json_object_get(rule, "rscale"));
	const char *skip = json_string_value(json_object_get(rule, "skip"));

	for (size_t i = 0; i < ARRAY_SIZE(unknown); i++)
		if (json_array_size(json_object_get(rule, unknown[i])))
			return cannot(err, unknown[i]);
	if (rscale && strcmp(rscale, "gregorian") != 0)
		return cannot(err, "a calendar that is not Gregorian");
	if (skip && strcmp(skip, "omit") != 0)
		return cannot(err, "skip");
	return 0;
}

static int read_by_day(struct rule *r, struct error *err)
{
	const json_t *day;
	size_t i;

	json_array_foreach(json_object_get(r->json, "byDay"), i, day) {
		int d = index_in(days, 7, json_string_value(json_object_get(day, "day")));
		int nth = (int)json_integer_value(json_object_get(day, "nthOfPeriod"));

		if (d < 0)
			return cannot(err, "a byDay that is no day of the week");
		if (nth && (json_array_size(json_object_get(r->json, "byDay")) > 1 ||
				   !index_name(nth)))
			return cannot(err, "such a byDay with numbers");
		r->n_days += !r->by_day[d];
		r->by_day[d] = true;
		r->nth = nth;
	}
	return 0;
}

/* One day of the month, or the last of days 28 to N. */
static int read_month_days(struct rule *r, int position, struct error *err)
{
	const json_t *list = json_object_get(r->json, "byMonthDay");
	size_t n = json_array_size(list);

	if (!n)
		return 0;
	if (n == 1 && !position) {
		r->month_day = (int)json_integer_value(json_array_get(list, 0));
		return 0;
	}
	for (size_t i = 0; i < n; i++)
		if (json_integer_value(json_array_get(list, i)) != 28 + (int)i)
			return cannot(err, "several days of the month");
	if (position != -1 || n < 2 || n > 4)
		return cannot(err, "several days of the month");
	r->month_day = 27 + (int)n;
	r->clamped = true;
	return 0;
}

static int read_position(struct rule *r, struct error *err)
{
	const json_t *list = json_object_get(r->json, "bySetPosition");
	int position = (int)json_integer_value(json_array_get(list, 0));
	int rc;

	if (json_array_size(list) > 1)
		return cannot(err, "several positions (BYSETPOS)");
	rc = read_month_days(r, position, err);
	if (rc || r->clamped || !position)
		return rc;
	if (!r->n_days || r->nth || !index_name(position))
		return cannot(err, "such a position (BYSETPOS)");
	r->nth = position;
	return 0;
}

static int read_month(struct rule *r, struct error *err)
{
	const json_t *list = json_object_get(r->json, "byMonth");
	const char *text = json_string_value(json_array_get(list, 0));
	char *end = NULL;

	if (!json_array_size(list))
		return 0;
	r->by_month = text ? (int)strtol(text, &end, 10) : 0;
	if (json_array_size(list) > 1 || r->by_month < 1 || r->by_month > 12 || *end)
		return cannot(err, "several months, or a leap month");
	return 0;
}

static int read_rule(const json_t *doc, struct rule *r, struct error *err)
{
	const json_t *rules = json_object_get(doc, "recurrenceRules");
	struct caltime_date date;
	int64_t local;
	int rc;

	memset(r, 0, sizeof(*r));
	r->json = json_array_get(rules, 0);
	if (json_array_size(json_object_get(doc, "excludedRecurrenceRules")))
		return cannot(err, "an excluding rule (EXRULE)");
	if (json_array_size(rules) > 1)
		return cannot(err, "more than one rule");
	r->start = json_string_value(json_object_get(doc, "start"));
	if (!r->start)
		r->start = json_string_value(json_object_get(doc, "due"));
	if (!r->start || !caltime_read_local(r->start, &local))
		return cannot(err, "a rule of an item that has no start");
	date = caltime_date_of(local);
	r->month = date.month;
	r->day = date.day;
	r->of_day = caltime_of_day(local);
	r->weekday = (caltime_weekday(local) + 6) % 7;
	r->frequency = json_string_value(json_object_get(r->json, "frequency"));
	rc = check_members(r->json, err);
	if (!rc)
		rc = read_by_day(r, err);
	if (!rc)
		rc = read_position(r, err);
	if (!rc)
		rc = read_month(r, err);
	return rc;
}

static json_t *day_list(const struct rule *r)
{
	struct buf text AUTOBUF = BUF_INIT(256);

	for (size_t i = 0; i < 7; i++) {
		if (!r->by_day[i])
			continue;
		if (text.len)
			buf_addc(&text, ' ');
		buf_adds(&text, day_names[i]);
	}
	return json_string(buf_str(&text));
}

/* The days of a relative pattern as one word: a day, Weekday, WeekendDay, Day; NULL when there is
 * none. */
static const char *day_word(const struct rule *r)
{
	bool work = r->by_day[0] && r->by_day[1] && r->by_day[2] && r->by_day[3] && r->by_day[4];
	bool weekend = r->by_day[5] && r->by_day[6];

	if (r->n_days == 1)
		for (size_t i = 0; i < 7; i++)
			if (r->by_day[i])
				return day_names[i];
	if (r->n_days == 7)
		return "Day";
	if (r->n_days == 5 && work)
		return "Weekday";
	return r->n_days == 2 && weekend ? "WeekendDay" : NULL;
}

static int put_relative(json_t *value, const struct rule *r, const char *pattern, struct error *err)
{
	const char *word = day_word(r);

	if (!r->nth || !word || r->month_day)
		return cannot(err, "these days of the month together");
	json_object_set_new(value, "Pattern", json_string(pattern));
	json_object_set_new(value, "DaysOfWeek", json_string(word));
	json_object_set_new(value, "DayOfWeekIndex", json_string(index_name(r->nth)));
	return 0;
}

static int put_daily(json_t *value, const struct rule *r, struct error *err)
{
	if (r->n_days || r->month_day || r->by_month)
		return cannot(err, "a daily rule on some days only");
	json_object_set_new(value, "Pattern", json_string("DailyRecurrence"));
	return 0;
}

static int put_weekly(json_t *value, const struct rule *r, struct error *err)
{
	const char *first = json_string_value(json_object_get(r->json, "firstDayOfWeek"));
	int day = first ? index_in(days, 7, first) : 0;
	struct rule copy = *r;

	if (r->nth || r->month_day || r->by_month || day < 0)
		return cannot(err, "a weekly rule with other parts than days of the week");
	if (!copy.n_days) {
		copy.by_day[copy.weekday] = true;
		copy.n_days = 1;
	}
	json_object_set_new(value, "Pattern", json_string("WeeklyRecurrence"));
	json_object_set_new(value, "DaysOfWeek", day_list(&copy));
	json_object_set_new(value, "FirstDayOfWeek", json_string(day_names[day]));
	return 0;
}

/* The day of the month as Exchange counts it (month 0: of every month); 0 when the rule means another
 * thing by it. */
static int exchange_day(const struct rule *r, int month)
{
	int day = r->month_day ? r->month_day : r->day;
	int safe = month ? lengths[month - 1] : 28;

	if (day == -1)
		return 31;
	return r->clamped || (day >= 1 && day <= safe) ? day : 0;
}

static int put_monthly(json_t *value, const struct rule *r, struct error *err)
{
	int day = exchange_day(r, 0);

	if (r->by_month)
		return cannot(err, "a monthly rule in some months only");
	if (r->n_days)
		return put_relative(value, r, "RelativeMonthlyRecurrence", err);
	if (!day)
		return cannot(err, "a day that some months do not have "
				   "(BYMONTHDAY=-1 is the last day of each)");
	json_object_set_new(value, "Pattern", json_string("AbsoluteMonthlyRecurrence"));
	json_object_set_new(value, "DayOfMonth", json_integer(day));
	return 0;
}

static int put_yearly(json_t *value, const struct rule *r, struct error *err)
{
	int month = r->by_month ? r->by_month : r->month;
	int day = exchange_day(r, month);
	int rc;

	if (month < 1 || month > 12 || json_integer_value(json_object_get(r->json, "interval")) > 1)
		return cannot(err, "a rule of every so many years");
	if (r->n_days) {
		if (!r->by_month)
			return cannot(err, "days of the week in a year without a month");
		rc = put_relative(value, r, "RelativeYearlyRecurrence", err);
		if (rc)
			return rc;
	} else {
		if (!day)
			return cannot(err, "29 February (BYMONTHDAY=-1 is the last day of it)");
		json_object_set_new(value, "Pattern", json_string("AbsoluteYearlyRecurrence"));
		json_object_set_new(value, "DayOfMonth", json_integer(day));
	}
	json_object_set_new(value, "Month", json_string(months[month - 1]));
	return 0;
}

/* The day on which the last occurrence can be: that of `until`, or the one before when `until` is
 * earlier in the day than the occurrences are. */
static int put_range(json_t *value, const struct rule *r, struct error *err)
{
	const json_t *count = json_object_get(r->json, "count");
	const char *until = json_string_value(json_object_get(r->json, "until"));
	struct caltime_date date;
	int64_t local;

	if (json_integer_value(count) > 0) {
		json_object_set(value, "NumberOfOccurrences", (json_t *)count);
	} else if (until) {
		if (!caltime_read_local(until, &local))
			return cannot(err, "an end that is no date");
		if (caltime_of_day(local) < r->of_day)
			local -= CALTIME_DAY;
		date = caltime_date_of(local);
		json_object_set_new(value, "EndDate",
			json_sprintf("%04d-%02d-%02d", date.year, date.month, date.day));
	}
	return 0;
}

/* New value; NULL with the reason. */
static json_t *value_of(const json_t *doc, struct error *err)
{
	static const struct {
		const char *frequency;
		int (*put)(json_t *value, const struct rule *r, struct error *err);
		int months;
	} frequencies[] = {
		{ "daily", put_daily, 0 },
		{ "weekly", put_weekly, 0 },
		{ "monthly", put_monthly, 0 },
		{ "yearly", put_yearly, 0 },
	};
	json_t *value = json_object();
	json_int_t interval;
	struct rule r;
	int rc = read_rule(doc, &r, err);

	for (size_t i = 0; !rc && i < ARRAY_SIZE(frequencies); i++) {
		if (!r.frequency || strcmp(r.frequency, frequencies[i].frequency) != 0)
			continue;
		rc = frequencies[i].put(value, &r, err);
	}
	if (!rc && !json_object_size(value))
		rc = cannot(err, "a rule of this frequency");
	if (!rc)
		rc = put_range(value, &r, err);
	if (rc) {
		json_decref(value);
		return NULL;
	}
	interval = json_integer_value(json_object_get(r.json, "interval"));
	if (strcmp(r.frequency, "yearly") != 0)
		json_object_set_new(value, "Interval", json_integer(interval > 1 ? interval : 1));
	return value;
}

int ews_recurrence_check(const json_t *doc, struct error *err)
{
	json_t *value;

	if (!json_array_size(json_object_get(doc, "recurrenceRules")) &&
		!json_array_size(json_object_get(doc, "excludedRecurrenceRules")))
		return 0;
	value = value_of(doc, err);
	json_decref(value);
	return value ? 0 : ERR_INVALID;
}

static json_t *get(const json_t *doc, const struct field *field)
{
	struct error ignored = ERROR_INIT;

	(void)field;
	if (!json_array_size(json_object_get(doc, "recurrenceRules")))
		return NULL;
	return value_of(doc, &ignored);
}

/* ---- to a rule ------------------------------------------------------------------------------- */

static void add_days(json_t *rule, const char *names, int nth)
{
	json_t *list = json_array();

	for (size_t i = 0; i < ARRAY_SIZE(day_names); i++) {
		const char *at = names ? strstr(names, day_names[i]) : NULL;
		json_t *day;

		if (!at)
			continue;
		day = json_pack("{s:s, s:s}", "@type", "NDay", "day", days[i]);
		if (nth)
			json_object_set_new(day, "nthOfPeriod", json_integer(nth));
		json_array_append_new(list, day);
	}
	json_object_set_new(rule, "byDay", list);
}

/* The days of a relative pattern. */
static void add_relative(json_t *rule, const json_t *value)
{
	const char *word = json_string_value(json_object_get(value, "DaysOfWeek"));
	int nth = index_nth(json_string_value(json_object_get(value, "DayOfWeekIndex")));

	if (word && !strcmp(word, "Day")) {
		json_object_set_new(rule, "byMonthDay", json_pack("[i]", nth));
		return;
	}
	if (word && !strcmp(word, "Weekday"))
		add_days(rule, WORK_DAYS, 0);
	else if (word && !strcmp(word, "WeekendDay"))
		add_days(rule, WEEKEND, 0);
	else
		add_days(rule, word, nth);
	if (word && strstr(word, "Week")) /* Weekday, WeekendDay */
		json_object_set_new(rule, "bySetPosition", json_pack("[i]", nth));
}

static void add_month_day(json_t *rule, int day, int month)
{
	json_t *list = json_array();

	if (day == 31 || (month == 2 && day > 28)) {
		json_array_append_new(list, json_integer(month && month != 2 ? 31 : -1));
	} else if (day > 28 && !month) {
		for (int d = 28; d <= day; d++)
			json_array_append_new(list, json_integer(d));
		json_object_set_new(rule, "bySetPosition", json_pack("[i]", -1));
	} else {
		json_array_append_new(list, json_integer(day));
	}
	json_object_set_new(rule, "byMonthDay", list);
}

static void add_pattern(json_t *rule, const json_t *value, const char *pattern)
{
	int month = index_in(months, 12, json_string_value(json_object_get(value, "Month"))) + 1;
	int day = (int)json_integer_value(json_object_get(value, "DayOfMonth"));
	const char *first = json_string_value(json_object_get(value, "FirstDayOfWeek"));
	int first_day = index_in(day_names, 7, first);

	if (strstr(pattern, "Yearly") && month)
		json_object_set_new(rule, "byMonth", json_pack("[o]", json_sprintf("%d", month)));
	if (!strncmp(pattern, "Relative", 8))
		add_relative(rule, value);
	else if (!strncmp(pattern, "Absolute", 8))
		add_month_day(rule, day, strstr(pattern, "Yearly") ? month : 0);
	else if (!strncmp(pattern, "Weekly", 6))
		add_days(rule, json_string_value(json_object_get(value, "DaysOfWeek")), 0);
	if (first_day > 0)
		json_object_set_new(rule, "firstDayOfWeek", json_string(days[first_day]));
}

static const char *frequency_of(const char *pattern)
{
	static const char *const parts[][2] = { { "Daily", "daily" }, { "Weekly", "weekly" },
		{ "Monthly", "monthly" }, { "Yearly", "yearly" } };

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		if (strstr(pattern, parts[i][0]))
			return parts[i][1];
	return NULL;
}

static json_t *rule_of(const json_t *doc, const json_t *value)
{
	const char *pattern = json_string_value(json_object_get(value, "Pattern"));
	const char *end = json_string_value(json_object_get(value, "EndDate"));
	const json_t *count = json_object_get(value, "NumberOfOccurrences");
	const char *start = json_string_value(json_object_get(doc, "start"));
	const char *time = start ? strchr(start, 'T') : NULL;
	json_int_t interval = json_integer_value(json_object_get(value, "Interval"));
	json_t *rule;

	if (!pattern || !frequency_of(pattern))
		return NULL;
	rule = json_pack(
		"{s:s, s:s}", "@type", "RecurrenceRule", "frequency", frequency_of(pattern));
	if (interval > 1)
		json_object_set_new(rule, "interval", json_integer(interval));
	add_pattern(rule, value, pattern);
	if (count)
		json_object_set(rule, "count", (json_t *)count);
	else if (end)
		json_object_set_new(
			rule, "until", json_sprintf("%s%s", end, time ? time : "T00:00:00"));
	return rule;
}

static int set(json_t *doc, const struct field *field, const char *key, const json_t *value,
	struct error *err)
{
	json_t *rule;

	(void)key;
	if (!value) {
		json_object_del(doc, "recurrenceRules");
		return 0;
	}
	rule = rule_of(doc, value);
	if (!rule)
		return error_set(err, ERR_INVALID, "%s is no recurrence", field->name);
	json_object_set_new(doc, "recurrenceRules", json_pack("[o]", rule));
	return 0;
}

const struct field_type ews_recurrence_type = { .get = get, .set = set };

/* ---- XML ------------------------------------------------------------------------------------- */

/* In the schema's order. */
static const struct {
	const char *name;
	bool number;
} members[] = { { "Interval", true }, { "DayOfMonth", true }, { "DaysOfWeek", false },
	{ "DayOfWeekIndex", false }, { "FirstDayOfWeek", false }, { "Month", false } };

static void write_member(struct buf *out, const json_t *value, const char *name)
{
	const json_t *member = json_object_get(value, name);
	char number[32];

	if (json_is_integer(member)) {
		snprintf(number, sizeof(number), "%lld", (long long)json_integer_value(member));
		ews_element(out, name, number);
	} else if (member) {
		ews_element(out, name, json_string_value(member));
	}
}

void ews_recurrence_write(struct buf *out, const json_t *value, const char *start_date)
{
	const char *pattern = json_string_value(json_object_get(value, "Pattern"));
	const char *range = json_object_get(value, "NumberOfOccurrences") ? "NumberedRecurrence"
			    : json_object_get(value, "EndDate")		  ? "EndDateRecurrence"
									  : "NoEndRecurrence";

	ews_open(out, "Recurrence");
	ews_open(out, pattern);
	for (size_t i = 0; i < ARRAY_SIZE(members); i++)
		write_member(out, value, members[i].name);
	ews_close(out, pattern);
	ews_open(out, range);
	ews_element(out, "StartDate", start_date);
	write_member(out, value, "EndDate");
	write_member(out, value, "NumberOfOccurrences");
	ews_close(out, range);
	ews_close(out, "Recurrence");
}

static void read_member(const xmlNode *node, const char *name, bool number, json_t *value)
{
	char *text AUTOFREE = xml_child_text(node, name);

	if (text && *text)
		json_object_set_new(value, name,
			number ? json_integer(strtoll(text, NULL, 10)) : json_string(text));
}

/* Exchange writes days in any order, and a date with an offset or 'Z' behind it. */
static void normalise(json_t *value)
{
	const char *names = json_string_value(json_object_get(value, "DaysOfWeek"));
	const char *end = json_string_value(json_object_get(value, "EndDate"));
	const char *pattern = json_string_value(json_object_get(value, "Pattern"));
	struct rule r = { 0 };

	if (end && strlen(end) > DATE_LEN)
		json_object_set_new(value, "EndDate", json_stringn(end, DATE_LEN));
	if (strcmp(pattern, "WeeklyRecurrence") != 0)
		return;
	for (size_t i = 0; names && i < ARRAY_SIZE(day_names); i++)
		r.by_day[i] = strstr(names, day_names[i]) || strstr(names, "Day") == names ||
			      (strstr(names, "Weekday") && i < 5) ||
			      (strstr(names, "WeekendDay") && i >= 5);
	json_object_set_new(value, "DaysOfWeek", day_list(&r));
	if (!json_object_get(value, "FirstDayOfWeek"))
		json_object_set_new(value, "FirstDayOfWeek", json_string("Monday"));
}

json_t *ews_recurrence_read(const xmlNode *node)
{
	xmlNode *pattern = xml_first(node), *range = xml_next(pattern);
	json_t *value;

	if (!pattern || !frequency_of((const char *)pattern->name) ||
		strstr((const char *)pattern->name, "Regeneration"))
		return NULL;
	value = json_object();
	json_object_set_new(value, "Pattern", json_string((const char *)pattern->name));
	for (size_t i = 0; i < ARRAY_SIZE(members); i++)
		read_member(pattern, members[i].name, members[i].number, value);
	read_member(range, "EndDate", false, value);
	read_member(range, "NumberOfOccurrences", true, value);
	normalise(value);
	return value;
}
