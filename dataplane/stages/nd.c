/* SPDX-License-Identifier: Apache-2.0 */
#include "stages/nd.h"
#include "checksum.h"
#include "stages/address.h"
#include "stages/cache.h"
#include "stages/proxy.h"
#include "stages/resolve.h"
#include "stages/router_mac.h"
#include "stages/subport.h"
#include "stages/tunnel.h"
#include "tables/neighbor.h"
#include "worker.h"

// Neighbour discovery (RFC 4861): solicitations for the router's addresses and for neighbours that
// the network knows are answered out of their own frame, duplicate address detection included, so
// that a known address is defended. The rest is switched. As in arp.c, the router's addresses
// belong to nobody else, and the host's word about them stays between it and the switch; and the
// router stands between those behind a routed port and everybody else. It knows who has an address,
// so that its advertisements override (RFC 4861, 7.2.8 has those of a proxy give way that does
// not).
//
// Router solicitations: CNI configures addresses and routes, the router advertises nothing. They
// are dropped, except in networks with learning, which may reach a router that the switch does not
// know.

#define ND_HOP_LIMIT 255

enum { NEXT_EGRESS, NEXT_SWITCH, NEXT_COUNT };
enum {
	DROP_MALFORMED,
	DROP_CONFLICT,
	DROP_HOST,
	DROP_UNRESOLVED,
	DROP_ROUTER,
	DROP_SOLICITATION,
	DROP_NO_MEMORY,
	DROP_NO_NETWORK,
};
#define DROP(reason) (NEXT_COUNT + DROP_##reason)
#define TAKEN -1 // an answer to the switch's own question

static stage_run nd_run;
static struct stage nd = {
	.name = "nd",
	.help = "answers neighbour solicitations for the router and known neighbours",
	.run = nd_run,
	.order = 510,
	.next = {[NEXT_EGRESS] = "egress", [NEXT_SWITCH] = "switch"},
	.drops =
		{
			[DROP_MALFORMED] = {"malformed_nd",
				"neighbour discovery that RFC 4861 calls invalid"},
			[DROP_CONFLICT] = {"nd_conflict", "claims an address of the router"},
			[DROP_HOST] = {"host_address",
				"the host speaks of an address that it shares with the router"},
			[DROP_UNRESOLVED] = {"no_neighbor",
				"the host, or a routed port, asks for an address that nobody "
				"is known to have"},
			[DROP_ROUTER] = {"nd_unwanted", "sent to the router, which has not asked"},
			[DROP_SOLICITATION] = {"no_router_advertisement",
				"the router advertises nothing"},
			[DROP_NO_MEMORY] = {"no_memory", "no room for the answer"},
			[DROP_NO_NETWORK] = {"no_network", "network is gone"},
		},
};
STAGE_REGISTER(nd);

// An answer, from the Ethernet header on.
struct advertisement {
	struct rte_ether_hdr ether;
	struct rte_ipv6_hdr ip;
	struct nd_message message;
	struct nd_link_option option;
} __rte_packed __rte_aligned(2);

static uint16_t
icmpv6_sum(const struct rte_ipv6_hdr *ip, const void *message, uint32_t len)
{
	const rte_be32_t tail[2] = {rte_cpu_to_be_32(len), RTE_BE32(IPPROTO_ICMPV6)};
	uint32_t sum = rte_raw_cksum(ipv6_src(ip), 2 * sizeof(ip->src_addr));

	sum += rte_raw_cksum(tail, sizeof(tail));
	sum += rte_raw_cksum(message, len);
	sum = (sum & UINT16_MAX) + (sum >> 16);
	return (uint16_t)((sum & UINT16_MAX) + (sum >> 16));
}

// ff02::1:ff00:0/104, RFC 4291, 2.7.1.
static bool
is_solicited_node(const uint8_t addr[16])
{
	static const uint8_t prefix[13] = {0xff, 0x02, [11] = 0x01, [12] = 0xff};

	return memcmp(addr, prefix, sizeof(prefix)) == 0;
}

// What each type asks for beyond the common rules: RFC 4861, 6.1.1, 6.1.2, 7.1.1, 7.1.2, 8.1.
static bool
is_valid_for_type(const struct rte_ipv6_hdr *ip, const struct nd_message *message, bool has_source)
{
	bool unspecified = ipv6_is_unspecified(ipv6_src(ip));

	switch (message->type) {
	case ND_ROUTER_SOLICITATION:
		return !unspecified || !has_source;
	case ND_NEIGHBOR_SOLICITATION:
		if (message->target[0] == 0xff)
			return false;
		return !unspecified || (is_solicited_node(ipv6_dst(ip)) && !has_source);
	case ND_NEIGHBOR_ADVERTISEMENT:
		if (message->target[0] == 0xff)
			return false;
		return ipv6_dst(ip)[0] != 0xff || !(message->flags & ND_FLAG_SOLICITED);
	default:
		return ipv6_is_link_local(ipv6_src(ip));
	}
}

static bool
is_valid(const struct rte_mbuf *m, const struct packet_ctx *ctx)
{
	const struct rte_ipv6_hdr *ip = packet_ipv6(m, ctx);
	const struct nd_message *message = packet_l4(m, ctx);
	const struct nd_link_option *source;
	uint32_t len = nd_length(m, ctx);

	if (ip->hop_limits != ND_HOP_LIMIT || message->code != 0)
		return false;
	if (!nd_find_link_option(message, len, ND_OPTION_SOURCE_ADDRESS, &source))
		return false;
	return icmpv6_sum(ip, message, len) == UINT16_MAX
	       && is_valid_for_type(ip, message, source != NULL);
}

static bool
resize(struct rte_mbuf *m, uint16_t len)
{
	if (m->nb_segs > 1)
		return false;
	if (m->data_len < len)
		return packet_append(m, (uint16_t)(len - m->data_len)) != NULL;
	return packet_trim(m, (uint16_t)(m->data_len - len)) == 0;
}

// Fills in the addresses: to the asker, or to all nodes when it has no address yet (RFC 4861,
// 7.2.4).
static void
address_answer(struct advertisement *a, const struct rte_ether_addr *asker,
	const uint8_t asker_ip[16], const struct rte_ether_addr *mac)
{
	static const struct rte_ether_addr all_nodes_mac = {{0x33, 0x33, 0, 0, 0, 1}};
	static const uint8_t all_nodes[16] = {0xff, 0x02, [15] = 0x01};
	bool unspecified = ipv6_is_unspecified(asker_ip);

	a->ether.dst_addr = unspecified ? all_nodes_mac : *asker;
	a->ether.src_addr = *mac;
	memcpy(ipv6_src(&a->ip), a->message.target, sizeof(a->ip.src_addr));
	memcpy(ipv6_dst(&a->ip), unspecified ? all_nodes : asker_ip, sizeof(a->ip.dst_addr));
	a->message.flags |= unspecified ? 0 : ND_FLAG_SOLICITED;
}

static int
answer(const struct worker *w, struct rte_mbuf *m, struct packet_ctx *ctx,
	const struct rte_ether_addr *mac, uint8_t flags)
{
	const struct nd_message *request = packet_l4(m, ctx);
	struct advertisement a = {
		.ether.ether_type = RTE_BE16(RTE_ETHER_TYPE_IPV6),
		.ip = {.vtc_flow = RTE_BE32(6u << 28),
			.payload_len = RTE_BE16(sizeof(a.message) + sizeof(a.option)),
			.proto = IPPROTO_ICMPV6,
			.hop_limits = ND_HOP_LIMIT},
		.message = {.type = ND_NEIGHBOR_ADVERTISEMENT, .flags = flags | ND_FLAG_OVERRIDE},
		.option = {.type = ND_OPTION_TARGET_ADDRESS, .length = 1, .mac = *mac},
	};
	int next = NEXT_EGRESS;

	memcpy(a.message.target, request->target, sizeof(a.message.target));
	address_answer(&a, &packet_ether(m)->src_addr, ipv6_src(packet_ipv6(m, ctx)), mac);
	a.message.checksum =
		(uint16_t)~icmpv6_sum(&a.ip, &a.message, sizeof(a.message) + sizeof(a.option));
	ctx->out_port = subport_back(w, ctx);
	if (ctx->origin == PACKET_FROM_TUNNEL && !tunnel_turn(w, m, ctx))
		next = NEXT_SWITCH;
	ctx->origin = PACKET_FROM_ROUTER;
	if (!resize(m, sizeof(a)))
		return DROP(NO_MEMORY);
	memcpy(rte_pktmbuf_mtod(m, void *), &a, sizeof(a));
	m->ol_flags = 0;
	ctx->l2_len = RTE_ETHER_HDR_LEN;
	ctx->l3_len = sizeof(struct rte_ipv6_hdr);
	ctx->flags = (uint8_t)((ctx->flags & ~PACKET_HASHED) | PACKET_NO_ERROR);
	return next;
}

static bool
is_router(const struct worker *w, const struct network *network, const uint8_t addr[16])
{
	const struct neighbor *known = neighbor_lookup6(w->dp->neighbors, network->id, addr);

	return known != NULL && known->kind == NEIGHBOR_ROUTER;
}

// As in arp.c. Link-local addresses are not routed.
static int
handle_unknown(struct worker *w, const struct network *network, struct rte_mbuf *m,
	struct packet_ctx *ctx, bool from_host)
{
	const struct nd_message *message = packet_l4(m, ctx);
	enum proxy_reach reach;

	if (!from_host
		&& (!proxy_serves(w, ctx) || ipv6_is_unspecified(ipv6_src(packet_ipv6(m, ctx)))))
		return NEXT_SWITCH;
	if (address6_is_link_local(message->target))
		return DROP(UNRESOLVED);
	reach = proxy_find6(w, ctx, message->target);
	if (reach == PROXY_REACHES && !from_host)
		return answer(w, m, ctx, router_mac_towards(w->dp, network, ctx), 0);
	if (reach == PROXY_ON_LINK && (!from_host || network->resolve))
		proxy_want(w, ctx, message->target, 6);
	return DROP(UNRESOLVED);
}

// Known neighbours are answered for, unless they are behind the asker's own port, or both are
// behind other nodes.
static int
handle_solicitation(
	struct worker *w, const struct network *network, struct rte_mbuf *m, struct packet_ctx *ctx)
{
	const struct nd_message *message = packet_l4(m, ctx);
	const uint8_t *src = ipv6_src(packet_ipv6(m, ctx));
	bool from_host = ctx->in_port == network->host_port;
	bool from_router = is_router(w, network, src);
	const struct neighbor *known =
		neighbor_lookup6(w->dp->neighbors, network->id, message->target);

	if (from_router && !from_host)
		return DROP(CONFLICT);
	if (known == NULL)
		return handle_unknown(w, network, m, ctx, from_router);
	if (known->kind == NEIGHBOR_ROUTER)
		return from_host ? DROP(HOST)
				 : answer(w, m, ctx, router_mac_towards(w->dp, network, ctx),
					 ND_FLAG_ROUTER);
	if (neighbor_is_beside(w, known, ctx))
		return NEXT_SWITCH;
	return answer(w, m, ctx, proxy_mac(w, network, ctx, known), 0);
}

// Goes on as if the router had said it.
static void
speak_for_sender(const struct network *network, struct rte_mbuf *m, const struct packet_ctx *ctx)
{
	struct nd_message *message = packet_l4(m, ctx);
	bool of_target = message->type == ND_NEIGHBOR_ADVERTISEMENT || message->type == ND_REDIRECT;
	const struct nd_link_option *option;
	uint16_t from[3], to[3];

	packet_ether(m)->src_addr = network->router_mac;
	nd_find_link_option(message, nd_length(m, ctx),
		of_target ? ND_OPTION_TARGET_ADDRESS : ND_OPTION_SOURCE_ADDRESS, &option);
	if (option == NULL)
		return;
	memcpy(from, &option->mac, sizeof(from));
	memcpy(to, &network->router_mac, sizeof(to));
	for (int i = 0; i < 3; i++)
		message->checksum = checksum_replace16(message->checksum, from[i], to[i]);
	memcpy((void *)(uintptr_t)&option->mac, to, sizeof(to));
}

static bool
is_about_neighbors(uint8_t type)
{
	return type == ND_NEIGHBOR_SOLICITATION || type == ND_NEIGHBOR_ADVERTISEMENT;
}

static int
handle_nd(
	struct worker *w, const struct network *network, struct rte_mbuf *m, struct packet_ctx *ctx)
{
	const struct nd_message *message = packet_l4(m, ctx);
	int verdict = NEXT_SWITCH;

	if (!is_valid(m, ctx))
		return DROP(MALFORMED);
	if (unlikely(network->resolve) && is_about_neighbors(message->type)
		&& resolve_nd(w, network, m, ctx))
		return TAKEN;
	if (message->type == ND_NEIGHBOR_SOLICITATION)
		verdict = handle_solicitation(w, network, m, ctx);
	else if (message->type == ND_NEIGHBOR_ADVERTISEMENT
		 && is_router(w, network, message->target))
		verdict = ctx->in_port == network->host_port ? DROP(HOST) : DROP(CONFLICT);
	else if (message->type == ND_ROUTER_SOLICITATION && !network->learning)
		verdict = DROP(SOLICITATION);
	if (verdict == NEXT_SWITCH
		&& rte_is_same_ether_addr(&packet_ether(m)->dst_addr, &network->router_mac))
		return DROP(ROUTER);
	if (verdict == NEXT_SWITCH && proxy_serves(w, ctx))
		speak_for_sender(network, m, ctx);
	return verdict;
}

static void
nd_run(struct worker *w, const uint16_t *slots, uint16_t n)
{
	struct network_cache networks = {NULL, 0};

	for (uint16_t i = 0; i < n; i++) {
		uint16_t slot = slots[i];
		struct packet_ctx *ctx = &w->ctx[slot];
		const struct network *network = cached_network(w, &networks, ctx->network);
		int verdict = DROP(NO_NETWORK);

		if (network != NULL)
			verdict = handle_nd(w, network, w->mbuf[slot], ctx);
		if (unlikely(verdict == TAKEN))
			resolve_take(w, slot);
		else if (verdict < NEXT_COUNT)
			packet_next(w, slot, nd.next_id[verdict]);
		else
			packet_drop(w, slot, nd.drop_id[verdict - NEXT_COUNT]);
	}
}
