/* SPDX-License-Identifier: Apache-2.0 */

// What the kernel's tables become: routes over gateways, every link of their chain changed in turn,
// and who wins when two want the same.

#include "mirror_plan_helper.h"

static void
test_node_routes_are_not_followed(void **state)
{
	struct world *w = *state;

	world_settle(w);
	assert_int_equal(world_mirrored(w, OBJECT_ROUTE), 0);
	assert_int_equal(world_mirrored(w, OBJECT_NEXTHOP), 0);
	// Neither through a device that is not ours, nor by a protocol that is not wanted.
	kernel_ether(w, ETH1, "eth1", true);
	kernel_route(w, "10.9.0.0/16", "172.16.0.1", ETH1, RTPROT_BIRD);
	kernel_route(w, "10.8.0.0/16", "192.168.0.9", ETH0, RTPROT_DHCP);
	kernel_route(w, "10.7.0.0/16", NULL, ETH0, RTPROT_BOOT);
	world_settle(w);
	assert_int_equal(world_mirrored(w, OBJECT_ROUTE), 0);
}

static void
test_gateway(void **state)
{
	struct world *w = *state;
	const struct nexthop *nexthop;

	kernel_route(w, "10.1.0.0/24", "192.168.0.2", ETH0, RTPROT_BIRD);
	world_settle(w);
	nexthop = world_nexthop(w, "10.1.0.0/24");
	assert_int_equal(nexthop->kind, CW_NEXTHOP_PORT);
	assert_int_equal(nexthop->port, UPLINK);
	assert_ip(&nexthop->via, "192.168.0.2");
	assert_mac(nexthop->mac, "00:00:00:00:00:00");
	assert_int_equal(world_route(w, "10.1.0.0/24")->object.origin, ORIGIN_BIRD);
	// Asked for once, by the device.
	assert_int_equal(w->n_asked, 1);
	assert_int_equal(w->asked_ifindex, ETH0);
	assert_ip(&w->asked, "192.168.0.2");
	kernel_neighbor(w, ETH0, "192.168.0.2", PEER_MAC, NUD_REACHABLE);
	world_settle(w);
	assert_mac(world_nexthop(w, "10.1.0.0/24")->mac, PEER_MAC);
	assert_int_equal(w->n_nexthops, 1);
	assert_int_equal(w->n_routes, 0);
}

static void
test_neighbor_comes_and_goes(void **state)
{
	struct world *w = *state;
	struct kernel_neighbor key = {
		.ifindex = ETH0, .ip = {.addr = {192, 168, 0, 2}, .family = 4, .prefix = 32}};

	kernel_route(w, "10.1.0.0/24", "192.168.0.2", ETH0, RTPROT_BIRD);
	kernel_neighbor(w, ETH0, "192.168.0.2", PEER_MAC, NUD_STALE);
	world_settle(w);
	assert_mac(world_nexthop(w, "10.1.0.0/24")->mac, PEER_MAC);
	// Forgotten, because the kernel itself has no use for it: it is asked again, meanwhile the
	// MAC is used on.
	assert_true(tables_remove(w->tables, TABLES_NEIGHBORS, &key));
	world_settle(w);
	assert_int_equal(w->n_asked, 1);
	assert_mac(world_nexthop(w, "10.1.0.0/24")->mac, PEER_MAC);
	kernel_neighbor(w, ETH0, "192.168.0.2", NULL, NUD_INCOMPLETE);
	world_settle(w);
	assert_mac(world_nexthop(w, "10.1.0.0/24")->mac, PEER_MAC);
	kernel_neighbor(w, ETH0, "192.168.0.2", NULL, NUD_FAILED);
	world_settle(w);
	assert_mac(world_nexthop(w, "10.1.0.0/24")->mac, "00:00:00:00:00:00");
	kernel_neighbor(w, ETH0, "192.168.0.2", GATEWAY_MAC, NUD_REACHABLE);
	world_settle(w);
	assert_mac(world_nexthop(w, "10.1.0.0/24")->mac, GATEWAY_MAC);
	assert_int_equal(w->n_routes, 0);
}

static void
test_multipath(void **state)
{
	struct world *w = *state;
	struct kernel_route route = kernel_route_to("10.1.0.0/24", RTPROT_BIRD);
	const struct nexthop *group;
	struct port *port = object_new(OBJECT_PORT, sizeof(*port));

	strcpy(port->name, "uplink1");
	strcpy(port->ifname, "eth1");
	port->id = 2;
	port->flags = CW_PORT_UPLINK;
	world_add(w, &port->object);
	kernel_ether(w, ETH1, "eth1", true);
	kernel_hop(&route, ETH0, "192.168.0.2");
	kernel_hop(&route, ETH1, "192.168.1.2");
	route.path.hops[1].weight = 3;
	assert_int_equal(routes_put(w->tables->routes, &route, ROUTE_ADDED), 1);
	world_settle(w);
	group = world_nexthop(w, "10.1.0.0/24");
	assert_int_equal(group->kind, CW_NEXTHOP_GROUP);
	assert_int_equal(group->n_members, 2);
	assert_int_equal(group->members[0].weight + group->members[1].weight, 4);
	// The other device goes down: one next hop changes.
	kernel_ether(w, ETH1, "eth1", false);
	world_settle(w);
	group = world_nexthop(w, "10.1.0.0/24");
	assert_int_equal(group->n_members, 1);
	assert_int_equal(nexthop_by_id(w->objects, group->members[0].nexthop)->port, UPLINK);
	assert_int_equal(w->n_routes, 0);
	assert_int_equal(w->n_nexthops, 1);
}

static void
test_nexthop_objects(void **state)
{
	struct world *w = *state;
	struct kernel_route route = kernel_route_to("10.1.0.0/24", RTPROT_BGP);
	struct kernel_nexthop one = {.id = 7,
		.hop = {.ifindex = ETH0,
			.weight = 1,
			.gateway = {.addr = {192, 168, 0, 2}, .family = 4, .prefix = 32}}};
	struct kernel_nexthop two = one,
			      group = {.id = 9, .n_members = 2, .members = {{7, 1}, {8, 2}}};

	two.id = 8;
	two.hop.gateway.addr[3] = 3;
	route.path.nexthop = 9;
	tables_put(w->tables, TABLES_NEXTHOPS, &one);
	tables_put(w->tables, TABLES_NEXTHOPS, &two);
	tables_put(w->tables, TABLES_NEXTHOPS, &group);
	routes_put(w->tables->routes, &route, ROUTE_ADDED);
	world_settle(w);
	assert_int_equal(world_nexthop(w, "10.1.0.0/24")->n_members, 2);
	assert_int_equal(world_route(w, "10.1.0.0/24")->object.origin, ORIGIN_FRR);
	// The object changes, its routes are not told again.
	group.n_members = 1;
	tables_put(w->tables, TABLES_NEXTHOPS, &group);
	world_settle(w);
	assert_int_equal(world_nexthop(w, "10.1.0.0/24")->kind, CW_NEXTHOP_PORT);
	assert_ip(&world_nexthop(w, "10.1.0.0/24")->via, "192.168.0.2");
	assert_int_equal(w->n_routes, 0);
	one.blackhole = true;
	tables_put(w->tables, TABLES_NEXTHOPS, &one);
	group = (struct kernel_nexthop){.id = 9, .blackhole = true};
	tables_put(w->tables, TABLES_NEXTHOPS, &group);
	world_settle(w);
	assert_int_equal(world_nexthop(w, "10.1.0.0/24")->kind, CW_NEXTHOP_BLACKHOLE);
	tables_remove(w->tables, TABLES_NEXTHOPS, &group);
	world_settle(w);
	assert_null(world_route(w, "10.1.0.0/24"));
	assert_int_equal(world_mirrored(w, OBJECT_NEXTHOP), 0);
}

static void
test_special_routes(void **state)
{
	static const struct {
		uint8_t type, kind;
	} kinds[] = {{RTN_BLACKHOLE, CW_NEXTHOP_BLACKHOLE},
		{RTN_UNREACHABLE, CW_NEXTHOP_UNREACHABLE}, {RTN_PROHIBIT, CW_NEXTHOP_PROHIBIT}};
	struct world *w = *state;

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct kernel_route route = kernel_route_to("10.1.0.0/24", RTPROT_BIRD);

		route.path.type = kinds[i].type;
		routes_put(w->tables->routes, &route, ROUTE_REPLACED);
		world_settle(w);
		assert_int_equal(world_nexthop(w, "10.1.0.0/24")->kind, kinds[i].kind);
	}
	assert_int_equal(world_mirrored(w, OBJECT_NEXTHOP), 1);
}

// The kernel takes the route with the lowest metric, also when it is not one that we follow.
static void
test_metrics(void **state)
{
	struct world *w = *state;
	struct kernel_route route = kernel_route_to("10.1.0.0/24", RTPROT_BOOT);

	kernel_route(w, "10.1.0.0/24", "192.168.0.2", ETH0, RTPROT_BIRD);
	kernel_hop(&route, ETH0, "192.168.0.3");
	route.priority = 100;
	routes_put(w->tables->routes, &route, ROUTE_ADDED);
	world_settle(w);
	assert_ip(&world_nexthop(w, "10.1.0.0/24")->via, "192.168.0.2");
	kernel_unroute(w, "10.1.0.0/24", "192.168.0.2", ETH0, RTPROT_BIRD);
	world_settle(w);
	assert_ip(&world_nexthop(w, "10.1.0.0/24")->via, "192.168.0.3");
	kernel_ether(w, ETH1, "eth1", true);
	kernel_route(w, "10.1.0.0/24", "172.16.0.1", ETH1, RTPROT_BIRD);
	world_settle(w);
	assert_null(world_route(w, "10.1.0.0/24"));
}

static void
test_precedence(void **state)
{
	struct world *w = *state;
	struct route *configured = object_new(OBJECT_ROUTE, sizeof(*configured));

	configured->prefix = (struct cw_ip){.addr = {10, 1}, .family = 4, .prefix = 24};
	configured->nexthop = 5;
	world_add(w, &configured->object);
	kernel_route(w, "10.1.0.0/24", "192.168.0.2", ETH0, RTPROT_BIRD);
	world_settle(w);
	assert_ptr_equal(world_route(w, "10.1.0.0/24"), configured);
	// What is configured goes: the kernel's comes back without being told again.
	objects_remove(w->objects, &configured->object);
	plan_touch(w->plan, &configured->object);
	object_free(&configured->object);
	world_settle(w);
	assert_int_equal(world_route(w, "10.1.0.0/24")->object.origin, ORIGIN_BIRD);
}

static void
test_tables_of_networks(void **state)
{
	struct world *w = *state;
	struct network *network = object_new(OBJECT_NETWORK, sizeof(*network));
	struct kernel_route route = kernel_route_to("10.1.0.0/24", RTPROT_BIRD);
	struct route key = {.object.type = OBJECT_ROUTE, .network = 1, .prefix = route.prefix};

	strcpy(network->name, "blue");
	network->id = 1;
	network->table = 100;
	world_add(w, &network->object);
	route.path.table = 100;
	kernel_hop(&route, ETH0, "192.168.0.2");
	routes_put(w->tables->routes, &route, ROUTE_ADDED);
	world_settle(w);
	assert_null(world_route(w, "10.1.0.0/24"));
	assert_non_null(objects_find(w->objects, &key.object));
	// The network follows another table.
	network->table = 101;
	plan_touch(w->plan, &network->object);
	world_settle(w);
	assert_null(objects_find(w->objects, &key.object));
	assert_int_equal(world_mirrored(w, OBJECT_NEXTHOP), 0);
}

static void
test_filter(void **state)
{
	struct world *w = *state;
	struct plan_filter filter = plan_default_filter();

	kernel_route(w, "10.1.0.0/24", "192.168.0.2", ETH0, RTPROT_BIRD);
	kernel_route(w, "10.2.0.0/24", "192.168.0.2", ETH0, RTPROT_BOOT);
	world_settle(w);
	assert_int_equal(world_mirrored(w, OBJECT_ROUTE), 2);
	filter.protocols[RTPROT_BOOT] = false;
	plan_set_filter(w->plan, &filter);
	world_settle(w);
	assert_null(world_route(w, "10.2.0.0/24"));
	assert_non_null(world_route(w, "10.1.0.0/24"));
	strcpy(filter.interfaces, "eth1,flannel*");
	plan_set_filter(w->plan, &filter);
	world_settle(w);
	assert_int_equal(world_mirrored(w, OBJECT_ROUTE), 0);
	assert_int_equal(world_mirrored(w, OBJECT_NEXTHOP), 0);
}

// A gateway by hand waits for a neighbour of its network; others' addresses stay the host's.
static void
test_configured_gateway(void **state)
{
	struct world *w = *state;
	const struct plan_sink sink = world_sink(w);
	struct nexthop *via = object_new(OBJECT_NEXTHOP, sizeof(*via));
	struct neighbor key = {.object.type = OBJECT_NEIGHBOR,
		.ip = {.addr = {192, 168, 0, 7}, .family = 4, .prefix = 32}};
	const struct neighbor *found;

	via->id = 1;
	via->kind = CW_NEXTHOP_VIA;
	via->via = key.ip;
	world_add(w, &via->object);
	kernel_neighbor(w, ETH0, "192.168.0.8", PEER_MAC, NUD_REACHABLE);
	world_settle(w);
	assert_int_equal(world_mirrored(w, OBJECT_NEIGHBOR), 0);
	assert_true(plan_ask(w->plan, &sink, 1));
	assert_ip(&w->asked, "192.168.0.7");
	assert_int_equal(w->asked_ifindex, ETH0);
	kernel_neighbor(w, ETH0, "192.168.0.7", GATEWAY_MAC, NUD_REACHABLE);
	world_settle(w);
	found = (const struct neighbor *)objects_find(w->objects, &key.object);
	assert_non_null(found);
	assert_int_equal(found->port, UPLINK);
	assert_mac(found->mac, GATEWAY_MAC);
	kernel_neighbor(w, ETH0, "192.168.0.7", NULL, NUD_FAILED);
	world_settle(w);
	assert_null(objects_find(w->objects, &key.object));
	assert_false(plan_ask(w->plan, &sink, 2));
}

static void
test_configured_port(void **state)
{
	struct world *w = *state;
	const struct plan_sink sink = world_sink(w);
	struct nexthop *port = object_new(OBJECT_NEXTHOP, sizeof(*port));

	port->id = 1;
	port->kind = CW_NEXTHOP_PORT;
	port->port = UPLINK;
	port->via = (struct cw_ip){.addr = {192, 168, 0, 7}, .family = 4, .prefix = 32};
	world_add(w, &port->object);
	world_settle(w);
	assert_true(plan_ask(w->plan, &sink, 1));
	assert_ip(&w->asked, "192.168.0.7");
	kernel_neighbor(w, ETH0, "192.168.0.7", GATEWAY_MAC, NUD_REACHABLE);
	world_settle(w);
	assert_mac(nexthop_by_id(w->objects, 1)->found_mac, GATEWAY_MAC);
	assert_mac(nexthop_by_id(w->objects, 1)->mac, "00:00:00:00:00:00");
	kernel_neighbor(w, ETH0, "192.168.0.7", NULL, NUD_FAILED);
	world_settle(w);
	assert_mac(nexthop_by_id(w->objects, 1)->found_mac, "00:00:00:00:00:00");
}

#define MANY 100000

// Many routes share a next hop: what changes behind it is said once, however many they are, and a
// pass takes only so many routes.
static void
test_many(void **state)
{
	struct world *w = *state;
	char prefix[32];
	unsigned int passes = 1;

	kernel_neighbor(w, ETH0, "192.168.0.2", PEER_MAC, NUD_REACHABLE);
	for (unsigned int i = 0; i < MANY; i++) {
		snprintf(prefix, sizeof(prefix), "%u.%u.%u.0/24", 11 + i / 65536, i / 256 % 256,
			i % 256);
		kernel_route(w, prefix, "192.168.0.2", ETH0, RTPROT_BIRD);
	}
	while (world_pass(w, 16384))
		passes++;
	assert_int_equal(passes, MANY / 16384 + 2); // the next hop goes first
	assert_int_equal(world_mirrored(w, OBJECT_ROUTE), MANY);
	assert_int_equal(world_mirrored(w, OBJECT_NEXTHOP), 1);
	kernel_neighbor(w, ETH0, "192.168.0.2", GATEWAY_MAC, NUD_REACHABLE);
	world_settle(w);
	assert_int_equal(w->n_nexthops, 1);
	assert_int_equal(w->n_routes, 0);
	tables_begin(w->tables);
	assert_int_equal(routes_sweep(w->tables->routes), MANY + 3);
	world_settle(w);
	assert_int_equal(world_mirrored(w, OBJECT_ROUTE), 0);
	assert_int_equal(world_mirrored(w, OBJECT_NEXTHOP), 0);
}

// What the kernel does when a device goes down: its routes go without a word, however many.
static void
test_device_goes_down(void **state)
{
	struct world *w = *state;

	kernel_neighbor(w, ETH0, "192.168.0.2", PEER_MAC, NUD_PERMANENT);
	kernel_route(w, "10.9.0.0/24", "192.168.0.2", ETH0, RTPROT_BIRD);
	world_settle(w);
	assert_mac(world_nexthop(w, "10.9.0.0/24")->mac, PEER_MAC);
	kernel_ether(w, ETH0, "eth0", false);
	tables_begin(w->tables);
	routes_sweep(w->tables->routes);
	w->n_nexthops = w->n_routes = 0;
	assert_true(world_pass(w, UINT32_MAX));
	assert_int_equal(w->n_nexthops, 1);
	assert_int_equal(w->n_routes, 0); // whose turn comes next
	assert_mac(world_nexthop(w, "10.9.0.0/24")->mac, "00:00:00:00:00:00");
	world_settle(w);
	assert_int_equal(world_mirrored(w, OBJECT_ROUTE), 0);
	assert_int_equal(world_mirrored(w, OBJECT_NEXTHOP), 0);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_node_routes_are_not_followed),
		TEST(test_gateway),
		TEST(test_neighbor_comes_and_goes),
		TEST(test_multipath),
		TEST(test_nexthop_objects),
		TEST(test_special_routes),
		TEST(test_metrics),
		TEST(test_precedence),
		TEST(test_tables_of_networks),
		TEST(test_filter),
		TEST(test_configured_gateway),
		TEST(test_configured_port),
		TEST(test_many),
		TEST(test_device_goes_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
