/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTROL_UPLINK_RULES_H
#define CONTROL_UPLINK_RULES_H

// What the classifier of an uplink must know, from the objects: vteps of the port, their own inner
// addresses, and the networks' subnets and pods on each tag of the port. The node's own addresses
// among them stay the kernel's.

#include "objects/objects.h"
#include "uplink_classifier.h"

struct uplink_rule_set {
	struct uplink_rules rules; // points into the arrays
	struct uplink_tunnel_rule *tunnels;
	struct uplink_own_rule *own;
	struct uplink_prefix_rule *prefixes;
};

// local: the node's n_local addresses. Returns 0 or -ENOMEM; uplink_rules_free() in both cases.
int uplink_rules_build(struct uplink_rule_set *set, const struct objects *objects,
	const struct port *port, const struct cw_ip *local, unsigned int n_local);
void uplink_rules_free(struct uplink_rule_set *set);

#endif
