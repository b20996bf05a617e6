/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CAUSEWAY_WIRE_OBJECTS_H
#define CAUSEWAY_WIRE_OBJECTS_H

// What SET and DEL carry: the objects that the data plane is made of. See wire.h.

#include <string.h>

#include <causeway/wire_frame.h>

enum cw_network_flag {
	CW_NETWORK_LEARNING = 1u << 0,
	CW_NETWORK_RESOLVE = 1u << 1, // the switch itself asks by ARP and ND for neighbours that it
				      // wants; else it only tells (cw_neighbor_wanted)
};

struct cw_network {
	struct cw_item item;
	uint32_t id; // key
	uint32_t vni;
	uint16_t mtu;
	uint16_t flags; // cw_network_flag
	uint16_t n_addresses; // at most CW_MAX_SUBNETS
	uint8_t router_mac[6];
	uint32_t learn_age_s; // forget a learned address after this; 0 = 300
	uint32_t learn_limit; // learned addresses at most; 0 = 4096
	char name[CW_NAME_LEN];
	struct cw_ip addresses[]; // the router's own; their subnets are connected
};

enum cw_port_kind {
	CW_PORT_TAP = 1,
	CW_PORT_AF_PACKET,
	CW_PORT_AF_XDP,
	CW_PORT_HOST, // a tap whose other end is the node's own stack
	CW_PORT_NULL,
	CW_PORT_RING,
	CW_PORT_PCAP,
	CW_PORT_VHOST_USER,
	CW_PORT_MEMIF,
	CW_PORT_NIC,
	CW_PORT_VF,
	CW_PORT_VIRTIO_USER,
	CW_PORT_KINDS, // number of kinds, not a kind
};

// Names of the kinds in configuration, results and logs; NULL where there is none.
static const char *const cw_port_kind_names[CW_PORT_KINDS] = {
	[CW_PORT_TAP] = "tap",
	[CW_PORT_AF_PACKET] = "af_packet",
	[CW_PORT_AF_XDP] = "af_xdp",
	[CW_PORT_HOST] = "host",
	[CW_PORT_NULL] = "null",
	[CW_PORT_RING] = "ring",
	[CW_PORT_PCAP] = "pcap",
	[CW_PORT_VHOST_USER] = "vhost-user",
	[CW_PORT_MEMIF] = "memif",
	[CW_PORT_NIC] = "nic",
	[CW_PORT_VF] = "vf",
	[CW_PORT_VIRTIO_USER] = "virtio-user",
};

static inline const char *
cw_port_kind_name(unsigned int kind)
{
	return kind < CW_PORT_KINDS && cw_port_kind_names[kind] != NULL ? cw_port_kind_names[kind]
									: "unknown";
}

// Returns 0 for an unknown name.
static inline uint8_t
cw_port_kind_by_name(const char *name)
{
	for (unsigned int kind = 1; kind < CW_PORT_KINDS; kind++)
		if (strcmp(name, cw_port_kind_names[kind]) == 0)
			return (uint8_t)kind;
	return 0;
}

enum cw_port_flag {
	CW_PORT_HAIRPIN = 1u << 0, // may send back to where a frame came from
	CW_PORT_TRANSPARENT = 1u << 1, // frames with unmapped tags are carried whole
	CW_PORT_NO_FLOOD = 1u << 2, // gets no flooded frames
	// Leads to other nodes. Tunnel packets to a vtep of this port are taken out of their
	// tunnel. What else is sent to its mac is routed in its network (the one of the tag), and
	// what is neither goes to that network's host port as it is. Frames leave with mac as their
	// source.
	CW_PORT_UPLINK = 1u << 3,
	// The device is a VF of a card that delivers to it what is for its own MAC, and lets out
	// only what comes from there. So the switch is a router to those behind it: ARP and ND
	// requests from there, for anything that is not behind it too, are answered with the port's
	// MAC (a sub-port's: its parent's), and requests at other ports for what is behind it with
	// the router's. What would have to be bridged to it is dropped, floods leave it out.
	CW_PORT_ROUTED = 1u << 4,
	// A sub-port that shares its tag with others. What comes from behind it cannot be told from
	// what comes from behind those: it comes in by the parent, in the tag's network. What goes
	// there leaves by it.
	CW_PORT_SHARED_TAG = 1u << 5,
	// Flow rules (rte_flow) may be put into the port's device, see cw_flow.
	CW_PORT_OFFLOAD = 1u << 6,
	CW_PORT_FLAGS = (1u << 7) - 1, // all of them
};

// What a frame from the device must keep to. Each bit is one check of the guard stage.
enum cw_guard_flag {
	CW_GUARD_MAC = 1u << 0, // source MAC is the endpoint's
	CW_GUARD_IP = 1u << 1, // source IP is one of the endpoint's
	CW_GUARD_ARP = 1u << 2, // ARP sender and ND source/target link-layer likewise
	CW_GUARD_RA = 1u << 3, // no router advertisements (RFC 6105)
	CW_GUARD_DHCP = 1u << 4, // no DHCP or DHCPv6 server messages (RFC 7610)
};
#define CW_GUARD_ALL 0x1fu

struct cw_tag {
	uint16_t vlan; // 1 .. 4094
	uint16_t reserved;
	uint32_t network; // id
};

struct cw_port {
	struct cw_item item;
	uint32_t id; // key, 1 .. CW_MAX_PORTS - 1
	uint32_t network; // id
	uint8_t kind; // cw_port_kind
	uint8_t n_fds; // descriptors of the frame that are this port's, taken in item order
	uint16_t mtu;
	uint16_t vlan; // access tag towards the device, 0 = untagged
	uint16_t n_trunk; // at most CW_MAX_TRUNK
	uint32_t flags; // cw_port_flag
	uint32_t guard; // cw_guard_flag
	uint8_t mac[6]; // of the device at the other end, when known; uplinks: their own
	uint16_t n_queues; // wanted; 0 = as many as there are descriptors or workers
	char name[CW_NAME_LEN];
	char ifname[CW_NAME_LEN]; // of the device, for logs
	char args[CW_ARGS_LEN]; // key=value,...: of ring, null, pcap, vhost-user, memif, nic, vf
	uint64_t generation; // of the descriptors: another value means "reopen the device"
	// A sub-port (of kind vf): 0, or the port whose device its frames travel through under the
	// tag vlan. What the parent receives with that tag came in by this port; mac is the pod's.
	// A tag belongs to one sub-port, or to several that all have CW_PORT_SHARED_TAG and the
	// same network; with that flag vlan 0 means untagged frames, else it is 1 .. 4094.
	uint32_t parent;
	uint32_t reserved; // zero
	struct cw_tag trunk[];
};

// One pod attachment: owner of its port's addresses. Brings a static FDB entry, a neighbour for
// every address, and what the port's guard lets through.
struct cw_endpoint {
	struct cw_item item;
	uint32_t port; // key
	uint32_t network; // id
	uint8_t mac[6];
	uint16_t n_ips; // at most CW_MAX_IPS
	struct cw_ip ips[];
};

enum cw_fdb_flag {
	CW_FDB_LEARNED = 1u << 0,
};

struct cw_fdb {
	struct cw_item item;
	uint32_t network; // key
	uint8_t mac[6]; // key
	uint16_t flags; // cw_fdb_flag; SET takes static entries only
	uint32_t port; // 0 when nexthop says where
	uint32_t age_s; // answers only: seconds since the address was last seen
	uint32_t nexthop; // of kind CW_NEXTHOP_TUNNEL: behind another node; 0 when port says where
};

// Group and unknown destinations of a network are sent to this next hop as well: another node's
// tunnel address (head-end replication) or a multicast group (RFC 7348, 4.2).
struct cw_flood {
	struct cw_item item;
	uint32_t network; // key
	uint32_t nexthop; // key; of kind CW_NEXTHOP_TUNNEL
};

struct cw_neighbor {
	struct cw_item item;
	uint32_t network; // key
	uint32_t port; // 0 when nexthop says where
	struct cw_ip ip; // key; prefix is 32 or 128
	uint8_t mac[6];
	uint16_t reserved;
	uint32_t nexthop; // of kind CW_NEXTHOP_TUNNEL: behind another node; 0 when port says where
};

enum cw_tunnel_kind {
	CW_TUNNEL_VXLAN = 1, // RFC 7348
	CW_TUNNEL_IPIP, // RFC 2003: IPv4 in IPv4
	CW_TUNNEL_UDP, // Flannel's udp backend: an IPv4 packet alone in UDP
};

enum cw_vtep_flag {
	// Only packets of known peers are taken: those that are the remote of a next hop of this
	// vtep.
	CW_VTEP_STRICT = 1u << 0,
	CW_VTEP_CHECKSUM = 1u << 1, // sends UDP checksums over IPv4, too (over IPv6 always)
};

// A tunnel's local end. Packets that come out of it belong to the network with their VNI, those
// without one to 'network'.
struct cw_vtep {
	struct cw_item item;
	uint32_t id; // key, 1 .. CW_MAX_VTEPS - 1
	uint32_t port; // uplink, 0: any
	uint32_t network; // id, of IPIP and UDP
	uint8_t kind; // cw_tunnel_kind
	uint8_t ttl; // of outer headers, 0 = 64
	uint16_t flags; // cw_vtep_flag
	uint16_t udp_port; // of VXLAN and UDP, host order
	uint8_t mac[6]; // VXLAN: inner destination that the router answers to beside its own, and
			// inner source of what it sends (that of flannel.N); zero: the router's own
	struct cw_ip address; // local; prefix is 32 or 128
	uint16_t n_own; // at most CW_MAX_VTEP_OWN
	uint16_t n_groups; // at most CW_MAX_VTEP_GROUPS
	// n_own inner destinations that are this node's (Flannel's .0): what goes to them is handed
	// to the host still encapsulated. Then n_groups multicast groups that it listens to.
	struct cw_ip addresses[];
};

enum cw_nexthop_kind {
	CW_NEXTHOP_PORT = 1, // to mac on port
	CW_NEXTHOP_VIA, // to the neighbour with address via, in the next hop's network
	CW_NEXTHOP_HOST, // to the node's own stack, through the network's host port
	CW_NEXTHOP_BLACKHOLE, // silently dropped
	CW_NEXTHOP_UNREACHABLE, // dropped with ICMP host unreachable
	CW_NEXTHOP_PROHIBIT, // dropped with ICMP administratively prohibited
	CW_NEXTHOP_GROUP, // one of the members, by flow hash
	CW_NEXTHOP_TUNNEL, // through vtep to the node with address via, on the way of underlay
};

enum cw_nexthop_flag {
	CW_NEXTHOP_OF_TUNNELS = 1u << 0, // a group whose members are tunnels
};

struct cw_member {
	uint32_t nexthop;
	uint32_t weight; // 1 .. 256
};

struct cw_nexthop {
	struct cw_item item;
	uint32_t id; // key
	uint32_t network; // id: where via is looked up, whose host port is meant
	uint8_t kind; // cw_nexthop_kind
	uint8_t reserved;
	// PORT: zero means that it is not resolved: via is told as wanted (cw_neighbor_wanted), a
	// few packets wait. TUNNEL over VXLAN: inner destination of routed packets; zero for L2
	// alone.
	uint8_t mac[6];
	uint32_t port;
	struct cw_ip via; // VIA: the gateway. PORT: the same, when known. TUNNEL: the remote vtep
			  // or a group
	uint32_t vtep; // TUNNEL: id
	uint32_t underlay; // TUNNEL: next hop of kind PORT, VIA, or GROUP of those
	uint32_t vni; // TUNNEL over VXLAN: 0 = that of network
	uint16_t mtu; // L3 bytes of the path in inner terms, when it is known to be less than what
		      // ports allow; 0: not
	uint16_t flags; // cw_nexthop_flag
	uint32_t n_members; // at most CW_MAX_MEMBERS; groups do not nest
	struct cw_member members[];
};

struct cw_route {
	struct cw_item item;
	uint32_t network; // key
	uint32_t nexthop; // id
	struct cw_ip prefix; // key
	uint32_t reserved;
};

static_assert(sizeof(struct cw_route) == 40, "wire layout");
static_assert(sizeof(struct cw_fdb) == 32, "wire layout");
static_assert(sizeof(struct cw_neighbor) == 48, "wire layout");
static_assert(sizeof(struct cw_port) == 440, "wire layout");
static_assert(sizeof(struct cw_vtep) == 56, "wire layout");
static_assert(sizeof(struct cw_nexthop) == 68, "wire layout");
static_assert(sizeof(struct cw_flood) == 16, "wire layout");

#endif
