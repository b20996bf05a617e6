/* SPDX-License-Identifier: Apache-2.0 */

// Packed rings (virtio 1.2, 2.8): one ring of descriptors that both sides write.

#include <errno.h>
#include <stdio.h>

#include "virtqueue_burst.h"

#define DESC_BYTES VIRTQUEUE_PACKED_DESC_BYTES
#define DESCS_PER_LINE (RTE_CACHE_LINE_SIZE / DESC_BYTES)
#define AVAIL VIRTQUEUE_PACKED_AVAIL
#define USED VIRTQUEUE_PACKED_USED
#define DESC_KIND (VRING_DESC_F_NEXT | VRING_DESC_F_WRITE | VRING_DESC_F_INDIRECT)
#define EVENT_WRAP VIRTQUEUE_PACKED_WRAP

static inline uint8_t *
desc_at(const struct virtqueue *vq, uint16_t slot)
{
	return vq->desc + (size_t)slot * DESC_BYTES;
}

// The half with the flags comes first: what they announce is seen with them.
static inline struct virtqueue_desc
read_desc(const uint8_t *descs, uint32_t slot)
{
	const uint8_t *at = descs + (size_t)slot * DESC_BYTES;
	uint64_t rest = __atomic_load_n((const uint64_t *)(const void *)(at + 8), __ATOMIC_ACQUIRE);

	return (struct virtqueue_desc){
		.addr = virtqueue_load64(at),
		.len = (uint32_t)rest,
		.id = (uint16_t)(rest >> 32),
		.flags = (uint16_t)(rest >> 48),
	};
}

// virtio 1.2, 2.8.1: available when the AVAIL bit is the driver's wrap counter and USED is not.
static inline bool
is_available(uint16_t flags, bool wrap)
{
	return (flags & (AVAIL | USED)) == (wrap ? AVAIL : USED);
}

static inline void
advance(const struct virtqueue *vq, uint16_t *slot, bool *wrap, uint16_t slots)
{
	uint32_t next = (uint32_t)*slot + slots;

	if (next >= vq->size) {
		next -= vq->size;
		*wrap = !*wrap;
	}
	*slot = (uint16_t)next;
}

// Lines of the ring behind the one at 'from'.
static inline void
prefetch_ring(const struct virtqueue *vq, uint16_t from, uint16_t n, bool write)
{
	for (uint16_t i = from; i < n; i = (uint16_t)(i + DESCS_PER_LINE)) {
		if (vq->next + i >= vq->size)
			return;
		if (write)
			virtqueue_prefetch_write(desc_at(vq, (uint16_t)(vq->next + i)));
		else
			rte_prefetch0(desc_at(vq, (uint16_t)(vq->next + i)));
	}
}

static inline uint16_t
collect_rx(struct virtqueue *vq, struct virtqueue_batch *batch, uint16_t n, uint32_t room)
{
	struct virtqueue_window window = virtqueue_window(vq);
	uint32_t header_len = vq->header_len, size = vq->size, slot = vq->next, i;
	uint32_t shortest = header_len + RTE_ETHER_HDR_LEN, spread = room - RTE_ETHER_HDR_LEN;
	const uint8_t *descs = vq->desc;
	bool wrap = vq->wrap;

	batch->complex = false;
	for (i = 0; i < n; i++) {
		struct virtqueue_desc desc = read_desc(descs, slot);

		if (!is_available(desc.flags, wrap))
			return (uint16_t)i;
		if (i == 0) {
			virtqueue_prefetch_write(descs + slot * DESC_BYTES); // for publish
			prefetch_ring(vq, DESCS_PER_LINE, n, !vq->in_order);
		}
		if (unlikely((desc.flags & DESC_KIND) != 0 || desc.len - shortest > spread))
			break;
		batch->host[i] = virtqueue_map_window(
			vq, &window, desc.addr, copy_rounded(desc.len - header_len) + header_len);
		if (unlikely(batch->host[i] == NULL))
			break;
		batch->len[i] = desc.len;
		batch->id[i] = desc.id;
		if (i < VIRTQUEUE_AHEAD)
			rte_prefetch0(batch->host[i] + header_len);
		if (++slot == size) {
			slot = 0;
			wrap = !wrap;
		}
	}
	batch->complex = i < n;
	return (uint16_t)i;
}

static inline uint16_t
collect_tx(struct virtqueue *vq, struct virtqueue_batch *batch, struct rte_mbuf *const *pkts,
	uint16_t n)
{
	struct virtqueue_window window = virtqueue_window(vq);
	uint32_t header_len = vq->header_len, size = vq->size, slot = vq->next, i;
	uint64_t metadata = vq->metadata;
	const uint8_t *descs = vq->desc;
	bool wrap = vq->wrap;

	batch->says = 0;
	batch->complex = false;
	for (i = 0; i < n; i++) {
		struct virtqueue_desc desc = read_desc(descs, slot);
		uint32_t len = header_len + pkts[i]->pkt_len;

		if (!is_available(desc.flags, wrap))
			return (uint16_t)i;
		if (i == 0) {
			virtqueue_prefetch_write(descs + slot * DESC_BYTES); // for publish
			prefetch_ring(vq, DESCS_PER_LINE, n, true);
		}
		if (unlikely((desc.flags & DESC_KIND) != VRING_DESC_F_WRITE || desc.len < len
			     || !virtqueue_fits_simple(vq, batch, pkts[i], i, metadata)))
			break;
		batch->host[i] = virtqueue_map_window(vq, &window, desc.addr, len);
		if (unlikely(batch->host[i] == NULL))
			break;
		batch->len[i] = len;
		batch->id[i] = desc.id;
		if (i < VIRTQUEUE_AHEAD)
			virtqueue_prefetch_room(batch->host[i], header_len);
		if (++slot == size) {
			slot = 0;
			wrap = !wrap;
		}
	}
	batch->complex = i < n;
	return (uint16_t)i;
}

static inline uint64_t
used_flags(bool wrap)
{
	return wrap ? (uint64_t)(AVAIL | USED) << 48 : 0;
}

// The guest reads used descriptors in order: it sees none before the first of a burst, which is
// kept back until the burst's end.
static inline void
write_used(struct virtqueue *vq, uint16_t id, uint32_t len, uint16_t flags, uint16_t slots)
{
	uint64_t rest = used_flags(vq->wrap) | len | (uint64_t)id << 32 | (uint64_t)flags << 48;

	if (vq->next == vq->given && vq->wrap == vq->given_wrap)
		vq->held = rest;
	else
		virtqueue_store64(desc_at(vq, vq->next) + 8, rest);
	advance(vq, &vq->next, &vq->wrap, slots);
}

// All but the first of a batch.
static inline void
write_rest(struct virtqueue *vq, const struct virtqueue_batch *batch, uint16_t n, bool write)
{
	uint64_t flags = write ? (uint64_t)VRING_DESC_F_WRITE << 48 : 0;
	uint64_t used = flags | used_flags(vq->wrap);
	uint32_t slot = vq->next, size = vq->size;
	uint8_t *descs = vq->desc;

	for (uint32_t i = 1; i < n; i++) {
		uint32_t len = write ? batch->len[i] : 0;

		virtqueue_store64(
			descs + slot * DESC_BYTES + 8, used | len | (uint64_t)batch->id[i] << 32);
		if (unlikely(++slot == size)) {
			slot = 0;
			vq->wrap = !vq->wrap;
			used = flags | used_flags(vq->wrap);
		}
	}
	vq->next = (uint16_t)slot;
}

// virtio 1.2, 2.8.9: one used descriptor with the last one's id stands for the batch, in the place
// of the first.
static inline void
give_rx(struct virtqueue *vq, const struct virtqueue_batch *batch, uint16_t n)
{
	if (n == 0)
		return;
	if (vq->in_order) {
		write_used(vq, batch->id[n - 1], 0, 0, n);
		return;
	}
	write_used(vq, batch->id[0], 0, 0, 1);
	write_rest(vq, batch, n, false);
}

static inline void
give_tx(struct virtqueue *vq, const struct virtqueue_batch *batch, uint16_t n)
{
	write_used(vq, batch->id[0], batch->len[0], VRING_DESC_F_WRITE, 1);
	write_rest(vq, batch, n, true);
}

// virtio 1.2, 2.8.14: the event is a slot with its wrap counter.
static inline bool
event_passed(const struct virtqueue *vq, uint16_t off_wrap)
{
	uint16_t event = off_wrap & (EVENT_WRAP - 1), old = vq->given;

	if (vq->next <= old)
		old = (uint16_t)(old - vq->size);
	if (vq->wrap != (off_wrap >> VRING_PACKED_EVENT_F_WRAP_CTR))
		event = (uint16_t)(event - vq->size);
	return virtqueue_passed(event, vq->next, old);
}

static inline bool
call_wanted(const struct virtqueue *vq)
{
	uint16_t off_wrap = virtqueue_load16(vq->driver);
	uint16_t flags = virtqueue_load16(vq->driver + 2) & 3;

	if (flags == VRING_PACKED_EVENT_FLAG_DESC && vq->event_idx)
		return event_passed(vq, off_wrap);
	return flags != VRING_PACKED_EVENT_FLAG_DISABLE;
}

static inline void
keep_position(struct virtqueue *vq)
{
	virtqueue_store16(vq->device, (uint16_t)(vq->next | (vq->wrap ? EVENT_WRAP : 0)));
}

static inline void
publish(struct virtqueue *vq)
{
	__atomic_store_n(
		(uint64_t *)(void *)(desc_at(vq, vq->given) + 8), vq->held, __ATOMIC_RELEASE);
	if (unlikely(vq->chained))
		keep_position(vq);
}

static inline void
notify(struct virtqueue *vq)
{
	if (vq->call_fd >= 0) {
		virtqueue_fence(); // the flags are seen before we look whether the guest sleeps
		if (call_wanted(vq))
			virtqueue_call(vq);
	}
	vq->given = vq->next;
	vq->given_wrap = vq->wrap;
}

// Whether they are available yet is not known; after a full burst they should be.
static inline void
look_ahead(const struct virtqueue *vq, uint16_t n, bool write)
{
	prefetch_ring(vq, 0, n, write);
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

// One descriptor of a chain, which has 'before' others in front of it.
static enum virtqueue_result
add_desc(struct virtqueue *vq, const struct virtqueue_desc *desc, uint16_t before, uint16_t access,
	struct virtqueue_chain *chain)
{
	if ((desc->flags & VRING_DESC_F_INDIRECT) != 0) {
		if ((desc->flags & VRING_DESC_F_NEXT) != 0 || before > 0)
			return virtqueue_break(vq, "an indirect descriptor is part of a chain");
		return virtqueue_add_table(vq, chain, desc, access, false);
	}
	if ((desc->flags & VRING_DESC_F_WRITE) != access)
		return virtqueue_break(vq, "a descriptor has the wrong direction");
	return virtqueue_add_pieces(vq, chain, desc->addr, desc->len);
}

// All of a chain is available when its first descriptor is (virtio 1.2, 2.8.6); its id is in the
// last. A chain too long to be read is walked to its end nevertheless, to be given back.
static enum virtqueue_result
take(struct virtqueue *vq, struct virtqueue_cursor *cursor, uint16_t access,
	struct virtqueue_chain *chain, struct virtqueue_buffer *buffer)
{
	enum virtqueue_result result = VIRTQUEUE_OK;
	uint32_t before = chain->len;
	struct virtqueue_desc desc;

	if (!is_available(read_desc(vq->desc, cursor->next).flags, cursor->wrap))
		return VIRTQUEUE_EMPTY;
	for (uint16_t slots = 0; slots < vq->size; slots++) {
		desc = read_desc(vq->desc, cursor->next);
		if (!is_available(desc.flags, cursor->wrap))
			return virtqueue_break(vq, "a chain goes on behind what is available");
		if (result == VIRTQUEUE_OK)
			result = add_desc(vq, &desc, slots, access, chain);
		if (result == VIRTQUEUE_BROKEN)
			return result;
		advance(vq, &cursor->next, &cursor->wrap, 1);
		if ((desc.flags & VRING_DESC_F_NEXT) == 0) {
			buffer->id = desc.id;
			buffer->slots = (uint16_t)(slots + 1);
			buffer->len = chain->len - before;
			return result;
		}
	}
	return virtqueue_break(vq, "a chain is longer than the ring");
}

static void
give(struct virtqueue *vq, const struct virtqueue_buffer *buffer, uint32_t written)
{
	if (buffer->slots > 1)
		vq->chained = true;
	write_used(vq, buffer->id, written, written > 0 ? VRING_DESC_F_WRITE : 0, buffer->slots);
}

static bool
arm(struct virtqueue *vq)
{
	keep_position(vq);
	__atomic_store_n((uint16_t *)(void *)(vq->device + 2),
		vq->event_idx ? VRING_PACKED_EVENT_FLAG_DESC : VRING_PACKED_EVENT_FLAG_ENABLE,
		__ATOMIC_RELEASE);
	virtqueue_fence();
	return is_available(read_desc(vq->desc, vq->next).flags, vq->wrap);
}

static void
disarm(struct virtqueue *vq)
{
	virtqueue_store16(vq->device + 2, VRING_PACKED_EVENT_FLAG_DISABLE);
	if (likely(!vq->chained))
		virtqueue_store16(vq->device, VIRTQUEUE_PACKED_NOT_KEPT);
}

static void
stop(struct virtqueue *vq)
{
	keep_position(vq);
}

static int
start(struct virtqueue *vq, const struct virtqueue_config *config, char *reason, size_t reason_len)
{
	if (config->position.used >= config->size) {
		snprintf(reason, reason_len, "position %u in a packed ring of %u entries",
			config->position.used, config->size);
		return -EINVAL;
	}
	if (!virtqueue_is_aligned(config->desc, 16) || !virtqueue_is_aligned(config->driver, 4)
		|| !virtqueue_is_aligned(config->device, 4)) {
		snprintf(reason, reason_len, "packed ring of %u entries: a part is misaligned",
			config->size);
		return -EINVAL;
	}
	vq->chained = virtqueue_has_chains(config);
	return 0;
}

static uint16_t
flags_of(const struct virtqueue_config *config, uint16_t slot)
{
	return virtqueue_load16((const uint8_t *)config->desc + (size_t)slot * DESC_BYTES + 14);
}

// The inside of a chain and what in-order batches skip keep the driver's bits, so of the slot
// before only the AVAIL bit tells the round.
static bool
position_fits(const struct virtqueue_config *config, const struct virtqueue_position *position)
{
	bool wrap = position->used_wrap, wrap_before = wrap;
	uint16_t before = position->used;

	if (position->used >= config->size)
		return false;
	if (before == 0) {
		before = config->size;
		wrap_before = !wrap;
	}
	before = flags_of(config, (uint16_t)(before - 1));
	return (flags_of(config, position->used) & (AVAIL | USED)) != (wrap ? AVAIL | USED : 0)
	       && ((before & AVAIL) != 0) == wrap_before;
}

VIRTQUEUE_LAYOUT(virtqueue_packed, stop);
