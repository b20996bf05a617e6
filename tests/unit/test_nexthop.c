/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const struct rte_ether_addr mac = {{2, 0, 0, 0, 9, 9}};

static int
set_kind(struct fixture *f, uint32_t id, uint8_t kind)
{
	const struct cw_nexthop object = {.id = id, .kind = kind};

	return nexthop_set(f->dp->nexthops, &object);
}

static int
set_port(struct fixture *f, uint32_t id, uint32_t port)
{
	struct cw_nexthop object = {.id = id, .kind = CW_NEXTHOP_PORT, .port = port};

	memcpy(object.mac, &mac, sizeof(object.mac));
	return nexthop_set(f->dp->nexthops, &object);
}

static int
set_group(struct fixture *f, uint32_t id, const struct cw_member *members, uint32_t n)
{
	struct cw_nexthop *object = calloc(1, sizeof(*object) + n * sizeof(*members));
	int error;

	object->id = id;
	object->kind = CW_NEXTHOP_GROUP;
	object->n_members = n;
	memcpy(object->members, members, n * sizeof(*members));
	error = nexthop_set(f->dp->nexthops, object);
	free(object);
	return error;
}

static uint8_t
action(struct fixture *f, uint32_t id)
{
	const struct nexthop *nexthop = nexthop_get(f->dp->nexthops, id);

	return nexthop == NULL ? 0 : nexthop->action;
}

static void
del_all(struct fixture *f)
{
	for (uint32_t id = 0; id < CW_MAX_NEXTHOPS; id++)
		nexthop_del(f->dp->nexthops, id);
	assert_int_equal(nexthops_count(f->dp->nexthops), 0);
	rcu_poll(f->dp);
}

static void
test_kinds(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(action(f, 1), 0);
	assert_int_equal(set_kind(f, 1, CW_NEXTHOP_BLACKHOLE), 0);
	assert_int_equal(set_kind(f, 2, CW_NEXTHOP_UNREACHABLE), 0);
	assert_int_equal(set_kind(f, CW_MAX_NEXTHOPS - 1, CW_NEXTHOP_PROHIBIT), 0);
	assert_int_equal(action(f, 1), NEXTHOP_BLACKHOLE);
	assert_int_equal(action(f, 2), NEXTHOP_UNREACHABLE);
	assert_int_equal(action(f, CW_MAX_NEXTHOPS - 1), NEXTHOP_PROHIBIT);
	assert_int_equal(nexthops_count(f->dp->nexthops), 3);
	assert_int_equal(set_kind(f, 2, CW_NEXTHOP_BLACKHOLE), 0); // replaced
	assert_int_equal(action(f, 2), NEXTHOP_BLACKHOLE);
	assert_int_equal(nexthop_object(f->dp->nexthops, 2)->kind, CW_NEXTHOP_BLACKHOLE);
	assert_int_equal(nexthops_count(f->dp->nexthops), 3);
	assert_int_equal(nexthop_del(f->dp->nexthops, 2), 0);
	assert_int_equal(nexthop_del(f->dp->nexthops, 2), -ENOENT);
	assert_null(nexthop_object(f->dp->nexthops, 2));
	assert_null(nexthop_select(f->dp->nexthops, 2, 0));
	del_all(f);
}

static void
test_refused(void **state)
{
	struct fixture *f = *state;
	const struct cw_nexthop no_network = {
		.id = 1, .kind = CW_NEXTHOP_HOST, .network = CW_MAX_NETWORKS};

	assert_int_equal(set_kind(f, 0, CW_NEXTHOP_BLACKHOLE), -EINVAL);
	assert_int_equal(set_kind(f, CW_MAX_NEXTHOPS, CW_NEXTHOP_BLACKHOLE), -EINVAL);
	assert_int_equal(set_kind(f, 1, 0), -EINVAL);
	assert_int_equal(set_kind(f, 1, 99), -EINVAL);
	assert_int_equal(set_kind(f, 1, CW_NEXTHOP_VIA), -EINVAL); // no address
	assert_int_equal(set_kind(f, 1, CW_NEXTHOP_GROUP), -EINVAL); // no members
	assert_int_equal(set_port(f, 1, 0), -EINVAL);
	assert_int_equal(set_port(f, 1, CW_MAX_PORTS), -EINVAL);
	assert_int_equal(nexthop_set(f->dp->nexthops, &no_network), -EINVAL);
	assert_int_equal(nexthops_count(f->dp->nexthops), 0);
	assert_null(nexthop_object(f->dp->nexthops, UINT32_MAX));
	assert_null(nexthop_get(f->dp->nexthops, UINT32_MAX));
	assert_null(nexthop_get(f->dp->nexthops, NEXTHOP_OWN_LAST));
}

static void
test_own_connected(void **state)
{
	struct fixture *f = *state;
	const struct nexthop *nexthop =
		nexthop_select(f->dp->nexthops, NEXTHOP_OWN_CONNECTED(CW_MAX_NETWORKS - 1), 7);

	assert_non_null(nexthop);
	assert_int_equal(nexthop->action, NEXTHOP_CONNECTED);
	assert_int_equal(nexthop->network, CW_MAX_NETWORKS - 1);
	assert_null(nexthop->via);
}

static void
set_mtu(struct dp_port *port, void *arg)
{
	port->mtu = *(uint16_t *)arg;
}

static void
set_host_port(struct network *network, void *arg)
{
	network->host_port = *(uint16_t *)arg;
}

static void
test_port_and_host(void **state)
{
	struct fixture *f = *state;
	const struct nexthop *nexthop;
	uint16_t mtu = 1400, host_port = 6;

	fixture_port(f, 5);
	assert_int_equal(set_port(f, 1, 5), 0);
	nexthop = nexthop_get(f->dp->nexthops, 1);
	assert_int_equal(nexthop->action, NEXTHOP_FORWARD);
	assert_int_equal(nexthop->out_port, 5);
	assert_int_equal(nexthop->mtu, 1500);
	assert_memory_equal(&nexthop->header.dst, &mac, sizeof(mac));
	assert_int_equal(nexthop->header.src.addr_bytes[5], 1);
	nexthops_resolve(f->dp->nexthops);
	assert_ptr_equal(nexthop_get(f->dp->nexthops, 1), nexthop); // nothing changed
	fixture_port_change(f, 5, set_mtu, &mtu);
	assert_int_equal(nexthop_get(f->dp->nexthops, 1)->mtu, 1400);

	assert_int_equal(set_kind(f, 2, CW_NEXTHOP_HOST), 0);
	assert_int_equal(action(f, 2), NEXTHOP_HOST);
	assert_int_equal(nexthop_get(f->dp->nexthops, 2)->out_port, 0);
	fixture_port(f, 6);
	fixture_network(f, 0, set_host_port, &host_port);
	mtu = 9000;
	fixture_port_change(f, 6, set_mtu, &mtu);
	nexthop = nexthop_get(f->dp->nexthops, 2);
	assert_int_equal(nexthop->out_port, 6);
	assert_int_equal(nexthop->mtu, 9000); // not the network's
	assert_int_equal(nexthop->header.dst.addr_bytes[5], 6);
	host_port = 0;
	fixture_network(f, 0, set_host_port, &host_port);
	nexthops_resolve(f->dp->nexthops);
	assert_int_equal(nexthop_get(f->dp->nexthops, 2)->out_port, 0);
	del_all(f);
	fixture_port_del(f, 5);
	fixture_port_del(f, 6);
}

static void
check_via(struct fixture *f, struct cw_ip via, struct cw_ip router)
{
	struct cw_nexthop object = {.id = 9, .kind = CW_NEXTHOP_VIA, .via = via};
	const struct nexthop *nexthop;

	assert_int_equal(nexthop_set(f->dp->nexthops, &object), 0);
	nexthop = nexthop_get(f->dp->nexthops, 9);
	assert_int_equal(nexthop->action, NEXTHOP_CONNECTED);
	assert_memory_equal(nexthop->via, &via, sizeof(via));
	assert_int_equal(neighbor_set(f->dp->neighbors, NEIGHBOR_STATIC, 0, &via, &mac, 5), 0);
	assert_int_equal(action(f, 9), NEXTHOP_CONNECTED);
	nexthops_resolve(f->dp->nexthops);
	nexthop = nexthop_get(f->dp->nexthops, 9);
	assert_int_equal(nexthop->action, NEXTHOP_FORWARD);
	assert_int_equal(nexthop->out_port, 5);
	assert_memory_equal(&nexthop->header.dst, &mac, sizeof(mac));
	assert_int_equal(neighbor_del(f->dp->neighbors, NEIGHBOR_STATIC, 0, &via), 0);
	nexthops_resolve(f->dp->nexthops);
	assert_int_equal(action(f, 9), NEXTHOP_CONNECTED);
	object.via = router;
	assert_int_equal(nexthop_set(f->dp->nexthops, &object), 0);
	assert_int_equal(action(f, 9), NEXTHOP_UNREACHABLE);
}

static void
test_via(void **state)
{
	struct fixture *f = *state;
	const struct cw_ip via4 = {.addr = {10, 1, 7, 7}, .family = 4, .prefix = 32};
	const struct cw_ip via6 = {
		.addr = {0xfd, 0, 0, 1, [15] = 0x99}, .family = 6, .prefix = 128};

	fixture_port(f, 5);
	check_via(f, via4, dp_network(f->dp, 0)->addresses[0]);
	check_via(f, via6, dp_network(f->dp, 0)->addresses[1]);
	del_all(f);
	fixture_port_del(f, 5);
}

// Shares over all hash values against the weights, in percent of the whole.
static void
check_shares(struct fixture *f, uint32_t id, const struct cw_member *members, uint32_t n)
{
	const struct nexthop_group *group = nexthop_get(f->dp->nexthops, id)->group;
	uint32_t size = group->mask + 1;
	double sum = 0, hits, due;

	assert_true(size >= 64 && (size & group->mask) == 0);
	for (uint32_t i = 0; i < n; i++)
		sum += members[i].weight;
	for (uint32_t i = 0; i < n; i++) {
		hits = 0;
		for (uint32_t k = 0; k < size; k++)
			hits += group->bucket[k] == members[i].nexthop;
		due = members[i].weight / sum * size;
		assert_true(hits >= 1);
		assert_true(hits / size - due / size < 0.02 && due / size - hits / size < 0.02);
		if (size < 4096)
			assert_true(hits / due > 0.98 && hits / due < 1.02);
	}
}

static void
test_weights(void **state)
{
	struct fixture *f = *state;
	struct cw_member many[CW_MAX_MEMBERS];
	const struct cw_member equal[] = {{1, 1}, {2, 1}, {3, 1}};
	const struct cw_member unlike[] = {{1, 1}, {2, 2}, {3, 256}};

	for (uint32_t id = 1; id <= CW_MAX_MEMBERS; id++)
		assert_int_equal(set_kind(f, id, CW_NEXTHOP_BLACKHOLE), 0);
	assert_int_equal(set_group(f, 100, equal, 1), 0);
	check_shares(f, 100, equal, 1);
	assert_int_equal(set_group(f, 100, equal, 3), 0);
	check_shares(f, 100, equal, 3);
	assert_int_equal(set_group(f, 100, unlike, 3), 0);
	check_shares(f, 100, unlike, 3);
	for (uint32_t round = 0; round < 50; round++) {
		for (uint32_t i = 0; i < CW_MAX_MEMBERS; i++)
			many[i] = (struct cw_member){
				.nexthop = i + 1, .weight = 1 + (i * 37 + round * 91) % 256};
		assert_int_equal(set_group(f, 100, many, 1 + round), 0);
		check_shares(f, 100, many, 1 + round);
	}
	for (uint32_t i = 0; i < CW_MAX_MEMBERS; i++)
		many[i].weight = i == 0 ? 256 : 1;
	assert_int_equal(set_group(f, 100, many, CW_MAX_MEMBERS), 0);
	check_shares(f, 100, many, CW_MAX_MEMBERS);
	del_all(f);
}

// How many of the hash values 0 .. 4095 find their way to a port, 0: to nothing.
static uint32_t
count_to(struct fixture *f, uint32_t id, uint16_t port)
{
	const struct nexthop *nexthop;
	uint32_t n = 0;

	for (uint32_t hash = 0; hash < 4096; hash++) {
		nexthop = nexthop_select(f->dp->nexthops, id, hash);
		n += nexthop == NULL ? port == 0 : nexthop->out_port == port;
	}
	return n;
}

static void
test_members_come_and_go(void **state)
{
	struct fixture *f = *state;
	const struct cw_member members[] = {{1, 1}, {2, 3}};
	const struct cw_member nested[] = {{100, 1}}, absent[] = {{1, 1}, {77, 1}};
	const struct cw_member weightless[] = {{1, 0}}, heavy[] = {{1, 257}};

	assert_int_equal(set_port(f, 1, 11), 0);
	assert_int_equal(set_port(f, 2, 12), 0);
	assert_int_equal(set_group(f, 100, members, 2), 0);
	assert_int_equal(count_to(f, 100, 11), 1024);
	assert_int_equal(count_to(f, 100, 12), 3072);
	assert_int_equal(set_port(f, 2, 13), 0); // failover: the group follows its member
	assert_int_equal(count_to(f, 100, 13), 3072);

	assert_int_equal(nexthop_del(f->dp->nexthops, 2), 0);
	assert_int_equal(count_to(f, 100, 11), 4096);
	assert_int_equal(nexthop_del(f->dp->nexthops, 1), 0);
	assert_int_equal(count_to(f, 100, 0), 4096);
	assert_int_equal(set_port(f, 2, 12), 0);
	assert_int_equal(count_to(f, 100, 12), 4096);
	assert_int_equal(set_port(f, 1, 11), 0);
	assert_int_equal(count_to(f, 100, 11), 1024);

	assert_int_equal(set_group(f, 101, nested, 1), -EINVAL);
	assert_int_equal(set_group(f, 100, nested, 1), -EINVAL); // itself
	assert_int_equal(set_group(f, 1, members + 1, 1), -EINVAL); // is a member
	assert_int_equal(set_group(f, 101, absent, 2), -ENOENT);
	assert_int_equal(set_group(f, 101, weightless, 1), -EINVAL);
	assert_int_equal(set_group(f, 101, heavy, 1), -EINVAL);
	assert_int_equal(count_to(f, 100, 11), 1024);
	del_all(f);
}

static void
test_full(void **state)
{
	struct fixture *f = *state;

	for (uint32_t id = 1; id < CW_MAX_NEXTHOPS; id++)
		assert_int_equal(set_kind(f, id, CW_NEXTHOP_BLACKHOLE), 0);
	assert_int_equal(nexthops_count(f->dp->nexthops), CW_MAX_NEXTHOPS - 1);
	for (uint32_t id = 1; id < CW_MAX_NEXTHOPS; id++)
		assert_int_equal(action(f, id), NEXTHOP_BLACKHOLE);
	del_all(f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_own_connected),
		cmocka_unit_test(test_port_and_host),
		cmocka_unit_test(test_via),
		cmocka_unit_test(test_weights),
		cmocka_unit_test(test_members_come_and_go),
		cmocka_unit_test(test_full),
	};

	return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
