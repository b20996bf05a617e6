/* SPDX-License-Identifier: Apache-2.0 */
#include "stages/route_cache.h"

#include <string.h>

#include <rte_malloc.h>
#include <rte_prefetch.h>
#include <rte_random.h>

#include "tables/lpm.h"
#include "tables/route_blocks.h"
#include "tables/route_bucket.h"
#include "worker.h"

#define GROUP 4 // addresses that are looked up in one turn
#define NEXTHOPS 16384u // a power of 2
#define TRIES 8 // places where a next hop may be

// Half a MiB of buckets: 20,000 destinations seldom push each other out, and some of a core's
// second-level cache is left to the packets. Of the blocks' pages only the lines in use count.
struct route_cache {
	struct route_hash hash;
	uint32_t next_way; // of a full bucket that gets an entry
	uint64_t generation; // of the blocks; its upper half is that of all entries
	struct route_bucket buckets[ROUTE_BUCKETS];
	// Next hops by the entries' numbers; a number is valid in the generation since which it has
	// been one.
	const struct nexthop *nexthop[NEXTHOPS];
	uint32_t since[NEXTHOPS];
	struct route_blocks blocks; // the numbers plus 1 of those that whole /24s have
};

struct route_cache *
route_cache_create(int socket_id)
{
	struct route_cache *cache =
		rte_zmalloc_socket("route cache", sizeof(*cache), RTE_CACHE_LINE_SIZE, socket_id);

	if (cache == NULL)
		return NULL;
	cache->hash = (struct route_hash){
		.network = (uint32_t)rte_rand() | 1,
		.first = (uint32_t)rte_rand() | 1,
		.second = (uint32_t)rte_rand() | 1,
	};
	return cache;
}

void
route_cache_free(struct route_cache *cache)
{
	rte_free(cache);
}

// Read before the tables are.
static uint32_t
generation_of(struct route_cache *cache, const struct dataplane *dp)
{
	uint64_t generation =
		__atomic_load_n(&dp->generation, __ATOMIC_ACQUIRE) + lpm_generation(dp->lpm);

	if (likely(generation == cache->generation))
		return (uint32_t)generation;
	if (generation >> 32 != cache->generation >> 32) {
		memset(cache->buckets, 0, sizeof(cache->buckets));
		memset(cache->nexthop, 0, sizeof(cache->nexthop));
	}
	route_blocks_forget(&cache->blocks);
	cache->generation = generation;
	return (uint32_t)generation;
}

// The number of a next hop, NEXTHOPS when there is no place for it.
static uint32_t
number_of(struct route_cache *cache, const struct nexthop *nexthop, uint32_t generation)
{
	uint64_t hashed = (uintptr_t)nexthop * UINT64_C(0x9e3779b97f4a7c15);
	uint32_t at = (uint32_t)(hashed >> 32);

	for (uint32_t i = 0; i < TRIES; i++, at++) {
		at %= NEXTHOPS;
		if (cache->nexthop[at] == NULL || cache->since[at] != generation) {
			cache->nexthop[at] = nexthop;
			cache->since[at] = generation;
		}
		if (cache->nexthop[at] == nexthop)
			return at;
	}
	return NEXTHOPS;
}

static void
remember_one(struct route_cache *cache, uint16_t network, rte_be32_t ip, uint32_t generation,
	const struct nexthop *nexthop)
{
	uint32_t hashed = route_hash_of(&cache->hash, route_salt(&cache->hash, network), ip);
	struct route_bucket *bucket = &cache->buckets[route_home(hashed) >> ROUTE_BUCKET_LOG];
	uint32_t number = number_of(cache, nexthop, generation), way;
	uint32_t word = route_word(hashed, network);
	unsigned int bits;

	if (number == NEXTHOPS)
		return;
	if (bucket->generation != generation) {
		memset(bucket->word, 0, sizeof(bucket->word));
		bucket->generation = generation;
	}
	bits = route_bucket_match(bucket, word, generation); // of the same burst
	if (bits == ROUTE_BUCKET_CURRENT)
		bits = route_bucket_match(bucket, 0, generation);
	way = bits != ROUTE_BUCKET_CURRENT ? (uint32_t)__builtin_ctz(bits)
					   : cache->next_way++ % ROUTE_BUCKET_WAYS;
	bucket->word[way] = word;
	bucket->number[way] = (uint16_t)number;
}

// Returns whether the address's whole block has one answer, which is remembered.
static bool
remember_block(struct route_cache *cache, const struct dataplane *dp, uint16_t network,
	rte_be32_t ip, uint32_t generation)
{
	const struct nexthop *nexthop = NULL;
	uint32_t number;

	if (!route_block_leaves_out(route_host_order(ip)))
		nexthop = route_block4(dp, network, ip);
	if (nexthop == NULL || !nexthop_forwards(nexthop))
		return false;
	number = number_of(cache, nexthop, generation);
	return number != NEXTHOPS
	       && route_blocks_set(&cache->blocks, network, ip, (uint16_t)(number + 1));
}

// A burst's addresses, or some of them.
struct wanted {
	const rte_be32_t *ip;
	const uint8_t *place; // where their next hops go, NULL: in the same order
	const struct nexthop **nexthop;
	uint16_t network, n;
};

// Those of a burst that are not found where most are.
struct others {
	rte_be32_t ip[WORKER_BURST];
	uint8_t place[WORKER_BURST];
};

static struct wanted
pick(const struct wanted *all, uint64_t some, struct others *others)
{
	struct wanted wanted = {.ip = others->ip,
		.place = others->place,
		.nexthop = all->nexthop,
		.network = all->network};

	for (; some != 0; some &= some - 1) {
		unsigned int i = (unsigned int)__builtin_ctzll(some);

		others->ip[wanted.n] = all->ip[i];
		others->place[wanted.n++] = all->place != NULL ? all->place[i] : (uint8_t)i;
	}
	return wanted;
}

// Only what forwards is kept: groups depend on the flow, and refusals are no traffic.
static void
look_up(struct route_cache *cache, const struct dataplane *dp, uint32_t generation,
	const struct wanted *wanted)
{
	const struct nexthop *found[WORKER_BURST];
	uint16_t networks[WORKER_BURST];

	for (uint16_t i = 0; i < wanted->n; i++)
		networks[i] = wanted->network;
	route_lookup4(dp, networks, wanted->ip, wanted->n, found);
	for (uint16_t i = 0; i < wanted->n; i++) {
		wanted->nexthop[wanted->place[i]] = found[i];
		if (nexthop_forwards(found[i])
			&& !remember_block(cache, dp, wanted->network, wanted->ip[i], generation))
			remember_one(cache, wanted->network, wanted->ip[i], generation, found[i]);
	}
}

static __rte_always_inline void
answer(const struct route_cache *cache, const struct wanted *wanted, size_t i, uint32_t number)
{
	const struct nexthop *nexthop = cache->nexthop[number];

	rte_prefetch0(nexthop);
	wanted->nexthop[wanted->place != NULL ? wanted->place[i] : i] = nexthop;
}

// Whether an address has an answer of its own; its next hop is then set.
static __rte_always_inline bool
look_in(const struct route_cache *cache, const struct wanted *wanted, size_t i, uint32_t home,
	uint32_t word, uint32_t generation)
{
	const struct route_bucket *bucket = route_bucket_at(cache->buckets, home);
	unsigned int bits = route_bucket_match(bucket, word, generation);

	if (unlikely(bits <= ROUTE_BUCKET_CURRENT))
		return false;
	answer(cache, wanted, i, bucket->number[__builtin_ctz(bits)]);
	return true;
}

// Bit i of the results: address i has no answer.

static __rte_always_inline uint64_t
look_in_buckets(const struct route_cache *cache, const struct wanted *wanted, uint32_t generation)
{
	uint32_t home[WORKER_BURST], word[WORKER_BURST];
	uint64_t misses = 0;
	size_t i = 0;

	route_homes(
		&cache->hash, cache->buckets, wanted->network, wanted->ip, wanted->n, word, home);
	for (; i + GROUP <= wanted->n; i += GROUP)
#pragma GCC unroll 4
		for (size_t k = i; k < i + GROUP; k++)
			if (!look_in(cache, wanted, k, home[k], word[k], generation))
				misses |= UINT64_C(1) << k;
	for (; i < wanted->n; i++)
		if (!look_in(cache, wanted, i, home[i], word[i], generation))
			misses |= UINT64_C(1) << i;
	return misses;
}

static __rte_always_inline uint64_t
look_in_blocks(const struct route_cache *cache, const struct wanted *wanted)
{
	const uint16_t *root = route_block_root(&cache->blocks, wanted->network);
	uint32_t upper[WORKER_BURST], lower[WORKER_BURST];
	uint64_t misses = 0;

	for (size_t i = 0; i < wanted->n; i++) {
		upper[i] = route_block_upper(route_host_order(wanted->ip[i]));
		lower[i] = route_block_lower(route_host_order(wanted->ip[i]));
	}
	for (size_t i = 0; i < wanted->n; i++) {
		uint32_t number = route_block_number(&cache->blocks, root, upper[i], lower[i]);

		if (likely(number != 0)
			&& likely(!route_block_leaves_out(route_host_order(wanted->ip[i]))))
			answer(cache, wanted, i, number - 1);
		else
			misses |= UINT64_C(1) << i;
	}
	return misses;
}

// What is not where the first address is. Returns false when some are nowhere.
static bool
look_elsewhere(struct route_cache *cache, const struct dataplane *dp, uint32_t generation,
	const struct wanted *all, bool blocks_first, uint64_t misses)
{
	struct others others, unknown;
	struct wanted wanted = pick(all, misses, &others);

	misses = blocks_first ? look_in_buckets(cache, &wanted, generation)
			      : look_in_blocks(cache, &wanted);
	if (misses == 0)
		return true;
	wanted = pick(&wanted, misses, &unknown);
	look_up(cache, dp, generation, &wanted);
	return false;
}

bool
route_cache_lookup4(struct route_cache *cache, const struct dataplane *dp, uint16_t network,
	const rte_be32_t *ip, uint16_t n, const struct nexthop **nexthop)
{
	const struct wanted wanted = {.ip = ip, .nexthop = nexthop, .network = network, .n = n};
	const uint32_t generation = generation_of(cache, dp);
	// Where the first one is most are: a burst comes from one port.
	bool blocks_first = route_block_of(&cache->blocks, network, route_host_order(ip[0])) != 0;
	uint64_t misses = blocks_first ? look_in_blocks(cache, &wanted)
				       : look_in_buckets(cache, &wanted, generation);

	return likely(misses == 0)
	       || look_elsewhere(cache, dp, generation, &wanted, blocks_first, misses);
}
