/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DRIVERS_PORT_VIRTQUEUE_H
#define DRIVERS_PORT_VIRTQUEUE_H

// The device's side of one virtqueue of a virtio-net device (virtio 1.2, 2.7 split, 2.8 packed,
// 5.1.6): takes frames out of the guest's transmit queue, puts frames into its receive queue. Knows
// memory and rings only; who negotiated them (librte_vhost, a test) is not its business.
//
// The guest is hostile: every index, length, address and flag is read once and checked before use;
// what breaks the rules of the ring stops the queue for good (virtqueue_broken), what merely is no
// frame is dropped and counted.
//
// Threads: start and stop never concurrently with the rest; rx, tx, arm, disarm by one thread at a
// time. Lent segments are freed by the thread that called rx.

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <rte_mbuf.h>

#include "buffer.h"
#include "port.h"

#define VIRTQUEUE_SIZE_MAX 32768
#define VIRTQUEUE_REGIONS_MAX 64
#define VIRTQUEUE_PIECES_MAX 1024 // of the buffers of one frame; what is in more pieces is dropped

#ifndef VIRTIO_NET_F_GUEST_USO4
#define VIRTIO_NET_F_GUEST_USO4 54
#define VIRTIO_NET_F_GUEST_USO6 55
#define VIRTIO_NET_F_HOST_USO 56
#endif

// Guest-physical [guest_addr, guest_addr + size) is mapped at host. A buffer may lie across regions
// whose guest addresses follow each other.
struct virtqueue_region {
	uint64_t guest_addr, size;
	uint8_t *host;
};

struct virtqueue_memory {
	uint32_t n;
	struct virtqueue_region regions[VIRTQUEUE_REGIONS_MAX];
};

// Where the device stands in the ring; packed rings count a wrap bit (virtio 1.2, 2.8.1). Buffers
// are given back in the order in which they were taken and none is kept between calls, so a device
// goes on at 'used': what lies between used and avail was taken by one that died, and is taken
// again. stop returns both alike.
struct virtqueue_position {
	uint16_t avail, used; // split: free running; packed: slots
	bool avail_wrap, used_wrap; // packed only
};

struct virtqueue_config {
	void *desc; // split: descriptor table; packed: descriptor ring
	void *driver; // split: available ring; packed: driver event suppression
	void *device; // split: used ring; packed: device event suppression
	uint16_t size; // entries; a power of 2 when split
	uint64_t features; // as negotiated: VIRTIO_F_VERSION_1, _RING_PACKED, _IN_ORDER,
			   // _RING_INDIRECT_DESC, _RING_EVENT_IDX, VIRTIO_NET_F_MRG_RXBUF, CSUM,
			   // HOST_*, GUEST_*
	const struct virtqueue_memory *memory; // stays valid and unchanged until stop
	struct virtqueue_position position;
	int call_fd; // eventfd that interrupts the guest; -1 = it polls
	bool lends; // rx may lend what long frames hold, see port.h
};

struct virtqueue;

// Size of a queue for its owner to allocate (cache-aligned).
size_t virtqueue_bytes(uint16_t size);

// Returns 0, or -EINVAL and a sentence: sizes, alignment (virtio 1.2, 2.7, 2.8.10), position. The
// counters go on over stop and start, so the memory is zeroed before the first start only. The
// queue is armed, and the guest is notified once: a former device may have died between giving
// buffers back and saying so.
int virtqueue_start(struct virtqueue *vq, const struct virtqueue_config *config, char *reason,
	size_t reason_len);
// Returns everything taken but not yet given back, and where the next device starts. Nothing may be
// lent any more.
void virtqueue_stop(struct virtqueue *vq, struct virtqueue_position *position);

// True when the ring's contents do not contradict a position that was written down before: the
// slot before it was taken, its own slot is not yet used. For a device that follows one that died.
bool virtqueue_position_fits(
	const struct virtqueue_config *config, const struct virtqueue_position *position);

// Where to go on in a packed ring that a former device left without saying where: QEMU does not
// know when that device died, and gives the position of its start. A position that the ring bears
// out stays; else it is the one that the former device kept in the ring (we do, while it is idle),
// else what the descriptors tell: the oldest that is available. Half of a burst that was given back
// is completed. Split rings tell by themselves and are left alone. Before start. Returns 0, or
// -EINVAL and a sentence: an in-order ring whose device died in mid-traffic tells nothing.
int virtqueue_recover(struct virtqueue_config *config, char *reason, size_t reason_len);

// The guest's transmit queue: up to n <= PORT_BURST frames copied into new mbufs with the metadata
// of port.h; their descriptors are given back, the guest is notified when it asked for it. Ends
// early at BUFFER_BURST_BYTES and when pools run dry.
// Of a long frame only the headers are copied when the queue lends: then a burst's descriptors are
// given back by the next rx, arm or stop; rx returns 0 as long as some of its frames are not freed.
uint16_t virtqueue_rx(
	struct virtqueue *vq, const struct buffer_pools *pools, struct rte_mbuf **pkts, uint16_t n);
// The guest's receive queue: frames are copied and freed. On a short count *stop says why, as in
// port_driver.tx; a frame whose metadata the guest did not negotiate is PORT_TX_REFUSED.
uint16_t virtqueue_tx(
	struct virtqueue *vq, struct rte_mbuf **pkts, uint16_t n, enum port_tx_stop *stop);

// Asks the guest for a kick when it next makes buffers available (rx queue: frames). Returns true
// when some wait already.
bool virtqueue_arm(struct virtqueue *vq);
// The guest need not kick any more: the queue is polled, or is a tx queue.
void virtqueue_disarm(struct virtqueue *vq);

// Whether frames with lent segments are about. Any thread: what they were used for is done when it
// says no.
bool virtqueue_lends(const struct virtqueue *vq);

// Why the queue was stopped by what the guest wrote, or NULL. Any thread.
const char *virtqueue_broken(const struct virtqueue *vq);

// Any thread. rx_* or tx_* are zero, according to the queue's use.
struct virtqueue_stats {
	uint64_t packets, bytes;
	uint64_t full; // tx: bursts that ended because the guest had no buffers
	uint64_t calls; // notifications sent
	uint64_t malformed; // frames dropped: header, length or offload that contradicts the frame
};
void virtqueue_stats(const struct virtqueue *vq, struct virtqueue_stats *stats);

#endif
