/* SPDX-License-Identifier: Apache-2.0 */
#include "checksum.h"
#include "tables/nexthop.h"
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

// TTL and protocol share one word of the header (RFC 1624).
static inline void
take_hop4(struct rte_ipv4_hdr *ip)
{
	const uint8_t *word = (const uint8_t *)ip + offsetof(struct rte_ipv4_hdr, time_to_live);
	uint16_t from, to;

	memcpy(&from, word, sizeof(from));
	ip->time_to_live--;
	memcpy(&to, word, sizeof(to));
	ip->hdr_checksum = checksum_replace16(ip->hdr_checksum, from, to);
}

static inline void
rewrite_packet(struct rte_mbuf *m, const struct packet_ctx *ctx)
{
	memcpy(packet_ether(m), &ctx->nexthop->header, sizeof(ctx->nexthop->header));
	if (unlikely(ctx->origin == PACKET_FROM_ROUTER))
		return; // this was its first hop
	if (ctx->ether_type == RTE_ETHER_TYPE_IPV4)
		take_hop4(packet_ipv4(m, ctx));
	else
		packet_ipv6(m, ctx)->hop_limits--;
}

static void
rewrite_run(struct worker *w, const uint16_t *slots, uint16_t n)
{
	for (uint16_t i = 0; i < n; i++) {
		const struct packet_ctx *ctx = &w->ctx[slots[i]];

		if (ctx->flags & PACKET_ROUTED)
			rewrite_packet(w->mbuf[slots[i]], ctx);
		packet_next(w, slots[i], rewrite.next_id[NEXT_EGRESS]);
	}
}
