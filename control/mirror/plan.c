/* SPDX-License-Identifier: Apache-2.0 */
#include "mirror/plan.h"

#include <errno.h>
#include <fnmatch.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "address_text.h"
#include "log.h"
#include "mirror/plan_private.h"

#define ROUTES_WAIT 4 // passes

struct plan *
plan_create(struct tables *tables, struct objects *objects)
{
	struct plan *plan = calloc(1, sizeof(*plan));

	if (plan == NULL)
		return NULL;
	plan->tables = tables;
	plan->objects = objects;
	plan->filter = plan_default_filter();
	return plan;
}

void
plan_free(struct plan *plan)
{
	if (plan == NULL)
		return;
	nodes_free(plan);
	devices_free(plan);
	free(plan);
}

// --- what is followed

struct plan_filter
plan_default_filter(void)
{
	struct plan_filter filter = {.interfaces = "*"};

	memset(filter.protocols, true, sizeof(filter.protocols));
	filter.protocols[RTPROT_REDIRECT] = false;
	filter.protocols[RTPROT_KERNEL] = false;
	filter.protocols[RTPROT_RA] = false;
	filter.protocols[RTPROT_DHCP] = false;
	return filter;
}

void
plan_set_filter(struct plan *plan, const struct plan_filter *filter)
{
	plan->filter = *filter;
	routes_touch_all(plan->tables->routes);
}

bool
plan_takes_interface(const struct plan *plan, const char *name)
{
	char patterns[sizeof(plan->filter.interfaces)], *rest = NULL;

	snprintf(patterns, sizeof(patterns), "%s", plan->filter.interfaces);
	for (const char *pattern = strtok_r(patterns, ",", &rest); pattern != NULL;
		pattern = strtok_r(NULL, ",", &rest))
		if (fnmatch(pattern, name, 0) == 0)
			return true;
	return false;
}

// rtm_protocol as /etc/iproute2/rt_protos names them.
uint8_t
plan_origin(uint8_t protocol, const struct kernel_link *link)
{
	if (link != NULL && strncmp(link->name, "flannel", strlen("flannel")) == 0)
		return ORIGIN_FLANNEL;
	switch (protocol) {
	case RTPROT_UNSPEC:
	case RTPROT_BOOT:
	case RTPROT_STATIC:
		return ORIGIN_ADMIN;
	case RTPROT_KERNEL:
		return ORIGIN_KERNEL;
	case RTPROT_BIRD:
		return ORIGIN_BIRD;
	case RTPROT_ZEBRA:
		return ORIGIN_FRR;
	default: // FRR's daemons have numbers of their own
		return protocol >= RTPROT_BGP && protocol <= 198 ? ORIGIN_FRR : ORIGIN_OTHER;
	}
}

// --- objects

bool
plan_same(const struct object *a, const struct object *b)
{
	_Alignas(8) char room[2][2048];
	const struct object_class *class = object_class(a);
	const size_t size = class->wire_size(a);

	if (class->wire_size(b) != size || size > sizeof(room[0]))
		return false;
	memset(room[0], 0, size);
	memset(room[1], 0, size);
	class->to_wire(a, (struct cw_item *)(void *)room[0]);
	class->to_wire(b, (struct cw_item *)(void *)room[1]);
	return memcmp(room[0], room[1], size) == 0;
}

static int
compare_wanted(const void *a, const void *b)
{
	const struct object *x = a, *y = b;

	return x->type != y->type ? x->type - y->type : object_class(x)->compare(x, y);
}

static bool
is_bridging(const struct object *object)
{
	return object->type == OBJECT_FDB || object->type == OBJECT_NEIGHBOR;
}

// Returns false when another device has said it already in this pass.
static bool
note_wanted(struct plan *plan, const struct object *object)
{
	struct object *copy = object_copy(
		object, object->type == OBJECT_FDB ? sizeof(struct fdb) : sizeof(struct neighbor));
	void *found = copy != NULL ? tsearch(copy, &plan->wanted, compare_wanted) : NULL;

	if (found != NULL && *(struct object **)found == copy)
		return true;
	object_free(copy);
	return false;
}

void
plan_put(struct plan *plan, struct object *object)
{
	const struct object *present;

	if (object == NULL || (is_bridging(object) && !note_wanted(plan, object))) {
		object_free(object);
		return;
	}
	present = objects_find(plan->objects, object);
	if (present != NULL
		&& (!plan_owns(present)
			|| (plan_same(present, object)
				&& (present->state != OBJECT_REFUSED || !plan->refused)))) {
		object_free(object);
		return;
	}
	plan->n_changes++;
	plan->sink->put(plan->sink->arg, object);
}

void
plan_delete(struct plan *plan, struct object *object)
{
	plan->n_changes++;
	plan->sink->del(plan->sink->arg, object);
}

static int
delete_unwanted(void *arg, struct object *object)
{
	struct plan *plan = arg;

	if (plan_owns(object) && tfind(object, &plan->wanted, compare_wanted) == NULL)
		plan_delete(plan, object);
	return 0;
}

static void
free_wanted(void *node)
{
	object_free(node);
}

static void
collect_bridging(struct plan *plan)
{
	objects_each(plan->objects, OBJECT_NEIGHBOR, delete_unwanted, plan);
	objects_each(plan->objects, OBJECT_FDB, delete_unwanted, plan);
	tdestroy(plan->wanted, free_wanted);
	plan->wanted = NULL;
}

// --- paths

// The default route is the node's: what no network knows goes to its stack, which masquerades it.
static bool
is_followed(const struct plan *plan, const struct route_entry *route)
{
	return plan->filter.protocols[route->path->kernel.protocol] && route->prefix->ip.prefix > 0;
}

static bool
has_followed_route(const struct plan *plan, const struct path *path)
{
	const struct route_entry *route;

	if (path->kernel.unusable || !plan->filter.protocols[path->kernel.protocol])
		return false;
	LIST_FOREACH (route, &path->routes, of_path)
		if (is_followed(plan, route))
			return true;
	return false;
}

static uint8_t
path_origin(const struct plan *plan, const struct kernel_path *path)
{
	const struct kernel_link *link = NULL;

	if (path->n_hops > 0)
		link = tables_link(plan->tables, path->hops[0].ifindex);
	return plan_origin(path->protocol, link);
}

static uint32_t
resolve_path(struct plan *plan, const struct path *path, uint32_t network)
{
	const struct kernel_path *kernel = &path->kernel;
	union {
		struct node_key key;
		char room[sizeof(struct node_key) + CW_MAX_MEMBERS * sizeof(struct kernel_hop)];
	} at = {.key = {.network = network, .mtu = kernel->mtu}};
	const struct node *node;

	if (kernel->type != RTN_UNICAST) {
		at.key.kind = NODE_SPECIAL;
		at.key.type = kernel->type;
	} else if (kernel->nexthop != 0) {
		at.key.kind = NODE_OBJECT;
		at.key.object = kernel->nexthop;
	} else {
		at.key.kind = NODE_PATH;
		at.key.n_hops = kernel->n_hops;
		memcpy(at.key.hops, kernel->hops, kernel->n_hops * sizeof(kernel->hops[0]));
	}
	node = node_get(plan, &at.key, path_origin(plan, kernel));
	return node != NULL && node->is_usable ? node->id : 0;
}

static void
resolve_paths(struct plan *plan)
{
	for (struct path *path = routes_paths(plan->tables->routes); path != NULL;
		path = path->next) {
		const uint32_t network = network_of_table(plan, path->kernel.table);
		uint32_t nexthop = 0;

		if (network != UINT32_MAX && has_followed_route(plan, path))
			nexthop = resolve_path(plan, path, network);
		if (nexthop != path->nexthop)
			routes_touch_path(plan->tables->routes, path);
		path->nexthop = nexthop;
	}
}

// --- routes

// Whether a path cannot carry packets now though its routes still stand: the kernel takes routes of
// devices that went down away without a word.
static bool
is_down(const struct plan *plan, const struct kernel_path *path)
{
	for (uint32_t i = 0; i < path->n_hops; i++) {
		const struct kernel_link *link = tables_link(plan->tables, path->hops[i].ifindex);

		if (link != NULL && (link->flags & IFF_UP) != 0)
			return false;
	}
	return path->n_hops > 0;
}

// The route that the kernel takes for the prefix, if it is followed.
static const struct route_entry *
best_route(const struct plan *plan, const struct prefix *prefix)
{
	const struct route_entry *route = prefix->routes;

	while (route != NULL
		&& (route->tos != 0 || route->path->kernel.unusable
			|| (route->next != NULL && is_down(plan, &route->path->kernel))))
		route = route->next;
	return route != NULL && is_followed(plan, route) && route->path->nexthop != 0 ? route
										      : NULL;
}

static void
hide(struct plan *plan, struct prefix *prefix)
{
	const struct route key = {
		.object.type = OBJECT_ROUTE,
		.network = prefix->network,
		.prefix = prefix->ip,
	};
	struct object *shown = objects_find(plan->objects, &key.object);

	if (shown != NULL && plan_owns(shown))
		plan_delete(plan, shown);
	prefix->is_shown = false;
}

static void
show(struct plan *plan, struct prefix *prefix, const struct route_entry *route, uint32_t network)
{
	struct route *wanted = object_new(OBJECT_ROUTE, sizeof(*wanted));

	if (wanted == NULL)
		return;
	wanted->object.origin = path_origin(plan, &route->path->kernel);
	wanted->network = network;
	wanted->nexthop = route->path->nexthop;
	wanted->prefix = prefix->ip;
	plan_put(plan, &wanted->object);
	prefix->is_shown = true;
	prefix->network = network;
}

static void
take_prefix(struct plan *plan, struct prefix *prefix)
{
	const uint32_t network = network_of_table(plan, prefix->table);
	const struct route_entry *route = best_route(plan, prefix);

	if (prefix->is_shown && (route == NULL || network != prefix->network))
		hide(plan, prefix);
	if (route != NULL && network != UINT32_MAX)
		show(plan, prefix, route, network);
	routes_release(plan->tables->routes, prefix);
}

static void
take_routes(struct plan *plan, unsigned int max)
{
	while (max-- > 0) {
		struct prefix *prefix = routes_take_dirty(plan->tables->routes);

		if (prefix == NULL)
			return;
		take_prefix(plan, prefix);
	}
}

// --- the pass

// Changed next hops go first: what is done about one of them is done for all routes behind it.
// Where next hops never rest, routes have their turn all the same.
static bool
routes_have_turn(struct plan *plan)
{
	if (plan->n_changes > 0 && plan->waited < ROUTES_WAIT
		&& routes_are_dirty(plan->tables->routes)) {
		plan->waited++;
		return false;
	}
	plan->waited = 0;
	return true;
}

bool
plan_pass(struct plan *plan, const struct plan_sink *sink, unsigned int max_routes, bool refused)
{
	bool left;

	plan->sink = sink;
	plan->pass++;
	plan->n_changes = 0;
	plan->refused = refused;
	plan->tables->changed = false;
	if (devices_scan(plan) < 0) {
		log_error("mirror: no memory");
		return false;
	}
	if (refused)
		routes_touch_all(plan->tables->routes);
	resolve_paths(plan);
	if (bridging(plan) < 0)
		log_error("mirror: no memory");
	nodes_lose_ways(plan);
	if (routes_have_turn(plan))
		take_routes(plan, max_routes);
	collect_bridging(plan);
	left = nodes_collect(plan);
	left = ends_collect(plan) || left;
	return routes_are_dirty(plan->tables->routes) || (left && plan->n_changes > 0);
}

void
plan_touch(struct plan *plan, const struct object *object)
{
	const struct route *route = (const struct route *)object;
	const struct network *network;

	plan->tables->changed = true;
	if (object->type != OBJECT_ROUTE)
		return;
	network = network_by_id(plan->objects, route->network);
	if (network != NULL && network->table != 0)
		routes_touch_prefix(plan->tables->routes, network->table, &route->prefix);
}

// --- asking

// Whether a node leads to a neighbour that the kernel can find out about.
static bool
has_neighbor(const struct plan *plan, const struct node *node)
{
	const struct mirror_device *device = device_of(plan, node->ifindex);

	return node->pass == plan->pass && device != NULL && device->is_up;
}

bool
plan_ask(struct plan *plan, const struct plan_sink *sink, uint32_t nexthop)
{
	const struct node *node = nexthop < CW_MAX_NEXTHOPS ? plan->by_id[nexthop] : NULL;
	const struct nexthop *object = nexthop_by_id(plan->objects, nexthop);
	const struct mirror_device *device;

	if (node != NULL && has_neighbor(plan, node)) {
		sink->ask(sink->arg, node->ifindex, &node->gateway);
		return true;
	}
	device = object != NULL ? gateway_device(plan, object) : NULL;
	if (device != NULL) {
		sink->ask(sink->arg, device->ifindex, &object->via);
		return true;
	}
	return false;
}

void
plan_refresh(struct plan *plan, const struct plan_sink *sink)
{
	for (const struct node *node = plan->nodes; node != NULL; node = node->next) {
		const struct kernel_neighbor *neighbor;

		if (!has_neighbor(plan, node))
			continue;
		neighbor = tables_neighbor(plan->tables, node->ifindex, &node->gateway);
		if (neighbor == NULL || (neighbor->state & (NUD_STALE | NUD_FAILED)) != 0)
			sink->ask(sink->arg, node->ifindex, &node->gateway);
	}
}

struct plan_counts
plan_counts(const struct plan *plan)
{
	struct plan_counts counts = {0};

	for (const struct node *node = plan->nodes; node != NULL; node = node->next) {
		counts.nexthops++;
		if (has_neighbor(plan, node) && mac_is_zero(node->mac))
			counts.unresolved++;
	}
	for (const struct tunnel_end *end = plan->ends; end != NULL; end = end->next)
		if (end->pass == plan->pass && end->id != 0)
			counts.vteps++;
	return counts;
}
