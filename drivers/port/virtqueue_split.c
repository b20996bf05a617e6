/* SPDX-License-Identifier: Apache-2.0 */

// Split rings (virtio 1.2, 2.7).

#include <errno.h>
#include <stdio.h>

#include "virtqueue_burst.h"

#define DESC_BYTES 16u
#define DESCS_PER_LINE (RTE_CACHE_LINE_SIZE / DESC_BYTES)
#define RING_OFFSET 4u // behind flags and idx, in both rings
#define USED_BYTES 8u
#define DESC_KIND (VRING_DESC_F_NEXT | VRING_DESC_F_WRITE | VRING_DESC_F_INDIRECT)

static inline struct virtqueue_desc
read_desc(const uint8_t *descs, uint16_t i)
{
	const uint8_t *at = descs + (size_t)i * DESC_BYTES;
	uint64_t rest = virtqueue_load64(at + 8);

	return (struct virtqueue_desc){
		.addr = virtqueue_load64(at),
		.len = (uint32_t)rest,
		.flags = (uint16_t)(rest >> 32),
		.id = (uint16_t)(rest >> 48), // next
	};
}

static inline uint16_t
read_head(const struct virtqueue *vq, uint16_t position)
{
	return virtqueue_load16(vq->driver + RING_OFFSET + 2u * (position & vq->mask));
}

static inline uint16_t
read_avail_idx(const struct virtqueue *vq)
{
	return __atomic_load_n((const uint16_t *)(const void *)(vq->driver + 2), __ATOMIC_ACQUIRE);
}

// How many buffers wait; looks at the guest's index only when fewer than 'wanted' are known.
static inline uint16_t
available(struct virtqueue *vq, uint16_t next, uint16_t wanted)
{
	uint16_t waiting = (uint16_t)(vq->seen - next);

	if (waiting >= wanted)
		return waiting;
	vq->seen = read_avail_idx(vq);
	waiting = (uint16_t)(vq->seen - next);
	if (likely(waiting <= vq->size))
		return waiting;
	vq->seen = next;
	virtqueue_break(vq, "the available index is further ahead than the ring is long");
	return 0;
}

static inline bool
head_is_bad(struct virtqueue *vq, uint16_t head)
{
	if (likely(head <= vq->mask))
		return false;
	virtqueue_break(vq, "the available ring names no descriptor");
	return true;
}

static inline uint16_t
collect_rx(struct virtqueue *vq, struct virtqueue_batch *batch, uint16_t n, uint32_t room)
{
	const uint8_t *descs = vq->desc, *ring = vq->driver + RING_OFFSET;
	uint32_t waiting = available(vq, vq->next, n), i;
	struct virtqueue_window window = virtqueue_window(vq);
	uint32_t header_len = vq->header_len, mask = vq->mask, next = vq->next;
	uint32_t shortest = header_len + RTE_ETHER_HDR_LEN, spread = room - RTE_ETHER_HDR_LEN;

	waiting = RTE_MIN(n, waiting);
	if (waiting > 0)
		virtqueue_prefetch_write(vq->device); // for publish
	for (i = 0; i < waiting; i++) {
		uint16_t head = virtqueue_load16(ring + 2 * ((next + i) & mask));
		struct virtqueue_desc desc;

		if (unlikely(head_is_bad(vq, head)))
			break;
		desc = read_desc(descs, head);
		if (unlikely((desc.flags & DESC_KIND) != 0 || desc.len - shortest > spread))
			break;
		batch->host[i] = virtqueue_map_window(
			vq, &window, desc.addr, copy_rounded(desc.len - header_len) + header_len);
		if (unlikely(batch->host[i] == NULL))
			break;
		batch->len[i] = desc.len;
		batch->id[i] = head;
		if (i < VIRTQUEUE_AHEAD)
			rte_prefetch0(batch->host[i] + header_len);
	}
	batch->complex = i < waiting && !virtqueue_is_broken(vq);
	return (uint16_t)i;
}

static inline uint16_t
collect_tx(struct virtqueue *vq, struct virtqueue_batch *batch, struct rte_mbuf *const *pkts,
	uint16_t n)
{
	const uint8_t *descs = vq->desc, *ring = vq->driver + RING_OFFSET;
	uint32_t waiting = available(vq, vq->next, n), i;
	struct virtqueue_window window = virtqueue_window(vq);
	uint32_t header_len = vq->header_len, mask = vq->mask, next = vq->next;
	uint64_t metadata = vq->metadata;

	batch->says = 0;
	waiting = RTE_MIN(n, waiting);
	if (waiting > 0)
		virtqueue_prefetch_write(vq->device); // for publish
	for (i = 0; i < waiting; i++) {
		uint16_t head = virtqueue_load16(ring + 2 * ((next + i) & mask));
		uint32_t len = header_len + pkts[i]->pkt_len;
		struct virtqueue_desc desc;

		if (unlikely(head_is_bad(vq, head)))
			break;
		desc = read_desc(descs, head);
		if (unlikely((desc.flags & DESC_KIND) != VRING_DESC_F_WRITE || desc.len < len
			     || !virtqueue_fits_simple(vq, batch, pkts[i], i, metadata)))
			break;
		batch->host[i] = virtqueue_map_window(vq, &window, desc.addr, len);
		if (unlikely(batch->host[i] == NULL))
			break;
		batch->len[i] = len;
		batch->id[i] = head;
		if (i < VIRTQUEUE_AHEAD)
			virtqueue_prefetch_room(batch->host[i], header_len);
	}
	batch->complex = i < waiting && !virtqueue_is_broken(vq);
	return (uint16_t)i;
}

static inline void
write_used(uint8_t *ring, uint32_t slot, uint32_t id, uint32_t len)
{
	uint64_t entry = id | (uint64_t)len << 32;

	memcpy(ring + USED_BYTES * slot, &entry, sizeof(entry)); // 4 bytes aligned
}

static inline void
give_rx(struct virtqueue *vq, const struct virtqueue_batch *batch, uint16_t n)
{
	uint8_t *ring = vq->device + RING_OFFSET;
	uint32_t mask = vq->mask, next = vq->next;

	for (uint32_t i = 0; i < n; i++)
		write_used(ring, (next + i) & mask, batch->id[i], 0);
	vq->next = (uint16_t)(next + n);
}

static inline void
give_tx(struct virtqueue *vq, const struct virtqueue_batch *batch, uint16_t n)
{
	uint8_t *ring = vq->device + RING_OFFSET;
	uint32_t mask = vq->mask, next = vq->next;

	for (uint32_t i = 0; i < n; i++)
		write_used(ring, (next + i) & mask, batch->id[i], batch->len[i]);
	vq->next = (uint16_t)(next + n);
}

// virtio 1.2, 2.7.7.2
static inline bool
call_wanted(const struct virtqueue *vq)
{
	if (!vq->event_idx)
		return (virtqueue_load16(vq->driver) & VRING_AVAIL_F_NO_INTERRUPT) == 0;
	return virtqueue_passed(
		virtqueue_load16(vq->driver + RING_OFFSET + 2u * vq->size), vq->next, vq->given);
}

static inline void
publish(struct virtqueue *vq)
{
	__atomic_store_n((uint16_t *)(void *)(vq->device + 2), vq->next, __ATOMIC_RELEASE);
}

static inline void
notify(struct virtqueue *vq)
{
	if (vq->call_fd >= 0) {
		virtqueue_fence(); // the index is seen before we look whether the guest sleeps
		if (call_wanted(vq))
			virtqueue_call(vq);
	}
	vq->given = vq->next;
}

static inline void
look_ahead(const struct virtqueue *vq, uint16_t n, bool write)
{
	uint16_t waiting = (uint16_t)(vq->seen - vq->next);

	(void)write; // what is used goes elsewhere
	n = (uint16_t)RTE_MIN(n, waiting);
	for (uint16_t i = 0; i < n; i = (uint16_t)(i + DESCS_PER_LINE))
		rte_prefetch0(
			vq->desc + (size_t)read_head(vq, (uint16_t)(vq->next + i)) * DESC_BYTES);
}

static void
show(struct virtqueue *vq)
{
	publish(vq);
	notify(vq);
}

static const struct virtqueue_steps steps = {
	.collect_rx = collect_rx,
	.collect_tx = collect_tx,
	.give_rx = give_rx,
	.give_tx = give_tx,
	.publish = publish,
	.notify = notify,
	.look_ahead = look_ahead,
};

static uint16_t
rx(struct virtqueue *vq, const struct buffer_pools *pools, struct rte_mbuf **pkts, uint16_t n)
{
	return virtqueue_rx_burst(vq, pools, pkts, n, &steps);
}

static uint16_t
tx(struct virtqueue *vq, struct rte_mbuf **pkts, uint16_t n, enum port_tx_stop *stop)
{
	return virtqueue_tx_burst(vq, pkts, n, stop, &steps);
}

static inline uint8_t *
used_slot(const struct virtqueue *vq, uint16_t position)
{
	return vq->device + RING_OFFSET + USED_BYTES * (position & vq->mask);
}

static enum virtqueue_result
take_chain(struct virtqueue *vq, uint16_t head, uint16_t access, struct virtqueue_chain *chain)
{
	enum virtqueue_result result;
	struct virtqueue_desc desc;

	for (uint32_t walked = 0; walked < vq->size; walked++) {
		if (head >= vq->size)
			return virtqueue_break(vq, "a chain's link names no descriptor");
		if (walked == VIRTQUEUE_PIECES_MAX)
			return VIRTQUEUE_TOO_LONG;
		desc = read_desc(vq->desc, head);
		if ((desc.flags & VRING_DESC_F_INDIRECT) != 0) {
			if ((desc.flags & VRING_DESC_F_NEXT) != 0)
				return virtqueue_break(
					vq, "a descriptor is indirect and has a next");
			return virtqueue_add_table(vq, chain, &desc, access, true);
		}
		if ((desc.flags & VRING_DESC_F_WRITE) != access)
			return virtqueue_break(vq, "a descriptor has the wrong direction");
		result = virtqueue_add_pieces(vq, chain, desc.addr, desc.len);
		if (result != VIRTQUEUE_OK || (desc.flags & VRING_DESC_F_NEXT) == 0)
			return result;
		head = desc.id;
	}
	return virtqueue_break(vq, "a chain is longer than the ring");
}

static enum virtqueue_result
take(struct virtqueue *vq, struct virtqueue_cursor *cursor, uint16_t access,
	struct virtqueue_chain *chain, struct virtqueue_buffer *buffer)
{
	uint32_t before = chain->len;
	enum virtqueue_result result;

	if (available(vq, cursor->next, 1) == 0)
		return virtqueue_is_broken(vq) ? VIRTQUEUE_BROKEN : VIRTQUEUE_EMPTY;
	virtqueue_prefetch_write(used_slot(vq, cursor->next)); // for give
	buffer->id = read_head(vq, cursor->next);
	buffer->slots = 1;
	result = take_chain(vq, buffer->id, access, chain);
	buffer->len = chain->len - before;
	cursor->next++;
	return result;
}

static void
give(struct virtqueue *vq, const struct virtqueue_buffer *buffer, uint32_t written)
{
	write_used(vq->device + RING_OFFSET, (uint32_t)vq->next & vq->mask, buffer->id, written);
	vq->next++;
}

// Where the guest looks whether to kick: the used ring's flags, or behind its entries.
static bool
arm(struct virtqueue *vq)
{
	if (vq->event_idx)
		virtqueue_store16(vq->device + RING_OFFSET + USED_BYTES * vq->size, vq->next);
	virtqueue_store16(vq->device, 0);
	virtqueue_fence();
	return available(vq, vq->next, UINT16_MAX) > 0;
}

// With event_idx an event of the past is as good as none.
static void
disarm(struct virtqueue *vq)
{
	if (!vq->event_idx)
		virtqueue_store16(vq->device, VRING_USED_F_NO_NOTIFY);
}

static int
start(struct virtqueue *vq, const struct virtqueue_config *config, char *reason, size_t reason_len)
{
	if ((config->size & (config->size - 1)) != 0 || !virtqueue_is_aligned(config->desc, 16)
		|| !virtqueue_is_aligned(config->driver, 2)
		|| !virtqueue_is_aligned(config->device, 4)) {
		snprintf(reason, reason_len,
			"split ring of %u entries: no power of 2, or a ring is misaligned",
			config->size);
		return -EINVAL;
	}
	vq->mask = (uint16_t)(config->size - 1);
	vq->seen = vq->next;
	return 0;
}

static bool
position_fits(const struct virtqueue_config *config, const struct virtqueue_position *position)
{
	uint16_t avail = virtqueue_load16((const uint8_t *)config->driver + 2);
	uint16_t used = virtqueue_load16((const uint8_t *)config->device + 2);

	return position->used == used && (uint16_t)(avail - used) <= config->size;
}

VIRTQUEUE_LAYOUT(virtqueue_split, NULL);
