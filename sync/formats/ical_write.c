/* A document to a calendar: the series, its exceptions, and the time zones that they use. */
#include <string.h>

#include "sync/formats/card_slots.h"
#include "sync/formats/event.h"
#include "sync/formats/ical_impl.h"
#include "sync/mem.h"

/* --- times ------------------------------------------------------------------------------------ */

static const struct zone *zone_of(struct ical_writer *w, const json_t *doc)
{
	const char *name = card_string(doc, "timeZone");

	return name ? zones_get(&w->zones, name) : NULL;
}

static int64_t to_utc(const struct zone *zone, int64_t local)
{
	return zone ? zone_to_utc(zone, local) : local;
}

static int64_t to_local(const struct zone *zone, int64_t utc)
{
	return zone ? zone_to_local(zone, utc) : utc;
}

static void cover(struct ical_writer *w, int64_t utc)
{
	w->from = utc < w->from ? utc : w->from;
	w->to = utc > w->to ? utc : w->to;
}

/* A time property: a date, or a local time in the zone (NULL: floating). */
static void write_when(
	struct ical_writer *w, const char *prop, int64_t local, bool date, const struct zone *zone)
{
	bool utc = zone && strcmp(zone_name(zone), "Etc/UTC") == 0;
	char text[ICAL_TIME_SIZE];

	ical_format(local, date, utc, text);
	ical_begin_bare(w, prop);
	if (date) {
		ical_put_param(w, "VALUE", "DATE");
	} else if (zone && !utc) {
		ical_put_param(w, "TZID", zone_name(zone));
		json_object_set_new(w->zones_used, zone_name(zone), json_true());
		cover(w, to_utc(zone, local));
	}
	ical_put_params(w, json_object_get(json_object_get(w->doc, "tandemfs:params"), prop));
	ical_end_raw(w, text);
}

static bool is_midnight(int64_t local)
{
	return caltime_of_day(local) == 0;
}

/* Dates only where nothing else would be lost by it. */
static bool is_dates(const json_t *doc)
{
	struct caltime_duration length;
	int64_t time;

	if (!json_is_true(json_object_get(doc, "showWithoutTime")))
		return false;
	if (caltime_read_local(card_string(doc, "start"), &time) && !is_midnight(time))
		return false;
	if (caltime_read_local(card_string(doc, "due"), &time) && !is_midnight(time))
		return false;
	return !caltime_read_duration(card_string(doc, "duration"), &length) || !length.seconds;
}

/* The zone in which the end is shown. */
static const struct zone *end_zone(struct ical_writer *w, const json_t *doc)
{
	const json_t *end = json_object_get(json_object_get(doc, "locations"), "end");
	const struct zone *zone = end ? zone_of(w, end) : NULL;

	return zone ? zone : zone_of(w, doc);
}

static void write_duration(struct ical_writer *w, struct caltime_duration length)
{
	char text[48];

	caltime_write_duration(length, text);
	ical_begin(w, "DURATION");
	ical_end_raw(w, text);
}

/* DTEND where reading it gives the same duration, else DURATION: nominal days, and ends in the hour
 * that comes twice. */
static void write_end(struct ical_writer *w, int64_t start, bool date)
{
	const struct zone *zone = zone_of(w, w->doc);
	const struct zone *other = end_zone(w, w->doc);
	struct caltime_duration length;
	int64_t end;

	if (!caltime_read_duration(card_string(w->doc, "duration"), &length))
		length = (struct caltime_duration){ 0 };
	if (date) {
		if (length.days > 0)
			write_when(w, "DTEND", start + length.days * CALTIME_DAY, true, NULL);
		return;
	}
	if (!length.days && !length.seconds && other == zone)
		return;
	end = to_utc(zone, start + length.days * CALTIME_DAY) + length.seconds;
	if ((length.days && other == zone) || to_utc(other, to_local(other, end)) != end)
		write_duration(w, length);
	else
		write_when(w, "DTEND", to_local(other, end), false, other);
}

static void write_times(struct ical_writer *w, const char *key)
{
	const struct zone *zone = zone_of(w, w->doc);
	bool date = is_dates(w->doc);
	int64_t time;

	if (key && caltime_read_local(key, &time))
		write_when(w, "RECURRENCE-ID", time, is_dates(w->series), zone_of(w, w->series));
	if (caltime_read_local(card_string(w->doc, "start"), &time)) {
		write_when(w, "DTSTART", time, date, zone);
		if (!w->task)
			write_end(w, time, date);
	}
	if (w->task && caltime_read_local(card_string(w->doc, "due"), &time))
		write_when(w, "DUE", time, date, zone);
}

/* --- components ------------------------------------------------------------------------------- */

static void write_stamps(struct ical_writer *w)
{
	char text[ICAL_TIME_SIZE] = "19700101T000000Z";
	int64_t time;
	bool known = caltime_read_utc(card_string(w->doc, "updated"), &time);

	if (known)
		ical_format(time, false, true, text);
	if (!ical_has_kept(w->doc, "DTSTAMP")) {
		ical_begin(w, "DTSTAMP");
		ical_end_raw(w, text);
	}
	if (known) {
		ical_begin(w, "LAST-MODIFIED");
		ical_end_raw(w, text);
	}
}

/* `key` is that of an exception, or NULL. */
static void write_component(struct ical_writer *w, const json_t *doc, const char *key)
{
	const char *name = w->task ? "VTODO" : "VEVENT";
	size_t n;
	const struct ical_rule *rules = ical_rules(&n);

	w->doc = doc;
	ical_put_mark(w, "BEGIN", name);
	for (size_t i = 0; i < n; i++) {
		if (strcmp(rules[i].prop, "CREATED") == 0) {
			write_stamps(w);
			write_times(w, key);
			if (doc == w->series)
				ical_write_recurrence(w);
		}
		if (rules[i].write && (!rules[i].only || rules[i].only == (w->task ? 'T' : 'E')))
			rules[i].write(w, &rules[i], doc);
	}
	ical_write_kept(w, doc);
	ical_write_jsprops(w);
	ical_write_alarms(w);
	ical_write_kept_components(w, doc);
	ical_put_mark(w, "END", name);
}

static void write_exceptions(struct ical_writer *w)
{
	const json_t *overrides = json_object_get(w->series, "recurrenceOverrides");
	size_t n;
	const char **keys = ical_sorted_keys(overrides, &n);

	for (size_t i = 0; i < n; i++) {
		const json_t *patch = json_object_get(overrides, keys[i]);
		json_t *occurrence;
		json_t *tidy;

		if (json_object_size(patch) == 0 ||
			json_is_true(json_object_get(patch, "excluded")))
			continue;
		occurrence = event_occurrence(w->series, keys[i]);
		tidy = event_patch(w->series, keys[i], occurrence);
		if (json_object_size(tidy) > 0)
			write_component(w, occurrence, keys[i]);
		json_decref(tidy);
		json_decref(occurrence);
	}
	mem_autofree(&keys);
}

/* Rules go on past all times that stand in the document. */
static void cover_rules(struct ical_writer *w)
{
	json_t *rule;
	size_t i;

	json_array_foreach(json_object_get(w->series, "recurrenceRules"), i, rule) {
		int64_t until;

		if (caltime_read_local(card_string(rule, "until"), &until))
			cover(w, until + 2 * CALTIME_DAY);
		else
			w->to = INT64_MAX;
	}
}

static void write_zones(struct ical_writer *w)
{
	size_t n;
	const char **names = ical_sorted_keys(w->zones_used, &n);

	for (size_t i = 0; i < n; i++)
		ical_write_zone(w, zones_get(&w->zones, names[i]));
	mem_autofree(&names);
}

static void write_calendar(struct ical_writer *w, struct buf *out)
{
	const json_t *around = json_object_get(w->series, "tandemfs:calendar");
	json_t *holder = json_object();
	struct buf items AUTOBUF = BUF_INIT(ICAL_MAX_RENDERED);
	const char *key = card_string(w->series, "recurrenceId");

	if (around)
		json_object_set(holder, "iCalComponent", (json_t *)around);
	w->out = &items;
	write_component(w, w->series, key);
	if (!key)
		write_exceptions(w);
	cover_rules(w);
	w->out = out;
	w->doc = w->series;
	ical_put_mark(w, "BEGIN", "VCALENDAR");
	ical_begin_bare(w, "VERSION");
	ical_end_raw(w, "2.0");
	ical_begin_bare(w, "PRODID");
	ical_end_raw(w, "-//tandemfs//tandemfs//EN");
	ical_write_kept(w, holder);
	write_zones(w);
	buf_add(out, buf_str(&items), items.len);
	out->failed |= items.failed;
	ical_write_kept_components(w, holder);
	ical_put_mark(w, "END", "VCALENDAR");
	json_decref(holder);
}

static int check_zone(struct ical_writer *w, const json_t *object, struct error *err)
{
	const char *name = card_string(object, "timeZone");

	if (name && !zones_get(&w->zones, name))
		return error_set(err, ERR_INVALID, "timeZone: unknown time zone \"%.80s\"", name);
	return 0;
}

/* All zones are there: nothing below can fail for them. */
static int check_zones(struct ical_writer *w, struct error *err)
{
	int rc = check_zone(w, w->series, err);
	const char *key;
	json_t *patch;

	json_object_foreach(json_object_get(w->series, "recurrenceOverrides"), key, patch) {
		if (rc == 0)
			rc = check_zone(w, patch, err);
	}
	return rc;
}

int ical_render(const json_t *doc, struct buf *out, struct error *err)
{
	const char *type = card_string(doc, "@type");
	struct ical_writer w = {
		.line = BUF_INIT(ICAL_MAX_RENDERED),
		.used = json_object(),
		.zones_used = json_object(),
		.series = doc,
		.task = type && strcmp(type, "Task") == 0,
		.from = INT64_MAX,
		.to = INT64_MIN,
	};
	int rc = check_zones(&w, err);

	if (rc == 0) {
		write_calendar(&w, out);
		rc = buf_check(out, "the calendar", err);
	}
	buf_free(&w.line);
	zones_free(&w.zones);
	json_decref(w.used);
	json_decref(w.zones_used);
	return rc;
}
