/* SPDX-License-Identifier: Apache-2.0 */
// Ports, groups, priorities, refusals, a card that is full or loses rules, the asynchronous API.
#include "bench.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include <rte_errno.h>
#include <rte_mbuf.h>

static const struct spec frame = {.dst = 1,
	.src = 2,
	.version = 4,
	.dst_ip = 9,
	.ttl = 64,
	.protocol = IPPROTO_UDP,
	.src_port = 1000,
	.dst_port = 2000,
	.payload = 40};
static const struct rte_flow_attr ingress = {.ingress = 1}, transfer = {.transfer = 1};
static const struct rte_flow_item any[] = {ITEM(ETH), ITEM(END)};
static const struct rte_flow_action drop[] = {ACTION(COUNT), ACTION(DROP), ACTION(END)};

static void
test_without_rules(void **state)
{
	struct bench *bench = bench_open("");

	for (unsigned int i = 0; i < BENCH_ENDS; i++) {
		bench_send(bench, i, &frame);
		bench_expect_rx(bench, i, &frame);
		bench_tx(bench, i, &frame);
		bench_expect(bench, i, &frame);
	}
	bench_expect_nothing(bench);
	bench_close(bench);
}

static void
test_representors(void **state)
{
	struct bench *bench = bench_open("");
	struct rte_eth_dev_info info[BENCH_ENDS];
	struct rte_dev_iterator iterator;
	uint16_t port;

	for (unsigned int i = 0; i < BENCH_ENDS; i++)
		assert_int_equal(rte_eth_dev_info_get(bench->port[i], &info[i]), 0);
	assert_int_equal(info[1].switch_info.domain_id, info[0].switch_info.domain_id);
	assert_int_not_equal(info[1].switch_info.port_id, info[2].switch_info.port_id);
	assert_false(*info[0].dev_flags & RTE_ETH_DEV_REPRESENTOR);
	assert_true(*info[2].dev_flags & RTE_ETH_DEV_REPRESENTOR);
	assert_int_equal(rte_eth_iterator_init(&iterator, "net_flow0,representor=vf1"), 0);
	port = rte_eth_iterator_next(&iterator);
	assert_int_equal(port, bench->port[2]);
	rte_eth_iterator_cleanup(&iterator);
	assert_int_equal(rte_flow_pick_transfer_proxy(bench->port[2], &port, NULL), 0);
	assert_int_equal(port, bench->port[0]);
	bench_close(bench);
}

// Both directions of a port's item: from the ethdev, and from what it represents.
static void
test_origins(void **state)
{
	struct bench *bench = bench_open("");
	struct rte_flow_item_ethdev vf0 = {bench->port[1]};
	struct rte_flow_action_ethdev to_vf1 = {bench->port[2]};
	struct rte_flow_item from_vf[] = {WITH(REPRESENTED_PORT, &vf0), ITEM(END)};
	struct rte_flow_item from_ethdev[] = {WITH(PORT_REPRESENTOR, &vf0), ITEM(END)};
	struct rte_flow_action to_ethdev[] = {DO(PORT_REPRESENTOR, &to_vf1), ACTION(END)};
	struct rte_flow_action to_vf[] = {DO(REPRESENTED_PORT, &to_vf1), ACTION(END)};

	bench_rule(bench, 0, &transfer, from_vf, to_vf);
	bench_rule(bench, 0, &transfer, from_ethdev, to_ethdev);
	bench_send(bench, 1, &frame);
	bench_expect(bench, 2, &frame);
	bench_tx(bench, 1, &frame);
	bench_expect_rx(bench, 2, &frame);
	bench_send(bench, 2, &frame); // no rule is about it
	bench_expect_rx(bench, 2, &frame);
	bench_expect_nothing(bench);
	assert_int_equal(bench_counter(bench, 0, "in_card"), 1);
	bench_close(bench);
}

static void
test_two_fates(void **state)
{
	struct bench *bench = bench_open("");
	struct rte_flow_item_ethdev wire = {bench->port[0]};
	struct rte_flow_action_ethdev vf0 = {bench->port[1]}, vf1 = {bench->port[2]};
	struct rte_flow_action_set_mac mac = {{2, 0, 0, 0, 0, 7}};
	struct rte_flow_item pattern[] = {WITH(REPRESENTED_PORT, &wire), ITEM(ETH), ITEM(END)};
	struct rte_flow_action actions[] = {DO(REPRESENTED_PORT, &vf0), DO(SET_MAC_DST, &mac),
		DO(REPRESENTED_PORT, &vf1), ACTION(END)};
	struct spec changed = frame;

	changed.dst = 7;
	bench_rule(bench, 0, &transfer, pattern, actions);
	bench_send(bench, 0, &frame);
	bench_expect(bench, 1, &frame);
	bench_expect(bench, 2, &changed);
	bench_close(bench);
}

// 0 is the highest priority, whatever the order of creation; among equals nothing is promised.
static void
test_priorities(void **state)
{
	static const struct rte_flow_action_queue queue = {3};
	static const struct rte_flow_action to_queue[] = {DO(QUEUE, &queue), ACTION(END)};
	struct rte_flow_attr low = {.ingress = 1, .priority = 5};
	struct bench *bench = bench_open("");
	struct rte_flow *dropping, *twin;

	bench_rule(bench, 0, &low, any, to_queue);
	bench_send(bench, 0, &frame);
	bench_expect_rx(bench, 0, &frame);
	dropping = bench_rule(bench, 0, &ingress, any, drop);
	bench_send(bench, 0, &frame);
	bench_expect_nothing(bench);
	assert_int_equal(bench_counter(bench, 0, "undefined"), 0);
	twin = bench_rule(bench, 0, &ingress, any, drop);
	bench_send(bench, 0, &frame);
	bench_settle(bench);
	assert_int_equal(bench_counter(bench, 0, "undefined"), 1);
	assert_int_equal(rte_flow_destroy(bench->port[0], twin, NULL), 0);
	assert_int_equal(rte_flow_destroy(bench->port[0], dropping, NULL), 0);
	bench_send(bench, 0, &frame);
	bench_expect_rx(bench, 0, &frame);
	assert_int_equal(rte_flow_flush(bench->port[0], NULL), 0);
	bench_close(bench);
}

// Other groups are reached by JUMP only.
static void
test_groups(void **state)
{
	struct rte_flow_attr group_2 = {.ingress = 1, .group = 2};
	static const struct rte_flow_action_jump to_2 = {2};
	static const struct rte_flow_action jump[] = {DO(JUMP, &to_2), ACTION(END)};
	struct bench *bench = bench_open("");
	struct rte_flow *rule = bench_rule(bench, 0, &group_2, any, drop);

	bench_send(bench, 0, &frame);
	bench_expect_rx(bench, 0, &frame);
	bench_rule(bench, 0, &ingress, any, jump);
	bench_send(bench, 0, &frame);
	bench_expect_nothing(bench);
	assert_int_equal(bench_hits(bench, 0, rule), 1);
	assert_int_equal(rte_flow_destroy(bench->port[0], rule, NULL), 0);
	bench_send(bench, 0, &frame); // to a group without rules
	bench_expect_nothing(bench);
	assert_int_equal(bench_counter(bench, 0, "undefined"), 1);
	bench_close(bench);
}

static void
test_isolated(void **state)
{
	static const struct rte_flow_action_queue queue = {0};
	static const struct rte_flow_action to_queue[] = {DO(QUEUE, &queue), ACTION(END)};
	static const struct rte_flow_item ip4[] = {ITEM(ETH), ITEM(IPV4), ITEM(END)};
	static const struct spec other = {.dst = 3};
	struct bench *bench = bench_open("");

	assert_int_equal(rte_flow_isolate(bench->port[0], 1, NULL), 0);
	bench_rule(bench, 0, &ingress, ip4, to_queue);
	bench_send(bench, 0, &other);
	bench_send(bench, 0, &frame);
	bench_expect_rx(bench, 0, &frame);
	bench_expect_nothing(bench);
	bench_close(bench);
}

// What the guide forbids, and what the card does not do. Cause and message come with each.
static void
test_refusals(void **state)
{
	struct bench *bench = bench_open("refuse=vxlan_decap,refuse=tcp,refuse=range");
	static const struct rte_flow_item_ipv4 low = {.hdr.time_to_live = 2},
					       high = {.hdr.time_to_live = 9},
					       mask = {.hdr.time_to_live = 0xff};
	static const struct rte_flow_item_ethdev port = {0};
	static const struct rte_flow_action_queue queue = {BENCH_QUEUES};
	static const struct rte_flow_action_jump back = {0};
	static const struct rte_flow_action_ethdev nowhere = {RTE_MAX_ETHPORTS - 1};
	static const struct rte_flow_attr none = {0}, egress = {.egress = 1};
	static const struct {
		const struct rte_flow_attr *attr;
		struct rte_flow_item pattern[6];
		struct rte_flow_action actions[4];
		enum rte_flow_error_type type;
		int error;
	} table[] = {
		{&none, {ITEM(END)}, {ACTION(DROP)}, RTE_FLOW_ERROR_TYPE_ATTR, -EINVAL},
		{&egress, {ITEM(END)}, {ACTION(DROP)}, RTE_FLOW_ERROR_TYPE_ATTR_EGRESS, -ENOTSUP},
		{&transfer, {ITEM(ETH)}, {ACTION(DROP)}, RTE_FLOW_ERROR_TYPE_ITEM_NUM, -ENOTSUP},
		{&ingress, {WITH(REPRESENTED_PORT, &port)}, {ACTION(DROP)},
			RTE_FLOW_ERROR_TYPE_ITEM, -EINVAL},
		{&ingress, {ITEM(ETH), ITEM(UDP)}, {ACTION(DROP)}, RTE_FLOW_ERROR_TYPE_ITEM,
			-EINVAL},
		{&ingress, {ITEM(IPV4), ITEM(UDP)}, {ACTION(DROP)}, RTE_FLOW_ERROR_TYPE_ITEM,
			-EINVAL},
		{&ingress, {ITEM(ETH), ITEM(GRE)}, {ACTION(DROP)}, RTE_FLOW_ERROR_TYPE_ITEM,
			-ENOTSUP},
		{&ingress, {ITEM(ETH), ITEM(IPV4), ITEM(TCP)}, {ACTION(DROP)},
			RTE_FLOW_ERROR_TYPE_ITEM, -ENOTSUP},
		{&ingress, {{.type = RTE_FLOW_ITEM_TYPE_ETH, .mask = &rte_flow_item_eth_mask}},
			{ACTION(DROP)}, RTE_FLOW_ERROR_TYPE_ITEM_MASK, -EINVAL},
		{&ingress,
			{ITEM(ETH), {.type = RTE_FLOW_ITEM_TYPE_IPV4,
					    .spec = &low,
					    .last = &high,
					    .mask = &mask}},
			{ACTION(DROP)}, RTE_FLOW_ERROR_TYPE_ITEM_LAST, -ENOTSUP},
		{&ingress, {ITEM(ETH)}, {ACTION(COUNT)}, RTE_FLOW_ERROR_TYPE_ACTION_NUM, -EINVAL},
		{&ingress, {ITEM(ETH)}, {ACTION(DROP), DO(QUEUE, &queue)},
			RTE_FLOW_ERROR_TYPE_ACTION, -EINVAL},
		{&ingress, {ITEM(ETH)}, {ACTION(COUNT), ACTION(COUNT), ACTION(DROP)},
			RTE_FLOW_ERROR_TYPE_ACTION, -EINVAL},
		{&ingress, {ITEM(ETH)}, {ACTION(QUEUE)}, RTE_FLOW_ERROR_TYPE_ACTION_CONF, -EINVAL},
		{&ingress, {ITEM(ETH)}, {DO(JUMP, &back)}, RTE_FLOW_ERROR_TYPE_ACTION, -ENOTSUP},
		{&ingress, {ITEM(ETH)}, {ACTION(DEC_TTL), ACTION(DROP)}, RTE_FLOW_ERROR_TYPE_ACTION,
			-EINVAL},
		{&ingress, {ITEM(ETH)}, {ACTION(OF_POP_VLAN), ACTION(DROP)},
			RTE_FLOW_ERROR_TYPE_ACTION, -EINVAL},
		{&ingress, {ITEM(ETH), ITEM(IPV4), ITEM(UDP), ITEM(VXLAN)},
			{ACTION(VXLAN_DECAP), ACTION(DROP)}, RTE_FLOW_ERROR_TYPE_ACTION, -ENOTSUP},
		{&ingress, {ITEM(ETH)}, {DO(REPRESENTED_PORT, &nowhere)},
			RTE_FLOW_ERROR_TYPE_ACTION, -EINVAL},
		{&ingress, {ITEM(ETH)}, {ACTION(PASSTHRU)}, RTE_FLOW_ERROR_TYPE_ACTION, -ENOTSUP},
	};

	for (size_t i = 0; i < RTE_DIM(table); i++) {
		struct rte_flow_error error = {0};

		print_message("# refusal %zu\n", i);
		assert_int_equal(rte_flow_validate(bench->port[0], table[i].attr, table[i].pattern,
					 table[i].actions, &error),
			table[i].error);
		assert_int_equal(error.type, table[i].type);
		assert_non_null(error.message);
		assert_null(rte_flow_create(
			bench->port[0], table[i].attr, table[i].pattern, table[i].actions, NULL));
		assert_int_equal(rte_errno, -table[i].error);
	}
	bench_close(bench);
}

static void
test_transfer_wants_the_proxy(void **state)
{
	struct bench *bench = bench_open("");
	struct rte_flow_item_ethdev vf0 = {bench->port[1]};
	struct rte_flow_item pattern[] = {WITH(REPRESENTED_PORT, &vf0), ITEM(END)};

	assert_int_equal(
		rte_flow_validate(bench->port[1], &transfer, pattern, drop, NULL), -EINVAL);
	assert_int_equal(rte_flow_validate(bench->port[0], &transfer, pattern, drop, NULL), 0);
	bench_close(bench);
}

static void
test_stopped(void **state)
{
	struct bench *bench = bench_open("");

	bench_rule(bench, 0, &ingress, any, drop);
	assert_int_equal(rte_eth_dev_stop(bench->port[0]), 0);
	assert_int_equal(rte_eth_dev_start(bench->port[0]), 0);
	bench_send(bench, 0, &frame);
	bench_expect_rx(bench, 0, &frame);
	bench_close(bench);
}

static void
test_full(void **state)
{
	struct rte_flow_attr second = {.ingress = 1, .priority = 1};
	struct bench *bench = bench_open("table=1");
	struct rte_flow *rule = bench_rule(bench, 0, &ingress, any, drop);

	assert_null(rte_flow_create(bench->port[1], &ingress, any, drop, NULL));
	assert_int_equal(rte_errno, ENOMEM);
	assert_int_equal(rte_flow_destroy(bench->port[0], rule, NULL), 0);
	bench_rule(bench, 0, &second, any, drop);
	bench_close(bench);
}

// Accepted and gone: frames go the way of those that no rule matches.
static void
test_lost(void **state)
{
	struct rte_flow_query_count count = {0};
	struct bench *bench = bench_open("late=0");
	struct rte_flow *rule = bench_rule(bench, 0, &ingress, any, drop);

	bench_send(bench, 0, &frame);
	bench_expect_rx(bench, 0, &frame);
	assert_int_equal(rte_flow_query(bench->port[0], rule, drop, &count, NULL), -ENOENT);
	assert_int_equal(rte_flow_destroy(bench->port[0], rule, NULL), 0);
	bench_close(bench);
}

static void
test_ageing(void **state)
{
	static struct rte_flow_action_age age = {.timeout = 1, .context = (void *)0x1234};
	const struct rte_flow_action actions[] = {DO(AGE, &age), ACTION(DROP), ACTION(END)};
	struct bench *bench = bench_open("");
	struct rte_flow *rule = bench_rule(bench, 0, &ingress, any, actions);
	struct rte_flow_query_age told;
	void *context = NULL;

	assert_int_equal(rte_flow_query(bench->port[0], rule, actions, &told, NULL), 0);
	assert_true(told.sec_since_last_hit_valid);
	while (rte_flow_get_aged_flows(bench->port[0], NULL, 0, NULL) == 0)
		rte_delay_us_sleep(20000);
	assert_int_equal(rte_flow_get_aged_flows(bench->port[0], &context, 1, NULL), 1);
	assert_ptr_equal(context, age.context);
	assert_int_equal(rte_flow_query(bench->port[0], rule, actions, &told, NULL), 0);
	assert_true(told.aged);
	bench_send(bench, 0, &frame);
	bench_settle(bench);
	assert_int_equal(rte_flow_get_aged_flows(bench->port[0], NULL, 0, NULL), 0);
	bench_close(bench);
}

static void
test_bad_arguments(void **state)
{
	static const char *const arguments[] = {"vfs=17", "vfs=x", "vf3=lo", "vf=lo",
		"vfs=1,vf1=lo", "wrong=everything", "async=2", "colour=red", "wire=no-such-link",
		"vfs=1,representor=vf[0-3]", "table=-1"};

	for (size_t i = 0; i < RTE_DIM(arguments); i++) {
		print_message("# %s\n", arguments[i]);
		assert_int_not_equal(rte_eal_hotplug_add("vdev", "net_flow7", arguments[i]), 0);
		assert_int_not_equal(rte_eth_dev_get_port_by_name("net_flow7", &(uint16_t){0}), 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_without_rules),
		cmocka_unit_test(test_representors),
		cmocka_unit_test(test_origins),
		cmocka_unit_test(test_two_fates),
		cmocka_unit_test(test_priorities),
		cmocka_unit_test(test_groups),
		cmocka_unit_test(test_isolated),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_transfer_wants_the_proxy),
		cmocka_unit_test(test_stopped),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_lost),
		cmocka_unit_test(test_ageing),
		cmocka_unit_test(test_bad_arguments),
	};

	return cmocka_run_group_tests(tests, bench_setup, NULL);
}
