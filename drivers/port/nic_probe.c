/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <rte_dev.h>
#include <rte_vfio.h>

#include "nic_private.h"
#include "pci.h"

#define VFIO "vfio-pci"

const char *
nic_bus(bool is_pci)
{
	return is_pci ? "pci" : "vdev";
}

// DPDK's drivers for these work beside the kernel's, by its verbs.
static bool
is_bifurcated(const char *driver)
{
	static const char *const drivers[] = {"mlx5_core", "mlx4_core", "mana"};

	for (size_t i = 0; i < sizeof(drivers) / sizeof(drivers[0]); i++)
		if (strcmp(driver, drivers[i]) == 0)
			return true;
	return false;
}

static bool
is_for_dpdk(const char *driver)
{
	return pci_is_dpdk_driver(driver) || is_bifurcated(driver);
}

bool
nic_may_probe(const struct nic_args *args)
{
	char driver[PCI_DRIVER_LEN];

	return !args->is_pci || (pci_driver("", args->device, driver) == 0 && is_for_dpdk(driver));
}

static int
check_driver(const char *address, char *driver, char *reason, size_t reason_len)
{
	unsigned int group;
	int error = pci_driver("", address, driver);

	if (error == -ENODEV)
		snprintf(reason, reason_len, "there is no PCI device %s; lspci -D shows them",
			address);
	else if (error != 0)
		snprintf(reason, reason_len, "driver of PCI device %s cannot be read: %s", address,
			strerror(-error));
	else if (!is_for_dpdk(driver)) {
		snprintf(reason, reason_len,
			"PCI device %s is %s%s; bind it to " VFIO " (bind=" VFIO ")", address,
			driver[0] == '\0' ? "bound to no driver" : "the kernel's by driver ",
			driver);
		error = -EBUSY;
	} else if (strcmp(driver, VFIO) == 0 && pci_iommu_group("", address, &group) != 0) {
		snprintf(reason, reason_len,
			"PCI device %s is in no IOMMU group: turn the IOMMU on (intel_iommu=on)",
			address);
		error = -ENXIO;
	}
	return error;
}

// After a failure: whether it is the group's device file that cannot be opened.
static bool
explain_group(const char *address, int *error, char *reason, size_t reason_len)
{
	unsigned int group;
	char path[64];
	int fd;

	if (pci_iommu_group("", address, &group) != 0)
		return false;
	snprintf(path, sizeof(path), "/dev/vfio/%u", group);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd >= 0) {
		close(fd);
		return false;
	}
	*error = -errno;
	if (errno == EBUSY)
		snprintf(reason, reason_len,
			"PCI device %s, or another of its IOMMU group, is in use by a process (%s)",
			address, path);
	else
		snprintf(reason, reason_len, "PCI device %s cannot be used: %s: %s", address, path,
			strerror(errno));
	return true;
}

static void
explain(const struct nic_args *args, const char *driver, int *error, char *reason,
	size_t reason_len)
{
	if (*error == -ENOTSUP || (!args->is_pci && (*error == -ENODEV || *error == -EFAULT))) {
		snprintf(reason, reason_len,
			"no DPDK driver for device %s is there; causeway-dp --driver loads one "
			"more",
			args->device);
		return;
	}
	if (strcmp(driver, VFIO) == 0 && explain_group(args->device, error, reason, reason_len))
		return;
	snprintf(reason, reason_len, "DPDK does not take device %s (%s): %s", args->device,
		args->devargs, strerror(-*error));
}

int
nic_probe(const struct nic_args *args, char *reason, size_t reason_len)
{
	char driver[PCI_DRIVER_LEN] = "";
	int error = 0;

	if (args->is_pci)
		error = check_driver(args->device, driver, reason, reason_len);
	if (error != 0)
		return error;
	// Its modules may have been loaded after we started.
	if (strcmp(driver, VFIO) == 0 && rte_vfio_is_enabled("vfio_pci") == 0)
		rte_vfio_enable("vfio");
	error = rte_eal_hotplug_add(nic_bus(args->is_pci), args->device, args->devargs);
	if (error != 0)
		explain(args, driver, &error, reason, reason_len);
	return error;
}
