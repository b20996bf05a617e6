/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PMD_CHECK_H
#define PMD_CHECK_H

// rte_flow_validate(): what the card does, and what the guide allows. Everything else is refused
// with the object that is to blame.

#include <rte_flow.h>

#include "card.h"

#define BY_ARGUMENT "refused by the device's arguments"

// What the items of a pattern promise to actions.
struct check_found {
	bool eth, vlan, ipv4, ipv6, vxlan, origin;
};

int check_pattern(const struct end *end, const struct rte_flow_attr *attr,
	const struct rte_flow_item *pattern, struct check_found *found,
	struct rte_flow_error *error);
int check_actions(const struct end *end, const struct rte_flow_attr *attr,
	const struct rte_flow_action *actions, struct check_found *found,
	struct rte_flow_error *error);

// All of it. Returns 0 or a negative errno value, which is in rte_errno, too.
int check_rule(const struct end *end, const struct rte_flow_attr *attr,
	const struct rte_flow_item *pattern, const struct rte_flow_action *actions,
	struct rte_flow_error *error);

#endif
