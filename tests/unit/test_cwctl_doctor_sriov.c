/* SPDX-License-Identifier: Apache-2.0 */
// What doctor finds at cards with VFs. FAKE_PF has three of seven VFs, without drivers.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "doctor.h"
#include "fake_pci.h"

#define DEVICES "/sys/bus/pci/devices/"
#define GROUPS "/sys/kernel/iommu_groups/"

static struct doctor doctor;

static void
examine(const char *root, void (*check)(struct doctor *doctor))
{
	doctor_init(&doctor, root);
	check(&doctor);
}

// The one finding.
static void
assert_found(enum finding_level level, const char *check, const char *text, const char *command)
{
	const struct finding *found = &doctor.findings[0];

	assert_int_equal(doctor.n_findings, 1);
	assert_int_equal(found->level, level);
	assert_string_equal(found->check, check);
	if (strstr(found->text, text) == NULL)
		fail_msg("%s", found->text);
	if (strstr(found->command, command) == NULL || (command[0] == '\0') != !found->command[0])
		fail_msg("%s", found->command);
}

static void
bind_vfs(const char *root)
{
	fake_pci_link(root, DEVICES FAKE_VF0 "/driver", "../../drivers/igbvf");
	fake_pci_link(root, DEVICES FAKE_VF1 "/driver", "../../drivers/vfio-pci");
	fake_pci_link(root, DEVICES FAKE_VF2 "/driver", "../../drivers/igbvf");
}

static void
test_all_is_well(void **state)
{
	bind_vfs(*state);
	examine(*state, doctor_sriov);
	assert_found(FINDING_OK, "sriov", FAKE_PF " (eth0, igb) has 3 of 7 VFs", "");
}

static void
test_no_cards(void **state)
{
	fake_pci_remove(*state, DEVICES FAKE_PF);
	examine(*state, doctor_sriov);
	assert_found(FINDING_OK, "sriov", "no network card", "");
}

static void
test_vfs_without_driver(void **state)
{
	const char *root = *state;

	fake_pci_link(root, DEVICES FAKE_VF0 "/driver", "../../drivers/igbvf");
	examine(root, doctor_sriov);
	assert_found(FINDING_WARNING, "sriov",
		"(eth0, igb): 2 of its VFs have no driver: " FAKE_VF1 ", " FAKE_VF2,
		"echo igbvf >/sys/bus/pci/devices/" FAKE_VF1 "/driver_override; echo " FAKE_VF1
		" >/sys/bus/pci/drivers_probe");
	assert_null(strstr(doctor.findings[0].command, "modprobe"));
	fake_pci_remove(root, "/sys/bus/pci/drivers/igbvf");
	fake_pci_remove(root, DEVICES FAKE_VF0 "/driver");
	examine(root, doctor_sriov);
	assert_found(FINDING_WARNING, "sriov", "3 of its VFs", "modprobe igbvf; echo");
}

#define CONF "/proc/sys/net/ipv4/conf/"

static void
test_kernel_answers_for_the_gateway(void **state)
{
	const char *root = *state;

	bind_vfs(root);
	fake_pci_put(root, CONF "eth0/arp_ignore", "0\n");
	fake_pci_put(root, CONF "eth0/rp_filter", "0\n");
	examine(root, doctor_sriov);
	assert_found(FINDING_WARNING, "sriov", "answers ARP there for the pods' gateway",
		"sysctl -w net.ipv4.conf.eth0.arp_ignore=1");
	fake_pci_put(root, CONF "all/rp_filter", "2\n");
	examine(root, doctor_sriov);
	assert_found(FINDING_WARNING, "sriov", "answers ARP", "arp_ignore=1");
	fake_pci_put(root, CONF "eth0/arp_ignore", "1\n");
	examine(root, doctor_sriov);
	assert_found(FINDING_OK, "sriov", "3 of 7 VFs", "");
	fake_pci_put(root, CONF "eth0/arp_ignore", "0\n");
	fake_pci_put(root, CONF "all/rp_filter", "1\n");
	examine(root, doctor_sriov);
	assert_found(FINDING_OK, "sriov", "3 of 7 VFs", "");
}

static void
test_firmware_grants_none(void **state)
{
	const char *root = *state;

	bind_vfs(root);
	fake_pci_put(root, DEVICES FAKE_PF "/sriov_totalvfs", "0\n");
	fake_pci_put(root, DEVICES FAKE_PF "/sriov_numvfs", "0\n");
	examine(root, doctor_sriov);
	assert_found(FINDING_WARNING, "sriov", "grants none", "firmware's set-up");
	fake_pci_link(root, DEVICES FAKE_PF "/driver", "../../drivers/mlx5_core");
	examine(root, doctor_sriov);
	assert_found(FINDING_WARNING, "sriov", "grants none", "mlxconfig -d " FAKE_PF);
}

#define NO_BAR "0x0000000000000000 0x0000000000000000 0x0000000000000000\n"
#define BAR "0x00000000fe000000 0x00000000fe003fff 0x0000000000140204\n"
#define LOST_BAR "0x0000000000000000 0x0000000000003fff 0x0000000000140204\n"

static void
test_no_address_space(void **state)
{
	const char *root = *state;

	bind_vfs(root);
	fake_pci_put(root, DEVICES FAKE_PF "/resource",
		BAR NO_BAR NO_BAR BAR NO_BAR NO_BAR NO_BAR BAR NO_BAR NO_BAR BAR NO_BAR NO_BAR);
	examine(root, doctor_sriov);
	assert_found(FINDING_OK, "sriov", "3 of 7", "");
	fake_pci_put(root, DEVICES FAKE_PF "/resource",
		BAR NO_BAR NO_BAR BAR NO_BAR NO_BAR NO_BAR BAR NO_BAR NO_BAR LOST_BAR NO_BAR
			NO_BAR);
	examine(root, doctor_sriov);
	assert_found(FINDING_WARNING, "sriov", "address space", "pci=realloc");
}

static void
test_interface_of_the_pf(void **state)
{
	const char *root = *state;

	bind_vfs(root);
	fake_pci_put(root, DEVICES FAKE_PF "/net/eth0/flags", "0x1003\n");
	examine(root, doctor_sriov);
	assert_found(FINDING_OK, "sriov", "3 of 7", "");
	fake_pci_put(root, DEVICES FAKE_PF "/net/eth0/flags", "0x1002\n");
	examine(root, doctor_sriov);
	assert_found(FINDING_WARNING, "sriov", "is down", "ip link set eth0 up");
	fake_pci_remove(root, DEVICES FAKE_PF "/net");
	examine(root, doctor_sriov);
	assert_found(FINDING_WARNING, "sriov", "(igb): its interface is in another", "netns 1");
	fake_pci_link(root, DEVICES FAKE_PF "/driver", "../../drivers/vfio-pci");
	examine(root, doctor_sriov);
	assert_found(FINDING_WARNING, "sriov", "nobody can set up its VFs", "kind=vf");
}

// ---- IOMMU groups

static void
put_in_group(const char *root, unsigned int group, const char *address)
{
	char path[128], target[64];

	snprintf(path, sizeof(path), GROUPS "%u/devices/%s", group, address);
	snprintf(target, sizeof(target), "../../../../bus/pci/devices/%s", address);
	fake_pci_link(root, path, target);
}

static void
test_groups(void **state)
{
	const char *root = *state;

	examine(root, doctor_groups); // no IOMMU
	assert_int_equal(doctor.n_findings, 0);
	put_in_group(root, 1, FAKE_VF0);
	put_in_group(root, 2, FAKE_VF1);
	put_in_group(root, 3, FAKE_PF);
	put_in_group(root, 3, FAKE_PF_B); // of the kernel: who cares
	examine(root, doctor_groups);
	assert_found(FINDING_OK, "iommu-groups", "2 VFs", "");
	put_in_group(root, 2, FAKE_PF);
	examine(root, doctor_groups);
	assert_found(FINDING_WARNING, "iommu-groups",
		"group 2 holds 2 devices: " FAKE_PF ", " FAKE_VF1 ";", "ACS");
	put_in_group(root, 2, FAKE_VF2);
	put_in_group(root, 2, FAKE_PF_B);
	examine(root, doctor_groups);
	assert_found(FINDING_WARNING, "iommu-groups", "group 2 holds 4 devices", "ACS");
	assert_non_null(strstr(doctor.findings[0].text, FAKE_VF2 " ...;"));
}

// A bridge above a card is in its group, and harmless.
static void
test_bridge_in_group(void **state)
{
	const char *root = *state;

	put_in_group(root, 1, FAKE_VF0);
	put_in_group(root, 1, FAKE_PF_B);
	fake_pci_put(root, DEVICES FAKE_PF_B "/class", "0x060400\n");
	examine(root, doctor_groups);
	assert_found(FINDING_OK, "iommu-groups", "1 VFs", "");
}

// ---- vfio

static void
put_vfio(const char *root)
{
	fake_pci_put(root, "/dev/vfio/vfio", "");
	fake_pci_put(root, GROUPS "1/type", "identity\n");
	fake_pci_link(root, DEVICES FAKE_PF "/iommu_group", "../../../../kernel/iommu_groups/1");
}

// doctor_vfio() finds two things when all is well: an IOMMU, and vfio.
static void
assert_vfio(unsigned int i, enum finding_level level, const char *text, const char *command)
{
	assert_in_range(doctor.n_findings, i + 1, 3);
	assert_int_equal(doctor.findings[i].level, level);
	if (strstr(doctor.findings[i].text, text) == NULL)
		fail_msg("%s", doctor.findings[i].text);
	if (strstr(doctor.findings[i].command, command) == NULL)
		fail_msg("%s", doctor.findings[i].command);
}

static void
test_passthrough(void **state)
{
	const char *root = *state;

	put_vfio(root);
	examine(root, doctor_vfio);
	assert_int_equal(doctor.n_findings, 2);
	assert_vfio(0, FINDING_OK, "the IOMMU is on", "");
	assert_vfio(1, FINDING_OK, "vfio-pci is loaded", "");
	fake_pci_put(root, GROUPS "1/type", "DMA-FQ\n");
	examine(root, doctor_vfio);
	assert_int_equal(doctor.n_findings, 2);
	assert_vfio(0, FINDING_WARNING, "slows the kernel's own drivers, too: eth0", "iommu=pt");
}

static void
test_memory_without_hugepages(void **state)
{
	const char *root = *state;

	put_vfio(root);
	doctor_init(&doctor, root);
	doctor.huge = false;
	doctor_vfio(&doctor);
	assert_int_equal(doctor.n_findings, 2); // no card of user space
	fake_pci_link(root, DEVICES FAKE_VF1 "/driver", "../../drivers/vfio-pci");
	doctor.n_findings = 0;
	doctor_vfio(&doctor);
	assert_vfio(2, FINDING_WARNING, "4 KiB", "huge of causeway-dp");
	fake_pci_remove(root, "/sys/kernel");
	doctor.n_findings = 0;
	doctor_vfio(&doctor);
	assert_vfio(0, FINDING_WARNING, "no IOMMU", "intel_iommu=on");
	assert_vfio(2, FINDING_PROBLEM, "without an IOMMU", "huge of causeway-dp");
}

static void
test_locked_memory(void **state)
{
	const char *root = *state;

	put_vfio(root);
	fake_pci_link(root, DEVICES FAKE_VF1 "/driver", "../../drivers/vfio-pci");
	fake_pci_put(root, "/proc/net/unix",
		"0: 00000002 00000000 00010000 0001 01 10 /run/causeway/dp.sock\n");
	fake_pci_put(root, "/run/causeway/dp.sock", "");
	fake_pci_put(root, "/run/causeway/dp.lock", "41\n");
	fake_pci_put(root, "/proc/41/status", "Name:\tdp\nCapEff:\t0000000000003000\n");
	fake_pci_put(root, "/proc/41/limits",
		"Limit                     Soft Limit           Hard Limit           Units\n"
		"Max locked memory         8388608              8388608              bytes\n");
	examine(root, doctor_vfio);
	assert_vfio(2, FINDING_PROBLEM, "may lock 8 MiB", "--pid 41 --memlock=unlimited");
	fake_pci_put(root, "/proc/41/status", "CapEff:\t0000000000007000\n"); // CAP_IPC_LOCK
	examine(root, doctor_vfio);
	assert_int_equal(doctor.n_findings, 2);
	fake_pci_put(root, "/proc/41/status", "CapEff:\t0000000000003000\n");
	fake_pci_put(root, "/proc/41/limits",
		"Max locked memory         unlimited            unlimited            bytes\n");
	examine(root, doctor_vfio);
	assert_int_equal(doctor.n_findings, 2);
}

// A card of user space has no interface, but a node.
static void
test_numa(void **state)
{
	const char *root = *state;

	fake_pci_put(root, "/sys/devices/system/node/node1/cpulist", "1\n");
	fake_pci_put(root, "/sys/devices/system/cpu/cpu0/node0/x", "");
	fake_pci_put(root, DEVICES FAKE_PF_B "/numa_node", "1\n");
	fake_pci_put(root, DEVICES FAKE_VF1 "/numa_node", "1\n"); // goes with its PF
	fake_pci_link(root, DEVICES FAKE_PF_B "/driver", "../../drivers/vfio-pci");
	fake_pci_link(root, DEVICES FAKE_VF1 "/driver", "../../drivers/vfio-pci");
	doctor_init(&doctor, root);
	CPU_SET(0, &doctor.workers);
	doctor_numa(&doctor);
	assert_found(FINDING_WARNING, "numa", FAKE_PF_B " is on NUMA node 1", "some of 1");
}

int
main(void)
{
#define TREE_TEST(name) cmocka_unit_test_setup_teardown(name, fake_pci_setup, fake_pci_teardown)
	const struct CMUnitTest tests[] = {
		TREE_TEST(test_all_is_well),
		TREE_TEST(test_no_cards),
		TREE_TEST(test_vfs_without_driver),
		TREE_TEST(test_kernel_answers_for_the_gateway),
		TREE_TEST(test_firmware_grants_none),
		TREE_TEST(test_no_address_space),
		TREE_TEST(test_interface_of_the_pf),
		TREE_TEST(test_groups),
		TREE_TEST(test_bridge_in_group),
		TREE_TEST(test_passthrough),
		TREE_TEST(test_memory_without_hugepages),
		TREE_TEST(test_locked_memory),
		TREE_TEST(test_numa),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
