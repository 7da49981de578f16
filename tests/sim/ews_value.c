/* An item's properties: cells of text addressed by (row of the table, key, part).
 *
 * Lists use the index as the key, dictionaries the number of their Key, addresses also the part.
 * A deleted cell stays with text NULL and the change number that deleted it, so that UpdateItem can
 * tell what changed since a ChangeKey.  Empty texts delete, as in Exchange. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "sync/mem.h"
#include "tests/sim/ews.h"

static struct ews_value *find(const struct ews_item *item, int prop, int key, int part)
{
	for (size_t i = 0; i < item->n_values; i++) {
		struct ews_value *v = &item->values[i];

		if (v->prop == prop && v->key == key && v->part == part)
			return v;
	}
	return NULL;
}

const char *ews_get(const struct ews_item *item, int prop, int key, int part)
{
	const struct ews_value *v = find(item, prop, key, part);

	return v ? v->text : NULL;
}

/* The row of this FieldURI for the item's kind: DisplayName has one for contacts, one for lists. */
static int row_for(const struct ews_item *item, const char *uri)
{
	int prop = ews_prop_by_uri(item->mailbox->ews, uri);

	if (prop >= 0 && !(ews_props[prop].kind & item->kind))
		return ews_prop_by_element(item->kind, ews_props[prop].element);
	return prop;
}

const char *ews_get_uri(const struct ews_item *item, const char *uri)
{
	int prop = row_for(item, uri);

	return prop < 0 ? NULL : ews_get(item, prop, 0, 0);
}

struct ews_value *ews_cell(struct ews_item *item, int prop, int key, int part)
{
	struct ews_value *v = find(item, prop, key, part);

	if (v)
		return v;
	if (item->n_values % 8 == 0)
		item->values = xreallocarray(item->values, item->n_values + 8, sizeof(*v));
	v = &item->values[item->n_values++];
	*v = (struct ews_value){ .prop = (unsigned short)prop,
		.key = (unsigned short)key,
		.part = (unsigned short)part };
	return v;
}

void ews_put(struct ews_item *item, int prop, int key, int part, const char *text)
{
	struct ews_value *v;

	if (text && !*text)
		text = NULL;
	if (!text && !find(item, prop, key, part))
		return;
	v = ews_cell(item, prop, key, part);
	free(v->text);
	v->text = xstrdup(text);
	v->change = item->change + 1;
}

void ews_put_uri(struct ews_item *item, const char *uri, const char *text)
{
	int prop = row_for(item, uri);

	if (prop >= 0)
		ews_put(item, prop, 0, 0, text);
}

void ews_clear(struct ews_item *item, int prop, int key)
{
	for (size_t i = 0; i < item->n_values; i++) {
		struct ews_value *v = &item->values[i];

		if (v->prop != prop || (key >= 0 && v->key != key))
			continue;
		free(v->text);
		v->text = NULL;
		v->change = item->change + 1;
	}
}

char *ews_value_text(const struct ews_item *item, int prop)
{
	const char *stored = ews_get(item, prop, 0, 0);

	if (stored)
		return xstrdup(stored);
	return ews_props[prop].compute ? ews_props[prop].compute(item) : NULL;
}

static char *date_of(time_t seconds)
{
	char text[32];
	struct tm tm;

	gmtime_r(&seconds, &tm);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
	return xstrdup(text);
}

char *ews_date_text(int64_t ns)
{
	return date_of((time_t)(ns / 1000000000));
}

char *ews_stamp(const struct ews *ews, int64_t ns)
{
	char *text AUTOFREE = ews_date_text(ns);
	int places = 1 + (int)(ns / 1000000000 % 7);

	if (!ews->untidy)
		return xstrdup(text);
	text[strlen(text) - 1] = '\0';
	return xasprintf("%s.%0*dZ", text, places, 5);
}

static bool digits(const char *s, size_t n)
{
	return strspn(s, "0123456789") >= n;
}

/* Offset of an xs:dateTime in seconds; false when what is left is no time zone. */
static bool zone(const char *s, long *offset)
{
	*offset = 0;
	if (!*s || !strcmp(s, "Z"))
		return true;
	if ((*s != '+' && *s != '-') || strlen(s) != 6 || s[3] != ':' || !digits(s + 1, 2) ||
		!digits(s + 4, 2))
		return false;
	*offset = strtol(s + 1, NULL, 10) * 3600 + strtol(s + 4, NULL, 10) * 60;
	if (*s == '-')
		*offset = -*offset;
	return true;
}

char *ews_date_normal(const char *text)
{
	struct tm tm = { 0 };
	const char *rest;
	long offset;

	while (isspace((unsigned char)*text))
		text++;
	rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
	if (!rest || rest - text != 19)
		return NULL;
	if (*rest == '.')
		rest += 1 + strspn(rest + 1, "0123456789");
	if (!zone(rest, &offset))
		return NULL;
	return date_of(timegm(&tm) - offset); /* 64 bits of ns end at 1677 */
}

char *ews_crlf(const char *text)
{
	struct buf b = BUF_INIT(EWS_ANSWER_LIMIT);

	for (; *text; text++) {
		if (*text == '\r' && text[1] == '\n')
			continue;
		if (*text == '\r' || *text == '\n')
			buf_adds(&b, "\r\n");
		else
			buf_addc(&b, *text);
	}
	return buf_take(&b);
}
