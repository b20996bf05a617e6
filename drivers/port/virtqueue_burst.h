/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DRIVERS_PORT_VIRTQUEUE_BURST_H
#define DRIVERS_PORT_VIRTQUEUE_BURST_H

// The bursts of both layouts, inlined into each: collect what is simple, copy it, give it back;
// whatever else the guest made goes frame by frame through virtqueue_frame.c. The guest learns of
// all of it once, at the end.

#include "virtqueue_copy.h"
#include "virtqueue_private.h"

// Simple buffers: one descriptor, one region.
struct virtqueue_batch {
	uint8_t *host[PORT_BURST];
	uint32_t len[PORT_BURST]; // of header and frame
	uint16_t id[PORT_BURST];
	bool complex; // the next buffer is none of these
	// To the guest, bit i: header[i] goes before the frame; else one that says nothing.
	uint64_t says;
	struct virtio_net_hdr header[PORT_BURST];
};

static_assert(PORT_BURST <= 64, "a bit for each");

// Frames whose lines are fetched ahead of the copy: as many as a core has in flight. More would
// make it wait for a free slot instead of copying what is there.
#define VIRTQUEUE_AHEAD 12

struct virtqueue_steps {
	// Finds up to n simple buffers at vq->next, which stays.
	uint16_t (*collect_rx)(
		struct virtqueue *vq, struct virtqueue_batch *batch, uint16_t n, uint32_t room);
	uint16_t (*collect_tx)(struct virtqueue *vq, struct virtqueue_batch *batch,
		struct rte_mbuf *const *pkts, uint16_t n);
	// Gives the first n back, in the order in which they were taken.
	void (*give_rx)(struct virtqueue *vq, const struct virtqueue_batch *batch, uint16_t n);
	void (*give_tx)(struct virtqueue *vq, const struct virtqueue_batch *batch, uint16_t n);
	// Shows the guest what was given back.
	void (*publish)(struct virtqueue *vq);
	// Notifies the guest of it when it wants that.
	void (*notify)(struct virtqueue *vq);
	// Fetches the descriptors of the next n buffers; 'write': each is to be written, too.
	void (*look_ahead)(const struct virtqueue *vq, uint16_t n, bool write);
};

// As rte_pktmbuf_reset() does, for one that came from its pool (next is NULL), but of its second
// line, where only flags give meaning to what is there, nothing.
static inline void
virtqueue_reset(struct rte_mbuf *m, uint32_t len)
{
	m->data_off = RTE_PKTMBUF_HEADROOM;
	rte_mbuf_refcnt_set(m, 1);
	m->nb_segs = 1;
	m->port = RTE_MBUF_PORT_INVALID;
	m->ol_flags = 0;
	m->packet_type = 0;
	m->pkt_len = len;
	m->data_len = (uint16_t)len;
	m->vlan_tci = 0;
}

static inline uint16_t
virtqueue_alloc(struct rte_mempool *pool, struct rte_mbuf **pkts, uint16_t n)
{
	uint16_t got = 0;

	if (likely(rte_mempool_get_bulk(pool, (void **)pkts, n) == 0))
		return n;
	while (got < n && rte_mempool_get(pool, (void **)&pkts[got]) == 0)
		got++;
	return got;
}

// Copies the first n of a batch; returns how many frames came of them, *taken how many buffers
// were read; adds the frames' bytes to *bytes.
static inline uint16_t
virtqueue_copy_in(struct virtqueue *vq, const struct buffer_pools *pools,
	const struct virtqueue_batch *batch, uint16_t n, struct rte_mbuf **pkts, uint16_t *taken,
	uint32_t *bytes)
{
	uint32_t header_len = vq->header_len, got = virtqueue_alloc(pools->mbufs, pkts, n);
	bool reads_header = vq->reads_header;
	uint32_t kept = 0, sum = 0;

	for (uint32_t i = 0; i < got; i++) {
		struct rte_mbuf *m = pkts[i];
		uint32_t len = batch->len[i] - header_len;
		const uint8_t *from = batch->host[i];

		if (i + VIRTQUEUE_AHEAD < got)
			rte_prefetch0(batch->host[i + VIRTQUEUE_AHEAD] + header_len);
		virtqueue_reset(m, len);
		copy_blocks((uint8_t *)m->buf_addr + RTE_PKTMBUF_HEADROOM, from + header_len, len);
		if (reads_header) {
			struct virtio_net_hdr header;

			memcpy(&header, from, sizeof(header));
			if (unlikely((header.flags | header.gso_type) != 0)
				&& !virtqueue_read_header(vq, &header, m)) {
				rte_pktmbuf_free(m);
				continue;
			}
		}
		sum += len;
		pkts[kept++] = m;
	}
	if (unlikely(kept < got))
		counter_add(&vq->malformed, got - kept);
	counter_add(&vq->packets, kept);
	counter_add(&vq->bytes, sum);
	*taken = (uint16_t)got;
	*bytes += sum;
	return (uint16_t)kept;
}

static inline bool
virtqueue_rx_single(struct virtqueue *vq, const struct buffer_pools *pools, struct rte_mbuf **pkts,
	uint16_t *n, uint32_t *bytes)
{
	enum virtqueue_result result = virtqueue_rx_frame(vq, pools, &pkts[*n]);

	if (result == VIRTQUEUE_OK) {
		counter_add(&vq->packets, 1);
		counter_add(&vq->bytes, pkts[*n]->pkt_len);
		*bytes += pkts[*n]->pkt_len;
		++*n;
	} else if (result == VIRTQUEUE_MALFORMED) {
		counter_add(&vq->malformed, 1);
	}
	return result == VIRTQUEUE_OK || result == VIRTQUEUE_MALFORMED;
}

static __rte_always_inline uint16_t
virtqueue_rx_burst(struct virtqueue *vq, const struct buffer_pools *pools, struct rte_mbuf **pkts,
	uint16_t n, const struct virtqueue_steps *steps)
{
	uint32_t room = rte_pktmbuf_data_room_size(pools->mbufs) - RTE_PKTMBUF_HEADROOM;
	uint16_t done = 0, found, taken, dropped = 0;
	struct virtqueue_batch batch;
	uint32_t bytes = 0;

	vq->work = 0;
	n = (uint16_t)RTE_MIN(n, PORT_BURST);
	// What is dropped counts as work, too: a guest gets no longer turn for nonsense.
	while (done + dropped < n && bytes < BUFFER_BURST_BYTES
		&& vq->work < VIRTQUEUE_PIECES_MAX) {
		uint16_t before = done;

		found = steps->collect_rx(vq, &batch, (uint16_t)(n - done - dropped), room);
		if (likely(found > 0)) {
			taken = 0;
			done = (uint16_t)(done
					  + virtqueue_copy_in(vq, pools, &batch, found, &pkts[done],
						  &taken, &bytes));
			steps->give_rx(vq, &batch, taken);
			dropped = (uint16_t)(dropped + taken - (done - before));
			if (taken < found)
				break;
		} else {
			if (!batch.complex || !virtqueue_rx_single(vq, pools, pkts, &done, &bytes))
				break;
			dropped = (uint16_t)(dropped + 1 - (done - before));
		}
	}
	if (unlikely(virtqueue_lends(vq))) {
		vq->owes = true;
		steps->look_ahead(vq, done, !vq->in_order);
	} else if (likely(done + dropped > 0)) {
		steps->publish(vq);
		steps->look_ahead(vq, done, !vq->in_order);
		steps->notify(vq);
	}
	return done;
}

// virtio 1.2, 5.1.6.4: all zero, one buffer. The guest reads this line and seldom writes it, so
// it is written only when it says something else.
static inline void
virtqueue_plain_header(uint8_t *header, uint32_t header_len)
{
	uint64_t start;
	uint16_t rest;
	uint32_t end;

	memcpy(&start, header, sizeof(start));
	if (unlikely(start != 0))
		memset(header, 0, sizeof(start));
	if (header_len == VIRTQUEUE_HEADER_MAX) {
		memcpy(&end, header + sizeof(start), sizeof(end));
		if (unlikely(end != 1u << 16)) {
			end = 1u << 16;
			memcpy(header + sizeof(start), &end, sizeof(end));
		}
		return;
	}
	memcpy(&rest, header + sizeof(start), sizeof(rest));
	if (unlikely(rest != 0))
		memset(header + sizeof(start), 0, sizeof(rest));
}

static inline void
virtqueue_prefetch_room(const uint8_t *host, uint32_t header_len)
{
	rte_prefetch0(host);
	virtqueue_prefetch_write(host + header_len);
}

static inline void
virtqueue_write_header(uint8_t *at, uint32_t header_len, const struct virtio_net_hdr *header)
{
	const uint16_t one = 1; // buffer

	memcpy(at, header, sizeof(*header));
	if (header_len == VIRTQUEUE_HEADER_MAX)
		memcpy(at + sizeof(*header), &one, sizeof(one));
}

// Whether pkts[i] may go into a simple buffer, with a header that says something or one that does
// not. metadata: vq's.
static inline bool
virtqueue_fits_simple(const struct virtqueue *vq, struct virtqueue_batch *batch,
	const struct rte_mbuf *m, uint32_t i, uint64_t metadata)
{
	if (likely(m->nb_segs == 1 && (m->ol_flags & metadata) == 0))
		return true;
	if (m->nb_segs != 1 || !virtqueue_make_header(vq, m, &batch->header[i]))
		return false;
	batch->says |= UINT64_C(1) << i;
	return true;
}

static __rte_always_inline void
virtqueue_copy_frames(const struct virtqueue *vq, const struct virtqueue_batch *batch,
	struct rte_mbuf *const *pkts, uint16_t n, const bool some_say, uint64_t *bytes)
{
	uint32_t header_len = vq->header_len;

	for (uint32_t i = 0; i < n; i++) {
		uint32_t len = pkts[i]->data_len;

		if (i + VIRTQUEUE_AHEAD < n)
			virtqueue_prefetch_room(batch->host[i + VIRTQUEUE_AHEAD], header_len);
		if (some_say && (batch->says >> i & 1) != 0)
			virtqueue_write_header(batch->host[i], header_len, &batch->header[i]);
		else
			virtqueue_plain_header(batch->host[i], header_len);
		copy_exact(batch->host[i] + header_len, rte_pktmbuf_mtod(pkts[i], const uint8_t *),
			len);
		*bytes += len;
	}
}

static inline void
virtqueue_copy_out(struct virtqueue *vq, const struct virtqueue_batch *batch,
	struct rte_mbuf *const *pkts, uint16_t n)
{
	uint64_t bytes = 0;

	if (likely(batch->says == 0))
		virtqueue_copy_frames(vq, batch, pkts, n, false, &bytes);
	else
		virtqueue_copy_frames(vq, batch, pkts, n, true, &bytes);
	counter_add(&vq->packets, n);
	counter_add(&vq->bytes, bytes);
}

// Returns how many buffers the frame is in, else 0 and *stop is set.
static inline uint32_t
virtqueue_tx_single(struct virtqueue *vq, struct rte_mbuf *m, enum port_tx_stop *stop)
{
	uint32_t n_buffers;
	enum virtqueue_result result = virtqueue_tx_frame(vq, m, &n_buffers);

	if (result == VIRTQUEUE_OK) {
		counter_add(&vq->packets, 1);
		counter_add(&vq->bytes, m->pkt_len);
		return n_buffers;
	}
	*stop = result == VIRTQUEUE_BROKEN    ? PORT_TX_DOWN
		: result == VIRTQUEUE_REFUSED ? PORT_TX_REFUSED
					      : PORT_TX_FULL;
	if (*stop == PORT_TX_FULL)
		counter_add(&vq->full, 1);
	return 0;
}

static __rte_always_inline uint16_t
virtqueue_tx_burst(struct virtqueue *vq, struct rte_mbuf **pkts, uint16_t n,
	enum port_tx_stop *stop, const struct virtqueue_steps *steps)
{
	struct virtqueue_batch batch;
	uint16_t done = 0, found, some;
	uint32_t buffers = 0, in;

	while (done < n) {
		some = (uint16_t)RTE_MIN(n - done, PORT_BURST);
		found = steps->collect_tx(vq, &batch, &pkts[done], some);
		if (likely(found > 0)) {
			virtqueue_copy_out(vq, &batch, &pkts[done], found);
			steps->give_tx(vq, &batch, found);
			done = (uint16_t)(done + found);
			buffers += found;
		} else if (batch.complex) {
			in = virtqueue_tx_single(vq, pkts[done], stop);
			if (in == 0)
				break;
			done++;
			buffers += in;
		} else {
			*stop = virtqueue_is_broken(vq) ? PORT_TX_DOWN : PORT_TX_FULL;
			counter_add(&vq->full, 1);
			break;
		}
	}
	if (likely(done > 0)) {
		steps->publish(vq);
		steps->look_ahead(vq, (uint16_t)RTE_MIN(buffers, PORT_BURST), true);
		buffer_free_bulk(pkts, done); // meanwhile the guest's lines arrive
		steps->notify(vq);
	}
	return done;
}

#endif
