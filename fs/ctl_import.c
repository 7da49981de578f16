/* tandemctl import and export: files of many items into a folder and back.
 *
 * A plain client of the mount, or of any directory: an item is written under a name that begins with a
 * dot, which is a draft there, and gets its own name by a rename, which commits it.  What the mount
 * would refuse is refused here, by the same parser, with the reason. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "fs/ctl.h"
#include "fs/ctl_split.h"
#include "sync/formats/document.h"
#include "sync/mem.h"

/* Folders below one another are not nested deeper. */
#define DEPTH_MAX 16
#define NAMES_MAX 10000

static const struct ctl_column import_columns[] = { { "RESULT", "result" }, { "FROM", "from" },
	{ "FILE", "file" }, { "REASON", "reason" } };

static int failed(const struct error *err)
{
	fprintf(stderr, "tandemctl: %s\n", err->text);
	return 1;
}

/* ---- files ------------------------------------------------------------------------------------- */

static int read_file(int dir, const char *name, struct buf *out, struct error *err)
{
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC), number;
	char some[65536];
	ssize_t n = -1;

	buf_reset(out);
	while (fd >= 0 && (n = read(fd, some, sizeof(some))) > 0)
		buf_add(out, some, (size_t)n);
	number = errno;
	if (fd >= 0)
		close(fd);
	if (n < 0)
		return error_set(err, ERR_INVALID, "%s: %s", name, strerror(number));
	return buf_check(out, name, err);
}

static int write_file(int dir, const char *name, const struct buf *bytes, struct error *err)
{
	int fd = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	size_t at = 0;
	ssize_t n = fd < 0 ? -1 : 0;

	while (n >= 0 && at < bytes->len) {
		n = write(fd, bytes->data + at, bytes->len - at);
		at += n > 0 ? (size_t)n : 0;
	}
	if (fd >= 0 && (close(fd) || n < 0))
		n = -1;
	return n < 0 ? error_set(err, ERR_INVALID, "%s", strerror(errno)) : 0;
}

static bool has_suffix(const char *name, const char *suffix)
{
	size_t n = strlen(name), k = strlen(suffix);

	return n > k && !strcasecmp(name + n - k, suffix);
}

static bool is_item_name(const char *name)
{
	return name[0] != '.' && (has_suffix(name, ".ics") || has_suffix(name, ".vcf"));
}

/* Calls `visit` for each file of items in the directory and those below it, by name. */
typedef int visitor(void *data, int dir, const char *name, struct error *err);

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int visit_all(
	int at, const char *path, int depth, visitor *visit, void *data, struct error *err)
{
	int dir = openat(at, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), n, rc = 0;
	struct dirent **entries = NULL;

	n = dir < 0 ? -1 : scandirat(dir, ".", &entries, NULL, by_name);
	if (n < 0)
		rc = error_set(err, ERR_INVALID, "%s: %s", path,
			errno == EAGAIN ? "its first sync has not ended yet" : strerror(errno));
	for (int i = 0; i < n; i++) {
		const char *name = entries[i]->d_name;
		struct stat st;

		if (!rc && name[0] != '.' && !fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW)) {
			if (S_ISDIR(st.st_mode) && depth < DEPTH_MAX)
				rc = visit_all(dir, name, depth + 1, visit, data, err);
			else if (S_ISREG(st.st_mode) && is_item_name(name))
				rc = visit(data, dir, name, err);
		}
		free(entries[i]);
	}
	free(entries);
	if (dir >= 0)
		close(dir);
	return rc;
}

/* ---- import ------------------------------------------------------------------------------------ */

struct import {
	int dir;
	const char *folder;
	int kind;      /* of the mount's folder; -1: a plain directory, which takes all */
	json_t *known; /* set: UIDs that are there */
	json_t *rows;  /* array: what became of each item */
	json_t *notes;
	size_t taken, skipped, refused;
};

static int note_uids(void *data, int dir, const char *name, struct error *err)
{
	struct import *import = data;
	struct buf bytes AUTOBUF = BUF_INIT(SPLIT_BYTES_MAX);
	struct split split = { 0 };
	char uid[1024];
	char *path AUTOFREE = xasprintf("/proc/self/fd/%d/%s", dir, name);
	ssize_t n = getxattr(path, "user.tandem.uid", uid, sizeof(uid) - 1);

	if (n > 0) {
		uid[n] = '\0';
		json_object_set_new(import->known, uid, json_true());
		return 0;
	}
	if (read_file(dir, name, &bytes, err))
		return ERR_INVALID;
	if (!split_text(buf_str(&bytes), bytes.len, &split, NULL))
		for (size_t i = 0; i < split.n; i++)
			json_object_set_new(import->known, split.items[i].uid, json_true());
	split_clear(&split);
	return 0;
}

/* The kind of items that the folder takes: that of the mailbox's folder it is or lies in. */
static int kind_of_folder(const char *folder)
{
	static const char *const names[] = {
		[KIND_CONTACT] = "Contacts", [KIND_EVENT] = "Calendar", [KIND_TASK] = "Tasks"
	};
	char *path AUTOFREE = realpath(folder, NULL), *slash;

	while (path && (slash = strrchr(path, '/'))) {
		char *status AUTOFREE = xasprintf("%.*s/.sync/state", (int)(slash - path), path);

		if (!access(status, F_OK))
			for (size_t i = 0; i < ARRAY_SIZE(names); i++)
				if (!strcmp(slash + 1, names[i]))
					return (int)i;
		*slash = '\0';
	}
	return -1;
}

static void note(struct import *import, const char *result, const char *file,
	const struct split_item *item, const char *name, const char *reason)
{
	json_array_append_new(import->rows,
		json_pack("{s:s, s:o, s:s?, s:s?, s:s?}", "result", result, "from",
			item ? json_sprintf("%s:%zu", file, item->line) : json_string(file), "file",
			name, "uid", item ? item->uid : NULL, "reason", reason));
	import->taken += !strcmp(result, "taken");
	import->skipped += !strcmp(result, "skipped");
	import->refused += !strcmp(result, "refused");
}

/* Why the folder cannot take the item; fills in its document. */
static int check(
	const struct import *import, const struct split_item *item, json_t **doc, struct error *err)
{
	const struct document_kind *kind = document_kind(item->kind);
	static const char *const belongs[] = {
		[KIND_CONTACT] = "a contact, which belongs into Contacts",
		[KIND_EVENT] = "an event, which belongs into Calendar",
		[KIND_TASK] = "a task, which belongs into Tasks"
	};

	*doc = NULL;
	if (import->kind >= 0 && (int)item->kind != import->kind)
		return error_set(err, ERR_INVALID, "%s", belongs[item->kind]);
	return kind ? kind->parse(buf_str(&item->bytes), item->bytes.len, doc, err) : 0;
}

/* The name for the n-th try. */
static char *item_name(const struct split_item *item, const json_t *doc, unsigned int n)
{
	const struct document_kind *kind = document_kind(item->kind);
	char *name;

	if (kind && doc)
		return document_file_name(kind, doc, n);
	name = n > 1 ? xasprintf("%.200s (%u)%s", item->uid, n,
			       item->kind == KIND_CONTACT ? ".vcf" : ".ics")
		     : xasprintf(
			       "%.200s%s", item->uid, item->kind == KIND_CONTACT ? ".vcf" : ".ics");
	for (char *at = name; *at; at++)
		if (*at == '/' || (unsigned char)*at < 0x20 || (at == name && *at == '.'))
			*at = '_';
	return name;
}

/* The draft takes a free name: *name.  ERR_EXISTS: the mount knows the UID. */
static int commit(const struct import *import, const char *draft, const struct split_item *item,
	const json_t *doc, char **name, struct error *err)
{
	for (unsigned int n = 1; n < NAMES_MAX; n++) {
		struct stat st;

		*name = item_name(item, doc, n);
		if (!renameat2(import->dir, draft, import->dir, *name, RENAME_NOREPLACE))
			return 0;
		if (errno != EEXIST)
			return error_set(err, ERR_INVALID, "%s", strerror(errno));
		if (fstatat(import->dir, *name, &st, AT_SYMLINK_NOFOLLOW))
			return error_set(err, ERR_EXISTS, "it is there already");
		free(*name);
	}
	*name = NULL;
	return error_set(err, ERR_INVALID, "no name is free");
}

static void import_item(struct import *import, const char *file, const struct split_item *item)
{
	char *draft AUTOFREE = xasprintf(".tandemctl-%ld.import", (long)getpid());
	struct error err = ERROR_INIT;
	char *name AUTOFREE = NULL;
	json_t *doc = NULL;
	int rc;

	if (json_object_get(import->known, item->uid)) {
		note(import, "skipped", file, item, NULL, "it is there already");
		return;
	}
	rc = check(import, item, &doc, &err);
	if (!rc) {
		rc = write_file(import->dir, draft, &item->bytes, &err);
		if (!rc)
			rc = commit(import, draft, item, doc, &name, &err);
		if (rc)
			unlinkat(import->dir, draft, 0);
	}
	if (!rc)
		json_object_set_new(import->known, item->uid, json_true());
	note(import,
		!rc		   ? "taken"
		: rc == ERR_EXISTS ? "skipped"
				   : "refused",
		file, item, name, rc ? err.text : NULL);
	json_decref(doc);
}

/* All of a file or, where it is no export, nothing. */
static void import_file(struct import *import, const char *file)
{
	struct buf text AUTOBUF = BUF_INIT(SPLIT_BYTES_MAX);
	struct error err = ERROR_INIT;
	struct split split = { 0 };
	json_t *one;
	size_t i;
	int rc = read_file(AT_FDCWD, file, &text, &err);

	if (!rc)
		rc = split_text(buf_str(&text), text.len, &split, &err);
	if (rc)
		note(import, "refused", file, NULL, NULL, err.text);
	for (i = 0; !rc && i < split.n; i++)
		import_item(import, file, &split.items[i]);
	json_array_foreach(split.notes, i, one)
		if (!rc)
			json_array_append_new(import->notes,
				json_sprintf("%s: %s", file, json_string_value(one)));
	split_clear(&split);
}

static void print_import(const struct ctl *ctl, const struct import *import)
{
	json_t *result, *one;
	size_t i;

	if (ctl->json) {
		result = json_pack("{s:I, s:I, s:I, s:O, s:O}", "taken", (json_int_t)import->taken,
			"skipped", (json_int_t)import->skipped, "refused",
			(json_int_t)import->refused, "items", import->rows, "notes", import->notes);
		ctl_print_json(result);
		json_decref(result);
		return;
	}
	ctl_print_list(ctl, import->rows, import_columns, ARRAY_SIZE(import_columns), "no items");
	json_array_foreach(import->notes, i, one)
		printf("%s\n", json_string_value(one));
	printf("%zu taken, %zu skipped, %zu refused\n", import->taken, import->skipped,
		import->refused);
}

int ctl_import(const struct ctl *ctl, const char *const *words, size_t n)
{
	const char *folder = words[n - 1];
	struct import import = { .folder = folder,
		.kind = kind_of_folder(folder),
		.dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC),
		.known = json_object(),
		.rows = json_array(),
		.notes = json_array() };
	struct error err = ERROR_INIT;
	int rc;

	rc = import.dir < 0 ? error_set(&err, ERR_INVALID, "%s: %s", folder, strerror(errno))
			    : visit_all(AT_FDCWD, folder, 0, note_uids, &import, &err);
	for (size_t i = 1; !rc && i < n - 1; i++)
		import_file(&import, words[i]);
	if (!rc)
		print_import(ctl, &import);
	if (import.dir >= 0)
		close(import.dir);
	json_decref(import.known);
	json_decref(import.rows);
	json_decref(import.notes);
	return rc ? failed(&err) : import.refused != 0;
}

/* ---- export ------------------------------------------------------------------------------------ */

static int add_file(void *data, int dir, const char *name, struct error *err)
{
	struct buf bytes AUTOBUF = BUF_INIT(SPLIT_BYTES_MAX);
	int rc = read_file(dir, name, &bytes, err);

	if (!rc)
		rc = join_add(data, buf_str(&bytes), bytes.len, err);
	return rc ? error_prefix(err, "%s", name) : 0;
}

int ctl_export(const struct ctl *ctl, const char *const *words, size_t n)
{
	struct buf out AUTOBUF = BUF_INIT(SPLIT_BYTES_MAX);
	struct error err = ERROR_INIT;
	struct join join;
	int rc;

	(void)ctl;
	(void)n;
	join_init(&join);
	rc = visit_all(AT_FDCWD, words[1], 0, add_file, &join, &err);
	if (!rc) {
		join_finish(&join, &out);
		rc = buf_check(&out, words[1], &err);
	}
	join_clear(&join);
	if (!rc && out.len && fwrite(out.data, 1, out.len, stdout) != out.len)
		rc = error_set(&err, ERR_INVALID, "standard output: %s", strerror(errno));
	return rc ? failed(&err) : 0;
}
