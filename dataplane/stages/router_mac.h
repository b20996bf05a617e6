/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STAGES_ROUTER_MAC_H
#define STAGES_ROUTER_MAC_H

// Under which MAC the router is known at a port: an uplink's own, a sub-port's parent's, else the
// network's. An uplink's peers may know it by either.

#include <stdbool.h>

#include "dataplane.h"
#include "packet.h"

static inline const struct rte_ether_addr *
router_mac_at(const struct network *network, const struct dp_port *port)
{
	if (port != NULL && !rte_is_zero_ether_addr(dp_port_own_mac(port)))
		return dp_port_own_mac(port);
	return &network->router_mac;
}

// The same for whoever sent this packet; those behind a tunnel are not at the uplink.
static inline const struct rte_ether_addr *
router_mac_towards(
	const struct dataplane *dp, const struct network *network, const struct packet_ctx *ctx)
{
	if (ctx->origin == PACKET_FROM_TUNNEL)
		return &network->router_mac;
	return router_mac_at(network, dp_port_get(dp, ctx->in_port));
}

static inline bool
router_has_mac(
	const struct network *network, const struct dp_port *port, const struct rte_ether_addr *mac)
{
	return rte_is_same_ether_addr(mac, &network->router_mac)
	       || rte_is_same_ether_addr(mac, router_mac_at(network, port));
}

#endif
