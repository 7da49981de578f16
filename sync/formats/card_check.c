/* The shape of a Card given as JSON, checked against a table of what each place must be.
 *
 * The rest of the program answers "absent" to a value of the wrong type, so this is not what keeps
 * it safe; it is what tells a user that `"phones": "123"` would be ignored.  A path in the table
 * may have "*" for any id and "[]" for any element. */
#include "sync/formats/card_check.h"

#include <string.h>

#include "sync/formats/card_slots.h"
#include "sync/mem.h"

enum shape {
	SHAPE_TEXT,
	SHAPE_OBJECT,
	SHAPE_ARRAY,
	SHAPE_NUMBER,
	SHAPE_SET, /* object of true */
	SHAPE_DATE,
	SHAPE_PROPS, /* jCard properties: arrays of name, parameters, type, value ... */
};

struct place {
	const char *path;
	enum shape shape;
};

static const struct place places[] = {
	{ "uid", SHAPE_TEXT },
	{ "kind", SHAPE_TEXT },
	{ "prodId", SHAPE_TEXT },
	{ "language", SHAPE_TEXT },
	{ "created", SHAPE_TEXT },
	{ "updated", SHAPE_TEXT },
	{ "tandemfs:fileAs", SHAPE_TEXT },
	{ "tandemfs:sensitivity", SHAPE_TEXT },
	{ "tandemfs:officeLocation", SHAPE_TEXT },
	{ "tandemfs:params", SHAPE_OBJECT },
	{ "tandemfs:params/*", SHAPE_OBJECT },
	{ "name", SHAPE_OBJECT },
	{ "name/full", SHAPE_TEXT },
	{ "name/components", SHAPE_ARRAY },
	{ "name/components/[]", SHAPE_OBJECT },
	{ "name/components/[]/kind", SHAPE_TEXT },
	{ "name/components/[]/value", SHAPE_TEXT },
	{ "keywords", SHAPE_SET },
	{ "members", SHAPE_SET },
	{ "relatedTo", SHAPE_OBJECT },
	{ "relatedTo/*", SHAPE_OBJECT },
	{ "relatedTo/*/relation", SHAPE_SET },
	{ "relatedTo/*/vCardParams", SHAPE_OBJECT },
	{ "organizations/*/units", SHAPE_ARRAY },
	{ "organizations/*/units/[]", SHAPE_OBJECT },
	{ "organizations/*/units/[]/name", SHAPE_TEXT },
	{ "addresses/*/components/[]", SHAPE_OBJECT },
	{ "addresses/*/components/[]/kind", SHAPE_TEXT },
	{ "addresses/*/components/[]/value", SHAPE_TEXT },
	{ "addresses/*/full", SHAPE_TEXT },
	{ "addresses/*/countryCode", SHAPE_TEXT },
	{ "addresses/*/coordinates", SHAPE_TEXT },
	{ "onlineServices/*/user", SHAPE_TEXT },
	{ "onlineServices/*/service", SHAPE_TEXT },
	{ "vCardProps", SHAPE_PROPS },
};

/* In the objects of every map keyed by id. */
static const struct place common[] = {
	{ "kind", SHAPE_TEXT },
	{ "contexts", SHAPE_SET },
	{ "features", SHAPE_SET },
	{ "pref", SHAPE_NUMBER },
	{ "label", SHAPE_TEXT },
	{ "mediaType", SHAPE_TEXT },
	{ "vCardName", SHAPE_TEXT },
	{ "vCardParams", SHAPE_OBJECT },
};

static int wrong(const char *path, const char *what, struct error *err)
{
	return error_set(err, ERR_INVALID, "%.200s: must be %s", path, what);
}

static int check_set(const json_t *value, const char *path, struct error *err)
{
	const char *key;
	json_t *on;

	if (!json_is_object(value))
		return wrong(path, "an object", err);
	json_object_foreach((json_t *)value, key, on) {
		if (!json_is_true(on))
			return error_set(
				err, ERR_INVALID, "%.200s/%.100s: must be true", path, key);
	}
	return 0;
}

static int check_props(const json_t *value, const char *path, struct error *err)
{
	json_t *prop;
	size_t i;

	if (!json_is_array(value))
		return wrong(path, "an array", err);
	json_array_foreach(value, i, prop) {
		if (json_array_size(prop) < 4 || !json_is_string(json_array_get(prop, 0)) ||
			!json_is_object(json_array_get(prop, 1)) ||
			!json_is_string(json_array_get(prop, 2)))
			return error_set(err, ERR_INVALID,
				"%.200s/%zu: must be [name, {parameters}, type, value]", path, i);
	}
	return 0;
}

static bool is_part(const json_t *date, const char *member, json_int_t max)
{
	const json_t *value = json_object_get(date, member);

	return !value || (json_is_integer(value) && json_integer_value(value) >= 1 &&
				 json_integer_value(value) <= max);
}

static int check_date(const json_t *value, const char *path, struct error *err)
{
	const json_t *utc = json_object_get(value, "utc");

	if (!json_is_object(value))
		return wrong(path, "a PartialDate or Timestamp", err);
	if (utc ? !json_is_string(utc)
		: !is_part(value, "year", 9999) || !is_part(value, "month", 12) ||
				!is_part(value, "day", 31))
		return wrong(path, "a PartialDate or Timestamp", err);
	return 0;
}

static int check_shape(const json_t *value, enum shape shape, const char *path, struct error *err)
{
	switch (shape) {
	case SHAPE_TEXT:
		return json_is_string(value) ? 0 : wrong(path, "text", err);
	case SHAPE_OBJECT:
		return json_is_object(value) ? 0 : wrong(path, "an object", err);
	case SHAPE_ARRAY:
		return json_is_array(value) ? 0 : wrong(path, "an array", err);
	case SHAPE_NUMBER:
		return json_is_integer(value) ? 0 : wrong(path, "a whole number", err);
	case SHAPE_SET:
		return check_set(value, path, err);
	case SHAPE_DATE:
		return check_date(value, path, err);
	case SHAPE_PROPS:
		return check_props(value, path, err);
	}
	return 0;
}

/* Checks all values that `pattern` leads to from `node`; absent ones are right.  The patterns of
 * the tables bound the depth. */
static int check_path(const json_t *node, const char *pattern, enum shape shape, const char *path,
	struct error *err)
{
	size_t n = strcspn(pattern, "/");
	const char *rest = pattern[n] ? pattern + n + 1 : NULL;
	char *part AUTOFREE = xstrndup(pattern, n);
	const char *key;
	json_t *value;
	size_t i;
	int rc = 0;

	if (strcmp(part, "[]") == 0) {
		json_array_foreach(node, i, value) {
			char *here AUTOFREE = xasprintf("%s/%zu", path, i);

			rc = rest ? check_path(value, rest, shape, here, err)
				  : check_shape(value, shape, here, err);
			if (rc)
				break;
		}
		return rc;
	}
	json_object_foreach((json_t *)node, key, value) {
		char *here AUTOFREE = NULL;

		if (strcmp(part, "*") != 0 && strcmp(part, key) != 0)
			continue;
		here = *path ? xasprintf("%s/%s", path, key) : xstrdup(key);
		rc = rest ? check_path(value, rest, shape, here, err)
			  : check_shape(value, shape, here, err);
		if (rc)
			break;
	}
	return rc;
}

static int check_in_map(
	const json_t *doc, const char *map, const char *member, enum shape shape, struct error *err)
{
	char *pattern AUTOFREE = xasprintf("%s/*/%s", map, member);

	return check_path(doc, pattern, shape, "", err);
}

static int check_map(const json_t *doc, const struct card_map *map, struct error *err)
{
	bool components = strcmp(map->value, "components") == 0;
	bool date = strcmp(map->value, "date") == 0;
	char *objects AUTOFREE = xasprintf("%s/*", map->member);
	int rc = check_path(doc, map->member, SHAPE_OBJECT, "", err);

	if (rc == 0)
		rc = check_path(doc, objects, SHAPE_OBJECT, "", err);
	if (rc == 0)
		rc = check_in_map(doc, map->member, map->value,
			components ? SHAPE_ARRAY
			: date	   ? SHAPE_DATE
				   : SHAPE_TEXT,
			err);
	for (size_t i = 0; rc == 0 && i < ARRAY_SIZE(common); i++)
		rc = check_in_map(doc, map->member, common[i].path, common[i].shape, err);
	return rc;
}

/* A member that says something about somebody; a vCard without any is refused too. */
static bool says_something(const json_t *doc)
{
	static const char about_itself[] = "@type version uid prodId created updated";
	const char *member;
	json_t *value;

	json_object_foreach((json_t *)doc, member, value) {
		if (!card_word_in(about_itself, member, strlen(member)))
			return true;
	}
	return false;
}

int card_check(const json_t *doc, struct error *err)
{
	const char *type = card_string(doc, "@type");
	size_t n;
	const struct card_map *maps = card_maps(&n);
	int rc = 0;

	if (!json_is_object(doc))
		return error_set(err, ERR_INVALID, "a contact must be a JSON object");
	if (!type || strcmp(type, "Card") != 0)
		return error_set(err, ERR_INVALID, "@type: must be \"Card\"");
	for (size_t i = 0; rc == 0 && i < ARRAY_SIZE(places); i++)
		rc = check_path(doc, places[i].path, places[i].shape, "", err);
	for (size_t i = 0; rc == 0 && i < n; i++)
		rc = check_map(doc, &maps[i], err);
	if (rc == 0 && !says_something(doc))
		rc = error_set(
			err, ERR_INVALID, "name: missing, and all else: the contact is empty");
	return rc;
}
