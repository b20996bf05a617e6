/* SPDX-License-Identifier: Apache-2.0 */
// What actions make of a frame, and where it goes. Expected frames are built anew, never changed.
#include "bench.h"

#include <netinet/in.h>
#include <string.h>

#include <rte_mbuf.h>

#define UDP .protocol = IPPROTO_UDP, .src_port = 1000, .dst_port = 2000, .payload = 40
#define IP4 .version = 4, .dst_ip = 9, UDP
#define TAG(id) .n_tags = 1, .tpid = {0x8100}, .tci = {id}
#define MAX_ACTIONS 8

static const struct rte_flow_item eth_ip4[] = {ITEM(ETH), ITEM(IPV4), ITEM(END)},
				  eth_ip6[] = {ITEM(ETH), ITEM(IPV6), ITEM(END)},
				  eth_tag[] = {ITEM(ETH), ITEM(VLAN), ITEM(END)},
				  tunnel[] = {ITEM(ETH), ITEM(IPV4), ITEM(UDP), ITEM(VXLAN),
					  ITEM(ETH), ITEM(END)};

static const struct rte_flow_action_set_mac mac_7 = {{2, 0, 0, 0, 0, 7}},
					    mac_8 = {{2, 0, 0, 0, 1, 8}};
static const struct rte_flow_action_set_ttl ttl_33 = {33};
static const struct rte_flow_action_of_push_vlan push = {RTE_BE16(0x8100)},
						 push_ad = {RTE_BE16(0x88a8)};
static const struct rte_flow_action_of_set_vlan_vid vid_99 = {RTE_BE16(99)};
static const struct rte_flow_action_of_set_vlan_pcp pcp_5 = {5};

// The outer headers of `outer` below, for the card to complete.
static const struct rte_flow_item_eth outer_eth = {
	.hdr.dst_addr = {{2, 0, 0, 0, 0, 0x21}}, .hdr.src_addr = {{2, 0, 0, 0, 1, 0x22}}};
static const struct rte_flow_item_ipv4 outer_ip = {
	.hdr = {.src_addr = RTE_BE32(RTE_IPV4(10, 0, 0, 1)),
		.dst_addr = RTE_BE32(RTE_IPV4(10, 0, 0, 44)),
		.time_to_live = 60}};
static const struct rte_flow_item_ipv6 outer_ip6 = {
	.hdr = {.src_addr = {0xfd, [15] = 1}, .dst_addr = {0xfd, [15] = 44}, .hop_limits = 60}};
static const struct rte_flow_item_udp outer_udp = {
	.hdr = {.src_port = RTE_BE16(55555), .dst_port = RTE_BE16(8472)}};
static const struct rte_flow_item_vxlan outer_vxlan = {.flags = 8, .vni = {0, 1, 2}};
static const struct rte_flow_item_vlan outer_vlan = {.hdr.vlan_tci = RTE_BE16(30)};
static struct rte_flow_item definition4[] = {WITH(ETH, &outer_eth), WITH(IPV4, &outer_ip),
	WITH(UDP, &outer_udp), WITH(VXLAN, &outer_vxlan), ITEM(END)},
			    definition6[] = {WITH(ETH, &outer_eth), WITH(IPV6, &outer_ip6),
				    WITH(UDP, &outer_udp), WITH(VXLAN, &outer_vxlan), ITEM(END)},
			    definition_tag[] = {WITH(ETH, &outer_eth), WITH(VLAN, &outer_vlan),
				    WITH(IPV4, &outer_ip), WITH(UDP, &outer_udp),
				    WITH(VXLAN, &outer_vxlan), ITEM(END)};
static const struct rte_flow_action_vxlan_encap encap4 = {definition4}, encap6 = {definition6},
						encap_tag = {definition_tag};

static const struct spec plain = {.dst = 1, .src = 2, .ttl = 64, IP4},
			 plain6 = {.dst = 1, .src = 2, .ttl = 64, .version = 6, .dst_ip = 9, UDP},
			 tagged = {.dst = 1, .src = 2, .ttl = 64, TAG(0x600a), IP4};
#define OUTSIDE                                                                     \
	.dst = 0x21, .src = 0x22, .ttl = 60, .dst_ip = 44, .protocol = IPPROTO_UDP, \
	.src_port = 55555, .no_checksum = true, .vni = 0x102
static const struct spec outer = {OUTSIDE, .dst_port = 8472, .version = 4, .inner = &plain},
			 arriving = {OUTSIDE, .dst_port = 4789, .version = 4, .inner = &plain};

// A RAW_ENCAP of the same, with lengths and checksum of nothing.
static uint8_t raw_header[50];
static struct rte_flow_action_raw_encap raw_encap = {raw_header, NULL, sizeof(raw_header)};
static struct rte_flow_action_raw_decap raw_decap = {raw_header, sizeof(raw_header)};

static const struct {
	const char *name;
	const struct rte_flow_item *pattern; // behind the port
	struct rte_flow_action actions[MAX_ACTIONS]; // in front of the port
	const struct spec *in;
	struct spec out;
} cases[] = {
	{"nothing changed", eth_ip4, {ACTION(VOID)}, &plain, {.dst = 1, .src = 2, .ttl = 64, IP4}},
	{"MACs", eth_ip4, {DO(SET_MAC_DST, &mac_7), DO(SET_MAC_SRC, &mac_8)}, &plain,
		{.dst = 7, .src = 8, .ttl = 64, IP4}},
	{"TTL less one", eth_ip4, {ACTION(DEC_TTL)}, &plain, {.dst = 1, .src = 2, .ttl = 63, IP4}},
	{"TTL below a tag", eth_ip4, {ACTION(DEC_TTL)}, &tagged,
		{.dst = 1, .src = 2, .ttl = 63, TAG(0x600a), IP4}},
	{"hop limit less one", eth_ip6, {ACTION(OF_DEC_NW_TTL)}, &plain6,
		{.dst = 1, .src = 2, .ttl = 63, .version = 6, .dst_ip = 9, UDP}},
	{"TTL set", eth_ip4, {DO(SET_TTL, &ttl_33)}, &plain, {.dst = 1, .src = 2, .ttl = 33, IP4}},
	{"a tag pushed: VID and PCP 0", eth_ip4, {DO(OF_PUSH_VLAN, &push)}, &plain,
		{.dst = 1, .src = 2, .ttl = 64, TAG(0), IP4}},
	{"a tag pushed and set", eth_ip4,
		{DO(OF_PUSH_VLAN, &push), DO(OF_SET_VLAN_VID, &vid_99),
			DO(OF_SET_VLAN_PCP, &pcp_5)},
		&plain, {.dst = 1, .src = 2, .ttl = 64, TAG(0xa063), IP4}},
	{"a tag pushed on another: as that one", eth_tag, {DO(OF_PUSH_VLAN, &push_ad)}, &tagged,
		{.dst = 1,
			.src = 2,
			.ttl = 64,
			.n_tags = 2,
			.tpid = {0x88a8, 0x8100},
			.tci = {0x600a, 0x600a},
			IP4}},
	{"a tag popped", eth_tag, {ACTION(OF_POP_VLAN)}, &tagged,
		{.dst = 1, .src = 2, .ttl = 64, IP4}},
	{"a VID changed: PCP stays", eth_tag, {DO(OF_SET_VLAN_VID, &vid_99)}, &tagged,
		{.dst = 1, .src = 2, .ttl = 64, TAG(0x6063), IP4}},
	{"VXLAN over IPv4", eth_ip4, {DO(VXLAN_ENCAP, &encap4)}, &plain,
		{OUTSIDE, .dst_port = 8472, .version = 4, .inner = &plain}},
	{"VXLAN over IPv6", eth_ip4, {DO(VXLAN_ENCAP, &encap6)}, &plain,
		{OUTSIDE, .dst_port = 8472, .version = 6, .inner = &plain}},
	{"VXLAN under a tag", eth_ip4, {DO(VXLAN_ENCAP, &encap_tag)}, &plain,
		{OUTSIDE, .dst_port = 8472, .version = 4, .n_tags = 1, .tpid = {0x8100},
			.tci = {30}, .inner = &plain}},
	{"a raw header", eth_ip4, {DO(RAW_ENCAP, &raw_encap)}, &plain,
		{OUTSIDE, .dst_port = 8472, .version = 4, .inner = &plain}},
	{"VXLAN taken off", tunnel, {ACTION(VXLAN_DECAP)}, &arriving,
		{.dst = 1, .src = 2, .ttl = 64, IP4}},
	{"raw header taken off", tunnel, {DO(RAW_DECAP, &raw_decap)}, &arriving,
		{.dst = 1, .src = 2, .ttl = 64, IP4}},
	{"behind the tunnel, in the list's order", tunnel,
		{ACTION(DEC_TTL), ACTION(VXLAN_DECAP), ACTION(DEC_TTL), DO(SET_MAC_DST, &mac_7)},
		&arriving, {.dst = 7, .src = 2, .ttl = 63, IP4}},
};

// The wire -> vf0 in every case.
static struct rte_flow *
make_rule(const struct bench *bench, const struct rte_flow_item *layers,
	const struct rte_flow_action *changes)
{
	static const struct rte_flow_attr attr = {.transfer = 1};
	struct rte_flow_item_ethdev from = {bench->port[0]};
	struct rte_flow_action_ethdev to = {bench->port[1]};
	struct rte_flow_item pattern[8] = {WITH(REPRESENTED_PORT, &from)};
	struct rte_flow_action actions[MAX_ACTIONS + 3] = {ACTION(COUNT)};
	unsigned int n = 1;

	for (unsigned int i = 0; layers[i].type != RTE_FLOW_ITEM_TYPE_END; i++)
		pattern[i + 1] = layers[i];
	for (; changes->type != RTE_FLOW_ACTION_TYPE_END; changes++)
		actions[n++] = *changes;
	actions[n] = (struct rte_flow_action)DO(REPRESENTED_PORT, &to);
	return bench_rule(bench, 0, &attr, pattern, actions);
}

static void
test_changes(void **state)
{
	struct bench *bench = bench_open("");
	uint8_t frame[BENCH_FRAME];

	packet_make(&outer, frame);
	memcpy(raw_header, frame, sizeof(raw_header));
	memset(raw_header + 16, 0, 2); // total length
	memset(raw_header + 24, 0, 2); // checksum
	for (size_t i = 0; i < RTE_DIM(cases); i++) {
		struct rte_flow *rule = make_rule(bench, cases[i].pattern, cases[i].actions);

		print_message("# %s\n", cases[i].name);
		bench_send(bench, 0, cases[i].in);
		bench_expect(bench, 1, &cases[i].out);
		bench_expect_nothing(bench);
		assert_int_equal(bench_hits(bench, 0, rule), 1);
		assert_int_equal(rte_flow_destroy(bench->port[0], rule, NULL), 0);
	}
	assert_int_equal(bench_counter(bench, 0, "undefined"), 0);
	bench_close(bench);
}

static void
test_preserved_bits_stay(void **state)
{
	static uint8_t preserve[50] = {[16] = 0xff, [17] = 0xff};
	struct rte_flow_action_raw_encap conf = {raw_header, preserve, sizeof(preserve)};
	const struct rte_flow_action actions[] = {DO(RAW_ENCAP, &conf), ACTION(END)};
	struct bench *bench = bench_open("");
	uint8_t frame[BENCH_FRAME];

	packet_make(&outer, frame);
	memcpy(raw_header, frame, sizeof(raw_header));
	raw_header[16] = 0x12;
	raw_header[17] = 0x34;
	make_rule(bench, eth_ip4, actions);
	bench_send(bench, 0, &plain);
	bench_settle(bench);
	assert_true(bench_receive(bench, 1, frame) > 50);
	assert_int_equal(frame[16] << 8 | frame[17], 0x1234);
	bench_close(bench);
}

// RFC 7348, 5: entropy in the source port, from the dynamic range.
static void
test_source_port_of_the_card(void **state)
{
	static const struct rte_flow_item_udp no_port = {.hdr.dst_port = RTE_BE16(8472)};
	struct rte_flow_item definition[] = {WITH(ETH, &outer_eth), WITH(IPV4, &outer_ip),
		WITH(UDP, &no_port), WITH(VXLAN, &outer_vxlan), ITEM(END)};
	const struct rte_flow_action_vxlan_encap encap = {definition};
	const struct rte_flow_action actions[] = {DO(VXLAN_ENCAP, &encap), ACTION(END)};
	struct spec flow = {.dst = 1, .src = 2, .ttl = 64, IP4};
	struct bench *bench = bench_open("");
	uint8_t frame[BENCH_FRAME];
	uint16_t ports[2];

	make_rule(bench, eth_ip4, actions);
	for (unsigned int i = 0; i < 2; i++) {
		flow.src_port = (uint16_t)(1000 + i);
		bench_send(bench, 0, &flow);
		bench_settle(bench);
		assert_true(bench_receive(bench, 1, frame) > 50);
		ports[i] = (uint16_t)(frame[34] << 8 | frame[35]);
		assert_true(ports[i] >= 49152);
	}
	assert_int_not_equal(ports[0], ports[1]);
	bench_close(bench);
}

// Faults that tests ask for: each makes a frame that is not the right one.
static void
test_faults(void **state)
{
	static const struct {
		const char *argument;
		struct rte_flow_action actions[3];
		struct spec out;
	} faults[] = {
		{"wrong=ttl", {ACTION(DEC_TTL)}, {.dst = 1, .src = 2, .ttl = 62, IP4}},
		{"wrong=mac", {DO(SET_MAC_DST, &mac_7)}, {.dst = 6, .src = 2, .ttl = 64, IP4}},
		{"wrong=vni", {DO(VXLAN_ENCAP, &encap4)},
			{.dst = 0x21,
				.src = 0x22,
				.ttl = 60,
				.dst_ip = 44,
				.protocol = IPPROTO_UDP,
				.src_port = 55555,
				.dst_port = 8472,
				.no_checksum = true,
				.version = 4,
				.vni = 0x103,
				.inner = &plain}},
		{"wrong=port", {ACTION(VOID)}, {.dst = 1, .src = 2, .ttl = 64, IP4}},
	};

	for (size_t i = 0; i < RTE_DIM(faults); i++) {
		struct bench *bench = bench_open(faults[i].argument);
		bool is_port = strcmp(faults[i].argument, "wrong=port") == 0;

		make_rule(bench, eth_ip4, faults[i].actions);
		bench_send(bench, 0, &plain);
		bench_expect(bench, is_port ? 2 : 1, &faults[i].out);
		bench_expect_nothing(bench);
		bench_close(bench);
	}
}

static void
test_mark_and_queues(void **state)
{
	static const struct rte_flow_attr attr = {.ingress = 1};
	static const struct rte_flow_action_mark mark = {0x1234567};
	static const struct rte_flow_action_queue queue = {2};
	static const struct rte_flow_action actions[] = {
		DO(MARK, &mark), DO(QUEUE, &queue), ACTION(END)};
	struct bench *bench = bench_open("");
	struct rte_mbuf *mbuf;
	uint16_t where = 0;

	bench_rule(bench, 1, &attr, eth_ip4, actions);
	bench_send(bench, 1, &plain);
	bench_settle(bench);
	mbuf = bench_rx(bench, 1, &where);
	assert_non_null(mbuf);
	assert_int_equal(where, 2);
	assert_true(
		(mbuf->ol_flags & RTE_MBUF_F_RX_FDIR) && (mbuf->ol_flags & RTE_MBUF_F_RX_FDIR_ID));
	assert_int_equal(mbuf->hash.fdir.hi, 0x1234567);
	rte_pktmbuf_free(mbuf);
	bench_close(bench);
}

// Level 2: outer ports do not move a flow to another queue, inner ones do.
static void
test_inner_hash(void **state)
{
	static const struct rte_flow_attr attr = {.ingress = 1};
	static const uint16_t queues[] = {1, 2, 3};
	static const struct rte_flow_action_rss rss = {.level = 2,
		.types = RTE_ETH_RSS_IP | RTE_ETH_RSS_UDP,
		.queue_num = 3,
		.queue = queues};
	static const struct rte_flow_action actions[] = {DO(RSS, &rss), ACTION(END)};
	struct bench *bench = bench_open("");
	struct spec inside = plain, outside = arriving;
	unsigned int seen = 0;

	outside.inner = &inside;
	bench_rule(bench, 0, &attr, tunnel, actions);
	for (unsigned int flow = 0; flow < 16; flow++) {
		uint16_t first = 0, where = 0;

		inside.src_port = (uint16_t)(1000 + flow);
		for (unsigned int i = 0; i < 4; i++) {
			struct rte_mbuf *mbuf;

			outside.src_port = (uint16_t)(50000 + 16 * i + flow);
			bench_send(bench, 0, &outside);
			bench_settle(bench);
			mbuf = bench_rx(bench, 0, &where);
			assert_non_null(mbuf);
			rte_pktmbuf_free(mbuf);
			assert_in_range(where, 1, 3);
			first = i == 0 ? where : first;
			assert_int_equal(where, first);
		}
		seen |= 1u << first;
	}
	assert_int_equal(seen, 0xe);
	bench_close(bench);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_changes),
		cmocka_unit_test(test_preserved_bits_stay),
		cmocka_unit_test(test_source_port_of_the_card),
		cmocka_unit_test(test_faults),
		cmocka_unit_test(test_mark_and_queues),
		cmocka_unit_test(test_inner_hash),
	};

	return cmocka_run_group_tests(tests, bench_setup, NULL);
}
