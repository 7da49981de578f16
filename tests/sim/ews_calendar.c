/* What the server makes of a CalendarItem: defaults, the rules of its times, computed properties.
 *
 * ews_calendar_settle() runs while an item is saved, with the state before as `old` (NULL for a
 * new one): it refuses what Exchange refuses, puts the master of a series on the first day of its
 * pattern, and marks a pattern or time that changed, which ends all exceptions. */
#include <stdlib.h>
#include <string.h>

#include "sync/mem.h"
#include "tests/sim/ews_calendar.h"

#define HALF_HOUR  1800
#define FIVE_YEARS (1825 * (int64_t)EWS_DAY)
#define TIMES	   3

static const char *const time_rows[TIMES] = { "calendar:Start", "calendar:End",
	"calendar:StartTimeZone" };

struct ews_zone *ews_item_zone(const struct ews_item *item)
{
	struct ews *ews = item->mailbox->ews;
	struct ews_zone *zone = ews_zone_by_id(ews, ews_get_uri(item, "calendar:StartTimeZone"));

	return zone ? zone : ews_zone_by_id(ews, "UTC");
}

static bool same(const char *a, const char *b)
{
	return !strcmp(a ? a : "", b ? b : "");
}

static bool differs(const struct ews_item *item, const struct ews_item *old, const char *uri)
{
	return !old || !same(ews_get_uri(item, uri), ews_get_uri(old, uri));
}

static bool is_true(const struct ews_item *item, const char *uri)
{
	return xml_true(ews_get_uri(item, uri));
}

static void put_seconds(struct ews_item *item, const char *uri, int64_t seconds)
{
	char *text AUTOFREE = ews_seconds_text(seconds);

	if (!same(text, ews_get_uri(item, uri)))
		ews_put_uri(item, uri, text);
}

static void put_default(struct ews_item *item, const char *uri, const char *text)
{
	if (!ews_get_uri(item, uri))
		ews_put_uri(item, uri, text);
}

/* What a new item has that the request did not say: a zone, half an hour, a reminder. */
void ews_calendar_defaults(struct ews_ctx *c, struct ews_item *item)
{
	const char *meeting = ews_get_uri(item, "calendar:MeetingTimeZone");
	int64_t now = sim_now_ns(c->ews->sim) / 1000000000, start;

	put_default(item, "calendar:StartTimeZone", meeting ? meeting : ews_zone_id(c->zone));
	put_default(item, "calendar:EndTimeZone", ews_get_uri(item, "calendar:StartTimeZone"));
	if (!ews_get_uri(item, "calendar:Start"))
		put_seconds(item, "calendar:Start", now - now % HALF_HOUR + HALF_HOUR);
	start = ews_seconds(ews_get_uri(item, "calendar:Start"));
	if (!ews_get_uri(item, "calendar:End"))
		put_seconds(item, "calendar:End", start + HALF_HOUR);
	put_default(item, "item:ReminderIsSet", "true");
	put_default(item, "item:ReminderMinutesBeforeStart", "15");
}

/* Times -------------------------------------------------------------------------------------- */

static int check_times(const struct ews_item *item, struct ews_error *err)
{
	const char *from = ews_get_uri(item, "calendar:Start");
	const char *to = ews_get_uri(item, "calendar:End");
	int64_t start, end;

	if (!from || !to)
		return ews_fail(err, "ErrorCalendarInvalidPropertyState",
			"A calendar item has a start and an end.");
	start = ews_seconds(from);
	end = ews_seconds(to);
	if (end < start)
		return ews_fail(err, "ErrorCalendarEndDateIsEarlierThanStartDate",
			"EndDate is earlier than StartDate.");
	if (end - start > FIVE_YEARS)
		return ews_fail(err, "ErrorCalendarDurationIsTooLong",
			"The item lasts longer than five years.");
	return 0;
}

/* An all-day event covers whole days of its own zone: from the midnight before its start to the
 * midnight after its end. */
static void widen_to_days(struct ews_item *item)
{
	const struct ews_zone *zone = ews_item_zone(item);
	int64_t start = ews_zone_local(zone, ews_seconds(ews_get_uri(item, "calendar:Start")));
	int64_t end = ews_zone_local(zone, ews_seconds(ews_get_uri(item, "calendar:End")));
	int64_t first = ews_day_of(start), after = ews_day_of(end + EWS_DAY - 1);

	if (after <= first)
		after = first + 1;
	put_seconds(item, "calendar:Start", ews_zone_utc(zone, first * EWS_DAY));
	put_seconds(item, "calendar:End", ews_zone_utc(zone, after * EWS_DAY));
}

static int check_zones(const struct ews_item *item, struct ews_error *err)
{
	static const char *const rows[] = { "calendar:StartTimeZone", "calendar:EndTimeZone",
		"calendar:MeetingTimeZone" };

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const char *id = ews_get_uri(item, rows[i]);

		if (id && !ews_zone_by_id(item->mailbox->ews, id))
			return ews_fail(err, "ErrorCalendarInvalidTimeZone",
				"The time zone %s is not known here.", id);
	}
	return 0;
}

/* Series ------------------------------------------------------------------------------------- */

/* No occurrence may reach into the next one; the first few tell, as the gaps repeat. */
static int check_length(const struct ews_series *s, struct ews_error *err)
{
	struct ews_days days;
	int64_t day, before = 0;

	ews_days_begin(&days, &s->r);
	while (ews_days_next(&days, &day) && days.index < 60) {
		if (days.index > 1 && ews_series_end(s, before) > ews_series_start(s, day))
			return ews_fail(err, "ErrorOccurrenceTimeSpanTooBig",
				"The duration of an occurrence is longer than the time to the "
				"next.");
		before = day;
	}
	return 0;
}

/* A new start moves the pattern along unless the request wrote that too. */
static void move_pattern(
	const struct ews_item *item, const struct ews_item *old, struct ews_recurrence *r)
{
	struct ews_recurrence before;
	int64_t now = ews_zone_local(
		ews_item_zone(item), ews_seconds(ews_get_uri(item, "calendar:Start")));
	int64_t was;

	if (!old || !ews_recurrence_of(old, &before) || !ews_recurrence_equal(r, &before) ||
		!differs(item, old, "calendar:Start"))
		return;
	was = ews_zone_local(ews_item_zone(old), ews_seconds(ews_get_uri(old, "calendar:Start")));
	if (ews_day_of(now) != ews_day_of(was))
		r->start = ews_day_of(now);
}

static int settle_series(struct ews_item *item, const struct ews_item *old, struct ews_error *err)
{
	struct ews_series s;
	struct ews_days days;
	int64_t first;
	char *text AUTOFREE = NULL;

	if (!ews_series_of(item, &s))
		return 0;
	if (s.r.pattern >= EWS_P_AGAIN_DAYS)
		return ews_fail(err, "ErrorUnsupportedRecurrence",
			"Only tasks begin again after completion.");
	move_pattern(item, old, &s.r);
	ews_days_begin(&days, &s.r);
	if (!ews_days_next(&days, &first))
		return ews_fail(
			err, "ErrorRecurrenceHasNoOccurrence", "The recurrence has no occurrence.");
	if (check_length(&s, err))
		return -1;
	text = ews_recurrence_text(&s.r);
	if (!same(text, ews_get_uri(item, "calendar:Recurrence")))
		ews_put_uri(item, "calendar:Recurrence", text);
	put_seconds(item, "calendar:Start", ews_series_start(&s, first));
	put_seconds(item, "calendar:End", ews_series_end(&s, first));
	return 0;
}

/* Whether exceptions no longer fit: another pattern, or other times. */
static bool series_moved(const struct ews_item *item, const struct ews_item *old)
{
	if (differs(item, old, "calendar:Recurrence"))
		return true;
	for (size_t i = 0; i < TIMES; i++)
		if (differs(item, old, time_rows[i]))
			return true;
	return false;
}

int ews_calendar_settle(struct ews_item *item, const struct ews_item *old, struct ews_error *err)
{
	const char *meeting = ews_get_uri(item, "calendar:MeetingTimeZone");

	if (old && differs(item, old, "calendar:MeetingTimeZone") &&
		!differs(item, old, "calendar:StartTimeZone")) {
		ews_put_uri(item, "calendar:StartTimeZone", meeting);
		ews_put_uri(item, "calendar:EndTimeZone", meeting);
	}
	if (check_zones(item, err) || check_times(item, err))
		return -1;
	if (is_true(item, "calendar:IsAllDayEvent"))
		widen_to_days(item);
	if (old && old->master) {
		if (ews_occurrence_settle(item, old, err))
			return -1;
	} else if (settle_series(item, old, err)) {
		return -1;
	}
	ews_attendees_settle(item, old);
	ews_put_uri(item, "item:ReminderDueBy", ews_get_uri(item, "calendar:Start"));
	item->pattern_changed = old && !old->master && series_moved(item, old);
	return 0;
}

/* Computed properties ------------------------------------------------------------------------ */

char *ews_c_item_type(const struct ews_item *item)
{
	if (item->master)
		return xstrdup(item->is_exception ? "Exception" : "Occurrence");
	return xstrdup(ews_get_uri(item, "calendar:Recurrence") ? "RecurringMaster" : "Single");
}

char *ews_c_is_recurring(const struct ews_item *item)
{
	bool task = item->kind == EWS_TASK;

	return xstrdup(
		item->master || ews_get_uri(item, task ? "task:Recurrence" : "calendar:Recurrence")
			? "true"
			: "false");
}

char *ews_c_is_meeting(const struct ews_item *item)
{
	return xstrdup(ews_has_attendees(item) || ews_get_uri(item, "calendar:Organizer")
			       ? "true"
			       : "false");
}

/* MS-OXOCAL 2.2.1.10: 1 a meeting, 2 received, 4 cancelled. */
char *ews_c_state(const struct ews_item *item)
{
	bool received = ews_get_uri(item, "calendar:Organizer");
	int state = ews_has_attendees(item) || received ? 1 : 0;

	if (received)
		state |= 2;
	if (is_true(item, "calendar:IsCancelled"))
		state |= 4;
	return xasprintf("%d", state);
}

char *ews_c_i_organize(const struct ews_item *item)
{
	return xstrdup(ews_get_uri(item, "calendar:Organizer") ? "false" : "true");
}

char *ews_c_my_response(const struct ews_item *item)
{
	return xstrdup(
		ews_get_uri(item, "calendar:Organizer") ? "NoResponseReceived" : "Organizer");
}

char *ews_c_duration(const struct ews_item *item)
{
	const char *start = ews_get_uri(item, "calendar:Start");
	const char *end = ews_get_uri(item, "calendar:End");
	int64_t seconds = start && end ? ews_seconds(end) - ews_seconds(start) : -1;
	struct buf b = BUF_INIT(256);

	if (seconds < 0)
		return NULL;
	buf_addc(&b, 'P');
	if (seconds >= EWS_DAY)
		buf_addf(&b, "%lldD", (long long)(seconds / EWS_DAY));
	if (seconds % EWS_DAY || !seconds)
		buf_addc(&b, 'T');
	if (seconds % EWS_DAY / 3600)
		buf_addf(&b, "%lldH", (long long)(seconds % EWS_DAY / 3600));
	if (seconds % 3600 / 60)
		buf_addf(&b, "%lldM", (long long)(seconds % 3600 / 60));
	if (seconds % 60 || !seconds)
		buf_addf(&b, "%lldS", (long long)(seconds % 60));
	return buf_take(&b);
}

char *ews_c_original_start(const struct ews_item *item)
{
	struct ews_series s;

	if (!item->master || !ews_series_of(item->master, &s))
		return NULL;
	return ews_seconds_text(ews_series_start(&s, item->day));
}

char *ews_c_next_reminder(const struct ews_item *item)
{
	const char *due = ews_get_uri(item, "item:ReminderDueBy");
	const char *minutes = ews_get_uri(item, "item:ReminderMinutesBeforeStart");

	if (!due || !is_true(item, "item:ReminderIsSet"))
		return NULL;
	return ews_seconds_text(ews_seconds(due) - (minutes ? strtol(minutes, NULL, 10) * 60 : 0));
}

char *ews_c_zone_name(const struct ews_item *item)
{
	return xstrdup(ews_zone_name(ews_item_zone(item)));
}

char *ews_c_meeting_zone(const struct ews_item *item)
{
	return xstrdup(ews_get_uri(item, "calendar:StartTimeZone"));
}

char *ews_c_end_zone(const struct ews_item *item)
{
	return xstrdup(ews_get_uri(item, "calendar:EndTimeZone"));
}

static char *wall_clock(const struct ews_item *item, const char *uri)
{
	const char *utc = ews_get_uri(item, uri);

	return utc ? ews_seconds_text(ews_zone_local(ews_item_zone(item), ews_seconds(utc))) : NULL;
}

char *ews_c_start_wall(const struct ews_item *item)
{
	return wall_clock(item, "calendar:Start");
}

char *ews_c_end_wall(const struct ews_item *item)
{
	return wall_clock(item, "calendar:End");
}

/* MS-OXOCAL 2.2.1.27: what a UID stands for, an occurrence's with its day. */
static unsigned char *global_id(const struct ews_item *item, bool clean, size_t *len)
{
	static const unsigned char begin[16] = { 4, 0, 0, 0, 0x82, 0, 0xe0, 0, 0x74, 0xc5, 0xb7,
		0x10, 0x1a, 0x82, 0xe0, 8 };
	char *uid AUTOFREE = ews_value_text(
		item, ews_prop_by_uri(item->mailbox->ews, "calendar:UID"));
	size_t n = strlen(uid);
	unsigned char *raw = xcalloc(1, n + 64);

	if (n >= 80 && n % 2 == 0 && strspn(uid, "0123456789abcdefABCDEF") == n) {
		for (size_t i = 0; i < n / 2; i++) {
			char pair[3] = { uid[i * 2], uid[i * 2 + 1], '\0' };

			raw[i] = (unsigned char)strtoul(pair, NULL, 16);
		}
		*len = n / 2;
	}
	if (memcmp(raw, begin, sizeof(begin)) != 0) {
		/* 12 bytes of mark, then the text with its end. */
		size_t data = 12 + n + 1;

		memset(raw, 0, n + 64);
		memcpy(raw, begin, sizeof(begin));
		for (int i = 0; i < 4; i++)
			raw[36 + i] = (unsigned char)(data >> (8 * i));
		memcpy(raw + 40, "vCal-Uid\1\0\0\0", 12);
		memcpy(raw + 52, uid, n);
		*len = 40 + data;
	}
	memset(raw + 16, 0, 4);
	if (item->master && !clean) {
		char *day AUTOFREE = ews_day_text(item->day);
		long year = strtol(day, NULL, 10);

		raw[16] = (unsigned char)(year >> 8);
		raw[17] = (unsigned char)year;
		raw[18] = (unsigned char)strtol(day + 5, NULL, 10);
		raw[19] = (unsigned char)strtol(day + 8, NULL, 10);
	}
	return raw;
}

char *ews_global_id(const struct ews_item *item, bool clean)
{
	size_t len = 0;
	unsigned char *raw = global_id(item, clean, &len);
	char *text = base64_encode(raw, len);

	free(raw);
	return text;
}

static void write_occurrence(struct buf *b, const struct ews_item *master,
	const struct ews_series *s, const char *element, int64_t day)
{
	char *id AUTOFREE = ews_occurrence_id(master, day);
	char *key AUTOFREE = ews_change_key(master->mailbox, master->change);
	char *original AUTOFREE = ews_seconds_text(ews_series_start(s, day));
	char *from AUTOFREE = NULL, *to AUTOFREE = NULL;
	int64_t start, end;

	ews_occurrence_times(master, s, day, &start, &end);
	from = ews_seconds_text(start);
	to = ews_seconds_text(end);
	if (element)
		buf_addf(b, "<t:%s>", element);
	ews_write_id(b, "t:ItemId", id, key);
	xml_element(b, "t:Start", from);
	xml_element(b, "t:End", to);
	xml_element(b, "t:OriginalStart", original);
	if (element)
		buf_addf(b, "</t:%s>", element);
}

/* The first or last that is not deleted. */
static char *outermost(const struct ews_item *item, bool last)
{
	struct buf b = BUF_INIT(4096);
	struct ews_series s;
	struct ews_days days;
	int64_t day, found = INT64_MIN, start, end;

	if (!ews_series_of(item, &s) || (last && !s.r.count && s.r.end == INT64_MAX))
		return NULL;
	ews_days_begin(&days, &s.r);
	while ((last || found == INT64_MIN) && ews_days_next(&days, &day))
		if (ews_occurrence_times(item, &s, day, &start, &end))
			found = day;
	if (found == INT64_MIN)
		return NULL;
	write_occurrence(&b, item, &s, NULL, found);
	return buf_take(&b);
}

char *ews_c_first(const struct ews_item *item)
{
	return outermost(item, false);
}

char *ews_c_last(const struct ews_item *item)
{
	return outermost(item, true);
}

static char *exceptions(const struct ews_item *item, bool deleted)
{
	struct buf b = BUF_INIT(EWS_ANSWER_LIMIT);
	struct ews_series s;

	if (!item->n_exceptions || !ews_series_of(item, &s))
		return NULL;
	for (size_t i = 0; i < item->n_exceptions; i++) {
		const struct ews_exception *e = &item->exceptions[i];

		if (deleted && !e->item) {
			char *start AUTOFREE = ews_seconds_text(ews_series_start(&s, e->day));

			buf_adds(&b, "<t:DeletedOccurrence>");
			xml_element(&b, "t:Start", start);
			buf_adds(&b, "</t:DeletedOccurrence>");
		} else if (!deleted && e->item) {
			write_occurrence(&b, item, &s, "Occurrence", e->day);
		}
	}
	if (b.len)
		return buf_take(&b);
	buf_free(&b);
	return NULL;
}

char *ews_c_modified_occurrences(const struct ews_item *item)
{
	return exceptions(item, false);
}

char *ews_c_deleted_occurrences(const struct ews_item *item)
{
	return exceptions(item, true);
}
