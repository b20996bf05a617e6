/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include <errno.h>
#include <string.h>

#define MAX_ENTRIES 3000u

static struct rte_ether_addr
mac_of(uint32_t i)
{
	return (struct rte_ether_addr){
		{0x02, 0, (uint8_t)(i >> 24), (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i}};
}

static int
set(struct fdb *fdb, uint16_t network, uint32_t i, uint16_t port, bool learned, uint32_t now_s)
{
	struct rte_ether_addr mac = mac_of(i);

	return fdb_set(fdb, network, &mac, port, learned, now_s);
}

static int
del(struct fdb *fdb, uint16_t network, uint32_t i)
{
	struct rte_ether_addr mac = mac_of(i);

	return fdb_del(fdb, network, &mac);
}

// The port, or 0.
static uint16_t
lookup(struct fdb *fdb, uint16_t network, uint32_t i, struct fdb_entry *entry)
{
	struct rte_ether_addr mac = mac_of(i);
	fdb_key key = fdb_make_key(network, &mac);

	return fdb_lookup_bulk(fdb, &key, 1, entry) == 1 ? entry->port : 0;
}

static uint16_t
port_of(struct fdb *fdb, uint16_t network, uint32_t i)
{
	struct fdb_entry entry;

	return lookup(fdb, network, i, &entry);
}

static struct fdb *
make(void **state)
{
	struct fixture *f = *state;
	struct fdb *fdb = fdb_create(MAX_ENTRIES, f->dp->qsbr, SOCKET_ID_ANY);

	assert_non_null(fdb);
	return fdb;
}

static void
test_set_replace_del(void **state)
{
	struct fdb *fdb = make(state);

	assert_int_equal(port_of(fdb, 0, 1), 0);
	assert_int_equal(set(fdb, 0, 1, 5, false, 0), 0);
	assert_int_equal(set(fdb, 1, 1, 6, false, 0), 0); // another network's, the same address
	assert_int_equal(port_of(fdb, 0, 1), 5);
	assert_int_equal(port_of(fdb, 1, 1), 6);
	assert_int_equal(set(fdb, 0, 1, 7, false, 0), 0);
	assert_int_equal(port_of(fdb, 0, 1), 7);
	assert_int_equal(fdb_count(fdb), 2);
	assert_int_equal(del(fdb, 0, 1), 0);
	assert_int_equal(del(fdb, 0, 1), -ENOENT);
	assert_int_equal(port_of(fdb, 0, 1), 0);
	assert_int_equal(port_of(fdb, 1, 1), 6);
	assert_int_equal(fdb_count(fdb), 1);
	assert_int_equal(set(fdb, 0, 1, 0, false, 0), -EINVAL);
	assert_int_equal(set(fdb, CW_MAX_NETWORKS, 1, 1, false, 0), -EINVAL);
	fdb_free(fdb);
}

static void
test_static_beats_learned(void **state)
{
	struct fdb *fdb = make(state);

	assert_int_equal(set(fdb, 3, 1, 5, true, 0), 0);
	assert_int_equal(fdb_count_learned(fdb, 3), 1);
	assert_int_equal(set(fdb, 3, 1, 6, true, 0), 0); // it moved
	assert_int_equal(port_of(fdb, 3, 1), 6);
	assert_int_equal(fdb_count_learned(fdb, 3), 1);
	assert_int_equal(set(fdb, 3, 1, 7, false, 0), 0);
	assert_int_equal(fdb_count_learned(fdb, 3), 0);
	assert_int_equal(set(fdb, 3, 1, 8, true, 0), -EEXIST);
	assert_int_equal(port_of(fdb, 3, 1), 7);
	assert_int_equal(fdb_count(fdb), 1);
	fdb_free(fdb);
}

static void
test_full(void **state)
{
	struct fdb *fdb = make(state);
	fdb_key keys[64];
	struct fdb_entry entries[64];

	for (unsigned int round = 0; round < 5; round++) {
		for (uint32_t i = 0; i < MAX_ENTRIES; i++)
			assert_int_equal(set(fdb, 0, i, (uint16_t)(1 + i % 4000), false, 0), 0);
		assert_int_equal(fdb_count(fdb), MAX_ENTRIES);
		assert_int_equal(set(fdb, 0, MAX_ENTRIES, 1, false, 0), -ENOSPC);
		assert_int_equal(set(fdb, 0, 17, 9, false, 0), 0); // replacing needs no room
		assert_int_equal(port_of(fdb, 0, 17), 9);
		for (uint32_t i = 0; i < 64; i++) {
			struct rte_ether_addr mac = mac_of(MAX_ENTRIES - 32 + i);

			keys[i] = fdb_make_key(0, &mac);
		}
		assert_int_equal(fdb_lookup_bulk(fdb, keys, 64, entries), UINT32_MAX);
		for (uint32_t i = 0; i < 32; i++)
			assert_int_equal(entries[i].port, 1 + (MAX_ENTRIES - 32 + i) % 4000);
		for (uint32_t i = 0; i < MAX_ENTRIES; i++)
			assert_int_equal(del(fdb, 0, i), 0);
		assert_int_equal(fdb_count(fdb), 0);
	}
	assert_int_equal(fdb_lookup_bulk(fdb, keys, 0, entries), 0);
	fdb_free(fdb);
}

static uint32_t
age_of(void *arg, uint16_t network)
{
	const uint32_t *ages = arg;

	return ages[network];
}

// Ages all entries once. Returns how many were forgotten.
static uint32_t
age_all(struct fdb *fdb, uint32_t now_s, uint32_t *ages)
{
	uint32_t n = 0;

	for (unsigned int i = 0; i < 4; i++)
		n += fdb_age(fdb, now_s, age_of, ages);
	return n;
}

static void
test_ageing(void **state)
{
	struct fdb *fdb = make(state);
	uint32_t ages[2] = {300, 600};
	struct fdb_entry entry;

	for (uint32_t i = 0; i < 1500; i++) {
		assert_int_equal(set(fdb, 0, i, 1, true, 100), 0);
		assert_int_equal(set(fdb, 1, i, 1, i % 2 == 0, 100), 0);
	}
	assert_int_equal(age_all(fdb, 399, ages), 0);
	assert_int_equal(age_all(fdb, 99, ages), 0); // a clock that is behind
	assert_int_equal(lookup(fdb, 0, 7, &entry), 1);
	fdb_touch(fdb, entry.slot, 200);
	assert_int_equal(age_all(fdb, 400, ages), 1499);
	assert_int_equal(fdb_count_learned(fdb, 0), 1);
	assert_int_equal(port_of(fdb, 0, 7), 1);
	assert_int_equal(age_all(fdb, 500, ages), 1);
	assert_int_equal(fdb_count_learned(fdb, 1), 750);
	assert_int_equal(age_all(fdb, 700, ages), 750);
	assert_int_equal(fdb_count(fdb), 750); // the static ones stay
	assert_int_equal(set(fdb, 0, 1, 1, true, 700), 0);
	ages[0] = 0; // network is gone
	assert_int_equal(age_all(fdb, 700, ages), 1);
	fdb_free(fdb);
}

static void
test_flush_and_walk(void **state)
{
	struct fdb *fdb = make(state);
	uint32_t cursor = 0, n = 0, learned = 0;
	struct fdb_row row;

	for (uint32_t i = 0; i < 1000; i++)
		assert_int_equal(
			set(fdb, (uint16_t)(i % 4), i, (uint16_t)(1 + i % 5), i % 2 == 0, i), 0);
	assert_int_equal(fdb_flush_learned(fdb, 0, 1), 50);
	assert_int_equal(fdb_flush_learned(fdb, 0, 1), 0);
	assert_int_equal(fdb_flush_learned(fdb, UINT16_MAX, 2), 100);
	assert_int_equal(fdb_count(fdb), 850);
	while (fdb_next(fdb, &cursor, &row) == 0) {
		uint32_t i = (uint32_t)row.mac.addr_bytes[4] << 8 | row.mac.addr_bytes[5];

		assert_int_equal(row.network, i % 4);
		assert_int_equal(row.entry.port, 1 + i % 5);
		assert_int_equal(row.entry.learned, i % 2 == 0);
		assert_int_equal(row.last_seen_s, i);
		learned += row.entry.learned;
		n++;
	}
	assert_int_equal(n, 850);
	assert_int_equal(learned, 350);
	assert_int_equal(fdb_flush_learned(fdb, UINT16_MAX, UINT16_MAX), 350);
	fdb_free(fdb);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_set_replace_del),
		cmocka_unit_test(test_static_beats_learned),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_ageing),
		cmocka_unit_test(test_flush_and_walk),
	};

	return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
