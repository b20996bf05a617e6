/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STAGES_EXPRESS_TUNNEL_H
#define STAGES_EXPRESS_TUNNEL_H

// Plain packets into VXLAN, as encap does it: the same functions fill the headers.

#include "stages/encap_header.h"
#include "stages/encap_offload.h"
#include "tables/ports.h"

// Tunnels whose header is ready but for what is the packet's own.
static inline bool
express_tunnel_is_simple(const struct nexthop_tunnel *tunnel)
{
	return tunnel->kind == CW_TUNNEL_VXLAN && tunnel->underlay == NULL;
}

// Takes outer headers of VXLAN off, len bytes; afterwards metadata says nothing.
static inline void
express_strip(struct rte_mbuf *m, uint8_t len)
{
	m->data_off = (uint16_t)(m->data_off + len);
	m->data_len = (uint16_t)(m->data_len - len);
	m->pkt_len -= len;
	m->ol_flags &= ~(RTE_MBUF_F_RX_L4_CKSUM_MASK | RTE_MBUF_F_RX_IP_CKSUM_MASK);
}

// The frame is plain, without work left to the port, and has headroom for the header.
static inline void
express_encap(
	struct rte_mbuf *m, const struct nexthop_tunnel *tunnel, bool is_v6, uint16_t packet_id)
{
	const uint32_t l3_len = m->pkt_len + tunnel->header_len - (uint32_t)RTE_ETHER_HDR_LEN;
	const uint8_t *inner = rte_pktmbuf_mtod_offset(m, const uint8_t *, RTE_ETHER_HDR_LEN);
	struct packet_ctx ctx = {
		.l2_len = RTE_ETHER_HDR_LEN,
		.ether_type = is_v6 ? RTE_ETHER_TYPE_IPV6 : RTE_ETHER_TYPE_IPV4,
		.l3_len = is_v6 ? sizeof(struct rte_ipv6_hdr) : sizeof(struct rte_ipv4_hdr),
		.ip_proto = inner[is_v6 ? offsetof(struct rte_ipv6_hdr, proto)
					: offsetof(struct rte_ipv4_hdr, next_proto_id)],
	};
	const uint32_t hash = packet_hash(m, &ctx);
	const uint8_t traffic_class = encap_traffic_class(m, &ctx);
	uint16_t inner_sum = 0;
	uint32_t ip_len;
	uint8_t *l3;

	if (unlikely(tunnel->checksum))
		inner_sum = encap_inner_sum(m, &ctx, RTE_ETHER_HDR_LEN);
	encap_describe(m, &ctx, tunnel, RTE_ETHER_HDR_LEN);
	l3 = (uint8_t *)packet_prepend(m, tunnel->header_len);
	encap_copy(l3, tunnel);
	l3 += RTE_ETHER_HDR_LEN;
	if (likely(!tunnel->outer_v6)) {
		ip_len = sizeof(struct rte_ipv4_hdr);
		encap_finish_ipv4((void *)l3, tunnel, (uint16_t)l3_len, traffic_class, packet_id);
	} else {
		ip_len = sizeof(struct rte_ipv6_hdr);
		encap_finish_ipv6((void *)l3, (uint16_t)l3_len, traffic_class);
	}
	encap_finish_udp((void *)(l3 + ip_len), tunnel, (uint16_t)(l3_len - ip_len), hash,
		tunnel->checksum != 0, inner_sum);
}

#endif
