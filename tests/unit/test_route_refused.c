/* SPDX-License-Identifier: Apache-2.0 */
#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>
#include <string.h>

// What the router does not forward: by its addresses, options, TTL, for want of a route or of a
// neighbour.

#include "events.h"
#include "route_helper.h"
#include "stages/hold.h"

// The ICMP error that port 4 got, and nothing else.
static void
assert_error4(struct fixture *f, uint8_t type, uint8_t code)
{
	uint8_t *out = frame_only(f, 4, NULL);

	assert_int_equal(frame_ip4(out)->next_proto_id, IPPROTO_ICMP);
	assert_int_equal(out[34], type);
	assert_int_equal(out[35], code);
	fixture_sent_clear(f);
}

static void
assert_error6(struct fixture *f, uint8_t type, uint8_t code)
{
	uint8_t *out = frame_only(f, 4, NULL);

	assert_int_equal(frame_ip6(out)->proto, IPPROTO_ICMPV6);
	assert_int_equal(out[54], type);
	assert_int_equal(out[55], code);
	fixture_sent_clear(f);
}

static void
assert_silence(struct fixture *f)
{
	for (uint16_t port = 2; port <= 4; port++)
		assert_int_equal(fixture_sent(f, port), 0);
}

static void
test_martians4(void **state)
{
	static const struct {
		const char *src, *dst, *reason;
	} cases[] = {
		{"0.0.0.0", "10.1.0.2", "martian_source"},
		{"0.1.2.3", "10.1.0.2", "martian_source"},
		{"127.0.0.1", "10.1.0.2", "martian_source"},
		{"224.0.0.1", "10.1.0.2", "martian_source"},
		{"239.255.255.255", "10.1.0.2", "martian_source"},
		{"240.0.0.1", "10.1.0.2", "martian_source"},
		{"255.255.255.255", "10.1.0.2", "martian_source"},
		{"10.1.0.4", "0.0.0.0", "martian_destination"},
		{"10.1.0.4", "127.0.0.1", "martian_destination"},
		{"10.1.0.4", "240.0.0.1", "martian_destination"},
		{"10.1.0.4", "255.255.255.255", "martian_destination"},
		{"10.1.0.4", "224.0.0.5", "multicast_not_routed"},
		{"10.1.0.4", "239.1.2.3", "multicast_not_routed"},
		{"10.1.0.4", "10.1.255.255", "martian_destination"}, // RFC 2644
		{"10.1.0.4", "10.1.0.0", "martian_destination"},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < RTE_DIM(cases); i++) {
		uint8_t frame[256];
		uint16_t len = make_udp4_to(frame, cases[i].dst);
		uint64_t before = fixture_drops(f, 4, cases[i].reason);

		frame_ip4(frame)->src_addr = frame_ip(cases[i].src);
		frame_seal4(frame);
		fixture_inject_one(f, 4, frame, len);
		if (fixture_drops(f, 4, cases[i].reason) != before + 1)
			fail_msg("%s to %s is no %s", cases[i].src, cases[i].dst, cases[i].reason);
		assert_silence(f);
	}
}

static void
test_martians6(void **state)
{
	static const struct {
		const char *src, *dst, *reason;
	} cases[] = {
		{"::", "fd00:1::2", "martian_source"},
		{"::1", "fd00:1::2", "martian_source"},
		{"ff02::1", "fd00:1::2", "martian_source"},
		{"::ffff:10.1.0.1", "fd00:1::2", "martian_source"},
		{"fd00:1::4", "::", "martian_destination"},
		{"fd00:1::4", "::1", "martian_destination"},
		{"fd00:1::4", "::ffff:10.1.0.2", "martian_destination"},
		{"fd00:1::4", "ff0e::5", "multicast_not_routed"},
		{"fd00:1::4", "fe80::2", "link_local_not_routed"},
		{"fd00:1::4", "febf::2", "link_local_not_routed"},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < RTE_DIM(cases); i++) {
		uint8_t frame[256];
		uint16_t len = make_udp6_to(frame, cases[i].dst);
		uint64_t before = fixture_drops(f, 4, cases[i].reason);

		frame_set_ip6(ipv6_src(frame_ip6(frame)), cases[i].src);
		fixture_inject_one(f, 4, frame, len);
		if (fixture_drops(f, 4, cases[i].reason) != before + 1)
			fail_msg("%s to %s is no %s", cases[i].src, cases[i].dst, cases[i].reason);
		assert_silence(f);
	}
}

// What is not martian: the neighbours of every range that is.
static void
test_not_martian(void **state)
{
	static const char *const sources[] = {
		"1.0.0.0", "126.255.255.255", "128.0.0.0", "223.255.255.255", "169.254.1.1"};
	struct fixture *f = *state;
	uint8_t frame[256];

	for (size_t i = 0; i < RTE_DIM(sources); i++) {
		uint16_t len = make_udp4_to(frame, "10.1.0.2");

		frame_ip4(frame)->src_addr = frame_ip(sources[i]);
		frame_seal4(frame);
		fixture_inject_one(f, 4, frame, len);
		frame_only(f, 2, NULL);
		fixture_sent_clear(f);
	}
}

// The error about a link-local source goes straight back to it (RFC 4443, 3.1 code 2).
static void
test_source_link_local(void **state)
{
	struct fixture *f = *state;
	uint8_t frame[256], *out;
	uint16_t len = make_udp6_to(frame, "fd00:1::2");

	frame_set_ip6(ipv6_src(frame_ip6(frame)), "fe80::99");
	fixture_inject_one(f, 4, frame, len);
	out = frame_only(f, 4, NULL);
	assert_memory_equal(out, frame + 6, 6);
	assert_memory_equal(ipv6_dst(frame_ip6(out)), ipv6_src(frame_ip6(frame)), 16);
	assert_int_equal(frame_ip6(out)->hop_limits, 64);
	assert_error6(f, ICMP6_DST_UNREACH, ICMP6_DST_UNREACH_BEYONDSCOPE);
	assert_int_equal(fixture_drops(f, 4, "link_local_not_routed"), 1);
}

static uint16_t
make_with_options(uint8_t *frame, const uint8_t *options, uint16_t n)
{
	uint16_t len = fixture_udp4(frame, 4, 2, ROUTER, 20);
	struct rte_ipv4_hdr *ip = frame_ip4(frame);

	frame_insert(frame, len, 34, options, n);
	ip->version_ihl = (uint8_t)(0x45 + n / 4);
	ip->total_length = rte_cpu_to_be_16((uint16_t)(len - 14 + n));
	frame_seal4(frame);
	return (uint16_t)(len + n);
}

static void
test_options(void **state)
{
	static const uint8_t lsrr[] = {1, 131, 7, 4, 10, 1, 0, 3};
	static const uint8_t ssrr[] = {137, 7, 4, 10, 1, 0, 3, 0};
	static const uint8_t record[] = {7, 7, 4, 0, 0, 0, 0, 0};
	static const uint8_t router_alert[] = {148, 4, 0, 0};
	static const uint8_t hidden[] = {0, 131, 7, 4}; // behind the end of options
	static const uint8_t too_long[] = {7, 9, 4, 0, 0, 0, 0, 0};
	static const uint8_t too_short[] = {7, 1, 4, 0};
	static const uint8_t no_length[] = {1, 1, 1, 7};
	const struct {
		const uint8_t *options;
		uint16_t n;
		const char *reason;
	} cases[] = {
		{lsrr, sizeof(lsrr), "source_route"},
		{ssrr, sizeof(ssrr), "source_route"},
		{record, sizeof(record), NULL},
		{router_alert, sizeof(router_alert), NULL},
		{hidden, sizeof(hidden), NULL},
		{too_long, sizeof(too_long), "malformed_ipv4"},
		{too_short, sizeof(too_short), "malformed_ipv4"},
		{no_length, sizeof(no_length), "malformed_ipv4"},
	};
	struct fixture *f = *state;
	uint8_t frame[256];

	for (size_t i = 0; i < RTE_DIM(cases); i++) {
		uint16_t len = make_with_options(frame, cases[i].options, cases[i].n);
		uint64_t before = cases[i].reason ? fixture_drops(f, 4, cases[i].reason) : 0;

		fixture_inject_one(f, 4, frame, len);
		if (cases[i].reason != NULL) {
			assert_int_equal(fixture_drops(f, 4, cases[i].reason), before + 1);
			assert_silence(f);
			continue;
		}
		assert_true(frame_header_is_right4(frame_ip4(frame_only(f, 2, NULL))));
		fixture_sent_clear(f);
	}
}

static void
test_ttl(void **state)
{
	struct fixture *f = *state;
	uint8_t frame[256];

	for (uint8_t ttl = 0; ttl <= 1; ttl++) {
		uint16_t len = fixture_udp4(frame, 4, 2, ROUTER, 20);

		frame_ip4(frame)->time_to_live = ttl;
		frame_seal4(frame);
		fixture_inject_one(f, 4, frame, len);
		assert_error4(f, ICMP_TIME_EXCEEDED, ICMP_EXC_TTL);
		len = fixture_udp6(frame, 4, 2, ROUTER, 20);
		frame_ip6(frame)->hop_limits = ttl;
		fixture_inject_one(f, 4, frame, len);
		assert_error6(f, ICMP6_TIME_EXCEEDED, ICMP6_TIME_EXCEED_TRANSIT);
	}
	assert_int_equal(fixture_drops(f, 4, "ttl_exceeded"), 4);
}

static void
test_no_route(void **state)
{
	struct fixture *f = *state;

	inject4(f, "8.8.8.8");
	assert_error4(f, ICMP_DEST_UNREACH, ICMP_NET_UNREACH);
	inject6(f, "2001:db8::1");
	assert_error6(f, ICMP6_DST_UNREACH, ICMP6_DST_UNREACH_NOROUTE);
	assert_int_equal(fixture_drops(f, 4, "no_route"), 2);
}

static void
test_special_nexthops(void **state)
{
	struct fixture *f = *state;

	set_route4(f, 0, "192.168.0.0", 16, 5);
	set_route6(f, "2001:db8::", 32, 5);

	set_nexthop(f, 5, CW_NEXTHOP_BLACKHOLE, 0);
	inject4(f, "192.168.1.1");
	inject6(f, "2001:db8::1");
	assert_silence(f);
	assert_int_equal(fixture_drops(f, 4, "blackhole"), 2);

	set_nexthop(f, 5, CW_NEXTHOP_UNREACHABLE, 0);
	inject4(f, "192.168.1.1");
	assert_error4(f, ICMP_DEST_UNREACH, ICMP_HOST_UNREACH);
	inject6(f, "2001:db8::1");
	assert_error6(f, ICMP6_DST_UNREACH, ICMP6_DST_UNREACH_ADDR);
	assert_int_equal(fixture_drops(f, 4, "unreachable"), 2);

	set_nexthop(f, 5, CW_NEXTHOP_PROHIBIT, 0);
	inject4(f, "192.168.1.1");
	assert_error4(f, ICMP_DEST_UNREACH, ICMP_PKT_FILTERED);
	inject6(f, "2001:db8::1");
	assert_error6(f, ICMP6_DST_UNREACH, ICMP6_DST_UNREACH_ADMIN);
	assert_int_equal(fixture_drops(f, 4, "prohibit"), 2);

	set_nexthop(f, 5, CW_NEXTHOP_HOST, 0);
	inject4(f, "192.168.1.1");
	assert_error4(f, ICMP_DEST_UNREACH, ICMP_NET_UNREACH);
	assert_int_equal(fixture_drops(f, 4, "no_host_port"), 1);

	assert_int_equal(nexthop_del(f->dp->nexthops, 5), 0);
	inject4(f, "192.168.1.1");
	assert_error4(f, ICMP_DEST_UNREACH, ICMP_NET_UNREACH);
	assert_int_equal(fixture_drops(f, 4, "no_nexthop"), 1);
}

// --------------------------------------------------------------------- unknown neighbours

static struct dp_event
take_event(struct fixture *f)
{
	struct dp_event event;

	assert_int_equal(rte_ring_dequeue_elem(f->dp->events, &event, sizeof(event)), 0);
	return event;
}

static void
test_unknown_neighbor(void **state)
{
	struct fixture *f = *state;
	struct dp_event event;
	uint8_t wanted[16];

	inject4(f, "10.1.77.88");
	assert_error4(f, ICMP_DEST_UNREACH, ICMP_HOST_UNREACH);
	event = take_event(f);
	assert_int_equal(event.type, DP_EVENT_NEIGHBOR_WANTED);
	assert_int_equal(event.ip.family, 4);
	assert_memory_equal(event.ip.addr, "\x0a\1\x4d\x58\0\0\0\0\0\0\0\0\0\0\0\0", 16);

	inject6(f, "fd00:1::7:7");
	assert_error6(f, ICMP6_DST_UNREACH, ICMP6_DST_UNREACH_ADDR);
	event = take_event(f);
	assert_int_equal(event.ip.family, 6);
	frame_set_ip6(wanted, "fd00:1::7:7");
	assert_memory_equal(event.ip.addr, wanted, 16);
	assert_int_equal(fixture_drops(f, 4, "no_neighbor"), 2);
}

static void
test_unknown_gateway(void **state)
{
	struct fixture *f = *state;
	struct cw_nexthop object = {.id = 5, .kind = CW_NEXTHOP_VIA};
	struct dp_event event;

	object.via = (struct cw_ip){.addr = {10, 1, 9, 9}, .family = 4, .prefix = 32};
	assert_int_equal(nexthop_set(f->dp->nexthops, &object), 0);
	set_route4(f, 0, "192.168.0.0", 16, 5);
	inject4(f, "192.168.1.1");
	event = take_event(f);
	assert_memory_equal(event.ip.addr, object.via.addr, 16);
	assert_int_equal(fixture_counters(f, 4)->held, 1); // see test_hold.c
	assert_int_equal(nexthop_del(f->dp->nexthops, 5), 0);
	hold_poll(f->w);
	worker_flush(f->w);
	assert_error4(f, ICMP_DEST_UNREACH, ICMP_NET_UNREACH);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		frames_test(test_martians4),
		frames_test(test_martians6),
		frames_test(test_not_martian),
		frames_test(test_source_link_local),
		frames_test(test_options),
		frames_test(test_ttl),
		frames_test(test_no_route),
		frames_test(test_special_nexthops),
		frames_test(test_unknown_neighbor),
		frames_test(test_unknown_gateway),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
