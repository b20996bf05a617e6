/* SPDX-License-Identifier: Apache-2.0 */

// Frames into a ring. Most are one segment and fit one buffer: they go a run at a time, first all
// buffers are looked up (so that their lines are on their way), then the bytes are copied. The rest
// goes frame by frame, in chains of descriptors.

#include <rte_memcpy.h>

#include "memif_ring_private.h"

#define RUN 16

// Empty slots from our position on, or more than there can be.
static inline uint16_t
empty(const struct memif_queue *queue)
{
	const struct memif_shared_ring *shared = queue->ring.shared;
	uint16_t used;

	if (!queue->ring.is_slave)
		return (uint16_t)(memif_load_index(&shared->head) - queue->position);
	used = (uint16_t)(queue->position - memif_load_index(&shared->tail));
	return used <= memif_ring_size(queue) ? (uint16_t)(memif_ring_size(queue) - used)
					      : UINT16_MAX;
}

// A slave's buffers have their full size whatever their descriptors say; a master writes what the
// slave offers.
static inline __attribute__((always_inline)) struct memif_buffer
next_buffer(const struct memif_queue *queue, uint16_t slot, const bool is_slave)
{
	uint32_t index = slot & (memif_ring_size(queue) - 1u);

	if (!is_slave)
		return memif_desc_read(queue, slot, 0, false);
	return (struct memif_buffer){
		.at = queue->ring.buffers + (size_t)index * queue->ring.buffer_size,
		.length = queue->ring.buffer_size,
	};
}

static inline void
put_desc(const struct memif_queue *queue, uint16_t slot, const struct memif_buffer *buffer,
	uint32_t length, uint16_t flags)
{
	memif_desc_write(memif_ring_desc(queue, slot), MEMIF_WORD(flags, buffer->region, length));
}

// Sends frames of one segment that fit a buffer each. Returns how many in a row.
static inline __attribute__((always_inline)) uint16_t
put_run(const struct memif_queue *queue, uint16_t slot, struct rte_mbuf **pkts, uint16_t n,
	uint64_t *bytes, const bool is_slave)
{
	struct memif_buffer run[RUN];
	uint16_t i;

	n = n < RUN ? n : RUN;
	for (i = 0; i < n; i++) {
		run[i] = next_buffer(queue, (uint16_t)(slot + i), is_slave);
		if (unlikely(pkts[i]->nb_segs != 1 || run[i].at == NULL
			     || pkts[i]->data_len > run[i].length))
			break;
		__builtin_prefetch(run[i].at, 1);
	}
	n = i;
	for (i = 0; i < n; i++) {
		rte_memcpy(run[i].at, rte_pktmbuf_mtod(pkts[i], void *), pkts[i]->data_len);
		put_desc(queue, (uint16_t)(slot + i), &run[i], pkts[i]->data_len, 0);
		*bytes += pkts[i]->data_len;
	}
	return n;
}

enum { PUT_FULL = 0, PUT_REFUSED = -1, PUT_BROKEN = -2 };

// Sends one frame of any shape. Returns how many slots it took, or why it does not go.
static int
put_chain(struct memif_queue *queue, uint16_t slot, uint16_t room, const struct rte_mbuf *m)
{
	struct memif_buffer buffer = {0};
	uint32_t left = m->pkt_len, used = 0, from = 0;
	int n = 0;

	while (left > 0) {
		uint32_t len;

		if (used == buffer.length) {
			if (n == RTE_MIN(MEMIF_CHAIN_MAX, memif_ring_size(queue)))
				return PUT_REFUSED;
			if (n == room)
				return PUT_FULL;
			if (n > 0)
				put_desc(queue, (uint16_t)(slot + n - 1), &buffer, used,
					MEMIF_DESC_NEXT);
			buffer = next_buffer(queue, (uint16_t)(slot + n++), queue->ring.is_slave);
			if (buffer.at == NULL || buffer.length == 0)
				return PUT_BROKEN;
			used = 0;
		}
		len = RTE_MIN(m->data_len - from, buffer.length - used);
		rte_memcpy(buffer.at + used, rte_pktmbuf_mtod_offset(m, void *, from), len);
		used += len;
		from += len;
		left -= len;
		if (from == m->data_len) {
			m = m->next;
			from = 0;
		}
	}
	put_desc(queue, (uint16_t)(slot + n - 1), &buffer, used, 0);
	return n;
}

static inline __attribute__((always_inline)) uint16_t
send(struct memif_queue *queue, uint16_t room, struct rte_mbuf **pkts, uint16_t n,
	enum port_tx_stop *stop, uint64_t *bytes, const bool is_slave)
{
	uint16_t sent = 0, done = 0, start = queue->position;

	while (sent < n && done < room) {
		uint16_t slot = (uint16_t)(start + done), left = (uint16_t)(room - done);
		uint16_t most = (uint16_t)RTE_MIN(n - sent, left);
		int took = put_run(queue, slot, pkts + sent, most, bytes, is_slave);

		if (likely(took > 0)) {
			sent = (uint16_t)(sent + took);
		} else {
			took = put_chain(queue, slot, left, pkts[sent]);
			if (took == PUT_BROKEN)
				memif_ring_break(queue, "a buffer lies outside of its memory");
			if (took <= 0) {
				*stop = took == PUT_FULL      ? PORT_TX_FULL
					: took == PUT_REFUSED ? PORT_TX_REFUSED
							      : PORT_TX_DOWN;
				break;
			}
			*bytes += pkts[sent++]->pkt_len;
		}
		done = (uint16_t)(done + took);
	}
	queue->position = (uint16_t)(start + done);
	if (likely(done > 0))
		memif_store_index(is_slave ? &queue->ring.shared->head : &queue->ring.shared->tail,
			queue->position);
	return sent;
}

uint16_t
memif_ring_send(struct memif_queue *queue, struct rte_mbuf **pkts, uint16_t n,
	enum port_tx_stop *stop, uint64_t *bytes)
{
	uint16_t room = empty(queue);

	*stop = PORT_TX_FULL;
	if (unlikely(room > memif_ring_size(queue))) {
		memif_ring_break(queue, "more buffers announced than the ring has room for");
		*stop = PORT_TX_DOWN;
		return 0;
	}
	if (queue->ring.is_slave)
		return send(queue, room, pkts, n, stop, bytes, true);
	return send(queue, room, pkts, n, stop, bytes, false);
}
