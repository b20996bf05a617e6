/* SPDX-License-Identifier: Apache-2.0 */
#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>
#include <string.h>

#include "fixture.h"

#include "events.h"
#include "frames.h"
#include "stages/hold.h"

// ------------------------------------------------------------------------------ forwarding

static void
test_neighbor4(void **state)
{
	struct fixture *f = *state;
	uint8_t frame[256], *out;
	uint16_t len = fixture_udp4(frame, 4, 2, ROUTER, 101);
	uint32_t out_len;

	fixture_inject_one(f, 4, frame, len);
	out = frame_only(f, 2, &out_len);
	assert_int_equal(out_len, len);
	assert_memory_equal(out, "\2\0\0\0\1\2\2\0\0\0\0\1\x08\0", 14);
	assert_int_equal(frame_ip4(out)->time_to_live, 63);
	assert_true(frame_header_is_right4(frame_ip4(out)));
	frame_ip4(frame)->time_to_live = 63;
	frame_seal4(frame);
	assert_memory_equal(out + 14, frame + 14, len - 14u);
}

static void
test_neighbor6(void **state)
{
	struct fixture *f = *state;
	uint8_t frame[256], *out;
	uint16_t len = fixture_udp6(frame, 4, 2, ROUTER, 64);
	uint32_t out_len;

	fixture_inject_one(f, 4, frame, len);
	out = frame_only(f, 2, &out_len);
	assert_int_equal(out_len, len);
	assert_memory_equal(out, "\2\0\0\0\1\2\2\0\0\0\0\1\x86\xdd", 14);
	frame_ip6(frame)->hop_limits = 63;
	assert_memory_equal(out + 14, frame + 14, len - 14u);
}

// A router may send a packet back to the link that it came from; no redirect is sent.
static void
test_same_port(void **state)
{
	struct fixture *f = *state;
	uint8_t frame[256];
	uint16_t len = fixture_udp4(frame, 4, 4, ROUTER, 10);

	fixture_inject_one(f, 4, frame, len);
	frame_only(f, 4, NULL);
}

// Every TTL down to 2, so that the checksum's words meet all values.
static void
test_every_ttl(void **state)
{
	struct fixture *f = *state;
	uint8_t frame[256];

	for (uint16_t ttl = 2; ttl <= UINT8_MAX; ttl++) {
		uint16_t len = fixture_udp4(frame, 4, 2, ROUTER, 1);

		frame_ip4(frame)->time_to_live = (uint8_t)ttl;
		frame_ip4(frame)->packet_id = (uint16_t)(ttl * 257);
		frame_seal4(frame);
		fixture_inject_one(f, 4, frame, len);
		assert_int_equal(frame_ip4(frame_only(f, 2, NULL))->time_to_live, ttl - 1);
		assert_true(frame_header_is_right4(frame_ip4(frame_only(f, 2, NULL))));
		fixture_sent_clear(f);
	}
}

// --------------------------------------------------------------------------------- routes

static void
set_nexthop(struct fixture *f, uint32_t id, uint8_t kind, uint32_t port)
{
	const struct cw_nexthop object = {
		.id = id, .kind = kind, .port = port, .mac = {2, 0, 0, 9, 9, (uint8_t)id}};

	assert_int_equal(nexthop_set(f->dp->nexthops, &object), 0);
}

static void
set_route4(struct fixture *f, uint16_t network, const char *prefix, uint8_t length, uint32_t id)
{
	rte_be32_t ip = frame_ip(prefix);

	assert_int_equal(
		lpm_set(f->dp->networks[network]->routes4, (const uint8_t *)&ip, length, id), 0);
}

static void
set_route6(struct fixture *f, const char *prefix, uint8_t length, uint32_t id)
{
	uint8_t ip[16];

	frame_set_ip6(ip, prefix);
	assert_int_equal(lpm_set(f->dp->networks[0]->routes6, ip, length, id), 0);
}

static uint16_t
make_udp4_to(uint8_t *frame, const char *dst)
{
	uint16_t len = fixture_udp4(frame, 4, 2, ROUTER, 20);

	frame_ip4(frame)->dst_addr = frame_ip(dst);
	frame_seal4(frame);
	return len;
}

static uint16_t
make_udp6_to(uint8_t *frame, const char *dst)
{
	uint16_t len = fixture_udp6(frame, 4, 2, ROUTER, 20);

	frame_set_ip6(ipv6_dst(frame_ip6(frame)), dst);
	return len;
}

static void
inject4(struct fixture *f, const char *dst)
{
	uint8_t frame[256];
	uint16_t len = make_udp4_to(frame, dst);

	fixture_inject_one(f, 4, frame, len);
}

static void
inject6(struct fixture *f, const char *dst)
{
	uint8_t frame[256];
	uint16_t len = make_udp6_to(frame, dst);

	fixture_inject_one(f, 4, frame, len);
}

static void
test_longest_prefix(void **state)
{
	struct fixture *f = *state;

	set_nexthop(f, 2, CW_NEXTHOP_PORT, 2);
	set_nexthop(f, 3, CW_NEXTHOP_PORT, 3);
	set_route4(f, 0, "192.168.0.0", 16, 2);
	set_route4(f, 0, "192.168.7.0", 24, 3);
	set_route6(f, "2001:db8::", 32, 2);
	set_route6(f, "2001:db8:7::", 48, 3);
	inject4(f, "192.168.1.1");
	assert_memory_equal(frame_only(f, 2, NULL), "\2\0\0\x9\x9\2\2\0\0\0\0\1", 12);
	inject4(f, "192.168.7.1");
	assert_memory_equal(frame_only(f, 3, NULL), "\2\0\0\x9\x9\3\2\0\0\0\0\1", 12);
	inject6(f, "2001:db8::1");
	assert_int_equal(fixture_sent(f, 2), 2);
	inject6(f, "2001:db8:7::1");
	assert_int_equal(fixture_sent(f, 3), 2);
}

// A neighbour goes before any route, however long.
static void
test_neighbor_before_route(void **state)
{
	struct fixture *f = *state;

	set_nexthop(f, 3, CW_NEXTHOP_PORT, 3);
	set_route4(f, 0, "10.1.0.2", 32, 3);
	inject4(f, "10.1.0.2");
	frame_only(f, 2, NULL);
}

static void
make_trunk(struct dp_port *port, void *arg)
{
	port->n_trunk = 2;
	port->trunk[0] = (struct cw_tag){.vlan = 10, .network = 0};
	port->trunk[1] = (struct cw_tag){.vlan = 20, .network = 1};
}

// One burst with packets of two networks, alternating: the same destination leads to different
// places, and nothing is mixed up.
static void
test_networks_do_not_meet(void **state)
{
	static const uint8_t tags[2][4] = {{0x81, 0, 0, 10}, {0x81, 0, 0, 20}};
	struct fixture *f = *state;
	struct rte_mbuf *pkts[64];
	struct cw_nexthop object = {
		.id = 9, .network = 1, .kind = CW_NEXTHOP_PORT, .port = 3, .mac = {2, 9}};

	fixture_network(f, 1, NULL, NULL);
	fixture_port_change(f, 4, make_trunk, NULL);
	set_nexthop(f, 2, CW_NEXTHOP_PORT, 2);
	assert_int_equal(nexthop_set(f->dp->nexthops, &object), 0);
	set_route4(f, 0, "192.168.0.0", 16, 2);
	set_route4(f, 1, "192.168.0.0", 16, 9);
	for (uint16_t i = 0; i < 64; i++) {
		uint8_t frame[256];
		uint16_t len = make_udp4_to(frame, "192.168.1.1");

		if (i % 2 == 1)
			frame[4] = 1; // the router MAC of network 1
		frame_insert(frame, len, 12, tags[i % 2], 4);
		pkts[i] = fixture_packet(f, frame, len + 4u);
	}
	fixture_inject(f, 4, pkts, 64);
	assert_int_equal(fixture_sent(f, 2), 32);
	assert_int_equal(fixture_sent(f, 3), 32);
}

// ----------------------------------------------------------------------------------- ECMP

static void
set_group(struct fixture *f, uint32_t weight2, uint32_t weight3)
{
	struct cw_nexthop *group = calloc(1, sizeof(*group) + 2 * sizeof(group->members[0]));

	set_nexthop(f, 2, CW_NEXTHOP_PORT, 2);
	set_nexthop(f, 3, CW_NEXTHOP_PORT, 3);
	group->id = 10;
	group->kind = CW_NEXTHOP_GROUP;
	group->n_members = 2;
	group->members[0] = (struct cw_member){.nexthop = 2, .weight = weight2};
	group->members[1] = (struct cw_member){.nexthop = 3, .weight = weight3};
	assert_int_equal(nexthop_set(f->dp->nexthops, group), 0);
	free(group);
	set_route4(f, 0, "192.168.0.0", 16, 10);
	set_route6(f, "2001:db8::", 32, 10);
}

static void
inject_flow(struct fixture *f, bool is_v6, uint16_t src_port)
{
	uint8_t frame[256];
	uint16_t len =
		is_v6 ? make_udp6_to(frame, "2001:db8::1") : make_udp4_to(frame, "192.168.1.1");
	struct rte_udp_hdr *udp = (void *)(frame + (is_v6 ? 54 : 34));

	udp->src_port = rte_cpu_to_be_16(src_port);
	udp->dgram_cksum = 0;
	fixture_inject_one(f, 4, frame, len);
}

// 800 flows share two members 1:3; a flow stays with its member.
static void
spread(struct fixture *f, bool is_v6)
{
	uint16_t seen = 0;

	set_group(f, 1, 3);
	for (uint16_t flow = 0; flow < 800; flow++)
		inject_flow(f, is_v6, (uint16_t)(20000 + flow * 7));
	assert_int_equal(fixture_sent(f, 2) + fixture_sent(f, 3), 800);
	assert_in_range(fixture_sent(f, 2), 140, 260);
	fixture_sent_clear(f);
	for (int i = 0; i < 50; i++)
		inject_flow(f, is_v6, 4242);
	seen = fixture_sent(f, 2);
	assert_true(seen == 0 || seen == 50);
}

static void
test_ecmp4(void **state)
{
	spread(*state, false);
}

static void
test_ecmp6(void **state)
{
	spread(*state, true);
}

// A member that is gone leaves its share to the rest; none left: no usable next hop.
static void
test_ecmp_members_go(void **state)
{
	struct fixture *f = *state;

	set_group(f, 1, 1);
	assert_int_equal(nexthop_del(f->dp->nexthops, 2), 0);
	for (uint16_t flow = 0; flow < 100; flow++)
		inject_flow(f, false, flow);
	assert_int_equal(fixture_sent(f, 3), 100);
	assert_int_equal(nexthop_del(f->dp->nexthops, 3), 0);
	inject_flow(f, false, 1);
	assert_int_equal(fixture_drops(f, 4, "no_nexthop"), 1);
}

// ------------------------------------------------------------------------------- refusals

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

static void
set_host_port(struct network *network, void *arg)
{
	network->host_port = 3;
}

static void
test_host_nexthop(void **state)
{
	struct fixture *f = *state;
	uint8_t *out;

	fixture_network(f, 0, set_host_port, NULL);
	set_nexthop(f, 5, CW_NEXTHOP_HOST, 0);
	set_route4(f, 0, "0.0.0.0", 0, 5);
	inject4(f, "8.8.8.8");
	out = frame_only(f, 3, NULL);
	assert_memory_equal(out, "\2\0\0\0\1\3\2\0\0\0\0\1", 12);
	assert_int_equal(frame_ip4(out)->time_to_live, 63);
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

// 64 packets of both families, known and unknown, in one burst: each finds its own way, in order.
static void
test_mixed_burst(void **state)
{
	struct fixture *f = *state;
	struct rte_mbuf *pkts[64];

	set_nexthop(f, 3, CW_NEXTHOP_PORT, 3);
	set_route4(f, 0, "192.168.0.0", 16, 3);
	set_route6(f, "2001:db8::", 32, 3);
	for (uint16_t i = 0; i < 64; i++) {
		uint8_t frame[256];
		uint16_t len = i % 4 == 0   ? make_udp4_to(frame, "10.1.0.2")
			       : i % 4 == 1 ? make_udp6_to(frame, "fd00:1::2")
			       : i % 4 == 2 ? make_udp4_to(frame, "192.168.0.9")
					    : make_udp6_to(frame, "2001:db8::9");

		frame[len - 1] = (uint8_t)i;
		pkts[i] = fixture_packet(f, frame, len);
	}
	fixture_inject(f, 4, pkts, 64);
	for (uint16_t port = 2; port <= 3; port++) {
		int last[2] = {-1, -1};

		assert_int_equal(fixture_sent(f, port), 32);
		for (uint16_t i = 0; i < 32; i++) {
			const struct rte_mbuf *m = fixture_sent_packet(f, port, i);
			const uint8_t *bytes = rte_pktmbuf_mtod(m, const uint8_t *);
			int number = bytes[m->pkt_len - 1];

			assert_int_equal(number % 4 / 2, port - 2);
			assert_true(number > last[number % 2]);
			last[number % 2] = number;
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		frames_test(test_neighbor4),
		frames_test(test_neighbor6),
		frames_test(test_same_port),
		frames_test(test_every_ttl),
		frames_test(test_longest_prefix),
		frames_test(test_neighbor_before_route),
		frames_test(test_networks_do_not_meet),
		frames_test(test_ecmp4),
		frames_test(test_ecmp6),
		frames_test(test_ecmp_members_go),
		frames_test(test_martians4),
		frames_test(test_martians6),
		frames_test(test_not_martian),
		frames_test(test_source_link_local),
		frames_test(test_options),
		frames_test(test_ttl),
		frames_test(test_no_route),
		frames_test(test_special_nexthops),
		frames_test(test_host_nexthop),
		frames_test(test_unknown_neighbor),
		frames_test(test_unknown_gateway),
		frames_test(test_mixed_burst),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
