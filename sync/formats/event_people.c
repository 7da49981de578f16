/* Field types for the people of an event: who invites, who is invited, what they answered.
 *
 * Participants are keyed by address (event.h).  The organizer is told by its role, and is none of the
 * attendees. */
#include "sync/formats/event.h"

#include <string.h>

#include "sync/mem.h"

static const char *text_member(const json_t *object, const char *name)
{
	return json_string_value(json_object_get(object, name));
}

/* The object that is this member, made where it is missing; borrowed. */
static json_t *make_map(json_t *doc, const char *name)
{
	json_t *map = json_object_get(doc, name);

	if (!json_is_object(map)) {
		map = json_object();
		json_object_set_new(doc, name, map);
	}
	return map;
}

/* Takes an entry out of a map, and the map when nothing is left. */
static void drop(json_t *doc, const char *name, const char *id)
{
	json_t *map = json_object_get(doc, name);

	json_object_del(map, id);
	if (!json_object_size(map))
		json_object_del(doc, name);
}

static bool has_role(const json_t *participant, const char *role)
{
	return json_is_true(json_object_get(json_object_get(participant, "roles"), role));
}

static const char *organizer(const json_t *doc, const struct field *field, const json_t **who)
{
	const char *id;
	json_t *participant;

	json_object_foreach(json_object_get(doc, field->path), id, participant) {
		if (!has_role(participant, "owner"))
			continue;
		*who = participant;
		return id;
	}
	return NULL;
}

static json_t *organizer_get(const json_t *doc, const struct field *field)
{
	const json_t *who = NULL;
	const char *id = organizer(doc, field, &who), *email = text_member(who, "email");
	const char *name = text_member(who, "name");
	json_t *value;

	if (!id)
		return NULL;
	value = json_pack("{s:s}", "email", email ? email : id);
	if (name)
		json_object_set_new(value, "name", json_string(name));
	return value;
}

static json_t *new_participant(const char *address, const char *name)
{
	json_t *who = json_pack("{s:s, s:s, s:{s:o}}", "@type", "Participant", "email", address,
		"sendTo", "imip", json_sprintf("mailto:%s", address));

	if (name)
		json_object_set_new(who, "name", json_string(name));
	return who;
}

static int organizer_set(json_t *doc, const struct field *field, const char *key,
	const json_t *value, struct error *err)
{
	const json_t *who = NULL;
	const char *id = organizer(doc, field, &who), *email = text_member(value, "email");
	json_t *participant;

	(void)key;
	if (value && !email)
		return error_set(err, ERR_INVALID, "%s must have an address", field->name);
	if (id)
		drop(doc, field->path, id);
	if (!value) {
		json_object_del(doc, "replyTo");
		return 0;
	}
	participant = new_participant(email, text_member(value, "name"));
	json_object_set_new(participant, "roles", json_pack("{s:b, s:b}", "owner", 1, "chair", 1));
	json_object_set_new(make_map(doc, field->path), email, participant);
	json_object_set_new(
		doc, "replyTo", json_pack("{s:o}", "imip", json_sprintf("mailto:%s", email)));
	return 0;
}

const struct field_type field_event_organizer = { .get = organizer_get, .set = organizer_set };

static const char *role_of(const json_t *participant)
{
	const char *kind = text_member(participant, "kind");

	if (kind && (!strcmp(kind, "resource") || !strcmp(kind, "location")))
		return "resource";
	if (has_role(participant, "optional") || has_role(participant, "informational"))
		return "optional";
	return "required";
}

static json_t *attendees_get(const json_t *doc, const struct field *field)
{
	json_t *out = NULL, *participant;
	const char *id;

	json_object_foreach(json_object_get(doc, field->path), id, participant) {
		const char *name = text_member(participant, "name");
		json_t *value;

		if (has_role(participant, "owner") || !strchr(id, '@'))
			continue;
		value = json_pack("{s:s}", "role", role_of(participant));
		if (name)
			json_object_set_new(value, "name", json_string(name));
		if (!out)
			out = json_object();
		json_object_set_new(out, id, value);
	}
	return out;
}

static int attendees_set(json_t *doc, const struct field *field, const char *key,
	const json_t *value, struct error *err)
{
	const char *role = text_member(value, "role"), *name = text_member(value, "name");
	json_t *who;

	if (!value) {
		drop(doc, field->path, key);
		return 0;
	}
	if (!role)
		return error_set(err, ERR_INVALID, "%s/%s must have a role", field->name, key);
	who = json_object_get(json_object_get(doc, field->path), key);
	if (!who) {
		who = new_participant(key, NULL);
		json_object_set_new(make_map(doc, field->path), key, who);
	}
	if (strcmp(role_of(who), role) != 0 || !json_object_get(who, "roles"))
		json_object_set_new(who, "roles", json_pack("{s:b}", "attendee", 1));
	if (!strcmp(role, "optional"))
		json_object_set_new(json_object_get(who, "roles"), "optional", json_true());
	if (!strcmp(role, "resource"))
		json_object_set_new(who, "kind", json_string("resource"));
	else if (!strcmp(role_of(who), "resource"))
		json_object_del(who, "kind");
	if (name)
		json_object_set_new(who, "name", json_string(name));
	else
		json_object_del(who, "name");
	return 0;
}

const struct field_type field_event_attendees = { .get = attendees_get, .set = attendees_set };

static json_t *responses_get(const json_t *doc, const struct field *field)
{
	json_t *out = NULL, *participant;
	const char *id;

	json_object_foreach(json_object_get(doc, field->path), id, participant) {
		const char *status = text_member(participant, "participationStatus");

		if (!status || !strcmp(status, "needs-action") || has_role(participant, "owner"))
			continue;
		if (!out)
			out = json_object();
		json_object_set_new(out, id, json_string(status));
	}
	return out;
}

static int responses_set(json_t *doc, const struct field *field, const char *key,
	const json_t *value, struct error *err)
{
	json_t *who = json_object_get(json_object_get(doc, field->path), key);

	(void)err;
	if (!who)
		return 0; /* an answer of somebody who is not invited any more */
	if (value)
		json_object_set(who, "participationStatus", (json_t *)value);
	else
		json_object_del(who, "participationStatus");
	return 0;
}

const struct field_type field_event_responses = { .get = responses_get, .set = responses_set };
