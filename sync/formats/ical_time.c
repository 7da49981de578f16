/* The times of a component: DTSTART, DTEND, DUE, DURATION and their zones, read.
 *
 * An end becomes a duration: exact for date-times (RFC 5545 section 3.8.5.3: an end means the same
 * exact duration for every occurrence), whole days for dates. */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "sync/formats/card_slots.h"
#include "sync/formats/ical_impl.h"
#include "sync/mem.h"

static const char time_properties[] =
	"DTSTART DTEND DUE DURATION RECURRENCE-ID RRULE EXRULE RDATE EXDATE";

bool ical_is_time_property(const char *name)
{
	return card_word_in(time_properties, name, strlen(name));
}

/* --- values ----------------------------------------------------------------------------------- */

/* "20261122", "20261122T100000", "20261122T100000Z" */
static bool read_basic(const char *text, size_t len, int64_t *local, bool *date, bool *utc)
{
	const char *p = text;
	int year;
	int month;
	int day;
	int hour = 0;
	int minute = 0;
	int second = 0;

	*utc = (len == 16 || len == 9) && (text[len - 1] == 'Z' || text[len - 1] == 'z');
	len -= *utc;
	*date = len == 8;
	if (len != 8 && (len != 15 || (text[8] != 'T' && text[8] != 't')))
		return false;
	year = vcard_digits(&p, 4);
	month = year < 0 ? -1 : vcard_digits(&p, 2);
	day = month < 0 ? -1 : vcard_digits(&p, 2);
	if (day < 0 || !caltime_is_date(year, month, day))
		return false;
	if (!*date) {
		p++;
		hour = vcard_digits(&p, 2);
		minute = hour < 0 ? -1 : vcard_digits(&p, 2);
		second = minute < 0 ? -1 : vcard_digits(&p, 2);
		if (second < 0 || hour > 23 || minute > 59 || second > 60)
			return false;
	}
	*local = caltime_days(year, month, day) * CALTIME_DAY + hour * 3600 + minute * 60 +
		 (second == 60 ? 59 : second);
	return true;
}

static void trim(const char **text, size_t *len)
{
	while (*len && isspace((unsigned char)**text)) {
		(*text)++;
		(*len)--;
	}
	while (*len && isspace((unsigned char)(*text)[*len - 1]))
		(*len)--;
}

json_t *ical_utc(const char *value)
{
	size_t len = strlen(value);
	char text[CALTIME_SIZE];
	int64_t time;
	bool date;
	bool utc;

	trim(&value, &len);
	if (!read_basic(value, len, &time, &date, &utc))
		return NULL;
	caltime_write_utc(time, text);
	return json_string(text);
}

/* Is the property's text (its value with the escapes resolved) this? */
static bool says(const struct vcard_line *line, const char *text)
{
	json_t *value = line ? vcard_text(line->value, strlen(line->value)) : NULL;
	bool same = value &&
		    (strcmp(json_string_value(value), text) == 0 || strcmp(line->value, text) == 0);

	json_decref(value);
	return same;
}

/* The VTIMEZONE of that TZID. */
static const struct ical_component *find_vtimezone(
	const struct ical_component *calendar, const char *tzid)
{
	for (size_t i = 0; i < calendar->n_parts; i++) {
		const struct ical_component *part = calendar->parts[i];

		if (ical_is(part, "VTIMEZONE") && says(ical_line(part, "TZID"), tzid))
			return part;
	}
	return NULL;
}

/* By its name, by what its VTIMEZONE says of the place, by its rules. */
static bool look_up_zone(struct ical_reader *r, const char *tzid, char iana[ZONE_NAME])
{
	const struct ical_component *vtimezone = find_vtimezone(r->calendar, tzid);
	const struct vcard_line *place = vtimezone ? ical_line(vtimezone, "X-LIC-LOCATION") : NULL;

	return zone_find(tzid, iana) || (place && zone_find(place->value, iana)) ||
	       (vtimezone && r->matched++ < ICAL_MAX_ZONES &&
		       ical_match_zone(vtimezone, r->around, iana));
}

int ical_find_zone(struct ical_reader *r, const struct vcard_line *line, const char *tzid,
	const char **iana, struct error *err)
{
	char found[ZONE_NAME];

	*iana = json_string_value(json_object_get(r->tzids, tzid));
	if (*iana)
		return 0;
	if (!look_up_zone(r, tzid, found))
		return error_set(err, ERR_INVALID, "line %zu: %s: unknown time zone \"%.80s\"",
			line->number, line->name, tzid);
	json_object_set_new(r->tzids, tzid, json_string(found));
	*iana = json_string_value(json_object_get(r->tzids, tzid));
	return 0;
}

int ical_read_when(struct ical_reader *r, const struct vcard_line *line, const char *value,
	size_t len, struct ical_when *when, struct error *err)
{
	const char *type = vcard_param(line, "value");
	const char *tzid = vcard_param(line, "tzid");
	const char *iana = "";
	bool utc;
	int rc = 0;

	*when = (struct ical_when){ 0 };
	trim(&value, &len);
	if (!read_basic(value, len, &when->local, &when->date, &utc))
		return vcard_line_error(line, err, "not a date or date-time");
	if (type && strcasecmp(type, "DATE") == 0) {
		when->local -= caltime_of_day(when->local);
		when->date = true;
	}
	if (r->around == INT64_MIN)
		r->around = when->local;
	if (when->date)
		return 0;
	if (utc)
		iana = "Etc/UTC";
	else if (tzid && *tzid)
		rc = ical_find_zone(r, line, tzid, &iana, err);
	if (rc == 0)
		memcpy(when->zone, iana, strlen(iana) + 1);
	return rc;
}

static int64_t instant(struct ical_reader *r, int64_t local, const char *zone)
{
	const struct zone *z = *zone ? zones_get(&r->zones, zone) : NULL;

	return z ? zone_to_utc(z, local) : local;
}

/* A time on the clock of another zone; floating times are on every clock. */
static int64_t in_zone(struct ical_reader *r, const struct ical_when *when, const char *zone)
{
	const struct zone *to = *zone ? zones_get(&r->zones, zone) : NULL;

	if (!to || !*when->zone || strcmp(when->zone, zone) == 0)
		return when->local;
	return zone_to_local(to, instant(r, when->local, when->zone));
}

int64_t ical_key(struct ical_reader *r, const json_t *doc, const struct ical_when *when)
{
	const char *zone = card_string(doc, "timeZone");
	int64_t start;

	if (json_is_true(json_object_get(doc, "showWithoutTime")))
		return when->local - caltime_of_day(when->local);
	if (when->date) { /* the occurrence of that day */
		if (!caltime_read_local(card_string(doc, "start"), &start))
			return when->local;
		return when->local + caltime_of_day(start);
	}
	return in_zone(r, when, zone ? zone : "");
}

/* --- DTSTART, DTEND, DUE, DURATION ------------------------------------------------------------ */

static void set_local(json_t *doc, const char *member, int64_t local)
{
	char text[CALTIME_SIZE];

	caltime_write_local(local, text);
	json_object_set_new(doc, member, json_string(text));
}

static void set_duration(json_t *doc, struct caltime_duration duration)
{
	char text[48];

	if (!duration.days && !duration.seconds)
		return;
	caltime_write_duration(duration, text);
	json_object_set_new(doc, "duration", json_string(text));
}

/* The one line of that name. */
static int only_line(const struct ical_component *component, const char *name,
	const struct vcard_line **line, struct error *err)
{
	*line = ical_line(component, name);
	for (const struct vcard_line *other = *line ? *line + 1 : NULL;
		other && other < component->lines + component->n_lines; other++) {
		if (strcmp(other->name, name) == 0)
			return vcard_line_error(other, err, "stands there twice");
	}
	return 0;
}

static int read_line_when(struct ical_reader *r, const struct vcard_line *line,
	struct ical_when *when, struct error *err)
{
	int rc = ical_read_when(r, line, line->value, strlen(line->value), when, err);

	if (rc == 0)
		ical_keep_params(r->doc, line->name, line, "");
	return rc;
}

static int read_start(struct ical_reader *r, const struct vcard_line *line, struct ical_when *start,
	struct error *err)
{
	int rc = read_line_when(r, line, start, err);

	if (rc)
		return rc;
	set_local(r->doc, "start", start->local);
	if (*start->zone)
		json_object_set_new(r->doc, "timeZone", json_string(start->zone));
	if (start->date)
		json_object_set_new(r->doc, "showWithoutTime", json_true());
	return 0;
}

/* An end that is shown in another zone than the start. */
static void set_end_zone(json_t *doc, const char *zone)
{
	json_t *locations = json_object_get(doc, "locations");

	if (!locations) {
		locations = json_object();
		json_object_set_new(doc, "locations", locations);
	}
	json_object_set_new(locations, "end",
		json_pack("{s:s, s:s, s:s}", "@type", "Location", "relativeTo", "end", "timeZone",
			zone));
}

static int read_end(struct ical_reader *r, const struct vcard_line *line,
	const struct ical_when *start, struct error *err)
{
	struct ical_when end;
	struct caltime_duration length = { 0 };
	int64_t seconds;
	int rc = read_line_when(r, line, &end, err);

	if (rc)
		return rc;
	if (start->date != end.date)
		return vcard_line_error(line, err,
			start->date ? "a date-time, but DTSTART is a date"
				    : "a date, but DTSTART is a date-time");
	if (*start->zone && *end.zone) {
		seconds = instant(r, end.local, end.zone) - instant(r, start->local, start->zone);
		if (strcmp(start->zone, end.zone) != 0)
			set_end_zone(r->doc, end.zone);
	} else {
		seconds = end.local - start->local;
	}
	if (seconds < 0)
		return vcard_line_error(line, err, "before DTSTART");
	if (start->date) /* many write the same day twice and mean that day */
		length.days = seconds ? seconds / CALTIME_DAY : 1;
	else
		length.seconds = seconds;
	set_duration(r->doc, length);
	return 0;
}

static int read_duration(struct ical_reader *r, const struct vcard_line *line, bool date,
	struct caltime_duration *length, struct error *err)
{
	json_t *text = vcard_trimmed(line->value);
	bool good = caltime_read_duration(json_string_value(text), length);

	json_decref(text);
	if (!good)
		return vcard_line_error(line, err, "not a duration");
	if (length->days < 0 || length->seconds < 0)
		return vcard_line_error(line, err, "negative");
	if (date && length->seconds % CALTIME_DAY)
		return vcard_line_error(line, err, "not whole days, but DTSTART is a date");
	if (date) {
		length->days += length->seconds / CALTIME_DAY;
		length->seconds = 0;
		length->days = length->days ? length->days : 1;
	}
	ical_keep_params(r->doc, line->name, line, "");
	return 0;
}

static int read_event_times(struct ical_reader *r, struct error *err)
{
	const struct ical_component *c = r->component;
	const struct vcard_line *dtstart;
	const struct vcard_line *dtend;
	const struct vcard_line *duration;
	struct ical_when start;
	struct caltime_duration length = { 0 };
	int rc = only_line(c, "DTSTART", &dtstart, err);

	if (rc == 0)
		rc = only_line(c, "DTEND", &dtend, err);
	if (rc == 0)
		rc = only_line(c, "DURATION", &duration, err);
	if (rc)
		return rc;
	if (!dtstart)
		return ical_component_error(c, err, "DTSTART is missing");
	rc = read_start(r, dtstart, &start, err);
	if (rc)
		return rc;
	if (dtend)
		return read_end(r, dtend, &start, err);
	length.days = start.date;
	if (duration)
		rc = read_duration(r, duration, start.date, &length, err);
	if (rc == 0)
		set_duration(r->doc, length);
	return rc;
}

static int read_due(struct ical_reader *r, const struct vcard_line *line,
	const struct vcard_line *dtstart, const struct ical_when *start, struct error *err)
{
	struct ical_when due;
	int rc = read_line_when(r, line, &due, err);

	if (rc)
		return rc;
	if (dtstart) {
		set_local(r->doc, "due", in_zone(r, &due, start->zone));
		if (start->date != due.date)
			json_object_del(r->doc, "showWithoutTime");
		return 0;
	}
	set_local(r->doc, "due", due.local);
	if (*due.zone)
		json_object_set_new(r->doc, "timeZone", json_string(due.zone));
	if (due.date)
		json_object_set_new(r->doc, "showWithoutTime", json_true());
	return 0;
}

static int64_t add(
	struct ical_reader *r, const struct ical_when *start, struct caltime_duration length)
{
	const struct zone *zone = *start->zone ? zones_get(&r->zones, start->zone) : NULL;
	int64_t local = start->local + length.days * CALTIME_DAY;

	if (!length.seconds || !zone)
		return local + length.seconds;
	return zone_to_local(zone, zone_to_utc(zone, local) + length.seconds);
}

static int read_task_times(struct ical_reader *r, struct error *err)
{
	const struct ical_component *c = r->component;
	const struct vcard_line *dtstart;
	const struct vcard_line *due = NULL;
	const struct vcard_line *duration = NULL;
	struct ical_when start = { 0 };
	struct caltime_duration length;
	int rc = only_line(c, "DTSTART", &dtstart, err);

	if (rc == 0)
		rc = only_line(c, "DUE", &due, err);
	if (rc == 0)
		rc = only_line(c, "DURATION", &duration, err);
	if (rc == 0 && dtstart)
		rc = read_start(r, dtstart, &start, err);
	if (rc == 0 && due)
		return read_due(r, due, dtstart, &start, err);
	if (rc || !duration)
		return rc;
	rc = read_duration(r, duration, start.date, &length, err);
	if (rc == 0 && !dtstart)
		return vcard_line_error(duration, err, "needs DTSTART");
	if (rc == 0)
		set_local(r->doc, "due", add(r, &start, length));
	return rc;
}

int ical_read_times(struct ical_reader *r, struct error *err)
{
	return ical_is_task(r) ? read_task_times(r, err) : read_event_times(r, err);
}
