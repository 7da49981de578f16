/* RecurrenceRule <-> RECUR: one row a part. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "sync/formats/card_slots.h"
#include "sync/formats/recur.h"
#include "sync/mem.h"

#define LIST_MAX 400 /* values in one part */

enum part_type { PART_NUMBER, PART_NUMBERS, PART_MONTHS, PART_DAYS, PART_WORD };

struct part {
	const char *name;
	const char *member;
	enum part_type type;
	int min;
	int max;
	bool negative; /* -max to -min too */
	const char *words;
};

/* In the order in which they are written. */
static const struct part parts[] = {
	{ "RSCALE", "rscale", PART_WORD, .words = NULL },
	{ "FREQ", "frequency", PART_WORD,
		.words = "yearly monthly weekly daily hourly minutely secondly" },
	{ "COUNT", "count", PART_NUMBER, .min = 1, .max = 1 << 30 },
	{ "INTERVAL", "interval", PART_NUMBER, .min = 1, .max = 32767 },
	{ "BYSECOND", "bySecond", PART_NUMBERS, .min = 0, .max = 60 },
	{ "BYMINUTE", "byMinute", PART_NUMBERS, .min = 0, .max = 59 },
	{ "BYHOUR", "byHour", PART_NUMBERS, .min = 0, .max = 23 },
	{ "BYDAY", "byDay", PART_DAYS, .min = 1, .max = 53, .negative = true },
	{ "BYMONTHDAY", "byMonthDay", PART_NUMBERS, .min = 1, .max = 31, .negative = true },
	{ "BYYEARDAY", "byYearDay", PART_NUMBERS, .min = 1, .max = 366, .negative = true },
	{ "BYWEEKNO", "byWeekNo", PART_NUMBERS, .min = 1, .max = 53, .negative = true },
	{ "BYMONTH", "byMonth", PART_MONTHS, .min = 1, .max = 12 },
	{ "BYSETPOS", "bySetPosition", PART_NUMBERS, .min = 1, .max = 366, .negative = true },
	{ "WKST", "firstDayOfWeek", PART_WORD, .words = "mo tu we th fr sa su" },
	{ "SKIP", "skip", PART_WORD, .words = "omit backward forward" },
};

static const char days[7][3] = { "su", "mo", "tu", "we", "th", "fr", "sa" };

const char *recur_day(int weekday)
{
	return days[weekday];
}

int recur_weekday(const char *day, size_t len)
{
	for (int i = 0; i < 7; i++) {
		if (len == 2 && strncasecmp(day, days[i], 2) == 0)
			return i;
	}
	return -1;
}

static bool in_range(const struct part *part, long value)
{
	return (value >= part->min && value <= part->max) ||
	       (part->negative && value <= -part->min && value >= -part->max);
}

static bool fits_word(const struct part *part, const char *text, size_t len)
{
	if (part->words)
		return card_word_in(part->words, text, len);
	return len > 0 && len < 32 &&
	       strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-") >=
		       len;
}

/* --- reading ---------------------------------------------------------------------------------- */

static int bad_part(const char *text, size_t len, struct error *err)
{
	return error_set(
		err, ERR_INVALID, "%.*s cannot be understood", (int)(len < 80 ? len : 80), text);
}

static bool read_number(const char *text, size_t len, long *value)
{
	size_t digits = *text == '-' || *text == '+' ? 1 : 0;

	if (len <= digits || len > digits + 9)
		return false;
	for (size_t i = digits; i < len; i++) {
		if (!isdigit((unsigned char)text[i]))
			return false;
	}
	*value = strtol(text, NULL, 10);
	return true;
}

static json_t *read_day(const struct part *part, const char *text, size_t len)
{
	int weekday = len >= 2 ? recur_weekday(text + len - 2, 2) : -1;
	long nth = 0;
	json_t *day;

	if (weekday < 0 || (len > 2 && (!read_number(text, len - 2, &nth) || !in_range(part, nth))))
		return NULL;
	day = json_pack("{s:s, s:s}", "@type", "NDay", "day", days[weekday]);
	if (len > 2)
		json_object_set_new(day, "nthOfPeriod", json_integer(nth));
	return day;
}

static json_t *read_one(const struct part *part, const char *text, size_t len)
{
	char month[4];
	long value;

	if (part->type == PART_DAYS)
		return read_day(part, text, len);
	if (part->type == PART_MONTHS && len > 1 && len <= 3 && text[len - 1] == 'L') {
		if (!read_number(text, len - 1, &value) || value < 1 || value > 13)
			return NULL;
		return json_sprintf("%ldL", value);
	}
	if (!read_number(text, len, &value) || !in_range(part, value))
		return NULL;
	if (part->type != PART_MONTHS)
		return json_integer(value);
	month[0] = (char)('0' + value / 10);
	month[1] = (char)('0' + value % 10);
	month[2] = '\0';
	return json_string(value < 10 ? month + 1 : month);
}

static bool has(const json_t *list, const json_t *one)
{
	json_t *other;
	size_t i;

	json_array_foreach((json_t *)list, i, other)
		if (json_equal(other, one))
			return true;
	return false;
}

/* What stands twice makes each occurrence once (RFC 5545 section 3.3.10), but confuses other programs. */
static json_t *read_list(const struct part *part, const char *text, size_t len)
{
	json_t *list = json_array();

	for (size_t at = 0; at <= len;) {
		const char *comma = memchr(text + at, ',', len - at);
		size_t n = comma ? (size_t)(comma - text - at) : len - at;
		json_t *one = n ? read_one(part, text + at, n) : NULL;

		if ((n && !one) || json_array_size(list) >= LIST_MAX) {
			json_decref(one);
			json_decref(list);
			return NULL;
		}
		if (one && !has(list, one)) /* a comma at the end is what some write */
			json_array_append(list, one);
		json_decref(one);
		at += n + 1;
	}
	if (json_array_size(list) > 0)
		return list;
	json_decref(list);
	return NULL;
}

static json_t *read_word(const struct part *part, const char *text, size_t len)
{
	char word[32];

	if (!fits_word(part, text, len))
		return NULL;
	for (size_t i = 0; i < len; i++)
		word[i] = (char)tolower((unsigned char)text[i]);
	return json_stringn(word, len);
}

static json_t *read_part(const struct part *part, const char *text, size_t len)
{
	if (part->type == PART_WORD)
		return read_word(part, text, len);
	if (part->type == PART_NUMBER)
		return read_one(part, text, len);
	return read_list(part, text, len);
}

/* NAME=VALUE */
static int take_part(json_t *rule, const char *text, size_t len, char **until, struct error *err)
{
	const char *equals = memchr(text, '=', len);
	size_t name = equals ? (size_t)(equals - text) : len;
	const char *value = text + name + 1;
	size_t n = equals ? len - name - 1 : 0;
	json_t *read = NULL;

	if (equals && name == 5 && strncasecmp(text, "UNTIL", 5) == 0) {
		free(*until);
		*until = xstrndup(value, n);
		return 0;
	}
	for (size_t i = 0; equals && i < ARRAY_SIZE(parts); i++) {
		if (strlen(parts[i].name) != name || strncasecmp(parts[i].name, text, name) != 0)
			continue;
		read = read_part(&parts[i], value, n);
		if (read)
			json_object_set_new(rule, parts[i].member, read);
		break;
	}
	return read ? 0 : bad_part(text, len, err);
}

int recur_read(const char *text, json_t **rule, char **until, struct error *err)
{
	json_t *out = json_pack("{s:s}", "@type", "RecurrenceRule");
	int rc = 0;

	*until = NULL;
	for (const char *p = text; rc == 0 && *p;) {
		size_t n = strcspn(p, ";");
		size_t len = n;

		while (len && isspace((unsigned char)p[len - 1]))
			len--;
		if (len)
			rc = take_part(out, p, len, until, err);
		p += n + (p[n] == ';');
	}
	if (rc == 0 && !json_object_get(out, "frequency"))
		rc = error_set(err, ERR_INVALID, "FREQ is missing");
	if (rc == 0 && *until && json_object_get(out, "count"))
		rc = error_set(err, ERR_INVALID, "UNTIL and COUNT exclude each other");
	if (rc) {
		mem_autofree(until);
		*until = NULL;
		json_decref(out);
		return rc;
	}
	if (json_integer_value(json_object_get(out, "interval")) == 1)
		json_object_del(out, "interval"); /* the default */
	*rule = out;
	return 0;
}

/* --- checking and writing --------------------------------------------------------------------- */

static bool is_day(const struct part *part, const json_t *day)
{
	const char *name = card_string(day, "day");
	const json_t *nth = json_object_get(day, "nthOfPeriod");

	return name && recur_weekday(name, strlen(name)) >= 0 &&
	       (!nth || (json_is_integer(nth) && in_range(part, (long)json_integer_value(nth))));
}

static bool is_month(const char *text)
{
	size_t digits = text ? strspn(text, "0123456789") : 0;
	long month;

	if (digits < 1 || digits > 2 || (text[digits] && strcmp(text + digits, "L") != 0))
		return false;
	month = strtol(text, NULL, 10);
	return month >= 1 && month <= (text[digits] ? 13 : 12);
}

static bool is_one(const struct part *part, const json_t *value)
{
	switch (part->type) {
	case PART_NUMBER:
	case PART_NUMBERS:
		return json_is_integer(value) && in_range(part, (long)json_integer_value(value));
	case PART_MONTHS:
		return is_month(json_string_value(value));
	case PART_DAYS:
		return is_day(part, value);
	case PART_WORD:
		return json_is_string(value) &&
		       fits_word(part, json_string_value(value), json_string_length(value));
	}
	return false;
}

static int check_part(const struct part *part, const json_t *value, struct error *err)
{
	json_t *one;
	size_t i;

	if (part->type == PART_NUMBER || part->type == PART_WORD) {
		if (!is_one(part, value))
			return error_set(
				err, ERR_INVALID, "%s: not a value it can have", part->member);
		return 0;
	}
	if (!json_is_array(value) || json_array_size(value) > LIST_MAX)
		return error_set(err, ERR_INVALID, "%s: must be an array", part->member);
	json_array_foreach(value, i, one) {
		if (!is_one(part, one))
			return error_set(err, ERR_INVALID, "%s/%zu: not a value it can have",
				part->member, i);
	}
	return 0;
}

int recur_check(const json_t *rule, struct error *err)
{
	if (!json_is_object(rule))
		return error_set(err, ERR_INVALID, "must be an object");
	if (!json_object_get(rule, "frequency"))
		return error_set(err, ERR_INVALID, "frequency: missing");
	if (json_object_get(rule, "count") && json_object_get(rule, "until"))
		return error_set(err, ERR_INVALID, "until: excludes count");
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		const json_t *value = json_object_get(rule, parts[i].member);
		int rc = value ? check_part(&parts[i], value, err) : 0;

		if (rc)
			return rc;
	}
	return 0;
}

static void add_upper(struct buf *out, const char *text)
{
	for (; *text; text++)
		buf_addc(out, (char)toupper((unsigned char)*text));
}

static void add_one(const struct part *part, const json_t *value, struct buf *out)
{
	if (part->type == PART_DAYS) {
		const json_t *nth = json_object_get(value, "nthOfPeriod");

		if (nth)
			buf_addf(out, "%d", (int)json_integer_value(nth));
		value = json_object_get(value, "day");
	}
	if (json_is_integer(value))
		buf_addf(out, "%d", (int)json_integer_value(value));
	else
		add_upper(out, json_string_value(value));
}

static void add_part(const struct part *part, const json_t *value, struct buf *out)
{
	const char *separator = "=";
	json_t *one;
	size_t i;

	if (!value || check_part(part, value, NULL))
		return;
	if (out->len && out->data[out->len - 1] != ':')
		buf_addc(out, ';');
	buf_adds(out, part->name);
	if (!json_is_array(value)) {
		buf_addc(out, '=');
		add_one(part, value, out);
		return;
	}
	json_array_foreach(value, i, one) {
		buf_adds(out, separator);
		add_one(part, one, out);
		separator = ",";
	}
}

void recur_write(const json_t *rule, const char *until, struct buf *out)
{
	struct buf text AUTOBUF = BUF_INIT(1 << 20);

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		const json_t *value = json_object_get(rule, parts[i].member);

		if (json_is_array(value) && json_array_size(value) == 0)
			continue;
		add_part(&parts[i], value, &text);
		if (until && strcmp(parts[i].name, "FREQ") == 0)
			buf_addf(&text, ";UNTIL=%s", until);
	}
	buf_add(out, buf_str(&text), text.len);
}
