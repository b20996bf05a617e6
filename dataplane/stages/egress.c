/* SPDX-License-Identifier: Apache-2.0 */
#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>

#include <rte_udp.h>

#include "stages/cache.h"
#include "stages/egress_fit.h"
#include "stages/subport.h"
#include "worker.h"

// Fits a frame to its port: size against the MTU, offload wants against the capabilities, VLAN tag.
// The tag is pushed before segment and fragment, which copy the whole L2 header to each piece.
// ctx->icmp_info holds the MTU for fragment and icmp_error.

#define SEGMENT_MIN 8 // payload bytes; less is not worth a packet

enum { NEXT_TX, NEXT_SEGMENT, NEXT_FRAGMENT, NEXT_ICMP_ERROR, NEXT_ENCAP, NEXT_COUNT };
enum { DROP_NO_PORT, DROP_TOO_BIG, DROP_VLAN, DROP_NO_MEMORY, DROP_ROUTED, DROP_BESIDE };
#define DROP(reason) (NEXT_COUNT + DROP_##reason)

static stage_run egress_run;
static struct stage egress = {
	.name = "egress",
	.help = "size, offloads and VLAN tag of the out port",
	.run = egress_run,
	.order = 1100,
	.next = {[NEXT_TX] = "tx",
		[NEXT_SEGMENT] = "segment",
		[NEXT_FRAGMENT] = "fragment",
		[NEXT_ICMP_ERROR] = "icmp_error",
		[NEXT_ENCAP] = "encap"},
	.drops =
		{
			[DROP_NO_PORT] = {"no_port", "port is gone"},
			[DROP_TOO_BIG] = {"too_big", "larger than the port's MTU"},
			[DROP_VLAN] = {"vlan_foreign",
				"still tagged, but the port carries no such tags"},
			[DROP_NO_MEMORY] = {"no_memory", "no room for the tag"},
			[DROP_ROUTED] = {"routed_only",
				"would be bridged to a VF, whose card takes routed frames only"},
			[DROP_BESIDE] = {"fdb_same_port",
				"destination is behind the port it came from"},
		},
};
STAGE_REGISTER(egress);

// Whether there is a router to tell the sender, or to fragment. Into a tunnel that takes less than
// the network's MTU even a switched packet has one, as Linux does it: nobody else could tell.
static inline bool
has_router(const struct packet_ctx *ctx)
{
	return (ctx->flags & (PACKET_ROUTED | PACKET_TUNNEL)) || ctx->origin == PACKET_FROM_ROUTER;
}

static int
report_too_big(struct packet_ctx *ctx)
{
	ctx->drop = egress.drop_id[DROP_TOO_BIG];
	if (ctx->ether_type == RTE_ETHER_TYPE_IPV4) {
		ctx->icmp_type = ICMP_DEST_UNREACH;
		ctx->icmp_code = ICMP_FRAG_NEEDED;
	} else {
		ctx->icmp_type = ICMP6_PACKET_TOO_BIG;
		ctx->icmp_code = 0;
	}
	return NEXT_ICMP_ERROR;
}

// RFC 1812, 4.2.2.7 and 5.3; RFC 8201. What is only switched has no router to say so.
// TCP super-frames without DF are cut finer instead of being fragmented: TCP does not notice.
static int
handle_too_big(struct rte_mbuf *m, struct packet_ctx *ctx, uint32_t mtu)
{
	uint32_t headers = ctx->l3_len + m->l4_len;

	if (!has_router(ctx) || ctx->l3_len == 0)
		return DROP(TOO_BIG);
	ctx->icmp_info = mtu;
	if (ctx->ether_type != RTE_ETHER_TYPE_IPV4
		|| (packet_ipv4(m, ctx)->fragment_offset & RTE_BE16(RTE_IPV4_HDR_DF_FLAG)))
		return report_too_big(ctx);
	if (!(m->ol_flags & RTE_MBUF_F_TX_TCP_SEG))
		return NEXT_FRAGMENT; // which cuts a UDP super-frame into its datagrams first
	if (mtu < headers + SEGMENT_MIN)
		return DROP(TOO_BIG);
	m->tso_segsz = (uint16_t)(mtu - headers);
	return NEXT_TX;
}

// Everything but a plain frame of the right size.
static int
fit(const struct dp_port *port, struct rte_mbuf *m, struct packet_ctx *ctx, uint32_t mtu)
{
	int next = NEXT_TX;

	if (egress_largest(m, ctx->l2_len, ctx->l3_len) > mtu)
		next = handle_too_big(m, ctx, mtu);
	if (next == NEXT_TX && (egress_wants(m) & ~egress_capabilities(port, ctx)) != 0)
		next = NEXT_SEGMENT;
	return next;
}

static bool
push_tag(struct rte_mbuf *m, struct packet_ctx *ctx, uint16_t vlan)
{
	char *frame = packet_prepend(m, sizeof(struct rte_vlan_hdr));
	struct rte_vlan_hdr *tag;

	if (frame == NULL)
		return false;
	memmove(frame, frame + sizeof(*tag), 2 * RTE_ETHER_ADDR_LEN);
	packet_ether(m)->ether_type = RTE_BE16(RTE_ETHER_TYPE_VLAN);
	tag = rte_pktmbuf_mtod_offset(m, struct rte_vlan_hdr *, RTE_ETHER_HDR_LEN);
	tag->vlan_tci = rte_cpu_to_be_16(vlan); // its EtherType is the one that was there
	ctx->l2_len += (uint8_t)sizeof(*tag);
	ctx->tag_len += (uint8_t)sizeof(*tag);
	packet_set_lengths(m, ctx);
	return true;
}

// VXLAN carries tags that are still there; the others carry bare packets, whose tag would be lost.
// The uplink's own tag goes around the outer headers.
static inline bool
fits_tunnel(const struct packet_ctx *ctx)
{
	return ctx->tag_len == 0 || ctx->nexthop->tunnel->kind == CW_TUNNEL_VXLAN;
}

// A frame with an inner tag would end in another of the receiver's networks if it left untagged.
static inline int
tag_frame(const struct dp_port *port, struct rte_mbuf *m, struct packet_ctx *ctx, int next)
{
	uint16_t vlan;

	if (unlikely((ctx->flags & PACKET_TUNNEL) != 0)) {
		next = next == NEXT_TX ? NEXT_ENCAP : next;
		return fits_tunnel(ctx) ? next : DROP(VLAN);
	}
	vlan = dp_port_tag(port, ctx->network);
	if (unlikely(vlan != 0))
		return push_tag(m, ctx, vlan) ? next : DROP(NO_MEMORY);
	if (unlikely(ctx->tag_len != 0) && !(port->flags & CW_PORT_TRANSPARENT))
		return DROP(VLAN);
	return next;
}

// A card lets nothing out of a VF but what has the VF's own MAC as its source, and does itself what
// is between those who share a tag.
static int
check_card(const struct worker *w, const struct dp_port *port, struct rte_mbuf *m,
	const struct packet_ctx *ctx)
{
	bool is_ours = (ctx->flags & PACKET_ROUTED) || ctx->origin == PACKET_FROM_ROUTER;

	if (!is_ours && subport_is_beside(w, port->id, ctx->network, ctx))
		return DROP(BESIDE);
	if ((port->flags & CW_PORT_ROUTED) == 0)
		return NEXT_TX;
	if (!is_ours)
		return DROP(ROUTED);
	if (!rte_is_zero_ether_addr(dp_port_own_mac(port)))
		packet_ether(m)->src_addr = *dp_port_own_mac(port);
	return NEXT_TX;
}

static inline int
egress_packet(const struct worker *w, const struct dp_port *port, struct rte_mbuf *m,
	struct packet_ctx *ctx)
{
	uint32_t mtu = egress_path_mtu(port, ctx);
	int next = NEXT_TX;

	if (unlikely(dp_port_is_card(port)) && (ctx->flags & PACKET_TUNNEL) == 0)
		next = check_card(w, port, m, ctx);
	if (unlikely(next != NEXT_TX))
		return next;

	if (unlikely(m->pkt_len - ctx->l2_len > mtu || m->nb_segs > 1
		     || (m->ol_flags & PACKET_TX_OFFLOADS) != 0))
		next = fit(port, m, ctx, mtu);
	return likely(next <= NEXT_FRAGMENT) ? tag_frame(port, m, ctx, next) : next;
}

static void
egress_run(struct worker *w, const uint16_t *slots, uint16_t n)
{
	struct port_cache ports = {NULL, 0};

	for (uint16_t i = 0; i < n; i++) {
		uint16_t slot = slots[i];
		struct packet_ctx *ctx = &w->ctx[slot];
		const struct dp_port *port = cached_port(w, &ports, ctx->out_port);
		int verdict = DROP(NO_PORT);

		if (likely(port != NULL))
			verdict = egress_packet(w, port, w->mbuf[slot], ctx);
		if (likely(verdict < NEXT_COUNT))
			packet_next(w, slot, egress.next_id[verdict]);
		else
			packet_drop(w, slot, egress.drop_id[verdict - NEXT_COUNT]);
	}
}
