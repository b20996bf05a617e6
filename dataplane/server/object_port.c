/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>

#include <rte_malloc.h>

#include "objects_private.h"
#include "packet.h"
#include "tables/fdb.h"
#include "worker_control.h"

bool
object_port_in_network(const struct cw_port *port, uint32_t network)
{
	if (port->network == network)
		return true;
	for (uint16_t i = 0; i < port->n_trunk; i++)
		if (port->trunk[i].network == network)
			return true;
	return false;
}

static int
one_host_port(struct objects *objects, const struct cw_port *port, struct reason *why)
{
	struct object *other;

	for (other = LIST_FIRST(&objects->by_network[port->network]); other != NULL;
		other = LIST_NEXT(other, network_link)) {
		const struct cw_port *item = (const struct cw_port *)other->item;

		if (other->key.type == CW_ITEM_PORT && item->kind == CW_PORT_HOST
			&& item->id != port->id)
			return refuse(why, -EEXIST, "network %u has host port %u (%s) already",
				port->network, item->id, item->name);
	}
	return 0;
}

int
object_port_refers(struct objects *objects, const struct cw_port *port, struct reason *why)
{
	int error = object_need_network(objects, port->network, "port network", why);

	for (uint16_t i = 0; error == 0 && i < port->n_trunk; i++)
		error = object_need_network(objects, port->trunk[i].network, "trunk network", why);
	if (error == 0 && port->kind == CW_PORT_HOST)
		error = one_host_port(objects, port, why);
	if (error == 0 && port->parent != 0)
		return object_subport_refers(objects, port, why);
	return error != 0 ? error : object_parent_refers(objects, port, why);
}

// Another parent or tag is another way to the pod.
static bool
subport_moves(const struct cw_port *old, const struct cw_port *port)
{
	return old->parent != port->parent
	       || (port->parent != 0
		       && (old->vlan != port->vlan
			       || ((old->flags ^ port->flags) & CW_PORT_SHARED_TAG) != 0));
}

// A device of our own is set up with them.
static bool
sets_up_device(const struct cw_port *old, const struct cw_port *port)
{
	if ((port->kind != CW_PORT_NIC && port->kind != CW_PORT_VF) || port->parent != 0)
		return false;
	return old->mtu != port->mtu
	       || ((port->flags & CW_PORT_UPLINK) != 0
		       && memcmp(old->mac, port->mac, sizeof(port->mac)) != 0);
}

bool
object_port_reopens(const struct cw_port *old, const struct cw_port *port)
{
	return old->generation != port->generation || old->kind != port->kind
	       || strcmp(old->args, port->args) != 0 || subport_moves(old, port)
	       || sets_up_device(old, port);
}

static int
compare_tags(const void *a, const void *b)
{
	return ((const struct cw_tag *)a)->vlan - ((const struct cw_tag *)b)->vlan;
}

// Tags whose network does not exist (any more) are left out.
static void
fill_trunk(const struct objects *objects, struct dp_port *copy, const struct cw_port *port,
	const struct cw_tag *shared, uint16_t n_shared)
{
	for (uint16_t i = 0; i < port->n_trunk; i++)
		if (objects->networks[port->trunk[i].network] != NULL)
			copy->trunk[copy->n_trunk++] = port->trunk[i];
	qsort(copy->trunk, copy->n_trunk, sizeof(copy->trunk[0]), compare_tags);
	memcpy(copy->trunk + copy->n_trunk, shared, n_shared * sizeof(shared[0]));
	copy->n_shared = n_shared;
}

static void
fill_endpoint(struct dp_port *copy, const struct cw_endpoint *endpoint)
{
	memcpy(&copy->mac, endpoint->mac, sizeof(copy->mac));
	copy->n_ips = endpoint->n_ips;
	memcpy(copy->ips, endpoint->ips, endpoint->n_ips * sizeof(endpoint->ips[0]));
}

static uint16_t
port_mtu(const struct objects *objects, const struct cw_port *port)
{
	const struct object *network = objects->networks[port->network];

	if (port->mtu != 0)
		return port->mtu;
	return network != NULL ? ((const struct cw_network *)network->item)->mtu : CW_MTU_DEFAULT;
}

static uint8_t
origin_of(const struct cw_port *port)
{
	if (port->kind == CW_PORT_HOST)
		return PACKET_FROM_HOST;
	return port->flags & CW_PORT_UPLINK ? PACKET_FROM_UPLINK : PACKET_FROM_PORT;
}

static void
fill(const struct objects *objects, struct dp_port *copy, const struct cw_port *port)
{
	const struct device *device = &objects->devices[port->id];

	copy->id = (uint16_t)port->id;
	copy->network = (uint16_t)port->network;
	copy->mtu = (uint16_t)RTE_MIN(port_mtu(objects, port), device->mtu_limit);
	copy->vlan = port->vlan;
	copy->kind = port->kind;
	copy->origin = origin_of(port);
	copy->flags = port->flags;
	copy->guard = port->guard;
	memcpy(&copy->mac, port->mac, sizeof(copy->mac));
	memcpy(copy->name, port->name, sizeof(copy->name));
	copy->parent = (uint16_t)port->parent;
	if (port->parent != 0) {
		object_subport_fill(objects, copy);
		return;
	}
	if ((port->flags & CW_PORT_UPLINK) != 0 && rte_is_zero_ether_addr(&copy->mac))
		copy->mac = device->port->mac;
	copy->capabilities = device->port->capabilities;
	copy->device = device->port;
	copy->subports = objects->subports[port->id];
}

int
object_port_publish(struct objects *objects, const struct cw_port *port)
{
	const struct object *endpoint = objects->endpoints[port->id];
	struct cw_tag shared[DP_TAGS];
	const uint16_t n_shared = object_subport_tags(objects, port, shared);
	struct dp_port *copy, *old;

	copy = rte_zmalloc("port",
		sizeof(*copy) + (port->n_trunk + (size_t)n_shared) * sizeof(copy->trunk[0]),
		RTE_CACHE_LINE_SIZE);
	if (copy == NULL)
		return -ENOMEM;
	fill(objects, copy, port);
	fill_trunk(objects, copy, port, shared, n_shared);
	if (endpoint != NULL)
		fill_endpoint(copy, (const struct cw_endpoint *)endpoint->item);
	old = atomic_exchange(&objects->dp->ports[port->id], copy);
	objects->resolve = true;
	if (copy->parent != 0)
		object_subport_tag(objects, copy, true);
	else
		object_subports_inherit(objects, copy, old);
	if (old != NULL)
		rcu_defer(objects->dp, rte_free, old);
	return 0;
}

void
object_port_unpublish(struct objects *objects, uint16_t id)
{
	struct dp_port *old;

	object_subports_unpublish(objects, id); // they are closed before it
	old = atomic_exchange(&objects->dp->ports[id], NULL);
	if (old == NULL)
		return;
	if (old->parent != 0)
		object_subport_tag(objects, old, false);
	objects_dirty_network(objects, old->network, NETWORK_DIRTY_COPY);
	for (uint16_t i = 0; i < old->n_trunk; i++)
		objects_dirty_network(objects, (uint16_t)old->trunk[i].network, NETWORK_DIRTY_COPY);
	rcu_defer(objects->dp, rte_free, old);
	objects->closing[objects->n_closing++] = id;
	objects_changed(objects);
}

static void
dirty_networks(struct objects *objects, const struct cw_port *port, uint8_t what)
{
	objects_dirty_network(objects, (uint16_t)port->network, what);
	for (uint16_t i = 0; i < port->n_trunk; i++)
		objects_dirty_network(objects, (uint16_t)port->trunk[i].network, what);
}

static int
start(struct objects *objects, const struct cw_port *port, struct reason *why)
{
	int error = device_start(objects, (uint16_t)port->id, why);

	if (error == 0) {
		object_subports_reopen(objects, (uint16_t)port->id);
		return 0;
	}
	object_port_unpublish(objects, (uint16_t)port->id);
	devices_settle(objects);
	return error;
}

static int
open_device(struct objects *objects, const struct cw_port *port, int *fds, uint16_t n,
	struct reason *why)
{
	int error = device_open(objects, port, fds, n, why);

	if (error != 0)
		return error;
	error = object_port_publish(objects, port);
	if (error == 0)
		return 0;
	objects->closing[objects->n_closing++] = (uint16_t)port->id;
	devices_settle(objects);
	return refuse(why, error, "port %s is not set: no memory", port->name);
}

// Replaces the device; frames for the port are dropped meanwhile.
static int
reopen(struct objects *objects, const struct cw_port *port, int *fds, uint16_t n,
	struct reason *why)
{
	int error;

	object_port_unpublish(objects, (uint16_t)port->id);
	devices_settle(objects);
	if (port->parent != 0)
		return object_subport_open(objects, port, why);
	error = open_device(objects, port, fds, n, why);
	return error == 0 ? start(objects, port, why) : error;
}

// Its counters go with a port that has no device.
static void
forget_counters(struct objects *objects, uint16_t id)
{
	if (!object_port_is_open(objects, id))
		worker_port_forget(objects->dp, id);
}

static void
forget_left_network(struct objects *objects, uint32_t network, const struct cw_port *port)
{
	struct object *object, *next;

	if (object_port_in_network(port, network))
		return;
	fdb_flush_learned(objects->dp->fdb, (uint16_t)network, (uint16_t)port->id);
	for (object = LIST_FIRST(&objects->by_port[port->id]); object != NULL; object = next) {
		next = LIST_NEXT(object, port_link);
		if (object->network == network && object->key.type != CW_ITEM_PORT
			&& object->key.type != CW_ITEM_VTEP)
			object_remove(objects, object);
	}
}

// What was said of the port in networks that it is not in any more goes. A vtep's network is the
// one that its packets enter: its port need not be in it.
static void
forget_left_networks(
	struct objects *objects, const struct cw_port *former, const struct cw_port *port)
{
	forget_left_network(objects, former->network, port);
	for (uint16_t i = 0; i < former->n_trunk; i++)
		forget_left_network(objects, former->trunk[i].network, port);
}

int
object_port_apply(struct objects *objects, struct object *object, struct object *old, int *fds,
	uint16_t n, struct reason *why)
{
	const struct cw_port *port = (const struct cw_port *)object->item;
	const struct cw_port *former = old != NULL ? (const struct cw_port *)old->item : NULL;
	int error;

	if (former == NULL || !object_port_is_open(objects, port->id)
		|| object_port_reopens(former, port))
		error = reopen(objects, port, fds, n, why);
	else if ((error = object_port_publish(objects, port)) != 0)
		error = refuse(why, error, "port %s is not set: no memory", port->name);
	if (error != 0) {
		if (former == NULL)
			forget_counters(objects, (uint16_t)port->id);
		return error;
	}
	if (former != NULL) {
		objects->n_trunks -= former->n_trunk != 0;
		dirty_networks(objects, former, NETWORK_DIRTY_COPY | NETWORK_DIRTY_NEIGHBORS);
		forget_left_networks(objects, former, port);
	}
	objects->n_trunks += port->n_trunk != 0;
	dirty_networks(objects, port,
		former != NULL ? NETWORK_DIRTY_COPY | NETWORK_DIRTY_NEIGHBORS : NETWORK_DIRTY_COPY);
	return 0;
}

void
object_port_remove(struct objects *objects, struct object *object)
{
	const struct cw_port *port = (const struct cw_port *)object->item;

	objects->n_trunks -= port->n_trunk != 0;
	object_port_unpublish(objects, (uint16_t)port->id);
	forget_counters(objects, (uint16_t)port->id);
	if (objects->subports[port->id] == NULL)
		return;
	rcu_defer(objects->dp, rte_free, objects->subports[port->id]);
	objects->subports[port->id] = NULL;
}

void
object_ports_refresh_trunks(struct objects *objects, uint32_t network)
{
	for (uint16_t id = 1; id < CW_MAX_PORTS; id++) {
		const struct cw_port *port = objects_port(objects, id);

		if (port == NULL || port->n_trunk == 0 || objects->devices[id].port == NULL
			|| dp_port_get(objects->dp, id) == NULL
			|| !object_port_in_network(port, network))
			continue;
		object_port_publish(objects, port);
		objects_dirty_network(objects, (uint16_t)network, NETWORK_DIRTY_COPY);
	}
}
