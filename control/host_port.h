/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTROL_HOST_PORT_H
#define CONTROL_HOST_PORT_H

// The node's own end in a network: a tap in our own namespace that has the network's router
// addresses and a route for each of its subnets.

#include "causewayd.h"

// The text that marks the device (its alias).
void host_port_alias(char alias[256], const struct port *port);
// The name of the device for a network.
void host_port_ifname(
	const struct causewayd *d, const struct network *network, char name[IFNAMSIZ]);

// Opens the device again, or makes it and brings it up, with the port's MAC and the network's MTU,
// and keeps its descriptors. Returns 0, or a negative number with failure.
int host_port_open(struct causewayd *d, const struct port *port, struct failure *failure);
// Whether the device exists; it may be the data plane's that holds its queues.
bool host_port_exists(struct causewayd *d, const struct port *port);

// Brings addresses and routes of the device from what one network says to what the other says;
// NULL: nothing. The MTU follows. Returns 0, or a negative number with failure, and then nothing
// changed.
int host_port_address(struct causewayd *d, const struct port *port, const struct network *before,
	const struct network *after, struct failure *failure);

#endif
