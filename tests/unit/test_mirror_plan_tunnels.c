/* SPDX-License-Identifier: Apache-2.0 */

// What the kernel's tables become where routes lead through tunnels: every link of their chain
// changed in turn.

#include "mirror_plan_helper.h"

#define FLANNEL 10
#define VTEP_MAC "02:00:00:00:10:02"

// As flanneld does it on node 192.168.0.1, for node 192.168.0.2 with pods 10.244.2.0/24.
static void
add_flannel(struct world *w)
{
	kernel_vxlan(w, FLANNEL, "flannel.1", 1, "192.168.0.1", "02:00:00:00:10:01");
	kernel_address(w, FLANNEL, "10.244.1.0/32");
	kernel_neighbor(w, FLANNEL, "10.244.2.0", VTEP_MAC, NUD_PERMANENT);
	kernel_fdb(w, FLANNEL, VTEP_MAC, "192.168.0.2");
	kernel_route(w, "10.244.2.0/24", "10.244.2.0", FLANNEL, RTPROT_BOOT);
	kernel_neighbor(w, ETH0, "192.168.0.2", PEER_MAC, NUD_REACHABLE);
}

static void
test_flannel(void **state)
{
	struct world *w = *state;
	const struct nexthop *tunnel, *underlay;
	const struct vtep *vtep;

	add_flannel(w);
	world_settle(w);
	tunnel = world_nexthop(w, "10.244.2.0/24");
	assert_int_equal(tunnel->kind, CW_NEXTHOP_TUNNEL);
	assert_ip(&tunnel->via, "192.168.0.2");
	assert_mac(tunnel->mac, VTEP_MAC);
	assert_int_equal(tunnel->vni, 1);
	assert_int_equal(tunnel->path_mtu, 1450);
	assert_int_equal(world_route(w, "10.244.2.0/24")->object.origin, ORIGIN_FLANNEL);
	underlay = nexthop_by_id(w->objects, tunnel->underlay);
	assert_non_null(underlay);
	assert_int_equal(underlay->kind, CW_NEXTHOP_PORT);
	assert_ip(&underlay->via, "192.168.0.2");
	assert_mac(underlay->mac, PEER_MAC);
	vtep = vtep_by_id(w->objects, tunnel->vtep);
	assert_non_null(vtep);
	assert_string_equal(vtep->name, "flannel.1");
	assert_int_equal(vtep->port, UPLINK);
	assert_int_equal(vtep->udp_port, 8472);
	assert_int_equal(vtep->flags, CW_VTEP_CHECKSUM);
	assert_ip(&vtep->address, "192.168.0.1");
	assert_mac(vtep->mac, "02:00:00:00:10:01");
	assert_int_equal(vtep->n_own, 1);
	assert_ip(&vtep->own[0], "10.244.1.0");
}

// Each link of the chain in turn; routes are never touched.
static void
test_flannel_changes(void **state)
{
	struct world *w = *state;
	struct kernel_neighbor key = {
		.ifindex = FLANNEL, .ip = {.addr = {10, 244, 2, 0}, .family = 4, .prefix = 32}};
	uint32_t id;

	add_flannel(w);
	world_settle(w);
	id = world_nexthop(w, "10.244.2.0/24")->id;
	kernel_neighbor(w, FLANNEL, "10.244.2.0", "02:00:00:00:10:22", NUD_PERMANENT);
	world_settle(w);
	assert_int_equal(world_nexthop(w, "10.244.2.0/24")->kind, CW_NEXTHOP_UNREACHABLE);
	kernel_fdb(w, FLANNEL, "02:00:00:00:10:22", "192.168.0.3");
	world_settle(w);
	assert_ip(&world_nexthop(w, "10.244.2.0/24")->via, "192.168.0.3");
	assert_mac(world_nexthop(w, "10.244.2.0/24")->mac, "02:00:00:00:10:22");
	assert_int_equal(w->n_routes, 0);
	// The peer is now behind a router.
	kernel_fdb(w, FLANNEL, "02:00:00:00:10:22", "172.16.0.3");
	kernel_neighbor(w, ETH0, "192.168.0.254", GATEWAY_MAC, NUD_REACHABLE);
	world_settle(w);
	assert_ip(&nexthop_by_id(w->objects, world_nexthop(w, "10.244.2.0/24")->underlay)->via,
		"192.168.0.254");
	kernel_route(w, "172.16.0.0/16", "192.168.0.253", ETH0, RTPROT_STATIC);
	world_settle(w);
	assert_ip(&nexthop_by_id(w->objects, world_nexthop(w, "10.244.2.0/24")->underlay)->via,
		"192.168.0.253");
	assert_true(tables_remove(w->tables, TABLES_NEIGHBORS, &key));
	world_settle(w);
	assert_int_equal(world_nexthop(w, "10.244.2.0/24")->kind, CW_NEXTHOP_UNREACHABLE);
	assert_int_equal(world_nexthop(w, "10.244.2.0/24")->id, id);
}

// Flannel's DirectRouting mixes both.
static void
test_direct_routing(void **state)
{
	struct world *w = *state;

	add_flannel(w);
	kernel_route(w, "10.244.3.0/24", "192.168.0.3", ETH0, RTPROT_BOOT);
	world_settle(w);
	assert_int_equal(world_nexthop(w, "10.244.2.0/24")->kind, CW_NEXTHOP_TUNNEL);
	assert_int_equal(world_nexthop(w, "10.244.3.0/24")->kind, CW_NEXTHOP_PORT);
	// The same prefix goes from the tunnel to the wire by a replace.
	kernel_route(w, "10.244.2.0/24", "192.168.0.2", ETH0, RTPROT_BOOT);
	world_settle(w);
	assert_int_equal(world_nexthop(w, "10.244.2.0/24")->kind, CW_NEXTHOP_PORT);
}

static void
test_ipv6_tunnel(void **state)
{
	struct world *w = *state;
	const struct nexthop *tunnel;

	kernel_vxlan(w, 11, "flannel-v6.1", 1, "fd00::1", "02:00:00:00:11:01");
	kernel_neighbor(w, 11, "fd01:0:0:2::", "02:00:00:00:11:02", NUD_PERMANENT);
	kernel_fdb(w, 11, "02:00:00:00:11:02", "fd00::2");
	kernel_route(w, "fd01:0:0:2::/64", "fd01:0:0:2::", 11, RTPROT_BOOT);
	add_flannel(w);
	world_settle(w);
	tunnel = world_nexthop(w, "fd01:0:0:2::/64");
	assert_int_equal(tunnel->kind, CW_NEXTHOP_TUNNEL);
	assert_ip(&tunnel->via, "fd00::2");
	assert_ip(&nexthop_by_id(w->objects, tunnel->underlay)->via, "fd00::2");
	assert_int_equal(world_mirrored(w, OBJECT_VTEP), 2);
}

static void
test_ipip(void **state)
{
	struct world *w = *state;
	const struct nexthop *tunnel;
	struct kernel_link link = {
		.ifindex = 12,
		.kind = KERNEL_LINK_IPIP,
		.flags = IFF_UP,
		.mtu = 1480,
		.local = {.addr = {192, 168, 0, 1}, .family = 4, .prefix = 32},
		.name = "flannel.ipip",
	};

	tables_put(w->tables, TABLES_LINKS, &link);
	kernel_address(w, 12, "10.244.1.0/32");
	kernel_route(w, "10.244.2.0/24", "192.168.0.2", 12, RTPROT_BOOT);
	world_settle(w);
	tunnel = world_nexthop(w, "10.244.2.0/24");
	assert_int_equal(tunnel->kind, CW_NEXTHOP_TUNNEL);
	assert_ip(&tunnel->via, "192.168.0.2");
	assert_mac(tunnel->mac, "00:00:00:00:00:00");
	assert_int_equal(tunnel->path_mtu, 1480);
	assert_int_equal(vtep_by_id(w->objects, tunnel->vtep)->kind, CW_TUNNEL_IPIP);
}

// An uplink that goes takes all with it, and brings it back.
static void
test_uplink_goes(void **state)
{
	struct world *w = *state;
	struct port *port = port_by_id(w->objects, UPLINK);

	add_flannel(w);
	kernel_route(w, "10.1.0.0/24", "192.168.0.2", ETH0, RTPROT_BIRD);
	world_settle(w);
	assert_int_equal(world_mirrored(w, OBJECT_ROUTE), 2);
	port->flags = 0;
	plan_touch(w->plan, &port->object);
	world_settle(w);
	for (unsigned int type = 0; type < OBJECT_TYPES; type++)
		assert_int_equal(world_mirrored(w, (enum object_type)type), 0);
	port->flags = CW_PORT_UPLINK;
	plan_touch(w->plan, &port->object);
	world_settle(w);
	assert_int_equal(world_mirrored(w, OBJECT_ROUTE), 2);
	assert_int_equal(world_mirrored(w, OBJECT_VTEP), 1);
}

static void
test_underlay_of_configured_tunnels(void **state)
{
	struct world *w = *state;
	struct nexthop *tunnel = object_new(OBJECT_NEXTHOP, sizeof(*tunnel));
	const struct nexthop *found;

	tunnel->id = 1;
	tunnel->kind = CW_NEXTHOP_TUNNEL;
	tunnel->vtep = 1;
	tunnel->via = (struct cw_ip){.addr = {192, 168, 0, 7}, .family = 4, .prefix = 32};
	world_add(w, &tunnel->object);
	world_settle(w);
	found = nexthop_by_id(w->objects, 1);
	assert_int_equal(found->underlay, 0);
	assert_ip(&nexthop_by_id(w->objects, found->found_underlay)->via, "192.168.0.7");
	kernel_route(w, "192.168.0.7/32", "192.168.0.254", ETH0, RTPROT_STATIC);
	world_settle(w);
	found = nexthop_by_id(w->objects, 1);
	assert_ip(&nexthop_by_id(w->objects, found->found_underlay)->via, "192.168.0.254");
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_flannel),
		TEST(test_flannel_changes),
		TEST(test_direct_routing),
		TEST(test_ipv6_tunnel),
		TEST(test_ipip),
		TEST(test_uplink_goes),
		TEST(test_underlay_of_configured_tunnels),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
