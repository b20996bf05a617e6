/* SPDX-License-Identifier: Apache-2.0 */
#include "stages/offload.h"

#include <netinet/in.h>

#include <rte_tcp.h>
#include <rte_udp.h>

static inline uint8_t
tcp_header_length(const struct rte_tcp_hdr *tcp)
{
	return (uint8_t)((tcp->data_off >> 4) * 4);
}

bool
offload_is_consistent(struct rte_mbuf *m, const struct packet_ctx *ctx)
{
	uint64_t checksum = m->ol_flags & RTE_MBUF_F_TX_L4_MASK;
	bool tcp = ctx->ip_proto == IPPROTO_TCP, udp = ctx->ip_proto == IPPROTO_UDP;
	uint32_t l4_offset = (uint32_t)ctx->l2_len + ctx->l3_len;

	if (ctx->l3_len == 0 || ctx->fragment != PACKET_WHOLE
		|| (uint32_t)(m->l2_len + m->l3_len) != l4_offset)
		return false;
	if (!(tcp && checksum == RTE_MBUF_F_TX_TCP_CKSUM)
		&& !(udp && checksum == RTE_MBUF_F_TX_UDP_CKSUM))
		return false;
	m->ol_flags &= ~(RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IPV6);
	m->ol_flags |=
		ctx->ether_type == RTE_ETHER_TYPE_IPV4 ? RTE_MBUF_F_TX_IPV4 : RTE_MBUF_F_TX_IPV6;
	packet_set_lengths(m, ctx);
	if (!(m->ol_flags & (RTE_MBUF_F_TX_TCP_SEG | RTE_MBUF_F_TX_UDP_SEG)))
		return true;
	m->l4_len = sizeof(struct rte_udp_hdr);
	if (tcp)
		m->l4_len = tcp_header_length(packet_l4(m, ctx));
	if (m->tso_segsz == 0 || l4_offset + m->l4_len > m->data_len
		|| (tcp && m->l4_len < sizeof(struct rte_tcp_hdr))
		|| (tcp ? m->ol_flags & RTE_MBUF_F_TX_UDP_SEG
			: m->ol_flags & RTE_MBUF_F_TX_TCP_SEG))
		return false;
	return true;
}

static inline uint16_t
pseudo_header_sum(const struct rte_mbuf *m, const struct packet_ctx *ctx)
{
	struct {
		rte_be32_t length, proto;
	} tail = {.proto = rte_cpu_to_be_32(ctx->ip_proto)};
	uint32_t length, sum;

	if (ctx->ether_type == RTE_ETHER_TYPE_IPV4) {
		const struct rte_ipv4_hdr *ip = packet_ipv4(m, ctx);

		length = rte_be_to_cpu_16(ip->total_length) - (uint32_t)ctx->l3_len;
		sum = rte_raw_cksum(&ip->src_addr, 2 * sizeof(ip->src_addr));
	} else {
		const struct rte_ipv6_hdr *ip = packet_ipv6(m, ctx);

		length = (uint32_t)sizeof(*ip) + rte_be_to_cpu_16(ip->payload_len) - ctx->l3_len;
		sum = rte_raw_cksum(ipv6_src(ip), 2 * sizeof(ip->src_addr));
	}
	tail.length = rte_cpu_to_be_32(length);
	sum += rte_raw_cksum(&tail, sizeof(tail));
	sum = (sum & UINT16_MAX) + (sum >> 16);
	return (uint16_t)sum;
}

void
offload_detect(struct rte_mbuf *m, const struct packet_ctx *ctx)
{
	uint64_t flag;
	uint16_t field;

	if (ctx->l3_len == 0 || ctx->fragment != PACKET_WHOLE)
		return;
	if (ctx->ip_proto == IPPROTO_TCP) {
		field = ((const struct rte_tcp_hdr *)packet_l4(m, ctx))->cksum;
		flag = RTE_MBUF_F_TX_TCP_CKSUM;
	} else if (ctx->ip_proto == IPPROTO_UDP) {
		field = ((const struct rte_udp_hdr *)packet_l4(m, ctx))->dgram_cksum;
		flag = RTE_MBUF_F_TX_UDP_CKSUM;
	} else {
		return;
	}
	if (field != pseudo_header_sum(m, ctx))
		return;
	m->ol_flags |= flag
		       | (ctx->ether_type == RTE_ETHER_TYPE_IPV4 ? RTE_MBUF_F_TX_IPV4
								 : RTE_MBUF_F_TX_IPV6);
	packet_set_lengths(m, ctx);
}
