/* SPDX-License-Identifier: Apache-2.0 */
// What hands network cards and VFs to the data plane: IOMMU, vfio, memory that they may reach.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <causeway/limits.h>

#include "doctor.h"
#include "pci.h"
#include "sysfs.h"

#define CAP_IPC_LOCK 14 // linux/capability.h

struct functions {
	struct doctor *doctor;
	unsigned n_user; // network devices with a driver for user space
	char translated[128]; // interfaces whose own driver goes through the IOMMU's tables
};

static void
note_translated(struct functions *functions, const char *address)
{
	const size_t used = strlen(functions->translated);
	char type[16], ifname[IFNAMSIZ];

	if (used + IFNAMSIZ > sizeof(functions->translated)
		|| !doctor_read_line(functions->doctor, type, sizeof(type),
			"/sys/bus/pci/devices/%s/iommu_group/type", address)
		|| strncmp(type, "DMA", 3) != 0
		|| pci_netdev(functions->doctor->root, address, ifname) < 0)
		return;
	snprintf(functions->translated + used, sizeof(functions->translated) - used, "%s%s",
		used > 0 ? ", " : "", ifname);
}

static int
look_at(const char *address, void *arg)
{
	struct functions *functions = arg;
	const char *root = functions->doctor->root;
	char driver[PCI_DRIVER_LEN];
	struct pci_ids ids;

	if (pci_ids(root, address, &ids) < 0 || !pci_is_network(&ids)
		|| pci_driver(root, address, driver) < 0)
		return 0;
	if (pci_is_dpdk_driver(driver))
		functions->n_user++;
	else
		note_translated(functions, address);
	return 0;
}

static int
stop(const char *name, void *arg)
{
	return 1;
}

static bool
has_iommu(const struct doctor *doctor)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/sys/kernel/iommu_groups", doctor->root);
	return sysfs_each(path, stop, NULL) == 1;
}

static void
check_iommu(const struct functions *functions, bool is_on)
{
	struct doctor *doctor = functions->doctor;

	if (!is_on)
		doctor_find(doctor, FINDING_WARNING, "iommu",
			"switch VT-d or AMD-Vi on in the firmware and boot with intel_iommu=on "
			"iommu=pt",
			"no IOMMU: network cards and VFs cannot be handed to the data plane "
			"safely");
	else if (functions->translated[0] != '\0')
		doctor_find(doctor, FINDING_WARNING, "iommu",
			"boot with iommu=pt (GRUB_CMDLINE_LINUX in /etc/default/grub, update-grub)",
			"the IOMMU is on, and slows the kernel's own drivers, too: %s",
			functions->translated);
	else
		doctor_find(doctor, FINDING_OK, "iommu", NULL, "the IOMMU is on");
}

static void
check_driver(struct doctor *doctor, bool has_iommu_on)
{
	if (!doctor_exists(doctor, "/sys/bus/pci/drivers/vfio-pci"))
		doctor_find(doctor, FINDING_WARNING, "vfio",
			has_iommu_on ? "modprobe vfio-pci"
				     : "modprobe vfio enable_unsafe_noiommu_mode=1; "
				       "modprobe vfio-pci",
			"vfio-pci is not loaded: only ports of network cards and VFs need it");
	else if (!doctor_exists(doctor, "/dev/vfio/vfio"))
		doctor_find(doctor, FINDING_WARNING, "vfio",
			"give this container the host's /dev/vfio",
			"vfio-pci is loaded, but /dev/vfio/vfio is absent here");
	else
		doctor_find(doctor, FINDING_OK, "vfio", NULL, "vfio-pci is loaded");
}

// A line of /proc/PID/FILE behind its key; false when there is none.
static bool
read_process(const struct doctor *doctor, unsigned pid, const char *file, const char *key,
	char *text, size_t size)
{
	char path[512], line[256];
	bool found = false;
	FILE *stream;

	snprintf(path, sizeof(path), "%s/proc/%u/%s", doctor->root, pid, file);
	stream = fopen(path, "re");
	if (stream == NULL)
		return false;
	while (!found && fgets(line, sizeof(line), stream) != NULL)
		found = strncmp(line, key, strlen(key)) == 0;
	fclose(stream);
	if (found)
		snprintf(text, size, "%s", line + strlen(key));
	return found;
}

// vfio pins what a card may reach, hugepages included, against the limit of locked memory.
static void
check_locked_memory(struct doctor *doctor)
{
	const unsigned pid =
		(unsigned)doctor_read_number(doctor, 0, "%s/dp.lock", doctor->runtime_dir);
	const unsigned long long needed = cw_pool_bytes(&doctor->sizing);
	unsigned long long limit, capabilities;
	char text[256], command[128];

	if (read_process(doctor, pid, "status", "CapEff:", text, sizeof(text))
		&& sscanf(text, "%llx", &capabilities) == 1
		&& (capabilities >> CAP_IPC_LOCK & 1) != 0)
		return;
	if (!read_process(doctor, pid, "limits", "Max locked memory", text, sizeof(text))
		|| sscanf(text, "%llu", &limit) != 1 || limit >= needed)
		return;
	snprintf(command, sizeof(command),
		"prlimit --pid %u --memlock=unlimited, and LimitMEMLOCK=infinity in its unit", pid);
	doctor_find(doctor, FINDING_PROBLEM, "vfio", command,
		"causeway-dp may lock %llu MiB: cards by vfio need all of its packet memory "
		"locked, %llu MiB",
		limit >> 20, needed >> 20);
}

// Physical addresses are known of hugepages only, and cards know no others without an IOMMU.
static void
check_hugepages(struct doctor *doctor, bool has_iommu_on)
{
	if (doctor->huge)
		return;
	if (has_iommu_on)
		doctor_find(doctor, FINDING_WARNING, "vfio", "set huge of causeway-dp to true",
			"packets are not in hugepages: the IOMMU needs an entry for every "
			"4 KiB of them");
	else
		doctor_find(doctor, FINDING_PROBLEM, "vfio",
			"set huge of causeway-dp to true, or switch the IOMMU on",
			"without an IOMMU, cards reach packets in hugepages only");
}

void
doctor_vfio(struct doctor *doctor)
{
	struct functions functions = {.doctor = doctor};
	const bool is_on = has_iommu(doctor);

	(void)pci_each(doctor->root, look_at, &functions);
	check_iommu(&functions, is_on);
	check_driver(doctor, is_on);
	if (functions.n_user == 0)
		return;
	check_hugepages(doctor, is_on);
	if (doctor_is_served(doctor, CW_DP_SOCKET))
		check_locked_memory(doctor);
}
