/* SPDX-License-Identifier: Apache-2.0 */
#include "l2_frames.h"

#include <rte_ring_elem.h>

#include "events.h"

static void
set_learning(struct network *network, void *arg)
{
	network->learning = *(bool *)arg;
}

static int
setup_learning(void **state)
{
	bool learning = true;

	if (setup_ports(state) != 0)
		return -1;
	fixture_network(*state, 0, set_learning, &learning);
	return 0;
}

static bool
next_event(struct fixture *f, struct dp_event *event)
{
	return rte_ring_dequeue_elem(f->dp->events, event, sizeof(*event)) == 0;
}

static struct frame
frame_from(uint8_t last)
{
	struct frame frame = frame_udp4(2, 3, NULL);

	frame_ether(&frame)->src_addr = (struct rte_ether_addr){{2, 9, 9, 9, 9, last}};
	return frame;
}

static void
test_unknown_source(void **state)
{
	struct fixture *f = *state;
	struct frame frame = frame_from(1);
	struct dp_event event;

	assert_passed(f, 2, &frame, 3);
	assert_true(next_event(f, &event));
	assert_int_equal(event.type, DP_EVENT_LEARN);
	assert_int_equal(event.network, 0);
	assert_int_equal(event.port, 2);
	assert_true(rte_is_same_ether_addr(&event.mac, &frame_ether(&frame)->src_addr));
	assert_false(next_event(f, &event));
}

static void
test_one_event_a_train(void **state)
{
	struct fixture *f = *state;
	struct frame frame = frame_from(2);
	struct rte_mbuf *pkts[100];
	struct dp_event event;
	int events = 0;

	for (size_t i = 0; i < RTE_DIM(pkts); i++)
		pkts[i] = fixture_packet(f, frame.bytes, frame.len);
	fixture_inject(f, 2, pkts, RTE_DIM(pkts));
	assert_int_equal(fixture_sent(f, 3), RTE_DIM(pkts));
	while (next_event(f, &event))
		events++;
	assert_int_equal(events, 2); // two bursts
}

static void
test_static_and_router(void **state)
{
	struct fixture *f = *state;
	struct frame frame = frame_udp4(2, 3, NULL);
	struct dp_event event;

	assert_passed(f, 2, &frame, 3);
	frame_ether(&frame)->src_addr = port_mac(4); // static elsewhere
	assert_passed(f, 2, &frame, 3);
	frame_ether(&frame)->src_addr = (struct rte_ether_addr){{2, 0, 0, 0, 0, 1}};
	assert_passed(f, 2, &frame, 3);
	assert_false(next_event(f, &event));
}

static uint32_t
last_seen(struct fixture *f, const struct rte_ether_addr *mac)
{
	uint32_t cursor = 0;
	struct fdb_row row;

	while (fdb_next(f->dp->fdb, &cursor, &row) == 0)
		if (rte_is_same_ether_addr(&row.mac, mac))
			return row.last_seen_s;
	fail_msg("address is not in the FDB");
	return 0;
}

static void
test_learned_source(void **state)
{
	struct fixture *f = *state;
	struct frame frame = frame_from(3);
	const struct rte_ether_addr *mac = &frame_ether(&frame)->src_addr;
	struct dp_event event;

	assert_int_equal(fdb_set(f->dp->fdb, 0, mac, 2, true, 10), 0);
	f->w->now_s = 20;
	assert_passed(f, 2, &frame, 3);
	assert_false(next_event(f, &event));
	assert_int_equal(last_seen(f, mac), 20);
	f->w->now_s = 30;
	assert_passed(f, 4, &frame, 3); // it moved
	assert_true(next_event(f, &event));
	assert_int_equal(event.port, 4);
	assert_int_equal(last_seen(f, mac), 20);
}

static void
test_arp_and_nd_go_on(void **state)
{
	struct fixture *f = *state;
	struct frame frame = frame_arp(RTE_ARP_OP_REQUEST, 2, port_ip4(2), port_ip4(3));
	uint8_t own[16], other[16];

	inject(f, 2, &frame);
	assert_int_equal(fixture_sent(f, 2), 1);
	port_ip6(2, own);
	port_ip6(3, other);
	frame = frame_nd(ND_NEIGHBOR_SOLICITATION, 2, own, other);
	inject(f, 2, &frame);
	assert_int_equal(fixture_sent(f, 2), 2);
	assert_int_equal(fixture_sent(f, 3), 0);
}

static void
test_off(void **state)
{
	struct fixture *f = *state;
	struct frame frame = frame_from(4);
	struct dp_event event;
	bool learning = false;

	fixture_network(f, 0, set_learning, &learning);
	assert_passed(f, 2, &frame, 3);
	assert_false(next_event(f, &event));
	learning = true;
	fixture_network(f, 0, set_learning, &learning);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		l2_test(test_unknown_source),
		l2_test(test_one_event_a_train),
		l2_test(test_static_and_router),
		l2_test(test_learned_source),
		l2_test(test_arp_and_nd_go_on),
		l2_test(test_off),
	};

	return cmocka_run_group_tests(tests, setup_learning, fixture_teardown);
}
