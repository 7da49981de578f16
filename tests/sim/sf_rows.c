/* sObject rows, by id and by external id; what was updated and deleted in a span of time.
 *
 * Preconditions compare with LastModifiedDate, which has whole seconds.  An invalid header value is
 * refused on a write, as Salesforce documents. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "sync/mem.h"
#include "tests/sim/sf.h"

static struct sf_table *table_or_fail(struct sf_call *call, const char *name)
{
	struct sf_table *table = sf_table_find(call->sf, name);

	if (!table)
		sf_fail(call, sf_error("NOT_FOUND", NULL, "The requested resource does not exist"));
	return table;
}

/* The row of segments 1 and 2, or NULL and the call failed. */
static struct sf_record *row_or_fail(struct sf_call *call)
{
	struct sf_table *table = table_or_fail(call, call->segments[1]);
	const char *id = call->segments[2];
	struct sf_record *record;

	if (!table)
		return NULL;
	if (!sf_id_valid(id) && (strlen(id) == 15 || strlen(id) == SF_ID_LEN)) {
		sf_fail(call, sf_error("MALFORMED_ID", NULL, "malformed id %s", id));
		return NULL;
	}
	record = sf_find(call->sf, id);
	if (!record || record->table != table || !sf_visible(call->sf, record, call->user)) {
		sf_fail(call, sf_error("NOT_FOUND", NULL,
				      "Provided external ID field does not exist or is not "
				      "accessible: %s",
				      id));
		return NULL;
	}
	if (record->deleted) {
		sf_fail(call, sf_error("ENTITY_IS_DELETED", NULL, "entity is deleted"));
		return NULL;
	}
	return record;
}

/* Preconditions --------------------------------------------------------------------------- */

static int64_t modified(const struct sf_record *record)
{
	int64_t seconds = 0;
	const char *text = sf_text(record, "LastModifiedDate");

	if (text)
		sf_parse_datetime(text, &seconds);
	return seconds;
}

/* -1: the header is absent; 0: invalid; 1: *seconds is set. */
static int header_date(const struct sf_call *call, const char *name, int64_t *seconds)
{
	const char *text = sim_header(call->req, name);

	if (!text)
		return -1;
	return sf_parse_http_date(text, seconds);
}

/* True when the call may go on. */
static bool check_unmodified(struct sf_call *call, const struct sf_record *record)
{
	int64_t since;
	int given = header_date(call, "If-Unmodified-Since", &since);

	if (given == 0) {
		sf_fail(call, sf_error("INVALID_HTTP_HEADER", NULL,
				      "The value of If-Unmodified-Since is not an HTTP date"));
		return false;
	}
	if (given < 0 || modified(record) <= since ||
		(call->nested && call->sf->ignores_conditions))
		return true;
	sf_fail(call,
		sf_error("PRECONDITION_FAILED", NULL,
			"The record was modified since the date given by If-Unmodified-Since"));
	return false;
}

static void put_last_modified(struct sf_call *call, const struct sf_record *record)
{
	time_t t = (time_t)modified(record);
	struct tm tm;
	char text[64];

	gmtime_r(&t, &tm);
	strftime(text, sizeof(text), "%a, %d %b %Y %H:%M:%S GMT", &tm);
	sf_header(call, "Last-Modified", text);
}

/* Reading --------------------------------------------------------------------------------- */

const struct sf_field **sf_field_list(
	const struct sf_table *table, const char *names, size_t *n, json_t **errors)
{
	const struct sf_field **fields = NULL;
	char *copy AUTOFREE = xstrdup(names);
	char *rest = copy;
	char *name;

	*n = 0;
	while ((name = strsep(&rest, ","))) {
		const struct sf_field *field;

		name += strspn(name, " ");
		name[strcspn(name, " ")] = '\0';
		field = sf_field_find(table, name);
		if (!field) {
			*errors = sf_error("INVALID_FIELD", NULL,
				"No such column '%s' on entity '%s'. If you are attempting to use "
				"a "
				"custom field, be sure to append the '__c' after the custom field "
				"name.",
				name, table->name);
			free(fields);
			return NULL;
		}
		fields = xreallocarray(fields, *n + 1, sizeof(*fields));
		fields[(*n)++] = field;
	}
	return fields;
}

static void answer_row(struct sf_call *call, const struct sf_record *record)
{
	const char *names = sf_param(call, "fields");
	const struct sf_field **fields = NULL;
	json_t *errors = NULL;
	int64_t since;
	size_t n = 0;

	if (!check_unmodified(call, record))
		return;
	if (header_date(call, "If-Modified-Since", &since) > 0 && modified(record) <= since) {
		call->status = 304;
		return;
	}
	if (names && *names) {
		fields = sf_field_list(record->table, names, &n, &errors);
		if (!fields) {
			sf_fail(call, errors);
			return;
		}
	}
	call->status = 200;
	call->result = sf_row(call, record, fields, n);
	if (fields && sf_text(record, "Id")) /* the id is always shown */
		json_object_set(call->result, "Id", sf_get(record, "Id"));
	put_last_modified(call, record);
	free(fields);
}

void sf_row_get(struct sf_call *call)
{
	const struct sf_record *record = row_or_fail(call);

	if (record)
		answer_row(call, record);
}

/* Writing --------------------------------------------------------------------------------- */

static void answer_created(struct sf_call *call, const struct sf_record *record)
{
	char *url AUTOFREE = sf_url(call, "sobjects/%s/%s", record->table->name, record->id);

	call->status = 201;
	call->result = json_pack("{s:s, s:b, s:[]}", "id", record->id, "success", 1, "errors");
	sf_header(call, "Location", url);
}

void sf_row_create(struct sf_call *call)
{
	struct sf_table *table = table_or_fail(call, call->segments[1]);
	struct sf_save how = sf_save_of(call);
	struct sf_record *record;
	json_t *errors;

	if (!table)
		return;
	errors = sf_create(call->sf, &how, table, call->body, &record);
	if (errors)
		sf_fail(call, errors);
	else
		answer_created(call, record);
}

static void update(struct sf_call *call, struct sf_record *record, const json_t *input)
{
	struct sf_save how = sf_save_of(call);
	json_t *errors;

	if (!check_unmodified(call, record))
		return;
	errors = sf_update(call->sf, &how, record, input);
	if (errors)
		sf_fail(call, errors);
	else
		call->status = 204;
}

void sf_row_update(struct sf_call *call)
{
	struct sf_record *record = row_or_fail(call);

	if (record)
		update(call, record, call->body);
}

static void delete (struct sf_call *call, struct sf_record *record)
{
	struct sf_save how = sf_save_of(call);
	json_t *errors = sf_delete(call->sf, &how, record);

	if (errors)
		sf_fail(call, errors);
	else
		call->status = 204;
}

void sf_row_delete(struct sf_call *call)
{
	struct sf_record *record = row_or_fail(call);

	if (record)
		delete (call, record);
}

/* By external id -------------------------------------------------------------------------- */

size_t sf_match_external(struct sf *sf, const struct sf_table *table, const struct sf_field *field,
	const char *value, struct sf_record **hit, json_t *urls, const struct sf_call *call)
{
	size_t hits = 0;

	*hit = NULL;
	if (field->flags & SF_UNIQUE) {
		*hit = sf_find_unique(table, value);
		return *hit != NULL;
	}
	if (field->type == SF_ID) {
		struct sf_record *record = sf_find(sf, value);

		if (record && record->table == table && !record->deleted)
			*hit = record;
		return *hit != NULL;
	}
	for (size_t i = 0; i < table->n; i++) {
		struct sf_record *record = table->rows[i];
		const char *other = sf_text(record, field->name);

		if (!other || record->deleted || !sf_visible(sf, record, call->user) ||
			strcasecmp(other, value) != 0)
			continue;
		if (!hits++)
			*hit = record;
		if (urls) {
			char *url AUTOFREE = sf_url(
				call, "sobjects/%s/%s", table->name, record->id);

			json_array_append_new(urls, json_string(url));
		}
	}
	return hits;
}

static const struct sf_field *external_or_fail(struct sf_call *call, const struct sf_table *table)
{
	const struct sf_field *field = sf_field_find(table, call->segments[2]);

	if (field && field->flags & SF_IDLOOKUP)
		return field;
	sf_fail(call, sf_error("NOT_FOUND", NULL,
			      "Provided external ID field does not exist or is not accessible: %s",
			      call->segments[2]));
	return NULL;
}

/* The one record that the external id means; *table and *field are set unless the call failed. */
static struct sf_record *external_match(
	struct sf_call *call, struct sf_table **table, const struct sf_field **field)
{
	json_t *urls;
	struct sf_record *hit = NULL;

	*table = table_or_fail(call, call->segments[1]);
	*field = *table ? external_or_fail(call, *table) : NULL;
	if (!*field)
		return NULL;
	urls = json_array();
	if (sf_match_external(call->sf, *table, *field, call->segments[3], &hit, urls, call) > 1) {
		call->status = 300;
		call->result = urls;
		*field = NULL;
		return NULL;
	}
	json_decref(urls);
	return hit;
}

static struct sf_record *external_row(struct sf_call *call)
{
	struct sf_table *table;
	const struct sf_field *field;
	struct sf_record *record = external_match(call, &table, &field);

	if (!record && field)
		sf_fail(call, sf_error("NOT_FOUND", NULL, "The requested resource does not exist"));
	return field ? record : NULL;
}

void sf_row_get_external(struct sf_call *call)
{
	const struct sf_record *record = external_row(call);

	if (record)
		answer_row(call, record);
}

void sf_row_delete_external(struct sf_call *call)
{
	struct sf_record *record = external_row(call);

	if (record)
		delete (call, record);
}

static void upsert_create(
	struct sf_call *call, struct sf_table *table, const struct sf_field *field)
{
	json_t *input = json_copy((json_t *)call->body);
	struct sf_save how = sf_save_of(call);
	struct sf_record *record;
	json_t *errors;

	if (field->type == SF_ID) {
		json_decref(input);
		sf_fail(call, sf_error("NOT_FOUND", NULL, "The requested resource does not exist"));
		return;
	}
	json_object_set_new(input, field->name, json_string(call->segments[3]));
	errors = sf_create(call->sf, &how, table, input, &record);
	json_decref(input);
	if (errors) {
		sf_fail(call, errors);
		return;
	}
	answer_created(call, record);
	json_object_set_new(call->result, "created", json_true());
}

void sf_row_upsert(struct sf_call *call)
{
	struct sf_table *table;
	const struct sf_field *field;
	struct sf_record *hit = external_match(call, &table, &field);

	if (!field)
		return;
	if (json_object_get(call->body, field->name)) {
		sf_fail(call, sf_error("INVALID_FIELD", NULL,
				      "The %s field should not be specified in the sobject data.",
				      field->name));
		return;
	}
	if (!hit) {
		upsert_create(call, table, field);
		return;
	}
	update(call, hit, call->body);
	if (call->status != 204)
		return;
	call->status = 200;
	call->result = json_pack(
		"{s:s, s:b, s:[], s:b}", "id", hit->id, "success", 1, "errors", "created", 0);
}

/* Spans of time --------------------------------------------------------------------------- */

struct span {
	struct sf_table *table;
	int64_t start, end;
};

static bool span_of(struct sf_call *call, struct span *span)
{
	const char *start = sf_param(call, "start"), *end = sf_param(call, "end");

	span->table = table_or_fail(call, call->segments[1]);
	if (!span->table)
		return false;
	if (!start || !end || !sf_parse_datetime(start, &span->start) ||
		!sf_parse_datetime(end, &span->end)) {
		sf_fail(call,
			sf_error("INVALID_REPLICATION_DATE", NULL, "start and end are dateTimes"));
		return false;
	}
	if (span->start >= span->end || sf_now(call->sf) - span->start > 30 * 86400) {
		sf_fail(call,
			sf_error("INVALID_REPLICATION_DATE", NULL, "%s",
				span->start >= span->end
					? "startDate must be at least one minute before endDate"
					: "startDate before org replication enabled date"));
		return false;
	}
	return true;
}

static bool in_span(const struct sf_call *call, const struct span *span,
	const struct sf_record *record, bool deleted)
{
	int64_t stamp;
	const char *text = sf_text(record, "SystemModstamp");

	return text && record->deleted == deleted && sf_visible(call->sf, record, call->user) &&
	       sf_parse_datetime(text, &stamp) && stamp >= span->start && stamp < span->end;
}

static json_t *covered(const struct sf_call *call, const struct span *span)
{
	int64_t now = sf_now(call->sf);
	char text[32];

	sf_format_datetime(span->end < now ? span->end : now, text);
	return json_string(text);
}

void sf_get_updated(struct sf_call *call)
{
	struct span span;
	json_t *ids;

	if (!span_of(call, &span))
		return;
	ids = json_array();
	for (size_t i = 0; i < span.table->n; i++)
		if (in_span(call, &span, span.table->rows[i], false))
			json_array_append_new(ids, json_string(span.table->rows[i]->id));
	call->status = 200;
	call->result = json_pack(
		"{s:o, s:o}", "ids", ids, "latestDateCovered", covered(call, &span));
}

void sf_get_deleted(struct sf_call *call)
{
	struct span span;
	json_t *list;

	if (!span_of(call, &span))
		return;
	list = json_array();
	for (size_t i = 0; i < span.table->n; i++) {
		const struct sf_record *record = span.table->rows[i];

		if (in_span(call, &span, record, true))
			json_array_append_new(
				list, json_pack("{s:s, s:s}", "id", record->id, "deletedDate",
					      sf_text(record, "SystemModstamp")));
	}
	call->status = 200;
	call->result = json_pack("{s:o, s:s, s:o}", "deletedRecords", list, "earliestDateAvailable",
		"2020-01-01T00:00:00.000+0000", "latestDateCovered", covered(call, &span));
}
