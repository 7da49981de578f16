/* The tandem-sim that was built beside a test program: started on a free port of loopback, spoken to at
 * /sim/, ended with the test. */
#ifndef TESTS_UNIT_SIM_PROCESS_H
#define TESTS_UNIT_SIM_PROCESS_H

#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sync/http/http.h"
#include "sync/mem.h"

struct sim_process {
	char *path; /* of the program; sim_process_run() sets it */
	pid_t pid;
	char *url;
	struct http *control; /* speaks to /sim/; the caller opens it */
};

/* args: NULL-terminated, after `--listen 127.0.0.1:0 --seed demo`; at most four. */
static inline void sim_process_start(struct sim_process *sim, const char *const *args)
{
	static const char greeting[] = "listening on ";
	const char *argv[16] = { sim->path, "--listen", "127.0.0.1:0", "--seed", "demo" };
	char line[256] = "";
	int ends[2];
	FILE *out;

	for (size_t i = 0; i < 4 && args[i]; i++)
		argv[5 + i] = args[i];
	assert_int_equal(pipe(ends), 0);
	sim->pid = fork();
	assert_true(sim->pid >= 0);
	if (!sim->pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(ends[1], STDOUT_FILENO);
		execv(sim->path, (char *const *)argv);
		_exit(127);
	}
	close(ends[1]);
	out = fdopen(ends[0], "r");
	if (!fgets(line, sizeof(line), out) || strncmp(line, greeting, strlen(greeting)) != 0)
		fail_msg("%s did not start (is it built?): %s", sim->path, line);
	line[strcspn(line, "\r\n")] = '\0';
	sim->url = xstrdup(line + strlen(greeting));
	fclose(out);
}

static inline void sim_process_stop(struct sim_process *sim)
{
	if (sim->pid > 0) {
		kill(sim->pid, SIGTERM);
		waitpid(sim->pid, NULL, 0);
	}
	free(sim->url);
	sim->pid = 0;
	sim->url = NULL;
}

/* The answer of a /sim/ command; takes the body. */
static inline json_t *sim_process_command(
	struct sim_process *sim, const char *method, const char *path, json_t *body)
{
	char *url AUTOFREE = xasprintf("%s/sim/%s", sim->url, path);
	char *text AUTOFREE = body ? json_dumps(body, 0) : NULL;
	struct http_request request = { .method = method,
		.url = url,
		.body = text,
		.body_len = text ? strlen(text) : 0,
		.operation = "sim" };
	struct http_answer answer;
	struct error err = ERROR_INIT;
	json_t *out;

	if (http_send(sim->control, &request, &answer, &err))
		fail_msg("%s", err.text);
	if (answer.status != 200)
		fail_msg("%s: %s", path, buf_str(&answer.body));
	out = json_loadb(buf_str(&answer.body), answer.body.len, JSON_DECODE_ANY, NULL);
	assert_non_null(out);
	http_answer_free(&answer);
	json_decref(body);
	return out;
}

/* How often an operation was asked for; NULL: all requests. */
static inline json_int_t sim_process_requests(struct sim_process *sim, const char *operation)
{
	json_t *all = sim_process_command(sim, "GET", "counters", NULL);
	json_int_t n = json_integer_value(
		operation ? json_object_get(json_object_get(all, "operations"), operation)
			  : json_object_get(all, "requests"));

	json_decref(all);
	return n;
}

/* After each test: nobody was mailed (I10), and no fault is left for the next. */
static inline int sim_process_after_each(struct sim_process *sim)
{
	json_t *mails = sim_process_command(sim, "GET", "mails", NULL);

	assert_int_equal(json_array_size(mails), 0);
	json_decref(mails);
	json_decref(sim_process_command(sim, "DELETE", "faults", NULL));
	return 0;
}

/* cmocka_run_group_tests() over struct CMUnitTest[n], with the simulator of the program's build:
 * BUILD/tests/unit/DIR/NAME_test -> BUILD/tandem-sim. */
static inline int sim_process_run(struct sim_process *sim, const char *program,
	const struct CMUnitTest *tests, size_t n, CMFixtureFunction start, CMFixtureFunction stop)
{
	char here[PATH_MAX];
	char *end;
	int failed;

	if (!realpath(program, here) || !(end = strstr(here, "/tests/unit/")))
		return 2;
	*end = '\0';
	sim->path = xasprintf("%s/tandem-sim", here);
	failed = _cmocka_run_group_tests("tests", tests, n, start, stop);
	free(sim->path);
	return failed;
}

#endif
