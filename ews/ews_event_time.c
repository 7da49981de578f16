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
	const struct zone *zone = zone_find(name, iana) ? zones_get(zones, iana) : NULL;

	if (!zone)
		error_set(err, ERR_INVALID, "the time zone %.100s is not known", name);
	return zone;
}

int ews_event_to_wire(struct zones *zones, const char *zone_name, const json_t *fields,
	json_t **wire, struct error *err)
{
	const char *start = text_of(fields, "Start"), *length = text_of(fields, "Duration");
	const char *name = text_of(fields, "TimeZone");
	char iana[ZONE_NAME], windows[ZONE_NAME], text[CALTIME_SIZE];
	struct caltime_duration duration = { 0 };
	const struct zone *zone;
	int64_t local;

	*wire = NULL;
	zone = zone_of(zones, name ? name : zone_name, iana, err);
	if (!zone)
		return ERR_INVALID;
	if (!zone_to_windows(iana, windows))
		return error_set(
			err, ERR_INVALID, "Exchange has no name for the time zone %s", iana);
	if (!caltime_read_local(start, &local))
		return error_set(err, ERR_INVALID, "an event without a start");
	if (length && !caltime_read_duration(length, &duration))
		return error_set(err, ERR_INVALID, "%.100s is no duration", length);

	*wire = json_copy((json_t *)fields);
	json_object_set_new(*wire, EWS_START_DATE, json_stringn(start, DATE_LEN));
	caltime_write_utc(zone_to_utc(zone, local), text);
	put(*wire, "Start", text);
	local += duration.days * CALTIME_DAY;
	caltime_write_utc(zone_to_utc(zone, local) + duration.seconds, text);
	put(*wire, "Duration", text);
	put(*wire, "TimeZone", windows);
	return 0;
}

/* Days are days where the clock shows the same time at both ends; the rest is exact. */
static struct caltime_duration between(const struct zone *zone, int64_t start, int64_t end)
{
	int64_t local = zone_to_local(zone, end) - zone_to_local(zone, start);
	struct caltime_duration duration = { 0 };

	if (end > start && local > 0 && local % CALTIME_DAY == 0)
		duration.days = local / CALTIME_DAY;
	else if (end > start)
		duration.seconds = end - start;
	return duration;
}

bool ews_event_from_wire(struct zones *zones, json_t *fields)
{
	const char *name = text_of(fields, "TimeZone");
	char iana[ZONE_NAME] = UTC, start_text[CALTIME_SIZE], length[DURATION_LEN];
	const struct zone *zone = name ? zone_of(zones, name, iana, NULL) : NULL;
	bool known = zone || !name;
	int64_t start, end;

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
	caltime_write_local(zone_to_local(zone, start), start_text);
	put(fields, "Start", start_text);
	caltime_write_duration(between(zone, start, end), length);
	put(fields, "Duration", length);
	return known;
}
