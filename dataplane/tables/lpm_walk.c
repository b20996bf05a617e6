/* SPDX-License-Identifier: Apache-2.0 */

#include "lpm_internal.h"

typedef int walk_fn(void *arg, const uint8_t *prefix, uint8_t length, uint32_t nexthop);

struct walk {
	uint8_t *base;
	bool is_wide;
	walk_fn *fn;
	void *arg;
};

static int
tell(const struct walk *walk, const struct lpm_key *key, unsigned int length, uint32_t nexthop)
{
	uint8_t prefix[16];
	rte_be32_t word = rte_cpu_to_be_32((uint32_t)(key->hi >> 32));
	uint64_t hi = rte_cpu_to_be_64(key->hi), lo = rte_cpu_to_be_64(key->lo);

	if (walk->is_wide) {
		memcpy(prefix, &hi, sizeof(hi));
		memcpy(prefix + sizeof(hi), &lo, sizeof(lo));
	} else {
		memcpy(prefix, &word, sizeof(word));
	}
	return walk->fn(walk->arg, prefix, (uint8_t)length, nexthop);
}

static struct lpm_key
key_with(const struct lpm_key *key, unsigned int base, unsigned int value)
{
	struct lpm_key longer = *key;

	lpm_key_put(&longer, base, value << (32 - LPM_STRIDE));
	return longer;
}

// The rules of a node that start at this value, shortest first.
static int
walk_rules(const struct walk *walk, struct lpm_node *node, const struct lpm_key *key,
	unsigned int base, unsigned int value)
{
	struct lpm_key prefix = key_with(key, base, value);
	unsigned int index;
	int stop;

	for (unsigned int bits = 0; bits < LPM_STRIDE; bits++) {
		if ((value & ((1u << (LPM_STRIDE - bits)) - 1)) != 0)
			continue;
		index = 1u << bits | value >> (LPM_STRIDE - bits);
		if ((node->rule_bm >> index & 1) == 0)
			continue;
		stop = tell(walk, &prefix, base + bits, *lpm_rule(node, index));
		if (stop != 0)
			return stop;
	}
	return 0;
}

// Recursion ends after LPM_MAX_STEPS.
static int
walk_slot(const struct walk *walk, uint32_t slot, struct lpm_key key, unsigned int offset)
{
	struct lpm_node *node;
	unsigned int base;
	int stop = 0;

	if (slot == 0)
		return 0;
	if (!lpm_is_node(slot))
		return tell(walk, &key, offset, slot & LPM_NEXTHOP_MAX);
	node = lpm_node(walk->base, slot);
	base = offset + node->skip;
	for (unsigned int i = 0; i < lpm_prefix_words(node->skip); i++)
		lpm_key_put(&key, offset + 32 * i, node->word[i]);
	for (unsigned int value = 0; value < 64 && stop == 0; value++) {
		stop = walk_rules(walk, node, &key, base, value);
		if (stop == 0 && (node->child_bm >> value & 1) != 0)
			stop = walk_slot(walk, *lpm_child(node, value), key_with(&key, base, value),
				base + LPM_STRIDE);
	}
	return stop;
}

int
lpm_walk(const struct lpm_table *table, walk_fn *fn, void *arg)
{
	struct walk walk = {
		.base = table->base, .is_wide = table->address_bits == 128, .fn = fn, .arg = arg};

	return walk_slot(&walk, table->root, (struct lpm_key){0}, 0);
}
