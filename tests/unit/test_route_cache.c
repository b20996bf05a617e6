/* SPDX-License-Identifier: Apache-2.0 */

// What a worker remembers of routes is what the tables say, whatever was asked and changed before.

#include <rte_random.h>

#include "route_helper.h"
#include "stages/route_cache.h"

#define ADDRESS(a, b, c, d) \
	RTE_BE32((uint32_t)(a) << 24 | (uint32_t)(b) << 16 | (uint32_t)(c) << 8 | (uint32_t)(d))
#define MANY 20000u // next hops and routes: more than are remembered at once

static struct route_cache *cache;

static int
setup(void **state)
{
	int error = fixture_setup(state);

	fixture_port(*state, 2);
	fixture_port(*state, 3);
	cache = route_cache_create(SOCKET_ID_ANY);
	return error != 0 || cache == NULL ? -1 : 0;
}

static int
teardown(void **state)
{
	route_cache_free(cache);
	return fixture_teardown(state);
}

// Asks both. Returns whether all were remembered.
static bool
ask(struct fixture *f, uint16_t network, const rte_be32_t *ip, uint16_t n)
{
	const struct nexthop *found[WORKER_BURST], *expected[WORKER_BURST];
	uint16_t networks[WORKER_BURST] = {0};
	bool all;

	for (uint16_t i = 0; i < n; i++)
		networks[i] = network;
	route_lookup4(f->dp, networks, ip, n, expected);
	all = route_cache_lookup4(cache, f->dp, network, ip, n, found);
	for (uint16_t i = 0; i < n; i++)
		assert_ptr_equal(found[i], expected[i]);
	return all;
}

static void
make_routes(struct fixture *f)
{
	set_nexthop(f, 2, CW_NEXTHOP_PORT, 2);
	set_nexthop(f, 3, CW_NEXTHOP_PORT, 3);
	set_nexthop(f, 4, CW_NEXTHOP_BLACKHOLE, 0);
	set_route4(f, 0, "192.168.0.0", 16, 2);
	set_route4(f, 0, "192.168.7.0", 24, 3);
	set_route4(f, 0, "192.168.8.0", 24, 4);
}

static void
test_remembers(void **state)
{
	struct fixture *f = *state;
	rte_be32_t ip[WORKER_BURST];

	make_routes(f);
	for (uint16_t n = 1; n <= WORKER_BURST; n++) {
		for (uint16_t i = 0; i < n; i++)
			ip[i] = ADDRESS(192, 168, 9 + n, i);
		assert_false(ask(f, 0, ip, n));
		assert_true(ask(f, 0, ip, n));
	}
}

// Whoever has asked for one address knows all of its /24, but where a longer prefix or a neighbour
// says otherwise.
static void
test_blocks(void **state)
{
	const struct cw_ip neighbor = {.family = 4, .prefix = 32, .addr = {192, 168, 20, 77}};
	const struct rte_ether_addr mac = {{2, 0, 0, 0, 9, 9}};
	struct fixture *f = *state;
	rte_be32_t ip[256];

	make_routes(f);
	for (uint32_t i = 0; i < 256; i++)
		ip[i] = ADDRESS(192, 168, 20, i);
	assert_false(ask(f, 0, ip + 1, 1));
	assert_true(ask(f, 0, ip + 1, WORKER_BURST));
	for (uint32_t i = 64; i < 256; i += WORKER_BURST)
		assert_true(ask(f, 0, ip + i, WORKER_BURST));

	set_route4(f, 0, "192.168.20.64", 26, 3);
	for (uint32_t i = 0; i < 256; i += WORKER_BURST)
		assert_false(ask(f, 0, ip + i, WORKER_BURST));
	for (uint32_t i = 0; i < 256; i += WORKER_BURST)
		assert_true(ask(f, 0, ip + i, WORKER_BURST));
	assert_int_equal(lpm_del(f->dp->networks[0]->routes4, (uint8_t *)&ip[64], 26), 0);
	assert_false(ask(f, 0, ip + 1, 1));
	assert_true(ask(f, 0, ip + 64, WORKER_BURST));

	assert_int_equal(neighbor_set(f->dp->neighbors, NEIGHBOR_STATIC, 0, &neighbor, &mac, 3), 0);
	for (uint32_t i = 0; i < 256; i += WORKER_BURST)
		assert_false(ask(f, 0, ip + i, WORKER_BURST));
	assert_int_equal(neighbor_del(f->dp->neighbors, NEIGHBOR_STATIC, 0, &neighbor), 0);
	assert_false(ask(f, 0, ip + 77, 1));
	assert_true(ask(f, 0, ip + 64, WORKER_BURST));
}

// With VXLAN, Flannel makes a neighbour of the first address of each node's /24.
static void
test_first_address_is_the_nodes(void **state)
{
	const struct cw_ip node = {.family = 4, .prefix = 32, .addr = {192, 168, 21, 0}};
	const struct rte_ether_addr mac = {{2, 0, 0, 0, 9, 9}};
	struct fixture *f = *state;
	rte_be32_t ip[256];

	make_routes(f);
	set_route4(f, 0, "192.168.21.0", 24, 2);
	assert_int_equal(neighbor_set(f->dp->neighbors, NEIGHBOR_STATIC, 0, &node, &mac, 3), 0);
	for (uint32_t i = 0; i < 256; i++)
		ip[i] = ADDRESS(192, 168, 21, i);
	assert_false(ask(f, 0, ip + 1, 1));
	assert_true(ask(f, 0, ip + 1, WORKER_BURST));
	assert_false(ask(f, 0, ip, WORKER_BURST));
	for (uint32_t i = 0; i < 256; i += WORKER_BURST)
		assert_true(ask(f, 0, ip + i, WORKER_BURST));
}

// Bursts of addresses of their own, of blocks, and of both by turns.
static void
test_mixed_bursts(void **state)
{
	struct fixture *f = *state;
	rte_be32_t ip[WORKER_BURST];

	make_routes(f);
	for (uint32_t i = 0; i < 256; i++) {
		const uint8_t prefix[4] = {192, 168, 30, (uint8_t)i};

		assert_int_equal(lpm_set(f->dp->networks[0]->routes4, prefix, 32, 2 + i % 2), 0);
	}
	for (uint32_t turn = 0; turn < 2000; turn++) {
		uint32_t of_blocks = (uint32_t)rte_rand_max(3), n;

		n = 1 + (uint32_t)rte_rand_max(WORKER_BURST);
		for (uint32_t i = 0; i < n; i++) {
			bool is_block = of_blocks == 2 ? rte_rand() & 1 : of_blocks;

			ip[i] = ADDRESS(
				192, 168, is_block ? 40 + rte_rand_max(50) : 30, rte_rand_max(256));
		}
		ask(f, 0, ip, (uint16_t)n);
		assert_true(ask(f, 0, ip, (uint16_t)n));
	}
}

// More /12s than there are pages: addresses are then remembered one by one.
static void
test_more_pages_than_fit(void **state)
{
	enum { NETWORKS = 64 };
	struct fixture *f = *state;
	rte_be32_t ip[16];

	make_routes(f);
	for (uint16_t network = 0; network < NETWORKS; network++) {
		if (network != 0)
			fixture_network(f, network, NULL, NULL);
		set_route4(f, network, "0.0.0.0", 0, 2 + network % 2);
	}
	for (uint32_t turn = 0; turn < 4; turn++)
		for (uint16_t network = 0; network < NETWORKS; network++) {
			for (uint32_t i = 0; i < RTE_DIM(ip); i++)
				ip[i] = ADDRESS(16 + i % 8 * 16, turn, i, network);
			ask(f, network, ip, RTE_DIM(ip));
			assert_true(ask(f, network, ip, RTE_DIM(ip)));
		}
}

// Random tables, asked while they change.
static void
test_random_tables(void **state)
{
	struct fixture *f = *state;
	rte_be32_t ip[WORKER_BURST];

	make_routes(f);
	for (uint32_t turn = 0; turn < 3000; turn++) {
		const uint8_t addr[4] = {10, (uint8_t)rte_rand_max(2), (uint8_t)rte_rand_max(4),
			(uint8_t)rte_rand()};
		uint8_t length = (uint8_t)rte_rand_max(33);
		struct cw_ip neighbor = {.family = 4, .prefix = 32};
		const struct rte_ether_addr mac = {{2, 0, 0, 0, 9, 9}};

		memcpy(neighbor.addr, addr, sizeof(addr));
		switch (rte_rand_max(8)) {
		case 0:
			lpm_set(f->dp->networks[0]->routes4, addr, length,
				2 + (uint32_t)rte_rand_max(3));
			break;
		case 1:
		case 2:
			lpm_del(f->dp->networks[0]->routes4, addr, length);
			break;
		case 3:
			neighbor_set(f->dp->neighbors, NEIGHBOR_STATIC, 0, &neighbor, &mac, 3);
			break;
		case 4:
			neighbor_del(f->dp->neighbors, NEIGHBOR_STATIC, 0, &neighbor);
			break;
		case 5:
			neighbors_flush(f->dp->neighbors, NEIGHBOR_STATIC, 0);
			break;
		default:
			break;
		}
		for (uint32_t i = 0; i < WORKER_BURST; i++)
			ip[i] = ADDRESS(10, rte_rand_max(2), rte_rand_max(4), rte_rand_max(256));
		ask(f, 0, ip, WORKER_BURST);
		ask(f, 0, ip, WORKER_BURST);
	}
}

static void
test_same_address_twice_in_a_burst(void **state)
{
	const rte_be32_t ip[] = {ADDRESS(192, 168, 1, 1), ADDRESS(192, 168, 1, 1),
		ADDRESS(192, 168, 7, 1), ADDRESS(192, 168, 1, 1), ADDRESS(192, 168, 7, 1)};
	struct fixture *f = *state;

	make_routes(f);
	assert_false(ask(f, 0, ip, RTE_DIM(ip)));
	assert_true(ask(f, 0, ip, RTE_DIM(ip)));
}

// Neither refusals nor what is nowhere.
static void
test_only_what_forwards(void **state)
{
	const rte_be32_t refused = ADDRESS(192, 168, 8, 1), nowhere = ADDRESS(8, 8, 8, 8);
	struct fixture *f = *state;

	make_routes(f);
	for (int i = 0; i < 3; i++) {
		assert_false(ask(f, 0, &refused, 1));
		assert_false(ask(f, 0, &nowhere, 1));
	}
}

static void
test_every_change_counts(void **state)
{
	const rte_be32_t ip = ADDRESS(192, 168, 9, 1);
	const struct cw_ip neighbor = {.family = 4, .prefix = 32, .addr = {192, 168, 9, 1}};
	const struct rte_ether_addr mac = {{2, 0, 0, 0, 9, 9}};
	struct fixture *f = *state;

	make_routes(f);
	ask(f, 0, &ip, 1);
	assert_true(ask(f, 0, &ip, 1));
	set_route4(f, 0, "192.168.9.0", 24, 3);
	assert_false(ask(f, 0, &ip, 1));
	assert_true(ask(f, 0, &ip, 1));
	set_nexthop(f, 3, CW_NEXTHOP_PORT, 2);
	assert_false(ask(f, 0, &ip, 1));
	assert_int_equal(neighbor_set(f->dp->neighbors, NEIGHBOR_STATIC, 0, &neighbor, &mac, 3), 0);
	assert_false(ask(f, 0, &ip, 1));
	assert_true(ask(f, 0, &ip, 1));
}

// Networks may have the same addresses.
static void
test_networks_do_not_meet(void **state)
{
	struct fixture *f = *state;
	rte_be32_t ip[WORKER_BURST];

	make_routes(f);
	fixture_network(f, 1, NULL, NULL);
	fixture_network(f, CW_MAX_NETWORKS - 1, NULL, NULL);
	set_route4(f, 1, "192.168.0.0", 16, 3);
	for (uint16_t i = 0; i < WORKER_BURST; i++)
		ip[i] = ADDRESS(192, 168, i % 3, i);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(ask(f, 0, ip, WORKER_BURST), i == 1);
		assert_int_equal(ask(f, 1, ip, WORKER_BURST), i == 1);
		assert_false(ask(f, CW_MAX_NETWORKS - 1, ip, WORKER_BURST)); // no routes
	}
}

// Generations are counted in 64 bits and kept in 32.
static void
test_generations_run_over(void **state)
{
	struct fixture *f = *state;
	const rte_be32_t ip = ADDRESS(192, 168, 1, 1);
	uint64_t now;

	make_routes(f);
	set_route4(f, 0, "192.168.1.200", 32, 2); // so that the address is remembered by itself
	for (uint64_t round = 0; round < 4; round++) {
		set_route4(f, 0, "192.168.1.0", 24, 2 + round % 2);
		// As if so many changes had come that the lower half is what it was before.
		now = f->dp->generation + lpm_generation(f->dp->lpm);
		f->dp->generation += (round << 32) + 77 - now;
		assert_false(ask(f, 0, &ip, 1));
		assert_true(ask(f, 0, &ip, 1));
	}
}

// More addresses than there is room for, one by one.
static void
test_more_hosts_than_fit(void **state)
{
	const uint8_t prefix[4] = {20};
	struct fixture *f = *state;
	rte_be32_t ip[WORKER_BURST];
	uint32_t remembered = 0;

	make_routes(f);
	assert_int_equal(lpm_set(f->dp->networks[0]->routes4, prefix, 8, 2), 0);
	for (uint32_t i = 0; i < 1024; i++) {
		const uint8_t half[4] = {20, (uint8_t)(i / 256), (uint8_t)i, 128};

		assert_int_equal(lpm_set(f->dp->networks[0]->routes4, half, 25, 3), 0);
	}
	for (uint32_t turn = 0; turn < 3 * 1024 * 256 / WORKER_BURST; turn++) {
		for (uint32_t i = 0; i < WORKER_BURST; i++) {
			uint32_t host = (uint32_t)rte_rand_max(1024 * 256);

			ip[i] = i % 8 == 7 ? ip[i - 1]
					   : ADDRESS(20, host >> 16, host >> 8 & 255, host & 255);
		}
		ask(f, 0, ip, WORKER_BURST);
		remembered += ask(f, 0, ip, WORKER_BURST);
	}
	assert_in_range(remembered, 1000, UINT32_MAX);
}

// More next hops than have numbers.
static void
test_more_than_fits(void **state)
{
	struct fixture *f = *state;
	rte_be32_t ip[WORKER_BURST];
	uint32_t remembered = 0;

	for (uint32_t i = 0; i < MANY; i++) {
		const struct cw_nexthop object = {
			.id = 10 + i, .kind = CW_NEXTHOP_PORT, .port = 2, .mac = {2, 1, 1}};
		const uint8_t prefix[4] = {20, (uint8_t)(i / 256), (uint8_t)i};

		assert_int_equal(nexthop_set(f->dp->nexthops, &object), 0);
		assert_int_equal(lpm_set(f->dp->networks[0]->routes4, prefix, 24, 10 + i), 0);
	}
	for (uint32_t turn = 0; turn < 4 * MANY / WORKER_BURST; turn++) {
		for (uint16_t i = 0; i < WORKER_BURST; i++) {
			uint32_t route = (uint32_t)rte_rand_max(MANY);

			ip[i] = ADDRESS(20, route / 256, route % 256, rte_rand_max(8));
		}
		ask(f, 0, ip, WORKER_BURST);
		remembered += ask(f, 0, ip, WORKER_BURST);
	}
	assert_in_range(remembered, 1, UINT32_MAX);
}

int
main(void)
{
#define cache_test(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
		cache_test(test_remembers),
		cache_test(test_blocks),
		cache_test(test_first_address_is_the_nodes),
		cache_test(test_mixed_bursts),
		cache_test(test_more_pages_than_fit),
		cache_test(test_random_tables),
		cache_test(test_same_address_twice_in_a_burst),
		cache_test(test_only_what_forwards),
		cache_test(test_every_change_counts),
		cache_test(test_networks_do_not_meet),
		cache_test(test_generations_run_over),
		cache_test(test_more_hosts_than_fit),
		cache_test(test_more_than_fits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
