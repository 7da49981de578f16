/* The mapping between vCard and JSContact (RFC 9555), one row a property.
 *
 * The order of the rows is the order in which a card is written.  Several rows may read into one
 * place: those without a writer are the names that other programs use for it. */
#include <string.h>
#include <strings.h>

#include "sync/formats/card_slots.h"
#include "sync/formats/vcard_impl.h"
#include "sync/mem.h"

#define SINGLE(p, m)                                                                               \
	{                                                                                          \
		.prop = (p), .member = (m), .read = vcard_read_single, .write = vcard_write_single \
	}
#define SINGLE_ALIAS(p, m)                                                                         \
	{                                                                                          \
		.prop = (p), .member = (m), .read = vcard_read_single                              \
	}
#define EACH(p, m, v, k, what)                                                                     \
	{                                                                                          \
		.prop = (p), .member = (m), .value = (v), .kind = (k), .read = vcard_read_##what,  \
		.write = vcard_write_##what, .each = true                                          \
	}
#define ALIAS(p, m, v, k, what)                                                                    \
	{                                                                                          \
		.prop = (p), .member = (m), .value = (v), .kind = (k), .read = vcard_read_##what   \
	}
#define RESOURCE(p, m, k, x)                                                                       \
	{                                                                                          \
		.prop = (p), .member = (m), .value = "uri", .kind = (k), .extra = (x),             \
		.read = vcard_read_resource, .write = vcard_write_resource, .each = true           \
	}
#define IM(p, service, scheme)                                                                     \
	{                                                                                          \
		.prop = (p), .member = "onlineServices", .value = "uri", .kind = (service),        \
		.extra = (scheme), .read = vcard_read_im, .write = vcard_write_im, .each = true    \
	}
#define RELATION(p, relation)                                                                      \
	{                                                                                          \
		.prop = (p), .member = "relatedTo", .kind = (relation), .read = vcard_read_related \
	}

static const struct vcard_rule rules[] = {
	SINGLE("PRODID", "prodId"),
	SINGLE("UID", "uid"),
	{ .prop = "KIND",
		.prop30 = "X-ADDRESSBOOKSERVER-KIND",
		.member = "kind",
		.read = vcard_read_kind,
		.write = vcard_write_single },
	{ .prop = "X-ADDRESSBOOKSERVER-KIND", .member = "kind", .read = vcard_read_kind },
	SINGLE("LANGUAGE", "language"),
	{ .prop = "FN",
		.member = "name",
		.value = "full",
		.read = vcard_read_fn,
		.write = vcard_write_fn },
	{ .prop = "N",
		.member = "name",
		.value = "components",
		.read = vcard_read_n,
		.write = vcard_write_n },
	SINGLE("X-FILE-AS", "tandemfs:fileAs"),
	SINGLE_ALIAS("X-EVOLUTION-FILE-AS", "tandemfs:fileAs"),
	EACH("NICKNAME", "nicknames", "name", NULL, text),
	EACH("ORG", "organizations", "name", NULL, org),
	EACH("TITLE", "titles", "name", "title", text),
	EACH("ROLE", "titles", "name", "role", text),
	ALIAS("X-KADDRESSBOOK-X-PROFESSION", "titles", "name", "role", text),
	SINGLE("X-OFFICE-LOCATION", "tandemfs:officeLocation"),
	SINGLE_ALIAS("X-KADDRESSBOOK-X-OFFICE", "tandemfs:officeLocation"),
	SINGLE_ALIAS("X-EVOLUTION-OFFICE", "tandemfs:officeLocation"),
	SINGLE_ALIAS("X-MS-OFFICE", "tandemfs:officeLocation"),
	EACH("EMAIL", "emails", "address", NULL, text),
	EACH("TEL", "phones", "number", NULL, tel),
	ALIAS("X-MS-TEL", "phones", "number", NULL, tel),
	EACH("ADR", "addresses", "components", NULL, adr),
	ALIAS("LABEL", "addresses", "full", NULL, label),
	IM("IMPP", NULL, NULL),
	IM("SOCIALPROFILE", NULL, NULL),
	IM("X-SOCIALPROFILE", NULL, NULL),
	IM("X-AIM", "AIM", "aim:"),
	IM("X-GADUGADU", "GaduGadu", "gg:"),
	IM("X-GOOGLE-TALK", "GoogleTalk", "xmpp:"),
	IM("X-GROUPWISE", "GroupWise", "groupwise:"),
	IM("X-GTALK", "GoogleTalk", "xmpp:"),
	IM("X-ICQ", "ICQ", "icq:"),
	IM("X-JABBER", "Jabber", "xmpp:"),
	IM("X-MS-IMADDRESS", NULL, ""),
	IM("X-MSN", "MSN", "msnim:"),
	IM("X-QQ", "QQ", "qq:"),
	IM("X-SIP", "SIP", "sip:"),
	IM("X-SKYPE", "Skype", "skype:"),
	IM("X-SKYPE-USERNAME", "Skype", "skype:"),
	IM("X-YAHOO", "Yahoo", "ymsgr:"),
	RESOURCE("URL", "links", NULL, NULL),
	RESOURCE("CONTACT-URI", "links", "contact", NULL),
	EACH("BDAY", "anniversaries", "date", "birth", date),
	{ .prop = "ANNIVERSARY",
		.prop30 = "X-ANNIVERSARY",
		.member = "anniversaries",
		.value = "date",
		.kind = "wedding",
		.read = vcard_read_date,
		.write = vcard_write_date,
		.each = true },
	ALIAS("X-ANNIVERSARY", "anniversaries", "date", "wedding", date),
	ALIAS("X-EVOLUTION-ANNIVERSARY", "anniversaries", "date", "wedding", date),
	ALIAS("X-KADDRESSBOOK-X-ANNIVERSARY", "anniversaries", "date", "wedding", date),
	ALIAS("X-MS-ANNIVERSARY", "anniversaries", "date", "wedding", date),
	EACH("DEATHDATE", "anniversaries", "date", "death", date),
	{ .prop = "RELATED",
		.member = "relatedTo",
		.read = vcard_read_related,
		.write = vcard_write_related },
	RELATION("X-SPOUSE", "spouse"),
	RELATION("X-EVOLUTION-SPOUSE", "spouse"),
	RELATION("X-KADDRESSBOOK-X-SPOUSESNAME", "spouse"),
	RELATION("X-MS-SPOUSE", "spouse"),
	RELATION("X-MANAGER", "manager"),
	RELATION("X-EVOLUTION-MANAGER", "manager"),
	RELATION("X-KADDRESSBOOK-X-MANAGERSNAME", "manager"),
	RELATION("X-MS-MANAGER", "manager"),
	RELATION("X-ASSISTANT", "assistant"),
	RELATION("X-EVOLUTION-ASSISTANT", "assistant"),
	RELATION("X-KADDRESSBOOK-X-ASSISTANTSNAME", "assistant"),
	RELATION("X-MS-ASSISTANT", "assistant"),
	RELATION("X-MS-CHILD", "child"),
	{ .prop = "CATEGORIES",
		.member = "keywords",
		.read = vcard_read_categories,
		.write = vcard_write_categories },
	{ .prop = "CLASS",
		.member = "tandemfs:sensitivity",
		.read = vcard_read_class,
		.write = vcard_write_class },
	EACH("NOTE", "notes", "note", NULL, text),
	EACH("LANG", "preferredLanguages", "language", NULL, text),
	EACH("EXPERTISE", "personalInfo", "value", "expertise", text),
	EACH("HOBBY", "personalInfo", "value", "hobby", text),
	EACH("INTEREST", "personalInfo", "value", "interest", text),
	RESOURCE("FBURL", "calendars", "freeBusy", NULL),
	RESOURCE("CALURI", "calendars", "calendar", NULL),
	RESOURCE("CALADRURI", "schedulingAddresses", NULL, NULL),
	RESOURCE("SOURCE", "directories", "entry", NULL),
	RESOURCE("ORG-DIRECTORY", "directories", "directory", NULL),
	{ .prop = "MEMBER",
		.prop30 = "X-ADDRESSBOOKSERVER-MEMBER",
		.member = "members",
		.read = vcard_read_member,
		.write = vcard_write_member },
	{ .prop = "X-ADDRESSBOOKSERVER-MEMBER", .member = "members", .read = vcard_read_member },
	RESOURCE("KEY", "cryptoKeys", NULL, "binary"),
	RESOURCE("LOGO", "media", "logo", "binary"),
	RESOURCE("PHOTO", "media", "photo", "binary"),
	RESOURCE("SOUND", "media", "sound", "binary"),
	{ .prop = "CREATED",
		.member = "created",
		.read = vcard_read_time,
		.write = vcard_write_time },
	{ .prop = "REV", .member = "updated", .read = vcard_read_time, .write = vcard_write_time },
	{ .prop = "JSPROP", .member = "", .read = vcard_read_jsprop },
};

const struct vcard_rule *vcard_rules(size_t *n)
{
	*n = ARRAY_SIZE(rules);
	return rules;
}

const struct vcard_rule *vcard_rule_find(const char *prop)
{
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
		if (strcmp(rules[i].prop, prop) == 0)
			return &rules[i];
	}
	return NULL;
}

static const struct vcard_type types[] = {
	{ NULL, "work", "contexts", "work" },
	{ NULL, "home", "contexts", "private" },
	{ "ADR", "billing", "contexts", "billing" },
	{ "ADR", "delivery", "contexts", "delivery" },
	{ "TEL", "cell", "features", "mobile" },
	{ "TEL", "fax", "features", "fax" },
	{ "TEL", "main-number", "features", "main-number" },
	{ "TEL", "pager", "features", "pager" },
	{ "TEL", "text", "features", "text" },
	{ "TEL", "textphone", "features", "textphone" },
	{ "TEL", "video", "features", "video" },
	{ "TEL", "voice", "features", "voice" },
	/* Read only: what comes first for a key is written. */
	{ "TEL", "mobile", "features", "mobile" },
	{ "TEL", "main", "features", "main-number" },
	{ "TEL", "company", "features", "main-number" },
	{ "TEL", "x-evolution-company", "features", "main-number" },
	{ "TEL", "ttytdd", "features", "textphone" },
	{ "TEL", "x-evolution-ttytdd", "features", "textphone" },
};

const struct vcard_type *vcard_types(size_t *n)
{
	*n = ARRAY_SIZE(types);
	return types;
}

static const struct vcard_media_type media_types[] = {
	{ "JPEG", "image/jpeg", "/9j/" },
	{ "PNG", "image/png", "iVBORw" },
	{ "GIF", "image/gif", "R0lGOD" },
	{ "WEBP", "image/webp", "UklGR" },
	{ "BMP", "image/bmp", NULL },
	{ "TIFF", "image/tiff", NULL },
	{ "JPG", "image/jpeg", NULL },
	{ "BASIC", "audio/basic", NULL },
	{ "WAVE", "audio/wav", NULL },
	{ "MP3", "audio/mpeg", NULL },
	{ "OGG", "audio/ogg", NULL },
	{ "PGP", "application/pgp-keys", NULL },
	{ "X509", "application/pkix-cert", NULL },
};

const char *vcard_media_of_type(const char *type)
{
	for (size_t i = 0; i < ARRAY_SIZE(media_types); i++) {
		if (strcasecmp(media_types[i].type, type) == 0)
			return media_types[i].media;
	}
	return strchr(type, '/') ? type : NULL;
}

const char *vcard_type_of_media(const char *media, size_t len)
{
	for (size_t i = 0; i < ARRAY_SIZE(media_types); i++) {
		if (strlen(media_types[i].media) == len &&
			strncasecmp(media_types[i].media, media, len) == 0)
			return media_types[i].type;
	}
	return NULL;
}

const char *vcard_media_of_data(const char *base64)
{
	for (size_t i = 0; i < ARRAY_SIZE(media_types); i++) {
		const char *magic = media_types[i].magic;

		if (magic && strncmp(base64, magic, strlen(magic)) == 0)
			return media_types[i].media;
	}
	return NULL;
}

/* Parameters with a member of their own, by the map that has it. */
static const struct vcard_param_place places[] = {
	{ "addresses", "label", "full", NULL, PLACE_TEXT },
	{ "addresses", "cc", "countryCode", NULL, PLACE_TEXT },
	{ "addresses", "geo", "coordinates", NULL, PLACE_TEXT },
	{ "onlineServices", "service-type", "service", "x-service-type", PLACE_TEXT },
	{ "onlineServices", "x-service-type", "service", NULL, PLACE_TEXT },
	{ "onlineServices", "username", "user", NULL, PLACE_TEXT },
	{ "media", "mediatype", "mediaType", NULL, PLACE_TEXT },
	{ "links", "mediatype", "mediaType", NULL, PLACE_TEXT },
	{ "cryptoKeys", "mediatype", "mediaType", NULL, PLACE_TEXT },
	{ "calendars", "mediatype", "mediaType", NULL, PLACE_TEXT },
	{ "directories", "mediatype", "mediaType", NULL, PLACE_TEXT },
	{ "directories", "index", "listAs", NULL, PLACE_NUMBER },
	{ "personalInfo", "index", "listAs", NULL, PLACE_NUMBER },
	{ "personalInfo", "level", "level", NULL, PLACE_LEVEL },
};

const struct vcard_param_place *vcard_param_places(size_t *n)
{
	*n = ARRAY_SIZE(places);
	return places;
}

/* RFC 9555 section 2.11: expertise has words of its own. */
static const struct {
	const char *level;
	const char *expertise;
} levels[] = { { "high", "expert" }, { "medium", "average" }, { "low", "beginner" } };

const char *vcard_level_read(const char *prop, const char *level)
{
	bool expertise = strcmp(prop, "EXPERTISE") == 0;

	for (size_t i = 0; i < ARRAY_SIZE(levels); i++) {
		if (strcasecmp(expertise ? levels[i].expertise : levels[i].level, level) == 0)
			return levels[i].level;
	}
	return NULL;
}

const char *vcard_level_written(const char *prop, const char *level)
{
	bool expertise = strcmp(prop, "EXPERTISE") == 0;

	for (size_t i = 0; i < ARRAY_SIZE(levels); i++) {
		if (strcmp(levels[i].level, level) == 0)
			return expertise ? levels[i].expertise : levels[i].level;
	}
	return NULL;
}

static const struct vcard_class classes[] = {
	{ "PRIVATE", "Private" },
	{ "CONFIDENTIAL", "Confidential" },
	{ "X-PERSONAL", "Personal" },
	{ "PERSONAL", "Personal" },
};

const char *vcard_sensitivity_of(const char *class)
{
	for (size_t i = 0; i < ARRAY_SIZE(classes); i++) {
		if (strcasecmp(classes[i].class, class) == 0)
			return classes[i].sensitivity;
	}
	return NULL;
}

const char *vcard_class_of(const char *sensitivity)
{
	for (size_t i = 0; i < ARRAY_SIZE(classes); i++) {
		if (strcmp(classes[i].sensitivity, sensitivity) == 0)
			return classes[i].class;
	}
	return NULL;
}

/* Relations: their TYPE in 4.0 (RFC 6350 section 6.6.6), property in 3.0 and Apple's label. */
static const struct vcard_relation relations[] = {
	{ "spouse", "spouse", "X-SPOUSE", "Spouse" },
	{ "manager", "x-manager", "X-MANAGER", "Manager" },
	{ "assistant", "x-assistant", "X-ASSISTANT", "Assistant" },
	{ "child", "child", NULL, "Child" },
};

const struct vcard_relation *vcard_relation_find(const char *relation)
{
	for (size_t i = 0; i < ARRAY_SIZE(relations); i++) {
		if (strcmp(relations[i].relation, relation) == 0)
			return &relations[i];
	}
	return NULL;
}

const char *vcard_relation_of_type(const char *type)
{
	for (size_t i = 0; i < ARRAY_SIZE(relations); i++) {
		if (strcasecmp(relations[i].type, type) == 0)
			return relations[i].relation;
	}
	return NULL;
}

const char *vcard_relation_of_label(const char *label, size_t len)
{
	for (size_t i = 0; i < ARRAY_SIZE(relations); i++) {
		if (strlen(relations[i].label) == len &&
			strncasecmp(relations[i].label, label, len) == 0)
			return relations[i].relation;
	}
	return NULL;
}

/* Components in the order of the property's value.  RFC 9554 sections 2.1 and 2.2 add those after
 * the fifth and the seventh. */
static const char *const n_kinds[] = { "surname", "given", "given2", "title", "generation",
	"surname2", "generation", NULL };
static const char *const adr_kinds[] = { "postOfficeBox", "apartment", "name", "locality", "region",
	"postcode", "country", "room", "apartment", "floor", "number", "name", "building", "block",
	"subdistrict", "district", "landmark", "direction", NULL };

const char *const *vcard_n_kinds(void)
{
	return n_kinds;
}

const char *const *vcard_adr_kinds(void)
{
	return adr_kinds;
}
