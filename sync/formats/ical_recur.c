/* The recurrence of a component: RRULE, EXRULE, RDATE, EXDATE, both ways. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "sync/formats/card_slots.h"
#include "sync/formats/event.h"
#include "sync/formats/ical_impl.h"
#include "sync/formats/recur.h"
#include "sync/mem.h"

static const struct zone *zone_of(struct zones *zones, const json_t *doc)
{
	const char *name = card_string(doc, "timeZone");

	return name ? zones_get(zones, name) : NULL;
}

static bool is_all_day(const json_t *doc)
{
	return json_is_true(json_object_get(doc, "showWithoutTime"));
}

/* --- keys of overrides ------------------------------------------------------------------------ */

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

const char **ical_sorted_keys(const json_t *object, size_t *n)
{
	const char **keys = xcalloc(json_object_size(object) + 1, sizeof(*keys));
	const char *key;
	json_t *value;

	*n = 0;
	json_object_foreach((json_t *)object, key, value)
		keys[(*n)++] = key;
	qsort(keys, *n, sizeof(*keys), by_text);
	return keys;
}

json_t *ical_made_by_rules(const json_t *series)
{
	const json_t *overrides = json_object_get(series, "recurrenceOverrides");
	struct recur *recur = recur_open_rules(series);
	json_t *made = json_object();
	int64_t at = INT64_MIN;
	size_t n;
	const char **keys = ical_sorted_keys(overrides, &n);

	for (size_t i = 0; recur && i < n; i++) {
		int64_t local;
		bool more = true;

		if (!caltime_read_local(keys[i], &local))
			continue;
		while (more && at < local)
			more = recur_next(recur, &at);
		if (at == local)
			json_object_set_new(made, keys[i], json_true());
	}
	mem_autofree(&keys);
	if (!recur) {
		json_decref(made);
		return NULL;
	}
	recur_close(recur);
	return made;
}

/* --- reading ---------------------------------------------------------------------------------- */

/* UNTIL as the local time of the last occurrence.  A date means all of that day. */
static int read_until(struct ical_reader *r, const struct vcard_line *line, const char *text,
	json_t *rule, struct error *err)
{
	const struct zone *zone = zone_of(&r->zones, r->doc);
	struct vcard_line bare = { .number = line->number, .name = line->name, .params = NULL };
	struct ical_when until;
	char local[CALTIME_SIZE];
	int rc = ical_read_when(r, &bare, text, strlen(text), &until, err);

	if (rc)
		return rc;
	if (is_all_day(r->doc))
		until.local -= caltime_of_day(until.local);
	else if (until.date)
		until.local += CALTIME_DAY - 1;
	else if (*until.zone && zone)
		until.local = zone_to_local(zone, until.local);
	caltime_write_local(until.local, local);
	json_object_set_new(rule, "until", json_string(local));
	return 0;
}

static int read_rule(
	struct ical_reader *r, const struct vcard_line *line, const char *member, struct error *err)
{
	json_t *rules = json_object_get(r->doc, member);
	char *until AUTOFREE = NULL;
	json_t *rule = NULL;
	int rc = recur_read(line->value, &rule, &until, err);

	if (rc)
		return error_prefix(err, "line %zu: %s", line->number, line->name);
	if (until)
		rc = read_until(r, line, until, rule, err);
	if (rc) {
		json_decref(rule);
		return rc;
	}
	if (!rules) {
		rules = json_array();
		json_object_set_new(r->doc, member, rules);
	}
	json_array_append_new(rules, rule);
	return 0;
}

static void set_override(json_t *doc, int64_t key, json_t *patch)
{
	json_t *overrides = json_object_get(doc, "recurrenceOverrides");
	char text[CALTIME_SIZE];

	if (!overrides) {
		overrides = json_object();
		json_object_set_new(doc, "recurrenceOverrides", overrides);
	}
	caltime_write_local(key, text);
	json_object_set_new(overrides, text, patch);
}

/* "19970101T180000Z/PT5H30M" or with an end: the patch that says its duration. */
static int read_period(struct ical_reader *r, const struct vcard_line *line, const char *text,
	size_t len, const struct ical_when *start, json_t *patch, struct error *err)
{
	char *duration AUTOFREE = xstrndup(text, len);
	struct caltime_duration length = { 0 };
	char written[48];

	if (!caltime_read_duration(duration, &length)) {
		struct ical_when end;
		int rc = ical_read_when(r, line, text, len, &end, err);

		if (rc)
			return rc;
		length.seconds = end.local - start->local;
	}
	if (length.seconds < 0 || length.days < 0)
		return vcard_line_error(line, err, "a period that ends before it begins");
	if (is_all_day(r->doc)) /* a day among days, which have no times */
		return 0;
	caltime_write_duration(length, written);
	json_object_set_new(patch, "duration", json_string(written));
	return 0;
}

static int read_date(struct ical_reader *r, const struct vcard_line *line, const char *value,
	size_t len, bool excluded, struct error *err)
{
	const char *slash = memchr(value, '/', len);
	size_t n = slash ? (size_t)(slash - value) : len;
	struct ical_when when;
	json_t *patch;
	int rc = ical_read_when(r, line, value, n, &when, err);

	if (rc)
		return rc;
	patch = excluded ? json_pack("{s:b}", "excluded", 1) : json_object();
	if (slash && !excluded)
		rc = read_period(r, line, slash + 1, len - n - 1, &when, patch, err);
	if (rc) {
		json_decref(patch);
		return rc;
	}
	set_override(r->doc, ical_key(r, r->doc, &when), patch);
	return 0;
}

static int read_dates(
	struct ical_reader *r, const struct vcard_line *line, bool excluded, struct error *err)
{
	size_t len = strlen(line->value);
	int rc = 0;

	for (size_t at = 0; rc == 0 && at <= len;) {
		const char *value = line->value + at;
		size_t n = strcspn(value, ",");

		if (n > strspn(value, " \t") || len == 0)
			rc = n ? read_date(r, line, value, n, excluded, err) : 0;
		at += n + 1;
	}
	return rc;
}

/* Patches that change nothing, in words of their own; and occurrences that the rules make anyway. */
void ical_tidy_overrides(json_t *series)
{
	json_t *overrides = json_object_get(series, "recurrenceOverrides");
	json_t *made = ical_made_by_rules(series);
	const char *key;
	json_t *patch;
	void *next;

	json_object_foreach_safe(overrides, next, key, patch)
	{
		json_t *tidy = NULL;

		if (json_is_true(json_object_get(patch, "excluded")))
			continue;
		if (json_object_size(patch) > 0) {
			json_t *occurrence = event_occurrence(series, key);

			tidy = event_patch(series, key, occurrence);
			json_decref(occurrence);
			json_object_set(overrides, key, tidy);
		}
		if (json_object_size(tidy) == 0 && json_object_get(made, key))
			json_object_del(overrides, key);
		json_decref(tidy);
	}
	if (overrides && json_object_size(overrides) == 0)
		json_object_del(series, "recurrenceOverrides");
	json_decref(made);
}

int ical_read_recurrence(struct ical_reader *r, struct error *err)
{
	int rc = 0;

	/* RDATE before EXDATE: what stands in both is left out. */
	for (int pass = 0; pass < 2; pass++) {
		for (size_t i = 0; rc == 0 && i < r->component->n_lines; i++) {
			const struct vcard_line *line = &r->component->lines[i];

			if (pass && strcmp(line->name, "EXDATE") == 0)
				rc = read_dates(r, line, true, err);
			else if (!pass && strcmp(line->name, "RDATE") == 0)
				rc = read_dates(r, line, false, err);
			else if (!pass && strcmp(line->name, "RRULE") == 0)
				rc = read_rule(r, line, "recurrenceRules", err);
			else if (!pass && strcmp(line->name, "EXRULE") == 0)
				rc = read_rule(r, line, "excludedRecurrenceRules", err);
		}
	}
	return rc;
}

/* --- writing ---------------------------------------------------------------------------------- */

static void write_rules(struct ical_writer *w, const char *prop, const char *member)
{
	const struct zone *zone = zone_of(&w->zones, w->series);
	bool date = is_all_day(w->series);
	json_t *rule;
	size_t i;

	json_array_foreach(json_object_get(w->series, member), i, rule) {
		struct buf text AUTOBUF = BUF_INIT(1 << 20);
		char until[ICAL_TIME_SIZE];
		int64_t local;
		bool has_until = caltime_read_local(card_string(rule, "until"), &local);

		if (recur_check(rule, NULL))
			continue;
		if (has_until)
			ical_format(zone && !date ? zone_to_utc(zone, local) : local, date,
				zone && !date, until);
		recur_write(rule, has_until ? until : NULL, &text);
		ical_begin_bare(w, prop);
		ical_end_raw(w, buf_str(&text));
	}
}

static void write_date(struct ical_writer *w, const char *prop, const char *key)
{
	const char *name = card_string(w->series, "timeZone");
	bool date = is_all_day(w->series);
	bool utc = name && !date && strcmp(name, "Etc/UTC") == 0;
	char text[ICAL_TIME_SIZE];
	int64_t local;

	if (!caltime_read_local(key, &local))
		return;
	ical_format(local, date, utc, text);
	ical_begin_bare(w, prop);
	if (date)
		ical_put_param(w, "VALUE", "DATE");
	else if (!utc)
		ical_put_param(w, "TZID", name);
	ical_end_raw(w, text);
}

void ical_write_recurrence(struct ical_writer *w)
{
	const json_t *overrides = json_object_get(w->series, "recurrenceOverrides");
	size_t n;
	const char **keys = ical_sorted_keys(overrides, &n);
	json_t *made = ical_made_by_rules(w->series);

	write_rules(w, "RRULE", "recurrenceRules");
	write_rules(w, "EXRULE", "excludedRecurrenceRules");
	for (size_t i = 0; i < n; i++) {
		const json_t *patch = json_object_get(overrides, keys[i]);

		if (json_is_true(json_object_get(patch, "excluded")))
			write_date(w, "EXDATE", keys[i]);
		else if (made ? !json_object_get(made, keys[i]) : json_object_size(patch) == 0)
			write_date(w, "RDATE", keys[i]);
	}
	json_decref(made);
	mem_autofree(&keys);
}
