/* A second process that ends the mount's connection when the first was killed. */
#ifndef FS_WATCHDOG_H
#define FS_WATCHDOG_H

#include <sys/types.h>

#include "sync/error.h"

/* Call it when the file system is mounted and before any thread is made.  0: it could not be started,
 * err says why. */
pid_t watchdog_start(const char *mountpoint, struct error *err);
/* Before this process ends by itself; 0 is nothing. */
void watchdog_stop(pid_t pid);

/* Ends the connection of our own mount: whoever waits for an answer gets an error. */
void watchdog_abort(const char *mountpoint);

#endif
