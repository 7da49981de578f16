/* .json and .sync/state: the folders of a mailbox once more, with a document a file.
 *
 * .json is the canonical document of each item, and writing it is an edit: anna.vcf <-> anna.json.  A
 * file there under any other name (an editor's temporary file, `jq . anna.json > tmp`) is a draft of the
 * real folder under a hidden name, ".json." before it, so nothing written is lost with the daemon (I5).
 * Renaming such a draft to NAME.json commits it.
 *
 * What is done here changes real folders behind the kernel's back, so every operation tells the
 * notifier.  .sync/state is read-only: what the hub knows of each item, NAME.vcf.json. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs/virtual.h"
#include "fs/working.h"
#include "sync/mem.h"

#define JSON_SUFFIX  ".json"
#define DRAFT_PREFIX ".json."

static bool has_suffix(const char *name, const char *suffix)
{
	size_t n = strlen(name), k = strlen(suffix);

	return n > k && !strcmp(name + n - k, suffix);
}

/* ---- names ------------------------------------------------------------------------------------ */

/* The name that a node has in the tree; false: it is not there. */
static bool shown_name(
	enum virtual_tree tree, const struct store_node *node, char *name, size_t size)
{
	const struct document_kind *kind = document_kind(node->kind);
	size_t stem;

	if (!kind)
		return false;
	if (node->type == NODE_FOLDER) {
		snprintf(name, size, "%s", node->name);
		return true;
	}
	if (tree == VIRTUAL_STATE) {
		snprintf(name, size, "%s" JSON_SUFFIX, node->name);
		return node->type == NODE_ITEM && node->item;
	}
	if (node->type == NODE_ITEM) {
		stem = strlen(node->name) - strlen(kind->suffix);
		snprintf(name, size, "%.*s" JSON_SUFFIX, (int)stem, node->name);
		return true;
	}
	if (node->type != NODE_DRAFT ||
		strncmp(node->name, DRAFT_PREFIX, strlen(DRAFT_PREFIX)) != 0)
		return false;
	snprintf(name, size, "%s", node->name + strlen(DRAFT_PREFIX));
	return true;
}

/* The name in the real folder of what .json calls `name`.  New string. */
static char *real_name(enum item_kind kind, const char *name)
{
	const struct document_kind *row = document_kind(kind);

	if (row && name[0] != '.' && has_suffix(name, JSON_SUFFIX))
		return xasprintf(
			"%.*s%s", (int)(strlen(name) - strlen(JSON_SUFFIX)), name, row->suffix);
	return xasprintf(DRAFT_PREFIX "%s", name);
}

static bool is_in_tree(const struct store_node *dir, const struct store_node *node)
{
	return dir->type == NODE_MAILBOX ? node->type == NODE_FOLDER && document_kind(node->kind)
					 : node->type != NODE_DRAFT_DIR;
}

static void fill_entry(struct fs *fs, enum virtual_tree tree, const struct store_node *node,
	struct virtual_entry *entry)
{
	bool file = node->type == NODE_ITEM || node->type == NODE_DRAFT;

	entry->ino = virtual_ino(tree, node->ino);
	if (tree == VIRTUAL_JSON)
		entry->mode = file ? S_IFREG | 0600 : S_IFDIR | 0700;
	else
		entry->mode = file ? S_IFREG | 0400 : S_IFDIR | 0500;
	entry->mtime = node->mtime;
	entry->owner = fs_mailbox(fs, node->mailbox);
}

/* ---- looking ---------------------------------------------------------------------------------- */

static int node_of(struct fs *fs, fuse_ino_t ino, struct store_node *node)
{
	struct error err = ERROR_INIT;

	if (store_node_get(fs->store, virtual_payload(ino), node, &err))
		return error_errno(err.code);
	return node->parent ? 0 : ENOENT;
}

/* The node that the tree calls `name`: a folder, or a file by its real name. */
static int find_node(struct fs *fs, enum virtual_tree tree, const struct store_node *dir,
	const char *name, struct store_node *node)
{
	char shown[sizeof(((struct virtual_entry *)0)->name)];
	char *real AUTOFREE = NULL;
	struct error err = ERROR_INIT;

	if (!store_node_lookup(fs->store, dir->ino, name, node, NULL) &&
		node->type == NODE_FOLDER && is_in_tree(dir, node))
		return 0;
	if (dir->type == NODE_MAILBOX)
		return ENOENT;
	/* state: "anna.vcf.json", and "anna.json" as well */
	if (tree == VIRTUAL_STATE && has_suffix(name, JSON_SUFFIX))
		real = xstrndup(name, strlen(name) - strlen(JSON_SUFFIX));
	if (!real || store_node_lookup(fs->store, dir->ino, real, node, NULL)) {
		free(real);
		real = real_name(dir->kind, name);
		if (store_node_lookup(fs->store, dir->ino, real, node, &err))
			return error_errno(err.code);
	}
	return shown_name(tree, node, shown, sizeof(shown)) ? 0 : ENOENT;
}

static int mirror_lookup(
	struct fs *fs, fuse_ino_t ino, const char *name, struct virtual_entry *entry)
{
	struct store_node dir, node;
	int number = node_of(fs, ino, &dir);

	if (!number)
		number = find_node(fs, virtual_tree(ino), &dir, name, &node);
	if (!number)
		fill_entry(fs, virtual_tree(ino), &node, entry);
	return number;
}

static int mirror_get(struct fs *fs, fuse_ino_t ino, struct virtual_entry *entry)
{
	struct store_node node;
	int number = node_of(fs, ino, &node);

	if (!number)
		fill_entry(fs, virtual_tree(ino), &node, entry);
	return number;
}

struct mirror_listing {
	struct fs *fs;
	enum virtual_tree tree;
	const struct store_node *dir;
	virtual_visitor *visit;
	void *data;
};

static bool visit_node(void *data, const struct store_node *node)
{
	struct mirror_listing *l = data;
	struct virtual_entry entry = { 0 };

	if (!is_in_tree(l->dir, node) || !shown_name(l->tree, node, entry.name, sizeof(entry.name)))
		return true;
	fill_entry(l->fs, l->tree, node, &entry);
	return l->visit(l->data, &entry, node->ino);
}

static int check_complete(struct fs *fs, const struct store_node *dir)
{
	struct store_folder folder;
	bool complete;

	if (dir->type != NODE_FOLDER || store_folder_get(fs->store, dir->ino, &folder, NULL))
		return 0;
	complete = folder.complete;
	store_folder_clear(&folder);
	return complete ? 0 : EAGAIN;
}

static int mirror_list(
	struct fs *fs, fuse_ino_t ino, uint64_t after, virtual_visitor *visit, void *data)
{
	struct store_node dir;
	struct mirror_listing l = {
		.fs = fs, .tree = virtual_tree(ino), .dir = &dir, .visit = visit, .data = data
	};
	struct error err = ERROR_INIT;
	int number = node_of(fs, ino, &dir);

	if (!number)
		number = check_complete(fs, &dir);
	if (!number && store_node_list(fs->store, dir.ino, after, visit_node, &l, &err))
		number = error_errno(err.code);
	return number;
}

/* ---- documents -------------------------------------------------------------------------------- */

static int add_json(json_t *json, struct buf *out)
{
	char *text = json_dumps(json, JSON_INDENT(2) | JSON_SORT_KEYS | JSON_ENCODE_ANY);

	if (!text)
		return EIO;
	buf_adds(out, text);
	buf_addc(out, '\n');
	free(text);
	return buf_check(out, "the file", NULL) ? EFBIG : 0;
}

static int render_document(struct fs *fs, const struct store_node *node, struct buf *out)
{
	struct error err = ERROR_INIT;
	struct store_item item;
	int number;

	if (node->type == NODE_DRAFT)
		return store_content_get(fs->store, node->ino, out, &err) ? error_errno(err.code)
									  : 0;
	if (!node->item)
		return 0;
	if (store_item_get(fs->store, node->item, &item, &err))
		return error_errno(err.code);
	number = item.doc ? add_json(item.doc, out) : 0;
	store_item_clear(&item);
	return number;
}

static int json_render(struct fs *fs, fuse_ino_t ino, struct buf *out)
{
	struct store_node node;
	int number = node_of(fs, ino, &node);

	return number ? number : render_document(fs, &node, out);
}

static int state_render(struct fs *fs, fuse_ino_t ino, struct buf *out)
{
	struct store_node node;
	json_t *state;
	int number = node_of(fs, ino, &node);

	if (number)
		return number;
	state = node.item && fs->engine ? engine_item_state(fs->engine, node.item) : NULL;
	if (!state)
		return ENOENT;
	number = add_json(state, out);
	json_decref(state);
	return number;
}

/* ---- changing --------------------------------------------------------------------------------- */

static void tell(struct fs *fs, uint64_t parent, const char *name, uint64_t was)
{
	notify_entry(fs, parent, name, was);
	notify_inode(fs, parent);
}

static int failure(const struct error *err)
{
	return err->code == ERR_DENIED ? EPERM : error_errno(err->code);
}

int json_load(struct fs *fs, struct working *w, struct error *err)
{
	struct store_node node;
	int rc = store_node_get(fs->store, w->target, &node, err), number;

	if (rc)
		return rc;
	number = render_document(fs, &node, &w->bytes);
	return number ? error_set(err, ERR_INTERNAL, "%s", strerror(number)) : 0;
}

int json_commit(struct fs *fs, struct working *w, struct error *err)
{
	struct base_asker asker = { .table = fs->bases, .store = fs->store, .process = w->process };
	struct commit c = fs->commit;
	struct store_node node;
	int64_t rev;
	int rc;

	if (!w->bytes.len) /* a document is never empty: nothing was written */
		return 0;
	c.base = base_ask;
	c.base_data = &asker;
	/* A sync, or the commit before, may have replaced the file. */
	if (store_node_lookup(fs->store, w->parent, w->name, &node, NULL))
		node.ino = 0;
	rc = commit_json(
		&c, node.ino, w->parent, w->name, buf_str(&w->bytes), w->bytes.len, &rev, err);
	if (rc)
		return rc;
	if (!store_node_lookup(fs->store, w->parent, w->name, &node, NULL))
		w->target = node.ino;
	if (rev > 0)
		base_wrote(fs->bases, fs->store, w->process, w->target, rev);
	return 0;
}

struct handle *json_open(struct fs *fs, fuse_ino_t ino, bool created)
{
	struct store_node node;

	if (node_of(fs, ino, &node))
		return NULL;
	if (node.type == NODE_DRAFT)
		return working_open(fs, ino, node.ino, 0, NULL, created);
	return working_open(fs, ino, node.ino, node.parent, node.name, created);
}

int json_create(
	struct fs *fs, fuse_ino_t ino, const char *name, mode_t mode, struct virtual_entry *entry)
{
	char *real AUTOFREE = NULL;
	struct error err = ERROR_INIT;
	struct store_node dir, node;
	int number = node_of(fs, ino, &dir);

	if (number)
		return number;
	if (dir.type != NODE_FOLDER)
		return EPERM;
	real = real_name(dir.kind, name);
	if (strlen(real) > 255)
		return ENAMETOOLONG;
	if (commit_create(&fs->commit, dir.ino, real, mode & 0777, &node, &err))
		return failure(&err);
	fill_entry(fs, VIRTUAL_JSON, &node, entry);
	tell(fs, dir.ino, real, 0);
	return 0;
}

static int json_unlink(struct fs *fs, fuse_ino_t ino, const char *name)
{
	struct error err = ERROR_INIT;
	struct store_node dir, node;
	int number = node_of(fs, ino, &dir), named = 0;

	if (!number)
		number = find_node(fs, VIRTUAL_JSON, &dir, name, &node);
	if (number)
		return number;
	if (node.type == NODE_FOLDER)
		return EISDIR;
	if (commit_unlink(&fs->commit, dir.ino, node.name, &named, &err))
		return named ? named : failure(&err);
	tell(fs, dir.ino, node.name, node.ino);
	return 0;
}

/* ---- rename ------------------------------------------------------------------------------------- */

struct json_move {
	struct store_node from;
	struct store_node to_dir;
	struct store_node to; /* ino 0: the name is free */
	char *to_name;	      /* in the real folder */
	const char *called;   /* in .json */
	bool to_item;
};

static int move_name(struct fs *fs, const struct json_move *m, struct error *err)
{
	int number = 0;

	if (commit_rename(&fs->commit, m->from.parent, m->from.name, m->to_dir.ino, m->to_name,
		    false, &number, err))
		return number ? number : failure(err);
	return 0;
}

/* An item gets a draft's name (an editor's backup): the draft holds what .json showed. */
static int item_to_draft(struct fs *fs, const struct json_move *m, struct error *err)
{
	struct buf bytes AUTOBUF = BUF_INIT(FS_FILE_LIMIT);
	int number = render_document(fs, &m->from, &bytes);

	if (!number)
		number = move_name(fs, m, err);
	if (!number && commit_draft(&fs->commit, m->from.ino, buf_str(&bytes), bytes.len, err))
		number = failure(err);
	return number;
}

/* A draft becomes an item: its bytes are committed as a document.  Refused, the draft stays where it
 * is and a copy goes to lost+found. */
static int draft_to_item(struct fs *fs, const struct json_move *m, struct error *err)
{
	struct buf bytes AUTOBUF = BUF_INIT(FS_FILE_LIMIT);
	int unused, rc;

	rc = store_content_get(fs->store, m->from.ino, &bytes, err);
	if (!rc)
		rc = commit_json(&fs->commit, m->to.ino, m->to_dir.ino, m->to_name, buf_str(&bytes),
			bytes.len, NULL, err);
	if (rc == ERR_INVALID && bytes.len) {
		commit_refuse(&fs->commit, m->from.mailbox, m->called, buf_str(&bytes), bytes.len,
			err->text, NULL);
		fs_log_refusal(fs, m->from.mailbox, m->called, err);
	}
	if (!rc)
		rc = commit_unlink(&fs->commit, m->from.parent, m->from.name, &unused, err);
	return rc ? failure(err) : 0;
}

static int do_move(struct fs *fs, fuse_ino_t from, const struct json_move *m)
{
	struct error err = ERROR_INIT;
	bool from_item = m->from.type == NODE_ITEM;
	int number;

	if (m->from.type == NODE_FOLDER)
		return EPERM;
	if (working_settle(fs, from, &err))
		return failure(&err);
	if (from_item && !m->to_item)
		number = item_to_draft(fs, m, &err);
	else if (!from_item && m->to_item)
		number = draft_to_item(fs, m, &err);
	else
		number = move_name(fs, m, &err);
	if (number)
		return number;
	tell(fs, m->from.parent, m->from.name, m->from.ino);
	tell(fs, m->to_dir.ino, m->to_name, m->to.ino);
	return 0;
}

int json_rename(struct fs *fs, fuse_ino_t dir_ino, const char *name, fuse_ino_t new_dir_ino,
	const char *new_name, bool no_replace)
{
	struct json_move m = { .called = new_name };
	struct store_node dir;
	int number = node_of(fs, dir_ino, &dir);

	if (!number)
		number = find_node(fs, VIRTUAL_JSON, &dir, name, &m.from);
	if (!number)
		number = node_of(fs, new_dir_ino, &m.to_dir);
	if (number)
		return number;
	if (m.to_dir.type != NODE_FOLDER)
		return EPERM;
	m.to_name = real_name(m.to_dir.kind, new_name);
	m.to_item = document_is_item_name(m.to_dir.kind, m.to_name);
	if (store_node_lookup(fs->store, m.to_dir.ino, m.to_name, &m.to, NULL))
		m.to.ino = 0;
	if (strlen(m.to_name) > 255)
		number = ENAMETOOLONG;
	else if (m.to.ino && no_replace)
		number = EEXIST;
	else if (m.to.ino != m.from.ino)
		number = do_move(fs, virtual_ino(VIRTUAL_JSON, m.from.ino), &m);
	free(m.to_name);
	return number;
}

const struct virtual_ops virtual_json = {
	.lookup = mirror_lookup,
	.list = mirror_list,
	.get = mirror_get,
	.render = json_render,
	.unlink = json_unlink,
};

const struct virtual_ops virtual_state = {
	.lookup = mirror_lookup,
	.list = mirror_list,
	.get = mirror_get,
	.render = state_render,
};
