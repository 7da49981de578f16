/* What the files of mountopts share: typed values and where a key's value goes. */
#ifndef MOUNTOPTS_PRIVATE_H
#define MOUNTOPTS_PRIVATE_H

#include "mountopts/config.h"
#include "sync/buf.h"

#define CONFIG_LINE_MAX (16 * 1024)
#define CONFIG_FILE_MAX (4 * 1024 * 1024)

#define IMPORT_UNSET	((enum config_import) - 1) /* until config_complete */

/* A growing array of strings inside a policy. */
struct value_list {
	char **names;
	size_t n;
};

/* Where a value stands. */
struct value_place {
	const char *dir; /* relative paths are relative to this */
	bool more;	 /* a further line of the same list */
};

/* Reads `value` into `*at`; `arg` is the key's own.  ERR_INVALID says what is wrong with it. */
typedef int value_parser(void *at, const char *value, const struct value_place *place,
	const void *arg, struct error *err);

value_parser value_text;       /* char *; not empty, no control characters */
value_parser value_optional;   /* char *; empty gives NULL */
value_parser value_path;       /* char *; absolute */
value_parser value_url;	       /* char *; https, or http on loopback */
value_parser value_identifier; /* char *; a field's API name, or empty for NULL */
value_parser value_enum;       /* enum, an int; arg: NULL-terminated array of names */
value_parser value_number;     /* unsigned int; arg: const unsigned int[2], least and greatest */
value_parser value_seconds;    /* unsigned int in ms; decimals allowed */
value_parser value_minutes;    /* unsigned int in s; decimals allowed, at least 1 s */
value_parser value_uid;	       /* uid_t by number or name */
value_parser value_gid;	       /* gid_t by number or name */
value_parser value_umask;      /* mode_t, octal */
value_parser value_list;       /* char **, size_t beside it (struct value_list); comma-separated */
value_parser value_timezone;   /* char *; IANA name */
value_parser value_folder;     /* char *; a name without '/' that does not begin with a dot */
value_parser value_limit;      /* int; today, last-month, last-N-days */
value_parser value_switch;     /* bool; arg: &true or &false */

void value_list_clear(char ***names, size_t *n);

/* An address that can be a directory's name: local@domain, no '/', no blanks.  New string in lower
 * case, or NULL with ERR_INVALID. */
char *config_address(const char *text, struct error *err);

/* Names of enum values, in the order of the enums. */
extern const char *const config_mode_names[],
	*const config_direction_names[],
		*const config_import_names[],
			*const config_remove_names[],
				*const config_conflict_names[],
					*const config_vcard_names[],
						*const config_kind_names[],
							*const config_access_names[],
								*const config_switch_names[];

/* The secret in a file or credential, in memory that the caller wipes; see secret.c. */
int secret_read(char **out, const char *name, const char *dir, struct error *err);
void secret_free(char *secret); /* wipes */

/* Adds a user or a policy with the defaults and returns it (valid until the next one is added). */
struct config_user *config_add_user(struct config *config, const char *address);
struct config_policy *config_add_policy(struct config *config, const char *name);

/* Fills config from the file's text; `name` is for messages, `dir` for relative paths. */
int config_parse(struct config *config, const char *text, const char *name, const char *dir,
	struct error *err);

/* A configuration with the defaults, and what makes it whole after parsing: users of policies,
 * required keys, policies matched.  Separate from config_load for tests and fuzzing. */
struct config *config_new(const char *path);
int config_complete(struct config *config, struct error *err);

/* The whole file as text without NULs. */
int config_read_file(struct buf *out, const char *path, struct error *err);

/* Gives users without an own uid or gid those of the mount. */
void config_own_users(struct config *config);

#endif
