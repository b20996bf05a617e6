/* SPDX-License-Identifier: Apache-2.0 */
#include "stages/tunnel.h"

#include "tables/network.h"
#include "worker.h"

struct cw_ip
tunnel_peer(const struct rte_mbuf *m, const struct packet_ctx *ctx)
{
	const uint8_t *outer = packet_outer(m, ctx);
	bool is_v6 = *outer >> 4 == 6;
	struct cw_ip ip = {.family = is_v6 ? 6 : 4, .prefix = is_v6 ? 128 : 32};

	if (is_v6)
		memcpy(ip.addr, outer + offsetof(struct rte_ipv6_hdr, src_addr), 16);
	else
		memcpy(ip.addr, outer + offsetof(struct rte_ipv4_hdr, src_addr), 4);
	return ip;
}

bool
tunnel_turn(const struct worker *w, const struct rte_mbuf *m, struct packet_ctx *ctx)
{
	const struct nexthop *nexthop;
	struct cw_ip peer;
	uint32_t id = 0;

	ctx->origin = PACKET_FROM_ROUTER;
	if (ctx->outer_len == 0)
		return false;
	peer = tunnel_peer(m, ctx);
	nexthop_has_remote(w->dp->nexthops, ctx->vtep, ctx->network, &peer, &id);
	nexthop = id != 0 ? nexthop_get(w->dp->nexthops, id) : NULL;
	if (nexthop == NULL || nexthop->action != NEXTHOP_TUNNEL)
		return false;
	tunnel_enter(ctx, nexthop);
	return true;
}
