/* ORGANIZER and ATTENDEE: replyTo and participants, both ways.
 *
 * A participant is keyed by its address; the organizer is one too, with the role owner.  Parameters
 * without a place are kept in the participant; the organizer's own under ORGANIZER in the document,
 * since he may be an attendee as well. */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "sync/formats/card_slots.h"
#include "sync/formats/ical_impl.h"
#include "sync/mem.h"

#define KINDS "INDIVIDUAL=individual GROUP=group RESOURCE=resource ROOM=location UNKNOWN=unknown"
#define PARTSTATS                                                                                  \
	"NEEDS-ACTION=needs-action ACCEPTED=accepted DECLINED=declined TENTATIVE=tentative "       \
	"DELEGATED=delegated COMPLETED=completed IN-PROCESS=in-process"

static const struct {
	const char *role;
	const char *keys; /* in roles, without owner */
} role_words[] = {
	{ "REQ-PARTICIPANT", "attendee" },
	{ "OPT-PARTICIPANT", "attendee optional" },
	{ "NON-PARTICIPANT", "informational" },
	{ "CHAIR", "attendee chair" },
};

/* --- reading ---------------------------------------------------------------------------------- */

static bool is_mailto(const char *uri)
{
	return strncasecmp(uri, "mailto:", 7) == 0;
}

/* What is left of it without "mailto:", and without white space around it and the address. */
static json_t *address_of(const char *uri, bool *mail)
{
	json_t *whole = vcard_trimmed(uri), *address;

	*mail = is_mailto(json_string_value(whole));
	if (!*mail)
		return whole;
	address = vcard_trimmed(json_string_value(whole) + 7);
	json_decref(whole);
	return address;
}

/* The key of a calendar address; NULL when it is none. */
static json_t *person_key(const char *uri)
{
	bool mail;
	json_t *text = address_of(uri, &mail);
	char *key AUTOFREE = xstrdup(json_string_value(text));

	json_decref(text);
	if (mail || strchr(key, '@')) {
		for (char *p = key; *p; p++)
			*p = (char)tolower((unsigned char)*p);
	}
	return *key ? json_string(key) : NULL;
}

/* "mailto:" in one spelling; an address without it gets it. */
static json_t *person_uri(const char *uri)
{
	bool mail;
	json_t *text = address_of(uri, &mail);
	const char *p = json_string_value(text);
	json_t *out;

	if (mail)
		out = json_sprintf("mailto:%s", p);
	else if (!strchr(p, ':') && strchr(p, '@'))
		out = json_sprintf("mailto:%s", p);
	else
		out = json_incref(text);
	json_decref(text);
	return out;
}

static json_t *person(struct ical_reader *r, const char *key, const json_t *uri)
{
	json_t *people = json_object_get(r->doc, "participants");
	json_t *one = json_object_get(people, key);
	const char *text = json_string_value(uri);
	bool mail = is_mailto(text);

	if (one)
		return one;
	if (!people) {
		people = json_object();
		json_object_set_new(r->doc, "participants", people);
	}
	one = json_pack("{s:s, s:{s:O}, s:{}}", "@type", "Participant", "sendTo",
		mail ? "imip" : "other", uri, "roles");
	if (mail)
		json_object_set_new(one, "email", json_string(text + 7));
	json_object_set_new(people, key, one);
	return one;
}

static void set_name(json_t *one, const struct vcard_line *line)
{
	const char *name = vcard_param(line, "cn");
	const char *email = vcard_param(line, "email");

	if (name && *name && !json_object_get(one, "name"))
		json_object_set_new(one, "name", json_string(name));
	if (email && *email && !json_object_get(one, "email"))
		json_object_set_new(one, "email", json_string(email));
}

static void set_word(json_t *one, const char *member, const char *words, const char *word)
{
	char value[64];

	if (word && ical_word_value(words, word, value))
		json_object_set_new(one, member, json_string(value));
	else if (word && *word)
		json_object_set_new(one, member, json_string(word));
}

static void set_roles(json_t *one, const char *role)
{
	json_t *roles = json_object_get(one, "roles");
	const char *keys = "attendee";
	bool known = !role;

	for (size_t i = 0; role && i < ARRAY_SIZE(role_words); i++) {
		if (strcasecmp(role, role_words[i].role) == 0) {
			keys = role_words[i].keys;
			known = true;
		}
	}
	for (const char *p = keys; *p;) {
		size_t n = strcspn(p, " ");
		char *key AUTOFREE = xstrndup(p, n);

		json_object_set_new(roles, key, json_true());
		p += n + (p[n] == ' ');
	}
	if (!known) /* a word of others */
		json_object_set_new(roles, role, json_true());
}

int ical_read_attendee(struct ical_reader *r, const struct ical_rule *rule,
	const struct vcard_line *line, struct error *err)
{
	const char *rsvp = vcard_param(line, "rsvp");
	json_t *key = person_key(line->value);
	json_t *uri;
	json_t *one;

	(void)rule;
	(void)err;
	if (!key ||
		json_object_get(json_object_get(r->doc, "participants"), json_string_value(key))) {
		json_decref(key);
		return 0;
	}
	uri = person_uri(line->value);
	one = person(r, json_string_value(key), uri);
	set_name(one, line);
	set_word(one, "kind", KINDS, vcard_param(line, "cutype"));
	set_word(one, "participationStatus", PARTSTATS, vcard_param(line, "partstat"));
	if (rsvp && card_word_in("TRUE FALSE", rsvp, strlen(rsvp)))
		json_object_set_new(
			one, "expectReply", json_boolean(strcasecmp(rsvp, "TRUE") == 0));
	set_roles(one, vcard_param(line, "role"));
	ical_read_rest(one, line);
	ical_keep_params(one, NULL, line, "cn email cutype role partstat rsvp");
	json_decref(uri);
	json_decref(key);
	return 1;
}

int ical_read_organizer(struct ical_reader *r, const struct ical_rule *rule,
	const struct vcard_line *line, struct error *err)
{
	json_t *key = person_key(line->value);
	json_t *uri = key ? person_uri(line->value) : NULL;
	json_t *roles;
	json_t *one;
	bool same;

	(void)err;
	if (!key || json_object_get(r->doc, rule->member)) {
		json_decref(key);
		json_decref(uri);
		return 0;
	}
	json_object_set_new(r->doc, rule->member,
		json_pack("{s:O}", is_mailto(json_string_value(uri)) ? "imip" : "other", uri));
	one = person(r, json_string_value(key), uri);
	set_name(one, line);
	roles = json_object_get(one, "roles");
	json_object_set_new(roles, "owner", json_true());
	if (!json_object_get(roles, "attendee"))
		json_object_set_new(roles, "chair", json_true());
	/* As an attendee he may be called something else. */
	same = !vcard_param(line, "cn") ||
	       (card_string(one, "name") &&
		       strcmp(card_string(one, "name"), vcard_param(line, "cn")) == 0);
	ical_keep_params(r->doc, line->name, line, same ? "cn email" : "email");
	json_decref(key);
	json_decref(uri);
	return 1;
}

/* --- writing ---------------------------------------------------------------------------------- */

static const char *uri_in(const json_t *object)
{
	const char *uri = card_string(object, "imip");
	const char *scheme;
	json_t *value;

	json_object_foreach((json_t *)object, scheme, value) {
		if (!uri)
			uri = json_string_value(value);
	}
	return uri;
}

/* New string: where the participant is written to, or made of its address. */
static char *uri_of(const char *key, const json_t *one)
{
	const char *uri = uri_in(json_object_get(one, "sendTo"));
	const char *email = card_string(one, "email");

	if (uri)
		return xstrdup(uri);
	if (!email && !strchr(key, '@'))
		return xstrdup(key);
	return xasprintf("mailto:%s", email ? email : key);
}

static bool has_role(const json_t *one, const char *role)
{
	return card_has(one, "roles", role);
}

static void put_name(struct ical_writer *w, const json_t *one, const char *uri)
{
	const char *email = card_string(one, "email");

	ical_put_param(w, "CN", card_string(one, "name"));
	if (email && (!is_mailto(uri) || strcasecmp(uri + 7, email) != 0))
		ical_put_param(w, "EMAIL", email);
}

static void put_word(struct ical_writer *w, const char *param, const char *words, const char *value)
{
	char word[64];

	if (value)
		ical_put_param(w, param, ical_value_word(words, value, word) ?: value);
}

/* NULL: the default, REQ-PARTICIPANT. */
static const char *role_of(const json_t *one)
{
	const char *role;
	json_t *on;

	json_object_foreach(json_object_get(one, "roles"), role, on) {
		if (!card_word_in(
			    "owner attendee optional chair informational", role, strlen(role)))
			return role;
	}
	if (has_role(one, "informational"))
		return "NON-PARTICIPANT";
	if (has_role(one, "optional"))
		return "OPT-PARTICIPANT";
	if (has_role(one, "chair"))
		return "CHAIR";
	return has_role(one, "attendee") ? "REQ-PARTICIPANT" : NULL;
}

static bool is_organizer(const json_t *doc, const char *key)
{
	const char *uri = uri_in(json_object_get(doc, "replyTo"));
	json_t *organizer = uri ? person_key(uri) : NULL;
	bool same = organizer && strcmp(json_string_value(organizer), key) == 0;

	json_decref(organizer);
	return same;
}

/* The organizer's line says all there is of a participant who does nothing else. */
static bool is_only_organizer(const json_t *doc, const char *key, const json_t *one)
{
	return is_organizer(doc, key) && !has_role(one, "attendee") &&
	       !has_role(one, "informational");
}

void ical_write_organizer(struct ical_writer *w, const struct ical_rule *rule, const json_t *doc)
{
	const char *uri = uri_in(json_object_get(doc, "replyTo"));
	json_t *key = uri ? person_key(uri) : NULL;
	const json_t *one;

	(void)rule;
	if (!key)
		return;
	one = json_object_get(json_object_get(doc, "participants"), json_string_value(key));
	ical_begin(w, "ORGANIZER");
	put_name(w, one, uri);
	ical_end_raw(w, uri);
	json_decref(key);
}

static void write_attendee(struct ical_writer *w, const char *key, const json_t *one)
{
	static const char known[] = "name email sendTo kind roles participationStatus expectReply";
	char *uri AUTOFREE = uri_of(key, one);
	const json_t *reply = json_object_get(one, "expectReply");

	ical_begin_bare(w, "ATTENDEE");
	put_name(w, one, uri);
	put_word(w, "CUTYPE", KINDS, card_string(one, "kind"));
	ical_put_param(w, "ROLE", role_of(one));
	put_word(w, "PARTSTAT", PARTSTATS, card_string(one, "participationStatus"));
	if (json_is_boolean(reply))
		ical_put_param(w, "RSVP", json_is_true(reply) ? "TRUE" : "FALSE");
	ical_put_params(w, json_object_get(one, "tandemfs:params"));
	ical_put_rest(w, one, known);
	ical_end_raw(w, uri);
}

void ical_write_attendees(struct ical_writer *w, const struct ical_rule *rule, const json_t *doc)
{
	const char *key;
	json_t *one;

	json_object_foreach(json_object_get(doc, rule->member), key, one) {
		if (*key && json_is_object(one) && !is_only_organizer(doc, key, one))
			write_attendee(w, key, one);
	}
}
