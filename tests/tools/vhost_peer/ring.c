/* SPDX-License-Identifier: Apache-2.0 */
#include "ring.h"

#include <errno.h>
#include <linux/virtio_config.h>
#include <stdlib.h>

#define BIT(n) (1ull << (n))

size_t
ring_bytes(uint16_t size)
{
	return 2 * 4096 + size * (sizeof(struct vring_desc) + sizeof(struct vring_used_elem) + 2);
}

static void
link_free(struct ring *ring)
{
	for (uint16_t i = 0; i < ring->size; i++)
		ring->entries[i] = (struct ring_entry){.next = (uint16_t)(i + 1)};
	ring->free = ring->size;
	ring->free_head = 0;
	ring->free_tail = (uint16_t)(ring->size - 1);
}

int
ring_start(struct ring *ring, struct guest_memory *memory, uint16_t size, uint64_t features)
{
	struct ring_entry *entries = ring->entries;

	if (entries == NULL)
		entries = calloc(size, sizeof(*entries));
	if (entries == NULL)
		return -ENOMEM;
	*ring = (struct ring){
		.memory = memory,
		.size = size,
		.entries = entries,
		.packed = (features & BIT(VIRTIO_F_RING_PACKED)) != 0,
		.event_index = (features & BIT(VIRTIO_RING_F_EVENT_IDX)) != 0,
		.in_order = (features & BIT(VIRTIO_F_IN_ORDER)) != 0,
	};
	ring->ops = ring->packed ? &ring_packed_ops : &ring_split_ops;
	link_free(ring);
	return ring->packed ? ring_packed_start(ring, memory) : ring_split_start(ring, memory);
}

void
ring_free(struct ring *ring)
{
	free(ring->entries);
	ring->entries = NULL;
}

// Descriptors (split) are taken from the head in the order of the list, so that an in-order ring
// uses them in the ring's order.
static uint16_t
take_entries(struct ring *ring, uint16_t n)
{
	uint16_t id = ring->free_head, last = id;

	for (uint16_t i = 1; i < n; i++)
		last = ring->entries[last].next;
	ring->free_head = ring->entries[last].next;
	return id;
}

static void
give_entries(struct ring *ring, uint16_t id, uint16_t n)
{
	uint16_t last = id;

	for (uint16_t i = 1; i < n; i++)
		last = ring->entries[last].next;
	if (ring->free_head >= ring->size)
		ring->free_head = id;
	else
		ring->entries[ring->free_tail].next = id;
	ring->free_tail = last;
	ring->entries[last].next = ring->size;
}

int
ring_add(struct ring *ring, const struct ring_buffer *buffer)
{
	uint16_t n = buffer->table != NULL ? 1 : buffer->n;
	uint16_t id;

	if (n > ring->free)
		return -ENOSPC;
	id = take_entries(ring, ring->packed ? 1 : n);
	ring->free = (uint16_t)(ring->free - n);
	ring->entries[id].cookie = buffer->cookie;
	ring->entries[id].n = n;
	ring->ops->add(ring, buffer, id);
	return 0;
}

// Identifiers of an in-order ring follow each other: what was used first is added first.
static uint16_t
next_in_order(struct ring *ring, uint16_t last, uint32_t *len)
{
	uint16_t id = ring->order_head, step = ring->packed ? 1 : ring->entries[id].n;

	if (!ring->in_batch) {
		ring->batch_last = last;
		ring->batch_len = *len;
	}
	ring->in_batch = id != ring->batch_last;
	*len = ring->in_batch ? 0 : ring->batch_len;
	ring->order_head = (uint16_t)((id + step) % ring->size);
	return id;
}

bool
ring_get(struct ring *ring, uint32_t *cookie, uint32_t *len)
{
	uint16_t id = 0, n;

	if (ring->broken != NULL || (!ring->in_batch && !ring->ops->peek(ring, &id, len)))
		return false;
	if (ring->in_order)
		id = next_in_order(ring, id, len);
	if (id >= ring->size || ring->entries[id].n == 0) {
		ring->broken = "the device used a buffer that it was not given";
		return false;
	}
	n = ring->entries[id].n;
	*cookie = ring->entries[id].cookie;
	ring->ops->skip(ring, n);
	ring->entries[id].n = 0;
	give_entries(ring, id, ring->packed ? 1 : n);
	ring->free = (uint16_t)(ring->free + n);
	return true;
}

bool
ring_kick_wanted(struct ring *ring)
{
	atomic_thread_fence(memory_order_seq_cst);
	return ring->ops->kick_wanted(ring);
}

bool
ring_interrupts(struct ring *ring, bool wanted)
{
	uint32_t len;
	uint16_t id;

	ring->ops->interrupts(ring, wanted);
	atomic_thread_fence(memory_order_seq_cst);
	return wanted && (ring->in_batch || ring->ops->peek(ring, &id, &len));
}

uint32_t
ring_base(const struct ring *ring)
{
	// As QEMU restores a split ring whose device went away: what was not used is avail again.
	if (!ring->packed)
		return ring->used->idx;
	return (ring->last_used | (uint32_t)ring->used_wrap << 15) * 0x10001u;
}
