/* SPDX-License-Identifier: Apache-2.0 */
#include "l2_frames.h"

#include <rte_udp.h>

// Port 2 is guarded, its neighbours 3 and 4 are not.

static int
setup_guard(void **state)
{
	uint32_t guard = CW_GUARD_ALL;

	if (setup_ports(state) != 0)
		return -1;
	fixture_port_change(*state, 2, change_guard, &guard);
	return 0;
}

static void
test_own_traffic(void **state)
{
	struct fixture *f = *state;
	struct frame frame = frame_udp4(2, 3, NULL);

	assert_passed(f, 2, &frame, 3);
	frame = frame_udp6(2, 3, NULL);
	assert_passed(f, 2, &frame, 3);
}

static void
test_mac(void **state)
{
	struct fixture *f = *state;
	struct frame frame = frame_udp4(2, 3, NULL);

	frame_ether(&frame)->src_addr = port_mac(4);
	assert_dropped(f, 2, &frame, "spoof_mac");
	frame_ether(&frame)->ether_type = RTE_BE16(0x88b5);
	assert_dropped(f, 2, &frame, "spoof_mac");
}

static void
test_each_check_has_its_bit(void **state)
{
	struct fixture *f = *state;
	uint32_t guard = CW_GUARD_ALL & ~CW_GUARD_MAC;
	struct frame frame = frame_udp4(2, 3, NULL);

	frame_ether(&frame)->src_addr = port_mac(4);
	fixture_port_change(f, 2, change_guard, &guard);
	assert_passed(f, 2, &frame, 3);
	guard = CW_GUARD_ALL & ~CW_GUARD_IP;
	fixture_port_change(f, 2, change_guard, &guard);
	frame = frame_udp4(4, 3, NULL);
	frame_ether(&frame)->src_addr = port_mac(2);
	assert_passed(f, 2, &frame, 3);
	guard = CW_GUARD_ALL & ~CW_GUARD_ARP;
	fixture_port_change(f, 2, change_guard, &guard);
	frame = frame_arp(RTE_ARP_OP_REPLY, 2, port_ip4(4), port_ip4(3));
	frame_ether(&frame)->dst_addr = port_mac(3);
	assert_passed(f, 2, &frame, 3);
	guard = CW_GUARD_ALL;
	fixture_port_change(f, 2, change_guard, &guard);
}

static void
test_ip(void **state)
{
	struct fixture *f = *state;
	struct frame frame = frame_udp4(4, 3, NULL);

	frame_ether(&frame)->src_addr = port_mac(2);
	assert_dropped(f, 2, &frame, "spoof_ip");
	frame_ipv4(&frame)->fragment_offset = RTE_BE16(5);
	frame_fix_ipv4(&frame);
	assert_dropped(f, 2, &frame, "spoof_ip");
	frame = frame_udp6(4, 3, NULL);
	frame_ether(&frame)->src_addr = port_mac(2);
	assert_dropped(f, 2, &frame, "spoof_ip");
}

static struct frame
frame_dhcp4(uint16_t from, rte_be32_t src, uint16_t src_port, uint16_t dst_port)
{
	struct frame frame = frame_udp4(from, 3, BROADCAST_MAC);
	struct rte_udp_hdr *udp = (struct rte_udp_hdr *)(frame.bytes + 34);

	frame_ipv4(&frame)->src_addr = src;
	frame_ipv4(&frame)->dst_addr = RTE_BE32(RTE_IPV4_BROADCAST);
	udp->src_port = rte_cpu_to_be_16(src_port);
	udp->dst_port = rte_cpu_to_be_16(dst_port);
	frame_fix_ipv4(&frame);
	return frame;
}

static void
test_dhcp4(void **state)
{
	struct fixture *f = *state;
	struct frame frame = frame_dhcp4(2, 0, 68, 67);

	assert_passed(f, 2, &frame, 3);
	frame = frame_dhcp4(2, 0, 69, 67);
	assert_dropped(f, 2, &frame, "spoof_ip");
	frame = frame_dhcp4(2, 0, 68, 67);
	frame_ipv4(&frame)->dst_addr = port_ip4(3);
	frame_fix_ipv4(&frame);
	assert_dropped(f, 2, &frame, "spoof_ip");
	frame = frame_dhcp4(2, port_ip4(2), 67, 68);
	assert_dropped(f, 2, &frame, "rogue_dhcp");
	frame_ipv4(&frame)->fragment_offset = RTE_BE16(RTE_IPV4_HDR_MF_FLAG);
	frame_fix_ipv4(&frame);
	assert_dropped(f, 2, &frame, "rogue_dhcp");
	frame_ipv4(&frame)->fragment_offset = RTE_BE16(8); // these bytes are no ports
	frame_fix_ipv4(&frame);
	assert_passed(f, 2, &frame, 3);
	frame = frame_dhcp4(3, port_ip4(3), 67, 68);
	assert_passed(f, 3, &frame, 2); // not guarded
}

static struct frame
frame_udp6_from(const uint8_t src[16], uint16_t src_port, uint16_t dst_port)
{
	struct frame frame = frame_udp6(2, 3, NULL);
	struct rte_udp_hdr *udp = (struct rte_udp_hdr *)(frame.bytes + 54);

	memcpy(ipv6_src(frame_ipv6(&frame)), src, 16);
	udp->src_port = rte_cpu_to_be_16(src_port);
	udp->dst_port = rte_cpu_to_be_16(dst_port);
	return frame;
}

static void
test_dhcp6(void **state)
{
	struct fixture *f = *state;
	const uint8_t stable[16] = {0xfe, 0x80, [8] = 1, 2, 3, 4, 5, 6, 7, 8};
	uint8_t own[16];
	struct frame frame = frame_udp6_from(stable, 546, 547);

	port_ip6(2, own);
	assert_passed(f, 2, &frame, 3);
	frame = frame_udp6_from(stable, 546, 548);
	assert_dropped(f, 2, &frame, "spoof_ip");
	frame = frame_udp6_from(own, 547, 546);
	assert_dropped(f, 2, &frame, "rogue_dhcp");
}

static void
test_link_local_source(void **state)
{
	struct fixture *f = *state;
	const uint8_t of_mac[16] = {0xfe, 0x80, [8] = 0, 0, 0, 0xff, 0xfe, 0, 1, 2};
	const uint8_t of_other[16] = {0xfe, 0x80, [8] = 0, 0, 0, 0xff, 0xfe, 0, 1, 3};
	struct frame frame = frame_udp6_from(of_mac, 1, 2);

	assert_passed(f, 2, &frame, 3);
	frame = frame_udp6_from(of_other, 1, 2);
	assert_dropped(f, 2, &frame, "spoof_ip");
}

static void
test_unspecified_source(void **state)
{
	struct fixture *f = *state;
	const uint8_t zero[16] = {0};
	uint8_t own[16];
	struct frame frame = frame_udp6_from(zero, 1, 2);

	assert_dropped(f, 2, &frame, "spoof_ip");
	port_ip6(2, own);
	frame = frame_nd(ND_NEIGHBOR_SOLICITATION, 2, zero, own);
	frame.len -= 8; // no source address option in duplicate address detection
	frame_fix_icmp6(&frame);
	assert_passed(f, 2, &frame, 3);
	frame_nd_message(&frame)->type = 143; // MLD version 2 report
	frame_fix_icmp6(&frame);
	assert_passed(f, 2, &frame, 3);
	frame_nd_message(&frame)->type = 128; // echo
	frame_fix_icmp6(&frame);
	assert_dropped(f, 2, &frame, "spoof_ip");
}

static void
test_arp(void **state)
{
	struct fixture *f = *state;
	struct frame good = frame_arp(RTE_ARP_OP_REQUEST, 2, port_ip4(2), port_ip4(77)), frame;

	assert_passed(f, 2, &good, 3);
	frame = frame_arp(RTE_ARP_OP_REQUEST, 2, 0, port_ip4(2));
	assert_passed(f, 2, &frame, 3); // RFC 5227: probe
	frame = frame_arp(RTE_ARP_OP_REPLY, 2, 0, port_ip4(2));
	assert_dropped(f, 2, &frame, "spoof_arp");
	frame = frame_arp(RTE_ARP_OP_REQUEST, 2, port_ip4(3), port_ip4(77));
	assert_dropped(f, 2, &frame, "spoof_arp");
	frame = frame_arp(RTE_ARP_OP_REPLY, 2, port_ip4(1), port_ip4(3));
	assert_dropped(f, 2, &frame, "spoof_arp");
	frame = good;
	frame_arp_header(&frame)->arp_data.arp_sha = port_mac(3);
	assert_dropped(f, 2, &frame, "spoof_arp");
	frame = good;
	frame_arp_header(&frame)->arp_plen = 16;
	assert_dropped(f, 2, &frame, "spoof_arp");
	frame = good;
	frame.len = 14 + 27;
	assert_dropped(f, 2, &frame, "spoof_arp");
}

static void
test_nd_options(void **state)
{
	struct fixture *f = *state;
	uint8_t own[16], other[16];
	struct frame good, frame;

	port_ip6(2, own);
	port_ip6(77, other);
	good = frame_nd(ND_NEIGHBOR_SOLICITATION, 2, own, other);
	assert_passed(f, 2, &good, 3);
	frame = good;
	frame_nd_option(&frame)->mac = port_mac(3);
	frame_fix_icmp6(&frame);
	assert_dropped(f, 2, &frame, "spoof_nd");
	frame = good;
	frame_nd_option(&frame)->length = 0;
	frame_fix_icmp6(&frame);
	assert_dropped(f, 2, &frame, "spoof_nd");
	frame_nd_option(&frame)->length = 2; // runs over the end
	frame_fix_icmp6(&frame);
	assert_dropped(f, 2, &frame, "spoof_nd");
	frame = good;
	frame.len -= 9;
	frame_fix_icmp6(&frame);
	assert_dropped(f, 2, &frame, "spoof_nd");
}

static void
test_nd_advertisement(void **state)
{
	struct fixture *f = *state;
	const uint8_t link_local[16] = {0xfe, 0x80, [8] = 9, 9, 9, 9, 9, 9, 9, 9};
	struct cw_ip known = {.family = 6, .prefix = 128};
	struct rte_ether_addr mac = port_mac(3);
	uint8_t own[16], other[16], router[16];
	struct frame frame;

	port_ip6(2, own);
	port_ip6(3, other);
	port_ip6(1, router);
	frame = frame_nd(ND_NEIGHBOR_ADVERTISEMENT, 2, own, own);
	assert_passed(f, 2, &frame, 3);
	frame = frame_nd(ND_NEIGHBOR_ADVERTISEMENT, 2, own, other);
	assert_dropped(f, 2, &frame, "spoof_nd");
	frame = frame_nd(ND_NEIGHBOR_ADVERTISEMENT, 2, own, router);
	assert_dropped(f, 2, &frame, "spoof_nd");
	frame = frame_nd(ND_NEIGHBOR_ADVERTISEMENT, 2, link_local, link_local);
	assert_passed(f, 2, &frame, 3);
	memcpy(known.addr, link_local, 16);
	assert_int_equal(neighbor_set(f->dp->neighbors, NEIGHBOR_STATIC, 0, &known, &mac, 3), 0);
	assert_dropped(f, 2, &frame, "spoof_nd");
	assert_int_equal(neighbor_del(f->dp->neighbors, NEIGHBOR_STATIC, 0, &known), 0);
}

static void
test_router_messages(void **state)
{
	struct fixture *f = *state;
	const uint8_t link_local[16] = {0xfe, 0x80, [8] = 0, 0, 0, 0xff, 0xfe, 0, 1, 2};
	uint8_t own[16];
	struct frame frame;

	port_ip6(2, own);
	frame = frame_nd(ND_ROUTER_ADVERTISEMENT, 2, link_local, own);
	assert_dropped(f, 2, &frame, "rogue_ra");
	frame = frame_nd(ND_REDIRECT, 2, link_local, own);
	assert_dropped(f, 2, &frame, "rogue_ra");
}

// RFC 6980, on ports without guard, too.
static void
test_fragmented_nd(void **state)
{
	struct fixture *f = *state;
	uint8_t own[16], other[16];
	const uint8_t header[8] = {IPPROTO_ICMPV6};

	port_ip6(3, own);
	port_ip6(77, other);
	for (int more = 0; more < 2; more++) {
		struct frame frame = frame_nd(ND_NEIGHBOR_SOLICITATION, 3, own, other);

		frame_insert(&frame, 54, header, sizeof(header));
		frame.bytes[57] = (uint8_t)more;
		frame_ipv6(&frame)->proto = IPPROTO_FRAGMENT;
		frame_ipv6(&frame)->payload_len = RTE_BE16(40);
		assert_dropped(f, 3, &frame, "nd_fragmented");
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		l2_test(test_own_traffic),
		l2_test(test_mac),
		l2_test(test_each_check_has_its_bit),
		l2_test(test_ip),
		l2_test(test_dhcp4),
		l2_test(test_dhcp6),
		l2_test(test_link_local_source),
		l2_test(test_unspecified_source),
		l2_test(test_arp),
		l2_test(test_nd_options),
		l2_test(test_nd_advertisement),
		l2_test(test_router_messages),
		l2_test(test_fragmented_nd),
	};

	return cmocka_run_group_tests(tests, setup_guard, fixture_teardown);
}
