/* SPDX-License-Identifier: Apache-2.0 */
#include "l2_frames.h"

// Network 7 is reached by tag 70 of port 2 and by ports 5 and 6, which are its own.

#define OTHER_NETWORK 7

static void
move_to_other(struct dp_port *port, void *arg)
{
	port->network = OTHER_NETWORK;
	port->vlan = *(uint16_t *)arg;
}

static void
add_trunk(struct dp_port *port, void *arg)
{
	port->n_trunk = 1;
	port->trunk[0] = (struct cw_tag){.vlan = 70, .network = OTHER_NETWORK};
}

static int
setup_networks(void **state)
{
	const uint16_t access_tag[2] = {0, 66};

	if (setup_ports(state) != 0)
		return -1;
	fixture_network(*state, OTHER_NETWORK, NULL, NULL);
	for (uint16_t i = 0; i < 2; i++) {
		struct rte_ether_addr mac = port_mac((uint16_t)(5 + i));
		struct fixture *f = *state;
		uint16_t tag = access_tag[i];

		fixture_port(f, (uint16_t)(5 + i));
		fixture_port_change(f, (uint16_t)(5 + i), move_to_other, &tag);
		assert_int_equal(
			fdb_set(f->dp->fdb, OTHER_NETWORK, &mac, (uint16_t)(5 + i), false, 0), 0);
	}
	fixture_port_change(*state, 2, add_trunk, NULL);
	return 0;
}

static void
test_untagged(void **state)
{
	struct fixture *f = *state;
	struct frame frame = frame_udp4(2, 3, NULL);

	assert_passed(f, 2, &frame, 3);
	assert_int_equal(f->w->ctx[0].network, 0);
	assert_int_equal(f->w->ctx[0].vlan, 0);
}

static void
test_trunk(void **state)
{
	struct fixture *f = *state;
	struct frame plain = frame_udp4(2, 5, NULL), tagged = plain;

	frame_tag(&tagged, 70 | 3 << 13);
	inject(f, 2, &tagged);
	assert_sent(f, 5, &plain);
	assert_int_equal(f->w->ctx[0].network, OTHER_NETWORK);
	assert_int_equal(f->w->ctx[0].vlan, 70);
}

// Each port sees its own tag for the network.
static void
test_tag_to_tag(void **state)
{
	struct fixture *f = *state;
	struct frame in = frame_udp4(2, 6, NULL), out = in;

	frame_tag(&in, 70);
	frame_tag(&out, 66);
	assert_int_equal(in.len, out.len);
	inject(f, 2, &in);
	assert_sent(f, 6, &out);
}

static void
test_access(void **state)
{
	struct fixture *f = *state;
	struct frame plain = frame_udp4(6, 5, NULL), frame = plain;

	assert_dropped(f, 6, &plain, "vlan_untagged");
	frame_tag(&frame, 67);
	assert_dropped(f, 6, &frame, "vlan_unknown");
	frame = plain;
	frame_tag(&frame, 66);
	inject(f, 6, &frame);
	assert_sent(f, 5, &plain);
	assert_int_equal(fixture_drops(f, 6, "vlan_untagged"), 1);
}

static void
test_priority_tag(void **state)
{
	struct fixture *f = *state;
	struct frame plain = frame_udp4(2, 3, NULL), frame = plain;

	frame_tag(&frame, 5 << 13);
	inject(f, 2, &frame);
	assert_sent(f, 3, &plain);
	frame = frame_udp4(6, 5, NULL);
	frame_tag(&frame, 5 << 13);
	assert_dropped(f, 6, &frame, "vlan_untagged");
}

static void
test_unknown(void **state)
{
	struct fixture *f = *state;
	struct frame frame = frame_udp4(2, 3, NULL);

	frame_tag(&frame, 71);
	assert_dropped(f, 2, &frame, "vlan_unknown");
	frame.bytes[14] = 0x0f;
	frame.bytes[15] = 0xff; // VLAN 4095
	assert_dropped(f, 2, &frame, "vlan_unknown");
}

static void
test_transparent(void **state)
{
	struct fixture *f = *state;
	uint32_t flags = CW_PORT_TRANSPARENT;
	struct frame frame = frame_udp4(3, 4, NULL);

	frame_tag(&frame, 99);
	fixture_port_change(f, 3, change_flags, &flags);
	assert_dropped(f, 3, &frame, "vlan_foreign");
	fixture_port_change(f, 4, change_flags, &flags);
	assert_passed(f, 3, &frame, 4);
	assert_int_equal(f->w->ctx[0].tag_len, 4);
	assert_int_equal(f->w->ctx[0].l2_len, 18);
	flags = 0;
	fixture_port_change(f, 3, change_flags, &flags);
	fixture_port_change(f, 4, change_flags, &flags);
}

// A tag inside the tag must not choose another of the receiver's networks.
static void
test_inner_tag(void **state)
{
	struct fixture *f = *state;
	struct frame inner = frame_udp4(2, 5, NULL), frame;

	frame_tag(&inner, 70);
	frame = inner;
	frame_tag(&frame, 70);
	assert_dropped(f, 2, &frame, "vlan_foreign");
}

// What is addressed to the router inside a foreign tag is not the router's.
static void
test_transparent_to_router(void **state)
{
	struct fixture *f = *state;
	uint32_t flags = CW_PORT_TRANSPARENT;
	struct frame frame = frame_udp4(3, 4, ROUTER_MAC);

	frame_tag(&frame, 99);
	fixture_port_change(f, 3, change_flags, &flags);
	fixture_port_change(f, 4, change_flags, &flags);
	inject(f, 3, &frame);
	assert_sent(f, 4, &frame); // flooded as unknown
	flags = 0;
	fixture_port_change(f, 3, change_flags, &flags);
	fixture_port_change(f, 4, change_flags, &flags);
}

static void
point_nowhere(struct dp_port *port, void *arg)
{
	port->trunk[0].network = 99;
}

static void
test_network_gone(void **state)
{
	struct fixture *f = *state;
	struct frame frame = frame_udp4(2, 3, NULL);

	frame_tag(&frame, 70);
	fixture_port_change(f, 2, point_nowhere, NULL);
	assert_dropped(f, 2, &frame, "no_network");
	fixture_port_change(f, 2, add_trunk, NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		l2_test(test_untagged),
		l2_test(test_trunk),
		l2_test(test_tag_to_tag),
		l2_test(test_access),
		l2_test(test_priority_tag),
		l2_test(test_unknown),
		l2_test(test_transparent),
		l2_test(test_inner_tag),
		l2_test(test_transparent_to_router),
		l2_test(test_network_gone),
	};

	return cmocka_run_group_tests(tests, setup_networks, fixture_teardown);
}
