/* Queries: the pull, records by id, by e-mail address, users.
 *
 * A pull asks queryAll (deleted records too) for what has a SystemModstamp since the greatest one that
 * the server ever showed, less an overlap: stamps are whole seconds and a long transaction commits
 * with an old one.  The cursor moves only by what the server showed, never by a clock here, so that a
 * pull without changes is one request and leaves the cursor as it was. */
#include "crm/private.h"

#include <stdlib.h>
#include <string.h>

#include "sync/formats/zone.h"
#include "sync/mem.h"

#define PAGES_MAX 1000 /* of one query: a server that never says "done" */

/* ---- cursor ------------------------------------------------------------------------------------ */

void salesforce_cursor_clear(struct salesforce_cursor *cursor)
{
	free(cursor->since);
	free(cursor->greatest);
	free(cursor->locator);
	memset(cursor, 0, sizeof(*cursor));
}

static int take_stamp(char **to, const json_t *json, const char *name, struct error *err)
{
	const char *text = json_string_value(json_object_get(json, name));
	int64_t ms;

	if (text && !salesforce_parse_stamp(text, &ms))
		return error_set(err, ERR_CURSOR, "Salesforce: the cursor of a pull is not one");
	*to = xstrdup(text);
	return 0;
}

int salesforce_cursor_parse(struct salesforce_cursor *cursor, const char *text, struct error *err)
{
	json_t *json = text ? json_loads(text, JSON_REJECT_DUPLICATES, NULL) : json_object();
	int rc = 0;

	memset(cursor, 0, sizeof(*cursor));
	if (!json_is_object(json))
		rc = error_set(err, ERR_CURSOR, "Salesforce: the cursor of a pull is not one");
	if (!rc)
		rc = take_stamp(&cursor->since, json, "since", err);
	if (!rc)
		rc = take_stamp(&cursor->greatest, json, "greatest", err);
	if (!rc)
		cursor->locator = xstrdup(json_string_value(json_object_get(json, "locator")));
	json_decref(json);
	if (rc)
		salesforce_cursor_clear(cursor);
	return rc;
}

char *salesforce_cursor_text(const struct salesforce_cursor *cursor)
{
	json_t *json = json_pack("{s:s*, s:s*, s:s*}", "since", cursor->since, "greatest",
		cursor->greatest, "locator", cursor->locator);
	char *text = json_dumps(json, JSON_COMPACT);

	json_decref(json);
	return text ? text : xstrdup("{}");
}

/* Raises *greatest to the stamp, when that is later. */
static void raise_stamp(char **greatest, const char *stamp)
{
	int64_t now, old;

	if (!stamp || !salesforce_parse_stamp(stamp, &now))
		return;
	if (*greatest && salesforce_parse_stamp(*greatest, &old) && old >= now)
		return;
	free(*greatest);
	*greatest = xstrdup(stamp);
}

/* ---- one query --------------------------------------------------------------------------------- */

void salesforce_add_select(struct buf *soql, const struct salesforce_object *object)
{
	static const char fixed[] =
		"SELECT Id,SystemModstamp,IsDeleted,CreatedById,CreatedDate,LastModifiedById";

	buf_adds(soql, fixed);
	if (object->has_master)
		buf_adds(soql, ",MasterRecordId");
	if (object->has_owner)
		buf_adds(soql, ",OwnerId");
	if (object->has_account)
		buf_adds(soql, ",AccountId");
	if (object->token_field)
		buf_addf(soql, ",%s", object->token_field);
	if (object->spec->extra)
		buf_adds(soql, object->spec->extra);
	for (size_t i = 0; i < object->n_rows; i++)
		if (!(object->rows[i].flags & FIELD_PER_KEY))
			buf_addf(soql, ",%s", object->rows[i].name);
	for (size_t i = 0; i < object->n_emails; i++) {
		bool selected = false;

		for (size_t j = 0; j < object->n_rows; j++)
			selected = selected || !strcmp(object->rows[j].name, object->emails[i]);
		if (!selected)
			buf_addf(soql, ",%s", object->emails[i]);
	}
	buf_addf(soql, " FROM %s", object->name);
}

int salesforce_ask(struct crm *crm, const char *resource, const struct buf *soql,
	const char *locator, json_t **answer, struct error *err)
{
	struct buf path AUTOBUF = BUF_INIT(4 * SALESFORCE_QUERY_MAX);
	struct salesforce_call call = { .method = "GET", .operation = resource };
	int rc;

	if (locator) {
		buf_adds(&path, locator);
		call.operation = "queryMore";
	} else {
		rc = buf_check(soql, "a query", err);
		if (rc)
			return rc;
		buf_addf(&path, SALESFORCE_PATH "/%s?q=", resource);
		salesforce_add_encoded(&path, buf_str(soql));
	}
	call.path = buf_str(&path);
	rc = salesforce_send(crm, &call, err);
	if (rc)
		json_decref(call.answer);
	else
		*answer = call.answer;
	return rc;
}

int salesforce_ask_all(struct crm *crm, const char *resource, const struct buf *soql, json_t **rows,
	struct error *err)
{
	char *locator = NULL;
	int rc, pages = 0;

	*rows = json_array();
	do {
		json_t *answer = NULL;
		const char *next;

		rc = pages++ < PAGES_MAX
			     ? salesforce_ask(crm, resource, soql, locator, &answer, err)
			     : error_set(err, ERR_REMOTE, "Salesforce: a query does not end");
		free(locator);
		locator = NULL;
		if (!rc && json_array_extend(*rows, json_object_get(answer, "records")))
			rc = error_set(
				err, ERR_REMOTE, "Salesforce: the answer to a query is not one");
		next = member(answer, "nextRecordsUrl");
		if (!rc && json_is_false(json_object_get(answer, "done")))
			rc = salesforce_take_locator(next, &locator, err);
		json_decref(answer);
	} while (!rc && locator);
	return rc;
}

/* The records of an answer, after what belongs together was put together. */
static int read_page(struct crm *crm, const struct salesforce_object *object, json_t *answer,
	struct crm_record **records, size_t *n, char **next, struct error *err)
{
	char *user AUTOFREE = salesforce_user_id(crm);
	json_t *rows = json_object_get(answer, "records");
	int rc = 0;

	*records = NULL;
	*n = 0;
	*next = NULL;
	if (object->spec->fold && json_is_array(rows))
		rc = object->spec->fold(crm, object, rows, err);
	return rc ? rc : salesforce_read_page(answer, object, user, records, n, next, err);
}

/* ---- pull -------------------------------------------------------------------------------------- */

static void add_since(struct buf *soql, const char *since)
{
	char stamp[32];
	int64_t ms;

	if (since && salesforce_parse_stamp(since, &ms)) {
		salesforce_format_stamp(ms / 1000 - SALESFORCE_OVERLAP_S, stamp);
		buf_addf(soql, " WHERE SystemModstamp >= %s", stamp);
	}
	buf_adds(soql, " ORDER BY SystemModstamp, Id");
}

static int pull_page(struct crm *crm, const struct salesforce_object *object,
	struct salesforce_cursor *cursor, struct crm_page *page, struct error *err)
{
	struct buf soql AUTOBUF = BUF_INIT(SALESFORCE_QUERY_MAX);
	char *next = NULL, *greatest = NULL;
	json_t *answer = NULL, *row;
	size_t i;
	int rc;

	salesforce_add_select(&soql, object);
	add_since(&soql, cursor->since);
	rc = salesforce_ask(crm, "queryAll", &soql, cursor->locator, &answer, err);
	if (rc)
		return rc;
	json_array_foreach(json_object_get(answer, "records"), i, row)
		raise_stamp(&greatest, member(row, "SystemModstamp"));
	rc = read_page(crm, object, answer, &page->records, &page->n, &next, err);
	json_decref(answer);
	if (!rc) {
		free(cursor->locator);
		cursor->locator = next;
		raise_stamp(&cursor->greatest, greatest);
	}
	free(greatest);
	return rc;
}

/* The pull is over: the next one starts from the greatest stamp shown. */
static void finish(struct salesforce_cursor *cursor)
{
	if (cursor->greatest)
		raise_stamp(&cursor->since, cursor->greatest);
	free(cursor->greatest);
	cursor->greatest = NULL;
}

static int pull_object(struct crm *crm, const struct salesforce_object *object, const char *text,
	struct crm_page *page, struct error *err)
{
	struct salesforce_cursor cursor;
	int rc = salesforce_cursor_parse(&cursor, text, err);

	if (!rc) {
		rc = pull_page(crm, object, &cursor, page, err);
		if (rc == ERR_CURSOR && cursor.locator) {
			/* Locators live for days and are limited in number: begin this pull again. */
			free(cursor.locator);
			cursor.locator = NULL;
			rc = pull_page(crm, object, &cursor, page, err);
		}
	}
	if (!rc) {
		page->last = !cursor.locator;
		if (page->last)
			finish(&cursor);
		page->cursor = salesforce_cursor_text(&cursor);
	}
	salesforce_cursor_clear(&cursor);
	return rc;
}

int salesforce_pull(struct crm *crm, enum item_kind kind, const char *text, struct crm_page *page,
	struct error *err)
{
	const struct salesforce_object *object;
	int rc;

	memset(page, 0, sizeof(*page));
	page->last = true;
	rc = salesforce_object(crm, kind, &object, err);
	return rc || !object ? rc : pull_object(crm, object, text, page, err);
}

/* Where the pull of accounts begins: what they were before is read with their contacts. */
static int newest_account(struct crm *crm, struct salesforce_cursor *cursor, struct error *err)
{
	struct buf soql AUTOBUF = BUF_INIT(SALESFORCE_QUERY_MAX);
	json_t *answer = NULL;
	const char *stamp;
	int rc;

	buf_adds(&soql, "SELECT SystemModstamp FROM Account ORDER BY SystemModstamp DESC LIMIT 1");
	rc = salesforce_ask(crm, "queryAll", &soql, NULL, &answer, err);
	stamp = json_string_value(json_object_get(
		json_array_get(json_object_get(answer, "records"), 0), "SystemModstamp"));
	if (!rc && stamp)
		raise_stamp(&cursor->since, stamp);
	json_decref(answer);
	return rc;
}

int salesforce_pull_accounts(
	struct crm *crm, const char *text, struct crm_page *page, struct error *err)
{
	struct salesforce_cursor cursor = { 0 };
	int rc;

	memset(page, 0, sizeof(*page));
	if (text)
		return pull_object(crm, &salesforce_account, text, page, err);
	rc = newest_account(crm, &cursor, err);
	if (!rc)
		page->cursor = salesforce_cursor_text(&cursor);
	page->last = true;
	salesforce_cursor_clear(&cursor);
	return rc;
}

/* ---- records by id or address ------------------------------------------------------------------ */

struct found {
	struct crm_record *records;
	size_t n;
};

static bool has_record(const struct found *found, const char *id)
{
	for (size_t i = 0; i < found->n; i++)
		if (!strcmp(found->records[i].id, id))
			return true;
	return false;
}

/* Moves the records into `found`, those that `wanted` refuses and doubles aside. */
static void keep(struct found *found, struct crm_record *records, size_t n,
	bool (*wanted)(const struct crm_record *, const void *), const void *arg)
{
	found->records = xreallocarray(found->records, found->n + n, sizeof(*found->records));
	for (size_t i = 0; i < n; i++) {
		if ((wanted && !wanted(&records[i], arg)) || has_record(found, records[i].id))
			crm_record_clear(&records[i]);
		else
			found->records[found->n++] = records[i];
	}
	free(records);
}

static int query_all_pages(struct crm *crm, const struct salesforce_object *object,
	const char *resource, const struct buf *soql, struct found *found,
	bool (*wanted)(const struct crm_record *, const void *), const void *arg, struct error *err)
{
	char *locator = NULL;
	int rc;

	for (int pages = 0;; pages++) {
		json_t *answer = NULL;
		struct crm_record *records;
		char *next = NULL;
		size_t n;

		rc = pages < PAGES_MAX
			     ? salesforce_ask(crm, resource, soql, locator, &answer, err)
			     : error_set(err, ERR_REMOTE, "Salesforce: a query does not end");
		free(locator);
		locator = NULL;
		if (rc)
			return rc;
		rc = read_page(crm, object, answer, &records, &n, &next, err);
		json_decref(answer);
		if (rc)
			return rc;
		keep(found, records, n, wanted, arg);
		if (!next)
			return 0;
		locator = next;
	}
}

size_t salesforce_add_values(struct buf *in, const char *const *values, size_t n)
{
	size_t i, spent = 0;

	for (i = 0; i < n && i < SALESFORCE_COLLECTION && spent < SALESFORCE_IN_BYTES; i++) {
		size_t before = in->len;
		struct buf encoded AUTOBUF = BUF_INIT(64 * 1024);

		buf_addc(in, i ? ',' : '(');
		salesforce_add_quoted(in, values[i]);
		salesforce_add_encoded(&encoded, buf_str(in) + before);
		spent += encoded.len;
	}
	buf_addc(in, ')');
	return i;
}

static int check_ids(const char *const *ids, size_t n, struct error *err)
{
	for (size_t i = 0; i < n; i++)
		if (!salesforce_is_id(ids[i]))
			return error_set(
				err, ERR_INVALID, "\"%s\" is not the id of a record", ids[i]);
	return 0;
}

int salesforce_get(struct crm *crm, enum item_kind kind, const char *const *ids, size_t n,
	struct crm_record **records, size_t *count, struct error *err)
{
	const struct salesforce_object *object;
	struct found found = { 0 };
	int rc = check_ids(ids, n, err);

	*records = NULL;
	*count = 0;
	if (rc || !n)
		return rc;
	rc = salesforce_object(crm, kind, &object, err);
	for (size_t at = 0; !rc && object && at < n;) {
		struct buf soql AUTOBUF = BUF_INIT(SALESFORCE_QUERY_MAX);

		salesforce_add_select(&soql, object);
		buf_adds(&soql, " WHERE Id IN ");
		at += salesforce_add_values(&soql, ids + at, n - at);
		rc = query_all_pages(crm, object, "queryAll", &soql, &found, NULL, NULL, err);
	}
	if (rc) {
		crm_records_free(found.records, found.n);
		return rc;
	}
	*records = found.records;
	*count = found.n;
	return 0;
}

struct addresses {
	const char *const *names;
	size_t n;
};

/* SOQL compares by the org's own rules; what counts is equality here. */
static bool has_address(const struct crm_record *record, const void *arg)
{
	const struct addresses *wanted = arg;

	if (record->deleted)
		return false;
	for (size_t i = 0; i < json_array_size(record->emails); i++) {
		const char *email = json_string_value(json_array_get(record->emails, i));

		for (size_t j = 0; j < wanted->n; j++)
			if (!strcmp(email, wanted->names[j]))
				return true;
	}
	return false;
}

static void add_match(struct buf *soql, const struct salesforce_object *object, const char *values)
{
	buf_adds(soql, " WHERE ");
	for (size_t i = 0; i < object->n_emails; i++)
		buf_addf(soql, "%s%s IN %s", i ? " OR " : "", object->emails[i], values);
}

static int match_folded(struct crm *crm, const struct salesforce_object *object,
	const struct addresses *wanted, struct found *found, struct error *err)
{
	int rc = 0;

	for (size_t at = 0; !rc && at < wanted->n;) {
		struct buf soql AUTOBUF = BUF_INIT(SALESFORCE_QUERY_MAX),
				values AUTOBUF = BUF_INIT(SALESFORCE_QUERY_MAX);
		size_t most = wanted->n - at;

		/* Each field repeats the list: its share of the budget. */
		if (most > SALESFORCE_COLLECTION / object->n_emails)
			most = SALESFORCE_COLLECTION / object->n_emails;
		at += salesforce_add_values(&values, wanted->names + at, most ? most : 1);
		salesforce_add_select(&soql, object);
		add_match(&soql, object, buf_str(&values));
		rc = query_all_pages(crm, object, "query", &soql, found, has_address, wanted, err);
	}
	return rc;
}

int salesforce_match_emails(struct crm *crm, enum item_kind kind, const char *const *addresses,
	size_t n, struct crm_record **records, size_t *count, struct error *err)
{
	const struct salesforce_object *object;
	struct found found = { 0 };
	char **folded;
	int rc;

	*records = NULL;
	*count = 0;
	if (!n)
		return 0;
	rc = salesforce_object(crm, kind, &object, err);
	if (rc || !object || !object->n_emails)
		return rc;
	folded = xcalloc(n, sizeof(*folded));
	for (size_t i = 0; i < n; i++)
		folded[i] = salesforce_fold(addresses[i]);
	rc = match_folded(crm, object,
		&(struct addresses){ .names = (const char *const *)folded, .n = n }, &found, err);
	for (size_t i = 0; i < n; i++)
		free(folded[i]);
	free(folded);
	if (rc) {
		crm_records_free(found.records, found.n);
		return rc;
	}
	*records = found.records;
	*count = found.n;
	return 0;
}

/* ---- records by what they hold ----------------------------------------------------------------- */

struct wanted {
	const struct salesforce_object *object;
	const json_t *const *projections;
	size_t n;
};

/* Are both alike in every row that records are matched by? */
static bool is_alike(
	const struct salesforce_object *object, const json_t *fields, const json_t *projection)
{
	for (size_t i = 0; i < object->n_rows; i++) {
		const char *name = object->rows[i].name;
		const json_t *a = json_object_get(fields, name);
		const json_t *b = json_object_get(projection, name);

		if (object->rows[i].flags & FIELD_MATCH && (a && b ? !json_equal(a, b) : a != b))
			return false;
	}
	return true;
}

static bool is_wanted(const struct crm_record *record, const void *arg)
{
	const struct wanted *wanted = arg;

	for (size_t i = 0; i < wanted->n; i++)
		if (!record->deleted &&
			is_alike(wanted->object, record->fields, wanted->projections[i]))
			return true;
	return false;
}

/* The question is for one row; the others are compared here. */
static void add_condition(struct buf *soql, const struct salesforce_object *object,
	const char *owner_id, const json_t *const *projections, size_t n)
{
	const struct salesforce_spec *spec = object->spec;

	buf_adds(soql, " WHERE ");
	if (owner_id)
		buf_addf(soql, "OwnerId = '%s' AND ", owner_id);
	buf_addf(soql, "%s IN (", spec->match_by);
	for (size_t i = 0; i < n; i++) {
		buf_adds(soql, i ? "," : "");
		spec->literal(soql, json_object_get(projections[i], spec->match_by));
	}
	buf_addc(soql, ')');
}

int salesforce_match_fields(struct crm *crm, enum item_kind kind, const char *owner_id,
	const json_t *const *projections, size_t n, struct crm_record **records, size_t *count,
	struct error *err)
{
	struct wanted wanted = { .projections = projections, .n = n };
	struct found found = { 0 };
	int rc = owner_id ? check_ids(&owner_id, 1, err) : 0;

	*records = NULL;
	*count = 0;
	if (!rc && n)
		rc = salesforce_object(crm, kind, &wanted.object, err);
	if (rc || !n || !wanted.object || !wanted.object->spec->match_by)
		return rc;
	for (size_t at = 0; !rc && at < n; at += SALESFORCE_COLLECTION) {
		struct buf soql AUTOBUF = BUF_INIT(SALESFORCE_QUERY_MAX);
		size_t m = n - at < SALESFORCE_COLLECTION ? n - at : SALESFORCE_COLLECTION;

		salesforce_add_select(&soql, wanted.object);
		add_condition(&soql, wanted.object, owner_id, projections + at, m);
		rc = query_all_pages(
			crm, wanted.object, "query", &soql, &found, is_wanted, &wanted, err);
	}
	if (rc) {
		crm_records_free(found.records, found.n);
		return rc;
	}
	*records = found.records;
	*count = found.n;
	return 0;
}

/* ---- users ------------------------------------------------------------------------------------- */

static bool same(const char *a, const char *b)
{
	char *folded AUTOFREE = a ? salesforce_fold(a) : NULL;

	return folded && !strcmp(folded, b);
}

/* The one user that the address means: active, and when several have it, the one who signs in with
 * it.  NULL when that is open. */
static const char *choose_user(const json_t *rows, const char *address)
{
	const char *named = NULL, *only = NULL;
	size_t i, hits = 0;
	json_t *row;

	json_array_foreach((json_t *)rows, i, row) {
		const char *id = member(row, "Id");

		if (!salesforce_is_id(id) || !json_is_true(json_object_get(row, "IsActive")) ||
			!same(member(row, "Email"), address))
			continue;
		hits++;
		only = id;
		if (same(member(row, "Username"), address))
			named = id;
	}
	return named ? named : hits == 1 ? only : NULL;
}

int salesforce_find_users(
	struct crm *crm, const char *const *addresses, size_t n, char **ids, struct error *err)
{
	int rc = 0;

	memset(ids, 0, n * sizeof(*ids));
	for (size_t at = 0, taken; !rc && at < n; at += taken) {
		struct buf soql AUTOBUF = BUF_INIT(SALESFORCE_QUERY_MAX);
		json_t *answer = NULL;
		const json_t *rows;

		buf_adds(&soql, "SELECT Id,Email,Username,IsActive FROM User WHERE Email IN ");
		taken = salesforce_add_values(&soql, addresses + at, n - at);
		rc = salesforce_ask(crm, "query", &soql, NULL, &answer, err);
		rows = json_object_get(answer, "records");
		if (!rc && !json_is_array(rows))
			rc = error_set(
				err, ERR_REMOTE, "Salesforce: the answer to a query is not one");
		for (size_t i = at; !rc && i < at + taken; i++) {
			char *folded AUTOFREE = salesforce_fold(addresses[i]);

			ids[i] = xstrdup(choose_user(rows, folded));
		}
		json_decref(answer);
	}
	for (size_t i = 0; rc && i < n; i++) {
		free(ids[i]);
		ids[i] = NULL;
	}
	return rc;
}

int salesforce_user_time_zone(struct crm *crm, const char *user_id, char **zone, struct error *err)
{
	struct buf soql AUTOBUF = BUF_INIT(SALESFORCE_QUERY_MAX);
	char name[ZONE_NAME];
	json_t *rows = NULL;
	const char *text;
	int rc = check_ids(&user_id, 1, err);

	*zone = NULL;
	if (rc)
		return rc;
	buf_addf(&soql, "SELECT TimeZoneSidKey FROM User WHERE Id = '%s'", user_id);
	rc = salesforce_ask_all(crm, "query", &soql, &rows, err);
	text = member(json_array_get(rows, 0), "TimeZoneSidKey");
	if (!rc && text && zone_find(text, name))
		*zone = xstrdup(name);
	json_decref(rows);
	return rc;
}
