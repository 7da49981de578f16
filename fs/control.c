/* Commands of the control files and the socket.  See control.h. */
#include "fs/control.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fs/working.h"
#include "sync/mem.h"

#define MAX_WORDS 4

struct call {
	struct fs *fs;
	const struct fs_mailbox *scope;
	const char *arg; /* or NULL */
};

static const char *scope_address(const struct call *call)
{
	return call->scope ? call->scope->user->address : NULL;
}

/* The mailbox meant: the argument, within what the caller may speak for; NULL: all. */
static int meant(const struct call *call, const char **address, struct error *err)
{
	const struct config_user *user = NULL;

	*address = scope_address(call);
	if (!call->arg)
		return 0;
	user = config_find_user(call->fs->config, call->arg);
	if (!user)
		return error_set(err, ERR_INVALID, "no user %.200s here", call->arg);
	if (call->scope && call->scope->user != user)
		return error_set(
			err, ERR_DENIED, "%s may only be asked by an administrator", call->arg);
	*address = user->address;
	return 0;
}

static int run_sync(const struct call *call, struct error *err)
{
	const char *address;
	int rc = meant(call, &address, err);

	if (rc)
		return rc;
	working_wait_released(call->fs);
	return engine_sync(call->fs->engine, address, false, err);
}

static int set_hold(const struct call *call, bool hold, struct error *err)
{
	if (call->scope)
		return error_set(err, ERR_DENIED, "only an administrator holds the gateway");
	engine_hold(call->fs->engine, hold);
	return 0;
}

static int run_hold(const struct call *call, struct error *err)
{
	return set_hold(call, true, err);
}

static int run_resume(const struct call *call, struct error *err)
{
	return set_hold(call, false, err);
}

static int run_retry(const struct call *call, struct error *err)
{
	const char *address;
	int rc = meant(call, &address, err);

	return rc ? rc : engine_retry_errors(call->fs->engine, address, err);
}

static int run_reset(const struct call *call, struct error *err)
{
	const char *address;
	int rc = meant(call, &address, err);

	return rc ? rc : engine_reset(call->fs->engine, address, err);
}

/* A user confirms what is held of his own mailbox only. */
static int check_batch(const struct call *call, int64_t batch, struct error *err)
{
	struct store_deletion *list = NULL;
	bool found = false;
	size_t n = 0;
	int rc;

	if (!call->scope)
		return 0;
	rc = store_deletion_list(call->fs->store, call->scope->id, DELETION_HELD, &list, &n, err);
	for (size_t i = 0; !rc && i < n; i++)
		found |= list[i].batch == batch;
	if (!rc)
		store_deletions_free(list, n);
	if (!rc && !found)
		rc = error_set(err, ERR_INVALID, "no batch %lld is held here", (long long)batch);
	return rc;
}

static int read_batch(const struct call *call, int64_t *batch, struct error *err)
{
	char *end;

	errno = 0;
	*batch = strtoll(call->arg, &end, 10);
	if (errno || *end || *batch <= 0)
		return error_set(err, ERR_INVALID, "%.200s is no batch number", call->arg);
	return check_batch(call, *batch, err);
}

static int run_confirm(const struct call *call, struct error *err)
{
	int64_t batch;
	int rc = read_batch(call, &batch, err);

	return rc ? rc : engine_confirm_deletes(call->fs->engine, batch, err);
}

static int run_restore(const struct call *call, struct error *err)
{
	int64_t batch;
	int rc = read_batch(call, &batch, err);

	return rc ? rc : engine_restore_deletes(call->fs->engine, batch, err);
}

static const struct command {
	const char *name;
	size_t min_args, max_args;
	int (*run)(const struct call *call, struct error *err);
} commands[] = {
	{ "sync-now", 0, 1, run_sync },
	{ "hold", 0, 0, run_hold },
	{ "resume", 0, 0, run_resume },
	{ "retry-errors", 0, 1, run_retry },
	{ "reset", 0, 1, run_reset },
	{ "confirm-deletes", 1, 1, run_confirm },
	{ "restore-deletes", 1, 1, run_restore },
};

int control_run(struct fs *fs, const struct fs_mailbox *scope, char *const *words, size_t n,
	struct error *err)
{
	for (size_t i = 0; n && i < ARRAY_SIZE(commands); i++) {
		const struct command *command = &commands[i];
		struct call call = { .fs = fs, .scope = scope, .arg = n > 1 ? words[1] : NULL };

		if (strcmp(command->name, words[0]) != 0)
			continue;
		if (n - 1 < command->min_args || n - 1 > command->max_args)
			break;
		if (!fs->engine)
			return error_set(err, ERR_BUSY, "not started yet");
		return command->run(&call, err);
	}
	return error_set(err, ERR_INVALID, "no such command: %.200s", n ? words[0] : "");
}

/* ---- control files ---------------------------------------------------------------------------- */

struct control {
	struct fs *fs;
	const struct fs_mailbox *scope;
	pthread_mutex_t lock;
	struct buf line;
};

struct control *control_open(struct fs *fs, const struct fs_mailbox *scope)
{
	struct control *control = xcalloc(1, sizeof(*control));

	control->fs = fs;
	control->scope = scope;
	pthread_mutex_init(&control->lock, NULL);
	buf_init(&control->line, CONTROL_LINE);
	return control;
}

/* Runs the line that was gathered (lock held).  An empty one is nothing. */
static int run_line(struct control *control, struct error *err)
{
	char *words[MAX_WORDS], *rest = NULL, *text;
	size_t n = 0;
	int rc = buf_check(&control->line, "the command", err);

	if (rc)
		rc = error_set(err, ERR_INVALID, "the command is too long");
	text = buf_take(&control->line);
	buf_init(&control->line, CONTROL_LINE);
	for (char *word = strtok_r(text, " \t\r", &rest); word && n < MAX_WORDS;
		word = strtok_r(NULL, " \t\r", &rest))
		words[n++] = word;
	if (!rc && n)
		rc = control_run(control->fs, control->scope, words, n, err);
	free(text);
	return rc;
}

int control_write(struct control *control, const char *data, size_t size, struct error *err)
{
	int rc = 0;

	pthread_mutex_lock(&control->lock);
	for (size_t i = 0; !rc && i < size; i++) {
		if (data[i] == '\n')
			rc = run_line(control, err);
		else if (!data[i])
			rc = error_set(err, ERR_INVALID, "a command is text");
		else
			buf_addc(&control->line, data[i]);
	}
	pthread_mutex_unlock(&control->lock);
	return rc;
}

int control_flush(struct control *control, struct error *err)
{
	int rc;

	pthread_mutex_lock(&control->lock);
	rc = control->line.len || control->line.failed ? run_line(control, err) : 0;
	pthread_mutex_unlock(&control->lock);
	return rc;
}

void control_close(struct control *control)
{
	buf_free(&control->line);
	pthread_mutex_destroy(&control->lock);
	free(control);
}
