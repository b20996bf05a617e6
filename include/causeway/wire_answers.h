/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CAUSEWAY_WIRE_ANSWERS_H
#define CAUSEWAY_WIRE_ANSWERS_H

// What the GET requests bring: counters, the node and its ports, rules in devices. See wire.h.

#include <causeway/wire_frame.h>

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

static_assert(sizeof(struct cw_flow) == 552, "wire layout");

#endif
