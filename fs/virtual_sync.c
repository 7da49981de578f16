/* .sync: the state of the gateway (below the root) and of a mailbox (below its directory).
 *
 * The table below is the tree; what each file holds is asked of the engine, the configuration or the
 * store when somebody reads it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "fs/virtual.h"
#include "fs/working.h"
#include "sync/mem.h"

enum sync_entry {
	SYNC_DIR,
	SYNC_STATUS,
	SYNC_SETTINGS,
	SYNC_ERRORS,
	SYNC_LOG,
	SYNC_CONTROL,
	SYNC_STATE,
	SYNC_CONFLICTS,
	SYNC_LOST,
};

/* mb is NULL below the root. */
typedef int sync_render(struct fs *fs, const struct fs_mailbox *mb, struct buf *out);

static const char *address_of(const struct fs_mailbox *mb)
{
	return mb ? mb->user->address : NULL;
}

static int render_status(struct fs *fs, const struct fs_mailbox *mb, struct buf *out)
{
	json_t *status = fs->engine ? engine_status(fs->engine, address_of(mb)) : NULL;
	char *text = status ? json_dumps(status, JSON_INDENT(2)) : NULL;

	json_decref(status);
	if (!text)
		return EIO;
	buf_adds(out, text);
	buf_addc(out, '\n');
	free(text);
	return 0;
}

/* One value as RFC 4180 writes it. */
static void add_csv(struct buf *out, const json_t *value)
{
	const char *text = json_string_value(value);

	if (json_is_integer(value)) {
		buf_addf(out, "%lld", (long long)json_integer_value(value));
		return;
	}
	if (!text)
		return;
	if (!strpbrk(text, ",\"\r\n")) {
		buf_adds(out, text);
		return;
	}
	buf_addc(out, '"');
	for (; *text; text++) {
		if (*text == '"')
			buf_addc(out, '"');
		buf_addc(out, *text);
	}
	buf_addc(out, '"');
}

static int render_errors(struct fs *fs, const struct fs_mailbox *mb, struct buf *out)
{
	static const char *const columns[] = { "mailbox", "path", "state", "error" };
	json_t *errors = fs->engine ? engine_errors(fs->engine, address_of(mb)) : NULL, *row;
	size_t i;

	for (size_t k = 0; k < ARRAY_SIZE(columns); k++)
		buf_addf(out, "%s%s", k ? "," : "", columns[k]);
	buf_adds(out, "\r\n");
	json_array_foreach(errors, i, row) {
		for (size_t k = 0; k < ARRAY_SIZE(columns); k++) {
			if (k)
				buf_addc(out, ',');
			add_csv(out, json_object_get(row, columns[k]));
		}
		buf_adds(out, "\r\n");
	}
	json_decref(errors);
	return 0;
}

/* The configuration in effect for this user: other users and policies left out. */
static int render_settings(struct fs *fs, const struct fs_mailbox *mb, struct buf *out)
{
	struct config config = *fs->config;
	struct config_user user = *mb->user;
	struct config_policy policy;
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);

	if (!f)
		return EIO;
	config.users = &user;
	config.n_users = 1;
	config.n_policies = 0;
	if (user.policy) {
		policy = *user.policy;
		policy.users = &user.address;
		policy.n_users = 1;
		config.policies = &policy;
		config.n_policies = 1;
	}
	config_show(&config, f);
	fclose(f);
	buf_add(out, text, len);
	free(text);
	return 0;
}

static int render_log(struct fs *fs, const struct fs_mailbox *mb, struct buf *out)
{
	struct error err = ERROR_INIT;

	return store_log_read(fs->store, mb->id, out, &err) ? error_errno(err.code) : 0;
}

static int render_control(struct fs *fs, const struct fs_mailbox *mb, struct buf *out)
{
	(void)fs, (void)mb, (void)out;
	return 0;
}

static const struct row {
	enum sync_entry entry;
	const char *name;
	mode_t mode;
	bool in_root;
	sync_render *render;
} rows[] = {
	{ SYNC_STATUS, "status.json", S_IFREG | 0400, true, render_status },
	{ SYNC_SETTINGS, "settings.ini", S_IFREG | 0400, false, render_settings },
	{ SYNC_ERRORS, "errors.csv", S_IFREG | 0400, true, render_errors },
	{ SYNC_LOG, "log", S_IFREG | 0400, false, render_log },
	{ SYNC_CONTROL, "control", S_IFREG | 0600, true, render_control },
	{ SYNC_STATE, "state", S_IFDIR | 0500, false, NULL },
	{ SYNC_CONFLICTS, "conflicts", S_IFDIR | 0700, false, NULL },
	{ SYNC_LOST, "lost+found", S_IFDIR | 0700, false, NULL },
};

/* ---- numbers ---------------------------------------------------------------------------------- */

static enum sync_entry entry_of(fuse_ino_t ino)
{
	return (enum sync_entry)(virtual_payload(ino) & 0xff);
}

static uint64_t place_of(fuse_ino_t ino)
{
	return virtual_payload(ino) >> 8;
}

bool sync_is_control(fuse_ino_t ino)
{
	return virtual_tree(ino) == VIRTUAL_SYNC && entry_of(ino) == SYNC_CONTROL;
}

static int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

/* The mailbox of a number (NULL: the root); false when that is not shown. */
static bool find_place(struct fs *fs, fuse_ino_t ino, const struct fs_mailbox **mb)
{
	*mb = fs_mailbox_by_ino(fs, place_of(ino));
	return *mb || place_of(ino) == STORE_ROOT_INO;
}

static bool is_here(const struct row *row, const struct fs_mailbox *mb)
{
	return mb || row->in_root;
}

static void fill_entry(const struct row *row, fuse_ino_t dir, const struct fs_mailbox *mb,
	struct virtual_entry *entry)
{
	if (row->entry == SYNC_STATE)
		entry->ino = virtual_ino(VIRTUAL_STATE, mb->ino);
	else
		entry->ino = virtual_ino(VIRTUAL_SYNC, place_of(dir) << 8 | row->entry);
	entry->mode = row->mode;
	entry->mtime = now_ns();
	entry->owner = mb;
	snprintf(entry->name, sizeof(entry->name), "%s", row->name);
}

/* ---- operations -------------------------------------------------------------------------------- */

static int sync_lookup(struct fs *fs, fuse_ino_t dir, const char *name, struct virtual_entry *entry)
{
	const struct fs_mailbox *mb;

	if (!find_place(fs, dir, &mb))
		return ENOENT;
	if (entry_of(dir) == SYNC_CONFLICTS)
		return records_lookup(fs, mb, LIST_CONFLICTS, name, entry);
	if (entry_of(dir) == SYNC_LOST)
		return records_lookup(fs, mb, LIST_LOST, name, entry);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (!is_here(&rows[i], mb) || strcmp(rows[i].name, name) != 0)
			continue;
		fill_entry(&rows[i], dir, mb, entry);
		return 0;
	}
	return ENOENT;
}

static int sync_list(
	struct fs *fs, fuse_ino_t dir, uint64_t after, virtual_visitor *visit, void *data)
{
	const struct fs_mailbox *mb;

	if (!find_place(fs, dir, &mb))
		return ENOENT;
	if (entry_of(dir) == SYNC_CONFLICTS)
		return records_list(fs, mb, LIST_CONFLICTS, after, visit, data);
	if (entry_of(dir) == SYNC_LOST)
		return records_list(fs, mb, LIST_LOST, after, visit, data);
	for (size_t i = after; i < ARRAY_SIZE(rows); i++) {
		struct virtual_entry entry = { 0 };

		if (!is_here(&rows[i], mb))
			continue;
		fill_entry(&rows[i], dir, mb, &entry);
		if (!visit(data, &entry, i + 1))
			break;
	}
	return 0;
}

static int sync_get(struct fs *fs, fuse_ino_t ino, struct virtual_entry *entry)
{
	const struct fs_mailbox *mb;

	if (!find_place(fs, ino, &mb))
		return ENOENT;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (rows[i].entry == entry_of(ino) && is_here(&rows[i], mb)) {
			fill_entry(&rows[i], ino, mb, entry);
			return 0;
		}
	if (entry_of(ino) != SYNC_DIR)
		return ENOENT;
	entry->ino = ino;
	entry->mode = S_IFDIR | 0700;
	entry->mtime = now_ns();
	entry->owner = mb;
	return 0;
}

static int sync_read(struct fs *fs, fuse_ino_t ino, struct buf *out)
{
	const struct fs_mailbox *mb;
	int number;

	if (!find_place(fs, ino, &mb))
		return ESTALE;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (rows[i].entry != entry_of(ino) || !rows[i].render || !is_here(&rows[i], mb))
			continue;
		number = rows[i].render(fs, mb, out);
		return !number && buf_check(out, rows[i].name, NULL) ? EFBIG : number;
	}
	return EISDIR;
}

static int sync_unlink(struct fs *fs, fuse_ino_t dir, const char *name)
{
	const struct fs_mailbox *mb;

	if (!find_place(fs, dir, &mb))
		return ENOENT;
	if (entry_of(dir) == SYNC_CONFLICTS)
		return records_unlink(fs, mb, LIST_CONFLICTS, name);
	if (entry_of(dir) == SYNC_LOST)
		return records_unlink(fs, mb, LIST_LOST, name);
	return EPERM;
}

const struct virtual_ops virtual_sync = {
	.lookup = sync_lookup,
	.list = sync_list,
	.get = sync_get,
	.render = sync_read,
	.unlink = sync_unlink,
};
