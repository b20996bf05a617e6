/* SPDX-License-Identifier: Apache-2.0 */
#include "stages/rewrite_l3.h"
#include "worker.h"

// The last step of the router: MAC addresses from the next hop, one hop less to live. Comes after
// policy and SNAT, so that those see the packet as it arrived. What was not routed passes.

enum { NEXT_EGRESS };

static stage_run rewrite_run;
static struct stage rewrite = {
	.name = "rewrite",
	.help = "sets the MAC addresses and takes one hop from routed packets",
	.run = rewrite_run,
	.order = 1000,
	.next = {[NEXT_EGRESS] = "egress"},
};
STAGE_REGISTER(rewrite)

static void
rewrite_run(struct worker *w, const uint16_t *slots, uint16_t n)
{
	for (uint16_t i = 0; i < n; i++) {
		const struct packet_ctx *ctx = &w->ctx[slots[i]];

		if (ctx->flags & PACKET_ROUTED) {
			struct rte_mbuf *m = w->mbuf[slots[i]];

			rewrite_macs(packet_ether(m), ctx->nexthop);
			if (likely(ctx->origin
				    != PACKET_FROM_ROUTER)) // else this was its first hop
				rewrite_hop(rte_pktmbuf_mtod_offset(m, void *, ctx->l2_len),
					ctx->ether_type == RTE_ETHER_TYPE_IPV4);
		}
		packet_next(w, slots[i], rewrite.next_id[NEXT_EGRESS]);
	}
}
