/* SPDX-License-Identifier: Apache-2.0 */
#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>
#include <string.h>

#include "fixture.h"

#include "frames.h"

static void
set_host_port(struct network *network, void *arg)
{
	network->host_port = 3;
}

static const uint8_t request4[8] = {ICMP_ECHO, 0, 0, 0, 0x12, 0x34, 0xff, 0xff};
static const uint8_t request6[8] = {ICMP6_ECHO_REQUEST, 0, 0, 0, 0x12, 0x34, 0xff, 0xff};

static void
set_checksum(uint8_t *field, uint16_t sum)
{
	sum = rte_cpu_to_be_16((uint16_t)~sum);
	memcpy(field, &sum, sizeof(sum));
}

// Turns the fixture's packet from port 2 to the router's address (10.1.0.1, fd00:1::1) into echo.
static uint16_t
make_echo4(uint8_t *frame, uint16_t payload)
{
	uint16_t len = fixture_udp4(frame, 2, 1, ROUTER, payload);

	frame_ip4(frame)->next_proto_id = IPPROTO_ICMP;
	frame_seal4(frame);
	memcpy(frame + 34, request4, sizeof(request4));
	set_checksum(frame + 36, frame_sum(frame + 34, len - 34u, 0));
	return len;
}

static uint16_t
make_echo6(uint8_t *frame, const char *dst, uint16_t payload)
{
	uint16_t len = fixture_udp6(frame, 2, 1, ROUTER, payload);
	struct rte_ipv6_hdr *ip = frame_ip6(frame);

	ip->proto = IPPROTO_ICMPV6;
	frame_set_ip6(ipv6_dst(ip), dst);
	memcpy(frame + 54, request6, sizeof(request6));
	set_checksum(frame + 56, frame_sum(frame + 54, len - 54u,
					 frame_sum(frame + 22, 32, IPPROTO_ICMPV6 + len - 54u)));
	return len;
}

// Every payload length and thereby many checksums, 0xffff and 0 among the words.
static void
test_echo4(void **state)
{
	struct fixture *f = *state;
	uint8_t frame[2048], *out;

	for (uint16_t payload = 0; payload < 1400; payload = (uint16_t)(payload + 9)) {
		uint16_t len = make_echo4(frame, payload);
		uint32_t out_len;

		frame_ip4(frame)->time_to_live = 1; // not forwarded, so that it does not matter
		frame_seal4(frame);
		fixture_inject_one(f, 2, frame, len);
		out = frame_only(f, 2, &out_len);
		assert_int_equal(out_len, len);
		assert_memory_equal(out, "\2\0\0\0\1\2\2\0\0\0\0\1", 12);
		assert_int_equal(frame_ip4(out)->src_addr, frame_ip("10.1.0.1"));
		assert_int_equal(frame_ip4(out)->dst_addr, frame_ip("10.1.0.2"));
		assert_int_equal(frame_ip4(out)->time_to_live, 64);
		assert_true(frame_header_is_right4(frame_ip4(out)));
		assert_true(frame_l4_is_right4(frame_ip4(out)));
		assert_memory_equal(out + 34, "\0\0", 2);
		assert_memory_equal(out + 38, frame + 38, len - 38u);
		fixture_sent_clear(f);
	}
	assert_int_equal(fixture_counters(f, 2)->originated, 0); // the request itself went back
}

static void
test_echo6(void **state)
{
	struct fixture *f = *state;
	uint8_t frame[2048], *out;

	for (uint16_t payload = 0; payload < 1400; payload = (uint16_t)(payload + 9)) {
		uint16_t len = make_echo6(frame, "fd00:1::1", payload);

		frame_ip6(frame)->hop_limits = 1;
		fixture_inject_one(f, 2, frame, len);
		out = frame_only(f, 2, NULL);
		assert_memory_equal(out, "\2\0\0\0\1\2\2\0\0\0\0\1", 12);
		assert_memory_equal(ipv6_src(frame_ip6(out)), ipv6_dst(frame_ip6(frame)), 16);
		assert_memory_equal(ipv6_dst(frame_ip6(out)), ipv6_src(frame_ip6(frame)), 16);
		assert_int_equal(frame_ip6(out)->hop_limits, 64);
		assert_int_equal(out[54], ICMP6_ECHO_REPLY);
		assert_true(frame_l4_is_right6(frame_ip6(out), 40, IPPROTO_ICMPV6));
		assert_memory_equal(out + 58, frame + 58, len - 58u);
		fixture_sent_clear(f);
	}
}

// With a host port the node answers: the packet arrives there as it was sent, but for its MACs.
static void
test_host_port(void **state)
{
	struct fixture *f = *state;
	uint8_t frame[256], *out;
	uint16_t len = make_echo4(frame, 50);

	fixture_network(f, 0, set_host_port, NULL);
	fixture_inject_one(f, 2, frame, len);
	out = frame_only(f, 3, NULL);
	assert_memory_equal(out, "\2\0\0\0\1\3\2\0\0\0\0\1", 12);
	assert_memory_equal(out + 12, frame + 12, len - 12u);
	fixture_sent_clear(f);
	len = make_echo6(frame, "fd00:1::1", 50);
	frame_ip6(frame)->hop_limits = 1;
	fixture_inject_one(f, 2, frame, len);
	out = frame_only(f, 3, NULL);
	assert_memory_equal(out + 12, frame + 12, len - 12u);
}

// Fragments, too: the node reassembles.
static void
test_host_port_fragment(void **state)
{
	struct fixture *f = *state;
	uint8_t frame[256];
	uint16_t len = make_echo4(frame, 50);

	fixture_network(f, 0, set_host_port, NULL);
	frame_ip4(frame)->fragment_offset = RTE_BE16(RTE_IPV4_HDR_MF_FLAG | 8);
	frame_seal4(frame);
	fixture_inject_one(f, 2, frame, len);
	frame_only(f, 3, NULL);
}

// The node would send to itself what it has itself.
static void
test_host_port_loop(void **state)
{
	struct fixture *f = *state;
	uint8_t frame[256];
	uint16_t len = make_echo4(frame, 50);

	fixture_network(f, 0, set_host_port, NULL);
	fixture_inject_one(f, 3, frame, len);
	assert_int_equal(fixture_sent(f, 3), 0);
	assert_int_equal(fixture_drops(f, 3, "loop"), 1);
}

// But what the router tells the node about its packets does go there, though both ends of it are
// the address that the two share.
static void
test_host_port_error(void **state)
{
	struct fixture *f = *state;
	uint8_t frame[256], *out;
	uint16_t len = fixture_udp4(frame, 1, 77, ROUTER, 30);

	fixture_network(f, 0, set_host_port, NULL);
	fixture_inject_one(f, 3, frame, len);
	out = frame_only(f, 3, NULL);
	assert_memory_equal(out, "\2\0\0\0\1\3\2\0\0\0\0\1", 12);
	assert_memory_equal(out + 34, "\3\1", 2);
	assert_int_equal(frame_ip4(out)->dst_addr, frame_ip("10.1.0.1"));
	assert_int_equal(fixture_drops(f, 3, "no_neighbor"), 1);
}

// A link-local address of the router is the switch's own, host port or not.
static void
test_link_local(void **state)
{
	struct fixture *f = *state;
	const struct rte_ether_addr mac = {{2, 0, 0, 0, 0, 1}};
	struct cw_ip ip = {.family = 6, .prefix = 128};
	uint8_t frame[256], *out;
	uint16_t len = make_echo6(frame, "fe80::1", 20);

	frame_set_ip6(ip.addr, "fe80::1");
	assert_int_equal(neighbor_set(f->dp->neighbors, NEIGHBOR_ROUTER, 0, &ip, &mac, 0), 0);
	fixture_network(f, 0, set_host_port, NULL);
	fixture_inject_one(f, 2, frame, len);
	out = frame_only(f, 2, NULL);
	assert_int_equal(out[54], ICMP6_ECHO_REPLY);
	assert_true(frame_l4_is_right6(frame_ip6(out), 40, IPPROTO_ICMPV6));
	assert_memory_equal(ipv6_src(frame_ip6(out)), ip.addr, 16);
}

static void
test_fragment(void **state)
{
	struct fixture *f = *state;
	uint8_t frame[256];
	uint16_t len = make_echo4(frame, 50);

	frame_ip4(frame)->fragment_offset = RTE_BE16(RTE_IPV4_HDR_MF_FLAG);
	frame_seal4(frame);
	fixture_inject_one(f, 2, frame, len);
	assert_int_equal(fixture_sent(f, 2), 0);
	assert_int_equal(fixture_drops(f, 2, "local_fragment"), 1);
}

static void
test_other_icmp(void **state)
{
	struct fixture *f = *state;
	uint8_t frame[256];
	uint16_t len = make_echo4(frame, 50);

	frame[34] = ICMP_TIMESTAMP;
	fixture_inject_one(f, 2, frame, len);
	len = make_echo4(frame, 50);
	frame[35] = 1; // no code but 0 is an echo
	fixture_inject_one(f, 2, frame, len);
	len = make_echo6(frame, "fd00:1::1", 50);
	frame[54] = ICMP6_ECHO_REPLY;
	fixture_inject_one(f, 2, frame, len);
	assert_int_equal(fixture_sent(f, 2), 0);
	assert_int_equal(fixture_drops(f, 2, "local_icmp"), 3);
}

// The error comes from the address that was spoken to (RFC 1122, 3.2.2.1).
static void
test_unreachable4(void **state)
{
	static const uint8_t protocols[] = {IPPROTO_UDP, IPPROTO_TCP, 47};
	struct fixture *f = *state;
	uint8_t frame[256], *out;

	for (size_t i = 0; i < RTE_DIM(protocols); i++) {
		uint16_t len = fixture_udp4(frame, 2, 1, ROUTER, 50);

		frame_ip4(frame)->next_proto_id = protocols[i];
		frame_seal4(frame);
		fixture_inject_one(f, 2, frame, len);
		out = frame_only(f, 2, NULL);
		assert_int_equal(frame_ip4(out)->src_addr, frame_ip("10.1.0.1"));
		assert_int_equal(out[34], ICMP_DEST_UNREACH);
		assert_int_equal(out[35], i < 2 ? ICMP_PORT_UNREACH : ICMP_PROT_UNREACH);
		assert_memory_equal(out + 42, frame + 14, len - 14u);
		fixture_sent_clear(f);
	}
	assert_int_equal(fixture_drops(f, 2, "port_unreachable"), 2);
	assert_int_equal(fixture_drops(f, 2, "protocol_unreachable"), 1);
}

static void
test_unreachable6(void **state)
{
	struct fixture *f = *state;
	uint8_t frame[256], *out;
	uint16_t len = fixture_udp6(frame, 2, 1, ROUTER, 50);

	fixture_inject_one(f, 2, frame, len);
	out = frame_only(f, 2, NULL);
	assert_memory_equal(out + 54, "\1\4", 2);
	fixture_sent_clear(f);
	frame_ip6(frame)->proto = 47;
	fixture_inject_one(f, 2, frame, len);
	out = frame_only(f, 2, NULL);
	assert_memory_equal(out + 54, "\4\1", 2);
	assert_memory_equal(out + 58, "\0\0\0\6", 4); // at the header's next-header field
	assert_int_equal(fixture_drops(f, 2, "port_unreachable"), 1);
	assert_int_equal(fixture_drops(f, 2, "protocol_unreachable"), 1);
}

// The pointer of the parameter problem finds the field behind extension headers.
static void
test_unreachable6_behind_extensions(void **state)
{
	static const uint8_t extensions[] = {
		60, 1, 1, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, // hop by hop, 16 bytes
		47, 0, 1, 4, 0, 0, 0, 0, // destination options, 8 bytes, then GRE
	};
	struct fixture *f = *state;
	uint8_t frame[256], *out;
	uint16_t len = fixture_udp6(frame, 2, 1, ROUTER, 50);

	frame_insert(frame, len, 54, extensions, sizeof(extensions));
	len = (uint16_t)(len + sizeof(extensions));
	frame_ip6(frame)->proto = 0;
	frame_ip6(frame)->payload_len = rte_cpu_to_be_16((uint16_t)(len - 54));
	fixture_inject_one(f, 2, frame, len);
	out = frame_only(f, 2, NULL);
	assert_memory_equal(out + 54, "\4\1", 2);
	assert_memory_equal(out + 58, "\0\0\0\x38", 4); // 40 + 16
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		frames_test(test_echo4),
		frames_test(test_echo6),
		frames_test(test_host_port),
		frames_test(test_host_port_fragment),
		frames_test(test_host_port_loop),
		frames_test(test_host_port_error),
		frames_test(test_link_local),
		frames_test(test_fragment),
		frames_test(test_other_icmp),
		frames_test(test_unreachable4),
		frames_test(test_unreachable6),
		frames_test(test_unreachable6_behind_extensions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
