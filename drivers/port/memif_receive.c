/* SPDX-License-Identifier: Apache-2.0 */

// Frames out of a ring. Most are one buffer and fit one mbuf: they are taken a run at a time, first
// all descriptors (so that the frames are on their way from the peer's cache), then the bytes. The
// rest goes frame by frame.

#include <rte_memcpy.h>
#include <rte_prefetch.h>

#include "memif_ring_private.h"

#define RUN 32 // frames whose first lines are fetched at once
#define SMALL 64u // bytes copied without looking at the length

void
memif_ring_post(struct memif_queue *queue, uint16_t n)
{
	uint64_t word = MEMIF_WORD(0, 0, queue->ring.buffer_size);

	for (uint16_t i = 0; i < n; i++)
		memif_desc_write(memif_ring_desc(queue, (uint16_t)(queue->posted + i)), word);
	queue->posted = (uint16_t)(queue->posted + n);
	memif_store_index(&queue->ring.shared->head, queue->posted);
}

// Filled slots from our position on, or more than there can be.
static inline uint16_t
filled(const struct memif_queue *queue)
{
	const struct memif_shared_ring *shared = queue->ring.shared;
	uint16_t end = memif_load_index(queue->ring.is_slave ? &shared->tail : &shared->head);

	return (uint16_t)(end - queue->position);
}

bool
memif_ring_waiting(const struct memif_queue *queue)
{
	return filled(queue) != 0;
}

// Gives the n slots from our position on back to the peer.
static inline void
give_back(struct memif_queue *queue, uint16_t n)
{
	queue->position = (uint16_t)(queue->position + n);
	if (queue->ring.is_slave)
		memif_ring_post(queue, n);
	else
		memif_store_index(&queue->ring.shared->tail, queue->position);
}

// Describes plain frames: one buffer that fits an mbuf. Returns how many there are in a row.
static inline __attribute__((always_inline)) uint16_t
read_run(const struct memif_queue *queue, uint16_t slot, uint16_t n, struct memif_buffer *run,
	const bool is_slave)
{
	for (uint16_t i = 0; i < n; i++) {
		run[i] = memif_desc_read(queue, (uint16_t)(slot + i), SMALL, is_slave);
		if (unlikely(run[i].flags != 0 || run[i].at == NULL
			     || run[i].length - 1 >= RTE_MBUF_DEFAULT_DATAROOM))
			return i;
		rte_prefetch0(run[i].at);
	}
	return n;
}

static inline void
fill(struct rte_mbuf *m, const struct memif_buffer *buffer)
{
	void *to = rte_pktmbuf_mtod(m, void *);

	m->data_len = (uint16_t)buffer->length;
	m->pkt_len = buffer->length;
	if (buffer->length <= SMALL)
		rte_mov64(to, buffer->at);
	else
		rte_memcpy(to, buffer->at, buffer->length);
}

static inline __attribute__((always_inline)) uint16_t
take_run(const struct memif_queue *queue, uint16_t slot, uint16_t n,
	const struct buffer_pools *pools, struct rte_mbuf **pkts, uint64_t *bytes,
	const bool is_slave)
{
	struct memif_buffer run[RUN];

	n = read_run(queue, slot, n < RUN ? n : RUN, run, is_slave);
	if (n == 0 || unlikely(!buffer_alloc_plain(pools->mbufs, pkts, n)))
		return 0;
	for (uint16_t i = 0; i < n; i++) {
		fill(pkts[i], &run[i]);
		*bytes += run[i].length;
	}
	return n;
}

// A frame as its descriptors were when they were read.
struct chain {
	uint16_t n; // slots
	uint16_t n_buffers;
	uint32_t length;
	bool is_frame; // else to be dropped
	struct memif_buffer buffers[MEMIF_CHAIN_MAX];
};

// Returns false when a descriptor breaks the rules. A master clears the flags that it met: DPDK's
// slaves do not when they use the slot again.
static bool
read_chain(struct memif_queue *queue, uint16_t slot, uint16_t room, struct chain *chain)
{
	bool more = true;

	chain->n = chain->n_buffers = 0;
	chain->length = 0;
	while (more && chain->n < room) {
		uint16_t at = (uint16_t)(slot + chain->n++);
		struct memif_buffer buffer = memif_desc_read(queue, at, 0, queue->ring.is_slave);

		if (buffer.at == NULL)
			return false;
		more = (buffer.flags & MEMIF_DESC_NEXT) != 0;
		if (more && !queue->ring.is_slave)
			memif_desc_write(memif_ring_desc(queue, at),
				MEMIF_WORD(0, buffer.region, buffer.length));
		chain->length += RTE_MIN(buffer.length, MEMIF_FRAME_MAX + 1u);
		if (chain->n <= MEMIF_CHAIN_MAX)
			chain->buffers[chain->n_buffers++] = buffer;
	}
	chain->is_frame = !more && chain->n <= MEMIF_CHAIN_MAX && chain->length > 0
			  && chain->length <= MEMIF_FRAME_MAX;
	return true;
}

static void
copy_chain(const struct chain *chain, uint8_t *first, uint32_t room, uint8_t *second)
{
	for (uint16_t i = 0; i < chain->n_buffers; i++) {
		const struct memif_buffer *buffer = &chain->buffers[i];
		uint32_t here = RTE_MIN(buffer->length, room);

		rte_memcpy(first, buffer->at, here);
		first += here;
		room -= here;
		if (here < buffer->length) {
			rte_memcpy(second, buffer->at + here, buffer->length - here);
			second += buffer->length - here;
		}
	}
}

// Into an mbuf, and what that does not hold into a jumbo. Returns NULL without buffers.
static struct rte_mbuf *
frame_of(const struct chain *chain, const struct buffer_pools *pools)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(pools->mbufs), *jumbo = NULL;
	uint32_t room;

	if (m == NULL)
		return NULL;
	room = rte_pktmbuf_tailroom(m);
	if (chain->length > room) {
		jumbo = rte_pktmbuf_alloc(pools->jumbos);
		if (jumbo == NULL) {
			rte_pktmbuf_free(m);
			return NULL;
		}
	}
	copy_chain(chain, rte_pktmbuf_mtod(m, uint8_t *), room,
		jumbo != NULL ? rte_pktmbuf_mtod(jumbo, uint8_t *) : NULL);
	buffer_filled(m, &jumbo, chain->length);
	return m;
}

// Takes one frame of any shape. Returns how many slots it had; 0 ends the burst.
static uint16_t
take_chain(struct memif_queue *queue, uint16_t slot, uint16_t room,
	const struct buffer_pools *pools, struct rte_mbuf **frame)
{
	struct chain chain;

	*frame = NULL;
	if (!read_chain(queue, slot, room, &chain)) {
		memif_ring_break(queue, "a descriptor points outside of its memory");
		return 0;
	}
	if (!chain.is_frame) {
		counter_add(&queue->counters.refused, 1);
		return chain.n;
	}
	*frame = frame_of(&chain, pools);
	return *frame != NULL ? chain.n : 0;
}

static inline __attribute__((always_inline)) uint16_t
receive(struct memif_queue *queue, uint16_t n_filled, const struct buffer_pools *pools,
	struct rte_mbuf **pkts, uint16_t n, uint64_t *bytes, const bool is_slave)
{
	uint16_t received = 0, done = 0, start = queue->position;

	while (received < n && done < n_filled && *bytes < BUFFER_BURST_BYTES) {
		uint16_t slot = (uint16_t)(start + done);
		uint16_t most = (uint16_t)RTE_MIN(n - received, n_filled - done);
		uint16_t took =
			take_run(queue, slot, most, pools, pkts + received, bytes, is_slave);

		if (likely(took > 0)) {
			received = (uint16_t)(received + took);
		} else {
			took = take_chain(
				queue, slot, (uint16_t)(n_filled - done), pools, &pkts[received]);
			if (took == 0)
				break;
			if (pkts[received] != NULL)
				*bytes += pkts[received++]->pkt_len;
		}
		done = (uint16_t)(done + took);
	}
	if (likely(done > 0))
		give_back(queue, done);
	return received;
}

uint16_t
memif_ring_receive(struct memif_queue *queue, const struct buffer_pools *pools,
	struct rte_mbuf **pkts, uint16_t n, uint64_t *bytes)
{
	uint16_t n_filled = filled(queue);

	if (n_filled == 0)
		return 0;
	if (unlikely(n_filled > memif_ring_size(queue))) {
		memif_ring_break(queue, "more frames announced than the ring has room for");
		return 0;
	}
	if (queue->ring.is_slave)
		return receive(queue, n_filled, pools, pkts, n, bytes, true);
	return receive(queue, n_filled, pools, pkts, n, bytes, false);
}
