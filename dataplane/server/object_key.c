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
		|| nexthop->kind == CW_NEXTHOP_HOST)
		*network = (uint16_t)nexthop->network;
	if (nexthop->kind == CW_NEXTHOP_PORT)
		*port = (uint16_t)nexthop->port;
}

void
object_references(const struct cw_item *item, uint16_t *network, uint16_t *port)
{
	*network = NO_REFERENCE;
	*port = NO_REFERENCE;
	switch (item->type) {
	case CW_ITEM_PORT:
		*network = (uint16_t)((const struct cw_port *)item)->network;
		break;
	case CW_ITEM_ENDPOINT:
		*network = (uint16_t)((const struct cw_endpoint *)item)->network;
		*port = (uint16_t)((const struct cw_endpoint *)item)->port;
		break;
	case CW_ITEM_FDB:
		*network = (uint16_t)((const struct cw_fdb *)item)->network;
		*port = (uint16_t)((const struct cw_fdb *)item)->port;
		break;
	case CW_ITEM_NEIGHBOR:
		*network = (uint16_t)((const struct cw_neighbor *)item)->network;
		*port = (uint16_t)((const struct cw_neighbor *)item)->port;
		break;
	case CW_ITEM_NEXTHOP:
		nexthop_references((const struct cw_nexthop *)item, network, port);
		break;
	case CW_ITEM_ROUTE:
		*network = (uint16_t)((const struct cw_route *)item)->network;
		break;
	default:
		break;
	}
}

unsigned int
object_pass(const struct cw_item *item)
{
	if (item->type == CW_ITEM_NEXTHOP)
		return ((const struct cw_nexthop *)item)->kind == CW_NEXTHOP_GROUP ? 6 : 5;
	return item->type == CW_ITEM_ROUTE ? 7 : (unsigned int)item->type - CW_ITEM_NETWORK;
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
