/* SPDX-License-Identifier: Apache-2.0 */
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

#include "address_text.h"
#include "mirror/plan_private.h"

// What one hop is looked up for.
struct chain {
	struct plan *plan;
	struct node *node;
	uint32_t network; // of the route
	uint16_t mtu; // that the route says, 0: none
	const struct mirror_device *device;
	const struct kernel_hop *hop;
};

// --- neighbours on an uplink

static void
ask(struct plan *plan, struct node *node, int32_t ifindex, const struct cw_ip *ip)
{
	if (node->asked)
		return;
	node->asked = true;
	plan->sink->ask(plan->sink->arg, ifindex, ip);
}

// The MAC of a neighbour. One that the kernel has forgotten, or is asking for, is used on until the
// kernel knows better: it forgets those that it does not need itself.
static void
neighbor_mac(const struct chain *chain)
{
	struct node *node = chain->node;
	const struct kernel_neighbor *neighbor =
		tables_neighbor(chain->plan->tables, chain->device->ifindex, &chain->hop->gateway);

	if (neighbor != NULL && neighbor_is_valid(neighbor)) {
		memcpy(node->mac, neighbor->mac, sizeof(node->mac));
		node->asked = false;
		return;
	}
	if (!chain->device->is_up || (neighbor != NULL && (neighbor->state & NUD_FAILED) != 0))
		memset(node->mac, 0, sizeof(node->mac));
	if (chain->device->is_up)
		ask(chain->plan, node, chain->device->ifindex, &chain->hop->gateway);
}

static bool
resolve_uplink(const struct chain *chain, struct nexthop *to)
{
	if (chain->hop->gateway.family == 0)
		return false; // on link: the underlay's own
	to->kind = CW_NEXTHOP_PORT;
	to->network = chain->device->network;
	to->port = chain->device->port;
	to->via = chain->hop->gateway;
	to->path_mtu = chain->mtu;
	chain->node->ifindex = chain->device->ifindex;
	chain->node->gateway = chain->hop->gateway;
	neighbor_mac(chain);
	memcpy(to->mac, chain->node->mac, sizeof(to->mac));
	return true;
}

// --- tunnels

static uint16_t
lower_mtu(uint16_t mtu, const struct kernel_link *link)
{
	if (link->mtu == 0 || link->mtu > UINT16_MAX)
		return mtu;
	return mtu == 0 || link->mtu < mtu ? (uint16_t)link->mtu : mtu;
}

// The first peer of a next-hop object for FDB entries.
static struct cw_ip
object_remote(const struct plan *plan, uint32_t id)
{
	const struct kernel_nexthop *object = tables_nexthop(plan->tables, id);

	if (object != NULL && object->n_members > 0)
		object = tables_nexthop(plan->tables, object->members[0].nexthop);
	return object != NULL && object->fdb ? object->hop.gateway : (struct cw_ip){0};
}

bool
resolve_remote_of(const struct plan *plan, const struct kernel_link *link,
	const struct kernel_fdb *fdb, struct cw_ip *remote, uint32_t *vni)
{
	*vni = link->vni;
	*remote = link->remote;
	if (fdb == NULL)
		return remote->family != 0 && !ip_is_multicast(remote);
	if (fdb->udp_port != 0 && fdb->udp_port != link->udp_port)
		return false; // would need a vtep of its own
	if (fdb->vni != 0)
		*vni = fdb->vni;
	*remote = fdb->nexthop != 0 ? object_remote(plan, fdb->nexthop) : fdb->remote;
	return remote->family != 0;
}

// Completes a tunnel with its way through the underlay; without one it leads nowhere. A multicast
// group is on link at the vtep's own uplink, which the data plane knows.
static void
finish_tunnel(const struct chain *chain, struct nexthop *to, uint32_t vni)
{
	const struct mirror_device *device = chain->device;
	const bool is_group = ip_is_multicast(&to->via);
	const struct node *underlay = NULL;

	if (!is_group)
		underlay = resolve_underlay(chain->plan, &to->via, device->link->lower);
	if (is_group ? device_of(chain->plan, device->link->lower) == NULL : underlay == NULL) {
		*to = (struct nexthop){.kind = CW_NEXTHOP_UNREACHABLE, .network = chain->network};
		return;
	}
	to->kind = CW_NEXTHOP_TUNNEL;
	to->vtep = device->vtep;
	to->underlay = is_group ? 0 : underlay->id;
	to->vni = vni;
	to->path_mtu = lower_mtu(chain->mtu, device->link);
}

// Flannel's way: the gateway is the peer's inner address, its MAC the inner destination.
static bool
resolve_vxlan(const struct chain *chain, struct nexthop *to)
{
	const struct kernel_link *link = chain->device->link;
	const struct kernel_neighbor *neighbor =
		tables_neighbor(chain->plan->tables, link->ifindex, &chain->hop->gateway);
	uint32_t vni;

	if (chain->hop->gateway.family == 0)
		return false;
	to->kind = CW_NEXTHOP_UNREACHABLE;
	if (neighbor == NULL || !neighbor_is_valid(neighbor)
		|| !resolve_remote_of(chain->plan, link,
			tables_fdb(chain->plan->tables, link->ifindex, neighbor->mac), &to->via,
			&vni))
		return true;
	memcpy(to->mac, neighbor->mac, sizeof(to->mac));
	finish_tunnel(chain, to, vni);
	return true;
}

// The gateway is the peer's outer address unless the device has only one peer.
static bool
resolve_ipip(const struct chain *chain, struct nexthop *to)
{
	const struct kernel_link *link = chain->device->link;

	to->via = link->remote.family != 0 ? link->remote : chain->hop->gateway;
	if (to->via.family != 4)
		return false;
	finish_tunnel(chain, to, 0);
	return true;
}

static bool
resolve_hop(struct plan *plan, struct node *node, const struct kernel_hop *hop, struct nexthop *to)
{
	const struct chain chain = {
		.plan = plan,
		.node = node,
		.network = node->key.network,
		.mtu = node->key.mtu,
		.device = device_of(plan, hop->ifindex),
		.hop = hop,
	};

	*to = (struct nexthop){.network = node->key.network};
	if (chain.device == NULL)
		return false;
	if (chain.device->role == DEVICE_UPLINK)
		return resolve_uplink(&chain, to);
	if (chain.device->link->kind == KERNEL_LINK_VXLAN)
		return resolve_vxlan(&chain, to);
	return resolve_ipip(&chain, to);
}

// --- several hops

struct path_key {
	union {
		struct node_key key;
		char room[sizeof(struct node_key) + CW_MAX_MEMBERS * sizeof(struct kernel_hop)];
	};
};

static struct node *
get_path(struct plan *plan, uint32_t network, uint16_t mtu, const struct kernel_hop *hops,
	uint32_t n_hops, uint8_t origin)
{
	struct path_key path = {
		.key = {.kind = NODE_PATH, .network = network, .mtu = mtu, .n_hops = n_hops}};

	memcpy(path.key.hops, hops, n_hops * sizeof(hops[0]));
	if (n_hops == 1)
		path.key.hops[0].weight = 1;
	return node_get(plan, &path.key, origin);
}

static int
compare_members(const void *a, const void *b)
{
	const struct cw_member *x = a, *y = b;

	return x->nexthop < y->nexthop ? -1 : x->nexthop > y->nexthop;
}

// A group of the hops that lead somewhere: those of devices that are down do not.
static bool
resolve_group(struct plan *plan, const struct node *node, const struct kernel_hop *hops,
	uint32_t n_hops, uint8_t origin, union resolved *to)
{
	struct nexthop *group = &to->nexthop;

	*group = (struct nexthop){.network = node->key.network, .kind = CW_NEXTHOP_GROUP};
	for (uint32_t i = 0; i < n_hops; i++) {
		const struct mirror_device *device = device_of(plan, hops[i].ifindex);
		struct node *member;

		if (device == NULL || !device->is_up)
			continue;
		member = get_path(plan, node->key.network, node->key.mtu, &hops[i], 1, origin);
		if (member == NULL || !member->is_usable || member->kind == CW_NEXTHOP_UNREACHABLE)
			continue;
		if (member->kind == CW_NEXTHOP_TUNNEL)
			group->of_tunnels = true;
		group->members[group->n_members++] = (struct cw_member){
			.nexthop = member->id,
			.weight = hops[i].weight,
		};
	}
	qsort(group->members, group->n_members, sizeof(group->members[0]), compare_members);
	return group->n_members > 0;
}

static bool
resolve_hops(struct plan *plan, struct node *node, const struct kernel_hop *hops, uint32_t n_hops,
	uint8_t origin, union resolved *to)
{
	if (n_hops == 1)
		return resolve_hop(plan, node, &hops[0], &to->nexthop);
	return resolve_group(plan, node, hops, n_hops, origin, to);
}

// The hops of a next-hop object. Returns their number; *blackhole when it is one.
static uint32_t
object_hops(const struct plan *plan, uint32_t id, struct kernel_hop *hops, bool *blackhole)
{
	const struct kernel_nexthop *object = tables_nexthop(plan->tables, id);
	uint32_t n = 0;

	*blackhole = object != NULL && object->blackhole;
	if (object == NULL || object->fdb || object->blackhole)
		return 0;
	if (object->n_members == 0) {
		hops[0] = object->hop;
		return 1;
	}
	for (uint32_t i = 0; i < object->n_members; i++) {
		const struct kernel_nexthop *member =
			tables_nexthop(plan->tables, object->members[i].nexthop);

		if (member == NULL || member->blackhole)
			continue;
		hops[n] = member->hop;
		hops[n++].weight = object->members[i].weight;
	}
	return n;
}

static bool
resolve_object(struct plan *plan, struct node *node, uint8_t origin, union resolved *to)
{
	struct kernel_hop hops[CW_MAX_MEMBERS];
	bool blackhole;
	const uint32_t n = object_hops(plan, node->key.object, hops, &blackhole);

	if (!blackhole)
		return n > 0 && resolve_hops(plan, node, hops, n, origin, to);
	to->nexthop = (struct nexthop){.network = node->key.network, .kind = CW_NEXTHOP_BLACKHOLE};
	return true;
}

// --- the underlay

struct node *
resolve_underlay(struct plan *plan, const struct cw_ip *remote, int32_t lower)
{
	struct kernel_hop hops[CW_MAX_MEMBERS], *hop;
	const struct mirror_device *device = NULL;
	const struct route_entry *route;
	uint32_t n, kept = 0;
	struct node *node;
	bool blackhole;

	route = routes_lookup(plan->tables->routes, RT_TABLE_MAIN, remote);
	if (route == NULL || route->path->kernel.type != RTN_UNICAST)
		return NULL;
	n = route->path->kernel.n_hops;
	memcpy(hops, route->path->kernel.hops, n * sizeof(hops[0]));
	if (route->path->kernel.nexthop != 0)
		n = object_hops(plan, route->path->kernel.nexthop, hops, &blackhole);
	for (uint32_t i = 0; i < n; i++) {
		const struct mirror_device *found = device_of(plan, hops[i].ifindex);

		// A tunnel through a tunnel is for the kernel.
		if (found == NULL || found->role != DEVICE_UPLINK
			|| (lower != 0 && hops[i].ifindex != lower))
			continue;
		device = found;
		hop = &hops[kept++];
		*hop = hops[i];
		if (hop->gateway.family == 0)
			hop->gateway = ip_host(remote);
	}
	if (kept == 0)
		return NULL;
	node = get_path(plan, device->network, 0, hops, kept, ORIGIN_KERNEL);
	return node != NULL && node->is_usable ? node : NULL;
}

// --- all kinds

static bool
resolve_remote(struct plan *plan, const struct node *node, struct nexthop *to)
{
	const struct node_key *key = &node->key;
	const struct mirror_device *device = device_of(plan, key->ifindex);
	const struct chain chain = {
		.plan = plan, .network = key->network, .device = device, .hop = NULL};

	*to = (struct nexthop){.network = key->network, .via = key->remote};
	if (device == NULL || device->role != DEVICE_TUNNEL)
		return false;
	memcpy(to->mac, key->mac, sizeof(to->mac));
	finish_tunnel(&chain, to, key->vni);
	return to->kind == CW_NEXTHOP_TUNNEL;
}

static bool
resolve_special(const struct node *node, struct nexthop *to)
{
	*to = (struct nexthop){.network = node->key.network, .kind = CW_NEXTHOP_BLACKHOLE};
	if (node->key.type == RTN_UNREACHABLE)
		to->kind = CW_NEXTHOP_UNREACHABLE;
	else if (node->key.type == RTN_PROHIBIT)
		to->kind = CW_NEXTHOP_PROHIBIT;
	return true;
}

bool
resolve(struct plan *plan, struct node *node, uint8_t origin, union resolved *to)
{
	node->ifindex = 0;
	switch (node->key.kind) {
	case NODE_PATH:
		return resolve_hops(plan, node, node->key.hops, node->key.n_hops, origin, to);
	case NODE_OBJECT:
		return resolve_object(plan, node, origin, to);
	case NODE_REMOTE:
		return resolve_remote(plan, node, &to->nexthop);
	default:
		return resolve_special(node, &to->nexthop);
	}
}
