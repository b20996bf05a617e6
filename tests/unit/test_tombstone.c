/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "tombstone.h"

struct seen {
	int calls;
	int answer;
	char last[600];
};

static char folder[64], state_dir[80];

static int
setup(void **state)
{
	strcpy(folder, "/tmp/test-tombstone-XXXXXX");
	if (mkdtemp(folder) == NULL)
		return -1;
	snprintf(state_dir, sizeof(state_dir), "%s/a/b", folder);
	return 0;
}

static int
teardown(void **state)
{
	char command[100];

	snprintf(command, sizeof(command), "rm -rf %s", folder);
	return system(command);
}

static int
see(const char *container, const char *ifname, void *arg)
{
	struct seen *seen = arg;

	seen->calls++;
	snprintf(seen->last, sizeof(seen->last), "%s %s", container, ifname);
	return seen->answer;
}

static void
test_write_and_replay(void **state)
{
	struct seen seen = {0};
	char long_id[500];

	memset(long_id, 'c', sizeof(long_id) - 1);
	long_id[sizeof(long_id) - 1] = '\0';
	assert_int_equal(tombstone_replay(state_dir, see, &seen), 0);
	assert_int_equal(tombstone_write(state_dir, long_id, "eth0"), 0);
	assert_int_equal(tombstone_write(state_dir, long_id, "eth0"), 0);
	assert_int_equal(tombstone_write(state_dir, long_id, "eth1"), 0);
	assert_int_equal(tombstone_remove(state_dir, long_id, "eth1"), 0);
	assert_int_equal(tombstone_remove(state_dir, long_id, "eth1"), 0);

	seen.answer = -EAGAIN;
	assert_int_equal(tombstone_replay(state_dir, see, &seen), 0);
	seen.answer = 0;
	assert_int_equal(tombstone_replay(state_dir, see, &seen), 1);
	assert_int_equal(seen.calls, 2);
	assert_memory_equal(seen.last, long_id, strlen(long_id));
	assert_string_equal(seen.last + strlen(long_id), " eth0");
	assert_int_equal(tombstone_replay(state_dir, see, &seen), 0);
	assert_int_equal(seen.calls, 2);
}

static void
write_file(const char *name, const char *text, time_t age_s)
{
	struct timespec times[2] = {{.tv_sec = time(NULL) - age_s}, {.tv_sec = time(NULL) - age_s}};
	char path[200];
	int fd;

	snprintf(path, sizeof(path), "%s/tombstones/%s", state_dir, name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(futimens(fd, times), 0);
	close(fd);
}

static int
exists(const char *name)
{
	char path[200];

	snprintf(path, sizeof(path), "%s/tombstones/%s", state_dir, name);
	return access(path, F_OK) == 0;
}

static void
test_foreign_files(void **state)
{
	static const char *const texts[] = {"", "{", "[]", "{}", "{\"version\":1}",
		"{\"version\":2,\"container\":\"c\",\"ifname\":\"i\"}",
		"{\"version\":1,\"container\":5,\"ifname\":\"i\"}"};
	struct seen seen = {0};
	char name[32];

	assert_int_equal(tombstone_write(state_dir, "c", "i"), 0);
	assert_int_equal(tombstone_remove(state_dir, "c", "i"), 0);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		snprintf(name, sizeof(name), "%zu.json", i);
		write_file(name, texts[i], 0);
	}
	write_file(".new-1", "{", 0);
	write_file(".new-2", "{", 100000);
	write_file("README", "{\"version\":1,\"container\":\"c\",\"ifname\":\"i\"}", 0);
	assert_int_equal(tombstone_replay(state_dir, see, &seen), 0);
	assert_int_equal(seen.calls, 0);
	assert_true(exists(".new-1") && exists("README") && exists("0.json") && exists("6.json"));
	assert_false(exists(".new-2"));
}

static void
test_unusable_folder(void **state)
{
	char path[100];
	int fd;

	snprintf(path, sizeof(path), "%s/a", folder);
	fd = open(path, O_WRONLY | O_CREAT, 0600);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(tombstone_write(state_dir, "c", "i"), -ENOTDIR);
	assert_int_equal(tombstone_remove(state_dir, "c", "i"), -ENOTDIR);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_write_and_replay, setup, teardown),
		cmocka_unit_test_setup_teardown(test_foreign_files, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unusable_folder, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
