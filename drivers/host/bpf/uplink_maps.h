/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HOST_BPF_UPLINK_MAPS_H
#define HOST_BPF_UPLINK_MAPS_H

// Keys and values of the uplink classifier's maps: written by uplink_classifier.c, read by
// uplink.bpf.c. Addresses as in cw_ip: an IPv4 address fills the first 4 bytes, the rest is zero.

#include <linux/types.h>

#define UPLINK_TUNNELS_MAX 4096
#define UPLINK_OWN_MAX 4096
#define UPLINK_PREFIXES_MAX 16384

struct uplink_tunnel_key {
	__u8 address[16]; // outer destination
	__be16 port; // UDP destination, 0 for IPIP
	__be16 vlan; // 0: untagged
	__u8 protocol; // IPPROTO_UDP, IPPROTO_IPIP
	__u8 family; // 4 or 6
	__u16 reserved; // zero
};

struct uplink_tunnel {
	__u32 vtep; // id
	__u32 kind; // cw_tunnel_kind
};

// An inner destination that is the kernel's. The value is not used.
struct uplink_own_key {
	__u8 address[16];
	__u32 vtep; // id
	__u32 family;
};

#define UPLINK_PREFIX_BITS 32u // vlan and family, which every entry matches whole

struct uplink_prefix_key {
	__u32 bits; // UPLINK_PREFIX_BITS and the address's own
	__be16 vlan;
	__u16 family;
	__u8 address[16];
};

enum uplink_verdict {
	UPLINK_PASS, // to the kernel
	UPLINK_TAKE, // to the switch
};

struct uplink_settings {
	__u8 mac[6]; // of the device
	__u16 reserved; // zero
};

#endif
