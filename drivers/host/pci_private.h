/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HOST_PCI_PRIVATE_H
#define HOST_PCI_PRIVATE_H

// Shared by pci*.c and sriov.c only.

#include "pci.h"
#include "sysfs.h"

// The path of a device's file; "" for its folder.
void pci_path(char path[SYSFS_PATH_LEN], const char *root, const char *address, const char *file);
// -ENODEV where the device is absent, else what reading its file gave.
int pci_errno(const char *root, const char *address, int ret);

// Whether devlink's phys_port_name is that of a function's representor ("pf0vf3", "c1pf0sf88",
// "pf0") and not that of the wire ("p0"). *vf is the VF's index, or -1 for another function or
// one at another controller.
bool pci_is_representor(const char *phys_port_name, int *vf);

#endif
