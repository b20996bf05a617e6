/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_LENT_H
#define TESTS_LENT_H

// Frames of which the end is lent, as drivers/port/port.h tells.

#include <string.h>

#include <rte_mbuf.h>

// Memory of a peer's, with one reference for each frame that holds a part of it and one of its own.
struct lent {
	struct rte_mbuf_ext_shared_info shared;
	uint8_t bytes[16384];
};

static inline void
lent_start(struct lent *lent)
{
	rte_mbuf_ext_refcnt_set(&lent->shared, 1);
	for (size_t i = 0; i < sizeof(lent->bytes); i++)
		lent->bytes[i] = (uint8_t)(i * 7 + i / 256);
}

static inline bool
lent_is_back(const struct lent *lent)
{
	return rte_mbuf_ext_refcnt_read(&lent->shared) == 1;
}

// Puts the first len bytes of the memory behind m, in as many segments as wanted.
static inline struct rte_mbuf *
lent_append(struct lent *lent, struct rte_mbuf *m, uint16_t len, uint16_t segments)
{
	struct rte_mbuf *last = rte_pktmbuf_lastseg(m);

	for (uint16_t i = 0, at = 0; i < segments; i++) {
		uint16_t some = (uint16_t)(i + 1 < segments ? len / segments : len - at);
		struct rte_mbuf *segment = rte_pktmbuf_alloc(m->pool);

		rte_pktmbuf_attach_extbuf(
			segment, lent->bytes + at, RTE_BAD_IOVA, some, &lent->shared);
		rte_mbuf_ext_refcnt_update(&lent->shared, 1);
		segment->data_len = some;
		last->next = segment;
		last = segment;
		at = (uint16_t)(at + some);
		m->nb_segs++;
	}
	m->pkt_len += len;
	return m;
}

#endif
