/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TABLES_KEY_BUCKET_H
#define TABLES_KEY_BUCKET_H

// Four keys and their values in one cache line, all keys compared at once.

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include <rte_common.h>
#ifdef __AVX2__
#include <immintrin.h>
#endif

#define KEY_BUCKET_WAYS 4
#define KEY_BUCKET_LOG 6 // of its bytes
#define KEY_BUCKETS_MAX (1u << (32 - KEY_BUCKET_LOG))

struct key_bucket {
	uint64_t value[KEY_BUCKET_WAYS]; // first: a way's number is its offset
	uint64_t key[KEY_BUCKET_WAYS];
} __rte_cache_aligned;

static_assert(sizeof(struct key_bucket) == 1 << KEY_BUCKET_LOG, "one cache line");

// Which bucket is a key's home: vector multiply-shift over the key's halves (Thorup, "High Speed
// Hashing for Integers and Strings", arXiv:1504.06804), then once more over the sum, because keys
// in a row (addresses are) may meet in few buckets otherwise. Factors are odd, and secret where
// keys come from strangers.
struct key_hash {
	uint32_t lower, upper, sum; // factors: of the key's halves, and of what they add up to
	uint32_t shift; // 32 - log2 of how many buckets there are
};

#define KEY_HASH_FOLD 15

// n_buckets: a power of 2, at most KEY_BUCKETS_MAX. a, b: random.
static inline struct key_hash
key_hash_make(uint64_t n_buckets, uint64_t a, uint64_t b)
{
	return (struct key_hash){
		.lower = (uint32_t)a | 1,
		.upper = (uint32_t)(a >> 32) | 1,
		.sum = (uint32_t)b | 1,
		.shift = 32 - (uint32_t)__builtin_ctzll(n_buckets),
	};
}

static inline uint64_t
key_home(const struct key_hash *hash, uint64_t key)
{
	uint32_t sum = (uint32_t)key * hash->lower + (uint32_t)(key >> 32) * hash->upper;

	sum = (sum ^ sum >> KEY_HASH_FOLD) * hash->sum;
	return (uint64_t)sum >> hash->shift;
}

// The homes of n keys. They are not prefetched: look-ups do not depend on each other, so that a
// core has the lines of a burst under way by itself, and a prefetch more a key costs more than it
// saves even where they come from memory (perf/micro/bench_keys).
static inline void
key_homes(const struct key_hash *hash, const struct key_bucket *buckets, const uint64_t *keys,
	size_t n, const struct key_bucket **homes)
{
	size_t i = 0;

#ifdef __AVX2__
	const __m256i lower = _mm256_set1_epi64x(hash->lower);
	const __m256i upper = _mm256_set1_epi64x(hash->upper);
	const __m256i factor = _mm256_set1_epi64x(hash->sum);
	const __m256i base = _mm256_set1_epi64x((long long)(uintptr_t)buckets);
	const __m256i shift = _mm256_set1_epi64x(hash->shift - KEY_BUCKET_LOG); // to bytes
	const __m256i mask = _mm256_set1_epi64x(
		(1LL << (32 + KEY_BUCKET_LOG - hash->shift)) - (1LL << KEY_BUCKET_LOG));

	// As key_home() does, in the lower halves: their products cost half of what those of all
	// eight do, and what they leave in the upper halves is masked out in the end.
	for (; i + 4 <= n; i += 4) {
		__m256i key = _mm256_loadu_si256((const __m256i *)(const void *)&keys[i]);
		__m256i sum = _mm256_add_epi32(_mm256_mul_epu32(key, lower),
			_mm256_mul_epu32(_mm256_srli_epi64(key, 32), upper));

		sum = _mm256_xor_si256(sum, _mm256_srli_epi32(sum, KEY_HASH_FOLD));
		sum = _mm256_srlv_epi64(_mm256_mul_epu32(sum, factor), shift);
		sum = _mm256_and_si256(sum, mask);
		_mm256_storeu_si256((__m256i *)(void *)&homes[i], _mm256_add_epi64(base, sum));
	}
#endif
	for (; i < n; i++)
		homes[i] = &buckets[key_home(hash, keys[i])];
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
