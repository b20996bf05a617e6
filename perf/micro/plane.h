/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PERF_PLANE_H
#define PERF_PLANE_H

// A data plane without devices for micro benchmarks: one worker that is driven by hand, ports whose
// device keeps mbufs for the next burst. Not part of the unit tests' fixture, which counts and
// asserts. Readable from C++. All of it aborts with a sentence when something does not start.

#include <stdbool.h>
#include <stdint.h>

struct plane;
struct rte_mbuf;

#define PLANE_BURST 64
#define PLANE_FRAME_ROOM 1920
#define PLANE_MACS_MAX 1000 // behind PLANE_OUT

// Ports and networks that plane_create() makes. Endpoints have the MAC 02:00:00:00:01:<id> and the
// addresses 10.1.0.<id>, fd00:1::<id>; the router is 02:00:00:00:00:01, 10.1.0.1, fd00:1::1.
enum plane_port {
	PLANE_IN = 2, // every guard check
	PLANE_OUT, // behind it PLANE_MACS_MAX more MACs, see plane_mac()
	PLANE_SMALL, // MTU 600
	PLANE_PLAIN, // takes no offloads
	PLANE_TRUNK, // tag 7: the network of the others
	PLANE_LEARNING, // network 1, which learns
	PLANE_UPLINK, // the way to other nodes, see plane_tunnels()
	PLANE_PORTS,
};

struct plane_frame {
	uint16_t port; // where it comes in
	uint16_t len;
	uint16_t segment; // not 0: a TCP super-frame with this much payload a segment
	uint8_t bytes[PLANE_FRAME_ROOM];
};

// Starts EAL (with hugepages when enough are free) and builds everything; once a process.
struct plane *plane_create(void);
bool plane_has_hugepages(void);
// MAC number i < PLANE_MACS_MAX behind PLANE_OUT.
void plane_mac(uint32_t i, uint8_t mac[6]);
// /24 number i < 65536 of 20.0.0.0/8, in host order; those of small i lie far apart.
uint32_t plane_block(uint32_t i);
// Routes 10.2.0.0 + i / 32 and plane_block(i) / 24 to the neighbour behind PLANE_OUT, for each
// i < n; once a process.
void plane_routes(struct plane *plane, uint32_t n);
// Makes 10.9.0.1 a VXLAN vtep (UDP 8472, VNI 1) of PLANE_UPLINK, whose peer 10.9.1.1 has
// 10.3.0.0/16; once a process.
void plane_tunnel(struct plane *plane);

// Fills n mbufs with copies of frames[i]; all come in by frames[0]->port.
void plane_fill(struct plane *plane, const struct plane_frame *const *frames, uint16_t n);
// Throws what lies in L1 and L2 out of them, the worker's own memory excepted.
void plane_evict(struct plane *plane);
// Cycles from the start of the worker's rx to the device, for what plane_fill() made.
uint64_t plane_time_way(struct plane *plane);
// Cycles of one stage alone, within the same way. Aborts when the packets do not come by. When
// 'cold', tables and frames are evicted right before.
uint64_t plane_time_stage(struct plane *plane, const char *stage, bool cold);
// Packets that left since the last call.
uint64_t plane_sent(struct plane *plane);

#endif
