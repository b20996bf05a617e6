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
#define GROUP 4 // keys that are looked up in one turn
#define GENERATION_BITS 20 // in the key; when they have run over, all is forgotten

struct route_cache {
	struct key_hash hash; // secret: pods choose destinations
	uint64_t epoch; // generation >> GENERATION_BITS of all entries
	uint32_t next_way; // of the bucket that gets the next entry
	struct key_bucket buckets[BUCKETS]; // values are pointers to next hops
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

static void
remember(struct route_cache *cache, uint64_t key, const struct nexthop *nexthop)
{
	struct key_bucket *bucket = &cache->buckets[key_home(&cache->hash, key)];
	uint32_t way = cache->next_way++ % KEY_BUCKET_WAYS;

	if (key_bucket_match(bucket, key) != 0) // of the same burst
		return;
	bucket->key[way] = key;
	bucket->value[way] = (uintptr_t)nexthop;
}

// Only what forwards is kept: groups depend on the flow, and refusals are no traffic.
static void
look_up_misses(struct route_cache *cache, const struct dataplane *dp, uint16_t network,
	const uint64_t *key, uint64_t misses, const struct nexthop **nexthop)
{
	const struct nexthop *found[WORKER_BURST];
	uint16_t networks[WORKER_BURST], n = 0;
	rte_be32_t ip[WORKER_BURST];

	for (uint64_t left = misses; left != 0; left &= left - 1) {
		networks[n] = network;
		ip[n++] = (rte_be32_t)key[__builtin_ctzll(left)];
	}
	route_lookup4(dp, networks, ip, n, found);
	for (n = 0; misses != 0; misses &= misses - 1, n++) {
		unsigned int i = (unsigned int)__builtin_ctzll(misses);

		nexthop[i] = found[n];
		if (nexthop_forwards(found[n]))
			remember(cache, key[i], found[n]);
	}
}

// Whether the bucket has the key; *nexthop is then set.
static inline bool
look_in(const struct key_bucket *bucket, uint64_t key, const struct nexthop **nexthop)
{
	unsigned int bits = key_bucket_match(bucket, key);

	if (unlikely(bits == 0))
		return false;
	*nexthop = (const void *)(uintptr_t)bucket->value[__builtin_ctz(bits)];
	rte_prefetch0(*nexthop);
	return true;
}

bool
route_cache_lookup4(struct route_cache *cache, const struct dataplane *dp, uint16_t network,
	const rte_be32_t *ip, uint16_t n, const struct nexthop **nexthop)
{
	uint64_t base = key_base(cache, dp, network), misses = 0;
	const struct key_bucket *bucket[WORKER_BURST];
	uint64_t key[WORKER_BURST];
	size_t i = 0;

	for (size_t k = 0; k < n; k++)
		key[k] = base | ip[k];
	key_homes(&cache->hash, cache->buckets, key, n, bucket);
	for (; i + GROUP <= n; i += GROUP)
#pragma GCC unroll 4
		for (size_t k = i; k < i + GROUP; k++)
			if (!look_in(bucket[k], key[k], &nexthop[k]))
				misses |= UINT64_C(1) << k;
	for (; i < n; i++)
		if (!look_in(bucket[i], key[i], &nexthop[i]))
			misses |= UINT64_C(1) << i;
	if (likely(misses == 0))
		return true;
	look_up_misses(cache, dp, network, key, misses, nexthop);
	return false;
}
