/* Recurrences: read from XML, written as XML, and their days one after another.
 *
 * The days are found period by period (days, weeks, months): a period gives none, one, or in a
 * week up to seven.  Counted are the days of the pattern, also those deleted from the series. */
#include <libxml/parser.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "sync/mem.h"
#include "tests/sim/ews_calendar.h"

#define LAST_YEAR	4500 /* of Exchange's calendar */
#define MAX_OCCURRENCES 999

static const char WEEKDAYS[] = "Sunday Monday Tuesday Wednesday Thursday Friday Saturday";
static const char MONTHS[] = "January February March April May June July August September October "
			     "November December";
static const char NTH[] = "First Second Third Fourth Last";

/* Sets of days that have a name. */
static const struct {
	const char *name;
	unsigned int weekdays;
} day_sets[] = {
	{ "Day", 0x7f },
	{ "Weekday", 0x3e },
	{ "WeekendDay", 0x41 },
};

/* What each pattern is made of, in the order of the schema: Interval, Weekdays, First day of the
 * week, nTh, Day of the month, Month. */
static const struct {
	const char *element, *parts;
	int max_interval;
} patterns[] = {
	[EWS_P_DAILY] = { "DailyRecurrence", "I", 999 },
	[EWS_P_WEEKLY] = { "WeeklyRecurrence", "IWF", 99 },
	[EWS_P_MONTHLY] = { "AbsoluteMonthlyRecurrence", "ID", 99 },
	[EWS_P_MONTHLY_NTH] = { "RelativeMonthlyRecurrence", "IWT", 99 },
	[EWS_P_YEARLY] = { "AbsoluteYearlyRecurrence", "DM", 0 },
	[EWS_P_YEARLY_NTH] = { "RelativeYearlyRecurrence", "WTM", 0 },
	[EWS_P_AGAIN_DAYS] = { "DailyRegeneration", "I", 999 },
	[EWS_P_AGAIN_WEEKS] = { "WeeklyRegeneration", "I", 99 },
	[EWS_P_AGAIN_MONTHS] = { "MonthlyRegeneration", "I", 99 },
	[EWS_P_AGAIN_YEARS] = { "YearlyRegeneration", "I", 99 },
};

/* Days of the calendar ----------------------------------------------------------------------- */

static int64_t day_number(int year, int month, int day)
{
	struct tm tm = { .tm_year = year - 1900, .tm_mon = month - 1, .tm_mday = day };

	return ews_day_of(timegm(&tm));
}

static void date_of(int64_t number, struct tm *tm)
{
	time_t t = (time_t)(number * EWS_DAY);

	gmtime_r(&t, tm);
}

static int weekday_of(int64_t number)
{
	return (int)(((number + 4) % 7 + 7) % 7); /* 1970-01-01 was a Thursday */
}

static int month_length(int year, int month)
{
	return (int)(day_number(year + month / 12, month % 12 + 1, 1) - day_number(year, month, 1));
}

/* Reading ------------------------------------------------------------------------------------ */

static long part_number(const xmlNode *pattern, const char *name)
{
	char *text AUTOFREE = xml_content(xml_child(pattern, name));

	return strtol(text, NULL, 10);
}

static bool part_date(const xmlNode *range, const char *name, int64_t *day)
{
	char *text AUTOFREE = xml_content(xml_child(range, name));
	struct tm tm = { 0 };

	/* What may follow, Z or an offset, moves nothing: a date is one of the series' own zone. */
	if (!strptime(text, "%Y-%m-%d", &tm))
		return false;
	*day = ews_day_of(timegm(&tm));
	return true;
}

/* 0 when a word is none of a day's. */
static unsigned int read_weekdays(const xmlNode *pattern)
{
	char *text AUTOFREE = xml_content(xml_child(pattern, "DaysOfWeek"));
	unsigned int weekdays = 0;
	char *save = NULL;

	for (char *word = strtok_r(text, " \t\r\n", &save); word;
		word = strtok_r(NULL, " \t\r\n", &save)) {
		int day = ews_key_index(WEEKDAYS, word);
		unsigned int set = day >= 0 ? 1u << day : 0;

		for (size_t i = 0; i < ARRAY_SIZE(day_sets); i++)
			if (!strcmp(word, day_sets[i].name))
				set = day_sets[i].weekdays;
		if (!set)
			return 0;
		weekdays |= set;
	}
	return weekdays;
}

static int index_of(const xmlNode *pattern, const char *name, const char *names)
{
	char *text AUTOFREE = xml_content(xml_child(pattern, name));

	return ews_key_index(names, text);
}

static int read_pattern(const xmlNode *pattern, struct ews_recurrence *r, struct ews_error *err)
{
	const char *parts = patterns[r->pattern].parts;

	r->interval = strchr(parts, 'I') ? (int)part_number(pattern, "Interval") : 12;
	if (strchr(parts, 'I') &&
		(r->interval < 1 || r->interval > patterns[r->pattern].max_interval))
		return ews_fail(err, "ErrorCalendarInvalidRecurrence",
			"The interval of a %s is from 1 to %d.", patterns[r->pattern].element,
			patterns[r->pattern].max_interval);
	if (strchr(parts, 'W')) {
		r->weekdays = read_weekdays(pattern);
		if (!r->weekdays)
			return ews_fail(err, "ErrorCalendarInvalidRecurrence",
				"The recurrence names no days of the week.");
	}
	if (strchr(parts, 'F')) {
		r->first_weekday = index_of(pattern, "FirstDayOfWeek", WEEKDAYS);
		if (r->first_weekday < 0)
			r->first_weekday = 0;
	}
	if (strchr(parts, 'T'))
		r->nth = index_of(pattern, "DayOfWeekIndex", NTH) + 1;
	if (strchr(parts, 'D'))
		r->day = (int)part_number(pattern, "DayOfMonth");
	if (strchr(parts, 'M'))
		r->month = index_of(pattern, "Month", MONTHS) + 1;
	if ((strchr(parts, 'D') && (r->day < 1 || r->day > 31)) ||
		(strchr(parts, 'T') && !r->nth) || (strchr(parts, 'M') && !r->month))
		return ews_fail(err, "ErrorCalendarInvalidRecurrence",
			"The recurrence pattern is invalid.");
	return 0;
}

/* A week has no "Day" or "Weekday" by itself. */
static int check_weekly(const xmlNode *pattern, struct ews_error *err)
{
	char *text AUTOFREE = xml_content(xml_child(pattern, "DaysOfWeek"));
	char *save = NULL;

	for (char *word = strtok_r(text, " \t\r\n", &save); word;
		word = strtok_r(NULL, " \t\r\n", &save))
		if (ews_key_index(WEEKDAYS, word) < 0)
			return ews_fail(err, "ErrorCalendarInvalidDayForWeeklyRecurrence",
				"%s is no day of a weekly recurrence.", word);
	return 0;
}

static int read_range(const xmlNode *range, struct ews_recurrence *r, struct ews_error *err)
{
	r->end = INT64_MAX;
	if (!part_date(range, "StartDate", &r->start))
		return ews_fail(err, "ErrorCalendarInvalidRecurrence",
			"The range of the recurrence has no StartDate.");
	if (xml_is(range, "NoEndRecurrence"))
		return 0;
	if (xml_is(range, "NumberedRecurrence")) {
		r->count = (int)part_number(range, "NumberOfOccurrences");
		if (r->count >= 1 && r->count <= MAX_OCCURRENCES)
			return 0;
		return ews_fail(err, "ErrorCalendarInvalidRecurrence",
			"The number of occurrences is from 1 to %d.", MAX_OCCURRENCES);
	}
	if (!xml_is(range, "EndDateRecurrence") || !part_date(range, "EndDate", &r->end))
		return ews_fail(err, "ErrorCalendarInvalidRecurrence",
			"The recurrence has no range that is known.");
	if (r->end >= day_number(LAST_YEAR, 9, 1))
		return ews_fail(
			err, "ErrorRecurrenceEndDateTooBig", "The recurrence ends too late.");
	if (r->end < r->start)
		return ews_fail(err, "ErrorCalendarEndDateIsEarlierThanStartDate",
			"EndDate is earlier than StartDate.");
	return 0;
}

int ews_recurrence_parse(const xmlNode *element, struct ews_recurrence *r, struct ews_error *err)
{
	const xmlNode *pattern = xml_first(element), *range = pattern ? xml_next(pattern) : NULL;
	size_t kind;

	memset(r, 0, sizeof(*r));
	for (kind = 0; pattern && kind < ARRAY_SIZE(patterns); kind++)
		if (xml_is(pattern, patterns[kind].element))
			break;
	if (!range || xml_next(range) || kind == ARRAY_SIZE(patterns))
		return ews_fail(err, "ErrorCalendarInvalidRecurrence",
			"A recurrence is one pattern and one range.");
	r->pattern = (enum ews_pattern)kind;
	if ((r->pattern == EWS_P_WEEKLY && check_weekly(pattern, err)) ||
		read_pattern(pattern, r, err))
		return -1;
	return read_range(range, r, err);
}

bool ews_recurrence_of(const struct ews_item *item, struct ews_recurrence *out)
{
	const char *inner = ews_get_uri(
		item, item->kind == EWS_TASK ? "task:Recurrence" : "calendar:Recurrence");
	char *xml AUTOFREE = inner ? xasprintf("<t:Recurrence xmlns:t=\"" EWS_NS_T
					       "\">%s</t:Recurrence>",
					     inner)
				   : NULL;
	struct ews_error ignored = { 0 };
	xmlDoc *doc;
	bool ok;

	if (!xml)
		return false;
	doc = xmlReadMemory(xml, (int)strlen(xml), "recurrence.xml", NULL, XML_PARSE_NONET);
	ok = doc && !ews_recurrence_parse(xmlDocGetRootElement(doc), out, &ignored);
	xmlFreeDoc(doc);
	return ok;
}

bool ews_recurrence_equal(const struct ews_recurrence *a, const struct ews_recurrence *b)
{
	return a->pattern == b->pattern && a->interval == b->interval && a->day == b->day &&
	       a->month == b->month && a->nth == b->nth && a->weekdays == b->weekdays &&
	       a->first_weekday == b->first_weekday && a->start == b->start && a->end == b->end &&
	       a->count == b->count;
}

/* Writing ------------------------------------------------------------------------------------ */

static void write_weekdays(struct buf *b, unsigned int weekdays, bool sets)
{
	size_t n = 0;

	buf_adds(b, "<t:DaysOfWeek>");
	for (size_t i = 0; sets && i < ARRAY_SIZE(day_sets); i++)
		if (weekdays == day_sets[i].weekdays) {
			buf_addf(b, "%s</t:DaysOfWeek>", day_sets[i].name);
			return;
		}
	for (int i = 0; i < 7; i++) {
		char *name AUTOFREE = ews_key_name(WEEKDAYS, i);

		if (weekdays & 1u << i)
			buf_addf(b, "%s%s", n++ ? " " : "", name);
	}
	buf_adds(b, "</t:DaysOfWeek>");
}

static void write_part(struct buf *b, const struct ews_recurrence *r, char part)
{
	char *name AUTOFREE = NULL;

	switch (part) {
	case 'I':
		buf_addf(b, "<t:Interval>%d</t:Interval>", r->interval);
		break;
	case 'W':
		write_weekdays(b, r->weekdays, r->pattern != EWS_P_WEEKLY);
		break;
	case 'F':
		name = ews_key_name(WEEKDAYS, r->first_weekday);
		xml_element(b, "t:FirstDayOfWeek", name);
		break;
	case 'T':
		name = ews_key_name(NTH, r->nth - 1);
		xml_element(b, "t:DayOfWeekIndex", name);
		break;
	case 'D':
		buf_addf(b, "<t:DayOfMonth>%d</t:DayOfMonth>", r->day);
		break;
	default:
		name = ews_key_name(MONTHS, r->month - 1);
		xml_element(b, "t:Month", name);
	}
}

char *ews_recurrence_text(const struct ews_recurrence *r)
{
	const char *range = r->count		  ? "NumberedRecurrence"
			    : r->end != INT64_MAX ? "EndDateRecurrence"
						  : "NoEndRecurrence";
	struct buf b = BUF_INIT(4096);
	char *start AUTOFREE = ews_day_text(r->start);

	buf_addf(&b, "<t:%s>", patterns[r->pattern].element);
	for (const char *part = patterns[r->pattern].parts; *part; part++)
		write_part(&b, r, *part);
	buf_addf(&b, "</t:%s><t:%s><t:StartDate>%sZ</t:StartDate>", patterns[r->pattern].element,
		range, start);
	if (r->count) {
		buf_addf(&b, "<t:NumberOfOccurrences>%d</t:NumberOfOccurrences>", r->count);
	} else if (r->end != INT64_MAX) {
		char *end AUTOFREE = ews_day_text(r->end);

		buf_addf(&b, "<t:EndDate>%sZ</t:EndDate>", end);
	}
	buf_addf(&b, "</t:%s>", range);
	return buf_take(&b);
}

/* The days ----------------------------------------------------------------------------------- */

static int64_t nth_weekday(int year, int month, unsigned int weekdays, int nth)
{
	int64_t first = day_number(year, month, 1);
	int length = month_length(year, month), seen = 0;

	if (nth == 5) {
		for (int i = length - 1; i >= 0; i--)
			if (weekdays & 1u << weekday_of(first + i))
				return first + i;
	}
	for (int i = 0; i < length; i++)
		if (weekdays & 1u << weekday_of(first + i) && ++seen == nth)
			return first + i;
	return first;
}

static int64_t day_in_month(const struct ews_recurrence *r, int year, int month)
{
	int length = month_length(year, month);

	if (r->nth)
		return nth_weekday(year, month, r->weekdays, r->nth);
	return day_number(year, month, r->day < length ? r->day : length);
}

static int64_t monthly_day(const struct ews_recurrence *r, int64_t period)
{
	struct tm tm;
	int month;

	date_of(r->start, &tm);
	month = r->month ? r->month - 1 : tm.tm_mon;
	month += (int)period;
	return day_in_month(r, tm.tm_year + 1900 + month / 12, month % 12 + 1);
}

void ews_days_begin(struct ews_days *days, const struct ews_recurrence *r)
{
	*days = (struct ews_days){ .r = r };
}

/* The next candidate, which may lie before the start. */
static int64_t candidate(struct ews_days *days)
{
	const struct ews_recurrence *r = days->r;
	int64_t day, week;

	if (r->pattern == EWS_P_WEEKLY) {
		week = r->start - (weekday_of(r->start) - r->first_weekday + 7) % 7;
		for (;;) {
			day = week + days->period * 7 + days->weekday;
			if (++days->weekday == 7) {
				days->weekday = 0;
				days->period += r->interval;
			}
			if (r->weekdays & 1u << weekday_of(day))
				return day;
		}
	}
	day = r->pattern == EWS_P_DAILY ? r->start + days->period : monthly_day(r, days->period);
	days->period += r->interval;
	return day;
}

bool ews_days_next(struct ews_days *days, int64_t *day)
{
	const struct ews_recurrence *r = days->r;

	if (r->pattern >= EWS_P_AGAIN_DAYS || (r->count && days->index == r->count))
		return false;
	do
		*day = candidate(days);
	while (*day < r->start);
	days->index++;
	return *day <= r->end && *day < day_number(LAST_YEAR, 9, 1);
}

int64_t ews_days_after(const struct ews_recurrence *r, int64_t day)
{
	struct tm tm;
	int months = r->interval * (r->pattern == EWS_P_AGAIN_YEARS ? 12 : 1), length, month;

	if (r->pattern < EWS_P_AGAIN_MONTHS)
		return day + r->interval * (r->pattern == EWS_P_AGAIN_WEEKS ? 7 : 1);
	date_of(day, &tm);
	month = tm.tm_mon + months;
	length = month_length(tm.tm_year + 1900 + month / 12, month % 12 + 1);
	return day_number(tm.tm_year + 1900 + month / 12, month % 12 + 1,
		tm.tm_mday < length ? tm.tm_mday : length);
}
