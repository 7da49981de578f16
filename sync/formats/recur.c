/* The occurrences of a series.
 *
 * libical walks each rule, as bare as it can be: start, COUNT and UNTIL are ours, since RFC 8984
 * counts the start even where the rule does not make it, and UNTIL is local time here.  The walks of
 * several rules and the keys of overrides are merged in order. */
#include "sync/formats/recur.h"

#include <libical/ical.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "sync/formats/caltime.h"
#include "sync/formats/card_slots.h"
#include "sync/mem.h"

#define RULES_MAX 16
#define NONE	  INT64_MAX

struct walk {
	icalrecur_iterator *iterator;
	int64_t next;	 /* NONE at the end */
	int64_t until;	 /* NONE: without end */
	json_int_t left; /* of COUNT; -1: without end */
};

struct recur {
	int64_t last; /* what was given out */
	int steps;
	size_t n_rules;
	struct walk rules[RULES_MAX];
	size_t n_except;
	struct walk except[RULES_MAX];
	const json_t *overrides; /* or NULL */
	int64_t *added;		 /* sorted keys of overrides that are not excluded */
	size_t n_added;
	size_t at_added;
};

static struct icaltimetype to_ical(int64_t local)
{
	struct caltime_date date = caltime_date_of(local);
	int time = caltime_of_day(local);
	struct icaltimetype out = icaltime_null_time();

	out.year = date.year;
	out.month = date.month;
	out.day = date.day;
	out.hour = time / 3600;
	out.minute = time / 60 % 60;
	out.second = time % 60;
	return out;
}

static int64_t from_ical(struct icaltimetype time)
{
	if (icaltime_is_null_time(time) || !caltime_is_date(time.year, time.month, time.day))
		return NONE;
	return caltime_days(time.year, time.month, time.day) * CALTIME_DAY + time.hour * 3600 +
	       time.minute * 60 + time.second;
}

/* --- one rule --------------------------------------------------------------------------------- */

static void walk_on(struct walk *walk)
{
	int64_t before = walk->next;

	if (walk->left == 0 || !walk->iterator) {
		walk->next = NONE;
		return;
	}
	do {
		walk->next = from_ical(icalrecur_iterator_next(walk->iterator));
	} while (walk->next != NONE && walk->next <= before);
	if (walk->next > walk->until)
		walk->next = NONE;
	if (walk->left > 0)
		walk->left--;
}

static bool has_negative(const json_t *numbers)
{
	json_t *one;
	size_t i;

	json_array_foreach((json_t *)numbers, i, one)
		if (json_integer_value(one) < 0)
			return true;
	return false;
}

static bool has_several(const json_t *rule, const char *part)
{
	return json_array_size(json_object_get(rule, part)) > 1;
}

/* Not those whose steps are so small that a filter could make one search for years, nor what libical does
 * not do: days from the end in DAILY, positions in a week or a day, or among several times of a day. */
static bool is_walkable(const json_t *rule)
{
	const char *frequency = card_string(rule, "frequency");

	if (recur_check(rule, NULL) ||
		card_word_in("secondly minutely hourly", frequency, strlen(frequency)))
		return false;
	if (strcasecmp(frequency, "daily") == 0 &&
		(has_negative(json_object_get(rule, "byMonthDay")) ||
			has_negative(json_object_get(rule, "byYearDay"))))
		return false;
	return !json_array_size(json_object_get(rule, "bySetPosition")) ||
	       !(card_word_in("weekly daily", frequency, strlen(frequency)) ||
		       has_several(rule, "byHour") || has_several(rule, "byMinute") ||
		       has_several(rule, "bySecond"));
}

static bool walk_open(struct walk *walk, const json_t *rule, int64_t start)
{
	struct buf text AUTOBUF = BUF_INIT(1 << 20);
	struct icalrecurrencetype ical;
	const json_t *count = json_object_get(rule, "count");
	const char *until = card_string(rule, "until");
	json_t *bare;
	bool comes;

	if (!is_walkable(rule))
		return false;
	bare = json_copy((json_t *)rule);
	json_object_del(bare, "count");
	recur_write(bare, NULL, &text);
	json_decref(bare);
	ical = icalrecurrencetype_from_string(buf_str(&text));
	if (ical.freq == ICAL_NO_RECURRENCE)
		return false;
	comes = recur_comes(rule, start);
	if (comes)
		walk->iterator = icalrecur_iterator_new(ical, to_ical(start));
	if (ical.rscale)
		free(ical.rscale);
	if (comes && !walk->iterator) /* what libical does not do: WEEKLY;BYMONTHDAY */
		return false;
	walk->until = NONE - 1;
	if (until && !caltime_read_local(until, &walk->until))
		walk->until = NONE - 1;
	walk->left = count ? json_integer_value(count) - 1 : -1; /* the start counts */
	walk->next = start;
	walk_on(walk);
	return true;
}

static bool open_walks(
	const json_t *rules, int64_t start, struct walk *walks, size_t *n, size_t max)
{
	json_t *rule;
	size_t i;

	json_array_foreach(rules, i, rule) {
		if (i >= max || !walk_open(&walks[i], rule, start))
			return false;
		(*n)++;
	}
	return true;
}

/* --- the series ------------------------------------------------------------------------------- */

static int by_time(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a;
	int64_t y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static bool is_excluded(const json_t *patch)
{
	return json_is_true(json_object_get(patch, "excluded"));
}

static void add_overrides(struct recur *recur, const json_t *overrides)
{
	const char *key;
	json_t *patch;

	recur->overrides = overrides;
	recur->added = xcalloc(json_object_size(overrides) + 1, sizeof(*recur->added));
	json_object_foreach((json_t *)overrides, key, patch) {
		if (!is_excluded(patch) && caltime_read_local(key, &recur->added[recur->n_added]))
			recur->n_added++;
	}
	qsort(recur->added, recur->n_added, sizeof(*recur->added), by_time);
}

/* The next occurrence that an override adds. */
static int64_t next_added(const struct recur *recur)
{
	return recur->added && recur->at_added < recur->n_added ? recur->added[recur->at_added]
								: NONE;
}

static struct recur *open_series(const json_t *doc, bool with_overrides)
{
	struct recur *recur;
	int64_t start;

	if (!caltime_read_local(card_string(doc, "start"), &start))
		return NULL;
	recur = xcalloc(1, sizeof(*recur));
	recur->last = start - 1;
	recur->added = NULL;
	if (!open_walks(json_object_get(doc, "recurrenceRules"), start, recur->rules,
		    &recur->n_rules, RULES_MAX - 1) ||
		!open_walks(json_object_get(doc, "excludedRecurrenceRules"), start, recur->except,
			&recur->n_except, RULES_MAX)) {
		recur_close(recur);
		return NULL;
	}
	/* The start is a walk of one step. */
	recur->rules[recur->n_rules++] = (struct walk){ .next = start };
	if (with_overrides)
		add_overrides(recur, json_object_get(doc, "recurrenceOverrides"));
	if (next_added(recur) <= recur->last)
		recur->last = next_added(recur) - 1;
	return recur;
}

struct recur *recur_open(const json_t *doc)
{
	return open_series(doc, true);
}

struct recur *recur_open_rules(const json_t *doc)
{
	return open_series(doc, false);
}

/* Moves the walks past `last` and answers the earliest that is next. */
static int64_t earliest(struct walk *walks, size_t n, int64_t last)
{
	int64_t next = NONE;

	for (size_t i = 0; i < n; i++) {
		while (walks[i].next != NONE && walks[i].next <= last)
			walk_on(&walks[i]);
		if (walks[i].next < next)
			next = walks[i].next;
	}
	return next;
}

static bool is_left_out(struct recur *recur, int64_t local)
{
	char key[CALTIME_SIZE];

	caltime_write_local(local, key);
	return is_excluded(json_object_get(recur->overrides, key)) ||
	       earliest(recur->except, recur->n_except, local - 1) == local;
}

bool recur_next(struct recur *recur, int64_t *local)
{
	while (recur->steps++ < RECUR_MAX_STEPS) {
		int64_t next = earliest(recur->rules, recur->n_rules, recur->last);
		bool added;

		while (next_added(recur) <= recur->last)
			recur->at_added++;
		added = next_added(recur) <= next && next_added(recur) != NONE;
		if (added)
			next = next_added(recur);
		if (next == NONE)
			return false;
		recur->last = next;
		if (added || !is_left_out(recur, next)) {
			*local = next;
			return true;
		}
	}
	return false;
}

void recur_close(struct recur *recur)
{
	if (!recur)
		return;
	for (size_t i = 0; i < recur->n_rules; i++) {
		if (recur->rules[i].iterator)
			icalrecur_iterator_free(recur->rules[i].iterator);
	}
	for (size_t i = 0; i < recur->n_except; i++) {
		if (recur->except[i].iterator)
			icalrecur_iterator_free(recur->except[i].iterator);
	}
	free(recur->added);
	free(recur);
}

bool recur_has(const json_t *doc, int64_t local)
{
	struct recur *recur = recur_open_rules(doc);
	int64_t at = local - 1;
	bool more = true;

	if (!recur)
		return true;
	while (more && at < local)
		more = recur_next(recur, &at);
	recur_close(recur);
	return more && at == local;
}
