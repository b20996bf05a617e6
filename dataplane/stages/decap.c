/* SPDX-License-Identifier: Apache-2.0 */
#include "checksum.h"
#include "stages/address.h"
#include "stages/cache.h"
#include "stages/decap_ecn.h"
#include "stages/decap_peer.h"
#include "stages/parse_headers.h"
#include "stages/tunnel.h"

// Takes packets that other nodes sent to a vtep out of their tunnels; the first stage of what comes
// in by uplinks. It finds and checks the outer headers itself and leaves the inner frame to parse,
// so that every header is looked at once. What is no tunnel packet goes to parse untouched.
//
// Outer UDP checksums: IPv6 ones must be there and be right (RFC 8200, 8.1), IPv4 ones may be
// missing (RFC 7348, 5) and are not summed up, as the RFC allows: the inner packet has its own.

#define VXLAN_HEADER 8
#define VXLAN_HAS_VNI RTE_BE32(0x08000000) // the other flags are ignored (RFC 7348, 5)
// Outer headers, and the inner ones up to the destination address.
#define OUTER_MAX (14 + 8 + 60 + 8 + VXLAN_HEADER)
#define PEEK_MAX (14 + 40)
#define PREFETCH_AHEAD 4

enum { NEXT_PARSE };
enum {
	DROP_FRAGMENT,
	DROP_LENGTH,
	DROP_CHECKSUM,
	DROP_SOURCE,
	DROP_PEER,
	DROP_FLAGS,
	DROP_VNI,
	DROP_ECN,
	DROP_OFFLOAD,
	DROP_NO_NETWORK,
	DECAPPED,
	NO_TUNNEL,
	OWN,
};

static stage_run decap_run;
static struct stage decap = {
	.name = "decap",
	.help = "takes packets from other nodes out of their tunnels",
	.run = decap_run,
	.order = 50,
	.next = {[NEXT_PARSE] = "parse"},
	.drops =
		{
			[DROP_FRAGMENT] = {"tunnel_fragment",
				"fragment of a tunnel packet (RFC 7348, 4.3)"},
			[DROP_LENGTH] = {"tunnel_length",
				"outer UDP length that does not fit the frame or the tunnel"},
			[DROP_CHECKSUM] = {"tunnel_checksum",
				"outer UDP checksum is wrong, or missing over IPv6"},
			[DROP_SOURCE] = {"tunnel_source",
				"outer source is no other node's address"},
			[DROP_PEER] = {"tunnel_peer", "no next hop leads to the tunnel's sender, "
						      "and its vtep is strict"},
			[DROP_FLAGS] = {"vxlan_flags", "VXLAN header without a VNI"},
			[DROP_VNI] = {"vni_unknown", "no network has this VNI"},
			[DROP_ECN] = {"ecn_ce", "met congestion in the tunnel, but its ends do not "
						"use ECN (RFC 6040)"},
			[DROP_OFFLOAD] = {"tunnel_offload",
				"offload metadata that does not fit the tunnel"},
			[DROP_NO_NETWORK] = {"no_network", "network is gone"},
		},
};
STAGE_REGISTER(decap);

// What is known of a tunnel packet.
struct tunnel_packet {
	struct packet_ctx outer; // as parse would have it
	const struct vtep *vtep;
	const struct network *network; // of the inner frame
	uint32_t start, end; // of the inner frame or packet, from the start of the outer frame
	bool is_v6; // the outer header
};

// The network of the uplink's own frames with this tag, UINT16_MAX when it has no such tag.
static inline uint16_t
underlay_network(const struct dp_port *uplink, const struct packet_ctx *outer)
{
	if (likely(outer->vlan == uplink->vlan))
		return uplink->network;
	return outer->vlan != 0 ? dp_port_trunk_network(uplink, outer->vlan) : UINT16_MAX;
}

// Whether the frame is addressed to this node, or to a group with its IP packet.
static bool
is_to_us(const struct decap_burst *b, const struct rte_mbuf *m, const struct packet_ctx *outer,
	bool is_group)
{
	const struct rte_ether_addr *mac = &packet_ether(m)->dst_addr;
	uint16_t id = underlay_network(b->uplink, outer);
	const struct network *network;

	if (id == UINT16_MAX || outer->tag_len > sizeof(struct rte_vlan_hdr))
		return false;
	if (is_group || rte_is_multicast_ether_addr(mac))
		return is_group && rte_is_multicast_ether_addr(mac);
	if (likely(rte_is_same_ether_addr(mac, &b->uplink->mac)))
		return true;
	network = dp_network(b->w->dp, id);
	return network != NULL && uplink_owns(b->uplink, network, mac);
}

// UDP's destination port, 0 for IPIP; false when it is neither or cannot be told.
static inline bool
find_service(const struct rte_mbuf *m, const struct packet_ctx *outer, rte_be16_t *udp_port)
{
	if (likely(outer->ip_proto == IPPROTO_UDP && outer->fragment != PACKET_LATER_FRAGMENT)) {
		*udp_port = ((const struct rte_udp_hdr *)packet_l4(m, outer))->dst_port;
		return *udp_port != 0;
	}
	*udp_port = 0;
	return outer->ip_proto == IPPROTO_IPIP && outer->ether_type == RTE_ETHER_TYPE_IPV4;
}

// Sets p->outer, is_v6 and vtep. Returns false when it is no packet of a vtep of ours.
static inline bool
find_vtep(struct decap_burst *b, const struct rte_mbuf *m, struct tunnel_packet *p)
{
	rte_be16_t udp_port;
	bool is_group;

	memset(&p->outer, 0, sizeof(p->outer));
	if (unlikely(parse_headers(m, &p->outer) != PARSED) || p->outer.l3_len == 0
		|| !find_service(m, &p->outer, &udp_port))
		return false;
	p->is_v6 = p->outer.ether_type == RTE_ETHER_TYPE_IPV6;
	if (likely(!p->is_v6)) {
		rte_be32_t dst = packet_ipv4(m, &p->outer)->dst_addr;

		p->vtep = decap_vtep4(b, dst, udp_port);
		is_group = address4_is_multicast(dst);
	} else {
		const uint8_t *dst = ipv6_dst(packet_ipv6(m, &p->outer));

		p->vtep = decap_vtep6(b, dst, udp_port);
		is_group = address6_is_multicast(dst);
	}
	return p->vtep != NULL && is_to_us(b, m, &p->outer, is_group);
}

static inline const struct network *
network_of_vni(struct decap_burst *b, uint32_t vni)
{
	uint16_t id;

	if (likely(b->network != NULL && b->vni == vni))
		return b->network;
	id = vtep_vni_network(b->w->dp->vteps, vni);
	b->network = id < CW_MAX_NETWORKS ? dp_network(b->w->dp, id) : NULL;
	b->vni = vni;
	return b->network;
}

// RFC 7348, 5. Only the header's first 8 bytes may be read.
static inline int
open_vxlan(struct decap_burst *b, const struct rte_mbuf *m, struct tunnel_packet *p)
{
	rte_be32_t word[2];

	if (p->end - p->start < VXLAN_HEADER || m->data_len < p->start + VXLAN_HEADER)
		return DROP_LENGTH;
	memcpy(word, rte_pktmbuf_mtod_offset(m, const void *, p->start), sizeof(word));
	if ((word[0] & VXLAN_HAS_VNI) == 0)
		return DROP_FLAGS;
	p->start += VXLAN_HEADER;
	p->network = network_of_vni(b, rte_be_to_cpu_32(word[1]) >> 8);
	return p->network != NULL ? DECAPPED : DROP_VNI;
}

// RFC 8200, 8.1. An unfinished checksum has seen no wire. AF_XDP brings no metadata to tell those.
static int
check_udp6(const struct decap_burst *b, const struct rte_mbuf *m, const struct packet_ctx *outer,
	uint32_t len)
{
	const struct rte_udp_hdr *udp = packet_l4(m, outer);
	uint16_t sum;

	if ((m->ol_flags & PACKET_TX_OFFLOADS) || b->uplink->kind == CW_PORT_AF_XDP
		|| (m->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK) == RTE_MBUF_F_RX_L4_CKSUM_GOOD)
		return DECAPPED;
	if (udp->dgram_cksum == 0
		|| checksum_sum(m, (uint32_t)outer->l2_len + outer->l3_len, len, &sum) != 0)
		return DROP_CHECKSUM;
	sum = checksum_fold(
		(uint32_t)sum + checksum_pseudo6(packet_ipv6(m, outer), IPPROTO_UDP, len));
	return sum == UINT16_MAX ? DECAPPED : DROP_CHECKSUM;
}

// Where the IP header says that the packet ends.
static inline uint32_t
ip_end(const struct rte_mbuf *m, const struct tunnel_packet *p)
{
	const struct packet_ctx *outer = &p->outer;

	if (likely(!p->is_v6))
		return outer->l2_len + rte_be_to_cpu_16(packet_ipv4(m, outer)->total_length);
	return outer->l2_len + (uint32_t)sizeof(struct rte_ipv6_hdr)
	       + rte_be_to_cpu_16(packet_ipv6(m, outer)->payload_len);
}

// Sets start, end and network.
static inline int
open_udp(struct decap_burst *b, const struct rte_mbuf *m, struct tunnel_packet *p)
{
	const struct rte_udp_hdr *udp = packet_l4(m, &p->outer);
	uint32_t len = rte_be_to_cpu_16(udp->dgram_len), at = p->start;
	int verdict = DECAPPED;

	if (len < sizeof(*udp) || at + len > p->end)
		return DROP_LENGTH;
	p->end = at + len;
	p->start += (uint32_t)sizeof(*udp);
	if (unlikely((m->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK) == RTE_MBUF_F_RX_L4_CKSUM_BAD))
		return DROP_CHECKSUM;
	if (unlikely(p->is_v6))
		verdict = check_udp6(b, m, &p->outer, len);
	if (likely(verdict == DECAPPED && p->vtep->kind == CW_TUNNEL_VXLAN))
		return open_vxlan(b, m, p);
	return verdict;
}

static inline int
open_tunnel(struct decap_burst *b, const struct rte_mbuf *m, struct tunnel_packet *p)
{
	int verdict = DECAPPED;

	p->start = (uint32_t)p->outer.l2_len + p->outer.l3_len;
	p->end = ip_end(m, p);
	if (unlikely(p->outer.fragment != PACKET_WHOLE))
		return DROP_FRAGMENT;
	if (likely(p->vtep->kind != CW_TUNNEL_IPIP))
		verdict = open_udp(b, m, p);
	if (unlikely(verdict != DECAPPED) || likely(p->vtep->kind == CW_TUNNEL_VXLAN))
		return verdict;
	if (p->start == p->end || p->start > m->data_len)
		return DROP_LENGTH;
	p->network = dp_network(b->w->dp, p->vtep->network);
	return p->network != NULL ? DECAPPED : DROP_NO_NETWORK;
}

static inline bool
is_own_address(const struct vtep *vtep, const uint8_t *src, bool is_v6)
{
	return memcmp(src, vtep->address.addr, is_v6 ? 16 : 4) == 0;
}

// Other nodes have a host's address that is not ours; strict vteps know them by name.
static inline int
check_source(struct decap_burst *b, const struct rte_mbuf *m, const struct tunnel_packet *p)
{
	const uint8_t *src;
	rte_be32_t src4;
	bool is_host;

	if (likely(!p->is_v6)) {
		src4 = packet_ipv4(m, &p->outer)->src_addr;
		src = (const uint8_t *)&src4;
		is_host = address4_is_host(src4);
	} else {
		src = ipv6_src(packet_ipv6(m, &p->outer));
		is_host = address6_is_host(src);
	}
	if (unlikely(!is_host || is_own_address(p->vtep, src, p->is_v6)))
		return DROP_SOURCE;
	if (unlikely((p->vtep->flags & CW_VTEP_STRICT) != 0)
		&& !decap_knows_peer(b, p->vtep, p->network->id, p->is_v6, src))
		return DROP_PEER;
	return DECAPPED;
}

// Whether the inner destination is one that the node's own stack has behind this vtep.
static bool
is_own(const struct rte_mbuf *m, const struct tunnel_packet *p)
{
	rte_be16_t ether_type = RTE_BE16(RTE_ETHER_TYPE_IPV4);
	uint32_t at = p->start;
	const uint8_t *dst;
	uint8_t family, len;

	if (m->data_len < p->start + PEEK_MAX && m->data_len < m->pkt_len)
		return false;
	if (p->vtep->kind == CW_TUNNEL_VXLAN) {
		if (p->end < at + RTE_ETHER_HDR_LEN)
			return false;
		memcpy(&ether_type, rte_pktmbuf_mtod_offset(m, const void *, at + 12), 2);
		at += RTE_ETHER_HDR_LEN;
	}
	family = ether_type == RTE_BE16(RTE_ETHER_TYPE_IPV4) ? 4 : 6;
	len = family == 4 ? 4 : 16;
	at += family == 4 ? 16 : 24;
	if ((family == 6 && ether_type != RTE_BE16(RTE_ETHER_TYPE_IPV6)) || p->end < at + len)
		return false;
	dst = rte_pktmbuf_mtod_offset(m, const uint8_t *, at);
	for (uint16_t i = 0; i < p->vtep->n_own; i++)
		if (p->vtep->own[i].family == family && memcmp(p->vtep->own[i].addr, dst, len) == 0)
			return true;
	return false;
}

// Metadata speaks of the inner packet afterwards, or not at all. A driver says where the checksum
// starts by the sum of all header lengths.
static bool
move_offloads(struct rte_mbuf *m, const struct tunnel_packet *p)
{
	uint32_t at = (uint32_t)(m->l2_len + m->l3_len),
		 l4 = (uint32_t)p->outer.l2_len + p->outer.l3_len;

	if (m->ol_flags & RTE_MBUF_F_TX_TUNNEL_MASK)
		at += (uint32_t)(m->outer_l2_len + m->outer_l3_len);
	m->ol_flags &= ~(RTE_MBUF_F_TX_TUNNEL_MASK | RTE_MBUF_F_TX_OUTER_IP_CKSUM
			 | RTE_MBUF_F_TX_OUTER_UDP_CKSUM | RTE_MBUF_F_TX_OUTER_IPV4
			 | RTE_MBUF_F_TX_OUTER_IPV6);
	if (at == l4 && (m->ol_flags & PACKET_SUPER_FRAME) == 0) {
		m->ol_flags &= ~(PACKET_TX_OFFLOADS | RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IPV6);
		return true;
	}
	if (at < p->start + RTE_ETHER_HDR_LEN)
		return false;
	m->tx_offload = rte_mbuf_tx_offload(RTE_ETHER_HDR_LEN, at - p->start - RTE_ETHER_HDR_LEN,
		m->l4_len, m->tso_segsz, 0, 0, 0);
	return true;
}

// A bare packet gets the Ethernet header of a frame that is sent to the router.
static void
put_ether(struct rte_mbuf *m, const struct network *network)
{
	struct rte_ether_hdr *ether = packet_ether(m);

	ether->dst_addr = network->router_mac;
	ether->src_addr = network->router_mac;
	ether->ether_type = RTE_BE16(RTE_ETHER_TYPE_IPV4);
}

static inline void
strip(struct rte_mbuf *m, struct packet_ctx *ctx, const struct tunnel_packet *p)
{
	if (unlikely(m->pkt_len > p->end))
		packet_cut(m, p->end);
	if (likely(p->vtep->kind == CW_TUNNEL_VXLAN)) {
		ctx->outer_len = (uint8_t)(p->start - p->outer.l2_len);
		packet_strip(m, (uint16_t)p->start, ctx->outer_len);
		if (m->data_len >= RTE_ETHER_ADDR_LEN
			&& rte_is_same_ether_addr(&packet_ether(m)->dst_addr, &p->vtep->mac))
			packet_ether(m)->dst_addr = p->network->router_mac;
	} else {
		packet_strip(m, (uint16_t)(p->start - RTE_ETHER_HDR_LEN), 0);
		put_ether(m, p->network);
	}
	m->ol_flags &= ~(RTE_MBUF_F_RX_L4_CKSUM_MASK | RTE_MBUF_F_RX_IP_CKSUM_MASK);
}

static inline enum ecn
outer_ecn(const struct rte_mbuf *m, const struct tunnel_packet *p)
{
	const uint8_t *ip = (const uint8_t *)packet_ipv4(m, &p->outer);

	return (enum ecn)(likely(!p->is_v6) ? ip[1] & 3 : ip[1] >> 4 & 3);
}

static inline uint32_t
remote_hash(const struct rte_mbuf *m, const struct tunnel_packet *p)
{
	if (likely(!p->is_v6))
		return nexthop_remote_hash((const uint8_t *)packet_ipv4(m, &p->outer)
						   + offsetof(struct rte_ipv4_hdr, src_addr),
			false);
	return nexthop_remote_hash(ipv6_src(packet_ipv6(m, &p->outer)), true);
}

static inline int
take_out(struct rte_mbuf *m, struct packet_ctx *ctx, const struct tunnel_packet *p)
{
	enum ecn ecn = outer_ecn(m, p);

	if (unlikely((m->ol_flags & PACKET_TX_OFFLOADS) != 0) && !move_offloads(m, p))
		return DROP_OFFLOAD;
	ctx->remote_hash = remote_hash(m, p);
	ctx->network = p->network->id;
	ctx->origin = PACKET_FROM_TUNNEL;
	ctx->vtep = p->vtep->id;
	ctx->flags |= PACKET_DECAPPED;
	strip(m, ctx, p);
	if (unlikely(ecn != ECN_NOT_ECT) && !decap_take_ecn(m, ecn))
		return DROP_ECN;
	return DECAPPED;
}

static inline int
decap_packet(struct decap_burst *b, struct rte_mbuf *m, struct packet_ctx *ctx)
{
	struct tunnel_packet p;
	int verdict;

	if (unlikely(m->nb_segs > 1 && m->data_len < OUTER_MAX + PEEK_MAX))
		packet_pull_up(m, OUTER_MAX + PEEK_MAX);
	if (!find_vtep(b, m, &p))
		return NO_TUNNEL;
	verdict = open_tunnel(b, m, &p);
	if (likely(verdict == DECAPPED))
		verdict = check_source(b, m, &p);
	if (unlikely(verdict != DECAPPED))
		return verdict;
	if (p.vtep->n_own != 0 && is_own(m, &p))
		return OWN;
	return take_out(m, ctx, &p);
}

static inline void
hand_on(struct worker *w, uint16_t slot, int verdict)
{
	if (unlikely(verdict < DECAPPED)) {
		packet_drop(w, slot, decap.drop_id[verdict]);
		return;
	}
	if (unlikely(verdict == OWN))
		w->ctx[slot].flags |= PACKET_PUNT;
	packet_next(w, slot, decap.next_id[NEXT_PARSE]);
}

// All packets of a burst came in by one port. The worker has prefetched their first lines; inner
// headers begin in the second.
static void
decap_run(struct worker *w, const uint16_t *slots, uint16_t n)
{
	struct decap_burst b = {.w = w, .uplink = dp_port_get(w->dp, w->ctx[slots[0]].in_port)};
	bool is_closed = b.uplink == NULL || w->dp->vteps == NULL;

	for (uint16_t i = 0; i < n; i++) {
		if (i + PREFETCH_AHEAD < n)
			rte_prefetch0(rte_pktmbuf_mtod_offset(w->mbuf[slots[i + PREFETCH_AHEAD]],
				const void *, RTE_CACHE_LINE_SIZE));
		hand_on(w, slots[i],
			unlikely(is_closed)
				? NO_TUNNEL
				: decap_packet(&b, w->mbuf[slots[i]], &w->ctx[slots[i]]));
	}
}
