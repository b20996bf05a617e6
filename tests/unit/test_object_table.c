/* SPDX-License-Identifier: Apache-2.0 */

// Random inserts, removals and look-ups against a plain array, through several growths.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "server/object_table.h"

#define OBJECTS 20000u
#define STEPS 200000u

static struct object *all[OBJECTS];
static bool present[OBJECTS];

static uint32_t
next_random(void)
{
	static uint64_t state = 20260101;

	state = state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(state >> 33);
}

static int
setup(void **state)
{
	for (uint32_t i = 0; i < OBJECTS; i++) {
		all[i] = calloc(1, sizeof(*all[i]));
		all[i]->key = (struct object_key){.type = CW_ITEM_ROUTE, .id = i};
	}
	return 0;
}

static int
teardown(void **state)
{
	for (uint32_t i = 0; i < OBJECTS; i++)
		free(all[i]);
	return 0;
}

static uint32_t
check_all(const struct object_table *table)
{
	uint32_t count = 0, walked = 0, at = 0;

	for (uint32_t i = 0; i < OBJECTS; i++) {
		assert_ptr_equal(
			object_table_find(table, &all[i]->key), present[i] ? all[i] : NULL);
		count += present[i];
	}
	for (struct object *object; (object = object_table_next(table, &at)) != NULL; walked++)
		assert_true(present[object->key.id]);
	assert_int_equal(walked, count);
	assert_int_equal(table->count, count);
	return count;
}

static void
step(struct object_table *table, uint32_t range)
{
	uint32_t which = next_random() % range;

	if (present[which]) {
		if (next_random() % 3 != 0)
			return; // it shall grow
		object_table_remove(table, all[which]);
	} else {
		assert_int_equal(object_table_reserve(table), 0);
		object_table_insert(table, all[which]);
	}
	present[which] = !present[which];
}

static void
test_against_an_array(void **state)
{
	struct object_table table;

	assert_int_equal(object_table_init(&table), 0);
	for (uint32_t i = 0; i < STEPS; i++) {
		step(&table, 100 + i / 11);
		if (i % 997 == 0)
			check_all(&table);
	}
	assert_true(check_all(&table) > 8000);
	for (uint32_t i = 0; i < OBJECTS; i++)
		if (present[i])
			object_table_remove(&table, all[i]);
	assert_int_equal(table.count, 0);
	object_table_fini(&table);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_against_an_array, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
