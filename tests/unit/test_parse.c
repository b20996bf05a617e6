/* SPDX-License-Identifier: Apache-2.0 */
#include "l2_frames.h"

#include <stdlib.h>

#include <rte_tcp.h>
#include <rte_udp.h>

static void
test_ethernet(void **state)
{
	struct fixture *f = *state;
	struct frame frame = frame_udp4(2, 3, NULL);

	frame.len = 13;
	assert_dropped(f, 2, &frame, "malformed_ethernet");
	frame.len = 0;
	assert_dropped(f, 2, &frame, "malformed_ethernet");
	frame = frame_udp4(2, 3, NULL);
	frame_tag(&frame, 5);
	frame.len = 17;
	assert_dropped(f, 2, &frame, "malformed_ethernet");
	frame = frame_udp4(2, 3, NULL);
	frame_ether(&frame)->src_addr.addr_bytes[0] |= 1;
	assert_dropped(f, 2, &frame, "source_mac_multicast");
}

static void
test_headers_only(void **state)
{
	struct fixture *f = *state;
	struct frame frame = frame_udp4(2, 3, NULL);

	frame.len = 14;
	frame_ether(&frame)->ether_type = RTE_BE16(0x88b5);
	assert_passed(f, 2, &frame, 3);
	assert_int_equal(f->w->ctx[0].l3_len, 0);
	frame_ether(&frame)->ether_type = RTE_BE16(RTE_ETHER_TYPE_IPV4);
	assert_dropped(f, 2, &frame, "malformed_ipv4");
	frame_ether(&frame)->ether_type = RTE_BE16(RTE_ETHER_TYPE_IPV6);
	assert_dropped(f, 2, &frame, "malformed_ipv6");
}

static void
test_ipv4(void **state)
{
	struct fixture *f = *state;
	struct frame good = frame_udp4(2, 3, NULL), frame;
	uint16_t total = rte_be_to_cpu_16(frame_ipv4(&good)->total_length);
	const uint8_t versions[] = {0x55, 0x44, 0x00, 0x4f};

	assert_passed(f, 2, &good, 3);
	assert_int_equal(f->w->ctx[0].l3_len, 20);
	assert_int_equal(f->w->ctx[0].ip_proto, IPPROTO_UDP);
	for (size_t i = 0; i < sizeof(versions); i++) {
		frame = good;
		frame_ipv4(&frame)->version_ihl = versions[i];
		assert_dropped(f, 2, &frame, "malformed_ipv4");
	}
	frame = good;
	frame_ipv4(&frame)->total_length = rte_cpu_to_be_16((uint16_t)(total + 1));
	assert_dropped(f, 2, &frame, "malformed_ipv4");
	frame_ipv4(&frame)->total_length = RTE_BE16(19);
	assert_dropped(f, 2, &frame, "malformed_ipv4");
	frame = good;
	frame_ipv4(&frame)->hdr_checksum ^= 1;
	assert_dropped(f, 2, &frame, "ipv4_checksum");
	frame = good;
	frame.len = 60 + 7; // padding stays
	assert_passed(f, 2, &frame, 3);
}

static void
test_ipv4_options(void **state)
{
	struct fixture *f = *state;
	struct frame frame = frame_udp4(2, 3, NULL);
	const uint8_t nops[40] = {[0 ... 39] = 1};

	frame_insert(&frame, 34, nops, sizeof(nops));
	frame_ipv4(&frame)->version_ihl = 0x4f;
	frame_ipv4(&frame)->total_length = rte_cpu_to_be_16((uint16_t)(frame.len - 14));
	frame_fix_ipv4(&frame);
	assert_passed(f, 2, &frame, 3);
	assert_int_equal(f->w->ctx[0].l3_len, 60);
	frame_ipv4(&frame)->hdr_checksum ^= 0x100;
	assert_dropped(f, 2, &frame, "ipv4_checksum");
}

static void
test_ipv4_fragments(void **state)
{
	struct fixture *f = *state;
	struct frame frame = frame_udp4(2, 3, NULL);

	frame_ipv4(&frame)->fragment_offset = RTE_BE16(RTE_IPV4_HDR_MF_FLAG);
	frame_fix_ipv4(&frame);
	assert_passed(f, 2, &frame, 3);
	assert_int_equal(f->w->ctx[0].fragment, PACKET_FIRST_FRAGMENT);
	frame_ipv4(&frame)->fragment_offset = RTE_BE16(1);
	frame_fix_ipv4(&frame);
	assert_passed(f, 2, &frame, 3);
	assert_int_equal(f->w->ctx[0].fragment, PACKET_LATER_FRAGMENT);
	frame_ipv4(&frame)->fragment_offset = RTE_BE16(0x1fff);
	frame_fix_ipv4(&frame);
	assert_dropped(f, 2, &frame, "malformed_ipv4");
}

static void
test_short_transport(void **state)
{
	struct fixture *f = *state;
	const struct {
		uint8_t proto, needs;
	} cases[] = {{IPPROTO_TCP, 20}, {IPPROTO_UDP, 8}, {IPPROTO_ICMP, 8}, {IPPROTO_SCTP, 12}};

	for (size_t i = 0; i < RTE_DIM(cases); i++) {
		struct frame frame = frame_udp4(2, 3, NULL);

		frame_ipv4(&frame)->next_proto_id = cases[i].proto;
		frame_ipv4(&frame)->total_length =
			rte_cpu_to_be_16((uint16_t)(20 + cases[i].needs));
		frame_fix_ipv4(&frame);
		assert_passed(f, 2, &frame, 3);
		frame_ipv4(&frame)->total_length =
			rte_cpu_to_be_16((uint16_t)(19 + cases[i].needs));
		frame_fix_ipv4(&frame);
		assert_dropped(f, 2, &frame, "malformed_l4"); // the rest of the frame is padding
	}
}

static void
test_ipv6(void **state)
{
	struct fixture *f = *state;
	struct frame good = frame_udp6(2, 3, NULL), frame = good;

	assert_passed(f, 2, &good, 3);
	assert_int_equal(f->w->ctx[0].l3_len, 40);
	frame_ipv6(&frame)->vtc_flow = RTE_BE32(4u << 28);
	assert_dropped(f, 2, &frame, "malformed_ipv6");
	frame = good;
	frame_ipv6(&frame)->payload_len = RTE_BE16(27);
	assert_dropped(f, 2, &frame, "malformed_ipv6");
	frame_ipv6(&frame)->payload_len = RTE_BE16(7);
	assert_dropped(f, 2, &frame, "malformed_l4");
	frame = good;
	frame.len = 14 + 39;
	assert_dropped(f, 2, &frame, "malformed_ipv6");
}

// Puts extension headers of 8 bytes each before UDP.
static struct frame
frame_extended(const uint8_t *protos, int n)
{
	struct frame frame = frame_udp6(2, 3, NULL);

	for (int i = n - 1; i >= 0; i--) {
		uint8_t header[8] = {frame_ipv6(&frame)->proto};

		frame_insert(&frame, 54, header, sizeof(header));
		frame_ipv6(&frame)->proto = protos[i];
	}
	frame_ipv6(&frame)->payload_len = rte_cpu_to_be_16((uint16_t)(frame.len - 54));
	return frame;
}

static void
test_ipv6_extensions(void **state)
{
	struct fixture *f = *state;
	const uint8_t chain[] = {
		IPPROTO_HOPOPTS, IPPROTO_DSTOPTS, IPPROTO_ROUTING, IPPROTO_FRAGMENT};
	const uint8_t late[] = {IPPROTO_DSTOPTS, IPPROTO_HOPOPTS};
	const uint8_t twice[] = {IPPROTO_FRAGMENT, IPPROTO_FRAGMENT};
	uint8_t many[9] = {[0 ... 8] = IPPROTO_DSTOPTS};
	struct frame frame = frame_extended(chain, 4);

	assert_passed(f, 2, &frame, 3);
	assert_int_equal(f->w->ctx[0].l3_len, 72);
	assert_int_equal(f->w->ctx[0].ip_proto, IPPROTO_UDP);
	assert_int_equal(f->w->ctx[0].fragment, PACKET_WHOLE); // RFC 6946: atomic
	frame = frame_extended(late, 2);
	assert_dropped(f, 2, &frame, "malformed_ipv6");
	frame = frame_extended(twice, 2);
	assert_dropped(f, 2, &frame, "malformed_ipv6");
	frame = frame_extended(many, 8);
	assert_passed(f, 2, &frame, 3);
	frame = frame_extended(many, 9);
	assert_dropped(f, 2, &frame, "ipv6_extensions");
	frame = frame_extended(chain, 1);
	frame.bytes[55] = 4; // 40 bytes, beyond the payload
	assert_dropped(f, 2, &frame, "malformed_ipv6");
	frame.bytes[55] = 0;
	frame_ipv6(&frame)->payload_len = RTE_BE16(7);
	assert_dropped(f, 2, &frame, "malformed_ipv6");
}

static void
test_ipv6_long_extension(void **state)
{
	struct fixture *f = *state;
	struct frame frame = frame_udp6(2, 3, NULL);
	uint8_t header[216] = {IPPROTO_UDP, 216 / 8 - 1};

	frame_insert(&frame, 54, header, sizeof(header));
	frame_ipv6(&frame)->proto = IPPROTO_DSTOPTS;
	frame_ipv6(&frame)->payload_len = rte_cpu_to_be_16((uint16_t)(frame.len - 54));
	assert_dropped(f, 2, &frame, "ipv6_extensions");
}

static void
test_ipv6_fragments(void **state)
{
	struct fixture *f = *state;
	const uint8_t chain[] = {IPPROTO_FRAGMENT};
	struct frame frame = frame_extended(chain, 1);

	frame.bytes[57] = 1; // M
	assert_passed(f, 2, &frame, 3);
	assert_int_equal(f->w->ctx[0].fragment, PACKET_FIRST_FRAGMENT);
	frame.bytes[57] = 8; // offset 1
	frame.bytes[54] = IPPROTO_DSTOPTS; // is not followed any further
	assert_passed(f, 2, &frame, 3);
	assert_int_equal(f->w->ctx[0].fragment, PACKET_LATER_FRAGMENT);
	assert_int_equal(f->w->ctx[0].l3_len, 48);
}

static struct rte_mbuf *
chain_of(struct fixture *f, const struct frame *frame, uint16_t piece)
{
	struct rte_mbuf *head = NULL;

	for (uint16_t at = 0; at < frame->len; at = (uint16_t)(at + piece)) {
		uint16_t some = (uint16_t)RTE_MIN(piece, frame->len - at);
		struct rte_mbuf *m = fixture_packet(f, frame->bytes + at, some);

		if (head == NULL)
			head = m;
		else
			assert_int_equal(rte_pktmbuf_chain(head, m), 0);
	}
	return head;
}

static void
test_chains(void **state)
{
	struct fixture *f = *state;
	const uint16_t pieces[] = {1, 5, 13, 14, 33, 34, 40};
	struct frame frame = frame_udp6(2, 3, NULL);

	for (size_t i = 0; i < RTE_DIM(pieces); i++) {
		struct rte_mbuf *m = chain_of(f, &frame, pieces[i]);

		fixture_sent_clear(f);
		fixture_inject(f, 2, &m, 1);
		assert_sent(f, 3, &frame);
		m = fixture_sent_packet(f, 3, 0);
		rte_mbuf_sanity_check(m, 1);
		assert_int_equal(m->data_len, frame.len);
	}
}

static void
test_chain_without_room(void **state)
{
	struct fixture *f = *state;
	struct frame frame = frame_udp4(2, 3, NULL);
	struct rte_mbuf *m = chain_of(f, &frame, 20);
	uint64_t before;

	m->data_off = (uint16_t)(m->buf_len - m->data_len);
	memcpy(rte_pktmbuf_mtod(m, void *), frame.bytes, m->data_len);
	before = fixture_drops(f, 2, "malformed_ipv4");
	fixture_inject(f, 2, &m, 1);
	assert_int_equal(fixture_drops(f, 2, "malformed_ipv4"), before + 1);
}

static struct frame
frame_tcp4(uint16_t payload)
{
	struct frame frame = {.len = 0};
	struct rte_tcp_hdr *tcp;

	frame.len = fixture_udp4(frame.bytes, 2, 3, NULL, (uint16_t)(12 + payload));
	tcp = (struct rte_tcp_hdr *)(frame.bytes + 34);
	memset(tcp, 0, sizeof(*tcp));
	tcp->data_off = 0x50;
	frame_ipv4(&frame)->next_proto_id = IPPROTO_TCP;
	frame_fix_ipv4(&frame);
	return frame;
}

static struct rte_mbuf *
with_offload(struct fixture *f, const struct frame *frame, uint64_t flags, uint16_t segment)
{
	struct rte_mbuf *m = fixture_packet(f, frame->bytes, frame->len);

	m->ol_flags = flags;
	m->l2_len = 14;
	m->l3_len = 20;
	m->l4_len = 0;
	m->tso_segsz = segment;
	return m;
}

#define TCP4 (RTE_MBUF_F_TX_TCP_CKSUM | RTE_MBUF_F_TX_IPV4)

static void
test_offload(void **state)
{
	struct fixture *f = *state;
	struct frame frame = frame_tcp4(100);
	struct rte_mbuf *m = with_offload(f, &frame, TCP4 | RTE_MBUF_F_TX_TCP_SEG, 50);

	fixture_inject(f, 2, &m, 1);
	assert_int_equal(fixture_sent(f, 3), 1);
	m = fixture_sent_packet(f, 3, 0);
	assert_true(m->ol_flags & RTE_MBUF_F_TX_TCP_SEG);
	assert_int_equal(m->l2_len, 14);
	assert_int_equal(m->l3_len, 20);
	assert_int_equal(m->l4_len, 20);
	assert_int_equal(m->tso_segsz, 50);
}

static void
assert_unfinishable(struct fixture *f, struct rte_mbuf *m)
{
	uint64_t before = fixture_drops(f, 2, "checksum_unfinishable");

	fixture_inject(f, 2, &m, 1);
	assert_int_equal(fixture_drops(f, 2, "checksum_unfinishable"), before + 1);
	assert_int_equal(fixture_sent(f, 3), 0);
}

static void
test_offload_contradictions(void **state)
{
	struct fixture *f = *state;
	struct frame tcp = frame_tcp4(100), udp = frame_udp4(2, 3, NULL), arp = udp;
	struct rte_mbuf *m;

	assert_unfinishable(f, with_offload(f, &udp, TCP4, 0));
	assert_unfinishable(f, with_offload(f, &tcp, RTE_MBUF_F_TX_SCTP_CKSUM, 0));
	assert_unfinishable(f, with_offload(f, &tcp, RTE_MBUF_F_TX_TCP_SEG, 50));
	assert_unfinishable(f, with_offload(f, &tcp, TCP4 | RTE_MBUF_F_TX_TCP_SEG, 0));
	assert_unfinishable(f, with_offload(f, &tcp, TCP4 | RTE_MBUF_F_TX_UDP_SEG, 50));
	m = with_offload(f, &tcp, TCP4, 0);
	m->l3_len = 24;
	assert_unfinishable(f, m);
	frame_ether(&arp)->ether_type = RTE_BE16(0x88b5);
	assert_unfinishable(f, with_offload(f, &arp, RTE_MBUF_F_TX_UDP_CKSUM, 0));
	tcp.bytes[34 + 12] = 0x40; // TCP header of 16 bytes
	assert_unfinishable(f, with_offload(f, &tcp, TCP4 | RTE_MBUF_F_TX_TCP_SEG, 50));
	frame_ipv4(&udp)->fragment_offset = RTE_BE16(RTE_IPV4_HDR_MF_FLAG);
	frame_fix_ipv4(&udp);
	assert_unfinishable(f, with_offload(f, &udp, RTE_MBUF_F_TX_UDP_CKSUM, 0));
}

static uint64_t
flags_at_port_3(struct fixture *f, const struct frame *frame)
{
	fixture_sent_clear(f);
	inject(f, 2, frame);
	assert_int_equal(fixture_sent(f, 3), 1);
	return fixture_sent_packet(f, 3, 0)->ol_flags & RTE_MBUF_F_TX_L4_MASK;
}

static void
test_unfinished_on_af_xdp(void **state)
{
	struct fixture *f = *state;
	uint8_t kind = CW_PORT_AF_XDP;
	struct frame whole4 = frame_udp4(2, 3, NULL), unfinished4 = whole4;
	struct frame whole6 = frame_udp6(2, 3, NULL), unfinished6 = whole6;
	struct rte_udp_hdr *udp = (struct rte_udp_hdr *)(unfinished4.bytes + 34);

	udp->dgram_cksum = rte_ipv4_phdr_cksum(frame_ipv4(&unfinished4), 0);
	udp = (struct rte_udp_hdr *)(unfinished6.bytes + 54);
	udp->dgram_cksum = rte_ipv6_phdr_cksum(frame_ipv6(&unfinished6), 0);
	assert_int_equal(flags_at_port_3(f, &unfinished4), 0); // a tap says so itself
	fixture_port_change(f, 2, change_kind, &kind);
	assert_int_equal(flags_at_port_3(f, &whole4), 0);
	assert_int_equal(flags_at_port_3(f, &whole6), 0);
	assert_int_equal(flags_at_port_3(f, &unfinished4), RTE_MBUF_F_TX_UDP_CKSUM);
	assert_int_equal(flags_at_port_3(f, &unfinished6), RTE_MBUF_F_TX_UDP_CKSUM);
	kind = CW_PORT_TAP;
	fixture_port_change(f, 2, change_kind, &kind);
}

// Whatever comes in, it comes out or has a named drop (the books are checked after each test).
static void
test_mutations(void **state)
{
	struct fixture *f = *state;

	srand(1);
	for (int i = 0; i < 20000; i++) {
		struct frame frame = i & 1 ? frame_udp4(2, 3, NULL)
					   : frame_udp6(2, 3, i & 2 ? ROUTER_MAC : NULL);
		struct rte_mbuf *m;

		for (int flips = rand() % 8; flips >= 0; flips--)
			frame.bytes[rand() % frame.len] = (uint8_t)rand();
		if (rand() % 4 == 0)
			frame.len = (uint16_t)(rand() % frame.len);
		if (rand() % 4 == 0 && i & 1)
			frame_fix_ipv4(&frame);
		if (rand() % 8 == 0 && frame.len > 0)
			m = chain_of(f, &frame, (uint16_t)(1 + rand() % 60));
		else
			m = fixture_packet(f, frame.bytes, frame.len);
		m->ol_flags = rand() % 8 == 0 ? TCP4 : 0;
		m->l2_len = 14;
		m->l3_len = 20;
		fixture_inject(f, 2, &m, 1);
		fixture_sent_clear(f);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		l2_test(test_ethernet),
		l2_test(test_headers_only),
		l2_test(test_ipv4),
		l2_test(test_ipv4_options),
		l2_test(test_ipv4_fragments),
		l2_test(test_short_transport),
		l2_test(test_ipv6),
		l2_test(test_ipv6_extensions),
		l2_test(test_ipv6_long_extension),
		l2_test(test_ipv6_fragments),
		l2_test(test_chains),
		l2_test(test_chain_without_room),
		l2_test(test_offload),
		l2_test(test_offload_contradictions),
		l2_test(test_unfinished_on_af_xdp),
		l2_test(test_mutations),
	};

	return cmocka_run_group_tests(tests, setup_ports, fixture_teardown);
}
