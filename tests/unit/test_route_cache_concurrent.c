/* SPDX-License-Identifier: Apache-2.0 */

// A worker asks its route cache for addresses of one /24 all the time while the main thread changes
// what may divide it: a neighbour in it, and a longer prefix. No address gets what is another's
// own, not for a moment.

#include <pthread.h>
#include <stdatomic.h>

#include <rte_random.h>

#include "route_helper.h"
#include "stages/route_cache.h"

#define CHANGES 20000u
#define BURSTS 20000u // of the worker, at least
#define READER (CW_MAX_WORKERS - 1)
#define BLOCK (192u << 24 | 168u << 16 | 20u << 8)
#define PART 64u // 192.168.20.64/26 comes and goes
#define NEIGHBOR 200u // as 192.168.20.200 does

enum { OF_BLOCK = 2, OF_PART, OF_NEIGHBOR }; // ports

static struct fixture *f;
static struct route_cache *cache;
static atomic_bool stop;
static _Atomic uint64_t bursts, wrong, parts, neighbors;

static bool
may_leave_by(uint32_t host, uint16_t port)
{
	return port == OF_BLOCK || (port == OF_PART && host / 64 == PART / 64)
	       || (port == OF_NEIGHBOR && host == NEIGHBOR);
}

static void
ask(uint32_t turn)
{
	const struct nexthop *nexthop[WORKER_BURST];
	uint32_t host[WORKER_BURST];
	rte_be32_t ip[WORKER_BURST];

	for (uint32_t i = 0; i < WORKER_BURST; i++) {
		host[i] = 1 + (turn * 7 + i * 37) % 255;
		if (i == turn % WORKER_BURST) // who is asked after it learns nothing from it
			host[i] = NEIGHBOR;
		ip[i] = rte_cpu_to_be_32(BLOCK | host[i]);
	}
	route_cache_lookup4(cache, f->dp, 0, ip, WORKER_BURST, nexthop);
	for (uint32_t i = 0; i < WORKER_BURST; i++) {
		if (nexthop[i]->action != NEXTHOP_FORWARD
			|| !may_leave_by(host[i], nexthop[i]->out_port))
			atomic_fetch_add(&wrong, 1);
		if (nexthop[i]->out_port == OF_PART)
			atomic_fetch_add(&parts, 1);
		if (nexthop[i]->out_port == OF_NEIGHBOR)
			atomic_fetch_add(&neighbors, 1);
	}
}

static void *
ask_all_the_time(void *arg)
{
	rte_rcu_qsbr_thread_online(f->dp->qsbr, READER);
	for (uint32_t turn = 0; !atomic_load(&stop); turn++) {
		ask(turn);
		atomic_fetch_add(&bursts, 1);
		rte_rcu_qsbr_quiescent(f->dp->qsbr, READER);
	}
	rte_rcu_qsbr_thread_offline(f->dp->qsbr, READER);
	return NULL;
}

static void
change(uint32_t turn)
{
	const struct cw_ip ip = {.family = 4, .prefix = 32, .addr = {192, 168, 20, NEIGHBOR}};
	const uint8_t part[4] = {192, 168, 20, PART};
	const struct rte_ether_addr mac = {{2, 0, 0, 0, 9, 9}};
	struct lpm_table *routes = f->dp->networks[0]->routes4;

	switch (turn % 4) {
	case 0:
		neighbor_set(f->dp->neighbors, NEIGHBOR_STATIC, 0, &ip, &mac, OF_NEIGHBOR);
		break;
	case 1:
		lpm_set(routes, part, 26, OF_PART);
		break;
	case 2:
		neighbor_del(f->dp->neighbors, NEIGHBOR_STATIC, 0, &ip);
		break;
	default:
		lpm_del(routes, part, 26);
	}
	if (turn % 67 == 0) // the worker sees each state
		rcu_wait(f->dp);
}

static void
test_while_tables_change(void **state)
{
	pthread_t worker;

	f = *state;
	for (uint16_t port = OF_BLOCK; port <= OF_NEIGHBOR; port++)
		fixture_port(f, port);
	set_nexthop(f, OF_BLOCK, CW_NEXTHOP_PORT, OF_BLOCK);
	set_nexthop(f, OF_PART, CW_NEXTHOP_PORT, OF_PART);
	set_route4(f, 0, "192.168.0.0", 16, OF_BLOCK);
	cache = route_cache_create(SOCKET_ID_ANY);
	assert_non_null(cache);
	assert_int_equal(rte_rcu_qsbr_thread_register(f->dp->qsbr, READER), 0);
	assert_int_equal(pthread_create(&worker, NULL, ask_all_the_time, NULL), 0);
	for (uint32_t i = 0; i < CHANGES || atomic_load(&bursts) < BURSTS; i++)
		change(i);
	atomic_store(&stop, true);
	pthread_join(worker, NULL);
	rte_rcu_qsbr_thread_unregister(f->dp->qsbr, READER);
	route_cache_free(cache);
	assert_int_equal(atomic_load(&wrong), 0);
	assert_in_range(atomic_load(&parts), 1, UINT64_MAX);
	assert_in_range(atomic_load(&neighbors), 1, UINT64_MAX);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_while_tables_change, fixture_setup, fixture_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
