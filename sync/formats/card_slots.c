/* The slot tables.  See card_slots.h.
 *
 * The slots are Exchange's (MS-OXWSCONT: EmailAddressKeyType, PhoneNumberKeyType,
 * PhysicalAddressKeyType, ImAddressKeyType), plus one for each single-valued property.  Where vCard
 * has no TYPE for a slot we write an x- type and read the names that other programs use. */
#include "sync/formats/card_slots.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "sync/formats/card.h"
#include "sync/mem.h"

static const struct card_slot email_slots[] = {
	{ .id = "EmailAddress1", .flags = SLOT_ANY },
	{ .id = "EmailAddress2", .flags = SLOT_ANY },
	{ .id = "EmailAddress3", .flags = SLOT_ANY },
};

static const struct card_slot im_slots[] = {
	{ .id = "ImAddress1", .flags = SLOT_ANY },
	{ .id = "ImAddress2", .flags = SLOT_ANY },
	{ .id = "ImAddress3", .flags = SLOT_ANY },
};

/* A phone with no type at all is taken for the business phone (this is a sales organisation's
 * address book); one that says only "voice" is what Outlook and Android write for "other". */
static const struct card_slot phone_slots[] = {
	{ .id = "BusinessPhone", .context = "work", .feature = "voice", .untyped = 1 },
	{ .id = "BusinessPhone2", .context = "work", .feature = "voice", .untyped = 5 },
	{ .id = "MobilePhone", .feature = "mobile", .flags = SLOT_ANY_CONTEXT, .untyped = 2 },
	{ .id = "HomePhone", .context = "private", .feature = "voice", .untyped = 3 },
	{ .id = "HomePhone2", .context = "private", .feature = "voice", .untyped = 6 },
	{ .id = "OtherTelephone", .feature = "voice", .untyped = 4, .overflow_of = "voice" },
	{ .id = "PrimaryPhone", .types = "x-primary", .untyped = 7 },
	{ .id = "BusinessFax", .context = "work", .feature = "fax" },
	{ .id = "HomeFax", .context = "private", .feature = "fax" },
	{ .id = "OtherFax", .feature = "fax", .overflow_of = "fax" },
	{ .id = "AssistantPhone", .types = "x-assistant assistant x-evolution-assistant" },
	{ .id = "Callback", .types = "x-callback callback x-evolution-callback" },
	{ .id = "CarPhone", .types = "x-car car" },
	{ .id = "CompanyMainPhone",
		.feature = "main-number",
		.flags = SLOT_ANY_CONTEXT,
		.types = NULL },
	{ .id = "Isdn", .types = "x-isdn isdn" },
	{ .id = "Pager", .feature = "pager", .flags = SLOT_ANY_CONTEXT },
	{ .id = "RadioPhone", .types = "x-radio radio x-evolution-radio" },
	{ .id = "Telex", .types = "x-telex telex x-evolution-telex tlx" },
	{ .id = "TtyTddPhone", .feature = "textphone", .flags = SLOT_ANY_CONTEXT },
};

static const struct card_slot address_slots[] = {
	{ .id = "Business", .context = "work", .untyped = 1 },
	{ .id = "Home", .context = "private", .untyped = 3 },
	{ .id = "Other", .types = "x-other other", .untyped = 2, .overflow_of = "*" },
};

static const struct card_slot organization_slots[] = {
	{ .id = "CompanyName", .flags = SLOT_ANY },
};

static const struct card_slot title_slots[] = {
	{ .id = "JobTitle", .kind = "title", .flags = SLOT_ANY },
	{ .id = "Profession", .kind = "role", .flags = SLOT_ANY },
};

static const struct card_slot nickname_slots[] = {
	{ .id = "Nickname", .flags = SLOT_ANY },
};

static const struct card_slot link_slots[] = {
	{ .id = "BusinessHomePage", .context = "work", .untyped = 1, .overflow_of = "*" },
};

static const struct card_slot note_slots[] = {
	{ .id = "Body", .flags = SLOT_ANY },
};

static const struct card_slot media_slots[] = {
	{ .id = "photo", .kind = "photo", .flags = SLOT_ANY },
};

static const struct card_slot anniversary_slots[] = {
	{ .id = "birth", .kind = "birth", .flags = SLOT_ANY },
	{ .id = "wedding", .kind = "wedding", .flags = SLOT_ANY },
};

#define SLOTS(table) .slots = (table), .n = sizeof(table) / sizeof((table)[0])

static const struct card_map maps[] = {
	{ .member = "emails", .type = "EmailAddress", .value = "address", SLOTS(email_slots) },
	{ .member = "phones", .type = "Phone", .value = "number", SLOTS(phone_slots) },
	{ .member = "addresses",
		.type = "Address",
		.value = "components",
		.value2 = "full",
		SLOTS(address_slots) },
	{ .member = "onlineServices",
		.type = "OnlineService",
		.value = "uri",
		.value2 = "user",
		SLOTS(im_slots) },
	{ .member = "organizations",
		.type = "Organization",
		.value = "name",
		.value2 = "units",
		SLOTS(organization_slots) },
	{ .member = "titles",
		.type = "Title",
		.value = "name",
		.kind = "title",
		SLOTS(title_slots) },
	{ .member = "nicknames", .type = "Nickname", .value = "name", SLOTS(nickname_slots) },
	{ .member = "links", .type = "Link", .value = "uri", SLOTS(link_slots) },
	{ .member = "notes", .type = "Note", .value = "note", SLOTS(note_slots) },
	{ .member = "media", .type = "Media", .value = "uri", SLOTS(media_slots) },
	{ .member = "anniversaries",
		.type = "Anniversary",
		.value = "date",
		SLOTS(anniversary_slots) },
	{ .member = "cryptoKeys", .type = "CryptoKey", .value = "uri" },
	{ .member = "directories", .type = "Directory", .value = "uri" },
	{ .member = "calendars", .type = "Calendar", .value = "uri" },
	{ .member = "schedulingAddresses", .type = "SchedulingAddress", .value = "uri" },
	{ .member = "personalInfo", .type = "PersonalInfo", .value = "value" },
	{ .member = "preferredLanguages", .type = "LanguagePref", .value = "language" },
};

const struct card_map *card_maps(size_t *n)
{
	*n = ARRAY_SIZE(maps);
	return maps;
}

const struct card_map *card_map_find(const char *member)
{
	for (size_t i = 0; i < ARRAY_SIZE(maps); i++) {
		if (strcmp(maps[i].member, member) == 0)
			return &maps[i];
	}
	return NULL;
}

const struct card_slot *card_slot_find(const struct card_map *map, const char *id)
{
	for (size_t i = 0; i < map->n; i++) {
		if (strcmp(map->slots[i].id, id) == 0)
			return &map->slots[i];
	}
	return NULL;
}

const char *card_string(const json_t *object, const char *member)
{
	return json_string_value(json_object_get(object, member));
}

bool card_has(const json_t *object, const char *member, const char *key)
{
	return json_is_true(json_object_get(json_object_get(object, member), key));
}

bool card_word_in(const char *words, const char *text, size_t len)
{
	for (const char *p = words; p && *p && len;) {
		size_t n = strcspn(p, " ");

		if (n == len && strncasecmp(p, text, len) == 0)
			return true;
		p += n;
		p += strspn(p, " ");
	}
	return false;
}

bool card_is_uri(const char *text)
{
	static const char schemes[] = "urn mailto tel sip cid data http https ldap file";
	size_t n = strcspn(text, ":");

	return text[n] && card_word_in(schemes, text, n);
}

static json_t *set_of(const char *key)
{
	return json_pack("{s:b}", key, 1);
}

json_t *card_slot_new(const struct card_map *map, const char *id)
{
	const struct card_slot *slot = card_slot_find(map, id);
	json_t *value = json_pack("{s:s}", "@type", map->type);

	if (!slot)
		return value;
	if (slot->kind)
		json_object_set_new(value, "kind", json_string(slot->kind));
	if (slot->context)
		json_object_set_new(value, "contexts", set_of(slot->context));
	if (slot->feature)
		json_object_set_new(value, "features", set_of(slot->feature));
	if (slot->types)
		json_object_set_new(value, "vCardParams",
			json_pack("{s:s%}", "type", slot->types, strcspn(slot->types, " ")));
	return value;
}

struct sort_key {
	const char *id;
	size_t rank; /* of the slot; n for x- ids, n + 1 for all others */
	unsigned long number;
};

static int compare_keys(const void *a, const void *b)
{
	const struct sort_key *x = a;
	const struct sort_key *y = b;

	if (x->rank != y->rank)
		return x->rank < y->rank ? -1 : 1;
	if (x->number != y->number)
		return x->number < y->number ? -1 : 1;
	return strcmp(x->id, y->id);
}

static struct sort_key sort_key(const struct card_map *map, const char *id)
{
	struct sort_key key = { .id = id, .rank = map->n + 1 };
	const struct card_slot *slot = card_slot_find(map, id);
	char *end;

	if (slot) {
		key.rank = (size_t)(slot - map->slots);
	} else if (strncmp(id, "x-", 2) == 0 && id[2] >= '0' && id[2] <= '9') {
		key.number = strtoul(id + 2, &end, 10);
		if (!*end)
			key.rank = map->n;
	}
	return key;
}

size_t card_sorted_ids(const struct card_map *map, const json_t *values, const char ***ids)
{
	size_t n = json_object_size(values);
	struct sort_key *keys = xcalloc(n, sizeof(*keys));
	const char *id;
	json_t *value;
	size_t i = 0;

	json_object_foreach((json_t *)values, id, value)
		keys[i++] = sort_key(map, id);
	qsort(keys, n, sizeof(*keys), compare_keys);
	*ids = xcalloc(n, sizeof(**ids));
	for (i = 0; i < n; i++)
		(*ids)[i] = keys[i].id;
	free(keys);
	return n;
}
