/* SPDX-License-Identifier: Apache-2.0 */
#include "server_helper.h"

static union item a;

static int
set(struct fixture *f, const struct cw_item *item)
{
	return vtep_set(f->dp->vteps, (const struct cw_vtep *)item);
}

static rte_be32_t
word(struct cw_ip ip)
{
	rte_be32_t value;

	memcpy(&value, ip.addr, sizeof(value));
	return value;
}

static uint16_t
found4(struct fixture *f, uint16_t in_port, struct cw_ip ip, uint16_t udp_port)
{
	const struct vtep *vtep =
		vtep_lookup4(f->dp->vteps, in_port, word(ip), rte_cpu_to_be_16(udp_port));

	return vtep != NULL ? vtep->id : 0;
}

static uint16_t
found6(struct fixture *f, uint16_t in_port, const struct cw_ip *ip, uint16_t udp_port)
{
	const struct vtep *vtep =
		vtep_lookup6(f->dp->vteps, in_port, ip->addr, rte_cpu_to_be_16(udp_port));

	return vtep != NULL ? vtep->id : 0;
}

static void
del_all(struct fixture *f)
{
	for (uint32_t id = 0; id < CW_MAX_VTEPS; id++)
		vtep_del(f->dp->vteps, id);
	assert_int_equal(vteps_count(f->dp->vteps), 0);
	rcu_poll(f->dp);
}

static void
one_is_found_by_address_and_port(void **state)
{
	struct fixture *f = *state;
	const struct cw_ip address = make_ip4(192, 0, 2, 1, 32);

	assert_int_equal(found4(f, 1, address, 8472), 0);
	assert_int_equal(set(f, make_vtep(&a, 1, 9, address)), 0);
	assert_int_equal(vteps_count(f->dp->vteps), 1);
	assert_int_equal(found4(f, 9, address, 8472), 1);
	assert_int_equal(found4(f, 8, address, 8472), 0); // another uplink
	assert_int_equal(found4(f, 9, address, 4789), 0);
	assert_int_equal(found4(f, 9, address, 0), 0);
	assert_int_equal(found4(f, 9, make_ip4(192, 0, 2, 2, 32), 8472), 0);
	assert_int_equal(vtep_get(f->dp->vteps, 1)->ttl, 64);
	assert_null(vtep_get(f->dp->vteps, 2));
	assert_null(vtep_get(f->dp->vteps, CW_MAX_VTEPS));
	assert_int_equal(vtep_del(f->dp->vteps, 1), 0);
	assert_int_equal(vtep_del(f->dp->vteps, 1), -ENOENT);
	assert_int_equal(found4(f, 9, address, 8472), 0);
	assert_null(vtep_get(f->dp->vteps, 1));
	del_all(f);
}

static void
any_uplink_and_ipv6(void **state)
{
	struct fixture *f = *state;
	const struct cw_ip address = {
		.addr = {0x20, 1, 0xd, 0xb8, [15] = 1}, .family = 6, .prefix = 128};
	struct cw_ip other = address;

	assert_int_equal(set(f, make_vtep(&a, 3, 0, address)), 0);
	assert_int_equal(found6(f, 1, &address, 8472), 3);
	assert_int_equal(found6(f, 4095, &address, 8472), 3);
	other.addr[14] = 1;
	assert_int_equal(found6(f, 1, &other, 8472), 0);
	del_all(f);
}

static void
who_has_an_address_already_is_in_the_way(void **state)
{
	struct fixture *f = *state;
	const struct cw_ip address = make_ip4(192, 0, 2, 1, 32);

	assert_int_equal(set(f, make_vtep(&a, 1, 9, address)), 0);
	assert_int_equal(set(f, make_vtep(&a, 2, 9, address)), -EEXIST);
	assert_int_equal(set(f, make_vtep(&a, 2, 0, address)), -EEXIST);
	assert_int_equal(vteps_count(f->dp->vteps), 1);
	assert_int_equal(set(f, make_vtep(&a, 2, 8, address)), 0); // of another uplink
	assert_int_equal(found4(f, 8, address, 8472), 2);
	assert_int_equal(found4(f, 9, address, 8472), 1);
	make_vtep(&a, 3, 9, address);
	a.vtep.udp_port = 4789;
	assert_int_equal(set(f, &a.item), 0);
	make_vtep(&a, 4, 9, address);
	a.vtep.udp_port = 0;
	a.vtep.kind = CW_TUNNEL_IPIP;
	assert_int_equal(set(f, &a.item), 0);
	assert_int_equal(found4(f, 9, address, 4789), 3);
	assert_int_equal(found4(f, 9, address, 0), 4);
	del_all(f);
}

static void
a_vtep_moves(void **state)
{
	struct fixture *f = *state;
	const struct cw_ip old = make_ip4(192, 0, 2, 1, 32), new = make_ip4(192, 0, 2, 2, 32);

	assert_int_equal(set(f, make_vtep(&a, 1, 9, old)), 0);
	assert_int_equal(set(f, make_vtep(&a, 1, 9, new)), 0);
	assert_int_equal(vteps_count(f->dp->vteps), 1);
	assert_int_equal(found4(f, 9, old, 8472), 0);
	assert_int_equal(found4(f, 9, new, 8472), 1);
	del_all(f);
}

static void
groups_belong_to_their_vtep(void **state)
{
	struct fixture *f = *state;
	const struct cw_ip group = make_ip4(239, 1, 1, 1, 32);

	make_vtep(&a, 1, 9, make_ip4(192, 0, 2, 1, 32));
	a.vtep.n_own = 1;
	a.vtep.n_groups = 1;
	a.vtep.addresses[0] = make_ip4(10, 244, 1, 0, 32);
	a.vtep.addresses[1] = group;
	assert_int_equal(set(f, &a.item), 0);
	assert_int_equal(found4(f, 9, group, 8472), 1);
	assert_int_equal(found4(f, 8, group, 8472), 0);
	assert_int_equal(found4(f, 9, make_ip4(10, 244, 1, 0, 32), 8472), 0);
	assert_int_equal(vtep_get(f->dp->vteps, 1)->n_own, 1);
	assert_int_equal(vtep_get(f->dp->vteps, 1)->own[0].addr[1], 244);
	del_all(f);
}

// Collisions in the index, and its growing and shrinking.
static void
as_many_as_there_may_be(void **state)
{
	struct fixture *f = *state;

	for (uint32_t id = 1; id < CW_MAX_VTEPS; id++)
		assert_int_equal(
			set(f, make_vtep(&a, id, 9, make_ip4(192, 0, 2, (uint8_t)id, 32))), 0);
	for (uint32_t id = 1; id < CW_MAX_VTEPS; id += 2)
		assert_int_equal(vtep_del(f->dp->vteps, id), 0);
	for (uint32_t id = 1; id < CW_MAX_VTEPS; id++)
		assert_int_equal(found4(f, 9, make_ip4(192, 0, 2, (uint8_t)id, 32), 8472),
			id % 2 == 0 ? id : 0);
	del_all(f);
}

static void
a_vni_is_a_network(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(vtep_vni_network(f->dp->vteps, CW_VNI_MAX), UINT16_MAX);
	assert_int_equal(vtep_set_vni(f->dp->vteps, CW_VNI_MAX, 7), 0);
	assert_int_equal(vtep_set_vni(f->dp->vteps, 1, 0), 0);
	assert_int_equal(vtep_vni_network(f->dp->vteps, CW_VNI_MAX), 7);
	assert_int_equal(vtep_vni_network(f->dp->vteps, 1), 0);
	assert_int_equal(vtep_set_vni(f->dp->vteps, CW_VNI_MAX, 8), 0);
	assert_int_equal(vtep_vni_network(f->dp->vteps, CW_VNI_MAX), 8);
	assert_int_equal(vtep_set_vni(f->dp->vteps, CW_VNI_MAX, CW_MAX_NETWORKS), 0);
	assert_int_equal(vtep_set_vni(f->dp->vteps, 1, CW_MAX_NETWORKS), 0);
	assert_int_equal(vtep_vni_network(f->dp->vteps, CW_VNI_MAX), UINT16_MAX);
	assert_int_equal(vtep_vni_network(f->dp->vteps, 1), UINT16_MAX);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_is_found_by_address_and_port),
		cmocka_unit_test(any_uplink_and_ipv6),
		cmocka_unit_test(who_has_an_address_already_is_in_the_way),
		cmocka_unit_test(a_vtep_moves),
		cmocka_unit_test(groups_belong_to_their_vtep),
		cmocka_unit_test(as_many_as_there_may_be),
		cmocka_unit_test(a_vni_is_a_network),
	};

	return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
