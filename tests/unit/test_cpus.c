/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cpus.h"

static char root[64];

static int
setup(void **state)
{
	strcpy(root, "/tmp/cw-cpus-XXXXXX");
	return mkdtemp(root) != NULL ? 0 : -1;
}

static int
teardown(void **state)
{
	char command[96];

	snprintf(command, sizeof(command), "rm -rf '%s'", root);
	return system(command);
}

static void
put(const char *path, const char *text)
{
	char command[512];
	FILE *file;

	snprintf(command, sizeof(command), "mkdir -p \"$(dirname '%s%s')\"", root, path);
	assert_int_equal(system(command), 0);
	snprintf(command, sizeof(command), "%s%s", root, path);
	file = fopen(command, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static void
test_parse_and_format(void **state)
{
	cpu_set_t set;
	char text[64];

	assert_int_equal(cpus_parse("0-2,5,7-7\n", &set), 0);
	assert_int_equal(CPU_COUNT(&set), 5);
	assert_string_equal(cpus_format(&set, text, sizeof(text)), "0-2,5,7");
	assert_int_equal(cpus_parse("", &set), 0);
	assert_int_equal(cpus_first(&set), -1);
	assert_int_equal(cpus_parse("3-1", &set), -ERANGE);
	assert_int_equal(cpus_parse("1,", &set), -EINVAL);
	assert_int_equal(cpus_parse("a", &set), -EINVAL);
	assert_int_equal(cpus_parse("1-", &set), -EINVAL);
	assert_int_equal(cpus_parse("99999999999999999999", &set), -EINVAL);
	assert_int_equal(cpus_parse("-1", &set), -EINVAL);
}

static void
test_sysfs(void **state)
{
	cpu_set_t set;

	assert_int_equal(cpus_isolated(root, &set), 0); // a kernel without the file
	assert_int_equal(CPU_COUNT(&set), 0);
	put("/sys/devices/system/cpu/isolated", "2-3\n");
	put("/sys/devices/system/cpu/online", "0-3\n");
	put("/sys/devices/system/node/node0/cpulist", "0-1\n");
	put("/sys/devices/system/node/node1/cpulist", "2-3\n");
	assert_int_equal(cpus_isolated(root, &set), 0);
	assert_int_equal(CPU_COUNT(&set), 2);
	assert_int_equal(cpus_online(root, &set), 0);
	assert_int_equal(CPU_COUNT(&set), 4);
	assert_int_equal(cpus_numa_node(root, 3), 1);
	assert_int_equal(cpus_numa_node(root, 9), -1);
}

static void
test_quota_v2_takes_the_tightest(void **state)
{
	struct cpus_quota quota;

	put("/proc/self/cgroup", "0::/kubepods/pod1\n");
	put("/sys/fs/cgroup/kubepods/pod1/cpu.max", "150000 100000\n");
	put("/sys/fs/cgroup/kubepods/cpu.max", "50000 100000\n");
	assert_int_equal(cpus_quota(root, &quota), 0);
	assert_true(quota.limited);
	assert_true(quota.cpus > 0.49 && quota.cpus < 0.51);
	assert_string_equal(quota.cgroup, "/sys/fs/cgroup/kubepods");
}

static void
test_quota_v2_unlimited(void **state)
{
	struct cpus_quota quota;

	put("/proc/self/cgroup", "0::/\n");
	put("/sys/fs/cgroup/cpu.max", "max 100000\n");
	assert_int_equal(cpus_quota(root, &quota), 0);
	assert_false(quota.limited);
}

static void
test_quota_v1(void **state)
{
	struct cpus_quota quota;

	put("/proc/self/cgroup", "4:cpuset:/x\n3:cpu,cpuacct:/a/b\n");
	put("/sys/fs/cgroup/cpu,cpuacct/a/b/cpu.cfs_quota_us", "-1\n");
	put("/sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_quota_us", "200000\n");
	put("/sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_period_us", "100000\n");
	assert_int_equal(cpus_quota(root, &quota), 0);
	assert_true(quota.limited);
	assert_true(quota.cpus > 1.9 && quota.cpus < 2.1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse_and_format),
		cmocka_unit_test_setup_teardown(test_sysfs, setup, teardown),
		cmocka_unit_test_setup_teardown(test_quota_v2_takes_the_tightest, setup, teardown),
		cmocka_unit_test_setup_teardown(test_quota_v2_unlimited, setup, teardown),
		cmocka_unit_test_setup_teardown(test_quota_v1, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
