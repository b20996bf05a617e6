/* SPDX-License-Identifier: Apache-2.0 */

// Messages of rtnetlink: what they say, and that no truncated or spoilt one is read beyond its end.

#include <arpa/inet.h>
#include <errno.h>
#include <linux/fib_rules.h>
#include <linux/if_link.h>
#include <linux/lwtunnel.h>
#include <linux/neighbour.h>
#include <linux/nexthop.h>
#include <linux/rtnetlink.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <netlink/msg.h>

#include "mirror/decode.h"
#include "mirror_world.h"

#define VIA ((uint8_t[]){192, 168, 0, 2})
#define REMOTE ((uint8_t[]){192, 168, 0, 3})
#define MAC ((uint8_t[]){2, 0, 0, 0, 0, 5})

static struct nl_msg *
message(int type, const void *header, size_t size)
{
	struct nl_msg *msg = nlmsg_alloc_simple(type, 0);

	assert_non_null(msg);
	assert_int_equal(nlmsg_append(msg, (void *)(uintptr_t)header, size, NLMSG_ALIGNTO), 0);
	return msg;
}

static struct nl_msg *
route_message(uint8_t type, uint8_t length)
{
	const struct rtmsg header = {.rtm_family = AF_INET,
		.rtm_dst_len = length,
		.rtm_table = RT_TABLE_MAIN,
		.rtm_protocol = RTPROT_BIRD,
		.rtm_type = type};

	return message(RTM_NEWROUTE, &header, sizeof(header));
}

static void
test_route(void **state)
{
	struct nl_msg *msg = route_message(RTN_UNICAST, 24);
	struct nlattr *metrics;
	struct kernel_route route;

	nla_put(msg, RTA_DST, 4, (uint8_t[]){10, 1, 2, 0});
	nla_put(msg, RTA_GATEWAY, 4, VIA);
	nla_put_u32(msg, RTA_OIF, 7);
	nla_put_u32(msg, RTA_PRIORITY, 20);
	nla_put_u32(msg, RTA_TABLE, 1000);
	metrics = nla_nest_start(msg, RTA_METRICS);
	nla_put_u32(msg, RTAX_MTU, 1400);
	nla_nest_end(msg, metrics);
	assert_int_equal(decode_route(nlmsg_hdr(msg), &route), 1);
	assert_ip(&route.prefix, "10.1.2.0");
	assert_int_equal(route.prefix.prefix, 24);
	assert_int_equal(route.priority, 20);
	assert_int_equal(route.path.table, 1000);
	assert_int_equal(route.path.protocol, RTPROT_BIRD);
	assert_int_equal(route.path.mtu, 1400);
	assert_int_equal(route.path.n_hops, 1);
	assert_int_equal(route.path.hops[0].ifindex, 7);
	assert_ip(&route.path.hops[0].gateway, "192.168.0.2");
	nlmsg_free(msg);
}

static void
add_hop(struct nl_msg *msg, int ifindex, uint8_t weight, const uint8_t *gateway)
{
	struct {
		struct rtnexthop next;
		struct nlattr attribute;
		uint8_t gateway[4];
	} hop = {
		.next = {.rtnh_len = sizeof(hop), .rtnh_hops = weight, .rtnh_ifindex = ifindex},
		.attribute = {.nla_len = 8, .nla_type = RTA_GATEWAY},
	};

	memcpy(hop.gateway, gateway, 4);
	assert_int_equal(nlmsg_append(msg, &hop, sizeof(hop), NLMSG_ALIGNTO), 0);
}

static void
test_multipath(void **state)
{
	struct nl_msg *msg = route_message(RTN_UNICAST, 0);
	struct nlattr *hops = nla_nest_start(msg, RTA_MULTIPATH);
	struct kernel_route route;

	add_hop(msg, 7, 0, VIA);
	add_hop(msg, 8, 4, REMOTE);
	nla_nest_end(msg, hops);
	assert_int_equal(decode_route(nlmsg_hdr(msg), &route), 1);
	assert_int_equal(route.path.n_hops, 2);
	assert_int_equal(route.path.hops[0].weight, 1);
	assert_int_equal(route.path.hops[1].weight, 5);
	assert_int_equal(route.path.hops[1].ifindex, 8);
	assert_ip(&route.path.hops[1].gateway, "192.168.0.3");
	nlmsg_free(msg);
}

// An object says where; what the kernel adds for those who know none is not looked at.
static void
test_route_by_object(void **state)
{
	struct nl_msg *msg = route_message(RTN_UNICAST, 0);
	struct kernel_route route;

	nla_put_u32(msg, RTA_NH_ID, 77);
	nla_put(msg, RTA_GATEWAY, 4, VIA);
	assert_int_equal(decode_route(nlmsg_hdr(msg), &route), 1);
	assert_int_equal(route.path.nexthop, 77);
	assert_int_equal(route.path.n_hops, 0);
	nlmsg_free(msg);
}

static void
test_routes_that_are_not_kept(void **state)
{
	static const uint8_t types[] = {RTN_LOCAL, RTN_BROADCAST, RTN_ANYCAST, RTN_MULTICAST};
	struct rtmsg cloned = {
		.rtm_family = AF_INET6, .rtm_type = RTN_UNICAST, .rtm_flags = RTM_F_CLONED};
	struct kernel_route route;
	struct nl_msg *msg;

	for (size_t i = 0; i < sizeof(types); i++) {
		msg = route_message(types[i], 32);
		assert_int_equal(decode_route(nlmsg_hdr(msg), &route), 0);
		nlmsg_free(msg);
	}
	msg = message(RTM_NEWROUTE, &cloned, sizeof(cloned));
	assert_int_equal(decode_route(nlmsg_hdr(msg), &route), 0);
	nlmsg_free(msg);
	msg = route_message(RTN_UNICAST, 32);
	nla_put_u16(msg, RTA_ENCAP_TYPE, LWTUNNEL_ENCAP_MPLS);
	assert_int_equal(decode_route(nlmsg_hdr(msg), &route), 1);
	assert_int_equal(route.path.unusable, 1);
	nlmsg_free(msg);
}

static struct nl_msg *
vxlan_message(void)
{
	const struct ifinfomsg header = {.ifi_index = 9, .ifi_flags = IFF_UP};
	struct nl_msg *msg = message(RTM_NEWLINK, &header, sizeof(header));
	struct nlattr *info, *data;

	nla_put_string(msg, IFLA_IFNAME, "flannel.1");
	nla_put(msg, IFLA_ADDRESS, 6, MAC);
	nla_put_u32(msg, IFLA_MTU, 1450);
	info = nla_nest_start(msg, IFLA_LINKINFO);
	nla_put_string(msg, IFLA_INFO_KIND, "vxlan");
	data = nla_nest_start(msg, IFLA_INFO_DATA);
	nla_put_u32(msg, IFLA_VXLAN_ID, 42);
	nla_put_u32(msg, IFLA_VXLAN_LINK, 2);
	nla_put(msg, IFLA_VXLAN_LOCAL, 4, VIA);
	nla_put_u16(msg, IFLA_VXLAN_PORT, htons(8472));
	nla_put_u8(msg, IFLA_VXLAN_UDP_CSUM, 1);
	nla_nest_end(msg, data);
	nla_nest_end(msg, info);
	return msg;
}

static void
test_vxlan(void **state)
{
	struct nl_msg *msg = vxlan_message();
	struct kernel_link link;

	assert_int_equal(decode_link(nlmsg_hdr(msg), &link), 1);
	assert_string_equal(link.name, "flannel.1");
	assert_int_equal(link.kind, KERNEL_LINK_VXLAN);
	assert_int_equal(link.vni, 42);
	assert_int_equal(link.lower, 2);
	assert_int_equal(link.udp_port, 8472);
	assert_int_equal(link.mtu, 1450);
	assert_true(link.checksum);
	assert_ip(&link.local, "192.168.0.2");
	assert_int_equal(link.remote.family, 0);
	assert_mac(link.mac, "02:00:00:00:00:05");
	nlmsg_free(msg);
}

static struct nl_msg *
neighbor_message(uint8_t family, uint8_t flags)
{
	const struct ndmsg header = {.ndm_family = family,
		.ndm_ifindex = 9,
		.ndm_state = NUD_PERMANENT,
		.ndm_flags = flags};
	struct nl_msg *msg = message(RTM_NEWNEIGH, &header, sizeof(header));

	nla_put(msg, NDA_DST, 4, REMOTE);
	nla_put(msg, NDA_LLADDR, 6, MAC);
	return msg;
}

static void
test_neighbors(void **state)
{
	struct nl_msg *msg = neighbor_message(AF_INET, 0);
	struct kernel_neighbor neighbor;
	struct kernel_fdb fdb;

	assert_int_equal(decode_neighbor(nlmsg_hdr(msg), &neighbor), 1);
	assert_int_equal(decode_fdb(nlmsg_hdr(msg), &fdb), 0);
	assert_int_equal(neighbor.ifindex, 9);
	assert_ip(&neighbor.ip, "192.168.0.3");
	assert_mac(neighbor.mac, "02:00:00:00:00:05");
	assert_true(neighbor_is_valid(&neighbor));
	neighbor.state = NUD_FAILED;
	assert_false(neighbor_is_valid(&neighbor));
	nlmsg_free(msg);
	msg = neighbor_message(AF_INET, NTF_PROXY);
	assert_int_equal(decode_neighbor(nlmsg_hdr(msg), &neighbor), 0);
	nlmsg_free(msg);
	// A bridge tells the entries of its ports, too.
	msg = neighbor_message(AF_BRIDGE, NTF_MASTER);
	assert_int_equal(decode_fdb(nlmsg_hdr(msg), &fdb), 0);
	nlmsg_free(msg);
	msg = neighbor_message(AF_BRIDGE, NTF_SELF);
	nla_put_u16(msg, NDA_PORT, htons(4789));
	nla_put_u32(msg, NDA_VNI, 5);
	nla_put_u32(msg, NDA_SRC_VNI, 6);
	nla_put_u32(msg, NDA_NH_ID, 7);
	assert_int_equal(decode_fdb(nlmsg_hdr(msg), &fdb), 1);
	assert_int_equal(fdb.udp_port, 4789);
	assert_int_equal(fdb.vni, 5);
	assert_int_equal(fdb.source_vni, 6);
	assert_int_equal(fdb.nexthop, 7);
	nlmsg_free(msg);
}

static void
test_nexthop_objects(void **state)
{
	const struct nhmsg header = {.nh_family = AF_UNSPEC};
	const struct nexthop_grp group[] = {{.id = 3, .weight = 0}, {.id = 4, .weight = 9}};
	struct nl_msg *msg = message(RTM_NEWNEXTHOP, &header, sizeof(header));
	struct kernel_nexthop nexthop;

	nla_put_u32(msg, NHA_ID, 9);
	nla_put(msg, NHA_GROUP, sizeof(group), group);
	assert_int_equal(decode_nexthop(nlmsg_hdr(msg), &nexthop), 1);
	assert_int_equal(nexthop.id, 9);
	assert_int_equal(nexthop.n_members, 2);
	assert_int_equal(nexthop.members[1].nexthop, 4);
	assert_int_equal(nexthop.members[1].weight, 10);
	nlmsg_free(msg);
	msg = message(RTM_NEWNEXTHOP, &header, sizeof(header));
	nla_put_u32(msg, NHA_ID, 3);
	nla_put_u32(msg, NHA_OIF, 2);
	nla_put(msg, NHA_GATEWAY, 4, VIA);
	assert_int_equal(decode_nexthop(nlmsg_hdr(msg), &nexthop), 1);
	assert_int_equal(nexthop.hop.ifindex, 2);
	assert_ip(&nexthop.hop.gateway, "192.168.0.2");
	nlmsg_free(msg);
}

// --- hostile

static void
decode_all(struct nlmsghdr *header)
{
	union {
		struct kernel_link link;
		struct kernel_address address;
		struct kernel_neighbor neighbor;
		struct kernel_fdb fdb;
		struct kernel_route route;
		struct kernel_nexthop nexthop;
	} to;
	int n = 0;

	n += decode_link(header, &to.link) > 0;
	n += decode_address(header, &to.address) > 0;
	n += decode_neighbor(header, &to.neighbor) > 0;
	n += decode_fdb(header, &to.fdb) > 0;
	if (decode_route(header, &to.route) > 0)
		assert_true(to.route.path.n_hops <= CW_MAX_MEMBERS);
	decode_rule(header);
	if (decode_nexthop(header, &to.nexthop) > 0)
		assert_true(to.nexthop.n_members <= CW_MAX_MEMBERS);
	assert_true(n >= 0);
}

// Memory of just that length, so that a sanitizer sees who reads on.
static void
decode_copy(const struct nlmsghdr *header, size_t length, size_t spoilt, uint8_t value)
{
	uint8_t *copy = malloc(length);

	assert_non_null(copy);
	memcpy(copy, header, length);
	((struct nlmsghdr *)(void *)copy)->nlmsg_len = (uint32_t)length;
	if (spoilt >= sizeof(*header) && spoilt < length)
		copy[spoilt] = value;
	decode_all((struct nlmsghdr *)(void *)copy);
	free(copy);
}

static struct nl_msg *
rule_message(uint8_t family, uint32_t table, uint32_t priority)
{
	const struct fib_rule_hdr header = {
		.family = family, .table = (uint8_t)table, .action = FR_ACT_TO_TBL};
	struct nl_msg *message = nlmsg_alloc_simple(RTM_NEWRULE, 0);

	assert_int_equal(
		nlmsg_append(message, (void *)(uintptr_t)&header, sizeof(header), NLMSG_ALIGNTO),
		0);
	assert_int_equal(nla_put_u32(message, FRA_TABLE, table), 0);
	if (priority != 0)
		assert_int_equal(nla_put_u32(message, FRA_PRIORITY, priority), 0);
	return message;
}

static void
assert_rule(struct nl_msg *message, int wanted)
{
	assert_int_equal(decode_rule(nlmsg_hdr(message)), wanted);
	nlmsg_free(message);
}

static void
test_rules(void **state)
{
	struct nl_msg *vrf = rule_message(AF_INET6, RT_TABLE_UNSPEC, 1000);

	assert_rule(rule_message(AF_INET, RT_TABLE_LOCAL, 0), 0);
	assert_rule(rule_message(AF_INET6, RT_TABLE_MAIN, 32766), 0);
	assert_rule(rule_message(AF_INET, RT_TABLE_DEFAULT, 32767), 0);
	assert_rule(rule_message(AF_INET, RT_TABLE_MAIN, 100), 1); // for some packets only
	assert_rule(rule_message(AF_INET6, 1000, 32766), 1);
	assert_int_equal(nla_put_u8(vrf, FRA_L3MDEV, 1), 0);
	assert_rule(vrf, 0);
}

static void
test_spoilt(void **state)
{
	static const uint8_t values[] = {0, 1, 3, 4, 0x7f, 0x80, 0xff};
	struct nl_msg *route = route_message(RTN_UNICAST, 0);
	struct nlattr *hops = nla_nest_start(route, RTA_MULTIPATH);
	struct nl_msg *messages[] = {route, vxlan_message(), neighbor_message(AF_INET, 0),
		neighbor_message(AF_BRIDGE, NTF_SELF), rule_message(AF_INET, 1000, 100)};

	add_hop(route, 7, 0, VIA);
	add_hop(route, 8, 4, REMOTE);
	nla_nest_end(route, hops);
	for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++) {
		const struct nlmsghdr *header = nlmsg_hdr(messages[i]);

		for (size_t length = sizeof(*header); length <= header->nlmsg_len; length++)
			decode_copy(header, length, 0, 0);
		for (size_t at = sizeof(*header); at < header->nlmsg_len; at++)
			for (size_t v = 0; v < sizeof(values); v++)
				decode_copy(header, header->nlmsg_len, at, values[v]);
		nlmsg_free(messages[i]);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_route),
		cmocka_unit_test(test_multipath),
		cmocka_unit_test(test_route_by_object),
		cmocka_unit_test(test_routes_that_are_not_kept),
		cmocka_unit_test(test_vxlan),
		cmocka_unit_test(test_neighbors),
		cmocka_unit_test(test_nexthop_objects),
		cmocka_unit_test(test_rules),
		cmocka_unit_test(test_spoilt),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
