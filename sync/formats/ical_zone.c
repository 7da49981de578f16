/* VTIMEZONE: a zone of the tz database as iCalendar observances (RFC 5545 section 3.6.5).
 *
 * Where the zone now follows a yearly rule, two observances with an RRULE say it for ever, from the
 * first change that follows the rule; changes before that which the document's times need stand
 * there one by one, the earliest being the one in force at the first of those times. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sync/formats/ical_impl.h"
#include "sync/formats/recur.h"

/* The start of what always held: before every calendar in use. */
#define FIRST_ONSET INT64_C(-11644473600) /* 1601-01-01 */
#define MAX_CHANGES 4000

static void put_offset(struct ical_writer *w, const char *prop, int offset)
{
	int seconds = abs(offset);
	char text[32];

	snprintf(text, sizeof(text), "%c%02d%02d", offset < 0 ? '-' : '+', seconds / 3600,
		seconds / 60 % 60);
	if (seconds % 60)
		snprintf(text + 5, sizeof(text) - 5, "%02d", seconds % 60);
	ical_begin_bare(w, prop);
	ical_end_raw(w, text);
}

/* Summer time is where clocks are ahead, also where the law has it the other way round (Ireland). */
static bool is_daylight(const struct zone_change *from, const struct zone_change *to)
{
	if (to->daylight)
		return to->offset > from->offset;
	return from->daylight && to->offset > from->offset;
}

static void write_observance(struct ical_writer *w, const struct zone_change *from,
	const struct zone_change *to, int64_t onset, const char *rule)
{
	const char *name = is_daylight(from, to) ? "DAYLIGHT" : "STANDARD";
	char text[ICAL_TIME_SIZE];

	ical_put_mark(w, "BEGIN", name);
	ical_format(onset, false, false, text);
	ical_begin_bare(w, "DTSTART");
	ical_end_raw(w, text);
	if (rule) {
		ical_begin_bare(w, "RRULE");
		ical_end_raw(w, rule);
	}
	put_offset(w, "TZOFFSETFROM", from->offset);
	put_offset(w, "TZOFFSETTO", to->offset);
	ical_begin_bare(w, "TZNAME");
	ical_end_text(w, to->abbreviation);
	ical_put_mark(w, "END", name);
}

/* "FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU".  A rule whose time lies outside of its day (the Saturday before
 * the last Sunday, at 23:00) names the days of the month that it can be. */
static bool rule_text(const struct zone_yearly *rule, char out[128])
{
	static const int lengths[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	int shift = (rule->seconds + 10 * CALTIME_DAY) / CALTIME_DAY - 10;
	const char *day = recur_day((rule->weekday + shift + 70) % 7);
	int last = lengths[rule->month - 1];
	int from = rule->week == 5 ? last - 6 : rule->week * 7 - 6;
	int n = snprintf(out, 128, "FREQ=YEARLY;BYMONTH=%d;BYDAY=", rule->month);
	char upper[3] = { (char)(day[0] - 32), (char)(day[1] - 32), '\0' };

	if (shift == 0) {
		snprintf(
			out + n, 128 - (size_t)n, "%d%s", rule->week == 5 ? -1 : rule->week, upper);
		return true;
	}
	from += shift;
	if (from < 1 || from + 6 > last || (rule->month == 2 && rule->week == 5))
		return false;
	n += snprintf(out + n, 128 - (size_t)n, "%s;BYMONTHDAY=", upper);
	for (int i = 0; i < 7; i++)
		n += snprintf(out + n, 128 - (size_t)n, "%s%d", i ? "," : "", from + i);
	return true;
}

/* Changes one by one up to `to`, beginning with what holds at `from`. */
static void write_changes(struct ical_writer *w, const struct zone *zone, int64_t from, int64_t to)
{
	struct zone_change before;
	struct zone_change state;
	int64_t onset;

	zone_state(zone, from, &state);
	before = state;
	onset = FIRST_ONSET;
	if (state.utc > FIRST_ONSET) {
		zone_state(zone, state.utc - 1, &before);
		onset = state.utc + before.offset;
	}
	for (int n = 0; n < MAX_CHANGES; n++) {
		write_observance(w, &before, &state, onset, NULL);
		before = state;
		if (!zone_next(zone, before.utc, &state) || state.utc > to)
			break;
		onset = state.utc + before.offset;
	}
}

/* The two yearly changes from `since` on. */
static void write_rules(struct ical_writer *w, const struct zone *zone, int64_t since,
	const struct zone_yearly rules[2], char text[2][128])
{
	int64_t at = since - 1;

	for (int i = 0; i < 2; i++) {
		struct zone_change before;
		struct zone_change change;

		zone_state(zone, at, &before);
		if (!zone_next(zone, at, &change))
			return;
		write_observance(w, &before, &change, change.utc + before.offset,
			text[change.offset == rules[0].offset ? 0 : 1]);
		at = change.utc;
	}
}

void ical_write_zone(struct ical_writer *w, const struct zone *zone)
{
	struct zone_yearly rules[2];
	char text[2][128];
	int64_t since = INT64_MAX;
	bool yearly = zone_rules(zone, rules, &since) && rule_text(&rules[0], text[0]) &&
		      rule_text(&rules[1], text[1]);
	/* A day more: a reader may look at the hours around a time. */
	int64_t from = w->from - CALTIME_DAY;
	int64_t to = w->to > INT64_MAX - CALTIME_DAY ? INT64_MAX : w->to + CALTIME_DAY;
	/* Without a rule that can be said, the changes of some decades. */
	int64_t far = INT64_C(4102444800); /* 2100 */

	ical_put_mark(w, "BEGIN", "VTIMEZONE");
	ical_begin_bare(w, "TZID");
	ical_end_text(w, zone_name(zone));
	if (!yearly || from < since)
		write_changes(w, zone, from,
			yearly && to >= since ? since - 1
			: to < far	      ? to
					      : far);
	if (yearly && to >= since)
		write_rules(w, zone, since, rules, text);
	ical_put_mark(w, "END", "VTIMEZONE");
}
