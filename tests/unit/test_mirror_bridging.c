/* SPDX-License-Identifier: Apache-2.0 */

// vxlan devices whose VNI is a network's: stations, flood lists and neighbours behind other nodes,
// and local ends that devices share or that users have configured.

#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "address_text.h"
#include "mirror_world.h"

#define VX100 20
#define VX200 21
#define STATION "02:00:00:00:22:02"

static struct network *
add_network(struct world *w, uint32_t id, uint32_t vni)
{
	struct network *network = object_new(OBJECT_NETWORK, sizeof(*network));

	snprintf(network->name, sizeof(network->name), "net%u", id);
	network->id = id;
	network->vni = vni;
	world_add(w, &network->object);
	return network;
}

static int
set_up(void **state)
{
	struct world *w = world_create();

	add_network(w, 1, 100);
	kernel_vxlan(w, VX100, "vx100", 100, "192.168.0.1", "02:00:00:00:20:01");
	*state = w;
	return 0;
}

static int
tear_down(void **state)
{
	world_free(*state);
	return 0;
}

static const struct fdb *
find_fdb(const struct world *w, uint32_t network, const char *mac)
{
	struct fdb key = {.object.type = OBJECT_FDB, .network = network};

	assert_true(mac_parse(mac, key.mac));
	return (const struct fdb *)objects_find(w->objects, &key.object);
}

static int
collect_flood(void *arg, struct object *object)
{
	const struct fdb *fdb = (const struct fdb *)object;

	*(unsigned int *)arg += mac_is_zero(fdb->mac);
	return 0;
}

static unsigned int
count_flood(const struct world *w)
{
	unsigned int n = 0;

	objects_each(w->objects, OBJECT_FDB, collect_flood, &n);
	return n;
}

static void
test_stations(void **state)
{
	struct world *w = *state;
	const struct nexthop *tunnel, *routed;
	const struct neighbor *neighbor;
	struct neighbor key = {.object.type = OBJECT_NEIGHBOR,
		.network = 1,
		.ip = {.addr = {10, 99, 0, 2}, .family = 4, .prefix = 32}};

	kernel_fdb(w, VX100, STATION, "192.168.0.2");
	kernel_neighbor(w, VX100, "10.99.0.2", STATION, NUD_PERMANENT);
	world_settle(w);
	assert_non_null(find_fdb(w, 1, STATION));
	tunnel = nexthop_by_id(w->objects, find_fdb(w, 1, STATION)->nexthop);
	assert_int_equal(tunnel->kind, CW_NEXTHOP_TUNNEL);
	assert_int_equal(tunnel->network, 1);
	assert_int_equal(tunnel->vni, 100);
	assert_mac(tunnel->mac, "00:00:00:00:00:00");
	neighbor = (const struct neighbor *)objects_find(w->objects, &key.object);
	assert_non_null(neighbor);
	assert_mac(neighbor->mac, STATION);
	routed = nexthop_by_id(w->objects, neighbor->nexthop); // packets need an inner MAC
	assert_int_equal(routed->kind, CW_NEXTHOP_TUNNEL);
	assert_int_equal(routed->vni, 100);
	assert_ip(&routed->via, "192.168.0.2");
	assert_mac(routed->mac, STATION);
	// The station moves: a new entry in place of the old, no deletion told.
	kernel_fdb(w, VX100, STATION, "192.168.0.3");
	world_settle(w);
	tunnel = nexthop_by_id(w->objects, find_fdb(w, 1, STATION)->nexthop);
	assert_ip(&tunnel->via, "192.168.0.3");
	assert_int_equal(world_mirrored(w, OBJECT_FDB), 1);
	kernel_neighbor(w, VX100, "10.99.0.2", STATION, NUD_FAILED);
	world_settle(w);
	assert_null(objects_find(w->objects, &key.object));
}

static void
test_flood_list(void **state)
{
	struct world *w = *state;
	struct kernel_fdb key = {
		.ifindex = VX100, .remote = {.addr = {192, 168, 0, 2}, .family = 4, .prefix = 32}};

	kernel_fdb(w, VX100, "00:00:00:00:00:00", "192.168.0.2");
	kernel_fdb(w, VX100, "00:00:00:00:00:00", "192.168.0.3");
	world_settle(w);
	assert_int_equal(count_flood(w), 2);
	assert_true(tables_remove(w->tables, TABLES_FDB, &key));
	world_settle(w);
	assert_int_equal(count_flood(w), 1);
	assert_int_equal(world_mirrored(w, OBJECT_NEXTHOP), 2); // the tunnel and its underlay
}

static int
take_nexthop(void *arg, struct object *object)
{
	*(const struct nexthop **)arg = (const struct nexthop *)object;
	return 0;
}

// A multicast group is on link: it needs no underlay, and is listened to.
static void
test_multicast_group(void **state)
{
	struct world *w = *state;
	struct kernel_link link = *tables_link(w->tables, VX100);
	const struct nexthop *tunnel = NULL;

	link.remote = (struct cw_ip){.addr = {239, 1, 1, 1}, .family = 4, .prefix = 32};
	tables_put(w->tables, TABLES_LINKS, &link);
	kernel_fdb(w, VX100, "00:00:00:00:00:00", "239.1.1.1");
	world_settle(w);
	assert_int_equal(count_flood(w), 1);
	assert_int_equal(world_mirrored(w, OBJECT_NEXTHOP), 1);
	assert_int_equal(world_mirrored(w, OBJECT_VTEP), 1);
	objects_each(w->objects, OBJECT_NEXTHOP, take_nexthop, &tunnel);
	assert_ip(&tunnel->via, "239.1.1.1");
	assert_int_equal(tunnel->underlay, 0);
	assert_int_equal(vtep_by_id(w->objects, tunnel->vtep)->n_groups, 1);
}

// What a vtep of ours cannot do is left out: another port, a VNI of no network.
static void
test_left_out(void **state)
{
	struct world *w = *state;
	struct kernel_fdb fdb = {.ifindex = VX100,
		.udp_port = 4789,
		.mac = {2},
		.remote = {.addr = {192, 168, 0, 2}, .family = 4, .prefix = 32}};

	tables_put(w->tables, TABLES_FDB, &fdb);
	kernel_vxlan(w, VX200, "vx200", 200, "192.168.0.1", "02:00:00:00:20:02");
	kernel_fdb(w, VX200, STATION, "192.168.0.2");
	kernel_fdb(w, VX100, "01:00:5e:00:00:05", "192.168.0.2");
	world_settle(w);
	assert_int_equal(world_mirrored(w, OBJECT_FDB), 0);
	add_network(w, 2, 200);
	world_settle(w);
	assert_non_null(find_fdb(w, 2, STATION));
}

static int
take_vtep(void *arg, struct object *object)
{
	*(const struct vtep **)arg = (const struct vtep *)object;
	return 0;
}

// Devices with one address and port are one local end; the one with addresses gives its MAC.
static void
test_shared_end(void **state)
{
	struct world *w = *state;
	const struct vtep *vtep = NULL;

	kernel_vxlan(w, VX200, "vx200", 200, "192.168.0.1", "02:00:00:00:20:02");
	kernel_address(w, VX200, "10.244.1.0/32");
	world_settle(w);
	assert_int_equal(world_mirrored(w, OBJECT_VTEP), 1);
	objects_each(w->objects, OBJECT_VTEP, take_vtep, &vtep);
	assert_mac(vtep->mac, "02:00:00:00:20:02");
	assert_int_equal(vtep->n_own, 1);
}

// A vtep that a user has configured serves the device; when it goes the mirror makes its own.
static void
test_configured_vtep(void **state)
{
	struct world *w = *state;
	struct vtep *vtep = object_new(OBJECT_VTEP, sizeof(*vtep));

	strcpy(vtep->name, "mine");
	vtep->id = 3;
	vtep->kind = CW_TUNNEL_VXLAN;
	vtep->udp_port = 8472;
	vtep->address = (struct cw_ip){.addr = {192, 168, 0, 1}, .family = 4, .prefix = 32};
	world_add(w, &vtep->object);
	kernel_fdb(w, VX100, STATION, "192.168.0.2");
	world_settle(w);
	assert_int_equal(world_mirrored(w, OBJECT_VTEP), 0);
	assert_int_equal(
		nexthop_by_id(w->objects, find_fdb(w, 1, STATION)->nexthop)->vtep, vtep->id);
	objects_remove(w->objects, &vtep->object);
	plan_touch(w->plan, &vtep->object);
	object_free(&vtep->object);
	world_settle(w);
	assert_int_equal(world_mirrored(w, OBJECT_VTEP), 1);
	assert_int_not_equal(nexthop_by_id(w->objects, find_fdb(w, 1, STATION)->nexthop)->vtep, 3);
}

static void
test_fdb_precedence(void **state)
{
	struct world *w = *state;
	struct fdb *configured = object_new(OBJECT_FDB, sizeof(*configured));

	configured->network = 1;
	configured->port = UPLINK;
	mac_parse(STATION, configured->mac);
	world_add(w, &configured->object);
	kernel_fdb(w, VX100, STATION, "192.168.0.2");
	world_settle(w);
	assert_ptr_equal(find_fdb(w, 1, STATION), configured);
	objects_remove(w->objects, &configured->object);
	plan_touch(w->plan, &configured->object);
	object_free(&configured->object);
	world_settle(w);
	assert_int_not_equal(find_fdb(w, 1, STATION)->nexthop, 0);
}

// A device that goes takes all that it carried along.
static void
test_device_goes(void **state)
{
	struct world *w = *state;
	struct kernel_link key = {.ifindex = VX100};

	kernel_fdb(w, VX100, STATION, "192.168.0.2");
	kernel_fdb(w, VX100, "00:00:00:00:00:00", "192.168.0.2");
	world_settle(w);
	assert_int_equal(world_mirrored(w, OBJECT_FDB), 2);
	assert_true(tables_remove(w->tables, TABLES_LINKS, &key));
	world_settle(w);
	for (unsigned int type = 0; type < OBJECT_TYPES; type++)
		assert_int_equal(world_mirrored(w, (enum object_type)type), 0);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_stations),
		TEST(test_flood_list),
		TEST(test_multicast_group),
		TEST(test_left_out),
		TEST(test_shared_end),
		TEST(test_configured_vtep),
		TEST(test_fdb_precedence),
		TEST(test_device_goes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
