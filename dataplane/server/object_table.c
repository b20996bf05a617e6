/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#include <rte_jhash.h>

#include "object_table.h"

#define INITIAL_SLOTS 1024u
#define MOVED_AT_ONCE 8u // old slots an insert; two would do to be through before the next growth

// Stands where an object was, in a table that is being emptied: probing goes on behind it.
static struct object gone;

static_assert(sizeof(struct object_key) == 24, "hashed and compared as bytes: no padding");

static uint32_t
hash_of(const struct object_key *key)
{
	return rte_jhash(key, sizeof(*key), 0);
}

#define HUGE_PAGE ((size_t)2 << 20)

// Empty slots, n a power of two. A large table asks for huge pages: faulting in thousands of small
// ones takes longer than filling them.
static struct object_slot *
slots_alloc(uint32_t n)
{
	size_t size = n * sizeof(struct object_slot);
	struct object_slot *slots;

	if (size < HUGE_PAGE)
		return calloc(n, sizeof(struct object_slot));
	slots = aligned_alloc(HUGE_PAGE, size);
	if (slots != NULL) {
		madvise(slots, size, MADV_HUGEPAGE); // a wish
		memset(slots, 0, size);
	}
	return slots;
}

int
object_table_init(struct object_table *table)
{
	*table = (struct object_table){.mask = INITIAL_SLOTS - 1};
	table->slots = slots_alloc(INITIAL_SLOTS);
	return table->slots != NULL ? 0 : -ENOMEM;
}

void
object_table_fini(struct object_table *table)
{
	free(table->slots);
	free(table->old);
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

static void
move_some(struct object_table *table, uint32_t n)
{
	for (; n > 0 && table->moved <= table->old_mask; n--) {
		struct object_slot *slot = &table->old[table->moved++];

		if (slot->object == NULL || slot->object == &gone)
			continue;
		place(table, *slot);
		slot->object = &gone;
	}
	if (table->moved > table->old_mask) {
		free(table->old);
		table->old = NULL;
	}
}

int
object_table_reserve(struct object_table *table)
{
	struct object_slot *bigger;
	uint32_t n_slots = table->mask + 1;

	if (table->old != NULL)
		move_some(table, MOVED_AT_ONCE);
	if (table->count + 1 <= n_slots / 4 * 3)
		return 0;
	if (table->old != NULL)
		move_some(table, UINT32_MAX);
	bigger = slots_alloc(n_slots * 2);
	if (bigger == NULL)
		return -ENOMEM;
	table->old = table->slots;
	table->old_mask = table->mask;
	table->moved = 0;
	table->slots = bigger;
	table->mask = n_slots * 2 - 1;
	return 0;
}

void
object_table_insert(struct object_table *table, struct object *object)
{
	place(table, (struct object_slot){object, hash_of(&object->key)});
	table->count++;
}

// The slot of a key in one of the two tables, or NULL.
static struct object_slot *
probe(struct object_slot *slots, uint32_t mask, uint32_t hash, const struct object_key *key)
{
	for (uint32_t at = hash & mask; slots[at].object != NULL; at = (at + 1) & mask)
		if (slots[at].hash == hash && slots[at].object != &gone
			&& object_key_equal(&slots[at].object->key, key))
			return &slots[at];
	return NULL;
}

// Closes the gap by moving later entries of the same run back (Knuth, TAOCP 3, 6.4, algorithm R).
static void
close_gap(struct object_table *table, uint32_t gap)
{
	uint32_t at = (gap + 1) & table->mask;

	for (; table->slots[at].object != NULL; at = (at + 1) & table->mask) {
		uint32_t home = table->slots[at].hash & table->mask;

		if (((at - home) & table->mask) < ((at - gap) & table->mask))
			continue;
		table->slots[gap] = table->slots[at];
		gap = at;
	}
	table->slots[gap].object = NULL;
}

void
object_table_remove(struct object_table *table, const struct object *object)
{
	uint32_t hash = hash_of(&object->key);
	struct object_slot *slot = probe(table->slots, table->mask, hash, &object->key);

	if (slot != NULL)
		close_gap(table, (uint32_t)(slot - table->slots));
	else if (table->old != NULL)
		probe(table->old, table->old_mask, hash, &object->key)->object = &gone;
	table->count--;
}

struct object *
object_table_find(const struct object_table *table, const struct object_key *key)
{
	uint32_t hash = hash_of(key);
	struct object_slot *slot = probe(table->slots, table->mask, hash, key);

	if (slot == NULL && table->old != NULL)
		slot = probe(table->old, table->old_mask, hash, key);
	return slot != NULL ? slot->object : NULL;
}

// Positions run through slots[], then old[].
static struct object *
object_at(const struct object_table *table, uint32_t at)
{
	struct object *object;

	if (at <= table->mask)
		return table->slots[at].object;
	object = table->old[at - table->mask - 1].object;
	return object == &gone ? NULL : object;
}

struct object *
object_table_next(const struct object_table *table, uint32_t *at)
{
	uint32_t end = table->mask + 1 + (table->old != NULL ? table->old_mask + 1 : 0);

	while (*at < end) {
		struct object *object = object_at(table, (*at)++);

		if (object != NULL)
			return object;
	}
	return NULL;
}
