/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DRIVERS_PORT_FLOW_OPS_H
#define DRIVERS_PORT_FLOW_OPS_H

// The functions of rte_flow that the offload layer calls, so that a test can answer in the place
// of a device. Those that are DPDK's are used unless a test says other ones.

#include <rte_ethdev.h>
#include <rte_flow.h>

struct flow_ops {
	int (*validate)(uint16_t port, const struct rte_flow_attr *attr,
		const struct rte_flow_item pattern[], const struct rte_flow_action actions[],
		struct rte_flow_error *error);
	struct rte_flow *(*create)(uint16_t port, const struct rte_flow_attr *attr,
		const struct rte_flow_item pattern[], const struct rte_flow_action actions[],
		struct rte_flow_error *error);
	int (*destroy)(uint16_t port, struct rte_flow *flow, struct rte_flow_error *error);
	int (*flush)(uint16_t port, struct rte_flow_error *error);
	int (*query)(uint16_t port, struct rte_flow *flow, const struct rte_flow_action *action,
		void *data, struct rte_flow_error *error);
	int (*pick_proxy)(uint16_t port, uint16_t *proxy, struct rte_flow_error *error);
	int (*info_get)(uint16_t port, struct rte_eth_dev_info *info);

	// The template API.
	int (*flow_info)(uint16_t port, struct rte_flow_port_info *info,
		struct rte_flow_queue_info *queue, struct rte_flow_error *error);
	int (*configure)(uint16_t port, const struct rte_flow_port_attr *attr, uint16_t n_queues,
		const struct rte_flow_queue_attr *queues[], struct rte_flow_error *error);
	struct rte_flow_pattern_template *(*pattern_template)(uint16_t port,
		const struct rte_flow_pattern_template_attr *attr,
		const struct rte_flow_item pattern[], struct rte_flow_error *error);
	int (*pattern_template_destroy)(uint16_t port, struct rte_flow_pattern_template *pattern,
		struct rte_flow_error *error);
	struct rte_flow_actions_template *(*actions_template)(uint16_t port,
		const struct rte_flow_actions_template_attr *attr,
		const struct rte_flow_action actions[], const struct rte_flow_action masks[],
		struct rte_flow_error *error);
	int (*actions_template_destroy)(uint16_t port, struct rte_flow_actions_template *actions,
		struct rte_flow_error *error);
	struct rte_flow_template_table *(*table)(uint16_t port,
		const struct rte_flow_template_table_attr *attr,
		struct rte_flow_pattern_template *patterns[], uint8_t n_patterns,
		struct rte_flow_actions_template *actions[], uint8_t n_actions,
		struct rte_flow_error *error);
	int (*table_destroy)(
		uint16_t port, struct rte_flow_template_table *table, struct rte_flow_error *error);
	struct rte_flow *(*async_create)(uint16_t port, uint32_t queue,
		const struct rte_flow_op_attr *attr, struct rte_flow_template_table *table,
		const struct rte_flow_item pattern[], uint8_t pattern_index,
		const struct rte_flow_action actions[], uint8_t actions_index, void *user_data,
		struct rte_flow_error *error);
	int (*async_destroy)(uint16_t port, uint32_t queue, const struct rte_flow_op_attr *attr,
		struct rte_flow *flow, void *user_data, struct rte_flow_error *error);
	int (*push)(uint16_t port, uint32_t queue, struct rte_flow_error *error);
	int (*pull)(uint16_t port, uint32_t queue, struct rte_flow_op_result results[], uint16_t n,
		struct rte_flow_error *error);
};

extern const struct flow_ops *flow_ops;

#endif
