/* SPDX-License-Identifier: Apache-2.0 */
#include "key_table.h"

#include <errno.h>

#include <rte_errno.h>
#include <rte_malloc.h>
#include <rte_random.h>

#include "key_bucket.h"

#define WAYS KEY_BUCKET_WAYS
#define EMPTY UINT64_MAX
#define DEAD (UINT64_MAX - 1) // was removed, waits for its grace period
#define GRAVES 1024 // removed entries that may wait
#define RECLAIM 8 // of them at most, with each entry that is added
#define STICKY UINT8_MAX
#define GROUP 8 // keys that are looked up in one turn

// A removed entry and the grace period after which its place is free.
struct grave {
	uint64_t place, token;
};

struct key_table {
	struct key_bucket *buckets;
	uint64_t mask; // number of buckets - 1
	// How many entries found this bucket full and lie further on; STICKY: once too many to
	// count.
	uint8_t *overflow;
	struct key_hash hash; // keys come from pods: nobody shall foresee who meets whom
	struct rte_rcu_qsbr *qsbr;
	uint32_t max_entries, count;
	uint32_t first_grave, n_graves;
	struct grave graves[GRAVES];
};

static inline uint64_t
value_of(const struct key_bucket *bucket, uint64_t bits)
{
	rte_smp_rmb(); // behind the key; costs nothing on x86
	return __atomic_load_n(&bucket->value[__builtin_ctzll(bits)], __ATOMIC_ACQUIRE);
}

struct key_table *
key_table_create(const char *name, uint32_t max_entries, struct rte_rcu_qsbr *qsbr, int socket_id)
{
	struct key_table *table;
	uint64_t n = 1;

	while (n * WAYS < (uint64_t)max_entries * 2)
		n *= 2;
	if (max_entries == 0 || n > KEY_BUCKETS_MAX || qsbr == NULL) {
		rte_errno = EINVAL;
		return NULL;
	}
	table = rte_zmalloc_socket(name, sizeof(*table), RTE_CACHE_LINE_SIZE, socket_id);
	if (table != NULL) {
		table->buckets = rte_malloc_socket(
			name, n * sizeof(struct key_bucket), RTE_CACHE_LINE_SIZE, socket_id);
		table->overflow = rte_zmalloc_socket(name, n, RTE_CACHE_LINE_SIZE, socket_id);
	}
	if (table == NULL || table->buckets == NULL || table->overflow == NULL) {
		key_table_free(table);
		rte_errno = ENOMEM;
		return NULL;
	}
	memset(table->buckets, 0xff, n * sizeof(struct key_bucket)); // EMPTY
	table->mask = n - 1;
	table->hash = key_hash_make(n, rte_rand(), rte_rand());
	table->qsbr = qsbr;
	table->max_entries = max_entries;
	return table;
}

void
key_table_free(struct key_table *table)
{
	if (table == NULL)
		return;
	rte_free(table->overflow);
	rte_free(table->buckets);
	rte_free(table);
}

static void
put_key(struct key_bucket *bucket, unsigned int way, uint64_t key)
{
	__atomic_store_n(&bucket->key[way], key, __ATOMIC_RELEASE);
}

static void
reclaim(struct key_table *table, uint32_t n)
{
	for (; n > 0 && table->n_graves > 0; n--) {
		const struct grave *grave = &table->graves[table->first_grave];

		if (rte_rcu_qsbr_check(table->qsbr, grave->token, false) == 0)
			return;
		put_key(&table->buckets[grave->place / WAYS], (unsigned int)(grave->place % WAYS),
			EMPTY);
		table->first_grave = (table->first_grave + 1) % GRAVES;
		table->n_graves--;
	}
}

static void
reclaim_all(struct key_table *table)
{
	rte_rcu_qsbr_synchronize(table->qsbr, RTE_QSBR_THRID_INVALID);
	reclaim(table, GRAVES);
}

static void
bury(struct key_table *table, uint64_t at, unsigned int way)
{
	if (table->n_graves == GRAVES)
		reclaim_all(table);
	put_key(&table->buckets[at], way, DEAD);
	table->graves[(table->first_grave + table->n_graves++) % GRAVES] = (struct grave){
		.place = at * WAYS + way,
		.token = rte_rcu_qsbr_start(table->qsbr),
	};
}

// The bucket of a key, or NULL; *at is its number and *bits its way.
static struct key_bucket *
find(const struct key_table *table, uint64_t key, uint64_t *at, unsigned int *bits)
{
	*at = key_home(&table->hash, key);
	if (key > KEY_TABLE_KEY_MAX)
		return NULL;
	for (uint64_t left = table->mask;; left--) {
		*bits = key_bucket_match(&table->buckets[*at], key);
		if (*bits != 0)
			return &table->buckets[*at];
		if (left == 0 || __atomic_load_n(&table->overflow[*at], __ATOMIC_RELAXED) == 0)
			return NULL;
		*at = (*at + 1) & table->mask;
	}
}

// Counts an entry in the buckets from the key's home up to its own.
static void
count_overflow(struct key_table *table, uint64_t key, uint64_t end, int by)
{
	for (uint64_t at = key_home(&table->hash, key); at != end; at = (at + 1) & table->mask) {
		uint8_t n = table->overflow[at];

		if (n != STICKY)
			__atomic_store_n(&table->overflow[at], (uint8_t)(n + by), __ATOMIC_RELEASE);
	}
}

static bool
try_add(struct key_table *table, uint64_t key, uint64_t value)
{
	uint64_t at = key_home(&table->hash, key);

	for (uint64_t left = table->mask;; left--, at = (at + 1) & table->mask) {
		struct key_bucket *bucket = &table->buckets[at];
		unsigned int free = key_bucket_match(bucket, EMPTY);

		if (free != 0) {
			unsigned int way = (unsigned int)__builtin_ctz(free);

			count_overflow(table, key, at, 1);
			__atomic_store_n(&bucket->value[way], value, __ATOMIC_RELAXED);
			put_key(bucket, way, key);
			return true;
		}
		if (left == 0)
			return false;
	}
}

int
key_table_set(struct key_table *table, uint64_t key, uint64_t value)
{
	struct key_bucket *bucket;
	unsigned int bits;
	uint64_t at;

	if (key > KEY_TABLE_KEY_MAX)
		return -EINVAL;
	bucket = find(table, key, &at, &bits);
	if (bucket != NULL) {
		__atomic_store_n(&bucket->value[__builtin_ctz(bits)], value, __ATOMIC_RELEASE);
		return 0;
	}
	if (table->count == table->max_entries)
		return -ENOSPC;
	reclaim(table, RECLAIM);
	if (!try_add(table, key, value)) {
		reclaim_all(table);
		if (!try_add(table, key, value))
			return -ENOSPC;
	}
	table->count++;
	return 0;
}

int
key_table_del(struct key_table *table, uint64_t key)
{
	unsigned int bits;
	uint64_t at;

	if (find(table, key, &at, &bits) == NULL)
		return -ENOENT;
	bury(table, at, (unsigned int)__builtin_ctz(bits));
	count_overflow(table, key, at, -1);
	table->count--;
	return 0;
}

uint32_t
key_table_count(const struct key_table *table)
{
	return table->count;
}

int
key_table_next(const struct key_table *table, uint64_t *cursor, uint64_t *key, uint64_t *value)
{
	while (*cursor < (table->mask + 1) * WAYS) {
		const struct key_bucket *bucket = &table->buckets[*cursor / WAYS];
		unsigned int way = (unsigned int)((*cursor)++ % WAYS);

		if (bucket->key[way] > KEY_TABLE_KEY_MAX)
			continue;
		*key = bucket->key[way];
		*value = bucket->value[way];
		return 0;
	}
	return -ENOENT;
}

bool
key_table_get(const struct key_table *table, uint64_t key, uint64_t *value)
{
	unsigned int bits;
	uint64_t at;
	const struct key_bucket *bucket = find(table, key, &at, &bits);

	if (bucket == NULL)
		return false;
	*value = value_of(bucket, bits);
	return true;
}

// Whether the bucket has the key; *value is then set.
static inline bool
look_in(const struct key_bucket *bucket, uint64_t key, uint64_t *value)
{
	uint64_t bits = key_bucket_match(bucket, key);

	if (unlikely(bits == 0))
		return false;
	*value = value_of(bucket, bits);
	return true;
}

uint64_t
key_table_get_bulk(
	const struct key_table *table, const uint64_t *keys, uint32_t n, uint64_t *values)
{
	const struct key_bucket *bucket[KEY_TABLE_BURST];
	uint64_t misses = 0;
	size_t i = 0;

	key_homes(&table->hash, table->buckets, keys, n, bucket);
	for (; i + GROUP <= n; i += GROUP)
#pragma GCC unroll 8
		for (size_t k = 0; k < GROUP; k++)
			if (!look_in(bucket[i + k], keys[i + k], &values[i + k]))
				misses |= UINT64_C(1) << (i + k);
	for (; i < n; i++)
		if (!look_in(bucket[i], keys[i], &values[i]))
			misses |= UINT64_C(1) << i;
	for (uint64_t left = misses; unlikely(left != 0); left &= left - 1) {
		i = (size_t)__builtin_ctzll(left);
		if (table->overflow[bucket[i] - table->buckets] != 0
			&& key_table_get(table, keys[i], &values[i]))
			misses &= ~(UINT64_C(1) << i);
	}
	return n == 0 ? 0 : ~misses & (UINT64_MAX >> (KEY_TABLE_BURST - n));
}
