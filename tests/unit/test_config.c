/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "config.h"
#include "cores.h"
#include "cpus.h"

static char path[64];

static void
write_file(const char *text)
{
	FILE *file;

	strcpy(path, "/tmp/cw-config-XXXXXX");
	file = fdopen(mkstemp(path), "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static int
load(struct config *config, char *a, char *b, char *c, char *d)
{
	char *argv[] = {(char *)"causeway-dp", a, b, c, d, NULL};
	int argc = 1;

	while (argv[argc] != NULL)
		argc++;
	return config_load(argc, argv, config);
}

static int
load_file(struct config *config, const char *text)
{
	int action;

	write_file(text);
	action = load(config, (char *)"--config", path, NULL, NULL);
	unlink(path);
	return action;
}

static void
test_defaults(void **state)
{
	struct config config;

	assert_int_equal(load(&config, NULL, NULL, NULL, NULL), CONFIG_RUN);
	assert_string_equal(config.runtime_dir, CW_RUNTIME_DIR);
	assert_string_equal(config.idle, "adaptive");
	assert_int_equal(config.burst, 64);
	assert_true(config.huge);
}

static void
test_flag_wins_over_file(void **state)
{
	struct config config;

	write_file(
		"{\"idle\": \"poll\", \"mbufs\": 2047, \"log_level\": \"error\", \"huge\": false}");
	assert_int_equal(load(&config, (char *)"--mbufs", (char *)"4095", (char *)"--config", path),
		CONFIG_RUN);
	unlink(path);
	assert_string_equal(config.idle, "poll");
	assert_int_equal(config.mbufs, 4095);
	assert_false(config.huge);
}

static void
test_bad_files(void **state)
{
	static const char *const bad[] = {
		"",
		"[]",
		"{",
		"{\"idle\": \"poll\"} x",
		"{\"unknown\": 1}",
		"{\"idle\": 5}",
		"{\"idle\": \"lazy\"}",
		"{\"mbufs\": \"many\"}",
		"{\"mbufs\": 0}",
		"{\"mbufs\": 2000.5}",
		"{\"mbufs\": 1e300}",
		"{\"burst\": 65}",
		"{\"huge\": \"yes\"}",
		"{\"cores\": \"3-1\"}",
		"{\"cores\": \"1,,2\"}",
		"{\"cores\": \"0-99\"}",
		"{\"log_level\": \"loud\"}",
	};
	struct config config;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (load_file(&config, bad[i]) >= 0)
			fail_msg("accepted: %s", bad[i]);
	assert_true(load(&config, (char *)"--config", (char *)"/nonexistent", NULL, NULL) < 0);
}

static void
test_bad_flags(void **state)
{
	struct config config;
	char dir[200];

	memset(dir, 'a', sizeof(dir));
	dir[sizeof(dir) - 1] = '\0';
	assert_true(load(&config, (char *)"--mbufs", (char *)"12x", NULL, NULL) < 0);
	assert_true(load(&config, (char *)"--nonsense", NULL, NULL, NULL) < 0);
	assert_true(load(&config, (char *)"stray", NULL, NULL, NULL) < 0);
	assert_true(load(&config, (char *)"--runtime-dir", dir, NULL, NULL) < 0);
	dir[104] = '\0';
	assert_true(load(&config, (char *)"--runtime-dir", dir, NULL, NULL) < 0);
	assert_int_equal(load(&config, (char *)"--check-config", NULL, NULL, NULL), CONFIG_CHECK);
	assert_int_equal(load(&config, (char *)"--dry-run", NULL, NULL, NULL), CONFIG_DRY_RUN);
}

static void
test_cores(void **state)
{
	struct cores cores;
	cpu_set_t allowed;
	char list[16];

	assert_int_equal(cpus_allowed(&allowed), 0);
	assert_int_equal(cores_choose("", "", &cores), 0);
	assert_true(cores.n >= 1);
	assert_true(CPU_COUNT(&cores.main) >= 1);
	snprintf(list, sizeof(list), "%d", cpus_first(&allowed));
	assert_int_equal(cores_choose("", list, &cores), 0);
	assert_int_equal(cores.n, 1);
	assert_int_equal(cores.cpu[0], cpus_first(&allowed));
	assert_true(cores_choose("", "1023", &cores) < 0);
}

static void
test_drivers_of_file_and_flags(void **state)
{
	struct config config;

	write_file("{\"drivers\": [\"/a.so\", \"/b.so\"]}");
	assert_int_equal(
		load(&config, (char *)"--driver", (char *)"/c.so", (char *)"--config", path),
		CONFIG_RUN);
	unlink(path);
	assert_string_equal(config.drivers[0], "/a.so");
	assert_string_equal(config.drivers[1], "/b.so");
	assert_string_equal(config.drivers[2], "/c.so");
	assert_string_equal(config.drivers[3], "");
	assert_int_equal(load_file(&config, "{\"driver\": [\"/a.so\"]}"), -EINVAL);
	assert_int_equal(load_file(&config, "{\"drivers\": \"/a.so\"}"), -EINVAL);
	assert_int_equal(load_file(&config, "{\"drivers\": [1]}"), -EINVAL);
	assert_int_equal(load_file(&config, "{\"drivers\": [\"\"]}"), -EINVAL);
	assert_int_equal(load_file(&config, "{\"drivers\": [\"1\",\"2\",\"3\",\"4\",\"5\","
					    "\"6\",\"7\",\"8\",\"9\"]}"),
		-EINVAL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_flag_wins_over_file),
		cmocka_unit_test(test_drivers_of_file_and_flags),
		cmocka_unit_test(test_bad_files),
		cmocka_unit_test(test_bad_flags),
		cmocka_unit_test(test_cores),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
