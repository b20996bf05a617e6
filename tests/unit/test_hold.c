/* SPDX-License-Identifier: Apache-2.0 */
#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>
#include <string.h>

#include "fixture.h"

#include "events.h"
#include "frames.h"
#include "lent.h"
#include "stages/hold.h"

// Packets that wait for a gateway (192.168.0.0/16 and 2001:db8::/32 via 10.1.9.9 and fd00:1::9:9),
// or, where the network resolves, for a neighbour on link.

#define GATEWAY_ID 5

static const struct rte_ether_addr gateway_mac = {{2, 0, 0, 0, 9, 9}};

static struct cw_ip
gateway(uint8_t family)
{
	struct cw_ip ip = {.family = family, .prefix = family == 4 ? 32 : 128};

	assert_int_equal(inet_pton(family == 4 ? AF_INET : AF_INET6,
				 family == 4 ? "10.1.9.9" : "fd00:1::9:9", ip.addr),
		1);
	return ip;
}

static void
set_resolve(struct network *network, void *arg)
{
	network->resolve = *(bool *)arg;
}

static int
setup(void **state)
{
	bool resolve = true;

	if (frames_setup(state) != 0)
		return -1;
	fixture_network(*state, 0, set_resolve, &resolve);
	return 0;
}

// The route by the gateway; before or after the neighbour is known.
static void
add_route(struct fixture *f, uint8_t family)
{
	const struct cw_nexthop object = {
		.id = GATEWAY_ID, .kind = CW_NEXTHOP_VIA, .via = gateway(family)};
	struct network *network = f->dp->networks[0];
	uint8_t prefix[16];

	assert_int_equal(nexthop_set(f->dp->nexthops, &object), 0);
	frame_set_ip6(prefix, "2001:db8::");
	if (family == 4)
		assert_int_equal(
			lpm_set(network->routes4, (const uint8_t[4]){192, 168}, 16, GATEWAY_ID), 0);
	else
		assert_int_equal(lpm_set(network->routes6, prefix, 32, GATEWAY_ID), 0);
}

static void
add_gateway(struct fixture *f, uint8_t family)
{
	const struct cw_ip ip = gateway(family);

	assert_int_equal(
		neighbor_set(f->dp->neighbors, NEIGHBOR_STATIC, 0, &ip, &gateway_mac, 3), 0);
	nexthops_resolve(f->dp->nexthops);
}

static uint16_t
make_packet(uint8_t *frame, uint8_t family, const char *dst, uint8_t mark)
{
	uint16_t len = family == 4 ? fixture_udp4(frame, 4, 2, ROUTER, 30)
				   : fixture_udp6(frame, 4, 2, ROUTER, 30);

	if (family == 4) {
		frame_ip4(frame)->dst_addr = frame_ip(dst);
		frame_seal4(frame);
	} else {
		frame_set_ip6(ipv6_dst(frame_ip6(frame)), dst);
	}
	frame[len - 1] = mark;
	return len;
}

static void
inject(struct fixture *f, uint8_t family, const char *dst, uint8_t mark)
{
	uint8_t frame[256];
	uint16_t len = make_packet(frame, family, dst, mark);

	fixture_inject_one(f, 4, frame, len);
}

static uint16_t
poll_after_ms(struct fixture *f, uint64_t ms)
{
	uint16_t moved;

	f->w->now_tsc += rte_get_tsc_hz() / 1000 * ms;
	moved = hold_poll(f->w);
	worker_flush(f->w);
	return moved;
}

static uint32_t
take_events(struct fixture *f, struct dp_event *last)
{
	uint32_t n = 0;

	while (rte_ring_dequeue_elem(f->dp->events, last, sizeof(*last)) == 0)
		n++;
	return n;
}

static uint8_t
mark_of(struct fixture *f, uint16_t index)
{
	const struct rte_mbuf *m = fixture_sent_packet(f, 3, index);

	return *rte_pktmbuf_mtod_offset(m, const uint8_t *, m->pkt_len - 1);
}

static void
goes_on_when_found(struct fixture *f, uint8_t family, const char *dst)
{
	struct dp_event event;
	struct cw_ip ip = gateway(family);
	uint8_t *out;

	add_route(f, family);
	for (uint8_t i = 0; i < 3; i++)
		inject(f, family, dst, i);
	assert_int_equal(fixture_counters(f, 4)->held, 3);
	assert_int_equal(fixture_sent(f, 3), 0);
	fixture_assert_balanced(f);
	assert_int_equal(take_events(f, &event), 1); // one address, one question
	assert_int_equal(event.type, DP_EVENT_NEIGHBOR_WANTED);
	assert_int_equal(event.value, GATEWAY_ID);
	assert_memory_equal(&event.ip, &ip, sizeof(ip));
	assert_int_equal(poll_after_ms(f, 10), 0);
	add_gateway(f, family);
	assert_int_equal(poll_after_ms(f, 10), 3);
	assert_int_equal(fixture_sent(f, 3), 3);
	for (uint8_t i = 0; i < 3; i++)
		assert_int_equal(mark_of(f, i), i);
	out = rte_pktmbuf_mtod(fixture_sent_packet(f, 3, 0), uint8_t *);
	assert_memory_equal(out, "\2\0\0\0\x9\x9\2\0\0\0\0\1", 12);
	assert_int_equal(fixture_counters(f, 4)->held, 0);
	assert_false(hold_is_busy(f->w->hold));
}

static void
test_goes_on_when_found4(void **state)
{
	goes_on_when_found(*state, 4, "192.168.1.1");
}

static void
test_goes_on_when_found6(void **state)
{
	goes_on_when_found(*state, 6, "2001:db8::1");
}

static void
test_on_link(void **state)
{
	struct fixture *f = *state;
	const struct cw_ip ip = gateway(4);
	struct dp_event event;

	inject(f, 4, "10.1.9.9", 7);
	assert_int_equal(take_events(f, &event), 1);
	assert_int_equal(event.value, 0);
	assert_memory_equal(&event.ip, &ip, sizeof(ip));
	add_gateway(f, 4);
	assert_int_equal(poll_after_ms(f, 1), 1);
	assert_int_equal(mark_of(f, 0), 7);
}

// Pods' networks know who is there: what is not known is not waited for.
static void
test_not_on_link_of_pods(void **state)
{
	struct fixture *f = *state;
	bool resolve = false;

	fixture_network(f, 0, set_resolve, &resolve);
	inject(f, 4, "10.1.9.9", 7);
	assert_int_equal(fixture_counters(f, 4)->held, 0);
	assert_int_equal(fixture_drops(f, 4, "no_neighbor"), 1);
}

static void
test_gives_up(void **state)
{
	struct fixture *f = *state;
	struct dp_event event;
	uint8_t *out;

	add_route(f, 4);
	inject(f, 4, "192.168.1.1", 0);
	assert_int_equal(take_events(f, &event), 1);
	assert_int_equal(poll_after_ms(f, HOLD_ASK_MS), 0);
	assert_int_equal(take_events(f, &event), 1); // asked again
	assert_int_equal(event.value, GATEWAY_ID);
	assert_int_equal(poll_after_ms(f, HOLD_MS), 1);
	out = frame_only(f, 4, NULL);
	assert_int_equal(frame_ip4(out)->next_proto_id, IPPROTO_ICMP);
	assert_int_equal(out[34], ICMP_DEST_UNREACH);
	assert_int_equal(out[35], ICMP_HOST_UNREACH);
	assert_int_equal(fixture_drops(f, 4, "no_neighbor"), 1);
	assert_int_equal(fixture_counters(f, 4)->held, 0);
	fixture_sent_clear(f);
	inject(f, 4, "192.168.1.1", 0); // and is looked for anew
	assert_int_equal(take_events(f, &event), 1);
	assert_int_equal(fixture_counters(f, 4)->held, 1);
	poll_after_ms(f, HOLD_MS);
}

// What waits does so in memory of ours.
static void
test_lent_memory_is_not_held(void **state)
{
	static struct lent lent;
	struct fixture *f = *state;
	uint8_t frame[256], changed[256];
	uint16_t len = make_packet(frame, 4, "192.168.1.1", 7);
	struct rte_mbuf *m = fixture_packet(f, frame, 60);

	lent_start(&lent);
	memcpy(lent.bytes, frame + 60, len - 60u);
	lent_append(&lent, m, (uint16_t)(len - 60), 2);
	add_route(f, 4);
	fixture_inject(f, 4, &m, 1);
	assert_int_equal(fixture_counters(f, 4)->held, 1);
	assert_true(lent_is_back(&lent));
	memset(lent.bytes, 0xff, sizeof(lent.bytes));
	add_gateway(f, 4);
	assert_int_equal(poll_after_ms(f, 10), 1);
	m = fixture_sent_packet(f, 3, 0);
	assert_int_equal(m->pkt_len, len);
	memcpy(changed, rte_pktmbuf_read(m, 0, len, changed), len);
	assert_memory_equal(changed + 34, frame + 34, len - 34u); // behind what routing rewrites
}

static void
test_oldest_gives_way(void **state)
{
	struct fixture *f = *state;

	add_route(f, 4);
	for (uint8_t i = 0; i < HOLD_PACKETS + 5; i++)
		inject(f, 4, "192.168.1.1", i);
	assert_int_equal(fixture_counters(f, 4)->held, HOLD_PACKETS);
	assert_int_equal(fixture_drops(f, 4, "hold_full"), 5);
	fixture_assert_balanced(f);
	add_gateway(f, 4);
	poll_after_ms(f, 1);
	assert_int_equal(fixture_sent(f, 3), HOLD_PACKETS);
	for (uint8_t i = 0; i < HOLD_PACKETS; i++)
		assert_int_equal(mark_of(f, i), i + 5);
}

static void
test_addresses_are_limited(void **state)
{
	struct fixture *f = *state;
	struct dp_event event;
	char dst[32];

	for (int i = 0; i < HOLD_ADDRESSES + 3; i++) {
		snprintf(dst, sizeof(dst), "10.1.77.%d", i + 1);
		inject(f, 4, dst, 0);
	}
	assert_int_equal(fixture_counters(f, 4)->held, HOLD_ADDRESSES);
	assert_int_equal(fixture_drops(f, 4, "hold_full"), 3);
	assert_int_equal(take_events(f, &event), HOLD_ADDRESSES);
	assert_int_equal(poll_after_ms(f, HOLD_MS), HOLD_ADDRESSES);
	assert_int_equal(fixture_drops(f, 4, "no_neighbor"), HOLD_ADDRESSES);
}

// The next hop may become something else than resolved; what waited follows it.
static void
test_nexthop_goes(void **state)
{
	struct fixture *f = *state;

	add_route(f, 4);
	inject(f, 4, "192.168.1.1", 0);
	assert_int_equal(nexthop_del(f->dp->nexthops, GATEWAY_ID), 0);
	assert_int_equal(poll_after_ms(f, 1), 1);
	assert_int_equal(fixture_drops(f, 4, "no_nexthop"), 1);
}

static void
test_other_changes_do_not_matter(void **state)
{
	struct fixture *f = *state;
	struct dp_event event;

	add_route(f, 4);
	inject(f, 4, "192.168.1.1", 0);
	take_events(f, &event);
	for (int i = 0; i < 10; i++) {
		dp_note_change(f->dp);
		assert_int_equal(poll_after_ms(f, 50), 0);
	}
	assert_int_equal(take_events(f, &event), 0); // nor are they a reason to ask
	assert_int_equal(fixture_counters(f, 4)->held, 1);
	assert_int_equal(poll_after_ms(f, HOLD_MS - 500), 1); // nor to wait longer
}

// All that a port has here is dropped before its counters go.
static void
test_port_goes(void **state)
{
	struct fixture *f = *state;
	struct dp_port *port = atomic_load(&f->dp->ports[4]);

	add_route(f, 4);
	inject(f, 4, "192.168.1.1", 0);
	inject(f, 4, "192.168.1.1", 1);
	atomic_store(&f->dp->ports[4], NULL);
	dp_note_change(f->dp);
	poll_after_ms(f, 1);
	atomic_store(&f->dp->ports[4], port);
	assert_int_equal(fixture_drops(f, 4, "no_port"), 2);
	assert_int_equal(fixture_counters(f, 4)->held, 0);
	add_gateway(f, 4);
	assert_int_equal(poll_after_ms(f, 1), 0);
	assert_int_equal(fixture_sent(f, 3), 0);
}

// What still waits at the end is freed with the worker; frames_teardown looks for leaks before.
static void
test_many_at_once(void **state)
{
	struct fixture *f = *state;
	struct rte_mbuf *pkts[64];

	add_route(f, 4);
	for (uint16_t i = 0; i < 64; i++) {
		uint8_t frame[256], dst = (uint8_t)(1 + i / HOLD_PACKETS);
		char text[32];
		uint16_t len;

		snprintf(text, sizeof(text), "10.1.77.%u", dst);
		len = make_packet(frame, 4, text, (uint8_t)i);
		pkts[i] = fixture_packet(f, frame, len);
	}
	fixture_inject(f, 4, pkts, 64);
	assert_int_equal(fixture_counters(f, 4)->held, 64);
	for (uint8_t i = 1; i <= 64 / HOLD_PACKETS; i++) {
		const struct cw_ip ip = {.addr = {10, 1, 77, i}, .family = 4, .prefix = 32};

		assert_int_equal(
			neighbor_set(f->dp->neighbors, NEIGHBOR_STATIC, 0, &ip, &gateway_mac, 3),
			0);
	}
	assert_int_equal(poll_after_ms(f, 1), 64);
	assert_int_equal(fixture_sent(f, 3), 64);
	for (uint16_t i = 0; i < 64; i++)
		assert_int_equal(mark_of(f, i), i);
}

int
main(void)
{
#define hold_test(fn) cmocka_unit_test_setup_teardown(fn, setup, frames_teardown)
	const struct CMUnitTest tests[] = {
		hold_test(test_goes_on_when_found4),
		hold_test(test_goes_on_when_found6),
		hold_test(test_on_link),
		hold_test(test_not_on_link_of_pods),
		hold_test(test_gives_up),
		hold_test(test_lent_memory_is_not_held),
		hold_test(test_oldest_gives_way),
		hold_test(test_addresses_are_limited),
		hold_test(test_nexthop_goes),
		hold_test(test_other_changes_do_not_matter),
		hold_test(test_port_goes),
		hold_test(test_many_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
