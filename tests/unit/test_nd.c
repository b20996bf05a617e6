/* SPDX-License-Identifier: Apache-2.0 */
#include "l2_frames.h"

#define HOST_PORT 4

static void
set_host_port(struct network *network, void *arg)
{
	network->host_port = HOST_PORT;
}

static void
set_learning(struct network *network, void *arg)
{
	network->learning = *(bool *)arg;
}

static int
setup_host(void **state)
{
	if (setup_ports(state) != 0)
		return -1;
	fixture_network(*state, 0, set_host_port, NULL);
	return 0;
}

static struct frame
solicitation(uint16_t from, uint16_t target)
{
	uint8_t src[16], addr[16];

	port_ip6(from, src);
	port_ip6(target, addr);
	return frame_nd(ND_NEIGHBOR_SOLICITATION, from, src, addr);
}

// Duplicate address detection: from ::, without an option.
static struct frame
detection(uint16_t from, uint16_t target)
{
	const uint8_t zero[16] = {0};
	uint8_t addr[16];
	struct frame frame;

	port_ip6(target, addr);
	frame = frame_nd(ND_NEIGHBOR_SOLICITATION, from, zero, addr);
	frame.len -= 8;
	frame_fix_icmp6(&frame);
	return frame;
}

// The advertisement that must answer: from the target, with its MAC.
static struct frame
advertisement(uint16_t asker, uint16_t target, const struct rte_ether_addr *mac, uint8_t flags)
{
	uint8_t addr[16], asker_addr[16];
	struct frame frame;

	port_ip6(target, addr);
	port_ip6(asker, asker_addr);
	frame = frame_nd(ND_NEIGHBOR_ADVERTISEMENT, target, addr, addr);
	frame_ether(&frame)->dst_addr = port_mac(asker);
	frame_ether(&frame)->src_addr = *mac;
	memcpy(ipv6_dst(frame_ipv6(&frame)), asker_addr, 16);
	frame_nd_message(&frame)->flags = flags;
	frame_nd_option(&frame)->mac = *mac;
	frame_fix_icmp6(&frame);
	return frame;
}

static void
assert_answer(
	struct fixture *f, uint16_t asker, const struct frame *request, const struct frame *answer)
{
	fixture_sent_clear(f);
	inject(f, asker, request);
	assert_sent(f, asker, answer);
	fixture_sent_clear(f);
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
	struct frame request = solicitation(2, 1), answer = advertisement(2, 1, &mac, 0xe0);

	assert_answer(f, 2, &request, &answer);
}

static void
test_neighbor(void **state)
{
	struct fixture *f = *state;
	struct rte_ether_addr mac = port_mac(3);
	struct frame request = solicitation(2, 3), answer = advertisement(2, 3, &mac, 0x60);

	assert_answer(f, 2, &request, &answer);
	frame_ether(&request)->dst_addr = mac; // unicast: neighbour unreachability detection
	memcpy(ipv6_dst(frame_ipv6(&request)), frame_nd_message(&request)->target, 16);
	frame_fix_icmp6(&request);
	assert_answer(f, 2, &request, &answer);
	request.len -= 8; // without an option: the answer is longer
	frame_fix_icmp6(&request);
	assert_answer(f, 2, &request, &answer);
}

static void
test_request_longer_than_answer(void **state)
{
	struct fixture *f = *state;
	struct rte_ether_addr mac = port_mac(3);
	struct frame request = solicitation(2, 3), answer = advertisement(2, 3, &mac, 0x60);
	const uint8_t nonce[16] = {14, 2};

	frame_insert(&request, request.len, nonce, sizeof(nonce));
	frame_fix_icmp6(&request);
	assert_answer(f, 2, &request, &answer);
}

static void
test_extension_header(void **state)
{
	struct fixture *f = *state;
	struct rte_ether_addr mac = port_mac(3);
	struct frame request = solicitation(2, 3), answer = advertisement(2, 3, &mac, 0x60);
	const uint8_t options[8] = {IPPROTO_ICMPV6, 0, 1, 4};

	frame_insert(&request, 54, options, sizeof(options));
	frame_ipv6(&request)->proto = IPPROTO_DSTOPTS;
	frame_ipv6(&request)->payload_len = RTE_BE16(40);
	assert_answer(f, 2, &request, &answer);
}

static void
test_detection(void **state)
{
	struct fixture *f = *state;
	struct rte_ether_addr mac = port_mac(3);
	const uint8_t all_nodes[16] = {0xff, 0x02, [15] = 1};
	struct frame request = detection(2, 3), answer = advertisement(2, 3, &mac, 0x20);

	memcpy(ipv6_dst(frame_ipv6(&answer)), all_nodes, 16);
	frame_ether(&answer)->dst_addr = (struct rte_ether_addr){{0x33, 0x33, 0, 0, 0, 1}};
	frame_fix_icmp6(&answer);
	assert_answer(f, 2, &request, &answer); // another's address is defended
	request = detection(2, 2);
	assert_flooded(f, 2, &request);
	request = detection(2, 77);
	assert_flooded(f, 2, &request);
}

static void
test_switched(void **state)
{
	struct fixture *f = *state;
	struct frame frame = solicitation(2, 77);
	struct rte_ether_addr mac = port_mac(3);

	assert_flooded(f, 2, &frame);
	frame = advertisement(2, 3, &mac, 0x60);
	assert_passed(f, 3, &frame, 2);
}

static void
test_router_address_is_safe(void **state)
{
	struct fixture *f = *state;
	struct rte_ether_addr mac = port_mac(2), router = {{2, 0, 0, 0, 0, 1}};
	struct frame frame = advertisement(3, 1, &mac, 0x20);

	assert_dropped(f, 2, &frame, "nd_conflict");
	frame = solicitation(1, 3);
	assert_dropped(f, 2, &frame, "nd_conflict");
	frame = advertisement(3, 2, &mac, 0x60);
	frame_ether(&frame)->dst_addr = router;
	assert_dropped(f, 2, &frame, "nd_unwanted");
}

static void
test_host(void **state)
{
	struct fixture *f = *state;
	struct rte_ether_addr mac = port_mac(2);
	struct frame frame = solicitation(1, 1), answer;

	assert_dropped(f, HOST_PORT, &frame, "host_address");
	frame = solicitation(1, 77);
	assert_dropped(f, HOST_PORT, &frame, "no_neighbor");
	frame = advertisement(3, 1, &mac, 0x20);
	assert_dropped(f, HOST_PORT, &frame, "host_address");
	frame = solicitation(HOST_PORT, 2);
	answer = advertisement(HOST_PORT, 2, &mac, 0x60);
	assert_answer(f, HOST_PORT, &frame, &answer);
}

static void
test_router_solicitation(void **state)
{
	struct fixture *f = *state;
	struct frame frame = solicitation(2, 77);
	bool learning = true;

	frame_nd_message(&frame)->type = ND_ROUTER_SOLICITATION;
	frame.len = 14 + 40 + 8;
	frame_fix_icmp6(&frame);
	assert_dropped(f, 2, &frame, "no_router_advertisement");
	fixture_network(f, 0, set_learning, &learning);
	assert_flooded(f, 2, &frame);
	learning = false;
	fixture_network(f, 0, set_learning, &learning);
}

static void
test_router_advertisement(void **state)
{
	struct fixture *f = *state;
	struct frame frame = solicitation(2, 77);

	frame_nd_message(&frame)->type = ND_ROUTER_ADVERTISEMENT;
	frame.len = 14 + 40 + 16;
	frame_fix_icmp6(&frame);
	assert_dropped(f, 2, &frame, "malformed_nd"); // not from a link-local address
	memset(ipv6_src(frame_ipv6(&frame)), 0, 16);
	ipv6_src(frame_ipv6(&frame))[0] = 0xfe;
	ipv6_src(frame_ipv6(&frame))[1] = 0x80;
	frame_fix_icmp6(&frame);
	assert_flooded(f, 2, &frame); // the guard is off
}

// RFC 4861, 7.1.
static void
test_malformed(void **state)
{
	struct fixture *f = *state;
	struct frame good = solicitation(2, 3), frame = good;
	struct rte_ether_addr mac = port_mac(2);

	frame_nd_message(&frame)->checksum ^= 1;
	assert_dropped(f, 2, &frame, "malformed_nd");
	frame = good;
	frame_ipv6(&frame)->hop_limits = 254;
	assert_dropped(f, 2, &frame, "malformed_nd");
	frame = good;
	frame_nd_message(&frame)->code = 1;
	frame_fix_icmp6(&frame);
	assert_dropped(f, 2, &frame, "malformed_nd");
	frame = good;
	frame_nd_message(&frame)->target[0] = 0xff;
	frame_fix_icmp6(&frame);
	assert_dropped(f, 2, &frame, "malformed_nd");
	frame = good;
	frame_nd_option(&frame)->length = 0;
	frame_fix_icmp6(&frame);
	assert_dropped(f, 2, &frame, "malformed_nd");
	frame = good;
	frame.len = 14 + 40 + 23;
	frame_fix_icmp6(&frame);
	assert_dropped(f, 2, &frame, "malformed_nd");
	frame = detection(2, 3);
	frame.len += 8; // with a source address option
	frame_fix_icmp6(&frame);
	assert_dropped(f, 2, &frame, "malformed_nd");
	frame = detection(2, 3);
	memcpy(ipv6_dst(frame_ipv6(&frame)), frame_nd_message(&frame)->target, 16);
	frame_fix_icmp6(&frame);
	assert_dropped(f, 2, &frame, "malformed_nd");
	frame = advertisement(3, 2, &mac, 0x60);
	memset(ipv6_dst(frame_ipv6(&frame)), 0xff, 16);
	frame_fix_icmp6(&frame);
	assert_dropped(f, 2, &frame, "malformed_nd");
	assert_int_equal(fixture_sent(f, 2), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		l2_test(test_router),
		l2_test(test_neighbor),
		l2_test(test_request_longer_than_answer),
		l2_test(test_extension_header),
		l2_test(test_detection),
		l2_test(test_switched),
		l2_test(test_router_address_is_safe),
		l2_test(test_host),
		l2_test(test_router_solicitation),
		l2_test(test_router_advertisement),
		l2_test(test_malformed),
	};

	return cmocka_run_group_tests(tests, setup_host, fixture_teardown);
}
