/* One value on its way in: checked against its field, normalised as Salesforce does.
 *
 * Text is trimmed, and empty text is no value at all. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "sync/mem.h"
#include "tests/sim/sf.h"

/* Dates ----------------------------------------------------------------------------------- */

bool sf_parse_date(const char *text)
{
	struct tm tm = { 0 };
	struct tm back;
	const char *end = strptime(text, "%Y-%m-%d", &tm);
	time_t t;

	if (!end || *end || strlen(text) != 10)
		return false;
	t = timegm(&tm);
	gmtime_r(&t, &back);
	return back.tm_mday == tm.tm_mday && back.tm_mon == tm.tm_mon;
}

/* Two digits at s, or -1. */
static int two_digits(const char *s)
{
	if (!isdigit((unsigned char)s[0]) || !isdigit((unsigned char)s[1]))
		return -1;
	return (s[0] - '0') * 10 + s[1] - '0';
}

/* "Z", "+0000", "+00:00" */
static bool parse_zone(const char *s, int64_t *offset)
{
	const char *rest;
	int hours, minutes;

	*offset = 0;
	if (strcmp(s, "Z") == 0)
		return true;
	if (*s != '+' && *s != '-')
		return false;
	hours = two_digits(s + 1);
	if (hours < 0)
		return false;
	rest = s + 3 + (s[3] == ':');
	minutes = two_digits(rest);
	if (minutes < 0 || rest[2])
		return false;
	*offset = (hours * INT64_C(60) + minutes) * (*s == '-' ? -60 : 60);
	return true;
}

bool sf_parse_datetime(const char *text, int64_t *seconds)
{
	struct tm tm = { 0 };
	const char *s = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
	int64_t offset;

	if (!s)
		return false;
	if (*s == '.') {
		s++;
		if (!isdigit((unsigned char)*s))
			return false;
		s += strspn(s, "0123456789");
	}
	if (!parse_zone(s, &offset))
		return false;
	*seconds = timegm(&tm) - offset;
	return true;
}

void sf_format_datetime(int64_t seconds, char *out)
{
	time_t t = (time_t)seconds;
	struct tm tm;

	gmtime_r(&t, &tm);
	strftime(out, 32, "%Y-%m-%dT%H:%M:%S.000+0000", &tm);
}

bool sf_parse_http_date(const char *text, int64_t *seconds)
{
	struct tm tm = { 0 };
	const char *end = strptime(text, "%a, %d %b %Y %H:%M:%S GMT", &tm);

	if (!end || *end)
		return false;
	*seconds = timegm(&tm);
	return true;
}

/* Text ------------------------------------------------------------------------------------ */

static size_t characters(const char *s)
{
	size_t n = 0;

	for (; *s; s++)
		n += ((unsigned char)*s & 0xc0) != 0x80;
	return n;
}

static char *trimmed(const char *s)
{
	size_t len;

	while (isspace((unsigned char)*s))
		s++;
	len = strlen(s);
	while (len && isspace((unsigned char)s[len - 1]))
		len--;
	return xstrndup(s, len);
}

static bool email_valid(const char *s)
{
	const char *at = strchr(s, '@');
	const char *dot = at ? strrchr(at, '.') : NULL;

	if (!at || at == s || strchr(at + 1, '@') || !dot || dot == at + 1 || !dot[1])
		return false;
	return !strpbrk(s, " \t\r\n,;<>()[]\\\"") && !strstr(s, "..") && at[-1] != '.' &&
	       s[0] != '.';
}

bool sf_in_list(const char *list, const char *value)
{
	size_t len = strlen(value);

	while (list && *list) {
		size_t n = strcspn(list, "|");

		if (n == len && strncasecmp(list, value, len) == 0)
			return true;
		list += n + (list[n] == '|');
	}
	return false;
}

/* What is wrong with the text for this field, or NULL. */
static json_t *check_text(const struct sf_field *field, const char *text)
{
	if (field->type == SF_EMAIL && !email_valid(text))
		return sf_error("INVALID_EMAIL_ADDRESS", field->name,
			"%s: invalid email address: %s", field->label, text);
	if (field->length && characters(text) > (size_t)field->length)
		return sf_error("STRING_TOO_LONG", field->name,
			"%s: data value too large: %s (max length=%d)", field->label, text,
			field->length);
	if (field->flags & SF_RESTRICTED && !sf_in_list(field->values, text))
		return sf_error("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", field->name,
			"%s: bad value for restricted picklist field: %s", field->label, text);
	return NULL;
}

static const char *json_kind(const json_t *value)
{
	switch (json_typeof(value)) {
	case JSON_OBJECT:
		return "START_OBJECT";
	case JSON_ARRAY:
		return "START_ARRAY";
	case JSON_STRING:
		return "VALUE_STRING";
	case JSON_INTEGER:
		return "VALUE_NUMBER_INT";
	case JSON_REAL:
		return "VALUE_NUMBER_FLOAT";
	case JSON_TRUE:
		return "VALUE_TRUE";
	case JSON_FALSE:
		return "VALUE_FALSE";
	default:
		return "VALUE_NULL";
	}
}

static json_t *wrong_type(const struct sf_field *field, const char *type, const json_t *value)
{
	char *shown = json_dumps(value, JSON_ENCODE_ANY);
	json_t *error = sf_error("JSON_PARSER_ERROR", NULL,
		"Cannot deserialize instance of %s from %s value %s or request may be missing a "
		"required field at [field %s]",
		type, json_kind(value), shown ? shown : "", field->name);

	free(shown);
	return error;
}

static json_t *text_in(const struct sf_field *field, const json_t *value, json_t **errors)
{
	char *text AUTOFREE = NULL;

	if (!json_is_string(value)) {
		*errors = wrong_type(field, "string", value);
		return NULL;
	}
	text = trimmed(json_string_value(value));
	if (!*text)
		return json_null();
	*errors = check_text(field, text);
	return *errors ? NULL : json_string(text);
}

static json_t *reference_in(
	struct sf *sf, const struct sf_field *field, const json_t *value, json_t **errors)
{
	const char *id = json_string_value(value);
	const struct sf_table *table = NULL;
	const struct sf_record *target;

	if (!id) {
		*errors = wrong_type(field, "reference", value);
		return NULL;
	}
	if (!*id)
		return json_null();
	if (!sf_id_valid(id)) {
		*errors = sf_error("MALFORMED_ID", field->name,
			"%s: id value of incorrect type: %s", field->label, id);
		return NULL;
	}
	table = sf_table_of_id(sf, id);
	if (!table || !sf_in_list(field->refers, table->name)) {
		*errors = sf_error("FIELD_INTEGRITY_EXCEPTION", field->name,
			"%s: id value of incorrect type: %s", field->label, id);
		return NULL;
	}
	target = sf_find(sf, id);
	if (!target || target->deleted) {
		*errors = sf_error(
			"INVALID_CROSS_REFERENCE_KEY", NULL, "invalid cross reference id");
		return NULL;
	}
	return json_string(target->id);
}

static json_t *date_in(const struct sf_field *field, const json_t *value, json_t **errors)
{
	const char *text = json_string_value(value);
	int64_t seconds;
	char out[32];

	if (text && !*text)
		return json_null();
	if (text && field->type == SF_DATE && sf_parse_date(text))
		return json_string(text);
	if (text && field->type == SF_DATE && sf_parse_datetime(text, &seconds)) {
		sf_format_datetime(seconds, out);
		out[10] = '\0';
		return json_string(out);
	}
	if (text && field->type == SF_DATETIME && sf_parse_datetime(text, &seconds)) {
		sf_format_datetime(seconds, out);
		return json_string(out);
	}
	*errors = wrong_type(field, field->type == SF_DATE ? "date" : "datetime", value);
	return NULL;
}

json_t *sf_value_in(
	struct sf *sf, const struct sf_field *field, const json_t *value, json_t **errors)
{
	if (json_is_null(value))
		return field->type == SF_BOOLEAN ? json_false() : json_null();
	switch (field->type) {
	case SF_REFERENCE:
	case SF_ID:
		return reference_in(sf, field, value, errors);
	case SF_DATE:
	case SF_DATETIME:
		return date_in(field, value, errors);
	case SF_BOOLEAN:
		if (json_is_boolean(value))
			return json_boolean(json_is_true(value));
		*errors = wrong_type(field, "boolean", value);
		return NULL;
	case SF_INT:
		if (json_is_integer(value))
			return json_integer(json_integer_value(value));
		*errors = wrong_type(field, "int", value);
		return NULL;
	case SF_DOUBLE:
	case SF_CURRENCY:
		if (json_is_number(value))
			return json_real(json_number_value(value));
		*errors = wrong_type(field, "double", value);
		return NULL;
	default:
		return text_in(field, value, errors);
	}
}
