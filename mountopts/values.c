/* Kinds of values: one parser each, used by the keys of the file and by -o options alike. */
#include "mountopts/private.h"

#include <ctype.h>
#include <errno.h>
#include <grp.h>
#include <math.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "sync/buf.h"
#include "sync/mem.h"

const char *const config_mode_names[] = { "off", "all", "designated", NULL };
const char *const config_direction_names[] = { "both", "to-crm", "to-exchange", NULL };
const char *const config_import_names[] = { "off", "owned", "visible", NULL };
const char *const config_remove_names[] = { "none", "crm", "exchange", "both", NULL };
const char *const config_conflict_names[] = { "exchange", "crm", "newest", NULL };
const char *const config_vcard_names[] = { "4.0", "3.0", NULL };
const char *const config_kind_names[] = { "contacts", "calendar", "tasks", NULL };
const char *const config_access_names[] = { "delegate", "impersonation", NULL };
const char *const config_switch_names[] = { "off", "on", NULL };

static void replace(char **at, char *value)
{
	free(*at);
	*at = value;
}

int value_optional(void *at, const char *value, const struct value_place *place, const void *arg,
	struct error *err)
{
	(void)place;
	(void)arg;
	for (const char *c = value; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			return error_set(err, ERR_INVALID, "holds a control character");
	replace(at, *value ? xstrdup(value) : NULL);
	return 0;
}

int value_text(void *at, const char *value, const struct value_place *place, const void *arg,
	struct error *err)
{
	if (!*value)
		return error_set(err, ERR_INVALID, "is empty");
	return value_optional(at, value, place, arg, err);
}

int value_path(void *at, const char *value, const struct value_place *place, const void *arg,
	struct error *err)
{
	char *text = NULL;
	int rc = value_text(&text, value, place, arg, err);

	if (rc || !text)
		return rc;
	if (text[0] == '/' || !place->dir) {
		replace(at, text);
		return 0;
	}
	replace(at, xasprintf("%s/%s", place->dir, text));
	free(text);
	return 0;
}

/* Length of the host in what follows "://", and whether it is this machine's loopback. */
static size_t host_of(const char *rest, bool *loopback)
{
	static const char *const names[] = { "localhost", "127.0.0.1", "[::1]" };
	size_t len = rest[0] == '[' ? strcspn(rest, "]/?#") : strcspn(rest, ":/?#");

	if (rest[len] == ']')
		len++;
	*loopback = false;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (len == strlen(names[i]) && !strncasecmp(rest, names[i], len))
			*loopback = true;
	return len;
}

int value_url(void *at, const char *value, const struct value_place *place, const void *arg,
	struct error *err)
{
	bool tls = !strncasecmp(value, "https://", 8);
	bool plain = !strncasecmp(value, "http://", 7);
	bool loopback;
	size_t host;

	if (!tls && !plain)
		return error_set(err, ERR_INVALID, "is not an https:// URL");
	if (strpbrk(value, " \t\"<>\\^`{|}@"))
		return error_set(err, ERR_INVALID,
			"holds a character that a URL cannot have (or a user name)");
	host = host_of(value + (tls ? 8 : 7), &loopback);
	if (!host)
		return error_set(err, ERR_INVALID, "names no host");
	if (plain && !loopback)
		return error_set(err, ERR_INVALID,
			"sends passwords in the clear: use https (http is for loopback only)");
	return value_text(at, value, place, arg, err);
}

int value_identifier(void *at, const char *value, const struct value_place *place, const void *arg,
	struct error *err)
{
	for (const char *c = value; *c; c++)
		if (!(isalpha((unsigned char)*c) ||
			    (c > value && (isdigit((unsigned char)*c) || *c == '_'))))
			return error_set(
				err, ERR_INVALID, "\"%s\" is not the API name of a field", value);
	return value_optional(at, value, place, arg, err);
}

int value_enum(void *at, const char *value, const struct value_place *place, const void *arg,
	struct error *err)
{
	struct buf names AUTOBUF = BUF_INIT(256);

	(void)place;
	for (const char *const *name = arg; *name; name++) {
		if (!strcasecmp(*name, value)) {
			*(int *)at = (int)(name - (const char *const *)arg);
			return 0;
		}
		buf_addf(&names, "%s%s", names.len ? ", " : "", *name);
	}
	return error_set(err, ERR_INVALID, "\"%s\" is none of %s", value, buf_str(&names));
}

int value_number(void *at, const char *value, const struct value_place *place, const void *arg,
	struct error *err)
{
	const unsigned int *range = arg;
	unsigned long long n;
	char *end;

	(void)place;
	errno = 0;
	n = strtoull(value, &end, 10);
	if (!isdigit((unsigned char)value[0]) || *end || errno)
		return error_set(err, ERR_INVALID, "\"%s\" is not a number", value);
	if (n < range[0] || n > range[1])
		return error_set(
			err, ERR_INVALID, "%s is not between %u and %u", value, range[0], range[1]);
	*(unsigned int *)at = (unsigned int)n;
	return 0;
}

/* A decimal number of units, read without regard to the locale, as whole small units. */
static int decimal(unsigned int *out, const char *value, unsigned int scale, unsigned int most,
	struct error *err)
{
	double whole = 0, weight = 1;
	const char *c = value;
	bool digits = false;

	for (; isdigit((unsigned char)*c) && c - value < 12; c++, digits = true)
		whole = whole * 10 + (*c - '0');
	if (*c == '.')
		for (c++; isdigit((unsigned char)*c); c++, digits = true)
			whole += (*c - '0') * (weight /= 10);
	if (*c || !digits)
		return error_set(err, ERR_INVALID, "\"%s\" is not a number", value);
	whole = round(whole * scale);
	if (whole > most)
		return error_set(err, ERR_INVALID, "%s is more than %u", value, most / scale);
	*out = (unsigned int)whole;
	return 0;
}

int value_seconds(void *at, const char *value, const struct value_place *place, const void *arg,
	struct error *err)
{
	(void)place;
	(void)arg;
	return decimal(at, value, 1000, 86400u * 1000, err);
}

int value_minutes(void *at, const char *value, const struct value_place *place, const void *arg,
	struct error *err)
{
	unsigned int seconds = 0;
	int rc = decimal(&seconds, value, 60, 7 * 86400u, err);

	(void)place;
	(void)arg;
	if (rc)
		return rc;
	if (!seconds)
		return error_set(err, ERR_INVALID, "is shorter than a second");
	*(unsigned int *)at = seconds;
	return 0;
}

/* A number below (uid_t)-1; false when the text is not all digits. */
static bool id_number(const char *value, unsigned int *id)
{
	unsigned long long n;
	char *end;

	errno = 0;
	n = strtoull(value, &end, 10);
	if (!isdigit((unsigned char)value[0]) || *end || errno || n >= 0xffffffffULL)
		return false;
	*id = (unsigned int)n;
	return true;
}

int value_uid(void *at, const char *value, const struct value_place *place, const void *arg,
	struct error *err)
{
	struct passwd entry, *found = NULL;
	char memory[16384];
	unsigned int id;

	(void)place;
	(void)arg;
	if (!id_number(value, &id)) {
		if (getpwnam_r(value, &entry, memory, sizeof(memory), &found) || !found)
			return error_set(err, ERR_INVALID, "there is no user \"%s\" here", value);
		id = found->pw_uid;
	}
	*(uid_t *)at = id;
	return 0;
}

int value_gid(void *at, const char *value, const struct value_place *place, const void *arg,
	struct error *err)
{
	struct group entry, *found = NULL;
	char memory[16384];
	unsigned int id;

	(void)place;
	(void)arg;
	if (!id_number(value, &id)) {
		if (getgrnam_r(value, &entry, memory, sizeof(memory), &found) || !found)
			return error_set(err, ERR_INVALID, "there is no group \"%s\" here", value);
		id = found->gr_gid;
	}
	*(gid_t *)at = id;
	return 0;
}

int value_umask(void *at, const char *value, const struct value_place *place, const void *arg,
	struct error *err)
{
	size_t len = strlen(value);

	(void)place;
	(void)arg;
	if (!len || len > 4 || strspn(value, "01234567") != len || strtoul(value, NULL, 8) > 0777)
		return error_set(
			err, ERR_INVALID, "\"%s\" is not an octal mask such as 077", value);
	*(mode_t *)at = (mode_t)strtoul(value, NULL, 8);
	return 0;
}

void value_list_clear(char ***names, size_t *n)
{
	for (size_t i = 0; i < *n; i++)
		free((*names)[i]);
	free(*names);
	*names = NULL;
	*n = 0;
}

int value_list(void *at, const char *value, const struct value_place *place, const void *arg,
	struct error *err)
{
	struct value_list *list = at;

	(void)arg;
	if (!place->more)
		value_list_clear(&list->names, &list->n);
	while (*value) {
		size_t skip = strspn(value, " \t,");
		size_t len = strcspn(value + skip, ",");
		char *name = NULL, *part AUTOFREE = NULL;
		int rc;

		value += skip;
		for (part = xstrndup(value, len); len && strchr(" \t", part[len - 1]); len--)
			part[len - 1] = '\0';
		value += strcspn(value, ",");
		if (!*part)
			continue;
		if ((rc = value_text(&name, part, place, NULL, err)))
			return rc;
		list->names = xreallocarray(list->names, list->n + 1, sizeof(*list->names));
		list->names[list->n++] = name;
	}
	return 0;
}

int value_timezone(void *at, const char *value, const struct value_place *place, const void *arg,
	struct error *err)
{
	for (const char *c = value; *c; c++)
		if (!isalnum((unsigned char)*c) && !strchr("/_+-", *c))
			return error_set(err, ERR_INVALID,
				"\"%s\" is not a time zone such as Europe/Berlin", value);
	return value_optional(at, value, place, arg, err);
}

int value_folder(void *at, const char *value, const struct value_place *place, const void *arg,
	struct error *err)
{
	if (*value == '.' || strchr(value, '/') || strlen(value) > 200)
		return error_set(err, ERR_INVALID, "\"%s\" cannot be the name of a folder", value);
	return value_text(at, value, place, arg, err);
}

/* N of "last-N-days"; -1 when the text is something else. */
static long last_days(const char *value)
{
	static const char before[] = "last-";
	char *after;
	long days;

	if (strncasecmp(value, before, strlen(before)) != 0 ||
		!isdigit((unsigned char)value[strlen(before)]))
		return -1;
	days = strtol(value + strlen(before), &after, 10);
	return strcasecmp(after, "-days") ? -1 : days;
}

int value_limit(void *at, const char *value, const struct value_place *place, const void *arg,
	struct error *err)
{
	bool month = !strcasecmp(value, "last-month");
	long days = strcasecmp(value, "today") ? last_days(value) : 0;

	(void)place;
	(void)arg;
	if (days < 0 && !month)
		return error_set(err, ERR_INVALID,
			"\"%s\" is none of today, last-month, last-N-days", value);
	if (days > EVENTS_DAYS_MAX)
		return error_set(
			err, ERR_INVALID, "%ld days are more than %d", days, EVENTS_DAYS_MAX);
	*(int *)at = month ? EVENTS_LAST_MONTH : (int)days;
	return 0;
}

int value_switch(void *at, const char *value, const struct value_place *place, const void *arg,
	struct error *err)
{
	(void)value;
	(void)place;
	(void)err;
	*(bool *)at = *(const bool *)arg;
	return 0;
}

char *config_address(const char *text, struct error *err)
{
	const char *at = strchr(text, '@');
	size_t len = strlen(text);
	char *address;

	if (!at || at == text || !at[1] || strchr(at + 1, '@') || len > 200 || text[0] == '.')
		goto bad;
	for (const char *c = text; *c; c++)
		if ((unsigned char)*c <= ' ' || *c == 0x7f || strchr("/\\,;:<>()[]\"*?", *c))
			goto bad;
	address = xstrdup(text);
	for (char *c = address; *c; c++)
		if (*c >= 'A' && *c <= 'Z')
			*c += 'a' - 'A';
	return address;
bad:
	error_set(err, ERR_INVALID, "\"%s\" is not an e-mail address", text);
	return NULL;
}
