/* SPDX-License-Identifier: Apache-2.0 */
#include "mirror_world.h"

#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "address_text.h"

// --- the sink: what is put goes into the tree when the pass is over

static void
put(void *arg, struct object *object)
{
	struct world *world = arg;

	assert_true(world->n_puts < sizeof(world->puts) / sizeof(world->puts[0]));
	world->puts[world->n_puts++] = object;
	world->n_nexthops += object->type == OBJECT_NEXTHOP;
	world->n_routes += object->type == OBJECT_ROUTE;
}

static void
del(void *arg, struct object *object)
{
	struct world *world = arg;

	assert_true(world->n_dels < sizeof(world->dels) / sizeof(world->dels[0]));
	assert_true(plan_owns(object));
	world->dels[world->n_dels++] = object;
	world->n_routes += object->type == OBJECT_ROUTE;
}

static void
ask(void *arg, int32_t ifindex, const struct cw_ip *ip)
{
	struct world *world = arg;

	world->n_asked++;
	world->asked_ifindex = ifindex;
	world->asked = *ip;
}

struct plan_sink
world_sink(struct world *world)
{
	return (struct plan_sink){put, del, ask, world};
}

static void
apply(struct world *world)
{
	for (unsigned int i = 0; i < world->n_puts; i++) {
		struct object *before = objects_find(world->objects, world->puts[i]);

		if (before != NULL)
			objects_remove(world->objects, before);
		object_free(before);
		assert_int_equal(objects_insert(world->objects, world->puts[i]), 0);
	}
	for (unsigned int i = 0; i < world->n_dels; i++) {
		objects_remove(world->objects, world->dels[i]);
		object_free(world->dels[i]);
	}
	world->n_puts = world->n_dels = 0;
}

bool
world_pass(struct world *world, unsigned int max_routes)
{
	const struct plan_sink sink = world_sink(world);
	const bool more = plan_pass(world->plan, &sink, max_routes, false);

	apply(world);
	return more;
}

void
world_settle(struct world *world)
{
	unsigned int passes = 0;

	world->n_nexthops = world->n_routes = world->n_asked = 0;
	while (world_pass(world, UINT32_MAX))
		assert_true(++passes < 10);
	// And then there is nothing left to say.
	passes = world->n_nexthops + world->n_routes;
	assert_false(world_pass(world, UINT32_MAX));
	assert_int_equal(world->n_nexthops + world->n_routes, passes);
}

// --- the kernel

static struct cw_ip
ip(const char *text)
{
	struct cw_ip ip = {0};

	if (text != NULL)
		assert_true(strchr(text, '/') != NULL ? ip_parse_prefixed(text, &ip)
						      : ip_parse(text, &ip));
	return ip;
}

void
kernel_ether(struct world *world, int32_t ifindex, const char *name, bool up)
{
	struct kernel_link link = {
		.ifindex = ifindex, .flags = up ? IFF_UP : 0, .mtu = 1500, .mac = {2, 0, 0, 0, 1}};

	snprintf(link.name, sizeof(link.name), "%s", name);
	assert_true(tables_put(world->tables, TABLES_LINKS, &link) >= 0);
}

void
kernel_vxlan(struct world *world, int32_t ifindex, const char *name, uint32_t vni,
	const char *local, const char *mac)
{
	struct kernel_link link = {
		.ifindex = ifindex,
		.kind = KERNEL_LINK_VXLAN,
		.flags = IFF_UP,
		.mtu = 1450,
		.vni = vni,
		.udp_port = 8472,
		.lower = ETH0,
		.local = ip(local),
		.checksum = true,
	};

	snprintf(link.name, sizeof(link.name), "%s", name);
	assert_true(mac_parse(mac, link.mac));
	assert_true(tables_put(world->tables, TABLES_LINKS, &link) >= 0);
}

void
kernel_address(struct world *world, int32_t ifindex, const char *prefixed)
{
	const struct kernel_address address = {.ifindex = ifindex, .ip = ip(prefixed)};

	assert_true(tables_put(world->tables, TABLES_ADDRESSES, &address) >= 0);
}

void
kernel_neighbor(
	struct world *world, int32_t ifindex, const char *address, const char *mac, uint16_t state)
{
	struct kernel_neighbor neighbor = {.ifindex = ifindex, .ip = ip(address), .state = state};

	if (mac != NULL)
		assert_true(mac_parse(mac, neighbor.mac));
	assert_true(tables_put(world->tables, TABLES_NEIGHBORS, &neighbor) >= 0);
}

void
kernel_fdb(struct world *world, int32_t ifindex, const char *mac, const char *remote)
{
	struct kernel_fdb fdb = {.ifindex = ifindex, .remote = ip(remote)};

	assert_true(mac_parse(mac, fdb.mac));
	assert_true(tables_put(world->tables, TABLES_FDB, &fdb) >= 0);
}

struct kernel_route
kernel_route_to(const char *prefix, uint8_t protocol)
{
	return (struct kernel_route){
		.prefix = ip(prefix),
		.path = {.table = RT_TABLE_MAIN, .type = RTN_UNICAST, .protocol = protocol},
	};
}

void
kernel_hop(struct kernel_route *route, int32_t ifindex, const char *gateway)
{
	route->path.hops[route->path.n_hops++] =
		(struct kernel_hop){.ifindex = ifindex, .weight = 1, .gateway = ip(gateway)};
}

void
kernel_route(struct world *world, const char *prefix, const char *gateway, int32_t ifindex,
	uint8_t protocol)
{
	struct kernel_route route = kernel_route_to(prefix, protocol);

	kernel_hop(&route, ifindex, gateway);
	assert_true(routes_put(world->tables->routes, &route, ROUTE_REPLACED) >= 0);
}

void
kernel_unroute(struct world *world, const char *prefix, const char *gateway, int32_t ifindex,
	uint8_t protocol)
{
	struct kernel_route route = kernel_route_to(prefix, protocol);

	kernel_hop(&route, ifindex, gateway);
	assert_int_equal(routes_remove(world->tables->routes, &route), 1);
}

// --- the tree

void
world_add(struct world *world, struct object *object)
{
	assert_non_null(object);
	assert_int_equal(objects_insert(world->objects, object), 0);
	plan_touch(world->plan, object);
}

const struct route *
world_route(const struct world *world, const char *prefix)
{
	const struct route key = {.object.type = OBJECT_ROUTE, .prefix = ip(prefix)};

	return (const struct route *)objects_find(world->objects, &key.object);
}

const struct nexthop *
world_nexthop(const struct world *world, const char *prefix)
{
	const struct route *route = world_route(world, prefix);
	const struct nexthop *nexthop;

	assert_non_null(route);
	nexthop = nexthop_by_id(world->objects, route->nexthop);
	assert_non_null(nexthop);
	return nexthop;
}

static int
count_mirrored(void *arg, struct object *object)
{
	*(unsigned int *)arg += plan_owns(object);
	return 0;
}

unsigned int
world_mirrored(const struct world *world, enum object_type type)
{
	unsigned int n = 0;

	objects_each(world->objects, type, count_mirrored, &n);
	return n;
}

void
assert_ip(const struct cw_ip *address, const char *text)
{
	char shown[IP_TEXT_LEN];

	assert_string_equal(ip_format(address, shown), text);
}

void
assert_mac(const uint8_t mac[6], const char *text)
{
	char shown[MAC_TEXT_LEN];

	assert_string_equal(mac_format(mac, shown), text);
}

struct world *
world_create(void)
{
	struct world *world = calloc(1, sizeof(*world));
	struct network *network = object_new(OBJECT_NETWORK, sizeof(*network));
	struct port *port = object_new(OBJECT_PORT, sizeof(*port));

	assert_non_null(world);
	world->tables = tables_create();
	world->objects = objects_create();
	world->plan = plan_create(world->tables, world->objects);
	assert_non_null(world->plan);
	assert_non_null(network);
	assert_non_null(port);
	strcpy(network->name, CW_DEFAULT_NETWORK);
	network->vni = CW_DEFAULT_VNI;
	network->table = RT_TABLE_MAIN;
	world_add(world, &network->object);
	strcpy(port->name, "uplink");
	strcpy(port->ifname, "eth0");
	port->id = UPLINK;
	port->kind = CW_PORT_AF_PACKET;
	port->flags = CW_PORT_UPLINK;
	world_add(world, &port->object);
	kernel_ether(world, ETH0, "eth0", true);
	kernel_address(world, ETH0, "192.168.0.1/24");
	kernel_address(world, ETH0, "fd00::1/64");
	kernel_route(world, "192.168.0.0/24", NULL, ETH0, RTPROT_KERNEL);
	kernel_route(world, "fd00::/64", NULL, ETH0, RTPROT_KERNEL);
	kernel_route(world, "0.0.0.0/0", "192.168.0.254", ETH0, RTPROT_BOOT);
	return world;
}

void
world_free(struct world *world)
{
	plan_free(world->plan);
	tables_free(world->tables);
	objects_free(world->objects);
	free(world);
}
