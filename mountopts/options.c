/* -o options: those of the mount by a table, those that mount(8), fstab and libfuse pass along by a
 * list of words to ignore.  A comma inside a value is written "\,". */
#include "mountopts/private.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sync/buf.h"
#include "sync/mem.h"

static const bool yes = true, no = false;

static const struct option {
	const char *name;
	bool has_value;
	value_parser *parse;
	size_t offset;
	const void *arg;
} options[] = {
	{ "ro", false, value_switch, offsetof(struct config, read_only), &yes },
	{ "rw", false, value_switch, offsetof(struct config, read_only), &no },
	{ "allow_other", false, value_switch, offsetof(struct config, allow_other), &yes },
	{ "offline", false, value_switch, offsetof(struct config, offline), &yes },
	{ "show", false, value_switch, offsetof(struct config, show), &yes },
	{ "uid", true, value_uid, offsetof(struct config, uid), NULL },
	{ "gid", true, value_gid, offsetof(struct config, gid), NULL },
	{ "umask", true, value_umask, offsetof(struct config, umask), NULL },
	{ "user", true, value_text, offsetof(struct config, only_user), NULL },
	{ "cache", true, value_path, offsetof(struct config, cache_dir), NULL },
	{ "interval", true, value_minutes, offsetof(struct config, interval_s), NULL },
};

static const char *const ignored[] = { "defaults", "auto", "noauto", "user", "nouser", "users",
	"group", "owner", "_netdev", "nofail", "dev", "nodev", "suid", "nosuid", "exec", "noexec",
	"async", "sync", "dirsync", "atime", "noatime", "diratime", "nodiratime", "relatime",
	"norelatime", "strictatime", "nostrictatime", "default_permissions", "nonempty" };
static const char *const ignored_prefixes[] = { "x-", "X-", "comment=", "fsname=", "subtype=" };

static bool is_ignored(const char *word)
{
	for (size_t i = 0; i < ARRAY_SIZE(ignored); i++)
		if (!strcmp(ignored[i], word))
			return true;
	for (size_t i = 0; i < ARRAY_SIZE(ignored_prefixes); i++)
		if (!strncmp(word, ignored_prefixes[i], strlen(ignored_prefixes[i])))
			return true;
	return false;
}

/* The row of "name" or "name=value"; a row that needs a value does not match without one. */
static const struct option *find(const char *word, const char **value)
{
	size_t len = strcspn(word, "=");

	*value = word[len] ? word + len + 1 : "";
	for (size_t i = 0; i < ARRAY_SIZE(options); i++)
		if (strlen(options[i].name) == len && !strncmp(options[i].name, word, len) &&
			options[i].has_value == (word[len] == '='))
			return &options[i];
	return NULL;
}

static int take(struct config *config, const char *word, const char *dir, struct error *err)
{
	struct value_place place = { .dir = dir };
	const char *value;
	const struct option *option = find(word, &value);
	int rc;

	if (!option)
		return is_ignored(word)
			       ? 0
			       : error_set(err, ERR_INVALID, "-o %s: unknown option", word);
	rc = option->parse((char *)config + option->offset, value, &place, option->arg, err);
	return rc ? error_prefix(err, "-o %s", option->name) : 0;
}

/* The next word of the list without its backslashes; NULL at the end. */
static char *next_word(const char **at)
{
	struct buf word AUTOBUF = BUF_INIT(8192);

	if (!**at)
		return NULL;
	for (; **at && **at != ','; (*at)++) {
		if (**at == '\\' && (*at)[1])
			(*at)++;
		buf_addc(&word, **at);
	}
	if (**at)
		(*at)++;
	return buf_take(&word);
}

/* -o user= names one of the users that the file has. */
static int check_only_user(struct config *config, struct error *err)
{
	const struct config_user *user;

	if (!config->only_user)
		return 0;
	user = config_find_user(config, config->only_user);
	if (!user)
		return error_set(err, ERR_INVALID, "-o user=%s: %s has no such user",
			config->only_user, config->path);
	free(config->only_user);
	config->only_user = xstrdup(user->address);
	return 0;
}

int config_options(struct config *config, const char *list, struct error *err)
{
	char *dir AUTOFREE = getcwd(NULL, 0);
	char *word;
	int rc = 0;

	while (!rc && (word = next_word(&list))) {
		if (*word)
			rc = take(config, word, dir, err);
		free(word);
	}
	if (!rc)
		rc = check_only_user(config, err);
	config_own_users(config);
	return rc;
}
