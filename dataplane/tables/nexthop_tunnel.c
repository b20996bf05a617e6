/* SPDX-License-Identifier: Apache-2.0 */
#include <netinet/in.h>
#include <string.h>

#include <rte_ip.h>
#include <rte_udp.h>
#include <rte_vxlan.h>

#include "checksum.h"
#include "dataplane.h"
#include "nexthop_private.h"
#include "vtep.h"

// A next hop through a tunnel: the way to the remote from the underlay, and everything in front of
// the inner frame made ready.

// The underlays that can be used now.
struct ways {
	struct cw_member usable[CW_MAX_MEMBERS];
	uint32_t n;
	uint16_t mtu; // of the narrowest, outer L3 bytes
	const struct nexthop *first; // usable one
	const struct nexthop *waiting; // one that waits for its neighbour
};

static void
add_way(const struct nexthops *nexthops, const struct cw_member *member, struct ways *ways)
{
	const struct nexthop *way = nexthop_get(nexthops, member->nexthop);

	if (way == NULL)
		return;
	if (way->action == NEXTHOP_CONNECTED && ways->waiting == NULL)
		ways->waiting = way;
	if (way->action != NEXTHOP_FORWARD)
		return;
	if (ways->first == NULL)
		ways->first = way;
	ways->mtu = (uint16_t)(ways->n == 0 ? way->mtu : RTE_MIN(ways->mtu, way->mtu));
	ways->usable[ways->n++] = *member;
}

static void
find_ways(const struct nexthops *nexthops, uint32_t underlay, struct ways *ways)
{
	const struct cw_nexthop *object = nexthop_object(nexthops, underlay);
	const struct cw_member alone = {.nexthop = underlay, .weight = 1};

	memset(ways, 0, sizeof(*ways));
	if (object == NULL)
		return;
	if (object->kind != CW_NEXTHOP_GROUP) {
		add_way(nexthops, &alone, ways);
		return;
	}
	for (uint32_t i = 0; i < object->n_members; i++)
		add_way(nexthops, &object->members[i], ways);
}

static bool
is_multicast(const struct cw_ip *ip)
{
	return ip->family == 4 ? (ip->addr[0] & 0xf0) == 0xe0 : ip->addr[0] == 0xff;
}

// RFC 1112, 6.4; RFC 2464, 7.
static struct rte_ether_addr
multicast_mac(const struct cw_ip *ip)
{
	const uint8_t *a = ip->addr;

	if (ip->family == 4)
		return (struct rte_ether_addr){{0x01, 0x00, 0x5e, a[1] & 0x7f, a[2], a[3]}};
	return (struct rte_ether_addr){{0x33, 0x33, a[12], a[13], a[14], a[15]}};
}

// Groups are on link: whoever names no underlay means the vtep's own uplink.
static bool
find_multicast_way(const struct dataplane *dp, const struct vtep *vtep, const struct ways *ways,
	const struct cw_ip *group, struct nexthop *way)
{
	const struct dp_port *port =
		dp_port_get(dp, ways->first != NULL ? ways->first->out_port : vtep->port);
	const struct network *network = port == NULL ? NULL : dp_network(dp, port->network);
	const struct rte_ether_addr mac = multicast_mac(group);

	if (network == NULL)
		return false;
	memset(way, 0, sizeof(*way));
	nexthop_to_port(network, port, mac.addr_bytes, way);
	way->network = ways->first != NULL ? ways->first->network : port->network;
	return true;
}

static uint16_t
overhead(const struct nexthop_tunnel *tunnel)
{
	// The inner Ethernet header counts, the outer one does not.
	return (uint16_t)(tunnel->header_len - RTE_ETHER_HDR_LEN
			  + (tunnel->kind == CW_TUNNEL_VXLAN ? RTE_ETHER_HDR_LEN : 0));
}

static uint8_t *
put_ipv4(struct nexthop_tunnel *tunnel, const struct vtep *vtep, uint8_t *at, uint8_t proto)
{
	struct rte_ipv4_hdr ip = {
		.version_ihl = RTE_IPV4_VHL_DEF,
		// As Linux: of VXLAN and UDP only the inner packet's path MTU counts.
		.fragment_offset = proto == IPPROTO_IPIP ? RTE_BE16(RTE_IPV4_HDR_DF_FLAG) : 0,
		.time_to_live = vtep->ttl,
		.next_proto_id = proto,
	};

	memcpy(&ip.src_addr, vtep->address.addr, sizeof(ip.src_addr));
	memcpy(&ip.dst_addr, tunnel->remote.addr, sizeof(ip.dst_addr));
	tunnel->ip_sum = rte_raw_cksum(&ip, sizeof(ip));
	tunnel->udp_sum = checksum_pseudo4(&ip, proto, 0);
	memcpy(at, &ip, sizeof(ip));
	return at + sizeof(ip);
}

static uint8_t *
put_ipv6(struct nexthop_tunnel *tunnel, const struct vtep *vtep, uint8_t *at, uint8_t proto)
{
	struct rte_ipv6_hdr ip = {
		.vtc_flow = RTE_BE32(6u << 28),
		.proto = proto,
		.hop_limits = vtep->ttl,
	};

	memcpy(ipv6_src(&ip), vtep->address.addr, 16);
	memcpy(ipv6_dst(&ip), tunnel->remote.addr, 16);
	tunnel->udp_sum = checksum_pseudo6(&ip, proto, 0);
	memcpy(at, &ip, sizeof(ip));
	return at + sizeof(ip);
}

static uint8_t *
put_udp(struct nexthop_tunnel *tunnel, const struct vtep *vtep, uint8_t *at)
{
	const struct rte_udp_hdr udp = {.dst_port = vtep->udp_port};

	tunnel->udp_sum = checksum_fold((uint32_t)tunnel->udp_sum + udp.dst_port);
	memcpy(at, &udp, sizeof(udp));
	return at + sizeof(udp);
}

// RFC 7348, 5.
static uint8_t *
put_vxlan(struct nexthop_tunnel *tunnel, uint32_t vni, uint8_t *at)
{
	const rte_be32_t header[2] = {RTE_BE32(1u << 27), rte_cpu_to_be_32(vni << 8)};

	tunnel->udp_sum =
		checksum_fold((uint32_t)tunnel->udp_sum + rte_raw_cksum(header, sizeof(header)));
	memcpy(at, header, sizeof(header));
	return at + sizeof(header);
}

static void
fill_header(struct nexthop_tunnel *tunnel, const struct vtep *vtep, uint32_t vni)
{
	const uint8_t proto = vtep->kind == CW_TUNNEL_IPIP ? IPPROTO_IPIP : IPPROTO_UDP;
	uint8_t *at = tunnel->header + RTE_ETHER_HDR_LEN;
	const rte_be16_t ether_type =
		tunnel->outer_v6 ? RTE_BE16(RTE_ETHER_TYPE_IPV6) : RTE_BE16(RTE_ETHER_TYPE_IPV4);

	memcpy(at - sizeof(ether_type), &ether_type, sizeof(ether_type));
	at = tunnel->outer_v6 ? put_ipv6(tunnel, vtep, at, proto)
			      : put_ipv4(tunnel, vtep, at, proto);
	if (proto == IPPROTO_UDP)
		at = put_udp(tunnel, vtep, at);
	if (vtep->kind == CW_TUNNEL_VXLAN)
		at = put_vxlan(tunnel, vni, at);
	tunnel->header_len = (uint8_t)(at - tunnel->header);
}

static void
fill_tunnel(const struct cw_nexthop *object, const struct vtep *vtep, const struct network *network,
	struct nexthop_tunnel *tunnel)
{
	tunnel->kind = vtep->kind;
	tunnel->outer_v6 = object->via.family == 6;
	tunnel->checksum = tunnel->outer_v6 || (vtep->flags & CW_VTEP_CHECKSUM) != 0;
	tunnel->vtep = vtep->id;
	tunnel->remote = object->via;
	tunnel->remote_hash = nexthop_remote_hash(object->via.addr, tunnel->outer_v6);
	fill_header(tunnel, vtep, object->vni != 0 ? object->vni : network->vni);
}

static void
take_way(struct draft *draft, const struct nexthop *way, const struct network *network)
{
	struct nexthop *nexthop = &draft->nexthop;
	struct nexthop_tunnel *tunnel = &draft->tunnel;
	const uint32_t room = way->mtu;

	nexthop->out_port = way->out_port;
	tunnel->underlay_network = way->network;
	memcpy(tunnel->header, &way->header, sizeof(way->header));
	nexthop->mtu = room > (uint32_t)CW_MTU_MIN + overhead(tunnel)
			       ? (uint16_t)(room - overhead(tunnel))
			       : CW_MTU_MIN;
	nexthop->mtu = (uint16_t)RTE_MIN(nexthop->mtu, network->mtu);
}

static void
draft_inner_macs(const struct cw_nexthop *object, const struct vtep *vtep,
	const struct network *network, struct nexthop *nexthop)
{
	memcpy(&nexthop->header.dst, object->mac, sizeof(nexthop->header.dst));
	nexthop->header.src = rte_is_zero_ether_addr(&vtep->mac) ? network->router_mac : vtep->mac;
}

// Nobody to send to yet: the neighbour of an underlay is to be found, or an underlay at all.
static void
draft_waiting(const struct cw_nexthop *object, const struct ways *ways, struct draft *draft)
{
	const struct nexthop *waiting = ways->waiting;

	draft->nexthop.action = NEXTHOP_CONNECTED;
	draft->has_via = true;
	draft->via = object->via;
	if (waiting == NULL)
		return;
	draft->nexthop.id = waiting->id;
	draft->nexthop.network = waiting->network;
	if (waiting->via != NULL)
		draft->via = *waiting->via;
}

static void
share_load(const struct ways *ways, struct draft *draft)
{
	draft->n_members = ways->n;
	draft->size = nexthop_group_size(ways->usable, ways->n);
	memcpy(draft->members, ways->usable, ways->n * sizeof(ways->usable[0]));
}

void
nexthop_draft_tunnel(
	const struct nexthops *nexthops, const struct cw_nexthop *object, struct draft *draft)
{
	const struct vtep *vtep =
		nexthops->dp->vteps == NULL ? NULL : vtep_get(nexthops->dp->vteps, object->vtep);
	const struct network *network = dp_network(nexthops->dp, (uint16_t)object->network);
	struct nexthop way;
	struct ways ways;

	draft->nexthop.action = NEXTHOP_UNREACHABLE;
	if (vtep == NULL || network == NULL || vtep->address.family != object->via.family)
		return;
	find_ways(nexthops, object->underlay, &ways);
	if (is_multicast(&object->via)) {
		if (!find_multicast_way(nexthops->dp, vtep, &ways, &object->via, &way))
			return;
	} else if (ways.n == 0) {
		draft_waiting(object, &ways, draft);
		return;
	} else {
		way = *ways.first;
		way.mtu = ways.mtu;
		if (ways.n > 1)
			share_load(&ways, draft);
	}
	draft->nexthop.action = NEXTHOP_TUNNEL;
	draft->has_tunnel = true;
	draft_inner_macs(object, vtep, network, &draft->nexthop);
	fill_tunnel(object, vtep, network, &draft->tunnel);
	take_way(draft, &way, network);
}
