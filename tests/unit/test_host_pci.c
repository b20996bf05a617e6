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

#include "fake_pci.h"
#include "pci.h"

#define DEVICES "/sys/bus/pci/devices/"
#define ABSENT "0000:09:00.0"

static void
assert_bound(const char *root, const char *address, const char *driver, const char *override)
{
	char text[PCI_DRIVER_LEN];

	assert_int_equal(pci_driver(root, address, text), 0);
	assert_string_equal(text, driver);
	assert_int_equal(pci_override_get(root, address, text), 0);
	assert_string_equal(text, override);
}

static void
test_address(void **state)
{
	static const char *const wrong[] = {"", "eth0", "0000:01:00", "0000:01:00.8", "01:20.0",
		"0000:01:00.0 ", " 01:00.0", "00000:01:00.0", "0000:001:00.0", "0000:01:00.0.0",
		"-1:00.0", "0x01:00.0", "0000:01:00.00"};
	char address[PCI_ADDRESS_LEN];

	assert_true(pci_address_parse("0000:AF:1f.7", address));
	assert_string_equal(address, "0000:af:1f.7");
	assert_true(pci_address_parse("1:0.0", address));
	assert_string_equal(address, "0000:01:00.0");
	assert_true(pci_address_parse("abcd:01:02.3", address));
	assert_string_equal(address, "abcd:01:02.3");
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		if (pci_address_parse(wrong[i], address))
			fail_msg("'%s' is taken for %s", wrong[i], address);
}

// sriov_drivers_autoprobe is 0: nothing but the override gives a VF a driver.
static void
test_bind(void **state)
{
	const char *root = *state;

	assert_bound(root, FAKE_VF0, "", "");
	assert_int_equal(pci_bind(root, FAKE_VF0, "igbvf"), 0);
	assert_bound(root, FAKE_VF0, "igbvf", "igbvf");
	assert_int_equal(pci_bind(root, FAKE_VF0, "vfio-pci"), 0);
	assert_bound(root, FAKE_VF0, "vfio-pci", "vfio-pci");
	assert_int_equal(pci_bind(root, FAKE_VF0, ""), 0);
	assert_bound(root, FAKE_VF0, "", "");
	assert_int_equal(pci_bind(root, FAKE_VF0, ""), 0);
}

static void
test_bind_again_changes_nothing(void **state)
{
	const char *root = *state;

	assert_int_equal(pci_bind(root, FAKE_PF, "igb"), 0);
	assert_bound(root, FAKE_PF, "igb", "");
}

static void
test_bind_is_refused(void **state)
{
	const char *root = *state;

	assert_int_equal(pci_bind(root, FAKE_VF0, "igbvf"), 0);
	assert_int_equal(pci_override_set(root, FAKE_VF0, ""), 0);
	fake_pci_put(root, "/sys/bus/pci/drivers/vfio-pci/refuses", "");
	assert_int_equal(pci_bind(root, FAKE_VF1, "vfio-pci"), -ENXIO);
	assert_bound(root, FAKE_VF1, "", "");
	assert_int_equal(pci_bind(root, FAKE_VF0, "vfio-pci"), -ENXIO);
	assert_bound(root, FAKE_VF0, "igbvf", "");

	assert_int_equal(pci_bind(root, FAKE_VF0, "uio_pci_generic"), -ENOENT);
	assert_int_equal(pci_bind(root, FAKE_VF0, "../igb"), -EINVAL);
	assert_int_equal(pci_bind(root, ABSENT, "igbvf"), -ENODEV);
	assert_bound(root, FAKE_VF0, "igbvf", "");
}

static void
test_absent(void **state)
{
	const char *root = *state;
	char text[PCI_DRIVER_LEN];
	unsigned int group;
	struct pci_ids ids;

	assert_false(pci_exists(root, ABSENT));
	assert_int_equal(pci_driver(root, ABSENT, text), -ENODEV);
	assert_int_equal(pci_override_get(root, ABSENT, text), -ENODEV);
	assert_int_equal(pci_override_set(root, ABSENT, "igb"), -ENODEV);
	assert_int_equal(pci_reset(root, ABSENT), -ENODEV);
	assert_int_equal(pci_iommu_group(root, ABSENT, &group), -ENODEV);
	assert_int_equal(pci_netdev(root, ABSENT, text), -ENODEV);
	assert_int_equal(pci_ids(root, ABSENT, &ids), -ENODEV);
	assert_int_equal(pci_numa(root, ABSENT), -1);
}

static void
test_reset(void **state)
{
	const char *root = *state;

	fake_pci_put(root, DEVICES FAKE_VF0 "/reset", "");
	assert_int_equal(pci_reset(root, FAKE_VF0), 0);
	assert_string_equal(fake_pci_get(root, FAKE_VF0, "reset"), "1");
	fake_pci_remove(root, DEVICES FAKE_VF0 "/reset");
	assert_int_equal(pci_reset(root, FAKE_VF0), -ENOTTY);
}

static int
append(const char *address, void *arg)
{
	strcat(strcat(arg, address), " ");
	return 0;
}

static void
test_iommu_group(void **state)
{
	const char *root = *state;
	char members[64] = "";
	unsigned int group;

	assert_int_equal(pci_iommu_group(root, FAKE_VF0, &group), -ENOENT);
	fake_pci_link(root, DEVICES FAKE_VF0 "/iommu_group", "../../../kernel/iommu_groups/17");
	fake_pci_put(root, "/sys/kernel/iommu_groups/17/devices/" FAKE_VF1, "");
	fake_pci_put(root, "/sys/kernel/iommu_groups/17/devices/" FAKE_VF0, "");
	assert_int_equal(pci_iommu_group(root, FAKE_VF0, &group), 0);
	assert_int_equal(group, 17);
	assert_int_equal(pci_group_members(root, group, append, members), 0);
	assert_string_equal(members, FAKE_VF0 " " FAKE_VF1 " ");
	assert_int_equal(pci_group_members(root, 18, append, members), -ENOENT);
	assert_false(pci_vfio_is_open(root, FAKE_VF0));
}

static void
test_ids_and_node(void **state)
{
	const char *root = *state;
	struct pci_ids ids;

	assert_int_equal(pci_ids(root, FAKE_VF0, &ids), 0);
	assert_int_equal(ids.vendor, 0x8086);
	assert_int_equal(ids.device, 0x10ca);
	assert_int_equal(ids.subsystem_device, 0xa02b);
	assert_int_equal(ids.class, 0x020000);
	assert_int_equal(pci_numa(root, FAKE_VF0), -1);
	fake_pci_put(root, DEVICES FAKE_VF0 "/numa_node", "1\n");
	assert_int_equal(pci_numa(root, FAKE_VF0), 1);
	fake_pci_put(root, DEVICES FAKE_VF0 "/device", "none\n");
	assert_int_equal(pci_ids(root, FAKE_VF0, &ids), -EINVAL);
}

// In switchdev mode, representors lie beside the PF's own interface and may come first.
static void
test_netdev(void **state)
{
	const char *root = *state;
	char ifname[IFNAMSIZ];

	assert_int_equal(pci_netdev(root, FAKE_VF0, ifname), -ENODEV);
	assert_int_equal(pci_netdev(root, FAKE_PF, ifname), 0);
	assert_string_equal(ifname, "eth0");
	fake_pci_put(root, DEVICES FAKE_PF "/net/enp1s0f0r0/phys_port_name", "pf0vf0\n");
	fake_pci_put(root, DEVICES FAKE_PF "/net/enp1pf0/phys_port_name", "c1pf0\n");
	assert_int_equal(pci_netdev(root, FAKE_PF, ifname), 0);
	assert_string_equal(ifname, "eth0");
	fake_pci_put(root, DEVICES FAKE_PF "/net/eth0/phys_port_name", "p0\n");
	assert_int_equal(pci_netdev(root, FAKE_PF, ifname), 0);
	assert_string_equal(ifname, "eth0");
	fake_pci_remove(root, DEVICES FAKE_PF "/net/eth0");
	assert_int_equal(pci_netdev(root, FAKE_PF, ifname), -ENODEV);
}

int
main(void)
{
#define TREE_TEST(name) cmocka_unit_test_setup_teardown(name, fake_pci_setup, fake_pci_teardown)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_address),
		TREE_TEST(test_bind),
		TREE_TEST(test_bind_again_changes_nothing),
		TREE_TEST(test_bind_is_refused),
		TREE_TEST(test_absent),
		TREE_TEST(test_reset),
		TREE_TEST(test_iommu_group),
		TREE_TEST(test_ids_and_node),
		TREE_TEST(test_netdev),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
