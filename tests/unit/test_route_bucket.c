/* SPDX-License-Identifier: Apache-2.0 */

// Where addresses are looked for in the route cache, and what tells them apart there.

#include <stdlib.h>

#include <rte_random.h>

#include "fixture.h"
#include "tables/route_bucket.h"

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
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pairs_are_told_apart),
		cmocka_unit_test(test_homes),
		cmocka_unit_test(test_spread),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
