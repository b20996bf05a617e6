/* SPDX-License-Identifier: Apache-2.0 */
#include "stages/decap_ecn.h"
#include "tunnel_frames.h"

// decap: outer headers of every kind, right and wrong, and what becomes of the inner frame.

static const struct outer *const kinds[] = {&vxlan4, &vxlan6, &ipip, &bare_udp};

// An inner frame from a pod of another node to port 3.
static struct frame
inner_frame(void)
{
	struct frame frame = frame_udp4(4, 3, NULL);

	frame_ether(&frame)->src_addr = (struct rte_ether_addr){{2, 0, 0, 0, 8, 8}};
	return frame;
}

// Out of a tunnel and sent to the router: what port 3 gets.
static struct frame
routed_frame(struct frame frame)
{
	frame_ether(&frame)->dst_addr = port_mac(3);
	rte_ether_unformat_addr(ROUTER_MAC, &frame_ether(&frame)->src_addr);
	frame_ipv4(&frame)->time_to_live--;
	frame_fix_ipv4(&frame);
	return frame;
}

static struct frame
expected(const struct frame *inner, const struct outer *outer)
{
	return outer->kind == CW_TUNNEL_VXLAN ? *inner : routed_frame(*inner);
}

#define assert_decapped(f, outer_frame, inner)           \
	do {                                             \
		fixture_sent_clear(f);                   \
		inject(f, UPLINK, outer_frame);          \
		assert_sent(f, 3, inner);                \
		assert_int_equal(fixture_sent(f, 2), 0); \
		assert_int_equal(fixture_sent(f, 4), 0); \
		fixture_sent_clear(f);                   \
	} while (0)

static void
test_kinds(void **state)
{
	struct fixture *f = *state;
	struct frame inner = inner_frame();

	for (size_t i = 0; i < RTE_DIM(kinds); i++) {
		struct frame frame = wrap(&inner, kinds[i]), out = expected(&inner, kinds[i]);

		assert_decapped(f, &frame, &out);
	}
	assert_int_equal(fixture_counters(f, UPLINK)->sent, RTE_DIM(kinds));
}

static void
test_ipv6_inside(void **state)
{
	struct fixture *f = *state;
	struct frame inner = frame_udp6(4, 3, NULL);
	struct frame frame = wrap(&inner, &vxlan4);

	assert_decapped(f, &frame, &inner);
	frame = wrap(&inner, &vxlan6);
	assert_decapped(f, &frame, &inner);
}

// Flannel's L3 mode: to the vtep's MAC is to the router.
static void
test_vtep_mac(void **state)
{
	struct fixture *f = *state;
	struct frame inner = inner_frame(), frame, out = routed_frame(inner);

	rte_ether_unformat_addr(VTEP_MAC, &frame_ether(&inner)->dst_addr);
	frame = wrap(&inner, &vxlan4);
	assert_decapped(f, &frame, &out);
}

static void
test_mixed_burst(void **state)
{
	struct fixture *f = *state;
	struct frame inner = inner_frame();
	struct rte_mbuf *pkts[96];

	for (size_t i = 0; i < RTE_DIM(pkts); i++) {
		struct outer outer = *kinds[i % 4];
		struct frame frame;

		if (i % 5 == 0 && outer.kind == CW_TUNNEL_VXLAN)
			outer.vni = 77;
		frame = wrap(&inner, &outer);
		pkts[i] = fixture_packet(f, frame.bytes, frame.len);
	}
	fixture_inject(f, UPLINK, pkts, RTE_DIM(pkts));
	assert_int_equal(fixture_drops(f, UPLINK, "vni_unknown"), 10);
	assert_int_equal(fixture_sent(f, 3), RTE_DIM(pkts) - 10);
}

static void
test_vni(void **state)
{
	struct fixture *f = *state;
	struct outer outer = vxlan4;
	struct frame inner = inner_frame(), frame;

	outer.vni = 0xffffff;
	frame = wrap(&inner, &outer);
	assert_dropped(f, UPLINK, &frame, "vni_unknown");
	assert_int_equal(vtep_set_vni(f->dp->vteps, outer.vni, 0), 0);
	assert_decapped(f, &frame, &inner);
	assert_int_equal(vtep_set_vni(f->dp->vteps, outer.vni, CW_MAX_NETWORKS), 0);
	assert_dropped(f, UPLINK, &frame, "vni_unknown");
}

// RFC 7348, 5: the I flag must be set, the others and the reserved fields are ignored.
static void
test_flags(void **state)
{
	struct fixture *f = *state;
	struct frame inner = inner_frame(), frame = wrap(&inner, &vxlan4);
	uint8_t *vxlan = frame.bytes + 14 + 20 + 8;

	memset(vxlan + 1, 0xff, 3);
	vxlan[7] = 0xff;
	vxlan[0] = 0xff;
	assert_decapped(f, &frame, &inner);
	vxlan[0] = 0xf7;
	assert_dropped(f, UPLINK, &frame, "vxlan_flags");
}

static void
set_udp_length(struct frame *frame, bool is_v6, int len)
{
	outer_udp(frame, is_v6)->dgram_len = rte_cpu_to_be_16((uint16_t)len);
	if (is_v6)
		outer_udp(frame, is_v6)->dgram_cksum = 0;
}

static void
test_lying_lengths(void **state)
{
	struct fixture *f = *state;
	struct frame inner = inner_frame(), frame = wrap(&inner, &vxlan4);
	const int len = rte_be_to_cpu_16(outer_udp(&frame, false)->dgram_len);
	const int wrong[] = {0, 7, 8, 15, len + 1, UINT16_MAX};

	for (size_t i = 0; i < RTE_DIM(wrong); i++) {
		set_udp_length(&frame, false, wrong[i]);
		assert_dropped(f, UPLINK, &frame, "tunnel_length");
	}
	set_udp_length(&frame, false, 16);
	assert_dropped(f, UPLINK, &frame, "malformed_ethernet"); // nothing inside
	set_udp_length(&frame, false, len - 1);
	assert_dropped(f, UPLINK, &frame, "malformed_ipv4"); // the inner one
	frame = wrap(&inner, &bare_udp);
	set_udp_length(&frame, false, 8);
	assert_dropped(f, UPLINK, &frame, "tunnel_length");
	frame = wrap(&inner, &ipip);
	frame_ipv4(&frame)->total_length = RTE_BE16(20);
	frame_fix_ipv4(&frame);
	assert_dropped(f, UPLINK, &frame, "tunnel_length");
}

// Cut anywhere, whatever the kind: dropped, never read beyond.
static void
test_truncated(void **state)
{
	struct fixture *f = *state;
	struct frame inner = inner_frame();

	for (size_t i = 0; i < RTE_DIM(kinds); i++) {
		struct frame frame = wrap(&inner, kinds[i]);

		for (uint16_t len = 1; len < frame.len; len++)
			fixture_inject_one(f, UPLINK, frame.bytes, len);
	}
	assert_int_equal(fixture_sent(f, 2) + fixture_sent(f, 3) + fixture_sent(f, 4), 0);
}

// What is behind the outer packet is the link's padding.
static void
test_padding(void **state)
{
	struct fixture *f = *state;
	struct frame inner = inner_frame();

	for (size_t i = 0; i < RTE_DIM(kinds); i++) {
		struct frame frame = wrap(&inner, kinds[i]), out = expected(&inner, kinds[i]);

		memset(frame.bytes + frame.len, 0xaa, 9);
		frame.len = (uint16_t)(frame.len + 9);
		assert_decapped(f, &frame, &out);
	}
}

// A frame as a chain that is cut at two places.
static struct rte_mbuf *
chain(struct fixture *f, const struct frame *frame, uint16_t first, uint16_t second)
{
	const uint16_t cuts[] = {0, first, second, frame->len};
	struct rte_mbuf *m = NULL;

	for (int i = 2; i >= 0; i--) {
		struct rte_mbuf *seg = fixture_packet(
			f, frame->bytes + cuts[i], (uint32_t)(cuts[i + 1] - cuts[i]));

		if (m != NULL)
			assert_int_equal(rte_pktmbuf_chain(seg, m), 0);
		m = seg;
	}
	return m;
}

static void
test_chains(void **state)
{
	struct fixture *f = *state;
	struct frame inner = inner_frame();

	for (size_t i = 0; i < RTE_DIM(kinds); i++) {
		struct frame frame = wrap(&inner, kinds[i]), out = expected(&inner, kinds[i]);

		memset(frame.bytes + frame.len, 0xaa, 5);
		frame.len = (uint16_t)(frame.len + 5);
		for (uint16_t at = 1; at + 7 < frame.len; at++) {
			struct rte_mbuf *m = chain(f, &frame, at, (uint16_t)(at + 7));

			fixture_inject(f, UPLINK, &m, 1);
			assert_sent(f, 3, &out);
			fixture_sent_clear(f);
		}
	}
}

static void
test_fragments(void **state)
{
	struct fixture *f = *state;
	struct frame inner = inner_frame(), frame = wrap(&inner, &vxlan4);
	const uint8_t fragment[8] = {IPPROTO_UDP, 0, 0, 1};
	struct rte_ipv6_hdr *ip;

	frame_ipv4(&frame)->fragment_offset = RTE_BE16(RTE_IPV4_HDR_MF_FLAG);
	frame_fix_ipv4(&frame);
	assert_dropped(f, UPLINK, &frame, "tunnel_fragment");
	frame_ipv4(&frame)->fragment_offset = RTE_BE16(100); // of what, nobody knows
	frame_fix_ipv4(&frame);
	assert_dropped(f, UPLINK, &frame, "no_route");
	frame = wrap(&inner, &ipip);
	frame_ipv4(&frame)->fragment_offset = RTE_BE16(100);
	frame_fix_ipv4(&frame);
	assert_dropped(f, UPLINK, &frame, "tunnel_fragment");
	frame = wrap(&inner, &vxlan6);
	frame_insert(&frame, 54, fragment, sizeof(fragment));
	ip = frame_ipv6(&frame);
	ip->proto = IPPROTO_FRAGMENT;
	ip->payload_len = rte_cpu_to_be_16((uint16_t)(frame.len - 54));
	assert_dropped(f, UPLINK, &frame, "tunnel_fragment");
}

// IPv4 options and IPv6 extension headers in front of UDP.
static void
test_long_headers(void **state)
{
	struct fixture *f = *state;
	const uint8_t options[4] = {1, 1, 1, 0}, padding[8] = {IPPROTO_UDP, 0, 1, 4};
	struct frame inner = inner_frame(), frame = wrap(&inner, &vxlan4);

	frame_insert(&frame, 34, options, sizeof(options));
	frame_ipv4(&frame)->version_ihl = 0x46;
	frame_ipv4(&frame)->total_length = rte_cpu_to_be_16((uint16_t)(frame.len - 14));
	frame_fix_ipv4(&frame);
	assert_decapped(f, &frame, &inner);
	frame = wrap(&inner, &vxlan6);
	frame_insert(&frame, 54, padding, sizeof(padding));
	frame_ipv6(&frame)->proto = IPPROTO_DSTOPTS;
	frame_ipv6(&frame)->payload_len = rte_cpu_to_be_16((uint16_t)(frame.len - 54));
	assert_decapped(f, &frame, &inner);
}

static void
test_checksums(void **state)
{
	struct fixture *f = *state;
	struct outer outer = vxlan4;
	struct frame inner = inner_frame(), frame;
	struct rte_mbuf *m;
	uint64_t before;

	outer.has_checksum = true;
	frame = wrap(&inner, &outer);
	assert_decapped(f, &frame, &inner);
	before = fixture_drops(f, UPLINK, "tunnel_checksum");
	m = fixture_packet(f, frame.bytes, frame.len);
	m->ol_flags |= RTE_MBUF_F_RX_L4_CKSUM_BAD;
	fixture_inject(f, UPLINK, &m, 1);
	assert_int_equal(fixture_drops(f, UPLINK, "tunnel_checksum"), before + 1);
	frame = wrap(&inner, &vxlan6);
	outer_udp(&frame, true)->dgram_cksum ^= 1;
	assert_dropped(f, UPLINK, &frame, "tunnel_checksum");
	outer_udp(&frame, true)->dgram_cksum = 0;
	assert_dropped(f, UPLINK, &frame, "tunnel_checksum");
	m = fixture_packet(f, frame.bytes, frame.len);
	m->ol_flags |= RTE_MBUF_F_RX_L4_CKSUM_GOOD;
	fixture_inject(f, UPLINK, &m, 1);
	assert_sent(f, 3, &inner);
	assert_int_equal(fixture_sent_packet(f, 3, 0)->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK, 0);
}

// RFC 6040, figure 4, from [inner][outer]; 0xff: dropped.
static const uint8_t ecn_out[4][4] = {
	[ECN_NOT_ECT] = {ECN_NOT_ECT, ECN_NOT_ECT, ECN_NOT_ECT, 0xff},
	[ECN_ECT1] = {ECN_ECT1, ECN_ECT1, ECN_ECT1, ECN_CE},
	[ECN_ECT0] = {ECN_ECT0, ECN_ECT1, ECN_ECT0, ECN_CE},
	[ECN_CE] = {ECN_CE, ECN_CE, ECN_CE, ECN_CE},
};

static void
set_ecn(struct frame *frame, bool is_v6, uint8_t ecn)
{
	if (is_v6) {
		frame_ipv6(frame)->vtc_flow =
			rte_cpu_to_be_32(6u << 28 | 0x2eu << 22 | (uint32_t)ecn << 20 | 0x12345);
		return;
	}
	frame_ipv4(frame)->type_of_service = (uint8_t)(0x2e << 2 | ecn);
	frame_fix_ipv4(frame);
}

static void
test_ecn(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < 4 * 4 * 4; i++) {
		bool is_v6 = i & 1;
		uint8_t ecn = i >> 2 & 3, out;
		struct outer outer = i & 2 ? vxlan6 : vxlan4;
		struct frame inner = is_v6 ? frame_udp6(4, 3, NULL) : inner_frame(), frame;

		outer.ecn = i >> 4 & 3;
		set_ecn(&inner, is_v6, ecn);
		frame = wrap(&inner, &outer);
		out = ecn_out[ecn][outer.ecn];
		if (out == 0xff) {
			assert_dropped(f, UPLINK, &frame, "ecn_ce");
			continue;
		}
		set_ecn(&inner, is_v6, out);
		assert_decapped(f, &frame, &inner);
	}
}

// A mark is no reason to look into what is no IP or too short for it.
static void
test_ecn_without_ip(void **state)
{
	struct fixture *f = *state;
	struct outer outer = vxlan4;
	struct frame inner = inner_frame(), frame;

	outer.ecn = ECN_CE;
	frame_ether(&inner)->ether_type = RTE_BE16(0x88b5);
	frame = wrap(&inner, &outer);
	assert_decapped(f, &frame, &inner);
	frame_ether(&inner)->ether_type = RTE_BE16(RTE_ETHER_TYPE_IPV4);
	for (inner.len = 0; inner.len < 34; inner.len++) {
		frame = wrap(&inner, &outer);
		inject(f, UPLINK, &frame);
	}
	assert_int_equal(fixture_sent(f, 3), 0);
}

static void
test_sources(void **state)
{
	struct fixture *f = *state;
	struct outer outer = vxlan4;
	struct frame inner = inner_frame(), frame;

	outer.source = NODE;
	frame = wrap(&inner, &outer);
	assert_dropped(f, UPLINK, &frame, "tunnel_source");
	frame_ipv4(&frame)->src_addr = RTE_BE32(0xe0000001);
	frame_fix_ipv4(&frame);
	assert_dropped(f, UPLINK, &frame, "tunnel_source");
	outer = vxlan6;
	outer.source = NODE;
	frame = wrap(&inner, &outer);
	assert_dropped(f, UPLINK, &frame, "tunnel_source");
	memset(ipv6_src(frame_ipv6(&frame)), 0, 16);
	outer_fix_udp6(&frame);
	assert_dropped(f, UPLINK, &frame, "tunnel_source");
}

static void
test_strict(void **state)
{
	struct fixture *f = *state;
	union vtep_object object = vtep_object(VTEP_V4);
	struct outer outer = vxlan4;
	struct frame inner = inner_frame(), frame;

	object.vtep.flags = CW_VTEP_STRICT;
	set_vtep(f, &object);
	frame = wrap(&inner, &outer);
	assert_decapped(f, &frame, &inner);
	outer.source = 77;
	frame = wrap(&inner, &outer);
	assert_dropped(f, UPLINK, &frame, "tunnel_peer");
	reset_vtep(f, VTEP_V4);
	assert_decapped(f, &frame, &inner);
}

static void
test_tagged_underlay(void **state)
{
	struct fixture *f = *state;
	struct outer outer = vxlan4;
	uint16_t vlan = 100;
	struct frame inner = inner_frame(), frame;

	outer.vlan = vlan;
	frame = wrap(&inner, &outer);
	assert_dropped(f, UPLINK, &frame, "vlan_unknown");
	fixture_port_change(f, UPLINK, change_vlan, &vlan);
	assert_decapped(f, &frame, &inner);
	frame = wrap(&inner, &vxlan4);
	assert_dropped(f, UPLINK, &frame, "vlan_untagged");
	vlan = 0;
	fixture_port_change(f, UPLINK, change_vlan, &vlan);
	frame_tag(&frame, 3 << 13); // priority alone
	assert_decapped(f, &frame, &inner);
}

// A tag inside is the network's own business: only transparent ports carry it.
static void
test_tag_inside(void **state)
{
	struct fixture *f = *state;
	uint32_t flags = CW_PORT_TRANSPARENT;
	struct frame inner = inner_frame(), frame, plain = inner;

	frame_tag(&inner, 42);
	frame = wrap(&inner, &vxlan4);
	assert_dropped(f, UPLINK, &frame, "vlan_foreign");
	fixture_port_change(f, 3, change_flags, &flags);
	assert_decapped(f, &frame, &inner);
	flags = 0;
	fixture_port_change(f, 3, change_flags, &flags);
	inner = plain;
	frame_tag(&inner, 5 << 13); // priority alone
	frame = wrap(&inner, &vxlan4);
	assert_decapped(f, &frame, &plain);
}

static void
test_group(void **state)
{
	struct fixture *f = *state;
	union vtep_object object = vtep_object(VTEP_V4);
	struct cw_ip group = {.addr = {239, 1, 1, 1}, .family = 4, .prefix = 32};
	struct outer outer = vxlan4;
	struct frame inner = inner_frame(), frame;

	outer.dst = &group;
	frame = wrap(&inner, &outer);
	rte_ether_unformat_addr("01:00:5e:01:01:01", &frame_ether(&frame)->dst_addr);
	assert_dropped(f, UPLINK, &frame, "flood_empty"); // nobody listens
	object.vtep.n_groups = 1;
	object.vtep.addresses[0] = group;
	set_vtep(f, &object);
	assert_decapped(f, &frame, &inner);
	frame_ether(&frame)->dst_addr = port_mac(UPLINK); // group and MAC must agree
	assert_dropped(f, UPLINK, &frame, "multicast_not_routed");
	reset_vtep(f, VTEP_V4);
}

static void
test_foreign_mac(void **state)
{
	struct fixture *f = *state;
	struct frame inner = inner_frame(), frame = wrap(&inner, &vxlan4);

	frame_ether(&frame)->dst_addr.addr_bytes[5] ^= 0x40;
	assert_dropped(f, UPLINK, &frame, "not_ours");
	rte_ether_unformat_addr(BROADCAST_MAC, &frame_ether(&frame)->dst_addr);
	assert_dropped(f, UPLINK, &frame, "flood_empty");
	frame_ether(&frame)->dst_addr = f->dp->networks[UNDERLAY]->router_mac;
	assert_decapped(f, &frame, &inner);
}

// Only uplinks lead to tunnels.
static void
test_from_pod(void **state)
{
	struct fixture *f = *state;
	struct frame inner = inner_frame(), frame = wrap(&inner, &vxlan4);

	rte_ether_unformat_addr(ROUTER_MAC, &frame_ether(&frame)->dst_addr);
	inject(f, 4, &frame);
	assert_int_equal(fixture_drops(f, 4, "no_route"), 2); // with the error about it
	assert_int_equal(fixture_sent(f, 3), 0);
}

// A tunnel in a tunnel is opened once.
static void
test_nested(void **state)
{
	struct fixture *f = *state;
	struct frame inner = inner_frame(), nested = wrap(&inner, &vxlan4), frame;

	frame_ether(&nested)->dst_addr = port_mac(3);
	frame = wrap(&nested, &vxlan4);
	assert_decapped(f, &frame, &nested);
}

static void
test_offloads(void **state)
{
	struct fixture *f = *state;
	struct frame inner = inner_frame(), frame = wrap(&inner, &vxlan4);
	struct rte_mbuf *m = fixture_packet(f, frame.bytes, frame.len), *out;
	uint64_t before = fixture_drops(f, UPLINK, "tunnel_offload");

	m->ol_flags = RTE_MBUF_F_TX_UDP_CKSUM | RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_TUNNEL_VXLAN;
	m->tx_offload = rte_mbuf_tx_offload(8 + 8 + 14, 20, 0, 0, 20, 14, 0);
	fixture_inject(f, UPLINK, &m, 1);
	out = fixture_sent_packet(f, 3, 0);
	assert_int_equal(out->ol_flags, RTE_MBUF_F_TX_UDP_CKSUM | RTE_MBUF_F_TX_IPV4);
	assert_int_equal(out->tx_offload, rte_mbuf_tx_offload(14, 20, 0, 0, 0, 0, 0));
	fixture_sent_clear(f);

	m = fixture_packet(f, frame.bytes, frame.len); // the outer checksum is left to be done
	m->ol_flags = RTE_MBUF_F_TX_UDP_CKSUM | RTE_MBUF_F_TX_IPV4;
	m->tx_offload = rte_mbuf_tx_offload(14, 20, 0, 0, 0, 0, 0);
	fixture_inject(f, UPLINK, &m, 1);
	assert_int_equal(fixture_sent_packet(f, 3, 0)->ol_flags, 0);
	fixture_sent_clear(f);

	m = fixture_packet(f, frame.bytes, frame.len); // somewhere in the VXLAN header
	m->ol_flags = RTE_MBUF_F_TX_UDP_CKSUM | RTE_MBUF_F_TX_IPV4;
	m->tx_offload = rte_mbuf_tx_offload(14, 32, 0, 0, 0, 0, 0);
	fixture_inject(f, UPLINK, &m, 1);
	assert_int_equal(fixture_drops(f, UPLINK, "tunnel_offload"), before + 1);
}

// Any bytes at all, in any segments: the books balance and nothing is read beyond (sanitizers).
static void
test_noise(void **state)
{
	struct fixture *f = *state;
	struct frame inner = inner_frame();
	uint32_t seed = 1;

	for (int round = 0; round < 20000; round++) {
		struct frame frame = wrap(&inner, kinds[round % 4]);
		struct rte_mbuf *m;
		uint16_t cut;

		for (int k = 0; k < 3; k++) {
			seed = seed * 1664525 + 1013904223;
			frame.bytes[12 + (seed >> 8) % (frame.len - 12u)] = (uint8_t)(seed >> 24);
		}
		if (round & 8)
			frame_fix_ipv4(&frame);
		cut = (uint16_t)(1 + (seed >> 4) % (frame.len - 3u));
		m = chain(f, &frame, cut, (uint16_t)(cut + 1));
		fixture_inject(f, UPLINK, &m, 1);
		for (uint16_t port = 2; port <= 4; port++)
			if (fixture_sent(f, port) > 0)
				fixture_sent_clear(f);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		l2_test(test_kinds),
		l2_test(test_ipv6_inside),
		l2_test(test_vtep_mac),
		l2_test(test_mixed_burst),
		l2_test(test_vni),
		l2_test(test_flags),
		l2_test(test_lying_lengths),
		l2_test(test_truncated),
		l2_test(test_padding),
		l2_test(test_chains),
		l2_test(test_fragments),
		l2_test(test_long_headers),
		l2_test(test_checksums),
		l2_test(test_ecn),
		l2_test(test_ecn_without_ip),
		l2_test(test_sources),
		l2_test(test_strict),
		l2_test(test_tagged_underlay),
		l2_test(test_tag_inside),
		l2_test(test_group),
		l2_test(test_foreign_mac),
		l2_test(test_from_pod),
		l2_test(test_nested),
		l2_test(test_offloads),
		l2_test(test_noise),
	};

	return cmocka_run_group_tests(tests, setup_tunnels, fixture_teardown);
}
