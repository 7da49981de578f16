/* A disk that loses its power: a VFS of SQLite that keeps apart what was written and what was synced.
 *
 * Everything is written through to the directory that the store uses.  Beside it a second directory holds
 * what would be found after a power cut: a file gets there by xSync (and fdatasync, which the store calls
 * for fsync(2)), as it was then.  At the cut, some of what was written and not synced gets there as well,
 * whole or torn, as a disk may have it; from then on nothing does.
 *
 * A cut comes after a number of writes and syncs, so also in the middle of a transaction or a checkpoint.
 * For one thread and one store at a time. */
#ifndef TESTS_UNIT_SYNC_POWER_H
#define TESTS_UNIT_SYNC_POWER_H

#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sync/mem.h"

#define POWER_FILES  8
#define POWER_SECTOR 512

struct power_write {
	sqlite3_int64 at;
	int len; /* -1: truncated at `at` */
	char *bytes;
};

struct power_disk_file {
	char name[64]; /* "" : free */
	dev_t dev;
	ino_t ino;
	struct power_write *writes;
	size_t n, cap;
};

struct power {
	char dir[96]; /* what a cut leaves */
	long until;   /* writes and syncs until the cut; negative: not by itself */
	bool off;
	uint64_t seed;
	struct power_disk_file files[POWER_FILES];
	sqlite3_vfs vfs, *below;
	unsigned long writes, syncs, discarded;
};

struct power_file {
	sqlite3_file base;
	struct power *power;
	struct power_disk_file *disk; /* NULL: a temporary file */
	sqlite3_file *below;
};

static inline uint64_t power_random(struct power *p, uint64_t n)
{
	p->seed ^= p->seed << 13;
	p->seed ^= p->seed >> 7;
	p->seed ^= p->seed << 17;
	return p->seed % n;
}

/* ---- the disk ---------------------------------------------------------------------------------- */

static inline int power_open_kept(struct power *p, const struct power_disk_file *f)
{
	char path[192];

	snprintf(path, sizeof(path), "%s/%s", p->dir, f->name);
	return open(path, O_RDWR | O_CREAT, 0600);
}

static inline void power_apply(int fd, const struct power_write *w, size_t len)
{
	if (w->len < 0 ? ftruncate(fd, w->at) : pwrite(fd, w->bytes, len, w->at) != (ssize_t)len)
		abort();
}

static inline void power_forget(struct power_disk_file *f)
{
	for (size_t i = 0; i < f->n; i++)
		free(f->writes[i].bytes);
	f->n = 0;
}

static inline void power_synced(struct power *p, struct power_disk_file *f)
{
	int fd;

	if (p->off)
		return;
	fd = power_open_kept(p, f);
	for (size_t i = 0; i < f->n; i++)
		power_apply(fd, &f->writes[i], (size_t)f->writes[i].len);
	close(fd);
	power_forget(f);
	p->syncs++;
}

/* Any part of what was not synced may have come to the disk, in any order. */
static inline void power_cut(struct power *p)
{
	for (size_t i = 0; i < POWER_FILES; i++) {
		struct power_disk_file *f = &p->files[i];
		int fd = -1;

		for (size_t w = 0; w < f->n; w++) {
			size_t len = (size_t)f->writes[w].len;

			p->discarded++;
			if (power_random(p, 2))
				continue;
			if (f->writes[w].len > POWER_SECTOR && !power_random(p, 4))
				len = POWER_SECTOR * (1 + power_random(p, len / POWER_SECTOR));
			fd = fd < 0 ? power_open_kept(p, f) : fd;
			power_apply(fd, &f->writes[w], len);
		}
		if (fd >= 0)
			close(fd);
		power_forget(f);
	}
	p->off = true;
}

static inline void power_tick(struct power *p)
{
	if (!p->off && p->until >= 0 && p->until-- == 0)
		power_cut(p);
}

static inline void power_wrote(struct power_file *f, const void *bytes, int len, sqlite3_int64 at)
{
	struct power_disk_file *d = f->disk;
	struct power_write *w;

	if (!d || f->power->off)
		return;
	if (d->n == d->cap) {
		d->cap = d->cap ? d->cap * 2 : 64;
		d->writes = xreallocarray(d->writes, d->cap, sizeof(*d->writes));
	}
	w = &d->writes[d->n++];
	*w = (struct power_write){
		.at = at, .len = len, .bytes = len > 0 ? xmalloc((size_t)len) : NULL
	};
	if (len > 0)
		memcpy(w->bytes, bytes, (size_t)len);
	f->power->writes++;
	power_tick(f->power);
}

/* What the store's own fdatasync means: called by the test's fdatasync(2). */
static inline void power_sync_fd(struct power *p, int fd)
{
	struct stat st;

	if (fstat(fd, &st))
		return;
	power_tick(p);
	for (size_t i = 0; i < POWER_FILES; i++)
		if (p->files[i].name[0] && p->files[i].ino == st.st_ino &&
			p->files[i].dev == st.st_dev)
			power_synced(p, &p->files[i]);
}

static inline struct power_disk_file *power_disk_file(struct power *p, const char *path)
{
	const char *name = strrchr(path, '/') + 1;
	struct power_disk_file *f = NULL;
	struct stat st;

	for (size_t i = 0; i < POWER_FILES && !f; i++)
		if (!strcmp(p->files[i].name, name))
			f = &p->files[i];
	for (size_t i = 0; i < POWER_FILES && !f; i++)
		if (!p->files[i].name[0])
			f = &p->files[i];
	if (!f || stat(path, &st))
		abort();
	snprintf(f->name, sizeof(f->name), "%s", name);
	f->dev = st.st_dev;
	f->ino = st.st_ino;
	return f;
}

/* ---- methods of a file --------------------------------------------------------------------------- */

#define BELOW(file) (((struct power_file *)(file))->below)
#define PASS(name, args, ...)                                                                      \
	static inline int power_##name args                                                        \
	{                                                                                          \
		return BELOW(file)->pMethods->x##name(BELOW(file), ##__VA_ARGS__);                 \
	}

PASS(Read, (sqlite3_file * file, void *to, int n, sqlite3_int64 at), to, n, at)
PASS(FileSize, (sqlite3_file * file, sqlite3_int64 *size), size)
PASS(Lock, (sqlite3_file * file, int level), level)
PASS(Unlock, (sqlite3_file * file, int level), level)
PASS(CheckReservedLock, (sqlite3_file * file, int *out), out)
PASS(FileControl, (sqlite3_file * file, int op, void *arg), op, arg)
PASS(SectorSize, (sqlite3_file * file))
PASS(ShmMap, (sqlite3_file * file, int page, int size, int extend, void volatile **out), page, size,
	extend, out)
PASS(ShmLock, (sqlite3_file * file, int offset, int n, int flags), offset, n, flags)
PASS(ShmUnmap, (sqlite3_file * file, int drop), drop)
PASS(Unfetch, (sqlite3_file * file, sqlite3_int64 at, void *page), at, page)
PASS(Fetch, (sqlite3_file * file, sqlite3_int64 at, int n, void **out), at, n, out)

static inline void power_ShmBarrier(sqlite3_file *file)
{
	BELOW(file)->pMethods->xShmBarrier(BELOW(file));
}

/* The disk promises nothing: no atomic writes, no order. */
static inline int power_DeviceCharacteristics(sqlite3_file *file)
{
	(void)file;
	return 0;
}

static inline int power_Write(sqlite3_file *file, const void *bytes, int n, sqlite3_int64 at)
{
	power_wrote((struct power_file *)file, bytes, n, at);
	return BELOW(file)->pMethods->xWrite(BELOW(file), bytes, n, at);
}

static inline int power_Truncate(sqlite3_file *file, sqlite3_int64 size)
{
	power_wrote((struct power_file *)file, NULL, -1, size);
	return BELOW(file)->pMethods->xTruncate(BELOW(file), size);
}

/* Nothing is really synced: it would only take time. */
static inline int power_Sync(sqlite3_file *file, int flags)
{
	struct power_file *f = (struct power_file *)file;

	(void)flags;
	power_tick(f->power);
	if (f->disk)
		power_synced(f->power, f->disk);
	return SQLITE_OK;
}

static inline int power_Close(sqlite3_file *file)
{
	int rc = BELOW(file)->pMethods ? BELOW(file)->pMethods->xClose(BELOW(file)) : SQLITE_OK;

	free(BELOW(file));
	return rc;
}

static const sqlite3_io_methods power_methods = { 3, power_Close, power_Read, power_Write,
	power_Truncate, power_Sync, power_FileSize, power_Lock, power_Unlock,
	power_CheckReservedLock, power_FileControl, power_SectorSize, power_DeviceCharacteristics,
	power_ShmMap, power_ShmLock, power_ShmBarrier, power_ShmUnmap, power_Fetch, power_Unfetch };

static inline int power_Open(
	sqlite3_vfs *vfs, const char *path, sqlite3_file *file, int flags, int *out)
{
	struct power *p = vfs->pAppData;
	struct power_file *f = (struct power_file *)file;
	int rc;

	f->power = p;
	f->disk = NULL;
	f->base.pMethods = NULL;
	f->below = xcalloc(1, (size_t)p->below->szOsFile);
	rc = p->below->xOpen(p->below, path, f->below, flags, out);
	if (rc) {
		free(f->below);
		return rc;
	}
	f->base.pMethods = &power_methods;
	if (path && flags & (SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_WAL))
		f->disk = power_disk_file(p, path);
	return rc;
}

static inline int power_Delete(sqlite3_vfs *vfs, const char *path, int sync_dir)
{
	struct power *p = vfs->pAppData;
	const char *name = strrchr(path, '/') + 1;
	char kept[192];

	power_tick(p);
	for (size_t i = 0; i < POWER_FILES; i++) {
		if (p->off || strcmp(p->files[i].name, name) != 0)
			continue;
		power_forget(&p->files[i]);
		p->files[i].name[0] = '\0';
		snprintf(kept, sizeof(kept), "%s/%s", p->dir, name);
		unlink(kept);
	}
	return p->below->xDelete(p->below, path, sync_dir);
}

/* Every database that is opened from now on lies on this disk, until power_end. */
static inline void power_begin(struct power *p, const char *dir, uint64_t seed)
{
	*p = (struct power){ .until = -1, .seed = seed * 2654435761U + 1 };
	snprintf(p->dir, sizeof(p->dir), "%s", dir);
	p->below = sqlite3_vfs_find(NULL);
	p->vfs = *p->below;
	p->vfs.zName = "power";
	p->vfs.pNext = NULL;
	p->vfs.pAppData = p;
	p->vfs.szOsFile = (int)sizeof(struct power_file);
	p->vfs.xOpen = power_Open;
	p->vfs.xDelete = power_Delete;
	sqlite3_vfs_register(&p->vfs, 1);
}

static inline void power_end(struct power *p)
{
	sqlite3_vfs_unregister(&p->vfs);
	sqlite3_vfs_register(p->below, 1);
	for (size_t i = 0; i < POWER_FILES; i++) {
		power_forget(&p->files[i]);
		free(p->files[i].writes);
	}
}

#endif
