/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DATAPLANE_EVENTS_H
#define DATAPLANE_EVENTS_H

// What workers tell the main thread: small messages through one multi-producer ring, never waited
// for. When the ring is full the message is lost and counted; every message is one that comes
// again.

#include <stdint.h>

#include <rte_ether.h>

#include <causeway/wire.h>

struct worker;

enum dp_event_type {
	DP_EVENT_LEARN = 1, // mac was seen on port, and the FDB says otherwise
	DP_EVENT_NEIGHBOR_WANTED, // a packet waits for ip, to which next hop 'value' leads (0: on
				  // link)
	DP_EVENT_TRACE, // index of a finished trace record
	DP_EVENT_LEARN_REMOTE, // mac was seen behind tunnel peer ip of vtep 'value'
	DP_EVENT_NEIGHBOR_SEEN, // ip answered with mac on port, in a network that resolves
};

struct dp_event {
	uint8_t type; // dp_event_type
	uint8_t reserved;
	uint16_t network;
	uint16_t port;
	struct rte_ether_addr mac;
	struct cw_ip ip;
	uint32_t value;
};

// Workers. Rate limited per worker and type (1,000 a second). Returns whether it was queued.
bool event_post(struct worker *w, const struct dp_event *event);

#endif
