/* Errors with a cause: formatting, prefixes, names and errno values.  See error.h. */
#include "sync/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

static const struct {
	enum error_code code;
	const char *name;
	int number;
} codes[] = {
	{ ERR_NONE, "none", 0 },
	{ ERR_INTERNAL, "internal", EIO },
	{ ERR_INVALID, "invalid", EINVAL },
	{ ERR_NOT_FOUND, "not-found", ENOENT },
	{ ERR_EXISTS, "exists", EEXIST },
	{ ERR_CONFLICT, "conflict", ESTALE },
	{ ERR_DENIED, "denied", EACCES },
	{ ERR_THROTTLED, "throttled", EAGAIN },
	{ ERR_UNSENT, "unsent", EIO },
	{ ERR_LOST, "lost", EIO },
	{ ERR_REMOTE, "remote", EIO },
	{ ERR_TOO_BIG, "too-big", EFBIG },
	{ ERR_BUSY, "busy", EAGAIN },
	{ ERR_FULL, "full", ENOSPC },
	{ ERR_CANCELLED, "cancelled", EINTR },
	{ ERR_CURSOR, "cursor", EIO },
};

int error_set(struct error *err, enum error_code code, const char *fmt, ...)
{
	va_list ap;

	if (!err)
		return code;
	err->code = code;
	err->retry_after_ms = 0;
	va_start(ap, fmt);
	vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	return code;
}

int error_prefix(struct error *err, const char *fmt, ...)
{
	char rest[ERROR_TEXT_MAX];
	va_list ap;
	size_t used;

	if (!err)
		return ERR_INTERNAL;
	memcpy(rest, err->text, sizeof(rest));
	va_start(ap, fmt);
	vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	used = strlen(err->text);
	snprintf(err->text + used, sizeof(err->text) - used, ": %s", rest);
	return err->code;
}

const char *error_name(enum error_code code)
{
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if (codes[i].code == code)
			return codes[i].name;
	return "unknown";
}

int error_errno(enum error_code code)
{
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if (codes[i].code == code)
			return codes[i].number;
	return EIO;
}
