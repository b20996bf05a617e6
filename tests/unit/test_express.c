/* SPDX-License-Identifier: Apache-2.0 */
#include "checksum.h"
#include "express_compare.h"
#include "stages/rewrite_l3.h"

// The express way and the stages do the same: every burst goes both ways, and what leaves, the
// counters and the events are compared. The seed is printed with a failure; CAUSEWAY_SEED sets it.

#define BURSTS 3000
#define ROUTE_NEXTHOP 50

static void
plain_port(struct dp_port *port, void *arg)
{
	port->guard = CW_GUARD_ALL;
	port->mtu = 1500;
	port->capabilities = PORT_TX_OFFLOADS | PORT_TX_CHAINS;
	port->kind = CW_PORT_TAP;
	port->vlan = 0;
	port->flags = 0;
	port->origin = PACKET_FROM_PORT;
	port->n_ips = 2;
	port->n_trunk = 0;
}

static void
random_port(struct dp_port *port, void *arg)
{
	static const uint16_t mtus[] = {1500, 1500, 1500, 1280, 600};

	port->guard = pick(3) == 0 ? pick(32) : CW_GUARD_ALL;
	port->mtu = mtus[pick(RTE_DIM(mtus))];
	port->capabilities = pick(3) == 0 ? pick(32) : PORT_TX_OFFLOADS | PORT_TX_CHAINS;
	port->kind = pick(8) == 0 ? CW_PORT_AF_XDP : CW_PORT_TAP;
	port->vlan = (uint16_t)(pick(8) == 0 ? 7 : 0);
	port->flags = pick(8) == 0 ? pick(64) : 0;
	port->origin = port->flags & CW_PORT_UPLINK ? PACKET_FROM_UPLINK : PACKET_FROM_PORT;
	port->n_ips = (uint16_t)(pick(6) == 0 ? pick(4) : 2);
	port->ips[2] = port->ips[0];
	port->ips[2].addr[3] ^= 8;
	port->n_trunk = pick(8) == 0;
	port->trunk[0] = (struct cw_tag){.vlan = 8, .network = pick(2)};
}

static void
random_network(struct network *network, void *arg)
{
	network->learning = pick(4) == 0;
	network->mtu = (uint16_t)(pick(4) == 0 ? 1000 : 1500);
}

static void
change_settings(struct fixture *f)
{
	fixture_network(f, 0, random_network, NULL);
	for (uint16_t port = 2; port <= 4; port++)
		fixture_port_change(f, port, pick(2) ? plain_port : random_port, NULL);
	for (uint16_t port = 2; port <= 4; port++) {
		struct rte_ether_addr mac = port_mac(port);

		fdb_del(f->dp->fdb, 0, &mac);
		if (pick(6) != 0)
			fdb_set(f->dp->fdb, 0, &mac, (uint16_t)(pick(10) ? port : 2 + pick(3)),
				pick(3) == 0, f->w->now_s);
	}
}

static void
add_routes(struct fixture *f)
{
	struct cw_nexthop object = {
		.id = ROUTE_NEXTHOP, .kind = CW_NEXTHOP_PORT, .port = 3, .mac = {2, 0, 0, 0, 1, 3}};
	const uint8_t prefix[4] = {10, 9};

	assert_int_equal(nexthop_set(f->dp->nexthops, &object), 0);
	assert_int_equal(lpm_set(f->dp->networks[0]->routes4, prefix, 16, ROUTE_NEXTHOP), 0);
}

static void
test_same_outcome(void **state)
{
	struct fixture *f = *state;
	struct express_frame *frames = calloc(WORKER_BURST, sizeof(*frames));
	struct outcome *out = make_outcomes();
	uint64_t express = 0, packets = 0;

	assert_true(worker_express_is_open());
	add_routes(f);
	for (uint32_t burst = 0; burst < BURSTS; burst++) {
		uint16_t n = (uint16_t)(1 + pick(WORKER_BURST)), in = (uint16_t)(2 + pick(3));
		uint32_t spoilt = pick(3) == 0 ? 30 : pick(10);

		if (burst % 20 == 0)
			change_settings(f);
		for (uint16_t i = 0; i < n; i++)
			frames[i] = random_frame(in, (uint8_t)i, spoilt);
		run(f, false, in, frames, n, &out[0]);
		assert_int_equal(out[0].express, 0);
		run(f, true, in, frames, n, &out[2]);
		assert_same(&out[0], &out[2]);
		assert_true(out[2].overtaken <= out[0].overtaken);
		express += out[2].express;
		packets += n;
	}
	print_message("# %d%% took the express way\n", (int)(express * 100 / packets));
	assert_true(express > packets / 10);
	free_outcomes(out);
	free(frames);
}

// All to one MAC, of which only the first is not for the express way: the others need an answer
// that is not its.
static void
test_first_is_spoofed(void **state)
{
	struct fixture *f = *state;
	struct outcome *out = make_outcomes();
	struct express_frame frames[3];

	fixture_port_change(f, 2, plain_port, NULL);
	for (size_t i = 0; i < RTE_DIM(frames); i++)
		frames[i] = (struct express_frame){.frame = frame_udp4(2, 3, NULL)};
	frame_ether(&frames[0].frame)->src_addr.addr_bytes[5] ^= 0x40;
	run(f, false, 2, frames, RTE_DIM(frames), &out[0]);
	run(f, true, 2, frames, RTE_DIM(frames), &out[2]);
	assert_same(&out[0], &out[2]);
	assert_int_equal(out[2].n_sent, 2);
	assert_int_equal(out[2].express, 2);
	free_outcomes(out);
}

static uint16_t
send_routed(struct fixture *f)
{
	struct frame frame = frame_udp4(2, 3, ROUTER_MAC);
	uint64_t express = f->w->stages[graph_stage_id("express")].packets;

	frame_ipv4(&frame)->dst_addr = RTE_BE32(RTE_IPV4(10, 9, 0, 7));
	frame_fix_ipv4(&frame);
	fixture_sent_clear(f);
	inject(f, 2, &frame);
	return (uint16_t)(f->w->stages[graph_stage_id("express")].packets - express);
}

static uint8_t
last_mac_byte(struct fixture *f, uint16_t port)
{
	return packet_ether(fixture_sent_packet(f, port, 0))->dst_addr.addr_bytes[5];
}

// What was remembered of a route is forgotten with each change of it.
static void
test_changes_are_seen(void **state)
{
	struct fixture *f = *state;
	struct cw_nexthop object = {
		.id = ROUTE_NEXTHOP, .kind = CW_NEXTHOP_PORT, .port = 4, .mac = {2, 0, 0, 0, 1, 9}};
	const struct cw_ip ip = {.addr = {10, 9, 0, 7}, .family = 4, .prefix = 32};
	const struct rte_ether_addr mac = {{2, 0, 0, 0, 1, 77}};
	const uint8_t prefix[4] = {10, 9};
	struct lpm_table *routes = f->dp->networks[0]->routes4;

	f->w->express = true;
	add_routes(f);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(send_routed(f), 1);
		assert_int_equal(last_mac_byte(f, 3), 3);
	}
	assert_int_equal(nexthop_set(f->dp->nexthops, &object), 0);
	assert_int_equal(send_routed(f), 1);
	assert_int_equal(last_mac_byte(f, 4), 9);
	assert_int_equal(neighbor_set(f->dp->neighbors, NEIGHBOR_STATIC, 0, &ip, &mac, 3), 0);
	assert_int_equal(send_routed(f), 1);
	assert_int_equal(last_mac_byte(f, 3), 77);
	assert_int_equal(neighbor_del(f->dp->neighbors, NEIGHBOR_STATIC, 0, &ip), 0);
	assert_int_equal(send_routed(f), 1);
	assert_int_equal(last_mac_byte(f, 4), 9);
	assert_int_equal(lpm_del(routes, prefix, 16), 0);
	assert_int_equal(send_routed(f), 0);
	assert_int_equal(fixture_drops(f, 2, "no_route"), 1);
}

// One hop less, for every checksum.
static void
test_hop(void **state)
{
	for (uint32_t ttl = 1; ttl <= UINT8_MAX; ttl += 127)
		for (uint32_t checksum = 0; checksum <= UINT16_MAX; checksum++) {
			struct rte_ipv4_hdr ip = {.time_to_live = (uint8_t)ttl,
				.next_proto_id = 17,
				.hdr_checksum = (rte_be16_t)checksum};
			uint16_t from, to, expected;

			memcpy(&from, &ip.time_to_live, sizeof(from));
			rewrite_hop4(&ip);
			memcpy(&to, &ip.time_to_live, sizeof(to));
			expected = checksum_replace16((uint16_t)checksum, from, to);
			assert_int_equal(ip.time_to_live, ttl - 1);
			assert_int_equal(ip.hdr_checksum, expected);
		}
}

static int
teardown(void **state)
{
	check_books(state);
	return fixture_teardown(state);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_same_outcome, setup_ports, teardown),
		cmocka_unit_test_setup_teardown(test_first_is_spoofed, setup_ports, teardown),
		cmocka_unit_test_setup_teardown(test_changes_are_seen, setup_ports, teardown),
		cmocka_unit_test(test_hop),
	};
	const char *text = getenv("CAUSEWAY_SEED");
	unsigned int seed = text != NULL ? (unsigned int)atoi(text) : (unsigned int)rte_rdtsc();

	srandom(seed);
	print_message("# CAUSEWAY_SEED=%u\n", seed);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
