/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "route_helper.h"

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
		frames_test(test_host_nexthop),
		frames_test(test_mixed_burst),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
