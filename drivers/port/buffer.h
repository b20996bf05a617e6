/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DRIVERS_PORT_BUFFER_H
#define DRIVERS_PORT_BUFFER_H

// How drivers lay frames into mbufs: the first bytes in a small mbuf, what does not fit there in
// one jumbo chained to it. Small room and jumbo room together hold the longest super-frame.
// Any thread that may use the pools; nothing here blocks or keeps references.

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include <rte_mbuf.h>

// An rx call ends when it has this many bytes: the buffers of two super-frames stay in a core's
// cache until they are sent, those of 64 do not, and copying out of memory costs twice as much.
#define BUFFER_BURST_BYTES (128u << 10)
#define BUFFER_BURST 64u // frames that are freed in one go

struct buffer_pools {
	struct rte_mempool *mbufs, *jumbos;
};

// A counter with one writer, read by another thread at any time.
static inline void
counter_add(_Atomic uint64_t *counter, uint64_t n)
{
	atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + n,
		memory_order_relaxed);
}

// Sets the lengths after 'len' bytes were read into m and then into *jumbo, behind their
// headrooms. A jumbo that holds bytes becomes m's second segment and *jumbo NULL. Returns false
// when both rooms together are shorter than len (the frame was cut).
static inline bool
buffer_filled(struct rte_mbuf *m, struct rte_mbuf **jumbo, uint32_t len)
{
	uint32_t room = rte_pktmbuf_tailroom(m), rest;

	m->pkt_len = len;
	if (likely(len <= room)) {
		m->data_len = (uint16_t)len;
		return true;
	}
	rest = len - room;
	if (*jumbo == NULL || rest > rte_pktmbuf_tailroom(*jumbo))
		return false;
	m->data_len = (uint16_t)room;
	(*jumbo)->data_len = (uint16_t)rest;
	m->next = *jumbo;
	m->nb_segs = 2;
	*jumbo = NULL;
	return true;
}

// Describes m's segments in iov. Returns how many entries were filled, 0 when max do not do.
static inline int
buffer_segments(const struct rte_mbuf *m, struct iovec *iov, int max)
{
	int n = 0;

	if (m->nb_segs > max)
		return 0;
	for (; m != NULL && n < max; m = m->next) {
		iov[n].iov_base = rte_pktmbuf_mtod(m, void *);
		iov[n++].iov_len = m->data_len;
	}
	return n;
}

// As rte_pktmbuf_alloc_bulk, for frames of one segment without offloads, without touching the
// second cache line of an mbuf: a free mbuf has no next and one reference, and tx_offload means
// nothing without a flag. The caller sets data_len and pkt_len.
static inline bool
buffer_alloc_plain(struct rte_mempool *pool, struct rte_mbuf **pkts, uint16_t n)
{
	if (unlikely(rte_mempool_get_bulk(pool, (void **)pkts, n) != 0))
		return false;
	for (uint16_t i = 0; i < n; i++) {
		pkts[i]->data_off = RTE_PKTMBUF_HEADROOM;
		pkts[i]->ol_flags = 0;
		pkts[i]->packet_type = 0;
		pkts[i]->vlan_tci = 0;
	}
	return true;
}

// Frames of one segment that nobody shares, pool by pool; the others one by one.
static inline void
buffer_free_mixed(struct rte_mbuf *const *pkts, uint16_t n)
{
	struct rte_mempool *pool = NULL;
	void *run[BUFFER_BURST];
	unsigned int in_run = 0;

	for (uint16_t i = 0; i < n; i++) {
		struct rte_mbuf *m = pkts[i];

		if (m->nb_segs != 1 || !RTE_MBUF_DIRECT(m) || rte_mbuf_refcnt_read(m) != 1) {
			rte_pktmbuf_free(m);
			continue;
		}
		if (in_run > 0 && (m->pool != pool || in_run == BUFFER_BURST)) {
			rte_mempool_put_bulk(pool, run, in_run);
			in_run = 0;
		}
		pool = m->pool;
		run[in_run++] = m;
	}
	if (in_run > 0)
		rte_mempool_put_bulk(pool, run, in_run);
}

// As rte_pktmbuf_free_bulk, without touching the second cache line of the common kind. Nearly
// always the frames are all of one pool, of one segment, and unshared.
static inline void
buffer_free_bulk(struct rte_mbuf *const *pkts, uint16_t n)
{
	const uint64_t attached = RTE_MBUF_F_INDIRECT | RTE_MBUF_F_EXTERNAL;
	struct rte_mempool *pool;
	uint64_t odd = 0;

	if (n == 0)
		return;
	pool = pkts[0]->pool;
	for (uint32_t i = 0; i < n; i++) {
		const struct rte_mbuf *m = pkts[i];

		odd |= (uint64_t)(rte_mbuf_refcnt_read(m) ^ 1) | (uint64_t)(m->nb_segs ^ 1)
		       | (m->ol_flags & attached) | ((uintptr_t)m->pool ^ (uintptr_t)pool);
	}
	if (likely(odd == 0))
		rte_mempool_put_bulk(pool, (void *const *)pkts, n);
	else
		buffer_free_mixed(pkts, n);
}

// Whether segments behind the first are lent (port.h).
static inline bool
buffer_is_lent(const struct rte_mbuf *m)
{
	for (m = m->next; m != NULL; m = m->next)
		if (RTE_MBUF_HAS_EXTBUF(m))
			return true;
	return false;
}

// Copies what is behind the first segment, as if the frame had been copied when it came. Returns
// false when there is no memory; then it is as it was. The first segment is the caller's alone.
bool buffer_own(const struct buffer_pools *pools, struct rte_mbuf *m);

// rte_zmalloc'ed on the node, else on any. Main thread; rte_free() it.
void *buffer_zmalloc(size_t size, int socket_id);

enum buffer_result {
	BUFFER_OK = 0,
	BUFFER_NO_MEMORY, // no mbuf; the frame may wait where it is
	BUFFER_TOO_LONG, // no jumbo, or longer than both rooms
};

// Copies len bytes into a new frame.
enum buffer_result buffer_copy_in(
	const struct buffer_pools *pools, const void *bytes, uint32_t len, struct rte_mbuf **frame);
// Copies all of a frame to 'bytes', which must have m->pkt_len bytes.
void buffer_copy_out(const struct rte_mbuf *m, void *bytes);

#endif
