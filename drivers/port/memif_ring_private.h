/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DRIVERS_PORT_MEMIF_RING_PRIVATE_H
#define DRIVERS_PORT_MEMIF_RING_PRIVATE_H

// Between memif_ring.c (locks, interrupts, counters), memif_receive.c and memif_send.c. The caller
// holds the queue's lock.

#include "memif_ring.h"

#if RTE_BYTE_ORDER != RTE_LITTLE_ENDIAN
#error "descriptors are read as little-endian words"
#endif

// A descriptor's first word: flags, region, length.
#define MEMIF_WORD(flags, region, length) \
	((uint64_t)(flags) | (uint64_t)(region) << 16 | (uint64_t)(length) << 32)

// What one read of a descriptor gave: the peer may change it at any time.
struct memif_buffer {
	uint8_t *at; // NULL: it breaks the rules
	uint32_t length;
	uint16_t flags, region;
};

static inline uint16_t
memif_ring_size(const struct memif_queue *queue)
{
	return (uint16_t)(1u << queue->ring.log2_size);
}

static inline uint16_t
memif_load_index(const uint16_t *index)
{
	return __atomic_load_n(index, __ATOMIC_ACQUIRE);
}

static inline void
memif_store_index(uint16_t *index, uint16_t value)
{
	__atomic_store_n(index, value, __ATOMIC_RELEASE);
}

static inline struct memif_desc *
memif_ring_desc(const struct memif_queue *queue, uint16_t slot)
{
	return &queue->ring.shared->desc[slot & (memif_ring_size(queue) - 1)];
}

static inline void
memif_desc_write(struct memif_desc *desc, uint64_t word)
{
	__atomic_store_n((uint64_t *)(void *)desc, word, __ATOMIC_RELAXED);
}

// Reads a descriptor once. At least max(length, 'touch') bytes from 'at' on are the buffer's
// region.
static inline __attribute__((always_inline)) struct memif_buffer
memif_desc_read(const struct memif_queue *queue, uint16_t slot, uint32_t touch, const bool is_slave)
{
	const struct memif_ring_config *ring = &queue->ring;
	const uint64_t *words = (const uint64_t *)(const void *)memif_ring_desc(queue, slot);
	uint64_t word = __atomic_load_n(&words[0], __ATOMIC_RELAXED);
	struct memif_buffer buffer = {
		.length = (uint32_t)(word >> 32),
		.flags = (uint16_t)word,
		.region = (uint16_t)(word >> 16),
	};
	const struct memif_region *region;
	uint32_t offset;

	if (is_slave) {
		uint32_t index = slot & (memif_ring_size(queue) - 1u);

		if (likely(buffer.length <= ring->buffer_size))
			buffer.at = ring->buffers + (size_t)index * ring->buffer_size;
		return buffer;
	}
	if (unlikely(buffer.region >= ring->regions->n))
		return buffer;
	region = &ring->regions->region[buffer.region];
	offset = (uint32_t)__atomic_load_n(&words[1], __ATOMIC_RELAXED);
	if (likely((uint64_t)offset + RTE_MAX(buffer.length, touch) <= region->size))
		buffer.at = region->base + offset;
	return buffer;
}

// The worker's last words on this ring: it stops, and the control thread is told.
void memif_ring_break(struct memif_queue *queue, const char *why);

// Slave's rx queue: makes the next n buffers empty ones and publishes them.
void memif_ring_post(struct memif_queue *queue, uint16_t n);
// rx queue: frames wait.
bool memif_ring_waiting(const struct memif_queue *queue);
// As memif_queue_rx; adds to *bytes.
uint16_t memif_ring_receive(struct memif_queue *queue, const struct buffer_pools *pools,
	struct rte_mbuf **pkts, uint16_t n, uint64_t *bytes);
// As memif_queue_tx without freeing what was sent; adds to *bytes.
uint16_t memif_ring_send(struct memif_queue *queue, struct rte_mbuf **pkts, uint16_t n,
	enum port_tx_stop *stop, uint64_t *bytes);

#endif
