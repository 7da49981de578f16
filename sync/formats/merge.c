/* Three-way merge of documents.  See document.h.
 *
 * A place that only the edit changed takes the edit's value; one that only the other side changed
 * keeps it; one that both changed takes the edit's and is reported.  Objects are merged member by
 * member and lists of components kind by kind, as far down as they are objects on all sides. */
#include <string.h>

#include "sync/formats/document.h"
#include "sync/mem.h"

/* A document nested deeper than this is merged as a whole from there on. */
#define MERGE_DEPTH 32

struct merge {
	json_t *clashes; /* or NULL */
	struct buf path; /* of the place, as a JSON pointer without its first slash */
};

static json_t *merge_value(struct merge *m, const json_t *base, const json_t *edited,
	const json_t *current, int depth);

static bool same(const json_t *a, const json_t *b)
{
	return a && b ? json_equal(a, b) : a == b;
}

static json_t *or_null(const json_t *value)
{
	return value ? json_incref((json_t *)value) : json_null();
}

static void report(struct merge *m, const json_t *base, const json_t *winner, const json_t *loser)
{
	if (!m->clashes)
		return;
	json_array_append_new(m->clashes,
		json_pack("{s:s, s:o, s:o, s:o}", "path", buf_str(&m->path), "base", or_null(base),
			"winner", or_null(winner), "loser", or_null(loser)));
}

/* Appends a part to the path; answers the length to go back to. */
static size_t enter(struct merge *m, const char *part)
{
	size_t length = m->path.len;

	if (length)
		buf_addc(&m->path, '/');
	for (; *part; part++) {
		if (*part == '~')
			buf_adds(&m->path, "~0");
		else if (*part == '/')
			buf_adds(&m->path, "~1");
		else
			buf_addc(&m->path, *part);
	}
	return length;
}

static void leave(struct merge *m, size_t length)
{
	buf_resize(&m->path, length);
}

static void merge_member(struct merge *m, const char *key, const json_t *base, const json_t *edited,
	const json_t *current, json_t *out, int depth)
{
	size_t length = enter(m, key);
	json_t *value = merge_value(m, json_object_get(base, key), json_object_get(edited, key),
		json_object_get(current, key), depth);

	if (value)
		json_object_set_new(out, key, value);
	leave(m, length);
}

/* Members in the order of `current`, then what the edit added. */
static json_t *merge_objects(
	struct merge *m, const json_t *base, const json_t *edited, const json_t *current, int depth)
{
	json_t *out = json_object();
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)current, key, value)
		merge_member(m, key, base, edited, current, out, depth);
	json_object_foreach((json_t *)edited, key, value) {
		if (!json_object_get(current, key))
			merge_member(m, key, base, edited, current, out, depth);
	}
	/* What base alone has is gone on both sides. */
	return out;
}

/* --- lists of components ---------------------------------------------------------------------- */

static const char *kind_of(const json_t *element)
{
	return json_string_value(json_object_get(element, "kind"));
}

static bool has_kinds(const json_t *array)
{
	json_t *element;
	size_t i;

	if (!json_is_array(array))
		return false;
	json_array_foreach(array, i, element) {
		if (!kind_of(element))
			return false;
	}
	return true;
}

/* All elements of a kind, in order, as one value; NULL when there is none. */
static json_t *of_kind(const json_t *array, const char *kind)
{
	json_t *out = json_array();
	json_t *element;
	size_t i;

	json_array_foreach(array, i, element) {
		if (strcmp(kind_of(element), kind) == 0)
			json_array_append(out, element);
	}
	if (json_array_size(out) > 0)
		return out;
	json_decref(out);
	return NULL;
}

static void merge_kinds_of(struct merge *m, const json_t *order, const json_t *base,
	const json_t *edited, const json_t *current, json_t *seen, json_t *out)
{
	json_t *element;
	size_t i;

	json_array_foreach(order, i, element) {
		const char *kind = kind_of(element);
		json_t *b;
		json_t *e;
		json_t *c;
		json_t *value;
		size_t length;

		if (json_object_get(seen, kind))
			continue;
		json_object_set_new(seen, kind, json_true());
		length = enter(m, kind);
		b = of_kind(base, kind);
		e = of_kind(edited, kind);
		c = of_kind(current, kind);
		/* Several of one kind are one value: they have no names of their own. */
		value = merge_value(m, b, e, c, MERGE_DEPTH);
		if (value)
			json_array_extend(out, value);
		json_decref(value);
		json_decref(b);
		json_decref(e);
		json_decref(c);
		leave(m, length);
	}
}

static json_t *merge_kinds(
	struct merge *m, const json_t *base, const json_t *edited, const json_t *current)
{
	json_t *seen = json_object();
	json_t *out = json_array();

	merge_kinds_of(m, edited, base, edited, current, seen, out);
	merge_kinds_of(m, current, base, edited, current, seen, out);
	json_decref(seen);
	if (json_array_size(out) > 0)
		return out;
	json_decref(out);
	return NULL;
}

/* --- one place -------------------------------------------------------------------------------- */

/* The merged value (new reference) or NULL when there is none. */
static json_t *merge_value(
	struct merge *m, const json_t *base, const json_t *edited, const json_t *current, int depth)
{
	if (same(edited, base))
		return json_incref((json_t *)current);
	if (same(current, base) || same(current, edited))
		return json_incref((json_t *)edited);
	if (depth < MERGE_DEPTH && json_is_object(edited) && json_is_object(current) &&
		(!base || json_is_object(base)))
		return merge_objects(m, base, edited, current, depth + 1);
	if (depth < MERGE_DEPTH && has_kinds(edited) && has_kinds(current) &&
		(!base || has_kinds(base)))
		return merge_kinds(m, base, edited, current);
	report(m, base, edited, current);
	return json_incref((json_t *)edited);
}

json_t *document_merge(
	const json_t *base, const json_t *edited, const json_t *current, json_t *clashes)
{
	struct merge m = { .clashes = clashes, .path = BUF_INIT(1 << 20) };
	json_t *shared = merge_value(&m, base, edited, current, 0);
	json_t *out = json_deep_copy(shared);

	json_decref(shared);
	buf_free(&m.path);
	return out;
}
