/* The configuration file: INI by inih, its keys by tables.
 *
 * inih cuts section names at 50 characters and says neither line numbers nor sections without keys,
 * so the reader that feeds it lines also counts them and takes the section headers; inih does the
 * rest (comments, continuation lines, blanks).  Each key is one row: where its value goes and which
 * parser reads it. */
#include "mountopts/private.h"

#include <ini.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "sync/mem.h"

#define MAX_KEYS 32

struct key {
	const char *name;
	value_parser *parse;
	size_t offset;
	const void *arg;
};

#define AT(member) offsetof(struct config, member)
static const unsigned int any_number[2] = { 0, 1000000000 };
static const unsigned int workers_range[2] = { 1, 64 };
static const char *const driver_names[] = { "salesforce", NULL };

static const struct key exchange_keys[] = {
	{ "url", value_url, AT(exchange_url), NULL },
	{ "user", value_text, AT(exchange_user), NULL },
	{ "password-file", value_text, AT(exchange_password_file), NULL },
	{ "access", NULL, AT(impersonate), config_access_names },
	{ "ca-file", value_path, AT(exchange_ca_file), NULL },
	{ NULL, NULL, 0, NULL },
};

static const struct key crm_keys[] = {
	{ "driver", NULL, AT(crm_driver), driver_names },
	{ "url", value_url, AT(crm_url), NULL },
	{ "client-id", value_text, AT(crm_client_id), NULL },
	{ "client-secret-file", value_text, AT(crm_client_secret_file), NULL },
	{ "external-id-field", value_identifier, AT(crm_external_id_field), NULL },
	{ "daily-reserve", value_number, AT(crm_daily_reserve), any_number },
	{ "ca-file", value_path, AT(crm_ca_file), NULL },
	{ NULL, NULL, 0, NULL },
};

static const struct key sync_keys[] = {
	{ "interval", value_minutes, AT(interval_s), NULL },
	{ "quiet", value_seconds, AT(quiet_ms), NULL },
	{ "remove-quiet", value_seconds, AT(remove_quiet_ms), NULL },
	{ "workers", value_number, AT(workers), workers_range },
	{ "conflict", value_enum, AT(conflict), config_conflict_names },
	{ "max-delete", value_number, AT(max_delete), any_number },
	{ "max-create", value_number, AT(max_create), any_number },
	{ "vcard-version", value_enum, AT(vcard), config_vcard_names },
	{ "cache", value_path, AT(cache_dir), NULL },
	{ NULL, NULL, 0, NULL },
};

#undef AT
#define AT(member) offsetof(struct config_policy, member)
static const struct key policy_keys[] = {
	{ "users", value_list, AT(users), NULL },
	{ "folder", value_folder, AT(folder), NULL },
	{ "categories", value_list, AT(categories), NULL },
	{ "exclude", value_optional, AT(exclude), NULL },
	{ "mark", value_optional, AT(mark), NULL },
	{ "calendar-limit", value_limit, AT(event_days), NULL },
	{ "calendar-series", value_enum, AT(event_series), config_switch_names },
	{ NULL, NULL, 0, NULL },
};

#undef AT
#define AT(member) offsetof(struct config_rule, member)
static const struct key rule_keys[] = {
	/* after "contacts-", "calendar-", "tasks-" */
	{ "mode", value_enum, AT(mode), config_mode_names },
	{ "direction", value_enum, AT(direction), config_direction_names },
	{ "import", value_enum, AT(import), config_import_names },
	{ "remove", value_enum, AT(remove), config_remove_names },
	{ NULL, NULL, 0, NULL },
};

#undef AT
#define AT(member) offsetof(struct config_user, member)
static const struct key user_keys[] = {
	{ "name", value_text, AT(name), NULL },
	{ "crm-user", value_text, AT(crm_user), NULL },
	{ "uid", value_uid, AT(uid), NULL },
	{ "gid", value_gid, AT(gid), NULL },
	{ "timezone", value_timezone, AT(timezone), NULL },
	{ NULL, NULL, 0, NULL },
};
#undef AT

/* value_list() takes a pointer and a count side by side. */
_Static_assert(offsetof(struct config_policy, n_users) ==
		       offsetof(struct config_policy, users) + offsetof(struct value_list, n),
	"users");
_Static_assert(offsetof(struct config_policy, n_categories) ==
		       offsetof(struct config_policy, categories) + offsetof(struct value_list, n),
	"categories");

enum section {
	SECTION_NONE,
	SECTION_EXCHANGE,
	SECTION_CRM,
	SECTION_SYNC,
	SECTION_POLICY,
	SECTION_USER
};

static const struct {
	const char *name;
	bool named; /* [policy "NAME"] */
	const struct key *keys;
} sections[] = {
	[SECTION_NONE] = { "", false, NULL },
	[SECTION_EXCHANGE] = { "exchange", false, exchange_keys },
	[SECTION_CRM] = { "crm", false, crm_keys },
	[SECTION_SYNC] = { "sync", false, sync_keys },
	[SECTION_POLICY] = { "policy", true, policy_keys },
	[SECTION_USER] = { "user", true, user_keys },
};

struct parser {
	struct config *config;
	const char *name; /* of the file */
	const char *dir;
	const char *at; /* the next line */
	unsigned int line;
	bool indented; /* the line begins with a blank */
	enum section section;
	char header[320]; /* the section as written, for messages */
	bool have[ARRAY_SIZE(sections)];
	char *given[MAX_KEYS]; /* keys of this section */
	size_t n_given;
	bool failed;
	struct error *err;
};

static void fail(struct parser *p, const char *key)
{
	p->failed = true;
	if (key)
		error_prefix(p->err, "%s:%u: %s %s", p->name, p->line, p->header, key);
	else
		error_prefix(p->err, "%s:%u", p->name, p->line);
}

static void forget_keys(struct parser *p)
{
	while (p->n_given)
		free(p->given[--p->n_given]);
}

/* The user or policy that the section names; ERR_INVALID when it is there twice. */
static int open_named(struct parser *p, const char *name)
{
	struct config *config = p->config;
	char *address;

	if (p->section == SECTION_POLICY) {
		for (size_t i = 0; i < config->n_policies; i++)
			if (!strcmp(config->policies[i].name, name))
				return error_set(
					p->err, ERR_INVALID, "%s stands here twice", p->header);
		config_add_policy(config, name);
		return 0;
	}
	address = config_address(name, p->err);
	if (!address)
		return ERR_INVALID;
	if (config_find_user(config, address)) {
		free(address);
		return error_set(p->err, ERR_INVALID, "%s stands here twice", p->header);
	}
	config_add_user(config, address);
	free(address);
	return 0;
}

/* Splits `word "name"`; the name is unquoted.  False when it is neither form. */
static bool split_header(char *text, char **word, char **name)
{
	size_t len = strcspn(text, " \t\"");
	char *rest = text + len + strspn(text + len, " \t");
	char *end;

	*word = text;
	*name = NULL;
	if (!*rest) {
		text[len] = '\0';
		return true;
	}
	end = strrchr(rest, '"');
	if (rest[0] != '"' || end == rest || end[1 + strspn(end + 1, " \t")] || end == rest + 1)
		return false;
	text[len] = '\0';
	*end = '\0';
	*name = rest + 1;
	return !strpbrk(*name, "\"");
}

/* Length of "[...]" at the start of the line, brackets inside quotes not counted; 0 when it does not
 * close or something other than a comment follows. */
static size_t header_length(const char *line, size_t len)
{
	bool quoted = false;
	size_t i, rest;

	for (i = 1; i < len && (quoted || line[i] != ']'); i++)
		if (line[i] == '"')
			quoted = !quoted;
	if (i >= len)
		return 0;
	rest = ++i;
	while (rest < len && strchr(" \t\r", line[rest]))
		rest++;
	return rest == len || line[rest] == ';' || line[rest] == '#' ? i : 0;
}

/* Takes a header line "[...]". */
static int enter(struct parser *p, const char *line, size_t len)
{
	char text[sizeof(p->header)], *word, *name;
	size_t header = header_length(line, len), i;

	forget_keys(p);
	if (header < 2 || header >= sizeof(text))
		return error_set(p->err, ERR_INVALID, "not a section header");
	memcpy(p->header, line, header);
	p->header[header] = '\0';
	memcpy(text, line + 1, header - 2);
	text[header - 2] = '\0';
	if (!split_header(text, &word, &name))
		return error_set(p->err, ERR_INVALID, "not a section header");
	for (i = SECTION_EXCHANGE; i < ARRAY_SIZE(sections); i++)
		if (!strcmp(sections[i].name, word))
			break;
	if (i == ARRAY_SIZE(sections))
		return error_set(p->err, ERR_INVALID, "unknown section [%s]", word);
	if (sections[i].named != !!name)
		return error_set(p->err, ERR_INVALID, "the section is written [%s%s]", word,
			sections[i].named ? " \"NAME\"" : "");
	p->section = (enum section)i;
	if (name)
		return open_named(p, name);
	if (p->have[i])
		return error_set(p->err, ERR_INVALID, "%s stands here twice", p->header);
	p->have[i] = true;
	if (i == SECTION_CRM)
		p->config->crm_driver = xstrdup("salesforce");
	return 0;
}

/* inih's fgets: hands out the next line and notes what inih does not tell. */
static char *next_line(char *to, int size, void *arg)
{
	struct parser *p = arg;
	size_t len = strcspn(p->at, "\n");
	const char *line = p->at;
	size_t blank;

	if (!*line || p->failed)
		return NULL;
	p->line++;
	p->at += len + (line[len] == '\n');
	if (p->line == 1 && !strncmp(line, "\xef\xbb\xbf", 3)) {
		line += 3;
		len -= 3;
	}
	blank = strspn(line, " \t");
	p->indented = blank > 0;
	if (len + 2 > (size_t)size) {
		error_set(p->err, ERR_INVALID, "the line is longer than %d characters",
			CONFIG_LINE_MAX - 3);
		fail(p, NULL);
		return NULL;
	}
	if (line[blank] == '[') {
		if (blank)
			error_set(p->err, ERR_INVALID, "a section header must not be indented");
		if (blank || enter(p, line, len)) {
			fail(p, NULL);
			return NULL;
		}
		len = 3; /* inih only needs to know that a section began */
		line = "[s]";
	}
	memcpy(to, line, len);
	to[len] = '\n';
	to[len + 1] = '\0';
	return to;
}

static const struct key *find_row(const struct key *keys, const char *name)
{
	for (; keys && keys->name; keys++)
		if (!strcmp(keys->name, name))
			return keys;
	return NULL;
}

/* The row of a key and the object it fills; NULL when there is none. */
static const struct key *find_key(struct parser *p, const char *name, void **object)
{
	struct config *config = p->config;
	const struct key *keys = sections[p->section].keys, *row = find_row(keys, name);

	*object = config;
	if (p->section == SECTION_USER)
		*object = &config->users[config->n_users - 1];
	if (p->section == SECTION_POLICY) {
		struct config_policy *policy = &config->policies[config->n_policies - 1];

		*object = policy;
		for (size_t i = 0; !row && i < CONFIG_KINDS; i++) {
			size_t len = strlen(config_kind_names[i]);

			if (strncmp(name, config_kind_names[i], len) != 0 || name[len] != '-')
				continue;
			*object = &policy->rules[i];
			return find_row(rule_keys, name + len + 1);
		}
	}
	return row;
}

/* Keys whose value is an enum in the file and something else in the configuration. */
static int parse_special(struct parser *p, const struct key *key, const char *value)
{
	int choice = 0;
	int rc = value_enum(&choice, value, NULL, key->arg, p->err);

	if (rc)
		return rc;
	if (key->arg == config_access_names) {
		p->config->impersonate = choice;
		return 0;
	}
	free(p->config->crm_driver);
	p->config->crm_driver = xstrdup(driver_names[choice]);
	return 0;
}

static int read_secret(struct parser *p, const struct key *key, const char *value)
{
	if (!strcmp(key->name, "password-file"))
		return secret_read(&p->config->exchange_password, value, p->dir, p->err);
	if (!strcmp(key->name, "client-secret-file"))
		return secret_read(&p->config->crm_client_secret, value, p->dir, p->err);
	return 0;
}

static int take_value(struct parser *p, const char *name, const char *value)
{
	struct value_place place = { .dir = p->dir };
	const struct key *key;
	void *object;
	int rc;

	key = find_key(p, name, &object);
	if (!key)
		return error_set(p->err, ERR_INVALID, "is not a key of this section");
	for (size_t i = 0; i < p->n_given; i++)
		place.more = place.more || !strcmp(p->given[i], name);
	if (place.more && !(p->indented && key->parse == value_list))
		return error_set(p->err, ERR_INVALID, "is given twice");
	if (!place.more && p->n_given < MAX_KEYS)
		p->given[p->n_given++] = xstrdup(name);
	if (!key->parse)
		return parse_special(p, key, value);
	rc = key->parse((char *)object + key->offset, value, &place, key->arg, p->err);
	if (!rc && key->parse == value_uid && p->section == SECTION_USER)
		((struct config_user *)object)->own_uid = true;
	if (!rc && key->parse == value_gid)
		((struct config_user *)object)->own_gid = true;
	return rc ? rc : read_secret(p, key, value);
}

/* inih's handler. */
static int take_key(void *arg, const char *section, const char *name, const char *value)
{
	struct parser *p = arg;

	(void)section;
	if (p->failed)
		return 0;
	if (p->section == SECTION_NONE) {
		error_set(p->err, ERR_INVALID, "%s stands before the first section", name);
		fail(p, NULL);
		return 0;
	}
	if (take_value(p, name, value)) {
		fail(p, name);
		return 0;
	}
	return 1;
}

int config_parse(struct config *config, const char *text, const char *name, const char *dir,
	struct error *err)
{
	struct error mine = ERROR_INIT;
	struct parser p = { .config = config, .name = name, .dir = dir, .at = text, .err = &mine };
	int bad;

	ini_max_line = CONFIG_LINE_MAX;
	bad = ini_parse_stream(next_line, &p, take_key, &p);
	forget_keys(&p);
	if (!p.failed && bad > 0) {
		p.failed = true;
		error_set(
			&mine, ERR_INVALID, "%s:%d: neither a section nor key = value", name, bad);
	}
	if (p.failed)
		return error_set(err, ERR_INVALID, "%s", mine.text);
	if (bad)
		return error_set(err, ERR_INTERNAL, "%s: inih answered %d", name, bad);
	return 0;
}
