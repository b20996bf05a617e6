/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CAUSEWAY_WIRE_EVENTS_H
#define CAUSEWAY_WIRE_EVENTS_H

// What the data plane tells unasked, and the request for traces. See wire.h.

#include <causeway/wire_frame.h>

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

static_assert(sizeof(struct cw_trace_record) == 160, "wire layout");

#endif
