/* What the simulator begins with.
 *
 * Always: the three mailboxes of a small sales team, a service account that may impersonate them,
 * and in Salesforce their users, the integration user that the gateway signs in as, and a sales
 * administrator.  `demo` adds a believable company (seed_people.c), a number that many generated
 * contacts a mailbox, a file its own mailboxes and records instead.  The same seed always gives the
 * same content; only the demo's appointments and tasks lie around the day it starts. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sync/mem.h"
#include "tests/sim/core.h"
#include "tests/sim/people.h"

static const struct {
	const char *address, *given, *surname, *password;
} team[] = {
	{ "alice.moreau@corp.example", "Alice", "Moreau", "alice-password" },
	{ "bob.tanaka@corp.example", "Bob", "Tanaka", "bob-password" },
	{ "carol.silva@corp.example", "Carol", "Silva", "carol-password" },
};

static void put(json_t *object, const char *key, const char *value)
{
	if (value && *value)
		json_object_set_new(object, key, json_string(value));
}

static void putf(json_t *object, const char *key, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static void putf(json_t *object, const char *key, const char *fmt, ...)
{
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	put(object, key, text);
}

/* People who sign in ---------------------------------------------------------------------- */

static const char *add_crm_user(struct sim *sim, const char *address, const char *given,
	const char *surname, const char *password)
{
	json_t *fields = json_object();
	const char *id;

	put(fields, "Username", address);
	put(fields, "Email", address);
	put(fields, "FirstName", given);
	put(fields, "LastName", surname);
	putf(fields, "Alias", "%.4s%.4s", given, surname);
	putf(fields, "CommunityNickname", "%.*s", (int)strcspn(address, "@"), address);
	put(fields, "TimeZoneSidKey", "Europe/Berlin");
	json_object_set_new(fields, "IsActive", json_true());
	id = sf_seed(sim->sf, "User", fields);
	json_decref(fields);
	if (id)
		sf_add_login(sim->sf, id, address, password);
	return id;
}

static void add_mailbox(struct sim *sim, struct seed *seed, const char *address, const char *given,
	const char *surname, const char *password)
{
	const char *id = add_crm_user(sim, address, given, surname, password);
	char *name AUTOFREE = xasprintf("%s%s%s", given, *given ? " " : "", surname);

	ews_add_mailbox(sim->ews, address, name, password);
	json_array_append_new(
		seed->mailboxes, json_pack("{s:s, s:s, s:s, s:s?}", "address", address, "name",
					 name, "password", password, "crm_user_id", id));
}

static void add_services(struct sim *sim, struct seed *seed)
{
	seed->service_user = "svc-tandem@corp.example";
	seed->service_password = "tandem-service-password";
	seed->client_id = "tandem-client";
	seed->client_secret = "tandem-client-secret";
	ews_add_account(sim->ews, seed->service_user, seed->service_password);
	/* The first user is the one that the application runs as. */
	add_crm_user(
		sim, "integration@corp.example", "Tandem", "Integration", "integration-password");
	add_crm_user(sim, "dana.whitfield@corp.example", "Dana", "Whitfield", "dana-password");
	sf_set_client(sim->sf, seed->client_id, seed->client_secret);
}

static void add_team(struct sim *sim, struct seed *seed)
{
	for (size_t i = 0; i < ARRAY_SIZE(team); i++)
		add_mailbox(sim, seed, team[i].address, team[i].given, team[i].surname,
			team[i].password);
}

static const char *crm_user(const struct seed *seed, const char *address)
{
	size_t i;
	json_t *box;

	json_array_foreach(seed->mailboxes, i, box)
		if (strcmp(json_string_value(json_object_get(box, "address")), address) == 0)
			return json_string_value(json_object_get(box, "crm_user_id"));
	return NULL;
}

/* The demo company ------------------------------------------------------------------------ */

static const char *const notes[] = {
	"Met at the trade fair in Hannover. Prefers to be called before ten.",
	"Asked for the new price list; send it once it is approved.",
	"Speaks French and English.\nAssistant handles the diary.",
	"Renewal is due in autumn. Last visit: very satisfied with delivery times.",
};

static void put_company(json_t *contact, const struct seed_company *co, size_t row)
{
	put(contact, "CompanyName", co->name);
	put(contact, "Business/Street", co->street);
	put(contact, "Business/City", co->city);
	put(contact, "Business/State", co->state);
	put(contact, "Business/PostalCode", co->postal);
	put(contact, "Business/CountryOrRegion", co->country);
	putf(contact, "BusinessPhone", "%s %04zu", co->phone, 1000 + row * 37 % 9000);
	if (row % 5 == 0)
		putf(contact, "BusinessFax", "%s %04zu", co->phone, 9000 + row);
}

/* As Outlook files a person: "Surname, Given". */
static void put_names(json_t *contact, const struct seed_person *p)
{
	const char *gap = *p->given && *p->surname ? " " : "";

	put(contact, "GivenName", p->given);
	put(contact, "MiddleName", p->middle);
	put(contact, "Surname", p->surname);
	if (!*p->given && !*p->surname) { /* a shop: the name stands in `local` */
		put(contact, "CompanyName", p->local);
		put(contact, "DisplayName", p->local);
		put(contact, "FileAs", p->local);
		return;
	}
	putf(contact, "DisplayName", "%s%s%s%s%s", p->given, *p->middle ? " " : "", p->middle, gap,
		p->surname);
	putf(contact, "FileAs", "%s%s%s", p->surname, *gap ? ", " : "", p->given);
}

static json_t *demo_contact(size_t row)
{
	const struct seed_person *p = &seed_people[row];
	const struct seed_company *co = p->company >= 0 ? &seed_companies[p->company] : NULL;
	json_t *contact = json_object();

	put_names(contact, p);
	put(contact, "JobTitle", p->title);
	put(contact, "Department", p->department);
	if (co)
		put_company(contact, co, row);
	if (*p->local && (*p->given || *p->surname))
		putf(contact, "EmailAddress1", "%s@%s", p->local, co ? co->domain : "mail.example");
	if (row % 11 == 3 && co)
		putf(contact, "EmailAddress2", "%s@mail.example", p->local);
	if (row % 2 == 0)
		putf(contact, "MobilePhone", "+49 171 55%05zu", 10000 + row * 617 % 89999);
	if (!co || row % 9 == 4)
		putf(contact, "HomePhone", "+49 30 55%04zu", 1000 + row * 53 % 8999);
	if (row % 6 == 1)
		putf(contact, "Birthday", "%04zu-%02zu-%02zu", 1958 + row * 7 % 40, 1 + row % 12,
			1 + row * 11 % 28);
	if (row % 7 == 2)
		put(contact, "Body", notes[row / 7 % ARRAY_SIZE(notes)]);
	if (row % 13 == 5 && co)
		put(contact, "AssistantName", "Robin Keller");
	if (row % 10 == 6)
		json_object_set_new(contact, "Categories", json_pack("[s]", "Key account"));
	return contact;
}

static json_t *demo_crm_contact(size_t row, const char *account, const char *owner)
{
	const struct seed_person *p = &seed_people[row];
	const struct seed_company *co = &seed_companies[p->company];
	json_t *fields = json_object();

	put(fields, "FirstName", p->given);
	put(fields, "MiddleName", p->middle);
	put(fields, "LastName", p->surname);
	putf(fields, "Email", "%s@%s", p->local, co->domain);
	put(fields, "Title", p->title);
	put(fields, "AccountId", account);
	put(fields, "OwnerId", owner);
	putf(fields, "Phone", "%s %04zu", co->phone, 1000 + row * 37 % 9000);
	if (row % 3 == 0)
		put(fields, "LeadSource", "Trade Show");
	if (row % 4 == 1) {
		put(fields, "MailingStreet", co->street);
		put(fields, "MailingCity", co->city);
		put(fields, "MailingPostalCode", co->postal);
		put(fields, "MailingCountry", co->country);
	}
	return fields;
}

static void demo_accounts(struct sim *sim, const struct seed *seed, const char **ids)
{
	for (size_t i = 0; i < seed_n_companies; i++) {
		const struct seed_company *co = &seed_companies[i];
		json_t *fields = json_object();

		put(fields, "Name", co->name);
		put(fields, "BillingStreet", co->street);
		put(fields, "BillingCity", co->city);
		put(fields, "BillingState", co->state);
		put(fields, "BillingPostalCode", co->postal);
		put(fields, "BillingCountry", co->country);
		putf(fields, "Phone", "%s 0", co->phone);
		putf(fields, "Website", "https://www.%s", co->domain);
		put(fields, "Type", i % 3 ? "Customer - Direct" : "Prospect");
		put(fields, "OwnerId", crm_user(seed, team[i % ARRAY_SIZE(team)].address));
		ids[i] = sf_seed(sim->sf, "Account", fields);
		json_decref(fields);
	}
}

/* Records of the CRM that no mailbox knows. */
static void demo_strangers(struct sim *sim, const struct seed *seed, const char **accounts)
{
	static const char *const names[][2] = { { "Gregor", "Hollenstein" },
		{ "Yvonne", "Castellan" }, { "Peter", "Marlowe" }, { "Amina", "Haddad" },
		{ "Henrik", "Dahl" }, { "Sabine", "Aumann" }, { "Rafael", "Monteiro" },
		{ "Judith", "Sandoval" } };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		size_t co = i * 3 % seed_n_companies;
		json_t *fields = json_object();

		put(fields, "FirstName", names[i][0]);
		put(fields, "LastName", names[i][1]);
		putf(fields, "Email", "%c%s@%s", names[i][0][0] + 32, names[i][1],
			seed_companies[co].domain);
		put(fields, "AccountId", accounts[co]);
		put(fields, "OwnerId", crm_user(seed, team[i % ARRAY_SIZE(team)].address));
		sf_seed(sim->sf, "Contact", fields);
		json_decref(fields);
	}
}

static void demo_leads(struct sim *sim, const struct seed *seed)
{
	static const char *const names[][3] = { { "Silvia", "Marchetti", "Caffè Marchetti" },
		{ "Anders", "Bergström", "Bergström Bygg" },
		{ "Nora", "Whelan", "Whelan Seafood" } };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		json_t *fields = json_object();

		put(fields, "FirstName", names[i][0]);
		put(fields, "LastName", names[i][1]);
		put(fields, "Company", names[i][2]);
		putf(fields, "Email", "lead%zu@mail.example", i + 1);
		put(fields, "OwnerId", crm_user(seed, team[i].address));
		sf_seed(sim->sf, "Lead", fields);
		json_decref(fields);
	}
}

static int seed_demo(struct sim *sim, struct seed *seed, struct error *err)
{
	const char **accounts = xcalloc(seed_n_companies, sizeof(*accounts));

	demo_accounts(sim, seed, accounts);
	for (size_t row = 0; row < seed_n_people; row++) {
		const struct seed_person *p = &seed_people[row];
		json_t *contact = demo_contact(row);
		const char *owner = NULL;

		for (size_t i = 0; i < ARRAY_SIZE(team); i++) {
			if (!(p->owners & 1u << i))
				continue;
			ews_add_contact(sim->ews, team[i].address, "contacts", contact);
			owner = owner ? owner : team[i].address;
		}
		json_decref(contact);
		if (p->in_crm && p->company >= 0) {
			json_t *fields = demo_crm_contact(
				row, accounts[p->company], crm_user(seed, owner));

			sf_seed(sim->sf, "Contact", fields);
			json_decref(fields);
		}
	}
	demo_strangers(sim, seed, accounts);
	demo_leads(sim, seed);
	free(accounts);
	for (size_t i = 0; i < ARRAY_SIZE(team); i++)
		if (seed_demo_calendar(sim, team[i].address, 1u << i, err))
			return -1;
	return 0;
}

/* Generated mailboxes --------------------------------------------------------------------- */

static const char *const given_names[] = { "Ada", "Ben", "Clara", "David", "Edith", "Félix",
	"Greta", "Hugo", "Irma", "Jonas", "Käthe", "Leo", "Mina", "Nuno", "Olga", "Piet", "Rosa",
	"Søren", "Tilda", "Uwe", "Vera", "Willem", "Zoë" };
static const char *const surnames[] = { "Adler", "Brandão", "Castro", "Dietz", "Eriksen", "Fuchs",
	"García", "Hansen", "Ito", "Jansen", "Kramer", "Larsen", "Müller", "Novák", "Olsen",
	"Petit", "Quist", "Romano", "Schmidt", "Turner", "Ueda", "Vogel", "Weber", "Xu", "Young",
	"Zimmer", "Østergaard", "Pérez", "Lemaire" };

static json_t *generated_contact(size_t box, size_t i)
{
	const char *given = given_names[i % ARRAY_SIZE(given_names)];
	const char *surname = surnames[i / 3 % ARRAY_SIZE(surnames)];
	const struct seed_company *co = &seed_companies[i % seed_n_companies];
	json_t *contact = json_object();

	put(contact, "GivenName", given);
	put(contact, "Surname", surname);
	putf(contact, "DisplayName", "%s %s %zu", given, surname, i + 1);
	putf(contact, "FileAs", "%s, %s", surname, given);
	putf(contact, "EmailAddress1", "person%zu.%c@%s", i + 1, "abc"[box], co -> domain);
	put(contact, "CompanyName", co->name);
	if (i % 2)
		putf(contact, "BusinessPhone", "%s %05zu", co->phone, i);
	if (i % 3 == 0)
		putf(contact, "MobilePhone", "+49 171 %07zu", i * 7919 % 9999999);
	if (i % 4 == 0) {
		put(contact, "Business/Street", co->street);
		put(contact, "Business/City", co->city);
		put(contact, "Business/PostalCode", co->postal);
	}
	if (i % 10 == 0)
		put(contact, "JobTitle", "Manager");
	return contact;
}

static void seed_number(struct sim *sim, unsigned long n)
{
	for (size_t box = 0; box < ARRAY_SIZE(team); box++) {
		for (size_t i = 0; i < n; i++) {
			json_t *contact = generated_contact(box, i);

			ews_add_contact(sim->ews, team[box].address, "contacts", contact);
			json_decref(contact);
		}
	}
}

/* A seed file ----------------------------------------------------------------------------- */

static const char *get(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

static int file_mailbox(struct sim *sim, struct seed *seed, const json_t *box, struct error *err)
{
	const char *address = get(box, "address");
	const char *name = get(box, "name");
	const char *password = get(box, "password");
	const char *space = name ? strrchr(name, ' ') : NULL;
	char *given AUTOFREE = space ? xstrndup(name, (size_t)(space - name)) : xstrdup("");
	static const char *const kinds[] = { "calendar", "tasks" };
	json_t *contact, *item;
	size_t i;

	if (!address)
		return error_set(err, ERR_INVALID, "seed: a mailbox has no address");
	if (!name)
		name = address;
	add_mailbox(sim, seed, address, given, space ? space + 1 : name,
		password ? password : "password");
	json_array_foreach(json_object_get(box, "contacts"), i, contact) {
		json_t *copy = json_copy(contact);
		const char *folder = get(contact, "folder");

		json_object_del(copy, "folder");
		ews_add_contact(sim->ews, address, folder ? folder : "contacts", copy);
		json_decref(copy);
	}
	for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
		json_array_foreach(json_object_get(box, kinds[k]), i, item)
			if (ews_add_item(sim->ews, address, kinds[k], item, err))
				return -1;
	}
	return 0;
}

/* "Owner": an address, "Account": the name of an account seeded before, else fields as they are. */
static int file_record(struct sim *sim, const struct seed *seed, const char *object,
	const json_t *record, json_t *accounts, struct error *err)
{
	json_t *fields = json_copy((json_t *)record);
	const char *owner = get(record, "Owner");
	const char *account = get(record, "Account");
	const char *id;

	json_object_del(fields, "Owner");
	json_object_del(fields, "Account");
	if (owner)
		put(fields, "OwnerId", crm_user(seed, owner));
	if (account)
		put(fields, "AccountId", get(accounts, account));
	id = sf_seed(sim->sf, object, fields);
	json_decref(fields);
	if (!id)
		return error_set(err, ERR_INVALID, "seed: Salesforce takes no such %s", object);
	if (strcmp(object, "Account") == 0 && get(record, "Name"))
		put(accounts, get(record, "Name"), id);
	return 0;
}

static int seed_file(struct sim *sim, struct seed *seed, const char *path, struct error *err)
{
	static const char *const objects[] = { "User", "Account", "Contact", "Lead", "Event",
		"Task" };
	json_error_t why;
	json_t *root = json_load_file(path, 0, &why);
	json_t *accounts = json_object();
	json_t *entry;
	size_t i;
	int rc = 0;

	if (!root)
		rc = error_set(err, ERR_INVALID, "%s:%d: %s", path, why.line, why.text);
	json_array_foreach(json_object_get(root, "mailboxes"), i, entry)
		if (rc == 0)
			rc = file_mailbox(sim, seed, entry, err);
	for (size_t o = 0; rc == 0 && o < ARRAY_SIZE(objects); o++) {
		json_t *records = json_object_get(json_object_get(root, "salesforce"), objects[o]);

		json_array_foreach(records, i, entry)
			if (rc == 0)
				rc = file_record(sim, seed, objects[o], entry, accounts, err);
	}
	json_decref(accounts);
	json_decref(root);
	return rc;
}

int seed_fill(struct sim *sim, const char *what, struct seed *seed, struct error *err)
{
	char *end;
	unsigned long n = what ? strtoul(what, &end, 10) : 0;
	bool is_number = what && *what && !*end;

	seed->mailboxes = json_array();
	add_services(sim, seed);
	if (what && !is_number && strcmp(what, "demo") != 0)
		return seed_file(sim, seed, what, err);
	add_team(sim, seed);
	if (is_number)
		seed_number(sim, n);
	else if (what)
		return seed_demo(sim, seed, err);
	return 0;
}

void seed_free(struct seed *seed)
{
	json_decref(seed->mailboxes);
	seed->mailboxes = NULL;
}
