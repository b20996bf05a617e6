/* SPDX-License-Identifier: Apache-2.0 */
#include "checksum.h"

#include <errno.h>
#include <stddef.h>

#include <rte_tcp.h>
#include <rte_udp.h>

int
checksum_sum(const struct rte_mbuf *m, uint32_t offset, uint32_t len, uint16_t *sum)
{
	uint32_t total = 0, done = 0;

	if (len > m->pkt_len || offset > m->pkt_len - len)
		return -EINVAL;
	while (m != NULL && offset >= m->data_len && done < len) {
		offset -= m->data_len;
		m = m->next;
	}
	while (done < len && m != NULL) {
		uint32_t some = RTE_MIN(m->data_len - offset, len - done);
		uint16_t part = rte_raw_cksum(rte_pktmbuf_mtod_offset(m, void *, offset), some);

		total += (done & 1) ? rte_bswap16(part) : part;
		done += some;
		offset = 0;
		m = m->next;
	}
	if (done < len)
		return -EINVAL;
	*sum = checksum_fold(total);
	return 0;
}

static uint16_t
pseudo_sum(const void *addresses, size_t len, uint8_t proto, uint32_t l4_len)
{
	const rte_be32_t tail[2] = {rte_cpu_to_be_32(l4_len), rte_cpu_to_be_32(proto)};

	return checksum_fold(
		(uint32_t)rte_raw_cksum(addresses, len) + rte_raw_cksum(tail, sizeof(tail)));
}

uint16_t
checksum_pseudo4(const struct rte_ipv4_hdr *ip, uint8_t proto, uint32_t l4_len)
{
	return pseudo_sum((const uint8_t *)ip + offsetof(struct rte_ipv4_hdr, src_addr),
		2 * sizeof(ip->src_addr), proto, l4_len);
}

uint16_t
checksum_pseudo6(const struct rte_ipv6_hdr *ip, uint8_t proto, uint32_t l4_len)
{
	return pseudo_sum(ipv6_src(ip), 2 * sizeof(ip->src_addr), proto, l4_len);
}

// Bytes from the L4 header to the end of the IP packet, negative when the headers are longer.
static int32_t
l4_length(const struct rte_mbuf *m, const struct packet_ctx *ctx)
{
	if (ctx->ether_type == RTE_ETHER_TYPE_IPV4)
		return rte_be_to_cpu_16(packet_ipv4(m, ctx)->total_length) - (int32_t)ctx->l3_len;
	return (int32_t)sizeof(struct rte_ipv6_hdr)
	       + rte_be_to_cpu_16(packet_ipv6(m, ctx)->payload_len) - (int32_t)ctx->l3_len;
}

// Offset of the checksum in its header, or -EINVAL when the flag is not the protocol's.
static int32_t
field_offset(uint64_t flag, uint8_t proto)
{
	if (flag == RTE_MBUF_F_TX_TCP_CKSUM && proto == IPPROTO_TCP)
		return offsetof(struct rte_tcp_hdr, cksum);
	if (flag == RTE_MBUF_F_TX_UDP_CKSUM && proto == IPPROTO_UDP)
		return offsetof(struct rte_udp_hdr, dgram_cksum);
	return -EINVAL;
}

int
checksum_finish(struct rte_mbuf *m, const struct packet_ctx *ctx)
{
	uint64_t flag = m->ol_flags & RTE_MBUF_F_TX_L4_MASK;
	uint32_t l4_offset = (uint32_t)ctx->l2_len + ctx->l3_len;
	int32_t l4_len, field;
	uint16_t sum;

	if (flag == 0)
		return 0;
	if (ctx->l3_len == 0 || ctx->fragment != PACKET_WHOLE)
		return -EINVAL;
	l4_len = l4_length(m, ctx);
	field = field_offset(flag, ctx->ip_proto);
	if (field < 0 || l4_len < field + (int32_t)sizeof(sum)
		|| l4_offset + (uint32_t)field + sizeof(sum) > m->data_len
		|| checksum_sum(m, l4_offset, (uint32_t)l4_len, &sum) != 0)
		return -EINVAL;
	sum = (uint16_t)~sum;
	if (sum == 0 && ctx->ip_proto == IPPROTO_UDP)
		sum = UINT16_MAX; // RFC 768: zero means none
	memcpy(rte_pktmbuf_mtod_offset(m, uint8_t *, l4_offset + (uint32_t)field), &sum,
		sizeof(sum));
	m->ol_flags &= ~(RTE_MBUF_F_TX_L4_MASK | RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IPV6);
	return 0;
}
