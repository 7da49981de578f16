/* Shapes of JSON.  See shape.h. */
#include "sync/formats/shape.h"

#include <string.h>

#include "sync/formats/caltime.h"
#include "sync/formats/recur.h"
#include "sync/formats/zone.h"
#include "sync/mem.h"

static int wrong(const char *path, const char *what, struct error *err)
{
	return error_set(err, ERR_INVALID, "%.200s: must be %s", path, what);
}

static int check_set(const json_t *value, const char *path, struct error *err)
{
	const char *key;
	json_t *on;

	if (!json_is_object(value))
		return wrong(path, "an object", err);
	json_object_foreach((json_t *)value, key, on) {
		if (!json_is_true(on))
			return error_set(
				err, ERR_INVALID, "%.200s/%.100s: must be true", path, key);
	}
	return 0;
}

static int check_props(const json_t *value, const char *path, struct error *err)
{
	json_t *prop;
	size_t i;

	if (!json_is_array(value))
		return wrong(path, "an array", err);
	json_array_foreach(value, i, prop) {
		if (json_array_size(prop) < 4 || !json_is_string(json_array_get(prop, 0)) ||
			!json_is_object(json_array_get(prop, 1)) ||
			!json_is_string(json_array_get(prop, 2)))
			return error_set(err, ERR_INVALID,
				"%.200s/%zu: must be [name, {parameters}, type, value]", path, i);
	}
	return 0;
}

static bool is_part(const json_t *date, const char *member, json_int_t max)
{
	const json_t *value = json_object_get(date, member);

	return !value || (json_is_integer(value) && json_integer_value(value) >= 1 &&
				 json_integer_value(value) <= max);
}

static int check_date(const json_t *value, const char *path, struct error *err)
{
	const json_t *utc = json_object_get(value, "utc");

	if (!json_is_object(value))
		return wrong(path, "a PartialDate or Timestamp", err);
	if (utc ? !json_is_string(utc)
		: !is_part(value, "year", 9999) || !is_part(value, "month", 12) ||
				!is_part(value, "day", 31))
		return wrong(path, "a PartialDate or Timestamp", err);
	return 0;
}

static int check_time(const json_t *value, enum shape shape, const char *path, struct error *err)
{
	const char *text = json_string_value(value);
	struct caltime_duration duration;
	char iana[ZONE_NAME];
	int64_t time;

	if (shape == SHAPE_LOCAL && !caltime_read_local(text, &time))
		return wrong(path, "a local date-time like 2026-11-22T10:00:00", err);
	if (shape == SHAPE_UTC && !caltime_read_utc(text, &time))
		return wrong(path, "a UTC date-time like 2026-11-22T10:00:00Z", err);
	if (shape == SHAPE_DURATION && !caltime_read_duration(text, &duration))
		return wrong(path, "a duration like PT1H30M or P1D", err);
	if (shape == SHAPE_ZONE && !json_is_null(value) &&
		(!text || !zone_find(text, iana) || strcmp(text, iana) != 0))
		return wrong(path, "a time zone like Europe/Berlin, or null", err);
	return 0;
}

static int check_shape(const json_t *value, enum shape shape, const char *path, struct error *err)
{
	switch (shape) {
	case SHAPE_TEXT:
		return json_is_string(value) ? 0 : wrong(path, "text", err);
	case SHAPE_OBJECT:
		return json_is_object(value) ? 0 : wrong(path, "an object", err);
	case SHAPE_ARRAY:
		return json_is_array(value) ? 0 : wrong(path, "an array", err);
	case SHAPE_NUMBER:
		return json_is_integer(value) ? 0 : wrong(path, "a whole number", err);
	case SHAPE_BOOLEAN:
		return json_is_boolean(value) ? 0 : wrong(path, "true or false", err);
	case SHAPE_SET:
		return check_set(value, path, err);
	case SHAPE_DATE:
		return check_date(value, path, err);
	case SHAPE_PROPS:
		return check_props(value, path, err);
	case SHAPE_RULE:
		return recur_check(value, err) ? error_prefix(err, "%.200s", path) : 0;
	default:
		return check_time(value, shape, path, err);
	}
}

/* Checks all values that `pattern` leads to from `node`; absent ones are right.  The patterns of
 * the tables bound the depth. */
static int check_path(const json_t *node, const char *pattern, enum shape shape, const char *path,
	struct error *err)
{
	size_t n = strcspn(pattern, "/");
	const char *rest = pattern[n] ? pattern + n + 1 : NULL;
	char *part AUTOFREE = xstrndup(pattern, n);
	const char *key;
	json_t *value;
	size_t i;
	int rc = 0;

	if (strcmp(part, "[]") == 0) {
		json_array_foreach(node, i, value) {
			char *here AUTOFREE = xasprintf("%s/%zu", path, i);

			rc = rest ? check_path(value, rest, shape, here, err)
				  : check_shape(value, shape, here, err);
			if (rc)
				break;
		}
		return rc;
	}
	json_object_foreach((json_t *)node, key, value) {
		char *here AUTOFREE = NULL;

		if (strcmp(part, "*") != 0 && strcmp(part, key) != 0)
			continue;
		here = *path ? xasprintf("%s/%s", path, key) : xstrdup(key);
		rc = rest ? check_path(value, rest, shape, here, err)
			  : check_shape(value, shape, here, err);
		if (rc)
			break;
	}
	return rc;
}

int shape_check(const json_t *node, const char *pattern, enum shape shape, struct error *err)
{
	return check_path(node, pattern, shape, "", err);
}
