/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STAGES_PARSE_HEADERS_H
#define STAGES_PARSE_HEADERS_H

// Finds and checks the headers of a frame: shared by parse and by decap, which does the same to the
// outer ones. Nothing is read beyond the first segment; packet_pull_up() makes that long enough.

#include <rte_tcp.h>
#include <rte_udp.h>

#include "packet.h"
#include "stages/parse_ip.h"

// Ethernet, two tags, the longest l3_len, the longest TCP header.
#define PARSE_HEADERS_MAX (14 + 8 + UINT8_MAX + 60)

enum parse_verdict {
	PARSE_ETHERNET,
	PARSE_SOURCE_MULTICAST,
	PARSE_IPV4,
	PARSE_IPV4_CHECKSUM,
	PARSE_IPV6,
	PARSE_EXTENSIONS,
	PARSE_L4,
	PARSE_UNFINISHABLE, // parse's own
	PARSED,
};

// RFC 8200, 4: the chain up to the upper-layer header, or to what a later fragment carries.
// Only 'len' bytes from the IPv6 header on may be read.
enum parse_verdict parse_extensions(
	const struct rte_ipv6_hdr *ip, uint32_t len, struct packet_ctx *ctx);
// The EtherType behind at most two tags (IEEE 802.1Q), the outer one's VLAN into ctx.
enum parse_verdict parse_tags(
	const struct rte_mbuf *m, struct packet_ctx *ctx, rte_be16_t *ether_type);

// RFC 791, 3.1; RFC 1812, 5.2.2. l2_len is ctx->l2_len, in a register.
static inline enum parse_verdict
parse_ipv4(const struct rte_mbuf *m, struct packet_ctx *ctx, uint32_t l2_len)
{
	const struct rte_ipv4_hdr *ip = rte_pktmbuf_mtod_offset(m, const void *, l2_len);
	uint32_t room = m->data_len - l2_len, len, total;
	uint16_t fragment;

	if (room < sizeof(*ip) || ip->version_ihl >> 4 != IPVERSION)
		return PARSE_IPV4;
	len = (ip->version_ihl & 0xfu) * 4;
	total = rte_be_to_cpu_16(ip->total_length);
	if (len < sizeof(*ip) || len > room || total < len || total > m->pkt_len - l2_len)
		return PARSE_IPV4;
	if (!ipv4_checksum_is_right(ip, len))
		return PARSE_IPV4_CHECKSUM;
	ctx->l3_len = (uint8_t)len;
	ctx->ip_proto = ip->next_proto_id;
	fragment = rte_be_to_cpu_16(ip->fragment_offset);
	if (fragment & RTE_IPV4_HDR_OFFSET_MASK) {
		ctx->fragment = PACKET_LATER_FRAGMENT;
		total += (fragment & RTE_IPV4_HDR_OFFSET_MASK) * RTE_IPV4_HDR_OFFSET_UNITS;
		return total > UINT16_MAX ? PARSE_IPV4 : PARSED;
	}
	if (fragment & RTE_IPV4_HDR_MF_FLAG)
		ctx->fragment = PACKET_FIRST_FRAGMENT;
	return RTE_MIN(room, total) - len >= parse_l4_min[ip->next_proto_id] ? PARSED : PARSE_L4;
}

// RFC 8200, 3. Jumbograms (RFC 2675) are malformed to us, as to anyone with links below 64 KiB.
static inline enum parse_verdict
parse_ipv6(const struct rte_mbuf *m, struct packet_ctx *ctx, uint32_t l2_len)
{
	const struct rte_ipv6_hdr *ip = rte_pktmbuf_mtod_offset(m, const void *, l2_len);
	uint32_t room = m->data_len - l2_len, total;
	enum parse_verdict verdict = PARSED;

	if (room < sizeof(*ip) || *(const uint8_t *)ip >> 4 != 6)
		return PARSE_IPV6;
	total = (uint32_t)sizeof(*ip) + rte_be_to_cpu_16(ip->payload_len);
	if (total > m->pkt_len - l2_len)
		return PARSE_IPV6;
	room = RTE_MIN(room, total);
	ctx->l3_len = sizeof(*ip);
	ctx->ip_proto = ip->proto;
	if (unlikely(ipv6_is_extension(ip->proto)))
		verdict = parse_extensions(ip, room, ctx);
	if (verdict != PARSED || ctx->fragment == PACKET_LATER_FRAGMENT)
		return verdict;
	return room - ctx->l3_len >= parse_l4_min[ctx->ip_proto] ? PARSED : PARSE_L4;
}

static inline bool
parse_is_tag(rte_be16_t ether_type)
{
	return ether_type == RTE_BE16(RTE_ETHER_TYPE_VLAN)
	       || ether_type == RTE_BE16(RTE_ETHER_TYPE_QINQ);
}

// Sets what ctx says of headers: l2_len, ether_type, vlan, tag_len, l3_len, ip_proto, fragment, all
// zero before.
static inline enum parse_verdict
parse_headers(const struct rte_mbuf *m, struct packet_ctx *ctx)
{
	uint32_t l2_len = RTE_ETHER_HDR_LEN;
	enum parse_verdict verdict = PARSED;
	rte_be16_t ether_type;

	if (unlikely(m->data_len < RTE_ETHER_HDR_LEN))
		return PARSE_ETHERNET;
	if (unlikely(rte_is_multicast_ether_addr(&packet_ether(m)->src_addr)))
		return PARSE_SOURCE_MULTICAST;
	ctx->l2_len = RTE_ETHER_HDR_LEN;
	ether_type = packet_ether(m)->ether_type;
	if (unlikely(parse_is_tag(ether_type))) {
		verdict = parse_tags(m, ctx, &ether_type);
		l2_len = ctx->l2_len;
	}
	ctx->ether_type = rte_be_to_cpu_16(ether_type);
	if (unlikely(verdict != PARSED))
		return verdict;
	if (likely(ctx->ether_type == RTE_ETHER_TYPE_IPV4))
		return parse_ipv4(m, ctx, l2_len);
	return ctx->ether_type == RTE_ETHER_TYPE_IPV6 ? parse_ipv6(m, ctx, l2_len) : PARSED;
}

#endif
