/* Fuzzing of an answer's headers: the input is the block as it was received. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "sync/http/private.h"
#include "sync/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct http_answer answer = { .headers = xstrndup((const char *)data, size) };
	char *value;

	buf_init(&answer.body, 1);
	http_answer_read_headers(&answer);
	value = http_answer_header(&answer, "Retry-After");
	if (answer.retry_after_ms > HTTP_BACK_OFF_MAX_MS || (answer.retry_after_ms && !value) ||
		(value && strpbrk(value, "\r\n")))
		abort();
	free(value);
	http_answer_free(&answer);
	return 0;
}
