/* Errors with a cause.
 *
 * Filled at the depth that knows what went wrong, shown at the top.  A function that can fail takes
 * a `struct error *` as its last parameter (NULL is allowed) and returns 0 or the negative code that
 * it stored there:
 *
 *	return error_set(err, ERR_INVALID, "line %zu: TEL without a value", line);
 *
 * The text is one sentence for the user, without a trailing full stop or newline.  It never holds a
 * secret (password, token, Authorization header). */
#ifndef SYNC_ERROR_H
#define SYNC_ERROR_H

#define ERROR_TEXT_MAX 512

enum error_code {
	ERR_NONE = 0,
	ERR_INTERNAL = -1,  /* a bug or an impossible state of our own */
	ERR_INVALID = -2,   /* content or an argument is wrong; the text says where */
	ERR_NOT_FOUND = -3, /* the item, folder or record does not exist (any more) */
	ERR_EXISTS = -4,    /* the name, UID or record exists already */
	ERR_CONFLICT = -5,  /* the remote's version is not the one the change was made against */
	ERR_DENIED = -6,    /* signing in or the right to do this was refused */
	ERR_THROTTLED = -7, /* try again after `retry_after_ms` */
	ERR_UNSENT = -8,    /* no connection: nothing can have been applied */
	ERR_LOST = -9,	    /* sent, but the answer was lost: it may or may not have been applied */
	ERR_REMOTE = -10,   /* the remote refused this request or item for a reason of its own */
	ERR_TOO_BIG = -11,  /* a size limit was passed */
	ERR_BUSY = -12,	    /* not now: folder not complete, file open for writing, held */
	ERR_FULL = -13,	    /* no space on the disk of the cache */
	ERR_CANCELLED = -14, /* shutting down */
	ERR_CURSOR =
		-15, /* a sync cursor that the remote no longer knows (ErrorInvalidSyncStateData) */
};

struct error {
	enum error_code code;
	unsigned int retry_after_ms; /* with ERR_THROTTLED; 0 when the remote named none */
	char text[ERROR_TEXT_MAX];
};

#define ERROR_INIT                                                                                 \
	{                                                                                          \
		.code = ERR_NONE                                                                   \
	}

/* Stores code and the formatted text (cut at ERROR_TEXT_MAX - 1); returns the code. */
int error_set(struct error *err, enum error_code code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Puts "prefix: " before the text that is already there; returns the stored code. */
int error_prefix(struct error *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The code's name for logs and JSON: "invalid", "not-found", ... */
const char *error_name(enum error_code code);

/* The errno a filesystem operation answers for this code (positive). */
int error_errno(enum error_code code);

#endif
