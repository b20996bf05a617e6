/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STAGES_EGRESS_FIT_H
#define STAGES_EGRESS_FIT_H

// What a frame asks of the port that it leaves by: shared by egress and express.

#include "packet.h"
#include "port.h"
#include "tables/nexthop.h"
#include "tables/ports.h"

// L3 bytes that fit. nexthop: of routed packets, else NULL.
static inline uint32_t
egress_mtu(const struct dp_port *port, const struct nexthop *nexthop)
{
	if (nexthop != NULL && nexthop->mtu != 0)
		return RTE_MIN(port->mtu, nexthop->mtu);
	return port->mtu;
}

// The same of a packet with its context. A tunnel's MTU is in inner terms already; tags that stay
// in the inner frame are at its expense.
static inline uint32_t
egress_path_mtu(const struct dp_port *port, const struct packet_ctx *ctx)
{
	bool has_way = (ctx->flags & (PACKET_ROUTED | PACKET_TUNNEL)) != 0;
	uint32_t mtu = egress_mtu(port, has_way ? ctx->nexthop : NULL);

	if (unlikely((ctx->flags & PACKET_TUNNEL) != 0))
		mtu -= RTE_MIN(mtu, (uint32_t)ctx->tag_len);
	return mtu;
}

// L3 bytes of the largest packet on the wire; offload metadata agrees with the headers since parse.
static inline uint32_t
egress_largest(const struct rte_mbuf *m, uint32_t l2_len, uint32_t l3_len)
{
	uint32_t size = m->pkt_len - l2_len;

	if (m->ol_flags & PACKET_SUPER_FRAME)
		return RTE_MIN(size, l3_len + m->l4_len + (uint32_t)m->tso_segsz);
	return size;
}

// What a port is able to do for this packet, in the terms of a plain one. Inside a tunnel it is
// what the port does for inner packets: UDP super-frames are cut there by no device, and what an
// outer checksum covers must be finished before it, unless the device makes that one, too.
static inline uint32_t
egress_capabilities(const struct dp_port *port, const struct packet_ctx *ctx)
{
	uint32_t has = port->capabilities, can = has & PORT_TX_CHAINS;
	const struct nexthop_tunnel *tunnel;

	if (likely((ctx->flags & PACKET_TUNNEL) == 0))
		return has;
	tunnel = ctx->nexthop->tunnel;
	if (tunnel->kind == CW_TUNNEL_UDP)
		return can; // known to us alone
	if (tunnel->kind == CW_TUNNEL_VXLAN && (tunnel->checksum || tunnel->outer_v6)
		&& (has & PORT_TX_TUNNEL_OUTER_CHECKSUM) == 0)
		return can;
	if (has & PORT_TX_TUNNEL_CHECKSUM)
		can |= PORT_TX_CHECKSUM;
	if (tunnel->kind == CW_TUNNEL_VXLAN && (has & PORT_TX_TUNNEL_TSO))
		can |= PORT_TX_TSO4 | PORT_TX_TSO6;
	return can;
}

// port_capability bits that a port must have to take the frame as it is.
static inline uint32_t
egress_wants(const struct rte_mbuf *m)
{
	uint32_t wants = m->nb_segs > 1 ? PORT_TX_CHAINS : 0;

	if (m->ol_flags & RTE_MBUF_F_TX_L4_MASK)
		wants |= PORT_TX_CHECKSUM;
	if (m->ol_flags & RTE_MBUF_F_TX_TCP_SEG)
		wants |= m->ol_flags & RTE_MBUF_F_TX_IPV4 ? PORT_TX_TSO4 : PORT_TX_TSO6;
	if (m->ol_flags & RTE_MBUF_F_TX_UDP_SEG)
		wants |= PORT_TX_USO;
	return wants;
}

#endif
