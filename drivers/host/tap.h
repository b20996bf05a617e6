/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HOST_TAP_H
#define HOST_TAP_H

// Tap devices: IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | IFF_MULTI_QUEUE, one descriptor a queue. A
// device appears in the namespace in which its first descriptor was opened, and every descriptor
// keeps that namespace alive. Devices for pods are therefore made in our own namespace and moved
// (link_move), so that a pod's namespace dies when its owner lets go of it.

#include <net/if.h>
#include <stdbool.h>

#define TAP_NODE "/dev/net/tun"

// Whether taps of our kind can be made here: 0, or -errno (-EOPNOTSUPP: the kernel lacks a
// feature).
int tap_usable(const char *node);

// Makes a device that vanishes with its last descriptor until tap_persist(). name may hold a %d. On
// success fds[] are n descriptors of the caller's and name is the device's. Returns 0 or -errno;
// -EBUSY: the name is taken.
int tap_create(const char *node, char name[IFNAMSIZ], unsigned int n, int *fds);

// Attaches n more queues to an existing persistent device of the calling thread's namespace.
// Returns 0 or -errno: -ENODEV no such device (and none was made), -EINVAL of another type, -EBUSY
// no queue left.
int tap_attach(const char *node, const char *name, unsigned int n, int *fds);

// Makes the device outlive its descriptors, or not. Returns 0 or -errno.
int tap_persist(int fd, bool persistent);

// The name that the device has now, wherever it is. Returns 0, or -ENODEV when the device is gone.
int tap_name(int fd, char name[IFNAMSIZ]);

// A new descriptor of the namespace where the device is now; -ENODEV when it is gone or going with
// its namespace, or -errno.
int tap_netns(int fd);

#endif
