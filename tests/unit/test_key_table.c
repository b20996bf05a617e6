/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include <errno.h>
#include <stdlib.h>

#include "tables/key_bucket.h"
#include "tables/key_table.h"

#define MAX_ENTRIES 1000u

static struct key_table *
make(void **state)
{
	struct fixture *f = *state;
	struct key_table *table = key_table_create("test", MAX_ENTRIES, f->dp->qsbr, SOCKET_ID_ANY);

	assert_non_null(table);
	return table;
}

static void
assert_value(const struct key_table *table, uint64_t key, uint64_t value)
{
	uint64_t found;

	assert_true(key_table_get(table, key, &found));
	assert_int_equal(found, value);
}

static void
test_set_replace_del(void **state)
{
	struct key_table *table = make(state);
	uint64_t value;

	assert_false(key_table_get(table, 0, &value));
	assert_int_equal(key_table_set(table, 0, 5), 0);
	assert_int_equal(key_table_set(table, KEY_TABLE_KEY_MAX, 6), 0);
	assert_int_equal(key_table_set(table, KEY_TABLE_KEY_MAX + 1, 6), -EINVAL);
	assert_value(table, 0, 5);
	assert_value(table, KEY_TABLE_KEY_MAX, 6);
	assert_int_equal(key_table_set(table, 0, UINT64_MAX), 0);
	assert_value(table, 0, UINT64_MAX);
	assert_int_equal(key_table_count(table), 2);
	assert_int_equal(key_table_del(table, 0), 0);
	assert_int_equal(key_table_del(table, 0), -ENOENT);
	assert_false(key_table_get(table, 0, &value));
	assert_false(key_table_get(table, UINT64_MAX, &value)); // marks an empty place
	assert_false(key_table_get(table, UINT64_MAX - 1, &value));
	assert_int_equal(key_table_count(table), 1);
	key_table_free(table);
}

// Sets and deletes at random, beside a plain array.
static void
test_random(void **state)
{
	enum { KEYS = 1500, STEPS = 200000 };
	struct key_table *table = make(state);
	static uint64_t model[KEYS], keys[KEYS];
	uint32_t count = 0;

	for (uint32_t i = 0; i < KEYS; i++)
		keys[i] = ((uint64_t)random() << 31 | (uint64_t)random()) & KEY_TABLE_KEY_MAX;
	for (uint32_t step = 0; step < STEPS; step++) {
		uint32_t i = (uint32_t)random() % KEYS;
		int error;

		if (random() % 3 == 0) {
			error = key_table_del(table, keys[i]);
			assert_int_equal(error, model[i] != 0 ? 0 : -ENOENT);
			count -= model[i] != 0;
			model[i] = 0;
			continue;
		}
		error = key_table_set(table, keys[i], step + 1);
		if (model[i] == 0 && count == MAX_ENTRIES) {
			assert_int_equal(error, -ENOSPC);
			continue;
		}
		assert_int_equal(error, 0);
		count += model[i] == 0;
		model[i] = step + 1;
	}
	assert_int_equal(key_table_count(table), count);
	for (uint32_t i = 0; i < KEYS; i += KEY_TABLE_BURST) {
		uint32_t n = RTE_MIN(KEYS - i, (uint32_t)KEY_TABLE_BURST);
		uint64_t values[KEY_TABLE_BURST];
		uint64_t hits = key_table_get_bulk(table, keys + i, n, values);

		for (uint32_t k = 0; k < n; k++) {
			assert_int_equal(hits >> k & 1, model[i + k] != 0);
			if (model[i + k] != 0)
				assert_int_equal(values[k], model[i + k]);
		}
	}
	key_table_free(table);
}

static void
test_walk(void **state)
{
	struct key_table *table = make(state);
	uint64_t cursor = 0, key, value, sum = 0;
	uint32_t n = 0;

	for (uint64_t i = 0; i < MAX_ENTRIES; i++)
		assert_int_equal(key_table_set(table, i, i * 2), 0);
	assert_int_equal(key_table_set(table, MAX_ENTRIES, 1), -ENOSPC);
	for (uint64_t i = 0; i < MAX_ENTRIES; i += 2)
		assert_int_equal(key_table_del(table, i), 0);
	while (key_table_next(table, &cursor, &key, &value) == 0) {
		assert_int_equal(value, key * 2);
		assert_int_equal(key % 2, 1);
		sum += key;
		n++;
	}
	assert_int_equal(n, MAX_ENTRIES / 2);
	assert_int_equal(sum, MAX_ENTRIES / 2 * (MAX_ENTRIES / 2));
	key_table_free(table);
}

// The place of a removed entry keeps its value as long as a reader may look at it.
static void
test_grace_period(void **state)
{
	struct fixture *f = *state;
	struct key_table *table = key_table_create("test", 2, f->dp->qsbr, SOCKET_ID_ANY);

	assert_non_null(table); // one bucket of four places
	rte_rcu_qsbr_thread_register(f->dp->qsbr, 3);
	rte_rcu_qsbr_thread_online(f->dp->qsbr, 3);
	for (uint64_t i = 0; i < 3; i++) {
		assert_int_equal(key_table_set(table, i, i), 0);
		assert_int_equal(key_table_del(table, i), 0);
	}
	assert_int_equal(key_table_set(table, 9, 9), 0); // the last place that was never used
	rte_rcu_qsbr_quiescent(f->dp->qsbr, 3);
	assert_int_equal(key_table_set(table, 10, 10), 0);
	assert_value(table, 9, 9);
	assert_value(table, 10, 10);
	rte_rcu_qsbr_thread_offline(f->dp->qsbr, 3);
	rte_rcu_qsbr_thread_unregister(f->dp->qsbr, 3);
	key_table_free(table);
}

static uint64_t
random64(void)
{
	return (uint64_t)random() << 42 ^ (uint64_t)random() << 21 ^ (uint64_t)random();
}

// Several at once are looked for where each alone is.
static void
test_homes(void **state)
{
	enum { BURST = 64 };
	static struct key_bucket buckets[1 << 10];
	const struct key_bucket *homes[BURST];
	uint64_t keys[BURST];

	(void)state;
	for (uint32_t log = 0; log <= 10; log++) {
		struct key_hash hash = key_hash_make(UINT64_C(1) << log, random64(), random64());

		for (uint32_t n = 0; n <= BURST; n++) {
			for (uint32_t i = 0; i < n; i++)
				keys[i] = random64();
			key_homes(&hash, buckets, keys, n, homes);
			for (uint32_t i = 0; i < n; i++) {
				assert_true(key_home(&hash, keys[i]) < UINT64_C(1) << log);
				assert_ptr_equal(homes[i], &buckets[key_home(&hash, keys[i])]);
			}
		}
	}
}

// MACs as nodes and orchestrators give them out: in a row, after IP addresses, with networks.
static uint64_t
usual_key(int kind, uint32_t i)
{
	uint8_t mac[8] = {2, 0x42, 10, (uint8_t)(i >> 10), (uint8_t)(i >> 2), (uint8_t)(i << 6)};
	uint64_t key;

	if (kind < 2) {
		memset(mac + 1, 0, 3);
		mac[4] = (uint8_t)(i >> 8);
		mac[5] = (uint8_t)i;
	}
	if (kind == 1)
		mac[6] = (uint8_t)(i % 4); // the network
	memcpy(&key, mac, sizeof(key));
	return key;
}

// In a table that is as full as it gets, few keys have to lie beside their bucket: 3.7 % of random
// ones. With any factors, for whoever is unlucky keeps them for as long as the process lives.
static void
test_spread(void **state)
{
	enum { BUCKETS = 2048, KEYS = BUCKETS * KEY_BUCKET_WAYS / 2, DRAWS = 500 };
	static uint32_t held[BUCKETS];

	(void)state;
	for (int draw = 0; draw < DRAWS; draw++) {
		struct key_hash hash = key_hash_make(BUCKETS, random64(), random64());
		uint32_t beside = 0;

		memset(held, 0, sizeof(held));
		for (uint32_t i = 0; i < KEYS; i++)
			beside +=
				held[key_home(&hash, usual_key(draw % 3, i))]++ >= KEY_BUCKET_WAYS;
		assert_in_range(beside, 0, KEYS * 15 / 100);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_set_replace_del),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_walk),
		cmocka_unit_test(test_grace_period),
		cmocka_unit_test(test_homes),
		cmocka_unit_test(test_spread),
	};

	return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
