/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

#include "address_text.h"
#include "mirror/plan_private.h"

static const struct mirror_device *
vxlan_of(const struct plan *plan, int32_t ifindex)
{
	const struct mirror_device *device = device_of(plan, ifindex);

	if (device == NULL || device->role != DEVICE_TUNNEL
		|| device->link->kind != KERNEL_LINK_VXLAN)
		return NULL;
	return device;
}

static uint8_t
origin_of(const struct mirror_device *device)
{
	return plan_origin(0, device->link);
}

// The next hop for frames to a peer, or, with a MAC, for packets to a station there; 0: none.
static uint32_t
peer(struct plan *plan, const struct mirror_device *device, uint32_t network,
	const struct cw_ip *remote, uint32_t vni, const uint8_t mac[6])
{
	struct node_key key = {
		.kind = NODE_REMOTE,
		.network = network,
		.vni = vni,
		.ifindex = device->ifindex,
		.remote = ip_host(remote),
	};
	const struct node *node;

	if (mac != NULL)
		memcpy(key.mac, mac, sizeof(key.mac));
	node = node_get(plan, &key, origin_of(device));
	return node != NULL && node->is_usable ? node->id : 0;
}

static void
add_fdb(void *arg, const void *entry)
{
	const struct kernel_fdb *fdb = entry;
	struct plan *plan = arg;
	const struct mirror_device *device = vxlan_of(plan, fdb->ifindex);
	uint32_t network, vni, nexthop;
	struct cw_ip remote;
	struct fdb *wanted;

	if (device == NULL || mac_is_multicast(fdb->mac)
		|| !resolve_remote_of(plan, device->link, fdb, &remote, &vni))
		return;
	network = network_of_vni(plan, fdb->source_vni != 0 ? fdb->source_vni : device->link->vni);
	if (network == UINT32_MAX)
		return;
	nexthop = peer(plan, device, network, &remote, vni, NULL);
	if (nexthop == 0)
		return;
	wanted = object_new(OBJECT_FDB, sizeof(*wanted));
	if (wanted == NULL)
		return;
	wanted->object.origin = origin_of(device);
	wanted->network = network;
	wanted->nexthop = nexthop;
	memcpy(wanted->mac, fdb->mac, sizeof(wanted->mac));
	plan_put(plan, &wanted->object);
}

static void
add_neighbor(void *arg, const void *entry)
{
	const struct kernel_neighbor *neighbor = entry;
	struct plan *plan = arg;
	const struct mirror_device *device = vxlan_of(plan, neighbor->ifindex);
	uint32_t network, vni, nexthop;
	struct neighbor *wanted;
	struct cw_ip remote;

	if (device == NULL || !neighbor_is_valid(neighbor) || !ip_is_unicast(&neighbor->ip)
		|| mac_is_multicast(neighbor->mac))
		return;
	network = network_of_vni(plan, device->link->vni);
	if (network == UINT32_MAX
		|| !resolve_remote_of(plan, device->link,
			tables_fdb(plan->tables, device->ifindex, neighbor->mac), &remote, &vni))
		return;
	nexthop = peer(plan, device, network, &remote, vni, neighbor->mac);
	if (nexthop == 0)
		return;
	wanted = object_new(OBJECT_NEIGHBOR, sizeof(*wanted));
	if (wanted == NULL)
		return;
	wanted->object.origin = origin_of(device);
	wanted->network = network;
	wanted->nexthop = nexthop;
	wanted->ip = ip_host(&neighbor->ip);
	memcpy(wanted->mac, neighbor->mac, sizeof(wanted->mac));
	plan_put(plan, &wanted->object);
}

// --- tunnels that users configured without their way through the underlay

static int
complete_tunnel(void *arg, struct object *object)
{
	const struct nexthop *nexthop = (const struct nexthop *)object;
	struct plan *plan = arg;
	struct nexthop *found;
	struct node *underlay;
	uint32_t id;

	if (plan_owns(object) || nexthop->kind != CW_NEXTHOP_TUNNEL || nexthop->underlay != 0
		|| ip_is_multicast(&nexthop->via))
		return 0;
	underlay = resolve_underlay(plan, &nexthop->via, 0);
	id = underlay != NULL ? underlay->id : 0;
	if (id == nexthop->found_underlay)
		return 0;
	found = object_copy(nexthop, nexthop_size(nexthop->n_members));
	if (found == NULL)
		return -ENOMEM;
	found->found_underlay = id;
	plan->n_changes++;
	plan->sink->put(plan->sink->arg, &found->object);
	return 0;
}

// --- gateways that users configured

// The uplink that an address is on link of, in the network's own view; NULL: none.
static const struct mirror_device *
on_link(const struct plan *plan, uint32_t network, const struct cw_ip *ip)
{
	const struct route_entry *route = routes_lookup(plan->tables->routes, RT_TABLE_MAIN, ip);
	const struct mirror_device *device = NULL;

	if (route != NULL && route->path->kernel.n_hops == 1
		&& route->path->kernel.hops[0].gateway.family == 0)
		device = device_of(plan, route->path->kernel.hops[0].ifindex);
	return device != NULL && device->role == DEVICE_UPLINK && device->network == network
		       ? device
		       : NULL;
}

// A next hop "via" waits for a neighbour of its network: on an uplink the kernel knows it.
static int
add_gateway(void *arg, struct object *object)
{
	const struct nexthop *nexthop = (const struct nexthop *)object;
	struct plan *plan = arg;
	const struct kernel_neighbor *known;
	const struct mirror_device *device;
	struct neighbor *wanted;

	if (plan_owns(object) || nexthop->kind != CW_NEXTHOP_VIA)
		return 0;
	device = on_link(plan, nexthop->network, &nexthop->via);
	if (device == NULL)
		return 0;
	known = tables_neighbor(plan->tables, device->ifindex, &nexthop->via);
	if (known == NULL || !neighbor_is_valid(known))
		return 0;
	wanted = object_new(OBJECT_NEIGHBOR, sizeof(*wanted));
	if (wanted == NULL)
		return -ENOMEM;
	wanted->object.origin = ORIGIN_KERNEL;
	wanted->network = nexthop->network;
	wanted->port = device->port;
	wanted->ip = ip_host(&nexthop->via);
	memcpy(wanted->mac, known->mac, sizeof(wanted->mac));
	plan_put(plan, &wanted->object);
	return 0;
}

// A next hop of kind port that names its gateway and not its MAC.
static int
complete_gateway(void *arg, struct object *object)
{
	const struct nexthop *nexthop = (const struct nexthop *)object;
	struct plan *plan = arg;
	const struct mirror_device *device = gateway_device(plan, nexthop);
	const struct kernel_neighbor *known;
	struct nexthop *found;
	uint8_t mac[6] = {0};

	if (plan_owns(object) || nexthop->kind != CW_NEXTHOP_PORT || !mac_is_zero(nexthop->mac))
		return 0;
	known = device != NULL ? tables_neighbor(plan->tables, device->ifindex, &nexthop->via)
			       : NULL;
	if (known != NULL && neighbor_is_valid(known))
		memcpy(mac, known->mac, sizeof(mac));
	if (memcmp(mac, nexthop->found_mac, sizeof(mac)) == 0)
		return 0;
	found = object_copy(nexthop, nexthop_size(nexthop->n_members));
	if (found == NULL)
		return -ENOMEM;
	memcpy(found->found_mac, mac, sizeof(mac));
	plan->n_changes++;
	plan->sink->put(plan->sink->arg, &found->object);
	return 0;
}

const struct mirror_device *
gateway_device(const struct plan *plan, const struct nexthop *nexthop)
{
	if (nexthop->kind == CW_NEXTHOP_VIA)
		return on_link(plan, nexthop->network, &nexthop->via);
	if (nexthop->kind != CW_NEXTHOP_PORT || nexthop->via.family == 0)
		return NULL;
	for (uint32_t i = 0; i < plan->n_devices; i++)
		if (plan->devices[i].role == DEVICE_UPLINK && plan->devices[i].port == nexthop->port
			&& plan->devices[i].network == nexthop->network)
			return &plan->devices[i];
	return NULL;
}

int
bridging(struct plan *plan)
{
	int ret;

	tables_each(plan->tables, TABLES_FDB, add_fdb, plan);
	tables_each(plan->tables, TABLES_NEIGHBORS, add_neighbor, plan);
	ret = objects_each(plan->objects, OBJECT_NEXTHOP, add_gateway, plan);
	if (ret == 0)
		ret = objects_each(plan->objects, OBJECT_NEXTHOP, complete_gateway, plan);
	if (ret < 0)
		return ret;
	return objects_each(plan->objects, OBJECT_NEXTHOP, complete_tunnel, plan);
}
