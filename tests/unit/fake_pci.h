/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TEST_FAKE_PCI_H
#define TEST_FAKE_PCI_H

// A sysfs of PCI devices below a temporary directory. Executables that use it are linked with
// --wrap=sysfs_write: what is written to drivers_probe and driver/unbind acts as in the kernel.

#include <stdbool.h>

#define FAKE_PF "0000:01:00.0"
#define FAKE_PF_B "0000:02:00.0" // cannot have VFs
#define FAKE_VF0 "0000:01:10.0"
#define FAKE_VF1 "0000:01:10.2"
#define FAKE_VF2 "0000:01:10.4"

// Two cards of driver igb; FAKE_PF has three VFs without driver, sriov_drivers_autoprobe is 0.
// Drivers igb, igbvf and vfio-pci are loaded. cmocka's setup and teardown; *state is the root.
int fake_pci_setup(void **state);
int fake_pci_teardown(void **state);

// Below root: a file with its folders; a symbolic link; away with either.
void fake_pci_put(const char *root, const char *path, const char *content);
void fake_pci_link(const char *root, const char *path, const char *target);
void fake_pci_remove(const char *root, const char *path);
// What a device's file holds, in a buffer that the next call uses again.
const char *fake_pci_get(const char *root, const char *address, const char *file);

#endif
