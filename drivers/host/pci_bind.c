/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "pci_private.h"

static bool
is_held(const char *root, const char *format, unsigned int group)
{
	char name[32], path[SYSFS_PATH_LEN];
	int fd;

	snprintf(name, sizeof(name), format, group);
	snprintf(path, sizeof(path), "%s/dev/vfio/%s", root, name);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return errno == EBUSY;
	close(fd);
	return false;
}

// A group is opened by one process at a time.
bool
pci_vfio_is_open(const char *root, const char *address)
{
	char driver[PCI_DRIVER_LEN];
	unsigned int group;

	if (pci_driver(root, address, driver) < 0 || strcmp(driver, "vfio-pci") != 0
		|| pci_iommu_group(root, address, &group) < 0)
		return false;
	return is_held(root, "%u", group) || is_held(root, "noiommu-%u", group);
}

static bool
is_loaded(const char *root, const char *driver)
{
	char path[SYSFS_PATH_LEN];

	snprintf(path, sizeof(path), "%s/sys/bus/pci/drivers/%s", root, driver);
	return access(path, F_OK) == 0;
}

static int
unbind(const char *root, const char *address)
{
	char path[SYSFS_PATH_LEN];
	int ret;

	pci_path(path, root, address, "driver/unbind");
	ret = pci_errno(root, address, sysfs_write(path, address));
	return ret == -ENOENT ? 0 : ret; // it has none
}

// The kernel says whether the device is known, not whether the driver took it.
static int
probe(const char *root, const char *address, const char *driver)
{
	char path[SYSFS_PATH_LEN], has[PCI_DRIVER_LEN];
	int ret;

	snprintf(path, sizeof(path), "%s/sys/bus/pci/drivers_probe", root);
	ret = sysfs_write(path, address);
	if (ret < 0)
		return ret;
	ret = pci_driver(root, address, has);
	if (ret < 0)
		return ret;
	return strcmp(has, driver) == 0 ? 0 : -ENXIO;
}

static int
change(const char *root, const char *address, const char *driver)
{
	int ret = pci_override_set(root, address, driver);

	if (ret == 0)
		ret = unbind(root, address);
	if (ret == 0 && driver[0] != '\0')
		ret = probe(root, address, driver);
	return ret;
}

int
pci_bind(const char *root, const char *address, const char *driver)
{
	char had[PCI_DRIVER_LEN], override[PCI_DRIVER_LEN];
	int ret = pci_driver(root, address, had);

	if (ret < 0)
		return ret;
	if (strlen(driver) >= PCI_DRIVER_LEN || strpbrk(driver, "/\n") != NULL)
		return -EINVAL;
	if (strcmp(had, driver) == 0)
		return driver[0] == '\0' ? pci_override_set(root, address, "") : 0;
	if (driver[0] != '\0' && !is_loaded(root, driver))
		return -ENOENT;
	if (pci_vfio_is_open(root, address))
		return -EBUSY;
	ret = pci_override_get(root, address, override);
	if (ret < 0)
		return ret;
	ret = change(root, address, driver);
	if (ret < 0) {
		(void)change(root, address, had);
		(void)pci_override_set(root, address, override);
	}
	return ret;
}
