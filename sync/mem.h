/* Memory that is there or ends the program.
 *
 * Small allocations (names, list nodes, rows) go through these: when the machine cannot give a few
 * hundred bytes there is nothing sensible left to do, and the cache on disk is consistent at any
 * instant.  Sizes that a remote or a user controls go through `struct buf`, which has a limit. */
#ifndef SYNC_MEM_H
#define SYNC_MEM_H

#include <stddef.h>

void *xmalloc(size_t size) __attribute__((malloc, returns_nonnull));
void *xcalloc(size_t n, size_t size) __attribute__((malloc, returns_nonnull));
void *xrealloc(void *old, size_t size) __attribute__((returns_nonnull));
/* n * size with overflow checked. */
void *xreallocarray(void *old, size_t n, size_t size);
char *xstrdup(const char *s) __attribute__((malloc)); /* NULL gives NULL */
char *xstrndup(const char *s, size_t n) __attribute__((malloc));
char *xasprintf(const char *fmt, ...) __attribute__((malloc, format(printf, 1, 2)));

/* Frees *where and puts a copy of value there (NULL: NULL). */
void xstrset(char **where, const char *value);

/* Cleanup attribute: `char *s AUTOFREE = NULL;` is freed when it leaves scope. */
void mem_autofree(void *pointer_to_pointer);
#define AUTOFREE      __attribute__((cleanup(mem_autofree)))

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

#endif
