/* The field type of a contact's photo: `media` of kind "photo" (RFC 9553, section 2.6.4).
 *
 * The photo is the first of them that holds its bytes, in a data: URI.  One that only names an address
 * on the web stays in the Card and is nobody else's: when a remote sets a photo, it is put beside.
 * What stands for the photo in projections and shadows is the digest of its bytes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sync/formats/card.h"
#include "sync/formats/card_slots.h"
#include "sync/formats/data_uri.h"
#include "sync/mem.h"

static bool is_photo(const json_t *media)
{
	const char *kind = card_string(media, "kind"), *uri = card_string(media, "uri");

	return kind && !strcmp(kind, "photo") && uri && data_uri_is(uri);
}

/* Its id, borrowed from doc, or NULL. */
static const char *find(const json_t *doc, const struct field *field)
{
	const json_t *media = json_object_get(doc, field->path);
	const char **ids = NULL, *found = NULL;
	size_t n = card_sorted_ids(card_map_find(field->path), media, &ids);

	for (size_t i = 0; i < n && !found; i++)
		if (is_photo(json_object_get(media, ids[i])))
			found = ids[i];
	free(ids);
	return found;
}

static json_t *photo_whole(const json_t *doc, const struct field *field)
{
	const char *id = find(doc, field);
	const json_t *media = json_object_get(doc, field->path);

	return id ? json_incref(json_object_get(json_object_get(media, id), "uri")) : NULL;
}

static json_t *photo_digest(const json_t *whole)
{
	char *digest AUTOFREE = json_is_string(whole) ? data_uri_digest(json_string_value(whole))
						      : NULL;

	return digest ? json_string(digest) : NULL;
}

static json_t *photo_get(const json_t *doc, const struct field *field)
{
	json_t *whole = photo_whole(doc, field);
	json_t *digest = whole ? photo_digest(whole) : NULL;

	json_decref(whole);
	return digest;
}

/* Where a new photo goes: the slot, or beside what is there. */
static void free_id(const json_t *media, const struct card_map *map, char id[32])
{
	snprintf(id, 32, "%s", map->slots[0].id);
	for (unsigned int n = 1; json_object_get(media, id); n++)
		snprintf(id, 32, "x-%u", n);
}

static int photo_set(json_t *doc, const struct field *field, const char *key, const json_t *value,
	struct error *err)
{
	const struct card_map *map = card_map_find(field->path);
	json_t *media = json_object_get(doc, field->path), *slot;
	char *known AUTOFREE = xstrdup(find(doc, field));
	char id[32];

	(void)key;
	if (value && (!json_is_string(value) || !data_uri_is(json_string_value(value))))
		return error_set(err, ERR_INVALID, "%s must be a data: URI", field->name);
	if (!value && known) {
		json_object_del(media, known);
		if (!json_object_size(media))
			json_object_del(doc, field->path);
	}
	if (!value)
		return 0;
	if (!json_is_object(media)) {
		media = json_object();
		json_object_set_new(doc, field->path, media);
	}
	if (known) {
		slot = json_object_get(media, known);
		json_object_del(slot, "mediaType");
	} else {
		free_id(media, map, id);
		slot = card_slot_new(map, map->slots[0].id);
		json_object_set_new(media, id, slot);
	}
	json_object_set_new(slot, "uri", json_string(json_string_value(value)));
	return 0;
}

const struct field_type field_photo = { .get = photo_get, .set = photo_set };
const struct field_apart card_photo_apart = { photo_whole, photo_digest };
