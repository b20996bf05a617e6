/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HOST_DEVLINK_H
#define HOST_DEVLINK_H

// devlink by generic netlink: the switch inside a card. In the calling thread's namespace.

#include <stdbool.h>

// Whether the embedded switch of a PCI device is in switchdev mode. Returns 0 or -errno:
// -EOPNOTSUPP: the kernel, the driver or the device has no devlink, or no such mode; -EPERM:
// CAP_NET_ADMIN is missing.
int devlink_is_switchdev(const char *address, bool *is_switchdev);

#endif
