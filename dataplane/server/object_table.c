/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>

#include <rte_jhash.h>

#include "object_table.h"

#define INITIAL_SLOTS 1024u

static_assert(sizeof(struct object_key) == 24, "hashed and compared as bytes: no padding");

static uint32_t
hash_of(const struct object_key *key)
{
	return rte_jhash(key, sizeof(*key), 0);
}

int
object_table_init(struct object_table *table)
{
	*table = (struct object_table){.mask = INITIAL_SLOTS - 1};
	table->slots = calloc(INITIAL_SLOTS, sizeof(table->slots[0]));
	return table->slots != NULL ? 0 : -ENOMEM;
}

void
object_table_fini(struct object_table *table)
{
	free(table->slots);
	*table = (struct object_table){0};
}

static void
place(struct object_table *table, struct object_slot slot)
{
	uint32_t at = slot.hash & table->mask;

	while (table->slots[at].object != NULL)
		at = (at + 1) & table->mask;
	table->slots[at] = slot;
}

int
object_table_reserve(struct object_table *table)
{
	const uint32_t old_slots = table->mask + 1;
	struct object_slot *old = table->slots;

	if (table->count + 1 <= old_slots / 4 * 3)
		return 0;
	table->slots = calloc((size_t)old_slots * 2, sizeof(table->slots[0]));
	if (table->slots == NULL) {
		table->slots = old;
		return -ENOMEM;
	}
	table->mask = old_slots * 2 - 1;
	for (uint32_t i = 0; i < old_slots; i++)
		if (old[i].object != NULL)
			place(table, old[i]);
	free(old);
	return 0;
}

void
object_table_insert(struct object_table *table, struct object *object)
{
	place(table, (struct object_slot){object, hash_of(&object->key)});
	table->count++;
}

// Closes the gap by moving later entries of the same run back (Knuth, TAOCP 3, 6.4, algorithm R).
void
object_table_remove(struct object_table *table, const struct object *object)
{
	uint32_t gap = hash_of(&object->key) & table->mask, at, home;

	while (table->slots[gap].object != object)
		gap = (gap + 1) & table->mask;
	for (at = (gap + 1) & table->mask; table->slots[at].object != NULL;
		at = (at + 1) & table->mask) {
		home = table->slots[at].hash & table->mask;
		if (((at - home) & table->mask) < ((at - gap) & table->mask))
			continue;
		table->slots[gap] = table->slots[at];
		gap = at;
	}
	table->slots[gap].object = NULL;
	table->count--;
}

struct object *
object_table_find(const struct object_table *table, const struct object_key *key)
{
	uint32_t hash = hash_of(key), at = hash & table->mask;

	for (; table->slots[at].object != NULL; at = (at + 1) & table->mask)
		if (table->slots[at].hash == hash
			&& object_key_equal(&table->slots[at].object->key, key))
			return table->slots[at].object;
	return NULL;
}

struct object *
object_table_next(const struct object_table *table, uint32_t *at)
{
	while (*at <= table->mask) {
		struct object *object = table->slots[(*at)++].object;

		if (object != NULL)
			return object;
	}
	return NULL;
}
