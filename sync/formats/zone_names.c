/* Names of time zones, through ICU.  See zone.h. */
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

static bool from_windows(const char *name, char iana[ZONE_NAME])
{
	UErrorCode status = U_ZERO_ERROR;
	UChar windows[ZONE_NAME];
	UChar id[ZONE_NAME];
	int32_t len = from_chars(name, windows);

	if (len <= 0)
		return false;
	len = ucal_getTimeZoneIDForWindowsID(windows, len, NULL, id, ZONE_NAME, &status);
	return U_SUCCESS(status) && to_chars(id, len, iana) && take(iana, iana) && exists(iana);
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

static bool find_one(const char *name, char iana[ZONE_NAME])
{
	if (!take(name, iana))
		return false;
	return exists(iana) || from_windows(name, iana) || by_icu(name, iana);
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
