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

#define PAGE	100

/* One record as a listing needs it; a record of lost+found shows two files. */
struct record {
	int64_t id, mailbox, time;
	char *name;
	json_t *data; /* conflicts */
	char *reason; /* lost+found */
};

struct records {
	struct record *list;
	size_t n;
};

static struct record of_conflict(const struct store_conflict *conflict)
{
	return (struct record){ .id = conflict->id,
		.mailbox = conflict->mailbox,
		.time = conflict->time,
		.name = xstrdup(conflict->name),
		.data = json_incref(conflict->data) };
}

static struct record of_lost(const struct store_lost *lost)
{
	return (struct record){ .id = lost->id,
		.mailbox = lost->mailbox,
		.time = lost->time,
		.name = xstrdup(lost->name),
		.reason = xstrdup(lost->reason) };
}

static void clear_record(struct record *r)
{
	free(r->name);
	free(r->reason);
	json_decref(r->data);
}

static void clear(struct records *records)
{
	for (size_t i = 0; i < records->n; i++)
		clear_record(&records->list[i]);
	free(records->list);
}

#define AUTORECORD  __attribute__((cleanup(clear_record)))
#define AUTORECORDS __attribute__((cleanup(clear)))

static int load_conflicts(
	struct fs *fs, int64_t mailbox, int64_t after, struct records *out, struct error *err)
{
	struct store_conflict *list = NULL;
	int rc = store_conflict_page(fs->store, mailbox, after, PAGE, &list, &out->n, err);

	if (rc)
		return rc;
	out->list = xcalloc(out->n, sizeof(*out->list));
	for (size_t i = 0; i < out->n; i++)
		out->list[i] = of_conflict(&list[i]);
	store_conflicts_free(list, out->n);
	return 0;
}

static int load_lost(
	struct fs *fs, int64_t mailbox, int64_t after, struct records *out, struct error *err)
{
	struct store_lost *list = NULL;
	int rc = store_lost_page(fs->store, mailbox, after, PAGE, &list, &out->n, err);

	if (rc)
		return rc;
	out->list = xcalloc(out->n, sizeof(*out->list));
	for (size_t i = 0; i < out->n; i++)
		out->list[i] = of_lost(&list[i]);
	store_lost_free(list, out->n);
	return 0;
}

/* The next page of ids larger than `after`. */
static int load(
	struct fs *fs, int64_t mailbox, enum virtual_list which, int64_t after, struct records *out)
{
	struct error err = ERROR_INIT;
	int rc;

	*out = (struct records){ 0 };
	rc = which == LIST_CONFLICTS ? load_conflicts(fs, mailbox, after, out, &err)
				     : load_lost(fs, mailbox, after, out, &err);
	if (!rc)
		return 0;
	out->n = 0;
	return error_errno(err.code);
}

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

/* Calls back for each file of the record; false when that wants no more. */
static bool each(const struct fs_mailbox *mb, enum virtual_list which, const struct record *r,
	uint64_t after, virtual_visitor *visit, void *data)
{
	uint64_t cookie = (uint64_t)r->id * 2;
	struct virtual_entry first = { 0 }, second = { 0 };

	fill_entry(mb, r, which == LIST_LOST ? VIRTUAL_REASON : VIRTUAL_CONFLICT, &first);
	if (cookie > after && !visit(data, &first, cookie))
		return false;
	if (which != LIST_LOST)
		return true;
	fill_entry(mb, r, VIRTUAL_REFUSED, &second);
	return cookie + 1 <= after || visit(data, &second, cookie + 1);
}

static int find_conflict(struct fs *fs, const struct fs_mailbox *mb, const char *name,
	struct virtual_entry *entry, struct error *err)
{
	struct record r AUTORECORD = { 0 };
	struct store_conflict conflict;
	int rc = store_conflict_find(fs->store, mb->id, name, &conflict, err);

	if (rc)
		return rc;
	r = of_conflict(&conflict);
	store_conflict_clear(&conflict);
	fill_entry(mb, &r, VIRTUAL_CONFLICT, entry);
	return 0;
}

/* NAME.refused or NAME.reason. */
static int find_lost(struct fs *fs, const struct fs_mailbox *mb, const char *name,
	struct virtual_entry *entry, struct error *err)
{
	const char *dot = strrchr(name, '.');
	char *stem AUTOFREE = dot ? xstrndup(name, (size_t)(dot - name)) : NULL;
	struct record r AUTORECORD = { 0 };
	struct store_lost lost;
	int rc;

	if (!dot || (strcmp(dot, REFUSED) != 0 && strcmp(dot, REASON) != 0))
		return error_set(err, ERR_NOT_FOUND, "no such file");
	rc = store_lost_find(fs->store, mb->id, stem, &lost, err);
	if (rc)
		return rc;
	r = of_lost(&lost);
	store_lost_clear(&lost);
	fill_entry(mb, &r, strcmp(dot, REFUSED) != 0 ? VIRTUAL_REASON : VIRTUAL_REFUSED, entry);
	return 0;
}

int records_lookup(struct fs *fs, const struct fs_mailbox *mb, enum virtual_list which,
	const char *name, struct virtual_entry *entry)
{
	struct error err = ERROR_INIT;

	if (which == LIST_CONFLICTS)
		return find_conflict(fs, mb, name, entry, &err) ? error_errno(err.code) : 0;
	working_wait_released(fs);
	return find_lost(fs, mb, name, entry, &err) ? error_errno(err.code) : 0;
}

int records_list(struct fs *fs, const struct fs_mailbox *mb, enum virtual_list which,
	uint64_t after, virtual_visitor *visit, void *data)
{
	int64_t id = (int64_t)(after / 2) - 1; /* of this one the second file may be left */
	bool more = true;

	if (which == LIST_LOST && !after)
		working_wait_released(fs);
	while (more) {
		struct records records AUTORECORDS = { 0 };
		int number = load(fs, mb->id, which, id, &records);

		if (number)
			return number;
		more = records.n == PAGE;
		for (size_t i = 0; i < records.n; i++) {
			if (!each(mb, which, &records.list[i], after, visit, data))
				return 0;
			id = records.list[i].id;
		}
	}
	return 0;
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

/* The record behind a number; an errno. */
static int by_ino(struct fs *fs, fuse_ino_t ino, const struct fs_mailbox **mb, struct record *r)
{
	uint64_t payload = virtual_payload(ino);
	int64_t id = (int64_t)(payload & ((UINT64_C(1) << VIRTUAL_RECORD_SHIFT) - 1));
	struct error err = ERROR_INIT;
	struct store_conflict conflict;
	struct store_lost lost;

	*mb = fs_mailbox(fs, (int64_t)(payload >> VIRTUAL_RECORD_SHIFT));
	if (!*mb)
		return ENOENT;
	if (virtual_tree(ino) == VIRTUAL_CONFLICT) {
		if (store_conflict_get(fs->store, id, &conflict, &err))
			return error_errno(err.code);
		*r = of_conflict(&conflict);
		store_conflict_clear(&conflict);
	} else {
		if (store_lost_get(fs->store, id, &lost, &err))
			return error_errno(err.code);
		*r = of_lost(&lost);
		store_lost_clear(&lost);
	}
	return r->mailbox == (*mb)->id ? 0 : ENOENT;
}

static int record_get(struct fs *fs, fuse_ino_t ino, struct virtual_entry *entry)
{
	struct record r AUTORECORD = { 0 };
	const struct fs_mailbox *mb;
	int number = by_ino(fs, ino, &mb, &r);

	if (!number)
		fill_entry(mb, &r, virtual_tree(ino), entry);
	return number;
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
	struct record r AUTORECORD = { 0 };
	const struct fs_mailbox *mb;
	int number = by_ino(fs, ino, &mb, &r);

	if (number)
		return number == ENOENT ? ESTALE : number;
	switch (virtual_tree(ino)) {
	case VIRTUAL_CONFLICT:
		return render_conflict(&r, out);
	case VIRTUAL_REFUSED:
		return render_refused(fs, &r, out);
	default:
		buf_addf(out, "%s\n", r.reason ? r.reason : "");
		return 0;
	}
}

const struct virtual_ops virtual_records = {
	.get = record_get,
	.render = record_render,
};
