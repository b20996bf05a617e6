/* SPDX-License-Identifier: Apache-2.0 */

// A reader looks up addresses whose routes stay while the main thread changes all others around
// them, in an arena so small that nodes are reused all the time.

#include "fixture.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define STABLE 64u
#define CHANGES 150000u
#define BURSTS 20000u // of the reader, at least
#define CHURN 1024u // prefixes that come and go
#define ARENA_BYTES (1u << 20)

struct prefix {
	uint8_t addr[16];
	uint8_t length;
	bool is_there;
};

struct arena {
	struct rte_rcu_qsbr *qsbr;
	struct lpm *lpm;
	struct lpm_table *table;
	uint8_t address_bits;
	struct prefix stable[STABLE];
	uint8_t address[STABLE][16]; // one within each
	struct prefix churn[CHURN];
	atomic_bool stop;
	_Atomic uint64_t bursts, wrong;
};

static uint64_t seed;

static uint32_t
random_below(uint32_t n)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)((seed >> 33) % n);
}

static uint32_t
stable_nexthop(uint32_t i)
{
	return 1000 + i;
}

static void
lookup(const struct arena *a, uint32_t *found)
{
	const uint8_t *at[STABLE];
	rte_be32_t word[STABLE];

	for (uint32_t i = 0; i < STABLE; i++) {
		at[i] = a->address[i];
		memcpy(&word[i], a->address[i], sizeof(word[i]));
	}
	if (a->address_bits == 32)
		lpm_lookup4_bulk(a->table, word, STABLE, found);
	else
		lpm_lookup6_bulk(a->table, at, STABLE, found);
}

static void *
read_all_the_time(void *arg)
{
	struct arena *a = arg;
	uint32_t found[STABLE];

	rte_rcu_qsbr_thread_online(a->qsbr, 0);
	while (!atomic_load(&a->stop)) {
		lookup(a, found);
		for (uint32_t i = 0; i < STABLE; i++)
			if (found[i] != stable_nexthop(i))
				atomic_fetch_add(&a->wrong, 1);
		atomic_fetch_add(&a->bursts, 1);
		rte_rcu_qsbr_quiescent(a->qsbr, 0);
	}
	rte_rcu_qsbr_thread_offline(a->qsbr, 0);
	return NULL;
}

static bool
shares(const uint8_t *a, const uint8_t *b, uint32_t bits)
{
	for (uint32_t bit = 0; bit < bits; bit++)
		if (((a[bit / 8] ^ b[bit / 8]) & (0x80u >> bit % 8)) != 0)
			return false;
	return true;
}

// Whether a route with this prefix would beat, or be, the stable one of an address.
static bool
disturbs(const struct arena *a, const struct prefix *p)
{
	for (uint32_t i = 0; i < STABLE; i++)
		if (p->length >= a->stable[i].length && shares(p->addr, a->address[i], p->length))
			return true;
	return false;
}

static void
crowded_address(const struct arena *a, uint8_t *addr)
{
	uint32_t bit;

	memset(addr, 0x0a, a->address_bits / 8);
	for (uint32_t flips = random_below(5); flips > 0; flips--) {
		bit = random_below(a->address_bits);
		addr[bit / 8] ^= (uint8_t)(0x80u >> bit % 8);
	}
}

static void
make_prefixes(struct arena *a)
{
	for (uint32_t i = 0; i < STABLE; i++) {
		memset(a->address[i], 0x0a, a->address_bits / 8);
		a->address[i][i % 3] = (uint8_t)i; // each differs within the first 24 bits
		a->stable[i].length = (uint8_t)(24 + random_below(a->address_bits - 23u));
		memcpy(a->stable[i].addr, a->address[i], 16);
		assert_int_equal(lpm_set(a->table, a->stable[i].addr, a->stable[i].length,
					 stable_nexthop(i)),
			0);
	}
	for (uint32_t i = 0; i < CHURN; i++) {
		do {
			crowded_address(a, a->churn[i].addr);
			a->churn[i].length = (uint8_t)random_below(a->address_bits + 1u);
		} while (disturbs(a, &a->churn[i]));
	}
}

static void
change(struct arena *a)
{
	struct prefix *p = &a->churn[random_below(CHURN)];
	int error;

	if (random_below(2) == 0) {
		error = lpm_set(a->table, p->addr, p->length, 1 + random_below(900));
		// The reader may hold all of the arena for a moment when it is not scheduled.
		assert_true(error == 0 || error == -ENOSPC);
	} else {
		error = lpm_del(a->table, p->addr, p->length);
		assert_true(error == 0 || error == -ENOENT || error == -ENOSPC);
	}
}

static void
run(uint8_t address_bits)
{
	static struct arena a;
	pthread_t reader;

	memset(&a, 0, sizeof(a));
	seed = address_bits;
	a.address_bits = address_bits;
	a.qsbr = aligned_alloc(64, RTE_ALIGN_CEIL(rte_rcu_qsbr_get_memsize(1), (size_t)64));
	assert_int_equal(rte_rcu_qsbr_init(a.qsbr, 1), 0);
	assert_int_equal(rte_rcu_qsbr_thread_register(a.qsbr, 0), 0);
	a.lpm = lpm_create(ARENA_BYTES, a.qsbr, -1);
	a.table = lpm_table_create(a.lpm, address_bits);
	make_prefixes(&a);
	assert_int_equal(pthread_create(&reader, NULL, read_all_the_time, &a), 0);
	for (uint32_t i = 0; i < CHANGES || atomic_load(&a.bursts) < BURSTS; i++)
		change(&a);
	atomic_store(&a.stop, true);
	pthread_join(reader, NULL);
	assert_int_equal(atomic_load(&a.wrong), 0);
	lpm_free(a.lpm);
	free(a.qsbr);
}

static void
test_reader4(void **state)
{
	run(32);
}

static void
test_reader6(void **state)
{
	run(128);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reader4),
		cmocka_unit_test(test_reader6),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
