/* SPDX-License-Identifier: Apache-2.0 */
#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>

#include "events.h"
#include "stages/address.h"
#include "stages/route_check.h"
#include "stages/route_lookup.h"
#include "stages/tunnel.h"
#include "worker.h"

// The router (RFC 1812, 5.2; RFC 8200): what is sent to the router's MAC address goes to the
// neighbour with the destination address, else by the longest prefix to a next hop.

enum { NEXT_POLICY, NEXT_LOCAL, NEXT_HOLD, NEXT_ICMP_ERROR };
enum {
	DROP_SOURCE,
	DROP_DESTINATION,
	DROP_MULTICAST,
	DROP_SOURCE_ROUTE,
	DROP_OPTIONS,
	DROP_LINK_LOCAL,
	DROP_TTL,
	DROP_NO_ROUTE,
	DROP_NO_NEIGHBOR,
	DROP_NO_NEXTHOP,
	DROP_NO_HOST_PORT,
	DROP_BLACKHOLE,
	DROP_UNREACHABLE,
	DROP_PROHIBIT,
	DROP_SPLIT_HORIZON,
};

static stage_run route_run;
static struct stage route = {
	.name = "route",
	.help = "finds the next hop of packets sent to the router",
	.run = route_run,
	.order = 700,
	.next =
		{
			[NEXT_POLICY] = "policy_destination",
			[NEXT_LOCAL] = "local",
			[NEXT_HOLD] = "hold",
			[NEXT_ICMP_ERROR] = "icmp_error",
		},
	.drops =
		{
			[DROP_SOURCE] = {"martian_source", "source address cannot be a host's"},
			[DROP_DESTINATION] = {"martian_destination",
				"destination address cannot be a host's"},
			[DROP_MULTICAST] = {"multicast_not_routed", "multicast stays on its link"},
			[DROP_SOURCE_ROUTE] = {"source_route", "IPv4 source routing is refused"},
			[DROP_OPTIONS] = {"malformed_ipv4",
				"IPv4 version or lengths do not fit the frame"},
			[DROP_LINK_LOCAL] = {"link_local_not_routed",
				"IPv6 link-local addresses stay on their link"},
			[DROP_TTL] = {"ttl_exceeded", "TTL or hop limit ran out"},
			[DROP_NO_ROUTE] = {"no_route", "no route to the destination"},
			[DROP_NO_NEIGHBOR] = {"no_neighbor",
				"destination is on link, but nobody is known to have it"},
			[DROP_NO_NEXTHOP] = {"no_nexthop", "the route's next hop is not usable"},
			[DROP_NO_HOST_PORT] = {"no_host_port", "the network has no host port"},
			[DROP_BLACKHOLE] = {"blackhole", "blackhole route"},
			[DROP_UNREACHABLE] = {"unreachable", "unreachable route"},
			[DROP_PROHIBIT] = {"prohibit", "prohibit route"},
			[DROP_SPLIT_HORIZON] = {"split_horizon",
				"came out of a tunnel and would go into one again"},
		},
};
STAGE_REGISTER(route)

// Actions beyond those of a next hop.
enum {
	ACTION_SOURCE_SCOPE = ROUTE_ACTIONS,
	ACTION_DESTINATION_SCOPE,
	ACTION_TTL,
	ACTION_NO_HOST_PORT,
	ACTIONS,
};

// How a packet is refused: the ICMP error in its own family, or silence.
struct refusal {
	uint8_t drop;
	bool silent;
	uint8_t type4, code4, type6, code6;
};
#define UNREACHABLE(code4, code6) false, ICMP_DEST_UNREACH, (code4), ICMP6_DST_UNREACH, (code6)

static const struct refusal refusals[ACTIONS] = {
	[NEXTHOP_CONNECTED] = {DROP_NO_NEIGHBOR,
		UNREACHABLE(ICMP_HOST_UNREACH, ICMP6_DST_UNREACH_ADDR)},
	[NEXTHOP_BLACKHOLE] = {DROP_BLACKHOLE, .silent = true},
	[NEXTHOP_UNREACHABLE] = {DROP_UNREACHABLE,
		UNREACHABLE(ICMP_HOST_UNREACH, ICMP6_DST_UNREACH_ADDR)},
	[NEXTHOP_PROHIBIT] = {DROP_PROHIBIT,
		UNREACHABLE(ICMP_PKT_FILTERED, ICMP6_DST_UNREACH_ADMIN)},
	[ROUTE_NO_ROUTE] = {DROP_NO_ROUTE,
		UNREACHABLE(ICMP_NET_UNREACH, ICMP6_DST_UNREACH_NOROUTE)},
	[ROUTE_NO_NEXTHOP] = {DROP_NO_NEXTHOP,
		UNREACHABLE(ICMP_NET_UNREACH, ICMP6_DST_UNREACH_NOROUTE)},
	[ACTION_NO_HOST_PORT] = {DROP_NO_HOST_PORT,
		UNREACHABLE(ICMP_NET_UNREACH, ICMP6_DST_UNREACH_NOROUTE)},
	[ACTION_DESTINATION_SCOPE] = {DROP_LINK_LOCAL, .silent = true},
	[ACTION_SOURCE_SCOPE] = {DROP_LINK_LOCAL,
		UNREACHABLE(ICMP_NET_UNREACH, ICMP6_DST_UNREACH_BEYONDSCOPE)},
	[ACTION_TTL] = {DROP_TTL, false, ICMP_TIME_EXCEEDED, ICMP_EXC_TTL, ICMP6_TIME_EXCEEDED,
		ICMP6_TIME_EXCEED_TRANSIT},
};

static const uint8_t check_drops[] = {
	[ROUTE_CHECK_SOURCE] = DROP_SOURCE,
	[ROUTE_CHECK_DESTINATION] = DROP_DESTINATION,
	[ROUTE_CHECK_MULTICAST] = DROP_MULTICAST,
	[ROUTE_CHECK_SOURCE_ROUTE] = DROP_SOURCE_ROUTE,
	[ROUTE_CHECK_OPTIONS] = DROP_OPTIONS,
};

// The packets of one family in a burst, in order.
struct route_batch {
	uint16_t n;
	uint16_t slot[WORKER_BURST];
	uint16_t network[WORKER_BURST];
	const uint8_t *addr[WORKER_BURST]; // destination, in the frame
	const struct nexthop *nexthop[WORKER_BURST];
};

static inline void
batch_add(struct route_batch *b, uint16_t slot, uint16_t network, const uint8_t *addr)
{
	b->slot[b->n] = slot;
	b->network[b->n] = network;
	b->addr[b->n++] = addr;
}

static inline rte_be32_t
addr4(const uint8_t *addr)
{
	rte_be32_t ip;

	memcpy(&ip, addr, sizeof(ip));
	return ip;
}

static void
lookup4(struct worker *w, struct route_batch *b)
{
	rte_be32_t ip[WORKER_BURST];

	for (uint16_t i = 0; i < b->n; i++)
		ip[i] = addr4(b->addr[i]);
	route_lookup4(w->dp, b->network, ip, b->n, b->nexthop);
}

static void
refuse(struct worker *w, uint16_t slot, const struct refusal *refusal)
{
	struct packet_ctx *ctx = &w->ctx[slot];
	bool is_v4 = ctx->ether_type == RTE_ETHER_TYPE_IPV4;

	if (refusal->silent) {
		packet_drop(w, slot, route.drop_id[refusal->drop]);
		return;
	}
	ctx->drop = route.drop_id[refusal->drop];
	ctx->icmp_type = is_v4 ? refusal->type4 : refusal->type6;
	ctx->icmp_code = is_v4 ? refusal->code4 : refusal->code6;
	ctx->icmp_info = 0;
	packet_next(w, slot, route.next_id[NEXT_ICMP_ERROR]);
}

// Whether somebody is expected to find out who has the address: the switch itself, or, for a next
// hop that is set, the control plane. The addresses of pods are known from the start.
static bool
may_wait(const struct network *network, const struct nexthop *nexthop)
{
	return nexthop->id != 0 || (network != NULL && network->resolve);
}

// On link, but unknown. dst: the packet's destination, which is whom to look for unless the next
// hop names a gateway.
static void
want_neighbor(struct worker *w, uint16_t slot, const struct nexthop *nexthop, const uint8_t *dst,
	bool is_v6)
{
	const struct network *network = dp_network(w->dp, nexthop->network);
	struct dp_event event = {
		.type = DP_EVENT_NEIGHBOR_WANTED,
		.network = nexthop->network,
		.ip = {.family = is_v6 ? 6 : 4, .prefix = is_v6 ? 128 : 32},
	};

	if (!is_v6 && network != NULL && address4_is_subnet_broadcast(network, addr4(dst))) {
		packet_drop(w, slot, route.drop_id[DROP_DESTINATION]); // RFC 2644
		return;
	}
	if (may_wait(network, nexthop)) {
		w->ctx[slot].nexthop = nexthop;
		packet_next(w, slot, route.next_id[NEXT_HOLD]);
		return;
	}
	if (nexthop->via != NULL)
		event.ip = *nexthop->via;
	else
		memcpy(event.ip.addr, dst, is_v6 ? 16 : 4);
	event_post(w, &event);
	refuse(w, slot, &refusals[NEXTHOP_CONNECTED]);
}

// What becomes of a packet that is not the router's own: the next hop's action, or why not.
static inline uint8_t
action_of(const struct worker *w, uint16_t slot, const struct nexthop *nexthop, bool is_v6)
{
	const struct rte_mbuf *m = w->mbuf[slot];
	const struct packet_ctx *ctx = &w->ctx[slot];
	uint8_t ttl;

	if (is_v6 && unlikely(address6_is_link_local(ipv6_src(packet_ipv6(m, ctx)))))
		return ACTION_SOURCE_SCOPE; // RFC 4291, 2.5.6
	if (is_v6 && unlikely(address6_is_link_local(ipv6_dst(packet_ipv6(m, ctx)))))
		return ACTION_DESTINATION_SCOPE;
	if (nexthop->action > NEXTHOP_CONNECTED && nexthop->action != NEXTHOP_TUNNEL)
		return nexthop->action;
	ttl = is_v6 ? packet_ipv6(m, ctx)->hop_limits : packet_ipv4(m, ctx)->time_to_live;
	if (unlikely(ttl <= 1))
		return ACTION_TTL;
	if (unlikely(nexthop->out_port == 0 && nexthop->action != NEXTHOP_CONNECTED))
		return nexthop->action == NEXTHOP_HOST ? ACTION_NO_HOST_PORT : ROUTE_NO_NEXTHOP;
	return nexthop->action;
}

static inline void
forward(struct worker *w, uint16_t slot, const struct nexthop *nexthop)
{
	struct packet_ctx *ctx = &w->ctx[slot];

	ctx->nexthop = nexthop;
	ctx->out_port = nexthop->out_port;
	ctx->routed_from = ctx->network;
	ctx->network = nexthop->network;
	ctx->flags |= PACKET_ROUTED;
	packet_next(w, slot, route.next_id[NEXT_POLICY]);
}

// The peer would send it here again until its hops are used up.
static void
forward_tunnel(struct worker *w, uint16_t slot, const struct nexthop *nexthop)
{
	if (unlikely(tunnel_leads_back(&w->ctx[slot], nexthop->tunnel))) {
		packet_drop(w, slot, route.drop_id[DROP_SPLIT_HORIZON]);
		return;
	}
	tunnel_enter(&w->ctx[slot], nexthop);
	forward(w, slot, nexthop);
}

static void
apply(struct worker *w, const struct route_batch *b, bool is_v6)
{
	for (uint16_t i = 0; i < b->n; i++) {
		uint16_t slot = b->slot[i];
		const struct nexthop *nexthop = b->nexthop[i];
		uint8_t action;

		if (unlikely(nexthop->action == NEXTHOP_GROUP))
			nexthop = route_member(
				w->dp, nexthop, packet_hash(w->mbuf[slot], &w->ctx[slot]));
		if (unlikely(nexthop->action == NEXTHOP_LOCAL)) {
			packet_next(w, slot, route.next_id[NEXT_LOCAL]);
			continue;
		}
		action = action_of(w, slot, nexthop, is_v6);
		if (likely(action == NEXTHOP_FORWARD || action == NEXTHOP_HOST))
			forward(w, slot, nexthop);
		else if (action == NEXTHOP_TUNNEL)
			forward_tunnel(w, slot, nexthop);
		else if (action == NEXTHOP_CONNECTED)
			want_neighbor(w, slot, nexthop, b->addr[i], is_v6);
		else
			refuse(w, slot, &refusals[action]);
	}
}

static void
route_burst(struct worker *w, const uint16_t *slots, uint16_t n)
{
	struct route_batch v4 = {.n = 0}, v6 = {.n = 0};

	for (uint16_t i = 0; i < n; i++) {
		uint16_t slot = slots[i];
		const struct rte_mbuf *m = w->mbuf[slot];
		const struct packet_ctx *ctx = &w->ctx[slot];
		enum route_check check;

		if (ctx->ether_type == RTE_ETHER_TYPE_IPV4) {
			const struct rte_ipv4_hdr *ip = packet_ipv4(m, ctx);

			check = route_check4(ip, ctx->l3_len);
			if (likely(check == ROUTE_CHECK_PASS))
				batch_add(&v4, slot, ctx->network, (const uint8_t *)&ip->dst_addr);
		} else {
			const struct rte_ipv6_hdr *ip = packet_ipv6(m, ctx);

			check = route_check6(ip);
			if (likely(check == ROUTE_CHECK_PASS))
				batch_add(&v6, slot, ctx->network, ipv6_dst(ip));
		}
		if (unlikely(check != ROUTE_CHECK_PASS))
			packet_drop(w, slot, route.drop_id[check_drops[check]]);
	}
	if (v4.n > 0) {
		lookup4(w, &v4);
		apply(w, &v4, false);
	}
	if (v6.n > 0) {
		route_lookup6(w->dp, v6.network, v6.addr, v6.n, v6.nexthop);
		apply(w, &v6, true);
	}
}

static void
route_run(struct worker *w, const uint16_t *slots, uint16_t n)
{
	while (n > 0) {
		uint16_t some = (uint16_t)RTE_MIN(n, WORKER_BURST);

		route_burst(w, slots, some);
		slots += some;
		n = (uint16_t)(n - some);
	}
}
