/* The mount point: options of the mount, a dead mount of our own, the socket's place. */
#ifndef FS_MOUNT_H
#define FS_MOUNT_H

#include <stdbool.h>

#include "mountopts/config.h"

struct fuse_args;

/* Absolute path of a mount point, also when a dead mount stands there.  New string; NULL with err. */
char *mount_path(const char *path, struct error *err);

/* The number of the FUSE connection of our mount at that path; -1: none stands there. */
int mount_connection(const char *path);

/* A mount of ours whose daemon died is unmounted; a living one is ERR_EXISTS. */
int mount_clear_dead(const char *path, struct error *err);

/* Arguments for libfuse: default_permissions, nosuid, nodev, noexec and what was asked for. */
void mount_args(struct fuse_args *args, const struct config *config, bool debug);

/* Where the socket of a mount is: RUNTIME/tandemfs/HASH.sock, the hash of the mount point's path since a
 * socket's own path is at most 108 bytes.  New string. */
char *mount_socket_path(const char *mountpoint);
/* Directories where sockets may be, best first; ends with NULL.  New strings. */
void mount_socket_dirs(char *dirs[3]);

#endif
