/* SPDX-License-Identifier: Apache-2.0 */
#include "super_frames.h"

#include "tunnel_setup.h"

// Super-frames and unfinished checksums of pods that leave through a tunnel: cut and completed
// inside of it, in sizes that fit, or left whole to a port that does it there.

#define HOP 63

static struct super_frame frame; // too large for a stack

static void
set_capabilities(struct dp_port *port, void *arg)
{
	port->capabilities = *(const uint32_t *)arg;
	port->mtu = 1500;
}

// To a host behind the tunnel.
static void
address_frame(void)
{
	uint8_t *l4, *ip = frame.bytes + frame.l2_len;
	uint32_t l4_len = frame.l4_len + frame.payload;
	uint8_t proto = frame.is_udp ? IPPROTO_UDP : IPPROTO_TCP;
	uint16_t pseudo;

	memcpy(frame.bytes, "\2\0\0\0\0\1", 6); // the router's
	if (frame.is_v6) {
		frame_set_ip6(ipv6_dst((struct rte_ipv6_hdr *)ip), "fd99::1");
		pseudo = checksum_pseudo6((const void *)ip, proto, l4_len);
	} else {
		((struct rte_ipv4_hdr *)ip)->dst_addr = frame_ip("10.99.1.1");
		frame_seal4(frame.bytes);
		pseudo = checksum_pseudo4((const void *)ip, proto, l4_len);
	}
	l4 = ip + frame.l3_len;
	memcpy(l4 + (frame.is_udp ? 6 : 16), &pseudo, sizeof(pseudo));
}

// What the router makes of it, to compare with.
static void
route_frame(void)
{
	memcpy(frame.bytes, "\2\0\0\0\x09\x88\2\0\0\0\0\1", 12);
	frame.bytes[frame.l2_len + (frame.is_v6 ? 7 : 8)] = HOP;
}

static void
send_frame(struct fixture *f, uint32_t capabilities, uint16_t size, uint32_t payload)
{
	struct rte_mbuf *m;

	fixture_port_change(f, UPLINK, set_capabilities, &capabilities);
	frame.from = 2;
	frame.to = 3;
	frame.tcp_flags = 0x18;
	frame.size = size;
	frame.payload = payload;
	super_frame_build(&frame);
	address_frame();
	m = super_frame_mbuf(f, &frame);
	fixture_inject(f, 2, &m, 1);
	route_frame();
}

static void
assert_cut(struct fixture *f, bool outer_v6)
{
	uint32_t n = super_frame_count(&frame), outer = outer_v6 ? 70 : 50;

	assert_int_equal(fixture_sent(f, UPLINK), n);
	for (uint32_t i = 0; i < n; i++) {
		struct rte_mbuf *m = fixture_sent_packet(f, UPLINK, (uint16_t)i);
		const uint8_t *bytes = rte_pktmbuf_mtod(m, const uint8_t *);

		assert_true(m->pkt_len <= 1514);
		if (outer_v6)
			assert_true(
				frame_l4_is_right6((const void *)(bytes + 14), 40, IPPROTO_UDP));
		else
			assert_true(frame_header_is_right4((const void *)(bytes + 14)));
		assert_non_null(rte_pktmbuf_adj(m, (uint16_t)outer));
		super_frame_check(&frame, m, i, false);
	}
	fixture_sent_clear(f);
}

static void
every_form_is_cut_inside(void **state)
{
	struct fixture *f = *state;

	for (unsigned int outer = 0; outer < 3; outer++) {
		tunnel_setup(f, CW_TUNNEL_VXLAN, outer == 1, outer == 2 ? CW_VTEP_CHECKSUM : 0);
		for (unsigned int form = 0; form < 4; form++) {
			frame = (struct super_frame){.is_v6 = form & 1, .is_udp = form & 2};
			send_frame(f, PORT_TX_OFFLOADS, 1300, 30000); // not good inside a tunnel
			assert_cut(f, outer == 1);
			send_frame(f, PORT_TX_OFFLOADS, 1300, 1300); // a checksum alone
			assert_cut(f, outer == 1);
		}
	}
}

// A port that does it inside of tunnels gets it whole, and is told where everything is.
static void
ports_may_do_it(void **state)
{
	const uint32_t able = PORT_TX_CHAINS | PORT_TX_TUNNEL_CHECKSUM | PORT_TX_TUNNEL_TSO;
	struct fixture *f = *state;
	const struct rte_mbuf *m;

	tunnel_setup(f, CW_TUNNEL_VXLAN, false, 0);
	frame = (struct super_frame){.is_v6 = false};
	send_frame(f, able, 1300, 30000);
	assert_int_equal(fixture_sent(f, UPLINK), 1);
	m = fixture_sent_packet(f, UPLINK, 0);
	assert_int_equal(m->pkt_len, 50 + frame.len);
	assert_int_equal(m->tso_segsz, 1300);
	assert_int_equal(m->outer_l2_len, 14);
	assert_int_equal(m->outer_l3_len, 20);
	assert_int_equal(m->l2_len, 8 + 8 + 14);
	assert_int_equal(m->l3_len, 20);
	assert_int_equal(m->ol_flags & RTE_MBUF_F_TX_TUNNEL_MASK, RTE_MBUF_F_TX_TUNNEL_VXLAN);
	assert_true(m->ol_flags & RTE_MBUF_F_TX_TCP_SEG);
	fixture_sent_clear(f);
	tunnel_setup(f, CW_TUNNEL_VXLAN, false, CW_VTEP_CHECKSUM);
	send_frame(f, able, 1300, 30000); // but not below a checksum that it cannot make
	assert_cut(f, false);
	send_frame(f, able | PORT_TX_TUNNEL_OUTER_CHECKSUM, 1300, 30000);
	assert_int_equal(fixture_sent(f, UPLINK), 1);
	assert_true(fixture_sent_packet(f, UPLINK, 0)->ol_flags & RTE_MBUF_F_TX_OUTER_UDP_CKSUM);
	fixture_sent_clear(f);
}

// What does not fit is told in inner terms: 1450 and 1430 below an MTU of 1500.
static void
senders_learn_the_inner_mtu(void **state)
{
	struct fixture *f = *state;

	for (unsigned int outer_v6 = 0; outer_v6 < 2; outer_v6++) {
		const uint16_t mtu = outer_v6 ? 1430 : 1450;

		tunnel_setup(f, CW_TUNNEL_VXLAN, outer_v6, 0);
		frame = (struct super_frame){.is_v6 = false};
		send_frame(f, 0, (uint16_t)(mtu - 52), 20000);
		assert_cut(f, outer_v6);
		send_frame(f, 0, (uint16_t)(mtu - 51), 20000); // DF is set
		assert_int_equal(fixture_sent(f, UPLINK), 0);
		assert_int_equal(fixture_sent(f, 2), 1);
		const uint8_t *icmp =
			rte_pktmbuf_mtod_offset(fixture_sent_packet(f, 2, 0), uint8_t *, 34);

		assert_int_equal(icmp[0], 3);
		assert_int_equal(icmp[1], 4);
		assert_int_equal(icmp[6] << 8 | icmp[7], mtu);
		fixture_sent_clear(f);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		frames_test(every_form_is_cut_inside),
		frames_test(ports_may_do_it),
		frames_test(senders_learn_the_inner_mtu),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
