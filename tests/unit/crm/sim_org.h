/* The driver of Salesforce against the tandem-sim that was built beside a test program: started on a
 * free port of loopback, opened with the configuration that it writes, ended with the tests. */
#ifndef TESTS_UNIT_CRM_SIM_ORG_H
#define TESTS_UNIT_CRM_SIM_ORG_H

#include <dirent.h>
#include <stdlib.h>
#include <unistd.h>

#include "crm/private.h"
#include "mountopts/config.h"
#include "sync/mem.h"
#include "tests/unit/sim_process.h"

static struct sim_process sim;
static char config_dir[] = "/tmp/tandem-crm-XXXXXX";
static struct config *config;
static struct crm *crm;

/* ---- the simulator ----------------------------------------------------------------------------- */

static inline void start_sim(void)
{
	const char *const args[] = { "--config-out", config_dir, NULL };

	sim_process_start(&sim, args);
}

/* The id of the record, when the action has one. */
static inline char *act_id(const char *action, json_t *args)
{
	char *path AUTOFREE = xasprintf("sf/%s", action), *id;
	json_t *answer;

	assert_non_null(args);
	answer = sim_process_command(&sim, "POST", path, args);
	id = xstrdup(json_string_value(json_object_get(answer, "id")));
	json_decref(answer);
	return id;
}

static inline void act(const char *action, json_t *args)
{
	free(act_id(action, args));
}

static inline void fault(const char *operation, const char *type, const char *code)
{
	json_decref(sim_process_command(&sim, "POST", "faults",
		json_pack("{s:s, s:s, s:s*}", "operation", operation, "type", type, "code", code)));
}

static inline void advance(int seconds)
{
	json_decref(sim_process_command(
		&sim, "POST", "clock", json_pack("{s:i}", "advance_seconds", seconds)));
}

/* ---- setting up -------------------------------------------------------------------------------- */

static inline struct crm *open_crm(const char *external_id_field)
{
	struct crm_options options = { .url = config->crm_url,
		.client_id = config->crm_client_id,
		.client_secret = config->crm_client_secret,
		.external_id_field = external_id_field,
		.record_dir = getenv("TANDEM_RECORD") };
	struct error err = ERROR_INIT;
	struct crm *out = NULL;

	assert_int_equal(salesforce_driver.open(&out, &options, &err), 0);
	return out;
}

static inline int start(void **state)
{
	char *path AUTOFREE = NULL;
	struct http_options options = { .name = "sim" };
	struct error err = ERROR_INIT;

	(void)state;
	assert_non_null(mkdtemp(config_dir));
	start_sim();
	sim.control = http_new(&options, &err);
	path = xasprintf("%s/tandemfs.conf", config_dir);
	if (config_load(&config, path, &err))
		fail_msg("%s", err.text);
	crm = open_crm(config->crm_external_id_field);
	return 0;
}

static inline int stop(void **state)
{
	struct dirent *entry;
	DIR *dir;

	(void)state;
	salesforce_driver.close(crm);
	config_free(config);
	http_free(sim.control);
	sim_process_stop(&sim);
	dir = opendir(config_dir);
	while (dir && (entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			unlinkat(dirfd(dir), entry->d_name, 0);
	if (dir)
		closedir(dir);
	return rmdir(config_dir);
}

static inline int after_each(void **state)
{
	(void)state;
	return sim_process_after_each(&sim);
}

static inline int sim_org_run(const char *program, const struct CMUnitTest *tests, size_t n)
{
	return sim_process_run(&sim, program, tests, n, start, stop);
}

#endif
