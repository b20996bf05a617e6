/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTROL_DEVICE_H
#define CONTROL_DEVICE_H

// Kernel devices of ports that exist: their descriptors, their vanishing, their deletion. Making
// them is attach.h's and host_port.h's business.

#include "causewayd.h"

// The text that marks a device of ours (its alias).
void device_alias(char alias[256], const struct endpoint *endpoint);

// Keeps descriptors, which become ours; those kept before are closed.
void device_keep(struct causewayd *d, uint32_t port, const int *fds, unsigned int n);
// Closes what is kept. The device stays.
void device_forget(struct causewayd *d, uint32_t port);

// What the data plane must know to use the device's descriptors.
void device_set_arguments(struct port *port, int ifindex);

// Gets descriptors for a port that has none here: attaches to a tap again where its record says it
// is, makes new sockets for the veth kinds and for uplinks. Returns 0, -ENODEV when the device has
// vanished, or -errno, with a sentence in reason.
int device_reopen(struct causewayd *d, struct port *port, char *reason, size_t reason_len);

// Whether the device of a port has vanished, as far as can be told from here.
bool device_is_gone(struct causewayd *d, const struct port *port);

// Deletes the device, or gives that of an uplink back to the kernel, and closes what is kept.
// endpoint: whose port it is, NULL for others. A device or a namespace that has vanished is no
// error. Returns 0 or -errno.
int device_remove(struct causewayd *d, const struct port *port, const struct endpoint *endpoint);

#endif
