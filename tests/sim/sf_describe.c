/* describe, describe global, limits, versions: what the org says of itself. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sync/mem.h"
#include "tests/sim/sf.h"

static const struct {
	const char *type, *soap;
} types[] = {
	[SF_ID] = { "id", "tns:ID" },
	[SF_REFERENCE] = { "reference", "tns:ID" },
	[SF_STRING] = { "string", "xsd:string" },
	[SF_TEXTAREA] = { "textarea", "xsd:string" },
	[SF_EMAIL] = { "email", "xsd:string" },
	[SF_PHONE] = { "phone", "xsd:string" },
	[SF_URL] = { "url", "xsd:string" },
	[SF_PICKLIST] = { "picklist", "xsd:string" },
	[SF_COMBOBOX] = { "combobox", "xsd:string" },
	[SF_BOOLEAN] = { "boolean", "xsd:boolean" },
	[SF_INT] = { "int", "xsd:int" },
	[SF_DOUBLE] = { "double", "xsd:double" },
	[SF_CURRENCY] = { "currency", "xsd:double" },
	[SF_DATE] = { "date", "xsd:date" },
	[SF_DATETIME] = { "datetime", "xsd:dateTime" },
	[SF_ADDRESS] = { "address", "urn:address" },
};

static json_t *picklist(const char *values)
{
	json_t *list = json_array();

	while (values && *values) {
		size_t len = strcspn(values, "|");

		json_array_append_new(
			list, json_pack("{s:b, s:b, s:s%, s:n, s:s%}", "active", 1, "defaultValue",
				      0, "label", values, len, "validFor", "value", values, len));
		values += len + (values[len] == '|');
	}
	return list;
}

static json_t *names_of(const char *list)
{
	json_t *names = json_array();

	while (list && *list) {
		size_t len = strcspn(list, "|");

		json_array_append_new(names, json_stringn(list, len));
		list += len + (list[len] == '|');
	}
	return names;
}

/* MailingStreet belongs to MailingAddress, FirstName to Name. */
static json_t *compound_name(const struct sf_table *table, const struct sf_field *field)
{
	static const char *const parts[] = { "Street", "City", "State", "PostalCode", "Country",
		"Latitude", "Longitude", "GeocodeAccuracy" };
	static const char *const names[] = { "FirstName", "LastName", "MiddleName", "Suffix",
		"Salutation" };
	size_t len = strlen(field->name);

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (strcmp(field->name, names[i]) == 0)
			return json_string("Name");
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		size_t n = strlen(parts[i]);
		char *name AUTOFREE = NULL;

		if (len < n || strcmp(field->name + len - n, parts[i]) != 0)
			continue;
		name = xasprintf("%.*sAddress", (int)(len - n), field->name);
		if (sf_field_find(table, name))
			return json_string(name);
	}
	return json_null();
}

static bool is_number(enum sf_type type)
{
	return type == SF_INT || type == SF_DOUBLE || type == SF_CURRENCY;
}

static void put_rights(json_t *d, const struct sf_field *f)
{
	bool filter = !(f->flags & SF_NOFILTER) && !(f->type == SF_TEXTAREA && f->length > 255);
	const struct {
		const char *name;
		bool value;
	} rights[] = {
		{ "aggregatable", filter && f->type != SF_BOOLEAN },
		{ "aiPredictionField", false },
		{ "autoNumber", false },
		{ "calculated", false },
		{ "cascadeDelete", false },
		{ "caseSensitive", false },
		{ "createable", f->flags & SF_CREATE },
		{ "custom", f->flags & SF_CUSTOM },
		{ "defaultedOnCreate", (f->flags & SF_NOT_NULL) != 0 },
		{ "dependentPicklist", false },
		{ "deprecatedAndHidden", false },
		{ "encrypted", false },
		{ "externalId", f->flags & SF_UNIQUE },
		{ "filterable", filter },
		{ "groupable", filter && !is_number(f->type) && f->type != SF_DATETIME },
		{ "highScaleNumber", false },
		{ "htmlFormatted", false },
		{ "idLookup", f->flags & SF_IDLOOKUP },
		{ "nameField", f->flags & SF_NAME },
		{ "namePointing", f->refers && strchr(f->refers, '|') },
		{ "nillable", !(f->flags & (SF_REQUIRED | SF_NOT_NULL)) },
		{ "permissionable", !(f->flags & (SF_REQUIRED | SF_NOT_NULL)) },
		{ "polymorphicForeignKey", f->refers && strchr(f->refers, '|') },
		{ "queryByDistance", false },
		{ "restrictedDelete", false },
		{ "restrictedPicklist", f->flags & SF_RESTRICTED },
		{ "searchPrefilterable", false },
		{ "sortable", filter },
		{ "unique", f->flags & SF_UNIQUE },
		{ "updateable", f->flags & SF_UPDATE },
		{ "writeRequiresMasterRead", false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rights); i++)
		json_object_set_new(d, rights[i].name, json_boolean(rights[i].value));
}

static json_t *describe_field(const struct sf_table *table, const struct sf_field *f)
{
	json_t *d = json_object();
	bool number = is_number(f->type);

	put_rights(d, f);
	json_object_set_new(d, "name", json_string(f->name));
	json_object_set_new(d, "label", json_string(f->label));
	json_object_set_new(d, "type", json_string(types[f->type].type));
	json_object_set_new(d, "soapType", json_string(types[f->type].soap));
	json_object_set_new(d, "length", json_integer(f->length));
	json_object_set_new(d, "byteLength", json_integer(f->length * 3));
	json_object_set_new(d, "digits", json_integer(f->type == SF_INT ? 8 : 0));
	json_object_set_new(d, "precision", json_integer(number && f->type != SF_INT ? 18 : 0));
	json_object_set_new(d, "scale", json_integer(0));
	json_object_set_new(d, "compoundFieldName", compound_name(table, f));
	json_object_set_new(d, "extraTypeInfo",
		f->type == SF_TEXTAREA ? json_string("plaintextarea") : json_null());
	json_object_set_new(d, "picklistValues", picklist(f->values));
	json_object_set_new(d, "referenceTo", names_of(f->refers));
	json_object_set_new(d, "relationshipName",
		f->relationship ? json_string(f->relationship) : json_null());
	json_object_set_new(d, "defaultValue", f->type == SF_BOOLEAN ? json_false() : json_null());
	json_object_set_new(d, "calculatedFormula", json_null());
	json_object_set_new(d, "controllerName", json_null());
	json_object_set_new(d, "inlineHelpText", json_null());
	json_object_set_new(d, "mask", json_null());
	return d;
}

static json_t *describe_object(const struct sf_call *call, const struct sf_table *table)
{
	static const char *const yes[] = { "createable", "queryable", "retrieveable", "searchable",
		"updateable", "layoutable", "replicateable" };
	static const char *const no[] = { "activateable", "custom", "customSetting",
		"deprecatedAndHidden", "hasSubtypes", "isInterface", "isSubtype", "feedEnabled" };
	json_t *d = json_pack("{s:s, s:s, s:s, s:s}", "name", table->name, "label", table->label,
		"labelPlural", table->plural, "keyPrefix", table->prefix);
	char *base AUTOFREE = sf_url(call, "sobjects/%s", table->name);
	char *row AUTOFREE = xasprintf("%s/{ID}", base);
	char *self AUTOFREE = xasprintf("%s/describe", base);

	for (size_t i = 0; i < ARRAY_SIZE(yes); i++)
		json_object_set_new(d, yes[i], json_true());
	for (size_t i = 0; i < ARRAY_SIZE(no); i++)
		json_object_set_new(d, no[i], json_false());
	json_object_set_new(d, "deletable", json_boolean(table->has_trash));
	json_object_set_new(d, "undeletable", json_boolean(table->has_trash));
	json_object_set_new(d, "mergeable", json_boolean(table->has_trash));
	json_object_set_new(d, "triggerable", json_true());
	json_object_set_new(d, "urls",
		json_pack(
			"{s:s, s:s, s:s}", "sobject", base, "describe", self, "rowTemplate", row));
	return d;
}

static const struct sf_table *table_or_fail(struct sf_call *call)
{
	const struct sf_table *table = sf_table_find(call->sf, call->segments[1]);

	if (table && !table->forbidden)
		return table;
	sf_fail(call, sf_error("NOT_FOUND", NULL, "The requested resource does not exist"));
	return NULL;
}

void sf_describe(struct sf_call *call)
{
	const struct sf_table *table = table_or_fail(call);
	json_t *fields;

	if (!table)
		return;
	fields = json_array();
	for (size_t i = 0; i < table->n_fields; i++)
		if (!(table->fields[i].flags & SF_HIDDEN))
			json_array_append_new(fields, describe_field(table, &table->fields[i]));
	call->status = 200;
	call->result = describe_object(call, table);
	json_object_set_new(call->result, "fields", fields);
	json_object_set_new(call->result, "childRelationships", json_array());
	json_object_set_new(call->result, "recordTypeInfos", json_array());
	json_object_set_new(call->result, "supportedScopes", json_array());
}

void sf_describe_global(struct sf_call *call)
{
	json_t *list = json_array();

	for (size_t i = 0; i < call->sf->n_tables; i++)
		if (!call->sf->tables[i].forbidden)
			json_array_append_new(list, describe_object(call, &call->sf->tables[i]));
	call->status = 200;
	call->result = json_pack(
		"{s:s, s:i, s:o}", "encoding", "UTF-8", "maxBatchSize", 200, "sobjects", list);
}

void sf_object_info(struct sf_call *call)
{
	const struct sf_table *table = table_or_fail(call);

	if (!table)
		return;
	call->status = 200;
	call->result = json_pack(
		"{s:o, s:[]}", "objectDescribe", describe_object(call, table), "recentItems");
}

void sf_limits(struct sf_call *call)
{
	const struct sf *sf = call->sf;

	call->status = 200;
	call->result = json_pack("{s:{s:I, s:I}, s:{s:i, s:i}, s:{s:i, s:i}}", "DailyApiRequests",
		"Max", sf->limit, "Remaining", sf->limit > sf->used ? sf->limit - sf->used : 0,
		"DailyBulkApiBatches", "Max", 15000, "Remaining", 15000, "DataStorageMB", "Max",
		1024, "Remaining", 1000);
}

void sf_resources(struct sf_call *call)
{
	static const char *const names[] = { "sobjects", "query", "queryAll", "limits",
		"composite" };
	char *identity AUTOFREE = xasprintf(
		"%s/id/%s/%s", sim_base_url(call->sf->sim), SF_ORG, call->user);

	call->status = 200;
	call->result = json_pack("{s:s}", "identity", identity);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		char *url AUTOFREE = sf_url(call, "%s", names[i]);

		json_object_set_new(call->result, names[i], json_string(url));
	}
}

json_t *sf_versions(void)
{
	static const char *const seasons[] = { "Spring", "Summer", "Winter" };
	json_t *list = json_array();

	for (int v = SF_VERSION_OLDEST; v <= SF_VERSION; v++) {
		/* 66 is Spring '26; three releases a year */
		int year = 26 + (v - 66 - (v < 66 ? 2 : 0)) / 3;
		int season = ((v - 66) % 3 + 3) % 3;
		char label[48], url[48], version[24];

		snprintf(label, sizeof(label), "%s '%02d", seasons[season],
			season == 2 ? year + 1 : year);
		snprintf(url, sizeof(url), "/services/data/v%d.0", v);
		snprintf(version, sizeof(version), "%d.0", v);
		json_array_append_new(list, json_pack("{s:s, s:s, s:s}", "label", label, "url", url,
						    "version", version));
	}
	return list;
}
