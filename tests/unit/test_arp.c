/* SPDX-License-Identifier: Apache-2.0 */
#include "l2_frames.h"

#define HOST_PORT 4

static void
set_host_port(struct network *network, void *arg)
{
	network->host_port = HOST_PORT;
}

static int
setup_host(void **state)
{
	if (setup_ports(state) != 0)
		return -1;
	fixture_network(*state, 0, set_host_port, NULL);
	return 0;
}

static void
assert_answer(struct fixture *f, uint16_t asker, const struct frame *request,
	const struct rte_ether_addr *mac)
{
	struct frame answer = *request;
	struct rte_arp_hdr *arp = frame_arp_header(&answer);
	rte_be32_t asked = arp->arp_data.arp_tip;

	frame_ether(&answer)->dst_addr = port_mac(asker);
	frame_ether(&answer)->src_addr = *mac;
	arp->arp_opcode = RTE_BE16(RTE_ARP_OP_REPLY);
	arp->arp_data.arp_tha = port_mac(asker);
	arp->arp_data.arp_tip = arp->arp_data.arp_sip;
	arp->arp_data.arp_sha = *mac;
	arp->arp_data.arp_sip = asked;
	inject(f, asker, request);
	assert_sent(f, asker, &answer);
}

static void
assert_flooded(struct fixture *f, uint16_t asker, const struct frame *frame)
{
	fixture_sent_clear(f);
	inject(f, asker, frame);
	for (uint16_t id = 2; id <= 4; id++) {
		if (id == asker)
			assert_int_equal(fixture_sent(f, id), 0);
		else
			assert_sent(f, id, frame);
	}
	fixture_sent_clear(f);
}

static void
test_router(void **state)
{
	struct fixture *f = *state;
	struct rte_ether_addr mac = {{2, 0, 0, 0, 0, 1}};
	struct frame frame = frame_arp(RTE_ARP_OP_REQUEST, 2, port_ip4(2), port_ip4(1));

	assert_answer(f, 2, &frame, &mac);
}

static void
test_neighbor(void **state)
{
	struct fixture *f = *state;
	struct rte_ether_addr mac = port_mac(3);
	struct frame frame = frame_arp(RTE_ARP_OP_REQUEST, 2, port_ip4(2), port_ip4(3));

	assert_answer(f, 2, &frame, &mac);
	fixture_sent_clear(f);
	frame_ether(&frame)->dst_addr = mac; // unicast probe of a cache entry
	assert_answer(f, 2, &frame, &mac);
}

static void
test_probe_is_defended(void **state)
{
	struct fixture *f = *state;
	struct rte_ether_addr mac = port_mac(3);
	struct frame frame = frame_arp(RTE_ARP_OP_REQUEST, 2, 0, port_ip4(3));

	assert_answer(f, 2, &frame, &mac);
}

static void
test_answer_is_tagged(void **state)
{
	struct fixture *f = *state;
	uint16_t vlan = 12;
	struct frame frame = frame_arp(RTE_ARP_OP_REQUEST, 2, port_ip4(2), port_ip4(3));
	struct rte_mbuf *m;

	frame_tag(&frame, vlan);
	fixture_port_change(f, 2, change_vlan, &vlan);
	inject(f, 2, &frame);
	assert_int_equal(fixture_sent(f, 2), 1);
	m = fixture_sent_packet(f, 2, 0);
	assert_int_equal(m->pkt_len, frame.len);
	assert_memory_equal(rte_pktmbuf_mtod_offset(m, uint8_t *, 12), frame.bytes + 12, 6);
	vlan = 0;
	fixture_port_change(f, 2, change_vlan, &vlan);
}

static void
test_own_address(void **state)
{
	struct fixture *f = *state;
	struct frame frame = frame_arp(RTE_ARP_OP_REQUEST, 2, 0, port_ip4(2));

	assert_flooded(f, 2, &frame);
	frame = frame_arp(RTE_ARP_OP_REQUEST, 2, port_ip4(2), port_ip4(2));
	assert_flooded(f, 2, &frame); // announcement
	frame = frame_arp(RTE_ARP_OP_REPLY, 2, port_ip4(2), port_ip4(2));
	assert_flooded(f, 2, &frame);
}

static void
test_unknown(void **state)
{
	struct fixture *f = *state;
	struct frame frame = frame_arp(RTE_ARP_OP_REQUEST, 2, port_ip4(2), port_ip4(77));

	assert_flooded(f, 2, &frame);
	frame = frame_arp(RTE_ARP_OP_REPLY, 3, port_ip4(3), port_ip4(2));
	frame_ether(&frame)->dst_addr = port_mac(2);
	assert_passed(f, 3, &frame, 2);
}

static void
test_router_address_is_safe(void **state)
{
	struct fixture *f = *state;
	struct rte_ether_addr router = {{2, 0, 0, 0, 0, 1}};
	struct frame frame = frame_arp(RTE_ARP_OP_REQUEST, 2, port_ip4(1), port_ip4(1));

	assert_dropped(f, 2, &frame, "arp_conflict");
	frame = frame_arp(RTE_ARP_OP_REPLY, 2, port_ip4(1), port_ip4(3));
	assert_dropped(f, 2, &frame, "arp_conflict");
	frame = frame_arp(RTE_ARP_OP_REPLY, 2, port_ip4(2), port_ip4(1));
	frame_ether(&frame)->dst_addr = router;
	assert_dropped(f, 2, &frame, "arp_unwanted");
	frame = frame_arp(RTE_ARP_OP_REQUEST, 2, port_ip4(2), port_ip4(77));
	frame_ether(&frame)->dst_addr = router;
	assert_dropped(f, 2, &frame, "arp_unwanted");
}

static void
test_host(void **state)
{
	struct fixture *f = *state;
	struct rte_ether_addr mac = port_mac(2);
	struct frame frame = frame_arp(RTE_ARP_OP_REQUEST, HOST_PORT, port_ip4(1), port_ip4(1));

	assert_dropped(f, HOST_PORT, &frame, "host_address");
	frame = frame_arp(RTE_ARP_OP_REPLY, HOST_PORT, port_ip4(1), port_ip4(1));
	assert_dropped(f, HOST_PORT, &frame, "host_address");
	frame = frame_arp(RTE_ARP_OP_REQUEST, HOST_PORT, port_ip4(1), port_ip4(77));
	assert_dropped(f, HOST_PORT, &frame, "no_neighbor");
	frame = frame_arp(RTE_ARP_OP_REQUEST, HOST_PORT, port_ip4(1), port_ip4(2));
	assert_answer(f, HOST_PORT, &frame, &mac);
}

static void
test_malformed(void **state)
{
	struct fixture *f = *state;
	struct frame good = frame_arp(RTE_ARP_OP_REQUEST, 2, port_ip4(2), port_ip4(3)), frame;

	frame = good;
	frame.len = 14 + 27;
	assert_dropped(f, 2, &frame, "malformed_arp");
	frame = good;
	frame_arp_header(&frame)->arp_hardware = RTE_BE16(6);
	assert_dropped(f, 2, &frame, "malformed_arp");
	frame = good;
	frame_arp_header(&frame)->arp_protocol = RTE_BE16(0x86dd);
	assert_dropped(f, 2, &frame, "malformed_arp");
	frame = good;
	frame_arp_header(&frame)->arp_hlen = 8;
	assert_dropped(f, 2, &frame, "malformed_arp");
	frame = good;
	frame_arp_header(&frame)->arp_data.arp_sha.addr_bytes[0] = 1;
	assert_dropped(f, 2, &frame, "malformed_arp");
	frame = good;
	frame_arp_header(&frame)->arp_data.arp_sip = RTE_BE32(0xe0000001);
	assert_dropped(f, 2, &frame, "malformed_arp");
	frame_arp_header(&frame)->arp_data.arp_sip = RTE_BE32(RTE_IPV4_BROADCAST);
	assert_dropped(f, 2, &frame, "malformed_arp");
	assert_int_equal(fixture_sent(f, 2), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		l2_test(test_router),
		l2_test(test_neighbor),
		l2_test(test_probe_is_defended),
		l2_test(test_answer_is_tagged),
		l2_test(test_own_address),
		l2_test(test_unknown),
		l2_test(test_router_address_is_safe),
		l2_test(test_host),
		l2_test(test_malformed),
	};

	return cmocka_run_group_tests(tests, setup_host, fixture_teardown);
}
