/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include <errno.h>
#include <string.h>

#include <rte_ip.h>

#define MAX_ENTRIES 500u

static const struct rte_ether_addr mac = {{2, 0, 0, 0, 9, 9}};

static struct cw_ip
ip4(uint32_t i)
{
	rte_be32_t word = rte_cpu_to_be_32(RTE_IPV4(10, 9, 0, 0) + i);
	struct cw_ip ip = {.family = 4, .prefix = 32};

	memcpy(ip.addr, &word, sizeof(word));
	return ip;
}

static struct cw_ip
ip6(uint32_t i)
{
	return (struct cw_ip){.addr = {0xfd, 9, [14] = (uint8_t)(i >> 8), [15] = (uint8_t)i},
		.family = 6,
		.prefix = 128};
}

static const struct neighbor *
get(const struct neighbors *neighbors, uint16_t network, struct cw_ip ip)
{
	rte_be32_t word;

	if (ip.family == 6)
		return neighbor_lookup6(neighbors, network, ip.addr);
	memcpy(&word, ip.addr, sizeof(word));
	return neighbor_lookup4(neighbors, network, word);
}

static struct neighbors *
make(struct fixture *f)
{
	struct neighbors *neighbors = neighbors_create(f->dp, MAX_ENTRIES, SOCKET_ID_ANY);

	assert_non_null(neighbors);
	return neighbors;
}

static void
set_mtu(struct dp_port *port, void *arg)
{
	port->mtu = *(uint16_t *)arg;
}

static void
set_router_mac(struct network *network, void *arg)
{
	network->router_mac.addr_bytes[5] = *(uint8_t *)arg;
}

static void
check_forward(const struct neighbor *n, uint16_t port, uint16_t mtu, uint8_t router_mac)
{
	const struct rte_ether_addr src = {{2, 0, 0, 0, 0, router_mac}};

	assert_non_null(n);
	assert_int_equal(n->nexthop.action, NEXTHOP_FORWARD);
	assert_int_equal(n->nexthop.out_port, port);
	assert_int_equal(n->nexthop.mtu, mtu);
	assert_int_equal(n->nexthop.network, n->network);
	assert_memory_equal(&n->nexthop.header.dst, &mac, sizeof(mac));
	assert_memory_equal(&n->nexthop.header.src, &src, sizeof(src));
}

static void
check_family(void **state, struct cw_ip ip, struct cw_ip other)
{
	struct fixture *f = *state;
	struct neighbors *n = make(f);

	fixture_port(f, 5);
	fixture_network(f, 1, NULL, NULL);
	assert_null(get(n, 0, ip));
	assert_int_equal(neighbor_set(n, NEIGHBOR_ENDPOINT, 0, &ip, &mac, 5), 0);
	check_forward(get(n, 0, ip), 5, 1500, 1);
	assert_null(get(n, 1, ip)); // another network
	assert_null(get(n, 0, other));
	assert_int_equal(neighbor_set(n, NEIGHBOR_STATIC, 1, &ip, &mac, 5), 0);
	assert_int_equal(get(n, 1, ip)->kind, NEIGHBOR_STATIC);
	assert_int_equal(neighbor_set(n, NEIGHBOR_ROUTER, 0, &other, &mac, 0), 0);
	assert_int_equal(get(n, 0, other)->nexthop.action, NEXTHOP_LOCAL);
	assert_int_equal(neighbors_count(n), 3);
	assert_int_equal(neighbor_set(n, NEIGHBOR_STATIC, 0, &other, &mac, 5), 0); // replaced
	check_forward(get(n, 0, other), 5, 1500, 1);
	assert_int_equal(neighbors_count(n), 3);

	assert_int_equal(neighbor_del(n, NEIGHBOR_STATIC, 0, &ip), -ENOENT); // is an endpoint's
	assert_int_equal(neighbor_del(n, NEIGHBOR_ENDPOINT, 0, &ip), 0);
	assert_int_equal(neighbor_del(n, NEIGHBOR_ENDPOINT, 0, &ip), -ENOENT);
	assert_null(get(n, 0, ip));
	assert_non_null(get(n, 1, ip));
	assert_int_equal(neighbors_count(n), 2);
	assert_int_equal(neighbor_set(n, NEIGHBOR_STATIC, 0, &ip, &mac, 6), -ENOENT);
	assert_int_equal(neighbor_set(n, NEIGHBOR_STATIC, 2, &ip, &mac, 5), -ENOENT);
	assert_int_equal(neighbor_set(n, NEIGHBOR_STATIC, CW_MAX_NETWORKS, &ip, &mac, 5), -ENOENT);
	neighbors_free(n);
	rcu_poll(f->dp);
	fixture_port_del(f, 5);
}

static void
test_v4(void **state)
{
	check_family(state, ip4(7), ip4(8));
}

static void
test_v6(void **state)
{
	check_family(state, ip6(7), ip6(8));
}

static void
test_refresh(void **state)
{
	struct fixture *f = *state;
	struct cw_ip v4 = ip4(1), v6 = ip6(1);
	const struct neighbor *before;
	struct neighbors *n = make(f);
	uint16_t mtu = 900;
	uint8_t mac_end = 0x77;

	fixture_port(f, 5);
	assert_int_equal(neighbor_set(n, NEIGHBOR_ENDPOINT, 0, &v4, &mac, 5), 0);
	assert_int_equal(neighbor_set(n, NEIGHBOR_ENDPOINT, 0, &v6, &mac, 5), 0);
	before = get(n, 0, v4);
	neighbors_refresh(n, 0);
	assert_ptr_equal(get(n, 0, v4), before); // nothing to do

	fixture_port_change(f, 5, set_mtu, &mtu);
	neighbors_refresh(n, 1);
	check_forward(get(n, 0, v4), 5, 1500, 1); // not the network that was asked for
	neighbors_refresh(n, 0);
	check_forward(get(n, 0, v4), 5, 900, 1);
	check_forward(get(n, 0, v6), 5, 900, 1);

	fixture_network(f, 0, set_router_mac, &mac_end);
	neighbors_refresh(n, 0);
	check_forward(get(n, 0, v4), 5, 900, 0x77);
	mac_end = 1;
	fixture_network(f, 0, set_router_mac, &mac_end);

	fixture_port_del(f, 5);
	neighbors_refresh(n, 0);
	assert_int_equal(get(n, 0, v6)->nexthop.action, NEXTHOP_CONNECTED);
	fixture_port(f, 5);
	neighbors_refresh(n, 0);
	check_forward(get(n, 0, v6), 5, 1500, 1);
	neighbors_free(n);
	fixture_port_del(f, 5);
}

static void
check_bulk(const struct neighbors *n)
{
	const struct neighbor *found[64];
	uint16_t network[64] = {0};
	const uint8_t *at[64];
	struct cw_ip ips[64];
	rte_be32_t words[64];

	for (uint32_t i = 0; i < 64; i++) {
		network[i] = i == 3 ? 1 : 0;
		ips[i] = ip4(MAX_ENTRIES / 2 - 32 + i);
		memcpy(&words[i], ips[i].addr, sizeof(words[i]));
	}
	neighbor_lookup4_bulk(n, network, words, 64, found);
	for (uint32_t i = 0; i < 64; i++)
		assert_int_equal(found[i] != NULL, i < 32 && i != 3);
	for (uint32_t i = 0; i < 64; i++) {
		ips[i] = ip6(MAX_ENTRIES / 2 - 32 + i);
		at[i] = ips[i].addr;
	}
	neighbor_lookup6_bulk(n, network, at, 64, found);
	for (uint32_t i = 0; i < 64; i++)
		assert_int_equal(found[i] != NULL, i < 32 && i != 3);
	assert_int_equal(found[5]->mac.addr_bytes[5], mac.addr_bytes[5]);
}

static void
test_full_and_bulk(void **state)
{
	struct fixture *f = *state;
	struct neighbors *n = make(f);
	struct cw_ip v4, v6;

	fixture_port(f, 5);
	for (unsigned int round = 0; round < 10; round++) {
		for (uint32_t i = 0; i < MAX_ENTRIES / 2; i++) {
			v4 = ip4(i);
			v6 = ip6(i);
			assert_int_equal(neighbor_set(n, NEIGHBOR_STATIC, 0, &v4, &mac, 5), 0);
			assert_int_equal(neighbor_set(n, NEIGHBOR_STATIC, 0, &v6, &mac, 5), 0);
		}
		assert_int_equal(neighbor_set(n, NEIGHBOR_STATIC, 1, &v4, &mac, 5), -ENOSPC);
		assert_int_equal(neighbor_set(n, NEIGHBOR_ENDPOINT, 0, &v4, &mac, 5), 0);
		assert_int_equal(neighbor_set(n, NEIGHBOR_STATIC, 0, &v4, &mac, 5), 0);
		check_bulk(n);
		for (uint32_t i = 0; i < MAX_ENTRIES / 2; i++) {
			v4 = ip4(i);
			v6 = ip6(i);
			assert_int_equal(neighbor_del(n, NEIGHBOR_STATIC, 0, &v4), 0);
			assert_int_equal(neighbor_del(n, NEIGHBOR_STATIC, 0, &v6), 0);
		}
		assert_int_equal(neighbors_count(n), 0);
		rcu_poll(f->dp);
	}
	neighbors_free(n);
	fixture_port_del(f, 5);
}

static bool
is_near(const struct neighbors *neighbors, uint16_t network, uint32_t i)
{
	const struct cw_ip ip = ip4(i);
	rte_be32_t word;

	memcpy(&word, ip.addr, sizeof(word));
	return neighbor_may_be_near(neighbors, network, word);
}

// Who is known keeps the rest of a /24 from having one answer, and nobody else does, whatever was
// replaced, refreshed, refused or flushed.
static void
test_near(void **state)
{
	struct fixture *f = *state;
	struct neighbors *neighbors = make(f);
	struct cw_ip first = ip4(0), one = ip4(1), other = ip4(7), six = ip6(1);
	uint8_t byte = 77;

	fixture_port(f, 5);
	assert_false(is_near(neighbors, 0, 1));
	assert_int_equal(neighbor_set(neighbors, NEIGHBOR_STATIC, 0, &first, &mac, 5), 0);
	assert_int_equal(neighbor_set(neighbors, NEIGHBOR_STATIC, 0, &six, &mac, 5), 0);
	assert_false(is_near(neighbors, 0, 1)); // blocks leave it out
	for (int i = 0; i < 3; i++) {
		assert_int_equal(neighbor_set(neighbors, NEIGHBOR_STATIC, 0, &one, &mac, 5), 0);
		assert_int_equal(
			neighbor_set_behind(neighbors, NEIGHBOR_STATIC, 0, &one, &mac, 3), 0);
		assert_int_equal(neighbor_set(neighbors, NEIGHBOR_RESOLVED, 0, &other, &mac, 5), 0);
	}
	fixture_network(f, 0, set_router_mac, &byte);
	neighbors_refresh(neighbors, 0);
	assert_int_equal(neighbor_set(neighbors, NEIGHBOR_STATIC, 4000, &one, &mac, 5), -ENOENT);
	assert_int_equal(neighbor_del(neighbors, NEIGHBOR_RESOLVED, 0, &one), -ENOENT);
	assert_true(is_near(neighbors, 0, 1));
	assert_true(is_near(neighbors, 0, 200));
	assert_true(is_near(neighbors, 0, 0));
	assert_int_equal(neighbor_del(neighbors, NEIGHBOR_STATIC, 0, &one), 0);
	assert_true(is_near(neighbors, 0, 1));
	neighbors_flush(neighbors, NEIGHBOR_RESOLVED, 0);
	assert_false(is_near(neighbors, 0, 1));
	neighbors_flush(neighbors, NEIGHBOR_STATIC, 0);
	assert_int_equal(neighbors_count(neighbors), 0);
	assert_false(is_near(neighbors, 0, 1));

	for (uint32_t i = 0; i < MAX_ENTRIES + 100; i++) {
		one = ip4(256 + i);
		assert_int_equal(neighbor_set(neighbors, NEIGHBOR_STATIC, 0, &one, &mac, 5),
			i < MAX_ENTRIES ? 0 : -ENOSPC);
	}
	neighbors_flush(neighbors, NEIGHBOR_STATIC, 0);
	for (uint32_t i = 0; i < MAX_ENTRIES + 100; i++)
		assert_false(is_near(neighbors, 0, 256 + i));
	fixture_port_del(f, 5);
	neighbors_free(neighbors);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_v4),
		cmocka_unit_test(test_v6),
		cmocka_unit_test(test_refresh),
		cmocka_unit_test(test_near),
		cmocka_unit_test(test_full_and_bulk),
	};

	return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
