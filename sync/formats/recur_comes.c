/* Does a rule ever come?
 *
 * For a rule that makes nothing (MONTHLY;BYDAY=8TH, the fifth of two weekdays, BYMONTHDAY=31 of February)
 * libical searches until its last year, for seconds or minutes.  So the days of some years are looked
 * at first: of RFC 5545 section 3.3.10 only what leaves days out, as libical understands it.  The
 * answer is yes in any doubt. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "sync/formats/caltime.h"
#include "sync/formats/card_slots.h"
#include "sync/formats/recur.h"
#include "sync/mem.h"

/* In so many the calendar has each day that it has at all: February 29th on a Monday, past a century. */
#define YEARS 42

enum frequency { YEARLY, MONTHLY, WEEKLY, DAILY };

struct day {
	struct caltime_date date;
	int month_days, year_day, year_days;
	int weekday; /* 0 is Sunday */
};

struct filter {
	enum frequency frequency;
	const json_t *months, *month_days, *year_days, *weekdays; /* NULL: any */
	struct day start;
	bool of_start; /* its day of the month, or of the week, where no part says another */
};

static struct day day_of(int64_t local)
{
	struct day day = { .date = caltime_date_of(local), .weekday = caltime_weekday(local) };
	int year = day.date.year, month = day.date.month;
	int64_t first = caltime_days(year, 1, 1);

	day.month_days = month == 12 ? 31
				     : (int)(caltime_days(year, month + 1, 1) -
					       caltime_days(year, month, 1));
	day.year_day = (int)(caltime_days(year, month, day.date.day) - first) + 1;
	day.year_days = (int)(caltime_days(year, 12, 31) - first) + 1;
	return day;
}

/* The list has it, counted from the front or from the end. */
static bool has_number(const json_t *list, int at, int of)
{
	json_t *one;
	size_t i;

	json_array_foreach((json_t *)list, i, one) {
		json_int_t n = json_integer_value(one);

		if (n == at || n == at - of - 1)
			return true;
	}
	return false;
}

static bool has_month(const json_t *months, int month)
{
	json_t *one;
	size_t i;

	json_array_foreach((json_t *)months, i, one)
		if (strtol(json_string_value(one), NULL, 10) == month)
			return true;
	return false;
}

/* An ordinal is of the month or, in YEARLY without BYMONTH, of the year; in WEEKLY it says nothing, in
 * DAILY there is no such day. */
static bool is_nth(const struct filter *f, json_int_t nth, const struct day *day)
{
	bool of_year = f->frequency == YEARLY && !f->months;
	int at = of_year ? day->year_day : day->date.day;
	int of = of_year ? day->year_days : day->month_days;

	if (!nth || f->frequency == WEEKLY)
		return true;
	return f->frequency != DAILY &&
	       (nth > 0 ? (at - 1) / 7 + 1 == nth : (of - at) / 7 + 1 == -nth);
}

static bool has_weekday(const struct filter *f, const struct day *day)
{
	json_t *one;
	size_t i;

	json_array_foreach((json_t *)f->weekdays, i, one) {
		const char *name = card_string(one, "day");

		if (recur_weekday(name, strlen(name)) == day->weekday &&
			is_nth(f, json_integer_value(json_object_get(one, "nthOfPeriod")), day))
			return true;
	}
	return false;
}

static bool is_of_start(const struct filter *f, const struct day *day)
{
	switch (f->frequency) {
	case YEARLY:
		return day->date.day == f->start.date.day &&
		       (f->months || day->date.month == f->start.date.month);
	case MONTHLY:
		return day->date.day == f->start.date.day;
	case WEEKLY:
		return day->weekday == f->start.weekday;
	case DAILY:
		break;
	}
	return true;
}

static bool is_made(const struct filter *f, const struct day *day)
{
	return (!f->months || has_month(f->months, day->date.month)) &&
	       (!f->month_days || has_number(f->month_days, day->date.day, day->month_days)) &&
	       (!f->year_days || has_number(f->year_days, day->year_day, day->year_days)) &&
	       (!f->weekdays || has_weekday(f, day)) && (!f->of_start || is_of_start(f, day));
}

/* Positions are of a year or of a month: in a week or a day libical knows none. */
static bool begins_period(const struct filter *f, const struct day *day)
{
	return f->frequency == YEARLY ? day->year_day == 1 : day->date.day == 1;
}

/* The days that a period must have for one of the positions. */
static json_int_t days_needed(const json_t *positions)
{
	json_int_t least = 0;
	json_t *one;
	size_t i;

	json_array_foreach((json_t *)positions, i, one) {
		json_int_t n = llabs(json_integer_value(one));

		if (!least || n < least)
			least = n;
	}
	return least ? least : 1;
}

/* An empty list leaves nothing out. */
static const json_t *list_of(const json_t *rule, const char *part)
{
	const json_t *list = json_object_get(rule, part);

	return json_array_size(list) ? list : NULL;
}

/* In another calendar, or where a day that is not there becomes another one, all may come. */
static bool is_plain(const json_t *rule)
{
	const char *scale = card_string(rule, "rscale"), *skip = card_string(rule, "skip");

	return (!scale || strcasecmp(scale, "gregorian") == 0) &&
	       (!skip || strcasecmp(skip, "omit") == 0);
}

static bool open_filter(struct filter *f, const json_t *rule, int64_t start)
{
	static const char *const names[] = { "yearly", "monthly", "weekly", "daily" };
	const char *frequency = card_string(rule, "frequency");
	size_t i = 0;

	while (i < ARRAY_SIZE(names) && strcasecmp(frequency, names[i]) != 0)
		i++;
	if (i == ARRAY_SIZE(names))
		return false;
	*f = (struct filter){ .frequency = (enum frequency)i,
		.months = list_of(rule, "byMonth"),
		.month_days = list_of(rule, "byMonthDay"),
		.year_days = list_of(rule, "byYearDay"),
		.weekdays = list_of(rule, "byDay"),
		.start = day_of(start) };
	f->of_start = !f->month_days && !f->year_days && !f->weekdays && !list_of(rule, "byWeekNo");
	return true;
}

bool recur_comes(const json_t *rule, int64_t start)
{
	json_int_t needed, n = 0;
	struct filter f;
	int64_t from;

	if (!is_plain(rule) || !open_filter(&f, rule, start))
		return true;
	needed = days_needed(json_object_get(rule, "bySetPosition"));
	/* From the first of the year: a set of positions has the days before the start, too. */
	from = start - (f.start.year_day - 1) * CALTIME_DAY;
	for (int64_t i = 0; i < YEARS * 366; i++) {
		int64_t local = from + i * CALTIME_DAY;
		struct day day;

		if (local > CALTIME_MAX - CALTIME_DAY)
			return true;
		day = day_of(local);
		if (begins_period(&f, &day))
			n = 0;
		n += is_made(&f, &day);
		if (n >= needed)
			return true;
	}
	return false;
}
