/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DRIVERS_PORT_AF_XDP_RING_H
#define DRIVERS_PORT_AF_XDP_RING_H

// The four rings of an AF_XDP socket (Documentation/networking/af_xdp.rst of Linux): one side
// produces, the other consumes, indices run freely. Not thread-safe: one worker a socket.

#include <linux/if_xdp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct xdp_ring {
	uint32_t *producer, *consumer, *flags; // shared with the kernel
	void *entries; // uint64_t addresses (fill, completion) or struct xdp_desc (rx, tx)
	uint32_t size, mask;
	uint32_t mine; // our index: consumer of rx and completion, producer of fill and tx
	void *map;
	size_t map_len;
};

struct xdp_rings {
	struct xdp_ring rx, tx, fill, completion;
};

// Sets the sizes (powers of two) on the socket and maps all four. Returns 0, or -errno with none
// mapped; *what names the call that failed. xdp_rings_unmap() also takes zeroed rings.
int xdp_rings_map(
	struct xdp_rings *rings, int fd, uint32_t rx_size, uint32_t tx_size, const char **what);
void xdp_rings_unmap(struct xdp_rings *rings);

// Entries that the kernel has put in and we have not released.
static inline uint32_t
xdp_ring_ready(const struct xdp_ring *ring)
{
	return __atomic_load_n(ring->producer, __ATOMIC_ACQUIRE) - ring->mine;
}

// Room for entries of ours.
static inline uint32_t
xdp_ring_room(const struct xdp_ring *ring)
{
	return ring->size - (ring->mine - __atomic_load_n(ring->consumer, __ATOMIC_ACQUIRE));
}

static inline struct xdp_desc *
xdp_ring_desc(const struct xdp_ring *ring, uint32_t index)
{
	return &((struct xdp_desc *)ring->entries)[index & ring->mask];
}

static inline uint64_t *
xdp_ring_addr(const struct xdp_ring *ring, uint32_t index)
{
	return &((uint64_t *)ring->entries)[index & ring->mask];
}

// Gives n entries (consumed, or filled in) to the kernel.
static inline void
xdp_ring_release(struct xdp_ring *ring, uint32_t n)
{
	ring->mine += n;
	__atomic_store_n(ring->consumer, ring->mine, __ATOMIC_RELEASE);
}

static inline void
xdp_ring_submit(struct xdp_ring *ring, uint32_t n)
{
	ring->mine += n;
	__atomic_store_n(ring->producer, ring->mine, __ATOMIC_RELEASE);
}

static inline bool
xdp_ring_needs_wakeup(const struct xdp_ring *ring)
{
	return (__atomic_load_n(ring->flags, __ATOMIC_RELAXED) & XDP_RING_NEED_WAKEUP) != 0;
}

#endif
