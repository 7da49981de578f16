/* Event series of Lightning Experience (IsRecurrence2), and as far as they are read, of Classic.
 *
 * A series is one row with the pattern (GroupEventType 3) and one row for each occurrence; all have
 * the same ActivityRecurrence2Id.  An occurrence that is changed becomes an exception, one that is
 * deleted goes to the recycle bin.  Changes of the series row reach the occurrences; those of its
 * times or its pattern make the series anew: what is over stays as it was and no longer follows
 * (IsRecurrence2Exclusion), what is to come is deleted and made again, exceptions included, with
 * other ids. */
#include <ctype.h>
#include <libical/ical.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unicode/ucal.h>
#include <unicode/ustring.h>

#include "sync/mem.h"
#include "tests/sim/sf.h"

#define PREFIX	     "RRULE:"
#define MOST	     1000 /* occurrences of a series that ends */
#define MOST_ENDLESS 100  /* and of one that does not */
#define SERIES_ID    "8285g0000000"
#define EXCEPTION_ID "82B5g0000000"
#define NEVER	     INT64_MIN

static const char *const pattern_fields[] = { "Recurrence2PatternText",
	"Recurrence2PatternStartDate", "Recurrence2PatternTimeZone", "Recurrence2PatternVersion" };
/* What makes Salesforce build a series anew. */
static const char *const critical_fields[] = { "Recurrence2PatternText",
	"Recurrence2PatternStartDate", "Recurrence2PatternTimeZone", "StartDateTime",
	"DurationInMinutes", "IsAllDayEvent" };
/* What an occurrence has of its own. */
static const char *const own_fields[] = { "Id", "StartDateTime", "EndDateTime", "EndDate",
	"ActivityDate", "ActivityDateTime", "ReminderDateTime", "GroupEventType", "CreatedDate",
	"CreatedById", "LastModifiedDate", "LastModifiedById", "SystemModstamp", "IsDeleted",
	"IsArchived", "IsChild", "IsGroupEvent", "Tandem_Token__c" };

static bool is_series(const json_t *fields)
{
	const char *type = json_string_value(json_object_get(fields, "GroupEventType"));

	return sf_flag(fields, "IsRecurrence2") && type && strcmp(type, SF_EVENT_SERIES) == 0;
}

static bool differs(const json_t *before, const json_t *after, const char *name)
{
	json_t *a = json_object_get(before, name), *b = json_object_get(after, name);

	return a && b ? !json_equal(a, b) : a != b;
}

static bool any_differs(
	const json_t *before, const json_t *after, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (differs(before, after, names[i]))
			return true;
	return false;
}

static json_t *refuse(const char *field, const char *why)
{
	return sf_error("FIELD_INTEGRITY_EXCEPTION", field, "%s", why);
}

static void set_new_id(struct sf *sf, json_t *fields, const char *name, const char *prefix)
{
	char id[SF_ID_LEN + 1], full[SF_ID_LEN + 1];

	snprintf(id, sizeof(id), "%s%03u", prefix, ++sf->last_series % 1000);
	sf_id_full(id, full);
	json_object_set_new(fields, name, json_string(full));
}

/* The clock of a time zone ---------------------------------------------------------------- */

/* NULL when there is no such zone. */
static UCalendar *open_zone(const char *name)
{
	UChar id[128], known[128];
	UErrorCode status = U_ZERO_ERROR;
	UBool system = 0;
	UCalendar *calendar;

	u_uastrncpy(id, name, ARRAY_SIZE(id) - 1);
	id[ARRAY_SIZE(id) - 1] = 0;
	ucal_getCanonicalTimeZoneID(id, -1, known, ARRAY_SIZE(known), &system, &status);
	if (U_FAILURE(status) || !system)
		return NULL;
	calendar = ucal_open(id, -1, "en_US", UCAL_GREGORIAN, &status);
	if (U_FAILURE(status))
		return NULL;
	/* RFC 5545, 3.3.5: the first of two; in a gap, with the offset before it. */
	ucal_setAttribute(calendar, UCAL_REPEATED_WALL_TIME, UCAL_WALLTIME_FIRST);
	ucal_setAttribute(calendar, UCAL_SKIPPED_WALL_TIME, UCAL_WALLTIME_LAST);
	return calendar;
}

static struct icaltimetype to_local(UCalendar *zone, int64_t seconds)
{
	UErrorCode status = U_ZERO_ERROR;
	struct icaltimetype local = icaltime_null_time();

	ucal_setMillis(zone, (double)seconds * 1000, &status);
	local.year = ucal_get(zone, UCAL_YEAR, &status);
	local.month = ucal_get(zone, UCAL_MONTH, &status) + 1;
	local.day = ucal_get(zone, UCAL_DATE, &status);
	local.hour = ucal_get(zone, UCAL_HOUR_OF_DAY, &status);
	local.minute = ucal_get(zone, UCAL_MINUTE, &status);
	local.second = ucal_get(zone, UCAL_SECOND, &status);
	return local;
}

static int64_t to_utc(UCalendar *zone, struct icaltimetype local)
{
	UErrorCode status = U_ZERO_ERROR;

	ucal_clear(zone);
	ucal_setDateTime(zone, local.year, local.month - 1, local.day, local.hour, local.minute,
		local.second, &status);
	return (int64_t)(ucal_getMillis(zone, &status) / 1000);
}

/* Patterns -------------------------------------------------------------------------------- */

/* Only what the pattern of a series may say: RFC 5545 without the parts below a day. */
static bool known_parts(const char *rule)
{
	static const char *const parts[] = { "FREQ", "INTERVAL", "COUNT", "UNTIL", "BYDAY",
		"BYMONTHDAY", "BYMONTH", "BYSETPOS", "WKST" };

	while (*rule) {
		size_t len = strcspn(rule, "="), i = 0;

		while (i < ARRAY_SIZE(parts) &&
			(strlen(parts[i]) != len || strncasecmp(parts[i], rule, len) != 0))
			i++;
		if (i == ARRAY_SIZE(parts) || rule[len] != '=')
			return false;
		rule += strcspn(rule, ";");
		rule += *rule == ';';
	}
	return true;
}

static bool parse_rule(const char *text, struct icalrecurrencetype *rule)
{
	if (strncmp(text, PREFIX, strlen(PREFIX)) != 0 || !known_parts(text + strlen(PREFIX)))
		return false;
	icalerror_clear_errno();
	*rule = icalrecurrencetype_from_string(text + strlen(PREFIX));
	return rule->freq == ICAL_DAILY_RECURRENCE || rule->freq == ICAL_WEEKLY_RECURRENCE ||
	       rule->freq == ICAL_MONTHLY_RECURRENCE || rule->freq == ICAL_YEARLY_RECURRENCE;
}

/* Salesforce keeps the interval also where it is 1. */
static void complete_pattern(json_t *fields, const char *text)
{
	if (!strstr(text, "INTERVAL="))
		json_object_set_new(
			fields, "Recurrence2PatternText", json_sprintf("%s;INTERVAL=1", text));
}

static const char *zone_name(const json_t *fields)
{
	const char *zone = json_string_value(json_object_get(fields, "Recurrence2PatternTimeZone"));

	return zone && !sf_flag(fields, "IsAllDayEvent") ? zone : "GMT";
}

/* The checks of a row with a pattern; fills in what was left out. */
static json_t *check_pattern(struct sf *sf, const struct sf_save *how, json_t *fields)
{
	const char *text = json_string_value(json_object_get(fields, "Recurrence2PatternText"));
	const struct sf_record *user = how->user ? sf_find(sf, how->user) : NULL;
	const char *home = user ? sf_text(user, "TimeZoneSidKey") : NULL;
	struct icalrecurrencetype rule;
	UCalendar *zone;

	if (!text)
		return sf_error("REQUIRED_FIELD_MISSING", "Recurrence2PatternText",
			"Required fields are missing: [Recurrence2PatternText]");
	if (!parse_rule(text, &rule))
		return refuse("Recurrence2PatternText", "The recurrence pattern is not valid");
	if (!json_object_get(fields, "Recurrence2PatternTimeZone"))
		json_object_set_new(
			fields, "Recurrence2PatternTimeZone", json_string(home ? home : "GMT"));
	zone = open_zone(zone_name(fields));
	if (!zone)
		return refuse("Recurrence2PatternTimeZone", "The time zone is not known");
	ucal_close(zone);
	complete_pattern(fields, text);
	json_object_set(
		fields, "Recurrence2PatternStartDate", json_object_get(fields, "StartDateTime"));
	json_object_set_new(fields, "Recurrence2PatternVersion", json_string("1"));
	return NULL;
}

static json_t *check_occurrence(
	struct sf *sf, const struct sf_save *how, const json_t *before, json_t *fields)
{
	(void)how;
	if (any_differs(before, fields, pattern_fields, ARRAY_SIZE(pattern_fields)))
		return refuse("Recurrence2PatternText",
			"The pattern is changed in the series, not in an occurrence");
	json_object_set_new(fields, "IsRecurrence2Exception", json_true());
	if (!json_object_get(fields, "ActivityRecurrence2ExceptionId"))
		set_new_id(sf, fields, "ActivityRecurrence2ExceptionId", EXCEPTION_ID);
	return NULL;
}

json_t *sf_series_check(
	struct sf *sf, const struct sf_save *how, const json_t *before, json_t *fields)
{
	bool was = before && sf_flag(before, "IsRecurrence2");

	if (!sf_flag(fields, "IsRecurrence2")) {
		if (was)
			return refuse("IsRecurrence2", "A series cannot become a single event");
		if (json_object_get(fields, "Recurrence2PatternText"))
			return refuse("Recurrence2PatternText", "IsRecurrence2 must be true");
		return NULL;
	}
	if (was && !is_series(before))
		return check_occurrence(sf, how, before, fields);
	if (!was) {
		json_object_set_new(fields, "GroupEventType", json_string(SF_EVENT_SERIES));
		set_new_id(sf, fields, "ActivityRecurrence2Id", SERIES_ID);
	}
	return check_pattern(sf, how, fields);
}

/* Occurrences ----------------------------------------------------------------------------- */

static void make_occurrence(
	struct sf *sf, const struct sf_save *how, struct sf_record *series, int64_t start)
{
	json_t *fields = json_copy(series->fields);
	int64_t first = 0, reminder;

	sf_time(fields, "StartDateTime", &first);
	json_object_del(fields, "Id");
	json_object_del(fields, "Tandem_Token__c"); /* unique */
	json_object_set_new(fields, "GroupEventType", json_string(SF_EVENT_ALONE));
	json_object_set_new(fields, "IsRecurrence", json_false());
	if (sf_time(fields, "ReminderDateTime", &reminder))
		sf_set_time(fields, "ReminderDateTime", reminder + start - first);
	sf_place_event(fields, start);
	sf_add(sf, how, series->table, fields);
}

/* The last moment that the rule names, on the zone's own clock. */
static void localize_until(struct icalrecurrencetype *rule, UCalendar *zone)
{
	if (!icaltime_is_utc(rule->until))
		return;
	rule->until = to_local(zone, (int64_t)icaltime_as_timet(rule->until));
}

/* Makes a row for each occurrence that begins at `from` or later. */
static void expand(struct sf *sf, const struct sf_save *how, struct sf_record *series,
	const char *pattern, int64_t from)
{
	UCalendar *zone = open_zone(zone_name(series->fields));
	struct icalrecurrencetype rule;
	struct icaltimetype local;
	icalrecur_iterator *iterator;
	int64_t first = 0;
	size_t most;

	if (!zone || !parse_rule(pattern, &rule)) {
		if (zone)
			ucal_close(zone);
		return;
	}
	most = rule.count || !icaltime_is_null_time(rule.until) ? MOST : MOST_ENDLESS;
	sf_time(series->fields, "StartDateTime", &first);
	localize_until(&rule, zone);
	iterator = icalrecur_iterator_new(rule, to_local(zone, first));
	for (size_t n = 0; iterator && n < most; n++) {
		local = icalrecur_iterator_next(iterator);
		if (icaltime_is_null_time(local))
			break;
		if (to_utc(zone, local) >= from)
			make_occurrence(sf, how, series, to_utc(zone, local));
	}
	if (iterator)
		icalrecur_iterator_free(iterator);
	ucal_close(zone);
}

/* Is it a living occurrence of that series? */
static bool is_occurrence(const struct sf_record *row, const char *series_id)
{
	const char *id = sf_text(row, "ActivityRecurrence2Id");

	return id && strcmp(id, series_id) == 0 && !is_series(row->fields) && !row->deleted &&
	       !row->purged;
}

static int64_t start_of(const struct sf_record *row)
{
	int64_t start = 0;

	sf_time(row->fields, "StartDateTime", &start);
	return start;
}

/* The times or the pattern changed. */
static void recreate(struct sf *sf, const struct sf_save *how, struct sf_record *series)
{
	char *id AUTOFREE = xstrdup(sf_text(series, "ActivityRecurrence2Id"));
	size_t n = series->table->n;
	json_t *fields;

	for (size_t i = 0; i < n; i++) {
		struct sf_record *row = series->table->rows[i];
		bool over = start_of(row) < sf_now(sf);

		if (!is_occurrence(row, id) || sf_flag(row->fields, "IsRecurrence2Exclusion"))
			continue;
		fields = json_copy(row->fields);
		if (over)
			json_object_set_new(fields, "IsRecurrence2Exclusion", json_true());
		sf_change(sf, how, row, fields, !over);
	}
	if (sf->series_new_record) {
		fields = json_copy(series->fields);
		json_object_del(fields, "Id");
		set_new_id(sf, fields, "ActivityRecurrence2Id", SERIES_ID);
		sf_change(sf, how, series, json_copy(series->fields), true);
		series = sf_add(sf, how, series->table, fields);
	}
	expand(sf, how, series, sf_text(series, "Recurrence2PatternText"), sf_now(sf));
}

static bool is_own(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(own_fields); i++)
		if (strcmp(own_fields[i], name) == 0)
			return true;
	return false;
}

/* What changed in the series changes in its occurrences, but for exceptions and what is over. */
static void propagate(
	struct sf *sf, const struct sf_save *how, struct sf_record *series, const json_t *before)
{
	const char *id = sf_text(series, "ActivityRecurrence2Id");

	for (size_t i = 0; i < series->table->n; i++) {
		struct sf_record *row = series->table->rows[i];
		json_t *fields;

		if (!is_occurrence(row, id) || sf_flag(row->fields, "IsRecurrence2Exclusion") ||
			sf_flag(row->fields, "IsRecurrence2Exception"))
			continue;
		fields = json_copy(row->fields);
		for (size_t f = 0; f < series->table->n_fields; f++) {
			const char *name = series->table->fields[f].name;

			if (is_own(name) || !differs(before, series->fields, name))
				continue;
			if (sf_get(series, name))
				json_object_set(fields, name, sf_get(series, name));
			else
				json_object_del(fields, name);
		}
		sf_change(sf, how, row, fields, false);
	}
}

/* Classic: the pattern as a rule; NULL when it is of a kind that is not expanded here. */
static char *classic_rule(const json_t *fields)
{
	static const char *const days[] = { "SU", "MO", "TU", "WE", "TH", "FR", "SA" };
	const char *type = json_string_value(json_object_get(fields, "RecurrenceType"));
	const char *last = json_string_value(json_object_get(fields, "RecurrenceEndDateOnly"));
	json_int_t mask = sf_int(fields, "RecurrenceDayOfWeekMask");
	json_int_t interval = sf_int(fields, "RecurrenceInterval");
	AUTOBUF struct buf by = BUF_INIT(64);
	bool weekly = type && strcmp(type, "RecursWeekly") == 0;

	if (!last || !type || (!weekly && strcmp(type, "RecursDaily") != 0))
		return NULL;
	for (size_t i = 0; weekly && i < ARRAY_SIZE(days); i++)
		if (mask & (json_int_t)1 << i)
			buf_addf(&by, "%s%s", by.len ? "," : ";BYDAY=", days[i]);
	return xasprintf(PREFIX "FREQ=%s;INTERVAL=%lld;UNTIL=%.4s%.2s%.2sT235959%s",
		weekly ? "WEEKLY" : "DAILY", (long long)(interval ? interval : 1), last, last + 5,
		last + 8, buf_str(&by));
}

static void classic_saved(struct sf *sf, const struct sf_save *how, struct sf_record *record)
{
	char *rule AUTOFREE = classic_rule(record->fields);
	json_t *fields = json_copy(record->fields);

	json_object_set_new(fields, "RecurrenceActivityId", json_string(record->id));
	sf_change(sf, how, record, fields, false);
	if (rule)
		expand(sf, how, record, rule, NEVER);
}

json_t *sf_series_saved(struct sf *sf, const struct sf_save *how, struct sf_record *record,
	const json_t *before, const json_t *input)
{
	(void)input;
	if (!before && sf_flag(record->fields, "IsRecurrence"))
		classic_saved(sf, how, record);
	if (!is_series(record->fields))
		return NULL;
	if (!before || !is_series(before))
		expand(sf, how, record, sf_text(record, "Recurrence2PatternText"), NEVER);
	else if (any_differs(before, record->fields, critical_fields, ARRAY_SIZE(critical_fields)))
		recreate(sf, how, record);
	else
		propagate(sf, how, record, before);
	return NULL;
}

/* Deletions ------------------------------------------------------------------------------- */

static void delete_from(
	struct sf *sf, const struct sf_save *how, struct sf_record *record, int64_t from)
{
	const char *id = sf_text(record, "ActivityRecurrence2Id");

	for (size_t i = 0; i < record->table->n; i++) {
		struct sf_record *row = record->table->rows[i];

		if (is_occurrence(row, id) && start_of(row) >= from)
			sf_change(sf, how, row, json_copy(row->fields), true);
	}
}

json_t *sf_series_deleted(struct sf *sf, const struct sf_save *how, struct sf_record *record)
{
	if (is_series(record->fields))
		delete_from(sf, how, record, NEVER);
	return NULL;
}

/* The pattern, ending before this moment. */
static json_t *ending(const char *pattern, int64_t seconds)
{
	AUTOBUF struct buf out = BUF_INIT(1024);
	char *copy AUTOFREE = xstrdup(pattern);
	char *rest = copy, *part, stamp[32];

	while ((part = strsep(&rest, ";")))
		if (strncmp(part, "COUNT=", 6) != 0 && strncmp(part, "UNTIL=", 6) != 0)
			buf_addf(&out, "%s%s", out.len ? ";" : "", part);
	sf_format_datetime(seconds - 1, stamp);
	buf_addf(&out, ";UNTIL=%.4s%.2s%.2sT%.2s%.2s%.2sZ", stamp, stamp + 5, stamp + 8, stamp + 11,
		stamp + 14, stamp + 17);
	return json_string(buf_str(&out));
}

json_t *sf_series_cut(struct sf *sf, const struct sf_save *how, struct sf_record *record)
{
	const char *id = sf_text(record, "ActivityRecurrence2Id");
	int64_t from = start_of(record);
	struct sf_record *series = NULL;
	bool left = false;

	if (!id || sf_flag(record->fields, "IsChild") ||
		sf_flag(record->fields, "IsRecurrence2Exclusion"))
		return refuse("IsRecurrence2", "The event is not part of a series");
	for (size_t i = 0; i < record->table->n; i++) {
		struct sf_record *row = record->table->rows[i];
		const char *of = sf_text(row, "ActivityRecurrence2Id");

		if (is_series(row->fields) && !row->deleted && of && strcmp(of, id) == 0)
			series = row;
		left = left || (is_occurrence(row, id) && start_of(row) < from);
	}
	delete_from(sf, how, record, from);
	if (series) {
		json_t *fields = json_copy(series->fields);

		json_object_set_new(fields, "Recurrence2PatternText",
			ending(sf_text(series, "Recurrence2PatternText"), from));
		sf_change(sf, how, series, fields, !left);
	}
	return NULL;
}
