/* SPDX-License-Identifier: Apache-2.0 */
// Which flows devices get, and that a rule never outlives what it was made of. What rules do to
// packets is tested with the device of tests/pmd.

#include "offload_flows.h"

// What comes after a rule is there, by the plain and by the asynchronous API.

static void
a_switched_flow_is_offloaded(void **state)
{
	see_flow(A, A, B, 1000);
	assert_state(CW_FLOW_OFFLOADED, "");
	assert_texts("in from 02:00:00:00:09:02 to 02:00:00:00:09:03 udp 10.7.0.2:1000 > "
		     "10.7.0.3:9 length 28-1500",
		"to out");
	assert_int_equal(only_flow()->out_port, B);
	assert_int_equal(only_flow()->rule.actions.out_ethdev, 10 + B);
	assert_int_equal(only_flow()->rule.match.in_ethdev, 10 + A);
	see_flow(A, A, B, 1000); // the same
	assert_int_equal(count(CW_FLOW_OFFLOADED), 1);
	assert_int_equal(flows.n_rules, 1);
}

static void
one_packet_is_no_flow(void **state)
{
	const struct offload_key key = flow_key(A, A, B, 1000);

	see(&key, 1);
	assert_int_equal(flows.n_rules, 0);
	see(&key, 1);
	assert_int_equal(flows.n_rules, 1);
}

static void
a_routed_flow_is_rewritten(void **state)
{
	struct offload_key key = flow_key(A, A, B, 1000);

	make_mac(key.match.frame.dst.addr_bytes, 0xfe); // the router
	see(&key, 2);
	assert_texts("in from 02:00:00:00:09:02 to 02:00:00:00:09:fe udp 10.7.0.2:1000 > "
		     "10.7.0.3:9 ttl 64 length 28-1500",
		" src 02:00:00:00:09:fe dst 02:00:00:00:09:03 ttl-1 to out");
	key.match.frame.hops = 1; // is answered by the switch
	key.match.frame.src_port++;
	see(&key, 2);
	assert_int_equal(count(CW_FLOW_OFFLOADED), 1);
	assert_int_equal(count(CW_FLOW_REFUSED), 1);
}

static void
tags_are_taken_and_given(void **state)
{
	struct offload_key key = flow_key(A, A, B, 1000);

	make_port(&a, A, 7);
	a.port.flags = CW_PORT_OFFLOAD;
	a.port.vlan = 100;
	set(&a.item);
	key.match.frame.vlan = 100;
	see(&key, 2);
	assert_texts("in from 02:00:00:00:09:02 to 02:00:00:00:09:03 tag 100 udp 10.7.0.2:1000 > "
		     "10.7.0.3:9 length 28-1500",
		"pop-tag to out");
	make_port(&a, B, 7);
	a.port.flags = CW_PORT_OFFLOAD;
	a.port.vlan = 200;
	set(&a.item);
	assert_texts("in from 02:00:00:00:09:02 to 02:00:00:00:09:03 tag 100 udp 10.7.0.2:1000 > "
		     "10.7.0.3:9 length 28-1500",
		"pop-tag push-tag 200 to out");
	assert_int_equal(flows.n_rules, 1);
}

static void
a_flow_into_a_tunnel(void **state)
{
	struct offload_key key = flow_key(A, A, B, 1000);
	const struct flow_actions *actions;

	set_uplink();
	make_mac(key.match.frame.dst.addr_bytes, 0xfe);
	key.match.frame.dst_ip = make_ip4(10, 9, 0, 1, 32);
	set(make_route(&a, 7, make_ip4(10, 9, 0, 0, 16), TUNNEL));
	see(&key, 2);
	assert_texts("in from 02:00:00:00:09:02 to 02:00:00:00:09:fe udp 10.7.0.2:1000 > "
		     "10.9.0.1:9 ttl 64 tos 0x00/0xff length 28-1450",
		" src 02:00:00:00:09:fe dst 02:00:00:00:09:88 ttl-1 encap(50) to out");
	actions = &only_flow()->rule.actions;
	assert_int_equal(actions->encap[34] << 8 | actions->encap[35],
		0xc000 | (actions->encap[34] << 8 | actions->encap[35])); // a dynamic port
	assert_int_equal(actions->encap[36] << 8 | actions->encap[37], 8472);
	assert_int_equal(actions->encap[16] << 8 | actions->encap[17], 0); // the device's to fill
	assert_int_equal(only_flow()->kind, CW_FLOW_ENCAP);
	del(make_tunnel(&a, TUNNEL, 7, 1, make_ip4(192, 0, 2, 2, 32), UNDERLAY));
	assert_int_equal(flows.n_rules, 0);
}

static void
a_flow_out_of_a_tunnel(void **state)
{
	struct offload_key key = {.port = UPLINK};

	set_uplink();
	memset(&key, 0, sizeof(key));
	key = flow_key(UPLINK, 0x88, A, 1000);
	key.match.inner = key.match.frame;
	make_mac(key.match.frame.dst.addr_bytes, 0x55);
	key.match.frame.src_ip = make_ip4(192, 0, 2, 2, 32);
	key.match.frame.dst_ip = make_ip4(192, 0, 2, 1, 32);
	key.match.frame.dst_port = 8472;
	key.match.is_vxlan = true;
	key.match.vni = 7;
	see(&key, 2);
	assert_state(CW_FLOW_OFFLOADED, "");
	assert_texts("in to 02:00:00:00:09:55 udp 192.0.2.2 > 192.0.2.1:8472 tos 0x00/0x01 vni 7 "
		     "from 02:00:00:00:09:88 to 02:00:00:00:09:02 udp 10.7.0.136:1000 > "
		     "10.7.0.2:9 length 28-1500",
		"decap to out");
	assert_int_equal(only_flow()->kind, CW_FLOW_DECAP);
	del(make_endpoint(&a, A, 7));
	assert_state(CW_FLOW_REFUSED, "handled by the switch");
	set(make_endpoint(&a, A, 7));
	assert_state(CW_FLOW_OFFLOADED, ""); // under its former name no more
	key.match.frame.traffic_class = 3; // congestion, which the inner packet has to tell
	key.match.inner.src_port++;
	see(&key, 2);
	assert_int_equal(flows.n_rules, 1);
}

static void
what_the_switch_must_see_is_not_offloaded(void **state)
{
	struct offload_key key = flow_key(A, A, 0xfe, 1000);

	see(&key, 2); // to nobody: the router does not know 10.7.0.254
	assert_state(CW_FLOW_REFUSED, "handled by the switch");
	del(make_endpoint(&a, B, 7));
	see_flow(A, A, B, 1000); // flooded
	assert_int_equal(flows.n_rules, 0);
	assert_int_equal(count(CW_FLOW_REFUSED), 2);
}

static void
a_port_without_the_flag_takes_no_part(void **state)
{
	make_port(&a, C, 7);
	set(&a.item);
	set(make_endpoint(&a, C, 7));
	see_flow(A, A, C, 1000);
	assert_state(CW_FLOW_REFUSED, "offload of port pod4 is off");
	see_flow(C, C, A, 1000); // not even told
	assert_state(CW_FLOW_REFUSED, "offload of port pod4 is off");
	make_port(&a, C, 7);
	a.port.flags = CW_PORT_OFFLOAD;
	set(&a.item);
	assert_state(CW_FLOW_OFFLOADED, "");
}

// Every change that moves packets has moved the rule when it is answered.

static void
a_moved_address_moves_its_rule(void **state)
{
	set_port(C, 0);
	set(make_fdb(&a, 7, 99, B));
	see_flow(A, A, 99, 1000);
	assert_int_equal(only_flow()->out_port, B);
	set(make_fdb(&a, 7, 99, C));
	assert_int_equal(only_flow()->out_port, C);
	assert_int_equal(only_flow()->rule.actions.out_ethdev, 10 + C);
	assert_int_equal(flows.n_rules, 1);
	del(make_fdb(&a, 7, 99, C));
	assert_int_equal(flows.n_rules, 0);
}

static void
a_changed_route_moves_its_rule(void **state)
{
	struct offload_key key = flow_key(A, A, B, 1000);

	set_port(C, 0);
	make_mac(key.match.frame.dst.addr_bytes, 0xfe);
	key.match.frame.dst_ip = make_ip4(10, 9, 0, 1, 32);
	set(make_nexthop(&a, 11, 7, B));
	set(make_nexthop(&a, 12, 7, C));
	set(make_route(&a, 7, make_ip4(10, 9, 0, 0, 16), 11));
	see(&key, 2);
	assert_int_equal(only_flow()->out_port, B);
	set(make_route(&a, 7, make_ip4(10, 9, 0, 0, 24), 12)); // a longer one
	assert_int_equal(only_flow()->out_port, C);
	make_nexthop(&a, 12, 7, C);
	make_mac(a.nexthop.mac, 0x78);
	set(&a.item);
	assert_int_equal(only_flow()->rule.actions.dst.addr_bytes[5], 0x78);
	assert_int_equal(flows.n_rules, 1);
	set(make_route(&a, 7, make_ip4(10, 9, 0, 0, 24), 11));
	assert_int_equal(only_flow()->out_port, B);
}

static void
a_smaller_mtu_narrows_the_rule(void **state)
{
	see_flow(A, A, B, 1000);
	make_port(&a, B, 7);
	a.port.flags = CW_PORT_OFFLOAD;
	a.port.mtu = 1400;
	set(&a.item);
	assert_int_equal(only_flow()->rule.match.frame.max_length, 1400);
	assert_int_equal(flows.n_rules, 1);
}

static void
a_closed_port_takes_its_rules_along(void **state)
{
	see_flow(A, A, B, 1000);
	see_flow(B, B, A, 1000);
	assert_int_equal(flows.n_rules, 2);
	del(make_port(&a, B, 7));
	assert_int_equal(flows.n_rules, 0);
}

static void
the_flag_off_takes_all_back(void **state)
{
	see_flow(A, A, B, 1000);
	assert_int_equal(flows.n_rules, 1);
	set(make_port(&a, A, 7));
	assert_int_equal(flows.n_rules, 0);
	set(make_port(&a, B, 7));
	assert_false(f->w->looks_for_candidates);
	assert_true(TAILQ_EMPTY(&offload->flows));
}

static void
a_flow_past_the_guard_is_none(void **state)
{
	struct offload_key key = flow_key(A, A, B, 1000);
	const struct offload_flow *flow;

	set_port(A, CW_GUARD_ALL);
	key.match.frame.src_ip = make_ip4(10, 7, 0, 66, 32);
	see(&key, 2);
	assert_state(CW_FLOW_REFUSED, "dropped: spoof_ip");
	see_flow(A, A, B, 1000);
	assert_int_equal(count(CW_FLOW_OFFLOADED), 1);
	make_endpoint(&a, A, 7); // its address is another one now
	a.endpoint.ips[0] = make_ip4(10, 7, 0, 66, 32);
	set(&a.item);
	assert_int_equal(count(CW_FLOW_OFFLOADED), 1);
	TAILQ_FOREACH (flow, &offload->flows, link)
		if (flow->is_seen)
			assert_int_equal(
				flow->device != NULL, flow->key.match.frame.src_ip.addr[3] == 66);
}

static void
a_guard_is_in_the_device_too(void **state)
{
	set_port(A, CW_GUARD_ALL);
	assert_int_equal(count_kind(CW_FLOW_GUARD_PASS), 5); // own, two unset, link-local, others
	assert_int_equal(count_kind(CW_FLOW_GUARD_DROP), 3); // IPv4, IPv6, other MACs
	set_port(A, CW_GUARD_IP);
	assert_int_equal(count_kind(CW_FLOW_GUARD_PASS), 4);
	assert_int_equal(count_kind(CW_FLOW_GUARD_DROP), 2);
	set_port(A, 0);
	assert_int_equal(flows.n_rules, 0);
}

static void
nothing_is_dropped_before_all_that_may_pass_passes(void **state)
{
	flows.room = 4;
	set_port(A, CW_GUARD_ALL);
	assert_int_equal(count_kind(CW_FLOW_GUARD_DROP), 0);
	flows.room = FAKE_RULES;
	for (int i = 0; i < 31; i++)
		a_second_passes();
	assert_int_equal(count_kind(CW_FLOW_GUARD_DROP), 3);
}

static void
vxlan_is_spread_over_queues(void **state)
{
	set_uplink(); // of one queue
	assert_int_equal(count_kind(CW_FLOW_RSS), 0);
	objects_device(objects, UPLINK)->n_rx = 4;
	objects_settle(objects);
	assert_int_equal(count_kind(CW_FLOW_RSS), 2);
	objects_device(objects, UPLINK)->n_rx = 1;
	objects_settle(objects);
	assert_int_equal(count_kind(CW_FLOW_RSS), 0);
}

// What devices do to it.

int
main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(a_switched_flow_is_offloaded),
		BOTH(one_packet_is_no_flow),
		BOTH(a_routed_flow_is_rewritten),
		BOTH(tags_are_taken_and_given),
		BOTH(a_flow_into_a_tunnel),
		BOTH(a_flow_out_of_a_tunnel),
		BOTH(what_the_switch_must_see_is_not_offloaded),
		BOTH(a_port_without_the_flag_takes_no_part),
		BOTH(a_moved_address_moves_its_rule),
		BOTH(a_changed_route_moves_its_rule),
		BOTH(a_smaller_mtu_narrows_the_rule),
		BOTH(a_closed_port_takes_its_rules_along),
		BOTH(the_flag_off_takes_all_back),
		BOTH(a_flow_past_the_guard_is_none),
		BOTH(a_guard_is_in_the_device_too),
		BOTH(nothing_is_dropped_before_all_that_may_pass_passes),
		BOTH(vxlan_is_spread_over_queues),
	};

	return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
