/* SPDX-License-Identifier: Apache-2.0 */
#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>

#include <rte_icmp.h>

#include "checksum.h"
#include "stages/address.h"
#include "stages/subport.h"
#include "stages/tunnel.h"
#include "worker.h"

// What is sent to the router's own address goes to the node's stack where the network has a host
// port. Without one, and for link-local addresses, which the node does not have, the switch answers
// itself: echo (RFC 792; RFC 4443, 4), and for everything else that nobody listens.

enum { NEXT_POLICY, NEXT_ICMP_ERROR, NEXT_ROUTE };
enum {
	DROP_LOOP,
	DROP_SOURCE,
	DROP_FRAGMENT,
	DROP_ICMP,
	DROP_PORT,
	DROP_PROTOCOL,
	DROP_NO_NETWORK,
};

static stage_run local_run;
static struct stage local = {
	.name = "local",
	.help = "delivers to the node's stack or answers for the router",
	.run = local_run,
	.order = 850,
	.next = {[NEXT_POLICY] = "policy_destination",
		[NEXT_ICMP_ERROR] = "icmp_error",
		[NEXT_ROUTE] = "route"},
	.drops =
		{
			[DROP_LOOP] = {"loop", "would go round in circles"},
			[DROP_SOURCE] = {"martian_source", "source address cannot be a host's"},
			[DROP_FRAGMENT] = {"local_fragment",
				"the router does not reassemble what is sent to itself"},
			[DROP_ICMP] = {"local_icmp",
				"ICMP message that the router does not answer"},
			[DROP_PORT] = {"port_unreachable",
				"nobody listens at the router's address"},
			[DROP_PROTOCOL] = {"protocol_unreachable",
				"the router does not speak this protocol"},
			[DROP_NO_NETWORK] = {"no_network", "the network was removed"},
		},
};
STAGE_REGISTER(local)

static bool
is_link_local(const struct rte_mbuf *m, const struct packet_ctx *ctx)
{
	return ctx->ether_type == RTE_ETHER_TYPE_IPV6
	       && (address6_is_link_local(ipv6_dst(packet_ipv6(m, ctx)))
		       || address6_is_multicast(ipv6_dst(packet_ipv6(m, ctx))));
}

// The node has the address: it is no hop further (TTL stays).
static void
to_host(struct worker *w, uint16_t slot, const struct network *network, const struct dp_port *host)
{
	struct rte_ether_hdr *ether = packet_ether(w->mbuf[slot]);

	ether->dst_addr = host->mac;
	ether->src_addr = network->router_mac;
	w->ctx[slot].out_port = host->id;
	packet_next(w, slot, local.next_id[NEXT_POLICY]);
}

static void
refuse(struct worker *w, uint16_t slot, int drop, uint8_t type, uint8_t code, uint32_t info)
{
	struct packet_ctx *ctx = &w->ctx[slot];

	ctx->drop = local.drop_id[drop];
	ctx->icmp_type = type;
	ctx->icmp_code = code;
	ctx->icmp_info = info;
	packet_next(w, slot, local.next_id[NEXT_ICMP_ERROR]);
}

// Sends the request back as its own reply: addresses change places, which no checksum notices.
static void
turn_around(struct worker *w, uint16_t slot)
{
	struct rte_ether_hdr *ether = packet_ether(w->mbuf[slot]);
	const struct rte_ether_addr asked = ether->dst_addr;
	struct packet_ctx *ctx = &w->ctx[slot];
	int next = NEXT_POLICY;

	ether->dst_addr = ether->src_addr;
	ether->src_addr = asked;
	ctx->out_port = subport_back(w, ctx);
	if (ctx->origin == PACKET_FROM_TUNNEL && !tunnel_turn(w, w->mbuf[slot], ctx))
		next = NEXT_ROUTE;
	ctx->origin = PACKET_FROM_ROUTER;
	ctx->flags |= PACKET_NO_ERROR;
	packet_next(w, slot, local.next_id[next]);
}

static void
set_icmp_type(uint8_t *icmp, uint8_t type)
{
	struct rte_icmp_hdr *header = (void *)icmp;
	uint16_t from, to;

	memcpy(&from, icmp, sizeof(from));
	icmp[0] = type;
	memcpy(&to, icmp, sizeof(to));
	header->icmp_cksum = checksum_replace16(header->icmp_cksum, from, to);
}

static void
answer_echo4(struct worker *w, uint16_t slot)
{
	struct rte_ipv4_hdr *ip = packet_ipv4(w->mbuf[slot], &w->ctx[slot]);
	rte_be32_t client = ip->src_addr;

	ip->src_addr = ip->dst_addr;
	ip->dst_addr = client;
	ip->time_to_live = 64;
	ip->hdr_checksum = 0;
	ip->hdr_checksum = rte_ipv4_cksum(ip);
	set_icmp_type(packet_l4(w->mbuf[slot], &w->ctx[slot]), ICMP_ECHOREPLY);
	turn_around(w, slot);
}

static void
answer_echo6(struct worker *w, uint16_t slot)
{
	struct rte_ipv6_hdr *ip = packet_ipv6(w->mbuf[slot], &w->ctx[slot]);
	uint8_t client[16];

	memcpy(client, ipv6_src(ip), sizeof(client));
	memcpy(ipv6_src(ip), ipv6_dst(ip), sizeof(client));
	memcpy(ipv6_dst(ip), client, sizeof(client));
	ip->hop_limits = 64;
	set_icmp_type(packet_l4(w->mbuf[slot], &w->ctx[slot]), ICMP6_ECHO_REPLY);
	turn_around(w, slot);
}

static void
answer4(struct worker *w, uint16_t slot)
{
	const struct packet_ctx *ctx = &w->ctx[slot];
	const struct rte_ipv4_hdr *ip = packet_ipv4(w->mbuf[slot], ctx);
	const uint8_t *icmp = packet_l4(w->mbuf[slot], ctx);

	if (!address4_is_host(ip->src_addr))
		packet_drop(w, slot, local.drop_id[DROP_SOURCE]);
	else if (ctx->fragment != PACKET_WHOLE)
		packet_drop(w, slot, local.drop_id[DROP_FRAGMENT]);
	else if (ip->next_proto_id == IPPROTO_ICMP && icmp[0] == ICMP_ECHO && icmp[1] == 0)
		answer_echo4(w, slot);
	else if (ip->next_proto_id == IPPROTO_ICMP)
		packet_drop(w, slot, local.drop_id[DROP_ICMP]);
	else if (ip->next_proto_id == IPPROTO_UDP || ip->next_proto_id == IPPROTO_TCP)
		refuse(w, slot, DROP_PORT, ICMP_DEST_UNREACH, ICMP_PORT_UNREACH, 0);
	else
		refuse(w, slot, DROP_PROTOCOL, ICMP_DEST_UNREACH, ICMP_PROT_UNREACH, 0);
}

// Offset of the field that names the upper-layer protocol (RFC 4443, 3.4).
static uint32_t
next_header_offset(const struct rte_mbuf *m, const struct packet_ctx *ctx)
{
	const uint8_t *ip = (const uint8_t *)packet_ipv6(m, ctx);
	uint32_t field = offsetof(struct rte_ipv6_hdr, proto), header = sizeof(struct rte_ipv6_hdr);

	while (header + 8 <= ctx->l3_len) {
		uint32_t size = ip[field] == IPPROTO_FRAGMENT ? 8 : (ip[header + 1] + 1u) * 8;

		field = header;
		header += size;
	}
	return field;
}

static void
answer6(struct worker *w, uint16_t slot)
{
	const struct packet_ctx *ctx = &w->ctx[slot];
	const struct rte_mbuf *m = w->mbuf[slot];
	const struct rte_ipv6_hdr *ip = packet_ipv6(m, ctx);
	const uint8_t *icmp = packet_l4(m, ctx);

	if (!address6_is_host(ipv6_src(ip)))
		packet_drop(w, slot, local.drop_id[DROP_SOURCE]);
	else if (ctx->fragment != PACKET_WHOLE)
		packet_drop(w, slot, local.drop_id[DROP_FRAGMENT]);
	else if (ctx->ip_proto == IPPROTO_ICMPV6 && icmp[0] == ICMP6_ECHO_REQUEST && icmp[1] == 0
		 && !address6_is_multicast(ipv6_dst(ip)))
		answer_echo6(w, slot);
	else if (ctx->ip_proto == IPPROTO_ICMPV6)
		packet_drop(w, slot, local.drop_id[DROP_ICMP]);
	else if (ctx->ip_proto == IPPROTO_UDP || ctx->ip_proto == IPPROTO_TCP)
		refuse(w, slot, DROP_PORT, ICMP6_DST_UNREACH, ICMP6_DST_UNREACH_NOPORT, 0);
	else
		refuse(w, slot, DROP_PROTOCOL, ICMP6_PARAM_PROB, ICMP6_PARAMPROB_NEXTHEADER,
			next_header_offset(m, ctx));
}

static void
local_run(struct worker *w, const uint16_t *slots, uint16_t n)
{
	for (uint16_t i = 0; i < n; i++) {
		uint16_t slot = slots[i];
		const struct packet_ctx *ctx = &w->ctx[slot];
		const struct network *network = dp_network(w->dp, ctx->network);
		const struct dp_port *host;

		if (network == NULL) {
			packet_drop(w, slot, local.drop_id[DROP_NO_NETWORK]);
			continue;
		}
		host = is_link_local(w->mbuf[slot], ctx) ? NULL
							 : dp_port_get(w->dp, network->host_port);
		if (host != NULL && host->id == ctx->in_port && ctx->origin != PACKET_FROM_ROUTER)
			packet_drop(w, slot, local.drop_id[DROP_LOOP]);
		else if (host != NULL)
			to_host(w, slot, network, host);
		else if (ctx->ether_type == RTE_ETHER_TYPE_IPV4)
			answer4(w, slot);
		else
			answer6(w, slot);
	}
}
