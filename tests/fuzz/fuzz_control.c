/* Fuzzing of the control files: what is written to one, in pieces, and its close.  No engine runs behind
 * it, so a command that is one answers that nothing is started; anything else is ERR_INVALID. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "fs/control.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool good)
{
	if (!good)
		abort();
}

/* Each write begins with what the one before it left, whatever that answered. */
static void judge(int rc, struct error *err, const char *text, size_t len)
{
	require(!rc == (err->code == ERR_NONE));
	require(!rc || err->code == ERR_INVALID || err->code == ERR_BUSY);
	require(err->code != ERR_BUSY || !strcmp(err->text, "not started yet"));
	require(rc || !memchr(text, 0, len));
	*err = (struct error)ERROR_INIT;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fs fs = { .engine = NULL };
	struct control *control = control_open(&fs, NULL);
	struct error err = ERROR_INIT;
	size_t piece;

	/* The first byte is the size of the pieces. */
	for (size_t at = 1; at < size; at += piece) {
		piece = data[0] && data[0] < size - at ? data[0] : size - at;
		judge(control_write(control, (const char *)data + at, piece, &err), &err,
			(const char *)data + at, piece);
	}
	judge(control_flush(control, &err), &err, "", 0);
	control_close(control);
	return 0;
}
