/* SPDX-License-Identifier: Apache-2.0 */
#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>
#include <string.h>

#include "fixture.h"

#include "frames.h"
#include "stages/icmp_error.h"

// ---------------------------------------------------------------------------------- bytes

static uint16_t
make_expired4(uint8_t *frame, uint16_t payload)
{
	uint16_t len = fixture_udp4(frame, 4, 2, ROUTER, payload);

	frame_ip4(frame)->time_to_live = 1;
	frame_seal4(frame);
	return len;
}

static uint16_t
make_expired6(uint8_t *frame, uint16_t payload)
{
	uint16_t len = fixture_udp6(frame, 4, 2, ROUTER, payload);

	frame_ip6(frame)->hop_limits = 1;
	return len;
}

static void
assert_addresses4(const struct rte_ipv4_hdr *ip, const char *src, const char *dst)
{
	assert_int_equal(ip->src_addr, frame_ip(src));
	assert_int_equal(ip->dst_addr, frame_ip(dst));
}

static void
assert_addresses6(const struct rte_ipv6_hdr *ip, const char *src, const char *dst)
{
	uint8_t want[16];

	frame_set_ip6(want, src);
	assert_memory_equal(ipv6_src(ip), want, 16);
	frame_set_ip6(want, dst);
	assert_memory_equal(ipv6_dst(ip), want, 16);
}

// The whole error for packets of every length up to beyond what fits: it quotes the packet from its
// IP header on, as much as 576 bytes hold (RFC 1812, 4.3.2.3).
static void
test_bytes4(void **state)
{
	struct fixture *f = *state;
	uint8_t frame[1600], *out;

	for (uint16_t payload = 0; payload <= 1400; payload = (uint16_t)(payload + 35)) {
		uint16_t len = make_expired4(frame, payload);
		uint32_t quote = RTE_MIN(len - 14u, 548u), out_len;

		fixture_inject_one(f, 4, frame, len);
		out = frame_only(f, 4, &out_len);
		assert_int_equal(out_len, 14 + 28 + quote);
		assert_memory_equal(out, "\2\0\0\0\1\4\2\0\0\0\0\1\x08\0", 14);
		assert_addresses4(frame_ip4(out), "10.1.0.1", "10.1.0.4");
		assert_int_equal(rte_be_to_cpu_16(frame_ip4(out)->total_length), 28 + quote);
		assert_int_equal(frame_ip4(out)->time_to_live, 64);
		assert_int_equal(frame_ip4(out)->type_of_service, 0xc0);
		assert_true(frame_header_is_right4(frame_ip4(out)));
		assert_true(frame_l4_is_right4(frame_ip4(out)));
		assert_memory_equal(out + 34, "\x0b\0", 2);
		assert_memory_equal(out + 38, "\0\0\0\0", 4);
		assert_memory_equal(out + 42, frame + 14, quote);
		fixture_sent_clear(f);
	}
}

// 1,280 bytes at most (RFC 4443, 2.4 (c)).
static void
test_bytes6(void **state)
{
	struct fixture *f = *state;
	uint8_t frame[1600], *out;

	for (uint16_t payload = 0; payload <= 1400; payload = (uint16_t)(payload + 35)) {
		uint16_t len = make_expired6(frame, payload);
		uint32_t quote = RTE_MIN(len - 14u, 1232u), out_len;

		fixture_inject_one(f, 4, frame, len);
		out = frame_only(f, 4, &out_len);
		assert_int_equal(out_len, 14 + 48 + quote);
		assert_memory_equal(out, "\2\0\0\0\1\4\2\0\0\0\0\1\x86\xdd", 14);
		assert_addresses6(frame_ip6(out), "fd00:1::1", "fd00:1::4");
		assert_int_equal(rte_be_to_cpu_16(frame_ip6(out)->payload_len), 8 + quote);
		assert_int_equal(frame_ip6(out)->hop_limits, 64);
		assert_true(frame_l4_is_right6(frame_ip6(out), 40, IPPROTO_ICMPV6));
		assert_memory_equal(out + 54, "\3\0", 2);
		assert_memory_equal(out + 62, frame + 14, quote);
		fixture_sent_clear(f);
	}
}

static void
set_mtu_1400(struct dp_port *port, void *arg)
{
	port->mtu = 1400;
}

// Path MTU discovery: the next hop's MTU stands in the error (RFC 1191, 4; RFC 4443, 3.2).
static void
test_too_big(void **state)
{
	struct fixture *f = *state;
	uint8_t frame[1600], *out;
	uint16_t len;

	fixture_port_change(f, 3, set_mtu_1400, NULL);
	len = fixture_udp4(frame, 2, 3, ROUTER, 1400 - 28 + 1);
	frame_ip4(frame)->fragment_offset = RTE_BE16(RTE_IPV4_HDR_DF_FLAG);
	frame_seal4(frame);
	fixture_inject_one(f, 2, frame, len);
	out = frame_only(f, 2, NULL);
	assert_memory_equal(out + 34, "\3\4", 2);
	assert_memory_equal(out + 38, "\0\0\x05\x78", 4);
	assert_addresses4(frame_ip4(out), "10.1.0.1", "10.1.0.2");
	assert_true(frame_l4_is_right4(frame_ip4(out)));
	fixture_sent_clear(f);

	len = fixture_udp6(frame, 2, 3, ROUTER, 1400 - 48 + 1);
	fixture_inject_one(f, 2, frame, len);
	out = frame_only(f, 2, NULL);
	assert_memory_equal(out + 54, "\2\0", 2);
	assert_memory_equal(out + 58, "\0\0\x05\x78", 4);
	assert_addresses6(frame_ip6(out), "fd00:1::1", "fd00:1::2");
	assert_int_equal(fixture_drops(f, 2, "too_big"), 2);
}

// A chain whose quotation spans segments, with a checksum left to be finished.
static void
test_quotes_super_frame(void **state)
{
	struct fixture *f = *state;
	uint8_t frame[9100], *out;
	uint16_t len = make_expired4(frame, 9000);
	struct rte_mbuf *head = fixture_packet(f, frame, 300);

	for (uint16_t at = 300; at < len; at = (uint16_t)(at + 300)) {
		uint32_t some = RTE_MIN(300u, (uint32_t)(len - at));

		assert_int_equal(rte_pktmbuf_chain(head, fixture_packet(f, frame + at, some)), 0);
	}
	head->l2_len = 14;
	head->l3_len = 20;
	head->l4_len = 8;
	head->tso_segsz = 1400;
	head->ol_flags = RTE_MBUF_F_TX_UDP_SEG | RTE_MBUF_F_TX_UDP_CKSUM | RTE_MBUF_F_TX_IPV4;
	fixture_inject(f, 4, &head, 1);
	out = frame_only(f, 4, NULL);
	assert_memory_equal(out + 42, frame + 14, 548);
	assert_true(frame_l4_is_right4(frame_ip4(out)));
}

// -------------------------------------------------------------------------------- silence

// Runs one packet that expires at the router, after 'change' made it one that must not be answered.
static void
assert_unanswered4(struct fixture *f, void (*change)(uint8_t *frame))
{
	uint8_t frame[256];
	uint16_t len = make_expired4(frame, 40);
	uint64_t before = fixture_drops(f, 4, "ttl_exceeded");

	change(frame);
	frame_seal4(frame);
	fixture_inject_one(f, 4, frame, len);
	assert_int_equal(fixture_sent(f, 4), 0);
	assert_int_equal(fixture_drops(f, 4, "ttl_exceeded"), before + 1);
	assert_int_equal(fixture_counters(f, 4)->originated, 0);
}

static void
make_later_fragment(uint8_t *frame)
{
	frame_ip4(frame)->fragment_offset = RTE_BE16(1);
}

static uint8_t icmp_type;

static void
make_icmp(uint8_t *frame)
{
	frame_ip4(frame)->next_proto_id = IPPROTO_ICMP;
	frame[34] = icmp_type;
}

static void
make_broadcast_source(uint8_t *frame)
{
	frame_ip4(frame)->src_addr = frame_ip("10.1.255.255");
}

static void
test_not_about4(void **state)
{
	static const uint8_t errors[] = {ICMP_DEST_UNREACH, ICMP_SOURCE_QUENCH, ICMP_REDIRECT,
		ICMP_TIME_EXCEEDED, ICMP_PARAMETERPROB};

	assert_unanswered4(*state, make_later_fragment);
	assert_unanswered4(*state, make_broadcast_source);
	for (size_t i = 0; i < RTE_DIM(errors); i++) {
		icmp_type = errors[i];
		assert_unanswered4(*state, make_icmp);
	}
}

// Queries and first fragments are answered.
static void
test_about_queries(void **state)
{
	struct fixture *f = *state;
	uint8_t frame[256];
	uint16_t len = make_expired4(frame, 40);

	icmp_type = ICMP_ECHO;
	make_icmp(frame);
	frame_ip4(frame)->fragment_offset = RTE_BE16(RTE_IPV4_HDR_MF_FLAG);
	frame_seal4(frame);
	fixture_inject_one(f, 4, frame, len);
	frame_only(f, 4, NULL);
	fixture_sent_clear(f);
	len = make_expired6(frame, 40);
	frame_ip6(frame)->proto = IPPROTO_ICMPV6;
	frame[54] = ICMP6_ECHO_REQUEST;
	fixture_inject_one(f, 4, frame, len);
	frame_only(f, 4, NULL);
}

static void
test_not_about6(void **state)
{
	static const uint8_t types[] = {1, 2, 3, 4, 100, 127, ND_REDIRECT};
	struct fixture *f = *state;
	uint8_t frame[256];

	for (size_t i = 0; i < RTE_DIM(types); i++) {
		struct rte_mbuf *m;
		struct packet_ctx ctx = {.ether_type = RTE_ETHER_TYPE_IPV6,
			.l2_len = 14,
			.l3_len = 40,
			.ip_proto = IPPROTO_ICMPV6,
			.icmp_type = ICMP6_TIME_EXCEEDED};
		uint16_t len = make_expired6(frame, 40);

		frame[54] = types[i];
		m = fixture_packet(f, frame, len);
		assert_false(icmp_error_is_allowed(m, &ctx, f->dp->networks[0]));
		rte_pktmbuf_free(m);
	}
}

// RFC 4443, 2.4 (e.3): only "too big" and "unknown option" may answer multicast.
static void
test_multicast6(void **state)
{
	static const struct {
		uint8_t type, code;
		bool is_allowed;
	} cases[] = {
		{ICMP6_TIME_EXCEEDED, 0, false},
		{ICMP6_DST_UNREACH, 0, false},
		{ICMP6_PARAM_PROB, ICMP6_PARAMPROB_HEADER, false},
		{ICMP6_PARAM_PROB, ICMP6_PARAMPROB_OPTION, true},
		{ICMP6_PACKET_TOO_BIG, 0, true},
	};
	struct fixture *f = *state;
	uint8_t frame[256];
	struct packet_ctx ctx = {.ether_type = RTE_ETHER_TYPE_IPV6,
		.l2_len = 14,
		.l3_len = 40,
		.ip_proto = IPPROTO_UDP};
	struct rte_mbuf *m = fixture_packet(f, frame, make_expired6(frame, 40));

	frame_set_ip6(ipv6_dst(packet_ipv6(m, &ctx)), "ff0e::1");
	for (size_t i = 0; i < RTE_DIM(cases); i++) {
		ctx.icmp_type = cases[i].type;
		ctx.icmp_code = cases[i].code;
		assert_int_equal(
			icmp_error_is_allowed(m, &ctx, f->dp->networks[0]), cases[i].is_allowed);
		ctx.flags = PACKET_NO_ERROR;
		assert_false(icmp_error_is_allowed(m, &ctx, f->dp->networks[0]));
		ctx.flags = 0;
	}
	rte_pktmbuf_free(m);
}

// What came as a link-layer broadcast, whatever its IP address says, or was made by the router.
static void
test_link_layer_and_origin(void **state)
{
	struct fixture *f = *state;
	uint8_t frame[256];
	struct packet_ctx ctx = {.ether_type = RTE_ETHER_TYPE_IPV4,
		.l2_len = 14,
		.l3_len = 20,
		.ip_proto = IPPROTO_UDP};
	struct rte_mbuf *m = fixture_packet(f, frame, make_expired4(frame, 40));

	assert_true(icmp_error_is_allowed(m, &ctx, f->dp->networks[0]));
	ctx.origin = PACKET_FROM_ROUTER;
	assert_false(icmp_error_is_allowed(m, &ctx, f->dp->networks[0]));
	ctx.origin = PACKET_FROM_PORT;
	ctx.flags = PACKET_FLOODED;
	assert_false(icmp_error_is_allowed(m, &ctx, f->dp->networks[0]));
	ctx.flags = 0;
	memset(packet_ether(m), 0xff, 6);
	assert_false(icmp_error_is_allowed(m, &ctx, f->dp->networks[0]));
	rte_pktmbuf_free(m);
}

static void
drop_addresses(struct network *network, void *arg)
{
	network->n_addresses = 0;
}

// A router without an address in the family has nothing to say it from.
static void
test_no_address(void **state)
{
	struct fixture *f = *state;
	uint8_t frame[256];
	uint16_t len = make_expired4(frame, 40);

	fixture_network(f, 0, drop_addresses, NULL);
	fixture_inject_one(f, 4, frame, len);
	assert_int_equal(fixture_sent(f, 4), 0);
	assert_int_equal(fixture_drops(f, 4, "ttl_exceeded"), 1);
}

static void
add_subnet(struct network *network, void *arg)
{
	network->addresses[network->n_addresses++] =
		(struct cw_ip){.addr = {10, 2, 0, 1}, .family = 4, .prefix = 23};
	network->addresses[network->n_addresses++] =
		(struct cw_ip){.addr = {10, 2, 4, 1}, .family = 4, .prefix = 22};
}

// The address of the subnet that the sender is in; for a stranger, the first one.
static void
test_source_address(void **state)
{
	static const struct {
		const char *sender, *source;
	} cases[] = {
		{"10.2.1.9", "10.2.0.1"},
		{"10.2.7.254", "10.2.4.1"},
		{"10.1.3.3", "10.1.0.1"},
		{"10.2.8.1", "10.1.0.1"},
	};
	struct fixture *f = *state;
	const struct network *network = fixture_network(f, 0, add_subnet, NULL);
	uint8_t frame[256];
	struct packet_ctx ctx = {.ether_type = RTE_ETHER_TYPE_IPV4, .l2_len = 14, .l3_len = 20};
	struct rte_mbuf *m = fixture_packet(f, frame, make_expired4(frame, 40));

	for (size_t i = 0; i < RTE_DIM(cases); i++) {
		rte_be32_t want = frame_ip(cases[i].source);

		packet_ipv4(m, &ctx)->src_addr = frame_ip(cases[i].sender);
		assert_memory_equal(icmp_error_source(m, &ctx, network), &want, 4);
	}
	rte_pktmbuf_free(m);
}

// ----------------------------------------------------------------------------- rate limit

static void
test_bucket(void **state)
{
	const uint64_t hz = 2400000000u, token = hz / ICMP_ERRORS_PER_SECOND;
	struct icmp_bucket bucket = {.tsc = 0};
	uint64_t now = 1;
	int taken = 0;

	for (int i = 0; i < 1000; i++)
		taken += icmp_bucket_take(&bucket, now, hz);
	assert_int_equal(taken, ICMP_ERRORS_BURST);
	assert_false(icmp_bucket_take(&bucket, now + token - 2, hz));
	assert_true(icmp_bucket_take(&bucket, now + token, hz));
	assert_false(icmp_bucket_take(&bucket, now + token, hz));
	now += token;
	// Fractions of a token are not lost: a second of short steps gives what a second gives.
	for (taken = 0; now <= hz; now += token / 7)
		taken += icmp_bucket_take(&bucket, now, hz);
	assert_in_range(taken, ICMP_ERRORS_PER_SECOND - 2, ICMP_ERRORS_PER_SECOND);
	// A long pause fills the bucket and no more.
	now += 1000000 * hz;
	for (taken = 0; taken < 1000 && icmp_bucket_take(&bucket, now, hz); taken++)
		;
	assert_int_equal(taken, ICMP_ERRORS_BURST);
}

// Held back errors are seen, the packets are dropped for their own reason, the books balance.
static void
test_rate_limit(void **state)
{
	struct fixture *f = *state;
	uint8_t frame[256];
	uint16_t len = make_expired4(frame, 40);
	struct rte_mbuf *pkts[64];

	for (int round = 0; round < 4; round++) {
		for (int i = 0; i < 64; i++)
			pkts[i] = fixture_packet(f, frame, len);
		fixture_inject(f, 4, pkts, 64);
	}
	assert_int_equal(fixture_sent(f, 4), ICMP_ERRORS_BURST);
	assert_int_equal(fixture_drops(f, 4, "ttl_exceeded"), 256);
	assert_int_equal(fixture_drops(f, 4, "icmp_rate_limited"), 256 - ICMP_ERRORS_BURST);
	assert_int_equal(fixture_counters(f, 4)->originated, 256);
}

// An error that cannot be delivered is no reason for another one.
static void
test_no_error_about_error(void **state)
{
	struct fixture *f = *state;
	uint8_t frame[256];
	uint16_t len = make_expired4(frame, 40);

	frame_ip4(frame)->src_addr = frame_ip("8.8.8.8"); // no way back
	frame_seal4(frame);
	fixture_inject_one(f, 4, frame, len);
	assert_int_equal(fixture_sent(f, 4), 0);
	assert_int_equal(fixture_drops(f, 4, "ttl_exceeded"), 1);
	assert_int_equal(fixture_drops(f, 4, "no_route"), 1);
	assert_int_equal(fixture_counters(f, 4)->originated, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		frames_test(test_bytes4),
		frames_test(test_bytes6),
		frames_test(test_too_big),
		frames_test(test_quotes_super_frame),
		frames_test(test_not_about4),
		frames_test(test_about_queries),
		frames_test(test_not_about6),
		frames_test(test_multicast6),
		frames_test(test_link_layer_and_origin),
		frames_test(test_no_address),
		frames_test(test_source_address),
		cmocka_unit_test(test_bucket),
		frames_test(test_rate_limit),
		frames_test(test_no_error_about_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
