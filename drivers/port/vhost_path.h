/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DRIVERS_PORT_VHOST_PATH_H
#define DRIVERS_PORT_VHOST_PATH_H

// What a server may do to the path of its socket. Main thread.

#include <stddef.h>

#include "vhost_arguments.h"

// Makes sure that a socket can be bound to path: a socket there that nobody listens on and that
// belongs to this process's user, or to the owner that it would get, is removed, anything else is
// left alone. Returns 0, or -errno and a sentence: -EADDRINUSE somebody listens, -EEXIST something
// else is there, -EPERM another user's socket, else what the kernel says of binding there.
int vhost_path_prepare(const struct vhost_arguments *arguments, char *reason, size_t reason_len);

// Owner, group and mode of a bound socket. Returns 0, or -errno and a sentence.
int vhost_path_own(const struct vhost_arguments *arguments, char *reason, size_t reason_len);

#endif
