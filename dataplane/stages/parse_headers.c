/* SPDX-License-Identifier: Apache-2.0 */
#include "stages/parse_headers.h"

#define EXTENSIONS_MAX 8 // headers of one packet; more is no traffic but an attack

const uint8_t parse_l4_min[UINT8_MAX + 1] = {
	[IPPROTO_TCP] = 20,
	[IPPROTO_SCTP] = 12,
	[IPPROTO_UDP] = 8,
	[IPPROTO_ICMP] = 8,
	[IPPROTO_ICMPV6] = 8,
};

enum parse_verdict
parse_extensions(const struct rte_ipv6_hdr *ip, uint32_t len, struct packet_ctx *ctx)
{
	const uint8_t *at = (const uint8_t *)ip;
	uint32_t offset = sizeof(*ip), size;
	uint8_t proto = ip->proto;
	bool fragmented = false;

	for (int i = 0; ipv6_is_extension(proto); i++) {
		if (i == EXTENSIONS_MAX)
			return PARSE_EXTENSIONS;
		if (len - offset < 8 || (proto == IPPROTO_HOPOPTS && i > 0)
			|| (proto == IPPROTO_FRAGMENT && fragmented))
			return PARSE_IPV6;
		size = proto == IPPROTO_FRAGMENT ? 8 : (at[offset + 1] + 1u) * 8;
		if (size > len - offset)
			return PARSE_IPV6;
		if (offset + size > UINT8_MAX)
			return PARSE_EXTENSIONS;
		if (proto == IPPROTO_FRAGMENT) {
			uint16_t bits = (uint16_t)(at[offset + 2] << 8 | at[offset + 3]);

			fragmented = true;
			if (bits & RTE_IPV6_EHDR_FO_MASK)
				ctx->fragment = PACKET_LATER_FRAGMENT;
			else if (bits & RTE_IPV6_EHDR_MF_MASK)
				ctx->fragment = PACKET_FIRST_FRAGMENT;
		}
		proto = at[offset];
		offset += size;
		if (ctx->fragment == PACKET_LATER_FRAGMENT)
			break;
	}
	ctx->l3_len = (uint8_t)offset;
	ctx->ip_proto = proto;
	return PARSED;
}

enum parse_verdict
parse_tags(const struct rte_mbuf *m, struct packet_ctx *ctx, rte_be16_t *ether_type)
{
	while (parse_is_tag(*ether_type) && ctx->tag_len < 2 * sizeof(struct rte_vlan_hdr)) {
		const struct rte_vlan_hdr *tag;

		if (m->data_len < ctx->l2_len + sizeof(*tag))
			return PARSE_ETHERNET;
		tag = rte_pktmbuf_mtod_offset(m, const struct rte_vlan_hdr *, ctx->l2_len);
		if (ctx->tag_len == 0)
			ctx->vlan = rte_be_to_cpu_16(tag->vlan_tci) & 0xfff;
		*ether_type = tag->eth_proto;
		ctx->l2_len += (uint8_t)sizeof(*tag);
		ctx->tag_len += (uint8_t)sizeof(*tag);
	}
	return PARSED;
}
