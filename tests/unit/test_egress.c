/* SPDX-License-Identifier: Apache-2.0 */
#include "l2_frames.h"

#include <rte_tcp.h>

// Size, offload wants and tags towards the out port. Plain bytes behind a private EtherType are
// enough where no IP header matters.

static struct frame
frame_of_size(uint16_t l3_bytes)
{
	struct frame frame = {.len = (uint16_t)(RTE_ETHER_HDR_LEN + l3_bytes)};

	frame_ether(&frame)->dst_addr = port_mac(3);
	frame_ether(&frame)->src_addr = port_mac(2);
	frame_ether(&frame)->ether_type = RTE_BE16(0x88b5);
	return frame;
}

static void
test_switched_size(void **state)
{
	struct fixture *f = *state;
	uint16_t mtu = 1000;
	struct frame frame = frame_of_size(1500);

	assert_passed(f, 2, &frame, 3);
	frame = frame_of_size(1501);
	assert_dropped(f, 2, &frame, "too_big");
	fixture_port_change(f, 3, change_mtu, &mtu);
	frame = frame_of_size(1000);
	assert_passed(f, 2, &frame, 3);
	frame = frame_of_size(1001);
	assert_dropped(f, 2, &frame, "too_big");
	mtu = 1500;
	fixture_port_change(f, 3, change_mtu, &mtu);
}

static void
test_tag_is_not_size(void **state)
{
	struct fixture *f = *state;
	uint16_t vlan = 9;
	struct frame frame = frame_of_size(1500), tagged = frame;

	frame_tag(&tagged, 9);
	fixture_port_change(f, 3, change_vlan, &vlan);
	inject(f, 2, &frame);
	assert_sent(f, 3, &tagged);
	vlan = 0;
	fixture_port_change(f, 3, change_vlan, &vlan);
}

// A TCP super-frame of 3000 payload bytes.
static struct rte_mbuf *
super_frame(struct fixture *f, const char *dst_mac, bool dont_fragment, uint16_t segment)
{
	static uint8_t bytes[54 + 3000];
	struct frame head = frame_udp4(2, 3, dst_mac);
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)(bytes + 14);
	struct rte_mbuf *m;

	memcpy(bytes, head.bytes, 34);
	ip->next_proto_id = IPPROTO_TCP;
	ip->total_length = RTE_BE16(40 + 3000);
	ip->fragment_offset = dont_fragment ? RTE_BE16(RTE_IPV4_HDR_DF_FLAG) : 0;
	ip->hdr_checksum = 0;
	ip->hdr_checksum = rte_ipv4_cksum(ip);
	bytes[34 + 12] = 0x50;
	m = fixture_packet(f, bytes, sizeof(bytes));
	m->ol_flags = RTE_MBUF_F_TX_TCP_CKSUM | RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_TCP_SEG;
	m->l2_len = 14;
	m->l3_len = 20;
	m->tso_segsz = segment;
	return m;
}

static void
test_super_frame_by_its_segments(void **state)
{
	struct fixture *f = *state;
	struct rte_mbuf *m = super_frame(f, NULL, true, 1460);
	uint64_t before = fixture_drops(f, 2, "too_big");

	fixture_inject(f, 2, &m, 1);
	assert_int_equal(fixture_sent(f, 3), 1);
	assert_int_equal(fixture_sent_packet(f, 3, 0)->pkt_len, 3054);
	m = super_frame(f, NULL, true, 1461);
	fixture_inject(f, 2, &m, 1);
	assert_int_equal(fixture_drops(f, 2, "too_big"), before + 1);
}

static void
test_offloaded_tag(void **state)
{
	struct fixture *f = *state;
	uint16_t vlan = 9;
	struct rte_mbuf *m = super_frame(f, NULL, true, 1460);

	fixture_port_change(f, 3, change_vlan, &vlan);
	fixture_inject(f, 2, &m, 1);
	m = fixture_sent_packet(f, 3, 0);
	assert_int_equal(m->pkt_len, 3058);
	assert_int_equal(m->l2_len, 18);
	assert_int_equal(m->l3_len, 20);
	assert_int_equal(m->tso_segsz, 1460);
	vlan = 0;
	fixture_port_change(f, 3, change_vlan, &vlan);
}

static uint64_t
segment_runs(struct fixture *f)
{
	return f->w->stages[graph_stage_id("segment")].packets;
}

static void
test_capabilities(void **state)
{
	struct fixture *f = *state;
	const struct {
		uint32_t capabilities;
		bool is_segmented;
	} cases[] = {
		{PORT_TX_OFFLOADS | PORT_TX_CHAINS, false},
		{PORT_TX_CHECKSUM | PORT_TX_TSO4 | PORT_TX_CHAINS, false},
		{PORT_TX_CHECKSUM | PORT_TX_TSO6 | PORT_TX_CHAINS, true},
		{PORT_TX_CHECKSUM | PORT_TX_CHAINS, true},
		{PORT_TX_OFFLOADS, true}, // the frame is a chain
		{0, true},
	};
	uint32_t all = PORT_TX_OFFLOADS | PORT_TX_CHAINS;

	for (size_t i = 0; i < RTE_DIM(cases); i++) {
		struct rte_mbuf *m = super_frame(f, NULL, true, 1460);
		uint32_t capabilities = cases[i].capabilities;
		uint64_t before = segment_runs(f);

		fixture_port_change(f, 3, change_capabilities, &capabilities);
		fixture_inject(f, 2, &m, 1);
		assert_int_equal(segment_runs(f) - before, cases[i].is_segmented);
		fixture_sent_clear(f);
	}
	fixture_port_change(f, 3, change_capabilities, &all);
}

static void
test_plain_frames_need_nothing(void **state)
{
	struct fixture *f = *state;
	uint32_t none = 0, all = PORT_TX_OFFLOADS | PORT_TX_CHAINS;
	struct frame frame = frame_udp4(2, 3, NULL);
	uint64_t before = segment_runs(f);

	fixture_port_change(f, 3, change_capabilities, &none);
	assert_passed(f, 2, &frame, 3);
	assert_int_equal(segment_runs(f), before);
	fixture_port_change(f, 3, change_capabilities, &all);
}

// An IPv4 packet of 1200 bytes through the router.
static struct frame
routed_frame(bool dont_fragment)
{
	struct frame frame = {.len = 0};

	frame.len = fixture_udp4(frame.bytes, 2, 3, ROUTER_MAC, 1200 - 28);
	if (dont_fragment)
		frame_ipv4(&frame)->fragment_offset = RTE_BE16(RTE_IPV4_HDR_DF_FLAG);
	frame_fix_ipv4(&frame);
	return frame;
}

static void
test_routed_size(void **state)
{
	struct fixture *f = *state;
	uint16_t mtu = 1000;
	struct frame frame = routed_frame(true);
	const struct rte_ipv4_hdr *ip;
	const uint8_t *icmp;

	inject(f, 2, &frame);
	assert_int_equal(fixture_sent(f, 3), 1);
	fixture_sent_clear(f);
	fixture_port_change(f, 3, change_mtu, &mtu);
	assert_dropped(f, 2, &frame, "too_big");
	assert_int_equal(fixture_sent(f, 3), 0);
	assert_int_equal(fixture_sent(f, 2), 1);
	ip = rte_pktmbuf_mtod_offset(fixture_sent_packet(f, 2, 0), const void *, 14);
	icmp = (const uint8_t *)(ip + 1);
	assert_int_equal(ip->next_proto_id, IPPROTO_ICMP);
	assert_int_equal(icmp[0], 3); // destination unreachable
	assert_int_equal(icmp[1], 4); // fragmentation needed
	assert_int_equal(icmp[6] << 8 | icmp[7], 1000);
	fixture_sent_clear(f);
	frame = routed_frame(false);
	inject(f, 2, &frame);
	assert_int_equal(fixture_sent(f, 3), 2);
	mtu = 1500;
	fixture_port_change(f, 3, change_mtu, &mtu);
}

static void
test_routed_size6(void **state)
{
	struct fixture *f = *state;
	uint16_t mtu = 1280;
	struct frame frame = {.len = 0};
	const uint8_t *ip;

	frame.len = fixture_udp6(frame.bytes, 2, 3, ROUTER_MAC, 1400 - 48);
	fixture_port_change(f, 3, change_mtu, &mtu);
	assert_dropped(f, 2, &frame, "too_big");
	assert_int_equal(fixture_sent(f, 2), 1);
	ip = rte_pktmbuf_mtod_offset(fixture_sent_packet(f, 2, 0), const uint8_t *, 14);
	assert_int_equal(ip[40], 2); // packet too big
	assert_int_equal(ip[46] << 8 | ip[47], 1280);
	mtu = 1500;
	fixture_port_change(f, 3, change_mtu, &mtu);
}

// TCP is cut finer instead of being fragmented.
static void
test_routed_super_frame(void **state)
{
	struct fixture *f = *state;
	uint16_t mtu = 1000;
	struct rte_mbuf *m = super_frame(f, ROUTER_MAC, false, 1460);
	uint64_t before = fixture_drops(f, 2, "too_big");

	fixture_port_change(f, 3, change_mtu, &mtu);
	fixture_inject(f, 2, &m, 1);
	assert_int_equal(fixture_sent(f, 3), 1);
	assert_int_equal(fixture_sent_packet(f, 3, 0)->tso_segsz, 960);
	fixture_sent_clear(f);
	m = super_frame(f, ROUTER_MAC, true, 1460);
	fixture_inject(f, 2, &m, 1);
	assert_int_equal(fixture_drops(f, 2, "too_big"), before + 1);
	assert_int_equal(fixture_sent(f, 3), 0);
	mtu = 1500;
	fixture_port_change(f, 3, change_mtu, &mtu);
}

static void
test_no_headroom_for_tag(void **state)
{
	struct fixture *f = *state;
	uint16_t vlan = 9;
	struct frame frame = frame_udp4(2, 3, NULL);
	struct rte_mbuf *m = fixture_packet(f, frame.bytes, frame.len);
	uint64_t before = fixture_drops(f, 2, "no_memory");

	memmove(m->buf_addr, rte_pktmbuf_mtod(m, void *), m->data_len);
	m->data_off = 0;
	fixture_port_change(f, 3, change_vlan, &vlan);
	fixture_inject(f, 2, &m, 1);
	assert_int_equal(fixture_drops(f, 2, "no_memory"), before + 1);
	vlan = 0;
	fixture_port_change(f, 3, change_vlan, &vlan);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		l2_test(test_switched_size),
		l2_test(test_tag_is_not_size),
		l2_test(test_super_frame_by_its_segments),
		l2_test(test_offloaded_tag),
		l2_test(test_capabilities),
		l2_test(test_plain_frames_need_nothing),
		l2_test(test_routed_size),
		l2_test(test_routed_size6),
		l2_test(test_routed_super_frame),
		l2_test(test_no_headroom_for_tag),
	};

	return cmocka_run_group_tests(tests, setup_ports, fixture_teardown);
}
