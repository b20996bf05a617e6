/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "objects_private.h"
#include "tables/fdb.h"
#include "tables/lpm.h"
#include "tables/neighbor.h"
#include "tables/nexthop.h"

// Several objects can speak of one address or prefix. These functions put into the table what wins,
// so that the order in which objects come and go does not matter.

#define RECLAIM_EVERY 4096 // route changes

static bool
has_router_address(const struct cw_network *network, const struct cw_ip *ip)
{
	for (uint16_t i = 0; network != NULL && i < network->n_addresses; i++)
		if (network->addresses[i].family == ip->family
			&& memcmp(network->addresses[i].addr, ip->addr, sizeof(ip->addr)) == 0)
			return true;
	return false;
}

static const struct cw_endpoint *
owner_of(const struct objects *objects, const struct object_key *key)
{
	const struct object *owner = object_find(objects, key);

	if (owner == NULL || objects->endpoints[owner->port] == NULL)
		return NULL;
	return (const struct cw_endpoint *)objects->endpoints[owner->port]->item;
}

static int
neighbor_remove(struct objects *objects, uint16_t network, const struct cw_ip *ip)
{
	const struct neighbors *neighbors = objects->dp->neighbors;
	const struct neighbor *known;
	rte_be32_t ip4;

	memcpy(&ip4, ip->addr, sizeof(ip4));
	known = ip->family == 4 ? neighbor_lookup4(neighbors, network, ip4)
				: neighbor_lookup6(neighbors, network, ip->addr);
	if (known == NULL)
		return 0;
	objects_changed(objects);
	return neighbor_del(objects->dp->neighbors, known->kind, network, ip);
}

static int
neighbor_put(struct objects *objects, uint8_t kind, uint16_t network, const struct cw_ip *ip,
	const uint8_t mac[6], uint32_t port)
{
	struct rte_ether_addr address;

	memcpy(&address, mac, sizeof(address));
	objects_changed(objects);
	return neighbor_set(objects->dp->neighbors, kind, network, ip, &address, (uint16_t)port);
}

static int
neighbor_put_behind(struct objects *objects, uint16_t network, const struct cw_ip *ip,
	const struct cw_neighbor *neighbor)
{
	struct rte_ether_addr address;

	memcpy(&address, neighbor->mac, sizeof(address));
	objects_changed(objects);
	return neighbor_set_behind(
		objects->dp->neighbors, NEIGHBOR_STATIC, network, ip, &address, neighbor->nexthop);
}

int
object_neighbor_refresh(struct objects *objects, uint16_t network, const struct cw_ip *ip)
{
	const struct cw_network *object = objects_network(objects, network);
	const struct cw_neighbor *neighbor;
	const struct cw_endpoint *endpoint;
	const struct object *found;
	struct object_key key;

	if (has_router_address(object, ip))
		return neighbor_put(objects, NEIGHBOR_ROUTER, network, ip, object->router_mac, 0);
	object_key_ip(&key, OBJECT_OWNER_IP, network, ip);
	endpoint = owner_of(objects, &key);
	if (endpoint != NULL)
		return neighbor_put(
			objects, NEIGHBOR_ENDPOINT, network, ip, endpoint->mac, endpoint->port);
	object_key_ip(&key, CW_ITEM_NEIGHBOR, network, ip);
	found = object_find(objects, &key);
	if (found == NULL)
		return neighbor_remove(objects, network, ip);
	neighbor = (const struct cw_neighbor *)found->item;
	if (neighbor->nexthop != 0)
		return neighbor_put_behind(objects, network, ip, neighbor);
	return neighbor_put(objects, NEIGHBOR_STATIC, network, ip, neighbor->mac, neighbor->port);
}

int
object_fdb_refresh(struct objects *objects, uint16_t network, const uint8_t mac[6])
{
	const struct cw_endpoint *endpoint;
	const struct object *found;
	struct rte_ether_addr address;
	const struct cw_fdb *fdb;
	struct object_key key;
	int error;

	memcpy(&address, mac, sizeof(address));
	objects_changed(objects);
	object_key_mac(&key, OBJECT_OWNER_MAC, network, mac);
	endpoint = owner_of(objects, &key);
	if (endpoint != NULL)
		return fdb_set(
			objects->dp->fdb, network, &address, (uint16_t)endpoint->port, false, 0);
	object_key_mac(&key, CW_ITEM_FDB, network, mac);
	found = object_find(objects, &key);
	fdb = found != NULL ? (const struct cw_fdb *)found->item : NULL;
	if (fdb != NULL && fdb->nexthop != 0)
		return fdb_set_behind(objects->dp->fdb, network, &address, fdb->nexthop, false, 0);
	if (fdb != NULL)
		return fdb_set(objects->dp->fdb, network, &address, found->port, false, 0);
	error = fdb_del(objects->dp->fdb, network, &address);
	return error == -ENOENT ? 0 : error;
}

static bool
same_prefix(const struct cw_ip *a, const struct cw_ip *b)
{
	const unsigned int bytes = a->prefix / 8u, bits = a->prefix % 8u;
	const uint8_t mask = (uint8_t)(0xff00u >> bits);

	if (a->family != b->family || a->prefix != b->prefix
		|| memcmp(a->addr, b->addr, bytes) != 0)
		return false;
	return bits == 0 || ((a->addr[bytes] ^ b->addr[bytes]) & mask) == 0;
}

// Whether hosts of the prefix are on link. A router address without a subnet makes none.
static bool
is_connected(const struct cw_network *network, const struct cw_ip *prefix)
{
	if (prefix->prefix == (prefix->family == 4 ? 32 : 128))
		return false;
	for (uint16_t i = 0; i < network->n_addresses; i++)
		if (same_prefix(prefix, &network->addresses[i]))
			return true;
	return false;
}

static uint32_t
wanted_nexthop(
	const struct objects *objects, const struct cw_network *network, const struct cw_ip *prefix)
{
	const struct cw_route route = {
		.item = {.type = CW_ITEM_ROUTE},
		.network = network->id,
		.prefix = *prefix,
	};
	const struct object *found;
	struct object_key key;

	object_key_of(&route.item, &key);
	found = object_find(objects, &key);
	if (found != NULL)
		return ((const struct cw_route *)found->item)->nexthop;
	return is_connected(network, prefix) ? NEXTHOP_OWN_CONNECTED(network->id) : LPM_MISS;
}

int
object_route_refresh(struct objects *objects, uint16_t network, const struct cw_ip *prefix)
{
	const struct cw_network *object = objects_network(objects, network);
	const struct network *published = dp_network(objects->dp, network);
	struct lpm_table *table;
	uint32_t nexthop;
	int error;

	if (object == NULL || published == NULL) // goes with its network
		return 0;
	if (++objects->route_changes % RECLAIM_EVERY == 0)
		lpm_reclaim(objects->dp->lpm);
	table = prefix->family == 4 ? published->routes4 : published->routes6;
	nexthop = wanted_nexthop(objects, object, prefix);
	if (nexthop != LPM_MISS)
		return lpm_set(table, prefix->addr, prefix->prefix, nexthop);
	error = lpm_del(table, prefix->addr, prefix->prefix);
	return error == -ENOENT ? 0 : error;
}

int
object_fdb_refers(struct objects *objects, const struct cw_fdb *fdb, struct reason *why)
{
	int error = object_need_network(objects, fdb->network, "fdb network", why);

	if (error == 0 && fdb->nexthop != 0)
		return object_need_tunnel(objects, fdb->nexthop, "fdb nexthop", why);
	return error != 0 ? error : object_need_port(objects, fdb->port, "fdb port", why);
}

int
object_neighbor_refers(
	struct objects *objects, const struct cw_neighbor *neighbor, struct reason *why)
{
	int error = object_need_network(objects, neighbor->network, "neighbor network", why);

	if (error == 0 && neighbor->nexthop != 0)
		return object_need_tunnel(objects, neighbor->nexthop, "neighbor nexthop", why);
	return error != 0 ? error : object_need_port(objects, neighbor->port, "neighbor port", why);
}
