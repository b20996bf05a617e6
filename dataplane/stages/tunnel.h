/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STAGES_TUNNEL_H
#define STAGES_TUNNEL_H

// What stages must know of tunnels: who is at the far end, and that nothing goes back there.

#include <stdbool.h>

#include "packet.h"
#include "tables/neighbor.h"
#include "tables/network.h"
#include "tables/nexthop.h"
#include "tables/ports.h"

struct worker;

// Who sent a packet that came out of a tunnel: its outer source. Only with ctx->outer_len.
struct cw_ip tunnel_peer(const struct rte_mbuf *m, const struct packet_ctx *ctx);
// A frame from a tunnel has become the switch's answer to it, and goes back to the peer. Returns
// false when no next hop of the network leads there; its origin is the router's in either case.
bool tunnel_turn(const struct worker *w, const struct rte_mbuf *m, struct packet_ctx *ctx);

// Split horizon: whether a packet would be sent back to the peer that it came from.
static inline bool
tunnel_leads_back(const struct packet_ctx *ctx, const struct nexthop_tunnel *tunnel)
{
	return ctx->origin == PACKET_FROM_TUNNEL && tunnel->vtep == ctx->vtep
	       && tunnel->remote_hash == ctx->remote_hash;
}

// Whether its underlay waits for a neighbour, which nexthop->via names.
static inline bool
tunnel_is_unresolved(const struct nexthop *nexthop)
{
	return nexthop->action == NEXTHOP_CONNECTED && nexthop->via != NULL;
}

// The packet leaves through a tunnel (action NEXTHOP_TUNNEL).
static inline void
tunnel_enter(struct packet_ctx *ctx, const struct nexthop *nexthop)
{
	ctx->nexthop = nexthop;
	ctx->out_port = nexthop->out_port;
	ctx->flags |= PACKET_TUNNEL;
}

// Whether a frame that came in by an uplink is addressed to this node: the uplink's own MAC or that
// of the router of its network.
static inline bool
uplink_owns(const struct dp_port *uplink, const struct network *network,
	const struct rte_ether_addr *mac)
{
	return rte_is_same_ether_addr(mac, &uplink->mac)
	       || rte_is_same_ether_addr(mac, &network->router_mac);
}

#endif
