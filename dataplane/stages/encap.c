/* SPDX-License-Identifier: Apache-2.0 */
#include "port.h"
#include "stages/cache.h"
#include "stages/egress_fit.h"
#include "stages/encap_header.h"
#include "stages/encap_offload.h"
#include "worker.h"

// Puts packets into their tunnel: VXLAN (RFC 7348) takes the whole frame, IP in IP (RFC 2003) and
// Flannel's UDP the IPv4 packet alone. Size, offloads and fragments were seen to in inner terms
// before; the outer packet is never fragmented.

enum { NEXT_TX };
enum { DROP_NO_PORT, DROP_NO_MEMORY, DROP_NOT_IPV4, DROPS, DONE = -1 };

static stage_run encap_run;
static struct stage encap = {
	.name = "encap",
	.help = "outer headers of packets that leave through a tunnel",
	.run = encap_run,
	.order = 1250,
	.next = {[NEXT_TX] = "tx"},
	.drops =
		{
			[DROP_NO_PORT] = {"no_port", "port is gone"},
			[DROP_NO_MEMORY] = {"no_memory", "no room for the outer headers"},
			[DROP_NOT_IPV4] = {"tunnel_not_ipv4",
				"the tunnel carries IPv4 packets and nothing else"},
		},
};
STAGE_REGISTER(encap);

// How packets of one next hop leave.
struct way {
	const struct dp_port *port;
	const void *macs; // destination and source, NULL: the template's
	uint16_t vlan;
};

// The underlay that the flow takes. When it has just gone, or its port could do less than the one
// that egress saw, it is the one that the template is complete for. The route's own groups go by
// the low bits of the hash.
static void
share_load(struct worker *w, struct port_cache *ports, uint16_t slot, struct way *way)
{
	const struct packet_ctx *ctx = &w->ctx[slot];
	const struct rte_mbuf *m = w->mbuf[slot];
	const struct nexthop_group *group = ctx->nexthop->tunnel->underlay;
	const struct nexthop *underlay =
		nexthop_get(w->dp->nexthops, group->bucket[ctx->hash >> 16 & group->mask]);
	const struct dp_port *port;

	if (underlay == NULL || underlay->action != NEXTHOP_FORWARD)
		return;
	port = cached_port(w, ports, underlay->out_port);
	if (port == NULL || (egress_wants(m) & ~egress_capabilities(port, ctx)) != 0)
		return;
	way->port = port;
	way->macs = &underlay->header;
	way->vlan = dp_port_tag(port, underlay->network);
}

// Takes the Ethernet header and what follows the packet away.
static int
bare_ipv4(struct rte_mbuf *m, const struct packet_ctx *ctx)
{
	uint32_t len;

	if (ctx->ether_type != RTE_ETHER_TYPE_IPV4 || ctx->l3_len == 0 || ctx->tag_len != 0)
		return DROP_NOT_IPV4;
	len = rte_be_to_cpu_16(packet_ipv4(m, ctx)->total_length);
	packet_adj(m, ctx->l2_len);
	if (m->pkt_len > len && (m->ol_flags & PACKET_SUPER_FRAME) == 0)
		packet_trim(m, (uint16_t)(m->pkt_len - len));
	return DONE;
}

static void
push_tag(uint8_t *frame, uint16_t vlan)
{
	const rte_be16_t tag[2] = {RTE_BE16(RTE_ETHER_TYPE_VLAN), rte_cpu_to_be_16(vlan)};

	memmove(frame, frame + sizeof(tag), 2 * RTE_ETHER_ADDR_LEN);
	memcpy(frame + 2 * RTE_ETHER_ADDR_LEN, tag, sizeof(tag));
}

// What the template leaves open of the headers behind Ethernet. l3_len: from the outer IP header
// on.
static inline void
finish(uint8_t *l3, const struct nexthop_tunnel *tunnel, uint32_t l3_len, uint8_t traffic_class,
	uint16_t packet_id)
{
	if (likely(!tunnel->outer_v6))
		encap_finish_ipv4((void *)l3, tunnel, (uint16_t)l3_len, traffic_class, packet_id);
	else
		encap_finish_ipv6((void *)l3, (uint16_t)l3_len, traffic_class);
}

static inline void
finish_udp(uint8_t *l3, const struct nexthop_tunnel *tunnel, uint32_t l3_len, uint32_t hash,
	bool checksum, uint16_t inner_sum)
{
	const uint32_t ip_len =
		tunnel->outer_v6 ? sizeof(struct rte_ipv6_hdr) : sizeof(struct rte_ipv4_hdr);

	encap_finish_udp((void *)(l3 + ip_len), tunnel, (uint16_t)(l3_len - ip_len), hash, checksum,
		inner_sum);
}

// Returns DONE or a drop.
static inline int
encapsulate(struct rte_mbuf *m, struct packet_ctx *ctx, const struct way *way, uint16_t packet_id)
{
	const struct nexthop_tunnel *tunnel = ctx->nexthop->tunnel;
	const bool is_vxlan = tunnel->kind == CW_TUNNEL_VXLAN;
	const uint8_t traffic_class = encap_traffic_class(m, ctx);
	const uint16_t tag_len = unlikely(way->vlan != 0) ? sizeof(struct rte_vlan_hdr) : 0;
	const bool checksum = tunnel->checksum && !encap_leaves_checksum(m);
	uint16_t inner_sum = 0;
	uint32_t l3_len;
	uint8_t *frame;

	if (unlikely(!is_vxlan) && bare_ipv4(m, ctx) != DONE)
		return DROP_NOT_IPV4;
	if (unlikely(checksum) && tunnel->kind != CW_TUNNEL_IPIP)
		inner_sum = encap_inner_sum(m, ctx, is_vxlan ? ctx->l2_len : 0);
	l3_len = m->pkt_len + tunnel->header_len - (uint32_t)RTE_ETHER_HDR_LEN;
	frame = (uint8_t *)packet_prepend(m, (uint16_t)(tunnel->header_len + tag_len));
	if (unlikely(frame == NULL))
		return DROP_NO_MEMORY;
	encap_copy(frame + tag_len, tunnel);
	finish(frame + tag_len + RTE_ETHER_HDR_LEN, tunnel, l3_len, traffic_class, packet_id);
	if (likely(tunnel->kind != CW_TUNNEL_IPIP))
		finish_udp(frame + tag_len + RTE_ETHER_HDR_LEN, tunnel, l3_len, ctx->hash, checksum,
			inner_sum);
	if (unlikely(way->macs != NULL))
		memcpy(frame + tag_len, way->macs, 2 * RTE_ETHER_ADDR_LEN);
	if (unlikely(tag_len != 0))
		push_tag(frame, way->vlan);
	encap_describe(m, ctx, tunnel, (uint32_t)RTE_ETHER_HDR_LEN + tag_len);
	return DONE;
}

static void
encap_packet(struct worker *w, struct port_cache *ports, uint16_t slot, uint16_t packet_id)
{
	struct packet_ctx *ctx = &w->ctx[slot];
	const struct nexthop_tunnel *tunnel = ctx->nexthop->tunnel;
	struct way way = {.port = cached_port(w, ports, ctx->nexthop->out_port)};
	int drop = DROP_NO_PORT;

	packet_hash(w->mbuf[slot], ctx);
	if (likely(way.port != NULL))
		way.vlan = dp_port_tag(way.port, tunnel->underlay_network);
	if (unlikely(tunnel->underlay != NULL))
		share_load(w, ports, slot, &way);
	if (likely(way.port != NULL)) {
		ctx->out_port = way.port->id;
		drop = encapsulate(w->mbuf[slot], ctx, &way, packet_id);
	}
	if (likely(drop == DONE))
		packet_next(w, slot, encap.next_id[NEXT_TX]);
	else
		packet_drop(w, slot, encap.drop_id[drop]);
}

static void
encap_run(struct worker *w, const uint16_t *slots, uint16_t n)
{
	struct port_cache ports = {NULL, 0};

	for (uint16_t i = 0; i < n; i++) // headers go where nothing was read or written before
		rte_prefetch0(packet_ether(w->mbuf[slots[i]]) - 1);
	for (uint16_t i = 0; i < n; i++)
		encap_packet(w, &ports, slots[i], w->outer_id++);
}
