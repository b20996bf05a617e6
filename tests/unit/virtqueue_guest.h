/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_UNIT_VIRTQUEUE_GUEST_H
#define TESTS_UNIT_VIRTQUEUE_GUEST_H

// A guest's driver in memory: the other side of drivers/port/virtqueue.h, both ring layouts. Its
// memory is several regions that follow each other for the guest but not for the host, each
// allocated to the byte, and buffers lie across their ends. What the device may never do (give back
// what it does not have, write more than it may) aborts.

#include <linux/virtio_config.h>
#include <linux/virtio_net.h>
#include <linux/virtio_ring.h>
#include <stdbool.h>
#include <stdint.h>

#include "virtqueue.h"

#define GUEST_SIZE_MAX 1024
#define GUEST_PIECES_MAX 40
#define GUEST_TABLE_BYTES (16u * GUEST_PIECES_MAX)
#define GUEST_BASE 0x12345000u // of its memory
#define GUEST_FEATURE(bit) (UINT64_C(1) << (bit))

struct guest_record {
	bool active;
	uint16_t slots; // descriptors of the ring that it takes
	uint16_t n; // pieces
	uint64_t addr[GUEST_PIECES_MAX];
	uint32_t len[GUEST_PIECES_MAX];
};

struct guest {
	struct virtqueue *vq;
	struct virtqueue_config config;
	struct virtqueue_memory memory;
	int call_fd;
	uint64_t bytes; // of memory
	uint32_t chunk; // bytes of memory that a buffer has
	uint32_t header_len;
	bool packed, in_order, event_idx, write; // write: buffers are for the device to fill
	uint64_t random;

	uint16_t avail, published, used; // split: free running; packed: slots
	bool avail_wrap, published_wrap, used_wrap;
	uint64_t held; // packed: second half of the first descriptor not yet published
	bool holds;
	uint16_t n_free; // descriptors (split), slots (packed)
	uint16_t free_ids[GUEST_SIZE_MAX];
	uint16_t n_ids;
	uint16_t next_desc; // in order
	uint16_t order[GUEST_SIZE_MAX]; // ids as they were made available
	uint32_t order_head, order_tail;
	bool in_batch;
	uint16_t batch_id;
	struct guest_record records[GUEST_SIZE_MAX];
};

struct guest_options {
	uint16_t size;
	uint64_t features;
	bool write;
	uint32_t chunk; // bytes a buffer at most
	uint64_t seed;
	uint16_t position; // where both stand at the start (split), slot (packed)
	bool lends; // the device may lend what it receives
};

struct guest *guest_create(const struct guest_options *options);
void guest_destroy(struct guest *guest);

uint32_t guest_random(struct guest *guest, uint32_t below);

void guest_write(const struct guest *guest, uint64_t addr, const void *bytes, uint32_t len);
void guest_read(const struct guest *guest, uint64_t addr, void *bytes, uint32_t len);
// Where the next buffer will lie.
uint64_t guest_chunk(const struct guest *guest, uint16_t id);

// Makes a buffer of n pieces available, bytes in it if not NULL. Published later. Returns false
// when the ring has no room.
bool guest_post(
	struct guest *guest, const uint8_t *bytes, const uint32_t *lens, uint16_t n, bool indirect);
// Returns true when the device asked for a kick.
bool guest_publish(struct guest *guest);
// Header and frame in one piece, published.
bool guest_send(struct guest *guest, const void *frame, uint32_t len);

// Takes back one used buffer. Returns false when there is none. *len: what the device says that it
// wrote; bytes get that much, at most 'room'.
bool guest_reap(struct guest *guest, uint8_t *bytes, uint32_t room, uint32_t *len);
// A received frame, out of as many buffers as its header says; without the header.
bool guest_receive(struct guest *guest, struct virtio_net_hdr *header, uint8_t *frame,
	uint32_t room, uint32_t *len);

// Notifications: never, always, or at the buffer that comes 'after' others from now.
void guest_calls_off(struct guest *guest);
void guest_calls_on(struct guest *guest);
void guest_calls_after(struct guest *guest, uint16_t after);
// How many came since last asked.
uint64_t guest_calls(struct guest *guest);

#endif
