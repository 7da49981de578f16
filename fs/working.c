/* Bytes of files that are open for writing.  See working.h for the states.
 *
 * FLUSH judges what was written since the last FLUSH of that handle; the last writer's RELEASE judges
 * what is left (a mapping writes after close).  What cannot be committed goes to lost+found with its
 * reason, and an item shows its former bytes again, under a new number since the content of a number
 * changes only by write(2). */
#include "fs/working.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "fs/virtual.h"
#include "sync/mem.h"

#define BUCKETS	   64
#define MORE_TRIES 2
#define NS_PER_S   INT64_C(1000000000)

struct working_table {
	pthread_mutex_t lock;
	pthread_cond_t changed; /* an entry left, a flushed handle was released */
	atomic_size_t n;
	size_t n_flushed; /* handles flushed and not yet released */
	struct timespec last_flush;
	struct working *buckets[BUCKETS];
};

struct working_table *working_table_new(void)
{
	struct working_table *t = xcalloc(1, sizeof(*t));
	pthread_condattr_t attr;

	pthread_mutex_init(&t->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&t->changed, &attr);
	pthread_condattr_destroy(&attr);
	return t;
}

/* ---- the table -------------------------------------------------------------------------------- */

static struct working **find(struct working_table *t, uint64_t ino)
{
	struct working **at = &t->buckets[ino % BUCKETS];

	while (*at && (*at)->ino != ino)
		at = &(*at)->next;
	return at;
}

struct working *working_get(struct fs *fs, uint64_t ino)
{
	struct working_table *t = fs->working;
	struct working *w;

	if (!t->n)
		return NULL;
	pthread_mutex_lock(&t->lock);
	w = *find(t, ino);
	if (w)
		w->refs++;
	pthread_mutex_unlock(&t->lock);
	return w;
}

static void destroy(struct working *w)
{
	pthread_mutex_destroy(&w->lock);
	buf_free(&w->bytes);
	free(w->name);
	free(w->label);
	free(w);
}

void working_put(struct fs *fs, struct working *w)
{
	bool last;

	pthread_mutex_lock(&fs->working->lock);
	last = --w->refs == 0; /* the table's own reference is one */
	pthread_mutex_unlock(&fs->working->lock);
	if (last)
		destroy(w);
}

static struct working *new_entry(uint64_t ino, uint64_t target, uint64_t parent, const char *name)
{
	struct working *w = xcalloc(1, sizeof(*w));

	w->ino = ino;
	w->target = target;
	w->parent = parent;
	w->name = xstrdup(name);
	w->refs = 1;
	buf_init(&w->bytes, FS_FILE_LIMIT);
	pthread_mutex_init(&w->lock, NULL);
	return w;
}

/* The entry with one writer more.  One whose last writer is leaving is waited for, so that what it
 * commits is seen. */
static struct working *join(
	struct working_table *t, uint64_t ino, uint64_t target, uint64_t parent, const char *name)
{
	struct working **at;

	pthread_mutex_lock(&t->lock);
	while (*(at = find(t, ino)) && (*at)->closing)
		pthread_cond_wait(&t->changed, &t->lock);
	if (!*at) {
		*at = new_entry(ino, target, parent, name);
		t->n++;
	}
	(*at)->writers++;
	(*at)->refs++;
	pthread_mutex_unlock(&t->lock);
	return *at;
}

/* What lost+found would call it: a document of .json is none under the item's own suffix. */
static char *label_of(const struct working *w, const struct store_node *node)
{
	const char *dot = strrchr(node->name, '.');

	if (!w->name || !dot)
		return xstrdup(node->name);
	return xasprintf("%.*s.json", (int)(dot - node->name), node->name);
}

struct handle *working_open(struct fs *fs, uint64_t ino, uint64_t target, uint64_t parent,
	const char *name, bool created)
{
	struct handle *handle = xcalloc(1, sizeof(*handle));
	struct working *w = join(fs->working, ino, target, parent, name);
	struct store_node node;

	handle->working = w;
	pthread_mutex_lock(&w->lock);
	w->created |= created;
	if (!w->name) {
		store_writer_add(fs->store, w->target);
		w->noted++;
	}
	if (!w->label && !store_node_get(fs->store, w->target, &node, NULL)) {
		w->label = label_of(w, &node);
		w->mailbox = node.mailbox;
		w->item = node.item;
	}
	pthread_mutex_unlock(&w->lock);
	return handle;
}

/* ---- judging (w->lock held) ------------------------------------------------------------------- */

/* What is written next belongs to this number. */
static void move_to(struct fs *fs, struct working *w, uint64_t ino)
{
	for (unsigned int i = 0; i < w->noted; i++) {
		store_writer_add(fs->store, ino);
		store_writer_drop(fs->store, w->target);
	}
	w->target = ino;
}

/* The item was committed as rev; the file may have been replaced (the result says more than the bytes). */
static void follow(struct fs *fs, struct working *w, int64_t rev, const struct store_node *before)
{
	struct store_node node;

	if (store_node_get(fs->store, w->target, &node, NULL))
		return;
	if (!node.parent &&
		!store_node_lookup(fs->store, before->parent, before->name, &node, NULL))
		move_to(fs, w, node.ino);
	w->item = node.item;
	if (node.type == NODE_ITEM && node.item && rev > 0)
		base_wrote(fs->bases, fs->store, w->process, node.ino, rev);
}

/* A sync may replace the file while it is being opened, before the store has noted the writer.  What is
 * written belongs to the item all the same, judged against the version that was opened.  False: the file
 * was removed. */
static bool follow_replaced(struct fs *fs, struct working *w)
{
	struct store_item item = { 0 };
	struct store_node node;
	bool found = !store_node_get(fs->store, w->target, &node, NULL) && node.parent;

	if (!found && w->item && !store_item_get(fs->store, w->item, &item, NULL) && item.ino) {
		move_to(fs, w, item.ino);
		found = true;
	}
	store_item_clear(&item);
	return found;
}

static void drop_kept(struct fs *fs, struct working *w)
{
	if (!w->kept || store_begin(fs->store, STORE_NORMAL, STORE_LOCAL, NULL))
		return;
	if (store_working_set(fs->store, w->kept, NULL, 0, NULL))
		store_rollback(fs->store);
	else if (!store_commit(fs->store, NULL))
		w->kept = 0;
}

/* Refused bytes outlive the daemon: at its start they are judged as at RELEASE (I5). */
static void keep(struct fs *fs, struct working *w)
{
	if (store_begin(fs->store, STORE_NORMAL, STORE_LOCAL, NULL))
		return;
	if (store_working_set(fs->store, w->target, buf_str(&w->bytes), w->bytes.len, NULL))
		store_rollback(fs->store);
	else if (!store_commit(fs->store, NULL))
		w->kept = w->target;
}

static int commit_node(struct fs *fs, struct working *w, struct error *err)
{
	struct base_asker asker = { .table = fs->bases, .store = fs->store, .process = w->process };
	struct commit c = fs->commit;
	struct store_node node;
	int64_t rev = 0;
	int rc = store_node_get(fs->store, w->target, &node, err);

	if (rc)
		return rc;
	c.written = w->mtime;
	c.base = base_ask;
	c.base_data = &asker;
	if (node.type == NODE_ITEM)
		rc = commit_write(&c, w->target, buf_str(&w->bytes), w->bytes.len, &rev, err);
	else
		rc = commit_draft(&c, w->target, buf_str(&w->bytes), w->bytes.len, err);
	if (!rc)
		follow(fs, w, rev, &node);
	return rc;
}

/* Once more where the file was replaced or renamed at that very moment. */
static int commit_file(struct fs *fs, struct working *w, struct error *err)
{
	int rc = commit_node(fs, w, err);

	for (int more = 0; rc == ERR_NOT_FOUND && more < MORE_TRIES && follow_replaced(fs, w);
		more++)
		rc = commit_node(fs, w, err);
	return rc;
}

/* A file emptied on the way to new content (a shell redirection flushes before it writes) is not
 * judged yet: there is nothing that could be lost. */
static bool is_emptied(struct fs *fs, const struct working *w)
{
	struct store_node node;

	return !w->bytes.len && !store_node_get(fs->store, w->target, &node, NULL) &&
	       node.type == NODE_ITEM;
}

static int judge(struct fs *fs, struct working *w, struct error *err)
{
	struct error reason = ERROR_INIT;
	int rc = w->name ? json_commit(fs, w, &reason) : commit_file(fs, w, &reason);

	if (rc) {
		w->state = WORKING_REFUSED;
		w->reason = reason;
		keep(fs, w);
		*err = reason;
		return rc;
	}
	w->state = WORKING_IDLE;
	if (w->bytes.len)
		w->created = false;
	drop_kept(fs, w);
	notify_attr(fs, w->ino); /* its ctime moved */
	return 0;
}

/* What stood there before comes back: under a new number, or, for a name made by this very writer,
 * nothing. */
static int put_back(struct fs *fs, struct working *w, struct error *err)
{
	struct buf former AUTOBUF = BUF_INIT(FS_FILE_LIMIT);
	struct store_node node = { 0 };
	uint64_t unused;
	int rc = w->kept ? store_working_set(fs->store, w->kept, NULL, 0, err) : 0;

	if (!rc)
		rc = store_node_get(fs->store, w->target, &node, err);
	if (rc || !node.parent || node.type != NODE_ITEM)
		return rc == ERR_NOT_FOUND ? 0 : rc;
	if (!node.item && w->created)
		return store_node_remove(fs->store, w->target, err);
	if (w->name)
		return 0; /* .json: the stored file was not touched */
	rc = store_content_get(fs->store, w->target, &former, err);
	return rc ? rc
		  : store_node_replace(
			    fs->store, w->target, buf_str(&former), former.len, &unused, err);
}

/* Refused bytes at the end: lost+found. */
static void give_up(struct fs *fs, struct working *w, int64_t mailbox)
{
	struct error err = ERROR_INIT;
	const char *name = w->label ? w->label : "file";
	int rc = commit_refuse(
		&fs->commit, mailbox, name, buf_str(&w->bytes), w->bytes.len, w->reason.text, &err);

	if (!rc)
		rc = store_begin(fs->store, STORE_NORMAL, STORE_REMOTE, &err);
	if (!rc) {
		rc = put_back(fs, w, &err);
		if (rc)
			store_rollback(fs->store);
		else
			rc = store_commit(fs->store, &err);
	}
	if (rc)
		fprintf(stderr, "tandemfs: %s: %s; then: %s\n", name, w->reason.text, err.text);
	else
		fs_log_refusal(fs, mailbox, name, &w->reason);
	w->forsaken = rc;
	w->state = WORKING_IDLE;
	w->kept = 0;
}

/* The last writer leaves.  Returns the mailbox if something was written. */
static int64_t finish(struct fs *fs, struct working *w)
{
	struct error err = ERROR_INIT;
	int64_t mailbox;

	pthread_mutex_lock(&w->lock);
	mailbox = w->written ? w->mailbox : 0;
	if (w->state == WORKING_DIRTY)
		judge(fs, w, &err);
	if (w->state == WORKING_REFUSED)
		give_up(fs, w, w->mailbox);
	pthread_mutex_unlock(&w->lock);
	return mailbox;
}

/* Takes the handle off; true when it was the last one, and the entry is marked as leaving. */
static bool leave(struct working_table *t, struct handle *handle)
{
	struct working *w = handle->working;
	bool last;

	pthread_mutex_lock(&t->lock);
	last = w->writers == 1;
	if (last)
		w->closing = true;
	else
		w->writers--;
	pthread_mutex_unlock(&t->lock);
	return last;
}

static void forget(struct working_table *t, struct working *w)
{
	pthread_mutex_lock(&t->lock);
	*find(t, w->ino) = w->next;
	t->n--;
	w->refs--; /* the table's; the caller still has one */
	pthread_mutex_unlock(&t->lock);
}

static void released(struct working_table *t, bool flushed)
{
	pthread_mutex_lock(&t->lock);
	if (flushed)
		t->n_flushed--;
	pthread_cond_broadcast(&t->changed);
	pthread_mutex_unlock(&t->lock);
}

void working_close(struct fs *fs, struct handle *handle)
{
	struct working_table *t = fs->working;
	struct working *w = handle->working;
	bool last = leave(t, handle);
	int64_t mailbox = last ? finish(fs, w) : 0;
	uint64_t target;

	pthread_mutex_lock(&w->lock);
	target = w->target;
	if (!w->name) {
		store_writer_drop(fs->store, target);
		w->noted--;
	}
	pthread_mutex_unlock(&w->lock);
	if (last) {
		forget(t, w);
		if (w->forsaken)
			notify_inode(fs, w->ino);
		if (mailbox && commit_released(&fs->commit, target, NULL) == 0 &&
			fs->commit.committed)
			fs->commit.committed(fs->commit.data, mailbox);
	}
	released(t, handle->flushed);
	working_put(fs, w);
	free(handle);
}

void working_table_free(struct working_table *t)
{
	pthread_cond_destroy(&t->changed);
	pthread_mutex_destroy(&t->lock);
	free(t);
}

/* ---- writing ---------------------------------------------------------------------------------- */

/* (w->lock held) */
static int load(struct fs *fs, struct working *w, struct error *err)
{
	int rc;

	if (w->loaded)
		return 0;
	rc = w->name ? json_load(fs, w, err)
		     : store_content_get(fs->store, w->target, &w->bytes, err);
	if (!rc)
		rc = buf_check(&w->bytes, "the file", err);
	w->loaded = !rc;
	return rc;
}

static void set_flushed(struct fs *fs, struct handle *handle, bool flushed)
{
	if (handle->flushed == flushed)
		return;
	handle->flushed = flushed;
	pthread_mutex_lock(&fs->working->lock);
	fs->working->n_flushed += flushed ? 1 : (size_t)-1;
	if (flushed)
		clock_gettime(CLOCK_MONOTONIC, &fs->working->last_flush);
	pthread_mutex_unlock(&fs->working->lock);
}

/* (w->lock held) */
static void mark_written(struct fs *fs, struct working *w, struct handle *handle)
{
	w->state = WORKING_DIRTY;
	w->written = true;
	w->mtime = store_now(fs->store);
	w->ctime = w->mtime;
	fs->writes++;
	if (!handle)
		return;
	w->process = handle->process;
	handle->wrote = true;
	set_flushed(fs, handle, false);
}

int working_write(struct fs *fs, struct handle *handle, const char *data, size_t size, uint64_t off,
	struct error *err)
{
	struct working *w = handle->working;
	uint64_t end;
	int rc;

	if (__builtin_add_overflow(off, size, &end) || end > FS_FILE_LIMIT)
		return error_set(err, ERR_TOO_BIG, "a file has at most %zu bytes", FS_FILE_LIMIT);
	pthread_mutex_lock(&w->lock);
	rc = load(fs, w, err);
	if (!rc) {
		if (end > w->bytes.len)
			buf_resize(&w->bytes, end);
		memcpy(w->bytes.data + off, data, size);
		mark_written(fs, w, handle);
	}
	pthread_mutex_unlock(&w->lock);
	return rc;
}

int working_truncate(
	struct fs *fs, struct working *w, struct handle *handle, uint64_t size, struct error *err)
{
	int rc = 0;

	if (size > FS_FILE_LIMIT)
		return error_set(err, ERR_TOO_BIG, "a file has at most %zu bytes", FS_FILE_LIMIT);
	pthread_mutex_lock(&w->lock);
	if (size)
		rc = load(fs, w, err);
	if (!rc) {
		buf_resize(&w->bytes, size);
		w->loaded = true;
		mark_written(fs, w, handle);
		if (!handle)
			rc = judge(fs, w, err);
	}
	pthread_mutex_unlock(&w->lock);
	return rc;
}

int working_flush(struct fs *fs, struct handle *handle, bool sync, struct error *err)
{
	struct working *w = handle->working;
	int rc = 0;

	pthread_mutex_lock(&w->lock);
	if (w->state == WORKING_DIRTY && (handle->wrote || sync)) {
		if (!is_emptied(fs, w))
			rc = judge(fs, w, err);
	} else if (w->state == WORKING_REFUSED && (handle->wrote || sync)) {
		*err = w->reason;
		rc = err->code;
	}
	handle->wrote = false;
	if (!sync)
		set_flushed(fs, handle, true);
	pthread_mutex_unlock(&w->lock);
	return rc;
}

int working_settle(struct fs *fs, uint64_t ino, struct error *err)
{
	struct working *w = working_get(fs, ino);
	int rc = 0;

	if (!w)
		return 0;
	pthread_mutex_lock(&w->lock);
	if (w->state == WORKING_DIRTY)
		rc = judge(fs, w, err);
	/* What was refused stays with its handles; the name can change all the same. */
	if (rc == ERR_INVALID || rc == ERR_EXISTS || rc == ERR_NOT_FOUND)
		rc = 0;
	pthread_mutex_unlock(&w->lock);
	working_put(fs, w);
	return rc;
}

void working_unlinked(struct fs *fs, uint64_t ino)
{
	struct working *w = working_get(fs, ino);

	if (!w)
		return;
	pthread_mutex_lock(&w->lock);
	w->item = 0;
	pthread_mutex_unlock(&w->lock);
	working_put(fs, w);
}

bool working_set_mtime(struct fs *fs, uint64_t ino, int64_t mtime)
{
	struct working *w = working_get(fs, ino);
	bool kept;

	if (!w)
		return false;
	pthread_mutex_lock(&w->lock);
	kept = w->state != WORKING_IDLE;
	if (kept) {
		w->mtime = mtime;
		w->ctime = store_now(fs->store);
		fs->writes++;
	}
	pthread_mutex_unlock(&w->lock);
	working_put(fs, w);
	return kept;
}

/* ---- looking ---------------------------------------------------------------------------------- */

void working_attr(struct fs *fs, uint64_t ino, struct stat *st)
{
	struct working *w = working_get(fs, ino);

	if (!w)
		return;
	pthread_mutex_lock(&w->lock);
	if (w->state != WORKING_IDLE) {
		st->st_size = (off_t)w->bytes.len;
		st->st_mtim.tv_sec = w->mtime / NS_PER_S;
		st->st_mtim.tv_nsec = w->mtime % NS_PER_S;
		st->st_ctim.tv_sec = w->ctime / NS_PER_S;
		st->st_ctim.tv_nsec = w->ctime % NS_PER_S;
	}
	pthread_mutex_unlock(&w->lock);
	working_put(fs, w);
}

bool working_read(struct fs *fs, uint64_t ino, void *to, size_t size, uint64_t off, size_t *got)
{
	struct working *w = working_get(fs, ino);
	bool loaded;

	if (!w)
		return false;
	pthread_mutex_lock(&w->lock);
	loaded = w->loaded;
	if (loaded) {
		*got = off < w->bytes.len ? w->bytes.len - off : 0;
		if (*got > size)
			*got = size;
		if (*got)
			memcpy(to, w->bytes.data + off, *got);
	}
	pthread_mutex_unlock(&w->lock);
	working_put(fs, w);
	return loaded;
}

/* A handle that was flushed longer ago is not being closed: its descriptor was duplicated. */
void working_wait_released(struct fs *fs)
{
	struct working_table *t = fs->working;
	struct timespec until;

	pthread_mutex_lock(&t->lock);
	until = t->last_flush;
	until.tv_sec += FS_SETTLE_NS / NS_PER_S;
	while (t->n_flushed && pthread_cond_timedwait(&t->changed, &t->lock, &until) != ETIMEDOUT)
		;
	pthread_mutex_unlock(&t->lock);
}
