/* SPDX-License-Identifier: Apache-2.0 */
#include "buffer.h"

#include <rte_malloc.h>
#include <rte_memcpy.h>

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

void
buffer_copy_out(const struct rte_mbuf *m, void *bytes)
{
	uint8_t *at = bytes;

	for (; m != NULL; m = m->next) {
		rte_memcpy(at, rte_pktmbuf_mtod(m, const void *), m->data_len);
		at += m->data_len;
	}
}
