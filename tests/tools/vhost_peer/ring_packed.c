/* SPDX-License-Identifier: Apache-2.0 */
#include "ring.h"

#include <errno.h>

#define FLAG_AVAIL (1u << VRING_PACKED_DESC_F_AVAIL)
#define FLAG_USED (1u << VRING_PACKED_DESC_F_USED)
#define WRAP_BIT (1u << VRING_PACKED_EVENT_F_WRAP_CTR)

static uint16_t
avail_flags(const struct ring *ring)
{
	return ring->avail_wrap ? FLAG_AVAIL : FLAG_USED;
}

static void
advance(const struct ring *ring, uint16_t *slot, bool *wrap, uint16_t n)
{
	*slot = (uint16_t)(*slot + n);
	if (*slot >= ring->size) {
		*slot = (uint16_t)(*slot - ring->size);
		*wrap = !*wrap;
	}
}

static void
write_table(const struct ring *ring, const struct ring_buffer *buffer, uint16_t id)
{
	struct vring_packed_desc *table = buffer->table, *slot = &ring->slots[ring->next_avail];

	for (uint16_t i = 0; i < buffer->n; i++)
		table[i] = (struct vring_packed_desc){
			.addr = buffer->segments[i].address,
			.len = buffer->segments[i].len,
			.flags = buffer->device_writes ? VRING_DESC_F_WRITE : 0,
		};
	slot->addr = guest_address(ring->memory, table);
	slot->len = (uint32_t)(buffer->n * sizeof(*table));
	slot->id = id;
}

// Writes all but the flags of the first slot, and returns these.
static uint16_t
write_chain(struct ring *ring, const struct ring_buffer *buffer, uint16_t id)
{
	uint16_t at = ring->next_avail, write = buffer->device_writes ? VRING_DESC_F_WRITE : 0;
	bool wrap = ring->avail_wrap;
	uint16_t first = 0;

	for (uint16_t i = 0; i < buffer->n; i++) {
		uint16_t flags = (wrap ? FLAG_AVAIL : FLAG_USED) | write
				 | (i + 1 < buffer->n ? VRING_DESC_F_NEXT : 0);

		ring->slots[at].addr = buffer->segments[i].address;
		ring->slots[at].len = buffer->segments[i].len;
		ring->slots[at].id = id;
		if (i == 0)
			first = flags;
		else
			ring->slots[at].flags = flags;
		advance(ring, &at, &wrap, 1);
	}
	return first;
}

static void
packed_add(struct ring *ring, const struct ring_buffer *buffer, uint16_t id)
{
	uint16_t flags, n = 1;

	if (buffer->table != NULL) {
		write_table(ring, buffer, id);
		flags = avail_flags(ring) | VRING_DESC_F_INDIRECT;
	} else {
		flags = write_chain(ring, buffer, id);
		n = buffer->n;
	}
	atomic_thread_fence(memory_order_release);
	*(volatile uint16_t *)&ring->slots[ring->next_avail].flags = flags;
	advance(ring, &ring->next_avail, &ring->avail_wrap, n);
	ring->added = (uint16_t)(ring->added + n);
}

static bool
packed_peek(struct ring *ring, uint16_t *id, uint32_t *len)
{
	const struct vring_packed_desc *slot = &ring->slots[ring->last_used];
	uint16_t flags = *(const volatile uint16_t *)&slot->flags;
	bool avail = (flags & FLAG_AVAIL) != 0, used = (flags & FLAG_USED) != 0;

	if (avail != used || used != ring->used_wrap)
		return false;
	atomic_thread_fence(memory_order_acquire);
	*id = slot->id;
	*len = slot->len;
	return true;
}

static void
packed_skip(struct ring *ring, uint16_t n)
{
	advance(ring, &ring->last_used, &ring->used_wrap, n);
}

static bool
packed_kick_wanted(struct ring *ring)
{
	struct vring_packed_desc_event event = {
		.flags = *(volatile uint16_t *)&ring->device->flags,
	};
	uint16_t to = ring->next_avail, from = (uint16_t)(to - ring->added), want;

	ring->added = 0;
	if (event.flags != VRING_PACKED_EVENT_FLAG_DESC)
		return event.flags != VRING_PACKED_EVENT_FLAG_DISABLE;
	event.off_wrap = *(volatile uint16_t *)&ring->device->off_wrap;
	want = event.off_wrap & (uint16_t)~WRAP_BIT;
	if (((event.off_wrap & WRAP_BIT) != 0) != ring->avail_wrap)
		want = (uint16_t)(want - ring->size);
	return vring_need_event(want, to, from);
}

static void
packed_interrupts(struct ring *ring, bool wanted)
{
	struct vring_packed_desc_event *event = ring->driver;

	if (!wanted) {
		event->flags = VRING_PACKED_EVENT_FLAG_DISABLE;
		return;
	}
	event->off_wrap = ring->last_used | (ring->used_wrap ? WRAP_BIT : 0);
	atomic_thread_fence(memory_order_release);
	event->flags =
		ring->event_index ? VRING_PACKED_EVENT_FLAG_DESC : VRING_PACKED_EVENT_FLAG_ENABLE;
}

int
ring_packed_start(struct ring *ring, struct guest_memory *memory)
{
	ring->slots = guest_memory_take(memory, ring->size * sizeof(*ring->slots), 4096);
	ring->driver = guest_memory_take(memory, sizeof(*ring->driver), 64);
	ring->device = guest_memory_take(memory, sizeof(*ring->device), 64);
	ring->avail_wrap = ring->used_wrap = true;
	return ring->slots == NULL || ring->driver == NULL || ring->device == NULL ? -ENOMEM : 0;
}

const struct ring_ops ring_packed_ops = {
	.add = packed_add,
	.peek = packed_peek,
	.skip = packed_skip,
	.kick_wanted = packed_kick_wanted,
	.interrupts = packed_interrupts,
};
