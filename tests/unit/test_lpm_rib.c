/* SPDX-License-Identifier: Apache-2.0 */

// The LPM against DPDK's own routing tables, with prefix lengths as in the Internet's.

#include "fixture.h"

#include <string.h>

#include <rte_rib.h>
#include <rte_rib6.h>

#define ROUTES 20000u
#define LOOKUPS 100000u

static uint64_t seed;

static uint32_t
random32(void)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(seed >> 32);
}

static uint8_t
random_length(uint8_t typical, uint8_t longest)
{
	uint32_t dice = random32() % 100;

	if (dice < 60)
		return typical;
	return (uint8_t)(dice < 95 ? 8 + random32() % (typical - 8u) : random32() % (longest + 1u));
}

// All addresses of a block have the next hop that the block is said to have.
static void
check_blocks4(const struct lpm_table *table, uint32_t space)
{
	uint32_t nexthop, whole = 0;

	for (uint32_t i = 0; i < LOOKUPS; i++) {
		uint32_t ip = random32() & space;
		uint8_t length = (uint8_t)(6 * (random32() % 5));
		rte_be32_t address = rte_cpu_to_be_32(ip);

		if (!lpm_lookup_block(table, (uint8_t *)&address, length, &nexthop))
			continue;
		whole++;
		for (int k = 0; k < 4; k++) {
			address = rte_cpu_to_be_32(ip ^ (random32() & (UINT32_MAX >> length)));
			assert_int_equal(lpm_lookup(table, (uint8_t *)&address), nexthop);
		}
	}
	assert_in_range(whole, 1000, LOOKUPS - 1000);
}

// A block's own rule has it whole, whatever was in it before.
static void
test_blocks(void **state)
{
	struct fixture *f = *state;
	struct lpm_table *table = lpm_table_create(f->dp->lpm, 32);
	const uint8_t block[4] = {10, 1, 2, 0}, part[4] = {10, 1, 2, 64}, far[4] = {99, 1, 2, 3};
	uint32_t nexthop;

	assert_true(lpm_lookup_block(table, block, 24, &nexthop));
	assert_int_equal(nexthop, LPM_MISS);
	for (int turn = 0; turn < 2; turn++) {
		assert_int_equal(lpm_set(table, part, 26, 8), 0);
		assert_false(lpm_lookup_block(table, block, 24, &nexthop));
		assert_int_equal(lpm_set(table, block, 24, 7), 0);
		assert_false(lpm_lookup_block(table, block, 24, &nexthop));
		assert_true(lpm_lookup_block(table, far, 24, &nexthop));
		assert_int_equal(nexthop, turn == 0 ? LPM_MISS : 5);
		assert_int_equal(lpm_del(table, part, 26), 0);
		assert_true(lpm_lookup_block(table, block, 24, &nexthop));
		assert_int_equal(nexthop, 7);
		assert_int_equal(lpm_del(table, block, 24), 0);
		assert_int_equal(lpm_set(table, block, 0, 5), 0);
		assert_true(lpm_lookup_block(table, block, 24, &nexthop));
		assert_int_equal(nexthop, 5);
	}
	lpm_table_free(table);
}

static void
test_rib4(void **state)
{
	const struct rte_rib_conf config = {.ext_sz = 0, .max_nodes = 4 * ROUTES};
	struct fixture *f = *state;
	struct lpm_table *table = lpm_table_create(f->dp->lpm, 32);
	struct rte_rib *rib = rte_rib_create("check4", SOCKET_ID_ANY, &config);
	struct rte_rib_node *node;
	uint64_t nexthop;

	assert_non_null(rib);
	seed = 4;
	for (uint32_t i = 1; i <= ROUTES; i++) {
		uint32_t ip = random32() & 0x3fffffff;
		rte_be32_t prefix = rte_cpu_to_be_32(ip);
		uint8_t length = random_length(24, 32);

		if (i % 5 == 0) {
			rte_rib_remove(rib, ip, length);
			lpm_del(table, (uint8_t *)&prefix, length);
			continue;
		}
		node = rte_rib_insert(rib, ip, length);
		if (node == NULL)
			node = rte_rib_lookup_exact(rib, ip, length);
		assert_non_null(node);
		rte_rib_set_nh(node, i);
		assert_int_equal(lpm_set(table, (uint8_t *)&prefix, length, i), 0);
	}
	for (uint32_t i = 0; i < LOOKUPS; i++) {
		uint32_t ip = random32() & 0x3fffffff;
		rte_be32_t address = rte_cpu_to_be_32(ip);

		node = rte_rib_lookup(rib, ip);
		nexthop = LPM_MISS;
		if (node != NULL)
			rte_rib_get_nh(node, &nexthop);
		assert_int_equal(lpm_lookup(table, (uint8_t *)&address), nexthop);
	}
	check_blocks4(table, 0x3fffffff);
	rte_rib_free(rib);
	lpm_table_free(table);
}

static void
random_address6(uint8_t *ip)
{
	uint32_t word;

	for (unsigned int i = 0; i < 16; i += 4) {
		word = random32();
		memcpy(ip + i, &word, sizeof(word));
	}
	ip[0] = 0x20; // crowded, so that look-ups hit
	ip[1] &= 0x01;
	ip[2] &= 0x0f;
	ip[3] &= 0x03;
}

static void
test_rib6(void **state)
{
	const struct rte_rib6_conf config = {.ext_sz = 0, .max_nodes = 4 * ROUTES};
	struct fixture *f = *state;
	struct lpm_table *table = lpm_table_create(f->dp->lpm, 128);
	struct rte_rib6 *rib = rte_rib6_create("check6", SOCKET_ID_ANY, &config);
	struct rte_rib6_node *node;
	uint64_t nexthop;
	uint8_t ip[16];

	assert_non_null(rib);
	seed = 6;
	for (uint32_t i = 1; i <= ROUTES; i++) {
		uint8_t length = random_length(48, 128);

		random_address6(ip);
		node = rte_rib6_insert(rib, ip, length);
		if (node == NULL)
			node = rte_rib6_lookup_exact(rib, ip, length);
		assert_non_null(node);
		rte_rib6_set_nh(node, i);
		assert_int_equal(lpm_set(table, ip, length, i), 0);
	}
	for (uint32_t i = 0; i < LOOKUPS; i++) {
		random_address6(ip);
		node = rte_rib6_lookup(rib, ip);
		nexthop = LPM_MISS;
		if (node != NULL)
			rte_rib6_get_nh(node, &nexthop);
		assert_int_equal(lpm_lookup(table, ip), nexthop);
	}
	rte_rib6_free(rib);
	lpm_table_free(table);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_blocks),
		cmocka_unit_test(test_rib4),
		cmocka_unit_test(test_rib6),
	};

	return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
