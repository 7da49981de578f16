/* Which row of a series stands for which occurrence of its rule.
 *
 * It is told by its start; an exception that was moved stands for the nearest occurrence that no other row
 * stands for; an occurrence without a row was deleted.  Rows of the time before the series was last built
 * anew (IsRecurrence2Exclusion) stand for their occurrences as long as the rule still has them. */
#include "crm/salesforce_activity.h"

#include <stdlib.h>
#include <string.h>

#include "sync/formats/caltime.h"
#include "sync/formats/recur.h"
#include "sync/formats/zone.h"
#include "sync/mem.h"

#define QUARTER	 900
#define MOST_OFF (3 * 3600)
#define KEYS_MAX 2000 /* occurrences of a series that are looked at */
#define SURE_MAX 100  /* of a rule with an end: so many rows Salesforce makes in any case */

bool salesforce_is_series_row(const json_t *row)
{
	const char *type = member(row, "GroupEventType");

	return is_true(row, "IsRecurrence2") && type && !strcmp(type, SALESFORCE_SERIES_ROW);
}

int64_t salesforce_start_of(const json_t *row)
{
	int64_t start = 0;

	salesforce_stamp_of(row, "StartDateTime", &start);
	return start;
}

/* Start and rule of a series row as a document, which recur.h walks. */
static json_t *rule_document(const json_t *series, const char **zone_out, char zone[ZONE_NAME])
{
	const char *name = member(series, "Recurrence2PatternTimeZone"),
		   *pattern = member(series, "Recurrence2PatternText");
	bool all_day = is_true(series, "IsAllDayEvent");
	char *rule AUTOFREE = pattern ? salesforce_read_pattern(pattern) : NULL,
		   start[CALTIME_SIZE];
	json_t *doc = json_object(), *value;
	int64_t local;
	int rc;

	*zone_out = !all_day && name && zone_find(name, zone) ? zone : NULL;
	if (!rule || !salesforce_to_local(*zone_out, salesforce_start_of(series), &local))
		return doc;
	caltime_write_local(local, start);
	json_object_set_new(doc, "start", json_string(start));
	if (*zone_out)
		json_object_set_new(doc, "timeZone", json_string(*zone_out));
	value = json_string(rule);
	rc = salesforce_pattern.set(doc, &(struct field){ .name = "rule" }, NULL, value, NULL);
	json_decref(value);
	if (rc)
		json_object_clear(doc);
	return doc;
}

struct places {
	struct zones zones;
	const struct zone *clock; /* of the series */
	const json_t *rows;
	json_t *by_start;    /* seconds -> living row */
	json_t *gone;	     /* seconds -> true: a row that began then was deleted */
	json_t *by_key;	     /* key -> row, or null: no row */
	json_t *instants;    /* key -> seconds */
	json_t *used;	     /* ids */
	int64_t first, last; /* starts of the rows that follow the rule */
	int64_t history; /* first occurrence that a row of the time before has; INT64_MAX: none */
	bool any, had_history;
};

static const char *number(int64_t seconds, char out[24])
{
	snprintf(out, 24, "%lld", (long long)seconds);
	return out;
}

/* One that follows the rule goes before one that is history. */
static void sort_in(struct places *p, json_t *row)
{
	bool history = is_true(row, "IsRecurrence2Exclusion");
	int64_t start = salesforce_start_of(row);
	char name[24];

	number(start, name);
	if (is_true(row, "IsDeleted"))
		json_object_set_new(p->gone, name, json_true());
	else if (!history || !json_object_get(p->by_start, name))
		json_object_set(p->by_start, name, row);
	p->had_history |= history;
	if (history || is_true(row, "IsDeleted"))
		return;
	p->first = p->any && p->first < start ? p->first : start;
	p->last = p->any && p->last > start ? p->last : start;
	p->any = true;
}

/* The row of the occurrence that begins then.  One that follows the rule is a little off where Salesforce
 * knows other rules for the zone's clock than we do; it was not deleted. */
static json_t *row_at(const struct places *p, int64_t utc)
{
	char name[24];
	json_t *row = json_object_get(p->by_start, number(utc, name));

	for (int64_t off = QUARTER; !row && off <= MOST_OFF; off += QUARTER) {
		row = json_object_get(p->by_start, number(utc + off, name));
		if (!row || is_true(row, "IsRecurrence2Exception"))
			row = json_object_get(p->by_start, number(utc - off, name));
		if (row && is_true(row, "IsRecurrence2Exception"))
			row = NULL;
	}
	return row;
}

static void walk(struct places *p, const json_t *doc)
{
	const json_t *rule = json_array_get(json_object_get(doc, "recurrenceRules"), 0);
	bool ends = json_object_get(rule, "count") || json_object_get(rule, "until");
	struct recur *recur = recur_open_rules(doc);
	int64_t local;

	for (size_t n = 0; recur && n < KEYS_MAX && recur_next(recur, &local); n++) {
		int64_t utc = zone_to_utc(p->clock, local);
		char key[CALTIME_SIZE];
		json_t *row;

		if (utc > p->last && !(ends && n < SURE_MAX))
			break;
		caltime_write_local(local, key);
		row = row_at(p, utc);
		json_object_set_new(p->instants, key, json_integer(utc));
		json_object_set_new(p->by_key, key, row ? json_incref(row) : json_null());
		if (row)
			json_object_set_new(p->used, member(row, "Id"), json_true());
		if (row && is_true(row, "IsRecurrence2Exclusion") && utc < p->history)
			p->history = utc;
	}
	if (recur)
		recur_close(recur);
}

/* The occurrence without a row that is nearest to the start of this one. */
static const char *nearest(const struct places *p, int64_t start)
{
	int64_t best = INT64_MAX;
	const char *key, *found = NULL;
	json_t *row;

	json_object_foreach(p->by_key, key, row) {
		int64_t away = llabs(json_integer_value(json_object_get(p->instants, key)) - start);

		if (json_is_null(row) && away < best) {
			best = away;
			found = key;
		}
	}
	return found;
}

static void place_moved(struct places *p)
{
	json_t *row;
	size_t i;

	json_array_foreach((json_t *)p->rows, i, row) {
		const char *key;

		if (is_true(row, "IsDeleted") || !is_true(row, "IsRecurrence2Exception") ||
			salesforce_is_series_row(row) ||
			json_object_get(p->used, member(row, "Id")))
			continue;
		key = nearest(p, salesforce_start_of(row));
		if (key)
			json_object_set(p->by_key, key, row);
	}
}

/* An occurrence without a row was deleted, unless there may never have been one: the start that the
 * rule does not name, and what was over when the series was built anew. */
static void forget_the_unknown(struct places *p, const json_t *doc)
{
	const char *key, *start = member(doc, "start");
	json_t *row;
	void *next;

	json_object_foreach_safe(p->by_key, next, key, row)
	{
		int64_t utc = json_integer_value(json_object_get(p->instants, key));
		bool over = p->had_history && utc < p->first && utc < p->history;
		char name[24];

		if (!json_is_null(row) || json_object_get(p->gone, number(utc, name)))
			continue;
		if ((start && !strcmp(key, start)) || !p->any || over)
			json_object_del(p->by_key, key);
	}
}

json_t *salesforce_places(const json_t *series, const json_t *rows)
{
	struct places p = { .rows = rows,
		.by_start = json_object(),
		.gone = json_object(),
		.by_key = json_object(),
		.instants = json_object(),
		.used = json_object(),
		.history = INT64_MAX };
	char name[ZONE_NAME];
	const char *zone;
	json_t *doc = rule_document(series, &zone, name), *row;
	size_t i;

	json_array_foreach((json_t *)rows, i, row)
		if (!salesforce_is_series_row(row))
			sort_in(&p, row);
	p.clock = zones_get(&p.zones, zone ? zone : "Etc/UTC");
	if (p.clock)
		walk(&p, doc);
	place_moved(&p);
	forget_the_unknown(&p, doc);
	json_decref(doc);
	json_decref(p.by_start);
	json_decref(p.gone);
	json_decref(p.instants);
	json_decref(p.used);
	zones_free(&p.zones);
	return p.by_key;
}
