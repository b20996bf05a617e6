/* SPDX-License-Identifier: Apache-2.0 */
// IOMMU groups: devices that can only be handed to user space together, because nothing keeps them
// from reaching each other (PCIe Access Control Services).
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "doctor.h"
#include "pci.h"
#include "sysfs.h"

#define NAMED 3 // members that a finding lists

struct group {
	const struct doctor *doctor;
	unsigned n; // members but for bridges, which vfio lets pass
	unsigned n_candidates; // VFs, and cards with a driver for user space
	char list[64];
};

static bool
is_candidate(const char *root, const char *address)
{
	char path[SYSFS_PATH_LEN], name[PCI_ADDRESS_LEN], driver[PCI_DRIVER_LEN];

	snprintf(path, sizeof(path), "%s/sys/bus/pci/devices/%s/physfn", root, address);
	if (sysfs_link(path, name, sizeof(name)) == 0)
		return true;
	return pci_driver(root, address, driver) == 0 && pci_is_dpdk_driver(driver);
}

static int
take_member(const char *address, void *arg)
{
	struct group *group = arg;
	const size_t used = strlen(group->list);
	struct pci_ids ids;

	if (pci_ids(group->doctor->root, address, &ids) < 0 || ids.class >> 16 == 0x06)
		return 0;
	if (group->n < NAMED)
		snprintf(group->list + used, sizeof(group->list) - used, "%s%s",
			used > 0 ? ", " : "", address);
	else if (group->n == NAMED)
		snprintf(group->list + used, sizeof(group->list) - used, " ...");
	group->n++;
	group->n_candidates += is_candidate(group->doctor->root, address);
	return 0;
}

struct groups {
	struct doctor *doctor;
	unsigned n_candidates, n_shared;
};

static int
check_group(const char *name, void *arg)
{
	const unsigned number = (unsigned)strtoul(name, NULL, 10);
	struct groups *groups = arg;
	struct group group = {.doctor = groups->doctor};

	(void)pci_group_members(groups->doctor->root, number, take_member, &group);
	groups->n_candidates += group.n_candidates;
	if (group.n_candidates == 0 || group.n < 2)
		return 0;
	groups->n_shared++;
	doctor_find(groups->doctor, FINDING_WARNING, "iommu-groups",
		"another slot, or ACS in the firmware; else give all of the group to one program",
		"group %u holds %u devices: %s; they can only be handed out together (ACS is "
		"missing above them)",
		number, group.n, group.list);
	return 0;
}

void
doctor_groups(struct doctor *doctor)
{
	struct groups groups = {.doctor = doctor};
	char path[512];

	snprintf(path, sizeof(path), "%s/sys/kernel/iommu_groups", doctor->root);
	(void)sysfs_each(path, check_group, &groups);
	if (groups.n_candidates > 0 && groups.n_shared == 0)
		doctor_find(doctor, FINDING_OK, "iommu-groups", NULL,
			"%u VFs and cards of user space, each in a group of its own",
			groups.n_candidates);
}
