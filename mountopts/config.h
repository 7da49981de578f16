/* Every option: the configuration file (INI), -o mount options, users CSV.
 *
 *   config.c    loads and checks the whole, policies, look-ups, clean-up
 *   parse.c     the file's keys (tables)
 *   values.c    kinds of values, for the file and for -o
 *   secret.c    secret files and systemd credentials
 *   options.c   -o options of the mount
 *   users.c     users CSV import
 *   show.c      config show (secrets left out)
 *
 * A secret is never in the file: it names a file that only we can read, or a systemd credential
 * (a bare name found in $CREDENTIALS_DIRECTORY). */
#ifndef MOUNTOPTS_CONFIG_H
#define MOUNTOPTS_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/types.h>

#include "sync/error.h"

enum config_kind { CONFIG_CONTACTS, CONFIG_CALENDAR, CONFIG_TASKS, CONFIG_KINDS };
enum config_mode { MODE_OFF, MODE_ALL, MODE_DESIGNATED };
enum config_direction { DIRECTION_BOTH, DIRECTION_TO_CRM, DIRECTION_TO_EXCHANGE };
enum config_import { IMPORT_OFF, IMPORT_OWNED, IMPORT_VISIBLE };
enum config_remove { REMOVE_NONE, REMOVE_CRM, REMOVE_EXCHANGE, REMOVE_BOTH };
enum config_conflict { CONFLICT_EXCHANGE, CONFLICT_CRM, CONFLICT_NEWEST };
enum config_vcard { VCARD_VERSION_40, VCARD_VERSION_30 };

struct config_rule { /* one kind of one policy */
	enum config_mode mode;
	enum config_direction direction;
	enum config_import import;
	enum config_remove remove;
};

/* Events that ended before midnight of the user's day, so long ago, are not designated. */
#define EVENTS_LAST_MONTH (-1) /* of the day of this number a month ago */
#define EVENTS_DAYS_MAX	  180

struct config_policy {
	char *name;
	char **users; /* addresses or fnmatch patterns */
	size_t n_users;
	char *folder;	   /* "Salesforce_Sync" */
	char **categories; /* designating ones; default { "CRM" } */
	size_t n_categories;
	char *exclude; /* "DoNotSync" */
	char *mark;    /* or NULL */
	struct config_rule rules[CONFIG_KINDS];
	int event_days;	  /* `calendar-limit`: 0 today, N last-N-days, EVENTS_LAST_MONTH */
	int event_series; /* `calendar-series`: are events that recur designated?  Default yes */
};

struct config_user {
	char *address; /* lower case */
	char *name;
	char *crm_user; /* CRM user id, or NULL: looked up by address */
	uid_t uid;
	gid_t gid;
	char *timezone;	       /* IANA, or NULL */
	bool own_uid, own_gid; /* given for this user, not the mount's default */
	const struct config_policy
		*policy; /* the first whose users match; NULL: not synced with the CRM */
};

struct config {
	char *path;
	/* [exchange] */
	char *exchange_url, *exchange_user, *exchange_password, *exchange_ca_file;
	char *exchange_password_file; /* as given; for config show */
	bool impersonate;
	/* [crm]; crm_driver is NULL when the section is absent */
	char *crm_driver, *crm_url, *crm_client_id, *crm_client_secret, *crm_ca_file;
	char *crm_client_secret_file;	/* as given */
	char *crm_external_id_field;	/* or NULL */
	unsigned int crm_daily_reserve; /* default 1000 */
	/* [sync] */
	unsigned int interval_s;      /* `interval` is in minutes; default 5 minutes */
	unsigned int quiet_ms;	      /* `quiet`, seconds, decimals allowed; default 2 */
	unsigned int quiet_max_ms;    /* 15 times quiet: 30 s by default */
	unsigned int remove_quiet_ms; /* `remove-quiet`, seconds; default 10 */
	unsigned int workers;	      /* default 2 */
	enum config_conflict conflict;
	enum config_vcard vcard; /* `vcard-version`: how files are rendered */
	unsigned int max_delete; /* default 20 */
	unsigned int max_create; /* default 1000 a cycle, 0: no cap */
	/* paths */
	char *cache_dir;  /* [sync] cache, or -o cache=; default /var/cache/tandemfs or XDG */
	char *record_dir; /* $TANDEM_RECORD: the transport records there (tests), or NULL */

	struct config_policy *policies;
	size_t n_policies;
	struct config_user *users;
	size_t n_users;

	/* -o */
	bool read_only, allow_other, offline, show;
	uid_t uid;
	gid_t gid; /* default owner; default: those of the process */
	mode_t umask;
	char *only_user; /* -o user= */
};

/* Reads and checks the file.  ERR_INVALID: "PATH:LINE: [section] key: what is wrong".  A key that is
 * not known is an error.  Secrets are read; a secret file that others can read is refused. */
int config_load(struct config **out, const char *path, struct error *err);
/* Applies one "-o a,b=c" string on top. */
int config_options(struct config *config, const char *options, struct error *err);
/* Prints the configuration in effect as INI, secrets left out. */
void config_show(const struct config *config, FILE *out);
void config_free(struct config *config); /* wipes secrets */

const struct config_user *config_find_user(const struct config *config, const char *address);
const char *config_mode_name(enum config_mode mode);

#endif
