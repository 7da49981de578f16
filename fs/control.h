/* Commands: one parser for the control files and for the socket.
 *
 * A control file takes one command a line: `sync-now`, `hold`, `resume`, `retry-errors`, `reset [USER]`,
 * `confirm-deletes BATCH`, `restore-deletes BATCH`.  Anything else is EINVAL.  The control file of a
 * mailbox speaks for that mailbox only. */
#ifndef FS_CONTROL_H
#define FS_CONTROL_H

#include "fs/fs.h"

/* Longest command line. */
#define CONTROL_LINE 1024

struct control;

/* scope NULL: the whole gateway. */
struct control *control_open(struct fs *fs, const struct fs_mailbox *scope);
/* Runs every whole line; what is after the last newline waits. */
int control_write(struct control *control, const char *data, size_t size, struct error *err);
/* Runs what waits (close of a file whose last line has no newline). */
int control_flush(struct control *control, struct error *err);
void control_close(struct control *control);

/* One command of `words`; user: the mailbox it is about, NULL: all.  ERR_INVALID when there is no such
 * command.  Does not wait for anything remote. */
int control_run(struct fs *fs, const struct fs_mailbox *scope, char *const *words, size_t n,
	struct error *err);

#endif
