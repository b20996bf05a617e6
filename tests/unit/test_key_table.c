/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include <errno.h>
#include <stdlib.h>

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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_set_replace_del),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_walk),
		cmocka_unit_test(test_grace_period),
	};

	return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
