/* SPDX-License-Identifier: Apache-2.0 */
#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>

#include "packet.h"
#include "stages/address.h"
#include "stages/icmp_error.h"

bool
icmp_bucket_take(struct icmp_bucket *bucket, uint64_t now_tsc, uint64_t hz)
{
	uint64_t passed = now_tsc - bucket->tsc;
	uint64_t tokens = passed >= hz ? ICMP_ERRORS_BURST : passed * ICMP_ERRORS_PER_SECOND / hz;

	if (tokens >= bucket->taken) {
		bucket->taken = 0;
		bucket->tsc = now_tsc;
	} else if (tokens > 0) {
		bucket->taken -= (uint32_t)tokens;
		bucket->tsc += tokens * hz / ICMP_ERRORS_PER_SECOND;
	}
	if (bucket->taken == ICMP_ERRORS_BURST)
		return false;
	bucket->taken++;
	return true;
}

static bool
is_error_type4(uint8_t type)
{
	return type == ICMP_DEST_UNREACH || type == ICMP_SOURCE_QUENCH || type == ICMP_REDIRECT
	       || type == ICMP_TIME_EXCEEDED || type == ICMP_PARAMETERPROB;
}

static bool
is_allowed4(const struct rte_mbuf *m, const struct packet_ctx *ctx, const struct network *network)
{
	const struct rte_ipv4_hdr *ip = packet_ipv4(m, ctx);

	if (ctx->fragment == PACKET_LATER_FRAGMENT
		|| rte_is_multicast_ether_addr(&packet_ether(m)->dst_addr))
		return false;
	if (!address4_is_host(ip->src_addr) || address4_is_subnet_broadcast(network, ip->src_addr))
		return false;
	if (!address4_is_host(ip->dst_addr) || address4_is_subnet_broadcast(network, ip->dst_addr))
		return false;
	return ip->next_proto_id != IPPROTO_ICMP
	       || !is_error_type4(*(const uint8_t *)packet_l4(m, ctx));
}

// Multicast is answered only when the error serves path MTU discovery or tells of an option that
// asked for it (RFC 4443, 2.4 (e.3)).
static bool
answers_multicast(const struct packet_ctx *ctx)
{
	return ctx->icmp_type == ICMP6_PACKET_TOO_BIG
	       || (ctx->icmp_type == ICMP6_PARAM_PROB && ctx->icmp_code == ICMP6_PARAMPROB_OPTION);
}

static bool
is_allowed6(const struct rte_mbuf *m, const struct packet_ctx *ctx)
{
	const struct rte_ipv6_hdr *ip = packet_ipv6(m, ctx);
	uint8_t type;

	if ((rte_is_multicast_ether_addr(&packet_ether(m)->dst_addr)
		    || address6_is_multicast(ipv6_dst(ip)))
		&& !answers_multicast(ctx))
		return false;
	if (!address6_is_host(ipv6_src(ip)))
		return false;
	if (ctx->origin == PACKET_FROM_TUNNEL && address6_is_link_local(ipv6_src(ip)))
		return false; // its link is behind another node
	if (ctx->ip_proto != IPPROTO_ICMPV6)
		return true;
	if (ctx->fragment == PACKET_LATER_FRAGMENT)
		return false; // of what type, nobody knows here
	type = *(const uint8_t *)packet_l4(m, ctx);
	return (type & ICMP6_INFOMSG_MASK) != 0 && type != ND_REDIRECT;
}

bool
icmp_error_is_allowed(
	const struct rte_mbuf *m, const struct packet_ctx *ctx, const struct network *network)
{
	if (ctx->flags & (PACKET_NO_ERROR | PACKET_FLOODED) || ctx->origin == PACKET_FROM_ROUTER)
		return false;
	if (ctx->l3_len == 0)
		return false;
	return ctx->ether_type == RTE_ETHER_TYPE_IPV4 ? is_allowed4(m, ctx, network)
						      : is_allowed6(m, ctx);
}

static const uint8_t *
best_address(const struct network *network, uint8_t family, const uint8_t *sender)
{
	const uint8_t *best = NULL;

	for (uint16_t i = 0; i < network->n_addresses; i++) {
		const struct cw_ip *ip = &network->addresses[i];

		if (ip->family != family)
			continue;
		if (address_in_subnet(ip, sender))
			return ip->addr;
		if (best == NULL)
			best = ip->addr;
	}
	return best;
}

const uint8_t *
icmp_error_source(
	const struct rte_mbuf *m, const struct packet_ctx *ctx, const struct network *network)
{
	if (ctx->ether_type == RTE_ETHER_TYPE_IPV4) {
		const struct rte_ipv4_hdr *ip = packet_ipv4(m, ctx);

		return address_is_router4(network, ip->dst_addr)
			       ? (const uint8_t *)&ip->dst_addr
			       : best_address(network, 4, (const uint8_t *)&ip->src_addr);
	}
	const struct rte_ipv6_hdr *ip = packet_ipv6(m, ctx);

	// Only what was sent to the router itself comes here with a link-local destination.
	if (address6_is_link_local(ipv6_dst(ip)) || address_is_router6(network, ipv6_dst(ip)))
		return ipv6_dst(ip);
	return best_address(network, 6, ipv6_src(ip));
}
