/* SPDX-License-Identifier: Apache-2.0 */
// Which frames a pattern matches, by the guide's words on each item. Every case is held against
// every frame: what it must not match counts as much.
#include "bench.h"

#include <netinet/in.h>
#include <string.h>

#include <rte_mbuf.h>

enum frame {
	PLAIN, // EtherType of no meaning
	UDP4,
	UDP4_TAGGED, // VID 10, PCP 3
	UDP4_QINQ, // 802.1ad VID 20, 802.1Q VID 10
	UDP4_OPTIONS,
	UDP4_FIRST, // fragment
	UDP4_LATER,
	UDP4_TTL1,
	UDP4_BAD, // checksum
	UDP4_LONG, // claims to be longer than it is
	TCP4,
	ICMP4,
	UDP6,
	UDP6_DEST,
	UDP6_LATER,
	VXLAN, // VNI 5, port 4789, inner UDP4
	VXLAN_8472,
	VXLAN_BAD, // inner UDP4_BAD
	UDP4_SUM, // UDP's checksum is wrong
	FRAMES,
};
#define BIT(frame) (1u << (frame))

#define UDP(n)                                                                            \
	.dst = n, .ttl = 64, .protocol = IPPROTO_UDP, .src_port = 1000, .dst_port = 2000, \
	.payload = 40
#define IP4(n) UDP(n), .version = 4, .dst_ip = 9

static const struct spec inner = {IP4(0x77)}, inner_bad = {IP4(0x77), .bad_checksum = true};
static const struct spec frames[FRAMES] = {
	[PLAIN] = {.dst = PLAIN},
	[UDP4] = {IP4(UDP4)},
	[UDP4_TAGGED] = {IP4(UDP4_TAGGED), .n_tags = 1, .tpid = {0x8100}, .tci = {0x600a}},
	[UDP4_QINQ] = {IP4(UDP4_QINQ), .n_tags = 2, .tpid = {0x88a8, 0x8100}, .tci = {20, 10}},
	[UDP4_OPTIONS] = {IP4(UDP4_OPTIONS), .has_options = true},
	[UDP4_FIRST] = {IP4(UDP4_FIRST), .fragment = 0x2000},
	[UDP4_LATER] = {IP4(UDP4_LATER), .fragment = 0x2064},
	[UDP4_TTL1] = {.dst = UDP4_TTL1,
		.version = 4,
		.dst_ip = 9,
		.ttl = 1,
		.protocol = IPPROTO_UDP,
		.src_port = 1000,
		.dst_port = 2000,
		.payload = 40},
	[UDP4_BAD] = {IP4(UDP4_BAD), .bad_checksum = true},
	[UDP4_LONG] = {IP4(UDP4_LONG), .extra_length = 10},
	[TCP4] = {.dst = TCP4,
		.version = 4,
		.ttl = 64,
		.protocol = IPPROTO_TCP,
		.src_port = 1000,
		.dst_port = 3000,
		.dst_ip = 10,
		.payload = 20},
	[ICMP4] = {.dst = ICMP4,
		.version = 4,
		.ttl = 64,
		.protocol = IPPROTO_ICMP,
		.dst_ip = 10,
		.payload = 40},
	[UDP6] = {UDP(UDP6), .version = 6, .dst_ip = 9},
	[UDP6_DEST] = {UDP(UDP6_DEST), .version = 6, .dst_ip = 9, .extension = IPPROTO_DSTOPTS},
	[UDP6_LATER] = {UDP(UDP6_LATER), .version = 6, .dst_ip = 9, .extension = IPPROTO_FRAGMENT,
		.fragment = 0x0064},
	[VXLAN] = {.dst = VXLAN,
		.version = 4,
		.dst_ip = 11,
		.ttl = 64,
		.protocol = IPPROTO_UDP,
		.src_port = 50000,
		.dst_port = 4789,
		.inner = &inner,
		.vni = 5},
	[VXLAN_8472] = {.dst = VXLAN_8472,
		.version = 4,
		.dst_ip = 11,
		.ttl = 64,
		.protocol = IPPROTO_UDP,
		.src_port = 50000,
		.dst_port = 8472,
		.inner = &inner,
		.vni = 6},
	[VXLAN_BAD] = {.dst = VXLAN_BAD,
		.version = 4,
		.dst_ip = 11,
		.ttl = 64,
		.protocol = IPPROTO_UDP,
		.src_port = 50000,
		.dst_port = 4789,
		.inner = &inner_bad,
		.vni = 5},
	[UDP4_SUM] = {IP4(UDP4_SUM), .bad_l4 = true},
};

#define TUNNELS (BIT(VXLAN) | BIT(VXLAN_8472) | BIT(VXLAN_BAD))
#define TAGGED (BIT(UDP4_TAGGED) | BIT(UDP4_QINQ))
#define UDP4_HERE                                                                                  \
	(BIT(UDP4) | TAGGED | BIT(UDP4_OPTIONS) | BIT(UDP4_FIRST) | BIT(UDP4_TTL1) | BIT(UDP4_BAD) \
		| BIT(UDP4_LONG) | BIT(UDP4_SUM))
#define TO_9 (UDP4_HERE | BIT(UDP4_LATER))
#define IPV4 (TO_9 | BIT(TCP4) | BIT(ICMP4) | TUNNELS)
#define ALL (BIT(FRAMES) - 1)

#define ETH_ ITEM(ETH)
#define END_ ITEM(END)
#define MASKED(t, s, m)                                              \
	{                                                            \
		.type = RTE_FLOW_ITEM_TYPE_##t, .spec = s, .mask = m \
	}
#define RANGE(t, s, l, m)                                                       \
	{                                                                       \
		.type = RTE_FLOW_ITEM_TYPE_##t, .spec = s, .last = l, .mask = m \
	}

static const struct rte_flow_item_eth eth_to_1 = {.hdr.dst_addr = {{2, 0, 0, 0, 0, UDP4}},
					      .hdr.src_addr = {{2, 0, 0, 0, 1, 0}},
					      .hdr.ether_type = RTE_BE16(0xffff)},
				      eth_low_mask = {.hdr.dst_addr = {{0, 0, 0, 0, 0, 1}}},
				      eth_type_4 = {.hdr.ether_type = RTE_BE16(0x0800)},
				      eth_type_tag = {.hdr.ether_type = RTE_BE16(0x8100)},
				      eth_type_mask = {.hdr.ether_type = RTE_BE16(0xffff)},
				      eth_vlan_0 = {.has_vlan = 0}, eth_vlan_1 = {.has_vlan = 1};
static const struct rte_flow_item_vlan vid_10 = {.hdr.vlan_tci = RTE_BE16(10)},
				       vid_20 = {.hdr.vlan_tci = RTE_BE16(20)},
				       pcp_3 = {.hdr.vlan_tci = RTE_BE16(0x6000)},
				       pcp_mask = {.hdr.vlan_tci = RTE_BE16(0xe000)},
				       more_0 = {.has_more_vlan = 0},
				       more_mask = {.has_more_vlan = 1},
				       inner_4 = {.hdr.eth_proto = RTE_BE16(0x0800)},
				       inner_mask = {.hdr.eth_proto = RTE_BE16(0xffff)};
#define A9 RTE_BE32(RTE_IPV4(10, 0, 0, 9))
#define A10 RTE_BE32(RTE_IPV4(10, 0, 0, 10))
static const struct rte_flow_item_ipv4 to_9 = {.hdr = {.src_addr = RTE_BE32(RTE_IPV4(10, 0, 0, 1)),
						       .dst_addr = A9,
						       .time_to_live = 99}},
				       to_9_only = {.hdr.dst_addr = A9},
				       to_10_only = {.hdr.dst_addr = A10},
				       dst_mask = {.hdr.dst_addr = RTE_BE32(0xffffffff)},
				       odd_mask = {.hdr.dst_addr = RTE_BE32(1)},
				       ttl_2 = {.hdr.time_to_live = 2},
				       ttl_255 = {.hdr.time_to_live = 255},
				       ttl_mask = {.hdr.time_to_live = 255},
				       plain_ihl = {.hdr.version_ihl = 0x45},
				       ihl_mask = {.hdr.version_ihl = 0xff}, zero4 = {0},
				       fragment_mask = {.hdr.fragment_offset = RTE_BE16(0x3fff)},
				       protocol_6 = {.hdr.next_proto_id = 6},
				       protocol_mask = {.hdr.next_proto_id = 0xff};
static const struct rte_flow_item_ipv6 zero6 = {0}, no_fragment_mask = {.has_frag_ext = 1},
				       dest_1 = {.has_dest_ext = 1}, next_17 = {.hdr.proto = 17},
				       next_mask = {.hdr.proto = 0xff};
static const struct rte_flow_item_udp to_2000 = {.hdr.dst_port = RTE_BE16(2000)},
				      to_8472 = {.hdr.dst_port = RTE_BE16(8472)},
				      port_mask = {.hdr.dst_port = RTE_BE16(0xffff)},
				      from_500 = {.hdr.src_port = RTE_BE16(500)},
				      from_1500 = {.hdr.src_port = RTE_BE16(1500)},
				      from_mask = {.hdr.src_port = RTE_BE16(0xffff)};
static const struct rte_flow_item_vxlan vni_5 = {.vni = {0, 0, 5}};
static const struct rte_flow_item_integrity sum_ok = {.ipv4_csum_ok = 1}, l3_ok = {.l3_ok = 1},
					    length_ok = {.l3_len_ok = 1},
					    inner_ok = {.level = 2, .l3_ok = 1},
					    l4_ok = {.l4_ok = 1}, packet_ok = {.packet_ok = 1};

static const struct {
	const char *name;
	uint32_t matched;
	struct rte_flow_item pattern[8];
} cases[] = {
	{"nothing said: everything", ALL, {END_}},
	{"a layer without spec: whatever is in it", ALL, {ETH_, END_}},
	{"VOID is no layer", IPV4, {ITEM(VOID), ETH_, ITEM(VOID), ITEM(IPV4), END_}},
	// ETH
	{"default mask: addresses, not the type", BIT(UDP4), {WITH(ETH, &eth_to_1), END_}},
	{"a mask of one bit", 0x2aaaa, {MASKED(ETH, &eth_to_1, &eth_low_mask), END_}},
	{"type is the outer one", IPV4 & ~TAGGED, {MASKED(ETH, &eth_type_4, &eth_type_mask), END_}},
	{"type may be a TPID", BIT(UDP4_TAGGED),
		{MASKED(ETH, &eth_type_tag, &eth_type_mask), END_}},
	{"has_vlan 0", ALL & ~TAGGED, {MASKED(ETH, &eth_vlan_0, &eth_vlan_1), END_}},
	{"has_vlan 1", TAGGED, {MASKED(ETH, &eth_vlan_1, &eth_vlan_1), END_}},
	{"no type: tagged or not", IPV4, {ETH_, ITEM(IPV4), END_}},
	{"has_vlan 0 below IPV4", IPV4 & ~TAGGED,
		{MASKED(ETH, &eth_vlan_0, &eth_vlan_1), ITEM(IPV4), END_}},
	// VLAN
	{"VLAN: only tagged", TAGGED, {ETH_, ITEM(VLAN), END_}},
	{"default mask: the VID", BIT(UDP4_TAGGED), {ETH_, WITH(VLAN, &vid_10), END_}},
	{"the outer tag first", BIT(UDP4_QINQ), {ETH_, WITH(VLAN, &vid_20), ITEM(IPV4), END_}},
	{"two tags", BIT(UDP4_QINQ), {ETH_, WITH(VLAN, &vid_20), WITH(VLAN, &vid_10), END_}},
	{"PCP", BIT(UDP4_TAGGED), {ETH_, MASKED(VLAN, &pcp_3, &pcp_mask), END_}},
	{"has_more_vlan 0", BIT(UDP4_TAGGED), {ETH_, MASKED(VLAN, &more_0, &more_mask), END_}},
	{"inner type", BIT(UDP4_TAGGED), {ETH_, MASKED(VLAN, &inner_4, &inner_mask), END_}},
	// IPV4
	{"default mask: addresses, not TTL", TO_9, {ETH_, WITH(IPV4, &to_9), END_}},
	{"a mask of zero: the layer", IPV4, {ETH_, MASKED(IPV4, &to_9, &zero4), END_}},
	{"odd addresses", TO_9 | TUNNELS, {ETH_, MASKED(IPV4, &to_9_only, &odd_mask), END_}},
	{"a range of addresses", TO_9 | BIT(TCP4) | BIT(ICMP4),
		{ETH_, RANGE(IPV4, &to_9_only, &to_10_only, &dst_mask), END_}},
	{"a range whose last is spec: no range", TO_9,
		{ETH_, RANGE(IPV4, &to_9_only, &to_9_only, &dst_mask), END_}},
	{"a range whose last is zero: no range", TO_9,
		{ETH_, RANGE(IPV4, &to_9_only, &zero4, &dst_mask), END_}},
	{"TTL 2 to 255", IPV4 & ~BIT(UDP4_TTL1),
		{ETH_, RANGE(IPV4, &ttl_2, &ttl_255, &ttl_mask), END_}},
	{"no options", IPV4 & ~BIT(UDP4_OPTIONS),
		{ETH_, MASKED(IPV4, &plain_ihl, &ihl_mask), END_}},
	{"no fragments", IPV4 & ~BIT(UDP4_FIRST) & ~BIT(UDP4_LATER),
		{ETH_, MASKED(IPV4, &zero4, &fragment_mask), END_}},
	{"protocol", BIT(TCP4), {ETH_, MASKED(IPV4, &protocol_6, &protocol_mask), END_}},
	// L4
	{"UDP in IPv4, behind options too, not in a later fragment", UDP4_HERE | TUNNELS,
		{ETH_, ITEM(IPV4), ITEM(UDP), END_}},
	{"UDP port", UDP4_HERE, {ETH_, ITEM(IPV4), MASKED(UDP, &to_2000, &port_mask), END_}},
	{"UDP ports from to", UDP4_HERE,
		{ETH_, ITEM(IPV4), RANGE(UDP, &from_500, &from_1500, &from_mask), END_}},
	{"TCP", BIT(TCP4), {ETH_, ITEM(IPV4), ITEM(TCP), END_}},
	{"ICMP", BIT(ICMP4), {ETH_, ITEM(IPV4), ITEM(ICMP), END_}},
	// IPV6
	{"IPV6", BIT(UDP6) | BIT(UDP6_DEST) | BIT(UDP6_LATER), {ETH_, ITEM(IPV6), END_}},
	{"UDP in IPv6", BIT(UDP6) | BIT(UDP6_DEST), {ETH_, ITEM(IPV6), ITEM(UDP), END_}},
	{"next header is the fixed header's", BIT(UDP6),
		{ETH_, MASKED(IPV6, &next_17, &next_mask), END_}},
	{"has_frag_ext 0", BIT(UDP6) | BIT(UDP6_DEST),
		{ETH_, MASKED(IPV6, &zero6, &no_fragment_mask), END_}},
	{"has_dest_ext 1", BIT(UDP6_DEST), {ETH_, MASKED(IPV6, &dest_1, &dest_1), END_}},
	// VXLAN
	{"VXLAN at its port", BIT(VXLAN) | BIT(VXLAN_BAD),
		{ETH_, ITEM(IPV4), ITEM(UDP), ITEM(VXLAN), END_}},
	{"VXLAN at another port", BIT(VXLAN_8472),
		{ETH_, ITEM(IPV4), MASKED(UDP, &to_8472, &port_mask), ITEM(VXLAN), END_}},
	{"default mask: the VNI", BIT(VXLAN) | BIT(VXLAN_BAD),
		{ETH_, ITEM(IPV4), ITEM(UDP), WITH(VXLAN, &vni_5), END_}},
	{"inner headers", BIT(VXLAN) | BIT(VXLAN_BAD),
		{ETH_, ITEM(IPV4), ITEM(UDP), ITEM(VXLAN), ETH_,
			MASKED(IPV4, &to_9_only, &dst_mask), END_}},
	// INTEGRITY
	{"IPv4 checksum", IPV4 & ~BIT(UDP4_BAD),
		{MASKED(INTEGRITY, &sum_ok, &sum_ok), ETH_, ITEM(IPV4), END_}},
	{"IP length", IPV4 & ~BIT(UDP4_LONG),
		{MASKED(INTEGRITY, &length_ok, &length_ok), ETH_, ITEM(IPV4), END_}},
	{"layer 3", IPV4 & ~BIT(UDP4_BAD) & ~BIT(UDP4_LONG),
		{MASKED(INTEGRITY, &l3_ok, &l3_ok), ETH_, ITEM(IPV4), END_}},
	{"layer 4: neither fragments nor ICMP have one",
		BIT(UDP4) | TAGGED | BIT(UDP4_OPTIONS) | BIT(UDP4_TTL1) | BIT(TCP4) | BIT(UDP6)
			| BIT(UDP6_DEST) | TUNNELS,
		{MASKED(INTEGRITY, &l4_ok, &l4_ok), END_}},
	{"the whole packet, which may end at layer 3", BIT(ICMP4),
		{MASKED(INTEGRITY, &packet_ok, &packet_ok), ETH_, ITEM(IPV4), ITEM(ICMP), END_}},
	{"inner layer 3", BIT(VXLAN),
		{MASKED(INTEGRITY, &inner_ok, &l3_ok), ETH_, ITEM(IPV4), ITEM(UDP), ITEM(VXLAN),
			END_}},
};

static const struct rte_flow_action count_and_drop[] = {ACTION(COUNT), ACTION(DROP), ACTION(END)};

// Which of all frames do not come through.
static uint32_t
taken_away(struct bench *bench)
{
	uint32_t missing = ALL;
	struct rte_mbuf *mbuf;

	for (unsigned int i = 0; i < FRAMES; i++)
		bench_send(bench, 0, &frames[i]);
	bench_settle(bench);
	while ((mbuf = bench_rx(bench, 0, NULL)) != NULL) {
		missing &= ~BIT(rte_pktmbuf_mtod(mbuf, uint8_t *)[5]);
		rte_pktmbuf_free(mbuf);
	}
	return missing;
}

static void
test_patterns(void **state)
{
	static const struct rte_flow_attr attr = {.ingress = 1};
	struct bench *bench = bench_open("");

	assert_int_equal(taken_away(bench), 0);
	for (size_t i = 0; i < RTE_DIM(cases); i++) {
		struct rte_flow *rule =
			bench_rule(bench, 0, &attr, cases[i].pattern, count_and_drop);
		uint32_t taken = taken_away(bench);

		if (taken != cases[i].matched)
			fail_msg("%s: matched %#x instead of %#x", cases[i].name, taken,
				cases[i].matched);
		assert_int_equal(bench_hits(bench, 0, rule), __builtin_popcount(taken));
		assert_int_equal(rte_flow_destroy(bench->port[0], rule, NULL), 0);
	}
	assert_int_equal(taken_away(bench), 0);
	bench_close(bench);
}

static void
test_faulty_match(void **state)
{
	static const struct rte_flow_attr attr = {.ingress = 1};
	static const struct rte_flow_item pattern[] = {ETH_, WITH(IPV4, &to_9), END_};
	struct bench *bench = bench_open("wrong=match");

	bench_rule(bench, 0, &attr, pattern, count_and_drop);
	assert_int_equal(taken_away(bench), IPV4);
	bench_close(bench);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_patterns),
		cmocka_unit_test(test_faulty_match),
	};

	return cmocka_run_group_tests(tests, bench_setup, NULL);
}
