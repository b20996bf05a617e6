/* SPDX-License-Identifier: Apache-2.0 */
#include "stages/proxy.h"
#include "events.h"
#include "stages/route_lookup.h"
#include "stages/router_mac.h"
#include "stages/subport.h"

static bool
is_routed(const struct worker *w, uint16_t port_id)
{
	const struct dp_port *port = dp_port_get(w->dp, port_id);

	return port != NULL && (port->flags & CW_PORT_ROUTED) != 0;
}

// Out there nobody knows the host but by the MAC of the uplink.
static bool
is_uplink(const struct worker *w, uint16_t port_id)
{
	const struct dp_port *port = dp_port_get(w->dp, port_id);

	return port != NULL && (port->flags & CW_PORT_UPLINK) != 0;
}

// Of those who share a tag the sub-ports say it, not the parent that it comes in by.
bool
proxy_serves(const struct worker *w, const struct packet_ctx *ctx)
{
	const struct dp_port *in = dp_port_get(w->dp, ctx->in_port);

	if (in == NULL || ctx->origin == PACKET_FROM_TUNNEL)
		return false;
	return (in->flags & CW_PORT_ROUTED) != 0
	       || (in->subports != NULL && is_routed(w, dp_port_subport(in, ctx->vlan)));
}

const struct rte_ether_addr *
proxy_mac(const struct worker *w, const struct network *network, const struct packet_ctx *ctx,
	const struct neighbor *known)
{
	if (proxy_serves(w, ctx) || is_routed(w, known->port)
		|| (ctx->origin == PACKET_FROM_HOST && is_uplink(w, known->port)))
		return router_mac_towards(w->dp, network, ctx);
	return &known->mac;
}

static enum proxy_reach
judge(const struct worker *w, const struct packet_ctx *ctx, const struct nexthop *nexthop)
{
	if (nexthop->action == NEXTHOP_GROUP)
		nexthop = route_member(w->dp, nexthop, 0);
	if (nexthop->action == NEXTHOP_CONNECTED)
		return nexthop->id == 0 ? PROXY_ON_LINK : PROXY_REACHES;
	if (nexthop->action == NEXTHOP_TUNNEL)
		return PROXY_REACHES;
	if ((nexthop->action != NEXTHOP_FORWARD && nexthop->action != NEXTHOP_HOST)
		|| nexthop->out_port == 0)
		return PROXY_ELSEWHERE;
	return subport_is_beside(w, nexthop->out_port, nexthop->network, ctx) ? PROXY_ELSEWHERE
									      : PROXY_REACHES;
}

enum proxy_reach
proxy_find4(const struct worker *w, const struct packet_ctx *ctx, rte_be32_t ip)
{
	const struct nexthop *nexthop;

	route_lookup4(w->dp, &ctx->network, &ip, 1, &nexthop);
	return judge(w, ctx, nexthop);
}

enum proxy_reach
proxy_find6(const struct worker *w, const struct packet_ctx *ctx, const uint8_t ip[16])
{
	const struct nexthop *nexthop;

	route_lookup6(w->dp, &ctx->network, &ip, 1, &nexthop);
	return judge(w, ctx, nexthop);
}

void
proxy_want(struct worker *w, const struct packet_ctx *ctx, const uint8_t *ip, uint8_t family)
{
	struct dp_event event = {
		.type = DP_EVENT_NEIGHBOR_WANTED,
		.network = ctx->network,
		.ip = {.family = family, .prefix = family == 4 ? 32 : 128},
	};

	memcpy(event.ip.addr, ip, family == 4 ? 4 : 16);
	event_post(w, &event);
}
