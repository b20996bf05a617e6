/* SPDX-License-Identifier: Apache-2.0 */
#include "l2_frames.h"

// forward, switch and flood: where a frame goes by its destination MAC.

static void
test_known(void **state)
{
	struct fixture *f = *state;
	struct frame frame = frame_udp4(2, 3, NULL);

	inject(f, 2, &frame);
	assert_sent(f, 3, &frame);
	assert_int_equal(fixture_sent(f, 2) + fixture_sent(f, 4), 0);
}

// More than one bulk look-up.
static void
test_bursts(void **state)
{
	struct fixture *f = *state;
	struct frame frame = frame_udp4(2, 3, NULL);
	struct rte_mbuf *pkts[200];

	for (size_t i = 0; i < RTE_DIM(pkts); i++) {
		frame_ether(&frame)->dst_addr = port_mac(i % 3 == 0 ? 4 : 3);
		pkts[i] = fixture_packet(f, frame.bytes, frame.len);
	}
	fixture_inject(f, 2, pkts, RTE_DIM(pkts));
	assert_int_equal(fixture_sent(f, 4), 67);
	assert_int_equal(fixture_sent(f, 3), 133);
}

static void
test_same_port(void **state)
{
	struct fixture *f = *state;
	uint32_t flags = CW_PORT_HAIRPIN;
	struct frame frame = frame_udp4(2, 2, NULL);

	assert_dropped(f, 2, &frame, "fdb_same_port");
	fixture_port_change(f, 2, change_flags, &flags);
	assert_passed(f, 2, &frame, 2);
	flags = 0;
	fixture_port_change(f, 2, change_flags, &flags);
}

static void
test_link_local_groups(void **state)
{
	struct fixture *f = *state;
	struct frame frame = frame_udp4(2, 3, "01:80:c2:00:00:00"); // BPDU

	assert_dropped(f, 2, &frame, "link_local_multicast");
	frame = frame_udp4(2, 3, "01:80:c2:00:00:0e"); // LLDP
	assert_dropped(f, 2, &frame, "link_local_multicast");
	frame = frame_udp4(2, 3, "01:80:c2:00:00:10");
	inject(f, 2, &frame);
	assert_sent(f, 3, &frame);
	assert_sent(f, 4, &frame);
}

static void
assert_flooded_from_2(struct fixture *f, const char *dst_mac)
{
	const struct port_counters *c = fixture_counters(f, 2);
	uint64_t replicas = c->replicas, sent = c->sent;
	struct frame frame = frame_udp4(2, 3, dst_mac);

	fixture_sent_clear(f);
	inject(f, 2, &frame);
	assert_sent(f, 3, &frame);
	assert_sent(f, 4, &frame);
	assert_int_equal(fixture_sent(f, 2), 0);
	assert_int_equal(c->replicas, replicas + 1);
	assert_int_equal(c->sent, sent + 2);
}

static void
test_flood(void **state)
{
	assert_flooded_from_2(*state, BROADCAST_MAC);
	assert_flooded_from_2(*state, "01:00:5e:01:02:03");
	assert_flooded_from_2(*state, "33:33:00:00:00:fb");
	assert_flooded_from_2(*state, "02:07:07:07:07:07");
}

static void
test_flood_hairpin(void **state)
{
	struct fixture *f = *state;
	uint32_t flags = CW_PORT_HAIRPIN;
	struct frame frame = frame_udp4(2, 3, BROADCAST_MAC);

	fixture_port_change(f, 2, change_flags, &flags);
	inject(f, 2, &frame);
	for (uint16_t id = 2; id <= 4; id++)
		assert_sent(f, id, &frame);
	flags = 0;
	fixture_port_change(f, 2, change_flags, &flags);
}

static void
test_flood_to_nobody(void **state)
{
	struct fixture *f = *state;
	uint32_t flags = CW_PORT_NO_FLOOD;
	struct frame frame = frame_udp4(2, 3, BROADCAST_MAC);

	fixture_port_change(f, 3, change_flags, &flags);
	inject(f, 2, &frame);
	assert_sent(f, 4, &frame);
	assert_int_equal(fixture_sent(f, 3), 0);
	fixture_port_change(f, 4, change_flags, &flags);
	assert_dropped(f, 2, &frame, "flood_empty");
	flags = 0;
	fixture_port_change(f, 3, change_flags, &flags);
	fixture_port_change(f, 4, change_flags, &flags);
}

// Copies are deep, and their metadata is the original's.
static void
test_copies(void **state)
{
	struct fixture *f = *state;
	struct frame frame = frame_udp4(2, 3, BROADCAST_MAC);
	struct rte_mbuf *m = fixture_packet(f, frame.bytes, frame.len), *a, *b;

	m->ol_flags = RTE_MBUF_F_TX_UDP_CKSUM | RTE_MBUF_F_TX_IPV4;
	m->l2_len = 14;
	m->l3_len = 20;
	fixture_inject(f, 2, &m, 1);
	a = fixture_sent_packet(f, 3, 0);
	b = fixture_sent_packet(f, 4, 0);
	assert_ptr_not_equal(rte_pktmbuf_mtod(a, void *), rte_pktmbuf_mtod(b, void *));
	assert_true(RTE_MBUF_DIRECT(a) && RTE_MBUF_DIRECT(b));
	assert_int_equal(a->ol_flags, b->ol_flags);
	assert_int_equal(a->tx_offload, b->tx_offload);
	assert_int_equal(a->ol_flags & RTE_MBUF_F_TX_L4_MASK, RTE_MBUF_F_TX_UDP_CKSUM);
}

#define MANY 60 // ports, so that a burst of broadcasts needs far more copies than there are slots

static void
test_more_copies_than_slots(void **state)
{
	struct fixture *f = *state;
	struct frame frame = frame_udp4(2, 3, BROADCAST_MAC);
	struct rte_mbuf *pkts[10];

	for (uint16_t id = 5; id < 5 + MANY; id++)
		fixture_port(f, id);
	for (size_t i = 0; i < RTE_DIM(pkts); i++) {
		frame.bytes[59] = (uint8_t)i;
		pkts[i] = fixture_packet(f, frame.bytes, frame.len);
	}
	fixture_inject(f, 2, pkts, RTE_DIM(pkts));
	for (uint16_t id = 3; id < 5 + MANY; id++) {
		assert_int_equal(fixture_sent(f, id), RTE_DIM(pkts));
		for (uint16_t i = 0; i < RTE_DIM(pkts); i++)
			assert_int_equal(
				rte_pktmbuf_mtod(fixture_sent_packet(f, id, i), uint8_t *)[59], i);
	}
	assert_int_equal(fixture_drops(f, 2, "no_slot"), 0);
	fixture_sent_clear(f);
	fixture_assert_balanced(f);
	for (uint16_t id = 5; id < 5 + MANY; id++)
		fixture_port_del(f, id);
}

static void
test_no_buffers(void **state)
{
	struct fixture *f = *state;
	struct frame frame = frame_udp4(2, 3, BROADCAST_MAC);
	struct rte_mbuf *m = fixture_packet(f, frame.bytes, frame.len), *hoard = NULL, *next;
	uint64_t before = fixture_drops(f, 2, "no_memory");

	while ((next = rte_pktmbuf_alloc(f->mbufs)) != NULL) {
		next->next = hoard;
		hoard = next;
	}
	fixture_inject(f, 2, &m, 1);
	assert_int_equal(fixture_sent(f, 3) + fixture_sent(f, 4), 1);
	assert_int_equal(fixture_drops(f, 2, "no_memory"), before + 1);
	for (; hoard != NULL; hoard = next) {
		next = hoard->next;
		hoard->next = NULL;
		rte_pktmbuf_free(hoard);
	}
}

// A chain of small buffers becomes one large one.
static void
test_super_frame(void **state)
{
	struct fixture *f = *state;
	static uint8_t bytes[20054];
	struct frame head = frame_udp4(2, 3, BROADCAST_MAC);
	uint64_t replicas = fixture_counters(f, 2)->replicas;
	struct rte_mbuf *m, *a, *b;

	memcpy(bytes, head.bytes, 34);
	bytes[23] = IPPROTO_TCP;
	bytes[34 + 12] = 0x50;
	((struct rte_ipv4_hdr *)(bytes + 14))->total_length = RTE_BE16(20040);
	((struct rte_ipv4_hdr *)(bytes + 14))->hdr_checksum = 0;
	((struct rte_ipv4_hdr *)(bytes + 14))->hdr_checksum =
		rte_ipv4_cksum((struct rte_ipv4_hdr *)(bytes + 14));
	m = fixture_packet(f, bytes, sizeof(bytes));
	m->ol_flags = RTE_MBUF_F_TX_TCP_CKSUM | RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_TCP_SEG;
	m->l2_len = 14;
	m->l3_len = 20;
	m->tso_segsz = 1000;
	fixture_inject(f, 2, &m, 1);
	assert_int_equal(fixture_counters(f, 2)->replicas, replicas + 1);
	a = fixture_sent_packet(f, 3, 0);
	b = fixture_sent_packet(f, 4, 0);
	assert_int_equal(RTE_MIN(a->nb_segs, b->nb_segs), 1);
	assert_int_equal(a->pkt_len, sizeof(bytes));
	assert_int_equal(b->pkt_len, sizeof(bytes));
	assert_int_equal(a->tso_segsz, 1000);
	assert_int_equal(a->tx_offload, b->tx_offload);
}

static void
test_router_mac(void **state)
{
	struct fixture *f = *state;
	struct frame frame = frame_udp4(2, 3, ROUTER_MAC);

	frame_ether(&frame)->ether_type = RTE_BE16(0x88b5);
	assert_dropped(f, 2, &frame, "router_not_ip");
	assert_int_equal(fixture_sent(f, 3) + fixture_sent(f, 4), 0);
}

// A static entry of a port that is gone, or of one without a device.
static void
test_port_gone(void **state)
{
	struct fixture *f = *state;
	struct rte_ether_addr mac = {{2, 1, 1, 1, 1, 1}};
	struct frame frame = frame_udp4(2, 3, "02:01:01:01:01:01");

	assert_int_equal(fdb_set(f->dp->fdb, 0, &mac, 99, false, 0), 0);
	assert_dropped(f, 2, &frame, "no_port");
	assert_int_equal(fdb_del(f->dp->fdb, 0, &mac), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		l2_test(test_known),
		l2_test(test_bursts),
		l2_test(test_same_port),
		l2_test(test_link_local_groups),
		l2_test(test_flood),
		l2_test(test_flood_hairpin),
		l2_test(test_flood_to_nobody),
		l2_test(test_copies),
		l2_test(test_more_copies_than_slots),
		l2_test(test_no_buffers),
		l2_test(test_super_frame),
		l2_test(test_router_mac),
		l2_test(test_port_gone),
	};

	return cmocka_run_group_tests(tests, setup_ports, fixture_teardown);
}
