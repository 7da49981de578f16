/* Mount points and the names of their sockets. */
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "fs/mount.h"
#include "fs/virtual.h"
#include "sync/mem.h"

struct scene {
	char base[64];
	struct error err;
};

static int setup(void **state)
{
	struct scene *s = xcalloc(1, sizeof(*s));
	char real[PATH_MAX];

	snprintf(s->base, sizeof(s->base), "/tmp/mount-test-XXXXXX");
	assert_non_null(mkdtemp(s->base));
	assert_non_null(realpath(s->base, real));
	snprintf(s->base, sizeof(s->base), "%.60s", real);
	assert_int_equal(chdir(s->base), 0);
	assert_int_equal(mkdir("dir", 0700), 0);
	assert_int_equal(symlink("dir", "link"), 0);
	fclose(fopen("file", "we"));
	*state = s;
	return 0;
}

static int teardown(void **state)
{
	struct scene *s = *state;

	unlink("link");
	unlink("file");
	rmdir("dir");
	assert_int_equal(chdir("/"), 0);
	rmdir(s->base);
	free(s);
	return 0;
}

static void a_mount_point_is_told_by_its_real_path(void **state)
{
	static const char *const ways[] = { "dir", "./dir/", "link", "dir/../dir", "link/." };
	struct scene *s = *state;
	char *wanted AUTOFREE = xasprintf("%s/dir", s->base);

	for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
		char *path AUTOFREE = mount_path(ways[i], &s->err);

		assert_non_null(path);
		assert_string_equal(path, wanted);
	}
}

static void what_is_no_directory_is_refused(void **state)
{
	struct scene *s = *state;

	assert_null(mount_path("file", &s->err));
	assert_int_equal(s->err.code, ERR_INVALID);
	assert_non_null(strstr(s->err.text, "not a directory"));
	assert_null(mount_path("missing", &s->err));
	assert_non_null(strstr(s->err.text, "No such file"));
}

static void nothing_is_cleared_where_nothing_is_mounted(void **state)
{
	struct scene *s = *state;
	char *path AUTOFREE = xasprintf("%s/dir", s->base);

	assert_int_equal(mount_clear_dead(path, &s->err), 0);
	assert_int_equal(mount_clear_dead("/proc", &s->err), 0); /* somebody else's, alive */
	assert_int_equal(access("/proc/self", F_OK), 0);
}

static void sockets_have_short_names_of_their_own(void **state)
{
	char *deep AUTOFREE = xmalloc(2000), *a AUTOFREE = NULL, *b AUTOFREE = NULL, *dirs[3];
	struct sockaddr_un address;

	(void)state;
	memset(deep, 'x', 1999);
	deep[0] = '/';
	deep[1999] = '\0';
	setenv("XDG_RUNTIME_DIR", "/run/user/1000", 1);
	a = mount_socket_path(deep);
	b = mount_socket_path("/mnt");
	assert_true(strlen(a) < sizeof(address.sun_path));
	assert_string_not_equal(a, b);
	assert_memory_equal(b, "/run/user/1000/tandemfs/", 24);
	setenv("XDG_RUNTIME_DIR", "relative", 1);
	mount_socket_dirs(dirs);
	for (size_t i = 0; dirs[i]; i++) {
		assert_int_equal(dirs[i][0], '/');
		assert_null(strstr(dirs[i], "relative"));
		free(dirs[i]);
	}
	unsetenv("XDG_RUNTIME_DIR");
}

static void a_virtual_number_says_what_it_is(void **state)
{
	fuse_ino_t ino = virtual_ino(VIRTUAL_REASON, UINT64_C(0x00123456789abcde));

	(void)state;
	assert_int_equal(virtual_tree(ino), VIRTUAL_REASON);
	assert_int_equal(virtual_payload(ino), UINT64_C(0x00123456789abcde));
	assert_int_equal(virtual_tree(STORE_ROOT_INO), VIRTUAL_NONE);
	assert_int_equal(virtual_tree(virtual_ino(VIRTUAL_JSON, 7)), VIRTUAL_JSON);
	assert_true(ino < INT64_MAX); /* programs that keep it in a signed number */
}

#define scene_test(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		scene_test(a_mount_point_is_told_by_its_real_path),
		scene_test(what_is_no_directory_is_refused),
		scene_test(nothing_is_cleared_where_nothing_is_mounted),
		cmocka_unit_test(sockets_have_short_names_of_their_own),
		cmocka_unit_test(a_virtual_number_says_what_it_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
