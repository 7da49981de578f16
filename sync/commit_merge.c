/* What an edit changed.
 *
 * A file shows a part of its document: what the format has a place for.  So an edit is the difference
 * between what the file showed and what it shows now, put onto the document; members that the file
 * could not show stay.
 *
 *	before = parse(bytes the file showed)      after = parse(new bytes)
 *	wrote  = base document + (after - before)
 *	merged = current document + (wrote - base document)
 *
 * The base is what the writer opened, or what it wrote before (base_version).
 *
 * When the writer's base is the current version, merged is what it wrote.  When the base is older,
 * newer values that the writer did not touch stand, and a conflict record keeps what differs: where both
 * changed a place the edit wins and the newer value is the loser; where only the newer version changed
 * it, the stale value in the bytes is.  A value that came from Exchange within the hour and that the
 * edit replaces is kept in the same way. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "sync/commit_private.h"
#include "sync/mem.h"

void commit_merge_clear(struct commit_merge *merge)
{
	json_decref(merge->wrote);
	json_decref(merge->merged);
	json_decref(merge->clashes);
	memset(merge, 0, sizeof(*merge));
}

static void set_uid(json_t *doc, const char *uid)
{
	if (uid)
		json_object_set_new(doc, "uid", json_string(uid));
	else
		json_object_del(doc, "uid");
}

/* The document as the file showed it before: parsed from its bytes, or from what `doc` renders to. */
static json_t *shown_before(struct commit *c, const struct commit_edit *edit, const json_t *doc,
	const struct buf *bytes)
{
	struct buf rendered AUTOBUF = BUF_INIT(COMMIT_BYTES_MAX);
	json_t *before = NULL;

	if (!bytes || !bytes->len) {
		if (document_render(edit->kind, doc, c->vcard_30, &rendered, NULL))
			return json_deep_copy(doc);
		bytes = &rendered;
	}
	if (edit->kind->parse(buf_str(bytes), bytes->len, &before, NULL))
		return json_deep_copy(doc);
	return before;
}

/* base document + what the writer changed against it. */
static json_t *apply_edit(struct commit *c, const struct commit_edit *edit,
	const struct store_item *item, const json_t *base, const struct buf *bytes)
{
	json_t *after = json_deep_copy(edit->shown);
	json_t *before, *wrote;

	set_uid(after, item->uid);
	if (edit->whole) {
		edit->kind->assign_slots(after, base); /* of values under ids of the user's own */
		return after;
	}
	before = shown_before(c, edit, base, bytes);
	set_uid(before, item->uid);
	edit->kind->assign_slots(before, base);
	edit->kind->assign_slots(after, base);
	wrote = document_merge(before, after, base, NULL);
	json_decref(before);
	json_decref(after);
	return wrote;
}

static bool same(const json_t *a, const json_t *b)
{
	return a == b || (a && b && json_equal(a, b));
}

/* The names of both, as the keys of a new object; `b` may be none. */
static json_t *names_of(const json_t *a, const json_t *b)
{
	json_t *names = json_copy((json_t *)a);

	if (json_is_object(b))
		json_object_update_missing(names, (json_t *)b);
	return names;
}

static void note(json_t *clashes, const char *path, const json_t *base, const json_t *winner,
	const char *winner_origin, const json_t *loser, const char *loser_origin)
{
	json_array_append_new(
		clashes, json_pack("{s:s, s:O?, s:O?, s:s, s:[{s:s, s:O?}]}", "field", path, "base",
				 base, "winner", winner, "winner_origin", winner_origin, "losers",
				 "origin", loser_origin, "value", loser));
}

/* Places that changed between base and current and that the writer left as they were in base: its
 * bytes left out the newer value, which stands. */
static void note_left_out(json_t *clashes, const char *path, const json_t *base,
	const json_t *current, const json_t *wrote, const char *origin)
{
	json_t *names;
	const char *name;
	json_t *unused;

	if (same(base, current))
		return;
	if (!json_is_object(base) || !json_is_object(current) || !json_is_object(wrote)) {
		if (same(base, wrote))
			note(clashes, path, base, current, origin, wrote, "file");
		return;
	}
	names = names_of(base, current);
	json_object_foreach(names, name, unused) {
		char *below AUTOFREE = xasprintf("%s%s%s", path, *path ? "/" : "", name);

		note_left_out(clashes, below, json_object_get(base, name),
			json_object_get(current, name), json_object_get(wrote, name), origin);
	}
	json_decref(names);
}

/* Both changed: what the merge reports, in the shape of a conflict record. */
static void note_clashes(json_t *clashes, const json_t *found, const char *origin)
{
	json_t *clash;
	size_t i;

	json_array_foreach((json_t *)found, i, clash) {
		const char *path = json_string_value(json_object_get(clash, "path"));

		note(clashes, path ? path : "", json_object_get(clash, "base"),
			json_object_get(clash, "winner"), "file", json_object_get(clash, "loser"),
			origin);
	}
}

/* ---- values of Exchange that an edit replaces ----------------------------------------------------- */

/* "rev time;rev time;", newest first, at most this many within the hour. */
#define ARRIVALS_KEPT 4

struct arrival {
	int64_t rev, time;
};

static size_t parse_arrivals(const char *text, int64_t now, struct arrival list[ARRIVALS_KEPT])
{
	size_t n = 0;

	while (text && *text && n < ARRIVALS_KEPT) {
		char *end;

		list[n].rev = strtoll(text, &end, 10);
		list[n].time = strtoll(end, &end, 10);
		text = *end == ';' ? end + 1 : "";
		if (now - list[n].time < COMMIT_ARRIVAL_NS)
			n++;
	}
	return n;
}

int commit_arrived(struct commit *c, const struct store_item *item, struct error *err)
{
	struct buf text AUTOBUF = BUF_INIT(1024);
	struct arrival list[ARRIVALS_KEPT];
	char *name AUTOFREE = commit_arrivals_name(item);
	char *former AUTOFREE = NULL;
	int64_t now = store_now(c->store);
	size_t n;
	int rc = store_value_get(c->store, name, &former, err);

	if (rc)
		return rc;
	n = parse_arrivals(former, now, list);
	buf_addf(&text, "%" PRId64 " %" PRId64 ";", item->rev, now);
	for (size_t i = 0; i < n && i + 1 < ARRIVALS_KEPT; i++)
		buf_addf(&text, "%" PRId64 " %" PRId64 ";", list[i].rev, list[i].time);
	return store_value_set(c->store, name, buf_str(&text), err);
}

static bool is_noted(const json_t *clashes, const char *path)
{
	json_t *clash;
	size_t i;

	json_array_foreach((json_t *)clashes, i, clash) {
		const char *noted = json_string_value(json_object_get(clash, "field"));

		if (noted && !strcmp(noted, path))
			return true;
	}
	return false;
}

/* Places that Exchange changed from `before` to `after`, that were so until now, and are no more. */
static void note_replaced(json_t *clashes, const char *path, const json_t *before,
	const json_t *after, const json_t *current, const json_t *merged)
{
	json_t *names;
	const char *name;
	json_t *unused;

	if (same(before, after) || same(current, merged))
		return;
	if (!json_is_object(after) || !json_is_object(current) || !json_is_object(merged)) {
		if (same(after, current) && !is_noted(clashes, path))
			note(clashes, path, before, merged, "file", current, "exchange");
		return;
	}
	names = names_of(after, before);
	json_object_foreach(names, name, unused) {
		char *below AUTOFREE = xasprintf("%s%s%s", path, *path ? "/" : "", name);

		note_replaced(clashes, below, json_object_get(before, name),
			json_object_get(after, name), json_object_get(current, name),
			json_object_get(merged, name));
	}
	json_decref(names);
}

static int note_arrivals(struct commit *c, const struct store_item *item,
	struct commit_merge *merge, struct error *err)
{
	struct arrival list[ARRIVALS_KEPT];
	char *name AUTOFREE = commit_arrivals_name(item);
	char *text AUTOFREE = NULL;
	size_t n;
	int rc = store_value_get(c->store, name, &text, err);

	n = rc ? 0 : parse_arrivals(text, store_now(c->store), list);
	for (size_t i = 0; i < n; i++) {
		json_t *before = NULL, *after = NULL;

		if (!store_version_get(c->store, item->id, list[i].rev - 1, &before, NULL) &&
			!store_version_get(c->store, item->id, list[i].rev, &after, NULL))
			note_replaced(merge->clashes, "", before, after, item->doc, merge->merged);
		json_decref(before);
		json_decref(after);
	}
	return rc;
}

/* ---- the base ---------------------------------------------------------------------------------- */

/* NULL: it is the current version, or too old to be known. */
static int get_version(struct commit *c, const struct store_item *item, int64_t rev, json_t **doc,
	struct error *err)
{
	int rc;

	*doc = NULL;
	if (rev == COMMIT_NO_BASE || rev >= item->rev)
		return 0;
	rc = store_version_get(c->store, item->id, rev, doc, err);
	return rc == ERR_NOT_FOUND ? 0 : rc;
}

/* Of the places where `wrote` and `opened` differ: has the text what `wrote` has, and nowhere what only
 * `opened` has? */
struct likeness {
	bool wrote, opened;
};

static void compare(
	struct likeness *text_is, const json_t *text, const json_t *wrote, const json_t *opened)
{
	json_t *names;
	const char *name;
	json_t *unused;

	if (same(wrote, opened))
		return;
	if (!json_is_object(text) || !json_is_object(wrote) || !json_is_object(opened)) {
		text_is->wrote |= same(text, wrote);
		text_is->opened |= same(text, opened);
		return;
	}
	names = names_of(wrote, opened);
	json_object_foreach(names, name, unused)
		compare(text_is, json_object_get(text, name), json_object_get(wrote, name),
			json_object_get(opened, name));
	json_decref(names);
}

/* What a file shows of this version, with the ids of values as in `ids`. */
static json_t *shown_of(
	struct commit *c, const struct commit_edit *edit, const json_t *doc, const json_t *ids)
{
	json_t *shown = edit->whole ? json_deep_copy(doc) : shown_before(c, edit, doc, NULL);

	json_object_del(shown, "uid");
	edit->kind->assign_slots(shown, ids);
	return shown;
}

/* Who opened the item after it wrote it may still hold the text that it wrote: an editor that copies the
 * file before it saves in place (vim with 'backupcopy').  An edit of that text has nothing that only the
 * newer version has.  The very text that it wrote, once more, is meant: it is to stand again. */
static bool is_edit_of_written(
	struct commit *c, const struct commit_edit *edit, const json_t *wrote, const json_t *opened)
{
	struct likeness text_is = { false, false };
	json_t *text = json_deep_copy(edit->shown);
	json_t *was = shown_of(c, edit, wrote, opened), *is = shown_of(c, edit, opened, opened);

	json_object_del(text, "uid");
	edit->kind->assign_slots(text, opened);
	compare(&text_is, text, was, is);
	if (same(text, was))
		text_is.opened = true;
	json_decref(text);
	json_decref(was);
	json_decref(is);
	return text_is.wrote && !text_is.opened;
}

/* The version that the edit is judged against; NULL: the current one. */
static int base_version(struct commit *c, const struct store_item *item,
	const struct commit_edit *edit, json_t **base, struct error *err)
{
	struct commit_base has = c->base ? c->base(c->base_data, item->id) : COMMIT_BASE_NONE;
	json_t *wrote = NULL;
	int rc = get_version(c, item, has.opened, base, err);

	if (!rc)
		rc = get_version(c, item, has.wrote, &wrote, err);
	if (wrote && (has.opened == COMMIT_NO_BASE ||
			     is_edit_of_written(c, edit, wrote, *base ? *base : item->doc))) {
		json_decref(*base);
		*base = json_incref(wrote);
	}
	json_decref(wrote);
	return rc;
}

/* The very bytes that the file showed: no edit, whatever they leave out. */
static bool is_unchanged(const struct commit_edit *edit, const struct buf *before)
{
	return edit->bytes && before && before->len == edit->len &&
	       !memcmp(buf_str(before), edit->bytes, edit->len);
}

int commit_merge(struct commit *c, const struct store_item *item, const struct commit_edit *edit,
	const struct buf *before, struct commit_merge *out, struct error *err)
{
	json_t *base = NULL, *found;
	int rc;

	memset(out, 0, sizeof(*out));
	out->clashes = json_array();
	if (is_unchanged(edit, before)) {
		out->wrote = json_incref(item->doc);
		out->merged = json_incref(item->doc);
		return 0;
	}
	rc = base_version(c, item, edit, &base, err);
	if (rc)
		return rc;
	if (!base || json_equal(base, item->doc)) {
		json_decref(base);
		out->wrote = apply_edit(c, edit, item, item->doc, before);
		out->merged = json_incref(out->wrote);
		return note_arrivals(c, item, out, err);
	}
	out->wrote = apply_edit(c, edit, item, base, NULL);
	found = json_array();
	out->merged = document_merge(base, out->wrote, item->doc, found);
	note_clashes(out->clashes, found, "newer");
	note_left_out(out->clashes, "", base, item->doc, out->wrote, "newer");
	json_decref(found);
	json_decref(base);
	return note_arrivals(c, item, out, err);
}

int commit_conflict(struct commit *c, const struct store_node *node, const struct store_item *item,
	json_t *clashes, struct error *err)
{
	struct store_conflict conflict = { .mailbox = item->mailbox, .item = item->id };
	char *path AUTOFREE = NULL;
	int rc;

	if (!json_array_size(clashes))
		return 0;
	path = commit_path(c, node->parent, node->name);
	conflict.time = store_now(c->store);
	conflict.name = xstrdup(node->name); /* the store adds time and number */
	conflict.data = json_pack("{s:s, s:O}", "item", path, "fields", clashes);
	rc = store_conflict_add(c->store, &conflict, err);
	free(conflict.name);
	json_decref(conflict.data);
	return rc;
}
