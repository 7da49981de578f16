/* Fuzzing of what an administrator writes: the first byte chooses configuration file, -o options or
 * users CSV.  A configuration that is taken must show, load again and show the same. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "mountopts/private.h"
#include "mountopts/users.h"
#include "sync/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool good)
{
	if (!good)
		abort();
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

static struct config *load(const char *text, struct error *err)
{
	struct config *config = config_new("fuzz.conf");

	if (!config_parse(config, text, "fuzz.conf", NULL, err)) {
		/* Secrets come from files, which a fuzzer has not. */
		if (!config->exchange_password)
			config->exchange_password = xstrdup("secret");
		if (config->crm_driver && !config->crm_client_secret)
			config->crm_client_secret = xstrdup("secret");
		if (!config_complete(config, err))
			return config;
	}
	config_free(config);
	return NULL;
}

static void config_file(const char *text)
{
	struct error err = ERROR_INIT;
	struct config *config = load(text, &err);
	char *first, *second;

	if (!config) {
		require(err.code == ERR_INVALID && *err.text);
		return;
	}
	first = shown(config);
	require(!strstr(first, "= secret\n") || strstr(text, "secret"));
	config_free(config);
	config = load(first, &err);
	require(config != NULL);
	second = shown(config);
	require(!strcmp(first, second));
	config_free(config);
	free(first);
	free(second);
}

static void options(const char *text)
{
	struct config *config = config_new("fuzz.conf");
	struct error err = ERROR_INIT;

	config_add_user(config, "alice@corp.example");
	require(!config_options(config, text, &err) == (err.code == ERR_NONE));
	config_free(config);
}

static void csv(const char *text)
{
	struct config_user *users;
	struct error err = ERROR_INIT;
	size_t n;

	if (users_parse_csv(text, "fuzz.csv", &users, &n, &err)) {
		require(err.code == ERR_INVALID || err.code == ERR_TOO_BIG);
		require(!users && !n);
		return;
	}
	for (size_t i = 0; i < n; i++)
		require(users[i].address && strchr(users[i].address, '@'));
	users_free(users, n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text;

	if (size < 1)
		return 0;
	text = xstrndup((const char *)data + 1, size - 1);
	switch (data[0] % 3) {
	case 0:
		config_file(text);
		break;
	case 1:
		options(text);
		break;
	default:
		csv(text);
	}
	free(text);
	return 0;
}
