/* Steps: every point at which the durable state of the cache, of Exchange or of the CRM is about to
 * change, or has just changed.
 *
 *	commit NAME, committed NAME      around each transaction that wrote; NAME, a function, began it
 *	send OPERATION, sent OPERATION   around each request that may write
 *
 * They exist in tandemfs-steps alone: the program's own objects, whose calls of three functions the
 * linker leads here (--wrap).  Its environment says what to do at a step:
 *
 *	TANDEM_STEPS_LOG=FILE   FILE gets a line for each step that is passed
 *	TANDEM_STEP=FILE        from when FILE is there and holds a step and a number, as in
 *	                        "committed collect:2", the process kills itself at the second passing */
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sync/http/http.h"
#include "sync/store/private.h"

int __real_store_begin_as(struct store *store, const char *name, enum store_durability durability,
	enum store_origin origin, struct error *err);
int __real_store_commit(struct store *store, struct error *err);
int __real_http_send(struct http *http, const struct http_request *request,
	struct http_answer *answer, struct error *err);

int __wrap_store_begin_as(struct store *store, const char *name, enum store_durability durability,
	enum store_origin origin, struct error *err);
int __wrap_store_commit(struct store *store, struct error *err);
int __wrap_http_send(struct http *http, const struct http_request *request,
	struct http_answer *answer, struct error *err);

#define LINE_MAX_BYTES 160

/* What the operations that only read begin with. */
static const char *const reads[] = { "Get", "Sync", "Find", "Resolve", "query", "describe", "token",
	"limits" };

/* The writer's rows changed so far when the open transaction began. */
static int64_t changes_before;

static void write_line(const char *path, const char *line)
{
	int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0 || write(fd, line, strlen(line)) < 0)
		abort();
	close(fd);
}

/* Reads "STEP:N"; N is 0 when there is no such file. */
static long wanted(char *step, size_t size)
{
	const char *path = getenv("TANDEM_STEP");
	FILE *f = path ? fopen(path, "re") : NULL;
	char *colon;

	step[0] = '\0';
	if (!f)
		return 0;
	if (!fgets(step, (int)size, f))
		step[0] = '\0';
	fclose(f);
	colon = strrchr(step, ':');
	if (!colon)
		return 0;
	*colon = '\0';
	return strtol(colon + 1, NULL, 10);
}

static bool is_the_one(const char *step)
{
	static atomic_long passed;
	char name[LINE_MAX_BYTES];
	long number = wanted(name, sizeof(name));

	return number && !strcmp(step, name) && atomic_fetch_add(&passed, 1) + 1 == number;
}

static void step(const char *when, const char *name)
{
	const char *log = getenv("TANDEM_STEPS_LOG");
	char line[LINE_MAX_BYTES];

	snprintf(line, sizeof(line), "%s %s\n", when, name);
	if (log)
		write_line(log, line);
	line[strcspn(line, "\n")] = '\0';
	if (is_the_one(line))
		kill(getpid(), SIGKILL);
}

int __wrap_store_begin_as(struct store *store, const char *name, enum store_durability durability,
	enum store_origin origin, struct error *err)
{
	int rc = __real_store_begin_as(store, name, durability, origin, err);

	if (!rc)
		changes_before = sqlite3_total_changes64(store->writer->db);
	return rc;
}

int __wrap_store_commit(struct store *store, struct error *err)
{
	const char *name = store->transaction;
	bool wrote = sqlite3_total_changes64(store->writer->db) != changes_before;
	int rc;

	if (wrote)
		step("commit", name);
	rc = __real_store_commit(store, err);
	if (wrote && !rc)
		step("committed", name);
	return rc;
}

static bool may_write(const struct http_request *request)
{
	for (size_t i = 0; i < sizeof(reads) / sizeof(reads[0]); i++)
		if (!strncmp(request->operation, reads[i], strlen(reads[i])))
			return false;
	return true;
}

int __wrap_http_send(struct http *http, const struct http_request *request,
	struct http_answer *answer, struct error *err)
{
	bool writes = may_write(request);
	int rc;

	if (writes)
		step("send", request->operation);
	rc = __real_http_send(http, request, answer, err);
	if (writes)
		step("sent", request->operation);
	return rc;
}
