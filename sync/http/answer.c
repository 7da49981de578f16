/* Headers of an answer.
 *
 * The headers are kept as one block of lines, as received; a look-up walks it.  Retry-After comes as
 * seconds or as a date (RFC 9110, 10.2.3); a date is measured against the answer's own Date header,
 * so that a wrong clock here does not matter. */
#include "sync/http/private.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "sync/mem.h"

char *http_answer_header(const struct http_answer *answer, const char *name)
{
	size_t name_len = strlen(name);
	const char *line = answer->headers;

	while (line && *line) {
		const char *end = strpbrk(line, "\r\n");
		size_t len = end ? (size_t)(end - line) : strlen(line);

		if (len > name_len && line[name_len] == ':' && !strncasecmp(line, name, name_len)) {
			const char *value = line + name_len + 1;

			value += strspn(value, " \t");
			len = value > line + len ? 0 : (size_t)(line + len - value);
			while (len && (value[len - 1] == ' ' || value[len - 1] == '\t'))
				len--;
			return xstrndup(value, len);
		}
		line = end ? end + strspn(end, "\r\n") : NULL;
	}
	return NULL;
}

/* ms of a Retry-After value; 0 when it is neither seconds nor a date in the future. */
static unsigned int retry_after_ms(const char *value, int64_t now)
{
	char *end;
	long long seconds = strtoll(value, &end, 10);

	if (end == value || *end) {
		time_t at = curl_getdate(value, NULL);

		seconds = at < 0 ? 0 : (long long)at - now;
	}
	if (seconds <= 0)
		return 0;
	if (seconds > HTTP_BACK_OFF_MAX_MS / 1000)
		return HTTP_BACK_OFF_MAX_MS;
	return (unsigned int)seconds * 1000;
}

void http_answer_read_headers(struct http_answer *answer)
{
	char *date AUTOFREE = http_answer_header(answer, "Date");
	char *retry AUTOFREE = http_answer_header(answer, "Retry-After");
	time_t at = date ? curl_getdate(date, NULL) : -1;

	answer->date = at < 0 ? 0 : at;
	if (retry)
		answer->retry_after_ms = retry_after_ms(
			retry, answer->date ? answer->date : time(NULL));
}

void http_answer_free(struct http_answer *answer)
{
	buf_free(&answer->body);
	free(answer->headers);
	memset(answer, 0, sizeof(*answer));
}
