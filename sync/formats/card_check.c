/* The shape of a Card given as JSON, checked against a table of what each place must be. */
#include "sync/formats/card_check.h"

#include <string.h>

#include "sync/formats/card_slots.h"
#include "sync/formats/shape.h"
#include "sync/mem.h"

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

static int check_in_map(
	const json_t *doc, const char *map, const char *member, enum shape shape, struct error *err)
{
	char *pattern AUTOFREE = xasprintf("%s/*/%s", map, member);

	return shape_check(doc, pattern, shape, err);
}

static int check_map(const json_t *doc, const struct card_map *map, struct error *err)
{
	bool components = strcmp(map->value, "components") == 0;
	bool date = strcmp(map->value, "date") == 0;
	char *objects AUTOFREE = xasprintf("%s/*", map->member);
	int rc = shape_check(doc, map->member, SHAPE_OBJECT, err);

	if (rc == 0)
		rc = shape_check(doc, objects, SHAPE_OBJECT, err);
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
		rc = shape_check(doc, places[i].path, places[i].shape, err);
	for (size_t i = 0; rc == 0 && i < n; i++)
		rc = check_map(doc, &maps[i], err);
	if (rc == 0 && !says_something(doc))
		rc = error_set(
			err, ERR_INVALID, "name: missing, and all else: the contact is empty");
	return rc;
}
