/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DATAPLANE_CANDIDATE_H
#define DATAPLANE_CANDIDATE_H

// Flows that workers see on ports with CW_PORT_OFFLOAD and that a device may carry by itself: told
// to the main thread through a ring of their own, which decides (server/offload.h). Never waited
// for; what is lost comes again with the flow's next packets.

#include <stdint.h>

#include <rte_mbuf.h>

struct dataplane;
struct worker;

#define CANDIDATE_BYTES 120 // Ethernet, tag, IPv4, UDP, VXLAN, Ethernet, IPv6, ports: 116

struct candidate {
	uint16_t port;
	uint16_t len; // of bytes[]
	uint32_t packets; // of this flow since it was told last
	uint8_t bytes[CANDIDATE_BYTES]; // start of the frame as received
};

struct candidate_cache; // of a worker: flows that it saw lately

// Main thread, before the first port with the flag is published. Returns 0 or -ENOMEM.
int candidates_open(struct dataplane *dp);
// After the last worker has ended.
void candidates_close(struct dataplane *dp);
// Main thread: whether workers look at all.
void candidates_enable(struct dataplane *dp, bool on);
// Main thread: the next one; false when there is none.
bool candidates_take(struct dataplane *dp, struct candidate *candidate);

// Worker: looks at a burst that was just received.
void candidates_look(struct worker *w, uint16_t port, struct rte_mbuf *const *pkts, uint16_t n);

#endif
