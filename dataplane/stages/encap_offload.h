/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STAGES_ENCAP_OFFLOAD_H
#define STAGES_ENCAP_OFFLOAD_H

// Offload metadata of a packet that has just got its outer headers (port.h). What the inner frame
// left to be done is the port's then: egress saw that it is able to.

#include <netinet/in.h>

#include <rte_mbuf.h>
#include <rte_udp.h>
#include <rte_vxlan.h>

#include "packet.h"
#include "tables/nexthop.h"

// Whether the outer UDP checksum is the port's to make: it covers what is not finished yet.
static inline bool
encap_leaves_checksum(const struct rte_mbuf *m)
{
	return (m->ol_flags & PACKET_TX_OFFLOADS) != 0;
}

// ctx: with the inner lengths, as parse found them. outer_l2_len: with the uplink's tag.
static inline void
encap_describe(struct rte_mbuf *m, const struct packet_ctx *ctx,
	const struct nexthop_tunnel *tunnel, uint32_t outer_l2_len)
{
	bool is_vxlan = tunnel->kind == CW_TUNNEL_VXLAN;
	uint32_t outer_l3_len =
		tunnel->outer_v6 ? sizeof(struct rte_ipv6_hdr) : sizeof(struct rte_ipv4_hdr);
	uint32_t between = 0; // the headers

	m->ol_flags &= ~RTE_MBUF_F_RX_L4_CKSUM_MASK; // was said of the inner packet
	if (likely(!encap_leaves_checksum(m)))
		return;
	if (is_vxlan)
		between = (uint32_t)(sizeof(struct rte_udp_hdr) + sizeof(struct rte_vxlan_hdr))
			  + ctx->l2_len;
	m->tx_offload = rte_mbuf_tx_offload(
		between, ctx->l3_len, m->l4_len, m->tso_segsz, outer_l3_len, outer_l2_len, 0);
	m->ol_flags |= is_vxlan ? RTE_MBUF_F_TX_TUNNEL_VXLAN : RTE_MBUF_F_TX_TUNNEL_IPIP;
	m->ol_flags |= tunnel->outer_v6 ? RTE_MBUF_F_TX_OUTER_IPV6 : RTE_MBUF_F_TX_OUTER_IPV4;
	if (is_vxlan && (tunnel->checksum || tunnel->outer_v6))
		m->ol_flags |= RTE_MBUF_F_TX_OUTER_UDP_CKSUM;
}

#endif
