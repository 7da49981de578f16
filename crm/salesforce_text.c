/* Ids, stamps and escapes of Salesforce's REST API. */
#include "crm/private.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <unicode/ucasemap.h>
#include <time.h>

#include "sync/mem.h"

bool salesforce_is_id(const char *id)
{
	size_t len = id ? strlen(id) : 0;

	if (len != 15 && len != 18)
		return false;
	for (; *id; id++)
		if (!isascii(*id) || !isalnum((unsigned char)*id))
			return false;
	return true;
}

char *salesforce_record_id(const char *text)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345";
	char suffix[4] = "";

	if (!salesforce_is_id(text))
		return NULL;
	for (int i = 0; i < 15; i++)
		if (i % 5 == 4) {
			int capitals = 0;

			for (int bit = 0; bit < 5; bit++)
				capitals |= !!isupper((unsigned char)text[i - 4 + bit]) << bit;
			suffix[i / 5] = digits[capitals];
		}
	return xasprintf("%.15s%s", text, strlen(text) == 15 ? suffix : text + 15);
}

void salesforce_add_quoted(struct buf *out, const char *value)
{
	buf_addc(out, '\'');
	for (; *value; value++) {
		if (*value == '\'' || *value == '\\' || *value == '"')
			buf_addc(out, '\\');
		/* An address has no control characters; a blank matches nothing either. */
		buf_addc(out, (unsigned char)*value < ' ' ? ' ' : *value);
	}
	buf_addc(out, '\'');
}

void salesforce_add_encoded(struct buf *out, const char *text)
{
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (isascii(c) && (isalnum(c) || strchr("-._~", c)))
			buf_addc(out, (char)c);
		else
			buf_addf(out, "%%%02X", c);
	}
}

/* `n` digits at *at as a number; false when they are not all digits. */
static bool digits(const char **at, size_t n, int *out)
{
	*out = 0;
	for (; n; n--, (*at)++) {
		if (!isdigit((unsigned char)**at))
			return false;
		*out = *out * 10 + (**at - '0');
	}
	return true;
}

/* "Z", "+0000", "+00:00" in seconds east of UTC. */
static bool zone(const char *at, int *offset)
{
	int hours, minutes, sign = *at == '-' ? -1 : 1;

	*offset = 0;
	if (!strcmp(at, "Z"))
		return true;
	if (*at != '+' && *at != '-')
		return false;
	at++;
	if (!digits(&at, 2, &hours))
		return false;
	at += *at == ':';
	if (!digits(&at, 2, &minutes) || *at)
		return false;
	*offset = sign * (hours * 3600 + minutes * 60);
	return true;
}

bool salesforce_parse_stamp(const char *text, int64_t *ms)
{
	static const char separators[] = "--T::";
	int part[6], millis = 0, weight = 100, offset;
	struct tm tm = { 0 };
	const char *at = text;

	for (int i = 0; i < 6; i++) {
		if (!digits(&at, i ? 2 : 4, &part[i]))
			return false;
		if (i < 5 && *at++ != separators[i])
			return false;
	}
	if (*at == '.')
		for (at++; isdigit((unsigned char)*at); at++, weight /= 10)
			millis += (*at - '0') * weight;
	if (!zone(at, &offset) || part[1] < 1 || part[1] > 12 || part[2] < 1 || part[2] > 31 ||
		part[3] > 23 || part[4] > 59 || part[5] > 60)
		return false;
	tm = (struct tm){ .tm_year = part[0] - 1900,
		.tm_mon = part[1] - 1,
		.tm_mday = part[2],
		.tm_hour = part[3],
		.tm_min = part[4],
		.tm_sec = part[5] };
	*ms = ((int64_t)timegm(&tm) - offset) * 1000 + millis;
	return true;
}

void salesforce_format_stamp(int64_t seconds, char out[32])
{
	time_t t = (time_t)seconds;
	struct tm tm;

	if (!gmtime_r(&t, &tm) || strftime(out, 32, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		snprintf(out, 32, "1970-01-01T00:00:00Z");
}

void salesforce_format_http_date(int64_t seconds, char out[40])
{
	static const char days[7][4] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };
	static const char months[12][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug",
		"Sep", "Oct", "Nov", "Dec" };
	time_t t = (time_t)seconds;
	struct tm tm;
	char year[16];

	if (!gmtime_r(&t, &tm))
		gmtime_r(&(time_t){ 0 }, &tm);
	strftime(year, sizeof(year), "%Y %H:%M:%S", &tm);
	snprintf(out, 40, "%s, %02d %s %s GMT", days[tm.tm_wday], tm.tm_mday % 100,
		months[tm.tm_mon], year);
}

char *salesforce_fold_name(const char *text)
{
	char *trimmed AUTOFREE = salesforce_trim(text ? text : "");
	size_t size = 4 * strlen(trimmed) + 1; /* the longest fold of a character */
	char *folded = xmalloc(size);
	UErrorCode status = U_ZERO_ERROR;
	UCaseMap *map = ucasemap_open("", U_FOLD_CASE_DEFAULT, &status);
	int32_t len = U_FAILURE(status) ? -1
					: ucasemap_utf8FoldCase(
						  map, folded, (int32_t)size, trimmed, -1, &status);

	ucasemap_close(map);
	if (len >= 0 && U_SUCCESS(status) && (size_t)len < size)
		return folded;
	free(folded);
	return xstrdup(trimmed);
}

char *salesforce_trim(const char *text)
{
	size_t len;

	while (isascii(*text) && isspace((unsigned char)*text))
		text++;
	len = strlen(text);
	while (len && isascii(text[len - 1]) && isspace((unsigned char)text[len - 1]))
		len--;
	return xstrndup(text, len);
}

char *salesforce_fold(const char *text)
{
	char *folded = salesforce_trim(text);

	for (char *c = folded; *c; c++)
		if (*c >= 'A' && *c <= 'Z')
			*c += 'a' - 'A';
	return folded;
}
