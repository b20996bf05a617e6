/* SPDX-License-Identifier: Apache-2.0 */
// The asynchronous API: what is pushed works, what is pulled tells so, and failures come late.
#include "bench.h"

#include <errno.h>
#include <netinet/in.h>

#include <rte_cycles.h>
#include <rte_errno.h>

#define MAX_PULLS 10

static const struct spec to_9 = {.dst = 1,
	.src = 2,
	.version = 4,
	.dst_ip = 9,
	.ttl = 64,
	.protocol = IPPROTO_UDP,
	.src_port = 1000,
	.dst_port = 2000,
	.payload = 40};

static const struct rte_flow_item_ipv4 dst_mask = {.hdr.dst_addr = RTE_BE32(0xffffffff)};
static const struct rte_flow_item masks[] = {
	ITEM(ETH), {.type = RTE_FLOW_ITEM_TYPE_IPV4, .mask = &dst_mask}, ITEM(END)};
static const struct rte_flow_action drop[] = {ACTION(COUNT), ACTION(DROP), ACTION(END)};

struct setup {
	struct bench *bench;
	struct rte_flow_pattern_template *pattern;
	struct rte_flow_actions_template *actions;
	struct rte_flow_template_table *table;
};

static struct setup
open_table_of(const char *arguments, uint32_t n_rules, const struct rte_flow_item *template)
{
	static const struct rte_flow_pattern_template_attr pattern_attr = {.ingress = 1};
	static const struct rte_flow_actions_template_attr actions_attr = {.ingress = 1};
	const struct rte_flow_template_table_attr attr = {
		.flow_attr = {.ingress = 1}, .nb_flows = n_rules};
	const struct rte_flow_queue_attr queue = {.size = 8}, *queues[] = {&queue};
	const struct rte_flow_port_attr port_attr = {.nb_counters = 16};
	struct setup s = {.bench = bench_open(arguments)};
	struct rte_flow_port_info info;
	uint16_t port = s.bench->port[0];

	assert_int_equal(rte_flow_info_get(port, &info, NULL, NULL), 0);
	assert_true(info.max_nb_queues >= 1);
	assert_int_equal(rte_eth_dev_stop(port), 0);
	assert_int_equal(rte_flow_configure(port, &port_attr, 1, queues, NULL), 0);
	assert_int_equal(rte_eth_dev_start(port), 0);
	s.pattern = rte_flow_pattern_template_create(port, &pattern_attr, template, NULL);
	s.actions = rte_flow_actions_template_create(port, &actions_attr, drop, drop, NULL);
	assert_non_null(s.pattern);
	assert_non_null(s.actions);
	s.table = rte_flow_template_table_create(port, &attr, &s.pattern, 1, &s.actions, 1, NULL);
	assert_non_null(s.table);
	return s;
}

static struct setup
open_table(const char *arguments, uint32_t n_rules)
{
	return open_table_of(arguments, n_rules, masks);
}

static struct rte_flow *
create(const struct setup *s, uint8_t last_byte, bool postpone, void *user_data)
{
	const struct rte_flow_op_attr attr = {.postpone = postpone};
	const struct rte_flow_item_ipv4 ip = {
		.hdr.dst_addr = rte_cpu_to_be_32(RTE_IPV4(10, 0, 0, last_byte)),
		.hdr.time_to_live = 1}; // outside of the mask
	const struct rte_flow_item pattern[] = {ITEM(ETH), WITH(IPV4, &ip), ITEM(END)};

	return rte_flow_async_create(
		s->bench->port[0], 0, &attr, s->table, pattern, 0, drop, 0, user_data, NULL);
}

static void
destroy(const struct setup *s, struct rte_flow *rule)
{
	const struct rte_flow_op_attr attr = {0};

	assert_int_equal(rte_flow_async_destroy(s->bench->port[0], 0, &attr, rule, rule, NULL), 0);
}

// The next result, which takes more than one pull.
static struct rte_flow_op_result
pull(const struct setup *s)
{
	struct rte_flow_op_result result = {.status = RTE_FLOW_OP_ERROR};

	for (unsigned int i = 0; i < MAX_PULLS; i++)
		if (rte_flow_pull(s->bench->port[0], 0, &result, 1, NULL) == 1)
			return result;
	fail_msg("no result");
	return result;
}

static void
close_table(struct setup *s)
{
	uint16_t port = s->bench->port[0];

	assert_int_equal(rte_flow_template_table_destroy(port, s->table, NULL), 0);
	assert_int_equal(rte_flow_pattern_template_destroy(port, s->pattern, NULL), 0);
	assert_int_equal(rte_flow_actions_template_destroy(port, s->actions, NULL), 0);
	bench_close(s->bench);
}

static void
test_rules(void **state)
{
	struct setup s = open_table("async=1", 4);
	struct rte_flow *rule = create(&s, 9, false, &s), *other = create(&s, 10, false, NULL);

	assert_non_null(rule);
	assert_ptr_equal(pull(&s).user_data, &s);
	assert_int_equal(pull(&s).status, RTE_FLOW_OP_SUCCESS);
	bench_send(s.bench, 0, &to_9);
	bench_expect_nothing(s.bench);
	assert_int_equal(bench_hits(s.bench, 0, rule), 1);
	assert_int_equal(bench_hits(s.bench, 0, other), 0);
	assert_int_equal(rte_flow_template_table_destroy(s.bench->port[0], s.table, NULL), -EBUSY);
	destroy(&s, rule);
	destroy(&s, other);
	assert_int_equal(pull(&s).status, RTE_FLOW_OP_SUCCESS);
	assert_int_equal(pull(&s).status, RTE_FLOW_OP_SUCCESS);
	bench_send(s.bench, 0, &to_9);
	bench_expect_rx(s.bench, 0, &to_9);
	close_table(&s);
}

// A range is the template's, whatever a rule gives in that field.
static void
test_range_of_template(void **state)
{
	static const struct rte_flow_item_ipv4 low = {.hdr.time_to_live = 32},
					       high = {.hdr.time_to_live = 64},
					       mask = {.hdr.dst_addr = RTE_BE32(0xffffffff),
						       .hdr.time_to_live = 0xff};
	static const struct rte_flow_item template[] = {{.type = RTE_FLOW_ITEM_TYPE_ETH},
		{.type = RTE_FLOW_ITEM_TYPE_IPV4, .spec = &low, .last = &high, .mask = &mask},
		{.type = RTE_FLOW_ITEM_TYPE_END}};
	struct setup s = open_table_of("async=1", 4, template);
	struct rte_flow *rule = create(&s, 9, false, NULL);
	struct spec above = to_9, other = to_9;

	above.ttl = 65;
	other.dst_ip = 10;
	assert_int_equal(pull(&s).status, RTE_FLOW_OP_SUCCESS);
	bench_send(s.bench, 0, &to_9);
	bench_expect_nothing(s.bench);
	bench_send(s.bench, 0, &above);
	bench_expect_rx(s.bench, 0, &above);
	bench_send(s.bench, 0, &other);
	bench_expect_rx(s.bench, 0, &other);
	destroy(&s, rule);
	pull(&s);
	close_table(&s);
}

static void
test_postponed(void **state)
{
	struct setup s = open_table("async=1", 4);
	struct rte_flow *rule = create(&s, 9, true, NULL);
	struct rte_flow_op_result result;

	for (unsigned int i = 0; i < MAX_PULLS; i++)
		assert_int_equal(rte_flow_pull(s.bench->port[0], 0, &result, 1, NULL), 0);
	bench_send(s.bench, 0, &to_9);
	bench_expect_rx(s.bench, 0, &to_9);
	assert_int_equal(rte_flow_push(s.bench->port[0], 0, NULL), 0);
	assert_int_equal(pull(&s).status, RTE_FLOW_OP_SUCCESS);
	bench_send(s.bench, 0, &to_9);
	bench_expect_nothing(s.bench);
	destroy(&s, rule);
	assert_int_equal(pull(&s).status, RTE_FLOW_OP_SUCCESS);
	close_table(&s);
}

// Of a table, of an operation queue.
static void
test_full(void **state)
{
	struct setup s = open_table("async=1", 16);
	struct rte_flow *rules[9];

	for (unsigned int i = 0; i < 8; i++)
		assert_non_null(rules[i] = create(&s, (uint8_t)(20 + i), false, NULL));
	assert_null(create(&s, 99, false, NULL));
	assert_int_equal(rte_errno, EAGAIN);
	for (unsigned int i = 0; i < 8; i++)
		assert_int_equal(pull(&s).status, RTE_FLOW_OP_SUCCESS);
	for (unsigned int i = 0; i < 8; i++)
		destroy(&s, rules[i]);
	for (unsigned int i = 0; i < 8; i++)
		pull(&s);
	close_table(&s);
	s = open_table("async=1", 1);
	rules[0] = create(&s, 9, false, NULL);
	assert_null(create(&s, 10, false, NULL));
	assert_int_equal(rte_errno, ENOMEM);
	pull(&s);
	destroy(&s, rules[0]);
	pull(&s);
	close_table(&s);
}

// The handle of a rule that the card did not take is to be destroyed all the same.
static void
test_late_failure(void **state)
{
	static const char *const arguments[] = {"async=1,late=0", "async=1,table=0"};

	for (size_t i = 0; i < RTE_DIM(arguments); i++) {
		struct setup s = open_table(arguments[i], 4);
		struct rte_flow *rule = create(&s, 9, false, NULL);

		assert_non_null(rule);
		assert_int_equal(pull(&s).status, RTE_FLOW_OP_ERROR);
		bench_send(s.bench, 0, &to_9);
		bench_expect_rx(s.bench, 0, &to_9);
		destroy(&s, rule);
		assert_int_equal(pull(&s).status, RTE_FLOW_OP_SUCCESS);
		close_table(&s);
	}
}

static void
test_card_without(void **state)
{
	struct bench *bench = bench_open("");
	struct rte_flow_port_info info;

	assert_int_equal(rte_flow_info_get(bench->port[0], &info, NULL, NULL), -ENOTSUP);
	bench_close(bench);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rules),
		cmocka_unit_test(test_range_of_template),
		cmocka_unit_test(test_postponed),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_late_failure),
		cmocka_unit_test(test_card_without),
	};

	return cmocka_run_group_tests(tests, bench_setup, NULL);
}
