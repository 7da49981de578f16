/* One record created, updated, deleted or undeleted, with everything that Salesforce does on a save:
 * field rights, required fields, before-save flows, uniqueness, the duplicate rule, the computed
 * name and the system fields.  Also the errors: their codes, statuses and shape. */
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <wchar.h>
#include <wctype.h>

#include "sync/mem.h"
#include "tests/sim/sf.h"

/* Errors ---------------------------------------------------------------------------------- */

static const struct {
	const char *code;
	int status;
} statuses[] = {
	{ "INVALID_SESSION_ID", 401 },
	{ "REQUEST_LIMIT_EXCEEDED", 403 },
	{ "INSUFFICIENT_ACCESS", 403 },
	{ "API_DISABLED_FOR_ORG", 403 },
	{ "NOT_FOUND", 404 },
	{ "ENTITY_IS_DELETED", 404 },
	{ "METHOD_NOT_ALLOWED", 405 },
	{ "PRECONDITION_FAILED", 412 },
	{ "UNSUPPORTED_MEDIA_TYPE", 415 },
	{ "SERVER_UNAVAILABLE", 503 },
	{ "UNKNOWN_EXCEPTION", 500 },
};

int sf_error_status(const char *code)
{
	for (size_t i = 0; i < ARRAY_SIZE(statuses); i++)
		if (strcmp(statuses[i].code, code) == 0)
			return statuses[i].status;
	return 400;
}

json_t *sf_error(const char *code, const char *field, const char *fmt, ...)
{
	struct buf text = BUF_INIT(1u << 20);
	json_t *error;
	char *message = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&message, fmt, ap) < 0)
		message = NULL;
	va_end(ap);
	buf_adds(&text, message);
	free(message);
	error = json_pack("{s:s, s:s}", "message", buf_str(&text), "errorCode", code);
	if (!error) /* a message that quotes bytes that are no UTF-8 */
		error = json_pack(
			"{s:s, s:s}", "message", "the value is not UTF-8", "errorCode", code);
	if (field)
		json_object_set_new(error, "fields", json_pack("[s]", field));
	buf_free(&text);
	return json_pack("[o]", error);
}

/* Visibility and time --------------------------------------------------------------------- */

bool sf_visible(const struct sf *sf, const struct sf_record *record, const char *user)
{
	(void)sf;
	return !record->purged && !(user && json_object_get(record->hidden, user));
}

int64_t sf_now(struct sf *sf)
{
	return sf->stamp ? sf->stamp : sim_now_ns(sf->sim) / INT64_C(1000000000);
}

static void put_stamp(json_t *fields, const char *name, int64_t seconds)
{
	char text[32];

	sf_format_datetime(seconds, text);
	json_object_set_new(fields, name, json_string(text));
}

static void put_modified(struct sf *sf, json_t *fields, const char *user)
{
	int64_t now = sf_now(sf);

	put_stamp(fields, "LastModifiedDate", now);
	put_stamp(fields, "SystemModstamp", now);
	json_object_set_new(fields, "LastModifiedById", json_string(user ? user : ""));
}

/* Input ----------------------------------------------------------------------------------- */

static json_t *refuse_field(const struct sf_field *field)
{
	return sf_error("INVALID_FIELD_FOR_INSERT_UPDATE", field->name,
		"Unable to create/update fields: %s. Please check the security settings of this "
		"field "
		"and verify that it is read/write for your profile or permission set.",
		field->name);
}

static json_t *apply_field(struct sf *sf, const struct sf_table *table, const char *name,
	const json_t *value, unsigned int right, json_t *fields)
{
	const struct sf_field *field = sf_field_find(table, name);
	json_t *errors = NULL;
	json_t *stored;

	if (!field)
		return sf_error("INVALID_FIELD", NULL, "No such column '%s' on sobject of type %s",
			name, table->name);
	if (field->type == SF_ID)
		return sf_error("INVALID_FIELD", NULL,
			"The Id field should not be specified in the sobject data.");
	if (!(field->flags & right))
		return refuse_field(field);
	stored = sf_value_in(sf, field, value, &errors);
	if (!stored)
		return errors;
	if (json_is_null(stored)) {
		json_object_del(fields, field->name);
		json_decref(stored);
	} else {
		json_object_set_new(fields, field->name, stored);
	}
	return NULL;
}

static json_t *apply_input(struct sf *sf, const struct sf_table *table, const json_t *input,
	unsigned int right, json_t *fields)
{
	json_t *errors = NULL;
	const char *name;
	json_t *value;

	json_object_foreach((json_t *)input, name, value) {
		if (strcmp(name, "attributes") == 0)
			continue;
		errors = apply_field(sf, table, name, value, right, fields);
		if (errors)
			break;
	}
	return errors;
}

static json_t *check_required(const struct sf_table *table, const json_t *fields)
{
	AUTOBUF struct buf names = BUF_INIT(4096);
	json_t *list = json_array();
	json_t *errors = NULL;

	for (size_t i = 0; i < table->n_fields; i++) {
		const struct sf_field *field = &table->fields[i];

		if (!(field->flags & SF_REQUIRED) || json_object_get(fields, field->name))
			continue;
		buf_addf(&names, "%s%s", names.len ? ", " : "", field->name);
		json_array_append_new(list, json_string(field->name));
	}
	if (json_array_size(list)) {
		errors = sf_error("REQUIRED_FIELD_MISSING", "", "Required fields are missing: [%s]",
			buf_str(&names));
		json_object_set(json_array_get(errors, 0), "fields", list);
	}
	json_decref(list);
	return errors;
}

/* Computed fields and flows --------------------------------------------------------------- */

void sf_compute(const struct sf_table *table, json_t *fields)
{
	static const char *const parts[] = { "FirstName", "MiddleName", "LastName", "Suffix" };
	const struct sf_field *computed = sf_field_find(table, "Name");
	AUTOBUF struct buf name = BUF_INIT(1024);

	if (!computed || computed->flags & SF_WRITE)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		const char *part = json_string_value(json_object_get(fields, parts[i]));

		if (part)
			buf_addf(&name, "%s%s", name.len ? " " : "", part);
	}
	json_object_set_new(fields, "Name", json_string(buf_str(&name)));
}

/* Case, over all of Unicode that the C library knows; title: first letters only. */
static char *change_case(const char *text, const char *action)
{
	size_t n = strlen(text) + 1;
	wchar_t *wide = xcalloc(n, sizeof(*wide));
	char *out = xcalloc(n, 6);
	bool upper = strcmp(action, "upper") == 0, title = strcmp(action, "title") == 0;
	wint_t before = L' ';

	if (mbstowcs(wide, text, n) == (size_t)-1)
		wide[0] = L'\0';
	for (wchar_t *p = wide; *p; p++) {
		bool up = upper || (title && !iswalnum(before));

		before = (wint_t)*p;
		*p = (wchar_t)(up ? towupper((wint_t)*p) : towlower((wint_t)*p));
	}
	if (wcstombs(out, wide, n * 6) == (size_t)-1)
		out[0] = '\0';
	free(wide);
	return out;
}

static char *flow_result(
	const char *action, const char *value, const char *old, const json_t *fields)
{
	if (strcmp(action, "set") == 0)
		return xstrdup(value);
	if (strcmp(action, "copy-from") == 0)
		return xstrdup(json_string_value(json_object_get(fields, value ? value : "")));
	if (!old)
		return NULL;
	if (strcmp(action, "prefix") == 0)
		return xasprintf("%s%s", value ? value : "", old);
	if (strcmp(action, "suffix") == 0)
		return xasprintf("%s%s", old, value ? value : "");
	if (strcmp(action, "cut") == 0)
		return xstrndup(old, strtoul(value ? value : "1", NULL, 10));
	return change_case(old, action);
}

static void run_flows(struct sf *sf, const struct sf_table *table, json_t *fields)
{
	size_t i;
	json_t *flow;

	json_array_foreach(sf->flows, i, flow) {
		const char *field = json_string_value(json_object_get(flow, "field"));
		const char *action = json_string_value(json_object_get(flow, "action"));
		const char *value = json_string_value(json_object_get(flow, "value"));
		const char *old = json_string_value(json_object_get(fields, field));
		char *made AUTOFREE = NULL;

		if (strcasecmp(json_string_value(json_object_get(flow, "object")), table->name) !=
			0)
			continue;
		made = strcmp(action, "clear") == 0 ? NULL
						    : flow_result(action, value, old, fields);
		/* An idempotent flow: what already begins so is not prefixed again. */
		if (made && old && value && strcmp(action, "prefix") == 0 &&
			strncmp(old, value, strlen(value)) == 0)
			continue;
		if (made && *made)
			json_object_set_new(fields, field, json_string(made));
		else
			json_object_del(fields, field);
	}
}

/* Duplicates ------------------------------------------------------------------------------ */

static json_t *check_unique(
	const struct sf_table *table, const json_t *fields, const struct sf_record *self)
{
	for (size_t i = 0; i < table->n_fields; i++) {
		const struct sf_field *field = &table->fields[i];
		const char *value = json_string_value(json_object_get(fields, field->name));
		const struct sf_record *other;

		if (!(field->flags & SF_UNIQUE) || !value)
			continue;
		other = sf_find_unique(table, value);
		if (other && other != self)
			return sf_error("DUPLICATE_VALUE", NULL,
				"duplicate value found: %s duplicates value on record with id: "
				"%.15s",
				field->name, other->id);
	}
	return NULL;
}

static const struct sf_record *same_email(
	const struct sf_table *table, const char *email, const struct sf_record *self)
{
	for (size_t i = 0; i < table->n; i++) {
		const struct sf_record *record = table->rows[i];
		const char *other = sf_text(record, "Email");

		if (record != self && !record->deleted && !record->purged && other &&
			strcasecmp(other, email) == 0)
			return record;
	}
	return NULL;
}

/* The standard rule "alert and allow": refused unless allowSave=true came with the request. */
static json_t *check_duplicates(struct sf *sf, const struct sf_save *how,
	const struct sf_table *table, const json_t *fields, const struct sf_record *self)
{
	const char *email = json_string_value(json_object_get(fields, "Email"));
	const struct sf_record *other;
	json_t *errors;

	if (!sf->duplicate_rule || how->allow_duplicates || how->privileged || !email ||
		strcmp(table->name, "Contact") != 0)
		return NULL;
	other = same_email(table, email, self);
	if (!other)
		return NULL;
	errors = sf_error("DUPLICATES_DETECTED", NULL, "Use one of these records?");
	json_object_set_new(json_array_get(errors, 0), "duplicateResult",
		json_pack("{s:b, s:s, s:s, s:s, s:[{s:s, s:s, s:b, s:i, s:[{s:f, s:{s:{s:s}, "
			  "s:s}}]}]}",
			"allowSave", 1, "duplicateRule", "Standard_Contact_Duplicate_Rule",
			"duplicateRuleEntityType", "Contact", "errorMessage",
			"Use one of these records?", "matchResults", "entityType", "Contact",
			"matchEngine", "ExactMatchEngine", "success", 1, "size", 1, "matchRecords",
			"matchConfidence", 100.0, "record", "attributes", "type", "Contact", "Id",
			other->id));
	return errors;
}

/* Mails that must not be sent --------------------------------------------------------------- */

static void watch_mails(struct sf *sf, const struct sf_save *how, const struct sf_table *table,
	const json_t *fields, bool create)
{
	const char *owner = json_string_value(json_object_get(fields, "OwnerId"));
	char *why AUTOFREE = NULL;

	if (how->privileged)
		return;
	if (how->mails) {
		why = xasprintf("%s asks for a mail", table->name);
		sim_mail_log(sf->sim, "salesforce", why, owner);
	} else if (!how->no_assignment && (create || strcmp(table->name, "Lead") == 0) &&
		   strcmp(table->name, "User") != 0 && strcmp(table->name, "Account") != 0) {
		why = xasprintf("%s %s without Sforce-Auto-Assign: FALSE",
			create ? "create" : "update", table->name);
		sim_mail_log(sf->sim, "salesforce", why, owner);
	}
}

static json_t *record_fault(struct sf *sf, const struct sf_save *how)
{
	const json_t *fault = how->privileged || !how->operation
				      ? NULL
				      : sim_fault(sf->sim, how->operation, "sf-record");
	const char *code = json_string_value(json_object_get(fault, "code"));
	const char *message = json_string_value(json_object_get(fault, "message"));
	const char *field = json_string_value(json_object_get(fault, "field"));

	if (!fault)
		return NULL;
	if (!code)
		code = "UNABLE_TO_LOCK_ROW";
	return sf_error(code, field, "%s",
		message ? message
			: "unable to obtain exclusive access to this record or 1 records");
}

/* The saves ------------------------------------------------------------------------------- */

struct sf_save sf_save_of(const struct sf_call *call)
{
	const char *assign = sim_header(call->req, "Sforce-Auto-Assign");
	const char *rule = sim_header(call->req, "Sforce-Duplicate-Rule-Header");
	const char *mail = sim_header(call->req, "Sforce-Email-Header");

	return (struct sf_save){ .user = call->user,
		.operation = call->operation,
		.no_assignment = assign && strcasecmp(assign, "FALSE") == 0,
		.allow_duplicates = rule && strcasestr(rule, "allowSave=true"),
		.mails = mail && strcasestr(mail, "true") };
}

static void fill_defaults(
	struct sf *sf, const struct sf_save *how, const struct sf_table *table, json_t *fields)
{
	for (size_t i = 0; i < table->n_fields; i++)
		if (table->fields[i].type == SF_BOOLEAN)
			json_object_set_new(fields, table->fields[i].name, json_false());
	if (table->has_owner)
		json_object_set_new(fields, "OwnerId", json_string(how->user));
	if (strcmp(table->name, "Lead") == 0)
		json_object_set_new(fields, "Status", json_string("Open - Not Contacted"));
	if (table->rules && table->rules->defaults)
		table->rules->defaults(sf, how, fields);
}

/* What the checks after the input have in common. */
static json_t *finish(struct sf *sf, const struct sf_save *how, const struct sf_table *table,
	const json_t *input, json_t *fields, const struct sf_record *self)
{
	json_t *errors = NULL;

	if (table->rules && table->rules->check)
		errors = table->rules->check(sf, how, self ? self->fields : NULL, input, fields);
	if (!errors)
		errors = check_required(table, fields);
	if (!errors) {
		run_flows(sf, table, fields);
		sf_compute(table, fields);
		errors = check_unique(table, fields, self);
	}
	if (!errors)
		errors = check_duplicates(sf, how, table, fields, self);
	return errors;
}

/* What the object does after a save; when that fails, nothing was saved. */
static json_t *settle(struct sf *sf, const struct sf_save *how, struct sf_record *record,
	const json_t *before, const json_t *input)
{
	const struct sf_rules *rules = record->table->rules;
	json_t *errors = rules && rules->saved ? rules->saved(sf, how, record, before, input)
					       : NULL;

	if (errors)
		sf_rollback(sf);
	else
		sf_commit(sf);
	return errors;
}

struct sf_record *sf_add(
	struct sf *sf, const struct sf_save *how, struct sf_table *table, json_t *fields)
{
	put_modified(sf, fields, how->user);
	json_object_set(fields, "CreatedDate", json_object_get(fields, "LastModifiedDate"));
	json_object_set(fields, "CreatedById", json_object_get(fields, "LastModifiedById"));
	return sf_insert(sf, table, fields);
}

void sf_change(struct sf *sf, const struct sf_save *how, struct sf_record *record, json_t *fields,
	bool deleted)
{
	json_object_set_new(fields, "IsDeleted", json_boolean(deleted));
	put_modified(sf, fields, how->user);
	sf_put(sf, record, fields, deleted);
}

json_t *sf_create(struct sf *sf, const struct sf_save *how, struct sf_table *table,
	const json_t *input, struct sf_record **out)
{
	json_t *fields = json_object();
	json_t *errors = record_fault(sf, how);

	*out = NULL;
	fill_defaults(sf, how, table, fields);
	if (!errors)
		errors = apply_input(sf, table, input, SF_CREATE, fields);
	if (!errors)
		errors = finish(sf, how, table, input, fields, NULL);
	if (errors) {
		json_decref(fields);
		return errors;
	}
	watch_mails(sf, how, table, fields, true);
	sf_begin(sf);
	*out = sf_add(sf, how, table, fields);
	errors = settle(sf, how, *out, NULL, input);
	if (errors)
		*out = NULL;
	return errors;
}

json_t *sf_update(
	struct sf *sf, const struct sf_save *how, struct sf_record *record, const json_t *input)
{
	json_t *fields, *before;
	json_t *errors = record_fault(sf, how);

	if (!errors && record->deleted)
		errors = sf_error("ENTITY_IS_DELETED", NULL, "entity is deleted");
	if (errors)
		return errors;
	fields = json_copy(record->fields);
	errors = apply_input(sf, record->table, input, SF_UPDATE, fields);
	if (!errors)
		errors = finish(sf, how, record->table, input, fields, record);
	if (errors) {
		json_decref(fields);
		return errors;
	}
	watch_mails(sf, how, record->table, fields, false);
	before = json_incref(record->fields);
	sf_begin(sf);
	put_modified(sf, fields, how->user);
	sf_put(sf, record, fields, false);
	errors = settle(sf, how, record, before, input);
	json_decref(before);
	return errors;
}

static json_t *set_deleted(
	struct sf *sf, const struct sf_save *how, struct sf_record *record, bool deleted)
{
	const struct sf_rules *rules = record->table->rules;
	json_t *errors = NULL;

	sf_begin(sf);
	sf_change(sf, how, record, json_copy(record->fields), deleted);
	if (deleted && rules && rules->deleted)
		errors = rules->deleted(sf, how, record);
	if (errors)
		sf_rollback(sf);
	else
		sf_commit(sf);
	return errors;
}

json_t *sf_delete(struct sf *sf, const struct sf_save *how, struct sf_record *record)
{
	json_t *errors = record_fault(sf, how);

	if (errors)
		return errors;
	if (!record->table->has_trash)
		return sf_error(
			"INSUFFICIENT_ACCESS", NULL, "%s cannot be deleted", record->table->name);
	if (record->deleted)
		return sf_error("ENTITY_IS_DELETED", NULL, "entity is deleted");
	return set_deleted(sf, how, record, true);
}

json_t *sf_undelete(struct sf *sf, const struct sf_save *how, struct sf_record *record)
{
	json_t *errors;

	if (!record->deleted)
		return sf_error("UNDELETE_FAILED", NULL, "Entity is not in the recycle bin");
	errors = check_unique(record->table, record->fields, record);
	return errors ? errors : set_deleted(sf, how, record, false);
}
