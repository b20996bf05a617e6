/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PMD_TEMPLATE_H
#define PMD_TEMPLATE_H

// Templates and tables, and how a rule is put together from them.

#include <rte_flow.h>

#include "card.h"

#define TEMPLATE_MAX_ITEMS 32
#define TEMPLATE_MAX_ITEM 64 // bytes of an item's structure
#define TEMPLATES_MAX 8

struct rte_flow_pattern_template {
	struct rte_flow_pattern_template_attr attr;
	struct rte_flow_item *pattern; // masks
	unsigned int n_tables;
};

struct rte_flow_actions_template {
	struct rte_flow_actions_template_attr attr;
	struct rte_flow_action *actions, *masks;
	unsigned int n_tables;
};

struct rte_flow_template_table {
	struct rte_flow_template_table_attr attr;
	struct rte_flow_pattern_template *patterns[TEMPLATES_MAX];
	struct rte_flow_actions_template *actions[TEMPLATES_MAX];
	uint8_t n_patterns, n_actions;
	uint32_t n_rules;
};

// pattern and actions of a rule, checked and compiled. NULL: error tells why.
struct rte_flow *template_rule(const struct end *end, struct rte_flow_template_table *table,
	const struct rte_flow_pattern_template *pattern, const struct rte_flow_item *items,
	const struct rte_flow_actions_template *template, const struct rte_flow_action *actions,
	struct rte_flow_error *error);

#endif
