/* The Salesforce driver against the simulated one, over real connections.
 *
 * Starts the tandem-sim that was built beside this program, on a free port of loopback, and ends it.
 * The driver is opened with the configuration that the simulator writes, read by our own parser. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crm/private.h"
#include "sync/mem.h"
#include "tests/unit/crm/sim_org.h"

/* ---- what tests do ----------------------------------------------------------------------------- */

static int write_ops(
	struct crm *with, enum crm_op_type type, struct crm_op *ops, size_t n, struct error *err)
{
	return salesforce_driver.write(with, KIND_CONTACT, type, ops, n, err);
}

/* Fields of a contact called `name`. */
static json_t *named(const char *name)
{
	return json_pack("{s:s, s:s, s:s+}", "FirstName", "Test", "LastName", name, "Email", name,
		"@new.example");
}

/* Creates one contact; its id. */
static char *make(const char *name)
{
	json_t *fields = named(name);
	struct crm_op op = { .token = name, .fields = fields };
	struct error err = ERROR_INIT;

	if (write_ops(crm, CRM_CREATE, &op, 1, &err) || op.error.code)
		fail_msg("%s %s", err.text, op.error.text);
	json_decref(fields);
	assert_true(op.created);
	return op.new_id;
}

static struct crm_record fetch(const char *id)
{
	struct crm_record *records, one;
	struct error err = ERROR_INIT;
	size_t n;

	assert_int_equal(salesforce_driver.get(crm, KIND_CONTACT, &id, 1, &records, &n, &err), 0);
	assert_int_equal(n, 1);
	one = records[0];
	free(records);
	return one;
}

static const char *field(const struct crm_record *record, const char *name)
{
	return json_string_value(json_object_get(record->fields, name));
}

/* Pulls to the end.  The number of records; `want`, when it is among them, goes to *seen. */
static size_t pull_all(char **cursor, const char *want, struct crm_record *seen)
{
	size_t total = 0;
	bool last = false;

	if (seen)
		memset(seen, 0, sizeof(*seen));
	while (!last) {
		struct crm_page page;
		struct error err = ERROR_INIT;

		if (salesforce_driver.pull(crm, KIND_CONTACT, *cursor, &page, &err))
			fail_msg("%s", err.text);
		for (size_t i = 0; i < page.n; i++) {
			if (!want || strcmp(page.records[i].id, want) != 0)
				continue;
			crm_record_clear(seen);
			*seen = page.records[i];
			memset(&page.records[i], 0, sizeof(page.records[i]));
		}
		total += page.n;
		last = page.last;
		free(*cursor);
		*cursor = xstrdup(page.cursor);
		crm_page_clear(&page);
	}
	return total;
}

/* Live records of this last name, as the server holds them. */
static size_t count_named(const char *name)
{
	char *address AUTOFREE = xasprintf("%s@new.example", name);
	const char *addresses[] = { address };
	struct crm_record *records;
	struct error err = ERROR_INIT;
	size_t n;

	assert_int_equal(
		salesforce_driver.match_emails(crm, KIND_CONTACT, addresses, 1, &records, &n, &err),
		0);
	crm_records_free(records, n);
	return n;
}

/* ---- tests ------------------------------------------------------------------------------------- */

static void signs_in_and_describes(void **state)
{
	struct field_table table;
	struct error err = ERROR_INIT;

	(void)state;
	if (salesforce_driver.test(crm, &err))
		fail_msg("%s", err.text);
	assert_true(salesforce_driver.requests_left(crm) > 0);
	assert_int_equal(salesforce_driver.fields(crm, KIND_CONTACT, &table, &err), 0);
	assert_int_equal(table.n, salesforce_contact_n);
	for (size_t i = 0; i < table.n; i++) {
		/* the real lengths are those of the static table */
		assert_int_equal(table.rows[i].max_chars, salesforce_contact_rows[i].max_chars);
		assert_int_equal(table.rows[i].flags, salesforce_contact_rows[i].flags);
	}
}

static void finds_the_mailboxes_users(void **state)
{
	struct error err = ERROR_INIT;

	(void)state;
	assert_true(config->n_users >= 3);
	for (size_t i = 0; i < config->n_users; i++) {
		const char *addresses[] = { config->users[i].address, "nobody@corp.example" };
		char *ids[2], *zone = NULL;

		assert_int_equal(salesforce_driver.find_users(crm, addresses, 2, ids, &err), 0);
		assert_string_equal(ids[0], config->users[i].crm_user);
		assert_null(ids[1]);
		assert_int_equal(salesforce_driver.user_time_zone(crm, ids[0], &zone, &err), 0);
		assert_string_equal(zone, "Europe/Berlin"); /* as the simulator's users have it */
		free(zone);
		free(ids[0]);
	}
}

static void wrong_secret(void **state)
{
	struct crm_options options = {
		.url = config->crm_url, .client_id = config->crm_client_id, .client_secret = "wrong"
	};
	struct error err = ERROR_INIT;
	struct crm *other;

	(void)state;
	assert_int_equal(salesforce_driver.open(&other, &options, &err), 0);
	assert_int_equal(salesforce_driver.test(other, &err), ERR_DENIED);
	salesforce_driver.close(other);
}

static void a_pull_without_changes_is_one_request(void **state)
{
	char *cursor = NULL, *before;
	json_int_t requests;
	json_t *state_of_server;
	size_t n;

	(void)state;
	state_of_server = sim_process_command(&sim, "GET", "state?only=salesforce", NULL);
	n = pull_all(&cursor, NULL, NULL);
	assert_true(n > 0);
	assert_int_equal(n, json_array_size(json_object_get(
				    json_object_get(state_of_server, "salesforce"), "Contact")));
	json_decref(state_of_server);
	/* What the seed holds lies further back than the overlap. */
	advance(3600);
	free(make("pulled-once"));
	assert_int_equal(pull_all(&cursor, NULL, NULL) > 0, 1);
	before = xstrdup(cursor);
	requests = sim_process_requests(&sim, NULL);
	assert_int_equal(pull_all(&cursor, NULL, NULL), 1);
	assert_int_equal(sim_process_requests(&sim, NULL), requests + 1);
	assert_string_equal(cursor, before);
	free(before);
	free(cursor);
}

/* 450 records are three requests; each is there once, with what was sent. */
static void creates_in_collections(void **state)
{
	struct crm_op ops[450];
	struct error err = ERROR_INIT;
	json_int_t requests = sim_process_requests(&sim, "sf:collections-upsert");
	struct crm_record *records;
	const char *ids[450];
	size_t n;

	(void)state;
	for (size_t i = 0; i < 450; i++) {
		char *name AUTOFREE = xasprintf("many-%03zu", i);

		ops[i] = (struct crm_op){ .token = xstrdup(name),
			.fields = named(name),
			.owner_id = config->users[i % config->n_users].crm_user };
	}
	assert_int_equal(write_ops(crm, CRM_CREATE, ops, 450, &err), 0);
	assert_int_equal(sim_process_requests(&sim, "sf:collections-upsert"), requests + 3);
	for (size_t i = 0; i < 450; i++) {
		assert_int_equal(ops[i].error.code, ERR_NONE);
		assert_true(ops[i].created);
		ids[i] = ops[i].new_id;
	}
	assert_int_equal(salesforce_driver.get(crm, KIND_CONTACT, ids, 450, &records, &n, &err), 0);
	assert_int_equal(n, 450);
	for (size_t i = 0; i < n; i++) {
		size_t number = strtoul(field(&records[i], "LastName") + strlen("many-"), NULL, 10);

		assert_string_equal(records[i].id, ids[number]);
		assert_string_equal(records[i].token, ops[number].token);
		assert_string_equal(records[i].owner_id, ops[number].owner_id);
		assert_true(records[i].created_by_us && records[i].modified_by_us);
	}
	crm_records_free(records, n);
	for (size_t i = 0; i < 450; i++)
		ops[i].id = ops[i].new_id;
	assert_int_equal(write_ops(crm, CRM_DELETE, ops, 450, &err), 0);
	for (size_t i = 0; i < 450; i++) {
		assert_int_equal(ops[i].error.code, ERR_NONE);
		free((char *)ops[i].token);
		json_decref((json_t *)ops[i].fields);
		crm_op_clear(&ops[i]);
	}
}

/* The id of the one account of this name, as our driver finds it; NULL when it is open. */
static char *account_named(const char *name, const char *user, size_t *hits)
{
	struct crm_account account;
	struct error err = ERROR_INIT;

	if (salesforce_driver.match_accounts(crm, user, &name, 1, &account, &err))
		fail_msg("%s", err.text);
	*hits = account.hits;
	return account.id;
}

static void every_field_goes_and_comes(void **state)
{
	size_t hits;
	char *account AUTOFREE = account_named(" proseware SYSTEMS ", NULL, &hits);
	json_t *fields = json_object();
	struct crm_op op = { .token = "every-field", .fields = fields, .account_id = account };
	struct error err = ERROR_INIT;
	struct crm_record record;

	(void)state;
	assert_int_equal(hits, 1);
	for (size_t i = 0; i < salesforce_contact_n; i++) {
		const char *name = salesforce_contact_rows[i].name;

		json_object_set_new(fields, name,
			!strcmp(name, "Birthdate")	? json_string("1990-01-31")
			: !strcmp(name, "Account.Name") ? json_string("Proseware Systems")
			: !strcmp(name, "Email")	? json_string("every@new.example")
			: !strcmp(name, "Salutation")	? json_string("Dr.")
			: strstr(name, "Street")	? json_string("Weg 1\nHaus \xc3\xa4")
							: json_sprintf("v %zu", i));
	}
	assert_int_equal(write_ops(crm, CRM_CREATE, &op, 1, &err), 0);
	assert_int_equal(op.error.code, ERR_NONE);
	record = fetch(op.new_id);
	if (!json_equal(record.fields, fields))
		fail_msg("%s\n%s", json_dumps(record.fields, JSON_SORT_KEYS),
			json_dumps(fields, JSON_SORT_KEYS));
	crm_record_clear(&record);
	crm_op_clear(&op);
	json_decref(fields);
}

static void accounts_by_name(void **state)
{
	const char *user = config->users[0].crm_user;
	char *first, *second, *found;
	size_t hits;

	(void)state;
	found = account_named("No such company", user, &hits);
	assert_null(found);
	assert_int_equal(hits, 0);
	first = act_id("create", json_pack("{s:s, s:{s:s}}", "object", "Account", "fields", "Name",
					 "O'Neill \\ S\xc3\xb6hne"));
	second = act_id("create", json_pack("{s:s, s:{s:s}}", "object", "Account", "fields", "Name",
					  "O'NEILL \\ S\xc3\x96HNE"));
	found = account_named("o'neill \\ s\xc3\xb6hne", user, &hits);
	assert_null(found);
	assert_int_equal(hits, 2);
	act("hide", json_pack("{s:s, s:s}", "id", first, "user", user));
	found = account_named("o'neill \\ s\xc3\xb6hne", user, &hits);
	assert_string_equal(found, second);
	free(found);
	free(first);
	free(second);
}

/* Every e-mail field of Lead counts, what became a contact does not. */
static void leads_by_address(void **state)
{
	static const char *const addresses[] = { "Lena.Lead@new.example", "nobody@new.example" };
	struct error err = ERROR_INIT;
	struct crm *fresh;
	json_t *found;
	char *id;

	(void)state;
	act("field", json_pack("{s:s, s:s, s:s}", "object", "Lead", "name", "Other_Email__c",
			     "type", "email"));
	id = act_id("create",
		json_pack("{s:s, s:{s:s, s:s, s:s}}", "object", "Lead", "fields", "LastName",
			"Lead", "Company", "New", "Other_Email__c", "lena.lead@NEW.example"));
	fresh = open_crm(NULL);
	if (salesforce_driver.match_leads(fresh, addresses, 2, &found, &err))
		fail_msg("%s", err.text);
	assert_int_equal(json_object_size(found), 1);
	assert_string_equal(
		json_string_value(json_array_get(json_object_get(found, addresses[0]), 0)), id);
	json_decref(found);
	salesforce_driver.close(fresh);
	act("forbid", json_pack("{s:s}", "object", "Lead"));
	fresh = open_crm(NULL);
	assert_int_equal(salesforce_driver.match_leads(fresh, addresses, 2, &found, &err), 0);
	assert_int_equal(json_object_size(found), 0);
	json_decref(found);
	salesforce_driver.close(fresh);
	free(id);
}

/* The answer of a create is lost after it was applied: repeated with its token it is one contact. */
static void a_lost_create_is_one_contact(void **state)
{
	char *id;

	(void)state;
	fault("sf:collections-upsert", "drop-after", NULL);
	id = make("lost-answer");
	assert_int_equal(count_named("lost-answer"), 1);
	free(id);
}

static void without_an_external_id_a_lost_create_is_lost(void **state)
{
	struct crm *plain = open_crm(NULL);
	json_t *fields = named("no-token");
	struct crm_op op = { .token = "no-token", .fields = fields };
	struct error err = ERROR_INIT;

	(void)state;
	fault("sf:collections-create", "drop-after", NULL);
	assert_int_equal(write_ops(plain, CRM_CREATE, &op, 1, &err), ERR_LOST);
	assert_int_equal(op.error.code, ERR_LOST);
	assert_int_equal(count_named("no-token"), 1);
	salesforce_driver.close(plain);
	json_decref(fields);
}

static void updates_only_what_is_unchanged_there(void **state)
{
	char *id = make("guarded");
	struct crm_record before = fetch(id), after;
	json_t *fields = named("guarded"), *changed = json_pack("[s, s]", "Title", "Email");
	struct crm_op op = {
		.id = id, .version = before.version, .fields = fields, .changed = changed
	};
	struct error err = ERROR_INIT;

	(void)state;
	/* Ours first: the title set, the e-mail emptied. */
	json_object_set_new(fields, "Title", json_string("Chef"));
	json_object_del(fields, "Email");
	assert_int_equal(write_ops(crm, CRM_UPDATE, &op, 1, &err), 0);
	if (op.error.code)
		fail_msg("%s", op.error.text);
	after = fetch(id);
	assert_string_equal(field(&after, "Title"), "Chef");
	assert_null(field(&after, "Email"));
	assert_string_equal(field(&after, "FirstName"), "Test");
	/* Then somebody else, later than our version: refused, and nothing of ours is there. */
	advance(60);
	act("update", json_pack("{s:s, s:{s:s}}", "id", id, "fields", "Department", "Sales"));
	json_object_set_new(fields, "Title", json_string("Koch"));
	op.version = after.version;
	assert_int_equal(write_ops(crm, CRM_UPDATE, &op, 1, &err), 0);
	assert_int_equal(op.error.code, ERR_CONFLICT);
	crm_record_clear(&after);
	after = fetch(id);
	assert_string_equal(field(&after, "Title"), "Chef");
	assert_string_equal(field(&after, "Department"), "Sales");
	assert_false(after.modified_by_us);
	/* A record that is gone. */
	op.version = after.version;
	act("delete", json_pack("{s:s}", "id", id));
	assert_int_equal(write_ops(crm, CRM_UPDATE, &op, 1, &err), 0);
	assert_int_equal(op.error.code, ERR_NOT_FOUND);
	assert_int_equal(write_ops(crm, CRM_DELETE, &op, 1, &err), 0);
	assert_int_equal(op.error.code, ERR_NOT_FOUND);
	crm_record_clear(&before);
	crm_record_clear(&after);
	json_decref(fields);
	json_decref(changed);
	free(id);
}

static void deletions_and_merges_are_pulled(void **state)
{
	char *cursor = NULL, *master = make("master"), *loser = make("loser"), *gone = make("gone");
	struct crm_record seen;
	struct crm_op op = { .id = gone };
	struct error err = ERROR_INIT;

	(void)state;
	pull_all(&cursor, NULL, NULL);
	assert_int_equal(write_ops(crm, CRM_DELETE, &op, 1, &err), 0);
	assert_int_equal(op.error.code, ERR_NONE);
	pull_all(&cursor, gone, &seen);
	assert_true(seen.deleted);
	assert_null(seen.master_id);
	crm_record_clear(&seen);
	act("merge", json_pack("{s:s, s:s}", "master", master, "loser", loser));
	pull_all(&cursor, loser, &seen);
	assert_true(seen.deleted);
	assert_string_equal(seen.master_id, master);
	crm_record_clear(&seen);
	free(master);
	free(loser);
	free(gone);
	free(cursor);
}

/* A long transaction commits with a stamp that the cursor has passed. */
static void late_commits_are_seen(void **state)
{
	char *cursor = NULL, *id = make("late");
	struct crm_record seen;
	json_t *answer;
	json_int_t transaction;

	(void)state;
	answer = sim_process_command(&sim, "POST", "sf/begin",
		json_pack("{s:s, s:{s:s}}", "id", id, "fields", "Title", "Late"));
	transaction = json_integer_value(json_object_get(answer, "transaction"));
	json_decref(answer);
	advance(500);
	free(make("moves-the-cursor"));
	pull_all(&cursor, id, &seen);
	assert_null(field(&seen, "Title"));
	crm_record_clear(&seen);
	act("commit", json_pack("{s:I}", "transaction", transaction));
	pull_all(&cursor, id, &seen);
	assert_string_equal(field(&seen, "Title"), "Late");
	crm_record_clear(&seen);
	free(id);
	free(cursor);
}

static void an_expired_token_is_renewed(void **state)
{
	struct error err = ERROR_INIT;
	json_int_t tokens = sim_process_requests(&sim, "sf:token");
	char *id;

	(void)state;
	act("expire-tokens", json_object());
	id = make("after-expiry");
	assert_int_equal(count_named("after-expiry"), 1);
	assert_int_equal(sim_process_requests(&sim, "sf:token"), tokens + 1);
	assert_int_equal(salesforce_driver.test(crm, &err), 0);
	free(id);
}

/* A match looks at every e-mail field that the org has. */
static void matches_a_field_of_the_org(void **state)
{
	static const char *const addresses[] = { "SECOND.o'brien@new.example" };
	char *id = make("two-addresses");
	struct crm_record *records;
	struct error err = ERROR_INIT;
	struct crm *fresh;
	size_t n;

	(void)state;
	act("field", json_pack("{s:s, s:s, s:s, s:b, s:b}", "object", "Contact", "name",
			     "Second_Email__c", "type", "email", "createable", 1, "updateable", 1));
	act("update", json_pack("{s:s, s:{s:s}}", "id", id, "fields", "Second_Email__c",
			      "second.o'brien@new.example"));
	fresh = open_crm(NULL); /* described anew */
	if (salesforce_driver.match_emails(fresh, KIND_CONTACT, addresses, 1, &records, &n, &err))
		fail_msg("%s", err.text);
	assert_int_equal(n, 1);
	assert_string_equal(records[0].id, id);
	assert_int_equal(json_array_size(records[0].emails), 2);
	crm_records_free(records, n);
	salesforce_driver.close(fresh);
	free(id);
}

static void rights_of_the_org(void **state)
{
	struct field_table table;
	struct error err = ERROR_INIT;
	struct crm *fresh = open_crm(NULL);
	const struct field *row;

	(void)state;
	act("field", json_pack("{s:s, s:s, s:b, s:b, s:i}", "object", "Contact", "name",
			     "AssistantName", "createable", 0, "updateable", 0, "length", 7));
	act("field", json_pack("{s:s, s:s, s:b}", "object", "Contact", "name", "HomePhone",
			     "hidden", 1));
	assert_int_equal(salesforce_driver.fields(fresh, KIND_CONTACT, &table, &err), 0);
	row = field_find(&table, "AssistantName");
	assert_true(row->flags & FIELD_READ_ONLY);
	assert_int_equal(row->max_chars, 7);
	assert_null(field_find(&table, "HomePhone"));
	act("field", json_pack("{s:s, s:s, s:b, s:b, s:i}", "object", "Contact", "name",
			     "AssistantName", "createable", 1, "updateable", 1, "length", 40));
	act("field", json_pack("{s:s, s:s, s:b}", "object", "Contact", "name", "HomePhone",
			     "hidden", 0));
	salesforce_driver.close(fresh);
}

static void refusals_of_one_record(void **state)
{
	static const struct {
		const char *code;
		enum error_code expected;
	} rows[] = {
		{ "UNABLE_TO_LOCK_ROW", ERR_THROTTLED },
		{ "DUPLICATES_DETECTED", ERR_EXISTS },
		{ "FIELD_CUSTOM_VALIDATION_EXCEPTION", ERR_REMOTE },
	};
	json_t *fields = named("refused");
	struct error err = ERROR_INIT;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct crm_op op = { .token = "refused", .fields = fields };

		fault("sf:collections-upsert", "sf-record", rows[i].code);
		assert_int_equal(write_ops(crm, CRM_CREATE, &op, 1, &err), 0);
		assert_int_equal(op.error.code, rows[i].expected);
		assert_non_null(strstr(op.error.text, rows[i].code));
		assert_null(op.new_id);
	}
	assert_int_equal(count_named("refused"), 0);
	assert_int_equal(
		salesforce_driver.back_off_left(crm), 0); /* a locked row holds up nobody else */
	json_decref(fields);
}

/* What a call fails with when the whole answer goes wrong, for a read and for a write. */
static void grades_of_failure(void **state)
{
	static const struct {
		const char *type, *code;
		enum error_code read, write;
	} rows[] = {
		{ "garble", NULL, ERR_REMOTE, ERR_LOST },
		{ "truncate", NULL, ERR_LOST, ERR_LOST },
		{ "drop-after", NULL, ERR_NONE, ERR_LOST }, /* a GET may be sent again */
		{ "sf", "UNKNOWN_EXCEPTION", ERR_REMOTE, ERR_LOST },
		{ "sf", "REQUEST_LIMIT_EXCEEDED", ERR_THROTTLED, ERR_THROTTLED },
		{ "sf", "SERVER_UNAVAILABLE", ERR_THROTTLED, ERR_THROTTLED },
	};
	char *id = make("grades");

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct crm *own = open_crm(NULL); /* with a back-off of its own */
		struct crm_op op = { .id = id };
		struct error err = ERROR_INIT;
		struct crm_page page;

		assert_int_equal(salesforce_driver.test(own, &err), 0);
		fault("sf:queryAll", rows[i].type, rows[i].code);
		assert_int_equal(
			salesforce_driver.pull(own, KIND_CONTACT, NULL, &page, &err), rows[i].read);
		if (!rows[i].read)
			crm_page_clear(&page);
		salesforce_driver.close(own);
		json_decref(sim_process_command(&sim, "DELETE", "faults", NULL));

		own = open_crm(NULL);
		assert_int_equal(salesforce_driver.test(own, &err), 0);
		fault("sf:collections-delete", rows[i].type, rows[i].code);
		assert_int_equal(write_ops(own, CRM_DELETE, &op, 1, &err), rows[i].write);
		assert_int_equal(op.error.code, rows[i].write == ERR_LOST ? ERR_LOST : ERR_UNSENT);
		salesforce_driver.close(own);
		json_decref(sim_process_command(&sim, "DELETE", "faults", NULL));
	}
	free(id);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(signs_in_and_describes, after_each),
		cmocka_unit_test_teardown(finds_the_mailboxes_users, after_each),
		cmocka_unit_test_teardown(wrong_secret, after_each),
		cmocka_unit_test_teardown(a_pull_without_changes_is_one_request, after_each),
		cmocka_unit_test_teardown(creates_in_collections, after_each),
		cmocka_unit_test_teardown(every_field_goes_and_comes, after_each),
		cmocka_unit_test_teardown(accounts_by_name, after_each),
		cmocka_unit_test_teardown(leads_by_address, after_each),
		cmocka_unit_test_teardown(a_lost_create_is_one_contact, after_each),
		cmocka_unit_test_teardown(without_an_external_id_a_lost_create_is_lost, after_each),
		cmocka_unit_test_teardown(updates_only_what_is_unchanged_there, after_each),
		cmocka_unit_test_teardown(deletions_and_merges_are_pulled, after_each),
		cmocka_unit_test_teardown(late_commits_are_seen, after_each),
		cmocka_unit_test_teardown(an_expired_token_is_renewed, after_each),
		cmocka_unit_test_teardown(rights_of_the_org, after_each),
		cmocka_unit_test_teardown(matches_a_field_of_the_org, after_each),
		cmocka_unit_test_teardown(refusals_of_one_record, after_each),
		cmocka_unit_test_teardown(grades_of_failure, after_each),
	};

	(void)argc;
	return sim_org_run(argv[0], tests, ARRAY_SIZE(tests));
}
