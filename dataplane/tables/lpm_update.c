/* SPDX-License-Identifier: Apache-2.0 */

// Changes: each builds the nodes that replace the old ones aside and publishes them by one store.

#include <errno.h>

#include "lpm_internal.h"

#define MAX_NODES (2 * LPM_MAX_STEPS + 4) // made or retired by one change

// A node under construction; children and rules by value and index.
struct draft {
	uint8_t base; // of its stride
	struct lpm_key prefix; // address bits before base
	uint64_t rule_bm, child_bm;
	uint32_t child[64], rule[64];
};

struct step {
	uint32_t *slot;
	uint8_t offset; // address bits before it
};

struct change {
	struct lpm_table *table;
	struct lpm_key key;
	uint8_t length;
	bool is_removal;
	uint8_t n_steps, n_made, n_retired;
	struct step steps[LPM_MAX_STEPS + 1]; // from the root to what changes
	uint32_t made[MAX_NODES], retired[MAX_NODES];
};

struct lpm_table *
lpm_table_create(struct lpm *lpm, uint8_t address_bits)
{
	struct lpm_table *table;
	uint32_t unit;

	if (address_bits != 32 && address_bits != 128)
		return NULL;
	unit = lpm_alloc(lpm, LPM_TABLE_UNITS, false);
	if (unit == 0)
		return NULL;
	table = (struct lpm_table *)(void *)lpm_node(lpm_base(lpm), unit);
	*table =
		(struct lpm_table){.base = lpm_base(lpm), .lpm = lpm, .address_bits = address_bits};
	return table;
}

void
lpm_table_free(struct lpm_table *table)
{
	if (table == NULL)
		return;
	lpm_note_change(table->lpm);
	lpm_bury(table->lpm, table);
}

uint32_t
lpm_count(const struct lpm_table *table)
{
	return table->count;
}

size_t
lpm_table_bytes(const struct lpm_table *table)
{
	return ((size_t)table->units + LPM_TABLE_UNITS) * LPM_UNIT;
}

static struct lpm_node *
node_at(const struct change *change, uint32_t slot)
{
	return lpm_node(change->table->base, slot);
}

static void
retire(struct change *change, uint32_t slot)
{
	change->retired[change->n_retired++] = slot;
}

// Gives up what was made so far: nobody has seen it.
static void
roll_back(struct change *change)
{
	struct lpm *lpm = change->table->lpm;

	for (unsigned int i = 0; i < change->n_made; i++)
		lpm_release(lpm, change->made[i], node_at(change, change->made[i])->units);
}

static void
commit(struct change *change, uint32_t *slot, uint32_t value)
{
	struct lpm_table *table = change->table;

	lpm_publish(slot, value);
	for (unsigned int i = 0; i < change->n_made; i++)
		table->units += node_at(change, change->made[i])->units;
	for (unsigned int i = 0; i < change->n_retired; i++) {
		table->units -= node_at(change, change->retired[i])->units;
		lpm_retire(table->lpm, change->retired[i]);
	}
	lpm_reclaim_some(table->lpm);
}

static void
draft_start(struct draft *draft, const struct lpm_key *key, unsigned int base)
{
	draft->base = (uint8_t)base;
	draft->prefix = *key;
	lpm_key_cut(&draft->prefix, base);
	draft->rule_bm = 0;
	draft->child_bm = 0;
}

// prefix: the bits before the node's slot, which hangs at offset.
static void
draft_load(struct draft *draft, const struct lpm_node *node, const struct lpm_key *prefix,
	unsigned int offset)
{
	unsigned int words = lpm_prefix_words(node->skip);
	const uint32_t *next = &node->word[words];

	draft_start(draft, prefix, offset);
	for (unsigned int i = 0; i < words; i++)
		lpm_key_put(&draft->prefix, offset + 32 * i, node->word[i]);
	draft->base = (uint8_t)(offset + node->skip);
	draft->rule_bm = node->rule_bm;
	draft->child_bm = node->child_bm;
	for (uint64_t left = node->child_bm; left != 0; left &= left - 1)
		draft->child[__builtin_ctzll(left)] = *next++;
	for (uint64_t left = node->rule_bm; left != 0; left &= left - 1)
		draft->rule[__builtin_ctzll(left)] = *next++;
}

static void
draft_set_rule(struct draft *draft, unsigned int index, uint32_t nexthop)
{
	draft->rule_bm |= UINT64_C(1) << index;
	draft->rule[index] = nexthop;
}

static void
draft_set_child(struct draft *draft, unsigned int value, uint32_t slot)
{
	draft->child_bm &= ~(UINT64_C(1) << value);
	if (slot == 0)
		return;
	draft->child_bm |= UINT64_C(1) << value;
	draft->child[value] = slot;
}

static void
node_fill(struct lpm_node *node, const struct draft *draft, unsigned int offset)
{
	unsigned int skip = draft->base - offset, n = lpm_prefix_words(skip);

	node->rule_bm = draft->rule_bm;
	node->child_bm = draft->child_bm;
	node->skip = (uint8_t)skip;
	for (unsigned int i = 0; i < n; i++)
		node->word[i] = (uint32_t)(lpm_key_from(&draft->prefix, offset + 32 * i) >> 32);
	for (uint64_t left = draft->child_bm; left != 0; left &= left - 1)
		node->word[n++] = draft->child[__builtin_ctzll(left)];
	node->rules_at = (uint8_t)n;
	for (uint64_t left = draft->rule_bm; left != 0; left &= left - 1)
		node->word[n++] = draft->rule[__builtin_ctzll(left)];
}

// Makes a node of a draft, to hang at offset. Returns 0 or -ENOSPC.
static int
make_node(struct change *change, const struct draft *draft, unsigned int offset, uint32_t *slot)
{
	unsigned int words = lpm_prefix_words(draft->base - offset)
			     + (unsigned int)__builtin_popcountll(draft->child_bm)
			     + (unsigned int)__builtin_popcountll(draft->rule_bm);
	unsigned int units = (unsigned int)(offsetof(struct lpm_node, word)
					    + words * sizeof(uint32_t) + LPM_UNIT - 1)
			     / LPM_UNIT;
	struct lpm_node *node;

	*slot = lpm_alloc(change->table->lpm, units, change->is_removal);
	if (*slot == 0)
		return -ENOSPC;
	node = node_at(change, *slot);
	node->units = (uint8_t)units;
	node_fill(node, draft, offset);
	change->made[change->n_made++] = *slot;
	return 0;
}

// A draft without rules whose only child is a node: the child takes its place and skips more.
static int
make_merged(struct change *change, const struct draft *draft, unsigned int offset, uint32_t *slot)
{
	unsigned int value = (unsigned int)__builtin_ctzll(draft->child_bm);
	struct lpm_key prefix = draft->prefix;
	struct draft merged;

	lpm_key_put(&prefix, draft->base, value << (32 - LPM_STRIDE));
	draft_load(
		&merged, node_at(change, draft->child[value]), &prefix, draft->base + LPM_STRIDE);
	retire(change, draft->child[value]);
	return make_node(change, &merged, offset, slot);
}

// Finds the smallest form of a draft: nothing, a leaf, a merged node or a node.
static int
make(struct change *change, const struct draft *draft, unsigned int offset, uint32_t *slot)
{
	uint64_t children = draft->child_bm;

	*slot = 0;
	if (draft->rule_bm == 0 && children == 0)
		return 0;
	if (children == 0 && draft->rule_bm == UINT64_C(1) << 1 && draft->base == offset) {
		*slot = LPM_LEAF | draft->rule[1];
		return 0;
	}
	if (draft->rule_bm == 0 && (children & (children - 1)) == 0
		&& lpm_is_node(draft->child[__builtin_ctzll(children)]))
		return make_merged(change, draft, offset, slot);
	return make_node(change, draft, offset, slot);
}

// Makes what hangs at offset when the changed rule is alone there.
static int
plant(struct change *change, unsigned int offset, uint32_t nexthop, uint32_t *slot)
{
	struct draft draft;
	unsigned int base;

	*slot = LPM_LEAF | nexthop;
	if (change->length == offset)
		return 0;
	base = (change->length - 1u) / LPM_STRIDE * LPM_STRIDE;
	draft_start(&draft, &change->key, base);
	if (change->length - base < LPM_STRIDE)
		draft_set_rule(&draft, lpm_key_index(&change->key, base, change->length), nexthop);
	else
		draft_set_child(&draft, lpm_key_value(&change->key, base), *slot);
	return make_node(change, &draft, offset, slot);
}

// Adds the changed rule to a draft that it belongs below and that has no child in its way.
static int
draft_add(struct change *change, struct draft *draft, uint32_t nexthop)
{
	unsigned int base = draft->base;
	uint32_t slot;
	int error;

	if (change->length - base < LPM_STRIDE) {
		draft_set_rule(draft, lpm_key_index(&change->key, base, change->length), nexthop);
		return 0;
	}
	error = plant(change, base + LPM_STRIDE, nexthop, &slot);
	if (error == 0)
		draft_set_child(draft, lpm_key_value(&change->key, base), slot);
	return error;
}

// The key leaves what a node skips after 'match' bits: puts a node before it there.
static int
split(struct change *change, const struct step *at, unsigned int match, struct draft *draft)
{
	struct draft below;
	uint32_t slot;
	int error;

	draft_load(&below, node_at(change, *at->slot), &change->key, at->offset);
	draft_start(draft, &change->key, at->offset + match / LPM_STRIDE * LPM_STRIDE);
	error = make(change, &below, draft->base + LPM_STRIDE, &slot);
	if (error == 0)
		draft_set_child(draft, lpm_key_value(&below.prefix, draft->base), slot);
	return error;
}

// Puts a new value into the last step's slot. A parent that would be left empty, or without rules
// above a single node, is replaced itself, and so on.
static int
settle(struct change *change, uint32_t value)
{
	unsigned int i = change->n_steps - 1u;
	struct draft draft;
	int error;

	for (; i > 0; i--) {
		const struct step *parent = &change->steps[i - 1];
		const struct lpm_node *node = node_at(change, *parent->slot);
		bool lonely = node->rule_bm == 0 && (node->child_bm & (node->child_bm - 1)) == 0;

		if (value != 0 && !(lonely && lpm_is_node(value)))
			break;
		draft_load(&draft, node, &change->key, parent->offset);
		draft_set_child(&draft, lpm_key_value(&change->key, draft.base), value);
		retire(change, *parent->slot);
		error = make(change, &draft, parent->offset, &value);
		if (error != 0)
			return error;
	}
	commit(change, change->steps[i].slot, value);
	return 0;
}

static void
change_start(struct change *change, struct lpm_table *table, const uint8_t *prefix, uint8_t length)
{
	change->table = table;
	change->key = lpm_key_load(prefix, table->address_bits);
	lpm_key_cut(&change->key, length);
	change->length = length;
	change->n_steps = 1;
	change->steps[0] = (struct step){.slot = &table->root};
	change->n_made = 0;
	change->n_retired = 0;
	change->is_removal = false;
}

// Goes down as far as the tree has nodes on the way to the changed rule. Returns the rule's place
// in its node, or NULL: then the last step is where it would have to come or is a leaf. *match:
// bits of what the last node skips that fit.
static uint32_t *
descend(struct change *change, unsigned int *match)
{
	const struct lpm_key *key = &change->key;
	unsigned int base, index, value;
	const struct step *at;
	struct lpm_node *node;

	for (;;) {
		at = &change->steps[change->n_steps - 1];
		if (!lpm_is_node(*at->slot))
			return NULL;
		node = node_at(change, *at->slot);
		base = at->offset + node->skip;
		*match = lpm_node_match(node, key, at->offset);
		if (*match < node->skip || change->length < base) {
			*match = RTE_MIN(*match, (unsigned int)change->length - at->offset);
			return NULL;
		}
		if (change->length - base < LPM_STRIDE) {
			index = lpm_key_index(key, base, change->length);
			return (node->rule_bm >> index & 1) != 0 ? lpm_rule(node, index) : NULL;
		}
		value = lpm_key_value(key, base);
		if ((node->child_bm >> value & 1) == 0)
			return NULL;
		change->steps[change->n_steps++] = (struct step){
			.slot = lpm_child(node, value), .offset = (uint8_t)(base + LPM_STRIDE)};
	}
}

// The rule is new: makes what comes into the last step's slot.
static int
insert(struct change *change, unsigned int match, uint32_t nexthop, uint32_t *slot)
{
	const struct step *at = &change->steps[change->n_steps - 1];
	const struct lpm_node *node;
	struct draft draft;
	int error = 0;

	if (*at->slot == 0)
		return plant(change, at->offset, nexthop, slot);
	if (!lpm_is_node(*at->slot)) {
		draft_start(&draft, &change->key, at->offset);
		draft_set_rule(&draft, 1, *at->slot & LPM_NEXTHOP_MAX);
	} else {
		node = node_at(change, *at->slot);
		if (match < node->skip)
			error = split(change, at, match, &draft);
		else
			draft_load(&draft, node, &change->key, at->offset);
		retire(change, *at->slot);
	}
	if (error == 0)
		error = draft_add(change, &draft, nexthop);
	if (error == 0)
		error = make_node(change, &draft, at->offset, slot);
	return error;
}

// Whether the last step is the changed rule itself, as a leaf.
static bool
is_leaf(const struct change *change)
{
	const struct step *at = &change->steps[change->n_steps - 1];

	return (*at->slot & LPM_LEAF) != 0 && at->offset == change->length;
}

static int
set_rule(struct lpm_table *table, const uint8_t *prefix, uint8_t length, uint32_t nexthop)
{
	struct change change;
	unsigned int match = 0;
	uint32_t *rule, slot;
	int error;

	if (nexthop == LPM_MISS || nexthop > LPM_NEXTHOP_MAX || length > table->address_bits)
		return -EINVAL;
	change_start(&change, table, prefix, length);
	rule = descend(&change, &match);
	if (rule != NULL) {
		lpm_publish(rule, nexthop);
		return 0;
	}
	if (is_leaf(&change)) {
		lpm_publish(change.steps[change.n_steps - 1].slot, LPM_LEAF | nexthop);
		return 0;
	}
	error = lpm_retire_reserve(table->lpm, MAX_NODES);
	if (error == 0)
		error = insert(&change, match, nexthop, &slot);
	if (error == 0)
		error = settle(&change, slot);
	if (error == 0)
		table->count++;
	else
		roll_back(&change);
	return error;
}

static int
del_rule(struct lpm_table *table, const uint8_t *prefix, uint8_t length)
{
	const struct step *at;
	struct change change;
	unsigned int match = 0;
	struct draft draft;
	uint32_t slot = 0;
	int error;

	if (length > table->address_bits)
		return -EINVAL;
	error = lpm_retire_reserve(table->lpm, MAX_NODES);
	if (error != 0)
		return error;
	change_start(&change, table, prefix, length);
	change.is_removal = true;
	if (descend(&change, &match) != NULL) {
		at = &change.steps[change.n_steps - 1];
		draft_load(&draft, node_at(&change, *at->slot), &change.key, at->offset);
		draft.rule_bm &= ~(UINT64_C(1) << lpm_key_index(&change.key, draft.base, length));
		retire(&change, *at->slot);
		error = make(&change, &draft, at->offset, &slot);
	} else if (!is_leaf(&change)) {
		return -ENOENT;
	}
	if (error == 0)
		error = settle(&change, slot);
	if (error == 0)
		table->count--;
	else
		roll_back(&change);
	return error;
}

int
lpm_set(struct lpm_table *table, const uint8_t *prefix, uint8_t length, uint32_t nexthop)
{
	int error = set_rule(table, prefix, length, nexthop);

	lpm_note_change(table->lpm);
	return error;
}

int
lpm_del(struct lpm_table *table, const uint8_t *prefix, uint8_t length)
{
	int error = del_rule(table, prefix, length);

	lpm_note_change(table->lpm);
	return error;
}

uint32_t
lpm_get(const struct lpm_table *table, const uint8_t *prefix, uint8_t length)
{
	struct change change;
	unsigned int match;
	uint32_t *rule;

	// Only the way down of a change: nothing is written through it.
	if (length > table->address_bits)
		return LPM_MISS;
	change_start(&change, (struct lpm_table *)(uintptr_t)table, prefix, length);
	rule = descend(&change, &match);
	if (rule != NULL)
		return *rule;
	return is_leaf(&change) ? *change.steps[change.n_steps - 1].slot & LPM_NEXTHOP_MAX
				: LPM_MISS;
}
