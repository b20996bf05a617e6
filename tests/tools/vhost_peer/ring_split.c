/* SPDX-License-Identifier: Apache-2.0 */
#include "ring.h"

#include <errno.h>

static uint16_t *
used_event(struct ring *ring)
{
	return &ring->avail->ring[ring->size];
}

static uint16_t
avail_event(struct ring *ring)
{
	return *(volatile uint16_t *)(void *)&ring->used->ring[ring->size];
}

static void
write_chain(const struct ring *ring, const struct ring_buffer *buffer, uint16_t id)
{
	uint16_t write = buffer->device_writes ? VRING_DESC_F_WRITE : 0;

	for (uint16_t i = 0; i < buffer->n; i++) {
		uint16_t next = ring->entries[id].next;
		bool is_last = i + 1 == buffer->n;

		ring->desc[id] = (struct vring_desc){
			.addr = buffer->segments[i].address,
			.len = buffer->segments[i].len,
			.flags = write | (is_last ? 0 : VRING_DESC_F_NEXT),
			.next = is_last ? 0 : next,
		};
		id = next;
	}
}

static void
write_table(struct ring *ring, const struct ring_buffer *buffer, uint16_t id)
{
	uint16_t write = buffer->device_writes ? VRING_DESC_F_WRITE : 0;
	struct vring_desc *table = buffer->table;

	for (uint16_t i = 0; i < buffer->n; i++) {
		bool is_last = i + 1 == buffer->n;

		table[i] = (struct vring_desc){
			.addr = buffer->segments[i].address,
			.len = buffer->segments[i].len,
			.flags = write | (is_last ? 0 : VRING_DESC_F_NEXT),
			.next = is_last ? 0 : (uint16_t)(i + 1),
		};
	}
	ring->desc[id] = (struct vring_desc){
		.addr = guest_address(ring->memory, table),
		.len = (uint32_t)(buffer->n * sizeof(*table)),
		.flags = VRING_DESC_F_INDIRECT,
	};
}

static void
split_add(struct ring *ring, const struct ring_buffer *buffer, uint16_t id)
{
	if (buffer->table != NULL)
		write_table(ring, buffer, id);
	else
		write_chain(ring, buffer, id);
	ring->avail->ring[ring->next_avail % ring->size] = id;
	atomic_thread_fence(memory_order_release);
	ring->next_avail++;
	ring->added++;
	*(volatile uint16_t *)&ring->avail->idx = ring->next_avail;
}

static bool
split_peek(struct ring *ring, uint16_t *id, uint32_t *len)
{
	const struct vring_used_elem *element = &ring->used->ring[ring->last_used % ring->size];

	if (*(volatile uint16_t *)&ring->used->idx == ring->last_used)
		return false;
	atomic_thread_fence(memory_order_acquire);
	*id = (uint16_t)(element->id < ring->size ? element->id : RING_NONE);
	*len = element->len;
	return true;
}

static void
split_skip(struct ring *ring, uint16_t n)
{
	ring->last_used++;
}

static bool
split_kick_wanted(struct ring *ring)
{
	uint16_t to = ring->next_avail, from = (uint16_t)(to - ring->added);

	ring->added = 0;
	if (ring->event_index)
		return vring_need_event(avail_event(ring), to, from);
	return (*(volatile uint16_t *)&ring->used->flags & VRING_USED_F_NO_NOTIFY) == 0;
}

static void
split_interrupts(struct ring *ring, bool wanted)
{
	if (!ring->event_index)
		ring->avail->flags = wanted ? 0 : VRING_AVAIL_F_NO_INTERRUPT;
	else
		*used_event(ring) = (uint16_t)(ring->last_used - (wanted ? 0 : 1));
}

int
ring_split_start(struct ring *ring, struct guest_memory *memory)
{
	uint16_t size = ring->size;

	ring->desc = guest_memory_take(memory, size * sizeof(*ring->desc), 4096);
	ring->avail = guest_memory_take(
		memory, sizeof(*ring->avail) + (size + 1u) * sizeof(ring->avail->ring[0]), 64);
	ring->used = guest_memory_take(memory,
		sizeof(*ring->used) + size * sizeof(ring->used->ring[0]) + sizeof(uint16_t), 64);
	return ring->desc == NULL || ring->avail == NULL || ring->used == NULL ? -ENOMEM : 0;
}

const struct ring_ops ring_split_ops = {
	.add = split_add,
	.peek = split_peek,
	.skip = split_skip,
	.kick_wanted = split_kick_wanted,
	.interrupts = split_interrupts,
};
