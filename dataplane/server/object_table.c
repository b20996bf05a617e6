/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>

#include <rte_jhash.h>

#include "object_table.h"

#define INITIAL_SLOTS 1024u

static_assert(sizeof(struct object_key) == 24, "hashed and compared as bytes: no padding");

static uint32_t
home_of(const struct object_table *table, const struct object_key *key)
{
	return rte_jhash(key, sizeof(*key), 0) & table->mask;
}

int
object_table_init(struct object_table *table)
{
	*table = (struct object_table){.mask = INITIAL_SLOTS - 1};
	table->slots = calloc(INITIAL_SLOTS, sizeof(struct object *));
	return table->slots != NULL ? 0 : -ENOMEM;
}

void
object_table_fini(struct object_table *table)
{
	free(table->slots);
	*table = (struct object_table){0};
}

static void
place(struct object_table *table, struct object *object)
{
	uint32_t at = home_of(table, &object->key);

	while (table->slots[at] != NULL)
		at = (at + 1) & table->mask;
	table->slots[at] = object;
}

int
object_table_reserve(struct object_table *table)
{
	const uint32_t old_slots = table->mask + 1;
	struct object **old = table->slots;

	if (table->count + 1 <= old_slots / 4 * 3)
		return 0;
	table->slots = calloc((size_t)old_slots * 2, sizeof(struct object *));
	if (table->slots == NULL) {
		table->slots = old;
		return -ENOMEM;
	}
	table->mask = old_slots * 2 - 1;
	for (uint32_t i = 0; i < old_slots; i++)
		if (old[i] != NULL)
			place(table, old[i]);
	free(old);
	return 0;
}

void
object_table_insert(struct object_table *table, struct object *object)
{
	place(table, object);
	table->count++;
}

// Closes the gap by moving later entries of the same run back (Knuth, TAOCP 3, 6.4, algorithm R).
void
object_table_remove(struct object_table *table, const struct object *object)
{
	uint32_t gap = home_of(table, &object->key), at, home;

	while (table->slots[gap] != object)
		gap = (gap + 1) & table->mask;
	for (at = (gap + 1) & table->mask; table->slots[at] != NULL; at = (at + 1) & table->mask) {
		home = home_of(table, &table->slots[at]->key);
		if (((at - home) & table->mask) < ((at - gap) & table->mask))
			continue;
		table->slots[gap] = table->slots[at];
		gap = at;
	}
	table->slots[gap] = NULL;
	table->count--;
}

struct object *
object_table_find(const struct object_table *table, const struct object_key *key)
{
	uint32_t at = home_of(table, key);

	for (; table->slots[at] != NULL; at = (at + 1) & table->mask)
		if (object_key_equal(&table->slots[at]->key, key))
			return table->slots[at];
	return NULL;
}

struct object *
object_table_next(const struct object_table *table, uint32_t *at)
{
	while (*at <= table->mask) {
		struct object *object = table->slots[(*at)++];

		if (object != NULL)
			return object;
	}
	return NULL;
}
