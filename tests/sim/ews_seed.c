/* Items of a seed: contacts, and appointments and tasks, which are read as a request would write
 * them, but may also say what only the server knows.
 *
 * A JSON object stands for the element: {"Subject": "...", "Start": "2026-01-02T09:00:00Z",
 * "StartTimeZone": "W. Europe Standard Time", "Recurrence": {"WeeklyRecurrence": {"Interval": 1,
 * "DaysOfWeek": "Monday"}, "NoEndRecurrence": {"StartDate": "2026-01-05"}}, ...}.  A list repeats
 * what the element holds; attendees are addresses, or objects with Name, EmailAddress and
 * ResponseType. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sync/error.h"
#include "sync/mem.h"
#include "tests/sim/ews_calendar.h"

/* A name of a seed, "GivenName", "MobilePhone", "Business/Street", as a cell; -1 unknown. */
static int seed_cell(struct ews *ews, const char *name, int *key, int *part)
{
	static const char *const dictionaries[] = { "contacts:EmailAddresses",
		"contacts:PhoneNumbers", "contacts:ImAddresses" };
	const char *slash = strchr(name, '/');
	int prop;

	*key = *part = 0;
	if (slash) {
		char *which AUTOFREE = xstrndup(name, (size_t)(slash - name));

		prop = ews_prop_by_uri(ews, "contacts:PhysicalAddresses");
		*key = ews_key_index(ews_props[prop].keys, which);
		for (*part = 0; *part < 5; ++*part)
			if (!strcmp(slash + 1, ews_address_parts[*part]))
				return *key < 0 ? -1 : prop;
		return -1;
	}
	for (size_t i = 0; i < ARRAY_SIZE(dictionaries); i++) {
		prop = ews_prop_by_uri(ews, dictionaries[i]);
		*key = ews_key_index(ews_props[prop].keys, name);
		if (*key >= 0)
			return prop;
	}
	*key = 0;
	return ews_prop_by_element(EWS_CONTACT, name);
}

static void seed_value(
	struct ews *ews, struct ews_item *item, const char *name, const json_t *value)
{
	const char *text = json_string_value(value);
	char *normal AUTOFREE = NULL;
	int key, part, prop;

	if (!strcmp(name, "Title")) {
		char *title AUTOFREE = xstrdup(text);
		struct ews_error err = { 0 };

		ews_ext_set(ews, item, ews_ext_named(ews, "0x3a45", "String"), &title, 1, &err);
		return;
	}
	prop = seed_cell(ews, name, &key, &part);
	if (prop < 0 || ews_props[prop].flags & EWS_F_READONLY) {
		fprintf(stderr, "tandem-sim: a seeded contact has an unknown property %s\n", name);
		return;
	}
	if (json_is_array(value)) {
		for (size_t i = 0; i < json_array_size(value); i++)
			ews_put(item, prop, (int)i, 0, json_string_value(json_array_get(value, i)));
		return;
	}
	if (ews_props[prop].type == EWS_T_DATE && text) {
		char *midnight AUTOFREE = strchr(text, 'T') ? xstrdup(text)
							    : xasprintf("%sT00:00:00Z", text);

		normal = ews_date_normal(midnight);
	} else if (ews_props[prop].type == EWS_T_BODY && text) {
		normal = ews_crlf(text);
		ews_put(item, prop, 0, 1, "Text");
	}
	ews_put(item, prop, key, part, normal ? normal : text);
}

void ews_add_contact(
	struct ews *ews, const char *address, const char *folder, const json_t *contact)
{
	struct ews_mailbox *mb = ews_mailbox_find(ews, address);
	struct ews_error ignored = { 0 };
	struct ews_folder *contacts, *f;
	struct ews_item *item;

	if (!mb)
		return;
	contacts = ews_distinguished(mb, "contacts");
	f = !strcasecmp(folder, "contacts") ? contacts : ews_folder_child(contacts, folder);
	if (!f)
		f = ews_folder_new(ews, contacts, folder, "IPF.Contact");
	item = ews_item_new(ews, f, EWS_CONTACT);
	for (void *at = json_object_iter((json_t *)contact); at;
		at = json_object_iter_next((json_t *)contact, at))
		seed_value(ews, item, json_object_iter_key(at), json_object_iter_value(at));
	ews_settle(item, NULL, &ignored);
	ews_item_insert(ews, item, mb->name);
}

/* Appointments and tasks --------------------------------------------------------------------- */

static xmlNode *add_text(xmlNode *parent, const char *name, const char *text)
{
	return xmlNewTextChild(parent, NULL, (const xmlChar *)name, (const xmlChar *)text);
}

static xmlNode *add_xml(xmlNode *parent, const char *name, const json_t *value);

/* {"Name": ..., "EmailAddress": ...} or the address alone. */
static void add_mailbox(xmlNode *parent, const json_t *value)
{
	xmlNode *box = add_text(parent, "Mailbox", NULL);
	const char *address = json_string_value(value);
	const char *name = json_string_value(json_object_get(value, "Name"));

	if (!address)
		address = json_string_value(json_object_get(value, "EmailAddress"));
	if (name)
		add_text(box, "Name", name);
	add_text(box, "EmailAddress", address ? address : "");
}

static void add_attendee(xmlNode *parent, const json_t *value)
{
	const char *response = json_string_value(json_object_get(value, "ResponseType"));
	xmlNode *attendee = add_text(parent, "Attendee", NULL);

	add_mailbox(attendee, value);
	if (response)
		add_text(attendee, "ResponseType", response);
}

/* {"HTML": "..."}, or a text. */
static void add_body(xmlNode *parent, const json_t *value)
{
	const char *html = json_string_value(json_object_get(value, "HTML"));
	const char *text = json_string_value(value);
	xmlNode *body = add_text(parent, "Body", html ? html : text ? text : "");

	xmlSetProp(body, (const xmlChar *)"BodyType", (const xmlChar *)(html ? "HTML" : "Text"));
}

static bool is_attendees(const char *name)
{
	return !strcmp(name, "RequiredAttendees") || !strcmp(name, "OptionalAttendees") ||
	       !strcmp(name, "Resources");
}

static void add_list(xmlNode *parent, const char *name, const json_t *list)
{
	xmlNode *element = add_text(parent, name, NULL);
	size_t i;
	json_t *value;

	json_array_foreach(list, i, value) {
		if (is_attendees(name))
			add_attendee(element, value);
		else
			add_xml(element, "String", value);
	}
}

static char *scalar(const json_t *value)
{
	if (json_is_integer(value))
		return xasprintf("%lld", (long long)json_integer_value(value));
	if (json_is_boolean(value))
		return xstrdup(json_is_true(value) ? "true" : "false");
	return xstrdup(json_is_string(value) ? json_string_value(value) : "");
}

static xmlNode *add_xml(xmlNode *parent, const char *name, const json_t *value)
{
	char *text AUTOFREE = scalar(value);
	xmlNode *element;
	const char *key;
	json_t *inner;

	if (!strcmp(name, "Body")) {
		add_body(parent, value);
	} else if (!strcmp(name, "StartTimeZone") || !strcmp(name, "EndTimeZone")) {
		element = add_text(parent, name, NULL);
		xmlSetProp(element, (const xmlChar *)"Id", (const xmlChar *)text);
	} else if (json_is_array(value)) {
		add_list(parent, name, value);
	} else if (!strcmp(name, "Organizer")) {
		add_mailbox(add_text(parent, name, NULL), value);
	} else if (json_is_object(value)) {
		element = add_text(parent, name, NULL);
		json_object_foreach((json_t *)value, key, inner)
			add_xml(element, key, inner);
	} else {
		add_text(parent, name, text);
	}
	return parent;
}

static int fill_extended(
	struct ews *ews, struct ews_item *item, const json_t *extended, struct ews_error *err)
{
	const char *label;
	json_t *value;

	json_object_foreach((json_t *)extended, label, value) {
		char *text AUTOFREE = scalar(value);

		if (ews_ext_set(ews, item, ews_ext_named(ews, label, "String"), &text, 1, err))
			return -1;
	}
	return 0;
}

/* Days may be written without a time. */
static json_t *with_time(const json_t *value)
{
	const char *text = json_string_value(value);

	return text && strlen(text) == 10 ? json_sprintf("%sT00:00:00", text)
					  : json_copy((json_t *)value);
}

static int fill(struct ews_ctx *c, struct ews_item *item, const json_t *json, struct ews_error *err)
{
	static const char *const others[] = { "folder", "Exceptions", "Extended", "OriginalDay" };
	xmlDoc *doc = xmlNewDoc((const xmlChar *)"1.0");
	xmlNode *root = xmlNewDocNode(doc, NULL, (const xmlChar *)"Item", NULL);
	const char *key;
	json_t *value;
	int rc;

	xmlDocSetRootElement(doc, root);
	item->seeding = true;
	json_object_foreach((json_t *)json, key, value) {
		int prop = ews_prop_by_element(item->kind, key);
		bool date = prop >= 0 && (ews_props[prop].type == EWS_T_DATE ||
						 ews_props[prop].type == EWS_T_DAY);
		json_t *copy = date ? with_time(value) : json_incref(value);
		bool other = false;

		for (size_t i = 0; i < ARRAY_SIZE(others); i++)
			other = other || !strcmp(key, others[i]);
		if (!other)
			add_xml(root, key, copy);
		json_decref(copy);
	}
	rc = ews_parse_item(c, item, root, err);
	xmlFreeDoc(doc);
	return rc ? rc : fill_extended(c->ews, item, json_object_get(json, "Extended"), err);
}

/* {"OriginalDay": "2026-01-12", ...}: deleted when it says nothing more. */
static int add_exception(
	struct ews_ctx *c, struct ews_item *master, const json_t *json, struct ews_error *err)
{
	const char *original = json_string_value(json_object_get(json, "OriginalDay"));
	char *midnight AUTOFREE = xasprintf("%sT00:00:00Z", original ? original : "");
	int64_t day = ews_day_of(ews_seconds(midnight));
	struct ews_item *view, *scratch;
	int rc;

	if (json_object_size(json) == 1) {
		ews_exception_at(master, day);
		return 0;
	}
	view = ews_occurrence_view(master, day);
	if (!view)
		return ews_fail(err, "ErrorCalendarInvalidRecurrence", "no series to except from");
	scratch = ews_item_scratch(view);
	rc = fill(c, scratch, json, err);
	if (!rc)
		rc = ews_settle(scratch, view, err);
	if (!rc)
		ews_exception_save(c, view, scratch);
	ews_item_discard(scratch);
	ews_occurrence_free(view);
	return rc;
}

static struct ews_folder *seed_folder(
	struct ews *ews, struct ews_mailbox *mb, bool tasks, const char *name)
{
	struct ews_folder *home = ews_distinguished(mb, tasks ? "tasks" : "calendar"), *f;

	if (!name)
		return home;
	f = ews_folder_child(home, name);
	return f ? f : ews_folder_new(ews, home, name, home->folder_class);
}

static int seed_item(struct ews_ctx *c, struct ews_folder *f, bool tasks, const json_t *json,
	struct ews_error *err)
{
	struct ews_item *item = ews_item_new(c->ews, f, tasks ? EWS_TASK : EWS_CALENDAR);
	size_t i;
	json_t *exception;

	if (fill(c, item, json, err)) {
		ews_item_discard(item);
		return -1;
	}
	ews_defaults(c, item);
	if (ews_settle(item, NULL, err)) {
		ews_item_discard(item);
		return -1;
	}
	item->seeding = false;
	ews_item_insert(c->ews, item, f->mailbox->name);
	json_array_foreach(json_object_get(json, "Exceptions"), i, exception)
		if (add_exception(c, item, exception, err))
			return -1;
	return 0;
}

int ews_add_item(struct ews *ews, const char *address, const char *kind, const json_t *json,
	struct error *err)
{
	struct ews_mailbox *mb = ews_mailbox_find(ews, address);
	const char *zone = json_string_value(json_object_get(json, "StartTimeZone"));
	const char *subject = json_string_value(json_object_get(json, "Subject"));
	bool tasks = !strcmp(kind, "tasks");
	struct ews_ctx c = { .ews = ews, .mailbox = mb, .op = "seed" };
	struct ews_error why = { 0 };
	int rc = 0;

	c.zone = ews_zone_by_id(ews, zone ? zone : "UTC");
	if (!c.zone)
		return error_set(err, ERR_INVALID, "seed: no time zone %s", zone);
	if (mb && seed_item(&c,
			  seed_folder(ews, mb, tasks,
				  json_string_value(json_object_get(json, "folder"))),
			  tasks, json, &why))
		rc = error_set(err, ERR_INVALID, "seed: %s \"%s\": %s: %s", kind,
			subject ? subject : "", why.code, c.fault_text ? c.fault_text : why.text);
	free(c.fault_code);
	free(c.fault_text);
	free(c.violation);
	return rc;
}
