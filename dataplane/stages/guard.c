/* SPDX-License-Identifier: Apache-2.0 */
#include <netinet/in.h>

#include <rte_arp.h>
#include <rte_udp.h>

#include "stages/cache.h"
#include "stages/dispatch.h"
#include "stages/guard_source.h"
#include "tables/neighbor.h"
#include "worker.h"

// What a pod may claim to be. Every check is one CW_GUARD_* bit of the in port; the endpoint's MAC
// and addresses are the port's. Sources that are not the endpoint's pass only where a protocol
// needs them:
//  - 0.0.0.0 in DHCP requests (RFC 2131) and ARP probes (RFC 5227);
//  - :: in duplicate address detection, router solicitations (RFC 4861) and MLD (RFC 3590);
//  - any link-local address in neighbour discovery, MLD and DHCPv6 requests, because the kernel may
//  make
//    up more than one (RFC 7217); elsewhere only the one made of the MAC (RFC 4291, appendix A).

enum { NEXT_LEARN = DISPATCH_COUNT };
enum {
	DROP_MAC,
	DROP_IP,
	DROP_ARP,
	DROP_ND,
	DROP_ND_FRAGMENT,
	DROP_RA,
	DROP_DHCP,
	DROP_NO_PORT,
	PASSED,
};

static stage_run guard_run;
static struct stage guard = {
	.name = "guard",
	.help = "spoofing and rogue server checks of the port",
	.run = guard_run,
	.order = 300,
	.next = {DISPATCH_NEXT, [NEXT_LEARN] = "learn"},
	.drops =
		{
			[DROP_MAC] = {"spoof_mac", "source MAC is not the endpoint's"},
			[DROP_IP] = {"spoof_ip", "source address is not the endpoint's"},
			[DROP_ARP] = {"spoof_arp", "ARP sender is not the endpoint"},
			[DROP_ND] = {"spoof_nd", "neighbour discovery speaks for another endpoint"},
			[DROP_ND_FRAGMENT] = {"nd_fragmented",
				"fragmented neighbour discovery, RFC 6980"},
			[DROP_RA] = {"rogue_ra", "router advertisement or redirect from a pod"},
			[DROP_DHCP] = {"rogue_dhcp", "DHCP server message from a pod"},
			[DROP_NO_PORT] = {"no_port", "port is gone"},
		},
};
STAGE_REGISTER(guard);

static inline bool
udp_ports_are(const struct rte_mbuf *m, const struct packet_ctx *ctx, uint16_t src, uint16_t dst)
{
	const struct rte_udp_hdr *udp = packet_l4(m, ctx);

	return ctx->ip_proto == IPPROTO_UDP && ctx->fragment != PACKET_LATER_FRAGMENT
	       && udp->src_port == rte_cpu_to_be_16(src) && udp->dst_port == rte_cpu_to_be_16(dst);
}

static inline int
guard_ipv4(const struct dp_port *port, const struct rte_mbuf *m, const struct packet_ctx *ctx)
{
	const struct rte_ipv4_hdr *ip = packet_ipv4(m, ctx);

	if ((port->guard & CW_GUARD_IP) && !guard_owns4(port, ip->src_addr)
		&& !(ip->src_addr == 0 && ip->dst_addr == RTE_BE32(RTE_IPV4_BROADCAST)
			&& udp_ports_are(m, ctx, DHCP_CLIENT, DHCP_SERVER)))
		return DROP_IP;
	if ((port->guard & CW_GUARD_DHCP) && udp_ports_are(m, ctx, DHCP_SERVER, DHCP_CLIENT))
		return DROP_DHCP;
	return PASSED;
}

// MLD, RFC 2710 and RFC 3810: query, report, done, version 2 report.
static inline bool
is_mld(uint8_t type)
{
	return (type >= 130 && type <= 132) || type == 143;
}

static bool
is_made_of_mac(const uint8_t addr[16], const struct rte_ether_addr *mac)
{
	const uint8_t *b = mac->addr_bytes;
	const uint8_t identifier[8] = {b[0] ^ 2, b[1], b[2], 0xff, 0xfe, b[3], b[4], b[5]};

	return memcmp(addr + 8, identifier, sizeof(identifier)) == 0;
}

// A source that is none of the endpoint's configured addresses.
static bool
foreign_source6_is_legal(
	const struct dp_port *port, const struct rte_mbuf *m, const struct packet_ctx *ctx)
{
	const uint8_t *src = ipv6_src(packet_ipv6(m, ctx));
	bool link_local = ipv6_is_link_local(src);
	const uint8_t *type;

	if (link_local
		&& (is_made_of_mac(src, &port->mac)
			|| udp_ports_are(m, ctx, DHCP6_CLIENT, DHCP6_SERVER)))
		return true;
	if (ctx->ip_proto != IPPROTO_ICMPV6 || ctx->fragment == PACKET_LATER_FRAGMENT)
		return false;
	type = packet_l4(m, ctx);
	if (link_local)
		return packet_is_nd(m, ctx) || is_mld(*type);
	return ipv6_is_unspecified(src)
	       && (*type == ND_NEIGHBOR_SOLICITATION || *type == ND_ROUTER_SOLICITATION
		       || is_mld(*type));
}

// A pod may advertise its own addresses, and link-local ones that nobody else is known to have.
static bool
may_advertise(const struct worker *w, const struct dp_port *port, const struct packet_ctx *ctx,
	const uint8_t target[16])
{
	const struct neighbor *known;

	if (guard_owns6(port, target))
		return true;
	if (!ipv6_is_link_local(target))
		return false;
	known = neighbor_lookup6(w->dp->neighbors, ctx->network, target);
	return known == NULL || known->port == port->id;
}

static int
guard_nd(const struct worker *w, const struct dp_port *port, const struct rte_mbuf *m,
	const struct packet_ctx *ctx)
{
	const struct nd_message *message = packet_l4(m, ctx);
	const struct nd_link_option *option;
	uint8_t type = message->type == ND_NEIGHBOR_ADVERTISEMENT ? ND_OPTION_TARGET_ADDRESS
								  : ND_OPTION_SOURCE_ADDRESS;

	if (!nd_find_link_option(message, nd_length(m, ctx), type, &option))
		return DROP_ND;
	if (option != NULL && !rte_is_same_ether_addr(&option->mac, &port->mac))
		return DROP_ND;
	if (message->type == ND_NEIGHBOR_ADVERTISEMENT
		&& !may_advertise(w, port, ctx, message->target))
		return DROP_ND;
	return PASSED;
}

static inline int
guard_ipv6(const struct worker *w, const struct dp_port *port, const struct rte_mbuf *m,
	const struct packet_ctx *ctx)
{
	const struct rte_ipv6_hdr *ip = packet_ipv6(m, ctx);
	uint8_t type;

	if ((port->guard & CW_GUARD_IP) && !guard_owns6(port, ipv6_src(ip))
		&& !foreign_source6_is_legal(port, m, ctx))
		return DROP_IP;
	if ((port->guard & CW_GUARD_DHCP) && udp_ports_are(m, ctx, DHCP6_SERVER, DHCP6_CLIENT))
		return DROP_DHCP;
	if (likely(!packet_is_nd(m, ctx)))
		return PASSED;
	type = *(const uint8_t *)packet_l4(m, ctx);
	if ((port->guard & CW_GUARD_RA) && (type == ND_ROUTER_ADVERTISEMENT || type == ND_REDIRECT))
		return DROP_RA;
	return port->guard & CW_GUARD_ARP ? guard_nd(w, port, m, ctx) : PASSED;
}

// RFC 826: what is malformed here is refused as a claim that cannot be checked.
static int
guard_arp(const struct dp_port *port, const struct rte_mbuf *m, const struct packet_ctx *ctx)
{
	const struct rte_arp_hdr *arp =
		rte_pktmbuf_mtod_offset(m, const struct rte_arp_hdr *, ctx->l2_len);

	if (m->data_len < ctx->l2_len + sizeof(*arp)
		|| arp->arp_hardware != RTE_BE16(RTE_ARP_HRD_ETHER)
		|| arp->arp_protocol != RTE_BE16(RTE_ETHER_TYPE_IPV4)
		|| arp->arp_hlen != RTE_ETHER_ADDR_LEN || arp->arp_plen != sizeof(rte_be32_t))
		return DROP_ARP;
	if (!rte_is_same_ether_addr(&arp->arp_data.arp_sha, &port->mac)
		|| !rte_is_same_ether_addr(&packet_ether(m)->src_addr, &port->mac))
		return DROP_ARP;
	if (arp->arp_data.arp_sip == 0)
		return arp->arp_opcode == RTE_BE16(RTE_ARP_OP_REQUEST) ? PASSED : DROP_ARP;
	return guard_owns4(port, arp->arp_data.arp_sip) ? PASSED : DROP_ARP;
}

static inline int
guard_packet(const struct worker *w, const struct dp_port *port, const struct rte_mbuf *m,
	const struct packet_ctx *ctx)
{
	if ((port->guard & CW_GUARD_MAC)
		&& !rte_is_same_ether_addr(&packet_ether(m)->src_addr, &port->mac))
		return DROP_MAC;
	if (likely(ctx->ether_type == RTE_ETHER_TYPE_IPV4))
		return guard_ipv4(port, m, ctx);
	if (ctx->ether_type == RTE_ETHER_TYPE_IPV6)
		return guard_ipv6(w, port, m, ctx);
	if (ctx->ether_type == RTE_ETHER_TYPE_ARP && (port->guard & CW_GUARD_ARP))
		return guard_arp(port, m, ctx);
	return PASSED;
}

// RFC 6980, 5: holds for every port, and for a fragment header without fragments, too.
static bool
has_fragment_header(const struct rte_mbuf *m, const struct packet_ctx *ctx)
{
	const uint8_t *ip = (const uint8_t *)packet_ipv6(m, ctx);
	uint32_t at = sizeof(struct rte_ipv6_hdr);
	uint8_t proto = packet_ipv6(m, ctx)->proto;

	while (at + 8 <= ctx->l3_len && proto != IPPROTO_FRAGMENT) {
		proto = ip[at];
		at += (ip[at + 1] + 1u) * 8;
	}
	return proto == IPPROTO_FRAGMENT;
}

static inline bool
is_fragmented_nd(const struct rte_mbuf *m, const struct packet_ctx *ctx)
{
	return ctx->ether_type == RTE_ETHER_TYPE_IPV6 && ctx->l3_len > sizeof(struct rte_ipv6_hdr)
	       && packet_is_nd(m, ctx) && has_fragment_header(m, ctx);
}

static void
guard_run(struct worker *w, const uint16_t *slots, uint16_t n)
{
	struct port_cache ports = {NULL, 0};
	struct network_cache networks = {NULL, 0};

	for (uint16_t i = 0; i < n; i++) {
		uint16_t slot = slots[i];
		const struct rte_mbuf *m = w->mbuf[slot];
		const struct packet_ctx *ctx = &w->ctx[slot];
		const struct dp_port *port = cached_port(w, &ports, ctx->in_port);
		const struct network *network = cached_network(w, &networks, ctx->network);
		int verdict = PASSED;

		if (unlikely(port == NULL))
			verdict = DROP_NO_PORT;
		else if (unlikely(is_fragmented_nd(m, ctx)))
			verdict = DROP_ND_FRAGMENT;
		else if (port->guard != 0 && likely(ctx->origin < PACKET_FROM_UPLINK))
			verdict = guard_packet(w, port, m, ctx);
		if (unlikely(verdict != PASSED))
			packet_drop(w, slot, guard.drop_id[verdict]);
		else if (network != NULL && network->learning)
			packet_next(w, slot, guard.next_id[NEXT_LEARN]);
		else
			packet_next(w, slot, guard.next_id[dispatch(m, ctx)]);
	}
}
