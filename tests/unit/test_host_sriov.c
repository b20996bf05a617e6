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

#include "fake_pci.h"
#include "sriov.h"

#define DEVICES "/sys/bus/pci/devices/"
#define ABSENT "0000:09:00.0"

static void
test_find(void **state)
{
	const char *root = *state;
	struct sriov_vf vf;

	assert_int_equal(sriov_find(root, FAKE_VF1, &vf), 0);
	assert_string_equal(vf.address, FAKE_VF1);
	assert_string_equal(vf.pf, FAKE_PF);
	assert_string_equal(vf.pf_ifname, "eth0");
	assert_int_equal(vf.index, 1);
	assert_int_equal(sriov_find(root, FAKE_PF, &vf), -ENOTSUP);
	assert_int_equal(sriov_find(root, ABSENT, &vf), -ENODEV);
	// The number of VFs was changed between two looks.
	fake_pci_put(root, DEVICES FAKE_PF "/sriov_numvfs", "1\n");
	assert_int_equal(sriov_find(root, FAKE_VF1, &vf), -ENODEV);
}

static void
test_renamed_pf(void **state)
{
	const char *root = *state;
	struct sriov_vf vf;

	fake_pci_remove(root, DEVICES FAKE_PF "/net/eth0");
	fake_pci_put(root, DEVICES FAKE_PF "/net/uplink/ifindex", "5\n");
	assert_int_equal(sriov_find(root, FAKE_VF1, &vf), 0);
	assert_string_equal(vf.pf_ifname, "uplink");
}

// Its VFs are found all the same; setting them is what cannot be done from here.
static void
test_pf_without_interface(void **state)
{
	const char *root = *state;
	char ifname[IFNAMSIZ];
	struct sriov_vf vf;

	fake_pci_remove(root, DEVICES FAKE_PF "/net");
	assert_int_equal(sriov_pf_netdev(root, FAKE_PF, ifname), -ENONET);
	assert_int_equal(sriov_find(root, FAKE_VF2, &vf), 0);
	assert_int_equal(vf.index, 2);
	assert_string_equal(vf.pf_ifname, "");
	fake_pci_link(root, DEVICES FAKE_PF "/driver", "../../drivers/vfio-pci");
	assert_int_equal(sriov_pf_netdev(root, FAKE_PF, ifname), -ENOLINK);
	fake_pci_remove(root, DEVICES FAKE_PF "/driver");
	assert_int_equal(sriov_pf_netdev(root, FAKE_PF, ifname), -ENOLINK);
	assert_int_equal(sriov_pf_netdev(root, ABSENT, ifname), -ENODEV);
}

static void
test_address(void **state)
{
	const char *root = *state;
	char address[PCI_ADDRESS_LEN];

	assert_int_equal(sriov_vf_address(root, FAKE_PF, 2, address), 0);
	assert_string_equal(address, FAKE_VF2);
	assert_int_equal(sriov_vf_address(root, FAKE_PF, 3, address), -ENOENT);
	assert_int_equal(sriov_vf_address(root, ABSENT, 0, address), -ENODEV);
}

static void
test_counts(void **state)
{
	const char *root = *state;
	unsigned int num, total;

	assert_int_equal(sriov_counts(root, FAKE_PF, &num, &total), 0);
	assert_int_equal(num, 3);
	assert_int_equal(total, 7);
	assert_int_equal(sriov_counts(root, FAKE_PF_B, &num, &total), -ENOTSUP);
	assert_int_equal(sriov_counts(root, FAKE_VF0, &num, &total), -ENOTSUP);
	assert_int_equal(sriov_counts(root, ABSENT, &num, &total), -ENODEV);
}

static int
append(const char *pf, void *arg)
{
	strcat(strcat(arg, pf), " ");
	return strlen(arg) > 20 ? 7 : 0;
}

static void
test_each_pf(void **state)
{
	const char *root = *state;
	char list[64] = "";

	assert_int_equal(sriov_each_pf(root, append, list), 0);
	assert_string_equal(list, FAKE_PF " ");
	// The firmware grants it none.
	fake_pci_put(root, DEVICES FAKE_PF_B "/sriov_totalvfs", "0\n");
	fake_pci_put(root, DEVICES FAKE_PF_B "/sriov_numvfs", "0\n");
	list[0] = '\0';
	assert_int_equal(sriov_each_pf(root, append, list), 0);
	assert_string_equal(list, FAKE_PF " ");
	fake_pci_put(root, DEVICES FAKE_PF_B "/sriov_totalvfs", "64\n");
	list[0] = '\0';
	assert_int_equal(sriov_each_pf(root, append, list), 7);
	assert_string_equal(list, FAKE_PF " " FAKE_PF_B " ");
	assert_int_equal(sriov_each_pf("/absent", append, list), 0);
}

static void
test_representors(void **state)
{
	const char *root = *state;
	enum sriov_eswitch mode;
	char ifname[IFNAMSIZ];

	assert_int_equal(sriov_eswitch(root, FAKE_PF, &mode), 0);
	assert_int_equal(mode, SRIOV_LEGACY);
	assert_int_equal(sriov_representor(root, FAKE_PF, 1, ifname), -EOPNOTSUPP);
	// Of VF 1 at another controller, as on a card with cores of its own.
	fake_pci_put(root, DEVICES FAKE_PF "/net/aaa/phys_port_name", "c1pf0vf1\n");
	assert_int_equal(sriov_representor(root, FAKE_PF, 1, ifname), -EOPNOTSUPP);
	fake_pci_put(root, DEVICES FAKE_PF "/net/bbb/phys_port_name", "pf0vf11\n");
	fake_pci_put(root, DEVICES FAKE_PF "/net/ccc/phys_port_name", "pf0vf1\n");
	assert_int_equal(sriov_representor(root, FAKE_PF, 1, ifname), 0);
	assert_string_equal(ifname, "ccc");
	assert_int_equal(sriov_eswitch(root, FAKE_PF, &mode), 0);
	assert_int_equal(mode, SRIOV_SWITCHDEV);
	assert_int_equal(sriov_eswitch(root, ABSENT, &mode), -ENODEV);
}

int
main(void)
{
#define TREE_TEST(name) cmocka_unit_test_setup_teardown(name, fake_pci_setup, fake_pci_teardown)
	const struct CMUnitTest tests[] = {
		TREE_TEST(test_find),
		TREE_TEST(test_renamed_pf),
		TREE_TEST(test_pf_without_interface),
		TREE_TEST(test_address),
		TREE_TEST(test_counts),
		TREE_TEST(test_each_pf),
		TREE_TEST(test_representors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
