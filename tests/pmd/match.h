/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PMD_MATCH_H
#define PMD_MATCH_H

// Patterns, as the section "Pattern item" of DPDK's rte_flow guide defines them.

#include <stdbool.h>
#include <stdint.h>

#include <rte_flow.h>

#include "frame.h"

// Where a frame entered the embedded switch: from the ethdev (PORT_REPRESENTOR), or from the entity
// that it represents (REPRESENTED_PORT).
struct origin {
	uint16_t port_id;
	bool is_ethdev;
};

// by_shape is a deliberate fault: headers have to be there, what is in them does not count.
bool pattern_matches(const struct rte_flow_item *pattern, const struct frame *frame,
	const struct origin *origin, bool by_shape);

// A part of an item's structure that is compared as one number in network order.
struct match_field {
	uint8_t offset, size;
};

// What an item type is made of; NULL: this card does not know the item.
struct match_type {
	const struct match_field *fields;
	uint8_t n_fields;
	uint8_t size; // of its structure
	const void *default_mask;
};
const struct match_type *match_type_of(enum rte_flow_item_type type);

#endif
