/* SPDX-License-Identifier: Apache-2.0 */

// Numbers of /24s, against a plain array; what happens when there are more than fit.

#include <string.h>

#include <rte_random.h>

#include "fixture.h"
#include "tables/route_blocks.h"

#define NETWORKS 3
#define SPACE (1u << 14) // the first /24s of each network, in four pages

static struct route_blocks blocks;
static uint16_t model[NETWORKS][SPACE];

static rte_be32_t
address(uint32_t block, uint32_t host)
{
	return rte_cpu_to_be_32(block << 8 | (host & 255));
}

static uint16_t
number_of(uint16_t network, rte_be32_t ip)
{
	uint32_t host_order = rte_be_to_cpu_32(ip);

	return route_block_number(&blocks, route_block_root(&blocks, network),
		route_block_upper(host_order), route_block_lower(host_order));
}

static void
forget(void)
{
	route_blocks_forget(&blocks);
	memset(model, 0, sizeof(model));
}

static void
test_as_an_array(void **state)
{
	(void)state;
	forget();
	for (uint32_t i = 0; i < 400000; i++) {
		uint16_t network = (uint16_t)rte_rand_max(NETWORKS);
		uint32_t block = (uint32_t)rte_rand_max(SPACE) & (uint32_t)rte_rand();
		uint16_t number = (uint16_t)(1 + rte_rand_max(UINT16_MAX));

		if (rte_rand_max(100000) == 0)
			forget();
		assert_int_equal(number_of(network, address(block, i)), model[network][block]);
		if (i % 2 == 0)
			continue;
		assert_true(route_blocks_set(&blocks, network, address(block, ~i), number));
		model[network][block] = number;
	}
}

// A page a /12, and one a network.
static void
test_more_than_fit(void **state)
{
	const uint32_t room = ROUTE_BLOCK_PAGES - 2; // beside page 0 and the root
	rte_be32_t beyond = address(room << 12, 9);

	(void)state;
	forget();
	for (uint32_t i = 0; i < room; i++)
		assert_true(route_blocks_set(&blocks, 1, address(i << 12, i), (uint16_t)(i + 1)));
	assert_false(route_blocks_set(&blocks, 1, beyond, 7));
	assert_false(route_blocks_set(&blocks, CW_MAX_NETWORKS - 1, beyond, 7));
	assert_int_equal(number_of(1, beyond), 0);
	assert_true(route_blocks_set(&blocks, 1, address(1, 1), 8)); // in a page that is there
	assert_int_equal(number_of(1, address(1, 2)), 8);
	for (uint32_t i = 0; i < room; i++)
		assert_int_equal(number_of(1, address(i << 12, 5)), i + 1);

	for (uint32_t i = 2; i < ROUTE_BLOCK_PATIENCE; i++)
		assert_false(route_blocks_set(&blocks, 1, beyond, 7));
	assert_int_equal(number_of(1, address(0, 5)), 1);
	for (int i = 0; i < 2; i++) // at last others get the room
		route_blocks_set(&blocks, 1, beyond, 7);
	assert_int_equal(number_of(1, address(0, 5)), 0);
	assert_int_equal(number_of(1, beyond), 7);
}

static void
test_every_network(void **state)
{
	(void)state;
	for (uint32_t network = 0; network < CW_MAX_NETWORKS; network++) {
		if (network % (ROUTE_BLOCK_PAGES / 2 - 1) == 0)
			forget();
		assert_int_equal(number_of((uint16_t)network, address(77, 1)), 0);
		assert_true(route_blocks_set(&blocks, (uint16_t)network, address(77, 2), 5));
		assert_int_equal(number_of((uint16_t)network, address(77, 3)), 5);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_as_an_array),
		cmocka_unit_test(test_more_than_fit),
		cmocka_unit_test(test_every_network),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
