/* POST /sim/sf/ACTION: what other users, an administrator or Salesforce itself do.
 *
 *	create {object, fields, as}       update {id, fields, as}      delete, undelete {id, as}
 *	merge {master, loser, as}         purge {id}                   hide {id, hidden, user}: not shared
 *	        with the user, by default the integration user
 *	forbid {object}: no right to the object any more
 *	begin {id | object, fields, as} -> {transaction}: a save whose stamp is now,
 *	commit {transaction}: and which appears only now (a long transaction)
 *	flow {object, field, action, value} or {clear: true}: a before-save flow; action is upper,
 *	        lower, title, prefix, suffix, cut, set, clear or copy-from
 *	duplicate-rule {enabled}          limits {max, used}
 *	field {object, name, ...}: adds a custom field or changes a field's length and rights
 *	expire-tokens {all}: those that the token endpoint gave; all: also the one of clients.json
 *	token {as} -> {access_token}
 *	activities {multi_day, series_new_record}: what the org's activity settings allow, and whether
 *	        a series that is built anew gets a new series record
 *	conditions {heeded}: whether composite subrequests heed If-Unmodified-Since
 *	archive {id}: an old activity, which only queryAll shows
 *
 * `as` is a user's id or user name; without it the sales administrator acts. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "sync/mem.h"
#include "tests/sim/sf.h"

static const char *text(const json_t *args, const char *key)
{
	return json_string_value(json_object_get(args, key));
}

static json_t *refuse(int *status, const char *why)
{
	*status = 400;
	return json_pack("{s:s}", "error", why);
}

static json_t *fail(int *status, json_t *errors)
{
	*status = 400;
	return json_pack("{s:O, s:o}", "error",
		json_object_get(json_array_get(errors, 0), "message"), "errors", errors);
}

/* A user's id, by id or by user name. */
static const char *user_id(struct sf *sf, const char *name)
{
	const struct sf_table *users = sf_table_find(sf, "User");

	for (size_t i = 0; i < users->n; i++)
		if (strncmp(users->rows[i]->id, name, 15) == 0 ||
			strcasecmp(sf_text(users->rows[i], "Username"), name) == 0)
			return users->rows[i]->id;
	return NULL;
}

/* The acting user's id: by id, by user name, or the second user of all. */
static const char *actor(struct sf *sf, const json_t *args)
{
	const struct sf_table *users = sf_table_find(sf, "User");
	const char *as = text(args, "as");

	if (!as)
		return users->n > 1 ? users->rows[1]->id : sf->api_user;
	return user_id(sf, as);
}

static struct sf_record *record_of(struct sf *sf, const json_t *args, const char *key)
{
	const char *id = text(args, key);

	return id ? sf_find(sf, id) : NULL;
}

/* Creates or updates, as the arguments say. */
static json_t *save(struct sf *sf, const json_t *args, int *status)
{
	struct sf_save how = { .user = actor(sf, args), .privileged = true };
	const json_t *fields = json_object_get(args, "fields");
	struct sf_table *table = text(args, "object") ? sf_table_find(sf, text(args, "object"))
						      : NULL;
	struct sf_record *record = record_of(sf, args, "id");
	json_t *errors;

	if (!how.user)
		return refuse(status, "no such user");
	if (!json_is_object(fields) || (!record && !table))
		return refuse(status, "needs fields, and the id of a record or an object");
	errors = record ? sf_update(sf, &how, record, fields)
			: sf_create(sf, &how, table, fields, &record);
	return errors ? fail(status, errors) : json_pack("{s:s}", "id", record->id);
}

static json_t *act_create(struct sf *sf, const json_t *args, int *status)
{
	return text(args, "object") ? save(sf, args, status) : refuse(status, "object is missing");
}

static json_t *act_update(struct sf *sf, const json_t *args, int *status)
{
	return record_of(sf, args, "id") ? save(sf, args, status)
					 : refuse(status, "no such record");
}

static json_t *act_delete(struct sf *sf, const json_t *args, int *status)
{
	struct sf_save how = { .user = actor(sf, args), .privileged = true };
	struct sf_record *record = record_of(sf, args, "id");
	json_t *errors;

	if (!record || !how.user)
		return refuse(status, "no such record or user");
	errors = sf_delete(sf, &how, record);
	return errors ? fail(status, errors) : json_pack("{s:s}", "id", record->id);
}

static json_t *act_undelete(struct sf *sf, const json_t *args, int *status)
{
	struct sf_save how = { .user = actor(sf, args), .privileged = true };
	struct sf_record *record = record_of(sf, args, "id");
	json_t *errors;

	if (!record || !how.user)
		return refuse(status, "no such record or user");
	errors = sf_undelete(sf, &how, record);
	return errors ? fail(status, errors) : json_pack("{s:s}", "id", record->id);
}

static json_t *act_purge(struct sf *sf, const json_t *args, int *status)
{
	struct sf_record *record = record_of(sf, args, "id");

	if (!record)
		return refuse(status, "no such record");
	sf_purge(sf, record);
	return json_pack("{s:s}", "id", record->id);
}

/* The contacts of an account that was merged into another are that one's. */
static json_t *move_contacts(
	struct sf *sf, const struct sf_save *how, const char *from, const char *to)
{
	struct sf_table *contacts = sf_table_find(sf, "Contact");
	json_t *errors = NULL, *fields = json_pack("{s:s}", "AccountId", to);

	for (size_t i = 0; !errors && i < contacts->n; i++) {
		struct sf_record *contact = contacts->rows[i];
		const char *account = sf_text(contact, "AccountId");

		if (account && !contact->deleted && !contact->purged && !strcmp(account, from))
			errors = sf_update(sf, how, contact, fields);
	}
	json_decref(fields);
	return errors;
}

/* The loser goes to the recycle bin and points to the master, which is saved. */
static json_t *act_merge(struct sf *sf, const json_t *args, int *status)
{
	struct sf_save how = { .user = actor(sf, args), .privileged = true };
	struct sf_record *master = record_of(sf, args, "master");
	struct sf_record *loser = record_of(sf, args, "loser");
	const json_t *given = json_object_get(args, "fields");
	json_t *fields, *errors;

	if (!master || !loser || master == loser || master->table != loser->table || !how.user)
		return refuse(status, "needs two records of one object");
	errors = strcmp(master->table->name, "Account") == 0
			 ? move_contacts(sf, &how, loser->id, master->id)
			 : NULL;
	if (!errors)
		errors = sf_delete(sf, &how, loser);
	if (errors)
		return fail(status, errors);
	fields = json_copy(loser->fields);
	json_object_set_new(fields, "MasterRecordId", json_string(master->id));
	sf_put(sf, loser, fields, true);
	fields = given ? json_incref((json_t *)given) : json_object();
	errors = sf_update(sf, &how, master, fields);
	json_decref(fields);
	return errors ? fail(status, errors) : json_pack("{s:s}", "id", master->id);
}

static json_t *act_hide(struct sf *sf, const json_t *args, int *status)
{
	struct sf_record *record = record_of(sf, args, "id");

	const char *user = text(args, "user") ? user_id(sf, text(args, "user")) : sf->api_user;
	bool hidden = !json_is_false(json_object_get(args, "hidden"));

	if (!record || !user)
		return refuse(status, "no such record or user");
	if (!record->hidden)
		record->hidden = json_object();
	if (hidden)
		json_object_set_new(record->hidden, user, json_true());
	else
		json_object_del(record->hidden, user);
	return json_pack("{s:s, s:b}", "id", record->id, "hidden", hidden);
}

static json_t *act_forbid(struct sf *sf, const json_t *args, int *status)
{
	struct sf_table *table = text(args, "object") ? sf_table_find(sf, text(args, "object"))
						      : NULL;

	if (!table)
		return refuse(status, "no such object");
	table->forbidden = true;
	return json_pack("{s:s}", "object", table->name);
}

/* Long transactions ----------------------------------------------------------------------- */

static json_t *act_begin(struct sf *sf, const json_t *args, int *status)
{
	json_t *entry;

	if (!json_is_object(json_object_get(args, "fields")))
		return refuse(status, "fields is missing");
	entry = json_deep_copy(args);
	json_object_set_new(entry, "stamp", json_integer(sf_now(sf)));
	json_array_append_new(sf->pending, entry);
	return json_pack("{s:I}", "transaction", (json_int_t)json_array_size(sf->pending));
}

static json_t *act_commit(struct sf *sf, const json_t *args, int *status)
{
	json_int_t number = json_integer_value(json_object_get(args, "transaction"));
	json_t *entry = number > 0 ? json_array_get(sf->pending, (size_t)number - 1) : NULL;
	json_t *answer;

	if (!json_is_object(entry))
		return refuse(status, "no such transaction");
	json_incref(entry);
	json_array_set_new(sf->pending, (size_t)number - 1, json_null());
	sf->stamp = json_integer_value(json_object_get(entry, "stamp"));
	answer = save(sf, entry, status);
	sf->stamp = 0;
	json_decref(entry);
	return answer;
}

/* The org --------------------------------------------------------------------------------- */

static json_t *act_flow(struct sf *sf, const json_t *args, int *status)
{
	static const char *const actions[] = { "upper", "lower", "title", "prefix", "suffix", "cut",
		"set", "clear", "copy-from" };
	const struct sf_table *table = text(args, "object")
					       ? sf_table_find(sf, text(args, "object"))
					       : NULL;
	const struct sf_field *field = table && text(args, "field")
					       ? sf_field_find(table, text(args, "field"))
					       : NULL;
	const char *action = text(args, "action");
	size_t i = 0;

	if (json_is_true(json_object_get(args, "clear"))) {
		json_array_clear(sf->flows);
		return json_object();
	}
	while (i < ARRAY_SIZE(actions) && (!action || strcmp(action, actions[i]) != 0))
		i++;
	if (!field || i == ARRAY_SIZE(actions))
		return refuse(status, "needs an object, a field of it and a known action");
	json_array_append_new(
		sf->flows, json_pack("{s:s, s:s, s:s, s:s*}", "object", table->name, "field",
				   field->name, "action", action, "value", text(args, "value")));
	return json_object();
}

static json_t *act_duplicate_rule(struct sf *sf, const json_t *args, int *status)
{
	(void)status;
	sf->duplicate_rule = !json_is_false(json_object_get(args, "enabled"));
	return json_pack("{s:b}", "enabled", sf->duplicate_rule);
}

static json_t *act_limits(struct sf *sf, const json_t *args, int *status)
{
	const json_t *max = json_object_get(args, "max"), *used = json_object_get(args, "used");

	(void)status;
	if (max)
		sf->limit = json_integer_value(max);
	if (used)
		sf->used = json_integer_value(used);
	return json_pack("{s:I, s:I}", "max", sf->limit, "used", sf->used);
}

static void set_flag(struct sf_field *field, const json_t *args, const char *key, unsigned int flag)
{
	const json_t *value = json_object_get(args, key);

	if (json_is_true(value))
		field->flags |= flag;
	else if (json_is_false(value))
		field->flags &= ~flag;
}

static const char *keep(struct sf *sf, const char *string)
{
	json_t *copy = json_string(string);

	json_array_append_new(sf->strings, copy);
	return json_string_value(copy);
}

static const struct {
	const char *name;
	enum sf_type type;
} custom_types[] = { { "string", SF_STRING }, { "email", SF_EMAIL }, { "phone", SF_PHONE },
	{ "textarea", SF_TEXTAREA }, { "picklist", SF_PICKLIST }, { "boolean", SF_BOOLEAN },
	{ "date", SF_DATE }, { "datetime", SF_DATETIME }, { "url", SF_URL } };

static struct sf_field *add_field(struct sf *sf, struct sf_table *table, const json_t *args)
{
	const char *type = text(args, "type");
	const char *label = text(args, "label");
	struct sf_field field = { .name = keep(sf, text(args, "name")),
		.type = SF_STRING,
		.length = 255,
		.flags = SF_WRITE | SF_CUSTOM };

	field.label = label ? keep(sf, label) : field.name;
	if (text(args, "values"))
		field.values = keep(sf, text(args, "values"));
	for (size_t i = 0; i < ARRAY_SIZE(custom_types); i++)
		if (type && strcmp(type, custom_types[i].name) == 0)
			field.type = custom_types[i].type;
	/* Open cursors point into the old array. */
	sf_cursors_free(sf);
	table->fields = xreallocarray(table->fields, table->n_fields + 1, sizeof(*table->fields));
	table->fields[table->n_fields] = field;
	return &table->fields[table->n_fields++];
}

static json_t *act_field(struct sf *sf, const json_t *args, int *status)
{
	struct sf_table *table = text(args, "object") ? sf_table_find(sf, text(args, "object"))
						      : NULL;
	const char *name = text(args, "name");
	struct sf_field *field = NULL;

	if (!table || !name)
		return refuse(status, "needs an object and a name");
	for (size_t i = 0; i < table->n_fields; i++)
		if (strcasecmp(table->fields[i].name, name) == 0)
			field = &table->fields[i];
	if (!field && (strlen(name) < 4 || strcmp(name + strlen(name) - 3, "__c") != 0))
		return refuse(status, "a new field's name ends in __c");
	if (!field)
		field = add_field(sf, table, args);
	if (json_is_integer(json_object_get(args, "length")))
		field->length = (int)json_integer_value(json_object_get(args, "length"));
	set_flag(field, args, "createable", SF_CREATE);
	set_flag(field, args, "updateable", SF_UPDATE);
	set_flag(field, args, "required", SF_REQUIRED);
	set_flag(field, args, "restricted", SF_RESTRICTED);
	set_flag(field, args, "hidden", SF_HIDDEN);
	return json_pack("{s:s}", "name", field->name);
}

static json_t *act_expire(struct sf *sf, const json_t *args, int *status)
{
	char *user AUTOFREE = NULL;

	(void)status;
	if (sf->token && !json_is_true(json_object_get(args, "all")))
		user = xstrdup(json_string_value(json_object_get(sf->tokens, sf->token)));
	json_object_clear(sf->tokens);
	if (user)
		json_object_set_new(sf->tokens, sf->token, json_string(user));
	return json_object();
}

static json_t *act_token(struct sf *sf, const json_t *args, int *status)
{
	const char *user = actor(sf, args);

	if (!user)
		return refuse(status, "no such user");
	return json_pack("{s:s, s:s}", "access_token", sf_issue_token(sf, user), "user_id", user);
}

static void set_switch(bool *to, const json_t *args, const char *key)
{
	const json_t *value = json_object_get(args, key);

	if (json_is_boolean(value))
		*to = json_is_true(value);
}

static json_t *act_activities(struct sf *sf, const json_t *args, int *status)
{
	(void)status;
	set_switch(&sf->multi_day, args, "multi_day");
	set_switch(&sf->series_new_record, args, "series_new_record");
	return json_pack("{s:b, s:b}", "multi_day", sf->multi_day, "series_new_record",
		sf->series_new_record);
}

static json_t *act_conditions(struct sf *sf, const json_t *args, int *status)
{
	(void)status;
	sf->ignores_conditions = json_is_false(json_object_get(args, "heeded"));
	return json_pack("{s:b}", "heeded", !sf->ignores_conditions);
}

static json_t *act_archive(struct sf *sf, const json_t *args, int *status)
{
	struct sf_record *record = record_of(sf, args, "id");
	json_t *fields;

	if (!record || !sf_field_find(record->table, "IsArchived"))
		return refuse(status, "no such activity");
	fields = json_copy(record->fields);
	json_object_set_new(fields, "IsArchived", json_true());
	sf_put(sf, record, fields, record->deleted);
	return json_pack("{s:s}", "id", record->id);
}

static const struct {
	const char *name;
	json_t *(*run)(struct sf *sf, const json_t *args, int *status);
} actions[] = {
	{ "create", act_create },
	{ "update", act_update },
	{ "delete", act_delete },
	{ "undelete", act_undelete },
	{ "purge", act_purge },
	{ "merge", act_merge },
	{ "hide", act_hide },
	{ "forbid", act_forbid },
	{ "begin", act_begin },
	{ "commit", act_commit },
	{ "flow", act_flow },
	{ "duplicate-rule", act_duplicate_rule },
	{ "limits", act_limits },
	{ "field", act_field },
	{ "expire-tokens", act_expire },
	{ "token", act_token },
	{ "activities", act_activities },
	{ "conditions", act_conditions },
	{ "archive", act_archive },
};

json_t *sf_act(struct sf *sf, const char *action, const json_t *args, int *status)
{
	for (size_t i = 0; i < ARRAY_SIZE(actions); i++)
		if (strcmp(action, actions[i].name) == 0)
			return actions[i].run(sf, args, status);
	*status = 404;
	return json_pack("{s:s}", "error", "no such action");
}
