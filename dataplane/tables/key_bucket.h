/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TABLES_KEY_BUCKET_H
#define TABLES_KEY_BUCKET_H

// Four keys and their values in one cache line, all keys compared at once.

#include <assert.h>
#include <stdint.h>

#include <rte_common.h>
#ifdef __AVX2__
#include <immintrin.h>
#endif

#define KEY_BUCKET_WAYS 4

struct key_bucket {
	uint64_t key[KEY_BUCKET_WAYS];
	uint64_t value[KEY_BUCKET_WAYS];
} __rte_cache_aligned;

static_assert(sizeof(struct key_bucket) == RTE_CACHE_LINE_SIZE, "one cache line");

// Both halves of a product. seed: secret where keys come from strangers; factor: odd, likewise.
static inline uint64_t
key_hash(uint64_t key, uint64_t seed, uint64_t factor)
{
	unsigned __int128 product = (unsigned __int128)(key ^ seed) * factor;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

// Bit i: way i holds the key. Another thread may change keys meanwhile.
static inline unsigned int
key_bucket_match(const struct key_bucket *bucket, uint64_t key)
{
#ifdef __AVX2__
	// Each lane is one aligned 8-byte load, as below.
	__m256i keys = _mm256_load_si256((const __m256i *)(const volatile void *)bucket->key);
	__m256i same = _mm256_cmpeq_epi64(keys, _mm256_set1_epi64x((long long)key));

	return (unsigned int)_mm256_movemask_pd(_mm256_castsi256_pd(same));
#else
	unsigned int bits = 0;

	for (unsigned int i = 0; i < KEY_BUCKET_WAYS; i++)
		bits |= (unsigned int)(__atomic_load_n(&bucket->key[i], __ATOMIC_RELAXED) == key)
			<< i;
	return bits;
#endif
}

#endif
