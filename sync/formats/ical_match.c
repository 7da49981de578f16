/* Which zone of the tz database a VTIMEZONE means, told by its offsets.
 *
 * Its observances are walked to the changes of some years around the item; a zone whose offset is
 * the same before and after each of them, and wherever it changes itself, is the one.  Of several
 * such zones the one that Windows takes for the whole region is preferred: those are the names that
 * people know. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "sync/formats/ical_impl.h"
#include "sync/formats/recur.h"
#include "sync/mem.h"

#define MAX_ONSETS  64
#define MAX_OFFSET  (26 * 3600)
#define MAX_CHANGES 200

struct onset {
	int64_t utc;
	int from;
	int to;
};

struct onsets {
	int64_t begin; /* of the years that are compared */
	int64_t end;
	size_t n;
	struct onset onsets[MAX_ONSETS];
	struct onset last; /* the one in force at the begin */
	bool has_last;
};

/* "+0530", "-033126" */
static bool read_offset(const struct vcard_line *line, int *offset)
{
	const char *p = line ? line->value : "";
	int sign;
	int hours;
	int minutes;
	int seconds = 0;

	p += strspn(p, " \t");
	sign = *p == '-' ? -1 : 1;
	p += *p == '-' || *p == '+';
	hours = vcard_digits(&p, 2);
	minutes = hours < 0 ? -1 : vcard_digits(&p, 2);
	if (minutes >= 0 && strspn(p, "0123456789") >= 2)
		seconds = vcard_digits(&p, 2);
	*offset = sign * (hours * 3600 + minutes * 60 + seconds);
	return minutes >= 0 && minutes < 60 && abs(*offset) <= MAX_OFFSET;
}

static void add_onset(struct onsets *all, int64_t local, int from, int to)
{
	struct onset onset = { local - from, from, to };

	if (onset.utc <= all->begin) {
		if (!all->has_last || onset.utc >= all->last.utc)
			all->last = onset;
		all->has_last = true;
	} else if (onset.utc < all->end && all->n < MAX_ONSETS) {
		all->onsets[all->n++] = onset;
	}
}

/* A document whose series is the observance: what recur.h can walk. */
static json_t *series_of(const struct ical_component *observance, int64_t start)
{
	const struct vcard_line *line = ical_line(observance, "RRULE");
	char *until AUTOFREE = NULL;
	char text[CALTIME_SIZE];
	json_t *rule = NULL;
	json_t *end;

	caltime_write_local(start, text);
	if (!line)
		return json_pack("{s:s}", "start", text);
	if (recur_read(line->value, &rule, &until, NULL))
		return NULL;
	end = until ? ical_utc(until) : NULL;
	if (end) { /* in UTC, a day at most from the clock on the wall: no two changes are as near */
		char *local AUTOFREE = xstrndup(
			json_string_value(end), json_string_length(end) - 1);
		int64_t time;
		char later[CALTIME_SIZE];

		if (caltime_read_local(local, &time))
			caltime_write_local(time + CALTIME_DAY, later);
		json_object_set_new(rule, "until", json_string(later));
		json_decref(end);
	}
	return json_pack("{s:s, s:[o]}", "start", text, "recurrenceRules", rule);
}

static bool read_local(const char *value, int64_t *local)
{
	json_t *time = ical_utc(value); /* the form is all that counts */
	bool good = time && caltime_read_utc(json_string_value(time), local);

	json_decref(time);
	return good;
}

static void add_rdates(
	struct onsets *all, const struct ical_component *observance, int from, int to)
{
	for (size_t i = 0; i < observance->n_lines; i++) {
		const struct vcard_line *line = &observance->lines[i];

		if (strcmp(line->name, "RDATE") != 0)
			continue;
		for (const char *p = line->value; *p;) {
			size_t n = strcspn(p, ",");
			char *value AUTOFREE = xstrndup(p, n);
			int64_t local;

			if (read_local(value, &local))
				add_onset(all, local, from, to);
			p += n + (p[n] == ',');
		}
	}
}

static bool add_observance(struct onsets *all, const struct ical_component *observance)
{
	const struct vcard_line *dtstart = ical_line(observance, "DTSTART");
	struct recur *recur;
	json_t *series;
	int64_t start;
	int64_t local;
	int from;
	int to;
	bool first = true;

	if (!read_offset(ical_line(observance, "TZOFFSETFROM"), &from) ||
		!read_offset(ical_line(observance, "TZOFFSETTO"), &to) || !dtstart ||
		!read_local(dtstart->value, &start))
		return false;
	add_onset(all, start, from, to);
	add_rdates(all, observance, from, to);
	series = series_of(observance, start);
	recur = series ? recur_open(series) : NULL;
	while (recur && recur_next(recur, &local) && local - from < all->end) {
		if (!first) /* the start need not be one that the rule makes */
			add_onset(all, local, from, to);
		first = false;
	}
	recur_close(recur);
	json_decref(series);
	return recur != NULL;
}

static int by_time(const void *a, const void *b)
{
	const struct onset *x = a;
	const struct onset *y = b;

	return (x->utc > y->utc) - (x->utc < y->utc);
}

static bool read_onsets(const struct ical_component *vtimezone, struct onsets *all)
{
	bool some = false;

	for (size_t i = 0; i < vtimezone->n_parts; i++) {
		const struct ical_component *part = vtimezone->parts[i];

		if (!ical_is(part, "STANDARD") && !ical_is(part, "DAYLIGHT"))
			continue;
		if (!add_observance(all, part))
			return false;
		some = true;
	}
	qsort(all->onsets, all->n, sizeof(all->onsets[0]), by_time);
	return some;
}

/* The offset that the VTIMEZONE says for an instant. */
static int offset_at(const struct onsets *all, int64_t utc)
{
	int offset = all->has_last ? all->last.to : all->n ? all->onsets[0].from : 0;

	for (size_t i = 0; i < all->n && all->onsets[i].utc <= utc; i++)
		offset = all->onsets[i].to;
	return offset;
}

static bool is_zone(const struct onsets *all, const struct zone *zone)
{
	struct zone_change change = { .utc = all->begin };

	if (zone_offset(zone, all->begin) != offset_at(all, all->begin))
		return false;
	for (size_t i = 0; i < all->n; i++) {
		int64_t utc = all->onsets[i].utc;

		if (zone_offset(zone, utc) != offset_at(all, utc) ||
			zone_offset(zone, utc - 1) != offset_at(all, utc - 1))
			return false;
	}
	for (int n = 0;
		n < MAX_CHANGES && zone_next(zone, change.utc, &change) && change.utc < all->end;
		n++) {
		if (change.offset != offset_at(all, change.utc))
			return false;
	}
	return true;
}

static bool try_zone(const struct zone *zone, void *onsets)
{
	return is_zone(onsets, zone);
}

bool ical_match_zone(const struct ical_component *vtimezone, int64_t around, char iana[ZONE_NAME])
{
	/* Days before and after.  Programs write the rule of today for all times, and laws change. */
	static const int windows[][2] = { { 366, 4 * 366 }, { 190, 366 } };
	bool found = false;

	for (size_t i = 0; i < ARRAY_SIZE(windows) && !found; i++) {
		struct onsets all = {
			.begin = around - windows[i][0] * CALTIME_DAY,
			.end = around + windows[i][1] * CALTIME_DAY,
		};

		found = read_onsets(vtimezone, &all) && zone_search(try_zone, &all, iana);
	}
	return found;
}
