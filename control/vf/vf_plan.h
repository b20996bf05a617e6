/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VF_PLAN_H
#define VF_PLAN_H

// What endpoint.add asks for with interface "vf", checked against the machine. Nothing is changed,
// but that a VF which a former attachment left is taken back first.

#include "causewayd.h"

// Fills endpoint->vf from params (checked), and its MAC and MTU where the VF says what they are.
// *uplink is the port that leads to the VF, NULL: none; then the VF is not the switch's business.
// Returns 0, or a negative number with failure.
int vf_plan_endpoint(struct causewayd *d, const cJSON *params, struct endpoint *endpoint,
	const struct port **uplink, struct failure *failure);

// How the switch reaches it: a sub-port of the uplink with the tag that the VF has on the card, or
// its representor where the uplink is a PF in switchdev mode, which has 'offload' when the uplink
// has it.
int vf_plan_port(struct causewayd *d, struct endpoint *endpoint, const struct port *uplink,
	struct port *port, struct failure *failure);

#endif
