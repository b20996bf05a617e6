/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HOST_VF_LINK_H
#define HOST_VF_LINK_H

// Settings of VFs that only their PF can give: "ip link set PF vf N ..." by rtnetlink (IFLA_VF_*),
// which libnl-route knows in part. The PF is known by its ifindex, which outlives a renaming. In
// the namespace of the socket. Functions return 0 or -errno.

#include <stdbool.h>
#include <stdint.h>

#include "link.h"
#include "netlink.h"

enum vf_setting {
	VF_MAC = 1u << 0, // mac; multicast: -EINVAL; all zero: the driver chooses again
	VF_VLAN = 1u << 1, // vlan, qos, vlan_proto; vlan 0 ends tagging
	VF_SPOOFCHK = 1u << 2,
	VF_TRUST = 1u << 3,
	VF_RATE = 1u << 4, // both rates: the kernel takes no single one
	VF_LINK_STATE = 1u << 5,
};
#define VF_SETTINGS_ALL 0x3fu

enum vf_link_state { // of IFLA_VF_LINK_STATE
	VF_LINK_AUTO, // follows the PF's
	VF_LINK_ENABLE,
	VF_LINK_DISABLE,
};

struct vf_settings {
	unsigned int known; // enum vf_setting: what the driver reports; 0: there is no such VF
	uint8_t mac[6];
	uint16_t vlan; // 0: none
	uint16_t vlan_proto; // 0x8100 or 0x88a8, host byte order
	uint8_t qos; // PCP, 0 to 7
	bool spoofchk, trust;
	uint32_t min_tx_rate, max_tx_rate; // Mbit/s, 0: none
	uint8_t link_state; // enum vf_link_state
	// Since the VFs were made, as the PF counts them; drivers that do not count report 0.
	uint64_t rx_packets, tx_packets, rx_bytes, tx_bytes, rx_dropped, tx_dropped;
	uint64_t broadcast, multicast; // received
};

// The PF's interface, found by its PCI address whatever it is called, and checked to be in the
// socket's namespace. Errors as of sriov_pf_netdev().
int vf_link_pf(struct nl_sock *sock, const char *root, const char *pf, struct link_info *info);

// -ENODEV: no such PF; -ENOENT: it has no VF of that index.
int vf_link_get(
	struct nl_sock *sock, int pf_ifindex, unsigned int index, struct vf_settings *settings);
// All VFs of a PF by one request: list[index], for indexes below n; known is 0 where there is none.
int vf_link_list(struct nl_sock *sock, int pf_ifindex, struct vf_settings *list, unsigned int n);

// Sets those of 'which', in the order of enum vf_setting and each in a request of its own, up to
// the first that is refused: *refused (may be NULL) is that one, the former ones stay set. Errors
// are the kernel's and its driver's: -EOPNOTSUPP: the driver cannot at all; -EPROTONOSUPPORT: not
// 802.1ad; -EINVAL: not this value, no such VF, or a rate while the PF has no link.
int vf_link_set(struct nl_sock *sock, int pf_ifindex, unsigned int index,
	const struct vf_settings *settings, unsigned int which, enum vf_setting *refused);
// Settings of 'which' that differ between two, as a mask.
unsigned int vf_settings_differ(
	const struct vf_settings *one, const struct vf_settings *other, unsigned int which);

// The keys' names: "mac", "vlan", "spoofchk", "trust", "tx rate", "link_state".
const char *vf_setting_name(enum vf_setting setting);

#endif
