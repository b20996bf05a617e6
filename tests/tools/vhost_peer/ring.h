/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VHOST_PEER_RING_H
#define VHOST_PEER_RING_H

// The driver's side of a virtqueue (virtio 1.2, 2.7 split, 2.8 packed).

#include <linux/virtio_ring.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "guest_memory.h"

#define RING_SEGMENTS_MAX 32
#define RING_TABLE_BYTES (RING_SEGMENTS_MAX * sizeof(struct vring_desc)) // indirect
#define RING_NONE UINT16_MAX

struct ring_segment {
	uint64_t address;
	uint32_t len;
};

struct ring_buffer {
	const struct ring_segment *segments;
	uint16_t n; // 1 to RING_SEGMENTS_MAX
	bool device_writes;
	uint32_t cookie; // given back with the buffer
	void *table; // RING_TABLE_BYTES of guest memory: indirect; else NULL
};

struct ring;

struct ring_ops {
	void (*add)(struct ring *ring, const struct ring_buffer *buffer, uint16_t id);
	// The next used element without taking it; false: none.
	bool (*peek)(struct ring *ring, uint16_t *id, uint32_t *len);
	// Goes on behind a buffer of n descriptors.
	void (*skip)(struct ring *ring, uint16_t n);
	bool (*kick_wanted)(struct ring *ring);
	void (*interrupts)(struct ring *ring, bool wanted);
};

struct ring_entry {
	uint32_t cookie;
	uint16_t n; // descriptors; 0 = not in the ring
	uint16_t next; // of the free list, and within a split chain
};

struct ring {
	const struct ring_ops *ops;
	const struct guest_memory *memory;
	bool packed, event_index, in_order;
	uint16_t size, free; // free descriptors
	uint16_t free_head, free_tail; // identifiers; split: of descriptors
	uint16_t order_head; // in order: the buffer that is used next
	bool in_batch; // in order: one element stands for all up to batch_last
	uint16_t batch_last;
	uint32_t batch_len;
	uint16_t next_avail, last_used; // split: free running; packed: slots
	bool avail_wrap, used_wrap;
	uint16_t added; // since the last kick: split: buffers; packed: slots
	const char *broken; // what the device did wrong
	struct ring_entry *entries;
	union {
		struct {
			struct vring_desc *desc;
			struct vring_avail *avail;
			struct vring_used *used;
		};
		struct {
			struct vring_packed_desc *slots;
			struct vring_packed_desc_event *driver, *device;
		};
	};
};

// Bytes of guest memory, of either kind.
size_t ring_bytes(uint16_t size);

// Takes memory and starts an empty ring; entries are kept when there are some of that size.
// Returns 0 or -ENOMEM.
int ring_start(struct ring *ring, struct guest_memory *memory, uint16_t size, uint64_t features);
void ring_free(struct ring *ring);

// 0, or -ENOSPC.
int ring_add(struct ring *ring, const struct ring_buffer *buffer);
// Takes the next used buffer; false: none now, or ring->broken.
bool ring_get(struct ring *ring, uint32_t *cookie, uint32_t *len);
// Whether the device asked for a kick about what was added since the last call.
bool ring_kick_wanted(struct ring *ring);
// Returns true when buffers came meanwhile.
bool ring_interrupts(struct ring *ring, bool wanted);

// What SET_VRING_BASE says of the ring as it is.
uint32_t ring_base(const struct ring *ring);

// For the two kinds.
extern const struct ring_ops ring_split_ops, ring_packed_ops;
int ring_split_start(struct ring *ring, struct guest_memory *memory);
int ring_packed_start(struct ring *ring, struct guest_memory *memory);

#endif
