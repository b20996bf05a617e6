/* SPDX-License-Identifier: Apache-2.0 */
// What an uplink's device is to bring: rules of isolated uplinks and of queues. What they do to
// packets is tested with the device of tests/pmd.

#include "offload_world.h"

#define POD 2
#define UPLINK 5
#define TAG 100
#define ISOLATED "device=net_none0,isolated=on"

static struct port_driver nic_driver;

// Untagged in network 8, which has no subnet; network 7 under TAG.
static void
set_uplink(const char *args, uint32_t flags)
{
	make_port(&a, UPLINK, 8);
	a.port.kind = CW_PORT_NIC;
	a.port.flags = CW_PORT_UPLINK | flags;
	make_mac(a.port.mac, 0x55);
	snprintf(a.port.args, sizeof(a.port.args), "%s", args);
	a.port.n_trunk = 1;
	a.port.trunk[0] = (struct cw_tag){.vlan = TAG, .network = 7};
	a.item.length =
		(uint16_t)CW_ALIGN8(offsetof(struct cw_port, trunk) + sizeof(struct cw_tag));
	set(&a.item);
}

static void
set_bare_network(uint32_t id)
{
	make_network(&a, id);
	a.network.n_addresses = 0;
	a.item.length = (uint16_t)CW_ALIGN8(offsetof(struct cw_network, addresses));
	set(&a.item);
}

static int
setup(void **state)
{
	fake_reset();
	fake_flows_reset();
	nic_driver = fake_driver;
	nic_driver.kinds = 1u << CW_PORT_NIC;
	port_driver_register(&nic_driver);
	world_open(state);
	set_bare_network(8);
	make_port(&a, POD, 7);
	set(&a.item);
	set(make_endpoint(&a, POD, 7));
	set(make_vtep(&a, 1, 0, make_ip4(192, 0, 2, 1, 32)));
	return 0;
}

static int
teardown(void **state)
{
	world_close();
	return 0;
}

static const struct offload_flow *
find(const char *wanted)
{
	const struct offload_flow *flow;
	char text[192];

	TAILQ_FOREACH (flow, &offload->flows, link) {
		flow_match_text(&flow->rule.match, "in", text, sizeof(text));
		if (strcmp(text, wanted) == 0)
			return flow;
	}
	return NULL;
}

static void
assert_has(const char *wanted)
{
	const struct offload_flow *flow = find(wanted);

	if (flow == NULL || flow->state != CW_FLOW_OFFLOADED)
		fail_msg("no rule \"%s\"", wanted);
}

#define TO_US "in to 02:00:00:00:09:55"
#define VTEP "udp any > 192.0.2.1:8472 unfragmented"

static void
an_isolated_uplink_gets_what_is_ours(void **state)
{
	set_uplink(ISOLATED, 0);
	assert_has(TO_US " " VTEP);
	assert_has(TO_US " tag 100 " VTEP);
	assert_has(TO_US " tag 100 ipv4 any > 10.7.0.1/16");
	assert_int_equal(flows.n_rules, 3);
	assert_false(offload->follows_flows); // workers look for none
	del(make_vtep(&a, 1, 0, make_ip4(192, 0, 2, 1, 32)));
	assert_int_equal(flows.n_rules, 1);
	set_uplink("device=net_none0", 0);
	assert_int_equal(flows.n_rules, 0);
}

static void
groups_come_by_their_mac(void **state)
{
	set_uplink(ISOLATED, 0);
	make_vtep(&a, 2, UPLINK, make_ip4(192, 0, 2, 2, 32));
	a.vtep.n_groups = 1;
	a.vtep.addresses[0] = make_ip4(239, 129, 2, 3, 32);
	a.item.length =
		(uint16_t)CW_ALIGN8(offsetof(struct cw_vtep, addresses) + sizeof(struct cw_ip));
	set(&a.item);
	assert_has("in to 01:00:5e:01:02:03 udp any > 239.129.2.3:8472 unfragmented");
}

static void
pods_outside_of_subnets_are_named(void **state)
{
	set_uplink(ISOLATED, 0);
	make_endpoint(&a, POD, 7);
	a.endpoint.ips[0] = make_ip4(172, 16, 0, 9, 32);
	set(&a.item);
	assert_has(TO_US " tag 100 ipv4 any > 172.16.0.9");
	set(make_endpoint(&a, POD, 7));
	assert_null(find(TO_US " tag 100 ipv4 any > 172.16.0.9"));
}

// Of two rules that match one packet, both of one priority, nobody knows which counts.
static void
a_subnet_within_another_has_no_rule(void **state)
{
	set_uplink(ISOLATED, 0);
	make_network(&a, 7);
	a.network.n_addresses = 3;
	a.network.addresses[1] = make_ip4(10, 7, 9, 1, 24);
	a.network.addresses[2] = make_ip4(10, 7, 0, 2, 16);
	a.item.length = (uint16_t)CW_ALIGN8(
		offsetof(struct cw_network, addresses) + 3 * sizeof(struct cw_ip));
	set(&a.item);
	assert_has(TO_US " tag 100 ipv4 any > 10.7.0.1/16");
	assert_int_equal(flows.n_rules, 3);
}

static void
a_restart_brings_rules_back_at_once(void **state)
{
	set_uplink(ISOLATED, 0);
	fake.ethdev_starts++;
	a_second_passes();
	assert_int_equal(flows.flushes, 1);
	assert_has(TO_US " " VTEP);
	assert_int_equal(flows.n_rules, 3);
}

static void
a_refusal_is_told_and_tried_again(void **state)
{
	const struct offload_flow *flow;

	flows.refuses = "no tags";
	set_uplink(ISOLATED, 0);
	flow = find(TO_US " " VTEP);
	assert_non_null(flow);
	assert_int_equal(flow->state, CW_FLOW_REFUSED);
	assert_string_equal(flow->reason, "refused: no tags");
	flows.refuses = NULL;
	for (int i = 0; i < 31; i++)
		a_second_passes();
	assert_int_equal(flow->state, CW_FLOW_OFFLOADED);
}

static void
outer_headers_spread_what_inner_ones_may_not(void **state)
{
	const struct offload_flow *flow;

	set_uplink("device=net_none0", CW_PORT_OFFLOAD);
	flows.refuses = "no inner hash";
	objects_device(objects, UPLINK)->n_rx = 4;
	objects_settle(objects);
	flow = find(TO_US " " VTEP " vxlan ipv6");
	assert_non_null(flow);
	assert_string_equal(flow->reason, "refused: no inner hash; spread by the outer headers");
	objects_settle(objects);
	assert_string_equal(flow->reason, "refused: no inner hash; spread by the outer headers");
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_isolated_uplink_gets_what_is_ours),
		TEST(groups_come_by_their_mac),
		TEST(pods_outside_of_subnets_are_named),
		TEST(a_subnet_within_another_has_no_rule),
		TEST(a_restart_brings_rules_back_at_once),
		TEST(a_refusal_is_told_and_tried_again),
		TEST(outer_headers_spread_what_inner_ones_may_not),
	};

	return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
