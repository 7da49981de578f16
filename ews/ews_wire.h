/* How a row of a field table stands in EWS: where it is written, how it is asked for and read.
 *
 * The rows of a table stand in the order in which the schema wants the elements of an item, so that
 * writing the rows in table order writes a valid item; rows of one dictionary stand together. */
#ifndef EWS_EWS_WIRE_H
#define EWS_EWS_WIRE_H

#include <jansson.h>
#include <libxml/tree.h>
#include <stdint.h>

#include "sync/buf.h"
#include "sync/field.h"
#include "sync/mailbox.h"

enum ews_form {
	EWS_TEXT,      /* <t:GivenName>Anna</t:GivenName> */
	EWS_CHOICE,    /* the same; emptied by setting `none`, which reads as empty */
	EWS_BODY,      /* <t:Body BodyType="Text">; IsTruncated makes it unread */
	EWS_DATE,      /* xs:dateTime, a day; see ews_date_read */
	EWS_STRINGS,   /* <t:Children><t:String>; a JSON array */
	EWS_KEYS,      /* the same for a row with FIELD_PER_KEY */
	EWS_ENTRY,     /* <t:PhoneNumbers><t:Entry Key="MobilePhone"> */
	EWS_ADDRESS,   /* <t:PhysicalAddresses><t:Entry Key="Home"><t:Street> */
	EWS_EXTENDED,  /* <t:ExtendedProperty> by property tag, a string */
	EWS_LIST_KIND, /* "group", when the item is a <t:DistributionList> */
	EWS_MEMBERS,   /* <t:Members> of a distribution list; read only */
	EWS_PHOTO,     /* a <t:FileAttachment> among the attachments; written apart */
	/* of events and tasks */
	EWS_BOOLEAN,	  /* JSON true, or absent */
	EWS_ZONE,	  /* <t:StartTimeZone Id=""/> and <t:EndTimeZone Id=""/> */
	EWS_NUMBER,	  /* a whole number; absent is 0 */
	EWS_DUE_REMINDER, /* <t:ReminderDueBy> and <t:ReminderIsSet>; an instant, or absent */
	EWS_REMINDER, /* <t:ReminderIsSet> and <t:ReminderMinutesBeforeStart>; a number, or absent */
	EWS_ORGANIZER,	 /* <t:Organizer>; an object { "name", "email" } */
	EWS_ATTENDEES,	 /* <t:RequiredAttendees> ...; a key an address: { "name", "role" } */
	EWS_RESPONSES,	 /* their <t:ResponseType>; a key an address */
	EWS_RECURRENCE,	 /* <t:Recurrence>; see ews_recurrence.h */
	EWS_ATTACHMENTS, /* <t:Attachments> by name: an array of { "name", "type" }; read only */
	EWS_NOWHERE,	 /* not in the item itself */
};

struct ews_wire {
	enum ews_form form;
	/* NULL: nothing is asked for. */
	const char *uri; /* FieldURI; of a dictionary: the one with an index; or the property tag */
	const char *element; /* "GivenName"; of a dictionary: its element, "PhoneNumbers" */
	const char *key;     /* of a dictionary: Entry's Key */
	const char *part;    /* EWS_ADDRESS: "Street" */
	const char *none;    /* EWS_CHOICE: the value that stands for empty */
	const char *ask;     /* FieldURI that a GetItem asks by, when it is not `uri` */
	const char *group;   /* rows of one group are sent together when one of them changed */
	const char *with;    /* a row with a value is sent with changes of this group, too */
	/* Properties of PSETID_Address that Outlook keeps beside this one: EWS_DATE has one that
	 * holds the day itself; those of an e-mail address must go when the address goes.  0
	 * ends. */
	uint32_t beside[5];
};

/* A row of a table: name in shadows, place in the document, conversion there, flags, wire. */
#define EWS_ROW(NAME, PATH, TYPE, FLAGS, ...)                                                      \
	{                                                                                          \
		.name = (NAME), .path = (PATH), .type = &(TYPE), .flags = (FLAGS),                 \
		.wire = &(const struct ews_wire)                                                   \
		{                                                                                  \
			__VA_ARGS__                                                                \
		}                                                                                  \
	}

/* The properties that a GetItem asks for: one path a row (dictionaries once), what the marks and
 * identity need included. */
void ews_wire_write_paths(struct buf *out, const struct field_table *table);

/* The elements of a new item: rows of `fields`, and marks. */
void ews_wire_write_item(struct buf *out, const struct field_table *table, const json_t *fields,
	const struct mailbox_marks *marks);

/* <t:SetItemField> or <t:DeleteItemField> for one row; `item` is the element ("Contact"). */
void ews_wire_write_change(
	struct buf *out, const struct field *row, const json_t *fields, const char *item);
/* The same for the marks that an update may change; those that are NULL are deleted. */
void ews_wire_write_marks_change(
	struct buf *out, const struct mailbox_marks *marks, const char *item);

/* Reads all rows and marks of an item element. */
void ews_wire_read(const struct field_table *table, const xmlNode *node, json_t *fields,
	json_t *unread, struct mailbox_marks *marks);

/* The day that stands beside a date, or another property of PSETID_Address; new string or NULL. */
char *ews_wire_read_beside(const xmlNode *node, uint32_t id);

/* An extended property by tag ("0x3A45"), a string. */
void ews_wire_write_property(struct buf *out, const char *tag, const char *value);
/* Its value, new string or NULL. */
char *ews_wire_read_property(const xmlNode *node, uint32_t tag);

#endif
