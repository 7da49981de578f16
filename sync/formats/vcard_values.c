/* Values that are text: names, organisations, addresses, phones.
 *
 * Each reader takes its line (1), leaves it to be kept as it is (0), or fails.  An empty value is
 * taken and says nothing: many programs write every property they know. */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "sync/formats/card_slots.h"
#include "sync/formats/vcard_impl.h"
#include "sync/mem.h"

/* --- single values ---------------------------------------------------------------------------- */

static int read_single(
	struct vcard_reader *r, const char *member, const struct vcard_line *line, json_t *value)
{
	if (json_object_get(r->card, member)) {
		json_decref(value);
		return 0;
	}
	if (!vcard_is_blank(json_string_value(value))) {
		json_object_set(r->card, member, value);
		vcard_keep_params(r, member, line);
	}
	json_decref(value);
	return 1;
}

int vcard_read_single(struct vcard_reader *r, const struct vcard_rule *rule,
	const struct vcard_line *line, struct error *err)
{
	(void)err;
	return read_single(r, rule->member, line, vcard_text(line->value, strlen(line->value)));
}

int vcard_read_kind(struct vcard_reader *r, const struct vcard_rule *rule,
	const struct vcard_line *line, struct error *err)
{
	json_t *text = vcard_text(line->value, strlen(line->value));
	char *kind AUTOFREE = xstrdup(json_string_value(text));

	(void)err;
	json_decref(text);
	for (char *p = kind; *p; p++)
		*p = (char)tolower((unsigned char)*p);
	return read_single(r, rule->member, line, vcard_trimmed(kind));
}

/* n digits into *value, then the mark if it stands there. */
static bool time_part(const char **p, size_t n, char mark, int *value)
{
	*value = vcard_digits(p, n);
	*p += mark && **p == mark;
	return *value >= 0;
}

/* A UTC time in either of ISO 8601's forms; others stay as they are. */
int vcard_read_time(struct vcard_reader *r, const struct vcard_rule *rule,
	const struct vcard_line *line, struct error *err)
{
	const char *p = line->value;
	int year, month, day, hour, minute, second;

	(void)err;
	if (vcard_is_blank(line->value))
		return 1;
	if (!time_part(&p, 4, '-', &year) || !time_part(&p, 2, '-', &month) ||
		!time_part(&p, 2, 0, &day) || *p++ != 'T' || !time_part(&p, 2, ':', &hour) ||
		!time_part(&p, 2, ':', &minute) || !time_part(&p, 2, 0, &second) ||
		strcmp(p, "Z") != 0)
		return 0;
	if (month < 1 || month > 12 || day < 1 || day > 31 || hour > 23 || minute > 59 ||
		second > 60)
		return 0;
	return read_single(r, rule->member, line,
		json_sprintf(
			"%04d-%02d-%02dT%02d:%02d:%02dZ", year, month, day, hour, minute, second));
}

/* PUBLIC is the absent value and, like a class that nobody knows, only kept. */
int vcard_read_class(struct vcard_reader *r, const struct vcard_rule *rule,
	const struct vcard_line *line, struct error *err)
{
	json_t *class = vcard_trimmed(line->value);
	const char *sensitivity = vcard_sensitivity_of(json_string_value(class));

	(void)err;
	json_decref(class);
	if (vcard_is_blank(line->value))
		return 1;
	return sensitivity ? read_single(r, rule->member, line, json_string(sensitivity)) : 0;
}

int vcard_read_categories(struct vcard_reader *r, const struct vcard_rule *rule,
	const struct vcard_line *line, struct error *err)
{
	json_t *names = vcard_split(line->value, strlen(line->value), ',');
	json_t *keywords = json_object_get(r->card, rule->member);
	json_t *name;
	size_t i;

	(void)err;
	json_array_foreach(names, i, name) {
		json_t *key = vcard_trimmed(json_string_value(name));

		if (json_string_length(key) > 0 && !keywords) {
			keywords = json_object();
			json_object_set_new(r->card, rule->member, keywords);
		}
		if (json_string_length(key) > 0)
			json_object_set_new(keywords, json_string_value(key), json_true());
		json_decref(key);
	}
	json_decref(names);
	if (keywords)
		vcard_keep_params(r, rule->member, line);
	return 1;
}

int vcard_read_member(struct vcard_reader *r, const struct vcard_rule *rule,
	const struct vcard_line *line, struct error *err)
{
	json_t *members = json_object_get(r->card, rule->member);
	struct buf uri AUTOBUF = BUF_INIT(VCARD_MAX_BYTES);
	char *key AUTOFREE = NULL;

	(void)err;
	if (vcard_is_blank(line->value))
		return 1;
	if (!members) {
		members = json_object();
		json_object_set_new(r->card, rule->member, members);
	}
	vcard_unescape_uri(line->value, &uri);
	json_object_set_new(members, buf_str(&uri), json_true());
	key = xasprintf("%s/%s", rule->member, buf_str(&uri));
	vcard_keep_params(r, key, line);
	return 1;
}

/* RFC 9555 section 3.2.1: what JSContact says and vCard cannot. */
int vcard_read_jsprop(struct vcard_reader *r, const struct vcard_rule *rule,
	const struct vcard_line *line, struct error *err)
{
	const char *pointer = vcard_param(line, "jsptr");
	const char *slash = pointer ? strchr(pointer, '/') : NULL;
	json_t *text = vcard_text(line->value, strlen(line->value));
	json_t *value = pointer ? json_loads(json_string_value(text), JSON_DECODE_ANY, NULL) : NULL;
	int taken = 0;

	(void)rule;
	(void)err;
	json_decref(text);
	if (value && !slash && *pointer && !card_map_find(pointer) &&
		!json_object_get(r->card, pointer) && pointer[0] != '@' &&
		strcmp(pointer, "vCardProps") != 0) {
		json_object_set(r->card, pointer, value);
		taken = 1;
	} else if (slash && json_is_object(value)) {
		char *member AUTOFREE = xstrndup(pointer, (size_t)(slash - pointer));
		struct vcard_rule place = { .prop = "JSPROP", .member = member };

		if (card_map_find(member)) {
			json_object_update(vcard_add_object(r, &place), value);
			taken = 1;
		}
	}
	json_decref(value);
	return taken;
}

/* --- names ------------------------------------------------------------------------------------ */

static json_t *name_of(struct vcard_reader *r)
{
	json_t *name = json_object_get(r->card, "name");

	if (!name) {
		name = json_pack("{s:s}", "@type", "Name");
		json_object_set_new(r->card, "name", name);
	}
	return name;
}

int vcard_read_fn(struct vcard_reader *r, const struct vcard_rule *rule,
	const struct vcard_line *line, struct error *err)
{
	(void)err;
	if (json_object_get(json_object_get(r->card, "name"), rule->value))
		return 0;
	if (vcard_is_blank(line->value))
		return 1;
	json_object_set_new(name_of(r), rule->value, vcard_text(line->value, strlen(line->value)));
	vcard_keep_params(r, "fn", line);
	return 1;
}

static void add_component(json_t *components, const char *kind, json_t *value)
{
	if (!vcard_is_blank(json_string_value(value)))
		json_array_append_new(
			components, json_pack("{s:s, s:O}", "kind", kind, "value", value));
}

static bool has_value(const json_t *list, const json_t *value)
{
	json_t *one;
	size_t i;

	json_array_foreach(list, i, one) {
		if (json_equal(one, value))
			return true;
	}
	return false;
}

/* Field i of a structured value as a list; new reference, empty when there is no such field. */
static json_t *field_list(const char *value, size_t index)
{
	size_t len = strlen(value);

	for (size_t i = 0; i < index; i++) {
		size_t n = vcard_until(value, len, ';');

		if (n == len)
			return json_array();
		value += n + 1;
		len -= n + 1;
	}
	return vcard_split(value, vcard_until(value, len, ';'), ',');
}

static size_t field_count(const char *value)
{
	size_t len = strlen(value);
	size_t count = 1;

	for (size_t at = 0; (at += vcard_until(value + at, len - at, ';')) < len; at++)
		count++;
	return count;
}

/* Order in which name components are said; the index is N's. */
static const size_t said_order[] = { 3, 1, 2, 0, 5, 6, 4 };

/* With seven fields (RFC 9554) the first and the fifth repeat the sixth and the seventh for older
 * readers; what the fifth has of its own is a credential. */
static json_t *name_components(const char *value)
{
	const char *const *kinds = vcard_n_kinds();
	bool extended = field_count(value) >= 7;
	json_t *surname2 = field_list(value, 5);
	json_t *generation = field_list(value, 6);
	json_t *components = json_array();

	for (size_t k = 0; k < ARRAY_SIZE(said_order); k++) {
		size_t i = said_order[k];
		json_t *list = field_list(value, i);
		const json_t *repeated = i == 0 ? surname2 : i == 4 ? generation : NULL;
		json_t *one;
		size_t at;

		json_array_foreach(list, at, one) {
			if (repeated && extended && has_value(repeated, one))
				continue;
			add_component(
				components, extended && i == 4 ? "credential" : kinds[i], one);
		}
		json_decref(list);
	}
	json_decref(surname2);
	json_decref(generation);
	return components;
}

int vcard_read_n(struct vcard_reader *r, const struct vcard_rule *rule,
	const struct vcard_line *line, struct error *err)
{
	json_t *components;

	(void)err;
	if (json_object_get(json_object_get(r->card, "name"), rule->value))
		return 0;
	components = name_components(line->value);
	if (json_array_size(components) > 0) {
		json_object_set(name_of(r), rule->value, components);
		vcard_keep_params(r, "n", line);
	}
	json_decref(components);
	return 1;
}

/* --- texts ------------------------------------------------------------------------------------ */

static void add_text(struct vcard_reader *r, const struct vcard_rule *rule,
	const struct vcard_line *line, json_t *text)
{
	json_t *object = vcard_add_object(r, rule);

	json_object_set(object, rule->value, text);
	vcard_read_params(rule, line, object);
}

/* Splits NICKNAME at its commas; the other rules have one value. */
int vcard_read_text(struct vcard_reader *r, const struct vcard_rule *rule,
	const struct vcard_line *line, struct error *err)
{
	size_t len = strlen(line->value);
	bool email = strcmp(rule->member, "emails") == 0;
	json_t *list = strcmp(rule->prop, "NICKNAME") == 0
			       ? vcard_split(line->value, len, ',')
			       : json_pack("[o]", vcard_text(line->value, len));
	json_t *one;
	size_t i;

	(void)err;
	json_array_foreach(list, i, one) {
		const char *text = json_string_value(one);
		json_t *value;

		if (vcard_is_blank(text))
			continue;
		if (email && strncasecmp(text, "mailto:", 7) == 0)
			text += 7;
		value = email || strcmp(rule->prop, "NICKNAME") == 0 ? vcard_trimmed(text)
								     : json_string(text);
		add_text(r, rule, line, value);
		json_decref(value);
	}
	json_decref(list);
	return 1;
}

int vcard_read_org(struct vcard_reader *r, const struct vcard_rule *rule,
	const struct vcard_line *line, struct error *err)
{
	json_t *parts = vcard_split(line->value, strlen(line->value), ';');
	json_t *object;
	json_t *units;

	(void)err;
	while (json_array_size(parts) && vcard_is_blank(json_string_value(json_array_get(
						 parts, json_array_size(parts) - 1))))
		json_array_remove(parts, json_array_size(parts) - 1);
	if (json_array_size(parts) == 0) {
		json_decref(parts);
		return 1;
	}
	object = vcard_add_object(r, rule);
	if (!vcard_is_blank(json_string_value(json_array_get(parts, 0))))
		json_object_set(object, rule->value, json_array_get(parts, 0));
	units = json_array();
	for (size_t i = 1; i < json_array_size(parts); i++)
		json_array_append_new(units, json_pack("{s:O}", "name", json_array_get(parts, i)));
	if (json_array_size(units) > 0)
		json_object_set(object, "units", units);
	json_decref(units);
	json_decref(parts);
	vcard_read_params(rule, line, object);
	return 1;
}

/* A tel: URI without parameters is its number. */
int vcard_read_tel(struct vcard_reader *r, const struct vcard_rule *rule,
	const struct vcard_line *line, struct error *err)
{
	json_t *text = vcard_text(line->value, strlen(line->value));
	json_t *number = vcard_trimmed(json_string_value(text));
	const char *s = json_string_value(number);

	(void)err;
	if (strncasecmp(s, "tel:", 4) == 0 && !strchr(s, ';') && !vcard_is_blank(s + 4)) {
		json_t *plain = vcard_trimmed(s + 4);

		json_decref(number);
		number = plain;
	}
	if (json_string_length(number) > 0)
		add_text(r, rule, line, number);
	json_decref(number);
	json_decref(text);
	return 1;
}

/* --- addresses -------------------------------------------------------------------------------- */

#define ADR_BASIC  7
#define ADR_FIELDS 18

/* Of the fields after the seventh (RFC 9554 section 2.1), those that the extended address and those
 * that the street repeats for older readers. */
static bool repeats(size_t basic, size_t extra)
{
	const char *kind = vcard_adr_kinds()[extra];

	return card_word_in(
		basic == 1 ? "room apartment floor building" : "number name block direction", kind,
		strlen(kind));
}

static json_t *address_components(const char *value)
{
	const char *const *kinds = vcard_adr_kinds();
	bool repeated[ADR_BASIC] = { false };
	json_t *components = json_array();

	for (size_t i = ADR_BASIC; i < ADR_FIELDS; i++) {
		json_t *list = field_list(value, i);

		if (json_array_size(list) > 0 &&
			!vcard_is_blank(json_string_value(json_array_get(list, 0)))) {
			repeated[1] = repeated[1] || repeats(1, i);
			repeated[2] = repeated[2] || repeats(2, i);
		}
		json_decref(list);
	}
	for (size_t i = 0; i < ADR_FIELDS; i++) {
		json_t *list = field_list(value, i);
		json_t *one;
		size_t at;

		json_array_foreach(list, at, one) {
			if (i >= ADR_BASIC || !repeated[i])
				add_component(components, kinds[i], one);
		}
		json_decref(list);
	}
	return components;
}

int vcard_read_adr(struct vcard_reader *r, const struct vcard_rule *rule,
	const struct vcard_line *line, struct error *err)
{
	json_t *components = address_components(line->value);
	json_t *object;

	(void)err;
	if (json_array_size(components) == 0 && !vcard_param(line, "label")) {
		json_decref(components);
		return 1;
	}
	object = vcard_add_object(r, rule);
	if (json_array_size(components) > 0)
		json_object_set(object, rule->value, components);
	json_decref(components);
	vcard_read_params(rule, line, object);
	return 1;
}

static bool same_types(const json_t *a, const json_t *b)
{
	const json_t *x = json_object_get(json_object_get(a, "vCardParams"), "type");
	const json_t *y = json_object_get(json_object_get(b, "vCardParams"), "type");
	const json_t *c = json_object_get(a, "contexts");
	const json_t *d = json_object_get(b, "contexts");

	return (c && d ? json_equal(c, d) : c == d) && (x && y ? json_equal(x, y) : x == y);
}

/* The address that a LABEL of 3.0 belongs to: same types, none yet; the last one, as a LABEL stands
 * after its ADR, or the first one for a LABEL that stood before. */
static json_t *labelled_address(struct vcard_reader *r, const json_t *types, bool last)
{
	const char *id;
	json_t *address;
	json_t *found = NULL;

	json_object_foreach(json_object_get(r->card, "addresses"), id, address) {
		if (json_object_get(address, "full") || !same_types(address, types))
			continue;
		if (!found || last)
			found = address;
	}
	return found;
}

int vcard_read_label(struct vcard_reader *r, const struct vcard_rule *rule,
	const struct vcard_line *line, struct error *err)
{
	json_t *types = json_object();
	json_t *address;

	(void)err;
	if (vcard_is_blank(line->value)) {
		json_decref(types);
		return 1;
	}
	vcard_read_params(rule, line, types);
	address = labelled_address(r, types, true);
	json_decref(types);
	if (!address)
		return 0;
	json_object_set_new(address, rule->value, vcard_text(line->value, strlen(line->value)));
	return 1;
}

/* A kept LABEL's types, as an address would have them. */
static json_t *kept_types(const struct vcard_rule *rule, json_t *params)
{
	struct vcard_line line = { .params = json_object() };
	json_t *type = json_object_get(params, "type");
	json_t *types = json_object();

	if (type)
		json_object_set_new(line.params, "type",
			json_is_array(type) ? json_incref(type) : json_pack("[O]", type));
	vcard_read_params(rule, &line, types);
	json_decref(line.params);
	return types;
}

void vcard_attach_labels(struct vcard_reader *r)
{
	const struct vcard_rule *rule = vcard_rule_find("LABEL");

	for (size_t i = 0; i < json_array_size(r->kept);) {
		json_t *prop = json_array_get(r->kept, i);
		const char *value = json_string_value(json_array_get(prop, 3));
		json_t *types;
		json_t *address;

		i++;
		if (strcmp(json_string_value(json_array_get(prop, 0)), "label") != 0)
			continue;
		types = kept_types(rule, json_array_get(prop, 1));
		address = labelled_address(r, types, false);
		json_decref(types);
		if (!address)
			continue;
		json_object_set_new(address, rule->value, vcard_text(value, strlen(value)));
		json_array_remove(r->kept, --i);
	}
}
