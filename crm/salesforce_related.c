/* Accounts and Leads: what a contact's sync asks about other objects.  Nothing is ever written to them.
 *
 * An account is found by its name.  Of several with one name, the one that the mailbox's user can see is
 * meant: UserRecordAccess says who sees what; where we may not ask it, the owner counts as who sees. */
#include "crm/private.h"

#include <stdlib.h>
#include <string.h>

#include "sync/mem.h"

#define ACCESS_MAX 200 /* record ids in one query of UserRecordAccess */

/* ---- accounts ---------------------------------------------------------------------------------- */

/* What is known of the accounts that have one name. */
struct namesakes {
	const char **ids, **owners; /* borrowed from the rows */
	size_t n;
};

static struct namesakes find_namesakes(const json_t *rows, const char *name)
{
	size_t most = json_array_size(rows), i;
	struct namesakes all = { .ids = xcalloc(most, sizeof(char *)),
		.owners = xcalloc(most, sizeof(char *)) };
	char *folded AUTOFREE = salesforce_fold_name(name);
	json_t *row;

	json_array_foreach((json_t *)rows, i, row) {
		char *other AUTOFREE = salesforce_fold_name(member(row, "Name"));

		if (strcmp(folded, other) != 0 || !salesforce_is_id(member(row, "Id")))
			continue;
		all.ids[all.n] = member(row, "Id");
		all.owners[all.n++] = member(row, "OwnerId");
	}
	return all;
}

/* Which of these the user can see, as a set of ids.  NULL and 0: we may not ask. */
static int ask_access(struct crm *crm, const char *user_id, const struct namesakes *all,
	json_t **seen, struct error *err)
{
	struct error refused = ERROR_INIT;
	int rc = 0;

	*seen = json_object();
	for (size_t at = 0; !rc && at < all->n;) {
		struct buf soql AUTOBUF = BUF_INIT(SALESFORCE_QUERY_MAX);
		size_t left = all->n - at, i;
		json_t *rows = NULL, *row;

		buf_adds(&soql,
			"SELECT RecordId,HasReadAccess FROM UserRecordAccess WHERE UserId = ");
		salesforce_add_quoted(&soql, user_id);
		buf_adds(&soql, " AND RecordId IN ");
		at += salesforce_add_values(
			&soql, all->ids + at, left < ACCESS_MAX ? left : ACCESS_MAX);
		rc = salesforce_ask_all(crm, "query", &soql, &rows, &refused);
		json_array_foreach(rows, i, row)
			if (json_is_true(json_object_get(row, "HasReadAccess")) &&
				member(row, "RecordId"))
				json_object_set_new(*seen, member(row, "RecordId"), json_true());
		json_decref(rows);
	}
	if (rc == ERR_REMOTE || rc == ERR_DENIED || rc == ERR_INVALID || rc == ERR_NOT_FOUND) {
		json_decref(*seen);
		*seen = NULL;
		return 0;
	}
	if (rc)
		*err = refused;
	return rc;
}

static int choose(struct crm *crm, const char *user_id, const struct namesakes *all,
	struct crm_account *out, struct error *err)
{
	const char *chosen = all->n == 1 ? all->ids[0] : NULL;
	json_t *seen = NULL;
	size_t hits = 0;
	int rc = 0;

	out->hits = all->n;
	if (all->n > 1 && user_id && salesforce_is_id(user_id)) {
		rc = ask_access(crm, user_id, all, &seen, err);
		for (size_t i = 0; !rc && i < all->n; i++) {
			bool sees = seen ? json_object_get(seen, all->ids[i]) != NULL
					 : all->owners[i] && !strncmp(all->owners[i], user_id, 15);

			hits += sees;
			chosen = sees ? all->ids[i] : chosen;
		}
		if (hits != 1)
			chosen = NULL;
		json_decref(seen);
	}
	out->id = rc ? NULL : xstrdup(chosen);
	return rc;
}

static int match_trimmed(struct crm *crm, const char *user_id, const char *const *names, size_t n,
	struct crm_account *accounts, struct error *err)
{
	int rc = 0;

	for (size_t at = 0, taken; !rc && at < n; at += taken) {
		struct buf soql AUTOBUF = BUF_INIT(SALESFORCE_QUERY_MAX);
		json_t *rows = NULL;

		buf_adds(&soql, "SELECT Id,Name,OwnerId FROM Account WHERE Name IN ");
		taken = salesforce_add_values(&soql, names + at, n - at);
		rc = salesforce_ask_all(crm, "query", &soql, &rows, err);
		for (size_t i = at; !rc && i < at + taken; i++) {
			struct namesakes all = find_namesakes(rows, names[i]);

			rc = choose(crm, user_id, &all, &accounts[i], err);
			free(all.ids);
			free(all.owners);
		}
		json_decref(rows);
	}
	return rc;
}

int salesforce_match_accounts(struct crm *crm, const char *user_id, const char *const *names,
	size_t n, struct crm_account *accounts, struct error *err)
{
	char **trimmed = xcalloc(n, sizeof(*trimmed));
	int rc;

	memset(accounts, 0, n * sizeof(*accounts));
	for (size_t i = 0; i < n; i++)
		trimmed[i] = salesforce_trim(names[i]);
	rc = match_trimmed(crm, user_id, (const char *const *)trimmed, n, accounts, err);
	for (size_t i = 0; i < n; i++) {
		free(trimmed[i]);
		if (rc) {
			free(accounts[i].id);
			accounts[i].id = NULL;
		}
	}
	free(trimmed);
	return rc;
}

/* ---- leads ------------------------------------------------------------------------------------- */

/* The description of Lead, asked for once.  An org without leads, or that hides them, has none. */
static int describe_lead(struct crm *crm, const struct salesforce_object **lead, struct error *err)
{
	struct salesforce_call call = { .method = "GET",
		.path = SALESFORCE_PATH "/sobjects/Lead/describe",
		.operation = "describe" };
	json_t *nothing = json_pack("{s:[]}", "fields");
	int rc = 0;

	pthread_mutex_lock(&crm->describe_lock);
	if (!crm->lead) {
		rc = salesforce_send(crm, &call, err);
		if (call.status == 404 || call.status == 403)
			rc = salesforce_read_emails_describe(nothing, "Lead", &crm->lead, err);
		else if (!rc)
			rc = salesforce_read_emails_describe(call.answer, "Lead", &crm->lead, err);
		json_decref(call.answer);
	}
	*lead = crm->lead;
	pthread_mutex_unlock(&crm->describe_lock);
	json_decref(nothing);
	return rc;
}

static void add_lead_query(
	struct buf *soql, const struct salesforce_object *lead, const char *values)
{
	buf_adds(soql, "SELECT Id");
	for (size_t i = 0; i < lead->n_emails; i++)
		buf_addf(soql, ",%s", lead->emails[i]);
	buf_adds(soql, " FROM Lead WHERE IsConverted = false AND (");
	for (size_t i = 0; i < lead->n_emails; i++)
		buf_addf(soql, "%s%s IN %s", i ? " OR " : "", lead->emails[i], values);
	buf_addc(soql, ')');
}

/* Adds the lead to the list of each of the addresses that it has. */
static void note_lead(const json_t *row, const struct salesforce_object *lead,
	const char *const *addresses, size_t n, json_t *found)
{
	for (size_t i = 0; i < n; i++) {
		char *address AUTOFREE = salesforce_fold(addresses[i]);
		bool has = false;
		json_t *ids;

		for (size_t j = 0; j < lead->n_emails; j++) {
			const char *text = member(row, lead->emails[j]);
			char *folded AUTOFREE = salesforce_fold(text ? text : "");

			has |= *folded && !strcmp(folded, address);
		}
		if (!has || !salesforce_is_id(member(row, "Id")))
			continue;
		ids = json_object_get(found, addresses[i]);
		if (!ids) {
			ids = json_array();
			json_object_set_new(found, addresses[i], ids);
		}
		json_array_append_new(ids, json_string(member(row, "Id")));
	}
}

int salesforce_match_leads(
	struct crm *crm, const char *const *addresses, size_t n, json_t **found, struct error *err)
{
	const struct salesforce_object *lead;
	int rc = describe_lead(crm, &lead, err);

	*found = json_object();
	for (size_t at = 0; !rc && lead->n_emails && at < n;) {
		struct buf soql AUTOBUF = BUF_INIT(SALESFORCE_QUERY_MAX);
		struct buf values AUTOBUF = BUF_INIT(SALESFORCE_QUERY_MAX);
		size_t most = SALESFORCE_COLLECTION / lead->n_emails, taken, i;
		json_t *rows = NULL, *row;

		most = most ? most : 1; /* each field repeats the list */
		taken = salesforce_add_values(
			&values, addresses + at, n - at < most ? n - at : most);
		add_lead_query(&soql, lead, buf_str(&values));
		rc = salesforce_ask_all(crm, "query", &soql, &rows, err);
		json_array_foreach(rows, i, row)
			note_lead(row, lead, addresses + at, taken, *found);
		json_decref(rows);
		at += taken;
	}
	if (rc) {
		json_decref(*found);
		*found = NULL;
	}
	return rc;
}
