/* The field type of a group's members: an array of arrays of a URI and a name.
 *
 * A Card keeps the URIs as the keys of `members` (RFC 9553, section 2.1.6).  JSContact has no place for the
 * name that a list shows for a member; it stands where the vCard codec keeps the parameters of MEMBER. */
#include <string.h>

#include "sync/formats/card.h"
#include "sync/formats/card_slots.h"
#include "sync/mem.h"

#define PARAMS "tandemfs:params"

static char *params_key(const struct field *field, const char *uri)
{
	return xasprintf("%s/%s", field->path, uri);
}

static json_t *members_get(const json_t *doc, const struct field *field)
{
	const json_t *members = json_object_get(doc, field->path);
	const json_t *params = json_object_get(doc, PARAMS);
	json_t *out = json_array(), *on;
	const char *uri;

	json_object_foreach((json_t *)members, uri, on) {
		char *key AUTOFREE = params_key(field, uri);
		const char *name = card_string(json_object_get(params, key), CARD_MEMBER_NAME);

		if (json_is_true(on))
			json_array_append_new(out, json_pack("[s, s]", uri, name ? name : ""));
	}
	if (json_array_size(out))
		return out;
	json_decref(out);
	return NULL;
}

static void forget(json_t *doc, const struct field *field)
{
	json_t *params = json_object_get(doc, PARAMS), *value;
	char *prefix AUTOFREE = params_key(field, "");
	const char *key;
	void *next;

	json_object_foreach_safe(params, next, key, value)
	{
		if (!strncmp(key, prefix, strlen(prefix)))
			json_object_del(params, key);
	}
	if (params && !json_object_size(params))
		json_object_del(doc, PARAMS);
	json_object_del(doc, field->path);
}

static int members_set(json_t *doc, const struct field *field, const char *key, const json_t *value,
	struct error *err)
{
	json_t *members = json_object(), *params, *member;
	size_t i;

	(void)key;
	(void)err;
	forget(doc, field);
	params = json_object_get(doc, PARAMS);
	params = params ? json_incref(params) : json_object();
	json_array_foreach((json_t *)value, i, member) {
		const char *uri = json_string_value(json_array_get(member, 0));
		const char *name = json_string_value(json_array_get(member, 1));
		char *place AUTOFREE = uri ? params_key(field, uri) : NULL;

		if (!uri)
			continue;
		json_object_set_new(members, uri, json_true());
		if (name && *name)
			json_object_set_new(
				params, place, json_pack("{s:s}", CARD_MEMBER_NAME, name));
	}
	if (json_object_size(members))
		json_object_set(doc, field->path, members);
	if (json_object_size(params))
		json_object_set(doc, PARAMS, params);
	json_decref(members);
	json_decref(params);
	return 0;
}

const struct field_type field_members = { .get = members_get, .set = members_set };

const char *card_read_only(const json_t *card)
{
	const char *kind = card_string(card, "kind");

	return kind && !strcmp(kind, "group")
		       ? "a distribution list can be read, moved and removed here; its content is "
			 "changed in Outlook"
		       : NULL;
}
