/* tandemctl: what its files share.
 *
 *   tandemctl.c    arguments and the table of commands
 *   ctl_client.c   finding a mount's socket and speaking to it
 *   ctl_print.c    tables, status, progress
 *   ctl_config.c   commands that read the configuration themselves: config, users
 *   ctl_import.c   import, export
 *   ctl_split.c    files of many items */
#ifndef FS_CTL_H
#define FS_CTL_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "sync/error.h"

struct ctl {
	const char *config; /* -c, or NULL */
	const char *mount;  /* -m, or NULL: the only one that runs */
	bool json;	    /* --json */
	bool no_wait;
};

/* Called for each line of progress. */
typedef void ctl_progress(void *data, const json_t *progress);

/* Asks the mount.  words: command and arguments.  *result: new reference or NULL, also when the answer is
 * a failure that comes with one. */
int ctl_ask(const struct ctl *ctl, const char *const *words, size_t n, ctl_progress *progress,
	void *data, json_t **result, struct error *err);

/* A column of a table: title and the member of each row. */
struct ctl_column {
	const char *title, *key;
};

/* Prints an array of objects as a table (or JSON); `none` is said of an empty one. */
void ctl_print_list(const struct ctl *ctl, const json_t *rows, const struct ctl_column *columns,
	size_t n, const char *none);
void ctl_print_json(const json_t *json);
void ctl_print_status(const struct ctl *ctl, const json_t *status);

/* A bar on a terminal, a line for each new step elsewhere.  On stderr. */
struct ctl_bar {
	bool terminal, shown;
	char last[256];
};
void ctl_bar_init(struct ctl_bar *bar);
ctl_progress ctl_bar_progress; /* data: struct ctl_bar */
void ctl_bar_end(struct ctl_bar *bar);

/* words: command, arguments.  Return the exit status. */
int ctl_config(const struct ctl *ctl, const char *const *words, size_t n);
int ctl_users(const struct ctl *ctl, const char *const *words, size_t n);
int ctl_import(const struct ctl *ctl, const char *const *words, size_t n);
int ctl_export(const struct ctl *ctl, const char *const *words, size_t n);

#endif
