/* When an event is: between local times with a zone and the instants of Exchange.  See ews_event.h. */
#include <string.h>

#include "ews/ews_event.h"
#include "ews/ews_time.h"
#include "sync/formats/caltime.h"
#include "sync/mem.h"

#define UTC	     "Etc/UTC"
#define WINDOWS_UTC  "UTC"
#define DATE_LEN     10
#define DURATION_LEN 48

static const char *text_of(const json_t *fields, const char *name)
{
	return json_string_value(json_object_get(fields, name));
}

static void put(json_t *fields, const char *name, const char *text)
{
	json_object_set_new(fields, name, json_string(text));
}

static const struct zone *zone_of(
	struct zones *zones, const char *name, char iana[ZONE_NAME], struct error *err)
{
	const struct zone *zone = zones_find(zones, name, iana) ? zones_get(zones, iana) : NULL;

	if (!zone)
		error_set(err, ERR_INVALID, "the time zone %.100s is not known", name);
	return zone;
}

static bool is_all_day(const json_t *fields)
{
	return json_is_true(json_object_get(fields, "IsAllDayEvent"));
}

static bool is_series(const json_t *fields)
{
	return json_object_get(fields, "Recurrence") != NULL;
}

/* In seconds, by the clock. */
static int64_t length_of(const struct caltime_duration *duration)
{
	return duration->days * CALTIME_DAY + duration->seconds;
}

/* By the clock for a series: Exchange keeps its length so, and a first night with an hour more or less
 * must not count for all. */
static int64_t end_of(const struct zone *zone, int64_t start,
	const struct caltime_duration *duration, bool series)
{
	int64_t local = start + duration->days * CALTIME_DAY;
	int64_t end = series ? zone_to_utc(zone, start + length_of(duration))
			     : zone_to_utc(zone, local) + duration->seconds;
	int64_t begin = zone_to_utc(zone, start);

	return end < begin ? begin : end;
}

/* The last instant for which a series needs a clock; all clocks that agree until then go on so. */
static int64_t last_needed(const char *until)
{
	char *text AUTOFREE = xasprintf("%.10sT23:59:59Z", until ? until : "2037-12-31");
	int64_t end;

	return caltime_read_utc(text, &end) ? end : INT64_MIN;
}

static bool is_skipped(const struct zone *zone, int64_t local)
{
	return zone_to_local(zone, zone_to_utc(zone, local)) != local;
}

/* Exchange names zones of many places after one of them, whose clock once may have been another one, and
 * repeats a series by that clock, at the times of its first start and end (in seconds, by the clock). */
static int check_clock(struct zones *zones, const struct zone *zone, const char *windows,
	int64_t local, int64_t local_end, const char *until, struct error *err)
{
	char iana[ZONE_NAME], text[CALTIME_SIZE];
	const struct zone *theirs = zones_find(zones, windows, iana) ? zones_get(zones, iana)
								     : NULL;
	int64_t at = zone_to_utc(zone, local), end = last_needed(until);

	if (is_skipped(zone, local) || is_skipped(zone, local_end))
		return error_set(err, ERR_INVALID,
			"a series that %s at a time which the clocks skip is none in Exchange",
			is_skipped(zone, local) ? "begins" : "first ends");
	while (theirs && theirs != zone && at <= end) {
		struct zone_change a = { .utc = INT64_MAX }, b = { .utc = INT64_MAX };

		if (zone_offset(zone, at) != zone_offset(theirs, at)) {
			caltime_write_local(at, text);
			return error_set(err, ERR_INVALID,
				"Exchange repeats a series of %s by the clock of %s, which was "
				"another one on %.10s",
				zone_name(zone), iana, text);
		}
		zone_next(zone, at, &a);
		zone_next(theirs, at, &b);
		at = a.utc < b.utc ? a.utc : b.utc;
	}
	return 0;
}

int ews_event_check(const json_t *doc, struct error *err)
{
	const json_t *rules = json_object_get(doc, "recurrenceRules");
	const char *name = text_of(doc, "timeZone");
	char iana[ZONE_NAME], windows[ZONE_NAME];
	struct caltime_duration length = { 0 };
	struct zones zones = { 0 };
	const struct zone *zone;
	int64_t local;
	int rc = 0;

	if (!json_array_size(rules) || !name ||
		json_is_true(json_object_get(doc, "showWithoutTime")))
		return 0;
	caltime_read_duration(text_of(doc, "duration"), &length);
	zone = zone_of(&zones, name, iana, err);
	if (!zone)
		rc = ERR_INVALID;
	else if (zone_to_windows(iana, windows) &&
		 caltime_read_local(text_of(doc, "start"), &local))
		rc = check_clock(&zones, zone, windows, local, local + length_of(&length),
			text_of(json_array_get(rules, 0), "until"), err);
	zones_free(&zones);
	return rc;
}

/* Midnight is that of the clock by which Exchange counts days. */
static const struct zone *clock_of_days(
	struct zones *zones, const struct zone *zone, const char *windows)
{
	char iana[ZONE_NAME];
	const struct zone *theirs = zones_find(zones, windows, iana) ? zones_get(zones, iana)
								     : NULL;

	return theirs ? theirs : zone;
}

int ews_event_to_wire(struct zones *zones, const char *own_zone, const json_t *fields,
	json_t **wire, struct error *err)
{
	const char *start = text_of(fields, "Start"), *length = text_of(fields, "Duration");
	const char *name = text_of(fields, "TimeZone");
	char iana[ZONE_NAME], windows[ZONE_NAME], text[CALTIME_SIZE];
	struct caltime_duration duration = { 0 };
	const struct zone *zone;
	int64_t local;

	*wire = NULL;
	zone = zone_of(zones, name ? name : own_zone, iana, err);
	if (!zone)
		return ERR_INVALID;
	if (!zone_to_windows(iana, windows))
		return error_set(
			err, ERR_INVALID, "Exchange has no name for the time zone %s", iana);
	if (!caltime_read_local(start, &local))
		return error_set(err, ERR_INVALID, "an event without a start");
	if (length && !caltime_read_duration(length, &duration))
		return error_set(err, ERR_INVALID, "%.100s is no duration", length);
	if (is_all_day(fields))
		zone = clock_of_days(zones, zone, windows);
	else if (is_series(fields) &&
		 check_clock(zones, zone, windows, local, local + length_of(&duration),
			 text_of(json_object_get(fields, "Recurrence"), "EndDate"), err))
		return err ? (int)err->code : ERR_INVALID;

	*wire = json_copy((json_t *)fields);
	json_object_set_new(*wire, EWS_START_DATE, json_stringn(start, DATE_LEN));
	caltime_write_utc(zone_to_utc(zone, local), text);
	put(*wire, "Start", text);
	caltime_write_utc(end_of(zone, local, &duration, is_series(fields)), text);
	put(*wire, "Duration", text);
	put(*wire, "TimeZone", windows);
	return 0;
}

/* Days are days where the clock shows the same time at both ends; the rest is exact, but of a series,
 * which lasts as long by the clock each time. */
static struct caltime_duration between(
	const struct zone *zone, int64_t start, int64_t end, bool series)
{
	int64_t local = zone_to_local(zone, end) - zone_to_local(zone, start);
	struct caltime_duration duration = { 0 };

	if (series && local > 0)
		end = start + local;
	if (end > start && local > 0 && local % CALTIME_DAY == 0)
		duration.days = local / CALTIME_DAY;
	else if (end > start)
		duration.seconds = end - start;
	return duration;
}

/* The clock of the zone shows this instant's time for the second time. */
static bool is_second(const struct zone *zone, const json_t *fields, int64_t start)
{
	return !is_series(fields) && zone_to_utc(zone, zone_to_local(zone, start)) != start;
}

bool ews_event_from_wire(struct zones *zones, json_t *fields)
{
	const char *name = text_of(fields, "TimeZone");
	char iana[ZONE_NAME] = UTC, start_text[CALTIME_SIZE], length[DURATION_LEN];
	const struct zone *zone = name ? zone_of(zones, name, iana, NULL) : NULL;
	const json_t *rules = json_object_get(fields, EWS_ZONE_RULES);
	int64_t start = 0, end;
	bool known;

	ews_time_seconds(text_of(fields, "Start"), &start);
	if (!zone && rules && ews_zone_match(zones, rules, start, iana))
		zone = zones_get(zones, iana);
	known = zone || !name;
	json_object_del(fields, EWS_ZONE_RULES);
	if (!zone) {
		memcpy(iana, UTC, sizeof(UTC));
		zone = zones_get(zones, iana);
	}
	put(fields, "TimeZone", iana);
	if (!zone || !ews_time_seconds(text_of(fields, "Start"), &start)) {
		json_object_del(fields, "Start");
		json_object_del(fields, "Duration");
		return known;
	}
	if (!ews_time_seconds(text_of(fields, "Duration"), &end))
		end = start;
	if (is_second(zone, fields, start)) {
		zone = zones_get(zones, UTC);
		put(fields, "TimeZone", UTC);
	}
	caltime_write_local(zone_to_local(zone, start), start_text);
	put(fields, "Start", start_text);
	caltime_write_duration(between(zone, start, end, is_series(fields)), length);
	put(fields, "Duration", length);
	return known;
}

void ews_event_to_zone(struct zones *zones, json_t *fields, const char *zone)
{
	const char *name = text_of(fields, "TimeZone"), *start = text_of(fields, "Start");
	const struct zone *from = name ? zones_get(zones, name) : NULL;
	const struct zone *to = zone ? zones_get(zones, zone) : NULL;
	char text[CALTIME_SIZE];
	int64_t local;

	if (!from || !to || from == to || is_all_day(fields) || !caltime_read_local(start, &local))
		return;
	caltime_write_local(zone_to_local(to, zone_to_utc(from, local)), text);
	put(fields, "Start", text);
	put(fields, "TimeZone", zone);
}
