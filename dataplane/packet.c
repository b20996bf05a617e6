/* SPDX-License-Identifier: Apache-2.0 */
#include "packet.h"

#include <netinet/in.h>

#include <rte_hash_crc.h>
#include <rte_tcp.h>
#include <rte_udp.h>

#include "buffer.h"

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>

void
packet_poison(struct rte_mbuf *m)
{
	for (; m != NULL; m = m->next) {
		if (RTE_MBUF_HAS_EXTBUF(m))
			continue;
		char *room = m->buf_addr, *data = rte_pktmbuf_mtod(m, char *);

		__asan_poison_memory_region(room, m->data_off);
		__asan_unpoison_memory_region(data, m->data_len);
		__asan_poison_memory_region(data + m->data_len, rte_pktmbuf_tailroom(m));
	}
}

void
packet_expose(struct rte_mbuf *m)
{
	for (; m != NULL; m = m->next)
		if (!RTE_MBUF_HAS_EXTBUF(m))
			__asan_unpoison_memory_region(m->buf_addr, m->buf_len);
}

void
packet_expose_outer(struct rte_mbuf *m, uint16_t len)
{
	__asan_unpoison_memory_region(rte_pktmbuf_mtod(m, char *) - len, len);
}
#endif

char *
packet_prepend(struct rte_mbuf *m, uint16_t len)
{
	char *data = rte_pktmbuf_prepend(m, len);

	if (data != NULL)
		packet_poison(m);
	return data;
}

char *
packet_adj(struct rte_mbuf *m, uint16_t len)
{
	char *data = rte_pktmbuf_adj(m, len);

	if (data != NULL)
		packet_poison(m);
	return data;
}

int
packet_trim(struct rte_mbuf *m, uint16_t len)
{
	int error = rte_pktmbuf_trim(m, len);

	if (error == 0)
		packet_poison(m);
	return error;
}

char *
packet_append(struct rte_mbuf *m, uint16_t len)
{
	char *data = rte_pktmbuf_append(m, len);

	if (data != NULL)
		packet_poison(m);
	return data;
}

void
packet_pull_up(struct rte_mbuf *m, uint32_t want)
{
	want = RTE_MIN(want, m->pkt_len);
	packet_expose(m);
	while (m->data_len < want && m->next != NULL) {
		struct rte_mbuf *from = m->next;
		uint32_t some = RTE_MIN(want - m->data_len, (uint32_t)from->data_len);

		some = RTE_MIN(some, (uint32_t)rte_pktmbuf_tailroom(m));
		if (some == 0 && from->data_len > 0)
			break;
		memcpy(rte_pktmbuf_mtod_offset(m, void *, m->data_len),
			rte_pktmbuf_mtod(from, void *), some);
		m->data_len = (uint16_t)(m->data_len + some);
		from->data_off = (uint16_t)(from->data_off + some);
		from->data_len = (uint16_t)(from->data_len - some);
		if (from->data_len > 0)
			continue;
		m->next = from->next;
		m->nb_segs--;
		rte_pktmbuf_free_seg(from);
	}
	packet_poison(m);
}

bool
packet_own(struct rte_mbuf *m, struct rte_mempool *mbufs, struct rte_mempool *jumbos)
{
	const struct buffer_pools pools = {mbufs, jumbos};
	bool owned;

	if (likely(m->nb_segs == 1) || !buffer_is_lent(m))
		return true;
	packet_expose(m);
	owned = buffer_own(&pools, m);
	packet_poison(m);
	return owned;
}

void
packet_cut(struct rte_mbuf *m, uint32_t len)
{
	struct rte_mbuf *seg = m;
	uint32_t left = len;
	uint16_t n = 1;

	packet_expose(m);
	for (; seg->data_len < left; seg = seg->next, n++)
		left -= seg->data_len;
	seg->data_len = (uint16_t)left;
	rte_pktmbuf_free(seg->next);
	seg->next = NULL;
	m->nb_segs = n;
	m->pkt_len = len;
	packet_poison(m);
}

// MurmurHash3's finaliser: ECMP takes the low bits, shards the high ones.
static inline uint32_t
mix(uint32_t h)
{
	h ^= h >> 16;
	h *= 0x85ebca6b;
	h ^= h >> 13;
	h *= 0xc2b2ae35;
	return h ^ h >> 16;
}

static inline uint32_t
address6_hash(const uint8_t *addr, uint32_t seed)
{
	uint64_t half[2];

	memcpy(half, addr, sizeof(half));
	return rte_hash_crc_8byte(half[1], rte_hash_crc_8byte(half[0], seed));
}

static inline uint32_t
mac_hash(const struct rte_ether_addr *mac)
{
	uint64_t value = 0;

	memcpy(&value, mac, sizeof(*mac));
	return rte_hash_crc_8byte(value, 0);
}

// Fragments of one packet must share a hash, so that only whole packets bring their ports.
static inline bool
has_ports(const struct rte_mbuf *m, const struct packet_ctx *ctx)
{
	if (ctx->fragment != PACKET_WHOLE)
		return false;
	if (ctx->ip_proto != IPPROTO_TCP && ctx->ip_proto != IPPROTO_UDP
		&& ctx->ip_proto != IPPROTO_SCTP)
		return false;
	return m->data_len >= ctx->l2_len + ctx->l3_len + sizeof(rte_be16_t[2]);
}

uint32_t
packet_hash(const struct rte_mbuf *m, struct packet_ctx *ctx)
{
	rte_be16_t port[2] = {0, 0};
	uint32_t near, far;

	if (ctx->flags & PACKET_HASHED)
		return ctx->hash;
	if (ctx->l3_len != 0 && has_ports(m, ctx))
		memcpy(port, packet_l4(m, ctx), sizeof(port));
	if (ctx->l3_len != 0 && ctx->ether_type == RTE_ETHER_TYPE_IPV4) {
		near = rte_hash_crc_4byte(packet_ipv4(m, ctx)->src_addr, port[0]);
		far = rte_hash_crc_4byte(packet_ipv4(m, ctx)->dst_addr, port[1]);
	} else if (ctx->l3_len != 0) {
		near = address6_hash(ipv6_src(packet_ipv6(m, ctx)), port[0]);
		far = address6_hash(ipv6_dst(packet_ipv6(m, ctx)), port[1]);
	} else {
		near = mac_hash(&packet_ether(m)->src_addr);
		far = mac_hash(&packet_ether(m)->dst_addr);
	}
	// A CRC is linear, so that the XOR of two would keep only the XOR of the ends; each end is
	// mixed before the commutative sum.
	ctx->hash = mix(mix(near) + mix(far) + ctx->ip_proto);
	ctx->flags |= PACKET_HASHED;
	return ctx->hash;
}
