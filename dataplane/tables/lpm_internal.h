/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TABLES_LPM_INTERNAL_H
#define TABLES_LPM_INTERNAL_H

// Layout of the tree bitmap, shared by the lpm_*.c files only.
//
// A slot is 32 bits: 0 = nothing, LPM_LEAF | next hop = one rule that ends where the slot hangs, or
// the unit index of a node. The slot of the root hangs at bit 0 of the address, the slots of a
// node's children LPM_STRIDE bits behind the node's base. A node skips the bits that all below it
// have in common, so that its base is its slot's offset + skip; both are multiples of LPM_STRIDE.
//
// Rules are numbered as in a heap: the rule of v with r bits (0 <= r < LPM_STRIDE) behind the base
// has index 1 << r | v, so that of all rules on an address's path the highest index is the longest.

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <rte_branch_prediction.h>
#include <rte_byteorder.h>
#include <rte_common.h>

#include "lpm.h"

#define LPM_STRIDE 6
#define LPM_LEAF (UINT32_C(1) << 31)
#define LPM_NEXTHOP_MAX ((UINT32_C(1) << 24) - 1)
#define LPM_UNIT 16 // bytes; nodes are whole units
#define LPM_NODE_UNITS 34 // of the largest node: 4 words of prefix, 64 children, 63 rules
#define LPM_MAX_STEPS 22 // slots from the root to a /128

// Immutable once published, but for the values of its children and rules.
struct lpm_node {
	uint64_t rule_bm; // by rule index; bit 0 is never set
	uint64_t child_bm; // by the LPM_STRIDE bits behind the base
	uint8_t skip; // bits
	uint8_t rules_at; // index of the first rule in word[]
	uint8_t units;
	uint8_t reserved;
	uint32_t word[]; // skipped bits (32 a word, left aligned), children, rules
};

// Lies in the arena, too. Readers use base and root, the rest is the main thread's.
struct lpm_table {
	uint8_t *base; // of the arena
	uint32_t root; // slot
	uint32_t count;
	uint32_t units; // of all its nodes
	uint8_t address_bits;
	uint8_t reserved[3];
	struct lpm *lpm;
	struct lpm_table *next; // to be freed after this one
	uint64_t token; // of its removal
};

#define LPM_TABLE_UNITS 4
static_assert(sizeof(struct lpm_table) <= LPM_TABLE_UNITS * LPM_UNIT, "table fits its units");

// Address bits in host order, the first at the top of hi.
struct lpm_key {
	uint64_t hi, lo;
};

// lpm_arena.c. Main thread.
// Returns the first unit, 0 when the arena is full even after reclaiming. Removals may use what is
// reserved for them.
uint32_t lpm_alloc(struct lpm *lpm, unsigned int units, bool may_use_reserve);
// For what no reader can see.
void lpm_release(struct lpm *lpm, uint32_t unit, unsigned int units);
// Makes sure that the next n nodes can be retired. Returns 0 or -ENOSPC.
int lpm_retire_reserve(struct lpm *lpm, uint32_t n);
// Frees a node after a grace period.
void lpm_retire(struct lpm *lpm, uint32_t unit);
uint8_t *lpm_base(const struct lpm *lpm);
// Frees a whole table after a grace period, piece by piece.
// After every change that a look-up may see, see lpm_generation().
void lpm_note_change(struct lpm *lpm);
void lpm_bury(struct lpm *lpm, struct lpm_table *table);
// Gives back a few retired nodes; cheap enough for every update.
void lpm_reclaim_some(struct lpm *lpm);

static inline struct lpm_node *
lpm_node(const uint8_t *base, uint32_t slot)
{
	return (struct lpm_node *)(uintptr_t)(base + (size_t)slot * LPM_UNIT);
}

static inline bool
lpm_is_node(uint32_t slot)
{
	return slot != 0 && (slot & LPM_LEAF) == 0;
}

static inline unsigned int
lpm_prefix_words(unsigned int skip)
{
	return (skip + 31) / 32;
}

static inline uint32_t *
lpm_child(struct lpm_node *node, unsigned int value)
{
	uint64_t below = node->child_bm & ((UINT64_C(1) << value) - 1);

	return &node->word[lpm_prefix_words(node->skip)
			   + (unsigned int)__builtin_popcountll(below)];
}

static inline uint32_t *
lpm_rule(struct lpm_node *node, unsigned int index)
{
	uint64_t below = node->rule_bm & ((UINT64_C(1) << index) - 1);

	return &node->word[node->rules_at + (unsigned int)__builtin_popcountll(below)];
}

// The 64 bits from bit 'at' (0 .. 127) on.
static inline uint64_t
lpm_key_from(const struct lpm_key *key, unsigned int at)
{
	if (at == 0)
		return key->hi;
	if (at < 64)
		return key->hi << at | key->lo >> (64 - at);
	return key->lo << (at - 64);
}

static inline unsigned int
lpm_key_value(const struct lpm_key *key, unsigned int at)
{
	return (unsigned int)(lpm_key_from(key, at) >> (64 - LPM_STRIDE));
}

// Rule index of a prefix of this length in the node with this base.
static inline unsigned int
lpm_key_index(const struct lpm_key *key, unsigned int base, unsigned int length)
{
	unsigned int bits = length - base;

	return 1u << bits | lpm_key_value(key, base) >> (LPM_STRIDE - bits);
}

// Sets the bits from 'at' on (they are zero so far) to the upper 32 bits of a word.
static inline void
lpm_key_put(struct lpm_key *key, unsigned int at, uint32_t word)
{
	uint64_t bits = (uint64_t)word << 32;

	if (at < 64) {
		key->hi |= bits >> at;
		if (at > 32)
			key->lo |= bits << (64 - at);
	} else {
		key->lo |= bits >> (at - 64);
	}
}

// Keeps the first 'length' bits.
static inline void
lpm_key_cut(struct lpm_key *key, unsigned int length)
{
	if (length < 64) {
		key->hi &= ~(UINT64_MAX >> length);
		key->lo = 0;
	} else if (length < 128) {
		key->lo &= ~(UINT64_MAX >> (length - 64));
	}
}

static inline struct lpm_key
lpm_key_load(const uint8_t *address, uint8_t address_bits)
{
	struct lpm_key key = {0};
	rte_be32_t word;

	if (address_bits == 32) {
		memcpy(&word, address, sizeof(word));
		key.hi = (uint64_t)rte_be_to_cpu_32(word) << 32;
	} else {
		memcpy(&key, address, sizeof(key));
		key.hi = rte_be_to_cpu_64(key.hi);
		key.lo = rte_be_to_cpu_64(key.lo);
	}
	return key;
}

// How many bits from the slot's offset on the key shares with what the node skips: at most skip.
static inline unsigned int
lpm_node_match(const struct lpm_node *node, const struct lpm_key *key, unsigned int offset)
{
	uint32_t diff;

	for (unsigned int at = 0; at < node->skip; at += 32) {
		diff = node->word[at / 32] ^ (uint32_t)(lpm_key_from(key, offset + at) >> 32);
		if (diff != 0)
			return RTE_MIN(
				at + (unsigned int)__builtin_clz(diff), (unsigned int)node->skip);
	}
	return node->skip;
}

static inline void
lpm_publish(uint32_t *slot, uint32_t value)
{
	__atomic_store_n(slot, value, __ATOMIC_RELEASE);
}

static inline uint32_t
lpm_read(const uint32_t *slot)
{
	return __atomic_load_n(slot, __ATOMIC_ACQUIRE);
}

#endif
