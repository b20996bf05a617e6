/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVER_OFFLOAD_DIFF_H
#define SERVER_OFFLOAD_DIFF_H

// What a device has to do to a packet of a flow: the difference between what came in and what the
// stages made of it. A difference that no action of ours says makes the flow the switch's.

#include "offload_key.h"
#include "offload_probe.h"

// Fills rule->match (but for in_ethdev) and rule->actions (but for out_ethdev): the rule matches
// packets that the stages treat as the one in 'frame' (made from key), and no others. Returns NULL,
// or why there is none.
const char *offload_diff(const struct offload_key *key, const uint8_t *frame, uint16_t len,
	const struct probe_result *result, struct flow_rule *rule);

#endif
