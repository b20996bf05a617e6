/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HOST_PCI_H
#define HOST_PCI_H

// PCI devices by sysfs: drivers, reset, IOMMU groups. 'root' is "" for the machine's own sysfs;
// tests give a directory. 'address' is in the long form that pci_address_parse() writes. Functions
// return 0 or -errno; -ENODEV: no such device. Any thread; who changes a device sees to it that
// nobody else does (control/vf has the locks).

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

#define PCI_ADDRESS_LEN 13 // "0000:01:10.0" and its end
#define PCI_DRIVER_LEN 32

// Domain:bus:device.function in lower case, the domain completed when it is left out. False when
// text is nothing of the kind.
bool pci_address_parse(const char *text, char address[PCI_ADDRESS_LEN]);
bool pci_exists(const char *root, const char *address);
// Calls fn for each device, in order of address, until it returns other than 0, which is then the
// result. 0 on a machine without PCI.
int pci_each(const char *root, int (*fn)(const char *address, void *arg), void *arg);

// Name of the driver that the device is bound to; "" for none.
int pci_driver(const char *root, const char *address, char driver[PCI_DRIVER_LEN]);
// What alone may bind to the device; "" for whatever driver knows it.
int pci_override_get(const char *root, const char *address, char driver[PCI_DRIVER_LEN]);
int pci_override_set(const char *root, const char *address, const char *driver);

// Gives the device to a driver by driver_override, which also works where the PF's
// sriov_drivers_autoprobe is 0, and reads back who has it. A device that the driver has already is
// left as it is. "" takes the driver away and clears the override. What was there before comes
// back when it fails. The override stays: once bound, it may be set back to what it was.
// -ENOENT: no such driver is loaded; -ENXIO: the driver did not take the device; -EBUSY: a process
// holds the device by vfio (unbinding would wait for it).
int pci_bind(const char *root, const char *address, const char *driver);
// Whether a process holds the device's IOMMU group open by vfio. False when nobody can tell.
bool pci_vfio_is_open(const char *root, const char *address);
// Drivers that hand a device to user space: vfio-pci, uio_pci_generic, igb_uio.
bool pci_is_dpdk_driver(const char *driver);

// Function-level reset. -ENOTTY: the device has none.
int pci_reset(const char *root, const char *address);

// -ENOENT: in no group, there is no IOMMU.
int pci_iommu_group(const char *root, const char *address, unsigned int *group);
// Calls fn for each device of the group, in order of address, until it returns other than 0, which
// is then the result. -ENOENT: no such group.
int pci_group_members(
	const char *root, unsigned int group, int (*fn)(const char *address, void *arg), void *arg);

// NUMA node; -1 when the device has none or is absent.
int pci_numa(const char *root, const char *address);

struct pci_ids {
	uint16_t vendor, device, subsystem_vendor, subsystem_device;
	uint32_t class; // 0x020000: Ethernet controller
};
int pci_ids(const char *root, const char *address, struct pci_ids *ids);
bool pci_is_network(const struct pci_ids *ids);

// The device's own network interface, not that of a representor, as sysfs' namespace shows it.
// -ENODEV: it has none there: no network driver, or the interface is in another namespace.
int pci_netdev(const char *root, const char *address, char ifname[IFNAMSIZ]);

#endif
