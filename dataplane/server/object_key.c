/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>

#include "objects_private.h"

void
object_key_ip(struct object_key *key, uint16_t type, uint32_t network, const struct cw_ip *ip)
{
	const uint8_t bytes = ip->family == 4 ? 4 : 16;

	*key = (struct object_key){.type = type, .family = ip->family, .id = network};
	memcpy(key->bytes, ip->addr, bytes);
}

void
object_key_mac(struct object_key *key, uint16_t type, uint32_t network, const uint8_t mac[6])
{
	*key = (struct object_key){.type = type, .id = network};
	memcpy(key->bytes, mac, 6);
}

// Bits beyond the prefix do not count.
static void
key_prefix(struct object_key *key, const struct cw_route *route)
{
	const uint8_t bits = route->prefix.family == 4 ? 32 : 128;

	object_key_ip(key, CW_ITEM_ROUTE, route->network, &route->prefix);
	key->prefix = route->prefix.prefix;
	for (unsigned int bit = key->prefix; bit < bits; bit++)
		key->bytes[bit / 8] &= (uint8_t) ~(0x80u >> bit % 8);
}

void
object_key_of(const struct cw_item *item, struct object_key *key)
{
	*key = (struct object_key){.type = item->type};
	switch (item->type) {
	case CW_ITEM_NETWORK:
		key->id = ((const struct cw_network *)item)->id;
		break;
	case CW_ITEM_PORT:
		key->id = ((const struct cw_port *)item)->id;
		break;
	case CW_ITEM_ENDPOINT:
		key->id = ((const struct cw_endpoint *)item)->port;
		break;
	case CW_ITEM_NEXTHOP:
		key->id = ((const struct cw_nexthop *)item)->id;
		break;
	case CW_ITEM_VTEP:
		key->id = ((const struct cw_vtep *)item)->id;
		break;
	case CW_ITEM_FLOOD:
		key->id = ((const struct cw_flood *)item)->network;
		memcpy(key->bytes, &((const struct cw_flood *)item)->nexthop, sizeof(uint32_t));
		break;
	case CW_ITEM_FDB:
		object_key_mac(key, item->type, ((const struct cw_fdb *)item)->network,
			((const struct cw_fdb *)item)->mac);
		break;
	case CW_ITEM_NEIGHBOR:
		object_key_ip(key, item->type, ((const struct cw_neighbor *)item)->network,
			&((const struct cw_neighbor *)item)->ip);
		break;
	case CW_ITEM_ROUTE:
		key_prefix(key, (const struct cw_route *)item);
		break;
	default:
		break;
	}
}

static void
nexthop_references(const struct cw_nexthop *nexthop, uint16_t *network, uint16_t *port)
{
	if (nexthop->kind == CW_NEXTHOP_PORT || nexthop->kind == CW_NEXTHOP_VIA
		|| nexthop->kind == CW_NEXTHOP_HOST || nexthop->kind == CW_NEXTHOP_TUNNEL)
		*network = (uint16_t)nexthop->network;
	if (nexthop->kind == CW_NEXTHOP_PORT)
		*port = (uint16_t)nexthop->port;
}

static void
vtep_references(const struct cw_vtep *vtep, uint16_t *network, uint16_t *port)
{
	if (vtep->kind != CW_TUNNEL_VXLAN)
		*network = (uint16_t)vtep->network;
	if (vtep->port != 0)
		*port = (uint16_t)vtep->port;
}

// Behind a next hop there is no port.
static inline uint16_t
port_reference(uint32_t port)
{
	return port != 0 ? (uint16_t)port : NO_REFERENCE;
}

void
object_references(const struct cw_item *item, uint16_t *network, uint16_t *port)
{
	*network = NO_REFERENCE;
	*port = NO_REFERENCE;
	switch (item->type) {
	case CW_ITEM_PORT:
		*network = (uint16_t)((const struct cw_port *)item)->network;
		*port = port_reference(((const struct cw_port *)item)->parent);
		break;
	case CW_ITEM_ENDPOINT:
		*network = (uint16_t)((const struct cw_endpoint *)item)->network;
		*port = (uint16_t)((const struct cw_endpoint *)item)->port;
		break;
	case CW_ITEM_FDB:
		*network = (uint16_t)((const struct cw_fdb *)item)->network;
		*port = port_reference(((const struct cw_fdb *)item)->port);
		break;
	case CW_ITEM_NEIGHBOR:
		*network = (uint16_t)((const struct cw_neighbor *)item)->network;
		*port = port_reference(((const struct cw_neighbor *)item)->port);
		break;
	case CW_ITEM_NEXTHOP:
		nexthop_references((const struct cw_nexthop *)item, network, port);
		break;
	case CW_ITEM_ROUTE:
		*network = (uint16_t)((const struct cw_route *)item)->network;
		break;
	case CW_ITEM_VTEP:
		vtep_references((const struct cw_vtep *)item, network, port);
		break;
	case CW_ITEM_FLOOD:
		*network = (uint16_t)((const struct cw_flood *)item)->network;
		break;
	default:
		break;
	}
}

enum pass {
	PASS_NETWORK,
	PASS_PORT,
	PASS_SUBPORT,
	PASS_ENDPOINT,
	PASS_VTEP,
	PASS_NEXTHOP,
	PASS_GROUP, // of what is no tunnel
	PASS_TUNNEL,
	PASS_TUNNEL_GROUP,
	PASS_LEAF, // what only refers to others
};
static_assert(PASS_LEAF + 1 == OBJECT_PASSES, "passes");

static enum pass
nexthop_pass(const struct cw_nexthop *nexthop)
{
	if (nexthop->kind == CW_NEXTHOP_TUNNEL)
		return PASS_TUNNEL;
	if (nexthop->kind != CW_NEXTHOP_GROUP)
		return PASS_NEXTHOP;
	return (nexthop->flags & CW_NEXTHOP_OF_TUNNELS) != 0 ? PASS_TUNNEL_GROUP : PASS_GROUP;
}

unsigned int
object_pass(const struct cw_item *item)
{
	switch (item->type) {
	case CW_ITEM_NETWORK:
		return PASS_NETWORK;
	case CW_ITEM_PORT:
		return ((const struct cw_port *)item)->parent != 0 ? PASS_SUBPORT : PASS_PORT;
	case CW_ITEM_ENDPOINT:
		return PASS_ENDPOINT;
	case CW_ITEM_VTEP:
		return PASS_VTEP;
	case CW_ITEM_NEXTHOP:
		return nexthop_pass((const struct cw_nexthop *)item);
	default:
		return PASS_LEAF;
	}
}

const char *
object_ip_text(const struct cw_ip *ip, char text[64])
{
	char address[INET6_ADDRSTRLEN] = "?";

	inet_ntop(ip->family == 4 ? AF_INET : AF_INET6, ip->addr, address, sizeof(address));
	snprintf(text, 64, "%s/%u", address, ip->prefix);
	return text;
}

const char *
object_mac_text(const uint8_t mac[6], char text[32])
{
	snprintf(text, 32, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4],
		mac[5]);
	return text;
}
