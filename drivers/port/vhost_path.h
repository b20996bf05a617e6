/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DRIVERS_PORT_VHOST_PATH_H
#define DRIVERS_PORT_VHOST_PATH_H

// What a server may do to the path of its socket. Main thread.

#include <stddef.h>
#include <sys/types.h>

// Makes sure that a socket can be bound to path: a socket there that nobody listens on and that
// belongs to this process's user is removed, anything else is left alone. Returns 0, or -errno and
// a sentence: -EADDRINUSE somebody listens, -EEXIST something else is there, -EPERM another user's
// socket, else what the kernel says of binding there.
int vhost_path_prepare(const char *path, char *reason, size_t reason_len);

// Mode and group of a bound socket; group (gid_t)-1 stays. Returns 0, or -errno and a sentence.
int vhost_path_own(const char *path, mode_t mode, gid_t group, char *reason, size_t reason_len);

#endif
