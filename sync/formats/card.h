/* Contacts: the JSContact Card (RFC 9553) as the hub holds it, and the field types for its places.
 *
 * Maps keyed by id take the remote's slot as the id: emails/EmailAddress1, phones/MobilePhone,
 * addresses/Business ...  Values without a slot (a fourth e-mail) have ids that start with "x-".
 * The slots and their templates are one table, card_slots.c.
 *
 * Fixed places (used by the tables of ews/ and crm/):
 *   name/components by kind: title, given, given2, surname, generation       field_name_component
 *   name/full, tandemfs:fileAs, tandemfs:sensitivity                         field_text
 *   organizations/CompanyName/name, .../units/0/name, titles/JobTitle/name,
 *   titles/Profession/name (kind role), nicknames/Nickname/name,
 *   emails/EmailAddress1/address, phones/<slot>/number, onlineServices/ImAddress1/uri,
 *   links/BusinessHomePage/uri, notes/Body/note, tandemfs:officeLocation     field_text
 *   addresses/<Business|Home|Other>/components by kind: name (street), locality, region,
 *   postcode, country                                                        field_address_component
 *   anniversaries/birth/date, anniversaries/wedding/date ("YYYY-MM-DD")      field_date
 *   relatedTo by relation: spouse, manager, assistant                        field_related
 *   relatedTo by relation child, as an array of names                        field_related_list
 *   keywords                                                                 field_keywords
 *   members, and their names                                                 field_members
 *   media of kind photo, a data: URI                                         field_photo
 */
#ifndef SYNC_FORMATS_CARD_H
#define SYNC_FORMATS_CARD_H

#include <jansson.h>

#include "sync/buf.h"
#include "sync/field.h"

extern const struct field_type
	field_text; /* path: slash-separated members, numbers are array indices */
extern const struct field_type field_name_component; /* path: "name/components/given" */
extern const struct field_type
	field_address_component; /* path: "addresses/Business/components/locality" */
extern const struct field_type
	field_date; /* path: "anniversaries/birth/date"; partial dates stay out */
extern const struct field_type field_related;	   /* path: "relatedTo/spouse" */
extern const struct field_type field_related_list; /* path: "relatedTo/child" */
extern const struct field_type field_keywords;	   /* path: "keywords", FIELD_PER_KEY */
extern const struct field_type field_photo;	   /* path: "media", with card_photo_apart */
extern const struct field_apart card_photo_apart;
extern const struct field_type field_members; /* path: "members": [[URI, name or ""], ...] */
#define CARD_MEMBER_NAME "x-cn"		      /* parameter of MEMBER that holds a member's name */

/* New empty Card with @type and version. */
json_t *card_new(void);

/* Gives the values of a parsed card their slots: matched to those of `base` (may be NULL) by equal
 * value, then by type, then by order; what is left takes free slots of its type (a phone without a
 * type: BusinessPhone, then MobilePhone, HomePhone, OtherTelephone ...); the rest keeps "x-" ids.
 * A value that had no slot in base moves up only when the user edited that kind of value. */
void card_assign_slots(json_t *card, const json_t *base);

/* Why a user may not change the content of this card (a group, which Exchange keeps as a distribution
 * list), or NULL: he may. */
const char *card_read_only(const json_t *card);

/* All e-mail addresses, normalised (trimmed, lower case), as a new array of strings. */
json_t *card_emails(const json_t *card);

/* Display name, for a file name or an FN: name.full, else the components, else organisation, else
 * the first e-mail or nickname, else "contact".  Not yet cleaned (see document_file_name). */
void card_title(const json_t *card, struct buf *out);

#endif
