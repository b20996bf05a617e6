/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PMD_ACT_H
#define PMD_ACT_H

// Actions that change the frame, as the section "Actions" of DPDK's rte_flow guide defines them.
// Each works on the outermost header of its kind. false: the frame has none, which leaves the
// result undefined.

#include <stdbool.h>

#include "rules.h"

bool act_set_mac(struct frame *frame, const struct op *op, unsigned int wrong);
bool act_swap_macs(struct frame *frame);
bool act_ttl(struct frame *frame, const struct op *op, unsigned int wrong);
bool act_push_tag(struct frame *frame, const struct op *op);
bool act_pop_tag(struct frame *frame);
bool act_set_tag(struct frame *frame, const struct op *op); // VID or PCP

// Encapsulation fills in lengths and the IPv4 checksum; no UDP checksum (RFC 7348, 4.1).
bool act_encap(struct frame *frame, const struct op *op, unsigned int wrong);
bool act_vxlan_decap(struct frame *frame);

#endif
