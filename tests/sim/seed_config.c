/* --config-out: a configuration ready to mount, its secrets, and the same for other programs. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sync/mem.h"
#include "tests/sim/core.h"

static const char *get(const json_t *object, const char *key)
{
	const char *value = json_string_value(json_object_get(object, key));

	return value ? value : "";
}

/* Replaces dir/name, so that a program that reads it sees the old or the new. */
static int write_file(
	const char *dir, const char *name, mode_t mode, const char *text, struct error *err)
{
	char *path AUTOFREE = xasprintf("%s/%s", dir, name);
	char *draft AUTOFREE = xasprintf("%s/.%s.new", dir, name);
	size_t len = strlen(text);
	int fd;

	unlink(draft);
	fd = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	if (fd < 0)
		return error_set(err, ERR_INVALID, "%s: %s", draft, strerror(errno));
	if (write(fd, text, len) != (ssize_t)len || fchmod(fd, mode) < 0) {
		close(fd);
		return error_set(err, ERR_INVALID, "%s: %s", draft, strerror(errno));
	}
	close(fd);
	if (rename(draft, path) < 0)
		return error_set(err, ERR_INVALID, "%s: %s", path, strerror(errno));
	return 0;
}

static char *configuration(struct sim *sim, const struct seed *seed, const char *dir)
{
	struct buf out = BUF_INIT(1u << 20);
	json_t *box;
	size_t i;

	buf_addf(&out,
		"# Written by tandem-sim --config-out: the simulated Exchange and Salesforce.\n"
		"[exchange]\nurl = %s/EWS/Exchange.asmx\nuser = %s\n"
		"password-file = %s/exchange-password\naccess = impersonation\n\n",
		sim->base_url, seed->service_user, dir);
	buf_addf(&out,
		"[crm]\ndriver = salesforce\nurl = %s\nclient-id = %s\n"
		"client-secret-file = %s/crm-client-secret\nexternal-id-field = "
		"Tandem_Token__c\n\n",
		sim->base_url, seed->client_id, dir);
	buf_adds(&out, "[sync]\ninterval = 1\n\n[policy \"default\"]\nusers = *\n");
	json_array_foreach(seed->mailboxes, i, box)
		buf_addf(&out, "\n[user \"%s\"]\nname = %s\ncrm-user = %s\n", get(box, "address"),
			get(box, "name"), get(box, "crm_user_id"));
	return buf_take(&out);
}

static char *clients(struct sim *sim, const struct seed *seed)
{
	json_t *boxes = json_array();
	json_t *root;
	json_t *box;
	char *text;
	char *ews_url AUTOFREE = xasprintf("%s/EWS/Exchange.asmx", sim->base_url);
	size_t i;

	json_array_foreach(seed->mailboxes, i, box)
		json_array_append_new(boxes,
			json_pack("{s:s, s:s, s:s}", "address", get(box, "address"), "password",
				get(box, "password"), "crm_user_id", get(box, "crm_user_id")));
	root = json_pack("{s:s, s:s, s:s, s:{s:s, s:s}, s:o}", "ews_url", ews_url, "salesforce_url",
		sim->base_url, "access_token", sf_access_token(sim->sf), "service_account", "user",
		seed->service_user, "password", seed->service_password, "mailboxes", boxes);
	text = json_dumps(root, JSON_INDENT(2));
	json_decref(root);
	return text;
}

int seed_write_config(struct sim *sim, const struct seed *seed, const char *dir, struct error *err)
{
	char *real AUTOFREE = NULL;
	char *conf AUTOFREE = NULL;
	char *json AUTOFREE = NULL;
	int rc;

	if (mkdir(dir, 0777) < 0 && errno != EEXIST)
		return error_set(err, ERR_INVALID, "%s: %s", dir, strerror(errno));
	real = realpath(dir, NULL);
	if (!real)
		return error_set(err, ERR_INVALID, "%s: %s", dir, strerror(errno));
	conf = configuration(sim, seed, real);
	json = clients(sim, seed);
	rc = write_file(real, "exchange-password", 0600, seed->service_password, err);
	if (rc == 0)
		rc = write_file(real, "crm-client-secret", 0600, seed->client_secret, err);
	if (rc == 0)
		rc = write_file(real, "tandemfs.conf", 0644, conf, err);
	if (rc == 0)
		rc = write_file(real, "clients.json", 0600, json, err);
	return rc;
}
