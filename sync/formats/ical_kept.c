/* What a document has no place for, kept as jCal (RFC 7265), and what iCalendar has no property for,
 * written as JSPROP.  Values that jCal would write anew (dates, numbers) stay as they stand in the
 * file: what matters is that they come back as they were. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "sync/formats/card_slots.h"
#include "sync/formats/ical_impl.h"
#include "sync/mem.h"

static void lower(char *text)
{
	for (; *text; text++)
		*text = (char)tolower((unsigned char)*text);
}

/* --- reading ---------------------------------------------------------------------------------- */

static json_t *kept_list(json_t *object, const char *list)
{
	json_t *kept = json_object_get(object, "iCalComponent");
	json_t *values;

	if (!json_is_object(kept)) {
		kept = json_object();
		json_object_set_new(object, "iCalComponent", kept);
	}
	values = json_object_get(kept, list);
	if (!json_is_array(values)) {
		values = json_array();
		json_object_set_new(kept, list, values);
	}
	return values;
}

/* Lines of the calendar itself, and those that writing makes anew. */
static bool is_own(const char *name)
{
	return card_word_in("begin end version jsprop", name, strlen(name));
}

void ical_keep_line(json_t *object, const struct vcard_line *line)
{
	if (!is_own(line->name))
		json_array_append_new(kept_list(object, "properties"), vcard_kept_prop(line));
}

static json_t *component_json(const struct ical_component *component)
{
	json_t *properties = json_array();
	json_t *components = json_array();
	char *name AUTOFREE = xstrdup(component->name);

	lower(name);
	for (size_t i = 0; i < component->n_lines; i++)
		json_array_append_new(properties, vcard_kept_prop(&component->lines[i]));
	for (size_t i = 0; i < component->n_parts; i++)
		json_array_append_new(components, component_json(component->parts[i]));
	return json_pack("[s, o, o]", name, properties, components);
}

void ical_keep_component(json_t *object, const struct ical_component *component)
{
	json_array_append_new(kept_list(object, "components"), component_json(component));
}

void ical_keep_params(
	json_t *object, const char *name, const struct vcard_line *line, const char *taken)
{
	json_t *kept = json_object();
	json_t *params;
	const char *param;
	json_t *values;

	json_object_foreach(line->params, param, values) {
		if (card_word_in("value tzid x-json", param, strlen(param)) ||
			card_word_in(taken, param, strlen(param)))
			continue;
		json_object_set(kept, param,
			json_array_size(values) == 1 ? json_array_get(values, 0) : values);
	}
	if (json_object_size(kept) == 0) {
		json_decref(kept);
		return;
	}
	if (!name) {
		json_object_set_new(object, "tandemfs:params", kept);
		return;
	}
	params = json_object_get(object, "tandemfs:params");
	if (!params) {
		params = json_object();
		json_object_set_new(object, "tandemfs:params", params);
	}
	json_object_set_new(params, name, kept);
}

void ical_read_rest(json_t *object, const struct vcard_line *line)
{
	const char *text = vcard_param(line, "x-json");
	json_t *rest = text ? json_loads(text, 0, NULL) : NULL;

	json_object_update_missing(object, rest);
	json_decref(rest);
}

int ical_read_jsprop(struct ical_reader *r, const struct ical_rule *rule,
	const struct vcard_line *line, struct error *err)
{
	const char *member = vcard_param(line, "jsptr");
	json_t *text = vcard_text(line->value, strlen(line->value));
	json_t *value = json_loads(json_string_value(text), JSON_DECODE_ANY, NULL);
	const char *progress = card_string(r->doc, "progress");
	bool take = false;

	(void)rule;
	(void)err;
	json_decref(text);
	if (value && member && *member && !strchr(member, '/') && *member != '@') {
		if (strcmp(member, "progress") == 0) /* one that STATUS cannot say */
			take = ical_is_task(r) && json_is_string(value) && progress &&
			       strcmp(progress, "needs-action") == 0;
		else if (strcmp(member, "timeZone") == 0) /* of an all-day event */
			take = json_is_string(value) && !json_object_get(r->doc, "timeZone") &&
			       zones_get(&r->zones, json_string_value(value));
		else
			take = !ical_knows_member(member) && !json_object_get(r->doc, member);
	}
	if (take)
		json_object_set(r->doc, member, value);
	json_decref(value);
	return take;
}

/* --- writing ---------------------------------------------------------------------------------- */

/* Times stand where they belong; of an item, that is (an alarm has a DURATION too). */
static bool may_have_kept(const char *name, bool item)
{
	char *upper AUTOFREE = xstrdup(name);

	for (char *p = upper; *p; p++)
		*p = (char)toupper((unsigned char)*p);
	return vcard_is_name(name) && !is_own(name) &&
	       !(item && (ical_is_time_property(upper) || strcmp(upper, "UID") == 0));
}

static void add_value(struct buf *out, const char *type, const json_t *value)
{
	if (json_is_string(value) && strcmp(type, "text") == 0)
		vcard_escape(json_string_value(value), out);
	else if (json_is_string(value))
		buf_adds(out, json_string_value(value));
	else if (json_is_integer(value))
		buf_addf(out, "%lld", (long long)json_integer_value(value));
	else if (json_is_real(value))
		buf_addf(out, "%.17g", json_real_value(value));
	else if (json_is_boolean(value))
		buf_adds(out, json_is_true(value) ? "TRUE" : "FALSE");
}

static void write_property(struct ical_writer *w, const json_t *prop)
{
	const char *name = json_string_value(json_array_get(prop, 0));
	const char *type = json_string_value(json_array_get(prop, 2));
	struct buf value AUTOBUF = BUF_INIT(ICAL_MAX_RENDERED);

	if (!name || !type || !vcard_is_name(name))
		return;
	ical_begin_bare(w, name);
	if (strcmp(type, "unknown") != 0 && vcard_is_name(type))
		ical_put_param(w, "VALUE", type);
	ical_put_params(w, json_array_get(prop, 1));
	for (size_t i = 3; i < json_array_size(prop); i++) {
		if (i > 3)
			buf_addc(&value, ',');
		add_value(&value, type, json_array_get(prop, i));
	}
	w->out->failed |= value.failed;
	ical_end_raw(w, buf_str(&value));
}

static const json_t *properties_of(const json_t *object)
{
	return json_object_get(json_object_get(object, "iCalComponent"), "properties");
}

bool ical_has_kept(const json_t *object, const char *prop)
{
	json_t *one;
	size_t i;

	json_array_foreach(properties_of(object), i, one) {
		const char *name = json_string_value(json_array_get(one, 0));

		if (name && strcasecmp(name, prop) == 0)
			return true;
	}
	return false;
}

void ical_write_kept(struct ical_writer *w, const json_t *object)
{
	json_t *prop;
	size_t i;

	json_array_foreach(properties_of(object), i, prop) {
		const char *name = json_string_value(json_array_get(prop, 0));

		if (name && may_have_kept(name, object == w->doc))
			write_property(w, prop);
	}
}

static void write_component(struct ical_writer *w, const json_t *component, int depth)
{
	const char *name = json_string_value(json_array_get(component, 0));
	char *upper AUTOFREE = NULL;
	json_t *one;
	size_t i;

	if (!name || !vcard_is_name(name) || depth >= ICAL_MAX_NESTING)
		return;
	upper = xstrdup(name);
	for (char *p = upper; *p; p++)
		*p = (char)toupper((unsigned char)*p);
	ical_put_mark(w, "BEGIN", upper);
	json_array_foreach(json_array_get(component, 1), i, one) {
		const char *prop = json_string_value(json_array_get(one, 0));

		if (prop && !card_word_in("begin end", prop, strlen(prop)))
			write_property(w, one);
	}
	json_array_foreach(json_array_get(component, 2), i, one)
		write_component(w, one, depth + 1);
	ical_put_mark(w, "END", upper);
}

void ical_write_kept_components(struct ical_writer *w, const json_t *object)
{
	const json_t *list = json_object_get(
		json_object_get(object, "iCalComponent"), "components");
	json_t *component;
	size_t i;

	json_array_foreach(list, i, component)
		write_component(w, component, 2);
}

void ical_put_rest(struct ical_writer *w, const json_t *object, const char *known)
{
	json_t *rest = json_object();
	const char *member;
	json_t *value;

	json_object_foreach((json_t *)object, member, value) {
		if (!card_word_in("@type tandemfs:params", member, strlen(member)) &&
			!card_word_in(known, member, strlen(member)))
			json_object_set(rest, member, value);
	}
	if (json_object_size(rest) > 0) {
		char *text = json_dumps(rest, JSON_COMPACT);

		ical_put_param(w, "X-JSON", text);
		free(text);
	}
	json_decref(rest);
}

static void write_jsprop(struct ical_writer *w, const char *member, const json_t *value)
{
	char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);

	if (text) {
		ical_begin_bare(w, "JSPROP");
		ical_put_param(w, "JSPTR", member);
		ical_end_text(w, text);
	}
	free(text);
}

void ical_write_jsprops(struct ical_writer *w)
{
	const char *progress = card_string(w->doc, "progress");
	const char *member;
	json_t *value;

	json_object_foreach((json_t *)w->doc, member, value) {
		if (!strchr(member, '/') && member[0] != '@' && *member &&
			!ical_knows_member(member))
			write_jsprop(w, member, value);
	}
	if (w->task && progress && strchr(progress, ':'))
		write_jsprop(w, "progress", json_object_get(w->doc, "progress"));
	if (json_is_true(json_object_get(w->doc, "showWithoutTime")) &&
		card_string(w->doc, "timeZone"))
		write_jsprop(w, "timeZone", json_object_get(w->doc, "timeZone"));
}
