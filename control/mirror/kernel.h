/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MIRROR_KERNEL_H
#define MIRROR_KERNEL_H

// Entries of the kernel's tables as the mirror keeps them: what rtnetlink says, without its
// encoding. Addresses in network order, everything else in host order. An address of family 0 is
// none.

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

#include <causeway/wire.h>

enum kernel_link_kind {
	KERNEL_LINK_OTHER, // hardware, veth, bridge, ...
	KERNEL_LINK_VLAN,
	KERNEL_LINK_VXLAN,
	KERNEL_LINK_IPIP,
	KERNEL_LINK_DUMMY,
};

struct kernel_link {
	int32_t ifindex; // key
	int32_t lower; // device below: of vlan, and of vxlan and ipip when it is bound to one
	int32_t master; // bridge or the like
	uint32_t flags; // IFF_UP, ...
	uint32_t mtu;
	uint32_t vni; // vxlan
	uint16_t udp_port; // vxlan
	uint16_t vlan; // vlan: tag
	uint8_t kind; // kernel_link_kind
	uint8_t ttl; // of outer headers, 0: inherited or the default
	uint8_t mac[6];
	bool checksum; // vxlan: UDP checksums over IPv4
	bool external; // vxlan, ipip: metadata of each packet says where (collect_md)
	struct cw_ip local; // vxlan, ipip
	struct cw_ip remote; // the same: a multicast group, or the only peer
	char name[IFNAMSIZ];
};

struct kernel_address {
	int32_t ifindex; // key
	struct cw_ip ip; // key: address and prefix length
};

struct kernel_neighbor {
	int32_t ifindex; // key
	uint16_t state; // NUD_*
	uint8_t mac[6];
	struct cw_ip ip; // key
};

// A forwarding entry of a vxlan device. Those of one station replace each other; those of the flood
// list (mac zero) and of groups stand side by side, so that where they lead is part of their key.
struct kernel_fdb {
	int32_t ifindex; // key
	int32_t lower; // device to send by, 0: as routes say
	uint32_t vni; // 0: that of the device
	uint32_t source_vni; // key: of devices with many VNIs, 0: that of the device
	uint32_t nexthop; // id of a next-hop object, 0: remote says where
	uint16_t udp_port; // 0: that of the device
	uint8_t mac[6]; // key
	struct cw_ip remote;
};

struct kernel_hop {
	int32_t ifindex;
	uint32_t weight; // 1 .. 256
	struct cw_ip gateway; // family 0: on link
};

// What a route says beyond its key. Equal ones are shared, and compared by their bytes.
struct kernel_path {
	uint32_t table;
	uint32_t nexthop; // id of a next-hop object, 0: hops[] say where
	uint16_t mtu; // 0: that of the device
	uint8_t type; // RTN_UNICAST, RTN_BLACKHOLE, RTN_UNREACHABLE, RTN_PROHIBIT
	uint8_t protocol; // RTPROT_*
	uint16_t unusable; // 1: says what the mirror cannot follow (encapsulation, source prefix)
	uint16_t n_hops; // at most CW_MAX_MEMBERS
	struct kernel_hop hops[];
};

struct kernel_route {
	uint32_t priority; // metric: key, with tos, the path's table and prefix
	uint8_t tos;
	struct cw_ip prefix;
	union {
		struct kernel_path path;
		char room[sizeof(struct kernel_path) + CW_MAX_MEMBERS * sizeof(struct kernel_hop)];
	};
};

struct kernel_member {
	uint32_t nexthop;
	uint32_t weight; // 1 .. 256
};

struct kernel_nexthop {
	uint32_t id; // key
	bool blackhole;
	bool fdb; // gateway is the remote end of a tunnel
	struct kernel_hop hop; // no group
	uint32_t n_members; // group
	struct kernel_member members[CW_MAX_MEMBERS];
};

#endif
