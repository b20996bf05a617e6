/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HOST_SRIOV_H
#define HOST_SRIOV_H

// Physical and virtual functions by sysfs: who belongs to whom. See pci.h for root, addresses and
// errors.

#include "pci.h"

struct sriov_vf {
	char address[PCI_ADDRESS_LEN];
	char pf[PCI_ADDRESS_LEN];
	char pf_ifname[IFNAMSIZ]; // "": none in this namespace, sriov_pf_netdev() says why
	unsigned int index; // of the VF at its PF
};

// What is known of the VF at an address. -ENODEV: no such device; -ENOTSUP: it is no VF.
int sriov_find(const char *root, const char *address, struct sriov_vf *vf);
// The reverse: the address of a PF's VF. -ENODEV: no such PF; -ENOENT: it has no such VF now.
int sriov_vf_address(
	const char *root, const char *pf, unsigned int index, char address[PCI_ADDRESS_LEN]);

// Calls fn for each device that can have VFs, in order of address, until it returns other than 0,
// which is then the result.
int sriov_each_pf(const char *root, int (*fn)(const char *pf, void *arg), void *arg);
// VFs that a PF has and may have. -ENOTSUP: it cannot have any.
int sriov_counts(const char *root, const char *pf, unsigned int *num, unsigned int *total);

// The PF's own interface. -ENODEV: no such device; -ENOLINK: it has no driver or one for user
// space; -ENONET: its driver is the kernel's, but its interface is not in sysfs' namespace.
int sriov_pf_netdev(const char *root, const char *pf, char ifname[IFNAMSIZ]);

enum sriov_eswitch {
	SRIOV_LEGACY,
	SRIOV_SWITCHDEV, // each VF has a representor
};

// How the PF forwards between its VFs: asked by devlink, or where that says nothing, told by the
// presence of representors. A driver that knows nothing of either is in legacy mode. Below another
// root, only representors are looked for. -EPERM: asking needs CAP_NET_ADMIN.
int sriov_eswitch(const char *root, const char *pf, enum sriov_eswitch *mode);
// The VF's representor. -EOPNOTSUPP: it has none in sysfs' namespace.
int sriov_representor(const char *root, const char *pf, unsigned int index, char ifname[IFNAMSIZ]);

#endif
