/* SPDX-License-Identifier: Apache-2.0 */

// Look-ups of a burst go down the tree together, one level at a time, so that the cache misses of
// a level overlap. Workers.

#include <rte_prefetch.h>

#include "lpm_internal.h"

// The rule indices on the path of the 6 bits v.
#define PATH(v)                                                                           \
	(UINT64_C(1) << 1 | UINT64_C(1) << (2 | (v) >> 5) | UINT64_C(1) << (4 | (v) >> 4) \
		| UINT64_C(1) << (8 | (v) >> 3) | UINT64_C(1) << (16 | (v) >> 2)          \
		| UINT64_C(1) << (32 | (v) >> 1))
#define PATH4(v) PATH(v), PATH((v) + 1), PATH((v) + 2), PATH((v) + 3)
#define PATH16(v) PATH4(v), PATH4((v) + 4), PATH4((v) + 8), PATH4((v) + 12)

static const uint64_t path_mask[64] __rte_cache_aligned = {
	PATH16(0u), PATH16(16u), PATH16(32u), PATH16(48u)};

struct burst {
	struct lpm_key rest[64]; // of the address, from the current node's slot on
	const uint32_t *best[64]; // where the longest match so far stands
	struct lpm_node *node[64];
	uint32_t *slot[64]; // of the next node
	uint8_t live[64]; // who goes on
};

static __rte_always_inline void
shift(struct lpm_key *rest, unsigned int bits, bool is_wide)
{
	if (is_wide) {
		rest->hi = rest->hi << bits | rest->lo >> (64 - bits);
		rest->lo <<= bits;
	} else {
		rest->hi <<= bits;
	}
}

static __rte_always_inline bool
skip(const struct lpm_node *node, struct lpm_key *rest, bool is_wide)
{
	unsigned int left = node->skip, bits;
	const uint32_t *word = node->word;

	while (left > 0) {
		bits = is_wide ? RTE_MIN(left, 32u) : left;
		if (((uint32_t)(rest->hi >> 32) ^ *word++) >> (32 - bits) != 0)
			return false;
		shift(rest, bits, is_wide);
		left -= bits;
	}
	return true;
}

// One level of one address. Returns the slot of the next node, or NULL when there is none.
static __rte_always_inline uint32_t *
step(struct lpm_node *node, struct lpm_key *rest, const uint32_t **best, bool is_wide)
{
	unsigned int value;
	uint64_t hits;

	if (node->skip != 0 && !skip(node, rest, is_wide))
		return NULL;
	value = (unsigned int)(rest->hi >> (64 - LPM_STRIDE));
	hits = node->rule_bm & path_mask[value];
	if (hits != 0) {
		*best = lpm_rule(node, 63 - (unsigned int)__builtin_clzll(hits));
		rte_prefetch0(*best);
	}
	if ((node->child_bm >> value & 1) == 0)
		return NULL;
	shift(rest, LPM_STRIDE, is_wide);
	return lpm_child(node, value);
}

// What hangs at a slot: a leaf is an answer, a node is where to go on. Returns whether to go on.
static __rte_always_inline bool
follow(uint8_t *base, const uint32_t *slot, struct lpm_node **node, const uint32_t **best,
	uint32_t *nexthop)
{
	uint32_t value = lpm_read(slot);

	if (lpm_is_node(value)) {
		*node = lpm_node(base, value);
		rte_prefetch0(*node);
		return true;
	}
	if (value != 0) {
		*nexthop = value & LPM_NEXTHOP_MAX;
		*best = nexthop;
	}
	return false;
}

static __rte_always_inline void
lookup(const struct lpm_table *table, struct burst *burst, uint32_t n, uint32_t *nexthop,
	bool is_wide)
{
	uint32_t n_live = 0, n_slots;
	uint8_t i;

	for (i = 0; i < n; i++) {
		nexthop[i] = LPM_MISS;
		burst->best[i] = &nexthop[i];
		if (follow(table->base, &table->root, &burst->node[i], &burst->best[i],
			    &nexthop[i]))
			burst->live[n_live++] = i;
	}
	while (n_live > 0) {
		n_slots = 0;
		for (uint32_t k = 0; k < n_live; k++) {
			i = burst->live[k];
			burst->slot[i] =
				step(burst->node[i], &burst->rest[i], &burst->best[i], is_wide);
			if (burst->slot[i] == NULL)
				continue;
			rte_prefetch0(burst->slot[i]);
			burst->live[n_slots++] = i;
		}
		n_live = 0;
		for (uint32_t k = 0; k < n_slots; k++) {
			i = burst->live[k];
			if (follow(table->base, burst->slot[i], &burst->node[i], &burst->best[i],
				    &nexthop[i]))
				burst->live[n_live++] = i;
		}
	}
	for (i = 0; i < n; i++)
		nexthop[i] = lpm_read(burst->best[i]);
}

void
lpm_lookup4_bulk(
	const struct lpm_table *table, const rte_be32_t *addr, uint32_t n, uint32_t *nexthop)
{
	struct burst burst;

	for (uint32_t i = 0; i < n; i++)
		burst.rest[i].hi = (uint64_t)rte_be_to_cpu_32(addr[i]) << 32;
	lookup(table, &burst, n, nexthop, false);
}

void
lpm_lookup6_bulk(
	const struct lpm_table *table, const uint8_t *const *addr, uint32_t n, uint32_t *nexthop)
{
	struct burst burst;

	for (uint32_t i = 0; i < n; i++)
		burst.rest[i] = lpm_key_load(addr[i], 128);
	lookup(table, &burst, n, nexthop, true);
}

uint32_t
lpm_lookup(const struct lpm_table *table, const uint8_t *addr)
{
	struct lpm_key rest = lpm_key_load(addr, table->address_bits);
	uint32_t nexthop = LPM_MISS;
	const uint32_t *best = &nexthop, *slot = &table->root;
	struct lpm_node *node;

	while (slot != NULL && follow(table->base, slot, &node, &best, &nexthop))
		slot = step(node, &rest, &best, true);
	return lpm_read(best);
}

bool
lpm_lookup_block(
	const struct lpm_table *table, const uint8_t *addr, uint8_t length, uint32_t *nexthop)
{
	struct lpm_key key = lpm_key_load(addr, table->address_bits);
	uint32_t slot = lpm_read(&table->root);
	unsigned int at = 0, matched, value; // at: where the slot hangs, then the node's base
	uint64_t hits;

	*nexthop = LPM_MISS;
	while (lpm_is_node(slot)) {
		struct lpm_node *node = lpm_node(table->base, slot);

		matched = at + lpm_node_match(node, &key, at);
		at += node->skip;
		if (matched >= length && at == length && node->child_bm == 0
			&& node->rule_bm == UINT64_C(1) << 1) {
			*nexthop = lpm_read(lpm_rule(node, 1)); // of 'length' bits, and no other
			return true;
		}
		if (at >= length)
			return matched < length;
		if (matched < at)
			return true;
		value = lpm_key_value(&key, at);
		hits = node->rule_bm & path_mask[value];
		if (hits != 0)
			*nexthop =
				lpm_read(lpm_rule(node, 63 - (unsigned int)__builtin_clzll(hits)));
		if ((node->child_bm >> value & 1) == 0)
			return true;
		slot = lpm_read(lpm_child(node, value));
		at += LPM_STRIDE;
	}
	if (slot != 0) // a leaf's rule ends where it hangs
		*nexthop = slot & LPM_NEXTHOP_MAX;
	return true;
}
