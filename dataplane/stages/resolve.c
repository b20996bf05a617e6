/* SPDX-License-Identifier: Apache-2.0 */
#include "stages/resolve.h"

#include <rte_arp.h>

#include "events.h"
#include "stages/nd.h"
#include "stages/router_mac.h"
#include "tables/neighbor.h"

static void
tell(struct worker *w, const struct packet_ctx *ctx, const struct cw_ip *ip,
	const struct rte_ether_addr *mac)
{
	const struct dp_event event = {
		.type = DP_EVENT_NEIGHBOR_SEEN,
		.network = ctx->network,
		.port = ctx->in_port,
		.mac = *mac,
		.ip = *ip,
	};

	event_post(w, &event);
}

// A neighbour that was found by asking may move (RFC 826: the merge flag); of one that is
// configured, and of an endpoint, nothing is learnt.
static bool
has_moved(const struct neighbor *known, const struct packet_ctx *ctx,
	const struct rte_ether_addr *mac)
{
	return known != NULL && known->kind == NEIGHBOR_RESOLVED
	       && (known->port != ctx->in_port || !rte_is_same_ether_addr(&known->mac, mac));
}

static bool
may_be_new(const struct neighbor *known)
{
	return known == NULL || known->kind == NEIGHBOR_RESOLVED;
}

static bool
is_for_router(const struct worker *w, const struct network *network, const struct rte_mbuf *m,
	const struct packet_ctx *ctx)
{
	return router_has_mac(
		network, dp_port_get(w->dp, ctx->in_port), &packet_ether(m)->dst_addr);
}

bool
resolve_arp(struct worker *w, const struct network *network, const struct rte_mbuf *m,
	const struct packet_ctx *ctx, const struct rte_arp_hdr *arp)
{
	const struct neighbor *sender =
		neighbor_lookup4(w->dp->neighbors, network->id, arp->arp_data.arp_sip);
	const struct neighbor *target =
		neighbor_lookup4(w->dp->neighbors, network->id, arp->arp_data.arp_tip);
	const struct rte_ether_addr *mac = &arp->arp_data.arp_sha;
	bool is_answer =
		arp->arp_opcode == RTE_BE16(RTE_ARP_OP_REPLY) && is_for_router(w, network, m, ctx);
	bool asks_router = target != NULL && target->kind == NEIGHBOR_ROUTER;
	struct cw_ip ip = {.family = 4, .prefix = 32};

	if (arp->arp_data.arp_sip == 0 || !may_be_new(sender))
		return false;
	if (is_answer || asks_router || has_moved(sender, ctx, mac)) {
		memcpy(ip.addr, &arp->arp_data.arp_sip, sizeof(rte_be32_t));
		tell(w, ctx, &ip, mac);
	}
	return is_answer;
}

// Who speaks of whom: in an advertisement of the target, in a solicitation of the sender.
static bool
said_by(const struct rte_mbuf *m, const struct packet_ctx *ctx, struct cw_ip *ip,
	struct rte_ether_addr *mac)
{
	const struct nd_message *message = packet_l4(m, ctx);
	const bool is_answer = message->type == ND_NEIGHBOR_ADVERTISEMENT;
	const uint8_t *addr = is_answer ? message->target : ipv6_src(packet_ipv6(m, ctx));
	const struct nd_link_option *option = NULL;

	nd_find_link_option(message, nd_length(m, ctx),
		is_answer ? ND_OPTION_TARGET_ADDRESS : ND_OPTION_SOURCE_ADDRESS, &option);
	memcpy(ip->addr, addr, sizeof(ip->addr));
	*mac = option != NULL ? option->mac : packet_ether(m)->src_addr;
	return !ipv6_is_unspecified(addr) && (is_answer || option != NULL);
}

bool
resolve_nd(struct worker *w, const struct network *network, const struct rte_mbuf *m,
	const struct packet_ctx *ctx)
{
	const struct nd_message *message = packet_l4(m, ctx);
	const struct neighbor *known, *target;
	struct cw_ip ip = {.family = 6, .prefix = 128};
	struct rte_ether_addr mac;
	bool is_answer, asks_router;

	if (!said_by(m, ctx, &ip, &mac))
		return false;
	known = neighbor_lookup6(w->dp->neighbors, network->id, ip.addr);
	target = neighbor_lookup6(w->dp->neighbors, network->id, message->target);
	is_answer = message->type == ND_NEIGHBOR_ADVERTISEMENT && is_for_router(w, network, m, ctx);
	asks_router = message->type == ND_NEIGHBOR_SOLICITATION && target != NULL
		      && target->kind == NEIGHBOR_ROUTER;
	if (!may_be_new(known))
		return false;
	if (is_answer || asks_router || has_moved(known, ctx, &mac))
		tell(w, ctx, &ip, &mac);
	return is_answer;
}

void
resolve_take(struct worker *w, uint16_t slot)
{
	struct rte_mbuf *m = w->mbuf[slot];

	worker_counters(w, w->ctx[slot].in_port)->punted++;
	packet_expose(m);
	rte_pktmbuf_free(m);
	packet_consume(w, slot);
}
