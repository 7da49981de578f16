/* Slots for the values of a Card that has none yet: what a vCard says, put where Exchange has room.
 *
 * A vCard is an unordered heap of values; Exchange has named places.  For each map keyed by id the
 * values (candidates) get their ids in steps, the surest first:
 *
 *   1. an id that is a slot already stays (a document that was edited as JSON)
 *   2. a value that the base knows keeps the base's id, unless its type now names another slot
 *   3. PROP-ID (RFC 9554 section 4.7), which our writer adds where nothing else would tell
 *   4. a changed value: the base's slot of the same type, then in order
 *   5. free slots: by type, then values without a type, then what is left over of a type
 *   6. the rest keeps or gets an id "x-N"
 *
 * Values beyond the slots move up only when the user edited that kind of value: otherwise reading
 * back what we wrote would move a fourth address into a slot that the other side just emptied. */
#include "sync/formats/card.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sync/formats/card_slots.h"
#include "sync/mem.h"

struct candidate {
	json_t *object; /* owned reference while ids are being given */
	char *id;	/* the id found for it, or NULL */
	char *old;	/* an "x-" id of the base to fall back to, or NULL */
	char *value;
	char *type;
	long pref;
};

struct assigning {
	const struct card_map *map;
	struct candidate *list; /* in order of preference, then of the file */
	size_t n;
	struct candidate *base; /* id is its id in the base; `old` is not used */
	size_t n_base;
	json_t *taken; /* ids given, as keys */
};

/* TYPE values that say nothing about the slot. */
static const char noise[] = "pref internet dom intl postal parcel msg voice x400";

static const char *const features[] = { "pager", "textphone", "main-number", "fax", "mobile" };

/* The feature that decides about the slot; "voice" when it says so and nothing else, else NULL. */
static const char *feature_of(const json_t *object)
{
	for (size_t i = 0; i < ARRAY_SIZE(features); i++) {
		if (card_has(object, "features", features[i]))
			return features[i];
	}
	return card_has(object, "features", "voice") ? "voice" : NULL;
}

static bool has_context(const json_t *object)
{
	return card_has(object, "contexts", "work") || card_has(object, "contexts", "private");
}

/* Calls for each TYPE value that has no place in contexts or features. */
static const char *extra_type(const json_t *object, size_t i)
{
	json_t *type = json_object_get(json_object_get(object, "vCardParams"), "type");

	if (json_is_array(type))
		return json_string_value(json_array_get(type, i));
	return i == 0 ? json_string_value(type) : NULL;
}

static bool has_type_of(const json_t *object, const struct card_slot *slot)
{
	const char *type;

	for (size_t i = 0; slot->types && (type = extra_type(object, i)); i++) {
		if (card_word_in(slot->types, type, strlen(type)))
			return true;
	}
	return false;
}

/* A TYPE that names one of the map's slots. */
static bool names_a_slot(const struct card_map *map, const json_t *object)
{
	for (size_t i = 0; i < map->n; i++) {
		if (has_type_of(object, &map->slots[i]))
			return true;
	}
	return false;
}

static bool kind_fits(
	const struct card_map *map, const struct card_slot *slot, const json_t *object)
{
	const char *kind = card_string(object, "kind");

	if (strcmp(map->member, "onlineServices") == 0) {
		const char *name = card_string(object, "vCardName");

		return !name || !strstr(name, "socialprofile");
	}
	if (!kind)
		kind = map->kind;
	if (!slot->kind || !kind)
		return !slot->kind && !kind;
	return strcmp(slot->kind, kind) == 0;
}

static bool is_typed(const struct card_map *map, const json_t *object)
{
	return has_context(object) || feature_of(object) || names_a_slot(map, object);
}

/* The object's own type asks for this slot. */
static bool asks_for(const struct card_map *map, const struct card_slot *slot, const json_t *object)
{
	const char *feature = feature_of(object);
	bool voice = !feature || strcmp(feature, "voice") == 0;

	if (!kind_fits(map, slot, object))
		return false;
	if (slot->flags & SLOT_ANY)
		return true;
	if (names_a_slot(map, object))
		return has_type_of(object, slot);
	if (!voice && (!slot->feature || strcmp(slot->feature, feature) != 0))
		return false;
	if (voice && slot->feature && strcmp(slot->feature, "voice") != 0)
		return false;
	if (slot->flags & SLOT_ANY_CONTEXT)
		return true;
	if (slot->context)
		return card_has(object, "contexts", slot->context);
	return slot->feature && feature && !has_context(object);
}

static bool takes_overflow(
	const struct card_map *map, const struct card_slot *slot, const json_t *object)
{
	const char *feature = feature_of(object);

	if (!slot->overflow_of || !kind_fits(map, slot, object) || names_a_slot(map, object))
		return false;
	if (strcmp(slot->overflow_of, "*") == 0)
		return true;
	if (!feature || strcmp(feature, "mobile") == 0)
		feature = "voice";
	return strcmp(slot->overflow_of, feature) == 0;
}

static void add_component_values(const json_t *components, struct buf *out)
{
	json_t *component;
	size_t i;

	json_array_foreach(components, i, component)
		buf_addf(out, "%s=%s\n", card_string(component, "kind") ?: "",
			card_string(component, "value") ?: "");
}

/* The value as text to compare: equal texts are equal values. */
static char *value_text(const struct card_map *map, const json_t *object)
{
	const json_t *value = json_object_get(object, map->value);
	const json_t *second = map->value2 ? json_object_get(object, map->value2) : NULL;
	struct buf text = BUF_INIT(64 << 20);

	if (strcmp(map->value, "components") == 0) {
		add_component_values(value, &text);
		if (!json_array_size(value))
			buf_adds(&text, json_string_value(second));
	} else if (json_is_string(value) && !second) {
		buf_adds(&text, json_string_value(value));
	} else {
		char *first = json_dumps(value, JSON_SORT_KEYS | JSON_ENCODE_ANY);
		char *more = json_dumps(second, JSON_SORT_KEYS | JSON_ENCODE_ANY);

		buf_addf(&text, "%s %s", first ?: "", more ?: "");
		free(first);
		free(more);
	}
	return buf_take(&text);
}

/* Contexts, deciding feature, kind and types as text to compare. */
static char *type_text(const struct card_map *map, const json_t *object)
{
	const char *kind = card_string(object, "kind") ?: map->kind;
	const char *feature = feature_of(object);
	struct buf text = BUF_INIT(1 << 20);
	const char *type;

	if (card_has(object, "contexts", "work"))
		buf_adds(&text, "work ");
	if (card_has(object, "contexts", "private"))
		buf_adds(&text, "private ");
	if (feature && strcmp(feature, "voice") != 0)
		buf_addf(&text, "%s ", feature);
	else if (feature && !has_context(object))
		buf_adds(&text, "voice ");
	for (size_t i = 0; (type = extra_type(object, i)); i++) {
		if (!card_word_in(noise, type, strlen(type)))
			buf_addf(&text, "%s ", type);
	}
	buf_addf(&text, "/%s", kind ?: "");
	return buf_take(&text);
}

static struct candidate candidate(const struct card_map *map, const char *id, json_t *object)
{
	long pref = (long)json_integer_value(json_object_get(object, "pref"));

	return (struct candidate){
		.object = json_incref(object),
		.id = xstrdup(id),
		.value = value_text(map, object),
		.type = type_text(map, object),
		.pref = pref > 0 ? pref : 101,
	};
}

static void candidates_free(struct candidate *list, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		json_decref(list[i].object);
		free(list[i].id);
		free(list[i].old);
		free(list[i].value);
		free(list[i].type);
	}
	free(list);
}

static struct candidate *collect(const struct card_map *map, const json_t *values, size_t *n)
{
	const char **ids = NULL;
	size_t total = card_sorted_ids(map, values, &ids);
	struct candidate *list = xcalloc(total, sizeof(*list));

	*n = 0;
	for (size_t i = 0; i < total; i++) {
		json_t *object = json_object_get(values, ids[i]);

		if (json_is_object(object))
			list[(*n)++] = candidate(map, ids[i], object);
	}
	free(ids);
	return list;
}

static bool is_taken(const struct assigning *a, const char *id)
{
	return json_object_get(a->taken, id) != NULL;
}

static void give(struct assigning *a, struct candidate *c, const char *id)
{
	c->id = xstrdup(id);
	json_object_set_new(a->taken, id, json_true());
}

/* Step 1.  What keeps its id in a document that was never a vCard, and no other id is kept. */
static void keep_slots(struct assigning *a)
{
	for (size_t i = 0; i < a->n; i++) {
		struct candidate *c = &a->list[i];
		char *id = c->id;

		c->id = NULL;
		if (card_slot_find(a->map, id))
			give(a, c, id);
		free(id);
	}
}

/* The type was changed so that it names another slot, which is free. */
static bool moves_away(const struct assigning *a, const struct candidate *c, const char *from)
{
	if (strcmp(c->type, "voice /") == 0)
		return false;
	for (size_t i = 0; i < a->map->n; i++) {
		const struct card_slot *slot = &a->map->slots[i];

		if (asks_for(a->map, slot, c->object) && strcmp(slot->id, from) == 0)
			return false;
	}
	for (size_t i = 0; i < a->map->n; i++) {
		const struct card_slot *slot = &a->map->slots[i];

		if (asks_for(a->map, slot, c->object) && !is_taken(a, slot->id))
			return true;
	}
	return false;
}

/* Step 2. */
static void match_values(struct assigning *a, bool same_type)
{
	for (size_t b = 0; b < a->n_base; b++) {
		struct candidate *known = &a->base[b];

		if (is_taken(a, known->id))
			continue;
		for (size_t i = 0; i < a->n; i++) {
			struct candidate *c = &a->list[i];

			if (c->id || strcmp(c->value, known->value) != 0)
				continue;
			if (strcmp(c->type, known->type) != 0 &&
				(same_type || moves_away(a, c, known->id)))
				continue;
			give(a, c, known->id);
			break;
		}
	}
}

/* The user changed this kind of value: some value or type is new, or one is gone. */
static bool was_edited(const struct assigning *a)
{
	if (a->n != a->n_base)
		return true;
	for (size_t i = 0; i < a->n; i++) {
		size_t b = 0;

		while (b < a->n_base &&
			!(a->list[i].id && strcmp(a->list[i].id, a->base[b].id) == 0))
			b++;
		if (b == a->n_base || strcmp(a->list[i].type, a->base[b].type) != 0)
			return true;
	}
	return false;
}

/* Values that the base kept beyond its slots may move up: they only remember their id. */
static void release_overflow(struct assigning *a)
{
	for (size_t i = 0; i < a->n; i++) {
		struct candidate *c = &a->list[i];

		if (!c->id || card_slot_find(a->map, c->id))
			continue;
		json_object_del(a->taken, c->id);
		c->old = c->id;
		c->id = NULL;
	}
}

static const char *prop_id(const json_t *object)
{
	return card_string(json_object_get(object, "vCardParams"), "prop-id");
}

/* Step 3. */
static void match_prop_ids(struct assigning *a)
{
	for (size_t i = 0; i < a->n; i++) {
		struct candidate *c = &a->list[i];
		const char *id = prop_id(c->object);
		const struct card_slot *slot = id ? card_slot_find(a->map, id) : NULL;

		if (!c->id && slot && !is_taken(a, id) && kind_fits(a->map, slot, c->object))
			give(a, c, id);
	}
}

/* Step 4.  `by_type`: the base's slot of the same type; else in order, for what has no type that
 * would find its own slot. */
static void match_changed(struct assigning *a, bool by_type)
{
	for (size_t b = 0; b < a->n_base; b++) {
		struct candidate *known = &a->base[b];
		const struct card_slot *slot = card_slot_find(a->map, known->id);

		if (is_taken(a, known->id) || !slot)
			continue;
		for (size_t i = 0; i < a->n; i++) {
			struct candidate *c = &a->list[i];

			if (c->id || c->old || !kind_fits(a->map, slot, c->object))
				continue;
			if (by_type ? strcmp(c->type, known->type) != 0
				    : is_typed(a->map, c->object) && !(slot->flags & SLOT_ANY))
				continue;
			give(a, c, known->id);
			break;
		}
	}
}

/* Step 5, one of its passes. */
static void fill_asked(struct assigning *a)
{
	for (size_t i = 0; i < a->n; i++) {
		for (size_t s = 0; s < a->map->n && !a->list[i].id; s++) {
			const struct card_slot *slot = &a->map->slots[s];

			if (!is_taken(a, slot->id) && asks_for(a->map, slot, a->list[i].object))
				give(a, &a->list[i], slot->id);
		}
	}
}

static const struct card_slot *next_untyped(const struct assigning *a, const json_t *object)
{
	const struct card_slot *best = NULL;

	for (size_t s = 0; s < a->map->n; s++) {
		const struct card_slot *slot = &a->map->slots[s];

		if (slot->untyped && !is_taken(a, slot->id) && kind_fits(a->map, slot, object) &&
			(!best || slot->untyped < best->untyped))
			best = slot;
	}
	return best;
}

static void fill_untyped(struct assigning *a)
{
	for (size_t i = 0; i < a->n; i++) {
		struct candidate *c = &a->list[i];
		const struct card_slot *slot;

		if (c->id || is_typed(a->map, c->object))
			continue;
		slot = next_untyped(a, c->object);
		if (slot)
			give(a, c, slot->id);
	}
}

static void fill_overflow(struct assigning *a)
{
	for (size_t i = 0; i < a->n; i++) {
		for (size_t s = 0; s < a->map->n && !a->list[i].id; s++) {
			const struct card_slot *slot = &a->map->slots[s];

			if (!is_taken(a, slot->id) &&
				takes_overflow(a->map, slot, a->list[i].object))
				give(a, &a->list[i], slot->id);
		}
	}
}

/* Step 6.  A changed value keeps the id of the one that it replaces, so that a merge sees one value
 * change and not one go and one come. */
static void number_rest(struct assigning *a)
{
	size_t b = 0;
	unsigned long number = 1;

	for (size_t i = 0; i < a->n; i++) {
		struct candidate *c = &a->list[i];

		if (!c->id && c->old && !is_taken(a, c->old))
			give(a, c, c->old);
	}
	for (size_t i = 0; i < a->n; i++) {
		struct candidate *c = &a->list[i];
		char id[32];

		if (c->id)
			continue;
		while (b < a->n_base &&
			(is_taken(a, a->base[b].id) || card_slot_find(a->map, a->base[b].id)))
			b++;
		if (b < a->n_base) {
			give(a, c, a->base[b].id);
			continue;
		}
		do {
			snprintf(id, sizeof(id), "x-%lu", number++);
		} while (is_taken(a, id));
		give(a, c, id);
	}
}

static int by_preference(const void *a, const void *b)
{
	const struct candidate *const *x = a;
	const struct candidate *const *y = b;

	if ((*x)->pref != (*y)->pref)
		return (*x)->pref < (*y)->pref ? -1 : 1;
	return *x < *y ? -1 : *x > *y;
}

/* Puts the preferred ones first, otherwise keeps the order. */
static void sort_by_preference(struct assigning *a)
{
	struct candidate **order = xcalloc(a->n, sizeof(struct candidate *));
	struct candidate *sorted = xcalloc(a->n, sizeof(*sorted));

	for (size_t i = 0; i < a->n; i++)
		order[i] = &a->list[i];
	qsort(order, a->n, sizeof(struct candidate *), by_preference);
	for (size_t i = 0; i < a->n; i++)
		sorted[i] = *order[i];
	free(order);
	free(a->list);
	a->list = sorted;
}

/* A PROP-ID that says what the id says now is left out; the writer adds it where it is needed. */
static void drop_prop_id(struct candidate *c)
{
	const char *id = prop_id(c->object);
	json_t *params = json_object_get(c->object, "vCardParams");

	if (!id || strcmp(id, c->id) != 0)
		return;
	json_object_del(params, "prop-id");
	if (json_object_size(params) == 0)
		json_object_del(c->object, "vCardParams");
}

/* The map's object anew, under the ids found, in the order in which they are written. */
static void rebuild(struct assigning *a, json_t *card)
{
	json_t *unsorted = json_object();
	json_t *values = json_object();
	const char **ids = NULL;
	size_t n;

	for (size_t i = 0; i < a->n; i++) {
		drop_prop_id(&a->list[i]);
		json_object_set(unsorted, a->list[i].id, a->list[i].object);
	}
	n = card_sorted_ids(a->map, unsorted, &ids);
	for (size_t i = 0; i < n; i++)
		json_object_set(values, ids[i], json_object_get(unsorted, ids[i]));
	free(ids);
	json_decref(unsorted);
	json_object_set_new(card, a->map->member, values);
}

static void assign_map(const struct card_map *map, json_t *card, const json_t *base)
{
	json_t *values = json_object_get(card, map->member);
	struct assigning a = { .map = map };

	if (!json_is_object(values) || json_object_size(values) == 0)
		return;
	a.taken = json_object();
	a.list = collect(map, values, &a.n);
	a.base = collect(map, json_object_get(base, map->member), &a.n_base);
	sort_by_preference(&a);

	keep_slots(&a);
	match_values(&a, true);
	match_values(&a, false);
	if (!base || was_edited(&a))
		release_overflow(&a);
	match_prop_ids(&a);
	match_changed(&a, true);
	match_changed(&a, false);
	fill_asked(&a);
	fill_untyped(&a);
	fill_overflow(&a);
	number_rest(&a);
	rebuild(&a, card);

	json_decref(a.taken);
	candidates_free(a.list, a.n);
	candidates_free(a.base, a.n_base);
}

void card_assign_slots(json_t *card, const json_t *base)
{
	size_t n;
	const struct card_map *maps = card_maps(&n);

	for (size_t i = 0; i < n; i++)
		assign_map(&maps[i], card, base);
}
