/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PMD_INTEGRITY_H
#define PMD_INTEGRITY_H

#include <stdbool.h>

#include <rte_flow.h>

#include "frame.h"

// Item INTEGRITY. Layer 4 is TCP and UDP: other packets, and fragments, have none that is in order.
// A UDP checksum of zero is none (RFC 768, RFC 6935). Level 0 is the outermost header, as 1 is.
bool integrity_matches(const struct rte_flow_item *item, const struct frame *frame);

#endif
