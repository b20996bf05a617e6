/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PMD_INTEGRITY_H
#define PMD_INTEGRITY_H

#include <stdbool.h>

#include <rte_flow.h>

#include "frame.h"

// The bits of struct rte_flow_item_integrity that the card knows: layer 2, layer 3.
bool integrity_is_known(const struct rte_flow_item_integrity *mask);

// Item INTEGRITY. Level 0 is the outermost header, as 1 is.
bool integrity_matches(const struct rte_flow_item *item, const struct frame *frame);

#endif
