/* SPDX-License-Identifier: Apache-2.0 */
// The template API is experimental in all DPDK versions that we build with.
#define ALLOW_EXPERIMENTAL_API

#include "flow_ops.h"

static const struct flow_ops dpdk = {
	.validate = rte_flow_validate,
	.create = rte_flow_create,
	.destroy = rte_flow_destroy,
	.flush = rte_flow_flush,
	.query = rte_flow_query,
	.pick_proxy = rte_flow_pick_transfer_proxy,
	.info_get = rte_eth_dev_info_get,
	.flow_info = rte_flow_info_get,
	.configure = rte_flow_configure,
	.pattern_template = rte_flow_pattern_template_create,
	.pattern_template_destroy = rte_flow_pattern_template_destroy,
	.actions_template = rte_flow_actions_template_create,
	.actions_template_destroy = rte_flow_actions_template_destroy,
	.table = rte_flow_template_table_create,
	.table_destroy = rte_flow_template_table_destroy,
	.async_create = rte_flow_async_create,
	.async_destroy = rte_flow_async_destroy,
	.push = rte_flow_push,
	.pull = rte_flow_pull,
};

const struct flow_ops *flow_ops = &dpdk;
