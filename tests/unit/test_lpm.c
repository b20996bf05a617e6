/* SPDX-License-Identifier: Apache-2.0 */

// The LPM against a list of rules that is searched from end to end.

#include "fixture.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MODEL_MAX 3000
#define ARENA_BYTES (size_t)(64 << 20)
#define EMPTY_TABLE_BYTES 1024

struct rule {
	uint8_t prefix[16];
	uint8_t length;
	uint32_t nexthop;
};

struct model {
	uint8_t address_bits;
	uint32_t n;
	struct rule rules[MODEL_MAX];
	struct lpm_table *table;
};

struct bench {
	struct rte_rcu_qsbr *qsbr;
	struct lpm *lpm;
};

static uint64_t seed;

static uint32_t
random_below(uint32_t n)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)((seed >> 33) % n);
}

static struct rte_rcu_qsbr *
make_qsbr(void)
{
	size_t size = rte_rcu_qsbr_get_memsize(4);
	struct rte_rcu_qsbr *qsbr = aligned_alloc(64, RTE_ALIGN_CEIL(size, (size_t)64));

	assert_non_null(qsbr);
	assert_int_equal(rte_rcu_qsbr_init(qsbr, 4), 0);
	return qsbr;
}

static int
setup(void **state)
{
	struct bench *b = calloc(1, sizeof(*b));

	seed = 1;
	b->qsbr = make_qsbr();
	b->lpm = lpm_create(ARENA_BYTES, b->qsbr, -1);
	assert_non_null(b->lpm);
	*state = b;
	return 0;
}

static int
teardown(void **state)
{
	struct bench *b = *state;

	lpm_free(b->lpm);
	free(b->qsbr);
	free(b);
	return 0;
}

static bool
covers(const uint8_t *prefix, uint8_t length, const uint8_t *address)
{
	uint8_t whole = length / 8, rest = length % 8;

	if (memcmp(prefix, address, whole) != 0)
		return false;
	return rest == 0 || (uint8_t)(prefix[whole] ^ address[whole]) >> (8 - rest) == 0;
}

static void
cut(uint8_t *prefix, uint8_t length)
{
	for (unsigned int bit = length; bit < 128; bit++)
		prefix[bit / 8] &= (uint8_t) ~(0x80u >> bit % 8);
}

// Addresses crowd around a few so that prefixes overlap, nest and part at every bit.
static void
random_address(const struct model *m, uint8_t *address)
{
	uint32_t flips = random_below(4);

	memset(address, 0, 16);
	for (unsigned int i = 0; i < m->address_bits / 8u; i++)
		address[i] = (uint8_t)(random_below(8) == 0 ? 0xa5 : 0x0a * (i + 1));
	while (flips-- > 0) {
		uint32_t bit = random_below(m->address_bits);

		address[bit / 8] ^= (uint8_t)(0x80u >> bit % 8);
	}
}

static uint8_t
random_length(const struct model *m)
{
	switch (random_below(8)) {
	case 0:
		return m->address_bits;
	case 1:
		return (uint8_t)(random_below(m->address_bits / 6u) * 6);
	default:
		return (uint8_t)random_below(m->address_bits + 1u);
	}
}

static struct rule *
model_find(struct model *m, const uint8_t *prefix, uint8_t length)
{
	for (uint32_t i = 0; i < m->n; i++)
		if (m->rules[i].length == length && memcmp(m->rules[i].prefix, prefix, 16) == 0)
			return &m->rules[i];
	return NULL;
}

static uint32_t
model_lookup(const struct model *m, const uint8_t *address)
{
	const struct rule *best = NULL;

	for (uint32_t i = 0; i < m->n; i++)
		if (covers(m->rules[i].prefix, m->rules[i].length, address)
			&& (best == NULL || m->rules[i].length > best->length))
			best = &m->rules[i];
	return best == NULL ? LPM_MISS : best->nexthop;
}

static void
model_set(struct model *m, const uint8_t *address, uint8_t length, uint32_t nexthop)
{
	struct rule rule = {.length = length, .nexthop = nexthop}, *known;

	memcpy(rule.prefix, address, 16);
	cut(rule.prefix, length);
	known = model_find(m, rule.prefix, length);
	if (known == NULL && m->n == MODEL_MAX)
		return;
	assert_int_equal(lpm_set(m->table, address, length, nexthop), 0);
	if (known != NULL)
		known->nexthop = nexthop;
	else
		m->rules[m->n++] = rule;
}

static void
model_del(struct model *m, uint32_t index)
{
	struct rule rule = m->rules[index];

	m->rules[index] = m->rules[--m->n];
	assert_int_equal(lpm_get(m->table, rule.prefix, rule.length), rule.nexthop);
	assert_int_equal(lpm_del(m->table, rule.prefix, rule.length), 0);
	assert_int_equal(lpm_get(m->table, rule.prefix, rule.length), LPM_MISS);
	assert_int_equal(lpm_del(m->table, rule.prefix, rule.length), -ENOENT);
}

static void
change(struct model *m)
{
	uint8_t address[16];

	random_address(m, address);
	if (m->n > 0 && random_below(5) < 2)
		model_del(m, random_below(m->n));
	else if (m->n > 0 && random_below(8) == 0)
		model_set(m, m->rules[m->n / 2].prefix, m->rules[m->n / 2].length,
			1 + random_below((1 << 24) - 1));
	else
		model_set(m, address, random_length(m), 1 + random_below((1 << 24) - 1));
}

// Half of the looked up addresses lie at the edges of rules.
static void
probe_address(const struct model *m, uint8_t *address)
{
	const struct rule *rule;

	random_address(m, address);
	if (m->n == 0 || random_below(2) == 0)
		return;
	rule = &m->rules[random_below(m->n)];
	memcpy(address, rule->prefix, 16);
	for (unsigned int bit = rule->length; bit < m->address_bits; bit++)
		if (random_below(2) != 0)
			address[bit / 8] |= (uint8_t)(0x80u >> bit % 8);
	if (rule->length > 0 && random_below(4) == 0)
		address[(rule->length - 1) / 8] ^= (uint8_t)(0x80u >> (rule->length - 1) % 8);
}

static void
compare_lookups(const struct model *m)
{
	const uint8_t *at[64];
	uint8_t address[64][16];
	rte_be32_t word[64];
	uint32_t found[64], n = 1 + random_below(64);

	for (uint32_t i = 0; i < n; i++) {
		probe_address(m, address[i]);
		at[i] = address[i];
		memcpy(&word[i], address[i], sizeof(word[i]));
	}
	if (m->address_bits == 32)
		lpm_lookup4_bulk(m->table, word, n, found);
	else
		lpm_lookup6_bulk(m->table, at, n, found);
	for (uint32_t i = 0; i < n; i++) {
		assert_int_equal(found[i], model_lookup(m, address[i]));
		assert_int_equal(lpm_lookup(m->table, address[i]), found[i]);
	}
}

struct walked {
	struct model *m;
	struct rule last;
	uint32_t n;
};

static int
check_walked(void *arg, const uint8_t *prefix, uint8_t length, uint32_t nexthop)
{
	struct walked *w = arg;
	struct rule rule = {.length = length, .nexthop = nexthop}, *known;
	int order;

	memcpy(rule.prefix, prefix, w->m->address_bits / 8u);
	known = model_find(w->m, rule.prefix, length);
	assert_non_null(known);
	assert_int_equal(known->nexthop, nexthop);
	order = memcmp(w->last.prefix, rule.prefix, 16);
	assert_true(w->n == 0 || order < 0 || (order == 0 && w->last.length < length));
	w->last = rule;
	w->n++;
	return 0;
}

static void
compare_walk(struct model *m)
{
	struct walked w = {.m = m};

	assert_int_equal(lpm_walk(m->table, check_walked, &w), 0);
	assert_int_equal(w.n, m->n);
	assert_int_equal(lpm_count(m->table), m->n);
}

static void
empty(struct model *m)
{
	while (m->n > 0)
		model_del(m, random_below(m->n));
	compare_walk(m);
	assert_true(lpm_table_bytes(m->table) <= EMPTY_TABLE_BYTES);
}

static void
run_model(struct bench *b, uint8_t address_bits, uint64_t first_seed)
{
	static struct model m;
	size_t empty_bytes;

	seed = first_seed;
	m.address_bits = address_bits;
	m.n = 0;
	m.table = lpm_table_create(b->lpm, address_bits);
	assert_non_null(m.table);
	empty_bytes = lpm_table_bytes(m.table);
	for (unsigned int batch = 0; batch < 60; batch++) {
		for (uint32_t i = 0; i < 40; i++)
			change(&m);
		compare_lookups(&m);
		if (batch % 10 == 0)
			compare_walk(&m);
		if (batch % 8 == 0)
			lpm_reclaim(b->lpm);
	}
	empty(&m);
	assert_int_equal(lpm_table_bytes(m.table), empty_bytes);
	lpm_table_free(m.table);
}

static void
test_model4(void **state)
{
	for (uint64_t i = 1; i <= 30; i++)
		run_model(*state, 32, i);
}

static void
test_model6(void **state)
{
	for (uint64_t i = 1; i <= 30; i++)
		run_model(*state, 128, i);
}

// Tables in one arena must not meet: the same prefixes with other next hops in each.
static void
test_many_tables(void **state)
{
	static struct model m[50];
	struct bench *b = *state;

	for (uint32_t i = 0; i < RTE_DIM(m); i++) {
		m[i].address_bits = i % 2 == 0 ? 32 : 128;
		m[i].n = 0;
		m[i].table = lpm_table_create(b->lpm, m[i].address_bits);
		assert_non_null(m[i].table);
	}
	for (uint32_t i = 0; i < 5000; i++)
		change(&m[random_below(RTE_DIM(m))]);
	for (uint32_t i = 0; i < RTE_DIM(m); i++) {
		compare_lookups(&m[i]);
		compare_walk(&m[i]);
		if (i % 3 == 0)
			lpm_table_free(m[i].table);
	}
	for (uint32_t i = 0; i < RTE_DIM(m); i++) {
		lpm_reclaim(b->lpm);
		if (i % 3 == 0)
			continue;
		for (uint32_t k = 0; k < 50; k++)
			change(&m[i]);
		compare_lookups(&m[i]);
		empty(&m[i]);
	}
}

static void
test_edges(void **state)
{
	static const uint8_t zero[16], ones[16] = {255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
					       255, 255, 255, 255, 255, 255};
	struct bench *b = *state;

	for (uint8_t bits = 32; bits <= 128; bits = (uint8_t)(bits + 96)) {
		struct lpm_table *t = lpm_table_create(b->lpm, bits);

		assert_int_equal(lpm_lookup(t, zero), LPM_MISS);
		assert_int_equal(lpm_set(t, ones, 0, 7), 0); // bits beyond the length are ignored
		assert_int_equal(lpm_get(t, zero, 0), 7);
		assert_int_equal(lpm_set(t, ones, bits, 8), 0);
		assert_int_equal(lpm_set(t, zero, bits, 9), 0);
		assert_int_equal(lpm_lookup(t, ones), 8);
		assert_int_equal(lpm_lookup(t, zero), 9);
		assert_int_equal(lpm_set(t, zero, (uint8_t)(bits + 1), 9), -EINVAL);
		assert_int_equal(lpm_del(t, zero, (uint8_t)(bits + 1)), -EINVAL);
		assert_int_equal(lpm_set(t, zero, 8, LPM_MISS), -EINVAL);
		assert_int_equal(lpm_set(t, zero, 8, 1 << 24), -EINVAL);
		assert_int_equal(lpm_set(t, zero, 8, (1 << 24) - 1), 0);
		assert_int_equal(lpm_get(t, zero, 8), (1 << 24) - 1);
		assert_int_equal(lpm_del(t, zero, bits), 0);
		assert_int_equal(lpm_lookup(t, zero), (1 << 24) - 1);
		assert_int_equal(lpm_del(t, zero, 8), 0);
		assert_int_equal(lpm_lookup(t, zero), 7);
		assert_int_equal(lpm_count(t), 2);
	}
	assert_null(lpm_table_create(b->lpm, 48));
}

static int
stop_at_third(void *arg, const uint8_t *prefix, uint8_t length, uint32_t nexthop)
{
	uint32_t *n = arg;

	return ++*n == 3 ? 42 : 0;
}

static void
test_walk_stops(void **state)
{
	struct bench *b = *state;
	struct lpm_table *t = lpm_table_create(b->lpm, 32);
	uint8_t prefix[4] = {10};
	uint32_t n = 0;

	for (uint8_t i = 0; i < 9; i++) {
		prefix[1] = i;
		assert_int_equal(lpm_set(t, prefix, 16, 1), 0);
	}
	assert_int_equal(lpm_walk(t, stop_at_third, &n), 42);
	assert_int_equal(n, 3);
}

// Fills a table with scattered prefixes until nothing fits any more. Returns how many did.
static uint32_t
fill(struct lpm_table *t, bool is_removal)
{
	uint8_t prefix[16] = {0};
	uint32_t n = 0, left = lpm_count(t);
	int error = 0;

	seed = 99;
	while (error == 0 && !(is_removal && n == left)) {
		prefix[0] = (uint8_t)random_below(256);
		prefix[4] = (uint8_t)random_below(256);
		prefix[9] = (uint8_t)(n >> 8);
		prefix[10] = (uint8_t)n;
		error = is_removal ? lpm_del(t, prefix, 88) : lpm_set(t, prefix, 88, n + 1);
		n += error == 0;
	}
	assert_true(is_removal || error == -ENOSPC);
	return n;
}

// An arena that is full refuses, keeps what it has, and lets everything be removed.
static void
test_full(void **state)
{
	struct bench *b = *state;
	struct lpm *lpm = lpm_create(256 << 10, b->qsbr, -1);
	struct lpm_table *t = lpm_table_create(lpm, 128);
	size_t empty_bytes = lpm_table_bytes(t);
	uint32_t n, again;

	n = fill(t, false);
	assert_true(n > 1000);
	assert_int_equal(lpm_count(t), n);
	assert_true(lpm_bytes(lpm) <= 256 << 10);
	assert_int_equal(fill(t, true), n);
	assert_int_equal(lpm_count(t), 0);
	assert_int_equal(lpm_table_bytes(t), empty_bytes);
	again = fill(t, false);
	assert_true(again > n / 2);
	lpm_free(lpm);
}

// What an online reader may still see is not used again before it is quiescent.
static void
test_grace_period(void **state)
{
	struct bench *b = *state;
	struct lpm *lpm = lpm_create(256 << 10, b->qsbr, -1);
	struct lpm_table *t = lpm_table_create(lpm, 32);
	const uint8_t prefix[4] = {10, 1, 2, 3};
	int error = 0;

	assert_int_equal(rte_rcu_qsbr_thread_register(b->qsbr, 0), 0);
	rte_rcu_qsbr_thread_online(b->qsbr, 0);
	for (uint32_t i = 0; i < 100000 && error == 0; i++) {
		error = lpm_set(t, prefix, 32, 1);
		if (error == 0)
			error = lpm_del(t, prefix, 32);
		lpm_reclaim(lpm);
	}
	assert_int_equal(error, -ENOSPC);
	rte_rcu_qsbr_quiescent(b->qsbr, 0);
	for (uint32_t i = 0; i < 10000; i++) {
		assert_int_equal(lpm_set(t, prefix, 32, 1), 0);
		assert_int_equal(lpm_del(t, prefix, 32), 0);
		rte_rcu_qsbr_quiescent(b->qsbr, 0);
	}
	rte_rcu_qsbr_thread_offline(b->qsbr, 0);
	rte_rcu_qsbr_thread_unregister(b->qsbr, 0);
	lpm_free(lpm);
}

static void
test_table_free(void **state)
{
	struct bench *b = *state;
	struct lpm_table *t;
	uint8_t prefix[16];
	size_t bytes = 0;

	for (unsigned int round = 0; round < 10; round++) {
		seed = 5;
		t = lpm_table_create(b->lpm, 128);
		for (uint32_t i = 0; i < 20000; i++) {
			for (unsigned int k = 0; k < 16; k++)
				prefix[k] = (uint8_t)random_below(256);
			lpm_set(t, prefix, (uint8_t)(30 + random_below(99)), 1);
		}
		lpm_table_free(t);
		for (unsigned int i = 0; i < 200; i++)
			lpm_reclaim(b->lpm);
		if (round == 1)
			bytes = lpm_bytes(b->lpm);
	}
	assert_true(lpm_bytes(b->lpm) <= bytes + bytes / 8);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_edges, setup, teardown),
		cmocka_unit_test_setup_teardown(test_model4, setup, teardown),
		cmocka_unit_test_setup_teardown(test_model6, setup, teardown),
		cmocka_unit_test_setup_teardown(test_many_tables, setup, teardown),
		cmocka_unit_test_setup_teardown(test_walk_stops, setup, teardown),
		cmocka_unit_test_setup_teardown(test_full, setup, teardown),
		cmocka_unit_test_setup_teardown(test_grace_period, setup, teardown),
		cmocka_unit_test_setup_teardown(test_table_free, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
