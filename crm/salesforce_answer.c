/* Answers of Salesforce, from JSON to what the hub knows.  Nothing here does I/O, and nothing trusts
 * the answer: whatever has another shape than documented is an error, for a write one that leaves
 * open what happened. */
#include "crm/private.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "sync/mem.h"

/* ---- errors ------------------------------------------------------------------------------------ */

/* What Salesforce's codes mean to the hub; whatever is not here is ERR_REMOTE.  `creating` is for
 * codes that name a reference (owner, account) of a new record, not the record. */
static const struct {
	const char *name;
	enum error_code code, creating;
} codes[] = {
	{ "REQUEST_LIMIT_EXCEEDED", ERR_THROTTLED, ERR_THROTTLED },
	{ "SERVER_UNAVAILABLE", ERR_THROTTLED, ERR_THROTTLED },
	{ "UNABLE_TO_LOCK_ROW", ERR_THROTTLED, ERR_THROTTLED },
	{ "QUERY_TIMEOUT", ERR_THROTTLED, ERR_THROTTLED },
	{ "ENTITY_IS_DELETED", ERR_NOT_FOUND, ERR_REMOTE },
	{ "NOT_FOUND", ERR_NOT_FOUND, ERR_REMOTE },
	{ "INVALID_CROSS_REFERENCE_KEY", ERR_NOT_FOUND, ERR_REMOTE },
	{ "INSUFFICIENT_ACCESS_OR_READONLY", ERR_DENIED, ERR_DENIED },
	{ "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY", ERR_DENIED, ERR_REMOTE },
	{ "INSUFFICIENT_ACCESS", ERR_DENIED, ERR_DENIED },
	{ "API_DISABLED_FOR_ORG", ERR_DENIED, ERR_DENIED },
	{ "API_CURRENTLY_DISABLED", ERR_DENIED, ERR_DENIED },
	{ "INVALID_SESSION_ID", ERR_DENIED, ERR_DENIED },
	{ "PRECONDITION_FAILED", ERR_CONFLICT, ERR_REMOTE },
	{ "DUPLICATES_DETECTED", ERR_EXISTS, ERR_EXISTS },
	{ "DUPLICATE_VALUE", ERR_EXISTS, ERR_EXISTS },
	{ "INVALID_QUERY_LOCATOR", ERR_CURSOR, ERR_CURSOR },
};

static enum error_code code_of(const char *name, int status, enum salesforce_where where)
{
	for (size_t i = 0; i < ARRAY_SIZE(codes); i++)
		if (!strcmp(codes[i].name, name))
			return where == SALESFORCE_CREATING ? codes[i].creating : codes[i].code;
	if (status == 412)
		return ERR_CONFLICT;
	if (status == 404 && where == SALESFORCE_CHANGING)
		return ERR_NOT_FOUND;
	if (status == 401)
		return ERR_DENIED;
	return status == 429 || status == 503 ? ERR_THROTTLED : ERR_REMOTE;
}

/* " (LastName, Email)" */
static void add_fields(struct buf *out, const json_t *fields)
{
	if (!json_array_size(fields))
		return;
	buf_adds(out, " (");
	for (size_t i = 0; i < json_array_size(fields); i++) {
		const char *name = json_string_value(json_array_get(fields, i));

		buf_addf(out, "%s%s", i ? ", " : "", name ? name : "?");
	}
	buf_addc(out, ')');
}

int salesforce_read_errors(const json_t *errors, int status, enum salesforce_where where,
	char code[64], struct error *err)
{
	struct buf text AUTOBUF = BUF_INIT(2048);
	const char *first = "";
	json_t *one;
	size_t i;

	json_array_foreach((json_t *)errors, i, one) {
		const char *name = member(one, "errorCode"), *message = member(one, "message");

		if (!name)
			name = member(one, "statusCode");
		if (!name)
			continue;
		if (!*first)
			first = name;
		buf_addf(&text, "%s%s: %s", text.len ? "; " : "", name, message ? message : "");
		add_fields(&text, json_object_get(one, "fields"));
	}
	if (code)
		snprintf(code, 64, "%s", first);
	if (!text.len && status)
		buf_addf(&text, "HTTP status %d", status);
	return error_set(err, code_of(first, status, where), "Salesforce: %s", buf_str(&text));
}

/* ---- records ----------------------------------------------------------------------------------- */

/* A copy of a string member; NULL when it is null or absent. */
static char *copy(const json_t *object, const char *name)
{
	return xstrdup(member(object, name));
}

/* Text as the hub holds it: line ends are LF.  NULL when it is empty. */
static json_t *clean_text(const char *text)
{
	struct buf out AUTOBUF = BUF_INIT(SALESFORCE_ANSWER_MAX);

	if (!strchr(text, '\r'))
		return *text ? json_string(text) : NULL;
	for (; *text; text++)
		if (*text != '\r')
			buf_addc(&out, *text);
		else if (text[1] != '\n')
			buf_addc(&out, '\n');
	return out.len ? json_string(buf_str(&out)) : NULL;
}

json_t *salesforce_text_value(const json_t *row, const char *name)
{
	const char *text = member(row, name);

	return text ? clean_text(text) : NULL;
}

/* The value of a row's field: "Account.Name" is a member of a member. */
static const char *row_text(const json_t *row, const struct field *field)
{
	const char *dot = strchr(field->name, '.');
	char *outer AUTOFREE = dot ? xstrndup(field->name, (size_t)(dot - field->name)) : NULL;

	return dot ? member(json_object_get(row, outer), dot + 1) : member(row, field->name);
}

/* A reference that has a value whose name we may not see, or what every record has, and this row has not
 * or not as it should be. */
static bool is_unread(const json_t *row, const struct field *field, const json_t *fields)
{
	if (field->flags & FIELD_REQUIRED)
		return !json_object_get(fields, field->name);
	return field->flags & FIELD_REFERENCE && member(row, field->wire) && !row_text(row, field);
}

/* NULL when there are none. */
static json_t *read_unread(
	const json_t *row, const struct salesforce_object *object, const json_t *fields)
{
	json_t *unread = NULL;

	for (size_t i = 0; i < object->n_rows; i++) {
		const struct field *field = &object->rows[i];

		if (!is_unread(row, field, fields))
			continue;
		if (!unread)
			unread = json_array();
		json_array_append_new(unread, json_string(field->name));
	}
	return unread;
}

static json_t *read_fields(const json_t *row, const struct salesforce_object *object)
{
	json_t *fields = json_object();

	for (size_t i = 0; i < object->n_rows; i++) {
		const char *text = row_text(row, &object->rows[i]);
		json_t *value = text ? clean_text(text) : NULL;

		if (value)
			json_object_set_new(fields, object->rows[i].name, value);
	}
	return fields;
}

static json_t *read_emails(const json_t *row, const struct salesforce_object *object)
{
	json_t *emails = json_array();

	for (size_t i = 0; i < object->n_emails; i++) {
		const char *text = member(row, object->emails[i]);
		char *folded AUTOFREE = text ? salesforce_fold(text) : NULL;

		if (folded && *folded)
			json_array_append_new(emails, json_string(folded));
	}
	return emails;
}

static int read_record(const json_t *row, const struct salesforce_object *object,
	const char *our_user, struct crm_record *out, struct error *err)
{
	const char *id = member(row, "Id"), *stamp = member(row, "SystemModstamp");
	const char *created = member(row, "CreatedDate");
	int64_t ms;

	if (!salesforce_is_id(id) || !stamp || !salesforce_parse_stamp(stamp, &ms))
		return error_set(err, ERR_REMOTE,
			"Salesforce: a record of %s has no usable Id or SystemModstamp",
			object->name);
	out->id = xstrdup(id);
	out->version = xstrdup(stamp);
	out->deleted = json_is_true(json_object_get(row, "IsDeleted"));
	out->master_id = copy(row, "MasterRecordId");
	out->owner_id = copy(row, "OwnerId");
	out->modified_by_id = copy(row, "LastModifiedById");
	out->created_by_id = copy(row, "CreatedById");
	out->modified_by_us = out->modified_by_id && !strcmp(out->modified_by_id, our_user);
	out->created_by_us = out->created_by_id && !strcmp(out->created_by_id, our_user);
	/* A year after 2261 does not fit, and is no time at which anybody made a record. */
	if (!created || !salesforce_parse_stamp(created, &ms) ||
		__builtin_mul_overflow(ms, INT64_C(1000000), &out->created))
		out->created = 0;
	out->account_id = copy(row, "AccountId");
	out->token = object->token_field ? copy(row, object->token_field) : NULL;
	out->unsupported = object->spec->unsupported ? xstrdup(object->spec->unsupported(row))
						     : NULL;
	out->fields = object->spec->read ? object->spec->read(object, row)
					 : read_fields(row, object);
	out->unread = read_unread(row, object, out->fields);
	out->emails = read_emails(row, object);
	return 0;
}

/* A locator becomes part of a URL: a path of the API and nothing else. */
static bool is_locator(const char *text)
{
	static const char plain[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-";

	return !strncmp(text, "/services/data/", 15) && strlen(text) < 512 && !strstr(text, "..") &&
	       strspn(text, plain) == strlen(text);
}

int salesforce_take_locator(const char *text, char **locator, struct error *err)
{
	if (!text || !is_locator(text))
		return error_set(err, ERR_REMOTE, "Salesforce: the answer to a query is not one");
	*locator = xstrdup(text);
	return 0;
}

int salesforce_read_page(const json_t *answer, const struct salesforce_object *object,
	const char *our_user, struct crm_record **records, size_t *n, char **next,
	struct error *err)
{
	const json_t *rows = json_object_get(answer, "records"),
		     *done = json_object_get(answer, "done");
	const char *locator = member(answer, "nextRecordsUrl");
	int rc = 0;
	json_t *row;
	size_t i;

	*records = NULL;
	*n = 0;
	*next = NULL;
	if (!json_is_array(rows) || !json_is_boolean(done) ||
		(json_is_false(done) && (!locator || !is_locator(locator))))
		return error_set(err, ERR_REMOTE, "Salesforce: the answer to a query is not one");
	*records = xcalloc(json_array_size(rows), sizeof(**records));
	json_array_foreach((json_t *)rows, i, row) {
		rc = read_record(row, object, our_user, &(*records)[*n], err);
		if (rc)
			break;
		(*n)++;
	}
	if (rc) {
		crm_records_free(*records, *n);
		*records = NULL;
		*n = 0;
	} else if (json_is_false(done)) {
		*next = xstrdup(locator);
	}
	return rc;
}

/* ---- results of writes ------------------------------------------------------------------------- */

static int no_result(struct error *err)
{
	return error_set(err, ERR_LOST, "Salesforce: the answer to a write does not match it");
}

static bool is_result(const json_t *result, const struct crm_op *op, enum crm_op_type type)
{
	const char *id = member(result, "id");

	if (!json_is_boolean(json_object_get(result, "success")))
		return false;
	if (json_is_false(json_object_get(result, "success")))
		return json_array_size(json_object_get(result, "errors")) > 0;
	if (!salesforce_is_id(id))
		return false;
	/* The same record, whether named by 15 or by 18 characters. */
	return type == CRM_CREATE || !op->id || !strncmp(id, op->id, 15);
}

int salesforce_read_results(const json_t *answer, enum crm_op_type type, struct crm_op **ops,
	size_t n, struct error *err)
{
	if (!json_is_array(answer) || json_array_size(answer) != n)
		return no_result(err);
	for (size_t i = 0; i < n; i++)
		if (!is_result(json_array_get(answer, i), ops[i], type))
			return no_result(err);
	for (size_t i = 0; i < n; i++) {
		const json_t *result = json_array_get(answer, i);
		const json_t *created = json_object_get(result, "created");

		if (json_is_false(json_object_get(result, "success"))) {
			salesforce_read_errors(json_object_get(result, "errors"), 0,
				type == CRM_CREATE ? SALESFORCE_CREATING : SALESFORCE_CHANGING,
				NULL, &ops[i]->error);
			continue;
		}
		ops[i]->error = (struct error)ERROR_INIT;
		if (type != CRM_CREATE)
			continue;
		free(ops[i]->new_id);
		ops[i]->new_id = copy(result, "id");
		ops[i]->created = !json_is_false(created);
	}
	return 0;
}

/* The subresult of reference id "rN". */
static const json_t *subresult(const json_t *list, size_t number)
{
	char reference[32];
	json_t *one;
	size_t i;

	snprintf(reference, sizeof(reference), "r%zu", number);
	json_array_foreach((json_t *)list, i, one) {
		const char *name = member(one, "referenceId");

		if (name && !strcmp(name, reference) &&
			json_is_integer(json_object_get(one, "httpStatusCode")))
			return one;
	}
	return NULL;
}

int salesforce_read_composite(
	const json_t *answer, struct crm_op **ops, size_t n, struct error *err)
{
	const json_t *list = json_object_get(answer, "compositeResponse");

	if (json_array_size(list) != n)
		return no_result(err);
	for (size_t i = 0; i < n; i++)
		if (!subresult(list, i))
			return no_result(err);
	for (size_t i = 0; i < n; i++) {
		const json_t *one = subresult(list, i);
		int status = (int)json_integer_value(json_object_get(one, "httpStatusCode"));
		char code[64];

		if (status >= 200 && status < 300) {
			ops[i]->error = (struct error)ERROR_INIT;
			continue;
		}
		salesforce_read_errors(json_object_get(one, "body"), status, SALESFORCE_CHANGING,
			code, &ops[i]->error);
		if (ops[i]->account_id && !strcmp(code, "INVALID_CROSS_REFERENCE_KEY"))
			ops[i]->error.code = ERR_REMOTE; /* the account, not the record */
		if (status >= 500 && status != 503 && ops[i]->error.code == ERR_REMOTE)
			ops[i]->error.code = ERR_LOST;
	}
	return 0;
}

/* ---- describe ---------------------------------------------------------------------------------- */

static const json_t *described(const json_t *fields, const char *name)
{
	json_t *field;
	size_t i;

	json_array_foreach((json_t *)fields, i, field) {
		const char *have = member(field, "name");

		if (have && !strcasecmp(have, name))
			return field;
	}
	return NULL;
}

/* The static row fitted to what the org says of the field. */
static struct field fit(const struct field *row, const json_t *field)
{
	json_int_t length = json_integer_value(json_object_get(field, "length"));
	struct field fitted = *row;

	if (length > 0 && !(row->flags & FIELD_REFERENCE)) /* that is the id's length */
		fitted.max_chars = (size_t)length;
	if (!is_true(field, "updateable"))
		fitted.flags |= is_true(field, "createable") ? FIELD_CREATE_ONLY : FIELD_READ_ONLY;
	return fitted;
}

/* Only a plain API name goes into a query. */
static bool is_name(const char *name)
{
	static const char plain[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";

	return name && *name && strlen(name) < 100 && strspn(name, plain) == strlen(name);
}

static void take_emails(struct salesforce_object *object, const json_t *fields)
{
	json_t *field;
	size_t i;

	json_array_foreach((json_t *)fields, i, field) {
		const char *type = member(field, "type"), *name = member(field, "name");

		if (!type || strcmp(type, "email") != 0 || !is_name(name) ||
			json_is_false(json_object_get(field, "filterable")))
			continue;
		object->emails = xreallocarray(
			object->emails, object->n_emails + 1, sizeof(*object->emails));
		object->emails[object->n_emails++] = xstrdup(name);
	}
}

/* The external id field that the configuration names; creates depend on it.  Events and tasks may do
 * without: it is a field of Activity then, made apart, and an org that syncs contacts may not have
 * it. */
static int take_token_field(
	struct salesforce_object *object, const json_t *fields, const char *name, struct error *err)
{
	const json_t *field = described(fields, name);
	const char *real = member(field, "name");

	if (!field && object->spec->kind != KIND_CONTACT)
		return 0;
	if (!field || !is_name(real))
		return error_set(err, ERR_INVALID,
			"Salesforce: %s has no field %s that we may read (external-id-field)",
			object->name, name);
	if (!is_true(field, "externalId") && !is_true(field, "idLookup"))
		return error_set(err, ERR_INVALID, "Salesforce: %s.%s is not an external id",
			object->name, name);
	if (!is_true(field, "createable"))
		return error_set(
			err, ERR_INVALID, "Salesforce: we may not write %s.%s", object->name, name);
	object->token_field = xstrdup(real);
	return 0;
}

int salesforce_read_describe(const json_t *answer, const struct salesforce_spec *spec,
	const char *token_field, struct salesforce_object **out, struct error *err)
{
	const json_t *fields = json_object_get(answer, "fields");
	struct salesforce_object *object;
	int rc = 0;

	if (!json_is_array(fields) || !described(fields, "Id") ||
		!described(fields, "SystemModstamp"))
		return error_set(err, ERR_REMOTE, "Salesforce: the description of %s is not one",
			spec->name);
	object = xcalloc(1, sizeof(*object));
	object->spec = spec;
	object->name = spec->name;
	object->rows = xcalloc(*spec->n_rows, sizeof(*object->rows));
	for (size_t i = 0; i < *spec->n_rows; i++) {
		const struct field *row = &spec->rows[i];
		const json_t *field = described(fields, row->wire ? row->wire : row->name);

		if (field)
			object->rows[object->n_rows++] = fit(row, field);
	}
	take_emails(object, fields);
	object->has_account = described(fields, "AccountId") != NULL;
	object->has_master = described(fields, "MasterRecordId") != NULL;
	object->has_owner = described(fields, "OwnerId") != NULL;
	if (token_field)
		rc = take_token_field(object, fields, token_field, err);
	if (rc)
		salesforce_object_free(object);
	else
		*out = object;
	return rc;
}

int salesforce_read_emails_describe(
	const json_t *answer, const char *name, struct salesforce_object **out, struct error *err)
{
	const json_t *fields = json_object_get(answer, "fields");

	if (!json_is_array(fields))
		return error_set(
			err, ERR_REMOTE, "Salesforce: the description of %s is not one", name);
	*out = xcalloc(1, sizeof(**out));
	(*out)->name = name;
	take_emails(*out, fields);
	return 0;
}

void salesforce_object_free(struct salesforce_object *object)
{
	if (!object)
		return;
	for (size_t i = 0; i < object->n_emails; i++)
		free(object->emails[i]);
	free(object->emails);
	free(object->rows);
	free(object->token_field);
	free(object);
}
