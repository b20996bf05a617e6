/* SPDX-License-Identifier: Apache-2.0 */
#include <ftw.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "doctor.h"

// A machine of files below a temporary directory: eight CPUs on two NUMA nodes, all as it should
// be.
struct machine {
	char root[64];
	struct doctor doctor;
};

__attribute__((format(printf, 3, 4))) static void
put(struct machine *m, const char *path, const char *format, ...)
{
	char full[300];
	va_list args;
	FILE *file;

	snprintf(full, sizeof(full), "%s%s", m->root, path);
	for (char *slash = strchr(full + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		mkdir(full, 0755);
		*slash = '/';
	}
	file = fopen(full, "w");
	assert_non_null(file);
	va_start(args, format);
	vfprintf(file, format, args);
	va_end(args);
	fclose(file);
}

static int
remove_entry(const char *path, const struct stat *status, int type, struct FTW *where)
{
	return remove(path);
}

static void
take_away(struct machine *m, const char *path)
{
	char full[300];

	snprintf(full, sizeof(full), "%s%s", m->root, path);
	assert_int_equal(nftw(full, remove_entry, 16, FTW_DEPTH | FTW_PHYS), 0);
}

#define PAGES "/sys/kernel/mm/hugepages/hugepages-2048kB/"
#define NODE_PAGES "/hugepages/hugepages-2048kB/free_hugepages"

#define LIMITS                                                                            \
	"Limit                     Soft Limit           Hard Limit           Units\n"     \
	"Max processes             62789                62789                processes\n" \
	"Max open files            %d                1048576              files\n"

static void
put_machine(struct machine *m)
{
	char path[128];

	put(m, "/sys/devices/system/cpu/online", "0-7\n");
	put(m, "/sys/devices/system/cpu/isolated", "2-3,6\n");
	for (int cpu = 0; cpu < 8; cpu++) {
		snprintf(
			path, sizeof(path), "/sys/devices/system/cpu/cpu%d/node%d/x", cpu, cpu / 4);
		put(m, path, "x");
	}
	for (int node = 0; node < 2; node++) {
		snprintf(path, sizeof(path), "/sys/devices/system/node/node%d" NODE_PAGES, node);
		put(m, path, "1000\n");
		snprintf(path, sizeof(path), "/sys/devices/system/node/node%d/cpulist", node);
		put(m, path, "%d-%d\n", 4 * node, 4 * node + 3);
	}
	put(m, PAGES "free_hugepages", "2000\n");
	put(m, PAGES "nr_hugepages", "2000\n");
	put(m, "/sys/class/net/eth0/device/numa_node", "1\n");
	put(m, "/sys/class/net/lo/mtu", "65536\n");
	put(m, "/sys/kernel/iommu_groups/0/type", "DMA\n");
	put(m, "/sys/bus/pci/drivers/vfio-pci/new_id", "%s", "");
	put(m, "/proc/meminfo", "MemTotal: 9 kB\nMemAvailable:    4096000 kB\n");
	put(m, "/proc/self/cgroup", "0::/system.slice\n");
	put(m, "/sys/fs/cgroup/cpu.max", "max 100000\n");
	put(m, "/proc/sys/kernel/osrelease", "6.1.0-28-amd64\n");
	put(m, "/proc/sys/net/ipv4/ip_forward", "1\n");
	put(m, "/proc/sys/net/ipv6/conf/all/forwarding", "1\n");
	put(m, "/proc/net/protocols", "protocol size\nPACKET    1600 0\nXDP       1088 0\n");
	put(m, "/proc/net/unix",
		"Num RefCount Protocol Flags Type St Inode Path\n"
		"0: 00000002 00000000 00010000 0001 01 10 /run/causeway/dp.sock\n"
		"0: 00000003 00000000 00000000 0001 03 11\n"
		"0: 00000002 00000000 00010000 0001 01 12 /run/causeway/control.sock\n");
	put(m, "/etc/group", "root:x:0:\ncauseway:x:%u:\n", (unsigned)getgid());
	put(m, "/dev/net/tun", "%s", "");
	put(m, "/dev/vhost-net", "%s", "");
	put(m, "/dev/vfio/vfio", "%s", "");
	put(m, "/run/causeway/dp.sock", "%s", "");
	put(m, "/run/causeway/control.sock", "%s", "");
	put(m, "/run/causeway/dp.lock", "41\n");
	put(m, "/run/causeway/causewayd.pid", "42\n");
	put(m, "/proc/41/limits", LIMITS, 65536);
	put(m, "/proc/42/limits", LIMITS, 65536);
}

static int
setup(void **state)
{
	struct machine *m = calloc(1, sizeof(*m));

	umask(0027);
	strcpy(m->root, "/tmp/test-doctor-XXXXXX");
	if (mkdtemp(m->root) == NULL)
		return -1;
	put_machine(m);
	doctor_init(&m->doctor, m->root);
	*state = m;
	return 0;
}

static int
teardown(void **state)
{
	struct machine *m = *state;

	take_away(m, "");
	free(m);
	return 0;
}

// The only finding that is not ok, after an examination that found nothing else.
static const struct finding *
examine(struct machine *m)
{
	const struct finding *found = NULL;

	doctor_examine(&m->doctor);
	for (unsigned i = 0; i < m->doctor.n_findings; i++) {
		if (m->doctor.findings[i].level == FINDING_OK) {
			assert_string_equal(m->doctor.findings[i].command, "");
			continue;
		}
		if (found != NULL)
			fail_msg("%s: %s, and %s: %s", found->check, found->text,
				m->doctor.findings[i].check, m->doctor.findings[i].text);
		found = &m->doctor.findings[i];
	}
	return found;
}

static void
assert_finds(struct machine *m, enum finding_level level, const char *check, const char *text,
	const char *command)
{
	const struct finding *found = examine(m);

	assert_non_null(found);
	assert_int_equal(found->level, level);
	assert_string_equal(found->check, check);
	if (strstr(found->text, text) == NULL)
		fail_msg("%s", found->text);
	if (strstr(found->command, command) == NULL)
		fail_msg("%s", found->command);
}

static void
test_good_machine(void **state)
{
	assert_null(examine(*state));
	assert_int_equal(((struct machine *)*state)->doctor.n_findings, 16);
}

static void
test_cores(void **state)
{
	struct machine *m = *state;

	strcpy(m->doctor.cores_text, "2,5,6");
	assert_finds(m, FINDING_WARNING, "cores", "run on 5", "isolcpus=2,5-6");
}

static void
test_cores_outside(void **state)
{
	struct machine *m = *state;

	strcpy(m->doctor.cores_text, "2,8-9");
	assert_finds(m, FINDING_PROBLEM, "cores", "CPUs 8-9", "0-7");
}

static void
test_cores_malformed(void **state)
{
	struct machine *m = *state;

	strcpy(m->doctor.cores_text, "2-");
	assert_finds(m, FINDING_PROBLEM, "cores", "2-", "cores=2-5,8");
}

static void
test_quota(void **state)
{
	struct machine *m = *state;

	put(m, "/sys/fs/cgroup/system.slice/cpu.max", "150000 100000\n");
	assert_finds(m, FINDING_PROBLEM, "quota", "1.50", "cpu.max");
}

// The figure that causeway-dp asks for on two nodes with its defaults.
static uint64_t
needed(const struct machine *m)
{
	return cw_hugepages_needed(
		&m->doctor.sizing, (unsigned int)CPU_COUNT(&m->doctor.workers), 2);
}

static void
test_hugepages_missing(void **state)
{
	struct machine *m = *state;
	char text[64], command[64];

	take_away(m, "/run/causeway");
	put(m, "/run/causeway/control.sock", "%s", "");
	put(m, "/proc/net/unix", "0: 2 0 00010000 0001 01 12 /run/causeway/control.sock\n");
	put(m, PAGES "free_hugepages", "10\n");
	put(m, PAGES "nr_hugepages", "20\n");
	doctor_cores(&m->doctor);
	doctor_memory(&m->doctor);
	assert_int_equal(m->doctor.n_findings, 2);
	assert_int_equal(m->doctor.findings[1].level, FINDING_PROBLEM);
	snprintf(text, sizeof(text), "%" PRIu64 " of 2 MiB needed", needed(m));
	assert_non_null(strstr(m->doctor.findings[1].text, text));
	snprintf(command, sizeof(command), "vm.nr_hugepages=%" PRIu64 " ", needed(m) + 10);
	assert_non_null(strstr(m->doctor.findings[1].command, command));

	put(m, "/proc/meminfo", "MemAvailable: 4096 kB\n");
	doctor_memory(&m->doctor);
	assert_int_equal(m->doctor.findings[2].level, FINDING_PROBLEM);
	assert_non_null(strstr(m->doctor.findings[2].command, "mbufs"));

	put(m, "/sys/kernel/mm/hugepages/hugepages-1048576kB/free_hugepages", "1\n");
	doctor_memory(&m->doctor);
	assert_int_equal(m->doctor.findings[3].level, FINDING_OK);
}

static void
test_hugepages_of_nodes(void **state)
{
	struct machine *m = *state;

	put(m, "/proc/net/unix", "0: 2 0 00010000 0001 01 12 /run/causeway/control.sock\n");
	put(m, "/sys/devices/system/node/node1" NODE_PAGES, "3\n");
	doctor_cores(&m->doctor);
	doctor_memory(&m->doctor);
	assert_int_equal(m->doctor.n_findings, 2);
	assert_int_equal(m->doctor.findings[1].level, FINDING_WARNING);
	assert_non_null(strstr(m->doctor.findings[1].text, "NUMA node 1 has 3"));
}

static void
test_running_data_plane_has_its_own(void **state)
{
	struct machine *m = *state;

	put(m, PAGES "free_hugepages", "0\n");
	assert_null(examine(m));
}

static void
test_numa(void **state)
{
	struct machine *m = *state;

	strcpy(m->doctor.cores_text, "2-3");
	assert_finds(m, FINDING_WARNING, "numa", "eth0 is on NUMA node 1", "4-7");
}

static void
test_kernel(void **state)
{
	static const struct {
		const char *path, *content; // NULL: taken away
		enum finding_level level;
		const char *check, *command;
	} cases[] = {
		{"/dev/net/tun", NULL, FINDING_PROBLEM, "tun", "modprobe tun"},
		{"/dev/vhost-net", NULL, FINDING_WARNING, "vhost-net", "modprobe vhost_net"},
		{"/proc/net/protocols", "PACKET 1\nXDPX 1\n", FINDING_WARNING, "af_xdp",
			"CONFIG_XDP_SOCKETS"},
		{"/proc/net/protocols", "XDP 1\n", FINDING_WARNING, "af_packet",
			"modprobe af_packet"},
		{"/proc/sys/kernel/osrelease", "5.4.0\n", FINDING_PROBLEM, "kernel", "apt"},
		{"/sys/kernel/iommu_groups/0", NULL, FINDING_WARNING, "iommu", "iommu=pt"},
		{"/sys/bus/pci/drivers/vfio-pci", NULL, FINDING_WARNING, "vfio",
			"modprobe vfio-pci"},
		{"/dev/vfio/vfio", NULL, FINDING_WARNING, "vfio", "container"},
		{"/proc/sys/net/ipv4/ip_forward", "0\n", FINDING_WARNING, "forwarding",
			"sysctl -w net/ipv4/ip_forward=1"},
		{"/etc/group", "causewayd:x:5:\n", FINDING_WARNING, "group", "groupadd"},
		{"/etc/group", "causeway:x:4294967:\n", FINDING_WARNING, "control.sock", "chgrp"},
		{"/proc/net/unix", "0: 2 0 00010000 0001 01 10 /run/causeway/dp.sock\n",
			FINDING_WARNING, "control.sock", "systemctl start causewayd"},
		{"/proc/net/unix", "0: 2 0 00010000 0001 01 10 /run/causeway/control.sock\n",
			FINDING_WARNING, "dp.sock", "systemctl start causeway-dp"},
	};
	struct machine *m;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (i > 0)
			assert_int_equal(setup(state), 0);
		m = *state;
		if (cases[i].content != NULL)
			put(m, cases[i].path, "%s", cases[i].content);
		else
			take_away(m, cases[i].path);
		assert_finds(m, cases[i].level, cases[i].check, "", cases[i].command);
		if (i + 1 < sizeof(cases) / sizeof(cases[0]))
			teardown(state);
	}
}

static void
test_open_socket(void **state)
{
	struct machine *m = *state;
	char path[128];

	snprintf(path, sizeof(path), "%s/run/causeway/control.sock", m->root);
	assert_int_equal(chmod(path, 0666), 0);
	assert_finds(m, FINDING_PROBLEM, "control.sock", "every user", "chmod o=");
}

static void
test_few_descriptors(void **state)
{
	struct machine *m = *state;

	put(m, "/proc/41/limits", LIMITS, 1024);
	assert_finds(m, FINDING_WARNING, "descriptors", "causeway-dp may open 1024", "--pid 41");
}

static void
test_config(void **state)
{
	struct machine *m = *state;
	char path[128];

	put(m, "/dp.json", "{\"cores\": \"2\", \"mbufs\": 5000, \"huge\": false}");
	snprintf(path, sizeof(path), "%s/dp.json", m->root);
	assert_int_equal(doctor_read_config(&m->doctor, path), 0);
	assert_string_equal(m->doctor.cores_text, "2");
	assert_int_equal(m->doctor.sizing.mbufs, 5000);
	assert_int_equal(m->doctor.sizing.jumbos, CW_JUMBOS_DEFAULT);
	assert_false(m->doctor.huge);
	put(m, "/dp.json", "{");
	assert_int_equal(doctor_read_config(&m->doctor, path), -1);
	assert_int_equal(doctor_read_config(&m->doctor, "/absent"), -1);
	assert_int_equal(m->doctor.n_findings, 2);
	assert_int_equal(m->doctor.findings[0].level, FINDING_PROBLEM);
}

// Nothing there at all: findings, no crash.
static void
test_empty_machine(void **state)
{
	struct doctor doctor;

	doctor_init(&doctor, "/absent");
	doctor_examine(&doctor);
	assert_true(doctor.n_findings > 5);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_good_machine, setup, teardown),
		cmocka_unit_test_setup_teardown(test_cores, setup, teardown),
		cmocka_unit_test_setup_teardown(test_cores_outside, setup, teardown),
		cmocka_unit_test_setup_teardown(test_cores_malformed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_quota, setup, teardown),
		cmocka_unit_test_setup_teardown(test_hugepages_missing, setup, teardown),
		cmocka_unit_test_setup_teardown(test_hugepages_of_nodes, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_running_data_plane_has_its_own, setup, teardown),
		cmocka_unit_test_setup_teardown(test_numa, setup, teardown),
		cmocka_unit_test_setup_teardown(test_kernel, setup, teardown),
		cmocka_unit_test_setup_teardown(test_open_socket, setup, teardown),
		cmocka_unit_test_setup_teardown(test_few_descriptors, setup, teardown),
		cmocka_unit_test_setup_teardown(test_config, setup, teardown),
		cmocka_unit_test(test_empty_machine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
