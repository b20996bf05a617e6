/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STAGES_DISPATCH_H
#define STAGES_DISPATCH_H

// Where a guarded frame goes: shared by guard and learn, whose next stages begin alike.

#include "stages/nd.h"

enum { DISPATCH_CONNECTION, DISPATCH_ARP, DISPATCH_ND, DISPATCH_COUNT };
#define DISPATCH_NEXT \
	[DISPATCH_CONNECTION] = "connection", [DISPATCH_ARP] = "arp", [DISPATCH_ND] = "nd"

// Frames that still carry a tag (transparent ports) are in none of the router's subnets: nobody
// answers for it there.
static inline int
dispatch(const struct rte_mbuf *m, const struct packet_ctx *ctx)
{
	if (likely(ctx->ether_type == RTE_ETHER_TYPE_IPV4) || ctx->tag_len != 0)
		return DISPATCH_CONNECTION;
	if (ctx->ether_type == RTE_ETHER_TYPE_ARP)
		return DISPATCH_ARP;
	return packet_is_nd(m, ctx) ? DISPATCH_ND : DISPATCH_CONNECTION;
}

#endif
