/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include <rte_malloc.h>

#include "objects_private.h"
#include "tables/fdb.h"
#include "tables/lpm.h"
#include "tables/neighbor.h"
#include "tables/nexthop.h"

#define DEFAULT_LEARN_AGE_S 300
#define DEFAULT_LEARN_LIMIT 4096

static void
free_network(void *arg)
{
	struct network *network = arg;

	rte_free((void *)(uintptr_t)network->flood);
	rte_free(network);
}

// The copy that workers see. All but flood list, host port and route tables comes from the object.
static void
fill(struct network *network, const struct cw_network *object)
{
	network->id = (uint16_t)object->id;
	network->mtu = object->mtu;
	network->vni = object->vni;
	memcpy(&network->router_mac, object->router_mac, sizeof(network->router_mac));
	network->learning = (object->flags & CW_NETWORK_LEARNING) != 0;
	network->resolve = (object->flags & CW_NETWORK_RESOLVE) != 0;
	network->learn_age_s = object->learn_age_s != 0 ? object->learn_age_s : DEFAULT_LEARN_AGE_S;
	network->learn_limit = object->learn_limit != 0 ? object->learn_limit : DEFAULT_LEARN_LIMIT;
	network->n_addresses = object->n_addresses;
	memcpy(network->addresses, object->addresses,
		object->n_addresses * sizeof(object->addresses[0]));
	memcpy(network->name, object->name, sizeof(network->name));
}

static bool
is_in(const struct dp_port *port, uint16_t network)
{
	if (port->network == network)
		return true;
	for (uint16_t i = 0; i < port->n_trunk + port->n_shared; i++)
		if (port->trunk[i].network == network)
			return true;
	return false;
}

// Whether a network's only tag at a port is one that routed sub-ports share.
static bool
is_routed_tag(const struct dataplane *dp, const struct dp_port *port, uint16_t network)
{
	const struct dp_port *sub;

	if (port->subports == NULL || port->network == network)
		return false;
	sub = dp_port_get(dp, dp_port_subport(port, dp_port_tag(port, network)));
	return sub != NULL && (sub->flags & CW_PORT_ROUTED) != 0;
}

static bool
gets_flooded(const struct dataplane *dp, const struct dp_port *port, uint16_t network)
{
	// Of those that share a tag the parent's copy reaches all.
	if ((port->flags & (CW_PORT_NO_FLOOD | CW_PORT_ROUTED | CW_PORT_SHARED_TAG)) != 0)
		return false;
	return is_in(port, network) && !is_routed_tag(dp, port, network);
}

static bool
is_routed_link(const struct dp_port *port, uint16_t network)
{
	return (port->flags & CW_PORT_ROUTED) != 0 && port->parent == 0 && is_in(port, network);
}

static uint16_t
routed_ports(const struct dataplane *dp, uint16_t network, uint16_t ids[CW_MAX_PORTS])
{
	uint16_t n = 0;

	for (uint16_t id = 1; id < CW_MAX_PORTS; id++) {
		const struct dp_port *port = dp_port_get(dp, id);

		if (port != NULL && is_routed_link(port, network))
			ids[n++] = id;
	}
	return n;
}

static uint16_t
flooded_ports(const struct dataplane *dp, uint16_t network, uint16_t ids[CW_MAX_PORTS],
	uint16_t *host_port)
{
	uint16_t n = 0;

	*host_port = 0;
	for (uint16_t id = 1; id < CW_MAX_PORTS; id++) {
		const struct dp_port *port = dp_port_get(dp, id);

		if (port == NULL)
			continue;
		if (gets_flooded(dp, port, network))
			ids[n++] = id;
		if (port->kind == CW_PORT_HOST && port->network == network)
			*host_port = id;
	}
	return n;
}

// Writes up to n next hops behind which other nodes get a copy; returns how many there are.
static uint16_t
flooded_nexthops(const struct objects *objects, uint16_t network, uint32_t *ids, uint16_t n)
{
	const struct object *object;
	uint16_t count = 0;

	for (object = LIST_FIRST(&objects->by_network[network]);
		object != NULL && count < UINT16_MAX; object = LIST_NEXT(object, network_link)) {
		if (object->key.type != CW_ITEM_FLOOD)
			continue;
		if (count < n)
			ids[count] = ((const struct cw_flood *)object->item)->nexthop;
		count++;
	}
	return count;
}

static struct flood_list *
flood_create(const struct objects *objects, uint16_t network, uint16_t *host_port)
{
	uint16_t ids[CW_MAX_PORTS], routed[CW_MAX_PORTS], n, n_remote, n_routed;
	struct flood_list *flood;
	uint32_t *remotes;
	size_t size;

	n = flooded_ports(objects->dp, network, ids, host_port);
	n_routed = routed_ports(objects->dp, network, routed);
	n_remote = flooded_nexthops(objects, network, NULL, 0);
	size = CW_ALIGN8(sizeof(*flood) + (size_t)(n + n_routed) * sizeof(ids[0]));
	flood = rte_zmalloc("flood list", size + n_remote * sizeof(remotes[0]), 0);
	if (flood == NULL)
		return NULL;
	flood->n = n;
	flood->n_routed = n_routed;
	flood->routed = flood->port + n;
	memcpy(flood->port, ids, n * sizeof(ids[0]));
	memcpy(flood->port + n, routed, n_routed * sizeof(ids[0]));
	remotes = (void *)((char *)flood + size);
	flood->n_remote = flooded_nexthops(objects, network, remotes, n_remote);
	flood->nexthop = remotes;
	return flood;
}

static struct network *
network_copy(struct objects *objects, uint16_t id)
{
	const struct network *old = dp_network(objects->dp, id);
	struct network *network = rte_zmalloc("network", sizeof(*network), RTE_CACHE_LINE_SIZE);

	if (network == NULL)
		return NULL;
	fill(network, (const struct cw_network *)objects->networks[id]->item);
	network->flood = flood_create(objects, id, &network->host_port);
	if (network->flood == NULL) {
		rte_free(network);
		return NULL;
	}
	if (old != NULL) {
		network->routes4 = old->routes4;
		network->routes6 = old->routes6;
	}
	return network;
}

static void
publish(struct objects *objects, uint16_t id, struct network *network)
{
	struct network *old = atomic_exchange(&objects->dp->networks[id], network);

	if (old != NULL)
		rcu_defer(objects->dp, free_network, old);
}

int
object_network_rebuild(struct objects *objects, uint16_t id)
{
	const struct network *old = dp_network(objects->dp, id);
	struct network *network = network_copy(objects, id);

	if (network == NULL)
		return -ENOMEM;
	if (old->host_port != network->host_port)
		objects->resolve = true;
	publish(objects, id, network);
	return 0;
}

// First time: its routing tables come with it.
static int
create(struct objects *objects, uint16_t id)
{
	struct network *network = network_copy(objects, id);

	if (network == NULL)
		return -ENOMEM;
	network->routes4 = lpm_table_create(objects->dp->lpm, 32);
	network->routes6 = lpm_table_create(objects->dp->lpm, 128);
	if (network->routes4 != NULL && network->routes6 != NULL) {
		publish(objects, id, network);
		return 0;
	}
	if (network->routes4 != NULL)
		lpm_table_free(network->routes4);
	if (network->routes6 != NULL)
		lpm_table_free(network->routes6);
	free_network(network);
	return -ENOMEM;
}

// Brings VNI, neighbours and connected routes of these router addresses to what the objects say
// now.
static int
refresh_addresses(struct objects *objects, const struct cw_network *network)
{
	int error, first = object_vni_refresh(objects, network->vni);

	for (uint16_t i = 0; i < network->n_addresses; i++) {
		error = object_neighbor_refresh(
			objects, (uint16_t)network->id, &network->addresses[i]);
		if (error == 0)
			error = object_route_refresh(
				objects, (uint16_t)network->id, &network->addresses[i]);
		if (first == 0)
			first = error;
	}
	return first;
}

static void
discard(struct objects *objects, uint16_t id)
{
	struct network *network = atomic_exchange(&objects->dp->networks[id], NULL);

	if (network == NULL)
		return;
	lpm_table_free(network->routes4);
	lpm_table_free(network->routes6);
	rcu_defer(objects->dp, free_network, network);
}

static int
unwind(struct objects *objects, const struct cw_network *failed, struct object *old)
{
	const uint16_t id = (uint16_t)failed->id;
	struct object *object = objects->networks[id];

	objects->networks[id] = old; // what refresh looks at
	if (old != NULL && object_network_rebuild(objects, id) != 0)
		objects_dirty_network(objects, id, NETWORK_DIRTY_COPY);
	refresh_addresses(objects, failed);
	if (old != NULL)
		refresh_addresses(objects, (const struct cw_network *)old->item);
	else
		discard(objects, id);
	objects->networks[id] = object;
	objects_changed(objects);
	return 0;
}

// Ports without an MTU of their own have the network's.
static void
republish_ports(struct objects *objects, uint16_t id)
{
	struct object *object;

	for (object = LIST_FIRST(&objects->by_network[id]); object != NULL;
		object = LIST_NEXT(object, network_link)) {
		if (object->key.type == CW_ITEM_PORT
			&& dp_port_get(objects->dp, (uint16_t)object->key.id) != NULL)
			object_port_publish(objects, (const struct cw_port *)object->item);
	}
}

int
object_network_apply(
	struct objects *objects, struct object *object, struct object *old, struct reason *why)
{
	const struct cw_network *network = (const struct cw_network *)object->item;
	const uint16_t id = (uint16_t)network->id;
	int error = old == NULL ? create(objects, id) : object_network_rebuild(objects, id);

	if (error != 0)
		return refuse(why, error, "network %s is not set: no memory", network->name);
	if (old != NULL)
		refresh_addresses(objects, (const struct cw_network *)old->item);
	error = refresh_addresses(objects, network);
	if (error != 0) {
		unwind(objects, network, old);
		if (error == -ENOSPC)
			objects_table_full(objects, CW_ITEM_NEIGHBOR, id);
		return refuse(why, error, "router addresses of network %s are not set: %s",
			network->name, error == -ENOSPC ? "the table is full" : strerror(-error));
	}
	if (old != NULL) {
		republish_ports(objects, id);
		objects_dirty_network(objects, id, NETWORK_DIRTY_COPY | NETWORK_DIRTY_NEIGHBORS);
	} else if (objects->n_trunks != 0) {
		object_ports_refresh_trunks(objects, id);
	}
	return 0;
}

void
object_network_remove(struct objects *objects, struct object *object)
{
	const struct cw_network *network = (const struct cw_network *)object->item;
	const uint16_t id = (uint16_t)network->id;

	for (uint16_t i = 0; i < network->n_addresses; i++)
		object_neighbor_refresh(objects, id, &network->addresses[i]);
	object_vni_refresh(objects, network->vni);
	fdb_flush_learned(objects->dp->fdb, id, UINT16_MAX);
	neighbors_flush(objects->dp->neighbors, NEIGHBOR_RESOLVED, id);
	if (objects->n_trunks != 0)
		object_ports_refresh_trunks(objects, id);
	discard(objects, id);
}
