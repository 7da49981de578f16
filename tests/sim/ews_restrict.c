/* The Restriction of FindItem and FindFolder, evaluated for one item or folder.
 *
 * A path can have several values (lists); a comparison holds when it holds for one of them.  Texts
 * compare without regard to case, as Exchange's store does; absent is less than anything and equal
 * to nothing. */
#include <stdlib.h>
#include <string.h>

#include "sync/mem.h"
#include "tests/sim/ews.h"

static size_t add(char ***values, size_t n, char *text)
{
	if (!text)
		return n;
	*values = xreallocarray(*values, n + 1, sizeof(char *));
	(*values)[n] = text;
	return n + 1;
}

static size_t item_values(const struct ews_path *path, const struct ews_item *item, char ***values)
{
	const struct ews_prop *row = &ews_props[path->prop];
	int prop = row->kind & item->kind ? path->prop
					  : ews_prop_by_element(item->kind, row->element);
	size_t n = 0;

	if (prop < 0)
		return 0;
	if (path->key >= 0)
		return add(values, n, xstrdup(ews_get(item, prop, path->key, path->part)));
	if (row->type == EWS_T_ID)
		return add(values, n,
			xstrdup(!strcmp(row->element, "ParentFolderId") ? item->folder->id
									: item->id));
	if (row->type != EWS_T_LIST && row->type != EWS_T_EMAILS && row->type != EWS_T_DICT &&
		row->type != EWS_T_ADDRESSES)
		return add(values, n, ews_value_text(item, prop));
	for (size_t i = 0; i < item->n_values; i++)
		if (item->values[i].prop == prop)
			n = add(values, n, xstrdup(item->values[i].text));
	return n;
}

size_t ews_path_values(struct ews_ctx *c, const struct ews_path *path,
	const struct ews_subject *subject, char ***values)
{
	*values = NULL;
	if (subject->folder) {
		if (path->ext)
			return ews_folder_ext(subject->folder, path->ext, values);
		return path->folder_prop < 0
			       ? 0
			       : add(values, 0,
					 ews_folder_value(subject->folder, path->folder_prop));
	}
	if (path->ext)
		return ews_ext_get(c->ews, subject->item, path->ext, values);
	return path->prop < 0 ? 0 : item_values(path, subject->item, values);
}

static bool numeric(const struct ews_path *path)
{
	if (path->ext)
		return !strncmp(path->ext->type, "Integer", 7) ||
		       !strncmp(path->ext->type, "Short", 5) ||
		       !strncmp(path->ext->type, "Long", 4) ||
		       !strncmp(path->ext->type, "Double", 6);
	return path->prop >= 0 && (ews_props[path->prop].type == EWS_T_INT ||
					  ews_props[path->prop].type == EWS_T_DOUBLE);
}

static bool is_date(const struct ews_path *path)
{
	return path->ext ? !strncmp(path->ext->type, "SystemTime", 10)
			 : path->prop >= 0 && (ews_props[path->prop].type == EWS_T_DATE ||
						      ews_props[path->prop].type == EWS_T_DAY);
}

static bool is_binary(const struct ews_path *path)
{
	return path->ext ? !strncmp(path->ext->type, "Binary", 6)
			 : path->prop >= 0 && (ews_props[path->prop].type == EWS_T_BINARY ||
						      ews_props[path->prop].type == EWS_T_ID);
}

int ews_compare(const struct ews_path *path, const char *a, const char *b)
{
	if (numeric(path)) {
		double x = strtod(a, NULL), y = strtod(b, NULL);

		return (x > y) - (x < y);
	}
	if (is_date(path)) {
		char *x AUTOFREE = ews_date_normal(a), *y AUTOFREE = ews_date_normal(b);

		return strcmp(x ? x : a, y ? y : b);
	}
	return is_binary(path) ? strcmp(a, b) : strcasecmp(a, b);
}

static bool contains_text(const char *value, const char *want, const char *mode, bool fold)
{
	size_t n = strlen(want);

	if (!strcmp(mode, "FullString"))
		return !(fold ? strcasecmp(value, want) : strcmp(value, want));
	if (!strcmp(mode, "Prefixed"))
		return !(fold ? strncasecmp(value, want, n) : strncmp(value, want, n));
	for (const char *at = value; *at && strlen(at) >= n; at++) {
		bool start = at == value || at[-1] == ' ';
		bool end = !strcmp(mode, "PrefixOnWords") || !at[n] || at[n] == ' ';
		bool words = strcmp(mode, "Substring") != 0;

		if (!(fold ? strncasecmp(at, want, n) : strncmp(at, want, n)) &&
			(!words || (start && end)))
			return true;
	}
	return !n;
}

static int eval_contains(const xmlNode *e, char **values, size_t n)
{
	char *mode AUTOFREE = xml_get(e, "ContainmentMode");
	char *comparison AUTOFREE = xml_get(e, "ContainmentComparison");
	char *want AUTOFREE = xml_get(xml_child(e, "Constant"), "Value");
	bool fold = comparison && strcmp(comparison, "Exact") != 0 &&
		    strcmp(comparison, "IgnoreNonSpacingCharacters") != 0;

	for (size_t i = 0; i < n; i++)
		if (contains_text(values[i], want, mode ? mode : "FullString", fold))
			return 1;
	return 0;
}

static bool holds(const char *operator, int order)
{
	if (!strcmp(operator, "IsEqualTo"))
		return order == 0;
	if (!strcmp(operator, "IsGreaterThan"))
		return order > 0;
	if (!strcmp(operator, "IsGreaterThanOrEqualTo"))
		return order >= 0;
	if (!strcmp(operator, "IsLessThan"))
		return order < 0;
	return order <= 0;
}

static int eval_two(struct ews_ctx *c, const xmlNode *e, const struct ews_path *path,
	const struct ews_subject *subject, char **values, size_t n, struct ews_error *err)
{
	const char *operator=(const char *) e->name;
	bool negate = !strcmp(operator, "IsNotEqualTo"), result = false;
	xmlNode *right = xml_first(xml_child(e, "FieldURIOrConstant"));
	char *constant = xml_get(right, "Value");
	struct ews_path other;
	char **others = NULL;
	size_t n_others = 0;

	if (!xml_is(right, "Constant")) {
		if (ews_path_read(c, right, &other, err)) {
			free(constant);
			return -1;
		}
		n_others = ews_path_values(c, &other, subject, &others);
	} else {
		n_others = add(&others, 0, constant);
	}
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < n_others; k++)
			result = result || holds(negate ? "IsEqualTo" : operator,
						   ews_compare(path, values[i], others[k]));
	ews_strings_free(others, n_others);
	return negate ? !result : result;
}

static int eval_leaf(struct ews_ctx *c, const xmlNode *e, const struct ews_subject *subject,
	struct ews_error *err)
{
	struct ews_path path;
	char **values;
	size_t n;
	int result;

	if (!ews_is_path(xml_first(e)))
		return ews_fail(
			err, "ErrorInvalidRestriction", "The restriction is not supported.");
	if (ews_path_read(c, xml_first(e), &path, err))
		return -1;
	if (path.prop >= 0 && ews_props[path.prop].type == EWS_T_BODY && !xml_is(e, "Contains"))
		return ews_fail(err, "ErrorUnsupportedPathForQuery",
			"The property can not be used with this type of restriction.");
	n = ews_path_values(c, &path, subject, &values);
	if (xml_is(e, "Exists"))
		result = n > 0;
	else if (xml_is(e, "Contains"))
		result = eval_contains(e, values, n);
	else if (xml_is(e, "Excludes"))
		result = ews_fail(err, "ErrorUnsupportedQueryFilter", "Excludes is not supported.");
	else
		result = eval_two(c, e, &path, subject, values, n, err);
	ews_strings_free(values, n);
	return result;
}

int ews_restrict(struct ews_ctx *c, const xmlNode *e, const struct ews_subject *subject,
	struct ews_error *err)
{
	bool all = xml_is(e, "And");
	int rc;

	if (xml_is(e, "Not")) {
		rc = ews_restrict(c, xml_first(e), subject, err);
		return rc < 0 ? rc : !rc;
	}
	if (!all && !xml_is(e, "Or"))
		return eval_leaf(c, e, subject, err);
	xml_each(child, e)
	{
		rc = ews_restrict(c, child, subject, err);
		if (rc < 0 || rc != all)
			return rc;
	}
	return all;
}
