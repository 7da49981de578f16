/* Extended (MAPI) properties.
 *
 * A name is interned as (label, type): the label is the property set (by its well-known name
 * where it has one) and the name or id, or the tag.  Some tags are faces of what the schema has
 * a property for (PidTagGivenName is contacts:GivenName) and go to the same cell; some are
 * computed; the rest is kept as given.  PublicStrings named "Keywords" is the categories. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sync/mem.h"
#include "tests/sim/ews.h"

static const struct {
	const char *name, *guid;
} property_sets[] = {
	{ "Meeting", "6ed8da90-450b-101b-98da-00aa003f1305" },
	{ "Appointment", "00062002-0000-0000-c000-000000000046" },
	{ "Common", "00062008-0000-0000-c000-000000000046" },
	{ "PublicStrings", "00020329-0000-0000-c000-000000000046" },
	{ "Address", "00062004-0000-0000-c000-000000000046" },
	{ "InternetHeaders", "00020386-0000-0000-c000-000000000046" },
	{ "CalendarAssistant", "11000e07-b51b-40d6-af21-caa85edab1d0" },
	{ "UnifiedMessaging", "4442858e-a9e3-4e80-b900-317a210cc15b" },
	{ "Task", "00062003-0000-0000-c000-000000000046" },
	{ "Sharing", "00062040-0000-0000-c000-000000000046" },
};

static const char *const types[] = { "ApplicationTime", "ApplicationTimeArray", "Binary",
	"BinaryArray", "Boolean", "CLSID", "CLSIDArray", "Currency", "CurrencyArray", "Double",
	"DoubleArray", "Error", "Float", "FloatArray", "Integer", "IntegerArray", "Long",
	"LongArray", "Null", "Object", "ObjectArray", "Short", "ShortArray", "SystemTime",
	"SystemTimeArray", "String", "StringArray" };

/* Named properties that are another face of a property of the schema, or of a cell of it. */
static const struct {
	const char *label, *type, *uri;
	unsigned short key, part;
} named_faces[] = {
	{ "PublicStrings/Keywords", "StringArray", "item:Categories", 0, 0 },
	{ "Address/0x8005", "String", "contacts:FileAs", 0, 0 },
	{ "Address/0x8083", "String", "contacts:EmailAddresses", 0, 0 },
	{ "Address/0x8093", "String", "contacts:EmailAddresses", 1, 0 },
	{ "Address/0x80a3", "String", "contacts:EmailAddresses", 2, 0 },
	{ "Address/0x8080", "String", "contacts:EmailAddresses", 0, 1 },
	{ "Address/0x8090", "String", "contacts:EmailAddresses", 1, 1 },
	{ "Address/0x80a0", "String", "contacts:EmailAddresses", 2, 1 },
	{ "Address/0x8062", "String", "contacts:ImAddresses", 0, 0 },
	{ "Appointment/0x820d", "SystemTime", "calendar:Start", 0, 0 },
	{ "Appointment/0x820e", "SystemTime", "calendar:End", 0, 0 },
	{ "Appointment/0x8208", "String", "calendar:Location", 0, 0 },
	{ "Appointment/0x8215", "Boolean", "calendar:IsAllDayEvent", 0, 0 },
	{ "Appointment/0x8223", "Boolean", "calendar:IsRecurring", 0, 0 },
	{ "Common/0x8503", "Boolean", "item:ReminderIsSet", 0, 0 },
	{ "Common/0x8501", "Integer", "item:ReminderMinutesBeforeStart", 0, 0 },
	{ "Task/0x8104", "SystemTime", "task:StartDate", 0, 0 },
	{ "Task/0x8105", "SystemTime", "task:DueDate", 0, 0 },
	{ "Task/0x810f", "SystemTime", "task:CompleteDate", 0, 0 },
	{ "Task/0x811c", "Boolean", "task:IsComplete", 0, 0 },
};

void ews_strings_free(char **values, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(values[i]);
	free(values);
}

void ews_ext_free_name(void *payload, const xmlChar *key)
{
	struct ews_ext_name *name = payload;

	(void)key;
	free(name->label);
	free(name->set);
	free(name->name);
	free(name);
}

static const char *type_constant(const char *type)
{
	for (size_t i = 0; type && i < ARRAY_SIZE(types); i++)
		if (!strcmp(types[i], type))
			return types[i];
	return NULL;
}

/* Takes name's strings. */
static const struct ews_ext_name *intern(struct ews *ews, struct ews_ext_name name)
{
	char *key AUTOFREE = xasprintf("%s:%s", name.label, name.type);
	struct ews_ext_name *found = xmlHashLookup(ews->ext_names, (const xmlChar *)key);

	if (found) {
		free(name.label);
		free(name.set);
		free(name.name);
		return found;
	}
	found = xcalloc(1, sizeof(*found));
	*found = name;
	xmlHashAddEntry(ews->ext_names, (const xmlChar *)key, found);
	return found;
}

static char *set_guid(const char *distinguished)
{
	for (size_t i = 0; i < ARRAY_SIZE(property_sets); i++)
		if (!strcmp(property_sets[i].name, distinguished))
			return xstrdup(property_sets[i].guid);
	return NULL;
}

static const char *set_name(const char *guid)
{
	for (size_t i = 0; i < ARRAY_SIZE(property_sets); i++)
		if (!strcmp(property_sets[i].guid, guid))
			return property_sets[i].name;
	return guid;
}

const struct ews_ext_name *ews_ext_named(struct ews *ews, const char *label, const char *type)
{
	struct ews_ext_name name = { .label = xstrdup(label), .type = type_constant(type) };
	const char *slash = strchr(label, '/');

	if (slash) {
		char *set AUTOFREE = xstrndup(label, (size_t)(slash - label));

		name.set = set_guid(set);
		if (!name.set)
			name.set = xstrdup(set);
		if (!strncmp(slash + 1, "0x", 2))
			name.id = (unsigned int)strtoul(slash + 1, NULL, 16);
		else
			name.name = xstrdup(slash + 1);
	} else {
		name.id = (unsigned int)strtoul(label, NULL, 16);
	}
	return intern(ews, name);
}

static char *lower(char *s)
{
	for (char *p = s; p && *p; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p += 'a' - 'A';
	return s;
}

const struct ews_ext_name *ews_ext_intern(
	struct ews_ctx *c, const xmlNode *uri, struct ews_error *err)
{
	char *set AUTOFREE = lower(xml_get(uri, "PropertySetId"));
	char *distinguished AUTOFREE = xml_get(uri, "DistinguishedPropertySetId");
	char *tag AUTOFREE = xml_get(uri, "PropertyTag");
	char *pname AUTOFREE = xml_get(uri, "PropertyName");
	char *id AUTOFREE = xml_get(uri, "PropertyId");
	char *type AUTOFREE = xml_get(uri, "PropertyType");
	struct ews_ext_name name = { .type = type_constant(type) };
	bool named = set || distinguished;

	if (!name.type || (set && distinguished) || (tag && (named || pname || id)) ||
		(!tag && (!named || !pname == !id))) {
		ews_fail(err, "ErrorInvalidExtendedProperty",
			"The extended property attribute "
			"combination is invalid.");
		return NULL;
	}
	if (!strcmp(name.type, "Error") || !strcmp(name.type, "Null") ||
		!strncmp(name.type, "Object", 6)) {
		ews_fail(err, "ErrorUnsupportedMapiPropertyType",
			"The property type %s is not supported.", name.type);
		return NULL;
	}
	if (tag) {
		name.id = (unsigned int)strtoul(tag, NULL, 0);
		if (name.id >= 0x8000) {
			ews_fail(err, "ErrorNoPropertyTagForCustomProperties",
				"Custom properties are named, not tagged.");
			return NULL;
		}
		name.label = xasprintf("0x%04x", name.id);
		return intern(c->ews, name);
	}
	name.set = distinguished ? set_guid(distinguished) : xstrdup(set);
	if (!name.set) {
		ews_fail(err, "ErrorInvalidExtendedProperty", "Unknown property set.");
		return NULL;
	}
	if (id)
		name.id = (unsigned int)strtoul(id, NULL, 10);
	else
		name.name = xstrdup(pname);
	name.label = id ? xasprintf("%s/0x%04x", set_name(name.set), name.id)
			: xasprintf("%s/%s", set_name(name.set), pname);
	return intern(c->ews, name);
}

/* The cell behind a name: false when it has none of its own. */
static bool face(const struct ews *ews, const struct ews_item *item,
	const struct ews_ext_name *name, struct ews_value *cell, enum ews_type *type)
{
	int prop = -1;

	cell->key = cell->part = 0;
	for (size_t i = 0; i < ARRAY_SIZE(named_faces) && prop < 0; i++) {
		if (strcmp(name->label, named_faces[i].label) != 0 ||
			strcmp(name->type, named_faces[i].type) != 0)
			continue;
		prop = ews_prop_by_uri(ews, named_faces[i].uri);
		cell->key = named_faces[i].key;
		cell->part = named_faces[i].part;
	}
	if (prop < 0 && !name->set)
		prop = ews_prop_by_tag(item->kind, name->id);
	if (prop < 0 || !(ews_props[prop].kind & item->kind))
		return false;
	cell->prop = (unsigned short)prop;
	*type = ews_props[prop].type;
	switch (*type) {
	case EWS_T_DATE:
	case EWS_T_DAY:
		return !strcmp(name->type, "SystemTime");
	case EWS_T_BOOL:
		return !strcmp(name->type, "Boolean");
	case EWS_T_LIST:
		return !strcmp(name->type, "StringArray");
	case EWS_T_INT:
		return !strcmp(name->type, "Integer");
	default:
		return !strcmp(name->type, "String");
	}
}

static char *computed(const struct ews_item *item, const struct ews_ext_name *name)
{
	unsigned char entry[70], source[22];
	bool global = item->kind == EWS_CALENDAR && !strncmp(name->label, "Meeting/0x00", 12);

	if (global && (name->id == 0x3 || name->id == 0x23))
		return ews_global_id(item, name->id == 0x23);
	if (name->set)
		return NULL;
	switch (name->id) {
	case 0x300b: /* PidTagSearchKey */
		return base64_encode(item->search_key, EWS_KEY_LEN);
	case 0x0fff: /* PidTagEntryId */
		ews_item_entry_id(item, entry);
		return base64_encode(entry, sizeof(entry));
	case 0x65e0: /* PidTagSourceKey */
		ews_source_key(item->mailbox, item->counter, source);
		return base64_encode(source, sizeof(source));
	case 0x65e2: /* PidTagChangeKey */
		ews_source_key(item->mailbox, item->change, source);
		return base64_encode(source, sizeof(source));
	case 0x0e07: { /* PidTagMessageFlags */
		const char *read = ews_get_uri(item, "message:IsRead");

		return xstrdup(read && !xml_true(read) ? "0" : "1");
	}
	default:
		return NULL;
	}
}

static size_t one(char *value, char ***values)
{
	if (!value)
		return 0;
	*values = xmalloc(sizeof(char *));
	**values = value;
	return 1;
}

static size_t list_values(const struct ews_item *item, int prop, char ***values)
{
	size_t n = 0;

	*values = NULL;
	for (size_t i = 0; i < item->n_values; i++) {
		const struct ews_value *v = &item->values[i];

		if (v->prop != prop || !v->text)
			continue;
		*values = xreallocarray(*values, n + 1, sizeof(char *));
		(*values)[n++] = xstrdup(v->text);
	}
	return n;
}

size_t ews_ext_get(const struct ews *ews, const struct ews_item *item,
	const struct ews_ext_name *name, char ***values)
{
	struct ews_value cell;
	enum ews_type type;
	char *text = computed(item, name);

	*values = NULL;
	if (text)
		return one(text, values);
	if (face(ews, item, name, &cell, &type)) {
		if (type == EWS_T_LIST)
			return list_values(item, cell.prop, values);
		if (ews_props[cell.prop].compute && !ews_get(item, cell.prop, 0, 0))
			return one(ews_props[cell.prop].compute(item), values);
		return one(xstrdup(ews_get(item, cell.prop, cell.key, cell.part)), values);
	}
	for (size_t i = 0; i < item->n_ext; i++) {
		const struct ews_ext_value *v = &item->ext[i];

		if (v->name != name || !v->n)
			continue;
		*values = xcalloc(v->n, sizeof(char *));
		for (size_t k = 0; k < v->n; k++)
			(*values)[k] = xstrdup(v->values[k]);
		return v->n;
	}
	return 0;
}

struct ews_ext_value *ews_ext_slot(
	struct ews_ext_value **list, size_t *n, const struct ews_ext_name *name)
{
	for (size_t i = 0; i < *n; i++)
		if ((*list)[i].name == name)
			return &(*list)[i];
	*list = xreallocarray(*list, *n + 1, sizeof(**list));
	(*list)[*n] = (struct ews_ext_value){ .name = name };
	return &(*list)[(*n)++];
}

void ews_ext_store(struct ews_ext_value *slot, char **values, size_t n, uint64_t change)
{
	ews_strings_free(slot->values, slot->n);
	slot->n = n;
	slot->change = change;
	slot->values = n ? xcalloc(n, sizeof(char *)) : NULL;
	for (size_t i = 0; i < n; i++)
		slot->values[i] = xstrdup(values[i]);
}

static int set_face(struct ews_item *item, const struct ews_value *cell, enum ews_type type,
	char **values, size_t n, struct ews_error *err)
{
	const struct ews_prop *row = &ews_props[cell->prop];

	if (row->flags & EWS_F_READONLY)
		return ews_fail(err, "ErrorInvalidExtendedPropertyValue",
			"The property %s is read only.", row->uri);
	if (type == EWS_T_LIST) {
		ews_clear(item, cell->prop, -1);
		for (size_t i = 0; i < n; i++)
			ews_put(item, cell->prop, (int)i, 0, values[i]);
	} else {
		ews_put(item, cell->prop, cell->key, cell->part, n ? values[0] : NULL);
	}
	return 0;
}

static bool valid(const char *type, const char *value)
{
	char *end;

	if (!strncmp(type, "Binary", 6)) {
		size_t len;
		unsigned char *raw = base64_decode(value, &len);
		bool ok = raw;

		free(raw);
		return ok;
	}
	if (!strncmp(type, "Boolean", 7))
		return !strcmp(value, "true") || !strcmp(value, "false") || !strcmp(value, "1") ||
		       !strcmp(value, "0");
	if (!strncmp(type, "Integer", 7) || !strncmp(type, "Short", 5) ||
		!strncmp(type, "Long", 4)) {
		(void)strtoll(value, &end, 10);
		return *value && !*end;
	}
	if (!strncmp(type, "Double", 6) || !strncmp(type, "Float", 5)) {
		(void)strtod(value, &end);
		return *value && !*end;
	}
	if (!strncmp(type, "SystemTime", 10)) {
		char *date AUTOFREE = ews_date_normal(value);

		return date;
	}
	return true;
}

int ews_ext_set(struct ews *ews, struct ews_item *item, const struct ews_ext_name *name,
	char **values, size_t n, struct ews_error *err)
{
	struct ews_value cell;
	enum ews_type type;
	char *made AUTOFREE = computed(item, name);

	if (made && name->id != 0x0e07)
		return ews_fail(
			err, "ErrorPropertyUpdate", "The property %s is read only.", name->label);
	for (size_t i = 0; i < n; i++) {
		if (!valid(name->type, values[i]))
			return ews_fail(err, "ErrorInvalidExtendedPropertyValue",
				"The value of %s is not valid for its type %s.", name->label,
				name->type);
		if (!strncmp(name->type, "SystemTime", 10)) {
			char *date = ews_date_normal(values[i]);

			free(values[i]);
			values[i] = date;
		}
	}
	if (face(ews, item, name, &cell, &type))
		return set_face(item, &cell, type, values, n, err);
	ews_ext_store(ews_ext_slot(&item->ext, &item->n_ext, name), values, n, item->change + 1);
	return 0;
}

int ews_ext_read(struct ews_ctx *c, const xmlNode *property, const struct ews_ext_name **name,
	char ***values, size_t *n, struct ews_error *err)
{
	const xmlNode *list = xml_child(property, "Values"), *value = xml_child(property, "Value");
	bool array;

	*values = NULL;
	*n = 0;
	*name = ews_ext_intern(c, xml_child(property, "ExtendedFieldURI"), err);
	if (!*name)
		return -1;
	array = strstr((*name)->type, "Array");
	if (array != (list != NULL))
		return ews_fail(err, "ErrorInvalidExtendedPropertyValue",
			"The extended property value does not fit the property type.");
	if (value) {
		*n = one(xml_content(value), values);
		return 0;
	}
	xml_each(v, list)
	{
		*values = xreallocarray(*values, *n + 1, sizeof(char *));
		(*values)[(*n)++] = xml_content(v);
	}
	return 0;
}

char *ews_ext_uri_text(const xmlNode *uri)
{
	static const char *const attributes[] = { "DistinguishedPropertySetId", "PropertySetId",
		"PropertyTag", "PropertyName", "PropertyId", "PropertyType" };
	struct buf b = BUF_INIT(1 << 16);

	buf_adds(&b, "<t:ExtendedFieldURI");
	for (size_t i = 0; i < ARRAY_SIZE(attributes); i++) {
		char *value AUTOFREE = xml_get(uri, attributes[i]);

		if (!value)
			continue;
		if (i == 1)
			lower(value);
		if (i == 2)
			buf_addf(&b, " PropertyTag=\"0x%lx\"", strtoul(value, NULL, 0));
		else
			xml_attr(&b, attributes[i], value);
	}
	buf_adds(&b, "/>");
	return buf_take(&b);
}

void ews_ext_write(struct buf *b, const struct ews_ext_name *name, const char *uri_text,
	char **values, size_t n, size_t max_chars)
{
	bool array = strstr(name->type, "Array");

	buf_adds(b, "<t:ExtendedProperty>");
	buf_adds(b, uri_text);
	buf_adds(b, array ? "<t:Values>" : "");
	for (size_t i = 0; i < n; i++) {
		if (!strcmp(name->type, "String"))
			xml_cut(values[i], max_chars);
		buf_adds(b, "<t:Value>");
		xml_text(b, values[i]);
		buf_adds(b, "</t:Value>");
	}
	buf_adds(b, array ? "</t:Values>" : "");
	buf_adds(b, "</t:ExtendedProperty>");
}
