/* Recordings of exchanges, for the tests: bodies only, so that no header with a password or token
 * gets to disk; exchanges marked `secret` leave no trace at all.  Several processes may record to one
 * directory: files are made with O_EXCL and a taken number is passed over. */
#include "sync/http/private.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sync/mem.h"

/* What a body is, by its Content-Type or else by its first character. */
static const char *suffix_of(const char *body, size_t len, const char *content_type)
{
	size_t i = 0;

	if (content_type) {
		if (strcasestr(content_type, "xml") && !strcasestr(content_type, "xhtml"))
			return "xml";
		return strcasestr(content_type, "json") ? "json" : "txt";
	}
	if (len >= 3 && !memcmp(body, "\xef\xbb\xbf", 3))
		i = 3;
	while (i < len && isspace((unsigned char)body[i]))
		i++;
	if (i == len)
		return "txt";
	return body[i] == '<' ? "xml" : body[i] == '{' || body[i] == '[' ? "json" : "txt";
}

static bool write_file(const char *path, const char *data, size_t len)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	bool taken = fd < 0 && errno == EEXIST;

	while (fd >= 0 && len) {
		ssize_t n = write(fd, data, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		data += n;
		len -= (size_t)n;
	}
	if (fd >= 0)
		close(fd);
	return !taken;
}

/* The operation as part of a file name. */
static char *clean(const char *operation)
{
	char *name = xstrndup(operation ? operation : "request", 60);

	for (char *c = name; *c; c++)
		if (!isalnum((unsigned char)*c))
			*c = '_';
	return name;
}

static void record_request(const char *stem, const struct http_request *request)
{
	char *path AUTOFREE = NULL;
	struct buf line AUTOBUF = BUF_INIT(64 * 1024);
	const char *body = request->body;
	size_t len = request->body_len;

	if (!body) {
		buf_addf(&line, "%s %s\n", request->method, request->url);
		body = buf_str(&line);
		len = line.len;
	}
	path = xasprintf(
		"%s-request.%s", stem, suffix_of(body, len, request->body ? NULL : "text"));
	write_file(path, body, len);
}

void http_record(const char *dir, unsigned int *counter, const struct http_request *request,
	const struct http_answer *answer)
{
	char *operation AUTOFREE = clean(request->operation);
	char *type AUTOFREE = http_answer_header(answer, "Content-Type");
	char *altered AUTOFREE = http_answer_header(answer, "X-Sim-Malformed");
	char *where AUTOFREE = xasprintf("%s%s", dir, altered ? "/malformed" : "");
	unsigned int number = *counter;

	if (request->secret || (mkdir(where, 0700) && errno != EEXIST))
		return;
	for (;;) {
		char *stem AUTOFREE = xasprintf(
			"%s/%06u-%s-%ld", where, number, operation, (long)getpid());
		char *path AUTOFREE = xasprintf("%s-response.%s", stem,
			suffix_of(buf_str(&answer->body), answer->body.len, type));

		if (write_file(path, buf_str(&answer->body), answer->body.len)) {
			record_request(stem, request);
			break;
		}
		number++;
	}
	*counter = number + 1;
}
