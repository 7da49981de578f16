/* A calendar to one document: which components are the item, then each of them by the table.
 *
 * Errors name the line, since the file is what its writer looks at.  What a component says that no
 * row takes is kept. */
#include <string.h>
#include <strings.h>

#include "sync/formats/card_slots.h"
#include "sync/formats/event.h"
#include "sync/formats/ical_impl.h"
#include "sync/mem.h"

/* --- one component ---------------------------------------------------------------------------- */

/* ORGANIZER after the attendees, JSPROP after all that it must not replace. */
static int pass_of(const char *name)
{
	return strcmp(name, "ORGANIZER") == 0 ? 1 : strcmp(name, "JSPROP") == 0 ? 2 : 0;
}

/* Of an UID that was not taken: by which of two is the item known? */
static int check_uid(struct ical_reader *r, const struct vcard_line *line, struct error *err)
{
	json_t *again = vcard_text(line->value, strlen(line->value));
	bool same = vcard_is_blank(line->value) ||
		    json_equal(again, json_object_get(r->doc, "uid"));

	json_decref(again);
	return same ? 0
		    : error_set(
			      err, ERR_INVALID, "line %zu: UID: stands there twice", line->number);
}

static int read_line(struct ical_reader *r, const struct vcard_line *line, struct error *err)
{
	const struct ical_rule *rule = ical_rule_find(line->name, ical_is_task(r));
	int taken = rule ? rule->read(r, rule, line, err) : 0;

	if (taken == 0 && strcmp(line->name, "UID") == 0)
		return check_uid(r, line, err);
	if (taken == 0)
		ical_keep_line(r->doc, line);
	return taken < 0 ? taken : 0;
}

static int read_lines(struct ical_reader *r, struct error *err)
{
	const struct ical_component *c = r->component;
	int rc = 0;

	for (int pass = 0; pass < 3; pass++) {
		for (size_t i = 0; rc == 0 && i < c->n_lines; i++) {
			const char *name = c->lines[i].name;

			if (pass_of(name) == pass && !ical_is_time_property(name))
				rc = read_line(r, &c->lines[i], err);
		}
	}
	return rc;
}

static int read_parts(struct ical_reader *r, struct error *err)
{
	for (size_t i = 0; i < r->component->n_parts; i++) {
		const struct ical_component *part = r->component->parts[i];
		int taken = ical_is(part, "VALARM") ? ical_read_alarm(r, part, err) : 0;

		if (taken < 0)
			return taken;
		if (taken == 0)
			ical_keep_component(r->doc, part);
	}
	return 0;
}

int ical_read_component(struct ical_reader *r, const struct ical_component *component, json_t **doc,
	struct error *err)
{
	int rc;

	r->component = component;
	r->doc = event_new(ical_is_task(r) ? "Task" : "Event");
	r->around = INT64_MIN;
	rc = ical_read_times(r, err);
	if (rc == 0)
		rc = read_lines(r, err);
	if (rc == 0)
		rc = read_parts(r, err);
	if (rc == 0)
		rc = ical_read_recurrence(r, err);
	if (rc) {
		json_decref(r->doc);
		r->doc = NULL;
		return rc;
	}
	*doc = r->doc;
	return 0;
}

/* --- exceptions ------------------------------------------------------------------------------- */

static int read_recurrence_id(struct ical_reader *r, const struct ical_component *component,
	struct ical_when *when, struct error *err)
{
	const struct vcard_line *line = ical_line(component, "RECURRENCE-ID");

	if (vcard_param(line, "range"))
		return vcard_line_error(line, err, "RANGE: each occurrence must be given alone");
	return ical_read_when(r, line, line->value, strlen(line->value), when, err);
}

static int read_exception(struct ical_reader *r, json_t *series,
	const struct ical_component *component, json_t *seen, struct error *err)
{
	json_t *occurrence = NULL;
	json_t *overrides;
	struct ical_when when;
	char key[CALTIME_SIZE];
	int rc = ical_read_component(r, component, &occurrence, err);

	if (rc == 0 && json_object_get(occurrence, "recurrenceRules"))
		rc = vcard_line_error(
			ical_line(component, "RRULE"), err, "an exception that recurs itself");
	if (rc == 0)
		rc = read_recurrence_id(r, component, &when, err);
	if (rc) {
		json_decref(occurrence);
		return rc;
	}
	caltime_write_local(ical_key(r, series, &when), key);
	if (json_object_get(seen, key)) {
		json_decref(occurrence);
		return vcard_line_error(ical_line(component, "RECURRENCE-ID"), err,
			"this occurrence stands there twice");
	}
	json_object_set_new(seen, key, json_true());
	overrides = json_object_get(series, "recurrenceOverrides");
	if (!overrides) {
		overrides = json_object();
		json_object_set_new(series, "recurrenceOverrides", overrides);
	}
	json_object_set_new(overrides, key, event_patch(series, key, occurrence));
	json_decref(occurrence);
	return 0;
}

static int read_exceptions(struct ical_reader *r, json_t *series,
	const struct ical_component *master, struct error *err)
{
	json_t *seen = json_object();
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < r->calendar->n_parts; i++) {
		const struct ical_component *part = r->calendar->parts[i];

		if (ical_is(part, r->component_name) && part != master)
			rc = read_exception(r, series, part, seen, err);
	}
	json_decref(seen);
	return rc;
}

/* One occurrence of a series that is not here: an invitation to one meeting of many. */
static int read_orphan(struct ical_reader *r, const struct ical_component *component, json_t *doc,
	struct error *err)
{
	struct ical_when when;
	char key[CALTIME_SIZE];
	const char *other;
	json_t *patch;
	int rc = read_recurrence_id(r, component, &when, err);

	if (rc)
		return rc;
	caltime_write_local(ical_key(r, doc, &when), key);
	json_object_set_new(doc, "recurrenceId", json_string(key));
	/* It has no room for exceptions of its own: a period of an RDATE is its beginning. */
	json_object_foreach(json_object_get(doc, "recurrenceOverrides"), other, patch)
		json_object_del(patch, "duration");
	return 0;
}

/* --- the calendar ----------------------------------------------------------------------------- */

static bool is_item(const struct ical_component *component)
{
	return ical_is(component, "VEVENT") || ical_is(component, "VTODO") ||
	       ical_is(component, "VJOURNAL");
}

static bool same_uid(const struct ical_component *a, const struct ical_component *b)
{
	const struct vcard_line *x = ical_line(a, "UID");
	const struct vcard_line *y = ical_line(b, "UID");

	return x && y ? strcmp(x->value, y->value) == 0 : !x && !y;
}

static int check_item(const struct ical_reader *r, const struct ical_component *first,
	const struct ical_component *part, struct error *err)
{
	bool task = ical_is(part, "VTODO");

	if (first && (!same_uid(first, part) || strcmp(first->name, part->name) != 0))
		return ical_component_error(part, err,
			"a second item; a file holds one (tandemctl import takes such a file)");
	if (strcmp(part->name, r->component_name) == 0)
		return 0;
	return ical_component_error(part, err,
		task			  ? "a task; it belongs into a folder of tasks"
		: ical_is(part, "VEVENT") ? "an appointment; it belongs into a calendar"
					  : "journals are not kept");
}

/* The component that is the item: the series, or the only occurrence. */
static int find_master(
	const struct ical_reader *r, const struct ical_component **master, struct error *err)
{
	const struct ical_component *first = NULL;
	size_t exceptions = 0;

	*master = NULL;
	for (size_t i = 0; i < r->calendar->n_parts; i++) {
		const struct ical_component *part = r->calendar->parts[i];
		int rc = is_item(part) ? check_item(r, first, part, err) : 0;

		if (rc)
			return rc;
		if (!is_item(part))
			continue;
		first = first ? first : part;
		if (ical_line(part, "RECURRENCE-ID")) {
			exceptions++;
		} else if (*master) {
			return ical_component_error(
				part, err, "the same UID twice, and no RECURRENCE-ID");
		} else {
			*master = part;
		}
	}
	if (!first)
		return error_set(err, ERR_INVALID, "line %zu: VCALENDAR: holds no %s",
			r->calendar->line, r->component_name);
	if (!*master && exceptions > 1)
		return ical_component_error(
			first, err, "several occurrences without the series they belong to");
	if (!*master)
		*master = first;
	return 0;
}

/* A METHOD makes the file a message; those that say "here it is" are taken (RFC 5546). */
static int check_method(const struct ical_component *calendar, struct error *err)
{
	const struct vcard_line *method = ical_line(calendar, "METHOD");
	json_t *word = method ? vcard_trimmed(method->value) : NULL;
	const char *text = word ? json_string_value(word) : "";
	bool good = !*text || card_word_in("PUBLISH REQUEST ADD", text, strlen(text));
	int rc = good ? 0
		      : error_set(err, ERR_INVALID,
				"line %zu: METHOD: %.40s is a message, not an item", method->number,
				text);

	json_decref(word);
	return rc;
}

/* What the calendar says beside its items.  A METHOD says how the file came here. */
static void keep_calendar(const struct ical_reader *r, json_t *doc)
{
	json_t *holder = json_object();
	json_t *kept;

	for (size_t i = 0; i < r->calendar->n_lines; i++) {
		const struct vcard_line *line = &r->calendar->lines[i];

		if (!card_word_in("VERSION METHOD PRODID", line->name, strlen(line->name)) &&
			!(strcmp(line->name, "CALSCALE") == 0 &&
				strcasecmp(line->value, "GREGORIAN") == 0))
			ical_keep_line(holder, line);
	}
	for (size_t i = 0; i < r->calendar->n_parts; i++) {
		const struct ical_component *part = r->calendar->parts[i];

		if (!is_item(part) && !ical_is(part, "VTIMEZONE"))
			ical_keep_component(holder, part);
	}
	kept = json_object_get(holder, "iCalComponent");
	if (kept)
		json_object_set(doc, "tandemfs:calendar", kept);
	json_decref(holder);
}

static int read_item(struct ical_reader *r, json_t **doc, struct error *err)
{
	const struct ical_component *master;
	int rc = check_method(r->calendar, err);

	if (rc == 0)
		rc = find_master(r, &master, err);
	if (rc == 0)
		rc = ical_read_component(r, master, doc, err);
	if (rc)
		return rc;
	if (ical_line(master, "RECURRENCE-ID"))
		rc = read_orphan(r, master, *doc, err);
	else
		rc = read_exceptions(r, *doc, master, err);
	if (rc)
		return rc;
	ical_tidy_overrides(*doc);
	keep_calendar(r, *doc);
	return 0;
}

static int find_calendar(const struct ical_component *root, const struct ical_component **calendar,
	struct error *err)
{
	*calendar = NULL;
	for (size_t i = 0; i < root->n_parts; i++) {
		const struct ical_component *part = root->parts[i];

		if (!ical_is(part, "VCALENDAR"))
			return ical_component_error(part, err, "not a calendar (VCALENDAR)");
		if (*calendar)
			return ical_component_error(part, err,
				"a second calendar; a file holds one item (tandemctl import takes "
				"such a file)");
		*calendar = part;
	}
	if (!*calendar)
		return error_set(err, ERR_INVALID, "line 1: BEGIN: there is no VCALENDAR");
	return 0;
}

int ical_item_line(
	const char *bytes, size_t len, const char *component, size_t *line, struct error *err)
{
	struct ical_reader r = { .component_name = component };
	struct ical_component *root = NULL;
	const struct ical_component *master;
	int rc = ical_tree_read(bytes, len, &root, err);

	if (rc == 0)
		rc = find_calendar(root, &r.calendar, err);
	if (rc == 0)
		rc = find_master(&r, &master, err);
	if (rc == 0)
		*line = master->line;
	ical_tree_free(root);
	return rc;
}

static int parse(const char *bytes, size_t len, const char *name, json_t **doc, struct error *err)
{
	struct ical_reader r = { .component_name = name, .tzids = json_object() };
	struct ical_component *root = NULL;
	json_t *read = NULL;
	int rc = ical_tree_read(bytes, len, &root, err);

	if (rc == 0)
		rc = find_calendar(root, &r.calendar, err);
	if (rc == 0)
		rc = read_item(&r, &read, err);
	if (rc)
		json_decref(read);
	else
		*doc = read;
	ical_tree_free(root);
	zones_free(&r.zones);
	json_decref(r.tzids);
	return rc;
}

int ical_parse_event(const char *bytes, size_t len, json_t **doc, struct error *err)
{
	return parse(bytes, len, "VEVENT", doc, err);
}

int ical_parse_task(const char *bytes, size_t len, json_t **doc, struct error *err)
{
	return parse(bytes, len, "VTODO", doc, err);
}
