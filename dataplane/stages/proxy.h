/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STAGES_PROXY_H
#define STAGES_PROXY_H

// The router between those behind a port with CW_PORT_ROUTED and everybody else: it answers address
// resolution for each towards the other, so that what they send each other is routed (RFC 1027,
// proxy ARP; RFC 4861, 7.2.8, proxy advertisements). Workers.

#include <stdbool.h>

#include "tables/neighbor.h"
#include "worker.h"

// Whether the packet came from behind such a port.
bool proxy_serves(const struct worker *w, const struct packet_ctx *ctx);

// The MAC to answer with for a neighbour that is not beside the asker: its own, or that of the
// router. The host, too, reaches by the router whoever is behind an uplink.
const struct rte_ether_addr *proxy_mac(const struct worker *w, const struct network *network,
	const struct packet_ctx *ctx, const struct neighbor *known);

enum proxy_reach {
	PROXY_ELSEWHERE, // the router would send it nowhere, or back to the asker's link
	PROXY_ON_LINK, // in one of the router's subnets, where nobody is known to have it
	PROXY_REACHES, // a route leads there
};

// What the router knows of an address that no neighbour has, for the sender of a packet.
enum proxy_reach proxy_find4(const struct worker *w, const struct packet_ctx *ctx, rte_be32_t ip);
enum proxy_reach proxy_find6(
	const struct worker *w, const struct packet_ctx *ctx, const uint8_t ip[16]);
// Asks for it: then the asker's next question may be answered.
void proxy_want(struct worker *w, const struct packet_ctx *ctx, const uint8_t *ip, uint8_t family);

#endif
