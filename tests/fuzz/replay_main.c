/* Runs a fuzzer's inputs of tests/fuzz/corpus/FUZZER/ once, without libFuzzer: what was found once stays
 * mended.  `PROGRAM_replay [FILE...]`: other inputs. */
#include <glob.h>
#include <libgen.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sync/mem.h"

#define SUFFIX	  "_replay"
#define INPUT_MAX ((size_t)16 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int run(const char *path)
{
	FILE *f = fopen(path, "rb");
	char *data;
	size_t len;

	if (!f) {
		perror(path);
		return 1;
	}
	printf("[ RUN      ] %s\n", path);
	fflush(stdout);
	data = xmalloc(INPUT_MAX);
	len = fread(data, 1, INPUT_MAX, f);
	fclose(f);
	/* Of its own size, so that a sanitizer sees a read past its end. */
	data = xrealloc(data, len ? len : 1);
	LLVMFuzzerTestOneInput((const uint8_t *)data, len);
	free(data);
	printf("[       OK ] %s\n", path);
	return 0;
}

int main(int argc, char **argv)
{
	char *name = basename(argv[0]);
	char *pattern AUTOFREE = NULL;
	glob_t found;
	int failed = 0;

	for (int i = 1; i < argc; i++)
		failed |= run(argv[i]);
	if (argc > 1)
		return failed;
	pattern = xasprintf("tests/fuzz/corpus/%.*s/*", (int)(strlen(name) - strlen(SUFFIX)), name);
	if (glob(pattern, 0, NULL, &found)) {
		fprintf(stderr, "no inputs: %s\n", pattern);
		return 1;
	}
	for (size_t i = 0; i < found.gl_pathc; i++)
		failed |= run(found.gl_pathv[i]);
	globfree(&found);
	return failed;
}
