/* The Unix socket that tandemctl speaks to.
 *
 * A request is one line of JSON, {"command": "status", "args": ["alice@corp.example"]}; the answer is
 * lines of JSON.  `sync` sends lines {"progress": [...]} while it waits.  The last line is
 * {"exit": 0, "result": ...} or {"exit": 1, "error": "text"}.  One request a connection.
 *
 * Who may ask: root and who mounted (SO_PEERCRED).
 *
 *	info | status [USER] | errors [USER] | conflicts [USER] | deletes
 *	sync [USER] | sync-now [USER] | hold | resume | retry-errors [USER] | reset USER
 *	confirm-deletes BATCH | restore-deletes BATCH | relink PATH [RECORD-ID] | test-connection [USER] */
#ifndef FS_SOCKET_H
#define FS_SOCKET_H

#include "fs/fs.h"

int socket_start(struct fs *fs, struct error *err);
/* Hangs up on everybody.  The engine must have been stopped, so that nobody waits for a cycle. */
void socket_stop(struct fs *fs);

#endif
