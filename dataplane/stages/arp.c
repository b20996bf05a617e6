/* SPDX-License-Identifier: Apache-2.0 */
#include <netinet/in.h>

#include <rte_arp.h>

#include "stages/cache.h"
#include "stages/proxy.h"
#include "stages/resolve.h"
#include "stages/router_mac.h"
#include "stages/subport.h"
#include "stages/tunnel.h"
#include "tables/neighbor.h"
#include "worker.h"

// Address resolution (RFC 826, RFC 5227): requests for the router's addresses and for neighbours
// that the network knows are answered out of their own frame; the rest is switched, so that
// announcements and probes reach everybody. Two rules keep the router's addresses safe, which the
// node's own stack behind the host port has, too, under another MAC: nobody else may claim them,
// and what the host says about them stays between it and the switch. Between those behind a routed
// port and everybody else the router answers with its own MAC (proxy.h), and what the former say to
// all others, they say with it, too: nobody could send to theirs.

enum { NEXT_EGRESS, NEXT_SWITCH, NEXT_COUNT };
enum { DROP_MALFORMED, DROP_CONFLICT, DROP_HOST, DROP_UNRESOLVED, DROP_ROUTER, DROP_NO_NETWORK };
#define DROP(reason) (NEXT_COUNT + DROP_##reason)
#define TAKEN -1 // an answer to the switch's own question

static stage_run arp_run;
static struct stage arp = {
	.name = "arp",
	.help = "answers ARP for the router and known neighbours",
	.run = arp_run,
	.order = 500,
	.next = {[NEXT_EGRESS] = "egress", [NEXT_SWITCH] = "switch"},
	.drops =
		{
			[DROP_MALFORMED] = {"malformed_arp", "ARP of the wrong form or length"},
			[DROP_CONFLICT] = {"arp_conflict", "claims an address of the router"},
			[DROP_HOST] = {"host_address",
				"the host speaks of an address that it shares with the router"},
			[DROP_UNRESOLVED] = {"no_neighbor",
				"the host, or a routed port, asks for an address that nobody "
				"is known to have"},
			[DROP_ROUTER] = {"arp_unwanted", "sent to the router, which has not asked"},
			[DROP_NO_NETWORK] = {"no_network", "network is gone"},
		},
};
STAGE_REGISTER(arp);

static bool
is_well_formed(const struct rte_mbuf *m, const struct packet_ctx *ctx, const struct rte_arp_hdr *a)
{
	uint32_t sender;

	if (m->data_len < ctx->l2_len + sizeof(*a) || a->arp_hardware != RTE_BE16(RTE_ARP_HRD_ETHER)
		|| a->arp_protocol != RTE_BE16(RTE_ETHER_TYPE_IPV4)
		|| a->arp_hlen != RTE_ETHER_ADDR_LEN || a->arp_plen != sizeof(rte_be32_t)
		|| rte_is_multicast_ether_addr(&a->arp_data.arp_sha))
		return false;
	sender = rte_be_to_cpu_32(a->arp_data.arp_sip);
	return sender >> 28 != 0xe && sender != UINT32_MAX; // neither group nor broadcast
}

static int
answer(const struct worker *w, struct rte_mbuf *m, struct packet_ctx *ctx, struct rte_arp_hdr *a,
	const struct rte_ether_addr *mac)
{
	struct rte_ether_hdr *ether = packet_ether(m);
	rte_be32_t target = a->arp_data.arp_tip;

	ether->dst_addr = ether->src_addr;
	ether->src_addr = *mac;
	a->arp_opcode = RTE_BE16(RTE_ARP_OP_REPLY);
	a->arp_data.arp_tha = a->arp_data.arp_sha;
	a->arp_data.arp_tip = a->arp_data.arp_sip;
	a->arp_data.arp_sha = *mac;
	a->arp_data.arp_sip = target;
	ctx->out_port = subport_back(w, ctx);
	ctx->flags |= PACKET_NO_ERROR;
	if (ctx->origin == PACKET_FROM_TUNNEL)
		return tunnel_turn(w, m, ctx) ? NEXT_EGRESS : NEXT_SWITCH;
	ctx->origin = PACKET_FROM_ROUTER;
	return NEXT_EGRESS;
}

// Nobody is known to have the address, but it may be behind a route (RFC 1027). Whoever probes
// for its own address must not hear of that: it may be free. from_host: the host asks in the name
// of the router, which asks in its place where it resolves; else the kernel would be told to ask
// again.
static int
handle_unknown(struct worker *w, const struct network *network, struct rte_mbuf *m,
	struct packet_ctx *ctx, struct rte_arp_hdr *a, bool from_host)
{
	enum proxy_reach reach;

	if (!from_host
		&& (!proxy_serves(w, ctx) || a->arp_data.arp_sip == 0
			|| a->arp_data.arp_sip == a->arp_data.arp_tip))
		return NEXT_SWITCH;
	reach = proxy_find4(w, ctx, a->arp_data.arp_tip);
	if (reach == PROXY_REACHES && !from_host)
		return answer(w, m, ctx, a, router_mac_towards(w->dp, network, ctx));
	if (reach == PROXY_ON_LINK && (!from_host || network->resolve))
		proxy_want(w, ctx, (const uint8_t *)&a->arp_data.arp_tip, 4);
	return DROP(UNRESOLVED);
}

// Known neighbours are answered for, unless they are behind the asker's port (who then probes or
// announces its own address), both are behind other nodes, or the frame is an announcement, which
// asks for nothing.
static int
handle_request(struct worker *w, const struct network *network, struct rte_mbuf *m,
	struct packet_ctx *ctx, struct rte_arp_hdr *a, bool sender_is_router)
{
	bool from_host = ctx->in_port == network->host_port;
	const struct neighbor *known =
		neighbor_lookup4(w->dp->neighbors, network->id, a->arp_data.arp_tip);

	if (known == NULL)
		return handle_unknown(w, network, m, ctx, a, from_host && sender_is_router);
	if (known->kind == NEIGHBOR_ROUTER) {
		if (from_host)
			return DROP(HOST);
		return answer(w, m, ctx, a, router_mac_towards(w->dp, network, ctx));
	}
	if (neighbor_is_beside(w, known, ctx) || a->arp_data.arp_sip == a->arp_data.arp_tip)
		return NEXT_SWITCH;
	return answer(w, m, ctx, a, proxy_mac(w, network, ctx, known));
}

// Goes on as if the router had said it.
static void
speak_for_sender(const struct network *network, struct rte_mbuf *m, struct rte_arp_hdr *a)
{
	packet_ether(m)->src_addr = network->router_mac;
	a->arp_data.arp_sha = network->router_mac;
}

static int
handle_arp(
	struct worker *w, const struct network *network, struct rte_mbuf *m, struct packet_ctx *ctx)
{
	struct rte_arp_hdr *a = rte_pktmbuf_mtod_offset(m, struct rte_arp_hdr *, ctx->l2_len);
	const struct neighbor *sender;
	bool sender_is_router;
	int verdict = NEXT_SWITCH;

	if (!is_well_formed(m, ctx, a))
		return DROP(MALFORMED);
	if (unlikely(network->resolve) && resolve_arp(w, network, m, ctx, a))
		return TAKEN;
	sender = neighbor_lookup4(w->dp->neighbors, network->id, a->arp_data.arp_sip);
	sender_is_router = sender != NULL && sender->kind == NEIGHBOR_ROUTER;
	if (sender_is_router && ctx->in_port != network->host_port)
		return DROP(CONFLICT);
	if (a->arp_opcode == RTE_BE16(RTE_ARP_OP_REQUEST))
		verdict = handle_request(w, network, m, ctx, a, sender_is_router);
	else if (sender_is_router)
		verdict = DROP(HOST);
	if (verdict == NEXT_SWITCH
		&& rte_is_same_ether_addr(&packet_ether(m)->dst_addr, &network->router_mac))
		return DROP(ROUTER);
	if (verdict == NEXT_SWITCH && proxy_serves(w, ctx))
		speak_for_sender(network, m, a);
	return verdict;
}

static void
arp_run(struct worker *w, const uint16_t *slots, uint16_t n)
{
	struct network_cache networks = {NULL, 0};

	for (uint16_t i = 0; i < n; i++) {
		uint16_t slot = slots[i];
		struct packet_ctx *ctx = &w->ctx[slot];
		const struct network *network = cached_network(w, &networks, ctx->network);
		int verdict = DROP(NO_NETWORK);

		if (network != NULL)
			verdict = handle_arp(w, network, w->mbuf[slot], ctx);
		if (unlikely(verdict == TAKEN))
			resolve_take(w, slot);
		else if (verdict < NEXT_COUNT)
			packet_next(w, slot, arp.next_id[verdict]);
		else
			packet_drop(w, slot, arp.drop_id[verdict - NEXT_COUNT]);
	}
}
