/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include <rte_malloc.h>

#include "dataplane.h"
#include "neighbor.h"
#include "nexthop_private.h"

void
nexthop_to_port(const struct network *network, const struct dp_port *port, const uint8_t mac[6],
	struct nexthop *nexthop)
{
	nexthop->action = NEXTHOP_FORWARD;
	nexthop->out_port = port->id;
	memcpy(&nexthop->header.dst, mac, sizeof(nexthop->header.dst));
	nexthop->header.src = network->router_mac;
	nexthop->mtu = (uint16_t)RTE_MIN(network->mtu, port->mtu);
	if (!rte_is_zero_ether_addr(dp_port_own_mac(port)))
		nexthop->header.src = *dp_port_own_mac(port);
	if ((port->flags & CW_PORT_UPLINK) != 0)
		nexthop->mtu = port->mtu; // other nodes keep to the wire's, whatever pods have
}

static void
draft_connected(struct draft *draft, const struct cw_ip *via)
{
	draft->nexthop.action = NEXTHOP_CONNECTED;
	draft->has_via = via->family != 0;
	draft->via = *via;
}

static const struct neighbor *
neighbor_of(const struct dataplane *dp, uint16_t network, const struct cw_ip *ip)
{
	rte_be32_t word;

	if (ip->family == 6)
		return neighbor_lookup6(dp->neighbors, network, ip->addr);
	memcpy(&word, ip->addr, sizeof(word));
	return neighbor_lookup4(dp->neighbors, network, word);
}

// The object says no MAC, but the gateway may be known as a neighbour at that port.
static void
draft_unresolved(const struct dataplane *dp, const struct cw_nexthop *object, struct draft *draft)
{
	const struct neighbor *gateway = neighbor_of(dp, draft->nexthop.network, &object->via);

	if (object->via.family != 0 && gateway != NULL && gateway->port == object->port
		&& gateway->nexthop.action == NEXTHOP_FORWARD)
		draft->nexthop.header.dst = gateway->mac;
	else
		draft_connected(draft, &object->via);
}

static void
draft_port(const struct dataplane *dp, const struct cw_nexthop *object, struct draft *draft)
{
	static const uint8_t unresolved[6];
	const struct network *network = dp_network(dp, (uint16_t)object->network);
	const struct dp_port *port = dp_port_get(dp, (uint16_t)object->port);
	struct nexthop *nexthop = &draft->nexthop;

	nexthop->action = NEXTHOP_FORWARD;
	nexthop->out_port = (uint16_t)object->port;
	memcpy(&nexthop->header.dst, object->mac, sizeof(nexthop->header.dst));
	if (network != NULL)
		nexthop->header.src = network->router_mac;
	if (network != NULL && port != NULL)
		nexthop_to_port(network, port, object->mac, nexthop);
	if (memcmp(object->mac, unresolved, sizeof(unresolved)) == 0)
		draft_unresolved(dp, object, draft);
}

// Without a host port out_port stays 0.
static void
draft_host(const struct dataplane *dp, struct nexthop *nexthop)
{
	const struct network *network = dp_network(dp, nexthop->network);
	const struct dp_port *port;

	nexthop->action = NEXTHOP_HOST;
	if (network == NULL || network->host_port == 0)
		return;
	nexthop->header.src = network->router_mac;
	nexthop->mtu = network->mtu;
	port = dp_port_get(dp, network->host_port);
	if (port == NULL)
		return;
	nexthop->out_port = network->host_port;
	nexthop->header.dst = port->mac;
	nexthop->mtu = port->mtu;
}

void
nexthop_draft_alias(struct draft *draft, uint32_t id)
{
	draft->nexthop.action = NEXTHOP_GROUP;
	draft->size = 1;
	draft->n_members = 1;
	draft->members[0] = (struct cw_member){.nexthop = id, .weight = 1};
}

static void
draft_via(const struct dataplane *dp, const struct cw_nexthop *object, struct draft *draft)
{
	const struct neighbor *neighbor = neighbor_of(dp, draft->nexthop.network, &object->via);

	if (neighbor == NULL)
		draft_connected(draft, &object->via);
	else if (neighbor->nexthop.action == NEXTHOP_FORWARD)
		draft->nexthop = neighbor->nexthop;
	else if (neighbor->nexthop.action == NEXTHOP_GROUP)
		nexthop_draft_alias(draft, neighbor->behind);
	else if (neighbor->nexthop.action == NEXTHOP_LOCAL)
		draft->nexthop.action = NEXTHOP_UNREACHABLE; // the router is no next hop of its own
	else
		draft_connected(draft, &object->via);
}

static void
limit_mtu(const struct cw_nexthop *object, struct nexthop *nexthop)
{
	if (object->mtu != 0 && (nexthop->mtu == 0 || object->mtu < nexthop->mtu))
		nexthop->mtu = object->mtu;
}

void
nexthop_draft(const struct nexthops *nexthops, const struct cw_nexthop *object, struct draft *draft)
{
	struct nexthop *nexthop = &draft->nexthop;

	memset(draft, 0, offsetof(struct draft, members));
	nexthop->network = (uint16_t)object->network;
	nexthop->mtu = CW_MTU_MAX;
	nexthop->id = object->id;
	switch (object->kind) {
	case CW_NEXTHOP_PORT:
		draft_port(nexthops->dp, object, draft);
		break;
	case CW_NEXTHOP_VIA:
		draft_via(nexthops->dp, object, draft);
		nexthop->id = object->id;
		break;
	case CW_NEXTHOP_HOST:
		draft_host(nexthops->dp, nexthop);
		break;
	case CW_NEXTHOP_TUNNEL:
		nexthop_draft_tunnel(nexthops, object, draft);
		break;
	case CW_NEXTHOP_BLACKHOLE:
		nexthop->action = NEXTHOP_BLACKHOLE;
		break;
	case CW_NEXTHOP_UNREACHABLE:
		nexthop->action = NEXTHOP_UNREACHABLE;
		break;
	default:
		nexthop->action = NEXTHOP_PROHIBIT;
		break;
	}
	limit_mtu(object, nexthop);
}

struct published *
nexthop_make(const struct nexthops *nexthops, const struct draft *draft)
{
	struct published *published =
		rte_zmalloc_socket("nexthop", sizeof(*published) + draft->size * sizeof(uint32_t),
			RTE_CACHE_LINE_SIZE, nexthops->socket_id);
	struct nexthop *nexthop;

	if (published == NULL)
		return NULL;
	nexthop = &published->nexthop;
	*nexthop = draft->nexthop;
	published->via = draft->via;
	published->tunnel = draft->tunnel;
	nexthop->group = NULL;
	nexthop->via = draft->has_via ? &published->via : NULL;
	nexthop->tunnel = draft->has_tunnel ? &published->tunnel : NULL;
	if (draft->size == 0)
		return published;
	nexthop_group_fill(&published->group, draft->members, draft->n_members, draft->size);
	if (draft->has_tunnel)
		published->tunnel.underlay = &published->group;
	else
		nexthop->group = &published->group;
	return published;
}

static bool
same_group(const struct published *published, const struct draft *draft)
{
	const struct nexthop_group *group =
		draft->has_tunnel ? published->tunnel.underlay : published->nexthop.group;

	if (draft->size == 0 || group == NULL)
		return draft->size == 0 && group == NULL;
	// That of several members would have to be filled to tell.
	return draft->size == 1 && group->mask == 0
	       && group->bucket[0] == draft->members[0].nexthop;
}

bool
nexthop_says_the_same(const struct published *published, const struct draft *draft)
{
	const struct nexthop *old = &published->nexthop, *new = &draft->nexthop;

	return memcmp(old, new, offsetof(struct nexthop, group)) == 0 && old->id == new->id
	       && (old->via != NULL) == draft->has_via &&same_group(published, draft)
	       && memcmp(&published->via, &draft->via, sizeof(draft->via)) == 0
	       && (old->tunnel != NULL) == draft->has_tunnel
	       && (!draft->has_tunnel
		       || memcmp(&published->tunnel, &draft->tunnel, sizeof(draft->tunnel)) == 0);
}
