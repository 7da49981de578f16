/* The configuration as a whole: defaults, what is required, users and policies brought together.
 *
 * Users are those with a [user] section and the plain addresses in policies; a user's policy is the
 * first whose users match.  A CRM without any policy gets one with the defaults for everybody. */
#include "mountopts/config.h"

#include <errno.h>
#include <fnmatch.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "mountopts/private.h"
#include "sync/buf.h"
#include "sync/mem.h"

static char *default_cache(void)
{
	const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");

	if (geteuid() == 0)
		return xstrdup("/var/cache/tandemfs");
	if (cache && cache[0] == '/')
		return xasprintf("%s/tandemfs", cache);
	return home && home[0] == '/' ? xasprintf("%s/.cache/tandemfs", home)
				      : xstrdup("/var/cache/tandemfs");
}

struct config *config_new(const char *path)
{
	const char *record = getenv("TANDEM_RECORD");
	struct config *config = xcalloc(1, sizeof(*config));

	config->path = xstrdup(path);
	config->impersonate = true;
	config->crm_daily_reserve = 1000;
	config->interval_s = 300;
	config->quiet_ms = 2000;
	config->remove_quiet_ms = 10000;
	config->workers = 2;
	config->max_delete = 20;
	config->max_create = 1000;
	config->cache_dir = default_cache();
	config->record_dir = record && *record ? xstrdup(record) : NULL;
	config->uid = geteuid();
	config->gid = getegid();
	config->umask = 077;
	return config;
}

struct config_user *config_add_user(struct config *config, const char *address)
{
	struct config_user *user;

	config->users = xreallocarray(config->users, config->n_users + 1, sizeof(*config->users));
	user = &config->users[config->n_users++];
	memset(user, 0, sizeof(*user));
	user->address = xstrdup(address);
	return user;
}

struct config_policy *config_add_policy(struct config *config, const char *name)
{
	struct config_policy *policy;

	config->policies = xreallocarray(
		config->policies, config->n_policies + 1, sizeof(*config->policies));
	policy = &config->policies[config->n_policies++];
	memset(policy, 0, sizeof(*policy));
	policy->name = xstrdup(name);
	policy->folder = xstrdup("Salesforce_Sync");
	policy->exclude = xstrdup("DoNotSync");
	policy->event_series = true;
	policy->categories = xcalloc(1, sizeof(*policy->categories));
	policy->categories[0] = xstrdup("CRM");
	policy->n_categories = 1;
	for (size_t i = 0; i < CONFIG_KINDS; i++)
		policy->rules[i] = (struct config_rule){ .mode = MODE_DESIGNATED,
			.import = IMPORT_UNSET };
	return policy;
}

static bool is_pattern(const char *text)
{
	return strpbrk(text, "*?[") != NULL;
}

/* A plain address in a policy is a user as well. */
static int add_policy_users(
	struct config *config, const struct config_policy *policy, struct error *err)
{
	for (size_t i = 0; i < policy->n_users; i++) {
		char *address AUTOFREE = NULL;

		if (is_pattern(policy->users[i]))
			continue;
		address = config_address(policy->users[i], err);
		if (!address)
			return error_prefix(
				err, "%s: [policy \"%s\"] users", config->path, policy->name);
		if (!config_find_user(config, address))
			config_add_user(config, address);
	}
	return 0;
}

/* `import` follows `mode` where the file does not say: records of the user's own in mode all. */
static void default_import(struct config_policy *policy)
{
	for (size_t i = 0; i < CONFIG_KINDS; i++) {
		struct config_rule *rule = &policy->rules[i];

		if (rule->import == IMPORT_UNSET)
			rule->import = rule->mode == MODE_ALL ? IMPORT_OWNED : IMPORT_OFF;
	}
}

static int check_policy(
	const struct config *config, const struct config_policy *policy, struct error *err)
{
	const char *wrong = NULL;

	for (size_t i = 0; i < policy->n_categories; i++) {
		if (policy->mark && !strcasecmp(policy->mark, policy->categories[i]))
			wrong = "mark must not be one of categories: marked items would designate "
				"themselves";
		if (policy->exclude && !strcasecmp(policy->exclude, policy->categories[i]))
			wrong = "exclude must not be one of categories";
	}
	if (policy->mark && policy->exclude && !strcasecmp(policy->mark, policy->exclude))
		wrong = "mark must not be the same as exclude";
	if (policy->mark && !strcasecmp(policy->mark, policy->folder))
		wrong = "mark must not be the same as folder";
	if (!policy->n_users)
		wrong = "users is missing";
	if (wrong)
		return error_set(err, ERR_INVALID, "%s: [policy \"%s\"] %s", config->path,
			policy->name, wrong);
	return 0;
}

static int check_required(const struct config *config, struct error *err)
{
	const struct {
		const char *section, *key;
		bool missing;
	} rows[] = {
		{ "exchange", "url", !config->exchange_url },
		{ "exchange", "user", !config->exchange_user },
		{ "exchange", "password-file", !config->exchange_password },
		{ "crm", "url", config->crm_driver && !config->crm_url },
		{ "crm", "client-id", config->crm_driver && !config->crm_client_id },
		{ "crm", "client-secret-file", config->crm_driver && !config->crm_client_secret },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (rows[i].missing)
			return error_set(err, ERR_INVALID, "%s: [%s] %s is missing", config->path,
				rows[i].section, rows[i].key);
	return 0;
}

static const struct config_policy *policy_for(const struct config *config, const char *address)
{
	for (size_t i = 0; i < config->n_policies; i++)
		for (size_t j = 0; j < config->policies[i].n_users; j++)
			if (!fnmatch(config->policies[i].users[j], address, FNM_CASEFOLD))
				return &config->policies[i];
	return NULL;
}

void config_own_users(struct config *config)
{
	for (size_t i = 0; i < config->n_users; i++) {
		struct config_user *user = &config->users[i];

		if (!user->own_uid)
			user->uid = config->uid;
		if (!user->own_gid)
			user->gid = config->gid;
	}
}

int config_complete(struct config *config, struct error *err)
{
	int rc = check_required(config, err);

	if (rc)
		return rc;
	if (config->crm_driver && !config->n_policies) {
		struct config_policy *policy = config_add_policy(config, "default");

		policy->users = xcalloc(1, sizeof(*policy->users));
		policy->users[0] = xstrdup("*");
		policy->n_users = 1;
	}
	for (size_t i = 0; i < config->n_policies; i++) {
		default_import(&config->policies[i]);
		if ((rc = check_policy(config, &config->policies[i], err)))
			return rc;
		if ((rc = add_policy_users(config, &config->policies[i], err)))
			return rc;
	}
	if (!config->n_users)
		return error_set(err, ERR_INVALID,
			"%s: no users: add [user \"ADDRESS\"] sections, or addresses to a policy's "
			"users",
			config->path);
	for (size_t i = 0; i < config->n_users; i++) {
		struct config_user *user = &config->users[i];

		user->policy = policy_for(config, user->address);
		if (!user->name)
			user->name = xstrdup(user->address);
	}
	config->quiet_max_ms = 15 * config->quiet_ms;
	config_own_users(config);
	return 0;
}

int config_read_file(struct buf *out, const char *path, struct error *err)
{
	char chunk[8192];
	FILE *f = fopen(path, "re");
	int failed = 0;
	size_t n;

	if (!f)
		return error_set(err, errno == ENOENT ? ERR_NOT_FOUND : ERR_INVALID, "%s: %s", path,
			strerror(errno));
	while ((n = fread(chunk, 1, sizeof(chunk), f)) > 0)
		buf_add(out, chunk, n);
	if (ferror(f))
		failed = errno;
	fclose(f);
	if (failed)
		return error_set(err, ERR_INVALID, "%s: %s", path, strerror(failed));
	if (out->len && memchr(out->data, '\0', out->len))
		return error_set(err, ERR_INVALID, "%s: holds a NUL character", path);
	return buf_check(out, path, err);
}

int config_load(struct config **out, const char *path, struct error *err)
{
	struct buf text AUTOBUF = BUF_INIT(CONFIG_FILE_MAX);
	char *real AUTOFREE = realpath(path, NULL);
	char *dir AUTOFREE = xstrdup(real ? real : path);
	struct config *config;
	char *slash = strrchr(dir, '/');
	int rc = config_read_file(&text, path, err);

	if (rc)
		return rc;
	if (slash)
		slash[slash == dir ? 1 : 0] = '\0';
	config = config_new(path);
	rc = config_parse(config, buf_str(&text), path, slash ? dir : NULL, err);
	if (!rc)
		rc = config_complete(config, err);
	if (rc) {
		config_free(config);
		return rc;
	}
	*out = config;
	return 0;
}

const struct config_user *config_find_user(const struct config *config, const char *address)
{
	for (size_t i = 0; i < config->n_users; i++)
		if (!strcasecmp(config->users[i].address, address))
			return &config->users[i];
	return NULL;
}

const char *config_mode_name(enum config_mode mode)
{
	return config_mode_names[mode];
}

static void policy_clear(struct config_policy *policy)
{
	free(policy->name);
	value_list_clear(&policy->users, &policy->n_users);
	free(policy->folder);
	value_list_clear(&policy->categories, &policy->n_categories);
	free(policy->exclude);
	free(policy->mark);
}

static void user_clear(struct config_user *user)
{
	free(user->address);
	free(user->name);
	free(user->crm_user);
	free(user->timezone);
}

void config_free(struct config *config)
{
	if (!config)
		return;
	for (size_t i = 0; i < config->n_policies; i++)
		policy_clear(&config->policies[i]);
	for (size_t i = 0; i < config->n_users; i++)
		user_clear(&config->users[i]);
	free(config->policies);
	free(config->users);
	free(config->path);
	free(config->exchange_url);
	free(config->exchange_user);
	free(config->exchange_password_file);
	secret_free(config->exchange_password);
	free(config->exchange_ca_file);
	free(config->crm_driver);
	free(config->crm_url);
	free(config->crm_client_id);
	free(config->crm_client_secret_file);
	secret_free(config->crm_client_secret);
	free(config->crm_ca_file);
	free(config->crm_external_id_field);
	free(config->cache_dir);
	free(config->record_dir);
	free(config->only_user);
	free(config);
}
