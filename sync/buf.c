/* A growing buffer with a limit.  See buf.h. */
#include "sync/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sync/mem.h"

void buf_init(struct buf *b, size_t limit)
{
	*b = (struct buf)BUF_INIT(limit);
}

/* Room for `len` bytes and the NUL; false past the limit. */
static bool reserve(struct buf *b, size_t len)
{
	size_t cap = b->cap ? b->cap : 64;

	if (b->failed || len > b->limit) {
		b->failed = true;
		return false;
	}
	if (len + 1 <= b->cap)
		return true;
	while (cap < len + 1)
		cap *= 2;
	b->data = xrealloc(b->data, cap);
	b->cap = cap;
	return true;
}

void buf_add(struct buf *b, const void *data, size_t len)
{
	size_t total;

	if (__builtin_add_overflow(b->len, len, &total)) {
		b->failed = true;
		return;
	}
	if (!reserve(b, total))
		return;
	if (len)
		memcpy(b->data + b->len, data, len);
	b->len = total;
	b->data[total] = '\0';
}

void buf_addc(struct buf *b, char c)
{
	buf_add(b, &c, 1);
}

void buf_adds(struct buf *b, const char *s)
{
	if (s)
		buf_add(b, s, strlen(s));
}

void buf_addf(struct buf *b, const char *fmt, ...)
{
	char *s = NULL;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&s, fmt, ap);
	va_end(ap);
	if (n < 0) {
		b->failed = true;
		return;
	}
	buf_add(b, s, (size_t)n);
	free(s);
}

void buf_resize(struct buf *b, size_t len)
{
	if (!reserve(b, len))
		return;
	if (len > b->len)
		memset(b->data + b->len, 0, len - b->len);
	b->len = len;
	b->data[len] = '\0';
}

void buf_reset(struct buf *b)
{
	b->len = 0;
	b->failed = false;
	if (b->data)
		b->data[0] = '\0';
}

int buf_check(const struct buf *b, const char *what, struct error *err)
{
	if (b->failed)
		return error_set(err, ERR_TOO_BIG, "%s is larger than %zu bytes", what, b->limit);
	return 0;
}

const char *buf_str(const struct buf *b)
{
	return b->data ? b->data : "";
}

char *buf_take(struct buf *b)
{
	char *data = b->data ? b->data : xstrdup("");

	*b = (struct buf)BUF_INIT(b->limit);
	return data;
}

void buf_free(struct buf *b)
{
	free(b->data);
	*b = (struct buf)BUF_INIT(b->limit);
}
