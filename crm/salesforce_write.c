/* Writes: creates by sObject Collections (an upsert where the org has an external id field), updates
 * by composite subrequests that carry If-Unmodified-Since (salesforce_guard.c), deletes by sObject
 * Collections.
 *
 * What is known about each op when this returns is the point.  A batch that was refused as a whole
 * (4xx) did nothing, so it is halved until the record that spoils it stands alone.  A batch whose
 * answer was lost may have been applied: an upsert is repeated at once, since the token makes it the
 * same record (I1); everything else says ERR_LOST and leaves it to the hub. */
#include "crm/private.h"

#include <stdlib.h>
#include <string.h>

#include "sync/mem.h"

struct batch {
	struct crm *crm;
	const struct salesforce_object *object;
	enum crm_op_type type;
	struct crm_op **ops;
	size_t n;
};

/* ---- bodies ------------------------------------------------------------------------------------ */

static json_t *create_record(const struct salesforce_object *object, const struct crm_op *op)
{
	json_t *record = json_pack("{s:{s:s}}", "attributes", "type", object->name);

	if (object->spec->write)
		object->spec->write(object, op->fields, NULL, record);
	for (size_t i = 0; !object->spec->write && i < object->n_rows; i++) {
		const struct field *row = &object->rows[i];
		json_t *value = json_object_get(op->fields, row->name);

		if (!(row->flags & (FIELD_READ_ONLY | FIELD_REFERENCE)) && value)
			json_object_set(record, row->name, value);
	}
	if (op->owner_id && object->has_owner)
		json_object_set_new(record, "OwnerId", json_string(op->owner_id));
	if (op->account_id && object->has_account)
		json_object_set_new(record, "AccountId", json_string(op->account_id));
	if (op->token && object->token_field)
		json_object_set_new(record, object->token_field, json_string(op->token));
	return record;
}

/* The changed fields; a name without a value is emptied. */
static json_t *update_record(const struct salesforce_object *object, const struct crm_op *op)
{
	struct field_table table = { .rows = object->rows, .n = object->n_rows };
	json_t *record = json_object(), *name;
	size_t i;

	if (object->spec->write) {
		object->spec->write(object, op->fields, op->changed, record);
		return record;
	}
	json_array_foreach((json_t *)op->changed, i, name) {
		const char *text = json_string_value(name);
		const struct field *row = text ? field_find(&table, text) : NULL;
		json_t *value = text ? json_object_get(op->fields, text) : NULL;

		if (!row || (row->flags & (FIELD_READ_ONLY | FIELD_CREATE_ONLY | FIELD_NO_ACCESS |
						  FIELD_REFERENCE)))
			continue;
		if (value)
			json_object_set(record, text, value);
		else
			json_object_set_new(record, text, json_null());
	}
	if (op->account_id && object->has_account)
		json_object_set_new(record, "AccountId", json_string(op->account_id));
	return record;
}

static json_t *update_request(
	const struct salesforce_object *object, const struct crm_op *op, size_t number)
{
	json_t *headers = json_pack("{s:s, s:s}", "Sforce-Auto-Assign", "FALSE",
		"Sforce-Duplicate-Rule-Header", "allowSave=false");
	char date[40];
	int64_t ms;

	/* The stamp is a whole second or within one: what changed later in it is not seen. */
	if (op->version && salesforce_parse_stamp(op->version, &ms)) {
		salesforce_format_http_date(ms / 1000, date);
		json_object_set_new(headers, "If-Unmodified-Since", json_string(date));
	}
	return json_pack("{s:s, s:o, s:o, s:o, s:o}", "method", "PATCH", "url",
		json_sprintf(SALESFORCE_PATH "/sobjects/%s/%s", object->name, op->id),
		"referenceId", json_sprintf("r%zu", number), "httpHeaders", headers, "body",
		update_record(object, op));
}

/* ---- one batch --------------------------------------------------------------------------------- */

static int send_creates(const struct batch *batch, bool repeated, struct error *err)
{
	const char *token_field = batch->object->token_field;
	char *path AUTOFREE = NULL;
	json_t *records = json_array();
	struct salesforce_call call = { .where = SALESFORCE_CREATING };
	int rc;

	path = xasprintf(SALESFORCE_PATH "/composite/sobjects%s%s%s%s", token_field ? "/" : "",
		token_field ? batch->object->name : "", token_field ? "/" : "",
		token_field ? token_field : "");
	for (size_t i = 0; i < batch->n; i++)
		json_array_append_new(records, create_record(batch->object, batch->ops[i]));
	call.method = token_field ? "PATCH" : "POST";
	call.operation = token_field ? "collections-upsert" : "collections-create";
	call.path = path;
	call.body = json_pack("{s:b, s:o}", "allOrNone", 0, "records", records);
	rc = salesforce_send(batch->crm, &call, err);
	if (!rc)
		rc = salesforce_read_results(call.answer, CRM_CREATE, batch->ops, batch->n, err);
	json_decref((json_t *)call.body);
	json_decref(call.answer);
	for (size_t i = 0; !rc && repeated && i < batch->n; i++) {
		struct crm_op *op = batch->ops[i];

		/* The first try may still be under way there, or have made it. */
		if (op->error.code == ERR_EXISTS)
			op->error.code = ERR_LOST;
		if (op->error.code == ERR_NONE)
			op->created = true;
	}
	return rc;
}

static int send_composite(const struct batch *batch, bool asks, struct error *err)
{
	json_t *requests = json_array();
	struct salesforce_call call = { .method = "POST",
		.path = SALESFORCE_PATH "/composite",
		.operation = "composite",
		.where = SALESFORCE_CHANGING };
	int rc;

	for (size_t i = 0; i < batch->n; i++)
		json_array_append_new(requests, update_request(batch->object, batch->ops[i], i));
	if (asks)
		json_array_append_new(
			requests, salesforce_guard_probe(batch->object, batch->ops[0]->id));
	call.body = json_pack("{s:b, s:o}", "allOrNone", 0, "compositeRequest", requests);
	rc = salesforce_send(batch->crm, &call, err);
	if (!rc && asks) {
		json_t *results = json_object_get(call.answer, "compositeResponse");

		salesforce_guard_learn(batch->crm, json_array_get(results, batch->n));
		json_array_remove(results, batch->n);
	}
	if (!rc)
		rc = salesforce_read_composite(call.answer, batch->ops, batch->n, err);
	json_decref((json_t *)call.body);
	json_decref(call.answer);
	return rc;
}

/* Where the org is not known to heed our condition, the records are looked at first. */
static int send_updates(const struct batch *batch, struct error *err)
{
	int guard = atomic_load(&batch->crm->guard);
	struct batch rest = *batch;
	int rc;

	if (guard == SALESFORCE_GUARD_HEEDED)
		return send_composite(batch, false, err);
	rc = salesforce_guard_read(batch->crm, batch->object, batch->ops, batch->n, err);
	if (rc)
		return rc == ERR_LOST ? ERR_UNSENT : rc;
	rest.ops = xcalloc(batch->n, sizeof(*rest.ops));
	rest.n = 0;
	for (size_t i = 0; i < batch->n; i++)
		if (batch->ops[i]->error.code != ERR_CONFLICT)
			rest.ops[rest.n++] = batch->ops[i];
	if (rest.n)
		rc = send_composite(&rest, guard == SALESFORCE_GUARD_UNKNOWN, err);
	free(rest.ops);
	return rc;
}

static int send_deletes(const struct batch *batch, struct error *err)
{
	struct buf path AUTOBUF = BUF_INIT(16 * 1024);
	struct salesforce_call call = {
		.method = "DELETE", .operation = "collections-delete", .where = SALESFORCE_CHANGING
	};
	int rc;

	buf_adds(&path, SALESFORCE_PATH "/composite/sobjects?allOrNone=false&ids=");
	for (size_t i = 0; i < batch->n; i++)
		buf_addf(&path, "%s%s", i ? "," : "", batch->ops[i]->id);
	call.path = buf_str(&path);
	rc = salesforce_send(batch->crm, &call, err);
	if (!rc)
		rc = salesforce_read_results(call.answer, CRM_DELETE, batch->ops, batch->n, err);
	json_decref(call.answer);
	return rc;
}

static int send_batch(const struct batch *batch, struct error *err)
{
	int rc;

	if (batch->type == CRM_UPDATE)
		return send_updates(batch, err);
	if (batch->type == CRM_DELETE)
		return send_deletes(batch, err);
	rc = send_creates(batch, false, err);
	if (rc == ERR_LOST && batch->object->token_field)
		rc = send_creates(batch, true, err);
	return rc;
}

/* Is this about what was sent, and not about the connection, the sign-in or the load? */
static bool is_refusal(int rc)
{
	return rc == ERR_REMOTE || rc == ERR_INVALID || rc == ERR_NOT_FOUND || rc == ERR_EXISTS ||
	       rc == ERR_CONFLICT || rc == ERR_INTERNAL || rc == ERR_TOO_BIG;
}

/* Every op of the batch has the error of the whole. */
static void set_all(const struct batch *batch, enum error_code code, const struct error *err)
{
	for (size_t i = 0; i < batch->n; i++) {
		batch->ops[i]->error = *err;
		batch->ops[i]->error.code = code;
	}
}

/* What belongs to the records that were written. */
static void settle(const struct batch *batch)
{
	const struct salesforce_spec *spec = batch->object->spec;

	if (spec->after_write)
		spec->after_write(batch->crm, batch->object, batch->type, batch->ops, batch->n);
}

/* Sends the batch; one that is refused as a whole is halved.  At most 8 deep. */
static int run(const struct batch *batch, struct error *err)
{
	struct batch half = *batch;
	int rc = send_batch(batch, err);

	if (!rc) {
		settle(batch);
		return 0;
	}
	if (!is_refusal(rc)) {
		set_all(batch, rc == ERR_LOST ? ERR_LOST : ERR_UNSENT, err);
		return rc;
	}
	if (batch->n == 1) {
		set_all(batch, err->code, err);
		return 0;
	}
	half.n = batch->n / 2;
	rc = run(&half, err);
	half.ops += half.n;
	half.n = batch->n - half.n;
	if (!rc)
		rc = run(&half, err);
	return rc;
}

/* ---- all of them ------------------------------------------------------------------------------- */

static int missing_field(const struct salesforce_object *object, const struct crm_op *op,
	enum crm_op_type type, struct error *err)
{
	for (size_t i = 0; i < object->n_rows; i++) {
		const struct field *row = &object->rows[i];

		if (!(row->flags & FIELD_REQUIRED) || (row->flags & FIELD_READ_ONLY) ||
			json_object_get(op->fields, row->name))
			continue;
		if (type == CRM_CREATE)
			return error_set(err, ERR_INVALID, "Salesforce needs %s: %s", row->name,
				object->spec->hint);
	}
	return 0;
}

/* What can be told without sending; *settled when nothing needs to be sent. */
static int check(const struct salesforce_object *object, const struct crm_op *op,
	enum crm_op_type type, bool *settled, struct error *err)
{
	const char *ids[] = { op->id, op->owner_id, op->account_id };
	json_t *record;

	*settled = false;
	for (size_t i = type == CRM_CREATE; i < ARRAY_SIZE(ids); i++)
		if ((ids[i] || i == 0) && !salesforce_is_id(ids[i]))
			return error_set(err, ERR_INVALID, "\"%s\" is not the id of a record",
				ids[i] ? ids[i] : "");
	if (type == CRM_CREATE && object->token_field && !op->token)
		return error_set(err, ERR_INTERNAL, "a create without a token");
	if (type == CRM_UPDATE) {
		record = update_record(object, op);
		*settled = json_object_size(record) == 0;
		json_decref(record);
	}
	if (type != CRM_DELETE && object->spec->check) {
		int rc = object->spec->check(op, err);

		if (rc)
			return rc;
	}
	return missing_field(object, op, type, err);
}

int salesforce_write(struct crm *crm, enum item_kind kind, enum crm_op_type type,
	struct crm_op *ops, size_t n, struct error *err)
{
	struct batch batch = { .crm = crm, .type = type };
	size_t most = SALESFORCE_COLLECTION, m = 0;
	struct crm_op **pending;
	struct error mine = ERROR_INIT;
	int rc;

	if (type == CRM_UPDATE) /* with room for the question of salesforce_guard.c */
		most = SALESFORCE_COMPOSITE -
		       (atomic_load(&crm->guard) == SALESFORCE_GUARD_UNKNOWN);
	for (size_t i = 0; i < n; i++)
		error_set(&ops[i].error, ERR_UNSENT, "not sent");
	if ((rc = salesforce_object(crm, kind, &batch.object, err)))
		return rc;
	if (!batch.object)
		return error_set(err, ERR_INVALID, "Salesforce: this kind of item is not synced");
	pending = xcalloc(n, sizeof(*pending));
	for (size_t i = 0; i < n; i++) {
		bool settled;

		if (check(batch.object, &ops[i], type, &settled, &ops[i].error))
			continue;
		if (settled) {
			struct crm_op *op = &ops[i];

			op->error = (struct error)ERROR_INIT;
			settle(&(struct batch){ .crm = crm,
				.object = batch.object,
				.type = type,
				.ops = &op,
				.n = 1 });
		} else {
			pending[m++] = &ops[i];
		}
	}
	for (size_t at = 0; !rc && at < m; at += batch.n) {
		batch.ops = pending + at;
		batch.n = m - at < most ? m - at : most;
		rc = run(&batch, &mine);
	}
	free(pending);
	if (rc && err)
		*err = mine;
	return rc;
}
