/* Forms: how the value of one row of a field table is written and read in EWS.
 *
 * A form knows nothing of what stands around a value (a dictionary, an update's SetItemField):
 * that is ews_wire.c's.  The forms of contacts, and those that all kinds share, are in ews_form.c. */
#ifndef EWS_EWS_FORM_H
#define EWS_EWS_FORM_H

#include <jansson.h>
#include <libxml/tree.h>
#include <stdbool.h>
#include <stdint.h>

#include "ews/ews_wire.h"
#include "sync/buf.h"
#include "sync/field.h"

struct ews_form_type {
	/* Has the row a value to be written? */
	bool (*has_value)(const struct field *row, const json_t *fields);
	/* The elements with their values. */
	void (*write)(struct buf *out, const struct field *row, const json_t *fields);
	/* The <t:SetItemField>s and <t:DeleteItemField>s of a row that stands in several properties;
	 * NULL: it stands in one. */
	void (*write_change)(
		struct buf *out, const struct field *row, const json_t *fields, const char *item);
	/* Puts the value into fields, nothing when it is empty; false when it was not given whole. */
	bool (*read)(const struct field *row, const xmlNode *node, json_t *fields);
	bool empty_is_set; /* emptied by writing the empty value, not by DeleteItemField */
};

const struct ews_form_type *ews_form_of(const struct field *row);
const struct ews_wire *ews_wire_of(const struct field *row);
bool ews_form_has_value(const struct field *row, const json_t *fields);

/* EWS_PHOTO (ews_attachment.c): the token of a photo. */
bool ews_photo_read(const struct field *row, const xmlNode *node, json_t *fields);

/* EWS_LIST_KIND, EWS_MEMBERS (ews_list.c). */
bool ews_list_read_kind(const struct field *row, const xmlNode *node, json_t *fields);
bool ews_list_read_members(const struct field *row, const xmlNode *node, json_t *fields);

/* Pieces for forms. */

/* Is `name` a projected name of a row with FIELD_PER_KEY?  Then the key, else NULL. */
const char *ews_form_key(const struct field *row, const char *name);
/* has_value and write of a row that is never written with the item itself. */
bool ews_form_no_value(const struct field *row, const json_t *fields);
void ews_form_write_nothing(struct buf *out, const struct field *row, const json_t *fields);
/* Puts a string, when it is not empty. */
void ews_form_put(json_t *fields, const char *name, const char *text);
/* What stands around the element of a SetItemField by FieldURI; `item` is the item's element. */
void ews_set_open(struct buf *out, const char *uri, const char *item);
void ews_set_close(struct buf *out, const char *item);
void ews_delete_field(struct buf *out, const char *uri);
/* The <t:SetItemField> of a body in HTML. */
void ews_set_html_body(struct buf *out, const char *html, const char *item);
/* Elements of the types namespace, by their names without prefix. */
void ews_element(struct buf *out, const char *element, const char *text);
void ews_open(struct buf *out, const char *element);
void ews_close(struct buf *out, const char *element);

/* ews_event_form.c: the forms of events and tasks. */
extern const struct ews_form_type ews_boolean_form, ews_number_form, ews_zone_form,
	ews_reminder_form, ews_due_reminder_form, ews_organizer_form, ews_attendees_form,
	ews_responses_form, ews_recurrence_form, ews_attachments_form, ews_nowhere_form;

#endif
