/* Names of time zones, through ICU.  See zone.h. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unicode/ucal.h>
#include <unicode/uenum.h>
#include <unicode/ustring.h>

#include "sync/formats/zone.h"
#include "sync/mem.h"

static bool exists(const char *name)
{
	struct zones zones = { 0 };
	bool found = zones_get(&zones, name);

	zones_free(&zones);
	return found;
}

static bool take(const char *name, char iana[ZONE_NAME])
{
	static const char *const utc[] = { "UTC", "Etc/UTC", "Z", "Zulu", "Etc/Zulu", "UCT",
		"Etc/UCT", "Universal", "Etc/Universal", "GMT", "Etc/GMT" };

	for (size_t i = 0; i < ARRAY_SIZE(utc); i++) {
		if (strcasecmp(name, utc[i]) == 0)
			name = "Etc/UTC";
	}
	if (strlen(name) >= ZONE_NAME)
		return false;
	memmove(iana, name, strlen(name) + 1);
	return true;
}

/* False when it does not fit or is no plain text. */
static bool to_chars(const UChar *text, int32_t len, char out[ZONE_NAME])
{
	if (len < 1 || len >= ZONE_NAME)
		return false;
	for (int32_t i = 0; i < len; i++) {
		if (text[i] < 0x20 || text[i] > 0x7e)
			return false;
		out[i] = (char)text[i];
	}
	out[len] = '\0';
	return true;
}

static int32_t from_chars(const char *text, UChar out[ZONE_NAME])
{
	size_t len = strlen(text);

	if (len >= ZONE_NAME)
		return -1;
	for (size_t i = 0; i <= len; i++)
		out[i] = (unsigned char)text[i] < 0x80 ? (UChar)text[i] : '?';
	return (int32_t)len;
}

/* CLDR keeps the first name that it had for a zone; the tz database has renamed these since. */
static const char *renamed(const char *name)
{
	static const char *const names[][2] = {
		{ "America/Buenos_Aires", "America/Argentina/Buenos_Aires" },
		{ "America/Godthab", "America/Nuuk" },
		{ "America/Indianapolis", "America/Indiana/Indianapolis" },
		{ "Asia/Calcutta", "Asia/Kolkata" },
		{ "Asia/Katmandu", "Asia/Kathmandu" },
		{ "Asia/Rangoon", "Asia/Yangon" },
		{ "Europe/Kiev", "Europe/Kyiv" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (!strcmp(names[i][0], name) && exists(names[i][1]))
			return names[i][1];
	return name;
}

static bool from_windows(const char *name, char iana[ZONE_NAME])
{
	UErrorCode status = U_ZERO_ERROR;
	UChar windows[ZONE_NAME];
	UChar id[ZONE_NAME];
	int32_t len = from_chars(name, windows);

	if (len <= 0)
		return false;
	len = ucal_getTimeZoneIDForWindowsID(windows, len, NULL, id, ZONE_NAME, &status);
	return U_SUCCESS(status) && to_chars(id, len, iana) && take(renamed(iana), iana) &&
	       exists(iana);
}

/* ICU's name for an alias, or a name in another case. */
static bool by_icu(const char *name, char iana[ZONE_NAME])
{
	UErrorCode status = U_ZERO_ERROR;
	UEnumeration *ids = ucal_openTimeZones(&status);
	UChar id[ZONE_NAME];
	UChar canonical[ZONE_NAME];
	bool found = false;
	const char *known;

	while (U_SUCCESS(status) && !found && (known = uenum_next(ids, NULL, &status))) {
		int32_t len;

		if (strcasecmp(known, name) != 0 || !take(known, iana))
			continue;
		found = exists(iana);
		if (found)
			break;
		from_chars(known, id);
		len = ucal_getCanonicalTimeZoneID(id, -1, canonical, ZONE_NAME, NULL, &status);
		found = U_SUCCESS(status) && to_chars(canonical, len, iana) && exists(iana);
		break;
	}
	uenum_close(ids);
	return found;
}

/* "UTC+01", "GMT -0500", "(GMT+03:00)": a whole number of hours that never changes. */
static bool from_offset(const char *name, char iana[ZONE_NAME])
{
	const char *p = name + (*name == '(');
	char digits[8];
	size_t n = 0;
	char sign;
	long hours;

	if (strncasecmp(p, "UTC", 3) != 0 && strncasecmp(p, "GMT", 3) != 0)
		return false;
	p += 3;
	p += strspn(p, " ");
	sign = *p;
	if (sign != '+' && sign != '-')
		return false;
	for (p++; (*p >= '0' && *p <= '9') || *p == ':' || *p == '.'; p++) {
		if (*p >= '0' && n < sizeof(digits) - 1 && *p != ':')
			digits[n++] = *p;
	}
	digits[n] = '\0';
	if (n == 4 && strcmp(digits + 2, "00") == 0)
		digits[2] = '\0';
	else if (n < 1 || n > 2)
		return false;
	hours = strtol(digits, NULL, 10);
	if (strcmp(p, *name == '(' ? ")" : "") != 0 || hours > 12)
		return false;
	/* The names of the tz database count westward, as POSIX does. */
	if (hours)
		snprintf(iana, ZONE_NAME, "Etc/GMT%c%ld", sign == '+' ? '-' : '+', hours);
	else
		snprintf(iana, ZONE_NAME, "Etc/UTC");
	return exists(iana);
}

static bool find_one(const char *name, char iana[ZONE_NAME])
{
	if (!take(name, iana))
		return false;
	return exists(iana) || from_windows(name, iana) || from_offset(name, iana) ||
	       by_icu(name, iana);
}

bool zone_find(const char *name, char iana[ZONE_NAME])
{
	size_t len = strlen(name);
	char *text AUTOFREE = NULL;

	while (len && strchr(" \t\"", name[len - 1]))
		len--;
	text = xstrndup(name, len);
	name = text + strspn(text, " \t\"");
	if (!*name || strcasecmp(name, "tzone://Microsoft/Utc") == 0)
		name = *name ? "UTC" : "?";
	if (find_one(name, iana))
		return true;
	/* /vendor/version/Europe/Berlin: the longest end that is a name. */
	for (const char *rest = *name == '/' ? name + 1 : NULL; rest; rest = strchr(rest, '/')) {
		rest += *rest == '/';
		if (strchr(rest, '/') && find_one(rest, iana))
			return true;
	}
	return false;
}

#define ALIASES_MAX 256

struct zone_alias {
	char *text;
	char iana[ZONE_NAME];
};

const char *zones_recall(const struct zones *zones, const char *text)
{
	for (size_t i = 0; i < zones->n_aliases; i++)
		if (!strcmp(zones->aliases[i].text, text))
			return zones->aliases[i].iana;
	return NULL;
}

void zones_remember(struct zones *zones, const char *text, const char *iana)
{
	struct zone_alias *alias;

	if (zones->n_aliases == ALIASES_MAX)
		return;
	zones->aliases = xreallocarray(
		zones->aliases, zones->n_aliases + 1, sizeof(*zones->aliases));
	alias = &zones->aliases[zones->n_aliases++];
	alias->text = xstrdup(text);
	snprintf(alias->iana, sizeof(alias->iana), "%s", iana);
}

void zones_forget(struct zones *zones)
{
	for (size_t i = 0; i < zones->n_aliases; i++)
		free(zones->aliases[i].text);
	free(zones->aliases);
	zones->aliases = NULL;
	zones->n_aliases = 0;
}

bool zones_find(struct zones *zones, const char *name, char iana[ZONE_NAME])
{
	const char *known = zones_recall(zones, name);
	bool found;

	if (known) {
		snprintf(iana, ZONE_NAME, "%s", known);
		return *iana;
	}
	found = zone_find(name, iana);
	zones_remember(zones, name, found ? iana : "");
	return found;
}

bool zone_to_windows(const char *iana, char windows[ZONE_NAME])
{
	UErrorCode status = U_ZERO_ERROR;
	UChar id[ZONE_NAME];
	UChar name[ZONE_NAME];
	int32_t len = from_chars(iana, id);

	if (len <= 0)
		return false;
	len = ucal_getWindowsTimeZoneID(id, len, name, ZONE_NAME, &status);
	return U_SUCCESS(status) && to_chars(name, len, windows);
}

/* --- search ----------------------------------------------------------------------------------- */

#define ZONES_MAX 1024

struct candidate {
	char iana[ZONE_NAME];
	char windows[ZONE_NAME];
	size_t rank; /* how many places have its Windows name, if Windows takes it for them all */
};

static int by_windows(const void *a, const void *b)
{
	return strcmp(
		((const struct candidate *)a)->windows, ((const struct candidate *)b)->windows);
}

static int by_rank(const void *a, const void *b)
{
	const struct candidate *x = a;
	const struct candidate *y = b;

	if (x->rank != y->rank)
		return x->rank < y->rank ? 1 : -1;
	return strcmp(x->iana, y->iana);
}

static size_t list_zones(struct candidate *list)
{
	UErrorCode status = U_ZERO_ERROR;
	UEnumeration *ids = ucal_openTimeZoneIDEnumeration(
		UCAL_ZONE_TYPE_CANONICAL_LOCATION, NULL, NULL, &status);
	size_t n = 0;
	const char *name;

	while (U_SUCCESS(status) && n < ZONES_MAX && (name = uenum_next(ids, NULL, &status))) {
		if (!take(renamed(name), list[n].iana))
			continue;
		if (!zone_to_windows(name, list[n].windows))
			list[n].windows[0] = '\0';
		n++;
	}
	uenum_close(ids);
	return n;
}

/* Ranks the zone that Windows means by a name by how many share the name. */
static void rank_zones(struct candidate *list, size_t n)
{
	qsort(list, n, sizeof(*list), by_windows);
	for (size_t i = 0; i < n;) {
		char main_zone[ZONE_NAME];
		size_t end = i;

		while (end < n && strcmp(list[end].windows, list[i].windows) == 0)
			end++;
		if (list[i].windows[0] && from_windows(list[i].windows, main_zone)) {
			for (size_t k = i; k < end; k++) {
				if (strcmp(list[k].iana, main_zone) == 0)
					list[k].rank = end - i;
			}
		}
		i = end;
	}
	qsort(list, n, sizeof(*list), by_rank);
}

/* All zones in the order of a search.  What ICU knows does not change while the program runs, and to list
 * it takes as long as to read a hundred events: read once, at the first search, and only read from then. */
static struct {
	struct candidate list[ZONES_MAX + 1];
	size_t n;
} all_zones;

static void rank_all_zones(void)
{
	all_zones.n = list_zones(all_zones.list + 1) + 1;
	rank_zones(all_zones.list + 1, all_zones.n - 1);
	take("Etc/UTC", all_zones.list[0].iana);
}

bool zone_search(
	bool (*fits)(const struct zone *zone, void *data), void *data, char iana[ZONE_NAME])
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	bool found = false;

	pthread_once(&once, rank_all_zones);
	for (size_t i = 0; i < all_zones.n && !found; i++) {
		struct zones zones = { 0 };
		const struct zone *zone = zones_get(&zones, all_zones.list[i].iana);

		found = zone && fits(zone, data);
		if (found)
			take(all_zones.list[i].iana, iana);
		zones_free(&zones);
	}
	return found;
}
