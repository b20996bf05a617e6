/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DRIVERS_PORT_AF_PACKET_H
#define DRIVERS_PORT_AF_PACKET_H

// One AF_PACKET socket of a port: its receive ring and what was lost. See af_packet_ring.c for why
// it is made this way.

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <rte_mbuf.h>

#include "buffer.h"

struct af_packet_ring {
	int fd;
	uint8_t *map; // frames of frame_size bytes, mmap'ed from the socket
	size_t map_len;
	uint32_t frame_size, n_frames;
	uint32_t next; // frame to be read next; worker only
	bool uplink; // frames may be super-frames inside tunnels
	_Atomic uint64_t rx_refused; // worker writes
	uint64_t rx_missed; // sum of PACKET_STATISTICS, which reading clears; main thread only
} __rte_cache_aligned;

// Gives the socket its options and a ring whose frames hold an MTU's worth. A ring left by an
// earlier owner of the socket is thrown away. Returns 0 or -errno and a sentence.
int af_packet_ring_open(
	struct af_packet_ring *ring, int fd, uint16_t mtu, char *reason, size_t reason_len);
// Unmaps the ring; the descriptor stays open.
void af_packet_ring_close(struct af_packet_ring *ring);
// As port_driver.rx. Worker that owns the queue.
uint16_t af_packet_ring_rx(struct af_packet_ring *ring, const struct buffer_pools *pools,
	struct rte_mbuf **pkts, uint16_t n);
// True when a frame waits. Same worker.
bool af_packet_ring_waiting(const struct af_packet_ring *ring);

#endif
