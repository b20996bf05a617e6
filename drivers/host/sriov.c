/* SPDX-License-Identifier: Apache-2.0 */
#include "sriov.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "devlink.h"
#include "pci_private.h"

int
sriov_counts(const char *root, const char *pf, unsigned int *num, unsigned int *total)
{
	char path[SYSFS_PATH_LEN];
	long value;
	int ret;

	pci_path(path, root, pf, "sriov_totalvfs");
	ret = pci_errno(root, pf, sysfs_read_number(path, &value));
	if (ret < 0)
		return ret == -ENOENT ? -ENOTSUP : ret;
	*total = (unsigned int)value;
	pci_path(path, root, pf, "sriov_numvfs");
	ret = pci_errno(root, pf, sysfs_read_number(path, &value));
	if (ret == 0)
		*num = (unsigned int)value;
	return ret;
}

int
sriov_vf_address(
	const char *root, const char *pf, unsigned int index, char address[PCI_ADDRESS_LEN])
{
	char path[SYSFS_PATH_LEN], file[32];

	snprintf(file, sizeof(file), "virtfn%u", index);
	pci_path(path, root, pf, file);
	return pci_errno(root, pf, sysfs_link(path, address, PCI_ADDRESS_LEN));
}

// The VF knows its PF, but only the PF knows the number.
static int
find_index(const char *root, const char *pf, const char *address, unsigned int *index)
{
	char other[PCI_ADDRESS_LEN];
	unsigned int num, total;
	int ret = sriov_counts(root, pf, &num, &total);

	for (unsigned int i = 0; ret == 0 && i < num; i++)
		if (sriov_vf_address(root, pf, i, other) == 0 && strcmp(other, address) == 0) {
			*index = i;
			return 0;
		}
	return ret < 0 ? ret : -ENODEV;
}

int
sriov_find(const char *root, const char *address, struct sriov_vf *vf)
{
	char path[SYSFS_PATH_LEN];
	int ret;

	memset(vf, 0, sizeof(*vf));
	snprintf(vf->address, sizeof(vf->address), "%s", address);
	pci_path(path, root, address, "physfn");
	ret = pci_errno(root, address, sysfs_link(path, vf->pf, sizeof(vf->pf)));
	if (ret < 0)
		return ret == -ENOENT ? -ENOTSUP : ret;
	ret = find_index(root, vf->pf, address, &vf->index);
	if (ret == 0 && sriov_pf_netdev(root, vf->pf, vf->pf_ifname) < 0)
		vf->pf_ifname[0] = '\0';
	return ret;
}

struct each_pf {
	const char *root;
	int (*fn)(const char *pf, void *arg);
	void *arg;
};

static int
check_pf(const char *address, void *arg)
{
	const struct each_pf *each = arg;
	unsigned int num, total;

	// Functions of a card that the firmware gave no VFs have the file, too.
	if (sriov_counts(each->root, address, &num, &total) < 0 || total == 0)
		return 0;
	return each->fn(address, each->arg);
}

int
sriov_each_pf(const char *root, int (*fn)(const char *pf, void *arg), void *arg)
{
	struct each_pf each = {root, fn, arg};

	return pci_each(root, check_pf, &each);
}

int
sriov_pf_netdev(const char *root, const char *pf, char ifname[IFNAMSIZ])
{
	char driver[PCI_DRIVER_LEN];
	int ret = pci_driver(root, pf, driver);

	if (ret < 0)
		return ret;
	ret = pci_netdev(root, pf, ifname);
	if (ret != -ENODEV)
		return ret;
	return driver[0] == '\0' || pci_is_dpdk_driver(driver) ? -ENOLINK : -ENONET;
}

// Whether any VF of the PF has a representor here.
static bool
has_representor(const char *root, const char *pf)
{
	char ifname[IFNAMSIZ];
	unsigned int num, total;

	if (sriov_counts(root, pf, &num, &total) < 0)
		return false;
	for (unsigned int i = 0; i < num; i++)
		if (sriov_representor(root, pf, i, ifname) == 0)
			return true;
	return false;
}

int
sriov_eswitch(const char *root, const char *pf, enum sriov_eswitch *mode)
{
	bool is_switchdev = false;
	int ret = pci_exists(root, pf) ? -EOPNOTSUPP : -ENODEV;

	if (ret == -EOPNOTSUPP && root[0] == '\0')
		ret = devlink_is_switchdev(pf, &is_switchdev);
	if (ret == -EOPNOTSUPP) {
		is_switchdev = has_representor(root, pf);
		ret = 0;
	}
	*mode = is_switchdev ? SRIOV_SWITCHDEV : SRIOV_LEGACY;
	return ret;
}
