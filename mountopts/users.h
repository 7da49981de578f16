/* Users from a CSV file, for `tandemctl users import CSV`.
 *
 * RFC 4180 with a header row, UTF-8, separated by commas or (as spreadsheets in much of Europe write
 * it) semicolons.  Columns by name, in any order: address (required), name, crm-user, uid, gid,
 * timezone.  The result is printed as [user] sections, to be reviewed and put into the configuration:
 * the file that an administrator keeps is never rewritten. */
#ifndef MOUNTOPTS_USERS_H
#define MOUNTOPTS_USERS_H

#include <stdio.h>

#include "mountopts/config.h"

/* Reads and checks the CSV text.  ERR_INVALID: "NAME:LINE: what is wrong".  *users is a new array of
 * *n, to be freed with users_free. */
int users_parse_csv(const char *text, const char *name, struct config_user **users, size_t *n,
	struct error *err);
/* The same from a file. */
int users_import(const char *path, struct config_user **users, size_t *n, struct error *err);
void users_print(const struct config_user *users, size_t n, FILE *out);
void users_free(struct config_user *users, size_t n);

#endif
