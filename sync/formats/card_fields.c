/* Field types: how a row of a side's table reads and writes its place in a Card.
 *
 * A getter answers NULL for everything that is absent, empty or of a shape it does not know, and so
 * can be pointed at any document.  A setter makes what is missing on the way (a slot from its
 * template, card_slots.h) and takes away what would be left empty.  It touches nothing but its own
 * place, except where another member would go stale: the formatted `full` of an address whose
 * components change, the code of a country that changes. */
#include "sync/formats/card.h"

#include <string.h>

#include "sync/formats/card_slots.h"
#include "sync/mem.h"

#define PATH_PARTS 8

/* A path split at its slashes. */
struct path {
	char *text;
	const char *part[PATH_PARTS];
	size_t n;
};

static void path_free(struct path *path)
{
	mem_autofree(&path->text);
}

#define AUTOPATH __attribute__((cleanup(path_free)))

static struct path path_split(const char *text)
{
	struct path path = { .text = xstrdup(text) };
	char *rest = path.text;
	char *part;

	while (path.n < PATH_PARTS && (part = strsep(&rest, "/")))
		path.part[path.n++] = part;
	return path;
}

static bool is_index(const char *part)
{
	return part[0] && strspn(part, "0123456789") == strlen(part) && strlen(part) < 4;
}

static size_t to_index(const char *part)
{
	size_t n = 0;

	for (; *part; part++)
		n = n * 10 + (size_t)(*part - '0');
	return n;
}

/* The member or element, borrowed; NULL when absent. */
static json_t *step(const json_t *node, const char *part)
{
	if (json_is_array(node) && is_index(part))
		return json_array_get(node, to_index(part));
	return json_object_get(node, part);
}

static int not_text(const struct field *field, struct error *err)
{
	return error_set(err, ERR_INVALID, "%s must be text", field->name);
}

static int bad_path(const struct field *field, struct error *err)
{
	return error_set(err, ERR_INTERNAL, "%s: no place %s in a card", field->name, field->path);
}

/* --- text ---------------------------------------------------------------------------------- */

static json_t *text_get(const json_t *doc, const struct field *field)
{
	struct path path AUTOPATH = path_split(field->path);
	const json_t *node = doc;

	for (size_t i = 0; i < path.n && node; i++)
		node = step(node, path.part[i]);
	if (!json_is_string(node) || json_string_length(node) == 0)
		return NULL;
	return json_incref((json_t *)node);
}

/* The object that a path's first parts lead to, made where it is missing: the slot of a map keyed
 * by id from its template, the name, else a plain object. */
static json_t *make_step(json_t *node, const char *member, const char *next, const char *type)
{
	json_t *child = step(node, member);

	if (json_is_object(child) && !is_index(next))
		return child;
	if (json_is_array(child) && is_index(next))
		return child;
	child = is_index(next) ? json_array()
		: type	       ? json_pack("{s:s}", "@type", type)
			       : json_object();
	if (json_is_array(node))
		json_array_append_new(node, child);
	else
		json_object_set_new(node, member, child);
	return child;
}

static json_t *make_slot(json_t *doc, const struct card_map *map, const char *id)
{
	json_t *values = make_step(doc, map->member, id, NULL);
	json_t *slot = json_object_get(values, id);

	if (!json_is_object(slot)) {
		slot = card_slot_new(map, id);
		json_object_set_new(values, id, slot);
	}
	return slot;
}

/* Takes away what the removal of a value left empty: units without a name, a slot without its main
 * value, a map without slots. */
static void prune_slot(json_t *doc, const struct card_map *map, const char *id)
{
	json_t *values = json_object_get(doc, map->member);
	json_t *slot = json_object_get(values, id);
	json_t *main_value = json_object_get(slot, map->value);
	json_t *second = map->value2 ? json_object_get(slot, map->value2) : NULL;

	if (json_is_array(second) && json_array_size(second) == 0)
		second = NULL;
	if (json_is_array(main_value) && json_array_size(main_value) == 0)
		main_value = NULL;
	if (!main_value && !second)
		json_object_del(values, id);
	if (json_object_size(values) == 0)
		json_object_del(doc, map->member);
}

static bool is_last(const json_t *array, const json_t *element)
{
	return json_array_get(array, json_array_size(array) - 1) == element;
}

static void text_remove(json_t *doc, const struct path *path)
{
	const struct card_map *map = card_map_find(path->part[0]);
	json_t *parents[PATH_PARTS];
	json_t *node = doc;
	size_t i;

	for (i = 0; i < path->n; i++) {
		parents[i] = node;
		node = step(node, path->part[i]);
		if (!node)
			return;
	}
	for (i = path->n; i-- > 0;) {
		if (i && json_is_array(parents[i - 1]) && !is_last(parents[i - 1], parents[i])) {
			/* Later units keep their place: ORG:Company;;Team */
			json_object_set_new(parents[i], path->part[i], json_string(""));
			break;
		}
		if (json_is_array(parents[i]))
			json_array_remove(parents[i], to_index(path->part[i]));
		else
			json_object_del(parents[i], path->part[i]);
		/* An emptied parent inside the slot goes too; the slot itself is pruned below. */
		if (map && i <= 2)
			break;
		if (i && json_is_array(parents[i]) && json_array_size(parents[i]) > 0)
			break;
		if (i && json_is_object(parents[i]) &&
			json_object_size(parents[i]) >
				(json_object_get(parents[i], "@type") ? 1U : 0U))
			break;
	}
	if (map)
		prune_slot(doc, map, path->part[1]);
}

static int text_set(json_t *doc, const struct field *field, const char *key, const json_t *value,
	struct error *err)
{
	struct path path AUTOPATH = path_split(field->path);
	const struct card_map *map = card_map_find(path.part[0]);
	json_t *node = doc;
	size_t i = 0;

	(void)key;
	if (value && !json_is_string(value))
		return not_text(field, err);
	if (map && path.n < 3)
		return bad_path(field, err);
	if (!value) {
		text_remove(doc, &path);
		return 0;
	}
	if (map) {
		node = make_slot(doc, map, path.part[1]);
		i = 2;
	}
	for (; i + 1 < path.n; i++) {
		const char *type = i == 0 && strcmp(path.part[0], "name") == 0 ? "Name" : NULL;

		node = make_step(node, path.part[i], path.part[i + 1], type);
	}
	if (json_is_array(node)) {
		if (to_index(path.part[i]) < json_array_size(node))
			json_array_set(node, to_index(path.part[i]), (json_t *)value);
		else
			json_array_append(node, (json_t *)value);
	} else {
		json_object_set(node, path.part[i], (json_t *)value);
	}
	return 0;
}

const struct field_type field_text = { .get = text_get, .set = text_set };

/* --- components of names and addresses -------------------------------------------------------- */

/* Kinds in the order in which a setter puts them (RFC 9553 sections 2.2.1 and 2.5.1). */
static const char *const name_order[] = { "title", "given", "given2", "surname", "surname2",
	"generation", "credential", NULL };
static const char *const address_order[] = { "postOfficeBox", "apartment", "room", "floor",
	"building", "number", "name", "block", "direction", "landmark", "subdistrict", "district",
	"locality", "region", "postcode", "country", NULL };

/* Some kinds are one line for a remote: house number and street. */
struct component_group {
	const char *kind;
	const char *kinds;
};
static const struct component_group address_groups[] = {
	{ "name", "number name" },
};

static const char *kinds_of(const char *kind, bool address)
{
	for (size_t i = 0; address && i < ARRAY_SIZE(address_groups); i++) {
		if (strcmp(address_groups[i].kind, kind) == 0)
			return address_groups[i].kinds;
	}
	return kind;
}

static bool is_of(const json_t *component, const char *kinds)
{
	const char *kind = card_string(component, "kind");

	return kind && card_word_in(kinds, kind, strlen(kind));
}

/* Values of one kind joined; NULL when there is none. */
static json_t *joined(const json_t *components, const char *kinds, const char *separator)
{
	struct buf text AUTOBUF = BUF_INIT(1 << 20);
	json_t *component;
	size_t i;

	json_array_foreach(components, i, component) {
		const char *value = card_string(component, "value");

		if (!is_of(component, kinds) || !value || !*value)
			continue;
		if (text.len)
			buf_adds(&text, separator);
		buf_adds(&text, value);
	}
	return text.len ? json_string(text.data) : NULL;
}

static size_t order_of(const char *const *order, const char *kind)
{
	size_t i = 0;

	while (order[i] && (!kind || strcmp(order[i], kind) != 0))
		i++;
	return i;
}

/* Replaces the components of `kinds` by one of `kind`, at the place of the first of them, else
 * where the usual order puts it.  NULL removes. */
static void set_component(json_t *components, const char *kinds, const char *kind,
	const char *const *order, const json_t *value)
{
	size_t at = json_array_size(components);
	size_t rank = order_of(order, kind);
	bool found = false;

	for (size_t i = json_array_size(components); i-- > 0;) {
		json_t *component = json_array_get(components, i);

		if (is_of(component, kinds)) {
			json_array_remove(components, i);
			at = i;
			found = true;
		} else if (!found && order_of(order, card_string(component, "kind")) > rank) {
			at = i;
		}
	}
	if (value)
		json_array_insert_new(
			components, at, json_pack("{s:s, s:O}", "kind", kind, "value", value));
}

/* Parameters that count components are wrong once one was changed (RFC 9555, JSCOMPS). */
static void forget_component_params(json_t *object)
{
	json_t *params = json_object_get(object, "vCardParams");

	json_object_del(params, "jscomps");
	if (json_object_size(params) == 0)
		json_object_del(object, "vCardParams");
	json_object_del(object, "isOrdered");
	json_object_del(object, "defaultSeparator");
}

static void remove_separators(json_t *components)
{
	for (size_t i = json_array_size(components); i-- > 0;) {
		if (is_of(json_array_get(components, i), "separator"))
			json_array_remove(components, i);
	}
}

static json_t *components_of(json_t *object)
{
	json_t *components = json_object_get(object, "components");

	if (!json_is_array(components)) {
		components = json_array();
		json_object_set_new(object, "components", components);
	}
	return components;
}

static json_t *name_get(const json_t *doc, const struct field *field)
{
	struct path path AUTOPATH = path_split(field->path);
	const json_t *name = json_object_get(doc, "name");

	if (path.n != 3)
		return NULL;
	return joined(json_object_get(name, "components"), path.part[2], " ");
}

static int name_set(json_t *doc, const struct field *field, const char *key, const json_t *value,
	struct error *err)
{
	struct path path AUTOPATH = path_split(field->path);
	json_t *name = json_object_get(doc, "name");
	json_t *components;

	(void)key;
	if (path.n != 3)
		return bad_path(field, err);
	if (value && !json_is_string(value))
		return not_text(field, err);
	if (!json_is_object(name)) {
		if (!value)
			return 0;
		name = json_pack("{s:s}", "@type", "Name");
		json_object_set_new(doc, "name", name);
	}
	components = components_of(name);
	forget_component_params(name);
	remove_separators(components);
	set_component(components, path.part[2], path.part[2], name_order, value);
	if (json_array_size(components) == 0)
		json_object_del(name, "components");
	if (!json_object_get(name, "components") && !json_object_get(name, "full"))
		json_object_del(doc, "name");
	return 0;
}

const struct field_type field_name_component = { .get = name_get, .set = name_set };

static const char *address_separator(const char *kind)
{
	return strcmp(kind, "name") == 0 ? " " : ", ";
}

static json_t *address_get(const json_t *doc, const struct field *field)
{
	struct path path AUTOPATH = path_split(field->path);
	const json_t *slot;

	if (path.n != 4)
		return NULL;
	slot = json_object_get(json_object_get(doc, path.part[0]), path.part[1]);
	return joined(json_object_get(slot, "components"), kinds_of(path.part[3], true),
		address_separator(path.part[3]));
}

static int address_set(json_t *doc, const struct field *field, const char *key, const json_t *value,
	struct error *err)
{
	struct path path AUTOPATH = path_split(field->path);
	const struct card_map *map = card_map_find(path.part[0]);
	json_t *slot;
	json_t *components;

	(void)key;
	if (path.n != 4 || !map)
		return bad_path(field, err);
	if (value && !json_is_string(value))
		return not_text(field, err);
	if (!value && !json_object_get(json_object_get(doc, map->member), path.part[1]))
		return 0;
	slot = make_slot(doc, map, path.part[1]);
	components = components_of(slot);
	forget_component_params(slot);
	remove_separators(components);
	json_object_del(slot, "full");
	if (strcmp(path.part[3], "country") == 0)
		json_object_del(slot, "countryCode");
	set_component(components, kinds_of(path.part[3], true), path.part[3], address_order, value);
	prune_slot(doc, map, path.part[1]);
	return 0;
}

const struct field_type field_address_component = { .get = address_get, .set = address_set };

/* --- dates ------------------------------------------------------------------------------------ */

static bool is_date(int year, int month, int day)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	if (year < 1 || year > 9999 || month < 1 || month > 12 || day < 1)
		return false;
	return day <= days[month - 1] + (month == 2 && leap ? 1 : 0);
}

/* "1990-01-31" */
static bool read_date(const char *text, int *year, int *month, int *day)
{
	static const char form[] = "dddd-dd-dd";

	for (size_t i = 0; text && i < sizeof(form); i++) {
		bool digit = text[i] >= '0' && text[i] <= '9';

		if (form[i] == 'd' ? !digit : text[i] != form[i])
			return false;
	}
	if (!text)
		return false;
	*year = (text[0] - '0') * 1000 + (text[1] - '0') * 100 + (text[2] - '0') * 10 + text[3] -
		'0';
	*month = (text[5] - '0') * 10 + text[6] - '0';
	*day = (text[8] - '0') * 10 + text[9] - '0';
	return true;
}

static json_t *date_get(const json_t *doc, const struct field *field)
{
	struct path path AUTOPATH = path_split(field->path);
	const json_t *date;
	const char *utc;
	const char *calendar;
	int year;
	int month;
	int day;

	if (path.n != 3)
		return NULL;
	date = json_object_get(
		json_object_get(json_object_get(doc, path.part[0]), path.part[1]), path.part[2]);
	utc = card_string(date, "utc");
	if (utc && strlen(utc) >= 10)
		return json_stringn(utc, 10);
	calendar = card_string(date, "calendarScale");
	if (calendar && strcmp(calendar, "gregorian") != 0)
		return NULL;
	year = (int)json_integer_value(json_object_get(date, "year"));
	month = (int)json_integer_value(json_object_get(date, "month"));
	day = (int)json_integer_value(json_object_get(date, "day"));
	if (!is_date(year, month, day))
		return NULL;
	return json_sprintf("%04d-%02d-%02d", year, month, day);
}

static int date_set(json_t *doc, const struct field *field, const char *key, const json_t *value,
	struct error *err)
{
	struct path path AUTOPATH = path_split(field->path);
	const struct card_map *map = card_map_find(path.part[0]);
	const char *text = json_string_value(value);
	int year = 0;
	int month = 0;
	int day = 0;
	json_t *slot;

	(void)key;
	if (path.n != 3 || !map)
		return bad_path(field, err);
	if (!value) {
		text_remove(doc, &path);
		return 0;
	}
	if (!read_date(text, &year, &month, &day) || !is_date(year, month, day))
		return error_set(
			err, ERR_INVALID, "%s must be a date like 1990-01-31", field->name);
	slot = make_slot(doc, map, path.part[1]);
	json_object_set_new(slot, path.part[2],
		json_pack("{s:s, s:i, s:i, s:i}", "@type", "PartialDate", "year", year, "month",
			month, "day", day));
	return 0;
}

const struct field_type field_date = { .get = date_get, .set = date_set };

/* --- related people --------------------------------------------------------------------------- */

/* relatedTo is keyed by the related card's URI or by plain text; only text is a name. */
static bool is_related(const char *name, const json_t *entry, const char *relation)
{
	return *name && !card_is_uri(name) && card_has(entry, "relation", relation);
}

static void unrelate(json_t *related, const char *relation, const json_t *keep)
{
	const char *name;
	json_t *entry;
	void *next;

	json_object_foreach_safe(related, next, name, entry)
	{
		json_t *set = json_object_get(entry, "relation");
		bool kept = false;
		json_t *one;
		size_t i;

		if (!is_related(name, entry, relation))
			continue;
		json_array_foreach(keep, i, one)
			kept = kept || strcmp(json_string_value(one), name) == 0;
		if (kept)
			continue;
		json_object_del(set, relation);
		if (json_object_size(set) == 0)
			json_object_del(related, name);
	}
}

static void relate(json_t *related, const char *relation, const char *name)
{
	json_t *entry = json_object_get(related, name);
	json_t *set;

	/* Put last, so that the names come back in the order in which they were given. */
	entry = json_is_object(entry) ? json_incref(entry)
				      : json_pack("{s:s}", "@type", "Relation");
	json_object_del(related, name);
	json_object_set_new(related, name, entry);
	set = json_object_get(entry, "relation");
	if (!json_is_object(set)) {
		set = json_object();
		json_object_set_new(entry, "relation", set);
	}
	json_object_set_new(set, relation, json_true());
}

/* Makes `names` (array of strings) all that have the relation. */
static void set_related(json_t *doc, const char *relation, const json_t *names)
{
	json_t *related = json_object_get(doc, "relatedTo");
	json_t *name;
	size_t i;

	if (!json_is_object(related)) {
		related = json_object();
		json_object_set_new(doc, "relatedTo", related);
	}
	unrelate(related, relation, names);
	json_array_foreach(names, i, name)
		relate(related, relation, json_string_value(name));
	if (json_object_size(related) == 0)
		json_object_del(doc, "relatedTo");
}

static json_t *related_names(const json_t *doc, const struct field *field)
{
	struct path path AUTOPATH = path_split(field->path);
	json_t *related = json_object_get(doc, "relatedTo");
	json_t *names = json_array();
	const char *name;
	json_t *entry;

	json_object_foreach(related, name, entry) {
		if (path.n == 2 && is_related(name, entry, path.part[1]))
			json_array_append_new(names, json_string(name));
	}
	return names;
}

static json_t *related_get(const json_t *doc, const struct field *field)
{
	json_t *names = related_names(doc, field);
	json_t *first = json_incref(json_array_get(names, 0));

	json_decref(names);
	return first;
}

static int related_set(json_t *doc, const struct field *field, const char *key, const json_t *value,
	struct error *err)
{
	struct path path AUTOPATH = path_split(field->path);
	json_t *names;

	(void)key;
	if (path.n != 2)
		return bad_path(field, err);
	if (value && (!json_is_string(value) || json_string_length(value) == 0))
		return not_text(field, err);
	names = json_array();
	if (value)
		json_array_append(names, (json_t *)value);
	set_related(doc, path.part[1], names);
	json_decref(names);
	return 0;
}

const struct field_type field_related = { .get = related_get, .set = related_set };

static json_t *related_list_get(const json_t *doc, const struct field *field)
{
	json_t *names = related_names(doc, field);

	if (json_array_size(names) > 0)
		return names;
	json_decref(names);
	return NULL;
}

static int related_list_set(json_t *doc, const struct field *field, const char *key,
	const json_t *value, struct error *err)
{
	struct path path AUTOPATH = path_split(field->path);
	json_t *name;
	size_t i;

	(void)key;
	if (path.n != 2)
		return bad_path(field, err);
	if (value && !json_is_array(value))
		return error_set(err, ERR_INVALID, "%s must be a list of names", field->name);
	json_array_foreach(value, i, name) {
		if (!json_is_string(name) || json_string_length(name) == 0)
			return error_set(
				err, ERR_INVALID, "%s must be a list of names", field->name);
	}
	set_related(doc, path.part[1], value);
	return 0;
}

const struct field_type field_related_list = { .get = related_list_get, .set = related_list_set };

/* --- keywords --------------------------------------------------------------------------------- */

static json_t *keywords_get(const json_t *doc, const struct field *field)
{
	json_t *keywords = json_object_get(doc, field->path);
	json_t *out = json_object();
	const char *key;
	json_t *value;

	json_object_foreach(keywords, key, value) {
		if (json_is_true(value) && *key)
			json_object_set_new(out, key, json_true());
	}
	if (json_object_size(out) > 0)
		return out;
	json_decref(out);
	return NULL;
}

static int keywords_set(json_t *doc, const struct field *field, const char *key,
	const json_t *value, struct error *err)
{
	json_t *keywords = json_object_get(doc, field->path);

	if (!key || !*key)
		return error_set(err, ERR_INVALID, "%s needs a key", field->name);
	if (!json_is_object(keywords)) {
		if (!json_is_true(value))
			return 0;
		keywords = json_object();
		json_object_set_new(doc, field->path, keywords);
	}
	if (json_is_true(value))
		json_object_set_new(keywords, key, json_true());
	else
		json_object_del(keywords, key);
	if (json_object_size(keywords) == 0)
		json_object_del(doc, field->path);
	return 0;
}

const struct field_type field_keywords = { .get = keywords_get, .set = keywords_set };
