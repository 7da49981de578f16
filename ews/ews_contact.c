/* The table of contact fields: Exchange's properties of a contact and their places in a Card.
 *
 * A row is: name in shadows, place in the Card, conversion there, form in EWS.  The order is that
 * of the elements of ContactItemType (after those of ItemType) in the schema, which Exchange
 * checks. Lengths are not given: Exchange describes none, and MAPI strings have no limit of their
 * own except the 255 characters of a category. */
#include <libxml/uri.h>
#include <string.h>

#include "ews/ews_private.h"
#include "sync/formats/card.h"
#include "sync/mem.h"

/* NOLINTBEGIN(bugprone-macro-parentheses): pasted strings cannot stand in parentheses */

/* A plain property of the contacts schema. */
#define PLAIN(NAME, PATH, TYPE, FLAGS)                                                             \
	EWS_ROW(#NAME, PATH, TYPE, FLAGS, .form = EWS_TEXT, .uri = "contacts:" #NAME,              \
		.element = #NAME)

/* An address: PidLidEmail?DisplayName, AddressType, EmailAddress, OriginalDisplayName,
 * OriginalEntryId stand beside it (MS-OXOCNTC 2.2.1.2). */
#define EMAIL(NAME, BASE)                                                                          \
	EWS_ROW(#NAME, "emails/" #NAME "/address", field_text, 0, .form = EWS_ENTRY,               \
		.uri = "contacts:EmailAddress", .element = "EmailAddresses", .key = #NAME,         \
		.ask = "contacts:EmailAddresses",                                                  \
		.beside = { (BASE), (BASE) + 2, (BASE) + 3, (BASE) + 4, (BASE) + 5 })

#define ADDRESS_PART(SLOT, PART, KIND)                                                             \
	EWS_ROW(SLOT "/" PART, "addresses/" SLOT "/components/" KIND, field_address_component, 0,  \
		.form = EWS_ADDRESS, .uri = "contacts:PhysicalAddress:" PART,                      \
		.element = "PhysicalAddresses", .key = SLOT, .part = PART,                         \
		.ask = "contacts:PhysicalAddresses")

#define ADDRESS(SLOT)                                                                              \
	ADDRESS_PART(SLOT, "Street", "name"), ADDRESS_PART(SLOT, "City", "locality"),              \
		ADDRESS_PART(SLOT, "State", "region"),                                             \
		ADDRESS_PART(SLOT, "CountryOrRegion", "country"),                                  \
		ADDRESS_PART(SLOT, "PostalCode", "postcode")

#define PHONE(NAME)                                                                                \
	EWS_ROW(#NAME, "phones/" #NAME "/number", field_text, 0, .form = EWS_ENTRY,                \
		.uri = "contacts:PhoneNumber", .element = "PhoneNumbers", .key = #NAME,            \
		.ask = "contacts:PhoneNumbers")

#define IM(NAME)                                                                                   \
	EWS_ROW(#NAME, "onlineServices/" #NAME "/uri", field_text, 0, .form = EWS_ENTRY,           \
		.uri = "contacts:ImAddress", .element = "ImAddresses", .key = #NAME,               \
		.ask = "contacts:ImAddresses")

/* PidLidBirthdayLocal, PidLidWeddingAnniversaryLocal (MS-OXOCNTC 2.2.1.5) stand beside. */
#define DATE(NAME, PATH, LOCAL)                                                                    \
	EWS_ROW(#NAME, PATH, field_date, 0, .form = EWS_DATE, .uri = "contacts:" #NAME,            \
		.element = #NAME, .beside = { (LOCAL) })

/* NOLINTEND(bugprone-macro-parentheses) */

/* xs:anyURI as the schema's validators read it: what no URI holds stands for a letter.  A request with
 * anything else would be refused as a whole; such a page stays in the file. */
static bool is_uri(const char *text)
{
	char *copy AUTOFREE = xstrdup(text);
	xmlURI *uri;

	for (unsigned char *c = (unsigned char *)copy; *c; c++)
		if (*c < ' ' || *c >= 127 || strchr("<>\"{}|\\^`'", *c))
			*c = '_';
	uri = xmlParseURI(copy);
	xmlFreeURI(uri);
	return uri != NULL;
}

static json_t *page_get(const json_t *doc, const struct field *field)
{
	json_t *value = field_text.get(doc, field);

	if (!value || is_uri(json_string_value(value)))
		return value;
	json_decref(value);
	return NULL;
}

static int page_set(json_t *doc, const struct field *field, const char *key, const json_t *value,
	struct error *err)
{
	return field_text.set(doc, field, key, value, err);
}

static const struct field_type page_type = { .get = page_get, .set = page_set };

static const struct field rows[] = {
	/* ItemType */
	EWS_ROW("Sensitivity", "tandemfs:sensitivity", field_text, 0, .form = EWS_CHOICE,
		.uri = "item:Sensitivity", .element = "Sensitivity", .none = "Normal"),
	EWS_ROW("Body", "notes/Body/note", field_text, 0, .form = EWS_BODY, .uri = "item:Body",
		.element = "Body"),
	{ .name = EWS_PHOTO_FIELD,
		.path = "media",
		.type = &field_photo,
		.apart = &card_photo_apart,
		.wire = &(const struct ews_wire){ .form = EWS_PHOTO,
			.uri = "item:Attachments",
			.element = "Attachments" } },
	EWS_ROW("Categories", "keywords", field_keywords, FIELD_PER_KEY, .form = EWS_KEYS,
		.uri = "item:Categories", .element = "Categories"),
	/* PidTagDisplayNamePrefix: CompleteName/Title shows it but cannot be written. */
	EWS_ROW("Prefix", "name/components/title", field_name_component, 0, .form = EWS_EXTENDED,
		.uri = "0x3A45"),
	/* ContactItemType */
	PLAIN(FileAs, "tandemfs:fileAs", field_text, 0),
	PLAIN(DisplayName, "name/full", field_text, FIELD_NAMING),
	PLAIN(GivenName, "name/components/given", field_name_component, FIELD_NAMING),
	PLAIN(MiddleName, "name/components/given2", field_name_component, FIELD_NAMING),
	PLAIN(Nickname, "nicknames/Nickname/name", field_text, 0),
	PLAIN(CompanyName, "organizations/CompanyName/name", field_text, 0),
	EMAIL(EmailAddress1, 0x8080),
	EMAIL(EmailAddress2, 0x8090),
	EMAIL(EmailAddress3, 0x80A0),
	ADDRESS("Business"),
	ADDRESS("Home"),
	ADDRESS("Other"),
	PHONE(AssistantPhone),
	PHONE(BusinessFax),
	PHONE(BusinessPhone),
	PHONE(BusinessPhone2),
	PHONE(Callback),
	PHONE(CarPhone),
	PHONE(CompanyMainPhone),
	PHONE(HomeFax),
	PHONE(HomePhone),
	PHONE(HomePhone2),
	PHONE(Isdn),
	PHONE(MobilePhone),
	PHONE(OtherFax),
	PHONE(OtherTelephone),
	PHONE(Pager),
	PHONE(PrimaryPhone),
	PHONE(RadioPhone),
	PHONE(Telex),
	PHONE(TtyTddPhone),
	PLAIN(AssistantName, "relatedTo/assistant", field_related, 0),
	DATE(Birthday, "anniversaries/birth/date", 0x80DE),
	PLAIN(BusinessHomePage, "links/BusinessHomePage/uri", page_type, 0),
	EWS_ROW("Children", "relatedTo/child", field_related_list, 0, .form = EWS_STRINGS,
		.uri = "contacts:Children", .element = "Children"),
	PLAIN(Department, "organizations/CompanyName/units/0/name", field_text, 0),
	PLAIN(Generation, "name/components/generation", field_name_component, 0),
	IM(ImAddress1),
	IM(ImAddress2),
	IM(ImAddress3),
	PLAIN(JobTitle, "titles/JobTitle/name", field_text, 0),
	PLAIN(Manager, "relatedTo/manager", field_related, 0),
	PLAIN(OfficeLocation, "tandemfs:officeLocation", field_text, 0),
	PLAIN(Profession, "titles/Profession/name", field_text, 0),
	PLAIN(SpouseName, "relatedTo/spouse", field_related, 0),
	PLAIN(Surname, "name/components/surname", field_name_component, FIELD_NAMING),
	DATE(WeddingAnniversary, "anniversaries/wedding/date", 0x80DF),
	/* DistributionListType: contacts have none of these. */
	EWS_ROW(EWS_LIST_FIELD, "kind", field_text, FIELD_READ_ONLY, .form = EWS_LIST_KIND,
		.element = "DistributionList"),
	EWS_ROW("Members", "members", field_members, FIELD_READ_ONLY, .form = EWS_MEMBERS,
		.uri = "distributionlist:Members", .element = "Members"),
};

const struct field_table ews_contact_table = { rows, ARRAY_SIZE(rows) };
