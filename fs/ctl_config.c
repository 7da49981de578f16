/* Commands of tandemctl that read the configuration themselves, so that they work without a mount. */
#include "fs/ctl.h"

#include <stdio.h>
#include <string.h>

#include "mountopts/config.h"
#include "mountopts/users.h"
#include "sync/mem.h"

/* The file of -c, else that of the running mount.  New string, or NULL with err. */
static char *config_path(const struct ctl *ctl, struct error *err)
{
	static const char *const info[] = { "info" };
	json_t *result;
	char *path = NULL;

	if (ctl->config)
		return xstrdup(ctl->config);
	if (!ctl_ask(ctl, info, 1, NULL, NULL, &result, err))
		path = xstrdup(json_string_value(json_object_get(result, "config")));
	else
		error_prefix(err, "name a configuration with -c");
	json_decref(result);
	return path;
}

static int failed(const struct error *err)
{
	fprintf(stderr, "tandemctl: %s\n", err->text);
	return 1;
}

static int load(const struct ctl *ctl, struct config **config, struct error *err)
{
	char *path AUTOFREE = config_path(ctl, err);

	if (!path)
		return err->code ? (int)err->code : ERR_INVALID;
	return config_load(config, path, err);
}

int ctl_config(const struct ctl *ctl, const char *const *words, size_t n)
{
	struct error err = ERROR_INIT;
	struct config *config = NULL;

	if (n != 2 || (strcmp(words[1], "check") != 0 && strcmp(words[1], "show") != 0))
		return 2;
	if (load(ctl, &config, &err))
		return failed(&err);
	if (!strcmp(words[1], "show"))
		config_show(config, stdout);
	else
		printf("%s: fine, %zu users\n", config->path, config->n_users);
	config_free(config);
	return 0;
}

/* ---- users ------------------------------------------------------------------------------------ */

static void list_users(const struct ctl *ctl, const struct config *config)
{
	static const struct ctl_column columns[] = { { "ADDRESS", "address" }, { "NAME", "name" },
		{ "POLICY", "policy" }, { "CRM USER", "crm_user" }, { "UID", "uid" },
		{ "GID", "gid" } };
	json_t *rows = json_array();

	for (size_t i = 0; i < config->n_users; i++) {
		const struct config_user *user = &config->users[i];

		json_array_append_new(
			rows, json_pack("{s:s, s:s?, s:s?, s:s?, s:I, s:I}", "address",
				      user->address, "name", user->name, "policy",
				      user->policy ? user->policy->name : NULL, "crm_user",
				      user->crm_user, "uid", (json_int_t)user->uid, "gid",
				      (json_int_t)user->gid));
	}
	ctl_print_list(ctl, rows, columns, ARRAY_SIZE(columns), "no users");
	json_decref(rows);
}

static int import_users(const char *path)
{
	struct error err = ERROR_INIT;
	struct config_user *users = NULL;
	size_t n = 0;

	if (users_import(path, &users, &n, &err))
		return failed(&err);
	users_print(users, n, stdout);
	users_free(users, n);
	return 0;
}

int ctl_users(const struct ctl *ctl, const char *const *words, size_t n)
{
	struct error err = ERROR_INIT;
	struct config *config = NULL;

	if (n == 3 && !strcmp(words[1], "import"))
		return import_users(words[2]);
	if (n != 2 || strcmp(words[1], "list") != 0)
		return 2;
	if (load(ctl, &config, &err))
		return failed(&err);
	list_users(ctl, config);
	config_free(config);
	return 0;
}
