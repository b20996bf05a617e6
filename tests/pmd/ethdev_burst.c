/* SPDX-License-Identifier: Apache-2.0 */
// Between mbufs and the card's own frames.
#include "ethdev.h"

#include <string.h>

static struct rte_mbuf *
make_mbuf(const struct ethdev_queue *queue, const struct frame *frame)
{
	struct rte_mbuf *mbuf = rte_pktmbuf_alloc(queue->pool);

	if (mbuf == NULL || rte_pktmbuf_tailroom(mbuf) < frame->length) {
		rte_pktmbuf_free(mbuf);
		return NULL;
	}
	memcpy(rte_pktmbuf_mtod(mbuf, void *), frame->data, frame->length);
	mbuf->data_len = (uint16_t)frame->length;
	mbuf->pkt_len = (uint32_t)frame->length;
	mbuf->port = queue->end->port_id;
	if (frame->is_flagged || frame->is_marked)
		mbuf->ol_flags |= RTE_MBUF_F_RX_FDIR;
	if (frame->is_marked) {
		mbuf->ol_flags |= RTE_MBUF_F_RX_FDIR_ID;
		mbuf->hash.fdir.hi = frame->mark;
	}
	if (frame->is_hashed) {
		mbuf->ol_flags |= RTE_MBUF_F_RX_RSS_HASH;
		mbuf->hash.rss = frame->hash;
	}
	return mbuf;
}

uint16_t
ethdev_rx(void *arg, struct rte_mbuf **packets, uint16_t n)
{
	struct ethdev_queue *queue = arg;
	struct end_counters *counters = &queue->end->counters;
	struct rte_ring *ring = queue->end->rings[queue->index];
	uint16_t received = 0;
	void *frame;

	while (received < n && rte_ring_dequeue(ring, &frame) == 0) {
		packets[received] = make_mbuf(queue, frame);
		frame_free(frame);
		if (packets[received] == NULL) {
			__atomic_fetch_add(&counters->missed, 1, __ATOMIC_RELAXED);
			continue;
		}
		__atomic_fetch_add(&counters->rx_packets, 1, __ATOMIC_RELAXED);
		__atomic_fetch_add(
			&counters->rx_bytes, packets[received]->pkt_len, __ATOMIC_RELAXED);
		counters->queue_packets[queue->index]++; // its worker's alone
		counters->queue_bytes[queue->index] += packets[received]->pkt_len;
		received++;
	}
	return received;
}

static struct frame *
make_frame(const struct rte_mbuf *mbuf)
{
	struct frame *frame = mbuf->pkt_len <= FRAME_MAX ? frame_new() : NULL;

	for (; mbuf != NULL && frame != NULL; mbuf = mbuf->next) {
		memcpy(frame->data + frame->length, rte_pktmbuf_mtod(mbuf, void *), mbuf->data_len);
		frame->length += mbuf->data_len;
	}
	return frame;
}

uint16_t
ethdev_tx(void *arg, struct rte_mbuf **packets, uint16_t n)
{
	struct ethdev_queue *queue = arg;
	struct end *end = queue->end;

	if (n == 0)
		return 0;
	pthread_mutex_lock(&end->card->lock);
	for (uint16_t i = 0; i < n; i++) {
		struct frame *frame = make_frame(packets[i]);

		end->counters.tx_packets++;
		end->counters.tx_bytes += packets[i]->pkt_len;
		if (frame == NULL)
			end->counters.tx_errors++;
		else
			card_take(end, frame, true);
		rte_pktmbuf_free(packets[i]);
	}
	pthread_mutex_unlock(&end->card->lock);
	return n;
}
