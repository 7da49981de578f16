/* The tz database: RFC 8536 files to offsets.
 *
 * A file lists every change of a zone up to some year, and in its last line the rule that holds
 * from then on, as a POSIX TZ string.  Questions about later instants are answered by computing
 * that rule's two changes of the years around them. */
#include "sync/formats/zone.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sync/buf.h"
#include "sync/formats/caltime.h"
#include "sync/mem.h"

#define ZONE_DIR   "/usr/share/zoneinfo/"
#define FILE_BYTES (1 << 16)
#define HEADER	   44

struct kind {
	int offset;
	bool daylight;
	char abbreviation[16];
};

struct zone {
	char name[ZONE_NAME];
	size_t n; /* changes: at[i] begins kinds[of[i]] */
	int64_t *at;
	unsigned char *of;
	size_t n_kinds;
	struct kind *kinds;
	struct kind standard; /* of the footer */
	bool has_footer;
	bool has_rules;
	struct zone_yearly rules[2]; /* [0] into daylight saving time, [1] back */
};

/* --- the footer ------------------------------------------------------------------------------- */

static bool read_abbreviation(const char **p, char out[16])
{
	const char *from = *p;
	size_t n;

	if (*from == '<') {
		from++;
		n = strcspn(from, ">");
		if (!from[n])
			return false;
		*p = from + n + 1;
	} else {
		for (n = 0; isalpha((unsigned char)from[n]);)
			n++;
		*p = from + n;
	}
	if (n < 1 || n > 15)
		return false;
	snprintf(out, 16, "%.*s", (int)n, from);
	return true;
}

/* [+-]hh[:mm[:ss]] as seconds */
static bool read_clock(const char **p, int *seconds)
{
	int sign = **p == '-' ? -1 : 1;
	int factor = 3600;

	*p += **p == '-' || **p == '+';
	*seconds = 0;
	if (!isdigit((unsigned char)**p))
		return false;
	for (; factor >= 1; factor /= 60) {
		int value = 0;

		for (int i = 0; i < 3 && isdigit((unsigned char)**p); i++)
			value = value * 10 + (*(*p)++ - '0');
		*seconds += sign * value * factor;
		if (**p != ':')
			break;
		(*p)++;
	}
	return true;
}

static bool read_number(const char **p, int min, int max, int *value)
{
	*value = 0;
	while (isdigit((unsigned char)**p) && *value < 1000)
		*value = *value * 10 + (*(*p)++ - '0');
	return *value >= min && *value <= max;
}

/* ,Mm.w.d[/time] */
static bool read_rule(const char **p, struct zone_yearly *rule)
{
	if ((*p)[0] != ',' || (*p)[1] != 'M')
		return false;
	*p += 2;
	if (!read_number(p, 1, 12, &rule->month) || *(*p)++ != '.' ||
		!read_number(p, 1, 5, &rule->week) || *(*p)++ != '.' ||
		!read_number(p, 0, 6, &rule->weekday))
		return false;
	rule->seconds = 7200;
	if (**p != '/')
		return true;
	(*p)++;
	return read_clock(p, &rule->seconds);
}

static void read_footer(struct zone *zone, const char *p)
{
	struct zone_yearly *rules = zone->rules;
	int west;

	if (!read_abbreviation(&p, zone->standard.abbreviation) || !read_clock(&p, &west))
		return;
	zone->standard.offset = -west;
	zone->has_footer = true;
	if (!*p)
		return;
	if (!read_abbreviation(&p, rules[0].abbreviation))
		return;
	rules[0].offset = zone->standard.offset + 3600;
	if (*p != ',') {
		if (!read_clock(&p, &west))
			return;
		rules[0].offset = -west;
	}
	rules[0].daylight = true;
	rules[1].offset = zone->standard.offset;
	memcpy(rules[1].abbreviation, zone->standard.abbreviation, 16);
	zone->has_rules = read_rule(&p, &rules[0]) && read_rule(&p, &rules[1]) && !*p;
	zone->has_footer = zone->has_rules;
}

/* --- the file --------------------------------------------------------------------------------- */

static int64_t big_endian(const unsigned char *p, size_t n)
{
	uint64_t value = p[0] & 0x80 ? UINT64_MAX : 0;

	for (size_t i = 0; i < n; i++)
		value = value << 8 | p[i];
	return (int64_t)value;
}

struct counts {
	size_t utc, standard, leap, times, kinds, chars;
};

static size_t count(const unsigned char *p)
{
	int64_t value = big_endian(p, 4);

	return value < 0 || value > FILE_BYTES ? FILE_BYTES : (size_t)value;
}

static struct counts read_counts(const unsigned char *p)
{
	return (struct counts){
		.utc = count(p + 20),
		.standard = count(p + 24),
		.leap = count(p + 28),
		.times = count(p + 32),
		.kinds = count(p + 36),
		.chars = count(p + 40),
	};
}

static size_t block_size(const struct counts *c, size_t time)
{
	return c->times * (time + 1) + c->kinds * 6 + c->chars + c->leap * (time + 4) +
	       c->standard + c->utc;
}

static bool read_block(struct zone *zone, const struct counts *c, const unsigned char *p)
{
	const unsigned char *of = p + c->times * 8;
	const unsigned char *kinds = of + c->times;
	const char *chars = (const char *)(kinds + c->kinds * 6);

	zone->n = c->times;
	zone->n_kinds = c->kinds;
	zone->at = xcalloc(c->times + 1, sizeof(*zone->at));
	zone->of = xcalloc(c->times + 1, 1);
	zone->kinds = xcalloc(c->kinds, sizeof(*zone->kinds));
	for (size_t i = 0; i < c->times; i++) {
		zone->at[i] = big_endian(p + i * 8, 8);
		zone->of[i] = of[i];
		if (of[i] >= c->kinds || (i && zone->at[i] <= zone->at[i - 1]))
			return false;
	}
	for (size_t i = 0; i < c->kinds; i++) {
		const unsigned char *kind = kinds + i * 6;

		if (kind[5] >= c->chars)
			return false;
		zone->kinds[i].offset = (int)big_endian(kind, 4);
		zone->kinds[i].daylight = kind[4];
		snprintf(zone->kinds[i].abbreviation, sizeof(zone->kinds[i].abbreviation), "%.*s",
			(int)(c->chars - kind[5]), chars + kind[5]);
	}
	return true;
}

static bool read_file(struct zone *zone, const unsigned char *bytes, size_t len)
{
	struct counts c;
	size_t skip;
	size_t size;
	char *footer AUTOFREE = NULL;

	if (len < HEADER || memcmp(bytes, "TZif", 4) != 0 || bytes[4] < '2')
		return false;
	c = read_counts(bytes);
	skip = HEADER + block_size(&c, 4);
	if (skip + HEADER > len || memcmp(bytes + skip, "TZif", 4) != 0)
		return false;
	c = read_counts(bytes + skip);
	skip += HEADER;
	size = block_size(&c, 8);
	/* Leap seconds: times that nobody else counts. */
	if (size >= len - skip || c.kinds == 0 || c.leap || bytes[skip + size] != '\n' ||
		!read_block(zone, &c, bytes + skip))
		return false;
	skip += size + 1;
	size = len - skip;
	if (size && bytes[len - 1] == '\n')
		size--;
	footer = xstrndup((const char *)bytes + skip, size);
	read_footer(zone, footer);
	return true;
}

static bool is_zone_name(const char *name)
{
	static const char *const none[] = { "localtime", "posixrules", "Factory", "posix/",
		"right/" };
	size_t len = strlen(name);

	if (len == 0 || len >= ZONE_NAME || !isalpha((unsigned char)name[0]) ||
		strspn(name,
			"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+-_/") !=
			len ||
		name[len - 1] == '/')
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(none); i++) {
		if (strncmp(name, none[i], strlen(none[i])) == 0)
			return false;
	}
	return true;
}

static void zone_free(struct zone *zone)
{
	free(zone->at);
	free(zone->of);
	free(zone->kinds);
	free(zone);
}

static struct zone *zone_load(const char *name)
{
	char *path AUTOFREE = xasprintf("%s%s", ZONE_DIR, name);
	struct zone *zone = xcalloc(1, sizeof(*zone));
	unsigned char *bytes = xmalloc(FILE_BYTES);
	FILE *f = is_zone_name(name) ? fopen(path, "re") : NULL;
	size_t len = f ? fread(bytes, 1, FILE_BYTES, f) : 0;
	bool good = len < FILE_BYTES && read_file(zone, bytes, len);

	if (f)
		fclose(f);
	free(bytes);
	snprintf(zone->name, sizeof(zone->name), "%s", name);
	if (good)
		return zone;
	zone_free(zone);
	return NULL;
}

const struct zone *zones_get(struct zones *zones, const char *name)
{
	struct zone *zone;

	for (size_t i = 0; i < zones->n; i++) {
		if (strcmp(zones->zones[i]->name, name) == 0)
			return zones->zones[i];
	}
	zone = zone_load(name);
	if (!zone)
		return NULL;
	zones->zones = xreallocarray(zones->zones, zones->n + 1, sizeof(struct zone *));
	zones->zones[zones->n++] = zone;
	return zone;
}

void zones_free(struct zones *zones)
{
	for (size_t i = 0; i < zones->n; i++)
		zone_free(zones->zones[i]);
	free(zones->zones);
	zones_forget(zones);
	*zones = (struct zones){ 0 };
}

const char *zone_name(const struct zone *zone)
{
	return zone->name;
}

/* --- changes ---------------------------------------------------------------------------------- */

static void fill(struct zone_change *out, int64_t utc, const struct kind *kind)
{
	*out = (struct zone_change){
		.utc = utc, .offset = kind->offset, .daylight = kind->daylight
	};
	memcpy(out->abbreviation, kind->abbreviation, sizeof(out->abbreviation));
}

/* The local midnight of the rule's day in that year. */
static int64_t day_of_rule(const struct zone_yearly *rule, int year)
{
	int64_t first = caltime_days(year, rule->month, 1);
	int weekday = caltime_weekday(first * CALTIME_DAY);
	int day = 1 + (rule->weekday - weekday + 7) % 7 + (rule->week - 1) * 7;

	while (!caltime_is_date(year, rule->month, day))
		day -= 7;
	return (first + day - 1) * CALTIME_DAY;
}

/* When the rule's change of that year comes. */
static int64_t rule_time(const struct zone *zone, size_t rule, int year)
{
	return day_of_rule(&zone->rules[rule], year) + zone->rules[rule].seconds -
	       zone->rules[1 - rule].offset;
}

static int year_of(int64_t utc)
{
	int year;

	utc = utc < CALTIME_MIN ? CALTIME_MIN : utc > CALTIME_MAX ? CALTIME_MAX : utc;
	year = caltime_date_of(utc).year;
	return year < 2 ? 2 : year > 9998 ? 9998 : year;
}

static void fill_rule(const struct zone *zone, size_t rule, int64_t utc, struct zone_change *out)
{
	const struct zone_yearly *r = &zone->rules[rule];

	*out = (struct zone_change){ .utc = utc, .offset = r->offset, .daylight = r->daylight };
	memcpy(out->abbreviation, r->abbreviation, sizeof(out->abbreviation));
}

/* The rules' last change at or before utc, or (after) their first one after it. */
static void by_rules(const struct zone *zone, int64_t utc, bool after, struct zone_change *out)
{
	int year = year_of(utc);
	bool found = false;

	for (int y = year - 1; y <= year + 1; y++) {
		for (size_t rule = 0; rule < 2; rule++) {
			int64_t t = rule_time(zone, rule, y);
			bool fits = after ? t > utc : t <= utc;

			if (fits && (!found || (after ? t < out->utc : t >= out->utc))) {
				fill_rule(zone, rule, t, out);
				found = true;
			}
		}
	}
	if (!found) /* past the last year */
		fill_rule(zone, 1, after ? INT64_MAX : utc, out);
}

/* Changes at or before utc. */
static size_t changes_until(const struct zone *zone, int64_t utc)
{
	size_t low = 0;
	size_t high = zone->n;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (zone->at[middle] <= utc)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static const struct kind *first_kind(const struct zone *zone)
{
	for (size_t i = 0; i < zone->n_kinds; i++) {
		if (!zone->kinds[i].daylight)
			return &zone->kinds[i];
	}
	return &zone->kinds[0];
}

void zone_state(const struct zone *zone, int64_t utc, struct zone_change *state)
{
	size_t n = changes_until(zone, utc);

	if (n == zone->n && zone->has_rules) {
		by_rules(zone, utc, false, state);
		if (!n || state->utc > zone->at[n - 1])
			return;
	}
	if (n == zone->n && !n && zone->has_footer)
		fill(state, INT64_MIN, &zone->standard);
	else if (n)
		fill(state, zone->at[n - 1], &zone->kinds[zone->of[n - 1]]);
	else
		fill(state, INT64_MIN, first_kind(zone));
}

bool zone_next(const struct zone *zone, int64_t utc, struct zone_change *change)
{
	size_t n = changes_until(zone, utc);

	if (n < zone->n) {
		fill(change, zone->at[n], &zone->kinds[zone->of[n]]);
		return true;
	}
	if (!zone->has_rules)
		return false;
	by_rules(zone, utc, true, change);
	return change->utc != INT64_MAX;
}

int zone_offset(const struct zone *zone, int64_t utc)
{
	struct zone_change state;

	zone_state(zone, utc, &state);
	return state.offset;
}

int64_t zone_to_local(const struct zone *zone, int64_t utc)
{
	return utc + zone_offset(zone, utc);
}

int64_t zone_to_utc(const struct zone *zone, int64_t local)
{
	struct zone_change change;
	int64_t at = local - 2 * CALTIME_DAY; /* before every instant that the clock could mean */
	int offset = zone_offset(zone, at);

	while (zone_next(zone, at, &change) && local >= change.utc + offset) {
		if (local < change.utc + change.offset)
			break; /* the clocks skip it */
		offset = change.offset;
		at = change.utc;
	}
	return local - offset;
}

bool zone_rules(const struct zone *zone, struct zone_yearly rules[2], int64_t *since)
{
	if (!zone->has_rules)
		return false;
	memcpy(rules, zone->rules, sizeof(zone->rules));
	*since = INT64_MAX;
	for (size_t i = zone->n; i-- > 0;) {
		const struct kind *kind = &zone->kinds[zone->of[i]];
		int year = year_of(zone->at[i] + kind->offset);
		size_t rule = kind->offset == rules[0].offset ? 0 : 1;

		if (kind->offset != rules[rule].offset ||
			zone->at[i] != rule_time(zone, rule, year))
			break;
		*since = zone->at[i];
	}
	if (*since == INT64_MAX) {
		struct zone_change first;

		by_rules(zone, zone->n ? zone->at[zone->n - 1] : 0, true, &first);
		*since = first.utc;
	}
	return true;
}
