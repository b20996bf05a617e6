/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVER_OFFLOAD_KEY_H
#define SERVER_OFFLOAD_KEY_H

// A flow by the headers of its packets, as they come in by a port. Main thread.

#include <stdbool.h>
#include <stdint.h>

#include "dataplane.h"
#include "flow_rule.h"

#define OFFLOAD_FRAME_MAX 192

struct offload_key {
	uint16_t port;
	// All fields that a packet has are set; match.in_ethdev is not. Inside a tunnel of ours,
	// match.inner is the packet's own.
	struct flow_match match;
};

// Returns NULL, or why packets like this one are for the switch alone.
const char *offload_key_of(const struct dataplane *dp, uint16_t port, const uint8_t *frame,
	uint16_t len, struct offload_key *key);
// A packet of the flow, with lengths and checksums that are right. Returns its length.
uint16_t offload_key_frame(const struct offload_key *key, uint8_t frame[OFFLOAD_FRAME_MAX]);
// The headers that the switch forwards: without those of a tunnel that it ends.
static inline struct flow_headers *
offload_inner(struct flow_match *match)
{
	return match->is_vxlan ? &match->inner : &match->frame;
}

#endif
