/* A growing buffer, born with the size past which it refuses to grow.
 *
 * Adding past the limit sets `failed` and drops what did not fit; every later add is ignored, so a
 * writer may add freely and check once at the end with buf_check().  `data` is always
 * NUL-terminated once anything was added (the NUL is not counted in `len`). */
#ifndef SYNC_BUF_H
#define SYNC_BUF_H

#include <stdbool.h>
#include <stddef.h>

#include "sync/error.h"

struct buf {
	char *data;
	size_t len;
	size_t cap;
	size_t limit;
	bool failed;
};

#define BUF_INIT(max)                                                                              \
	{                                                                                          \
		.limit = (max)                                                                     \
	}

void buf_init(struct buf *b, size_t limit);
void buf_add(struct buf *b, const void *data, size_t len);
void buf_addc(struct buf *b, char c);
void buf_adds(struct buf *b, const char *s); /* NULL adds nothing */
void buf_addf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Makes the length exactly len, filling with NULs when it grows. */
void buf_resize(struct buf *b, size_t len);
void buf_reset(struct buf *b); /* empties it, keeps the memory */
/* 0, or ERR_TOO_BIG naming `what`. */
int buf_check(const struct buf *b, const char *what, struct error *err);
/* The text, never NULL ("" when nothing was added). */
const char *buf_str(const struct buf *b);
/* Gives the memory to the caller (never NULL) and empties the buffer. */
char *buf_take(struct buf *b);
void buf_free(struct buf *b);

#define AUTOBUF __attribute__((cleanup(buf_free)))

#endif
