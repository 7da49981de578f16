/* What the files of sync/http share. */
#ifndef SYNC_HTTP_PRIVATE_H
#define SYNC_HTTP_PRIVATE_H

#include "sync/http/http.h"

#define HTTP_HEADERS_LIMIT   (64 * 1024)
#define HTTP_BACK_OFF_MAX_MS (24u * 3600 * 1000)

/* Fills retry_after_ms and date from answer->headers. */
void http_answer_read_headers(struct http_answer *answer);

/* Writes the exchange to `dir` under a number that no other process and no other struct http took;
 * `*counter` is where to start looking.  Best effort: a recording that fails is not an error of the
 * exchange. */
void http_record(const char *dir, unsigned int *counter, const struct http_request *request,
	const struct http_answer *answer);

#endif
