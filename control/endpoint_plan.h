/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTROL_ENDPOINT_PLAN_H
#define CONTROL_ENDPOINT_PLAN_H

// What endpoint.add asks for, as objects, before anything is made.

#include "changes.h"

struct endpoint_plan {
	struct transaction *t;
	struct endpoint *endpoint; // owned until they are put into the transaction
	struct port *port;
	const struct port *uplink; // that leads to the pod's VF; NULL: none, or no VF
	unsigned int n_new_networks;
	uint8_t kind; // asked for, 0: any
};

// Reads params (checked) into a plan: endpoint, port with everything but its device, networks on
// demand, router addresses for gateways. Returns 0, or a negative number with failure; the plan is
// to be freed in both cases.
int endpoint_plan(struct endpoint_plan *plan, struct causewayd *d, const cJSON *params, int netns,
	struct failure *failure);
void endpoint_plan_free(struct endpoint_plan *plan);

// Whether the plan asks for what exists.
bool endpoint_plan_is(
	const struct endpoint_plan *plan, struct causewayd *d, const struct endpoint *existing);

// Refuses addresses and MACs that others in the network have, and all as long as flanneld has not
// said which are this node's. Returns 0, or a negative number with
// failure.
int endpoint_plan_check(struct endpoint_plan *plan, struct causewayd *d, struct failure *failure);

// The same of an endpoint that exists and that the switch is to carry from now on, with router
// addresses for its gateways. Returns 0, or a negative number with failure.
int endpoint_plan_carry(struct endpoint_plan *plan, struct causewayd *d, struct failure *failure);

#endif
