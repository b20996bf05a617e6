/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>

#include "packet.h"
#include "server/learn.h"
#include "server/objects.h"
#include "server_helper.h"

static struct {
	int port_events, full, wanted;
	uint8_t state;
} news;

static struct objects *objects;
static struct fixture *f;
static union item a;

static void
note(void *arg, const struct cw_item *event)
{
	if (event->type == CW_ITEM_PORT_EVENT) {
		news.port_events++;
		news.state = ((const struct cw_port_event *)event)->state;
	}
	news.full += event->type == CW_ITEM_TABLE_FULL;
	news.wanted += event->type == CW_ITEM_NEIGHBOR_WANTED;
}

static int
set(const struct cw_item *item)
{
	struct reason why = {""};
	int error = objects_set(objects, item, NULL, 0, &why);

	objects_settle(objects);
	if (error != 0)
		assert_string_not_equal(why.text, "");
	return error;
}

static void
assert_refused(const struct cw_item *item, int error, const char *words)
{
	struct reason why = {""};

	assert_int_equal(objects_set(objects, item, NULL, 0, &why), error);
	if (strstr(why.text, words) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", why.text, words);
	objects_settle(objects);
}

static void
del(const struct cw_item *item)
{
	struct reason why;

	assert_int_equal(objects_del(objects, item, &why), 0);
	objects_settle(objects);
}

static int
setup(void **state)
{
	f = *state;
	fake_reset();
	memset(&news, 0, sizeof(news));
	objects = objects_create(f->dp, note, NULL);
	assert_non_null(objects);
	assert_int_equal(set(make_network(&a, 7)), 0);
	assert_int_equal(set(make_port(&a, 2, 7)), 0);
	assert_int_equal(set(make_port(&a, 3, 7)), 0);
	assert_int_equal(set(make_endpoint(&a, 2, 7)), 0);
	return 0;
}

static int
teardown(void **state)
{
	objects_free(objects);
	assert_int_equal(fake.opens, fake.closes);
	assert_null(dp_network(f->dp, 7));
	assert_null(dp_port_get(f->dp, 2));
	return 0;
}

static void
a_port_with_endpoint_is_in_every_table(void **state)
{
	const struct dp_port *port = dp_port_get(f->dp, 2);

	assert_int_equal(port->network, 7);
	assert_int_equal(port->mtu, 1500);
	assert_int_equal(port->n_ips, 1);
	assert_int_equal(port->mac.addr_bytes[5], 2);
	assert_int_equal(port->origin, PACKET_FROM_PORT);
	assert_int_equal(fdb_port(f->dp, 7, 2), 2);
	assert_int_equal(neighbor_at(f->dp, 7, 2)->kind, NEIGHBOR_ENDPOINT);
	assert_int_equal(neighbor_at(f->dp, 7, 1)->kind, NEIGHBOR_ROUTER);
	assert_int_equal(route_at(f->dp, 7, make_ip4(10, 7, 3, 3, 32)), NEXTHOP_OWN_CONNECTED(7));
	assert_true(flooded_to(f->dp, 7, 2));
	assert_int_equal(dp_network(f->dp, 7)->flood->n, 2);
	assert_non_null(f->w->counters[2]);
	assert_int_equal(news.port_events, 2);
	assert_int_equal(news.state, CW_PORT_UP);
}

static void
identical_objects_are_untouched(void **state)
{
	const struct dp_port *port = dp_port_get(f->dp, 2);
	const struct network *network = dp_network(f->dp, 7);

	assert_int_equal(set(make_network(&a, 7)), 0);
	assert_int_equal(set(make_port(&a, 2, 7)), 0);
	assert_int_equal(set(make_endpoint(&a, 2, 7)), 0);
	assert_ptr_equal(dp_port_get(f->dp, 2), port);
	assert_ptr_equal(dp_network(f->dp, 7), network);
	assert_int_equal(fake.opens, 2);
}

static void
a_changed_port_keeps_its_device_and_counters(void **state)
{
	const struct port *device = dp_port_get(f->dp, 2)->device;

	f->w->counters[2]->rx_packets = 17;
	make_port(&a, 2, 7);
	a.port.mtu = 1400;
	a.port.flags = CW_PORT_NO_FLOOD;
	assert_int_equal(set(&a.item), 0);
	assert_ptr_equal(dp_port_get(f->dp, 2)->device, device);
	assert_int_equal(dp_port_get(f->dp, 2)->mtu, 1400);
	assert_int_equal(dp_port_get(f->dp, 2)->n_ips, 1);
	assert_false(flooded_to(f->dp, 7, 2));
	assert_int_equal(neighbor_at(f->dp, 7, 2)->nexthop.mtu, 1400);
	assert_int_equal(f->w->counters[2]->rx_packets, 17);
	assert_int_equal(fake.opens, 2);
}

static void
a_new_generation_reopens(void **state)
{
	f->w->counters[2]->rx_packets = 17;
	make_port(&a, 2, 7);
	a.port.generation = 2;
	assert_int_equal(set(&a.item), 0);
	assert_int_equal(fake.opens, 3);
	assert_int_equal(fake.closes, 1);
	assert_non_null(dp_port_get(f->dp, 2));
	assert_int_equal(dp_port_get(f->dp, 2)->n_ips, 1);
	assert_int_equal(f->w->counters[2]->rx_packets, 17);
}

static void
a_device_that_is_gone_leaves_nothing(void **state)
{
	fake.error = -ENODEV;
	make_port(&a, 4, 7);
	assert_refused(&a.item, -ENODEV, "pod4");
	assert_null(objects_port(objects, 4));
	assert_null(dp_port_get(f->dp, 4));
	make_port(&a, 2, 7);
	a.port.generation = 2;
	assert_refused(&a.item, -ENODEV, "pod2");
	assert_null(objects_port(objects, 2));
	assert_null(dp_port_get(f->dp, 2));
	assert_int_equal(fdb_port(f->dp, 7, 2), 0);
	assert_null(neighbor_at(f->dp, 7, 2));
	assert_false(flooded_to(f->dp, 7, 2));
}

static void
removing_a_port_takes_what_depends(void **state)
{
	const struct rte_ether_addr learned = {{2, 0, 0, 0, 9, 0x50}};

	assert_int_equal(set(make_fdb(&a, 7, 0x60, 2)), 0);
	assert_int_equal(set(make_neighbor(&a, 7, 0x61, 2)), 0);
	assert_int_equal(set(make_nexthop(&a, 5, 7, 2)), 0);
	assert_int_equal(set(make_route(&a, 7, make_ip4(10, 99, 0, 0, 16), 5)), 0);
	assert_int_equal(fdb_set(f->dp->fdb, 7, &learned, 2, true, 0), 0);
	del(make_port(&a, 2, 7));
	assert_null(dp_port_get(f->dp, 2));
	assert_int_equal(fdb_port(f->dp, 7, 2), 0);
	assert_int_equal(fdb_port(f->dp, 7, 0x60), 0);
	assert_int_equal(fdb_port(f->dp, 7, 0x50), 0);
	assert_null(neighbor_at(f->dp, 7, 2));
	assert_null(neighbor_at(f->dp, 7, 0x61));
	assert_null(nexthop_get(f->dp->nexthops, 5));
	assert_false(flooded_to(f->dp, 7, 2));
	assert_int_equal(fake.closes, 1);
	assert_non_null(dp_port_get(f->dp, 3));
	del(make_port(&a, 2, 7)); // absent is no error
}

static void
removing_a_network_takes_its_ports(void **state)
{
	assert_int_equal(set(make_nexthop(&a, 5, 7, 3)), 0);
	assert_int_equal(set(make_route(&a, 7, make_ip4(10, 99, 0, 0, 16), 5)), 0);
	del(make_network(&a, 7));
	assert_null(dp_network(f->dp, 7));
	assert_null(dp_port_get(f->dp, 2));
	assert_null(dp_port_get(f->dp, 3));
	assert_int_equal(fake.closes, 2);
	assert_null(neighbor_at(f->dp, 7, 1));
	assert_int_equal(objects_count(objects, CW_ITEM_ROUTE), 0);
	assert_int_equal(set(make_network(&a, 7)), 0);
	assert_int_equal(route_at(f->dp, 7, make_ip4(10, 99, 0, 1, 32)), LPM_MISS);
}

static void
references_must_exist(void **state)
{
	assert_refused(make_port(&a, 4, 8), -ENOENT, "port network 8");
	assert_refused(make_endpoint(&a, 9, 7), -ENOENT, "endpoint port 9");
	assert_refused(make_fdb(&a, 7, 1, 9), -ENOENT, "fdb port 9");
	assert_refused(make_neighbor(&a, 8, 1, 2), -ENOENT, "neighbor network 8");
	assert_refused(make_nexthop(&a, 1, 7, 9), -ENOENT, "nexthop port 9");
	assert_refused(make_route(&a, 7, make_ip4(0, 0, 0, 0, 0), 77), -ENOENT, "nexthop 77");
}

static void
values_must_be_in_range(void **state)
{
	make_network(&a, CW_MAX_NETWORKS);
	assert_refused(&a.item, -EINVAL, "network id 4096");
	make_network(&a, 8);
	a.network.mtu = 60;
	assert_refused(&a.item, -EINVAL, "mtu 60");
	make_network(&a, 8);
	a.network.router_mac[0] = 1;
	assert_refused(&a.item, -EINVAL, "router_mac 01:");
	make_network(&a, 8);
	a.network.addresses[0].prefix = 33;
	assert_refused(&a.item, -EINVAL, "prefix length 33");
	make_port(&a, 0, 7);
	assert_refused(&a.item, -EINVAL, "port id 0");
	make_port(&a, 4, 7);
	memset(a.port.name, 'x', sizeof(a.port.name));
	assert_refused(&a.item, -EINVAL, "name");
	make_endpoint(&a, 2, 7);
	a.endpoint.ips[0] = make_ip4(224, 0, 0, 1, 32);
	assert_refused(&a.item, -EINVAL, "224.0.0.1");
	make_route(&a, 7, make_ip4(0, 0, 0, 0, 0), 0);
	assert_refused(&a.item, -EINVAL, "route nexthop 0");
}

static void
endpoints_own_their_addresses(void **state)
{
	make_endpoint(&a, 3, 7);
	a.endpoint.ips[0] = make_ip4(10, 7, 0, 2, 32);
	assert_refused(&a.item, -EADDRINUSE, "10.7.0.2/32 belongs to port 2");
	make_endpoint(&a, 3, 7);
	make_mac(a.endpoint.mac, 2);
	assert_refused(&a.item, -EADDRINUSE, "02:00:00:00:09:02 belongs to port 2");
	make_endpoint(&a, 3, 7);
	a.endpoint.ips[0] = make_ip4(10, 7, 0, 1, 32);
	assert_refused(&a.item, -EADDRINUSE, "10.7.0.1/32 is the router's");
	assert_int_equal(neighbor_at(f->dp, 7, 2)->port, 2);
	assert_int_equal(fdb_port(f->dp, 7, 3), 0);
	// Free again once the owner left it.
	make_endpoint(&a, 2, 7);
	a.endpoint.ips[0] = make_ip4(10, 7, 0, 22, 32);
	assert_int_equal(set(&a.item), 0);
	make_endpoint(&a, 3, 7);
	a.endpoint.ips[0] = make_ip4(10, 7, 0, 2, 32);
	assert_int_equal(set(&a.item), 0);
	assert_int_equal(neighbor_at(f->dp, 7, 2)->port, 3);
	assert_int_equal(neighbor_at(f->dp, 7, 22)->port, 2);
}

static void
what_hides_an_object_gives_it_back(void **state)
{
	assert_int_equal(set(make_neighbor(&a, 7, 2, 3)), 0);
	assert_int_equal(set(make_fdb(&a, 7, 2, 3)), 0);
	assert_int_equal(neighbor_at(f->dp, 7, 2)->kind, NEIGHBOR_ENDPOINT);
	assert_int_equal(fdb_port(f->dp, 7, 2), 2);
	del(make_endpoint(&a, 2, 7));
	assert_int_equal(neighbor_at(f->dp, 7, 2)->kind, NEIGHBOR_STATIC);
	assert_int_equal(fdb_port(f->dp, 7, 2), 3);
	assert_int_equal(dp_port_get(f->dp, 2)->n_ips, 0);
	del(make_neighbor(&a, 7, 2, 3));
	del(make_fdb(&a, 7, 2, 3));
	assert_null(neighbor_at(f->dp, 7, 2));
	assert_int_equal(fdb_port(f->dp, 7, 2), 0);
}

static void
a_route_hides_the_connected_subnet(void **state)
{
	const struct cw_ip inside = make_ip4(10, 7, 3, 3, 32);

	assert_int_equal(set(make_nexthop(&a, 5, 7, 3)), 0);
	assert_int_equal(set(make_route(&a, 7, make_ip4(10, 7, 9, 9, 16), 5)), 0);
	assert_int_equal(route_at(f->dp, 7, inside), 5);
	del(make_route(&a, 7, make_ip4(10, 7, 0, 0, 16), 5));
	assert_int_equal(route_at(f->dp, 7, inside), NEXTHOP_OWN_CONNECTED(7));
	make_network(&a, 7);
	a.network.addresses[0] = make_ip4(10, 70, 0, 1, 16);
	assert_int_equal(set(&a.item), 0);
	assert_int_equal(route_at(f->dp, 7, inside), LPM_MISS);
	assert_null(neighbor_at(f->dp, 7, 1));
	assert_int_equal(route_at(f->dp, 7, make_ip4(10, 70, 3, 3, 32)), NEXTHOP_OWN_CONNECTED(7));
}

static void
a_trunk_follows_its_networks(void **state)
{
	const struct dp_port *port;

	assert_int_equal(set(make_network(&a, 8)), 0);
	make_port(&a, 4, 7);
	a.port.n_trunk = 2;
	a.port.trunk[0] = (struct cw_tag){.vlan = 20, .network = 8};
	a.port.trunk[1] = (struct cw_tag){.vlan = 10, .network = 7};
	a.item.length = (uint16_t)(sizeof(a.port) + 2 * sizeof(struct cw_tag));
	assert_int_equal(set(&a.item), 0);
	port = dp_port_get(f->dp, 4);
	assert_int_equal(port->n_trunk, 2);
	assert_int_equal(port->trunk[0].vlan, 10);
	assert_true(flooded_to(f->dp, 8, 4));
	del(make_network(&a, 8));
	assert_int_equal(dp_port_get(f->dp, 4)->n_trunk, 1);
	assert_int_equal(set(make_network(&a, 8)), 0);
	assert_int_equal(dp_port_get(f->dp, 4)->n_trunk, 2);
	assert_true(flooded_to(f->dp, 8, 4));
}

static void
groups_refer_to_members(void **state)
{
	make_nexthop(&a, 6, 7, 0);
	a.nexthop.kind = CW_NEXTHOP_GROUP;
	a.nexthop.n_members = 1;
	a.nexthop.members[0] = (struct cw_member){.nexthop = 5, .weight = 1};
	a.item.length = (uint16_t)CW_ALIGN8(
		offsetof(struct cw_nexthop, members) + sizeof(struct cw_member));
	assert_refused(&a.item, -ENOENT, "member nexthop 5");
	union item group = a;

	assert_int_equal(set(make_nexthop(&a, 5, 7, 3)), 0);
	assert_int_equal(set(&group.item), 0);
	group.nexthop.id = 8;
	group.nexthop.members[0].nexthop = 6;
	assert_refused(&group.item, -EINVAL, "member nexthop 6 is a group");
}

static void
a_vanishing_device_is_told_once(void **state)
{
	news.port_events = 0;
	objects_poll_devices(objects);
	assert_int_equal(news.port_events, 0);
	fake.state = CW_PORT_GONE;
	objects_poll_devices(objects);
	objects_poll_devices(objects);
	assert_int_equal(news.port_events, 2); // two ports
	assert_int_equal(news.state, CW_PORT_GONE);
	assert_non_null(dp_port_get(f->dp, 2));
}

static struct learn *
start_learning(uint32_t limit)
{
	make_network(&a, 7);
	a.network.flags = CW_NETWORK_LEARNING;
	a.network.learn_limit = limit;
	assert_int_equal(set(&a.item), 0);
	return learn_create(f->dp, objects, rte_rdtsc(), note, NULL);
}

static void
seen(struct learn *learn, uint8_t mac, uint16_t port)
{
	struct dp_event event = {.type = DP_EVENT_LEARN, .network = 7, .port = port};

	make_mac(event.mac.addr_bytes, mac);
	learn_event(learn, &event);
}

static void
learning_keeps_to_its_limit(void **state)
{
	struct learn *learn = start_learning(2);

	seen(learn, 0x50, 3);
	seen(learn, 0x51, 3);
	seen(learn, 0x52, 3);
	assert_int_equal(fdb_port(f->dp, 7, 0x50), 3);
	assert_int_equal(fdb_port(f->dp, 7, 0x51), 3);
	assert_int_equal(fdb_port(f->dp, 7, 0x52), 0);
	assert_int_equal(news.full, 1);
	seen(learn, 0x51, 2); // moves although the table is full
	assert_int_equal(fdb_port(f->dp, 7, 0x51), 2);
	learn_free(learn);
}

static void
learning_takes_no_static_address(void **state)
{
	struct learn *learn = start_learning(0);

	seen(learn, 2, 3); // an endpoint's
	assert_int_equal(fdb_port(f->dp, 7, 2), 2);
	seen(learn, 0xfe, 3); // the router's
	assert_int_equal(fdb_port(f->dp, 7, 0xfe), 0);
	seen(learn, 0x50, 9); // of a port that left
	assert_int_equal(fdb_port(f->dp, 7, 0x50), 0);
	assert_int_equal(set(make_network(&a, 7)), 0); // no learning any more
	seen(learn, 0x51, 3);
	assert_int_equal(fdb_port(f->dp, 7, 0x51), 0);
	learn_free(learn);
}

static void
neighbors_are_wanted_once(void **state)
{
	struct learn *learn = start_learning(0);
	struct dp_event event = {.type = DP_EVENT_NEIGHBOR_WANTED, .network = 7};

	event.ip = make_ip4(10, 7, 9, 9, 32);
	for (int i = 0; i < 1000; i++)
		assert_int_equal(rte_ring_enqueue_elem(f->dp->events, &event, sizeof(event)), 0);
	while (learn_poll(learn) != 0)
		;
	assert_in_range(news.wanted, 1, 10); // one a second
	learn_free(learn);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			a_port_with_endpoint_is_in_every_table, setup, teardown),
		cmocka_unit_test_setup_teardown(identical_objects_are_untouched, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_changed_port_keeps_its_device_and_counters, setup, teardown),
		cmocka_unit_test_setup_teardown(a_new_generation_reopens, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_device_that_is_gone_leaves_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(
			removing_a_port_takes_what_depends, setup, teardown),
		cmocka_unit_test_setup_teardown(
			removing_a_network_takes_its_ports, setup, teardown),
		cmocka_unit_test_setup_teardown(references_must_exist, setup, teardown),
		cmocka_unit_test_setup_teardown(values_must_be_in_range, setup, teardown),
		cmocka_unit_test_setup_teardown(endpoints_own_their_addresses, setup, teardown),
		cmocka_unit_test_setup_teardown(
			what_hides_an_object_gives_it_back, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_route_hides_the_connected_subnet, setup, teardown),
		cmocka_unit_test_setup_teardown(a_trunk_follows_its_networks, setup, teardown),
		cmocka_unit_test_setup_teardown(groups_refer_to_members, setup, teardown),
		cmocka_unit_test_setup_teardown(a_vanishing_device_is_told_once, setup, teardown),
		cmocka_unit_test_setup_teardown(learning_keeps_to_its_limit, setup, teardown),
		cmocka_unit_test_setup_teardown(learning_takes_no_static_address, setup, teardown),
		cmocka_unit_test_setup_teardown(neighbors_are_wanted_once, setup, teardown),
	};

	return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
