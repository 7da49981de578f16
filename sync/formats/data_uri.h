/* data: URIs (RFC 2397): the bytes of a photo inside a document. */
#ifndef SYNC_FORMATS_DATA_URI_H
#define SYNC_FORMATS_DATA_URI_H

#include <stdbool.h>
#include <stddef.h>

#include "sync/buf.h"

bool data_uri_is(const char *uri);

/* The bytes that the URI holds (added to out, as far as its limit goes), base64 or percent-encoded.
 * *type (may be NULL) becomes a new string, its media type without parameters, or NULL when it names
 * none.  False when it is no data: URI, or no good one. */
bool data_uri_read(const char *uri, char **type, struct buf *out);

/* New string.  The type is what the first bytes look like, else `type`, which may be NULL. */
char *data_uri_make(const char *type, const void *bytes, size_t len);

/* New string: "sha256:" and the digest of the bytes in hex, so that URIs that hold the same bytes
 * have the same one.  NULL when it is no good data: URI. */
char *data_uri_digest(const char *uri);

/* New string: base64 in one line. */
char *data_base64(const void *bytes, size_t len);

/* Adds the bytes that base64 (with or without line breaks) stands for; false when it is none. */
bool data_base64_read(const char *text, size_t len, struct buf *out);

#endif
