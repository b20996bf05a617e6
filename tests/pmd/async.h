/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PMD_ASYNC_H
#define PMD_ASYNC_H

// The asynchronous API: templates, tables, operation queues. Operations are carried out when they
// are pushed; their results come with the second pull, so that nobody takes the first for the end.

#include <rte_flow_driver.h>

#include "card.h"

int async_info_get(struct rte_eth_dev *dev, struct rte_flow_port_info *port,
	struct rte_flow_queue_info *queue, struct rte_flow_error *error);
int async_configure(struct rte_eth_dev *dev, const struct rte_flow_port_attr *attr,
	uint16_t n_queues, const struct rte_flow_queue_attr *queues[],
	struct rte_flow_error *error);
struct rte_flow_pattern_template *async_pattern_template_create(struct rte_eth_dev *dev,
	const struct rte_flow_pattern_template_attr *attr, const struct rte_flow_item pattern[],
	struct rte_flow_error *error);
int async_pattern_template_destroy(struct rte_eth_dev *dev,
	struct rte_flow_pattern_template *template, struct rte_flow_error *error);
struct rte_flow_actions_template *async_actions_template_create(struct rte_eth_dev *dev,
	const struct rte_flow_actions_template_attr *attr, const struct rte_flow_action actions[],
	const struct rte_flow_action masks[], struct rte_flow_error *error);
int async_actions_template_destroy(struct rte_eth_dev *dev,
	struct rte_flow_actions_template *template, struct rte_flow_error *error);
struct rte_flow_template_table *async_table_create(struct rte_eth_dev *dev,
	const struct rte_flow_template_table_attr *attr,
	struct rte_flow_pattern_template *patterns[], uint8_t n_patterns,
	struct rte_flow_actions_template *actions[], uint8_t n_actions,
	struct rte_flow_error *error);
int async_table_destroy(struct rte_eth_dev *dev, struct rte_flow_template_table *table,
	struct rte_flow_error *error);
struct rte_flow *async_create(struct rte_eth_dev *dev, uint32_t queue,
	const struct rte_flow_op_attr *attr, struct rte_flow_template_table *table,
	const struct rte_flow_item pattern[], uint8_t pattern_index,
	const struct rte_flow_action actions[], uint8_t actions_index, void *user_data,
	struct rte_flow_error *error);
int async_destroy(struct rte_eth_dev *dev, uint32_t queue, const struct rte_flow_op_attr *attr,
	struct rte_flow *rule, void *user_data, struct rte_flow_error *error);
int async_push(struct rte_eth_dev *dev, uint32_t queue, struct rte_flow_error *error);
int async_pull(struct rte_eth_dev *dev, uint32_t queue, struct rte_flow_op_result results[],
	uint16_t n, struct rte_flow_error *error);

// Forgets everything of an ethdev that closes.
void async_free(struct end *end);

#endif
