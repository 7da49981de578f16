/* .sync/conflicts and .sync/lost+found: one JSON file a conflict; what was refused, and why.
 *
 * Removing a conflict's file, or NAME.refused, removes the record.  Removing NAME.reason alone is
 * answered and changes nothing, so that a reason does not go without its bytes; it is listed first, so
 * that `rm *` and `find -delete` work. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs/virtual.h"
#include "fs/working.h"
#include "sync/mem.h"

#define REFUSED ".refused"
#define REASON	".reason"

/* One record as a listing needs it; a record of lost+found shows two files. */
struct record {
	int64_t id, time;
	char *name;
	json_t *data; /* conflicts */
	char *reason; /* lost+found */
};

struct records {
	struct record *list;
	size_t n;
};

static int compare(const void *a, const void *b)
{
	const struct record *x = a, *y = b;

	return x->id < y->id ? -1 : x->id > y->id;
}

static int load_conflicts(struct fs *fs, int64_t mailbox, struct records *out, struct error *err)
{
	struct store_conflict *list = NULL;
	size_t n = 0;
	int rc = store_conflict_list(fs->store, mailbox, &list, &n, err);

	if (rc)
		return rc;
	out->list = xcalloc(n, sizeof(*out->list));
	out->n = n;
	for (size_t i = 0; i < n; i++)
		out->list[i] = (struct record){ .id = list[i].id,
			.time = list[i].time,
			.name = xstrdup(list[i].name),
			.data = json_incref(list[i].data) };
	store_conflicts_free(list, n);
	return 0;
}

static int load_lost(struct fs *fs, int64_t mailbox, struct records *out, struct error *err)
{
	struct store_lost *list = NULL;
	size_t n = 0;
	int rc = store_lost_list(fs->store, mailbox, &list, &n, err);

	if (rc)
		return rc;
	out->list = xcalloc(n, sizeof(*out->list));
	out->n = n;
	for (size_t i = 0; i < n; i++)
		out->list[i] = (struct record){ .id = list[i].id,
			.time = list[i].time,
			.name = xstrdup(list[i].name),
			.reason = xstrdup(list[i].reason) };
	store_lost_free(list, n);
	return 0;
}

static int load(struct fs *fs, int64_t mailbox, enum virtual_list which, struct records *out)
{
	struct error err = ERROR_INIT;
	int rc;

	*out = (struct records){ 0 };
	rc = which == LIST_CONFLICTS ? load_conflicts(fs, mailbox, out, &err)
				     : load_lost(fs, mailbox, out, &err);
	if (rc)
		return error_errno(err.code);
	qsort(out->list, out->n, sizeof(*out->list), compare);
	return 0;
}

static void clear(struct records *records)
{
	for (size_t i = 0; i < records->n; i++) {
		free(records->list[i].name);
		free(records->list[i].reason);
		json_decref(records->list[i].data);
	}
	free(records->list);
}

#define AUTORECORDS __attribute__((cleanup(clear)))

/* ---- one file ---------------------------------------------------------------------------------- */

static void fill_entry(const struct fs_mailbox *mb, const struct record *r, enum virtual_tree tree,
	struct virtual_entry *entry)
{
	const char *suffix = tree == VIRTUAL_REFUSED ? REFUSED : REASON;

	entry->ino = virtual_ino(tree, (uint64_t)mb->id << VIRTUAL_RECORD_SHIFT | (uint64_t)r->id);
	entry->mode = S_IFREG | 0400;
	entry->mtime = r->time;
	entry->owner = mb;
	snprintf(entry->name, sizeof(entry->name), "%s%s", r->name,
		tree == VIRTUAL_CONFLICT ? "" : suffix);
}

/* Calls back for each file of the directory. */
static void each(const struct fs_mailbox *mb, enum virtual_list which,
	const struct records *records, uint64_t after, virtual_visitor *visit, void *data)
{
	for (size_t i = 0; i < records->n; i++) {
		const struct record *r = &records->list[i];
		uint64_t cookie = (uint64_t)r->id * 2;
		struct virtual_entry first = { 0 }, second = { 0 };

		fill_entry(mb, r, which == LIST_LOST ? VIRTUAL_REASON : VIRTUAL_CONFLICT, &first);
		if (cookie > after && !visit(data, &first, cookie))
			return;
		if (which != LIST_LOST)
			continue;
		fill_entry(mb, r, VIRTUAL_REFUSED, &second);
		if (cookie + 1 > after && !visit(data, &second, cookie + 1))
			return;
	}
}

struct search {
	const char *name;
	struct virtual_entry *found;
	bool done;
};

static bool match(void *data, const struct virtual_entry *entry, uint64_t cookie)
{
	struct search *s = data;

	(void)cookie;
	if (strcmp(entry->name, s->name) != 0)
		return true;
	*s->found = *entry;
	s->done = true;
	return false;
}

int records_lookup(struct fs *fs, const struct fs_mailbox *mb, enum virtual_list which,
	const char *name, struct virtual_entry *entry)
{
	struct search search = { .name = name, .found = entry };
	struct records records AUTORECORDS = { 0 };
	int number;

	if (which == LIST_LOST)
		working_wait_released(fs);
	number = load(fs, mb->id, which, &records);
	if (number)
		return number;
	each(mb, which, &records, 0, match, &search);
	return search.done ? 0 : ENOENT;
}

int records_list(struct fs *fs, const struct fs_mailbox *mb, enum virtual_list which,
	uint64_t after, virtual_visitor *visit, void *data)
{
	struct records records AUTORECORDS = { 0 };
	int number;

	if (which == LIST_LOST && !after)
		working_wait_released(fs);
	number = load(fs, mb->id, which, &records);
	if (!number)
		each(mb, which, &records, after, visit, data);
	return number;
}

static int remove_record(struct fs *fs, enum virtual_tree tree, int64_t id, struct error *err)
{
	int rc = store_begin(fs->store, STORE_NORMAL, STORE_LOCAL, err);

	if (rc)
		return rc;
	rc = tree == VIRTUAL_CONFLICT ? store_conflict_delete(fs->store, id, err)
				      : store_lost_delete(fs->store, id, err);
	if (!rc)
		return store_commit(fs->store, err);
	store_rollback(fs->store);
	return rc;
}

int records_unlink(
	struct fs *fs, const struct fs_mailbox *mb, enum virtual_list which, const char *name)
{
	struct virtual_entry entry = { 0 };
	struct error err = ERROR_INIT;
	int number = records_lookup(fs, mb, which, name, &entry);
	enum virtual_tree tree = virtual_tree(entry.ino);
	int64_t id;

	if (number || tree == VIRTUAL_REASON)
		return number;
	id = (int64_t)(virtual_payload(entry.ino) & ((UINT64_C(1) << VIRTUAL_RECORD_SHIFT) - 1));
	return remove_record(fs, tree, id, &err) ? error_errno(err.code) : 0;
}

/* ---- by number ---------------------------------------------------------------------------------- */

/* The record behind a number, within `records`. */
static const struct record *by_ino(
	struct fs *fs, fuse_ino_t ino, const struct fs_mailbox **mb, struct records *records)
{
	uint64_t payload = virtual_payload(ino);
	int64_t id = (int64_t)(payload & ((UINT64_C(1) << VIRTUAL_RECORD_SHIFT) - 1));
	enum virtual_list which = virtual_tree(ino) == VIRTUAL_CONFLICT ? LIST_CONFLICTS
									: LIST_LOST;

	*mb = fs_mailbox(fs, (int64_t)(payload >> VIRTUAL_RECORD_SHIFT));
	if (!*mb || load(fs, (*mb)->id, which, records))
		return NULL;
	for (size_t i = 0; i < records->n; i++)
		if (records->list[i].id == id)
			return &records->list[i];
	return NULL;
}

static int record_get(struct fs *fs, fuse_ino_t ino, struct virtual_entry *entry)
{
	struct records records AUTORECORDS = { 0 };
	const struct fs_mailbox *mb;
	const struct record *r = by_ino(fs, ino, &mb, &records);

	if (!r)
		return ENOENT;
	fill_entry(mb, r, virtual_tree(ino), entry);
	return 0;
}

static int render_conflict(const struct record *r, struct buf *out)
{
	char *text = json_dumps(r->data, JSON_INDENT(2));

	if (!text)
		return EIO;
	buf_adds(out, text);
	buf_addc(out, '\n');
	free(text);
	return 0;
}

static int render_refused(struct fs *fs, const struct record *r, struct buf *out)
{
	struct error err = ERROR_INIT;
	struct store_lost lost;

	if (store_lost_get(fs->store, r->id, &lost, &err))
		return error_errno(err.code);
	buf_add(out, buf_str(&lost.bytes), lost.bytes.len);
	store_lost_clear(&lost);
	return 0;
}

static int record_render(struct fs *fs, fuse_ino_t ino, struct buf *out)
{
	struct records records AUTORECORDS = { 0 };
	const struct fs_mailbox *mb;
	const struct record *r = by_ino(fs, ino, &mb, &records);

	if (!r)
		return ESTALE;
	switch (virtual_tree(ino)) {
	case VIRTUAL_CONFLICT:
		return render_conflict(r, out);
	case VIRTUAL_REFUSED:
		return render_refused(fs, r, out);
	default:
		buf_addf(out, "%s\n", r->reason ? r->reason : "");
		return 0;
	}
}

const struct virtual_ops virtual_records = {
	.get = record_get,
	.render = record_render,
};
