/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_FAKE_FLOW_H
#define TESTS_FAKE_FLOW_H

// A device's answers in the place of rte_flow: takes rules, refuses them, is full, fails late,
// loses them. It looks at none.

#include <string.h>

#include <rte_errno.h>

#include "flow_ops.h"

#define FAKE_RULES 256
#define FAKE_DOMAIN 7
#define FAKE_PROXY 12 // of all ports, if the test does not say another: that of port 2

struct fake_rule {
	bool is_there;
	struct rte_flow_attr attr;
	enum rte_flow_item_type last_item;
	uint64_t hits;
};

static struct {
	struct fake_rule rules[FAKE_RULES];
	unsigned int room; // rules at most
	uint16_t proxy;
	const char *refuses; // message of validate, NULL: takes all
	enum rte_flow_item_type unknown_item; // this one is refused
	bool is_async, holds_answers, fails_late, keeps_rules, lost;
	unsigned int n_rules, n_creates, n_tables, flushes, validates;
	void *answers[FAKE_RULES];
	bool answer_is_error[FAKE_RULES];
	unsigned int n_answers;
} flows;

static int
fake_say(struct rte_flow_error *error, int code, const char *message)
{
	*error = (struct rte_flow_error){
		.type = RTE_FLOW_ERROR_TYPE_UNSPECIFIED, .message = message};
	rte_errno = code;
	return -code;
}

static int
fake_validate(uint16_t port, const struct rte_flow_attr *attr, const struct rte_flow_item *pattern,
	const struct rte_flow_action *actions, struct rte_flow_error *error)
{
	flows.validates++;
	if (flows.refuses != NULL)
		return fake_say(error, ENOTSUP, flows.refuses);
	for (; flows.unknown_item != RTE_FLOW_ITEM_TYPE_END
		&& pattern->type != RTE_FLOW_ITEM_TYPE_END;
		pattern++)
		if (pattern->type == flows.unknown_item)
			return fake_say(error, ENOTSUP, "item not supported");
	return 0;
}

static struct fake_rule *
fake_place(struct rte_flow_error *error)
{
	for (unsigned int i = 0; i < FAKE_RULES && flows.n_rules < flows.room; i++)
		if (!flows.rules[i].is_there)
			return &flows.rules[i];
	fake_say(error, ENOSPC, "no room for rules");
	return NULL;
}

static struct rte_flow *
fake_put(const struct rte_flow_attr *attr, struct rte_flow_error *error)
{
	struct fake_rule *rule = fake_place(error);

	if (rule == NULL)
		return NULL;
	*rule = (struct fake_rule){.is_there = true, .attr = *attr};
	flows.n_rules++;
	flows.n_creates++;
	return (struct rte_flow *)rule;
}

static struct rte_flow *
fake_create(uint16_t port, const struct rte_flow_attr *attr, const struct rte_flow_item *pattern,
	const struct rte_flow_action *actions, struct rte_flow_error *error)
{
	return fake_put(attr, error);
}

static int
fake_destroy(uint16_t port, struct rte_flow *flow, struct rte_flow_error *error)
{
	struct fake_rule *rule = (struct fake_rule *)flow;

	if (flows.keeps_rules)
		return fake_say(error, EBUSY, "rule is in use");
	assert_true(rule->is_there);
	rule->is_there = false;
	flows.n_rules--;
	return 0;
}

static int
fake_flush(uint16_t port, struct rte_flow_error *error)
{
	flows.flushes++;
	memset(flows.rules, 0, sizeof(flows.rules));
	flows.n_rules = 0;
	return 0;
}

static int
fake_query(uint16_t port, struct rte_flow *flow, const struct rte_flow_action *action, void *data,
	struct rte_flow_error *error)
{
	struct rte_flow_query_count *count = data;

	if (flows.lost)
		return fake_say(error, ENOENT, "no such rule");
	count->hits_set = 1;
	count->bytes_set = 1;
	count->hits = ((struct fake_rule *)flow)->hits;
	count->bytes = count->hits * 100;
	return 0;
}

static int
fake_proxy(uint16_t port, uint16_t *proxy, struct rte_flow_error *error)
{
	*proxy = flows.proxy;
	return 0;
}

static int
fake_info(uint16_t port, struct rte_eth_dev_info *info)
{
	info->switch_info.domain_id = FAKE_DOMAIN;
	return 0;
}

static int
fake_flow_info(uint16_t port, struct rte_flow_port_info *info, struct rte_flow_queue_info *queue,
	struct rte_flow_error *error)
{
	if (!flows.is_async)
		return fake_say(error, ENOTSUP, "no templates");
	info->max_nb_queues = 1;
	info->max_nb_counters = 100;
	queue->max_size = 64;
	return 0;
}

static int
fake_configure(uint16_t port, const struct rte_flow_port_attr *attr, uint16_t n_queues,
	const struct rte_flow_queue_attr **queues, struct rte_flow_error *error)
{
	assert_int_equal(n_queues, 1);
	assert_int_equal(queues[0]->size, 64);
	return 0;
}

static struct rte_flow_pattern_template *
fake_pattern(uint16_t port, const struct rte_flow_pattern_template_attr *attr,
	const struct rte_flow_item *pattern, struct rte_flow_error *error)
{
	return (void *)&flows;
}

static int
fake_pattern_destroy(
	uint16_t port, struct rte_flow_pattern_template *pattern, struct rte_flow_error *error)
{
	return 0;
}

static struct rte_flow_actions_template *
fake_actions(uint16_t port, const struct rte_flow_actions_template_attr *attr,
	const struct rte_flow_action *actions, const struct rte_flow_action *masks,
	struct rte_flow_error *error)
{
	for (; actions->type != RTE_FLOW_ACTION_TYPE_END; actions++, masks++)
		assert_int_equal(actions->type, masks->type);
	return (void *)&flows;
}

static int
fake_actions_destroy(
	uint16_t port, struct rte_flow_actions_template *actions, struct rte_flow_error *error)
{
	return 0;
}

static struct rte_flow_template_table *
fake_table(uint16_t port, const struct rte_flow_template_table_attr *attr,
	struct rte_flow_pattern_template **patterns, uint8_t n_patterns,
	struct rte_flow_actions_template **actions, uint8_t n_actions, struct rte_flow_error *error)
{
	flows.n_tables++;
	return (void *)&flows;
}

static int
fake_table_destroy(
	uint16_t port, struct rte_flow_template_table *table, struct rte_flow_error *error)
{
	flows.n_tables--;
	return 0;
}

static void
fake_answer(void *user_data, bool is_error)
{
	flows.answers[flows.n_answers] = user_data;
	flows.answer_is_error[flows.n_answers++] = is_error;
}

static struct rte_flow *
fake_async_create(uint16_t port, uint32_t queue, const struct rte_flow_op_attr *attr,
	struct rte_flow_template_table *table, const struct rte_flow_item *pattern,
	uint8_t pattern_index, const struct rte_flow_action *actions, uint8_t actions_index,
	void *user_data, struct rte_flow_error *error)
{
	static const struct rte_flow_attr transfer = {.transfer = 1};
	struct rte_flow *flow = fake_put(&transfer, error);

	if (flow == NULL)
		return NULL;
	fake_answer(user_data, flows.fails_late); // its handle is to be destroyed all the same
	return flow;
}

static int
fake_async_destroy(uint16_t port, uint32_t queue, const struct rte_flow_op_attr *attr,
	struct rte_flow *flow, void *user_data, struct rte_flow_error *error)
{
	const int ret = fake_destroy(port, flow, error);

	if (ret == 0)
		fake_answer(user_data, false);
	return ret;
}

static int
fake_push(uint16_t port, uint32_t queue, struct rte_flow_error *error)
{
	return 0;
}

static int
fake_pull(uint16_t port, uint32_t queue, struct rte_flow_op_result *results, uint16_t n,
	struct rte_flow_error *error)
{
	uint16_t taken = 0;

	while (!flows.holds_answers && taken < n && flows.n_answers > 0) {
		flows.n_answers--;
		results[taken++] = (struct rte_flow_op_result){
			.status = flows.answer_is_error[flows.n_answers] ? RTE_FLOW_OP_ERROR
									 : RTE_FLOW_OP_SUCCESS,
			.user_data = flows.answers[flows.n_answers],
		};
	}
	return taken;
}

static const struct flow_ops fake_ops = {
	.validate = fake_validate,
	.create = fake_create,
	.destroy = fake_destroy,
	.flush = fake_flush,
	.query = fake_query,
	.pick_proxy = fake_proxy,
	.info_get = fake_info,
	.flow_info = fake_flow_info,
	.configure = fake_configure,
	.pattern_template = fake_pattern,
	.pattern_template_destroy = fake_pattern_destroy,
	.actions_template = fake_actions,
	.actions_template_destroy = fake_actions_destroy,
	.table = fake_table,
	.table_destroy = fake_table_destroy,
	.async_create = fake_async_create,
	.async_destroy = fake_async_destroy,
	.push = fake_push,
	.pull = fake_pull,
};

static inline void
fake_flows_reset(void)
{
	memset(&flows, 0, sizeof(flows));
	flows.room = FAKE_RULES;
	flows.proxy = FAKE_PROXY;
	flow_ops = &fake_ops;
}

#endif
