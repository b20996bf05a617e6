/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STAGES_ENCAP_HEADER_H
#define STAGES_ENCAP_HEADER_H

// Outer headers of a packet from the template of its next hop (tables/nexthop.h): what is the
// packet's own is filled in, checksums are brought up from the template's sums. Shared by encap and
// express. Workers.

#include <string.h>

#include <rte_udp.h>

#include "checksum.h"
#include "packet.h"
#include "tables/nexthop.h"

#define ENCAP_PORT_MIN 0xc000 // RFC 6335: dynamic ports; RFC 7348, 5: the flow chooses one

// Uninverted sum over the inner frame, which may be a chain. The L4 part of a packet whose checksum
// is known to be right need not be read: it sums up to the inverse of its pseudo-header.
uint16_t encap_inner_sum(const struct rte_mbuf *m, const struct packet_ctx *ctx, uint32_t l2_len);

// Copies the template. The sizes are those of all tunnels over IPv4 and VXLAN over IPv6, so that
// the copy is a few moves.
static inline void
encap_copy(uint8_t *to, const struct nexthop_tunnel *tunnel)
{
	switch (tunnel->header_len) {
	case 50:
		memcpy(to, tunnel->header, 50);
		break;
	case 70:
		memcpy(to, tunnel->header, 70);
		break;
	default:
		memcpy(to, tunnel->header, tunnel->header_len);
		break;
	}
}

// DSCP and ECN of the inner packet (RFC 2983, 3, uniform model; RFC 6040, 4.1, normal mode), 0 when
// it is not IP.
static inline uint8_t
encap_traffic_class(const struct rte_mbuf *m, const struct packet_ctx *ctx)
{
	if (unlikely(ctx->l3_len == 0))
		return 0;
	if (likely(ctx->ether_type == RTE_ETHER_TYPE_IPV4))
		return packet_ipv4(m, ctx)->type_of_service;
	return (uint8_t)(rte_be_to_cpu_32(packet_ipv6(m, ctx)->vtc_flow) >> 20);
}

// len: of the outer packet, its header included.
static inline void
encap_finish_ipv4(struct rte_ipv4_hdr *ip, const struct nexthop_tunnel *tunnel, uint16_t len,
	uint8_t traffic_class, uint16_t packet_id)
{
	uint32_t sum;

	ip->type_of_service = traffic_class;
	ip->total_length = rte_cpu_to_be_16(len);
	ip->packet_id = rte_cpu_to_be_16(packet_id);
	sum = (uint32_t)tunnel->ip_sum + ip->total_length + ip->packet_id
	      + rte_cpu_to_be_16(traffic_class);
	ip->hdr_checksum = (rte_be16_t)~checksum_fold(sum);
}

static inline void
encap_finish_ipv6(struct rte_ipv6_hdr *ip, uint16_t len, uint8_t traffic_class)
{
	ip->vtc_flow = rte_cpu_to_be_32(6u << 28 | (uint32_t)traffic_class << 20);
	ip->payload_len = rte_cpu_to_be_16((uint16_t)(len - sizeof(*ip)));
}

// len: of header and payload. inner_sum: over the payload behind the template, when the checksum is
// wanted here; a sum of zero is sent as all ones (RFC 768).
static inline void
encap_finish_udp(struct rte_udp_hdr *udp, const struct nexthop_tunnel *tunnel, uint16_t len,
	uint32_t hash, bool checksum, uint16_t inner_sum)
{
	uint32_t sum;

	udp->src_port = rte_cpu_to_be_16((uint16_t)(ENCAP_PORT_MIN | hash));
	udp->dgram_len = rte_cpu_to_be_16(len);
	if (likely(!checksum))
		return;
	sum = (uint32_t)tunnel->udp_sum + udp->src_port + 2u * udp->dgram_len + inner_sum;
	udp->dgram_cksum = (rte_be16_t)~checksum_fold(sum);
	if (udp->dgram_cksum == 0)
		udp->dgram_cksum = UINT16_MAX;
}

#endif
