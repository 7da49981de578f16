/* sObject Collections: up to 200 records in one request, each with a result of its own.
 *
 * With allOrNone the whole request is one transaction: after a failure the records that were valid
 * answer ALL_OR_NONE_OPERATION_ROLLED_BACK. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "sync/mem.h"
#include "tests/sim/sf.h"

/* One record's result from its errors (stolen), or its id. */
static json_t *result(const struct sf_record *record, json_t *errors)
{
	json_t *list = json_array();
	json_t *error;
	size_t i;

	json_array_foreach(errors, i, error) {
		json_t *fields = json_object_get(error, "fields");
		json_t *extra = json_object_get(error, "duplicateResult");
		json_t *entry = json_pack("{s:O, s:O}", "statusCode",
			json_object_get(error, "errorCode"), "message",
			json_object_get(error, "message"));

		json_object_set_new(entry, "fields", fields ? json_incref(fields) : json_array());
		if (extra)
			json_object_set(entry, "duplicateResult", extra);
		json_array_append_new(list, entry);
	}
	if (!errors)
		return json_pack("{s:s, s:b, s:o}", "id", record->id, "success", 1, "errors", list);
	json_decref(errors);
	return json_pack("{s:b, s:o}", "success", 0, "errors", list);
}

static bool failed(const json_t *one)
{
	return !json_is_true(json_object_get(one, "success"));
}

/* After a failure with allOrNone: nothing was done. */
static void roll_back(struct sf *sf, json_t *results)
{
	size_t i;
	json_t *one;

	sf_rollback(sf);
	json_array_foreach(results, i, one)
		if (!failed(one))
			json_array_set_new(results, i,
				result(NULL,
					sf_error("ALL_OR_NONE_OPERATION_ROLLED_BACK", NULL,
						"Record rolled back because not all records were "
						"valid "
						"and the request was using AllOrNone header")));
}

static void finish(struct sf_call *call, json_t *results, bool all_or_none)
{
	bool any = false;
	json_t *one;
	size_t i;

	json_array_foreach(results, i, one)
		any = any || failed(one);
	if (any && all_or_none)
		roll_back(call->sf, results);
	else
		sf_commit(call->sf);
	call->status = 200;
	call->result = results;
}

static bool all_or_none(const struct sf_call *call)
{
	const char *param = sf_param(call, "allOrNone");

	return json_is_true(json_object_get(call->body, "allOrNone")) ||
	       (param && strcasecmp(param, "true") == 0);
}

/* The records of the body, or NULL and the call failed. */
static json_t *records_of(struct sf_call *call)
{
	json_t *records = json_object_get(call->body, "records");

	if (!json_is_array(records)) {
		sf_fail(call, sf_error("JSON_PARSER_ERROR", NULL, "The records array is missing"));
		return NULL;
	}
	if (json_array_size(records) > SF_COLLECTION_MAX) {
		sf_fail(call, sf_error("EXCEEDED_ID_LIMIT", NULL,
				      "record limit reached. cannot submit more than 200 records "
				      "into this call"));
		return NULL;
	}
	return records;
}

/* A copy of one entry without attributes and id; *table is its type, or NULL and *errors. */
static json_t *input_of(struct sf *sf, const json_t *entry, struct sf_table **table,
	const char **id, json_t **errors)
{
	const char *type = json_string_value(
		json_object_get(json_object_get(entry, "attributes"), "type"));
	json_t *input = json_copy((json_t *)entry);
	const char *name;
	json_t *value;
	void *tmp;

	*id = NULL;
	*table = type ? sf_table_find(sf, type) : NULL;
	if (!*table)
		*errors = sf_error("INVALID_TYPE", NULL, "%s: %s",
			type ? "sObject type is not supported" : "attributes.type is missing",
			type ? type : "");
	json_object_foreach_safe(input, tmp, name, value)
	{
		if (strcasecmp(name, "id") == 0) {
			*id = json_string_value(json_object_get(entry, name));
			json_object_del(input, name);
		}
	}
	return input;
}

void sf_collections_create(struct sf_call *call)
{
	struct sf_save how = sf_save_of(call);
	json_t *records = records_of(call);
	json_t *results, *entry;
	size_t i;

	if (!records)
		return;
	results = json_array();
	sf_begin(call->sf);
	json_array_foreach(records, i, entry) {
		struct sf_table *table;
		struct sf_record *record = NULL;
		const char *id;
		json_t *errors = NULL;
		json_t *input = input_of(call->sf, entry, &table, &id, &errors);

		if (!errors && id)
			errors = sf_error("INVALID_FIELD_FOR_INSERT_UPDATE", "Id",
				"cannot specify Id in an insert call");
		if (!errors)
			errors = sf_create(call->sf, &how, table, input, &record);
		json_array_append_new(results, result(record, errors));
		json_decref(input);
	}
	finish(call, results, all_or_none(call));
}

/* A record by its id, that the user may see; NULL and *errors. */
static struct sf_record *by_id(const struct sf_call *call, const char *id, json_t **errors)
{
	struct sf_record *record;

	if (!id || !*id) {
		*errors = sf_error("MISSING_ARGUMENT", "Id", "Id not specified in an update call");
		return NULL;
	}
	if (!sf_id_valid(id)) {
		*errors = sf_error("MALFORMED_ID", "Id", "malformed id %s", id);
		return NULL;
	}
	record = sf_find(call->sf, id);
	if (!record || !sf_visible(call->sf, record, call->user)) {
		*errors = sf_error(
			"INVALID_CROSS_REFERENCE_KEY", NULL, "invalid cross reference id");
		return NULL;
	}
	return record;
}

void sf_collections_update(struct sf_call *call)
{
	struct sf_save how = sf_save_of(call);
	json_t *records = records_of(call);
	json_t *results, *entry;
	size_t i;

	if (!records)
		return;
	results = json_array();
	sf_begin(call->sf);
	json_array_foreach(records, i, entry) {
		struct sf_table *table;
		struct sf_record *record = NULL;
		const char *id;
		json_t *errors = NULL;
		json_t *input = input_of(call->sf, entry, &table, &id, &errors);

		if (!errors)
			record = by_id(call, id, &errors);
		if (record && record->table != table)
			errors = sf_error("MALFORMED_ID", "Id",
				"%s ID: id value of incorrect type: %s", table->label, id);
		if (!errors)
			errors = sf_update(call->sf, &how, record, input);
		json_array_append_new(results, result(record, errors));
		json_decref(input);
	}
	finish(call, results, all_or_none(call));
}

/* Upsert ---------------------------------------------------------------------------------- */

struct upsert {
	struct sf_call *call;
	struct sf_save how;
	struct sf_table *table;
	const struct sf_field *field;
	json_t *seen; /* external ids of this request */
};

static json_t *upsert_new(
	struct upsert *u, const json_t *input, struct sf_record **record, const char *value)
{
	if (u->field->type == SF_ID && value)
		return sf_error("INVALID_CROSS_REFERENCE_KEY", NULL, "invalid cross reference id");
	return sf_create(u->call->sf, &u->how, u->table, input, record);
}

static json_t *upsert_one(struct upsert *u, const json_t *input, const char *value,
	struct sf_record **record, bool *created)
{
	size_t hits = 0;

	*created = false;
	if (!value && u->field->type != SF_ID)
		return sf_error("MISSING_ARGUMENT", NULL, "%s not specified", u->field->name);
	if (value) {
		if (json_object_get(u->seen, value))
			return sf_error("DUPLICATE_VALUE", u->field->name,
				"Duplicate external id specified: %s", value);
		json_object_set_new(u->seen, value, json_true());
		hits = sf_match_external(
			u->call->sf, u->table, u->field, value, record, NULL, u->call);
	}
	if (hits > 1)
		return sf_error("DUPLICATE_EXTERNAL_ID", NULL,
			"%s: more than one record found for external id field", u->field->name);
	if (hits == 1)
		return sf_update(u->call->sf, &u->how, *record, input);
	*created = true;
	return upsert_new(u, input, record, value);
}

static json_t *upsert_entry(struct upsert *u, const json_t *entry)
{
	struct sf_table *table;
	struct sf_record *record = NULL;
	const char *id;
	json_t *errors = NULL, *one;
	json_t *input = input_of(u->call->sf, entry, &table, &id, &errors);
	const char *value = u->field->type == SF_ID
				    ? id
				    : json_string_value(json_object_get(entry, u->field->name));
	bool created = false;

	if (!errors && table != u->table)
		errors = sf_error("INVALID_TYPE", NULL, "the record is no %s", u->table->name);
	if (!errors && id && u->field->type != SF_ID)
		errors = sf_error("INVALID_FIELD_FOR_INSERT_UPDATE", "Id",
			"The Id field should not be specified in the sobject data.");
	if (!errors)
		errors = upsert_one(u, input, value, &record, &created);
	one = result(record, errors);
	if (!failed(one))
		json_object_set_new(one, "created", json_boolean(created));
	json_decref(input);
	return one;
}

void sf_collections_upsert(struct sf_call *call)
{
	struct upsert u = { .call = call, .how = sf_save_of(call) };
	json_t *records = records_of(call);
	json_t *results, *entry;
	size_t i;

	if (!records)
		return;
	u.table = sf_table_find(call->sf, call->segments[2]);
	u.field = u.table ? sf_field_find(u.table, call->segments[3]) : NULL;
	if (!u.field || !(u.field->flags & SF_IDLOOKUP)) {
		sf_fail(call, sf_error("NOT_FOUND", NULL,
				      "Provided external ID field does not exist or is not "
				      "accessible: %s",
				      call->segments[3]));
		return;
	}
	u.seen = json_object();
	results = json_array();
	sf_begin(call->sf);
	json_array_foreach(records, i, entry)
		json_array_append_new(results, upsert_entry(&u, entry));
	finish(call, results, all_or_none(call));
	json_decref(u.seen);
}

/* Delete and retrieve --------------------------------------------------------------------- */

void sf_collections_delete(struct sf_call *call)
{
	struct sf_save how = sf_save_of(call);
	char *ids AUTOFREE = xstrdup(sf_param(call, "ids"));
	char *rest = ids;
	json_t *results;
	char *id;

	if (!ids || !*ids) {
		sf_fail(call, sf_error("MISSING_ARGUMENT", NULL, "The ids parameter is required"));
		return;
	}
	results = json_array();
	sf_begin(call->sf);
	while ((id = strsep(&rest, ","))) {
		json_t *errors = NULL;
		struct sf_record *record = by_id(call, id, &errors);

		if (!errors)
			errors = sf_delete(call->sf, &how, record);
		json_array_append_new(results, result(record, errors));
	}
	if (json_array_size(results) <= SF_COLLECTION_MAX) {
		finish(call, results, all_or_none(call));
		return;
	}
	sf_rollback(call->sf);
	json_decref(results);
	sf_fail(call, sf_error("EXCEEDED_ID_LIMIT", NULL,
			      "record limit reached. cannot submit more than 200 records into this "
			      "call"));
}

/* "ids" and "fields" come as parameters of a GET or as arrays of a POST; the caller frees. */
static char *list_of(const struct sf_call *call, const char *name)
{
	const json_t *list = json_object_get(call->body, name);
	struct buf out = BUF_INIT(1u << 20);
	json_t *one;
	size_t i;

	if (!list)
		return xstrdup(sf_param(call, name));
	json_array_foreach(list, i, one)
		buf_addf(&out, "%s%s", i ? "," : "",
			json_is_string(one) ? json_string_value(one) : "");
	return buf_take(&out);
}

void sf_collections_retrieve(struct sf_call *call)
{
	struct sf_table *table = sf_table_find(call->sf, call->segments[2]);
	char *ids AUTOFREE = list_of(call, "ids");
	char *names AUTOFREE = list_of(call, "fields");
	const struct sf_field **fields;
	json_t *errors = NULL;
	char *rest = ids;
	size_t n;
	char *id;

	if (!table || !ids || !names) {
		sf_fail(call, sf_error(table ? "MISSING_ARGUMENT" : "NOT_FOUND", NULL, "%s",
				      table ? "The ids and fields parameters are required"
					    : "The requested resource does not exist"));
		return;
	}
	fields = sf_field_list(table, names, &n, &errors);
	if (!fields) {
		sf_fail(call, errors);
		return;
	}
	call->status = 200;
	call->result = json_array();
	while ((id = strsep(&rest, ","))) {
		const struct sf_record *record = sf_find(call->sf, id);
		bool shown = record && record->table == table && !record->deleted &&
			     sf_visible(call->sf, record, call->user);

		json_array_append_new(
			call->result, shown ? sf_row(call, record, fields, n) : json_null());
	}
	free(fields);
}
