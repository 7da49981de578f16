/* A series as a document has it: its rule, its zone and what differs in single occurrences, as rows of
 * Event's table.
 *
 * A rule is compared as text, so both sides' texts are brought into one form: the parts in the order of
 * recur_write(), without those that say the default.  UNTIL is an instant there and a local time here.
 *
 * An occurrence is described against what the series would have there, row by row of the table: what
 * the CRM cannot hold of an override is no difference, and stays here. */
#include "crm/salesforce_activity.h"

#include <string.h>

#include "sync/formats/caltime.h"
#include "sync/formats/event.h"
#include "sync/formats/recur.h"
#include "sync/formats/zone.h"
#include "sync/mem.h"

#define PREFIX "RRULE:"

static bool is_all_day(const json_t *doc)
{
	return json_is_true(json_object_get(doc, "showWithoutTime"));
}

static const char *zone_of(const json_t *doc)
{
	return is_all_day(doc) ? NULL : member(doc, "timeZone");
}

/* ---- Recurrence2PatternText -------------------------------------------------------------------- */

/* Takes out what says the default. */
static void simplify(json_t *rule)
{
	const char *monday = member(rule, "firstDayOfWeek");

	if (json_integer_value(json_object_get(rule, "interval")) == 1)
		json_object_del(rule, "interval");
	if (monday && !strcmp(monday, "mo"))
		json_object_del(rule, "firstDayOfWeek");
}

/* Takes the rule. */
static json_t *pattern_text(json_t *rule, const char *until)
{
	struct buf text AUTOBUF = BUF_INIT(4096);

	simplify(rule);
	buf_adds(&text, PREFIX);
	recur_write(rule, until, &text);
	json_decref(rule);
	return json_string(buf_str(&text));
}

/* "20261231T090000Z"; NULL when the rule has no end of this kind. */
static char *until_utc(const json_t *doc, const json_t *rule)
{
	const char *text = member(rule, "until");
	char out[CALTIME_SIZE];
	int64_t local, utc;

	if (!text || !caltime_read_local(text, &local) ||
		!salesforce_to_utc(zone_of(doc), local, &utc))
		return NULL;
	caltime_write_utc(utc, out);
	return xasprintf(
		"%.4s%.2s%.2sT%.2s%.2s%.2sZ", out, out + 5, out + 8, out + 11, out + 14, out + 17);
}

static json_t *pattern_get(const json_t *doc, const struct field *field)
{
	const json_t *rules = json_object_get(doc, "recurrenceRules");
	json_t *rule = json_array_get(rules, 0);
	char *until AUTOFREE = NULL;

	(void)field;
	if (!json_is_object(rule))
		return NULL;
	/* No series is sent as something else: salesforce_series_check() refuses it. */
	if (json_array_size(rules) > 1 ||
		json_array_size(json_object_get(doc, "excludedRecurrenceRules")))
		return json_string("several rules");
	until = until_utc(doc, rule);
	rule = json_copy(rule);
	json_object_del(rule, "until");
	return pattern_text(rule, until);
}

/* "20261231", "20261231T090000" or with a Z, as the local time of the document. */
static bool read_until(const json_t *doc, const char *text, char out[CALTIME_SIZE])
{
	char *full AUTOFREE = NULL;
	size_t len = strlen(text);
	int64_t utc, local;

	if (len == 8)
		full = xasprintf("%.4s-%.2s-%.2sT23:59:59Z", text, text + 4, text + 6);
	else if (len == 15 || len == 16)
		full = xasprintf("%.4s-%.2s-%.2sT%.2s:%.2s:%.2sZ", text, text + 4, text + 6,
			text + 9, text + 11, text + 13);
	if (!full || !caltime_read_utc(full, &utc))
		return false;
	local = utc;
	if (len == 16 && !salesforce_to_local(zone_of(doc), utc, &local))
		return false;
	caltime_write_local(local, out);
	return true;
}

static int pattern_set(json_t *doc, const struct field *field, const char *key, const json_t *value,
	struct error *err)
{
	const char *text = json_string_value(value);
	char *until AUTOFREE = NULL, end[CALTIME_SIZE];
	json_t *rule = NULL;
	int rc;

	(void)key;
	json_object_del(doc, "recurrenceRules");
	json_object_del(doc, "excludedRecurrenceRules");
	if (!value) {
		json_object_del(doc, "recurrenceOverrides");
		return 0;
	}
	if (!text || strncmp(text, PREFIX, strlen(PREFIX)) != 0)
		return error_set(err, ERR_INVALID, "%s must be a rule", field->name);
	rc = recur_read(text + strlen(PREFIX), &rule, &until, err);
	if (rc)
		return rc;
	if (until && read_until(doc, until, end))
		json_object_set_new(rule, "until", json_string(end));
	json_object_set_new(doc, "recurrenceRules", json_pack("[o]", rule));
	return 0;
}

const struct field_type salesforce_pattern = { .get = pattern_get, .set = pattern_set };

char *salesforce_read_pattern(const char *text)
{
	char *until AUTOFREE = NULL, *line AUTOFREE = xstrndup(text, strcspn(text, "\r\n"));
	json_t *rule = NULL, *value;
	char *out;

	if (strncmp(line, PREFIX, strlen(PREFIX)) != 0 ||
		recur_read(line + strlen(PREFIX), &rule, &until, NULL))
		return NULL;
	value = pattern_text(rule, until);
	out = xstrdup(json_string_value(value));
	json_decref(value);
	return out;
}

/* ---- Recurrence2PatternTimeZone ---------------------------------------------------------------- */

static json_t *zone_get(const json_t *doc, const struct field *field)
{
	const char *zone = zone_of(doc);

	(void)field;
	return zone && json_array_size(json_object_get(doc, "recurrenceRules")) ? json_string(zone)
										: NULL;
}

/* The instant stays: what the other zone's clock shows then is the new start. */
static int zone_set(json_t *doc, const struct field *field, const char *key, const json_t *value,
	struct error *err)
{
	const char *text = json_string_value(value), *start = member(doc, "start");
	char zone[ZONE_NAME], out[CALTIME_SIZE];
	int64_t local, utc;

	(void)field;
	(void)key;
	(void)err;
	if (!text || is_all_day(doc) || !zone_find(text, zone))
		return 0;
	if (start && caltime_read_local(start, &local) &&
		salesforce_to_utc(zone_of(doc), local, &utc) &&
		salesforce_to_local(zone, utc, &local)) {
		caltime_write_local(local, out);
		json_object_set_new(doc, "start", json_string(out));
	}
	json_object_set_new(doc, "timeZone", json_string(zone));
	return 0;
}

const struct field_type salesforce_pattern_zone = { .get = zone_get, .set = zone_set };

/* ---- Occurrences ------------------------------------------------------------------------------- */

bool salesforce_is_recurrence(const struct field *row)
{
	return row->type == &salesforce_pattern || row->type == &salesforce_pattern_zone ||
	       row->type == &salesforce_occurrences;
}

/* The rows that an occurrence has too. */
static struct field_table own_rows(void)
{
	struct field_table table = { .rows = salesforce_event_rows };

	while (table.n < salesforce_event_n &&
		!salesforce_is_recurrence(&salesforce_event_rows[table.n]))
		table.n++;
	return table;
}

json_t *salesforce_differences(const json_t *base, const json_t *fields)
{
	struct field_table table = own_rows();
	json_t *out = json_object();

	for (size_t i = 0; i < table.n; i++) {
		const char *name = table.rows[i].name;
		json_t *a = json_object_get(base, name), *b = json_object_get(fields, name);

		if (a && b ? !json_equal(a, b) : a != b)
			json_object_set_new(out, name, b ? json_incref(b) : json_null());
	}
	return out;
}

/* The document of a single event seen through those rows; what is too long is left to the server. */
static json_t *project(const json_t *doc)
{
	struct field_table table = own_rows();
	json_t *out = field_project(&table, doc, NULL, NULL);

	for (size_t i = 0; !out && i < table.n; i++) {
		json_t *all = json_object();

		for (size_t j = 0; j < table.n; j++)
			json_object_set_new(all, table.rows[j].name,
				table.rows[j].type->get(doc, &table.rows[j]));
		out = all;
	}
	return out;
}

static bool is_excluded(const json_t *value)
{
	return json_is_true(json_object_get(value, "excluded"));
}

static json_t *occurrence_value(const json_t *doc, const char *key, const json_t *patch)
{
	json_t *base, *here, *a, *b, *out;
	int64_t local;

	if (is_excluded(patch))
		return json_pack("{s:b}", "excluded", 1);
	if (!caltime_read_local(key, &local) || !recur_has(doc, local))
		return NULL; /* added by hand: no rule of Salesforce has it */
	base = event_plain_occurrence(doc, key);
	here = event_occurrence(doc, key);
	a = project(base);
	b = project(here);
	out = salesforce_differences(a, b);
	json_decref(a);
	json_decref(b);
	json_decref(base);
	json_decref(here);
	if (json_object_size(out))
		return out;
	json_decref(out);
	return NULL;
}

static json_t *occurrences_get(const json_t *doc, const struct field *field)
{
	json_t *out = json_object(), *patch;
	const char *key;

	(void)field;
	if (json_array_size(json_object_get(doc, "recurrenceRules")))
		json_object_foreach(json_object_get(doc, "recurrenceOverrides"), key, patch) {
			json_t *value = occurrence_value(doc, key, patch);

			if (value)
				json_object_set_new(out, key, value);
		}
	return out;
}

/* The occurrence with every row as the value says, or as the series has it. */
static int put_rows(json_t *here, const json_t *base, const json_t *value, struct error *err)
{
	struct field_table table = own_rows();
	json_t *plain = project(base);
	int rc = 0;

	for (size_t i = 0; !rc && i < table.n; i++) {
		const char *name = table.rows[i].name;
		const json_t *given = json_object_get(value, name);

		rc = field_apply(
			&table, here, name, given ? given : json_object_get(plain, name), err);
	}
	json_decref(plain);
	return rc;
}

static int patch_rows(
	json_t *doc, json_t *overrides, const char *key, const json_t *value, struct error *err)
{
	bool was_excluded = is_excluded(json_object_get(overrides, key));
	json_t *base = event_plain_occurrence(doc, key);
	json_t *here = was_excluded ? json_deep_copy(base) : event_occurrence(doc, key);
	int rc = put_rows(here, base, value, err);
	json_t *patch = rc ? NULL : event_patch(doc, key, here);

	if (patch && json_object_size(patch))
		json_object_set(overrides, key, patch);
	else if (patch)
		json_object_del(overrides, key);
	json_decref(patch);
	json_decref(base);
	json_decref(here);
	return rc;
}

static int occurrences_set(json_t *doc, const struct field *field, const char *key,
	const json_t *value, struct error *err)
{
	json_t *overrides = json_object_get(doc, "recurrenceOverrides");
	int64_t local;
	int rc = 0;

	if (!caltime_read_local(key, &local) || (value && !json_is_object(value)))
		return error_set(err, ERR_INVALID, "%s/%s must be an occurrence", field->name, key);
	if (!overrides) {
		overrides = json_object();
		json_object_set_new(doc, "recurrenceOverrides", overrides);
	}
	if (is_excluded(value))
		json_object_set_new(overrides, key, json_pack("{s:b}", "excluded", 1));
	else if (value || json_object_get(overrides, key))
		rc = patch_rows(doc, overrides, key, value, err);
	if (!json_object_size(overrides))
		json_object_del(doc, "recurrenceOverrides");
	return rc;
}

const struct field_type salesforce_occurrences = { .get = occurrences_get, .set = occurrences_set };
