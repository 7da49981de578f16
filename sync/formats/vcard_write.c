/* A Card to content lines.
 *
 * The rows of vcard_map.c say in which order and by which writer.  A line is made unfolded in
 * w->line, then folded into the output.  Everything that comes from the document is made harmless
 * on its way out: names are checked, values escaped, control characters cannot end a line.
 *
 * Nothing of a document is lost on the way through a file: what vCard has no property for is
 * written as JSPROP (RFC 9555 section 3.2.1), members of an object that it has no parameter for as
 * the parameter X-JSON, and a slot that reading would not find again by type and order as PROP-ID
 * (RFC 9554 section 4.7). */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "sync/formats/card.h"
#include "sync/formats/card_slots.h"
#include "sync/formats/vcard_impl.h"
#include "sync/mem.h"

static const char eol[] = "\r\n";

/* --- lines and parameters --------------------------------------------------------------------- */

static void add_upper(struct buf *out, const char *text)
{
	for (; *text; text++)
		buf_addc(out, (char)toupper((unsigned char)*text));
}

static bool is_used(const struct vcard_writer *w, const char *name)
{
	return json_object_get(w->used, name);
}

static void set_used(struct vcard_writer *w, const char *name)
{
	json_object_set_new(w->used, name, json_true());
}

void vcard_put_param(struct vcard_writer *w, const char *name, const char *value)
{
	char *lower AUTOFREE = xstrdup(name);

	for (char *p = lower; *p; p++)
		*p = (char)tolower((unsigned char)*p);
	if (is_used(w, lower))
		return;
	set_used(w, lower);
	buf_addc(&w->line, ';');
	add_upper(&w->line, name);
	buf_addc(&w->line, '=');
	vcard_add_param_value(&w->line, value);
}

/* A kept parameter: text or a list of texts. */
static void put_kept_param(struct vcard_writer *w, const char *name, const json_t *value)
{
	const char *separator = "=";
	json_t *one;
	size_t i;

	if (!vcard_is_name(name) || is_used(w, name) || strcmp(name, "group") == 0)
		return;
	if (json_is_string(value)) {
		vcard_put_param(w, name, json_string_value(value));
		return;
	}
	if (json_array_size(value) == 0)
		return;
	set_used(w, name);
	buf_addc(&w->line, ';');
	add_upper(&w->line, name);
	json_array_foreach(value, i, one) {
		buf_adds(&w->line, separator);
		vcard_add_param_value(&w->line, json_string_value(one) ?: "");
		separator = ",";
	}
}

static void put_kept_params(struct vcard_writer *w, const json_t *params)
{
	const char *name;
	json_t *value;

	json_object_foreach((json_t *)params, name, value)
		put_kept_param(w, name, value);
}

/* The group a kept parameter object names, or NULL. */
static const char *group_in(const json_t *params)
{
	const json_t *group = json_object_get(params, "group");
	const char *name = json_string_value(
		json_is_array(group) ? json_array_get(group, 0) : group);

	return name && vcard_is_name(name) ? name : NULL;
}

static void begin_line(struct vcard_writer *w, const char *group, const char *prop)
{
	buf_reset(&w->line);
	json_object_clear(w->used);
	if (group) {
		buf_adds(&w->line, group);
		buf_addc(&w->line, '.');
	}
	add_upper(&w->line, prop);
}

static void end_line(struct vcard_writer *w)
{
	vcard_fold(buf_str(&w->line), w->line.len, eol, w->out);
	if (w->line.failed)
		w->out->failed = true;
	buf_reset(&w->line);
}

/* A group for an object with a label: its own, unless another label has it, else a new one. */
static const char *labelled_group(struct vcard_writer *w, const char *own, const char *label)
{
	char name[32];

	if (own) {
		const char *other = json_string_value(json_object_get(w->groups, own));

		if (!other || strcmp(other, label) == 0)
			return own;
	}
	do {
		snprintf(name, sizeof(name), "item%u", ++w->group_number);
	} while (json_object_get(w->groups, name));
	json_object_set_new(w->groups, name, json_null());
	/* The key's own bytes live as long as the writer. */
	return json_object_iter_key(json_object_iter_at(w->groups, name));
}

static void put_label(struct vcard_writer *w)
{
	const char *group = w->label_group;
	const char *label = w->label;

	w->label = NULL;
	w->label_group = NULL;
	if (!label || json_is_string(json_object_get(w->groups, group)))
		return;
	json_object_set_new(w->groups, group, json_string(label));
	buf_addf(&w->line, "%s.X-ABLabel", group);
	vcard_end_text(w, label);
}

void vcard_begin_bare(struct vcard_writer *w, const char *prop, const json_t *object)
{
	const char *group = group_in(json_object_get(object, "vCardParams"));
	const char *label = card_string(object, "label");

	w->label = NULL;
	if (label && *label) {
		group = labelled_group(w, group, label);
		w->label = label;
		w->label_group = group;
	}
	begin_line(w, group, prop);
}

void vcard_end_raw(struct vcard_writer *w, const char *value)
{
	buf_addc(&w->line, ':');
	for (const char *p = value; *p; p++) {
		if (*p == '\r' && p[1] == '\n')
			continue;
		if (*p == '\n' || *p == '\r')
			buf_adds(&w->line, "\\n");
		else
			buf_addc(&w->line, *p);
	}
	end_line(w);
	put_label(w);
}

void vcard_end_text(struct vcard_writer *w, const char *text)
{
	buf_addc(&w->line, ':');
	vcard_escape(text, &w->line);
	end_line(w);
	put_label(w);
}

void vcard_end_uri(struct vcard_writer *w, const char *uri)
{
	buf_addc(&w->line, ':');
	vcard_escape_uri(uri, &w->line);
	end_line(w);
	put_label(w);
}

const char *vcard_prop(const struct vcard_writer *w, const struct vcard_rule *rule)
{
	return w->version == VCARD_30 && rule->prop30 ? rule->prop30 : rule->prop;
}

/* --- the parameters of an object -------------------------------------------------------------- */

static void add_type(struct vcard_writer *w, const char *type)
{
	/* Types that 3.0 has and 4.0 has not. */
	static const char *const old[][2] = { { "x-car", "car" }, { "x-isdn", "isdn" } };

	for (size_t i = 0; w->version == VCARD_30 && i < ARRAY_SIZE(old); i++) {
		if (strcasecmp(old[i][0], type) == 0)
			type = old[i][1];
	}
	buf_adds(&w->line, is_used(w, "type") ? "," : ";TYPE=");
	set_used(w, "type");
	vcard_add_param_value(&w->line, type);
}

/* The keys of contexts or features, each by its first TYPE in the table. */
static void add_known_types(struct vcard_writer *w, const json_t *object, const char *member)
{
	const char *prop = strcmp(w->rule->member, "phones") == 0      ? "TEL"
			   : strcmp(w->rule->member, "addresses") == 0 ? "ADR"
								       : w->rule->prop;
	json_t *left = json_copy(json_object_get(object, member));
	size_t n;
	const struct vcard_type *types = vcard_types(&n);
	const char *key;
	json_t *value;

	for (size_t i = 0; i < n; i++) {
		if (strcmp(types[i].member, member) != 0 ||
			(types[i].prop && strcmp(types[i].prop, prop) != 0) ||
			!json_is_true(json_object_get(left, types[i].key)))
			continue;
		add_type(w, types[i].type);
		json_object_del(left, types[i].key);
	}
	json_object_foreach(left, key, value) {
		if (json_is_true(value) && vcard_is_name(key))
			add_type(w, key);
	}
	json_decref(left);
}

static void put_types(struct vcard_writer *w, const json_t *object, bool preferred)
{
	const json_t *type = json_object_get(json_object_get(object, "vCardParams"), "type");
	json_t *one;
	size_t i;

	add_known_types(w, object, "contexts");
	add_known_types(w, object, "features");
	if (w->media_type)
		add_type(w, w->media_type);
	w->media_type = NULL;
	if (json_is_string(type))
		add_type(w, json_string_value(type));
	json_array_foreach(type, i, one)
		add_type(w, json_string_value(one) ?: "");
	if (preferred)
		add_type(w, "pref");
}

static void put_placed(
	struct vcard_writer *w, const struct vcard_param_place *place, const json_t *object)
{
	const char *name = w->version == VCARD_30 && place->param30 ? place->param30 : place->param;
	const json_t *value = json_object_get(object, place->member);
	const char *text = json_string_value(value);
	char number[32];

	if (place->type == PLACE_NUMBER) {
		if (!json_is_integer(value) || json_integer_value(value) < 1)
			return;
		snprintf(number, sizeof(number), "%lld", (long long)json_integer_value(value));
		text = number;
	} else if (place->type == PLACE_LEVEL) {
		text = text ? vcard_level_written(w->rule->prop, text) : NULL;
	}
	if (!text || !*text || is_used(w, place->param))
		return;
	vcard_put_param(w, name, text);
}

/* Each member by the first of its parameters in the table. */
static void put_all_placed(struct vcard_writer *w, const json_t *object)
{
	size_t n;
	const struct vcard_param_place *places = vcard_param_places(&n);
	const char *last = "";

	for (size_t i = 0; i < n; i++) {
		if (strcmp(places[i].map, w->rule->member) != 0)
			continue;
		if (strcmp(places[i].member, last) != 0)
			put_placed(w, &places[i], object);
		last = places[i].member;
	}
}

bool vcard_has_place(const char *map_member, const char *member)
{
	static const char common[] =
		"@type kind contexts features pref label vCardParams vCardName "
		"service relation tandemfs:was";
	const struct card_map *map = card_map_find(map_member);
	size_t n;
	const struct vcard_param_place *places = vcard_param_places(&n);

	if (card_word_in(common, member, strlen(member)))
		return true;
	if (map && (strcmp(map->value, member) == 0 ||
			   (map->value2 && strcmp(map->value2, member) == 0)))
		return true;
	for (size_t i = 0; i < n; i++) {
		if (strcmp(places[i].map, map_member) == 0 && strcmp(places[i].member, member) == 0)
			return true;
	}
	return false;
}

/* Members that vCard has no parameter for. */
static void put_rest(struct vcard_writer *w, const json_t *object)
{
	json_t *rest = json_object();
	const char *member;
	json_t *value;

	json_object_foreach((json_t *)object, member, value) {
		if (!vcard_has_place(w->rule->member, member))
			json_object_set(rest, member, value);
	}
	if (json_object_size(rest) > 0) {
		char *text = json_dumps(rest, JSON_COMPACT);

		if (text)
			vcard_put_param(w, "X-JSON", text);
		free(text);
	}
	json_decref(rest);
}

void vcard_put_params(struct vcard_writer *w, const json_t *object)
{
	json_int_t pref = json_integer_value(json_object_get(object, "pref"));
	bool as_type = w->version == VCARD_30 && pref == 1;
	char *key AUTOFREE = xasprintf("%s/%s", w->rule->member, w->id ? w->id : "");
	char number[32];

	if (json_object_get(w->prop_ids, key))
		vcard_put_param(w, "PROP-ID", w->id);
	if (pref >= 1 && pref <= 100 && !as_type) {
		snprintf(number, sizeof(number), "%d", (int)pref);
		vcard_put_param(w, "PREF", number);
	}
	put_types(w, object, as_type);
	put_all_placed(w, object);
	put_rest(w, object);
	/* Those of the value itself are the writers' own. */
	set_used(w, "value");
	set_used(w, "encoding");
	set_used(w, "charset");
	set_used(w, "type");
	put_kept_params(w, json_object_get(object, "vCardParams"));
}

void vcard_begin(struct vcard_writer *w, const char *prop, const json_t *object)
{
	vcard_begin_bare(w, prop, object);
	vcard_put_params(w, object);
}

void vcard_begin_single(struct vcard_writer *w, const char *prop, const char *key)
{
	const json_t *params = json_object_get(json_object_get(w->card, "tandemfs:params"), key);

	begin_line(w, group_in(params), prop);
	put_kept_params(w, params);
}

/* --- kept properties and JSPROP --------------------------------------------------------------- */

/* A jCard value as it stands in a line: structured values and lists are put together. */
static void add_jcard_value(struct buf *out, const char *type, const json_t *value)
{
	json_t *one;
	size_t i;

	if (json_is_string(value) && strcmp(type, "text") == 0) {
		vcard_escape(json_string_value(value), out);
	} else if (json_is_string(value)) {
		buf_adds(out, json_string_value(value));
	} else if (json_is_array(value)) {
		json_array_foreach(value, i, one) {
			if (i)
				buf_addc(out, ';');
			if (json_is_string(one))
				vcard_escape(json_string_value(one), out);
		}
	} else if (json_is_integer(value)) {
		buf_addf(out, "%lld", (long long)json_integer_value(value));
	} else if (json_is_real(value)) {
		buf_addf(out, "%.17g", json_real_value(value));
	} else if (json_is_boolean(value)) {
		buf_adds(out, json_is_true(value) ? "TRUE" : "FALSE");
	}
}

/* A single-valued property that the card has by now must not be there twice. */
static bool is_replaced(const struct vcard_writer *w, const char *name)
{
	return strcasecmp(name, "class") == 0 && card_string(w->card, "tandemfs:sensitivity");
}

static void write_kept(struct vcard_writer *w, const json_t *prop)
{
	static const char own[] = "begin end version";
	const char *name = json_string_value(json_array_get(prop, 0));
	const json_t *params = json_array_get(prop, 1);
	const char *type = json_string_value(json_array_get(prop, 2));
	struct buf value AUTOBUF = BUF_INIT(VCARD_MAX_RENDERED);

	if (!name || !type || !vcard_is_name(name) || card_word_in(own, name, strlen(name)) ||
		is_replaced(w, name))
		return;
	begin_line(w, group_in(params), name);
	if (strcmp(type, "unknown") != 0 && vcard_is_name(type))
		vcard_put_param(w, "VALUE", type);
	put_kept_params(w, params);
	for (size_t i = 3; i < json_array_size(prop); i++) {
		if (i > 3)
			buf_addc(&value, ',');
		add_jcard_value(&value, type, json_array_get(prop, i));
	}
	if (value.failed)
		w->out->failed = true;
	vcard_end_raw(w, buf_str(&value));
}

void vcard_write_jsprop(
	struct vcard_writer *w, const char *member, const char *id, const json_t *value)
{
	char *pointer AUTOFREE = id ? xasprintf("%s/%s", member, id) : xstrdup(member);
	char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);

	if (text) {
		begin_line(w, NULL, "JSPROP");
		vcard_put_param(w, "JSPTR", pointer);
		vcard_end_text(w, text);
	}
	free(text);
}

/* Members without a rule; a pointer of several parts would be a place inside them. */
static void write_others(struct vcard_writer *w)
{
	static const char own[] = "@type version vCardProps tandemfs:params";
	size_t n;
	const struct vcard_rule *rules = vcard_rules(&n);
	const char *member;
	json_t *value;

	json_object_foreach((json_t *)w->card, member, value) {
		bool known = card_word_in(own, member, strlen(member)) || strchr(member, '/') ||
			     member[0] == '@' || !*member;

		for (size_t i = 0; i < n && !known; i++)
			known = rules[i].write && strcmp(rules[i].member, member) == 0;
		if (!known)
			vcard_write_jsprop(w, member, NULL, value);
	}
}

/* --- objects ---------------------------------------------------------------------------------- */

/* The rule that writes this object of the map; NULL when vCard has no property for its kind. */
static const struct vcard_rule *rule_for(const struct card_map *map, const json_t *object)
{
	const char *name = card_string(object, "vCardName");
	const char *kind = card_string(object, "kind") ?: map->kind;
	bool im = strcmp(map->member, "onlineServices") == 0;
	size_t n;
	const struct vcard_rule *rules = vcard_rules(&n);

	for (size_t i = 0; i < n; i++) {
		const struct vcard_rule *rule = &rules[i];

		if (!rule->each || strcmp(rule->member, map->member) != 0)
			continue;
		if (im			     ? !name || strcasecmp(name, rule->prop) == 0
			: kind && rule->kind ? strcmp(kind, rule->kind) == 0
					     : !kind && !rule->kind)
			return rule;
	}
	return im ? vcard_rule_find("IMPP") : NULL;
}

/* Calls visit for each object of the map, with its rule, in the order in which they are written. */
static void each_object(struct vcard_writer *w, const struct card_map *map,
	void (*visit)(struct vcard_writer *w, const struct vcard_rule *rule, const json_t *object))
{
	const json_t *values = json_object_get(w->card, map->member);
	const char **ids = NULL;
	size_t n = card_sorted_ids(map, values, &ids);

	for (size_t i = 0; i < n; i++) {
		const json_t *object = json_object_get(values, ids[i]);
		const struct vcard_rule *rule = json_is_object(object) ? rule_for(map, object)
								       : NULL;

		w->id = ids[i];
		w->rule = rule;
		if (rule)
			visit(w, rule, object);
	}
	w->id = NULL;
	free(ids);
}

/* Objects of a kind that has no property. */
static void write_kindless(struct vcard_writer *w)
{
	size_t n;
	const struct card_map *maps = card_maps(&n);

	for (size_t i = 0; i < n; i++) {
		const char *id;
		json_t *object;

		json_object_foreach(json_object_get(w->card, maps[i].member), id, object) {
			if (json_is_object(object) && !rule_for(&maps[i], object))
				vcard_write_jsprop(w, maps[i].member, id, object);
		}
	}
}

/* --- PROP-ID ---------------------------------------------------------------------------------- */

/* Collects a copy of the object, as reading the file would find it. */
static void try_object(struct vcard_writer *w, const struct vcard_rule *rule, const json_t *object)
{
	json_t *values = json_object_get(w->trial, rule->member);
	json_t *copy = json_copy((json_t *)object);
	json_t *params = json_copy(json_object_get(object, "vCardParams"));
	char *key AUTOFREE = xasprintf("%s/%s", rule->member, w->id);
	char *id AUTOFREE = xasprintf("x-%zu", json_object_size(values) + 1);

	json_object_set_new(copy, "tandemfs:was", json_string(w->id));
	if (json_object_get(w->prop_ids, key)) {
		params = params ? params : json_object();
		json_object_set_new(params, "prop-id", json_string(w->id));
	}
	if (params)
		json_object_set_new(copy, "vCardParams", params);
	json_object_set_new(values, id, copy);
}

/* Marks the slots that the trial gave to another value; true when there was one. */
static bool mark_lost(struct vcard_writer *w, const struct card_map *map)
{
	bool any = false;
	const char *id;
	json_t *object;

	json_object_foreach(json_object_get(w->trial, map->member), id, object) {
		const char *was = card_string(object, "tandemfs:was");
		char *key AUTOFREE = xasprintf("%s/%s", map->member, was);

		if (strcmp(id, was) == 0 || !card_slot_find(map, was) ||
			json_object_get(w->prop_ids, key))
			continue;
		json_object_set_new(w->prop_ids, key, json_true());
		any = true;
	}
	return any;
}

static bool has_slot(const struct card_map *map, const json_t *values)
{
	const char *id;
	json_t *object;

	json_object_foreach((json_t *)values, id, object) {
		if (card_slot_find(map, id))
			return true;
	}
	return false;
}

/* Reads in mind what would be written, until every slot is found again. */
static void find_prop_ids(struct vcard_writer *w, const struct card_map *map)
{
	bool again = has_slot(map, json_object_get(w->card, map->member));

	while (again) {
		w->trial = json_pack("{s:{}}", map->member);
		each_object(w, map, try_object);
		card_assign_slots(w->trial, NULL);
		again = mark_lost(w, map);
		json_decref(w->trial);
		w->trial = NULL;
	}
}

/* --- the card --------------------------------------------------------------------------------- */

static void note_group(struct vcard_writer *w, const json_t *params)
{
	const char *group = group_in(params);

	if (group && !json_object_get(w->groups, group))
		json_object_set_new(w->groups, group, json_null());
}

/* All groups of the card, so that a new one is new. */
static void collect_groups(struct vcard_writer *w)
{
	size_t n;
	const struct card_map *maps = card_maps(&n);
	const char *key;
	json_t *value;
	size_t at;

	for (size_t i = 0; i < n; i++) {
		json_object_foreach(json_object_get(w->card, maps[i].member), key, value)
			note_group(w, json_object_get(value, "vCardParams"));
	}
	json_object_foreach(json_object_get(w->card, "relatedTo"), key, value)
		note_group(w, json_object_get(value, "vCardParams"));
	json_object_foreach(json_object_get(w->card, "tandemfs:params"), key, value)
		note_group(w, value);
	json_array_foreach(json_object_get(w->card, "vCardProps"), at, value)
		note_group(w, json_array_get(value, 1));
}

static void write_object(
	struct vcard_writer *w, const struct vcard_rule *rule, const json_t *object)
{
	rule->write(w, rule, object);
}

/* The rules in their order; a map stands where its first rule does. */
static void write_rules(struct vcard_writer *w)
{
	json_t *done = json_object();
	size_t n;
	const struct vcard_rule *rules = vcard_rules(&n);

	for (size_t i = 0; i < n; i++) {
		const struct vcard_rule *rule = &rules[i];

		w->rule = rule;
		if (!rule->write)
			continue;
		if (!rule->each) {
			rule->write(w, rule, NULL);
		} else if (!json_object_get(done, rule->member)) {
			json_object_set_new(done, rule->member, json_true());
			each_object(w, card_map_find(rule->member), write_object);
		}
	}
	json_decref(done);
}

int vcard_render(const json_t *card, enum vcard_version version, struct buf *out, struct error *err)
{
	struct vcard_writer w = {
		.out = out, .version = version, .card = card, .line = BUF_INIT(VCARD_MAX_RENDERED)
	};
	size_t n;
	const struct card_map *maps = card_maps(&n);
	json_t *prop;
	size_t i;

	if (!json_is_object(card))
		return error_set(err, ERR_INVALID, "not a card");
	w.used = json_object();
	w.groups = json_object();
	w.prop_ids = json_object();
	collect_groups(&w);
	for (i = 0; i < n; i++)
		find_prop_ids(&w, &maps[i]);

	buf_addf(out, "BEGIN:VCARD%sVERSION:%s%s", eol, version == VCARD_30 ? "3.0" : "4.0", eol);
	write_rules(&w);
	write_kindless(&w);
	write_others(&w);
	json_array_foreach(json_object_get(card, "vCardProps"), i, prop)
		write_kept(&w, prop);
	buf_addf(out, "END:VCARD%s", eol);

	json_decref(w.used);
	json_decref(w.groups);
	json_decref(w.prop_ids);
	buf_free(&w.line);
	return buf_check(out, "the vCard", err);
}
