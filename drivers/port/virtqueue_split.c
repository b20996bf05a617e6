/* SPDX-License-Identifier: Apache-2.0 */

// Split rings (virtio 1.2, 2.7).

#include <errno.h>
#include <stdio.h>

#include "virtqueue_burst.h"

#define DESC_BYTES 16u
#define RING_OFFSET 4u // behind flags and idx, in both rings
#define USED_BYTES 8u
#define DESC_KIND (VRING_DESC_F_NEXT | VRING_DESC_F_WRITE | VRING_DESC_F_INDIRECT)

static inline uint8_t *
desc_at(const struct virtqueue *vq, uint16_t i)
{
	return vq->desc + (size_t)i * DESC_BYTES;
}

static inline struct virtqueue_desc
read_desc(const struct virtqueue *vq, uint16_t i)
{
	uint64_t rest = virtqueue_load64(desc_at(vq, i) + 8);

	return (struct virtqueue_desc){
		.addr = virtqueue_load64(desc_at(vq, i)),
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
read_heads(struct virtqueue *vq, uint16_t *heads, uint16_t n)
{
	for (uint16_t i = 0; i < n; i++) {
		heads[i] = read_head(vq, (uint16_t)(vq->next + i));
		if (unlikely(heads[i] >= vq->size)) {
			virtqueue_break(vq, "the available ring names no descriptor");
			return false;
		}
		rte_prefetch0(desc_at(vq, heads[i]));
	}
	return true;
}

static inline uint16_t
collect_rx(struct virtqueue *vq, struct virtqueue_batch *batch, uint16_t n, uint32_t room)
{
	uint16_t waiting = available(vq, vq->next, n), i;
	uint32_t header_len = vq->header_len;

	batch->complex = false;
	n = (uint16_t)RTE_MIN(n, waiting);
	if (n == 0 || !read_heads(vq, batch->id, n))
		return 0;
	for (i = 0; i < n; i++) {
		struct virtqueue_desc desc = read_desc(vq, batch->id[i]);
		uint32_t len = desc.len - header_len; // huge when shorter

		if (unlikely(
			    (desc.flags & DESC_KIND) != 0 || len > room || len < RTE_ETHER_HDR_LEN))
			break;
		batch->host[i] = virtqueue_map(vq, desc.addr, header_len + copy_rounded(len));
		if (unlikely(batch->host[i] == NULL))
			break;
		batch->len[i] = desc.len;
		rte_prefetch0(batch->host[i] + header_len);
	}
	batch->complex = i < n;
	return i;
}

static inline uint16_t
collect_tx(struct virtqueue *vq, struct virtqueue_batch *batch, struct rte_mbuf *const *pkts,
	uint16_t n)
{
	uint16_t waiting = available(vq, vq->next, n), i;

	batch->complex = false;
	n = (uint16_t)RTE_MIN(n, waiting);
	if (n == 0 || !read_heads(vq, batch->id, n))
		return 0;
	for (i = 0; i < n; i++) {
		struct virtqueue_desc desc = read_desc(vq, batch->id[i]);
		uint32_t len = vq->header_len + pkts[i]->pkt_len;

		if (unlikely((desc.flags & DESC_KIND) != VRING_DESC_F_WRITE || desc.len < len
			     || !virtqueue_is_plain(vq, pkts[i])))
			break;
		batch->host[i] = virtqueue_map(vq, desc.addr, len);
		if (unlikely(batch->host[i] == NULL))
			break;
		batch->len[i] = len;
		rte_prefetch0(batch->host[i]);
		virtqueue_prefetch_write(batch->host[i] + vq->header_len);
	}
	batch->complex = i < n;
	return i;
}

static inline void
write_used(struct virtqueue *vq, uint16_t id, uint32_t len)
{
	uint8_t *used = vq->device + RING_OFFSET + USED_BYTES * (vq->next & vq->mask);

	virtqueue_store32(used, id);
	virtqueue_store32(used + 4, len);
	vq->next++;
}

static inline void
give_rx(struct virtqueue *vq, const struct virtqueue_batch *batch, uint16_t n)
{
	for (uint16_t i = 0; i < n; i++)
		write_used(vq, batch->id[i], 0);
}

static inline void
give_tx(struct virtqueue *vq, const struct virtqueue_batch *batch, uint16_t n)
{
	for (uint16_t i = 0; i < n; i++)
		write_used(vq, batch->id[i], batch->len[i]);
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
flush(struct virtqueue *vq)
{
	if (vq->given == vq->next)
		return;
	__atomic_store_n((uint16_t *)(void *)(vq->device + 2), vq->next, __ATOMIC_RELEASE);
	if (vq->call_fd >= 0) {
		virtqueue_fence(); // the index is seen before we look whether the guest sleeps
		if (call_wanted(vq))
			virtqueue_call(vq);
	}
	vq->given = vq->next;
}

static const struct virtqueue_steps steps = {
	.collect_rx = collect_rx,
	.collect_tx = collect_tx,
	.give_rx = give_rx,
	.give_tx = give_tx,
	.flush = flush,
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
		desc = read_desc(vq, head);
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
	write_used(vq, buffer->id, written);
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

static bool
misaligned(const void *ring, uintptr_t alignment)
{
	return ((uintptr_t)ring & (alignment - 1)) != 0;
}

static int
start(struct virtqueue *vq, const struct virtqueue_config *config, char *reason, size_t reason_len)
{
	if ((config->size & (config->size - 1)) != 0 || misaligned(config->desc, 16)
		|| misaligned(config->driver, 2) || misaligned(config->device, 4)) {
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

const struct virtqueue_layout virtqueue_split = {
	.rx = rx,
	.tx = tx,
	.take = take,
	.give = give,
	.arm = arm,
	.disarm = disarm,
	.start = start,
	.position_fits = position_fits,
};
