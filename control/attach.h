/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTROL_ATTACH_H
#define CONTROL_ATTACH_H

// Makes the device of an endpoint: a kernel interface in the pod's namespace, with name, MAC, MTU,
// addresses and routes, up; or what a socket needs, see socket_device.h.

#include "causewayd.h"

// Which kind of port a kernel interface gets, and why (a sentence). wanted: forced, or 0.
uint8_t attach_choose(struct causewayd *d, uint8_t wanted, char *why, size_t why_len);

// Makes the device for a port of any kind that an endpoint may have and keeps its descriptors.
// Completes port (ifname, queues) and endpoint (host_ifname). netns stays the caller's. On an error
// nothing is left, and failure says which step failed; an interface of that name that somebody else
// made is not touched.
int attach(struct causewayd *d, struct port *port, struct endpoint *endpoint, int netns,
	struct failure *failure);

#endif
