/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DRIVERS_PORT_MEMIF_RING_H
#define DRIVERS_PORT_MEMIF_RING_H

// The packet path of one memif ring: frames are copied out of and into shared buffers.
//
// The peer is hostile: head, tail and each descriptor are read once and checked before use; our own
// index is never read back. A slave knows where its buffers are and reads lengths and chain flags
// only. What breaks the rules of the ring stops it for good (memif_queue_broken); a frame that is
// merely too long is dropped and counted. The content of buffers may change while it is read.
//
// Threads: a spinlock guards a queue. start and stop (control thread) take it, waiting for a burst
// that is under way; rx and tx try it: busy means "nothing now". Workers that share a ring because
// the peer has fewer (memif.c) wait a bounded time. Counters are read by any thread.

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <rte_byteorder.h>
#include <rte_mbuf.h>
#include <rte_spinlock.h>

#include "buffer.h"
#include "memif_region.h"
#include "memif_wire.h"
#include "port.h"

// Longest frame taken from a peer: the largest MTU, an Ethernet header and two VLAN tags.
#define MEMIF_FRAME_MAX (CW_MTU_MAX + 14 + 2 * 4)
#define MEMIF_CHAIN_MAX 64 // descriptors of one frame

struct memif_ring_config {
	struct memif_shared_ring *shared;
	uint8_t log2_size;
	bool is_slave;
	int interrupt_fd; // eventfd of the ring, the caller's until stop
	int control_fd; // eventfd that is written to when the ring breaks; -1 = none
	// Slave: buffer i of the ring starts at buffers + i * buffer_size.
	uint8_t *buffers;
	uint32_t buffer_size;
	// Master: what descriptors may point into.
	const struct memif_regions *regions;
};

struct memif_counters {
	_Atomic uint64_t packets, bytes;
	_Atomic uint64_t full; // tx bursts that ended because the peer gave no room
	_Atomic uint64_t kicks; // tx: sent, rx: received
	_Atomic uint64_t refused; // rx: frames too long, or of no length
};

struct memif_queue {
	rte_spinlock_t lock;
	bool is_running;
	bool is_armed; // rx: interrupts are on
	uint16_t position; // next slot to take frames from, or to fill
	uint16_t posted; // slave rx: head, end of the empty buffers
	struct memif_ring_config ring;
	_Atomic(const char *) broken;
	struct memif_counters counters;
} __rte_cache_aligned;

// Checks the cookie, resets our index to 0, and as a slave's rx queue posts all buffers; interrupts
// are on. Control thread. Returns false when the ring is not one.
bool memif_queue_start(
	struct memif_queue *queue, const struct memif_ring_config *config, bool is_rx);
// Afterwards no worker touches the ring's memory. Control thread.
void memif_queue_stop(struct memif_queue *queue);

// As port_driver.rx. Pools must have data rooms of at least RTE_MBUF_DEFAULT_DATAROOM.
uint16_t memif_queue_rx(struct memif_queue *queue, const struct buffer_pools *pools,
	struct rte_mbuf **pkts, uint16_t n);
// As port_driver.tx; PORT_TX_DOWN while not running. shared: other workers use the queue, too.
uint16_t memif_queue_tx(struct memif_queue *queue, struct rte_mbuf **pkts, uint16_t n, bool shared,
	enum port_tx_stop *stop);

// rx queue: switches interrupts on. Returns true when frames wait already.
bool memif_queue_arm(struct memif_queue *queue);

// Why the ring was stopped by what the peer wrote, or NULL; until stop. Any thread.
const char *memif_queue_broken(const struct memif_queue *queue);

#endif
