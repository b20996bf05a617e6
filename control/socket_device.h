/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTROL_SOCKET_DEVICE_H
#define CONTROL_SOCKET_DEVICE_H

// What ports of kind vhost-user and memif need on the node: the pod's folder, memif's listening
// socket (kept over restarts of the data plane, in the pod's namespace when it is abstract), or the
// namespace in which the data plane finds a pod's abstract socket. vhost-user sockets are the data
// plane's own.

#include "causewayd.h"

// Makes it and keeps the descriptors. endpoint: whose port it is, NULL for others; netns: of the
// pod, -1 for our own, stays the caller's. On an error nothing is left, and failure says why.
int socket_device_make(struct causewayd *d, const struct port *port,
	const struct endpoint *endpoint, int netns, struct failure *failure);

// Gets the descriptors again that nobody has any more. Returns 0, -ENODEV when the namespace is
// gone, or -errno.
int socket_device_reopen(
	struct causewayd *d, const struct port *port, const struct endpoint *endpoint);

// Whether the pod is gone, as far as can be told from here.
bool socket_device_is_gone(const struct port *port, const struct endpoint *endpoint);

// Closes what is kept and removes what was made. Returns 0 or -errno.
int socket_device_remove(
	struct causewayd *d, const struct port *port, const struct endpoint *endpoint);

#endif
