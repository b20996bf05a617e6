/* SPDX-License-Identifier: Apache-2.0 */

// Memory of all tables: units of 16 bytes in one reserved range, free lists by size. Main thread.

#include <errno.h>
#include <stdlib.h>

#include <numaif.h>
#include <sys/mman.h>

#include <rte_errno.h>

#include "lpm_internal.h"

#define SLAB_UNITS 256u // 4 KiB at once for one size, so that nodes of 64 bytes fill whole lines
#define RESERVE_UNITS (16 * SLAB_UNITS) // kept for removals, which copy nodes, too
#define QUEUE_MIN 1024u // entries
#define RETIRED_BATCH 64u // nodes that share one grace period, at least
#define RECLAIM_MAX 1024u // nodes given back by one lpm_reclaim()
#define TEARDOWN_MAX (LPM_MAX_STEPS * 64)

struct slab {
	uint32_t at, left; // units
};

struct lpm {
	uint8_t *base;
	uint32_t n_units; // of the reserved range
	uint32_t top; // units below were handed out to slabs
	uint32_t free_list[LPM_NODE_UNITS + 1]; // by size; a free block starts with the next one
	struct slab slab[LPM_NODE_UNITS + 1];
	struct rte_rcu_qsbr *qsbr;
	uint64_t generation; // writer: main thread; readers: workers

	// Retired nodes, a ring of unit indices: [head, sealed) wait for token, [sealed, tail) for
	// a token of their own.
	uint32_t *queue;
	uint32_t queue_size; // a power of two
	uint32_t head, sealed, tail;
	uint64_t token;

	struct lpm_table *dying, **dying_end; // wait for their tokens, oldest first
	uint32_t n_teardown; // nodes that no reader sees any more, with all below them
	uint32_t teardown[TEARDOWN_MAX];
};

#if defined(__has_feature)
#if __has_feature(address_sanitizer) && !defined(__SANITIZE_ADDRESS__)
#define __SANITIZE_ADDRESS__ 1
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(addr, size) ((void)(addr), (void)(size))
#define ASAN_UNPOISON_MEMORY_REGION(addr, size) ((void)(addr), (void)(size))
#endif

static void
prefer_socket(void *base, size_t bytes, int socket_id)
{
	unsigned long nodes;

	if (socket_id < 0 || socket_id >= (int)(8 * sizeof(nodes)))
		return;
	// A preference only, and not every container may state it: memory from anywhere serves.
	nodes = 1ul << socket_id;
	(void)mbind(base, bytes, MPOL_PREFERRED, &nodes, 8 * sizeof(nodes), 0);
}

struct lpm *
lpm_create(size_t max_bytes, struct rte_rcu_qsbr *qsbr, int socket_id)
{
	struct lpm *lpm;

	max_bytes = RTE_ALIGN_FLOOR(max_bytes, SLAB_UNITS * LPM_UNIT);
	if (max_bytes < 2 * RESERVE_UNITS * LPM_UNIT || max_bytes / LPM_UNIT > LPM_LEAF
		|| qsbr == NULL) {
		rte_errno = EINVAL;
		return NULL;
	}
	lpm = calloc(1, sizeof(*lpm));
	if (lpm == NULL)
		goto no_memory;
	lpm->queue_size = QUEUE_MIN;
	lpm->queue = calloc(lpm->queue_size, sizeof(*lpm->queue));
	if (lpm->queue == NULL)
		goto free_lpm;
	lpm->base = mmap(NULL, max_bytes, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (lpm->base == MAP_FAILED)
		goto free_queue;
	(void)madvise(lpm->base, max_bytes, MADV_HUGEPAGE);
	prefer_socket(lpm->base, max_bytes, socket_id);
	lpm->n_units = (uint32_t)(max_bytes / LPM_UNIT);
	lpm->top = LPM_TABLE_UNITS; // unit 0 is no node; the first line stays unused
	lpm->qsbr = qsbr;
	lpm->dying_end = &lpm->dying;
	return lpm;

free_queue:
	free(lpm->queue);
free_lpm:
	free(lpm);
no_memory:
	rte_errno = ENOMEM;
	return NULL;
}

void
lpm_free(struct lpm *lpm)
{
	size_t bytes;

	if (lpm == NULL)
		return;
	bytes = (size_t)lpm->n_units * LPM_UNIT;
	ASAN_UNPOISON_MEMORY_REGION(lpm->base, bytes);
	munmap(lpm->base, bytes);
	free(lpm->queue);
	free(lpm);
}

uint8_t *
lpm_base(const struct lpm *lpm)
{
	return lpm->base;
}

size_t
lpm_bytes(const struct lpm *lpm)
{
	return (size_t)lpm->top * LPM_UNIT;
}

static uint32_t *
free_link(const struct lpm *lpm, uint32_t unit)
{
	return (uint32_t *)(void *)(lpm->base + (size_t)unit * LPM_UNIT);
}

void
lpm_release(struct lpm *lpm, uint32_t unit, unsigned int units)
{
	uint32_t *link = free_link(lpm, unit);

	*link = lpm->free_list[units];
	lpm->free_list[units] = unit;
	ASAN_POISON_MEMORY_REGION(link, (size_t)units * LPM_UNIT);
}

static uint32_t
take_free(struct lpm *lpm, unsigned int units)
{
	uint32_t unit = lpm->free_list[units];
	uint32_t *link = free_link(lpm, unit);

	if (unit == 0)
		return 0;
	ASAN_UNPOISON_MEMORY_REGION(link, (size_t)units * LPM_UNIT);
	lpm->free_list[units] = *link;
	return unit;
}

static uint32_t
take_slab(struct lpm *lpm, unsigned int units, bool may_use_reserve)
{
	uint32_t needed = SLAB_UNITS + (may_use_reserve ? 0 : RESERVE_UNITS), unit;
	struct slab *slab = &lpm->slab[units];

	if (slab->left < units) {
		if (lpm->n_units - lpm->top < needed)
			return 0;
		if (slab->left > 0)
			lpm_release(lpm, slab->at, slab->left);
		slab->at = lpm->top;
		slab->left = SLAB_UNITS;
		lpm->top += SLAB_UNITS;
	}
	unit = slab->at;
	slab->at += units;
	slab->left -= units;
	return unit;
}

// The end of the range is reached: cuts a larger free block.
static uint32_t
take_larger(struct lpm *lpm, unsigned int units)
{
	uint32_t unit;

	for (unsigned int size = units + 1; size <= LPM_NODE_UNITS; size++) {
		unit = take_free(lpm, size);
		if (unit != 0) {
			lpm_release(lpm, unit + units, size - units);
			return unit;
		}
	}
	return 0;
}

static uint32_t
take(struct lpm *lpm, unsigned int units, bool may_use_reserve)
{
	uint32_t unit = take_free(lpm, units);

	if (unit == 0)
		unit = take_slab(lpm, units, may_use_reserve);
	if (unit == 0)
		unit = take_larger(lpm, units);
	return unit;
}

// Returns whether their grace period is over.
static bool
is_past(struct lpm *lpm, uint64_t token)
{
	return rte_rcu_qsbr_check(lpm->qsbr, token, false) != 0;
}

int
lpm_retire_reserve(struct lpm *lpm, uint32_t n)
{
	uint32_t used = lpm->tail - lpm->head, size = lpm->queue_size;
	uint32_t *queue;

	if (size - used >= n)
		return 0;
	if (size > UINT32_MAX / 4)
		return -ENOSPC;
	queue = calloc(size * 2, sizeof(*queue));
	if (queue == NULL)
		return -ENOSPC;
	for (uint32_t i = 0; i < used; i++)
		queue[i] = lpm->queue[(lpm->head + i) & (size - 1)];
	free(lpm->queue);
	lpm->queue = queue;
	lpm->queue_size = size * 2;
	lpm->sealed -= lpm->head;
	lpm->head = 0;
	lpm->tail = used;
	return 0;
}

void
lpm_retire(struct lpm *lpm, uint32_t unit)
{
	lpm->queue[lpm->tail++ & (lpm->queue_size - 1)] = unit;
}

// Starts a grace period for what was retired since the last one, once that is over and used up.
static void
seal(struct lpm *lpm, uint32_t at_least)
{
	if (lpm->head != lpm->sealed || lpm->tail - lpm->sealed < at_least)
		return;
	lpm->sealed = lpm->tail;
	lpm->token = rte_rcu_qsbr_start(lpm->qsbr);
}

// Returns how many of at most 'max' nodes it gave back.
static uint32_t
free_retired(struct lpm *lpm, uint32_t max)
{
	uint32_t n = RTE_MIN(lpm->sealed - lpm->head, max), unit;

	if (n == 0 || !is_past(lpm, lpm->token))
		return 0;
	for (uint32_t i = 0; i < n; i++) {
		unit = lpm->queue[lpm->head++ & (lpm->queue_size - 1)];
		lpm_release(lpm, unit, lpm_node(lpm->base, unit)->units);
	}
	return n;
}

void
lpm_note_change(struct lpm *lpm)
{
	__atomic_store_n(&lpm->generation, lpm->generation + 1, __ATOMIC_RELEASE);
}

uint64_t
lpm_generation(const struct lpm *lpm)
{
	return __atomic_load_n(&lpm->generation, __ATOMIC_ACQUIRE);
}

void
lpm_reclaim_some(struct lpm *lpm)
{
	free_retired(lpm, RETIRED_BATCH);
	seal(lpm, RETIRED_BATCH);
}

void
lpm_bury(struct lpm *lpm, struct lpm_table *table)
{
	table->next = NULL;
	table->token = rte_rcu_qsbr_start(lpm->qsbr);
	*lpm->dying_end = table;
	lpm->dying_end = &table->next;
}

static bool
next_teardown(struct lpm *lpm)
{
	struct lpm_table *table = lpm->dying;

	if (table == NULL || !is_past(lpm, table->token))
		return false;
	lpm->dying = table->next;
	if (lpm->dying == NULL)
		lpm->dying_end = &lpm->dying;
	if (lpm_is_node(table->root))
		lpm->teardown[lpm->n_teardown++] = table->root;
	lpm_release(lpm, (uint32_t)(((uint8_t *)table - lpm->base) / LPM_UNIT), LPM_TABLE_UNITS);
	return true;
}

static void
teardown_one(struct lpm *lpm)
{
	uint32_t unit = lpm->teardown[--lpm->n_teardown];
	struct lpm_node *node = lpm_node(lpm->base, unit);

	for (unsigned int i = lpm_prefix_words(node->skip); i < node->rules_at; i++)
		if (lpm_is_node(node->word[i]))
			lpm->teardown[lpm->n_teardown++] = node->word[i];
	lpm_release(lpm, unit, node->units);
}

static uint32_t
free_dying(struct lpm *lpm, uint32_t max)
{
	uint32_t n = 0;

	for (; n < max; n++) {
		if (lpm->n_teardown > 0)
			teardown_one(lpm);
		else if (!next_teardown(lpm))
			break;
	}
	return n;
}

void
lpm_reclaim(struct lpm *lpm)
{
	uint32_t n = free_retired(lpm, RECLAIM_MAX);

	seal(lpm, 1);
	free_dying(lpm, RECLAIM_MAX - n);
}

uint32_t
lpm_alloc(struct lpm *lpm, unsigned int units, bool may_use_reserve)
{
	uint32_t unit = take(lpm, units, may_use_reserve), freed = 1;

	while (unit == 0 && freed > 0) {
		seal(lpm, 1);
		freed = free_retired(lpm, RECLAIM_MAX);
		freed += free_dying(lpm, RECLAIM_MAX);
		unit = take(lpm, units, may_use_reserve);
	}
	return unit;
}
