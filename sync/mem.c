/* Memory that is there or ends the program.  See mem.h. */
#include "sync/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *check(void *p, size_t size)
{
	if (!p) {
		fprintf(stderr, "tandemfs: out of memory (%zu bytes)\n", size);
		abort();
	}
	return p;
}

void *xmalloc(size_t size)
{
	return check(malloc(size ? size : 1), size);
}

void *xcalloc(size_t n, size_t size)
{
	return check(calloc(n ? n : 1, size ? size : 1), n * size);
}

void *xrealloc(void *old, size_t size)
{
	return check(realloc(old, size ? size : 1), size);
}

void *xreallocarray(void *old, size_t n, size_t size)
{
	size_t total;

	if (__builtin_mul_overflow(n, size, &total))
		check(NULL, n);
	return xrealloc(old, total);
}

char *xstrdup(const char *s)
{
	return s ? check(strdup(s), strlen(s)) : NULL;
}

char *xstrndup(const char *s, size_t n)
{
	return check(strndup(s, n), n);
}

void xstrset(char **where, const char *value)
{
	char *copy = xstrdup(value); /* value may be part of *where */

	free(*where);
	*where = copy;
}

char *xasprintf(const char *fmt, ...)
{
	va_list ap;
	char *s = NULL;

	va_start(ap, fmt);
	if (vasprintf(&s, fmt, ap) < 0)
		s = NULL;
	va_end(ap);
	return check(s, 0);
}

void mem_autofree(void *pointer_to_pointer)
{
	free(*(void **)pointer_to_pointer);
}
