/* SPDX-License-Identifier: Apache-2.0 */
#include "stages/route_cache.h"

#include <string.h>

#include <rte_malloc.h>
#include <rte_prefetch.h>
#include <rte_random.h>

#include "tables/lpm.h"
#include "tables/route_bucket.h"
#include "worker.h"

#define GROUP 4 // addresses that are looked up in one turn
#define NEXTHOPS 16384u // a power of 2
#define TRIES 8 // places where a next hop may be

// Half a MiB of buckets: 20,000 destinations seldom push each other out, and the rest of a core's
// second-level cache is left to the packets.
struct route_cache {
	struct route_hash hash;
	uint32_t next_way; // of a full bucket that gets an entry
	uint64_t epoch; // upper half of the generation of all entries
	struct route_bucket buckets[ROUTE_BUCKETS];
	// Next hops by the entries' numbers; a number is valid in the generation since which it has
	// been one.
	const struct nexthop *nexthop[NEXTHOPS];
	uint32_t since[NEXTHOPS];
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

	if (unlikely(generation >> 32 != cache->epoch)) {
		memset(cache->buckets, 0, sizeof(cache->buckets));
		memset(cache->nexthop, 0, sizeof(cache->nexthop));
		cache->epoch = generation >> 32;
	}
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
remember(struct route_cache *cache, uint32_t home, uint32_t word, uint32_t generation,
	const struct nexthop *nexthop)
{
	struct route_bucket *bucket = &cache->buckets[home >> ROUTE_BUCKET_LOG];
	uint32_t number = number_of(cache, nexthop, generation), way;
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

// Where a burst's addresses are looked for.
struct places {
	uint32_t home[WORKER_BURST], word[WORKER_BURST], generation;
};

// Only what forwards is kept: groups depend on the flow, and refusals are no traffic.
static void
look_up_misses(struct route_cache *cache, const struct dataplane *dp, uint16_t network,
	const rte_be32_t *ip, uint64_t misses, const struct places *places,
	const struct nexthop **nexthop)
{
	const struct nexthop *found[WORKER_BURST];
	uint16_t networks[WORKER_BURST], n = 0;
	rte_be32_t missed[WORKER_BURST];

	for (uint64_t left = misses; left != 0; left &= left - 1) {
		networks[n] = network;
		missed[n++] = ip[__builtin_ctzll(left)];
	}
	route_lookup4(dp, networks, missed, n, found);
	for (n = 0; misses != 0; misses &= misses - 1, n++) {
		unsigned int i = (unsigned int)__builtin_ctzll(misses);

		nexthop[i] = found[n];
		if (nexthop_forwards(found[n]))
			remember(cache, places->home[i], places->word[i], places->generation,
				found[n]);
	}
}

// Whether place i has an answer; *nexthop is then set.
static inline bool
look_in(const struct route_cache *cache, const struct places *places, size_t i,
	const struct nexthop **nexthop)
{
	const struct route_bucket *bucket = route_bucket_at(cache->buckets, places->home[i]);
	unsigned int bits = route_bucket_match(bucket, places->word[i], places->generation);

	if (unlikely(bits <= ROUTE_BUCKET_CURRENT))
		return false;
	*nexthop = cache->nexthop[bucket->number[__builtin_ctz(bits)]];
	rte_prefetch0(*nexthop);
	return true;
}

bool
route_cache_lookup4(struct route_cache *cache, const struct dataplane *dp, uint16_t network,
	const rte_be32_t *ip, uint16_t n, const struct nexthop **nexthop)
{
	struct places places;
	uint64_t misses = 0;
	size_t i = 0;

	places.generation = generation_of(cache, dp);
	route_homes(&cache->hash, cache->buckets, network, ip, n, places.word, places.home);
	for (; i + GROUP <= n; i += GROUP)
#pragma GCC unroll 4
		for (size_t k = i; k < i + GROUP; k++)
			if (!look_in(cache, &places, k, &nexthop[k]))
				misses |= UINT64_C(1) << k;
	for (; i < n; i++)
		if (!look_in(cache, &places, i, &nexthop[i]))
			misses |= UINT64_C(1) << i;
	if (likely(misses == 0))
		return true;
	look_up_misses(cache, dp, network, ip, misses, &places, nexthop);
	return false;
}
