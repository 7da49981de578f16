/* A parsed query against records: conditions, and the order of the result.
 *
 * Salesforce compares text without regard to case; an empty field equals null only, and `!=` and
 * `NOT IN` are true for it. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>
#include <wctype.h>

#include "sync/mem.h"
#include "tests/sim/sf.h"
#include "tests/sim/sf_text.h"

char *sf_fold(const char *text)
{
	size_t n = strlen(text) + 1;
	char *out = xmalloc(n * 4);
	wchar_t *wide;
	bool ascii = true;

	for (size_t i = 0; i < n; i++) {
		ascii = ascii && !(text[i] & 0x80);
		out[i] = (char)tolower((unsigned char)text[i]);
	}
	if (ascii)
		return out;
	wide = xcalloc(n, sizeof(*wide));
	if (mbstowcs(wide, text, n) != (size_t)-1) {
		for (wchar_t *p = wide; *p; p++)
			*p = (wchar_t)towlower((wint_t)*p);
		wcstombs(out, wide, n * 4);
	}
	free(wide);
	return out;
}

void sf_unescape(char *text)
{
	char *to = text;

	for (; *text; text++) {
		if (*text == '\\' && (text[1] == '%' || text[1] == '_'))
			text++;
		*to++ = *text;
	}
	*to = '\0';
}

static const char *after_character(const char *s)
{
	s++;
	while (((unsigned char)*s & 0xc0) == 0x80)
		s++;
	return s;
}

bool sf_like(const char *text, const char *pattern)
{
	const char *retry_text = NULL, *retry_pattern = NULL;

	while (*text) {
		if (*pattern == '%') {
			retry_pattern = ++pattern;
			retry_text = text;
			continue;
		}
		if (*pattern == '_') {
			pattern++;
			text = after_character(text);
			continue;
		}
		if (*pattern == '\\' && pattern[1] && pattern[1] == *text) {
			pattern += 2;
			text++;
			continue;
		}
		if (*pattern && *pattern != '\\' && *pattern == *text) {
			pattern++;
			text++;
			continue;
		}
		if (!retry_pattern)
			return false;
		pattern = retry_pattern;
		text = retry_text = after_character(retry_text);
	}
	while (*pattern == '%')
		pattern++;
	return !*pattern;
}

const struct sf_record *sf_follow(
	struct sf *sf, const struct sf_path *path, const struct sf_record *record)
{
	for (size_t i = 0; i < path->n_hops; i++) {
		const char *id = sf_text(record, path->hops[i]->name);

		record = id ? sf_find(sf, id) : NULL;
		if (!record)
			return NULL;
	}
	return record;
}

static json_t *path_value(struct sf *sf, const struct sf_path *path, const struct sf_record *record)
{
	const struct sf_record *target;

	if (!path->n_hops)
		return sf_get(record, path->field->name);
	target = sf_follow(sf, path, record);
	return target ? sf_get(target, path->field->name) : NULL;
}

static double as_number(const json_t *value)
{
	return json_is_boolean(value) ? json_is_true(value) : json_number_value(value);
}

/* <0, 0, >0; both are values, text already folded. */
static int compare(const json_t *a, const json_t *b)
{
	double x, y;

	if (json_is_string(a) && json_is_string(b))
		return strcmp(json_string_value(a), json_string_value(b));
	x = as_number(a);
	y = as_number(b);
	return x < y ? -1 : x > y;
}

static bool has_null(const json_t *values)
{
	size_t i;
	json_t *value;

	json_array_foreach(values, i, value)
		if (json_is_null(value))
			return true;
	return false;
}

static bool in_values(const struct sf_expr *e, const json_t *value)
{
	size_t i;
	json_t *other;

	if (!value)
		return has_null(e->values);
	if (json_is_string(value))
		return json_object_get(e->set, json_string_value(value)) != NULL;
	json_array_foreach(e->values, i, other)
		if (!json_is_null(other) && compare(value, other) == 0)
			return true;
	return false;
}

static bool test_value(const struct sf_expr *e, const json_t *value)
{
	const json_t *other = json_array_get(e->values, 0);

	if (e->op == SF_IN)
		return in_values(e, value);
	if (e->op == SF_NOT_IN)
		return !in_values(e, value);
	if (!value || json_is_null(other)) {
		bool equal = !value && json_is_null(other);

		return e->op == SF_EQ ? equal : e->op == SF_NE && !equal;
	}
	switch (e->op) {
	case SF_EQ:
		return compare(value, other) == 0;
	case SF_NE:
		return compare(value, other) != 0;
	case SF_LT:
		return compare(value, other) < 0;
	case SF_LE:
		return compare(value, other) <= 0;
	case SF_GT:
		return compare(value, other) > 0;
	case SF_GE:
		return compare(value, other) >= 0;
	default:
		return sf_like(json_string_value(value), json_string_value(other));
	}
}

static bool test(struct sf *sf, const struct sf_expr *e, const struct sf_record *record)
{
	json_t *value = path_value(sf, &e->path, record);
	char *folded;
	json_t *copy;
	bool result;

	if (!e->text || !value)
		return test_value(e, value);
	if (!json_is_string(value)) /* a seed file may hold anything */
		return test_value(e, NULL);
	folded = sf_fold(json_string_value(value));
	copy = json_string(folded);
	result = test_value(e, copy);
	json_decref(copy);
	free(folded);
	return result;
}

bool sf_matches(struct sf *sf, const struct sf_expr *expr, const struct sf_record *record)
{
	if (!expr)
		return true;
	switch (expr->node) {
	case SF_AND:
		return sf_matches(sf, expr->left, record) && sf_matches(sf, expr->right, record);
	case SF_OR:
		return sf_matches(sf, expr->left, record) || sf_matches(sf, expr->right, record);
	case SF_NOT:
		return !sf_matches(sf, expr->left, record);
	default:
		return test(sf, expr, record);
	}
}

/* Order ----------------------------------------------------------------------------------- */

struct ordering {
	struct sf *sf;
	const struct sf_soql *q;
};

static int compare_text(const json_t *a, const json_t *b)
{
	char *x AUTOFREE = sf_fold(json_string_value(a));
	char *y AUTOFREE = sf_fold(json_string_value(b));

	return strcmp(x, y);
}

static int compare_by(struct sf *sf, const struct sf_order *order, const struct sf_record *a,
	const struct sf_record *b)
{
	const json_t *x = path_value(sf, &order->path, a);
	const json_t *y = path_value(sf, &order->path, b);
	enum sf_type type = order->path.field->type;
	bool exact = type == SF_ID || type == SF_REFERENCE || type == SF_DATE ||
		     type == SF_DATETIME;
	int result;

	if (!x || !y)
		return x == y ? 0 : (!x ? -1 : 1) * (order->nulls_last ? -1 : 1);
	result = json_is_string(x) && json_is_string(y) && !exact ? compare_text(x, y)
								  : compare(x, y);
	return order->descending ? -result : result;
}

static int compare_rows(const void *a, const void *b, void *cls)
{
	const struct sf_record *const *x = a;
	const struct sf_record *const *y = b;
	const struct ordering *o = cls;

	for (size_t i = 0; i < o->q->n_order; i++) {
		int result = compare_by(o->sf, &o->q->order[i], *x, *y);

		if (result)
			return result;
	}
	return strcmp((*x)->id, (*y)->id);
}

void sf_sort(struct sf *sf, const struct sf_soql *q, struct sf_record **rows, size_t n)
{
	struct ordering o = { .sf = sf, .q = q };

	if (q->n_order && n)
		qsort_r(rows, n, sizeof(struct sf_record *), compare_rows, &o);
}
