/* SPDX-License-Identifier: Apache-2.0 */
#include "buffer.h"

#include <rte_malloc.h>
#include <rte_memcpy.h>

#include "virtqueue_copy.h"

void *
buffer_zmalloc(size_t size, int socket_id)
{
	void *memory = rte_zmalloc_socket("port", size, RTE_CACHE_LINE_SIZE, socket_id);

	if (memory == NULL && socket_id != SOCKET_ID_ANY)
		memory = rte_zmalloc_socket("port", size, RTE_CACHE_LINE_SIZE, SOCKET_ID_ANY);
	return memory;
}

enum buffer_result
buffer_copy_in(
	const struct buffer_pools *pools, const void *bytes, uint32_t len, struct rte_mbuf **frame)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(pools->mbufs), *jumbo = NULL;
	uint32_t room;

	if (m == NULL)
		return BUFFER_NO_MEMORY;
	room = rte_pktmbuf_tailroom(m);
	if (unlikely(len > room))
		jumbo = rte_pktmbuf_alloc(pools->jumbos);
	if (unlikely(!buffer_filled(m, &jumbo, len))) {
		rte_pktmbuf_free(jumbo);
		rte_pktmbuf_free(m);
		return BUFFER_TOO_LONG;
	}
	rte_memcpy(rte_pktmbuf_mtod(m, void *), bytes, m->data_len);
	if (m->next != NULL)
		rte_memcpy(rte_pktmbuf_mtod(m->next, void *), (const uint8_t *)bytes + room,
			m->next->data_len);
	*frame = m;
	return BUFFER_OK;
}

// Moves 'len' bytes on from segment *from, *offset bytes into it, to 'to'.
static void
gather(const struct rte_mbuf **from, uint32_t *offset, uint8_t *to, uint32_t len)
{
	while (len > 0) {
		uint32_t some = RTE_MIN(len, (*from)->data_len - *offset);

		copy_large(to, rte_pktmbuf_mtod_offset(*from, const void *, *offset), some);
		to += some;
		len -= some;
		*offset += some;
		if (*offset == (*from)->data_len) {
			*from = (*from)->next;
			*offset = 0;
		}
	}
}

bool
buffer_own(const struct buffer_pools *pools, struct rte_mbuf *m)
{
	uint32_t len = m->pkt_len - m->data_len, offset = 0;
	uint32_t some = RTE_MIN(len, (uint32_t)rte_pktmbuf_tailroom(m));
	const struct rte_mbuf *from = m->next;
	struct rte_mbuf *lent = m->next, *jumbo = NULL;

	if (len > some) {
		jumbo = rte_pktmbuf_alloc(pools->jumbos);
		if (jumbo == NULL || len - some > rte_pktmbuf_tailroom(jumbo)) {
			rte_pktmbuf_free(jumbo);
			return false;
		}
		jumbo->data_len = (uint16_t)(len - some);
	}
	gather(&from, &offset, rte_pktmbuf_mtod_offset(m, uint8_t *, m->data_len), some);
	if (jumbo != NULL)
		gather(&from, &offset, rte_pktmbuf_mtod(jumbo, uint8_t *), jumbo->data_len);
	m->data_len = (uint16_t)(m->data_len + some);
	m->next = jumbo;
	m->nb_segs = jumbo != NULL ? 2 : 1;
	rte_pktmbuf_free(lent);
	return true;
}

void
buffer_copy_out(const struct rte_mbuf *m, void *bytes)
{
	uint8_t *at = bytes;

	for (; m != NULL; m = m->next) {
		rte_memcpy(at, rte_pktmbuf_mtod(m, const void *), m->data_len);
		at += m->data_len;
	}
}
