/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TABLES_ROUTE_BUCKET_H
#define TABLES_ROUTE_BUCKET_H

// Seven (network, IPv4 address) pairs and a 16-bit number for each in one cache line. What a pair
// is hashed to is as long as the pair, and no two of a network share it: the bucket's number is a
// part of it, and need not be kept in the bucket (quotienting; Knuth, TAOCP vol. 3, 6.4, ex. 13).

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include <rte_byteorder.h>
#include <rte_common.h>
#include <rte_prefetch.h>
#ifdef __AVX2__
#include <immintrin.h>
#endif

#include <causeway/limits.h>

#define ROUTE_BUCKET_WAYS 7
#define ROUTE_BUCKET_LOG 6 // of its bytes
#define ROUTE_BUCKETS_LOG 13
#define ROUTE_BUCKETS (1u << ROUTE_BUCKETS_LOG)
#define ROUTE_NETWORK_BITS 12
#define ROUTE_HASH_FOLD 15

struct route_bucket {
	uint32_t word[ROUTE_BUCKET_WAYS]; // see route_word(); 0: empty
	uint32_t generation; // of all entries
	uint16_t number[ROUTE_BUCKET_WAYS];
} __rte_cache_aligned;

static_assert(sizeof(struct route_bucket) == 1 << ROUTE_BUCKET_LOG, "one cache line");
static_assert(CW_MAX_NETWORKS <= 1 << ROUTE_NETWORK_BITS
		      && 32 - ROUTE_BUCKETS_LOG + ROUTE_NETWORK_BITS < 32,
	"the rest of the hash, a network and a bit fit a word");

// Odd factors, secret: pods choose destinations.
struct route_hash {
	uint32_t network, first, second;
};

// Of one network: what its addresses are mixed with.
static inline uint32_t
route_salt(const struct route_hash *hash, uint16_t network)
{
	return (network + 1u) * hash->network;
}

// A permutation of all addresses: each step can be undone. In host order, because the last bytes of
// addresses in a row are what differs: a product spreads low bits over those above them.
static inline uint32_t
route_hash_of(const struct route_hash *hash, uint32_t salt, rte_be32_t ip)
{
	uint32_t sum = (rte_be_to_cpu_32(ip) ^ salt) * hash->first;

	return (sum ^ sum >> ROUTE_HASH_FOLD) * hash->second;
}

// In bytes from the first bucket.
static inline uint32_t
route_home(uint32_t hashed)
{
	return hashed >> (32 - ROUTE_BUCKETS_LOG) << ROUTE_BUCKET_LOG;
}

static inline const struct route_bucket *
route_bucket_at(const struct route_bucket *buckets, uint32_t home)
{
	return (const void *)((const uint8_t *)buckets + home);
}

// What tells a pair from all others in its bucket; never 0.
static inline uint32_t
route_word(uint32_t hashed, uint16_t network)
{
	return hashed << ROUTE_BUCKETS_LOG | 1u << ROUTE_NETWORK_BITS | network;
}

// Homes of n addresses of one network, fetched into the cache, and their words.
static inline void
route_homes(const struct route_hash *hash, const struct route_bucket *buckets, uint16_t network,
	const rte_be32_t *ip, size_t n, uint32_t *word, uint32_t *home)
{
	const uint32_t salt = route_salt(hash, network);
	size_t i = 0;

#ifdef __AVX2__
	const __m256i salts = _mm256_set1_epi32((int)salt);
	const __m256i first = _mm256_set1_epi32((int)hash->first);
	const __m256i second = _mm256_set1_epi32((int)hash->second);
	const __m256i low = _mm256_set1_epi32((int)route_word(0, network));
	// x86 is little-endian.
	const __m256i swap = _mm256_set_epi8(12, 13, 14, 15, 8, 9, 10, 11, 4, 5, 6, 7, 0, 1, 2, 3,
		12, 13, 14, 15, 8, 9, 10, 11, 4, 5, 6, 7, 0, 1, 2, 3);

	for (; i + 8 <= n; i += 8) {
		__m256i sum = _mm256_loadu_si256((const __m256i *)(const void *)&ip[i]);

		sum = _mm256_shuffle_epi8(sum, swap);
		sum = _mm256_mullo_epi32(_mm256_xor_si256(sum, salts), first);
		sum = _mm256_xor_si256(sum, _mm256_srli_epi32(sum, ROUTE_HASH_FOLD));
		sum = _mm256_mullo_epi32(sum, second);
		_mm256_storeu_si256((__m256i *)(void *)&home[i],
			_mm256_slli_epi32(
				_mm256_srli_epi32(sum, 32 - ROUTE_BUCKETS_LOG), ROUTE_BUCKET_LOG));
		_mm256_storeu_si256((__m256i *)(void *)&word[i],
			_mm256_or_si256(_mm256_slli_epi32(sum, ROUTE_BUCKETS_LOG), low));
		for (size_t k = 0; k < 8; k++)
			rte_prefetch0(route_bucket_at(buckets, home[i + k]));
	}
#endif
	for (; i < n; i++) {
		uint32_t hashed = route_hash_of(hash, salt, ip[i]);

		home[i] = route_home(hashed);
		word[i] = route_word(hashed, network);
		rte_prefetch0(route_bucket_at(buckets, home[i]));
	}
}

// Bit i: way i holds the word. The highest bit: the entries are of this generation; the result is
// above ROUTE_BUCKET_CURRENT when the word was found in it.
#define ROUTE_BUCKET_CURRENT (1u << ROUTE_BUCKET_WAYS)
static inline unsigned int
route_bucket_match(const struct route_bucket *bucket, uint32_t word, uint32_t generation)
{
	unsigned int bits = 0;

#ifdef __AVX2__
	const __m256i *words = (const __m256i *)(const void *)bucket->word;
	__m256i wanted = _mm256_blend_epi32(_mm256_set1_epi32((int)word),
		_mm256_set1_epi32((int)generation), ROUTE_BUCKET_CURRENT);

	static_assert(offsetof(struct route_bucket, generation)
			      == ROUTE_BUCKET_WAYS * sizeof(bucket->word[0]),
		"compared together");
	wanted = _mm256_cmpeq_epi32(_mm256_load_si256(words), wanted);
	bits = (unsigned int)_mm256_movemask_ps(_mm256_castsi256_ps(wanted));
#else
	for (unsigned int i = 0; i < ROUTE_BUCKET_WAYS; i++)
		bits |= (unsigned int)(bucket->word[i] == word) << i;
	bits |= bucket->generation == generation ? ROUTE_BUCKET_CURRENT : 0;
#endif
	return bits;
}

#endif
