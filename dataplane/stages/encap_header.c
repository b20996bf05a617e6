/* SPDX-License-Identifier: Apache-2.0 */
#include "stages/encap_header.h"

#include <netinet/in.h>

static bool
is_checksum_known(const struct rte_mbuf *m, const struct packet_ctx *ctx, uint32_t l4_offset)
{
	if ((m->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK) != RTE_MBUF_F_RX_L4_CKSUM_GOOD
		|| (m->ol_flags & PACKET_TX_OFFLOADS) != 0 || ctx->fragment != PACKET_WHOLE)
		return false;
	// Behind options and extension headers a pseudo-header may speak of other addresses.
	if (ctx->l3_len
		!= (ctx->ether_type == RTE_ETHER_TYPE_IPV4 ? sizeof(struct rte_ipv4_hdr)
							   : sizeof(struct rte_ipv6_hdr)))
		return false;
	if (ctx->ip_proto == IPPROTO_TCP)
		return true;
	return ctx->ip_proto == IPPROTO_UDP
	       && rte_pktmbuf_mtod_offset(m, const struct rte_udp_hdr *, l4_offset)->dgram_cksum
			  != 0;
}

static uint16_t
sum_of(const struct rte_mbuf *m, uint32_t offset, uint32_t len)
{
	uint16_t sum = 0;

	if (len > 0)
		checksum_sum(m, offset, len, &sum); // which lies within the frame
	return sum;
}

uint16_t
encap_inner_sum(const struct rte_mbuf *m, const struct packet_ctx *ctx, uint32_t l2_len)
{
	const uint32_t l4_offset = l2_len + ctx->l3_len;
	const void *l3 = rte_pktmbuf_mtod_offset(m, const void *, l2_len);
	uint32_t l4_len, sum;
	uint16_t pseudo, tail;

	if (!is_checksum_known(m, ctx, l4_offset))
		return sum_of(m, 0, m->pkt_len);
	if (ctx->ether_type == RTE_ETHER_TYPE_IPV4) {
		l4_len = rte_be_to_cpu_16(((const struct rte_ipv4_hdr *)l3)->total_length)
			 - (uint32_t)ctx->l3_len;
		pseudo = checksum_pseudo4(l3, ctx->ip_proto, l4_len);
	} else {
		l4_len = rte_be_to_cpu_16(((const struct rte_ipv6_hdr *)l3)->payload_len);
		pseudo = checksum_pseudo6(l3, ctx->ip_proto, l4_len);
	}
	if (l4_len > m->pkt_len - l4_offset)
		return sum_of(m, 0, m->pkt_len);
	tail = sum_of(m, l4_offset + l4_len, m->pkt_len - l4_offset - l4_len); // padding
	sum = (uint32_t)sum_of(m, 0, l4_offset) + (uint16_t)~pseudo
	      + (l4_len & 1 ? rte_bswap16(tail) : tail);
	return checksum_fold(sum);
}
