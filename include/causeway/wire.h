/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CAUSEWAY_WIRE_H
#define CAUSEWAY_WIRE_H

// The protocol of dp.sock, spoken by causewayd (client) and causeway-dp (server) over an AF_UNIX
// stream. Both ends run on one machine: integers are in host order, addresses and MACs in network
// order. All structures are naturally aligned and have no hidden padding.
//
// A frame is one cw_frame header and n_items items. The descriptors of a frame travel as
// SCM_RIGHTS with the header's first byte. Every request has one reply with the same seq; a reply
// to a request of N items that carry objects holds N cw_status items in the same order. Replies to
// BEGIN, COMMIT, TRACE and GET_PORT_FDS hold a cw_status only for what was refused. A reply longer
// than CW_FRAME_MAX comes as several frames with the same seq; all but the last have CW_MORE in
// their type. The first frame each way is HELLO. A HELLO of another version is answered with the
// server's own and the connection ends. Anything malformed closes the connection and changes
// nothing. The connection that wrote last is the control plane: when another one sends BEGIN, SET
// or DEL, the former is closed.
//
// Replay: BEGIN{epoch} .. SET frames .. COMMIT{epoch}. What SET brings between the two is checked
// and put aside; COMMIT applies all of it at once: identical objects are left untouched (counters
// kept), changed ones replaced, and objects that the epoch did not name are deleted. A connection
// that ends before its COMMIT changes nothing. Outside BEGIN/COMMIT, SET and DEL act at once, and a
// reply to DEL means that no worker uses the object any more.

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <causeway/limits.h>

#define CW_WIRE_MAGIC 0x50445743u // "CWDP"
#define CW_WIRE_VERSION 4u

enum cw_frame_type {
	CW_HELLO = 1, // one cw_hello each way; the reply is followed by a CW_NAMES event
	CW_BEGIN = 2, // one cw_epoch
	CW_COMMIT = 3, // one cw_epoch; the reply holds one cw_status for each refused object only
	CW_SET = 4, // any number of objects: add or replace
	CW_DEL = 5, // any number of objects, only their key fields are read; absent is no error;
		    // refused between BEGIN and COMMIT: leave the object out of the epoch instead
	CW_GET_STATS = 6, // no item; reply: cw_port_stats, cw_queue_stats, cw_stage_stats,
			  // cw_worker_stats
	CW_GET_NODE = 7, // no item; reply: one cw_node, cw_worker_info each, cw_port_info each
	CW_GET_FDB = 8, // no item; reply: cw_fdb, learned ones with CW_FDB_LEARNED
	CW_GET_PORT_FDS = 9, // one cw_port (id); reply carries duplicates of the port's descriptors
	CW_TRACE = 10, // one cw_trace: start, or stop when count is 0
	CW_GET_FLOWS = 11, // no item; reply: cw_flow, what devices are asked to do by themselves
	CW_MORE = 0x2000, // or-ed to the type of a reply: another frame of it follows
	CW_EVENT = 0x4000, // data plane to control plane, unasked: items are the event structures
	CW_REPLY = 0x8000, // or-ed to the request's type
};

enum cw_item_type {
	CW_ITEM_HELLO = 1,
	CW_ITEM_EPOCH,
	CW_ITEM_STATUS,
	CW_ITEM_NAME,
	// objects
	CW_ITEM_NETWORK = 16,
	CW_ITEM_PORT,
	CW_ITEM_ENDPOINT,
	CW_ITEM_FDB,
	CW_ITEM_NEIGHBOR,
	CW_ITEM_NEXTHOP,
	CW_ITEM_ROUTE,
	CW_ITEM_VTEP,
	CW_ITEM_FLOOD,
	// answers
	CW_ITEM_PORT_STATS = 64,
	CW_ITEM_STAGE_STATS,
	CW_ITEM_WORKER_STATS,
	CW_ITEM_NODE,
	CW_ITEM_WORKER_INFO,
	CW_ITEM_PORT_INFO,
	CW_ITEM_TRACE,
	CW_ITEM_QUEUE_STATS,
	CW_ITEM_FLOW,
	// events
	CW_ITEM_PORT_EVENT = 96,
	CW_ITEM_NEIGHBOR_WANTED,
	CW_ITEM_TABLE_FULL,
	CW_ITEM_TRACE_RECORD,
	CW_ITEM_REMOTE_WANTED,
};

struct cw_frame {
	uint32_t length; // of the whole frame, header included; a multiple of 8
	uint16_t type; // cw_frame_type
	uint16_t n_fds;
	uint32_t seq;
	uint32_t n_items;
};

struct cw_item {
	uint16_t type; // cw_item_type
	uint16_t length; // header and body, a multiple of 8
	uint32_t reserved; // zero
};

struct cw_ip {
	uint8_t addr[16]; // an IPv4 address fills the first 4 bytes, the rest is zero
	uint8_t family; // 4 or 6
	uint8_t prefix; // bits
	uint16_t reserved;
};

struct cw_hello {
	struct cw_item item;
	uint32_t magic;
	uint32_t version;
	char build[CW_NAME_LEN]; // program and version, for logs
};

struct cw_epoch {
	struct cw_item item;
	uint64_t epoch;
};

struct cw_status {
	struct cw_item item;
	int32_t error; // 0, or a negative errno
	uint32_t index; // of the item in its request; in COMMIT the running number in the epoch
	uint16_t object; // cw_item_type
	uint16_t reserved;
	uint32_t reserved2;
	char reason[128]; // names the key and the value when error is not 0
};

enum cw_name_kind {
	CW_NAME_STAGE = 1,
	CW_NAME_DROP = 2,
};

// One entry of the numbering that the statistics use; sent once after HELLO.
struct cw_name {
	struct cw_item item;
	uint16_t kind; // cw_name_kind
	uint16_t index;
	char name[CW_NAME_LEN];
	char help[124];
};

// ---------------------------------------------------------------------------------- objects

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

// ---------------------------------------------------------------------------------- answers

// Counters of one port as origin: everything that came in by it or was made because of it. The
// books of a port balance at rest:
//   rx + originated + replicas + segments = sent + sum(drops) + punted + held
// tx_* count what left by the port, whoever it came from.
struct cw_port_stats {
	struct cw_item item;
	uint32_t port; // 0: the switch itself
	uint16_t worker; // workers 0 .. n - 1; the main thread's share is UINT16_MAX
	uint16_t n_drops; // entries of drops[]
	uint64_t rx_packets, rx_bytes;
	uint64_t tx_packets, tx_bytes;
	uint64_t sent; // frames of this origin that some device took
	uint64_t originated; // made by the switch in answer to a frame of this port
	uint64_t replicas; // copies beyond the first when a frame was flooded
	uint64_t segments; // frames beyond the first when one was segmented or fragmented
	uint64_t punted; // handed to the main thread for good
	uint64_t held; // waiting now (a gauge)
	uint64_t device_rx_dropped; // the device's own: lost before we saw them
	uint64_t device_tx_dropped; // the device's own: lost after it took them
	uint64_t drops[]; // by drop index, see cw_name
};

// One device queue of a port whose driver counts by queue (vhost-user, memif).
struct cw_queue_stats {
	struct cw_item item;
	uint32_t port;
	uint16_t queue;
	uint16_t reserved;
	uint64_t rx_packets, rx_bytes; // taken from the device
	uint64_t tx_packets, tx_bytes; // taken by the device
	uint64_t tx_full; // bursts that ended because the device had no room
	uint64_t kicks_sent; // notifications to the peer
	uint64_t kicks_received; // notifications from the peer
};

struct cw_stage_stats {
	struct cw_item item;
	uint16_t stage;
	uint16_t worker;
	uint32_t reserved;
	uint64_t packets;
	uint64_t bursts;
};

#define CW_BURST_BUCKETS 8 // 1, 2, 3-4, 5-8, 9-16, 17-32, 33-63, 64 packets

struct cw_worker_stats {
	struct cw_item item;
	uint16_t worker;
	uint16_t core;
	uint32_t reserved;
	uint64_t tsc_hz;
	uint64_t busy_cycles; // of rounds that moved at least one packet
	uint64_t idle_cycles; // of rounds that moved none, polling
	uint64_t sleep_cycles; // asleep
	uint64_t rounds, busy_rounds, sleeps;
	uint64_t packets;
	uint64_t bursts[CW_BURST_BUCKETS];
};

struct cw_node {
	struct cw_item item;
	char version[CW_NAME_LEN];
	char dpdk[CW_NAME_LEN];
	uint64_t uptime_ms;
	uint64_t epoch; // last committed
	uint64_t heap_bytes, heap_used_bytes; // hugepage memory
	uint32_t mbufs, mbufs_free;
	uint32_t jumbos, jumbos_free; // buffers for super-frames
	uint64_t route_bytes; // look-up structures of all networks
	uint32_t networks, ports, endpoints, fdb_entries, neighbors, nexthops, routes4, routes6;
	uint32_t pid;
	uint32_t reserved;
};

struct cw_worker_info {
	struct cw_item item;
	uint16_t worker;
	uint16_t core;
	int16_t numa;
	uint16_t isolated; // 1: the kernel schedules nothing else there
	char idle[16]; // "adaptive" or "poll"
};

enum cw_port_state {
	CW_PORT_DOWN = 0,
	CW_PORT_UP = 1,
	CW_PORT_GONE = 2, // the device vanished
};

struct cw_port_info {
	struct cw_item item;
	uint32_t id;
	uint8_t kind;
	uint8_t state; // cw_port_state
	int16_t numa;
	uint16_t rx_queues, tx_queues;
	uint32_t capabilities; // port_capability of drivers/port/port.h, names in capability_names
	uint64_t rx_workers; // bit i: worker i polls a queue of this port
	char reason[128]; // why it is not up
	char capability_names[128]; // "checksum,tso4,tso6,chains"
	uint16_t peer_mtu; // vhost-user, memif: told by the peer, 0 = not told
	uint16_t peer_queues; // queue pairs that the peer uses now
	uint32_t connects; // of peers since the port opened; all but the first are reconnects
	char peer_features[128]; // "packed,mergeable,csum"; empty while no peer is connected
	uint8_t mac[6]; // the device's own, of kinds nic and vf; else zero
	uint16_t reserved;
};

enum cw_flow_kind {
	CW_FLOW_RSS = 1, // VXLAN to queues by the inner packet
	CW_FLOW_STEER, // what is the switch's, of a device that it shares with the kernel
	CW_FLOW_FORWARD, // a flow past the switch, within the card
	CW_FLOW_DECAP, // the same out of a tunnel
	CW_FLOW_ENCAP, // the same into a tunnel
	CW_FLOW_GUARD_PASS, // what the guard of a port may let pass: to the switch
	CW_FLOW_GUARD_DROP, // what it drops
	CW_FLOW_KINDS, // number of kinds, not a kind
};

static const char *const cw_flow_kind_names[CW_FLOW_KINDS] = {
	[CW_FLOW_RSS] = "rss",
	[CW_FLOW_STEER] = "steer",
	[CW_FLOW_FORWARD] = "forward",
	[CW_FLOW_DECAP] = "decap",
	[CW_FLOW_ENCAP] = "encap",
	[CW_FLOW_GUARD_PASS] = "guard-pass",
	[CW_FLOW_GUARD_DROP] = "guard-drop",
};

enum cw_flow_state {
	CW_FLOW_WANTED = 0, // the switch carries it; the device has no room, or was not asked yet
	CW_FLOW_OFFLOADED = 1,
	CW_FLOW_REFUSED = 2, // by the device, or not to be expressed as a rule; reason says why
	CW_FLOW_FAILED = 3, // the device had it, or took it first, and lost it
	CW_FLOW_STATES, // number of states, not a state
};

static const char *const cw_flow_state_names[CW_FLOW_STATES] = {
	[CW_FLOW_WANTED] = "wanted",
	[CW_FLOW_OFFLOADED] = "offloaded",
	[CW_FLOW_REFUSED] = "refused",
	[CW_FLOW_FAILED] = "failed",
};

// A rule for a device. In every state but OFFLOADED the switch itself does what it says.
struct cw_flow {
	struct cw_item item;
	uint32_t id; // as long as the rule is wanted
	uint32_t port; // where its packets come in
	uint32_t out_port; // where they leave, 0: nowhere, or to the switch
	uint16_t kind; // cw_flow_kind
	uint8_t state; // cw_flow_state
	uint8_t transfer; // 1: carried out between the ports of the card
	uint64_t packets, bytes; // by the device since it has the rule
	char match[192];
	char actions[192];
	char reason[128]; // why it is not offloaded
};

// ----------------------------------------------------------------------------------- events

struct cw_port_event {
	struct cw_item item;
	uint32_t port;
	uint8_t state; // cw_port_state
	uint8_t reserved[3];
	char reason[128];
};

struct cw_neighbor_wanted {
	struct cw_item item;
	uint32_t network;
	uint32_t reserved;
	struct cw_ip ip;
	uint32_t nexthop; // that is not resolved, 0: on link
};

// A station of a network with learning is behind a tunnel peer to which no next hop leads.
struct cw_remote_wanted {
	struct cw_item item;
	uint32_t network;
	uint32_t vtep;
	struct cw_ip ip; // the peer's
	uint32_t reserved;
};

struct cw_table_full {
	struct cw_item item;
	uint16_t object; // cw_item_type
	uint16_t reserved;
	uint32_t network;
};

// Which packets to trace: every field that is not zero must match.
struct cw_trace {
	struct cw_item item;
	uint32_t count; // trace so many packets, then stop by itself; 0 stops now
	uint32_t port; // in port
	uint32_t network_plus_1; // 0 = any
	uint16_t ether_type;
	uint8_t ip_proto;
	uint8_t reserved;
	struct cw_ip src, dst; // family 0 = any
	uint16_t l4_src, l4_dst;
	uint32_t reserved2;
};

#define CW_TRACE_STEPS 24

// The way one packet took: stages in order, then the port that it left by or the reason of its
// drop.
struct cw_trace_record {
	struct cw_item item;
	uint64_t tsc_ns; // since the data plane's start
	uint32_t in_port, out_port;
	uint32_t network;
	uint16_t worker;
	uint16_t n_steps;
	int16_t drop; // drop index, -1 when sent
	uint16_t length; // of the frame, bytes
	uint16_t n_bytes; // of bytes[]
	uint16_t reserved;
	uint8_t steps[CW_TRACE_STEPS]; // stage indices
	uint8_t bytes[96]; // start of the frame as received
};

// ---------------------------------------------------------------------------------- helpers

#define CW_ALIGN8(n) (((n) + 7u) & ~7u)

static_assert(sizeof(struct cw_frame) == 16, "wire layout");
static_assert(sizeof(struct cw_item) == 8, "wire layout");
static_assert(sizeof(struct cw_ip) == 20, "wire layout");
static_assert(sizeof(struct cw_route) == 40, "wire layout");
static_assert(sizeof(struct cw_fdb) == 32, "wire layout");
static_assert(sizeof(struct cw_neighbor) == 48, "wire layout");
static_assert(sizeof(struct cw_port) == 440, "wire layout");
static_assert(sizeof(struct cw_vtep) == 56, "wire layout");
static_assert(sizeof(struct cw_nexthop) == 68, "wire layout");
static_assert(sizeof(struct cw_flood) == 16, "wire layout");
static_assert(sizeof(struct cw_flow) == 552, "wire layout");
static_assert(sizeof(struct cw_trace_record) == 160, "wire layout");

// Walks the items of a frame. prev NULL gives the first. Returns NULL after the last and, with *bad
// set, when an item's length is not a multiple of 8, below its header or beyond the frame.
static inline const struct cw_item *
cw_item_next(const struct cw_frame *frame, const struct cw_item *prev, bool *bad)
{
	const uint8_t *base = (const uint8_t *)frame, *at;
	const struct cw_item *item;
	size_t left;

	at = prev == NULL ? base + sizeof(*frame) : (const uint8_t *)prev + prev->length;
	left = frame->length - (size_t)(at - base);
	if (left == 0)
		return NULL;
	item = (const struct cw_item *)(const void *)at;
	if (left < sizeof(*item) || item->length < sizeof(*item) || item->length % 8 != 0
		|| item->length > left) {
		*bad = true;
		return NULL;
	}
	return item;
}

#endif
