/* SPDX-License-Identifier: Apache-2.0 */
#include "stages/cache.h"
#include "stages/tunnel.h"
#include "worker.h"

// Route or switch: what is addressed to the router's MAC is routed, everything else is switched.
// Group addresses are switched, too: the router listens to none but ARP and neighbour discovery,
// which have left the way before. What is addressed to an uplink's own MAC is the router's, too.

enum { NEXT_ROUTE, NEXT_SWITCH };
enum { DROP_NOT_IP, DROP_NO_NETWORK };

static stage_run forward_run;
static struct stage forward = {
	.name = "forward",
	.help = "to the router's MAC: route; else: switch",
	.run = forward_run,
	.order = 600,
	.next = {[NEXT_ROUTE] = "route", [NEXT_SWITCH] = "switch"},
	.drops =
		{
			[DROP_NOT_IP] = {"router_not_ip",
				"neither IPv4 nor IPv6, but sent to the router"},
			[DROP_NO_NETWORK] = {"no_network", "network is gone"},
		},
};
STAGE_REGISTER(forward);

static inline bool
is_routers(struct worker *w, uint16_t slot, const struct network *network)
{
	const struct rte_ether_addr *mac = &packet_ether(w->mbuf[slot])->dst_addr;
	const struct packet_ctx *ctx = &w->ctx[slot];
	const struct dp_port *port;

	if (likely(rte_is_same_ether_addr(mac, &network->router_mac)))
		return likely(ctx->tag_len == 0);
	if (likely(ctx->origin != PACKET_FROM_UPLINK) || ctx->tag_len != 0)
		return false;
	port = dp_port_get(w->dp, ctx->in_port);
	return port != NULL && uplink_owns(port, network, mac);
}

static void
forward_run(struct worker *w, const uint16_t *slots, uint16_t n)
{
	struct network_cache networks = {NULL, 0};

	for (uint16_t i = 0; i < n; i++) {
		uint16_t slot = slots[i];
		const struct packet_ctx *ctx = &w->ctx[slot];
		const struct network *network = cached_network(w, &networks, ctx->network);

		if (unlikely(network == NULL))
			packet_drop(w, slot, forward.drop_id[DROP_NO_NETWORK]);
		else if (!is_routers(w, slot, network))
			packet_next(w, slot, forward.next_id[NEXT_SWITCH]);
		else if (likely(ctx->l3_len != 0))
			packet_next(w, slot, forward.next_id[NEXT_ROUTE]);
		else
			packet_drop(w, slot, forward.drop_id[DROP_NOT_IP]);
	}
}
