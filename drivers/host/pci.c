/* SPDX-License-Identifier: Apache-2.0 */
#include "pci.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pci_private.h"

bool
pci_address_parse(const char *text, char address[PCI_ADDRESS_LEN])
{
	unsigned int domain = 0, bus, device, function;
	int end = 0;

	// %x would take signs and blanks.
	if (text[strspn(text, "0123456789abcdefABCDEF:.")] != '\0')
		return false;
	if (sscanf(text, "%4x:%2x:%2x.%1x%n", &domain, &bus, &device, &function, &end) != 4) {
		domain = 0;
		end = 0;
		if (sscanf(text, "%2x:%2x.%1x%n", &bus, &device, &function, &end) != 3)
			return false;
	}
	if (text[end] != '\0' || device > 0x1f || function > 7)
		return false;
	snprintf(address, PCI_ADDRESS_LEN, "%04x:%02x:%02x.%x", domain & 0xffff, bus & 0xff,
		device & 0xff, function & 0xf);
	return true;
}

void
pci_path(char path[SYSFS_PATH_LEN], const char *root, const char *address, const char *file)
{
	snprintf(path, SYSFS_PATH_LEN, "%s/sys/bus/pci/devices/%s/%s", root, address, file);
}

bool
pci_exists(const char *root, const char *address)
{
	char path[SYSFS_PATH_LEN];

	pci_path(path, root, address, "");
	return access(path, F_OK) == 0;
}

int
pci_each(const char *root, int (*fn)(const char *address, void *arg), void *arg)
{
	char path[SYSFS_PATH_LEN];
	int ret;

	snprintf(path, sizeof(path), "%s/sys/bus/pci/devices", root);
	ret = sysfs_each(path, fn, arg);
	return ret == -ENOENT ? 0 : ret;
}

int
pci_errno(const char *root, const char *address, int ret)
{
	return ret == -ENOENT && !pci_exists(root, address) ? -ENODEV : ret;
}

int
pci_driver(const char *root, const char *address, char driver[PCI_DRIVER_LEN])
{
	char path[SYSFS_PATH_LEN];
	int ret;

	pci_path(path, root, address, "driver");
	ret = pci_errno(root, address, sysfs_link(path, driver, PCI_DRIVER_LEN));
	if (ret != -ENOENT)
		return ret;
	driver[0] = '\0';
	return 0;
}

int
pci_override_get(const char *root, const char *address, char driver[PCI_DRIVER_LEN])
{
	char path[SYSFS_PATH_LEN];
	int ret;

	pci_path(path, root, address, "driver_override");
	ret = pci_errno(root, address, sysfs_read(path, driver, PCI_DRIVER_LEN));
	if (ret == 0 && strcmp(driver, "(null)") == 0)
		driver[0] = '\0';
	return ret;
}

int
pci_override_set(const char *root, const char *address, const char *driver)
{
	char path[SYSFS_PATH_LEN];

	pci_path(path, root, address, "driver_override");
	return pci_errno(root, address, sysfs_write(path, driver));
}

bool
pci_is_dpdk_driver(const char *driver)
{
	static const char *const drivers[] = {"vfio-pci", "uio_pci_generic", "igb_uio"};

	for (size_t i = 0; i < sizeof(drivers) / sizeof(drivers[0]); i++)
		if (strcmp(driver, drivers[i]) == 0)
			return true;
	return false;
}

int
pci_reset(const char *root, const char *address)
{
	char path[SYSFS_PATH_LEN];
	int ret;

	pci_path(path, root, address, "reset");
	ret = pci_errno(root, address, sysfs_write(path, "1"));
	return ret == -ENOENT ? -ENOTTY : ret;
}

int
pci_iommu_group(const char *root, const char *address, unsigned int *group)
{
	char path[SYSFS_PATH_LEN], name[16], *end;
	int ret;

	pci_path(path, root, address, "iommu_group");
	ret = pci_errno(root, address, sysfs_link(path, name, sizeof(name)));
	if (ret < 0)
		return ret;
	*group = (unsigned int)strtoul(name, &end, 10);
	return end == name || *end != '\0' ? -EINVAL : 0;
}

int
pci_group_members(
	const char *root, unsigned int group, int (*fn)(const char *address, void *arg), void *arg)
{
	char path[SYSFS_PATH_LEN];

	snprintf(path, sizeof(path), "%s/sys/kernel/iommu_groups/%u/devices", root, group);
	return sysfs_each(path, fn, arg);
}

int
pci_numa(const char *root, const char *address)
{
	char path[SYSFS_PATH_LEN];
	long node;

	pci_path(path, root, address, "numa_node");
	return sysfs_read_number(path, &node) == 0 && node >= 0 ? (int)node : -1;
}

int
pci_ids(const char *root, const char *address, struct pci_ids *ids)
{
	static const char *const files[] = {
		"vendor", "device", "subsystem_vendor", "subsystem_device", "class"};
	char path[SYSFS_PATH_LEN];
	long values[5];
	int ret;

	for (size_t i = 0; i < 5; i++) {
		pci_path(path, root, address, files[i]);
		ret = pci_errno(root, address, sysfs_read_number(path, &values[i]));
		if (ret < 0)
			return ret;
	}
	*ids = (struct pci_ids){
		.vendor = (uint16_t)values[0],
		.device = (uint16_t)values[1],
		.subsystem_vendor = (uint16_t)values[2],
		.subsystem_device = (uint16_t)values[3],
		.class = (uint32_t)values[4],
	};
	return 0;
}

bool
pci_is_network(const struct pci_ids *ids)
{
	return ids->class >> 16 == 0x02;
}
