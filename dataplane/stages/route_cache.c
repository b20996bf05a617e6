/* SPDX-License-Identifier: Apache-2.0 */
#include "stages/route_cache.h"

#include <string.h>

#include <rte_malloc.h>
#include <rte_prefetch.h>
#include <rte_random.h>

#include "tables/key_bucket.h"
#include "tables/lpm.h"
#include "worker.h"

#define BUCKETS 16384 // 1 MiB: 20,000 destinations seldom push each other out
#define GENERATION_BITS 20 // in the key; when they have run over, all is forgotten

struct route_cache {
	struct key_hash hash; // secret: pods choose destinations
	uint64_t epoch; // generation >> GENERATION_BITS of all entries
	uint32_t next_way; // of the bucket that gets the next entry
	struct key_bucket buckets[BUCKETS]; // values are pointers to next hops
};

struct misses {
	uint16_t n;
	uint16_t at[WORKER_BURST];
	uint16_t network[WORKER_BURST];
	rte_be32_t ip[WORKER_BURST];
};

static_assert(CW_MAX_NETWORKS <= 1 << 12, "a key is 32 bits, 12 bits and the generation's");

struct route_cache *
route_cache_create(int socket_id)
{
	struct route_cache *cache =
		rte_zmalloc_socket("route cache", sizeof(*cache), RTE_CACHE_LINE_SIZE, socket_id);

	if (cache == NULL)
		return NULL;
	cache->hash = key_hash_make(BUCKETS, rte_rand(), rte_rand());
	return cache;
}

void
route_cache_free(struct route_cache *cache)
{
	rte_free(cache);
}

// The part of a key that all addresses share. Read before the tables are.
static uint64_t
key_base(struct route_cache *cache, const struct dataplane *dp, uint16_t network)
{
	uint64_t generation =
		__atomic_load_n(&dp->generation, __ATOMIC_ACQUIRE) + lpm_generation(dp->lpm);

	if (unlikely(generation >> GENERATION_BITS != cache->epoch)) {
		memset(cache->buckets, 0, sizeof(cache->buckets)); // 0.0.0.0 is never asked for
		cache->epoch = generation >> GENERATION_BITS;
	}
	return generation << (64 - GENERATION_BITS) | (uint64_t)network << 32;
}

// Groups depend on the flow, and refusals are no traffic.
static inline bool
is_worth_it(const struct nexthop *nexthop)
{
	return nexthop->action == NEXTHOP_FORWARD || nexthop->action == NEXTHOP_TUNNEL
	       || nexthop->action == NEXTHOP_HOST;
}

static void
look_up_misses(struct route_cache *cache, const struct dataplane *dp, uint64_t base,
	const struct misses *misses, const struct nexthop **nexthop)
{
	const struct nexthop *found[WORKER_BURST];

	route_lookup4(dp, misses->network, misses->ip, misses->n, found);
	for (uint16_t i = 0; i < misses->n; i++) {
		uint64_t key = base | misses->ip[i];
		struct key_bucket *bucket = &cache->buckets[key_home(&cache->hash, key)];
		uint32_t way = cache->next_way++ % KEY_BUCKET_WAYS;

		nexthop[misses->at[i]] = found[i];
		if (!is_worth_it(found[i]) || key_bucket_match(bucket, key) != 0)
			continue;
		bucket->key[way] = key;
		bucket->value[way] = (uintptr_t)found[i];
	}
}

void
route_cache_lookup4(struct route_cache *cache, const struct dataplane *dp, uint16_t network,
	const rte_be32_t *ip, uint16_t n, const struct nexthop **nexthop)
{
	uint64_t base = key_base(cache, dp, network);
	const struct key_bucket *bucket[WORKER_BURST];
	uint64_t key[WORKER_BURST];
	struct misses misses;

	misses.n = 0;
	for (uint16_t i = 0; i < n; i++)
		key[i] = base | ip[i];
	key_homes(&cache->hash, cache->buckets, key, n, bucket);
	for (uint16_t i = 0; i < n; i++) {
		unsigned int bits = key_bucket_match(bucket[i], key[i]);

		if (likely(bits != 0)) {
			nexthop[i] = (const void *)(uintptr_t)bucket[i]->value[__builtin_ctz(bits)];
			rte_prefetch0(nexthop[i]);
			continue;
		}
		misses.at[misses.n] = i;
		misses.network[misses.n] = network;
		misses.ip[misses.n++] = ip[i];
	}
	if (unlikely(misses.n > 0))
		look_up_misses(cache, dp, base, &misses, nexthop);
}
