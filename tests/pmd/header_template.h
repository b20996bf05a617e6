/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PMD_HEADER_TEMPLATE_H
#define PMD_HEADER_TEMPLATE_H

#include <stdbool.h>

#include "rules.h"

// ETH [VLAN] IPV4|IPV6 UDP VXLAN END, each with a spec: the definition that VXLAN_ENCAP takes.
bool header_template_is_vxlan(const struct rte_flow_item *definition);

// Makes the bytes of that definition. Bits outside of an item's mask are the card's to choose, and
// what follows from the order of the headers is filled in.
void header_template_vxlan(struct op *op, const struct rte_flow_item *definition);

#endif
