/* SPDX-License-Identifier: Apache-2.0 */
#include "frames.h"

#include "stages/hold.h"
#include "tunnel_setup.h"

static uint8_t frame[2048];

// A routed packet of port 2 to a host behind the tunnel, TTL 64 when it arrives.
static uint16_t
make_inner4(uint16_t payload_len)
{
	uint16_t len = fixture_udp4(frame, 2, 3, ROUTER, payload_len);
	struct rte_udp_hdr *udp = (void *)(frame_ip4(frame) + 1);

	frame_ip4(frame)->dst_addr = frame_ip("10.99.1.1");
	frame_ip4(frame)->type_of_service = 0xba; // EF, ECT(0)
	frame_seal4(frame);
	udp->dgram_cksum = 0;
	udp->dgram_cksum = rte_ipv4_udptcp_cksum(frame_ip4(frame), udp);
	return len;
}

static uint16_t
make_inner6(uint16_t payload_len)
{
	uint16_t len = fixture_udp6(frame, 2, 3, ROUTER, payload_len);
	struct rte_udp_hdr *udp = (void *)(frame_ip6(frame) + 1);

	frame_set_ip6(ipv6_dst(frame_ip6(frame)), "fd99::1");
	frame_ip6(frame)->vtc_flow = RTE_BE32(0x60000000 | 0x2b << 20 | 7);
	udp->dgram_cksum = 0;
	udp->dgram_cksum = rte_ipv6_udptcp_cksum(frame_ip6(frame), udp);
	return len;
}

// What the router makes of frame[].
static void
make_routed(void)
{
	static const uint8_t macs[12] = {2, 0, 0, 0, 9, 0x88, 2, 0, 0, 0, 0, 1};

	memcpy(frame, macs, sizeof(macs));
	if (frame[12] == 0x08) {
		frame_ip4(frame)->time_to_live--;
		frame_seal4(frame);
	} else {
		frame_ip6(frame)->hop_limits--;
	}
}

static uint16_t
word_at(const uint8_t *bytes, uint32_t at)
{
	return (uint16_t)(bytes[at] << 8 | bytes[at + 1]);
}

static void
assert_outer4(const uint8_t *bytes, uint32_t len, uint8_t proto, uint8_t traffic_class)
{
	static const uint8_t ether[14] = {2, 0, 0, 0, 9, 0x77, 2, 0, 0, 0, 1, UPLINK, 0x08, 0x00};
	const struct rte_ipv4_hdr *ip = (const void *)(bytes + 14);

	assert_memory_equal(bytes, ether, sizeof(ether));
	assert_int_equal(ip->version_ihl, 0x45);
	assert_int_equal(ip->type_of_service, traffic_class);
	assert_int_equal(rte_be_to_cpu_16(ip->total_length), len - 14);
	assert_int_equal(ip->time_to_live, 64);
	assert_int_equal(ip->next_proto_id, proto);
	assert_int_equal(ip->src_addr, frame_ip("192.0.2.1"));
	assert_int_equal(ip->dst_addr, frame_ip("192.0.2.2"));
	assert_true(frame_header_is_right4(ip));
}

static void
assert_udp(const uint8_t *udp, uint32_t len, uint16_t port)
{
	assert_true(word_at(udp, 0) >= 49152);
	assert_int_equal(word_at(udp, 2), port);
	assert_int_equal(word_at(udp, 4), len);
}

static void
assert_vxlan(const uint8_t *vxlan)
{
	static const uint8_t expected[8] = {8, 0, 0, 0, 1, 2, 3, 0};

	assert_memory_equal(vxlan, expected, sizeof(expected));
}

static void
vxlan_over_ipv4(void **state)
{
	struct fixture *f = *state;
	const uint8_t *bytes;
	uint16_t inner;
	uint32_t len;

	tunnel_setup(f, CW_TUNNEL_VXLAN, false, 0);
	inner = make_inner4(33);
	fixture_inject_one(f, 2, frame, inner);
	bytes = frame_only(f, UPLINK, &len);
	assert_int_equal(len, inner + 50);
	assert_outer4(bytes, len, IPPROTO_UDP, 0xba);
	assert_int_equal(word_at(bytes, 20) & RTE_IPV4_HDR_DF_FLAG, 0);
	assert_udp(bytes + 34, len - 34, 8472);
	assert_int_equal(word_at(bytes, 40), 0); // no checksum
	assert_vxlan(bytes + 42);
	make_routed();
	assert_memory_equal(bytes + 50, frame, inner);
}

static void
checksum_over_ipv4_when_wanted(void **state)
{
	struct fixture *f = *state;
	const uint8_t *bytes;
	uint32_t len;

	tunnel_setup(f, CW_TUNNEL_VXLAN, false, CW_VTEP_CHECKSUM);
	fixture_inject_one(f, 2, frame, make_inner4(33));
	bytes = frame_only(f, UPLINK, &len);
	assert_int_not_equal(word_at(bytes, 40), 0);
	assert_true(frame_l4_is_right4((const void *)(bytes + 14)));
}

static void
vxlan_over_ipv6(void **state)
{
	struct fixture *f = *state;
	const struct rte_ipv6_hdr *ip;
	const uint8_t *bytes;
	uint16_t inner;
	uint32_t len;

	tunnel_setup(f, CW_TUNNEL_VXLAN, true, 0);
	inner = make_inner6(34);
	fixture_inject_one(f, 2, frame, inner);
	bytes = frame_only(f, UPLINK, &len);
	ip = (const void *)(bytes + 14);
	assert_int_equal(len, inner + 70);
	assert_int_equal(word_at(bytes, 12), RTE_ETHER_TYPE_IPV6);
	assert_int_equal(rte_be_to_cpu_32(ip->vtc_flow), 0x60000000 | 0x2b << 20);
	assert_int_equal(rte_be_to_cpu_16(ip->payload_len), len - 54);
	assert_int_equal(ip->proto, IPPROTO_UDP);
	assert_int_equal(ip->hop_limits, 64);
	assert_memory_equal(ipv6_src(ip), tunnel_ip6(1).addr, 16);
	assert_memory_equal(ipv6_dst(ip), tunnel_ip6(2).addr, 16);
	assert_udp(bytes + 54, len - 54, 8472);
	assert_int_not_equal(word_at(bytes, 60), 0); // RFC 8200, 8.1
	assert_true(frame_l4_is_right6(ip, 40, IPPROTO_UDP));
	assert_vxlan(bytes + 62);
	make_routed();
	assert_memory_equal(bytes + 70, frame, inner);
}

// The inner checksum stands for the bytes that it covers; what is behind the packet does not.
static void
known_checksums_are_not_summed_again(void **state)
{
	struct fixture *f = *state;

	tunnel_setup(f, CW_TUNNEL_VXLAN, true, 0);
	for (uint16_t payload = 0; payload < 100; payload++) {
		uint16_t inner = payload % 2 ? make_inner4(payload) : make_inner6(payload);
		struct rte_mbuf *m;
		const uint8_t *bytes;

		for (uint16_t pad = payload % 7; pad > 0; pad--)
			frame[inner++] = (uint8_t)(pad * 41);
		m = fixture_packet(f, frame, inner);
		m->ol_flags |= RTE_MBUF_F_RX_L4_CKSUM_GOOD;
		fixture_inject(f, 2, &m, 1);
		bytes = frame_only(f, UPLINK, NULL);
		assert_true(frame_l4_is_right6((const void *)(bytes + 14), 40, IPPROTO_UDP));
		m = fixture_sent_packet(f, UPLINK, 0);
		assert_int_equal(m->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK, 0);
		fixture_sent_clear(f);
	}
}

// A UDP checksum of zero says nothing of the payload.
static void
absent_checksums_are_not_believed(void **state)
{
	struct fixture *f = *state;
	struct rte_mbuf *m;

	tunnel_setup(f, CW_TUNNEL_VXLAN, false, CW_VTEP_CHECKSUM);
	make_inner4(33);
	((struct rte_udp_hdr *)(frame_ip4(frame) + 1))->dgram_cksum = 0;
	m = fixture_packet(f, frame, 42 + 33);
	m->ol_flags |= RTE_MBUF_F_RX_L4_CKSUM_GOOD;
	fixture_inject(f, 2, &m, 1);
	assert_true(frame_l4_is_right4((const void *)(frame_only(f, UPLINK, NULL) + 14)));
}

static void
ipip(void **state)
{
	struct fixture *f = *state;
	const uint8_t *bytes;
	uint16_t inner;
	uint32_t len;

	tunnel_setup(f, CW_TUNNEL_IPIP, false, 0);
	inner = make_inner4(5);
	memset(frame + inner, 0xee, 60u - inner); // padding stays here
	fixture_inject_one(f, 2, frame, 60);
	bytes = frame_only(f, UPLINK, &len);
	assert_int_equal(len, inner - 14 + 34);
	assert_outer4(bytes, len, IPPROTO_IPIP, 0xba);
	make_routed();
	assert_memory_equal(bytes + 34, frame + 14, inner - 14);
}

static void
flannel_udp(void **state)
{
	struct fixture *f = *state;
	const uint8_t *bytes;
	uint16_t inner;
	uint32_t len;

	tunnel_setup(f, CW_TUNNEL_UDP, false, CW_VTEP_CHECKSUM);
	inner = make_inner4(51);
	fixture_inject_one(f, 2, frame, inner);
	bytes = frame_only(f, UPLINK, &len);
	assert_int_equal(len, inner - 14 + 42);
	assert_outer4(bytes, len, IPPROTO_UDP, 0xba);
	assert_udp(bytes + 34, len - 34, 8285);
	assert_true(frame_l4_is_right4((const void *)(bytes + 14)));
	make_routed();
	assert_memory_equal(bytes + 42, frame + 14, inner - 14);
}

static void
ipv4_tunnels_take_no_ipv6(void **state)
{
	struct fixture *f = *state;

	tunnel_setup(f, CW_TUNNEL_IPIP, false, 0);
	fixture_inject_one(f, 2, frame, make_inner6(10));
	assert_int_equal(fixture_sent(f, UPLINK), 0);
	assert_int_equal(fixture_drops(f, 2, "tunnel_not_ipv4"), 1);
}

static void
make_flow(uint16_t flow)
{
	((struct rte_udp_hdr *)(frame_ip4(frame) + 1))->src_port = rte_cpu_to_be_16(flow);
}

static uint16_t
source_port(struct fixture *f, uint16_t index)
{
	return word_at(rte_pktmbuf_mtod(fixture_sent_packet(f, UPLINK, index), uint8_t *), 34);
}

static void
flows_choose_source_ports(void **state)
{
	struct fixture *f = *state;
	bool seen[UINT16_MAX + 1] = {false};
	uint16_t distinct = 0;

	tunnel_setup(f, CW_TUNNEL_VXLAN, false, 0);
	for (uint16_t flow = 0; flow < 200; flow++) {
		uint16_t len = make_inner4(20);

		make_flow(flow);
		fixture_inject_one(f, 2, frame, len);
		fixture_inject_one(f, 2, frame, len);
		assert_int_equal(source_port(f, 0), source_port(f, 1));
		distinct = (uint16_t)(distinct + !seen[source_port(f, 0)]);
		seen[source_port(f, 0)] = true;
		fixture_sent_clear(f);
	}
	assert_in_range(distinct, 190, 200);
}

static void
set_mtu(struct dp_port *port, void *arg)
{
	port->mtu = 600;
}

// All fragments of a packet are one flow outside, and each is what the tunnel takes.
static void
fragments_are_cut_inside(void **state)
{
	struct fixture *f = *state;
	uint32_t payload = 0;
	uint16_t len, n;

	tunnel_setup(f, CW_TUNNEL_VXLAN, false, 0);
	fixture_port_change(f, UPLINK, set_mtu, NULL);
	len = make_inner4(1400);
	fixture_inject_one(f, 2, frame, len);
	n = fixture_sent(f, UPLINK);
	assert_int_equal(n, 3);
	for (uint16_t i = 0; i < n; i++) {
		const struct rte_mbuf *m = fixture_sent_packet(f, UPLINK, i);
		const uint8_t *bytes = rte_pktmbuf_mtod(m, const uint8_t *);
		const struct rte_ipv4_hdr *inner = (const void *)(bytes + 64);

		assert_outer4(bytes, m->pkt_len, IPPROTO_UDP, 0xba);
		assert_true(m->pkt_len <= 14 + 600);
		assert_int_equal(source_port(f, i), source_port(f, 0));
		assert_true(frame_header_is_right4(inner));
		payload += rte_be_to_cpu_16(inner->total_length) - 20u;
	}
	assert_int_equal(payload, 1408);
}

static void
outer_ids_differ(void **state)
{
	struct fixture *f = *state;
	struct rte_mbuf *pkts[64];
	bool seen[UINT16_MAX + 1] = {false};

	tunnel_setup(f, CW_TUNNEL_VXLAN, false, 0);
	for (uint16_t i = 0; i < 64; i++)
		pkts[i] = fixture_packet(f, frame, make_inner4(20));
	fixture_inject(f, 2, pkts, 64);
	assert_int_equal(fixture_sent(f, UPLINK), 64);
	for (uint16_t i = 0; i < 64; i++) {
		const uint8_t *bytes =
			rte_pktmbuf_mtod(fixture_sent_packet(f, UPLINK, i), const uint8_t *);

		assert_false(seen[word_at(bytes, 18)]);
		seen[word_at(bytes, 18)] = true;
	}
}

static void
set_vlan(struct dp_port *port, void *arg)
{
	port->vlan = 100;
}

static void
the_uplink_may_be_tagged(void **state)
{
	struct fixture *f = *state;
	uint8_t untagged[256];
	const uint8_t *bytes;
	uint32_t len;

	tunnel_setup(f, CW_TUNNEL_VXLAN, false, 0);
	fixture_port_change(f, UPLINK, set_vlan, NULL);
	fixture_inject_one(f, 2, frame, make_inner4(40));
	bytes = frame_only(f, UPLINK, &len);
	assert_int_equal(word_at(bytes, 12), RTE_ETHER_TYPE_VLAN);
	assert_int_equal(word_at(bytes, 14), 100);
	memcpy(untagged, bytes, 12);
	memcpy(untagged + 12, bytes + 16, len - 16);
	assert_outer4(untagged, len - 4, IPPROTO_UDP, 0xba);
}

static void
set_group(struct fixture *f)
{
	make_nexthop(&tunnel_item, 12, 0, 0);
	tunnel_item.nexthop.kind = CW_NEXTHOP_GROUP;
	tunnel_item.nexthop.n_members = 2;
	tunnel_item.nexthop.members[0] = (struct cw_member){UNDERLAY, 1};
	tunnel_item.nexthop.members[1] = (struct cw_member){UNDERLAY + 1, 1};
	tunnel_set_nexthop(f, &tunnel_item.item);
}

static void
flows_share_two_uplinks(void **state)
{
	struct fixture *f = *state;
	uint16_t first, second;

	tunnel_setup(f, CW_TUNNEL_VXLAN, false, 0);
	fixture_port_change(f, OTHER_UPLINK, tunnel_make_uplink, NULL);
	tunnel_set_nexthop(f, make_nexthop(&tunnel_item, UNDERLAY + 1, 0, OTHER_UPLINK));
	set_group(f);
	tunnel_set_nexthop(
		f, make_tunnel(&tunnel_item, TUNNEL, 0, 1, make_ip4(192, 0, 2, 2, 32), 12));
	for (uint16_t flow = 0; flow < 200; flow++) {
		uint16_t len = make_inner4(20);

		make_flow(flow);
		fixture_inject_one(f, 2, frame, len);
	}
	first = fixture_sent(f, UPLINK);
	second = fixture_sent(f, OTHER_UPLINK);
	assert_int_equal(first + second, 200);
	assert_in_range(first, 70, 130);
	// Each leaves with its own uplink's MAC.
	assert_int_equal(
		rte_pktmbuf_mtod(fixture_sent_packet(f, UPLINK, 0), uint8_t *)[11], UPLINK);
	assert_int_equal(rte_pktmbuf_mtod(fixture_sent_packet(f, OTHER_UPLINK, 0), uint8_t *)[11],
		OTHER_UPLINK);
}

static void
neighbors_behind_a_tunnel_are_reached(void **state)
{
	struct fixture *f = *state;
	const struct cw_ip ip = make_ip4(10, 1, 200, 1, 32);
	const struct rte_ether_addr mac = {{2, 0, 0, 0, 5, 5}};
	const uint8_t *bytes;
	uint16_t len;

	tunnel_setup(f, CW_TUNNEL_VXLAN, false, 0);
	assert_int_equal(
		neighbor_set_behind(f->dp->neighbors, NEIGHBOR_STATIC, 0, &ip, &mac, TUNNEL), 0);
	len = make_inner4(20);
	frame_ip4(frame)->dst_addr = frame_ip("10.1.200.1");
	frame_seal4(frame);
	fixture_inject_one(f, 2, frame, len);
	bytes = frame_only(f, UPLINK, NULL);
	assert_outer4(bytes, len + 50u, IPPROTO_UDP, 0xba);
	assert_int_equal(bytes[50 + 5], 0x88);
}

static void
without_room_it_is_dropped(void **state)
{
	struct fixture *f = *state;
	struct rte_mbuf *m;
	uint16_t len;

	tunnel_setup(f, CW_TUNNEL_VXLAN, false, 0);
	len = make_inner4(20);
	m = fixture_packet(f, frame, len);
	memmove((uint8_t *)m->buf_addr + 48, frame, len);
	m->data_off = 48;
	fixture_inject(f, 2, &m, 1);
	assert_int_equal(fixture_sent(f, UPLINK), 0);
	assert_int_equal(fixture_drops(f, 2, "no_memory"), 1);
}

static void
an_unresolved_underlay_is_wanted(void **state)
{
	struct fixture *f = *state;

	tunnel_setup(f, CW_TUNNEL_VXLAN, false, 0);
	assert_int_equal(nexthop_del(f->dp->nexthops, UNDERLAY), 0);
	fixture_inject_one(f, 2, frame, make_inner4(20));
	assert_int_equal(fixture_sent(f, UPLINK), 0);
	tunnel_set_nexthop(f, make_nexthop(&tunnel_item, UNDERLAY, 0, UPLINK));
	hold_poll(f->w); // what waited goes
	worker_flush(f->w);
	assert_int_equal(fixture_sent(f, UPLINK), 1);
	fixture_inject_one(f, 2, frame, make_inner4(20));
	assert_int_equal(fixture_sent(f, UPLINK), 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		frames_test(vxlan_over_ipv4),
		frames_test(checksum_over_ipv4_when_wanted),
		frames_test(vxlan_over_ipv6),
		frames_test(known_checksums_are_not_summed_again),
		frames_test(absent_checksums_are_not_believed),
		frames_test(ipip),
		frames_test(flannel_udp),
		frames_test(ipv4_tunnels_take_no_ipv6),
		frames_test(flows_choose_source_ports),
		frames_test(fragments_are_cut_inside),
		frames_test(outer_ids_differ),
		frames_test(the_uplink_may_be_tagged),
		frames_test(flows_share_two_uplinks),
		frames_test(neighbors_behind_a_tunnel_are_reached),
		frames_test(without_room_it_is_dropped),
		frames_test(an_unresolved_underlay_is_wanted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
