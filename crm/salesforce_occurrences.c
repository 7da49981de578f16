/* A series as Salesforce has it: one row with the pattern (GroupEventType 3), one for each occurrence,
 * all with the same ActivityRecurrence2Id.
 *
 * Reading: wherever a row of a series is in an answer, all rows of that series are fetched and become
 * one record, that of the series row.  salesforce_places.c tells which occurrence of the rule a row
 * stands for; rows of the time before the series was last built anew say nothing else.
 *
 * Writing: the series row first, then its exceptions.  After a change that makes Salesforce build the
 * series anew, all of them: it has dropped them. */
#include "crm/salesforce_activity.h"

#include <stdlib.h>
#include <string.h>

#include "sync/formats/caltime.h"
#include "sync/formats/zone.h"
#include "sync/mem.h"

#define NAME	    "Occurrences/"
#define OCCURRENCES "_occurrences" /* beside the fields of a series row, once it was put together */
#define REPLACES    "_replaces" /* beside them: the id of the series row that this one came after */

/* The series' own values at one of its occurrences (new reference).  What is of the series as a whole is
 * not among them: an occurrence that is written is no series. */
static json_t *values_at(const json_t *fields, const char *zone, const char *key)
{
	const char *start = member(fields, "StartDateTime"), *name;
	json_t *out = json_copy((json_t *)fields), *value;
	int64_t local = 0, utc = 0;
	void *next;

	json_object_foreach_safe(out, next, name,
		value) if (!strncmp(name, "Recurrence2", strlen("Recurrence2")) ||
			   !strncmp(name, NAME, strlen(NAME))) json_object_del(out, name);
	if (start && strlen(start) == 10) /* a date */
		json_object_set_new(out, "StartDateTime", json_stringn(key, 10));
	else if (caltime_read_local(key, &local) && salesforce_to_utc(zone, local, &utc))
		json_object_set_new(out, "StartDateTime", salesforce_utc(utc));
	return out;
}

/* ---- reading ----------------------------------------------------------------------------------- */

bool salesforce_series_is_readable(const json_t *row)
{
	const char *text = member(row, "Recurrence2PatternText");
	char *pattern AUTOFREE = text ? salesforce_read_pattern(text) : NULL;

	return pattern || !salesforce_is_series_row(row);
}

void salesforce_series_read(const json_t *row, json_t *fields)
{
	const char *text = member(row, "Recurrence2PatternText"),
		   *name = member(row, "Recurrence2PatternTimeZone"), *key;
	char *pattern AUTOFREE = text ? salesforce_read_pattern(text) : NULL, zone[ZONE_NAME];
	json_t *value;

	if (!salesforce_is_series_row(row) || !pattern)
		return;
	json_object_set_new(fields, "Recurrence2PatternText", json_string(pattern));
	if (name && !is_true(row, "IsAllDayEvent"))
		json_object_set_new(fields, "Recurrence2PatternTimeZone",
			json_string(zone_find(name, zone) ? zone : name));
	json_object_foreach(json_object_get(row, OCCURRENCES), key, value) {
		char *full AUTOFREE = xasprintf(NAME "%s", key);

		json_object_set(fields, full, value);
	}
}

static json_t *describe(
	const struct salesforce_object *object, const json_t *series, const json_t *rows)
{
	json_t *fields = salesforce_event_read(object, series),
	       *places = salesforce_places(series, rows);
	json_t *out = json_object(), *row;
	const char *key;

	json_object_foreach(places, key, row) {
		json_t *base, *here, *different;

		if (json_is_null(row))
			json_object_set_new(out, key, json_pack("{s:b}", "excluded", 1));
		if (!is_true(row, "IsRecurrence2Exception"))
			continue;
		base = values_at(fields, member(fields, "Recurrence2PatternTimeZone"), key);
		here = salesforce_event_read(object, row);
		different = salesforce_differences(base, here);
		if (json_object_size(different))
			json_object_set(out, key, different);
		json_decref(different);
		json_decref(here);
		json_decref(base);
	}
	json_decref(places);
	json_decref(fields);
	return out;
}

/* The series is as new as the newest of its rows, and whose that is counts as who wrote it. */
static void take_newest(json_t *series, const json_t *rows)
{
	int64_t newest = 0, stamp;
	json_t *row;
	size_t i;

	salesforce_stamp_of(series, "SystemModstamp", &newest);
	json_array_foreach((json_t *)rows, i, row) {
		if (!salesforce_stamp_of(row, "SystemModstamp", &stamp) || stamp <= newest)
			continue;
		newest = stamp;
		json_object_set(series, "SystemModstamp", json_object_get(row, "SystemModstamp"));
		json_object_set(
			series, "LastModifiedById", json_object_get(row, "LastModifiedById"));
	}
}

/* Takes out what is no row. */
static void drop_shapeless(json_t *rows)
{
	int64_t stamp;

	for (size_t i = json_array_size(rows); i-- > 0;) {
		const json_t *row = json_array_get(rows, i);

		if (!salesforce_is_id(member(row, "Id")) ||
			!salesforce_stamp_of(row, "SystemModstamp", &stamp))
			json_array_remove(rows, i);
	}
}

/* All rows of these series, deleted ones too. */
static int load(struct crm *crm, const struct salesforce_object *object, const json_t *ids,
	json_t **rows, struct error *err)
{
	const char **list AUTOFREE = xcalloc(json_object_size(ids), sizeof(*list)), *id;
	size_t n = 0;
	json_t *value;
	int rc = 0;

	json_object_foreach((json_t *)ids, id, value)
		list[n++] = id;
	*rows = json_array();
	for (size_t at = 0; !rc && at < n;) {
		struct buf soql AUTOBUF = BUF_INIT(SALESFORCE_QUERY_MAX);
		json_t *some = NULL;

		salesforce_add_select(&soql, object);
		buf_adds(&soql, " WHERE ActivityRecurrence2Id IN ");
		at += salesforce_add_values(&soql, list + at, n - at);
		buf_adds(&soql, " ORDER BY StartDateTime, Id");
		rc = salesforce_ask_all(crm, "queryAll", &soql, &some, err);
		if (!rc)
			json_array_extend(*rows, some);
		json_decref(some);
	}
	drop_shapeless(*rows);
	return rc;
}

/* Where the series row is not shown to us, the first occurrence that follows the rule speaks for it.
 * Borrowed from the rows; NULL: there is none. */
static json_t *stand_in(json_t *rows)
{
	json_t *row, *first = NULL;
	size_t i;

	json_array_foreach(rows, i, row)
		if (!is_true(row, "IsDeleted") && !is_true(row, "IsRecurrence2Exclusion") &&
			!is_true(row, "IsRecurrence2Exception") &&
			(!first || salesforce_start_of(row) < salesforce_start_of(first)))
			first = row;
	if (!first)
		return NULL;
	first = json_deep_copy(first);
	json_object_set_new(first, "GroupEventType", json_string(SALESFORCE_SERIES_ROW));
	json_array_append_new(rows, first);
	return first;
}

/* The rows of one series out of those of all (new reference); invitees' copies are not among them. */
static json_t *rows_of(const json_t *all, const char *id, json_t **series)
{
	json_t *rows = json_array(), *row;
	size_t i;

	*series = NULL;
	json_array_foreach((json_t *)all, i, row) {
		const char *of = member(row, "ActivityRecurrence2Id");

		if (!of || strcmp(of, id) != 0 || is_true(row, "IsChild"))
			continue;
		json_array_append(rows, row);
		if (salesforce_is_series_row(row) && (!*series || is_true(*series, "IsDeleted")))
			*series = row;
	}
	if (!*series)
		*series = stand_in(rows);
	return rows;
}

/* A series row that Salesforce replaced by another one lives on there: the token tells which. */
static int find_successor(
	struct crm *crm, const struct salesforce_object *object, json_t *series, struct error *err)
{
	const char *token = object->token_field ? member(series, object->token_field) : NULL;
	struct buf soql AUTOBUF = BUF_INIT(SALESFORCE_QUERY_MAX);
	json_t *rows = NULL;
	const char *id;
	int rc;

	if (!token || !is_true(series, "IsDeleted"))
		return 0;
	buf_addf(&soql, "SELECT Id FROM Event WHERE %s = ", object->token_field);
	salesforce_add_quoted(&soql, token);
	rc = salesforce_ask_all(crm, "query", &soql, &rows, err);
	id = member(json_array_get(rows, 0), "Id");
	if (!rc && id && strcmp(id, member(series, "Id")) != 0)
		json_object_set_new(series, "MasterRecordId", json_string(id));
	json_decref(rows);
	return rc;
}

/* Takes invitees' copies and rows of series out of the answer; the ids of the series (new object). */
static json_t *take_series(json_t *rows)
{
	json_t *ids = json_object();

	for (size_t i = json_array_size(rows); i-- > 0;) {
		const json_t *row = json_array_get(rows, i);
		const char *id = is_true(row, "IsRecurrence2")
					 ? member(row, "ActivityRecurrence2Id")
					 : NULL;

		if (salesforce_is_id(id))
			json_object_set_new(ids, id, json_true());
		if (salesforce_is_id(id) || is_true(row, "IsChild"))
			json_array_remove(rows, i);
	}
	return ids;
}

int salesforce_series_fold(
	struct crm *crm, const struct salesforce_object *object, json_t *rows, struct error *err)
{
	json_t *ids = take_series(rows), *all = NULL, *value;
	const char *id;
	int rc = json_object_size(ids) ? load(crm, object, ids, &all, err) : 0;

	json_object_foreach(ids, id, value) {
		json_t *series, *own = rc ? NULL : rows_of(all, id, &series);

		if (own && series) {
			rc = find_successor(crm, object, series, err);
			json_object_set_new(series, OCCURRENCES, describe(object, series, own));
			take_newest(series, own);
			json_array_append(rows, series);
		}
		json_decref(own);
	}
	json_decref(all);
	json_decref(ids);
	return rc;
}

/* ---- writing ----------------------------------------------------------------------------------- */

int salesforce_series_check(const struct crm_op *op, struct error *err)
{
	const char *text = member(op->fields, "Recurrence2PatternText");

	if (text && strncmp(text, "RRULE:", 6) != 0)
		return error_set(err, ERR_INVALID,
			"Salesforce keeps one recurrence rule of a series, and this one has %s",
			text);
	return 0;
}

/* Names of the occurrences to write (new array).  A change of times or rule drops the exceptions; any
 * other one does not reach them: all are looked at. */
static json_t *wanted_names(enum crm_op_type type, const struct crm_op *op)
{
	json_t *set = json_object(), *names = json_array(), *value;
	bool all = type == CRM_CREATE;
	const char *name;
	size_t i;

	json_array_foreach((json_t *)op->changed, i, value) {
		const char *text = json_string_value(value);

		if (text && strncmp(text, NAME, strlen(NAME)) != 0)
			all = true;
		else if (type == CRM_UPDATE && text)
			json_object_set_new(set, text, json_true());
	}
	if (all && json_object_get(op->fields, "Recurrence2PatternText"))
		json_object_update(set, (json_t *)op->fields);
	json_object_foreach(set, name, value)
		if (!strncmp(name, NAME, strlen(NAME)))
			json_array_append_new(names, json_string(name));
	json_decref(set);
	return names;
}

json_t *salesforce_later(
	enum crm_op_type type, enum item_kind kind, const json_t *fields, const json_t *changed)
{
	const struct crm_op op = { .fields = fields, .changed = changed };

	return kind == KIND_EVENT && json_object_get(fields, "Recurrence2PatternText")
		       ? wanted_names(type, &op)
		       : NULL;
}

/* The writes that make rows what the projection says. */
struct writes {
	struct crm_op *ops;
	char **names;	/* the occurrence of each */
	json_t **owned; /* two a write: fields, changed */
	size_t n;
};

/* Takes fields, NULL for a delete; nothing is to be done where the row has them already. */
static void add_write(struct writes *w, const json_t *row, const char *name, json_t *fields)
{
	json_t *here = fields ? salesforce_differences(json_object_get(row, "_fields"), fields)
			      : NULL;
	json_t *changed = json_array(), *value;
	const char *key;

	json_object_foreach(here, key, value)
		json_array_append_new(changed, json_string(key));
	json_decref(here);
	if (fields && !json_array_size(changed)) {
		json_decref(changed);
		json_decref(fields);
		return;
	}
	w->ops[w->n] = (struct crm_op){ .id = member(row, "Id"),
		.version = member(row, "SystemModstamp"),
		.fields = fields,
		.changed = changed };
	w->names[w->n] = xstrdup(name);
	w->owned[2 * w->n] = fields;
	w->owned[2 * w->n + 1] = changed;
	w->n++;
}

static void leave(struct crm_op *op, const char *name, const struct error *why)
{
	if (!op->left) {
		op->left = json_array();
		op->left_error = *why;
	}
	json_array_append_new(op->left, json_string(name));
}

static void send(struct crm *crm, enum crm_op_type type, struct writes *w, struct crm_op *of)
{
	struct error err = ERROR_INIT;

	if (w->n)
		salesforce_write(crm, KIND_EVENT, type, w->ops, w->n, &err);
	for (size_t i = 0; i < w->n; i++) {
		enum error_code code = w->ops[i].error.code;

		if (code && code != ERR_NOT_FOUND)
			leave(of, w->names[i], &w->ops[i].error);
		crm_op_clear(&w->ops[i]);
		json_decref(w->owned[2 * i]);
		json_decref(w->owned[2 * i + 1]);
		free(w->names[i]);
	}
	free(w->ops);
	free(w->names);
	free(w->owned);
}

static void leave_all(struct crm_op *op, const json_t *names, const struct error *why)
{
	json_t *name;
	size_t i;

	json_array_foreach((json_t *)names, i, name)
		leave(op, json_string_value(name), why);
}

static struct writes new_writes(size_t n)
{
	return (struct writes){ .ops = xcalloc(n, sizeof(struct crm_op)),
		.names = xcalloc(n, sizeof(char *)),
		.owned = xcalloc(2 * n, sizeof(json_t *)) };
}

static void write_occurrences(struct crm *crm, const struct salesforce_object *object,
	struct crm_op *op, const json_t *names, const json_t *series, const json_t *rows)
{
	struct writes updates = new_writes(json_array_size(names)),
		      deletes = new_writes(json_array_size(names));
	json_t *places = salesforce_places(series, rows), *name;
	size_t i;

	json_array_foreach((json_t *)names, i, name) {
		const char *key = json_string_value(name) + strlen(NAME);
		json_t *row = json_object_get(places, key), *fields, *here;
		const json_t *value = json_object_get(op->fields, json_string_value(name));

		/* Over when the series was built anew, or deleted there: no row to change. */
		if (!json_is_object(row))
			continue;
		if (is_true(value, "excluded")) {
			add_write(&deletes, row, json_string_value(name), NULL);
			continue;
		}
		here = salesforce_event_read(object, row);
		fields = values_at(
			op->fields, member(op->fields, "Recurrence2PatternTimeZone"), key);
		json_object_set_new(row, "_fields", here);
		if (value)
			json_object_update(fields, (json_t *)value);
		add_write(&updates, row, json_string_value(name), fields);
	}
	send(crm, CRM_UPDATE, &updates, op);
	send(crm, CRM_DELETE, &deletes, op);
	json_decref(places);
}

/* The rows of these ids (new array). */
static int rows_by_id(struct crm *crm, const struct salesforce_object *object, const json_t *ids,
	json_t **rows, struct error *err)
{
	const char **list AUTOFREE = xcalloc(json_object_size(ids), sizeof(*list)), *id;
	struct buf soql AUTOBUF = BUF_INIT(SALESFORCE_QUERY_MAX);
	json_t *value;
	size_t n = 0;
	int rc;

	json_object_foreach((json_t *)ids, id, value)
		list[n++] = id;
	salesforce_add_select(&soql, object);
	buf_adds(&soql, " WHERE Id IN ");
	salesforce_add_values(&soql, list, n); /* a batch is no more than one query takes */
	rc = salesforce_ask_all(crm, "queryAll", &soql, rows, err);
	drop_shapeless(*rows);
	return rc;
}

/* Adds the rows that came after those which the write made Salesforce replace. */
static int follow(
	struct crm *crm, const struct salesforce_object *object, json_t *written, struct error *err)
{
	size_t n = json_array_size(written);
	int rc = 0;

	for (size_t i = 0; !rc && i < n; i++) {
		json_t *row = json_array_get(written, i), *next = NULL, *ids;

		rc = find_successor(crm, object, row, err);
		if (rc || !member(row, "MasterRecordId"))
			continue;
		ids = json_pack("{s:b}", member(row, "MasterRecordId"), 1);
		rc = rows_by_id(crm, object, ids, &next, err);
		json_decref(ids);
		if (!rc && json_array_size(next)) {
			json_object_set(
				json_array_get(next, 0), REPLACES, json_object_get(row, "Id"));
			json_object_del(row, "ActivityRecurrence2Id");
			json_array_extend(written, next);
		}
		json_decref(next);
	}
	return rc;
}

static const char *id_of(const struct crm_op *op)
{
	return op->new_id ? op->new_id : op->id;
}

/* What an op's record is, after it was written: its series, and the rows of that. */
static json_t *written_series(
	const struct crm_op *op, const json_t *written, const json_t *all, json_t **series)
{
	json_t *row;
	size_t i;

	*series = NULL;
	json_array_foreach((json_t *)written, i, row) {
		const char *id = member(row, "ActivityRecurrence2Id"),
			   *replaces = member(row, REPLACES);

		if (id && !strncmp(replaces ? replaces : member(row, "Id"), id_of(op), 15))
			return rows_of(all, id, series);
	}
	return NULL;
}

/* The id that is kept is that of the series row, whichever of the rows a create answers with. */
static void keep_series_id(struct crm_op *op, const json_t *series)
{
	const char *id = member(series, "Id");

	if (!op->new_id || !id || !strcmp(op->new_id, id))
		return;
	free(op->new_id);
	op->new_id = xstrdup(id);
}

static int settle(struct crm *crm, const struct salesforce_object *object, struct crm_op **ops,
	json_t *const *names, size_t n, const json_t *ids, struct error *err)
{
	json_t *written = NULL, *all = NULL, *series_ids = json_object(), *row;
	struct error gone = ERROR_INIT;
	int rc = rows_by_id(crm, object, ids, &written, err);
	size_t i;

	error_set(&gone, ERR_BUSY, "Salesforce does not show the series yet");
	if (!rc)
		rc = follow(crm, object, written, err);
	json_array_foreach(written, i, row)
		if (member(row, "ActivityRecurrence2Id"))
			json_object_set_new(
				series_ids, member(row, "ActivityRecurrence2Id"), json_true());
	if (!rc)
		rc = load(crm, object, series_ids, &all, err);
	for (i = 0; !rc && i < n; i++) {
		json_t *series,
			*rows = names[i] ? written_series(ops[i], written, all, &series) : NULL;

		if (rows && series) {
			keep_series_id(ops[i], series);
			write_occurrences(crm, object, ops[i], names[i], series, rows);
		} else {
			leave_all(ops[i], names[i], &gone);
		}
		json_decref(rows);
	}
	json_decref(series_ids);
	json_decref(written);
	json_decref(all);
	return rc;
}

void salesforce_series_written(struct crm *crm, const struct salesforce_object *object,
	enum crm_op_type type, struct crm_op **ops, size_t n)
{
	json_t **names = xcalloc(n, sizeof(*names)), *ids = json_object();
	struct error err = ERROR_INIT;
	int rc = 0;

	for (size_t i = 0; type != CRM_DELETE && i < n; i++) {
		if (ops[i]->error.code ||
			!json_object_get(ops[i]->fields, "Recurrence2PatternText"))
			continue;
		names[i] = wanted_names(type, ops[i]);
		if (type == CRM_CREATE || json_array_size(names[i]))
			json_object_set_new(ids, id_of(ops[i]), json_true());
	}
	if (json_object_size(ids))
		rc = settle(crm, object, ops, names, n, ids, &err);
	for (size_t i = 0; i < n; i++) {
		if (rc)
			leave_all(ops[i], names[i], &err);
		json_decref(names[i]);
	}
	json_decref(ids);
	free(names);
}
