/* SPDX-License-Identifier: Apache-2.0 */

// What a worker remembers of routes is what the tables say, whatever was asked and changed before.

#include <stdlib.h>

#include <rte_random.h>

#include "route_helper.h"
#include "stages/route_cache.h"
#include "tables/route_bucket.h"

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
	uint16_t networks[WORKER_BURST];
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
			ip[i] = ADDRESS(192, 168, n % 8, i);
		assert_false(ask(f, 0, ip, n));
		assert_true(ask(f, 0, ip, n));
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
	for (uint64_t round = 0; round < 4; round++) {
		set_route4(f, 0, "192.168.1.0", 24, 2 + round % 2);
		// As if so many changes had come that the lower half is what it was before.
		now = f->dp->generation + lpm_generation(f->dp->lpm);
		f->dp->generation += (round << 32) + 77 - now;
		assert_false(ask(f, 0, &ip, 1));
		assert_true(ask(f, 0, &ip, 1));
	}
}

// More addresses than there is room for, more next hops than have numbers.
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

static struct route_hash
draw(void)
{
	return (struct route_hash){
		(uint32_t)rte_rand() | 1, (uint32_t)rte_rand() | 1, (uint32_t)rte_rand() | 1};
}

static int
compare(const void *a, const void *b)
{
	uint64_t one = *(const uint64_t *)a, two = *(const uint64_t *)b;

	return (one > two) - (one < two);
}

// Bucket and word tell every address of every network from all others.
static void
test_pairs_are_told_apart(void **state)
{
	enum { N = 1 << 18 };
	static uint64_t pairs[N];
	const struct route_hash hash = draw();

	(void)state;
	for (uint32_t i = 0; i < N; i++) {
		uint16_t network = i % 4 == 0 ? CW_MAX_NETWORKS - 1 : i % 4;
		uint32_t hashed = route_hash_of(
			&hash, route_salt(&hash, network), RTE_BE32(10u << 24 | i / 4));

		assert_int_not_equal(route_word(hashed, network), 0);
		pairs[i] = (uint64_t)route_home(hashed) << 32 | route_word(hashed, network);
	}
	qsort(pairs, N, sizeof(pairs[0]), compare);
	for (uint32_t i = 1; i < N; i++)
		assert_int_not_equal(pairs[i - 1], pairs[i]);
}

static void
test_homes(void **state)
{
	struct route_hash hash = draw();
	const struct route_bucket *buckets = NULL; // prefetched at most
	uint32_t word[WORKER_BURST], home[WORKER_BURST];
	rte_be32_t ip[WORKER_BURST];

	(void)state;
	for (uint32_t n = 0; n <= WORKER_BURST; n++) {
		uint16_t network = (uint16_t)rte_rand_max(CW_MAX_NETWORKS);

		for (uint32_t i = 0; i < n; i++)
			ip[i] = (uint32_t)rte_rand();
		route_homes(&hash, buckets, network, ip, n, word, home);
		for (uint32_t i = 0; i < n; i++) {
			uint32_t hashed = route_hash_of(&hash, route_salt(&hash, network), ip[i]);

			assert_int_equal(home[i], route_home(hashed));
			assert_int_equal(word[i], route_word(hashed, network));
			assert_in_range(home[i] >> ROUTE_BUCKET_LOG, 0, ROUTE_BUCKETS - 1);
		}
	}
}

// The nth of addresses in a row, of one host in each network of a kind, or at random.
static rte_be32_t
usual_address(int kind, uint32_t n)
{
	switch (kind) {
	case 0:
		return RTE_BE32(10u << 24 | n);
	case 1:
		return RTE_BE32(10u << 24 | n << 8 | 9);
	default:
		return (uint32_t)rte_rand();
	}
}

// Whatever the factors are, few of 20,000 addresses find their bucket full.
static void
test_spread(void **state)
{
	enum { ADDRESSES = 20000, DRAWS = 300 };
	static uint32_t held[ROUTE_BUCKETS];

	(void)state;
	for (int i = 0; i < DRAWS; i++) {
		struct route_hash hash = draw();
		uint32_t beside = 0;

		memset(held, 0, sizeof(held));
		for (uint32_t n = 0; n < ADDRESSES; n++) {
			uint32_t hashed =
				route_hash_of(&hash, route_salt(&hash, 0), usual_address(i % 3, n));

			beside +=
				held[route_home(hashed) >> ROUTE_BUCKET_LOG]++ >= ROUTE_BUCKET_WAYS;
		}
		assert_in_range(beside, 0, ADDRESSES * 4 / 100);
	}
}

int
main(void)
{
#define cache_test(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
		cache_test(test_remembers),
		cache_test(test_same_address_twice_in_a_burst),
		cache_test(test_only_what_forwards),
		cache_test(test_every_change_counts),
		cache_test(test_networks_do_not_meet),
		cache_test(test_generations_run_over),
		cache_test(test_more_than_fits),
		cache_test(test_pairs_are_told_apart),
		cache_test(test_homes),
		cache_test(test_spread),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
