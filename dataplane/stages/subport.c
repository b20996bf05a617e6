/* SPDX-License-Identifier: Apache-2.0 */
#include "stages/subport.h"
#include "trace.h"

// The worker has counted the frame as the parent's when it read it from the device.
static void
move_books(struct worker *w, const struct rte_mbuf *m, uint16_t from, uint16_t to)
{
	struct port_counters *former = worker_counters(w, from), *now = worker_counters(w, to);

	former->rx_packets--;
	former->rx_bytes -= m->pkt_len;
	now->rx_packets++;
	now->rx_bytes += m->pkt_len;
}

// Whoever is behind a card knows the router by the MAC of the device, the stages by the network's.
static void
readdress(const struct worker *w, const struct dp_port *sub, struct rte_mbuf *m)
{
	const struct network *network = dp_network(w->dp, sub->network);
	struct rte_ether_addr *dst = &packet_ether(m)->dst_addr;

	if (network != NULL && rte_is_same_ether_addr(dst, &sub->parent_mac))
		*dst = network->router_mac;
}

bool
subport_enter(
	struct worker *w, const struct dp_port *parent, struct rte_mbuf *m, struct packet_ctx *ctx)
{
	const uint16_t id = dp_port_subport(parent, ctx->vlan);
	const struct dp_port *sub = id != 0 ? dp_port_get(w->dp, id) : NULL;

	if (sub == NULL)
		return false;
	ctx->network = sub->network;
	if (sub->flags & CW_PORT_SHARED_TAG)
		return true;
	move_books(w, m, ctx->in_port, id);
	ctx->in_port = id;
	ctx->origin = sub->origin;
	m->port = id;
	readdress(w, sub, m);
	if (unlikely((ctx->flags & PACKET_TRACED) != 0))
		trace_moved(w, ctx);
	return true;
}

uint16_t
subport_back(const struct worker *w, const struct packet_ctx *ctx)
{
	const struct dp_port *in = dp_port_get(w->dp, ctx->in_port);
	uint16_t sub;

	if (likely(in == NULL || in->subports == NULL)
		|| dp_port_tag(in, ctx->network) == ctx->vlan)
		return ctx->in_port;
	sub = dp_port_subport(in, ctx->vlan);
	return sub != 0 ? sub : ctx->in_port;
}

bool
subport_is_beside(
	const struct worker *w, uint16_t port, uint16_t network, const struct packet_ctx *ctx)
{
	const struct dp_port *in = dp_port_get(w->dp, ctx->in_port), *there;

	if (ctx->origin == PACKET_FROM_TUNNEL)
		return false;
	if (in == NULL || (in->subports == NULL && in->parent == 0))
		return port == ctx->in_port;
	there = dp_port_get(w->dp, port);
	return there != NULL && there->device == in->device
	       && dp_port_tag(there, network) == ctx->vlan;
}
