/* The configuration file: what is taken, what is refused and where, secrets, users and policies. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mountopts/config.h"
#include "mountopts/users.h"
#include "sync/mem.h"

static char dir[] = "/tmp/tandem-config-XXXXXX";

static void put(const char *name, const char *text, mode_t mode)
{
	char *path = xasprintf("%s/%s", dir, name);
	FILE *f;

	unlink(path);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	assert_int_equal(chmod(path, mode), 0);
	free(path);
}

static int load(struct config **config, const char *text, struct error *err)
{
	char *path = xasprintf("%s/tandemfs.conf", dir);
	int rc;

	put("tandemfs.conf", text, 0644);
	rc = config_load(config, path, err);
	free(path);
	return rc;
}

#define EXCHANGE                                                                                   \
	"[exchange]\nurl = https://mail.corp.example/EWS/Exchange.asmx\nuser = CORP\\svc\n"        \
	"password-file = exchange.secret\n"
#define CRM                                                                                        \
	"[crm]\nurl = https://corp.my.salesforce.com\nclient-id = 3MVG9\nclient-secret-file = "    \
	"crm.secret\n"
#define USER "[user \"Alice@Corp.example\"]\n"

static struct config *good(const char *text)
{
	struct config *config = NULL;
	struct error err = ERROR_INIT;

	if (load(&config, text, &err))
		fail_msg("%s", err.text);
	return config;
}

/* Loading must fail with a text that ends in `why` after the directory's name. */
static void bad(const char *text, const char *why)
{
	struct config *config = NULL;
	struct error err = ERROR_INIT;

	assert_int_equal(load(&config, text, &err), ERR_INVALID);
	if (!strstr(err.text, why))
		fail_msg("\"%s\" does not hold \"%s\"", err.text, why);
	assert_memory_equal(err.text, dir, strlen(dir));
}

static void defaults(void **state)
{
	struct config *c = good(EXCHANGE USER);

	(void)state;
	assert_string_equal(c->exchange_url, "https://mail.corp.example/EWS/Exchange.asmx");
	assert_string_equal(c->exchange_user, "CORP\\svc");
	assert_string_equal(c->exchange_password, "pass word ");
	assert_true(c->impersonate);
	assert_null(c->crm_driver);
	assert_int_equal(c->interval_s, 300);
	assert_int_equal(c->quiet_ms, 2000);
	assert_int_equal(c->quiet_max_ms, 30000);
	assert_int_equal(c->remove_quiet_ms, 10000);
	assert_int_equal(c->workers, 2);
	assert_int_equal(c->conflict, CONFLICT_EXCHANGE);
	assert_int_equal(c->max_delete, 20);
	assert_int_equal(c->max_create, 1000);
	assert_int_equal(c->n_users, 1);
	assert_string_equal(c->users[0].address, "alice@corp.example");
	assert_string_equal(c->users[0].name, "alice@corp.example");
	assert_null(c->users[0].policy);
	assert_int_equal(c->users[0].uid, geteuid());
	assert_ptr_equal(config_find_user(c, "ALICE@corp.EXAMPLE"), &c->users[0]);
	assert_null(config_find_user(c, "bob@corp.example"));
	config_free(c);
}

/* Every key with a value that is not its default. */
static const char everything[] =
	"; comment\n" EXCHANGE "access = delegate\nca-file = ca.pem\n" CRM
	"driver = salesforce\nexternal-id-field = Tandem_Id__c\ndaily-reserve = "
	"50\nca-file = /etc/ca.pem\n"
	"[sync]\ninterval = 0.05\nquiet = 0.25\nremove-quiet = 1.5\nworkers = 4\nconflict "
	"= newest\n"
	"max-delete = 7\nmax-create = 0\ncache = cache ; here\n"
	"[policy \"sales\"]\nusers = *@Corp.example,\n  carol@other.example\nfolder = CRM "
	"sync\n"
	"categories = CRM, Vertrieb\nexclude = Nein\nmark = Synced\ncontacts-mode = all\n"
	"contacts-direction = to-crm\ncontacts-remove = both\ncalendar-mode = off\n"
	"tasks-import = visible\ncalendar-limit = last-180-days\ncalendar-series = off\n"
	"[policy \"rest\"]\nusers = *\n" USER
	"name = Alice Ä\ncrm-user = 005000000000001AAA\nuid = 1234\n"
	"gid = 4321\ntimezone = Europe/Berlin\n[user \"dave@third.example\"]\n";

static void servers_and_cycles(void **state)
{
	struct config *c = good(everything);
	char *cache AUTOFREE = xasprintf("%s/cache", dir),
		    *ca AUTOFREE = xasprintf("%s/ca.pem", dir);

	(void)state;
	assert_false(c->impersonate);
	assert_string_equal(c->exchange_ca_file, ca);
	assert_string_equal(c->crm_driver, "salesforce");
	assert_string_equal(c->crm_client_id, "3MVG9");
	assert_string_equal(c->crm_client_secret, "hush");
	assert_string_equal(c->crm_external_id_field, "Tandem_Id__c");
	assert_int_equal(c->crm_daily_reserve, 50);
	assert_string_equal(c->crm_ca_file, "/etc/ca.pem");
	assert_int_equal(c->interval_s, 3);
	assert_int_equal(c->quiet_ms, 250);
	assert_int_equal(c->quiet_max_ms, 3750);
	assert_int_equal(c->remove_quiet_ms, 1500);
	assert_int_equal(c->workers, 4);
	assert_int_equal(c->conflict, CONFLICT_NEWEST);
	assert_int_equal(c->max_delete, 7);
	assert_int_equal(c->max_create, 0);
	assert_string_equal(c->cache_dir, cache);
	config_free(c);
}

static void policies_with_their_rules(void **state)
{
	struct config *c = good(everything);
	const struct config_policy *p = &c->policies[0];

	(void)state;
	assert_int_equal(c->n_policies, 2);
	assert_int_equal(p->n_users, 2);
	assert_string_equal(p->folder, "CRM sync");
	assert_int_equal(p->n_categories, 2);
	assert_string_equal(p->categories[1], "Vertrieb");
	assert_string_equal(p->exclude, "Nein");
	assert_string_equal(p->mark, "Synced");
	assert_int_equal(p->rules[CONFIG_CONTACTS].mode, MODE_ALL);
	assert_int_equal(p->rules[CONFIG_CONTACTS].import, IMPORT_OWNED); /* follows mode all */
	assert_int_equal(p->rules[CONFIG_CONTACTS].direction, DIRECTION_TO_CRM);
	assert_int_equal(p->rules[CONFIG_CONTACTS].remove, REMOVE_BOTH);
	assert_int_equal(p->rules[CONFIG_CALENDAR].mode, MODE_OFF);
	assert_int_equal(p->rules[CONFIG_TASKS].import, IMPORT_VISIBLE);
	assert_int_equal(p->event_days, 180);
	assert_false(p->event_series);
	assert_int_equal(c->policies[1].event_days, 0); /* today */
	assert_true(c->policies[1].event_series);
	assert_int_equal(c->policies[1].rules[CONFIG_CONTACTS].import, IMPORT_OFF);
	config_free(c);
}

static void users_and_whose_policy_is_theirs(void **state)
{
	struct config *c = good(everything);
	const struct config_policy *p = &c->policies[0];

	(void)state;
	assert_int_equal(c->n_users, 3); /* carol's plain address counts */
	assert_string_equal(c->users[0].name, "Alice Ä");
	assert_int_equal(c->users[0].uid, 1234);
	assert_int_equal(c->users[0].gid, 4321);
	assert_string_equal(c->users[0].timezone, "Europe/Berlin");
	assert_ptr_equal(c->users[0].policy, p);
	assert_ptr_equal(config_find_user(c, "carol@other.example")->policy, p);
	assert_ptr_equal(config_find_user(c, "dave@third.example")->policy, &c->policies[1]);
	config_free(c);
}

static void a_crm_without_policy_gets_the_default(void **state)
{
	struct config *c = good(EXCHANGE CRM USER);

	(void)state;
	assert_int_equal(c->n_policies, 1);
	assert_ptr_equal(c->users[0].policy, &c->policies[0]);
	assert_string_equal(c->policies[0].folder, "Salesforce_Sync");
	assert_string_equal(c->policies[0].categories[0], "CRM");
	assert_string_equal(c->policies[0].exclude, "DoNotSync");
	assert_null(c->policies[0].mark);
	assert_int_equal(c->policies[0].rules[CONFIG_CONTACTS].mode, MODE_DESIGNATED);
	assert_int_equal(c->policies[0].rules[CONFIG_CONTACTS].import, IMPORT_OFF);
	assert_int_equal(c->policies[0].rules[CONFIG_CONTACTS].remove, REMOVE_NONE);
	assert_int_equal(c->crm_daily_reserve, 1000);
	config_free(c);
}

static void long_names_are_whole(void **state)
{
	/* inih keeps 50 characters of a section's name. */
	struct config *c = good(EXCHANGE
		"[user "
		"\"a.very.long.name.of.a.person.who.signs.in@a.long.subdomain.corp.example\"]\n"
		"[policy \"p\"]\nusers = *@a.long.subdomain.corp.example\n");

	(void)state;
	assert_string_equal(c->users[0].address,
		"a.very.long.name.of.a.person.who.signs.in@a.long.subdomain.corp.example");
	assert_non_null(c->users[0].policy);
	config_free(c);
}

struct refusal {
	const char *text, *why;
};

static void refuse(const struct refusal *rows, size_t n)
{
	for (size_t i = 0; i < n; i++)
		bad(rows[i].text, rows[i].why);
}

/* Lines that are none of the format. */
static const struct refusal bad_lines[] = {
	{ EXCHANGE "usr = x\n", "tandemfs.conf:5: [exchange] usr: is not a key of this section" },
	{ "[exchang]\n", "tandemfs.conf:1: unknown section [exchang]" },
	{ "\n\nurl = x\n", "tandemfs.conf:3: url stands before the first section" },
	{ "[exchange]\nnonsense\n", "tandemfs.conf:2: neither a section nor key = value" },
	{ "[exchange\n", "tandemfs.conf:1: not a section header" },
	{ "[exchange] x\n", "tandemfs.conf:1: not a section header" },
	{ "[user alice@corp.example]\n", ":1: not a section header" },
	{ "[user]\n", ":1: the section is written [user \"NAME\"]" },
	{ "[sync \"x\"]\n", ":1: the section is written [sync]" },
	{ EXCHANGE " [sync]\n", ":5: a section header must not be indented" },
};

/* [exchange], [crm] and [sync]. */
static const struct refusal bad_servers[] = {
	{ "[exchange]\nurl = ftp://x/\n", ":2: [exchange] url: is not an https:// URL" },
	{ "[exchange]\nurl = http://mail.corp.example/\n", ":2: [exchange] url: sends passwords" },
	{ "[exchange]\nurl = http://localhost.evil.example/\n",
		":2: [exchange] url: sends passwords" },
	{ "[exchange]\nurl = https://u:p@x/\n", ":2: [exchange] url: holds a character" },
	{ "[exchange]\nurl = https:///x\n", ":2: [exchange] url: names no host" },
	{ "[exchange]\nuser =\n", ":2: [exchange] user: is empty" },
	{ "[exchange]\nuser = a\nuser = b\n", ":3: [exchange] user: is given twice" },
	{ "[exchange]\nuser = a\n b\n", ":3: [exchange] user: is given twice" },
	{ "[exchange]\n[exchange]\n", ":2: [exchange] stands here twice" },
	{ "[exchange]\naccess = all\n",
		":2: [exchange] access: \"all\" is none of delegate, impersonation" },
	{ "[exchange]\npassword-file = none\n", "/none: No such file" },
	{ "[crm]\ndriver = siebel\n", ":2: [crm] driver: \"siebel\" is none of salesforce" },
	{ "[crm]\nexternal-id-field = Id' OR\n", ":2: [crm] external-id-field: \"Id' OR\" is not" },
	{ "[crm]\ndaily-reserve = -1\n", ":2: [crm] daily-reserve: \"-1\" is not a number" },
	{ "[sync]\nworkers = 0\n", ":2: [sync] workers: 0 is not between 1 and 64" },
	{ "[sync]\nworkers = 99999999999999999999\n", "is not a number" },
	{ "[sync]\ninterval = 5m\n", ":2: [sync] interval: \"5m\" is not a number" },
	{ "[sync]\ninterval = 0\n", ":2: [sync] interval: is shorter than a second" },
	{ "[sync]\nquiet = 100000000\n", "is more than 86400" },
};

/* Policies and users. */
static const struct refusal bad_policies[] = {
	{ "[policy \"p\"]\nmail-mode = all\n", ":2: [policy \"p\"] mail-mode: is not a key" },
	{ "[policy \"p\"]\ncontacts-mode = some\n",
		":2: [policy \"p\"] contacts-mode: \"some\" is none of off, all, "
		"designated" },
	{ "[policy \"p\"]\ncalendar-limit = last-181-days\n",
		"calendar-limit: 181 days are more than 180" },
	{ "[policy \"p\"]\ncalendar-limit = last--days\n", "\"last--days\" is none of" },
	{ "[policy \"p\"]\ncalendar-limit = last--1-days\n", "is none of today" },
	{ "[policy \"p\"]\ncalendar-limit = last-9-dayss\n", "is none of today" },
	{ "[policy \"p\"]\ncalendar-limit = last-9-day\n", "is none of today" },
	{ "[policy \"p\"]\ncalendar-limit = yesterday\n", "is none of today, last-month" },
	{ "[policy \"p\"]\ntasks-limit = today\n", "tasks-limit: is not a key" },
	{ "[policy \"p\"]\ncalendar-series = maybe\n", "\"maybe\" is none of off, on" },
	{ "[policy \"p\"]\nfolder = a/b\n", "cannot be the name of a folder" },
	{ "[policy \"p\"]\n[policy \"p\"]\n", ":2: [policy \"p\"] stands here twice" },
	{ "[user \"../etc@x\"]\n", ":1: \"../etc@x\" is not an e-mail address" },
	{ "[user \"alice\"]\n", ":1: \"alice\" is not an e-mail address" },
	{ "[user \"a@b\"]\n[user \"A@B\"]\n", ":2: [user \"A@B\"] stands here twice" },
	{ "[user \"a@b\"]\nuid = no such user\n", ":2: [user \"a@b\"] uid: there is no user" },
	{ "[user \"a@b\"]\nuid = 4294967295\n", ":2: [user \"a@b\"] uid: there is no user" },
	{ "[user \"a@b\"]\ntimezone = Europe/Ber lin\n", "is not a time zone" },
};

/* Files whose parts do not fit together. */
static const struct refusal bad_wholes[] = {
	{ EXCHANGE, ": no users" },
	{ EXCHANGE CRM "[policy \"p\"]\nusers = *\n", ": no users" },
	{ EXCHANGE "[policy \"p\"]\nusers = nonsense\n",
		"[policy \"p\"] users: \"nonsense\" is not" },
	{ EXCHANGE USER "[policy \"p\"]\n", "[policy \"p\"] users is missing" },
	{ EXCHANGE USER "[policy \"p\"]\nusers = *\nmark = crm\n",
		"mark must not be one of categories" },
	{ EXCHANGE USER "[policy \"p\"]\nusers = *\nexclude = crm\n", "exclude must not be" },
	{ USER, "[exchange] url is missing" },
	{ EXCHANGE "[crm]\n" USER, "[crm] url is missing" },
};

static void lines_are_refused(void **state)
{
	(void)state;
	refuse(bad_lines, ARRAY_SIZE(bad_lines));
}

static void values_of_servers_are_refused(void **state)
{
	(void)state;
	refuse(bad_servers, ARRAY_SIZE(bad_servers));
}

static void policies_and_users_are_refused(void **state)
{
	(void)state;
	refuse(bad_policies, ARRAY_SIZE(bad_policies));
}

static void what_does_not_fit_together_is_refused(void **state)
{
	(void)state;
	refuse(bad_wholes, ARRAY_SIZE(bad_wholes));
}

static void odd_files(void **state)
{
	struct config *config = NULL;
	struct error err = ERROR_INIT;
	char *line = xmalloc(20001);
	char *text;

	(void)state;
	config_free(good("\xef\xbb\xbf" EXCHANGE USER));
	config_free(good("# a comment\r\n[exchange]\r\nurl = https://a/\r\nuser = u\r\n"
			 "password-file = exchange.secret\r\n[user \"a@b\"] ; [x]\r\n"));
	assert_int_equal(config_load(&config, "/nonexistent/tandemfs.conf", &err), ERR_NOT_FOUND);
	assert_int_equal(config_load(&config, "/tmp", &err), ERR_INVALID);
	memset(line, 'a', 20000);
	line[20000] = '\0';
	text = xasprintf("[exchange]\nuser = %s\n", line);
	bad(text, ":2: the line is longer than");
	free(text);
	free(line);
}

static void secrets(void **state)
{
	static const struct {
		mode_t mode;
		const char *text, *why;
	} rows[] = {
		{ 0640, "x\n", "can be read by others than its owner (mode 0640)" },
		{ 0604, "x\n", "can be read by others" },
		{ 0600, "", "is empty" },
		{ 0600, "\n", "is empty" },
		{ 0600, "a\nb\n", "holds more than one line" },
	};
	struct config *c;
	char *fifo = xasprintf("%s/fifo", dir);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		put("odd.secret", rows[i].text, rows[i].mode);
		bad("[exchange]\npassword-file = odd.secret\n", rows[i].why);
	}
	assert_int_equal(mkfifo(fifo, 0600), 0);
	bad("[exchange]\npassword-file = fifo\n", "fifo is not a regular file");
	unlink(fifo);
	free(fifo);
	bad("[exchange]\npassword-file = .\n", "is not a regular file");
	put("odd.secret", "crlf\r\n", 0400);
	c = good("[exchange]\nurl = https://a/\nuser = u\npassword-file = odd.secret\n" USER);
	assert_string_equal(c->exchange_password, "crlf");
	config_free(c);
	/* A bare name is a credential first; its mode is the manager's business. */
	put("credential", "from systemd\n", 0440);
	setenv("CREDENTIALS_DIRECTORY", dir, 1);
	c = good("[exchange]\nurl = https://a/\nuser = u\npassword-file = credential\n" USER);
	assert_string_equal(c->exchange_password, "from systemd");
	config_free(c);
	unsetenv("CREDENTIALS_DIRECTORY");
}

static void options(void **state)
{
	struct config *c = good(EXCHANGE USER "[user \"bob@corp.example\"]\nuid = 77\n");
	struct error err = ERROR_INIT;
	char cwd[4096], *cache;

	(void)state;
	assert_int_equal(
		config_options(c, "rw,nosuid,nodev,_netdev,x-systemd.automount,user,noauto", &err),
		0);
	assert_false(c->read_only);
	assert_int_equal(config_options(c,
				 "ro,allow_other,uid=12,gid=13,umask=027,user=BOB@corp.example,"
				 "cache=a\\,b,interval=0.1,"
				 "offline,show",
				 &err),
		0);
	assert_true(c->read_only && c->allow_other && c->offline && c->show);
	assert_int_equal(c->uid, 12);
	assert_int_equal(c->gid, 13);
	assert_int_equal(c->umask, 027);
	assert_string_equal(c->only_user, "bob@corp.example");
	assert_non_null(getcwd(cwd, sizeof(cwd)));
	cache = xasprintf("%s/a,b", cwd);
	assert_string_equal(c->cache_dir, cache);
	free(cache);
	assert_int_equal(c->interval_s, 6);
	assert_int_equal(c->users[0].uid, 12);
	assert_int_equal(c->users[0].gid, 13);
	assert_int_equal(c->users[1].uid, 77); /* an own one stays */
	assert_int_equal(c->users[1].gid, 13);
	config_free(c);
}

static void wrong_options(void **state)
{
	static const struct {
		const char *list, *why;
	} rows[] = {
		{ "ro,bogus", "-o bogus: unknown option" },
		{ "ro=1", "-o ro=1: unknown option" },
		{ "uid", "-o uid: unknown option" },
		{ "umask=999", "-o umask: \"999\" is not an octal mask" },
		{ "interval=soon", "-o interval: \"soon\" is not a number" },
		{ "user=eve@corp.example", "has no such user" },
		{ "cache=", "-o cache: is empty" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct config *c = good(EXCHANGE USER);
		struct error err = ERROR_INIT;

		assert_int_equal(config_options(c, rows[i].list, &err), ERR_INVALID);
		if (!strstr(err.text, rows[i].why))
			fail_msg("\"%s\" does not hold \"%s\"", err.text, rows[i].why);
		config_free(c);
	}
}

static char *shown(const struct config *config)
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	config_show(config, f);
	fclose(f);
	return text;
}

/* What config show prints loads again, shows the same, and holds no secret. */
static void show_loads_again(void **state)
{
	struct config *c = good(
		EXCHANGE CRM "[sync]\ninterval = 0.05\nquiet = 0.001\n"
			     "[policy \"p\"]\nusers = *@corp.example, eve@x.example\ncategories =\n"
			     "exclude =\ntasks-mode = all\n" USER "uid = 5\n");
	char *first = shown(c), *second;

	(void)state;
	config_free(c);
	c = good(first);
	second = shown(c);
	config_free(c);
	assert_string_equal(first, second);
	assert_null(strstr(first, "hush"));
	assert_null(strstr(first, "pass word"));
	assert_non_null(strstr(first, "\ninterval = 0.05\nquiet = 0.001\n"));
	assert_non_null(strstr(first, "\ncategories =\nexclude = \n"));
	free(first);
	free(second);
}

static void users_from_csv(void **state)
{
	struct config_user *users;
	struct error err = ERROR_INIT;
	char *text = NULL;
	size_t n, len;
	FILE *f;

	(void)state;
	assert_int_equal(users_parse_csv("\xef\xbb\xbf"
					 "Address;name;uid;crm-user;timezone\r\n"
					 "Alice@Corp.example;\"A \"\"the\"\" A; "
					 "x\";1000;005000000000001AAA;Europe/Berlin\r\n"
					 "\r\nbob@corp.example;;;;\r\n",
				 "u.csv", &users, &n, &err),
		0);
	assert_int_equal(n, 2);
	assert_string_equal(users[0].address, "alice@corp.example");
	assert_string_equal(users[0].name, "A \"the\" A; x");
	assert_int_equal(users[0].uid, 1000);
	assert_true(users[0].own_uid);
	assert_null(users[1].name);
	assert_false(users[1].own_uid);
	free(users[0].name);
	users[0].name = xstrdup("Alice");
	f = open_memstream(&text, &len);
	users_print(users, n, f);
	fclose(f);
	assert_string_equal(text,
		"[user \"alice@corp.example\"]\nname = Alice\ncrm-user = 005000000000001AAA\n"
		"uid = 1000\ntimezone = Europe/Berlin\n\n[user \"bob@corp.example\"]\n");
	free(text);
	users_free(users, n);
}

static void wrong_csv(void **state)
{
	static const struct {
		const char *text, *why;
	} rows[] = {
		{ "", "the first line must name the columns" },
		{ "name\nx\n", "the first line must name the columns" },
		{ "address,phone\n", "u.csv:1: unknown column \"phone\"" },
		{ "address,address\n", "u.csv:1: the column \"address\" stands here twice" },
		{ "address,name\na@b\n", "u.csv:2: 1 columns where the first line has 2" },
		{ "address\na@b\n\nnobody\n",
			"u.csv:4: address: \"nobody\" is not an e-mail address" },
		{ "address,uid\na@b,x-no-such\n", "u.csv:2: uid: there is no user" },
		{ "address,name\na@b,\"open\n", "u.csv:2: a quoted value does not end" },
		{ "address,name\na@b,\"x\"y\n", "u.csv:2: text after a quoted value" },
		{ "address,name\na@b,\"x\ny\"\n", "u.csv:2: name: holds a control character" },
		{ "address,name\na@b,x ; y\n",
			"u.csv:2: name: cannot hold a blank and a semicolon" },
		{ "address\na@b\nA@B\n", "a@b stands here twice" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct config_user *users;
		struct error err = ERROR_INIT;
		size_t n;

		assert_int_equal(
			users_parse_csv(rows[i].text, "u.csv", &users, &n, &err), ERR_INVALID);
		if (!strstr(err.text, rows[i].why))
			fail_msg("\"%s\" does not hold \"%s\"", err.text, rows[i].why);
		assert_null(users);
	}
}

static int make_dir(void **state)
{
	(void)state;
	unsetenv("CREDENTIALS_DIRECTORY");
	unsetenv("TANDEM_RECORD");
	assert_non_null(mkdtemp(dir));
	put("exchange.secret", "pass word \n", 0600);
	put("crm.secret", "hush", 0400);
	return 0;
}

static int remove_dir(void **state)
{
	static const char *const names[] = { "tandemfs.conf", "exchange.secret", "crm.secret",
		"odd.secret", "credential" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		char *path = xasprintf("%s/%s", dir, names[i]);

		unlink(path);
		free(path);
	}
	return rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults),
		cmocka_unit_test(servers_and_cycles),
		cmocka_unit_test(policies_with_their_rules),
		cmocka_unit_test(users_and_whose_policy_is_theirs),
		cmocka_unit_test(a_crm_without_policy_gets_the_default),
		cmocka_unit_test(long_names_are_whole),
		cmocka_unit_test(lines_are_refused),
		cmocka_unit_test(values_of_servers_are_refused),
		cmocka_unit_test(policies_and_users_are_refused),
		cmocka_unit_test(what_does_not_fit_together_is_refused),
		cmocka_unit_test(odd_files),
		cmocka_unit_test(secrets),
		cmocka_unit_test(options),
		cmocka_unit_test(wrong_options),
		cmocka_unit_test(show_loads_again),
		cmocka_unit_test(users_from_csv),
		cmocka_unit_test(wrong_csv),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
