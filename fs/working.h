/* Bytes of files that are open for writing, shared by all handles of a file.
 *
 *           open        write, truncate            FLUSH ok
 *   (none) ------> idle ---------------> dirty ---------------> idle
 *                                         |  ^
 *                           FLUSH refused v  | write
 *                                       refused
 *   RELEASE of the last writer: dirty is judged once more; refused goes to lost+found.
 *
 * idle     the store has the bytes (they need not be in memory)
 * dirty    `bytes` holds what the store does not have yet
 * refused  `bytes` do not parse: readable through the handles, kept in the store's working bytes so
 *	    that a crash does not lose them (I5)
 *
 * The number is looked up in one table.  `lock` of the table protects the table and the counts,
 * `lock` of an entry its bytes and state; the table's lock is never held while an entry's is taken. */
#ifndef FS_WORKING_H
#define FS_WORKING_H

#include "fs/base.h"
#include "fs/fs.h"

enum working_state { WORKING_IDLE, WORKING_DIRTY, WORKING_REFUSED };

struct working {
	uint64_t ino;	 /* as the kernel knows it */
	uint64_t target; /* node that the bytes are committed to */
	uint64_t parent; /* item of .json: folder and ... */
	char *name; /* ... real name of the item, else NULL: then no store writer is noted, since
			      * the file itself is not written */
	unsigned int refs;    /* who looks at this struct (table's lock) */
	unsigned int writers; /* handles (table's lock) */
	bool closing;	      /* the last writer is leaving (table's lock) */
	struct working *next;

	pthread_mutex_t lock;
	enum working_state state;
	struct error reason; /* why refused */
	bool loaded;	     /* bytes are here */
	bool created; /* the name was made by one of these handles and was never judged good */
	bool written; /* since the first of these handles was opened */
	unsigned int noted; /* handles that the store knows as writers of `target` */
	int64_t item;	    /* of `target`, when it was last looked at; 0: none */
	char *label;	    /* its name when it was opened */
	int64_t mailbox;
	struct base_process process; /* that wrote last */
	uint64_t kept;		     /* number under which the store has refused bytes; 0: none */
	bool forsaken; /* `bytes` could go nowhere (a full disk), and the kernel has pages of them */
	struct buf bytes;
	int64_t mtime, ctime;
};

/* One handle that may write: fuse_file_info.fh. */
struct handle {
	struct fs_open open; /* file.c; not on the list when another struct has the handle */
	struct working *working;
	struct base_process process; /* that opened it */
	bool wrote;		     /* since its last FLUSH */
	bool flushed;		     /* since its last write: close(2) may have returned */
};

struct working_table *working_table_new(void);
/* All handles are closed. */
void working_table_free(struct working_table *table);

/* Makes a handle for writing.  parent and name only for items of .json (name is copied). */
struct handle *working_open(struct fs *fs, uint64_t ino, uint64_t target, uint64_t parent,
	const char *name, bool created);
/* Judges at the end and frees the handle. */
void working_close(struct fs *fs, struct handle *handle);

/* The entry of a number, to look at; NULL when nobody writes to it.  Put back with working_put. */
struct working *working_get(struct fs *fs, uint64_t ino);
void working_put(struct fs *fs, struct working *w);

int working_write(struct fs *fs, struct handle *handle, const char *data, size_t size, uint64_t off,
	struct error *err);
/* handle NULL: the truncate(2) of a path; judged at once. */
int working_truncate(
	struct fs *fs, struct working *w, struct handle *handle, uint64_t size, struct error *err);
/* Judges when the handle wrote since it did so last; for fsync(2) also what others wrote. */
int working_flush(struct fs *fs, struct handle *handle, bool sync, struct error *err);
/* Before a name of the file changes: brings the store up to date with what was written. */
int working_settle(struct fs *fs, uint64_t ino, struct error *err);
/* A user took the file's name away: what is still written to it does not go to the file that has it next. */
void working_unlinked(struct fs *fs, uint64_t ino);
/* utimens on a file with unjudged bytes: true when the time was kept for the commit. */
bool working_set_mtime(struct fs *fs, uint64_t ino, int64_t mtime);

/* Size and times while they are not the store's. */
void working_attr(struct fs *fs, uint64_t ino, struct stat *st);
/* Reads from the bytes here; false: the store has them. */
bool working_read(struct fs *fs, uint64_t ino, void *to, size_t size, uint64_t off, size_t *got);

/* Waits until handles that were flushed are released, at most until a second after the last flush. */
void working_wait_released(struct fs *fs);

/* virtual_json.c: reads the bytes of a file of .json into w->bytes; commits them. */
int json_load(struct fs *fs, struct working *w, struct error *err);
int json_commit(struct fs *fs, struct working *w, struct error *err);

#endif
