/* query, queryAll and query locators, and records as JSON.
 *
 * A query that has more rows than a page keeps its result set (the records, not their values) in a
 * cursor; the locator is the cursor's id and the offset of the next page.  The oldest cursor gives
 * way when there are too many. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sync/mem.h"
#include "tests/sim/sf.h"

struct sf_cursor {
	char id[SF_ID_LEN + 1];
	struct sf_soql *q;
	struct sf_record **rows;
	size_t n;
	size_t page;
	char *user;
};

/* Records as JSON ------------------------------------------------------------------------- */

/* MailingAddress from MailingStreet and so on; null when all are empty. */
static json_t *compose_address(const struct sf_record *record, const struct sf_field *field)
{
	static const char *const parts[] = { "City", "Country", "GeocodeAccuracy", "Latitude",
		"Longitude", "PostalCode", "State", "Street" };
	int prefix = (int)(strlen(field->name) - strlen("Address"));
	json_t *address = json_object();
	bool any = false;

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		char *name AUTOFREE = xasprintf("%.*s%s", prefix, field->name, parts[i]);
		char *key AUTOFREE = xstrdup(parts[i]);
		json_t *value = sf_get(record, name);

		key[0] += 'a' - 'A';
		any = any || value;
		json_object_set_new(address, key, value ? json_incref(value) : json_null());
	}
	if (any)
		return address;
	json_decref(address);
	return json_null();
}

json_t *sf_value_of(const struct sf_record *record, const struct sf_field *field)
{
	json_t *value;

	if (field->type == SF_ADDRESS)
		return compose_address(record, field);
	value = sf_get(record, field->name);
	return value ? json_incref(value) : json_null();
}

static json_t *attributes(const struct sf_call *call, const struct sf_record *record)
{
	char *url AUTOFREE = sf_url(call, "sobjects/%s/%s", record->table->name, record->id);

	return json_pack("{s:{s:s, s:s}}", "attributes", "type", record->table->name, "url", url);
}

json_t *sf_row(const struct sf_call *call, const struct sf_record *record,
	const struct sf_field *const *fields, size_t n)
{
	const struct sf_table *table = record->table;
	json_t *row = attributes(call, record);

	for (size_t i = 0; fields && i < n; i++)
		json_object_set_new(row, fields[i]->name, sf_value_of(record, fields[i]));
	for (size_t i = 0; !fields && i < table->n_fields; i++)
		if (!(table->fields[i].flags & SF_HIDDEN))
			json_object_set_new(
				row, table->fields[i].name, sf_value_of(record, &table->fields[i]));
	return row;
}

/* Account.Owner.Name becomes {"Account": {"Owner": {"Name": ...}}}. */
static void put_path(const struct sf_call *call, json_t *row, const struct sf_path *path,
	const struct sf_record *record)
{
	for (size_t i = 0; i < path->n_hops; i++) {
		const char *id = sf_text(record, path->hops[i]->name);
		const char *key = path->hops[i]->relationship;
		json_t *inner = json_object_get(row, key);

		record = id ? sf_find(call->sf, id) : NULL;
		if (!record || !sf_visible(call->sf, record, call->user)) {
			json_object_set_new(row, key, json_null());
			return;
		}
		if (!inner) {
			inner = attributes(call, record);
			json_object_set_new(row, key, inner);
		}
		row = inner;
	}
	json_object_set_new(row, path->field->name, sf_value_of(record, path->field));
}

static json_t *selected(
	const struct sf_call *call, const struct sf_soql *q, const struct sf_record *record)
{
	json_t *row = attributes(call, record);

	for (size_t i = 0; i < q->n_select; i++)
		put_path(call, row, &q->select[i], record);
	return row;
}

/* Cursors --------------------------------------------------------------------------------- */

static void free_cursor(struct sf_cursor *c)
{
	if (!c)
		return;
	sf_soql_free(c->q);
	free(c->rows);
	free(c->user);
	free(c);
}

void sf_cursors_free(struct sf *sf)
{
	for (size_t i = 0; i < SF_CURSORS; i++) {
		free_cursor(sf->cursors[i]);
		sf->cursors[i] = NULL;
	}
}

static void keep_cursor(struct sf *sf, struct sf_cursor *c)
{
	struct sf_cursor **slot = &sf->cursors[sf->last_cursor++ % SF_CURSORS];
	char id[32];

	free_cursor(*slot);
	*slot = c;
	snprintf(id, sizeof(id), "01g5g00000%05u", sf->last_cursor % 100000);
	sf_id_full(id, c->id);
}

static json_t *page_of(const struct sf_call *call, const struct sf_cursor *c, size_t from)
{
	size_t end = from + c->page < c->n ? from + c->page : c->n;
	json_t *records = json_array();
	json_t *page = json_pack("{s:I, s:b}", "totalSize", (json_int_t)c->n, "done", end == c->n);

	for (size_t i = from; i < end; i++)
		json_array_append_new(records, selected(call, c->q, c->rows[i]));
	if (end < c->n) {
		char *url AUTOFREE = sf_url(call, "query/%s-%zu", c->id, end);

		json_object_set_new(page, "nextRecordsUrl", json_string(url));
	}
	json_object_set_new(page, "records", records);
	return page;
}

/* Sforce-Query-Options: batchSize=N, between 200 and 2000. */
static size_t page_size(const struct sf_call *call)
{
	const char *options = sim_header(call->req, "Sforce-Query-Options");
	const char *size = options ? strcasestr(options, "batchSize=") : NULL;
	long n = size ? strtol(size + strlen("batchSize="), NULL, 10) : SF_PAGE_MAX;

	if (n < SF_PAGE_MIN)
		return SF_PAGE_MIN;
	return n > SF_PAGE_MAX ? SF_PAGE_MAX : (size_t)n;
}

/* The result set: filtered, in order, cut by OFFSET and LIMIT. */
static struct sf_cursor *run(const struct sf_call *call, struct sf_soql *q, bool deleted_too)
{
	struct sf_cursor *c = xcalloc(1, sizeof(*c));
	const struct sf_table *table = q->table;
	size_t offset = q->offset > 0 ? (size_t)q->offset : 0;

	c->q = q;
	c->user = xstrdup(call->user);
	c->page = page_size(call);
	c->rows = xcalloc(table->n + 1, sizeof(struct sf_record *));
	for (size_t i = 0; i < table->n; i++) {
		struct sf_record *record = table->rows[i];

		if (sf_visible(call->sf, record, call->user) &&
			(deleted_too ||
				!(record->deleted || sf_flag(record->fields, "IsArchived"))) &&
			sf_matches(call->sf, q->where, record))
			c->rows[c->n++] = record;
	}
	sf_sort(call->sf, q, c->rows, c->n);
	offset = offset < c->n ? offset : c->n;
	c->n -= offset;
	memmove(c->rows, c->rows + offset, c->n * sizeof(struct sf_record *));
	if (q->limit >= 0 && c->n > (size_t)q->limit)
		c->n = (size_t)q->limit;
	return c;
}

static void query(struct sf_call *call, bool deleted_too)
{
	const char *text = sf_param(call, "q");
	json_t *errors = NULL;
	struct sf_table *table;
	struct sf_soql *q;
	struct sf_cursor *c;

	if (!text || !*text) {
		sf_fail(call,
			sf_error("MALFORMED_QUERY", NULL, "A query string has to be specified"));
		return;
	}
	if (strlen(text) > SF_QUERY_MAX) {
		sf_fail(call, sf_error("QUERY_TOO_COMPLICATED", NULL,
				      "SOQL statements cannot be longer than %d characters",
				      SF_QUERY_MAX));
		return;
	}
	q = sf_soql_parse(call->sf, text, &errors);
	if (!q) {
		sf_fail(call, errors);
		return;
	}
	table = q->table;
	if (sf_is_access(table))
		sf_access_fill(call->sf, q, &errors);
	if (errors) {
		sf_soql_free(q);
		sf_fail(call, errors);
		return;
	}
	c = run(call, q, deleted_too);
	call->status = 200;
	if (q->count) {
		call->result = json_pack(
			"{s:I, s:b, s:[]}", "totalSize", (json_int_t)c->n, "done", 1, "records");
		free_cursor(c);
	} else if (c->n > c->page) {
		keep_cursor(call->sf, c);
		call->result = page_of(call, c, 0);
	} else {
		call->result = page_of(call, c, 0);
		free_cursor(c);
	}
	if (sf_is_access(table))
		sf_access_empty(table);
}

void sf_query(struct sf_call *call)
{
	query(call, false);
}

void sf_query_all(struct sf_call *call)
{
	query(call, true);
}

void sf_query_more(struct sf_call *call)
{
	const char *locator = call->segments[1];
	const char *dash = strchr(locator, '-');
	char *end = NULL;
	size_t from = dash ? strtoul(dash + 1, &end, 10) : 0;

	for (size_t i = 0; i < SF_CURSORS; i++) {
		const struct sf_cursor *c = call->sf->cursors[i];

		if (!c || !dash || *end || strncmp(c->id, locator, 15) != 0 || from >= c->n ||
			strcmp(c->user, call->user) != 0)
			continue;
		call->status = 200;
		call->result = page_of(call, c, from);
		return;
	}
	sf_fail(call, sf_error("INVALID_QUERY_LOCATOR", NULL, "invalid query locator"));
}
