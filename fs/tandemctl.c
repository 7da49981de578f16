/* tandemctl: administration of a running tandemfs.
 *
 * Most commands go to the mount's socket as they are and print what comes back.  Exit status 0 done,
 * 1 failed, 2 usage. */
#include <getopt.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs/ctl.h"
#include "sync/mem.h"

static const char usage_text[] =
	"usage: tandemctl [-c CONFIG] [-m MOUNT] [--json] COMMAND\n"
	"  status [USER]                 what is synced, and how it stands\n"
	"  sync [--no-wait] [USER]       sync now; waits for the end\n"
	"  hold | resume                 stop and start syncing\n"
	"  errors [USER]                 items that could not be synced\n"
	"  retry-errors [USER]           try them again at the next sync\n"
	"  conflicts [USER]              what lost when both sides changed a field\n"
	"  conflicts show ID\n"
	"  conflicts take ID [file|exchange|crm]    set what lost after all\n"
	"  deletes                       deletions that are held\n"
	"  deletes confirm|restore BATCH\n"
	"  reset USER                    forget what was synced; keeps names, links and edits\n"
	"  relink PATH [RECORD-ID]       link an item with a CRM record (anew)\n"
	"  test-connection [USER]        one request to each server\n"
	"  import FILE... FOLDER         each item of exports (.ics, .vcf) becomes a file\n"
	"  export FOLDER                 one file of all items, on standard output\n"
	"  users list | users import CSV\n"
	"  config check | config show\n";

struct listing {
	const struct ctl_column *columns;
	size_t n;
	const char *none;
};

static const struct ctl_column error_columns[] = { { "MAILBOX", "mailbox" }, { "PATH", "path" },
	{ "STATE", "state" }, { "ERROR", "error" } };
static const struct ctl_column conflict_columns[] = { { "ID", "id" }, { "MAILBOX", "mailbox" },
	{ "TIME", "time" }, { "FILE", "file" } };
static const struct ctl_column delete_columns[] = { { "BATCH", "batch" }, { "PATH", "path" },
	{ "WOULD DELETE IN", "would_delete_in" }, { "SINCE", "since" } };
static const struct ctl_column test_columns[] = { { "NAME", "name" }, { "OK", "ok" },
	{ "ERROR", "error" } };

static const struct listing errors = { error_columns, ARRAY_SIZE(error_columns), "no errors" };
static const struct listing conflicts = { conflict_columns, ARRAY_SIZE(conflict_columns),
	"no conflicts" };
static const struct listing deletes = { delete_columns, ARRAY_SIZE(delete_columns),
	"no deletions are held" };
static const struct listing tests = { test_columns, ARRAY_SIZE(test_columns), "nothing to test" };

static int failed(const struct error *err)
{
	fprintf(stderr, "tandemctl: %s\n", err->text);
	return 1;
}

/* Sends the words as they are; prints a listing if the command has one. */
static int ask(
	const struct ctl *ctl, const char *const *words, size_t n, const struct listing *listing)
{
	struct error err = ERROR_INIT;
	json_t *result = NULL;
	int rc = ctl_ask(ctl, words, n, NULL, NULL, &result, &err);

	if (listing && result)
		ctl_print_list(ctl, result, listing->columns, listing->n, listing->none);
	json_decref(result);
	return rc ? failed(&err) : 0;
}

static int do_status(const struct ctl *ctl, const char *const *words, size_t n)
{
	struct error err = ERROR_INIT;
	json_t *result = NULL;

	if (ctl_ask(ctl, words, n, NULL, NULL, &result, &err))
		return failed(&err);
	ctl_print_status(ctl, result);
	json_decref(result);
	return 0;
}

static int do_sync(const struct ctl *ctl, const char *const *words, size_t n)
{
	const char *sent[] = { ctl->no_wait ? "sync-now" : "sync", n > 1 ? words[1] : NULL };
	struct error err = ERROR_INIT;
	struct ctl_bar bar;
	json_t *result = NULL;
	int rc;

	ctl_bar_init(&bar);
	rc = ctl_ask(ctl, sent, n, ctl_bar_progress, &bar, &result, &err);
	ctl_bar_end(&bar);
	json_decref(result);
	return rc ? failed(&err) : 0;
}

static int do_errors(const struct ctl *ctl, const char *const *words, size_t n)
{
	return ask(ctl, words, n, &errors);
}

static int show_conflict(const struct ctl *ctl, const char *id)
{
	const char *words[] = { "conflicts" };
	struct error err = ERROR_INIT;
	json_t *list = NULL, *one;
	bool found = false;
	size_t i;

	if (ctl_ask(ctl, words, 1, NULL, NULL, &list, &err))
		return failed(&err);
	json_array_foreach(list, i, one) {
		char *number AUTOFREE = json_dumps(json_object_get(one, "id"), JSON_ENCODE_ANY);

		if (strcmp(number, id) != 0)
			continue;
		found = true;
		ctl_print_json(json_object_get(one, "conflict"));
	}
	json_decref(list);
	error_set(&err, ERR_NOT_FOUND, "no conflict %s here", id);
	return found ? 0 : failed(&err);
}

static int do_conflicts(const struct ctl *ctl, const char *const *words, size_t n)
{
	const char *sent[] = { "take-conflict", n > 2 ? words[2] : NULL, n > 3 ? words[3] : NULL };

	if (n == 3 && !strcmp(words[1], "show"))
		return show_conflict(ctl, words[2]);
	if (n >= 3 && !strcmp(words[1], "take"))
		return ask(ctl, sent, n - 1, NULL);
	return n <= 2 ? ask(ctl, words, n, &conflicts) : 2;
}

static int do_test(const struct ctl *ctl, const char *const *words, size_t n)
{
	return ask(ctl, words, n, &tests);
}

static int do_plain(const struct ctl *ctl, const char *const *words, size_t n)
{
	return ask(ctl, words, n, NULL);
}

static int do_deletes(const struct ctl *ctl, const char *const *words, size_t n)
{
	const char *sent[2] = { NULL, n > 2 ? words[2] : NULL };

	if (n == 1)
		return ask(ctl, words, n, &deletes);
	if (n == 3 && !strcmp(words[1], "confirm"))
		sent[0] = "confirm-deletes";
	else if (n == 3 && !strcmp(words[1], "restore"))
		sent[0] = "restore-deletes";
	else
		return 2;
	return ask(ctl, sent, 2, NULL);
}

/* A path is resolved here: the daemon has another working directory. */
static int do_relink(const struct ctl *ctl, const char *const *words, size_t n)
{
	char *path AUTOFREE = realpath(words[1], NULL);
	const char *sent[] = { words[0], path ? path : words[1], n > 2 ? words[2] : NULL };

	return ask(ctl, sent, n, NULL);
}

static const struct command {
	const char *name;
	size_t min_args, max_args;
	int (*run)(const struct ctl *ctl, const char *const *words, size_t n);
} commands[] = {
	{ "status", 0, 1, do_status },
	{ "sync", 0, 1, do_sync },
	{ "hold", 0, 0, do_plain },
	{ "resume", 0, 0, do_plain },
	{ "errors", 0, 1, do_errors },
	{ "retry-errors", 0, 1, do_plain },
	{ "conflicts", 0, 3, do_conflicts },
	{ "deletes", 0, 2, do_deletes },
	{ "reset", 1, 1, do_plain },
	{ "relink", 1, 2, do_relink },
	{ "test-connection", 0, 1, do_test },
	{ "import", 2, SIZE_MAX, ctl_import },
	{ "export", 1, 1, ctl_export },
	{ "users", 1, 2, ctl_users },
	{ "config", 1, 1, ctl_config },
};

static int run(const struct ctl *ctl, const char *const *words, size_t n)
{
	for (size_t i = 0; n && i < ARRAY_SIZE(commands); i++) {
		if (strcmp(commands[i].name, words[0]) != 0)
			continue;
		if (n - 1 < commands[i].min_args || n - 1 > commands[i].max_args)
			return 2;
		return commands[i].run(ctl, words, n);
	}
	return 2;
}

enum { OPT_JSON = 256, OPT_NO_WAIT };

int main(int argc, char **argv)
{
	static const struct option longs[] = { { "json", no_argument, NULL, OPT_JSON },
		{ "no-wait", no_argument, NULL, OPT_NO_WAIT }, { "help", no_argument, NULL, 'h' },
		{ 0 } };
	const char **words AUTOFREE = xcalloc((size_t)argc, sizeof(*words));
	struct ctl ctl = { 0 };
	size_t n = 0;
	int c, status;

	while ((c = getopt_long(argc, argv, "c:m:h", longs, NULL)) != -1) {
		if (c == 'c')
			ctl.config = optarg;
		else if (c == 'm')
			ctl.mount = optarg;
		else if (c == OPT_JSON)
			ctl.json = true;
		else if (c == OPT_NO_WAIT)
			ctl.no_wait = true;
		else if (c == 'h')
			return fputs(usage_text, stdout) < 0;
		else
			return fputs(usage_text, stderr), 2;
	}
	for (; optind < argc; optind++)
		words[n++] = argv[optind];
	signal(SIGPIPE, SIG_IGN);
	status = run(&ctl, words, n);
	if (status == 2)
		fputs(usage_text, stderr);
	if (fflush(stdout) && !status)
		status = 1;
	return status;
}
