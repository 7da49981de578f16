/* `tandemctl config show`: the configuration in effect, as a file that would give the same one.  What
 * came from -o has no place in such a file and is shown as comments; a secret is never shown, only
 * the file it came from. */
#include "mountopts/config.h"

#include <string.h>

#include "mountopts/private.h"

static void text(FILE *out, const char *key, const char *value)
{
	if (value)
		fprintf(out, "%s = %s\n", key, value);
}

static void list(FILE *out, const char *key, char *const *names, size_t n)
{
	fprintf(out, "%s =", key);
	/* A blank before a semicolon would begin a comment. */
	for (size_t i = 0; i < n; i++)
		fprintf(out, "%s%s%s", i ? "," : "", names[i][0] == ';' ? "" : " ", names[i]);
	fprintf(out, "\n");
}

/* `small` units of 1/scale as a decimal with no more digits than needed; exact when read again. */
static void decimal(FILE *out, const char *key, unsigned int small, unsigned int scale)
{
	char digits[32];
	size_t len;

	snprintf(digits, sizeof(digits), "%.5f", (double)small / scale);
	len = strlen(digits);
	while (digits[len - 1] == '0')
		digits[--len] = '\0';
	if (digits[len - 1] == '.')
		digits[--len] = '\0';
	fprintf(out, "%s = %s\n", key, digits);
}

static void show_servers(const struct config *config, FILE *out)
{
	fprintf(out, "[exchange]\n");
	text(out, "url", config->exchange_url);
	text(out, "user", config->exchange_user);
	text(out, "password-file", config->exchange_password_file);
	text(out, "access", config_access_names[config->impersonate]);
	text(out, "ca-file", config->exchange_ca_file);
	if (!config->crm_driver)
		return;
	fprintf(out, "\n[crm]\n");
	text(out, "driver", config->crm_driver);
	text(out, "url", config->crm_url);
	text(out, "client-id", config->crm_client_id);
	text(out, "client-secret-file", config->crm_client_secret_file);
	text(out, "external-id-field", config->crm_external_id_field);
	fprintf(out, "daily-reserve = %u\n", config->crm_daily_reserve);
	text(out, "ca-file", config->crm_ca_file);
}

static void show_sync(const struct config *config, FILE *out)
{
	fprintf(out, "\n[sync]\n");
	decimal(out, "interval", config->interval_s, 60);
	decimal(out, "quiet", config->quiet_ms, 1000);
	decimal(out, "remove-quiet", config->remove_quiet_ms, 1000);
	fprintf(out, "workers = %u\n", config->workers);
	text(out, "conflict", config_conflict_names[config->conflict]);
	fprintf(out, "max-delete = %u\nmax-create = %u\n", config->max_delete, config->max_create);
	text(out, "vcard-version", config_vcard_names[config->vcard]);
	text(out, "cache", config->cache_dir);
}

static void show_policy(const struct config_policy *policy, FILE *out)
{
	fprintf(out, "\n[policy \"%s\"]\n", policy->name);
	list(out, "users", policy->users, policy->n_users);
	text(out, "folder", policy->folder);
	list(out, "categories", policy->categories, policy->n_categories);
	fprintf(out, "exclude = %s\n", policy->exclude ? policy->exclude : "");
	text(out, "mark", policy->mark);
	for (size_t i = 0; i < CONFIG_KINDS; i++) {
		const struct config_rule *rule = &policy->rules[i];
		const char *kind = config_kind_names[i];

		fprintf(out, "%s-mode = %s\n", kind, config_mode_names[rule->mode]);
		fprintf(out, "%s-direction = %s\n", kind, config_direction_names[rule->direction]);
		fprintf(out, "%s-import = %s\n", kind, config_import_names[rule->import]);
		fprintf(out, "%s-remove = %s\n", kind, config_remove_names[rule->remove]);
	}
	if (policy->event_days > 0)
		fprintf(out, "calendar-limit = last-%d-days\n", policy->event_days);
	else
		text(out, "calendar-limit",
			policy->event_days == EVENTS_LAST_MONTH ? "last-month" : "today");
	text(out, "calendar-series", config_switch_names[policy->event_series]);
}

static void show_user(const struct config_user *user, FILE *out)
{
	fprintf(out, "\n[user \"%s\"]\n", user->address);
	text(out, "name", user->name);
	text(out, "crm-user", user->crm_user);
	if (user->own_uid)
		fprintf(out, "uid = %u\n", (unsigned int)user->uid);
	if (user->own_gid)
		fprintf(out, "gid = %u\n", (unsigned int)user->gid);
	text(out, "timezone", user->timezone);
	fprintf(out, "# policy: %s\n",
		user->policy ? user->policy->name : "none (not synced with the CRM)");
}

void config_show(const struct config *config, FILE *out)
{
	fprintf(out, "# %s\n", config->path);
	show_servers(config, out);
	show_sync(config, out);
	for (size_t i = 0; i < config->n_policies; i++)
		show_policy(&config->policies[i], out);
	for (size_t i = 0; i < config->n_users; i++)
		show_user(&config->users[i], out);
	fprintf(out, "\n# mount: %s,uid=%u,gid=%u,umask=%03o%s%s%s",
		config->read_only ? "ro" : "rw", (unsigned int)config->uid,
		(unsigned int)config->gid, (unsigned int)config->umask,
		config->allow_other ? ",allow_other" : "", config->offline ? ",offline" : "",
		config->show ? ",show" : "");
	fprintf(out, "%s%s\n", config->only_user ? ",user=" : "",
		config->only_user ? config->only_user : "");
}
