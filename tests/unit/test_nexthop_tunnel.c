/* SPDX-License-Identifier: Apache-2.0 */
#include "server_helper.h"

#define UPLINK 5
#define OTHER_UPLINK 6
#define TUNNEL 20
#define UNDERLAY 10
#define OTHER_UNDERLAY 11
#define GROUP 12

static union item a;

static const struct nexthop *
get(struct fixture *f, uint32_t id)
{
	return nexthop_get(f->dp->nexthops, id);
}

static void
set(struct fixture *f, const struct cw_item *item)
{
	if (item->type == CW_ITEM_VTEP)
		assert_int_equal(vtep_set(f->dp->vteps, (const struct cw_vtep *)item), 0);
	else
		assert_int_equal(nexthop_set(f->dp->nexthops, (const struct cw_nexthop *)item), 0);
}

static void
make_uplink(struct dp_port *port, void *arg)
{
	port->flags |= CW_PORT_UPLINK;
	port->mtu = 1600;
}

static void
set_vni(struct network *network, void *arg)
{
	network->vni = 0x010203;
}

static struct cw_ip
remote4(void)
{
	return make_ip4(192, 0, 2, 2, 32);
}

static struct cw_ip
ip6(uint8_t last)
{
	return (struct cw_ip){.addr = {0xfd, [15] = last}, .family = 6, .prefix = 128};
}

static int
setup(void **state)
{
	struct fixture *f = *state;

	fixture_network(f, 0, set_vni, NULL);
	fixture_port(f, UPLINK);
	fixture_port(f, OTHER_UPLINK);
	fixture_port_change(f, UPLINK, make_uplink, NULL);
	fixture_port_change(f, OTHER_UPLINK, make_uplink, NULL);
	set(f, make_nexthop(&a, UNDERLAY, 0, UPLINK));
	set(f, make_nexthop(&a, OTHER_UNDERLAY, 0, OTHER_UPLINK));
	set(f, make_vtep(&a, 1, UPLINK, make_ip4(192, 0, 2, 1, 32)));
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	for (uint32_t id = 0; id < 64; id++)
		nexthop_del(f->dp->nexthops, id);
	assert_int_equal(nexthops_count(f->dp->nexthops), 0);
	vtep_del(f->dp->vteps, 1);
	fixture_port_del(f, UPLINK);
	fixture_port_del(f, OTHER_UPLINK);
	rcu_poll(f->dp);
	return 0;
}

static void
vxlan4_header_is_complete(void **state)
{
	static const uint8_t expected[50] = {
		2, 0, 0, 0, 9, 0x77, 2, 0, 0, 0, 1, UPLINK, 8, 0, // Ethernet
		0x45, 0, 0, 0, 0, 0, 0, 0, 64, 17, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2, // IPv4
		0, 0, 0x21, 0x18, 0, 0, 0, 0, // UDP, port 8472
		8, 0, 0, 0, 1, 2, 3, 0, // VXLAN
	};
	struct fixture *f = *state;
	const struct nexthop *nexthop;

	set(f, make_tunnel(&a, TUNNEL, 0, 1, remote4(), UNDERLAY));
	nexthop = get(f, TUNNEL);
	assert_int_equal(nexthop->action, NEXTHOP_TUNNEL);
	assert_int_equal(nexthop->id, TUNNEL);
	assert_int_equal(nexthop->out_port, UPLINK);
	assert_int_equal(nexthop->mtu, 1500); // the network's, less than the uplink's 1600 - 50
	assert_int_equal(nexthop->header.dst.addr_bytes[5], 0x88);
	assert_memory_equal(&nexthop->header.src, &dp_network(f->dp, 0)->router_mac,
		sizeof(nexthop->header.src));
	assert_int_equal(nexthop->tunnel->header_len, sizeof(expected));
	assert_memory_equal(nexthop->tunnel->header, expected, sizeof(expected));
	assert_null(nexthop->tunnel->underlay);
	assert_int_equal(nexthop->tunnel->checksum, 0);
	assert_int_equal(nexthop->tunnel->remote_hash, nexthop_remote_hash(remote4().addr, false));
}

static void
vxlan6_and_what_objects_choose(void **state)
{
	struct fixture *f = *state;
	const struct nexthop_tunnel *tunnel;
	const struct nexthop *nexthop;

	make_vtep(&a, 1, UPLINK, ip6(1));
	a.vtep.ttl = 9;
	make_mac(a.vtep.mac, 0x99);
	set(f, &a.item);
	make_tunnel(&a, TUNNEL, 0, 1, ip6(2), UNDERLAY);
	a.nexthop.vni = 7;
	a.nexthop.mtu = 1400;
	set(f, &a.item);
	nexthop = get(f, TUNNEL);
	tunnel = nexthop->tunnel;
	assert_int_equal(tunnel->header_len, 70);
	assert_int_equal(tunnel->outer_v6, 1);
	assert_int_equal(tunnel->checksum, 1);
	assert_int_equal(tunnel->header[12] << 8 | tunnel->header[13], RTE_ETHER_TYPE_IPV6);
	assert_int_equal(tunnel->header[14 + 7], 9); // hop limit
	assert_int_equal(tunnel->header[70 - 2], 7); // VNI
	assert_int_equal(nexthop->mtu, 1400);
	assert_int_equal(nexthop->header.src.addr_bytes[5], 0x99);
}

static void
mtu_is_what_the_uplink_leaves(void **state)
{
	struct fixture *f = *state;

	make_nexthop(&a, UNDERLAY, 0, UPLINK);
	a.nexthop.mtu = 1300;
	set(f, &a.item);
	set(f, make_tunnel(&a, TUNNEL, 0, 1, remote4(), UNDERLAY));
	assert_int_equal(get(f, TUNNEL)->mtu, 1250);
	make_vtep(&a, 1, UPLINK, make_ip4(192, 0, 2, 1, 32));
	a.vtep.kind = CW_TUNNEL_IPIP;
	a.vtep.udp_port = 0;
	set(f, &a.item);
	nexthops_resolve(f->dp->nexthops);
	assert_int_equal(get(f, TUNNEL)->mtu, 1280);
	assert_int_equal(get(f, TUNNEL)->tunnel->header_len, 34);
	a.vtep.kind = CW_TUNNEL_UDP;
	a.vtep.udp_port = 8285;
	set(f, &a.item);
	nexthops_resolve(f->dp->nexthops);
	assert_int_equal(get(f, TUNNEL)->mtu, 1272);
	assert_int_equal(get(f, TUNNEL)->tunnel->header_len, 42);
}

static void
a_tunnel_follows_its_underlay(void **state)
{
	struct fixture *f = *state;
	const struct cw_ip gateway = make_ip4(10, 1, 0, 254, 32);

	set(f, make_tunnel(&a, TUNNEL, 0, 1, remote4(), UNDERLAY));
	make_nexthop(&a, UNDERLAY, 0, UPLINK);
	make_mac(a.nexthop.mac, 0x78);
	set(f, &a.item); // one SET, and nothing else
	assert_int_equal(get(f, TUNNEL)->tunnel->header[5], 0x78);
	memset(a.nexthop.mac, 0, sizeof(a.nexthop.mac));
	a.nexthop.via = gateway;
	set(f, &a.item);
	assert_int_equal(get(f, TUNNEL)->action, NEXTHOP_CONNECTED);
	assert_int_equal(get(f, TUNNEL)->id, UNDERLAY); // whom to resolve
	assert_memory_equal(get(f, TUNNEL)->via, &gateway, sizeof(gateway));
	make_mac(a.nexthop.mac, 0x79);
	set(f, &a.item);
	assert_int_equal(get(f, TUNNEL)->action, NEXTHOP_TUNNEL);
	assert_int_equal(nexthop_del(f->dp->nexthops, UNDERLAY), 0);
	assert_int_equal(get(f, TUNNEL)->action, NEXTHOP_CONNECTED);
	assert_int_equal(get(f, TUNNEL)->id, TUNNEL);
	assert_memory_equal(get(f, TUNNEL)->via->addr, remote4().addr, 16);
	set(f, make_nexthop(&a, UNDERLAY, 0, UPLINK));
	assert_int_equal(get(f, TUNNEL)->action, NEXTHOP_TUNNEL);
	vtep_del(f->dp->vteps, 1);
	nexthops_resolve(f->dp->nexthops);
	assert_int_equal(get(f, TUNNEL)->action, NEXTHOP_UNREACHABLE);
}

static void
set_group(struct fixture *f)
{
	make_nexthop(&a, GROUP, 0, 0);
	a.nexthop.kind = CW_NEXTHOP_GROUP;
	a.nexthop.n_members = 2;
	a.nexthop.members[0] = (struct cw_member){UNDERLAY, 1};
	a.nexthop.members[1] = (struct cw_member){OTHER_UNDERLAY, 1};
	set(f, &a.item);
}

static void
two_uplinks_share_the_load(void **state)
{
	struct fixture *f = *state;
	const struct nexthop_group *group;
	uint32_t n = 0;

	set_group(f);
	set(f, make_tunnel(&a, TUNNEL, 0, 1, remote4(), GROUP));
	group = get(f, TUNNEL)->tunnel->underlay;
	assert_non_null(group);
	for (uint32_t i = 0; i <= group->mask; i++)
		n += group->bucket[i] == UNDERLAY;
	assert_int_equal(n * 2, group->mask + 1);
	make_nexthop(&a, UNDERLAY, 0, UPLINK); // one is not resolved any more
	memset(a.nexthop.mac, 0, sizeof(a.nexthop.mac));
	set(f, &a.item);
	assert_int_equal(get(f, TUNNEL)->action, NEXTHOP_TUNNEL);
	assert_null(get(f, TUNNEL)->tunnel->underlay);
	assert_int_equal(get(f, TUNNEL)->out_port, OTHER_UPLINK);
	assert_int_equal(nexthop_del(f->dp->nexthops, OTHER_UNDERLAY), 0);
	assert_int_equal(get(f, TUNNEL)->action, NEXTHOP_CONNECTED);
	assert_int_equal(get(f, TUNNEL)->id, UNDERLAY);
	set(f, make_nexthop(&a, OTHER_UNDERLAY, 0, OTHER_UPLINK));
	set(f, make_nexthop(&a, UNDERLAY, 0, UPLINK));
	assert_non_null(get(f, TUNNEL)->tunnel->underlay);
	assert_int_equal(nexthop_del(f->dp->nexthops, GROUP), 0);
	assert_int_equal(get(f, TUNNEL)->action, NEXTHOP_CONNECTED);
}

static void
groups_of_the_wire_have_their_mac(void **state)
{
	static const uint8_t mac4[6] = {0x01, 0x00, 0x5e, 0x01, 0x02, 0x03};
	struct fixture *f = *state;

	set(f, make_tunnel(&a, TUNNEL, 0, 1, make_ip4(239, 0x81, 2, 3, 32), 0));
	assert_int_equal(get(f, TUNNEL)->action, NEXTHOP_TUNNEL);
	assert_int_equal(get(f, TUNNEL)->out_port, UPLINK);
	assert_memory_equal(get(f, TUNNEL)->tunnel->header, mac4, sizeof(mac4));
	set(f, make_tunnel(&a, TUNNEL, 0, 1, make_ip4(239, 0x81, 2, 3, 32), OTHER_UNDERLAY));
	assert_int_equal(get(f, TUNNEL)->out_port, OTHER_UPLINK);
	assert_memory_equal(get(f, TUNNEL)->tunnel->header, mac4, sizeof(mac4));
}

static void
tunnels_are_no_underlay(void **state)
{
	struct fixture *f = *state;

	set(f, make_tunnel(&a, TUNNEL, 0, 1, remote4(), UNDERLAY));
	set(f, make_tunnel(&a, TUNNEL + 1, 0, 1, make_ip4(192, 0, 2, 3, 32), TUNNEL));
	assert_int_equal(get(f, TUNNEL + 1)->action, NEXTHOP_CONNECTED);
	make_tunnel(&a, TUNNEL, 0, 1, remote4(), TUNNEL);
	assert_int_equal(nexthop_set(f->dp->nexthops, &a.nexthop), -EINVAL);
}

static uint32_t
remote(struct fixture *f, uint16_t network, struct cw_ip ip)
{
	uint32_t id;

	if (nexthop_has_remote(f->dp->nexthops, 1, network, &ip, &id))
		return id != 0 ? id : UINT32_MAX;
	assert_int_equal(id, 0);
	return 0;
}

static void
remotes_are_known(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(remote(f, 0, remote4()), 0);
	set(f, make_tunnel(&a, TUNNEL + 1, 0, 1, remote4(), UNDERLAY));
	assert_int_equal(remote(f, 0, remote4()), TUNNEL + 1);
	set(f, make_tunnel(&a, TUNNEL, 0, 1, remote4(), UNDERLAY));
	assert_int_equal(remote(f, 0, remote4()), TUNNEL);
	assert_int_equal(remote(f, 3, remote4()), UINT32_MAX); // known, but of another network
	assert_int_equal(remote(f, 0, make_ip4(192, 0, 2, 3, 32)), 0);
	set(f, make_tunnel(&a, TUNNEL, 0, 1, make_ip4(192, 0, 2, 3, 32), UNDERLAY));
	assert_int_equal(remote(f, 0, remote4()), TUNNEL + 1);
	assert_int_equal(remote(f, 0, make_ip4(192, 0, 2, 3, 32)), TUNNEL);
	assert_int_equal(nexthop_del(f->dp->nexthops, TUNNEL + 1), 0);
	assert_int_equal(remote(f, 0, remote4()), 0);
}

static void
neighbors_behind_a_tunnel_follow_it(void **state)
{
	struct fixture *f = *state;
	const struct cw_ip ip = make_ip4(10, 1, 9, 9, 32);
	const struct rte_ether_addr mac = {{2, 9, 9, 9, 9, 9}};
	const struct neighbor *neighbor;
	rte_be32_t word;

	memcpy(&word, ip.addr, sizeof(word));
	set(f, make_tunnel(&a, TUNNEL, 0, 1, remote4(), UNDERLAY));
	assert_int_equal(
		neighbor_set_behind(f->dp->neighbors, NEIGHBOR_STATIC, 0, &ip, &mac, TUNNEL), 0);
	neighbor = neighbor_lookup4(f->dp->neighbors, 0, word);
	assert_int_equal(neighbor->nexthop.action, NEXTHOP_GROUP);
	assert_ptr_equal(nexthop_member(f->dp->nexthops, &neighbor->nexthop, 1234), get(f, TUNNEL));
	make_nexthop(&a, 30, 0, 0);
	a.nexthop.kind = CW_NEXTHOP_VIA;
	a.nexthop.via = ip;
	set(f, &a.item);
	assert_ptr_equal(nexthop_select(f->dp->nexthops, 30, 99), get(f, TUNNEL));
	set(f, make_tunnel(&a, TUNNEL, 0, 1, make_ip4(192, 0, 2, 3, 32), UNDERLAY));
	assert_ptr_equal(nexthop_member(f->dp->nexthops, &neighbor->nexthop, 1234), get(f, TUNNEL));
	assert_ptr_equal(nexthop_select(f->dp->nexthops, 30, 99), get(f, TUNNEL));
	neighbors_refresh(f->dp->neighbors, 0);
	assert_ptr_equal(neighbor_lookup4(f->dp->neighbors, 0, word), neighbor);
	assert_int_equal(nexthop_del(f->dp->nexthops, TUNNEL), 0);
	assert_null(nexthop_member(f->dp->nexthops, &neighbor->nexthop, 1234));
	assert_int_equal(neighbor_del(f->dp->neighbors, NEIGHBOR_STATIC, 0, &ip), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(vxlan4_header_is_complete),
		TEST(vxlan6_and_what_objects_choose),
		TEST(mtu_is_what_the_uplink_leaves),
		TEST(a_tunnel_follows_its_underlay),
		TEST(two_uplinks_share_the_load),
		TEST(groups_of_the_wire_have_their_mac),
		TEST(tunnels_are_no_underlay),
		TEST(remotes_are_known),
		TEST(neighbors_behind_a_tunnel_follow_it),
	};

	return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
