/* Time zones: Windows ids, their offsets, and times written in the zone that a request asks for.
 *
 * ICU knows which zone of the tz database a Windows id stands for, and its offsets.  A local time
 * is counted in seconds since 1970 as if it were UTC; one that a clock skips is moved forward, of
 * two that a clock shows twice it is the first (as RFC 5545 reads them).  All times are kept as UTC
 * texts; only what goes out is written in the zone of the TimeZoneContext header. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unicode/ucal.h>
#include <unicode/uenum.h>
#include <unicode/ustring.h>

#include "sync/mem.h"
#include "tests/sim/ews_calendar.h"

#define WIDTH 128 /* of ids, in UTF-16 units */

struct ews_zone {
	char *id;
	char *name;
	UCalendar *calendar; /* NULL: UTC */
};

/* As Windows shows them, where a test may look; for the rest the name is made of offset and id. */
static const struct {
	const char *id, *name;
} names[] = {
	{ "UTC", "(UTC) Coordinated Universal Time" },
	{ "GMT Standard Time", "(UTC+00:00) Dublin, Edinburgh, Lisbon, London" },
	{ "W. Europe Standard Time",
		"(UTC+01:00) Amsterdam, Berlin, Bern, Rome, Stockholm, Vienna" },
	{ "Romance Standard Time", "(UTC+01:00) Brussels, Copenhagen, Madrid, Paris" },
	{ "India Standard Time", "(UTC+05:30) Chennai, Kolkata, Mumbai, New Delhi" },
	{ "Tokyo Standard Time", "(UTC+09:00) Osaka, Sapporo, Tokyo" },
	{ "Eastern Standard Time", "(UTC-05:00) Eastern Time (US & Canada)" },
	{ "Pacific Standard Time", "(UTC-08:00) Pacific Time (US & Canada)" },
};

static bool is_utc(const char *id)
{
	return !strcmp(id, "UTC") || !strcmp(id, "tzone://Microsoft/Utc");
}

long ews_zone_offset(const struct ews_zone *zone, int64_t utc)
{
	UErrorCode status = U_ZERO_ERROR;
	int32_t ms;

	if (!zone->calendar)
		return 0;
	ucal_setMillis(zone->calendar, (UDate)utc * 1000, &status);
	ms = ucal_get(zone->calendar, UCAL_ZONE_OFFSET, &status) +
	     ucal_get(zone->calendar, UCAL_DST_OFFSET, &status);
	return ms / 1000;
}

int64_t ews_zone_local(const struct ews_zone *zone, int64_t utc)
{
	return utc + ews_zone_offset(zone, utc);
}

int64_t ews_zone_utc(const struct ews_zone *zone, int64_t local)
{
	long before = ews_zone_offset(zone, local - EWS_DAY), after;

	if (ews_zone_offset(zone, local - before) == before)
		return local - before;
	after = ews_zone_offset(zone, local + EWS_DAY);
	if (ews_zone_offset(zone, local - after) == after)
		return local - after;
	return local - before;
}

/* "+05:30" */
static void offset_text(char *out, size_t size, long offset)
{
	long minutes = labs(offset) / 60;

	snprintf(out, size, "%c%02ld:%02ld", offset < 0 ? '-' : '+', minutes / 60, minutes % 60);
}

static char *display_name(const struct ews_zone *zone)
{
	char offset[32];

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (!strcmp(names[i].id, zone->id))
			return xstrdup(names[i].name);
	/* January and July: the standard offset is the smaller one. */
	long january = ews_zone_offset(zone, 1704067200), july = ews_zone_offset(zone, 1719792000);

	offset_text(offset, sizeof(offset), january < july ? january : july);
	return xasprintf("(UTC%s) %s", offset, zone->id);
}

static UCalendar *open_calendar(const char *windows_id)
{
	UChar id[WIDTH], iana[WIDTH];
	UErrorCode status = U_ZERO_ERROR;
	int32_t len;

	if (strlen(windows_id) >= WIDTH)
		return NULL;
	u_uastrcpy(id, windows_id);
	len = ucal_getTimeZoneIDForWindowsID(id, -1, NULL, iana, WIDTH, &status);
	if (U_FAILURE(status) || len <= 0)
		return NULL;
	return ucal_open(iana, len, "", UCAL_GREGORIAN, &status);
}

struct ews_zone *ews_zone_by_id(struct ews *ews, const char *id)
{
	struct ews_zone *zone = id ? xmlHashLookup(ews->zones, (const xmlChar *)id) : NULL;
	UCalendar *calendar = NULL;

	if (zone || !id)
		return zone;
	if (!is_utc(id)) {
		calendar = open_calendar(id);
		if (!calendar)
			return NULL;
	}
	zone = xcalloc(1, sizeof(*zone));
	zone->id = xstrdup(id);
	zone->calendar = calendar;
	zone->name = display_name(zone);
	xmlHashAddEntry(ews->zones, (const xmlChar *)id, zone);
	return zone;
}

const char *ews_zone_id(const struct ews_zone *zone)
{
	return zone->id;
}

const char *ews_zone_name(const struct ews_zone *zone)
{
	return zone->name;
}

const char *ews_zone_display(struct ews *ews, const char *id)
{
	const struct ews_zone *zone = ews_zone_by_id(ews, id);

	return zone ? zone->name : NULL;
}

static void zone_free(void *payload, const xmlChar *key)
{
	struct ews_zone *zone = payload;

	(void)key;
	if (zone->calendar)
		ucal_close(zone->calendar);
	free(zone->id);
	free(zone->name);
	free(zone);
}

void ews_zones_free(struct ews *ews)
{
	xmlHashFree(ews->zones, zone_free);
}

/* The zone that a request names in its header; UTC without one. */
int ews_zone_context(struct ews_ctx *c)
{
	xmlNode *context = c->header ? xml_child(c->header, "TimeZoneContext") : NULL;
	char *id AUTOFREE = xml_get(xml_child(context, "TimeZoneDefinition"), "Id");

	c->zone = ews_zone_by_id(c->ews, context ? id : "UTC");
	if (c->zone)
		return 0;
	ews_fault(c, "ErrorTimeZone", "The time zone %s is not known here.", id ? id : "");
	return -1;
}

/* Texts ------------------------------------------------------------------------------------- */

static bool fields_of(const char *text, struct tm *tm)
{
	memset(tm, 0, sizeof(*tm));
	return strptime(text, "%Y-%m-%dT%H:%M:%S", tm);
}

int64_t ews_seconds(const char *utc)
{
	struct tm tm;

	return fields_of(utc, &tm) ? timegm(&tm) : 0;
}

char *ews_seconds_text(int64_t seconds)
{
	time_t t = (time_t)seconds;
	char text[32];
	struct tm tm;

	gmtime_r(&t, &tm);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
	return xstrdup(text);
}

int64_t ews_day_of(int64_t local)
{
	return local >= 0 ? local / EWS_DAY : -((-local + EWS_DAY - 1) / EWS_DAY);
}

char *ews_day_text(int64_t day)
{
	char *text = ews_seconds_text(day * EWS_DAY);

	text[10] = '\0';
	return text;
}

static void add_offset(struct buf *b, long offset)
{
	char text[32];

	offset_text(text, sizeof(text), offset);
	buf_adds(b, offset ? text : "Z");
}

/* A UTC text, or midnight of a floating day, as the zone's clock shows it. */
static void add_stamp(struct buf *b, const struct ews_zone *zone, const char *utc, bool floating)
{
	int64_t seconds = ews_seconds(utc);
	int64_t instant = floating ? ews_zone_utc(zone, seconds) : seconds;
	long offset = ews_zone_offset(zone, instant) / 60 * 60; /* local mean time had seconds */
	char *text AUTOFREE = ews_seconds_text(instant + offset);

	buf_add(b, text, strlen(text) - 1);
	add_offset(b, offset);
}

char *ews_zone_stamp(const struct ews_zone *zone, const char *utc, bool floating)
{
	struct buf b = BUF_INIT(256);

	if (!zone->calendar)
		return xstrdup(utc);
	add_stamp(&b, zone, utc, floating);
	return buf_take(&b);
}

/* Whether a UTC time ("...T...Z") or a day ("...Z") stands between two tags here. */
static size_t date_at(const char *xml)
{
	struct tm tm;
	size_t len = strcspn(xml, "<");

	if (len == 20 && xml[19] == 'Z' && fields_of(xml, &tm))
		return len;
	return len == 11 && xml[10] == 'Z' && strptime(xml, "%Y-%m-%d", &tm) ? len : 0;
}

char *ews_zone_rewrite(const struct ews_zone *zone, const char *xml)
{
	struct buf b = BUF_INIT(EWS_ANSWER_LIMIT);

	if (!zone->calendar)
		return xstrdup(xml);
	while (*xml) {
		size_t text = strcspn(xml, ">"), len;

		text += xml[text] == '>';
		buf_add(&b, xml, text);
		xml += text;
		len = date_at(xml);
		if (len == 20) {
			add_stamp(&b, zone, xml, false);
		} else if (len) {
			char *midnight AUTOFREE = xasprintf("%.10sT00:00:00Z", xml);

			buf_add(&b, xml, 10);
			add_offset(&b,
				ews_zone_offset(zone, ews_zone_utc(zone, ews_seconds(midnight))));
		}
		xml += len;
	}
	return buf_take(&b);
}

char *ews_zone_read(const struct ews_zone *zone, const char *text)
{
	char *utc = ews_date_normal(text), *moved;
	const char *time = strchr(text, 'T');

	if (!utc || !time || strpbrk(time, "Z+-"))
		return utc;
	moved = ews_seconds_text(ews_zone_utc(zone, ews_seconds(utc)));
	free(utc);
	return moved;
}

char *ews_zone_day(const struct ews_zone *zone, const char *text)
{
	char *utc AUTOFREE = ews_zone_read(zone, text);
	char *day AUTOFREE = utc ? ews_day_text(ews_day_of(ews_zone_local(zone, ews_seconds(utc))))
				 : NULL;

	return day ? xasprintf("%sT00:00:00Z", day) : NULL;
}

/* GetServerTimeZones ------------------------------------------------------------------------- */

/* A change of the clock as a rule: the nth weekday of a month, at a time of the old clock. */
struct change {
	int64_t at;
	long before, after;
};

/* The changes of the year that begins at `from`; a zone with other than two has none here. */
static bool changes_of_year(const struct ews_zone *zone, int64_t from, struct change out[2])
{
	UErrorCode status = U_ZERO_ERROR;
	UDate at = (UDate)from * 1000;

	for (int i = 0; i < 2; i++) {
		ucal_setMillis(zone->calendar, at, &status);
		if (!ucal_getTimeZoneTransitionDate(
			    zone->calendar, UCAL_TZ_TRANSITION_NEXT, &at, &status) ||
			U_FAILURE(status) || at / 1000 >= (double)from + 366.0 * EWS_DAY)
			return false;
		out[i].at = (int64_t)(at / 1000);
		out[i].before = ews_zone_offset(zone, out[i].at - 1);
		out[i].after = ews_zone_offset(zone, out[i].at);
	}
	return out[0].after == out[1].before && out[0].before == out[1].after;
}

static void add_duration(struct buf *b, const char *before, long seconds, const char *after)
{
	long minutes = labs(seconds) / 60;

	buf_addf(b, "%s%sPT%ldH", before, seconds < 0 ? "-" : "", minutes / 60);
	if (minutes % 60)
		buf_addf(b, "%ldM", minutes % 60);
	buf_adds(b, after);
}

static void write_change(struct buf *b, const struct change *change)
{
	static const char *const days[] = { "Sunday", "Monday", "Tuesday", "Wednesday", "Thursday",
		"Friday", "Saturday" };
	time_t wall = (time_t)(change->at + change->before), week = wall + 7L * EWS_DAY;
	struct tm tm, next;

	gmtime_r(&wall, &tm);
	gmtime_r(&week, &next);
	buf_addf(b, "<t:RecurringDayTransition><t:To Kind=\"Period\">%s</t:To>",
		change->after > change->before ? "dlt" : "std");
	add_duration(b, "<t:TimeOffset>", tm.tm_hour * 3600L + tm.tm_min * 60L, "</t:TimeOffset>");
	buf_addf(b,
		"<t:Month>%d</t:Month><t:DayOfWeek>%s</t:DayOfWeek><t:Occurrence>%d</t:Occurrence>"
		"</t:RecurringDayTransition>",
		tm.tm_mon + 1, days[tm.tm_wday],
		next.tm_mon != tm.tm_mon ? -1 : (tm.tm_mday - 1) / 7 + 1);
}

static void write_period(struct buf *b, const char *name, const char *id, long offset)
{
	add_duration(b, "<t:Period Bias=\"", -offset, "\"");
	buf_addf(b, " Name=\"%s\" Id=\"%s\"/>", name, id);
}

static void write_rules(struct ews_ctx *c, const struct ews_zone *zone)
{
	int64_t now = sim_now_ns(c->ews->sim) / 1000000000;
	struct change changes[2];
	bool changing = zone->calendar && changes_of_year(zone, now, changes);
	int standard = changing && changes[0].after > changes[0].before;
	struct buf *b = &c->out;

	buf_adds(b, "<t:Periods>");
	write_period(b, "Standard", "std",
		changing ? changes[standard].after : ews_zone_offset(zone, now));
	if (changing)
		write_period(b, "Daylight", "dlt", changes[!standard].after);
	buf_adds(b, "</t:Periods><t:TransitionsGroups><t:TransitionsGroup Id=\"0\">");
	if (changing) {
		write_change(b, &changes[0]);
		write_change(b, &changes[1]);
	} else {
		buf_adds(b, "<t:Transition><t:To Kind=\"Period\">std</t:To></t:Transition>");
	}
	buf_adds(b, "</t:TransitionsGroup></t:TransitionsGroups><t:Transitions><t:Transition>"
		    "<t:To Kind=\"Group\">0</t:To></t:Transition></t:Transitions>");
}

static void write_zone(struct ews_ctx *c, const char *id, bool full)
{
	const struct ews_zone *zone = ews_zone_by_id(c->ews, id);

	if (!zone)
		return;
	buf_adds(&c->out, "<t:TimeZoneDefinition");
	xml_attr(&c->out, "Id", zone->id);
	xml_attr(&c->out, "Name", zone->name);
	buf_addc(&c->out, '>');
	if (full)
		write_rules(c, zone);
	buf_adds(&c->out, "</t:TimeZoneDefinition>");
}

/* Every Windows zone that ICU knows, each once. */
static void write_all(struct ews_ctx *c, bool full)
{
	UErrorCode status = U_ZERO_ERROR;
	UEnumeration *zones = ucal_openTimeZoneIDEnumeration(
		UCAL_ZONE_TYPE_CANONICAL, NULL, NULL, &status);
	xmlHashTable *written = xmlHashCreate(256);
	UChar windows[WIDTH];
	const UChar *iana;
	char id[WIDTH];
	int32_t len;

	while ((iana = uenum_unext(zones, &len, &status))) {
		int32_t n = ucal_getWindowsTimeZoneID(iana, len, windows, WIDTH, &status);

		if (U_FAILURE(status) || n <= 0 || n >= WIDTH)
			continue;
		u_UCharsToChars(windows, id, n);
		id[n] = '\0';
		if (!xmlHashAddEntry(written, (const xmlChar *)id, (void *)c))
			write_zone(c, id, full);
	}
	uenum_close(zones);
	xmlHashFree(written, NULL);
}

void ews_op_time_zones(struct ews_ctx *c)
{
	char *flag AUTOFREE = xml_get(c->payload, "ReturnFullTimeZoneData");
	bool full = !flag || xml_true(flag);
	xmlNode *ids = xml_child(c->payload, "Ids");
	struct ews_error err = { 0 };

	if (ews_injected(c, &err)) {
		ews_message_error(c, &err, "<m:TimeZoneDefinitions/>");
		return;
	}
	ews_message_begin(c, "Success");
	buf_adds(&c->out, "<m:TimeZoneDefinitions>");
	xml_each(id, ids)
	{
		char *text AUTOFREE = xml_content(id);

		write_zone(c, text, full);
	}
	if (!ids)
		write_all(c, full);
	buf_adds(&c->out, "</m:TimeZoneDefinitions>");
	ews_message_end(c);
}
