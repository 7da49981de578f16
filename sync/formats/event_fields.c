/* Field types: how a row of a side's table reads and writes its place in an event or task. */
#include <stdlib.h>
#include <string.h>

#include "sync/formats/caltime.h"
#include "sync/formats/card_slots.h"
#include "sync/formats/event.h"
#include "sync/mem.h"

#define DATE_LEN 10

static int must_be(const struct field *field, const char *what, struct error *err)
{
	return error_set(err, ERR_INVALID, "%s must be %s", field->name, what);
}

static void set_or_delete(json_t *object, const char *member, json_t *value)
{
	if (value)
		json_object_set_new(object, member, value);
	else
		json_object_del(object, member);
}

/* --- text ------------------------------------------------------------------------------------- */

/* @type of the entries of a map. */
static const char *entry_type(const char *map)
{
	static const char *const types[][2] = {
		{ "locations", "Location" },
		{ "virtualLocations", "VirtualLocation" },
		{ "participants", "Participant" },
		{ "links", "Link" },
		{ "alerts", "Alert" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		if (strcmp(types[i][0], map) == 0)
			return types[i][1];
	}
	return NULL;
}

/* Only its type, and what hangs on the value that is gone. */
static bool is_empty_entry(const json_t *object)
{
	const char *member;
	json_t *value;

	json_object_foreach((json_t *)object, member, value) {
		if (!card_word_in(
			    "@type tandemfs:params tandemfs:property", member, strlen(member)))
			return false;
	}
	return true;
}

static json_t *text_get(const json_t *doc, const struct field *field)
{
	const json_t *node = doc;

	for (const char *p = field->path; p && node; p = strchr(p, '/')) {
		char *part AUTOFREE = NULL;

		p += *p == '/';
		part = xstrndup(p, strcspn(p, "/"));
		node = json_object_get(node, part);
	}
	return json_string_length(node) ? json_incref((json_t *)node) : NULL;
}

/* Sets the text at `path` below node; what is left empty on the way goes. */
static void text_put(json_t *node, const char *path, const char *type, const json_t *value)
{
	size_t n = strcspn(path, "/");
	char *part AUTOFREE = xstrndup(path, n);
	json_t *child;

	if (!path[n]) {
		set_or_delete(node, part, value ? json_copy((json_t *)value) : NULL);
		return;
	}
	child = json_object_get(node, part);
	if (!json_is_object(child)) {
		if (!value)
			return;
		child = type ? json_pack("{s:s}", "@type", type) : json_object();
		json_object_set_new(node, part, child);
	}
	text_put(child, path + n + 1, type ? NULL : entry_type(part), value);
	if (!value && is_empty_entry(child))
		json_object_del(node, part);
}

static int text_set(json_t *doc, const struct field *field, const char *key, const json_t *value,
	struct error *err)
{
	(void)key;
	if (value && !json_is_string(value))
		return must_be(field, "text", err);
	text_put(doc, field->path, NULL, value);
	return 0;
}

const struct field_type field_event_text = { .get = text_get, .set = text_set };

/* --- numbers, flags, rules -------------------------------------------------------------------- */

static json_t *number_get(const json_t *doc, const struct field *field)
{
	json_t *value = json_object_get(doc, field->path);

	return json_is_integer(value) ? json_incref(value) : NULL;
}

static int number_set(json_t *doc, const struct field *field, const char *key, const json_t *value,
	struct error *err)
{
	(void)key;
	if (value && !json_is_integer(value))
		return must_be(field, "a whole number", err);
	set_or_delete(doc, field->path, value ? json_copy((json_t *)value) : NULL);
	return 0;
}

const struct field_type field_event_number = { .get = number_get, .set = number_set };

static json_t *flag_get(const json_t *doc, const struct field *field)
{
	return json_is_true(json_object_get(doc, field->path)) ? json_true() : NULL;
}

static int flag_set(json_t *doc, const struct field *field, const char *key, const json_t *value,
	struct error *err)
{
	(void)key;
	if (value && !json_is_boolean(value))
		return must_be(field, "true or false", err);
	set_or_delete(doc, field->path, json_is_true(value) ? json_true() : NULL);
	return 0;
}

const struct field_type field_event_flag = { .get = flag_get, .set = flag_set };

static json_t *rules_get(const json_t *doc, const struct field *field)
{
	json_t *rules = json_object_get(doc, field->path);

	return json_array_size(rules) ? json_incref(rules) : NULL;
}

static int rules_set(json_t *doc, const struct field *field, const char *key, const json_t *value,
	struct error *err)
{
	(void)key;
	if (value && !json_is_array(value))
		return must_be(field, "an array", err);
	set_or_delete(doc, field->path, value ? json_deep_copy(value) : NULL);
	return 0;
}

const struct field_type field_event_rules = { .get = rules_get, .set = rules_set };

/* --- words ------------------------------------------------------------------------------------ */

/* One "Word=value" of the path behind its '|'. */
struct word {
	const char *word;
	size_t word_len;
	const char *value;
	size_t value_len;
};

static bool next_word(const char **p, struct word *out)
{
	*p += strspn(*p, " ");
	if (!**p)
		return false;
	out->word = *p;
	out->word_len = strcspn(*p, "=");
	out->value = *p + out->word_len + 1;
	out->value_len = strcspn(out->value, " ");
	*p = out->value + out->value_len;
	return true;
}

static bool is_text(const char *text, const char *part, size_t len)
{
	return strlen(text) == len && strncmp(text, part, len) == 0;
}

static json_t *words_get(const json_t *doc, const struct field *field)
{
	size_t n = strcspn(field->path, "|");
	char *member AUTOFREE = xstrndup(field->path, n);
	const char *value = card_string(doc, member);
	const char *p = field->path + n + 1;
	struct word word;
	struct word first = { .word = NULL };

	while (next_word(&p, &word)) {
		if (is_text(value ? value : "", word.value, word.value_len))
			return word.word_len ? json_stringn(word.word, word.word_len) : NULL;
		if (!first.word && word.word_len && word.value_len)
			first = word;
	}
	return value && first.word ? json_stringn(first.word, first.word_len) : NULL;
}

static int words_set(json_t *doc, const struct field *field, const char *key, const json_t *value,
	struct error *err)
{
	size_t n = strcspn(field->path, "|");
	char *member AUTOFREE = xstrndup(field->path, n);
	const char *text = json_string_value(value);
	const char *p = field->path + n + 1;
	struct word word;

	(void)key;
	if (!value) {
		json_object_del(doc, member);
		return 0;
	}
	while (text && next_word(&p, &word)) {
		if (!is_text(text, word.word, word.word_len))
			continue;
		set_or_delete(doc, member,
			word.value_len ? json_stringn(word.value, word.value_len) : NULL);
		return 0;
	}
	return must_be(field, "one of its words", err);
}

const struct field_type field_event_words = { .get = words_get, .set = words_set };

static json_t *importance_get(const json_t *doc, const struct field *field)
{
	json_int_t priority = json_integer_value(json_object_get(doc, field->path));

	return json_string(priority >= 1 && priority <= 4 ? "High"
			   : priority >= 6		  ? "Low"
							  : "Normal");
}

static int importance_set(json_t *doc, const struct field *field, const char *key,
	const json_t *value, struct error *err)
{
	const char *word = json_string_value(value);
	bool high = word && strcmp(word, "High") == 0;
	bool low = word && strcmp(word, "Low") == 0;

	(void)key;
	if (value && !high && !low && (!word || strcmp(word, "Normal") != 0))
		return must_be(field, "High, Normal or Low", err);
	set_or_delete(doc, field->path, high ? json_integer(1) : low ? json_integer(9) : NULL);
	return 0;
}

const struct field_type field_event_importance = { .get = importance_get, .set = importance_set };

static json_t *priority_get(const json_t *doc, const struct field *field)
{
	json_t *word = importance_get(doc, field);

	if (strcmp(json_string_value(word), "Normal") != 0)
		return word;
	json_decref(word);
	return NULL;
}

const struct field_type field_event_priority = { .get = priority_get, .set = importance_set };

/* --- when ------------------------------------------------------------------------------------- */

static const char *const when_members[] = { "start", "duration", "due", "timeZone",
	"showWithoutTime" };

static json_t *when_get(const json_t *doc, const struct field *field)
{
	json_t *out = json_object();

	(void)field;
	for (size_t i = 0; i < ARRAY_SIZE(when_members); i++) {
		json_t *value = json_object_get(doc, when_members[i]);

		if (json_is_string(value) || json_is_true(value))
			json_object_set(out, when_members[i], value);
	}
	if (json_object_size(out) > 0)
		return out;
	json_decref(out);
	return NULL;
}

static int when_set(json_t *doc, const struct field *field, const char *key, const json_t *value,
	struct error *err)
{
	(void)key;
	if (value && !json_is_object(value))
		return must_be(field, "an object of start, duration and the like", err);
	for (size_t i = 0; i < ARRAY_SIZE(when_members); i++) {
		json_t *member = json_object_get(value, when_members[i]);

		set_or_delete(doc, when_members[i], member ? json_copy(member) : NULL);
	}
	return 0;
}

const struct field_type field_event_when = { .get = when_get, .set = when_set };

static json_t *duration_get(const json_t *doc, const struct field *field)
{
	const char *text = card_string(doc, field->path);
	struct caltime_duration duration;
	char canonical[48];

	if (!text || !caltime_read_duration(text, &duration) ||
		(!duration.days && !duration.seconds))
		return NULL;
	caltime_write_duration(duration, canonical);
	return json_string(canonical);
}

static int duration_set(json_t *doc, const struct field *field, const char *key,
	const json_t *value, struct error *err)
{
	struct caltime_duration duration;

	(void)key;
	if (!value) {
		json_object_del(doc, field->path);
		return 0;
	}
	if (!json_is_string(value) || !caltime_read_duration(json_string_value(value), &duration))
		return must_be(field, "a duration", err);
	json_object_set(doc, field->path, (json_t *)value);
	return 0;
}

const struct field_type field_event_duration = { .get = duration_get, .set = duration_set };

static json_t *day_get(const json_t *doc, const struct field *field)
{
	const char *text = card_string(doc, field->path);
	int64_t local;

	return text && caltime_read_local(text, &local) ? json_stringn(text, DATE_LEN) : NULL;
}

static int day_set(json_t *doc, const struct field *field, const char *key, const json_t *value,
	struct error *err)
{
	const char *day = json_string_value(value), *now = card_string(doc, field->path);
	bool undated = !json_object_get(doc, "start") && !json_object_get(doc, "due");
	char *text AUTOFREE = NULL;
	int64_t local;

	(void)key;
	if (!value) {
		json_object_del(doc, field->path);
		return 0;
	}
	text = xasprintf("%s%s", day ? day : "",
		now && strlen(now) > DATE_LEN ? now + DATE_LEN : "T00:00:00");
	if (!caltime_read_local(text, &local))
		return must_be(field, "a day like 2026-11-22", err);
	json_object_set_new(doc, field->path, json_string(text));
	if (undated)
		json_object_set_new(doc, "showWithoutTime", json_true());
	return 0;
}

const struct field_type field_event_day = { .get = day_get, .set = day_set };

static json_t *instant_get(const json_t *doc, const struct field *field)
{
	struct zones zones = { 0 };
	char text[CALTIME_SIZE];
	int64_t start;
	int64_t end;
	bool known = card_string(doc, "timeZone") &&
		     event_instants(&zones, doc, NULL, &start, &end);

	zones_free(&zones);
	if (!known)
		return NULL;
	caltime_write_utc(strcmp(field->path, "start") == 0 ? start : end, text);
	return json_string(text);
}

static void set_length(json_t *doc, int64_t seconds, bool days)
{
	struct caltime_duration length = { .seconds = seconds };
	char text[48];

	if (days) {
		length.days = (seconds + CALTIME_DAY / 2) / CALTIME_DAY;
		length.seconds = 0;
	}
	caltime_write_duration(length, text);
	set_or_delete(doc, "duration", seconds ? json_string(text) : NULL);
}

static int instant_put(
	json_t *doc, const struct field *field, struct zones *zones, int64_t utc, struct error *err)
{
	const char *name = card_string(doc, "timeZone");
	const struct zone *zone = zones_get(zones, name ? name : "Etc/UTC");
	bool all_day = json_is_true(json_object_get(doc, "showWithoutTime"));
	bool is_start = strcmp(field->path, "start") == 0;
	bool is_due = !is_start && card_string(doc, "due");
	char text[CALTIME_SIZE];
	int64_t local;
	int64_t start;

	if (!zone)
		return error_set(err, ERR_INVALID, "%s: unknown time zone %s", field->name, name);
	local = zone_to_local(zone, utc);
	if (!name)
		json_object_set_new(doc, "timeZone", json_string("Etc/UTC"));
	caltime_write_local(all_day ? local - caltime_of_day(local) : local, text);
	if (is_start || is_due) {
		json_object_set_new(doc, is_start ? "start" : "due", json_string(text));
		return 0;
	}
	if (!caltime_read_local(card_string(doc, "start"), &start))
		return error_set(err, ERR_INVALID, "%s: there is no start", field->name);
	if (all_day)
		set_length(doc, local - start, true);
	else
		set_length(doc, utc - zone_to_utc(zone, start), false);
	return 0;
}

static int instant_set(json_t *doc, const struct field *field, const char *key, const json_t *value,
	struct error *err)
{
	struct zones zones = { 0 };
	int64_t utc;
	int rc;

	(void)key;
	if (!value) {
		if (strcmp(field->path, "start") == 0)
			json_object_del(doc, "start");
		else
			json_object_del(doc, card_string(doc, "due") ? "due" : "duration");
		return 0;
	}
	if (!caltime_read_utc(json_string_value(value), &utc))
		return must_be(field, "an instant like 2026-11-22T10:00:00Z", err);
	rc = instant_put(doc, field, &zones, utc, err);
	zones_free(&zones);
	return rc;
}

const struct field_type field_event_instant = { .get = instant_get, .set = instant_set };

/* --- reminders -------------------------------------------------------------------------------- */

/* The minutes before the start; -1 when the alert is of another kind. */
static int64_t minutes_before(const json_t *alert)
{
	const json_t *trigger = json_object_get(alert, "trigger");
	const char *relative = card_string(trigger, "relativeTo");
	const char *action = card_string(alert, "action");
	struct caltime_duration offset;
	int64_t seconds;

	if ((action && strcmp(action, "display") != 0) ||
		(relative && strcmp(relative, "start") != 0) ||
		!caltime_read_duration(card_string(trigger, "offset"), &offset))
		return -1;
	seconds = -(offset.days * CALTIME_DAY + offset.seconds);
	return seconds >= 0 ? seconds / 60 : -1;
}

static bool is_of_kind(const json_t *alert, bool absolute)
{
	int64_t utc;

	if (absolute)
		return caltime_read_utc(
			card_string(json_object_get(alert, "trigger"), "when"), &utc);
	return minutes_before(alert) >= 0;
}

/* The id of the first alert of that kind, or NULL. */
static const char *find_alert(const json_t *doc, bool absolute)
{
	const char *id;
	json_t *alert;

	json_object_foreach(json_object_get(doc, "alerts"), id, alert) {
		if (is_of_kind(alert, absolute))
			return id;
	}
	return NULL;
}

static const json_t *alert_of(const json_t *doc, bool absolute)
{
	const char *id = find_alert(doc, absolute);

	return id ? json_object_get(json_object_get(doc, "alerts"), id) : NULL;
}

/* Takes the trigger; NULL removes the alert. */
static void put_alert(json_t *doc, bool absolute, json_t *trigger)
{
	json_t *alerts = json_object_get(doc, "alerts");
	const char *found = find_alert(doc, absolute);
	char *id AUTOFREE = found ? xstrdup(found) : NULL;

	if (trigger && !json_is_object(alerts)) {
		alerts = json_object();
		json_object_set_new(doc, "alerts", alerts);
	}
	if (trigger && id) {
		json_object_set_new(json_object_get(alerts, id), "trigger", trigger);
		return;
	}
	if (!trigger) {
		if (id)
			json_object_del(alerts, id);
		if (alerts && json_object_size(alerts) == 0)
			json_object_del(doc, "alerts");
		return;
	}
	for (size_t n = 1; !id || json_object_get(alerts, id); n++) {
		free(id);
		id = xasprintf("%zu", n);
	}
	json_object_set_new(alerts, id,
		json_pack("{s:s, s:s, s:o}", "@type", "Alert", "action", "display", "trigger",
			trigger));
}

static json_t *reminder_get(const json_t *doc, const struct field *field)
{
	const json_t *alert = alert_of(doc, false);

	(void)field;
	return alert ? json_integer(minutes_before(alert)) : NULL;
}

static int reminder_set(json_t *doc, const struct field *field, const char *key,
	const json_t *value, struct error *err)
{
	struct caltime_duration offset = { .seconds = -60 * json_integer_value(value) };
	char text[48];

	(void)key;
	if (value && (!json_is_integer(value) || json_integer_value(value) < 0 ||
			     json_integer_value(value) > INT32_MAX))
		return must_be(field, "minutes", err);
	caltime_write_duration(offset, text);
	put_alert(doc, false,
		value ? json_pack("{s:s, s:s}", "@type", "OffsetTrigger", "offset", text) : NULL);
	return 0;
}

const struct field_type field_event_reminder = { .get = reminder_get, .set = reminder_set };

static json_t *reminder_at_get(const json_t *doc, const struct field *field)
{
	const json_t *trigger = json_object_get(alert_of(doc, true), "trigger");

	(void)field;
	return json_incref(json_object_get(trigger, "when"));
}

static int reminder_at_set(json_t *doc, const struct field *field, const char *key,
	const json_t *value, struct error *err)
{
	int64_t utc;

	(void)key;
	if (value && !caltime_read_utc(json_string_value(value), &utc))
		return must_be(field, "an instant like 2026-11-22T10:00:00Z", err);
	put_alert(doc, true,
		value ? json_pack("{s:s, s:O}", "@type", "AbsoluteTrigger", "when", value) : NULL);
	return 0;
}

const struct field_type field_event_reminder_at = { .get = reminder_at_get,
	.set = reminder_at_set };

/* --- maps ------------------------------------------------------------------------------------- */

/* Those members of the entry that the row knows; "": all. */
static json_t *known_of(const json_t *entry, const char *members)
{
	json_t *out = json_object();
	const char *member;
	json_t *value;

	json_object_foreach((json_t *)entry, member, value) {
		if (!*members || card_word_in(members, member, strlen(member)))
			json_object_set(out, member, value);
	}
	return out;
}

/* The map's name and the members behind the slash. */
static char *split_path(const struct field *field, const char **members)
{
	size_t n = strcspn(field->path, "/");

	*members = field->path + n + (field->path[n] == '/');
	return xstrndup(field->path, n);
}

static json_t *entries_get(const json_t *doc, const struct field *field)
{
	const char *members;
	char *map AUTOFREE = split_path(field, &members);
	json_t *out = json_object();
	const char *key;
	json_t *entry;

	json_object_foreach(json_object_get(doc, map), key, entry) {
		json_t *known = known_of(entry, members);

		if (*key && (json_object_size(known) > 0 || json_object_size(entry) == 0))
			json_object_set(out, key, known);
		json_decref(known);
	}
	if (json_object_size(out) > 0)
		return out;
	json_decref(out);
	return NULL;
}

static json_t *new_entry(const char *map, const char *key)
{
	const char *type = entry_type(map);
	json_t *entry = type ? json_pack("{s:s}", "@type", type) : json_object();

	if (strcmp(map, "participants") == 0 && strchr(key, '@')) {
		json_object_set_new(entry, "email", json_string(key));
		json_object_set_new(entry, "sendTo",
			json_pack("{s:o}", "imip", json_sprintf("mailto:%s", key)));
	}
	return entry;
}

static void merge_entry(json_t *entry, const char *members, const json_t *value)
{
	const char *member;
	json_t *old;
	void *next;

	json_object_foreach_safe(entry, next, member, old)
	{
		if ((!*members || card_word_in(members, member, strlen(member))) &&
			!json_object_get(value, member))
			json_object_del(entry, member);
	}
	json_object_update(entry, (json_t *)value);
}

static int entries_set(json_t *doc, const struct field *field, const char *key, const json_t *value,
	struct error *err)
{
	const char *members;
	char *map AUTOFREE = split_path(field, &members);
	json_t *entries = json_object_get(doc, map);
	json_t *entry;

	if (!key || !*key)
		return error_set(err, ERR_INVALID, "%s needs a key", field->name);
	if (value && !json_is_object(value))
		return must_be(field, "an object", err);
	if (!value) {
		json_object_del(entries, key);
		if (json_object_size(entries) == 0)
			json_object_del(doc, map);
		return 0;
	}
	if (!json_is_object(entries)) {
		entries = json_object();
		json_object_set_new(doc, map, entries);
	}
	entry = json_object_get(entries, key);
	/* An occurrence that is left out has nothing else, nor has one that comes back of it. */
	entry = entry && !json_is_true(json_object_get(value, "excluded")) &&
				!json_is_true(json_object_get(entry, "excluded"))
			? json_deep_copy(entry)
			: new_entry(map, key);
	merge_entry(entry, members, value);
	json_object_set_new(entries, key, entry);
	return 0;
}

const struct field_type field_event_entries = { .get = entries_get, .set = entries_set };
