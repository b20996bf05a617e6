/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTROL_UPLINK_H
#define CONTROL_UPLINK_H

// Devices of the node that are uplinks (kinds af_packet and af_xdp): sockets for the data plane,
// the classifier that shares the device with the kernel, and the multicast groups of its vteps. The
// device itself is never ours: nothing of it is made, configured or deleted. Main thread.

#include "causewayd.h"

struct uplinks;

// Returns NULL: no memory.
struct uplinks *uplinks_create(struct causewayd *d);
void uplinks_free(struct uplinks *uplinks); // accepts NULL; what is attached stays

// Objects, their states or the node's devices and addresses have changed: rules and groups follow
// from the event loop, once for all that happens meanwhile, and uplinks whose device is back.
void uplinks_changed(struct uplinks *uplinks);

// Whether the port is such a device.
bool port_is_uplink_device(const struct port *port);

// Sets what was left out (MAC, MTU, queues) by the device. mtu_given: the port's is meant. Returns
// 0, or a negative number with failure.
int uplink_describe(
	struct causewayd *d, struct port *port, bool mtu_given, struct failure *failure);

// Attaches the classifier and keeps a socket for every queue. Returns 0, -ENODEV when there is no
// such device, -EBUSY when somebody else's XDP program is there, or -errno; nothing is left then.
int uplink_open(struct causewayd *d, struct port *port);
// The sentence for its error.
int uplink_failure(const struct port *port, int error, struct failure *failure);

// The same around sockets that the data plane has kept: those kept for the port now. Returns 0 or
// -errno.
int uplink_adopt(struct causewayd *d, struct port *port);

// The port is no more: gives the device back to the kernel. Returns 0 or -errno; no device is no
// error.
int uplink_remove(struct causewayd *d, const struct port *port);

#endif
