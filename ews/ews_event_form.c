/* The forms of events and tasks.  See ews_form.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "ews/ews_event.h"
#include "ews/ews_form.h"
#include "ews/ews_recurrence.h"
#include "ews/ews_time.h"
#include "ews/ews_xml.h"
#include "sync/mem.h"

static const json_t *value_of(const struct field *row, const json_t *fields)
{
	return json_object_get(fields, row->name);
}

/* Booleans. */

static bool is_true(const struct field *row, const json_t *fields)
{
	return json_is_true(value_of(row, fields));
}

static void write_boolean(struct buf *out, const struct field *row, const json_t *fields)
{
	ews_element(out, ews_wire_of(row)->element, is_true(row, fields) ? "true" : "false");
}

static bool read_boolean(const struct field *row, const xmlNode *node, json_t *fields)
{
	if (xml_boolean(xml_child(node, ews_wire_of(row)->element), false))
		json_object_set_new(fields, row->name, json_true());
	return true;
}

const struct ews_form_type ews_boolean_form = {
	.has_value = is_true,
	.write = write_boolean,
	.read = read_boolean,
	.empty_is_set = true,
};

/* Numbers. */

static bool has_number(const struct field *row, const json_t *fields)
{
	return json_is_integer(value_of(row, fields));
}

static void write_integer(struct buf *out, const char *element, const json_t *value)
{
	char text[32];

	snprintf(text, sizeof(text), "%lld", (long long)json_integer_value(value));
	ews_element(out, element, text);
}

static void write_number(struct buf *out, const struct field *row, const json_t *fields)
{
	write_integer(out, ews_wire_of(row)->element, value_of(row, fields));
}

/* xs:double, of which we keep the whole part. */
static bool read_number(const struct field *row, const xmlNode *node, json_t *fields)
{
	char *text AUTOFREE = xml_child_text(node, ews_wire_of(row)->element);
	long long number = text ? strtoll(text, NULL, 10) : 0;

	if (number)
		json_object_set_new(fields, row->name, json_integer(number));
	return true;
}

const struct ews_form_type ews_number_form = {
	.has_value = has_number,
	.write = write_number,
	.read = read_number,
	.empty_is_set = true,
};

/* The time zone: Exchange keeps one for the start and one for the end; ours is both.  The value is
 * Windows' name here (see ews_event.h). */

static const char *const zone_elements[] = { "StartTimeZone", "EndTimeZone" };

static bool has_zone(const struct field *row, const json_t *fields)
{
	return json_string_length(value_of(row, fields)) > 0;
}

static void write_one_zone(
	struct buf *out, const struct field *row, const json_t *fields, const char *element)
{
	char *name AUTOFREE = xasprintf("t:%s", element);

	xml_empty(out, name, "Id", json_string_value(value_of(row, fields)));
}

static void write_zone(struct buf *out, const struct field *row, const json_t *fields)
{
	for (size_t i = 0; i < ARRAY_SIZE(zone_elements); i++)
		write_one_zone(out, row, fields, zone_elements[i]);
}

static void change_zone(
	struct buf *out, const struct field *row, const json_t *fields, const char *item)
{
	if (!has_zone(row, fields))
		return;
	for (size_t i = 0; i < ARRAY_SIZE(zone_elements); i++) {
		char *uri AUTOFREE = xasprintf("calendar:%s", zone_elements[i]);

		ews_set_open(out, uri, item);
		write_one_zone(out, row, fields, zone_elements[i]);
		ews_set_close(out, item);
	}
}

static bool read_zone(const struct field *row, const xmlNode *node, json_t *fields)
{
	xmlNode *zone = xml_child(node, "StartTimeZone");
	char *id AUTOFREE = xml_attribute(zone, "Id");
	json_t *rules = ews_zone_rules(zone);

	ews_form_put(fields, row->name, id && !*id ? "an unnamed time zone" : id);
	if (rules)
		json_object_set_new(fields, EWS_ZONE_RULES, rules);
	return true;
}

const struct ews_form_type ews_zone_form = {
	.has_value = has_zone,
	.write = write_zone,
	.write_change = change_zone,
	.read = read_zone,
};

/* Reminders: minutes before the start, or an instant. */

static bool has_instant(const struct field *row, const json_t *fields)
{
	return json_string_length(value_of(row, fields)) > 0;
}

static void write_is_set(struct buf *out, bool is_set)
{
	ews_element(out, "ReminderIsSet", is_set ? "true" : "false");
}

/* Exchange sets a reminder of its own for what says nothing of one. */
static bool always(const struct field *row, const json_t *fields)
{
	(void)row;
	(void)fields;
	return true;
}

static void write_minutes(struct buf *out, const struct field *row, const json_t *fields)
{
	write_integer(out, "ReminderMinutesBeforeStart", value_of(row, fields));
}

static void write_due_by(struct buf *out, const struct field *row, const json_t *fields)
{
	ews_element(out, "ReminderDueBy", json_string_value(value_of(row, fields)));
}

/* ReminderDueBy stands before ReminderIsSet in the schema, ReminderMinutesBeforeStart after it. */
static void write_reminder(struct buf *out, const struct field *row, const json_t *fields)
{
	write_is_set(out, has_number(row, fields));
	if (has_number(row, fields))
		write_minutes(out, row, fields);
}

static void write_due_reminder(struct buf *out, const struct field *row, const json_t *fields)
{
	write_due_by(out, row, fields);
	write_is_set(out, true);
}

static void change_is_set(struct buf *out, bool is_set, const char *item)
{
	ews_set_open(out, "item:ReminderIsSet", item);
	write_is_set(out, is_set);
	ews_set_close(out, item);
}

static void change_reminder(
	struct buf *out, const struct field *row, const json_t *fields, const char *item)
{
	change_is_set(out, has_number(row, fields), item);
	if (!has_number(row, fields))
		return;
	ews_set_open(out, "item:ReminderMinutesBeforeStart", item);
	write_minutes(out, row, fields);
	ews_set_close(out, item);
}

static void change_due_reminder(
	struct buf *out, const struct field *row, const json_t *fields, const char *item)
{
	change_is_set(out, has_instant(row, fields), item);
	if (!has_instant(row, fields))
		return;
	ews_set_open(out, "item:ReminderDueBy", item);
	write_due_by(out, row, fields);
	ews_set_close(out, item);
}

static bool read_reminder(const struct field *row, const xmlNode *node, json_t *fields)
{
	char *minutes AUTOFREE = xml_child_text(node, "ReminderMinutesBeforeStart");

	if (xml_boolean(xml_child(node, "ReminderIsSet"), false) && minutes)
		json_object_set_new(fields, row->name, json_integer(strtoll(minutes, NULL, 10)));
	return true;
}

static bool read_due_reminder(const struct field *row, const xmlNode *node, json_t *fields)
{
	char *due AUTOFREE = xml_child_text(node, "ReminderDueBy"), text[CALTIME_SIZE];
	int64_t seconds;

	if (!xml_boolean(xml_child(node, "ReminderIsSet"), false) ||
		!ews_time_seconds(due, &seconds))
		return true;
	caltime_write_utc(seconds, text);
	json_object_set_new(fields, row->name, json_string(text));
	return true;
}

const struct ews_form_type ews_reminder_form = {
	.has_value = always,
	.write = write_reminder,
	.write_change = change_reminder,
	.read = read_reminder,
};

const struct ews_form_type ews_due_reminder_form = {
	.has_value = has_instant,
	.write = write_due_reminder,
	.write_change = change_due_reminder,
	.read = read_due_reminder,
};

/* People.  An internal address ("/o=Corp/ou=...") says nothing to anybody else: such a person is
 * left out, and the list with it is not one that may be written back. */

static char *smtp_address(const xmlNode *mailbox)
{
	char *address = xml_child_text(mailbox, "EmailAddress");
	char *routing AUTOFREE = xml_child_text(mailbox, "RoutingType");

	if (address && (!strchr(address, '@') || address[0] == '/' ||
			       (routing && *routing && strcasecmp(routing, "SMTP") != 0))) {
		free(address);
		return NULL;
	}
	return address;
}

static bool read_nothing(const struct field *row, const xmlNode *node, json_t *fields)
{
	(void)row;
	(void)node;
	(void)fields;
	return true;
}

static void change_nothing(
	struct buf *out, const struct field *row, const json_t *fields, const char *item)
{
	(void)item;
	ews_form_write_nothing(out, row, fields);
}

const struct ews_form_type ews_nowhere_form = {
	.has_value = ews_form_no_value,
	.write = ews_form_write_nothing,
	.write_change = change_nothing,
	.read = read_nothing,
};

static bool read_organizer(const struct field *row, const xmlNode *node, json_t *fields)
{
	xmlNode *mailbox = xml_child(xml_child(node, "Organizer"), "Mailbox");
	char *address AUTOFREE = smtp_address(mailbox);
	char *name AUTOFREE = xml_child_text(mailbox, "Name");
	json_t *value;

	/* Every item has one; only a meeting is somebody's. */
	if (!address || !xml_boolean(xml_child(node, "IsMeeting"), false))
		return true;
	value = json_pack("{s:s}", "email", address);
	ews_form_put(value, "name", name);
	json_object_set_new(fields, row->name, value);
	return true;
}

const struct ews_form_type ews_organizer_form = {
	.has_value = ews_form_no_value,
	.write = ews_form_write_nothing,
	.read = read_organizer,
};

static const struct {
	const char *element, *uri, *role;
} attendee_lists[] = {
	{ "RequiredAttendees", "calendar:RequiredAttendees", "required" },
	{ "OptionalAttendees", "calendar:OptionalAttendees", "optional" },
	{ "Resources", "calendar:Resources", "resource" },
};

static void write_attendee(struct buf *out, const char *address, const json_t *value)
{
	const char *name = json_string_value(json_object_get(value, "name"));

	xml_start(out, "t:Attendee");
	xml_start(out, "t:Mailbox");
	if (name && *name)
		xml_element(out, "t:Name", name);
	xml_element(out, "t:EmailAddress", address);
	xml_element(out, "t:RoutingType", "SMTP");
	xml_end(out, "t:Mailbox");
	xml_end(out, "t:Attendee");
}

/* The list of those with this role; returns how many.  out NULL: only counts. */
static size_t write_list(
	struct buf *out, const struct field *row, const json_t *fields, size_t list)
{
	const char *name;
	json_t *value;
	size_t n = 0;

	json_object_foreach((json_t *)fields, name, value) {
		const char *address = ews_form_key(row, name);
		const char *role = json_string_value(json_object_get(value, "role"));

		if (!address || !role || strcmp(role, attendee_lists[list].role) != 0)
			continue;
		if (out && !n)
			ews_open(out, attendee_lists[list].element);
		if (out)
			write_attendee(out, address, value);
		n++;
	}
	if (out && n)
		ews_close(out, attendee_lists[list].element);
	return n;
}

static bool has_attendees(const struct field *row, const json_t *fields)
{
	for (size_t i = 0; i < ARRAY_SIZE(attendee_lists); i++)
		if (write_list(NULL, row, fields, i))
			return true;
	return false;
}

static void write_attendees(struct buf *out, const struct field *row, const json_t *fields)
{
	for (size_t i = 0; i < ARRAY_SIZE(attendee_lists); i++)
		write_list(out, row, fields, i);
}

static void change_attendees(
	struct buf *out, const struct field *row, const json_t *fields, const char *item)
{
	for (size_t i = 0; i < ARRAY_SIZE(attendee_lists); i++) {
		if (!write_list(NULL, row, fields, i)) {
			ews_delete_field(out, attendee_lists[i].uri);
			continue;
		}
		ews_set_open(out, attendee_lists[i].uri, item);
		write_list(out, row, fields, i);
		ews_set_close(out, item);
	}
}

/* Calls put for each attendee with an address; false when one has none. */
static bool read_people(const struct field *row, const xmlNode *node, json_t *fields,
	void (*put)(json_t *fields, const char *name, const xmlNode *attendee, size_t list))
{
	bool whole = true;

	for (size_t i = 0; i < ARRAY_SIZE(attendee_lists); i++) {
		xmlNode *attendee = xml_first(xml_child(node, attendee_lists[i].element));

		for (; attendee; attendee = xml_next(attendee)) {
			char *address AUTOFREE = smtp_address(xml_child(attendee, "Mailbox"));
			char *name AUTOFREE = NULL;

			whole &= address != NULL;
			if (!address)
				continue;
			for (char *c = address; *c; c++)
				if (*c >= 'A' && *c <= 'Z')
					*c += 'a' - 'A';
			name = xasprintf("%s/%s", row->name, address);
			put(fields, name, attendee, i);
		}
	}
	return whole;
}

static void put_attendee(json_t *fields, const char *name, const xmlNode *attendee, size_t list)
{
	char *shown AUTOFREE = xml_child_text(xml_child(attendee, "Mailbox"), "Name");
	json_t *value = json_pack("{s:s}", "role", attendee_lists[list].role);

	ews_form_put(value, "name", shown);
	json_object_set_new(fields, name, value);
}

static bool read_attendees(const struct field *row, const xmlNode *node, json_t *fields)
{
	return read_people(row, node, fields, put_attendee);
}

const struct ews_form_type ews_attendees_form = {
	.has_value = has_attendees,
	.write = write_attendees,
	.write_change = change_attendees,
	.read = read_attendees,
};

/* What says nothing is absent. */
static const char *participation(const char *response)
{
	static const char *const words[][2] = { { "Accept", "accepted" }, { "Decline", "declined" },
		{ "Tentative", "tentative" } };

	for (size_t i = 0; response && i < ARRAY_SIZE(words); i++)
		if (!strcmp(words[i][0], response))
			return words[i][1];
	return NULL;
}

static void put_response(json_t *fields, const char *name, const xmlNode *attendee, size_t list)
{
	char *response AUTOFREE = xml_child_text(attendee, "ResponseType");

	(void)list;
	ews_form_put(fields, name, participation(response));
}

static bool read_responses(const struct field *row, const xmlNode *node, json_t *fields)
{
	return read_people(row, node, fields, put_response);
}

const struct ews_form_type ews_responses_form = {
	.has_value = ews_form_no_value,
	.write = ews_form_write_nothing,
	.read = read_responses,
};

/* Attachments: what the user attached, not the pictures in a body. */

static bool read_attachments(const struct field *row, const xmlNode *node, json_t *fields)
{
	xmlNode *each = xml_first(xml_child(node, "Attachments"));
	json_t *list = json_array();

	for (; each; each = xml_next(each)) {
		char *name AUTOFREE = xml_child_text(each, "Name");
		char *type AUTOFREE = xml_child_text(each, "ContentType");
		json_t *one;

		if (!name || !*name || xml_boolean(xml_child(each, "IsInline"), false))
			continue;
		one = json_pack("{s:s}", "name", name);
		ews_form_put(one, "type", type);
		json_array_append_new(list, one);
	}
	if (json_array_size(list))
		json_object_set(fields, row->name, list);
	json_decref(list);
	return true;
}

const struct ews_form_type ews_attachments_form = {
	.has_value = ews_form_no_value,
	.write = ews_form_write_nothing,
	.read = read_attachments,
};

/* Recurrence. */

static bool has_recurrence(const struct field *row, const json_t *fields)
{
	return json_is_object(value_of(row, fields));
}

/* The day on which it begins: of a task, the one that it is due when it has no other. */
static void write_recurrence(struct buf *out, const struct field *row, const json_t *fields)
{
	static const char *const days[] = { EWS_START_DATE, "StartDate", "DueDate" };
	const char *day = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(days) && !day; i++)
		day = json_string_value(json_object_get(fields, days[i]));
	ews_recurrence_write(out, value_of(row, fields), day);
}

/* False for a pattern that we do not know: the item must not lose it. */
static bool read_recurrence(const struct field *row, const xmlNode *node, json_t *fields)
{
	xmlNode *recurrence = xml_child(node, "Recurrence");
	json_t *value = ews_recurrence_read(recurrence);

	if (value)
		json_object_set_new(fields, row->name, value);
	return value || !recurrence;
}

const struct ews_form_type ews_recurrence_form = {
	.has_value = has_recurrence,
	.write = write_recurrence,
	.read = read_recurrence,
};
