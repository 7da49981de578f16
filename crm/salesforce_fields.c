/* The table of Contact (design section 7) and its fit to an org.
 *
 * The static table says what belongs where; lengths and rights come from the org's own description,
 * read once.  Fields that the org lacks, or that our user may not see, are left out of the copy.
 *
 * LastName is required, and not every contact has a surname.  Its row answers a stand-in then (see
 * field_is_stand_in): the name as a whole, the company, the e-mail's local part.  A stand-in that
 * comes back is no surname: field_apply() sees that the document projects to it already.
 *
 * The company is the name of the Account that AccountId refers to.  The row holds the name, and the hub
 * looks for the id (FIELD_REFERENCE); names are one when they differ in case or blanks around them. */
#include "crm/private.h"

#include <string.h>

#include "sync/formats/card.h"
#include "sync/mem.h"

/* ---- LastName ---------------------------------------------------------------------------------- */

/* Places of a card that a stand-in is made of. */
static const struct field given_name = { .path = "name/components/given",
	.type = &field_name_component };
static const struct field full_name = { .path = "name/full", .type = &field_text };
static const struct field company = { .path = "organizations/CompanyName/name",
	.type = &field_text };

static json_t *text_at(const json_t *doc, const struct field *place)
{
	return place->type->get(doc, place);
}

/* The part before the '@' of the first address. */
static json_t *local_part(const json_t *doc)
{
	json_t *emails = json_object_get(doc, "emails"), *entry;
	const char *id;

	json_object_foreach(emails, id, entry) {
		const char *address = json_string_value(json_object_get(entry, "address"));
		size_t len = address ? strcspn(address, "@") : 0;

		if (len)
			return json_stringn(address, len);
	}
	return NULL;
}

/* At most `max` UTF-16 units of the text, cut at a character. */
static json_t *cut(json_t *value, size_t max)
{
	const unsigned char *text = (const unsigned char *)json_string_value(value);
	size_t units = 0, at = 0;
	json_t *shorter;

	while (max && text && text[at]) {
		size_t bytes = text[at] < 0x80 ? 1 : text[at] < 0xe0 ? 2 : text[at] < 0xf0 ? 3 : 4;

		units += bytes == 4 ? 2 : 1;
		if (units > max) {
			shorter = json_stringn((const char *)text, at);
			json_decref(value);
			return shorter;
		}
		at += bytes;
	}
	return value;
}

static json_t *stand_in(const json_t *doc)
{
	json_t *given = text_at(doc, &given_name);
	json_t *value = NULL;

	/* With a given name the full one would repeat it: "Anna Anna". */
	if (!given)
		value = text_at(doc, &full_name);
	if (!value)
		value = text_at(doc, &company);
	if (!value)
		value = local_part(doc);
	if (!value)
		return given;
	json_decref(given);
	return value;
}

static json_t *last_name_get(const json_t *doc, const struct field *field)
{
	json_t *value = field_name_component.get(doc, field);

	if (value)
		return value;
	value = stand_in(doc);
	return value ? cut(value, field->max_chars) : NULL;
}

static int last_name_set(json_t *doc, const struct field *field, const char *key,
	const json_t *value, struct error *err)
{
	return field_name_component.set(doc, field, key, value, err);
}

static const struct field_type last_name = { .get = last_name_get, .set = last_name_set };

/* ---- Account ----------------------------------------------------------------------------------- */

static json_t *account_get(const json_t *doc, const struct field *field)
{
	return field_text.get(doc, field);
}

static int account_set(json_t *doc, const struct field *field, const char *key, const json_t *value,
	struct error *err)
{
	return field_text.set(doc, field, key, value, err);
}

static bool account_same(const json_t *a, const json_t *b)
{
	char *one AUTOFREE = salesforce_fold_name(json_string_value(a));
	char *other AUTOFREE = salesforce_fold_name(json_string_value(b));

	return !strcmp(one, other);
}

static const struct field_type account_name = {
	.get = account_get, .set = account_set, .same = account_same
};

/* ---- the table --------------------------------------------------------------------------------- */

#define ROW(name_, path_, type_, chars_, flags_)                                                   \
	{                                                                                          \
		.name = (name_), .path = (path_), .type = &(type_), .flags = (flags_),             \
		.max_chars = (chars_)                                                              \
	}
#define NAME(name_, kind_, chars_)                                                                 \
	ROW(name_, "name/components/" kind_, field_name_component, chars_, FIELD_NAMING)
#define PHONE(name_, slot_) ROW(name_, "phones/" slot_ "/number", field_text, 40, 0)
#define ADDRESS(prefix_, slot_)                                                                    \
	ROW(prefix_ "Street", "addresses/" slot_ "/components/name", field_address_component, 255, \
		0),                                                                                \
		ROW(prefix_ "City", "addresses/" slot_ "/components/locality",                     \
			field_address_component, 40, 0),                                           \
		ROW(prefix_ "State", "addresses/" slot_ "/components/region",                      \
			field_address_component, 80, 0),                                           \
		ROW(prefix_ "PostalCode", "addresses/" slot_ "/components/postcode",               \
			field_address_component, 20, 0),                                           \
		ROW(prefix_ "Country", "addresses/" slot_ "/components/country",                   \
			field_address_component, 80, 0)

/* clang-format off */
const struct field salesforce_contact_rows[] = {
	ROW("Salutation", "name/components/title", field_name_component, 40, 0),
	NAME("FirstName", "given", 40),
	NAME("MiddleName", "given2", 40),
	ROW("LastName", "name/components/surname", last_name, 80,
		FIELD_NAMING | FIELD_REQUIRED | FIELD_STAND_IN),
	ROW("Suffix", "name/components/generation", field_name_component, 40, 0),
	{ .name = "Account.Name",
		.path = "organizations/CompanyName/name",
		.type = &account_name,
		.flags = FIELD_REFERENCE,
		.max_chars = 255,
		.wire = "AccountId" },
	ROW("Department", "organizations/CompanyName/units/0/name", field_text, 80, 0),
	ROW("Title", "titles/JobTitle/name", field_text, 128, 0),
	ROW("Email", "emails/EmailAddress1/address", field_text, 80, 0),
	PHONE("Phone", "BusinessPhone"),
	PHONE("MobilePhone", "MobilePhone"),
	PHONE("HomePhone", "HomePhone"),
	PHONE("OtherPhone", "OtherTelephone"),
	PHONE("Fax", "BusinessFax"),
	PHONE("AssistantPhone", "AssistantPhone"),
	ADDRESS("Mailing", "Business"),
	ADDRESS("Other", "Other"),
	ROW("Birthdate", "anniversaries/birth/date", field_date, 0, 0),
	ROW("AssistantName", "relatedTo/assistant", field_related, 40, 0),
};
/* clang-format on */
const size_t salesforce_contact_n = ARRAY_SIZE(salesforce_contact_rows);

static const struct field account_rows[] = { ROW("Name", "name/full", field_text, 255, 0) };
static const struct salesforce_spec account_spec = { .name = "Account" };
const struct salesforce_object salesforce_account = { .spec = &account_spec,
	.name = "Account",
	.rows = (struct field *)account_rows,
	.n_rows = ARRAY_SIZE(account_rows) };

static const struct salesforce_spec salesforce_contact = {
	.name = "Contact",
	.kind = KIND_CONTACT,
	.rows = salesforce_contact_rows,
	.n_rows = &salesforce_contact_n,
	.hint = "give the contact a surname, a company or an e-mail address",
};

/* ---- all kinds --------------------------------------------------------------------------------- */

const struct salesforce_spec *salesforce_spec(enum item_kind kind)
{
	static const struct salesforce_spec *const specs[ITEM_KINDS] = {
		[KIND_CONTACT] = &salesforce_contact,
		[KIND_EVENT] = &salesforce_event,
		[KIND_TASK] = &salesforce_task,
	};

	return (size_t)kind < ITEM_KINDS ? specs[kind] : NULL;
}

static int describe(struct crm *crm, const struct salesforce_spec *spec,
	struct salesforce_object **object, struct error *err)
{
	char *path AUTOFREE = xasprintf(SALESFORCE_PATH "/sobjects/%s/describe", spec->name);
	struct salesforce_call call = { .method = "GET", .path = path, .operation = "describe" };
	int rc = salesforce_send(crm, &call, err);

	if (!rc)
		rc = salesforce_read_describe(
			call.answer, spec, crm->external_id_field, object, err);
	json_decref(call.answer);
	return rc;
}

int salesforce_object(struct crm *crm, enum item_kind kind, const struct salesforce_object **object,
	struct error *err)
{
	const struct salesforce_spec *spec = salesforce_spec(kind);
	int rc = 0;

	*object = NULL;
	if (!spec)
		return 0;
	pthread_mutex_lock(&crm->describe_lock);
	if (!crm->objects[kind])
		rc = describe(crm, spec, &crm->objects[kind], err);
	*object = crm->objects[kind];
	pthread_mutex_unlock(&crm->describe_lock);
	return rc;
}
