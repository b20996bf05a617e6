/* SPDX-License-Identifier: Apache-2.0 */
#include "packet.h"
#include "server/objects.h"
#include "server_helper.h"

#define POD 2
#define UPLINK 3
#define UNDERLAY 10
#define TUNNEL 20

static struct objects *objects;
static struct fixture *f;
static union item a;

static void
ignore(void *arg, const struct cw_item *event)
{
}

static int
set(const struct cw_item *item)
{
	struct reason why = {""};
	int error = objects_set(objects, item, NULL, 0, &why);

	objects_settle(objects);
	if (error != 0)
		assert_string_not_equal(why.text, "");
	return error;
}

static void
assert_refused(const struct cw_item *item, int error, const char *words)
{
	struct reason why = {""};

	assert_int_equal(objects_set(objects, item, NULL, 0, &why), error);
	if (strstr(why.text, words) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", why.text, words);
	objects_settle(objects);
}

static void
del(const struct cw_item *item)
{
	struct reason why;

	assert_int_equal(objects_del(objects, item, &why), 0);
	objects_settle(objects);
}

static struct cw_ip
local(void)
{
	return make_ip4(192, 0, 2, 1, 32);
}

static struct cw_ip
remote(void)
{
	return make_ip4(192, 0, 2, 2, 32);
}

static const struct cw_item *
make_uplink(void)
{
	make_port(&a, UPLINK, 7);
	a.port.flags = CW_PORT_UPLINK;
	make_mac(a.port.mac, 0x55);
	return &a.item;
}

static int
setup(void **state)
{
	f = *state;
	fake_reset();
	objects = objects_create(f->dp, ignore, NULL);
	assert_non_null(objects);
	assert_int_equal(set(make_network(&a, 7)), 0);
	assert_int_equal(set(make_port(&a, POD, 7)), 0);
	assert_int_equal(set(make_uplink()), 0);
	assert_int_equal(set(make_vtep(&a, 1, UPLINK, local())), 0);
	assert_int_equal(set(make_nexthop(&a, UNDERLAY, 7, UPLINK)), 0);
	assert_int_equal(set(make_tunnel(&a, TUNNEL, 7, 1, remote(), UNDERLAY)), 0);
	return 0;
}

static int
teardown(void **state)
{
	objects_free(objects);
	assert_int_equal(fake.opens, fake.closes);
	assert_int_equal(vteps_count(f->dp->vteps), 0);
	assert_int_equal(nexthops_count(f->dp->nexthops), 0);
	assert_int_equal(vtep_vni_network(f->dp->vteps, 7), UINT16_MAX);
	return 0;
}

static uint8_t
action(uint32_t id)
{
	const struct nexthop *nexthop = nexthop_get(f->dp->nexthops, id);

	return nexthop != NULL ? nexthop->action : 0;
}

static void
an_uplink_sends_with_its_own_mac(void **state)
{
	assert_int_equal(dp_port_get(f->dp, UPLINK)->origin, PACKET_FROM_UPLINK);
	assert_int_equal(action(TUNNEL), NEXTHOP_TUNNEL);
	assert_int_equal(nexthop_get(f->dp->nexthops, TUNNEL)->tunnel->header[11], 0x55);
	assert_int_equal(set(make_neighbor(&a, 7, 9, UPLINK)), 0);
	assert_int_equal(neighbor_at(f->dp, 7, 9)->nexthop.header.src.addr_bytes[5], 0x55);
}

static void
a_network_has_its_vni(void **state)
{
	assert_int_equal(vtep_vni_network(f->dp->vteps, 7), 7);
	make_network(&a, 8);
	a.network.vni = 7;
	assert_int_equal(set(&a.item), 0);
	assert_int_equal(vtep_vni_network(f->dp->vteps, 7), 7); // the lowest identifier has it
	make_network(&a, 7);
	a.network.vni = 99;
	assert_int_equal(set(&a.item), 0);
	assert_int_equal(vtep_vni_network(f->dp->vteps, 99), 7);
	assert_int_equal(vtep_vni_network(f->dp->vteps, 7), 8);
	del(make_network(&a, 8));
	assert_int_equal(vtep_vni_network(f->dp->vteps, 7), UINT16_MAX);
}

static void
addresses_behind_a_tunnel(void **state)
{
	struct rte_ether_addr mac;
	struct fdb_entry entry;
	fdb_key key;

	make_mac(mac.addr_bytes, 9);
	key = fdb_make_key(7, &mac);
	make_fdb(&a, 7, 9, 0);
	a.fdb.nexthop = TUNNEL;
	assert_int_equal(set(&a.item), 0);
	assert_int_equal(fdb_lookup_bulk(f->dp->fdb, &key, 1, &entry), 1);
	assert_int_equal(entry.port, 0);
	assert_int_equal(entry.nexthop, TUNNEL);
	assert_int_equal(set(make_fdb(&a, 7, 9, POD)), 0); // came here
	assert_int_equal(fdb_port(f->dp, 7, 9), POD);
	del(&a.item);
	assert_int_equal(fdb_lookup_bulk(f->dp->fdb, &key, 1, &entry), 0);
	make_neighbor(&a, 7, 9, 0);
	a.neighbor.nexthop = TUNNEL;
	assert_int_equal(set(&a.item), 0);
	assert_int_equal(neighbor_at(f->dp, 7, 9)->behind, TUNNEL);
	del(&a.item);
	assert_null(neighbor_at(f->dp, 7, 9));
}

static void
flood_lists_name_other_nodes(void **state)
{
	const struct flood_list *flood;

	assert_int_equal(dp_network(f->dp, 7)->flood->n_remote, 0);
	assert_int_equal(set(make_flood(&a, 7, TUNNEL)), 0);
	assert_int_equal(
		set(make_tunnel(&a, TUNNEL + 1, 7, 1, make_ip4(192, 0, 2, 3, 32), UNDERLAY)), 0);
	assert_int_equal(set(make_flood(&a, 7, TUNNEL + 1)), 0);
	flood = dp_network(f->dp, 7)->flood;
	assert_int_equal(flood->n, 2);
	assert_int_equal(flood->n_remote, 2);
	assert_int_equal(flood->nexthop[0] + flood->nexthop[1], 2 * TUNNEL + 1);
	del(make_flood(&a, 7, TUNNEL));
	flood = dp_network(f->dp, 7)->flood;
	assert_int_equal(flood->n_remote, 1);
	assert_int_equal(flood->nexthop[0], TUNNEL + 1);
}

static void
bad_references_are_refused(void **state)
{
	make_fdb(&a, 7, 9, 0);
	a.fdb.nexthop = UNDERLAY;
	assert_refused(&a.item, -EINVAL, "fdb nexthop 10 is no tunnel");
	a.fdb.nexthop = 99;
	assert_refused(&a.item, -ENOENT, "fdb nexthop 99 does not exist");
	a.fdb.port = POD;
	assert_refused(&a.item, -EINVAL, "give one");
	assert_refused(make_flood(&a, 7, UNDERLAY), -EINVAL, "flood nexthop 10 is no tunnel");
	assert_refused(make_flood(&a, 6, TUNNEL), -ENOENT, "flood network 6 does not exist");
	assert_refused(make_tunnel(&a, 21, 7, 2, remote(), UNDERLAY), -ENOENT,
		"nexthop vtep 2 does not exist");
	assert_refused(make_tunnel(&a, 21, 7, 1, remote(), 98), -ENOENT,
		"nexthop underlay 98 does not exist");
	assert_refused(make_tunnel(&a, 21, 7, 1, remote(), TUNNEL), -EINVAL,
		"nexthop underlay 20 leads neither");
	assert_refused(make_tunnel(&a, 21, 7, 1, remote(), 21), -EINVAL, "the next hop itself");
	make_tunnel(&a, 21, 7, 1, remote(), UNDERLAY);
	a.nexthop.via = (struct cw_ip){.addr = {0xfd}, .family = 6, .prefix = 128};
	assert_refused(&a.item, -EINVAL, "nexthop via is IPv6, the address of vtep 1 IPv4");
	assert_refused(make_vtep(&a, 2, 77, remote()), -ENOENT, "vtep port 77 does not exist");
	assert_refused(make_vtep(&a, 2, UPLINK, local()), -EEXIST, "192.0.2.1/32 port 8472");
}

static void
bad_vteps_are_refused(void **state)
{
	assert_refused(make_vtep(&a, 0, UPLINK, local()), -EINVAL, "vtep id 0");
	assert_refused(make_vtep(&a, CW_MAX_VTEPS, UPLINK, local()), -EINVAL, "vtep id 256");
	make_vtep(&a, 2, UPLINK, remote());
	a.vtep.kind = CW_TUNNEL_UDP + 1;
	assert_refused(&a.item, -EINVAL, "vtep kind 4");
	a.vtep.kind = CW_TUNNEL_IPIP;
	assert_refused(&a.item, -EINVAL, "vtep udp_port 8472");
	a.vtep.kind = CW_TUNNEL_UDP;
	a.vtep.udp_port = 0;
	assert_refused(&a.item, -EINVAL, "vtep udp_port 0");
	a.vtep.udp_port = 8285;
	a.vtep.network = 5;
	assert_refused(&a.item, -ENOENT, "vtep network 5 does not exist");
	a.vtep.kind = CW_TUNNEL_VXLAN; // whose packets say their network
	a.vtep.address.prefix = 24;
	assert_refused(&a.item, -EINVAL, "prefix length 24");
	a.vtep.address = make_ip4(239, 1, 1, 1, 32);
	assert_refused(&a.item, -EINVAL, "not a unicast address");
	a.vtep.address = remote();
	a.vtep.flags = 4;
	assert_refused(&a.item, -EINVAL, "vtep flags 4");
	a.vtep.flags = 0;
	a.vtep.n_groups = 1;
	a.vtep.addresses[0] = make_ip4(10, 0, 0, 1, 32);
	assert_refused(&a.item, -EINVAL, "vtep group 0 is no multicast group");
	a.vtep.n_groups = CW_MAX_VTEP_GROUPS + 1;
	assert_refused(&a.item, -EINVAL, "number of vtep groups");
}

static void
a_group_of_tunnels_says_so(void **state)
{
	make_nexthop(&a, 30, 7, 0);
	a.nexthop.kind = CW_NEXTHOP_GROUP;
	a.nexthop.n_members = 1;
	a.nexthop.members[0] = (struct cw_member){.nexthop = TUNNEL, .weight = 1};
	a.item.length = CW_ALIGN8(offsetof(struct cw_nexthop, members) + sizeof(struct cw_member));
	assert_refused(&a.item, -EINVAL, "is a tunnel, but the group is not flagged so");
	a.nexthop.flags = CW_NEXTHOP_OF_TUNNELS;
	assert_int_equal(set(&a.item), 0);
	assert_refused(make_tunnel(&a, 31, 7, 1, remote(), 30), -EINVAL, "underlay 30 leads");
}

static void
what_goes_takes_its_own_along(void **state)
{
	del(make_vtep(&a, 1, UPLINK, local()));
	assert_int_equal(action(TUNNEL), NEXTHOP_UNREACHABLE);
	assert_int_equal(set(make_vtep(&a, 1, UPLINK, local())), 0);
	assert_int_equal(action(TUNNEL), NEXTHOP_TUNNEL);
	del(make_uplink());
	assert_int_equal(vteps_count(f->dp->vteps), 0);
	assert_int_equal(action(UNDERLAY), 0);
	assert_int_equal(action(TUNNEL), NEXTHOP_UNREACHABLE);
	del(make_network(&a, 7));
	assert_int_equal(action(TUNNEL), 0);
}

// One epoch, in the order that the control plane likes least.
static void
replay(const union item *items, uint32_t n, int *errors)
{
	objects_epoch_begin(objects);
	for (uint32_t i = 0; i < n; i++)
		objects_epoch_name(objects, &items[i].item);
	for (uint32_t i = 0; i < n; i++)
		objects_epoch_release(objects, &items[i].item);
	objects_epoch_sweep_early(objects);
	for (unsigned int pass = 0; pass < OBJECT_PASSES; pass++)
		for (uint32_t i = 0; i < n; i++) {
			struct reason why;

			if (object_pass(&items[i].item) == pass)
				*errors += objects_set(objects, &items[i].item, NULL, 0, &why) != 0;
		}
	objects_epoch_sweep_late(objects);
}

static void
replay_needs_no_order(void **state)
{
	static union item items[11];
	int errors = 0;

	make_route(&items[0], 7, make_ip4(10, 9, 0, 0, 16), 30);
	make_flood(&items[1], 7, TUNNEL);
	make_nexthop(&items[2], 30, 7, 0);
	items[2].nexthop.kind = CW_NEXTHOP_GROUP;
	items[2].nexthop.flags = CW_NEXTHOP_OF_TUNNELS;
	items[2].nexthop.n_members = 1;
	items[2].nexthop.members[0] = (struct cw_member){.nexthop = TUNNEL, .weight = 1};
	items[2].item.length =
		CW_ALIGN8(offsetof(struct cw_nexthop, members) + sizeof(struct cw_member));
	make_tunnel(&items[3], TUNNEL, 7, 1, remote(), 29);
	items[4] = items[2];
	items[4].nexthop.id = 29;
	items[4].nexthop.flags = 0;
	items[4].nexthop.members[0].nexthop = UNDERLAY;
	make_nexthop(&items[5], UNDERLAY, 7, UPLINK);
	// The two vteps have changed places.
	make_vtep(&items[6], 1, UPLINK, make_ip4(192, 0, 2, 9, 32));
	make_vtep(&items[7], 2, UPLINK, local());
	make_uplink();
	items[8] = a;
	make_port(&items[9], POD, 7);
	make_network(&items[10], 7);
	assert_int_equal(set(make_vtep(&a, 2, UPLINK, make_ip4(192, 0, 2, 9, 32))), 0);
	for (int round = 0; round < 2; round++) {
		replay(items, 11, &errors);
		assert_int_equal(errors, 0);
		assert_int_equal(action(TUNNEL), NEXTHOP_TUNNEL);
		assert_int_equal(dp_network(f->dp, 7)->flood->n_remote, 1);
		assert_int_equal(vtep_get(f->dp->vteps, 2)->address.addr[3], 1);
	}
	replay(items + 8, 3, &errors); // all of it goes
	assert_int_equal(vteps_count(f->dp->vteps), 0);
	assert_int_equal(nexthops_count(f->dp->nexthops), 0);
	assert_int_equal(dp_network(f->dp, 7)->flood->n_remote, 0);
}

// Both want one address: the first has it, and the other is not left as half an object.
static void
a_vtep_that_lost_its_address_goes(void **state)
{
	static union item items[5];
	int errors = 0;

	assert_int_equal(set(make_vtep(&a, 2, UPLINK, make_ip4(192, 0, 2, 9, 32))), 0);
	make_network(&items[0], 7);
	make_uplink();
	items[1] = a;
	make_port(&items[2], POD, 7);
	make_vtep(&items[3], 1, UPLINK, make_ip4(192, 0, 2, 7, 32));
	make_vtep(&items[4], 2, UPLINK, make_ip4(192, 0, 2, 7, 32));
	replay(items, 5, &errors);
	assert_int_equal(errors, 1);
	assert_int_equal(vteps_count(f->dp->vteps), 1);
	assert_int_equal(objects_count(objects, CW_ITEM_VTEP), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_uplink_sends_with_its_own_mac),
		TEST(a_network_has_its_vni),
		TEST(addresses_behind_a_tunnel),
		TEST(flood_lists_name_other_nodes),
		TEST(bad_references_are_refused),
		TEST(bad_vteps_are_refused),
		TEST(a_group_of_tunnels_says_so),
		TEST(what_goes_takes_its_own_along),
		TEST(replay_needs_no_order),
		TEST(a_vtep_that_lost_its_address_goes),
	};

	return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
